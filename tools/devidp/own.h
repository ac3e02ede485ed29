/* own: what only devidp has, below /devidp/: keys on demand, tokens to order, faults, counters.
 *
 *   rotate?alg=RS256[&kid=KID]  a new key that signs from now on, under this kid → {"kid":…}
 *   disable?kid=KID             the key leaves the JWKS and signs no more
 *   client         {"id":ID, …} makes or changes a client, by the members of a realm file
 *   fault          {"certs":"500","token":"none"}: words of fault.c; beside them, for all named:
 *                  "times":N (then well again), "retry_after":SEC (429), "location":URL (redirect),
 *                  "delay_msec":N (slow)
 *   cache          {"endpoint":"certs","max_age":30,"etag":false}; max_age null: as Keycloak
 *   introspection  {"needs_audience":false}: as Keycloak before 26.6.2; "signed":"asked|always|
 *                  never" (RFC 9701); "tls_client_header":true: see proof.h
 *   issuer         {"url":NAME}: the issuer's name in document and tokens; "" is its own
 *   clock          {"ahead_sec":N}: the provider's clock, its Date header and its tokens
 *   mint           a token as the test wants it → {"access_token":…,"claims":…}
 *   revoke         {"token":…} or "jti", "sid", "sub": active no more → {"revoked":N}
 *   codes          (GET) device codes and pushes, oldest first → {"codes":[{"kind":"device" or
 *                  "push", "code", "client", "scope", "binding_message", "user", "state":"pending",
 *                  "allowed", "denied", "used" or "expired", "expires_in_msec", "interval_msec",
 *                  "polls", "too_soon", "shortest_poll_msec"}]}
 *   approve        {"code":CODE, "user":NAME} as if NAME had allowed it on the page; a push asks
 *                  one user and needs no name
 *   deny, expire   {"code":CODE}
 *   person         {"username":NAME, …} makes a user or changes members of a realm file's user
 *                  ("enabled":false; "attributes":{"uidNumber":"5000"} one by one; null takes one
 *                  away); "rename":NAME → {"id":…}, which stays the same
 *   person-delete  {"username":NAME}
 *   person-recreate  {"username":NAME}: deleted, and made anew as it was → {"id":…}, another one
 *   join, leave    {"username":NAME, "groups":[PATH, …]}; the groups must be there
 *   group          {"path":PATH, …} makes a group (and those above it) or changes members of a
 *                  realm file's group: "attributes", "realm_roles", "client_roles", each as a whole
 *   group-rename   {"path":PATH, "name":NAME}
 *   group-delete   {"path":PATH}: and those below it
 *   events         {"enabled":true}: admin events are kept from now on, for the Admin API
 *   profile        {"attributes":[NAME, …]}: the only ones that a write by the Admin API keeps, as
 *                  under a realm's user profile; null: any
 *   stats          (GET) requests by endpoint, 304s, introspection under way and at most, requests
 *                  to the Admin API in the busiest second
 *   reset-stats    all of them from zero
 *
 * mint takes {"client":ID, "user":NAME, "scope":…, "claims":{…}, "header":{…}, "alg":"ES256",
 * "kid":KID, "forged":true, "lightweight":true, "opaque":true, "raw":true}: without user the
 * client's service account; what is null in claims or header is left out ("typ":null too); "alg" or
 * "kid" signs with another key of the ring (also a disabled one), "forged" with one that nobody
 * published, under the same kid. "lightweight" shows little, and introspection the rest; "opaque"
 * is a random word that introspection knows. "raw" needs no client: the claims are those of the
 * order and no others, not even the mark of a development token.
 */
#pragma once

#include "idp.h"

void own_answer(Idp *idp, const Question *question, Answer *answer);

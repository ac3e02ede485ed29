/* own: what only devidp has, below /devidp/: keys on demand, tokens to order, faults, counters.
 *
 *   POST /devidp/rotate?alg=RS256     a new key that signs from now on → {"kid":…}
 *   POST /devidp/disable?kid=KID      the key leaves the JWKS and signs no more
 *   POST /devidp/fault                {"certs":"500","token":"none"}; words of fault.h
 *   POST /devidp/introspection        {"needs_audience":false}: as Keycloak before 26.6.2
 *   POST /devidp/mint                 a token as the test wants it → {"access_token":…,"claims":…}
 *   GET  /devidp/stats                requests by endpoint
 *
 * mint takes {"client":ID, "user":NAME, "scope":…, "claims":{…}, "header":{…}, "alg":"ES256",
 * "forged":true}: without user the client's service account; a claim of null is left out; "alg"
 * signs with another key of the ring, "forged" with one that nobody published, under the same kid.
 */
#pragma once

#include "idp.h"

void own_answer(Idp *idp, const Question *question, Answer *answer);

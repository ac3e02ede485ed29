/* access: claims in Keycloak's shape.
 *
 * The order of members, the audience as string or list, what a lightweight token leaves out: as
 * Keycloak 26.7 was seen to do it. Pure but for ids and the clock. */
#pragma once

#include "idp.h"

typedef struct Access {
        const Client *client;
        const Person *person;
        const char *scope; /* as granted: "openid orders:read profile email" */
        const char *sid;   /* NULL: no session (service accounts) */
        const char *grant; /* Keycloak's two letters in the jti: ro, cc, rt */
        gint64 now;
} Access;

/* access_scope: the scopes that a request for `wanted` (may be NULL) gets; NULL: one is not the
 * client's. */
char *access_scope(const Client *client, const char *wanted);
bool access_scope_has(const char *scope, const char *word);

json_t *access_claims(const Idp *idp, const Access *access); /* all of them */
json_t *access_lightweight(const Access *access,
                           const json_t *claims); /* what a lightweight token keeps */
json_t *access_id_claims(const Idp *idp, const Access *access, const char *access_token,
                         const char *digest);
json_t *access_refresh_claims(const Idp *idp, const Access *access, const json_t *claims);
/* access_profile: name, email, groups and attributes, as far as the scope shows them. */
void access_profile(const Access *access, json_t *claims);
/* access_token: signed and remembered; NULL: no key for the client's algorithm. *ret_claims is a
 * new reference. */
char *access_token(Idp *idp, const Access *access, json_t **ret_claims);

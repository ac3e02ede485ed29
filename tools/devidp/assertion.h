/* assertion: a client's own signed word that it is the client (RFC 7523 §3), and no second time.
 *
 * iss and sub are the client, aud is the issuer alone (Keycloak takes its endpoints too: what authd
 * sends must not depend on that), exp is near, jti is new. One thread. */
#pragma once

#include "realm.h"

#define ASSERTION_TYPE         "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define ASSERTION_LIFETIME_SEC 300    /* exp may be no further away */
#define ASSERTIONS_MAX         100000 /* jtis remembered; beyond them none is taken */

/* Assertions: the jtis that were used, until they expire. */
typedef struct Assertions Assertions;

Assertions *assertions_new(void);
void assertions_free(Assertions *assertions);
/* assertion_client_id: who is said to speak, unverified; NULL: it is no JWT of somebody. */
char *assertion_client_id(const char *assertion);
/* assertion_trouble: NULL: it holds, and is used up now; else why not. */
const char *assertion_trouble(Assertions *assertions, const Client *client, const char *assertion,
                              const char *issuer_url, gint64 now_sec);

/* issued: the access tokens that this process gave out, with all that could be said of each.
 *
 * Introspection and userinfo answer from here: a lightweight token's claims are not in the token,
 * and what was not issued here is not active. Bounded: the oldest are forgotten, and a restart
 * forgets all (Keycloak keeps sessions in its database). One thread. */
#pragma once

#include <glib.h>
#include <jansson.h>

#define ISSUED_MAX 200000

typedef struct Issued Issued;

Issued *issued_new(void);
void issued_free(Issued *issued);
/* issued_remember: takes claims. kid: of the key that signed, so that a disabled key ends it. */
void issued_remember(Issued *issued, const char *token, const char *kid, json_t *claims);
const json_t *issued_find(const Issued *issued, const char *token,
                          const char **ret_kid); /* NULL: unknown */

/* issued: the access tokens that this process gave out, with all that could be said of each.
 *
 * Introspection and userinfo answer from here: a lightweight token's claims are not in the token,
 * and what was not issued here is not active. Bounded: the oldest are forgotten, and a restart
 * forgets all (Keycloak keeps sessions in its database). One thread. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define ISSUED_MAX 200000

typedef struct Issued Issued;

Issued *issued_new(void);
void issued_free(Issued *issued);
/* issued_remember: takes claims. kid: of the key that signed, so that a disabled key ends it; NULL:
 * opaque, nobody signed. */
void issued_remember(Issued *issued, const char *token, const char *kid, json_t *claims);
const json_t *issued_find(const Issued *issued, const char *token,
                          const char **ret_kid); /* NULL: unknown */
/* issued_revoke: forgets every token whose claim has this value; returns how many. */
unsigned issued_revoke(Issued *issued, const char *claim, const char *value);
bool issued_revoke_token(Issued *issued, const char *token); /* false: unknown */

/* roles: which roles and which clients' roles the realm has: all that anybody was ever given, and
 * Keycloak's own. One thread. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct Roles {
        json_t *of_realm;   /* an object: name → true */
        json_t *of_clients; /* an object: client → such an object */
} Roles;

Roles *roles_new(const char *realm);
void roles_free(Roles *roles);
/* roles_note: a list of the realm's, an object of lists of clients' roles; each may be NULL. */
void roles_note(Roles *roles, const json_t *realm_roles, const json_t *client_roles);
bool roles_has(const Roles *roles, const char *client, const char *role); /* client NULL: realm */

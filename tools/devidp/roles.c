#include "roles.h"

static void note_client(Roles *roles, const char *client, const json_t *words)
{
        json_t *known = json_object_get(roles->of_clients, client);
        size_t index;
        json_t *word;

        if (!known) {
                known = json_object();
                json_object_set_new(roles->of_clients, client, known);
        }
        json_array_foreach ((json_t *) words, index, word)
                if (json_is_string(word))
                        json_object_set_new(known, json_string_value(word), json_true());
}

void roles_note(Roles *roles, const json_t *realm_roles, const json_t *client_roles)
{
        size_t index;
        json_t *word, *words;
        const char *client;

        json_array_foreach ((json_t *) realm_roles, index, word)
                if (json_is_string(word))
                        json_object_set_new(roles->of_realm, json_string_value(word), json_true());
        json_object_foreach ((json_t *) client_roles, client, words)
                note_client(roles, client, words);
}

Roles *roles_new(const char *realm)
{
        Roles *roles = g_new0(Roles, 1);
        json_t *of_realm =
            json_pack("[s, s, s+]", "offline_access", "uma_authorization", "default-roles-", realm);
        json_t *of_clients =
            json_pack("{s:[s,s,s], s:[s,s,s,s,s,s,s,s,s,s]}", "account", "manage-account",
                      "manage-account-links", "view-profile", "realm-management", "realm-admin",
                      "view-users", "manage-users", "query-users", "query-groups", "view-realm",
                      "view-clients", "query-clients", "view-events", "manage-events");

        roles->of_realm = json_object();
        roles->of_clients = json_object();
        roles_note(roles, of_realm, of_clients);
        json_decref(of_realm);
        json_decref(of_clients);
        return roles;
}

void roles_free(Roles *roles)
{
        if (!roles)
                return;
        json_decref(roles->of_realm);
        json_decref(roles->of_clients);
        g_free(roles);
}

bool roles_has(const Roles *roles, const char *client, const char *role)
{
        const json_t *known = client ? json_object_get(roles->of_clients, client) : roles->of_realm;

        return json_object_get(known, role) != NULL;
}

#include "realm.h"

#include "base/file.h"

#include <string.h>

#define ACCESS_LIFETIME_DEFAULT  300
#define REFRESH_LIFETIME_DEFAULT 1800

static void refuse(GError **error, const char *what, const char *why)
{
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: %s", what, why);
}

static void client_free(Client *client)
{
        if (client->service_account) {
                g_free((char *) client->service_account->username);
                g_free(client->service_account->id);
                g_free(client->service_account);
        }
        g_free(client);
}

static void person_free(Person *person)
{
        g_free(person->id);
        g_free(person);
}

/* A UUID that is the same at each start: what a person owns elsewhere stays theirs. */
static char *stable_id(const char *realm, const char *username)
{
        g_autofree char *seed = g_strdup_printf("devidp:%s:%s", realm, username);
        g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, seed, -1);
        return g_strdup_printf("%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17,
                               hex + 20);
}

static bool is_object_of_lists(const json_t *object)
{
        const char *name;
        json_t *list;

        if (!object)
                return true;
        if (!json_is_object(object))
                return false;
        json_object_foreach ((json_t *) object, name, list)
                if (!json_is_array(list))
                        return false;
        return true;
}

static bool is_list(const json_t *value)
{
        return !value || json_is_array(value);
}

static bool person_is_sane(const Person *person)
{
        return is_list(person->realm_roles) && is_list(person->groups) &&
               is_object_of_lists(person->client_roles) &&
               (!person->attributes || json_is_object(person->attributes));
}

static bool add_person(Realm *realm, json_t *json, GError **error)
{
        Person *person = g_new0(Person, 1);
        const char *id = NULL;
        json_error_t trouble;

        person->enabled = 1;
        int r = json_unpack_ex(
            json, &trouble, JSON_STRICT, "{s:s, s?s, s?s, s?s, s?s, s?s, s?b, s?o, s?o, s?o, s?o}",
            "username", &person->username, "id", &id, "password", &person->password, "email",
            &person->email, "first_name", &person->first_name, "last_name", &person->last_name,
            "enabled", &person->enabled, "realm_roles", &person->realm_roles, "client_roles",
            &person->client_roles, "groups", &person->groups, "attributes", &person->attributes);
        if (r != 0 || !person_is_sane(person)) {
                refuse(error, "a user",
                       r != 0 ? trouble.text : "roles, groups or attributes have the wrong type");
                g_free(person);
                return false;
        }
        person->id = id ? g_strdup(id) : stable_id(realm->name, person->username);
        if (realm_person(realm, person->username) || realm_person_by_id(realm, person->id)) {
                refuse(error, person->username, "a user's name or id is there twice");
                person_free(person);
                return false;
        }
        g_hash_table_insert(realm->people, (char *) person->username, person);
        g_hash_table_insert(realm->people_by_id, person->id, person);
        return true;
}

static bool add_service_account(Realm *realm, Client *client, json_t *json, GError **error)
{
        Person *person = g_new0(Person, 1);
        json_error_t trouble;

        client->service_account = person;
        person->username = g_strdup_printf("service-account-%s", client->id);
        person->id = stable_id(realm->name, person->username);
        person->enabled = person->service_account = 1;
        if (json_unpack_ex(json, &trouble, JSON_STRICT, "{s?o, s?o, s?o}", "realm_roles",
                           &person->realm_roles, "client_roles", &person->client_roles, "groups",
                           &person->groups) != 0) {
                refuse(error, person->username, trouble.text);
                return false;
        }
        if (!person_is_sane(person)) {
                refuse(error, person->username, "roles or groups have the wrong type");
                return false;
        }
        g_hash_table_insert(realm->people_by_id, person->id, person);
        return true;
}

static bool client_is_sane(const Client *client, int public, GError **error)
{
        if (!client->secret == !public) {
                refuse(error, client->id, "needs either \"secret\" or \"public\": true");
                return false;
        }
        if (!is_list(client->audience) || !is_list(client->default_scopes) ||
            !is_list(client->optional_scopes)) {
                refuse(error, client->id, "audience and scopes are lists");
                return false;
        }
        return true;
}

static bool add_client(Realm *realm, json_t *json, GError **error)
{
        Client *client = g_new0(Client, 1);
        json_t *service_account = NULL;
        json_error_t trouble;
        int public = 0;

        client->alg = realm->default_alg;
        client->full_scope = 1;
        client->access_lifetime = ACCESS_LIFETIME_DEFAULT;
        client->refresh_lifetime = REFRESH_LIFETIME_DEFAULT;
        if (json_unpack_ex(json, &trouble, JSON_STRICT,
                           "{s:s, s?s, s?b, s?s, s?o, s?o, s?o, s?o, s?b, s?b, s?b, s?i, s?i}",
                           "id", &client->id, "secret", &client->secret, "public", &public, "alg",
                           &client->alg, "audience", &client->audience, "default_scopes",
                           &client->default_scopes, "optional_scopes", &client->optional_scopes,
                           "service_account", &service_account, "lightweight", &client->lightweight,
                           "direct_grant", &client->direct_grant, "full_scope", &client->full_scope,
                           "access_lifetime", &client->access_lifetime, "refresh_lifetime",
                           &client->refresh_lifetime) != 0) {
                refuse(error, "a client", trouble.text);
                g_free(client);
                return false;
        }
        if (realm_client(realm, client->id)) {
                refuse(error, client->id, "a client's id is there twice");
                g_free(client);
                return false;
        }
        g_hash_table_insert(realm->clients, (char *) client->id, client);
        return client_is_sane(client, public, error) &&
               (!service_account || add_service_account(realm, client, service_account, error));
}

static bool add_all(Realm *realm, json_t *list, bool (*add)(Realm *, json_t *, GError **),
                    GError **error)
{
        size_t index;
        json_t *item;

        json_array_foreach (list, index, item)
                if (!add(realm, item, error))
                        return false;
        return true;
}

static bool realm_read(Realm *realm, GError **error)
{
        json_t *clients, *users;
        json_error_t trouble;

        realm->default_alg = "RS256";
        realm->introspection_needs_audience = 1;
        if (json_unpack_ex(realm->json, &trouble, JSON_STRICT, "{s:s, s:o, s?s, s?b, s:o, s:o}",
                           "realm", &realm->name, "keys", &realm->key_algs, "default_alg",
                           &realm->default_alg, "introspection_needs_audience",
                           &realm->introspection_needs_audience, "clients", &clients, "users",
                           &users) != 0) {
                refuse(error, "the realm", trouble.text);
                return false;
        }
        if (!json_is_array(realm->key_algs) || json_array_size(realm->key_algs) == 0) {
                refuse(error, "keys", "a list of algorithms is needed");
                return false;
        }
        return add_all(realm, clients, add_client, error) &&
               add_all(realm, users, add_person, error);
}

Realm *realm_load(const char *path, GError **error)
{
        g_autoptr(Realm) realm = g_new0(Realm, 1);
        g_autofree char *text = NULL;
        size_t len;
        json_error_t trouble;

        realm->clients =
            g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) client_free);
        realm->people =
            g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) person_free);
        realm->people_by_id = g_hash_table_new(g_str_hash, g_str_equal);
        if (!file_read(path, REALM_SIZE_MAX, &text, &len, error))
                return NULL;
        realm->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &trouble);
        if (!realm->json) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s:%d: %s", path,
                            trouble.line, trouble.text);
                return NULL;
        }
        if (!realm_read(realm, error)) {
                g_prefix_error(error, "%s: ", path);
                return NULL;
        }
        return g_steal_pointer(&realm);
}

void realm_free(Realm *realm)
{
        if (!realm)
                return;
        g_hash_table_destroy(realm->people_by_id);
        g_hash_table_destroy(realm->people);
        g_hash_table_destroy(realm->clients);
        json_decref(realm->json);
        g_free(realm);
}

const Client *realm_client(const Realm *realm, const char *id)
{
        return id ? g_hash_table_lookup(realm->clients, id) : NULL;
}

const Person *realm_person(const Realm *realm, const char *username)
{
        return username ? g_hash_table_lookup(realm->people, username) : NULL;
}

const Person *realm_person_by_id(const Realm *realm, const char *id)
{
        return id ? g_hash_table_lookup(realm->people_by_id, id) : NULL;
}

#include "realm.h"

#include "base/file.h"
#include "members.h"

#include <openssl/pem.h>
#include <string.h>

#define ACCESS_LIFETIME_DEFAULT  300
#define REFRESH_LIFETIME_DEFAULT 1800
#define WAIT_SEC_MAX             86400

static const Waits DEVICE_WAITS = { 600, 5 }; /* Keycloak's, unless the realm says otherwise */
static const Waits PUSH_WAITS = { 120, 5 };

static void refuse(GError **error, const char *what, const char *why)
{
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: %s", what, why);
}

static void client_free(Client *client)
{
        if (!client)
                return;
        EVP_PKEY_free(client->public_key);
        json_decref(client->json);
        person_unref(client->service_account);
        g_free(client);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

static bool is_list(const json_t *value)
{
        return !value || json_is_array(value);
}

/* Groups that only people name are there, too. */
static bool make_groups(Realm *realm, const Person *person, GError **error)
{
        size_t index;
        json_t *path;

        json_array_foreach (person->groups, index, path) {
                if (json_is_string(path) &&
                    groups_make(realm->groups, json_string_value(path), false))
                        continue;
                refuse(error, person->username, "a group is no path");
                return false;
        }
        return true;
}

static bool add_person(Realm *realm, json_t *json, GError **error)
{
        g_autoptr(Person) person = person_read(realm->name, json, error);

        if (!person || !make_groups(realm, person, error))
                return false;
        if (realm_person(realm, person->username) || realm_person_by_id(realm, person->id)) {
                refuse(error, person->username, "a user's name or id is there twice");
                return false;
        }
        census_put(realm->people, person);
        roles_note(realm->roles, person->realm_roles, person->client_roles);
        return true;
}

static bool add_group(Realm *realm, json_t *json, GError **error)
{
        const Group *group = groups_put(realm->groups, json, false, error);

        if (group)
                roles_note(realm->roles, group->realm_roles, group->client_roles);
        return group;
}

/* --- how a client proves itself --- */

typedef struct ProofRow {
        const char *word; /* "auth" of the file */
        bool secret, public_key, tls_subject;
} ProofRow;

static const ProofRow PROOFS[] = {
        [CLIENT_PROOF_SECRET] = { "client_secret", true, false, false },
        [CLIENT_PROOF_BASIC] = { "client_secret_basic", true, false, false },
        [CLIENT_PROOF_POST] = { "client_secret_post", true, false, false },
        [CLIENT_PROOF_JWT] = { "private_key_jwt", false, true, false },
        [CLIENT_PROOF_TLS] = { "tls_client_auth", false, false, true },
        [CLIENT_PROOF_NONE] = { "none", false, false, false },
};

static bool proof_from_word(const char *word, ClientProof *ret)
{
        for (size_t i = 0; i < G_N_ELEMENTS(PROOFS); i++) {
                if (strcmp(PROOFS[i].word, word) == 0) {
                        *ret = (ClientProof) i;
                        return true;
                }
        }
        return false;
}

static EVP_PKEY *public_key_from_pem(const char *pem)
{
        BIO *bio = BIO_new_mem_buf(pem, -1);
        EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

        BIO_free(bio);
        return pkey;
}

static bool read_proof(Client *client, const char *word, const char *pem, int public,
                       GError **error)
{
        client->proof = public ? CLIENT_PROOF_NONE : CLIENT_PROOF_SECRET;
        if (word && !proof_from_word(word, &client->proof)) {
                refuse(error, client->id, "\"auth\" is none that we know");
                return false;
        }
        const ProofRow *row = &PROOFS[client->proof];
        if (!client->secret == row->secret || public != (client->proof == CLIENT_PROOF_NONE)) {
                refuse(error, client->id,
                       "needs either \"secret\", or \"public\": true, or an \"auth\" without one");
                return false;
        }
        if (!pem == row->public_key || !client->tls_subject == row->tls_subject) {
                refuse(
                    error, client->id,
                    "\"public_key\" is for private_key_jwt, \"tls_subject\" for tls_client_auth");
                return false;
        }
        client->public_key = pem ? public_key_from_pem(pem) : NULL;
        if (pem && !client->public_key)
                refuse(error, client->id, "\"public_key\" is no public key in PEM");
        return !pem || client->public_key;
}

static bool lists_are_sane(const Client *client, GError **error)
{
        if (is_list(client->audience) && is_list(client->default_scopes) &&
            is_list(client->optional_scopes))
                return true;
        refuse(error, client->id, "audience and scopes are lists");
        return false;
}

/* "device" and "push": true, false, or {"expires_in":…, "interval":…}. */
static bool read_waits(const Client *client, const json_t *json, const Waits *usual, Waits *ret,
                       GError **error)
{
        Waits waits = *usual;

        if (!json || json_is_false(json))
                return true;
        if (!json_is_true(json) &&
            json_unpack_ex((json_t *) json, NULL, JSON_STRICT, "{s?i, s?i}", "expires_in",
                           &waits.expires_in, "interval", &waits.interval) != 0)
                waits.expires_in = 0;
        if (waits.expires_in < 1 || waits.expires_in > WAIT_SEC_MAX || waits.interval < 1 ||
            waits.interval > WAIT_SEC_MAX) {
                refuse(error, client->id,
                       "\"device\" and \"push\" are booleans, or expires_in and interval");
                return false;
        }
        *ret = waits;
        return true;
}

/* client_read: borrows from json, and keeps a reference to it. */
static Client *client_read(const Realm *realm, json_t *json, GError **error)
{
        g_autoptr(Client) client = g_new0(Client, 1);
        const char *word = NULL, *pem = NULL;
        json_t *service_account = NULL, *device = NULL, *push = NULL;
        json_error_t trouble;
        int public = 0;

        client->json = json_incref(json);
        client->alg = realm->default_alg;
        client->full_scope = 1;
        client->access_lifetime = ACCESS_LIFETIME_DEFAULT;
        client->refresh_lifetime = REFRESH_LIFETIME_DEFAULT;
        if (json_unpack_ex(
                json, &trouble, JSON_STRICT,
                "{s:s, s?s, s?s, s?s, s?s, s?s, s?b, s?s, s?o, s?o, s?o, s?o, s?b, s?b, s?b, "
                "s?i, s?i, s?o, s?o}",
                "id", &client->id, "secret", &client->secret, "auth", &word, "public_key", &pem,
                "key_id", &client->key_id, "tls_subject", &client->tls_subject, "public", &public,
                "alg", &client->alg, "audience", &client->audience, "default_scopes",
                &client->default_scopes, "optional_scopes", &client->optional_scopes,
                "service_account", &service_account, "lightweight", &client->lightweight,
                "direct_grant", &client->direct_grant, "full_scope", &client->full_scope,
                "access_lifetime", &client->access_lifetime, "refresh_lifetime",
                &client->refresh_lifetime, "device", &device, "push", &push) != 0) {
                refuse(error, "a client", trouble.text);
                return NULL;
        }
        if (!read_proof(client, word, pem, public, error) || !lists_are_sane(client, error) ||
            !read_waits(client, device, &DEVICE_WAITS, &client->device, error) ||
            !read_waits(client, push, &PUSH_WAITS, &client->push, error))
                return NULL;
        if (service_account) {
                client->service_account =
                    person_read_service_account(realm->name, client->id, service_account, error);
                if (!client->service_account)
                        return NULL;
        }
        return g_steal_pointer(&client);
}

static void remove_client(Realm *realm, const char *id)
{
        Client *client = g_hash_table_lookup(realm->clients, id);

        if (client && client->service_account)
                g_hash_table_remove(realm->service_accounts, client->service_account->id);
        g_hash_table_remove(realm->clients, id);
}

/* place_client: takes client. */
static void place_client(Realm *realm, Client *client)
{
        remove_client(realm, client->id);
        g_hash_table_insert(realm->clients, (char *) client->id, client);
        const Person *account = client->service_account;
        if (!account)
                return;
        g_hash_table_insert(realm->service_accounts, account->id, (Person *) account);
        roles_note(realm->roles, account->realm_roles, account->client_roles);
}

static bool add_client(Realm *realm, json_t *json, GError **error)
{
        g_autoptr(Client) client = client_read(realm, json, error);

        if (!client)
                return false;
        if (realm_client(realm, client->id)) {
                refuse(error, client->id, "a client's id is there twice");
                return false;
        }
        place_client(realm, g_steal_pointer(&client));
        return true;
}

bool realm_put_client(Realm *realm, const json_t *wanted, GError **error)
{
        const Client *former =
            realm_client(realm, json_string_value(json_object_get(wanted, "id")));
        json_t *json = members_merged(former ? former->json : NULL, wanted);
        Client *client = client_read(realm, json, error);

        json_decref(json);
        if (!client)
                return false;
        place_client(realm, client);
        return true;
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

static bool read_rule(json_t *json, CensusRule *ret, GError **error)
{
        int n_people = 0, n_groups = 0, groups_each = 0, uid_first = 0;
        json_error_t trouble;

        *ret = (CensusRule){ .prefix = "p" };
        if (!json)
                return true;
        if (json_unpack_ex(json, &trouble, JSON_STRICT, "{s:i, s?i, s?i, s?s, s?s, s?i}", "count",
                           &n_people, "groups", &n_groups, "groups_each", &groups_each, "prefix",
                           &ret->prefix, "password", &ret->password, "uid_first",
                           &uid_first) != 0) {
                refuse(error, "people", trouble.text);
                return false;
        }
        if (n_people < 0 || n_people > CENSUS_GENERATED_MAX || n_groups < 0 ||
            n_groups > GROUPS_MAX || groups_each < 0 || groups_each > CENSUS_EACH_MAX ||
            groups_each > n_groups || uid_first < 0) {
                refuse(error, "people", "too many, or more groups each than there are");
                return false;
        }
        ret->n_people = (unsigned) n_people;
        ret->n_groups = (unsigned) n_groups;
        ret->groups_each = (unsigned) groups_each;
        ret->uid_first = (unsigned) uid_first;
        return true;
}

/* RealmFile: the parts of a realm file that are read one after another. */
typedef struct RealmFile {
        json_t *clients, *users;
        json_t *groups, *people; /* NULL: none */
        int events;
} RealmFile;

static bool unpack_file(Realm *realm, RealmFile *ret, GError **error)
{
        json_error_t trouble;

        realm->default_alg = "RS256";
        realm->introspection_needs_audience = 1;
        if (json_unpack_ex(realm->json, &trouble, JSON_STRICT,
                           "{s:s, s:o, s?s, s?b, s:o, s:o, s?o, s?o, s?b, s?o}", "realm",
                           &realm->name, "keys", &realm->key_algs, "default_alg",
                           &realm->default_alg, "introspection_needs_audience",
                           &realm->introspection_needs_audience, "clients", &ret->clients, "users",
                           &ret->users, "groups", &ret->groups, "people", &ret->people, "events",
                           &ret->events, "user_attributes", &realm->user_attributes) != 0) {
                refuse(error, "the realm", trouble.text);
                return false;
        }
        if (!json_is_array(realm->key_algs) || json_array_size(realm->key_algs) == 0) {
                refuse(error, "keys", "a list of algorithms is needed");
                return false;
        }
        if (!is_list(realm->user_attributes) || !is_list(ret->groups)) {
                refuse(error, "the realm", "groups and user_attributes are lists");
                return false;
        }
        json_incref(realm->user_attributes);
        return true;
}

static bool realm_read(Realm *realm, GError **error)
{
        RealmFile file = { 0 };
        CensusRule rule;

        if (!unpack_file(realm, &file, error) || !read_rule(file.people, &rule, error))
                return false;
        realm->id = stable_id(realm->name, "realm");
        realm->groups = groups_new(realm->name);
        realm->people = census_new(realm->name, &rule, realm->groups);
        realm->roles = roles_new(realm->name);
        realm->events = events_new(file.events);
        return add_all(realm, file.groups, add_group, error) &&
               add_all(realm, file.clients, add_client, error) &&
               add_all(realm, file.users, add_person, error);
}

static Realm *realm_new(void)
{
        Realm *realm = g_new0(Realm, 1);

        realm->clients =
            g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) client_free);
        realm->service_accounts = g_hash_table_new(g_str_hash, g_str_equal);
        return realm;
}

Realm *realm_load(const char *path, GError **error)
{
        g_autoptr(Realm) realm = realm_new();
        g_autofree char *text = NULL;
        size_t len;
        json_error_t trouble;

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
        events_free(realm->events);
        roles_free(realm->roles);
        census_free(realm->people);
        groups_free(realm->groups);
        g_hash_table_destroy(realm->service_accounts);
        g_hash_table_destroy(realm->clients);
        json_decref(realm->user_attributes);
        json_decref(realm->json);
        g_free(realm->id);
        g_free(realm);
}

const Client *realm_client(const Realm *realm, const char *id)
{
        return id ? g_hash_table_lookup(realm->clients, id) : NULL;
}

const Person *realm_person(const Realm *realm, const char *username)
{
        return census_by_name(realm->people, username);
}

const Person *realm_person_by_id(const Realm *realm, const char *id)
{
        const Person *account = id ? g_hash_table_lookup(realm->service_accounts, id) : NULL;

        return account ? account : census_by_id(realm->people, id);
}

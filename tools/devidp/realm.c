#include "realm.h"

#include "base/file.h"
#include "otp.h"

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
        if (client->service_account) {
                g_free((char *) client->service_account->username);
                g_free(client->service_account->id);
                g_free(client->service_account);
        }
        g_free(client);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

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
               is_list(person->required_actions) && is_object_of_lists(person->client_roles) &&
               (!person->attributes || json_is_object(person->attributes));
}

static bool otp_secret_is_sane(const Person *person)
{
        g_autoptr(GBytes) secret = person->otp_secret ? otp_secret_read(person->otp_secret) : NULL;

        return !person->otp_secret || secret;
}

static bool add_person(Realm *realm, json_t *json, GError **error)
{
        Person *person = g_new0(Person, 1);
        const char *id = NULL;
        json_error_t trouble;

        person->enabled = 1;
        int r = json_unpack_ex(
            json, &trouble, JSON_STRICT,
            "{s:s, s?s, s?s, s?s, s?s, s?s, s?b, s?o, s?o, s?o, s?o, s?s, s?o}", "username",
            &person->username, "id", &id, "password", &person->password, "email", &person->email,
            "first_name", &person->first_name, "last_name", &person->last_name, "enabled",
            &person->enabled, "realm_roles", &person->realm_roles, "client_roles",
            &person->client_roles, "groups", &person->groups, "attributes", &person->attributes,
            "otp_secret", &person->otp_secret, "required_actions", &person->required_actions);
        if (r != 0 || !person_is_sane(person)) {
                refuse(error, "a user",
                       r != 0 ? trouble.text : "roles, groups or attributes have the wrong type");
                g_free(person);
                return false;
        }
        if (!otp_secret_is_sane(person)) {
                refuse(error, person->username, "\"otp_secret\" is no base32");
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

static bool read_service_account(const Realm *realm, Client *client, json_t *json, GError **error)
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
        return true;
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
            !read_waits(client, push, &PUSH_WAITS, &client->push, error) ||
            (service_account && !read_service_account(realm, client, service_account, error)))
                return NULL;
        return g_steal_pointer(&client);
}

static void remove_client(Realm *realm, const char *id)
{
        Client *client = g_hash_table_lookup(realm->clients, id);

        if (client && client->service_account)
                g_hash_table_remove(realm->people_by_id, client->service_account->id);
        g_hash_table_remove(realm->clients, id);
}

/* place_client: takes client. */
static void place_client(Realm *realm, Client *client)
{
        remove_client(realm, client->id);
        g_hash_table_insert(realm->clients, (char *) client->id, client);
        if (client->service_account)
                g_hash_table_insert(realm->people_by_id, client->service_account->id,
                                    client->service_account);
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

static json_t *merged(const json_t *former, const json_t *wanted)
{
        json_t *json = former ? json_deep_copy(former) : json_object();
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *) wanted, name, value) {
                if (json_is_null(value))
                        json_object_del(json, name);
                else
                        json_object_set_new(json, name, json_deep_copy(value));
        }
        return json;
}

bool realm_put_client(Realm *realm, const json_t *wanted, GError **error)
{
        const Client *former =
            realm_client(realm, json_string_value(json_object_get(wanted, "id")));
        json_t *json = merged(former ? former->json : NULL, wanted);
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

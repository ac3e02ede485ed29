#include "access.h"

#include "members.h"
#include "sign.h"

#include <string.h>

static const char *const ALWAYS_GRANTED[] = { "profile", "email", NULL };
static const char *const DEFAULT_REALM_ROLES[] = { "offline_access", "uma_authorization" };
static const char *const ACCOUNT_ROLES[] = { "manage-account", "manage-account-links",
                                             "view-profile" };

/* --- scopes --- */

bool access_scope_has(const char *scope, const char *word)
{
        g_auto(GStrv) words = g_strsplit(scope ? scope : "", " ", -1);

        return g_strv_contains((const char *const *) words, word);
}

static bool client_may(const Client *client, const char *word)
{
        return !*word || strcmp(word, "openid") == 0 || g_strv_contains(ALWAYS_GRANTED, word) ||
               list_has(client->default_scopes, word) || list_has(client->optional_scopes, word);
}

static void add_word(GString *scope, const char *word)
{
        if (*word && !access_scope_has(scope->str, word))
                g_string_append_printf(scope, "%s%s", scope->len ? " " : "", word);
}

static void add_words(GString *scope, const json_t *list)
{
        size_t index;
        json_t *item;

        json_array_foreach ((json_t *) list, index, item)
                add_word(scope, json_string_value(item) ? json_string_value(item) : "");
}

char *access_scope(const Client *client, const char *wanted)
{
        g_auto(GStrv) words = g_strsplit(wanted ? wanted : "", " ", -1);
        g_autoptr(GString) scope = g_string_new(NULL);

        for (char **word = words; *word; word++)
                if (!client_may(client, *word))
                        return NULL;
        if (g_strv_contains((const char *const *) words, "openid"))
                add_word(scope, "openid");
        add_words(scope, client->default_scopes);
        for (char **word = words; *word; word++)
                add_word(scope, *word);
        for (const char *const *word = ALWAYS_GRANTED; *word; word++)
                add_word(scope, *word);
        return g_strdup(scope->str);
}

/* --- claims --- */

static void put(json_t *claims, const char *name, const char *value)
{
        if (value)
                json_object_set_new(claims, name, json_string(value));
}

/* Keycloak's jti says where the token comes from: session, kind, grant ("onrtro:<uuid>"). */
static char *token_id(const Access *access)
{
        g_autofree char *uuid = g_uuid_string_random();

        return g_strdup_printf("%s%s%s:%s", access->sid ? "on" : "tr",
                               access->client->lightweight ? "lt" : "rt", access->grant, uuid);
}

static json_t *strings_of(const char *const *words, size_t n_words)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n_words; i++)
                json_array_append_new(list, json_string(words[i]));
        return list;
}

static void add_roles(const Idp *idp, const Access *access, json_t *claims)
{
        json_t *realm_roles = strings_of(DEFAULT_REALM_ROLES, G_N_ELEMENTS(DEFAULT_REALM_ROLES));
        const Person *person = access->person;
        json_t *given = groups_realm_roles(idp->realm->groups, person->realm_roles, person->groups);
        json_t *of_clients =
            groups_client_roles(idp->realm->groups, person->client_roles, person->groups);
        json_t *resources = json_object();
        const char *client_id;
        json_t *roles;

        json_array_append_new(realm_roles, json_sprintf("default-roles-%s", idp->realm->name));
        json_array_extend(realm_roles, given);
        json_object_foreach (of_clients, client_id, roles)
                json_object_set_new(resources, client_id, json_pack("{s:O}", "roles", roles));
        json_object_set_new(
            resources, "account",
            json_pack("{s:o}", "roles", strings_of(ACCOUNT_ROLES, G_N_ELEMENTS(ACCOUNT_ROLES))));
        json_object_set_new(claims, "realm_access", json_pack("{s:o}", "roles", realm_roles));
        json_object_set_new(claims, "resource_access", resources);
        json_decref(of_clients);
        json_decref(given);
}

/* The client's own audiences, and each other client whose roles the token shows. */
static json_t *audience(const Client *client, const json_t *claims)
{
        json_t *list = client->audience ? json_copy(client->audience) : json_array();
        const char *id;
        json_t *roles;

        json_object_foreach (json_object_get(claims, "resource_access"), id, roles)
                if (strcmp(id, client->id) != 0 && !list_has(list, id))
                        json_array_append_new(list, json_string(id));
        if (json_array_size(list) == 1) {
                json_t *only = json_incref(json_array_get(list, 0));
                json_decref(list);
                return only;
        }
        return list;
}

static void add_names(const Person *person, json_t *claims)
{
        if (person->first_name && person->last_name)
                json_object_set_new(claims, "name",
                                    json_sprintf("%s %s", person->first_name, person->last_name));
        if (json_array_size(person->groups) > 0)
                json_object_set(claims, "groups", person->groups);
        put(claims, "preferred_username", person->username);
        put(claims, "given_name", person->first_name);
        put(claims, "family_name", person->last_name);
}

void access_profile(const Access *access, json_t *claims)
{
        const Person *person = access->person;

        json_object_set_new(claims, "email_verified",
                            json_boolean(person->email && !person->service_account));
        add_names(person, claims);
        put(claims, "email", person->email);
        if (person->attributes)
                json_object_update_missing(claims, person->attributes);
}

static json_t *registered(const Idp *idp, const Access *access, const char *typ, int lifetime)
{
        json_t *claims = json_object();

        json_object_set_new(claims, "exp", json_integer(access->now + lifetime));
        json_object_set_new(claims, "iat", json_integer(access->now));
        put(claims, "iss", idp->issuer_url);
        put(claims, "sub", access->person->id);
        put(claims, "typ", typ);
        put(claims, "azp", access->client->id);
        put(claims, "sid", access->sid);
        return claims;
}

json_t *access_claims(const Idp *idp, const Access *access)
{
        json_t *claims = registered(idp, access, "Bearer", access->client->access_lifetime);
        g_autofree char *jti = token_id(access);

        put(claims, "jti", jti);
        put(claims, "acr", "1");
        if (access->client->full_scope)
                add_roles(idp, access, claims);
        json_t *aud = audience(access->client, claims);
        if (!json_is_array(aud) || json_array_size(aud) > 0)
                json_object_set(claims, "aud", aud);
        json_decref(aud);
        put(claims, "scope", access->scope);
        access_profile(access, claims);
        if (access->person->service_account) {
                put(claims, "clientHost", "127.0.0.1");
                put(claims, "clientAddress", "127.0.0.1");
                put(claims, "client_id", access->client->id);
        }
        json_object_set_new(claims, IDP_TOKEN_MARK, json_true());
        return claims;
}

json_t *access_lightweight(const Access *access, const json_t *claims)
{
        static const char *const KEPT[] = { "exp", "iat", "jti",   "iss",         "typ",
                                            "azp", "sid", "scope", IDP_TOKEN_MARK };
        json_t *kept = json_object();
        json_t *aud = access->client->audience;

        for (size_t i = 0; i < G_N_ELEMENTS(KEPT); i++)
                if (json_object_get(claims, KEPT[i]))
                        json_object_set(kept, KEPT[i], json_object_get(claims, KEPT[i]));
        if (json_array_size(aud) > 0)
                json_object_set(kept, "aud",
                                json_array_size(aud) == 1 ? json_array_get(aud, 0) : aud);
        if (!access->sid) /* Keycloak leaves sub out only where a session can give it back */
                put(kept, "sub", json_string_value(json_object_get(claims, "sub")));
        return kept;
}

json_t *access_id_claims(const Idp *idp, const Access *access, const char *token,
                         const char *digest)
{
        json_t *claims = registered(idp, access, "ID", access->client->access_lifetime);
        g_autofree char *at_hash = sign_half_hash(token, digest);
        g_autofree char *jti = g_uuid_string_random();

        put(claims, "jti", jti);
        put(claims, "aud", access->client->id);
        put(claims, "at_hash", at_hash);
        put(claims, "acr", "1");
        access_profile(access, claims);
        return claims;
}

json_t *access_refresh_claims(const Idp *idp, const Access *access, const json_t *claims)
{
        json_t *refresh = registered(idp, access, "Refresh", access->client->refresh_lifetime);
        g_autofree char *jti = g_uuid_string_random();

        put(refresh, "jti", jti);
        put(refresh, "aud", idp->issuer_url);
        put(refresh, "scope", access->scope);
        put(refresh, "prov", "default");
        if (json_object_get(claims, "aud"))
                json_object_set(refresh, "aud_x", json_object_get(claims, "aud"));
        return refresh;
}

char *access_token(Idp *idp, const Access *access, json_t **ret_claims)
{
        const SigningKey *key = keyring_signer_or_new(idp->keyring, access->client->alg);
        json_t *claims, *shown, *header;
        char *token;

        if (!key)
                return NULL;
        claims = access_claims(idp, access);
        shown =
            access->client->lightweight ? access_lightweight(access, claims) : json_incref(claims);
        header = json_pack("{s:s}", "kid", key->kid);
        token = sign_compact(key, header, shown);
        json_decref(header);
        json_decref(shown);
        if (!token) {
                json_decref(claims);
                return NULL;
        }
        issued_remember(idp->issued, token, key->kid, json_incref(claims));
        *ret_claims = claims;
        return token;
}

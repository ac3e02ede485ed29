#include "idp.h"

#include "grant.h"
#include "introspect.h"
#include "own.h"

#include <string.h>

#define OIDC "/protocol/openid-connect"

void answer_json(Answer *answer, unsigned status, json_t *json)
{
        char *text = json_dumps(json, JSON_COMPACT);

        answer->status = status;
        g_free(answer->body);
        answer->body = g_strdup(text);
        free(text);
        json_decref(json);
}

void answer_error(Answer *answer, unsigned status, const char *error, const char *description)
{
        json_t *json = json_pack("{s:s}", "error", error);

        if (description)
                json_object_set_new(json, "error_description", json_string(description));
        answer_json(answer, status, json);
}

void answer_clear(Answer *answer)
{
        g_free(answer->body);
        g_free(answer->authenticate);
        *answer = (Answer){ 0 };
}

const char *question_form(const Question *question, const char *name)
{
        const char *value = g_hash_table_lookup(question->form, name);

        return value && *value ? value : NULL;
}

/* --- who asks --- */

static char *basic_credentials(const char *authorization)
{
        gsize len;

        if (!authorization || g_ascii_strncasecmp(authorization, "Basic ", 6) != 0)
                return NULL;
        g_autofree unsigned char *bytes = g_base64_decode(authorization + 6, &len);
        return g_strndup((char *) bytes, len);
}

const Client *idp_client(const Idp *idp, const Question *question, bool *ret_known)
{
        g_autofree char *basic = basic_credentials(question->authorization);
        char *colon = basic ? strchr(basic, ':') : NULL;
        const char *id = question_form(question, "client_id");
        const char *secret = question_form(question, "client_secret");

        if (colon) {
                *colon = '\0';
                id = basic;
                secret = colon + 1;
        }
        const Client *client = realm_client(idp->realm, id);
        *ret_known = client != NULL;
        if (client && client->secret && g_strcmp0(client->secret, secret) != 0)
                return NULL;
        return client;
}

/* --- documents --- */

static json_t *strings(const char *const *words)
{
        json_t *list = json_array();

        for (; *words; words++)
                json_array_append_new(list, json_string(*words));
        return list;
}

static json_t *signing_algs(const Idp *idp)
{
        json_t *list = json_array();
        size_t index;
        json_t *name;

        json_array_foreach (idp->realm->key_algs, index, name) {
                const KeyKind *kind = key_kind_find(json_string_value(name));
                if (!kind->encryption)
                        json_array_append_new(list, json_string(kind->alg));
        }
        return list;
}

static void add_url(json_t *document, const char *member, const Idp *idp, const char *path)
{
        json_object_set_new(document, member, json_sprintf("%s" OIDC "%s", idp->issuer_url, path));
}

static void answer_discovery(Idp *idp, const Question *question, Answer *answer)
{
        static const char *const GRANTS[] = { "client_credentials", "password", "refresh_token",
                                              NULL };
        static const char *const METHODS[] = { "client_secret_basic", "client_secret_post", NULL };
        static const char *const SUBJECTS[] = { "public", NULL };
        static const char *const RESPONSES[] = { "code", NULL };
        json_t *document = json_pack("{s:s, s:b}", "issuer", idp->issuer_url, IDP_DOCUMENT_MARK, 1);

        add_url(document, "authorization_endpoint", idp, "/auth");
        add_url(document, "token_endpoint", idp, "/token");
        add_url(document, "introspection_endpoint", idp, "/token/introspect");
        add_url(document, "userinfo_endpoint", idp, "/userinfo");
        add_url(document, "jwks_uri", idp, "/certs");
        json_object_set_new(document, "grant_types_supported", strings(GRANTS));
        json_object_set_new(document, "response_types_supported", strings(RESPONSES));
        json_object_set_new(document, "subject_types_supported", strings(SUBJECTS));
        json_object_set_new(document, "token_endpoint_auth_methods_supported", strings(METHODS));
        json_object_set_new(document, "introspection_endpoint_auth_methods_supported",
                            strings(METHODS));
        json_object_set_new(document, "id_token_signing_alg_values_supported", signing_algs(idp));
        answer->cache_control = "no-cache, must-revalidate, no-transform, no-store";
        answer_json(answer, 200, document);
}

static void answer_certs(Idp *idp, const Question *question, Answer *answer)
{
        answer->cache_control = "no-cache";
        answer_json(answer, 200, keyring_jwks(idp->keyring));
}

static void answer_realm(Idp *idp, const Question *question, Answer *answer)
{
        answer_json(answer, 200,
                    json_pack("{s:s, s:o}", "realm", idp->realm->name, "token-service",
                              json_sprintf("%s" OIDC, idp->issuer_url)));
}

/* --- routes --- */

typedef struct Route {
        Endpoint endpoint;
        const char *name;
        const char *method;
        const char *path; /* below /realms/NAME */
        void (*answer)(Idp *idp, const Question *question, Answer *answer);
} Route;

static const Route ROUTES[] = {
        { ENDPOINT_DISCOVERY, "discovery", "GET", "/.well-known/openid-configuration",
          answer_discovery },
        { ENDPOINT_CERTS, "certs", "GET", OIDC "/certs", answer_certs },
        { ENDPOINT_TOKEN, "token", "POST", OIDC "/token", grant_answer },
        { ENDPOINT_INTROSPECT, "introspect", "POST", OIDC "/token/introspect", introspect_answer },
        { ENDPOINT_USERINFO, "userinfo", "GET", OIDC "/userinfo", userinfo_answer },
        { ENDPOINT_REALM, "realm", "GET", "", answer_realm },
};

const char *endpoint_name(Endpoint endpoint)
{
        for (size_t i = 0; i < G_N_ELEMENTS(ROUTES); i++)
                if (ROUTES[i].endpoint == endpoint)
                        return ROUTES[i].name;
        return "own";
}

static const char *below_realm(const Idp *idp, const char *path)
{
        g_autofree char *prefix = g_strdup_printf("/realms/%s", idp->realm->name);

        return g_str_has_prefix(path, prefix) ? path + strlen(prefix) : NULL;
}

static const Route *route_find(const char *path)
{
        for (size_t i = 0; path && i < G_N_ELEMENTS(ROUTES); i++)
                if (strcmp(ROUTES[i].path, path) == 0)
                        return &ROUTES[i];
        return NULL;
}

Endpoint idp_answer(Idp *idp, const Question *question, Answer *ret_answer)
{
        const char *path = below_realm(idp, question->path);
        const Route *route = route_find(path);

        *ret_answer = (Answer){ .status = 500 };
        if (g_str_has_prefix(question->path, "/devidp/")) {
                own_answer(idp, question, ret_answer);
                return ENDPOINT_OWN;
        }
        if (!route) {
                answer_error(ret_answer, 404, path ? "HTTP 404 Not Found" : "Realm does not exist",
                             NULL);
                return ENDPOINT_OWN;
        }
        idp->counts[route->endpoint]++;
        if (strcmp(route->method, question->method) != 0)
                answer_error(ret_answer, 405, "HTTP 405 Method Not Allowed", NULL);
        else
                route->answer(idp, question, ret_answer);
        return route->endpoint;
}

void idp_clear(Idp *idp)
{
        g_clear_pointer(&idp->issued, issued_free);
        g_clear_pointer(&idp->keyring, keyring_free);
        g_clear_pointer(&idp->realm, realm_free);
        g_clear_pointer(&idp->issuer_url, g_free);
        g_clear_pointer(&idp->base_url, g_free);
}

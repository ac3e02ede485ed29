#include "idp.h"

#include "admin.h"
#include "approve.h"
#include "base/clock.h"
#include "device.h"
#include "grant.h"
#include "introspect.h"
#include "own.h"
#include "push.h"
#include "spoil.h"

#include <string.h>

#define OIDC         "/protocol/openid-connect"
#define WRONG_ISSUER "https://elsewhere.example/realms/other"
#define DEVICE_PATH  "/auth/device"
#define PUSH_PATH    "/ext/ciba/auth"

void answer_json(Answer *answer, unsigned status, json_t *json)
{
        char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

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
        g_free(answer->max_age);
        g_free(answer->etag);
        g_free(answer->authenticate);
        g_free(answer->location);
        *answer = (Answer){ 0 };
}

const char *question_form(const Question *question, const char *name)
{
        const char *value = g_hash_table_lookup(question->form, name);

        return value && *value ? value : NULL;
}

const char *question_header(const Question *question, const char *name)
{
        return g_hash_table_lookup(question->headers, name);
}

gint64 idp_now_sec(const Idp *idp)
{
        return clock_wall_sec() + idp->clock_ahead_sec;
}

gint64 idp_ticks_usec(const Idp *idp)
{
        return clock_monotonic_usec() + idp->clock_ahead_sec * CLOCK_USEC_PER_SEC;
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
        json_object_set_new(document, member, json_sprintf("%s" OIDC "%s", idp->place_url, path));
}

static void answer_discovery(Idp *idp, const Question *question, Answer *answer)
{
        static const char *const GRANTS[] = { "client_credentials", "password", "refresh_token",
                                              DEVICE_GRANT,         PUSH_GRANT, NULL };
        static const char *const DELIVERIES[] = { "poll", NULL };
        static const char *const METHODS[] = { "private_key_jwt", "client_secret_basic",
                                               "client_secret_post", "tls_client_auth", NULL };
        static const char *const SUBJECTS[] = { "public", NULL };
        static const char *const RESPONSES[] = { "code", NULL };
        json_t *document =
            json_pack("{s:s, s:b}", "issuer",
                      answer->fault == FAULT_WRONG_ISSUER ? WRONG_ISSUER : idp->issuer_url,
                      IDP_DOCUMENT_MARK, 1);

        add_url(document, "authorization_endpoint", idp, "/auth");
        add_url(document, "token_endpoint", idp, "/token");
        add_url(document, "introspection_endpoint", idp, "/token/introspect");
        add_url(document, "userinfo_endpoint", idp, "/userinfo");
        add_url(document, "jwks_uri", idp, "/certs");
        add_url(document, "device_authorization_endpoint", idp, DEVICE_PATH);
        add_url(document, "backchannel_authentication_endpoint", idp, PUSH_PATH);
        json_object_set_new(document, "backchannel_token_delivery_modes_supported",
                            strings(DELIVERIES));
        json_object_set_new(document, "grant_types_supported", strings(GRANTS));
        json_object_set_new(document, "response_types_supported", strings(RESPONSES));
        json_object_set_new(document, "subject_types_supported", strings(SUBJECTS));
        json_object_set_new(document, "token_endpoint_auth_methods_supported", strings(METHODS));
        json_object_set_new(document, "introspection_endpoint_auth_methods_supported",
                            strings(METHODS));
        json_object_set_new(document, "token_endpoint_auth_signing_alg_values_supported",
                            signing_algs(idp));
        json_object_set_new(document, "introspection_endpoint_auth_signing_alg_values_supported",
                            signing_algs(idp));
        json_object_set_new(document, "introspection_signing_alg_values_supported",
                            signing_algs(idp));
        json_object_set_new(document, "id_token_signing_alg_values_supported", signing_algs(idp));
        answer->cache_control = "no-cache, must-revalidate, no-transform, no-store";
        answer_json(answer, 200, document);
}

static void answer_certs(Idp *idp, const Question *question, Answer *answer)
{
        answer->cache_control = "no-cache";
        answer->status = 200;
        answer->body = keyset_text(idp->keyset, idp->keyring, answer->fault);
}

static void answer_realm(Idp *idp, const Question *question, Answer *answer)
{
        answer_json(answer, 200,
                    json_pack("{s:s, s:o}", "realm", idp->realm->name, "token-service",
                              json_sprintf("%s" OIDC, idp->place_url)));
}

/* --- routes --- */

typedef struct Route {
        Endpoint endpoint;
        const char *name;
        const char *method; /* NULL: the answer sees to it */
        const char *path;   /* below /realms/NAME */
        void (*answer)(Idp *idp, const Question *question, Answer *answer);
} Route;

static const Route ROUTES[] = {
        { ENDPOINT_DISCOVERY, "discovery", "GET", "/.well-known/openid-configuration",
          answer_discovery },
        { ENDPOINT_CERTS, "certs", "GET", OIDC "/certs", answer_certs },
        { ENDPOINT_TOKEN, "token", "POST", OIDC "/token", grant_answer },
        { ENDPOINT_INTROSPECTION, "introspection", "POST", OIDC "/token/introspect",
          introspect_answer },
        { ENDPOINT_USERINFO, "userinfo", "GET", OIDC "/userinfo", userinfo_answer },
        { ENDPOINT_REALM, "realm", "GET", "", answer_realm },
        { ENDPOINT_DEVICE, "device", "POST", OIDC DEVICE_PATH, device_answer },
        { ENDPOINT_PUSH, "push", "POST", OIDC PUSH_PATH, push_answer },
        { ENDPOINT_APPROVE, "approve", "GET", "/device", approve_device },
        { ENDPOINT_APPROVE, "approve", "POST", "/device", approve_device },
        { ENDPOINT_APPROVE, "approve", "GET", "/push", approve_pushes },
        { ENDPOINT_APPROVE, "approve", "POST", "/login-actions/authenticate", approve_login },
        { ENDPOINT_APPROVE, "approve", "POST", "/login-actions/consent", approve_consent },
};

static const Route ADMIN = { ENDPOINT_ADMIN, "admin", NULL, NULL, admin_answer };

const char *endpoint_name(Endpoint endpoint)
{
        if (endpoint == ENDPOINT_ADMIN)
                return ADMIN.name;
        for (size_t i = 0; i < G_N_ELEMENTS(ROUTES); i++)
                if (ROUTES[i].endpoint == endpoint)
                        return ROUTES[i].name;
        return "own";
}

bool endpoint_from_name(const char *name, Endpoint *ret)
{
        for (int i = 0; i < ENDPOINT_OWN; i++) {
                if (strcmp(endpoint_name((Endpoint) i), name) == 0) {
                        *ret = (Endpoint) i;
                        return true;
                }
        }
        return false;
}

static const char *below_realm(const Idp *idp, const char *path)
{
        g_autofree char *prefix = g_strdup_printf("/realms/%s", idp->realm->name);

        return g_str_has_prefix(path, prefix) ? path + strlen(prefix) : NULL;
}

/* Of a path with other methods any route, which refuses. */
static const Route *route_find(const Idp *idp, const Question *question)
{
        const char *path = below_realm(idp, question->path);
        const Route *other = NULL;

        if (g_str_has_prefix(question->path, "/admin/realms/"))
                return &ADMIN;
        for (size_t i = 0; path && i < G_N_ELEMENTS(ROUTES); i++) {
                if (strcmp(ROUTES[i].path, path) != 0)
                        continue;
                if (strcmp(ROUTES[i].method, question->method) == 0)
                        return &ROUTES[i];
                other = &ROUTES[i];
        }
        return other;
}

/* --- what stands around an answer --- */

static void take_fault(Idp *idp, Endpoint endpoint, Answer *answer)
{
        FaultOrder *order = &idp->faults[endpoint];

        answer->delay_msec = order->delay_msec;
        answer->retry_after_sec = order->retry_after_sec;
        answer->location = g_strdup(order->location);
        answer->fault_changes = idp->fault_changes[endpoint];
        answer->fault = fault_order_take(order);
}

static char *etag_of(const char *body)
{
        g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, body, -1);

        return g_strdup_printf("\"%.32s\"", digest);
}

static void apply_cache_rule(Idp *idp, Endpoint endpoint, const Question *question, Answer *answer)
{
        const CacheRule *rule = &idp->cache_rules[endpoint];

        if (answer->status != 200 || fault_replaces(answer->fault))
                return;
        if (rule->sets_max_age) {
                answer->max_age = g_strdup_printf("max-age=%u", rule->max_age_sec);
                answer->cache_control = answer->max_age;
        }
        if (rule->etag)
                answer->etag = etag_of(answer->body);
        if (rule->etag &&
            g_strcmp0(question_header(question, "if-none-match"), answer->etag) == 0) {
                answer->status = 304;
                g_clear_pointer(&answer->body, g_free);
                idp->not_modified[endpoint]++;
        }
}

static Endpoint answer_route(Idp *idp, const Route *route, const Question *question, Answer *answer)
{
        idp->counts[route->endpoint]++;
        take_fault(idp, route->endpoint, answer);
        if (route->endpoint == ENDPOINT_ADMIN)
                rate_note(&idp->admin_rate, clock_monotonic_usec());
        if (route->method && strcmp(route->method, question->method) != 0)
                answer_error(answer, 405, "HTTP 405 Method Not Allowed", NULL);
        else
                route->answer(idp, question, answer);
        apply_cache_rule(idp, route->endpoint, question, answer);
        spoil(answer);
        return route->endpoint;
}

Endpoint idp_answer(Idp *idp, const Question *question, Answer *ret_answer)
{
        const Route *route = route_find(idp, question);

        *ret_answer = (Answer){ .status = 500, .date_sec = idp_now_sec(idp) };
        if (route)
                return answer_route(idp, route, question, ret_answer);
        if (g_str_has_prefix(question->path, "/devidp/"))
                own_answer(idp, question, ret_answer);
        else
                answer_error(ret_answer, 404,
                             below_realm(idp, question->path) ? "HTTP 404 Not Found"
                                                              : "Realm does not exist",
                             NULL);
        return ENDPOINT_OWN;
}

/* --- life --- */

bool idp_open(Idp *ret, const char *realm_path, const char *state_dir, GError **error)
{
        ret->realm = realm_load(realm_path, error);
        if (!ret->realm)
                return false;
        if (state_dir && g_mkdir_with_parents(state_dir, 0700) != 0) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: cannot be made",
                            state_dir);
                return false;
        }
        ret->keyring = keyring_open(state_dir, ret->realm->key_algs, error);
        ret->keyset = keyset_new();
        ret->issued = issued_new();
        ret->assertions = assertions_new();
        ret->flights = flights_new();
        ret->tickets = tickets_new();
        ret->otp_uses = otp_uses_new();
        ret->visits = visits_new();
        ret->cache_rules[ENDPOINT_CERTS].etag = true;
        return ret->keyring != NULL;
}

void idp_name(Idp *idp, const char *base_url)
{
        idp->base_url = g_strdup(base_url);
        idp->place_url = g_strdup_printf("%s/realms/%s", base_url, idp->realm->name);
        idp->issuer_url = g_strdup(idp->place_url);
}

void idp_clear(Idp *idp)
{
        for (int i = 0; i < _ENDPOINT_MAX; i++)
                fault_order_clear(&idp->faults[i]);
        g_clear_pointer(&idp->visits, visits_free);
        g_clear_pointer(&idp->otp_uses, otp_uses_free);
        g_clear_pointer(&idp->tickets, tickets_free);
        g_clear_pointer(&idp->flights, flights_free);
        g_clear_pointer(&idp->assertions, assertions_free);
        g_clear_pointer(&idp->issued, issued_free);
        g_clear_pointer(&idp->keyset, keyset_free);
        g_clear_pointer(&idp->keyring, keyring_free);
        g_clear_pointer(&idp->realm, realm_free);
        g_clear_pointer(&idp->issuer_url, g_free);
        g_clear_pointer(&idp->place_url, g_free);
        g_clear_pointer(&idp->base_url, g_free);
}

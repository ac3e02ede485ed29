#include "own.h"

#include "access.h"
#include "base/clock.h"
#include "sign.h"

#include <string.h>

/* --- mint --- */

typedef struct Order {
        const char *client;
        const char *user;
        const char *scope;
        const char *alg;
        json_t *claims;
        json_t *header;
        int forged;
} Order;

static bool order_read(json_t *json, Order *ret)
{
        Order order = { 0 };

        if (json_unpack_ex(json, NULL, JSON_STRICT, "{s:s, s?s, s?s, s?s, s?o, s?o, s?b}", "client",
                           &order.client, "user", &order.user, "scope", &order.scope, "alg",
                           &order.alg, "claims", &order.claims, "header", &order.header, "forged",
                           &order.forged) != 0)
                return false;
        if ((order.claims && !json_is_object(order.claims)) ||
            (order.header && !json_is_object(order.header)))
                return false;
        *ret = order;
        return true;
}

/* override: members of null go away, the others replace. */
static void override(json_t *target, const json_t *wanted)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *) wanted, name, value) {
                if (json_is_null(value))
                        json_object_del(target, name);
                else
                        json_object_set(target, name, value);
        }
}

static char *mint_sign(const SigningKey *key, const Order *order, const json_t *claims)
{
        g_autoptr(SigningKey) stranger = order->forged ? signing_key_new(key->kind) : NULL;
        json_t *header = json_pack("{s:s}", "kid", key->kid);

        override(header, order->header);
        char *token = sign_compact(stranger ? stranger : key, header, claims);
        json_decref(header);
        return token;
}

static void mint_for(Idp *idp, const Order *order, const Access *access, Answer *answer)
{
        const SigningKey *key =
            keyring_signer(idp->keyring, order->alg ? order->alg : access->client->alg);

        if (!key) {
                answer_error(answer, 400, "invalid_request", "no key for that algorithm");
                return;
        }
        json_t *claims = access_claims(idp, access);
        if (access->client->lightweight) {
                json_t *all = claims;
                claims = access_lightweight(access, all);
                json_decref(all);
        }
        override(claims, order->claims);
        g_autofree char *token = mint_sign(key, order, claims);
        if (!token) {
                json_decref(claims);
                answer_error(answer, 400, "invalid_request", "such a token cannot be signed");
                return;
        }
        if (!order->forged)
                issued_remember(idp->issued, token, key->kid, json_incref(claims));
        answer_json(answer, 200, json_pack("{s:s, s:o}", "access_token", token, "claims", claims));
}

static void own_mint(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        Order order;

        if (!json || !order_read(json, &order)) {
                answer_error(answer, 400, "invalid_request", "see own.h for what mint takes");
                return;
        }
        const Client *client = realm_client(idp->realm, order.client);
        const Person *person = order.user ? realm_person(idp->realm, order.user)
                                          : (client ? client->service_account : NULL);
        g_autofree char *scope = client ? access_scope(client, order.scope) : NULL;
        if (!client || !person || !scope) {
                answer_error(answer, 400, "invalid_request", "no such client, user or scope");
                return;
        }
        g_autofree char *sid = order.user ? g_uuid_string_random() : NULL;
        mint_for(
            idp, &order,
            &(Access){ client, person, scope, sid, order.user ? "ro" : "cc", clock_wall_sec() },
            answer);
}

/* --- keys, faults, counters --- */

static void own_rotate(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        const SigningKey *key =
            keyring_rotate(idp->keyring, g_hash_table_lookup(question->query, "alg"));

        if (key)
                answer_json(answer, 200, json_pack("{s:s}", "kid", key->kid));
        else
                answer_error(answer, 400, "invalid_request", "no such algorithm, or too many keys");
}

static void own_disable(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        if (keyring_disable(idp->keyring, g_hash_table_lookup(question->query, "kid")))
                answer_json(answer, 200, json_object());
        else
                answer_error(answer, 404, "invalid_request", "no such kid");
}

static bool endpoint_from_name(const char *name, Endpoint *ret)
{
        for (int i = 0; i < ENDPOINT_OWN; i++) {
                if (strcmp(endpoint_name((Endpoint) i), name) == 0) {
                        *ret = (Endpoint) i;
                        return true;
                }
        }
        return false;
}

static void own_fault(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        Fault faults[_ENDPOINT_MAX];
        Endpoint endpoint;
        const char *name;
        json_t *word;

        for (int i = 0; i < _ENDPOINT_MAX; i++)
                faults[i] = idp->faults[i];
        json_object_foreach (json, name, word) {
                if (!endpoint_from_name(name, &endpoint) ||
                    !fault_from_word(json_string_value(word), &faults[endpoint])) {
                        answer_error(answer, 400, "invalid_request", "no such endpoint or fault");
                        return;
                }
        }
        for (int i = 0; i < _ENDPOINT_MAX; i++)
                idp->faults[i] = faults[i];
        answer_json(answer, 200, json_object());
}

static void own_introspection(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        const json_t *wanted = json_object_get(json, "needs_audience");

        if (!json_is_boolean(wanted)) {
                answer_error(answer, 400, "invalid_request", "needs_audience is true or false");
                return;
        }
        idp->realm->introspection_needs_audience = json_is_true(wanted);
        answer_json(answer, 200, json_object());
}

static void own_stats(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        json_t *body = json_object();

        for (int i = 0; i < ENDPOINT_OWN; i++)
                json_object_set_new(body, endpoint_name((Endpoint) i),
                                    json_integer(idp->counts[i]));
        answer_json(answer, 200, body);
}

typedef struct OwnRoute {
        const char *method;
        const char *path;
        void (*answer)(Idp *idp, const Question *question, json_t *json, Answer *answer);
} OwnRoute;

static const OwnRoute ROUTES[] = {
        { "POST", "/devidp/rotate", own_rotate },
        { "POST", "/devidp/disable", own_disable },
        { "POST", "/devidp/fault", own_fault },
        { "POST", "/devidp/introspection", own_introspection },
        { "POST", "/devidp/mint", own_mint },
        { "GET", "/devidp/stats", own_stats },
};

void own_answer(Idp *idp, const Question *question, Answer *answer)
{
        json_t *json = json_loads(question->body, JSON_REJECT_DUPLICATES, NULL);

        answer_error(answer, 404, "not_found", "devidp has no such path or method");
        for (size_t i = 0; i < G_N_ELEMENTS(ROUTES); i++)
                if (strcmp(ROUTES[i].path, question->path) == 0 &&
                    strcmp(ROUTES[i].method, question->method) == 0)
                        ROUTES[i].answer(idp, question, json, answer);
        json_decref(json);
}

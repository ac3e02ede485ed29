#include "own.h"

#include "codes.h"
#include "mint.h"
#include "orders.h"

#include <string.h>

#define SKEW_SEC_MAX (366 * 24 * 3600)

static void refuse(Answer *answer, const char *why)
{
        answer_error(answer, 400, "invalid_request", why);
}

/* --- keys and clients --- */

static void own_rotate(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        const SigningKey *key =
            keyring_rotate(idp->keyring, g_hash_table_lookup(question->query, "alg"),
                           g_hash_table_lookup(question->query, "kid"));

        if (key)
                answer_json(answer, 200, json_pack("{s:s}", "kid", key->kid));
        else
                refuse(answer, "no such algorithm, a kid that is in use, or too many keys");
}

static void own_disable(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        if (keyring_disable(idp->keyring, g_hash_table_lookup(question->query, "kid")))
                answer_json(answer, 200, json_object());
        else
                answer_error(answer, 404, "invalid_request", "no such kid");
}

static void own_client(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        g_autoptr(GError) error = NULL;

        if (realm_put_client(idp->realm, json, &error))
                answer_json(answer, 200, json_object());
        else
                refuse(answer, error->message);
}

/* --- faults --- */

/* The members of a fault order that are not endpoints; they hold for all that are. */
static bool read_shared(const json_t *json, FaultOrder *ret)
{
        int times = 0, delay_msec = FAULT_DELAY_MSEC, retry_after_sec = FAULT_RETRY_AFTER_SEC;
        const char *location = NULL;

        if (json_unpack((json_t *) json, "{s?i, s?i, s?i, s?s}", "times", &times, "delay_msec",
                        &delay_msec, "retry_after", &retry_after_sec, "location", &location) != 0 ||
            times < 0 || delay_msec < 0 || delay_msec > FAULT_DELAY_MSEC_MAX || retry_after_sec < 0)
                return false;
        *ret = (FaultOrder){ FAULT_NONE, (unsigned) times, (unsigned) delay_msec,
                             (unsigned) retry_after_sec, (char *) location };
        return true;
}

static bool is_shared(const char *name)
{
        static const char *const SHARED[] = { "times", "delay_msec", "retry_after", "location",
                                              NULL };

        return g_strv_contains(SHARED, name);
}

typedef struct NewFaults {
        bool set[_ENDPOINT_MAX];
        Fault faults[_ENDPOINT_MAX];
} NewFaults;

static const char *read_faults(const json_t *json, const FaultOrder *shared, NewFaults *ret)
{
        const char *name;
        json_t *word;

        json_object_foreach ((json_t *) json, name, word) {
                Endpoint endpoint;
                Fault fault;
                if (is_shared(name))
                        continue;
                if (!endpoint_from_name(name, &endpoint) ||
                    !fault_from_word(json_string_value(word), &fault))
                        return "no such endpoint or fault";
                if (!fault_suits(fault, endpoint))
                        return "that endpoint cannot fail so";
                if (fault == FAULT_REDIRECT && !shared->location)
                        return "a redirect needs a \"location\"";
                ret->set[endpoint] = true;
                ret->faults[endpoint] = fault;
        }
        return NULL;
}

static void set_fault(Idp *idp, Endpoint endpoint, Fault fault, const FaultOrder *shared)
{
        fault_order_clear(&idp->faults[endpoint]);
        idp->faults[endpoint] = *shared;
        idp->faults[endpoint].fault = fault;
        idp->faults[endpoint].location = g_strdup(shared->location);
        idp->fault_changes[endpoint]++;
}

static void own_fault(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        FaultOrder shared;
        NewFaults wanted = { 0 };

        if (!read_shared(json, &shared)) {
                refuse(answer, "times, delay_msec and retry_after are numbers, location is a URL");
                return;
        }
        const char *trouble = read_faults(json, &shared, &wanted);
        if (trouble) {
                refuse(answer, trouble);
                return;
        }
        for (int i = 0; i < _ENDPOINT_MAX; i++)
                if (wanted.set[i])
                        set_fault(idp, (Endpoint) i, wanted.faults[i], &shared);
        answer_json(answer, 200, json_object());
}

/* --- switches --- */

static bool read_cache_rule(const json_t *json, CacheRule *rule)
{
        const json_t *max_age = json_object_get(json, "max_age");
        const json_t *etag = json_object_get(json, "etag");

        if (etag && !json_is_boolean(etag))
                return false;
        if (etag)
                rule->etag = json_is_true(etag);
        if (json_is_integer(max_age) && json_integer_value(max_age) >= 0) {
                rule->sets_max_age = true;
                rule->max_age_sec = (unsigned) json_integer_value(max_age);
        } else if (json_is_null(max_age)) {
                rule->sets_max_age = false;
        }
        return !max_age || json_is_null(max_age) || json_is_integer(max_age);
}

static void own_cache(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        const char *name = "certs";
        Endpoint endpoint;
        json_t *max_age, *etag;

        if (json_unpack_ex(json, NULL, JSON_STRICT, "{s?s, s?o, s?o}", "endpoint", &name, "max_age",
                           &max_age, "etag", &etag) != 0 ||
            !endpoint_from_name(name, &endpoint) ||
            !read_cache_rule(json, &idp->cache_rules[endpoint]))
                refuse(answer, "endpoint is one of ours, max_age seconds or null, etag a boolean");
        else
                answer_json(answer, 200, json_object());
}

static bool signed_from_word(const char *word, SignedAnswers *ret)
{
        static const char *const WORDS[] = {
                [SIGNED_ASKED] = "asked",
                [SIGNED_ALWAYS] = "always",
                [SIGNED_NEVER] = "never",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(WORDS); i++) {
                if (strcmp(WORDS[i], word) == 0) {
                        *ret = (SignedAnswers) i;
                        return true;
                }
        }
        return false;
}

static void own_introspection(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        int needs_audience = idp->realm->introspection_needs_audience;
        int tls_client_header = idp->tls_client_header;
        SignedAnswers signed_answers = idp->signed_answers;
        const char *word = NULL;

        if (json_unpack_ex(json, NULL, JSON_STRICT, "{s?b, s?b, s?s}", "needs_audience",
                           &needs_audience, "tls_client_header", &tls_client_header, "signed",
                           &word) != 0 ||
            (word && !signed_from_word(word, &signed_answers))) {
                refuse(answer, "needs_audience and tls_client_header are booleans, signed is "
                               "asked, always or never");
                return;
        }
        idp->realm->introspection_needs_audience = needs_audience;
        idp->tls_client_header = tls_client_header;
        idp->signed_answers = signed_answers;
        answer_json(answer, 200, json_object());
}

static void own_issuer(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        const char *url;

        if (json_unpack_ex(json, NULL, JSON_STRICT, "{s:s}", "url", &url) != 0) {
                refuse(answer, "url is the issuer's name; \"\" is its own again");
                return;
        }
        g_free(idp->issuer_url);
        idp->issuer_url = g_strdup(*url ? url : idp->place_url);
        answer_json(answer, 200, json_pack("{s:s}", "url", idp->issuer_url));
}

static void own_clock(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        int ahead_sec;

        if (json_unpack_ex(json, NULL, JSON_STRICT, "{s:i}", "ahead_sec", &ahead_sec) != 0 ||
            ahead_sec > SKEW_SEC_MAX || ahead_sec < -SKEW_SEC_MAX) {
                refuse(answer, "ahead_sec is a number, at most a year");
                return;
        }
        idp->clock_ahead_sec = ahead_sec;
        answer_json(answer, 200, json_object());
}

/* --- revocation and counters --- */

static void own_revoke(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        static const char *const CLAIMS[] = { "jti", "sid", "sub" };
        const char *token = json_string_value(json_object_get(json, "token"));
        unsigned n_revoked = token && issued_revoke_token(idp->issued, token);
        bool asked = token;

        for (size_t i = 0; i < G_N_ELEMENTS(CLAIMS); i++) {
                const char *value = json_string_value(json_object_get(json, CLAIMS[i]));
                if (value)
                        n_revoked += issued_revoke(idp->issued, CLAIMS[i], value);
                asked = asked || value;
        }
        if (asked)
                answer_json(answer, 200, json_pack("{s:i}", "revoked", (int) n_revoked));
        else
                refuse(answer, "token, jti, sid or sub says what to revoke");
}

static void own_mint(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        mint_answer(idp, json, answer);
}

static json_t *not_modified(const Idp *idp)
{
        json_t *body = json_object();

        for (int i = 0; i < ENDPOINT_OWN; i++)
                json_object_set_new(body, endpoint_name((Endpoint) i),
                                    json_integer(idp->not_modified[i]));
        return body;
}

static json_t *flights(const Flights *flights)
{
        return json_pack("{s:i, s:i, s:i, s:i}", "now", (int) flights->now, "peak",
                         (int) flights->peak, "peak_of_a_token", (int) flights->peak_token,
                         "tokens", (int) g_hash_table_size(flights->seen));
}

static void own_stats(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        json_t *body = json_object();

        for (int i = 0; i < ENDPOINT_OWN; i++)
                json_object_set_new(body, endpoint_name((Endpoint) i),
                                    json_integer(idp->counts[i]));
        json_object_set_new(body, "not_modified", not_modified(idp));
        json_object_set_new(body, "introspection_under_way", flights(idp->flights));
        json_object_set_new(body, "admin_peak_in_a_second",
                            json_integer((json_int_t) idp->admin_rate.peak));
        answer_json(answer, 200, body);
}

static void own_reset_stats(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        memset(idp->counts, 0, sizeof(idp->counts));
        memset(idp->not_modified, 0, sizeof(idp->not_modified));
        flights_reset(idp->flights);
        rate_reset(&idp->admin_rate);
        answer_json(answer, 200, json_object());
}

typedef struct OwnRoute {
        const char *method;
        const char *path;
        void (*answer)(Idp *idp, const Question *question, json_t *json, Answer *answer);
} OwnRoute;

static const OwnRoute ROUTES[] = {
        { "POST", "/devidp/rotate", own_rotate },
        { "POST", "/devidp/disable", own_disable },
        { "POST", "/devidp/client", own_client },
        { "POST", "/devidp/fault", own_fault },
        { "POST", "/devidp/cache", own_cache },
        { "POST", "/devidp/introspection", own_introspection },
        { "POST", "/devidp/issuer", own_issuer },
        { "POST", "/devidp/clock", own_clock },
        { "POST", "/devidp/mint", own_mint },
        { "POST", "/devidp/revoke", own_revoke },
        { "GET", "/devidp/codes", codes_list },
        { "POST", "/devidp/approve", codes_approve },
        { "POST", "/devidp/deny", codes_deny },
        { "POST", "/devidp/expire", codes_expire },
        { "POST", "/devidp/person", orders_person },
        { "POST", "/devidp/person-delete", orders_person_delete },
        { "POST", "/devidp/person-recreate", orders_person_recreate },
        { "POST", "/devidp/join", orders_join },
        { "POST", "/devidp/leave", orders_leave },
        { "POST", "/devidp/group", orders_group },
        { "POST", "/devidp/group-rename", orders_group_rename },
        { "POST", "/devidp/group-delete", orders_group_delete },
        { "POST", "/devidp/events", orders_events },
        { "POST", "/devidp/profile", orders_profile },
        { "GET", "/devidp/stats", own_stats },
        { "POST", "/devidp/reset-stats", own_reset_stats },
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

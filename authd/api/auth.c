/* auth: /auth/POLICY, /forward-auth/POLICY and /ext-authz/POLICY/…, the questions of proxies.
 *
 * One code for all three; what differs is in the table of dialects (original.c). A yes carries the
 * policy's headers, each present, also when its claim is missing, and nothing of what the client
 * sent under those names survives in a proxy that copies them. 401 and 403 carry WWW-Authenticate,
 * 503 is could-not-ask; the reason is in X-Authd-Reason. "by-route" in place of a policy lets the
 * routes choose one; then a yes carries the headers of all policies, those of others blank. */
#include "api/doors.h"

#include "api/challenge.h"
#include "api/judge.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "token/json.h"

/* libmicrohttpd sends no empty value; readers trim this one to it (RFC 9110 §5.5). */
#define EMPTY_VALUE " "
#define NUMBER_MAX  24

static const AnswerHeader not_stored = { "Cache-Control", "no-store" };

/* Fields: of an answer under way. Values that are made lie in one string, which moves as it grows,
 * so they are told by their place in it until the end. */
typedef struct Fields {
        size_t n;
        AnswerHeader all[SERVER_ANSWER_HEADERS_MAX];
        size_t starts[SERVER_ANSWER_HEADERS_MAX]; /* all[i].value NULL: it lies there */
        GString *made;
} Fields;

static AnswerHeader *fields_add(Fields *fields, const char *name, const char *value)
{
        AnswerHeader *field = &fields->all[fields->n];

        g_assert(fields->n + 1 < SERVER_ANSWER_HEADERS_MAX);
        *field = (AnswerHeader){ name, value };
        fields->starts[fields->n++] = fields->made->len;
        return field;
}

static void fields_add_number(Fields *fields, const char *name, int64_t number)
{
        char text[NUMBER_MAX];

        fields_add(fields, name, NULL);
        g_string_append_len(fields->made, text,
                            g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, number) + 1);
}

static void fields_add_template(Fields *fields, const char *name, const Template *template,
                                const Claims *claims)
{
        size_t start = fields->made->len;
        AnswerHeader *field = fields_add(fields, name, NULL);

        template_expand(template, claims, fields->made);
        if (fields->made->len == start)
                field->value = EMPTY_VALUE;
        g_string_append_c(fields->made, '\0');
}

static void fields_answer(Fields *fields, Exchange *exchange, unsigned status, Span body)
{
        for (size_t i = 0; i < fields->n; i++)
                if (!fields->all[i].value)
                        fields->all[i].value = fields->made->str + fields->starts[i];
        exchange_answer(exchange, status, fields->all, fields->n, body);
}

/* ---- yes ---- */

static void add_blanks(Fields *fields, const GPtrArray *names)
{
        for (guint i = 0; i < names->len; i++)
                fields_add(fields, names->pdata[i], EMPTY_VALUE);
}

static void add_policy_headers(Fields *fields, const Policy *policy, const Claims *claims)
{
        for (size_t i = 0; i < policy_n_headers(policy); i++) {
                const char *name;
                const Template *template = policy_header(policy, i, &name);

                if (claims)
                        fields_add_template(fields, name, template, claims);
                else
                        fields_add(fields, name, EMPTY_VALUE);
        }
}

/* A token of its own for those behind the proxy; who showed none is vouched for by nobody. */
static void add_assertion(Fields *fields, const Exchange *exchange)
{
        Span assertion = exchange->assertion;

        if (policy_assertion(exchange->policy))
                fields_add(fields, policy_assertion_header(exchange->policy),
                           assertion.len > 0 ? assertion.data : EMPTY_VALUE);
}

static void add_rate(Fields *fields, const LimitAnswer *limit)
{
        if (!limit->text)
                return;
        fields_add_number(fields, "RateLimit-Limit", limit->limit);
        fields_add_number(fields, "RateLimit-Remaining", limit->remaining);
        fields_add_number(fields, "RateLimit-Reset", limit->reset_sec);
}

/* allow: claims NULL: somebody who showed no token. */
static void allow(Exchange *exchange, const Claims *claims)
{
        g_autoptr(GString) made = g_string_sized_new(512);
        Fields fields = { .made = made };
        const Front *front = exchange->api->front;

        if (exchange->policy)
                add_policy_headers(&fields, exchange->policy, claims);
        if (exchange->policy)
                add_assertion(&fields, exchange);
        if (exchange->route_name)
                add_blanks(&fields, exchange->policy
                                        ? front_policy(front, exchange->policy)->other_names
                                        : front_names(front));
        add_rate(&fields, &exchange->limit);
        fields_add(&fields, not_stored.name, not_stored.value);
        fields_answer(&fields, exchange, exchange->dialect->yes_status, SPAN_EMPTY);
}

/* ---- no ---- */

static void add_nonce(Fields *fields, const Exchange *exchange, char nonce[NONCE_TEXT_MAX])
{
        if (!exchange->policy || !policy_demands_nonce(exchange->policy) || !exchange->api->nonces)
                return;
        nonces_make(exchange->api->nonces, clock_wall_sec(), nonce);
        fields_add(fields, "DPoP-Nonce", nonce);
}

static void add_challenge(Fields *fields, const Exchange *exchange, const Verdict *verdict)
{
        fields_add(fields, "WWW-Authenticate", NULL);
        challenge_write(fields->made, exchange->policy, verdict, exchange->sender.by_dpop);
        g_string_append_c(fields->made, '\0');
}

/* add_advice: what the status owes its client; returns the status that travels. */
static unsigned add_advice(Fields *fields, const Exchange *exchange, const Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);

        if (words->status == 503)
                fields_add(fields, "Retry-After", EXCHANGE_RETRY_AFTER);
        if (words->bearer_error || words->status == 401)
                add_challenge(fields, exchange, verdict);
        if (words->status != 429)
                return words->status;
        add_rate(fields, &exchange->limit);
        fields_add_number(fields, "Retry-After", MAX(exchange->limit.retry_after_sec, 1));
        if (exchange->dialect->knows_429)
                return 429;
        fields_add(fields, "X-Authd-Status", "429");
        return 403;
}

static void deny(Exchange *exchange, const Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);
        const char *detail = verdict->detail[0] ? verdict->detail : words->sentence;
        json_auto *problem = json_pack("{s:s, s:s}", "error", words->word, "detail", detail);
        g_autofree char *body = json_dumps(problem, JSON_COMPACT);
        g_autoptr(GString) made = g_string_sized_new(512);
        Fields fields = { .made = made };
        char nonce[NONCE_TEXT_MAX];
        unsigned status;

        fields_add(&fields, "X-Authd-Reason", words->word);
        fields_add(&fields, not_stored.name, not_stored.value);
        if (words->status == 401)
                add_nonce(&fields, exchange, nonce);
        status = add_advice(&fields, exchange, verdict);
        fields_answer(&fields, exchange, status, span_from(body));
}

static void auth_judged(Exchange *exchange, Verdict *verdict)
{
        if (verdict->reason == VERDICT_VALID)
                allow(exchange, verdict->claims);
        else
                deny(exchange, verdict);
}

/* ---- the question ---- */

static void refuse(Exchange *exchange, Reason reason, const char *detail)
{
        Verdict verdict = VERDICT_INIT;

        verdict_refuse(&verdict, reason, detail ? "%s" : NULL, detail);
        judge_finish(exchange, &verdict);
}

static void refuse_untrusted(Exchange *exchange)
{
        const Peer *peer = request_peer(exchange->request);
        Verdict verdict = VERDICT_INIT;

        if (peer->unix_socket)
                verdict_refuse(&verdict, VERDICT_UNTRUSTED_PROXY,
                               "Routes need the word of a proxy on the request; add "
                               "trusted_proxies = uid:%u to [authd] if this one may be believed.",
                               (unsigned) peer->uid);
        else
                verdict_refuse(&verdict, VERDICT_UNTRUSTED_PROXY,
                               "Routes need the word of a proxy on the request; add "
                               "trusted_proxies = %s to [authd] if this one may be believed.",
                               peer->address);
        judge_finish(exchange, &verdict);
}

/* pass: without a token; no verdict, for nothing was judged. */
static void pass(Exchange *exchange, const char *why)
{
        Verdict verdict = VERDICT_INIT;

        if (!judge_take_limits(exchange, &verdict)) {
                judge_finish(exchange, &verdict);
                return;
        }
        metric_add(exchange->api->metrics->passed,
                   (const char *[]){ judge_policy_word(exchange), exchange_door(exchange), why },
                   1);
        log_event(LOG_LEVEL_DEBUG, "passed", "A request was let through without a token.",
                  LOG_TEXT("why", why), LOG_TEXT("policy", judge_policy_word(exchange)),
                  LOG_TEXT("route", exchange->route_name),
                  LOG_TEXT("door", exchange_door(exchange)),
                  LOG_TEXT("request_id", exchange->trace.request_id),
                  LOG_TEXT("trace_id", exchange->trace.trace_id));
        allow(exchange, NULL);
}

/* take_sender: everything of who sent the token, for those that are bound to a key or certificate.
 */
static void take_sender(Exchange *exchange, const FoundToken *found)
{
        const Original *original = &exchange->original;
        const Request *request = exchange->request;
        unsigned n_proofs = request_header_count(request, "DPoP");

        exchange->token = found->token;
        exchange->form_token = found->owned;
        exchange->sender = (Sender){
                .proof = n_proofs > 0 ? request_header(request, "DPoP") : SPAN_EMPTY,
                .n_proofs = n_proofs,
                .by_dpop = found->by_dpop,
                .scheme = original->scheme,
                .place = original->has_place ? &original->place : NULL,
                .certificate = original->has_certificate ? original->thumbprint : NULL,
        };
}

/* judge_request: exchange->policy is chosen. optional: a request without any token passes; a bad
 * one is refused, or its sender would be somebody else than he believes. */
static void judge_request(Exchange *exchange, bool optional)
{
        const PolicyFront *front = front_policy(exchange->api->front, exchange->policy);
        FoundToken found;
        int r;

        if (front && front->allow_preflight && exchange->original.is_preflight) {
                pass(exchange, "preflight");
                return;
        }
        r = sources_find(front ? front->sources : NULL, exchange->request, exchange->original.query,
                         &found);
        if (r != 0) {
                refuse(exchange, VERDICT_MALFORMED,
                       r == SOURCE_E_DIFFER ? "The request carries two different tokens."
                                            : "The request carries a token twice in one place.");
                return;
        }
        take_sender(exchange, &found);
        if (optional && found.token.len == 0 &&
            !request_header(exchange->request, "Authorization").data)
                pass(exchange, "optional");
        else
                judge_token(exchange);
}

static void judge_by_route(Exchange *exchange)
{
        RouteChoice choice;

        if (!exchange->original.trusted)
                refuse_untrusted(exchange);
        else if (!exchange->original.has_place)
                refuse(exchange, VERDICT_BAD_PATH, "The proxy did not tell the original path.");
        else if (!routing_find(exchange->api->routing, &exchange->original.place, &choice))
                refuse(exchange, VERDICT_NO_ROUTE, NULL);
        else {
                exchange->route_name = choice.route;
                exchange->policy = choice.policy ? policy_ref((Policy *) choice.policy) : NULL;
                if (choice.mode == ROUTE_ANONYMOUS)
                        pass(exchange, "anonymous");
                else
                        judge_request(exchange, choice.mode == ROUTE_OPTIONAL);
        }
}

/* serve: name is the policy's in the door's path, target the original one where that follows it. */
static void serve(Exchange *exchange, Span name, Span target)
{
        bool by_route = span_equal_string(name, POLICY_BY_ROUTE);

        exchange->dialect = dialect_find(exchange->route->door);
        exchange->judged = auth_judged;
        original_read(exchange->dialect, exchange->api->front, exchange->request, target,
                      &exchange->original);
        exchange->method = exchange->original.method;
        if (!by_route && !judge_policy(exchange, name))
                return;
        if (exchange->original.why)
                refuse(exchange, VERDICT_BAD_PATH, exchange->original.why);
        else if (by_route)
                judge_by_route(exchange);
        else
                judge_request(exchange, false);
}

void door_auth(Exchange *exchange)
{
        serve(exchange, route_rest(exchange->route, request_path(exchange->request)), SPAN_EMPTY);
}

void door_ext_authz(Exchange *exchange)
{
        Span path = request_path(exchange->request), query = request_query(exchange->request);
        Span rest = route_rest(exchange->route, path);
        const char *slash = memchr(rest.data, '/', rest.len);
        size_t name_len = slash ? (size_t) (slash - rest.data) : rest.len;
        Span target = span_of(rest.data + name_len, rest.len - name_len);

        /* Path and query are one run of bytes. */
        if (target.len > 0 && query.len > 0)
                target.len = (size_t) (query.data + query.len - target.data);
        serve(exchange, span_of(rest.data, name_len), target.len > 0 ? target : span_from("/"));
}

/* auth: /auth/POLICY, the subrequest that nginx' auth_request makes.
 *
 * 204 with the policy's headers, each present, also when its claim is missing; 401 and 403 with
 * WWW-Authenticate (RFC 6750 §3); 404 for an unknown policy and 503 for could-not-ask, which nginx
 * turns into 500 and our snippet back into 503. The reason is in X-Authd-Reason. The subrequest's
 * own method says nothing of the request that is judged: that one's is in X-Original-Method, which
 * the proxy must set, since a client can. */
#include "api/doors.h"

#include "api/judge.h"
#include "api/routes.h"
#include "token/json.h"

#define CHALLENGE_MAX (VERDICT_DETAIL_MAX + 128)
/* libmicrohttpd sends no empty value; readers trim this one to it (RFC 9110 §5.5). */
#define EMPTY_VALUE " "

static const AnswerHeader not_stored = { "Cache-Control", "no-store" };

/* allow: the headers point into one string, which lives until they are copied into the answer. */
static void allow(Exchange *exchange, const Verdict *verdict)
{
        AnswerHeader headers[SERVER_ANSWER_HEADERS_MAX];
        size_t n = policy_n_headers(exchange->policy), starts[SERVER_ANSWER_HEADERS_MAX];
        g_autoptr(GString) values = g_string_sized_new(512);

        g_assert(n + 2 < SERVER_ANSWER_HEADERS_MAX);
        for (size_t i = 0; i < n; i++) {
                starts[i] = values->len;
                template_expand(policy_header(exchange->policy, i, &headers[i].name),
                                verdict->claims, values);
                g_string_append_c(values, '\0');
        }
        for (size_t i = 0; i < n; i++) {
                const char *value = values->str + starts[i];

                headers[i].value = value[0] == '\0' ? EMPTY_VALUE : value;
        }
        if (policy_assertion(exchange->policy))
                headers[n++] = (AnswerHeader){ policy_assertion_header(exchange->policy),
                                               exchange->assertion.data };
        headers[n++] = not_stored;
        exchange_answer(exchange, 204, headers, n, SPAN_EMPTY);
}

/* quotable: what may stand in an error_description (RFC 6750 §3): no quote, no backslash. */
static void quotable(const char *text, char *buffer, size_t size)
{
        g_strlcpy(buffer, text, size);
        g_strdelimit(buffer, "\"\\", '\'');
}

/* challenge: a request without a token is told the scheme and nothing else (RFC 6750 §3.1). */
static void challenge(const ReasonWords *words, const char *detail, char *buffer, size_t size)
{
        char description[VERDICT_DETAIL_MAX];

        if (!words->bearer_error) {
                g_strlcpy(buffer, "Bearer", size);
                return;
        }
        quotable(detail, description, sizeof(description));
        g_snprintf(buffer, size, "Bearer error=\"%s\", error_description=\"%s\"",
                   words->bearer_error, description);
}

static void deny(Exchange *exchange, const Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);
        const char *detail = verdict->detail[0] ? verdict->detail : words->sentence;
        char authenticate[CHALLENGE_MAX];
        AnswerHeader headers[3] = { { "X-Authd-Reason", words->word }, not_stored };
        json_auto *problem = json_pack("{s:s, s:s}", "error", words->word, "detail", detail);
        g_autofree char *body = json_dumps(problem, JSON_COMPACT);

        challenge(words, detail, authenticate, sizeof(authenticate));
        headers[2] = words->verdict == CLASS_UNAVAILABLE
                         ? (AnswerHeader){ "Retry-After", EXCHANGE_RETRY_AFTER }
                         : (AnswerHeader){ "WWW-Authenticate", authenticate };
        exchange_answer(exchange, words->status, headers, G_N_ELEMENTS(headers), span_from(body));
}

static void auth_judged(Exchange *exchange, Verdict *verdict)
{
        if (verdict->reason == VERDICT_VALID)
                allow(exchange, verdict);
        else
                deny(exchange, verdict);
}

/* original_method: said twice it is nobody's word, and an unknown method may change something. */
static Span original_method(const Request *request)
{
        return request_header_count(request, "X-Original-Method") == 1
                   ? request_header(request, "X-Original-Method")
                   : SPAN_EMPTY;
}

void door_auth(Exchange *exchange)
{
        /* Another scheme than Bearer is no token of ours: the same as none. */
        if (!judge_bearer(exchange->request, &exchange->token))
                exchange->token = SPAN_EMPTY;
        exchange->method = original_method(exchange->request);
        exchange->judged = auth_judged;
        if (judge_policy(exchange, route_rest(exchange->route, request_path(exchange->request))))
                judge_token(exchange);
}

#include "api/exchange.h"

#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#define PROBLEM_DETAIL_MAX 512

Exchange *exchange_new(Api *api, Request *request)
{
        Exchange *exchange = g_new0(Exchange, 1);

        exchange->api = api;
        exchange->request = request;
        trace_begin(&exchange->trace, request_header(request, "X-Request-Id"),
                    request_header(request, "traceparent"));
        return exchange;
}

static void exchange_free(Exchange *exchange)
{
        if (exchange->form_token)
                secret_erase(exchange->form_token, strlen(exchange->form_token));
        g_free(exchange->form_token);
        json_decref(exchange->body);
        original_clear(&exchange->original);
        policy_unref(exchange->policy);
        g_free(exchange->query_method);
        g_free(exchange->trouble);
        g_free(exchange->preface);
        g_free(exchange->steps);
        g_free(exchange);
}

const char *exchange_door(const Exchange *exchange)
{
        return exchange->route ? exchange->route->door : "none";
}

void exchange_answer(Exchange *exchange, unsigned status, const AnswerHeader *headers,
                     size_t n_headers, Span body)
{
        AnswerHeader all[SERVER_ANSWER_HEADERS_MAX];
        const char *door[] = { exchange_door(exchange) };
        int64_t elapsed_usec = clock_monotonic_usec() - request_started_usec(exchange->request);

        g_assert(n_headers < G_N_ELEMENTS(all));
        all[0] = (AnswerHeader){ "X-Request-Id", exchange->trace.request_id };
        if (n_headers > 0)
                memcpy(all + 1, headers, n_headers * sizeof(*headers));
        metric_observe(exchange->api->metrics->latency, door,
                       (double) elapsed_usec / CLOCK_USEC_PER_SEC);
        request_answer(exchange->request, status, all, n_headers + 1, body, false);
        exchange_free(exchange);
}

/* refusal_headers: the reason, and what some statuses owe their client (RFC 9110 §11.6.1, §15.5.6,
 * §10.2.3). */
static size_t refusal_headers(const Exchange *exchange, unsigned status, const char *word,
                              AnswerHeader ret[2])
{
        ret[0] = (AnswerHeader){ "X-Authd-Reason", word };
        if (status == 401)
                ret[1] = (AnswerHeader){ "WWW-Authenticate",
                                         exchange->challenge ? exchange->challenge : "Bearer" };
        else if (status == 405)
                ret[1] = (AnswerHeader){ "Allow", exchange->route->methods };
        else if (status == 503)
                ret[1] = (AnswerHeader){ "Retry-After", EXCHANGE_RETRY_AFTER };
        else
                return 1;
        return 2;
}

void exchange_refuse(Exchange *exchange, unsigned status, const char *word, const char *detail)
{
        AnswerHeader headers[2];
        json_t *problem = json_pack("{s:s, s:s}", "error", word, "detail", detail);
        char *text = problem ? json_dumps(problem, JSON_COMPACT) : NULL;

        json_decref(problem);
        exchange_answer(exchange, status, headers, refusal_headers(exchange, status, word, headers),
                        span_from(text));
        free(text);
}

void exchange_problem(Exchange *exchange, unsigned status, const char *word, const char *format,
                      ...)
{
        char detail[PROBLEM_DETAIL_MAX];
        va_list arguments;

        va_start(arguments, format);
        g_vsnprintf(detail, sizeof(detail), format, arguments);
        va_end(arguments);

        metric_add(exchange->api->metrics->refused,
                   (const char *[]){ exchange_door(exchange), word }, 1);
        log_event(LOG_LEVEL_INFO, "question_refused", detail, LOG_TEXT("error", word),
                  LOG_NUMBER("status", status), LOG_TEXT("door", exchange_door(exchange)),
                  LOG_TEXT("request_id", exchange->trace.request_id),
                  LOG_TEXT("trace_id", exchange->trace.trace_id));
        exchange_refuse(exchange, status, word, detail);
}

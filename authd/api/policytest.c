/* policytest: /v1/policy-test, which route would take a request, and why; with a token, what its
 * policy says of that. Nothing of it is counted against a limit. */
#include "api/check.h"
#include "api/doors.h"
#include "api/judge.h"
#include "token/json.h"

static const JsonLimits question_limits = { .size_max = SERVER_BODY_SIZE_MAX, .depth_max = 1 };

static const char *mode_text(RouteMode mode)
{
        static const char *const words[] = { [ROUTE_REQUIRED] = "required",
                                             [ROUTE_OPTIONAL] = "optional",
                                             [ROUTE_ANONYMOUS] = "anonymous" };

        return words[mode];
}

/* take_member: false when name is none of ours, or its value no string. */
static bool take_member(const char *name, json_t *value, Span *const spans[])
{
        static const char *const names[] = { "method", "url", "token" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                if (strcmp(name, names[i]) == 0 && json_is_string(value)) {
                        *spans[i] = span_of(json_string_value(value), json_string_length(value));
                        return true;
                }
        return false;
}

/* read_question: false: a problem was answered. */
static bool read_question(Exchange *exchange, Span *ret_url)
{
        Span *const spans[] = { &exchange->method, ret_url, &exchange->token };
        const char *name;
        json_t *value;
        bool fit = json_parse_object(request_body(exchange->request), &question_limits,
                                     &exchange->body) == 0;

        json_object_foreach (exchange->body, name, value)
                fit = fit && take_member(name, value, spans);
        if (fit && exchange->method.len > 0 && ret_url->len > 0)
                return true;
        exchange_problem(exchange, 400, "bad_request",
                         "The question is {\"method\":\"GET\",\"url\":\"https://…\"}, maybe with "
                         "a token; all are strings.");
        return false;
}

/* set_preface: the answer without its end; takes rows. */
static void set_preface(Exchange *exchange, json_t *rows, const RouteChoice *choice,
                        const char *word, const char *why)
{
        const Place *place = &exchange->original.place;
        json_auto *answer =
            json_pack("{s:s%, s:s?, s:s?, s:o, s:s?, s:s?, s:s?, s:s?, s:s?}", "method",
                      exchange->method.data, exchange->method.len, "host", place->host, "path",
                      place->path, "routes", rows, "route", choice ? choice->route : NULL, "mode",
                      choice ? mode_text(choice->mode) : NULL, "policy",
                      choice && choice->policy ? policy_name(choice->policy) : NULL, "refused",
                      word, "detail", why);

        exchange->preface = answer ? json_dumps(answer, JSON_COMPACT) : g_strdup("{}");
        exchange->preface[strlen(exchange->preface) - 1] = '\0';
}

static void answer(Exchange *exchange, const GString *verdict)
{
        g_autofree char *text = g_strconcat(
            exchange->preface, ",\"verdict\":", verdict ? verdict->str : "null", "}", NULL);

        exchange_answer(exchange, 200, NULL, 0, span_from(text));
}

static void policytest_judged(Exchange *exchange, Verdict *verdict)
{
        g_autoptr(GString) text = check_explanation_text(exchange, verdict);

        g_string_append_c(text, '}');
        answer(exchange, text);
}

static void answer_refused(Exchange *exchange, json_t *rows, Reason reason, const char *why)
{
        const ReasonWords *words = reason_words(reason);

        set_preface(exchange, rows, NULL, words->word, why ? why : words->sentence);
        answer(exchange, NULL);
}

void door_policy_test(Exchange *exchange)
{
        Api *api = exchange->api;
        Place *place = &exchange->original.place;
        Span url = SPAN_EMPTY;
        RouteChoice choice;
        const char *why;

        if (!read_question(exchange, &url))
                return;
        if (place_init(place, exchange->method, SPAN_EMPTY, url,
                       front_allows_encoded_slash(api->front), &why) != 0) {
                answer_refused(exchange, json_array(), VERDICT_BAD_PATH, why);
                return;
        }
        json_t *rows = routing_explain(api->routing, place);
        if (!routing_find(api->routing, place, &choice)) {
                answer_refused(exchange, rows, VERDICT_NO_ROUTE, NULL);
                return;
        }
        set_preface(exchange, rows, &choice, NULL, NULL);
        if (choice.mode == ROUTE_ANONYMOUS || exchange->token.len == 0) {
                answer(exchange, NULL);
                return;
        }
        exchange->policy = policy_ref((Policy *) choice.policy);
        exchange->steps = g_new0(Steps, 1);
        exchange->judged = policytest_judged;
        judge_token(exchange);
}

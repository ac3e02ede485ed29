/* check: /v1/check and /v1/explain, the verdict in our own words. */
#include "api/doors.h"

#include "api/judge.h"
#include "token/json.h"

#include <errno.h>

static const JsonLimits question_limits = { .size_max = SERVER_BODY_SIZE_MAX, .depth_max = 1 };

/* expand_headers: what the policy hands on, each present, in the policy's order. */
static json_t *expand_headers(const Policy *policy, const Claims *claims)
{
        json_t *headers = json_object();
        g_autoptr(GString) value = g_string_sized_new(128);

        for (size_t i = 0; i < policy_n_headers(policy); i++) {
                const char *name;
                const Template *template = policy_header(policy, i, &name);

                g_string_truncate(value, 0);
                template_expand(template, claims, value);
                json_object_set_new(headers, name, json_stringn(value->str, value->len));
        }
        return headers;
}

static json_t *describe(const Exchange *exchange, const Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);
        bool valid = words->verdict == CLASS_VALID;

        return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:o, s:o}", "verdict",
                         verdict_class_text(words->verdict), "reason", words->word, "detail",
                         verdict->detail[0] ? verdict->detail : words->sentence, "issuer",
                         verdict->issuer, "policy", policy_name(exchange->policy), "until",
                         valid ? json_integer(verdict->until_sec) : json_null(), "headers",
                         valid ? expand_headers(exchange->policy, verdict->claims) : json_object());
}

/* splice_claims: the object's text with the claims put in as its last member, written from their
 * tape: making a tree of them first would cost as much as the whole check. */
static char *splice_claims(const char *text, const Claims *claims, size_t *ret_len)
{
        GString *whole = g_string_sized_new(strlen(text) + (claims ? claims_size(claims) : 0) + 16);

        g_string_append_len(whole, text, (gssize) strlen(text) - 1);
        g_string_append(whole, ",\"claims\":");
        tape_write(claims ? claims_root(claims) : TAPE_VALUE_ABSENT, whole);
        g_string_append_c(whole, '}');
        *ret_len = whole->len;
        return g_string_free(whole, FALSE);
}

static void answer_verdict(Exchange *exchange, Verdict *verdict, json_t *value)
{
        bool valid = verdict->reason == VERDICT_VALID;
        char *text = json_dumps(value, JSON_COMPACT);
        size_t len;

        json_decref(value);
        if (!text) {
                exchange_problem(exchange, 500, "internal_error",
                                 "The answer could not be written as JSON.");
                return;
        }
        g_autofree char *body = splice_claims(text, valid ? verdict->claims : NULL, &len);

        free(text);
        exchange_answer(exchange, 200, NULL, 0, span_of(body, len));
}

static void check_judged(Exchange *exchange, Verdict *verdict)
{
        answer_verdict(exchange, verdict, describe(exchange, verdict));
}

static const char *step_result_text(StepResult result)
{
        static const char *const words[] = {
                [STEP_OK] = "ok", [STEP_FAILED] = "failed", [STEP_SKIPPED] = "skipped"
        };

        return words[result];
}

static void explain_judged(Exchange *exchange, Verdict *verdict)
{
        json_t *value = describe(exchange, verdict);
        json_t *steps = json_array();

        for (size_t i = 0; i < exchange->steps->n_steps; i++) {
                const Step *step = &exchange->steps->steps[i];

                json_array_append_new(
                    steps,
                    json_pack("{s:s, s:s, s:s?, s:s, s:s}", "step", step->name, "result",
                              step_result_text(step->result), "reason",
                              step->result == STEP_FAILED ? reason_words(step->reason)->word : NULL,
                              "found", step->found, "wanted", step->wanted));
        }
        json_object_set_new(value, "steps", steps);
        answer_verdict(exchange, verdict, value);
}

/* question_member: one string of the question, by its name in the table of those we know. */
static bool question_member_known(const char *name)
{
        static const char *const members[] = { "token", "policy", "method", "uri" };

        for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
                if (strcmp(name, members[i]) == 0)
                        return true;
        return false;
}

/* read_question: parses the body into exchange->body; false: a problem was answered. */
static bool read_question(Exchange *exchange)
{
        const char *name;
        json_t *value;
        int r =
            json_parse_object(request_body(exchange->request), &question_limits, &exchange->body);

        if (r != 0) {
                exchange_problem(exchange, 400, "bad_request",
                                 "The body is not the JSON object that /v1/check takes: %s.",
                                 json_answer_text(r));
                return false;
        }
        json_object_foreach (exchange->body, name, value) {
                char shown[64];

                if (question_member_known(name) && json_is_string(value))
                        continue;
                exchange_problem(exchange, 400, "bad_request",
                                 "Member \"%s\" is %s; token, policy, method and uri are strings.",
                                 verdict_printable(span_from(name), shown, sizeof(shown)),
                                 question_member_known(name) ? "no string" : "not known here");
                return false;
        }
        return true;
}

static Span question_string(const Exchange *exchange, const char *name)
{
        Span value;

        return json_member_string(exchange->body, name, &value) == 0 ? value : SPAN_EMPTY;
}

static void ask_by_body(Exchange *exchange)
{
        if (!read_question(exchange))
                return;
        exchange->token = question_string(exchange, "token");
        if (exchange->token.len == 0) {
                exchange_problem(exchange, 400, "bad_request",
                                 "The question has no token: {\"token\":\"…\",\"policy\":\"…\"}.");
                return;
        }
        if (judge_policy(exchange, question_string(exchange, "policy")))
                judge_token(exchange);
}

static void ask_by_header(Exchange *exchange)
{
        g_autofree char *policy = NULL;

        if (request_query_value(exchange->request, "policy", &policy) == -EINVAL)
                exchange_problem(exchange, 400, "bad_request",
                                 "The query names policy twice, or not readably.");
        else if (!judge_bearer(exchange->request, &exchange->token))
                exchange_problem(exchange, 400, "bad_request",
                                 "Authorization is not of the form \"Bearer TOKEN\".");
        else if (exchange->token.len == 0)
                exchange_problem(exchange, 401, "missing_token",
                                 "Send the token as \"Authorization: Bearer TOKEN\".");
        else if (judge_policy(exchange, span_from(policy)))
                judge_token(exchange);
}

void door_check(Exchange *exchange)
{
        exchange->judged = check_judged;
        if (span_equal_string(request_method(exchange->request), "POST"))
                ask_by_body(exchange);
        else
                ask_by_header(exchange);
}

void door_explain(Exchange *exchange)
{
        exchange->judged = explain_judged;
        exchange->steps = g_new0(Steps, 1);
        ask_by_body(exchange);
}

/* check: /v1/check and /v1/explain, the verdict in our own words. */
#include "api/check.h"

#include "api/doors.h"
#include "api/judge.h"
#include "token/json.h"

#include <errno.h>

static const JsonLimits question_limits = { .size_max = SERVER_BODY_SIZE_MAX, .depth_max = 1 };

static void write_member(GString *out, const char *name, Span value)
{
        g_string_append(out, ",\"");
        g_string_append(out, name);
        g_string_append(out, "\":");
        tape_write_string(value, out);
}

/* write_headers: what the policy hands on, each present, in the policy's order. */
static void write_headers(GString *out, const Policy *policy, const Claims *claims)
{
        g_autoptr(GString) value = g_string_sized_new(128);

        g_string_append(out, ",\"headers\":{");
        for (size_t i = 0; claims && i < policy_n_headers(policy); i++) {
                const char *name;
                const Template *template = policy_header(policy, i, &name);

                g_string_truncate(value, 0);
                template_expand(template, claims, value);
                g_string_append(out, i > 0 ? "," : "");
                tape_write_string(span_from(name), out);
                g_string_append_c(out, ':');
                tape_write_string(span_of(value->str, value->len), out);
        }
        g_string_append_c(out, '}');
}

/* Written by hand and not by jansson, whose tree of it
 * would cost as much as the whole check; all that is not ours is either a string, escaped, or a
 * tape. */
GString *check_verdict_text(const Exchange *exchange, const Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);
        const Claims *claims = words->verdict == CLASS_VALID ? verdict->claims : NULL;
        GString *out = g_string_sized_new(512 + (claims ? 2 * claims_size(claims) : 0));

        g_string_append(out, "{\"verdict\":\"");
        g_string_append(out, verdict_class_text(words->verdict));
        g_string_append(out, "\",\"reason\":\"");
        g_string_append(out, words->word);
        g_string_append_c(out, '"');
        write_member(out, "detail",
                     span_from(verdict->detail[0] ? verdict->detail : words->sentence));
        if (verdict->issuer)
                write_member(out, "issuer", span_from(verdict->issuer));
        else
                g_string_append(out, ",\"issuer\":null");
        write_member(out, "policy", span_from(policy_name(exchange->policy)));
        g_string_append(out, ",\"until\":");
        if (claims)
                tape_write_integer(verdict->until_sec, out);
        else
                g_string_append(out, "null");
        g_string_append(out, verdict->stale ? ",\"stale\":true" : ",\"stale\":false");
        write_headers(out, exchange->policy, claims);
        g_string_append(out, ",\"claims\":");
        tape_write(claims ? claims_root(claims) : TAPE_VALUE_ABSENT, out);
        return out;
}

static void answer_text(Exchange *exchange, GString *out)
{
        g_string_append_c(out, '}');
        exchange_answer(exchange, 200, NULL, 0, span_of(out->str, out->len));
}

static void check_judged(Exchange *exchange, Verdict *verdict)
{
        g_autoptr(GString) out = check_verdict_text(exchange, verdict);

        answer_text(exchange, out);
}

static const char *step_result_text(StepResult result)
{
        static const char *const words[] = {
                [STEP_OK] = "ok", [STEP_FAILED] = "failed", [STEP_SKIPPED] = "skipped"
        };

        return words[result];
}

static void write_step(GString *out, const Step *step)
{
        g_string_append_printf(out, "{\"step\":\"%s\",\"result\":\"%s\",\"reason\":", step->name,
                               step_result_text(step->result));
        if (step->result == STEP_FAILED)
                g_string_append_printf(out, "\"%s\"", reason_words(step->reason)->word);
        else
                g_string_append(out, "null");
        write_member(out, "found", span_from(step->found));
        write_member(out, "wanted", span_from(step->wanted));
        g_string_append_c(out, '}');
}

GString *check_explanation_text(const Exchange *exchange, const Verdict *verdict)
{
        GString *out = check_verdict_text(exchange, verdict);

        g_string_append(out, ",\"steps\":[");
        for (size_t i = 0; i < exchange->steps->n_steps; i++) {
                g_string_append(out, i > 0 ? "," : "");
                write_step(out, &exchange->steps->steps[i]);
        }
        g_string_append_c(out, ']');
        return out;
}

static void explain_judged(Exchange *exchange, Verdict *verdict)
{
        g_autoptr(GString) out = check_explanation_text(exchange, verdict);

        answer_text(exchange, out);
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
        exchange->method = question_string(exchange, "method");
        if (judge_policy(exchange, question_string(exchange, "policy")))
                judge_token(exchange);
}

/* read_query: false: a problem was answered. The caller frees *ret_policy, NULL when none is named.
 */
static bool read_query(Exchange *exchange, char **ret_policy)
{
        static const char *const names[] = { "policy", "method" };
        char **const values[] = { ret_policy, &exchange->query_method };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                if (request_query_value(exchange->request, names[i], values[i]) != -EINVAL)
                        continue;
                exchange_problem(exchange, 400, "bad_request",
                                 "The query names %s twice, or not readably.", names[i]);
                return false;
        }
        exchange->method = span_from(exchange->query_method);
        return true;
}

static void ask_by_header(Exchange *exchange)
{
        g_autofree char *policy = NULL;

        if (!read_query(exchange, &policy))
                return;
        if (!judge_bearer(exchange->request, &exchange->token))
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

/* test_verdict: what becomes of an answer's JSON, and what the getters say of it. */
#include "verdict.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define CLAIMS                                                                                     \
        "{\"sub\":\"al\\u0069ce\",\"n\":1,\"a.b\":\"dotted\",\"a\":{\"b\":\"nested\",\"c\":{"      \
        "\"d\":\"deep\"},"                                                                         \
        "\"c.d\":\"longer name\"},\"\\u0065mail\":\"\xC3\xA9@x\"}"
#define YES_WITH(until, headers, claims) "{" YES_REST(until, headers, claims)
#define YES_REST(until, headers, claims)                                                           \
        "\"verdict\":\"valid\",\"reason\":\"valid\",\"detail\":\"Good "                            \
        "\\\"now\\\".\",\"issuer\":\"holodeck\","                                                  \
        "\"policy\":\"orders\",\"until\":" until ",\"headers\":" headers ",\"claims\":" claims "}"
#define HEADERS             "{\"X-User\":\"alice\",\"X-Groups\":\"\"}"
#define YES                 YES_WITH("1700000000", HEADERS, CLAIMS)
#define NO(verdict, reason) "{" NO_REST(verdict, reason)
#define NO_REST(verdict, reason)                                                                   \
        "\"verdict\":\"" verdict "\",\"reason\":\"" reason                                         \
        "\",\"detail\":\"No.\",\"issuer\":null,"                                                   \
        "\"policy\":\"orders\",\"until\":null,\"headers\":{},\"claims\":null}"

static int read_body(unsigned status, const char *text, authd_verdict **ret)
{
        char *body = strdup(text);
        int r;

        *ret = NULL;
        r = verdict_from_answer(status, body, strlen(body), ret);
        if (!*ret)
                free(body);
        return r;
}

static void test_yes(void)
{
        authd_verdict *verdict;
        const char *name, *value;

        g_assert_cmpint(read_body(200, YES, &verdict), ==, 0);
        g_assert_cmpint(authd_verdict_class(verdict), ==, AUTHD_VALID);
        g_assert_cmpstr(authd_verdict_reason(verdict), ==, "valid");
        g_assert_cmpstr(authd_verdict_detail(verdict), ==, "Good \"now\".");
        g_assert_cmpstr(authd_verdict_issuer(verdict), ==, "holodeck");
        g_assert_cmpstr(authd_verdict_policy(verdict), ==, "orders");
        g_assert_cmpint(authd_verdict_until(verdict), ==, 1700000000);
        g_assert_cmpstr(authd_verdict_subject(verdict), ==, "alice");
        g_assert_cmpstr(authd_verdict_claims(verdict), ==, CLAIMS);
        g_assert_cmpuint(authd_verdict_n_headers(verdict), ==, 2);
        g_assert_cmpint(authd_verdict_header(verdict, 0, &name, &value), ==, 0);
        g_assert_cmpstr(name, ==, "X-User");
        g_assert_cmpstr(value, ==, "alice");
        g_assert_cmpint(authd_verdict_header(verdict, 1, &name, &value), ==, 0);
        g_assert_cmpstr(value, ==, "");
        g_assert_cmpint(authd_verdict_header(verdict, 2, &name, &value), ==, AUTHD_E_INVALID);
        authd_verdict_free(verdict);
}

static void test_claim_paths(void)
{
        static const struct {
                const char *path, *value;
        } rows[] = {
                { "sub", "alice" },
                { "a.b", "dotted" },
                { "a.c.d", "longer name" },
                { "email", "\xC3\xA9@x" },
                { "n", NULL },
                { "a", NULL },
                { "a.c", NULL },
                { "a.x", NULL },
                { "", NULL },
                { ".", NULL },
                { "sub.x", NULL },
                { "a.b.c", NULL },
        };
        authd_verdict *verdict;
        const char *first;

        g_assert_cmpint(read_body(200, YES, &verdict), ==, 0);
        first = authd_verdict_claim(verdict, "email");
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                g_assert_cmpstr(authd_verdict_claim(verdict, rows[i].path), ==, rows[i].value);
        g_assert_cmpstr(first, ==, "\xC3\xA9@x"); /* lives as long as the verdict */
        g_assert_null(authd_verdict_claim(verdict, NULL));
        authd_verdict_free(verdict);
}

typedef struct NoRow {
        const char *body;
        enum authd_class verdict_class;
        const char *reason;
} NoRow;

static void test_no(void)
{
        static const NoRow rows[] = {
                { NO("invalid", "expired"), AUTHD_INVALID, "expired" },
                { NO("forbidden", "missing_scope"), AUTHD_FORBIDDEN, "missing_scope" },
                { NO("unavailable", "unavailable"), AUTHD_UNAVAILABLE, "unavailable" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                authd_verdict *verdict;

                g_assert_cmpint(read_body(200, rows[i].body, &verdict), ==, 0);
                g_assert_cmpint(authd_verdict_class(verdict), ==, rows[i].verdict_class);
                g_assert_cmpstr(authd_verdict_reason(verdict), ==, rows[i].reason);
                g_assert_null(authd_verdict_issuer(verdict));
                g_assert_null(authd_verdict_subject(verdict));
                g_assert_cmpstr(authd_verdict_claims(verdict), ==, "null");
                g_assert_cmpint(authd_verdict_until(verdict), ==, 0);
                authd_verdict_free(verdict);
        }
}

/* Claims beside a no would be those of a token that did not verify. */
static void test_no_with_claims(void)
{
        authd_verdict *verdict;

        g_assert_cmpint(
            read_body(200,
                      "{\"verdict\":\"invalid\",\"reason\":\"expired\",\"detail\":\"\","
                      "\"until\":1,\"headers\":{\"X\":\"y\"},\"claims\":{\"sub\":\"a\"}}",
                      &verdict),
            ==, 0);
        g_assert_null(authd_verdict_subject(verdict));
        g_assert_cmpstr(authd_verdict_claims(verdict), ==, "null");
        g_assert_cmpuint(authd_verdict_n_headers(verdict), ==, 0);
        g_assert_cmpint(authd_verdict_until(verdict), ==, 0);
        authd_verdict_free(verdict);
}

static void test_nothing(void)
{
        const char *name, *value;

        g_assert_cmpint(authd_verdict_class(NULL), ==, AUTHD_UNAVAILABLE);
        g_assert_cmpstr(authd_verdict_reason(NULL), ==, "unavailable");
        g_assert_nonnull(authd_verdict_detail(NULL));
        g_assert_null(authd_verdict_issuer(NULL));
        g_assert_null(authd_verdict_policy(NULL));
        g_assert_null(authd_verdict_subject(NULL));
        g_assert_null(authd_verdict_claim(NULL, "sub"));
        g_assert_cmpstr(authd_verdict_claims(NULL), ==, "null");
        g_assert_cmpint(authd_verdict_until(NULL), ==, 0);
        g_assert_cmpuint(authd_verdict_n_headers(NULL), ==, 0);
        g_assert_cmpint(authd_verdict_header(NULL, 0, &name, &value), ==, AUTHD_E_INVALID);
        authd_verdict_free(NULL);
}

typedef struct BodyRow {
        const char *sentence;
        unsigned status;
        const char *body;
        int result;
} BodyRow;

static const BodyRow body_rows[] = {
        { "a yes", 200, YES, 0 },
        { "members that are not known yet", 200,
          "{\"later\":{\"a\":[1]}," NO_REST("invalid", "expired"), 0 },
        { "a policy is needed", 400, "{\"error\":\"policy_required\",\"detail\":\"Name one.\"}",
          AUTHD_E_NO_POLICY },
        { "no such policy", 404, "{\"error\":\"unknown_policy\",\"detail\":\"None.\"}",
          AUTHD_E_NO_POLICY },
        { "a broken question", 400, "{\"error\":\"bad_request\",\"detail\":\"Broken.\"}",
          AUTHD_E_REFUSED },
        { "another door", 404, "{\"error\":\"no_such_door\",\"detail\":\"None.\"}",
          AUTHD_E_REFUSED },
        { "overload", 503, "{\"error\":\"overloaded\",\"detail\":\"Later.\"}", AUTHD_E_REFUSED },
        { "a yes whose status is an error", 503, YES, AUTHD_E_PROTOCOL },
        { "a problem whose status is 200", 200, "{\"error\":\"bad_request\",\"detail\":\"\"}",
          AUTHD_E_PROTOCOL },
        { "a page of HTML", 500, "<html>", AUTHD_E_PROTOCOL },
        { "no body", 200, "", AUTHD_E_PROTOCOL },
        { "a list", 200, "[]", AUTHD_E_PROTOCOL },
        { "an empty object", 200, "{}", AUTHD_E_PROTOCOL },
        { "JSON that does not end", 200, "{\"verdict\":\"valid\"", AUTHD_E_PROTOCOL },
        { "bytes behind the object", 200, NO("invalid", "expired") "x", AUTHD_E_PROTOCOL },
        { "an unknown verdict", 200, NO("maybe", "maybe"), AUTHD_E_PROTOCOL },
        { "a verdict in capitals", 200, NO("VALID", "valid"), AUTHD_E_PROTOCOL },
        { "a verdict that only begins so", 200, NO("validated", "valid"), AUTHD_E_PROTOCOL },
        { "an empty verdict", 200, NO("", "valid"), AUTHD_E_PROTOCOL },
        { "a no and then a yes", 200, "{\"verdict\":\"invalid\"," YES_REST("1", HEADERS, CLAIMS),
          AUTHD_E_PROTOCOL },
        { "a yes and then a no, escaped", 200,
          "{\"verdic\\u0074\":\"valid\"," NO_REST("invalid", "expired"), AUTHD_E_PROTOCOL },
        { "a reason that is no word", 200, NO("invalid", "two words"), AUTHD_E_PROTOCOL },
        { "a reason with a line's end", 200, NO("invalid", "a\\n"), AUTHD_E_PROTOCOL },
        { "an empty reason", 200, NO("invalid", ""), AUTHD_E_PROTOCOL },
        { "a reason of 65 letters", 200,
          NO("invalid", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
          AUTHD_E_PROTOCOL },
        { "a reason that is a number", 200,
          "{\"verdict\":\"invalid\",\"reason\":1,\"detail\":\"\"}", AUTHD_E_PROTOCOL },
        { "no detail", 200, "{\"verdict\":\"invalid\",\"reason\":\"expired\"}", AUTHD_E_PROTOCOL },
        { "an issuer that is a number", 200,
          "{\"verdict\":\"invalid\",\"reason\":\"expired\",\"detail\":\"\",\"issuer\":1}",
          AUTHD_E_PROTOCOL },
        { "a yes without an end", 200, YES_WITH("null", HEADERS, CLAIMS), AUTHD_E_PROTOCOL },
        { "a yes until zero", 200, YES_WITH("0", HEADERS, CLAIMS), AUTHD_E_PROTOCOL },
        { "a yes until a fraction", 200, YES_WITH("1.5", HEADERS, CLAIMS), AUTHD_E_PROTOCOL },
        { "a yes without claims", 200, YES_WITH("1", HEADERS, "null"), AUTHD_E_PROTOCOL },
        { "a yes whose claims are a list", 200, YES_WITH("1", HEADERS, "[]"), AUTHD_E_PROTOCOL },
        { "claims with NUL in them", 200, YES_WITH("1", HEADERS, "{\"sub\":\"a\\u0000b\"}"),
          AUTHD_E_PROTOCOL },
        { "headers that are a list", 200, YES_WITH("1", "[]", CLAIMS), AUTHD_E_PROTOCOL },
        { "a header that is a number", 200, YES_WITH("1", "{\"X\":1}", CLAIMS), AUTHD_E_PROTOCOL },
        { "a header with a line's end", 200, YES_WITH("1", "{\"X\":\"a\\r\\nY: b\"}", CLAIMS),
          AUTHD_E_PROTOCOL },
        { "a header outside of ASCII", 200, YES_WITH("1", "{\"X\":\"\xC3\xA9\"}", CLAIMS),
          AUTHD_E_PROTOCOL },
        { "a header's name with a colon", 200, YES_WITH("1", "{\"X:\":\"a\"}", CLAIMS),
          AUTHD_E_PROTOCOL },
        { "a header's name with a line's end", 200, YES_WITH("1", "{\"X\\n\":\"a\"}", CLAIMS),
          AUTHD_E_PROTOCOL },
        { "a header without a name", 200, YES_WITH("1", "{\"\":\"a\"}", CLAIMS), AUTHD_E_PROTOCOL },
};

static void test_body(gconstpointer argument)
{
        const BodyRow *row = argument;
        authd_verdict *verdict;

        g_assert_cmpint(read_body(row->status, row->body, &verdict), ==, row->result);
        g_assert_cmpint(verdict != NULL, ==, row->result != AUTHD_E_PROTOCOL);
        if (row->result != 0)
                g_assert_cmpint(authd_verdict_class(verdict), ==, AUTHD_UNAVAILABLE);
        authd_verdict_free(verdict);
}

static void test_headers_limit(void)
{
        for (unsigned n = VERDICT_HEADERS_MAX; n <= VERDICT_HEADERS_MAX + 1; n++) {
                g_autoptr(GString) headers = g_string_new("{");
                g_autofree char *body = NULL;
                authd_verdict *verdict;

                for (unsigned i = 0; i < n; i++)
                        g_string_append_printf(headers, "%s\"X-%u\":\"v\"", i ? "," : "", i);
                g_string_append_c(headers, '}');
                body = g_strdup_printf(YES_WITH("1", "%s", "{}"), headers->str);
                g_assert_cmpint(read_body(200, body, &verdict), ==,
                                n > VERDICT_HEADERS_MAX ? AUTHD_E_PROTOCOL : 0);
                authd_verdict_free(verdict);
        }
}

static void test_texts(void)
{
        g_assert_cmpstr(authd_class_text(AUTHD_VALID), ==, "valid");
        g_assert_cmpstr(authd_class_text(AUTHD_FORBIDDEN), ==, "forbidden");
        g_assert_cmpstr(authd_class_text((enum authd_class) 77), ==, "unavailable");
        g_assert_cmpstr(authd_class_text((enum authd_class) - 1), ==, "unavailable");
        for (int error = 0; error >= AUTHD_E_NO_POLICY; error--)
                g_assert_cmpstr(authd_error_text(error), !=, "unknown error");
        g_assert_cmpstr(authd_error_text(AUTHD_E_NO_POLICY - 1), ==, "unknown error");
        g_assert_cmpstr(authd_error_text(G_MININT), ==, "unknown error");
        g_assert_cmpstr(authd_error_text(7), ==, "unknown error");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/verdict/a yes, word by word", test_yes);
        g_test_add_func("/verdict/claims by path, as the daemon reads paths", test_claim_paths);
        g_test_add_func("/verdict/each kind of no", test_no);
        g_test_add_func("/verdict/claims beside a no are left out", test_no_with_claims);
        g_test_add_func("/verdict/getters of NULL", test_nothing);
        for (gsize i = 0; i < G_N_ELEMENTS(body_rows); i++) {
                g_autofree char *path = g_strdup_printf("/verdict/body/%s", body_rows[i].sentence);

                g_test_add_data_func(path, &body_rows[i], test_body);
        }
        g_test_add_func("/verdict/as many headers as allowed and one more", test_headers_limit);
        g_test_add_func("/verdict/texts of classes and errors", test_texts);
        return g_test_run();
}

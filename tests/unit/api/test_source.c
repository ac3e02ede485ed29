/* test_source: where a token is looked for, and when two are nobody's. */
#include "api/source.h"

#include "stub_connection.h"

typedef struct Row {
        const char *sentence;
        const char *sources; /* by ";"; NULL: Authorization alone */
        const char *fields;  /* "Name: value|Name: value" */
        const char *query;
        int answer;
        const char *token; /* "": none */
        bool by_dpop;
} Row;

#define ALL "header:X-Token; cookie:jwt; query:access_token"

static const Row rows[] = {
        { "nothing", ALL, "", "", 0, "" },
        { "a bearer token", NULL, "Authorization: Bearer a", "", 0, "a" },
        { "a DPoP token", NULL, "Authorization: dpop a", "", 0, "a", true },
        { "another scheme is none", NULL, "Authorization: Basic a", "", 0, "" },
        { "the scheme alone is none", NULL, "Authorization: DPoP ", "", 0, "" },
        { "what is not named is not looked at", NULL, "X-Token: a|Cookie: jwt=b", "access_token=c",
          0, "" },
        { "a header", ALL, "x-token: a", "", 0, "a" },
        { "an empty header is none", ALL, "X-Token: ", "", 0, "" },
        { "two of a header", ALL, "X-Token: a|X-Token: a", "", SOURCE_E_DOUBLED, "" },
        { "a cookie", ALL, "Cookie: x=1; jwt=a; y=2", "", 0, "a" },
        { "a cookie's name is read whole", ALL, "Cookie: xjwt=a; jwtx=b; jwt", "", 0, "" },
        { "a cookie's name is read by case", ALL, "Cookie: JWT=a", "", 0, "" },
        { "two cookies of a name", ALL, "Cookie: jwt=a; jwt=b", "", SOURCE_E_DOUBLED, "" },
        { "two Cookie fields", ALL, "Cookie: jwt=a|Cookie: x=b", "", SOURCE_E_DOUBLED, "" },
        { "a parameter of the query", ALL, "", "x=1&access_token=a%2Eb", 0, "a.b" },
        { "two parameters", ALL, "", "access_token=a&access_token=a", SOURCE_E_DOUBLED, "" },
        { "two parameters, one escaped", ALL, "", "access_token=a&access%5ftoken=a",
          SOURCE_E_DOUBLED, "" },
        { "an empty parameter is none", ALL, "", "access_token=", 0, "" },
        { "two places with one token", ALL, "Authorization: Bearer a|X-Token: a|Cookie: jwt=a",
          "access_token=a", 0, "a" },
        { "two places with two tokens", ALL, "Authorization: Bearer a|X-Token: b", "",
          SOURCE_E_DIFFER, "" },
        { "a cookie and a query with two", ALL, "Cookie: jwt=a", "access_token=b", SOURCE_E_DIFFER,
          "" },
        { "another scheme beside a header", ALL, "Authorization: Basic x|X-Token: a", "", 0, "a" },
        { "a DPoP token elsewhere, too", ALL, "Authorization: DPoP a|X-Token: a", "", 0, "a",
          true },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_auto(GStrv) lines = row->sources ? g_strsplit(row->sources, "; ", -1) : NULL;
        g_auto(GStrv) fields = g_strsplit(row->fields, "|", -1);
        g_autoptr(Sources) sources = sources_new(lines, NULL);
        Request *request = request_new();
        FoundToken found = { .token = SPAN_EMPTY };

        for (size_t i = 0; fields[i]; i++) {
                const char *colon = strstr(fields[i], ": ");

                head_add(&request->head, span_of(fields[i], (size_t) (colon - fields[i])),
                         span_from(colon + 2));
        }
        g_assert_cmpint(sources_find(sources, request, span_from(row->query), &found), ==,
                        row->answer);
        g_assert_true(span_equal_string(found.token, row->token));
        g_assert_cmpint(found.by_dpop, ==, row->by_dpop);
        g_free(found.owned);
        request_free(request);
}

static void test_bad_settings(void)
{
        static const char *const lines[] = { "X-Token",    "header:",    "header:a b",
                                             "cookie:a=b", "query:a b",  "body:x",
                                             "Header:x",   "cookie:a;b", "header:Authorization" };
        char *many[SOURCES_MAX + 2] = { NULL };

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_autoptr(GError) error = NULL;
                char *list[] = { (char *) lines[i], NULL };

                g_test_message("%s", lines[i]);
                g_assert_null(sources_new(list, &error));
                g_assert_true(g_str_has_prefix(error->message, "token_from: "));
        }
        for (size_t i = 0; i <= SOURCES_MAX; i++)
                many[i] = "query:x";
        g_assert_null(sources_new(many, NULL));
        many[SOURCES_MAX] = NULL;
        g_autoptr(Sources) fit = sources_new(many, NULL);
        g_assert_nonnull(fit);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/source/%s", rows[i].sentence);

                g_test_add_data_func(name, &rows[i], test_row);
        }
        g_test_add_func("/source/settings that are refused", test_bad_settings);
        return g_test_run();
}

/* An unverified payload is hostile: what is found is what jansson would find, or nothing. */
#include "token/skim.h"
#include "rows.h"

typedef struct Row {
        const char *sentence;
        const char *object;
        const char *found; /* NULL: nothing */
} Row;

static const Row rows[] = {
        { "the only member", "{\"iss\":\"a\"}", "a" },
        { "the first of several", "{\"iss\":\"a\",\"sub\":\"b\"}", "a" },
        { "the last of several", "{\"sub\":\"b\",\"exp\":1.5e+9,\"x\":null,\"y\":-1,\"iss\":\"a\"}",
          "a" },
        { "white space wherever it may stand", " {\r\n\t\"iss\" : \"a\" , \"b\" : [ 1 , 2 ] } \n",
          "a" },
        { "an empty value", "{\"iss\":\"\"}", "" },
        { "behind nested objects and lists", "{\"x\":{\"y\":[{\"z\":[]}]},\"iss\":\"a\"}", "a" },
        { "a nested member of that name is another", "{\"x\":{\"iss\":\"b\"},\"iss\":\"a\"}", "a" },
        { "only a nested member of that name", "{\"x\":{\"iss\":\"b\"}}", NULL },
        { "a value of that name is no name", "{\"x\":\"iss\",\"y\":\"a\"}", NULL },
        { "brackets in strings do not nest", "{\"x\":[\"]}\",\"\\\"]\"],\"iss\":\"a\"}", "a" },
        { "escaped slashes are undone", "{\"iss\":\"https:\\/\\/a\"}", "https://a" },
        { "each short escape is undone", "{\"iss\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
          "\"\\/\b\f\n\r\t" },
        { "a \\u escape is undone", "{\"iss\":\"\\u0061\\u00e9\\u20AC\"}",
          "a\xc3\xa9\xe2\x82\xac" },
        { "a pair of surrogates is undone", "{\"iss\":\"\\ud83e\\udd89\"}", "\xf0\x9f\xa6\x89" },
        { "a name with an escape is the same name", "{\"\\u0069ss\":\"a\"}", "a" },
        { "a name with an escape is the same name twice", "{\"iss\":\"a\",\"i\\u0073s\":\"b\"}",
          NULL },
        { "twice the same", "{\"iss\":\"a\",\"iss\":\"a\"}", NULL },
        { "a name that only begins so", "{\"issuer\":\"a\"}", NULL },
        { "a name in upper case", "{\"ISS\":\"a\"}", NULL },
        { "a number", "{\"iss\":1}", NULL },
        { "a list", "{\"iss\":[\"a\"]}", NULL },
        { "null", "{\"iss\":null}", NULL },
        { "absent", "{\"sub\":\"a\"}", NULL },
        { "an empty object", "{}", NULL },
        { "nothing", "", NULL },
        { "a list outside", "[{\"iss\":\"a\"}]", NULL },
        { "bytes behind the object", "{\"iss\":\"a\"}x", NULL },
        { "a second object", "{\"iss\":\"a\"}{}", NULL },
        { "not closed", "{\"iss\":\"a\"", NULL },
        { "cut within a string", "{\"iss\":\"a", NULL },
        { "cut behind a backslash", "{\"iss\":\"a\\", NULL },
        { "cut within a nested value", "{\"iss\":\"a\",\"x\":[[", NULL },
        { "a comma too many", "{\"iss\":\"a\",}", NULL },
        { "no comma between", "{\"iss\":\"a\" \"x\":1}", NULL },
        { "no colon", "{\"iss\" \"a\"}", NULL },
        { "no value", "{\"x\":,\"iss\":\"a\"}", NULL },
        { "a bracket closed by the other kind", "{\"x\":[1},\"iss\":\"a\"}", NULL },
        { "an escaped NUL", "{\"iss\":\"a\\u0000\"}", NULL },
        { "an escape of no meaning", "{\"iss\":\"\\x\"}", NULL },
        { "half a pair of surrogates", "{\"iss\":\"\\ud83e\"}", NULL },
        { "the second half alone", "{\"iss\":\"\\udd89\"}", NULL },
        { "the first half twice", "{\"iss\":\"\\ud83e\\ud83e\"}", NULL },
        { "an escape that is cut", "{\"iss\":\"\\u00\"}", NULL },
        { "an escape that is no hexadecimal", "{\"iss\":\"\\u00g1\"}", NULL },
        { "a control byte in the string", "{\"iss\":\"a\nb\"}", NULL },
        { "longer than the buffer", "{\"iss\":\"0123456789012345678901234567890123456789\"}",
          NULL },
        { "longer than the buffer with an escape",
          "{\"iss\":\"\\/123456789012345678901234567890123456789\"}", NULL },
        { "as long as the buffer", "{\"iss\":\"01234567890123456789012345678901\"}",
          "01234567890123456789012345678901" },
};

static void run_row(const void *data)
{
        const Row *row = data;
        char buffer[32];
        Span found;
        /* An exact heap copy, so that a sanitizer sees a step beyond the text. */
        g_autofree char *copy = g_memdup2(row->object, MAX(strlen(row->object), 1));
        bool r =
            skim_string(span_of(copy, strlen(row->object)), "iss", buffer, sizeof buffer, &found);

        g_assert_true(r == (row->found != NULL));
        if (r)
                g_assert_cmpmem(found.data, found.len, row->found, strlen(row->found));
}

static void run_depth(unsigned depth, bool expected)
{
        g_autofree char *open = g_strnfill(depth, '['), *close = g_strnfill(depth, ']');
        g_autofree char *object = g_strdup_printf("{\"x\":%s%s,\"iss\":\"a\"}", open, close);
        char buffer[8];
        Span found;

        g_assert_true(skim_string(span_from(object), "iss", buffer, sizeof buffer, &found) ==
                      expected);
}

static void test_depth(void)
{
        run_depth(SKIM_DEPTH_MAX, true);
        run_depth(SKIM_DEPTH_MAX + 1, false);
        run_depth(100000, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                rows_add("skim", rows[i].sentence, &rows[i], run_row);
        g_test_add_func("/skim/nested one level too deep is refused", test_depth);
        return g_test_run();
}

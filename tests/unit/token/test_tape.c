/* test_tape: what goes in comes out again, and the searches. */
#include "token/tape.h"

#include <errno.h>

typedef struct TextRow {
        const char *name;
        const char *json;
        const char *written; /* NULL: as json */
} TextRow;

static const TextRow text_rows[] = {
        { "an empty object", "{}", NULL },
        { "an empty array", "[]", NULL },
        { "the words", "[true,false,null]", NULL },
        { "small integers", "[0,-1,2147483647,-2147483648]", NULL },
        { "integers over 32 bits",
          "[2147483648,-2147483649,9223372036854775807,-9223372036854775808]", NULL },
        { "reals stay reals", "[1.0,-0.5,1e300]", "[1.0,-0.5,1.0000000000000001e+300]" },
        { "an empty string", "[\"\",\"a\"]", NULL },
        { "a name of the table and one that is not", "{\"iss\":\"a\",\"no such\":\"b\"}", NULL },
        { "an empty name", "{\"\":1}", NULL },
        { "nested containers", "{\"a\":[{\"b\":[1,[2,3]]},4],\"c\":{}}", NULL },
        { "control characters are escaped", "[\"\\n\\u0001\\u007f\"]",
          "[\"\\u000a\\u0001\\u007f\"]" },
        { "quote and backslash are escaped", "[\"\\\"\\\\\"]", NULL },
        { "line separators are escaped", "[\"\\u2028x\\u2029\"]", NULL },
        { "other text stays", "[\"\xe2\x80\xa6\xf0\x9f\x98\x80\"]", NULL },
};

static Tape *lay(const char *text)
{
        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        Tape *tape = NULL;

        g_assert_nonnull(json);
        g_assert_cmpint(tape_new(json, &tape), ==, 0);
        json_decref(json);
        return tape;
}

static void run_text(const void *userdata)
{
        const TextRow *row = userdata;
        g_autoptr(Tape) tape = lay(row->json);
        g_autoptr(GString) text = g_string_new(NULL);

        tape_write(tape_root(tape), text);
        g_assert_cmpstr(text->str, ==, row->written ? row->written : row->json);
}

static void test_members(void)
{
        g_autoptr(Tape) tape = lay("{\"aud\":[\"a\",\"b\"],\"x.y\":{\"n\":7},\"iss\":\"i\"}");
        TapeValue root = tape_root(tape), list = tape_member(root, span_from("aud"));

        g_assert_cmpuint(tape_count(root), ==, 3);
        g_assert_cmpuint(tape_count(list), ==, 2);
        g_assert_true(tape_has_string(list, span_from("b")));
        g_assert_false(tape_has_string(list, span_from("c")));
        g_assert_true(tape_has_string(tape_member(root, span_from("iss")), span_from("i")));
        g_assert_cmpint(
            tape_integer(tape_member(tape_member(root, span_from("x.y")), span_from("n"))), ==, 7);
        g_assert_cmpint(tape_type(tape_member(root, span_from("sub"))), ==, TAPE_ABSENT);
        g_assert_cmpint(tape_type(tape_member(list, span_from("aud"))), ==, TAPE_ABSENT);
        g_assert_cmpint(tape_type(tape_first(tape_member(root, span_from("iss")))), ==,
                        TAPE_ABSENT);
        g_assert_cmpuint(tape_string(list).len, ==, 0);
}

/* A container's elements end with it: what follows it is not among them. */
static void test_edges(void)
{
        g_autoptr(Tape) tape = lay("[[],[1],2]");
        TapeValue root = tape_root(tape), first = tape_first(root), second = tape_next(root, first);
        TapeValue inner = tape_first(second);

        g_assert_null(tape_first(first).node);
        g_assert_cmpint(tape_integer(inner), ==, 1);
        g_assert_null(tape_next(second, inner).node);
        g_assert_cmpint(tape_integer(tape_next(root, second)), ==, 2);
        g_assert_null(tape_next(root, tape_next(root, second)).node);
}

static json_t *nest(unsigned depth)
{
        json_t *value = json_array();

        for (unsigned i = 0; i < depth; i++) {
                json_t *outer = json_array();

                json_array_append_new(outer, value);
                value = outer;
        }
        return value;
}

static void check_limit(json_t *value, int expected)
{
        Tape *tape = NULL;

        g_assert_cmpint(tape_new(value, &tape), ==, expected);
        g_assert_true((tape != NULL) == (expected == 0));
        tape_free(tape);
        json_decref(value);
}

static json_t *strings(size_t n, size_t len)
{
        g_autofree char *text = g_strnfill(len, 'x');
        json_t *value = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(value, json_string(text));
        return value;
}

static void test_limits(void)
{
        check_limit(nest(TAPE_DEPTH_MAX), 0);
        check_limit(nest(TAPE_DEPTH_MAX + 1), -E2BIG);
        check_limit(strings(1, TAPE_ARENA_MAX), 0);
        check_limit(strings(1, TAPE_ARENA_MAX + 1), -E2BIG);
        check_limit(strings(TAPE_NODES_MAX - 1, 0), 0);
        check_limit(strings(TAPE_NODES_MAX, 0), -E2BIG);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(text_rows); i++) {
                g_autofree char *path = g_strdup_printf("/token/tape/%s", text_rows[i].name);

                g_test_add_data_func(path, &text_rows[i], run_text);
        }
        g_test_add_func("/token/tape/members and elements are found", test_members);
        g_test_add_func("/token/tape/containers end where they end", test_edges);
        g_test_add_func("/token/tape/limits hold on both sides", test_limits);
        return g_test_run();
}

/* test_span: equality of borrowed bytes, with the empty and the NUL-holding ones. */
#include "base/span.h"

#include <glib.h>

typedef struct Row {
        const char *sentence;
        Span a;
        Span b;
        bool equal;
} Row;

static const Row rows[] = {
        { "the same bytes are equal", { "abc", 3 }, { "abc", 3 }, true },
        { "a different byte is not", { "abc", 3 }, { "abd", 3 }, false },
        { "a prefix is not", { "abc", 3 }, { "abcd", 4 }, false },
        { "bytes after a NUL count", { "a\0b", 3 }, { "a\0c", 3 }, false },
        { "a NUL within is a byte", { "a\0b", 3 }, { "a\0b", 3 }, true },
        { "empty equals empty, even NULL", { NULL, 0 }, { "", 0 }, true },
        { "empty is not a NUL byte", { "", 0 }, { "\0", 1 }, false },
        { "only len bytes count", { "abX", 2 }, { "abY", 2 }, true },
};

static void check_row(gconstpointer pointer)
{
        const Row *row = pointer;

        g_assert_cmpint(span_equal(row->a, row->b), ==, row->equal);
        g_assert_cmpint(span_equal(row->b, row->a), ==, row->equal);
}

static void from_strings(void)
{
        g_assert_cmpuint(span_from("four").len, ==, 4);
        g_assert_cmpuint(span_from(NULL).len, ==, 0);
        g_assert_nonnull(span_from(NULL).data);
        g_assert_true(span_equal_string(span_of("abc", 2), "ab"));
        g_assert_false(span_equal_string(span_of("ab\0", 3), "ab"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/span/%s", rows[i].sentence);
                g_test_add_data_func(name, &rows[i], check_row);
        }
        g_test_add_func("/span/a string's NUL is not part of its span", from_strings);
        return g_test_run();
}

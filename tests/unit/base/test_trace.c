/* test_trace: what of a caller's headers is taken and what is made anew. */
#include "base/trace.h"

#include <glib.h>

#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define ZEROS  "0000000000000000"

typedef struct ParentRow {
        const char *sentence;
        const char *header;
        bool taken;
        bool sampled;
} ParentRow;

/* The header is W3C Trace Context §3.2.2.5's example, then broken in one place each. */
static const ParentRow parent_rows[] = {
        { "the recommendation's example is taken", "00-" TRACE "-" PARENT "-01", true, true },
        { "an unsampled one is taken", "00-" TRACE "-" PARENT "-00", true, false },
        { "flags that we do not know do not disturb", "00-" TRACE "-" PARENT "-ff", true, true },
        { "only the lowest flag means sampled", "00-" TRACE "-" PARENT "-f2", true, false },
        { "none", "", false, false },
        { "version ff", "ff-" TRACE "-" PARENT "-01", false, false },
        { "version 01", "01-" TRACE "-" PARENT "-01", false, false },
        { "a trace id of zeros", "00-" ZEROS ZEROS "-" PARENT "-01", false, false },
        { "a parent of zeros", "00-" TRACE "-" ZEROS "-01", false, false },
        { "capitals", "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", false, false },
        { "a capital flag", "00-" TRACE "-" PARENT "-0A", false, false },
        { "one digit less", "00-" TRACE "-" PARENT "-0", false, false },
        { "one digit more", "00-" TRACE "-" PARENT "-011", false, false },
        { "a fifth part", "00-" TRACE "-" PARENT "-01-x", false, false },
        { "wrong separators", "00_" TRACE "_" PARENT "_01", false, false },
        { "a separator moved", "00-" TRACE "a-7ad6b7169203331-01", false, false },
        { "a space", "00-" TRACE "-b7ad6b716920333 -01", false, false },
};

static void check_parent_row(gconstpointer pointer)
{
        const ParentRow *row = pointer;
        Trace trace;

        trace_begin(&trace, SPAN_EMPTY, span_from(row->header));
        g_assert_cmpint(g_str_equal(trace.trace_id, TRACE), ==, row->taken);
        g_assert_cmpstr(trace.parent_id, ==, row->taken ? PARENT : ZEROS);
        g_assert_cmpint(trace.sampled, ==, row->sampled);
        g_assert_cmpuint(strlen(trace.trace_id), ==, 32);
        g_assert_cmpuint(strlen(trace.span_id), ==, 16);
        g_assert_cmpstr(trace.span_id, !=, PARENT);
}

typedef struct IdRow {
        const char *sentence;
        Span header;
        bool taken;
} IdRow;

#define SIXTY "123456789-123456789_123456789.123456789A123456789z123456789-"

static const IdRow id_rows[] = {
        { "a UUID is taken", { "6f1d-4a", 7 }, true },
        { "one character is taken", { "x", 1 }, true },
        { "64 characters are taken", { SIXTY "1234", 64 }, true },
        { "65 characters are not", { SIXTY "12345", 65 }, false },
        { "an empty one is not", { "", 0 }, false },
        { "an absent one is not", { NULL, 0 }, false },
        { "a space is not", { "a b", 3 }, false },
        { "a line break is not", { "a\nb", 3 }, false },
        { "a NUL is not", { "a\0b", 3 }, false },
        { "a quote is not", { "a\"b", 3 }, false },
        { "UTF-8 is not", { "\xc3\xa9", 2 }, false },
};

static void check_id_row(gconstpointer pointer)
{
        const IdRow *row = pointer;
        Trace trace;

        trace_begin(&trace, row->header, span_of(NULL, 0));
        g_assert_cmpint(span_equal(span_from(trace.request_id), row->header), ==, row->taken);
        if (!row->taken)
                g_assert_cmpuint(strlen(trace.request_id), ==, 32);
}

#define IDS 100 /* many refills of the random store */

static void made_anew_differs(void)
{
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (int i = 0; i < IDS; i++) {
                Trace trace;

                trace_begin(&trace, SPAN_EMPTY, SPAN_EMPTY);
                g_assert_cmpuint(strspn(trace.request_id, "0123456789abcdef"), ==, 32);
                g_hash_table_add(seen, g_strdup(trace.request_id));
                g_hash_table_add(seen, g_strdup(trace.trace_id));
                g_hash_table_add(seen, g_strdup(trace.span_id));
        }
        g_assert_cmpuint(g_hash_table_size(seen), ==, 3 * IDS);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(parent_rows); i++) {
                g_autofree char *name =
                    g_strdup_printf("/trace/parent/%s", parent_rows[i].sentence);
                g_test_add_data_func(name, &parent_rows[i], check_parent_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(id_rows); i++) {
                g_autofree char *name = g_strdup_printf("/trace/id/%s", id_rows[i].sentence);
                g_test_add_data_func(name, &id_rows[i], check_id_row);
        }
        g_test_add_func("/trace/ids made anew differ each time", made_anew_differs);
        return g_test_run();
}

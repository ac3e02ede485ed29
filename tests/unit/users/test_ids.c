/* test_ids: which numbers may be given, and which one a key gets. */
#include "users/ids.h"

#define ISSUER "https://issuer.example/realms/test"

typedef struct EdgeRow {
        uint32_t last_allowed_before, first_forbidden, last_forbidden, first_allowed_after;
        const char *sentence;
} EdgeRow;

/* 0: there is none on that side. */
static const EdgeRow edges[] = {
        { 0, 0, 999, 1000, "the system's" },
        { 61183, 61184, 65519, 65520, "systemd's dynamic users" },
        { 65533, 65534, 65535, 65536, "nobody and the old -1" },
        { 2147352575, 2147352576, 2147418111, 2147418112, "systemd's foreign users" },
        { 4294967294, 4294967295, 4294967295, 0, "-1" },
};

static void check_edge(gconstpointer userdata)
{
        const EdgeRow *row = userdata;

        g_assert_false(ids_allowed(row->first_forbidden));
        g_assert_false(ids_allowed(row->last_forbidden));
        if (row->last_allowed_before)
                g_assert_true(ids_allowed(row->last_allowed_before));
        if (row->first_allowed_after)
                g_assert_true(ids_allowed(row->first_allowed_after));
}

typedef struct RangeRow {
        const char *sentence;
        uint32_t first, last;
        bool good;
} RangeRow;

static const RangeRow ranges[] = {
        { "the default", USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT, true },
        { "one number", 5000, 5000, true },
        { "none", 5001, 5000, false },
        { "from 1000", 1000, 2000, true },
        { "from 999", 999, 2000, false },
        { "up to systemd's", 1000, 61183, true },
        { "one into systemd's", 1000, 61184, false },
        { "around nobody", 65530, 70000, false },
        { "behind nobody", 65536, 70000, true },
        { "up to the foreign users", 100000, 2147352575, true },
        { "one into them", 100000, 2147352576, false },
        { "behind them, up to 2^31-1", 2147418112, 2147483647, true },
        { "one more", 2147418112, 2147483648, false },
};

static void check_range(gconstpointer userdata)
{
        const RangeRow *row = userdata;

        g_assert_cmpint(ids_range_trouble(row->first, row->last) == NULL, ==, row->good);
}

/* Fixed for ever: computed apart from this code, by Python's hashlib. */
typedef struct KnownRow {
        const char *sentence;
        const char *issuer, *key;
        unsigned try;
        uint32_t first, last, id;
} KnownRow;

static const KnownRow known[] = {
        { "a subject", "https://issuer.example/realms/test", "c5a3b6f0-8f2b-4a39-9d3e-0a6f7c1f2b11",
          0, 1879048192, 2147483647, 2107564514 },
        { "its second try", "https://issuer.example/realms/test",
          "c5a3b6f0-8f2b-4a39-9d3e-0a6f7c1f2b11", 1, 1879048192, 2147483647, 2085251468 },
        { "its third try", "https://issuer.example/realms/test",
          "c5a3b6f0-8f2b-4a39-9d3e-0a6f7c1f2b11", 2, 1879048192, 2147483647, 2041903135 },
        { "another issuer", "https://issuer.example/realms/test2",
          "c5a3b6f0-8f2b-4a39-9d3e-0a6f7c1f2b11", 0, 1879048192, 2147483647, 1960676006 },
        { "a group", "https://issuer.example/realms/test",
          "group:11111111-2222-4333-8444-555555555555", 0, 1879048192, 2147483647, 1929600384 },
        { "a small range", "https://issuer.example/realms/test", "s1", 0, 5000, 5009, 5005 },
};

static void check_known(gconstpointer userdata)
{
        const KnownRow *row = userdata;

        g_assert_cmpuint(ids_next(row->issuer, row->key, row->try, row->first, row->last), ==,
                         row->id);
        if (row->try == 0)
                g_assert_cmpuint(ids_candidate(row->issuer, row->key, row->first, row->last), ==,
                                 row->id);
}

static void always_in_range(void)
{
        unsigned seen[10] = { 0 };

        for (unsigned i = 0; i < 10000; i++) {
                g_autofree char *key = g_strdup_printf("s%u", i);
                uint32_t id = ids_candidate(ISSUER, key, 5000, 5009);

                g_assert_cmpuint(id, >=, 5000);
                g_assert_cmpuint(id, <=, 5009);
                seen[id - 5000]++;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(seen); i++) {
                g_assert_cmpuint(seen[i], >, 850);
                g_assert_cmpuint(seen[i], <, 1150);
        }
}

static void read_as_decimal(void)
{
        g_assert_cmpuint(ids_read(span_from("1000")), ==, 1000);
        g_assert_cmpuint(ids_read(span_of("10005", 4)), ==, 1000);
        g_assert_cmpuint(ids_read(span_from("999")), ==, UID_NONE);
        g_assert_cmpuint(ids_read(span_from("4294968296")), ==, UID_NONE); /* 2^32 + 1000 */
        g_assert_cmpuint(ids_read(span_from("")), ==, UID_NONE);
        g_assert_cmpuint(ids_read(span_from("1000\n")), ==, UID_NONE);
}

/* A text that moves from one part to the next is another list of parts. */
static void parts_do_not_run_together(void)
{
        g_assert_cmpuint(ids_candidate("https://a", "bc", 1000, 60000), !=,
                         ids_candidate("https://ab", "c", 1000, 60000));
}

static void expected(void)
{
        double n = ids_expected_collisions(100000, USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT);

        g_assert_cmpfloat(n, >, 18.6);
        g_assert_cmpfloat(n, <, 18.7);
}

#define ADD(group, rows, run)                                                                      \
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)                                            \
        add(group, rows[i].sentence, &rows[i], run)

static void add(const char *group, const char *sentence, const void *row, GTestDataFunc run)
{
        g_autofree char *path = g_strdup_printf("/ids/%s/%s", group, sentence);

        g_test_add_data_func(path, row, run);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("never given", edges, check_edge);
        ADD("ranges", ranges, check_range);
        ADD("known", known, check_known);
        g_test_add_func("/ids/read as decimal", read_as_decimal);
        g_test_add_func("/ids/always in the range, evenly", always_in_range);
        g_test_add_func("/ids/parts do not run together", parts_do_not_run_together);
        g_test_add_func("/ids/expected collisions", expected);
        return g_test_run();
}

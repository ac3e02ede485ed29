/* Offline logins: who is let in by what was remembered, who is not, and that no password stays. */
#include "login/offline.h"

#include "base/clock.h"
#include "base/log.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ALICE   "5f3c9b6e-0000-4000-8000-000000000001"
#define BOB     "5f3c9b6e-0000-4000-8000-000000000002"
#define NOW_SEC INT64_C(1700000000)
#define DAY_SEC INT64_C(86400)

static size_t n_events;

/* Stands in front of base/log's. */
void log_write(LogLevel level, const char *event, const char *message, const LogField *fields)
{
        n_events += strcmp(event, "offline_failed") == 0;
}

typedef struct Fixture {
        char *folder;
        Store *store;
        GMainContext *context;
        Offline *offline;
} Fixture;

static void open_all(Fixture *fixture)
{
        g_autoptr(GError) error = NULL;

        fixture->store = store_open(fixture->folder, &error);
        g_assert_no_error(error);
        fixture->offline = offline_new(fixture->context, fixture->store, &error);
        g_assert_no_error(error);
}

static void close_all(Fixture *fixture)
{
        offline_free(fixture->offline);
        store_close(fixture->store);
}

static void set_up(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *made = g_dir_make_tmp("authd-offline-XXXXXX", NULL);

        fixture->folder = realpath(made, NULL);
        fixture->context = g_main_context_new();
        n_events = 0;
        open_all(fixture);
}

static void remove_folder(const char *folder)
{
        g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(listing))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                g_unlink(path);
        }
        g_rmdir(folder);
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
        close_all(fixture);
        g_main_context_unref(fixture->context);
        remove_folder(fixture->folder);
        free(fixture->folder);
}

static void settle(Fixture *fixture)
{
        while (offline_n_waiting(fixture->offline) > 0)
                g_main_context_iteration(fixture->context, TRUE);
}

static void remember(Fixture *fixture, const char *subject, const char *password, int64_t now_sec)
{
        offline_remember(fixture->offline, subject, span_from(password), now_sec);
        settle(fixture);
}

/* Heard: what a check said, and how often. */
typedef struct Heard {
        OfflineResult result;
        unsigned n;
} Heard;

static void hear(OfflineResult result, void *userdata)
{
        Heard *heard = userdata;

        heard->result = result;
        heard->n++;
}

static OfflineResult check_span(Fixture *fixture, const char *subject, Span password,
                                int64_t now_sec)
{
        Heard heard = { OFFLINE_UNAVAILABLE, 0 };

        offline_check(fixture->offline, subject, password, DAY_SEC, now_sec, hear, &heard);
        g_assert_cmpuint(heard.n, ==, 0);
        settle(fixture);
        g_assert_cmpuint(heard.n, ==, 1);
        return heard.result;
}

static OfflineResult check(Fixture *fixture, const char *subject, const char *password,
                           int64_t now_sec)
{
        return check_span(fixture, subject, span_from(password), now_sec);
}

typedef struct Row {
        const char *sentence;
        const char *subject;
        Span password;
        int64_t later_sec; /* after the login that was remembered */
        OfflineResult result;
} Row;

#define GOOD "correct horse"

static const Row rows[] = {
        { "the password that was good is good", ALICE, SPAN_OF_LITERAL(GOOD), 0, OFFLINE_GOOD },
        { "also a second before it is too old", ALICE, SPAN_OF_LITERAL(GOOD), DAY_SEC - 1,
          OFFLINE_GOOD },
        { "also when it is just as old as it may be", ALICE, SPAN_OF_LITERAL(GOOD), DAY_SEC,
          OFFLINE_GOOD },
        { "a second later it is too old", ALICE, SPAN_OF_LITERAL(GOOD), DAY_SEC + 1, OFFLINE_NONE },
        { "a clock that was set back a little does no harm", ALICE, SPAN_OF_LITERAL(GOOD), -60,
          OFFLINE_GOOD },
        { "one that was set back further makes nobody younger", ALICE, SPAN_OF_LITERAL(GOOD), -61,
          OFFLINE_NONE },
        { "another password is wrong", ALICE, SPAN_OF_LITERAL("correct horsf"), 0, OFFLINE_WRONG },
        { "a part of it is wrong", ALICE, SPAN_OF_LITERAL("correct hors"), 0, OFFLINE_WRONG },
        { "more than it is wrong", ALICE, SPAN_OF_LITERAL(GOOD "x"), 0, OFFLINE_WRONG },
        { "it with a NUL behind is wrong", ALICE, SPAN_OF_LITERAL(GOOD "\0x"), 0, OFFLINE_WRONG },
        { "none is wrong", ALICE, SPAN_OF_LITERAL(""), 0, OFFLINE_WRONG },
        { "another's is nobody's", BOB, SPAN_OF_LITERAL(GOOD), 0, OFFLINE_NONE },
        { "a subject that begins alike is another", "5f3c9b6e", SPAN_OF_LITERAL(GOOD), 0,
          OFFLINE_NONE },
};

static void test_row(Fixture *fixture, gconstpointer data)
{
        const Row *row = data;

        remember(fixture, ALICE, GOOD, NOW_SEC);
        g_assert_cmpint(check_span(fixture, row->subject, row->password, NOW_SEC + row->later_sec),
                        ==, row->result);
}

static void test_reopen(Fixture *fixture, gconstpointer unused)
{
        remember(fixture, ALICE, GOOD, NOW_SEC);
        close_all(fixture);
        open_all(fixture);
        g_assert_cmpint(check(fixture, ALICE, GOOD, NOW_SEC), ==, OFFLINE_GOOD);
}

static void test_later_wins(Fixture *fixture, gconstpointer unused)
{
        offline_remember(fixture->offline, ALICE, span_from(GOOD), NOW_SEC);
        offline_remember(fixture->offline, ALICE, span_from("newer"), NOW_SEC);
        settle(fixture);
        g_assert_cmpint(check(fixture, ALICE, GOOD, NOW_SEC), ==, OFFLINE_WRONG);
        g_assert_cmpint(check(fixture, ALICE, "newer", NOW_SEC), ==, OFFLINE_GOOD);
}

static void test_forget(Fixture *fixture, gconstpointer unused)
{
        Heard heard = { OFFLINE_UNAVAILABLE, 0 };

        remember(fixture, ALICE, GOOD, NOW_SEC);
        remember(fixture, BOB, GOOD, NOW_SEC);
        offline_forget(fixture->offline, ALICE);
        g_assert_cmpint(check(fixture, ALICE, GOOD, NOW_SEC), ==, OFFLINE_NONE);
        g_assert_cmpint(check(fixture, BOB, GOOD, NOW_SEC), ==, OFFLINE_GOOD);
        /* While it is being made, and while it is being checked. */
        offline_remember(fixture->offline, ALICE, span_from(GOOD), NOW_SEC);
        offline_forget(fixture->offline, ALICE);
        settle(fixture);
        g_assert_cmpint(check(fixture, ALICE, GOOD, NOW_SEC), ==, OFFLINE_NONE);
        offline_check(fixture->offline, BOB, span_from(GOOD), DAY_SEC, NOW_SEC, hear, &heard);
        offline_forget(fixture->offline, BOB);
        settle(fixture);
        g_assert_cmpint(heard.result, ==, OFFLINE_NONE);
}

static void test_unfit(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *longest = g_strnfill(OFFLINE_PASSWORD_MAX - 1, 'x');
        g_autofree char *too_long = g_strnfill(OFFLINE_PASSWORD_MAX, 'x');

        remember(fixture, ALICE, longest, NOW_SEC);
        g_assert_cmpint(check(fixture, ALICE, longest, NOW_SEC), ==, OFFLINE_GOOD);
        g_assert_cmpint(check(fixture, ALICE, too_long, NOW_SEC), ==, OFFLINE_WRONG);
        remember(fixture, ALICE, too_long, NOW_SEC);
        g_assert_cmpint(check(fixture, ALICE, longest, NOW_SEC), ==, OFFLINE_NONE);
}

static void test_tidy(Fixture *fixture, gconstpointer unused)
{
        remember(fixture, ALICE, GOOD, NOW_SEC);
        remember(fixture, BOB, GOOD, NOW_SEC + 1);
        offline_tidy(fixture->offline, DAY_SEC, NOW_SEC + DAY_SEC);
        g_assert_cmpint(check(fixture, ALICE, GOOD, NOW_SEC), ==, OFFLINE_GOOD);
        offline_tidy(fixture->offline, DAY_SEC, NOW_SEC + DAY_SEC + 1);
        g_assert_cmpint(check(fixture, ALICE, GOOD, NOW_SEC), ==, OFFLINE_NONE);
        g_assert_cmpint(check(fixture, BOB, GOOD, NOW_SEC), ==, OFFLINE_GOOD);
        offline_tidy(fixture->offline, 0, NOW_SEC);
        g_assert_cmpint(check(fixture, BOB, GOOD, NOW_SEC), ==, OFFLINE_NONE);
}

static void take_text(const StoreValue *values, size_t n_values, void *userdata)
{
        *(char **) userdata = g_strndup(values[0].bytes.data, values[0].bytes.len);
}

static void test_kept(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *first = NULL;
        g_autofree char *second = NULL;

        remember(fixture, ALICE, GOOD, NOW_SEC);
        store_read(fixture->store, "SELECT verifier FROM login_offline", NULL, 0, take_text,
                   &first);
        remember(fixture, ALICE, GOOD, NOW_SEC);
        store_read(fixture->store, "SELECT verifier FROM login_offline", NULL, 0, take_text,
                   &second);
        g_assert_true(g_str_has_prefix(first, "$y$"));
        g_assert_null(strstr(first, GOOD));
        g_assert_cmpstr(first, !=, second); /* a salt each */
}

static void test_bounded_verifiers(Fixture *fixture, gconstpointer unused)
{
        const StoreValue n[] = { store_integer(OFFLINE_VERIFIERS_MAX) };

        remember(fixture, BOB, GOOD, NOW_SEC - 1);
        g_assert_cmpint(store_change(fixture->store,
                                     "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1"
                                     " FROM n WHERE i < ?) INSERT INTO login_offline SELECT 'p' ||"
                                     " i, '$y$', 1700000000 FROM n",
                                     n, 1),
                        ==, 0);
        remember(fixture, ALICE, GOOD, NOW_SEC + 1);
        g_assert_cmpint(check(fixture, BOB, GOOD, NOW_SEC), ==, OFFLINE_NONE);
        g_assert_cmpint(check(fixture, ALICE, GOOD, NOW_SEC), ==, OFFLINE_GOOD);
}

/* What stands in the database is no verifier: that is no "wrong", and never a yes. */
static void test_broken_verifier(Fixture *fixture, gconstpointer unused)
{
        static const char *const broken[] = {
                "", "*0", "$y$", "$y$j9T$", "plain", "correct horse"
        };

        for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
                const StoreValue values[] = { store_text(span_from(ALICE)),
                                              store_text(span_from(broken[i])),
                                              store_integer(NOW_SEC) };

                store_change(fixture->store,
                             "INSERT OR REPLACE INTO login_offline VALUES (?, ?, ?)", values,
                             G_N_ELEMENTS(values));
                g_assert_cmpint(check(fixture, ALICE, GOOD, NOW_SEC), !=, OFFLINE_GOOD);
        }
}

static void test_store_gone(Fixture *fixture, gconstpointer unused)
{
        remember(fixture, ALICE, GOOD, NOW_SEC);
        g_assert_cmpint(store_change(fixture->store, "DROP TABLE login_offline", NULL, 0), ==, 0);
        g_assert_cmpint(check(fixture, ALICE, GOOD, NOW_SEC), ==, OFFLINE_UNAVAILABLE);
        g_assert_cmpuint(n_events, ==, 1);
        remember(fixture, ALICE, GOOD, NOW_SEC);
        g_assert_cmpuint(n_events, >, 1);
}

static void test_no_store(void)
{
        g_autoptr(GMainContext) context = g_main_context_new();
        Fixture fixture = { .context = context };

        fixture.offline = offline_new(context, NULL, NULL);
        remember(&fixture, ALICE, GOOD, NOW_SEC);
        g_assert_cmpint(check(&fixture, ALICE, GOOD, NOW_SEC), ==, OFFLINE_UNAVAILABLE);
        offline_forget(fixture.offline, ALICE);
        offline_tidy(fixture.offline, 0, NOW_SEC);
        offline_free(fixture.offline);
}

/* As many at a time as there may be, and one more. */
static void test_many(Fixture *fixture, gconstpointer unused)
{
        Heard heard[OFFLINE_WAITING_MAX + 1] = { 0 };

        remember(fixture, ALICE, GOOD, NOW_SEC);
        for (size_t i = 0; i < G_N_ELEMENTS(heard); i++)
                offline_check(fixture->offline, ALICE, span_from(i % 2 ? GOOD : "wrong"), DAY_SEC,
                              NOW_SEC, hear, &heard[i]);
        settle(fixture);
        for (size_t i = 0; i < OFFLINE_WAITING_MAX; i++) {
                g_assert_cmpint(heard[i].result, ==, i % 2 ? OFFLINE_GOOD : OFFLINE_WRONG);
                g_assert_cmpuint(heard[i].n, ==, 1);
        }
        g_assert_cmpint(heard[OFFLINE_WAITING_MAX].result, ==, OFFLINE_UNAVAILABLE);
        g_assert_cmpuint(heard[OFFLINE_WAITING_MAX].n, ==, 1);
}

static void test_free(Fixture *fixture, gconstpointer unused)
{
        Heard heard[OFFLINE_WAITING_MAX / 2] = { 0 };

        remember(fixture, ALICE, GOOD, NOW_SEC);
        offline_remember(fixture->offline, BOB, span_from(GOOD), NOW_SEC);
        for (size_t i = 0; i < G_N_ELEMENTS(heard); i++)
                offline_check(fixture->offline, ALICE, span_from(GOOD), DAY_SEC, NOW_SEC, hear,
                              &heard[i]);
        offline_free(fixture->offline);
        for (size_t i = 0; i < G_N_ELEMENTS(heard); i++) {
                g_assert_cmpint(heard[i].result, ==, OFFLINE_UNAVAILABLE);
                g_assert_cmpuint(heard[i].n, ==, 1);
        }
        fixture->offline = offline_new(fixture->context, fixture->store, NULL);
}

/* ---- memory: the whole of our own is looked through ---- */

#define HIDDEN_SIZE 24
#define HIDE        0x5a /* so that what is looked for does not stand in memory itself */

static bool is_hidden_at(const unsigned char *at, const unsigned char *hidden)
{
        for (size_t i = 0; i < HIDDEN_SIZE; i++)
                if ((at[i] ^ HIDE) != hidden[i])
                        return false;
        return true;
}

static size_t count_in(int memory, uintptr_t from, uintptr_t to, const unsigned char *hidden)
{
        enum { CHUNK = 65536 };
        static unsigned char chunk[CHUNK + HIDDEN_SIZE];
        size_t n_found = 0;

        for (uintptr_t at = from; at < to; at += CHUNK) {
                ssize_t n = pread(memory, chunk, MIN(sizeof(chunk), to - at), (off_t) at);

                for (ssize_t i = 0; i + HIDDEN_SIZE <= n && i < CHUNK; i++)
                        n_found +=
                            chunk[i] == (hidden[0] ^ HIDE) && is_hidden_at(chunk + i, hidden);
                /* The chunk lies in memory that is looked through, too. */
                explicit_bzero(chunk, sizeof(chunk));
        }
        return n_found;
}

static size_t count_in_memory(const unsigned char *hidden)
{
        FILE *maps = fopen("/proc/self/maps", "re"), *memory = fopen("/proc/self/mem", "re");
        char line[512];
        size_t n_found = 0;

        while (fgets(line, sizeof(line), maps)) {
                uintptr_t from, to;
                char mode[8];

                if (sscanf(line, "%" G_GINTPTR_MODIFIER "x-%" G_GINTPTR_MODIFIER "x %7s", &from,
                           &to, mode) == 3 &&
                    g_str_has_prefix(mode, "rw") && !strstr(line, "[vvar]"))
                        n_found += count_in(fileno(memory), from, to, hidden);
        }
        fclose(maps);
        fclose(memory);
        return n_found;
}

static void test_erased(Fixture *fixture, gconstpointer unused)
{
        unsigned char hidden[HIDDEN_SIZE];
        char password[HIDDEN_SIZE + 1] = { 0 };
        Heard heard = { 0 };

        if (g_getenv("SANITIZED")) {
                g_test_skip("a sanitizer's own memory is too much to look through");
                return;
        }
        for (size_t i = 0; i < HIDDEN_SIZE; i++) {
                password[i] = (char) g_random_int_range('a', 'z' + 1);
                hidden[i] = (unsigned char) password[i] ^ HIDE;
        }
        g_assert_cmpuint(count_in_memory(hidden), >=, 1); /* the look finds what is there */
        remember(fixture, ALICE, password, NOW_SEC);
        offline_check(fixture->offline, ALICE, span_from(password), DAY_SEC, NOW_SEC, hear, &heard);
        password[0] ^= 1;
        g_assert_cmpint(check(fixture, ALICE, password, NOW_SEC), ==, OFFLINE_WRONG);
        g_assert_cmpint(heard.result, ==, OFFLINE_GOOD);
        explicit_bzero(password, sizeof(password));
        g_assert_cmpuint(count_in_memory(hidden), ==, 0);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*test)(Fixture *fixture, gconstpointer unused);
        } cases[] = {
                { "what is remembered outlives a restart", test_reopen },
                { "the later of two passwords wins", test_later_wins },
                { "what is forgotten is forgotten, also under way", test_forget },
                { "what libcrypt would cut is no password", test_unfit },
                { "what nobody may use any more is removed", test_tidy },
                { "a salted verifier is kept, not the password", test_kept },
                { "the oldest go when there are too many", test_bounded_verifiers },
                { "a broken verifier lets nobody in", test_broken_verifier },
                { "a database that does not answer is unavailable", test_store_gone },
                { "many at a time are each answered, one too many is unavailable", test_many },
                { "who waits when it ends is told unavailable", test_free },
                { "no password stays in memory", test_erased },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/offline/", rows[i].sentence, NULL);

                g_test_add(path, Fixture, &rows[i], set_up, test_row, tear_down);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strconcat("/offline/", cases[i].sentence, NULL);

                g_test_add(path, Fixture, NULL, set_up, cases[i].test, tear_down);
        }
        g_test_add_func("/offline/without a database every check is unavailable", test_no_store);
        return g_test_run();
}

/* test_snapshot: what is kept of each issuer, what writing it again costs, what is forgotten. */
#include "issuer/snapshot.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define URL      "https://sso.example.com/realms/a"
#define INSIDE   "http://keycloak.cluster:8080/realms/a"
#define NOW_SEC  INT64_C(1767323045)
#define KEYS_LEN (200 * 1000)
#define PAGE     4096

typedef struct Fixture {
        char *folder;
        Store *store;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer unused)
{
        fixture->folder = g_dir_make_tmp("authd-snapshot-XXXXXX", NULL);
        fixture->store = store_open(fixture->folder, NULL);
        g_assert_true(snapshot_prepare(fixture->store, NULL));
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *path = g_build_filename(fixture->folder, STORE_FILE, NULL);

        store_close(fixture->store);
        g_unlink(path);
        g_rmdir(fixture->folder);
        g_free(fixture->folder);
}

typedef struct Taken {
        int n;
        char *discovery, *keys, *etag;
        int64_t fetched_at_sec, fresh_sec;
} Taken;

static void taken_clear(Taken *taken)
{
        g_free(taken->discovery);
        g_free(taken->keys);
        g_free(taken->etag);
}

static void take(const Snapshot *snapshot, void *userdata)
{
        Taken *taken = userdata;

        taken->n++;
        taken->discovery = g_strndup(snapshot->discovery.data, snapshot->discovery.len);
        taken->keys = g_strndup(snapshot->keys.data, snapshot->keys.len);
        taken->etag = g_strdup(snapshot->keys_etag);
        taken->fetched_at_sec = snapshot->fetched_at_sec;
        taken->fresh_sec = snapshot->fresh_sec;
}

static Snapshot snapshot_of(const char *discovery, const char *keys, const char *etag, int64_t at)
{
        return (Snapshot){ span_from(discovery), span_from(keys), etag, at, 300 };
}

static void assert_kept(Store *store, const char *url, const char *fetch_url,
                        const Snapshot *wanted)
{
        __attribute__((cleanup(taken_clear))) Taken taken = { 0 };

        g_assert_cmpint(snapshot_load(store, url, fetch_url, take, &taken), ==, 0);
        g_assert_cmpint(taken.n, ==, wanted ? 1 : 0);
        if (!wanted)
                return;
        g_assert_true(span_equal_string(wanted->discovery, taken.discovery));
        g_assert_true(span_equal_string(wanted->keys, taken.keys));
        g_assert_cmpstr(taken.etag, ==, wanted->keys_etag);
        g_assert_cmpint(taken.fetched_at_sec, ==, wanted->fetched_at_sec);
        g_assert_cmpint(taken.fresh_sec, ==, wanted->fresh_sec);
}

static void is_kept_over_a_restart(Fixture *fixture, gconstpointer unused)
{
        const Snapshot whole = snapshot_of("{\"issuer\":1}", "{\"keys\":[]}", "\"e\"", NOW_SEC);
        const Snapshot bare = snapshot_of("", "{}", NULL, NOW_SEC + 1);

        g_assert_cmpint(snapshot_save(fixture->store, URL, NULL, &whole), ==, 0);
        g_assert_cmpint(snapshot_save(fixture->store, URL, INSIDE, &bare), ==, 0);
        store_close(fixture->store);
        fixture->store = store_open(fixture->folder, NULL);
        g_assert_true(snapshot_prepare(fixture->store, NULL));
        assert_kept(fixture->store, URL, NULL, &whole);
        assert_kept(fixture->store, URL, "", &whole);
        assert_kept(fixture->store, URL, INSIDE, &bare);
        assert_kept(fixture->store, INSIDE, NULL, NULL);
        assert_kept(fixture->store, URL "/", NULL, NULL);
}

static void the_last_one_counts(Fixture *fixture, gconstpointer unused)
{
        const Snapshot rows[] = {
                snapshot_of("d", "k", "e", NOW_SEC),      snapshot_of("d", "k", "e", NOW_SEC + 1),
                snapshot_of("D", "k", "e", NOW_SEC + 2),  snapshot_of("D", "K", "e", NOW_SEC + 3),
                snapshot_of("D", "K", "E", NOW_SEC + 4),  snapshot_of("D", "K", NULL, NOW_SEC + 5),
                snapshot_of("", "K", NULL, NOW_SEC + 6),  snapshot_of("", "K", "", NOW_SEC + 7),
                snapshot_of("d", "k", "e", NOW_SEC - 99),
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_assert_cmpint(snapshot_save(fixture->store, URL, NULL, &rows[i]), ==, 0);
                assert_kept(fixture->store, URL, NULL, &rows[i]);
        }
}

static goffset log_size(const Fixture *fixture)
{
        g_autofree char *path = g_strconcat(store_path(fixture->store), "-wal", NULL);
        GStatBuf found;

        return g_stat(path, &found) == 0 ? found.st_size : 0;
}

static void same_texts_cost_little(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *keys = g_strnfill(KEYS_LEN, 'k');
        Snapshot snapshot = snapshot_of("d", keys, NULL, NOW_SEC);

        g_assert_cmpint(snapshot_save(fixture->store, URL, NULL, &snapshot), ==, 0);
        g_assert_cmpint(store_sync(fixture->store), ==, 0);
        snapshot.fetched_at_sec++;
        g_assert_cmpint(snapshot_save(fixture->store, URL, NULL, &snapshot), ==, 0);
        g_assert_cmpint(log_size(fixture), >, 0);
        g_assert_cmpint(log_size(fixture), <, 3 * PAGE);
        assert_kept(fixture->store, URL, NULL, &snapshot);
        keys[KEYS_LEN - 1] = 'x';
        g_assert_cmpint(snapshot_save(fixture->store, URL, NULL, &snapshot), ==, 0);
        g_assert_cmpint(log_size(fixture), >, KEYS_LEN);
        assert_kept(fixture->store, URL, NULL, &snapshot);
}

static void old_ones_are_forgotten(Fixture *fixture, gconstpointer unused)
{
        const Snapshot snapshot = snapshot_of("d", "k", NULL, NOW_SEC);

        g_assert_cmpint(snapshot_save(fixture->store, URL, NULL, &snapshot), ==, 0);
        g_assert_cmpint(snapshot_prune(fixture->store, NOW_SEC + SNAPSHOT_KEPT_SEC), ==, 0);
        assert_kept(fixture->store, URL, NULL, &snapshot);
        g_assert_cmpint(snapshot_prune(fixture->store, NOW_SEC + SNAPSHOT_KEPT_SEC + 1), ==, 0);
        assert_kept(fixture->store, URL, NULL, NULL);
}

static void without_a_store(Fixture *fixture, gconstpointer unused)
{
        const Snapshot snapshot = snapshot_of("d", "k", NULL, NOW_SEC);

        g_assert_true(snapshot_prepare(NULL, NULL));
        g_assert_cmpint(snapshot_save(NULL, URL, NULL, &snapshot), ==, 0);
        assert_kept(NULL, URL, NULL, NULL);
        g_assert_cmpint(snapshot_prune(NULL, NOW_SEC), ==, 0);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*check)(Fixture *fixture, gconstpointer unused);
        } rows[] = {
                { "by url and address, over a restart", is_kept_over_a_restart },
                { "the last one counts, whatever changed", the_last_one_counts },
                { "the same texts cost a page or two", same_texts_cost_little },
                { "forgotten when nobody refreshed it, both sides", old_ones_are_forgotten },
                { "without a store nothing is kept and nothing fails", without_a_store },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/snapshot/%s", rows[i].sentence);
                g_test_add(name, Fixture, NULL, set_up, rows[i].check, tear_down);
        }
        return g_test_run();
}

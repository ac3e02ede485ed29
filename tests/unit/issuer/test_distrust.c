/* test_distrust: whose keys do not count, before and after a restart, with a file and without. */
#include "issuer/distrust.h"

#include "jwks.h"

#include <errno.h>
#include <glib/gstdio.h>

#define A          "https://sso.example.com/realms/a"
#define B          "https://sso.example.com/realms/b"
#define THUMBPRINT "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" /* RFC 8037 A.3 */
#define NOW_SEC    INT64_C(1767323045)

typedef struct Fixture {
        char *folder;
        Store *store;
        Distrust *distrust;
        KeySet *keys; /* one with a kid, one without */
} Fixture;

static KeySet *keys_of(const char *json)
{
        KeySet *keys = NULL;

        g_assert_cmpint(keyset_parse(span_from(json), NULL, NULL, &keys), ==, 0);
        return keys;
}

static void open_all(Fixture *fixture)
{
        g_autoptr(GError) error = NULL;

        fixture->store = store_open(fixture->folder, &error);
        g_assert_no_error(error);
        fixture->distrust = distrust_new(fixture->store, &error);
        g_assert_no_error(error);
}

static void close_all(Fixture *fixture)
{
        g_clear_pointer(&fixture->distrust, distrust_free);
        g_clear_pointer(&fixture->store, store_close);
}

static void set_up(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *json = jwks_of("k1");

        fixture->folder = g_dir_make_tmp("authd-distrust-XXXXXX", NULL);
        fixture->keys = keys_of(json);
        open_all(fixture);
}

static void remove_folder(const Fixture *fixture)
{
        g_autoptr(GDir) listing = g_dir_open(fixture->folder, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(listing))) {
                g_autofree char *path = g_build_filename(fixture->folder, name, NULL);

                g_unlink(path);
        }
        g_rmdir(fixture->folder);
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
        close_all(fixture);
        keyset_unref(fixture->keys);
        remove_folder(fixture);
        g_free(fixture->folder);
}

static bool has(const Fixture *fixture, const char *url)
{
        return distrust_has(fixture->distrust, url, keyset_get(fixture->keys, 0), NULL);
}

static void outlives_a_restart(Fixture *fixture, gconstpointer unused)
{
        g_assert_false(has(fixture, A));
        g_assert_cmpint(distrust_add(fixture->distrust, A, "k1", NOW_SEC), ==, 0);
        g_assert_true(has(fixture, A));
        close_all(fixture);
        open_all(fixture);
        g_assert_true(has(fixture, A));
        g_assert_false(has(fixture, B));
        g_assert_cmpint(distrust_remove(fixture->distrust, A, "k1"), ==, 0);
        g_assert_false(has(fixture, A));
        close_all(fixture);
        open_all(fixture);
        g_assert_false(has(fixture, A));
}

/* On the disk, in the database itself, when distrust_add returns: the log may be lost. */
static void outlives_a_loss_of_power(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *bytes = NULL, *path = g_strdup(store_path(fixture->store));
        gsize len;

        g_assert_cmpint(distrust_add(fixture->distrust, A, "k1", NOW_SEC), ==, 0);
        g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
        close_all(fixture);
        g_assert_true(g_file_set_contents_full(path, bytes, (gssize) len, G_FILE_SET_CONTENTS_NONE,
                                               0600, NULL));
        open_all(fixture);
        g_assert_true(has(fixture, A));
}

static void which_key_is_meant(Fixture *fixture, gconstpointer unused)
{
        static const struct {
                const char *sentence, *name;
                bool with_kid, without_kid;
        } rows[] = {
                { "its kid", "k1", true, false },
                { "its thumbprint, kid or not", THUMBPRINT, true, true },
                { "another kid", "k2", false, false },
                { "a kid in other case", "K1", false, false },
                { "the beginning of a kid", "k", false, false },
                { "nothing", "", false, false },
        };
        g_autoptr(KeySet) bare =
            keys_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" JWKS_ED25519_X "\"}");
        const Key *with_kid = keyset_get(fixture->keys, 0), *without_kid = keyset_get(bare, 0);

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                const char *const also[] = { "other", rows[i].name, NULL };
                Distrust *distrust = fixture->distrust;

                g_test_message("%s", rows[i].sentence);
                g_assert_true(distrust_has(distrust, A, with_kid, also) == rows[i].with_kid);
                g_assert_true(distrust_has(distrust, A, without_kid, also) == rows[i].without_kid);
                g_assert_cmpint(distrust_add(distrust, A, rows[i].name, NOW_SEC), ==, 0);
                g_assert_true(distrust_has(distrust, A, with_kid, NULL) == rows[i].with_kid);
                g_assert_true(distrust_has(distrust, A, without_kid, NULL) == rows[i].without_kid);
                g_assert_false(distrust_has(distrust, B, with_kid, NULL));
                g_assert_cmpint(distrust_remove(distrust, A, rows[i].name), ==, 0);
        }
}

static void list_one(const char *name, int64_t at_sec, void *userdata)
{
        g_string_append_printf(userdata, "%s@%" G_GINT64_FORMAT " ", name, (gint64) at_sec);
}

static void first_time_is_kept(Fixture *fixture, gconstpointer unused)
{
        for (int round = 0; round < 2; round++) {
                g_autoptr(GString) list = g_string_new(NULL);

                g_assert_cmpint(distrust_add(fixture->distrust, A, "k1", 5 + round), ==, 0);
                g_assert_cmpint(distrust_add(fixture->distrust, B, "k2", 7), ==, 0);
                distrust_each(fixture->distrust, A, list_one, list);
                g_assert_cmpstr(list->str, ==, "k1@5 ");
                close_all(fixture);
                open_all(fixture);
        }
}

static void unknown_is_not_there(Fixture *fixture, gconstpointer unused)
{
        g_assert_cmpint(distrust_add(fixture->distrust, A, "k1", NOW_SEC), ==, 0);
        g_assert_cmpint(distrust_remove(fixture->distrust, A, "k2"), ==, DISTRUST_E_NOT_THERE);
        g_assert_cmpint(distrust_remove(fixture->distrust, B, "k1"), ==, DISTRUST_E_NOT_THERE);
        g_assert_true(has(fixture, A));
}

static void number_has_an_edge(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Distrust) distrust = distrust_new(NULL, NULL);

        for (int i = 0; i < DISTRUST_ENTRIES_MAX; i++) {
                g_autofree char *name = g_strdup_printf("%d", i);

                g_assert_cmpint(distrust_add(distrust, A, name, NOW_SEC), ==, 0);
        }
        g_assert_cmpint(distrust_add(distrust, A, "k1", NOW_SEC), ==, DISTRUST_E_FULL);
        g_assert_false(distrust_has(distrust, A, keyset_get(fixture->keys, 0), NULL));
        g_assert_cmpint(distrust_add(distrust, A, "7", NOW_SEC), ==, 0);
        g_assert_cmpint(distrust_remove(distrust, A, "7"), ==, 0);
        g_assert_cmpint(distrust_add(distrust, A, "k1", NOW_SEC), ==, 0);
        g_assert_true(distrust_has(distrust, A, keyset_get(fixture->keys, 0), NULL));
}

/* The file is lost, what memory knows is not: it goes into the new one, also that which comes now.
 */
static void written_again_afresh(Fixture *fixture, gconstpointer unused)
{
        g_assert_cmpint(distrust_add(fixture->distrust, A, "k1", NOW_SEC), ==, 0);
        g_assert_cmpint(g_unlink(store_path(fixture->store)), ==, 0);
        g_assert_cmpint(distrust_add(fixture->distrust, B, "k1", NOW_SEC), ==, 0);
        g_assert_true(has(fixture, A));
        g_assert_true(has(fixture, B));
        close_all(fixture);
        open_all(fixture);
        g_assert_true(has(fixture, A));
        g_assert_true(has(fixture, B));
}

/* SQLite's own limit stands in for a full disk. */
static void in_force_without_room(Fixture *fixture, gconstpointer unused)
{
        static const char *const bulk[] = { "CREATE TABLE bulk (a)" };

        g_assert_true(store_migrate(fixture->store, "bulk", bulk, 1, NULL));
        while (store_change(fixture->store, "INSERT INTO bulk VALUES (zeroblob(1000000))", NULL,
                            0) == 0)
                ;
        while (store_change(fixture->store, "INSERT INTO bulk VALUES (zeroblob(4000))", NULL, 0) ==
               0)
                ;
        for (int i = 0; i < 200; i++) {
                g_autofree char *name = g_strdup_printf("%0200d", i);

                distrust_add(fixture->distrust, B, name, NOW_SEC);
        }
        g_assert_cmpint(distrust_add(fixture->distrust, A, "k1", NOW_SEC), ==, -ENOSPC);
        g_assert_true(has(fixture, A));
        g_assert_cmpint(store_change(fixture->store, "DELETE FROM bulk", NULL, 0), ==, 0);
        g_assert_cmpint(distrust_remove(fixture->distrust, B, "k2"), ==, DISTRUST_E_NOT_THERE);
        g_assert_cmpint(distrust_add(fixture->distrust, B, "k2", NOW_SEC), ==, 0);
        close_all(fixture);
        open_all(fixture);
        g_assert_true(has(fixture, A));
}

/* -ENOENT of the disk is no "not there": the key must not go on counting. */
static void in_force_without_a_folder(Fixture *fixture, gconstpointer unused)
{
        remove_folder(fixture);
        g_assert_cmpint(distrust_add(fixture->distrust, A, "k1", NOW_SEC), <, 0);
        g_assert_true(has(fixture, A));
        g_assert_cmpint(distrust_remove(fixture->distrust, A, "k1"), <, 0);
        g_assert_false(has(fixture, A));
        g_assert_cmpint(g_mkdir(fixture->folder, 0700), ==, 0);
}

static void without_a_store(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Distrust) distrust = distrust_new(NULL, NULL);

        g_assert_cmpint(distrust_add(distrust, A, "k1", NOW_SEC), ==, 0);
        g_assert_true(distrust_has(distrust, A, keyset_get(fixture->keys, 0), NULL));
        g_assert_cmpint(distrust_remove(distrust, A, "k1"), ==, 0);
        g_assert_cmpint(distrust_remove(distrust, A, "k1"), ==, DISTRUST_E_NOT_THERE);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*check)(Fixture *fixture, gconstpointer unused);
        } rows[] = {
                { "an entry and its removal outlive a restart", outlives_a_restart },
                { "an entry outlives a loss of power", outlives_a_loss_of_power },
                { "by kid or thumbprint, by entry or setting", which_key_is_meant },
                { "the first time is kept, and each issuer's listed", first_time_is_kept },
                { "removing what is not there says so", unknown_is_not_there },
                { "the number of entries has an edge", number_has_an_edge },
                { "entries are written again into a new file", written_again_afresh },
                { "in force without room, and written when there is", in_force_without_room },
                { "in force without a folder to write it to", in_force_without_a_folder },
                { "without a store entries count all the same", without_a_store },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/distrust/%s", rows[i].sentence);
                g_test_add(name, Fixture, NULL, set_up, rows[i].check, tear_down);
        }
        return g_test_run();
}

/* test_directory_store: what outlives the daemon, and what happens when it cannot be written. */
#include "world.h"

#include "base/clock.h"

#include <errno.h>
#include <glib/gstdio.h>

#define DAY_SEC (INT64_C(24) * 3600)

/* A database that refuses rows of a table, until it is told otherwise. */
static void refuse_rows(World *world, const char *table)
{
        g_autofree char *sql = g_strdup_printf("CREATE TRIGGER refusing BEFORE INSERT ON %s BEGIN "
                                               "SELECT RAISE(ABORT, 'refused'); END",
                                               table);

        g_assert_cmpint(store_change(world->store, sql, NULL, 0), ==, 0);
}

static void take_rows(World *world)
{
        g_assert_cmpint(store_change(world->store, "DROP TRIGGER refusing", NULL, 0), ==, 0);
}

static void everything_comes_back(World *world, gconstpointer unused)
{
        g_autofree char *groups = NULL;
        Person before;

        g_assert_false(directory_filled(world->directory));
        world_sweep(world, "g1=/eng g2=/eng/core<g1", "s1=alice@g2 !s2=bob s3=carol");
        world_sweep(world, "g1=/eng g2=/eng/core<g1", "s1=alice@g2 !s2=bob");
        g_assert_cmpint(directory_seen(world->directory, "s1", WORLD_NOW + 5), ==, 0);
        before = *world_named(world, "alice");
        world_restart(world, true);
        g_assert_true(directory_filled(world->directory));
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, before.uid);
        g_assert_cmpint(world_named(world, "alice")->seen_sec, ==, WORLD_NOW + 5);
        g_assert_cmpstr(world_named(world, "alice")->gecos, ==, "Somebody");
        groups = world_groups_of(world, "s1");
        g_assert_cmpstr(groups, ==, "eng eng-core");
        g_assert_cmpint(world_named(world, "bob")->state, ==, PERSON_DISABLED);
        g_assert_cmpint(world_named(world, "carol")->state, ==, PERSON_GONE);
        g_assert_cmpint(world_named(world, "carol")->gone_since_sec, ==, WORLD_NOW);
}

static void seen_first_is_a_change(World *world, gconstpointer unused)
{
        uint64_t before;

        world_sweep(world, "", "s1=alice s2=bob");
        before = directory_generation(world->directory);
        directory_seen(world->directory, "s2", WORLD_NOW);
        g_assert_cmpuint(directory_generation(world->directory), ==, before); /* nobody is listed */
        world->settings->enumerate = true;
        world_configure(world);
        before = directory_generation(world->directory);
        directory_seen(world->directory, "s1", WORLD_NOW);
        g_assert_cmpuint(directory_generation(world->directory), ==, before + 1);
        directory_seen(world->directory, "s1", WORLD_NOW + 1);
        g_assert_cmpuint(directory_generation(world->directory), ==, before + 1);
        g_assert_cmpint(directory_seen(world->directory, "s9", WORLD_NOW), ==, -ENOENT);
}

typedef struct RefusingRow {
        const char *sentence;
        const char *table;
} RefusingRow;

static const RefusingRow refusing_rows[] = {
        { "a number that cannot be written is not given", "users_id" },
        { "nor one of a person who cannot be written", "users_person" },
};

static void cannot_be_written(World *world, gconstpointer userdata)
{
        const RefusingRow *row = userdata;

        world_sweep(world, "", "s2=bob");
        refuse_rows(world, row->table);
        g_assert_cmpint(world_sweep(world, "", "s1=alice s2=bob"), <, 0);
        world_assert_trouble(world_subject(world, "s1"), "cannot be kept");
        g_assert_null(world_named(world, "alice"));
        g_assert_cmpstr(world_subject(world, "s1")->home, ==, "");
        g_assert_nonnull(world_named(world, "bob"));
        /* Not told again, however often it is tried. */
        g_assert_cmpuint(world_logged("account_refused"), ==, 1);
        directory_tidy(world->directory, WORLD_NOW);
        g_assert_cmpuint(world_logged("account_refused"), ==, 1);
        take_rows(world);
        g_assert_true(directory_tidy(world->directory, WORLD_NOW));
        g_assert_nonnull(world_named(world, "alice"));
        g_assert_cmpstr(world_named(world, "alice")->home, ==, "/home/alice");
        world_restart(world, true);
        g_assert_nonnull(world_named(world, "alice"));
}

/* Who was no account has no name that it could keep from others. */
static void withheld_is_no_holder(World *world, gconstpointer unused)
{
        refuse_rows(world, "users_id");
        world_sweep(world, "", "s1=alice");
        take_rows(world);
        world_sweep(world, "", "s1=alice s2=alice");
        world_assert_trouble(world_subject(world, "s1"), "nobody has it");
        world_assert_trouble(world_subject(world, "s2"), "nobody has it");
}

static void what_the_realm_says_counts_all_the_same(World *world, gconstpointer unused)
{
        uint32_t uid;

        world_sweep(world, "", "s1=alice s2=bob");
        uid = world_named(world, "alice")->uid;
        refuse_rows(world, "users_person");
        g_assert_cmpint(directory_person_gone(world->directory, "s2"), <, 0);
        g_assert_cmpint(world_named(world, "bob")->state, ==, PERSON_GONE);
        g_assert_cmpint(world_change(world, "s1=alicia"), <, 0);
        g_assert_cmpuint(world_named(world, "alicia")->uid, ==, uid);
        take_rows(world);
        directory_tidy(world->directory, WORLD_NOW);
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, "alicia")->uid, ==, uid);
        g_assert_cmpint(world_named(world, "bob")->state, ==, PERSON_GONE);
}

static void without_a_database(World *world, gconstpointer unused)
{
        world->settings->id = world_list("s3=5001");
        world_restart(world, false);
        g_assert_cmpint(world_sweep(world, "", "s1=alice s2=bob#5000 s3=carol"), ==, 0);
        world_assert_trouble(world_subject(world, "s1"), "no state database");
        g_assert_cmpuint(world_named(world, "bob")->uid, ==, 5000);
        g_assert_cmpuint(world_named(world, "carol")->uid, ==, 5001);
        g_assert_cmpint(world_sweep(world, "", "s1=alice s2=bob#5000"), ==, 0);
        g_assert_cmpint(world_named(world, "carol")->state, ==, PERSON_GONE);
}

/* Numbers of people who are long removed are written anew as well. */
static void database_begun_afresh(World *world, gconstpointer unused)
{
        g_autofree char *path = g_build_filename(world->folder, STORE_FILE, NULL);
        g_autofree char *line = NULL;
        uint32_t uid, removed;

        world_sweep(world, "g1=/eng", "s1=alice@g1 s2=bob");
        uid = world_named(world, "alice")->uid;
        removed = world_named(world, "bob")->uid;
        world_sweep(world, "g1=/eng", "s1=alice@g1");
        directory_tidy(world->directory, WORLD_NOW + 90 * DAY_SEC);
        g_assert_cmpint(g_unlink(path), ==, 0);
        g_assert_cmpint(store_sync(world->store), ==, -EUCLEAN);
        line = g_strdup_printf("s3=%u", removed);
        world->settings->id = world_list(line);
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
        g_assert_cmpuint(world_named(world, "alice")->n_gids, ==, 1);
        world_change(world, "s3=carol");
        world_assert_trouble(world_subject(world, "s3"), "was given to s2");
}

static void database_lost_in_a_change(World *world, gconstpointer unused)
{
        g_autofree char *path = g_build_filename(world->folder, STORE_FILE, NULL);
        uint32_t uid;

        world_sweep(world, "", "s1=alice");
        uid = world_named(world, "alice")->uid;
        g_assert_cmpint(g_unlink(path), ==, 0);
        g_assert_cmpint(store_sync(world->store), ==, -EUCLEAN);
        g_assert_cmpint(world_change(world, "s2=bob"), ==, 0);
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
        g_assert_nonnull(world_named(world, "bob"));
}

static void numbers_of_another_issuer(World *world, gconstpointer unused)
{
        g_autofree char *line = NULL;
        g_autoptr(GError) error = NULL;
        uint32_t uid;

        world_sweep(world, "", "s1=alice");
        uid = world_named(world, "alice")->uid;
        line = g_strdup_printf("s1=%u", uid);
        world->settings->id = world_list(line);
        g_assert_true(directory_configure(world->directory, world->settings,
                                          "https://other.example/realms/x", &error));
        g_assert_cmpuint(directory_n_people(world->directory), ==, 0);
        g_assert_false(directory_filled(world->directory));
        /* The same subject there is somebody else. */
        world_sweep(world, "", "s1=alice");
        world_assert_trouble(world_subject(world, "s1"), "was given to s1");
        g_clear_pointer(&world->settings->id, g_strfreev);
        world_configure(world);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
}

/* Alice left when /old was there; both are long known when /new comes. */
static void a_group_is_no_other_after_a_restart(World *world, gconstpointer unused)
{
        g_autofree char *claims = g_strdup_printf(
            "'sub':'s1','preferred_username':'alice','iat':%" G_GINT64_FORMAT, WORLD_NOW + 1);
        g_autofree char *groups = NULL, *later = NULL;
        const Person *alice;

        world_sweep(world, "g1=/eng g2=/old", "s1=alice@g2 s2=bob@g1");
        world_sweep(world, "g1=/eng", "s2=bob@g1");
        world_restart(world, true);
        world_sweep(world, "g1=/eng g3=/new", "s2=bob@g1");
        world_restart(world, true);
        g_assert_cmpint(world_learn(world, claims, &alice), ==, 0);
        groups = world_groups_of(world, "s1");
        g_assert_cmpstr(groups, ==, "");
        later = world_groups_of(world, "s2");
        g_assert_cmpstr(later, ==, "eng");
}

/* What cannot be read of another issuer leaves everything as it was, also what was given to whom.
 */
static void another_issuer_that_cannot_be_read(World *world, gconstpointer unused)
{
        static const char *const statements[] = { "ALTER TABLE users_id RENAME TO away",
                                                  "ALTER TABLE away RENAME TO users_id" };
        g_autoptr(GError) error = NULL;
        g_autofree char *line = NULL;
        uint32_t uid;

        world_sweep(world, "", "s1=alice s2=bob");
        uid = world_named(world, "alice")->uid;
        world_sweep(world, "", "s2=bob");
        directory_tidy(world->directory, WORLD_NOW + 91 * DAY_SEC); /* alice's number is kept */
        g_assert_cmpint(store_change(world->store, statements[0], NULL, 0), ==, 0);
        g_assert_false(directory_configure(world->directory, world->settings,
                                           "https://other.example/realms/x", &error));
        g_assert_nonnull(error);
        g_assert_cmpint(store_change(world->store, statements[1], NULL, 0), ==, 0);
        g_assert_cmpstr(directory_id_holder(world->directory, uid), ==, "s1");
        world_sweep(world, "", "s2=bob s3=cleo");
        world_restart(world, true);
        g_assert_nonnull(world_named(world, "bob"));
        g_assert_nonnull(world_named(world, "cleo"));
        line = g_strdup_printf("s3=%u", uid);
        world->settings->id = world_list(line);
        world_configure(world);
        world_assert_trouble(world_subject(world, "s3"), "was given to s1");
}

/* A deletion that could not be written is of the issuer that it was meant for. */
static void deletions_of_another_issuer(World *world, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        const char *other = "https://other.example/realms/x";
        g_autofree char *groups = NULL;

        g_assert_true(directory_configure(world->directory, world->settings, other, &error));
        world_sweep(world, "g1=/eng", "s1=alice@g1");
        world_configure(world);
        world_sweep(world, "g2=/eng", "s1=alice@g2 s2=bob");
        refuse_rows(world, "users_issuer");
        g_assert_cmpint(world_sweep(world, "", "s2=bob"), <, 0);
        take_rows(world);
        g_assert_true(directory_configure(world->directory, world->settings, other, &error));
        world_change(world, "s3=cleo");
        world_restart(world, true);
        g_assert_true(directory_configure(world->directory, world->settings, other, &error));
        groups = world_groups_of(world, "s1");
        g_assert_cmpstr(groups, ==, "eng");
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                WorldTest run;
        } tests[] = {
                { "everything comes back after a restart", everything_comes_back },
                { "to be seen first is a change", seen_first_is_a_change },
                { "who was withheld an account holds no name", withheld_is_no_holder },
                { "what the realm says counts all the same",
                  what_the_realm_says_counts_all_the_same },
                { "without a database", without_a_database },
                { "a database begun afresh", database_begun_afresh },
                { "a database that was lost before a change", database_lost_in_a_change },
                { "numbers of another issuer stay its own", numbers_of_another_issuer },
                { "who was in a group is in no other after a restart",
                  a_group_is_no_other_after_a_restart },
                { "another issuer that cannot be read changes nothing",
                  another_issuer_that_cannot_be_read },
                { "what could not be deleted of an issuer is not deleted of another",
                  deletions_of_another_issuer },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(refusing_rows); i++)
                world_add("store", refusing_rows[i].sentence, &refusing_rows[i], cannot_be_written);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
                world_add("store", tests[i].sentence, NULL, tests[i].run);
        return g_test_run();
}

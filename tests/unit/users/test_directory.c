/* test_directory: who is an account, under which name, in which groups, and until when. */
#include "world.h"

#include "base/clock.h"

#define DAY_SEC (INT64_C(24) * 3600)

/* ---- names ---- */

typedef struct NameRow {
        const char *sentence;
        const char *username;
        const char *trouble; /* NULL: it is an account */
} NameRow;

static const NameRow name_rows[] = {
        { "a plain name", "alice", NULL },
        { "root", "root", "reserved" },
        { "a name of Debian's base system", "www-data", "reserved" },
        { "a group that is as good as root", "docker", "reserved" },
        { "32 characters", "abcdefghijklmnopqrstuvwxyz012345", NULL },
        { "33 characters are not cut", "abcdefghijklmnopqrstuvwxyz0123456", "is no name" },
        { "upper case is not folded", "Alice", "is no name" },
        { "a newline at the end", "alice\n", "is no name" },
        { "a Cyrillic letter that looks like ours", "\xd0\xb0lice", "\\u{430}lice" },
        { "an address whose domain nobody strips", "alice@example.com", "is no name" },
        { "a leading dash", "-alice", "is no name" },
        { "a colon", "alice:x", "is no name" },
        { "a slash", "alice/..", "is no name" },
        { "two dots", "..", "is no name" },
        { "nothing", "", "is empty" },
        { "a name that the directory itself gives", "gone-1879048192", "reserved" },
};

static void one_name(World *world, gconstpointer userdata)
{
        const NameRow *row = userdata;
        const Person *person;

        directory_sweep_begin(world->directory);
        directory_put_person(world->directory, &(RealmPerson){ .subject = "s1",
                                                               .username = row->username,
                                                               .full_name = "A:B,C\n",
                                                               .enabled = true });
        g_assert_cmpint(directory_sweep_end(world->directory), ==, 0);
        person = world_subject(world, "s1");
        if (row->trouble) {
                world_assert_trouble(person, row->trouble);
                g_assert_null(world_named(world, row->username));
                g_assert_cmpuint(world_logged("account_refused"), ==, 1);
                return;
        }
        g_assert_true(person == world_named(world, row->username));
        g_assert_true(person == directory_person_by_uid(world->directory, person->uid));
        g_assert_cmpuint(person->gid, ==, person->uid);
        g_assert_cmpstr(person->gecos, ==, "A B C ");
        g_assert_cmpstr(person->shell, ==, "/bin/bash");
        g_assert_null(person->trouble);
}

static void told_once(World *world, gconstpointer unused)
{
        for (int i = 0; i < 3; i++)
                world_sweep(world, "", "s1=Alice");
        g_assert_cmpuint(world_logged("account_refused"), ==, 1);
        world_sweep(world, "", "s1=alice");
        world_sweep(world, "", "s1=Alice");
        g_assert_cmpuint(world_logged("account_refused"), ==, 2);
}

static void many_refused(World *world, gconstpointer unused)
{
        g_autoptr(GString) people = g_string_new(NULL);

        for (int i = 0; i < 21; i++)
                g_string_append_printf(people, "s%d=Alice%d ", i, i);
        world_sweep(world, "", people->str);
        g_assert_cmpuint(world_logged("account_refused"), ==, 20);
        g_assert_cmpuint(world_logged("accounts_refused"), ==, 1);
}

static void lookup_of_what_is_no_name(World *world, gconstpointer unused)
{
        world_sweep(world, "", "s1=alice");
        g_assert_null(directory_person_by_name(world->directory, span_of("alice\0", 6)));
        g_assert_null(directory_person_by_name(world->directory, span_from("")));
        g_assert_null(directory_person_by_uid(world->directory, 0));
        g_assert_null(directory_group_by_gid(world->directory, 0));
}

/* Two addresses of two domains that are both stripped. */
static void two_of_one_name(World *world, gconstpointer unused)
{
        world_sweep(world, "", "s1=alice s2=alice");
        world_assert_trouble(world_subject(world, "s1"), "wanted by");
        world_assert_trouble(world_subject(world, "s2"), "wanted by");
        g_assert_null(world_named(world, "alice"));
        world_sweep(world, "", "s1=alice");
        g_assert_true(world_named(world, "alice") == world_subject(world, "s1"));
}

static void who_has_the_name_keeps_it(World *world, gconstpointer unused)
{
        world_sweep(world, "", "s2=alice");
        world_sweep(world, "", "s1=alice s2=alice");
        g_assert_true(world_named(world, "alice") == world_subject(world, "s2"));
        world_assert_trouble(world_subject(world, "s1"), "who has it");
        world_restart(world, true);
        g_assert_true(world_named(world, "alice") == world_subject(world, "s2"));
        world_assert_trouble(world_subject(world, "s1"), "who has it");
}

static void renamed(World *world, gconstpointer unused)
{
        uint32_t uid;

        world_sweep(world, "", "s1=alice");
        uid = world_subject(world, "s1")->uid;
        world_sweep(world, "", "s1=alicia");
        g_assert_null(world_named(world, "alice"));
        g_assert_cmpuint(world_named(world, "alicia")->uid, ==, uid);
        g_assert_cmpstr(world_named(world, "alicia")->home, ==, "/home/alice");
        /* Who takes the name takes neither home nor number. */
        world_sweep(world, "", "s1=alicia s2=alice");
        g_assert_cmpuint(world_named(world, "alice")->uid, !=, uid);
        g_assert_true(g_str_has_prefix(world_named(world, "alice")->home, "/home/alice-"));
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, "alicia")->uid, ==, uid);
        g_assert_cmpstr(world_named(world, "alicia")->home, ==, "/home/alice");
}

static void names_exchanged_in_one_sweep(World *world, gconstpointer unused)
{
        uint32_t one, other;

        world_sweep(world, "", "s1=alice s2=bob");
        one = world_subject(world, "s1")->uid;
        other = world_subject(world, "s2")->uid;
        world_sweep(world, "", "s1=bob s2=alice");
        g_assert_cmpuint(world_named(world, "bob")->uid, ==, one);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, other);
}

static void group_and_person_of_one_name(World *world, gconstpointer unused)
{
        world_sweep(world, "g1=/eng", "s1=eng");
        g_assert_null(world_group(world, "eng"));
        world_assert_trouble(world_subject(world, "s1"), "wanted by");
        g_assert_nonnull(strstr(world_key(world, "g1")->trouble, "wanted by"));
}

/* Its own group would be the group eng: sudoers would take it for that. */
static void person_takes_no_groups_name(World *world, gconstpointer unused)
{
        world_sweep(world, "g1=/eng", "s2=bob");
        world_sweep(world, "g1=/eng", "s1=eng s2=bob");
        g_assert_nonnull(world_group(world, "eng"));
        world_assert_trouble(world_subject(world, "s1"), "the group /eng");
}

static void group_takes_no_persons_name(World *world, gconstpointer unused)
{
        world_sweep(world, "", "s1=eng");
        world_sweep(world, "g1=/eng", "s1=eng");
        g_assert_nonnull(world_named(world, "eng"));
        g_assert_null(world_group(world, "eng"));
}

/* ---- local accounts ---- */

typedef struct LocalRow {
        const char *sentence;
        const char *passwd, *group; /* what comes into being; %u: the person's uid */
        const char *trouble;
} LocalRow;

static const LocalRow local_rows[] = {
        { "a local account of the name", "alice:x:1000:1000::/:/bin/sh\n", "", "/etc/passwd" },
        { "a local group of the name", "", "alice:x:1000:\n", "/etc/group" },
        { "a local account of the number", "bob:x:%u:1000::/:/bin/sh\n", "", "local account bob" },
        { "a local group of the number", "", "staffers:x:%u:\n", "local group staffers" },
};

static void local_wins_and_goes_away(World *world, gconstpointer userdata)
{
        const LocalRow *row = userdata;
        uint32_t uid;
        g_autofree char *passwd = NULL, *group = NULL;

        world_sweep(world, "", "s1=alice");
        uid = world_named(world, "alice")->uid;
        passwd = g_strdup_printf(row->passwd, uid);
        group = g_strdup_printf(row->group, uid);
        world_write_local(world, passwd, group);
        g_assert_true(directory_tidy(world->directory, WORLD_NOW));
        world_assert_trouble(world_subject(world, "s1"), row->trouble);
        g_assert_null(world_named(world, "alice"));
        g_assert_null(directory_person_by_uid(world->directory, uid));
        world_write_local(world, "", "");
        g_assert_true(directory_tidy(world->directory, WORLD_NOW));
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
        g_assert_false(directory_tidy(world->directory, WORLD_NOW));
}

/* ---- groups ---- */

static void nested(World *world, gconstpointer unused)
{
        g_autofree char *groups = NULL;

        world_sweep(world, "g1=/eng g2=/eng/platform<g1 g3=/ops", "s1=alice@g2 s2=bob");
        groups = world_groups_of(world, "s1");
        g_assert_cmpstr(groups, ==, "eng eng-platform");
        g_assert_cmpuint(world_subject(world, "s2")->n_gids, ==, 0);
        g_assert_cmpuint(world_group(world, "eng")->gid, >=, USERS_ID_FIRST_DEFAULT);
}

static void parents_in_a_circle(World *world, gconstpointer unused)
{
        g_autofree char *groups = NULL;

        world_sweep(world, "g1=/a<g2 g2=/b<g1", "s1=alice@g1");
        groups = world_groups_of(world, "s1");
        g_assert_cmpstr(groups, ==, "a b");
}

static void found_by_walking(World *world, gconstpointer unused)
{
        g_autofree char *groups = NULL;

        directory_sweep_begin(world->directory);
        world_put(world, "g1=/eng g2=/ops", "");
        directory_sweep_add(world->directory, "s1", "g1"); /* before s1 itself */
        world_put(world, "", "s1=alice");
        directory_sweep_add(world->directory, "s1", "g2");
        directory_sweep_add(world->directory, "s1", "g2");
        directory_sweep_add(world->directory, "s1", "unknown");
        directory_sweep_add(world->directory, "s9", "g1");
        g_assert_cmpint(directory_sweep_end(world->directory), ==, 0);
        groups = world_groups_of(world, "s1");
        g_assert_cmpstr(groups, ==, "eng ops");
        g_assert_null(directory_person_by_subject(world->directory, "s9"));
}

typedef struct ManyRow {
        const char *sentence;
        unsigned n;
        unsigned n_gids;
} ManyRow;

static const ManyRow many_rows[] = {
        { "in 10 000 groups", RECORD_GROUPS_MAX, RECORD_GROUPS_MAX },
        { "in one more it gets none, aloud", RECORD_GROUPS_MAX + 1, 0 },
};

static void many_groups(World *world, gconstpointer userdata)
{
        const ManyRow *row = userdata;
        const Person *person;

        directory_sweep_begin(world->directory);
        world_put(world, "", "s1=alice");
        for (unsigned i = 0; i < row->n; i++) {
                g_autofree char *key = g_strdup_printf("g%u", i);
                g_autofree char *path = g_strdup_printf("/t%u", i);
                g_autofree char *gid = g_strdup_printf("%u", 100000 + i);
                json_auto *attributes = json_pack("{s:[s]}", "gidNumber", gid);

                directory_put_group(
                    world->directory,
                    &(RealmGroup){ .key = key, .source = path, .attributes = attributes });
                directory_sweep_add(world->directory, "s1", key);
                directory_sweep_add(world->directory, "s1", key); /* once is enough */
        }
        g_assert_cmpint(directory_sweep_end(world->directory), ==, 0);
        person = world_named(world, "alice");
        g_assert_cmpuint(person->n_gids, ==, row->n_gids);
        g_assert_cmpint(person->trouble != NULL, ==, row->n_gids == 0);
        for (size_t i = 1; i < person->n_gids; i++)
                g_assert_cmpuint(person->gids[i - 1], <, person->gids[i]);
}

static void local_groups(World *world, gconstpointer unused)
{
        g_strfreev(world->settings->local_groups);
        world->settings->local_groups = world_list("sudo=/admins wheel=/admins");
        world_configure(world);
        world_sweep(world, "g1=/admins", "s1=alice@g1 s2=bob");
        g_assert_cmpuint(world_subject(world, "s1")->n_gids, ==, 2);
        g_assert_cmpuint(world_subject(world, "s1")->gids[0], ==, 27);
        g_assert_cmpuint(world_subject(world, "s2")->n_gids, ==, 0);
        g_assert_nonnull(world_key(world, "local:wheel")->trouble);
        g_assert_true(world_key(world, "local:sudo")->local);
        /* What is local is not ours to answer. */
        g_assert_null(world_group(world, "sudo"));
        g_assert_null(directory_group_by_gid(world->directory, 27));
}

static void local_group_zero(World *world, gconstpointer unused)
{
        world_write_local(world, NULL, "toor:x:0:\nsudo:x:27:\n");
        g_strfreev(world->settings->local_groups);
        world->settings->local_groups = world_list("toor=/admins");
        world_configure(world);
        world_sweep(world, "g1=/admins", "s1=alice@g1");
        g_assert_cmpuint(world_subject(world, "s1")->n_gids, ==, 1);
        g_assert_cmpuint(world_subject(world, "s1")->gids[0], >=, USERS_ID_FIRST_DEFAULT);
        g_assert_nonnull(world_key(world, "local:toor")->trouble);
}

static void primary_group(World *world, gconstpointer unused)
{
        g_free(world->settings->primary_group);
        world->settings->primary_group = g_strdup("eng");
        world_configure(world);
        world_sweep(world, "g1=/eng", "s1=alice@g1 s2=bob");
        g_assert_cmpuint(world_named(world, "alice")->gid, ==, world_group(world, "eng")->gid);
        g_assert_cmpuint(world_named(world, "alice")->n_gids, ==, 0);
        g_assert_cmpuint(world_named(world, "bob")->gid, ==, world_named(world, "bob")->uid);
        g_assert_nonnull(world_named(world, "bob")->trouble);
}

static void sources_of_a_person(World *world, gconstpointer unused)
{
        const char *const *sources;

        world_sweep(world, "g1=/eng g2=/eng/platform<g1 realm:dba=realm:dba",
                    "s1=alice@g2,realm:dba");
        sources = directory_person_sources(world->directory, world_subject(world, "s1"));
        g_assert_cmpuint(g_strv_length((char **) sources), ==, 3);
        g_assert_true(g_strv_contains(sources, "/eng"));
        g_assert_true(g_strv_contains(sources, "/eng/platform"));
        g_assert_true(g_strv_contains(sources, "realm:dba"));
}

static void group_is_no_more(World *world, gconstpointer unused)
{
        uint32_t gid;

        world_sweep(world, "g1=/eng", "s1=alice@g1");
        gid = world_group(world, "eng")->gid;
        world_sweep(world, "", "s1=alice");
        g_assert_null(world_group(world, "eng"));
        g_assert_cmpuint(world_named(world, "alice")->n_gids, ==, 0);
        world_restart(world, true);
        world_sweep(world, "g1=/eng", "s1=alice@g1");
        g_assert_cmpuint(world_group(world, "eng")->gid, ==, gid);
}

/* ---- within ---- */

static void narrowed(World *world, gconstpointer unused)
{
        world->settings->within = world_list("/staff");
        world_configure(world);
        world_sweep(world, "g1=/staff g2=/staff/eng<g1 g3=/guests",
                    "s1=alice@g1 s2=bob@g2 s3=carol@g3 s4=dave");
        g_assert_nonnull(world_named(world, "alice"));
        g_assert_nonnull(world_named(world, "bob"));
        g_assert_cmpuint(directory_n_people(world->directory), ==, 2);
}

static void no_longer_within(World *world, gconstpointer unused)
{
        uint32_t uid;

        world->settings->within = world_list("/staff");
        world_configure(world);
        world_sweep(world, "g1=/staff", "s1=alice@g1");
        uid = world_named(world, "alice")->uid;
        world_change(world, "s1=alice@none");
        g_assert_cmpint(world_named(world, "alice")->state, ==, PERSON_GONE);
        world_change(world, "s1=alice@g1");
        g_assert_cmpint(world_named(world, "alice")->state, ==, PERSON_ACTIVE);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
        world_change(world, "s2=bob@none");
        g_assert_null(directory_person_by_subject(world->directory, "s2"));
}

static void settings_narrow(World *world, gconstpointer unused)
{
        world_sweep(world, "g1=/staff", "s1=alice@g1 s2=bob");
        world->settings->within = world_list("/staff");
        world_configure(world);
        g_assert_cmpint(world_named(world, "alice")->state, ==, PERSON_ACTIVE);
        g_assert_cmpint(world_named(world, "bob")->state, ==, PERSON_GONE);
}

/* ---- gone and disabled ---- */

static void disabled(World *world, gconstpointer unused)
{
        world_sweep(world, "", "!s1=alice");
        g_assert_cmpint(world_named(world, "alice")->state, ==, PERSON_DISABLED);
        g_assert_cmpstr(world_named(world, "alice")->shell, ==, "/usr/sbin/nologin");
        world_change(world, "s1=alice");
        g_assert_cmpint(world_named(world, "alice")->state, ==, PERSON_ACTIVE);
        g_assert_cmpstr(world_named(world, "alice")->shell, ==, "/bin/bash");
}

static void gone_until_it_is_over(World *world, gconstpointer unused)
{
        const Person *person;

        world_sweep(world, "", "s1=alice s2=bob");
        world_sweep(world, "", "s2=bob");
        person = world_named(world, "alice");
        g_assert_cmpint(person->state, ==, PERSON_GONE);
        g_assert_cmpint(person->gone_since_sec, ==, WORLD_NOW);
        g_assert_cmpstr(person->shell, ==, "/usr/sbin/nologin");
        /* A later sweep says the same and does not begin anew. */
        clock_set_wall_for_tests(WORLD_NOW + DAY_SEC);
        world_sweep(world, "", "s2=bob");
        g_assert_cmpint(world_named(world, "alice")->gone_since_sec, ==, WORLD_NOW);
        g_assert_false(directory_tidy(world->directory, WORLD_NOW + 90 * DAY_SEC - 1));
        g_assert_nonnull(world_named(world, "alice"));
        g_assert_true(directory_tidy(world->directory, WORLD_NOW + 90 * DAY_SEC));
        g_assert_null(world_named(world, "alice"));
        g_assert_null(directory_person_by_subject(world->directory, "s1"));
        world_restart(world, true);
        g_assert_null(directory_person_by_subject(world->directory, "s1"));
}

static void number_outlives_its_person(World *world, gconstpointer unused)
{
        g_autofree char *line = NULL;
        uint32_t uid;

        world_sweep(world, "", "s1=alice s2=bob");
        uid = world_named(world, "alice")->uid;
        world_sweep(world, "", "s2=bob");
        directory_tidy(world->directory, WORLD_NOW + 90 * DAY_SEC);
        world_restart(world, true);
        line = g_strdup_printf("s3=%u", uid);
        world->settings->id = world_list(line);
        world_configure(world);
        world_sweep(world, "", "s2=bob s3=alice");
        world_assert_trouble(world_subject(world, "s3"), "was given to s1");
        /* Itself it has it again. */
        g_clear_pointer(&world->settings->id, g_strfreev);
        world_configure(world);
        world_sweep(world, "", "s1=alice s2=bob");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
}

static void created_anew_under_the_same_name(World *world, gconstpointer unused)
{
        g_autofree char *gone = NULL;
        uint32_t uid;

        world_sweep(world, "", "s1=alice");
        uid = world_named(world, "alice")->uid;
        world_sweep(world, "", "s2=alice");
        g_assert_cmpstr(world_named(world, "alice")->subject, ==, "s2");
        g_assert_cmpuint(world_named(world, "alice")->uid, !=, uid);
        g_assert_cmpstr(world_named(world, "alice")->home, !=, "/home/alice");
        gone = g_strdup_printf("gone-%u", uid);
        g_assert_cmpstr(directory_person_by_uid(world->directory, uid)->name, ==, gone);
        g_assert_cmpstr(world_named(world, gone)->home, ==, "/home/alice");
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, gone)->uid, ==, uid);
        g_assert_cmpstr(world_named(world, "alice")->subject, ==, "s2");
        /* The old one comes back: its name is somebody else's by now. */
        world_sweep(world, "", "s1=alice s2=alice");
        world_assert_trouble(world_subject(world, "s1"), "who has it");
        g_assert_cmpstr(world_named(world, "alice")->subject, ==, "s2");
}

static void single_change_and_gone(World *world, gconstpointer unused)
{
        uint64_t before;

        g_assert_cmpint(world_change(world, "s1=alice"), ==, 0);
        g_assert_nonnull(world_named(world, "alice"));
        before = directory_generation(world->directory);
        g_assert_cmpint(world_change(world, "s1=alice"), ==, 0);
        g_assert_cmpuint(directory_generation(world->directory), ==, before);
        g_assert_cmpint(directory_person_gone(world->directory, "s1"), ==, 0);
        g_assert_cmpuint(directory_generation(world->directory), >, before);
        g_assert_cmpint(world_named(world, "alice")->state, ==, PERSON_GONE);
        g_assert_cmpint(directory_person_gone(world->directory, "s9"), ==, 0);
}

/* ---- sweeps ---- */

static void dropped_sweep(World *world, gconstpointer unused)
{
        uint64_t before;

        world_sweep(world, "", "s1=alice s2=bob");
        before = directory_generation(world->directory);
        directory_sweep_begin(world->directory);
        world_put(world, "g1=/eng", "s1=alicia@g1 s3=carol");
        directory_sweep_drop(world->directory);
        g_assert_cmpuint(directory_generation(world->directory), ==, before);
        g_assert_nonnull(world_named(world, "alice"));
        g_assert_cmpint(world_named(world, "bob")->state, ==, PERSON_ACTIVE);
        g_assert_cmpuint(directory_n_people(world->directory), ==, 2);
        g_assert_cmpuint(directory_n_groups(world->directory), ==, 0);
}

static void the_same_again(World *world, gconstpointer unused)
{
        uint64_t before;

        world_sweep(world, "g1=/eng", "s1=alice@g1 s2=bob");
        before = directory_generation(world->directory);
        world_sweep(world, "g1=/eng", "s1=alice@g1 s2=bob");
        g_assert_cmpuint(directory_generation(world->directory), ==, before);
}

static char *people_from(unsigned first, unsigned n)
{
        GString *people = g_string_new(NULL);

        for (unsigned i = first; i < first + n; i++)
                g_string_append_printf(people, "s%u=p%u ", i, i);
        return g_string_free(people, FALSE);
}

typedef struct GoneRow {
        const char *sentence;
        unsigned n_before, n_after;
        int answer;
} GoneRow;

static const GoneRow gone_rows[] = {
        { "all of 10 may be gone", 10, 0, 0 },
        { "all of 11 may not", 11, 0, DIRECTORY_E_TOO_MANY_GONE },
        { "half of 12 may be gone", 12, 6, 0 },
        { "one more may not", 12, 5, DIRECTORY_E_TOO_MANY_GONE },
};

static void many_gone(World *world, gconstpointer userdata)
{
        const GoneRow *row = userdata;
        g_autofree char *before = people_from(0, row->n_before);
        g_autofree char *after = people_from(0, row->n_after);

        world_sweep(world, "", before);
        for (unsigned i = 0; i < 2; i++) {
                g_assert_cmpint(world_sweep(world, "", after), ==,
                                i == 0 || row->answer ? row->answer : 0);
                g_assert_cmpint(world_named(world, "p9")->state, ==,
                                row->answer ? PERSON_ACTIVE : PERSON_GONE);
        }
        g_assert_cmpuint(world_logged("people_refused"), ==, row->answer ? 2 : 0);
        g_assert_cmpint(world_sweep_forced(world, "", after), ==, 0);
        g_assert_cmpint(world_named(world, "p9")->state, ==, PERSON_GONE);
}

static void heard_of_during_the_sweep(World *world, gconstpointer unused)
{
        world_sweep(world, "", "s1=alice s2=bob");
        directory_sweep_begin(world->directory);
        world_put(world, "", "s1=alice s2=bob");
        world_change(world, "s3=carol");
        world_change(world, "s1=alicia");
        directory_person_gone(world->directory, "s2");
        g_assert_cmpint(directory_sweep_end(world->directory), ==, 0);
        g_assert_cmpint(world_named(world, "carol")->state, ==, PERSON_ACTIVE);
        g_assert_nonnull(world_named(world, "alicia"));
        g_assert_cmpint(world_named(world, "bob")->state, ==, PERSON_GONE);
}

static void without_users(World *world, gconstpointer unused)
{
        g_autofree char *issuer = g_steal_pointer(&world->settings->issuer);

        world_sweep(world, "", "s1=alice");
        world_configure(world);
        g_assert_null(world_named(world, "alice"));
        g_assert_false(directory_filled(world->directory));
        world->settings->issuer = g_steal_pointer(&issuer);
        world_configure(world);
        g_assert_nonnull(world_named(world, "alice"));
        g_assert_true(directory_filled(world->directory));
}

static void in_the_order_of_subjects(World *world, gconstpointer unused)
{
        world_sweep(world, "", "s3=carol s1=alice");
        world_change(world, "s2=bob");
        for (unsigned i = 0; i < 3; i++) {
                g_autofree char *subject = g_strdup_printf("s%u", i + 1);

                g_assert_cmpstr(directory_person(world->directory, i)->subject, ==, subject);
        }
}

/* ---- attributes ---- */

static void home_and_shell_of_attributes(World *world, gconstpointer unused)
{
        json_auto *good =
            json_pack("{s:[s],s:[s]}", "homeDirectory", "/srv/a", "loginShell", "/bin/zsh");
        json_auto *bad =
            json_pack("{s:[s],s:[s]}", "homeDirectory", "/srv/../etc", "loginShell", "sh\n");
        RealmPerson person = {
                .subject = "s1", .username = "alice", .enabled = true, .attributes = good
        };

        directory_change_person(world->directory, &person);
        g_assert_cmpstr(world_named(world, "alice")->home, ==, "/srv/a");
        g_assert_cmpstr(world_named(world, "alice")->shell, ==, "/bin/zsh");
        person.attributes = bad;
        directory_change_person(world->directory, &person);
        g_assert_cmpstr(world_named(world, "alice")->home, ==, "/home/alice");
        g_assert_cmpstr(world_named(world, "alice")->shell, ==, "/bin/bash");
        g_assert_nonnull(world_named(world, "alice")->trouble);
}

static void change_home(World *world, const char *subject, const char *username, const char *home)
{
        json_auto *attributes = json_pack("{s:[s]}", "homeDirectory", home);

        directory_change_person(world->directory, &(RealmPerson){ .subject = subject,
                                                                  .username = username,
                                                                  .enabled = true,
                                                                  .attributes = attributes });
}

typedef struct HomeRow {
        const char *sentence;
        const char *home;
        bool taken;
} HomeRow;

static const HomeRow home_rows[] = {
        { "somewhere else", "/srv/homes/alice", true },
        { "deeper below the homes", "/home/eng/alice", true },
        { "the home by the template", "/home/alice", true },
        { "slashes more than needed", "//srv//alice/", true },
        { "a name that begins as a folder of the system", "/etcetera/alice", true },
        { "a folder of homes below /var", "/var/home/alice", true },
        { "a service's data", "/var/lib/gitlab", false },
        { "root's", "/root", false },
        { "in root's", "/root/.ssh", false },
        { "all there is", "/", false },
        { "all there is, with slashes", "///", false },
        { "settings", "/etc", false },
        { "in settings", "/etc/systemd/system/x.service.d", false },
        { "in settings, with more slashes", "//etc//x", false },
        { "in settings, by a dot", "/./etc/x", false },
        { "programs", "/usr/local/bin", false },
        { "jobs", "/var/spool/cron/crontabs", false },
        { "what runs", "/run/user/0", false },
        { "devices", "/dev/shm/x", false },
        { "the kernel's", "/proc/self", false },
        { "the loader's", "/boot/grub", false },
};

/* A program that makes homes makes the folder, as root, and gives it away. */
static void home_of_the_system(World *world, gconstpointer userdata)
{
        const HomeRow *row = userdata;
        const Person *alice;

        change_home(world, "s1", "alice", row->home);
        alice = world_named(world, "alice");
        if (strstr(row->home, "//") && row->taken)
                g_assert_cmpstr(alice->home, ==, "/srv/alice");
        else
                g_assert_cmpstr(alice->home, ==, row->taken ? row->home : "/home/alice");
        g_assert_cmpint(alice->trouble != NULL, ==, !row->taken);
}

/* Whoever comes first would own it, and what the other's shell reads. */
static void home_of_somebody_else(World *world, gconstpointer unused)
{
        world_sweep(world, "", "s1=alice s2=bob");
        change_home(world, "s2", "bob", "/home/alice");
        g_assert_cmpstr(world_named(world, "bob")->home, ==, "/home/bob");
        g_assert_nonnull(strstr(world_named(world, "bob")->trouble, "somebody else's"));
        change_home(world, "s2", "bob", "/home/alice/.config/");
        g_assert_cmpstr(world_named(world, "bob")->home, ==, "/home/bob");
        change_home(world, "s2", "bob", "/home/alice2");
        g_assert_cmpstr(world_named(world, "bob")->home, ==, "/home/alice2");
        directory_person_gone(world->directory, "s1");
        change_home(world, "s2", "bob", "/home/alice");
        g_assert_cmpstr(world_named(world, "bob")->home, ==, "/home/bob"); /* still hers */
}

/* Who is new is given a home; who had put himself there before loses it when all are
 * judged anew. */
static void home_of_somebody_to_come(World *world, gconstpointer unused)
{
        change_home(world, "s2", "bob", "/home/alice");
        g_assert_cmpstr(world_named(world, "bob")->home, ==, "/home/alice");
        world_change(world, "s1=alice");
        world_configure(world);
        g_assert_cmpstr(world_named(world, "alice")->home, ==, "/home/alice");
        g_assert_cmpstr(world_named(world, "bob")->home, ==, "/home/bob");
}

typedef struct EmailRow {
        const char *sentence;
        bool verified;
} EmailRow;

static const EmailRow email_rows[] = {
        { "a verified address names somebody", true },
        { "one that is not verified names nobody", false },
};

static void named_by_email(World *world, gconstpointer userdata)
{
        const EmailRow *row = userdata;

        g_free(world->settings->name);
        world->settings->name = g_strdup("{email}");
        world->settings->strip_domain = world_list("example.com");
        world_configure(world);
        directory_change_person(world->directory, &(RealmPerson){ .subject = "s1",
                                                                  .username = "x",
                                                                  .email = "alice@Example.com",
                                                                  .email_verified = row->verified,
                                                                  .enabled = true });
        g_assert_cmpint(world_named(world, "alice") != NULL, ==, row->verified);
        if (!row->verified)
                world_assert_trouble(world_subject(world, "s1"), "not verified");
}

#define ADD(group, rows, run)                                                                      \
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)                                            \
        world_add(group, rows[i].sentence, &rows[i], run)

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                WorldTest run;
        } tests[] = {
                { "a trouble is told once a change", told_once },
                { "many troubles are counted", many_refused },
                { "what is no name is nobody's", lookup_of_what_is_no_name },
                { "two of one name have it neither", two_of_one_name },
                { "who has a name keeps it", who_has_the_name_keeps_it },
                { "renamed: number and home stay", renamed },
                { "two exchange their names", names_exchanged_in_one_sweep },
                { "a new group and a new person of one name", group_and_person_of_one_name },
                { "a person takes no group's name", person_takes_no_groups_name },
                { "a group takes no person's name", group_takes_no_persons_name },
                { "members of a child are members of its parents", nested },
                { "parents in a circle end", parents_in_a_circle },
                { "membership found by walking", found_by_walking },
                { "members of a source are in the local groups listed", local_groups },
                { "group 0 is nobody's whatever it is called", local_group_zero },
                { "a primary group is one that it is in", primary_group },
                { "sources are told with those above", sources_of_a_person },
                { "a group is no more and comes back", group_is_no_more },
                { "narrowed to a group and those below", narrowed },
                { "who is no longer within is as if gone", no_longer_within },
                { "settings narrow", settings_narrow },
                { "disabled resolves without a shell", disabled },
                { "gone resolves until gone_keep is over", gone_until_it_is_over },
                { "a number outlives its person", number_outlives_its_person },
                { "created anew under the same name", created_anew_under_the_same_name },
                { "a single change", single_change_and_gone },
                { "a sweep that is dropped changes nothing", dropped_sweep },
                { "a sweep that says the same changes nothing", the_same_again },
                { "what was heard during a sweep is newer", heard_of_during_the_sweep },
                { "without [users] nobody is an account", without_users },
                { "in the order of subjects", in_the_order_of_subjects },
                { "home and shell by attributes that fit", home_and_shell_of_attributes },
                { "a home that is somebody else's", home_of_somebody_else },
                { "a home of somebody to come", home_of_somebody_to_come },
        };

        g_test_init(&argc, &argv, NULL);
        ADD("directory/names", name_rows, one_name);
        ADD("directory/local", local_rows, local_wins_and_goes_away);
        ADD("directory/groups", many_rows, many_groups);
        ADD("directory/gone", gone_rows, many_gone);
        ADD("directory/home", home_rows, home_of_the_system);
        ADD("directory/email", email_rows, named_by_email);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
                world_add("directory", tests[i].sentence, NULL, tests[i].run);
        return g_test_run();
}

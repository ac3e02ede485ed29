/* test_directory_ids: who gets which number, and who does not when two want one. */
#include "world.h"

#include "base/clock.h"
#include "users/ids.h"

#define FIRST        100000
#define LAST         100009 /* so few that collisions are everywhere */
#define BIRTHDAY_MAX 200000
#define DAY_SEC      (INT64_C(24) * 3600)

static uint32_t candidate(const char *subject)
{
        return ids_candidate(WORLD_ISSUER, subject, FIRST, LAST);
}

static void small_range(World *world)
{
        world->settings->id_first = FIRST;
        world->settings->id_last = LAST;
        world_configure(world);
}

static void set_line(World *world, const char *line)
{
        g_strfreev(world->settings->id);
        world->settings->id = line ? world_list(line) : NULL;
        world_configure(world);
}

/* pair: two subjects that want one number. */
static void pair(char **ret_one, char **ret_other)
{
        *ret_one = g_strdup("s0");
        for (unsigned i = 1;; i++) {
                *ret_other = g_strdup_printf("s%u", i);
                if (candidate(*ret_other) == candidate(*ret_one))
                        return;
                g_free(*ret_other);
        }
}

typedef struct Colliding {
        char *one, *other; /* subjects */
        char *both, *first, *second;
        uint32_t id;
} Colliding;

static void colliding_clear(Colliding *colliding)
{
        g_free(colliding->one);
        g_free(colliding->other);
        g_free(colliding->both);
        g_free(colliding->first);
        g_free(colliding->second);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Colliding, colliding_clear)

static void find_colliding(Colliding *ret)
{
        pair(&ret->one, &ret->other);
        ret->first = g_strdup_printf("%s=alice", ret->one);
        ret->second = g_strdup_printf("%s=bob", ret->other);
        ret->both = g_strdup_printf("%s %s", ret->first, ret->second);
        ret->id = candidate(ret->one);
}

static void same_on_every_host(World *world, gconstpointer unused)
{
        uint32_t uid;

        world_sweep(world, "", "s1=alice");
        uid = world_named(world, "alice")->uid;
        g_assert_cmpuint(
            uid, ==,
            ids_candidate(WORLD_ISSUER, "s1", USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT));
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
}

static void neither_wins(World *world, gconstpointer unused)
{
        g_auto(Colliding) them = { 0 };

        find_colliding(&them);
        small_range(world);
        world_sweep(world, "", them.both);
        world_assert_trouble(world_subject(world, them.one), "wanted by bob");
        world_assert_trouble(world_subject(world, them.other), "wanted by alice");
        g_assert_null(directory_person_by_uid(world->directory, them.id));
        g_assert_cmpuint(world_logged("account_refused"), ==, 2);
}

static void in_either_order(World *world, gconstpointer unused)
{
        g_auto(Colliding) them = { 0 };

        find_colliding(&them);
        small_range(world);
        world_sweep(world, "", them.first);
        world_sweep(world, "", them.both);
        g_assert_cmpuint(world_subject(world, them.one)->uid, ==, them.id);
        world_assert_trouble(world_subject(world, them.other), "was given to alice");
        world_restart(world, true);
        g_assert_cmpuint(world_subject(world, them.one)->uid, ==, them.id);
        world_assert_trouble(world_subject(world, them.other), "was given to alice");
        /* Nor does it get it when the holder is gone, and gone for good. */
        world_sweep(world, "", them.second);
        world_assert_trouble(world_subject(world, them.other), "was given to alice");
        directory_tidy(world->directory, WORLD_NOW + 90 * DAY_SEC);
        world_assert_trouble(world_subject(world, them.other), "was given to ");
        world_restart(world, true);
        world_assert_trouble(world_subject(world, them.other), "was given to s0");
}

static void settled_for_one(World *world, gconstpointer unused)
{
        g_auto(Colliding) them = { 0 };
        g_autofree char *line = NULL;

        find_colliding(&them);
        small_range(world);
        world_sweep(world, "", them.both);
        /* Another number for one leaves this one to the other. */
        line = g_strdup_printf("%s=200000", them.other);
        set_line(world, line);
        g_assert_cmpuint(world_subject(world, them.one)->uid, ==, them.id);
        g_assert_cmpuint(world_subject(world, them.other)->uid, ==, 200000);
        /* Without the line they have what they were given. */
        set_line(world, NULL);
        world_restart(world, true);
        g_assert_cmpuint(world_subject(world, them.one)->uid, ==, them.id);
        g_assert_cmpuint(world_subject(world, them.other)->uid, ==, 200000);
}

static void line_names_the_winner(World *world, gconstpointer unused)
{
        g_auto(Colliding) them = { 0 };
        g_autofree char *line = NULL;

        find_colliding(&them);
        small_range(world);
        world_sweep(world, "", them.both);
        line = g_strdup_printf("%s=%u", them.other, them.id);
        set_line(world, line);
        g_assert_cmpuint(world_subject(world, them.other)->uid, ==, them.id);
        world_assert_trouble(world_subject(world, them.one), "was given to bob");
}

static void line_takes_nothing_away(World *world, gconstpointer unused)
{
        g_auto(Colliding) them = { 0 };
        g_autofree char *line = NULL;

        find_colliding(&them);
        small_range(world);
        world_sweep(world, "", them.first);
        line = g_strdup_printf("%s=%u", them.other, them.id);
        set_line(world, line);
        world_sweep(world, "", them.both);
        g_assert_cmpuint(world_subject(world, them.one)->uid, ==, them.id);
        world_assert_trouble(world_subject(world, them.other), "was given to alice");
}

static void line_and_back(World *world, gconstpointer unused)
{
        uint32_t uid;
        g_autofree char *back = NULL;

        world_sweep(world, "", "s1=alice");
        uid = world_named(world, "alice")->uid;
        set_line(world, "s1=200000");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 200000);
        /* Both are its own for ever. */
        set_line(world, NULL);
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 200000);
        back = g_strdup_printf("s1=%u", uid);
        set_line(world, back);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
        set_line(world, "s2=200000");
        world_sweep(world, "", "s1=alice s2=bob");
        world_assert_trouble(world_subject(world, "s2"), "was given to");
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
        world_assert_trouble(world_subject(world, "s2"), "was given to");
}

typedef struct LineRow {
        const char *sentence;
        const char *lines;
        bool good;
} LineRow;

static const LineRow line_rows[] = {
        { "the least number", "s1=1000", true },
        { "one less", "s1=999", false },
        { "root's", "s1=0", false },
        { "before systemd's", "s1=61183", true },
        { "systemd's", "s1=61184", false },
        { "systemd's last", "s1=65519", false },
        { "behind systemd's", "s1=65520", true },
        { "nobody's", "s1=65534", false },
        { "the old -1", "s1=65535", false },
        { "behind it", "s1=65536", true },
        { "-1", "s1=4294967295", false },
        { "one more than there are", "s1=4294967296", false },
        { "no number", "s1=alice", false },
        { "no key", "=5000", false },
        { "a key twice", "s1=5000 s1=5001", false },
        { "a number twice", "s1=5000 s2=5000", false },
        { "a group's key", "group:g1=5000", true },
};

static void line_is_judged(World *world, gconstpointer userdata)
{
        const LineRow *row = userdata;
        g_autoptr(GError) error = NULL;

        world->settings->id = world_list(row->lines);
        g_assert_cmpint(
            directory_configure(world->directory, world->settings, WORLD_ISSUER, &error), ==,
            row->good);
        g_assert_cmpint(error == NULL, ==, row->good);
}

/* ---- attributes ---- */

typedef struct AttributeRow {
        const char *sentence;
        const char *person;
        uint32_t uid; /* UID_NONE: refused */
} AttributeRow;

static const AttributeRow attribute_rows[] = {
        { "a number outside of the range", "s1=alice#5000", 5000 },
        { "the least", "s1=alice#1000", 1000 },
        { "one less", "s1=alice#999", UID_NONE },
        { "root's", "s1=alice#0", UID_NONE },
        { "before systemd's", "s1=alice#61183", 61183 },
        { "systemd's", "s1=alice#61184", UID_NONE },
        { "systemd's last", "s1=alice#65519", UID_NONE },
        { "behind systemd's", "s1=alice#65520", 65520 },
        { "before nobody's", "s1=alice#65533", 65533 },
        { "nobody's", "s1=alice#65534", UID_NONE },
        { "the old -1", "s1=alice#65535", UID_NONE },
        { "behind it", "s1=alice#65536", 65536 },
        { "the last", "s1=alice#4294967294", 4294967294 },
        { "-1", "s1=alice#4294967295", UID_NONE },
        { "2^32 is not cut to 0", "s1=alice#4294967296", UID_NONE },
        { "2^32 + 5000 is not cut to 5000", "s1=alice#4294972296", UID_NONE },
        { "below nothing", "s1=alice#-5000", UID_NONE },
        { "with a sign", "s1=alice#+5000", UID_NONE },
        { "a number and more", "s1=alice#5000x", UID_NONE },
        { "a newline behind it", "s1=alice#5000\n", UID_NONE },
        { "two of them", "s1=alice#5000,5001", UID_NONE },
};

static void attribute_is_judged(World *world, gconstpointer userdata)
{
        const AttributeRow *row = userdata;

        g_assert_cmpint(world_change(world, row->person), ==, 0);
        g_assert_cmpuint(world_subject(world, "s1")->uid, ==, row->uid);
        g_assert_cmpint(world_named(world, "alice") != NULL, ==, row->uid != UID_NONE);
        if (row->uid == UID_NONE)
                world_assert_trouble(world_subject(world, "s1"), "uidNumber");
}

static void attribute_and_what_was_given(World *world, gconstpointer unused)
{
        uint32_t uid;

        world_sweep(world, "", "s1=alice");
        uid = world_named(world, "alice")->uid;
        world_sweep(world, "", "s1=alice#5000");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
        g_assert_nonnull(strstr(world_named(world, "alice")->trouble, "uidNumber is 5000"));
        g_assert_cmpuint(world_logged("account_refused"), ==, 1);
        set_line(world, "s1=5000");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 5000);
        g_assert_null(world_named(world, "alice")->trouble);
        set_line(world, NULL);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 5000);
        g_assert_null(world_named(world, "alice")->trouble);
}

static void attribute_that_is_taken_away(World *world, gconstpointer unused)
{
        world_sweep(world, "", "s1=alice#5000");
        world_sweep(world, "", "s1=alice");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 5000);
        world_sweep(world, "", "s1=alice#0");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 5000);
        g_assert_nonnull(world_named(world, "alice")->trouble);
}

static void two_of_one_attribute(World *world, gconstpointer unused)
{
        world_sweep(world, "", "s1=alice#5000 s2=bob#5000");
        world_assert_trouble(world_subject(world, "s1"), "wanted by bob");
        world_assert_trouble(world_subject(world, "s2"), "wanted by alice");
        world_sweep(world, "", "s1=alice#5000 s2=bob#5001");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 5000);
        g_assert_cmpuint(world_named(world, "bob")->uid, ==, 5001);
        world_sweep(world, "", "s1=alice#5000 s2=bob#5001 s3=carol#5000");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 5000);
        world_assert_trouble(world_subject(world, "s3"), "was given to alice");
}

static void attribute_before_candidate(World *world, gconstpointer unused)
{
        g_autofree char *people = g_strdup_printf("s1=alice s2=bob#%u", candidate("s1"));

        small_range(world);
        world_sweep(world, "", people);
        g_assert_cmpuint(world_named(world, "bob")->uid, ==, candidate("s1"));
        world_assert_trouble(world_subject(world, "s1"), "was given to bob");
}

static void person_and_group_of_one_number(World *world, gconstpointer unused)
{
        world_sweep(world, "g1=/eng#5000", "s1=alice#5000");
        world_assert_trouble(world_subject(world, "s1"), "the group /eng");
        g_assert_null(world_group(world, "eng"));
        world_sweep(world, "g1=/eng#5001", "s1=alice#5000");
        g_assert_cmpuint(world_group(world, "eng")->gid, ==, 5001);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 5000);
}

static void numbers_from_the_realm_alone(World *world, gconstpointer unused)
{
        world->settings->ids_from_realm_only = true;
        world_configure(world);
        world_sweep(world, "", "s1=alice s2=bob#5000");
        world_assert_trouble(world_subject(world, "s1"), "no attribute uidNumber");
        g_assert_cmpuint(world_named(world, "bob")->uid, ==, 5000);
        set_line(world, "s1=5001");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 5001);
}

/* A candidate that is given before the attribute is known would stay for ever. */
static void no_candidate_before_attributes_are_read(World *world, gconstpointer unused)
{
        const Person *person;

        g_assert_cmpint(world_learn(world, "'sub':'s1','preferred_username':'alice'", &person), ==,
                        DIRECTORY_E_NO_ACCOUNT);
        world_assert_trouble(person, "not been read");
        world_restart(world, true);
        world_assert_trouble(world_subject(world, "s1"), "not been read");
        world_change(world, "s1=alice#5000");
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, 5000);
}

static void settings_name_another_attribute(World *world, gconstpointer unused)
{
        uint32_t uid;

        world_sweep(world, "", "s1=alice");
        uid = world_named(world, "alice")->uid;
        world_change(world, "s2=Bob");
        g_free(world->settings->uid_attribute);
        world->settings->uid_attribute = g_strdup("uid");
        world->settings->strip_domain = world_list("x");
        world_configure(world);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, "alice")->uid, ==, uid);
        world_sweep(world, "", "s1=alice s2=bob");
        g_assert_nonnull(world_named(world, "bob"));
}

static void primary_gid_by_attribute(World *world, gconstpointer unused)
{
        json_auto *attributes =
            json_pack("{s:[s],s:[s]}", "uidNumber", "5000", "gidNumber", "6000");
        const char *const groups[] = { "g1", NULL }, *const none[] = { NULL };
        RealmPerson person = { .subject = "s1",
                               .username = "alice",
                               .enabled = true,
                               .attributes = attributes,
                               .groups = groups };

        world_sweep(world, "g1=/eng#6000", "");
        directory_change_person(world->directory, &person);
        g_assert_cmpuint(world_named(world, "alice")->gid, ==, 6000);
        g_assert_null(world_named(world, "alice")->trouble);
        /* A number alone makes nobody a member. */
        person.groups = none;
        directory_change_person(world->directory, &person);
        g_assert_cmpuint(world_named(world, "alice")->gid, ==, 5000);
        g_assert_nonnull(world_named(world, "alice")->trouble);
}

/* ---- many ---- */

/* birthday: two subjects of the default range that meet, by trying. */
static void birthday(char **ret_one, char **ret_other)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

        for (unsigned i = 0; i < BIRTHDAY_MAX; i++) {
                g_autofree char *subject = g_strdup_printf("b%u", i);
                uint32_t id = ids_candidate(WORLD_ISSUER, subject, USERS_ID_FIRST_DEFAULT,
                                            USERS_ID_LAST_DEFAULT);
                void *before;

                if (g_hash_table_lookup_extended(seen, GUINT_TO_POINTER(id), NULL, &before)) {
                        *ret_one = g_strdup_printf("b%u", GPOINTER_TO_UINT(before));
                        *ret_other = g_steal_pointer(&subject);
                        return;
                }
                g_hash_table_insert(seen, GUINT_TO_POINTER(id), GUINT_TO_POINTER(i));
        }
        g_assert_not_reached();
}

static void tell(uint32_t id, const char *key, const char *name, bool has_it, void *userdata)
{
        g_string_append_printf(userdata, "%s%s%s ", key, name, has_it ? "!" : "");
}

static void assert_collisions(World *world, const char *expected)
{
        g_autoptr(GString) told = g_string_new(NULL);

        directory_each_collision(world->directory, tell, told);
        g_assert_cmpstr(told->str, ==, expected);
}

static void birthday_in_the_default_range(World *world, gconstpointer unused)
{
        g_autofree char *one = NULL, *other = NULL, *people = NULL, *line = NULL, *expected = NULL;

        birthday(&one, &other);
        people = g_strdup_printf("%s=alice %s=bob c1=carol", one, other);
        world_sweep(world, "", people);
        world_assert_trouble(world_subject(world, one), "wanted by bob");
        world_assert_trouble(world_subject(world, other), "wanted by alice");
        g_assert_nonnull(world_named(world, "carol"));
        expected = strcmp(one, other) < 0 ? g_strdup_printf("%salice %sbob ", one, other)
                                          : g_strdup_printf("%sbob %salice ", other, one);
        assert_collisions(world, expected);
        line = g_strdup_printf("%s=5000", other);
        set_line(world, line);
        g_assert_nonnull(world_named(world, "alice"));
        g_assert_cmpuint(world_named(world, "bob")->uid, ==, 5000);
        assert_collisions(world, "");
}

static void collisions_with_their_holders(World *world, gconstpointer unused)
{
        g_auto(Colliding) them = { 0 };
        g_autofree char *with_holder = NULL, *past = NULL;

        find_colliding(&them);
        small_range(world);
        world_sweep(world, "", them.first);
        world_sweep(world, "", them.both);
        with_holder = g_strdup_printf("%salice! %sbob ", them.one, them.other);
        assert_collisions(world, with_holder);
        world_sweep(world, "", them.second);
        directory_tidy(world->directory, WORLD_NOW + 90 * DAY_SEC);
        past = g_strdup_printf("%s! %sbob ", them.one, them.other);
        assert_collisions(world, past);
}

/* Two hosts hear of 12 people in another order. */
static void order_does_not_matter(World *world, gconstpointer unused)
{
        g_autoptr(GString) forwards = g_string_new(NULL), backwards = g_string_new(NULL);
        World other;

        for (unsigned i = 0; i < 12; i++) {
                g_autofree char *person = g_strdup_printf("s%u=p%u ", i, i);

                g_string_append(forwards, person);
                g_string_prepend(backwards, person);
        }
        world_set_up(&other, NULL);
        small_range(world);
        small_range(&other);
        world_sweep(world, "", forwards->str);
        world_sweep(&other, "", backwards->str);
        for (unsigned i = 0; i < 12; i++) {
                g_autofree char *subject = g_strdup_printf("s%u", i);

                g_assert_cmpuint(world_subject(world, subject)->uid, ==,
                                 world_subject(&other, subject)->uid);
        }
        world_tear_down(&other, NULL);
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
                { "the candidate, on every host and after a restart", same_on_every_host },
                { "of two that meet neither wins", neither_wins },
                { "who has it keeps it, for ever", in_either_order },
                { "another number for one settles it", settled_for_one },
                { "a line names the winner", line_names_the_winner },
                { "a line takes nothing away", line_takes_nothing_away },
                { "a line, and back to what it had", line_and_back },
                { "an attribute that differs from what was given", attribute_and_what_was_given },
                { "an attribute that is taken away", attribute_that_is_taken_away },
                { "two of one attribute", two_of_one_attribute },
                { "an attribute goes before a candidate", attribute_before_candidate },
                { "a person and a group of one number", person_and_group_of_one_number },
                { "numbers from the realm alone", numbers_from_the_realm_alone },
                { "no candidate before attributes are read",
                  no_candidate_before_attributes_are_read },
                { "settings that name another attribute", settings_name_another_attribute },
                { "a primary group by attribute", primary_gid_by_attribute },
                { "a birthday in the default range", birthday_in_the_default_range },
                { "collisions are told with their holders", collisions_with_their_holders },
                { "the order in which people are heard of does not matter", order_does_not_matter },
        };

        g_test_init(&argc, &argv, NULL);
        ADD("ids/line", line_rows, line_is_judged);
        ADD("ids/attribute", attribute_rows, attribute_is_judged);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
                world_add("ids", tests[i].sentence, NULL, tests[i].run);
        return g_test_run();
}

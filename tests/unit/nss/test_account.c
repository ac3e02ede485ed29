/* test_account: what is a name and a number, and what of an account may go out. */
#include "account.h"
#include "users/ids.h"

#include <glib.h>

typedef struct NameRow {
        const char *sentence, *name;
        bool is_name;
} NameRow;

static const NameRow name_rows[] = {
        { "letters", "alice", true },
        { "one letter", "a", true },
        { "an underscore alone", "_", true },
        { "digits and dashes behind", "a-1_2-", true },
        { "32 characters", "abcdefghijklmnopqrstuvwxyz012345", true },
        { "33 characters", "abcdefghijklmnopqrstuvwxyz0123456", false },
        { "nothing", "", false },
        { "a digit first", "1a", false },
        { "a dash first", "-rf", false },
        { "a dot first", ".a", false },
        { "a dot within", "a.b", false },
        { "upper case", "Alice", false },
        { "upper case within", "aLice", false },
        { "a slash", "a/b", false },
        { "two dots", "..", false },
        { "a newline at the end", "alice\n", false },
        { "a colon", "a:b", false },
        { "a space", "a b", false },
        { "a look-alike", "\xD0\xB0lice", false },
        { "a query's characters", "a&uid=0", false },
        { "a percent", "a%00", false },
        { "a dollar at the end", "host$", false },
};

static void test_name(gconstpointer argument)
{
        const NameRow *row = argument;

        g_assert_true(account_is_name(row->name) == row->is_name);
}

/* test_ids: the module's own list says what the daemon's says: on each edge of either, and around
 * each power of two. */
static void test_ids(void)
{
        static const uint32_t edges[] = { 0,          999,        1000,       61183,     61184,
                                          65519,      65520,      65533,      65534,     65535,
                                          1879048192, 2147352576, 2147418111, 4294967294 };

        for (gsize i = 0; i < G_N_ELEMENTS(edges); i++)
                for (uint32_t id = edges[i] - 1; id != edges[i] + 2; id++)
                        if (account_is_id(id) != ids_allowed(id))
                                g_error("%u: %d here, %d there", id, account_is_id(id),
                                        ids_allowed(id));
        for (unsigned bit = 0; bit < 32; bit++)
                g_assert_true(account_is_id(UINT32_C(1) << bit) == ids_allowed(UINT32_C(1) << bit));
        for (uint32_t id = 0; id < 70000; id++)
                g_assert_true(account_is_id(id) == ids_allowed(id));
        g_assert_false(account_is_id(UINT32_MAX));
}

static void test_supplementary(void)
{
        g_assert_false(account_is_supplementary(0));
        g_assert_true(account_is_supplementary(1));
        g_assert_true(account_is_supplementary(27));
        g_assert_true(account_is_supplementary(1879048192));
        g_assert_false(account_is_supplementary(65535));
        g_assert_false(account_is_supplementary(UINT32_MAX));
}

typedef struct PersonRow {
        const char *sentence;
        struct person person;
        struct wanted wanted;
        bool fits;
} PersonRow;

#define NAMED(text)                                                                                \
        {                                                                                          \
                text, 0                                                                            \
        }
#define NUMBERED(number)                                                                           \
        {                                                                                          \
                NULL, number                                                                       \
        }

static const PersonRow person_rows[] = {
        { "who was asked for",
          { "alice", "Al", "/home/alice", "/bin/sh", 5000, 5000 },
          NAMED("alice"),
          true },
        { "no full name", { "alice", "", "/h", "/s", 5000, 5000 }, NUMBERED(5000), true },
        { "another name", { "bob", "", "/h", "/s", 5000, 5000 }, NAMED("alice"), false },
        { "another number", { "alice", "", "/h", "/s", 5001, 5000 }, NUMBERED(5000), false },
        { "root's number", { "alice", "", "/h", "/s", 0, 5000 }, NAMED("alice"), false },
        { "root's group", { "alice", "", "/h", "/s", 5000, 0 }, NAMED("alice"), false },
        { "a number of the system", { "alice", "", "/h", "/s", 999, 5000 }, NAMED("alice"), false },
        { "a full name with a colon",
          { "alice", "a:b", "/h", "/s", 5000, 5000 },
          NAMED("alice"),
          false },
        { "a full name with a newline",
          { "alice", "a\nroot::0", "/h", "/s", 5000, 5000 },
          NAMED("alice"),
          false },
        { "a home that is no path", { "alice", "", "h", "/s", 5000, 5000 }, NAMED("alice"), false },
        { "no shell", { "alice", "", "/h", "", 5000, 5000 }, NAMED("alice"), false },
};

static void test_person(gconstpointer argument)
{
        const PersonRow *row = argument;

        g_assert_true(account_person_fits(&row->person, &row->wanted) == row->fits);
}

static void test_group(void)
{
        struct wanted eng = { .name = "eng" }, number = { .id = 5000 };
        struct group_entry group = { .name = "eng", .gid = 5000 };

        g_assert_true(account_group_fits(&group, &eng));
        g_assert_true(account_group_fits(&group, &number));
        group.gid = 0;
        g_assert_false(account_group_fits(&group, &eng));
        group = (struct group_entry){ .name = "ops", .gid = 5000 };
        g_assert_false(account_group_fits(&group, &eng));
        group.name = "o ps";
        g_assert_false(account_group_fits(&group, &number));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(name_rows); i++) {
                g_autofree char *path = g_strdup_printf("/account/name/%s", name_rows[i].sentence);

                g_test_add_data_func(path, &name_rows[i], test_name);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(person_rows); i++) {
                g_autofree char *path =
                    g_strdup_printf("/account/person/%s", person_rows[i].sentence);

                g_test_add_data_func(path, &person_rows[i], test_person);
        }
        g_test_add_func("/account/the daemon's list of numbers is ours", test_ids);
        g_test_add_func("/account/supplementary groups may be local ones", test_supplementary);
        g_test_add_func("/account/groups", test_group);
        return g_test_run();
}

/* test_line: passwd(5) and group(5) lines, strictly. */
#include "line.h"

#include <glib.h>

typedef struct LineRow {
        const char *sentence, *line;
        bool is_one;
} LineRow;

static const LineRow person_rows[] = {
        { "seven fields", "alice:x:5000:5001:Al:/home/alice:/bin/sh", true },
        { "empty texts", ":x:5000:5001:::", true },
        { "six fields", "alice:x:5000:5001:Al:/home/alice", false },
        { "eight fields", "alice:x:5000:5001:Al:/home/alice:/bin/sh:", false },
        { "nothing", "", false },
        { "no uid", "alice:x::5001:Al:/home/alice:/bin/sh", false },
        { "a uid with a sign", "alice:x:+5000:5001:Al:/h:/s", false },
        { "a uid below zero", "alice:x:-1:5001:Al:/h:/s", false },
        { "a uid with a space", "alice:x: 5000:5001:Al:/h:/s", false },
        { "a uid with a zero in front", "alice:x:05000:5001:Al:/h:/s", false },
        { "a uid in hexadecimal", "alice:x:0x10:5001:Al:/h:/s", false },
        { "the largest uid", "alice:x:4294967295:5001:Al:/h:/s", true },
        { "a uid that would become root's", "alice:x:4294967296:5001:Al:/h:/s", false },
        { "a uid of 40 digits", "alice:x:1000000000000000000000000000000000000000:1:Al:/h:/s",
          false },
        { "a gid of letters", "alice:x:5000:staff:Al:/h:/s", false },
};

static void test_person(gconstpointer argument)
{
        const LineRow *row = argument;
        g_autofree char *line = g_strdup(row->line);
        struct person person;

        g_assert_true(line_person(line, &person) == row->is_one);
}

static void test_person_parts(void)
{
        char line[] = "alice:x:5000:5001:Al, Room 1:/home/alice:/bin/sh";
        struct person person;

        g_assert_true(line_person(line, &person));
        g_assert_cmpstr(person.name, ==, "alice");
        g_assert_cmpuint(person.uid, ==, 5000);
        g_assert_cmpuint(person.gid, ==, 5001);
        g_assert_cmpstr(person.gecos, ==, "Al, Room 1");
        g_assert_cmpstr(person.home, ==, "/home/alice");
        g_assert_cmpstr(person.shell, ==, "/bin/sh");
}

typedef struct GroupRow {
        const char *sentence, *line;
        const char *members; /* each behind a bar; NULL: no line */
} GroupRow;

static const GroupRow group_rows[] = {
        { "members", "eng:x:5000:alice,bob,carol", "|alice|bob|carol" },
        { "one member", "eng:x:5000:alice", "|alice" },
        { "none", "eng:x:5000:", "" },
        { "three fields", "eng:x:5000", NULL },
        { "five fields", "eng:x:5000:alice:", NULL },
        { "no number", "eng:x::alice", NULL },
        { "an empty member", "eng:x:5000:alice,,bob", "|alice|odd|bob" },
        { "a comma at the end", "eng:x:5000:alice,", "|alice|odd" },
        { "a comma alone", "eng:x:5000:,", "|odd|odd" },
        { "a member that is no name", "eng:x:5000:alice,Root", "|alice|odd" },
};

static void test_group(gconstpointer argument)
{
        const GroupRow *row = argument;
        g_autofree char *line = g_strdup(row->line);
        g_autoptr(GString) members = g_string_new(NULL);
        struct group_entry group;

        g_assert_true(line_group(line, &group) == (row->members != NULL));
        for (uint32_t i = 0; row->members && i < group.members.n;) {
                const char *name = account_next_member(&group.members);

                g_string_append_printf(members, "|%s", name ? name : "odd");
                i = group.members.at;
        }
        if (row->members)
                g_assert_cmpstr(members->str, ==, row->members);
}

static void test_next(void)
{
        char body[] = "one\n\ntwo\nhalf";
        char *at = body;

        g_assert_cmpstr(line_next(&at), ==, "one");
        g_assert_cmpstr(line_next(&at), ==, "");
        g_assert_cmpstr(line_next(&at), ==, "two");
        g_assert_null(line_next(&at));
        g_assert_cmpstr(at, ==, "half");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(person_rows); i++) {
                g_autofree char *path = g_strdup_printf("/line/person/%s", person_rows[i].sentence);

                g_test_add_data_func(path, &person_rows[i], test_person);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(group_rows); i++) {
                g_autofree char *path = g_strdup_printf("/line/group/%s", group_rows[i].sentence);

                g_test_add_data_func(path, &group_rows[i], test_group);
        }
        g_test_add_func("/line/each part in its place", test_person_parts);
        g_test_add_func("/line/one after the other, each with its end", test_next);
        return g_test_run();
}

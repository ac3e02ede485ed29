/* test_pack: into a caller's buffer of any size, at any address, and nowhere else. */
#include "gids.h"
#include "pack.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define GUARD        0x5A
#define GECOS_LONG_N 4096

static const struct person alice = { "alice", "Al", "/home/alice", "/bin/sh", 5000, 5001 };
#define ALICE_SIZE                                                                                 \
        (sizeof("alice") + sizeof("*") + sizeof("Al") + sizeof("/home/alice") + sizeof("/bin/sh"))

/* boxed: a buffer of exactly size bytes in the middle of guards. */
static char *boxed(size_t offset, size_t size, size_t all)
{
        char *box = g_malloc(all);

        g_assert_cmpuint(offset + size, <=, all);
        memset(box, GUARD, all);
        return box;
}

static void assert_guards(const char *box, size_t offset, size_t size, size_t all)
{
        for (size_t i = 0; i < all; i++)
                if (i < offset || i >= offset + size)
                        g_assert_cmpint(box[i], ==, GUARD);
}

static void test_person_sizes(void)
{
        for (size_t size = 0; size < ALICE_SIZE + 8; size++) {
                g_autofree char *box = boxed(16, size, 256);
                struct passwd entry;
                int r = pack_person(&alice, &entry, box + 16, size);

                g_assert_cmpint(r, ==, size < ALICE_SIZE ? ACCOUNT_E_TINY_BUFFER : 0);
                assert_guards(box, 16, size, 256);
                if (r != 0)
                        continue;
                g_assert_cmpstr(entry.pw_name, ==, "alice");
                g_assert_cmpstr(entry.pw_passwd, ==, "*");
                g_assert_cmpstr(entry.pw_gecos, ==, "Al");
                g_assert_cmpstr(entry.pw_dir, ==, "/home/alice");
                g_assert_cmpstr(entry.pw_shell, ==, "/bin/sh");
                g_assert_cmpuint(entry.pw_uid, ==, 5000);
                g_assert_cmpuint(entry.pw_gid, ==, 5001);
        }
}

static void test_long_gecos(void)
{
        g_autofree char *gecos = g_strnfill(GECOS_LONG_N, 'g');
        g_autofree char *buffer = g_malloc(ALICE_SIZE + GECOS_LONG_N);
        struct person person = alice;
        struct passwd entry;

        person.gecos = gecos;
        g_assert_cmpint(pack_person(&person, &entry, buffer, 4096), ==, ACCOUNT_E_TINY_BUFFER);
        g_assert_cmpint(pack_person(&person, &entry, buffer, ALICE_SIZE + GECOS_LONG_N), ==, 0);
        g_assert_cmpstr(entry.pw_gecos, ==, gecos);
}

static struct group_entry eng(void)
{
        return (struct group_entry){ .name = "eng",
                                     .gid = 5000,
                                     .members = { .texts = "alice\0bob", .n = 2 } };
}

static void check_group(size_t offset, size_t size)
{
        g_autofree char *box = boxed(offset, size, 256);
        struct group_entry group = eng();
        struct group entry;
        int r = pack_group(&group, &entry, box + offset, size);
        size_t needed =
            sizeof("eng") + sizeof("*") + 3 * sizeof(char *) + sizeof("alice") + sizeof("bob");

        assert_guards(box, offset, size, 256);
        if (size < needed)
                g_assert_cmpint(r, ==, ACCOUNT_E_TINY_BUFFER);
        if (size >= needed + sizeof(char *) - 1)
                g_assert_cmpint(r, ==, 0);
        if (r != 0)
                return;
        g_assert_cmpstr(entry.gr_name, ==, "eng");
        g_assert_cmpuint(entry.gr_gid, ==, 5000);
        g_assert_cmpuint((uintptr_t) entry.gr_mem % sizeof(char *), ==, 0);
        g_assert_cmpstr(entry.gr_mem[0], ==, "alice");
        g_assert_cmpstr(entry.gr_mem[1], ==, "bob");
        g_assert_null(entry.gr_mem[2]);
}

static void test_group_sizes(void)
{
        for (size_t offset = 16; offset < 16 + sizeof(char *); offset++)
                for (size_t size = 0; size < 80; size++)
                        check_group(offset, size);
}

static void test_odd_member(void)
{
        char buffer[128];
        struct group entry;
        struct group_entry group = eng();

        group.members.texts = "alice\0Bob";
        g_assert_cmpint(pack_group(&group, &entry, buffer, sizeof(buffer)), ==, -EBADMSG);
}

static void test_many_members_that_cannot_be(void)
{
        char buffer[128];
        struct group entry;
        struct group_entry group = eng();

        group.members.n = UINT32_MAX;
        g_assert_cmpint(pack_group(&group, &entry, buffer, sizeof(buffer)), ==,
                        ACCOUNT_E_TINY_BUFFER);
}

typedef struct GidsRow {
        const char *sentence;
        long n, size, limit;
        uint32_t n_added;
        long n_wanted;
} GidsRow;

static const GidsRow gids_rows[] = {
        { "there is room", 1, 16, 0, 10, 11 },
        { "exactly", 1, 11, 0, 10, 11 },
        { "it grows", 1, 1, 0, 200, 201 },
        { "up to the limit", 1, 1, 100, 200, 100 },
        { "the limit is reached already", 100, 100, 100, 5, 100 },
        { "no more than the kernel takes", 1, 1, 0, 70000, 65537 },
        { "nothing", 1, 1, 0, 0, 1 },
};

static void test_gids(gconstpointer argument)
{
        const GidsRow *row = argument;
        long n = row->n, size = row->size;
        gid_t *list = malloc((size_t) size * sizeof(*list));
        g_autofree uint32_t *added = g_new(uint32_t, row->n_added + 1);
        struct gids gids = { 7, &n, &size, &list, row->limit };

        for (uint32_t i = 0; i < row->n_added; i++)
                added[i] = 1000 + i;
        g_assert_cmpint(gids_add(&gids, added, row->n_added), ==, 0);
        g_assert_cmpint(n, ==, row->n_wanted);
        g_assert_cmpint(size, >=, n);
        for (long i = row->n; i < n; i++)
                g_assert_cmpuint(list[i], ==, 1000 + i - row->n);
        free(list);
}

static void test_gids_primary(void)
{
        static const uint32_t added[] = { 5, 7, 9 };
        long n = 0, size = 4;
        gid_t *list = malloc(4 * sizeof(*list));
        struct gids gids = { 7, &n, &size, &list, 0 };

        g_assert_cmpint(gids_add(&gids, added, 3), ==, 0);
        g_assert_cmpint(n, ==, 2);
        g_assert_cmpuint(list[0], ==, 5);
        g_assert_cmpuint(list[1], ==, 9);
        free(list);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/pack/a person, for each size of buffer", test_person_sizes);
        g_test_add_func("/pack/a full name of 4 kB", test_long_gecos);
        g_test_add_func("/pack/a group, for each size and address of buffer", test_group_sizes);
        g_test_add_func("/pack/a member that is no name", test_odd_member);
        g_test_add_func("/pack/more members than memory", test_many_members_that_cannot_be);
        for (gsize i = 0; i < G_N_ELEMENTS(gids_rows); i++) {
                g_autofree char *path = g_strdup_printf("/gids/%s", gids_rows[i].sentence);

                g_test_add_data_func(path, &gids_rows[i], test_gids);
        }
        g_test_add_func("/gids/the primary group is not added again", test_gids_primary);
        return g_test_run();
}

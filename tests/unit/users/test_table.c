/* test_table: what is published is what a reader of libnss_authd finds, and what becomes of the
 * file that was there before. */
#include "account.h"
#include "base/clock.h"
#include "fake_directory.h"
#include "pages.h"
#include "users/table.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define UID_FIRST UINT32_C(1879048192)
#define NOBODY    65534
#define SUDO_GID  27

/* A folder, and what stands in it. */
typedef struct Stage {
        char *folder, *path;
        Table *table;
        Directory *directory;
} Stage;

/* A file, mapped as a reader does. */
typedef struct Mapped {
        void *bytes;
        size_t size;
        struct pages pages;
} Mapped;

static void stage_init(Stage *stage)
{
        stage->folder = g_dir_make_tmp("authd-table-XXXXXX", NULL);
        stage->path = g_build_filename(stage->folder, TABLE_FILE, NULL);
        stage->table = table_new(stage->folder);
        stage->directory = fake_directory_new();
}

static void stage_clear(Stage *stage)
{
        table_free(stage->table);
        fake_directory_free(stage->directory);
        g_unlink(stage->path);
        g_assert_no_errno(g_rmdir(stage->folder)); /* nothing else was left behind */
        g_free(stage->path);
        g_free(stage->folder);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stage, stage_clear)

static void publish(Stage *stage)
{
        g_assert_cmpint(table_publish(stage->table, stage->directory, true, true), ==, 0);
}

static void map_file(const Stage *stage, Mapped *mapped)
{
        int fd = open(stage->path, O_RDONLY | O_CLOEXEC);
        struct stat found;

        g_assert_no_errno(fstat(fd, &found));
        g_assert_cmpuint(found.st_mode & 07777, ==, 0644);
        mapped->size = (size_t) found.st_size;
        mapped->bytes = mmap(NULL, mapped->size, PROT_READ, MAP_SHARED, fd, 0);
        g_assert_true(mapped->bytes != MAP_FAILED);
        g_assert_no_errno(close(fd));
        g_assert_true(pages_init(&mapped->pages, mapped->bytes, mapped->size));
}

static void mapped_clear(Mapped *mapped)
{
        munmap(mapped->bytes, mapped->size);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Mapped, mapped_clear)

static void assert_members(const struct pages *pages, const char *name, const char *wanted)
{
        struct wanted group = { .name = name };
        struct group_entry found;
        g_autoptr(GString) members = g_string_new(NULL);

        g_assert_cmpint(pages_group(pages, &group, &found), ==, PAGES_FOUND);
        for (uint32_t i = found.members.n; i > 0; i--)
                g_string_append_printf(members, "%s,", account_next_member(&found.members));
        g_assert_cmpstr(members->str, ==, wanted);
}

/* --- what a reader finds -------------------------------------------------------------------- */

static void check_person(const struct pages *pages, const Person *person)
{
        struct wanted rows[] = { { .name = person->name }, { .id = person->uid } };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                struct person found;
                struct group_entry own;

                g_assert_cmpint(pages_person(pages, &rows[i], &found), ==, PAGES_FOUND);
                g_assert_cmpstr(found.name, ==, person->name);
                g_assert_cmpstr(found.gecos, ==, person->gecos);
                g_assert_cmpstr(found.home, ==, person->home);
                g_assert_cmpstr(found.shell, ==, person->shell);
                g_assert_cmpuint(found.uid, ==, person->uid);
                g_assert_cmpuint(found.gid, ==, person->gid);
                g_assert_cmpint(pages_group(pages, &rows[i], &own), ==, PAGES_FOUND);
                g_assert_cmpstr(own.name, ==, person->name);
                g_assert_cmpuint(own.members.n, ==, 0);
        }
}

static void check_gids(const struct pages *pages, const Person *person)
{
        struct wanted wanted = { .name = person->name };
        const uint32_t *gids;
        uint32_t n;

        g_assert_cmpint(pages_gids(pages, &wanted, &gids, &n), ==, PAGES_FOUND);
        g_assert_cmpmem(gids, n * sizeof(*gids), person->gids, person->n_gids * sizeof(uint32_t));
}

static void test_everybody(void)
{
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) mapped = { 0 };
        struct wanted nobody = { .name = "p005001" }, no_id = { .id = UID_FIRST + 5100 };
        struct person found;

        stage_init(&stage);
        fake_directory_fill(stage.directory, 5000, 100, 7, UID_FIRST);
        publish(&stage);
        map_file(&stage, &mapped);
        for (size_t i = 0; i < directory_n_people(stage.directory); i++) {
                check_person(&mapped.pages, directory_person(stage.directory, i));
                check_gids(&mapped.pages, directory_person(stage.directory, i));
        }
        for (size_t i = 0; i < directory_n_groups(stage.directory); i++) {
                struct wanted group = { .id = directory_group(stage.directory, i)->gid };
                struct group_entry entry;

                g_assert_cmpint(pages_group(&mapped.pages, &group, &entry), ==, PAGES_FOUND);
                g_assert_cmpstr(entry.name, ==, directory_group(stage.directory, i)->name);
                g_assert_cmpuint(entry.members.n, ==, 5000 * 7 / 100);
        }
        g_assert_cmpint(pages_person(&mapped.pages, &nobody, &found), ==, PAGES_E_MISS);
        g_assert_cmpint(pages_person(&mapped.pages, &no_id, &found), ==, PAGES_E_MISS);
}

static void test_nobody(void)
{
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) mapped = { 0 };
        struct wanted wanted = { .name = "alice" };
        struct person found;

        stage_init(&stage);
        publish(&stage);
        map_file(&stage, &mapped);
        g_assert_cmpint(pages_person(&mapped.pages, &wanted, &found), ==, PAGES_E_MISS);
        g_assert_cmpint(pages_seen_person(&mapped.pages, 0, &found), ==, PAGES_E_MISS);
}

static void test_groups(void)
{
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) mapped = { 0 };
        struct wanted sudo = { .name = "sudo" }, sudo_gid = { .id = SUDO_GID },
                      refused = { .name = "bob" };
        struct group_entry found;
        struct person person;

        stage_init(&stage);
        Person *alice = fake_directory_person(stage.directory, "alice", UID_FIRST);
        Person *bob = fake_directory_person(stage.directory, "bob", UID_FIRST + 1);
        Person *carol = fake_directory_person(stage.directory, "carol", UID_FIRST + 2);

        fake_directory_group(stage.directory, "eng", UID_FIRST + 100);
        fake_directory_group(stage.directory, "empty", UID_FIRST + 101);
        fake_directory_group(stage.directory, "sudo", SUDO_GID)->local = true;
        for (int i = 0; i < 3; i++)
                fake_directory_join(((Person *[]){ alice, bob, carol })[i], UID_FIRST + 100);
        fake_directory_join(alice, SUDO_GID);
        g_clear_pointer(&bob->name, g_free); /* no account any more */
        carol->gid = UID_FIRST + 100;
        publish(&stage);
        map_file(&stage, &mapped);
        assert_members(&mapped.pages, "eng", "alice,carol,");
        assert_members(&mapped.pages, "empty", "");
        g_assert_cmpint(pages_group(&mapped.pages, &sudo, &found), ==, PAGES_E_MISS);
        g_assert_cmpint(pages_group(&mapped.pages, &sudo_gid, &found), ==, PAGES_E_MISS);
        g_assert_cmpint(pages_person(&mapped.pages, &refused, &person), ==, PAGES_E_MISS);
        g_assert_cmpint(pages_group(&mapped.pages, &(struct wanted){ .name = "carol" }, &found), ==,
                        PAGES_E_MISS); /* her primary group is another */
        check_gids(&mapped.pages, alice);
}

static void test_seen(void)
{
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) mapped = { 0 }, silent = { 0 };
        struct person person;
        struct group_entry group;

        stage_init(&stage);
        fake_directory_fill(stage.directory, 10, 10, 1, UID_FIRST);
        ((Person *) directory_person(stage.directory, 3))->seen_sec = 1790000000;
        ((Person *) directory_person(stage.directory, 8))->seen_sec = 1790000001;
        publish(&stage);
        map_file(&stage, &mapped);
        g_assert_cmpint(pages_seen_person(&mapped.pages, 0, &person), ==, PAGES_FOUND);
        g_assert_cmpstr(person.name, ==, "p000004");
        g_assert_cmpint(pages_seen_person(&mapped.pages, 1, &person), ==, PAGES_FOUND);
        g_assert_cmpstr(person.name, ==, "p000009");
        g_assert_cmpint(pages_seen_person(&mapped.pages, 2, &person), ==, PAGES_E_MISS);
        static const char *const groups[] = { "g0004", "g0009", "p000004", "p000009" };
        for (uint32_t i = 0; i < G_N_ELEMENTS(groups); i++) {
                g_assert_cmpint(pages_seen_group(&mapped.pages, i, &group), ==, PAGES_FOUND);
                g_assert_cmpstr(group.name, ==, groups[i]);
        }
        g_assert_cmpint(pages_seen_group(&mapped.pages, 4, &group), ==, PAGES_E_MISS);

        g_assert_cmpint(table_publish(stage.table, stage.directory, false, true), ==, 0);
        map_file(&stage, &silent);
        g_assert_cmpint(pages_seen_person(&silent.pages, 0, &person), ==, PAGES_E_MISS);
        g_assert_cmpint(pages_seen_group(&silent.pages, 0, &group), ==, PAGES_E_MISS);
}

/* --- the heart ------------------------------------------------------------------------------ */

static void test_heartbeat(void)
{
        const uint64_t at = UINT64_C(50000000);
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) mapped = { 0 }, partial = { 0 };

        stage_init(&stage);
        table_beat(stage.table, at); /* of no file: nothing happens */
        publish(&stage);
        map_file(&stage, &mapped);
        table_beat(stage.table, at);
        g_assert_true(pages_knows_all(&mapped.pages, at));
        g_assert_true(pages_knows_all(&mapped.pages, at + TABLE_HEARTBEAT_MAX_USEC));
        g_assert_false(pages_knows_all(&mapped.pages, at + TABLE_HEARTBEAT_MAX_USEC + 1));
        g_assert_false(pages_knows_all(&mapped.pages, at - 1)); /* a beat of the future */

        g_assert_cmpint(table_publish(stage.table, stage.directory, true, false), ==, 0);
        map_file(&stage, &partial);
        table_beat(stage.table, at);
        g_assert_false(pages_knows_all(&partial.pages, at));

        publish(&stage);
        g_clear_pointer(&stage.table, table_free);
        mapped_clear(&mapped);
        map_file(&stage, &mapped);
        g_assert_false(pages_knows_all(&mapped.pages, 1)); /* it stopped with the daemon */
}

/* --- the file before ------------------------------------------------------------------------ */

static void test_replaced(void)
{
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) before = { 0 }, after = { 0 };
        struct wanted wanted = { .name = "alice" };
        struct person found;

        stage_init(&stage);
        fake_directory_person(stage.directory, "alice", UID_FIRST);
        publish(&stage);
        map_file(&stage, &before);
        g_assert_false(pages_is_replaced(&before.pages));
        fake_directory_person(stage.directory, "bob", UID_FIRST + 1);
        publish(&stage);
        map_file(&stage, &after);
        g_assert_true(pages_is_replaced(&before.pages));
        g_assert_false(pages_is_replaced(&after.pages));
        g_assert_cmpuint(before.pages.head.generation, ==, 1);
        g_assert_cmpuint(after.pages.head.generation, ==, 2);
        g_assert_cmpuint(before.pages.head.seed, !=, after.pages.head.seed);
        g_assert_cmpint(pages_person(&before.pages, &wanted, &found), ==, PAGES_FOUND);
}

static void test_earlier_daemon(void)
{
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) before = { 0 };

        stage_init(&stage);
        publish(&stage);
        map_file(&stage, &before);
        g_clear_pointer(&stage.table, table_free);
        stage.table = table_new(stage.folder);
        table_beat(stage.table, 1);
        g_assert_false(pages_knows_all(&before.pages, 1)); /* it is not this daemon's */
        g_assert_false(pages_is_replaced(&before.pages));
        publish(&stage);
        g_assert_true(pages_is_replaced(&before.pages));
}

static void write_head(const Stage *stage, uint64_t magic, uint32_t version)
{
        struct table_head head = { .magic = magic, .version = version };

        g_assert_true(g_file_set_contents(stage->path, (const char *) &head, sizeof(head), NULL));
}

static struct table_head *map_head_of(const Stage *stage)
{
        int fd = open(stage->path, O_RDONLY | O_CLOEXEC);
        void *bytes = mmap(NULL, sizeof(struct table_head), PROT_READ, MAP_SHARED, fd, 0);

        g_assert_true(bytes != MAP_FAILED);
        close(fd);
        return bytes;
}

static void test_other_version(void)
{
        static const struct {
                uint64_t magic;
                uint32_t version, replaced;
        } rows[] = { { TABLE_MAGIC, TABLE_VERSION + 7, 1 }, { TABLE_MAGIC + 1, TABLE_VERSION, 0 } };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_auto(Stage) stage = { 0 };
                struct table_head *head;

                stage_init(&stage);
                write_head(&stage, rows[i].magic, rows[i].version);
                head = map_head_of(&stage);
                table_free(stage.table);
                stage.table = table_new(stage.folder);
                publish(&stage);
                g_assert_cmpuint(head->replaced, ==, rows[i].replaced);
                munmap(head, sizeof(*head));
        }
}

static void test_link_in_the_way(void)
{
        g_auto(Stage) stage = { 0 };
        g_autofree char *victim = NULL;
        struct table_head head = { .magic = TABLE_MAGIC };
        g_autofree char *content = NULL;

        stage_init(&stage);
        victim = g_strconcat(stage.path, ".victim", NULL);
        g_assert_true(g_file_set_contents(victim, (const char *) &head, sizeof(head), NULL));
        g_assert_no_errno(symlink(victim, stage.path));
        table_free(stage.table);
        stage.table = table_new(stage.folder);
        publish(&stage);
        g_assert_true(g_file_get_contents(victim, &content, NULL, NULL));
        g_assert_cmpmem(content, sizeof(head), &head, sizeof(head));
        g_assert_false(g_file_test(stage.path, G_FILE_TEST_IS_SYMLINK));
        g_unlink(victim);
}

static void test_left_over(void)
{
        g_auto(Stage) stage = { 0 };
        g_autofree char *temporary = NULL;

        stage_init(&stage);
        temporary = g_strconcat(stage.path, ".new", NULL);
        g_assert_true(g_file_set_contents(temporary, "half", -1, NULL));
        publish(&stage);
        g_assert_false(g_file_test(temporary, G_FILE_TEST_EXISTS));
}

/* --- what cannot be written ----------------------------------------------------------------- */

/* assert_stands: the table before is whole, unmarked and the one under the name; who is not in it
 * may be there by now, and it does not say otherwise. */
static void assert_stands(const Stage *stage, const Mapped *before)
{
        g_auto(Mapped) now = { 0 };

        g_assert_false(pages_is_replaced(&before->pages));
        map_file(stage, &now);
        g_assert_cmpuint(now.pages.head.generation, ==, before->pages.head.generation);
        table_beat(stage->table, 77);
        g_assert_false(pages_knows_all(&before->pages, 77));
}

static void test_no_space(void)
{
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) before = { 0 }, after = { 0 };
        struct rlimit limit = { 100000, RLIM_INFINITY }, was;

        stage_init(&stage);
        publish(&stage);
        map_file(&stage, &before);
        fake_directory_fill(stage.directory, 5000, 10, 1, UID_FIRST);
        getrlimit(RLIMIT_FSIZE, &was);
        signal(SIGXFSZ, SIG_IGN);
        g_assert_no_errno(setrlimit(RLIMIT_FSIZE, &limit));
        g_assert_cmpint(table_publish(stage.table, stage.directory, true, true), ==, -EFBIG);
        g_assert_no_errno(setrlimit(RLIMIT_FSIZE, &was));
        assert_stands(&stage, &before);
        publish(&stage);
        g_assert_true(pages_is_replaced(&before.pages));
        map_file(&stage, &after);
        table_beat(stage.table, 78);
        g_assert_true(pages_knows_all(&after.pages, 78));
}

static void test_no_place_for_an_item(void)
{
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) before = { 0 };

        stage_init(&stage);
        for (unsigned i = 0; i < TABLE_PROBES_MAX; i++) {
                g_autofree char *name = g_strdup_printf("same%u", i);

                fake_directory_person(stage.directory, name, UID_FIRST);
        }
        publish(&stage);
        map_file(&stage, &before);
        fake_directory_person(stage.directory, "one-more", UID_FIRST);
        g_assert_cmpint(table_publish(stage.table, stage.directory, true, true), ==, -EOVERFLOW);
        assert_stands(&stage, &before);
}

static void test_no_rename(void)
{
        g_auto(Stage) stage = { 0 };
        g_auto(Mapped) before = { 0 };

        stage_init(&stage);
        publish(&stage);
        map_file(&stage, &before);
        g_assert_no_errno(g_unlink(stage.path));
        g_assert_no_errno(g_mkdir(stage.path, 0755));
        g_assert_cmpint(table_publish(stage.table, stage.directory, true, true), ==, -EISDIR);
        g_assert_false(pages_is_replaced(&before.pages));
        table_beat(stage.table, 1);
        g_assert_false(pages_knows_all(&before.pages, 1));
        g_assert_no_errno(g_rmdir(stage.path));
        publish(&stage);
}

static void test_no_folder(void)
{
        g_autoptr(Table) table = table_new("/nonexistent/authd");
        g_autoptr(FakeDirectory) directory = fake_directory_new();

        g_assert_cmpint(table_publish(table, directory, true, true), ==, -ENOENT);
        table_beat(table, 1);
}

/* The main thread has more to do: of its time a tenth at most goes into tables. */
static void test_rest(void)
{
        g_auto(Stage) stage = { 0 };
        int64_t begun_usec, took_usec, rest_usec;

        stage_init(&stage);
        fake_directory_fill(stage.directory, 20000, 100, 10, UID_FIRST);
        g_assert_cmpint(table_rest_usec(stage.table), ==, 0);
        begun_usec = clock_monotonic_usec();
        publish(&stage);
        rest_usec = table_rest_usec(stage.table);
        took_usec = clock_monotonic_usec() - begun_usec;
        g_assert_cmpint(rest_usec, >, took_usec); /* nine times, but for what we did beside */
        g_assert_cmpint(rest_usec, <=, (TABLE_SHARE - 1) * took_usec);
        clock_advance_monotonic_for_tests(rest_usec - 1);
        g_assert_cmpint(table_rest_usec(stage.table), <=, 1);
        clock_advance_monotonic_for_tests(1);
        g_assert_cmpint(table_rest_usec(stage.table), ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/table/everybody is found by name and number", test_everybody);
        g_test_add_func("/table/a table of nobody", test_nobody);
        g_test_add_func("/table/members are accounts; local groups stay in their file",
                        test_groups);
        g_test_add_func("/table/who was seen, and that it is told only when it may be", test_seen);
        g_test_add_func("/table/a miss is an answer while the heart beats", test_heartbeat);
        g_test_add_func("/table/the file before is marked and stays whole", test_replaced);
        g_test_add_func("/table/an earlier daemon's file is marked", test_earlier_daemon);
        g_test_add_func("/table/so is one of another version, but no stranger's",
                        test_other_version);
        g_test_add_func("/table/a symbolic link is replaced, not followed", test_link_in_the_way);
        g_test_add_func("/table/half a file that was left over goes", test_left_over);
        g_test_add_func("/table/no space: the one before stands", test_no_space);
        g_test_add_func("/table/too many in one place: the one before stands",
                        test_no_place_for_an_item);
        g_test_add_func("/table/a folder under its name: none, and none is lost", test_no_rename);
        g_test_add_func("/table/no folder", test_no_folder);
        g_test_add_func("/table/after one it rests", test_rest);
        return g_test_run();
}

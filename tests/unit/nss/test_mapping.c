/* test_mapping: which file is taken, and that readers meet a whole one while it is replaced, in
 * threads, children and other roots. */
#include "account.h"
#include "bypass.h"
#include "mapping.h"
#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY     65534
#define N_THREADS  8
#define N_RENEWALS 200
#define N_FORKS    50

/* uid_of: by whatever table is mapped now; 0: none, or it has not. */
static uint32_t uid_of(const char *name)
{
        struct wanted wanted = { .name = name };
        struct mapping *mapping = mapping_take();
        struct person person = { .uid = 0 };

        if (!mapping)
                return 0;
        if (pages_person(mapping_pages(mapping), &wanted, &person) != PAGES_FOUND)
                person.uid = 0;
        mapping_give(mapping);
        return person.uid;
}

static guint n_open_fds(void)
{
        g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
        guint n = 0;

        while (g_dir_read_name(folder))
                n++;
        return n;
}

static guint n_mapped(const Site *site)
{
        g_autofree char *maps = NULL;
        g_auto(GStrv) lines = NULL;
        guint n = 0;

        g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
        lines = g_strsplit(maps, "\n", -1);
        for (char **line = lines; *line; line++)
                n += strstr(*line, site->folder) && strstr(*line, "r--s");
        return n;
}

/* --- whether it is taken -------------------------------------------------------------------- */

typedef struct TrustRow {
        const char *sentence;
        mode_t folder_mode, file_mode;
        uid_t folder_uid, file_uid;
        bool is_taken;
} TrustRow;

static const TrustRow trust_rows[] = {
        { "root's, in root's folder", 0755, 0644, 0, 0, true },
        { "a folder for its owner alone", 0700, 0600, 0, 0, true },
        { "the daemon's, in the daemon's folder", 0755, 0644, NOBODY, NOBODY, true },
        { "root's, in the daemon's folder", 0755, 0644, NOBODY, 0, true },
        { "somebody's, in root's folder", 0755, 0644, 0, NOBODY, false },
        { "somebody's, in the daemon's folder", 0755, 0644, NOBODY, 1234, false },
        { "a folder that its group writes to", 0775, 0644, 0, 0, false },
        { "a folder that all write to", 01777, 0644, 0, 0, false },
        { "a file that its group writes to", 0755, 0664, 0, 0, false },
        { "a file that all write to", 0755, 0646, 0, 0, false },
};

static void test_trust(gconstpointer argument)
{
        const TrustRow *row = argument;
        g_auto(Site) site = { 0 };

        site_init(&site);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        g_assert_no_errno(chown(site.table_path, row->file_uid, row->file_uid));
        g_assert_no_errno(chmod(site.table_path, row->file_mode));
        g_assert_no_errno(chown(site.folder, row->folder_uid, row->folder_uid));
        g_assert_no_errno(chmod(site.folder, row->folder_mode));
        g_assert_cmpuint(uid_of("alice"), ==, row->is_taken ? UID_FIRST : 0);
}

typedef enum Replacement {
        GONE,
        LINK,
        FOLDER,
        FIFO,
        EMPTY,
        TRUNCATED,
        LONGER,
        HEAD_ALONE,
        OLDER_VERSION,
        OTHER_MAGIC,
        GARBAGE,
} Replacement;

typedef struct FileRow {
        const char *sentence;
        Replacement with;
} FileRow;

static const FileRow file_rows[] = {
        { "no file", GONE },
        { "a symbolic link to a good one", LINK },
        { "a folder", FOLDER },
        { "a pipe that nobody writes to", FIFO },
        { "an empty file", EMPTY },
        { "a truncated one", TRUNCATED },
        { "one that is longer than it says", LONGER },
        { "a head alone", HEAD_ALONE },
        { "one of an older version", OLDER_VERSION },
        { "something else", OTHER_MAGIC },
        { "garbage", GARBAGE },
};

static void write_file(const Site *site, const char *bytes, gsize size)
{
        g_assert_true(g_file_set_contents_full(site->table_path, bytes, (gssize) size,
                                               G_FILE_SET_CONTENTS_CONSISTENT, 0644, NULL));
}

/* put: something else in place of the good table, under another inode. */
static void put(const Site *site, Replacement with)
{
        g_autofree char *moved = g_strconcat(site->folder, "-moved", NULL);
        g_autofree char *good = NULL;
        struct table_head *head;
        gsize size;

        g_assert_true(g_file_get_contents(site->table_path, &good, &size, NULL));
        g_assert_no_errno(g_rename(site->table_path, moved));
        head = (struct table_head *) good;
        switch (with) {
        case GONE: break;
        case LINK: g_assert_no_errno(symlink(moved, site->table_path)); return;
        case FOLDER: g_assert_no_errno(g_mkdir(site->table_path, 0755)); break;
        case FIFO: g_assert_no_errno(mkfifo(site->table_path, 0644)); break;
        case EMPTY: write_file(site, "", 0); break;
        case TRUNCATED: write_file(site, good, size - 1); break;
        case LONGER:
                good = g_realloc(good, size + 8);
                write_file(site, good, size + 8);
                break;
        case HEAD_ALONE: write_file(site, good, sizeof(*head)); break;
        case OLDER_VERSION:
                head->version = TABLE_VERSION - 1;
                write_file(site, good, size);
                break;
        case OTHER_MAGIC:
                head->magic++;
                write_file(site, good, size);
                break;
        case GARBAGE:
                memset(good, 0xA5, size);
                write_file(site, good, size);
                break;
        }
        g_unlink(moved);
}

static void remove_put(const Site *site)
{
        g_autofree char *moved = g_strconcat(site->folder, "-moved", NULL);

        g_rmdir(site->table_path);
        g_unlink(moved);
}

static void test_file(gconstpointer argument)
{
        const FileRow *row = argument;
        g_auto(Site) site = { 0 };
        guint n_fds;

        site_init(&site);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        put(&site, row->with);
        n_fds = n_open_fds();
        g_assert_cmpuint(uid_of("alice"), ==, 0);
        g_assert_cmpuint(n_open_fds(), ==, n_fds);
        remove_put(&site);
        site_publish(&site);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
}

/* test_file_later: who has a good one keeps it. */
static void test_file_later(gconstpointer argument)
{
        const FileRow *row = argument;
        g_auto(Site) site = { 0 };

        site_init(&site);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        put(&site, row->with);
        mapping_give(mapping_renew(NULL));
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        remove_put(&site);
        site_publish(&site);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        g_assert_cmpuint(n_mapped(&site), ==, 1);
}

static void test_no_descriptor(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        guint n_fds;

        site_init(&site);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        n_fds = n_open_fds();
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        g_assert_cmpuint(n_open_fds(), ==, n_fds);
}

static void test_bypass(gconstpointer argument)
{
        g_auto(Site) site = { 0 };

        site_init(&site);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        g_setenv(BYPASS_VARIABLE, "1", TRUE);
        g_assert_cmpuint(uid_of("alice"), ==, 0);
        g_unsetenv(BYPASS_VARIABLE);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
}

/* --- replaced ------------------------------------------------------------------------------- */

static void test_rename_is_seen(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        Person *person;

        site_init(&site);
        person = fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        g_free(person->name);
        person->name = g_strdup("alicia");
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        site_publish(&site);
        g_assert_cmpuint(uid_of("alice"), ==, 0);
        g_assert_cmpuint(uid_of("alicia"), ==, UID_FIRST);
        g_assert_cmpuint(n_mapped(&site), ==, 1);
}

static void test_held(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        struct wanted alice = { .name = "alice" };
        struct mapping *held[MAPPING_SLOTS_N];
        struct person person;

        site_init(&site);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        for (gsize i = 0; i < MAPPING_SLOTS_N; i++) {
                site_publish(&site);
                held[i] = mapping_take();
                g_assert_true(i == 0 || held[i] != held[i - 1]);
        }
        /* No slot is left: the last one stays, and is good. */
        fake_directory_person(site.directory, "bob", UID_FIRST + 1);
        site_publish(&site);
        g_assert_cmpuint(uid_of("bob"), ==, 0);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        for (gsize i = 0; i < MAPPING_SLOTS_N; i++) {
                g_assert_cmpint(pages_person(mapping_pages(held[i]), &alice, &person), ==,
                                PAGES_FOUND);
                mapping_give(held[i]);
        }
        g_assert_cmpuint(uid_of("bob"), ==, UID_FIRST + 1);
        g_assert_cmpuint(n_mapped(&site), ==, 1);
}

/* What the threads check: in each table every person has the same number of the table: names and
 * numbers of two tables never mix. */
#define RACE_PEOPLE_N 50

static atomic_bool race_is_over;
static atomic_uint n_race_lookups;

static gpointer race_reader(gpointer argument)
{
        while (!atomic_load(&race_is_over)) {
                struct mapping *mapping = mapping_take();
                uint64_t generation = mapping_pages(mapping)->head.generation;

                for (uint32_t i = 0; i < RACE_PEOPLE_N; i++) {
                        struct wanted wanted = { .id = UID_FIRST + i };
                        struct person person;
                        g_autofree char *gecos = NULL;

                        g_assert_cmpint(pages_person(mapping_pages(mapping), &wanted, &person), ==,
                                        PAGES_FOUND);
                        gecos = g_strdup_printf("round %" G_GUINT64_FORMAT, generation);
                        g_assert_cmpstr(person.gecos, ==, gecos);
                }
                mapping_give(mapping);
                atomic_fetch_add(&n_race_lookups, 1);
        }
        return NULL;
}

static void race_round(Site *site, guint round)
{
        Directory *directory = fake_directory_new();

        fake_directory_fill(directory, RACE_PEOPLE_N, 0, 0, UID_FIRST);
        while (directory_generation(directory) < round)
                fake_directory_group(directory, "g", UID_FIRST + 1000);
        for (gsize i = 0; i < RACE_PEOPLE_N; i++) {
                Person *person = (Person *) directory_person(directory, i);

                g_free(person->gecos);
                person->gecos =
                    g_strdup_printf("round %" G_GUINT64_FORMAT, directory_generation(directory));
        }
        /* One group's name is in so many groups: never more than an index takes. */
        fake_directory_free(site->directory);
        site->directory = directory;
        site_publish(site);
}

static void test_race(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        GThread *threads[N_THREADS];

        site_init(&site);
        race_round(&site, RACE_PEOPLE_N);
        for (gsize i = 0; i < N_THREADS; i++)
                threads[i] = g_thread_new("reader", race_reader, NULL);
        for (guint i = 0; i < N_RENEWALS; i++) {
                race_round(&site, RACE_PEOPLE_N + i % TABLE_PROBES_MAX);
                g_usleep(500);
        }
        atomic_store(&race_is_over, true);
        for (gsize i = 0; i < N_THREADS; i++)
                g_thread_join(threads[i]);
        g_assert_cmpuint(atomic_load(&n_race_lookups), >, N_THREADS);
        mapping_give(mapping_renew(NULL));
        g_assert_cmpuint(n_mapped(&site), ==, 1);
}

/* --- processes ------------------------------------------------------------------------------ */

static void in_child(void (*check)(Site *), Site *site)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                check(site);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void check_new_table(Site *site)
{
        fake_directory_person(site->directory, "bob", UID_FIRST + 1);
        site_publish(site);
        g_assert_cmpuint(uid_of("bob"), ==, UID_FIRST + 1);
}

static void check_as_nobody(Site *site)
{
        g_assert_no_errno(setgid(NOBODY));
        g_assert_no_errno(setuid(NOBODY));
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        mapping_give(mapping_renew(NULL));
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
}

static void check_in_other_root(Site *site)
{
        /* Its own folder: there is no such path in it. */
        g_assert_no_errno(chroot(site->folder));
        g_assert_no_errno(chdir("/"));
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        mapping_give(mapping_renew(NULL));
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
}

static void check_closed(Site *site)
{
        for (int fd = 0; fd < 1024; fd++)
                close(fd);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        site_publish(site);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        for (int fd = 0; fd < 1024; fd++)
                g_assert_cmpint(fcntl(fd, F_GETFD), ==, -1);
}

static void check_no_descriptors_left(Site *site)
{
        struct rlimit none = { 0, 0 };

        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &none));
        mapping_give(mapping_renew(NULL));
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
}

static void check_no_memory_left(Site *site)
{
        struct rlimit none = { 0, 0 };

        if (SITE_IS_SANITIZED)
                return;
        site_publish(site);
        g_assert_no_errno(setrlimit(RLIMIT_AS, &none));
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
}

static void (*const checks[])(Site *) = {
        check_new_table, check_as_nobody,           check_in_other_root,
        check_closed,    check_no_descriptors_left, check_no_memory_left,
};

static void test_processes(gconstpointer argument)
{
        g_auto(Site) site = { 0 };

        site_init(&site);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
        for (gsize i = 0; i < G_N_ELEMENTS(checks); i++)
                in_child(checks[i], &site);
        g_assert_cmpuint(uid_of("alice"), ==, UID_FIRST);
}

/* test_fork_while_reading: what the parent's other threads hold is never given back in the child,
 * which goes on with the slots that are left. */
static void test_fork_while_reading(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        struct mapping *held;

        site_init(&site);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        held = mapping_take();
        in_child(check_new_table, &site);
        mapping_give(held);
        g_assert_cmpuint(uid_of("bob"), ==, UID_FIRST + 1); /* the child wrote it: for all */
}

static gpointer renew_for_ever(gpointer argument)
{
        while (!atomic_load(&race_is_over)) {
                struct mapping *mapping = mapping_renew(NULL);

                if (mapping)
                        mapping_give(mapping);
        }
        return NULL;
}

/* test_fork_while_opening: the thread that opened is not in the child, which opens by itself. */
static void test_fork_while_opening(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        GThread *thread;

        site_init(&site);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        thread = g_thread_new("opener", renew_for_ever, NULL);
        for (int i = 0; i < N_FORKS; i++)
                in_child(check_new_table, &site);
        atomic_store(&race_is_over, true);
        g_thread_join(thread);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        if (geteuid() != 0) {
                g_print("1..0 # SKIP owners are tested by root alone\n");
                return 0;
        }
        for (gsize i = 0; i < G_N_ELEMENTS(trust_rows); i++) {
                g_autofree char *path =
                    g_strdup_printf("/mapping/trust/%s", trust_rows[i].sentence);

                site_add(path, test_trust, &trust_rows[i]);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(file_rows); i++) {
                g_autofree char *first = g_strdup_printf("/mapping/file/%s", file_rows[i].sentence);
                g_autofree char *later =
                    g_strdup_printf("/mapping/later/%s", file_rows[i].sentence);

                site_add(first, test_file, &file_rows[i]);
                site_add(later, test_file_later, &file_rows[i]);
        }
        site_add("/mapping/no descriptor stays", test_no_descriptor, NULL);
        site_add("/mapping/the daemon itself reads none", test_bypass, NULL);
        site_add("/mapping/a rename is seen by who holds the table", test_rename_is_seen, NULL);
        site_add("/mapping/a table that is read stays until it is given back", test_held, NULL);
        site_add("/mapping/8 threads read while it is replaced", test_race, NULL);
        site_add("/mapping/fork, setuid, chroot, closed descriptors, no room", test_processes,
                 NULL);
        site_add("/mapping/a fork in the middle of a lookup", test_fork_while_reading, NULL);
        site_add("/mapping/a fork while the table is opened", test_fork_while_opening, NULL);
        return g_test_run();
}

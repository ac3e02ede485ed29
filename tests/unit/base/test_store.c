/* test_store: what is kept, what is refused, and what happens when the disk or the file fails.
 *
 * A read-only or full disk is a mount of our own in a namespace of our own, in a child; where that
 * is not permitted the case is skipped and says so. */
#include "base/store.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW_SEC     1767323045 /* 2026-01-02T03:04:05Z */
#define STAMP       "20260102T030405Z"
#define SKIPPED     77
#define KILL_ROUNDS 30
#define DISK_SIZE   "size=512k"
#define BLOB_SIZE   65536
#define BIG_ROWS    64 /* more of them than SQLite keeps in memory */
#define FILLER      "filler"
#define ROOT_ONLY   "needs root"

static const char *const one_table[] = { "CREATE TABLE t (a INTEGER PRIMARY KEY, b)" };

static const struct {
        const char *word;
} events[] = { { "state_damaged" }, { "state_unwritable" }, { "state_writable" } };
enum { DAMAGED, UNWRITABLE, WRITABLE };
static size_t n_events[G_N_ELEMENTS(events)];

/* Stands in front of base/log's. */
void log_write(LogLevel level, const char *event, const char *message, const LogField *fields)
{
        for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
                n_events[i] += strcmp(event, events[i].word) == 0;
}

typedef struct Fixture {
        char *folder;
        char *path;
        char *log_path;
} Fixture;

static void remove_folder(const char *folder)
{
        g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
        const char *name;

        while (listing && (name = g_dir_read_name(listing))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                if (g_unlink(path) < 0)
                        remove_folder(path);
        }
        g_rmdir(folder);
}

static void set_up(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *made = g_dir_make_tmp("authd-store-XXXXXX", NULL);

        fixture->folder = realpath(made, NULL);
        fixture->path = g_build_filename(fixture->folder, STORE_FILE, NULL);
        fixture->log_path = g_strconcat(fixture->path, "-wal", NULL);
        clock_set_wall_for_tests(NOW_SEC);
        memset(n_events, 0, sizeof(n_events));
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
        clock_set_wall_for_tests(0);
        remove_folder(fixture->folder);
        free(fixture->folder);
        g_free(fixture->path);
        g_free(fixture->log_path);
}

static Store *open_with_table(const char *folder)
{
        g_autoptr(GError) error = NULL;
        Store *store = store_open(folder, &error);

        g_assert_no_error(error);
        g_assert_true(store_migrate(store, "test", one_table, 1, &error));
        g_assert_no_error(error);
        return store;
}

static int insert(Store *store, int64_t number)
{
        const StoreValue values[] = { store_integer(number), store_text(span_from("x")) };

        return store_change(store, "INSERT INTO t VALUES (?, ?)", values, 2);
}

static int insert_big(Store *store, int64_t number)
{
        g_autofree char *bytes = g_malloc0(BLOB_SIZE);
        const StoreValue values[] = { store_integer(number),
                                      store_blob(span_of(bytes, BLOB_SIZE)) };

        return store_change(store, "INSERT INTO t VALUES (?, ?)", values, 2);
}

static void take_integer(const StoreValue *values, size_t n_values, void *userdata)
{
        *(int64_t *) userdata = values[0].integer;
}

/* count: -errno when it cannot be read. */
static int64_t count(Store *store)
{
        int64_t n = -1;
        int r = store_read(store, "SELECT count(*) FROM t", NULL, 0, take_integer, &n);

        return r < 0 ? r : n;
}

static bool has(Store *store, int64_t number)
{
        const StoreValue value = store_integer(number);
        int64_t n = -1;

        g_assert_cmpint(
            store_read(store, "SELECT count(*) FROM t WHERE a = ?", &value, 1, take_integer, &n),
            ==, 0);
        return n == 1;
}

static void assert_refused(const char *folder, const char *words)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Store) store = store_open(folder, &error);

        g_assert_null(store);
        g_assert_nonnull(error);
        if (!strstr(error->message, words))
                g_error("\"%s\" does not say \"%s\"", error->message, words);
}

static void write_file(const char *path, const char *bytes, size_t len)
{
        g_assert_true(file_write_atomic(path, span_of(bytes, len), 0600, NULL));
}

static void read_whole(const char *path, char **ret, size_t *ret_len)
{
        g_assert_true(file_read(path, STORE_SIZE_MAX, ret, ret_len, NULL));
}

static void write_at(const char *path, const char *bytes, size_t len, off_t at)
{
        FILE_AUTOCLOSE int fd = open(path, O_WRONLY);

        g_assert_cmpint(pwrite(fd, bytes, len, at), ==, len);
}

/* wait_child: its exit status; what it dies of is told as a failure. */
static int wait_child(pid_t pid)
{
        int status;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        if (WIFSIGNALED(status))
                return 128 + WTERMSIG(status);
        return WEXITSTATUS(status);
}

/* leave_behind: a process that is killed with one row in the database and one in the log. */
static void leave_behind(const Fixture *fixture)
{
        pid_t pid = fork();

        if (pid == 0) {
                Store *store = open_with_table(fixture->folder);

                g_assert_cmpint(insert(store, 1), ==, 0);
                g_assert_cmpint(store_sync(store), ==, 0);
                g_assert_cmpint(insert(store, 2), ==, 0);
                raise(SIGKILL);
        }
        g_assert_cmpint(wait_child(pid), ==, 128 + SIGKILL);
}

static void write_some(const Fixture *fixture)
{
        g_autoptr(Store) store = open_with_table(fixture->folder);

        for (int64_t i = 1; i <= 100; i++)
                g_assert_cmpint(insert(store, i), ==, 0);
        g_assert_cmpint(store_sync(store), ==, 0);
}

/* What is kept */

static void take_every_type(const StoreValue *values, size_t n_values, void *userdata)
{
        g_assert_cmpuint(n_values, ==, 4);
        g_assert_cmpint(values[0].type, ==, STORE_NULL);
        g_assert_cmpint(values[1].integer, ==, INT64_MIN);
        g_assert_cmpint(values[2].type, ==, STORE_TEXT);
        g_assert_true(span_equal(values[2].bytes, span_of("a\0b", 3)));
        g_assert_cmpint(values[3].type, ==, STORE_BLOB);
        g_assert_cmpuint(values[3].bytes.len, ==, 0);
        ++*(int *) userdata;
}

static void keeps_every_type(Fixture *fixture, gconstpointer unused)
{
        static const char *const tables[] = { "CREATE TABLE u (a, b, c, d)" };
        const StoreValue values[] = { { .type = STORE_NULL },
                                      store_integer(INT64_MIN),
                                      store_text(span_of("a\0b", 3)),
                                      store_blob((Span){ 0 }) };
        int n_rows = 0;

        for (int round = 0; round < 2; round++) {
                g_autoptr(Store) store = store_open(fixture->folder, NULL);

                g_assert_true(store_migrate(store, "u", tables, 1, NULL));
                if (round == 0)
                        g_assert_cmpint(
                            store_change(store, "INSERT INTO u VALUES (?, ?, ?, ?)", values, 4), ==,
                            0);
                g_assert_cmpint(
                    store_read(store, "SELECT * FROM u", NULL, 0, take_every_type, &n_rows), ==, 0);
        }
        g_assert_cmpint(n_rows, ==, 2);
}

static void files_are_private(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *folder = g_build_filename(fixture->folder, "made", NULL);
        g_autofree char *path = g_build_filename(folder, STORE_FILE, NULL);
        g_autofree char *log_path = g_strconcat(path, "-wal", NULL);
        g_autofree char *shared_path = g_strconcat(path, "-shm", NULL);
        mode_t old = umask(0);
        g_autoptr(Store) store = open_with_table(folder);
        GStatBuf found;

        umask(old);
        g_assert_cmpint(insert(store, 1), ==, 0);
        g_assert_cmpint(g_stat(folder, &found), ==, 0);
        g_assert_cmpint(found.st_mode & 07777, ==, 0700);
        g_assert_cmpint(g_stat(path, &found), ==, 0);
        g_assert_cmpint(found.st_mode & 07777, ==, 0600);
        g_assert_cmpint(g_stat(log_path, &found), ==, 0);
        g_assert_cmpint(found.st_mode & 07777, ==, 0600);
        g_assert_cmpint(g_stat(shared_path, &found), <, 0);
        g_assert_cmpstr(store_path(store), ==, path);
}

static void nothing_else_is_left(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(GDir) listing = NULL;

        write_some(fixture);
        listing = g_dir_open(fixture->folder, 0, NULL);
        g_assert_cmpstr(g_dir_read_name(listing), ==, STORE_FILE);
        g_assert_null(g_dir_read_name(listing));
}

static void migrations_run_once(Fixture *fixture, gconstpointer unused)
{
        static const char *const more[] = { "CREATE TABLE m (a); INSERT INTO m VALUES (1)",
                                            "INSERT INTO m VALUES (2)",
                                            "INSERT INTO m VALUES (3); oops" };
        int64_t n = -1;

        for (size_t i = 1; i <= 2; i++) {
                g_autoptr(Store) store = store_open(fixture->folder, NULL);

                g_assert_true(store_migrate(store, "m", more, i, NULL));
        }
        g_autoptr(Store) store = store_open(fixture->folder, NULL);
        g_assert_false(store_migrate(store, "m", more, 3, NULL));
        g_assert_cmpint(store_read(store, "SELECT sum(a * a) FROM m", NULL, 0, take_integer, &n),
                        ==, 0);
        g_assert_cmpint(n, ==, 5);
        g_assert_true(store_migrate(store, "m", more, 2, NULL));
}

static void changes_go_together(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Store) store = open_with_table(fixture->folder);

        g_assert_cmpint(store_begin(store), ==, 0);
        g_assert_cmpint(insert(store, 1), ==, 0);
        g_assert_cmpint(insert(store, 2), ==, 0);
        g_assert_cmpint(store_commit(store), ==, 0);
        g_assert_cmpint(store_begin(store), ==, 0);
        g_assert_cmpint(insert(store, 3), ==, 0);
        store_rollback(store);
        g_assert_cmpint(count(store), ==, 2);
}

static void one_failure_fails_all(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Store) store = open_with_table(fixture->folder);

        g_assert_cmpint(insert(store, 1), ==, 0);
        g_assert_cmpint(store_begin(store), ==, 0);
        g_assert_cmpint(insert(store, 2), ==, 0);
        g_assert_cmpint(insert(store, 1), ==, -EINVAL);
        g_assert_cmpint(insert(store, 3), ==, -EINVAL);
        g_assert_cmpint(store_commit(store), ==, -EINVAL);
        g_assert_cmpint(count(store), ==, 1);
        g_assert_cmpint(insert(store, 4), ==, 0);
        g_assert_null(store_trouble(store));
}

static void foreign_keys_hold(Fixture *fixture, gconstpointer unused)
{
        static const char *const tables[] = { "CREATE TABLE f (a REFERENCES t)" };
        g_autoptr(Store) store = open_with_table(fixture->folder);

        g_assert_true(store_migrate(store, "f", tables, 1, NULL));
        g_assert_cmpint(store_change(store, "INSERT INTO f VALUES (1)", NULL, 0), ==, -EINVAL);
        g_assert_cmpint(insert(store, 1), ==, 0);
        g_assert_cmpint(store_change(store, "INSERT INTO f VALUES (1)", NULL, 0), ==, 0);
}

static void size_has_an_edge(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Store) store = open_with_table(fixture->folder);
        int64_t n = 0;

        while (insert_big(store, n) == 0)
                n++;
        g_assert_cmpint(n, >, STORE_SIZE_MAX / BLOB_SIZE * 9 / 10);
        g_assert_cmpint(n, <=, STORE_SIZE_MAX / BLOB_SIZE);
        g_assert_cmpint(insert_big(store, n), ==, -ENOSPC);
        g_assert_cmpint(count(store), ==, n);
        g_assert_nonnull(strstr(store_trouble(store), "No space"));
        g_assert_cmpint(store_change(store, "DELETE FROM t WHERE a < 2", NULL, 0), ==, 0);
        g_assert_cmpint(insert_big(store, n), ==, 0);
        g_assert_null(store_trouble(store));
}

/* What is refused */

static void parent_is_missing(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *folder = g_build_filename(fixture->folder, "a", "b", NULL);

        assert_refused(folder, "cannot make this folder");
}

static void folder_is_a_file(Fixture *fixture, gconstpointer unused)
{
        write_file(fixture->path, "x", 1);
        assert_refused(fixture->path, "Not a directory");
}

static void writable_by_others(Fixture *fixture, gconstpointer unused)
{
        write_some(fixture);
        for (mode_t bit = 0002; bit <= 0020; bit <<= 3) {
                g_assert_cmpint(g_chmod(fixture->path, 0600 | bit), ==, 0);
                assert_refused(fixture->folder, "written by others");
                g_assert_cmpint(g_chmod(fixture->path, 0644), ==, 0);
                g_assert_cmpint(g_chmod(fixture->folder, 0700 | bit), ==, 0);
                assert_refused(fixture->folder, "written by others");
                g_assert_cmpint(g_chmod(fixture->folder, 0755), ==, 0);
        }
        g_autoptr(Store) store = open_with_table(fixture->folder);
        g_assert_cmpint(count(store), ==, 100);
}

static void others_are_refused(Fixture *fixture, gconstpointer unused)
{
        if (geteuid() != 0) {
                g_test_skip(ROOT_ONLY);
                return;
        }
        write_some(fixture);
        g_assert_cmpint(chown(fixture->path, 65534, 65534), ==, 0);
        assert_refused(fixture->folder, "another user");
        g_assert_cmpint(chown(fixture->path, 0, 0), ==, 0);
        g_assert_cmpint(chown(fixture->folder, 65534, 65534), ==, 0);
        assert_refused(fixture->folder, "another user");
}

static void links_are_refused(Fixture *fixture, gconstpointer unused)
{
        static const char *const names[] = { STORE_FILE, STORE_FILE "-wal", STORE_FILE "-journal",
                                             STORE_FILE "-shm" };
        g_autofree char *target = g_build_filename(fixture->folder, "target", NULL);

        write_file(target, "", 0);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *name = g_build_filename(fixture->folder, names[i], NULL);

                g_assert_cmpint(symlink(target, name), ==, 0);
                assert_refused(fixture->folder, "not a plain file");
                g_assert_cmpint(g_unlink(name), ==, 0);
                g_assert_cmpint(mkfifo(name, 0600), ==, 0);
                assert_refused(fixture->folder, "not a plain file");
                g_assert_cmpint(g_unlink(name), ==, 0);
        }
}

static void folder_may_be_a_link(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *real = g_build_filename(fixture->folder, "real %3f?x#", NULL);
        g_autofree char *link_name = g_build_filename(fixture->folder, "link", NULL);
        g_autofree char *path = g_build_filename(real, STORE_FILE, NULL);

        g_assert_cmpint(g_mkdir(real, 0700), ==, 0);
        g_assert_cmpint(symlink(real, link_name), ==, 0);
        g_autoptr(Store) store = open_with_table(link_name);
        g_assert_cmpstr(store_path(store), ==, path);
}

/* refused_untouched: and nothing is moved aside. */
static void refused_untouched(const Fixture *fixture, const char *words)
{
        g_autofree char *before = NULL, *after = NULL;
        size_t before_len, after_len;

        read_whole(fixture->path, &before, &before_len);
        assert_refused(fixture->folder, words);
        read_whole(fixture->path, &after, &after_len);
        g_assert_cmpmem(before, before_len, after, after_len);
        g_assert_cmpuint(n_events[DAMAGED], ==, 0);
}

static void run_raw(const Fixture *fixture, const char *sql)
{
        sqlite3 *db = NULL;

        g_assert_cmpint(sqlite3_open(fixture->path, &db), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
        sqlite3_close(db);
        g_assert_cmpint(g_chmod(fixture->path, 0600), ==, 0);
}

static void foreign_is_left_alone(Fixture *fixture, gconstpointer unused)
{
        run_raw(fixture, "CREATE TABLE theirs (a)");
        refused_untouched(fixture, "another program's");
        run_raw(fixture, "PRAGMA application_id = 7");
        refused_untouched(fixture, "another program's");
}

static void newer_format_is_left_alone(Fixture *fixture, gconstpointer unused)
{
        write_some(fixture);
        run_raw(fixture, "PRAGMA user_version = 2");
        refused_untouched(fixture, "newer authd");
}

static void newer_part_is_left_alone(Fixture *fixture, gconstpointer unused)
{
        static const char *const two[] = { "CREATE TABLE t (a)", "CREATE TABLE u (a)" };
        g_autoptr(GError) error = NULL;

        for (size_t n = 2; n >= 1; n--) {
                g_autoptr(Store) store = store_open(fixture->folder, NULL);

                g_assert_true(store_migrate(store, "test", two, n, &error) == (n == 2));
        }
        g_assert_nonnull(strstr(error->message, "newer authd"));
        g_autoptr(Store) store = store_open(fixture->folder, NULL);
        g_assert_true(store_migrate(store, "test", two, 2, NULL));
}

/* hold: a child that has it open for so long; returns when it has. */
static pid_t hold(const Fixture *fixture, gulong usec)
{
        int ends[2];
        char byte;
        pid_t pid;

        g_assert_cmpint(pipe(ends), ==, 0);
        pid = fork();
        if (pid == 0) {
                Store *store = open_with_table(fixture->folder);

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (insert(store, 1) == 0 && write(ends[1], "x", 1) == 1)
                        g_usleep(usec);
                store_close(store);
                _exit(0);
        }
        close(ends[1]);
        g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
        close(ends[0]);
        return pid;
}

static void held_is_refused(Fixture *fixture, gconstpointer unused)
{
        pid_t pid = hold(fixture, 60 * G_USEC_PER_SEC);

        assert_refused(fixture->folder, "held by another process");
        kill(pid, SIGKILL);
        wait_child(pid);
        g_autoptr(Store) store = open_with_table(fixture->folder);
        g_assert_cmpint(count(store), ==, 1);
}

static void waits_for_who_leaves(Fixture *fixture, gconstpointer unused)
{
        pid_t pid = hold(fixture, 200000);
        g_autoptr(Store) store = open_with_table(fixture->folder);

        g_assert_cmpint(count(store), ==, 1);
        wait_child(pid);
}

/* Damage */

typedef struct DamageRow {
        const char *sentence;
        size_t at, len; /* of what is overwritten with 0xa5 */
        ssize_t size;   /* -1: stays */
} DamageRow;

static const DamageRow damages[] = {
        { "its first bytes", 0, 16, -1 },
        { "its first page", 0, 4096, -1 },
        { "all but the name of its format", 16, 4080, -1 },
        { "the root of a table", 4096, 4096, -1 },
        { "the table that says which tables there are", 100, 1000, -1 },
        { "everything behind its first page", 4096, 100000, -1 },
        { "nothing: it is empty", 0, 0, 0 },
        { "nothing: it is cut within its header", 0, 0, 50 },
        { "nothing: it is cut within its first page", 0, 0, 3000 },
        { "nothing: it is cut behind its first page", 0, 0, 4096 },
        { "nothing: it is cut within a page", 0, 0, 8192 + 17 },
};

static void damage(const char *path, const DamageRow *row)
{
        g_autofree char *bytes = g_malloc(row->len + 1);

        memset(bytes, 0xa5, row->len);
        if (row->len > 0)
                write_at(path, bytes, row->len, (off_t) row->at);
        if (row->size >= 0)
                g_assert_cmpint(truncate(path, row->size), ==, 0);
}

static void assert_set_aside(const Fixture *fixture, const char *bytes, size_t len)
{
        g_autofree char *kept = g_strconcat(fixture->path, ".damaged-" STAMP, NULL);
        g_autofree char *found = NULL;
        size_t found_len;

        read_whole(kept, &found, &found_len);
        g_assert_cmpmem(found, found_len, bytes, len);
}

static void damaged_is_set_aside(Fixture *fixture, gconstpointer unused)
{
        for (size_t i = 0; i < G_N_ELEMENTS(damages); i++) {
                Fixture each;
                g_autofree char *bytes = NULL;
                size_t len;

                g_test_message("overwritten: %s", damages[i].sentence);
                set_up(&each, NULL);
                write_some(&each);
                damage(each.path, &damages[i]);
                read_whole(each.path, &bytes, &len);
                g_autoptr(Store) store = open_with_table(each.folder);
                g_assert_cmpuint(n_events[DAMAGED], ==, 1);
                assert_set_aside(&each, bytes, len);
                g_assert_cmpint(count(store), ==, 0);
                g_assert_cmpint(insert(store, 1), ==, 0);
                g_assert_cmpint(store_sync(store), ==, 0);
                store_close(g_steal_pointer(&store));
                tear_down(&each, NULL);
        }
}

/* A log that stayed would be played into the database that is begun. */
static void log_without_database(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *kept = g_strconcat(fixture->path, ".damaged-" STAMP "-wal", NULL);

        leave_behind(fixture);
        g_assert_cmpint(g_unlink(fixture->path), ==, 0);
        g_autoptr(Store) store = open_with_table(fixture->folder);
        g_assert_cmpint(count(store), ==, 0);
        g_assert_cmpuint(n_events[DAMAGED], ==, 1);
        g_assert_true(g_file_test(kept, G_FILE_TEST_EXISTS));
}

static void log_goes_with_it(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *kept = g_strconcat(fixture->path, ".damaged-" STAMP "-wal", NULL);

        leave_behind(fixture);
        damage(fixture->path, &damages[0]);
        g_autoptr(Store) store = open_with_table(fixture->folder);
        g_assert_cmpint(count(store), ==, 0);
        g_assert_true(g_file_test(kept, G_FILE_TEST_EXISTS));
}

/* Both byte orders of the magic, the format's number and each part of the checksum. */
static void garbage_log_costs_the_log(Fixture *fixture, gconstpointer unused)
{
        static const off_t changed_at[] = { 0, 3, 7, 12, 24, 31 };

        for (size_t i = 0; i < G_N_ELEMENTS(changed_at); i++) {
                Fixture each;
                g_autofree char *bytes = NULL, *found = NULL, *kept = NULL;
                size_t len, found_len;

                set_up(&each, NULL);
                leave_behind(&each);
                write_at(each.log_path, "\x5a", 1, changed_at[i]);
                read_whole(each.log_path, &bytes, &len);
                g_autoptr(Store) store = open_with_table(each.folder);
                g_assert_true(has(store, 1));
                g_assert_false(has(store, 2));
                g_assert_cmpuint(n_events[DAMAGED], ==, 1);
                kept = g_strconcat(each.path, ".damaged-" STAMP "-wal", NULL);
                read_whole(kept, &found, &found_len);
                g_assert_cmpmem(found, found_len, bytes, len);
                g_assert_cmpint(insert(store, 3), ==, 0);
                store_close(g_steal_pointer(&store));
                store = open_with_table(each.folder);
                g_assert_true(has(store, 3));
                g_assert_cmpuint(n_events[DAMAGED], ==, 1);
                store_close(g_steal_pointer(&store));
                tear_down(&each, NULL);
        }
}

/* What a loss of power leaves is no damage. */
static void torn_log_is_none(Fixture *fixture, gconstpointer unused)
{
        static const char zeros[32];
        g_autofree char *bytes = NULL;
        size_t len;

        leave_behind(fixture);
        read_whole(fixture->log_path, &bytes, &len);
        write_file(fixture->log_path, bytes, len - 100);
        g_autoptr(Store) store = open_with_table(fixture->folder);
        g_assert_true(has(store, 1));
        g_assert_false(has(store, 2));
        store_close(g_steal_pointer(&store));
        write_file(fixture->log_path, zeros, sizeof(zeros));
        store = open_with_table(fixture->folder);
        g_assert_true(has(store, 1));
        g_assert_cmpuint(n_events[DAMAGED], ==, 0);
}

static void survives_a_kill(Fixture *fixture, gconstpointer unused)
{
        leave_behind(fixture);
        g_autoptr(Store) store = open_with_table(fixture->folder);
        g_assert_true(has(store, 1));
        g_assert_true(has(store, 2));
        g_assert_cmpuint(n_events[DAMAGED], ==, 0);
}

static size_t count_files(const char *folder, const char *words)
{
        g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
        const char *name;
        size_t n = 0;

        while ((name = g_dir_read_name(listing)))
                n += strstr(name, words) != NULL;
        return n;
}

static void only_so_many_are_kept(Fixture *fixture, gconstpointer unused)
{
        for (int i = 0; i <= STORE_SET_ASIDE_MAX; i++) {
                clock_set_wall_for_tests(NOW_SEC + i);
                leave_behind(fixture);
                damage(fixture->path, &damages[0]);
                g_autoptr(Store) store = open_with_table(fixture->folder);
                g_assert_cmpint(count(store), ==, 0);
        }
        g_assert_cmpuint(count_files(fixture->folder, ".damaged-"), ==, 2 * STORE_SET_ASIDE_MAX);
        g_assert_cmpuint(count_files(fixture->folder, ".damaged-" STAMP), ==, 0);
}

static void same_second_loses_none(Fixture *fixture, gconstpointer unused)
{
        for (int i = 0; i < STORE_SET_ASIDE_MAX; i++) {
                write_some(fixture);
                damage(fixture->path, &damages[0]);
                g_autoptr(Store) store = open_with_table(fixture->folder);
                g_assert_cmpint(count(store), ==, 0);
        }
        g_assert_cmpuint(count_files(fixture->folder, ".damaged-" STAMP), ==, STORE_SET_ASIDE_MAX);
}

/* Damage that is met in mid-life */

static Store *listened_to;

static void write_again(void *userdata)
{
        ++*(int *) userdata;
        g_assert_cmpint(store_begin(listened_to), ==, 0);
        g_assert_cmpint(insert(listened_to, 1000), ==, 0);
        g_assert_cmpint(store_commit(listened_to), ==, 0);
}

/* break_open: more than SQLite has in memory, and all of it on the disk overwritten. */
static Store *break_open(const Fixture *fixture)
{
        static const DamageRow everything = { NULL, 4096, BIG_ROWS * BLOB_SIZE, -1 };
        Store *store = open_with_table(fixture->folder);

        for (int64_t i = 0; i < BIG_ROWS; i++)
                g_assert_cmpint(insert_big(store, i), ==, 0);
        g_assert_cmpint(store_sync(store), ==, 0);
        damage(fixture->path, &everything);
        return store;
}

static int read_all(Store *store)
{
        int64_t n;

        return store_read(store, "SELECT sum(length(hex(b))) FROM t", NULL, 0, take_integer, &n);
}

static void met_when_reading(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Store) store = break_open(fixture);
        int n_told = 0;

        listened_to = store;
        store_on_afresh(store, write_again, &n_told);
        g_assert_cmpint(read_all(store), ==, -EUCLEAN);
        g_assert_cmpuint(n_events[DAMAGED], ==, 1);
        g_assert_cmpint(n_told, ==, 1);
        g_assert_cmpint(count(store), ==, 1);
        g_assert_cmpint(insert(store, 1), ==, 0);
        g_assert_cmpuint(count_files(fixture->folder, ".damaged-" STAMP), >=, 1);
        store_off_afresh(store, &n_told);
}

static void met_when_changing(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Store) store = break_open(fixture);
        int n_told = 0;

        listened_to = store;
        store_on_afresh(store, write_again, &n_told);
        g_assert_cmpint(store_begin(store), ==, 0);
        g_assert_cmpint(store_change(store, "UPDATE t SET b = hex(b)", NULL, 0), ==, -EUCLEAN);
        g_assert_cmpint(insert(store, 1), ==, -EUCLEAN);
        g_assert_cmpint(store_commit(store), ==, -EUCLEAN);
        g_assert_cmpint(n_told, ==, 1);
        g_assert_cmpuint(n_events[DAMAGED], ==, 1);
        g_assert_true(has(store, 1000));
        g_assert_false(has(store, 1));
        g_assert_cmpint(insert(store, 1), ==, 0);
        store_off_afresh(store, &n_told);
}

static void met_when_taken_away(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Store) store = open_with_table(fixture->folder);

        g_assert_cmpint(insert(store, 1), ==, 0);
        g_assert_cmpint(g_unlink(fixture->path), ==, 0);
        g_assert_cmpint(store_sync(store), ==, -EUCLEAN);
        g_assert_cmpuint(n_events[DAMAGED], ==, 1);
        g_assert_cmpint(insert(store, 1), ==, 0);
        g_assert_cmpint(store_sync(store), ==, 0);
        store_close(g_steal_pointer(&store));
        store = open_with_table(fixture->folder);
        g_assert_true(has(store, 1));
}

/* Disks that fail */

static bool mount_own(const char *what, const char *where, const char *type, unsigned long flags,
                      const char *options)
{
        if (mount(what, where, type, flags, options) == 0)
                return true;
        g_printerr("# mount %s: %s\n", where, g_strerror(errno));
        return false;
}

/* on_own_mounts: check in a child whose mounts nobody else sees; it leaves with 0. */
static void on_own_mounts(const Fixture *fixture, void (*check)(const Fixture *fixture))
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                if (unshare(CLONE_NEWNS) < 0 ||
                    !mount_own(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
                        _exit(SKIPPED);
                check(fixture);
                _exit(0);
        }
        status = wait_child(pid);
        if (status == SKIPPED)
                g_test_skip("a mount namespace of our own is not permitted");
        else
                g_assert_cmpint(status, ==, 0);
}

static void make_read_only(const Fixture *fixture)
{
        if (!mount_own(fixture->folder, fixture->folder, NULL, MS_BIND, NULL) ||
            !mount_own(NULL, fixture->folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
                _exit(SKIPPED);
}

static void make_writable(const Fixture *fixture)
{
        g_assert_true(mount_own(NULL, fixture->folder, NULL, MS_BIND | MS_REMOUNT, NULL));
}

/* assert_gets_back: only when it is time to try again. */
static void assert_gets_back(const Fixture *fixture, Store *store)
{
        g_assert_cmpint(insert(store, 9), ==, -EROFS);
        make_writable(fixture);
        g_assert_cmpint(insert(store, 9), ==, -EROFS);
        clock_advance_monotonic_for_tests(STORE_REOPEN_USEC);
        g_assert_cmpuint(n_events[UNWRITABLE], ==, 1);
        g_assert_cmpuint(n_events[WRITABLE], ==, 0);
        g_assert_cmpint(insert(store, 9), ==, 0);
        g_assert_cmpuint(n_events[WRITABLE], ==, 1);
        g_assert_null(store_trouble(store));
        g_assert_cmpint(store_sync(store), ==, 0);
        g_assert_true(has(store, 1));
        g_assert_true(has(store, 9));
}

static void check_read_only_log(const Fixture *fixture)
{
        Store *store;

        make_read_only(fixture);
        store = open_with_table(fixture->folder);
        g_assert_true(has(store, 1));
        g_assert_true(has(store, 2));
        g_assert_cmpint(insert(store, 9), ==, -EROFS);
        g_assert_cmpint(store_begin(store), ==, -EROFS);
        g_assert_cmpint(store_sync(store), ==, -EROFS);
        g_assert_nonnull(strstr(store_trouble(store), "Read-only"));
        clock_advance_monotonic_for_tests(STORE_REOPEN_USEC);
        assert_gets_back(fixture, store);
        g_assert_true(has(store, 2));
        store_close(store);
}

static void read_only_with_log(Fixture *fixture, gconstpointer unused)
{
        leave_behind(fixture);
        on_own_mounts(fixture, check_read_only_log);
}

static void check_read_only_plain(const Fixture *fixture)
{
        Store *store;

        make_read_only(fixture);
        store = open_with_table(fixture->folder);
        g_assert_cmpint(count(store), ==, 1);
        g_assert_cmpuint(n_events[UNWRITABLE], ==, 1);
        assert_gets_back(fixture, store);
        store_close(store);
}

static void read_only_plain(Fixture *fixture, gconstpointer unused)
{
        {
                g_autoptr(Store) store = open_with_table(fixture->folder);

                g_assert_cmpint(insert(store, 1), ==, 0);
        }
        on_own_mounts(fixture, check_read_only_plain);
}

static void check_read_only_lacking(const Fixture *fixture)
{
        static const char *const tables[] = { "CREATE TABLE u (a)" };
        g_autoptr(GError) error = NULL;
        Store *store;

        make_read_only(fixture);
        store = open_with_table(fixture->folder);
        g_assert_false(store_migrate(store, "u", tables, 1, &error));
        g_assert_nonnull(strstr(error->message, "tables that it lacks: Read-only"));
        g_assert_cmpint(count(store), ==, 100);
        store_close(store);
}

static void read_only_lacking(Fixture *fixture, gconstpointer unused)
{
        write_some(fixture);
        on_own_mounts(fixture, check_read_only_lacking);
}

static void check_read_only_empty(const Fixture *fixture)
{
        make_read_only(fixture);
        assert_refused(fixture->folder, "Read-only");
}

static void read_only_empty(Fixture *fixture, gconstpointer unused)
{
        on_own_mounts(fixture, check_read_only_empty);
}

static void check_read_only_damaged(const Fixture *fixture)
{
        make_read_only(fixture);
        assert_refused(fixture->folder, "Read-only");
        g_assert_cmpuint(n_events[DAMAGED], ==, 1);
}

static void read_only_damaged(Fixture *fixture, gconstpointer unused)
{
        write_some(fixture);
        damage(fixture->path, &damages[0]);
        on_own_mounts(fixture, check_read_only_damaged);
}

static void read_only_to_us(Fixture *fixture, gconstpointer unused)
{
        pid_t pid;

        if (geteuid() != 0) {
                g_test_skip(ROOT_ONLY);
                return;
        }
        write_some(fixture);
        g_assert_cmpint(g_chmod(fixture->path, 0644), ==, 0);
        g_assert_cmpint(g_chmod(fixture->folder, 0755), ==, 0);
        pid = fork();
        if (pid == 0) {
                g_assert_cmpint(setresuid(65534, 65534, 65534), ==, 0);
                Store *store = open_with_table(fixture->folder);
                g_assert_cmpint(count(store), ==, 100);
                g_assert_cmpint(insert(store, 900), ==, -EACCES);
                g_assert_cmpuint(n_events[UNWRITABLE], ==, 1);
                _exit(0);
        }
        g_assert_cmpint(wait_child(pid), ==, 0);
}

/* fill: until not one byte more fits. */
static char *fill(const Fixture *fixture)
{
        static const char bytes[4096];
        char *path = g_build_filename(fixture->folder, FILLER, NULL);
        FILE_AUTOCLOSE int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

        while (write(fd, bytes, sizeof(bytes)) > 0)
                ;
        return path;
}

static void check_full(const Fixture *fixture)
{
        g_autofree char *filler = NULL;
        Store *store;
        int64_t n;

        if (!mount_own("none", fixture->folder, "tmpfs", 0, DISK_SIZE ",mode=0700"))
                _exit(SKIPPED);
        store = open_with_table(fixture->folder);
        g_assert_cmpint(insert(store, 1), ==, 0);
        filler = fill(fixture);
        for (n = 0; insert_big(store, 10 + n) == 0; n++)
                ;
        g_assert_cmpint(insert_big(store, 100), ==, -ENOSPC);
        /* What is within a transaction waits in memory. */
        g_assert_cmpint(store_begin(store), ==, 0);
        g_assert_cmpint(insert_big(store, 100), ==, 0);
        g_assert_cmpint(store_commit(store), ==, -ENOSPC);
        g_assert_cmpint(store_change(store, "DELETE FROM t WHERE a = 5000", NULL, 0), ==, 0);
        g_assert_cmpuint(n_events[UNWRITABLE], ==, 1);
        g_assert_cmpuint(n_events[WRITABLE], ==, 0);
        g_assert_cmpint(count(store), ==, 1 + n);
        store_close(store);

        store = open_with_table(fixture->folder);
        g_free(fill(fixture));
        g_assert_cmpint(count(store), ==, 1 + n);
        g_assert_cmpint(insert_big(store, 100), ==, -ENOSPC);
        g_assert_cmpint(g_unlink(filler), ==, 0);
        g_assert_cmpint(insert_big(store, 100), ==, 0);
        g_assert_cmpuint(n_events[UNWRITABLE], ==, 2);
        g_assert_cmpuint(n_events[WRITABLE], ==, 1);
        g_assert_cmpint(store_sync(store), ==, 0);
        store_close(store);
        store = open_with_table(fixture->folder);
        g_assert_cmpint(count(store), ==, 2 + n);
        g_assert_cmpuint(n_events[DAMAGED], ==, 0);
        store_close(store);
}

static void full_disk(Fixture *fixture, gconstpointer unused)
{
        on_own_mounts(fixture, check_full);
}

static void check_full_sync(const Fixture *fixture)
{
        g_autofree char *filler = NULL;
        Store *store;

        if (!mount_own("none", fixture->folder, "tmpfs", 0, DISK_SIZE ",mode=0700"))
                _exit(SKIPPED);
        store = open_with_table(fixture->folder);
        g_assert_cmpint(insert_big(store, 1), ==, 0);
        filler = fill(fixture);
        g_assert_cmpint(store_sync(store), ==, -ENOSPC);
        g_assert_true(has(store, 1));
        g_assert_cmpint(g_unlink(filler), ==, 0);
        g_assert_cmpint(store_sync(store), ==, 0);
        g_assert_cmpint(insert(store, 2), ==, 0);
        g_assert_null(store_trouble(store));
        store_close(store);
}

static void full_disk_sync(Fixture *fixture, gconstpointer unused)
{
        on_own_mounts(fixture, check_full_sync);
}

static void check_full_first(const Fixture *fixture)
{
        g_autofree char *filler = NULL;

        if (!mount_own("none", fixture->folder, "tmpfs", 0, DISK_SIZE ",mode=0700"))
                _exit(SKIPPED);
        filler = fill(fixture);
        assert_refused(fixture->folder, "No space");
        g_assert_cmpint(g_unlink(filler), ==, 0);
        store_close(open_with_table(fixture->folder));
        g_assert_cmpuint(n_events[DAMAGED], ==, 0);
}

static void full_disk_first(Fixture *fixture, gconstpointer unused)
{
        on_own_mounts(fixture, check_full_first);
}

/* Kills */

static void write_until_killed(const Fixture *fixture, int acknowledged)
{
        Store *store = open_with_table(fixture->folder);
        int64_t n = 0;

        store_read(store, "SELECT ifnull(max(a), 0) FROM t", NULL, 0, take_integer, &n);
        for (;;) {
                /* Two rows a transaction: one alone is half a change. */
                g_assert_cmpint(store_begin(store), ==, 0);
                g_assert_cmpint(insert(store, ++n), ==, 0);
                g_assert_cmpint(insert(store, ++n), ==, 0);
                g_assert_cmpint(store_commit(store), ==, 0);
                if (n % 8 != 0)
                        continue;
                g_assert_cmpint(store_sync(store), ==, 0);
                g_assert_cmpint(write(acknowledged, &n, sizeof(n)), ==, sizeof(n));
        }
}

/* kill_round: the last row that the writer was told is on the disk. */
static int64_t kill_round(const Fixture *fixture)
{
        int64_t n, last = 0;
        int ends[2];
        pid_t pid;

        g_assert_cmpint(pipe(ends), ==, 0);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                write_until_killed(fixture, ends[1]);
        }
        close(ends[1]);
        g_usleep((gulong) g_test_rand_int_range(500, 25000));
        kill(pid, SIGKILL);
        g_assert_cmpint(wait_child(pid), ==, 128 + SIGKILL);
        while (read(ends[0], &n, sizeof(n)) == sizeof(n))
                last = n;
        close(ends[0]);
        return last;
}

static void killed_at_random(Fixture *fixture, gconstpointer unused)
{
        int64_t kept = 0;

        for (int round = 0; round < KILL_ROUNDS; round++) {
                int64_t last = kill_round(fixture);
                g_autoptr(Store) store = open_with_table(fixture->folder);

                g_assert_cmpint(count(store), >=, MAX(last, kept));
                g_assert_cmpint(count(store) % 2, ==, 0);
                kept = count(store);
                g_assert_true(kept == 0 || has(store, kept));
        }
        g_assert_cmpint(kept, >, 0);
        g_assert_cmpuint(n_events[DAMAGED], ==, 0);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*check)(Fixture *fixture, gconstpointer unused);
        } rows[] = {
                { "each type is read as it was written, after a restart too", keeps_every_type },
                { "folder and files are private whatever the umask", files_are_private },
                { "a closed store is one file", nothing_else_is_left },
                { "a migration runs once, a failed one changes nothing", migrations_run_once },
                { "changes happen together or not at all", changes_go_together },
                { "a failed change fails its whole transaction", one_failure_fails_all },
                { "foreign keys hold", foreign_keys_hold },
                { "the largest size has an edge, and deleting makes room", size_has_an_edge },
                { "a folder without a parent is refused", parent_is_missing },
                { "a file is no folder", folder_is_a_file },
                { "what others can write is refused", writable_by_others },
                { "what belongs to others is refused", others_are_refused },
                { "a link or FIFO in the place of a file is refused", links_are_refused },
                { "the folder may be a link, and of any name", folder_may_be_a_link },
                { "another program's database is left alone", foreign_is_left_alone },
                { "a newer format is left alone", newer_format_is_left_alone },
                { "a newer part is left alone", newer_part_is_left_alone },
                { "a store that is held is refused", held_is_refused },
                { "who leaves within the time is waited for", waits_for_who_leaves },
                { "a damaged file is set aside and a new one begun", damaged_is_set_aside },
                { "a log without its database is set aside", log_without_database },
                { "the log is set aside with its database", log_goes_with_it },
                { "a garbage log costs the log alone", garbage_log_costs_the_log },
                { "a torn log is no damage", torn_log_is_none },
                { "a killed process loses nothing that it changed", survives_a_kill },
                { "only so many damaged files are kept, the newest", only_so_many_are_kept },
                { "damaged files of one second are all kept", same_second_loses_none },
                { "damage that a read meets begins afresh", met_when_reading },
                { "damage that a change meets takes its transaction", met_when_changing },
                { "a file that was taken away is noticed by the flush", met_when_taken_away },
                { "a read-only disk with a log is read whole", read_only_with_log },
                { "a read-only disk without a log is read", read_only_plain },
                { "a read-only disk cannot be given tables", read_only_lacking },
                { "a read-only disk without a file is refused", read_only_empty },
                { "a damaged file on a read-only disk is refused", read_only_damaged },
                { "a folder that we may only read is read", read_only_to_us },
                { "a full disk loses nothing, and freed space is used", full_disk },
                { "a full disk fails the flush and keeps the change", full_disk_sync },
                { "a disk that is full at the first start is refused", full_disk_first },
                { "a kill at any moment leaves before or after", killed_at_random },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/store/%s", rows[i].sentence);
                g_test_add(name, Fixture, NULL, set_up, rows[i].check, tear_down);
        }
        return g_test_run();
}

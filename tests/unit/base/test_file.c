/* test_file: bounded reading, atomic writing, and what each leaves behind when it fails. */
#include "base/file.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

typedef struct Fixture {
        char *folder;
        char *path;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer unused)
{
        fixture->folder = g_dir_make_tmp("authd-file-XXXXXX", NULL);
        fixture->path = g_build_filename(fixture->folder, "it", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
        g_unlink(fixture->path);
        /* Fails when a temporary file was left behind. */
        g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
        g_free(fixture->path);
        g_free(fixture->folder);
}

static void assert_content(const char *path, const char *wanted, size_t wanted_len)
{
        g_autofree char *content = NULL;
        size_t len = 0;
        g_autoptr(GError) error = NULL;

        g_assert_true(file_read(path, 1000, &content, &len, &error));
        g_assert_cmpmem(content, len, wanted, wanted_len);
        g_assert_cmpint(content[len], ==, '\0');
}

static void writes_and_reads(Fixture *fixture, gconstpointer unused)
{
        g_assert_true(file_write_atomic(fixture->path, span_of("a\0b", 3), 0640, NULL));
        assert_content(fixture->path, "a\0b", 3);
        g_assert_true(file_write_atomic(fixture->path, SPAN_EMPTY, 0640, NULL));
        assert_content(fixture->path, "", 0);
}

static void mode_is_exact(Fixture *fixture, gconstpointer unused)
{
        struct stat found;
        mode_t old = umask(077);

        g_assert_true(file_write_atomic(fixture->path, span_from("x"), 0644, NULL));
        umask(old);
        g_assert_cmpint(stat(fixture->path, &found), ==, 0);
        g_assert_cmpint(found.st_mode & 07777, ==, 0644);
}

static void size_has_an_edge(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *content = NULL;
        size_t len = 77;
        g_autoptr(GError) error = NULL;

        g_assert_true(file_write_atomic(fixture->path, span_from("12345"), 0600, NULL));
        g_assert_false(file_read(fixture->path, 4, &content, &len, &error));
        g_assert_nonnull(strstr(error->message, "4 bytes"));
        g_assert_null(content);
        g_assert_cmpuint(len, ==, 77);
        g_assert_true(file_read(fixture->path, 5, &content, &len, NULL));
        g_assert_cmpuint(len, ==, 5);
}

static void fifo_is_refused(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *content = NULL;
        size_t len;
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(mkfifo(fixture->path, 0600), ==, 0);
        g_assert_false(file_read(fixture->path, 4, &content, &len, &error));
        g_assert_nonnull(strstr(error->message, "not a regular file"));
}

static void folder_is_refused(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *content = NULL;
        size_t len;
        g_autoptr(GError) error = NULL;

        g_assert_false(file_read(fixture->folder, 4, &content, &len, &error));
        g_assert_nonnull(strstr(error->message, fixture->folder));
}

static void size_zero_in_proc_is_read(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *content = NULL;
        size_t len = 0;

        g_assert_true(file_read("/proc/self/status", 65536, &content, &len, NULL));
        g_assert_true(g_str_has_prefix(content, "Name:"));
}

static void absent_folder_is_named(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(file_write_atomic("/nonexistent/it", span_from("x"), 0600, &error));
        g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
        g_assert_nonnull(strstr(error->message, "/nonexistent/it"));
}

/* The rename fails (a folder has the name): tear_down then finds no temporary file. */
static void failed_rename_leaves_nothing(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(g_mkdir(fixture->path, 0700), ==, 0);
        g_assert_false(file_write_atomic(fixture->path, span_from("x"), 0600, &error));
        g_assert_nonnull(error);
        g_assert_cmpint(g_rmdir(fixture->path), ==, 0);
}

/* A reader that holds the old file goes on seeing it: rewriting in place would change it. */
static void reader_keeps_the_old_file(Fixture *fixture, gconstpointer unused)
{
        struct stat found;
        char buffer[8];
        size_t len = 0;

        g_assert_true(file_write_atomic(fixture->path, span_from("old"), 0600, NULL));
        FILE_AUTOCLOSE int fd = file_open(fixture->path, &found, NULL);
        g_assert_true(file_write_atomic(fixture->path, span_from("newer"), 0600, NULL));
        g_assert_true(file_read_fd(fd, fixture->path, buffer, 7, &len, NULL));
        g_assert_cmpmem(buffer, len, "old", 3);
        assert_content(fixture->path, "newer", 5);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*check)(Fixture *fixture, gconstpointer unused);
        } rows[] = {
                { "what was written is read, NUL bytes too", writes_and_reads },
                { "the mode is exact whatever the umask", mode_is_exact },
                { "the largest size is read, one byte more is refused", size_has_an_edge },
                { "a FIFO is refused and not waited for", fifo_is_refused },
                { "a folder is refused", folder_is_refused },
                { "a file whose size stat tells as 0 is read", size_zero_in_proc_is_read },
                { "a folder that is not there is named", absent_folder_is_named },
                { "a failed rename leaves nothing behind", failed_rename_leaves_nothing },
                { "who reads the old file goes on seeing it", reader_keeps_the_old_file },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/file/%s", rows[i].sentence);
                g_test_add(name, Fixture, NULL, set_up, rows[i].check, tear_down);
        }
        return g_test_run();
}

/* test_secret: reading a secret's file, comparing, fingerprints (FIPS 180-4's own examples). */
#include "base/secret.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

typedef struct FileRow {
        const char *sentence;
        const char *content;
        size_t len;
        unsigned mode;
        const char *wanted;  /* NULL: refused */
        const char *trouble; /* a part of the refusal */
} FileRow;

static const FileRow file_rows[] = {
        { "a private file is read whole", "hunter2", 7, 0600, "hunter2", NULL },
        { "one trailing newline is dropped", "hunter2\n", 8, 0600, "hunter2", NULL },
        { "only one trailing newline is dropped", "hunter2\n\n", 9, 0600, "hunter2\n", NULL },
        { "a newline in front stays", "\nhunter2", 8, 0400, "\nhunter2", NULL },
        { "the group may read", "hunter2", 7, 0640, "hunter2", NULL },
        { "the group may not write", "hunter2", 7, 0660, NULL, "chmod 0600" },
        { "others may not read", "hunter2", 7, 0604, NULL, "mode 0604" },
        { "others may not write", "hunter2", 7, 0602, NULL, "mode 0602" },
        { "an empty file holds no secret", "", 0, 0600, NULL, "empty" },
        { "a lone newline holds no secret", "\n", 1, 0600, NULL, "empty" },
};

static char *folder;

static char *write_file(const char *content, size_t len, unsigned mode)
{
        char *path = g_build_filename(folder, "secret", NULL);

        g_assert_true(g_file_set_contents(path, content, (gssize) len, NULL));
        g_assert_cmpint(chmod(path, mode), ==, 0);
        return path;
}

static void check_file_row(gconstpointer pointer)
{
        const FileRow *row = pointer;
        g_autofree char *path = write_file(row->content, row->len, row->mode);
        g_autoptr(GError) error = NULL;
        g_autoptr(Secret) secret = secret_read_file(path, &error);

        if (row->wanted) {
                g_assert_no_error(error);
                g_assert_true(span_equal_string(secret_bytes(secret), row->wanted));
        } else {
                g_assert_null(secret);
                g_assert_nonnull(strstr(error->message, row->trouble));
                g_assert_nonnull(strstr(error->message, path));
                g_assert_null(strstr(error->message, "hunter2"));
        }
        g_unlink(path);
}

static bool reads_file_of_size(size_t size)
{
        g_autofree char *content = g_strnfill(size, 's');
        g_autofree char *path = write_file(content, size, 0600);
        g_autoptr(Secret) secret = secret_read_file(path, NULL);

        g_unlink(path);
        return secret && secret_bytes(secret).len == size;
}

static void size_has_an_edge(void)
{
        g_assert_true(reads_file_of_size(SECRET_FILE_SIZE_MAX));
        g_assert_false(reads_file_of_size(SECRET_FILE_SIZE_MAX + 1));
}

static void absent_file_is_named(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(secret_read_file("/nonexistent/secret", &error));
        g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
        g_assert_nonnull(strstr(error->message, "/nonexistent/secret"));
}

static void copies_and_frees(void)
{
        char bytes[] = "s\0cret";
        g_autoptr(Secret) secret = secret_new(span_of(bytes, 6));
        g_autoptr(Secret) empty = secret_new(SPAN_EMPTY);

        bytes[0] = 'X';
        g_assert_true(span_equal(secret_bytes(secret), span_of("s\0cret", 6)));
        g_assert_cmpuint(secret_bytes(empty).len, ==, 0);
        secret_free(NULL);
}

static void equality(void)
{
        g_assert_true(secret_equal(span_from("abc"), span_from("abc")));
        g_assert_false(secret_equal(span_from("abc"), span_from("abd")));
        g_assert_false(secret_equal(span_from("abc"), span_from("abcd")));
        g_assert_true(secret_equal(SPAN_EMPTY, SPAN_EMPTY));
}

static void erasing(void)
{
        char bytes[] = "secret";

        secret_erase(bytes, 3);
        g_assert_cmpmem(bytes, sizeof(bytes), "\0\0\0ret", 7);
}

static void fingerprints(void)
{
        char text[FINGERPRINT_TEXT_MAX];
        Fingerprint abc, empty;

        fingerprint_of(span_from("abc"), &abc);
        fingerprint_of(SPAN_EMPTY, &empty);
        fingerprint_text(&abc, text);
        g_assert_cmpstr(text, ==, "ba7816bf8f01cfea");
        g_assert_cmpuint(abc.bytes[FINGERPRINT_SIZE - 1], ==, 0xad);
        fingerprint_text(&empty, text);
        g_assert_cmpstr(text, ==, "e3b0c44298fc1c14");
        g_assert_true(fingerprint_equal(&abc, &abc));
        g_assert_false(fingerprint_equal(&abc, &empty));
        empty = abc;
        empty.bytes[FINGERPRINT_SIZE - 1] ^= 1;
        g_assert_false(fingerprint_equal(&abc, &empty));
}

static int run(void)
{
        int failed;

        folder = g_dir_make_tmp("authd-secret-XXXXXX", NULL);
        failed = g_test_run();
        g_rmdir(folder);
        g_free(folder);
        return failed;
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(file_rows); i++) {
                g_autofree char *name = g_strdup_printf("/secret/%s", file_rows[i].sentence);
                g_test_add_data_func(name, &file_rows[i], check_file_row);
        }
        g_test_add_func("/secret/a file of exactly the maximum is read, one byte more is refused",
                        size_has_an_edge);
        g_test_add_func("/secret/an absent file is named", absent_file_is_named);
        g_test_add_func("/secret/a secret owns a copy of its bytes", copies_and_frees);
        g_test_add_func("/secret/equality is of length and every byte", equality);
        g_test_add_func("/secret/only the given bytes are erased", erasing);
        g_test_add_func("/secret/a fingerprint is SHA-256, shown by its first 16 digits",
                        fingerprints);
        return run();
}

/* test_local: what /etc/passwd and /etc/group have, read as files. */
#include "users/local.h"

#include <glib/gstdio.h>

typedef struct Files {
        char *folder, *passwd, *group;
} Files;

static void set_up(Files *files, gconstpointer unused)
{
        files->folder = g_dir_make_tmp("authd-local-XXXXXX", NULL);
        files->passwd = g_build_filename(files->folder, "passwd", NULL);
        files->group = g_build_filename(files->folder, "group", NULL);
}

static void tear_down(Files *files, gconstpointer unused)
{
        g_unlink(files->passwd);
        g_unlink(files->group);
        g_rmdir(files->folder);
        g_free(files->folder);
        g_free(files->passwd);
        g_free(files->group);
}

/* Anew under its name: another inode is another mark. */
static void write_file(const char *path, const char *text)
{
        g_autofree char *other = g_strconcat(path, ".new", NULL);

        g_assert_true(g_file_set_contents(other, text, -1, NULL));
        g_assert_cmpint(g_rename(other, path), ==, 0);
}

static void reads_both(Files *files, gconstpointer unused)
{
        g_autoptr(Local) local = NULL;
        const char *name = NULL;
        gid_t gid = 1;

        write_file(files->passwd, "root:x:0:0::/root:/bin/bash\nalice:x:1000:1000::/:/bin/sh");
        write_file(files->group, "root:x:0:\nsudo:x:27:alice\n");
        local = local_new(files->passwd, files->group);
        g_assert_true(local_has_user(local, "alice"));
        g_assert_false(local_has_user(local, "sudo"));
        g_assert_true(local_has_uid(local, 1000, &name));
        g_assert_cmpstr(name, ==, "alice");
        g_assert_true(local_has_uid(local, 0, NULL));
        g_assert_false(local_has_uid(local, 1001, NULL));
        g_assert_true(local_has_group(local, "root", &gid));
        g_assert_cmpuint(gid, ==, 0);
        g_assert_true(local_has_group(local, "sudo", NULL));
        g_assert_true(local_has_gid(local, 27, &name));
        g_assert_cmpstr(name, ==, "sudo");
        g_assert_false(local_has_gid(local, 1000, NULL));
}

static void lines_that_are_none(Files *files, gconstpointer unused)
{
        g_autoptr(Local) local = NULL;

        write_file(files->passwd,
                   "+::::::\n#bob:x:1001:1001::/:\n-carol:x:1002:1002::/:\n:x:1003:1:::\n"
                   "dave:x\nerin:x:\nfrank:x:-1:1:::\ngrace:x:4294967296:1:::\n"
                   "heidi:x:1004x:1:::\n\nivan:x:1005:1:::\n");
        write_file(files->group, "");
        local = local_new(files->passwd, files->group);
        for (unsigned uid = 1001; uid < 1005; uid++)
                g_assert_false(local_has_uid(local, uid, NULL));
        g_assert_false(local_has_user(local, "dave"));
        g_assert_false(local_has_user(local, "frank"));
        g_assert_false(local_has_user(local, "grace"));
        g_assert_false(local_has_uid(local, 0, NULL));
        g_assert_true(local_has_user(local, "ivan"));
}

static void first_line_wins(Files *files, gconstpointer unused)
{
        g_autoptr(Local) local = NULL;
        const char *name;
        uid_t uid;

        write_file(files->passwd, "root:x:0:0:::\ntoor:x:0:0:::\nroot:x:5:0:::\n");
        write_file(files->group, "");
        local = local_new(files->passwd, files->group);
        g_assert_true(local_has_uid(local, 0, &name));
        g_assert_cmpstr(name, ==, "root");
        g_assert_true(local_has_user(local, "toor"));
        /* Who asks for the name never gets it; getpwuid(3) does. */
        g_assert_true(local_has_uid(local, 5, &name));
        g_assert_cmpstr(name, ==, "root");
        g_assert_true(local_user_uid(local, "root", &uid));
        g_assert_cmpuint(uid, ==, 0);
}

static void blanks_before_a_line(Files *files, gconstpointer unused)
{
        g_autoptr(Local) local = NULL;

        write_file(files->passwd, " \talice:x:1000:1000:::\n  #bob:x:1001:1:::\n");
        write_file(files->group, "");
        local = local_new(files->passwd, files->group);
        g_assert_true(local_has_user(local, "alice"));
        g_assert_true(local_has_uid(local, 1000, NULL));
        g_assert_false(local_has_uid(local, 1001, NULL));
}

static void looks_again(Files *files, gconstpointer unused)
{
        g_autoptr(Local) local = NULL;

        local = local_new(files->passwd, files->group); /* neither is there */
        g_assert_false(local_refresh(local));
        write_file(files->passwd, "alice:x:1000:1000:::\n");
        g_assert_true(local_refresh(local));
        g_assert_false(local_refresh(local));
        g_assert_true(local_has_user(local, "alice"));
        write_file(files->group, "eng:x:2000:\n");
        g_assert_true(local_refresh(local));
        g_assert_true(local_has_gid(local, 2000, NULL));
        write_file(files->passwd, "carol:x:1000:1000:::\n"); /* of the same size */
        g_assert_true(local_refresh(local));
        g_assert_false(local_has_user(local, "alice"));
        g_unlink(files->passwd);
        g_assert_false(local_refresh(local));
        g_assert_true(local_has_user(local, "carol"));
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*run)(Files *files, gconstpointer unused);
        } tests[] = {
                { "both files", reads_both },
                { "lines that are no accounts", lines_that_are_none },
                { "of two lines the first one wins", first_line_wins },
                { "blanks before a line are passed over", blanks_before_a_line },
                { "looks again when a file is another", looks_again },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strdup_printf("/local/%s", tests[i].sentence);

                g_test_add(path, Files, NULL, set_up, tests[i].run, tear_down);
        }
        return g_test_run();
}

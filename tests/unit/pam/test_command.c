/* Command: what is shown of a command line that whoever calls sudo has written. */
#include "command.h"

#include <glib.h>
#include <string.h>

typedef struct Row {
        const char *sentence;
        const char *arguments; /* joined by | */
        const char *shown;
} Row;

static const Row rows[] = {
        { "as it is typed", "sudo|systemctl|restart|nats", "sudo systemctl restart nats" },
        { "without arguments", "sudo", "sudo" },
        { "by its path", "/usr/bin/sudo|id", "sudo id" },
        { "by a name that is a command", "sudo ls                                 |rm|-rf|/",
          "sudo rm -rf /" },
        { "by no name", "|id", "sudo id" },
        { "as sudoedit", "sudoedit|/etc/passwd", "sudoedit /etc/passwd" },
        { "as sudoedit by another name", "x-edit|/etc/passwd", "sudoedit /etc/passwd" },
        { "by a name that begins like it", "editor|id", "sudo id" },
        { "an empty argument", "sudo||id", "sudo  id" },
        { "an empty argument at the end", "sudo|id|", "sudo id " },
};

/* as_cmdline: as the kernel shows it, its first bytes. Returns their number. */
static size_t as_cmdline(const char *arguments, char ret[COMMAND_SIZE])
{
        size_t size = MIN(strlen(arguments) + 1, COMMAND_SIZE);

        memcpy(ret, arguments, size);
        for (size_t i = 0; i < size; i++)
                if (ret[i] == '|')
                        ret[i] = '\0';
        return size;
}

static void test_row(gconstpointer data)
{
        const Row *row = data;
        char cmdline[COMMAND_SIZE], shown[COMMAND_SIZE];
        size_t size = as_cmdline(row->arguments, cmdline);

        command_line(cmdline, size, shown);
        g_assert_cmpstr(shown, ==, row->shown);
}

static void show_of_size(size_t size, const char *name, char ret[COMMAND_SIZE])
{
        g_autofree char *rest = g_strnfill(size - strlen(name) - 2, 'x');
        g_autofree char *arguments = g_strconcat(name, "|", rest, NULL);
        char cmdline[COMMAND_SIZE];

        command_line(cmdline, as_cmdline(arguments, cmdline), ret);
}

/* Sizes with the last NUL; what is cut off is seen. */
static void test_bounds(void)
{
        char shown[COMMAND_SIZE];

        show_of_size(1000, "sudo", shown);
        g_assert_cmpuint(strlen(shown), ==, 999);
        g_assert_false(g_str_has_suffix(shown, "..."));
        for (size_t size = 1000; size < COMMAND_SIZE + 100; size++) {
                show_of_size(size, "sudo", shown);
                g_assert_true((strlen(shown) == size - 1) || g_str_has_suffix(shown, "x..."));
                g_assert_cmpuint(strlen(shown), <, COMMAND_SIZE);
        }
        show_of_size(COMMAND_SIZE, "sudo", shown);
        g_assert_true(g_str_has_suffix(shown, "..."));
}

/* A name that leaves no room for the command hides it, and that is seen. */
static void test_long_name(void)
{
        g_autofree char *name = g_strnfill(COMMAND_SIZE, 'n');
        char shown[COMMAND_SIZE];

        show_of_size(COMMAND_SIZE + 100, name, shown);
        g_assert_cmpstr(shown, ==, "sudo...");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/command/", rows[i].sentence, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/command/a long one", test_bounds);
        g_test_add_func("/command/a long name", test_long_name);
        return g_test_run();
}

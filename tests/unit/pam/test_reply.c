/* The reader of the daemon's replies: what is one, and what is none. */
#include "reply.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

typedef struct Row {
        const char *sentence;
        const char *lines;
        int wanted;
        enum reply_state state;
} Row;

static const Row rows[] = {
        { "nothing", "", -EPROTO, 0 },
        { "a yes", "state=allowed\nuser=alice\n", 0, REPLY_ALLOWED },
        { "a no", "state=denied\n", 0, REPLY_DENIED },
        { "every key",
          "state=allowed\nid=c\ntext=t\necho=on\nafter=5\nuser=a\nsession=s\nenv=AUTHD_A=b\n", 0,
          REPLY_ALLOWED },
        { "a line without its end", "state=allowed\nuser=alice", -EPROTO, 0 },
        { "a line without =", "state\n", -EPROTO, 0 },
        { "an empty line", "state=denied\n\n", -EPROTO, 0 },
        { "a carriage return", "state=denied\r\n", -EPROTO, 0 },
        { "an unknown state", "state=granted\n", -EPROTO, 0 },
        { "a state in capitals", "state=ALLOWED\n", -EPROTO, 0 },
        { "a state with more behind it", "state=allowed \n", -EPROTO, 0 },
        { "an unknown key", "state=allowed\nmore=1\n", -EPROTO, 0 },
        { "the state is not first", "user=alice\nstate=allowed\n", -EPROTO, 0 },
        { "two states", "state=denied\nstate=allowed\n", -EPROTO, 0 },
        { "two users", "state=allowed\nuser=alice\nuser=bob\n", -EPROTO, 0 },
        { "two in the environment", "state=allowed\nenv=AUTHD_A=b\nenv=AUTHD_C=d\n", 0,
          REPLY_ALLOWED },
        { "an environment that is not ours", "state=allowed\nenv=PATH=/x\n", -EPROTO, 0 },
        { "an environment without a value", "state=allowed\nenv=AUTHD_A\n", -EPROTO, 0 },
        { "a prompt without a text", "state=prompt\nid=c\n", -EPROTO, 0 },
        { "a prompt with an empty one", "state=prompt\nid=c\ntext=\n", -EPROTO, 0 },
        { "a newline by an escape", "state=info\ntext=a%0Ab\n", 0, REPLY_INFO },
        { "an escape character", "state=info\ntext=a%1Bb\n", -EPROTO, 0 },
        { "an escape character as it is",
          "state=info\ntext=a\x1b"
          "b\n",
          -EPROTO, 0 },
        { "a C1 control in UTF-8",
          "state=info\ntext=a\xc2\x9b"
          "b\n",
          -EPROTO, 0 },
        { "half blocks", "state=info\ntext=\xe2\x96\x80\n", 0, REPLY_INFO },
        { "NUL by an escape", "state=info\ntext=a%00b\n", -EPROTO, 0 },
        { "an escape that is cut", "state=info\ntext=a%0\n", -EPROTO, 0 },
        { "an escape in small letters", "state=info\ntext=a%0a\n", -EPROTO, 0 },
        { "a newline in a user", "state=allowed\nuser=a%0Ab\n", -EPROTO, 0 },
        { "an empty user", "state=allowed\nuser=\n", -EPROTO, 0 },
        { "an echo that is neither", "state=prompt\ntext=t\necho=yes\n", -EPROTO, 0 },
        { "the longest wait", "state=wait\nafter=5000\n", 0, REPLY_WAIT },
        { "a longer wait", "state=wait\nafter=5001\n", -EPROTO, 0 },
        { "a negative wait", "state=wait\nafter=-1\n", -EPROTO, 0 },
        { "a wait of nothing", "state=wait\nafter=\n", -EPROTO, 0 },
        { "a wait that overflows", "state=wait\nafter=4294967297\n", -EPROTO, 0 },
};

static void test_row(gconstpointer userdata)
{
        const Row *row = userdata;
        struct reply reply;

        g_assert_cmpint(reply_read(row->lines, strlen(row->lines), &reply), ==, row->wanted);
        g_assert_cmpint(reply.state, ==, row->state);
}

/* Both sides of the edge. */
static void test_long_words(void)
{
        for (size_t len = REPLY_WORD_MAX; len <= REPLY_WORD_MAX + 1; len++) {
                g_autofree char *word = g_strnfill(len, 'a');
                g_autofree char *lines = g_strdup_printf("state=allowed\nuser=%s\n", word);
                struct reply reply;

                g_assert_cmpint(reply_read(lines, strlen(lines), &reply), ==,
                                len <= REPLY_WORD_MAX ? 0 : -EPROTO);
        }
}

static void test_long_texts(void)
{
        for (size_t len = REPLY_TEXT_MAX; len <= REPLY_TEXT_MAX + 1; len++) {
                g_autofree char *text = g_strnfill(len, 'a');
                g_autofree char *lines = g_strdup_printf("state=info\ntext=%s\n", text);
                struct reply reply;

                g_assert_cmpint(reply_read(lines, strlen(lines), &reply), ==,
                                len <= REPLY_TEXT_MAX ? 0 : -EPROTO);
        }
}

static void test_long_variables(void)
{
        for (size_t len = REPLY_ENV_SIZE_MAX; len <= REPLY_ENV_SIZE_MAX + 1; len++) {
                g_autofree char *value = g_strnfill(len - strlen("AUTHD_SUBJECT="), 'a');
                g_autofree char *lines =
                    g_strdup_printf("state=allowed\nenv=AUTHD_SUBJECT=%s\n", value);
                struct reply reply;

                g_assert_cmpint(reply_read(lines, strlen(lines), &reply), ==,
                                len <= REPLY_ENV_SIZE_MAX ? 0 : -EPROTO);
        }
}

static void test_many_variables(void)
{
        for (unsigned n = REPLY_ENV_MAX; n <= REPLY_ENV_MAX + 1; n++) {
                g_autoptr(GString) lines = g_string_new("state=allowed\n");
                struct reply reply;

                for (unsigned i = 0; i < n; i++)
                        g_string_append_printf(lines, "env=AUTHD_%u=x\n", i);
                g_assert_cmpint(reply_read(lines->str, lines->len, &reply), ==,
                                n <= REPLY_ENV_MAX ? 0 : -EPROTO);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strdup_printf("/reply/%s", rows[i].sentence);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/reply/words of the longest and one more", test_long_words);
        g_test_add_func("/reply/texts of the longest and one more", test_long_texts);
        g_test_add_func("/reply/variables of the longest and one more", test_long_variables);
        g_test_add_func("/reply/variables as many as may be and one more", test_many_variables);
        return g_test_run();
}

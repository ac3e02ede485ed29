/* What pam_authd is told: lines, and nothing in a value that could be another line. */
#include "login/reply.h"

#include <string.h>

static const char *const two_names[] = { "AUTHD_SUBJECT=8d4f", "AUTHD_ISSUER=https://idp.example",
                                         NULL };

typedef struct Row {
        const char *sentence;
        LoginReply reply;
        const char *lines;
} Row;

static const Row rows[] = {
        { "nothing filled in is unavailable", { 0 }, "state=unavailable\n" },
        { "a prompt says whether what is typed is shown",
          { .state = LOGIN_PROMPT, .id = "c1", .text = "Password: " },
          "state=prompt\nid=c1\necho=off\ntext=Password: \n" },
        { "a prompt of more lines stays one line",
          { .state = LOGIN_PROMPT, .id = "c1", .text = "a\nstate=allowed\n", .echo = true },
          "state=prompt\nid=c1\necho=on\ntext=a%0Astate=allowed%0A\n" },
        { "a percent sign is told apart from an escape",
          { .state = LOGIN_INFO, .text = "100%0A\x7f" },
          "state=info\ntext=100%250A%7F\n" },
        { "UTF-8 goes as it is",
          { .state = LOGIN_INFO, .text = "\xe2\x96\x88" },
          "state=info\ntext=\xe2\x96\x88\n" },
        { "a wait has its milliseconds, bounded",
          { .state = LOGIN_WAIT, .id = "c", .after_msec = 60000 },
          "state=wait\nid=c\nafter=5000\n" },
        { "only a yes names its user",
          { .state = LOGIN_DENIED, .user = "alice", .text = "Login refused." },
          "state=denied\ntext=Login refused.\n" },
        { "a yes with an environment",
          { .state = LOGIN_ALLOWED, .user = "alice", .env = two_names },
          "state=allowed\nuser=alice\nenv=AUTHD_SUBJECT=8d4f\n"
          "env=AUTHD_ISSUER=https://idp.example\n" },
};

static void test_row(gconstpointer userdata)
{
        const Row *row = userdata;
        g_autofree char *lines = reply_write(&row->reply);

        g_assert_cmpstr(lines, ==, row->lines);
}

static void test_every_state_has_a_word(void)
{
        for (int i = 0; i < _LOGIN_STATE_MAX; i++) {
                g_assert_nonnull(login_state_text(i));
                for (int j = 0; j < i; j++)
                        g_assert_cmpstr(login_state_text(i), !=, login_state_text(j));
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strdup_printf("/reply/%s", rows[i].sentence);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/reply/every state has a word of its own", test_every_state_has_a_word);
        return g_test_run();
}

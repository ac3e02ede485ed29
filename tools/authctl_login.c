/* authctl_login: sessions and ssh-keys: who is logged in, and by which keys somebody may. */
#include "authctl.h"

#include "authctl_ask.h"
#include "authctl_text.h"
#include "base/clock.h"
#include "token/json.h"

#include <stdio.h>

static void add_session(Table *table, const json_t *session, gint64 now_sec)
{
        g_autofree char *opened =
            text_time(json_integer_value(json_object_get(session, "opened_sec")), now_sec);
        g_autofree char *pid = g_strdup_printf(
            "%lld", (long long) json_integer_value(json_object_get(session, "pid")));

        table_add(table, STYLE_BOLD, ask_text(session, "user"));
        table_add(table, STYLE_PLAIN, ask_text(session, "service"));
        table_add(table, STYLE_PLAIN, ask_text(session, "rhost"));
        table_add(table, STYLE_PLAIN, ask_text(session, "tty"));
        table_add(table, STYLE_PLAIN, pid);
        table_add(table, STYLE_PLAIN, opened);
}

static void print_sessions(const json_t *answer)
{
        static const char *const titles[] = {
                "USER", "SERVICE", "FROM", "TTY", "PID", "SINCE", NULL
        };
        const json_t *sessions = json_object_get(answer, "sessions");
        g_autoptr(Table) table = table_new(titles);
        gint64 now_sec = clock_wall_sec();
        size_t index;
        json_t *session;

        if (json_array_size(sessions) == 0) {
                printf("Nobody is logged in through authd.\n");
                return;
        }
        json_array_foreach (sessions, index, session)
                add_session(table, session, now_sec);
        table_print(table);
}

int authctl_sessions(int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { 0 };
        g_auto(Answer) answer = { 0 };

        if (!authctl_options(&options, NULL, "", argc, argv))
                return AUTHCTL_USAGE;
        return ask_show(&options, "/v1/sessions", NULL, print_sessions, &answer);
}

/* Lines as they are: the daemon hands on none with anything but a key and a printable comment. */
static void print_keys(const json_t *answer)
{
        size_t index;
        json_t *key;

        json_array_foreach (json_object_get(answer, "keys"), index, key) {
                g_autofree char *line = text_printable(json_string_value(key));

                printf("%s\n", line);
        }
}

int authctl_ssh_keys(int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { .n_words = 1 };
        g_auto(Answer) answer = { 0 };
        g_autofree char *user = NULL, *path = NULL;

        if (!authctl_options(&options, NULL, "USER", argc, argv))
                return AUTHCTL_USAGE;
        user = g_uri_escape_string(options.words[0], NULL, false);
        path = g_strconcat("/v1/ssh-keys?user=", user, NULL);
        return ask_show(&options, path, NULL, print_keys, &answer);
}

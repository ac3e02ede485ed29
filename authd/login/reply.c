/* reply: see reply.h. */
#include "login/reply.h"

static const char *const states[_LOGIN_STATE_MAX] = {
        [LOGIN_UNAVAILABLE] = "unavailable",
        [LOGIN_PROMPT] = "prompt",
        [LOGIN_INFO] = "info",
        [LOGIN_ERROR] = "error",
        [LOGIN_WAIT] = "wait",
        [LOGIN_ALLOWED] = "allowed",
        [LOGIN_DENIED] = "denied",
        [LOGIN_LOCKED] = "locked",
        [LOGIN_NOT_OURS] = "not_ours",
};

const char *login_state_text(LoginState state)
{
        return states[state];
}

static bool must_escape(unsigned char byte)
{
        return byte < 0x20 || byte == '%' || byte == 0x7f;
}

static void write_line(GString *lines, const char *key, const char *value)
{
        if (!value)
                return;
        g_string_append_printf(lines, "%s=", key);
        for (const char *at = value; *at; at++)
                if (must_escape((unsigned char) *at))
                        g_string_append_printf(lines, "%%%02X", (unsigned) (unsigned char) *at);
                else
                        g_string_append_c(lines, *at);
        g_string_append_c(lines, '\n');
}

char *reply_write(const LoginReply *reply)
{
        GString *lines = g_string_new(NULL);

        write_line(lines, "state", login_state_text(reply->state));
        write_line(lines, "id", reply->id);
        if (reply->state == LOGIN_PROMPT)
                write_line(lines, "echo", reply->echo ? "on" : "off");
        if (reply->state == LOGIN_WAIT)
                g_string_append_printf(lines, "after=%u\n",
                                       MIN(reply->after_msec, REPLY_AFTER_MAX));
        write_line(lines, "text", reply->text);
        if (reply->state == LOGIN_ALLOWED)
                write_line(lines, "user", reply->user);
        write_line(lines, "session", reply->session);
        for (size_t i = 0; reply->env && reply->env[i] && i < REPLY_ENV_MAX; i++)
                write_line(lines, "env", reply->env[i]);
        return g_string_free(lines, FALSE);
}

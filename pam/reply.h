/* reply: what the daemon tells pam_authd to do, read strictly.
 *
 * Lines "key=value", the value with %XX (authd/login/reply.h). Whatever is not as it must be (an
 * unknown key or state, a key twice, too long, a control character but a newline in a text) is no
 * reply: the module then says PAM_AUTHINFO_UNAVAIL. Pure; libc only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define REPLY_TEXT_MAX     8192
#define REPLY_WORD_MAX     256 /* of id, user, session */
#define REPLY_ENV_MAX      8
#define REPLY_ENV_SIZE_MAX 1024 /* of one: a name, and a subject of 255 bytes or a URL */
#define REPLY_AFTER_MAX    5000 /* milliseconds */

enum reply_state {
        REPLY_UNAVAILABLE, /* zero */
        REPLY_PROMPT,
        REPLY_INFO,
        REPLY_ERROR,
        REPLY_WAIT,
        REPLY_ALLOWED,
        REPLY_DENIED,
        REPLY_LOCKED,
        REPLY_NOT_OURS,
};

struct reply {
        enum reply_state state;
        bool echo;
        unsigned after_ms;
        size_t n_env;
        char id[REPLY_WORD_MAX + 1]; /* "": none */
        char user[REPLY_WORD_MAX + 1];
        char session[REPLY_WORD_MAX + 1];
        char env[REPLY_ENV_MAX][REPLY_ENV_SIZE_MAX + 1];
        char text[REPLY_TEXT_MAX + 1]; /* "": none */
};

/* reply_read: 0; -EPROTO: it is none, and ret says UNAVAILABLE. */
int reply_read(const char *lines, size_t size, struct reply *ret);

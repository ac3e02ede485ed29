/* reply: what pam_authd is told to do next, in lines that a reader of forty lines understands.
 *
 * "key=value\n", the value with %XX for bytes below 0x20, "%", 0x7f; UTF-8 otherwise. Keys: state
 * (first, always), id, text, echo (on, off), after (msec), user, env (NAME=VALUE, may come more
 * than once), session. Unknown keys, a key twice (but env), a state that is not of the table, a
 * missing one, more than the limits: the module says PAM_AUTHINFO_UNAVAIL. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <stdint.h>

#define REPLY_SIZE_MAX  (16 * 1024)
#define REPLY_TEXT_MAX  8192 /* a QR in UTF-8 half blocks is about 3 KiB */
#define REPLY_ENV_MAX   8
#define REPLY_AFTER_MAX 5000 /* msec */

typedef enum LoginState {
        LOGIN_UNAVAILABLE, /* zero: PAM_AUTHINFO_UNAVAIL */
        LOGIN_PROMPT,      /* show text, read a line (echo or not), send it with next */
        LOGIN_INFO,        /* show text, then next at once */
        LOGIN_ERROR,       /* the same, as an error message */
        LOGIN_WAIT,        /* next after so many milliseconds */
        LOGIN_ALLOWED,     /* PAM_SUCCESS, if user is PAM_USER */
        LOGIN_DENIED,      /* PAM_AUTH_ERR (auth), PAM_PERM_DENIED (account); text may say why */
        LOGIN_LOCKED,      /* PAM_MAXTRIES: too many failures */
        LOGIN_NOT_OURS,    /* PAM_USER_UNKNOWN: a local account, or nobody's */
        _LOGIN_STATE_MAX,
} LoginState;

const char *login_state_text(LoginState state); /* "unavailable", "prompt"… */

typedef struct LoginReply {
        LoginState state;
        const char *id;   /* of the conversation; NULL: none */
        const char *text; /* cleaned for a terminal; NULL: none */
        bool echo;
        unsigned after_msec;
        const char *user;       /* ALLOWED */
        const char *const *env; /* NULL-terminated; NULL: none */
        const char *session;    /* id of an opened one */
} LoginReply;

/* reply_write: the lines, owned. */
char *reply_write(const LoginReply *reply);

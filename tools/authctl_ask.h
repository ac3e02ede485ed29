/* authctl_ask: one question to the daemon, over its Unix socket. Bounded in time and size. */
#pragma once

#include "authctl.h"

#include <jansson.h>

#define ASK_DEADLINE_SEC 45                 /* longer than the daemon's own for its doctor */
#define ASK_SIZE_MAX     (64 * 1024 * 1024) /* bytes of an answer: thousands of policies fit */

typedef struct Answer {
        unsigned status;
        json_t *json; /* the body: an object */
        GString *body;
} Answer;

/* ask_daemon: GET, or POST when question is set. AUTHCTL_OK and an answer that says 200; otherwise
 * what went wrong is on stderr (with --json the daemon's words are on stdout) and the result is the
 * exit code. */
AuthctlExit ask_daemon(const AuthctlOptions *options, const char *path, const json_t *question,
                       Answer *ret);
/* ask_show: asks, and prints the answer by print, or with --json as it is; it is handed out for
 * those who look at it again. */
AuthctlExit ask_show(const AuthctlOptions *options, const char *path, const json_t *question,
                     void (*print)(const json_t *answer), Answer *ret);
/* ask_text, ask_number: a member of an answer; NULL and 0: it is not there, or is another thing. */
const char *ask_text(const json_t *object, const char *name);
gint64 ask_number(const json_t *object, const char *name);
/* ask_print_json: the daemon's words; on a terminal indented and in ASCII. */
void ask_print_json(const Answer *answer);
void answer_clear(Answer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

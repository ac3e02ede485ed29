/* session: who is logged in to this host through authd, for authctl and for what revokes.
 *
 * Kept in the state database, so that a restart forgets nobody; one whose process is gone is
 * dropped at the next look, as are all of before the last boot. Main thread. Returns, does not log.
 */
#pragma once

#include "base/store.h"

#include <jansson.h>
#include <sys/types.h>

#define SESSIONS_MAX     10000
#define SESSION_TEXT_MAX 256 /* bytes of what came from elsewhere: rhost, tty */

typedef struct LoginSession {
        const char *id;
        const char *service, *user, *subject, *rhost, *tty; /* NULL: "" */
        pid_t pid;            /* 0: nobody's; such a session lasts until it is closed, or a boot */
        uint64_t pid_started; /* of /proc/PID/stat: tells a reused pid; 0: look for it */
        int64_t opened_sec;
} LoginSession;

typedef struct Sessions Sessions;

/* sessions_new: reads what the store has and drops who is gone. store NULL: in memory alone. */
Sessions *sessions_new(Store *store, GError **error);
void sessions_free(Sessions *sessions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sessions, sessions_free)
/* sessions_open: session->id is not looked at. *ret_id is owned. 0; -ENOSPC: too many, nothing was
 * opened; -ESRCH: there is no such process; or the store's errno: then it is kept in memory, and
 * *ret_id is set. */
int sessions_open(Sessions *sessions, const LoginSession *session, char **ret_id);
bool sessions_close(Sessions *sessions, const char *id); /* false: no such session */
void sessions_tidy(Sessions *sessions);                  /* drops those whose process is gone */
size_t sessions_n(const Sessions *sessions);
/* sessions_list: array of objects as LoginSession, times in sec, in the order of opening. */
json_t *sessions_list(const Sessions *sessions);

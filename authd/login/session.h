/* session: who is logged in to this host through authd, for authctl and for what revokes.
 *
 * Kept in the state database, so that a restart forgets nobody; one whose process is gone is
 * dropped at the next look. Main thread. */
#pragma once

#include "base/store.h"

#include <jansson.h>
#include <sys/types.h>

#define SESSIONS_MAX 10000

typedef struct LoginSession {
        const char *id;
        const char *service, *user, *subject, *rhost, *tty;
        pid_t pid;
        uint64_t pid_started; /* of /proc/PID/stat: tells a reused pid */
        int64_t opened_sec;
} LoginSession;

typedef struct Sessions Sessions;

Sessions *sessions_new(Store *store, GError **error);
void sessions_free(Sessions *sessions);
/* sessions_open: *ret_id is owned. 0, -ENOSPC, the store's errno (then it is kept in memory). */
int sessions_open(Sessions *sessions, const LoginSession *session, char **ret_id);
bool sessions_close(Sessions *sessions, const char *id);
void sessions_tidy(Sessions *sessions); /* drops those whose process is gone */
json_t *
sessions_list(const Sessions *sessions); /* array of objects as LoginSession, times in sec */

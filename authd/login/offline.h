/* offline: a password that was good online, checked again while the realm cannot be asked.
 *
 * Kept is a yescrypt verifier (libcrypt) under the subject, with the time of the login and when the
 * account was last known to be enabled; never the password. Off unless a service's offline_sec says
 * how old it may be. Computing one takes tens of milliseconds: done on a thread of its own, so that
 * the main thread never waits (a GTask-like hand-over; at most 4 at a time, the rest wait). */
#pragma once

#include "base/secret.h"
#include "base/store.h"

#define OFFLINE_THREADS_MAX 4
#define OFFLINE_WAITING_MAX 64

typedef enum OfflineResult {
        OFFLINE_UNAVAILABLE, /* zero: too many wait, no store */
        OFFLINE_GOOD,
        OFFLINE_WRONG,
        OFFLINE_NONE, /* nobody logged in with a password here, or too long ago */
} OfflineResult;

typedef void (*OfflineDone)(OfflineResult result, void *userdata);
typedef struct Offline Offline;

Offline *offline_new(GMainContext *context, Store *store, GError **error);
void offline_free(Offline *offline); /* whoever waits is told UNAVAILABLE */
/* offline_remember: after a login by password online. */
void offline_remember(Offline *offline, const char *subject, Span password, int64_t now_sec);
/* offline_check: not older than max_age_sec. done once, never before it returned. */
void offline_check(Offline *offline, const char *subject, Span password, int64_t max_age_sec,
                   int64_t now_sec, OfflineDone done, void *userdata);
void offline_forget(Offline *offline, const char *subject);

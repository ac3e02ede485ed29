/* offline: a password that was good online, checked again while the realm cannot be asked.
 *
 * Kept is a yescrypt verifier (libcrypt) under the subject, with the time of the login; never the
 * password. Off unless a service's offline_sec says how old it may be. Computing one takes tens of
 * milliseconds: done on threads of its own, so that the main thread never waits; what is under way
 * is bounded. Passwords are erased as soon as they are used. Main thread. Logs. */
#pragma once

#include "base/secret.h"
#include "base/store.h"

#define OFFLINE_THREADS_MAX   4
#define OFFLINE_WAITING_MAX   64    /* checks and verifiers to be made, under way or not */
#define OFFLINE_PASSWORD_MAX  512   /* libcrypt's own bound (CRYPT_MAX_PASSPHRASE_SIZE) */
#define OFFLINE_VERIFIERS_MAX 10000 /* the oldest are forgotten */
#define OFFLINE_CLOCK_BACK_SEC                                                                     \
        60 /* a login that far ahead of the clock is none: it was set back                         \
            */

typedef enum OfflineResult {
        OFFLINE_UNAVAILABLE, /* zero: too many wait, no store */
        OFFLINE_GOOD,
        OFFLINE_WRONG,
        OFFLINE_NONE, /* nobody logged in with a password here, or too long ago */
} OfflineResult;

typedef void (*OfflineDone)(OfflineResult result, void *userdata);
typedef struct Offline Offline;

/* offline_new: store NULL: nothing is remembered, every check is UNAVAILABLE. */
Offline *offline_new(GMainContext *context, Store *store, GError **error);
void offline_free(Offline *offline); /* whoever waits is told UNAVAILABLE */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Offline, offline_free)
/* offline_remember: after a login by password online; a later one of the same subject wins. A
 * password that libcrypt cannot take (empty, too long, with a NUL) is forgotten instead. */
void offline_remember(Offline *offline, const char *subject, Span password, int64_t now_sec);
/* offline_check: not older than max_age_sec. done once, never before it returned. */
void offline_check(Offline *offline, const char *subject, Span password, int64_t max_age_sec,
                   int64_t now_sec, OfflineDone done, void *userdata);
/* offline_forget: also what is being made or checked of it: such a check is NONE. */
void offline_forget(Offline *offline, const char *subject);
/* offline_tidy: forgets all that are older than the longest that any service allows; 0: all. */
void offline_tidy(Offline *offline, int64_t max_age_sec, int64_t now_sec);
size_t offline_n_waiting(const Offline *offline);

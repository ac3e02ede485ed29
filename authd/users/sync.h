/* sync: keeps the directory what the realm says, by the Admin API, ahead of any login.
 *
 * A sweep looks at everybody: groups, users page by page, members of the groups that the rules
 * take, roles that they name. Between sweeps, where the realm keeps admin events, only what they
 * name is looked at; where it keeps none, each look is a sweep. A sweep that fails midway changes
 * nothing. Failures back off with jitter. It has no clock of its own: its owner calls sync_tick.
 * Main thread. Logs. */
#pragma once

#include "base/metric.h"
#include "issuer/admin.h"
#include "users/directory.h"

#define SYNC_RETRY_MIN_USEC (2 * G_USEC_PER_SEC)
#define SYNC_RETRY_MAX_USEC (300 * G_USEC_PER_SEC)
#define SYNC_CHANGES_MAX    200 /* more that events name: a sweep is cheaper */
/* Events are asked for from so long before a sweep: the provider's clock may be behind. */
#define SYNC_CLOCK_SKEW_MSEC (5 * 60 * INT64_C(1000))
#define SYNC_WAITING_MAX     64 /* callers of sync_now */

typedef struct Sync Sync;

typedef struct SyncHooks {
        void (*changed)(void *userdata); /* the directory may have changed */
        void *userdata;
        MetricFamily *looks; /* label result: look_result_text; NULL: not counted */
} SyncHooks;

/* SyncDone: trouble NULL: it went well. */
typedef void (*SyncDone)(const char *trouble, void *userdata);

Sync *sync_new(Admin *admin, Directory *directory, const SyncHooks *hooks);
/* sync_configure: settings are copied, naming is borrowed until the next. The Admin is configured
 * by the owner. What is under way begins anew if something has changed. */
void sync_configure(Sync *sync, const UsersSettings *settings, const Naming *naming);
/* sync_tick: begins what is due, by the monotonic clock; about once a second. */
void sync_tick(Sync *sync);
/* sync_ready: the provider has just become known, or its client has changed: what failed is tried
 * at the next tick. */
void sync_ready(Sync *sync);
/* sync_now: a sweep at once, or joins the one under way; done once, at once or later. force: even
 * if most people are gone. */
void sync_now(Sync *sync, bool force, SyncDone done, void *userdata);
/* sync_status: {"state":"idle|sweeping|changes|failing|off|not_permitted","last_sweep_at",
 * "last_look_at","last_error","people","groups","pages","seconds","next_at","by_events":bool}. */
json_t *sync_status(const Sync *sync);
double sync_seconds(const Sync *sync); /* that the last sweep took; 0: there was none */
void sync_free(Sync *sync);            /* who still waits is told so */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sync, sync_free)

/* sync: keeps the directory what the realm says, by the Admin API, ahead of any login.
 *
 * A sweep looks at everybody: groups, users page by page, members of the groups that the rules
 * take, roles that they name. Between sweeps, where the realm keeps admin events, only what they
 * name is looked at; where it keeps none, each look is a sweep. A sweep that fails midway changes
 * nothing. Failures back off with jitter. Main thread. Logs. */
#pragma once

#include "base/metric.h"
#include "issuer/admin.h"
#include "users/directory.h"

#define SYNC_RETRY_MIN_USEC (2 * G_USEC_PER_SEC)
#define SYNC_RETRY_MAX_USEC (300 * G_USEC_PER_SEC)
#define SYNC_CHANGES_MAX    200 /* more that events name: a sweep is cheaper */

typedef struct Sync Sync;

typedef struct SyncHooks {
        void (*changed)(void *userdata); /* the directory has changed */
        void *userdata;
} SyncHooks;

/* SyncDone: trouble NULL: it went well. */
typedef void (*SyncDone)(const char *trouble, void *userdata);

Sync *sync_new(GMainContext *context, Admin *admin, Directory *directory, const SyncHooks *hooks);
/* sync_configure: settings are copied. The Admin is configured by the owner. */
void sync_configure(Sync *sync, const UsersSettings *settings, const Naming *naming);
/* sync_now: a sweep at once, or joins the one under way; done once. */
void sync_now(Sync *sync, SyncDone done, void *userdata);
/* sync_status: {"state":"idle|sweeping|changes|failing|off|not_permitted","last_sweep_at",
 * "last_look_at","last_error","people","groups","pages","seconds","next_at","by_events":bool}. */
json_t *sync_status(const Sync *sync);
void sync_free(Sync *sync);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sync, sync_free)

/* store: the state database: what must outlive the daemon.
 *
 * One SQLite file in WAL mode, for one process at a time. It knows no tables: each layer brings its
 * own up to date by a list of migrations under its own name, and a database that a newer authd
 * wrote is left alone. A database that is damaged is moved aside under a name that says so and a
 * new one begun, loudly. One that cannot be written (disk full, read-only folder) is read as it
 * is; a change then fails with its errno, is tried again by whoever made it, and nothing that was
 * kept is lost. Main thread only; calls block for as long as the disk does. Logs. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <stdint.h>

#define STORE_FILE          "state.db"
#define STORE_BUSY_MSEC     2000 /* how long the process before us may still hold it */
#define STORE_SIZE_MAX      (64 * 1024 * 1024) /* a change beyond it is -ENOSPC */
#define STORE_MODE_REFUSED  0022               /* of the folder and the file: others could write */
#define STORE_SET_ASIDE_MAX 4                  /* damaged databases kept; the oldest go */
#define STORE_REOPEN_USEC   (5 * INT64_C(1000000)) /* between tries to get back to writing */

typedef enum StoreType { STORE_NULL, STORE_INTEGER, STORE_TEXT, STORE_BLOB } StoreType;

typedef struct StoreValue {
        StoreType type;
        int64_t integer;
        Span bytes; /* TEXT, BLOB: borrowed for the call */
} StoreValue;

typedef struct Store Store;

/* StoreRow: one row of an answer; values are borrowed for the call, and the store is not to be
 * called in it. */
typedef void (*StoreRow)(const StoreValue *values, size_t n_values, void *userdata);

/* store_open: folder/state.db, the folder made (0700) when its parent is there. NULL and a sentence
 * that says what to do: held by another process, folder or file writable by others or not ours,
 * nowhere to put it. */
Store *store_open(const char *folder, GError **error);
void store_close(Store *store); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

/* store_migrate: runs those of part's migrations that this file has not seen, each in a transaction
 * with its number. They are copied, to be run again on a database begun afresh. False: the file is
 * of a newer authd, or cannot be written and lacks the tables. */
bool store_migrate(Store *store, const char *part, const char *const *migrations,
                   size_t n_migrations, GError **error);

/* store_change: one statement that returns no rows, ? for each value. 0; -ENOSPC, -EROFS, -EBUSY,
 * -EIO: nothing was changed; -EUCLEAN: the database was damaged and has been begun afresh without
 * this change. The caller may try again in each case. */
int store_change(Store *store, const char *sql, const StoreValue *values, size_t n_values);
/* store_read: calls row for each row of the answer. Errors as above. */
int store_read(Store *store, const char *sql, const StoreValue *values, size_t n_values,
               StoreRow row, void *userdata);
/* store_begin … store_commit: changes between them happen together or not at all. */
int store_begin(Store *store);
int store_commit(Store *store);
void store_rollback(Store *store);
/* store_sync: what was changed is on the disk, in the database file itself, when it returns 0. For
 * what turns a yes into a no; key snapshots do without. */
int store_sync(Store *store);

/* store_on_afresh: again is called when the database had to be begun afresh and has its tables
 * again, so that who still knows what is lost there can write it anew; store_change in it works.
 * Until store_off_afresh with the same userdata. */
void store_on_afresh(Store *store, void (*again)(void *userdata), void *userdata);
void store_off_afresh(Store *store, const void *userdata);

const char *store_path(const Store *store);
/* store_trouble: why the last change failed, as a sentence; NULL: it did not. */
const char *store_trouble(const Store *store);

static inline StoreValue store_integer(int64_t integer)
{
        return (StoreValue){ .type = STORE_INTEGER, .integer = integer };
}

static inline StoreValue store_text(Span text)
{
        return (StoreValue){ .type = STORE_TEXT, .bytes = text };
}

static inline StoreValue store_blob(Span bytes)
{
        return (StoreValue){ .type = STORE_BLOB, .bytes = bytes };
}

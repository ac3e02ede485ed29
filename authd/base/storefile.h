/* storefile: the files of the state database, as files: before SQLite opens them and apart from it.
 *
 * Refuses a folder or file that somebody else could write, and whatever is not a plain file under
 * its own name. Says whether a database is there and ours without changing a byte of it, puts a new
 * one in place at once or not at all, and moves a damaged one aside. Never called while SQLite has
 * the file open in this process: closing any descriptor of a file ends the process's locks on it.
 * Main thread. */
#pragma once

#include "base/span.h"

#include <glib.h>

#define STOREFILE_APPLICATION_ID 0x61757468 /* "auth": in SQLite's header, see file(1) */

typedef enum StorefileAnswer {
        STOREFILE_E_ABSENT = 1,
        STOREFILE_E_DAMAGED, /* no database, or a log without one */
        STOREFILE_E_FOREIGN, /* a database, but another program's */
} StorefileAnswer;

/* storefile_folder: makes it (0700) when its parent is there, and follows links to it. The caller
 * frees; NULL and a sentence. */
char *storefile_folder(const char *folder, GError **error);
/* storefile_permitted: path, and what SQLite keeps beside it, are plain files of ours or root's
 * that nobody else could write, or not there. */
bool storefile_permitted(const char *path, GError **error);
/* storefile_look: 0: a database of ours, as far as its first bytes say; STOREFILE_E_*; -errno. */
int storefile_look(const char *path);
/* storefile_log_size: of the write-ahead log; 0 if there is none. */
size_t storefile_log_size(const char *path);
/* storefile_log_is_garbage: it has bytes, but no header that SQLite could have written. */
bool storefile_log_is_garbage(const char *path);

/* storefile_put: image becomes the file at path, if there is none yet. 0, -EEXIST, -errno. */
int storefile_put(const char *path, Span image);
/* storefile_set_aside: renames the database and what lies beside it to
 * path.damaged-YYYYMMDDTHHMMSSZ; of more than kept_max such sets the oldest go. *ret_kept_as is the
 * new name, the caller frees. 0, -errno. */
int storefile_set_aside(const char *path, size_t kept_max, char **ret_kept_as);
/* storefile_rescue_log: copies the log under such a name and empties it. Only for who holds the
 * lock: SQLite may have the log open. */
int storefile_rescue_log(const char *path, size_t kept_max, char **ret_kept_as);

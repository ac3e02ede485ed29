/* table: writes the file that libnss_authd maps, from the directory. See tableform.h.
 *
 * Owned by people, main thread. Logs nothing. */
#pragma once

#include "users/directory.h"

#define TABLE_SHARE         10 /* of the main thread's time, one part goes into tables at most */
#define TABLE_REST_MAX_USEC (5 * G_USEC_PER_SEC)

typedef struct Table Table;

/* table_new: folder is where the socket is. A table that an earlier daemon left stays in use until
 * the first table_publish, which marks it as replaced; its heart does not beat till then. */
Table *table_new(const char *folder);
/* table_publish: a new file from the directory, renamed into place, then the old one marked.
 * complete: a miss is "not found" (the directory has been filled once). Groups of /etc/group are
 * left out (they are served from there), but not their gids in a person's list. 0 or a negative
 * errno: the old one stands for what it has, and its heart does not beat until the next one: what
 * it has not may be there. */
int table_publish(Table *table, const Directory *directory, bool enumerates, bool complete);
/* table_rest_usec: how long none should be published from now on, by what the last one took. */
int64_t table_rest_usec(const Table *table);
void table_beat(Table *table, uint64_t boot_usec); /* the heartbeat */
/* table_free: the last heartbeat is taken back to 0: from now on a miss asks the socket. */
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* roster: the bytes of a table (users/tableform.h), read with suspicion.
 *
 * Pure but for the two words of the head that change: no system call, no memory of its own, any
 * thread. Borrows the bytes, which must be aligned as a struct is. Every offset is checked where
 * it is followed, every search is bounded; what leads out of bounds is odd, never followed. */
#pragma once

#include "users/tableform.h"

#include <stdbool.h>
#include <stddef.h>

struct wanted;
struct person;
struct group_entry;

struct roster {
        const unsigned char *bytes;
        struct table_head head; /* as it was when it was judged */
};

/* ROSTER_E_ODD: the table is broken here: who asks must ask elsewhere. */
enum roster_answer { ROSTER_FOUND = 0, ROSTER_E_MISS, ROSTER_E_ODD };

/* roster_init: false: no table, or of another version. */
bool roster_init(struct roster *roster, const void *bytes, size_t size);
bool roster_is_replaced(const struct roster *roster);
/* roster_knows_all: a miss is "not found": the daemon lives and has put everybody in. */
bool roster_knows_all(const struct roster *roster, uint64_t boot_usec);

enum roster_answer roster_person(const struct roster *roster, const struct wanted *wanted,
                                 struct person *ret);
enum roster_answer roster_group(const struct roster *roster, const struct wanted *wanted,
                                struct group_entry *ret);
enum roster_answer roster_gids(const struct roster *roster, const struct wanted *wanted,
                               const uint32_t **ret, uint32_t *ret_n);
const char *roster_member(const struct roster *roster, uint32_t index); /* NULL: odd */

/* Enumeration, by a number from 0: who was seen here, and the groups that they are in.
 * ROSTER_E_MISS: after the last, and when the table does not say who was seen; ROSTER_E_ODD: there
 * is nothing under this number, go on to the next. */
enum roster_answer roster_seen_person(const struct roster *roster, uint32_t number,
                                      struct person *ret);
enum roster_answer roster_seen_group(const struct roster *roster, uint32_t number,
                                     struct group_entry *ret);

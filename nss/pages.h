/* pages: the bytes of a table (users/tableform.h), read with suspicion.
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

struct pages {
        const unsigned char *bytes;
        struct table_head head; /* as it was when it was judged */
};

/* PAGES_E_ODD: the table is broken here: who asks must ask elsewhere. */
enum pages_answer { PAGES_FOUND = 0, PAGES_E_MISS, PAGES_E_ODD };

/* pages_init: false: no table, or of another version. */
bool pages_init(struct pages *pages, const void *bytes, size_t size);
bool pages_is_replaced(const struct pages *pages);
/* pages_knows_all: a miss is "not found": the daemon lives and has put everybody in. */
bool pages_knows_all(const struct pages *pages, uint64_t boot_usec);

enum pages_answer pages_person(const struct pages *pages, const struct wanted *wanted,
                               struct person *ret);
enum pages_answer pages_group(const struct pages *pages, const struct wanted *wanted,
                              struct group_entry *ret);
enum pages_answer pages_gids(const struct pages *pages, const struct wanted *wanted,
                             const uint32_t **ret, uint32_t *ret_n);
const char *pages_member(const struct pages *pages, uint32_t index); /* NULL: odd */

/* Enumeration, by a number from 0: who was seen here, and the groups that they are in.
 * PAGES_E_MISS: after the last, and when the table does not say who was seen; PAGES_E_ODD: there
 * is nothing under this number, go on to the next. */
enum pages_answer pages_seen_person(const struct pages *pages, uint32_t number, struct person *ret);
enum pages_answer pages_seen_group(const struct pages *pages, uint32_t number,
                                   struct group_entry *ret);

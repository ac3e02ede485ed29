/* numbers: lists of 32-bit numbers, each once, the least first: gids of a person, groups of a
 * person. Pure. Private to users/. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

GArray *numbers_new(void); /* uint32_t */
/* numbers_sort: in order, each once; gives the list back. */
GArray *numbers_sort(GArray *numbers);
/* numbers_find: in a sorted list; ret_at may be NULL. */
bool numbers_find(const GArray *numbers, uint32_t number, guint *ret_at);
/* numbers_keep: *at, of n, becomes a copy of numbers; false: it was the same already. */
bool numbers_keep(uint32_t **at, size_t n, const GArray *numbers);

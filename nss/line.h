/* line: the daemon's answers, in the words of passwd(5) and group(5): lines, each ended by a
 * newline.
 *
 * Pure. A line is cut in place, and what is found borrows it. A field too many or too few, a number
 * that is not written as a decimal number is, a line without its end: refused, nothing is guessed.
 */
#pragma once

#include "account.h"

#define LINE_NUMBER_DIGITS_MAX 10

/* line_next: the line at *at, cut off at its newline; *at goes behind it. NULL: there is none, or
 * it has no end (*at stays). */
char *line_next(char **at);
bool line_person(char *line, struct person *ret);
bool line_group(char *line, struct group_entry *ret);
bool line_number(const char *text, uint32_t *ret);
/* line_all_gids: each line is a number that a person's supplementary group may have. Cuts nothing:
 * all of it is judged before any of it goes out. */
bool line_all_gids(const char *body);

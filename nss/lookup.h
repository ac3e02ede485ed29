/* lookup: an account from where it is found: the mapped table, then the daemon.
 *
 * What the table has is answered from it, whoever lives: ids never move. What it has not is "not
 * found" while the daemon's heart beats, else it is asked. What cannot be an account's name or
 * number is not found at once. Any thread, after fork, setuid and chroot. Nothing is remembered of
 * an answer, so nothing has to expire.
 *
 * 0; ACCOUNT_E_NOT_FOUND; ACCOUNT_E_TINY_BUFFER; a negative errno (never -ERANGE): could not ask.
 */
#pragma once

#include "account.h"
#include "gids.h"

#include <grp.h>
#include <pwd.h>
#include <stddef.h>

int lookup_person(const struct wanted *wanted, struct passwd *entry, char *buffer, size_t size);
int lookup_group(const struct wanted *wanted, struct group *entry, char *buffer, size_t size);
int lookup_gids(const char *name, struct gids *gids);

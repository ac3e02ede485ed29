/* pack: an account into the structure and the buffer of whoever called getpwnam_r(3) and the like.
 *
 * 0; ACCOUNT_E_TINY_BUFFER: it does not fit, a bigger one will; -EBADMSG: a member that is no name.
 * Nothing but the caller's memory is written to. */
#pragma once

#include "account.h"

#include <grp.h>
#include <pwd.h>

int pack_person(const struct person *person, struct passwd *entry, char *buffer, size_t size);
int pack_group(const struct group_entry *group, struct group *entry, char *buffer, size_t size);

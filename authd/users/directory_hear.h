/* directory_hear: what the directory hears of people, and from whom: sweeps, single changes,
 * logins.
 *
 * Its functions are those of directory.h; these are for its life and settings. Private to the units
 * of the directory; main thread. Logs. */
#pragma once

#include "users/directory_keep.h"

void directory_set_present(PersonEntry *entry, bool present);
bool directory_is_within(const Directory *directory, const PersonEntry *entry);
void directory_clear_stranger(Directory *directory); /* whom the last login was refused */

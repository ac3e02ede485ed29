/* account: the record of a person or group as NSS sees it, made from what it won.
 *
 * Called for who may have changed, once the contest is settled and what was given is kept. Says
 * whether NSS would see a difference. Private to users/; main thread. */
#pragma once

#include "users/contest.h"

#define ACCOUNT_NOLOGIN   "/usr/sbin/nologin" /* of who is disabled or gone */
#define GROUP_DEPTH_MAX   32       /* groups above one; a chain that is longer ends there */
#define ACCOUNT_LOCAL_KEY "local:" /* and the name: key of a group of /etc/group */

PersonState account_state(const PersonEntry *entry);
/* account_give_home: for a person who becomes an account: a home that nobody else has or had. */
void account_give_home(const Contest *contest, PersonEntry *entry);
bool account_make_group(const Contest *contest, GroupEntry *entry);
/* account_make_grants: what members of each group get; after all groups are made. True: it has
 * changed, and everybody's groups with it. */
bool account_make_grants(const Contest *contest);
bool account_make_person(const Contest *contest, PersonEntry *entry);
/* account_parent: the group above; NULL: none. */
GroupEntry *account_parent(const Roster *roster, const GroupEntry *entry);

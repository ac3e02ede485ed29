/* fake_realm: in place of issuer/admin: a realm out of JSON, asked as the Admin API is, a page a
 * callback, when the test says so. */
#pragma once

#include "issuer/admin.h"

#define FAKE_REALM_PAGE 2 /* so that few people make several pages */

/* fake_realm_open: realm is an object, taken:
 *   users: [user…], groups: [group…] (parents first), members: {group id: [user id…]},
 *   role_members: {"realm:R": [user id…]}, role_groups: {"realm:R": [group id…]},
 *   kept: bool, events: [event…] newest first */
void fake_realm_open(const char *realm);
void fake_realm_close(void);
Admin *fake_realm_admin(void);
json_t *fake_realm_user(const char *id); /* to be changed; NULL: not there */
json_t *fake_realm_group(const char *id);
json_t *fake_realm_part(const char *name); /* "users", "members"… */
/* fake_realm_event: one more, at the front. */
void fake_realm_event(int64_t msec, const char *path);

/* fake_realm_run: answers until nobody asks any more. fake_realm_step: one callback; false: nobody
 * asks. */
void fake_realm_run(void);
bool fake_realm_step(void);
/* fake_realm_fail: the next calls whose word begins with it are answered so; NULL: none. The words:
 * users, groups, members, role_groups, role_members, events, kept, user, user_groups, user_roles,
 * set. */
void fake_realm_fail(const char *word, AdminResult result);
/* fake_realm_asked: the words of the calls since the last time, with a space behind each; "". The
 * caller frees. */
char *fake_realm_asked(void);

/* admin: Keycloak's Admin REST API, as far as accounts need it, by our client's service account.
 *
 * One token by client credentials, kept until a little before its end, asked for anew after a 401.
 * Calls go out one after another, no faster than the rate that was set (a token bucket); 429 and
 * 503 with Retry-After are obeyed. Lists are paged, a page a callback, so that no realm is held
 * in memory as JSON. Answers are the provider's and yet hostile: what is no UUID, no string, too
 * long, is UNAVAILABLE with a sentence, never half taken. 403 is NOT_PERMITTED, and the sentence
 * names the role of realm-management that is lacking. Calls take turns, a request each. In each
 * callback the caller may do what it likes, even admin_free. Main thread. Returns, does not log. */
#pragma once

#include "issuer/grant.h"

#include <jansson.h>

#define ADMIN_CALL_USEC       (10 * G_USEC_PER_SEC)
#define ADMIN_SIZE_MAX        (8 * 1024 * 1024) /* one page */
#define ADMIN_PAGE            500               /* users, members, groups a page */
#define ADMIN_PAGES_MAX       4096              /* of one list */
#define ADMIN_RATE_DEFAULT    20                /* requests a second */
#define ADMIN_WAITING_MAX     1024              /* calls not yet sent; more are UNAVAILABLE */
#define ADMIN_ID_SIZE_MAX     255               /* OpenID Connect Core 1.0 §2, of sub */
#define ADMIN_NAME_SIZE_MAX   1024              /* of users, groups, roles and clients */
#define ADMIN_GROUP_DEPTH_MAX 16
#define ADMIN_GROUPS_MAX      50000
#define ADMIN_TRIES_MAX       3   /* of one request that the provider puts off by Retry-After */
#define ADMIN_PATIENCE_SEC    30  /* put off for longer, nobody waits: all are UNAVAILABLE */
#define ADMIN_HOLD_SEC_MAX    300 /* and no Retry-After counts for more */
#define ADMIN_TOKEN_LIFE_SEC  60  /* of a token that does not say */
#define ADMIN_TOKEN_EARLY_SEC                                                                      \
        10 /* it is not used for the last of these, or of a fifth of its life */

typedef enum AdminResult {
        ADMIN_UNAVAILABLE, /* zero */
        ADMIN_OK,
        ADMIN_NOT_FOUND,     /* 404 of one user, group or role */
        ADMIN_NOT_PERMITTED, /* 403, the client has no service account, or the realm keeps no such
                              * attributes */
        ADMIN_REFUSED,       /* this change of this thing: it has another value by now, or a
                              * validator of the realm says no */
} AdminResult;

/* AdminAnswer: borrowed for the callback. */
typedef struct AdminAnswer {
        AdminResult result;
        const json_t
            *items; /* OK: an array (lists), an object (one thing); NULL: nothing to tell */
        bool more;  /* of a list: another callback follows */
        const char *trouble; /* not OK: one sentence */
} AdminAnswer;

/* AdminDone: for lists once a page, the last with more == false (and maybe empty); an error is
 * always the last. Never called before the function returned, nor after admin_cancel. In the last
 * one the AdminCall is gone. */
typedef void (*AdminDone)(const AdminAnswer *answer, void *userdata);

typedef struct Admin Admin;
typedef struct AdminCall AdminCall;

/* AdminTarget: borrowed for admin_configure. */
typedef struct AdminTarget {
        GrantTarget grant;
        const char *admin_url; /* ".../admin/realms/NAME" */
        unsigned rate;         /* requests a second; 0: ADMIN_RATE_DEFAULT */
} AdminTarget;

/* admin_url_of: ".../realms/NAME" → ".../admin/realms/NAME"; NULL: not Keycloak's form. */
char *admin_url_of(const char *issuer_url);

Admin *admin_new(GMainContext *context, Fetcher *fetcher);
/* admin_configure: once before the first call, then whenever something changes; another provider or
 * client forgets the token. */
void admin_configure(Admin *admin, const AdminTarget *target);
/* admin_free: whoever waits is told UNAVAILABLE, and asks no more from there. */
void admin_free(Admin *admin);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Admin, admin_free)

/* Lists; each item as Keycloak's representation, with attributes but in lists of members. What
 * is sure of a user: id and username are strings, the id fit for a URL; enabled, if there, is a
 * boolean; other names are strings, attributes arrays of strings. */
AdminCall *admin_users(Admin *admin, AdminDone done, void *userdata);
/* admin_groups: the top ones and, page by page, all below them, each as {"id","name","path"?,
 * "attributes"?, "parentId"?}; parents before children, none twice. Keycloak does not escape a "/"
 * in a name: the top group "eng/platform" has the path of platform in eng. So a group with such a
 * name has no path here, and none below it has. */
AdminCall *admin_groups(Admin *admin, AdminDone done, void *userdata);
/* admin_group_users: a group's members as admin_users tells them. */
AdminCall *admin_group_users(Admin *admin, const char *group_id, AdminDone done, void *userdata);
/* admin_group_members: in brief, without attributes; of a large realm in less than half the time.
 */
AdminCall *admin_group_members(Admin *admin, const char *group_id, AdminDone done, void *userdata);
/* admin_role_members: in brief, users who have the role themselves (not by a group). client NULL: a
 * realm role. Then admin_role_groups: the groups that have it. */
AdminCall *admin_role_members(Admin *admin, const char *client, const char *role, AdminDone done,
                              void *userdata);
AdminCall *admin_role_groups(Admin *admin, const char *client, const char *role, AdminDone done,
                             void *userdata);
/* admin_events: admin events since then (milliseconds), newest first: {"time","operationType",
 * "resourceType","resourcePath"}. NOT_PERMITTED, or an empty list where the realm keeps none. */
AdminCall *admin_events(Admin *admin, int64_t since_msec, AdminDone done, void *userdata);
AdminCall *admin_events_kept(Admin *admin, AdminDone done,
                             void *userdata); /* items: {"kept":bool} */

/* One thing. */
AdminCall *admin_user(Admin *admin, const char *user_id, AdminDone done, void *userdata);
AdminCall *admin_user_by_name(Admin *admin, const char *username, AdminDone done, void *userdata);
/* admin_user_groups: a list of the groups that the person is in directly, as above; whether one is
 * below a name with "/" cannot be told from here: take the path that admin_groups gave its id. */
AdminCall *admin_user_groups(Admin *admin, const char *user_id, AdminDone done, void *userdata);
/* admin_user_roles: items: {"realm":[names],"clients":{client:[names]}}, effective ones: by groups
 * and composites too. A provider without Keycloak's ways to ask for those gives the person's own.
 */
AdminCall *admin_user_roles(Admin *admin, const char *user_id, AdminDone done, void *userdata);
/* admin_user_set_attributes, admin_group_…: reads the thing, sets these (an object of strings),
 * writes it, reads it again: OK (items: the thing as read last) only when they are there then.
 * REFUSED when one of them has a value already that is another: it stays, for another host may just
 * have written it.
 * NOT_PERMITTED also when the realm drops attributes that its user profile does not declare; the
 * sentence says so. */
AdminCall *admin_user_set_attributes(Admin *admin, const char *user_id, const json_t *attributes,
                                     AdminDone done, void *userdata);
AdminCall *admin_group_set_attributes(Admin *admin, const char *group_id, const json_t *attributes,
                                      AdminDone done, void *userdata);
void admin_cancel(AdminCall *call); /* takes NULL */

/* adminwalk: a question to the Admin API as a walk of requests, without sending any.
 *
 * A walk knows what is to be requested next; what was answered is taken, and leads to an end, to
 * something to be told, or to another request. Pure; one owner; main thread. */
#pragma once

#include "issuer/admin.h"
#include "issuer/adminreply.h"

typedef enum AdminWalkKind {
        ADMIN_WALK_USERS,
        ADMIN_WALK_GROUPS,
        ADMIN_WALK_MEMBERS,     /* id; in brief, as ROLE_USERS */
        ADMIN_WALK_ROLE_USERS,  /* name, and client unless it is a realm role */
        ADMIN_WALK_ROLE_GROUPS, /* likewise */
        ADMIN_WALK_EVENTS,      /* since_msec */
        ADMIN_WALK_EVENTS_KEPT,
        ADMIN_WALK_USER,         /* id */
        ADMIN_WALK_USER_BY_NAME, /* name */
        ADMIN_WALK_USER_GROUPS,  /* id */
        ADMIN_WALK_USER_ROLES,   /* id */
        ADMIN_WALK_SET_USER,     /* id, wanted */
        ADMIN_WALK_SET_GROUP,    /* id, wanted */
        ADMIN_WALK_GROUP_USERS,  /* id */
        _ADMIN_WALK_MAX,
} AdminWalkKind;

/* AdminWalkAsked: what the kind needs; copied. */
typedef struct AdminWalkAsked {
        const char *id, *name, *client;
        int64_t since_msec;
        const json_t *wanted; /* attributes: an object of strings */
} AdminWalkAsked;

/* AdminOutcome: of a step. Unless it goes on, this is the end, which is always told. */
typedef struct AdminOutcome {
        AdminResult result;
        json_t *items;
        char *trouble;
        bool goes_on;   /* to another request */
        bool is_silent; /* and there is nothing to tell before */
} AdminOutcome;

typedef struct AdminWalk AdminWalk;

/* admin_walk_new: NULL: an id or a name that must not go into a URL; *ret_trouble is a sentence. */
AdminWalk *admin_walk_new(AdminWalkKind kind, const AdminWalkAsked *asked,
                          const char **ret_trouble);
void admin_walk_free(AdminWalk *walk); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AdminWalk, admin_walk_free)

/* The next request. admin_walk_body: JSON to be put, for free(); NULL: it is a GET. */
char *admin_walk_url(const AdminWalk *walk, const char *admin_url);
char *admin_walk_body(const AdminWalk *walk);
/* admin_walk_take: its answer; client_id is for sentences. */
void admin_walk_take(AdminWalk *walk, const char *client_id, unsigned status, Span body,
                     AdminOutcome *ret);
void admin_outcome_clear(AdminOutcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AdminOutcome, admin_outcome_clear)

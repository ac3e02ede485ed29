/* admin: Keycloak's Admin REST API below /admin/realms/NAME, as far as accounts need it.
 *
 * Who asks shows an access token of this provider; what they may is what roles of realm-management
 * they have now, by themselves or by a group, in Keycloak's rules and words (26.7). Reading is
 * users, groups, roles, clients, admin events and the realm; writing is what a user or a group is.
 * The server's thread. */
#pragma once

#include "idp.h"

/* Permit: roles of realm-management, as bits. */
typedef enum Permit {
        PERMIT_QUERY_USERS = 1 << 0,
        PERMIT_VIEW_USERS = 1 << 1,
        PERMIT_MANAGE_USERS = 1 << 2,
        PERMIT_QUERY_GROUPS = 1 << 3,
        PERMIT_VIEW_REALM = 1 << 4,
        PERMIT_MANAGE_REALM = 1 << 5,
        PERMIT_QUERY_CLIENTS = 1 << 6,
        PERMIT_VIEW_CLIENTS = 1 << 7,
        PERMIT_MANAGE_CLIENTS = 1 << 8,
        PERMIT_VIEW_EVENTS = 1 << 9,
        PERMIT_MANAGE_EVENTS = 1 << 10,
        _PERMIT_ALL = (1 << 11) - 1,
} Permit;

#define PERMITS_VIEW_USERS  (PERMIT_VIEW_USERS | PERMIT_MANAGE_USERS)
#define PERMITS_QUERY_USERS (PERMITS_VIEW_USERS | PERMIT_QUERY_USERS)

#define ADMIN_PARTS_MAX     8
#define ADMIN_PAGE_DEFAULT  100
#define ADMIN_PAGE_ALL      (~0u) /* of a negative "max" */

/* AdminCall: one request that was let in. */
typedef struct AdminCall {
        Idp *idp;
        const Question *question;
        char *const *parts; /* of the path below the realm */
        unsigned permits;   /* what the asker has */
        Actor actor;
        Answer *answer;
} AdminCall;

typedef void (*AdminAnswer)(AdminCall *call);

void admin_answer(Idp *idp, const Question *question, Answer *answer);

/* What the answering files share. */
void admin_json(AdminCall *call, json_t *json); /* takes json */
void admin_no_content(AdminCall *call);
void admin_error(AdminCall *call, unsigned status, const char *error); /* {"error":…} */
/* admin_refuse: {"errorMessage":…}: what a write gets that is understood and not done. */
void admin_refuse(AdminCall *call, unsigned status, const char *message);
const char *admin_query(const AdminCall *call, const char *name); /* NULL: absent or empty */
bool admin_flag(const AdminCall *call, const char *name, bool otherwise);
unsigned admin_first(const AdminCall *call);
unsigned admin_max(const AdminCall *call, unsigned otherwise);
bool admin_may(const AdminCall *call, unsigned any_of);

/* adminpeople.c */
void admin_users(AdminCall *call);
void admin_users_count(AdminCall *call);
void admin_user(AdminCall *call);
void admin_user_put(AdminCall *call);
void admin_user_groups(AdminCall *call);
void admin_user_roles(AdminCall *call);
void admin_user_realm_roles(AdminCall *call);
void admin_user_client_roles(AdminCall *call);
void admin_group_members(AdminCall *call);
void admin_role_users(AdminCall *call);

/* admingroups.c */
void admin_groups(AdminCall *call);
void admin_groups_count(AdminCall *call);
void admin_group(AdminCall *call);
void admin_group_put(AdminCall *call);
void admin_group_children(AdminCall *call);
void admin_role_groups(AdminCall *call);

/* adminrealm.c */
void admin_realm(AdminCall *call);
void admin_events(AdminCall *call);
void admin_events_config(AdminCall *call);
void admin_clients(AdminCall *call);
void admin_role(AdminCall *call);
/* admin_role_asked: of roles/NAME… or clients/UUID/roles/NAME…; false: it was answered with 404. */
bool admin_role_asked(AdminCall *call, const char **ret_client, const char **ret_role);
const char *admin_client_of(const AdminCall *call, const char *id); /* NULL: no such client */

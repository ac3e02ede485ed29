/* represent: people, groups, roles and events as Keycloak's Admin API shows them (26.7: names,
 * order and what a brief form leaves out). New references. Pure. */
#pragma once

#include "realm.h"

/* GroupShape: which members of a group are told; no two places agree on them. */
typedef enum GroupShape {
        GROUP_BRIEF,           /* of the list */
        GROUP_FULL,            /* of one group, of the list and of children on demand */
        GROUP_MEMBERSHIP,      /* of a user's groups */
        GROUP_MEMBERSHIP_FULL, /* the same on demand */
} GroupShape;

json_t *represent_person(const Person *person, bool brief);
json_t *represent_group(const Group *group, GroupShape shape, bool may_manage);
/* client NULL: a role of the realm. */
json_t *represent_role(const Realm *realm, const char *client, const char *role);
json_t *represent_event(const Realm *realm, const Event *event);
char *represent_client_id(const Realm *realm, const char *client); /* its UUID; to free */

/* register: changes to people and groups while the provider runs, by order or by the Admin API.
 *
 * Each change leaves the admin event that Keycloak would write for it, if events are kept. A change
 * that is refused changes nothing. The server's thread. */
#pragma once

#include "idp.h"

/* register_person: makes a person by the members of a realm file's user, or changes those members
 * (null takes one away; "attributes" one by one). The id of who is changed stays; groups must be
 * there. rename: the name from now on, or NULL. */
bool register_person(Idp *idp, const Actor *actor, const json_t *wanted, const char *rename,
                     GError **error);
bool register_delete(Idp *idp, const Actor *actor, const char *username, GError **error);
/* register_recreate: as a realm does that deletes a user and makes one of that name: all is as it
 * was but the id. */
bool register_recreate(Idp *idp, const Actor *actor, const char *username, GError **error);
/* register_join: into these groups, register_leave: out of them; paths is a list. */
bool register_join(Idp *idp, const Actor *actor, const char *username, const json_t *paths,
                   GError **error);
bool register_leave(Idp *idp, const Actor *actor, const char *username, const json_t *paths,
                    GError **error);

/* register_group: makes a group by the members of a realm file's group, or changes those. */
bool register_group(Idp *idp, const Actor *actor, const json_t *wanted, GError **error);
/* register_group_rename: name is the last part of its path from now on. */
bool register_group_rename(Idp *idp, const Actor *actor, const char *path, const char *name,
                           GError **error);
bool register_group_delete(Idp *idp, const Actor *actor, const char *path, GError **error);

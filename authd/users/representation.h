/* representation: Keycloak's words for a user and a group, read for the directory.
 *
 * Pure. What issuer/admin lets through is an object with an id; every other member may be absent or
 * of another type, and counts as absent then. */
#pragma once

#include "users/directory.h"

#include <jansson.h>

/* ReadPerson: person borrows from user and full_name. */
typedef struct ReadPerson {
        RealmPerson person;
        char *full_name;
} ReadPerson;

/* representation_person: false: it has no id or no username. groups stays NULL. */
bool representation_person(const json_t *user, ReadPerson *ret);
void read_person_clear(ReadPerson *read);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ReadPerson, read_person_clear)

/* representation_text: borrows; NULL: it is not there, or is no string. */
const char *representation_text(const json_t *object, const char *member);
#define REPRESENTATION_GROUP_PREFIX "group:"
/* representation_group_key: "group:ID"; the caller frees. */
char *representation_group_key(const char *id);
/* representation_role: "realm:ROLE" or "CLIENT:ROLE" in its parts: *ret_client NULL: of the realm.
 * The caller frees both. */
void representation_role(const char *key, char **ret_client, char **ret_role);

/* changes: single people of the realm looked at again, because events named them.
 *
 * Each is read with their groups and, where rules name roles, their roles, one after the other,
 * into the directory at once: one that fails ends it, and what came before stays. Not for people
 * who are narrowed by groups: who is within is seen by a sweep alone. Owned by sync. Main thread.
 * Returns, does not log. */
#pragma once

#include "users/survey.h"

typedef struct Changes Changes;

/* changes_start: takes subjects (array of texts, with its free function, not empty). done is called
 * once; in it the owner may free the changes. */
Changes *changes_start(Admin *admin, Directory *directory, const Naming *naming,
                       GPtrArray *subjects, LookDone done, void *userdata);
void changes_free(Changes *changes); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Changes, changes_free)

/* change_of_event: what one admin event says has changed. */
typedef enum ChangeKind {
        CHANGE_NOTHING, /* of ours */
        CHANGE_PERSON,
        CHANGE_MANY, /* groups, roles: everybody is looked at again */
} ChangeKind;

/* change_of_path: of an event's resourcePath; *ret_subject (owned) with CHANGE_PERSON. */
ChangeKind change_of_path(const char *path, char **ret_subject);

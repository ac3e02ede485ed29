/* sweep: what a look at everybody has found so far, beside the roster, which does not know of it.
 *
 * Owned by the directory for as long as the sweep lasts. Private to users/; main thread. */
#pragma once

#include "users/roster.h"

#define SWEEP_MEMBERSHIPS_MAX (32 * 1024 * 1024)

typedef struct SweptGroup {
        char *key, *source, *parent_key, *attributes;
        uint32_t number; /* set when it is taken over */
} SweptGroup;

typedef struct SweptPerson {
        char *subject;
        Facts *facts; /* NULL: not put, the same as the roster's, or taken over */
        bool put;
        bool within;  /* the settings narrow to it; the owner says so */
        size_t first; /* of its memberships, once they are sorted */
        size_t n_groups;
} SweptPerson;

typedef struct Sweep Sweep;

Sweep *sweep_new(void);
void sweep_free(Sweep *sweep);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sweep, sweep_free)
/* sweep_put_group: takes group's strings. */
void sweep_put_group(Sweep *sweep, const SweptGroup *group);
/* sweep_put_person: takes facts. same: the roster has the same; they are not kept. */
void sweep_put_person(Sweep *sweep, Facts *facts, bool same);
/* sweep_add: a group that was not put is passed over; a person may be put later. */
void sweep_add(Sweep *sweep, const char *subject, const char *group_key);
bool sweep_is_too_large(const Sweep *sweep); /* something was passed over for that */
/* sweep_sort: before what follows; anew when something came after it. */
void sweep_sort(Sweep *sweep);

size_t sweep_n_groups(const Sweep *sweep);
SweptGroup *sweep_group(const Sweep *sweep, size_t index);
SweptGroup *sweep_find_group(const Sweep *sweep, const char *key);
size_t sweep_n_people(const Sweep *sweep);
SweptPerson *sweep_person(const Sweep *sweep, size_t index);
SweptPerson *sweep_find_person(const Sweep *sweep, const char *subject); /* put; NULL: none */
/* sweep_membership: the i-th group that a person is in itself, of n_groups, each once. */
SweptGroup *sweep_membership(const Sweep *sweep, const SweptPerson *person, size_t i);

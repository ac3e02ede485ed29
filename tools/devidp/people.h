/* people: everybody in the realm but service accounts, in the order of their names.
 *
 * Those of the realm file and all who were changed are known: they are held as read. The rule of
 * the realm file makes many more, p000001 to p100000, who are computed when somebody looks: of each
 * there is only a bit (known or gone) and twelve bytes of index by id. A generated person is in
 * groups_each groups, every GROUP_STEP-th of the generated ones; these hang in families of a
 * department, its teams and their crews (/dept0001/team2/crew3). Ids come from realm and name, so
 * each start has the same. One thread. */
#pragma once

#include "groups.h"
#include "person.h"

#define PEOPLE_GENERATED_MAX 999999 /* six digits */
#define PEOPLE_EACH_MAX      1000   /* groups of one generated person */

typedef struct PeopleRule {
        unsigned n_people;
        unsigned n_groups;
        unsigned groups_each;
        const char *prefix;   /* of names; "p" */
        const char *password; /* one for all; NULL: none can log in */
        unsigned uid_first;   /* attribute uidNumber: this and up; 0: none */
} PeopleRule;

/* PeopleFilter: NULL or false: no matter. */
typedef struct PeopleFilter {
        const Group *group;
        const char *client, *role; /* of that client, or client NULL: of the realm; theirs alone */
        const char *username;      /* a part of it, or exactly it; in lower case */
        bool exact;
} PeopleFilter;

typedef struct People People;
typedef void (*PeopleVisit)(const Person *person, void *userdata);

/* people_new: realm, rule's strings and groups are borrowed; makes the generated groups. */
People *people_new(const char *realm, const PeopleRule *rule, Groups *groups);
void people_free(People *people);

/* Borrowed until that person is changed. NULL: nobody. */
const Person *people_by_name(People *people, const char *username);
const Person *people_by_id(People *people, const char *id);
bool people_was_deleted(const People *people, const char *id);
/* people_find_by_id: a reference; who was computed is computed for the caller and not held. */
Person *people_find_by_id(const People *people, const char *id);

/* people_put: takes a reference to person, in place of who has the same id. */
void people_put(People *people, Person *person);
void people_delete(People *people, const char *id);
/* people_regroup: paths that began with the former one; now NULL: the group is gone. Called before
 * the groups are changed. */
void people_regroup(People *people, const char *former, const char *now);
void people_forget_group(People *people, const Group *group); /* one that is about to be deleted */

unsigned people_count(const People *people, const PeopleFilter *filter);
/* people_page: max of those who match, after the first ones. */
void people_page(const People *people, const PeopleFilter *filter, unsigned first, unsigned max,
                 PeopleVisit visit, void *userdata);

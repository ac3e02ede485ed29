/* census: everybody in the realm but service accounts, in the order of their names.
 *
 * Those of the realm file and all who were changed are known: they are held as read. The rule of
 * the realm file makes many more, p000001 to p100000, who are computed when somebody looks: of each
 * there is only a bit (known or gone) and an entry of the index by id. A generated person is in
 * groups_each groups, every GROUP_STEP-th of the generated ones; these hang in families of a
 * department, its teams and their crews (/dept0001/team2/crew3). Ids come from realm and name, so
 * each start has the same. One thread. */
#pragma once

#include "groups.h"
#include "person.h"

#define CENSUS_GENERATED_MAX 999999 /* six digits */
#define CENSUS_EACH_MAX      1000   /* groups of one generated person */

typedef struct CensusRule {
        unsigned n_people;
        unsigned n_groups;
        unsigned groups_each;
        const char *prefix;   /* of names; "p" */
        const char *password; /* one for all; NULL: none can log in */
        unsigned uid_first;   /* attribute uidNumber: this and up; 0: none */
} CensusRule;

/* CensusFilter: NULL or false: no matter. */
typedef struct CensusFilter {
        const Group *group;
        const char *client, *role; /* of that client, or client NULL: of the realm; theirs alone */
        const char *username;      /* a part of it, or exactly it; in lower case */
        bool exact;
} CensusFilter;

typedef struct Census Census;
typedef void (*CensusVisit)(const Person *person, void *userdata);

/* census_new: realm, rule's strings and groups are borrowed; makes the generated groups. */
Census *census_new(const char *realm, const CensusRule *rule, Groups *groups);
void census_free(Census *people);

/* Borrowed until that person is changed. NULL: nobody. */
const Person *census_by_name(Census *people, const char *username);
const Person *census_by_id(Census *people, const char *id);
bool census_was_deleted(const Census *people, const char *id);
/* census_find_by_id: a reference; who was computed is computed for the caller and not held. */
Person *census_find_by_id(const Census *people, const char *id);

/* census_put: takes a reference to person, in place of who has the same id. */
void census_put(Census *people, Person *person);
void census_delete(Census *people, const char *id);
/* census_regroup: paths that began with the former one; now NULL: the group is gone. Called before
 * the groups are changed. */
void census_regroup(Census *people, const char *former, const char *now);
void census_forget_group(Census *people, const Group *group); /* one that is about to be deleted */

unsigned census_count(const Census *people, const CensusFilter *filter);
/* census_page: max of those who match, after the first ones; of who is computed all but groups. */
void census_page(const Census *people, const CensusFilter *filter, unsigned first, unsigned max,
                 CensusVisit visit, void *userdata);

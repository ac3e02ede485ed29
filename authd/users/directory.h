/* directory: everybody who is an account here, in memory and in the state database.
 *
 * What is known of a person comes from the realm by a look at everybody (a sweep), by a change that
 * an event told of, or by verified claims at login; all go through the same rules: name, number,
 * groups. A number once given stays given: to that subject, in the database, for ever, also when it
 * is gone; one that cannot be written is not given. Names are one space for people and groups, and
 * so are numbers: nobody wins by coming first, who has one keeps it, and a local account wins over
 * ours (see contest.h). Main thread; owned by people. Logs what is refused (a collision, a local
 * account in the way), once a change. */
#pragma once

#include "base/store.h"
#include "token/claims.h"
#include "users/ids.h"
#include "users/local.h"
#include "users/naming.h"

typedef struct Directory Directory;

/* RealmPerson: one user of the realm, as read; borrowed for the call. */
typedef struct RealmPerson {
        const char *subject;
        const char *username;
        const char *email;   /* "" */
        bool email_verified; /* else {email} names nobody: who may change it would choose a name */
        const char *full_name; /* "" */
        bool enabled;
        const json_t *attributes; /* Keycloak's object of arrays of strings; NULL: none */
        /* Keys, NULL-terminated. NULL: not told: as they were, or, in a sweep, those of
         * directory_sweep_add. */
        const char *const *groups;
} RealmPerson;

/* RealmGroup: key "group:UUID" with a path, or a role ("realm:dba", "CLIENT:ROLE"). */
typedef struct RealmGroup {
        const char *key;
        const char *source;
        const char
            *parent_key; /* NULL: at the top. Members of a child are members of its parents. */
        const json_t *attributes;
} RealmGroup;

/* directory_new: makes the database's tables; people are read when an issuer is configured. store
 * NULL: nothing outlives the process, and no number is given but by the realm's attributes or the
 * settings' lines. */
Directory *directory_new(Store *store, Local *local, GError **error);
void directory_free(Directory *directory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Directory, directory_free)
/* directory_configure: settings are copied; who has an account is judged anew. */
bool directory_configure(Directory *directory, const UsersSettings *settings,
                         const char *issuer_url, GError **error);

typedef enum DirectoryAnswer {
        DIRECTORY_E_NO_ACCOUNT = 1,
        DIRECTORY_E_TOO_MANY_GONE,
} DirectoryAnswer;

#define DIRECTORY_SWEEP_MIN 10 /* people; of more, half may be gone at once, and no more */

/* A sweep: everything that the realm has, between begin and end; who was not put is gone at
 * directory_sweep_end, which is not called for a sweep that failed (directory_sweep_drop). Nothing
 * changes before the end. A realm that shows less than it has (a service account that lost a role
 * gets an empty list, not an error) must not lock everybody out: a sweep that would make more than
 * half of more than DIRECTORY_SWEEP_MIN people gone changes nothing, is logged as people_refused
 * and answered with DIRECTORY_E_TOO_MANY_GONE, however often it is repeated, until somebody who
 * knows has it forced (directory_sweep_force, between begin and end). A login asks the provider, so
 * who is deleted there does not get in meanwhile. */
void directory_sweep_begin(Directory *directory);
void directory_put_group(Directory *directory, const RealmGroup *group);
void directory_put_person(Directory *directory, const RealmPerson *person);
/* directory_sweep_add: membership found by walking a group; within a sweep. */
void directory_sweep_add(Directory *directory, const char *subject, const char *group_key);
/* directory_sweep_missing: subjects, n_max at most, who are there and would be gone by this sweep.
 * The caller unrefs. */
GPtrArray *directory_sweep_missing(Directory *directory, size_t n_max);
void directory_sweep_force(Directory *directory);
/* directory_sweep_end: 0; DIRECTORY_E_TOO_MANY_GONE; -E2BIG: more than PEOPLE_MAX or GROUPS_MAX,
 * nothing changed; the store's negative errno: what the realm said counts, but no id was given that
 * could not be kept: sweep again. */
int directory_sweep_end(Directory *directory);
void directory_sweep_drop(Directory *directory);

/* Single changes, outside of a sweep. */
int directory_change_person(Directory *directory, const RealmPerson *person);
int directory_person_gone(Directory *directory, const char *subject);
/* directory_learn: from claims whose signature and policy held, at login: the person is made or
 * brought up to date (see learn.h), and marked as seen here. 0; DIRECTORY_E_NO_ACCOUNT:
 * *ret_person, which may be NULL, has the trouble, or is gone; negative errno: its number could not
 * be kept. Who is disabled is an account: its state says so. With a sync, a person of whom claims
 * alone have told gets no number until directory_change_person or a sweep brings its attributes:
 * one of them may be its number. */
int directory_learn(Directory *directory, const Claims *claims, const Person **ret_person);
int directory_seen(Directory *directory, const char *subject, int64_t now_sec);

/* directory_tidy: removes who has been gone for gone_keep; keeps their numbers. Judges anew when
 * local has changed; tries again what could not be written. True: NSS would see a change. */
bool directory_tidy(Directory *directory, int64_t now_sec);

/* Lookups: by name, uid and gid accounts only, and no groups of /etc/group, which are not ours to
 * answer; NULL: none. Borrowed until the next change. */
const Person *directory_person_by_name(const Directory *directory, Span name);
const Person *directory_person_by_uid(const Directory *directory, uint32_t uid);
const Person *directory_person_by_subject(const Directory *directory, const char *subject);
const Group *directory_group_by_name(const Directory *directory, Span name);
const Group *directory_group_by_gid(const Directory *directory, uint32_t gid);
/* directory_group_by_key: an account or not; NULL: none. */
const Group *directory_group_by_key(const Directory *directory, const char *key);
/* All, accounts or not, in the order of their subjects and keys. */
size_t directory_n_people(const Directory *directory);
const Person *directory_person(const Directory *directory, size_t index);
size_t directory_n_groups(const Directory *directory);
const Group *directory_group(const Directory *directory, size_t index);
/* directory_person_sources: paths and roles of the realm that the person is in, with the groups
 * above, as text: for policies at the account phase. NULL-terminated, until the next call or
 * change. */
const char *const *directory_person_sources(Directory *directory, const Person *person);

/* directory_filled: a sweep of this issuer has ended well, now or in an earlier life of the state
 * database: who is not here is not there. */
bool directory_filled(const Directory *directory);
/* directory_looked: at now, everything that the realm has changed is known here: a look at what
 * events name has ended well. A sweep that ended well is one by itself. */
void directory_looked(Directory *directory, int64_t now_sec);
int64_t directory_looked_sec(const Directory *directory); /* the last time; 0: never */
/* directory_generation: grows by each change that NSS would see. */
uint64_t directory_generation(const Directory *directory);
/* directory_id_holder: to whom a number was given once, be they still there or not; NULL: nobody.
 */
const char *directory_id_holder(const Directory *directory, uint32_t id);
/* directory_given_id: the number that was given to a person or group of the roster, also when it is
 * no account by it now; UID_NONE: none. */
uint32_t directory_given_id(const Directory *directory, const char *key, bool is_group);
/* directory_each_collision: numbers that more than one want, or that somebody wants who may not,
 * in their order, and who; of a holder who was removed the name is "". */
typedef void (*DirectoryCollision)(uint32_t id, const char *key, const char *name, bool has_it,
                                   void *userdata);
void directory_each_collision(const Directory *directory, DirectoryCollision each, void *userdata);

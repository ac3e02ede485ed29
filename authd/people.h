/* people: people as accounts, for the daemon: the directory, its sync, its table, its answers.
 *
 * The daemon's, on the main thread. It answers NSS (lines of passwd(5) and group(5)) and
 * administrators, publishes the table when the directory has changed (PEOPLE_PUBLISH_USEC later,
 * or when the table has rested from the one before), beats its heart, and hands login/ what it
 * needs. It never asks NSS. Logs.
 */
#pragma once

#include "api/api.h"
#include "issuer/admin.h"
#include "issuer/issuer.h"
#include "users/directory.h"

#define PEOPLE_PUBLISH_USEC (200 * INT64_C(1000))
#define PEOPLE_LOGIN_RATE   200 /* requests a second that logins cause, beside sync_rate */
#define PEOPLE_TIDY_SEC     60  /* between two looks at the local files and at who is gone */
#define PEOPLE_SYNCS_MAX    64  /* administrators that wait for one sync */

typedef struct People People;
typedef void (*PeopleDone)(MainAnswer *answer, void *userdata); /* owns answer->body */

/* PeopleCounts: for metrics. */
typedef struct PeopleCounts {
        size_t by_state[PERSON_GONE + 1]; /* accounts */
        size_t n_refused;                 /* people who are no accounts */
        size_t n_accounts, n_groups;      /* groups of this host that the realm makes */
        size_t n_refused_groups;          /* taken by a rule, and yet none */
} PeopleCounts;

/* people_new: folder: of the socket, where the table goes; store may be NULL; looks: a counter with
 * the label result, may be NULL. */
People *people_new(GMainContext *context, Fetcher *fetcher, Issuers *issuers, Store *store,
                   const char *folder, MetricFamily *looks);
/* people_configure: settings->issuer NULL: no people; then the table is empty and not complete. */
bool people_configure(People *people, const UsersSettings *settings, GError **error);
/* people_publish: the table now, for a start, when the socket is there. */
void people_publish(People *people);
/* people_answer: MAIN_PASSWD, MAIN_GROUP, MAIN_USERS, MAIN_GROUPS, MAIN_ID, MAIN_USERS_SYNC,
 * MAIN_IDS, MAIN_IDS_ASSIGN; argument: the query as JSON object of strings, or the body. done once,
 * at once or later. */
void people_answer(People *people, MainQuestion question, const char *argument, PeopleDone done,
                   void *userdata);
/* people_issuers_changed: an issuer's discovery is there. */
void people_issuers_changed(People *people);
Directory *people_directory(People *people); /* for login; NULL: no [users] */
Admin *people_admin(People *people);         /* for logins, beside the sync's own; the same */
/* people_touch: login changed the directory: publish soon. */
void people_touch(People *people);
json_t *people_status(const People *people); /* for /v1/status: null without [users] */
/* people_counts: false: there is no [users]. */
bool people_counts(const People *people, PeopleCounts *ret);
double people_sync_seconds(const People *people); /* of the last sweep; 0: none yet */
void people_free(People *people);                 /* takes NULL; who still waits is told so */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(People, people_free)

/* accounts: what the directory says, in the words of whoever asks: lines of passwd(5) and group(5)
 * for NSS, JSON for administrators.
 *
 * "Not found" is 404; 503 is said only where nobody can know yet. Reads, and changes nothing; main
 * thread. */
#pragma once

#include "api/api.h"
#include "users/directory.h"

#define ACCOUNTS_LIMIT_DEFAULT  1000 /* people, groups, ids a page */
#define ACCOUNTS_COLLISIONS_MAX 1000 /* shown */

typedef struct Accounts {
        const Directory *directory; /* NULL: there is no [users] */
        const UsersSettings *settings;
        const char *issuer_url;
        bool filled; /* whoever is not there does not exist; false: nobody has looked yet */
} Accounts;

/* accounts_answer: MAIN_PASSWD, MAIN_GROUP, MAIN_USERS, MAIN_GROUPS, MAIN_ID, MAIN_IDS; query: the
 * parameters as an object of strings. The caller owns ret->body. */
void accounts_answer(const Accounts *accounts, MainQuestion question, const json_t *query,
                     MainAnswer *ret);
/* accounts_looks_at_all: of what anybody may ask, what takes longer the more people there are: a
 * group with its members, and lists. */
bool accounts_looks_at_all(MainQuestion question, const json_t *query);
/* accounts_problem: {"error":word,"detail":detail}. */
void accounts_problem(unsigned status, const char *word, const char *detail, MainAnswer *ret);
/* accounts_json: takes value. */
void accounts_json(json_t *value, MainAnswer *ret);

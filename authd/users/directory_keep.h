/* directory_keep: how every change of the directory ends: settled, kept, shown, told.
 *
 * What the realm says counts at once, even if it cannot be written; a number counts once it is.
 * Private to the units of the directory; main thread. Logs. */
#pragma once

#include "users/account.h"
#include "users/contest.h"
#include "users/directory.h"
#include "users/register.h"
#include "users/roster.h"
#include "users/sweep.h"

struct Directory {
        Store *store; /* borrowed; NULL: none */
        Local *local; /* borrowed */
        Register *reg;
        Roster *roster;
        Naming *naming; /* NULL: there is no [users] */
        UsersSettings *settings;
        char *issuer_url;
        char **attributes; /* names of those that are read; sorted */
        Contest contest;
        Sweep *sweep; /* NULL: none is under way */
        bool forced;
        bool changed; /* NSS would see it; not yet in generation */
        uint64_t generation;
        int64_t looked_sec;     /* beside the last sweep's; 0: never */
        bool writing, rewrite;  /* rewrite: the database was begun afresh */
        bool unwritten;         /* something dirty is left of a write that failed */
        GPtrArray *deleted;     /* subjects whose rows go */
        GArray *deleted_groups; /* numbers */
        Person stranger;        /* who was learned and is nobody here */
        GPtrArray *sources;     /* the last answer of directory_person_sources */
};

/* directory_everybody: groups, then people; Claimant. */
GPtrArray *directory_everybody(const Directory *directory);
/* directory_finish: after every change: what was won is kept, then shown. 0 or the store's errno.
 */
int directory_finish(Directory *directory);
/* directory_judge_all: the same, after everybody has joined the contest anew. */
int directory_judge_all(Directory *directory);
void directory_forget_touched(Directory *directory);
/* directory_drop_people: those for whom is_over says so; true: there were some. */
typedef bool (*DirectoryIsOver)(const PersonEntry *entry, int64_t now_sec);
bool directory_drop_people(Directory *directory, DirectoryIsOver is_over, int64_t now_sec);
/* directory_is_nobody: not in the realm, and never had anything here. */
bool directory_is_nobody(const PersonEntry *entry, int64_t now_sec);
void directory_drop_group(Directory *directory, GroupEntry *entry);

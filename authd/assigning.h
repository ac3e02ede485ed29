/* assigning: gives ids to people and groups of the realm, in the realm: `authctl ids assign`.
 *
 * The realm becomes the register, so that no host computes what another may compute otherwise. All
 * of the realm is read first, for an id that anybody there has, whoever it is, is not given again;
 * nor one that this host has given (also to who is long gone), or that its files have. Who has an
 * id on this host gets that one, and nobody another one because theirs is refused here; two who
 * collide get the next ones, and neither the one that both would have computed. Each is written,
 * and read again, before the next; what was written when it stops stays. What another host has
 * written meanwhile stays, too, and is told. Owned by people, main thread. Logs. */
#pragma once

#include "api/api.h"
#include "issuer/admin.h"
#include "users/directory.h"

#define ASSIGNING_TRIES_MAX    256 /* numbers that are tried for one */
#define ASSIGNING_FAILURES_MAX 3   /* in a row that were not answered; then it stops */
/* A little before whoever asked is told that nobody answered. */
#define ASSIGNING_USEC (API_PEOPLE_USEC - 10 * G_USEC_PER_SEC)

typedef struct AssigningFor {
        Admin *admin;
        const Directory *directory;
        Local *local;
        const UsersSettings *settings; /* all borrowed until the end */
        const char *issuer_url;
        bool dry_run;
} AssigningFor;

typedef struct Assigning Assigning;
/* AssigningDone: owns answer->body. */
typedef void (*AssigningDone)(MainAnswer *answer, void *userdata);

/* assigning_start: done is called once, never before this returned; in it the owner may free the
 * assigning. */
Assigning *assigning_start(const AssigningFor *what, AssigningDone done, void *userdata);
/* assigning_progress: {"dry_run","done","total"}. */
json_t *assigning_progress(const Assigning *assigning);
size_t assigning_n_assigned(const Assigning *assigning);
void assigning_free(Assigning *assigning); /* takes NULL; done is not called any more */

/* fence: may this account log in to this service now? Asked at each account phase, whatever proved
 * who it is: so a disabled account is out, also by SSH key.
 *
 * Asks the realm (user by subject: enabled; its groups and effective roles, if the policy demands
 * any) with a deadline, equal questions once. While the realm cannot be asked, or may not be, it
 * lives on what it was told itself or a login proved, else on what the directory knows, no longer
 * than fence_stale of the service; that somebody is disabled or gone counts however old. Then the
 * policy's demands for groups and roles are judged on what was found, by the same code as for
 * tokens. Local accounts are NOT_OURS; root and uids below 1000 always. Main thread. Returns, does
 * not log. */
#pragma once

#include "issuer/admin.h"
#include "login/service.h"
#include "users/directory.h"

#define FENCE_ASK_USEC       (3 * G_USEC_PER_SEC)
#define FENCE_FRESH_SEC      5     /* what was asked so short ago is not asked again */
#define FENCE_KNOWN_MAX      10000 /* accounts of which an answer is remembered; the oldest go */
#define FENCE_WAITING_MAX    1024  /* questions under way; more are UNAVAILABLE */
#define FENCE_CLOCK_BACK_SEC 60    /* a look so far ahead of the clock is none: it was set back */
#define FENCE_UID_FIRST      1000  /* what is below is the system's */

typedef enum FenceResult {
        FENCE_UNAVAILABLE, /* zero */
        FENCE_ALLOWED,
        FENCE_DENIED,
        FENCE_NOT_OURS,
} FenceResult;

typedef struct FenceAnswer {
        FenceResult result;
        Reason reason;      /* DENIED, UNAVAILABLE: the word for the audit record */
        const char *text;   /* for the person; "" when nothing is to be told */
        const char *detail; /* for the audit record; "" */
        bool stale;         /* not by what the realm says now */
} FenceAnswer;

/* FenceDone: exactly once, never before fence_ask returned; borrowed for the call, which must not
 * free the fence. */
typedef void (*FenceDone)(const FenceAnswer *answer, void *userdata);
typedef struct Fence Fence;

/* fence_new: directory NULL: there is no [users], and a login name is the realm's username. admin
 * NULL: the realm is never asked. Both borrowed. */
Fence *fence_new(GMainContext *context, Directory *directory, Admin *admin);
/* fence_set_local: another than that of /etc; borrowed. */
void fence_set_local(Fence *fence, Local *local);
/* fence_learn: a login as user was allowed just now by these claims, whose signature and policy
 * held. It is never taken for an answer of the realm, only lived on while there is none: on a host
 * without a service account it is all there is. */
void fence_learn(Fence *fence, const char *user, Claims *claims);
void fence_ask(Fence *fence, const Service *service, const char *user, FenceDone done,
               void *userdata);
void fence_free(Fence *fence); /* whoever waits is told UNAVAILABLE */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fence, fence_free)

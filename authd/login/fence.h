/* fence: may this account log in to this service now? Asked at each account phase, whatever proved
 * who it is: so a disabled account is out, also by SSH key.
 *
 * Asks the realm (user by subject: enabled; its groups and effective roles) with a deadline, and
 * lives on the directory while the realm cannot be asked, no longer than fence_stale of the
 * service. Then the policy's demands for groups and roles are judged on what was found, by the same
 * code as for tokens. Local accounts are NOT_OURS; root and uids below 1000 always. Main thread.
 * Logs. */
#pragma once

#include "issuer/admin.h"
#include "login/service.h"
#include "users/directory.h"

#define FENCE_ASK_USEC  (3 * G_USEC_PER_SEC)
#define FENCE_FRESH_SEC 5 /* what was asked so short ago is not asked again */

typedef enum FenceResult {
        FENCE_UNAVAILABLE, /* zero */
        FENCE_ALLOWED,
        FENCE_DENIED,
        FENCE_NOT_OURS,
} FenceResult;

typedef struct FenceAnswer {
        FenceResult result;
        Reason reason;    /* DENIED, UNAVAILABLE: the word for the audit record */
        const char *text; /* for the person; "" when nothing is to be told */
        bool stale;       /* by what the directory knew */
} FenceAnswer;

typedef void (*FenceDone)(const FenceAnswer *answer, void *userdata);
typedef struct Fence Fence;

/* fence_new: admin NULL: the realm is never asked. Both borrowed. */
Fence *fence_new(GMainContext *context, Directory *directory, Admin *admin);
void fence_ask(Fence *fence, const Service *service, const char *user, FenceDone done,
               void *userdata);
void fence_free(Fence *fence); /* whoever waits is told UNAVAILABLE */

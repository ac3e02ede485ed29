/* pending: questions that wait for an answer from the main thread, grouped so that equal ones share
 * one letter.
 *
 * One table a worker, on its thread, and no clock of its own. A waiter is called exactly once:
 * resolved with the answer, or expired with ASKED_IN_VAIN past its deadline, or by pending_free. */
#pragma once

#include "verdict/check.h"

#define PENDING_WAITERS_MAX 4096 /* a worker; more are answered unavailable at once */

/* trouble: why it was in vain or not permitted, a sentence, borrowed; NULL: none. */
typedef void (*PendingDone)(Asked asked, const char *trouble, void *userdata);
typedef struct Pending Pending;

Pending *pending_new(void);
void pending_free(Pending *pending);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pending, pending_free)
/* pending_add: 1 for the first of its kind (post the letter), 0 when a letter is under way,
 * -ENOBUFS. */
int pending_add(Pending *pending, const CheckNeeds *needs, int64_t deadline_usec, PendingDone done,
                void *userdata);
void pending_resolve(Pending *pending, const CheckNeeds *needs, Asked asked, const char *trouble);
/* pending_expire: calls those whose deadline is at or before now; returns the next deadline, or -1.
 */
int64_t pending_expire(Pending *pending, int64_t now_usec);
size_t pending_size(const Pending *pending);

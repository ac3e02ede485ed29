/* limit: the rates that a policy sets ("limits = sub 100/s burst 200; address 1000/m"), compiled.
 *
 * By sub, client (azp), address (of the client, told by a trusted proxy), or claim:PATH. Limits
 * with the same text in the same policy keep their buckets over a reload. All of a policy's limits
 * must give; the one that is nearest to its end is told in RateLimit headers
 * (draft-ietf-httpapi-ratelimit-headers-07: RateLimit-Limit, -Remaining, -Reset) and Retry-After.
 * Any thread. */
#pragma once

#include "base/bucket.h"
#include "token/claims.h"

#define LIMITS_MAX 8 /* a policy */

typedef struct Limits Limits;

/* limits_new: NULL lines: no limits. before (may be NULL): whose buckets are kept for equal texts.
 */
Limits *limits_new(char *const *lines, const Limits *before, size_t n_slots, GError **error);
Limits *limits_ref(Limits *limits);
void limits_unref(Limits *limits);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Limits, limits_unref)

typedef struct LimitAnswer {
        bool limited; /* there was a limit to speak of */
        bool taken;   /* all gave */
        int64_t limit, remaining, reset_sec, retry_after_sec;
        char name[64]; /* of the limit that counts: "sub 100/s" */
} LimitAnswer;

/* limits_take: claims NULL: only address limits. A key that is absent in the claims falls under one
 * shared bucket of its limit: nobody is unlimited for lack of a claim. */
void limits_take(Limits *limits, const Claims *claims, Span address, int64_t now_usec,
                 LimitAnswer *ret);

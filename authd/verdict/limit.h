/* limit: the rates that a policy or a route sets ("limits = sub 100/s burst 200; address 1000/m"),
 * compiled.
 *
 * By sub, client (azp, or client_id), address (of who asked, as a trusted proxy told it) or
 * claim:PATH (a string, or an array's first). A token that lacks the claim shares one bucket with
 * all that lack it: nobody is unlimited for want of a claim. Each limit has its own buckets, of a
 * fixed size; one with the same text keeps them over a reload. Any thread. */
#pragma once

#include "base/bucket.h"
#include "token/claims.h"

#define LIMITS_MAX          8 /* a policy or a route */
#define LIMIT_TEXT_SIZE_MAX 64

typedef struct Limits Limits;

/* limits_new: lines as written, NULL: none, and the answer to each question is "not limited".
 * before (may be NULL): whose buckets are kept where the text is the same. */
Limits *limits_new(char *const *lines, Limits *before, size_t n_slots, GError **error);
void limits_unref(Limits *limits);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Limits, limits_unref)

/* LimitAnswer: what draft-ietf-httpapi-ratelimit-headers says of the limit that counts: the one
 * that refused, or the one that is nearest to it. */
typedef struct LimitAnswer {
        const char *text; /* of that limit, borrowed from Limits; NULL: there is none */
        bool taken;
        int64_t limit; /* its burst: what a full bucket holds */
        int64_t remaining;
        int64_t reset_sec;       /* until it is full again, rounded up */
        int64_t retry_after_sec; /* not taken: until one is there, at least 1; else 0 */
        size_t set;              /* which of the sets that were asked it belongs to */
} LimitAnswer;

/* limits_take: one of each limit, or of none: what a refused question took is given by nobody
 * twice. claims NULL: no token was looked at, and limits by claim do not count. address empty: not
 * told; limits by address then share one bucket. */
void limits_take(Limits *limits, const Claims *claims, Span address, int64_t now_usec,
                 LimitAnswer *ret);
/* limits_take_all: the same of several sets, as if they were one. NULLs among them are skipped. */
void limits_take_all(Limits *const *sets, size_t n_sets, const Claims *claims, Span address,
                     int64_t now_usec, LimitAnswer *ret);
/* limits_look: what limits_take would say, without taking. */
void limits_look(const Limits *limits, const Claims *claims, Span address, int64_t now_usec,
                 LimitAnswer *ret);
size_t limits_size(const Limits *limits);

/* LimitUsage: of one limit's buckets. */
typedef struct LimitUsage {
        const char *text; /* borrowed from Limits */
        size_t n_used;    /* keys that are remembered: their buckets are not full again */
        size_t n_slots;
} LimitUsage;

/* limits_usage: looks at every slot, so not for each request. */
void limits_usage(const Limits *limits, size_t index, int64_t now_usec, LimitUsage *ret);

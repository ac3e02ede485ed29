/* bucket: token buckets by the million in memory that does not grow.
 *
 * A Buckets is one limit (amount in a period, and a burst) for as many keys as come. A key is
 * hashed by SHA-256 under a salt of the process, so nobody can choose two that meet. The
 * table has a fixed size, in sets of a few slots; a new key in a full set takes the slot of the
 * bucket that is nearest to full, which is one that nobody has used much: a flood of new keys wears
 * out its own kind and not the buckets of those that are held to the limit. A bucket is one time
 * (GCRA: when it will be full again), so taking one costs a lock, a hash and a compare, and
 * allocates nothing. Sharded, a lock a shard. Any thread; time is passed in. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <stdint.h>

#define BUCKET_SLOTS_DEFAULT  65536 /* 16 bytes each */
#define BUCKET_SLOTS_MAX      (2 * 1024 * 1024)
#define BUCKET_BURST_MAX      INT64_C(1000000)
#define BUCKET_PERIOD_MAX_SEC (INT64_C(24) * 3600)

typedef struct BucketRate {
        int64_t amount;     /* in each period; at least 1 */
        int64_t period_sec; /* 1 to BUCKET_PERIOD_MAX_SEC */
        int64_t burst;      /* at once; 0: amount */
} BucketRate;

typedef struct BucketAnswer {
        bool taken;
        int64_t remaining;        /* how many could be taken now */
        int64_t retry_after_usec; /* not taken: until one can be; else 0 */
        int64_t full_after_usec;  /* until the whole burst is there again */
} BucketAnswer;

typedef struct Buckets Buckets;

/* buckets_new: n_slots is rounded up to a power of two. NULL: a rate out of bounds. */
Buckets *buckets_new(const BucketRate *rate, size_t n_slots);
void buckets_free(Buckets *buckets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Buckets, buckets_free)
/* buckets_take: one of key's. now_usec: monotonic. */
void buckets_take(Buckets *buckets, Span key, int64_t now_usec, BucketAnswer *ret);
/* buckets_look: the same without taking. */
void buckets_look(Buckets *buckets, Span key, int64_t now_usec, BucketAnswer *ret);
size_t buckets_size_bytes(const Buckets *buckets);
size_t buckets_n_slots(const Buckets *buckets);
size_t buckets_n_used(Buckets *buckets, int64_t now_usec); /* slots not full again; for metrics */
const BucketRate *buckets_rate(const Buckets *buckets);

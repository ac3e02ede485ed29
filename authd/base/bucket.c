/* bucket: see bucket.h. A slot is a hash and the time at which its bucket will be full again; one
 * that is full by now is as good as none. */
#include "base/bucket.h"

#include "base/clock.h"
#include "base/secret.h"

#include <openssl/rand.h>

#define SET_SLOTS     8 /* where a key may stand: two cache lines */
#define SHARDS        64
#define NSEC_PER_SEC  INT64_C(1000000000)
#define NSEC_PER_USEC INT64_C(1000)
#define SALT_SIZE     16

typedef struct Slot {
        uint64_t tag;
        int64_t full_nsec; /* when its bucket is full again; 0: never taken from */
} Slot;

struct Buckets {
        BucketRate rate;
        int64_t interval_nsec; /* one comes back in this */
        int64_t burst_nsec;    /* all of them in this */
        uint8_t salt[SALT_SIZE];
        size_t n_sets;
        Slot *slots;
        GMutex locks[SHARDS];
};

static bool rate_is_sound(const BucketRate *rate)
{
        return rate->amount >= 1 && rate->amount <= BUCKET_BURST_MAX && rate->period_sec >= 1 &&
               rate->period_sec <= BUCKET_PERIOD_MAX_SEC && rate->burst >= 0 &&
               rate->burst <= BUCKET_BURST_MAX;
}

static size_t round_up(size_t n_slots)
{
        size_t rounded = SET_SLOTS * SHARDS;

        while (rounded < n_slots && rounded < BUCKET_SLOTS_MAX)
                rounded *= 2;
        return rounded;
}

Buckets *buckets_new(const BucketRate *rate, size_t n_slots)
{
        Buckets *buckets;
        size_t n = round_up(n_slots);

        if (!rate_is_sound(rate))
                return NULL;
        buckets = g_new0(Buckets, 1);
        buckets->rate = *rate;
        if (rate->burst == 0)
                buckets->rate.burst = rate->amount;
        buckets->interval_nsec = MAX(rate->period_sec * NSEC_PER_SEC / rate->amount, 1);
        buckets->burst_nsec = buckets->interval_nsec * buckets->rate.burst;
        buckets->n_sets = n / SET_SLOTS;
        buckets->slots = g_new0(Slot, n);
        for (size_t i = 0; i < SHARDS; i++)
                g_mutex_init(&buckets->locks[i]);
        if (RAND_bytes(buckets->salt, sizeof(buckets->salt)) != 1) {
                buckets_free(buckets);
                return NULL;
        }
        return buckets;
}

void buckets_free(Buckets *buckets)
{
        if (!buckets)
                return;
        for (size_t i = 0; i < SHARDS; i++)
                g_mutex_clear(&buckets->locks[i]);
        g_free(buckets->slots);
        g_free(buckets);
}

typedef struct Hash {
        uint64_t set;
        uint64_t tag;
} Hash;

/* The key's own hash first, so that one of any length needs no memory; then the salt, so that
 * nobody can look for keys that share a set. */
static Hash hash_of(const Buckets *buckets, Span key)
{
        uint8_t salted[SALT_SIZE + FINGERPRINT_SIZE];
        Fingerprint inner, outer;
        Hash hash;

        fingerprint_of(key, &inner);
        memcpy(salted, buckets->salt, SALT_SIZE);
        memcpy(salted + SALT_SIZE, inner.bytes, FINGERPRINT_SIZE);
        fingerprint_of(span_of(salted, sizeof(salted)), &outer);
        memcpy(&hash.set, outer.bytes, sizeof(hash.set));
        memcpy(&hash.tag, outer.bytes + sizeof(hash.set), sizeof(hash.tag));
        return hash;
}

/* slot_find: the key's own, or NULL; *ret_weakest is where a new one would go: a bucket that is
 * full already, or else the one that is nearest to it. */
static Slot *slot_find(Slot *set, uint64_t tag, Slot **ret_weakest)
{
        *ret_weakest = set;
        for (size_t i = 0; i < SET_SLOTS; i++) {
                if (set[i].full_nsec != 0 && set[i].tag == tag)
                        return &set[i];
                if (set[i].full_nsec < (*ret_weakest)->full_nsec)
                        *ret_weakest = &set[i];
        }
        return NULL;
}

static void answer_of(const Buckets *buckets, int64_t full_nsec, int64_t now_nsec,
                      BucketAnswer *ret)
{
        int64_t owed_nsec = MAX(full_nsec - now_nsec, 0);
        int64_t free_nsec = buckets->burst_nsec - owed_nsec;

        ret->remaining = MAX(free_nsec, 0) / buckets->interval_nsec;
        ret->full_after_usec = (owed_nsec + NSEC_PER_USEC - 1) / NSEC_PER_USEC;
        ret->retry_after_usec =
            ret->taken ? 0
                       : (buckets->interval_nsec - free_nsec + NSEC_PER_USEC - 1) / NSEC_PER_USEC;
}

static void buckets_ask(Buckets *buckets, Span key, bool take, int64_t now_usec, BucketAnswer *ret)
{
        Hash hash = hash_of(buckets, key);
        size_t index = hash.set & (buckets->n_sets - 1);
        GMutex *lock = &buckets->locks[index % SHARDS];
        int64_t now_nsec = now_usec * NSEC_PER_USEC, full_nsec = now_nsec;
        Slot *slot, *weakest;

        g_mutex_lock(lock);
        slot = slot_find(buckets->slots + index * SET_SLOTS, hash.tag, &weakest);
        if (slot)
                full_nsec = MAX(slot->full_nsec, now_nsec);
        ret->taken = full_nsec + buckets->interval_nsec - now_nsec <= buckets->burst_nsec;
        if (take && ret->taken) {
                full_nsec += buckets->interval_nsec;
                *(slot ? slot : weakest) = (Slot){ hash.tag, full_nsec };
        }
        g_mutex_unlock(lock);
        answer_of(buckets, full_nsec, now_nsec, ret);
}

void buckets_take(Buckets *buckets, Span key, int64_t now_usec, BucketAnswer *ret)
{
        buckets_ask(buckets, key, true, now_usec, ret);
}

void buckets_look(Buckets *buckets, Span key, int64_t now_usec, BucketAnswer *ret)
{
        buckets_ask(buckets, key, false, now_usec, ret);
}

size_t buckets_size_bytes(const Buckets *buckets)
{
        return sizeof(*buckets) + buckets_n_slots(buckets) * sizeof(Slot);
}

size_t buckets_n_slots(const Buckets *buckets)
{
        return buckets->n_sets * SET_SLOTS;
}

size_t buckets_n_used(Buckets *buckets, int64_t now_usec)
{
        size_t n_used = 0;

        for (size_t set = 0; set < buckets->n_sets; set++) {
                GMutex *lock = &buckets->locks[set % SHARDS];

                g_mutex_lock(lock);
                for (size_t i = 0; i < SET_SLOTS; i++)
                        n_used += buckets->slots[set * SET_SLOTS + i].full_nsec >
                                  now_usec * NSEC_PER_USEC;
                g_mutex_unlock(lock);
        }
        return n_used;
}

const BucketRate *buckets_rate(const Buckets *buckets)
{
        return &buckets->rate;
}

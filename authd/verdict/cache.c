/* cache: see cache.h. A shard is a hash table and a queue by last use, under one lock; what leaves
 * is freed after the lock, since dropping the last reference to claims walks their whole JSON. */
#include "verdict/cache.h"

#define SHARD_SIZE_MIN     (64 * 1024) /* one token's claims fit in any case */
#define HASH_OVERHEAD_SIZE 64 /* what the table itself needs for an entry, at its emptiest */

typedef struct Entry Entry;
struct Entry {
        Fingerprint fingerprint; /* the table's key */
        CacheFacts facts;
        Claims *claims;  /* NULL: none */
        int64_t end_sec; /* from here on a miss for everybody */
        size_t size_bytes;
        Entry *newer, *older;
};

typedef struct Shard {
        GMutex lock;
        GHashTable *entries; /* Fingerprint in Entry → Entry, which the queue owns */
        Entry *newest, *oldest;
        size_t size_bytes;
        uint64_t hits, misses, evictions;
} Shard;

struct ClaimsCache {
        size_t shard_size_max;
        Shard shards[CACHE_SHARDS];
};

/* SHA-256 needs no mixing. The shard takes the first byte, the table the next four. */
static guint fingerprint_hash(gconstpointer key)
{
        guint hash;

        memcpy(&hash, ((const Fingerprint *) key)->bytes + 1, sizeof(hash));
        return hash;
}

static gboolean fingerprint_same(gconstpointer a, gconstpointer b)
{
        return fingerprint_equal(a, b);
}

static Shard *cache_shard(ClaimsCache *cache, const Fingerprint *fingerprint)
{
        return &cache->shards[fingerprint->bytes[0] % CACHE_SHARDS];
}

static void entry_free(Entry *entry)
{
        if (!entry)
                return;
        claims_unref(entry->claims);
        g_free(entry);
}

/* entries_free: a chain by older, no longer in any shard. */
static void entries_free(Entry *entry)
{
        while (entry) {
                Entry *next = entry->older;

                entry_free(entry);
                entry = next;
        }
}

/* ---- a shard; its lock is held ---- */

static void shard_link(Shard *shard, Entry *entry)
{
        entry->newer = NULL;
        entry->older = shard->newest;
        if (shard->newest)
                shard->newest->newer = entry;
        else
                shard->oldest = entry;
        shard->newest = entry;
}

static void shard_unlink(Shard *shard, Entry *entry)
{
        *(entry->newer ? &entry->newer->older : &shard->newest) = entry->older;
        *(entry->older ? &entry->older->newer : &shard->oldest) = entry->newer;
        entry->newer = entry->older = NULL;
}

/* shard_take: out of table and queue; the caller frees it without the lock. */
static Entry *shard_take(Shard *shard, Entry *entry)
{
        if (!entry)
                return NULL;
        g_hash_table_remove(shard->entries, &entry->fingerprint);
        shard_unlink(shard, entry);
        shard->size_bytes -= entry->size_bytes;
        return entry;
}

static void shard_add(Shard *shard, Entry *entry)
{
        g_hash_table_insert(shard->entries, &entry->fingerprint, entry);
        shard_link(shard, entry);
        shard->size_bytes += entry->size_bytes;
}

/* shard_make_room: what had to go, as a chain by older. */
static Entry *shard_make_room(Shard *shard, size_t size_max, size_t wanted)
{
        Entry *gone = NULL;

        while (shard->oldest && shard->size_bytes + wanted > size_max) {
                Entry *entry = shard_take(shard, shard->oldest);

                entry->older = gone;
                gone = entry;
                shard->evictions++;
        }
        return gone;
}

/* shard_look_up: false, and *ret_gone when the entry's time is over. */
static bool shard_look_up(Shard *shard, const Fingerprint *fingerprint, int64_t now_sec,
                          Claims **ret_claims, CacheFacts *ret_facts, Entry **ret_gone)
{
        Entry *entry = g_hash_table_lookup(shard->entries, fingerprint);

        if (!entry || now_sec >= entry->end_sec) {
                *ret_gone = shard_take(shard, entry);
                shard->misses++;
                return false;
        }
        shard_unlink(shard, entry);
        shard_link(shard, entry);
        shard->hits++;
        *ret_facts = entry->facts;
        *ret_claims = entry->claims ? claims_ref(entry->claims) : NULL;
        return true;
}

/* ---- the cache ---- */

ClaimsCache *claims_cache_new(size_t size_max)
{
        ClaimsCache *cache = g_new0(ClaimsCache, 1);

        cache->shard_size_max = MAX(size_max / CACHE_SHARDS, SHARD_SIZE_MIN);
        for (size_t i = 0; i < CACHE_SHARDS; i++) {
                g_mutex_init(&cache->shards[i].lock);
                cache->shards[i].entries = g_hash_table_new(fingerprint_hash, fingerprint_same);
        }
        return cache;
}

void claims_cache_free(ClaimsCache *cache)
{
        if (!cache)
                return;
        claims_cache_clear(cache);
        for (size_t i = 0; i < CACHE_SHARDS; i++) {
                g_hash_table_unref(cache->shards[i].entries);
                g_mutex_clear(&cache->shards[i].lock);
        }
        g_free(cache);
}

bool claims_cache_get(ClaimsCache *cache, const Fingerprint *fingerprint, int64_t now_sec,
                      Claims **ret_claims, CacheFacts *ret_facts)
{
        Shard *shard = cache_shard(cache, fingerprint);
        Entry *gone = NULL;
        bool hit;

        g_mutex_lock(&shard->lock);
        hit = shard_look_up(shard, fingerprint, now_sec, ret_claims, ret_facts, &gone);
        g_mutex_unlock(&shard->lock);
        entry_free(gone);
        return hit;
}

static Entry *entry_new(const Fingerprint *fingerprint, Claims *claims, const CacheFacts *facts,
                        int64_t end_sec)
{
        Entry *entry = g_new0(Entry, 1);

        entry->fingerprint = *fingerprint;
        entry->facts = *facts;
        entry->claims = claims ? claims_ref(claims) : NULL;
        entry->end_sec = end_sec;
        entry->size_bytes = sizeof(Entry) + HASH_OVERHEAD_SIZE + (claims ? claims_size(claims) : 0);
        return entry;
}

void claims_cache_put(ClaimsCache *cache, const Fingerprint *fingerprint, Claims *claims,
                      const CacheFacts *facts, int64_t end_sec)
{
        Shard *shard = cache_shard(cache, fingerprint);
        Entry *entry = entry_new(fingerprint, claims, facts, end_sec), *replaced, *gone;

        if (entry->size_bytes > cache->shard_size_max) {
                claims_cache_drop(cache, fingerprint); /* what it says is no longer the last word */
                entry_free(entry);
                return;
        }
        g_mutex_lock(&shard->lock);
        replaced = shard_take(shard, g_hash_table_lookup(shard->entries, fingerprint));
        gone = shard_make_room(shard, cache->shard_size_max, entry->size_bytes);
        shard_add(shard, entry);
        g_mutex_unlock(&shard->lock);
        entry_free(replaced);
        entries_free(gone);
}

void claims_cache_drop(ClaimsCache *cache, const Fingerprint *fingerprint)
{
        Shard *shard = cache_shard(cache, fingerprint);
        Entry *gone;

        g_mutex_lock(&shard->lock);
        gone = shard_take(shard, g_hash_table_lookup(shard->entries, fingerprint));
        g_mutex_unlock(&shard->lock);
        entry_free(gone);
}

static Entry *shard_take_all(Shard *shard)
{
        Entry *all = shard->newest;

        g_hash_table_remove_all(shard->entries);
        shard->newest = shard->oldest = NULL;
        shard->size_bytes = 0;
        return all;
}

void claims_cache_clear(ClaimsCache *cache)
{
        for (size_t i = 0; i < CACHE_SHARDS; i++) {
                Shard *shard = &cache->shards[i];
                Entry *gone;

                g_mutex_lock(&shard->lock);
                gone = shard_take_all(shard);
                g_mutex_unlock(&shard->lock);
                entries_free(gone);
        }
}

void claims_cache_stats(ClaimsCache *cache, CacheStats *ret)
{
        CacheStats stats = { .size_max = cache->shard_size_max * CACHE_SHARDS };

        for (size_t i = 0; i < CACHE_SHARDS; i++) {
                Shard *shard = &cache->shards[i];

                g_mutex_lock(&shard->lock);
                stats.hits += shard->hits;
                stats.misses += shard->misses;
                stats.evictions += shard->evictions;
                stats.n_entries += g_hash_table_size(shard->entries);
                stats.size_bytes += shard->size_bytes;
                g_mutex_unlock(&shard->lock);
        }
        *ret = stats;
}

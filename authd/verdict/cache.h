/* cache: claims of tokens whose signature held, by fingerprint.
 *
 * Claims are cached, never verdicts: each hit meets policy, time and view anew. Bounded in bytes
 * (what claims hold plus the entry), sharded with one lock a shard and never two at once; in a full
 * shard the least recently used go first; an entry whose exp has passed (by more than the largest
 * leeway) is a miss and is dropped. A hit allocates nothing. Any thread. */
#pragma once

#include "base/secret.h"
#include "token/claims.h"
#include "token/jwk.h"

#define CACHE_SIZE_DEFAULT (16 * 1024 * 1024)
#define CACHE_SHARDS       16

typedef struct CacheKeyFacts {
        const char *issuer;                      /* interned */
        uint8_t thumbprint[JWK_THUMBPRINT_SIZE]; /* the key that verified it */
        AlgId alg; /* and the algorithm: both must still be accepted at a hit */
} CacheKeyFacts;

typedef struct CacheStats {
        uint64_t hits, misses, evictions;
        size_t n_entries, size_bytes, size_max;
} CacheStats;

typedef struct ClaimsCache ClaimsCache;
ClaimsCache *claims_cache_new(size_t size_max);
void claims_cache_free(ClaimsCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ClaimsCache, claims_cache_free)
/* claims_cache_get: a new reference, or NULL. */
Claims *claims_cache_get(ClaimsCache *cache, const Fingerprint *fingerprint, int64_t now_sec,
                         CacheKeyFacts *ret_key);
void claims_cache_put(ClaimsCache *cache, const Fingerprint *fingerprint, Claims *claims,
                      const CacheKeyFacts *key);
void claims_cache_drop(ClaimsCache *cache, const Fingerprint *fingerprint);
void claims_cache_clear(ClaimsCache *cache);
void claims_cache_stats(ClaimsCache *cache, CacheStats *ret);

/* cache: claims by a token's fingerprint: of tokens whose signature held, and, in a second one, of
 * what issuers answered about tokens (RFC 7662).
 *
 * Claims are cached, never verdicts: each hit meets policy, time and view anew. Bounded in bytes
 * (what claims hold plus the entry), sharded with one lock a shard and never two at once; in a full
 * shard the least recently used go first; an entry whose end has come is a miss and is dropped. A
 * hit allocates nothing. Any thread. */
#pragma once

#include "base/secret.h"
#include "token/claims.h"
#include "token/jwk.h"

#define CACHE_SIZE_DEFAULT (16 * 1024 * 1024)
#define CACHE_SHARDS       16

/* CacheFacts: where the claims come from. */
typedef struct CacheFacts {
        const char *issuer; /* interned; of an answer: who was asked */
        /* Of a token: the key and the algorithm that verified it. Both must still be accepted at a
         * hit. */
        uint8_t thumbprint[JWK_THUMBPRINT_SIZE];
        AlgId alg;
        int64_t asked_usec; /* of an answer, monotonic: when the call began */
        bool active;        /* of an answer */
} CacheFacts;

typedef struct CacheStats {
        uint64_t hits, misses, evictions;
        size_t n_entries, size_bytes, size_max;
} CacheStats;

typedef struct ClaimsCache ClaimsCache;
ClaimsCache *claims_cache_new(size_t size_max);
void claims_cache_free(ClaimsCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ClaimsCache, claims_cache_free)
/* claims_cache_get: false: a miss. *ret_claims is a new reference, or NULL where none were put. */
bool claims_cache_get(ClaimsCache *cache, const Fingerprint *fingerprint, int64_t now_sec,
                      Claims **ret_claims, CacheFacts *ret_facts);
/* claims_cache_put: takes the place of what was there, also when the new entry is too large to be
 * kept. claims may be NULL. From end_sec on it is a miss. */
void claims_cache_put(ClaimsCache *cache, const Fingerprint *fingerprint, Claims *claims,
                      const CacheFacts *facts, int64_t end_sec);
void claims_cache_drop(ClaimsCache *cache, const Fingerprint *fingerprint);
void claims_cache_clear(ClaimsCache *cache);
void claims_cache_stats(ClaimsCache *cache, CacheStats *ret);

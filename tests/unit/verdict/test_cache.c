/* The claims cache: what it gives back, until when, and how much it holds. */
#include "verdict/cache.h"
#include "verdict/policy.h"

#include "mint.h"

#define END_SEC (MINT_NOW + POLICY_LEEWAY_SEC_MAX) /* of a token whose exp is MINT_NOW */

static const CacheKeyFacts key = { .issuer = "test", .thumbprint = { 1, 2, 3 }, .alg = ALG_EDDSA };

static Fingerprint fingerprint_number(unsigned number)
{
        Fingerprint fingerprint;

        fingerprint_of(span_of(&number, sizeof(number)), &fingerprint);
        return fingerprint;
}

static void put_number(ClaimsCache *cache, unsigned number)
{
        g_autoptr(Claims) claims = mint_claims("{'exp':1700000000,'sub':'u'}", "");
        Fingerprint fingerprint = fingerprint_number(number);

        claims_cache_put(cache, &fingerprint, claims, &key);
}

static bool has_number(ClaimsCache *cache, unsigned number, int64_t now_sec)
{
        Fingerprint fingerprint = fingerprint_number(number);
        CacheKeyFacts found;
        g_autoptr(Claims) claims = claims_cache_get(cache, &fingerprint, now_sec, &found);

        if (claims) {
                g_assert_cmpstr(found.issuer, ==, "test");
                g_assert_cmpmem(found.thumbprint, 32, key.thumbprint, 32);
                g_assert_cmpint(found.alg, ==, ALG_EDDSA);
        }
        return claims;
}

static size_t entries(ClaimsCache *cache)
{
        CacheStats stats;

        claims_cache_stats(cache, &stats);
        return stats.n_entries;
}

static void test_what_was_put_is_got(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(CACHE_SIZE_DEFAULT);
        CacheStats stats;

        g_assert_false(has_number(cache, 1, 0));
        put_number(cache, 1);
        g_assert_true(has_number(cache, 1, 0));
        g_assert_false(has_number(cache, 2, 0));
        claims_cache_stats(cache, &stats);
        g_assert_cmpuint(stats.hits, ==, 1);
        g_assert_cmpuint(stats.misses, ==, 2);
        g_assert_cmpuint(stats.n_entries, ==, 1);
        g_assert_cmpuint(stats.size_bytes, >, 0);
}

static void test_an_entry_ends_with_exp_and_the_largest_leeway(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(CACHE_SIZE_DEFAULT);

        put_number(cache, 1);
        g_assert_true(has_number(cache, 1, END_SEC - 1));
        g_assert_false(has_number(cache, 1, END_SEC));
        g_assert_cmpuint(entries(cache), ==, 0);
        g_assert_false(has_number(cache, 1, END_SEC - 1)); /* it was dropped */
}

static void test_claims_without_exp_are_not_kept(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(CACHE_SIZE_DEFAULT);
        g_autoptr(Claims) claims = mint_claims("{'sub':'u'}", "");
        Fingerprint fingerprint = fingerprint_number(1);

        claims_cache_put(cache, &fingerprint, claims, &key);
        g_assert_cmpuint(entries(cache), ==, 0);
}

static void test_putting_twice_keeps_one(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(CACHE_SIZE_DEFAULT);
        CacheStats once, twice;

        put_number(cache, 1);
        claims_cache_stats(cache, &once);
        put_number(cache, 1);
        claims_cache_stats(cache, &twice);
        g_assert_cmpuint(twice.n_entries, ==, 1);
        g_assert_cmpuint(twice.size_bytes, ==, once.size_bytes);
}

static void test_drop_and_clear_forget(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(CACHE_SIZE_DEFAULT);
        Fingerprint fingerprint = fingerprint_number(1);
        CacheStats stats;

        put_number(cache, 1);
        put_number(cache, 2);
        claims_cache_drop(cache, &fingerprint);
        claims_cache_drop(cache, &fingerprint);
        g_assert_false(has_number(cache, 1, 0));
        g_assert_true(has_number(cache, 2, 0));
        claims_cache_clear(cache);
        g_assert_false(has_number(cache, 2, 0));
        claims_cache_stats(cache, &stats);
        g_assert_cmpuint(stats.size_bytes, ==, 0);
}

static void test_the_bound_in_bytes_holds(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(1024 * 1024);
        CacheStats stats;

        for (unsigned i = 0; i < 20000; i++)
                put_number(cache, i);
        claims_cache_stats(cache, &stats);
        g_assert_cmpuint(stats.size_bytes, <=, stats.size_max);
        g_assert_cmpuint(stats.size_bytes, >, stats.size_max * 9 / 10);
        g_assert_cmpuint(stats.evictions + stats.n_entries, ==, 20000);
}

static void test_the_least_recently_used_goes_first(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(1024 * 1024);

        put_number(cache, 0);
        for (unsigned i = 1; i < 20000; i++) {
                put_number(cache, i);
                g_assert_true(has_number(cache, 0, 0)); /* used all the time: it stays */
        }
        g_assert_false(has_number(cache, 1, 0));
}

static void test_claims_outlive_the_cache(void)
{
        ClaimsCache *cache = claims_cache_new(CACHE_SIZE_DEFAULT);
        Fingerprint fingerprint = fingerprint_number(1);
        g_autoptr(Claims) claims = NULL;
        CacheKeyFacts found;

        put_number(cache, 1);
        claims = claims_cache_get(cache, &fingerprint, 0, &found);
        claims_cache_free(cache);
        g_assert_true(span_equal_string(claims_subject(claims), "u"));
}

typedef struct Storm {
        ClaimsCache *cache;
        unsigned seed;
} Storm;

static gpointer storm(gpointer data)
{
        const Storm *mine = data;

        for (unsigned i = 0; i < 20000; i++) {
                unsigned number = (i * 7 + mine->seed) % 500;

                if (!has_number(mine->cache, number, 0))
                        put_number(mine->cache, number);
                if (i % 1000 == 999)
                        claims_cache_clear(mine->cache);
        }
        return NULL;
}

static void test_threads_share_it(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(256 * 1024);
        Storm storms[] = { { cache, 1 }, { cache, 2 }, { cache, 3 } };
        GThread *threads[G_N_ELEMENTS(storms)];
        CacheStats stats;

        for (size_t i = 0; i < G_N_ELEMENTS(storms); i++)
                threads[i] = g_thread_new("storm", storm, &storms[i]);
        for (size_t i = 0; i < G_N_ELEMENTS(storms); i++)
                g_thread_join(threads[i]);
        claims_cache_stats(cache, &stats);
        g_assert_cmpuint(stats.hits + stats.misses, ==, 20000 * G_N_ELEMENTS(storms));
        g_assert_cmpuint(stats.size_bytes, <=, stats.size_max);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cache/what was put is got", test_what_was_put_is_got);
        g_test_add_func("/cache/an entry ends with exp and the largest leeway",
                        test_an_entry_ends_with_exp_and_the_largest_leeway);
        g_test_add_func("/cache/claims without exp are not kept",
                        test_claims_without_exp_are_not_kept);
        g_test_add_func("/cache/putting twice keeps one", test_putting_twice_keeps_one);
        g_test_add_func("/cache/drop and clear forget", test_drop_and_clear_forget);
        g_test_add_func("/cache/the bound in bytes holds", test_the_bound_in_bytes_holds);
        g_test_add_func("/cache/the least recently used goes first",
                        test_the_least_recently_used_goes_first);
        g_test_add_func("/cache/claims outlive the cache", test_claims_outlive_the_cache);
        g_test_add_func("/cache/threads share it", test_threads_share_it);
        return g_test_run();
}

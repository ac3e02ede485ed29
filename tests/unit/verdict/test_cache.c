/* The claims cache: what it gives back, until when, and how much it holds. */
#include "verdict/cache.h"

#include "mint.h"

#define END_SEC (MINT_NOW + 60)

static const CacheFacts facts = { .issuer = "test",
                                  .thumbprint = { 1, 2, 3 },
                                  .alg = ALG_EDDSA,
                                  .asked_usec = 4,
                                  .active = true };

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

        claims_cache_put(cache, &fingerprint, claims, &facts, END_SEC);
}

static bool has_number(ClaimsCache *cache, unsigned number, int64_t now_sec)
{
        Fingerprint fingerprint = fingerprint_number(number);
        CacheFacts found;
        g_autoptr(Claims) claims = NULL;

        if (!claims_cache_get(cache, &fingerprint, now_sec, &claims, &found))
                return false;
        g_assert_nonnull(claims);
        g_assert_cmpstr(found.issuer, ==, "test");
        g_assert_cmpmem(found.thumbprint, 32, facts.thumbprint, 32);
        g_assert_cmpint(found.alg, ==, ALG_EDDSA);
        g_assert_cmpint(found.asked_usec, ==, 4);
        g_assert_true(found.active);
        return true;
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

static void test_an_entry_ends_when_it_was_told_to(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(CACHE_SIZE_DEFAULT);

        put_number(cache, 1);
        g_assert_true(has_number(cache, 1, END_SEC - 1));
        g_assert_false(has_number(cache, 1, END_SEC));
        g_assert_cmpuint(entries(cache), ==, 0);
        g_assert_false(has_number(cache, 1, END_SEC - 1)); /* it was dropped */
}

static void test_an_entry_may_have_no_claims(void)
{
        static const CacheFacts inactive = { .issuer = "test", .asked_usec = 5 };
        g_autoptr(ClaimsCache) cache = claims_cache_new(CACHE_SIZE_DEFAULT);
        Fingerprint fingerprint = fingerprint_number(1);
        Claims *claims = NULL;
        CacheFacts found;

        claims_cache_put(cache, &fingerprint, NULL, &inactive, END_SEC);
        g_assert_true(claims_cache_get(cache, &fingerprint, END_SEC - 1, &claims, &found));
        g_assert_null(claims);
        g_assert_false(found.active);
        g_assert_cmpint(found.asked_usec, ==, 5);
        g_assert_false(claims_cache_get(cache, &fingerprint, END_SEC, &claims, &found));
        g_assert_cmpuint(entries(cache), ==, 0);
}

/* Else the word before would stand, which is no longer the last one. */
static void test_what_cannot_be_kept_takes_away_what_was_there(void)
{
        g_autoptr(ClaimsCache) cache = claims_cache_new(0);
        g_autofree char *text = g_strnfill(7270, 'x');
        g_autoptr(GString) json = g_string_new("{'sub':'u'");
        Fingerprint fingerprint = fingerprint_number(1);
        g_autoptr(Claims) claims = NULL;

        for (int i = 0; i < 9; i++)
                g_string_append_printf(json, ",'c%d':'%s'", i, text);
        g_string_append_c(json, '}');
        claims = mint_claims(json->str, "");
        g_assert_cmpuint(claims_size(claims), >, 64 * 1024); /* more than a shard */
        put_number(cache, 1);
        g_assert_true(has_number(cache, 1, 0));
        claims_cache_put(cache, &fingerprint, claims, &facts, END_SEC);
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
        CacheFacts found;

        put_number(cache, 1);
        g_assert_true(claims_cache_get(cache, &fingerprint, 0, &claims, &found));
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
        g_test_add_func("/cache/an entry ends when it was told to",
                        test_an_entry_ends_when_it_was_told_to);
        g_test_add_func("/cache/an entry may have no claims", test_an_entry_may_have_no_claims);
        g_test_add_func("/cache/what cannot be kept takes away what was there",
                        test_what_cannot_be_kept_takes_away_what_was_there);
        g_test_add_func("/cache/putting twice keeps one", test_putting_twice_keeps_one);
        g_test_add_func("/cache/drop and clear forget", test_drop_and_clear_forget);
        g_test_add_func("/cache/the bound in bytes holds", test_the_bound_in_bytes_holds);
        g_test_add_func("/cache/the least recently used goes first",
                        test_the_least_recently_used_goes_first);
        g_test_add_func("/cache/claims outlive the cache", test_claims_outlive_the_cache);
        g_test_add_func("/cache/threads share it", test_threads_share_it);
        return g_test_run();
}

/* test_bucket: what a bucket gives, when it gives again, and what a flood of keys cannot do. */
#include "base/bucket.h"

#include <stdio.h>

#define SEC   INT64_C(1000000)
#define START (INT64_C(1000) * SEC) /* monotonic clocks do not begin at 0 */

static int64_t now_usec = START;

static BucketAnswer take(Buckets *buckets, const char *key)
{
        BucketAnswer answer;

        buckets_take(buckets, span_from(key), now_usec, &answer);
        return answer;
}

static Buckets *make(int64_t amount, int64_t period_sec, int64_t burst)
{
        const BucketRate rate = { amount, period_sec, burst };
        Buckets *buckets = buckets_new(&rate, BUCKET_SLOTS_DEFAULT);

        g_assert_nonnull(buckets);
        now_usec = START;
        return buckets;
}

static unsigned take_all(Buckets *buckets, const char *key)
{
        unsigned n = 0;

        while (take(buckets, key).taken)
                n++;
        return n;
}

static void burst_then_rate(void)
{
        g_autoptr(Buckets) buckets = make(10, 1, 20);

        g_assert_cmpuint(take_all(buckets, "anna"), ==, 20);
        now_usec += SEC / 10 - 1;
        g_assert_false(take(buckets, "anna").taken);
        now_usec += 1;
        g_assert_true(take(buckets, "anna").taken);
        g_assert_false(take(buckets, "anna").taken);
        now_usec += SEC;
        g_assert_cmpuint(take_all(buckets, "anna"), ==, 10);
        now_usec += 3600 * SEC;
        g_assert_cmpuint(take_all(buckets, "anna"), ==, 20);
}

static void keys_do_not_share(void)
{
        g_autoptr(Buckets) buckets = make(3, 60, 0);

        g_assert_cmpuint(take_all(buckets, "anna"), ==, 3);
        g_assert_cmpuint(take_all(buckets, "bert"), ==, 3);
        g_assert_cmpuint(take_all(buckets, ""), ==, 3);
}

static void numbers_told(void)
{
        g_autoptr(Buckets) buckets = make(60, 60, 2);
        BucketAnswer answer = take(buckets, "anna");

        g_assert_cmpint(answer.remaining, ==, 1);
        g_assert_cmpint(answer.retry_after_usec, ==, 0);
        g_assert_cmpint(answer.full_after_usec, ==, SEC);
        answer = take(buckets, "anna");
        g_assert_cmpint(answer.remaining, ==, 0);
        now_usec += SEC / 4;
        answer = take(buckets, "anna");
        g_assert_false(answer.taken);
        g_assert_cmpint(answer.retry_after_usec, ==, SEC * 3 / 4);
        g_assert_cmpint(answer.full_after_usec, ==, SEC * 7 / 4);
}

static void looking_takes_nothing(void)
{
        g_autoptr(Buckets) buckets = make(1, 60, 1);
        BucketAnswer answer;

        for (int i = 0; i < 3; i++) {
                buckets_look(buckets, span_from("anna"), now_usec, &answer);
                g_assert_true(answer.taken);
                g_assert_cmpint(answer.remaining, ==, 1);
        }
        g_assert_true(take(buckets, "anna").taken);
        buckets_look(buckets, span_from("anna"), now_usec, &answer);
        g_assert_false(answer.taken);
}

/* A refusal costs nothing: who asks on and on gets in as soon as who waits. */
static void refusals_do_not_prolong(void)
{
        g_autoptr(Buckets) buckets = make(1, 1, 1);

        g_assert_true(take(buckets, "anna").taken);
        for (int i = 0; i < 1000; i++)
                g_assert_false(take(buckets, "anna").taken);
        now_usec += SEC;
        g_assert_true(take(buckets, "anna").taken);
}

/* A million keys that come once each: memory stays, and who had used up their share still has. */
static void flood_of_keys(void)
{
        g_autoptr(Buckets) buckets = make(10, 60, 0);
        size_t size_before = buckets_size_bytes(buckets);
        char key[32];
        unsigned n_forgotten = 0;

        for (int i = 0; i < 100; i++) {
                snprintf(key, sizeof(key), "held %d", i);
                g_assert_cmpuint(take_all(buckets, key), ==, 10);
        }
        for (int i = 0; i < 1000000; i++) {
                snprintf(key, sizeof(key), "flood %d", i);
                take(buckets, key);
        }
        for (int i = 0; i < 100; i++) {
                snprintf(key, sizeof(key), "held %d", i);
                n_forgotten += take(buckets, key).taken ? 1 : 0;
        }
        g_assert_cmpuint(n_forgotten, ==, 0);
        g_assert_cmpuint(buckets_size_bytes(buckets), ==, size_before);
        g_assert_cmpuint(buckets_n_used(buckets, now_usec), <=, BUCKET_SLOTS_DEFAULT);
        now_usec += 3600 * SEC;
        g_assert_cmpuint(buckets_n_used(buckets, now_usec), ==, 0);
}

static void million_keys_fit(void)
{
        const BucketRate rate = { 10, 60, 0 };
        g_autoptr(Buckets) buckets = buckets_new(&rate, BUCKET_SLOTS_MAX);

        g_assert_cmpuint(buckets_size_bytes(buckets), <, 64 * 1024 * 1024);
        g_assert_cmpuint(buckets_size_bytes(buckets) / 16, >=, 1000000);
}

typedef struct RateRow {
        const char *sentence;
        BucketRate rate;
        bool sound;
} RateRow;

static const RateRow rate_rows[] = {
        { "one in a day", { 1, BUCKET_PERIOD_MAX_SEC, 1 }, true },
        { "the largest amount", { BUCKET_BURST_MAX, 1, 0 }, true },
        { "an amount of nothing", { 0, 1, 1 }, false },
        { "an amount beyond the bound", { BUCKET_BURST_MAX + 1, 1, 1 }, false },
        { "no period", { 1, 0, 1 }, false },
        { "a period beyond a day", { 1, BUCKET_PERIOD_MAX_SEC + 1, 1 }, false },
        { "a burst below nothing", { 1, 1, -1 }, false },
        { "a burst beyond the bound", { 1, 1, BUCKET_BURST_MAX + 1 }, false },
};

static void check_rate_row(gconstpointer pointer)
{
        const RateRow *row = pointer;
        g_autoptr(Buckets) buckets = buckets_new(&row->rate, 1);

        g_assert_cmpint(buckets != NULL, ==, row->sound);
}

static gpointer take_from_thread(gpointer pointer)
{
        return GUINT_TO_POINTER(take_all(pointer, "shared"));
}

static void threads_share_one_bucket(void)
{
        g_autoptr(Buckets) buckets = make(1000, 3600, 0);
        GThread *threads[8];
        unsigned n_taken = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("taker", take_from_thread, buckets);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                n_taken += GPOINTER_TO_UINT(g_thread_join(threads[i]));
        g_assert_cmpuint(n_taken, ==, 1000);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bucket/the burst at once, then the rate", burst_then_rate);
        g_test_add_func("/bucket/each key has its own", keys_do_not_share);
        g_test_add_func("/bucket/the numbers that are told", numbers_told);
        g_test_add_func("/bucket/looking takes nothing", looking_takes_nothing);
        g_test_add_func("/bucket/a refusal does not prolong the wait", refusals_do_not_prolong);
        g_test_add_func("/bucket/a flood of keys frees nobody and grows nothing", flood_of_keys);
        g_test_add_func("/bucket/a million keys fit into 64 MB", million_keys_fit);
        g_test_add_func("/bucket/threads share one bucket", threads_share_one_bucket);
        for (size_t i = 0; i < G_N_ELEMENTS(rate_rows); i++) {
                g_autofree char *name = g_strconcat("/bucket/rate: ", rate_rows[i].sentence, NULL);

                g_test_add_data_func(name, &rate_rows[i], check_rate_row);
        }
        return g_test_run();
}

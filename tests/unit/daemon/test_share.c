/* test_share: how much may be asked, and when again. Time is what the test says. */
#include "share.h"

#include <glib.h>

#define NOW_USEC INT64_C(5000000)

static void nothing_was_asked(void)
{
        Share share = { 0 };

        g_assert_true(share_is_open(&share, NOW_USEC));
}

static void a_burst_and_no_more(void)
{
        Share share = { 0 };

        g_assert_true(share_is_open(&share, NOW_USEC));
        share_spend(&share, SHARE_BURST_USEC - 1);
        g_assert_true(share_is_open(&share, NOW_USEC));
        share_spend(&share, 1);
        g_assert_false(share_is_open(&share, NOW_USEC));
}

static void it_fills_at_its_part(void)
{
        Share share = { 0 };

        g_assert_true(share_is_open(&share, NOW_USEC));
        share_spend(&share, SHARE_BURST_USEC + 99);
        for (int64_t usec = 0; usec < 100 * SHARE_PARTS; usec += 7) /* looking takes nothing */
                g_assert_false(share_is_open(&share, NOW_USEC + usec));
        g_assert_true(share_is_open(&share, NOW_USEC + 100 * SHARE_PARTS));
}

static void it_is_never_more_than_a_burst(void)
{
        Share share = { 0 };

        g_assert_true(share_is_open(&share, NOW_USEC));
        g_assert_true(share_is_open(&share, NOW_USEC + 1000 * SHARE_BURST_USEC));
        share_spend(&share, SHARE_BURST_USEC);
        g_assert_false(share_is_open(&share, NOW_USEC + 1000 * SHARE_BURST_USEC));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/share/nothing was asked", nothing_was_asked);
        g_test_add_func("/share/a burst and no more", a_burst_and_no_more);
        g_test_add_func("/share/it fills at its part", it_fills_at_its_part);
        g_test_add_func("/share/it is never more than a burst", it_is_never_more_than_a_burst);
        return g_test_run();
}

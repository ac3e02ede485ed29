/* test_clock: what tests set is what everybody reads, and time goes on when nothing is set. */
#include "base/clock.h"

#include <glib.h>

static void wall_is_what_was_set(void)
{
        clock_set_wall_for_tests(1700000000);
        g_assert_cmpint(clock_wall_sec(), ==, 1700000000);
        g_assert_cmpint(clock_wall_usec(), ==, 1700000000 * CLOCK_USEC_PER_SEC);
        clock_set_wall_for_tests(0);
}

static void zero_gives_the_real_clock_back(void)
{
        clock_set_wall_for_tests(1700000000);
        clock_set_wall_for_tests(0);
        g_assert_cmpint(ABS(clock_wall_usec() - g_get_real_time()), <, 10 * CLOCK_USEC_PER_SEC);
}

static void monotonic_and_boot_run_ahead(void)
{
        int64_t monotonic_usec = clock_monotonic_usec(), boot_usec = clock_boot_usec();

        clock_advance_monotonic_for_tests(5000 * CLOCK_USEC_PER_SEC);
        g_assert_cmpint(clock_monotonic_usec() - monotonic_usec, >=, 5000 * CLOCK_USEC_PER_SEC);
        g_assert_cmpint(clock_boot_usec() - boot_usec, >=, 5000 * CLOCK_USEC_PER_SEC);
        clock_advance_monotonic_for_tests(-5000 * CLOCK_USEC_PER_SEC);
        g_assert_cmpint(clock_monotonic_usec() - monotonic_usec, <, 100 * CLOCK_USEC_PER_SEC);
}

static void the_wall_does_not_move_the_others(void)
{
        int64_t before_usec = clock_monotonic_usec();

        clock_set_wall_for_tests(1);
        g_assert_cmpint(clock_monotonic_usec() - before_usec, <, 100 * CLOCK_USEC_PER_SEC);
        g_assert_cmpint(clock_boot_usec(), >=, before_usec / 2);
        clock_set_wall_for_tests(0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/clock/the wall clock is what was set", wall_is_what_was_set);
        g_test_add_func("/clock/zero gives the real clock back", zero_gives_the_real_clock_back);
        g_test_add_func("/clock/monotonic and boot clock run ahead together",
                        monotonic_and_boot_run_ahead);
        g_test_add_func("/clock/setting the wall moves no other clock",
                        the_wall_does_not_move_the_others);
        return g_test_run();
}

/* clock: see clock.h. What tests set is kept in two atomics, so that any thread sees it. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static atomic_int_fast64_t wall_set_sec;
static atomic_int_fast64_t advance_usec;

static int64_t read_usec(clockid_t clock)
{
        struct timespec now = { 0 };

        /* Fails for an unknown clock only; all three exist since Linux 2.6.39. */
        clock_gettime(clock, &now);
        return (int64_t) now.tv_sec * CLOCK_USEC_PER_SEC + now.tv_nsec / 1000;
}

int64_t clock_wall_usec(void)
{
        int64_t set_sec = atomic_load_explicit(&wall_set_sec, memory_order_relaxed);

        return set_sec ? set_sec * CLOCK_USEC_PER_SEC : read_usec(CLOCK_REALTIME);
}

int64_t clock_wall_sec(void)
{
        return clock_wall_usec() / CLOCK_USEC_PER_SEC;
}

int64_t clock_monotonic_usec(void)
{
        return read_usec(CLOCK_MONOTONIC) +
               atomic_load_explicit(&advance_usec, memory_order_relaxed);
}

int64_t clock_boot_usec(void)
{
        return read_usec(CLOCK_BOOTTIME) +
               atomic_load_explicit(&advance_usec, memory_order_relaxed);
}

void clock_set_wall_for_tests(int64_t sec)
{
        atomic_store(&wall_set_sec, sec);
}

void clock_advance_monotonic_for_tests(int64_t usec)
{
        atomic_fetch_add(&advance_usec, usec);
}

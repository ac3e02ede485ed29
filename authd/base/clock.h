/* clock: the three clocks, each for one purpose, and a way for tests to set them.
 *
 * Wall clock for exp, nbf and dates; monotonic for deadlines and latencies; boot time for the
 * heartbeat that another process compares. Any thread. */
#pragma once

#include <stdint.h>

#define CLOCK_USEC_PER_SEC INT64_C(1000000)

int64_t clock_wall_sec(void); /* seconds since 1970-01-01 UTC */
int64_t clock_wall_usec(void);
int64_t clock_monotonic_usec(void);
int64_t clock_boot_usec(void);

/* Tests only: every clock_wall_* answers sec from now on (0 gives the real clock back). */
void clock_set_wall_for_tests(int64_t sec);
/* Tests only: monotonic and boot clocks run ahead by this much more. */
void clock_advance_monotonic_for_tests(int64_t usec);

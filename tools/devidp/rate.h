/* rate: how many requests came within one second, at most: what a rate limit is tested by. Pure. */
#pragma once

#include <glib.h>

#define RATE_WINDOW 4096 /* requests that one second can show */

typedef struct Rate {
        gint64 times_usec[RATE_WINDOW]; /* a ring */
        unsigned at, n_kept;
        unsigned peak;
} Rate;

void rate_note(Rate *rate, gint64 now_usec);
void rate_reset(Rate *rate);

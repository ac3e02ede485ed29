/* share: a part of the main thread's time, for questions that anybody may ask and that look at
 * everybody.
 *
 * What is asked takes its time out of it; it fills again at one part in SHARE_PARTS, up to a burst.
 * While it is empty such questions are not answered, so that nobody can keep the thread from the
 * others by asking on and on. Times are monotonic; pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SHARE_PARTS      10
#define SHARE_BURST_USEC INT64_C(1000000)

typedef struct Share {
        int64_t spent_usec; /* 0 to the burst, and over it by the last question */
        int64_t at_usec;    /* when that was so */
} Share;

/* share_is_open: whether another question may begin. */
bool share_is_open(Share *share, int64_t now_usec);
void share_spend(Share *share, int64_t took_usec);

/* share: see share.h. */
#include "share.h"

bool share_is_open(Share *share, int64_t now_usec)
{
        int64_t filled_usec = (now_usec - share->at_usec) / SHARE_PARTS;

        if (share->at_usec == 0 || filled_usec >= share->spent_usec)
                *share = (Share){ 0, now_usec };
        else if (filled_usec > 0)
                *share = (Share){ share->spent_usec - filled_usec,
                                  share->at_usec + filled_usec * SHARE_PARTS };
        return share->spent_usec < SHARE_BURST_USEC;
}

void share_spend(Share *share, int64_t took_usec)
{
        share->spent_usec += took_usec;
}

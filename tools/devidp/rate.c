#include "rate.h"

static unsigned oldest(const Rate *rate)
{
        return (rate->at + RATE_WINDOW - rate->n_kept) % RATE_WINDOW;
}

void rate_note(Rate *rate, gint64 now_usec)
{
        while (rate->n_kept > 0 && rate->times_usec[oldest(rate)] <= now_usec - G_USEC_PER_SEC)
                rate->n_kept--;
        rate->times_usec[rate->at] = now_usec;
        rate->at = (rate->at + 1) % RATE_WINDOW;
        rate->n_kept = MIN(rate->n_kept + 1, RATE_WINDOW);
        rate->peak = MAX(rate->peak, rate->n_kept);
}

void rate_reset(Rate *rate)
{
        *rate = (Rate){ 0 };
}

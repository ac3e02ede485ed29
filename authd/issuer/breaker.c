/* breaker: see breaker.h. */
#include "issuer/breaker.h"

#include "issuer/introspect.h"

BreakerAdvice breaker_ask(const Breaker *breaker, int64_t now_usec)
{
        if (breaker->open_until_usec == 0)
                return BREAKER_GO;
        if (breaker->probing)
                return BREAKER_WAIT;
        return now_usec < breaker->open_until_usec ? BREAKER_REFUSE : BREAKER_GO;
}

bool breaker_begin(Breaker *breaker)
{
        breaker->probing |= breaker->open_until_usec != 0;
        return breaker->probing;
}

void breaker_succeeded(Breaker *breaker)
{
        *breaker = (Breaker){ 0 };
}

void breaker_gave_up(Breaker *breaker, bool probe)
{
        if (probe)
                breaker->probing = false;
}

/* With jitter downwards, so that a fleet does not come back as one. */
static int64_t back_off_usec(unsigned n_opened, double chance)
{
        int64_t delay_usec = INTROSPECT_BREAKER_MIN_USEC;

        while (n_opened-- > 0 && delay_usec < INTROSPECT_BREAKER_MAX_USEC)
                delay_usec *= 2;
        return (int64_t) ((double) MIN(delay_usec, INTROSPECT_BREAKER_MAX_USEC) *
                          (1.0 - chance / 2));
}

void breaker_failed(Breaker *breaker, bool probe, int64_t hold_usec, double chance,
                    int64_t now_usec)
{
        bool was_open = breaker->open_until_usec != 0;

        breaker->n_failures++;
        breaker_gave_up(breaker, probe);
        if (probe || (!was_open && breaker->n_failures >= INTROSPECT_BREAKER_AFTER))
                breaker->open_until_usec = now_usec + back_off_usec(breaker->n_opened++, chance);
        if (hold_usec > 0)
                breaker->open_until_usec =
                    MAX(breaker->open_until_usec,
                        now_usec + MIN(hold_usec, INTROSPECT_BREAKER_MAX_USEC));
}

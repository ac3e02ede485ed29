/* breaker: when to leave a provider alone that keeps failing.
 *
 * Closed until INTROSPECT_BREAKER_AFTER failures in a row, or until the provider itself says when
 * to come back; then open, each time in a row for twice as long; then half open: one call goes
 * through and decides. A state machine without I/O and without a clock: time (monotonic, in
 * microseconds) and chance (0 to 1) are passed in. Owned by introspect, main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum BreakerAdvice {
        BREAKER_GO,
        BREAKER_WAIT,   /* the one call that decides is under way */
        BREAKER_REFUSE, /* open */
} BreakerAdvice;

/* Breaker: zero is closed. */
typedef struct Breaker {
        unsigned n_failures;     /* in a row */
        unsigned n_opened;       /* in a row, without an answer between */
        int64_t open_until_usec; /* 0: closed; past: half open */
        bool probing;
} Breaker;

BreakerAdvice breaker_ask(const Breaker *breaker, int64_t now_usec);
/* breaker_begin: a call begins, after BREAKER_GO. True: it is the one that decides, and whoever
 * makes it says so at its end. */
bool breaker_begin(Breaker *breaker);
void breaker_succeeded(Breaker *breaker);
/* breaker_failed: hold_usec is what the provider asked for (0: nothing), bounded here. A call that
 * began before the breaker opened does not make it stay open longer, unless it brings a hold. */
void breaker_failed(Breaker *breaker, bool probe, int64_t hold_usec, double chance,
                    int64_t now_usec);
/* breaker_gave_up: the call ended without saying anything of the provider. */
void breaker_gave_up(Breaker *breaker, bool probe);

/* keys: the life of one issuer's key set: when to fetch it, and who waits for which fetch.
 *
 * A state machine without I/O and without a clock: time (monotonic, in microseconds) and chance (0
 * to 1) are passed in, so tests are tables. An attempt is whatever it takes to get a key set
 * (discovery, then keys); one at most is under way. Askers are pointers that the caller
 * understands; each comes out exactly once, in an array of KeysAnswer or at once from keys_ask.
 * Unsigned garbage decides nothing here but how soon the next attempt is, and that is bounded by
 * the cooldown. Owned by issuer, main thread. */
#pragma once

#include "base/span.h"
#include "issuer/issuer.h"

#include <glib.h>

typedef enum KeysAdvice {
        KEYS_WAIT,    /* parked: comes out with the end of an attempt */
        KEYS_ANSWERED /* *ret_answer says what */
} KeysAdvice;

typedef struct KeysAnswer {
        void *asker;
        IssuerKeysAnswer answer;
} KeysAnswer;

typedef struct Keys {
        GHashTable *kids;    /* set of the last good set's kids; NULL: there never was one */
        GHashTable *asked;   /* kid → array of askers whom the attempt under way will answer */
        GHashTable *late;    /* the same, for who came during an attempt or waits out a cooldown */
        size_t n_askers;     /* in both */
        GHashTable *absent;  /* kid → its link in absent_order */
        GQueue absent_order; /* oldest first, which is also the order of expiry */
        bool fetching;       /* an attempt is under way */
        unsigned n_failures; /* attempts that failed since the last good one */
        int64_t cooldown_usec;    /* until then no attempt for the sake of an unknown kid */
        int64_t due_usec;         /* the background's next attempt */
        int64_t hold_usec;        /* until then the provider wants no attempt at all */
        int64_t fresh_until_usec; /* of the last good set; meaningless without one */
} Keys;

/* keys_fresh_sec: for how long a set with this Cache-Control (NULL or "": none) is taken as fresh,
 * within ISSUER_REFRESH_MIN_SEC and _MAX_SEC. no-store, no-cache and what cannot be read are 0. */
int64_t keys_fresh_sec(const char *cache_control);

void keys_init(Keys *keys, int64_t now_usec); /* an attempt is due at once */
/* keys_ask: who asks for a kid that is in the last good set is told ISSUER_KEYS_ASKED at once: the
 * view that holds it is already on its way to the asker. */
KeysAdvice keys_ask(Keys *keys, Span kid, void *asker, int64_t now_usec,
                    IssuerKeysAnswer *ret_answer);
/* keys_next_usec: when keys_begin will say yes; -1: not before the attempt under way has ended. */
int64_t keys_next_usec(const Keys *keys);
/* keys_begin: true when an attempt is due; the caller starts it and reports its end. */
bool keys_begin(Keys *keys, int64_t now_usec);
/* keys_succeeded: kids (a set of char *) is taken over; answers (of KeysAnswer) gets who is done.
 */
void keys_succeeded(Keys *keys, GHashTable *kids, int64_t fresh_sec, double chance,
                    int64_t now_usec, GArray *answers);
/* keys_failed: retry_after_sec: what the provider asked for; 0: nothing. It delays the background
 * and questions alike, ISSUER_RETRY_AFTER_MAX_SEC at most; who asks meanwhile is told UNAVAILABLE.
 */
void keys_failed(Keys *keys, int64_t retry_after_sec, double chance, int64_t now_usec,
                 GArray *answers);
/* keys_restored: a set that an earlier daemon kept, before the first attempt ended. Whatever it is
 * good for, the attempt that is due stays due. */
void keys_restored(Keys *keys, GHashTable *kids, int64_t fresh_until_usec);
/* keys_hurry: the way to the provider has changed: the next attempt is due now, or when the
 * provider's hold is over. */
void keys_hurry(Keys *keys, int64_t now_usec);
/* keys_give_up: everybody who waits is told ISSUER_KEYS_UNAVAILABLE. */
void keys_give_up(Keys *keys, GArray *answers);
void keys_deinit(Keys *keys); /* nobody may wait any more */

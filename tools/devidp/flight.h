/* flight: how many questions about tokens are under way at one time, in all and for one token.
 *
 * A question is under way from its last byte in to the last byte of its answer out; so only a
 * fault that takes time (slow, hang) lets two of them meet. The server's thread. */
#pragma once

#include <glib.h>

typedef struct Flights {
        GHashTable *by_token; /* digest → count, of those under way */
        GHashTable *seen;     /* digests since the last reset: how many tokens were asked about */
        unsigned now;
        unsigned peak;
        unsigned peak_token; /* the most for any one token */
} Flights;

#define FLIGHTS_SEEN_MAX 1000000

Flights *flights_new(void);
void flights_free(Flights *flights);
char *flights_begin(Flights *flights, const char *token); /* what flights_end wants */
void flights_end(Flights *flights, char *flight);         /* takes flight */
void flights_reset(Flights *flights); /* the peaks begin anew at what is under way */

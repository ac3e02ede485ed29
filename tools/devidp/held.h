/* held: connections that are made to wait, until the clock or a change of their endpoint's fault.
 *
 * The server's thread holds (it may suspend in a request handler or a body reader), the main thread
 * releases by held_release_due from a timer: hence the lock. After held_stop nobody is held, and
 * all who were go on: MHD_stop_daemon must not meet a suspended connection. */
#pragma once

#include <glib.h>
#include <microhttpd.h>
#include <stdbool.h>

#define HELD_TICK_MSEC 20 /* how late a release may be */

typedef struct Waiting {
        struct MHD_Connection *connection;
        gint64 until_usec; /* monotonic; 0: until *changes is not changes_seen */
        const _Atomic unsigned *changes;
        unsigned changes_seen;
} Waiting;

typedef struct Held Held;

Held *held_new(void);
void held_free(Held *held);
/* held_add: false: we are stopping, and the connection goes on at once. */
bool held_add(Held *held, const Waiting *waiting);
gboolean held_release_due(gpointer held); /* a GSourceFunc */
void held_stop(Held *held);

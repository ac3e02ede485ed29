#include "net/linger.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_SIZE     8192
#define DRAIN_TURN_MAX 16 /* reads in a turn of the loop: one talker must not hold up a worker */

struct Lingerers {
        GMainContext *context;
        GHashTable *sources; /* of GSource: a set */
};

typedef struct Linger {
        GSource base;
        Lingerers *owner;
        int fd;
} Linger;

/* drain: false when the client is done, or broken. */
static bool drain(int fd)
{
        char rubbish[DRAIN_SIZE];

        for (int i = 0; i < DRAIN_TURN_MAX; i++) {
                ssize_t n = recv(fd, rubbish, sizeof(rubbish), MSG_DONTWAIT);

                if (n == 0)
                        return false;
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR;
        }
        return true;
}

static gboolean linger_dispatch(GSource *source, G_GNUC_UNUSED GSourceFunc callback,
                                G_GNUC_UNUSED gpointer userdata)
{
        Linger *linger = (Linger *) source;

        if (g_source_get_time(source) < g_source_get_ready_time(source) && drain(linger->fd))
                return G_SOURCE_CONTINUE;
        g_hash_table_remove(linger->owner->sources, source);
        return G_SOURCE_REMOVE;
}

static void linger_finalize(GSource *source)
{
        close(((Linger *) source)->fd);
}

static GSourceFuncs linger_functions = { .dispatch = linger_dispatch, .finalize = linger_finalize };

static void linger_drop(gpointer source)
{
        g_source_destroy(source);
        g_source_unref(source);
}

Lingerers *lingerers_new(GMainContext *context)
{
        Lingerers *lingerers = g_new0(Lingerers, 1);

        lingerers->context = context;
        lingerers->sources = g_hash_table_new_full(NULL, NULL, linger_drop, NULL);
        return lingerers;
}

void lingerers_add(Lingerers *lingerers, int fd)
{
        if (lingerers_size(lingerers) >= LINGER_SOCKETS_MAX) {
                close(fd);
                return;
        }
        GSource *source = g_source_new(&linger_functions, sizeof(Linger));
        Linger *linger = (Linger *) source;

        linger->owner = lingerers;
        linger->fd = fd;
        g_source_add_unix_fd(source, fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
        g_source_set_ready_time(source, g_get_monotonic_time() + LINGER_SECONDS * G_USEC_PER_SEC);
        g_source_attach(source, lingerers->context);
        g_hash_table_add(lingerers->sources, source);
}

size_t lingerers_size(const Lingerers *lingerers)
{
        return g_hash_table_size(lingerers->sources);
}

void lingerers_free(Lingerers *lingerers)
{
        if (!lingerers)
                return;
        g_hash_table_unref(lingerers->sources);
        g_free(lingerers);
}

#include "held.h"

struct Held {
        GMutex lock;
        GArray *waiting; /* of Waiting */
        bool stopping;
};

Held *held_new(void)
{
        Held *held = g_new0(Held, 1);

        g_mutex_init(&held->lock);
        held->waiting = g_array_new(FALSE, FALSE, sizeof(Waiting));
        return held;
}

void held_free(Held *held)
{
        if (!held)
                return;
        g_array_unref(held->waiting);
        g_mutex_clear(&held->lock);
        g_free(held);
}

bool held_add(Held *held, const Waiting *waiting)
{
        g_mutex_lock(&held->lock);
        bool takes = !held->stopping;
        if (takes) {
                MHD_suspend_connection(waiting->connection);
                g_array_append_val(held->waiting, *waiting);
        }
        g_mutex_unlock(&held->lock);
        return takes;
}

static bool is_due(const Held *held, const Waiting *waiting)
{
        if (held->stopping)
                return true;
        if (waiting->until_usec)
                return g_get_monotonic_time() >= waiting->until_usec;
        return *waiting->changes != waiting->changes_seen;
}

gboolean held_release_due(gpointer userdata)
{
        Held *held = userdata;

        g_mutex_lock(&held->lock);
        for (unsigned i = held->waiting->len; i > 0; i--) {
                Waiting waiting = g_array_index(held->waiting, Waiting, i - 1);
                if (!is_due(held, &waiting))
                        continue;
                g_array_remove_index_fast(held->waiting, i - 1);
                MHD_resume_connection(waiting.connection);
        }
        g_mutex_unlock(&held->lock);
        return G_SOURCE_CONTINUE;
}

void held_stop(Held *held)
{
        g_mutex_lock(&held->lock);
        held->stopping = true;
        g_mutex_unlock(&held->lock);
        held_release_due(held);
}

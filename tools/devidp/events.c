#include "events.h"

#include <string.h>

static void event_free(void *item)
{
        Event *event = item;

        g_free(event->id);
        g_free(event->resource_path);
        g_free(event->client_id);
        g_free(event->user_id);
        g_free(event);
}

Events *events_new(bool enabled)
{
        Events *events = g_new0(Events, 1);

        events->enabled = enabled;
        g_queue_init(&events->kept);
        return events;
}

void events_free(Events *events)
{
        if (!events)
                return;
        g_queue_clear_full(&events->kept, event_free);
        g_free(events);
}

static const char *const NAMES[] = {
        [OPERATION_CREATE] = "CREATE",
        [OPERATION_UPDATE] = "UPDATE",
        [OPERATION_DELETE] = "DELETE",
};

const char *operation_name(Operation operation)
{
        return NAMES[operation];
}

bool operation_from_name(const char *name, Operation *ret)
{
        for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++) {
                if (strcmp(NAMES[i], name) == 0) {
                        *ret = (Operation) i;
                        return true;
                }
        }
        return false;
}

void events_add(Events *events, gint64 now_msec, const Actor *actor, Operation operation,
                const char *resource_type, char *resource_path)
{
        if (!events->enabled) {
                g_free(resource_path);
                return;
        }
        Event *event = g_new0(Event, 1);
        event->id = g_uuid_string_random();
        event->time_msec = now_msec;
        event->operation = operation;
        event->resource_type = resource_type;
        event->resource_path = resource_path;
        event->client_id = g_strdup(actor->client_id);
        event->user_id = g_strdup(actor->user_id);
        if (g_queue_get_length(&events->kept) >= EVENTS_MAX)
                event_free(g_queue_pop_head(&events->kept));
        g_queue_push_tail(&events->kept, event);
}

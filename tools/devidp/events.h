/* events: the realm's admin events, while they are switched on: the newest EVENTS_MAX. One thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define EVENTS_MAX 10000

typedef enum Operation { OPERATION_CREATE, OPERATION_UPDATE, OPERATION_DELETE } Operation;

typedef struct Event {
        char *id;
        gint64 time_msec;
        Operation operation;
        const char *resource_type; /* Keycloak's word: "USER" */
        char *resource_path;       /* "users/ID" */
        char *client_id, *user_id; /* who did it */
} Event;

typedef struct Events {
        bool enabled;
        GQueue kept; /* of Event, oldest first */
} Events;

/* Actor: who changes something; borrowed. */
typedef struct Actor {
        const char *client_id, *user_id;
} Actor;

Events *events_new(bool enabled);
void events_free(Events *events);
const char *operation_name(Operation operation);
bool operation_from_name(const char *name, Operation *ret);
/* events_add: takes resource_path; nothing is kept while events are off. */
void events_add(Events *events, gint64 now_msec, const Actor *actor, Operation operation,
                const char *resource_type, char *resource_path);

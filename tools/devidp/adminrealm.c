/* The realm itself, its clients, roles and admin events. */
#include "admin.h"

#include "represent.h"

#include <string.h>

#define MSEC_PER_SEC 1000
#define MSEC_PER_DAY (24 * 3600 * MSEC_PER_SEC)

void admin_realm(AdminCall *call)
{
        const Realm *realm = call->idp->realm;

        if (admin_may(call, PERMIT_VIEW_REALM | PERMIT_MANAGE_REALM))
                admin_json(call, json_pack("{s:s, s:s, s:b, s:b, s:b, s:b}", "id", realm->id,
                                           "realm", realm->name, "enabled", 1, "eventsEnabled", 0,
                                           "adminEventsEnabled", realm->events->enabled,
                                           "adminEventsDetailsEnabled", 0));
        else
                admin_json(call, json_pack("{s:s}", "realm", realm->name));
}

/* --- clients and roles --- */

const char *admin_client_of(const AdminCall *call, const char *id)
{
        const Realm *realm = call->idp->realm;
        GHashTableIter clients;
        gpointer name;
        const char *client;
        json_t *roles;

        g_hash_table_iter_init(&clients, realm->clients);
        while (g_hash_table_iter_next(&clients, &name, NULL)) {
                g_autofree char *other = represent_client_id(realm, name);
                if (strcmp(other, id) == 0)
                        return name;
        }
        json_object_foreach (realm->roles->of_clients, client, roles) {
                g_autofree char *other = represent_client_id(realm, client);
                if (strcmp(other, id) == 0)
                        return client;
        }
        return NULL;
}

static bool client_exists(const Realm *realm, const char *name)
{
        return realm_client(realm, name) || json_object_get(realm->roles->of_clients, name);
}

static json_t *represent_client(const AdminCall *call, const char *name)
{
        const Client *client = realm_client(call->idp->realm, name);
        g_autofree char *id = represent_client_id(call->idp->realm, name);
        json_t *json = json_pack("{s:s, s:s}", "id", id, "clientId", name);

        if (!admin_may(call, PERMIT_VIEW_CLIENTS | PERMIT_MANAGE_CLIENTS))
                return json;
        json_object_set_new(json, "enabled", json_true());
        json_object_set_new(json, "publicClient",
                            json_boolean(client && client->proof == CLIENT_PROOF_NONE));
        json_object_set_new(json, "serviceAccountsEnabled",
                            json_boolean(client && client->service_account));
        json_object_set_new(json, "protocol", json_string("openid-connect"));
        json_object_set_new(json, "fullScopeAllowed", json_boolean(client && client->full_scope));
        return json;
}

void admin_clients(AdminCall *call)
{
        const char *wanted = admin_query(call, "clientId");
        json_t *list;

        if (!wanted || admin_flag(call, "search", false)) {
                admin_error(call, 501, "devidp finds clients by clientId only");
                return;
        }
        list = json_array();
        if (client_exists(call->idp->realm, wanted))
                json_array_append_new(list, represent_client(call, wanted));
        admin_json(call, list);
}

bool admin_role_asked(AdminCall *call, const char **ret_client, const char **ret_role)
{
        bool of_client = strcmp(call->parts[0], "clients") == 0;
        const char *client = of_client ? admin_client_of(call, call->parts[1]) : NULL;
        const char *role = call->parts[of_client ? 3 : 1];

        if (of_client && !client) {
                admin_error(call, 404, "Could not find client");
                return false;
        }
        if (!roles_has(call->idp->realm->roles, client, role)) {
                admin_error(call, 404, "Could not find role");
                return false;
        }
        *ret_client = client;
        *ret_role = role;
        return true;
}

void admin_role(AdminCall *call)
{
        const char *client, *role;

        if (admin_role_asked(call, &client, &role))
                admin_json(call, represent_role(call->idp->realm, client, role));
}

/* --- events --- */

void admin_events_config(AdminCall *call)
{
        admin_json(call,
                   json_pack("{s:b, s:[s], s:[], s:b, s:b}", "eventsEnabled", 0, "eventsListeners",
                             "jboss-logging", "enabledEventTypes", "adminEventsEnabled",
                             call->idp->realm->events->enabled, "adminEventsDetailsEnabled", 0));
}

static bool is_day(const char *text)
{
        return g_regex_match_simple("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", text, 0, 0);
}

/* The beginning of a day, or milliseconds. */
static bool read_time(const char *text, gint64 *ret_msec)
{
        guint64 msec;

        if (is_day(text)) {
                g_autofree char *midnight = g_strdup_printf("%sT00:00:00Z", text);
                g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(midnight, NULL);
                if (date)
                        *ret_msec = g_date_time_to_unix(date) * MSEC_PER_SEC;
                return date;
        }
        if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &msec, NULL))
                return false;
        *ret_msec = (gint64) msec;
        return true;
}

/* EventFilter: which events are asked for. */
typedef struct EventFilter {
        gint64 from_msec, to_msec;
        unsigned operations; /* bits; all when none is named */
        bool oldest_first;
} EventFilter;

static bool read_operations(AdminCall *call, EventFilter *filter)
{
        const char *words = admin_query(call, "operationTypes");
        g_auto(GStrv) names = g_strsplit(words ? words : "", ",", -1);

        filter->operations = words ? 0 : ~0u;
        for (char **name = names; *name; name++) {
                Operation operation;
                if (!operation_from_name(*name, &operation) && strcmp(*name, "ACTION") != 0) {
                        answer_error(call->answer, 500, "unknown_error",
                                     "For more on this error consult the server log.");
                        return false;
                }
                if (strcmp(*name, "ACTION") != 0)
                        filter->operations |= 1u << operation;
        }
        return true;
}

static bool read_bounds(AdminCall *call, const char *name, gint64 *ret_msec)
{
        const char *text = admin_query(call, name);

        if (!text || read_time(text, ret_msec))
                return true;
        g_autofree char *why = g_strdup_printf("Invalid value for '%s', expected format is "
                                               "yyyy-MM-dd or an Epoch timestamp",
                                               name);
        admin_error(call, 400, why);
        return false;
}

static bool read_filter(AdminCall *call, EventFilter *ret)
{
        const char *direction = admin_query(call, "direction");

        *ret = (EventFilter){ .to_msec = G_MAXINT64 };
        if (!read_operations(call, ret) || !read_bounds(call, "dateFrom", &ret->from_msec) ||
            !read_bounds(call, "dateTo", &ret->to_msec))
                return false;
        if (admin_query(call, "dateTo") && is_day(admin_query(call, "dateTo")))
                ret->to_msec += MSEC_PER_DAY - 1;
        ret->oldest_first = g_strcmp0(direction, "asc") == 0;
        if (!direction || ret->oldest_first || strcmp(direction, "desc") == 0)
                return true;
        admin_error(call, 400, "Invalid value for sortDirection, expected value is asc or desc");
        return false;
}

static bool event_fits(const EventFilter *filter, const Event *event)
{
        return event->time_msec >= filter->from_msec && event->time_msec <= filter->to_msec &&
               (filter->operations & (1u << event->operation));
}

void admin_events(AdminCall *call)
{
        const Events *events = call->idp->realm->events;
        unsigned first = admin_first(call), max = admin_max(call, ADMIN_PAGE_DEFAULT), n = 0;
        EventFilter filter;

        if (!read_filter(call, &filter))
                return;
        json_t *list = json_array();
        for (const GList *item = filter.oldest_first ? events->kept.head : events->kept.tail; item;
             item = filter.oldest_first ? item->next : item->prev)
                if (event_fits(&filter, item->data) && n++ >= first && n - first <= max)
                        json_array_append_new(list, represent_event(call->idp->realm, item->data));
        admin_json(call, list);
}

#include "admin.h"

#include "introspect.h"
#include "members.h"

#include <string.h>

#define ADMIN_JSON "application/json;charset=UTF-8"

/* --- what the answering files share --- */

void admin_json(AdminCall *call, json_t *json)
{
        answer_json(call->answer, 200, json);
        call->answer->content_type = ADMIN_JSON;
        call->answer->cache_control = "no-cache";
}

void admin_no_content(AdminCall *call)
{
        g_clear_pointer(&call->answer->body, g_free);
        call->answer->status = 204;
}

void admin_error(AdminCall *call, unsigned status, const char *error)
{
        answer_error(call->answer, status, error, NULL);
}

void admin_refuse(AdminCall *call, unsigned status, const char *message)
{
        answer_json(call->answer, status, json_pack("{s:s}", "errorMessage", message));
}

const char *admin_query(const AdminCall *call, const char *name)
{
        const char *value = g_hash_table_lookup(call->question->query, name);

        return value && *value ? value : NULL;
}

bool admin_flag(const AdminCall *call, const char *name, bool otherwise)
{
        const char *value = admin_query(call, name);

        return value ? g_ascii_strcasecmp(value, "true") == 0 : otherwise;
}

static bool read_bound(const AdminCall *call, const char *name, gint64 *ret)
{
        const char *value = admin_query(call, name);

        return !value || g_ascii_string_to_signed(value, 10, G_MININT32, G_MAXINT32, ret, NULL);
}

unsigned admin_first(const AdminCall *call)
{
        gint64 first = 0;

        read_bound(call, "first", &first);
        return (unsigned) MAX(first, 0);
}

unsigned admin_max(const AdminCall *call, unsigned otherwise)
{
        gint64 max = otherwise;

        read_bound(call, "max", &max);
        return max < 0 ? ADMIN_PAGE_ALL : (unsigned) max;
}

bool admin_may(const AdminCall *call, unsigned any_of)
{
        return call->permits & any_of;
}

/* --- who asks --- */

typedef struct PermitRow {
        const char *role;
        unsigned permits;
} PermitRow;

static const PermitRow PERMITS[] = {
        { "realm-admin", _PERMIT_ALL },
        { "query-users", PERMIT_QUERY_USERS },
        { "view-users", PERMIT_VIEW_USERS | PERMIT_QUERY_USERS | PERMIT_QUERY_GROUPS },
        { "manage-users", PERMIT_MANAGE_USERS },
        { "query-groups", PERMIT_QUERY_GROUPS },
        { "view-realm", PERMIT_VIEW_REALM },
        { "manage-realm", PERMIT_MANAGE_REALM },
        { "query-clients", PERMIT_QUERY_CLIENTS },
        { "view-clients", PERMIT_VIEW_CLIENTS | PERMIT_QUERY_CLIENTS },
        { "manage-clients", PERMIT_MANAGE_CLIENTS },
        { "view-events", PERMIT_VIEW_EVENTS },
        { "manage-events", PERMIT_MANAGE_EVENTS },
};

static unsigned permits_of(const Idp *idp, const Client *client, const Person *person)
{
        json_t *all = groups_client_roles(idp->realm->groups, person->client_roles, person->groups);
        const json_t *roles = json_object_get(all, "realm-management");
        unsigned permits = 0;

        for (size_t i = 0; client->full_scope && i < G_N_ELEMENTS(PERMITS); i++)
                if (list_has(roles, PERMITS[i].role))
                        permits |= PERMITS[i].permits;
        json_decref(all);
        return permits;
}

/* False: nobody we know. */
static bool read_asker(AdminCall *call)
{
        const char *authorization = question_header(call->question, "authorization");

        if (!authorization || g_ascii_strncasecmp(authorization, "Bearer ", 7) != 0)
                return false;
        const json_t *claims = introspect_active(call->idp, authorization + 7);
        const Client *client =
            realm_client(call->idp->realm, json_string_value(json_object_get(claims, "azp")));
        const Person *person =
            realm_person_by_id(call->idp->realm, json_string_value(json_object_get(claims, "sub")));
        if (!client || !person)
                return false;
        call->actor = (Actor){ client->id, person->id };
        call->permits = permits_of(call->idp, client, person);
        return true;
}

/* --- routes --- */

typedef struct AdminRoute {
        const char *method;
        const char *path;      /* below the realm; "*": any one part */
        unsigned any_of, also; /* of the asker's permits, one of each; 0: the file sees to it */
        AdminAnswer answer;
} AdminRoute;

#define ROLES       (PERMIT_VIEW_REALM | PERMIT_MANAGE_REALM)
#define CLIENTS     (PERMIT_VIEW_CLIENTS | PERMIT_MANAGE_CLIENTS)
#define EVENTS      (PERMIT_VIEW_EVENTS | PERMIT_MANAGE_EVENTS)
#define LIST_GROUPS (PERMITS_VIEW_USERS | PERMIT_QUERY_GROUPS)

static const AdminRoute ROUTES[] = {
        { "GET", "", _PERMIT_ALL, 0, admin_realm },
        { "GET", "users", PERMITS_QUERY_USERS, 0, admin_users },
        { "GET", "users/count", PERMITS_QUERY_USERS, 0, admin_users_count },
        { "GET", "users/*", PERMITS_VIEW_USERS, 0, admin_user },
        { "PUT", "users/*", PERMIT_MANAGE_USERS, 0, admin_user_put },
        { "GET", "users/*/groups", PERMITS_VIEW_USERS, 0, admin_user_groups },
        { "GET", "users/*/role-mappings", PERMITS_VIEW_USERS, 0, admin_user_roles },
        { "GET", "users/*/role-mappings/realm", PERMITS_VIEW_USERS, 0, admin_user_realm_roles },
        { "GET", "users/*/role-mappings/realm/composite", PERMITS_VIEW_USERS, 0,
          admin_user_realm_roles },
        { "GET", "users/*/role-mappings/clients/*", PERMITS_VIEW_USERS, 0,
          admin_user_client_roles },
        { "GET", "users/*/role-mappings/clients/*/composite", PERMITS_VIEW_USERS, 0,
          admin_user_client_roles },
        { "GET", "groups", LIST_GROUPS, 0, admin_groups },
        { "GET", "groups/count", LIST_GROUPS, 0, admin_groups_count },
        { "GET", "groups/*", PERMITS_VIEW_USERS, 0, admin_group },
        { "PUT", "groups/*", PERMIT_MANAGE_USERS, 0, admin_group_put },
        { "GET", "groups/*/children", PERMITS_VIEW_USERS, 0, admin_group_children },
        { "GET", "groups/*/members", PERMITS_VIEW_USERS, 0, admin_group_members },
        { "GET", "roles/*", ROLES, 0, admin_role },
        { "GET", "roles/*/users", ROLES, PERMITS_QUERY_USERS, admin_role_users },
        { "GET", "roles/*/groups", ROLES, 0, admin_role_groups },
        { "GET", "clients", CLIENTS | PERMIT_QUERY_CLIENTS, 0, admin_clients },
        { "GET", "clients/*/roles/*", CLIENTS, 0, admin_role },
        { "GET", "clients/*/roles/*/users", CLIENTS, PERMITS_QUERY_USERS, admin_role_users },
        { "GET", "clients/*/roles/*/groups", CLIENTS, 0, admin_role_groups },
        { "GET", "admin-events", EVENTS, 0, admin_events },
        { "GET", "events/config", EVENTS, 0, admin_events_config },
};

static bool part_fits(const char *wanted, const char *part)
{
        return (strcmp(wanted, "*") == 0 && *part) || strcmp(wanted, part) == 0;
}

static bool route_fits(const AdminRoute *route, char *const *parts)
{
        g_auto(GStrv) wanted = g_strsplit(route->path, "/", ADMIN_PARTS_MAX);
        size_t i = 0;

        for (; wanted[i] && parts[i]; i++)
                if (!part_fits(wanted[i], parts[i]))
                        return false;
        return !wanted[i] && !parts[i];
}

/* *ret_known: the path is there, if not by this method. */
static const AdminRoute *route_find(const char *method, char *const *parts, bool *ret_known)
{
        *ret_known = false;
        for (size_t i = 0; i < G_N_ELEMENTS(ROUTES); i++) {
                if (!route_fits(&ROUTES[i], parts))
                        continue;
                *ret_known = true;
                if (strcmp(ROUTES[i].method, method) == 0)
                        return &ROUTES[i];
        }
        return NULL;
}

/* Keycloak's order: who, then bounds that are no numbers, then what they may. */
static void answer_call(AdminCall *call)
{
        bool known;
        const AdminRoute *route = route_find(call->question->method, call->parts, &known);
        gint64 bound;

        if (!read_asker(call))
                admin_error(call, 401, "HTTP 401 Unauthorized");
        else if (!known || !read_bound(call, "first", &bound) || !read_bound(call, "max", &bound))
                admin_error(call, 404, "HTTP 404 Not Found");
        else if (!route)
                admin_error(call, 405, "HTTP 405 Method Not Allowed");
        else if (!admin_may(call, route->any_of) || (route->also && !admin_may(call, route->also)))
                admin_error(call, 403, "HTTP 403 Forbidden");
        else
                route->answer(call);
}

void admin_answer(Idp *idp, const Question *question, Answer *answer)
{
        g_autofree char *prefix = g_strdup_printf("/admin/realms/%s", idp->realm->name);
        const char *below =
            g_str_has_prefix(question->path, prefix) ? question->path + strlen(prefix) : "?";
        bool ours = *below == '\0' || *below == '/';
        g_auto(GStrv) parts = g_strsplit(*below == '/' ? below + 1 : below, "/", ADMIN_PARTS_MAX);

        if (ours)
                answer_call(&(AdminCall){
                    .idp = idp, .question = question, .parts = parts, .answer = answer });
        else
                answer_error(answer, 404, "Realm not found.", NULL);
}

/* adminwalk: see adminwalk.h. */
#include "issuer/adminwalk.h"

#include "token/json.h"

/* Requests. {id}, {name}, {client} and {since} are the walk's, escaped. */
typedef struct AdminRoute {
        const char *what;  /* "may not …" */
        const char *roles; /* that this needs, of realm-management */
        const char *path;
        const char *query; /* NULL: none */
        bool is_paged;
        bool is_sifted; /* the provider leaves some out of a page: only an empty one is the last */
        bool is_of_one; /* 404 is an answer */
        bool is_put;
} AdminRoute;

/* BRIEF: without attributes, which takes Keycloak much less time. */
#define FULL  "briefRepresentation=false"
#define BRIEF "briefRepresentation=true"

static const AdminRoute route_users = {
        .what = "list the realm's users",
        .roles = "view-users",
        .path = "users",
        .query = FULL,
        .is_paged = true,
        .is_sifted = true,
};
static const AdminRoute route_groups = {
        .what = "list the realm's groups",
        .roles = "query-groups (or view-users)",
        .path = "groups",
        .query = FULL "&populateHierarchy=false",
        .is_paged = true,
};
static const AdminRoute route_children = {
        .what = "list a group's subgroups",
        .roles = "view-users",
        .path = "groups/{id}/children",
        .query = FULL,
        .is_paged = true,
        .is_of_one = true,
};
static const AdminRoute route_group_users = {
        .what = "list a group's members",
        .roles = "view-users",
        .path = "groups/{id}/members",
        .query = FULL,
        .is_paged = true,
        .is_of_one = true,
};
static const AdminRoute route_members = {
        .what = "list a group's members",
        .roles = "view-users",
        .path = "groups/{id}/members",
        .query = BRIEF,
        .is_paged = true,
        .is_of_one = true,
};
static const AdminRoute route_role_users = {
        .what = "list who has a realm role",
        .roles = "view-realm (and view-users)",
        .path = "roles/{name}/users",
        .query = BRIEF,
        .is_paged = true,
        .is_of_one = true,
};
static const AdminRoute route_role_groups = {
        .what = "list the groups that have a realm role",
        .roles = "view-realm (and view-users)",
        .path = "roles/{name}/groups",
        .query = FULL,
        .is_paged = true,
        .is_of_one = true,
};
static const AdminRoute route_client = {
        .what = "look for a client",
        .roles = "view-clients",
        .path = "clients",
        .query = "clientId={client}",
};
static const AdminRoute route_client_role_users = {
        .what = "list who has a client's role",
        .roles = "view-clients (and view-users)",
        .path = "clients/{id}/roles/{name}/users",
        .query = BRIEF,
        .is_paged = true,
        .is_of_one = true,
};
static const AdminRoute route_client_role_groups = {
        .what = "list the groups that have a client's role",
        .roles = "view-clients (and view-users)",
        .path = "clients/{id}/roles/{name}/groups",
        .query = FULL,
        .is_paged = true,
        .is_of_one = true,
};
static const AdminRoute route_events = {
        .what = "read the admin events",
        .roles = "view-events",
        .path = "admin-events",
        .query = "dateFrom={since}",
        .is_paged = true,
};
static const AdminRoute route_events_config = {
        .what = "read which events are kept",
        .roles = "view-events",
        .path = "events/config",
};
static const AdminRoute route_user = {
        .what = "read a user",
        .roles = "view-users",
        .path = "users/{id}",
        .is_of_one = true,
};
static const AdminRoute route_user_by_name = {
        .what = "look for a user",
        .roles = "view-users",
        .path = "users",
        .query = "username={name}&exact=true&" FULL,
};
static const AdminRoute route_user_groups = {
        .what = "list a user's groups",
        .roles = "view-users",
        .path = "users/{id}/groups",
        .query = FULL,
        .is_paged = true,
        .is_of_one = true,
};
static const AdminRoute route_user_roles = {
        .what = "list a user's roles",
        .roles = "view-users",
        .path = "users/{id}/role-mappings",
        .is_of_one = true,
};
static const AdminRoute route_user_realm_roles = {
        .what = "list a user's effective roles",
        .roles = "view-users",
        .path = "users/{id}/role-mappings/realm/composite",
        .is_of_one = true,
};
/* What Keycloak's own console asks; no other way has all clients in one answer. */
static const AdminRoute route_user_client_roles = {
        .what = "list a user's effective roles",
        .roles = "view-users",
        .path = "ui-ext/effective-roles/users/{id}",
        .is_of_one = true,
};
static const AdminRoute route_user_put = {
        .what = "change a user",
        .roles = "manage-users",
        .path = "users/{id}",
        .is_of_one = true,
        .is_put = true,
};
static const AdminRoute route_group = {
        .what = "read a group",
        .roles = "view-users",
        .path = "groups/{id}",
        .is_of_one = true,
};
static const AdminRoute route_group_put = {
        .what = "change a group",
        .roles = "manage-users",
        .path = "groups/{id}",
        .is_of_one = true,
        .is_put = true,
};

typedef struct AdminParent {
        char *id;
        unsigned depth; /* of its children */
        bool has_path;
} AdminParent;

static void parent_free(AdminParent *parent)
{
        if (!parent)
                return;
        g_free(parent->id);
        g_free(parent);
}

typedef void (*TakeStep)(AdminWalk *walk, Span body, AdminOutcome *ret);

struct AdminWalk {
        const AdminRoute *route; /* of the next request */
        const AdminRoute *after; /* when the client is known */
        TakeStep take;
        AdminItem item;
        char *id, *name, *client;
        int64_t since_msec;
        unsigned first, n_pages;

        GQueue parents;      /* whose children are to be listed yet */
        AdminParent *parent; /* whose are being listed; NULL: the top */
        GHashTable *groups;  /* ids that were told */

        json_t *wanted; /* attributes */
        json_t *thing;  /* what is written, or put together */
};

/* Steps */

static void outcome_fail(AdminOutcome *outcome, AdminResult result, char *trouble)
{
        json_decref(outcome->items);
        *outcome = (AdminOutcome){ .result = result, .trouble = trouble };
}

static void outcome_end(AdminOutcome *outcome, json_t *items)
{
        *outcome = (AdminOutcome){ .result = ADMIN_OK, .items = items };
}

static void outcome_go_on(AdminOutcome *outcome)
{
        *outcome = (AdminOutcome){ .result = ADMIN_OK, .goes_on = true, .is_silent = true };
}

/* The next page, if there may be one. False: there are too many, and the outcome says so. */
static bool walk_turn_page(AdminWalk *walk, size_t n_items, AdminOutcome *outcome)
{
        outcome->goes_on = walk->route->is_sifted ? n_items > 0 : n_items == ADMIN_PAGE;
        walk->first += ADMIN_PAGE;
        if (!outcome->goes_on || ++walk->n_pages < ADMIN_PAGES_MAX)
                return true;
        outcome_fail(outcome, ADMIN_UNAVAILABLE, g_strdup("the provider's list does not end"));
        return false;
}

static void take_list(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        ret->items = admin_reply_list(body, walk->item, ADMIN_PAGE, &ret->trouble);
        if (!ret->items)
                return;
        ret->result = ADMIN_OK;
        (void) walk_turn_page(walk, json_array_size(ret->items), ret);
}

/* take_thing: the one that was asked for; NULL: *ret_trouble. */
static json_t *take_thing(const AdminWalk *walk, Span body, char **ret_trouble)
{
        json_auto *thing = admin_reply_item(body, walk->item, ret_trouble);

        if (!thing || strcmp(json_string_value(json_object_get(thing, "id")), walk->id) == 0)
                return json_incref(thing);
        *ret_trouble = g_strdup("the provider's answer has another id than was asked for");
        return NULL;
}

static void take_user(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        ret->items = take_thing(walk, body, &ret->trouble);
        if (ret->items)
                ret->result = ADMIN_OK;
}

/* Keycloak's user names are in lower case, whatever was asked for. ASCII's alone: folded by
 * Unicode, the Kelvin sign is a k, and another person would be found. */
static void take_user_by_name(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        json_auto *users = admin_reply_list(body, ADMIN_ITEM_USER, ADMIN_PAGE, &ret->trouble);
        json_t *user;
        size_t index;

        if (!users)
                return;
        json_array_foreach (users, index, user) {
                const char *name = json_string_value(json_object_get(user, "username"));

                if (g_ascii_strcasecmp(name, walk->name) == 0) {
                        outcome_end(ret, json_incref(user));
                        return;
                }
        }
        outcome_fail(ret, ADMIN_NOT_FOUND, g_strdup("the realm has no user of this name"));
}

static void take_events_kept(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        json_auto *config = admin_reply_object(body, &ret->trouble);
        const json_t *kept = json_object_get(config, "adminEventsEnabled");

        if (config)
                outcome_end(ret, json_pack("{s:b}", "kept", json_is_true(kept)));
}

/* Of a client's roles: first its id. */
static void take_client(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        json_auto *clients = admin_reply_list(body, ADMIN_ITEM_CLIENT, ADMIN_PAGE, &ret->trouble);
        json_t *client;
        size_t index;

        if (!clients)
                return;
        json_array_foreach (clients, index, client) {
                const char *name = json_string_value(json_object_get(client, "clientId"));

                if (strcmp(name, walk->client) != 0)
                        continue;
                g_free(walk->id);
                walk->id = g_strdup(json_string_value(json_object_get(client, "id")));
                walk->route = walk->after;
                walk->take = take_list;
                outcome_go_on(ret);
                return;
        }
        outcome_fail(ret, ADMIN_NOT_FOUND,
                     g_strdup("the realm has no such client, or does not show it to who lacks the "
                              "role view-clients of realm-management"));
}

/* Groups: a list of the top, then one for each group that has children */

static void walk_note_parent(AdminWalk *walk, const json_t *group, bool has_path)
{
        const json_t *count = json_object_get(group, "subGroupCount");
        AdminParent *parent;

        if (count && json_integer_value(count) == 0)
                return;
        parent = g_new0(AdminParent, 1);
        parent->id = g_strdup(json_string_value(json_object_get(group, "id")));
        parent->depth = walk->parent ? walk->parent->depth + 1 : 1;
        parent->has_path = has_path;
        g_queue_push_tail(&walk->parents, parent);
}

/* False: it was told before. */
static bool walk_note_group(AdminWalk *walk, json_t *group)
{
        const char *name = json_string_value(json_object_get(group, "name"));
        bool has_path = (!walk->parent || walk->parent->has_path) && !strchr(name, '/');

        if (!g_hash_table_add(walk->groups,
                              g_strdup(json_string_value(json_object_get(group, "id")))))
                return false;
        if (walk->parent)
                json_object_set_new(group, "parentId", json_string(walk->parent->id));
        else
                json_object_del(group, "parentId");
        if (!has_path)
                json_object_del(group, "path");
        walk_note_parent(walk, group, has_path);
        json_object_del(group, "subGroupCount");
        return true;
}

static char *walk_groups_trouble(const AdminWalk *walk)
{
        const AdminParent *next = g_queue_peek_tail((GQueue *) &walk->parents);

        if (g_hash_table_size(walk->groups) > ADMIN_GROUPS_MAX)
                return g_strdup_printf("the realm has more than %d groups", ADMIN_GROUPS_MAX);
        if (next && next->depth > ADMIN_GROUP_DEPTH_MAX)
                return g_strdup_printf("the realm's groups are nested more than %d deep",
                                       ADMIN_GROUP_DEPTH_MAX);
        return NULL;
}

/* The list is at its end: the next one. False: there is none. */
static bool walk_next_parent(AdminWalk *walk)
{
        parent_free(walk->parent);
        walk->parent = g_queue_pop_head(&walk->parents);
        if (!walk->parent)
                return false;
        g_free(walk->id);
        walk->id = g_strdup(walk->parent->id);
        walk->route = &route_children;
        walk->first = walk->n_pages = 0;
        return true;
}

static void take_groups(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        json_auto *page = admin_reply_list(body, ADMIN_ITEM_GROUP, ADMIN_PAGE, &ret->trouble);
        json_t *group;
        size_t index;
        char *trouble;

        if (!page)
                return;
        ret->result = ADMIN_OK;
        ret->items = json_array();
        json_array_foreach (page, index, group) {
                if (walk_note_group(walk, group))
                        json_array_append(ret->items, group);
        }
        trouble = walk_groups_trouble(walk);
        if (trouble) {
                outcome_fail(ret, ADMIN_UNAVAILABLE, trouble);
                return;
        }
        if (!walk_turn_page(walk, json_array_size(page), ret))
                return;
        if (!ret->goes_on)
                ret->goes_on = walk_next_parent(walk);
        ret->is_silent = ret->goes_on && json_array_size(ret->items) == 0;
}

/* Roles of a user: those of one's own, then the effective ones where the provider tells them */

static json_t *names_of(const json_t *roles)
{
        json_t *names = json_array();
        const json_t *role;
        size_t index;

        json_array_foreach (roles, index, role) {
                const char *name = json_string_value(json_object_get(role, "name"));

                if (name)
                        json_array_append_new(names, json_string(name));
        }
        return names;
}

static void take_client_roles(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        json_auto *roles = admin_reply_list(body, ADMIN_ITEM_CLIENT_ROLE, SIZE_MAX, &ret->trouble);
        json_t *clients, *role;
        size_t index;

        if (!roles)
                return;
        clients = json_object();
        json_array_foreach (roles, index, role) {
                const char *client = json_string_value(json_object_get(role, "client"));

                if (!json_object_get(clients, client))
                        json_object_set_new(clients, client, json_array());
                json_array_append(json_object_get(clients, client), json_object_get(role, "role"));
        }
        json_object_set_new(walk->thing, "clients", clients);
        outcome_end(ret, json_incref(walk->thing));
}

static void take_realm_roles(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        json_auto *roles = admin_reply_list(body, ADMIN_ITEM_ROLE, SIZE_MAX, &ret->trouble);

        if (!roles)
                return;
        json_object_set_new(walk->thing, "realm", names_of(roles));
        walk->route = &route_user_client_roles;
        walk->take = take_client_roles;
        outcome_go_on(ret);
}

static void take_own_roles(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        json_auto *mappings = admin_reply_object(body, &ret->trouble);
        json_t *clients, *client;
        const char *name;

        if (!mappings)
                return;
        clients = json_object();
        json_object_foreach (json_object_get(mappings, "clientMappings"), name, client) {
                json_object_set_new(clients, name, names_of(json_object_get(client, "mappings")));
        }
        walk->thing =
            json_pack("{s:o, s:o}", "realm", names_of(json_object_get(mappings, "realmMappings")),
                      "clients", clients);
        walk->route = &route_user_realm_roles;
        walk->take = take_realm_roles;
        outcome_go_on(ret);
}

/* Attributes: read, write, read again */

static bool is_of_user(const AdminWalk *walk)
{
        return walk->item == ADMIN_ITEM_USER;
}

static json_t *values_of(const json_t *thing, const char *name)
{
        return json_object_get(json_object_get(thing, "attributes"), name);
}

static bool is_as_wanted(const json_t *values, const json_t *text)
{
        return json_array_size(values) == 1 && json_equal(json_array_get(values, 0), text);
}

/* walk_missing: the first attribute that is not as it is wanted; NULL: all are. */
static const char *walk_missing(const AdminWalk *walk, const json_t *thing)
{
        const char *name;
        json_t *text;

        json_object_foreach (walk->wanted, name, text)
                if (!is_as_wanted(values_of(thing, name), text))
                        return name;
        return NULL;
}

/* walk_contested: the first one that has another value; NULL: there is none. */
static const char *walk_contested(const AdminWalk *walk, const json_t *thing)
{
        const char *name;
        json_t *text;

        json_object_foreach (walk->wanted, name, text) {
                const json_t *values = values_of(thing, name);

                if (json_array_size(values) > 0 && !is_as_wanted(values, text))
                        return name;
        }
        return NULL;
}

static void outcome_refuse(AdminOutcome *outcome, const char *name)
{
        outcome_fail(
            outcome, ADMIN_REFUSED,
            g_strdup_printf("the realm has another value of %s by now, which stays", name));
}

static void take_read_again(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        json_auto *thing = take_thing(walk, body, &ret->trouble);
        const char *missing = thing ? walk_missing(walk, thing) : NULL;
        const char *contested = thing ? walk_contested(walk, thing) : NULL;

        if (contested)
                outcome_refuse(ret, contested);
        else if (missing)
                outcome_fail(ret, ADMIN_NOT_PERMITTED,
                             g_strdup_printf("the realm did not keep the attribute %s: declare it "
                                             "in the realm's user profile, or let administrators "
                                             "edit unmanaged attributes",
                                             missing));
        else if (thing)
                outcome_end(ret, json_incref(thing));
}

static void take_written(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        walk->route = is_of_user(walk) ? &route_user : &route_group;
        walk->take = take_read_again;
        outcome_go_on(ret);
}

static void walk_set_wanted(const AdminWalk *walk, json_t *thing)
{
        const char *name;
        json_t *text;

        if (!json_is_object(json_object_get(thing, "attributes")))
                json_object_set_new(thing, "attributes", json_object());
        json_object_foreach (walk->wanted, name, text) {
                json_object_set_new(json_object_get(thing, "attributes"), name,
                                    json_pack("[O]", text));
        }
}

static void take_to_write(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        json_auto *thing = take_thing(walk, body, &ret->trouble);
        const char *contested = thing ? walk_contested(walk, thing) : NULL;

        if (!thing)
                return;
        if (contested) {
                outcome_refuse(ret, contested);
                return;
        }
        if (!walk_missing(walk, thing)) {
                outcome_end(ret, json_incref(thing));
                return;
        }
        walk_set_wanted(walk, thing);
        walk->thing = json_incref(thing);
        walk->route = is_of_user(walk) ? &route_user_put : &route_group_put;
        walk->take = take_written;
        outcome_go_on(ret);
}

/* Answers that are not 200 */

static char *say_not_permitted(const AdminWalk *walk, const char *client_id)
{
        return g_strdup_printf("client %s may not %s: give its service account the role %s of "
                               "realm-management",
                               client_id, walk->route->what, walk->route->roles);
}

/* is_of_realm: Keycloak's 404 has a JSON object. A gateway that has lost its way to the provider
 * answers 404, too, with anything else, and nobody is gone for that. */
static bool is_of_realm(Span body)
{
        g_autofree char *why = admin_reply_refusal(body);

        return *why;
}

/* What a provider has not, or has no more: some steps can do without. */
static void walk_take_absence(AdminWalk *walk, Span body, AdminOutcome *ret)
{
        if (walk->route == &route_user_realm_roles) {
                walk->route = &route_user_client_roles;
                walk->take = take_client_roles;
                outcome_go_on(ret);
        } else if (walk->route == &route_user_client_roles) {
                outcome_end(ret, json_incref(walk->thing));
        } else if (walk->route->is_of_one && !is_of_realm(body)) {
                outcome_fail(ret, ADMIN_UNAVAILABLE,
                             g_strdup("not the Admin API, but something before it answered (HTTP "
                                      "status 404)"));
        } else if (walk->route == &route_children) {
                take_groups(walk, span_from("[]"), ret); /* deleted meanwhile */
        } else if (walk->route->is_of_one) {
                outcome_fail(ret, ADMIN_NOT_FOUND,
                             g_strdup("the realm has no such thing (any more)"));
        } else {
                outcome_fail(ret, ADMIN_UNAVAILABLE,
                             g_strdup("there is no Admin API at admin_url (HTTP status 404)"));
        }
}

static void walk_take_refusal(const AdminWalk *walk, Span body, AdminOutcome *ret)
{
        g_autofree char *why = admin_reply_refusal(body);

        outcome_fail(ret, ADMIN_REFUSED,
                     g_strdup_printf("the realm refuses to %s: %s", walk->route->what, why));
}

void admin_walk_take(AdminWalk *walk, const char *client_id, unsigned status, Span body,
                     AdminOutcome *ret)
{
        *ret = (AdminOutcome){ 0 };
        if (status == (walk->route->is_put ? 204 : 200))
                walk->take(walk, body, ret);
        else if (status == 403)
                outcome_fail(ret, ADMIN_NOT_PERMITTED, say_not_permitted(walk, client_id));
        else if (status == 404)
                walk_take_absence(walk, body, ret);
        else if (walk->route->is_put && (status == 400 || status == 409))
                walk_take_refusal(walk, body, ret);
        else if (status == 401)
                outcome_fail(ret, ADMIN_UNAVAILABLE,
                             g_strdup("the Admin API does not take the token that the provider "
                                      "gave (HTTP status 401)"));
        else
                outcome_fail(ret, ADMIN_UNAVAILABLE,
                             g_strdup_printf("the Admin API answered with HTTP status %u", status));
}

/* Requests */

/* What stands between the braces of a route. */
static char *walk_value(const AdminWalk *walk, const char *name)
{
        if (g_str_has_prefix(name, "{id}"))
                return g_uri_escape_string(walk->id, NULL, FALSE);
        if (g_str_has_prefix(name, "{name}"))
                return g_uri_escape_string(walk->name, NULL, FALSE);
        if (g_str_has_prefix(name, "{client}"))
                return g_uri_escape_string(walk->client, NULL, FALSE);
        return g_strdup_printf("%" G_GINT64_FORMAT, walk->since_msec);
}

static void walk_expand(const AdminWalk *walk, const char *pattern, GString *url)
{
        for (const char *at = pattern; *at; at++) {
                g_autofree char *value = NULL;

                if (*at != '{') {
                        g_string_append_c(url, *at);
                        continue;
                }
                value = walk_value(walk, at);
                g_string_append(url, value);
                at = strchr(at, '}');
        }
}

char *admin_walk_url(const AdminWalk *walk, const char *admin_url)
{
        GString *url = g_string_new(admin_url);

        g_string_append_c(url, '/');
        walk_expand(walk, walk->route->path, url);
        if (walk->route->query) {
                g_string_append_c(url, '?');
                walk_expand(walk, walk->route->query, url);
        }
        if (walk->route->is_paged)
                g_string_append_printf(url, "&first=%u&max=%d", walk->first, ADMIN_PAGE);
        return g_string_free(url, FALSE);
}

/* A "." would be taken for a path's, escaped or not (RFC 3986 §6.2.2.3). */
static bool is_path_name(const char *name)
{
        size_t len = strlen(name);

        return len > 0 && len <= ADMIN_NAME_SIZE_MAX && strspn(name, ".") < len &&
               g_utf8_validate(name, -1, NULL);
}

char *admin_walk_body(const AdminWalk *walk)
{
        return walk->route->is_put ? json_dumps(walk->thing, JSON_COMPACT) : NULL;
}

/* Life */

/* of_client: of a client's role, whose client's id is asked for first. */
static const struct {
        const AdminRoute *route;
        const AdminRoute *of_client;
        TakeStep take;
        AdminItem item;
} kinds[_ADMIN_WALK_MAX] = {
        [ADMIN_WALK_USERS] = { &route_users, NULL, take_list, ADMIN_ITEM_USER },
        [ADMIN_WALK_GROUPS] = { &route_groups, NULL, take_groups, ADMIN_ITEM_GROUP },
        [ADMIN_WALK_MEMBERS] = { &route_members, NULL, take_list, ADMIN_ITEM_USER },
        [ADMIN_WALK_ROLE_USERS] = { &route_role_users, &route_client_role_users, take_list,
                                    ADMIN_ITEM_USER },
        [ADMIN_WALK_ROLE_GROUPS] = { &route_role_groups, &route_client_role_groups, take_list,
                                     ADMIN_ITEM_GROUP },
        [ADMIN_WALK_EVENTS] = { &route_events, NULL, take_list, ADMIN_ITEM_EVENT },
        [ADMIN_WALK_EVENTS_KEPT] = { &route_events_config, NULL, take_events_kept },
        [ADMIN_WALK_USER] = { &route_user, NULL, take_user, ADMIN_ITEM_USER },
        [ADMIN_WALK_USER_BY_NAME] = { &route_user_by_name, NULL, take_user_by_name,
                                      ADMIN_ITEM_USER },
        [ADMIN_WALK_USER_GROUPS] = { &route_user_groups, NULL, take_list, ADMIN_ITEM_GROUP },
        [ADMIN_WALK_USER_ROLES] = { &route_user_roles, NULL, take_own_roles, ADMIN_ITEM_ROLE },
        [ADMIN_WALK_SET_USER] = { &route_user, NULL, take_to_write, ADMIN_ITEM_USER },
        [ADMIN_WALK_SET_GROUP] = { &route_group, NULL, take_to_write, ADMIN_ITEM_GROUP },
        [ADMIN_WALK_GROUP_USERS] = { &route_group_users, NULL, take_list, ADMIN_ITEM_USER },
};

AdminWalk *admin_walk_new(AdminWalkKind kind, const AdminWalkAsked *asked, const char **ret_trouble)
{
        AdminWalk *walk;

        *ret_trouble = "this is no id of the Admin API";
        if (asked->id && !admin_reply_id_allowed(asked->id))
                return NULL;
        *ret_trouble = "the Admin API cannot be asked for such a name";
        if ((asked->name && !is_path_name(asked->name)) ||
            (asked->client && !is_path_name(asked->client)))
                return NULL;
        walk = g_new0(AdminWalk, 1);
        walk->route = asked->client ? &route_client : kinds[kind].route;
        walk->take = asked->client ? take_client : kinds[kind].take;
        walk->after = kinds[kind].of_client;
        walk->item = kinds[kind].item;
        walk->id = g_strdup(asked->id);
        walk->name = g_strdup(asked->name);
        walk->client = g_strdup(asked->client);
        walk->since_msec = MAX(asked->since_msec, 0);
        walk->wanted = json_deep_copy(asked->wanted);
        walk->groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_queue_init(&walk->parents);
        return walk;
}

void admin_walk_free(AdminWalk *walk)
{
        if (!walk)
                return;
        g_free(walk->id);
        g_free(walk->name);
        g_free(walk->client);
        g_queue_clear_full(&walk->parents, (GDestroyNotify) parent_free);
        parent_free(walk->parent);
        g_hash_table_unref(walk->groups);
        json_decref(walk->wanted);
        json_decref(walk->thing);
        g_free(walk);
}

void admin_outcome_clear(AdminOutcome *outcome)
{
        json_decref(outcome->items);
        g_free(outcome->trouble);
        *outcome = (AdminOutcome){ 0 };
}

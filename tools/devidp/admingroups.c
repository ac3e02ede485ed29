/* Groups: the tree, one of them, and those that have a role. */
#include "admin.h"

#include "members.h"
#include "register.h"
#include "represent.h"

#include <string.h>

static json_t *page_of(const AdminCall *call, const GPtrArray *groups, GroupShape shape,
                       unsigned max)
{
        unsigned first = admin_first(call);
        json_t *list = json_array();

        for (guint i = first; i < groups->len && i - first < max; i++)
                json_array_append_new(list, represent_group(groups->pdata[i], shape,
                                                            admin_may(call, PERMIT_MANAGE_USERS)));
        return list;
}

/* The top ones; what is below them is asked for one by one (since Keycloak 23). */
void admin_groups(AdminCall *call)
{
        GroupShape shape = admin_flag(call, "briefRepresentation", true) ? GROUP_BRIEF : GROUP_FULL;

        if (admin_query(call, "search") || admin_query(call, "q"))
                admin_error(call, 501, "devidp does not search groups");
        else if (admin_may(call, PERMITS_VIEW_USERS))
                admin_json(call, page_of(call, groups_top(call->idp->realm->groups), shape,
                                         admin_max(call, ADMIN_PAGE_ALL)));
        else
                admin_json(call, json_array());
}

void admin_groups_count(AdminCall *call)
{
        const Groups *groups = call->idp->realm->groups;
        unsigned n =
            admin_flag(call, "top", false) ? groups_top(groups)->len : groups_count(groups);

        admin_json(call, json_pack("{s:i}", "count", (int) n));
}

static const Group *asked_group(AdminCall *call)
{
        const Group *group = groups_by_id(call->idp->realm->groups, call->parts[1]);

        if (!group)
                admin_error(call, 404, "Could not find group by id");
        return group;
}

void admin_group(AdminCall *call)
{
        const Group *group = asked_group(call);

        if (group)
                admin_json(
                    call, represent_group(group, GROUP_FULL, admin_may(call, PERMIT_MANAGE_USERS)));
}

#define CHILDREN_DEFAULT 10 /* Keycloak's, unlike other lists */

void admin_group_children(AdminCall *call)
{
        const Group *group = asked_group(call);
        GroupShape shape =
            admin_flag(call, "briefRepresentation", false) ? GROUP_BRIEF : GROUP_FULL;

        if (group)
                admin_json(
                    call, page_of(call, group->children, shape, admin_max(call, CHILDREN_DEFAULT)));
}

/* --- writing --- */

static bool rename_if_other(AdminCall *call, const Group *group, const char *name)
{
        if (strcmp(group->name, name) == 0 ||
            register_group_rename(call->idp, &call->actor, group->path, name, NULL))
                return true;
        g_autofree char *why = g_strdup_printf("Sibling group named '%s' already exists.", name);
        admin_refuse(call, 409, why);
        return false;
}

static bool set_attributes(AdminCall *call, const Group *group, json_t *attributes)
{
        json_t *wanted = json_pack("{s:s}", "path", group->path);

        if (attributes)
                json_object_set_new(wanted, "attributes", attributes_shown(attributes));
        bool good = register_group(call->idp, &call->actor, wanted, NULL);
        json_decref(wanted);
        return good;
}

static void put_group(AdminCall *call, const Group *group, const json_t *body)
{
        const char *name = json_string_value(json_object_get(body, "name"));
        json_t *attributes = json_object_get(body, "attributes");

        if (!name || !*name)
                admin_refuse(call, 400, "Group name is missing");
        else if (attributes && !json_is_object(attributes))
                answer_error(call->answer, 400, "unknown_error", "Cannot parse the JSON");
        else if (rename_if_other(call, group, name) && set_attributes(call, group, attributes))
                admin_no_content(call);
}

void admin_group_put(AdminCall *call)
{
        const Group *group = asked_group(call);
        json_t *body = json_loads(call->question->body, JSON_REJECT_DUPLICATES, NULL);

        if (group && !json_is_object(body))
                answer_error(call->answer, 400, "invalid_request", "Cannot parse the JSON");
        else if (group)
                put_group(call, group, body);
        json_decref(body);
}

/* --- groups of a role --- */

static bool has_role(const Group *group, const char *client, const char *role)
{
        return list_has(client ? json_object_get(group->client_roles, client) : group->realm_roles,
                        role);
}

static void collect(const GPtrArray *groups, const char *client, const char *role, GPtrArray *found)
{
        for (guint i = 0; i < groups->len; i++) {
                Group *group = groups->pdata[i];
                if (has_role(group, client, role))
                        g_ptr_array_add(found, group);
                collect(group->children, client, role, found);
        }
}

void admin_role_groups(AdminCall *call)
{
        g_autoptr(GPtrArray) found = g_ptr_array_new();
        GroupShape shape = admin_flag(call, "briefRepresentation", true) ? GROUP_MEMBERSHIP
                                                                         : GROUP_MEMBERSHIP_FULL;
        const char *client, *role;

        if (!admin_role_asked(call, &client, &role))
                return;
        collect(groups_top(call->idp->realm->groups), client, role, found);
        admin_json(call, page_of(call, found, shape, admin_max(call, ADMIN_PAGE_DEFAULT)));
}

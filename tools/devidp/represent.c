#include "represent.h"

#include "members.h"

#include <string.h>

#define CREATED_MSEC INT64_C(1700000000000) /* of everybody: a realm file does not say */

static void put(json_t *object, const char *name, const char *value)
{
        if (value)
                json_object_set_new(object, name, json_string(value));
}

json_t *represent_person(const Person *person, bool brief)
{
        json_t *json = json_pack("{s:s, s:s}", "id", person->id, "username", person->username);

        put(json, "firstName", person->first_name);
        put(json, "lastName", person->last_name);
        put(json, "email", person->email);
        json_object_set_new(json, "emailVerified", json_boolean(person->email != NULL));
        if (!brief && json_object_size(person->attributes) > 0)
                json_object_set_new(json, "attributes", attributes_shown(person->attributes));
        json_object_set_new(json, "enabled", json_boolean(person->enabled));
        json_object_set_new(json, "createdTimestamp", json_integer(CREATED_MSEC));
        if (!brief) {
                json_object_set_new(json, "totp", json_boolean(person->otp_secret != NULL));
                json_object_set_new(json, "disableableCredentialTypes", json_array());
                json_object_set_new(json, "requiredActions",
                                    person->required_actions
                                        ? json_deep_copy(person->required_actions)
                                        : json_array());
                json_object_set_new(json, "notBefore", json_integer(0));
        }
        return json;
}

static bool is_membership(GroupShape shape)
{
        return shape == GROUP_MEMBERSHIP || shape == GROUP_MEMBERSHIP_FULL;
}

json_t *represent_group(const Group *group, GroupShape shape, bool may_manage)
{
        json_t *json =
            json_pack("{s:s, s:s, s:s}", "id", group->id, "name", group->name, "path", group->path);

        put(json, "parentId", group->parent ? group->parent->id : NULL);
        if (!is_membership(shape))
                json_object_set_new(json, "subGroupCount",
                                    json_integer((json_int_t) group->children->len));
        json_object_set_new(json, "subGroups", json_array());
        if (shape == GROUP_FULL || shape == GROUP_MEMBERSHIP_FULL) {
                json_object_set_new(json, "attributes", attributes_shown(group->attributes));
                json_object_set(json, "realmRoles", group->realm_roles);
                json_object_set(json, "clientRoles", group->client_roles);
        }
        if (!is_membership(shape))
                json_object_set_new(json, "access",
                                    json_pack("{s:b, s:b, s:b, s:b, s:b}", "view", 1, "viewMembers",
                                              1, "manageMembers", may_manage, "manage", may_manage,
                                              "manageMembership", may_manage));
        return json;
}

char *represent_client_id(const Realm *realm, const char *client)
{
        g_autofree char *what = g_strdup_printf("client:%s", client);

        return stable_id(realm->name, what);
}

json_t *represent_role(const Realm *realm, const char *client, const char *role)
{
        g_autofree char *what = g_strdup_printf("role:%s:%s", client ? client : "", role);
        g_autofree char *id = stable_id(realm->name, what);
        g_autofree char *container =
            client ? represent_client_id(realm, client) : g_strdup(realm->id);
        bool composite = !client && g_str_has_prefix(role, "default-roles-");

        return json_pack("{s:s, s:s, s:b, s:b, s:s}", "id", id, "name", role, "composite",
                         composite, "clientRole", client != NULL, "containerId", container);
}

json_t *represent_event(const Realm *realm, const Event *event)
{
        return json_pack("{s:s, s:I, s:s, s:{s:s, s:s, s:s, s:s}, s:s, s:s, s:s}", "id", event->id,
                         "time", (json_int_t) event->time_msec, "realmId", realm->id, "authDetails",
                         "realmId", realm->id, "clientId", event->client_id, "userId",
                         event->user_id, "ipAddress", "127.0.0.1", "operationType",
                         operation_name(event->operation), "resourceType", event->resource_type,
                         "resourcePath", event->resource_path);
}

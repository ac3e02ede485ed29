/* Users, their groups and roles, and whoever is in a group or has a role. */
#include "admin.h"

#include "members.h"
#include "register.h"
#include "represent.h"

#include <string.h>

/* Page: what a visit of people adds to. */
typedef struct Page {
        json_t *list;
        bool brief;
        bool sets_access, may_manage;
} Page;

static void add_to_page(const Person *person, void *userdata)
{
        Page *page = userdata;
        json_t *json = represent_person(person, page->brief);

        if (page->sets_access)
                json_object_set_new(json, "access", json_pack("{s:b}", "manage", page->may_manage));
        json_array_append_new(page->list, json);
}

static void answer_page(AdminCall *call, const CensusFilter *filter, bool sets_access)
{
        Page page = { .list = json_array(),
                      .brief = admin_flag(call, "briefRepresentation", false),
                      .sets_access = sets_access,
                      .may_manage = admin_may(call, PERMIT_MANAGE_USERS) };

        census_page(call->idp->realm->people, filter, admin_first(call),
                    admin_max(call, ADMIN_PAGE_DEFAULT), add_to_page, &page);
        admin_json(call, page.list);
}

/* --- users --- */

/* A search that we cannot do must not look like one that finds everybody. */
static bool asks_too_much(AdminCall *call)
{
        static const char *const OTHERS[] = { "search",        "email", "firstName", "lastName",
                                              "emailVerified", "q",     "enabled",   "idpAlias" };

        for (size_t i = 0; i < G_N_ELEMENTS(OTHERS); i++) {
                if (admin_query(call, OTHERS[i])) {
                        admin_error(call, 501, "devidp searches by username only");
                        return true;
                }
        }
        return false;
}

void admin_users(AdminCall *call)
{
        const char *username = admin_query(call, "username");
        g_autofree char *folded = username ? g_utf8_strdown(username, -1) : NULL;
        CensusFilter filter = { .username = folded, .exact = admin_flag(call, "exact", false) };

        if (asks_too_much(call))
                return;
        if (admin_may(call, PERMITS_VIEW_USERS))
                answer_page(call, &filter, true);
        else
                admin_json(call, json_array());
}

/* A count is told to who may only query, unlike the list. */
void admin_users_count(AdminCall *call)
{
        const char *username = admin_query(call, "username");
        g_autofree char *folded = username ? g_utf8_strdown(username, -1) : NULL;
        CensusFilter filter = { .username = folded, .exact = admin_flag(call, "exact", false) };

        if (asks_too_much(call))
                return;
        admin_json(call, json_integer(census_count(call->idp->realm->people, &filter)));
}

static Person *asked_person(AdminCall *call)
{
        const Realm *realm = call->idp->realm;
        const Person *account = g_hash_table_lookup(realm->service_accounts, call->parts[1]);
        Person *person =
            account ? person_ref(account) : census_find_by_id(realm->people, call->parts[1]);

        if (!person)
                admin_error(call, 404, "User not found");
        return person;
}

void admin_user(AdminCall *call)
{
        g_autoptr(Person) person = asked_person(call);
        bool manage = admin_may(call, PERMIT_MANAGE_USERS);

        if (!person)
                return;
        json_t *json = represent_person(person, false);
        json_object_set_new(json, "access",
                            json_pack("{s:b, s:b, s:b, s:b, s:b}", "manageGroupMembership", manage,
                                      "resetPassword", manage, "view", 1, "mapRoles", manage,
                                      "manage", manage));
        admin_json(call, json);
}

/* --- writing a user --- */

typedef struct Written {
        const char *member; /* of Keycloak's representation */
        const char *ours;   /* of a realm file */
} Written;

static const Written WRITTEN[] = {
        { "firstName", "first_name" },
        { "lastName", "last_name" },
        { "email", "email" },
        { "enabled", "enabled" },
};

/* As a user profile does: what it does not declare is dropped without a word. */
static json_t *kept_attributes(const Realm *realm, const json_t *attributes)
{
        json_t *kept = json_object();
        const char *name;
        json_t *values;

        json_object_foreach ((json_t *) attributes, name, values) {
                if (realm->user_attributes && !list_has(realm->user_attributes, name))
                        continue;
                bool one = json_is_array(values) && json_array_size(values) == 1;
                json_object_set(kept, name, one ? json_array_get(values, 0) : values);
        }
        return kept;
}

/* Attributes are replaced as a whole; so each former one that is not named goes away. */
static json_t *replaced_attributes(const Realm *realm, const Person *person,
                                   const json_t *attributes)
{
        json_t *wanted = kept_attributes(realm, attributes);
        const char *name;
        json_t *value;

        json_object_foreach (person->attributes, name, value)
                if (!json_object_get(wanted, name))
                        json_object_set_new(wanted, name, json_null());
        return wanted;
}

/* The name stays: a realm does not let it be edited, unless it is told to. */
static json_t *wanted_of(const Realm *realm, const Person *person, const json_t *body)
{
        json_t *wanted = json_pack("{s:s}", "username", person->username);
        json_t *attributes = json_object_get(body, "attributes");

        for (size_t i = 0; i < G_N_ELEMENTS(WRITTEN); i++)
                if (json_object_get(body, WRITTEN[i].member))
                        json_object_set(wanted, WRITTEN[i].ours,
                                        json_object_get(body, WRITTEN[i].member));
        if (json_is_object(attributes))
                json_object_set_new(wanted, "attributes",
                                    replaced_attributes(realm, person, attributes));
        return wanted;
}

static void put_person(AdminCall *call, const Person *person, const json_t *body)
{
        json_t *wanted = wanted_of(call->idp->realm, person, body);
        bool good = register_person(call->idp, &call->actor, wanted, NULL, NULL);

        json_decref(wanted);
        if (good)
                admin_no_content(call);
        else
                admin_refuse(call, 400, "Could not update user!");
}

void admin_user_put(AdminCall *call)
{
        g_autoptr(Person) person = asked_person(call);
        json_t *body = json_loads(call->question->body, JSON_REJECT_DUPLICATES, NULL);

        if (person && !json_is_object(body))
                answer_error(call->answer, 400, "invalid_request", "Cannot parse the JSON");
        else if (person && person->service_account)
                admin_refuse(call, 400, "Could not update user!");
        else if (person)
                put_person(call, person, body);
        json_decref(body);
}

/* --- what a user is in --- */

void admin_user_groups(AdminCall *call)
{
        g_autoptr(Person) person = asked_person(call);
        GroupShape shape = admin_flag(call, "briefRepresentation", true) ? GROUP_MEMBERSHIP
                                                                         : GROUP_MEMBERSHIP_FULL;
        unsigned first = admin_first(call), max = admin_max(call, ADMIN_PAGE_ALL), n = 0;
        size_t index;
        json_t *path;

        if (!person)
                return;
        json_t *list = json_array();
        json_array_foreach (person->groups, index, path) {
                const Group *group =
                    groups_by_path(call->idp->realm->groups, json_string_value(path));
                if (group && n++ >= first && n - first <= max)
                        json_array_append_new(list, represent_group(group, shape, false));
        }
        admin_json(call, list);
}

static json_t *represent_all(const Realm *realm, const char *client, const json_t *roles)
{
        json_t *list = json_array();
        size_t index;
        json_t *role;

        json_array_foreach ((json_t *) roles, index, role)
                if (json_is_string(role))
                        json_array_append_new(
                            list, represent_role(realm, client, json_string_value(role)));
        return list;
}

/* The role that a realm gives everybody. */
static json_t *realm_mappings(const Realm *realm, const json_t *roles)
{
        json_t *all = json_array();

        json_array_append_new(all, json_sprintf("default-roles-%s", realm->name));
        json_array_extend(all, (json_t *) roles);
        json_t *list = represent_all(realm, NULL, all);
        json_decref(all);
        return list;
}

static json_t *client_mappings(const Realm *realm, const json_t *of_clients)
{
        json_t *mappings = json_object();
        const char *client;
        json_t *roles;

        json_object_foreach ((json_t *) of_clients, client, roles) {
                g_autofree char *id = represent_client_id(realm, client);
                json_object_set_new(mappings, client,
                                    json_pack("{s:s, s:s, s:o}", "id", id, "client", client,
                                              "mappings", represent_all(realm, client, roles)));
        }
        return mappings;
}

/* Their own, without what groups give. */
void admin_user_roles(AdminCall *call)
{
        const Realm *realm = call->idp->realm;
        g_autoptr(Person) person = asked_person(call);

        if (!person)
                return;
        json_t *json =
            json_pack("{s:o}", "realmMappings", realm_mappings(realm, person->realm_roles));
        if (json_object_size(person->client_roles) > 0)
                json_object_set_new(json, "clientMappings",
                                    client_mappings(realm, person->client_roles));
        admin_json(call, json);
}

static bool is_composite(const AdminCall *call)
{
        return strcmp(call->parts[g_strv_length((char **) call->parts) - 1], "composite") == 0;
}

void admin_user_realm_roles(AdminCall *call)
{
        const Realm *realm = call->idp->realm;
        g_autoptr(Person) person = asked_person(call);

        if (!person)
                return;
        json_t *roles = is_composite(call)
                            ? groups_realm_roles(realm->groups, person->realm_roles, person->groups)
                            : json_incref(person->realm_roles);
        admin_json(call, realm_mappings(realm, roles));
        json_decref(roles);
}

void admin_user_client_roles(AdminCall *call)
{
        const Realm *realm = call->idp->realm;
        g_autoptr(Person) person = asked_person(call);
        const char *client = person ? admin_client_of(call, call->parts[4]) : NULL;

        if (!person)
                return;
        if (!client) {
                admin_error(call, 404, "Client not found");
                return;
        }
        json_t *of_clients =
            is_composite(call)
                ? groups_client_roles(realm->groups, person->client_roles, person->groups)
                : json_incref(person->client_roles);
        admin_json(call, represent_all(realm, client, json_object_get(of_clients, client)));
        json_decref(of_clients);
}

/* --- members --- */

void admin_group_members(AdminCall *call)
{
        CensusFilter filter = { .group = groups_by_id(call->idp->realm->groups, call->parts[1]) };

        if (filter.group)
                answer_page(call, &filter, false);
        else
                admin_error(call, 404, "Could not find group by id");
}

void admin_role_users(AdminCall *call)
{
        CensusFilter filter = { 0 };
        g_autofree char *all = g_strdup_printf("default-roles-%s", call->idp->realm->name);

        if (!admin_role_asked(call, &filter.client, &filter.role))
                return;
        if (!filter.client && strcmp(filter.role, all) == 0)
                filter.role = NULL;
        answer_page(call, &filter, false);
}

#include "register.h"

#include "base/clock.h"
#include "members.h"

#include <string.h>

static bool refuse(GError **error, const char *what, const char *why)
{
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: %s", what, why);
        return false;
}

/* note: takes path. */
static void note(Idp *idp, const Actor *actor, Operation operation, const char *type, char *path)
{
        gint64 now_msec = clock_wall_usec() / 1000 + idp->clock_ahead_sec * 1000;

        events_add(idp->realm->events, now_msec, actor, operation, type, path);
}

static void note_person(Idp *idp, const Actor *actor, Operation operation, const char *id)
{
        note(idp, actor, operation, "USER", g_strdup_printf("users/%s", id));
}

/* --- people --- */

static bool groups_are_there(const Idp *idp, const Person *person)
{
        size_t index;
        json_t *path;

        json_array_foreach (person->groups, index, path)
                if (!groups_by_path(idp->realm->groups, json_string_value(path)))
                        return false;
        return true;
}

static void note_memberships(Idp *idp, const Actor *actor, const char *id, Operation operation,
                             const json_t *paths, const json_t *unless)
{
        size_t index;
        json_t *path;

        json_array_foreach ((json_t *) paths, index, path) {
                const Group *group = groups_by_path(idp->realm->groups, json_string_value(path));
                if (group && !list_has(unless, group->path))
                        note(idp, actor, operation, "GROUP_MEMBERSHIP",
                             g_strdup_printf("users/%s/groups/%s", id, group->id));
        }
}

/* Keycloak tells of memberships apart from what else a person is. */
static void note_change(Idp *idp, const Actor *actor, const Person *former, const Person *now)
{
        json_t *before = former ? json_copy(former->json) : NULL;
        json_t *after = json_copy(now->json);

        json_object_del(before, "groups");
        json_object_del(before, "id");
        json_object_del(after, "groups");
        json_object_del(after, "id");
        if (!json_equal(before, after))
                note_person(idp, actor, former ? OPERATION_UPDATE : OPERATION_CREATE, now->id);
        note_memberships(idp, actor, now->id, OPERATION_CREATE, now->groups,
                         former ? former->groups : NULL);
        note_memberships(idp, actor, now->id, OPERATION_DELETE, former ? former->groups : NULL,
                         now->groups);
        json_decref(before);
        json_decref(after);
}

static json_t *wanted_person(const Person *former, const json_t *wanted, const char *rename)
{
        json_t *json = members_merged(former ? former->json : NULL, wanted);

        if (former)
                json_object_set_new(json, "id", json_string(former->id));
        if (rename)
                json_object_set_new(json, "username", json_string(rename));
        return json;
}

/* Another with the name or, for a new one, with the id. */
static bool is_in_the_way(const Idp *idp, const Person *former, const Person *now)
{
        const Person *other = realm_person(idp->realm, now->username);

        return (other && other != former) || (!former && realm_person_by_id(idp->realm, now->id));
}

static void make_known(Idp *idp, const Person *person)
{
        roles_note(idp->realm->roles, person->realm_roles, person->client_roles);
}

static Person *read_wanted(Idp *idp, const Person *former, const json_t *wanted, const char *rename,
                           GError **error)
{
        json_t *json = wanted_person(former, wanted, rename);
        g_autoptr(Person) now = person_read(idp->realm->name, json, error);

        json_decref(json);
        if (!now)
                return NULL;
        if (is_in_the_way(idp, former, now)) {
                refuse(error, now->username, "somebody has that name or id");
                return NULL;
        }
        if (!groups_are_there(idp, now)) {
                refuse(error, now->username, "a group is not there");
                return NULL;
        }
        return g_steal_pointer(&now);
}

static void place(Idp *idp, const Actor *actor, const Person *former, Person *now)
{
        census_put(idp->realm->people, now);
        make_known(idp, now);
        note_change(idp, actor, former, now);
}

bool register_person(Idp *idp, const Actor *actor, const json_t *wanted, const char *rename,
                     GError **error)
{
        const char *username = json_string_value(json_object_get(wanted, "username"));
        const Person *known = realm_person(idp->realm, username);
        g_autoptr(Person) former = known ? person_ref(known) : NULL;

        if (!known && rename)
                return refuse(error, username ? username : "a user", "is not there");
        g_autoptr(Person) now = read_wanted(idp, known, wanted, rename, error);
        if (now)
                place(idp, actor, former, now);
        return now;
}

static const Person *find(const Idp *idp, const char *username, GError **error)
{
        const Person *person = realm_person(idp->realm, username);

        if (!person)
                refuse(error, username ? username : "a user", "is not there");
        return person;
}

bool register_delete(Idp *idp, const Actor *actor, const char *username, GError **error)
{
        const Person *person = find(idp, username, error);

        if (!person)
                return false;
        note_person(idp, actor, OPERATION_DELETE, person->id);
        census_delete(idp->realm->people, person->id);
        return true;
}

bool register_recreate(Idp *idp, const Actor *actor, const char *username, GError **error)
{
        const Person *former = find(idp, username, error);
        g_autofree char *id = g_uuid_string_random();

        if (!former)
                return false;
        json_t *json = json_copy(former->json);
        json_object_set_new(json, "id", json_string(id));
        g_autoptr(Person) now = person_read(idp->realm->name, json, error);
        json_decref(json);
        if (!now)
                return false;
        note_person(idp, actor, OPERATION_DELETE, former->id);
        census_delete(idp->realm->people, former->id);
        place(idp, actor, NULL, now);
        return true;
}

static bool set_groups(Idp *idp, const Actor *actor, const char *username, json_t *paths,
                       GError **error)
{
        json_t *wanted = json_pack("{s:s, s:o}", "username", username, "groups", paths);
        bool good = register_person(idp, actor, wanted, NULL, error);

        json_decref(wanted);
        return good;
}

bool register_join(Idp *idp, const Actor *actor, const char *username, const json_t *paths,
                   GError **error)
{
        const Person *person = find(idp, username, error);
        size_t index;
        json_t *path;

        if (!person)
                return false;
        json_t *all = person->groups ? json_copy(person->groups) : json_array();
        json_array_foreach ((json_t *) paths, index, path)
                if (!json_is_string(path) || !list_has(all, json_string_value(path)))
                        json_array_append(all, path);
        return set_groups(idp, actor, username, all, error);
}

bool register_leave(Idp *idp, const Actor *actor, const char *username, const json_t *paths,
                    GError **error)
{
        const Person *person = find(idp, username, error);
        json_t *rest = json_array();
        size_t index;
        json_t *path;

        json_array_foreach (person ? person->groups : NULL, index, path)
                if (!list_has(paths, json_string_value(path)))
                        json_array_append(rest, path);
        if (person)
                return set_groups(idp, actor, username, rest, error);
        json_decref(rest);
        return false;
}

/* --- groups --- */

/* A child's creation is told with the parent's id, as Keycloak does. */
static void note_group(Idp *idp, const Actor *actor, Operation operation, const Group *group)
{
        char *path = operation == OPERATION_CREATE && group->parent
                         ? g_strdup_printf("groups/%s/children", group->parent->id)
                         : g_strdup_printf("groups/%s", group->id);

        note(idp, actor, operation, "GROUP", path);
}

/* What is above a new group is made, and told, first. */
static void make_above(Idp *idp, const Actor *actor, const char *path)
{
        for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
                g_autofree char *above = g_strndup(path, (gsize) (end - path));
                bool is_new = !groups_by_path(idp->realm->groups, above);
                const Group *group = groups_make(idp->realm->groups, above, true);
                if (group && is_new)
                        note_group(idp, actor, OPERATION_CREATE, group);
        }
}

bool register_group(Idp *idp, const Actor *actor, const json_t *wanted, GError **error)
{
        const char *path = json_string_value(json_object_get(wanted, "path"));
        bool is_new = !groups_by_path(idp->realm->groups, path);

        if (path && is_new && *path == '/' && !g_str_has_suffix(path, "/"))
                make_above(idp, actor, path);
        const Group *group = groups_put(idp->realm->groups, wanted, true, error);
        if (!group)
                return false;
        roles_note(idp->realm->roles, group->realm_roles, group->client_roles);
        note_group(idp, actor, is_new ? OPERATION_CREATE : OPERATION_UPDATE, group);
        return true;
}

bool register_group_rename(Idp *idp, const Actor *actor, const char *path, const char *name,
                           GError **error)
{
        Group *group = groups_by_path(idp->realm->groups, path);
        g_autofree char *former = g_strdup(path);

        if (!group)
                return refuse(error, path ? path : "a group", "is not there");
        if (!groups_rename(idp->realm->groups, group, name))
                return refuse(error, name, "is no name, or a sibling has it");
        census_regroup(idp->realm->people, former, group->path);
        note_group(idp, actor, OPERATION_UPDATE, group);
        return true;
}

bool register_group_delete(Idp *idp, const Actor *actor, const char *path, GError **error)
{
        Group *group = groups_by_path(idp->realm->groups, path);

        if (!group)
                return refuse(error, path ? path : "a group", "is not there");
        note_group(idp, actor, OPERATION_DELETE, group);
        census_regroup(idp->realm->people, path, NULL);
        census_forget_group(idp->realm->people, group);
        groups_delete(idp->realm->groups, group);
        return true;
}

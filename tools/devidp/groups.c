#include "groups.h"

#include "members.h"
#include "person.h"

#include <string.h>

struct Groups {
        char *realm;
        GHashTable *by_id; /* owns */
        GHashTable *by_path;
        GPtrArray *top;
};

static void group_free(Group *group)
{
        g_free(group->id);
        g_free(group->name);
        g_free(group->path);
        g_ptr_array_unref(group->children);
        json_decref(group->attributes);
        json_decref(group->realm_roles);
        json_decref(group->client_roles);
        g_free(group);
}

Groups *groups_new(const char *realm)
{
        Groups *groups = g_new0(Groups, 1);

        groups->realm = g_strdup(realm);
        groups->by_id =
            g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) group_free);
        groups->by_path = g_hash_table_new(g_str_hash, g_str_equal);
        groups->top = g_ptr_array_new();
        return groups;
}

void groups_free(Groups *groups)
{
        if (!groups)
                return;
        g_ptr_array_unref(groups->top);
        g_hash_table_destroy(groups->by_path);
        g_hash_table_destroy(groups->by_id);
        g_free(groups->realm);
        g_free(groups);
}

Group *groups_by_id(const Groups *groups, const char *id)
{
        return id ? g_hash_table_lookup(groups->by_id, id) : NULL;
}

Group *groups_by_path(const Groups *groups, const char *path)
{
        return path ? g_hash_table_lookup(groups->by_path, path) : NULL;
}

const GPtrArray *groups_top(const Groups *groups)
{
        return groups->top;
}

unsigned groups_count(const Groups *groups)
{
        return g_hash_table_size(groups->by_id);
}

/* --- the tree --- */

static GPtrArray *siblings(const Groups *groups, const Group *parent)
{
        return parent ? parent->children : groups->top;
}

static void place(GPtrArray *list, Group *group)
{
        guint low = 0, high = list->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;
                const Group *other = list->pdata[middle];
                if (strcmp(other->name, group->name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        g_ptr_array_insert(list, (gint) low, group);
}

static char *new_id(const Groups *groups, const char *path, bool is_new)
{
        g_autofree char *what = g_strdup_printf("group:%s", path);

        return is_new ? g_uuid_string_random() : stable_id(groups->realm, what);
}

static Group *add(Groups *groups, Group *parent, const char *path, bool is_new)
{
        Group *group = g_new0(Group, 1);

        group->id = new_id(groups, path, is_new);
        group->name = g_strdup(strrchr(path, '/') + 1);
        group->path = g_strdup(path);
        group->parent = parent;
        group->children = g_ptr_array_new();
        group->attributes = json_object();
        group->realm_roles = json_array();
        group->client_roles = json_object();
        group->number = GROUP_NOT_GENERATED;
        place(siblings(groups, parent), group);
        g_hash_table_insert(groups->by_id, group->id, group);
        g_hash_table_insert(groups->by_path, group->path, group);
        return group;
}

Group *groups_make(Groups *groups, const char *path, bool is_new)
{
        Group *group = groups_by_path(groups, path);

        if (group)
                return group;
        if (*path != '/' || g_str_has_suffix(path, "/") || groups_count(groups) >= GROUPS_MAX)
                return NULL;
        g_autofree char *above = g_strndup(path, (gsize) (strrchr(path, '/') - path));
        Group *parent = *above ? groups_make(groups, above, is_new) : NULL;
        return *above && !parent ? NULL : add(groups, parent, path, is_new);
}

static void take(json_t **place, json_t *value)
{
        if (!value)
                return;
        json_decref(*place);
        *place = json_incref(value);
}

static bool are_lists(const json_t *object)
{
        const char *name;
        json_t *list;

        if (object && !json_is_object(object))
                return false;
        json_object_foreach ((json_t *) object, name, list)
                if (!json_is_array(list))
                        return false;
        return true;
}

Group *groups_put(Groups *groups, const json_t *json, bool is_new, GError **error)
{
        json_t *attributes = NULL, *realm_roles = NULL, *client_roles = NULL;
        const char *path = "";
        int r = json_unpack_ex((json_t *) json, NULL, JSON_STRICT, "{s:s, s?o, s?o, s?o}", "path",
                               &path, "attributes", &attributes, "realm_roles", &realm_roles,
                               "client_roles", &client_roles);
        bool sane = r == 0 && (!attributes || json_is_object(attributes)) &&
                    (!realm_roles || json_is_array(realm_roles)) && are_lists(client_roles);
        Group *group = sane ? groups_make(groups, path, is_new) : NULL;

        if (!group) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                            "a group: \"path\" with a slash in front is needed; attributes, "
                            "realm_roles and client_roles may be there");
                return NULL;
        }
        take(&group->attributes, attributes);
        take(&group->realm_roles, realm_roles);
        take(&group->client_roles, client_roles);
        return group;
}

static void change_path(Groups *groups, Group *group)
{
        g_hash_table_remove(groups->by_path, group->path);
        g_free(group->path);
        group->path =
            g_strdup_printf("%s/%s", group->parent ? group->parent->path : "", group->name);
        g_hash_table_insert(groups->by_path, group->path, group);
        for (guint i = 0; i < group->children->len; i++)
                change_path(groups, group->children->pdata[i]);
}

bool groups_rename(Groups *groups, Group *group, const char *name)
{
        g_autofree char *path =
            g_strdup_printf("%s/%s", group->parent ? group->parent->path : "", name);

        if (!*name || strchr(name, '/') || groups_by_path(groups, path))
                return false;
        g_ptr_array_remove(siblings(groups, group->parent), group);
        g_free(group->name);
        group->name = g_strdup(name);
        place(siblings(groups, group->parent), group);
        change_path(groups, group);
        return true;
}

void groups_delete(Groups *groups, Group *group)
{
        while (group->children->len > 0)
                groups_delete(groups, group->children->pdata[0]);
        g_ptr_array_remove(siblings(groups, group->parent), group);
        g_hash_table_remove(groups->by_path, group->path);
        g_hash_table_remove(groups->by_id, group->id);
}

/* --- roles --- */

static void add_words(json_t *list, const json_t *words)
{
        size_t index;
        json_t *word;

        json_array_foreach ((json_t *) words, index, word)
                if (json_is_string(word) && !list_has(list, json_string_value(word)))
                        json_array_append(list, word);
}

static void add_lists(json_t *object, const json_t *lists)
{
        const char *name;
        json_t *words;

        json_object_foreach ((json_t *) lists, name, words) {
                if (!json_object_get(object, name))
                        json_object_set_new(object, name, json_array());
                add_words(json_object_get(object, name), words);
        }
}

typedef void (*GroupVisit)(const Group *group, json_t *sum);

static void each_above(const Groups *groups, const json_t *paths, GroupVisit visit, json_t *sum)
{
        size_t index;
        json_t *path;

        json_array_foreach ((json_t *) paths, index, path)
                for (const Group *group = groups_by_path(groups, json_string_value(path)); group;
                     group = group->parent)
                        visit(group, sum);
}

static void add_realm_roles(const Group *group, json_t *sum)
{
        add_words(sum, group->realm_roles);
}

static void add_client_roles(const Group *group, json_t *sum)
{
        add_lists(sum, group->client_roles);
}

json_t *groups_realm_roles(const Groups *groups, const json_t *own, const json_t *paths)
{
        json_t *sum = json_array();

        add_words(sum, own);
        each_above(groups, paths, add_realm_roles, sum);
        return sum;
}

json_t *groups_client_roles(const Groups *groups, const json_t *own, const json_t *paths)
{
        json_t *sum = json_object();

        add_lists(sum, own);
        each_above(groups, paths, add_client_roles, sum);
        return sum;
}

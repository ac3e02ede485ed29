/* groups: the realm's tree of groups: by id, by path, and in the order of their names.
 *
 * A path names a group for people and orders; the id is what it is. Whoever renames or deletes
 * tells people, who hold paths. One thread. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define GROUPS_MAX          100000
#define GROUP_NOT_GENERATED (~0u)

typedef struct Group {
        char *id;
        char *name;
        char *path; /* "/eng/platform" */
        struct Group *parent;
        GPtrArray *children;  /* by name; borrowed */
        json_t *attributes;   /* an object; owned, as are the next two */
        json_t *realm_roles;  /* an array */
        json_t *client_roles; /* an object of arrays */
        unsigned number;      /* of a generated one: see census.h */
} Group;

typedef struct Groups Groups;

Groups *groups_new(const char *realm);
void groups_free(Groups *groups);

Group *groups_by_id(const Groups *groups, const char *id);     /* NULL: none */
Group *groups_by_path(const Groups *groups, const char *path); /* NULL: none */
const GPtrArray *groups_top(const Groups *groups);             /* of Group, by name */
unsigned groups_count(const Groups *groups);

/* groups_make: the group of that path, and those above it, as far as they are not there. Its id is
 * fixed by realm and path, or new if is_new (one that is made while we run is another than a former
 * of that path). NULL: no path, or too many groups. */
Group *groups_make(Groups *groups, const char *path, bool is_new);
/* groups_put: makes or changes one by an object with "path" and, of these, any: "attributes",
 * "realm_roles", "client_roles". */
Group *groups_put(Groups *groups, const json_t *json, bool is_new, GError **error);
/* groups_rename: false: a sibling has that name, or it is none. */
bool groups_rename(Groups *groups, Group *group, const char *name);
void groups_delete(Groups *groups, Group *group); /* and those below it */

/* What groups give to whoever is in them; paths is a list, or NULL. New references. */
json_t *groups_realm_roles(const Groups *groups, const json_t *own, const json_t *paths);
json_t *groups_client_roles(const Groups *groups, const json_t *own, const json_t *paths);

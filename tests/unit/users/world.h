/* world: a realm, a host and a directory between them, for tests: written in one line.
 *
 * Groups: "KEY=PATH" or "KEY=PATH<PARENT_KEY", with "#GID" for the attribute. People:
 * "SUBJECT=USERNAME", then "#UID" for the attribute, "@KEY,KEY" for groups; "!" in front: disabled.
 * Each separated by a space. */
#pragma once

#include "token/json.h"
#include "users/directory.h"

#define WORLD_ISSUER "https://issuer.example/realms/test"
#define WORLD_NOW    INT64_C(1767323045)

typedef struct World {
        char *folder;
        char *passwd_path, *group_path;
        Store *store; /* NULL: none */
        Local *local;
        Directory *directory;
        UsersSettings *settings;
} World;

/* For g_test_add: a world with a state database. */
void world_set_up(World *world, gconstpointer unused);
void world_tear_down(World *world, gconstpointer unused);
/* world_add: "/GROUP/sentence". */
typedef void (*WorldTest)(World *world, gconstpointer userdata);
void world_add(const char *group, const char *sentence, const void *row, WorldTest run);

char **world_list(const char *words); /* separated by spaces; the caller frees */
void world_configure(World *world);   /* after settings were changed */
/* world_restart: a new directory on the same database (or none). */
void world_restart(World *world, bool with_store);
void world_write_local(World *world, const char *passwd, const char *group);

/* world_sweep: the answer of directory_sweep_end. */
int world_sweep(World *world, const char *groups, const char *people);
int world_sweep_forced(World *world, const char *groups, const char *people);
void world_put(World *world, const char *groups, const char *people); /* within a sweep */
int world_change(World *world, const char *person);
/* world_learn: claims in JSON with ' for ", without iss. */
int world_learn(World *world, const char *claims, const Person **ret);

const Person *world_subject(World *world, const char *subject); /* must be there */
const Person *world_named(World *world, const char *name);      /* account; NULL: none */
const Group *world_group(World *world, const char *name);
const Group *world_key(World *world, const char *key); /* any group; must be there */
/* world_gids: "100 200": the names of the groups that a person has, sorted; the caller frees. */
char *world_groups_of(World *world, const char *subject);
/* How often an event was logged since world_set_up. */
unsigned world_logged(const char *event);

#define world_assert_trouble(person, words)                                                        \
        do {                                                                                       \
                const Person *_person = (person);                                                  \
                                                                                                   \
                g_assert_false(person_is_account(_person));                                        \
                g_assert_nonnull(_person->trouble);                                                \
                if (!strstr(_person->trouble, (words)))                                            \
                        g_error("\"%s\" is not in \"%s\"", (words), _person->trouble);             \
        } while (0)

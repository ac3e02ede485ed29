/* world: see world.h. */
#include "world.h"

#include "base/clock.h"
#include "base/log.h"

#include <glib/gstdio.h>

static GHashTable *logged; /* event → count, of all worlds */
static unsigned n_worlds;

/* Stands in front of base/log's. */
void log_write(LogLevel level, const char *event, const char *message, const LogField *fields)
{
        unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(logged, event));

        g_hash_table_insert(logged, g_strdup(event), GUINT_TO_POINTER(n + 1));
}

unsigned world_logged(const char *event)
{
        return GPOINTER_TO_UINT(g_hash_table_lookup(logged, event));
}

static void open_directory(World *world, bool with_store)
{
        g_autoptr(GError) error = NULL;

        if (with_store)
                world->store = store_open(world->folder, &error);
        g_assert_no_error(error);
        world->directory = directory_new(world->store, world->local, &error);
        g_assert_no_error(error);
        world_configure(world);
}

static void close_directory(World *world)
{
        g_clear_pointer(&world->directory, directory_free);
        g_clear_pointer(&world->store, store_close);
}

void world_set_up(World *world, gconstpointer unused)
{
        *world = (World){ 0 };
        if (n_worlds++ == 0)
                logged = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        clock_set_wall_for_tests(WORLD_NOW);
        world->folder = g_dir_make_tmp("authd-users-XXXXXX", NULL);
        world->passwd_path = g_build_filename(world->folder, "passwd", NULL);
        world->group_path = g_build_filename(world->folder, "group", NULL);
        world_write_local(world, "root:x:0:0:root:/root:/bin/bash\n",
                          "root:x:0:\nsudo:x:27:\ndocker:x:999:\n");
        world->local = local_new(world->passwd_path, world->group_path);
        world->settings = users_settings_new();
        world->settings->issuer = g_strdup("test");
        world->settings->groups = world_list("/**");
        open_directory(world, true);
}

static void remove_folder(const char *folder)
{
        g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
        const char *name;

        while (listing && (name = g_dir_read_name(listing))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                g_unlink(path);
        }
        g_rmdir(folder);
}

void world_tear_down(World *world, gconstpointer unused)
{
        close_directory(world);
        local_free(world->local);
        users_settings_free(world->settings);
        remove_folder(world->folder);
        g_free(world->passwd_path);
        g_free(world->group_path);
        g_free(world->folder);
        if (--n_worlds > 0)
                return;
        clock_set_wall_for_tests(0);
        g_hash_table_unref(logged);
}

void world_add(const char *group, const char *sentence, const void *row, WorldTest run)
{
        g_autofree char *plain = g_strdelimit(g_strdup(sentence), "/", '|');
        g_autofree char *path = g_strdup_printf("/%s/%s", group, plain);

        g_test_add(path, World, row, world_set_up, run, world_tear_down);
}

char **world_list(const char *words)
{
        return g_strsplit(words, " ", -1);
}

void world_configure(World *world)
{
        g_autoptr(GError) error = NULL;

        directory_configure(world->directory, world->settings, WORLD_ISSUER, &error);
        g_assert_no_error(error);
}

void world_restart(World *world, bool with_store)
{
        close_directory(world);
        open_directory(world, with_store);
}

/* Each file anew under its name: another inode is another mark, however coarse the clock. */
static void write_file(const char *path, const char *text)
{
        g_autofree char *other = g_strconcat(path, ".new", NULL);

        g_assert_true(g_file_set_contents(other, text, -1, NULL));
        g_assert_cmpint(g_rename(other, path), ==, 0);
}

void world_write_local(World *world, const char *passwd, const char *group)
{
        if (passwd)
                write_file(world->passwd_path, passwd);
        if (group)
                write_file(world->group_path, group);
}

/* cut: what follows the mark in text, which ends there; NULL: it has none. */
static char *cut(char *text, char mark)
{
        char *at = strchr(text, mark);

        if (!at)
                return NULL;
        *at = '\0';
        return at + 1;
}

static json_t *attribute(const char *name, const char *value)
{
        return value ? json_pack("{s:[s]}", name, value) : NULL;
}

static void put_group(World *world, char *text)
{
        json_auto *attributes = NULL;
        char *gid = cut(text, '#'), *parent = cut(text, '<'), *path = cut(text, '=');

        attributes = attribute("gidNumber", gid);
        directory_put_group(world->directory, &(RealmGroup){ text, path, parent, attributes });
}

typedef void (*PersonUse)(World *world, const RealmPerson *person, void *userdata);

static void use_person(World *world, char *text, PersonUse use, void *userdata)
{
        json_auto *attributes = NULL;
        char *keys = cut(text, '@'), *uid = cut(text, '#'), *username = cut(text, '=');
        g_auto(GStrv) groups = keys ? g_strsplit(keys, ",", -1) : NULL;
        bool enabled = text[0] != '!';

        attributes = attribute("uidNumber", uid);
        use(world,
            &(RealmPerson){ .subject = enabled ? text : text + 1,
                            .username = username,
                            .email = "",
                            .full_name = "Somebody",
                            .enabled = enabled,
                            .attributes = attributes,
                            .groups = (const char *const *) groups },
            userdata);
}

static void put_person(World *world, const RealmPerson *person, void *userdata)
{
        directory_put_person(world->directory, person);
}

void world_put(World *world, const char *groups, const char *people)
{
        g_auto(GStrv) group_list = world_list(groups), people_list = world_list(people);

        for (size_t i = 0; group_list[i]; i++)
                if (*group_list[i])
                        put_group(world, group_list[i]);
        for (size_t i = 0; people_list[i]; i++)
                if (*people_list[i])
                        use_person(world, people_list[i], put_person, NULL);
}

int world_sweep(World *world, const char *groups, const char *people)
{
        directory_sweep_begin(world->directory);
        world_put(world, groups, people);
        return directory_sweep_end(world->directory);
}

int world_sweep_forced(World *world, const char *groups, const char *people)
{
        directory_sweep_begin(world->directory);
        directory_sweep_force(world->directory);
        world_put(world, groups, people);
        return directory_sweep_end(world->directory);
}

static void change_person(World *world, const RealmPerson *person, void *userdata)
{
        *(int *) userdata = directory_change_person(world->directory, person);
}

int world_change(World *world, const char *person)
{
        g_autofree char *own = g_strdup(person);
        int r = -1;

        use_person(world, own, change_person, &r);
        return r;
}

int world_learn(World *world, const char *claims, const Person **ret)
{
        g_autofree char *text = g_strconcat("{'iss':'" WORLD_ISSUER "',", claims, "}", NULL);
        g_autoptr(Claims) parsed = NULL;
        const char *trouble = NULL;

        g_strdelimit(text, "'", '"');
        if (claims_parse(span_from(text), SPAN_EMPTY, &parsed, &trouble) != 0)
                g_error("%s: %s", text, trouble);
        return directory_learn(world->directory, parsed, ret);
}

const Person *world_subject(World *world, const char *subject)
{
        const Person *person = directory_person_by_subject(world->directory, subject);

        g_assert_nonnull(person);
        return person;
}

const Person *world_named(World *world, const char *name)
{
        return directory_person_by_name(world->directory, span_from(name));
}

const Group *world_group(World *world, const char *name)
{
        return directory_group_by_name(world->directory, span_from(name));
}

const Group *world_key(World *world, const char *key)
{
        for (size_t i = 0; i < directory_n_groups(world->directory); i++)
                if (strcmp(directory_group(world->directory, i)->key, key) == 0)
                        return directory_group(world->directory, i);
        g_error("there is no group %s", key);
}

static const char *name_of(World *world, uint32_t gid)
{
        for (size_t i = 0; i < directory_n_groups(world->directory); i++)
                if (group_is_account(directory_group(world->directory, i)) &&
                    directory_group(world->directory, i)->gid == gid)
                        return directory_group(world->directory, i)->name;
        g_error("there is no group %u", gid);
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

char *world_groups_of(World *world, const char *subject)
{
        const Person *person = world_subject(world, subject);
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (size_t i = 0; i < person->n_gids; i++)
                g_ptr_array_add(names, (void *) name_of(world, person->gids[i]));
        g_ptr_array_sort(names, compare_texts);
        g_ptr_array_add(names, NULL);
        return g_strjoinv(" ", (char **) names->pdata);
}

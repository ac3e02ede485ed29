/* directory: see directory.h. The roster is who there is, the contest who gets what, the register
 * what is kept; directory_hear is what comes in, directory_keep how every change ends; here are its
 * life, its settings and what it is asked. */
#include "users/directory.h"

#include "base/clock.h"
#include "users/attributes.h"
#include "users/directory_hear.h"
#include "users/directory_keep.h"
#include "users/ids.h"

#include <errno.h>

/* ---- life ---- */

/* write_again: the database was begun afresh by somebody's change; by one of ours, we write anyway.
 */
static void write_again(void *userdata)
{
        Directory *directory = userdata;

        directory->rewrite = true;
        if (!directory->writing && directory->naming)
                (void) directory_finish(directory); /* what fails now goes with the next change */
}

Directory *directory_new(Store *store, Local *local, GError **error)
{
        g_autoptr(Directory) directory = g_new0(Directory, 1);

        directory->store = store;
        directory->local = local;
        directory->roster = roster_new();
        directory->deleted = g_ptr_array_new_with_free_func(g_free);
        directory->deleted_groups = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        directory->contest.touched = g_ptr_array_new();
        directory->reg = register_new(store, error);
        if (!directory->reg)
                return NULL;
        if (store)
                store_on_afresh(store, write_again, directory);
        return g_steal_pointer(&directory);
}

void directory_free(Directory *directory)
{
        if (!directory)
                return;
        if (directory->store && directory->reg)
                store_off_afresh(directory->store, directory);
        sweep_free(directory->sweep);
        directory_clear_stranger(directory);
        roster_free(directory->roster);
        register_free(directory->reg);
        naming_free(directory->naming);
        users_settings_free(directory->settings);
        g_free(directory->issuer_url);
        g_strfreev(directory->attributes);
        g_clear_pointer(&directory->contest.lines, g_hash_table_unref);
        g_ptr_array_unref(directory->contest.touched);
        g_ptr_array_unref(directory->deleted);
        g_array_unref(directory->deleted_groups);
        g_clear_pointer(&directory->sources, g_ptr_array_unref);
        g_free(directory);
}

/* ---- settings ---- */

/* Compiled: everything that may be refused, before anything is changed. */
typedef struct Compiled {
        Naming *naming;
        GHashTable *lines;
        char **attributes;
} Compiled;

static void add_attribute(const char *name, void *userdata)
{
        GPtrArray *names = userdata;

        if (name && *name && !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
                g_ptr_array_add(names, g_strdup(name));
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static char **attribute_names(const UsersSettings *settings, const Naming *naming)
{
        GPtrArray *names = g_ptr_array_new();

        add_attribute(settings->uid_attribute, names);
        add_attribute(settings->gid_attribute, names);
        add_attribute(settings->home_attribute, names);
        add_attribute(settings->shell_attribute, names);
        naming_each_attribute(naming, add_attribute, names);
        g_ptr_array_sort(names, compare_texts);
        g_ptr_array_add(names, NULL);
        return (char **) g_ptr_array_free(names, FALSE);
}

static bool check_attributes(char *const *names, GError **error)
{
        for (size_t i = 0; names[i]; i++)
                if (!attributes_name_fits(names[i])) {
                        g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                                    "\"%s\" is no name of an attribute; it has '=', ',' or a "
                                    "control character",
                                    names[i]);
                        return false;
                }
        return true;
}

static bool check_settings(const UsersSettings *settings, GError **error)
{
        const char *range = ids_range_trouble(settings->id_first, settings->id_last);

        if (range)
                g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                            "id_range: %u-%u: %s", settings->id_first, settings->id_last, range);
        else if (!naming_path_fits(settings->shell))
                g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                            "shell: \"%s\" is no absolute path without ':' and \"..\"",
                            settings->shell);
        else
                return true;
        return false;
}

static void compiled_clear(Compiled *compiled)
{
        naming_free(compiled->naming);
        g_clear_pointer(&compiled->lines, g_hash_table_unref);
        g_strfreev(compiled->attributes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Compiled, compiled_clear)

static bool compile(const UsersSettings *settings, Compiled *ret, GError **error)
{
        if (!check_settings(settings, error))
                return false;
        ret->naming = naming_new(settings, error);
        if (!ret->naming)
                return false;
        ret->lines = contest_read_lines(settings, error);
        ret->attributes = attribute_names(settings, ret->naming);
        return ret->lines && check_attributes(ret->attributes, error);
}

static void add_local_group(const char *local, const char *source, void *userdata)
{
        Directory *directory = userdata;
        g_autofree char *key = g_strconcat(ACCOUNT_LOCAL_KEY, local, NULL);
        GroupEntry *entry;

        if (roster_group(directory->roster, key))
                return;
        entry = roster_add_group(directory->roster, key, 0);
        entry->claimant.present = true;
        entry->group.local = true;
        entry->local_name = g_strdup(local);
        entry->group.name = entry->local_name;
        entry->group.source = g_strdup(source);
        entry->attributes = g_strdup("");
}

static void renew_local_groups(Directory *directory)
{
        for (size_t i = roster_n_groups(directory->roster); i-- > 0;) {
                GroupEntry *entry = roster_group_at(directory->roster, i);

                if (entry->group.local)
                        directory_drop_group(directory, entry);
        }
        naming_each_local(directory->naming, add_local_group, directory);
}

/* mark_unread: what was read when the settings named other attributes may lack one. */
static void mark_unread(Directory *directory, char *const *before)
{
        for (size_t i = 0; directory->attributes[i]; i++) {
                if (before &&
                    g_strv_contains((const char *const *) before, directory->attributes[i]))
                        continue;
                for (size_t k = 0; k < roster_n_people(directory->roster); k++)
                        roster_person_at(directory->roster, k)->claimant.unread = true;
                for (size_t k = 0; k < roster_n_groups(directory->roster); k++)
                        roster_group_at(directory->roster, k)->claimant.unread = true;
                return;
        }
}

/* load: another issuer's people. */
static bool load(Directory *directory, const char *issuer_url, GError **error)
{
        g_autoptr(Roster) roster = roster_new();
        int r;

        directory->writing =
            true; /* or damage would have the old roster written as the new one's */
        r = register_load(directory->reg, issuer_url, roster);
        directory->writing = false;
        /* What was read before damage was met is rescued; the store has told of the rest. */
        if (r < 0 && r != -EUCLEAN) {
                g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(-r),
                            "%s: cannot read who has an account: %s", store_path(directory->store),
                            g_strerror(-r));
                return false;
        }
        directory->rewrite |= r == -EUCLEAN;
        /* What could not be deleted of the other issuer comes back with it. */
        g_ptr_array_set_size(directory->deleted, 0);
        g_array_set_size(directory->deleted_groups, 0);
        directory_forget_touched(directory);
        roster_free(directory->roster);
        directory->roster = g_steal_pointer(&roster);
        g_free(directory->issuer_url);
        directory->issuer_url = g_strdup(issuer_url);
        directory->looked_sec = 0;
        directory->changed = true;
        return true;
}

/* forget: without [users] nobody is an account; the database keeps what it has. */
static void forget(Directory *directory)
{
        directory->changed |= roster_n_people(directory->roster) > 0;
        directory_sweep_drop(directory);
        directory_forget_touched(directory);
        roster_free(directory->roster);
        directory->roster = roster_new();
        g_clear_pointer(&directory->issuer_url, g_free);
        g_clear_pointer(&directory->naming, naming_free);
        g_clear_pointer(&directory->sources, g_ptr_array_unref);
        if (directory->changed)
                directory->generation++;
        directory->changed = false;
}

static void take_settings(Directory *directory, const UsersSettings *settings, Compiled *compiled)
{
        UsersSettings *copy = users_settings_copy(settings);

        naming_free(directory->naming);
        directory->naming = g_steal_pointer(&compiled->naming);
        g_clear_pointer(&directory->contest.lines, g_hash_table_unref);
        g_strfreev(directory->attributes);
        directory->attributes = g_steal_pointer(&compiled->attributes);
        directory->settings = copy;
        directory->contest = (Contest){
                .roster = directory->roster,
                .reg = directory->reg,
                .local = directory->local,
                .naming = directory->naming,
                .settings = copy,
                .issuer_url = directory->issuer_url,
                .lines = g_steal_pointer(&compiled->lines),
                .touched = directory->contest.touched,
        };
}

/* narrow_present: under these settings somebody may no longer be within. Who may be again is found
 * by a sweep, which alone knows who is in the realm. */
static void narrow_present(Directory *directory)
{
        account_make_grants(&directory->contest);
        for (size_t i = 0; i < roster_n_people(directory->roster); i++) {
                PersonEntry *entry = roster_person_at(directory->roster, i);

                if (entry->claimant.present && !directory_is_within(directory, entry))
                        directory_set_present(entry, false);
        }
        directory_drop_people(directory, directory_is_nobody, 0);
}

bool directory_configure(Directory *directory, const UsersSettings *settings,
                         const char *issuer_url, GError **error)
{
        g_auto(Compiled) compiled = { 0 };
        UsersSettings *old = directory->settings; /* records borrow from it until they are remade */
        bool anew = g_strcmp0(directory->issuer_url, issuer_url) != 0;
        g_auto(GStrv) read = NULL;

        if (!settings->issuer || !issuer_url) {
                forget(directory);
                return true;
        }
        if (!compile(settings, &compiled, error))
                return false;
        if (anew && !load(directory, issuer_url, error))
                return false;
        read = anew ? g_strsplit(register_attributes(directory->reg), ",", -1)
                    : g_strdupv(directory->attributes);
        directory_sweep_drop(directory);
        take_settings(directory, settings, &compiled);
        mark_unread(directory, read);
        renew_local_groups(directory);
        local_refresh(directory->local);
        narrow_present(directory);
        (void) directory_judge_all(
            directory); /* what could not be written goes with the next change */
        users_settings_free(old);
        return true;
}

/* ---- time ---- */

static bool is_expired(const PersonEntry *entry, int64_t before_sec)
{
        return !entry->claimant.present && entry->since_sec <= before_sec;
}

bool directory_tidy(Directory *directory, int64_t now_sec)
{
        uint64_t before = directory->generation;

        if (!directory->naming)
                return false;
        /* What could not be written is tried again, numbers that were withheld for that among it.
         */
        if (local_refresh(directory->local) || directory->unwritten)
                (void) directory_judge_all(directory);
        if (directory_drop_people(directory, is_expired,
                                  now_sec - directory->settings->gone_keep_sec))
                (void) directory_finish(directory); /* what fails goes with the next change */
        return directory->generation != before;
}

/* ---- lookups ---- */

/* plain_name: NULL: no name of ours. */
static const char *plain_name(Span name, char ret[RECORD_NAME_MAX + 1])
{
        if (!naming_is_name(name))
                return NULL;
        memcpy(ret, name.data, name.len);
        ret[name.len] = '\0';
        return ret;
}

static const Claimant *account_named(const Directory *directory, Span name, bool is_group)
{
        char own[RECORD_NAME_MAX + 1];
        const Claimant *claimant =
            plain_name(name, own) ? roster_by_name(directory->roster, own) : NULL;

        for (; claimant; claimant = roster_next_by_name(claimant)) {
                if (claimant->is_group != is_group)
                        continue;
                if (is_group ? group_is_account(&group_entry(claimant)->group)
                             : person_is_account(&person_entry(claimant)->person))
                        return claimant;
        }
        return NULL;
}

const Person *directory_person_by_name(const Directory *directory, Span name)
{
        const Claimant *claimant = account_named(directory, name, false);

        return claimant ? &person_entry(claimant)->person : NULL;
}

const Group *directory_group_by_name(const Directory *directory, Span name)
{
        const Claimant *claimant = account_named(directory, name, true);

        return claimant ? &group_entry(claimant)->group : NULL;
}

const Person *directory_person_by_uid(const Directory *directory, uint32_t uid)
{
        const Claimant *claimant = uid != UID_NONE ? roster_by_held(directory->roster, uid) : NULL;

        if (!claimant || claimant->is_group || !person_is_account(&person_entry(claimant)->person))
                return NULL;
        return &person_entry(claimant)->person;
}

const Group *directory_group_by_gid(const Directory *directory, uint32_t gid)
{
        const Claimant *claimant = gid != UID_NONE ? roster_by_held(directory->roster, gid) : NULL;

        if (!claimant || !claimant->is_group || !group_is_account(&group_entry(claimant)->group))
                return NULL;
        return &group_entry(claimant)->group;
}

const Person *directory_person_by_subject(const Directory *directory, const char *subject)
{
        const PersonEntry *entry = roster_person(directory->roster, subject);

        return entry ? &entry->person : NULL;
}

const Group *directory_group_by_key(const Directory *directory, const char *key)
{
        const GroupEntry *entry = roster_group(directory->roster, key);

        return entry ? &entry->group : NULL;
}

size_t directory_n_people(const Directory *directory)
{
        return roster_n_people(directory->roster);
}

const Person *directory_person(const Directory *directory, size_t index)
{
        roster_sort(directory->roster);
        return &roster_person_at(directory->roster, index)->person;
}

size_t directory_n_groups(const Directory *directory)
{
        return roster_n_groups(directory->roster);
}

const Group *directory_group(const Directory *directory, size_t index)
{
        roster_sort(directory->roster);
        return &roster_group_at(directory->roster, index)->group;
}

static void add_sources(const Directory *directory, const GroupEntry *group, GPtrArray *sources)
{
        for (int i = 0; group && i < GROUP_DEPTH_MAX; i++) {
                if (!g_ptr_array_find(sources, group->group.source, NULL))
                        g_ptr_array_add(sources, group->group.source);
                group = account_parent(directory->roster, group);
        }
}

const char *const *directory_person_sources(Directory *directory, const Person *person)
{
        const PersonEntry *entry = roster_person(directory->roster, person->subject);

        g_clear_pointer(&directory->sources, g_ptr_array_unref);
        directory->sources = g_ptr_array_new();
        for (size_t i = 0; entry && i < entry->n_groups; i++)
                add_sources(directory, roster_group_numbered(directory->roster, entry->groups[i]),
                            directory->sources);
        g_ptr_array_add(directory->sources, NULL);
        return (const char *const *) directory->sources->pdata;
}

bool directory_filled(const Directory *directory)
{
        return directory->naming && register_filled_sec(directory->reg) > 0;
}

void directory_looked(Directory *directory, int64_t now_sec)
{
        directory->looked_sec = now_sec;
}

int64_t directory_looked_sec(const Directory *directory)
{
        return directory_filled(directory)
                   ? MAX(directory->looked_sec, register_filled_sec(directory->reg))
                   : 0;
}

uint64_t directory_generation(const Directory *directory)
{
        return directory->generation;
}

/* ---- collisions ---- */

static int compare_ids(gconstpointer a, gconstpointer b)
{
        const Claimant *left = *(const Claimant *const *) a, *right = *(const Claimant *const *) b;

        if (left->id != right->id)
                return left->id < right->id ? -1 : 1;
        return strcmp(left->key, right->key);
}

static const char *called(const Claimant *claimant)
{
        return claimant->is_group ? group_entry(claimant)->group.source
                                  : person_entry(claimant)->facts->username;
}

/* tell_holder: who has it and does not want it: on another number by now, or on the roster no more.
 */
static void tell_holder(const Directory *directory, uint32_t id, DirectoryCollision each,
                        void *userdata)
{
        const Claimant *holder = roster_by_held(directory->roster, id);
        const char *past = register_holder(directory->reg, id);

        if (holder && holder->id != id)
                each(id, holder->key, called(holder), true, userdata);
        else if (past)
                each(id, past, "", true, userdata);
}

void directory_each_collision(const Directory *directory, DirectoryCollision each, void *userdata)
{
        g_autoptr(GPtrArray) all = directory_everybody(directory);
        g_autoptr(GPtrArray) colliding = g_ptr_array_new();
        uint32_t before = UID_NONE;

        for (size_t i = 0; i < all->len; i++) {
                const Claimant *claimant = g_ptr_array_index(all, i);

                if (claimant->collides)
                        g_ptr_array_add(colliding, (void *) claimant);
        }
        g_ptr_array_sort(colliding, compare_ids);
        for (size_t i = 0; i < colliding->len; i++) {
                const Claimant *claimant = g_ptr_array_index(colliding, i);

                if (claimant->id != before)
                        tell_holder(directory, claimant->id, each, userdata);
                before = claimant->id;
                each(claimant->id, claimant->key, called(claimant),
                     claimant->held_id == claimant->id, userdata);
        }
}

const char *directory_id_holder(const Directory *directory, uint32_t id)
{
        const Claimant *holder = roster_by_held(directory->roster, id);

        return holder ? holder->key : register_holder(directory->reg, id);
}

uint32_t directory_given_id(const Directory *directory, const char *key, bool is_group)
{
        const GroupEntry *group = is_group ? roster_group(directory->roster, key) : NULL;
        const PersonEntry *person = is_group ? NULL : roster_person(directory->roster, key);

        if (group)
                return group->claimant.held_id;
        return person ? person->claimant.held_id : UID_NONE;
}

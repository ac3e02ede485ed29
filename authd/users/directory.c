/* directory: see directory.h. The roster is who there is, the contest who gets what, the register
 * what is kept; here is the order of things: hear, settle, keep, show.
 *
 * What the realm says counts at once, even if it cannot be written; a number counts once it is. */
#include "users/directory.h"

#include "base/clock.h"
#include "base/log.h"
#include "users/account.h"
#include "users/attributes.h"
#include "users/contest.h"
#include "users/learn.h"
#include "users/register.h"
#include "users/roster.h"
#include "users/sweep.h"

#include <errno.h>

#define TOLD_MAX 20 /* refusals in the log at once; the rest is counted */

struct Directory {
        Store *store; /* borrowed; NULL: none */
        Local *local; /* borrowed */
        Register *reg;
        Roster *roster;
        Naming *naming; /* NULL: there is no [users] */
        UsersSettings *settings;
        char *issuer_url;
        char **attributes; /* names of those that are read; sorted */
        Contest contest;
        Sweep *sweep; /* NULL: none is under way */
        bool forced;
        bool changed; /* NSS would see it; not yet in generation */
        uint64_t generation;
        int64_t looked_sec;     /* beside the last sweep's; 0: never */
        bool writing, rewrite;  /* rewrite: the database was begun afresh */
        bool unwritten;         /* something dirty is left of a write that failed */
        GPtrArray *deleted;     /* subjects whose rows go */
        GArray *deleted_groups; /* numbers */
        Person stranger;        /* who was learned and is nobody here */
        GPtrArray *sources;     /* the last answer of directory_person_sources */
};

/* ---- keeping ---- */

static GPtrArray *everybody(const Directory *directory)
{
        GPtrArray *all = g_ptr_array_new();

        for (size_t i = 0; i < roster_n_groups(directory->roster); i++)
                g_ptr_array_add(all, roster_group_at(directory->roster, i));
        for (size_t i = 0; i < roster_n_people(directory->roster); i++)
                g_ptr_array_add(all, roster_person_at(directory->roster, i));
        return all;
}

static bool is_local_group(const Claimant *claimant)
{
        return claimant->is_group && group_entry(claimant)->group.local;
}

static int write_claimant(Directory *directory, const Claimant *claimant)
{
        int r = claimant->giving ? register_give(directory->reg, claimant) : 0;

        if (r < 0 || !claimant->dirty || is_local_group(claimant))
                return r;
        return claimant->is_group ? register_put_group(directory->reg, group_entry(claimant))
                                  : register_put_person(directory->reg, person_entry(claimant));
}

static int write_deletions(Directory *directory)
{
        int r = 0;

        for (size_t i = 0; i < directory->deleted->len && r == 0; i++)
                r = register_delete_person(directory->reg,
                                           g_ptr_array_index(directory->deleted, i));
        for (size_t i = 0; i < directory->deleted_groups->len && r == 0; i++)
                r = register_delete_group(directory->reg,
                                          g_array_index(directory->deleted_groups, uint32_t, i));
        return r;
}

static int write_together(Directory *directory, const GPtrArray *list)
{
        int r = register_begin(directory->reg);

        if (r < 0)
                return r;
        if (directory->rewrite)
                r = register_rewrite(directory->reg, directory->roster);
        if (r == 0)
                r = write_deletions(directory);
        for (size_t i = 0; i < list->len && r == 0; i++)
                r = write_claimant(directory, g_ptr_array_index(list, i));
        if (r < 0) {
                register_rollback(directory->reg);
                return r;
        }
        return register_commit(directory->reg);
}

/* write_list: once more when the database had to be begun afresh. */
static int write_list(Directory *directory, const GPtrArray *list)
{
        int r;

        directory->writing = true;
        r = write_together(directory, list);
        if (r == -EUCLEAN)
                r = write_together(directory, list);
        directory->writing = false;
        directory->unwritten = r < 0;
        if (r < 0)
                return r;
        directory->rewrite = false;
        g_ptr_array_set_size(directory->deleted, 0);
        g_array_set_size(directory->deleted_groups, 0);
        for (size_t i = 0; i < list->len; i++)
                ((Claimant *) g_ptr_array_index(list, i))->dirty = false;
        return 0;
}

static bool is_clean(const Directory *directory)
{
        const GPtrArray *touched = directory->contest.touched;

        for (size_t i = 0; i < touched->len; i++) {
                const Claimant *claimant = g_ptr_array_index(touched, i);

                if (claimant->giving || (claimant->dirty && !is_local_group(claimant)))
                        return false;
        }
        return !directory->unwritten && !directory->rewrite && directory->deleted->len == 0 &&
               directory->deleted_groups->len == 0;
}

static int keep(Directory *directory)
{
        g_autoptr(GPtrArray) all = NULL;

        if (is_clean(directory))
                return 0;
        if (directory->unwritten)
                all = everybody(directory);
        return write_list(directory, all ? all : directory->contest.touched);
}

/* ---- giving ---- */

/* prepare: what will be so if it can be written. */
static void prepare(Directory *directory, Claimant *claimant)
{
        if (!claimant_wins(claimant))
                return;
        claimant->giving = claimant->held_id != claimant->id;
        claimant->dirty |= claimant->giving || !claimant->has_name;
        claimant->has_name = true;
        if (!claimant->is_group)
                account_give_home(&directory->contest, person_entry(claimant));
}

static void give(Directory *directory, Claimant *claimant)
{
        register_given(directory->reg, claimant);
        roster_set_held(directory->roster, claimant, claimant->id);
}

static void withhold(Directory *directory, Claimant *claimant, int r)
{
        bool had_one = claimant->held_id != UID_NONE;

        claimant->wins_id = false;
        claimant->dirty = true;
        claimant_set_trouble(claimant, TROUBLE_ID,
                             g_strdup_printf("the number %u cannot be kept, and so is not given: "
                                             "the state database cannot be written (%s)",
                                             claimant->id, g_strerror(-r)));
        /* A name, too, is had by who has been an account under it. */
        claimant->has_name = had_one && claimant->has_name;
        if (!claimant->is_group && !had_one)
                roster_set_home(directory->roster, person_entry(claimant), NULL);
}

static void finish_giving(Directory *directory, int r)
{
        const GPtrArray *touched = directory->contest.touched;

        for (size_t i = 0; i < touched->len; i++) {
                Claimant *claimant = g_ptr_array_index(touched, i);

                if (!claimant->giving)
                        continue;
                claimant->giving = false;
                if (r < 0)
                        withhold(directory, claimant, r);
                else
                        give(directory, claimant);
        }
}

/* ---- showing ---- */

static void tell_one(const Claimant *claimant, const char *trouble)
{
        const char *text = claimant->is_group ? group_entry(claimant)->group.source
                                              : person_entry(claimant)->facts->username;

        log_event(LOG_LEVEL_WARNING, "account_refused",
                  "A person or group of the realm is no account here, or not as the realm says.",
                  LOG_TEXT("key", claimant->key), LOG_TEXT("called", text),
                  LOG_TEXT("why", trouble));
}

/* tell: each trouble once. */
static void tell(const GPtrArray *touched)
{
        int64_t n = 0;

        for (size_t i = 0; i < touched->len; i++) {
                Claimant *claimant = g_ptr_array_index(touched, i);
                const char *trouble = claimant_trouble(claimant);
                uint32_t hash = trouble ? g_str_hash(trouble) : 0;
                bool told = hash == claimant->told;

                claimant->told = hash;
                if (told || !trouble)
                        continue;
                if (++n <= TOLD_MAX)
                        tell_one(claimant, trouble);
        }
        if (n > TOLD_MAX)
                log_event(LOG_LEVEL_WARNING, "accounts_refused",
                          "More were refused at once than are logged; authctl users shows all.",
                          LOG_NUMBER("refused", n), LOG_NUMBER("logged", TOLD_MAX));
}

/* show_groups: true: everybody's groups may be others. */
static bool show_groups(Directory *directory)
{
        const GPtrArray *touched = directory->contest.touched;
        bool any = false;

        for (size_t i = 0; i < touched->len; i++) {
                Claimant *claimant = g_ptr_array_index(touched, i);

                if (!claimant->is_group)
                        continue;
                any = true;
                directory->changed |=
                    account_make_group(&directory->contest, group_entry(claimant));
        }
        return any && account_make_grants(&directory->contest);
}

static void touch_people(Directory *directory)
{
        for (size_t i = 0; i < roster_n_people(directory->roster); i++)
                contest_touch(&directory->contest,
                              &roster_person_at(directory->roster, i)->claimant);
}

static void show(Directory *directory)
{
        const GPtrArray *touched = directory->contest.touched;

        if (show_groups(directory))
                touch_people(directory);
        for (size_t i = 0; i < touched->len; i++) {
                Claimant *claimant = g_ptr_array_index(touched, i);

                if (!claimant->is_group)
                        directory->changed |=
                            account_make_person(&directory->contest, person_entry(claimant));
        }
}

static void forget_touched(Directory *directory)
{
        GPtrArray *touched = directory->contest.touched;

        for (size_t i = 0; i < touched->len; i++)
                ((Claimant *) g_ptr_array_index(touched, i))->touched = false;
        g_ptr_array_set_size(touched, 0);
}

/* finish: after every change: what was won is kept, then shown. 0 or the store's errno. */
static int finish(Directory *directory)
{
        const GPtrArray *touched = directory->contest.touched;
        int r;

        for (size_t i = 0; i < touched->len; i++)
                prepare(directory, g_ptr_array_index(touched, i));
        r = keep(directory);
        finish_giving(directory, r);
        show(directory);
        tell(touched);
        forget_touched(directory);
        g_clear_pointer(&directory->sources, g_ptr_array_unref);
        if (directory->changed)
                directory->generation++;
        directory->changed = false;
        return r;
}

static int judge_all(Directory *directory)
{
        for (size_t i = 0; i < roster_n_groups(directory->roster); i++)
                contest_touch(&directory->contest,
                              &roster_group_at(directory->roster, i)->claimant);
        contest_all(&directory->contest);
        return finish(directory);
}

/* ---- who leaves ---- */

static void leave(Directory *directory, Claimant *claimant)
{
        contest_leave(&directory->contest, claimant);
        register_retain(directory->reg, claimant);
        directory->changed = true;
}

static bool goes(const PersonEntry *entry, void *userdata)
{
        Directory *directory = userdata;

        if (!entry->leaving)
                return false;
        g_ptr_array_add(directory->deleted, g_strdup(entry->facts->subject));
        return true;
}

/* drop_people: those for whom is_over says so. */
static bool drop_people(Directory *directory, bool (*is_over)(const PersonEntry *, int64_t),
                        int64_t now_sec)
{
        bool any = false;

        for (size_t i = 0; i < roster_n_people(directory->roster); i++) {
                PersonEntry *entry = roster_person_at(directory->roster, i);

                entry->leaving = is_over(entry, now_sec);
                if (entry->leaving)
                        leave(directory, &entry->claimant);
                any |= entry->leaving;
        }
        if (any)
                roster_drop_people(directory->roster, goes, directory);
        return any;
}

/* is_nobody: not in the realm, and never had anything here. */
static bool is_nobody(const PersonEntry *entry, int64_t now_sec)
{
        return !entry->claimant.present && entry->claimant.held_id == UID_NONE;
}

static void drop_group(Directory *directory, GroupEntry *entry)
{
        leave(directory, &entry->claimant);
        if (!entry->group.local)
                g_array_append_val(directory->deleted_groups, entry->number);
        roster_remove_group(directory->roster, entry);
}

/* ---- who is heard of ---- */

static GroupEntry *add_group(Directory *directory, const char *key)
{
        GroupEntry *entry = roster_add_group(directory->roster, key, 0);

        entry->claimant.present = true;
        entry->attributes = g_strdup("");
        roster_set_held(directory->roster, &entry->claimant,
                        register_take_back(directory->reg, key, true));
        return entry;
}

static bool replace_text(char **at, char **from)
{
        bool differs = g_strcmp0(*at, *from) != 0;

        g_free(*at);
        *at = g_steal_pointer(from);
        return differs;
}

/* set_group: takes the strings. */
static void set_group(GroupEntry *entry, char **source, char **parent_key, char **attributes)
{
        bool differs = replace_text(&entry->group.source, source);

        differs |= replace_text(&entry->parent_key, parent_key);
        differs |= replace_text(&entry->attributes, attributes);
        entry->claimant.dirty |= differs || entry->claimant.unread;
        entry->claimant.unread = false;
}

static PersonEntry *add_person(Directory *directory, Facts *facts)
{
        PersonEntry *entry = roster_add_person(directory->roster, facts);

        roster_set_held(directory->roster, &entry->claimant,
                        register_take_back(directory->reg, facts->subject, false));
        entry->claimant.dirty = true;
        entry->since_sec = clock_wall_sec();
        return entry;
}

/* set_facts: takes facts. */
static void set_facts(Directory *directory, PersonEntry *entry, Facts *facts)
{
        PersonState before = account_state(entry);

        if (facts_equal(entry->facts, facts)) {
                g_free(facts);
        } else {
                roster_set_facts(directory->roster, entry, facts);
                entry->claimant.dirty = true;
        }
        if (account_state(entry) != before)
                entry->since_sec = clock_wall_sec();
}

static void set_present(PersonEntry *entry, bool present)
{
        if (entry->claimant.present == present)
                return;
        entry->claimant.present = present;
        entry->claimant.dirty = true;
        entry->since_sec = clock_wall_sec();
}

static void set_read(Claimant *claimant)
{
        claimant->dirty |= claimant->unread;
        claimant->unread = false;
}

static void set_groups(PersonEntry *entry, const GArray *numbers)
{
        size_t n = MIN(numbers->len, RECORD_GROUPS_MAX + 1);
        size_t size = n * sizeof(uint32_t);

        if (entry->n_groups == n && (n == 0 || memcmp(entry->groups, numbers->data, size) == 0))
                return;
        g_free(entry->groups);
        entry->groups = g_memdup2(numbers->data, size);
        entry->n_groups = (uint32_t) n;
        entry->claimant.dirty = true;
}

static int compare_numbers(gconstpointer a, gconstpointer b)
{
        uint32_t left = *(const uint32_t *) a, right = *(const uint32_t *) b;

        return (left > right) - (left < right);
}

static GArray *numbers_new(void)
{
        return g_array_new(FALSE, FALSE, sizeof(uint32_t));
}

static GArray *numbers_sort(GArray *numbers)
{
        g_array_sort(numbers, compare_numbers);
        return numbers;
}

static bool is_within(const Directory *directory, const PersonEntry *entry)
{
        if (!naming_has_within(directory->naming))
                return true;
        for (size_t i = 0; i < entry->n_groups; i++) {
                const GroupEntry *group =
                    roster_group_numbered(directory->roster, entry->groups[i]);

                if (group && group->within)
                        return true;
        }
        return false;
}

/* ---- life ---- */

/* write_again: the database was begun afresh by somebody's change; by one of ours, we write anyway.
 */
static void write_again(void *userdata)
{
        Directory *directory = userdata;

        directory->rewrite = true;
        if (!directory->writing && directory->naming)
                (void) finish(directory); /* what fails now goes with the next change */
}

Directory *directory_new(Store *store, Local *local, GError **error)
{
        g_autoptr(Directory) directory = g_new0(Directory, 1);

        directory->store = store;
        directory->local = local;
        directory->roster = roster_new();
        directory->deleted = g_ptr_array_new_with_free_func(g_free);
        directory->deleted_groups = numbers_new();
        directory->contest.touched = g_ptr_array_new();
        directory->reg = register_new(store, error);
        if (!directory->reg)
                return NULL;
        if (store)
                store_on_afresh(store, write_again, directory);
        return g_steal_pointer(&directory);
}

static void clear_stranger(Directory *directory)
{
        g_free(directory->stranger.subject);
        g_free(directory->stranger.username);
        g_free(directory->stranger.trouble);
        directory->stranger = (Person){ 0 };
}

void directory_free(Directory *directory)
{
        if (!directory)
                return;
        if (directory->store && directory->reg)
                store_off_afresh(directory->store, directory);
        sweep_free(directory->sweep);
        clear_stranger(directory);
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
                        drop_group(directory, entry);
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
        forget_touched(directory);
        roster_free(directory->roster);
        directory->roster = g_steal_pointer(&roster);
        g_free(directory->issuer_url);
        directory->issuer_url = g_strdup(issuer_url);
        directory->changed = true;
        return true;
}

/* forget: without [users] nobody is an account; the database keeps what it has. */
static void forget(Directory *directory)
{
        directory->changed |= roster_n_people(directory->roster) > 0;
        directory_sweep_drop(directory);
        forget_touched(directory);
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

                if (entry->claimant.present && !is_within(directory, entry))
                        set_present(entry, false);
        }
        drop_people(directory, is_nobody, 0);
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
        if (anew)
                directory->looked_sec = 0;
        read = anew ? g_strsplit(register_attributes(directory->reg), ",", -1)
                    : g_strdupv(directory->attributes);
        directory_sweep_drop(directory);
        take_settings(directory, settings, &compiled);
        mark_unread(directory, read);
        renew_local_groups(directory);
        local_refresh(directory->local);
        narrow_present(directory);
        (void) judge_all(directory); /* what could not be written goes with the next change */
        users_settings_free(old);
        return true;
}

/* ---- sweeps ---- */

void directory_sweep_begin(Directory *directory)
{
        directory_sweep_drop(directory);
        if (!directory->naming)
                return;
        directory->sweep = sweep_new();
        for (size_t i = 0; i < roster_n_people(directory->roster); i++)
                roster_person_at(directory->roster, i)->news = false;
}

void directory_sweep_drop(Directory *directory)
{
        g_clear_pointer(&directory->sweep, sweep_free);
        directory->forced = false;
}

void directory_sweep_force(Directory *directory)
{
        directory->forced = true;
}

static bool key_fits(const char *key)
{
        return key && *key && strlen(key) <= RECORD_TEXT_MAX;
}

void directory_put_group(Directory *directory, const RealmGroup *group)
{
        SweptGroup swept;

        if (!directory->sweep || !key_fits(group->key) || !key_fits(group->source))
                return;
        swept = (SweptGroup){
                .key = g_strdup(group->key),
                .source = g_strdup(group->source),
                .parent_key = g_strdup(group->parent_key),
                .attributes = attributes_text(group->attributes, directory->attributes),
        };
        sweep_put_group(directory->sweep, &swept);
}

static bool subject_fits(const char *subject)
{
        return subject && *subject && strlen(subject) <= RECORD_SUBJECT_MAX;
}

static Facts *facts_of(const Directory *directory, const RealmPerson *person)
{
        g_autofree char *attributes = attributes_text(person->attributes, directory->attributes);

        return facts_new(&(Facts){
            .subject = person->subject,
            .username = person->username ? person->username : "",
            .email = person->email_verified && person->email ? person->email : "",
            .full_name = person->full_name ? person->full_name : "",
            .attributes = attributes,
            .enabled = person->enabled,
        });
}

void directory_put_person(Directory *directory, const RealmPerson *person)
{
        const PersonEntry *entry;
        Facts *facts;

        if (!directory->sweep || !subject_fits(person->subject))
                return;
        facts = facts_of(directory, person);
        entry = roster_person(directory->roster, person->subject);
        sweep_put_person(directory->sweep, facts, entry && facts_equal(entry->facts, facts));
        for (size_t i = 0; person->groups && person->groups[i]; i++)
                sweep_add(directory->sweep, person->subject, person->groups[i]);
}

void directory_sweep_add(Directory *directory, const char *subject, const char *group_key)
{
        if (directory->sweep && subject_fits(subject) && key_fits(group_key))
                sweep_add(directory->sweep, subject, group_key);
}

static bool group_is_within(const Directory *directory, const SweptGroup *group)
{
        for (int i = 0; group && i < GROUP_DEPTH_MAX; i++) {
                if (naming_within(directory->naming, group->source))
                        return true;
                group = group->parent_key ? sweep_find_group(directory->sweep, group->parent_key)
                                          : NULL;
        }
        return false;
}

/* swept_is_within: by the groups of this sweep. */
static bool swept_is_within(const Directory *directory, const SweptPerson *person)
{
        if (!naming_has_within(directory->naming))
                return true;
        for (size_t i = 0; i < person->n_groups; i++)
                if (group_is_within(directory, sweep_membership(directory->sweep, person, i)))
                        return true;
        return false;
}

static bool is_found(const Directory *directory, const PersonEntry *entry)
{
        const SweptPerson *swept = sweep_find_person(directory->sweep, entry->claimant.key);

        return entry->news || (swept && swept_is_within(directory, swept));
}

/* too_many_gone: see directory_sweep_begin. */
static bool too_many_gone(const Directory *directory)
{
        size_t n_present = 0, n_gone = 0;

        for (size_t i = 0; i < roster_n_people(directory->roster); i++) {
                const PersonEntry *entry = roster_person_at(directory->roster, i);

                n_present += entry->claimant.present;
                n_gone += entry->claimant.present && !is_found(directory, entry);
        }
        if (n_present <= DIRECTORY_SWEEP_MIN || n_gone * 2 <= n_present)
                return false;
        log_event(LOG_LEVEL_ERROR, "people_refused",
                  "The realm shows less than half of the people that it had; nothing was changed. "
                  "If that is right, authctl users sync --force takes it.",
                  LOG_NUMBER("people", (int64_t) n_present), LOG_NUMBER("gone", (int64_t) n_gone));
        return true;
}

static void take_groups(Directory *directory)
{
        for (size_t i = roster_n_groups(directory->roster); i-- > 0;) {
                GroupEntry *entry = roster_group_at(directory->roster, i);

                if (!entry->group.local && !sweep_find_group(directory->sweep, entry->group.key))
                        drop_group(directory, entry);
        }
        for (size_t i = 0; i < sweep_n_groups(directory->sweep); i++) {
                SweptGroup *swept = sweep_group(directory->sweep, i);
                GroupEntry *entry = roster_group(directory->roster, swept->key);

                if (!entry)
                        entry = add_group(directory, swept->key);
                swept->number = entry->number;
                set_group(entry, &swept->source, &swept->parent_key, &swept->attributes);
        }
}

static void take_swept(Directory *directory, SweptPerson *swept, GArray *numbers)
{
        PersonEntry *entry = roster_person(directory->roster, swept->subject);

        /* What is the same but has been dropped meanwhile comes with the next sweep. */
        if (entry ? entry->news : !swept->facts)
                return;
        if (entry && swept->facts)
                set_facts(directory, entry, g_steal_pointer(&swept->facts));
        else if (!entry)
                entry = add_person(directory, g_steal_pointer(&swept->facts));
        g_array_set_size(numbers, 0);
        for (size_t i = 0; i < swept->n_groups; i++)
                g_array_append_val(numbers, sweep_membership(directory->sweep, swept, i)->number);
        set_groups(entry, numbers_sort(numbers));
        set_present(entry, true);
        set_read(&entry->claimant);
        entry->found = true;
}

static void take_people(Directory *directory)
{
        g_autoptr(GArray) numbers = numbers_new();
        Roster *roster = directory->roster;

        for (size_t i = 0; i < roster_n_people(roster); i++)
                roster_person_at(roster, i)->found = false;
        for (size_t i = 0; i < sweep_n_people(directory->sweep); i++) {
                SweptPerson *swept = sweep_person(directory->sweep, i);

                if (swept->put && swept->within)
                        take_swept(directory, swept, numbers);
        }
        for (size_t i = 0; i < roster_n_people(roster); i++) {
                PersonEntry *entry = roster_person_at(roster, i);

                if (!entry->found && !entry->news)
                        set_present(entry, false);
        }
        drop_people(directory, is_nobody, 0);
}

/* narrow: while the swept groups still have their texts. */
static void narrow(Directory *directory)
{
        for (size_t i = 0; i < sweep_n_people(directory->sweep); i++) {
                SweptPerson *swept = sweep_person(directory->sweep, i);

                swept->within = swept_is_within(directory, swept);
        }
}

static int note_filled(Directory *directory)
{
        g_autofree char *names = g_strjoinv(",", directory->attributes);

        return register_put_filled(directory->reg, clock_wall_sec(), names);
}

int directory_sweep_end(Directory *directory)
{
        int r;

        if (!directory->sweep)
                return -EINVAL;
        sweep_sort(directory->sweep);
        r = sweep_is_too_large(directory->sweep) ? -E2BIG : 0;
        if (r == 0 && !directory->forced && too_many_gone(directory))
                r = DIRECTORY_E_TOO_MANY_GONE;
        if (r != 0) {
                directory_sweep_drop(directory);
                return r;
        }
        narrow(directory);
        take_groups(directory);
        take_people(directory);
        directory_sweep_drop(directory);
        local_refresh(directory->local);
        r = judge_all(directory);
        return r == 0 ? note_filled(directory) : r;
}

/* ---- single changes ---- */

/* note_stranger: why somebody who is not on the roster is no account. */
static void note_stranger(Directory *directory, const Facts *facts, const char *trouble)
{
        clear_stranger(directory);
        directory->stranger.subject = g_strdup(facts->subject);
        directory->stranger.username = g_strdup(facts->username);
        directory->stranger.trouble = g_strdup(trouble);
}

#define NOT_WITHIN "is in none of the groups that the setting within names"

/* settle_person: after everything about it is set. NULL: it is nobody here. *ret_r: as finish. */
static PersonEntry *settle_person(Directory *directory, PersonEntry *entry, int *ret_r)
{
        entry->news = true;
        contest_join(&directory->contest, &entry->claimant);
        *ret_r = finish(directory);
        if (!is_nobody(entry, 0))
                return entry;
        note_stranger(directory, entry->facts, NOT_WITHIN);
        drop_people(directory, is_nobody, 0);
        *ret_r = finish(directory);
        return NULL;
}

/* take_person: takes facts; numbers NULL: its groups are as they were. Who has an account and is no
 * longer within resolves on, as if it were gone. */
static PersonEntry *take_person(Directory *directory, Facts *facts, const GArray *numbers,
                                bool read, int *ret_r)
{
        PersonEntry *entry = roster_person(directory->roster, facts->subject);

        if (entry) {
                set_facts(directory, entry, facts);
        } else {
                entry = add_person(directory, facts);
                entry->claimant.unread = true;
        }
        if (numbers)
                set_groups(entry, numbers);
        if (read)
                set_read(&entry->claimant);
        set_present(entry, is_within(directory, entry));
        return settle_person(directory, entry, ret_r);
}

/* numbers_of: of groups that are known. */
static GArray *numbers_of(const Directory *directory, const char *const *keys)
{
        GArray *numbers = numbers_new();

        for (size_t i = 0; keys[i]; i++) {
                const GroupEntry *group = roster_group(directory->roster, keys[i]);

                if (group && !group->group.local)
                        g_array_append_val(numbers, group->number);
        }
        return numbers_sort(numbers);
}

int directory_change_person(Directory *directory, const RealmPerson *person)
{
        g_autoptr(GArray) numbers = NULL;
        int r;

        if (!directory->naming || !subject_fits(person->subject))
                return -EINVAL;
        if (person->groups)
                numbers = numbers_of(directory, person->groups);
        take_person(directory, facts_of(directory, person), numbers, true, &r);
        return r;
}

int directory_person_gone(Directory *directory, const char *subject)
{
        PersonEntry *entry = directory->naming ? roster_person(directory->roster, subject) : NULL;
        int r = 0;

        if (!entry || !entry->claimant.present)
                return 0;
        set_present(entry, false);
        settle_person(directory, entry, &r);
        return r;
}

/* ---- logins ---- */

/* learn_group: a group that claims alone tell of: there is nobody else to tell. */
static GroupEntry *learn_group(const char *key, const char *source, void *userdata)
{
        Directory *directory = userdata;
        GroupEntry *entry;

        if (directory->settings->sync_sec > 0 || roster_n_groups(directory->roster) >= GROUPS_MAX)
                return NULL;
        entry = add_group(directory, key);
        entry->group.source = g_strdup(source);
        entry->claimant.unread = true;
        entry->claimant.dirty = true;
        contest_join(&directory->contest, &entry->claimant);
        account_make_grants(&directory->contest); /* who is within */
        return entry;
}

static GArray *learned_groups(Directory *directory, const Claims *claims, const PersonEntry *entry)
{
        const Learning learning = {
                .claims = claims,
                .roster = directory->roster,
                .naming = directory->naming,
                .alone = directory->settings->sync_sec == 0,
                .add = learn_group,
                .userdata = directory,
        };

        return learn_groups(&learning, entry ? entry->groups : NULL, entry ? entry->n_groups : 0);
}

/* is_older_than: a token that was issued before somebody was gone proves nothing. */
static bool is_gone_for(const PersonEntry *entry, const Claims *claims)
{
        return !entry->claimant.present && claims_issued_at(claims) <= entry->since_sec;
}

static bool is_of_us(const Directory *directory, const Claims *claims)
{
        Span subject = claims_subject(claims);

        return directory->naming &&
               span_equal_string(claims_issuer(claims), directory->issuer_url) && subject.len > 0 &&
               subject.len <= RECORD_SUBJECT_MAX;
}

static int learn(Directory *directory, const Claims *claims, PersonEntry *entry,
                 const Person **ret_person)
{
        g_autoptr(GArray) numbers = learned_groups(directory, claims, entry);
        Facts *facts = learn_facts(claims, entry ? entry->facts : NULL);
        int r;

        entry = take_person(directory, facts, numbers, false, &r);
        *ret_person = entry ? &entry->person : &directory->stranger;
        if (!entry || !person_is_account(&entry->person))
                return r < 0 ? r : DIRECTORY_E_NO_ACCOUNT;
        if (entry->person.state == PERSON_GONE)
                return DIRECTORY_E_NO_ACCOUNT;
        /* That it was here is no reason to refuse it, if it cannot be written. */
        (void) directory_seen(directory, entry->claimant.key, clock_wall_sec());
        return 0;
}

int directory_learn(Directory *directory, const Claims *claims, const Person **ret_person)
{
        g_autofree char *subject = NULL;
        PersonEntry *entry;

        *ret_person = NULL;
        if (!is_of_us(directory, claims))
                return DIRECTORY_E_NO_ACCOUNT;
        subject = g_strndup(claims_subject(claims).data, claims_subject(claims).len);
        entry = roster_person(directory->roster, subject);
        if (entry && is_gone_for(entry, claims)) {
                *ret_person = &entry->person;
                return DIRECTORY_E_NO_ACCOUNT;
        }
        return learn(directory, claims, entry, ret_person);
}

int directory_seen(Directory *directory, const char *subject, int64_t now_sec)
{
        PersonEntry *entry = roster_person(directory->roster, subject);
        int r;

        if (!entry)
                return -ENOENT;
        /* Who was seen here at all is what enumeration shows. */
        if (entry->person.seen_sec == 0)
                directory->generation++;
        entry->person.seen_sec = now_sec;
        r = register_put_seen(directory->reg, entry);
        if (r == -EUCLEAN) /* it has been written anew, as it is now */
                r = 0;
        if (r < 0) {
                entry->claimant.dirty = true;
                directory->unwritten = true;
        }
        return r;
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
                (void) judge_all(directory);
        if (drop_people(directory, is_expired, now_sec - directory->settings->gone_keep_sec))
                (void) finish(directory); /* what fails goes with the next change */
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
        g_autoptr(GPtrArray) all = everybody(directory);
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

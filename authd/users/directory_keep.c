/* directory_keep: see directory_keep.h. */
#include "users/directory_keep.h"

#include "base/log.h"

#include <errno.h>

#define TOLD_MAX 20 /* refusals in the log at once; the rest is counted */

/* ---- keeping ---- */

GPtrArray *directory_everybody(const Directory *directory)
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
        if (!claimant->dirty || is_local_group(claimant))
                return 0;
        return claimant->is_group ? register_put_group(directory->reg, group_entry(claimant))
                                  : register_put_person(directory->reg, person_entry(claimant));
}

static int compare_ids(gconstpointer a, gconstpointer b)
{
        const Claimant *left = *(const Claimant *const *) a, *right = *(const Claimant *const *) b;

        return (left->id > right->id) - (left->id < right->id);
}

/* write_ids: in the order of the numbers: a tree that grows at its end is written once. */
static int write_ids(Directory *directory, const GPtrArray *list)
{
        g_autoptr(GPtrArray) giving = g_ptr_array_new();
        int r = 0;

        for (size_t i = 0; i < list->len; i++)
                if (((const Claimant *) g_ptr_array_index(list, i))->giving)
                        g_ptr_array_add(giving, g_ptr_array_index(list, i));
        g_ptr_array_sort(giving, compare_ids);
        for (size_t i = 0; i < giving->len && r == 0; i++)
                r = register_give(directory->reg, g_ptr_array_index(giving, i));
        return r;
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
        if (r == 0)
                r = write_ids(directory, list);
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
                all = directory_everybody(directory);
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

/* trouble_of: a group of /etc/group is no claimant, and has its trouble elsewhere. */
static const char *trouble_of(const Claimant *claimant)
{
        return is_local_group(claimant) ? group_entry(claimant)->group.trouble
                                        : claimant_trouble(claimant);
}

/* tell: each trouble once. */
static void tell(const GPtrArray *touched)
{
        int64_t n = 0;

        for (size_t i = 0; i < touched->len; i++) {
                Claimant *claimant = g_ptr_array_index(touched, i);
                const char *trouble = trouble_of(claimant);
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

void directory_forget_touched(Directory *directory)
{
        GPtrArray *touched = directory->contest.touched;

        for (size_t i = 0; i < touched->len; i++)
                ((Claimant *) g_ptr_array_index(touched, i))->touched = false;
        g_ptr_array_set_size(touched, 0);
}

int directory_finish(Directory *directory)
{
        const GPtrArray *touched = directory->contest.touched;
        int r;

        for (size_t i = 0; i < touched->len; i++)
                prepare(directory, g_ptr_array_index(touched, i));
        r = keep(directory);
        finish_giving(directory, r);
        show(directory);
        tell(touched);
        directory_forget_touched(directory);
        g_clear_pointer(&directory->sources, g_ptr_array_unref);
        if (directory->changed)
                directory->generation++;
        directory->changed = false;
        return r;
}

int directory_judge_all(Directory *directory)
{
        roster_sort(directory->roster); /* who is written in order is written faster */
        for (size_t i = 0; i < roster_n_groups(directory->roster); i++)
                contest_touch(&directory->contest,
                              &roster_group_at(directory->roster, i)->claimant);
        contest_all(&directory->contest);
        return directory_finish(directory);
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

bool directory_drop_people(Directory *directory, DirectoryIsOver is_over, int64_t now_sec)
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

bool directory_is_nobody(const PersonEntry *entry, int64_t now_sec)
{
        return !entry->claimant.present && entry->claimant.held_id == UID_NONE;
}

void directory_drop_group(Directory *directory, GroupEntry *entry)
{
        leave(directory, &entry->claimant);
        if (!entry->group.local)
                g_array_append_val(directory->deleted_groups, entry->number);
        roster_remove_group(directory->roster, entry);
}

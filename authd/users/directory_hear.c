/* directory_hear: see directory_hear.h. */
#include "users/directory_hear.h"

#include "base/clock.h"
#include "base/log.h"
#include "users/attributes.h"
#include "users/learn.h"
#include "users/numbers.h"

#include <errno.h>

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

void directory_set_present(PersonEntry *entry, bool present)
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

/* set_groups: of more than one may be in, one too many is kept, which account tells of. */
static void set_groups(PersonEntry *entry, GArray *numbers)
{
        g_array_set_size(numbers, MIN(numbers->len, RECORD_GROUPS_MAX + 1));
        if (!numbers_keep(&entry->groups, entry->n_groups, numbers))
                return;
        entry->n_groups = numbers->len;
        entry->claimant.dirty = true;
}

bool directory_is_within(const Directory *directory, const PersonEntry *entry)
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

GPtrArray *directory_sweep_missing(Directory *directory, size_t n_max)
{
        GPtrArray *missing = g_ptr_array_new_with_free_func(g_free);

        if (!directory->sweep)
                return missing;
        sweep_sort(directory->sweep);
        for (size_t i = 0; i < roster_n_people(directory->roster) && missing->len < n_max; i++) {
                const PersonEntry *entry = roster_person_at(directory->roster, i);

                if (entry->claimant.present && !is_found(directory, entry))
                        g_ptr_array_add(missing, g_strdup(entry->claimant.key));
        }
        return missing;
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
                        directory_drop_group(directory, entry);
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
        directory_set_present(entry, true);
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
                        directory_set_present(entry, false);
        }
        directory_drop_people(directory, directory_is_nobody, 0);
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
        r = directory_judge_all(directory);
        return r == 0 ? note_filled(directory) : r;
}

/* ---- single changes ---- */

void directory_clear_stranger(Directory *directory)
{
        g_free(directory->stranger.subject);
        g_free(directory->stranger.username);
        g_free(directory->stranger.trouble);
        directory->stranger = (Person){ 0 };
}

/* note_stranger: why somebody who is not on the roster is no account. */
static void note_stranger(Directory *directory, const Facts *facts, const char *trouble)
{
        directory_clear_stranger(directory);
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
        *ret_r = directory_finish(directory);
        if (!directory_is_nobody(entry, 0))
                return entry;
        note_stranger(directory, entry->facts, NOT_WITHIN);
        directory_drop_people(directory, directory_is_nobody, 0);
        *ret_r = directory_finish(directory);
        return NULL;
}

/* take_person: takes facts; numbers NULL: its groups are as they were. Who has an account and is no
 * longer within resolves on, as if it were gone. */
static PersonEntry *take_person(Directory *directory, Facts *facts, GArray *numbers, bool read,
                                int *ret_r)
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
        directory_set_present(entry, directory_is_within(directory, entry));
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
        directory_set_present(entry, false);
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
        /* Who was seen here at all is what enumeration shows, and nothing else does. */
        if (directory->settings->enumerate && entry->person.seen_sec == 0)
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

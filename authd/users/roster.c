/* roster: see roster.h. Indexes are chained hash tables whose links are in the claimants: five of
 * them cost a person 40 bytes and no allocation. */
#include "users/roster.h"

#define BUCKETS_MIN 64
#define LOAD_MAX    2 /* claimants a bucket */

typedef struct Index {
        Claimant **buckets;
        size_t n_buckets; /* a power of two */
        size_t n;
} Index;

struct Roster {
        Index indexes[_ROSTER_INDEX_MAX];
        GPtrArray *people, *groups; /* PersonEntry, GroupEntry */
        bool unsorted;
        GPtrArray *numbered; /* GroupEntry by number; NULL: none */
};

/* ---- facts ---- */

static const char *put_text(char **at, const char *text)
{
        size_t len = MIN(strlen(text), RECORD_TEXT_MAX);
        const char *start = *at;

        memcpy(*at, text, len);
        (*at)[len] = '\0';
        *at += len + 1;
        return start;
}

static size_t text_size(const char *text)
{
        return MIN(strlen(text), RECORD_TEXT_MAX) + 1;
}

Facts *facts_new(const Facts *from)
{
        /* A name that is the username is kept once: see roster_set_name. Attributes are ours,
         * whole. */
        size_t attributes_size = strlen(from->attributes) + 1;
        Facts *facts =
            g_malloc(sizeof(Facts) + text_size(from->subject) + text_size(from->username) +
                     text_size(from->email) + text_size(from->full_name) + attributes_size);
        char *at = facts->text;

        facts->subject = put_text(&at, from->subject);
        facts->username = put_text(&at, from->username);
        facts->email = put_text(&at, from->email);
        facts->full_name = put_text(&at, from->full_name);
        facts->attributes = memcpy(at, from->attributes, attributes_size);
        facts->enabled = from->enabled;
        return facts;
}

bool facts_equal(const Facts *a, const Facts *b)
{
        return a->enabled == b->enabled && strcmp(a->subject, b->subject) == 0 &&
               strcmp(a->username, b->username) == 0 && strcmp(a->email, b->email) == 0 &&
               strcmp(a->full_name, b->full_name) == 0 && strcmp(a->attributes, b->attributes) == 0;
}

/* ---- indexes ---- */

static guint mix(uint32_t number)
{
        return (guint) ((number * UINT64_C(11400714819323198485)) >> 32);
}

static guint hash_of(const Claimant *claimant, RosterIndex which)
{
        switch (which) {
        case ROSTER_BY_KEY: return g_str_hash(claimant->key);
        case ROSTER_BY_NAME: return g_str_hash(claimant->name);
        case ROSTER_BY_ID: return mix(claimant->id);
        case ROSTER_BY_HELD: return mix(claimant->held_id);
        case ROSTER_BY_HOME: return g_str_hash(claimant->home);
        case _ROSTER_INDEX_MAX: break;
        }
        g_assert_not_reached();
}

static Claimant **bucket_of(const Index *index, guint hash)
{
        return &index->buckets[hash & (index->n_buckets - 1)];
}

static void link_claimant(Index *index, RosterIndex which, Claimant *claimant)
{
        Claimant **bucket = bucket_of(index, hash_of(claimant, which));

        claimant->next[which] = *bucket;
        *bucket = claimant;
}

static void grow(Index *index, RosterIndex which)
{
        Index larger = { .n_buckets = index->n_buckets * 2, .n = index->n };

        larger.buckets = g_new0(Claimant *, larger.n_buckets);
        for (size_t i = 0; i < index->n_buckets; i++)
                for (Claimant *claimant = index->buckets[i], *next; claimant; claimant = next) {
                        next = claimant->next[which];
                        link_claimant(&larger, which, claimant);
                }
        g_free(index->buckets);
        *index = larger;
}

static void index_add(Roster *roster, RosterIndex which, Claimant *claimant)
{
        Index *index = &roster->indexes[which];

        if (index->n >= index->n_buckets * LOAD_MAX)
                grow(index, which);
        link_claimant(index, which, claimant);
        index->n++;
}

static void index_remove(Roster *roster, RosterIndex which, Claimant *claimant)
{
        Index *index = &roster->indexes[which];
        Claimant **at = bucket_of(index, hash_of(claimant, which));

        while (*at != claimant)
                at = &(*at)->next[which];
        *at = claimant->next[which];
        index->n--;
}

static Claimant *find_key(const Roster *roster, const char *key, bool is_group)
{
        Claimant *claimant = *bucket_of(&roster->indexes[ROSTER_BY_KEY], g_str_hash(key));

        while (claimant && (claimant->is_group != is_group || strcmp(claimant->key, key) != 0))
                claimant = claimant->next[ROSTER_BY_KEY];
        return claimant;
}

static Claimant *with_name(Claimant *claimant, const char *name)
{
        while (claimant && strcmp(claimant->name, name) != 0)
                claimant = claimant->next[ROSTER_BY_NAME];
        return claimant;
}

Claimant *roster_by_name(const Roster *roster, const char *name)
{
        return with_name(*bucket_of(&roster->indexes[ROSTER_BY_NAME], g_str_hash(name)), name);
}

Claimant *roster_next_by_name(const Claimant *claimant)
{
        return with_name(claimant->next[ROSTER_BY_NAME], claimant->name);
}

static Claimant *with_id(Claimant *claimant, uint32_t id)
{
        while (claimant && claimant->id != id)
                claimant = claimant->next[ROSTER_BY_ID];
        return claimant;
}

Claimant *roster_by_id(const Roster *roster, uint32_t id)
{
        return with_id(*bucket_of(&roster->indexes[ROSTER_BY_ID], mix(id)), id);
}

Claimant *roster_next_by_id(const Claimant *claimant)
{
        return with_id(claimant->next[ROSTER_BY_ID], claimant->id);
}

Claimant *roster_by_held(const Roster *roster, uint32_t id)
{
        Claimant *claimant = *bucket_of(&roster->indexes[ROSTER_BY_HELD], mix(id));

        while (claimant && claimant->held_id != id)
                claimant = claimant->next[ROSTER_BY_HELD];
        return claimant;
}

PersonEntry *roster_by_home(const Roster *roster, const char *home)
{
        Claimant *claimant = *bucket_of(&roster->indexes[ROSTER_BY_HOME], g_str_hash(home));

        while (claimant && strcmp(claimant->home, home) != 0)
                claimant = claimant->next[ROSTER_BY_HOME];
        return claimant ? person_entry(claimant) : NULL;
}

/* ---- life ---- */

Roster *roster_new(void)
{
        Roster *roster = g_new0(Roster, 1);

        for (size_t i = 0; i < _ROSTER_INDEX_MAX; i++) {
                roster->indexes[i].n_buckets = BUCKETS_MIN;
                roster->indexes[i].buckets = g_new0(Claimant *, BUCKETS_MIN);
        }
        roster->people = g_ptr_array_new();
        roster->groups = g_ptr_array_new();
        roster->numbered = g_ptr_array_new();
        g_ptr_array_add(roster->numbered, NULL); /* 0 is no number */
        return roster;
}

static void troubles_free(Troubles *troubles)
{
        if (!troubles)
                return;
        g_free(troubles->facts);
        g_free(troubles->name);
        g_free(troubles->id);
        g_free(troubles->warning);
        g_free(troubles->record);
        g_free(troubles);
}

static void free_name(const PersonEntry *entry, char *name)
{
        if (name != entry->facts->username)
                g_free(name);
}

static void person_entry_free(PersonEntry *entry)
{
        troubles_free(entry->claimant.troubles);
        free_name(entry, entry->claimant.name);
        g_free((char *) entry->claimant.home);
        g_free(entry->facts);
        g_free(entry->groups);
        g_free(entry->person.gids);
        g_free(entry->own_gecos);
        g_free(entry->own_home);
        g_free(entry->own_shell);
        g_free(entry);
}

static void group_entry_free(GroupEntry *entry)
{
        troubles_free(entry->claimant.troubles);
        g_free(entry->claimant.name);
        g_free(entry->group.key);
        g_free(entry->group.source);
        g_free(entry->parent_key);
        g_free(entry->attributes);
        g_free(entry->local_name);
        g_free(entry->local_trouble);
        g_free(entry->grants);
        g_free(entry);
}

void roster_free(Roster *roster)
{
        if (!roster)
                return;
        for (size_t i = 0; i < roster->people->len; i++)
                person_entry_free(g_ptr_array_index(roster->people, i));
        for (size_t i = 0; i < roster->groups->len; i++)
                group_entry_free(g_ptr_array_index(roster->groups, i));
        for (size_t i = 0; i < _ROSTER_INDEX_MAX; i++)
                g_free(roster->indexes[i].buckets);
        g_ptr_array_unref(roster->people);
        g_ptr_array_unref(roster->groups);
        g_ptr_array_unref(roster->numbered);
        g_free(roster);
}

/* ---- people and groups ---- */

static int compare_keys(gconstpointer a, gconstpointer b)
{
        const Claimant *const *left = a, *const *right = b;

        return strcmp((*left)->key, (*right)->key);
}

void roster_sort(Roster *roster)
{
        if (!roster->unsorted)
                return;
        g_ptr_array_sort(roster->people, compare_keys);
        g_ptr_array_sort(roster->groups, compare_keys);
        roster->unsorted = false;
}

/* add: kept in order if it was, as long as what is new comes in order. */
static void add(Roster *roster, GPtrArray *list, Claimant *claimant)
{
        const Claimant *last = list->len ? g_ptr_array_index(list, list->len - 1) : NULL;

        if (last && strcmp(last->key, claimant->key) > 0)
                roster->unsorted = true;
        g_ptr_array_add(list, claimant);
        index_add(roster, ROSTER_BY_KEY, claimant);
}

static void leave_indexes(Roster *roster, Claimant *claimant)
{
        index_remove(roster, ROSTER_BY_KEY, claimant);
        if (claimant->name)
                index_remove(roster, ROSTER_BY_NAME, claimant);
        if (claimant->id != UID_NONE)
                index_remove(roster, ROSTER_BY_ID, claimant);
        if (claimant->held_id != UID_NONE)
                index_remove(roster, ROSTER_BY_HELD, claimant);
        if (claimant->home)
                index_remove(roster, ROSTER_BY_HOME, claimant);
}

static void point_to_facts(PersonEntry *entry)
{
        entry->claimant.key = entry->facts->subject;
        entry->person.subject = (char *) entry->facts->subject;
        entry->person.username = (char *) entry->facts->username;
}

PersonEntry *roster_add_person(Roster *roster, Facts *facts)
{
        PersonEntry *entry = g_new0(PersonEntry, 1);

        entry->facts = facts;
        point_to_facts(entry);
        add(roster, roster->people, &entry->claimant);
        return entry;
}

/* roster_set_facts: the subject is the same, so every index stays true. What person borrowed from
 * the old ones is pointed anew. */
void roster_set_facts(Roster *roster, PersonEntry *entry, Facts *facts)
{
        Claimant *claimant = &entry->claimant;

        if (claimant->name == entry->facts->username)
                claimant->name = g_strdup(claimant->name);
        if (entry->person.name)
                entry->person.name = claimant->name;
        if (entry->person.gecos && !entry->own_gecos)
                entry->person.gecos = entry->own_gecos = g_strdup(entry->person.gecos);
        g_free(entry->facts);
        entry->facts = facts;
        point_to_facts(entry);
}

void roster_drop_people(Roster *roster, RosterGoes goes, void *userdata)
{
        GPtrArray *kept = g_ptr_array_sized_new(roster->people->len);

        for (size_t i = 0; i < roster->people->len; i++) {
                PersonEntry *entry = g_ptr_array_index(roster->people, i);

                if (!goes(entry, userdata)) {
                        g_ptr_array_add(kept, entry);
                        continue;
                }
                leave_indexes(roster, &entry->claimant);
                person_entry_free(entry);
        }
        g_ptr_array_unref(roster->people);
        roster->people = kept;
}

PersonEntry *roster_person(const Roster *roster, const char *subject)
{
        Claimant *claimant = find_key(roster, subject, false);

        return claimant ? person_entry(claimant) : NULL;
}

size_t roster_n_people(const Roster *roster)
{
        return roster->people->len;
}

PersonEntry *roster_person_at(const Roster *roster, size_t index)
{
        return g_ptr_array_index(roster->people, index);
}

uint32_t roster_next_number(const Roster *roster)
{
        return roster->numbered->len;
}

GroupEntry *roster_add_group(Roster *roster, const char *key, uint32_t number)
{
        GroupEntry *entry = g_new0(GroupEntry, 1);

        entry->group.key = g_strdup(key);
        entry->claimant.key = entry->group.key;
        entry->claimant.is_group = true;
        entry->number = number ? number : roster_next_number(roster);
        if (entry->number >= roster->numbered->len)
                g_ptr_array_set_size(roster->numbered, (gint) entry->number + 1);
        g_ptr_array_index(roster->numbered, entry->number) = entry;
        add(roster, roster->groups, &entry->claimant);
        return entry;
}

void roster_remove_group(Roster *roster, GroupEntry *entry)
{
        g_ptr_array_index(roster->numbered, entry->number) = NULL;
        leave_indexes(roster, &entry->claimant);
        g_ptr_array_remove(roster->groups, entry);
        group_entry_free(entry);
}

GroupEntry *roster_group(const Roster *roster, const char *key)
{
        Claimant *claimant = find_key(roster, key, true);

        return claimant ? group_entry(claimant) : NULL;
}

GroupEntry *roster_group_numbered(const Roster *roster, uint32_t number)
{
        return number < roster->numbered->len ? g_ptr_array_index(roster->numbered, number) : NULL;
}

size_t roster_n_groups(const Roster *roster)
{
        return roster->groups->len;
}

GroupEntry *roster_group_at(const Roster *roster, size_t index)
{
        return g_ptr_array_index(roster->groups, index);
}

/* ---- what they want and have ---- */

/* share_name: a person's name that is the username is the facts' own. */
static char *share_name(const Claimant *claimant, char *name)
{
        char *username;

        if (claimant->is_group || !name)
                return name;
        username = (char *) person_entry(claimant)->facts->username;
        if (name == username || strcmp(name, username) != 0)
                return name;
        g_free(name);
        return username;
}

static char **shown_name(Claimant *claimant)
{
        return claimant->is_group ? &group_entry(claimant)->group.name
                                  : &person_entry(claimant)->person.name;
}

void roster_set_name(Roster *roster, Claimant *claimant, char *name)
{
        char *before = claimant->name, **shown = shown_name(claimant);

        if (before)
                index_remove(roster, ROSTER_BY_NAME, claimant);
        claimant->name = share_name(claimant, name);
        if (claimant->name)
                index_add(roster, ROSTER_BY_NAME, claimant);
        if (*shown)
                *shown = g_strcmp0(before, claimant->name) == 0 ? claimant->name : NULL;
        if (claimant->is_group)
                g_free(before);
        else if (before != claimant->name)
                free_name(person_entry(claimant), before);
}

void roster_set_id(Roster *roster, Claimant *claimant, uint32_t id, IdSource source)
{
        claimant->id_source = source;
        if (claimant->id == id)
                return;
        if (claimant->id != UID_NONE)
                index_remove(roster, ROSTER_BY_ID, claimant);
        claimant->id = id;
        if (id != UID_NONE)
                index_add(roster, ROSTER_BY_ID, claimant);
}

void roster_set_held(Roster *roster, Claimant *claimant, uint32_t id)
{
        if (claimant->held_id == id)
                return;
        if (claimant->held_id != UID_NONE)
                index_remove(roster, ROSTER_BY_HELD, claimant);
        claimant->held_id = id;
        if (id != UID_NONE)
                index_add(roster, ROSTER_BY_HELD, claimant);
}

void roster_set_home(Roster *roster, PersonEntry *entry, const char *home)
{
        Claimant *claimant = &entry->claimant;

        if (claimant->home)
                index_remove(roster, ROSTER_BY_HOME, claimant);
        if (!entry->own_home)
                entry->person.home = NULL;
        g_free((char *) claimant->home);
        claimant->home = g_strdup(home);
        if (home)
                index_add(roster, ROSTER_BY_HOME, claimant);
}

static char **trouble_at(Troubles *troubles, TroubleKind kind)
{
        char **const members[] = {
                [TROUBLE_FACTS] = &troubles->facts,   [TROUBLE_NAME] = &troubles->name,
                [TROUBLE_ID] = &troubles->id,         [TROUBLE_WARNING] = &troubles->warning,
                [TROUBLE_RECORD] = &troubles->record,
        };

        return members[kind];
}

void claimant_set_trouble(Claimant *claimant, TroubleKind kind, char *text)
{
        char **at;

        if (!claimant->troubles && !text)
                return;
        if (!claimant->troubles)
                claimant->troubles = g_new0(Troubles, 1);
        at = trouble_at(claimant->troubles, kind);
        g_free(*at);
        *at = text;
}

const char *claimant_trouble(const Claimant *claimant)
{
        Troubles *troubles = claimant->troubles;

        for (TroubleKind kind = TROUBLE_FACTS; troubles && kind <= TROUBLE_RECORD; kind++)
                if (*trouble_at(troubles, kind))
                        return *trouble_at(troubles, kind);
        return NULL;
}

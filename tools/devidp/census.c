#include "census.h"

#include "members.h"

#include <stdlib.h>
#include <string.h>

#define TEAMS_EACH  8                              /* of a department */
#define CREWS_EACH  8                              /* of a team */
#define TEAM_SIZE   (1 + CREWS_EACH)               /* a team and its crews */
#define FAMILY_SIZE (1 + TEAMS_EACH * (TEAM_SIZE)) /* a department and all below it */
#define GROUP_STEP  7                              /* between two groups of one person */
#define ID_DIGITS   12 /* of an id, for its index: the rest is compared */

typedef struct IdEntry {
        guint64 start; /* the first ID_DIGITS of it */
        guint32 number;
} IdEntry;

struct Census {
        const char *realm;
        CensusRule rule;
        Groups *groups;
        Group **generated;   /* n_groups; NULL: gone */
        GPtrArray *known;    /* of Person, by username; owns */
        GHashTable *by_name; /* known ones; borrowed */
        GHashTable *by_id;
        GHashTable *gone; /* ids; owned */
        guint8 *taken;    /* by number: known or gone */
        IdEntry *ids;     /* n_people, sorted */
        bool *strides;    /* n_groups: a person is in the group that is so far from their number */
};

/* --- the generated --- */

static char *generated_path(unsigned number)
{
        unsigned department = number / FAMILY_SIZE, rest = number % FAMILY_SIZE;

        if (rest == 0)
                return g_strdup_printf("/dept%04u", department + 1);
        unsigned team = (rest - 1) / TEAM_SIZE, crew = (rest - 1) % TEAM_SIZE;
        if (crew == 0)
                return g_strdup_printf("/dept%04u/team%u", department + 1, team + 1);
        return g_strdup_printf("/dept%04u/team%u/crew%u", department + 1, team + 1, crew);
}

static void generate_groups(Census *people)
{
        people->generated = g_new0(Group *, people->rule.n_groups + 1);
        for (unsigned i = 0; i < people->rule.n_groups; i++) {
                g_autofree char *path = generated_path(i);
                people->generated[i] = groups_make(people->groups, path, false);
                if (people->generated[i])
                        people->generated[i]->number = i;
        }
}

/* number: from 0; names count from 1. */
static char *generated_name(const Census *people, unsigned number)
{
        return g_strdup_printf("%s%06u", people->rule.prefix, number + 1);
}

static bool number_of_name(const Census *people, const char *name, unsigned *ret)
{
        size_t len = strlen(people->rule.prefix);
        guint64 number;

        if (!g_str_has_prefix(name, people->rule.prefix) || strlen(name + len) != 6 ||
            !g_ascii_string_to_unsigned(name + len, 10, 1, CENSUS_GENERATED_MAX, &number, NULL) ||
            number > people->rule.n_people)
                return false;
        *ret = (unsigned) number - 1;
        return true;
}

static guint64 id_start(const char *id)
{
        char digits[ID_DIGITS + 1] = { 0 };
        size_t len = 0;

        for (; *id && len < ID_DIGITS; id++)
                if (*id != '-')
                        digits[len++] = *id;
        return g_ascii_strtoull(digits, NULL, 16);
}

static int compare_entries(const void *one, const void *other)
{
        guint64 a = ((const IdEntry *) one)->start, b = ((const IdEntry *) other)->start;

        return (a > b) - (a < b);
}

static void index_ids(Census *people)
{
        people->ids = g_new(IdEntry, people->rule.n_people + 1);
        for (unsigned i = 0; i < people->rule.n_people; i++) {
                g_autofree char *name = generated_name(people, i);
                g_autofree char *id = stable_id(people->realm, name);
                people->ids[i] = (IdEntry){ id_start(id), i };
        }
        qsort(people->ids, people->rule.n_people, sizeof(IdEntry), compare_entries);
}

/* Two ids with one beginning are told apart by the whole. */
static bool number_of_id(const Census *people, const char *id, unsigned *ret)
{
        IdEntry wanted = { .start = id_start(id) };
        const IdEntry *found =
            bsearch(&wanted, people->ids, people->rule.n_people, sizeof(IdEntry), compare_entries);

        while (found && found > people->ids && found[-1].start == wanted.start)
                found--;
        for (; found && found < people->ids + people->rule.n_people; found++) {
                g_autofree char *name = generated_name(people, found->number);
                g_autofree char *whole = stable_id(people->realm, name);
                if (found->start != wanted.start)
                        return false;
                if (strcmp(whole, id) == 0) {
                        *ret = found->number;
                        return true;
                }
        }
        return false;
}

/* Which of the n_groups the k-th group of a person is. */
static unsigned group_of(const Census *people, unsigned person, unsigned k)
{
        return (unsigned) ((person + (guint64) k * GROUP_STEP) % people->rule.n_groups);
}

static bool generated_is_in(const Census *people, unsigned person, const Group *group)
{
        unsigned n_groups = people->rule.n_groups;

        return group->number != GROUP_NOT_GENERATED &&
               people->strides[(group->number + n_groups - person % n_groups) % n_groups];
}

static void find_strides(Census *people)
{
        people->strides = g_new0(bool, people->rule.n_groups + 1);
        for (unsigned k = 0; k < people->rule.groups_each; k++)
                people->strides[group_of(people, 0, k)] = true;
}

static json_t *generated_groups(const Census *people, unsigned number)
{
        json_t *paths = json_array();

        for (unsigned k = 0; k < people->rule.groups_each; k++) {
                const Group *group = people->generated[group_of(people, number, k)];
                if (group && !list_has(paths, group->path))
                        json_array_append_new(paths, json_string(group->path));
        }
        return paths;
}

/* outline: without groups, as a page of people needs it. */
static Person *generated_person(const Census *people, unsigned number, bool outline)
{
        static const char *const FIRST[] = { "Ada", "Bruno", "Carla", "Dénes",
                                             "Eva", "Farid", "Grete", "Hana" };
        static const char *const LAST[] = { "Arden", "Brook", "Čapek", "Dunn",  "Eliot", "Frisch",
                                            "Grün",  "Hale",  "Iqbal", "Jones", "Kern" };
        g_autofree char *name = generated_name(people, number);
        json_t *json = json_pack("{s:s, s:o, s:s, s:s}", "username", name, "email",
                                 json_sprintf("%s@example.com", name), "first_name",
                                 FIRST[number % G_N_ELEMENTS(FIRST)], "last_name",
                                 LAST[number % G_N_ELEMENTS(LAST)]);

        if (!outline)
                json_object_set_new(json, "groups", generated_groups(people, number));
        if (people->rule.password)
                json_object_set_new(json, "password", json_string(people->rule.password));
        if (people->rule.uid_first)
                json_object_set_new(json, "attributes",
                                    json_pack("{s:o}", "uidNumber",
                                              json_sprintf("%u", people->rule.uid_first + number)));
        Person *person = person_read(people->realm, json, NULL);
        json_decref(json);
        return person;
}

/* --- life --- */

Census *census_new(const char *realm, const CensusRule *rule, Groups *groups)
{
        Census *people = g_new0(Census, 1);

        people->realm = realm;
        people->rule = *rule;
        people->rule.groups_each = rule->n_groups ? rule->groups_each : 0;
        people->groups = groups;
        people->known = g_ptr_array_new_with_free_func((GDestroyNotify) person_unref);
        people->by_name = g_hash_table_new(g_str_hash, g_str_equal);
        people->by_id = g_hash_table_new(g_str_hash, g_str_equal);
        people->gone = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        people->taken = g_new0(guint8, rule->n_people / 8 + 1);
        generate_groups(people);
        find_strides(people);
        index_ids(people);
        return people;
}

void census_free(Census *people)
{
        if (!people)
                return;
        g_free(people->strides);
        g_free(people->ids);
        g_free(people->taken);
        g_hash_table_destroy(people->gone);
        g_hash_table_destroy(people->by_id);
        g_hash_table_destroy(people->by_name);
        g_ptr_array_unref(people->known);
        g_free(people->generated);
        g_free(people);
}

/* --- the known --- */

static bool is_taken(const Census *people, unsigned number)
{
        return people->taken[number / 8] & (1u << number % 8);
}

static void set_taken(Census *people, unsigned number)
{
        people->taken[number / 8] |= (guint8) (1u << number % 8);
}

static guint place_of(const Census *people, const char *username)
{
        guint low = 0, high = people->known->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;
                const Person *other = people->known->pdata[middle];
                if (strcmp(other->username, username) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void add_known(Census *people, Person *person)
{
        unsigned number;

        if (number_of_id(people, person->id, &number))
                set_taken(people, number);
        g_ptr_array_insert(people->known, (gint) place_of(people, person->username),
                           person_ref(person));
        g_hash_table_insert(people->by_name, (char *) person->username, person);
        g_hash_table_insert(people->by_id, person->id, person);
}

static void remove_known(Census *people, const Person *person)
{
        g_hash_table_remove(people->by_name, person->username);
        g_hash_table_remove(people->by_id, person->id);
        g_ptr_array_remove_index(people->known, place_of(people, person->username));
}

static const Person *know(Census *people, unsigned number)
{
        g_autoptr(Person) person = generated_person(people, number, false);

        add_known(people, person);
        return person;
}

const Person *census_by_name(Census *people, const char *username)
{
        const Person *person = username ? g_hash_table_lookup(people->by_name, username) : NULL;
        unsigned number;

        if (person || !username || !number_of_name(people, username, &number) ||
            is_taken(people, number))
                return person;
        return know(people, number);
}

const Person *census_by_id(Census *people, const char *id)
{
        const Person *person = id ? g_hash_table_lookup(people->by_id, id) : NULL;
        unsigned number;

        if (person || !id || !number_of_id(people, id, &number) || is_taken(people, number))
                return person;
        return know(people, number);
}

Person *census_find_by_id(const Census *people, const char *id)
{
        const Person *person = g_hash_table_lookup(people->by_id, id);
        unsigned number;

        if (person)
                return person_ref(person);
        if (!number_of_id(people, id, &number) || is_taken(people, number))
                return NULL;
        return generated_person(people, number, false);
}

bool census_was_deleted(const Census *people, const char *id)
{
        return id && g_hash_table_contains(people->gone, id);
}

void census_put(Census *people, Person *person)
{
        const Person *former = census_by_id(people, person->id);

        if (former)
                remove_known(people, former);
        add_known(people, person);
}

void census_delete(Census *people, const char *id)
{
        const Person *person = census_by_id(people, id);

        if (!person)
                return;
        g_hash_table_add(people->gone, g_strdup(id));
        remove_known(people, person);
}

/* --- groups that change --- */

static char *moved_path(const char *path, const char *former, const char *now)
{
        size_t len = strlen(former);

        if (!g_str_has_prefix(path, former) || (path[len] != '\0' && path[len] != '/'))
                return g_strdup(path);
        return now ? g_strconcat(now, path + len, NULL) : NULL;
}

/* NULL: nothing changes. */
static json_t *moved_paths(const json_t *paths, const char *former, const char *now)
{
        json_t *moved = json_array();
        size_t index;
        json_t *path;

        json_array_foreach ((json_t *) paths, index, path) {
                g_autofree char *new_path = moved_path(json_string_value(path), former, now);
                if (new_path)
                        json_array_append_new(moved, json_string(new_path));
        }
        if (json_equal(moved, paths) || !paths) {
                json_decref(moved);
                return NULL;
        }
        return moved;
}

static Person *with_groups(const Census *people, const Person *person, json_t *paths)
{
        json_t *json = json_copy(person->json);

        json_object_set_new(json, "groups", paths);
        json_object_set_new(json, "id", json_string(person->id));
        Person *changed = person_read(people->realm, json, NULL);
        json_decref(json);
        return changed;
}

void census_regroup(Census *people, const char *former, const char *now)
{
        for (guint i = 0; i < people->known->len; i++) {
                const Person *person = people->known->pdata[i];
                json_t *paths = moved_paths(person->groups, former, now);
                if (!paths)
                        continue;
                g_autoptr(Person) changed = with_groups(people, person, paths);
                census_put(people, changed); /* in the same place: the name is the same */
        }
}

void census_forget_group(Census *people, const Group *group)
{
        for (guint i = 0; i < group->children->len; i++)
                census_forget_group(people, group->children->pdata[i]);
        if (group->number != GROUP_NOT_GENERATED)
                people->generated[group->number] = NULL;
}

/* --- pages --- */

/* Cursor: a place in the merged order of the known and the computed. */
typedef struct Cursor {
        guint known;
        unsigned number; /* the next of the computed */
        unsigned until;  /* those before it come before the known one */
} Cursor;

/* The first number whose name sorts behind username. */
static unsigned numbers_before(const Census *people, const char *username)
{
        unsigned low = 0, high = people->rule.n_people, number;

        if (number_of_name(people, username, &number))
                return number;
        while (low < high) {
                unsigned middle = low + (high - low) / 2;
                g_autofree char *name = generated_name(people, middle);
                if (strcmp(name, username) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void look_ahead(const Census *people, Cursor *cursor)
{
        const Person *next =
            cursor->known < people->known->len ? people->known->pdata[cursor->known] : NULL;

        cursor->until = next ? numbers_before(people, next->username) : people->rule.n_people;
}

static bool person_matches(const CensusFilter *filter, const Person *person)
{
        const json_t *roles = filter->client ? json_object_get(person->client_roles, filter->client)
                                             : person->realm_roles;

        return (!filter->group || list_has(person->groups, filter->group->path)) &&
               (!filter->role || list_has(roles, filter->role)) &&
               (!filter->username ||
                (filter->exact ? strcmp(person->username, filter->username) == 0
                               : strstr(person->username, filter->username) != NULL));
}

static bool name_matches(const Census *people, const CensusFilter *filter, unsigned number)
{
        g_autofree char *name = generated_name(people, number);

        return filter->exact ? strcmp(name, filter->username) == 0
                             : strstr(name, filter->username) != NULL;
}

static bool number_matches(const Census *people, const CensusFilter *filter, unsigned number)
{
        return !is_taken(people, number) && !filter->role &&
               (!filter->group || generated_is_in(people, number, filter->group)) &&
               (!filter->username || name_matches(people, filter, number));
}

/* Range: which of those who match are wanted, and how many there were. */
typedef struct Range {
        unsigned first, max, n_met;
        CensusVisit visit; /* NULL: only counted */
        void *userdata;
} Range;

static bool is_wanted(Range *range)
{
        unsigned index = range->n_met++;

        return range->visit && index >= range->first && index - range->first < range->max;
}

static bool is_over(const Range *range)
{
        return range->visit && range->n_met >= range->first &&
               range->n_met - range->first >= range->max;
}

static void meet_numbers(const Census *people, const CensusFilter *filter, Cursor *cursor,
                         Range *range)
{
        for (; cursor->number < cursor->until && !is_over(range); cursor->number++) {
                if (!number_matches(people, filter, cursor->number) || !is_wanted(range))
                        continue;
                g_autoptr(Person) person = generated_person(people, cursor->number, true);
                range->visit(person, range->userdata);
        }
}

static void meet(const Census *people, const CensusFilter *filter, Range *range)
{
        Cursor cursor = { 0 };

        look_ahead(people, &cursor);
        meet_numbers(people, filter, &cursor, range);
        while (cursor.known < people->known->len && !is_over(range)) {
                const Person *person = people->known->pdata[cursor.known++];
                if (person_matches(filter, person) && is_wanted(range))
                        range->visit(person, range->userdata);
                look_ahead(people, &cursor);
                meet_numbers(people, filter, &cursor, range);
        }
}

unsigned census_count(const Census *people, const CensusFilter *filter)
{
        Range range = { 0 };

        meet(people, filter, &range);
        return range.n_met;
}

void census_page(const Census *people, const CensusFilter *filter, unsigned first, unsigned max,
                 CensusVisit visit, void *userdata)
{
        Range range = { .first = first, .max = max, .visit = visit, .userdata = userdata };

        meet(people, filter, &range);
}

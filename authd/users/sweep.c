/* sweep: see sweep.h. */
#include "users/sweep.h"

/* Membership: indexes. */
typedef struct Membership {
        uint32_t person, group;
} Membership;

struct Sweep {
        GArray *groups;        /* SweptGroup */
        GArray *people;        /* SweptPerson */
        GHashTable *group_at;  /* key → index + 1 */
        GHashTable *person_at; /* subject → index + 1 */
        GArray *memberships;
        bool too_large;
};

static void clear_group(void *userdata)
{
        SweptGroup *group = userdata;

        g_free(group->key);
        g_free(group->source);
        g_free(group->parent_key);
        g_free(group->attributes);
}

static void clear_person(void *userdata)
{
        SweptPerson *person = userdata;

        g_free(person->subject);
        g_free(person->facts);
}

Sweep *sweep_new(void)
{
        Sweep *sweep = g_new0(Sweep, 1);

        sweep->groups = g_array_new(FALSE, TRUE, sizeof(SweptGroup));
        g_array_set_clear_func(sweep->groups, clear_group);
        sweep->people = g_array_new(FALSE, TRUE, sizeof(SweptPerson));
        g_array_set_clear_func(sweep->people, clear_person);
        sweep->group_at = g_hash_table_new(g_str_hash, g_str_equal);
        sweep->person_at = g_hash_table_new(g_str_hash, g_str_equal);
        sweep->memberships = g_array_new(FALSE, FALSE, sizeof(Membership));
        return sweep;
}

void sweep_free(Sweep *sweep)
{
        if (!sweep)
                return;
        g_hash_table_unref(sweep->group_at);
        g_hash_table_unref(sweep->person_at);
        g_array_unref(sweep->groups);
        g_array_unref(sweep->people);
        g_array_unref(sweep->memberships);
        g_free(sweep);
}

static size_t index_of(GHashTable *table, const char *key)
{
        return GPOINTER_TO_SIZE(g_hash_table_lookup(table, key));
}

/* sweep_put_group: a page that was read twice says the same twice. */
void sweep_put_group(Sweep *sweep, const SweptGroup *group)
{
        if (sweep->groups->len == GROUPS_MAX || index_of(sweep->group_at, group->key) > 0) {
                sweep->too_large |= sweep->groups->len == GROUPS_MAX;
                clear_group((void *) group);
                return;
        }
        g_array_append_val(sweep->groups, *group);
        g_hash_table_insert(sweep->group_at, group->key, GSIZE_TO_POINTER(sweep->groups->len));
}

/* place_of: of a subject, put or not; NULL: there are too many. */
static SweptPerson *place_of(Sweep *sweep, const char *subject, uint32_t *ret_index)
{
        size_t index = index_of(sweep->person_at, subject);

        if (index == 0 && sweep->people->len == PEOPLE_MAX) {
                sweep->too_large = true;
                return NULL;
        }
        if (index == 0) {
                const SweptPerson person = { .subject = g_strdup(subject) };

                g_array_append_val(sweep->people, person);
                index = sweep->people->len;
                g_hash_table_insert(sweep->person_at, person.subject, GSIZE_TO_POINTER(index));
        }
        *ret_index = (uint32_t) index - 1;
        return &g_array_index(sweep->people, SweptPerson, index - 1);
}

void sweep_put_person(Sweep *sweep, Facts *facts, bool same)
{
        uint32_t index;
        SweptPerson *person = place_of(sweep, facts->subject, &index);

        if (!person || same) {
                g_free(facts);
                facts = NULL;
        }
        if (!person)
                return;
        g_free(person->facts);
        person->facts = facts;
        person->put = true;
}

void sweep_add(Sweep *sweep, const char *subject, const char *group_key)
{
        size_t group = index_of(sweep->group_at, group_key);
        Membership membership = { .group = (uint32_t) group - 1 };

        if (group == 0 || !place_of(sweep, subject, &membership.person))
                return;
        if (sweep->memberships->len == SWEEP_MEMBERSHIPS_MAX) {
                sweep->too_large = true;
                return;
        }
        g_array_append_val(sweep->memberships, membership);
}

bool sweep_is_too_large(const Sweep *sweep)
{
        return sweep->too_large;
}

static int compare_memberships(gconstpointer a, gconstpointer b)
{
        const Membership *left = a, *right = b;

        if (left->person != right->person)
                return left->person < right->person ? -1 : 1;
        return (left->group > right->group) - (left->group < right->group);
}

static bool is_same(const Membership *a, const Membership *b)
{
        return a->person == b->person && a->group == b->group;
}

void sweep_sort(Sweep *sweep)
{
        GArray *list = sweep->memberships;
        guint n = 0;

        for (size_t i = 0; i < sweep_n_people(sweep); i++)
                sweep_person(sweep, i)->n_groups = 0;
        g_array_sort(list, compare_memberships);
        for (guint i = 0; i < list->len; i++) {
                const Membership membership = g_array_index(list, Membership, i);
                SweptPerson *person = sweep_person(sweep, membership.person);

                if (n > 0 && is_same(&g_array_index(list, Membership, n - 1), &membership))
                        continue;
                if (person->n_groups++ == 0)
                        person->first = n;
                g_array_index(list, Membership, n++) = membership;
        }
        g_array_set_size(list, n);
}

size_t sweep_n_groups(const Sweep *sweep)
{
        return sweep->groups->len;
}

SweptGroup *sweep_group(const Sweep *sweep, size_t index)
{
        return &g_array_index(sweep->groups, SweptGroup, index);
}

SweptGroup *sweep_find_group(const Sweep *sweep, const char *key)
{
        size_t index = index_of(sweep->group_at, key);

        return index > 0 ? sweep_group(sweep, index - 1) : NULL;
}

size_t sweep_n_people(const Sweep *sweep)
{
        return sweep->people->len;
}

SweptPerson *sweep_person(const Sweep *sweep, size_t index)
{
        return &g_array_index(sweep->people, SweptPerson, index);
}

SweptPerson *sweep_find_person(const Sweep *sweep, const char *subject)
{
        size_t index = index_of(sweep->person_at, subject);
        SweptPerson *person = index > 0 ? sweep_person(sweep, index - 1) : NULL;

        return person && person->put ? person : NULL;
}

SweptGroup *sweep_membership(const Sweep *sweep, const SweptPerson *person, size_t i)
{
        return sweep_group(sweep,
                           g_array_index(sweep->memberships, Membership, person->first + i).group);
}

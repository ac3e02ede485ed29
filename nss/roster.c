/* roster: see roster.h. */
#include "roster.h"

#include "account.h"

#include <string.h>

/* --- the head ------------------------------------------------------------------------------- */

/* part_fits: n items at offset are within the file and stand where their numbers may stand. */
static bool part_fits(const struct table_head *head, uint64_t offset, uint64_t n, size_t each_size)
{
        return offset >= sizeof(*head) && offset <= head->file_size &&
               offset % sizeof(uint32_t) == 0 && n <= (head->file_size - offset) / each_size;
}

static bool slots_fit(const struct table_head *head, uint64_t offset, uint32_t n)
{
        return n > 0 && (n & (n - 1)) == 0 && part_fits(head, offset, n, sizeof(uint32_t));
}

static bool parts_fit(const struct table_head *head)
{
        return part_fits(head, head->people_offset, head->n_people, sizeof(struct table_person)) &&
               part_fits(head, head->groups_offset, head->n_groups, sizeof(struct table_group)) &&
               slots_fit(head, head->name_index_offset, head->name_slots) &&
               slots_fit(head, head->uid_index_offset, head->uid_slots) &&
               slots_fit(head, head->group_index_offset, head->group_slots) &&
               slots_fit(head, head->gid_index_offset, head->gid_slots) &&
               part_fits(head, head->seen_offset, (uint64_t) head->n_seen + head->n_seen_groups,
                         sizeof(uint32_t)) &&
               part_fits(head, head->numbers_offset, head->n_numbers, sizeof(uint32_t)) &&
               part_fits(head, head->strings_offset, head->strings_size, 1);
}

bool roster_init(struct roster *roster, const void *bytes, size_t size)
{
        struct table_head *head = &roster->head;

        if (size < sizeof(*head) || size > TABLE_SIZE_MAX)
                return false;
        roster->bytes = bytes;
        memcpy(head, bytes, sizeof(*head));
        return head->magic == TABLE_MAGIC && head->version == TABLE_VERSION &&
               head->head_size == sizeof(*head) && head->file_size == size && parts_fit(head);
}

static const struct table_head *live_head(const struct roster *roster)
{
        return (const struct table_head *) roster->bytes;
}

bool roster_is_replaced(const struct roster *roster)
{
        return __atomic_load_n(&live_head(roster)->replaced, __ATOMIC_ACQUIRE) != 0;
}

bool roster_knows_all(const struct roster *roster, uint64_t boot_usec)
{
        uint64_t beat = __atomic_load_n(&live_head(roster)->heartbeat_usec, __ATOMIC_RELAXED);

        /* A beat of the future: another time namespace's clock, which tells nothing. */
        return roster->head.flags & TABLE_COMPLETE && beat > 0 && beat <= boot_usec &&
               boot_usec - beat <= TABLE_HEARTBEAT_MAX_USEC;
}

/* --- the parts ------------------------------------------------------------------------------ */

static const uint32_t *numbers_at(const struct roster *roster, uint64_t offset)
{
        return (const uint32_t *) (roster->bytes + offset);
}

static const char *text_at(const struct roster *roster, uint32_t offset)
{
        const struct table_head *head = &roster->head;
        const char *text;

        if (offset >= head->strings_size)
                return NULL;
        text = (const char *) roster->bytes + head->strings_offset + offset;
        return memchr(text, '\0', head->strings_size - offset) ? text : NULL;
}

/* list_at: n numbers from first on; NULL: out of bounds. */
static const uint32_t *list_at(const struct roster *roster, uint32_t first, uint32_t n)
{
        const struct table_head *head = &roster->head;

        if (first > head->n_numbers || n > head->n_numbers - first)
                return NULL;
        return numbers_at(roster, head->numbers_offset) + first;
}

static const struct table_person *person_at(const struct roster *roster, uint32_t index)
{
        const struct table_person *people =
            (const struct table_person *) (roster->bytes + roster->head.people_offset);

        return index < roster->head.n_people ? &people[index] : NULL;
}

static const struct table_group *group_at(const struct roster *roster, uint32_t index)
{
        const struct table_group *groups =
            (const struct table_group *) (roster->bytes + roster->head.groups_offset);

        return index < roster->head.n_groups ? &groups[index] : NULL;
}

/* --- searching ------------------------------------------------------------------------------ */

/* What one kind of item answers at an index: its name and number. False: odd. */
typedef bool (*read_item)(const struct roster *roster, uint32_t index, const char **ret_name,
                          uint32_t *ret_number);

struct search {
        const uint32_t *slots;
        uint32_t n_slots;
        read_item read;
};

static bool read_person(const struct roster *roster, uint32_t index, const char **ret_name,
                        uint32_t *ret_number)
{
        const struct table_person *person = person_at(roster, index);

        if (!person)
                return false;
        *ret_number = person->uid;
        *ret_name = text_at(roster, person->name);
        return *ret_name;
}

static bool read_group(const struct roster *roster, uint32_t index, const char **ret_name,
                       uint32_t *ret_number)
{
        const struct table_group *group = group_at(roster, index);

        if (!group)
                return false;
        *ret_number = group->gid;
        *ret_name = text_at(roster, group->name);
        return *ret_name;
}

static enum roster_answer search_run(const struct roster *roster, const struct search *search,
                                     const struct wanted *wanted, uint32_t *ret)
{
        uint32_t seed = roster->head.seed;
        uint32_t hash = wanted->name
                            ? table_hash_name(seed, wanted->name, (uint32_t) strlen(wanted->name))
                            : table_hash_number(seed, wanted->id);

        for (uint32_t probe = 0; probe < TABLE_PROBES_MAX; probe++) {
                uint32_t index = search->slots[(hash + probe) & (search->n_slots - 1)];
                const char *name;
                uint32_t number;

                if (index == TABLE_EMPTY)
                        return ROSTER_E_MISS;
                if (!search->read(roster, index, &name, &number))
                        return ROSTER_E_ODD;
                if (wanted->name ? strcmp(name, wanted->name) == 0 : number == wanted->id) {
                        *ret = index;
                        return ROSTER_FOUND;
                }
        }
        return ROSTER_E_ODD;
}

static enum roster_answer find_person(const struct roster *roster, const struct wanted *wanted,
                                      uint32_t *ret)
{
        const struct table_head *head = &roster->head;
        struct search search = { numbers_at(roster, wanted->name ? head->name_index_offset
                                                                 : head->uid_index_offset),
                                 wanted->name ? head->name_slots : head->uid_slots, read_person };

        return search_run(roster, &search, wanted, ret);
}

static enum roster_answer find_group(const struct roster *roster, const struct wanted *wanted,
                                     uint32_t *ret)
{
        const struct table_head *head = &roster->head;
        struct search search = { numbers_at(roster, wanted->name ? head->group_index_offset
                                                                 : head->gid_index_offset),
                                 wanted->name ? head->group_slots : head->gid_slots, read_group };

        return search_run(roster, &search, wanted, ret);
}

/* --- what is found -------------------------------------------------------------------------- */

static enum roster_answer person_from(const struct roster *roster, uint32_t index,
                                      const struct wanted *wanted, struct person *ret)
{
        const struct table_person *found = person_at(roster, index);
        struct person person;

        if (!found)
                return ROSTER_E_ODD;
        person = (struct person){ text_at(roster, found->name),
                                  text_at(roster, found->gecos),
                                  text_at(roster, found->home),
                                  text_at(roster, found->shell),
                                  found->uid,
                                  found->gid };
        if (!person.name || !person.gecos || !person.home || !person.shell ||
            !account_person_fits(&person, wanted))
                return ROSTER_E_ODD;
        *ret = person;
        return ROSTER_FOUND;
}

static enum roster_answer group_from(const struct roster *roster, uint32_t index,
                                     const struct wanted *wanted, struct group_entry *ret)
{
        const struct table_group *found = group_at(roster, index);
        struct group_entry group;

        if (!found)
                return ROSTER_E_ODD;
        group = (struct group_entry){
                text_at(roster, found->name),
                found->gid,
                { roster, list_at(roster, found->members, found->n_members), NULL, found->n_members,
                  0 },
        };
        if (!group.name || !group.members.indexes || !account_group_fits(&group, wanted))
                return ROSTER_E_ODD;
        *ret = group;
        return ROSTER_FOUND;
}

/* own_group: of a person, if they have one. */
static enum roster_answer own_group(const struct roster *roster, const struct person *person,
                                    struct group_entry *ret)
{
        if (person->gid != person->uid)
                return ROSTER_E_MISS;
        *ret = (struct group_entry){ .name = person->name,
                                     .gid = person->gid,
                                     .members = { .roster = roster } };
        return ROSTER_FOUND;
}

enum roster_answer roster_person(const struct roster *roster, const struct wanted *wanted,
                                 struct person *ret)
{
        uint32_t index;
        enum roster_answer r = find_person(roster, wanted, &index);

        return r == ROSTER_FOUND ? person_from(roster, index, wanted, ret) : r;
}

enum roster_answer roster_group(const struct roster *roster, const struct wanted *wanted,
                                struct group_entry *ret)
{
        struct person person;
        uint32_t index;
        enum roster_answer r = find_group(roster, wanted, &index);

        if (r == ROSTER_FOUND)
                return group_from(roster, index, wanted, ret);
        if (r == ROSTER_E_MISS)
                r = roster_person(roster, wanted, &person);
        return r == ROSTER_FOUND ? own_group(roster, &person, ret) : r;
}

static bool are_supplementary(const uint32_t *gids, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                if (!account_is_supplementary(gids[i]))
                        return false;
        return true;
}

enum roster_answer roster_gids(const struct roster *roster, const struct wanted *wanted,
                               const uint32_t **ret, uint32_t *ret_n)
{
        const struct table_person *person;
        const uint32_t *gids;
        uint32_t index;
        enum roster_answer r = find_person(roster, wanted, &index);

        if (r != ROSTER_FOUND)
                return r;
        person = person_at(roster, index);
        gids = list_at(roster, person->gids, person->n_gids);
        if (!gids || !are_supplementary(gids, person->n_gids))
                return ROSTER_E_ODD;
        *ret = gids;
        *ret_n = person->n_gids;
        return ROSTER_FOUND;
}

const char *roster_member(const struct roster *roster, uint32_t index)
{
        const struct table_person *person = person_at(roster, index);

        return person ? text_at(roster, person->name) : NULL;
}

/* --- enumeration ---------------------------------------------------------------------------- */

static bool tells_seen(const struct roster *roster)
{
        return roster->head.flags & TABLE_ENUMERATES;
}

enum roster_answer roster_seen_person(const struct roster *roster, uint32_t number,
                                      struct person *ret)
{
        if (!tells_seen(roster) || number >= roster->head.n_seen)
                return ROSTER_E_MISS;
        return person_from(roster, numbers_at(roster, roster->head.seen_offset)[number], NULL, ret);
}

/* seen_own_group: the group of their own of the nth person seen; one with another primary group
 * has none. */
static enum roster_answer seen_own_group(const struct roster *roster, uint32_t number,
                                         struct group_entry *ret)
{
        struct person person;
        enum roster_answer r = roster_seen_person(roster, number, &person);

        if (r == ROSTER_FOUND && own_group(roster, &person, ret) != ROSTER_FOUND)
                r = ROSTER_E_ODD;
        return r;
}

enum roster_answer roster_seen_group(const struct roster *roster, uint32_t number,
                                     struct group_entry *ret)
{
        const struct table_head *head = &roster->head;
        const uint32_t *seen = numbers_at(roster, head->seen_offset) + head->n_seen;

        if (!tells_seen(roster))
                return ROSTER_E_MISS;
        if (number < head->n_seen_groups)
                return group_from(roster, seen[number], NULL, ret);
        return seen_own_group(roster, number - head->n_seen_groups, ret);
}

/* pages: see pages.h. */
#include "pages.h"

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

bool pages_init(struct pages *pages, const void *bytes, size_t size)
{
        struct table_head *head = &pages->head;

        if (size < sizeof(*head) || size > TABLE_SIZE_MAX)
                return false;
        pages->bytes = bytes;
        memcpy(head, bytes, sizeof(*head));
        return head->magic == TABLE_MAGIC && head->version == TABLE_VERSION &&
               head->head_size == sizeof(*head) && head->file_size == size && parts_fit(head);
}

static const struct table_head *live_head(const struct pages *pages)
{
        return (const struct table_head *) pages->bytes;
}

bool pages_is_replaced(const struct pages *pages)
{
        return __atomic_load_n(&live_head(pages)->replaced, __ATOMIC_ACQUIRE) != 0;
}

bool pages_knows_all(const struct pages *pages, uint64_t boot_usec)
{
        uint64_t beat = __atomic_load_n(&live_head(pages)->heartbeat_usec, __ATOMIC_RELAXED);

        /* A beat of the future: another time namespace's clock, which tells nothing. */
        return pages->head.flags & TABLE_COMPLETE && beat > 0 && beat <= boot_usec &&
               boot_usec - beat <= TABLE_HEARTBEAT_MAX_USEC;
}

/* --- the parts ------------------------------------------------------------------------------ */

static const uint32_t *numbers_at(const struct pages *pages, uint64_t offset)
{
        return (const uint32_t *) (pages->bytes + offset);
}

static const char *text_at(const struct pages *pages, uint32_t offset)
{
        const struct table_head *head = &pages->head;
        const char *text;

        if (offset >= head->strings_size)
                return NULL;
        text = (const char *) pages->bytes + head->strings_offset + offset;
        return memchr(text, '\0', head->strings_size - offset) ? text : NULL;
}

/* list_at: n numbers from first on; NULL: out of bounds. */
static const uint32_t *list_at(const struct pages *pages, uint32_t first, uint32_t n)
{
        const struct table_head *head = &pages->head;

        if (first > head->n_numbers || n > head->n_numbers - first)
                return NULL;
        return numbers_at(pages, head->numbers_offset) + first;
}

static const struct table_person *person_at(const struct pages *pages, uint32_t index)
{
        const struct table_person *people =
            (const struct table_person *) (pages->bytes + pages->head.people_offset);

        return index < pages->head.n_people ? &people[index] : NULL;
}

static const struct table_group *group_at(const struct pages *pages, uint32_t index)
{
        const struct table_group *groups =
            (const struct table_group *) (pages->bytes + pages->head.groups_offset);

        return index < pages->head.n_groups ? &groups[index] : NULL;
}

/* --- searching ------------------------------------------------------------------------------ */

/* What one kind of item answers at an index: its name and number. False: odd. */
typedef bool (*read_item)(const struct pages *pages, uint32_t index, const char **ret_name,
                          uint32_t *ret_number);

struct search {
        const uint32_t *slots;
        uint32_t n_slots;
        read_item read;
};

static bool read_person(const struct pages *pages, uint32_t index, const char **ret_name,
                        uint32_t *ret_number)
{
        const struct table_person *person = person_at(pages, index);

        if (!person)
                return false;
        *ret_number = person->uid;
        *ret_name = text_at(pages, person->name);
        return *ret_name;
}

static bool read_group(const struct pages *pages, uint32_t index, const char **ret_name,
                       uint32_t *ret_number)
{
        const struct table_group *group = group_at(pages, index);

        if (!group)
                return false;
        *ret_number = group->gid;
        *ret_name = text_at(pages, group->name);
        return *ret_name;
}

static enum pages_answer search_run(const struct pages *pages, const struct search *search,
                                    const struct wanted *wanted, uint32_t *ret)
{
        uint32_t seed = pages->head.seed;
        uint32_t hash = wanted->name
                            ? table_hash_name(seed, wanted->name, (uint32_t) strlen(wanted->name))
                            : table_hash_number(seed, wanted->id);

        for (uint32_t probe = 0; probe < TABLE_PROBES_MAX; probe++) {
                uint32_t index = search->slots[(hash + probe) & (search->n_slots - 1)];
                const char *name;
                uint32_t number;

                if (index == TABLE_EMPTY)
                        return PAGES_E_MISS;
                if (!search->read(pages, index, &name, &number))
                        return PAGES_E_ODD;
                if (wanted->name ? strcmp(name, wanted->name) == 0 : number == wanted->id) {
                        *ret = index;
                        return PAGES_FOUND;
                }
        }
        return PAGES_E_ODD;
}

static enum pages_answer find_person(const struct pages *pages, const struct wanted *wanted,
                                     uint32_t *ret)
{
        const struct table_head *head = &pages->head;
        struct search search = { numbers_at(pages, wanted->name ? head->name_index_offset
                                                                : head->uid_index_offset),
                                 wanted->name ? head->name_slots : head->uid_slots, read_person };

        return search_run(pages, &search, wanted, ret);
}

static enum pages_answer find_group(const struct pages *pages, const struct wanted *wanted,
                                    uint32_t *ret)
{
        const struct table_head *head = &pages->head;
        struct search search = { numbers_at(pages, wanted->name ? head->group_index_offset
                                                                : head->gid_index_offset),
                                 wanted->name ? head->group_slots : head->gid_slots, read_group };

        return search_run(pages, &search, wanted, ret);
}

/* --- what is found -------------------------------------------------------------------------- */

static enum pages_answer person_from(const struct pages *pages, uint32_t index,
                                     const struct wanted *wanted, struct person *ret)
{
        const struct table_person *found = person_at(pages, index);
        struct person person;

        if (!found)
                return PAGES_E_ODD;
        person = (struct person){ text_at(pages, found->name),
                                  text_at(pages, found->gecos),
                                  text_at(pages, found->home),
                                  text_at(pages, found->shell),
                                  found->uid,
                                  found->gid };
        if (!person.name || !person.gecos || !person.home || !person.shell ||
            !account_person_fits(&person, wanted))
                return PAGES_E_ODD;
        *ret = person;
        return PAGES_FOUND;
}

static enum pages_answer group_from(const struct pages *pages, uint32_t index,
                                    const struct wanted *wanted, struct group_entry *ret)
{
        const struct table_group *found = group_at(pages, index);
        struct group_entry group;

        if (!found)
                return PAGES_E_ODD;
        group = (struct group_entry){
                text_at(pages, found->name),
                found->gid,
                { pages, list_at(pages, found->members, found->n_members), NULL, found->n_members,
                  0 },
        };
        if (!group.name || !group.members.indexes || !account_group_fits(&group, wanted))
                return PAGES_E_ODD;
        *ret = group;
        return PAGES_FOUND;
}

/* own_group: of a person, if they have one. */
static enum pages_answer own_group(const struct pages *pages, const struct person *person,
                                   struct group_entry *ret)
{
        if (person->gid != person->uid)
                return PAGES_E_MISS;
        *ret = (struct group_entry){ .name = person->name,
                                     .gid = person->gid,
                                     .members = { .pages = pages } };
        return PAGES_FOUND;
}

enum pages_answer pages_person(const struct pages *pages, const struct wanted *wanted,
                               struct person *ret)
{
        uint32_t index;
        enum pages_answer r = find_person(pages, wanted, &index);

        return r == PAGES_FOUND ? person_from(pages, index, wanted, ret) : r;
}

enum pages_answer pages_group(const struct pages *pages, const struct wanted *wanted,
                              struct group_entry *ret)
{
        struct person person;
        uint32_t index;
        enum pages_answer r = find_group(pages, wanted, &index);

        if (r == PAGES_FOUND)
                return group_from(pages, index, wanted, ret);
        if (r == PAGES_E_MISS)
                r = pages_person(pages, wanted, &person);
        return r == PAGES_FOUND ? own_group(pages, &person, ret) : r;
}

static bool are_supplementary(const uint32_t *gids, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                if (!account_is_supplementary(gids[i]))
                        return false;
        return true;
}

enum pages_answer pages_gids(const struct pages *pages, const struct wanted *wanted,
                             const uint32_t **ret, uint32_t *ret_n)
{
        const struct table_person *person;
        const uint32_t *gids;
        uint32_t index;
        enum pages_answer r = find_person(pages, wanted, &index);

        if (r != PAGES_FOUND)
                return r;
        person = person_at(pages, index);
        gids = list_at(pages, person->gids, person->n_gids);
        if (!gids || !are_supplementary(gids, person->n_gids))
                return PAGES_E_ODD;
        *ret = gids;
        *ret_n = person->n_gids;
        return PAGES_FOUND;
}

const char *pages_member(const struct pages *pages, uint32_t index)
{
        const struct table_person *person = person_at(pages, index);

        return person ? text_at(pages, person->name) : NULL;
}

/* --- enumeration ---------------------------------------------------------------------------- */

static bool tells_seen(const struct pages *pages)
{
        return pages->head.flags & TABLE_ENUMERATES;
}

enum pages_answer pages_seen_person(const struct pages *pages, uint32_t number, struct person *ret)
{
        if (!tells_seen(pages) || number >= pages->head.n_seen)
                return PAGES_E_MISS;
        return person_from(pages, numbers_at(pages, pages->head.seen_offset)[number], NULL, ret);
}

/* seen_own_group: the group of their own of the nth person seen; one with another primary group
 * has none. */
static enum pages_answer seen_own_group(const struct pages *pages, uint32_t number,
                                        struct group_entry *ret)
{
        struct person person;
        enum pages_answer r = pages_seen_person(pages, number, &person);

        if (r == PAGES_FOUND && own_group(pages, &person, ret) != PAGES_FOUND)
                r = PAGES_E_ODD;
        return r;
}

enum pages_answer pages_seen_group(const struct pages *pages, uint32_t number,
                                   struct group_entry *ret)
{
        const struct table_head *head = &pages->head;
        const uint32_t *seen = numbers_at(pages, head->seen_offset) + head->n_seen;

        if (!tells_seen(pages))
                return PAGES_E_MISS;
        if (number < head->n_seen_groups)
                return group_from(pages, seen[number], NULL, ret);
        return seen_own_group(pages, number - head->n_seen_groups, ret);
}

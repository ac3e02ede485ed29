/* test_pages: a table that somebody broke: refused, or odd where it is broken; never followed. */
#include "account.h"
#include "pages.h"
#include "site.h"

#include <string.h>

/* A good table in memory of exactly its size, to be broken. */
typedef struct Broken {
        unsigned char *bytes;
        gsize size;
        struct table_head *head;
} Broken;

static void broken_init(Broken *broken)
{
        g_auto(Site) site = { 0 };
        g_autofree char *content = NULL;

        site_init(&site);
        fake_directory_fill(site.directory, 20, 5, 2, UID_FIRST);
        ((Person *) directory_person(site.directory, 0))->seen_sec = 1;
        site_publish(&site);
        g_assert_true(g_file_get_contents(site.table_path, &content, &broken->size, NULL));
        broken->bytes = g_memdup2(content, broken->size);
        broken->head = (struct table_head *) broken->bytes;
}

static void broken_clear(Broken *broken)
{
        g_free(broken->bytes);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Broken, broken_clear)

/* look_everywhere: all that can be asked of a table; what is found may go out. */
static void look_everywhere(const struct pages *pages)
{
        static const char *const names[] = { "p000001", "p000020", "g0001", "nobody" };
        struct person person;
        struct group_entry group;
        const uint32_t *gids;
        uint32_t n;

        for (uint32_t i = 0; i < 30; i++) {
                struct wanted wanted = { i < G_N_ELEMENTS(names) ? names[i] : NULL, UID_FIRST + i };

                if (pages_person(pages, &wanted, &person) == PAGES_FOUND)
                        g_assert_true(account_person_fits(&person, &wanted));
                if (pages_group(pages, &wanted, &group) == PAGES_FOUND)
                        for (n = 0; n < group.members.n; n++)
                                (void) account_next_member(&group.members);
                if (pages_gids(pages, &wanted, &gids, &n) == PAGES_FOUND)
                        for (uint32_t j = 0; j < n; j++)
                                g_assert_cmpuint(gids[j], !=, 0);
                (void) pages_seen_person(pages, i, &person);
                (void) pages_seen_group(pages, i, &group);
        }
}

/* --- the head ------------------------------------------------------------------------------- */

typedef struct HeadRow {
        const char *sentence;
        size_t offset, size;
        uint64_t value;
} HeadRow;

#define WORD(member) offsetof(struct table_head, member), sizeof(((struct table_head *) 0)->member)

static const HeadRow head_rows[] = {
        { "another magic", WORD(magic), TABLE_MAGIC + 1 },
        { "no magic", WORD(magic), 0 },
        { "an older version", WORD(version), TABLE_VERSION - 1 },
        { "a newer version", WORD(version), TABLE_VERSION + 1 },
        { "a smaller head", WORD(head_size), sizeof(struct table_head) - 8 },
        { "a larger head", WORD(head_size), sizeof(struct table_head) + 8 },
        { "a longer file", WORD(file_size), 1 << 20 },
        { "a shorter file", WORD(file_size), 4096 },
        { "more people", WORD(n_people), UINT32_MAX },
        { "more groups", WORD(n_groups), UINT32_MAX },
        { "more seen", WORD(n_seen), UINT32_MAX },
        { "more groups seen", WORD(n_seen_groups), UINT32_MAX },
        { "no slot", WORD(name_slots), 0 },
        { "slots that are no power of two", WORD(uid_slots), 3 },
        { "more slots", WORD(group_slots), UINT32_C(1) << 31 },
        { "more slots of numbers", WORD(gid_slots), UINT32_C(1) << 30 },
        { "people within the head", WORD(people_offset), 8 },
        { "people behind the file", WORD(people_offset), UINT64_C(1) << 40 },
        { "people at the last address", WORD(people_offset), UINT64_MAX - 3 },
        { "people that stand crooked", WORD(people_offset), sizeof(struct table_head) + 2 },
        { "groups behind the file", WORD(groups_offset), UINT64_MAX },
        { "an index behind the file", WORD(name_index_offset), UINT64_C(1) << 30 },
        { "an index of numbers behind the file", WORD(uid_index_offset), UINT64_C(1) << 30 },
        { "an index of groups behind the file", WORD(group_index_offset), UINT64_C(1) << 30 },
        { "an index of gids behind the file", WORD(gid_index_offset), UINT64_C(1) << 30 },
        { "who was seen behind the file", WORD(seen_offset), UINT64_C(1) << 30 },
        { "numbers behind the file", WORD(numbers_offset), UINT64_C(1) << 30 },
        { "numbers without end", WORD(n_numbers), UINT64_MAX },
        { "numbers whose size overflows", WORD(n_numbers), UINT64_C(1) << 62 },
        { "strings behind the file", WORD(strings_offset), UINT64_C(1) << 30 },
        { "strings without end", WORD(strings_size), UINT64_MAX },
};

static void test_head(gconstpointer argument)
{
        const HeadRow *row = argument;
        g_auto(Broken) broken = { 0 };
        struct pages pages;

        broken_init(&broken);
        g_assert_true(pages_init(&pages, broken.bytes, broken.size));
        look_everywhere(&pages);
        memcpy(broken.bytes + row->offset, &row->value, row->size); /* little-endian */
        g_assert_false(pages_init(&pages, broken.bytes, broken.size));
}

static void test_every_length(void)
{
        g_auto(Broken) broken = { 0 };
        struct pages pages;

        broken_init(&broken);
        for (gsize size = 0; size < broken.size; size++) {
                g_autofree void *cut = g_memdup2(broken.bytes, size);

                g_assert_false(pages_init(&pages, cut, size));
        }
}

/* --- the rest ------------------------------------------------------------------------------- */

typedef struct PartRow {
        const char *sentence;
        size_t part; /* the member of the head that says where it begins */
        size_t at;   /* in the part */
        uint32_t value;
        bool everywhere; /* in each of the first words */
} PartRow;

#define PART(member) offsetof(struct table_head, member)

static const PartRow part_rows[] = {
        { "an index of people that are not there", PART(name_index_offset), 0, 4000000000, true },
        { "an index full of one person", PART(name_index_offset), 0, 3, true },
        { "an index of numbers full of garbage", PART(uid_index_offset), 0, 0xDEADBEEF, true },
        { "an index of groups full of garbage", PART(group_index_offset), 0, 77, true },
        { "an index of gids full of one group", PART(gid_index_offset), 0, 1, true },
        { "a name behind the strings", PART(people_offset), offsetof(struct table_person, name),
          UINT32_MAX, false },
        { "a home behind the strings", PART(people_offset), offsetof(struct table_person, home),
          100000, false },
        { "gids behind the numbers", PART(people_offset), offsetof(struct table_person, gids),
          UINT32_MAX, false },
        { "more gids than numbers", PART(people_offset), offsetof(struct table_person, n_gids),
          UINT32_MAX, false },
        { "root's uid", PART(people_offset), offsetof(struct table_person, uid), 0, false },
        { "members behind the numbers", PART(groups_offset), offsetof(struct table_group, members),
          UINT32_MAX, false },
        { "more members than numbers", PART(groups_offset), offsetof(struct table_group, n_members),
          UINT32_MAX, false },
        { "numbers that are nobody", PART(numbers_offset), 0, 4000000000, true },
        { "seen people that are not there", PART(seen_offset), 0, 4000000000, false },
        { "strings without an end", PART(strings_offset), 0, 0x61616161, true },
};

#define GARBAGE_WORDS 64

static void break_part(const Broken *broken, const PartRow *row)
{
        uint64_t offset;
        size_t n = row->everywhere ? GARBAGE_WORDS : 1;

        memcpy(&offset, broken->bytes + row->part, sizeof(offset));
        offset += row->at;
        for (size_t i = 0; i < n && offset + (i + 1) * sizeof(uint32_t) <= broken->size; i++)
                memcpy(broken->bytes + offset + i * sizeof(uint32_t), &row->value,
                       sizeof(row->value));
}

static void test_part(gconstpointer argument)
{
        const PartRow *row = argument;
        g_auto(Broken) broken = { 0 };
        struct pages pages;

        broken_init(&broken);
        break_part(&broken, row);
        g_assert_true(pages_init(&pages, broken.bytes, broken.size));
        look_everywhere(&pages);
}

static void test_odd(void)
{
        g_auto(Broken) broken = { 0 };
        struct wanted first = { .name = "p000001" };
        struct table_person *people;
        struct person person;
        struct pages pages;

        broken_init(&broken);
        g_assert_true(pages_init(&pages, broken.bytes, broken.size));
        people = (struct table_person *) (broken.bytes + broken.head->people_offset);
        people[0].uid = 0;
        g_assert_cmpint(pages_person(&pages, &first, &person), ==, PAGES_E_ODD);
        people[0].uid = UID_FIRST;
        g_assert_cmpint(pages_person(&pages, &first, &person), ==, PAGES_FOUND);
        people[0].gid = 0;
        g_assert_cmpint(pages_person(&pages, &first, &person), ==, PAGES_E_ODD);
}

static void test_full_index(void)
{
        g_auto(Broken) broken = { 0 };
        struct wanted nobody = { .name = "nobody" };
        struct person person;
        struct pages pages;
        uint32_t *slots;

        broken_init(&broken);
        slots = (uint32_t *) (broken.bytes + broken.head->name_index_offset);
        for (uint32_t i = 0; i < broken.head->name_slots; i++)
                slots[i] = 5;
        g_assert_true(pages_init(&pages, broken.bytes, broken.size));
        g_assert_cmpint(pages_person(&pages, &nobody, &person), ==, PAGES_E_ODD);
}

/* test_random: each byte of it changed in turn, at random. */
static void test_random(void)
{
        g_auto(Broken) broken = { 0 };

        broken_init(&broken);
        for (gsize at = 0; at < broken.size; at++) {
                unsigned char was = broken.bytes[at];
                struct pages pages;

                broken.bytes[at] = (unsigned char) g_test_rand_int_range(0, 256);
                if (pages_init(&pages, broken.bytes, broken.size))
                        look_everywhere(&pages);
                broken.bytes[at] = was;
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(head_rows); i++) {
                g_autofree char *path = g_strdup_printf("/pages/head/%s", head_rows[i].sentence);

                g_test_add_data_func(path, &head_rows[i], test_head);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(part_rows); i++) {
                g_autofree char *path = g_strdup_printf("/pages/part/%s", part_rows[i].sentence);

                g_test_add_data_func(path, &part_rows[i], test_part);
        }
        g_test_add_func("/pages/cut at every length", test_every_length);
        g_test_add_func("/pages/numbers of the system are odd", test_odd);
        g_test_add_func("/pages/an index without an end", test_full_index);
        g_test_add_func("/pages/every byte at random", test_random);
        return g_test_run();
}

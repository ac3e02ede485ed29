/* fuzz_pages: any bytes as the table that every process maps: whatever is asked of it, nothing is
 * read outside of it, nothing endless begins, and what is found may go out.
 *
 * What a file must say to be taken at all is put right first, or hardly any would be. */
#include "account.h"
#include "pack.h"
#include "pages.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UID_FIRST     UINT32_C(1879048192)
#define NUMBERS_ASKED 16
#define BUFFER_SIZE   512

static void must(bool condition)
{
        if (!condition)
                abort();
}

static void take_person(const struct person *person, const struct wanted *wanted)
{
        char *buffer = malloc(BUFFER_SIZE);
        struct passwd entry;

        must(account_person_fits(person, wanted));
        if (pack_person(person, &entry, buffer, BUFFER_SIZE) == 0)
                must(entry.pw_uid >= 1000 && strcmp(entry.pw_name, person->name) == 0);
        free(buffer);
}

static void take_group(const struct group_entry *group, const struct wanted *wanted)
{
        char *buffer = malloc(BUFFER_SIZE);
        struct group entry;

        must(account_group_fits(group, wanted));
        if (pack_group(group, &entry, buffer, BUFFER_SIZE) == 0)
                for (uint32_t i = 0; i < group->members.n; i++)
                        must(account_is_name(entry.gr_mem[i]));
        free(buffer);
}

static void ask(const struct pages *pages, const struct wanted *wanted)
{
        struct person person;
        struct group_entry group;
        const uint32_t *gids;
        uint32_t n;

        if (pages_person(pages, wanted, &person) == PAGES_FOUND)
                take_person(&person, wanted);
        if (pages_group(pages, wanted, &group) == PAGES_FOUND)
                take_group(&group, wanted);
        if (pages_gids(pages, wanted, &gids, &n) == PAGES_FOUND)
                for (uint32_t i = 0; i < n; i++)
                        must(gids[i] != 0);
}

static void enumerate(const struct pages *pages, uint32_t number)
{
        struct person person;
        struct group_entry group;

        if (pages_seen_person(pages, number, &person) == PAGES_FOUND)
                take_person(&person, NULL);
        if (pages_seen_group(pages, number, &group) == PAGES_FOUND)
                take_group(&group, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const names[] = { "p000001", "p000002", "g0001", "g0002", "nobody" };
        void *bytes = malloc(size ? size : 1);
        struct pages pages;

        if (size)
                memcpy(bytes, data, size);
        if (size >= sizeof(struct table_head)) {
                struct table_head *head = bytes;

                head->magic = TABLE_MAGIC;
                head->version = TABLE_VERSION;
                head->head_size = sizeof(*head);
                head->file_size = size;
        }
        if (pages_init(&pages, bytes, size)) {
                for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                        ask(&pages, &(struct wanted){ .name = names[i] });
                for (uint32_t i = 0; i < NUMBERS_ASKED; i++) {
                        ask(&pages, &(struct wanted){ .id = UID_FIRST + i });
                        enumerate(&pages, i);
                }
                (void) pages_knows_all(&pages, 1);
                (void) pages_is_replaced(&pages);
        }
        free(bytes);
        return 0;
}

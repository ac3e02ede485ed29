/* fuzz_roster: any bytes as the table that every process maps: whatever is asked of it, nothing is
 * read outside of it, nothing endless begins, and what is found may go out.
 *
 * What a file must say to be taken at all is put right first, or hardly any would be. */
#include "account.h"
#include "pack.h"
#include "roster.h"

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

static void ask(const struct roster *roster, const struct wanted *wanted)
{
        struct person person;
        struct group_entry group;
        const uint32_t *gids;
        uint32_t n;

        if (roster_person(roster, wanted, &person) == ROSTER_FOUND)
                take_person(&person, wanted);
        if (roster_group(roster, wanted, &group) == ROSTER_FOUND)
                take_group(&group, wanted);
        if (roster_gids(roster, wanted, &gids, &n) == ROSTER_FOUND)
                for (uint32_t i = 0; i < n; i++)
                        must(gids[i] != 0);
}

static void enumerate(const struct roster *roster, uint32_t number)
{
        struct person person;
        struct group_entry group;

        if (roster_seen_person(roster, number, &person) == ROSTER_FOUND)
                take_person(&person, NULL);
        if (roster_seen_group(roster, number, &group) == ROSTER_FOUND)
                take_group(&group, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const names[] = { "p000001", "p000002", "g0001", "g0002", "nobody" };
        void *bytes = malloc(size ? size : 1);
        struct roster roster;

        if (size)
                memcpy(bytes, data, size);
        if (size >= sizeof(struct table_head)) {
                struct table_head *head = bytes;

                head->magic = TABLE_MAGIC;
                head->version = TABLE_VERSION;
                head->head_size = sizeof(*head);
                head->file_size = size;
        }
        if (roster_init(&roster, bytes, size)) {
                for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                        ask(&roster, &(struct wanted){ .name = names[i] });
                for (uint32_t i = 0; i < NUMBERS_ASKED; i++) {
                        ask(&roster, &(struct wanted){ .id = UID_FIRST + i });
                        enumerate(&roster, i);
                }
                (void) roster_knows_all(&roster, 1);
                (void) roster_is_replaced(&roster);
        }
        free(bytes);
        return 0;
}

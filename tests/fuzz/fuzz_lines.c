/* fuzz_lines: any text as the body of the daemon's answer about people, groups and numbers:
 * refused, or an account that may go out. The first byte says which. */
#include "account.h"
#include "line.h"
#include "pack.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BUFFER_SIZE 256

static void must(bool condition)
{
        if (!condition)
                abort();
}

static void read_people(char *body)
{
        char *line;

        while ((line = line_next(&body))) {
                char buffer[BUFFER_SIZE];
                struct person person;
                struct passwd entry;

                if (!line_person(line, &person) || !account_person_fits(&person, NULL) ||
                    pack_person(&person, &entry, buffer, sizeof(buffer)) != 0)
                        continue;
                must(entry.pw_uid >= 1000 && entry.pw_gid >= 1000 && entry.pw_dir[0] == '/');
                must(!strpbrk(entry.pw_gecos, ":\n") && strlen(entry.pw_name) <= ACCOUNT_NAME_MAX);
        }
}

static void read_groups(char *body)
{
        char *line;

        while ((line = line_next(&body))) {
                char buffer[BUFFER_SIZE];
                struct group_entry group;
                struct group entry;

                if (!line_group(line, &group) || !account_group_fits(&group, NULL) ||
                    pack_group(&group, &entry, buffer, sizeof(buffer)) != 0)
                        continue;
                must(entry.gr_gid >= 1000);
                for (uint32_t i = 0; i < group.members.n; i++)
                        must(account_is_name(entry.gr_mem[i]));
                must(entry.gr_mem[group.members.n] == NULL);
        }
}

static void read_gids(char *body)
{
        bool is_good = line_all_gids(body);
        uint32_t gid;
        char *line;

        while ((line = line_next(&body)))
                if (is_good)
                        must(line_number(line, &gid) && gid != 0);
        must(!is_good || *body == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const readers[])(char *) = { read_people, read_groups, read_gids };
        char *body;

        if (size == 0)
                return 0;
        body = calloc(size, 1);
        must(body);
        memcpy(body, data + 1, size - 1);
        readers[data[0] % 3](body);
        free(body);
        return 0;
}

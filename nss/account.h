/* account: a person and a group on their way to whoever asked, and what the module takes for one.
 *
 * Pure; borrows all its strings. The daemon has judged already; it is judged again here, because
 * what goes out of here becomes somebody's uid: a name that is no name, a number of the system's,
 * a ':' or a newline within a field never leave. */
#pragma once

#include "pages.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_NAME_MAX 32

/* Answers of whatever looks for an account, beside 0 and a negative errno: could not ask. */
enum account_answer { ACCOUNT_E_NOT_FOUND = 1, ACCOUNT_E_TINY_BUFFER };

/* What is asked for: by name, or by id when name is NULL. */
struct wanted {
        const char *name;
        uint32_t id;
};

struct person {
        const char *name, *gecos, *home, *shell;
        uint32_t uid, gid;
};

/* Names of members: of a table, or NUL-terminated texts one behind the other. */
struct members {
        const struct pages *pages; /* NULL: texts */
        const uint32_t *indexes;
        const char *texts;
        uint32_t n;
        uint32_t at;
};

struct group_entry {
        const char *name;
        uint32_t gid;
        struct members members;
};

/* account_is_name: [a-z_][a-z0-9_-]{0,31}, the whole of it. */
bool account_is_name(const char *name);
/* account_is_id: never the system's (0 to 999), systemd's (61184 to 65519, 2147352576 to
 * 2147418111), nobody, -1 in 16 and 32 bits. */
bool account_is_id(uint32_t id);
/* account_is_supplementary: a gid among a person's others may be one of /etc/group, but never 0. */
bool account_is_supplementary(uint32_t gid);
/* account_fits: it is who was wanted (NULL: anybody), and may go out. */
bool account_person_fits(const struct person *person, const struct wanted *wanted);
bool account_group_fits(const struct group_entry *group, const struct wanted *wanted);
/* account_next_member: n times; NULL: it is odd, and so is the whole group. */
const char *account_next_member(struct members *members);

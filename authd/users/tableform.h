/* tableform: the file that libnss_authd maps: what both sides know of it. libc only.
 *
 * /run/authd/users.table, mode 0644, made under a temporary name and renamed, never shortened or
 * written again but for four words of the head (heartbeat, replaced, and none else): so no reader
 * meets a SIGBUS or half a record. Little-endian numbers as the machine has them; the file is this
 * host's. A reader takes it only when magic, version, sizes and every offset that it follows are in
 * bounds; anything odd is "no table".
 *
 * Layout: head; people (by index); groups; 4 hash indexes (open addressing, UINT32_MAX empty);
 * lists of 32-bit numbers (gids of people, member indexes of groups); strings, each NUL-terminated.
 */
#pragma once

#include <stdint.h>

#define TABLE_FILE         "users.table"
#define TABLE_PATH_DEFAULT "/run/authd/" TABLE_FILE
#define TABLE_MAGIC        UINT64_C(0x31656c6261746e61) /* "antable1" */
#define TABLE_VERSION      1
#define TABLE_SIZE_MAX     (UINT64_C(1) << 31)
#define TABLE_EMPTY        UINT32_MAX
/* A name that the table has not is "not found" while the daemon lives: its heartbeat (boot clock)
 * is at most so old. Older: whoever asks must ask the socket. What the table has stays good: ids
 * never move. */
#define TABLE_HEARTBEAT_MAX_USEC UINT64_C(3000000)
#define TABLE_HEARTBEAT_USEC     UINT64_C(1000000) /* the daemon's beat */

enum table_flag { TABLE_ENUMERATES = 1, TABLE_COMPLETE = 2 /* a miss is "not found" */ };

struct table_head {
        uint64_t magic;
        uint32_t version;
        uint32_t head_size;
        uint64_t file_size;
        uint64_t generation;
        uint64_t heartbeat_usec; /* CLOCK_BOOTTIME; atomic, relaxed */
        uint32_t replaced;       /* atomic, release: 1: a newer file stands under the name */
        uint32_t flags;
        uint32_t n_people, n_groups;
        uint32_t n_seen; /* people seen on this host: the first ones of the list at seen_offset */
        uint32_t name_slots, uid_slots, group_slots, gid_slots; /* powers of two */
        uint32_t padding;
        uint64_t people_offset, groups_offset;
        uint64_t name_index_offset, uid_index_offset, group_index_offset, gid_index_offset;
        uint64_t seen_offset;    /* n_seen person indexes */
        uint64_t numbers_offset; /* 32-bit numbers */
        uint64_t n_numbers;
        uint64_t strings_offset, strings_size;
};

struct table_person {
        uint32_t uid, gid;
        uint32_t name, gecos, home, shell; /* offsets into strings */
        uint32_t gids, n_gids;             /* index into numbers, count; supplementary */
};

struct table_group {
        uint32_t gid;
        uint32_t name;
        uint32_t members, n_members; /* numbers: person indexes */
};

/* FNV-1a, 64 bits folded to 32: of a name's bytes; numbers are mixed by a multiplication. */
static inline uint32_t table_hash_name(const char *name, uint32_t len)
{
        uint64_t hash = UINT64_C(14695981039346656037);

        for (uint32_t i = 0; i < len; i++)
                hash = (hash ^ (unsigned char) name[i]) * UINT64_C(1099511628211);
        return (uint32_t) (hash ^ (hash >> 32));
}

static inline uint32_t table_hash_number(uint32_t number)
{
        return (uint32_t) ((number * UINT64_C(11400714819323198485)) >> 32);
}

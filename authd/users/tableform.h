/* tableform: the file that libnss_authd maps: what both sides know of it. libc only.
 *
 * /run/authd/users.table, mode 0644, made under a temporary name and renamed, never shortened or
 * written again but for two words of the head (heartbeat, replaced): so no reader meets a SIGBUS or
 * half a record. Little-endian numbers as the machine has them; the file is this host's. A reader
 * takes it only when magic, version and sizes are right, and checks each offset that it follows;
 * anything odd is "no table".
 *
 * Layout: head; people (by index); groups; 4 hash indexes (open addressing, TABLE_EMPTY where
 * nothing is, at most TABLE_PROBES_MAX steps to any item); who and what was seen; lists of 32-bit
 * numbers (gids of people, member indexes of groups); strings, each NUL-terminated. Each part but
 * the strings begins at a multiple of 8.
 *
 * A person whose gid is the uid has a group of their own, of the same name and without members. It
 * is nowhere among the groups: who finds no group looks for such a person.
 */
#pragma once

#include <stdint.h>

#define TABLE_FILE         "users.table"
#define TABLE_PATH_DEFAULT "/run/authd/" TABLE_FILE
#define TABLE_MAGIC        UINT64_C(0x31656c6261746e61) /* "antable1" */
#define TABLE_VERSION      1
#define TABLE_SIZE_MAX     (UINT64_C(1) << 31)
#define TABLE_EMPTY        UINT32_MAX
/* More means a broken file: a writer that meets it takes another seed. */
#define TABLE_PROBES_MAX 64
/* A name that the table has not is "not found" while the daemon lives: its heartbeat (boot clock)
 * is at most so old. Older: whoever asks must ask the socket. What the table has stays good: ids
 * never move. */
#define TABLE_HEARTBEAT_MAX_USEC UINT64_C(3000000)
#define TABLE_HEARTBEAT_USEC     UINT64_C(1000000) /* the daemon's beat */

enum table_flag { TABLE_ENUMERATES = 1, TABLE_COMPLETE = 2 /* a miss is "not found" */ };

/* The words up to replaced stand where they are in every version: a later daemon marks the file of
 * an earlier one. */
struct table_head {
        uint64_t magic;
        uint32_t version;
        uint32_t head_size;
        uint64_t file_size;
        uint64_t generation;
        uint64_t heartbeat_usec; /* CLOCK_BOOTTIME; atomic, relaxed */
        /* Atomic, release. 1: look at the name again; another file stands there, or will in a
         * moment. Set before the rename: a daemon that dies between the two leaves readers that
         * look too often, never readers that look no more. */
        uint32_t replaced;
        uint32_t flags;
        uint32_t seed; /* of the hashes, another one in each file: no realm can aim at it */
        uint32_t n_people, n_groups;
        uint32_t n_seen, n_seen_groups; /* seen on this host, and groups that have such members */
        uint32_t name_slots, uid_slots, group_slots, gid_slots; /* powers of two */
        uint64_t people_offset, groups_offset;
        uint64_t name_index_offset, uid_index_offset, group_index_offset, gid_index_offset;
        uint64_t seen_offset;    /* n_seen person indexes, then n_seen_groups group indexes */
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

/* FNV-1a from a seed, 64 bits folded to 32, of a name's bytes; numbers are mixed by a
 * multiplication. */
static inline uint32_t table_hash_name(uint32_t seed, const char *name, uint32_t len)
{
        uint64_t hash = UINT64_C(14695981039346656037) ^ (seed * UINT64_C(11400714819323198485));

        for (uint32_t i = 0; i < len; i++)
                hash = (hash ^ (unsigned char) name[i]) * UINT64_C(1099511628211);
        return (uint32_t) (hash ^ (hash >> 32));
}

static inline uint32_t table_hash_number(uint32_t seed, uint32_t number)
{
        return (uint32_t) (((number ^ seed) * UINT64_C(11400714819323198485)) >> 32);
}

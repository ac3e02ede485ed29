/* table: see table.h. */
#include "users/table.h"

#include "base/clock.h"
#include "base/file.h"
#include "users/tableform.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD_MAPPED_SIZE 4096 /* of a file that is in use, for the words that change */
#define SEEDS_MAX        8    /* tries until every item stands near its place */
#define SLOTS_LEAST      8
#define PART_ALIGN       8

G_STATIC_ASSERT(sizeof(struct table_head) <= HEAD_MAPPED_SIZE);

struct Table {
        char *path;
        char *temporary;
        struct table_head *head; /* of the file under path; NULL: none, or not ours */
        bool beats;              /* this daemon wrote it, and all that it knows by now */
        int64_t rest_until_usec; /* monotonic */
};

/* Draft: a table before and while it is written. */
typedef struct Draft {
        GPtrArray *people; /* const Person *: accounts, in the directory's order */
        GPtrArray *groups; /* const Group *: without the groups of /etc/group */
        /* Where a gid's group is among them: asked for each membership, millions of times. */
        guint32 *gid_slots;
        guint32 n_gid_slots; /* a power of two */
        guint32 *n_members;  /* of each group */
        bool *group_is_seen;
        struct table_head head;
        guint8 *bytes; /* the new file, mapped */
        uint64_t n_numbers_filled;
        uint64_t strings_filled;
        const char *last_shell; /* most people have the same: kept once for a run of them */
        guint32 last_shell_offset;
} Draft;

/* --- what goes in --------------------------------------------------------------------------- */

/* slots_for: at most half of them full. */
static guint32 slots_for(guint32 n)
{
        guint32 slots = SLOTS_LEAST;

        while (slots < 2 * n)
                slots *= 2;
        return slots;
}

static guint32 gid_of(const Draft *draft, guint32 group)
{
        return ((const Group *) draft->groups->pdata[group])->gid;
}

/* gid_slot: where the gid is, or where it would be. */
static guint32 *gid_slot(const Draft *draft, guint32 gid)
{
        guint32 at = table_hash_number(0, gid);

        for (;; at++) {
                guint32 *slot = &draft->gid_slots[at & (draft->n_gid_slots - 1)];

                if (*slot == TABLE_EMPTY || gid_of(draft, *slot) == gid)
                        return slot;
        }
}

static void draft_find_gids(Draft *draft)
{
        draft->n_gid_slots = slots_for(draft->groups->len);
        draft->gid_slots = g_new(guint32, draft->n_gid_slots);
        memset(draft->gid_slots, 0xFF, draft->n_gid_slots * sizeof(guint32));
        for (guint32 i = 0; i < draft->groups->len; i++)
                *gid_slot(draft, gid_of(draft, i)) = i;
}

static void draft_collect(Draft *draft, const Directory *directory)
{
        for (size_t i = 0; i < directory_n_people(directory); i++)
                if (person_is_account(directory_person(directory, i)))
                        g_ptr_array_add(draft->people, (gpointer) directory_person(directory, i));
        for (size_t i = 0; i < directory_n_groups(directory); i++) {
                const Group *group = directory_group(directory, i);

                if (group_is_account(group) && !group->local)
                        g_ptr_array_add(draft->groups, (gpointer) group);
        }
        draft_find_gids(draft);
}

/* draft_group_index: false: the gid is of a group of /etc/group. */
static bool draft_group_index(const Draft *draft, guint32 gid, guint32 *ret)
{
        *ret = *gid_slot(draft, gid);
        return *ret != TABLE_EMPTY;
}

static bool shell_is_new(Draft *draft, const Person *person)
{
        bool is_new = !draft->last_shell || strcmp(draft->last_shell, person->shell) != 0;

        draft->last_shell = person->shell;
        return is_new;
}

static void draft_measure_person(Draft *draft, const Person *person)
{
        struct table_head *head = &draft->head;
        guint32 group;

        head->strings_size += strlen(person->name) + strlen(person->gecos) + strlen(person->home) +
                              3 + (shell_is_new(draft, person) ? strlen(person->shell) + 1 : 0);
        head->n_seen += person->seen_sec > 0;
        head->n_numbers += person->n_gids;
        for (size_t i = 0; i < person->n_gids; i++)
                if (draft_group_index(draft, person->gids[i], &group)) {
                        draft->n_members[group]++;
                        draft->group_is_seen[group] |= person->seen_sec > 0;
                        head->n_numbers++;
                }
}

static void draft_measure(Draft *draft)
{
        draft->n_members = g_new0(guint32, draft->groups->len + 1);
        draft->group_is_seen = g_new0(bool, draft->groups->len + 1);
        for (guint i = 0; i < draft->people->len; i++)
                draft_measure_person(draft, draft->people->pdata[i]);
        for (guint i = 0; i < draft->groups->len; i++) {
                draft->head.strings_size += strlen(((Group *) draft->groups->pdata[i])->name) + 1;
                draft->head.n_seen_groups += draft->group_is_seen[i];
        }
        draft->last_shell = NULL;
}

/* --- where it goes -------------------------------------------------------------------------- */

static uint64_t take_part(struct table_head *head, uint64_t n, uint64_t each_size)
{
        uint64_t offset = head->file_size;

        head->file_size += (n * each_size + PART_ALIGN - 1) / PART_ALIGN * PART_ALIGN;
        return offset;
}

static int draft_lay_out(Draft *draft)
{
        struct table_head *head = &draft->head;

        head->n_people = draft->people->len;
        head->n_groups = draft->groups->len;
        head->name_slots = head->uid_slots = slots_for(head->n_people);
        head->group_slots = head->gid_slots = slots_for(head->n_groups);
        take_part(head, 1, sizeof(*head));
        head->people_offset = take_part(head, head->n_people, sizeof(struct table_person));
        head->groups_offset = take_part(head, head->n_groups, sizeof(struct table_group));
        head->name_index_offset = take_part(head, head->name_slots, sizeof(uint32_t));
        head->uid_index_offset = take_part(head, head->uid_slots, sizeof(uint32_t));
        head->group_index_offset = take_part(head, head->group_slots, sizeof(uint32_t));
        head->gid_index_offset = take_part(head, head->gid_slots, sizeof(uint32_t));
        head->seen_offset =
            take_part(head, (uint64_t) head->n_seen + head->n_seen_groups, sizeof(uint32_t));
        head->numbers_offset = take_part(head, head->n_numbers, sizeof(uint32_t));
        head->strings_offset = take_part(head, head->strings_size, 1);
        return head->file_size <= TABLE_SIZE_MAX ? 0 : -EFBIG;
}

/* --- the bytes ------------------------------------------------------------------------------ */

static struct table_person *draft_people(const Draft *draft)
{
        return (struct table_person *) (draft->bytes + draft->head.people_offset);
}

static struct table_group *draft_groups(const Draft *draft)
{
        return (struct table_group *) (draft->bytes + draft->head.groups_offset);
}

static guint32 *draft_numbers(const Draft *draft, uint64_t offset)
{
        return (guint32 *) (draft->bytes + offset);
}

static guint32 draft_put_string(Draft *draft, const char *text)
{
        size_t size = strlen(text) + 1;
        uint64_t at = draft->strings_filled;

        memcpy(draft->bytes + draft->head.strings_offset + at, text, size);
        draft->strings_filled += size;
        return (guint32) at;
}

static guint32 draft_put_shell(Draft *draft, const Person *person)
{
        if (shell_is_new(draft, person))
                draft->last_shell_offset = draft_put_string(draft, person->shell);
        return draft->last_shell_offset;
}

static void draft_put_person(Draft *draft, guint32 index)
{
        const Person *person = draft->people->pdata[index];
        guint32 *numbers = draft_numbers(draft, draft->head.numbers_offset);

        draft_people(draft)[index] = (struct table_person){
                .uid = person->uid,
                .gid = person->gid,
                .name = draft_put_string(draft, person->name),
                .gecos = draft_put_string(draft, person->gecos),
                .home = draft_put_string(draft, person->home),
                .shell = draft_put_shell(draft, person),
                .gids = (guint32) draft->n_numbers_filled,
                .n_gids = (guint32) person->n_gids,
        };
        for (size_t i = 0; i < person->n_gids; i++)
                numbers[draft->n_numbers_filled++] = person->gids[i];
}

static void draft_put_group(Draft *draft, guint32 index)
{
        const Group *group = draft->groups->pdata[index];

        draft_groups(draft)[index] = (struct table_group){
                .gid = group->gid,
                .name = draft_put_string(draft, group->name),
                .members = (guint32) draft->n_numbers_filled,
        };
        draft->n_numbers_filled += draft->n_members[index];
}

static void draft_put_membership(Draft *draft, guint32 index)
{
        const Person *person = draft->people->pdata[index];
        guint32 *numbers = draft_numbers(draft, draft->head.numbers_offset);
        guint32 found;

        for (size_t i = 0; i < person->n_gids; i++)
                if (draft_group_index(draft, person->gids[i], &found)) {
                        struct table_group *group = &draft_groups(draft)[found];

                        numbers[group->members + group->n_members++] = index;
                }
}

static void draft_put_seen(Draft *draft)
{
        guint32 *seen = draft_numbers(draft, draft->head.seen_offset);

        for (guint32 i = 0; i < draft->people->len; i++)
                if (((Person *) draft->people->pdata[i])->seen_sec > 0)
                        *seen++ = i;
        for (guint32 i = 0; i < draft->groups->len; i++)
                if (draft->group_is_seen[i])
                        *seen++ = i;
}

/* --- the indexes ---------------------------------------------------------------------------- */

static bool slots_put(guint32 *slots, guint32 n_slots, guint32 hash, guint32 item)
{
        for (guint32 probe = 0; probe < TABLE_PROBES_MAX; probe++) {
                guint32 *slot = &slots[(hash + probe) & (n_slots - 1)];

                if (*slot == TABLE_EMPTY) {
                        *slot = item;
                        return true;
                }
        }
        return false;
}

static bool draft_index_people(const Draft *draft)
{
        const struct table_head *head = &draft->head;
        guint32 *names = draft_numbers(draft, head->name_index_offset);
        guint32 *uids = draft_numbers(draft, head->uid_index_offset);

        for (guint32 i = 0; i < head->n_people; i++) {
                const Person *person = draft->people->pdata[i];
                guint32 hash =
                    table_hash_name(head->seed, person->name, (guint32) strlen(person->name));

                if (!slots_put(names, head->name_slots, hash, i) ||
                    !slots_put(uids, head->uid_slots, table_hash_number(head->seed, person->uid),
                               i))
                        return false;
        }
        return true;
}

static bool draft_index_groups(const Draft *draft)
{
        const struct table_head *head = &draft->head;
        guint32 *names = draft_numbers(draft, head->group_index_offset);
        guint32 *gids = draft_numbers(draft, head->gid_index_offset);

        for (guint32 i = 0; i < head->n_groups; i++) {
                const Group *group = draft->groups->pdata[i];
                guint32 hash =
                    table_hash_name(head->seed, group->name, (guint32) strlen(group->name));

                if (!slots_put(names, head->group_slots, hash, i) ||
                    !slots_put(gids, head->gid_slots, table_hash_number(head->seed, group->gid), i))
                        return false;
        }
        return true;
}

/* draft_index: names come from the realm: one that aims at a hash must not stop the table. */
static int draft_index(Draft *draft)
{
        const struct table_head *head = &draft->head;

        for (unsigned try = 0; try < SEEDS_MAX; try++) {
                draft->head.seed = g_random_int();
                memset(draft->bytes + head->name_index_offset, 0xFF,
                       head->seen_offset - head->name_index_offset);
                if (draft_index_people(draft) && draft_index_groups(draft))
                        return 0;
        }
        return -EOVERFLOW;
}

static int draft_fill(Draft *draft)
{
        int r;

        for (guint32 i = 0; i < draft->people->len; i++)
                draft_put_person(draft, i);
        for (guint32 i = 0; i < draft->groups->len; i++)
                draft_put_group(draft, i);
        for (guint32 i = 0; i < draft->people->len; i++)
                draft_put_membership(draft, i);
        draft_put_seen(draft);
        r = draft_index(draft);
        if (r == 0)
                memcpy(draft->bytes, &draft->head, sizeof(draft->head));
        return r;
}

static void draft_deinit(Draft *draft)
{
        g_ptr_array_free(draft->people, TRUE);
        g_ptr_array_free(draft->groups, TRUE);
        g_free(draft->gid_slots);
        g_free(draft->n_members);
        g_free(draft->group_is_seen);
}

static int draft_init(Draft *draft, const Directory *directory, bool enumerates, bool complete)
{
        *draft = (Draft){ .people = g_ptr_array_new(),
                          .groups = g_ptr_array_new(),
                          .head = { .magic = TABLE_MAGIC,
                                    .version = TABLE_VERSION,
                                    .head_size = sizeof(struct table_head),
                                    .generation = directory_generation(directory),
                                    .flags = (enumerates ? TABLE_ENUMERATES : 0) |
                                             (complete ? TABLE_COMPLETE : 0) } };
        draft_collect(draft, directory);
        draft_measure(draft);
        return draft_lay_out(draft);
}

/* --- the file ------------------------------------------------------------------------------- */

/* write_draft: all of it allocated before it is mapped: a full file system is an error here, not a
 * SIGBUS. */
static int write_draft(int fd, Draft *draft)
{
        int r = -posix_fallocate(fd, 0, (off_t) draft->head.file_size);

        if (r != 0)
                return r;
        draft->bytes = mmap(NULL, draft->head.file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (draft->bytes == MAP_FAILED)
                return -errno;
        draft->head.heartbeat_usec = (uint64_t) clock_boot_usec();
        r = draft_fill(draft);
        munmap(draft->bytes, draft->head.file_size);
        return r == 0 && fchmod(fd, 0644) != 0 ? -errno : r;
}

static struct table_head *map_head(int fd)
{
        void *head = mmap(NULL, HEAD_MAPPED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        return head == MAP_FAILED ? NULL : head;
}

static void set_replaced(struct table_head *head, uint32_t replaced)
{
        if (head)
                __atomic_store_n(&head->replaced, replaced, __ATOMIC_RELEASE);
}

static void unmap_head(struct table_head *head)
{
        if (head)
                munmap(head, HEAD_MAPPED_SIZE);
}

/* table_swap: the file under its name, from now on. */
static int table_swap(Table *table, int fd)
{
        struct table_head *head = map_head(fd);
        int r = head ? 0 : -ENOMEM;

        if (r < 0)
                return r;
        set_replaced(table->head, 1);
        if (rename(table->temporary, table->path) < 0) {
                r = -errno;
                set_replaced(table->head, 0);
                unmap_head(head);
                return r;
        }
        unmap_head(table->head);
        table->head = head;
        table->beats = true;
        return 0;
}

static int table_write(Table *table, Draft *draft)
{
        int r;

        g_unlink(table->temporary); /* of a daemon that died while it wrote */
        FILE_AUTOCLOSE int fd =
            open(table->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        r = write_draft(fd, draft);
        if (r == 0)
                r = table_swap(table, fd);
        if (r < 0)
                g_unlink(table->temporary);
        return r;
}

/* is_table: a file of ours, of any version, whose head can be written to without a SIGBUS. */
static bool is_table(int fd)
{
        struct table_head head;
        struct stat found;

        return fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_uid == geteuid() &&
               pread(fd, &head, sizeof(head), 0) == (ssize_t) sizeof(head) &&
               head.magic == TABLE_MAGIC;
}

Table *table_new(const char *folder)
{
        Table *table = g_new0(Table, 1);

        table->path = g_build_filename(folder, TABLE_FILE, NULL);
        table->temporary = g_strconcat(table->path, ".new", NULL);
        FILE_AUTOCLOSE int fd = open(table->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

        if (fd >= 0 && is_table(fd))
                table->head = map_head(fd);
        return table;
}

/* stop_heart: from now on a miss asks the socket. */
static void stop_heart(Table *table)
{
        table_beat(table, 0);
        table->beats = false;
}

int table_publish(Table *table, const Directory *directory, bool enumerates, bool complete)
{
        int64_t begun_usec = clock_monotonic_usec(), ended_usec;
        Draft draft;
        int r = draft_init(&draft, directory, enumerates, complete);

        if (r == 0)
                r = table_write(table, &draft);
        draft_deinit(&draft);
        if (r < 0)
                stop_heart(table);
        ended_usec = clock_monotonic_usec();
        table->rest_until_usec =
            ended_usec + MIN((ended_usec - begun_usec) * (TABLE_SHARE - 1), TABLE_REST_MAX_USEC);
        return r;
}

int64_t table_rest_usec(const Table *table)
{
        return MAX(table->rest_until_usec - clock_monotonic_usec(), 0);
}

void table_beat(Table *table, uint64_t boot_usec)
{
        if (table->beats)
                __atomic_store_n(&table->head->heartbeat_usec, boot_usec, __ATOMIC_RELAXED);
}

void table_free(Table *table)
{
        if (!table)
                return;
        stop_heart(table);
        unmap_head(table->head);
        g_free(table->path);
        g_free(table->temporary);
        g_free(table);
}

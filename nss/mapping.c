/* mapping: see mapping.h. */
#include "mapping.h"

#include "bypass.h"
#include "where.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NO_SLOT          0 /* in current, which counts slots from 1 */
#define FIRST_PAUSE_NSEC 100000
#define FIRST_PAUSES_MAX 100

struct mapping {
        _Atomic uint32_t n_readers;
        /* The rest is written while the slot is neither current nor read. */
        void *bytes; /* NULL: free */
        size_t size;
        dev_t device;
        ino_t inode;
        struct pages pages;
};

/* They live as long as the module, and longer than any thread that reads: nothing is unmapped when
 * the process ends. */
static struct mapping slots[MAPPING_SLOTS_N];
static _Atomic uint32_t current;
static _Atomic pid_t opener; /* who opens a new one; 0: nobody */

/* --- the file ------------------------------------------------------------------------------- */

static bool only_owner_writes(const struct stat *status)
{
        return !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/* open_table: -1: none that may be trusted. */
static int open_table(struct stat *ret)
{
        int folder = open(where_folder(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat above;
        int fd;

        if (folder < 0)
                return -1;
        fd = openat(folder, TABLE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0 && fstat(folder, &above) == 0 && only_owner_writes(&above) &&
            fstat(fd, ret) == 0 && S_ISREG(ret->st_mode) && only_owner_writes(ret) &&
            (ret->st_uid == 0 || ret->st_uid == above.st_uid)) {
                close(folder);
                return fd;
        }
        close(folder);
        if (fd >= 0)
                close(fd);
        return -1;
}

static bool is_same_file(const struct mapping *mapping, const struct stat *status)
{
        return mapping && mapping->device == status->st_dev && mapping->inode == status->st_ino;
}

/* fill_slot: the file behind fd, judged. */
static bool fill_slot(struct mapping *slot, int fd, const struct stat *status)
{
        size_t size = (size_t) status->st_size;
        void *bytes;

        if (status->st_size <= 0 || (uint64_t) status->st_size > TABLE_SIZE_MAX)
                return false;
        bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (bytes == MAP_FAILED)
                return false;
        if (!pages_init(&slot->pages, bytes, size)) {
                munmap(bytes, size);
                return false;
        }
        slot->bytes = bytes;
        slot->size = size;
        slot->device = status->st_dev;
        slot->inode = status->st_ino;
        return true;
}

/* --- the slots ------------------------------------------------------------------------------ */

static struct mapping *slot_of(uint32_t number)
{
        return number == NO_SLOT ? NULL : &slots[number - 1];
}

/* slot_free: nobody reads it, and it is not current: nobody will. */
static bool slot_free(uint32_t number)
{
        struct mapping *slot = slot_of(number);

        if (number == atomic_load(&current) || atomic_load(&slot->n_readers) != 0)
                return false;
        if (slot->bytes)
                munmap(slot->bytes, slot->size);
        slot->bytes = NULL;
        return true;
}

/* free_slots: unmaps what nobody needs; one that is free now, or NO_SLOT. */
static uint32_t free_slots(void)
{
        uint32_t found = NO_SLOT;

        for (uint32_t number = 1; number <= MAPPING_SLOTS_N; number++)
                if (slot_free(number))
                        found = number;
        return found;
}

/* open_newer: whoever comes here is alone in it. */
static void open_newer(void)
{
        uint32_t number = free_slots();
        struct stat status;
        int fd;

        if (number == NO_SLOT)
                return;
        fd = open_table(&status);
        if (fd < 0)
                return;
        if (!is_same_file(slot_of(atomic_load(&current)), &status) &&
            fill_slot(slot_of(number), fd, &status)) {
                atomic_store(&current, number);
                free_slots();
        }
        close(fd);
}

/* become_opener: unless another thread is it. A process that is not this one is a parent, whose
 * threads are not here. */
static bool become_opener(void)
{
        pid_t me = getpid();
        pid_t other = 0;

        return atomic_compare_exchange_strong(&opener, &other, me) ||
               (other != me && atomic_compare_exchange_strong(&opener, &other, me));
}

/* await_first: while another thread opens the first table, there is none to go on with. Not for
 * long: it may be this very thread, below a signal handler. */
static void await_first(void)
{
        static const struct timespec pause = { 0, FIRST_PAUSE_NSEC };

        for (int i = 0; i < FIRST_PAUSES_MAX; i++) {
                if (atomic_load(&current) != NO_SLOT || atomic_load(&opener) == 0)
                        return;
                nanosleep(&pause, NULL);
        }
}

/* look_again: unless another thread does so already. */
static void look_again(void)
{
        int cancelling;

        if (bypass_is_on())
                return;
        if (!become_opener()) {
                await_first();
                return;
        }
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
        open_newer();
        pthread_setcancelstate(cancelling, NULL);
        atomic_store(&opener, 0);
}

/* --- readers -------------------------------------------------------------------------------- */

static struct mapping *take_current(void)
{
        for (;;) {
                uint32_t number = atomic_load(&current);
                struct mapping *slot = slot_of(number);

                if (!slot)
                        return NULL;
                atomic_fetch_add(&slot->n_readers, 1);
                if (atomic_load(&current) == number)
                        return slot;
                mapping_give(slot);
        }
}

struct mapping *mapping_take(void)
{
        struct mapping *taken = take_current();

        return taken && !pages_is_replaced(&taken->pages) ? taken : mapping_renew(taken);
}

struct mapping *mapping_renew(struct mapping *mapping)
{
        if (mapping)
                mapping_give(mapping);
        look_again();
        return take_current();
}

const struct pages *mapping_pages(const struct mapping *mapping)
{
        return &mapping->pages;
}

void mapping_give(struct mapping *mapping)
{
        atomic_fetch_sub(&mapping->n_readers, 1);
}

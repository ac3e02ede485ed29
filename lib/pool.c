/* pool: see pool.h. */
#include "pool.h"

#include <stdlib.h>

#define STATE_BITS 2u
#define STATE_MASK UINT64_C(3)

enum slot_state {
        SLOT_EMPTY, /* no connection */
        SLOT_KEPT,  /* a connection that nobody uses */
        SLOT_TAKEN  /* somebody's */
};

static uint64_t word_of(pid_t pid, enum slot_state state)
{
        return (uint64_t) pid << STATE_BITS | state;
}

static enum slot_state state_of(uint64_t word)
{
        return (enum slot_state)(word & STATE_MASK);
}

static bool is_of(uint64_t word, pid_t pid)
{
        return word >> STATE_BITS == (uint64_t) pid;
}

void pool_init(struct pool *pool, unsigned n_kept_max)
{
        atomic_init(&pool->first, NULL);
        pool->n_kept_max = n_kept_max;
}

/* claim: makes it this thread's, unless another thread of this process has it. */
static bool claim(struct slot *slot, pid_t pid)
{
        uint64_t seen = atomic_load_explicit(&slot->word, memory_order_relaxed);

        if (is_of(seen, pid) && state_of(seen) == SLOT_TAKEN)
                return false;
        if (!atomic_compare_exchange_strong_explicit(&slot->word, &seen, word_of(pid, SLOT_TAKEN),
                                                     memory_order_acquire, memory_order_relaxed))
                return false;
        if (!is_of(seen, pid))
                connection_close(&slot->connection);
        return true;
}

static struct slot *slot_new(pid_t pid)
{
        struct slot *slot = malloc(sizeof(*slot));

        if (!slot)
                return NULL;
        atomic_init(&slot->word, word_of(pid, SLOT_TAKEN));
        atomic_init(&slot->next, NULL);
        slot->connection = CONNECTION_NONE;
        slot->index = 0;
        return slot;
}

/* append: at the first link that is still NULL. */
static void append(_Atomic(struct slot *) *link, struct slot *slot)
{
        struct slot *other = NULL;

        while (!atomic_compare_exchange_strong(link, &other, slot)) {
                slot->index = other->index + 1;
                link = &other->next;
                other = NULL;
        }
}

struct slot *pool_take(struct pool *pool, pid_t pid)
{
        struct slot *slot;

        for (slot = atomic_load(&pool->first); slot; slot = atomic_load(&slot->next)) {
                if (!claim(slot, pid))
                        continue;
                if (!connection_is_fresh(&slot->connection))
                        connection_close(&slot->connection);
                return slot;
        }
        slot = slot_new(pid);
        if (slot)
                append(&pool->first, slot);
        return slot;
}

void pool_give(struct pool *pool, struct slot *slot, bool reusable)
{
        bool kept = reusable && slot->index < pool->n_kept_max;

        uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed) & ~STATE_MASK;

        if (!kept)
                connection_close(&slot->connection);
        atomic_store_explicit(&slot->word, word | (kept ? SLOT_KEPT : SLOT_EMPTY),
                              memory_order_release);
}

void pool_deinit(struct pool *pool)
{
        struct slot *slot = atomic_load(&pool->first);

        while (slot) {
                struct slot *next = atomic_load(&slot->next);

                connection_close(&slot->connection);
                free(slot);
                slot = next;
        }
        atomic_store(&pool->first, NULL);
}

/* pool: the connections of one client, shared by the threads of a process without a lock.
 *
 * A lock could be held by another thread at the moment of a fork, and the child would wait for it
 * for ever; pthread_atfork would stay behind after dlclose. So slots are only ever added to a list,
 * and each says in one atomic word whose it is: a process and a state. In a child the words still
 * name the parent: the first who comes by makes such a slot the child's, and closes its copy of the
 * descriptor, which the parent does not notice. */
#pragma once

#include "connection.h"

#include <stdatomic.h>

#define SLOT_BUFFER_SIZE 8192

struct slot {
        _Atomic uint64_t word; /* the process and enum slot_state */
        unsigned index;        /* in the list; low ones are used first */
        struct connection connection;
        _Atomic(struct slot *) next;
        char buffer[SLOT_BUFFER_SIZE]; /* what was just received */
};

struct pool {
        _Atomic(struct slot *) first;
        unsigned n_kept_max;
};

void pool_init(struct pool *pool, unsigned n_kept_max);
/* pool_take: a slot for this thread alone of the process pid, which is this one; its connection is
 * open and unused, or none. NULL: out of memory. */
struct slot *pool_take(struct pool *pool, pid_t pid);
/* pool_give: back; the connection is kept for the next one if reusable and not over n_kept_max. */
void pool_give(struct pool *pool, struct slot *slot, bool reusable);
void pool_deinit(struct pool *pool);

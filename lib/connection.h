/* connection: one descriptor to the daemon: opened, with a look at who is there, and closed.
 *
 * Nothing here waits; the descriptor itself would, unless told otherwise (MSG_DONTWAIT). A host may
 * have closed our descriptor behind our back and reused its number (closefrom(3), a child that
 * tidies up); so each is remembered with the kernel's cookie of its socket, and one that carries
 * another cookie is left alone. */
#pragma once

#include "authd.h"

#include <stdbool.h>
#include <sys/types.h>

#define CONNECTION_FD_LEAST 3 /* 0 to 2 are the host's, also when it has closed them */

/* Where the daemon is, and who may be it. */
struct address {
        char *path;
        bool has_trusted_uid;
        uid_t trusted_uid;
};

struct connection {
        int fd; /* -1: none */
        uint64_t cookie;
};

#define CONNECTION_NONE ((struct connection){ -1, 0 })

/* connection_open: for a recv that waits, it waits timeout_ms. 0; AUTHD_PENDING: the daemon's queue
 * is full, try again later; AUTHD_E_ABSENT, AUTHD_E_MEMORY, AUTHD_E_UNTRUSTED. */
int connection_open(struct connection *connection, const struct address *address, int timeout_ms);
/* connection_is_fresh: ours, open, and nothing unasked for in it. */
bool connection_is_fresh(const struct connection *connection);
void connection_close(struct connection *connection);

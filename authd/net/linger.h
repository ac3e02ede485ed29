/* linger: sockets that we have answered and closed while their client was still sending.
 *
 * Closing a TCP socket with unread bytes makes the kernel send a reset, which can destroy the
 * answer before the client has read it. So the descriptor stays open for a moment, what comes is
 * thrown away, and it ends with the client's own close or the deadline. At most LINGER_SOCKETS_MAX
 * at a time; more are closed at once. One thread, its GMainContext. Private to net. */
#pragma once

#include <glib.h>

#define LINGER_SOCKETS_MAX 256
#define LINGER_SECONDS     2

typedef struct Lingerers Lingerers;

Lingerers *lingerers_new(GMainContext *context);
/* lingerers_add: takes fd, which is shut down for writing already. */
void lingerers_add(Lingerers *lingerers, int fd);
size_t lingerers_size(const Lingerers *lingerers);
void lingerers_free(Lingerers *lingerers); /* closes them */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lingerers, lingerers_free)

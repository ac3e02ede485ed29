/* listen: the listening sockets, accepted in one place and dealt out in turn.
 *
 * Lives on the main thread. Opens (or is handed, by socket activation) a Unix socket and TCP
 * sockets, accepts, notes who is there by SO_PEERCRED, holds each uid to its share of connections
 * and gives the descriptor to the callback, which deals it to a worker. A stale socket file (nobody
 * answers) is replaced; one that answers is "in use" and refused. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#define LISTEN_CONNECTIONS_MAX         16384 /* all sockets together */
#define LISTEN_CONNECTIONS_ROOT        64 /* of them kept for uid 0 (logins); an eighth at most */
#define LISTEN_CONNECTIONS_PER_UID_MAX 12288 /* Unix; uid 0 and our own uid are not counted */
#define LISTEN_ACCEPT_BATCH_MAX        64    /* a turn of the loop */
#define LISTEN_BACKLOG                 1024

typedef struct Peer {
        bool unix_socket;
        bool has_credentials;
        uid_t uid;
        gid_t gid;
        pid_t pid;
        char address[48]; /* numeric, TCP only */
} Peer;

typedef struct Listener Listener;
/* ListenAccepted: owns fd (non-blocking, close-on-exec), and calls listener_closed(listener, peer)
 * on the main thread when the connection is gone. */
typedef void (*ListenAccepted)(int fd, const Peer *peer, void *userdata);

Listener *listener_new(GMainContext *context, ListenAccepted accepted, void *userdata);
/* listener_add_unix: mode of the socket file, e.g. 0666. The parent folder must exist. */
bool listener_add_unix(Listener *listener, const char *path, mode_t mode, GError **error);
/* listener_add_tcp: "127.0.0.1:4181", "[::1]:4181"; port 0 picks one, told in *ret_port (may be
 * NULL). Refuses what is not a loopback address unless any_address. */
bool listener_add_tcp(Listener *listener, const char *address, bool any_address, unsigned *ret_port,
                      GError **error);
/* listener_add_fd: a listening socket that the service manager opened. */
bool listener_add_fd(Listener *listener, int fd, GError **error);
void listener_closed(Listener *listener, const Peer *peer);
size_t listener_n_connections(const Listener *listener);
size_t listener_n_refused(const Listener *listener); /* over a limit, closed at once */
void listener_set_limits_for_tests(Listener *listener, size_t all, size_t per_uid);
void listener_free(Listener *listener); /* closes; removes the socket files it made */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Listener, listener_free)

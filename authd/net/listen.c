#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PAUSE_MSEC     100 /* after accept() failed for want of descriptors or memory */
#define LOCK_TRIES_MAX 20
#define LOCK_TRY_USEC  (50 * 1000)

struct Listener {
        GMainContext *context;
        ListenAccepted accepted;
        void *userdata;
        GPtrArray *doors;   /* Door */
        GHashTable *by_uid; /* uid → connections of Unix peers that are counted */
        size_t n_connections;
        size_t n_refused;
        size_t connections_max;
        size_t connections_per_uid_max;
};

/* A listening socket and where it is in the file system. */
typedef struct Door {
        Listener *listener;
        int fd;
        char *path; /* the socket file that we made; NULL: none of ours */
        dev_t device;
        ino_t inode;
        bool unix_socket;
        GSource *source;
        GSource *pause; /* while accept() rests */
} Door;

/* Said instead of an answer to whom there is no room for. */
static const char no_room[] =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 91\r\n"
    "Retry-After: 1\r\nConnection: close\r\n\r\n"
    "{\"error\":\"too_many_connections\",\"detail\":\"There are too many open connections; try "
    "later.\"}";

static void source_drop(GSource **source)
{
        if (*source)
                g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
}

/* remove_file: only while it is still ours; somebody may have replaced it. */
static void remove_file(const Door *door)
{
        struct stat st;

        if (door->path && lstat(door->path, &st) == 0 && st.st_dev == door->device &&
            st.st_ino == door->inode)
                unlink(door->path);
}

static void door_free(gpointer userdata)
{
        Door *door = userdata;

        source_drop(&door->source);
        source_drop(&door->pause);
        remove_file(door);
        if (door->fd >= 0)
                close(door->fd);
        g_free(door->path);
        g_free(door);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Door, door_free)

static Door *door_new(Listener *listener, int fd)
{
        Door *door = g_new0(Door, 1);

        door->listener = listener;
        door->fd = fd;
        return door;
}

/* Who is there, and is there room? */

static void note_credentials(int fd, Peer *peer)
{
        struct ucred credentials;
        socklen_t len = sizeof(credentials);

        peer->unix_socket = true;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
                return;
        peer->has_credentials = true;
        peer->uid = credentials.uid;
        peer->gid = credentials.gid;
        peer->pid = credentials.pid;
}

static void note_address(const struct sockaddr_storage *address, Peer *peer)
{
        if (address->ss_family == AF_INET)
                inet_ntop(AF_INET, &((const struct sockaddr_in *) address)->sin_addr, peer->address,
                          sizeof(peer->address));
        else if (address->ss_family == AF_INET6)
                inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) address)->sin6_addr,
                          peer->address, sizeof(peer->address));
}

static bool is_counted(const Peer *peer)
{
        return peer->has_credentials && peer->uid != 0 && peer->uid != geteuid();
}

static size_t uid_connections(const Listener *listener, uid_t uid)
{
        return GPOINTER_TO_SIZE(g_hash_table_lookup(listener->by_uid, GUINT_TO_POINTER(uid)));
}

static void uid_set_connections(Listener *listener, uid_t uid, size_t count)
{
        if (count > 0)
                g_hash_table_insert(listener->by_uid, GUINT_TO_POINTER(uid),
                                    GSIZE_TO_POINTER(count));
        else
                g_hash_table_remove(listener->by_uid, GUINT_TO_POINTER(uid));
}

/* all_max: how many there may be in all before this peer's. */
static size_t all_max(const Listener *listener, const Peer *peer)
{
        size_t max = listener->connections_max;
        bool is_root = peer->has_credentials && peer->uid == 0;

        return is_root ? max : max - MIN(LISTEN_CONNECTIONS_ROOT, max / 8);
}

static bool has_room(const Listener *listener, const Peer *peer)
{
        if (listener->n_connections >= all_max(listener, peer))
                return false;
        return !is_counted(peer) ||
               uid_connections(listener, peer->uid) < listener->connections_per_uid_max;
}

static void admit(Listener *listener, int fd, const Peer *peer)
{
        if (!has_room(listener, peer)) {
                listener->n_refused++;
                (void) !send(fd, no_room, strlen(no_room), MSG_DONTWAIT | MSG_NOSIGNAL);
                close(fd);
                return;
        }
        listener->n_connections++;
        if (is_counted(peer))
                uid_set_connections(listener, peer->uid, uid_connections(listener, peer->uid) + 1);
        listener->accepted(fd, peer, listener->userdata);
}

void listener_closed(Listener *listener, const Peer *peer)
{
        g_assert(listener->n_connections > 0);
        listener->n_connections--;
        if (is_counted(peer))
                uid_set_connections(listener, peer->uid, uid_connections(listener, peer->uid) - 1);
}

/* Accepting. */

static void door_open(Door *door);

static gboolean door_rested(gpointer userdata)
{
        Door *door = userdata;

        source_drop(&door->pause);
        door_open(door);
        return G_SOURCE_REMOVE;
}

/* door_rest: a queue that we cannot take from stays readable, and the loop would spin. */
static void door_rest(Door *door)
{
        source_drop(&door->source);
        door->pause = g_timeout_source_new(PAUSE_MSEC);
        g_source_set_callback(door->pause, door_rested, door, NULL);
        g_source_attach(door->pause, door->listener->context);
}

/* accept_one: false when nobody waits any more, or accepting must rest. */
static bool accept_one(Door *door)
{
        struct sockaddr_storage address = { 0 };
        socklen_t len = sizeof(address);
        Peer peer = { 0 };
        int fd =
            accept4(door->fd, (struct sockaddr *) &address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                        door_rest(door);
                return errno == EINTR || errno == ECONNABORTED;
        }
        if (door->unix_socket)
                note_credentials(fd, &peer);
        else
                note_address(&address, &peer);
        admit(door->listener, fd, &peer);
        return true;
}

static gboolean door_ready(G_GNUC_UNUSED gint fd, G_GNUC_UNUSED GIOCondition condition,
                           gpointer userdata)
{
        Door *door = userdata;

        for (int i = 0; i < LISTEN_ACCEPT_BATCH_MAX && accept_one(door); i++)
                ;
        return G_SOURCE_CONTINUE;
}

static void door_open(Door *door)
{
        door->source = g_unix_fd_source_new(door->fd, G_IO_IN);
        g_source_set_callback(door->source, G_SOURCE_FUNC(door_ready), door, NULL);
        g_source_attach(door->source, door->listener->context);
}

/* listen_on: the door takes part from now on. */
static bool listen_on(Door *door, const char *name, GError **error)
{
        if (listen(door->fd, LISTEN_BACKLOG) < 0) {
                g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
                            "cannot listen on %s: %s", name, g_strerror(errno));
                return false;
        }
        return true;
}

static void take_in(Listener *listener, Door *door)
{
        g_ptr_array_add(listener->doors, door);
        door_open(door);
}

Listener *listener_new(GMainContext *context, ListenAccepted accepted, void *userdata)
{
        Listener *listener = g_new0(Listener, 1);

        listener->context = context;
        listener->accepted = accepted;
        listener->userdata = userdata;
        listener->doors = g_ptr_array_new_with_free_func(door_free);
        listener->by_uid = g_hash_table_new(NULL, NULL);
        listener->connections_max = LISTEN_CONNECTIONS_MAX;
        listener->connections_per_uid_max = LISTEN_CONNECTIONS_PER_UID_MAX;
        return listener;
}

void listener_set_limits_for_tests(Listener *listener, size_t all, size_t per_uid)
{
        listener->connections_max = all;
        listener->connections_per_uid_max = per_uid;
}

/* The Unix socket. */

static bool fail(GError **error, int number, const char *format, ...) G_GNUC_PRINTF(3, 4);

static bool fail(GError **error, int number, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        if (error)
                *error = g_error_new_valist(G_IO_ERROR, g_io_error_from_errno(number), format,
                                            arguments);
        va_end(arguments);
        return false;
}

static bool unix_address(const char *path, struct sockaddr_un *ret, GError **error)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (path[0] != '/')
                return fail(error, EINVAL, "the socket path %s does not begin with /", path);
        if (strlen(path) >= sizeof(address.sun_path))
                return fail(error, ENAMETOOLONG,
                            "the socket path %s is too long: the kernel takes %zu bytes", path,
                            sizeof(address.sun_path) - 1);
        memcpy(address.sun_path, path, strlen(path));
        *ret = address;
        return true;
}

/* lock_folder: two daemons that start together must not each take the other's new socket for a
 * stale one. A lock on the folder leaves no file behind and dies with its holder. */
static int lock_folder(const char *path, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(path);
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0) {
                fail(error, errno, "cannot make the socket %s: the folder %s: %s", path, folder,
                     g_strerror(errno));
                return -1;
        }
        /* Whoever may read the folder can hold its lock; for long, that is no reason not to start.
         */
        for (int i = 0; i < LOCK_TRIES_MAX && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
                g_usleep(LOCK_TRY_USEC);
        return fd;
}

static pid_t listening_pid(int fd)
{
        struct ucred credentials;
        socklen_t len = sizeof(credentials);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) == 0 ? credentials.pid
                                                                                : 0;
}

/* refuse_if_alive: does anybody answer at that address? */
static bool refuse_if_alive(const struct sockaddr_un *address, GError **error)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        bool stale = false;

        if (fd < 0)
                return fail(error, errno, "cannot make a socket: %s", g_strerror(errno));
        if (connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0)
                fail(error, EADDRINUSE, "%s is in use by another process (pid %d)",
                     address->sun_path, (int) listening_pid(fd));
        else if (errno == ECONNREFUSED || errno == ENOENT)
                stale = true;
        else if (errno == EAGAIN)
                fail(error, EADDRINUSE,
                     "%s is in use by another process, which is too busy to answer",
                     address->sun_path);
        else
                fail(error, errno,
                     "%s is there already and cannot be asked whether it is in use: %s",
                     address->sun_path, g_strerror(errno));
        close(fd);
        return stale;
}

/* clear_stale: makes way for bind(), which takes no existing name. */
static bool clear_stale(const struct sockaddr_un *address, GError **error)
{
        struct stat st;

        if (lstat(address->sun_path, &st) < 0)
                return errno == ENOENT || fail(error, errno, "cannot look at %s: %s",
                                               address->sun_path, g_strerror(errno));
        if (!S_ISSOCK(st.st_mode))
                return fail(error, EEXIST, "%s exists and is no socket; it was left alone",
                            address->sun_path);
        if (!refuse_if_alive(address, error))
                return false;
        if (unlink(address->sun_path) < 0 && errno != ENOENT)
                return fail(error, errno, "cannot remove the stale socket %s: %s",
                            address->sun_path, g_strerror(errno));
        return true;
}

/* bind_unix: the mode is set before listen(), so nobody connects under another; and by name, for
 * the umask takes its part of what bind() makes. */
static bool bind_unix(Door *door, const struct sockaddr_un *address, mode_t mode, GError **error)
{
        const char *path = address->sun_path;
        struct stat st;

        if (!clear_stale(address, error))
                return false;
        if (bind(door->fd, (const struct sockaddr *) address, sizeof(*address)) < 0)
                return fail(error, errno, "cannot make the socket %s: %s", path, g_strerror(errno));
        door->path = g_strdup(path);
        if (lstat(path, &st) < 0)
                return fail(error, errno, "cannot look at the new socket %s: %s", path,
                            g_strerror(errno));
        door->device = st.st_dev;
        door->inode = st.st_ino;
        if (chmod(path, mode) < 0)
                return fail(error, errno, "cannot set the mode of %s: %s", path, g_strerror(errno));
        return listen_on(door, path, error);
}

bool listener_add_unix(Listener *listener, const char *path, mode_t mode, GError **error)
{
        struct sockaddr_un address;

        if (!unix_address(path, &address, error))
                return false;
        int lock = lock_folder(path, error);

        if (lock < 0)
                return false;
        g_autoptr(Door) door =
            door_new(listener, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        bool bound = door->fd >= 0
                         ? bind_unix(door, &address, mode, error)
                         : fail(error, errno, "cannot make a socket: %s", g_strerror(errno));

        close(lock);
        if (!bound)
                return false;
        door->unix_socket = true;
        take_in(listener, g_steal_pointer(&door));
        return true;
}

/* TCP. */

typedef union TcpAddress {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} TcpAddress;

static bool is_loopback(const TcpAddress *address)
{
        if (address->any.sa_family == AF_INET)
                return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

/* tcp_address: numbers only. A name would be looked up, and could be anything tomorrow. */
static bool tcp_address(const char *text, TcpAddress *ret, GError **error)
{
        const char *colon = strrchr(text, ':');
        TcpAddress address = { 0 };
        guint64 port;

        if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
                return fail(error, EINVAL, "%s is no address: write 127.0.0.1:4181 or [::1]:4181",
                            text);
        g_autofree char *host = g_strndup(text, (gsize) (colon - text));
        size_t len = strlen(host);

        if (inet_pton(AF_INET, host, &address.v4.sin_addr) == 1) {
                address.v4.sin_family = AF_INET;
                address.v4.sin_port = htons((uint16_t) port);
        } else if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
                host[len - 1] = '\0';
                address.v6.sin6_family = AF_INET6;
                address.v6.sin6_port = htons((uint16_t) port);
                if (inet_pton(AF_INET6, host + 1, &address.v6.sin6_addr) != 1)
                        return fail(error, EINVAL, "%s has no IPv6 address in its brackets", text);
        } else {
                return fail(error, EINVAL, "%s is no address: write 127.0.0.1:4181 or [::1]:4181",
                            text);
        }
        *ret = address;
        return true;
}

static socklen_t tcp_address_size(const TcpAddress *address)
{
        return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

static bool bind_tcp(Door *door, const char *text, const TcpAddress *address, GError **error)
{
        const int on = 1;

        if (door->fd < 0)
                return fail(error, errno, "cannot make a socket for %s: %s", text,
                            g_strerror(errno));
        /* Or the connections of the daemon before us, in TIME_WAIT, would keep us from the port. */
        setsockopt(door->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (address->any.sa_family == AF_INET6)
                setsockopt(door->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        if (bind(door->fd, &address->any, tcp_address_size(address)) == 0)
                return listen_on(door, text, error);
        if (errno == EADDRINUSE)
                return fail(error, errno, "%s is in use by another process", text);
        return fail(error, errno, "cannot use %s: %s", text, g_strerror(errno));
}

static unsigned bound_port(int fd)
{
        TcpAddress address = { 0 };
        socklen_t len = sizeof(address);

        if (getsockname(fd, &address.any, &len) < 0)
                return 0;
        return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

bool listener_add_tcp(Listener *listener, const char *address, bool any_address, unsigned *ret_port,
                      GError **error)
{
        TcpAddress where;

        if (!tcp_address(address, &where, error))
                return false;
        if (!any_address && !is_loopback(&where))
                return fail(error, EPERM,
                            "%s is not a loopback address, and others may listen there; "
                            "allow it by name if that is meant",
                            address);
        g_autoptr(Door) door = door_new(
            listener, socket(where.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));

        if (!bind_tcp(door, address, &where, error))
                return false;
        if (ret_port)
                *ret_port = bound_port(door->fd);
        take_in(listener, g_steal_pointer(&door));
        return true;
}

/* Handed by the service manager. */

bool listener_add_fd(Listener *listener, int fd, GError **error)
{
        int listening = 0, family = 0;
        socklen_t len = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening)
                return fail(error, EINVAL, "descriptor %d is no listening socket", fd);
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0 ||
            (family != AF_UNIX && family != AF_INET && family != AF_INET6))
                return fail(error, EINVAL, "descriptor %d is neither a Unix nor a TCP socket", fd);
        if (!g_unix_set_fd_nonblocking(fd, TRUE, error) || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return false;
        Door *door = door_new(listener, fd);

        door->unix_socket = family == AF_UNIX;
        take_in(listener, door);
        return true;
}

size_t listener_n_connections(const Listener *listener)
{
        return listener->n_connections;
}

size_t listener_n_refused(const Listener *listener)
{
        return listener->n_refused;
}

void listener_free(Listener *listener)
{
        if (!listener)
                return;
        g_ptr_array_unref(listener->doors);
        g_hash_table_unref(listener->by_uid);
        g_free(listener);
}

/* connection: see connection.h. */
#include "connection.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* --- who is there --------------------------------------------------------------------------- */

/* cut_last: "/run/authd" to "/run", "/run" to "/"; false at "/". */
static bool cut_last(char *path)
{
        char *slash = strrchr(path, '/');

        if (!slash || strcmp(path, "/") == 0)
                return false;
        slash[slash == path ? 1 : 0] = '\0';
        return true;
}

static bool only_root_writes(const char *folder)
{
        struct stat status;

        return lstat(folder, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == 0 &&
               !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* owns_folder: whether root gave the socket's folder to this user: it is his, and nobody but root
 * could have put it there. */
static bool owns_folder(const char *socket_path, uid_t uid)
{
        CLEANUP(cleanup_free) char *written = strdup(socket_path);
        CLEANUP(cleanup_free) char *folder = NULL;
        struct stat status;

        if (!written || !cut_last(written))
                return false;
        folder = realpath(written, NULL);
        if (!folder || lstat(folder, &status) != 0 || status.st_uid != uid)
                return false;
        while (cut_last(folder))
                if (!only_root_writes(folder))
                        return false;
        return true;
}

static bool is_trusted(const struct address *address, uid_t uid)
{
        if (uid == 0 || uid == geteuid())
                return true;
        if (address->has_trusted_uid && uid == address->trusted_uid)
                return true;
        return owns_folder(address->path, uid);
}

static int check_peer(int fd, const struct address *address)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || size != sizeof(peer))
                return AUTHD_E_UNTRUSTED;
        return is_trusted(address, peer.uid) ? 0 : AUTHD_E_UNTRUSTED;
}

/* --- the descriptor ------------------------------------------------------------------------- */

static bool read_cookie(int fd, uint64_t *ret)
{
        socklen_t size = sizeof(*ret);

        return getsockopt(fd, SOL_SOCKET, SO_COOKIE, ret, &size) == 0;
}

static bool is_ours(const struct connection *connection)
{
        uint64_t cookie;

        return connection->fd >= 0 && read_cookie(connection->fd, &cookie) &&
               cookie == connection->cookie;
}

/* lift: the same socket under a number that is nobody's standard stream. */
static int lift(int fd)
{
        int lifted;

        if (fd < 0 || fd >= CONNECTION_FD_LEAST)
                return fd;
        lifted = fcntl(fd, F_DUPFD_CLOEXEC, CONNECTION_FD_LEAST);
        close(fd);
        return lifted;
}

static int connect_trouble(int error)
{
        switch (error) {
        case EAGAIN: return AUTHD_PENDING;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: return AUTHD_E_MEMORY;
        default: return AUTHD_E_ABSENT;
        }
}

static int connect_to(int fd, const struct address *address)
{
        struct sockaddr_un name = { .sun_family = AF_UNIX };

        /* authd_open has seen that it fits. */
        memcpy(name.sun_path, address->path, strnlen(address->path, sizeof(name.sun_path) - 1));
        while (connect(fd, (const struct sockaddr *) &name, sizeof(name)) != 0)
                if (errno != EINTR)
                        return connect_trouble(errno);
        return check_peer(fd, address);
}

/* let_wait: connect must not wait, but one recv of a call may: it saves the poll before it. */
static int let_wait(int fd, int timeout_ms)
{
        struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

        if (fcntl(fd, F_SETFL, 0) != 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0)
                return AUTHD_E_MEMORY;
        return 0;
}

int connection_open(struct connection *connection, const struct address *address, int timeout_ms)
{
        struct connection opened = CONNECTION_NONE;
        int r = AUTHD_E_MEMORY;

        opened.fd = lift(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (opened.fd < 0)
                return r;
        if (read_cookie(opened.fd, &opened.cookie))
                r = connect_to(opened.fd, address);
        if (r == 0)
                r = let_wait(opened.fd, timeout_ms);
        if (r != 0) {
                close(opened.fd);
                return r;
        }
        *connection = opened;
        return 0;
}

bool connection_is_fresh(const struct connection *connection)
{
        char byte;

        if (!is_ours(connection))
                return false;
        return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void connection_close(struct connection *connection)
{
        struct connection closed = *connection;

        *connection = CONNECTION_NONE;
        if (is_ours(&closed))
                close(closed.fd);
}

/* bare_mhd: what libmicrohttpd alone costs: any request is read whole and answered 204, or STATUS.
 *
 *     bare_mhd unix PATH [STATUS] | bare_mhd tcp PORT [STATUS]
 *
 * One thread, external epoll, the same pool for a connection as authd's (net/server): the other
 * side of ratios. Says "ready" once it listens, and runs until it is killed. */
#include <arpa/inet.h>
#include <err.h>
#include <limits.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG           1024
#define CONNECTION_MEMORY (32 * 1024)
#define CONNECTIONS_MAX   16384

static int listen_at(const struct sockaddr *address, socklen_t len)
{
        int one = 1, fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
            bind(fd, address, len) != 0 || listen(fd, BACKLOG) != 0)
                err(1, "cannot listen");
        return fd;
}

static int listen_unix(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof(address.sun_path))
                errx(1, "%s: too long for a socket", path);
        strcpy(address.sun_path, path);
        unlink(path);
        return listen_at((const struct sockaddr *) &address, sizeof(address));
}

static int listen_tcp(const char *port)
{
        struct sockaddr_in address = {
                .sin_family = AF_INET,
                .sin_port = htons((uint16_t) atoi(port)),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };

        return listen_at((const struct sockaddr *) &address, sizeof(address));
}

static unsigned status = MHD_HTTP_NO_CONTENT;

static enum MHD_Result on_access(void *response, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **slot)
{
        static char seen;

        if (!*slot) {
                *slot = &seen;
                return MHD_YES;
        }
        if (*upload_size > 0) {
                *upload_size = 0;
                return MHD_YES;
        }
        return MHD_queue_response(connection, status, response);
}

static int wait_msec(struct MHD_Daemon *mhd)
{
        MHD_UNSIGNED_LONG_LONG msec;

        if (MHD_get_timeout(mhd, &msec) != MHD_YES)
                return -1;
        return msec < INT_MAX ? (int) msec : INT_MAX;
}

static void serve(struct MHD_Daemon *mhd)
{
        const union MHD_DaemonInfo *facts = MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD);
        struct pollfd epoll = { .fd = facts->epoll_fd, .events = POLLIN };

        for (;;) {
                poll(&epoll, 1, wait_msec(mhd));
                MHD_run(mhd);
        }
}

int main(int argc, char **argv)
{
        if (argc != 3 && argc != 4)
                errx(2, "bare_mhd unix PATH [STATUS] | bare_mhd tcp PORT [STATUS]");
        int fd = strcmp(argv[1], "unix") == 0 ? listen_unix(argv[2]) : listen_tcp(argv[2]);
        if (argc == 4)
                status = (unsigned) atoi(argv[3]);
        struct MHD_Response *response =
            MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        struct MHD_Daemon *mhd = MHD_start_daemon(
            MHD_USE_EPOLL, 0, NULL, NULL, on_access, response, MHD_OPTION_LISTEN_SOCKET, fd,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS_MAX,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_MEMORY, MHD_OPTION_END);

        if (!mhd || !response)
                errx(1, "libmicrohttpd does not start");
        puts("ready");
        fflush(stdout);
        serve(mhd);
}

/* load: many clients of an HTTP server on a Unix socket, in one thread; what wrk cannot do.
 *
 *     load PATH N_CONNECTIONS SECONDS <REQUEST
 *
 * Each connection sends the request, reads the whole answer and sends again. An answer that is not
 * 2xx ends the run: what was measured would not be what was asked for. Prints "N answers in S
 * seconds". */
#include "ratio.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX  256
#define EVENTS_MAX       64
#define REQUEST_SIZE_MAX 65536
#define ANSWER_SIZE_MAX  65536
#define WAIT_MSEC        100

typedef struct Connection {
        int fd;
        size_t size;
        char answer[ANSWER_SIZE_MAX + 1]; /* and a NUL, so that it can be searched */
} Connection;

static char request[REQUEST_SIZE_MAX];
static size_t request_size, n_answers;

static int dial(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (strlen(path) >= sizeof(address.sun_path))
                errx(1, "%s: too long for a socket", path);
        strcpy(address.sun_path, path);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof(address)) != 0)
                err(1, "%s", path);
        return fd;
}

static void ask(Connection *connection)
{
        connection->size = 0;
        if (send(connection->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t) request_size)
                err(1, "cannot send a whole request");
}

/* answer_is_whole: of servers that we know: a Content-Length, or no body. */
static int answer_is_whole(const Connection *connection)
{
        const char *body = strstr(connection->answer, "\r\n\r\n");
        const char *length = body ? strcasestr(connection->answer, "\r\nContent-Length:") : NULL;
        size_t head_size = body ? (size_t) (body + 4 - connection->answer) : 0, body_size = 0;

        if (!body)
                return 0;
        if (strncmp(connection->answer, "HTTP/1.1 2", strlen("HTTP/1.1 2")) != 0)
                errx(1, "not a good answer: %.400s", connection->answer);
        if (length && length < body)
                body_size = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
        return connection->size >= head_size + body_size;
}

static void hear(Connection *connection)
{
        ssize_t n = recv(connection->fd, connection->answer + connection->size,
                         ANSWER_SIZE_MAX - connection->size, 0);

        if (n <= 0)
                errx(1, "closed without a whole answer");
        connection->size += (size_t) n;
        connection->answer[connection->size] = '\0';
        if (!answer_is_whole(connection))
                return;
        n_answers++;
        ask(connection);
}

static void run(int epoll, double seconds)
{
        struct epoll_event events[EVENTS_MAX];
        double start = ratio_now();

        while (ratio_now() - start < seconds) {
                int n = epoll_wait(epoll, events, EVENTS_MAX, WAIT_MSEC);

                for (int i = 0; i < n; i++)
                        hear(events[i].data.ptr);
        }
        printf("%zu answers in %.3f seconds\n", n_answers, ratio_now() - start);
}

int main(int argc, char **argv)
{
        if (argc != 4)
                errx(2, "load PATH N_CONNECTIONS SECONDS <REQUEST");
        int n_connections = atoi(argv[2]), epoll = epoll_create1(EPOLL_CLOEXEC);

        if (n_connections < 1 || n_connections > CONNECTIONS_MAX)
                errx(2, "1 to %d connections", CONNECTIONS_MAX);
        Connection *connections = calloc((size_t) n_connections, sizeof(*connections));

        request_size = fread(request, 1, sizeof(request), stdin);
        for (int i = 0; connections && i < n_connections; i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = &connections[i] };

                connections[i].fd = dial(argv[1]);
                if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0)
                        err(1, "cannot watch a connection");
                ask(&connections[i]);
        }
        run(epoll, atof(argv[3]));
        free(connections);
        return 0;
}

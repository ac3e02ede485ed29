/* echo: the least that a round trip over a Unix socket can cost: question bytes in, answer bytes
 * out, nothing looked at.
 *
 *     echo PATH QUESTION_SIZE ANSWER_SIZE
 *
 * One thread, epoll. Says "ready" once it listens, and runs until it is killed. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG         1024
#define CONNECTIONS_MAX 4096
#define EVENTS_MAX      64
#define SIZE_MAX_BYTES  65536

static char question[SIZE_MAX_BYTES], answer[SIZE_MAX_BYTES];
static size_t question_size, answer_size;
static size_t pending[CONNECTIONS_MAX]; /* by descriptor: bytes of a question that came so far */

static int listen_unix(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (strlen(path) >= sizeof(address.sun_path))
                errx(1, "%s: too long for a socket", path);
        strcpy(address.sun_path, path);
        unlink(path);
        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof(address)) != 0 ||
            listen(fd, BACKLOG) != 0)
                err(1, "%s", path);
        return fd;
}

static void watch(int epoll, int fd)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

        if (fd < 0 || fd >= CONNECTIONS_MAX || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
                err(1, "cannot watch a connection");
        pending[fd] = 0;
}

static void serve(int fd)
{
        ssize_t n = recv(fd, question, question_size - pending[fd], 0);

        if (n <= 0) {
                close(fd);
                return;
        }
        pending[fd] += (size_t) n;
        if (pending[fd] < question_size)
                return;
        pending[fd] = 0;
        if (send(fd, answer, answer_size, MSG_NOSIGNAL) != (ssize_t) answer_size)
                close(fd);
}

int main(int argc, char **argv)
{
        struct epoll_event events[EVENTS_MAX];

        if (argc != 4)
                errx(2, "echo PATH QUESTION_SIZE ANSWER_SIZE");
        question_size = strtoul(argv[2], NULL, 10);
        answer_size = strtoul(argv[3], NULL, 10);
        if (question_size - 1 >= SIZE_MAX_BYTES || answer_size - 1 >= SIZE_MAX_BYTES)
                errx(2, "sizes are 1 to %d", SIZE_MAX_BYTES);
        int listener = listen_unix(argv[1]), epoll = epoll_create1(EPOLL_CLOEXEC);

        watch(epoll, listener);
        puts("ready");
        fflush(stdout);
        for (;;) {
                int n = epoll_wait(epoll, events, EVENTS_MAX, -1);

                for (int i = 0; i < n; i++)
                        if (events[i].data.fd == listener)
                                watch(epoll, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
                        else
                                serve(events[i].data.fd);
        }
}

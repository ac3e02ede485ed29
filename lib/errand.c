/* errand: see errand.h. */
#include "errand.h"

#include "connection.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define USEC_PER_SEC     INT64_C(1000000)
#define USEC_PER_MS      1000
#define CONNECT_PAUSE_MS 2 /* when the daemon's queue is full */
#define RECEIVE_SIZE     4096

int64_t errand_now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * USEC_PER_SEC + now.tv_nsec / USEC_PER_MS;
}

static int64_t left_ms(int64_t deadline_usec)
{
        int64_t left = (deadline_usec - errand_now_usec() + USEC_PER_MS - 1) / USEC_PER_MS;

        return left > INT_MAX ? INT_MAX : left;
}

/* wait_for: 0 when the descriptor is ready or, with a pause, when that is over. */
static int wait_for(int fd, short events, int64_t deadline_usec, int pause_ms)
{
        struct pollfd waited = { .fd = fd, .events = events };
        int64_t left = left_ms(deadline_usec);

        if (left <= 0)
                return -ETIMEDOUT;
        if (poll(&waited, 1, pause_ms && pause_ms < left ? pause_ms : (int) left) < 0)
                return errno == EINTR ? 0 : -errno;
        return 0;
}

static int open_trouble(int r)
{
        switch (r) {
        case AUTHD_E_UNTRUSTED: return -EPERM;
        case AUTHD_E_MEMORY: return -ENOBUFS;
        default: return -ECONNREFUSED;
        }
}

static int open_until(struct connection *connection, const char *path, int64_t deadline_usec)
{
        struct address address = { .path = (char *) path };
        int r;

        while ((r = connection_open(connection, &address, (int) left_ms(deadline_usec))) ==
               AUTHD_PENDING) {
                r = wait_for(-1, 0, deadline_usec, CONNECT_PAUSE_MS);
                if (r < 0)
                        return r;
        }
        return r == 0 ? 0 : open_trouble(r);
}

static int send_until(int fd, const char *bytes, size_t size, int64_t deadline_usec)
{
        while (size > 0) {
                ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (n < 0) {
                        int r = wait_for(fd, POLLOUT, deadline_usec, 0);

                        if (r < 0)
                                return r;
                        continue;
                }
                bytes += n;
                size -= (size_t) n;
        }
        return 0;
}

static int receive_until(int fd, struct wire_answer *answer, int64_t deadline_usec)
{
        char bytes[RECEIVE_SIZE];
        int r = AUTHD_PENDING;

        while (r == AUTHD_PENDING) {
                int waited = wait_for(fd, POLLIN, deadline_usec, 0);
                ssize_t n;

                if (waited < 0)
                        return waited;
                n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
                if (n == 0)
                        return -ECONNRESET;
                if (n > 0)
                        r = wire_answer_feed(answer, bytes, (size_t) n);
                else if (errno != EAGAIN && errno != EINTR)
                        return -errno;
        }
        if (r == 0)
                return 0;
        return r == AUTHD_E_MEMORY ? -ENOBUFS : -EPROTO;
}

int errand_run(const char *socket_path, const char *bytes, size_t size, int64_t deadline_usec,
               struct wire_answer *ret)
{
        struct connection connection = CONNECTION_NONE;
        int r = open_until(&connection, socket_path, deadline_usec);

        if (r < 0)
                return r;
        wire_answer_init(ret);
        r = send_until(connection.fd, bytes, size, deadline_usec);
        if (r == 0)
                r = receive_until(connection.fd, ret, deadline_usec);
        if (r < 0)
                wire_answer_deinit(ret);
        connection_close(&connection);
        return r;
}

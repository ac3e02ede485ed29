/* asker: see asker.h. */
#include "asker.h"

#include "account.h"
#include "bypass.h"
#include "connection.h"
#include "where.h"
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define USEC_PER_SEC      INT64_C(1000000)
#define USEC_PER_MS       1000
#define CONNECT_PAUSE_MS  2 /* when the daemon's queue is full */
#define RECEIVE_SIZE      4096
#define QUESTION_SIZE_MAX 256
#define QUESTION_REST     " HTTP/1.1\r\nHost: authd\r\nConnection: close\r\n\r\n"
#define STATUS_OK         200
#define STATUS_NOT_FOUND  404

static _Atomic int64_t silent_until_usec;

static int64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * USEC_PER_SEC + now.tv_nsec / USEC_PER_MS;
}

/* wait_for: 0 when the descriptor is ready or, without one, when the pause is over. */
static int wait_for(int fd, short events, int64_t deadline_usec, int pause_ms)
{
        struct pollfd waited = { .fd = fd, .events = events };
        int64_t left_ms = (deadline_usec - now_usec() + USEC_PER_MS - 1) / USEC_PER_MS;

        if (left_ms <= 0)
                return -ETIMEDOUT;
        if (poll(&waited, 1, pause_ms && pause_ms < left_ms ? pause_ms : (int) left_ms) < 0)
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

static int open_until(struct connection *connection, int64_t deadline_usec)
{
        struct address address = { .path = (char *) where_socket() };
        int r;

        while ((r = connection_open(connection, &address, ASKER_DEADLINE_USEC / USEC_PER_MS)) ==
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

static int feed_trouble(int r)
{
        return r == AUTHD_E_MEMORY ? -ENOBUFS : -EPROTO;
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
        return r == 0 ? 0 : feed_trouble(r);
}

static int take_body(struct wire_answer *answer, char **ret)
{
        if (answer->status == STATUS_NOT_FOUND)
                return ACCOUNT_E_NOT_FOUND;
        if (answer->status != STATUS_OK)
                return -EAGAIN;
        if (strlen(answer->body) != answer->body_size)
                return -EPROTO;
        *ret = answer->body;
        answer->body = NULL;
        return 0;
}

struct question {
        char bytes[QUESTION_SIZE_MAX];
        size_t size;
};

static bool add(struct question *question, const char *text)
{
        size_t size = strlen(text);

        if (size > sizeof(question->bytes) - question->size)
                return false;
        memcpy(question->bytes + question->size, text, size);
        question->size += size;
        return true;
}

static int talk(int fd, const char *door, const char *key, int64_t deadline_usec, char **ret)
{
        struct question question = { .size = 0 };
        struct wire_answer answer;
        int r;

        if (!add(&question, "GET ") || !add(&question, door) || !add(&question, key) ||
            !add(&question, QUESTION_REST))
                return -EINVAL;
        r = send_until(fd, question.bytes, question.size, deadline_usec);
        if (r < 0)
                return r;
        wire_answer_init(&answer);
        r = receive_until(fd, &answer, deadline_usec);
        if (r == 0)
                r = take_body(&answer, ret);
        wire_answer_deinit(&answer);
        return r;
}

static int ask_once(const char *door, const char *key, int64_t deadline_usec, char **ret)
{
        struct connection connection = CONNECTION_NONE;
        int r = open_until(&connection, deadline_usec);

        if (r < 0)
                return r;
        r = talk(connection.fd, door, key, deadline_usec, ret);
        connection_close(&connection);
        return r;
}

int asker_ask(const char *door, const char *key, char **ret_body)
{
        int64_t now = now_usec();
        int cancelling;
        int r;

        if (bypass_is_on() || now < atomic_load(&silent_until_usec))
                return -ECONNREFUSED;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
        r = ask_once(door, key, now + ASKER_DEADLINE_USEC, ret_body);
        pthread_setcancelstate(cancelling, NULL);
        if (r < 0)
                asker_distrust();
        return r;
}

void asker_distrust(void)
{
        atomic_store(&silent_until_usec, now_usec() + ASKER_SILENCE_USEC);
}

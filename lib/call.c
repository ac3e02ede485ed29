/* call: see call.h. */
#include "call.h"

#include "verdict.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define USEC_PER_SEC     INT64_C(1000000)
#define USEC_PER_MSEC    INT64_C(1000)
#define NSEC_PER_USEC    INT64_C(1000)
#define QUEUE_PAUSE_USEC (2 * USEC_PER_MSEC) /* the daemon's queue of connections is full */

/* Before the connection that replaces the first, second… lost one: a daemon that restarts takes a
 * moment, and one that is going down must not be asked five times in a row. */
static const int64_t loss_pauses_usec[CALL_LOSSES_MAX] = {
        0, 2 * USEC_PER_MSEC, 10 * USEC_PER_MSEC, 40 * USEC_PER_MSEC, 100 * USEC_PER_MSEC,
};

static int64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t) now.tv_sec * USEC_PER_SEC + now.tv_nsec / NSEC_PER_USEC;
}

int call_init(struct authd_call *call, authd *client, const struct authd_question *question)
{
        int r = wire_question_init(&call->question, question);

        if (r < 0)
                return r;
        call->pid = getpid();
        call->slot = pool_take(&client->pool, call->pid);
        if (!call->slot) {
                wire_question_deinit(&call->question);
                return AUTHD_E_MEMORY;
        }
        call->client = client;
        call->step = CALL_CONNECT;
        call->n_losses = 0;
        call->deadline_usec = now_usec() + client->timeout_ms * USEC_PER_MSEC;
        call->resume_usec = 0;
        call->n_sent = 0;
        call->may_wait = false;
        call->result = AUTHD_PENDING;
        call->verdict = NULL;
        wire_answer_init(&call->answer);
        return 0;
}

void call_let_wait(struct authd_call *call)
{
        /* On a new connection some of the time-out has gone by. */
        call->may_wait = call->slot->connection.fd >= 0;
}

/* replace: another connection instead of one that gave no whole answer; last is the result when
 * there were too many. */
static int replace(struct authd_call *call, int last)
{
        connection_close(&call->slot->connection);
        wire_answer_deinit(&call->answer);
        call->n_sent = 0;
        if (call->n_losses == CALL_LOSSES_MAX)
                return last;
        call->resume_usec = now_usec() + loss_pauses_usec[call->n_losses++];
        call->step = CALL_CONNECT;
        return 0;
}

/* The steps. 0: the next one can be tried; AUTHD_PENDING: something must be waited for; an error
 * ends the call. */

static int step_connect(struct authd_call *call)
{
        int r;

        if (call->slot->connection.fd < 0) {
                if (call->resume_usec > 0 && now_usec() < call->resume_usec)
                        return AUTHD_PENDING;
                r = connection_open(&call->slot->connection, &call->client->address,
                                    call->client->timeout_ms);
                if (r == AUTHD_PENDING)
                        call->resume_usec = now_usec() + QUEUE_PAUSE_USEC;
                /* It was there a moment ago, so it is likely to come back. */
                if (r == AUTHD_E_ABSENT && call->n_losses > 0)
                        return replace(call, r);
                if (r != 0)
                        return r;
        }
        call->step = CALL_SEND;
        return 0;
}

static int step_send(struct authd_call *call)
{
        const struct wire_question *question = &call->question;
        ssize_t n = send(call->slot->connection.fd, question->bytes + call->n_sent,
                         question->size - call->n_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
                return 0;
        if (n < 0 && errno == EAGAIN)
                return AUTHD_PENDING;
        if (n >= 0)
                call->n_sent += (size_t) n;
        /* A daemon that closed early may have said why. */
        if (n < 0 || call->n_sent == question->size)
                call->step = CALL_RECEIVE;
        return 0;
}

static int judge_answer(struct authd_call *call)
{
        int r = verdict_from_answer(call->answer.status, call->answer.body, call->answer.body_size,
                                    &call->verdict);

        if (call->verdict)
                call->answer.body = NULL;
        call->step = CALL_ENDED;
        return r;
}

static int step_receive(struct authd_call *call)
{
        char *buffer = call->slot->buffer;
        int flags = call->may_wait ? 0 : MSG_DONTWAIT;
        ssize_t n = recv(call->slot->connection.fd, buffer, SLOT_BUFFER_SIZE, flags);
        int r;

        call->may_wait = false;
        if (n < 0 && errno == EINTR)
                return 0;
        if (n < 0 && errno == EAGAIN)
                return AUTHD_PENDING;
        if (n <= 0)
                return replace(call, AUTHD_E_CLOSED);
        r = wire_answer_feed(&call->answer, buffer, (size_t) n);
        if (r == AUTHD_PENDING)
                return 0;
        return r == 0 ? judge_answer(call) : r;
}

static int (*const steps[])(struct authd_call *call) = {
        [CALL_CONNECT] = step_connect,
        [CALL_SEND] = step_send,
        [CALL_RECEIVE] = step_receive,
};

static bool is_reusable(const struct authd_call *call)
{
        return call->answer.part == WIRE_WHOLE && !call->answer.closes &&
               call->result != AUTHD_E_PROTOCOL && call->n_sent == call->question.size;
}

/* end: the connection goes back at once, for others may want it. */
static int end(struct authd_call *call, int result)
{
        call->result = result;
        call->step = CALL_ENDED;
        pool_give(&call->client->pool, call->slot, is_reusable(call));
        call->slot = NULL;
        return result;
}

int call_advance(struct authd_call *call)
{
        int r = 0;

        if (call->step == CALL_ENDED)
                return call->result;
        if (call->pid != getpid())
                return AUTHD_E_INVALID;
        while (r == 0 && call->step != CALL_ENDED)
                r = steps[call->step](call);
        if (r == AUTHD_PENDING && now_usec() < call->deadline_usec)
                return AUTHD_PENDING;
        return end(call, r == AUTHD_PENDING ? AUTHD_E_TIMEOUT : r);
}

int call_fd(const struct authd_call *call)
{
        return call->slot ? call->slot->connection.fd : -1;
}

short call_events(const struct authd_call *call)
{
        switch (call->step) {
        case CALL_SEND: return POLLOUT;
        case CALL_RECEIVE: return POLLIN;
        default: return 0;
        }
}

int call_timeout_ms(const struct authd_call *call)
{
        int64_t until = call->deadline_usec;
        int64_t left;

        if (call->step == CALL_ENDED)
                return 0;
        if (call->step == CALL_CONNECT && call->resume_usec < until)
                until = call->resume_usec;
        left = until - now_usec();
        /* Rounded up: who comes too early would only come again. */
        return left > 0 ? (int) ((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC) : 0;
}

void call_deinit(struct authd_call *call)
{
        if (call->slot && call->pid == getpid())
                pool_give(&call->client->pool, call->slot, false);
        wire_question_deinit(&call->question);
        wire_answer_deinit(&call->answer);
        authd_verdict_free(call->verdict);
}

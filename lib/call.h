/* call: one question on its way, as steps that never wait: connect, send, receive.
 *
 * Whoever owns it polls for it: authd_ask in a loop of its own, authd_submit's caller in his. A
 * check changes nothing in the daemon, so it may be asked again: each connection that ends before a
 * whole answer came is replaced, a few times, within the one deadline. */
#pragma once

#include "client.h"
#include "wire.h"

#define CALL_LOSSES_MAX 5 /* connections that one call may lose */

enum call_step { CALL_CONNECT, CALL_SEND, CALL_RECEIVE, CALL_ENDED };

struct authd_call {
        authd *client;
        pid_t pid;         /* a child leaves its parent's calls alone */
        struct slot *slot; /* NULL once it has ended */
        enum call_step step;
        unsigned n_losses;
        int64_t deadline_usec; /* monotonic, as all times here */
        int64_t resume_usec;   /* not to connect before */
        size_t n_sent;
        bool may_wait; /* in the next recv, at most the whole time-out */
        int result;    /* AUTHD_PENDING until it has ended */
        authd_verdict *verdict;
        struct wire_question question;
        struct wire_answer answer;
};

/* call_init: 0 and a call that call_deinit must end, or AUTHD_E_INVALID, AUTHD_E_MEMORY. */
int call_init(struct authd_call *call, authd *client, const struct authd_question *question);
/* call_let_wait: the first call_advance may wait, if it has a connection, and need not be polled
 * for. */
void call_let_wait(struct authd_call *call);
/* call_advance: as far as it goes without waiting. AUTHD_PENDING or the result. */
int call_advance(struct authd_call *call);
int call_fd(const struct authd_call *call); /* -1: only time is waited for */
short call_events(const struct authd_call *call);
int call_timeout_ms(const struct authd_call *call);
void call_deinit(struct authd_call *call);

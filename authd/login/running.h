/* running: one conversation on its way: does what it wishes, tells PAM what it says.
 *
 * Owned by logins. A reply "wait" is held back until something happened or RUNNING_HOLD_USEC is
 * over. Whatever is under way when it ends is cancelled, or finds it closed: it is counted by
 * references for that alone. Main thread. Returns, does not log. */
#pragma once

#include "login/conversation.h"
#include "login/judging.h"
#include "login/offline.h"

#define RUNNING_HOLD_USEC (2 * G_USEC_PER_SEC) /* how long a reply "wait" is held back */
/* How long the last reply waits to be fetched, and not less than the login's own time-out: who is
 * asked to press Enter may be approving still. */
#define RUNNING_LINGER_USEC (10 * G_USEC_PER_SEC)

typedef struct Running Running;

/* RunningDone: reply is borrowed for the call. */
typedef void (*RunningDone)(const LoginReply *reply, void *userdata);

typedef struct RunningOwner {
        GMainContext *context;
        Fetcher *fetcher;
        JudgingFor judging;
        Offline *offline; /* NULL: there is no state database */
        /* A password or a push is about to be sent, and counts as a failure until the end says
         * otherwise. NULL: it may be; else what the person is told instead, owned. */
        char *(*tries)(Running *running, void *userdata);
        /* The service of that name now; NULL: it is configured no longer. */
        const Service *(*service)(const char *name, void *userdata);
        /* A token was good: its claims are borrowed for the call. */
        void (*allowed)(Running *running, Claims *claims, void *userdata);
        /* It has come to its end: for the record, and to count failures. Called once. */
        void (*ended)(Running *running, void *userdata);
        /* Nobody needs it any more: the owner drops its reference. */
        void (*gone)(Running *running, void *userdata);
        void *userdata;
} RunningOwner;

/* running_new: owner is borrowed and outlives it, or running_close is called first. */
Running *running_new(const RunningOwner *owner, const char *id, const Service *service,
                     const LoginQuestion *question);
/* running_ask: PAM asks what to do; answer NULL: it brings no line. done is called exactly once; an
 * earlier one that is held back is told to wait. Whoever is told may do what it likes, even close
 * this one. */
void running_ask(Running *running, const Span *answer, RunningDone done, void *userdata);
/* running_close: whoever waits is told UNAVAILABLE, and nothing is called any more. Drops the
 * owner's reference. */
void running_close(Running *running);

const char *running_id(const Running *running);
const LoginQuestion *running_question(const Running *running);
const Conversation *running_conversation(const Running *running);
LoginState running_end(const Running *running); /* how it ended */
bool running_tried(const Running *running);     /* owner->tries let a password pass */
/* running_verdict: of the last token that was judged; NULL: none was. */
const LoginVerdict *running_verdict(const Running *running);
int64_t running_begun_usec(const Running *running); /* monotonic */

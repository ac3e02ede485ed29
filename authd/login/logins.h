/* logins: all conversations under way, and what else PAM asks: account, session, keys.
 *
 * Owns conversations (bounded; each ends at its time-out), does what they wish (grants, judging by
 * check_token, the fence), keeps attempts, sessions and offline verifiers, and writes one record a
 * decision in the shape of verdicts. Main thread; the daemon wires it. Logs. */
#pragma once

#include "issuer/issuer.h"
#include "login/attempts.h"
#include "login/conversation.h"
#include "login/fence.h"
#include "login/offline.h"
#include "login/session.h"
#include "verdict/check.h"

#define LOGINS_MAX       1024                 /* conversations; more are UNAVAILABLE */
#define LOGINS_HOLD_USEC (2 * G_USEC_PER_SEC) /* how long a reply "wait" is held back */
/* The least time that a refusal takes from the last answer typed, known user or not. */
#define LOGINS_REFUSAL_USEC (2 * G_USEC_PER_SEC)

/* LoginsDone: borrowed for the call; exactly once. */
typedef void (*LoginsDone)(const LoginReply *reply, void *userdata);

typedef struct LoginsDeps {
        GMainContext *context;
        Fetcher *fetcher;
        Issuers *issuers;
        Store *store;     /* may be NULL */
        Checker *checker; /* the main thread's own, over the shared caches */
        /* Borrowed for the call. */
        const IssuerView *(*view)(void *userdata);
        Directory *(*directory)(void *userdata); /* NULL: no [users] */
        Admin *(*admin)(void *userdata);         /* NULL: no service account */
        void (*touched)(void *userdata);         /* the directory has changed */
        void *userdata;
} LoginsDeps;

typedef struct Logins Logins;

Logins *logins_new(const LoginsDeps *deps, GError **error);
/* logins_configure: services are referenced until the next call (GPtrArray of Service, owned). */
void logins_configure(Logins *logins, GPtrArray *services);
void logins_begin(Logins *logins, const LoginQuestion *question, LoginsDone done, void *userdata);
void logins_next(Logins *logins, const char *id, const Span *answer, LoginsDone done,
                 void *userdata);
void logins_cancel(Logins *logins, const char *id);
void logins_account(Logins *logins, const LoginQuestion *question, LoginsDone done, void *userdata);
void logins_open(Logins *logins, const LoginSession *session, LoginsDone done, void *userdata);
void logins_close(Logins *logins, const char *session_id, LoginsDone done, void *userdata);
/* logins_ssh_keys: lines of authorized_keys for user, the fence included; text NULL: could not ask.
 */
typedef void (*LoginsKeysDone)(const char *text, void *userdata);
void logins_ssh_keys(Logins *logins, const char *user, LoginsKeysDone done, void *userdata);
json_t *logins_sessions(const Logins *logins);
json_t *logins_status(const Logins *logins); /* {"conversations":N,"services":[…],"locked":N} */
void logins_free(Logins *logins);            /* whoever waits is told UNAVAILABLE */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Logins, logins_free)

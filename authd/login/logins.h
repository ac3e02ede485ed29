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
#include "login/sshkeys.h"
#include "verdict/check.h"

/* Conversations; more are UNAVAILABLE. Those whose application has ended make room. */
#define LOGINS_MAX       1024
#define LOGINS_ASKER_MAX 128 /* of them of one address, or of one local user */

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
/* logins_configure: services (of Service, freed by service_free) are referenced until the next
 * call; NULL: none. A conversation goes on by what it was begun with, and is judged by what holds
 * then. */
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
void logins_ssh_keys(Logins *logins, const char *user, const char *attribute, SshKeysDone done,
                     void *userdata);
json_t *logins_sessions(const Logins *logins);
json_t *logins_status(const Logins *logins); /* {"conversations":N,"services":[names]} */
void logins_free(Logins *logins);            /* whoever waits is told UNAVAILABLE */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Logins, logins_free)

/* conversation: one login, from the first question of PAM to a yes or a no. A state machine without
 * I/O: events in (begun, a line typed, what a grant said, time), the next reply and the next wish
 * out.
 *
 * Ways are tried in the order of the service; an empty answer at a password prompt goes on to the
 * next one. One device code a conversation: the newest polled. Nothing is allowed but by a token
 * that the policy took (check_token's VALID), for the very person whose name was asked for, or by a
 * password that is good offline, and never with a one-time code beside it, which nobody here can
 * check: the owner judges, and the machine only ever moves to ALLOWED on that. Unknown and refused
 * users go the same way, with the same words, to the end. */
#pragma once

#include "issuer/grant.h"
#include "login/offline.h"
#include "login/reply.h"
#include "login/screen.h"
#include "login/service.h"

#include <sys/types.h>

/* The least time from the last line typed to a refusal, known user or not. */
#define CONVERSATION_REFUSAL_USEC (2 * G_USEC_PER_SEC)
/* What a push shows on the approving device: Keycloak takes no more, and no other characters. */
#define CONVERSATION_BINDING_MAX 50
#define CONVERSATION_BINDING_BYTES                                                                 \
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._+/!?#"
#define CONVERSATION_LINE_MAX (16 * 1024) /* of what is typed; a longer one is a refusal */

typedef enum WishKind {
        WISH_NOTHING,
        WISH_DEVICE_BEGIN,
        WISH_DEVICE_POLL,
        WISH_PASSWORD, /* password and perhaps otp are to be had from the conversation */
        WISH_PUSH_BEGIN,
        WISH_PUSH_POLL,
        WISH_JUDGE,   /* a token is there: judge it, then conversation_judged */
        WISH_OFFLINE, /* check the password offline, then conversation_offline */
} WishKind;

typedef struct LoginQuestion {
        const char *service, *user, *rhost, *tty, *ruser;
        const char *command; /* sudo's command line; NULL: none told */
        pid_t pid;           /* of the application; 0: not told */
} LoginQuestion;

typedef enum Judged {
        JUDGED_UNAVAILABLE, /* zero */
        JUDGED_ALLOWED,     /* valid, and the account is the user's */
        JUDGED_DENIED,      /* refused by the policy, the fence or the name */
} Judged;

typedef struct Conversation Conversation;

/* conversation_new: what it needs of service and question is copied. */
Conversation *conversation_new(const char *id, const Service *service,
                               const LoginQuestion *question, int64_t now_usec);
void conversation_free(Conversation *conversation); /* erases what was typed */
const char *conversation_id(const Conversation *conversation);
const LoginQuestion *conversation_question(const Conversation *conversation);

/* conversation_next: PAM asks what to do; answer NULL: it answers no prompt. May leave the machine
 * waiting (reply.state WAIT): the owner may hold the reply back until something happens. */
void conversation_next(Conversation *conversation, const Span *answer, int64_t now_usec);
/* What came of the last wish; a late one, of a way that was left, is dropped. */
void conversation_device(Conversation *conversation, const DeviceAnswer *answer, int64_t now_usec);
void conversation_push(Conversation *conversation, const PushAnswer *answer, int64_t now_usec);
void conversation_granted(Conversation *conversation, const GrantAnswer *answer, int64_t now_usec);
void conversation_judged(Conversation *conversation, Judged judged, const char *text,
                         int64_t now_usec);
/* conversation_locked: the password or the push is not sent: too many were in vain. The next way is
 * gone, or it ends. */
void conversation_locked(Conversation *conversation, const char *text, int64_t now_usec);
/* conversation_offline: by the verifier that offline keeps. Allowed by it alone only if the owner
 * has judged the account beforehand: it calls conversation_judged after a GOOD one. */
void conversation_offline(Conversation *conversation, OfflineResult result, int64_t now_usec);
void conversation_tick(Conversation *conversation, int64_t now_usec);

/* conversation_reply: what PAM is to be told now; borrowed until the next event. */
const LoginReply *conversation_reply(Conversation *conversation, int64_t now_usec);
/* conversation_wish: what the owner is to do; taking it marks it as under way. */
WishKind conversation_wish(Conversation *conversation, int64_t now_usec);
Span conversation_password(const Conversation *conversation);
Span conversation_otp(const Conversation *conversation);
/* conversation_typed_otp: a one-time code stood beside the password: only the realm can check it.
 */
bool conversation_typed_otp(const Conversation *conversation);
Span conversation_code(const Conversation *conversation);  /* device_code or auth_req_id */
Span conversation_token(const Conversation *conversation); /* WISH_JUDGE */
/* conversation_binding: for a push; only CONVERSATION_BINDING_BYTES, at most
 * CONVERSATION_BINDING_MAX; "..." at its end: there is more. */
const char *conversation_binding(const Conversation *conversation);
LoginWay conversation_way(const Conversation *conversation);
bool conversation_was_offline(const Conversation *conversation);
int64_t conversation_next_usec(const Conversation *conversation); /* when to look again */
/* conversation_over: its reply is the last one, and may be told. */
bool conversation_over(const Conversation *conversation, int64_t now_usec);
LoginState
conversation_end(const Conversation *conversation); /* how it is over; before: UNAVAILABLE */
bool conversation_failed_by_person(const Conversation *conversation); /* counts as an attempt */

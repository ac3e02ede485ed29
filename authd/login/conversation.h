/* conversation: one login, from the first question of PAM to a yes or a no. A state machine without
 * I/O: events in (begun, a line typed, what a grant said, time), the next reply and the next wish
 * out.
 *
 * Ways are tried in the order of the service; an empty answer at a password prompt goes on to the
 * next one. One device code a conversation: the newest polled. Nothing is allowed but by a token
 * that the policy took (check_token's VALID), for the very person whose name was asked for: the
 * owner judges (conversation_token) and the machine only ever moves to ALLOWED on that. Unknown and
 * refused users go the same way, with the same words, to the end. */
#pragma once

#include "issuer/grant.h"
#include "login/reply.h"
#include "login/screen.h"
#include "login/service.h"

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
} LoginQuestion;

typedef enum Judged {
        JUDGED_UNAVAILABLE, /* zero */
        JUDGED_ALLOWED,     /* valid, and the account is the user's */
        JUDGED_DENIED,      /* refused by the policy, the fence or the name */
} Judged;

typedef struct Conversation Conversation;

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
void conversation_offline(Conversation *conversation, bool good, bool known, int64_t now_usec);
void conversation_tick(Conversation *conversation, int64_t now_usec);

/* conversation_reply: what PAM is to be told now; borrowed until the next event. */
const LoginReply *conversation_reply(const Conversation *conversation);
/* conversation_wish: what the owner is to do; taking it marks it as under way. */
WishKind conversation_wish(Conversation *conversation, int64_t now_usec);
Span conversation_password(const Conversation *conversation);
Span conversation_otp(const Conversation *conversation);
Span conversation_code(const Conversation *conversation);  /* device_code or auth_req_id */
Span conversation_token(const Conversation *conversation); /* WISH_JUDGE */
LoginWay conversation_way(const Conversation *conversation);
int64_t conversation_next_usec(const Conversation *conversation); /* -1: only PAM can move it */
bool conversation_over(const Conversation *conversation);
bool conversation_failed_by_person(const Conversation *conversation); /* counts as an attempt */

/* judging: is this token a yes for this login? The policy's verdict, and then whose account it is.
 *
 * check_token says whether the token is good for the service's policy; keys that are not known yet
 * are asked for once. It must be of the issuer where people of the service log in: another one that
 * the policy takes may give its own people any subject and any name. Then the person of its claims
 * must be the one whose name was typed: by the directory, or without one by the default naming
 * rule. Root and system accounts are nobody's; other local accounts are the module's matter. Main
 * thread. Returns, does not log. */
#pragma once

#include "issuer/issuer.h"
#include "login/conversation.h"
#include "users/directory.h"
#include "verdict/check.h"

#define JUDGING_DETAIL_MAX VERDICT_DETAIL_MAX

/* JudgingFor: what it needs; borrowed until done. */
typedef struct JudgingFor {
        Issuers *issuers;
        Checker *checker;
        const IssuerView *(*view)(void *userdata);
        Directory *(*directory)(void *userdata); /* NULL is answered: no [users] */
        void (*touched)(void *userdata);         /* the directory has changed */
        void *userdata;
        const Local *local;
} JudgingFor;

typedef struct LoginVerdict {
        Judged judged;
        const char *reason;                   /* a verdict's word, or one of ours: "wrong_account",
                                               * "no_account", "account_disabled", "account_gone" */
        char subject[RECORD_SUBJECT_MAX + 1]; /* "" until the signature held */
        const char *issuer;                   /* interned; NULL */
        char token[FINGERPRINT_TEXT_MAX];     /* the fingerprint; "" */
        Claims *claims;                  /* ALLOWED: borrowed for JudgingDone's call; else NULL */
        char detail[JUDGING_DETAIL_MAX]; /* for the log */
} LoginVerdict;

typedef void (*JudgingDone)(const LoginVerdict *verdict, void *userdata);

typedef struct Judging Judging;

/* judging_start: token and user are copied, of service what is needed is; what with borrows must
 * live until done or judging_cancel. done is called exactly once, at once or later: then *ret is
 * what is under way, and gone in done. */
void judging_start(const JudgingFor *with, const Service *service, Span token, const char *user,
                   Judging **ret, JudgingDone done, void *userdata);
void judging_cancel(Judging *judging); /* done is not called any more */

/* judging_username: what the realm calls whoever is called user here: names of accounts are made by
 * a rule or an attribute. user itself where nobody knows better. Borrowed until the directory
 * changes. */
const char *judging_username(const JudgingFor *with, const char *user);
/* judging_account: may this name be logged in to at all, by what is known here? For a password that
 * was good offline. */
void judging_account(const JudgingFor *with, const char *user, LoginVerdict *ret);

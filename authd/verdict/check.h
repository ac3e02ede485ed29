/* check: the one place where a token becomes a verdict.
 *
 * The order is the security argument: cheap before dear, signature before claims, claims before
 * policy; no byte of a payload decides anything before the signature over it holds, but for iss,
 * which finds the key and must then equal the claim; the key says the algorithm. A Checker is one
 * thread's scratch and does no I/O: what it cannot answer from memory it names, the caller asks and
 * checks again from the top. A hit in the cache allocates nothing. */
#pragma once

#include "issuer/view.h"
#include "token/verify.h"
#include "verdict/cache.h"
#include "verdict/policy.h"
#include "verdict/verdict.h"

/* A claim by which devidp marks its tokens. */
#define CHECK_DEVELOPMENT_CLAIM "authd_development"

typedef enum CheckAnswer {
        CHECK_ANSWERED,   /* the verdict is written */
        CHECK_NEEDS_KEYS, /* ask needs->issuer for needs->kid, then check again with asked set */
} CheckAnswer;

typedef enum Asked {
        ASKED_NOTHING, /* first time round */
        ASKED_FRESH,   /* the view is as fresh as can be: an unknown key is unknown */
        ASKED_IN_VAIN, /* the issuer could not be asked: an unknown key is unavailable */
} Asked;

typedef struct Question {
        Span token;
        const Policy *policy;
        int64_t now_sec;
        Asked asked;
        Steps *steps; /* NULL: nobody explains */
} Question;

typedef struct CheckNeeds {
        const char *issuer;             /* interned */
        char kid[JWS_KID_SIZE_MAX + 1]; /* "" : the token names none */
} CheckNeeds;

typedef struct Checker Checker;
Checker *
checker_new(ClaimsCache *cache); /* borrowed; NULL: no cache. NULL is returned when OpenSSL fails */
void checker_free(Checker *checker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Checker, checker_free)

/* check_token: verdict must be VERDICT_INIT or cleared; needs is written only for CHECK_NEEDS_KEYS.
 */
CheckAnswer check_token(Checker *checker, const IssuerView *view, const Question *question,
                        Verdict *ret_verdict, CheckNeeds *ret_needs);

/* check_signature: the first half alone, for offline use: structure, algorithm, key and signature,
 * with the keys of one issuer. True only if the signature holds; else verdict holds the refusal.
 * *ret_payload_text borrows from token: base64url, and nothing of it was read. */
bool check_signature(Checker *checker, const IssuerFacts *facts, Span token, Verdict *verdict,
                     Span *ret_payload_text);

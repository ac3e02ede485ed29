/* check: the one place where a token becomes a verdict.
 *
 * The order is the security argument: cheap before dear, signature before claims, claims before
 * policy; no byte of a payload decides anything before the signature over it holds, but for iss,
 * which finds the key and must then equal the claim; the key says the algorithm. A token that is no
 * JWT at all is asked about, of one issuer, which its policy names. A Checker is one thread's
 * scratch and does no I/O: what it cannot answer from memory it names, the caller asks and checks
 * again from the top. A hit in the caches allocates nothing. */
#pragma once

#include "issuer/view.h"
#include "token/verify.h"
#include "verdict/cache.h"
#include "verdict/policy.h"
#include "verdict/verdict.h"

/* A claim by which devidp marks its tokens. */
#define CHECK_DEVELOPMENT_CLAIM "authd_development"

/* Tokens that are no JWT and may be asked about: longer ones are nobody's. */
#define CHECK_OPAQUE_SIZE_MAX (8 * 1024)
/* An answer that was asked for this very question: its call began at most so long ago. */
#define CHECK_ANSWER_OWN_USEC (10 * G_USEC_PER_SEC)

typedef enum CheckAnswer {
        CHECK_ANSWERED,            /* the verdict is written */
        CHECK_NEEDS_KEYS,          /* ask as needs says, then check again with asked set */
        CHECK_NEEDS_INTROSPECTION, /* the same, with introspected set */
} CheckAnswer;

/* Asked: what came of a question to an issuer. */
typedef enum Asked {
        ASKED_NOTHING,       /* first time round */
        ASKED_FRESH,         /* it was answered: view and answers are as fresh as can be */
        ASKED_IN_VAIN,       /* it could not be asked */
        ASKED_NOT_PERMITTED, /* introspection: it may not tell us; no budget is spent on that */
} Asked;

typedef struct Question {
        Span token;
        const Policy *policy;
        int64_t now_sec;
        int64_t now_usec;    /* monotonic */
        bool unsafe;         /* the request may change something, or none told its method */
        Asked asked;         /* for keys */
        Asked introspected;  /* about the token */
        const char *trouble; /* of ASKED_IN_VAIN, ASKED_NOT_PERMITTED: a sentence; NULL */
        Steps *steps;        /* NULL: nobody explains */
} Question;

typedef enum NeedsKind { NEEDS_KEYS, NEEDS_INTROSPECTION } NeedsKind;

typedef struct CheckNeeds {
        NeedsKind kind;
        const char *issuer;             /* interned: whom to ask */
        char kid[JWS_KID_SIZE_MAX + 1]; /* NEEDS_KEYS; "" : the token names none */
        Fingerprint token;              /* NEEDS_INTROSPECTION */
} CheckNeeds;

typedef struct Checker Checker;
/* checker_new: both are borrowed. cache NULL: none. answers NULL: no issuer can be asked about
 * tokens; whoever asks puts what comes back there, and checks again. NULL is returned when OpenSSL
 * fails. */
Checker *checker_new(ClaimsCache *cache, ClaimsCache *answers);
void checker_free(Checker *checker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Checker, checker_free)

/* check_token: verdict must be VERDICT_INIT or cleared; needs is written unless CHECK_ANSWERED.
 * Each kind of question is asked once at most. For CHECK_NEEDS_INTROSPECTION ret_verdict->claims
 * holds the token's own verified claims, NULL for an opaque one: the caller hands them on. */
CheckAnswer check_token(Checker *checker, const IssuerView *view, const Question *question,
                        Verdict *ret_verdict, CheckNeeds *ret_needs);

/* check_signature: the first half alone, for offline use: structure, algorithm, key and signature,
 * with the keys of one issuer. True only if the signature holds; else verdict holds the refusal.
 * *ret_payload_text borrows from token: base64url, and nothing of it was read. */
bool check_signature(Checker *checker, const IssuerFacts *facts, Span token, Verdict *verdict,
                     Span *ret_payload_text);

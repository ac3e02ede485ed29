/* stage: what the stages of one check share, and the two that look at how old what they rely on
 * is: the issuer's keys, and its answer about the token (RFC 7662).
 *
 * Part of check and nobody else's. On one stack. */
#pragma once

#include "verdict/check.h"

typedef enum Stage { /* zero is refusal */
                     STAGE_REFUSED,
                     STAGE_NEEDS_KEYS,
                     STAGE_NEEDS_INTROSPECTION,
                     STAGE_PASSED,
                     STAGE_OPAQUE, /* no JWT: all that is known of it will be the issuer's answer */
} Stage;

/* Check: one run through the stages. */
typedef struct Check {
        Checker *checker;
        ClaimsCache *answers; /* NULL: nobody can be asked about tokens */
        const IssuerView *view;
        const Question *question; /* its policy NULL: the signature alone is asked for */
        Verdict *verdict;
        CheckNeeds *needs; /* NULL: nobody would ask */
        const IssuerFacts *facts;
        const Key *key;
        Span payload;
        Fingerprint fingerprint; /* of the token, when a cache may know it */
        int64_t until_sec;       /* a yes must not be kept for longer */
} Check;

Stage stage_pass(const Check *check, const char *step, Span found, Span wanted);
/* stage_refused: the verdict holds reason and detail, which is what was found. */
Stage stage_refused(const Check *check, const char *step, const char *wanted);
bool stage_issuer_is(const IssuerFacts *facts, const Claims *claims);
/* stage_development_refused: of a provider whose tokens anybody can mint, or marked as such. */
bool stage_development_refused(const Check *check);

/* stage_keys_are_spent: are the keys older than issuer and policy allow? Then they say nothing,
 * neither yes nor no. */
bool stage_keys_are_spent(const Check *check);
Stage stage_keys(Check *check);
/* stage_introspection: after the token's own claims, if it has any, are in the verdict; puts those
 * of the answer there. */
Stage stage_introspection(Check *check);

/* answer: what an introspection endpoint answered with status 200, read.
 *
 * A JSON object (RFC 7662 §2.2), or one inside a signed text (application/token-introspection+jwt,
 * RFC 9701 §5), of which signature, typ, iss, aud and iat must hold. The media type says which;
 * another one is refused. Keycloak's own form, asked for with Accept: application/jwt, is not
 * supported: it is a JSON answer with a token in it that nothing but the token's own rules would
 * bind to the question. Pure, but for the verifier; the thread is the verifier's. */
#pragma once

#include "token/claims.h"
#include "token/verify.h"

#define ANSWER_SIGNED_TYPE "application/token-introspection+jwt"
#define ANSWER_PLAIN_TYPE  "application/json"
#define ANSWER_CLAIM       "token_introspection"
/* How far a signed answer's iat may be from now; and how long after its exp an active answer is
 * still left to the policy, which has a leeway of its own. */
#define ANSWER_SKEW_SEC    60
#define ANSWER_PRINTED_MAX 80

/* AnswerAsked: who was asked, and by whom; borrowed. */
typedef struct AnswerAsked {
        const char *issuer_url;
        const char *client_id;
        bool demand_signed;
        KeySet *keys; /* NULL: none */
        AlgSet algorithms;
        Verifier *verifier;
        int64_t now_sec; /* wall clock */
} AnswerAsked;

/* answer_read: NULL, and *ret_claims is what the token's claims are (as claims_merge says), or NULL
 * when it is not active; or why the answer is of no use, as a sentence that the caller frees. */
char *answer_read(const AnswerAsked *asked, const char *media_type, Span body, const Claims *own,
                  Claims **ret_claims);
/* answer_printable: hostile text for a sentence: at most ANSWER_PRINTED_MAX characters of printable
 * ASCII without quotes, others as '?'. The caller frees. */
char *answer_printable(Span text);

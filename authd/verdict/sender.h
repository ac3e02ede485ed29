/* sender: whether who sent a token may send it: tokens that are bound to a key (cnf.jkt, RFC 9449)
 * or to a certificate (cnf["x5t#S256"], RFC 8705) count only with the proof, and a policy may
 * demand that they are bound.
 *
 * The last thing that a check looks at, so that a proof is used up only by a token that is good
 * otherwise. A binding of a kind that we do not know is refused, and so is a key-bound token that
 * came as a bearer token. Part of check; on the checker's thread. */
#pragma once

#include "proof/dpop.h"
#include "verdict/policy.h"

/* Sender: what the door was told, or saw. Borrowed. */
typedef struct Sender {
        Span proof; /* the DPoP field; empty: none */
        unsigned n_proofs;
        bool by_dpop;       /* "Authorization: DPoP TOKEN" */
        const char *scheme; /* of the request as the client made it; NULL: not told */
        const Place *place; /* NULL: not told */
        const char
            *certificate; /* x5t#S256 of the client's; NULL: none came, or nobody to believe */
} Sender;

/* sender_check: VERDICT_VALID as "nothing to refuse"; else verdict holds reason and detail. judge
 * and sender may be NULL: then nothing can be proved. */
Reason sender_check(const Policy *policy, const Claims *claims, Span token, const Sender *sender,
                    DpopJudge *judge, int64_t now_sec, Verdict *verdict, Steps *steps);

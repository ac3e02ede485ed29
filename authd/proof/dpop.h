/* dpop: a DPoP proof (RFC 9449 §4.3) held against the request and the token that it came with.
 *
 * The one JWS whose key comes with it, which is why it never speaks for an issuer: all that a proof
 * shows is that its sender holds the private key whose thumbprint (RFC 7638) the token names in
 * cnf.jkt. Checked in the RFC's order: just one proof, typ dpop+jwt, an algorithm that is allowed,
 * a public jwk that may verify it, the signature; then htm, htu, iat within the window, the nonce
 * where one is demanded, ath of this very token, jkt; and last, of a proof that is good otherwise,
 * that its jti was not seen before. A DpopJudge is one thread's scratch; replay memory and nonces
 * are shared. */
#pragma once

#include "base/place.h"
#include "proof/nonce.h"
#include "proof/replay.h"
#include "token/verify.h"

#define DPOP_SIZE_MAX     4096
#define DPOP_JTI_SIZE_MAX 256
#define DPOP_WINDOW_SEC   60 /* iat may be this old */
#define DPOP_AHEAD_SEC    5  /* or this far ahead: clocks differ */

typedef enum DpopAnswer {
        DPOP_E_REFUSED = 1, /* RFC 9449 §7.1: invalid_dpop_proof */
        DPOP_E_NEEDS_NONCE, /* §9: use_dpop_nonce; the answer carries a fresh one */
} DpopAnswer;

typedef struct DpopQuestion {
        Span proof;         /* the DPoP field's value; empty: none */
        unsigned n_proofs;  /* how many DPoP fields came */
        Span token;         /* the access token as presented */
        Span jkt;           /* cnf.jkt of the token */
        const char *scheme; /* "https" or "http": of the request as the client made it */
        const Place *place; /* its method, host, port and path */
        bool demand_nonce;
        AlgSet algorithms;
        int64_t now_sec;
} DpopQuestion;

typedef struct DpopJudge DpopJudge;

/* dpop_judge_new: both are borrowed. NULL: OpenSSL lacks an algorithm. */
DpopJudge *dpop_judge_new(Replay *replay, const Nonces *nonces);
void dpop_judge_free(DpopJudge *judge);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DpopJudge, dpop_judge_free)
/* dpop_check: 0: the sender holds the token's key and made this proof for this request. On refusal
 * *ret_why is a static sentence. */
int dpop_check(DpopJudge *judge, const DpopQuestion *question, const char **ret_why);

/* proof: a DPoP proof (RFC 9449 §4.3) held against the request and the token that it came with.
 *
 * The one JWS whose key comes with it, which is why it never speaks for an issuer: all that a proof
 * shows is that its sender holds the private key whose thumbprint (RFC 7638) the token names in
 * cnf.jkt. Checked in the RFC's order: one proof, typ dpop+jwt, an asymmetric alg of the policy, a
 * public jwk that may verify it, the signature, htm, htu (scheme, host and path; no query, no
 * fragment), iat within the window, nonce where one is demanded, ath = SHA-256 of the token, jti
 * not seen before in the window, jkt. A ProofJudge is one thread's scratch; the replay memory and
 * the nonces are shared. Any failure is one Reason with a sentence. */
#pragma once

#include "token/verify.h"
#include "verdict/place.h"
#include "verdict/verdict.h"

#define PROOF_SIZE_MAX       4096
#define PROOF_WINDOW_SEC     60 /* iat may be this old, or 5 s ahead */
#define PROOF_AHEAD_SEC      5
#define PROOF_JTI_SIZE_MAX   256
#define REPLAY_SLOTS_DEFAULT (256 * 1024) /* proofs remembered; 16 bytes each */
#define NONCE_LIFE_SEC       300

/* Replay: which proofs were seen, by hash, within the window. When it is full of live ones a proof
 * is refused as replayed-or-unknown: memory is bounded and nothing is let through. Shared, locked.
 */
typedef struct Replay Replay;
Replay *replay_new(size_t n_slots);
void replay_free(Replay *replay);
/* replay_first: true when this hash was not seen within the window; it is from now on. */
bool replay_first(Replay *replay, Span jti, Span jkt, int64_t now_sec, int64_t until_sec);

/* Nonces: stateless, HMAC of the time's slot under a key of the process: any worker knows them. */
typedef struct Nonces Nonces;
Nonces *nonces_new(void);
void nonces_free(Nonces *nonces);
#define NONCE_TEXT_MAX 64
void nonces_make(const Nonces *nonces, int64_t now_sec, char ret[NONCE_TEXT_MAX]);
bool nonces_good(const Nonces *nonces, Span nonce, int64_t now_sec);

typedef struct ProofQuestion {
        Span proof;        /* the DPoP header's value */
        unsigned n_proofs; /* how many DPoP headers there were */
        Span token;        /* the access token as presented */
        Span jkt;          /* cnf.jkt of the token: base64url thumbprint */
        Span method;
        const char *url; /* scheme://host/path of the request, normalised by its caller */
        bool demand_nonce;
        AlgSet algorithms;
        int64_t now_sec;
} ProofQuestion;

typedef enum ProofAnswer {
        PROOF_GOOD,
        PROOF_E_REFUSED,     /* RFC 9449 §7.1 error="invalid_dpop_proof" */
        PROOF_E_NEEDS_NONCE, /* error="use_dpop_nonce", with a DPoP-Nonce header */
} ProofAnswer;

typedef struct ProofJudge ProofJudge;
ProofJudge *proof_judge_new(Replay *replay, Nonces *nonces); /* borrowed */
void proof_judge_free(ProofJudge *judge);
ProofAnswer proof_check(ProofJudge *judge, const ProofQuestion *question, Verdict *verdict,
                        Steps *steps);

/* proof_certificate_thumbprint: x5t#S256 (RFC 8705 §3.1) of a client certificate as a proxy hands
 * it on: Envoy's X-Forwarded-Client-Cert (Hash= or Cert=), Traefik's X-Forwarded-Tls-Client-Cert
 * (PEM body, url-encoded, several by comma: the first), nginx' $ssl_client_escaped_cert, HAProxy's
 * base64 DER. 0, -EINVAL. Who sent the header is the caller's to judge. */
int proof_certificate_thumbprint(Span value, char ret_base64url[44]);

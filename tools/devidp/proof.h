/* proof: which client asks, and does it show so in the way that it is registered for.
 *
 * One way a request (RFC 6749 §2.3). tls_client_auth rests on what a TLS server in front says in
 * TLS_VERIFY and TLS_SUBJECT (nginx: $ssl_client_verify, $ssl_client_s_dn); these count only while
 * tls_client_header is switched on. */
#pragma once

#include "idp.h"

#define TLS_VERIFY  "x-client-cert-verify" /* SUCCESS */
#define TLS_SUBJECT "x-client-cert-subject"

/* ProofRefusal: Keycloak's words for a wrong secret are the endpoint's, for an assertion these. */
typedef struct ProofRefusal {
        bool known; /* the id is ours */
        const char
            *why; /* what is wrong with an assertion, status 400; NULL: it was no matter of one */
} ProofRefusal;

/* proof_refuse_assertion: false: refusal is about no assertion. */
bool proof_refuse_assertion(const ProofRefusal *refusal, Answer *answer);
const Client *proof_client(Idp *idp, const Question *question, ProofRefusal *ret_refusal);

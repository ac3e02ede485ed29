/* verify: one signature, with the key's own algorithm (RFC 7515 §5.2, RFC 7518 §3, RFC 8037 §3.1).
 *
 * A Verifier is one thread's scratch: contexts made and digests fetched ahead, so that a check
 * makes none. The default of the result is refusal. */
#pragma once

#include "token/jwk.h"
#include "token/jws.h"

typedef enum VerifyAnswer {
        VERIFY_E_KEY_MISMATCH = 1, /* this key may not verify this algorithm */
        VERIFY_E_BAD_SIGNATURE,
} VerifyAnswer;

typedef struct Verifier Verifier;

Verifier *verifier_new(void); /* NULL: OpenSSL could not give what the table names */
void verifier_free(Verifier *verifier);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Verifier, verifier_free)

/* verify_jws: 0 only if the signature holds; VERIFY_E_*; -EIO for an accident in OpenSSL. */
int verify_jws(Verifier *verifier, const Key *key, const Jws *jws);

/* nonce: the values by which a resource server bounds the age of DPoP proofs (RFC 9449 §9).
 *
 * Stateless: an HMAC of the time's slot under a key of the process, so any thread knows each one;
 * a nonce is good in its own slot and the one after. Any thread; time is passed in. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <stdint.h>

#define NONCE_SLOT_SEC 300
#define NONCE_TEXT_MAX 44 /* base64url of SHA-256, NUL included */

typedef struct Nonces Nonces;

Nonces *nonces_new(void); /* NULL: no randomness */
void nonces_free(Nonces *nonces);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Nonces, nonces_free)
void nonces_make(const Nonces *nonces, int64_t now_sec, char ret[NONCE_TEXT_MAX]);
bool nonces_good(const Nonces *nonces, Span nonce, int64_t now_sec);

/* sign: compact JWS out of a header and a payload.
 *
 * libjwt signs what it can (RS*, ES*, HS512), OpenSSL the rest (PS*, EdDSA): neither is authd's own
 * code, so a fault of token/ cannot hide behind the same fault here. Pure; any thread. */
#pragma once

#include "keyring.h"

#define SIGN_TOKEN_SIZE_MAX (16 * 1024) /* of a token that comes back to us */

/* sign_compact: header gains alg and typ JWT where it has none, and loses what is null in it: so
 * {"typ": null} is a header without typ. NULL: it could not be signed. */
char *sign_compact(const SigningKey *key, json_t *header, const json_t *payload);
/* sign_refresh, sign_open_refresh: HS512 with the ring's secret; open gives the payload, or NULL.
 */
char *sign_refresh(const Keyring *keyring, const json_t *payload);
json_t *sign_open_refresh(const Keyring *keyring, const char *token);

/* sign_open: payload and header of a token that holds under this public key, by OpenSSL; NULL: it
 * does not. The token's alg must go with the key. */
json_t *sign_open(const char *token, EVP_PKEY *key, json_t **ret_header);

char *sign_base64url(const unsigned char *bytes, size_t len);
unsigned char *sign_base64url_decode(const char *text, size_t *ret_len); /* NULL: no base64 */
/* sign_half_hash: base64url of the left half of a digest: at_hash (OpenID Connect Core §3.1.3.6).
 */
char *sign_half_hash(const char *token, const char *digest);

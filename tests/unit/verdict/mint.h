/* mint: tokens for tests, signed with Ed25519 keys made from a fixed seed; and claims made of them.
 */
#pragma once

#include "issuer/view.h"
#include "token/claims.h"

#define MINT_ISSUER "https://issuer.example/realms/test"
#define MINT_NOW    INT64_C(1700000000)

/* mint_token: header and payload as written; seed says which key signs. Caller frees. */
char *mint_token(const char *header, const char *payload, unsigned char seed);
/* mint_keys: one key of a seed under a kid; extra is more members ("\"alg\":\"EdDSA\",") or "". */
KeySet *mint_keys(const char *kid, unsigned char seed, const char *extra);
/* mint_claims: claims of a payload written with ' for " (and of a header's typ). */
Claims *mint_claims(const char *payload, const char *typ);
/* mint_json: a copy with ' turned into ". */
char *mint_json(const char *text);

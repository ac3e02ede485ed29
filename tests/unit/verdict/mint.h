/* mint: keys and claims for tests, beside the tokens of mint_token. */
#pragma once

#include "issuer/view.h"
#include "mint_token.h"
#include "token/claims.h"

#define MINT_ISSUER "https://issuer.example/realms/test"
#define MINT_NOW    INT64_C(1700000000)

/* mint_keys: one key of a seed under a kid; extra is more members ("\"alg\":\"EdDSA\",") or "". */
KeySet *mint_keys(const char *kid, unsigned char seed, const char *extra);
/* mint_claims: claims of a payload written with ' for " (and of a header's typ). */
Claims *mint_claims(const char *payload, const char *typ);

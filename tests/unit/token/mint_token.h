/* mint_token: tokens for tests, signed with Ed25519 keys made from a fixed seed. */
#pragma once

#include "base/span.h"

#include <glib.h>

/* mint_token: header and payload as written, ' standing for "; seed says which key signs. Caller
 * frees. */
char *mint_token(const char *header, const char *payload, unsigned char seed);
/* mint_public: a seed's public key, the x of its JWK. Caller frees. */
char *mint_public(unsigned char seed);
/* mint_json: a copy with ' turned into ". */
char *mint_json(const char *text);

/* siphash: SipHash-2-4 (Aumasson, Bernstein 2012): 64 bits of short texts that clients choose.
 *
 * Who does not know the key can neither foretell a hash nor choose two texts that share one, so a
 * table that it fills cannot be clogged. Not for what must stay unique or secret: that takes a
 * fingerprint. OpenSSL's own wants an allocated context for each text. Pure; any thread. */
#pragma once

#include "base/span.h"

#include <stdint.h>

#define SIPHASH_KEY_SIZE 16

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], Span text);

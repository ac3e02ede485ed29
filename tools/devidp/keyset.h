/* keyset: the key set that is published: the realm's own, or one as a fault wants it.
 *
 * A stranger under a kid stays the same until the kid's key goes, so that a set answered twice is
 * the same set. One thread. */
#pragma once

#include "fault.h"
#include "keyring.h"

#define KEYSET_MANY 5000 /* FAULT_MANY: this many beside the realm's own */

typedef struct Keyset Keyset;

Keyset *keyset_new(void);
void keyset_free(Keyset *keyset);
char *keyset_text(Keyset *keyset, const Keyring *keyring, Fault fault);

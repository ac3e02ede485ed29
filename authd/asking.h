/* asking: what workers want of issuers, from their letter to the answer: keys, and an issuer's word
 * on a token.
 *
 * An answer about a token is put where the workers look for it before they are told, so that
 * whoever checks again finds it. Embedded in the daemon, which fills it; main thread. */
#pragma once

#include "issuer/issuer.h"
#include "worker.h"

/* An answer that names no end of its own: that the token is not active. */
#define ASKING_KEPT_SEC 60
/* An answer that is past its exp already is there for so long. */
#define ASKING_FOUND_SEC 3

typedef struct Asking {
        Issuers *issuers;
        ClaimsCache *answers;
} Asking;

void asking_keys(const Asking *asking, Worker *worker, const CheckNeeds *needs);
/* asking_introspection: token and own are borrowed. */
void asking_introspection(const Asking *asking, Worker *worker, const CheckNeeds *needs, Span token,
                          Claims *own);

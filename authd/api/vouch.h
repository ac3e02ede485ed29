/* vouch: authd's own word on a token that was taken, for those behind the proxy: a signed
 * assertion.
 *
 * The keys are the main thread's, the signer the worker's. On its worker's thread only. */
#pragma once

#include "api/exchange.h"

/* vouch_for: signs for a valid verdict where the policy says so, into exchange->assertion, which is
 * borrowed until the next one. What cannot be signed is not let through: the verdict becomes
 * unavailable. */
void vouch_for(Exchange *exchange, Verdict *verdict);

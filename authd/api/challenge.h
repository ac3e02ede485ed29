/* challenge: what a refused client is told to do: WWW-Authenticate, by the reason and the policy.
 *
 * RFC 6750 §3 for bearer tokens; RFC 9449 §7.1 where a proof of possession failed, was missing, or
 * is all that the policy takes; RFC 9470 §3 where the user must sign in anew. Pure; any thread. */
#pragma once

#include "verdict/policy.h"

/* challenge_write: appends to out. by_dpop: the token came as "Authorization: DPoP". */
void challenge_write(GString *out, const Policy *policy, const Verdict *verdict, bool by_dpop);

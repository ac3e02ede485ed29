/* shadow: a policy that is tried on real requests before anybody is refused by it.
 *
 * [policy NAME.next] is judged after NAME has spoken, on the same claims and at the same second,
 * and changes nothing. It looks at what a policy demands of claims and no further: who sent a
 * token, how old an answer is and how often somebody asks are left to NAME. Pure; any thread. */
#pragma once

#include "verdict/policy.h"

#define SHADOW_SUFFIX ".next"

/* shadow_base: of "orders.next" the length of "orders"; 0: it is no shadow's name. */
size_t shadow_base(const char *name);
/* shadow_looks_at: is that setting of [policy NAME.next] held against tokens? */
bool shadow_looks_at(const char *key);
/* shadow_looser: in what next asks for less than policy, a sentence each. Caller frees
 * (g_strfreev).
 */
char **shadow_looser(const PolicySettings *policy, const PolicySettings *next);

/* shadow_judge: what next would have said where its policy said enforced, whose claims are known.
 * What refuses a token for another cause than the demands of the policy refuses it in its shadow as
 * well. *ret holds reason and detail, and no claims. */
Reason shadow_judge(const Policy *next, const Verdict *enforced, int64_t issuer_leeway_sec,
                    int64_t now_sec, Verdict *ret, Steps *steps);

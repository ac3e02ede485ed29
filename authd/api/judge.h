/* judge: from a token and a policy to a verdict, parking the request when an issuer must be asked:
 * for keys, for its word on the token, or for one after the other, and no more.
 *
 * The caller has set exchange->token, ->policy, ->judged and, if it was told, ->method. judged is
 * called exactly once, with a verdict that judge has counted and logged; it answers the exchange
 * and does not keep the verdict. */
#pragma once

#include "api/exchange.h"

/* Reserved: the name under which a route chooses the policy. */
#define POLICY_BY_ROUTE "by-route"

void judge_token(Exchange *exchange);
/* judge_finish: of a verdict that needed no token: counts, logs, hands it to judged. */
void judge_finish(Exchange *exchange, Verdict *verdict);
/* judge_take_limits: only what is let through costs anything: a stranger cannot use up what belongs
 * to a subject. Without claims only addresses count. False: verdict is a refusal. */
bool judge_take_limits(Exchange *exchange, Verdict *verdict);
/* judge_policy_word: the metric label: the policy's name, "anonymous", or "by-route" as long as no
 * route has chosen. */
const char *judge_policy_word(const Exchange *exchange);

/* judge_bearer: the token of "Authorization: Bearer …". Empty span: no Authorization header at all;
 * false: another scheme, or nothing behind it. */
bool judge_bearer(const Request *request, Span *ret_token);
/* judge_policy: finds the named policy, or "default" when name is empty, into exchange->policy;
 * false: a problem was answered (policy_required, unknown_policy) and the exchange is gone. */
bool judge_policy(Exchange *exchange, Span name);

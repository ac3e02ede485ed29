/* judge: from a token and a policy to a verdict, parking the request when an issuer must be asked:
 * for keys, for its word on the token, or for one after the other, and no more.
 *
 * The caller has set exchange->token, ->policy, ->judged and, if it was told, ->method. judged is
 * called exactly once, with a verdict that judge has counted and logged; it answers the exchange
 * and does not keep the verdict. */
#pragma once

#include "api/exchange.h"

void judge_token(Exchange *exchange);

/* judge_method_is_safe: it is one that changes nothing (RFC 9110 §9.2.1). What is not known, or
 * was not told, may change something. */
bool judge_method_is_safe(Span method);
/* judge_bearer: the token of "Authorization: Bearer …". Empty span: no Authorization header at all;
 * false: another scheme, or nothing behind it. */
bool judge_bearer(const Request *request, Span *ret_token);
/* judge_policy: finds the named policy, or "default" when name is empty, into exchange->policy;
 * false: a problem was answered (policy_required, unknown_policy) and the exchange is gone. */
bool judge_policy(Exchange *exchange, Span name);

/* introspect: what a token is worth to those who ask the provider: RFC 7662, signed by
 * RFC 9701 where that is asked for, and userinfo. */
#pragma once

#include "idp.h"

/* introspect_active: the claims of a token that is ours, unexpired, of a person who is there and
 * enabled, and opaque or signed by a key still enabled; else NULL. */
const json_t *introspect_active(const Idp *idp, const char *token);
void introspect_answer(Idp *idp, const Question *question, Answer *answer);
void userinfo_answer(Idp *idp, const Question *question, Answer *answer);

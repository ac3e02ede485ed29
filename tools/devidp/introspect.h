/* introspect: what a token is worth to those who ask the provider: RFC 7662, signed by
 * RFC 9701 where that is asked for, and userinfo. */
#pragma once

#include "idp.h"

void introspect_answer(Idp *idp, const Question *question, Answer *answer);
void userinfo_answer(Idp *idp, const Question *question, Answer *answer);

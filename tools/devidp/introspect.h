/* introspect: what a token is worth to those who ask the provider: RFC 7662, and userinfo. */
#pragma once

#include "idp.h"

void introspect_answer(Idp *idp, const Question *question, Answer *answer);
void userinfo_answer(Idp *idp, const Question *question, Answer *answer);

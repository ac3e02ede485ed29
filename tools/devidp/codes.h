/* codes: the orders of own.h about what waits for a person: to look at it, and to decide or end it
 * without the pages of approve. */
#pragma once

#include "idp.h"

void codes_list(Idp *idp, const Question *question, json_t *json, Answer *answer);
void codes_approve(Idp *idp, const Question *question, json_t *json, Answer *answer);
void codes_deny(Idp *idp, const Question *question, json_t *json, Answer *answer);
void codes_expire(Idp *idp, const Question *question, json_t *json, Answer *answer);

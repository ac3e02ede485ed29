/* orders: people and groups changed by order, below /devidp/; own.h says what each takes. */
#pragma once

#include "idp.h"

void orders_person(Idp *idp, const Question *question, json_t *json, Answer *answer);
void orders_person_delete(Idp *idp, const Question *question, json_t *json, Answer *answer);
void orders_person_recreate(Idp *idp, const Question *question, json_t *json, Answer *answer);
void orders_join(Idp *idp, const Question *question, json_t *json, Answer *answer);
void orders_leave(Idp *idp, const Question *question, json_t *json, Answer *answer);
void orders_group(Idp *idp, const Question *question, json_t *json, Answer *answer);
void orders_group_rename(Idp *idp, const Question *question, json_t *json, Answer *answer);
void orders_group_delete(Idp *idp, const Question *question, json_t *json, Answer *answer);
void orders_events(Idp *idp, const Question *question, json_t *json, Answer *answer);
void orders_profile(Idp *idp, const Question *question, json_t *json, Answer *answer);

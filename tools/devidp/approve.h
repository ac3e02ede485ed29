/* approve: the pages on which a person logs in and allows or denies what waits: a device by the
 * code that they type (…/device, as Keycloak's), pushes by their list (…/push, devidp's own).
 *
 * Plain HTML forms whose fields have Keycloak's names, no script and no cookie: what was reached so
 * far is a Visit, named by the session_code of the form's address. One thread. */
#pragma once

#include "idp.h"

#define APPROVE_VISITS_MAX 1024
#define APPROVE_VISIT_SEC  600

Visits *visits_new(void);
void visits_free(Visits *visits);

void approve_device(Idp *idp, const Question *question, Answer *answer); /* the code, GET or POST */
void approve_pushes(Idp *idp, const Question *question, Answer *answer);
void approve_login(Idp *idp, const Question *question, Answer *answer);
void approve_consent(Idp *idp, const Question *question, Answer *answer);

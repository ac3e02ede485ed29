/* grant: the token endpoint: password, client_credentials and refresh_token, with Keycloak's
 * errors. */
#pragma once

#include "idp.h"

void grant_answer(Idp *idp, const Question *question, Answer *answer);

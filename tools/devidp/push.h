/* push: logins that a person allows on another device (CIBA, poll mode): the endpoint that asks
 * them, and the grant by which the client polls. Where they see and decide it is approve. */
#pragma once

#include "idp.h"

#define PUSH_GRANT               "urn:openid:params:grant-type:ciba"
#define PUSH_BINDING_MESSAGE_MAX 50 /* characters, as Keycloak */

void push_answer(Idp *idp, const Question *question, Answer *answer);
void push_grant(Idp *idp, const Client *client, const Question *question, Answer *answer);

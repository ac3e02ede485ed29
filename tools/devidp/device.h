/* device: logins of a device that has no browser (RFC 8628): the endpoint where it gets its codes,
 * and the grant by which it polls. The person's side is approve. */
#pragma once

#include "idp.h"

#define DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"

void device_answer(Idp *idp, const Question *question, Answer *answer);
void device_grant(Idp *idp, const Client *client, const Question *question, Answer *answer);

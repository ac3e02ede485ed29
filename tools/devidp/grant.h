/* grant: the token endpoint: password, client_credentials and refresh_token, with Keycloak's
 * errors, and what the grants of device and push share with them. */
#pragma once

#include "access.h"
#include "proof.h"

typedef struct GrantRefusal {
        const char *error;
        const char *description;
} GrantRefusal;

void grant_answer(Idp *idp, const Question *question, Answer *answer);

void grant_refuse(const GrantRefusal *refusal, Answer *answer); /* with 400 */
void grant_refuse_client(const ProofRefusal *refusal, Answer *answer);
/* grant_scope_fits: false: it is refused. wanted: NULL: nothing was asked for. */
bool grant_scope_fits(const Client *client, const char *wanted, Answer *answer);
/* grant_give: tokens of a new session; access without scope and time, which are set here. */
void grant_give(Idp *idp, const Access *access, const char *wanted, Answer *answer);

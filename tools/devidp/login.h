/* login: is it them? What Keycloak asks of a person, in its order: a name and a password, whether
 * the account is on, a one-time code of those who have a secret for them. */
#pragma once

#include "idp.h"

typedef enum Login {
        LOGIN_GOOD,
        LOGIN_WRONG,    /* no such person, or not the password: never told apart */
        LOGIN_DISABLED, /* said only to who knows the password */
} Login;

/* login_person: name may be in capitals, or an address; NULL: nobody is called so. */
const Person *login_person(const Idp *idp, const char *name);
/* login_password: ret_person is set when LOGIN_GOOD. */
Login login_password(const Idp *idp, const char *name, const char *password,
                     const Person **ret_person);
/* login_otp: of a person without a secret any code, and none, is good. A good one is used up. */
bool login_otp(Idp *idp, const Person *person, const char *code);
bool login_is_set_up(const Person *person); /* nothing is left that they must do first */

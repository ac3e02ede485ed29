/* fake_grant: in place of issuer/grant, of the issuers and of login/judging: what is asked waits
 * until the test answers it, and the clock is the test's.
 *
 * A token is judged at once, allowed if it is FAKE_GOOD; with fake_grant_judge_later when the test
 * says so. */
#pragma once

#include "issuer/grant.h"
#include "login/judging.h"

#define FAKE_GOOD     "good-token"
#define FAKE_SUBJECT  "subject-of-alice"
#define FAKE_USERNAME "alice@example.com" /* alice's, in the realm: the realm is asked for it */

void fake_grant_open(void);
/* fake_grant_close: nothing may be under way. */
void fake_grant_close(void);
void fake_grant_pass(int64_t sec); /* and what is due by then is done */
/* fake_grant_n: how many questions wait; fake_grant_n_asked: how many there were. */
guint fake_grant_n(void);
guint fake_grant_n_asked(void);
/* Answer the one that waits longest. */
void fake_grant_codes(void);
void fake_grant_pushed(void);
void fake_grant_answer(GrantResult result, const char *token);

void fake_grant_judge_later(void);
bool fake_grant_is_judging(void);
void fake_grant_judged(Judged judged);

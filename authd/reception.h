/* reception: logins for the daemon: what pam_authd asks in forms, and is told in lines.
 *
 * The daemon's, on the main thread. A form may hold a password: it is erased as soon as it was
 * read. What is too long, twice, not readable or holds control characters is answered as a refusal
 * would be, not by an error: who types a strange name learns nothing. */
#pragma once

#include "api/api.h"
#include "login/logins.h"

/* Bytes of what is typed, of a user's name, of the rest. */
#define RECEPTION_ANSWER_MAX CONVERSATION_LINE_MAX
#define RECEPTION_USER_MAX   256
#define RECEPTION_TEXT_MAX   1024

typedef struct Reception Reception;
typedef void (*ReceptionDone)(MainAnswer *answer, void *userdata); /* owns answer->body */

/* reception_new: takes logins. */
Reception *reception_new(Logins *logins, Issuers *issuers);
/* reception_configure: services (of Service) is referenced; NULL: none. ssh_keys_attribute is
 * copied; NULL: nobody has any. */
void reception_configure(Reception *reception, GPtrArray *services, const char *ssh_keys_attribute);
/* reception_answer: MAIN_LOGIN_…, MAIN_SSH_KEYS, MAIN_SESSIONS. Takes argument, and erases it. done
 * once, at once or later. */
void reception_answer(Reception *reception, MainQuestion question, char *argument,
                      ReceptionDone done, void *userdata);
json_t *reception_status(const Reception *reception);
void reception_free(Reception *reception); /* takes NULL; whoever waits is told so */

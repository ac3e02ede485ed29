/* asking: who wants what of which service: what every question of pam_authd begins with.
 *
 * The name that PAM has at the beginning is the one that counts: it is compared again before a
 * success, and never changed (CVE-2024-9313). */
#pragma once

#include "arguments.h"
#include "local.h"
#include "talk.h"

#include <security/pam_modules.h>
#include <stdbool.h>

#define ASKING_USER_MAX 256

struct asking {
        struct talk talk;
        struct arguments arguments;
        bool is_hosts_own; /* with local_too: an account of the host's that is asked about, too */
        char user[ASKING_USER_MAX + 1];
};

/* asking_begin: PAM_SUCCESS: the account is not the host's own, the daemon is to be asked.
 * PAM_USER_UNKNOWN: it is (root and system accounts always, others unless local_too), or it has no
 * name that anybody of ours could have; PAM_SERVICE_ERR: a wrong argument; PAM_AUTHINFO_UNAVAIL:
 * the host's accounts cannot be read; what pam_get_user says. */
int asking_begin(struct asking *asking, pam_handle_t *pamh, int argc, const char **argv);
/* asking_form: service, user, rhost, tty, ruser. */
void asking_form(const struct asking *asking, pam_handle_t *pamh, struct form *form);
/* asking_is_same: PAM_USER is still who was asked about, and the reply is about him. */
int asking_is_same(const struct asking *asking, pam_handle_t *pamh, const struct reply *reply);

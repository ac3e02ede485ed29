/* asking: see asking.h. */
#include "asking.h"

#include <errno.h>
#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

static bool is_local(const struct asking *asking, enum local_answer local)
{
        return local == LOCAL_SYSTEM || (local == LOCAL_PERSON && !asking->arguments.local_too);
}

static int judge_name(struct asking *asking, pam_handle_t *pamh)
{
        enum local_answer local;
        int r = local_find(asking->arguments.passwd_path, asking->user, &local);

        if (r < 0) {
                pam_syslog(pamh, LOG_ERR, "cannot read %s: %s", asking->arguments.passwd_path,
                           strerror(-r));
                return PAM_AUTHINFO_UNAVAIL;
        }
        asking->is_hosts_own = local != LOCAL_NO;
        return is_local(asking, local) ? PAM_USER_UNKNOWN : PAM_SUCCESS;
}

static int take_user(struct asking *asking, pam_handle_t *pamh)
{
        const char *user = NULL;
        int r = pam_get_user(pamh, &user, NULL);

        if (r != PAM_SUCCESS)
                return r;
        if (!user || !user[0] || strlen(user) > ASKING_USER_MAX)
                return PAM_AUTH_ERR;
        memcpy(asking->user, user, strlen(user) + 1);
        return PAM_SUCCESS;
}

int asking_begin(struct asking *asking, pam_handle_t *pamh, int argc, const char **argv)
{
        const char *wrong;
        int r;

        if (arguments_read(argc, argv, &asking->arguments, &wrong) < 0) {
                pam_syslog(pamh, LOG_ERR,
                           "argument not understood: %s; there are timeout=SECONDS (1 to %d), "
                           "socket=PATH and local_too",
                           wrong, ARGUMENTS_TIMEOUT_SEC_MAX);
                return PAM_SERVICE_ERR;
        }
        asking->talk =
            (struct talk){ asking->arguments.socket_path, asking->arguments.timeout_sec };
        r = take_user(asking, pamh);
        return r == PAM_SUCCESS ? judge_name(asking, pamh) : r;
}

static void add_item(struct form *form, const char *name, pam_handle_t *pamh, int item)
{
        const void *text = NULL;

        if (pam_get_item(pamh, item, &text) == PAM_SUCCESS)
                form_add(form, name, text);
}

void asking_form(const struct asking *asking, pam_handle_t *pamh, struct form *form)
{
        form_init(form);
        add_item(form, "service", pamh, PAM_SERVICE);
        form_add(form, "user", asking->user);
        add_item(form, "rhost", pamh, PAM_RHOST);
        add_item(form, "tty", pamh, PAM_TTY);
        add_item(form, "ruser", pamh, PAM_RUSER);
}

int asking_is_same(const struct asking *asking, pam_handle_t *pamh, const struct reply *reply)
{
        const void *user = NULL;

        if (pam_get_item(pamh, PAM_USER, &user) != PAM_SUCCESS || !user ||
            strcmp(user, asking->user) != 0 || strcmp(reply->user, asking->user) != 0) {
                pam_syslog(pamh, LOG_ALERT, "the user is another one than at the beginning");
                return PAM_AUTH_ERR;
        }
        return PAM_SUCCESS;
}

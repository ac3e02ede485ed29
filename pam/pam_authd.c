/* pam_authd: logins by the realm's accounts (pam_sm_authenticate(3) and its like).
 *
 * It shows what the daemon says, sends what is typed, and asks on until the daemon says yes or no:
 * codes, waiting, retries and limits are the daemon's. Success is one word of the daemon's about
 * the very user that PAM began with; everything else is a refusal or PAM_AUTHINFO_UNAVAIL, never
 * PAM_IGNORE. Accounts of the host's own are PAM_USER_UNKNOWN before anybody is asked, so they get
 * in whatever happens to the daemon. No state but PAM's own; any thread, a handle at a time. */
#include "asking.h"
#include "command.h"
#include "conversing.h"

#include <errno.h>
#include <security/pam_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/* A conversation ends with the daemon's time-out, at most half an hour, and a reply is held back
 * for two seconds or says how long to wait: more turns than this are none of ours. */
#define TURNS_MAX    10000
#define SESSION_DATA "authd_session"
#define NSEC_PER_MS  1000000
#define MS_PER_SEC   1000

/* --- a login -------------------------------------------------------------------------------- */

static void log_trouble(pam_handle_t *pamh, int error)
{
        pam_syslog(pamh, LOG_WARNING, "authd cannot be asked: %s", strerror(-error));
}

static void wait_ms(unsigned ms)
{
        struct timespec left = { ms / MS_PER_SEC, (long) (ms % MS_PER_SEC) * NSEC_PER_MS };

        while (nanosleep(&left, &left) < 0 && errno == EINTR)
                continue;
}

static int send_next(const struct asking *asking, const char *id, const char *line,
                     struct reply *reply)
{
        struct form form;
        int r;

        form_init(&form);
        form_add(&form, "id", id);
        form_add(&form, "answer", line);
        r = talk_ask(&asking->talk, "/v1/login/next", &form, reply);
        form_deinit(&form);
        return r;
}

/* cancel: the application gave up: the daemon need not ask on. */
static void cancel(const struct asking *asking, const char *id, struct reply *ignored)
{
        struct form form;

        form_init(&form);
        form_add(&form, "id", id);
        talk_ask(&asking->talk, "/v1/login/cancel", &form, ignored);
        form_deinit(&form);
}

/* do_turn: what the reply says, and a line if one was typed. Whoever is to approve must be told so,
 * PAM_SILENT or not: sudo always asks for silence. */
static int do_turn(pam_handle_t *pamh, int flags, const struct reply *reply, char **ret_line)
{
        switch (reply->state) {
        case REPLY_PROMPT: return conversing_ask(pamh, reply->text, reply->echo, ret_line);
        case REPLY_INFO: return conversing_tell(pamh, 0, false, reply->text);
        case REPLY_ERROR: return conversing_tell(pamh, flags, true, reply->text);
        case REPLY_WAIT: wait_ms(reply->after_ms); return PAM_SUCCESS;
        default: return PAM_SYSTEM_ERR;
        }
}

static bool goes_on(const struct reply *reply)
{
        return reply->state == REPLY_PROMPT || reply->state == REPLY_INFO ||
               reply->state == REPLY_ERROR || reply->state == REPLY_WAIT;
}

/* take_turn: 0 and the next reply; what PAM is told otherwise. */
static int take_turn(const struct asking *asking, pam_handle_t *pamh, int flags,
                     struct reply *reply)
{
        char id[REPLY_WORD_MAX + 1];
        char *line = NULL;
        int r;

        memcpy(id, reply->id, sizeof(id));
        r = do_turn(pamh, flags, reply, &line);
        if (r != PAM_SUCCESS) {
                cancel(asking, id, reply);
                return r;
        }
        r = send_next(asking, id, line, reply);
        conversing_free_line(line);
        if (r < 0)
                log_trouble(pamh, r);
        return r < 0 ? PAM_AUTHINFO_UNAVAIL : PAM_SUCCESS;
}

static int conclude(const struct asking *asking, pam_handle_t *pamh, int flags, int refusal,
                    const struct reply *reply)
{
        if (reply->state != REPLY_ALLOWED)
                conversing_tell(pamh, flags, true, reply->text);
        switch (reply->state) {
        case REPLY_ALLOWED: return asking_is_same(asking, pamh, reply);
        case REPLY_DENIED: return refusal;
        case REPLY_LOCKED: return PAM_MAXTRIES;
        /* Nobody's of the realm: of the host's own the next module decides, of others no module may
         * take that for leave to. */
        case REPLY_NOT_OURS: return asking->is_hosts_own ? PAM_USER_UNKNOWN : refusal;
        default: return PAM_AUTHINFO_UNAVAIL;
        }
}

static int log_in(const struct asking *asking, pam_handle_t *pamh, int flags, struct reply *reply)
{
        for (unsigned turn = 0; goes_on(reply); turn++) {
                int r =
                    turn < TURNS_MAX ? take_turn(asking, pamh, flags, reply) : PAM_AUTHINFO_UNAVAIL;

                if (r != PAM_SUCCESS)
                        return r;
        }
        return conclude(asking, pamh, flags, PAM_AUTH_ERR, reply);
}

static void add_pid(struct form *form)
{
        char pid[32];

        snprintf(pid, sizeof(pid), "%ld", (long) getpid());
        form_add(form, "pid", pid);
}

static int begin(const struct asking *asking, pam_handle_t *pamh, struct reply *reply)
{
        char command[COMMAND_SIZE];
        struct form form;
        int r;

        asking_form(asking, pamh, &form);
        form_add(&form, "command", command_of_sudo(pamh, command));
        add_pid(&form);
        r = talk_ask(&asking->talk, "/v1/login/begin", &form, reply);
        form_deinit(&form);
        if (r < 0)
                log_trouble(pamh, r);
        return r < 0 ? PAM_AUTHINFO_UNAVAIL : PAM_SUCCESS;
}

/* A reply is too large for the small stacks that some applications give their threads. */
static struct reply *new_reply(void)
{
        return calloc(1, sizeof(struct reply));
}

static void free_reply(struct reply *reply)
{
        explicit_bzero(reply, sizeof(*reply));
        free(reply);
}

/* begin_asking: what every question begins with, as asking_begin says; *ret_reply is then freed by
 * free_reply. */
static int begin_asking(struct asking *asking, pam_handle_t *pamh, int argc, const char **argv,
                        struct reply **ret_reply)
{
        int r = asking_begin(asking, pamh, argc, argv);

        if (r != PAM_SUCCESS)
                return r;
        *ret_reply = new_reply();
        return *ret_reply ? PAM_SUCCESS : PAM_BUF_ERR;
}

EXPORTED int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        struct asking asking;
        struct reply *reply;
        int r = begin_asking(&asking, pamh, argc, argv, &reply);

        if (r != PAM_SUCCESS)
                return r;
        r = begin(&asking, pamh, reply);
        if (r == PAM_SUCCESS)
                r = log_in(&asking, pamh, flags, reply);
        free_reply(reply);
        return r;
}

/* There is nothing to hand over: groups are NSS's. */
EXPORTED int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        struct asking asking;

        return asking_begin(&asking, pamh, argc, argv);
}

/* --- the account ---------------------------------------------------------------------------- */

EXPORTED int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        struct asking asking;
        struct reply *reply;
        struct form form;
        int r = begin_asking(&asking, pamh, argc, argv, &reply);

        if (r != PAM_SUCCESS)
                return r;
        asking_form(&asking, pamh, &form);
        r = talk_ask(&asking.talk, "/v1/login/account", &form, reply);
        form_deinit(&form);
        if (r < 0)
                log_trouble(pamh, r);
        r = conclude(&asking, pamh, flags, PAM_PERM_DENIED, reply);
        free_reply(reply);
        return r;
}

/* --- the session ---------------------------------------------------------------------------- */

static void free_session(pam_handle_t *pamh, void *session, int status)
{
        free(session);
}

static int keep_session(pam_handle_t *pamh, const struct reply *reply)
{
        char *session = strdup(reply->session);
        int r = session ? pam_set_data(pamh, SESSION_DATA, session, free_session) : PAM_BUF_ERR;

        if (r != PAM_SUCCESS)
                free(session);
        for (size_t i = 0; r == PAM_SUCCESS && i < reply->n_env; i++)
                r = pam_putenv(pamh, reply->env[i]);
        return r;
}

static int ask_session(const struct asking *asking, pam_handle_t *pamh, const char *action,
                       const char *session, struct reply *reply)
{
        struct form form;
        int r;

        asking_form(asking, pamh, &form);
        form_add(&form, "action", action);
        add_pid(&form);
        form_add(&form, "session", session);
        r = talk_ask(&asking->talk, "/v1/login/session", &form, reply);
        form_deinit(&form);
        return r == 0 && reply->state == REPLY_ALLOWED ? PAM_SUCCESS : PAM_SESSION_ERR;
}

EXPORTED int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        struct asking asking;
        struct reply *reply;
        int r = begin_asking(&asking, pamh, argc, argv, &reply);

        if (r != PAM_SUCCESS)
                return r;
        r = ask_session(&asking, pamh, "open", NULL, reply);
        if (r == PAM_SUCCESS)
                r = asking_is_same(&asking, pamh, reply);
        if (r == PAM_SUCCESS)
                r = keep_session(pamh, reply);
        free_reply(reply);
        return r;
}

EXPORTED int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        const void *session = NULL;
        struct asking asking;
        struct reply *reply;
        int r = asking_begin(&asking, pamh, argc, argv);

        if (r != PAM_SUCCESS)
                return r;
        if (pam_get_data(pamh, SESSION_DATA, &session) != PAM_SUCCESS)
                return PAM_SUCCESS; /* none was opened here */
        reply = new_reply();
        if (!reply)
                return PAM_BUF_ERR;
        r = ask_session(&asking, pamh, "close", session, reply);
        free_reply(reply);
        return r;
}

/* --- the password --------------------------------------------------------------------------- */

/* A password of the realm's is changed in the realm: where, is said. */
EXPORTED int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        struct asking asking;
        struct reply *reply;
        struct form form;
        int r = begin_asking(&asking, pamh, argc, argv, &reply);

        if (r != PAM_SUCCESS)
                return r;
        asking_form(&asking, pamh, &form);
        if (talk_ask(&asking.talk, "/v1/login/password", &form, reply) == 0 &&
            reply->state == REPLY_INFO)
                conversing_tell(pamh, flags, false, reply->text);
        form_deinit(&form);
        free_reply(reply);
        return PAM_AUTHTOK_ERR;
}

/* reception: see reception.h. */
#include "reception.h"

#include "net/server.h"

#include <errno.h>
#include <string.h>

#define LINES         "text/plain; charset=utf-8"
#define ACCOUNT_PAGE  "/account/account-security/signing-in"
#define WORDS_REFUSED "Login refused."

struct Reception {
        Logins *logins;
        Issuers *issuers;
        GPtrArray *services;
        char *ssh_keys_attribute;
};

/* Waiting: who waits for an answer. */
typedef struct Waiting {
        ReceptionDone done;
        void *userdata;
} Waiting;

/* Form: one question as it came; each member is owned, NULL when it is not there. */
typedef struct Form {
        char *service, *user, *rhost, *tty, *ruser, *command;
        char *id, *answer, *action, *pid, *session;
        bool is_bad; /* something in it is too long, twice or not readable */
} Form;

typedef struct Member {
        const char *name;
        size_t offset;
        size_t size_max;
        bool free_text; /* may hold control characters: what was typed, a command line */
} Member;

static const Member members[] = {
        { "service", offsetof(Form, service), SERVICE_NAME_MAX, false },
        { "user", offsetof(Form, user), RECEPTION_USER_MAX, false },
        { "rhost", offsetof(Form, rhost), RECEPTION_TEXT_MAX, false },
        { "tty", offsetof(Form, tty), RECEPTION_TEXT_MAX, false },
        { "ruser", offsetof(Form, ruser), RECEPTION_TEXT_MAX, false },
        { "command", offsetof(Form, command), RECEPTION_TEXT_MAX, true },
        { "id", offsetof(Form, id), RECEPTION_TEXT_MAX, false },
        { "answer", offsetof(Form, answer), RECEPTION_ANSWER_MAX, true },
        { "action", offsetof(Form, action), RECEPTION_TEXT_MAX, false },
        { "pid", offsetof(Form, pid), RECEPTION_TEXT_MAX, false },
        { "session", offsetof(Form, session), RECEPTION_TEXT_MAX, false },
};

static bool has_control(const char *text)
{
        for (const char *at = text; *at; at++)
                if ((unsigned char) *at < 0x20 || *at == 0x7f)
                        return true;
        return false;
}

static void erase(char *text)
{
        if (text)
                secret_erase(text, strlen(text));
        g_free(text);
}

static void form_clear(Form *form)
{
        for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
                erase(G_STRUCT_MEMBER(char *, form, members[i].offset));
}

static void form_read(Span text, Form *ret)
{
        *ret = (Form){ 0 };
        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                char **value = &G_STRUCT_MEMBER(char *, ret, members[i].offset);
                int r = request_pairs_value(text, members[i].name, value);

                if (r == -ENOENT)
                        continue;
                if (r < 0 || strlen(*value) > members[i].size_max ||
                    (!members[i].free_text && has_control(*value)))
                        ret->is_bad = true;
        }
}

/* pid_of: 0: none was told. */
static pid_t pid_of(const Form *form)
{
        guint64 pid;

        if (!form->pid || !g_ascii_string_to_unsigned(form->pid, 10, 1, G_MAXINT32, &pid, NULL))
                return 0;
        return (pid_t) pid;
}

static LoginQuestion question_of(const Form *form)
{
        return (LoginQuestion){ .service = form->service,
                                .user = form->user,
                                .rhost = form->rhost ? form->rhost : "",
                                .tty = form->tty ? form->tty : "",
                                .ruser = form->ruser ? form->ruser : "",
                                .command = form->command,
                                .pid = pid_of(form) };
}

static bool names_somebody(const Form *form)
{
        return !form->is_bad && form->service && form->service[0] && form->user && form->user[0];
}

/* Answers. */

static void tell(const LoginReply *reply, void *userdata)
{
        g_autofree Waiting *waiting = userdata;
        MainAnswer answer = { .status = 200, .content_type = LINES, .body = reply_write(reply) };

        waiting->done(&answer, waiting->userdata);
}

static void tell_state(LoginState state, const char *text, Waiting *waiting)
{
        tell(&(LoginReply){ .state = state, .text = text }, waiting);
}

static void tell_json(unsigned status, json_t *value, Waiting *taken)
{
        g_autofree Waiting *waiting = taken;
        char *text = json_dumps(value, JSON_COMPACT);
        MainAnswer answer = { .status = status, .body = g_strdup(text) };

        free(text);
        json_decref(value);
        waiting->done(&answer, waiting->userdata);
}

static json_t *lines_of(const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        json_t *array = json_array();

        for (size_t i = 0; lines[i]; i++)
                if (lines[i][0])
                        json_array_append_new(array, json_string(lines[i]));
        return array;
}

static void tell_keys(const char *text, void *userdata)
{
        Waiting *waiting = userdata;

        if (!text) {
                tell_json(503,
                          json_pack("{s:s, s:s}", "error", "unavailable", "detail",
                                    "The realm cannot be asked, and no keys are kept that are "
                                    "young enough."),
                          waiting);
                return;
        }
        tell_json(200, json_pack("{s:o}", "keys", lines_of(text)), waiting);
}

/* Questions. */

static void ask_begin(Reception *reception, const Form *form, Waiting *waiting)
{
        const LoginQuestion question = question_of(form);

        if (names_somebody(form))
                logins_begin(reception->logins, &question, tell, waiting);
        else
                tell_state(LOGIN_DENIED, WORDS_REFUSED, waiting);
}

static void ask_next(Reception *reception, const Form *form, Waiting *waiting)
{
        Span answer = form->answer ? span_from(form->answer) : SPAN_EMPTY;

        if (form->is_bad || !form->id)
                tell_state(LOGIN_DENIED, WORDS_REFUSED, waiting);
        else
                logins_next(reception->logins, form->id, form->answer ? &answer : NULL, tell,
                            waiting);
}

static void ask_cancel(Reception *reception, const Form *form, Waiting *waiting)
{
        if (!form->is_bad && form->id)
                logins_cancel(reception->logins, form->id);
        tell_state(LOGIN_DENIED, NULL, waiting);
}

static void ask_account(Reception *reception, const Form *form, Waiting *waiting)
{
        const LoginQuestion question = question_of(form);

        if (names_somebody(form))
                logins_account(reception->logins, &question, tell, waiting);
        else
                tell_state(LOGIN_DENIED, WORDS_REFUSED, waiting);
}

static void ask_session(Reception *reception, const Form *form, Waiting *waiting)
{
        const LoginSession session = {
                .service = form->service,
                .user = form->user,
                .rhost = form->rhost ? form->rhost : "",
                .tty = form->tty ? form->tty : "",
                .pid = pid_of(form),
        };

        if (g_strcmp0(form->action, "open") == 0 && names_somebody(form))
                logins_open(reception->logins, &session, tell, waiting);
        else if (g_strcmp0(form->action, "close") == 0 && !form->is_bad && form->session)
                logins_close(reception->logins, form->session, tell, waiting);
        else
                tell_state(LOGIN_UNAVAILABLE, NULL, waiting);
}

/* ask_password: a password of the realm is changed in the realm. */
static void ask_password(Reception *reception, const Form *form, Waiting *waiting)
{
        const Service *service = reception->services && form->service && !form->is_bad
                                     ? services_find(reception->services, form->service)
                                     : NULL;
        const IssuerSettings *issuer =
            service ? issuers_settings(reception->issuers, service->issuer) : NULL;
        g_autofree char *text = NULL;

        if (!issuer) {
                tell_state(LOGIN_UNAVAILABLE, NULL, waiting);
                return;
        }
        text = g_strdup_printf(
            "Your password is the identity provider's. Change it at %s" ACCOUNT_PAGE, issuer->url);
        tell_state(LOGIN_INFO, text, waiting);
}

typedef void (*Ask)(Reception *reception, const Form *form, Waiting *waiting);

static const Ask asks[_MAIN_QUESTION_MAX] = {
        [MAIN_LOGIN_BEGIN] = ask_begin,     [MAIN_LOGIN_NEXT] = ask_next,
        [MAIN_LOGIN_CANCEL] = ask_cancel,   [MAIN_LOGIN_ACCOUNT] = ask_account,
        [MAIN_LOGIN_SESSION] = ask_session, [MAIN_LOGIN_PASSWORD] = ask_password,
};

static void ask_keys(Reception *reception, const char *user, Waiting *waiting)
{
        if (reception->ssh_keys_attribute && user)
                logins_ssh_keys(reception->logins, user, reception->ssh_keys_attribute, tell_keys,
                                waiting);
        else
                tell_keys("", waiting);
}

void reception_answer(Reception *reception, MainQuestion question, char *argument,
                      ReceptionDone done, void *userdata)
{
        Waiting *waiting = g_new(Waiting, 1);
        Form form;

        *waiting = (Waiting){ done, userdata };
        if (question == MAIN_SESSIONS) {
                tell_json(200, json_pack("{s:o}", "sessions", logins_sessions(reception->logins)),
                          waiting);
        } else if (question == MAIN_SSH_KEYS) {
                ask_keys(reception, argument, waiting);
        } else {
                form_read(argument ? span_from(argument) : SPAN_EMPTY, &form);
                asks[question](reception, &form, waiting);
                form_clear(&form);
        }
        erase(argument);
}

/* The whole. */

Reception *reception_new(Logins *logins, Issuers *issuers)
{
        Reception *reception = g_new0(Reception, 1);

        reception->logins = logins;
        reception->issuers = issuers;
        return reception;
}

void reception_configure(Reception *reception, GPtrArray *services, const char *ssh_keys_attribute)
{
        if (reception->services)
                g_ptr_array_unref(reception->services);
        reception->services = services ? g_ptr_array_ref(services) : NULL;
        logins_configure(reception->logins, services);
        g_free(reception->ssh_keys_attribute);
        reception->ssh_keys_attribute = g_strdup(ssh_keys_attribute);
}

json_t *reception_status(const Reception *reception)
{
        return logins_status(reception->logins);
}

void reception_free(Reception *reception)
{
        if (!reception)
                return;
        logins_free(reception->logins);
        if (reception->services)
                g_ptr_array_unref(reception->services);
        g_free(reception->ssh_keys_attribute);
        g_free(reception);
}

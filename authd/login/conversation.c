/* conversation: see conversation.h. */
#include "login/conversation.h"

#include <string.h>

#define WORDS_REFUSED     "Login refused."
#define WORDS_UNAVAILABLE "The identity provider cannot be asked now."
#define WORDS_TOO_LONG    "The login took too long."
#define WORDS_EXPIRED     "The code has expired."
#define WORDS_ACTION      "Your account needs a step first: sign in with a browser, then log in again."
#define WORDS_ENTER       "\nPress Enter once you have approved it. "
#define WORDS_PUSH        "Approve this login on your device.\n"
#define PROMPT_PASSWORD   "Password: "
#define PROMPT_OTP        "One-time code (empty if you have none): "
#define PROMPT_TOKEN      "Access token: "

#define CUT_MARK          "..."
#define AFTER_MSEC        500 /* how soon PAM asks again, if the owner did not hold the reply back */

typedef enum Phase {
        PHASE_CHOOSE, /* momentary: the next way begins */
        PHASE_DEVICE_BEGIN,
        PHASE_DEVICE_SHOW,
        PHASE_DEVICE_WAIT,
        PHASE_PASSWORD_ASK,
        PHASE_OTP_ASK,
        PHASE_PASSWORD_GRANT,
        PHASE_OFFLINE,
        PHASE_PUSH_BEGIN,
        PHASE_PUSH_SHOW,
        PHASE_PUSH_WAIT,
        PHASE_TOKEN_ASK,
        PHASE_JUDGE,
        PHASE_ENDED,
} Phase;

struct Conversation {
        char *id;
        LoginQuestion question; /* owned copies */
        LoginWay ways[_WAY_MAX];
        size_t n_ways;
        size_t at; /* the way that is tried: ways[at - 1] */
        bool enter;
        QrStyle qr;
        bool has_offline;
        bool takes_tokens;
        bool binds_command;
        int64_t deadline_usec;

        Phase phase;
        bool told;      /* PAM has the phase's prompt or text */
        bool under_way; /* the phase's wish was taken */
        bool any_unavailable;
        bool was_offline;
        bool failed_by_person;
        bool typed_otp;
        int64_t typed_usec; /* the last line */

        Secret *password, *otp;
        Secret *code; /* device_code or auth_req_id */
        Secret *token;
        int64_t code_ends_usec;
        int64_t interval_usec;
        int64_t poll_usec; /* not before */
        bool poll_failed;  /* the last one could not be asked */

        char *shown; /* the phase's text */
        char binding[CONVERSATION_BINDING_MAX + 1];
        LoginReply reply;
        char *reply_text;
        LoginState end; /* PHASE_ENDED */
        int64_t end_usec;
};

static void clear_secret(Secret **secret)
{
        g_clear_pointer(secret, secret_free);
}

static void forget_typed(Conversation *conversation)
{
        clear_secret(&conversation->password);
        clear_secret(&conversation->otp);
        clear_secret(&conversation->code);
        clear_secret(&conversation->token);
}

/* bind_push: what is approved, in the few characters that a push may show. That something was cut
 * off must be seen: the rest may be what matters. */
static void bind_push(Conversation *conversation)
{
        const LoginQuestion *question = &conversation->question;
        const char *what = conversation->binds_command && question->command ? question->command
                                                                            : question->service;

        if (g_strlcpy(conversation->binding, what, sizeof(conversation->binding)) >=
            sizeof(conversation->binding))
                memcpy(conversation->binding + CONVERSATION_BINDING_MAX - strlen(CUT_MARK),
                       CUT_MARK, sizeof(CUT_MARK));
        g_strcanon(conversation->binding, CONVERSATION_BINDING_BYTES, '_');
}

static void copy_question(const LoginQuestion *question, LoginQuestion *ret)
{
        ret->service = g_strdup(question->service);
        ret->user = g_strdup(question->user);
        ret->rhost = g_strdup(question->rhost);
        ret->tty = g_strdup(question->tty);
        ret->ruser = g_strdup(question->ruser);
        ret->command = g_strdup(question->command);
        ret->pid = question->pid;
}

static void free_question(LoginQuestion *question)
{
        g_free((char *) question->service);
        g_free((char *) question->user);
        g_free((char *) question->rhost);
        g_free((char *) question->tty);
        g_free((char *) question->ruser);
        g_free((char *) question->command);
}

static void go(Conversation *conversation, Phase phase)
{
        conversation->phase = phase;
        conversation->told = false;
        conversation->under_way = false;
        g_clear_pointer(&conversation->shown, g_free);
}

/* end: a refusal comes no sooner after the last line than any other would. */
static void end(Conversation *conversation, LoginState state, const char *text, int64_t now_usec)
{
        go(conversation, PHASE_ENDED);
        forget_typed(conversation);
        conversation->end = state;
        conversation->shown = g_strdup(text);
        conversation->end_usec = now_usec;
        if (state == LOGIN_DENIED && conversation->typed_usec)
                conversation->end_usec =
                    MAX(now_usec, conversation->typed_usec + CONVERSATION_REFUSAL_USEC);
}

static void refuse(Conversation *conversation, const char *text, int64_t now_usec)
{
        conversation->failed_by_person = true;
        end(conversation, LOGIN_DENIED, text ? text : WORDS_REFUSED, now_usec);
}

static const Phase first_phases[_WAY_MAX] = {
        [WAY_DEVICE] = PHASE_DEVICE_BEGIN,
        [WAY_PASSWORD] = PHASE_PASSWORD_ASK,
        [WAY_PUSH] = PHASE_PUSH_BEGIN,
        [WAY_TOKEN] = PHASE_TOKEN_ASK,
};

/* choose: the next way; past the last one, nothing was allowed. */
static void choose(Conversation *conversation, int64_t now_usec)
{
        forget_typed(conversation);
        if (conversation->at < conversation->n_ways) {
                go(conversation, first_phases[conversation->ways[conversation->at++]]);
                return;
        }
        if (conversation->any_unavailable)
                end(conversation, LOGIN_UNAVAILABLE, WORDS_UNAVAILABLE, now_usec);
        else
                refuse(conversation, NULL, now_usec);
}

/* leave: this way cannot be gone now. */
static void leave(Conversation *conversation, int64_t now_usec)
{
        conversation->any_unavailable = true;
        choose(conversation, now_usec);
}

Conversation *conversation_new(const char *id, const Service *service,
                               const LoginQuestion *question, int64_t now_usec)
{
        const ServiceSettings *settings = service->settings;
        Conversation *conversation = g_new0(Conversation, 1);

        conversation->id = g_strdup(id);
        copy_question(question, &conversation->question);
        conversation->n_ways = service->n_ways;
        for (size_t i = 0; i < service->n_ways; i++) {
                conversation->ways[i] = service->ways[i];
                conversation->takes_tokens |= service->ways[i] == WAY_TOKEN;
        }
        conversation->enter = service->enter;
        conversation->qr = settings->qr;
        conversation->has_offline = settings->offline_sec > 0;
        conversation->binds_command = settings->bind_command;
        conversation->deadline_usec = now_usec + settings->timeout_sec * G_USEC_PER_SEC;
        bind_push(conversation);
        choose(conversation, now_usec);
        return conversation;
}

void conversation_free(Conversation *conversation)
{
        if (!conversation)
                return;
        forget_typed(conversation);
        free_question(&conversation->question);
        g_free(conversation->shown);
        g_free(conversation->reply_text);
        g_free(conversation->id);
        g_free(conversation);
}

const char *conversation_id(const Conversation *conversation)
{
        return conversation->id;
}

const LoginQuestion *conversation_question(const Conversation *conversation)
{
        return &conversation->question;
}

/* What is typed. */

static bool is_base64url(char byte)
{
        return g_ascii_isalnum(byte) || byte == '-' || byte == '_';
}

/* looks_like_a_jwt: three parts of base64url; whether it is one, the check says. Nothing else is
 * judged: nobody is asked about the words of a stranger who is not in yet. */
static bool looks_like_a_jwt(Span line)
{
        size_t n_dots = 0;

        for (size_t i = 0; i < line.len; i++)
                if (line.data[i] == '.')
                        n_dots++;
                else if (!is_base64url(line.data[i]))
                        return false;
        return n_dots == 2;
}

static void judge_typed(Conversation *conversation, Span line)
{
        forget_typed(conversation);
        conversation->token = secret_new(line);
        go(conversation, PHASE_JUDGE);
}

static void password_typed(Conversation *conversation, Span line, int64_t now_usec)
{
        if (line.len == 0) {
                choose(conversation, now_usec);
        } else if (conversation->takes_tokens && looks_like_a_jwt(line)) {
                judge_typed(conversation, line);
        } else {
                conversation->password = secret_new(line);
                go(conversation, PHASE_OTP_ASK);
        }
}

static void token_typed(Conversation *conversation, Span line, int64_t now_usec)
{
        if (line.len == 0)
                choose(conversation, now_usec);
        else if (looks_like_a_jwt(line))
                judge_typed(conversation, line);
        else
                refuse(conversation, NULL, now_usec);
}

static void otp_typed(Conversation *conversation, Span line)
{
        conversation->otp = secret_new(line);
        conversation->typed_otp = line.len > 0;
        go(conversation, PHASE_PASSWORD_GRANT);
}

/* approval_typed: Enter. Where tokens are taken, a program may have one instead: sshd gives a
 * password's line to the first prompt that does not echo, whatever it says. Such a one that is
 * neither is refused now, not when the code has expired. */
static void approval_typed(Conversation *conversation, Span line, Phase waiting, int64_t now_usec)
{
        if (line.len == 0 || !conversation->takes_tokens)
                conversation->phase = waiting;
        else if (looks_like_a_jwt(line))
                judge_typed(conversation, line);
        else
                refuse(conversation, NULL, now_usec);
}

static void typed(Conversation *conversation, Span line, int64_t now_usec)
{
        conversation->typed_usec = now_usec;
        if (line.len > CONVERSATION_LINE_MAX || memchr(line.data, '\0', line.len)) {
                refuse(conversation, NULL, now_usec);
                return;
        }
        switch (conversation->phase) {
        case PHASE_PASSWORD_ASK: password_typed(conversation, line, now_usec); break;
        case PHASE_OTP_ASK: otp_typed(conversation, line); break;
        case PHASE_TOKEN_ASK: token_typed(conversation, line, now_usec); break;
        case PHASE_DEVICE_SHOW:
                approval_typed(conversation, line, PHASE_DEVICE_WAIT, now_usec);
                break;
        case PHASE_PUSH_SHOW: approval_typed(conversation, line, PHASE_PUSH_WAIT, now_usec); break;
        default: break;
        }
}

/* seen: PAM asks on without a line: a text that wants none has been shown. */
static void seen(Conversation *conversation)
{
        if (conversation->enter || !conversation->told)
                return;
        if (conversation->phase == PHASE_DEVICE_SHOW)
                conversation->phase = PHASE_DEVICE_WAIT;
        else if (conversation->phase == PHASE_PUSH_SHOW)
                conversation->phase = PHASE_PUSH_WAIT;
}

void conversation_next(Conversation *conversation, const Span *answer, int64_t now_usec)
{
        conversation_tick(conversation, now_usec);
        if (answer && conversation->told)
                typed(conversation, *answer, now_usec);
        else
                seen(conversation);
}

/* What came of a wish. */

static bool awaits(const Conversation *conversation, Phase phase)
{
        return conversation->under_way && conversation->phase == phase;
}

/* polls: a code is out, and is asked about. */
static bool polls(const Conversation *conversation)
{
        return conversation->code != NULL;
}

static int64_t interval_of(int64_t sec)
{
        return CLAMP(sec, 1, GRANT_INTERVAL_SEC_MAX) * G_USEC_PER_SEC;
}

static void wait_for_approval(Conversation *conversation, Span code, int64_t expires_sec,
                              int64_t interval_sec, int64_t now_usec)
{
        conversation->code = secret_new(code);
        conversation->code_ends_usec =
            now_usec + CLAMP(expires_sec, 1, GRANT_DEVICE_EXPIRES_MAX) * G_USEC_PER_SEC;
        conversation->interval_usec = interval_of(interval_sec);
        conversation->poll_usec = now_usec + conversation->interval_usec;
        conversation->poll_failed = false;
}

static char *qr_of(const Conversation *conversation, const char *url)
{
        switch (conversation->qr) {
        case QR_UTF8: return screen_qr_utf8(url);
        case QR_ASCII: return screen_qr_ascii(url);
        default: return NULL;
        }
}

/* device_text: a picture that a reply has no room for is left out. */
static char *device_text(const Conversation *conversation, const DeviceAnswer *answer)
{
        const char *url = answer->verification_uri, *complete = answer->verification_uri_complete;
        g_autofree char *qr = qr_of(conversation, complete ? complete : url);
        g_autofree char *text = screen_device(url, complete, answer->user_code, qr);

        if (strlen(text) + strlen(WORDS_ENTER) <= REPLY_TEXT_MAX)
                return g_steal_pointer(&text);
        return screen_device(url, complete, answer->user_code, NULL);
}

void conversation_device(Conversation *conversation, const DeviceAnswer *answer, int64_t now_usec)
{
        if (!awaits(conversation, PHASE_DEVICE_BEGIN))
                return;
        if (answer->result != GRANT_GRANTED) {
                leave(conversation, now_usec);
                return;
        }
        wait_for_approval(conversation, answer->device_code, answer->expires_in_sec,
                          answer->interval_sec, now_usec);
        go(conversation, PHASE_DEVICE_SHOW);
        conversation->shown = device_text(conversation, answer);
}

void conversation_push(Conversation *conversation, const PushAnswer *answer, int64_t now_usec)
{
        if (!awaits(conversation, PHASE_PUSH_BEGIN))
                return;
        if (answer->result != GRANT_GRANTED) {
                leave(conversation, now_usec);
                return;
        }
        wait_for_approval(conversation, answer->auth_req_id, answer->expires_in_sec,
                          answer->interval_sec, now_usec);
        go(conversation, PHASE_PUSH_SHOW);
        conversation->shown = g_strdup_printf(WORDS_PUSH "It shows: %s\n", conversation->binding);
}

static void judge_granted(Conversation *conversation, Span token)
{
        clear_secret(&conversation->code);
        clear_secret(&conversation->otp);
        conversation->token = secret_new(token);
        go(conversation, PHASE_JUDGE);
}

static void polled(Conversation *conversation, const GrantAnswer *answer, int64_t now_usec)
{
        conversation->under_way = false;
        conversation->poll_failed = answer->result == GRANT_UNAVAILABLE;
        switch (answer->result) {
        case GRANT_GRANTED: judge_granted(conversation, answer->access_token); return;
        case GRANT_SLOW_DOWN:
                conversation->interval_usec += GRANT_SLOW_DOWN_SEC * G_USEC_PER_SEC;
                break;
        case GRANT_PENDING: break;
        case GRANT_UNAVAILABLE: /* RFC 8628 §3.5: back off, and ask on */
                conversation->interval_usec =
                    MIN(2 * conversation->interval_usec, GRANT_INTERVAL_SEC_MAX * G_USEC_PER_SEC);
                break;
        case GRANT_EXPIRED: end(conversation, LOGIN_DENIED, WORDS_EXPIRED, now_usec); return;
        case GRANT_NOT_PERMITTED:
                end(conversation, LOGIN_UNAVAILABLE, WORDS_UNAVAILABLE, now_usec);
                return;
        default: refuse(conversation, NULL, now_usec); return;
        }
        conversation->poll_usec = now_usec + conversation->interval_usec;
}

static void password_answered(Conversation *conversation, const GrantAnswer *answer,
                              int64_t now_usec)
{
        switch (answer->result) {
        case GRANT_GRANTED: judge_granted(conversation, answer->access_token); return;
        case GRANT_ACTION: refuse(conversation, WORDS_ACTION, now_usec); return;
        case GRANT_UNAVAILABLE:
                if (conversation->has_offline && !conversation->typed_otp)
                        go(conversation, PHASE_OFFLINE);
                else
                        leave(conversation, now_usec);
                return;
        case GRANT_NOT_PERMITTED: leave(conversation, now_usec); return;
        default: refuse(conversation, NULL, now_usec); return;
        }
}

void conversation_granted(Conversation *conversation, const GrantAnswer *answer, int64_t now_usec)
{
        if (!conversation->under_way)
                return;
        if (polls(conversation))
                polled(conversation, answer, now_usec);
        else if (conversation->phase == PHASE_PASSWORD_GRANT)
                password_answered(conversation, answer, now_usec);
}

void conversation_judged(Conversation *conversation, Judged judged, const char *text,
                         int64_t now_usec)
{
        if (!awaits(conversation, PHASE_JUDGE))
                return;
        switch (judged) {
        case JUDGED_ALLOWED: end(conversation, LOGIN_ALLOWED, NULL, now_usec); break;
        case JUDGED_DENIED: refuse(conversation, text, now_usec); break;
        default: end(conversation, LOGIN_UNAVAILABLE, WORDS_UNAVAILABLE, now_usec); break;
        }
}

void conversation_locked(Conversation *conversation, const char *text, int64_t now_usec)
{
        if (!awaits(conversation, PHASE_PASSWORD_GRANT) && !awaits(conversation, PHASE_PUSH_BEGIN))
                return;
        if (conversation->at < conversation->n_ways)
                choose(conversation, now_usec);
        else
                end(conversation, LOGIN_LOCKED, text, now_usec);
}

void conversation_offline(Conversation *conversation, OfflineResult result, int64_t now_usec)
{
        if (!awaits(conversation, PHASE_OFFLINE))
                return;
        switch (result) {
        case OFFLINE_GOOD:
                conversation->was_offline = true;
                go(conversation, PHASE_JUDGE);
                break;
        case OFFLINE_WRONG: refuse(conversation, NULL, now_usec); break;
        default: leave(conversation, now_usec); break;
        }
}

static void code_expired(Conversation *conversation, int64_t now_usec)
{
        if (conversation->poll_failed)
                end(conversation, LOGIN_UNAVAILABLE, WORDS_UNAVAILABLE, now_usec);
        else
                end(conversation, LOGIN_DENIED, WORDS_EXPIRED, now_usec);
}

void conversation_tick(Conversation *conversation, int64_t now_usec)
{
        if (conversation->phase == PHASE_ENDED)
                return;
        if (now_usec >= conversation->deadline_usec)
                end(conversation, LOGIN_DENIED, WORDS_TOO_LONG, now_usec);
        else if (polls(conversation) && now_usec >= conversation->code_ends_usec)
                code_expired(conversation, now_usec);
}

/* What PAM is told. */

static void say(Conversation *conversation, LoginState state, bool echo, const char *text)
{
        g_free(conversation->reply_text);
        conversation->reply_text = g_strdup(text);
        conversation->reply = (LoginReply){
                .state = state,
                .id = conversation->id,
                .text = conversation->reply_text,
                .echo = echo,
                .after_msec = AFTER_MSEC,
                .user = state == LOGIN_ALLOWED ? conversation->question.user : NULL,
        };
}

static void say_approval(Conversation *conversation)
{
        g_autofree char *prompt = NULL;

        if (!conversation->enter) {
                say(conversation, LOGIN_INFO, false, conversation->shown);
                return;
        }
        prompt = g_strconcat(conversation->shown, WORDS_ENTER, NULL);
        say(conversation, LOGIN_PROMPT, !conversation->takes_tokens, prompt);
}

static void say_end(Conversation *conversation, int64_t now_usec)
{
        if (now_usec < conversation->end_usec)
                say(conversation, LOGIN_WAIT, false, NULL);
        else
                say(conversation, conversation->end, false, conversation->shown);
}

const LoginReply *conversation_reply(Conversation *conversation, int64_t now_usec)
{
        switch (conversation->phase) {
        case PHASE_DEVICE_SHOW:
        case PHASE_PUSH_SHOW: say_approval(conversation); break;
        case PHASE_PASSWORD_ASK: say(conversation, LOGIN_PROMPT, false, PROMPT_PASSWORD); break;
        case PHASE_OTP_ASK: say(conversation, LOGIN_PROMPT, true, PROMPT_OTP); break;
        case PHASE_TOKEN_ASK: say(conversation, LOGIN_PROMPT, false, PROMPT_TOKEN); break;
        case PHASE_ENDED: say_end(conversation, now_usec); break;
        default: say(conversation, LOGIN_WAIT, false, NULL); break;
        }
        conversation->told = true;
        return &conversation->reply;
}

/* What the owner is to do. */

static WishKind polls_now(const Conversation *conversation, WishKind wish, int64_t now_usec)
{
        return now_usec >= conversation->poll_usec ? wish : WISH_NOTHING;
}

static WishKind wish_of(const Conversation *conversation, int64_t now_usec)
{
        switch (conversation->phase) {
        case PHASE_DEVICE_BEGIN: return WISH_DEVICE_BEGIN;
        case PHASE_DEVICE_SHOW:
        case PHASE_DEVICE_WAIT: return polls_now(conversation, WISH_DEVICE_POLL, now_usec);
        case PHASE_PUSH_BEGIN: return WISH_PUSH_BEGIN;
        case PHASE_PUSH_SHOW:
        case PHASE_PUSH_WAIT: return polls_now(conversation, WISH_PUSH_POLL, now_usec);
        case PHASE_PASSWORD_GRANT: return WISH_PASSWORD;
        case PHASE_OFFLINE: return WISH_OFFLINE;
        case PHASE_JUDGE: return WISH_JUDGE;
        default: return WISH_NOTHING;
        }
}

WishKind conversation_wish(Conversation *conversation, int64_t now_usec)
{
        WishKind wish = conversation->under_way ? WISH_NOTHING : wish_of(conversation, now_usec);

        if (wish != WISH_NOTHING)
                conversation->under_way = true;
        return wish;
}

static Span secret_span(const Secret *secret)
{
        return secret ? secret_bytes(secret) : SPAN_EMPTY;
}

Span conversation_password(const Conversation *conversation)
{
        return secret_span(conversation->password);
}

Span conversation_otp(const Conversation *conversation)
{
        return secret_span(conversation->otp);
}

bool conversation_typed_otp(const Conversation *conversation)
{
        return conversation->typed_otp;
}

Span conversation_code(const Conversation *conversation)
{
        return secret_span(conversation->code);
}

Span conversation_token(const Conversation *conversation)
{
        return secret_span(conversation->token);
}

const char *conversation_binding(const Conversation *conversation)
{
        return conversation->binding;
}

LoginWay conversation_way(const Conversation *conversation)
{
        return conversation->ways[MAX(conversation->at, 1) - 1];
}

bool conversation_was_offline(const Conversation *conversation)
{
        return conversation->was_offline;
}

static int64_t next_poll(const Conversation *conversation)
{
        if (!polls(conversation))
                return conversation->deadline_usec;
        return conversation->under_way ? conversation->code_ends_usec
                                       : MIN(conversation->poll_usec, conversation->code_ends_usec);
}

int64_t conversation_next_usec(const Conversation *conversation)
{
        if (conversation->phase == PHASE_ENDED)
                return conversation->end_usec;
        return MIN(next_poll(conversation), conversation->deadline_usec);
}

bool conversation_over(const Conversation *conversation, int64_t now_usec)
{
        return conversation->phase == PHASE_ENDED && now_usec >= conversation->end_usec;
}

LoginState conversation_end(const Conversation *conversation)
{
        return conversation->phase == PHASE_ENDED ? conversation->end : LOGIN_UNAVAILABLE;
}

bool conversation_failed_by_person(const Conversation *conversation)
{
        return conversation->failed_by_person;
}

/* A login as a script: what PAM asks, what the realm says, what the person is told.
 *
 *   >            PAM asks on            > TEXT      it brings a typed line
 *   ? WISH       the machine wants      < ANSWER    what came of that
 *   = STATE      it tells PAM           = STATE: …  and the text holds this
 *   + SEC        time passes            ! person, ! nobody   whose failure it was
 *   ~ on, ~ off  the prompt echoes
 */
#include "base/clock.h"
#include "login/conversation.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX  40
#define BEGIN_USEC (1000 * INT64_C(1000000))
#define JWT        "aaaa.bbbb.cccc"

typedef struct Row {
        const char *sentence;
        const char *ways;
        bool enter;
        bool offline;
        const char *lines[LINES_MAX];
} Row;

static const Row rows[] = {
        { "the device code is approved while PAM waits",
          "device",
          false,
          false,
          { "= wait", "? device_begin", "< codes", "= info: https://idp.example/device", ">",
            "= wait", "? nothing", "+ 5", "? device_poll", "< pending", "= wait", "? nothing",
            "+ 5", "? device_poll", "< granted", "= wait", "? judge", "< allowed", "= allowed" } },
        { "the code is shown in a prompt, and Enter finds it approved already",
          "device",
          true,
          false,
          { "? device_begin", "< codes", "= prompt: WDJB-MJHT", "+ 5", "? device_poll", "< granted",
            "? judge", "< allowed", "> ", "= allowed" } },
        { "Enter comes too early: it waits on",
          "device",
          true,
          false,
          { "? device_begin", "< codes", "= prompt: Press Enter", "> ", "= wait", "+ 5",
            "? device_poll", "< pending", "= wait", "+ 5", "? device_poll", "< granted", "? judge",
            "< allowed", "= allowed" } },
        { "slow_down adds five seconds to the interval",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 5", "? device_poll", "< slow_down", "+ 5", "? nothing",
            "+ 4", "? nothing", "+ 1", "? device_poll", "< slow_down", "+ 14", "? nothing", "+ 1",
            "? device_poll" } },
        { "a poll that cannot be asked doubles the interval, and the code lives on",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 5", "? device_poll", "< unavailable", "+ 9",
            "? nothing", "+ 1", "? device_poll", "< granted", "? judge", "< allowed",
            "= allowed" } },
        { "consent is denied",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 5", "? device_poll", "< denied", "= denied: refused",
            "! person" } },
        { "the provider says that the code has expired",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 5", "? device_poll", "< expired", "= denied: expired",
            "! nobody" } },
        { "the code expires by our clock, a second before and at its end",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 59", "= info", "+ 1", "= denied: expired" } },
        { "the code expires while the provider is away: nobody said no",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 5", "? device_poll", "< unavailable", "+ 55",
            "= unavailable" } },
        { "an answer that comes after the end allows nothing",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 5", "? device_poll", "+ 55", "= denied: expired",
            "< granted", "? nothing", "= denied" } },
        { "a yes of nobody's asking is dropped",
          "device",
          false,
          false,
          { "? device_begin", "< allowed", "< granted", "= wait", "< codes", "< allowed", "= info",
            "< granted", "= info" } },
        { "an approved token that the policy refuses is a refusal",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 5", "? device_poll", "< granted", "? judge",
            "< refused", "= denied: refused", "! person" } },
        { "a token that nobody can judge now is no refusal",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 5", "? device_poll", "< granted", "? judge",
            "< unjudged", "= unavailable" } },
        { "a provider that gives no code: could not ask",
          "device",
          false,
          false,
          { "? device_begin", "< no_codes", "= unavailable", "! nobody" } },
        { "a provider that gives no code: the next way is gone",
          "device password",
          false,
          false,
          { "? device_begin", "< no_codes", "= prompt: Password", "> secret",
            "= prompt: One-time code", "> 123456", "? password", "< granted", "? judge",
            "< allowed", "= allowed" } },
        { "a wrong password takes two seconds from the last line",
          "password",
          false,
          false,
          { "= prompt: Password", "> secret", "= prompt: One-time", "> 1", "? password",
            "< invalid", "= wait", "+ 1", "= wait", "+ 1", "= denied: refused", "! person" } },
        { "a required action is told in words",
          "password",
          false,
          false,
          { "= prompt", "> secret", "= prompt", "> ", "? password", "< action", "+ 2",
            "= denied: needs a step" } },
        { "an empty password goes on to the next way, and no password is asked of anybody",
          "password device",
          false,
          false,
          { "= prompt: Password", "> ", "= wait", "? device_begin", "< codes", "= info" } },
        { "an empty password and no further way is a refusal",
          "password",
          false,
          false,
          { "= prompt: Password", "> ", "+ 2", "= denied", "! person" } },
        { "the realm is away and no offline login is allowed",
          "password",
          false,
          false,
          { "= prompt", "> secret", "= prompt", "> ", "? password", "< unavailable",
            "= unavailable", "! nobody" } },
        { "the realm is away and the password is good offline: the account is judged still",
          "password",
          false,
          true,
          { "= prompt", "> secret", "= prompt", "> ", "? password", "< unavailable", "? offline",
            "< offline_good", "= wait", "? judge", "< allowed", "= allowed" } },
        { "a one-time code cannot be checked offline: with one beside it no password is",
          "password",
          false,
          true,
          { "= prompt", "> secret", "= prompt", "> 123456", "? password", "< unavailable",
            "? nothing", "= unavailable", "! nobody" } },
        { "too many passwords were wrong: this one is not sent",
          "password",
          false,
          false,
          { "= prompt", "> secret", "= prompt", "> ", "? password", "< locked", "? nothing",
            "= locked: try again", "! nobody", "< granted", "? nothing", "= locked" } },
        { "too many passwords were wrong: the next way is gone, without it",
          "password device",
          false,
          true,
          { "= prompt", "> secret", "= prompt", "> ", "? password", "< locked", "? device_begin",
            "< granted", "= wait", "< codes", "= info: WDJB-MJHT", "! nobody" } },
        { "the realm is away and the password is wrong offline",
          "password",
          false,
          true,
          { "= prompt", "> secret", "= prompt", "> ", "? password", "< unavailable", "? offline",
            "< offline_wrong", "+ 2", "= denied", "! person" } },
        { "the realm is away and nobody logged in here before",
          "password",
          false,
          true,
          { "= prompt", "> secret", "= prompt", "> ", "? password", "< unavailable", "? offline",
            "< offline_none", "= unavailable" } },
        { "a wrong password online is never tried offline",
          "password",
          false,
          true,
          { "= prompt", "> secret", "= prompt", "> ", "? password", "< invalid", "? nothing", "+ 2",
            "= denied" } },
        { "a token at the password prompt, where tokens are a way",
          "password token",
          false,
          false,
          { "= prompt: Password", "> " JWT, "? judge", "< allowed", "= allowed" } },
        { "a token at the password prompt is a password where they are none",
          "password",
          false,
          false,
          { "= prompt: Password", "> " JWT, "= prompt: One-time" } },
        { "a token in answer to a device code, where tokens are a way: programs answer no echo",
          "device token",
          true,
          false,
          { "? device_begin", "< codes", "= prompt: WDJB-MJHT", "~ off", "> " JWT, "? judge",
            "< allowed", "= allowed" } },
        { "a password in answer to a device code, where tokens are a way, is refused at once",
          "device token",
          true,
          false,
          { "? device_begin", "< codes", "= prompt: WDJB-MJHT", "> secret", "? nothing", "+ 2",
            "= denied", "! person" } },
        { "Enter in answer to a device code, where tokens are a way",
          "device token",
          true,
          false,
          { "? device_begin", "< codes", "= prompt: WDJB-MJHT", "> ", "+ 5", "? device_poll",
            "< granted", "? judge", "< allowed", "= allowed" } },
        { "a token in answer to a device code whose poll is under way: the late yes is dropped",
          "device token",
          true,
          false,
          { "? device_begin", "< codes", "= prompt", "+ 5", "? device_poll", "> " JWT, "? judge",
            "< granted", "? nothing", "= wait", "< refused", "+ 2", "= denied", "! person" } },
        { "any line is as good as Enter where tokens are no way",
          "device",
          true,
          false,
          { "? device_begin", "< codes", "= prompt: WDJB-MJHT", "~ on", "> " JWT, "? nothing",
            "= wait" } },
        { "tokens alone",
          "token",
          false,
          false,
          { "= prompt: Access token", "> " JWT, "? judge", "< refused", "+ 2", "= denied" } },
        { "what is no token at the prompt for one",
          "token",
          false,
          false,
          { "= prompt: Access token", "> secret", "? nothing", "+ 2", "= denied: refused",
            "! person" } },
        { "a push is approved",
          "push",
          false,
          false,
          { "? push_begin", "< codes", "= info: It shows: sudo_-i", ">", "= wait", "+ 5",
            "? push_poll", "< granted", "? judge", "< allowed", "= allowed" } },
        { "a push is denied",
          "push",
          false,
          false,
          { "? push_begin", "< codes", "+ 5", "? push_poll", "< denied", "= denied" } },
        { "the client may not push: the next way",
          "push device",
          false,
          false,
          { "? push_begin", "< no_codes", "? device_begin" } },
        { "too many pushes were in vain: this one is not sent",
          "push",
          false,
          false,
          { "? push_begin", "< locked", "? nothing", "= locked: try again", "! nobody", "< codes",
            "= locked" } },
        { "too many pushes were in vain: the next way",
          "push device",
          false,
          false,
          { "? push_begin", "< locked", "? device_begin", "< codes", "= info: WDJB-MJHT" } },
        { "the client may not ask for what it asked: could not ask",
          "device",
          false,
          false,
          { "? device_begin", "< codes", "+ 5", "? device_poll", "< not_permitted",
            "= unavailable" } },
        { "nobody types anything until the time is over",
          "password",
          false,
          false,
          { "= prompt", "+ 119", "= prompt", "+ 1", "= denied: too long", "! nobody" } },
        { "Enter for the old code is no password for the new prompt",
          "device password",
          true,
          false,
          { "? device_begin", "< codes", "= prompt: WDJB", "> ", "+ 5", "? device_poll", "< denied",
            "+ 2", "= denied" } },
        { "a line that comes before its prompt was told is dropped",
          "password",
          false,
          false,
          { "> secret", "= prompt: Password", "> ", "+ 2", "= denied" } },
};

static const char *const wishes[] = {
        [WISH_NOTHING] = "nothing",
        [WISH_DEVICE_BEGIN] = "device_begin",
        [WISH_DEVICE_POLL] = "device_poll",
        [WISH_PASSWORD] = "password",
        [WISH_PUSH_BEGIN] = "push_begin",
        [WISH_PUSH_POLL] = "push_poll",
        [WISH_JUDGE] = "judge",
        [WISH_OFFLINE] = "offline",
};

typedef struct Word {
        const char *word;
        int value;
} Word;

static const Word grants[] = {
        { "granted", GRANT_GRANTED },         { "pending", GRANT_PENDING },
        { "slow_down", GRANT_SLOW_DOWN },     { "denied", GRANT_DENIED },
        { "expired", GRANT_EXPIRED },         { "invalid", GRANT_INVALID },
        { "action", GRANT_ACTION },           { "not_permitted", GRANT_NOT_PERMITTED },
        { "unavailable", GRANT_UNAVAILABLE },
};
static const Word judgements[] = {
        { "allowed", JUDGED_ALLOWED },
        { "refused", JUDGED_DENIED },
        { "unjudged", JUDGED_UNAVAILABLE },
};
static const Word offlines[] = {
        { "offline_good", OFFLINE_GOOD },
        { "offline_wrong", OFFLINE_WRONG },
        { "offline_none", OFFLINE_NONE },
};

static bool find_word(const Word *words, size_t n, const char *word, int *ret)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(words[i].word, word) == 0) {
                        *ret = words[i].value;
                        return true;
                }
        return false;
}

/* give_codes: to whichever way asked for some. */
static void give_codes(Conversation *conversation, bool well, int64_t now_usec)
{
        GrantResult result = well ? GRANT_GRANTED : GRANT_NOT_PERMITTED;

        conversation_device(
            conversation,
            &(DeviceAnswer){
                .result = result,
                .device_code = span_from("device-code"),
                .user_code = "WDJB-MJHT",
                .verification_uri = "https://idp.example/device",
                .verification_uri_complete = "https://idp.example/device?user_code=WDJB-MJHT",
                .expires_in_sec = 60,
                .interval_sec = 5,
            },
            now_usec);
        conversation_push(conversation,
                          &(PushAnswer){ .result = result,
                                         .auth_req_id = span_from("push-id"),
                                         .expires_in_sec = 60,
                                         .interval_sec = 5 },
                          now_usec);
}

static void give(Conversation *conversation, const char *word, int64_t now_usec)
{
        int value;

        if (strcmp(word, "codes") == 0 || strcmp(word, "no_codes") == 0)
                give_codes(conversation, word[0] == 'c', now_usec);
        else if (strcmp(word, "locked") == 0)
                conversation_locked(conversation, "try again in 5 min", now_usec);
        else if (find_word(judgements, G_N_ELEMENTS(judgements), word, &value))
                conversation_judged(conversation, value, NULL, now_usec);
        else if (find_word(offlines, G_N_ELEMENTS(offlines), word, &value))
                conversation_offline(conversation, value, now_usec);
        else if (find_word(grants, G_N_ELEMENTS(grants), word, &value))
                conversation_granted(
                    conversation, &(GrantAnswer){ .result = value, .access_token = span_from(JWT) },
                    now_usec);
        else
                g_error("no such answer: %s", word);
}

static void expect_reply(Conversation *conversation, const char *wanted, int64_t now_usec)
{
        const LoginReply *reply = conversation_reply(conversation, now_usec);
        g_autofree char *state = g_strndup(wanted, strcspn(wanted, ":"));
        const char *text = strchr(wanted, ':');

        g_assert_cmpstr(login_state_text(reply->state), ==, state);
        if (text && !(reply->text && strstr(reply->text, text + 2)))
                g_error("\"%s\" is not in \"%s\"", text + 2, reply->text ? reply->text : "");
        g_assert_true((reply->state == LOGIN_ALLOWED) == (reply->user != NULL));
}

static void pam_asks(Conversation *conversation, const char *line, int64_t now_usec)
{
        Span typed = span_from(line + (line[0] == '\0' ? 0 : 1));

        conversation_next(conversation, line[0] == '\0' ? NULL : &typed, now_usec);
}

static void play(Conversation *conversation, const char *line, int64_t *now_usec)
{
        const char *rest = line[1] == '\0' ? "" : line + 2;

        switch (line[0]) {
        case '>': pam_asks(conversation, line + 1, *now_usec); break;
        case '?':
                g_assert_cmpstr(wishes[conversation_wish(conversation, *now_usec)], ==, rest);
                break;
        case '<': give(conversation, rest, *now_usec); break;
        case '=':
                conversation_tick(conversation, *now_usec);
                expect_reply(conversation, rest, *now_usec);
                break;
        case '~':
                g_assert_cmpint(conversation_reply(conversation, *now_usec)->echo, ==,
                                strcmp(rest, "on") == 0);
                break;
        case '+': *now_usec += atoi(rest) * CLOCK_USEC_PER_SEC; break;
        case '!':
                g_assert_cmpint(conversation_failed_by_person(conversation), ==,
                                strcmp(rest, "person") == 0);
                break;
        default: g_error("no such line: %s", line);
        }
}

static void make_service(const Row *row, ServiceSettings *settings, Service *ret)
{
        g_auto(GStrv) ways = g_strsplit(row->ways, " ", -1);

        settings->qr = QR_NONE;
        settings->bind_command = true;
        settings->timeout_sec = 120;
        settings->offline_sec = row->offline ? 3600 : 0;
        *ret = (Service){ .settings = settings, .enter = row->enter };
        for (size_t i = 0; ways[i]; i++)
                g_assert_true(login_way_from_text(ways[i], &ret->ways[ret->n_ways++]));
}

static void test_row(gconstpointer userdata)
{
        const Row *row = userdata;
        g_autoptr(ServiceSettings) settings = service_settings_new("sudo");
        LoginQuestion question = { .service = "sudo", .user = "alice", .command = "sudo -i" };
        int64_t now_usec = BEGIN_USEC;
        Conversation *conversation;
        Service service;

        make_service(row, settings, &service);
        conversation = conversation_new("id", &service, &question, now_usec);
        for (size_t i = 0; i < LINES_MAX && row->lines[i]; i++) {
                g_test_message("%s", row->lines[i]);
                play(conversation, row->lines[i], &now_usec);
        }
        conversation_free(conversation);
}

/* A push shows so much of a command line: whether there is more must be seen. */
typedef struct BindingRow {
        const char *command, *binding;
} BindingRow;

static const BindingRow binding_rows[] = {
        { "sudo id", "sudo_id" },
        { "sudo \x1b[2Jid;", "sudo___2Jid_" },
        { "sudo 3456789 123456789 123456789 123456789 1234567",
          "sudo_3456789_123456789_123456789_123456789_1234567" },
        { "sudo 3456789 123456789 123456789 123456789 12345678",
          "sudo_3456789_123456789_123456789_123456789_1234..." },
};

static Conversation *begin(LoginWay way, QrStyle qr, const char *command)
{
        g_autoptr(ServiceSettings) settings = service_settings_new("sudo");
        LoginQuestion question = { .service = "sudo", .user = "alice", .command = command };
        const Service service = { .settings = settings, .ways = { way }, .n_ways = 1 };

        settings->qr = qr;
        return conversation_new("id", &service, &question, BEGIN_USEC);
}

static void test_binding(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(binding_rows); i++) {
                Conversation *conversation = begin(WAY_PUSH, QR_NONE, binding_rows[i].command);

                g_assert_cmpstr(conversation_binding(conversation), ==, binding_rows[i].binding);
                conversation_free(conversation);
        }
}

/* The longest URL of which there is a picture: in letters it is larger than a reply may be. */
static void test_large_picture(gconstpointer style)
{
        Conversation *conversation = begin(WAY_DEVICE, GPOINTER_TO_INT(style), NULL);
        g_autofree char *path =
            g_strnfill(SCREEN_QR_TEXT_MAX - strlen("https://idp.example/"), 'a');
        g_autofree char *url = g_strconcat("https://idp.example/", path, NULL);
        const DeviceAnswer answer = { .result = GRANT_GRANTED,
                                      .device_code = span_from("device-code"),
                                      .user_code = "WDJB-MJHT",
                                      .verification_uri = url,
                                      .expires_in_sec = 60,
                                      .interval_sec = 5 };
        const LoginReply *reply;

        g_assert_cmpint(conversation_wish(conversation, BEGIN_USEC), ==, WISH_DEVICE_BEGIN);
        conversation_device(conversation, &answer, BEGIN_USEC);
        reply = conversation_reply(conversation, BEGIN_USEC);
        g_assert_nonnull(strstr(reply->text, "WDJB-MJHT"));
        g_assert_cmpuint(strlen(reply->text), <=, REPLY_TEXT_MAX);
        conversation_free(conversation);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/conversation/what is cut off of a command is seen", test_binding);
        g_test_add_data_func("/conversation/a picture in blocks that is too large",
                             GINT_TO_POINTER(QR_UTF8), test_large_picture);
        g_test_add_data_func("/conversation/a picture in letters that is too large",
                             GINT_TO_POINTER(QR_ASCII), test_large_picture);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strdup_printf("/conversation/%s", rows[i].sentence);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        return g_test_run();
}

/* Running: what PAM is told when, and that whoever is told may close the conversation or ask it
 * again. The realm, the check of tokens, the offline verifiers and the clock are the test's. */
#include "login/running.h"

#include "base/clock.h"
#include "fake_grant.h"

#include <string.h>

#define TIMEOUT_SEC 120

typedef struct Stage {
        RunningOwner owner;
        ServiceSettings *settings;
        Service service;
        bool has_service;
        Running *running; /* NULL: gone */
        const char *locked;
        unsigned n_allowed, n_ended, n_gone;
        bool was_tried;
        LoginState end;
        GString *told;    /* the states, with a blank behind each */
        GString *offline; /* what is asked of it, likewise */
} Stage;

static Stage *stage; /* for what stands in offline's place */

/* --- offline, in its place ------------------------------------------------------------------ */

void offline_remember(Offline *offline, const char *subject, Span password, int64_t now_sec)
{
        g_assert_cmpstr(subject, ==, FAKE_SUBJECT);
        g_string_append(stage->offline, "remember ");
}

void offline_forget(Offline *offline, const char *subject)
{
        g_string_append(stage->offline, "forget ");
}

void offline_check(Offline *offline, const char *subject, Span password, int64_t max_age_sec,
                   int64_t now_sec, OfflineDone done, void *userdata)
{
        g_string_append(stage->offline, "check ");
        done(OFFLINE_GOOD, userdata);
}

/* --- the owner ------------------------------------------------------------------------------ */

static char *tries(Running *running, void *userdata)
{
        return g_strdup(stage->locked);
}

static const Service *find_service(const char *name, void *userdata)
{
        return stage->has_service ? &stage->service : NULL;
}

static void allowed(Running *running, Claims *claims, void *userdata)
{
        stage->n_allowed++;
}

static void ended(Running *running, void *userdata)
{
        stage->n_ended++;
        stage->end = running_end(running);
        stage->was_tried = running_tried(running);
}

static void close_it(void)
{
        running_close(g_steal_pointer(&stage->running));
}

static void gone(Running *running, void *userdata)
{
        stage->n_gone++;
        close_it();
}

static void set_up(Stage *fresh, gconstpointer unused)
{
        const LoginQuestion question = { .service = "sshd", .user = "alice" };

        stage = fresh;
        fake_grant_open();
        stage->settings = service_settings_new("sshd");
        stage->settings->qr = QR_NONE;
        stage->settings->timeout_sec = TIMEOUT_SEC;
        stage->settings->offline_sec = 3600;
        stage->service = (Service){
                .settings = stage->settings, .enter = true, .ways = { WAY_DEVICE }, .n_ways = 1
        };
        stage->has_service = true;
        stage->told = g_string_new(NULL);
        stage->offline = g_string_new(NULL);
        stage->owner = (RunningOwner){ .context = g_main_context_default(),
                                       .offline = (Offline *) stage,
                                       .tries = tries,
                                       .service = find_service,
                                       .allowed = allowed,
                                       .ended = ended,
                                       .gone = gone };
        stage->running = running_new(&stage->owner, "id", &stage->service, &question);
}

static void set_up_password(Stage *fresh, gconstpointer unused)
{
        const LoginQuestion question = { .service = "sshd", .user = "alice" };

        set_up(fresh, NULL);
        close_it();
        stage->service.ways[0] = WAY_PASSWORD;
        stage->running = running_new(&stage->owner, "id", &stage->service, &question);
}

static void tear_down(Stage *unused, gconstpointer unused_too)
{
        if (stage->running)
                close_it();
        fake_grant_close();
        service_settings_free(stage->settings);
        g_string_free(stage->told, TRUE);
        g_string_free(stage->offline, TRUE);
}

/* --- PAM ------------------------------------------------------------------------------------ */

static void told(const LoginReply *reply, void *userdata)
{
        g_string_append_printf(stage->told, "%s ", login_state_text(reply->state));
}

static void told_and_closes(const LoginReply *reply, void *userdata)
{
        told(reply, NULL);
        close_it();
}

static void told_and_asks_on(const LoginReply *reply, void *userdata)
{
        told(reply, NULL);
        running_ask(stage->running, NULL, told, NULL);
}

static void ask(RunningDone done, const char *line)
{
        Span typed = line ? span_from(line) : SPAN_EMPTY;

        running_ask(stage->running, line ? &typed : NULL, done, NULL);
}

static void assert_told(const char *states)
{
        g_assert_cmpstr(stage->told->str, ==, states);
        g_string_truncate(stage->told, 0);
}

static void show_code(void)
{
        ask(told, NULL);
        assert_told("");
        fake_grant_codes();
        assert_told("prompt ");
}

/* approve: Enter has been pressed. */
static void approve(void)
{
        fake_grant_pass(5);
        ask(told, "");
        g_assert_cmpuint(fake_grant_n(), ==, 1);
        fake_grant_answer(GRANT_GRANTED, FAKE_GOOD);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void test_approved(Stage *unused, gconstpointer unused_too)
{
        show_code();
        approve();
        assert_told("allowed ");
        g_assert_cmpuint(stage->n_allowed, ==, 1);
        g_assert_cmpuint(stage->n_ended, ==, 1);
        g_assert_cmpuint(stage->n_gone, ==, 1);
}

static void test_earlier(Stage *unused, gconstpointer unused_too)
{
        ask(told, NULL);
        ask(told, NULL);
        assert_told("wait ");
        fake_grant_codes();
        assert_told("prompt ");
}

/* The poll finds the code approved while PAM waits for Enter. */
static void approve_at_prompt(void)
{
        show_code();
        fake_grant_pass(5);
        g_assert_cmpuint(fake_grant_n(), ==, 1);
        fake_grant_answer(GRANT_GRANTED, FAKE_GOOD);
        g_assert_cmpuint(stage->n_ended, ==, 1);
}

static void test_lingers(Stage *unused, gconstpointer unused_too)
{
        approve_at_prompt();
        fake_grant_pass(TIMEOUT_SEC - 5 - 1);
        g_assert_cmpuint(stage->n_gone, ==, 0);
        ask(told, "");
        assert_told("allowed ");
        g_assert_cmpuint(stage->n_gone, ==, 1);
}

static void test_lingers_no_longer(Stage *unused, gconstpointer unused_too)
{
        approve_at_prompt();
        fake_grant_pass(TIMEOUT_SEC - 5);
        g_assert_cmpuint(stage->n_gone, ==, 1);
        g_assert_cmpuint(stage->n_ended, ==, 1);
}

/* An end at the time-out itself: PAM has a little time to fetch it. */
static void test_lingers_after_the_time_out(Stage *unused, gconstpointer unused_too)
{
        ask(told, NULL);
        fake_grant_codes();
        fake_grant_pass(5);
        fake_grant_answer(GRANT_PENDING, "");
        fake_grant_pass(TIMEOUT_SEC - 5);
        g_assert_cmpint(stage->end, ==, LOGIN_DENIED);
        fake_grant_pass(RUNNING_LINGER_USEC / CLOCK_USEC_PER_SEC - 1);
        g_assert_cmpuint(stage->n_gone, ==, 0);
        fake_grant_pass(1);
        g_assert_cmpuint(stage->n_gone, ==, 1);
}

static void test_held(Stage *unused, gconstpointer unused_too)
{
        ask(told, NULL);
        fake_grant_pass(RUNNING_HOLD_USEC / CLOCK_USEC_PER_SEC - 1);
        assert_told("");
        fake_grant_pass(1);
        assert_told("wait ");
}

static void test_closed_by_who_is_told(Stage *unused, gconstpointer unused_too)
{
        ask(told_and_closes, NULL);
        fake_grant_codes();
        assert_told("prompt ");
        g_assert_cmpuint(stage->n_ended, ==, 0);
}

static void test_closed_by_who_is_told_the_end(Stage *unused, gconstpointer unused_too)
{
        show_code();
        fake_grant_pass(5);
        ask(told_and_closes, "");
        fake_grant_answer(GRANT_GRANTED, FAKE_GOOD);
        assert_told("allowed ");
        g_assert_cmpuint(stage->n_gone, ==, 0);
}

static void test_closed_by_who_asked_earlier(Stage *unused, gconstpointer unused_too)
{
        ask(told_and_closes, NULL);
        ask(told, NULL);
        assert_told("wait unavailable ");
}

static void test_asked_on_by_who_is_told_the_end(Stage *unused, gconstpointer unused_too)
{
        show_code();
        fake_grant_pass(5);
        ask(told_and_asks_on, "");
        fake_grant_answer(GRANT_GRANTED, FAKE_GOOD);
        assert_told("allowed allowed ");
        g_assert_cmpuint(stage->n_gone, ==, 1);
}

static void test_closed_while_a_grant_is_under_way(Stage *unused, gconstpointer unused_too)
{
        ask(told, NULL);
        close_it();
        assert_told("unavailable ");
        g_assert_cmpuint(fake_grant_n(), ==, 0);
}

static void test_closed_while_it_is_judged(Stage *unused, gconstpointer unused_too)
{
        fake_grant_judge_later();
        show_code();
        approve();
        g_assert_true(fake_grant_is_judging());
        close_it();
        assert_told("unavailable ");
        g_assert_false(fake_grant_is_judging());
}

static void test_service_is_gone_meanwhile(Stage *unused, gconstpointer unused_too)
{
        fake_grant_judge_later();
        show_code();
        approve();
        stage->has_service = false;
        fake_grant_judged(JUDGED_ALLOWED);
        assert_told("unavailable ");
        g_assert_cmpuint(stage->n_allowed, ==, 0);
}

static void type(const char *password, const char *otp)
{
        ask(told, NULL);
        ask(told, password);
        ask(told, otp);
        g_assert_true(g_str_has_prefix(stage->told->str, "prompt prompt "));
        g_string_erase(stage->told, 0, strlen("prompt prompt "));
}

typedef struct OfflineRow {
        const char *sentence;
        const char *otp;
        bool is_on; /* offline_for of the service */
        GrantResult result;
        const char *token;
        const char *offline, *told;
} OfflineRow;

static const OfflineRow offline_rows[] = {
        { "a password alone that was good is kept", "", true, GRANT_GRANTED, FAKE_GOOD, "remember ",
          "allowed " },
        { "a password with a one-time code is forgotten", "123456", true, GRANT_GRANTED, FAKE_GOOD,
          "forget ", "allowed " },
        { "also where offline logins are off", "123456", false, GRANT_GRANTED, FAKE_GOOD, "forget ",
          "allowed " },
        { "none is kept where they are off", "", false, GRANT_GRANTED, FAKE_GOOD, "", "allowed " },
        { "none is kept of a token that the policy refuses", "", true, GRANT_GRANTED, "bad", "",
          "" },
        { "without the realm a password alone is checked", "", true, GRANT_UNAVAILABLE, "",
          "check ", "allowed " },
        { "without the realm a one-time code is not passed over", "123456", true, GRANT_UNAVAILABLE,
          "", "", "unavailable " },
        { "without the realm nothing is checked where it is off", "", false, GRANT_UNAVAILABLE, "",
          "", "unavailable " },
};

static void test_offline(Stage *unused, gconstpointer data)
{
        const OfflineRow *row = data;
        const LoginQuestion question = { .service = "sshd", .user = "alice" };

        close_it();
        stage->settings->offline_sec = row->is_on ? 3600 : 0;
        stage->running = running_new(&stage->owner, "id", &stage->service, &question);
        type("secret", row->otp);
        fake_grant_answer(row->result, row->token);
        g_assert_cmpstr(stage->offline->str, ==, row->offline);
        assert_told(row->told);
}

static void test_tried(Stage *unused, gconstpointer unused_too)
{
        type("secret", "");
        fake_grant_answer(GRANT_GRANTED, FAKE_GOOD);
        g_assert_true(stage->was_tried);
}

static void test_locked(Stage *unused, gconstpointer unused_too)
{
        stage->locked = "Too many.";
        type("secret", "");
        assert_told("locked ");
        g_assert_cmpuint(fake_grant_n_asked(), ==, 0);
        g_assert_false(stage->was_tried);
}

static void add(const char *sentence, void (*begin)(Stage *, gconstpointer), gconstpointer row,
                void (*run)(Stage *, gconstpointer))
{
        g_autofree char *path = g_strconcat("/running/", sentence, NULL);

        g_test_add(path, Stage, row, begin, run, tear_down);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add("a code is approved, and all is told once", set_up, NULL, test_approved);
        add("a reply that says wait is held back for two seconds", set_up, NULL, test_held);
        add("the end waits for Enter until the login's time-out", set_up, NULL, test_lingers);
        add("and no longer", set_up, NULL, test_lingers_no_longer);
        add("an end at the time-out waits for a little", set_up, NULL,
            test_lingers_after_the_time_out);
        add("of two who ask the first is told to wait", set_up, NULL, test_earlier);
        add("whoever is told may close it", set_up, NULL, test_closed_by_who_is_told);
        add("also who is told the end", set_up, NULL, test_closed_by_who_is_told_the_end);
        add("also who asked earlier", set_up, NULL, test_closed_by_who_asked_earlier);
        add("whoever is told the end may ask on", set_up, NULL,
            test_asked_on_by_who_is_told_the_end);
        add("closed while a grant is under way", set_up, NULL,
            test_closed_while_a_grant_is_under_way);
        add("closed while it is judged", set_up, NULL, test_closed_while_it_is_judged);
        add("the service goes while it is judged", set_up, NULL, test_service_is_gone_meanwhile);
        for (size_t i = 0; i < G_N_ELEMENTS(offline_rows); i++)
                add(offline_rows[i].sentence, set_up_password, &offline_rows[i], test_offline);
        add("a password that was sent was tried", set_up_password, NULL, test_tried);
        add("one that is locked is not sent", set_up_password, NULL, test_locked);
        return g_test_run();
}

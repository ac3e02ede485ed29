/* fake_grant: see fake_grant.h. */
#include "fake_grant.h"

#include "base/clock.h"

#include <string.h>

struct Grant {
        DeviceDone device_done; /* or */
        PushDone push_done;     /* or */
        GrantDone done;
        void *userdata;
};

struct Judging {
        JudgingDone done;
        void *userdata;
};

static struct {
        GQueue grants;
        guint n_asked;
        bool judges_later;
        Judging *judging;
} fake;

void fake_grant_open(void)
{
        g_queue_init(&fake.grants);
        fake.n_asked = 0;
        fake.judges_later = false;
}

void fake_grant_close(void)
{
        g_assert_cmpuint(fake.grants.length, ==, 0);
        g_assert_null(fake.judging);
}

/* --- timers, in GLib's place ---------------------------------------------------------------- */

static gboolean is_due(GSource *source)
{
        return clock_monotonic_usec() >= g_source_get_ready_time(source);
}

static gboolean prepare(GSource *source, gint *timeout_msec)
{
        return is_due(source);
}

static gboolean fire(GSource *source, GSourceFunc callback, gpointer data)
{
        return callback(data);
}

static GSourceFuncs timer_functions = { .prepare = prepare, .check = is_due, .dispatch = fire };

GSource *g_timeout_source_new(guint interval)
{
        return g_source_new(&timer_functions, sizeof(GSource));
}

void fake_grant_pass(int64_t sec)
{
        clock_advance_monotonic_for_tests(sec * CLOCK_USEC_PER_SEC);
        while (g_main_context_iteration(NULL, FALSE))
                continue;
}

guint fake_grant_n(void)
{
        return fake.grants.length;
}

guint fake_grant_n_asked(void)
{
        return fake.n_asked;
}

/* --- grants --------------------------------------------------------------------------------- */

static Grant *ask(DeviceDone device_done, GrantDone done, void *userdata)
{
        Grant *grant = g_new(Grant, 1);

        *grant = (Grant){ .device_done = device_done, .done = done, .userdata = userdata };
        g_queue_push_tail(&fake.grants, grant);
        fake.n_asked++;
        return grant;
}

/* fake_asked_for: as the realm calls them. */
static void fake_asked_for(Span username)
{
        g_assert_false(span_equal_string(username, "alice"));
}

Grant *grant_password(Fetcher *fetcher, const GrantTarget *target, const char *scope, Span username,
                      Span password, Span otp, GrantDone done, void *userdata)
{
        fake_asked_for(username);
        return ask(NULL, done, userdata);
}

Grant *grant_device_begin(Fetcher *fetcher, const GrantTarget *target, const char *scope,
                          DeviceDone done, void *userdata)
{
        return ask(done, NULL, userdata);
}

Grant *grant_device_poll(Fetcher *fetcher, const GrantTarget *target, Span device_code,
                         GrantDone done, void *userdata)
{
        return ask(NULL, done, userdata);
}

Grant *grant_push_begin(Fetcher *fetcher, const GrantTarget *target, const char *scope,
                        const char *login_hint, const char *binding_message, PushDone done,
                        void *userdata)
{
        Grant *grant = ask(NULL, NULL, userdata);

        fake_asked_for(span_from(login_hint));
        grant->push_done = done;
        return grant;
}

Grant *grant_push_poll(Fetcher *fetcher, const GrantTarget *target, Span auth_req_id,
                       GrantDone done, void *userdata)
{
        return ask(NULL, done, userdata);
}

Grant *grant_client_credentials(Fetcher *fetcher, const GrantTarget *target, const char *scope,
                                GrantDone done, void *userdata)
{
        g_assert_not_reached();
}

void grant_cancel(Grant *grant)
{
        if (!grant)
                return;
        g_assert_true(g_queue_remove(&fake.grants, grant));
        g_free(grant);
}

void fake_grant_codes(void)
{
        g_autofree Grant *grant = g_queue_pop_head(&fake.grants);
        const DeviceAnswer answer = { .result = GRANT_GRANTED,
                                      .device_code = span_from("device-code"),
                                      .user_code = "WDJB-MJHT",
                                      .verification_uri = "https://idp.example/device",
                                      .expires_in_sec = 600,
                                      .interval_sec = 5 };

        grant->device_done(&answer, grant->userdata);
}

void fake_grant_pushed(void)
{
        g_autofree Grant *grant = g_queue_pop_head(&fake.grants);
        const PushAnswer answer = { .result = GRANT_GRANTED,
                                    .auth_req_id = span_from("push-id"),
                                    .expires_in_sec = 30,
                                    .interval_sec = 5 };

        grant->push_done(&answer, grant->userdata);
}

void fake_grant_answer(GrantResult result, const char *token)
{
        g_autofree Grant *grant = g_queue_pop_head(&fake.grants);
        const GrantAnswer answer = {
                .result = result, .access_token = span_from(token), .error = "", .description = ""
        };

        grant->done(&answer, grant->userdata);
}

/* --- issuers -------------------------------------------------------------------------------- */

bool issuers_grant_target(const Issuers *issuers, const char *name, GrantTarget *ret)
{
        *ret = (GrantTarget){ .issuer_url = name };
        return true;
}

const IssuerSettings *issuers_settings(const Issuers *issuers, const char *name)
{
        return NULL;
}

/* --- judging -------------------------------------------------------------------------------- */

static LoginVerdict verdict_of(Judged judged)
{
        LoginVerdict verdict = { .judged = judged,
                                 .reason = judged == JUDGED_ALLOWED ? "valid" : "wrong_account",
                                 .issuer = "" };

        g_strlcpy(verdict.subject, FAKE_SUBJECT, sizeof(verdict.subject));
        return verdict;
}

static void tell(Judged judged, JudgingDone done, void *userdata)
{
        LoginVerdict verdict = verdict_of(judged);
        g_autoptr(Claims) claims = NULL;

        claims_parse(span_from("{\"iss\":\"i\",\"sub\":\"" FAKE_SUBJECT "\"}"), SPAN_EMPTY, &claims,
                     NULL);
        verdict.claims = judged == JUDGED_ALLOWED ? claims : NULL;
        done(&verdict, userdata);
}

void judging_start(const JudgingFor *with, const Service *service, Span token, const char *user,
                   Judging **ret, JudgingDone done, void *userdata)
{
        bool is_good = span_equal_string(token, FAKE_GOOD);

        if (fake.judges_later) {
                *ret = fake.judging = g_new(Judging, 1);
                *fake.judging = (Judging){ done, userdata };
                return;
        }
        tell(is_good ? JUDGED_ALLOWED : JUDGED_DENIED, done, userdata);
}

void judging_cancel(Judging *judging)
{
        g_assert_true(judging == fake.judging);
        g_clear_pointer(&fake.judging, g_free);
}

const char *judging_username(const JudgingFor *with, const char *user)
{
        return strcmp(user, "alice") == 0 ? FAKE_USERNAME : user;
}

void judging_account(const JudgingFor *with, const char *user, LoginVerdict *ret)
{
        *ret = verdict_of(JUDGED_ALLOWED);
}

void fake_grant_judge_later(void)
{
        fake.judges_later = true;
}

bool fake_grant_is_judging(void)
{
        return fake.judging != NULL;
}

void fake_grant_judged(Judged judged)
{
        g_autofree Judging *judging = g_steal_pointer(&fake.judging);

        tell(judged, judging->done, judging->userdata);
}

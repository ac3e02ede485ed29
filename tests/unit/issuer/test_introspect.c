/* introspect: questions against a fake endpoint on loopback; time is set. */
#include "issuer/introspect.h"

#include "base/clock.h"
#include "base/log.h"
#include "fake_introspection.h"
#include "issuer/answer.h"
#include "signed_answer.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATIENCE_USEC (10 * G_USEC_PER_SEC)
#define SETTLE_USEC   (30 * 1000)
#define ANSWERS_MAX   (INTROSPECT_WAITING_MAX + 8)
#define UNANSWERED    (-1)
#define ISSUER        "https://sso.example.com/realms/a"
#define NOW_SEC       INT64_C(1800000000)
#define JSON          "Content-Type: application/json\r\n"
#define ACTIVE        "{\"active\":true}"
#define INACTIVE      "{\"active\":false}"

typedef struct Stage {
        GMainContext *context;
        Fetcher *fetcher;
        FakeIntrospection *fake;
        Introspector *introspector;
        MetricRegistry *registry;
        char *secret_file;
        char *client_id;
        ClientAuthSettings client;
        IntrospectTarget target;
        int answers[ANSWERS_MAX]; /* one for each question, in the order of asking */
        unsigned n_asked;
        /* The last answer. */
        char *trouble;
        Claims *claims;
        int64_t asked_usec;
} Stage;

typedef struct Waiter {
        Stage *stage;
        unsigned index;
        bool frees; /* it frees the introspector */
        bool again; /* it asks again */
} Waiter;

static unsigned ask_as(Stage *stage, const char *token, Claims *own, bool frees, bool again);

static void on_done(const IntrospectAnswer *answer, void *userdata)
{
        g_autofree Waiter *waiter = userdata;
        Stage *stage = waiter->stage;

        g_assert_cmpint(stage->answers[waiter->index], ==, UNANSWERED);
        stage->answers[waiter->index] = (int) answer->result;
        g_assert_true((answer->trouble != NULL) == (answer->result == INTROSPECT_UNAVAILABLE ||
                                                    answer->result == INTROSPECT_NOT_PERMITTED));
        g_assert_true((answer->claims != NULL) == (answer->result == INTROSPECT_ACTIVE));
        g_free(stage->trouble);
        stage->trouble = g_strdup(answer->trouble);
        claims_unref(stage->claims);
        stage->claims = answer->claims ? claims_ref(answer->claims) : NULL;
        stage->asked_usec = answer->asked_usec;
        if (waiter->frees)
                g_clear_pointer(&stage->introspector, introspector_free);
        if (waiter->again)
                ask_as(stage, "again", NULL, false, false);
}

static unsigned ask_as(Stage *stage, const char *token, Claims *own, bool frees, bool again)
{
        Waiter *waiter = g_new0(Waiter, 1);

        *waiter =
            (Waiter){ .stage = stage, .index = stage->n_asked++, .frees = frees, .again = again };
        g_assert_cmpuint(waiter->index, <, ANSWERS_MAX);
        stage->answers[waiter->index] = UNANSWERED;
        introspector_ask(stage->introspector, span_from(token), own, on_done, waiter);
        return stage->n_asked - 1;
}

static unsigned ask(Stage *stage, const char *token)
{
        return ask_as(stage, token, NULL, false, false);
}

static Claims *claims_of(const char *json)
{
        Claims *claims = NULL;

        g_assert_cmpint(claims_parse(span_from(json), SPAN_EMPTY, &claims, NULL), ==, 0);
        return claims;
}

/* The loop */

static gboolean on_tick(void *userdata)
{
        return G_SOURCE_CONTINUE;
}

static void turn(Stage *stage)
{
        g_autoptr(GSource) tick = g_timeout_source_new(1);

        g_source_set_callback(tick, on_tick, NULL, NULL);
        g_source_attach(tick, stage->context);
        g_main_context_iteration(stage->context, TRUE);
        g_source_destroy(tick);
}

static void settle(Stage *stage)
{
        for (int64_t end = g_get_monotonic_time() + SETTLE_USEC; g_get_monotonic_time() < end;)
                turn(stage);
}

static int await(Stage *stage, unsigned index)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        while (stage->answers[index] == UNANSWERED && g_get_monotonic_time() < end)
                turn(stage);
        g_assert_cmpint(stage->answers[index], !=, UNANSWERED);
        return stage->answers[index];
}

static void await_requests(Stage *stage, unsigned n_requests)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        while (fake_introspection_count(stage->fake) < n_requests && g_get_monotonic_time() < end)
                turn(stage);
        g_assert_cmpuint(fake_introspection_count(stage->fake), ==, n_requests);
}

static void assert_answer(Stage *stage, const char *token, IntrospectResult result,
                          const char *trouble)
{
        g_assert_cmpint(await(stage, ask(stage, token)), ==, result);
        if (trouble && !strstr(stage->trouble, trouble))
                g_error("\"%s\" does not say \"%s\"", stage->trouble, trouble);
}

static void assert_own(Stage *stage, const char *token, const char *own_json,
                       IntrospectResult result)
{
        g_autoptr(Claims) own = claims_of(own_json);

        g_assert_cmpint(await(stage, ask_as(stage, token, own, false, false)), ==, result);
}

static IntrospectStatus status_of(const Stage *stage)
{
        IntrospectStatus status;

        introspector_status(stage->introspector, &status);
        return status;
}

static unsigned n_requests(Stage *stage)
{
        return fake_introspection_count(stage->fake);
}

static void serve(Stage *stage, unsigned status, const char *headers, const char *body)
{
        fake_introspection_serve(stage->fake, status, headers, body);
}

/* The stage */

static char *temporary_file(const char *content)
{
        char *path = NULL;
        int fd = g_file_open_tmp("introspect-XXXXXX", &path, NULL);

        g_assert_cmpint(fd, >=, 0);
        close(fd);
        g_assert_true(
            g_file_set_contents_full(path, content, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        return path;
}

static void configure(Stage *stage)
{
        introspector_configure(stage->introspector, &stage->target);
}

static void stage_set(Stage *stage)
{
        static const char *const labels[] = { "issuer", "call", "result", NULL };
        MetricFamily *calls;

        *stage = (Stage){ .context = g_main_context_new() };
        clock_set_wall_for_tests(NOW_SEC);
        stage->fetcher = fetcher_new(stage->context);
        stage->fake = fake_introspection_new();
        stage->registry = metric_registry_new();
        calls =
            metric_family_new(stage->registry, METRIC_COUNTER, "calls", "Calls.", labels, NULL, 0);
        stage->secret_file = temporary_file("secret");
        stage->client_id = g_strdup("authd");
        stage->client = (ClientAuthSettings){ .client_id = stage->client_id,
                                              .secret_file = stage->secret_file };
        stage->introspector = introspector_new(stage->fetcher, calls);
        stage->target = (IntrospectTarget){
                .issuer = g_intern_string("fake"),
                .issuer_url = ISSUER,
                .endpoint = fake_introspection_url(stage->fake),
                .client = &stage->client,
                .calls_max = 2,
                .algorithms = ALG_SET_ALL,
        };
        serve(stage, 200, JSON, ACTIVE);
        configure(stage);
}

static void stage_strike(Stage *stage)
{
        introspector_free(stage->introspector);
        for (unsigned i = 0; i < stage->n_asked; i++)
                g_assert_cmpint(stage->answers[i], !=, UNANSWERED);
        fetcher_free(stage->fetcher);
        fake_introspection_free(stage->fake);
        metric_registry_free(stage->registry);
        g_unlink(stage->secret_file);
        g_free(stage->secret_file);
        g_free(stage->client_id);
        g_free(stage->trouble);
        claims_unref(stage->claims);
        g_main_context_unref(stage->context);
        clock_set_wall_for_tests(0);
}

/* The log of what a function does. */
static char *logged(void (*what)(Stage *stage), Stage *stage)
{
        int kept = dup(STDERR_FILENO), file = memfd_create("log", MFD_CLOEXEC);
        char *text;
        off_t len;

        dup2(file, STDERR_FILENO);
        log_open(LOG_LEVEL_INFO);
        what(stage);
        dup2(kept, STDERR_FILENO);
        close(kept);
        len = lseek(file, 0, SEEK_END);
        text = g_malloc0((gsize) len + 1);
        g_assert_cmpint(pread(file, text, (size_t) len, 0), ==, len);
        close(file);
        return text;
}

static unsigned count_of(const char *text, const char *part)
{
        unsigned n = 0;

        for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
                n++;
        return n;
}

/* The request */

static void test_request(void)
{
        Stage stage;

        stage_set(&stage);
        assert_answer(&stage, "a b&c=\xff", INTROSPECT_ACTIVE, NULL);
        g_autofree char *request = fake_introspection_request(stage.fake, 0);
        g_assert_true(g_str_has_prefix(request, "POST /introspect HTTP/1.1\r\n"));
        g_assert_nonnull(strstr(request, "\r\nAccept: application/json\r\n"));
        g_assert_nonnull(
            strstr(request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
        /* authd:secret */
        g_assert_nonnull(strstr(request, "\r\nAuthorization: Basic YXV0aGQ6c2VjcmV0\r\n"));
        g_assert_true(g_str_has_suffix(
            request, "\r\n\r\ntoken=a%20b%26c%3D%FF&token_type_hint=access_token"));
        stage_strike(&stage);
}

static void test_request_post(void)
{
        Stage stage;

        stage_set(&stage);
        stage.client.method = CLIENT_AUTH_SECRET_POST;
        stage.target.demand_signed = true;
        configure(&stage);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "introspection_signed");
        g_autofree char *request = fake_introspection_request(stage.fake, 0);
        g_assert_null(strstr(request, "Authorization"));
        g_assert_nonnull(strstr(request, "\r\nAccept: application/token-introspection+jwt\r\n"));
        g_assert_true(g_str_has_suffix(request, "\r\n\r\ntoken=t&token_type_hint=access_token&"
                                                "client_id=authd&client_secret=secret"));
        stage_strike(&stage);
}

static void test_request_assertion(void)
{
        Stage stage;
        g_autofree char *key_file =
            g_test_build_filename(G_TEST_DIST, "tokens/keys/ec-256.pem", NULL);
        g_autofree char *pem = NULL, *copy = NULL, *request = NULL;

        stage_set(&stage);
        g_assert_true(g_file_get_contents(key_file, &pem, NULL, NULL));
        copy = temporary_file(pem);
        stage.client = (ClientAuthSettings){ .client_id = stage.client_id,
                                             .method = CLIENT_AUTH_PRIVATE_KEY_JWT,
                                             .key_file = copy };
        configure(&stage);
        assert_answer(&stage, "t", INTROSPECT_ACTIVE, NULL);
        request = fake_introspection_request(stage.fake, 0);
        g_assert_null(strstr(request, "Authorization"));
        g_assert_nonnull(strstr(request, "&client_assertion=ey"));
        g_assert_true(g_str_has_suffix(request, "&client_id=authd"));
        g_unlink(copy);
        stage_strike(&stage);
}

/* One call, many askers */

static void test_single_flight(void)
{
        Stage stage;

        stage_set(&stage);
        fake_introspection_hold(stage.fake);
        for (int i = 0; i < 20; i++)
                ask(&stage, "t");
        await_requests(&stage, 1);
        settle(&stage);
        g_assert_cmpuint(status_of(&stage).n_calls, ==, 1);
        g_assert_cmpuint(status_of(&stage).n_waiting, ==, 0);
        fake_introspection_release(stage.fake);
        for (unsigned i = 0; i < 20; i++)
                g_assert_cmpint(await(&stage, i), ==, INTROSPECT_ACTIVE);
        g_assert_cmpuint(n_requests(&stage), ==, 1);
        /* Nothing is kept: who asks later asks the provider. */
        assert_answer(&stage, "t", INTROSPECT_ACTIVE, NULL);
        g_assert_cmpuint(n_requests(&stage), ==, 2);
        stage_strike(&stage);
}

static void test_calls_max(void)
{
        Stage stage;

        stage_set(&stage);
        fake_introspection_hold(stage.fake);
        ask(&stage, "a");
        ask(&stage, "b");
        ask(&stage, "c");
        ask(&stage, "c");
        await_requests(&stage, 2);
        settle(&stage);
        g_assert_cmpuint(n_requests(&stage), ==, 2);
        g_assert_cmpuint(status_of(&stage).n_calls, ==, 2);
        g_assert_cmpuint(status_of(&stage).n_waiting, ==, 1);
        fake_introspection_release(stage.fake);
        for (unsigned i = 0; i < 4; i++)
                g_assert_cmpint(await(&stage, i), ==, INTROSPECT_ACTIVE);
        g_assert_cmpuint(n_requests(&stage), ==, 3);
        g_assert_cmpuint(status_of(&stage).n_calls, ==, 0);
        stage_strike(&stage);
}

static void test_waiting_max(void)
{
        Stage stage;

        stage_set(&stage);
        fake_introspection_hold(stage.fake);
        for (int i = 0; i < INTROSPECT_WAITING_MAX; i++)
                ask(&stage, i % 2 ? "a" : "b");
        g_assert_cmpint(stage.answers[INTROSPECT_WAITING_MAX - 1], ==, UNANSWERED);
        assert_answer(&stage, "a", INTROSPECT_UNAVAILABLE, "too many");
        assert_answer(&stage, "c", INTROSPECT_UNAVAILABLE, "too many");
        fake_introspection_release(stage.fake);
        for (unsigned i = 0; i < INTROSPECT_WAITING_MAX; i++)
                g_assert_cmpint(await(&stage, i), ==, INTROSPECT_ACTIVE);
        assert_answer(&stage, "a", INTROSPECT_ACTIVE, NULL);
        stage_strike(&stage);
}

static void test_waited_too_long(void)
{
        Stage stage;
        unsigned first, fresh, stale;

        stage_set(&stage);
        stage.target.calls_max = 1;
        configure(&stage);
        fake_introspection_hold(stage.fake);
        first = ask(&stage, "a");
        stale = ask(&stage, "b");
        clock_advance_monotonic_for_tests(INTROSPECT_CALL_USEC);
        fresh = ask(&stage, "c");
        clock_advance_monotonic_for_tests(1000);
        fake_introspection_release(stage.fake);
        g_assert_cmpint(await(&stage, first), ==, INTROSPECT_ACTIVE);
        g_assert_cmpint(await(&stage, stale), ==, INTROSPECT_UNAVAILABLE);
        g_assert_cmpint(await(&stage, fresh), ==, INTROSPECT_ACTIVE);
        stage_strike(&stage);
}

static void test_asked_usec(void)
{
        Stage stage;
        int64_t before_usec, after_usec;
        unsigned index;

        stage_set(&stage);
        fake_introspection_hold(stage.fake);
        before_usec = clock_monotonic_usec();
        index = ask(&stage, "t");
        after_usec = clock_monotonic_usec();
        clock_advance_monotonic_for_tests(3 * G_USEC_PER_SEC);
        fake_introspection_release(stage.fake);
        await(&stage, index);
        g_assert_cmpint(stage.asked_usec, >=, before_usec);
        g_assert_cmpint(stage.asked_usec, <=, after_usec);
        stage_strike(&stage);
}

/* Answers */

typedef struct AnswerRow {
        const char *sentence;
        unsigned status;
        const char *headers;
        const char *body;
        IntrospectResult result;
        const char *trouble;
        const char *metric; /* result */
} AnswerRow;

static const AnswerRow answers[] = {
        { "active", 200, JSON, ACTIVE, INTROSPECT_ACTIVE, NULL, "ok" },
        { "not active", 200, JSON, INACTIVE, INTROSPECT_INACTIVE, NULL, "ok" },
        { "active and long past", 200, JSON, "{\"active\":true,\"exp\":1700000000}",
          INTROSPECT_INACTIVE, NULL, "ok" },
        { "garbage", 200, JSON, "active", INTROSPECT_UNAVAILABLE, "of no use", "unusable" },
        { "HTML", 200, "Content-Type: text/html\r\n", "<html>", INTROSPECT_UNAVAILABLE, "text/html",
          "unusable" },
        { "another iss", 200, JSON, "{\"active\":true,\"iss\":\"https://x\"}",
          INTROSPECT_UNAVAILABLE, "another issuer", "unusable" },
        { "500", 500, JSON, ACTIVE, INTROSPECT_UNAVAILABLE, "status 500", "status" },
        { "204 with an answer", 204, JSON, "", INTROSPECT_UNAVAILABLE, "status 204", "status" },
        { "a redirect", 302, "Location: /other\r\n", "", INTROSPECT_UNAVAILABLE, "status 302",
          "status" },
        { "401", 401, JSON, "{}", INTROSPECT_UNAVAILABLE, "does not accept authd's client authd",
          "status" },
        { "403", 403, JSON, "", INTROSPECT_UNAVAILABLE, "does not accept authd's client authd",
          "status" },
        { "400, invalid_client", 400, JSON, "{\"error\":\"invalid_client\"}",
          INTROSPECT_UNAVAILABLE, "does not accept authd's client authd", "status" },
        { "400, of the token", 400, JSON, "{\"error\":\"invalid_request\"}", INTROSPECT_UNAVAILABLE,
          "status 400", "status" },
};

static void run_answer(const void *data)
{
        const AnswerRow *row = data;
        Stage stage;
        g_autoptr(GString) metrics = g_string_new(NULL);
        g_autofree char *series = g_strdup_printf(
            "calls{issuer=\"fake\",call=\"introspection\",result=\"%s\"} 1\n", row->metric);

        stage_set(&stage);
        serve(&stage, row->status, row->headers, row->body);
        assert_answer(&stage, "t", row->result, row->trouble);
        metric_registry_expose(stage.registry, metrics);
        g_assert_nonnull(strstr(metrics->str, series));
        stage_strike(&stage);
}

static void test_large(void)
{
        Stage stage;
        size_t len = 50 * 1024 * 1024;
        char *body = g_malloc(len + 1);

        stage_set(&stage);
        memset(body, ' ', len);
        body[0] = '[';
        body[len] = '\0';
        serve(&stage, 200, JSON, body);
        g_free(body);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "larger than 262144 bytes");
        stage_strike(&stage);
}

static void test_unreachable(void)
{
        Stage stage;

        stage_set(&stage);
        stage.target.endpoint = "http://127.0.0.1:1/introspect";
        configure(&stage);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "connection refused");
        g_assert_cmpuint(status_of(&stage).n_failures, ==, 1);
        stage_strike(&stage);
}

static void test_signed(void)
{
        Stage stage;
        Signer signer = signer_new();
        g_autofree char *payload =
            g_strdup_printf("{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":%" G_GINT64_FORMAT
                            ",\"token_introspection\":{\"active\":true,\"sub\":\"s\"}}",
                            NOW_SEC);
        g_autofree char *body = signer_sign(
            &signer, "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"token-introspection+jwt\"}",
            payload);

        stage_set(&stage);
        serve(&stage, 200, "Content-Type: " ANSWER_SIGNED_TYPE "\r\n", body);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "not known yet");
        stage.target.keys = signer.keys;
        configure(&stage);
        assert_answer(&stage, "t", INTROSPECT_ACTIVE, NULL);
        g_assert_true(span_equal_string(claims_subject(stage.claims), "s"));
        stage.target.demand_signed = true;
        configure(&stage);
        assert_answer(&stage, "t", INTROSPECT_ACTIVE, NULL);
        serve(&stage, 200, JSON, ACTIVE);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "not signed");
        serve(&stage, 200, JSON, INACTIVE);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "not signed");
        signer_clear(&signer);
        stage_strike(&stage);
}

static void test_own_wins(void)
{
        Stage stage;

        stage_set(&stage);
        serve(
            &stage, 200, JSON,
            "{\"active\":true,\"sub\":\"s\",\"scope\":\"admin\",\"jti\":\"1\",\"aud\":\"authd\"}");
        assert_own(&stage, "t", "{\"scope\":\"read\",\"jti\":\"1\"}", INTROSPECT_ACTIVE);
        g_assert_true(span_equal_string(claims_subject(stage.claims), "s"));
        g_assert_true(claims_has_scope(stage.claims, span_from("read")));
        g_assert_false(claims_has_scope(stage.claims, span_from("admin")));
        assert_own(&stage, "u", "{\"jti\":\"2\"}", INTROSPECT_UNAVAILABLE);
        g_assert_nonnull(strstr(stage.trouble, "(jti)"));
        stage_strike(&stage);
}

/* Not permitted */

#define OURS   "{\"aud\":[\"x\",\"authd\"],\"azp\":\"shop\"}"
#define OTHERS "{\"aud\":\"x\",\"azp\":\"shop\"}"

static void test_not_permitted(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, 200, JSON, INACTIVE);
        assert_own(&stage, "t", OURS, INTROSPECT_INACTIVE);
        g_assert_false(status_of(&stage).not_permitted);
        assert_own(&stage, "t", OTHERS, INTROSPECT_NOT_PERMITTED);
        g_assert_true(status_of(&stage).not_permitted);
        g_assert_nonnull(strstr(stage.trouble, "client shop"));
        g_assert_nonnull(strstr(stage.trouble, "add an Audience mapper for authd to shop"));
        assert_own(&stage, "t", "{}", INTROSPECT_NOT_PERMITTED);
        /* An opaque token's aud is not known. */
        assert_answer(&stage, "t", INTROSPECT_INACTIVE, NULL);
        g_assert_true(status_of(&stage).not_permitted);
        serve(&stage, 200, JSON, ACTIVE);
        assert_own(&stage, "t", OURS, INTROSPECT_ACTIVE);
        g_assert_false(status_of(&stage).not_permitted);
        /* That one has us in its aud, so it says nothing of those that have not. */
        serve(&stage, 200, JSON, INACTIVE);
        assert_own(&stage, "t", OTHERS, INTROSPECT_NOT_PERMITTED);
        stage_strike(&stage);
}

static void test_tells_everybody(void)
{
        Stage stage;

        stage_set(&stage);
        assert_own(&stage, "t", OTHERS, INTROSPECT_ACTIVE);
        serve(&stage, 200, JSON, INACTIVE);
        assert_own(&stage, "t", OTHERS, INTROSPECT_INACTIVE);
        /* After an outage it may be another version. */
        serve(&stage, 503, "Retry-After: 1\r\n", "");
        assert_own(&stage, "t", OTHERS, INTROSPECT_UNAVAILABLE);
        clock_advance_monotonic_for_tests(2 * G_USEC_PER_SEC);
        serve(&stage, 200, JSON, INACTIVE);
        assert_own(&stage, "t", OTHERS, INTROSPECT_NOT_PERMITTED);
        /* Another client has not been told anything yet. */
        serve(&stage, 200, JSON, ACTIVE);
        assert_own(&stage, "t", OTHERS, INTROSPECT_ACTIVE);
        g_free(stage.client_id);
        stage.client.client_id = stage.client_id = g_strdup("other");
        configure(&stage);
        serve(&stage, 200, JSON, INACTIVE);
        assert_own(&stage, "t", OTHERS, INTROSPECT_NOT_PERMITTED);
        stage_strike(&stage);
}

static void warn_often(Stage *stage)
{
        serve(stage, 200, JSON, INACTIVE);
        for (int i = 0; i < 5; i++)
                assert_own(stage, "t", "{\"azp\":\"sh\\\"op\\n\"}", INTROSPECT_NOT_PERMITTED);
        clock_advance_monotonic_for_tests(INTROSPECT_WARN_USEC);
        assert_own(stage, "t", OTHERS, INTROSPECT_NOT_PERMITTED);
}

static void warn_again(Stage *stage)
{
        serve(stage, 200, JSON, ACTIVE);
        assert_own(stage, "t", OURS, INTROSPECT_ACTIVE);
        serve(stage, 200, JSON, INACTIVE);
        assert_own(stage, "t", OTHERS, INTROSPECT_NOT_PERMITTED);
}

static void test_warning(void)
{
        Stage stage;
        g_autofree char *first = NULL, *second = NULL, *soon = NULL;

        stage_set(&stage);
        first = logged(warn_often, &stage);
        g_assert_cmpuint(count_of(first, "introspection_not_permitted"), ==, 1);
        g_assert_nonnull(strstr(first, "\"azp\":\"sh?op?\""));
        g_assert_nonnull(strstr(first, "Included Client Audience: authd"));
        second = logged(warn_again, &stage);
        g_assert_cmpuint(count_of(second, "introspection_not_permitted"), ==, 1);
        g_assert_nonnull(strstr(second, "Clients > shop > Client scopes > shop-dedicated"));
        soon = logged(warn_again, &stage);
        g_assert_cmpuint(count_of(soon, "introspection_not_permitted"), ==, 0);
        stage_strike(&stage);
}

/* The breaker */

static void fail_often(Stage *stage)
{
        serve(stage, 500, "", "");
        for (int i = 0; i < INTROSPECT_BREAKER_AFTER; i++)
                assert_answer(stage, "t", INTROSPECT_UNAVAILABLE, "status 500");
}

static void later_than_open(const Stage *stage, int64_t usec)
{
        clock_advance_monotonic_for_tests(status_of(stage).open_until_usec -
                                          clock_monotonic_usec() + usec);
}

static void test_breaker(void)
{
        Stage stage;
        unsigned n;

        stage_set(&stage);
        fail_often(&stage);
        g_assert_cmpuint(status_of(&stage).n_failures, ==, INTROSPECT_BREAKER_AFTER);
        g_assert_cmpint(status_of(&stage).failing_since_usec, >, 0);
        n = n_requests(&stage);
        later_than_open(&stage, -100 * 1000);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "not asked for another");
        g_assert_nonnull(strstr(stage.trouble, "status 500"));
        g_assert_cmpuint(n_requests(&stage), ==, n);
        later_than_open(&stage, 0);
        serve(&stage, 200, JSON, ACTIVE);
        assert_answer(&stage, "t", INTROSPECT_ACTIVE, NULL);
        g_assert_cmpint(status_of(&stage).open_until_usec, ==, 0);
        g_assert_cmpint(status_of(&stage).failing_since_usec, ==, 0);
        g_assert_null(status_of(&stage).last_error);
        stage_strike(&stage);
}

/* Whoever has a token of odd claims cannot shut the others out. */
static void test_odd_answers_open_nothing(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, 200, JSON, "{\"active\":true,\"exp\":\"soon\"}");
        for (unsigned i = 0; i <= INTROSPECT_BREAKER_AFTER; i++)
                assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "");
        g_assert_cmpuint(status_of(&stage).n_failures, ==, 0);
        g_assert_cmpint(status_of(&stage).open_until_usec, ==, 0);
        serve(&stage, 200, JSON, "[1]");
        for (unsigned i = 0; i < INTROSPECT_BREAKER_AFTER; i++)
                assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "");
        g_assert_cmpint(status_of(&stage).open_until_usec, >, 0);
        stage_strike(&stage);
}

static void test_half_open(void)
{
        Stage stage;
        unsigned n, first;

        stage_set(&stage);
        fail_often(&stage);
        n = n_requests(&stage);
        later_than_open(&stage, 0);
        fake_introspection_hold(stage.fake);
        first = ask(&stage, "a");
        ask(&stage, "b");
        ask(&stage, "c");
        await_requests(&stage, n + 1);
        settle(&stage);
        g_assert_cmpuint(n_requests(&stage), ==, n + 1);
        /* It fails: those behind it are told at once, unasked. */
        fake_introspection_release(stage.fake);
        for (unsigned i = 0; i < 3; i++)
                g_assert_cmpint(await(&stage, first + i), ==, INTROSPECT_UNAVAILABLE);
        g_assert_cmpuint(n_requests(&stage), ==, n + 1);
        /* It is answered: those behind it are asked about. */
        later_than_open(&stage, 0);
        serve(&stage, 200, JSON, ACTIVE);
        first = ask(&stage, "a");
        ask(&stage, "b");
        ask(&stage, "c");
        for (unsigned i = 0; i < 3; i++)
                g_assert_cmpint(await(&stage, first + i), ==, INTROSPECT_ACTIVE);
        g_assert_cmpuint(n_requests(&stage), ==, n + 4);
        stage_strike(&stage);
}

static void test_of_token(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, 400, JSON, "{\"error\":\"invalid_request\"}");
        for (int i = 0; i < 2 * INTROSPECT_BREAKER_AFTER; i++)
                assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "status 400");
        g_assert_cmpuint(status_of(&stage).n_failures, ==, 0);
        stage_strike(&stage);
}

static void test_retry_after(void)
{
        Stage stage;
        unsigned n;

        stage_set(&stage);
        serve(&stage, 429, "Retry-After: 7\r\n", "");
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "status 429");
        n = n_requests(&stage);
        clock_advance_monotonic_for_tests(6900 * 1000);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "not asked");
        g_assert_cmpuint(n_requests(&stage), ==, n);
        clock_advance_monotonic_for_tests(100 * 1000);
        serve(&stage, 503, "Retry-After: 86400\r\n", "");
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "status 503");
        g_assert_cmpint(status_of(&stage).open_until_usec - clock_monotonic_usec(), <=,
                        INTROSPECT_BREAKER_MAX_USEC);
        g_assert_cmpint(status_of(&stage).open_until_usec - clock_monotonic_usec(), >,
                        INTROSPECT_BREAKER_MAX_USEC - G_USEC_PER_SEC);
        stage_strike(&stage);
}

static void fail_and_recover(Stage *stage)
{
        fail_often(stage);
        later_than_open(stage, 0);
        serve(stage, 200, JSON, ACTIVE);
        assert_answer(stage, "secret-token", INTROSPECT_ACTIVE, NULL);
        assert_answer(stage, "secret-token", INTROSPECT_ACTIVE, NULL);
}

static void test_log(void)
{
        Stage stage;
        g_autofree char *text = NULL;

        stage_set(&stage);
        text = logged(fail_and_recover, &stage);
        g_assert_cmpuint(count_of(text, "\"introspection_failed\""), ==, 3); /* 1st, 2nd, 4th */
        g_assert_cmpuint(count_of(text, "\"introspection_ready\""), ==, 1);
        g_assert_null(strstr(text, "secret"));
        stage_strike(&stage);
}

static void flap(Stage *stage)
{
        for (int i = 0; i < 2 * INTROSPECT_TOLD_MAX; i++) {
                serve(stage, 500, JSON, "");
                assert_answer(stage, "t", INTROSPECT_UNAVAILABLE, "status 500");
                serve(stage, 200, JSON, ACTIVE);
                assert_answer(stage, "t", INTROSPECT_ACTIVE, NULL);
        }
}

static void test_log_flood(void)
{
        Stage stage;

        stage_set(&stage);
        for (int round = 0; round < 2; round++) {
                g_autofree char *text = logged(flap, &stage);

                g_assert_cmpuint(count_of(text, "\"introspection_failed\"") +
                                     count_of(text, "\"introspection_ready\""),
                                 ==, INTROSPECT_TOLD_MAX);
                clock_advance_monotonic_for_tests(INTROSPECT_TOLD_USEC);
        }
        stage_strike(&stage);
}

static void test_own_files(void)
{
        Stage stage;

        stage_set(&stage);
        g_unlink(stage.secret_file);
        for (int i = 0; i < 2 * INTROSPECT_BREAKER_AFTER; i++)
                assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, stage.secret_file);
        g_assert_cmpuint(n_requests(&stage), ==, 0);
        g_assert_cmpint(status_of(&stage).failing_since_usec, >, 0);
        g_assert_true(g_file_set_contents_full(stage.secret_file, "s", -1, G_FILE_SET_CONTENTS_NONE,
                                               0600, NULL));
        assert_answer(&stage, "t", INTROSPECT_ACTIVE, NULL);
        g_assert_cmpint(status_of(&stage).failing_since_usec, ==, 0);
        stage_strike(&stage);
}

/* Settings and ends */

static void test_no_endpoint(void)
{
        Stage stage;

        stage_set(&stage);
        stage.target.endpoint = NULL;
        configure(&stage);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "not known yet");
        stage.target.endpoint = fake_introspection_url(stage.fake);
        configure(&stage);
        assert_answer(&stage, "t", INTROSPECT_ACTIVE, NULL);
        stage_strike(&stage);
}

static void test_moved(void)
{
        Stage stage;
        FakeIntrospection *other = fake_introspection_new();
        unsigned first;

        stage_set(&stage);
        fake_introspection_hold(stage.fake);
        fake_introspection_serve(other, 200, JSON, INACTIVE);
        first = ask(&stage, "a");
        ask(&stage, "b");
        await_requests(&stage, 2);
        configure(&stage); /* the same: nothing happens */
        settle(&stage);
        g_assert_cmpuint(n_requests(&stage), ==, 2);
        /* However long they were under way. */
        clock_advance_monotonic_for_tests(INTROSPECT_CALL_USEC + G_USEC_PER_SEC);
        ask(&stage, "c");
        stage.target.endpoint = fake_introspection_url(other);
        stage.target.calls_max = 1;
        configure(&stage);
        for (unsigned i = 0; i < 3; i++)
                g_assert_cmpint(await(&stage, first + i), ==, INTROSPECT_INACTIVE);
        g_assert_cmpuint(fake_introspection_count(other), ==, 3);
        stage_strike(&stage);
        fake_introspection_free(other);
}

static void test_moved_while_open(void)
{
        Stage stage;
        FakeIntrospection *other = fake_introspection_new();

        stage_set(&stage);
        fake_introspection_serve(other, 200, JSON, ACTIVE);
        fail_often(&stage);
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "not asked");
        configure(&stage); /* the same: it stays open */
        assert_answer(&stage, "t", INTROSPECT_UNAVAILABLE, "not asked");
        stage.target.endpoint = fake_introspection_url(other);
        configure(&stage);
        g_assert_null(status_of(&stage).last_error);
        assert_answer(&stage, "t", INTROSPECT_ACTIVE, NULL);
        stage_strike(&stage);
        fake_introspection_free(other);
}

static void test_freed(void)
{
        Stage stage;

        stage_set(&stage);
        fake_introspection_hold(stage.fake);
        ask(&stage, "a");
        ask(&stage, "b");
        ask(&stage, "c");
        ask(&stage, "c");
        await_requests(&stage, 2);
        g_clear_pointer(&stage.introspector, introspector_free);
        for (unsigned i = 0; i < 4; i++)
                g_assert_cmpint(stage.answers[i], ==, INTROSPECT_UNAVAILABLE);
        fake_introspection_release(stage.fake);
        settle(&stage);
        stage_strike(&stage);
}

static void test_freed_by_asker(void)
{
        Stage stage;
        unsigned first;

        stage_set(&stage);
        stage.target.calls_max = 1;
        configure(&stage);
        first = ask_as(&stage, "a", NULL, true, false);
        ask(&stage, "a");
        ask(&stage, "b");
        await(&stage, first);
        g_assert_cmpint(await(&stage, first + 1), ==, INTROSPECT_ACTIVE);
        g_assert_cmpint(stage.answers[first + 2], ==, INTROSPECT_UNAVAILABLE);
        g_assert_null(stage.introspector);
        stage_strike(&stage);
}

static void test_asked_by_asker(void)
{
        Stage stage;
        unsigned first;

        stage_set(&stage);
        first = ask_as(&stage, "a", NULL, false, true);
        await(&stage, first);
        g_assert_cmpint(await(&stage, first + 1), ==, INTROSPECT_ACTIVE);
        stage_strike(&stage);
}

static void test_token_size(void)
{
        Stage stage;
        char *token = g_strnfill(INTROSPECT_TOKEN_SIZE_MAX + 1, '%');

        stage_set(&stage);
        assert_answer(&stage, token, INTROSPECT_UNAVAILABLE, "too long");
        token[INTROSPECT_TOKEN_SIZE_MAX] = '\0';
        assert_answer(&stage, token, INTROSPECT_ACTIVE, NULL);
        g_free(token);
        stage_strike(&stage);
}

typedef struct Test {
        const char *sentence;
        void (*run)(void);
} Test;

static const Test tests[] = {
        { "the token travels in the body alone, and is escaped", test_request },
        { "a secret in the form, a signed answer wanted", test_request_post },
        { "a signed assertion in the form", test_request_assertion },
        { "equal questions are one call", test_single_flight },
        { "one more than calls_max waits", test_calls_max },
        { "one asker too many is told so", test_waiting_max },
        { "what waited longer than a call may take is not asked any more", test_waited_too_long },
        { "asked_usec is when the call began", test_asked_usec },
        { "50 MB", test_large },
        { "nobody there", test_unreachable },
        { "signed answers, and where only they count", test_signed },
        { "a token's own claims win", test_own_wins },
        { "not active, or not permitted to know", test_not_permitted },
        { "a provider that tells everybody", test_tells_everybody },
        { "the warning comes once until an active answer", test_warning },
        { "five failures open the breaker, time closes it", test_breaker },
        { "answers that only their token makes unusable open nothing",
          test_odd_answers_open_nothing },
        { "half open, one call decides for all", test_half_open },
        { "a token that the provider cannot read opens nothing", test_of_token },
        { "Retry-After opens, and is bounded", test_retry_after },
        { "failures are told when new and ever more seldom", test_log },
        { "a provider that flaps floods no log", test_log_flood },
        { "a missing secret is told, and needs no breaker", test_own_files },
        { "an endpoint that is not known yet", test_no_endpoint },
        { "another endpoint: what is under way is asked again", test_moved },
        { "another endpoint: the breaker is closed", test_moved_while_open },
        { "freed while under way", test_freed },
        { "freed by who was told", test_freed_by_asker },
        { "asked again by who was told", test_asked_by_asker },
        { "a token as long as allowed, and longer", test_token_size },
};

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strdup_printf("/introspect/%s", tests[i].sentence);

                g_test_add_func(path, tests[i].run);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
                g_autofree char *path =
                    g_strdup_printf("/introspect/answer/%s", answers[i].sentence);

                g_test_add_data_func(path, &answers[i], run_answer);
        }
        return g_test_run();
}

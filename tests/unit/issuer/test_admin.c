/* admin: the token, the rate, turns and ends, against a fake provider on loopback; time is set. */
#include "issuer/admin.h"

#include "base/clock.h"
#include "fake_introspection.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define PATIENCE_USEC (10 * G_USEC_PER_SEC)
#define SETTLE_USEC   (30 * 1000)
#define ID            "da7d13aa-35f6-428f-8022-f971f3e3171e"
#define JSON          "Content-Type: application/json\r\n"
#define TOKEN(name, sec)                                                                           \
        "{\"access_token\":\"" name "\",\"token_type\":\"Bearer\",\"expires_in\":" #sec "}"
#define USER       "{\"id\":\"" ID "\",\"username\":\"ann\"}"
#define POST_TOKEN "POST /token"
#define GET_USERS  "GET /admin/users?briefRepresentation=false&first=0"
#define MORE_USERS "GET /admin/users?briefRepresentation=false&first=500&max=500"
#define LAST_USERS "GET /admin/users?briefRepresentation=false&first=1000&max=500"
#define GET_USER   "GET /admin/users/" ID " "
#define CALLS_MAX  (ADMIN_WAITING_MAX + 8)
#define UNANSWERED (-1)

typedef struct Stage Stage;

typedef struct Asked {
        Stage *stage;
        AdminCall *call;
        int result;       /* of the last answer */
        unsigned n_pages; /* answers with more to come */
        size_t n_items;   /* in all */
        char *trouble;
        bool frees;   /* the Admin, in its first callback */
        bool cancels; /* itself, while more is to come */
        bool again;   /* asks for the user when it has ended */
} Asked;

struct Stage {
        GMainContext *context;
        Fetcher *fetcher;
        FakeIntrospection *fake;
        Admin *admin;
        char *secret_file, *client_id, *token_url, *admin_url;
        ClientAuthSettings client;
        AdminTarget target;
        Asked *asked; /* CALLS_MAX, in the order of asking */
        unsigned n_asked;
        unsigned order[8]; /* who was answered, first to last */
        unsigned n_order;
};

static Asked *ask_user(Stage *stage);

static void on_done(const AdminAnswer *answer, void *userdata)
{
        Asked *asked = userdata;
        Stage *stage = asked->stage;

        g_assert_cmpint(asked->result, ==, UNANSWERED);
        g_assert_cmpint(answer->trouble != NULL, ==, answer->result != ADMIN_OK);
        asked->n_items += json_is_array(answer->items) ? json_array_size(answer->items) : 0;
        if (stage->n_order < G_N_ELEMENTS(stage->order))
                stage->order[stage->n_order++] = (unsigned) (asked - stage->asked);
        if (answer->more) {
                asked->n_pages++;
                if (asked->cancels)
                        admin_cancel(asked->call);
        } else {
                asked->result = (int) answer->result;
                asked->trouble = g_strdup(answer->trouble);
        }
        if (asked->again && !answer->more)
                ask_user(stage);
        if (asked->frees)
                g_clear_pointer(&stage->admin, admin_free);
}

static Asked *asked_new(Stage *stage)
{
        Asked *asked = &stage->asked[stage->n_asked++];

        g_assert_cmpuint(stage->n_asked, <=, CALLS_MAX);
        *asked = (Asked){ .stage = stage, .result = UNANSWERED };
        return asked;
}

static Asked *ask_user(Stage *stage)
{
        Asked *asked = asked_new(stage);

        asked->call = admin_user(stage->admin, ID, on_done, asked);
        return asked;
}

static Asked *ask_users(Stage *stage)
{
        Asked *asked = asked_new(stage);

        asked->call = admin_users(stage->admin, on_done, asked);
        return asked;
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

static void await(Asked *asked, AdminResult result, const char *trouble)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        while (asked->result == UNANSWERED && g_get_monotonic_time() < end)
                turn(asked->stage);
        g_assert_cmpint(asked->result, ==, result);
        if (trouble && !strstr(asked->trouble, trouble))
                g_error("\"%s\" does not say \"%s\"", asked->trouble, trouble);
}

static unsigned count(Stage *stage, const char *begins)
{
        unsigned n = 0;

        for (unsigned i = 0; i < fake_introspection_count(stage->fake); i++) {
                g_autofree char *request = fake_introspection_request(stage->fake, i);

                n += g_str_has_prefix(request, begins);
        }
        return n;
}

static void await_requests(Stage *stage, unsigned n_requests)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        while (fake_introspection_count(stage->fake) < n_requests && g_get_monotonic_time() < end)
                turn(stage);
        settle(stage);
        g_assert_cmpuint(fake_introspection_count(stage->fake), ==, n_requests);
}

static void later(double sec)
{
        clock_advance_monotonic_for_tests((int64_t) (sec * G_USEC_PER_SEC));
}

/* The stage */

static void serve(Stage *stage, const char *begins, unsigned status, const char *headers,
                  const char *body)
{
        fake_introspection_serve_to(stage->fake, begins, status, headers, body);
}

static void serve_page(Stage *stage, const char *begins, unsigned n_users)
{
        g_autoptr(GString) page = g_string_new("[");

        for (unsigned i = 0; i < n_users; i++)
                g_string_append_printf(page, "%s{\"id\":\"u%u\",\"username\":\"u\"}", i ? "," : "",
                                       i);
        g_string_append_c(page, ']');
        serve(stage, begins, 200, JSON, page->str);
}

static void stage_set(Stage *stage)
{
        g_autofree char *base = NULL;
        int fd;

        *stage = (Stage){ .context = g_main_context_new() };
        stage->fetcher = fetcher_new(stage->context);
        stage->fake = fake_introspection_new();
        base = g_strndup(fake_introspection_url(stage->fake),
                         strlen(fake_introspection_url(stage->fake)) - strlen("/introspect"));
        stage->token_url = g_strconcat(base, "/token", NULL);
        stage->admin_url = g_strconcat(base, "/admin/", NULL);
        fd = g_file_open_tmp("admin-XXXXXX", &stage->secret_file, NULL);
        g_assert_cmpint(write(fd, "secret", 6), ==, 6);
        close(fd);
        stage->client_id = g_strdup("authd");
        stage->client = (ClientAuthSettings){ .client_id = stage->client_id,
                                              .secret_file = stage->secret_file };
        stage->target = (AdminTarget){
                .grant = { .issuer_url = "https://sso.example.com/realms/a",
                           .token_endpoint = stage->token_url,
                           .client = &stage->client },
                .admin_url = stage->admin_url,
                .rate = 1000,
        };
        stage->asked = g_new0(Asked, CALLS_MAX);
        stage->admin = admin_new(stage->context, stage->fetcher);
        serve(stage, POST_TOKEN, 200, JSON, TOKEN("one", 300));
        serve(stage, GET_USER, 200, JSON, USER);
        serve(stage, GET_USERS, 200, JSON, "[" USER "]");
        serve(stage, MORE_USERS, 200, JSON, "[]");
        admin_configure(stage->admin, &stage->target);
}

/* Nobody is left without an answer, but who cancelled. */
static void stage_strike(Stage *stage)
{
        admin_free(stage->admin);
        for (unsigned i = 0; i < stage->n_asked; i++) {
                g_assert_true(stage->asked[i].result != UNANSWERED || stage->asked[i].cancels);
                g_free(stage->asked[i].trouble);
        }
        fetcher_free(stage->fetcher);
        fake_introspection_free(stage->fake);
        g_unlink(stage->secret_file);
        g_free(stage->secret_file);
        g_free(stage->client_id);
        g_free(stage->token_url);
        g_free(stage->admin_url);
        g_free(stage->asked);
        g_main_context_unref(stage->context);
}

/* Requests */

static void test_request(void)
{
        Stage stage;

        stage_set(&stage);
        await(ask_user(&stage), ADMIN_OK, NULL);
        g_autofree char *token = fake_introspection_request(stage.fake, 0);
        g_autofree char *request = fake_introspection_request(stage.fake, 1);
        g_assert_true(g_str_has_suffix(token, "\r\n\r\ngrant_type=client_credentials"));
        g_assert_true(g_str_has_prefix(request, "GET /admin/users/" ID " HTTP/1.1\r\n"));
        g_assert_nonnull(strstr(request, "\r\nAuthorization: Bearer one\r\n"));
        g_assert_nonnull(strstr(request, "\r\nAccept: application/json\r\n"));
        g_assert_null(strstr(request, "secret"));
        stage_strike(&stage);
}

static void test_put(void)
{
        json_t *attributes = json_pack("{s:s}", "uidNumber", "70001");
        Asked *asked;
        Stage stage;

        stage_set(&stage);
        serve(&stage, "PUT /admin/users/" ID " ", 204, "", "");
        asked = asked_new(&stage);
        asked->call = admin_user_set_attributes(stage.admin, ID, attributes, on_done, asked);
        json_decref(attributes);
        await(asked, ADMIN_NOT_PERMITTED, "uidNumber");
        g_autofree char *request = fake_introspection_request(stage.fake, 2);
        g_assert_true(g_str_has_prefix(request, "PUT /admin/users/" ID " HTTP/1.1\r\n"));
        g_assert_nonnull(strstr(request, "\r\nContent-Type: application/json\r\n"));
        g_assert_nonnull(strstr(request, "\r\nAuthorization: Bearer one\r\n"));
        g_assert_nonnull(strstr(request, "\"attributes\":{\"uidNumber\":[\"70001\"]}"));
        stage_strike(&stage);
}

static void test_pages(void)
{
        Asked *asked;
        Stage stage;

        stage_set(&stage);
        serve_page(&stage, GET_USERS, ADMIN_PAGE);
        serve_page(&stage, MORE_USERS, 3);
        serve_page(&stage, LAST_USERS, 0);
        asked = ask_users(&stage);
        await(asked, ADMIN_OK, NULL);
        g_assert_cmpuint(asked->n_pages, ==, 2);
        g_assert_cmpuint(asked->n_items, ==, ADMIN_PAGE + 3);
        stage_strike(&stage);
}

/* A long list does not keep a short question waiting. */
static void test_turns(void)
{
        Asked *list, *one;
        Stage stage;

        stage_set(&stage);
        serve_page(&stage, GET_USERS, ADMIN_PAGE);
        serve_page(&stage, MORE_USERS, 3);
        serve_page(&stage, LAST_USERS, 0);
        list = ask_users(&stage);
        one = ask_user(&stage);
        await(list, ADMIN_OK, NULL);
        await(one, ADMIN_OK, NULL);
        g_assert_cmpuint(stage.n_order, ==, 4);
        g_assert_cmpuint(stage.order[0], ==, 0);
        g_assert_cmpuint(stage.order[1], ==, 1);
        g_assert_cmpuint(stage.order[2], ==, 0);
        g_assert_cmpuint(stage.order[3], ==, 0);
        stage_strike(&stage);
}

static void test_one_at_a_time(void)
{
        Stage stage;

        stage_set(&stage);
        await(ask_user(&stage), ADMIN_OK, NULL);
        fake_introspection_hold(stage.fake);
        ask_user(&stage);
        ask_user(&stage);
        await_requests(&stage, 3);
        fake_introspection_release(stage.fake);
        await(&stage.asked[2], ADMIN_OK, NULL);
        stage_strike(&stage);
}

/* The token */

static void test_token_kept(void)
{
        Stage stage;

        stage_set(&stage);
        await(ask_user(&stage), ADMIN_OK, NULL);
        serve(&stage, POST_TOKEN, 200, JSON, TOKEN("two", 300));
        later(300 - ADMIN_TOKEN_EARLY_SEC - 1);
        await(ask_user(&stage), ADMIN_OK, NULL);
        g_assert_cmpuint(count(&stage, POST_TOKEN), ==, 1);
        later(1);
        await(ask_user(&stage), ADMIN_OK, NULL);
        g_assert_cmpuint(count(&stage, POST_TOKEN), ==, 2);
        g_autofree char *last = fake_introspection_request(stage.fake, 4);
        g_assert_nonnull(strstr(last, "Bearer two"));
        stage_strike(&stage);
}

static void test_token_short(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, POST_TOKEN, 200, JSON, TOKEN("one", 10));
        await(ask_user(&stage), ADMIN_OK, NULL);
        later(7);
        await(ask_user(&stage), ADMIN_OK, NULL);
        g_assert_cmpuint(count(&stage, POST_TOKEN), ==, 1);
        later(1);
        await(ask_user(&stage), ADMIN_OK, NULL);
        g_assert_cmpuint(count(&stage, POST_TOKEN), ==, 2);
        stage_strike(&stage);
}

/* Each is over when it comes: some are asked for, not for ever. */
static void test_token_over(void)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;
        Asked *asked;
        Stage stage;

        stage_set(&stage);
        asked = ask_user(&stage);
        while (asked->result == UNANSWERED && g_get_monotonic_time() < end) {
                later(301);
                turn(&stage);
        }
        await(asked, ADMIN_UNAVAILABLE, "over before they can be used");
        g_assert_cmpuint(count(&stage, POST_TOKEN), ==, ADMIN_TRIES_MAX);
        stage_strike(&stage);
}

static void test_token_refused(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, GET_USER, 401, "", "");
        await(ask_user(&stage), ADMIN_UNAVAILABLE, "does not take the token");
        g_assert_cmpuint(count(&stage, POST_TOKEN), ==, 2);
        g_assert_cmpuint(count(&stage, GET_USER), ==, 2);
        /* And not kept. */
        serve(&stage, GET_USER, 200, JSON, USER);
        await(ask_user(&stage), ADMIN_OK, NULL);
        g_assert_cmpuint(count(&stage, POST_TOKEN), ==, 3);
        stage_strike(&stage);
}

static void test_no_service_account(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, POST_TOKEN, 401, JSON,
              "{\"error\":\"unauthorized_client\",\"error_description\":\"Client not enabled to "
              "retrieve "
              "service account\"}");
        ask_user(&stage);
        ask_users(&stage);
        await(&stage.asked[1], ADMIN_NOT_PERMITTED, "\"Service accounts roles\"");
        await(&stage.asked[0], ADMIN_NOT_PERMITTED, "no token for the Admin API");
        g_assert_cmpuint(fake_introspection_count(stage.fake), ==, 1);
        stage_strike(&stage);
}

static void test_no_token(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, POST_TOKEN, 500, "", "");
        await(ask_user(&stage), ADMIN_UNAVAILABLE, "HTTP status 500");
        stage_strike(&stage);
}

static void test_forbidden(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, GET_USER, 403, JSON, "{\"error\":\"HTTP 403 Forbidden\"}");
        await(ask_user(&stage), ADMIN_NOT_PERMITTED, "client authd may not read a user: give its");
        stage_strike(&stage);
}

/* The rate, and Retry-After */

static void test_rate(void)
{
        Stage stage;

        stage_set(&stage);
        stage.target.rate = 2;
        admin_configure(stage.admin, &stage.target);
        for (unsigned i = 0; i < 4; i++)
                ask_user(&stage);
        await_requests(&stage, 2); /* the token, and one */
        later(0.5);
        await_requests(&stage, 3);
        later(1);
        await_requests(&stage, 5);
        await(&stage.asked[3], ADMIN_OK, NULL);
        stage_strike(&stage);
}

static void test_retry_after(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, GET_USER, 429, "Retry-After: 20\r\n", "");
        ask_user(&stage);
        ask_users(&stage);
        await_requests(&stage, 2);
        later(19);
        settle(&stage);
        g_assert_cmpuint(fake_introspection_count(stage.fake), ==, 2);
        serve(&stage, GET_USER, 200, JSON, USER);
        later(1);
        await(&stage.asked[0], ADMIN_OK, NULL);
        await(&stage.asked[1], ADMIN_OK, NULL);
        stage_strike(&stage);
}

static void test_retry_after_often(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, GET_USER, 503, "Retry-After: 1\r\n", "");
        ask_user(&stage);
        for (unsigned i = 0; i < ADMIN_TRIES_MAX; i++) {
                await_requests(&stage, 2 + i);
                later(1);
        }
        await(&stage.asked[0], ADMIN_UNAVAILABLE, "HTTP status 503");
        stage_strike(&stage);
}

static void test_retry_after_long(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, GET_USER, 503, "Retry-After: 31\r\n", "");
        ask_user(&stage);
        ask_users(&stage);
        await(&stage.asked[0], ADMIN_UNAVAILABLE, "asked later");
        await(&stage.asked[1], ADMIN_UNAVAILABLE, "asked later");
        g_assert_cmpuint(fake_introspection_count(stage.fake), ==, 2);
        later(31);
        await(ask_users(&stage), ADMIN_OK, NULL);
        stage_strike(&stage);
}

static void test_busy(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, GET_USER, 503, "", "");
        await(ask_user(&stage), ADMIN_UNAVAILABLE, "HTTP status 503");
        stage_strike(&stage);
}

static void test_retry_after_of_token(void)
{
        Stage stage;

        stage_set(&stage);
        serve(&stage, POST_TOKEN, 503, "Retry-After: 5\r\n", "");
        ask_user(&stage);
        await_requests(&stage, 1);
        g_assert_cmpint(stage.asked[0].result, ==, UNANSWERED);
        serve(&stage, POST_TOKEN, 200, JSON, TOKEN("two", 300));
        later(5);
        await(&stage.asked[0], ADMIN_OK, NULL);
        stage_strike(&stage);
}

/* Refused before it is asked, and told by the loop */

static void test_not_asked(void)
{
        Asked *asked;
        Stage stage;

        stage_set(&stage);
        asked = asked_new(&stage);
        asked->call = admin_user(stage.admin, "../realms", on_done, asked);
        g_assert_cmpint(asked->result, ==, UNANSWERED);
        await(asked, ADMIN_UNAVAILABLE, "no id");
        asked = asked_new(&stage);
        asked->call = admin_user_by_name(stage.admin, "..", on_done, asked);
        await(asked, ADMIN_UNAVAILABLE, "such a name");
        stage.target.admin_url = NULL;
        admin_configure(stage.admin, &stage.target);
        await(ask_user(&stage), ADMIN_UNAVAILABLE, "admin_url");
        stage.target.admin_url = "http://sso.example.com/admin/realms/a";
        admin_configure(stage.admin, &stage.target);
        await(ask_user(&stage), ADMIN_UNAVAILABLE, "plain http");
        stage.target.grant.token_endpoint = NULL;
        admin_configure(stage.admin, &stage.target);
        await(ask_user(&stage), ADMIN_UNAVAILABLE, "no token for the Admin API");
        g_assert_cmpuint(count(&stage, "GET"), ==, 0);
        stage_strike(&stage);
}

static void test_waiting_max(void)
{
        Stage stage;

        stage_set(&stage);
        for (unsigned i = 0; i <= ADMIN_WAITING_MAX; i++)
                ask_user(&stage);
        await(&stage.asked[ADMIN_WAITING_MAX], ADMIN_UNAVAILABLE, "too many");
        g_assert_cmpint(stage.asked[ADMIN_WAITING_MAX - 1].result, ==, UNANSWERED);
        stage_strike(&stage);
}

/* Life */

static void test_cancelled(void)
{
        Stage stage;

        stage_set(&stage);
        admin_cancel(NULL);
        await(ask_user(&stage), ADMIN_OK, NULL);
        fake_introspection_hold(stage.fake);
        for (unsigned i = 0; i < 3; i++)
                ask_user(&stage)->cancels = true;
        await_requests(&stage, 3);
        admin_cancel(stage.asked[2].call); /* waits */
        admin_cancel(stage.asked[1].call); /* is under way */
        fake_introspection_release(stage.fake);
        await(&stage.asked[3], ADMIN_OK, NULL);
        settle(&stage);
        g_assert_cmpint(stage.asked[1].result, ==, UNANSWERED);
        g_assert_cmpint(stage.asked[2].result, ==, UNANSWERED);
        stage_strike(&stage);
}

static void test_cancelled_between_pages(void)
{
        Asked *asked;
        Stage stage;

        stage_set(&stage);
        serve_page(&stage, GET_USERS, ADMIN_PAGE);
        asked = ask_users(&stage);
        asked->cancels = true;
        await_requests(&stage, 2);
        g_assert_cmpuint(asked->n_pages, ==, 1);
        g_assert_cmpint(asked->result, ==, UNANSWERED);
        stage_strike(&stage);
}

static void test_freed(void)
{
        Stage stage;

        stage_set(&stage);
        ask_user(&stage);
        ask_user(&stage);
        await_requests(&stage, 3);
        ask_user(&stage);
        ask_user(&stage);
        turn(&stage);
        g_clear_pointer(&stage.admin, admin_free);
        g_assert_nonnull(strstr(stage.asked[3].trouble, "no longer asked"));
        stage_strike(&stage);
}

static void test_freed_from_callback(void)
{
        Stage stage;

        stage_set(&stage);
        serve_page(&stage, GET_USERS, ADMIN_PAGE);
        ask_users(&stage)->frees = true;
        ask_user(&stage);
        while (stage.admin)
                turn(&stage);
        g_assert_cmpint(stage.asked[0].result, ==, ADMIN_UNAVAILABLE);
        g_assert_cmpuint(stage.asked[0].n_pages, ==, 1);
        stage_strike(&stage);
}

static void test_asks_again(void)
{
        Stage stage;

        stage_set(&stage);
        ask_user(&stage)->again = true;
        await(&stage.asked[0], ADMIN_OK, NULL);
        g_assert_cmpuint(stage.n_asked, ==, 2);
        await(&stage.asked[1], ADMIN_OK, NULL);
        stage_strike(&stage);
}

static void test_configured_anew(void)
{
        Stage stage;

        stage_set(&stage);
        await(ask_user(&stage), ADMIN_OK, NULL);
        admin_configure(stage.admin, &stage.target);
        await(ask_user(&stage), ADMIN_OK, NULL);
        g_assert_cmpuint(count(&stage, POST_TOKEN), ==, 1);
        fake_introspection_hold(stage.fake);
        ask_user(&stage);
        ask_user(&stage);
        await_requests(&stage, 4);
        stage.target.grant.issuer_url = "https://sso.example.com/realms/b";
        admin_configure(stage.admin, &stage.target);
        g_assert_cmpint(stage.asked[2].result, ==, UNANSWERED);
        await(&stage.asked[2], ADMIN_UNAVAILABLE, "settings have changed");
        await(&stage.asked[3], ADMIN_UNAVAILABLE, "settings have changed");
        fake_introspection_release(stage.fake);
        await(ask_user(&stage), ADMIN_OK, NULL);
        g_assert_cmpuint(count(&stage, POST_TOKEN), ==, 2);
        stage_strike(&stage);
}

static void test_unreachable(void)
{
        Stage stage;

        stage_set(&stage);
        stage.target.admin_url = "http://127.0.0.1:1/admin";
        admin_configure(stage.admin, &stage.target);
        await(ask_user(&stage), ADMIN_UNAVAILABLE, "connection refused");
        stage_strike(&stage);
}

static const struct {
        const char *name;
        void (*test)(void);
} tests[] = {
        { "a question carries the token, and nothing else of ours", test_request },
        { "attributes are put as JSON", test_put },
        { "a list comes page by page", test_pages },
        { "a short question comes between two pages", test_turns },
        { "one request at a time", test_one_at_a_time },
        { "token: kept until a little before its end", test_token_kept },
        { "token: a short one, until a fifth before its end", test_token_short },
        { "token: over before it comes", test_token_over },
        { "token: refused, asked for anew once", test_token_refused },
        { "token: none without a service account, and all are told at once",
          test_no_service_account },
        { "token: none from a provider that fails", test_no_token },
        { "403 names the role", test_forbidden },
        { "rate: no more than so many a second", test_rate },
        { "Retry-After: the same is asked again, and nothing before", test_retry_after },
        { "Retry-After: not for ever", test_retry_after_often },
        { "Retry-After: too long for anybody to wait", test_retry_after_long },
        { "Retry-After: none, none is waited for", test_busy },
        { "Retry-After: of the token endpoint", test_retry_after_of_token },
        { "what cannot be asked is told by the loop", test_not_asked },
        { "too many are refused", test_waiting_max },
        { "who was cancelled is not called", test_cancelled },
        { "who cancels between two pages is not called", test_cancelled_between_pages },
        { "freed: whoever waits is told", test_freed },
        { "freed: from a callback", test_freed_from_callback },
        { "a callback may ask again", test_asks_again },
        { "another provider ends what was under way, the same does not", test_configured_anew },
        { "a provider that is not there", test_unreachable },
};

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strdup_printf("/admin/%s", tests[i].name);

                g_test_add_func(path, tests[i].test);
        }
        return g_test_run();
}

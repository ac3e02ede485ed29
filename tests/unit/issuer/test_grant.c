/* grant: what is asked, against a fake endpoint on loopback, and what each answer means. */
#include "issuer/grant.h"

#include "fake_introspection.h"
#include "issuer/grantreply.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define PATIENCE_USEC (10 * G_USEC_PER_SEC)
#define SETTLE_USEC   (30 * 1000)
#define ISSUER        "https://sso.example.com/realms/a"
#define JSON          "Content-Type: application/json\r\n"
#define TOKEN         "\"access_token\":\"ey\",\"token_type\":\"Bearer\""

/* What an answer means */

typedef struct ReplyRow {
        const char *name;
        GrantKind kind;
        unsigned status;
        const char *body;
        GrantResult result;
        const char *trouble; /* says; NULL: there is none */
} ReplyRow;

#define ERROR(word)           "{\"error\":\"" word "\"}"
#define DESCRIBED(word, text) "{\"error\":\"" word "\",\"error_description\":\"" text "\"}"
#define TEXT_64               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TEXT_512              TEXT_64 TEXT_64 TEXT_64 TEXT_64 TEXT_64 TEXT_64 TEXT_64 TEXT_64
#define DEVICE(code, uri)                                                                          \
        "{\"device_code\":\"d\",\"user_code\":\"" code "\",\"verification_uri\":\"" uri            \
        "\",\"expires_in\":600}"
#define URI "https://sso.example.com/device"

static const ReplyRow replies[] = {
        { "a token", GRANT_KIND_CLIENT, 200, "{" TOKEN "}", GRANT_GRANTED, NULL },
        { "a token, its type in lower case", GRANT_KIND_PASSWORD, 200,
          "{\"access_token\":\"ey\",\"token_type\":\"bearer\",\"expires_in\":0}", GRANT_GRANTED,
          NULL },
        { "a token of another type", GRANT_KIND_CLIENT, 200,
          "{\"access_token\":\"ey\",\"token_type\":\"DPoP\"}", GRANT_UNAVAILABLE, "token_type" },
        { "a token without a type", GRANT_KIND_CLIENT, 200, "{\"access_token\":\"ey\"}",
          GRANT_UNAVAILABLE, "token_type" },
        { "no token", GRANT_KIND_PASSWORD, 200, "{\"token_type\":\"Bearer\"}", GRANT_UNAVAILABLE,
          "access_token" },
        { "an empty token", GRANT_KIND_PASSWORD, 200,
          "{\"access_token\":\"\",\"token_type\":\"Bearer\"}", GRANT_UNAVAILABLE, "access_token" },
        { "a token that is no string", GRANT_KIND_PASSWORD, 200,
          "{\"access_token\":true,\"token_type\":\"Bearer\"}", GRANT_UNAVAILABLE, "access_token" },
        { "a token with a newline", GRANT_KIND_PASSWORD, 200,
          "{\"access_token\":\"e\\ny\",\"token_type\":\"Bearer\"}", GRANT_UNAVAILABLE,
          "access_token" },
        { "a refresh token that is no string", GRANT_KIND_PASSWORD, 200,
          "{" TOKEN ",\"refresh_token\":1}", GRANT_UNAVAILABLE, "refresh_token" },
        { "an id token that is no string", GRANT_KIND_PASSWORD, 200, "{" TOKEN ",\"id_token\":{}}",
          GRANT_UNAVAILABLE, "id_token" },
        { "a life below zero", GRANT_KIND_CLIENT, 200, "{" TOKEN ",\"expires_in\":-1}",
          GRANT_UNAVAILABLE, "expires_in" },
        { "a life as text", GRANT_KIND_CLIENT, 200, "{" TOKEN ",\"expires_in\":\"60\"}",
          GRANT_UNAVAILABLE, "expires_in" },
        { "a token twice", GRANT_KIND_CLIENT, 200, "{" TOKEN "," TOKEN "}", GRANT_UNAVAILABLE,
          "of no use" },
        { "a token and an error", GRANT_KIND_PASSWORD, 200,
          "{" TOKEN ",\"error\":\"invalid_grant\"}", GRANT_INVALID, NULL },
        { "a token and an unknown error", GRANT_KIND_PASSWORD, 200,
          "{" TOKEN ",\"error\":\"whatever\"}", GRANT_UNAVAILABLE, "error whatever" },
        { "a token and an error that is no text", GRANT_KIND_PASSWORD, 200,
          "{" TOKEN ",\"error\":null}", GRANT_UNAVAILABLE, "of no use" },
        { "a token and an empty error", GRANT_KIND_PASSWORD, 200, "{" TOKEN ",\"error\":\"\"}",
          GRANT_UNAVAILABLE, "of no use" },
        { "a token with status 201", GRANT_KIND_PASSWORD, 201, "{" TOKEN "}", GRANT_UNAVAILABLE,
          "status 201" },
        { "a token with status 400", GRANT_KIND_PASSWORD, 400, "{" TOKEN "}", GRANT_UNAVAILABLE,
          "status 400" },
        { "a redirect", GRANT_KIND_PASSWORD, 302, "", GRANT_UNAVAILABLE, "status 302" },
        { "nothing", GRANT_KIND_PASSWORD, 200, "", GRANT_UNAVAILABLE, "of no use" },
        { "HTML", GRANT_KIND_PASSWORD, 401, "<html>", GRANT_UNAVAILABLE, "status 401" },
        { "an array", GRANT_KIND_PASSWORD, 400, "[]", GRANT_UNAVAILABLE, "of no use" },
        { "too deep", GRANT_KIND_PASSWORD, 400,
          "{\"error\":\"invalid_grant\",\"a\":[[[[[[[[1]]]]]]]]}", GRANT_UNAVAILABLE, "of no use" },

        { "invalid_grant with 400", GRANT_KIND_PASSWORD, 400, ERROR("invalid_grant"), GRANT_INVALID,
          NULL },
        { "a wrong password, as Keycloak says it", GRANT_KIND_PASSWORD, 401,
          DESCRIBED("invalid_grant", "Invalid user credentials"), GRANT_INVALID, NULL },
        { "a disabled account, as Keycloak says it", GRANT_KIND_PASSWORD, 400,
          DESCRIBED("invalid_grant", "Account disabled"), GRANT_INVALID, NULL },
        { "a required action, as Keycloak says it", GRANT_KIND_PASSWORD, 400,
          DESCRIBED("invalid_grant", "Account is not fully set up"), GRANT_ACTION, NULL },
        { "the same text with another error", GRANT_KIND_PASSWORD, 400,
          DESCRIBED("access_denied", "Account is not fully set up"), GRANT_DENIED, NULL },
        { "a flow that is off, as Keycloak says it", GRANT_KIND_DEVICE_POLL, 400,
          DESCRIBED("invalid_grant", "Client not allowed OAuth 2.0 Device Authorization Grant"),
          GRANT_NOT_PERMITTED, "\"OAuth 2.0 Device Authorization Grant\"" },
        { "a no with a description too long stays a no", GRANT_KIND_PASSWORD, 400,
          DESCRIBED("invalid_grant", TEXT_512 "x"), GRANT_INVALID, NULL },
        { "a no with a description that is no text stays a no", GRANT_KIND_PASSWORD, 400,
          "{\"error\":\"invalid_grant\",\"error_description\":[]}", GRANT_INVALID, NULL },
        { "an error with a control character", GRANT_KIND_PASSWORD, 400,
          ERROR("invalid_grant\\u001b"), GRANT_UNAVAILABLE, "of no use" },
        { "an error too long", GRANT_KIND_PASSWORD, 400, ERROR(TEXT_512 "x"), GRANT_UNAVAILABLE,
          "of no use" },
        { "an error as long as may be", GRANT_KIND_PASSWORD, 400, ERROR(TEXT_512),
          GRANT_UNAVAILABLE, "error 0123" },
        { "an error in other case is another error", GRANT_KIND_PASSWORD, 400,
          ERROR("Invalid_Grant"), GRANT_UNAVAILABLE, "error Invalid_Grant" },
        { "authorization_pending", GRANT_KIND_DEVICE_POLL, 400, ERROR("authorization_pending"),
          GRANT_PENDING, NULL },
        { "slow_down", GRANT_KIND_DEVICE_POLL, 400, ERROR("slow_down"), GRANT_SLOW_DOWN, NULL },
        { "access_denied", GRANT_KIND_DEVICE_POLL, 400, ERROR("access_denied"), GRANT_DENIED,
          NULL },
        { "expired_token", GRANT_KIND_PUSH_POLL, 400, ERROR("expired_token"), GRANT_EXPIRED, NULL },
        { "access_denied of a push, with 403", GRANT_KIND_PUSH, 403, ERROR("access_denied"),
          GRANT_DENIED, NULL },
        { "unknown_user_id of a push", GRANT_KIND_PUSH, 400, ERROR("unknown_user_id"),
          GRANT_INVALID, NULL },
        { "invalid_client", GRANT_KIND_CLIENT, 401, ERROR("invalid_client"), GRANT_NOT_PERMITTED,
          "does not accept authd's client authd" },
        { "a wrong secret, as Keycloak says it", GRANT_KIND_CLIENT, 401,
          DESCRIBED("unauthorized_client", "Invalid client or Invalid client credentials"),
          GRANT_NOT_PERMITTED, "does not accept authd's client authd" },
        { "unauthorized_client of a service account", GRANT_KIND_CLIENT, 401,
          ERROR("unauthorized_client"), GRANT_NOT_PERMITTED, "\"Service accounts roles\"" },
        { "unauthorized_client of a password", GRANT_KIND_PASSWORD, 400,
          ERROR("unauthorized_client"), GRANT_NOT_PERMITTED, "\"Direct access grants\"" },
        { "unsupported_grant_type of a push", GRANT_KIND_PUSH_POLL, 400,
          ERROR("unsupported_grant_type"), GRANT_NOT_PERMITTED, "\"OIDC CIBA Grant\"" },
        { "invalid_scope", GRANT_KIND_DEVICE, 400, ERROR("invalid_scope"), GRANT_NOT_PERMITTED,
          "scope" },
        { "invalid_request", GRANT_KIND_DEVICE, 400, ERROR("invalid_request"), GRANT_UNAVAILABLE,
          "device authorization endpoint answered with error invalid_request" },
        { "a no with status 500 is none", GRANT_KIND_PASSWORD, 500, ERROR("invalid_grant"),
          GRANT_UNAVAILABLE, "status 500" },
        { "temporarily_unavailable with 503", GRANT_KIND_PASSWORD, 503,
          ERROR("temporarily_unavailable"), GRANT_UNAVAILABLE, "status 503" },

        { "a device code", GRANT_KIND_DEVICE, 200, DEVICE("ABCD-EFGH", URI), GRANT_GRANTED, NULL },
        { "a device code by plain http on loopback", GRANT_KIND_DEVICE, 200,
          DEVICE("ABCD-EFGH", "http://127.0.0.1:8080/d"), GRANT_GRANTED, NULL },
        { "a token where a device code is asked for", GRANT_KIND_DEVICE, 200, "{" TOKEN "}",
          GRANT_UNAVAILABLE, "user_code" },
        { "a device code where a token is asked for", GRANT_KIND_DEVICE_POLL, 200,
          DEVICE("ABCD-EFGH", URI), GRANT_UNAVAILABLE, "access_token" },
        { "a URL by plain http elsewhere", GRANT_KIND_DEVICE, 200,
          DEVICE("A", "http://sso.example.com/d"), GRANT_UNAVAILABLE, "verification_uri" },
        { "a URL with a user, which looks like another host", GRANT_KIND_DEVICE, 200,
          DEVICE("A", "https://sso.example.com@evil.example/d"), GRANT_UNAVAILABLE,
          "verification_uri" },
        { "a URL that is a script", GRANT_KIND_DEVICE, 200, DEVICE("A", "javascript:alert(1)"),
          GRANT_UNAVAILABLE, "verification_uri" },
        { "a URL with an escape sequence", GRANT_KIND_DEVICE, 200, DEVICE("A", URI "\\u001b[2J"),
          GRANT_UNAVAILABLE, "verification_uri" },
        { "a URL with a space", GRANT_KIND_DEVICE, 200, DEVICE("A", URI " x"), GRANT_UNAVAILABLE,
          "verification_uri" },
        { "a URL with letters of elsewhere", GRANT_KIND_DEVICE, 200,
          DEVICE("A", "https://ss\u043e.example.com/"), GRANT_UNAVAILABLE, "verification_uri" },
        { "a URL too long", GRANT_KIND_DEVICE, 200, DEVICE("A", URI TEXT_512), GRANT_UNAVAILABLE,
          "verification_uri" },
        { "no URL", GRANT_KIND_DEVICE, 200,
          "{\"device_code\":\"d\",\"user_code\":\"A\",\"expires_in\":600}", GRANT_UNAVAILABLE,
          "verification_uri" },
        { "a complete URL that is none", GRANT_KIND_DEVICE, 200,
          "{\"device_code\":\"d\",\"user_code\":\"A\",\"expires_in\":600,\"verification_uri\":"
          "\"" URI "\",\"verification_uri_complete\":\"ftp://x/\"}",
          GRANT_UNAVAILABLE, "verification_uri_complete" },
        { "a user code with a newline", GRANT_KIND_DEVICE, 200, DEVICE("A\\nB", URI),
          GRANT_UNAVAILABLE, "user_code" },
        { "a user code with letters of elsewhere", GRANT_KIND_DEVICE, 200, DEVICE("\u0410", URI),
          GRANT_UNAVAILABLE, "user_code" },
        { "a user code as long as may be", GRANT_KIND_DEVICE, 200, DEVICE(TEXT_64, URI),
          GRANT_GRANTED, NULL },
        { "a user code one too long", GRANT_KIND_DEVICE, 200, DEVICE(TEXT_64 "x", URI),
          GRANT_UNAVAILABLE, "user_code" },
        { "an empty user code", GRANT_KIND_DEVICE, 200, DEVICE("", URI), GRANT_UNAVAILABLE,
          "user_code" },
        { "no device code", GRANT_KIND_DEVICE, 200,
          "{\"user_code\":\"A\",\"verification_uri\":\"" URI "\",\"expires_in\":600}",
          GRANT_UNAVAILABLE, "device_code" },
        { "a device code for no time", GRANT_KIND_DEVICE, 200,
          "{\"device_code\":\"d\",\"user_code\":\"A\",\"verification_uri\":\"" URI
          "\",\"expires_in\":0}",
          GRANT_UNAVAILABLE, "expires_in" },
        { "a push", GRANT_KIND_PUSH, 200, "{\"auth_req_id\":\"r\",\"expires_in\":120}",
          GRANT_GRANTED, NULL },
        { "a push without an id", GRANT_KIND_PUSH, 200, "{\"expires_in\":120}", GRANT_UNAVAILABLE,
          "auth_req_id" },
        { "a push with an interval that is no number", GRANT_KIND_PUSH, 200,
          "{\"auth_req_id\":\"r\",\"expires_in\":120,\"interval\":\"5\"}", GRANT_UNAVAILABLE,
          "interval" },
};

static void test_reply(const void *userdata)
{
        const ReplyRow *row = userdata;
        g_auto(GrantReply) reply = { 0 };

        grant_reply_read(row->kind, "authd", row->status, span_from(row->body), &reply);
        g_assert_cmpstr(grant_result_text(reply.result), ==, grant_result_text(row->result));
        g_assert_cmpint(reply.trouble != NULL, ==, row->trouble != NULL);
        if (row->trouble && !strstr(reply.trouble, row->trouble))
                g_error("\"%s\" does not say \"%s\"", reply.trouble, row->trouble);
        g_assert_nonnull(reply.error);
        g_assert_nonnull(reply.description);
        g_assert_cmpuint(strlen(reply.description), <=, GRANT_TEXT_MAX);
        if (reply.result == GRANT_GRANTED)
                return;
        g_assert_cmpuint(reply.access_token.len + reply.refresh_token.len + reply.id_token.len, ==,
                         0);
        g_assert_cmpuint(reply.code.len, ==, 0);
        g_assert_null(reply.user_code);
        g_assert_null(reply.verification_uri);
}

typedef struct BoundRow {
        const char *name;
        const char *expires_in, *interval; /* as JSON; interval "" : none */
        int64_t expires_in_sec, interval_sec;
} BoundRow;

static const BoundRow bounds[] = {
        { "no interval is 5 seconds", "600", "", 600, 5 },
        { "both are taken as they are", "1", "7", 1, 7 },
        { "an interval of nothing is a second", "600", "0", 600, 1 },
        { "the longest interval", "600", "60", 600, 60 },
        { "an interval beyond it", "600", "61", 600, 60 },
        { "the longest life", "1800", "5", 1800, 5 },
        { "a life beyond it", "1801", "5", 1800, 5 },
        { "a life and an interval without end", "9223372036854775807", "9223372036854775807", 1800,
          60 },
};

static void test_bounds(const void *userdata)
{
        const BoundRow *row = userdata;
        g_autofree char *interval =
            row->interval[0] ? g_strdup_printf(",\"interval\":%s", row->interval) : g_strdup("");
        g_autofree char *body = g_strdup_printf("{\"auth_req_id\":\"r\",\"expires_in\":%s%s}",
                                                row->expires_in, interval);
        g_auto(GrantReply) reply = { 0 };

        grant_reply_read(GRANT_KIND_PUSH, "authd", 200, span_from(body), &reply);
        g_assert_cmpint(reply.result, ==, GRANT_GRANTED);
        g_assert_cmpint(reply.expires_in_sec, ==, row->expires_in_sec);
        g_assert_cmpint(reply.interval_sec, ==, row->interval_sec);
}

/* The stage */

typedef struct Stage {
        GMainContext *context;
        Fetcher *fetcher;
        FakeIntrospection *fake;
        char *secret_file;
        char *client_id;
        ClientAuthSettings client;
        GrantTarget target;
        /* What came. */
        unsigned n_answers;
        GrantResult result;
        char *texts; /* of the answer, one a line */
        char *trouble;
        int64_t retry_after_sec;
} Stage;

static void stage_take(Stage *stage, GrantResult result, const char *trouble, char *texts)
{
        stage->n_answers++;
        stage->result = result;
        g_free(stage->trouble);
        stage->trouble = g_strdup(trouble);
        g_free(stage->texts);
        stage->texts = texts;
}

static void on_token(const GrantAnswer *answer, void *userdata)
{
        Stage *stage = userdata;
        char *texts = g_strdup_printf("%.*s %.*s %.*s %" G_GINT64_FORMAT " %s: %s",
                                      (int) answer->access_token.len, answer->access_token.data,
                                      (int) answer->refresh_token.len, answer->refresh_token.data,
                                      (int) answer->id_token.len, answer->id_token.data,
                                      answer->expires_in_sec, answer->error, answer->description);

        stage->retry_after_sec = answer->retry_after_sec;
        stage_take(stage, answer->result, answer->trouble, texts);
}

static void on_device(const DeviceAnswer *answer, void *userdata)
{
        char *texts = g_strdup_printf(
            "%.*s %s %s %s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, (int) answer->device_code.len,
            answer->device_code.data, answer->user_code, answer->verification_uri,
            answer->verification_uri_complete, answer->expires_in_sec, answer->interval_sec);

        stage_take(userdata, answer->result, answer->trouble, texts);
}

static void on_push(const PushAnswer *answer, void *userdata)
{
        char *texts = g_strdup_printf("%.*s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT,
                                      (int) answer->auth_req_id.len, answer->auth_req_id.data,
                                      answer->expires_in_sec, answer->interval_sec);

        stage_take(userdata, answer->result, answer->trouble, texts);
}

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

/* An answer never comes before the question is asked. */
static void await(Stage *stage)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        g_assert_cmpuint(stage->n_answers, ==, 0);
        while (stage->n_answers == 0 && g_get_monotonic_time() < end)
                turn(stage);
        g_assert_cmpuint(stage->n_answers, ==, 1);
        stage->n_answers = 0;
}

static void stage_set(Stage *stage, unsigned status, const char *headers, const char *body)
{
        int fd;

        *stage = (Stage){ .context = g_main_context_new() };
        stage->fetcher = fetcher_new(stage->context);
        stage->fake = fake_introspection_new();
        fd = g_file_open_tmp("grant-XXXXXX", &stage->secret_file, NULL);
        g_assert_cmpint(write(fd, "secret", 6), ==, 6);
        close(fd);
        stage->client_id = g_strdup("authd");
        stage->client = (ClientAuthSettings){ .client_id = stage->client_id,
                                              .secret_file = stage->secret_file };
        stage->target = (GrantTarget){
                .issuer_url = ISSUER,
                .token_endpoint = fake_introspection_url(stage->fake),
                .device_endpoint = fake_introspection_url(stage->fake),
                .push_endpoint = fake_introspection_url(stage->fake),
                .client = &stage->client,
        };
        fake_introspection_serve(stage->fake, status, headers, body);
}

static void stage_strike(Stage *stage)
{
        fetcher_free(stage->fetcher);
        fake_introspection_free(stage->fake);
        g_unlink(stage->secret_file);
        g_free(stage->secret_file);
        g_free(stage->client_id);
        g_free(stage->trouble);
        g_free(stage->texts);
        g_main_context_unref(stage->context);
}

static void assert_sent(Stage *stage, const char *form)
{
        g_autofree char *request = fake_introspection_request(stage->fake, 0);
        g_autofree char *end = g_strconcat("\r\n\r\n", form, NULL);

        g_assert_true(g_str_has_prefix(request, "POST /introspect HTTP/1.1\r\n"));
        g_assert_nonnull(strstr(request, "\r\nAccept: application/json\r\n"));
        g_assert_nonnull(
            strstr(request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
        g_assert_nonnull(strstr(request, "\r\nAuthorization: Basic YXV0aGQ6c2VjcmV0\r\n"));
        if (!g_str_has_suffix(request, end))
                g_error("not asked so: %s", request);
}

static void test_client_credentials(void)
{
        Stage stage;

        stage_set(&stage, 200, JSON, "{" TOKEN ",\"expires_in\":60}");
        grant_client_credentials(stage.fetcher, &stage.target, NULL, on_token, &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_GRANTED);
        g_assert_cmpstr(stage.texts, ==, "ey   60 : ");
        assert_sent(&stage, "grant_type=client_credentials");
        stage_strike(&stage);
}

static void test_password(void)
{
        Stage stage;

        stage_set(&stage, 200, JSON,
                  "{" TOKEN ",\"refresh_token\":\"r\",\"id_token\":\"i\",\"expires_in\":300}");
        grant_password(stage.fetcher, &stage.target, "openid a", span_from("ann&co"),
                       span_of("p\0&=+ \xff", 7), span_from("123456"), on_token, &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_GRANTED);
        g_assert_cmpstr(stage.texts, ==, "ey r i 300 : ");
        assert_sent(&stage, "grant_type=password&scope=openid%20a&username=ann%26co&"
                            "password=p%00%26%3D%2B%20%FF&totp=123456");
        stage_strike(&stage);
}

static void test_password_refused(void)
{
        Stage stage;

        stage_set(&stage, 401, JSON, DESCRIBED("invalid_grant", "Invalid user credentials"));
        grant_password(stage.fetcher, &stage.target, NULL, span_from("ann"), span_from("p"),
                       SPAN_EMPTY, on_token, &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_INVALID);
        g_assert_cmpstr(stage.texts, ==, "   0 invalid_grant: Invalid user credentials");
        g_assert_null(stage.trouble);
        assert_sent(&stage, "grant_type=password&username=ann&password=p");
        stage_strike(&stage);
}

static void test_device(void)
{
        Stage stage;

        stage_set(&stage, 200, JSON,
                  "{\"device_code\":\"d\",\"user_code\":\"AB-CD\",\"verification_uri\":\"" URI
                  "\",\"verification_uri_complete\":\"" URI "?user_code=AB-CD\",\"expires_in\":600,"
                  "\"interval\":7}");
        grant_device_begin(stage.fetcher, &stage.target, "openid", on_device, &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_GRANTED);
        g_assert_cmpstr(stage.texts, ==, "d AB-CD " URI " " URI "?user_code=AB-CD 600 7");
        assert_sent(&stage, "scope=openid");
        stage_strike(&stage);
}

static void test_device_poll(void)
{
        Stage stage;

        stage_set(&stage, 400, JSON, ERROR("slow_down"));
        grant_device_poll(stage.fetcher, &stage.target, span_from("d/1"), on_token, &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_SLOW_DOWN);
        assert_sent(&stage, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&"
                            "device_code=d%2F1");
        stage_strike(&stage);
}

static void test_push(void)
{
        Stage stage;

        stage_set(&stage, 200, JSON, "{\"auth_req_id\":\"r\",\"expires_in\":120}");
        grant_push_begin(stage.fetcher, &stage.target, "openid", "ann", "sudo: ls", on_push,
                         &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_GRANTED);
        g_assert_cmpstr(stage.texts, ==, "r 120 5");
        assert_sent(&stage, "scope=openid&login_hint=ann&binding_message=sudo%3A%20ls");
        stage_strike(&stage);
}

static void test_push_poll(void)
{
        Stage stage;

        stage_set(&stage, 400, JSON, ERROR("authorization_pending"));
        grant_push_poll(stage.fetcher, &stage.target, span_from("r"), on_token, &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_PENDING);
        assert_sent(&stage, "grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=r");
        stage_strike(&stage);
}

static void test_busy(void)
{
        Stage stage;

        stage_set(&stage, 503, "Retry-After: 17\r\n", "");
        grant_client_credentials(stage.fetcher, &stage.target, NULL, on_token, &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_UNAVAILABLE);
        g_assert_cmpint(stage.retry_after_sec, ==, 17);
        stage_strike(&stage);
}

static void test_large(void)
{
        Stage stage;
        g_autofree char *body = g_malloc0(GRANT_SIZE_MAX + 2);

        memset(body, ' ', GRANT_SIZE_MAX + 1);
        stage_set(&stage, 200, JSON, body);
        grant_client_credentials(stage.fetcher, &stage.target, NULL, on_token, &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_UNAVAILABLE);
        g_assert_nonnull(strstr(stage.trouble, "larger than 65536 bytes"));
        stage_strike(&stage);
}

/* Not asked at all: told by the loop, as a sentence. */
static void assert_not_asked(Stage *stage, const char *trouble)
{
        grant_device_begin(stage->fetcher, &stage->target, NULL, on_device, stage);
        await(stage);
        g_assert_cmpint(stage->result, ==, GRANT_UNAVAILABLE);
        if (!strstr(stage->trouble, trouble))
                g_error("\"%s\" does not say \"%s\"", stage->trouble, trouble);
        g_assert_cmpuint(fake_introspection_count(stage->fake), ==, 0);
}

static void test_not_asked(void)
{
        Stage stage;

        stage_set(&stage, 200, JSON, "{}");
        stage.target.device_endpoint = NULL;
        assert_not_asked(&stage, "names no such endpoint");
        stage.target.device_endpoint = "http://sso.example.com/device";
        assert_not_asked(&stage, "plain http");
        stage.target.device_endpoint = fake_introspection_url(stage.fake);
        stage.client.secret_file = (char *) "/nonexistent";
        assert_not_asked(&stage, "/nonexistent");
        stage.client.client_id = NULL;
        assert_not_asked(&stage, "client");
        stage_strike(&stage);
}

static void test_unreachable(void)
{
        Stage stage;

        stage_set(&stage, 200, JSON, "{}");
        stage.target.token_endpoint = "http://127.0.0.1:1/token";
        grant_client_credentials(stage.fetcher, &stage.target, NULL, on_token, &stage);
        await(&stage);
        g_assert_cmpint(stage.result, ==, GRANT_UNAVAILABLE);
        g_assert_nonnull(strstr(stage.trouble, "connection refused"));
        stage_strike(&stage);
}

static void test_cancelled(void)
{
        Stage stage;

        stage_set(&stage, 200, JSON, "{" TOKEN "}");
        grant_cancel(NULL);
        grant_cancel(
            grant_client_credentials(stage.fetcher, &stage.target, NULL, on_token, &stage));
        stage.target.token_endpoint = NULL;
        grant_cancel(
            grant_client_credentials(stage.fetcher, &stage.target, NULL, on_token, &stage));
        settle(&stage);
        g_assert_cmpuint(stage.n_answers, ==, 0);
        stage_strike(&stage);
}

static const struct {
        const char *name;
        void (*test)(void);
} tests[] = {
        { "client credentials", test_client_credentials },
        { "a password with an OTP, whatever bytes it has", test_password },
        { "a wrong password", test_password_refused },
        { "a device code", test_device },
        { "polling for a device", test_device_poll },
        { "a push", test_push },
        { "polling for a push", test_push_poll },
        { "a busy provider says until when", test_busy },
        { "an answer too large", test_large },
        { "what cannot be asked is told later", test_not_asked },
        { "a provider that is not there", test_unreachable },
        { "who was cancelled is not called", test_cancelled },
};

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strdup_printf("/grant/%s", tests[i].name);

                g_test_add_func(path, tests[i].test);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(replies); i++) {
                g_autofree char *path = g_strdup_printf("/grant/reply/%s", replies[i].name);

                g_test_add_data_func(path, &replies[i], test_reply);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
                g_autofree char *path = g_strdup_printf("/grant/bounds/%s", bounds[i].name);

                g_test_add_data_func(path, &bounds[i], test_bounds);
        }
        return g_test_run();
}

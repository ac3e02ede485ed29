/* issuer: the wiring, against a fake provider on loopback; time is set. */
#include "issuer/issuer.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "stage.h"

#include <glib/gstdio.h>
#include <unistd.h>

/* Keys come and go */

static void test_ready(void)
{
        const char *missing = NULL;
        Stage stage;

        stage_set(&stage);
        serve_document(&stage, "");
        serve_keys(&stage, "a enc1 p1");
        configure(&stage);
        g_assert_cmpuint(stage.n_views, ==, 1);
        g_assert_null(issuer_view_get(stage.view, 0)->keys);
        g_assert_false(issuers_ready(stage.issuers, &missing));
        g_assert_cmpstr(missing, ==, "fake");
        assert_status(&stage, "state", "waiting");
        await_views(&stage, 2);
        g_assert_true(issuers_ready(stage.issuers, NULL));
        g_assert_true(view_has(&stage, "a"));
        g_assert_cmpuint(keyset_size(issuer_view_get(stage.view, 0)->keys), ==, 2);
        assert_status(&stage, "state", "ready");
        stage_strike(&stage);
}

static void test_refresh(void)
{
        Stage stage;

        stage_set_ready(&stage, "a");
        serve_keys(&stage, "a b");
        later(47.9); /* max-age=60, from 80 % of it to 90 % */
        settle(&stage);
        g_assert_cmpuint(n_key_requests(&stage), ==, 1);
        later(6.2);
        await_views(&stage, 3);
        g_assert_true(view_has(&stage, "b"));
        g_assert_cmpuint(fake_provider_count(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH), ==, 1);
        stage_strike(&stage);
}

static void test_removed_key(void)
{
        Stage stage;

        stage_set_ready(&stage, "a b");
        serve_keys(&stage, "b");
        later(60);
        await_views(&stage, 3);
        g_assert_false(view_has(&stage, "a"));
        g_assert_true(view_has(&stage, "b"));
        stage_strike(&stage);
}

static void test_equal_keys(void)
{
        g_autoptr(KeySet) before = NULL;
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a p1");
        before = keyset_ref(issuer_view_get(stage.view, 0)->keys);
        serve_keys(&stage, "p1 a"); /* the same in another order */
        later_than_cooldown();
        index = ask(&stage, "x");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_ASKED);
        g_assert_cmpuint(n_key_requests(&stage), ==, 2);
        g_assert_cmpuint(stage.n_views, ==, 3); /* it says until when they are fresh */
        g_assert_true(issuer_view_get(stage.view, 0)->keys == before);
        stage_strike(&stage);
}

static void test_discovery_again(void)
{
        Stage stage;

        stage_set_ready(&stage, "a");
        later(3601);
        await_requests(&stage, FAKE_PROVIDER_DISCOVERY_PATH, 2);
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        stage_strike(&stage);
}

/* Keys that moved: the document is read anew after a failure. */
static void test_moved_keys(void)
{
        g_autofree char *json = jwks_of("b"), *document = NULL;
        Stage stage;

        stage_set_ready(&stage, "a");
        document =
            g_strdup_printf("{\"issuer\":\"%s\",\"jwks_uri\":\"%s/new\"}",
                            fake_provider_url(stage.provider), fake_provider_url(stage.provider));
        fake_provider_serve(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH, 200, "", document);
        fake_provider_serve(stage.provider, FAKE_PROVIDER_KEYS_PATH, 404, "", "gone");
        fake_provider_serve(stage.provider, FAKE_PROVIDER_ISSUER_PATH "/new", 200, "", json);
        later(60);
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        settle(&stage);
        assert_status(&stage, "state", "failing");
        later(1);
        await_views(&stage, 3);
        g_assert_true(view_has(&stage, "b"));
        assert_status(&stage, "last_error", NULL);
        stage_strike(&stage);
}

/* An older document serves while a new one cannot be had; that is said. */
static void test_old_document(void)
{
        Stage stage;

        stage_set_ready(&stage, "a");
        fake_provider_serve(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH, 500, "", "");
        serve_keys(&stage, "a b");
        later(3601);
        await_views(&stage, 3);
        g_assert_true(view_has(&stage, "b"));
        assert_status(&stage, "state", "ready");
        g_assert_true(status_says(&stage, "last_error", "discovery"));
        stage_strike(&stage);
}

/* Questions */

static void test_new_key(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        serve_keys(&stage, "a b");
        later_than_cooldown();
        index = ask(&stage, "b");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_ASKED);
        g_assert_true(view_has(&stage, "b"));
        /* The view was published before the answer. */
        g_assert_cmpuint(stage.serials[index], ==, issuer_view_serial(stage.view));
        stage_strike(&stage);
}

static void test_single_flight(void)
{
        unsigned first;
        Stage stage;

        stage_set_ready(&stage, "a");
        serve_keys(&stage, "a b");
        later_than_cooldown();
        first = ask(&stage, "b");
        for (int i = 0; i < 20; i++)
                ask(&stage, "b");
        await_answer(&stage, first);
        for (unsigned i = 0; i < stage.n_asked; i++)
                g_assert_cmpint(stage.answers[i], ==, ISSUER_KEYS_ASKED);
        g_assert_cmpuint(n_key_requests(&stage), ==, 2);
        stage_strike(&stage);
}

static void test_cooldown(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        serve_keys(&stage, "a b");
        index = ask(&stage, "b"); /* the first fetch ended this moment */
        settle(&stage);
        g_assert_cmpint(stage.answers[index], ==, UNANSWERED);
        g_assert_cmpuint(n_key_requests(&stage), ==, 1);
        later_than_cooldown();
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_ASKED);
        g_assert_true(view_has(&stage, "b"));
        stage_strike(&stage);
}

static void test_absent(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        later_than_cooldown();
        await_answer(&stage, ask(&stage, "x"));
        later_than_cooldown();
        index = ask(&stage, "x");
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_COOLDOWN); /* at once */
        settle(&stage);
        g_assert_cmpuint(n_key_requests(&stage), ==, 2);
        later(ISSUER_ABSENT_SEC);
        index = ask(&stage, "x");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_ASKED);
        g_assert_cmpuint(n_key_requests(&stage), ==, 3);
        stage_strike(&stage);
}

static void test_known_kid(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        index = ask(&stage, "a");
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_ASKED);
        stage_strike(&stage);
}

static void test_unknown_name(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        index = ask_of(&stage, "nobody", "a", false);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        stage_strike(&stage);
}

/* Asked during a fetch whose answer was made before: one more fetch, none that is refused. */
static void test_asked_during_fetch(void)
{
        unsigned before, during;
        Stage stage;

        stage_set_ready(&stage, "a");
        later_than_cooldown();
        fake_provider_hold(stage.provider);
        before = ask(&stage, "x");
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        during = ask(&stage, "b");
        fake_provider_release(stage.provider);
        await_answer(&stage, before);
        g_assert_cmpint(stage.answers[during], ==, UNANSWERED);
        serve_keys(&stage, "a b");
        later_than_cooldown();
        await_answer(&stage, during);
        g_assert_cmpint(stage.answers[during], ==, ISSUER_KEYS_ASKED);
        g_assert_true(view_has(&stage, "b"));
        stage_strike(&stage);
}

/* Failures */

typedef struct FailureRow {
        const char *name;
        const char *path;
        unsigned status;
        const char *headers;
        const char *body;
        const char *says;
} FailureRow;

static const FailureRow failures[] = {
        { "discovery: not found", FAKE_PROVIDER_DISCOVERY_PATH, 404, "", "", "status 404" },
        { "discovery: HTML", FAKE_PROVIDER_DISCOVERY_PATH, 200, "", "<html>", "not usable JSON" },
        { "discovery: another issuer", FAKE_PROVIDER_DISCOVERY_PATH, 200, "",
          "{\"issuer\":\"https://else.example.com\",\"jwks_uri\":\"https://else.example.com/c\"}",
          "is of issuer https://else.example.com" },
        { "discovery: a redirect", FAKE_PROVIDER_DISCOVERY_PATH, 302,
          "Location: http://127.0.0.1:1/\r\n", "", "status 302" },
        { "keys: error 500", FAKE_PROVIDER_KEYS_PATH, 500, "", "", "status 500" },
        { "keys: HTML", FAKE_PROVIDER_KEYS_PATH, 200, "", "<html>", "the key set is of no use" },
        { "keys: truncated", FAKE_PROVIDER_KEYS_PATH, 200, "", "{\"keys\":[{\"kid\":\"a\"",
          "the key set is of no use" },
        { "keys: none in the set", FAKE_PROVIDER_KEYS_PATH, 200, "", "{\"keys\":[]}",
          "the key set is of no use" },
        { "keys: only one for encryption", FAKE_PROVIDER_KEYS_PATH, 200, "",
          "{\"keys\":[{\"kid\":\"e\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"enc\",\"x\":"
          "\"" JWKS_ED25519_X "\"}]}",
          "the key set is of no use" },
        { "keys: a status that is good for nothing", FAKE_PROVIDER_KEYS_PATH, 204, "", "",
          "status 204" },
};

static void serve_failure(Stage *stage, const FailureRow *row)
{
        fake_provider_serve(stage->provider, row->path, row->status, row->headers, row->body);
}

static void test_failure_at_start(gconstpointer data)
{
        const FailureRow *row = data;
        unsigned index;
        Stage stage;

        stage_set(&stage);
        serve_document(&stage, "");
        serve_keys(&stage, "a");
        serve_failure(&stage, row);
        configure(&stage);
        index = ask(&stage, "a");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        g_assert_cmpuint(stage.n_views, ==, 1);
        g_assert_false(issuers_ready(stage.issuers, NULL));
        assert_status(&stage, "state", "failing");
        if (!status_says(&stage, "last_error", row->says))
                g_error("last_error does not say \"%s\"", row->says);
        serve_document(&stage, "");
        serve_keys(&stage, "a");
        later(1);
        await_views(&stage, 2);
        g_assert_true(view_has(&stage, "a"));
        stage_strike(&stage);
}

static void test_failure_later(gconstpointer data)
{
        const FailureRow *row = data;
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        serve_failure(&stage, row);
        later(3601); /* discovery is due as well */
        index = ask(&stage, "x");
        await_answer(&stage, index);
        g_assert_true(view_has(&stage, "a")); /* the last good ones stay */
        g_assert_true(issuers_ready(stage.issuers, NULL));
        /* Keys that came by an old document are an answer all the same. */
        g_assert_cmpuint(stage.n_views, ==, strstr(row->path, "certs") ? 2 : 3);
        g_assert_true(status_says(&stage, "last_error", row->says));
        stage_strike(&stage);
}

static void test_provider_down(void)
{
        unsigned index;
        Stage stage;

        stage_set(&stage);
        g_free(first_settings(&stage)->url);
        first_settings(&stage)->url = g_strdup("http://127.0.0.1:1/realms/down");
        configure(&stage);
        index = ask(&stage, "a");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        assert_status(&stage, "state", "failing");
        index = ask(&stage, "a"); /* nobody waits just after a failure */
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        stage_strike(&stage);
}

static void test_plain_http(void)
{
        unsigned index;
        Stage stage;

        stage_set(&stage);
        g_free(first_settings(&stage)->url);
        first_settings(&stage)->url = g_strdup("http://sso.example.com/realms/a");
        configure(&stage);
        index = ask(&stage, "a");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        stage_strike(&stage);
}

/* During the back-off a question may try once a cooldown, and ends the outage. */
static void test_question_ends_outage(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        fake_provider_serve(stage.provider, FAKE_PROVIDER_KEYS_PATH, 500, "", "");
        for (int i = 0; i < 6; i++) {
                later(61);
                await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2 + (unsigned) i);
                settle(&stage);
        }
        serve_keys(&stage, "a b");
        later_than_cooldown(); /* the background would wait for 16 s at least */
        index = ask(&stage, "b");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_ASKED);
        g_assert_true(view_has(&stage, "b"));
        assert_status(&stage, "state", "ready");
        assert_status(&stage, "last_error", NULL);
        stage_strike(&stage);
}

/* Settings */

static void test_reconfigure_keeps(void)
{
        Stage stage;

        stage_set_ready(&stage, "a");
        first_settings(&stage)->leeway_sec = 42;
        g_free(first_settings(&stage)->name);
        first_settings(&stage)->name = g_strdup("renamed");
        configure(&stage);
        g_assert_cmpuint(stage.n_views, ==, 3);
        g_assert_true(view_has(&stage, "a"));
        g_assert_cmpstr(issuer_view_get(stage.view, 0)->name, ==, "renamed");
        g_assert_cmpint(issuer_view_get(stage.view, 0)->leeway_sec, ==, 42);
        settle(&stage);
        g_assert_cmpuint(n_key_requests(&stage), ==, 1);
        stage_strike(&stage);
}

static void test_reconfigure_forgets(void)
{
        Stage stage;

        stage_set_ready(&stage, "a");
        first_settings(&stage)->ca_file = g_strdup("/nowhere/ca.pem");
        configure(&stage);
        g_assert_false(view_has(&stage, "a"));
        g_assert_false(issuers_ready(stage.issuers, NULL));
        g_ptr_array_set_size(stage.settings, 0);
        configure(&stage);
        g_assert_cmpuint(issuer_view_size(stage.view), ==, 0);
        stage_strike(&stage);
}

/* A fetch under way, a question waits, and the issuer goes. */
static void test_reconfigure_during_fetch(void)
{
        unsigned index;
        Stage stage;

        stage_set(&stage);
        serve_document(&stage, "");
        serve_keys(&stage, "a");
        fake_provider_hold(stage.provider);
        configure(&stage);
        index = ask(&stage, "a");
        await_requests(&stage, FAKE_PROVIDER_DISCOVERY_PATH, 1);
        configure(&stage); /* the same settings: the question waits on */
        g_assert_cmpint(stage.answers[index], ==, UNANSWERED);
        g_ptr_array_set_size(stage.settings, 0);
        configure(&stage);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        fake_provider_release(stage.provider);
        settle(&stage);
        g_assert_cmpuint(n_key_requests(&stage), ==, 0);
        stage_strike(&stage);
}

static void test_free_during_fetch(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        later_than_cooldown();
        fake_provider_hold(stage.provider);
        index = ask(&stage, "x");
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        g_clear_pointer(&stage.issuers, issuers_free);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        fake_provider_release(stage.provider);
        settle(&stage);
        stage_strike(&stage);
}

static void test_free_in_answer(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        later_than_cooldown();
        index = ask_of(&stage, "fake", "x", true);
        ask(&stage, "x");
        await_answer(&stage, index);
        g_assert_null(stage.issuers);
        stage_strike(&stage);
}

static void test_duplicates(void)
{
        g_autoptr(GError) name_error = NULL, url_error = NULL;
        Stage stage;

        stage_set_ready(&stage, "a");
        g_ptr_array_add(stage.settings, settings_new("fake", "https://other.example.com"));
        g_assert_false(issuers_configure(stage.issuers, stage.settings, false, &name_error));
        g_assert_nonnull(strstr(name_error->message, "fake"));
        g_ptr_array_remove_index(stage.settings, 1);
        g_ptr_array_add(stage.settings, settings_new("two", fake_provider_url(stage.provider)));
        g_assert_false(issuers_configure(stage.issuers, stage.settings, false, &url_error));
        g_assert_nonnull(strstr(url_error->message, "127.0.0.1"));
        g_assert_cmpuint(stage.n_views, ==, 2);
        stage_strike(&stage);
}

static void test_two_issuers(void)
{
        const char *missing = NULL;
        unsigned index;
        Stage stage;

        stage_set(&stage);
        serve_document(&stage, "");
        serve_keys(&stage, "a");
        g_ptr_array_add(stage.settings, settings_new("down", "http://127.0.0.1:1/realms/down"));
        configure(&stage);
        await_views(&stage, 2);
        g_assert_true(view_has(&stage, "a"));
        g_assert_null(issuer_view_get(stage.view, 1)->keys);
        g_assert_false(issuers_ready(stage.issuers, &missing));
        g_assert_cmpstr(missing, ==, "down");
        index = ask_of(&stage, "down", "a", false); /* the other's key is not lent */
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        stage_strike(&stage);
}

static void test_fetch_url(void)
{
        g_autofree char *document =
            g_strdup("{\"issuer\":\"https://sso.example.com/r\",\"jwks_uri\":"
                     "\"https://sso.example.com/r/certs\"}");
        Stage stage;

        stage_set(&stage);
        g_free(first_settings(&stage)->url);
        first_settings(&stage)->url = g_strdup("https://sso.example.com/r");
        first_settings(&stage)->fetch_url = g_strdup(fake_provider_url(stage.provider));
        fake_provider_serve(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH, 200, "", document);
        serve_keys(&stage, "a");
        configure(&stage);
        await_views(&stage, 2);
        g_assert_nonnull(issuer_view_find(stage.view, span_from("https://sso.example.com/r")));
        g_assert_true(view_has(&stage, "a"));
        stage_strike(&stage);
}

/* Static files */

static char *write_keys_file(const char *kids)
{
        g_autofree char *json = jwks_of(kids);
        char *path = NULL;
        int fd = g_file_open_tmp("authd-keys-XXXXXX", &path, NULL);

        g_assert_cmpint(write(fd, json, strlen(json)), ==, (ssize_t) strlen(json));
        close(fd);
        return path;
}

static void rewrite_keys_file(const char *path, const char *kids)
{
        g_autofree char *json = jwks_of(kids);

        g_assert_true(g_file_set_contents(path, json, -1, NULL));
}

static void test_keys_file(void)
{
        g_autofree char *path = write_keys_file("a enc1");
        unsigned index;
        Stage stage;

        stage_set(&stage);
        first_settings(&stage)->keys_file = g_strdup(path);
        configure(&stage);
        g_assert_cmpuint(stage.n_views, ==, 1);
        g_assert_true(view_has(&stage, "a"));
        g_assert_true(issuers_ready(stage.issuers, NULL));
        assert_status(&stage, "state", "static");
        index = ask(&stage, "x");
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_COOLDOWN);
        rewrite_keys_file(path, "b");
        configure(&stage); /* a reload reads the file again */
        g_assert_true(view_has(&stage, "b"));
        later(3600);
        settle(&stage);
        g_assert_cmpuint(fake_provider_count(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH), ==, 0);
        stage_strike(&stage);
        g_unlink(path);
}

static void test_bad_keys_file(void)
{
        g_autofree char *path = write_keys_file("enc1");
        g_autoptr(GError) unusable = NULL, absent = NULL;
        Stage stage;

        stage_set_ready(&stage, "a");
        g_ptr_array_add(stage.settings, settings_new("sealed", "https://sealed.example.com"));
        ((IssuerSettings *) stage.settings->pdata[1])->keys_file = g_strdup(path);
        g_assert_false(issuers_configure(stage.issuers, stage.settings, true, &unusable));
        g_assert_nonnull(strstr(unusable->message, path));
        g_assert_nonnull(strstr(unusable->message, "sealed"));
        g_unlink(path);
        g_assert_false(issuers_configure(stage.issuers, stage.settings, true, &absent));
        g_assert_nonnull(strstr(absent->message, path));
        g_assert_cmpuint(stage.n_views, ==, 2); /* nothing changed */
        g_assert_true(view_has(&stage, "a"));
        g_assert_true(issuers_ready(stage.issuers, NULL));
        stage_strike(&stage);
}

/* What people see */

static void test_status(void)
{
        json_t *status, *key;
        Stage stage;

        clock_set_wall_for_tests(1800000000);
        stage_set_ready(&stage, "a p1");
        status = status_of(&stage);
        key = json_array_get(json_object_get(status, "keys"), 1);
        g_assert_cmpstr(json_string_value(json_object_get(status, "name")), ==, "fake");
        g_assert_cmpstr(json_string_value(json_object_get(status, "url")), ==,
                        fake_provider_url(stage.provider));
        g_assert_cmpint(json_integer_value(json_object_get(status, "keys_at")), ==, 1800000000);
        g_assert_cmpint(json_integer_value(json_object_get(status, "next_refresh_at")), >=,
                        1800000048);
        g_assert_cmpint(json_integer_value(json_object_get(status, "next_refresh_at")), <=,
                        1800000054);
        g_assert_true(json_is_false(json_object_get(status, "development")));
        g_assert_cmpstr(json_string_value(json_object_get(key, "kid")), ==, "p1");
        g_assert_cmpstr(json_string_value(json_object_get(key, "kty")), ==, "EC");
        g_assert_cmpstr(json_string_value(json_array_get(json_object_get(key, "algs"), 0)), ==,
                        "ES256");
        json_decref(status);
        stage_strike(&stage);
        clock_set_wall_for_tests(0);
}

static void test_development(void)
{
        Stage stage;

        stage_set(&stage);
        serve_document(&stage, ",\"authd_development_issuer\":true");
        serve_keys(&stage, "a");
        configure(&stage);
        await_views(&stage, 2);
        g_assert_true(issuer_view_get(stage.view, 0)->development);
        g_assert_false(issuer_view_allows_development(stage.view));
        g_assert_true(issuers_configure(stage.issuers, stage.settings, true, NULL));
        g_assert_true(issuer_view_allows_development(stage.view));
        serve_document(&stage, "");
        later(3601);
        await_views(&stage, 4);
        g_assert_false(issuer_view_get(stage.view, 0)->development);
        stage_strike(&stage);
}

static void test_metric(void)
{
        g_autoptr(GString) text = g_string_new(NULL);
        Stage stage;

        stage_set_ready(&stage, "a");
        fake_provider_serve(stage.provider, FAKE_PROVIDER_KEYS_PATH, 500, "", "");
        later_than_cooldown();
        await_answer(&stage, ask(&stage, "x"));
        metric_registry_expose(stage.registry, text);
        g_assert_nonnull(strstr(text->str, "call=\"discovery\",result=\"ok\"} 1"));
        g_assert_nonnull(strstr(text->str, "call=\"keys\",result=\"ok\"} 1"));
        g_assert_nonnull(strstr(text->str, "call=\"keys\",result=\"status\"} 1"));
        stage_strike(&stage);
}

/* The log */

static void try_once_more(Stage *stage, unsigned n_requests)
{
        later(61);
        await_requests(stage, FAKE_PROVIDER_KEYS_PATH, n_requests);
        settle(stage);
}

static void test_log_failures(void)
{
        g_autofree char *text = NULL;
        Capture capture;
        Stage stage;

        stage_set_ready(&stage, "a");
        capture = capture_begin();
        fake_provider_serve(stage.provider, FAKE_PROVIDER_KEYS_PATH, 500, "", "");
        for (unsigned i = 2; i < 9; i++) /* seven times: said at the 1st, 2nd and 4th */
                try_once_more(&stage, i);
        fake_provider_serve(stage.provider, FAKE_PROVIDER_KEYS_PATH, 503, "", "");
        try_once_more(&stage, 9); /* another cause: said */
        serve_keys(&stage, "a");
        try_once_more(&stage, 10); /* and that it is over: once */
        try_once_more(&stage, 11);
        text = capture_end(&capture);
        g_assert_cmpuint(count_in(text, "issuer_fetch_failed"), ==, 4);
        g_assert_cmpuint(count_in(text, "issuer_ready"), ==, 1);
        stage_strike(&stage);
}

static void test_log_recovery(void)
{
        g_autofree char *text = NULL;
        Capture capture;
        Stage stage;

        stage_set_ready(&stage, "a");
        capture = capture_begin();
        fake_provider_serve(stage.provider, FAKE_PROVIDER_KEYS_PATH, 500, "", "");
        try_once_more(&stage, 2);
        serve_keys(&stage, "b");
        try_once_more(&stage, 3);
        text = capture_end(&capture);
        g_assert_cmpuint(count_in(text, "issuer_keys_changed"), ==, 1);
        g_assert_cmpuint(count_in(text, "issuer_ready"), ==, 0);
        stage_strike(&stage);
}

/* Two calls that fail in turn are two causes, not one that changes all the time. */
static void test_log_both(void)
{
        g_autofree char *text = NULL;
        Capture capture;
        Stage stage;

        stage_set_ready(&stage, "a");
        capture = capture_begin();
        fake_provider_serve(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH, 500, "", "");
        fake_provider_serve(stage.provider, FAKE_PROVIDER_KEYS_PATH, 500, "", "");
        for (unsigned i = 2; i < 10; i++) /* keys fail 8 times, discovery 7 times */
                try_once_more(&stage, i);
        text = capture_end(&capture);
        g_assert_cmpuint(count_in(text, "\"call\":\"keys\""), ==, 4);
        g_assert_cmpuint(count_in(text, "\"call\":\"discovery\""), ==, 3);
        stage_strike(&stage);
}

static void test_log_keys(void)
{
        g_autofree char *text = NULL;
        Capture capture = capture_begin();
        Stage stage;

        stage_set_ready(&stage, "old enc1");
        serve_keys(&stage, "new enc1");
        later(60);
        await_views(&stage, 3);
        text = capture_end(&capture);
        g_assert_cmpuint(count_in(text, "issuer_ready"), ==, 1);
        g_assert_cmpuint(count_in(text, "issuer_keys_changed"), ==, 1);
        g_assert_nonnull(strstr(text, "\"added\":\"new\""));
        g_assert_nonnull(strstr(text, "\"removed\":\"old\""));
        g_assert_cmpuint(count_in(text, "issuer_key_skipped"), ==, 1); /* once a kid */
        stage_strike(&stage);
}

static void test_log_development(void)
{
        g_autofree char *text = NULL;
        Capture capture = capture_begin();
        Stage stage;

        stage_set(&stage);
        serve_document(&stage, ",\"authd_development_issuer\":true");
        serve_keys(&stage, "a");
        g_assert_true(issuers_configure(stage.issuers, stage.settings, true, NULL));
        await_views(&stage, 2);
        serve_keys(&stage, "a b");
        later(60);
        await_views(&stage, 3);
        text = capture_end(&capture);
        g_assert_cmpuint(count_in(text, "issuer_development"), ==, 1);
        stage_strike(&stage);
}

typedef struct Scene {
        const char *name;
        GTestFunc function;
} Scene;

static const Scene scenes[] = {
        { "keys: fetched, and the view has them", test_ready },
        { "keys: refreshed when stale, not before", test_refresh },
        { "keys: one that the provider removed is gone", test_removed_key },
        { "keys: equal ones are kept, and fresh anew", test_equal_keys },
        { "keys: the document is read anew after an hour", test_discovery_again },
        { "keys: moved elsewhere, found by reading the document anew", test_moved_keys },
        { "keys: an old document serves while there is no new one", test_old_document },
        { "question: a new key is fetched, the view comes before the answer", test_new_key },
        { "question: one fetch for all who wait", test_single_flight },
        { "question: within the cooldown it waits for its end", test_cooldown },
        { "question: an absent kid is remembered for a while", test_absent },
        { "question: a kid that we have is answered at once", test_known_kid },
        { "question: a name that is not configured", test_unknown_name },
        { "question: during a fetch, one more fetch", test_asked_during_fetch },
        { "failure: the provider is down", test_provider_down },
        { "failure: plain http beyond loopback", test_plain_http },
        { "failure: a question may end the outage", test_question_ends_outage },
        { "settings: the same provider's keys are kept", test_reconfigure_keeps },
        { "settings: another way to the provider starts anew", test_reconfigure_forgets },
        { "settings: changed while a fetch is under way", test_reconfigure_during_fetch },
        { "settings: names and urls are unique", test_duplicates },
        { "settings: two issuers, one down, nothing lent", test_two_issuers },
        { "settings: fetched from elsewhere", test_fetch_url },
        { "settings: a static key file", test_keys_file },
        { "settings: a key file of no use changes nothing", test_bad_keys_file },
        { "end: while a fetch is under way", test_free_during_fetch },
        { "end: by an asker, in its answer", test_free_in_answer },
        { "status: all its members", test_status },
        { "status: a development issuer", test_development },
        { "status: calls are counted", test_metric },
        { "log: failures once a cause, then ever more seldom", test_log_failures },
        { "log: an outage that ends with other keys is told as such", test_log_recovery },
        { "log: both calls fail, each cause is told by itself", test_log_both },
        { "log: keys that changed and keys left out", test_log_keys },
        { "log: a development issuer, once", test_log_development },
};

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(scenes); i++) {
                g_autofree char *path = g_strconcat("/issuer/", scenes[i].name, NULL);

                g_test_add_func(path, scenes[i].function);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(failures); i++) {
                g_autofree char *start =
                    g_strconcat("/issuer/failure at start: ", failures[i].name, NULL);
                g_autofree char *after =
                    g_strconcat("/issuer/failure later: ", failures[i].name, NULL);

                g_test_add_data_func(start, &failures[i], test_failure_at_start);
                g_test_add_data_func(after, &failures[i], test_failure_later);
        }
        return g_test_run();
}

/* source: a provider's bad days, and what is lived on meanwhile; time is set. */
#include "issuer/source.h"

#include "../net/tls_server.h"
#include "base/clock.h"
#include "stage.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define NOW_SEC 1800000000

static const IssuerFacts *facts_of(const Stage *stage)
{
        return issuer_view_get(stage->view, 0);
}

static IssuerOutage outage_of(const Stage *stage)
{
        IssuerOutage outage;

        issuers_outage(stage->issuers, 0, &outage);
        return outage;
}

static int64_t status_number(const Stage *stage, const char *member)
{
        json_t *status = status_of(stage);
        json_t *value = json_object_get(status, member);
        int64_t number = json_is_integer(value) ? json_integer_value(value) : -1;

        json_decref(status);
        return number;
}

static bool status_true(const Stage *stage, const char *member)
{
        json_t *status = status_of(stage);
        bool is = json_is_true(json_object_get(status, member));

        json_decref(status);
        return is;
}

static void serve_keys_with(Stage *stage, unsigned status, const char *headers, const char *kids)
{
        g_autofree char *json = jwks_of(kids);

        fake_provider_serve(stage->provider, FAKE_PROVIDER_KEYS_PATH, status, headers, json);
}

static void await_error(Stage *stage, const char *part)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        while (!status_says(stage, "last_error", part) && g_get_monotonic_time() < end)
                settle(stage);
        g_assert_true(status_says(stage, "last_error", part));
}

static void serve_error(Stage *stage)
{
        serve_keys_with(stage, 500, "", "");
}

/* Answers that say: no change */

#define TAGGED "Cache-Control: max-age=60\r\nETag: \"one\"\r\n"

static void stage_set_tagged(Stage *stage)
{
        stage_set(stage);
        serve_document(stage, "");
        serve_keys_with(stage, 200, TAGGED, "a");
        configure(stage);
        await_views(stage, 2);
}

static void test_unchanged(void)
{
        int64_t before_usec;
        Stage stage;

        stage_set_tagged(&stage);
        before_usec = facts_of(&stage)->keys_fresh_until_usec;
        serve_keys_with(&stage, 500, TAGGED, ""); /* only 304 is good now */
        later(55);
        await_views(&stage, 3);
        g_assert_true(view_has(&stage, "a"));
        g_assert_cmpint(facts_of(&stage)->keys_fresh_until_usec, >=,
                        before_usec + 55 * G_USEC_PER_SEC);
        assert_status(&stage, "state", "ready");
        assert_status(&stage, "last_error", NULL);
        stage_strike(&stage);
}

/* Nobody who says 304 to whoever asks keeps a removed key alive for ever. */
static void test_asked_whole(void)
{
        g_autofree char *head = NULL;
        Stage stage;

        stage_set_tagged(&stage);
        serve_keys_with(&stage, 200, TAGGED, "b");
        later(55);
        await_views(&stage, 3);
        g_assert_true(view_has(&stage, "a"));
        later(3601); /* with the document */
        await_views(&stage, 4);
        g_assert_false(view_has(&stage, "a"));
        g_assert_true(view_has(&stage, "b"));
        head = fake_provider_head(stage.provider, FAKE_PROVIDER_KEYS_PATH);
        g_assert_null(strstr(head, "If-None-Match"));
        stage_strike(&stage);
}

static void test_unasked_304(void)
{
        Stage stage;

        stage_set_ready(&stage, "a"); /* without an ETag */
        serve_keys_with(&stage, 304, "", "");
        later(55);
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        settle(&stage);
        g_assert_true(status_says(&stage, "last_error", "status 304"));
        g_assert_true(view_has(&stage, "a"));
        stage_strike(&stage);
}

/* A provider that wants to be left alone */

static void test_retry_after(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a");
        serve_keys_with(&stage, 503, "Retry-After: 20\r\n", "");
        later(55);
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        settle(&stage);
        later(19);
        index = ask(&stage, "b");
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        settle(&stage);
        g_assert_cmpuint(n_key_requests(&stage), ==, 2);
        g_assert_true(view_has(&stage, "a"));
        serve_keys(&stage, "a b");
        later(1.1);
        index = ask(&stage, "b");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_ASKED);
        g_assert_true(view_has(&stage, "b"));
        stage_strike(&stage);
}

/* Only 429 and 503 may say so; and who says so with the document is not asked for keys. */
static void test_retry_after_elsewhere(void)
{
        Stage stage;

        stage_set_ready(&stage, "a");
        serve_keys_with(&stage, 500, "Retry-After: 200\r\n", "");
        later(55);
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        settle(&stage);
        fake_provider_serve(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH, 429,
                            "Retry-After: 200\r\n", "");
        later(1.1);
        await_requests(&stage, FAKE_PROVIDER_DISCOVERY_PATH, 2);
        settle(&stage);
        g_assert_cmpuint(n_key_requests(&stage), ==, 2);
        later(199);
        settle(&stage);
        g_assert_cmpuint(fake_provider_count(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH), ==, 2);
        later(25);
        await_requests(&stage, FAKE_PROVIDER_DISCOVERY_PATH, 3);
        stage_strike(&stage);
}

/* Key sets of no use: one line, and the last good ones stay */

static char *many_keys(void)
{
        GString *kids = g_string_new("k0");
        g_autofree char *list = NULL;

        for (int i = 1; i < 5000; i++)
                g_string_append_printf(kids, " k%d", i);
        list = g_string_free(kids, FALSE);
        return jwks_of(list);
}

static char *twice_one_kid(void)
{
        return g_strdup("{\"keys\":[{\"kid\":\"a\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                        "\"" JWKS_ED25519_X "\"},{\"kid\":\"a\",\"kty\":\"OKP\",\"crv\":"
                        "\"Ed25519\",\"x\":\"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw\"}]}");
}

static char *only_enc(void)
{
        return jwks_of("enc1 enc2");
}

static char *empty_set(void)
{
        return jwks_of("");
}

static char *fifty_megabytes(void)
{
        return g_strnfill(50 * 1024 * 1024, ' ');
}

static char *cut_set(void)
{
        g_autofree char *json = jwks_of("a b");

        return g_strndup(json, strlen(json) / 2);
}

static char *html(void)
{
        return g_strdup("<!DOCTYPE html><title>Sign in to the portal</title>");
}

typedef struct SetRow {
        const char *name;
        char *(*body)(void);
        const char *says;
} SetRow;

static const SetRow sets[] = {
        { "5 000 keys", many_keys, "more than 1024 keys" },
        { "two keys of one kid", twice_one_kid, "two different keys in it have one kid" },
        { "only keys for encryption", only_enc, "not one key that verifies signatures" },
        { "an empty set", empty_set, "not one key that verifies signatures" },
        { "50 MB", fifty_megabytes, "larger than 1048576 bytes" },
        { "cut off", cut_set, "it is no JWKS" },
        { "HTML", html, "it is no JWKS" },
};

static void test_bad_set(gconstpointer data)
{
        const SetRow *row = data;
        g_autofree char *body = row->body(), *log = NULL;
        Capture capture;
        Stage stage;

        stage_set_ready(&stage, "a");
        capture = capture_begin();
        fake_provider_serve(stage.provider, FAKE_PROVIDER_KEYS_PATH, 200, "", body);
        later(55);
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        await_error(&stage, row->says);
        log = capture_end(&capture);
        g_assert_cmpuint(count_in(log, "issuer_fetch_failed"), ==, 1);
        g_assert_nonnull(strstr(log, row->says));
        g_assert_cmpuint(stage.n_views, ==, 2);
        g_assert_true(view_has(&stage, "a"));
        g_assert_true(issuers_ready(stage.issuers, NULL));
        stage_strike(&stage);
}

static void test_redirect(void)
{
        g_autoptr(FakeProvider) other = fake_provider_new();
        g_autofree char *headers =
            g_strdup_printf("Location: %s/certs\r\n", fake_provider_url(other));
        g_autofree char *json = jwks_of("b");
        Stage stage;

        fake_provider_serve(other, FAKE_PROVIDER_KEYS_PATH, 200, "", json);
        stage_set_ready(&stage, "a");
        serve_keys_with(&stage, 302, headers, "");
        later(55);
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        settle(&stage);
        g_assert_cmpuint(fake_provider_count(other, FAKE_PROVIDER_KEYS_PATH), ==, 0);
        g_assert_true(view_has(&stage, "a"));
        g_assert_true(status_says(&stage, "last_error", "status 302"));
        stage_strike(&stage);
}

/* The outage budget */

static void test_budget(void)
{
        int64_t fresh_usec;
        g_autofree char *log = NULL;
        Capture capture;
        Stage stage;

        clock_set_wall_for_tests(NOW_SEC);
        stage_set_ready(&stage, "a");
        fresh_usec = facts_of(&stage)->keys_fresh_until_usec;
        g_assert_cmpint(ABS(fresh_usec - clock_monotonic_usec() - 60 * G_USEC_PER_SEC), <=,
                        5 * G_USEC_PER_SEC);
        g_assert_cmpint(facts_of(&stage)->stale_keys_max_usec, ==, STALE_MAX_SEC * G_USEC_PER_SEC);
        g_assert_cmpint(outage_of(&stage).keys_stale_since_usec, ==, 0);
        g_assert_cmpint(status_number(&stage, "fresh_until"), >=, NOW_SEC + 59);
        g_assert_cmpint(status_number(&stage, "stale_since"), ==, -1);
        g_assert_cmpint(status_number(&stage, "stale_end_at"), ==, -1);
        serve_error(&stage);
        capture = capture_begin();
        later(61);
        await_requests(&stage, FAKE_PROVIDER_KEYS_PATH, 2);
        settle(&stage);
        g_assert_cmpint(outage_of(&stage).keys_stale_since_usec, ==, fresh_usec);
        g_assert_true(outage_of(&stage).has_keys);
        g_assert_cmpint(status_number(&stage, "stale_since"), >=, NOW_SEC - 2);
        g_assert_cmpint(status_number(&stage, "stale_since"), <=, NOW_SEC);
        g_assert_cmpint(status_number(&stage, "stale_end_at"), >=, NOW_SEC + STALE_MAX_SEC - 2);
        later(STALE_MAX_SEC - 5);
        g_assert_true(issuers_ready(stage.issuers, NULL));
        later(10);
        g_assert_false(issuers_ready(stage.issuers, NULL));
        g_assert_false(outage_of(&stage).has_keys);
        g_assert_true(view_has(&stage, "a")); /* whether they count is the verdict's to say */
        settle(&stage);
        later(61);
        settle(&stage);
        serve_keys(&stage, "a");
        later(61);
        await_views(&stage, 3);
        g_assert_true(issuers_ready(stage.issuers, NULL));
        g_assert_cmpint(outage_of(&stage).keys_stale_since_usec, ==, 0);
        log = capture_end(&capture);
        g_assert_cmpuint(count_in(log, "issuer_keys_stale"), ==, 1);
        g_assert_cmpuint(count_in(log, "issuer_keys_too_old"), ==, 1);
        stage_strike(&stage);
        clock_set_wall_for_tests(0);
}

/* A running daemon's keys know the monotonic clock alone. */
static void test_wall_jumps(void)
{
        static const int64_t jumps_sec[] = { 86400, -86400, 10 * 365 * 86400, 1 };
        int64_t fresh_usec;
        Stage stage;

        clock_set_wall_for_tests(NOW_SEC);
        stage_set_ready(&stage, "a");
        fresh_usec = facts_of(&stage)->keys_fresh_until_usec;
        for (size_t i = 0; i < G_N_ELEMENTS(jumps_sec); i++) {
                clock_set_wall_for_tests(jumps_sec[i] == 1 ? 1 : NOW_SEC + jumps_sec[i]);
                settle(&stage);
                g_assert_cmpuint(n_key_requests(&stage), ==, 1);
                g_assert_cmpuint(stage.n_views, ==, 2);
                g_assert_true(issuers_ready(stage.issuers, NULL));
                g_assert_cmpint(outage_of(&stage).keys_stale_since_usec, ==, 0);
        }
        serve_keys(&stage, "a b");
        later(55); /* by the other clock, the refresh comes as ever */
        await_views(&stage, 3);
        g_assert_cmpint(facts_of(&stage)->keys_fresh_until_usec, >=,
                        fresh_usec + 55 * G_USEC_PER_SEC);
        stage_strike(&stage);
        clock_set_wall_for_tests(0);
}

static void test_others_unharmed(void)
{
        g_autoptr(FakeProvider) other = fake_provider_new();
        unsigned index;
        Stage stage;

        fake_provider_hold(other); /* a black hole */
        stage_set(&stage);
        serve_document(&stage, "");
        serve_keys(&stage, "a");
        g_ptr_array_insert(stage.settings, 0, settings_new("hole", fake_provider_url(other)));
        configure(&stage);
        await_views(&stage, 2);
        g_assert_null(issuer_view_get(stage.view, 0)->keys);
        g_assert_nonnull(issuer_view_get(stage.view, 1)->keys);
        serve_keys(&stage, "a b");
        later_than_cooldown();
        index = ask(&stage, "b");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_ASKED);
        stage_strike(&stage);
}

/* A restart while the provider is away */

static void stage_set_kept(Stage *stage)
{
        clock_set_wall_for_tests(NOW_SEC);
        stage_set(stage);
        stage_keep(stage);
        stage_restart(stage);
        serve_document(stage, "");
        serve_keys(stage, "a b");
        configure(stage);
        await_views(stage, 2);
        g_assert_false(status_true(stage, "from_snapshot"));
}

static void stage_strike_kept(Stage *stage)
{
        stage_strike(stage);
        clock_set_wall_for_tests(0);
}

static void test_snapshot(void)
{
        g_autofree char *log = NULL;
        Capture capture;
        unsigned index;
        Stage stage;

        stage_set_kept(&stage);
        fake_provider_die(stage.provider);
        capture = capture_begin();
        stage_restart(&stage);
        configure(&stage);
        g_assert_cmpuint(stage.n_views, ==, 1); /* the very first */
        g_assert_true(view_has(&stage, "a"));
        g_assert_true(issuers_ready(stage.issuers, NULL));
        g_assert_true(status_true(&stage, "from_snapshot"));
        g_assert_cmpint(status_number(&stage, "keys_at"), ==, NOW_SEC);
        g_assert_cmpint(ABS(status_number(&stage, "fresh_until") - NOW_SEC - 60), <=, 1);
        index = ask(&stage, "b");
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_ASKED);
        index = ask(&stage, "x");
        await_answer(&stage, index); /* the provider was tried at once */
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        g_assert_true(view_has(&stage, "a"));
        assert_status(&stage, "state", "failing");
        log = capture_end(&capture);
        g_assert_cmpuint(count_in(log, "issuer_snapshot_used"), ==, 1);
        stage_strike_kept(&stage);
}

static void test_snapshot_confirmed(void)
{
        g_autofree char *head = NULL;
        Stage stage;

        stage_set_kept(&stage);
        serve_keys_with(&stage, 200, TAGGED, "b");
        later(55);
        await_views(&stage, 3);
        stage_restart(&stage);
        configure(&stage);
        g_assert_false(view_has(&stage, "a"));
        g_assert_true(view_has(&stage, "b"));
        await_views(&stage, 2);
        g_assert_false(status_true(&stage, "from_snapshot"));
        g_assert_true(view_has(&stage, "b"));
        head = fake_provider_head(stage.provider, FAKE_PROVIDER_KEYS_PATH);
        g_assert_null(strstr(head, "If-None-Match")); /* a 304 confirms no file */
        stage_strike_kept(&stage);
}

typedef struct AgeRow {
        const char *name;
        int64_t age_sec;
        bool used, stale;
} AgeRow;

static const AgeRow ages[] = {
        { "at the end of its freshness", 60, true, false },
        { "a moment later it is stale", 62, true, true },
        { "at the end of the budget", 60 + STALE_MAX_SEC, true, true },
        { "past it it is of no use", 61 + STALE_MAX_SEC, false, false },
        { "from the future it is new", -86400, true, false },
};

static void test_snapshot_age(gconstpointer data)
{
        const AgeRow *row = data;
        bool stale;
        Stage stage;

        stage_set_kept(&stage);
        fake_provider_die(stage.provider);
        clock_set_wall_for_tests(NOW_SEC + row->age_sec);
        stage_restart(&stage);
        configure(&stage);
        g_assert_cmpint(view_has(&stage, "a"), ==, row->used);
        g_assert_cmpint(status_true(&stage, "from_snapshot"), ==, row->used);
        stale = facts_of(&stage)->keys &&
                facts_of(&stage)->keys_fresh_until_usec < clock_monotonic_usec() - G_USEC_PER_SEC;
        g_assert_cmpint(stale, ==, row->stale);
        g_assert_cmpint(facts_of(&stage)->keys_fresh_until_usec, <=,
                        clock_monotonic_usec() + 60 * G_USEC_PER_SEC);
        stage_strike_kept(&stage);
}

/* Another address is another provider; and a file issuer has nothing to do with it. */
static void test_snapshot_elsewhere(void)
{
        Stage stage;

        stage_set_kept(&stage);
        fake_provider_die(stage.provider);
        stage_restart(&stage);
        g_free(first_settings(&stage)->url);
        first_settings(&stage)->url = g_strdup("http://127.0.0.1:1/realms/other");
        configure(&stage);
        g_assert_null(facts_of(&stage)->keys);
        stage_strike_kept(&stage);
}

/* Distrust */

static bool key_distrusted(const Stage *stage, size_t index)
{
        json_t *status = status_of(stage);
        json_t *key = json_array_get(json_object_get(status, "keys"), index);
        bool is = json_is_true(json_object_get(key, "distrusted"));

        json_decref(status);
        return is;
}

static int distrust(Stage *stage, const char *kid)
{
        return issuers_distrust(stage->issuers, "fake", kid, true);
}

static int trust(Stage *stage, const char *kid)
{
        return issuers_distrust(stage->issuers, "fake", kid, false);
}

static void test_distrust(void)
{
        unsigned index;
        Stage stage;

        stage_set_ready(&stage, "a b");
        g_assert_cmpint(distrust(&stage, "a"), ==, ISSUERS_E_NOT_LASTING);
        g_assert_cmpuint(stage.n_views, ==, 3); /* before it returned */
        g_assert_false(view_has(&stage, "a"));
        g_assert_true(view_has(&stage, "b"));
        g_assert_true(key_distrusted(&stage, 0));
        g_assert_false(key_distrusted(&stage, 1));
        later_than_cooldown();
        for (int i = 0; i < 10; i++) {
                index = ask(&stage, "a");
                g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_COOLDOWN);
                later_than_cooldown();
                settle(&stage);
        }
        g_assert_cmpuint(n_key_requests(&stage), ==, 1);
        later(55);
        await_views(&stage, 4); /* a fetch does not bring it back */
        g_assert_false(view_has(&stage, "a"));
        g_assert_cmpint(trust(&stage, "a"), ==, ISSUERS_E_NOT_LASTING);
        g_assert_cmpuint(stage.n_views, ==, 5);
        g_assert_true(view_has(&stage, "a"));
        stage_strike(&stage);
}

static void test_distrust_ahead(void)
{
        char long_kid[JWK_KID_SIZE_MAX + 2] = "";
        Stage stage;

        memset(long_kid, 'k', sizeof long_kid - 1);
        stage_set_ready(&stage, "a");
        g_assert_cmpint(distrust(&stage, "b"), ==, ISSUERS_E_NOT_LASTING);
        g_assert_cmpuint(stage.n_views, ==, 2); /* the picture is the same */
        serve_keys(&stage, "a b c");
        later(55);
        await_views(&stage, 3);
        g_assert_false(view_has(&stage, "b"));
        g_assert_true(view_has(&stage, "c"));
        g_assert_cmpint(trust(&stage, "x"), ==, ISSUERS_E_NOT_THERE);
        g_assert_cmpint(issuers_distrust(stage.issuers, "nobody", "a", true), ==,
                        ISSUERS_E_UNKNOWN_ISSUER);
        g_assert_cmpint(distrust(&stage, ""), ==, -EINVAL);
        g_assert_cmpint(distrust(&stage, long_kid), ==, -EINVAL);
        stage_strike(&stage);
}

/* All of them: there are keys, and none of them counts. */
static void test_distrust_all(void)
{
        Stage stage;

        stage_set_ready(&stage, "a");
        g_assert_cmpint(distrust(&stage, "a"), ==, ISSUERS_E_NOT_LASTING);
        g_assert_nonnull(facts_of(&stage)->keys);
        g_assert_cmpuint(keyset_size(facts_of(&stage)->keys), ==, 0);
        g_assert_true(issuers_ready(stage.issuers, NULL));
        stage_strike(&stage);
}

/* Whatever becomes of the state folder, the key counts no more. */
static void test_distrust_nowhere(void)
{
        Stage stage;

        stage_set_kept(&stage);
        stage_lose_folder(&stage);
        g_assert_cmpint(distrust(&stage, "a"), ==, ISSUERS_E_NOT_LASTING);
        g_assert_false(view_has(&stage, "a"));
        g_assert_true(view_has(&stage, "b"));
        g_assert_cmpint(trust(&stage, "a"), ==, ISSUERS_E_NOT_LASTING);
        g_assert_true(view_has(&stage, "a"));
        stage_strike_kept(&stage);
}

static void test_distrust_setting(void)
{
        Stage stage;

        stage_set_ready(&stage, "a b");
        first_settings(&stage)->distrust_kid = g_strsplit("b", " ", -1);
        configure(&stage);
        g_assert_true(view_has(&stage, "a"));
        g_assert_false(view_has(&stage, "b"));
        g_assert_cmpint(trust(&stage, "b"), ==, ISSUERS_E_NOT_THERE);
        g_assert_false(view_has(&stage, "b"));
        g_clear_pointer(&first_settings(&stage)->distrust_kid, g_strfreev);
        configure(&stage);
        g_assert_true(view_has(&stage, "b"));
        stage_strike(&stage);
}

/* What was distrusted stays so, above all among keys of the state database. */
static void test_distrust_lasts(void)
{
        Stage stage;

        stage_set_kept(&stage);
        g_assert_cmpint(distrust(&stage, "a"), ==, 0);
        fake_provider_die(stage.provider);
        stage_restart(&stage);
        configure(&stage);
        g_assert_false(view_has(&stage, "a"));
        g_assert_true(view_has(&stage, "b"));
        stage_strike_kept(&stage);
}

/* Files */

static char *file_new(const char *content)
{
        char *path = NULL;
        int fd = g_file_open_tmp("authd-file-XXXXXX", &path, NULL);

        close(fd);
        g_assert_true(g_file_set_contents(path, content, -1, NULL));
        return path;
}

static void file_set(const char *path, const char *content)
{
        g_assert_true(g_file_set_contents(path, content, -1, NULL));
}

static void look(Stage *stage)
{
        later(2.001);
        settle(stage);
}

static void stage_set_file(Stage *stage, const char *path)
{
        stage_set(stage);
        first_settings(stage)->keys_file = g_strdup(path);
        configure(stage);
}

static void test_keys_file(void)
{
        g_autofree char *a = jwks_of("a"), *ab = jwks_of("a b"), *path = file_new(a), *log = NULL;
        Capture capture;
        Stage stage;

        stage_set_file(&stage, path);
        g_assert_cmpint(facts_of(&stage)->keys_fresh_until_usec, ==, INT64_MAX);
        file_set(path, ab);
        later(1.9);
        settle(&stage);
        g_assert_cmpuint(stage.n_views, ==, 1);
        later(0.2);
        await_views(&stage, 2);
        g_assert_true(view_has(&stage, "b"));
        look(&stage); /* the same: no view */
        capture = capture_begin();
        file_set(path, "{\"keys\":[");
        for (int i = 0; i < 3; i++)
                look(&stage);
        g_unlink(path);
        for (int i = 0; i < 3; i++)
                look(&stage);
        g_assert_cmpuint(stage.n_views, ==, 2);
        g_assert_true(view_has(&stage, "b"));
        file_set(path, a);
        look(&stage);
        log = capture_end(&capture);
        g_assert_cmpuint(stage.n_views, ==, 3);
        g_assert_false(view_has(&stage, "b"));
        g_assert_cmpuint(count_in(log, "issuer_file_unusable"), ==, 2); /* once a state */
        g_assert_cmpuint(count_in(log, "issuer_file_changed"), ==, 1);
        later(10 * STALE_MAX_SEC); /* a file does not age */
        g_assert_true(issuers_ready(stage.issuers, NULL));
        g_assert_cmpint(outage_of(&stage).keys_stale_since_usec, ==, 0);
        stage_strike(&stage);
        g_unlink(path);
}

/* As Kubernetes swaps a volume: the file is a link through a link, and that one is moved. */
static void test_keys_file_swapped(void)
{
        g_autofree char *folder = g_dir_make_tmp("authd-volume-XXXXXX", NULL);
        g_autofree char *old = g_build_filename(folder, "old", NULL),
                        *new = g_build_filename(folder, "new", NULL),
                        *link = g_build_filename(folder, "link", NULL),
                        *swap = g_build_filename(folder, "swap", NULL);
        g_autofree char *a = jwks_of("a"), *b = jwks_of("b");
        Stage stage;

        file_set(old, a);
        file_set(new, b);
        g_assert_cmpint(symlink("old", link), ==, 0);
        stage_set_file(&stage, link);
        g_assert_cmpint(symlink("new", swap), ==, 0);
        g_assert_cmpint(rename(swap, link), ==, 0);
        look(&stage);
        g_assert_true(view_has(&stage, "b"));
        g_assert_false(view_has(&stage, "a"));
        g_assert_cmpint(distrust(&stage, "b"), ==, ISSUERS_E_NOT_LASTING);
        g_assert_false(view_has(&stage, "b"));
        stage_strike(&stage);
        g_unlink(old);
        g_unlink(new);
        g_unlink(link);
        g_rmdir(folder);
}

static void test_ca_file(void)
{
        TlsAuthority *one = tls_authority_new(), *two = tls_authority_new();
        g_autofree char *path = file_new(tls_authority_pem(one));
        Stage stage;

        stage_set(&stage);
        first_settings(&stage)->ca_file = g_strdup(path);
        serve_document(&stage, "");
        serve_keys(&stage, "a");
        configure(&stage);
        await_views(&stage, 2);
        g_assert_cmpstr(issuers_ca_pem(stage.issuers, "fake"), ==, tls_authority_pem(one));
        look(&stage);
        g_assert_cmpuint(n_key_requests(&stage), ==, 1);
        file_set(path, tls_authority_pem(two));
        later(2.001);
        await_views(&stage, 3); /* an attempt at once */
        g_assert_cmpstr(issuers_ca_pem(stage.issuers, "fake"), ==, tls_authority_pem(two));
        file_set(path, "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n");
        look(&stage);
        g_unlink(path);
        look(&stage);
        g_assert_cmpstr(issuers_ca_pem(stage.issuers, "fake"), ==, tls_authority_pem(two));
        g_assert_cmpuint(n_key_requests(&stage), ==, 2);
        stage_strike(&stage);
        tls_authority_free(one);
        tls_authority_free(two);
}

/* A CA file that never was of use: nobody else's authorities stand in for it. */
static void test_ca_file_missing(void)
{
        const TlsServerOptions options = { .address = "127.0.0.1", .ends_sec = 3600 };
        TlsAuthority *authority = tls_authority_new();
        TlsServer *server = tls_server_new(authority, &options);
        g_autofree char *path = file_new("");
        Stage stage;

        stage_set(&stage);
        g_free(first_settings(&stage)->url);
        first_settings(&stage)->url =
            g_strdup_printf("https://127.0.0.1:%u/realms/a", tls_server_port(server));
        first_settings(&stage)->ca_file = g_strdup(path);
        configure(&stage);
        g_assert_null(issuers_ca_pem(stage.issuers, "fake"));
        await_answer(&stage, ask(&stage, "a"));
        g_assert_true(status_says(&stage, "last_error", "the CA file for"));
        file_set(path, tls_authority_pem(authority));
        look(&stage); /* and it is trusted at once */
        await_error(&stage, "names no issuer");
        stage_strike(&stage);
        tls_server_free(server);
        tls_authority_free(authority);
        g_unlink(path);
}

static void test_token_file(void)
{
        g_autofree char *path = file_new("first.token-1\n"), *first = NULL, *second = NULL;
        Stage stage;

        stage_set(&stage);
        first_settings(&stage)->fetch_token_file = g_strdup(path);
        serve_document(&stage, "");
        serve_keys_with(&stage, 200, TAGGED, "a");
        configure(&stage);
        await_views(&stage, 2);
        first = fake_provider_head(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH);
        g_assert_nonnull(strstr(first, "\r\nAuthorization: Bearer first.token-1\r\n"));
        file_set(path, "second");
        later(55);
        await_views(&stage, 3);
        second = fake_provider_head(stage.provider, FAKE_PROVIDER_KEYS_PATH);
        g_assert_nonnull(strstr(second, "\r\nAuthorization: Bearer second\r\n"));
        g_assert_nonnull(strstr(second, "\r\nIf-None-Match: \"one\"\r\n"));
        g_unlink(path);
        stage_strike(&stage);
}

static void test_token_file_bad(gconstpointer data)
{
        g_autofree char *path = file_new(data), *log = NULL;
        Capture capture = capture_begin();
        unsigned index;
        Stage stage;

        stage_set(&stage);
        first_settings(&stage)->fetch_token_file = g_strdup(path);
        serve_document(&stage, "");
        serve_keys(&stage, "a");
        configure(&stage);
        index = ask(&stage, "a");
        await_answer(&stage, index);
        g_assert_cmpint(stage.answers[index], ==, ISSUER_KEYS_UNAVAILABLE);
        g_assert_true(status_says(&stage, "last_error", "holds no bearer token"));
        g_assert_cmpuint(fake_provider_count(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH), ==, 0);
        log = capture_end(&capture);
        g_assert_null(strstr(log, "secret"));
        later(0.4);
        settle(&stage);
        stage_strike(&stage); /* maybe while an attempt fails */
        g_unlink(path);
}

/* Introspection: the wiring only */

static void on_introspected(const IntrospectAnswer *answer, void *userdata)
{
        int *result = userdata;

        g_assert_cmpint(*result, ==, -1);
        *result = (int) answer->result;
        if (answer->result == INTROSPECT_UNAVAILABLE)
                g_assert_nonnull(answer->trouble);
}

static void test_introspection(void)
{
        int result = -1;
        json_t *status, *member;
        Stage stage;

        stage_set_ready(&stage, "a");
        g_assert_false(facts_of(&stage)->introspects);
        issuers_introspect(stage.issuers, "fake", span_from("opaque"), NULL, on_introspected,
                           &result);
        g_assert_cmpint(result, ==, INTROSPECT_UNAVAILABLE);
        result = -1;
        issuers_introspect(stage.issuers, "nobody", span_from("opaque"), NULL, on_introspected,
                           &result);
        g_assert_cmpint(result, ==, INTROSPECT_UNAVAILABLE);
        first_settings(&stage)->client.client_id = g_strdup("authd");
        configure(&stage);
        g_assert_true(facts_of(&stage)->introspects);
        g_assert_true(outage_of(&stage).introspects);
        status = status_of(&stage);
        member = json_object_get(status, "introspection");
        g_assert_cmpstr(json_string_value(json_object_get(member, "client_id")), ==, "authd");
        g_assert_cmpstr(json_string_value(json_object_get(member, "state")), ==,
                        "unknown_endpoint");
        json_decref(status);
        first_settings(&stage)->introspection_url = g_strdup("https://sso.example.com/introspect");
        configure(&stage);
        status = status_of(&stage);
        member = json_object_get(status, "introspection");
        g_assert_cmpstr(json_string_value(json_object_get(member, "endpoint")), ==,
                        "https://sso.example.com/introspect");
        g_assert_cmpstr(json_string_value(json_object_get(member, "state")), ==, "ready");
        json_decref(status);
        g_assert_cmpstr(issuers_settings(stage.issuers, "fake")->client.client_id, ==, "authd");
        g_assert_null(issuers_settings(stage.issuers, "nobody"));
        g_clear_pointer(&first_settings(&stage)->client.client_id, g_free);
        configure(&stage);
        g_assert_false(facts_of(&stage)->introspects);
        stage_strike(&stage);
}

/* Grants: whom to ask */

static void test_grant_target(void)
{
        IssuerEndpoints endpoints;
        GrantTarget target;
        Stage stage;

        stage_set(&stage);
        serve_document(&stage, ",\"token_endpoint\":\"https://sso.example.com/token\","
                               "\"device_authorization_endpoint\":\"http://sso.example.com/d\"");
        serve_keys(&stage, "a");
        first_settings(&stage)->client.client_id = g_strdup("authd");
        configure(&stage);
        g_assert_false(issuers_endpoints(stage.issuers, "fake", &endpoints));
        g_assert_false(issuers_grant_target(stage.issuers, "fake", &target));
        await_views(&stage, 2);
        g_assert_true(issuers_endpoints(stage.issuers, "fake", &endpoints));
        g_assert_cmpstr(endpoints.token, ==, "https://sso.example.com/token");
        g_assert_null(endpoints.device);
        g_assert_false(issuers_endpoints(stage.issuers, "nobody", &endpoints));
        g_assert_true(issuers_grant_target(stage.issuers, "fake", &target));
        g_assert_cmpstr(target.issuer_url, ==, first_settings(&stage)->url);
        g_assert_cmpstr(target.token_endpoint, ==, "https://sso.example.com/token");
        g_assert_null(target.push_endpoint);
        g_assert_null(target.ca_pem);
        g_assert_cmpstr(target.client->client_id, ==, "authd");
        g_assert_false(issuers_grant_target(stage.issuers, "nobody", &target));
        g_clear_pointer(&first_settings(&stage)->client.client_id, g_free);
        configure(&stage);
        g_assert_true(issuers_endpoints(stage.issuers, "fake", &endpoints));
        g_assert_false(issuers_grant_target(stage.issuers, "fake", &target));
        stage_strike(&stage);
}

/* A document of the state database, and a ca_file that is gone: a password must not go to whom the
 * system's authorities know. */
static void test_grant_target_without_ca(void)
{
        IssuerEndpoints endpoints;
        GrantTarget target;
        Stage stage;

        stage_set(&stage);
        serve_document(&stage, "");
        serve_keys(&stage, "a");
        first_settings(&stage)->client.client_id = g_strdup("authd");
        stage_keep(&stage);
        stage_restart(&stage);
        configure(&stage);
        await_views(&stage, 2);
        stage_restart(&stage);
        first_settings(&stage)->ca_file = g_strdup("/nonexistent/ca.pem");
        configure(&stage);
        g_assert_true(issuers_endpoints(stage.issuers, "fake", &endpoints));
        g_assert_false(issuers_grant_target(stage.issuers, "fake", &target));
        stage_strike(&stage);
}

typedef struct Scene {
        const char *name;
        GTestFunc function;
} Scene;

static const Scene scenes[] = {
        { "etag: 304 means the same keys, fresh again", test_unchanged },
        { "etag: once an hour the set is asked for whole", test_asked_whole },
        { "etag: a 304 that nobody asked for is no answer", test_unasked_304 },
        { "retry-after: keeps questions and the background away", test_retry_after },
        { "retry-after: of the document, and not of any status", test_retry_after_elsewhere },
        { "keys: a redirect to another host is not followed", test_redirect },
        { "outage: the budget, its end, and its return", test_budget },
        { "outage: the wall clock may jump", test_wall_jumps },
        { "outage: one issuer's black hole is not the other's", test_others_unharmed },
        { "snapshot: validates at once while the provider is dead", test_snapshot },
        { "snapshot: the provider's word replaces it", test_snapshot_confirmed },
        { "snapshot: of another address is another provider's", test_snapshot_elsewhere },
        { "distrust: at once, and no fetch brings it back", test_distrust },
        { "distrust: of a key that comes later", test_distrust_ahead },
        { "distrust: of the only key", test_distrust_all },
        { "distrust: with the state folder gone", test_distrust_nowhere },
        { "distrust: by the settings", test_distrust_setting },
        { "distrust: outlives a restart", test_distrust_lasts },
        { "file: keys that change, break and go", test_keys_file },
        { "file: swapped as Kubernetes does", test_keys_file_swapped },
        { "file: authorities that change, break and go", test_ca_file },
        { "file: authorities that were never there", test_ca_file_missing },
        { "file: a bearer token, read for each call", test_token_file },
        { "grants: the document's endpoints, and whose client we are", test_grant_target },
        { "grants: nobody is asked without the authorities that were named",
          test_grant_target_without_ca },
        { "introspection: whoever we are a client of may be asked", test_introspection },
};

static void add_rows(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(sets); i++) {
                g_autofree char *path = g_strconcat("/source/keys of no use: ", sets[i].name, NULL);

                g_test_add_data_func(path, &sets[i], test_bad_set);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(ages); i++) {
                g_autofree char *path = g_strconcat("/source/snapshot: ", ages[i].name, NULL);

                g_test_add_data_func(path, &ages[i], test_snapshot_age);
        }
        g_test_add_data_func("/source/file: a bearer token that begins with a line end",
                             "\r\nX: secret", test_token_file_bad);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(scenes); i++) {
                g_autofree char *path = g_strconcat("/source/", scenes[i].name, NULL);

                g_test_add_func(path, scenes[i].function);
        }
        add_rows();
        g_test_add_data_func("/source/file: a bearer token with spaces", "a secret",
                             test_token_file_bad);
        g_test_add_data_func("/source/file: an empty bearer token", "", test_token_file_bad);
        return g_test_run();
}

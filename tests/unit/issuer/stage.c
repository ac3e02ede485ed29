/* stage: see stage.h. */
#include "stage.h"

#include "base/clock.h"

#include <glib/gstdio.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct Question {
        Stage *stage;
        unsigned index;
        bool frees; /* its asker frees the Issuers */
} Question;

static void on_changed(IssuerView *view, void *userdata)
{
        Stage *stage = userdata;

        issuer_view_unref(stage->view);
        stage->view = issuer_view_ref(view);
        stage->n_views++;
}

static void on_answer(IssuerKeysAnswer answer, void *userdata)
{
        g_autofree Question *question = userdata;
        Stage *stage = question->stage;

        g_assert_cmpint(stage->answers[question->index], ==, UNANSWERED);
        stage->answers[question->index] = (int) answer;
        stage->serials[question->index] = stage->view ? issuer_view_serial(stage->view) : 0;
        if (question->frees)
                g_clear_pointer(&stage->issuers, issuers_free);
}

unsigned ask_of(Stage *stage, const char *name, const char *kid, bool frees)
{
        Question *question = g_new0(Question, 1);

        *question = (Question){ .stage = stage, .index = stage->n_asked++, .frees = frees };
        g_assert_cmpuint(question->index, <, ANSWERS_MAX);
        stage->answers[question->index] = UNANSWERED;
        issuers_want_key(stage->issuers, name, span_from(kid), on_answer, question);
        return stage->n_asked - 1;
}

unsigned ask(Stage *stage, const char *kid)
{
        return ask_of(stage, "fake", kid, false);
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

void settle(Stage *stage)
{
        for (int64_t end = g_get_monotonic_time() + SETTLE_USEC; g_get_monotonic_time() < end;)
                turn(stage);
}

void await_answer(Stage *stage, unsigned index)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        while (stage->answers[index] == UNANSWERED && g_get_monotonic_time() < end)
                turn(stage);
        g_assert_cmpint(stage->answers[index], !=, UNANSWERED);
}

void await_views(Stage *stage, unsigned n_views)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        while (stage->n_views < n_views && g_get_monotonic_time() < end)
                turn(stage);
        g_assert_cmpuint(stage->n_views, ==, n_views);
}

void await_requests(Stage *stage, const char *path, unsigned n_requests)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        while (fake_provider_count(stage->provider, path) < n_requests &&
               g_get_monotonic_time() < end)
                turn(stage);
        g_assert_cmpuint(fake_provider_count(stage->provider, path), ==, n_requests);
}

unsigned n_key_requests(Stage *stage)
{
        return fake_provider_count(stage->provider, FAKE_PROVIDER_KEYS_PATH);
}

void later(double sec)
{
        clock_advance_monotonic_for_tests((int64_t) (sec * G_USEC_PER_SEC));
}

void later_than_cooldown(void)
{
        later(1.001);
}

/* The stage */

static char *document_of(const FakeProvider *provider, const char *more)
{
        return g_strdup_printf("{\"issuer\":\"%s\",\"jwks_uri\":\"%s/certs\"%s}",
                               fake_provider_url(provider), fake_provider_url(provider), more);
}

void serve_document(Stage *stage, const char *more)
{
        g_autofree char *document = document_of(stage->provider, more);

        fake_provider_serve(stage->provider, FAKE_PROVIDER_DISCOVERY_PATH, 200, "", document);
}

void serve_keys(Stage *stage, const char *kids)
{
        g_autofree char *json = jwks_of(kids);

        fake_provider_serve(stage->provider, FAKE_PROVIDER_KEYS_PATH, 200,
                            "Cache-Control: max-age=60\r\n", json);
}

IssuerSettings *settings_new(const char *name, const char *url)
{
        IssuerSettings *settings = g_new0(IssuerSettings, 1);

        settings->name = g_strdup(name);
        settings->url = g_strdup(url);
        settings->algorithms = ALG_SET_ALL;
        settings->stale_keys_max_sec = STALE_MAX_SEC;
        return settings;
}

IssuerSettings *first_settings(Stage *stage)
{
        return stage->settings->pdata[0];
}

void configure(Stage *stage)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(issuers_configure(stage->issuers, stage->settings, false, &error));
        g_assert_no_error(error);
}

void stage_set(Stage *stage)
{
        static const char *const labels[] = { "issuer", "call", "result", NULL };

        *stage = (Stage){ .context = g_main_context_new() };
        stage->hooks = (IssuersHooks){ .changed = on_changed, .userdata = stage };
        stage->fetcher = fetcher_new(stage->context);
        stage->provider = fake_provider_new();
        stage->registry = metric_registry_new();
        stage->hooks.upstream_calls =
            metric_family_new(stage->registry, METRIC_COUNTER, "calls", "Calls.", labels, NULL, 0);
        stage->issuers = issuers_new(stage->context, stage->fetcher, NULL, &stage->hooks);
        stage->settings = g_ptr_array_new_with_free_func((GDestroyNotify) issuer_settings_free);
        g_ptr_array_add(stage->settings, settings_new("fake", fake_provider_url(stage->provider)));
}

/* A provider that serves these kids and an issuer that has them. */
void stage_set_ready(Stage *stage, const char *kids)
{
        stage_set(stage);
        serve_document(stage, "");
        serve_keys(stage, kids);
        configure(stage);
        await_views(stage, 2); /* the one of configure, and the one with keys */
        g_assert_true(issuers_ready(stage->issuers, NULL));
}

void stage_keep(Stage *stage)
{
        g_autoptr(GError) error = NULL;

        stage->folder = g_dir_make_tmp("authd-issuer-XXXXXX", NULL);
        stage->store = store_open(stage->folder, &error);
        g_assert_no_error(error);
}

void stage_restart(Stage *stage)
{
        issuers_free(stage->issuers);
        g_clear_pointer(&stage->view, issuer_view_unref);
        stage->n_views = 0;
        stage->issuers = issuers_new(stage->context, stage->fetcher, stage->store, &stage->hooks);
}

static void drop_folder(const char *path)
{
        g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(folder))) {
                g_autofree char *file = g_build_filename(path, name, NULL);

                g_unlink(file);
        }
        g_rmdir(path);
}

void stage_lose_folder(Stage *stage)
{
        drop_folder(stage->folder);
        g_clear_pointer(&stage->folder, g_free);
}

void stage_strike(Stage *stage)
{
        issuers_free(stage->issuers);
        store_close(stage->store);
        if (stage->folder)
                drop_folder(stage->folder);
        g_free(stage->folder);
        for (unsigned i = 0; i < stage->n_asked; i++)
                g_assert_cmpint(stage->answers[i], !=, UNANSWERED);
        issuer_view_unref(stage->view);
        fetcher_free(stage->fetcher);
        fake_provider_free(stage->provider);
        metric_registry_free(stage->registry);
        g_ptr_array_unref(stage->settings);
        g_main_context_unref(stage->context);
}

bool view_has(const Stage *stage, const char *kid)
{
        const KeySet *keys = issuer_view_get(stage->view, 0)->keys;
        const Key *key =
            keys ? keyset_find(keys, span_from(kid), alg_find(span_from("EdDSA"))) : NULL;

        return key && g_strcmp0(key->kid, kid) == 0;
}

json_t *status_of(const Stage *stage)
{
        json_t *array = issuers_status(stage->issuers);
        json_t *first = json_incref(json_array_get(array, 0));

        json_decref(array);
        return first;
}

void assert_status(const Stage *stage, const char *member, const char *text)
{
        json_t *status = status_of(stage);

        g_assert_cmpstr(json_string_value(json_object_get(status, member)), ==, text);
        json_decref(status);
}

bool status_says(const Stage *stage, const char *member, const char *part)
{
        json_t *status = status_of(stage);
        const char *text = json_string_value(json_object_get(status, member));
        bool says = text && strstr(text, part);

        json_decref(status);
        return says;
}

/* The log, caught on its way to stderr. */

Capture capture_begin(void)
{
        Capture capture = { .stderr_fd = dup(STDERR_FILENO), .file_fd = memfd_create("log", 0) };

        dup2(capture.file_fd, STDERR_FILENO);
        return capture;
}

char *capture_end(Capture *capture)
{
        off_t size = lseek(capture->file_fd, 0, SEEK_END);
        char *text = g_malloc0((gsize) size + 1);

        dup2(capture->stderr_fd, STDERR_FILENO);
        g_assert_cmpint(pread(capture->file_fd, text, (size_t) size, 0), ==, size);
        close(capture->file_fd);
        close(capture->stderr_fd);
        return text;
}

unsigned count_in(const char *text, const char *part)
{
        unsigned n = 0;

        for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
                n++;
        return n;
}

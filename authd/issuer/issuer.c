/* issuer: the providers that we trust, kept up to date on the main thread. See issuer.h. */
#include "issuer/issuer.h"

#include "base/clock.h"
#include "issuer/source.h"

#include <limits.h>

struct Issuers {
        IssuersHooks hooks;
        SourceOwner owner; /* how sources reach us */
        GPtrArray *sources;
        bool allow_development;
        GSource *timer;
};

typedef struct Asker {
        IssuerKeysDone done;
        void *userdata;
} Asker;

/* The timer: one for all issuers. It reads base/clock in prepare, so that tests may set the time.
 */

typedef struct IssuersTimer {
        GSource base;
        Issuers *issuers;
} IssuersTimer;

static int64_t issuers_next_usec(const Issuers *issuers)
{
        int64_t first_usec = -1;

        for (guint i = 0; i < issuers->sources->len; i++) {
                int64_t next_usec = source_next_usec(issuers->sources->pdata[i]);

                if (next_usec >= 0 && (first_usec < 0 || next_usec < first_usec))
                        first_usec = next_usec;
        }
        return first_usec;
}

static gboolean issuers_timer_prepare(GSource *base, int *ret_timeout_msec)
{
        int64_t next_usec = issuers_next_usec(((IssuersTimer *) base)->issuers);
        int64_t wait_usec = next_usec - clock_monotonic_usec();

        *ret_timeout_msec = -1;
        if (next_usec < 0)
                return FALSE;
        /* Rounded up: waking a moment early would only mean waking again. */
        *ret_timeout_msec = (int) CLAMP((wait_usec + 999) / 1000, 0, INT_MAX);
        return wait_usec <= 0;
}

static gboolean issuers_timer_check(GSource *base)
{
        int64_t next_usec = issuers_next_usec(((IssuersTimer *) base)->issuers);

        return next_usec >= 0 && next_usec <= clock_monotonic_usec();
}

static gboolean issuers_timer_dispatch(GSource *base, GSourceFunc callback, void *userdata)
{
        Issuers *issuers = ((IssuersTimer *) base)->issuers;

        for (guint i = 0; i < issuers->sources->len; i++)
                source_run(issuers->sources->pdata[i], clock_monotonic_usec());
        return G_SOURCE_CONTINUE;
}

static GSource *issuers_timer_new(Issuers *issuers, GMainContext *context)
{
        static GSourceFuncs funcs = {
                .prepare = issuers_timer_prepare,
                .check = issuers_timer_check,
                .dispatch = issuers_timer_dispatch,
        };
        GSource *timer = g_source_new(&funcs, sizeof(IssuersTimer));

        ((IssuersTimer *) timer)->issuers = issuers;
        g_source_set_name(timer, "issuers");
        g_source_attach(timer, context);
        return timer;
}

/* Views and answers */

static void issuers_publish(Issuers *issuers)
{
        size_t n_facts = issuers->sources->len;
        g_autofree IssuerFacts *facts = g_new0(IssuerFacts, n_facts);
        g_autoptr(IssuerView) view = NULL;

        for (size_t i = 0; i < n_facts; i++) {
                facts[i] = source_facts(issuers->sources->pdata[i]);
                source_warn_development(issuers->sources->pdata[i], issuers->allow_development);
        }
        view = issuer_view_new(facts, n_facts, issuers->allow_development);
        issuers->hooks.changed(view, issuers->hooks.userdata);
}

/* Touches nothing but the answers: an asker may free the Issuers. */
static void issuers_answer(const GArray *answers)
{
        for (guint i = 0; i < answers->len; i++) {
                const KeysAnswer *one = &g_array_index(answers, KeysAnswer, i);
                g_autofree Asker *asker = one->asker;

                asker->done(one->answer, asker->userdata);
        }
}

static void issuers_on_ended(bool changed, const GArray *answers, void *userdata)
{
        Issuers *issuers = userdata;

        if (changed)
                issuers_publish(issuers);
        issuers_answer(answers);
}

/* Settings */

static bool issuers_refuse(GError **error, const char *format, const char *subject)
{
        g_set_error(error, g_quark_from_static_string("authd-issuer"), 0, format, subject);
        return false;
}

/* Two issuers of one url would let one borrow the other's keys. */
static bool issuers_check_unique(const GPtrArray *settings, GError **error)
{
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GHashTable) urls = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < settings->len; i++) {
                const IssuerSettings *one = settings->pdata[i];

                if (!g_hash_table_add(names, one->name))
                        return issuers_refuse(error, "two issuers are named %s", one->name);
                if (!g_hash_table_add(urls, one->url))
                        return issuers_refuse(error, "two issuers have the url %s", one->url);
        }
        return true;
}

/* For each issuer the keys of its file, or NULL without one. NULL: a file cannot be used. */
static GPtrArray *issuers_load_files(const GPtrArray *settings, GError **error)
{
        g_autoptr(GPtrArray) sets =
            g_ptr_array_new_with_free_func((GDestroyNotify) source_set_free);

        for (guint i = 0; i < settings->len; i++) {
                const IssuerSettings *one = settings->pdata[i];
                SourceSet *set = NULL;

                if (one->keys_file && !(set = source_set_load(one->keys_file, error))) {
                        g_prefix_error(error, "issuer %s, keys_file: ", one->name);
                        return NULL;
                }
                g_ptr_array_add(sets, set);
        }
        return g_steal_pointer(&sets);
}

/* The source for these settings: the one that asks the same provider already, or a new one. */
static Source *issuers_adopt(Issuers *issuers, GPtrArray *old, const IssuerSettings *settings)
{
        for (guint i = 0; i < old->len; i++) {
                Source *source = old->pdata[i];

                if (!source_is_same(source, settings))
                        continue;
                g_ptr_array_remove_index_fast(old, i);
                source_set_settings(source, settings);
                return source;
        }
        return source_new(settings, &issuers->owner);
}

static void issuers_forget(GPtrArray *sources, GArray *answers)
{
        for (guint i = 0; i < sources->len; i++)
                source_free(sources->pdata[i], answers);
}

bool issuers_configure(Issuers *issuers, GPtrArray *settings, bool allow_development,
                       GError **error)
{
        g_autoptr(GArray) answers = g_array_new(FALSE, FALSE, sizeof(KeysAnswer));
        g_autoptr(GPtrArray) old = NULL, files = NULL;

        if (settings->len > ISSUERS_MAX)
                return issuers_refuse(error, "more issuers than %s", G_STRINGIFY(ISSUERS_MAX));
        if (!issuers_check_unique(settings, error))
                return false;
        files = issuers_load_files(settings, error);
        if (!files)
                return false;
        old = issuers->sources;
        issuers->sources = g_ptr_array_new();
        issuers->allow_development = allow_development;
        for (guint i = 0; i < settings->len; i++) {
                Source *source = issuers_adopt(issuers, old, settings->pdata[i]);

                if (files->pdata[i])
                        source_take_file(source, g_steal_pointer(&files->pdata[i]));
                g_ptr_array_add(issuers->sources, source);
        }
        issuers_forget(old, answers);
        issuers_publish(issuers);
        issuers_answer(answers);
        return true;
}

/* Questions */

static Source *issuers_find(const Issuers *issuers, const char *name)
{
        for (guint i = 0; i < issuers->sources->len; i++)
                if (strcmp(source_name(issuers->sources->pdata[i]), name) == 0)
                        return issuers->sources->pdata[i];
        return NULL;
}

void issuers_want_key(Issuers *issuers, const char *name, Span kid, IssuerKeysDone done,
                      void *userdata)
{
        /* An issuer forgotten by a reload a moment ago: the asker checks again under the new view.
         */
        IssuerKeysAnswer answer = ISSUER_KEYS_UNAVAILABLE;
        Source *source = issuers_find(issuers, name);
        g_autofree Asker *asker = g_new0(Asker, 1);

        *asker = (Asker){ .done = done, .userdata = userdata };
        if (source && source_ask(source, kid, asker, &answer) == KEYS_WAIT)
                g_steal_pointer(&asker);
        else
                done(answer, userdata);
}

bool issuers_ready(const Issuers *issuers, const char **ret_missing)
{
        for (guint i = 0; i < issuers->sources->len; i++) {
                if (source_has_keys(issuers->sources->pdata[i]))
                        continue;
                if (ret_missing)
                        *ret_missing = source_name(issuers->sources->pdata[i]);
                return false;
        }
        return true;
}

json_t *issuers_status(const Issuers *issuers)
{
        json_t *array = json_array();

        for (guint i = 0; i < issuers->sources->len; i++)
                json_array_append_new(array, source_status(issuers->sources->pdata[i]));
        return array;
}

/* Life */

Issuers *issuers_new(GMainContext *context, Fetcher *fetcher, const IssuersHooks *hooks)
{
        Issuers *issuers = g_new0(Issuers, 1);

        issuers->hooks = *hooks;
        issuers->owner = (SourceOwner){
                .fetcher = fetcher,
                .upstream_calls = hooks->upstream_calls,
                .ended = issuers_on_ended,
                .userdata = issuers,
        };
        issuers->sources = g_ptr_array_new();
        issuers->timer = issuers_timer_new(issuers, context);
        return issuers;
}

void issuers_free(Issuers *issuers)
{
        g_autoptr(GArray) answers = g_array_new(FALSE, FALSE, sizeof(KeysAnswer));

        if (!issuers)
                return;
        g_source_destroy(issuers->timer);
        g_source_unref(issuers->timer);
        issuers_forget(issuers->sources, answers);
        g_ptr_array_unref(issuers->sources);
        g_free(issuers);
        issuers_answer(answers);
}

/* issuer: the providers that we trust, kept up to date on the main thread. See issuer.h. */
#include "issuer/issuer.h"

#include "base/clock.h"
#include "base/log.h"
#include "issuer/source.h"

#include <errno.h>
#include <limits.h>

struct Issuers {
        IssuersHooks hooks;
        SourceOwner owner; /* how sources reach us */
        Distrust *distrust;
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

static GArray *issuers_sets_new(guint n_sets)
{
        GArray *sets = g_array_new(FALSE, TRUE, sizeof(SourceSet));

        g_array_set_clear_func(sets, (GDestroyNotify) source_set_clear);
        return g_array_set_size(sets, n_sets);
}

/* For each issuer the keys of its file, or an empty one. NULL: a file cannot be used. */
static GArray *issuers_load_files(const GPtrArray *settings, GError **error)
{
        g_autoptr(GArray) sets = issuers_sets_new(settings->len);

        for (guint i = 0; i < settings->len; i++) {
                const IssuerSettings *one = settings->pdata[i];

                if (!one->keys_file ||
                    source_set_load(one->keys_file, &g_array_index(sets, SourceSet, i), error))
                        continue;
                g_prefix_error(error, "issuer %s, keys_file: ", one->name);
                return NULL;
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

static void issuers_prune(Issuers *issuers)
{
        if (issuers->owner.snapshots)
                (void) snapshot_prune(issuers->owner.snapshots, clock_wall_sec());
}

static GPtrArray *issuers_retired_new(void)
{
        return g_ptr_array_new_with_free_func((GDestroyNotify) introspector_free);
}

static GPtrArray *issuers_take_retired(Issuers *issuers)
{
        GPtrArray *retired = issuers->owner.retired;

        issuers->owner.retired = issuers_retired_new();
        return retired;
}

/* Those who waited for what is gone: an asker may free the Issuers. */
static void issuers_answer_last(const GArray *answers, GPtrArray *retired)
{
        issuers_answer(answers);
        g_ptr_array_unref(retired);
}

bool issuers_configure(Issuers *issuers, GPtrArray *settings, bool allow_development,
                       GError **error)
{
        g_autoptr(GArray) answers = g_array_new(FALSE, FALSE, sizeof(KeysAnswer));
        g_autoptr(GPtrArray) old = NULL;
        g_autoptr(GArray) files = NULL;

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

                if (g_array_index(files, SourceSet, i).keys)
                        source_take_file(source, &g_array_index(files, SourceSet, i));
                g_ptr_array_add(issuers->sources, source);
        }
        issuers_forget(old, answers);
        issuers_publish(issuers);
        issuers_prune(issuers);
        issuers_answer_last(answers, issuers_take_retired(issuers));
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

void issuers_introspect(Issuers *issuers, const char *name, Span token, Claims *own,
                        IntrospectDone done, void *userdata)
{
        static const IntrospectAnswer nobody = {
                .result = INTROSPECT_UNAVAILABLE,
                .trouble = "authd is no client of this issuer (any more)",
        };
        Source *source = issuers_find(issuers, name);
        Introspector *introspector = source ? source_introspector(source) : NULL;

        if (introspector)
                introspector_ask(introspector, token, own, done, userdata);
        else
                done(&nobody, userdata);
}

static void issuers_log_distrust(const char *name, const char *key, bool distrust)
{
        if (distrust)
                log_event(LOG_LEVEL_NOTICE, "issuer_key_distrusted",
                          "A key of the issuer does not count any more, whatever it says.",
                          LOG_TEXT("issuer", name), LOG_TEXT("key", key));
        else
                log_event(LOG_LEVEL_NOTICE, "issuer_key_trusted",
                          "A key of the issuer counts again, if the issuer has it.",
                          LOG_TEXT("issuer", name), LOG_TEXT("key", key));
}

/* Whatever the disk says, memory has it. */
static int issuers_distrust_answer(int r)
{
        switch (r) {
        case 0: return 0;
        case DISTRUST_E_NOT_THERE: return ISSUERS_E_NOT_THERE;
        case DISTRUST_E_FULL: return ISSUERS_E_FULL;
        default: return ISSUERS_E_NOT_LASTING;
        }
}

int issuers_distrust(Issuers *issuers, const char *name, const char *key, bool distrust)
{
        Source *source = issuers_find(issuers, name);
        const char *url;
        int answer;

        if (!source)
                return ISSUERS_E_UNKNOWN_ISSUER;
        if (key[0] == '\0' || strlen(key) > JWK_KID_SIZE_MAX)
                return -EINVAL;
        url = source_settings(source)->url;
        answer = issuers_distrust_answer(
            distrust ? distrust_add(issuers->distrust, url, key, clock_wall_sec())
                     : distrust_remove(issuers->distrust, url, key));
        if (answer != 0 && answer != ISSUERS_E_NOT_LASTING)
                return answer;
        issuers_log_distrust(source_name(source), key, distrust);
        if (source_trust_anew(source))
                issuers_publish(issuers);
        if (answer == 0 && !distrust_lasts(issuers->distrust))
                answer = ISSUERS_E_NOT_LASTING;
        return answer;
}

size_t issuers_size(const Issuers *issuers)
{
        return issuers->sources->len;
}

void issuers_outage(const Issuers *issuers, size_t index, IssuerOutage *ret)
{
        source_outage(issuers->sources->pdata[index], ret);
}

const IssuerSettings *issuers_settings(const Issuers *issuers, const char *name)
{
        const Source *source = issuers_find(issuers, name);

        return source ? source_settings(source) : NULL;
}

const char *issuers_ca_pem(const Issuers *issuers, const char *name)
{
        const Source *source = issuers_find(issuers, name);

        return source ? source_ca_pem(source) : NULL;
}

bool issuers_endpoints(const Issuers *issuers, const char *name, IssuerEndpoints *ret)
{
        const Source *source = issuers_find(issuers, name);
        const Discovery *discovery = source ? source_discovery(source) : NULL;

        if (!discovery)
                return false;
        *ret = (IssuerEndpoints){
                .token = discovery->token_url,
                .device = discovery->device_url,
                .push = discovery->push_url,
        };
        return true;
}

bool issuers_grant_target(const Issuers *issuers, const char *name, GrantTarget *ret)
{
        const IssuerSettings *settings = issuers_settings(issuers, name);
        IssuerEndpoints endpoints;
        const char *ca_pem;

        if (!settings || !settings->client.client_id ||
            !issuers_endpoints(issuers, name, &endpoints))
                return false;
        ca_pem = issuers_ca_pem(issuers, name);
        if (settings->ca_file && !ca_pem)
                return false;
        *ret = (GrantTarget){
                .issuer_url = settings->url,
                .token_endpoint = endpoints.token,
                .device_endpoint = endpoints.device,
                .push_endpoint = endpoints.push,
                .client = &settings->client,
                .ca_pem = ca_pem,
                .proxy = settings->proxy,
        };
        return true;
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

/* Where snapshots go; without a usable table nowhere, and that is said. */
static Store *issuers_prepare_snapshots(Store *store)
{
        g_autoptr(GError) error = NULL;

        if (!store || snapshot_prepare(store, &error))
                return store;
        log_event(LOG_LEVEL_ERROR, "issuer_snapshots_off",
                  "The state database can keep no keys: a restart needs the providers.",
                  LOG_TEXT("why", error->message));
        return NULL;
}

/* A daemon that does not know what it distrusted must say so; it runs on, for the settings' own
 * distrust_kid and what comes from now on hold. */
static Distrust *issuers_load_distrust(Store *store)
{
        g_autoptr(GError) error = NULL;
        Distrust *distrust = distrust_new(store, &error);

        if (distrust)
                return distrust;
        log_event(LOG_LEVEL_ERROR, "issuer_distrust_unreadable",
                  "THE STATE DATABASE DOES NOT SAY WHICH KEYS WERE DISTRUSTED: all count again. "
                  "Distrust them anew, or by distrust_kid.",
                  LOG_TEXT("why", error->message));
        return distrust_new(NULL, NULL);
}

Issuers *issuers_new(GMainContext *context, Fetcher *fetcher, Store *store,
                     const IssuersHooks *hooks)
{
        Issuers *issuers = g_new0(Issuers, 1);

        issuers->hooks = *hooks;
        issuers->distrust = issuers_load_distrust(store);
        issuers->owner = (SourceOwner){
                .context = context,
                .fetcher = fetcher,
                .upstream_calls = hooks->upstream_calls,
                .snapshots = issuers_prepare_snapshots(store),
                .distrust = issuers->distrust,
                .retired = issuers_retired_new(),
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
        GPtrArray *retired;

        if (!issuers)
                return;
        g_source_destroy(issuers->timer);
        g_source_unref(issuers->timer);
        issuers_forget(issuers->sources, answers);
        g_ptr_array_unref(issuers->sources);
        distrust_free(issuers->distrust);
        retired = issuers->owner.retired;
        g_free(issuers);
        issuers_answer_last(answers, retired);
}

/* source: one issuer as we ask it. See source.h. */
#include "issuer/source.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

typedef enum SourceCall { CALL_DISCOVERY, CALL_KEYS, _CALL_MAX } SourceCall;

static const char *const call_names[] = {
        [CALL_DISCOVERY] = "discovery",
        [CALL_KEYS] = "keys",
};

/* What keeps failing for the same cause: told when new, then ever more seldom. */
typedef struct SourceCause {
        char *cause; /* kind and code; NULL: the call is well */
        unsigned n_times;
} SourceCause;

struct Source {
        const SourceOwner *owner;
        IssuerSettings *settings;
        const char *name; /* interned */
        const char *url;  /* interned */

        Keys life; /* untouched with a keys_file */
        Fetch *fetch;
        Discovery *discovery;       /* the last good document; NULL: none yet */
        int64_t discovery_due_usec; /* when to read it anew */
        KeySet *keys;               /* the last good ones; NULL: none yet */
        int64_t keys_at_sec;        /* of the last good attempt, wall clock */
        int64_t facts_at_sec;       /* when these keys came first: what views show */
        bool changed;               /* in the attempt under way: the facts are others now */

        char *trouble; /* what failed last, as a sentence; NULL: nothing */
        SourceCause causes[_CALL_MAX];
        bool troubled;        /* in the attempt under way */
        GHashTable *skipped;  /* keys left out of the last set, each told once */
        int told_development; /* bit 0: it is one, bit 1: and allowed */
};

typedef struct SourceTrouble {
        SourceCall call;
        const char *result; /* the metric's word: "unreachable", "status", "unusable" */
        int code;           /* errno, HTTP status or JwkAnswer */
        const char *sentence;
} SourceTrouble;

/* Settings */

static IssuerSettings *settings_copy(const IssuerSettings *settings)
{
        IssuerSettings *copy = g_new0(IssuerSettings, 1);

        copy->name = g_strdup(settings->name);
        copy->url = g_strdup(settings->url);
        copy->fetch_url = g_strdup(settings->fetch_url);
        copy->ca_file = g_strdup(settings->ca_file);
        copy->keys_file = g_strdup(settings->keys_file);
        copy->algorithms = settings->algorithms;
        copy->leeway_sec = settings->leeway_sec;
        copy->client_id = g_strdup(settings->client_id);
        copy->client_secret_file = g_strdup(settings->client_secret_file);
        return copy;
}

void issuer_settings_free(IssuerSettings *settings)
{
        if (!settings)
                return;
        g_free(settings->name);
        g_free(settings->url);
        g_free(settings->fetch_url);
        g_free(settings->ca_file);
        g_free(settings->keys_file);
        g_free(settings->client_id);
        g_free(settings->client_secret_file);
        g_free(settings);
}

/* Key sets */

static void source_set_skip(size_t index, const char *kid, int answer, const char *why,
                            void *userdata)
{
        GHashTable *skipped = userdata;
        char *label = kid ? g_strndup(kid, JWK_KID_SIZE_MAX)
                          : g_strdup_printf("number %zu, without a kid", index + 1);

        g_hash_table_insert(skipped, label, g_strdup(why ? why : jwk_answer_text(answer)));
}

/* 0, or what keyset_parse says; ret is filled in either way, for the keys left out. */
static int source_set_parse(Span json, SourceSet *ret)
{
        ret->skipped = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return keyset_parse(json, source_set_skip, ret->skipped, &ret->keys);
}

static const char *source_set_trouble(int answer)
{
        return answer > 0 ? jwk_answer_text(answer) : g_strerror(-answer);
}

SourceSet *source_set_load(const char *path, GError **error)
{
        g_autoptr(SourceSet) set = g_new0(SourceSet, 1);
        g_autofree char *json = NULL;
        size_t len = 0;
        int answer;

        if (!file_read(path, KEYSET_SIZE_MAX, &json, &len, error))
                return NULL;
        answer = source_set_parse(span_of(json, len), set);
        if (answer == 0)
                return g_steal_pointer(&set);
        g_set_error(error, g_quark_from_static_string("authd-issuer"), 0,
                    "%s: not a usable JWKS (RFC 7517): %s", path, source_set_trouble(answer));
        return NULL;
}

static void source_set_clear(SourceSet *set)
{
        g_clear_pointer(&set->keys, keyset_unref);
        g_clear_pointer(&set->skipped, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SourceSet, source_set_clear)

void source_set_free(SourceSet *set)
{
        if (!set)
                return;
        source_set_clear(set);
        g_free(set);
}

/* Log */

static size_t source_n_keys(const Source *source)
{
        return source->keys ? keyset_size(source->keys) : 0;
}

static void source_log_ready(const Source *source)
{
        g_autofree char *sentence =
            g_strdup_printf("Issuer %s is ready, keys: %zu.", source->name, source_n_keys(source));

        log_event(LOG_LEVEL_NOTICE, "issuer_ready", sentence, LOG_TEXT("issuer", source->name),
                  LOG_TEXT("url", source->url),
                  LOG_NUMBER("keys", (int64_t) source_n_keys(source)));
}

static bool is_power_of_two(unsigned number)
{
        return (number & (number - 1)) == 0;
}

static void source_log_trouble(const Source *source, const SourceTrouble *trouble)
{
        g_autofree char *sentence =
            g_strdup_printf("The %s call to issuer %s failed: %s. %s", call_names[trouble->call],
                            source->name, trouble->sentence,
                            source->keys ? "The last good keys stay in use."
                                         : "There are no keys yet: its tokens cannot be checked.");

        log_event(LOG_LEVEL_WARNING, "issuer_fetch_failed", sentence,
                  LOG_TEXT("issuer", source->name), LOG_TEXT("call", call_names[trouble->call]),
                  LOG_TEXT("result", trouble->result), LOG_NUMBER("code", trouble->code),
                  LOG_NUMBER("times", source->causes[trouble->call].n_times),
                  LOG_NUMBER("keys", (int64_t) source_n_keys(source)));
}

/* Keys left out: info, once a kid for as long as it stays in the set. */
static void source_log_skipped(Source *source, SourceSet *set)
{
        GHashTableIter iter;
        void *kid, *why;
        unsigned n_lines = 0;

        g_hash_table_iter_init(&iter, set->skipped);
        while (n_lines < SOURCE_SKIPPED_LOGGED_MAX && g_hash_table_iter_next(&iter, &kid, &why)) {
                if (source->skipped && g_hash_table_contains(source->skipped, kid))
                        continue;
                n_lines++;
                log_event(LOG_LEVEL_INFO, "issuer_key_skipped", "A key is of no use to us.",
                          LOG_TEXT("issuer", source->name), LOG_TEXT("kid", kid),
                          LOG_TEXT("why", why));
        }
        g_clear_pointer(&source->skipped, g_hash_table_unref);
        source->skipped = g_steal_pointer(&set->skipped);
}

static GHashTable *source_kids(const KeySet *keys)
{
        GHashTable *kids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (size_t i = 0; i < keyset_size(keys); i++)
                if (keyset_get(keys, i)->kid)
                        g_hash_table_add(kids, g_strdup(keyset_get(keys, i)->kid));
        return kids;
}

/* The kids of keys that are not among others, for people. */
static char *source_kids_only_in(const KeySet *keys, const KeySet *others)
{
        g_autoptr(GHashTable) known = source_kids(others);
        GString *text = g_string_new(NULL);
        unsigned n_kids = 0;

        for (size_t i = 0; i < keyset_size(keys); i++) {
                const char *kid = keyset_get(keys, i)->kid;

                if (kid && g_hash_table_contains(known, kid))
                        continue;
                if (n_kids++ < SOURCE_KIDS_LOGGED_MAX)
                        g_string_append_printf(text, "%s%s", n_kids > 1 ? " " : "",
                                               kid ? kid : "(no kid)");
        }
        if (n_kids > SOURCE_KIDS_LOGGED_MAX)
                g_string_append_printf(text, " and %u more", n_kids - SOURCE_KIDS_LOGGED_MAX);
        return g_string_free(text, FALSE);
}

static void source_log_changed(const Source *source, const KeySet *keys)
{
        g_autofree char *added = source_kids_only_in(keys, source->keys);
        g_autofree char *removed = source_kids_only_in(source->keys, keys);

        log_event(LOG_LEVEL_NOTICE, "issuer_keys_changed", "The issuer has other keys now.",
                  LOG_TEXT("issuer", source->name), LOG_TEXT("added", added),
                  LOG_TEXT("removed", removed), LOG_NUMBER("keys", (int64_t) keyset_size(keys)));
}

void source_warn_development(Source *source, bool allowed)
{
        int told = 0;

        if (source->discovery && source->discovery->development)
                told = allowed ? 3 : 1;
        if (told == source->told_development)
                return;
        source->told_development = told;
        if (told == 0)
                return;
        log_event(LOG_LEVEL_WARNING, "issuer_development",
                  allowed ? "THIS IS A DEVELOPMENT ISSUER AND ITS TOKENS ARE ACCEPTED "
                            "(allow_development_issuers = true): never so in production."
                          : "This is a development issuer: its tokens are refused unless "
                            "allow_development_issuers = true.",
                  LOG_TEXT("issuer", source->name), LOG_TEXT("url", source->url));
}

static void source_count(const Source *source, SourceCall call, const char *result)
{
        const char *values[] = { source->name, call_names[call], result };

        if (source->owner->upstream_calls)
                metric_add(source->owner->upstream_calls, values, 1);
}

/* An attempt */

/* True when it is new, and at its 2nd, 4th, 8th… time. */
static bool source_cause_is_news(SourceCause *cause, const SourceTrouble *trouble)
{
        g_autofree char *now = g_strdup_printf("%s/%d", trouble->result, trouble->code);

        if (g_strcmp0(cause->cause, now) != 0)
                cause->n_times = 0;
        g_free(cause->cause);
        cause->cause = g_steal_pointer(&now);
        cause->n_times++;
        return is_power_of_two(cause->n_times);
}

static void source_note_trouble(Source *source, const SourceTrouble *trouble)
{
        source_count(source, trouble->call, trouble->result);
        source->troubled = true;
        g_free(source->trouble);
        source->trouble = g_strdup_printf("%s: %s", call_names[trouble->call], trouble->sentence);
        if (source_cause_is_news(&source->causes[trouble->call], trouble))
                source_log_trouble(source, trouble);
}

static void source_end(Source *source, GArray *answers)
{
        bool changed = source->changed;

        source->changed = false;
        source->owner->ended(changed, answers, source->owner->userdata);
}

static GArray *answers_new(void)
{
        return g_array_new(FALSE, FALSE, sizeof(KeysAnswer));
}

static void source_fail(Source *source)
{
        g_autoptr(GArray) answers = answers_new();

        /* Maybe the keys have moved: the document is read anew next time. */
        source->discovery_due_usec = 0;
        keys_failed(&source->life, 0, g_random_double(), clock_monotonic_usec(), answers);
        source_end(source, answers);
}

/* No sentence, no trouble: an HTTP answer with status 200 came. */
static char *source_read_answer(const FetchAnswer *answer, SourceTrouble *ret_trouble)
{
        if (answer->error != 0) {
                ret_trouble->result = "unreachable";
                ret_trouble->code = -answer->error;
                return g_strdup(answer->trouble ? answer->trouble : g_strerror(-answer->error));
        }
        if (answer->status != 200) {
                ret_trouble->result = "status";
                ret_trouble->code = (int) answer->status;
                return g_strdup_printf("the provider answered with HTTP status %u", answer->status);
        }
        return NULL;
}

static void source_take_keys(Source *source, KeySet *keys)
{
        bool first = !source->keys, changed = first || !keyset_equal(source->keys, keys);

        source->keys_at_sec = clock_wall_sec();
        if (!changed) {
                keyset_unref(keys);
                return;
        }
        if (!first)
                source_log_changed(source, keys);
        g_clear_pointer(&source->keys, keyset_unref);
        source->keys = keys;
        source->facts_at_sec = source->keys_at_sec;
        source->changed = true;
        if (first)
                source_log_ready(source);
}

void source_take_file(Source *source, SourceSet *set)
{
        source_log_skipped(source, set);
        source_take_keys(source, g_steal_pointer(&set->keys));
        source->changed = false; /* the owner publishes after it took them all */
        source_set_free(set);
}

static void source_clear_causes(Source *source)
{
        g_clear_pointer(&source->trouble, g_free);
        for (SourceCall call = 0; call < _CALL_MAX; call++)
                g_clear_pointer(&source->causes[call].cause, g_free);
}

static void source_recover(Source *source)
{
        if (!source->trouble)
                return;
        source_clear_causes(source);
        if (!source->changed) /* a first or changed set was told already */
                source_log_ready(source);
}

static void source_succeed(Source *source, KeySet *keys, const char *cache_control)
{
        g_autoptr(GArray) answers = answers_new();
        GHashTable *kids = source_kids(keys);

        source_count(source, CALL_KEYS, "ok");
        source_take_keys(source, keys);
        if (!source->troubled)
                source_recover(source);
        keys_succeeded(&source->life, kids, keys_fresh_sec(cache_control), g_random_double(),
                       clock_monotonic_usec(), answers);
        source_end(source, answers);
}

static void source_on_keys(const FetchAnswer *answer, void *userdata)
{
        Source *source = userdata;
        SourceTrouble trouble = { .call = CALL_KEYS };
        g_autofree char *sentence = source_read_answer(answer, &trouble);
        g_auto(SourceSet) set = { 0 };

        source->fetch = NULL;
        if (!sentence) {
                trouble.result = "unusable";
                trouble.code = source_set_parse(answer->body, &set);
                source_log_skipped(source, &set);
                if (trouble.code == 0) {
                        source_succeed(source, g_steal_pointer(&set.keys), answer->cache_control);
                        return;
                }
                sentence = g_strdup_printf("the key set is of no use: %s",
                                           source_set_trouble(trouble.code));
        }
        trouble.sentence = sentence;
        source_note_trouble(source, &trouble);
        source_fail(source);
}

static void source_fetch(Source *source, const char *url, size_t size_max, FetchDone done)
{
        const FetchOptions options = {
                .url = url,
                .ca_file = source->settings->ca_file,
                .size_max = size_max,
                .deadline_usec = SOURCE_CALL_USEC,
        };

        source->fetch = fetch_start(source->owner->fetcher, &options, done, source);
}

static void source_take_discovery(Source *source, Discovery *discovery)
{
        bool was = source->discovery && source->discovery->development;

        source_count(source, CALL_DISCOVERY, "ok");
        source->changed |= was != discovery->development;
        discovery_free(source->discovery);
        source->discovery = discovery;
        source->discovery_due_usec = clock_monotonic_usec() + SOURCE_DISCOVERY_USEC;
}

static void source_on_discovery(const FetchAnswer *answer, void *userdata)
{
        Source *source = userdata;
        SourceTrouble trouble = { .call = CALL_DISCOVERY };
        g_autofree char *sentence = source_read_answer(answer, &trouble);
        g_autoptr(GError) error = NULL;
        Discovery *discovery = NULL;

        source->fetch = NULL;
        if (!sentence) {
                trouble.result = "unusable";
                discovery =
                    discovery_parse(answer->body, source->url, source->settings->fetch_url, &error);
        }
        if (discovery) {
                source_take_discovery(source, discovery);
        } else {
                trouble.sentence = sentence ? sentence : error->message;
                source_note_trouble(source, &trouble);
        }
        if (source->discovery)
                source_fetch(source, source->discovery->jwks_url, KEYSET_SIZE_MAX, source_on_keys);
        else
                source_fail(source);
}

void source_run(Source *source, int64_t now_usec)
{
        const char *base = source->settings->fetch_url ? source->settings->fetch_url : source->url;
        g_autofree char *document_url = NULL;

        if (source->settings->keys_file || !keys_begin(&source->life, now_usec))
                return;
        source->troubled = false;
        if (source->discovery && now_usec < source->discovery_due_usec) {
                source_fetch(source, source->discovery->jwks_url, KEYSET_SIZE_MAX, source_on_keys);
                return;
        }
        document_url = discovery_document_url(base);
        source_fetch(source, document_url, ISSUER_DISCOVERY_SIZE_MAX, source_on_discovery);
}

int64_t source_next_usec(const Source *source)
{
        return source->settings->keys_file ? -1 : keys_next_usec(&source->life);
}

KeysAdvice source_ask(Source *source, Span kid, void *asker, IssuerKeysAnswer *ret_answer)
{
        if (source->settings->keys_file) {
                *ret_answer =
                    ISSUER_KEYS_COOLDOWN; /* as fresh as can be: the file is what there is */
                return KEYS_ANSWERED;
        }
        return keys_ask(&source->life, kid, asker, clock_monotonic_usec(), ret_answer);
}

/* Life */

Source *source_new(const IssuerSettings *settings, const SourceOwner *owner)
{
        Source *source = g_new0(Source, 1);

        source->owner = owner;
        keys_init(&source->life, clock_monotonic_usec());
        source_set_settings(source, settings);
        return source;
}

bool source_is_same(const Source *source, const IssuerSettings *settings)
{
        return g_strcmp0(source->settings->url, settings->url) == 0 &&
               g_strcmp0(source->settings->fetch_url, settings->fetch_url) == 0 &&
               g_strcmp0(source->settings->ca_file, settings->ca_file) == 0 &&
               g_strcmp0(source->settings->keys_file, settings->keys_file) == 0;
}

void source_set_settings(Source *source, const IssuerSettings *settings)
{
        issuer_settings_free(source->settings);
        source->settings = settings_copy(settings);
        source->name = g_intern_string(settings->name);
        source->url = g_intern_string(settings->url);
}

const char *source_name(const Source *source)
{
        return source->name;
}

bool source_has_keys(const Source *source)
{
        return source->keys != NULL;
}

IssuerFacts source_facts(const Source *source)
{
        return (IssuerFacts){
                .name = source->name,
                .url = source->url,
                .keys = source->keys,
                .algorithms = source->settings->algorithms,
                .leeway_sec = source->settings->leeway_sec,
                .keys_at_sec = source->facts_at_sec,
                .development = source->discovery && source->discovery->development,
                .keys_fresh_until_usec = INT64_MAX,
        };
}

void source_free(Source *source, GArray *answers)
{
        if (!source)
                return;
        fetch_cancel(source->fetch);
        keys_give_up(&source->life, answers);
        keys_deinit(&source->life);
        discovery_free(source->discovery);
        g_clear_pointer(&source->keys, keyset_unref);
        g_clear_pointer(&source->skipped, g_hash_table_unref);
        source_clear_causes(source);
        issuer_settings_free(source->settings);
        g_free(source);
}

/* Status */

/* What is not UTF-8 (a path in a setting, an error's text) is shown with replacements. */
static json_t *source_json_text(const char *text)
{
        g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

        return valid ? json_string(valid) : json_null();
}

static json_t *source_json_key(const Key *key)
{
        static const char *const type_names[] = {
                [KEY_TYPE_RSA] = "RSA",
                [KEY_TYPE_EC] = "EC",
                [KEY_TYPE_OKP] = "OKP",
        };
        static const char *const curve_names[] = {
                [CURVE_NONE] = NULL,    [CURVE_P256] = "P-256",      [CURVE_P384] = "P-384",
                [CURVE_P521] = "P-521", [CURVE_ED25519] = "Ed25519", [CURVE_ED448] = "Ed448",
        };
        json_t *object = json_object(), *algs = json_array();

        for (AlgId id = 0; id < _ALG_MAX; id++)
                if (alg_set_has(key->algs, id))
                        json_array_append_new(algs, json_string(alg_get(id)->name));
        json_object_set_new(object, "kid", source_json_text(key->kid));
        json_object_set_new(object, "kty", json_string(type_names[key->type]));
        json_object_set_new(object, "crv",
                            curve_names[key->curve] ? json_string(curve_names[key->curve])
                                                    : json_null());
        json_object_set_new(object, "bits", json_integer(key->bits));
        json_object_set_new(object, "algs", algs);
        return object;
}

static json_t *source_json_keys(const Source *source)
{
        json_t *array = json_array();

        for (size_t i = 0; i < source_n_keys(source); i++)
                json_array_append_new(array, source_json_key(keyset_get(source->keys, i)));
        return array;
}

/* The next attempt by the wall clock; now, while one is under way. */
static json_t *source_json_next(const Source *source)
{
        int64_t wait_usec = source_next_usec(source) - clock_monotonic_usec();

        if (source->settings->keys_file)
                return json_null();
        return json_integer(clock_wall_sec() + MAX(wait_usec, 0) / G_USEC_PER_SEC);
}

static const char *source_state(const Source *source)
{
        if (source->settings->keys_file)
                return "static";
        if (source->life.n_failures > 0)
                return "failing";
        return source->keys ? "ready" : "waiting";
}

json_t *source_status(const Source *source)
{
        json_t *object = json_object();

        json_object_set_new(object, "name", source_json_text(source->name));
        json_object_set_new(object, "url", source_json_text(source->url));
        json_object_set_new(object, "state", json_string(source_state(source)));
        json_object_set_new(object, "keys", source_json_keys(source));
        json_object_set_new(object, "keys_at",
                            source->keys ? json_integer(source->keys_at_sec) : json_null());
        json_object_set_new(object, "next_refresh_at", source_json_next(source));
        json_object_set_new(object, "last_error", source_json_text(source->trouble));
        json_object_set_new(object, "development",
                            json_boolean(source->discovery && source->discovery->development));
        return object;
}

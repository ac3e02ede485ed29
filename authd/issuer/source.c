/* source: one issuer as we ask it. See source.h. */
#include "issuer/source.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "issuer/describe.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/* RFC 6750 §2.1, b64token. */
#define BEARER_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

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

/* How much of the outage budget has been told of. */
typedef enum SourceAge { AGE_FRESH, AGE_STALE, AGE_TOO_OLD } SourceAge;

struct Source {
        const SourceOwner *owner;
        IssuerSettings *settings;
        const char *name; /* interned */
        const char *url;  /* interned */

        Keys life; /* untouched with a keys_file */
        Fetch *fetch;
        GSource *failing;           /* the attempt under way, which could not even be made */
        Discovery *discovery;       /* the last good document; NULL: none yet */
        GBytes *discovery_text;     /* as it was fetched; NULL: none yet */
        int64_t discovery_due_usec; /* when to read it anew */
        KeySet *keys;               /* the last good ones; NULL: none yet */
        KeySet *trusted;            /* without those distrusted: what views have */
        GBytes *keys_text;          /* as they were fetched; NULL: none yet, or of a file */
        char *keys_etag;            /* NULL: none */
        int64_t keys_at_sec;        /* of the last good attempt, wall clock */
        int64_t facts_at_sec;       /* when these keys came first: what views show */
        bool from_snapshot;         /* and the provider has not confirmed them yet */
        bool conditional;           /* the keys call under way: 304 is an answer */
        bool whole;                 /* the next one is not to be, for a change */
        bool changed;               /* in the attempt under way: the facts are others now */

        int64_t files_due_usec; /* when to look at them again */
        WatchMark keys_mark, ca_mark;
        char *ca_pem; /* what ca_file held when it was last of use; NULL: never */

        Introspector *introspector; /* NULL: we are no client */

        char *trouble; /* what failed last, as a sentence; NULL: nothing */
        SourceCause causes[_CALL_MAX];
        bool troubled;        /* in the attempt under way */
        GHashTable *skipped;  /* keys left out of the last set, each told once */
        int told_development; /* bit 0: it is one, bit 1: and allowed */
        SourceAge told_age;
};

typedef struct SourceTrouble {
        SourceCall call;
        const char *result; /* the metric's word: "unreachable", "status", "unusable" */
        int code;           /* errno, HTTP status or JwkAnswer */
        const char *sentence;
        int64_t retry_after_sec;
} SourceTrouble;

/* Settings */

IssuerSettings *issuer_settings_copy(const IssuerSettings *settings)
{
        IssuerSettings *copy = g_new0(IssuerSettings, 1);

        *copy = *settings;
        copy->name = g_strdup(settings->name);
        copy->url = g_strdup(settings->url);
        copy->fetch_url = g_strdup(settings->fetch_url);
        copy->ca_file = g_strdup(settings->ca_file);
        copy->keys_file = g_strdup(settings->keys_file);
        copy->proxy = g_strdup(settings->proxy);
        copy->fetch_token_file = g_strdup(settings->fetch_token_file);
        copy->distrust_kid = g_strdupv(settings->distrust_kid);
        copy->introspection_url = g_strdup(settings->introspection_url);
        copy->client = (ClientAuthSettings){ 0 };
        client_auth_settings_copy(&settings->client, &copy->client);
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
        g_free(settings->proxy);
        g_free(settings->fetch_token_file);
        g_strfreev(settings->distrust_kid);
        g_free(settings->introspection_url);
        client_auth_settings_clear(&settings->client);
        g_free(settings);
}

/* The outage budget */

static bool source_is_static(const Source *source)
{
        return source->settings->keys_file != NULL;
}

static int64_t source_fresh_until_usec(const Source *source)
{
        if (source_is_static(source))
                return INT64_MAX;
        return source->keys ? source->life.fresh_until_usec : 0;
}

static int64_t source_stale_max_usec(const Source *source)
{
        return source->settings->stale_keys_max_sec * G_USEC_PER_SEC;
}

static SourceAge source_age(const Source *source)
{
        int64_t now_usec = clock_monotonic_usec(), fresh_usec = source_fresh_until_usec(source);

        if (now_usec <= fresh_usec)
                return AGE_FRESH;
        return now_usec - fresh_usec <= source_stale_max_usec(source) ? AGE_STALE : AGE_TOO_OLD;
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

static void source_log_changed(const Source *source, const KeySet *keys)
{
        g_autofree char *added = source_set_kids_only_in(keys, source->keys);
        g_autofree char *removed = source_set_kids_only_in(source->keys, keys);

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

static void source_log_age(Source *source)
{
        SourceAge age = source->keys ? source_age(source) : AGE_FRESH;
        int64_t left_usec = source_fresh_until_usec(source) + source_stale_max_usec(source) -
                            clock_monotonic_usec();

        if (age <= source->told_age)
                return;
        source->told_age = age;
        if (age == AGE_STALE)
                log_event(LOG_LEVEL_WARNING, "issuer_keys_stale",
                          "The issuer's keys are fresh no more: stale_keys_max is being spent.",
                          LOG_TEXT("issuer", source->name),
                          LOG_NUMBER("seconds_left", left_usec / G_USEC_PER_SEC));
        else
                log_event(LOG_LEVEL_ERROR, "issuer_keys_too_old",
                          "The issuer's keys are older than stale_keys_max: its tokens cannot be "
                          "checked until it answers.",
                          LOG_TEXT("issuer", source->name),
                          LOG_NUMBER("stale_keys_max", source->settings->stale_keys_max_sec));
}

static void source_log_file(const Source *source, const char *setting, const char *path)
{
        log_event(LOG_LEVEL_NOTICE, "issuer_file_changed",
                  "The file has changed, and is taken as it is now.",
                  LOG_TEXT("issuer", source->name), LOG_TEXT("setting", setting),
                  LOG_TEXT("path", path));
}

static void source_log_bad_file(const Source *source, const char *setting, const GError *error)
{
        log_event(LOG_LEVEL_ERROR, "issuer_file_unusable",
                  "The file is of no use; what it held before stays in use.",
                  LOG_TEXT("issuer", source->name), LOG_TEXT("setting", setting),
                  LOG_TEXT("why", error->message));
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

static void source_fail(Source *source, int64_t retry_after_sec)
{
        g_autoptr(GArray) answers = answers_new();

        /* Maybe the keys have moved: the document is read anew next time. */
        source->discovery_due_usec = 0;
        source_log_age(source);
        keys_failed(&source->life, retry_after_sec, g_random_double(), clock_monotonic_usec(),
                    answers);
        source_end(source, answers);
}

static gboolean source_fail_dispatch(void *userdata)
{
        Source *source = userdata;

        g_clear_pointer(&source->failing, g_source_unref);
        source_fail(source, 0);
        return G_SOURCE_REMOVE;
}

/* An attempt that cannot even be made ends by the loop, as others do. */
static void source_fail_soon(Source *source)
{
        source->failing = g_idle_source_new();
        g_source_set_callback(source->failing, source_fail_dispatch, source, NULL);
        g_source_attach(source->failing, source->owner->context);
}

/* No sentence, no trouble: an HTTP answer with status 200 came. */
static char *source_read_answer(const FetchAnswer *answer, SourceTrouble *ret_trouble)
{
        if (answer->error != 0) {
                ret_trouble->result = answer->error == -EFBIG ? "unusable" : "unreachable";
                ret_trouble->code = -answer->error;
                return g_strdup(answer->trouble ? answer->trouble : g_strerror(-answer->error));
        }
        if (answer->status != 200) {
                ret_trouble->result = "status";
                ret_trouble->code = (int) answer->status;
                if (answer->status == 429 || answer->status == 503)
                        ret_trouble->retry_after_sec = answer->retry_after_sec;
                return g_strdup_printf("the provider answered with HTTP status %u", answer->status);
        }
        return NULL;
}

/* Introspection */

static const char *source_introspection_url(const Source *source)
{
        if (source->settings->introspection_url)
                return source->settings->introspection_url;
        return source->discovery ? source->discovery->introspection_url : NULL;
}

static void source_retire_introspector(Source *source)
{
        if (source->introspector)
                g_ptr_array_add(source->owner->retired, g_steal_pointer(&source->introspector));
}

/* Whatever it was told before has changed, or may have. */
static void source_tell_introspector(Source *source)
{
        const IssuerSettings *settings = source->settings;
        const IntrospectTarget target = {
                .issuer = source->name,
                .issuer_url = source->url,
                .endpoint = source_introspection_url(source),
                .client = &settings->client,
                .ca_pem = source->ca_pem,
                .proxy = settings->proxy,
                .calls_max = settings->introspection_calls_max,
                .demand_signed = settings->introspection_signed,
                .keys = source->trusted,
                .algorithms = settings->algorithms,
        };

        if (!settings->client.client_id) {
                source_retire_introspector(source);
                return;
        }
        if (!source->introspector)
                source->introspector =
                    introspector_new(source->owner->fetcher, source->owner->upstream_calls);
        introspector_configure(source->introspector, &target);
}

/* Keys */

static bool source_distrusts(const Key *key, void *userdata)
{
        const Source *source = userdata;

        return distrust_has(source->owner->distrust, source->url, key,
                            (const char *const *) source->settings->distrust_kid);
}

bool source_trust_anew(Source *source)
{
        g_autoptr(KeySet) before = g_steal_pointer(&source->trusted);

        if (!source->keys)
                return false;
        source->trusted = keyset_without(source->keys, source_distrusts, source);
        source_tell_introspector(source);
        return !before || !keyset_equal(before, source->trusted);
}

static void source_take_keys(Source *source, KeySet *keys)
{
        bool first = !source->keys;

        source->keys_at_sec = clock_wall_sec();
        if (!first && keyset_equal(source->keys, keys)) {
                keyset_unref(keys);
                return;
        }
        if (!first)
                source_log_changed(source, keys);
        g_clear_pointer(&source->keys, keyset_unref);
        source->keys = keys;
        source->facts_at_sec = source->keys_at_sec;
        source_trust_anew(source);
        if (first)
                source_log_ready(source);
}

void source_take_file(Source *source, SourceSet *set)
{
        source_log_skipped(source, set);
        source->keys_mark = set->mark;
        source_take_keys(source, g_steal_pointer(&set->keys));
}

static void source_clear_causes(Source *source)
{
        g_clear_pointer(&source->trouble, g_free);
        for (SourceCall call = 0; call < _CALL_MAX; call++)
                g_clear_pointer(&source->causes[call].cause, g_free);
}

/* told: that the issuer is well, or has other keys. */
static void source_recover(Source *source, bool told)
{
        if (!source->trouble && !source->from_snapshot)
                return;
        source_clear_causes(source);
        if (!told)
                source_log_ready(source);
}

/* The state database */

static Span span_of_bytes(GBytes *bytes)
{
        size_t len = 0;
        const void *data = bytes ? g_bytes_get_data(bytes, &len) : "";

        return span_of(data, len);
}

static void bytes_set(GBytes **bytes, Span text)
{
        g_clear_pointer(bytes, g_bytes_unref);
        *bytes = g_bytes_new(text.data, text.len);
}

/* What fails is store's to tell, and tried again with the next good answer. */
static void source_keep(const Source *source, int64_t fresh_sec)
{
        const Snapshot snapshot = {
                .discovery = span_of_bytes(source->discovery_text),
                .keys = span_of_bytes(source->keys_text),
                .keys_etag = source->keys_etag,
                .fetched_at_sec = source->keys_at_sec,
                .fresh_sec = fresh_sec,
        };

        if (source->owner->snapshots)
                (void) snapshot_save(source->owner->snapshots, source->url,
                                     source->settings->fetch_url, &snapshot);
}

/* What a snapshot is good for, and until when by the monotonic clock; a sentence: for nothing. */
static char *source_read_snapshot(const Source *source, const Snapshot *snapshot, SourceSet *set,
                                  Discovery **ret_discovery, int64_t *ret_fresh_until_usec)
{
        g_autoptr(GError) error = NULL;
        int64_t age_sec = MAX(clock_wall_sec() - MAX(snapshot->fetched_at_sec, 0), 0);
        int64_t stale_sec = age_sec - CLAMP(snapshot->fresh_sec, 0, ISSUER_REFRESH_MAX_SEC);
        int answer;

        if (stale_sec > source->settings->stale_keys_max_sec)
                return g_strdup("it is older than stale_keys_max");
        answer = source_set_parse(snapshot->keys, set);
        if (answer != 0)
                return g_strdup_printf("its keys: %s", source_set_trouble(answer));
        if (snapshot->discovery.len > 0 &&
            !(*ret_discovery = discovery_parse(snapshot->discovery, source->url,
                                               source->settings->fetch_url, &error)))
                return g_strdup(error->message);
        *ret_fresh_until_usec = clock_monotonic_usec() - stale_sec * G_USEC_PER_SEC;
        return NULL;
}

static void source_log_snapshot(const Source *source, const Snapshot *snapshot)
{
        log_event(LOG_LEVEL_NOTICE, "issuer_snapshot_used",
                  "The issuer's keys are those of the state database until it answers.",
                  LOG_TEXT("issuer", source->name),
                  LOG_NUMBER("keys", (int64_t) source_n_keys(source)),
                  LOG_NUMBER("age", clock_wall_sec() - snapshot->fetched_at_sec));
}

static void source_take_snapshot(const Snapshot *snapshot, void *userdata)
{
        Source *source = userdata;
        Discovery *discovery = NULL;
        int64_t fresh_until_usec = 0;
        g_auto(SourceSet) set = { 0 };
        g_autofree char *trouble =
            source_read_snapshot(source, snapshot, &set, &discovery, &fresh_until_usec);

        if (trouble) {
                log_event(LOG_LEVEL_WARNING, "issuer_snapshot_refused",
                          "What the state database has of the issuer is of no use.",
                          LOG_TEXT("issuer", source->name), LOG_TEXT("why", trouble));
                return;
        }
        source->discovery = discovery; /* its successor is due all the same */
        source->keys = g_steal_pointer(&set.keys);
        source->keys_at_sec = source->facts_at_sec = snapshot->fetched_at_sec;
        source->from_snapshot = true;
        bytes_set(&source->discovery_text, snapshot->discovery);
        bytes_set(&source->keys_text, snapshot->keys);
        keys_restored(&source->life, source_set_kids(source->keys), fresh_until_usec);
        source_trust_anew(source);
        source_log_snapshot(source, snapshot);
}

/* An attempt */

static void source_succeed(Source *source, KeySet *keys, const FetchAnswer *answer)
{
        g_autoptr(GArray) answers = answers_new();
        GHashTable *kids = source_set_kids(keys);
        int64_t fresh_sec = keys_fresh_sec(answer->cache_control);
        bool told = !source->keys || !keyset_equal(source->keys, keys);

        source_count(source, CALL_KEYS, "ok");
        source_take_keys(source, keys);
        if (!source->troubled)
                source_recover(source, told);
        source->from_snapshot = false;
        source->told_age = AGE_FRESH;
        source->changed = true; /* until when they are fresh, at least */
        source_keep(source, fresh_sec);
        keys_succeeded(&source->life, kids, fresh_sec, g_random_double(), clock_monotonic_usec(),
                       answers);
        source_end(source, answers);
}

static bool etag_is_plain(const char *etag)
{
        size_t len = strlen(etag);

        for (const char *byte = etag; *byte; byte++)
                if (*byte <= 0x20 || *byte >= 0x7f)
                        return false;
        return len > 0 && len <= SOURCE_ETAG_SIZE_MAX;
}

static void source_take_key_text(Source *source, const FetchAnswer *answer)
{
        bytes_set(&source->keys_text, answer->body);
        g_free(source->keys_etag);
        source->keys_etag = etag_is_plain(answer->etag) ? g_strdup(answer->etag) : NULL;
}

static void source_on_keys(const FetchAnswer *answer, void *userdata)
{
        Source *source = userdata;
        SourceTrouble trouble = { .call = CALL_KEYS };
        g_autofree char *sentence = NULL;
        g_auto(SourceSet) set = { 0 };

        source->fetch = NULL;
        if (source->conditional && answer->error == 0 && answer->status == 304) {
                source_succeed(source, keyset_ref(source->keys), answer);
                return;
        }
        sentence = source_read_answer(answer, &trouble);
        if (!sentence) {
                trouble.result = "unusable";
                trouble.code = source_set_parse(answer->body, &set);
                source_log_skipped(source, &set);
                if (trouble.code == 0) {
                        source_take_key_text(source, answer);
                        source_succeed(source, g_steal_pointer(&set.keys), answer);
                        return;
                }
                sentence = g_strdup_printf("the key set is of no use: %s",
                                           source_set_trouble(trouble.code));
        }
        trouble.sentence = sentence;
        source_note_trouble(source, &trouble);
        source_fail(source, trouble.retry_after_sec);
}

char *source_bearer_line(const char *path, GError **error)
{
        char token[SOURCE_TOKEN_SIZE_MAX + 1];
        struct stat found;
        char *line = NULL;
        size_t len = 0;
        FILE_AUTOCLOSE int fd = file_open(path, &found, error);

        if (fd < 0 || !file_read_fd(fd, path, token, SOURCE_TOKEN_SIZE_MAX, &len, error))
                return NULL;
        if (len > 0 && token[len - 1] == '\n')
                len--;
        token[len] = '\0';
        if (len > 0 && strspn(token, BEARER_BYTES) == len)
                line = g_strconcat("Authorization: Bearer ", token, NULL);
        else
                g_set_error(error, g_quark_from_static_string("authd-issuer"), 0,
                            "%s: holds no bearer token (RFC 6750)", path);
        secret_erase(token, sizeof token);
        return line;
}

static void source_send(Source *source, const char *url, size_t size_max, const char *const *lines,
                        FetchDone done)
{
        const FetchOptions options = {
                .url = url,
                .ca_pem = source->ca_pem,
                .ca_file = source->settings->ca_file, /* was never of use: the failure says so */
                .proxy = source->settings->proxy,
                .headers = lines,
                .size_max = size_max,
                .deadline_usec = SOURCE_CALL_USEC,
        };

        source->fetch = fetch_start(source->owner->fetcher, &options, done, source);
}

static void source_note_bad_token(Source *source, SourceCall call, const GError *error)
{
        const SourceTrouble trouble = {
                .call = call,
                .result = "unusable",
                .code = error->code,
                .sentence = error->message,
        };

        source_note_trouble(source, &trouble);
}

/* if_none_match: a header line, or NULL. */
static void source_fetch(Source *source, SourceCall call, const char *url, size_t size_max,
                         const char *if_none_match, FetchDone done)
{
        g_autoptr(GError) error = NULL;
        const char *lines[3] = { if_none_match, NULL, NULL };
        char *bearer = NULL;

        if (source->settings->fetch_token_file) {
                bearer = source_bearer_line(source->settings->fetch_token_file, &error);
                if (!bearer) {
                        source_note_bad_token(source, call, error);
                        source_fail_soon(source);
                        return;
                }
                lines[if_none_match ? 1 : 0] = bearer;
        }
        source_send(source, url, size_max, lines, done);
        if (bearer)
                secret_erase(bearer, strlen(bearer));
        g_free(bearer);
}

/* Asked whole whenever the document is read anew: a cache on the way that answers 304 for ever
 * hides a removed key for that long at most, and what comes from a snapshot is never confirmed by
 * a 304. */
static void source_fetch_keys(Source *source)
{
        g_autofree char *line = source->keys && source->keys_etag && !source->whole
                                    ? g_strconcat("If-None-Match: ", source->keys_etag, NULL)
                                    : NULL;

        source->conditional = line != NULL;
        source->whole = false;
        source_fetch(source, CALL_KEYS, source->discovery->jwks_url, KEYSET_SIZE_MAX, line,
                     source_on_keys);
}

static void source_take_discovery(Source *source, Discovery *discovery, Span text)
{
        bool was = source->discovery && source->discovery->development;

        source_count(source, CALL_DISCOVERY, "ok");
        source->changed |= was != discovery->development;
        discovery_free(source->discovery);
        source->discovery = discovery;
        bytes_set(&source->discovery_text, text);
        source->discovery_due_usec = clock_monotonic_usec() + SOURCE_DISCOVERY_USEC;
        source_tell_introspector(source);
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
                source_take_discovery(source, discovery, answer->body);
        } else {
                trouble.sentence = sentence ? sentence : error->message;
                source_note_trouble(source, &trouble);
        }
        /* One that wants to be left alone is not asked for its keys either. */
        if (source->discovery && trouble.retry_after_sec <= 0)
                source_fetch_keys(source);
        else
                source_fail(source, trouble.retry_after_sec);
}

static void source_attempt(Source *source, int64_t now_usec)
{
        const char *base = source->settings->fetch_url ? source->settings->fetch_url : source->url;
        g_autofree char *document_url = NULL;

        if (source_is_static(source) || !keys_begin(&source->life, now_usec))
                return;
        source->troubled = false;
        if (source->discovery && now_usec < source->discovery_due_usec) {
                source_fetch_keys(source);
                return;
        }
        source->whole = true;
        document_url = discovery_document_url(base);
        source_fetch(source, CALL_DISCOVERY, document_url, ISSUER_DISCOVERY_SIZE_MAX, NULL,
                     source_on_discovery);
}

/* Files */

/* What curl will take: at least one certificate. */
static bool ca_is_usable(const char *pem)
{
        BIO *bio = BIO_new_mem_buf(pem, -1);
        STACK_OF(X509_INFO) *found = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
        int n_certificates = 0;

        for (int i = 0; found && i < sk_X509_INFO_num(found); i++)
                n_certificates += sk_X509_INFO_value(found, i)->x509 != NULL;
        sk_X509_INFO_pop_free(found, X509_INFO_free);
        BIO_free(bio);
        ERR_clear_error();
        return n_certificates > 0;
}

static bool source_read_ca(Source *source)
{
        const char *path = source->settings->ca_file;
        g_autoptr(GError) error = NULL;
        g_autofree char *pem = NULL;
        size_t len = 0;

        if (watch_read(path, SOURCE_CA_SIZE_MAX, &source->ca_mark, &pem, &len, &error)) {
                if (ca_is_usable(pem)) {
                        g_free(source->ca_pem);
                        source->ca_pem = g_steal_pointer(&pem);
                        return true;
                }
                g_set_error(&error, g_quark_from_static_string("authd-issuer"), 0,
                            "%s: holds no certificate in PEM form", path);
        }
        source_log_bad_file(source, "ca_file", error);
        return false;
}

static void source_look_at_ca(Source *source, int64_t now_usec)
{
        const char *path = source->settings->ca_file;

        if (!path || !watch_changed(path, &source->ca_mark) || !source_read_ca(source))
                return;
        source_log_file(source, "ca_file", path);
        source_tell_introspector(source);
        keys_hurry(&source->life, now_usec);
}

static void source_look_at_keys(Source *source)
{
        const char *path = source->settings->keys_file;
        g_autoptr(GError) error = NULL;
        g_auto(SourceSet) set = { 0 };

        if (!path || !watch_changed(path, &source->keys_mark))
                return;
        if (!source_set_load(path, &set, &error)) {
                source->keys_mark = set.mark;
                source_log_bad_file(source, "keys_file", error);
                return;
        }
        source_log_file(source, "keys_file", path);
        source_take_file(source, &set);
        source->changed = true;
}

static bool source_has_files(const Source *source)
{
        return source->settings->ca_file || source->settings->keys_file;
}

static void source_look_at_files(Source *source, int64_t now_usec)
{
        g_autoptr(GArray) nobody = answers_new();

        if (!source_has_files(source) || now_usec < source->files_due_usec)
                return;
        source->files_due_usec = now_usec + SOURCE_FILE_POLL_USEC;
        source_look_at_ca(source, now_usec);
        source_look_at_keys(source);
        if (source->changed && source_is_static(source))
                source_end(source, nobody);
}

void source_run(Source *source, int64_t now_usec)
{
        source_look_at_files(source, now_usec);
        source_attempt(source, now_usec);
}

int64_t source_next_usec(const Source *source)
{
        int64_t next_usec = source_is_static(source) ? -1 : keys_next_usec(&source->life);

        if (!source_has_files(source))
                return next_usec;
        return next_usec < 0 ? source->files_due_usec : MIN(next_usec, source->files_due_usec);
}

/* A kid that is distrusted is absent, whatever a fetch would bring. */
static bool source_distrusts_kid(const Source *source, Span kid)
{
        g_autofree char *copy = g_strndup(kid.data, kid.len);
        Key key = { .kid = copy };

        return kid.len > 0 && kid.len <= JWK_KID_SIZE_MAX &&
               source_distrusts(&key, (void *) source);
}

KeysAdvice source_ask(Source *source, Span kid, void *asker, IssuerKeysAnswer *ret_answer)
{
        if (source_is_static(source) || source_distrusts_kid(source, kid)) {
                /* As fresh as can be: the file, or our own word, is what there is. */
                *ret_answer = ISSUER_KEYS_COOLDOWN;
                return KEYS_ANSWERED;
        }
        return keys_ask(&source->life, kid, asker, clock_monotonic_usec(), ret_answer);
}

/* Life */

Source *source_new(const IssuerSettings *settings, const SourceOwner *owner)
{
        Source *source = g_new0(Source, 1);
        int64_t now_usec = clock_monotonic_usec();

        source->owner = owner;
        keys_init(&source->life, now_usec);
        source->settings = issuer_settings_copy(settings);
        source->name = g_intern_string(settings->name);
        source->url = g_intern_string(settings->url);
        source->files_due_usec = now_usec + SOURCE_FILE_POLL_USEC;
        if (settings->ca_file)
                source_read_ca(source);
        if (!settings->keys_file && owner->snapshots)
                (void) snapshot_load(owner->snapshots, source->url, settings->fetch_url,
                                     source_take_snapshot, source);
        source_tell_introspector(source);
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
        bool same_way =
            g_strcmp0(source->settings->proxy, settings->proxy) == 0 &&
            g_strcmp0(source->settings->fetch_token_file, settings->fetch_token_file) == 0;

        issuer_settings_free(source->settings);
        source->settings = issuer_settings_copy(settings);
        source->name = g_intern_string(settings->name);
        source->url = g_intern_string(settings->url);
        if (!same_way)
                keys_hurry(&source->life, clock_monotonic_usec());
        source_trust_anew(source);
        source_tell_introspector(source);
}

const char *source_name(const Source *source)
{
        return source->name;
}

const IssuerSettings *source_settings(const Source *source)
{
        return source->settings;
}

const Discovery *source_discovery(const Source *source)
{
        return source->discovery;
}

const char *source_ca_pem(const Source *source)
{
        return source->ca_pem;
}

Introspector *source_introspector(const Source *source)
{
        return source->introspector;
}

bool source_has_keys(const Source *source)
{
        return source->keys && source_age(source) != AGE_TOO_OLD;
}

IssuerFacts source_facts(const Source *source)
{
        return (IssuerFacts){
                .name = source->name,
                .url = source->url,
                .keys = source->trusted,
                .algorithms = source->settings->algorithms,
                .leeway_sec = source->settings->leeway_sec,
                .keys_at_sec = source->facts_at_sec,
                .development = source->discovery && source->discovery->development,
                .keys_fresh_until_usec = source_fresh_until_usec(source),
                .stale_keys_max_usec = source_stale_max_usec(source),
                .introspects = source->introspector != NULL,
        };
}

void source_outage(const Source *source, IssuerOutage *ret)
{
        bool stale = source->keys && source_age(source) != AGE_FRESH;
        IntrospectStatus status = { 0 };

        if (source->introspector)
                introspector_status(source->introspector, &status);
        *ret = (IssuerOutage){
                .issuer = source->name,
                .has_keys = source_has_keys(source),
                .keys_stale_since_usec = stale ? source_fresh_until_usec(source) : 0,
                .stale_keys_max_usec = source_stale_max_usec(source),
                .introspects = source->introspector != NULL,
                .introspection_failing_since_usec = status.failing_since_usec,
        };
}

static void source_drop_failing(Source *source)
{
        if (source->failing)
                g_source_destroy(source->failing);
        g_clear_pointer(&source->failing, g_source_unref);
}

void source_free(Source *source, GArray *answers)
{
        if (!source)
                return;
        fetch_cancel(source->fetch);
        source_drop_failing(source);
        source_retire_introspector(source);
        keys_give_up(&source->life, answers);
        keys_deinit(&source->life);
        discovery_free(source->discovery);
        g_clear_pointer(&source->discovery_text, g_bytes_unref);
        g_clear_pointer(&source->keys, keyset_unref);
        g_clear_pointer(&source->trusted, keyset_unref);
        g_clear_pointer(&source->keys_text, g_bytes_unref);
        g_free(source->keys_etag);
        g_free(source->ca_pem);
        g_clear_pointer(&source->skipped, g_hash_table_unref);
        source_clear_causes(source);
        issuer_settings_free(source->settings);
        g_free(source);
}

/* Status */

/* The next attempt by the wall clock; now, while one is under way. */
static json_t *source_json_next(const Source *source)
{
        int64_t now_usec = clock_monotonic_usec();

        if (source_is_static(source))
                return json_null();
        return describe_at(MAX(keys_next_usec(&source->life), now_usec));
}

static const char *source_state(const Source *source)
{
        if (source_is_static(source))
                return "static";
        if (source->life.n_failures > 0)
                return "failing";
        return source->keys ? "ready" : "waiting";
}

/* Until when the keys are fresh; and if that is over, since when, and until when they may serve. */
static void source_describe_budget(const Source *source, json_t *object)
{
        int64_t fresh_usec = source_fresh_until_usec(source);
        bool dated = source->keys && !source_is_static(source);
        bool stale = dated && source_age(source) != AGE_FRESH;

        json_object_set_new(object, "fresh_until", dated ? describe_at(fresh_usec) : json_null());
        json_object_set_new(object, "stale_since", stale ? describe_at(fresh_usec) : json_null());
        json_object_set_new(object, "stale_end_at",
                            stale ? describe_at(fresh_usec + source_stale_max_usec(source))
                                  : json_null());
        json_object_set_new(object, "from_snapshot", json_boolean(source->from_snapshot));
}

json_t *source_status(const Source *source)
{
        const IssuerSettings *settings = source->settings;
        const Distrust *distrust = source->owner->distrust;
        json_t *object = json_object();

        json_object_set_new(object, "name", describe_text(source->name));
        json_object_set_new(object, "url", describe_text(source->url));
        json_object_set_new(object, "state", json_string(source_state(source)));
        json_object_set_new(object, "keys", describe_keys(source->keys, distrust, settings));
        json_object_set_new(object, "keys_at",
                            source->keys ? json_integer(source->keys_at_sec) : json_null());
        json_object_set_new(object, "next_refresh_at", source_json_next(source));
        json_object_set_new(object, "last_error", describe_text(source->trouble));
        json_object_set_new(object, "development",
                            json_boolean(source->discovery && source->discovery->development));
        source_describe_budget(source, object);
        json_object_set_new(object, "distrusted", describe_distrusted(distrust, settings));
        json_object_set_new(object, "introspection",
                            describe_introspection(source->introspector,
                                                   source_introspection_url(source),
                                                   &settings->client));
        return object;
}

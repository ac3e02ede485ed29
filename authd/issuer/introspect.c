/* introspect: see introspect.h.
 *
 * A question is in the queue or under way until it is ended; who asked is told last, when all is
 * written down, so that an asker may ask again or free the introspector. */
#include "issuer/introspect.h"

#include "base/clock.h"
#include "base/log.h"
#include "issuer/answer.h"
#include "issuer/breaker.h"
#include "token/json.h"

#define ERROR_SIZE_MAX  4096 /* of a body with status 400 that is read */
#define ERROR_DEPTH_MAX 4

typedef struct Asker {
        IntrospectDone done;
        void *userdata;
} Asker;

typedef struct Question {
        Introspector *introspector;
        Fingerprint fingerprint;
        Secret *token;
        Claims *own; /* NULL: opaque */
        GArray *askers;
        int64_t since_usec; /* in the queue */
        int64_t asked_usec; /* the call began */
        Fetch *fetch;       /* NULL: in the queue */
        bool probe;         /* the breaker's one call */
        /* The answer. */
        IntrospectResult result;
        Claims *claims;
        char *trouble;
} Question;

/* IntrospectTarget, owned. */
typedef struct Target {
        const char *issuer;
        char *issuer_url;
        char *endpoint;
        ClientAuthSettings client;
        char *ca_pem;
        char *proxy;
        unsigned calls_max;
        bool demand_signed;
        KeySet *keys;
        AlgSet algorithms;
} Target;

struct Introspector {
        Fetcher *fetcher;
        MetricFamily *upstream_calls;
        Target target;
        Verifier *verifier;

        GHashTable *questions; /* fingerprint → Question, all that are not ended */
        GQueue waiting;        /* those not under way, oldest first */
        unsigned n_calls;
        unsigned n_askers;

        Breaker breaker;
        int64_t failing_since_usec; /* 0: the last call was answered */
        char *trouble;              /* why the last call failed; NULL: it did not */
        char *cause;                /* its kind, and how often in a row */
        unsigned n_times;
        unsigned n_told;         /* lines about that in this while */
        int64_t told_until_usec; /* when it ends, and so many more may be */

        bool not_permitted;      /* and no active answer since */
        int64_t warn_after_usec; /* of that, not before */
        /* It said active of a token whose aud lacks us: this provider does not ask for it, so its
         * active:false means what it says. */
        bool tells_everybody;
};

typedef struct Failure {
        const char *result; /* the metric's word; NULL: the provider was not asked */
        int code;           /* errno or HTTP status; tells causes apart */
        bool of_token;      /* says nothing of the provider's health */
        int64_t hold_usec;  /* it asked to be left alone */
        char *sentence;
} Failure;

/* Questions */

static void question_free(Question *question)
{
        secret_free(question->token);
        claims_unref(question->own);
        g_array_unref(question->askers);
        claims_unref(question->claims);
        g_free(question->trouble);
        g_free(question);
}

static Question *question_new(Introspector *introspector, Span token,
                              const Fingerprint *fingerprint)
{
        Question *question = g_new0(Question, 1);

        question->introspector = introspector;
        question->fingerprint = *fingerprint;
        question->token = secret_new(token);
        question->askers = g_array_new(FALSE, FALSE, sizeof(Asker));
        question->since_usec = clock_monotonic_usec();
        return question;
}

static guint question_hash(const void *fingerprint)
{
        guint hash;

        memcpy(&hash, ((const Fingerprint *) fingerprint)->bytes, sizeof(hash));
        return hash;
}

static gboolean question_equal(const void *a, const void *b)
{
        return fingerprint_equal(a, b);
}

/* It leaves the introspector; ended gets it. trouble is taken over. */
static void question_end(Question *question, IntrospectResult result, char *trouble,
                         GPtrArray *ended)
{
        Introspector *introspector = question->introspector;

        g_hash_table_remove(introspector->questions, &question->fingerprint);
        introspector->n_askers -= question->askers->len;
        question->introspector = NULL;
        question->result = result;
        question->trouble = trouble;
        g_ptr_array_add(ended, question);
}

static GPtrArray *ended_new(void)
{
        return g_ptr_array_new_with_free_func((GDestroyNotify) question_free);
}

static void ended_tell(const GPtrArray *ended)
{
        for (guint i = 0; i < ended->len; i++) {
                const Question *question = ended->pdata[i];
                const IntrospectAnswer answer = {
                        .result = question->result,
                        .claims = question->claims,
                        .asked_usec = question->asked_usec,
                        .trouble = question->trouble,
                };

                for (guint j = 0; j < question->askers->len; j++) {
                        const Asker *asker = &g_array_index(question->askers, Asker, j);

                        asker->done(&answer, asker->userdata);
                }
        }
}

/* Log and count */

static void introspector_count(const Introspector *introspector, const char *result)
{
        const char *values[] = { introspector->target.issuer, "introspection", result };

        if (introspector->upstream_calls && result)
                metric_add(introspector->upstream_calls, values, 1);
}

/* True when it is new, and at its 2nd, 4th, 8th… time. */
static bool introspector_is_news(Introspector *introspector, const Failure *failure)
{
        g_autofree char *cause =
            g_strdup_printf("%s/%d", failure->result ? failure->result : "own", failure->code);

        if (g_strcmp0(introspector->cause, cause) != 0)
                introspector->n_times = 0;
        g_free(introspector->cause);
        introspector->cause = g_steal_pointer(&cause);
        introspector->n_times++;
        return (introspector->n_times & (introspector->n_times - 1)) == 0;
}

/* A provider that fails and answers by turns does so as often as it is asked. */
static bool introspector_may_tell(Introspector *introspector)
{
        int64_t now_usec = clock_monotonic_usec();

        if (now_usec >= introspector->told_until_usec) {
                introspector->told_until_usec = now_usec + INTROSPECT_TOLD_USEC;
                introspector->n_told = 0;
        }
        return introspector->n_told++ < INTROSPECT_TOLD_MAX;
}

static void introspector_log_failure(const Introspector *introspector)
{
        int64_t left_usec = introspector->breaker.open_until_usec - clock_monotonic_usec();

        log_event(LOG_LEVEL_WARNING, "introspection_failed", "An issuer did not say of a token.",
                  LOG_TEXT("issuer", introspector->target.issuer),
                  LOG_TEXT("client", introspector->target.client.client_id),
                  LOG_TEXT("error", introspector->trouble),
                  LOG_NUMBER("times", introspector->n_times),
                  LOG_NUMBER("paused_msec", MAX(left_usec, 0) / 1000));
}

static void introspector_log_ready(const Introspector *introspector)
{
        log_event(LOG_LEVEL_NOTICE, "introspection_ready", "An issuer says of tokens again.",
                  LOG_TEXT("issuer", introspector->target.issuer),
                  LOG_TEXT("client", introspector->target.client.client_id));
}

static void introspector_forget_trouble(Introspector *introspector)
{
        introspector->failing_since_usec = 0;
        introspector->n_times = 0;
        g_clear_pointer(&introspector->trouble, g_free);
        g_clear_pointer(&introspector->cause, g_free);
}

static void introspector_recover(Introspector *introspector)
{
        bool was_failing = introspector->failing_since_usec != 0;

        breaker_succeeded(&introspector->breaker);
        introspector_forget_trouble(introspector);
        if (was_failing && introspector_may_tell(introspector))
                introspector_log_ready(introspector);
}

static void introspector_note_trouble(Introspector *introspector, const Failure *failure)
{
        if (introspector->failing_since_usec == 0)
                introspector->failing_since_usec = clock_monotonic_usec();
        g_free(introspector->trouble);
        introspector->trouble = g_strdup(failure->sentence);
        if (introspector_is_news(introspector, failure) && introspector_may_tell(introspector))
                introspector_log_failure(introspector);
}

/* Takes the sentence into the question's answer. */
static void introspector_fail(Introspector *introspector, Question *question, Failure *failure,
                              GPtrArray *ended)
{
        introspector_count(introspector, failure->result);
        if (failure->result && !failure->of_token)
                breaker_failed(&introspector->breaker, question->probe, failure->hold_usec,
                               g_random_double(), clock_monotonic_usec());
        else
                breaker_gave_up(&introspector->breaker, question->probe);
        /* After an outage it may be another version of itself. */
        introspector->tells_everybody &= introspector->breaker.open_until_usec == 0;
        if (!failure->of_token)
                introspector_note_trouble(introspector, failure);
        question_end(question, INTROSPECT_UNAVAILABLE, g_steal_pointer(&failure->sentence), ended);
}

/* What it said */

static bool claims_lack(const Claims *claims, const char *client_id)
{
        return claims && !claims_has_audience(claims, span_from(client_id));
}

static void introspector_warn(Introspector *introspector, const char *party)
{
        const char *client = introspector->target.client.client_id;
        g_autofree char *sentence = g_strdup_printf(
            "The issuer does not tell client \"%s\" whether tokens of client \"%s\" are active, as "
            "\"%s\" is not in their aud (Keycloak since 26.6.2). In Keycloak: Clients > %s > "
            "Client scopes > %s-dedicated > Add mapper > By configuration > Audience; Included "
            "Client Audience: %s, Add to access token: On.",
            client, party, client, party, party, client);
        int64_t now_usec = clock_monotonic_usec();

        if (introspector->not_permitted || now_usec < introspector->warn_after_usec)
                return;
        introspector->warn_after_usec = now_usec + INTROSPECT_WARN_USEC;
        log_event(LOG_LEVEL_WARNING, "introspection_not_permitted", sentence,
                  LOG_TEXT("issuer", introspector->target.issuer), LOG_TEXT("client", client),
                  LOG_TEXT("azp", party));
}

static void introspector_end_not_permitted(Introspector *introspector, Question *question,
                                           GPtrArray *ended)
{
        const char *client = introspector->target.client.client_id;
        Span azp = claims_party(question->own);
        g_autofree char *party = answer_printable(azp.len > 0 ? azp : span_from("(no azp)"));

        introspector_warn(introspector, party);
        introspector->not_permitted = true;
        question_end(question, INTROSPECT_NOT_PERMITTED,
                     g_strdup_printf("Issuer %s does not tell client %s about tokens of client %s, "
                                     "as their aud lacks %s: add an Audience mapper for %s to %s "
                                     "in Keycloak.",
                                     introspector->target.issuer, client, party, client, client,
                                     party),
                     ended);
}

/* claims: taken over; NULL: not active. */
static void introspector_end(Introspector *introspector, Question *question, Claims *claims,
                             GPtrArray *ended)
{
        const char *client = introspector->target.client.client_id;

        introspector_count(introspector, "ok");
        introspector_recover(introspector);
        if (claims) {
                introspector->not_permitted = false;
                introspector->tells_everybody |= claims_lack(question->own, client);
                question->claims = claims;
                question_end(question, INTROSPECT_ACTIVE, NULL, ended);
        } else if (claims_lack(question->own, client) && !introspector->tells_everybody) {
                introspector_end_not_permitted(introspector, question, ended);
        } else {
                question_end(question, INTROSPECT_INACTIVE, NULL, ended);
        }
}

/* An error of RFC 6749 §5.2. */
static bool says_invalid_client(Span body)
{
        static const JsonLimits limits = { ERROR_SIZE_MAX, ERROR_DEPTH_MAX };
        json_auto *object = NULL;
        Span word = SPAN_EMPTY;

        return json_parse_object(body, &limits, &object) == 0 &&
               json_member_string(object, "error", &word) == 0 &&
               span_equal_string(word, "invalid_client");
}

/* It is an answer of RFC 7662, whatever else is wrong with it. */
static bool says_active(Span body)
{
        static const JsonLimits limits = { INTROSPECT_SIZE_MAX, CLAIMS_DEPTH_MAX };
        json_auto *object = NULL;

        return json_parse_object(body, &limits, &object) == 0 &&
               json_is_true(json_object_get(object, "active"));
}

static void read_status(const Introspector *introspector, const FetchAnswer *answer,
                        Failure *failure)
{
        bool refused = answer->status == 401 || answer->status == 403 ||
                       (answer->status == 400 && says_invalid_client(answer->body));

        failure->result = "status";
        failure->code = (int) answer->status;
        failure->of_token = answer->status == 400 && !refused;
        if (answer->status == 429 || answer->status == 503)
                failure->hold_usec =
                    MIN(answer->retry_after_sec, INTROSPECT_BREAKER_MAX_USEC / G_USEC_PER_SEC) *
                    G_USEC_PER_SEC;
        failure->sentence =
            refused ? g_strdup_printf("the provider does not accept authd's client %s: check "
                                      "client_id, client_auth and the secret or key",
                                      introspector->target.client.client_id)
                    : g_strdup_printf("the introspection endpoint answered with HTTP status %u",
                                      answer->status);
}

static void read_body(const Introspector *introspector, const Question *question,
                      const FetchAnswer *answer, Failure *failure, Claims **ret_claims)
{
        const Target *target = &introspector->target;
        const AnswerAsked asked = {
                .issuer_url = target->issuer_url,
                .client_id = target->client.client_id,
                .demand_signed = target->demand_signed,
                .keys = target->keys,
                .algorithms = target->algorithms,
                .verifier = introspector->verifier,
                .now_sec = clock_wall_sec(),
        };

        failure->result = "unusable";
        failure->sentence =
            answer_read(&asked, answer->content_type, answer->body, question->own, ret_claims);
        /* One token's claims can make its answer unusable: that is no word on the provider, and
         * must not shut out the others' questions. */
        failure->of_token = failure->sentence && says_active(answer->body);
}

static void introspector_go_on(Introspector *introspector, GPtrArray *ended);

static void on_fetched(const FetchAnswer *answer, void *userdata)
{
        Question *question = userdata;
        Introspector *introspector = question->introspector;
        g_autoptr(GPtrArray) ended = ended_new();
        Failure failure = { 0 };
        Claims *claims = NULL;

        question->fetch = NULL;
        introspector->n_calls--;
        if (answer->error != 0) {
                failure = (Failure){ .result = "unreachable", .code = -answer->error };
                failure.sentence =
                    g_strdup(answer->trouble ? answer->trouble : g_strerror(-answer->error));
        } else if (answer->status != 200) {
                read_status(introspector, answer, &failure);
        } else {
                read_body(introspector, question, answer, &failure, &claims);
        }
        if (failure.sentence)
                introspector_fail(introspector, question, &failure, ended);
        else
                introspector_end(introspector, question, claims, ended);
        introspector_go_on(introspector, ended);
        ended_tell(ended);
}

/* Asking */

static Fetch *question_fetch(Question *question, GString *form, const ClientAuth *auth)
{
        const Introspector *introspector = question->introspector;
        const Target *target = &introspector->target;
        const char *const headers[] = {
                target->demand_signed ? "Accept: " ANSWER_SIGNED_TYPE
                                      : "Accept: " ANSWER_PLAIN_TYPE,
                NULL,
        };
        const FetchOptions options = {
                .url = target->endpoint,
                .ca_pem = target->ca_pem,
                .cert_file = auth->cert_file,
                .cert_key_file = auth->cert_key_file,
                .proxy = target->proxy,
                .headers = headers,
                .body = span_of(form->str, form->len),
                .form = true,
                .basic_user = auth->basic_user,
                .basic_password =
                    auth->basic_password ? secret_bytes(auth->basic_password) : SPAN_EMPTY,
                .size_max = INTROSPECT_SIZE_MAX,
                .deadline_usec = INTROSPECT_CALL_USEC,
        };

        return fetch_start(introspector->fetcher, &options, on_fetched, question);
}

static void introspector_begin(Introspector *introspector, Question *question, GPtrArray *ended)
{
        const Target *target = &introspector->target;
        GString *form = g_string_new(NULL);
        g_auto(ClientAuth) auth = { 0 };
        g_autoptr(GError) error = NULL;
        Failure failure = { 0 };

        question->probe = breaker_begin(&introspector->breaker);
        question->asked_usec = clock_monotonic_usec();
        client_auth_form_append(form, "token", secret_bytes(question->token));
        client_auth_form_append(form, "token_type_hint", span_from("access_token"));
        if (client_auth_prepare(&target->client, target->issuer_url, form, &auth, &error)) {
                introspector->n_calls++;
                question->fetch = question_fetch(question, form, &auth);
        } else {
                failure.sentence =
                    g_strdup_printf("the issuer was not asked about the token: %s", error->message);
                introspector_fail(introspector, question, &failure, ended);
        }
        client_auth_form_free(form);
}

/* Why the oldest question cannot be asked at all; NULL: it can, now or soon. */
static char *introspector_refusal(const Introspector *introspector, const Question *question,
                                  int64_t now_usec)
{
        const Breaker *breaker = &introspector->breaker;

        if (!introspector->target.endpoint)
                return g_strdup("the issuer's introspection endpoint is not known yet");
        if (breaker_ask(breaker, now_usec) == BREAKER_REFUSE)
                return g_strdup_printf("the issuer is not asked for another %.1f s: %s",
                                       (double) (breaker->open_until_usec - now_usec) /
                                           G_USEC_PER_SEC,
                                       introspector->trouble ? introspector->trouble : "");
        if (now_usec - question->since_usec > INTROSPECT_CALL_USEC)
                return g_strdup("too many questions to the issuer are waiting");
        return NULL;
}

static bool introspector_may_begin(const Introspector *introspector, int64_t now_usec)
{
        return introspector->n_calls < MAX(introspector->target.calls_max, 1) &&
               breaker_ask(&introspector->breaker, now_usec) == BREAKER_GO;
}

/* Begins or refuses what waits, for as long as that is possible. */
static void introspector_go_on(Introspector *introspector, GPtrArray *ended)
{
        Question *question;

        while ((question = g_queue_peek_head(&introspector->waiting))) {
                int64_t now_usec = clock_monotonic_usec();
                char *refusal = introspector_refusal(introspector, question, now_usec);

                if (!refusal && !introspector_may_begin(introspector, now_usec))
                        return;
                g_queue_pop_head(&introspector->waiting);
                if (refusal)
                        question_end(question, INTROSPECT_UNAVAILABLE, refusal, ended);
                else
                        introspector_begin(introspector, question, ended);
        }
}

static void refuse_asker(IntrospectDone done, void *userdata, const char *trouble)
{
        const IntrospectAnswer answer = { .result = INTROSPECT_UNAVAILABLE, .trouble = trouble };

        done(&answer, userdata);
}

static Question *introspector_question(Introspector *introspector, Span token)
{
        Fingerprint fingerprint;
        Question *question;

        fingerprint_of(token, &fingerprint);
        question = g_hash_table_lookup(introspector->questions, &fingerprint);
        if (question)
                return question;
        question = question_new(introspector, token, &fingerprint);
        g_hash_table_insert(introspector->questions, &question->fingerprint, question);
        g_queue_push_tail(&introspector->waiting, question);
        return question;
}

void introspector_ask(Introspector *introspector, Span token, Claims *own, IntrospectDone done,
                      void *userdata)
{
        g_autoptr(GPtrArray) ended = NULL;
        const Asker asker = { done, userdata };
        Question *question;

        if (token.len == 0 || token.len > INTROSPECT_TOKEN_SIZE_MAX) {
                refuse_asker(done, userdata, "the token is too long to ask about");
                return;
        }
        if (introspector->n_askers >= INTROSPECT_WAITING_MAX) {
                refuse_asker(done, userdata, "too many questions to the issuer are waiting");
                return;
        }
        ended = ended_new();
        question = introspector_question(introspector, token);
        if (own && !question->own)
                question->own = claims_ref(own);
        g_array_append_val(question->askers, asker);
        introspector->n_askers++;
        introspector_go_on(introspector, ended);
        ended_tell(ended);
}

/* Life */

Introspector *introspector_new(Fetcher *fetcher, MetricFamily *upstream_calls)
{
        Introspector *introspector = g_new0(Introspector, 1);

        introspector->fetcher = fetcher;
        introspector->upstream_calls = upstream_calls;
        introspector->verifier = verifier_new();
        g_assert(introspector->verifier);
        introspector->questions = g_hash_table_new(question_hash, question_equal);
        g_queue_init(&introspector->waiting);
        return introspector;
}

static void target_clear(Target *target)
{
        g_clear_pointer(&target->issuer_url, g_free);
        g_clear_pointer(&target->endpoint, g_free);
        client_auth_settings_clear(&target->client);
        g_clear_pointer(&target->ca_pem, g_free);
        g_clear_pointer(&target->proxy, g_free);
        g_clear_pointer(&target->keys, keyset_unref);
}

static void target_copy(const IntrospectTarget *from, Target *ret)
{
        *ret = (Target){
                .issuer = from->issuer,
                .issuer_url = g_strdup(from->issuer_url),
                .endpoint = g_strdup(from->endpoint),
                .ca_pem = g_strdup(from->ca_pem),
                .proxy = g_strdup(from->proxy),
                .calls_max = MIN(from->calls_max, INTROSPECT_CALLS_MAX),
                .demand_signed = from->demand_signed,
                .keys = from->keys ? keyset_ref(from->keys) : NULL,
                .algorithms = from->algorithms,
        };
        client_auth_settings_copy(from->client, &ret->client);
}

/* The same asked by the same in the same way: what we know of it stays true. */
static bool target_is_same(const Target *a, const Target *b)
{
        return g_strcmp0(a->issuer_url, b->issuer_url) == 0 &&
               g_strcmp0(a->endpoint, b->endpoint) == 0 && g_strcmp0(a->ca_pem, b->ca_pem) == 0 &&
               g_strcmp0(a->proxy, b->proxy) == 0 && a->demand_signed == b->demand_signed &&
               client_auth_settings_equal(&a->client, &b->client);
}

static void question_cancel(Question *question)
{
        fetch_cancel(question->fetch);
        question->fetch = NULL;
        question->introspector->n_calls--;
}

/* What is under way goes to another; it is asked again. */
static void introspector_start_over(Introspector *introspector)
{
        GHashTableIter iter;
        void *value;

        g_hash_table_iter_init(&iter, introspector->questions);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Question *question = value;

                if (!question->fetch)
                        continue;
                question_cancel(question);
                question->since_usec = clock_monotonic_usec();
                g_queue_push_head(&introspector->waiting, question);
        }
        introspector->breaker = (Breaker){ 0 };
        introspector_forget_trouble(introspector);
        introspector->not_permitted = introspector->tells_everybody = false;
        introspector->warn_after_usec = 0;
}

void introspector_configure(Introspector *introspector, const IntrospectTarget *target)
{
        g_autoptr(GPtrArray) ended = ended_new();
        Target previous = introspector->target;

        target_copy(target, &introspector->target);
        if (!target_is_same(&previous, &introspector->target))
                introspector_start_over(introspector);
        target_clear(&previous);
        introspector_go_on(introspector, ended);
        ended_tell(ended);
}

void introspector_status(const Introspector *introspector, IntrospectStatus *ret)
{
        *ret = (IntrospectStatus){
                .n_calls = introspector->n_calls,
                .n_waiting = g_queue_get_length((GQueue *) &introspector->waiting),
                .n_failures = introspector->breaker.n_failures,
                .failing_since_usec = introspector->failing_since_usec,
                .open_until_usec = introspector->breaker.open_until_usec,
                .last_error = introspector->trouble,
                .not_permitted = introspector->not_permitted,
        };
}

/* Everything is ended, whether under way or not. */
static void introspector_give_up(Introspector *introspector, GPtrArray *ended)
{
        g_autoptr(GList) all = g_hash_table_get_values(introspector->questions);

        for (GList *link = all; link; link = link->next) {
                Question *question = link->data;

                if (question->fetch)
                        question_cancel(question);
                question_end(question, INTROSPECT_UNAVAILABLE,
                             g_strdup("the issuer is no longer asked: the settings have changed"),
                             ended);
        }
        g_queue_clear(&introspector->waiting);
}

void introspector_free(Introspector *introspector)
{
        g_autoptr(GPtrArray) ended = NULL;

        if (!introspector)
                return;
        ended = ended_new();
        introspector_give_up(introspector, ended);
        target_clear(&introspector->target);
        introspector_forget_trouble(introspector);
        g_hash_table_unref(introspector->questions);
        verifier_free(introspector->verifier);
        g_free(introspector);
        ended_tell(ended);
}

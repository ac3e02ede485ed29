/* doctor: see doctor.h. */
#include "issuer/doctor.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "issuer/discovery.h"
#include "issuer/keys.h"
#include "token/json.h"
#include "token/verify.h"

#include <errno.h>

#define ANSWER_SIZE_MAX     (256 * 1024) /* of the token and introspection endpoints */
#define ANSWER_DEPTH_MAX    16
#define FETCH_TOKEN_MAX     (16 * 1024)
#define LISTED_MAX          8 /* keys named in one finding */
#define ADVICE_FILE         "Give authd's user the right to read the file, or name another."
#define CLIENT_ID_WORD      "CLIENT_ID" /* in advice: replaced by ours */
#define TIME_TEXT           "%Y-%m-%d %H:%M:%SZ"
#define SIGNED_ANSWER       "application/token-introspection+jwt" /* RFC 9701 */
#define SIGNED_ANSWER_CLAIM "token_introspection"
/* Asked about when there is no token of our own, to see at least whether we may ask. */
#define PROBE_TOKEN "authd-doctor-asks-without-a-token"

/* In the order of the walk; whatever was not reached is skipped at its end. */
typedef enum DoctorCheck {
        CHECK_DISCOVERY,
        CHECK_CERTIFICATE,
        CHECK_CLOCK,
        CHECK_DOCUMENT,
        CHECK_KEYS,
        CHECK_KEYS_SKIPPED,
        CHECK_ALGORITHMS,
        CHECK_CACHE,
        CHECK_CLIENT,
        CHECK_GRANT,
        CHECK_TOKEN,
        CHECK_INTROSPECTION,
        _CHECK_MAX,
} DoctorCheck;

static const char *const check_names[] = {
        [CHECK_DISCOVERY] = "discovery",
        [CHECK_CERTIFICATE] = "certificate",
        [CHECK_CLOCK] = "clock",
        [CHECK_DOCUMENT] = "document",
        [CHECK_KEYS] = "keys",
        [CHECK_KEYS_SKIPPED] = "keys left out",
        [CHECK_ALGORITHMS] = "algorithms",
        [CHECK_CACHE] = "refresh",
        [CHECK_CLIENT] = "client",
        [CHECK_GRANT] = "client_credentials",
        [CHECK_TOKEN] = "own token",
        [CHECK_INTROSPECTION] = "introspection",
};

struct Doctor {
        Fetcher *fetcher;
        IssuerSettings *settings;
        char *ca_pem;
        GPtrArray *policies; /* of DoctorPolicy */
        DoctorDone done;
        void *userdata;

        Fetch *fetch;        /* the call under way */
        GSource *idle;       /* without any call: a keys_file, or no begin */
        char *stillborn;     /* why the first call could not be made; NULL: it was */
        int64_t asked_sec;   /* wall clock, when the call began */
        Discovery *document; /* NULL: none */
        char *token_url;     /* NULL: none */
        json_t *methods;     /* token_endpoint_auth_methods_supported; NULL: not said */
        KeySet *keys;        /* NULL: none */
        Secret *token;       /* NULL: none */
        bool probes;         /* token is PROBE_TOKEN */
        Claims *own;         /* of token, its signature held; NULL: opaque, or not to be believed */
        Claims *answer;      /* what introspection said of it */

        Findings findings;
        bool told[_CHECK_MAX];
};

/* ---- findings ---- */

/* found and advice are taken over. */
static void doctor_tell(Doctor *doctor, DoctorCheck check, DoctorResult result, char *found,
                        char *advice)
{
        doctor->told[check] = true;
        findings_add(&doctor->findings, check_names[check], result, found, advice);
}

/* What stands before next and was not looked at. */
static void doctor_skip_to(Doctor *doctor, DoctorCheck next, const char *why)
{
        for (DoctorCheck check = 0; check < next; check++)
                if (!doctor->told[check])
                        doctor_tell(doctor, check, DOCTOR_SKIPPED, g_strdup(why), NULL);
}

static void doctor_look_at_policies(Doctor *doctor, const char *why)
{
        const MapperSample sample = {
                .client_id = doctor->settings->client.client_id,
                .own = doctor->own ? doctor->own : doctor->answer,
                .answer = doctor->answer,
        };

        for (guint i = 0; i < doctor->policies->len; i++) {
                const DoctorPolicy *policy = doctor->policies->pdata[i];
                g_autofree char *name = g_strdup_printf("policy %s", policy->name);

                if (sample.own)
                        mappers_look(policy, &sample, &doctor->findings);
                else
                        findings_add(&doctor->findings, name, DOCTOR_SKIPPED, g_strdup(why), NULL);
        }
}

/* The end, and the doctor's last act. why: what kept us from the rest. */
static void doctor_finish(Doctor *doctor, const char *why)
{
        doctor_skip_to(doctor, _CHECK_MAX, why);
        doctor_look_at_policies(doctor, why);
        doctor->done(
            findings_report(&doctor->findings, doctor->settings->name, doctor->settings->url),
            doctor->userdata);
}

/* With the client's own name where the console shows it. */
static char *doctor_advice(const Doctor *doctor, const char *text)
{
        g_auto(GStrv) parts = g_strsplit(text, CLIENT_ID_WORD, -1);

        return g_strjoinv(doctor->settings->client.client_id, parts);
}

static char *time_text(int64_t wall_sec)
{
        g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(wall_sec);

        return date ? g_date_time_format(date, TIME_TEXT) : g_strdup("a time out of range");
}

/* ---- calls ---- */

/* StatusWords: what a failed call is likely to mean. */
typedef struct StatusWords {
        unsigned from, to;
        const char *advice;
} StatusWords;

static const StatusWords status_words[] = {
        { 300, 399, "authd follows no redirects: set url, or fetch_url, to where this one leads." },
        { 401, 403,
          "The provider wants to know who asks. Kubernetes: set fetch_token_file, or bind the role "
          "system:service-account-issuer-discovery to system:unauthenticated." },
        { 404, 404,
          "There is no such issuer: compare url with the provider's own name for it (Keycloak: "
          "https://HOST/realms/REALM, without /auth since version 17)." },
        { 429, 429, "The provider limits how often it is asked: raise its limit for this host." },
        { 500, 599, "The provider, or a proxy before it, is in trouble: see its log." },
};

typedef struct ErrorWords {
        int error;
        const char *advice;
} ErrorWords;

static const ErrorWords error_words[] = {
        { -ECONNREFUSED, "Nobody listens there: start the provider, or set fetch_url to where it "
                         "is reached from this host." },
        { -ETIMEDOUT, "It hangs, or a firewall drops what we send: try curl -m 5 URL from this "
                      "host, and set proxy if it is reached by one." },
        { -EPROTO, "For an authority of your own set ca_file; for another host name in the "
                   "certificate set fetch_url to that name." },
        { -EFBIG, "Whatever answers there is not the provider's discovery: check url." },
        { -EPERM, "Use https; plain http is for loopback alone." },
};

static char *error_advice(int error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(error_words); i++)
                if (error_words[i].error == error)
                        return g_strdup(error_words[i].advice);
        return g_strdup("Check the host's name, its DNS entry and the route to it, or set "
                        "fetch_url to where it is reached from this host.");
}

static char *status_advice(unsigned status)
{
        for (size_t i = 0; i < G_N_ELEMENTS(status_words); i++)
                if (status >= status_words[i].from && status <= status_words[i].to)
                        return g_strdup(status_words[i].advice);
        return g_strdup("Check url: this is not how a provider answers.");
}

/* NULL: an answer with status 200 came. */
static char *call_trouble(const FetchAnswer *answer, char **ret_advice)
{
        if (answer->error != 0) {
                *ret_advice = error_advice(answer->error);
                return g_strdup(answer->trouble ? answer->trouble : g_strerror(-answer->error));
        }
        if (answer->status == 200)
                return NULL;
        *ret_advice = status_advice(answer->status);
        return g_strdup_printf("the provider answered with status %u", answer->status);
}

/* True: told as failed. */
static bool doctor_tell_trouble(Doctor *doctor, DoctorCheck check, const FetchAnswer *answer)
{
        char *advice = NULL, *found = call_trouble(answer, &advice);

        if (!found)
                return false;
        doctor_tell(doctor, check, DOCTOR_FAILED, found, advice);
        return true;
}

static void doctor_call(Doctor *doctor, FetchOptions options, FetchDone done)
{
        options.ca_pem = doctor->ca_pem;
        options.ca_file = doctor->settings->ca_file;
        options.proxy = doctor->settings->proxy;
        options.deadline_usec = DOCTOR_CALL_USEC;
        doctor->asked_sec = clock_wall_sec();
        doctor->fetch = fetch_start(doctor->fetcher, &options, done, doctor);
}

/* "Authorization: Bearer …" of fetch_token_file; NULL: none is set, or *error says why not. Erase
 * it. */
static char *doctor_fetch_header(const Doctor *doctor, GError **error)
{
        g_autofree char *token = NULL;
        size_t len = 0;
        char *header;

        if (!doctor->settings->fetch_token_file ||
            !file_read(doctor->settings->fetch_token_file, FETCH_TOKEN_MAX, &token, &len, error))
                return NULL;
        header = g_strconcat("Authorization: Bearer ", g_strchomp(token), NULL);
        secret_erase(token, len);
        return header;
}

static void header_free(char *header)
{
        if (header)
                secret_erase(header, strlen(header));
        g_free(header);
}

/* A document or key set. */
static bool doctor_get(Doctor *doctor, const char *url, size_t size_max, FetchDone done,
                       GError **error)
{
        g_autoptr(GError) cause = NULL;
        char *header = doctor_fetch_header(doctor, &cause);
        const char *const headers[] = { header, NULL };

        if (cause) {
                g_propagate_error(error, g_steal_pointer(&cause));
                return false;
        }
        doctor_call(
            doctor,
            (FetchOptions){ .url = url, .headers = header ? headers : NULL, .size_max = size_max },
            done);
        header_free(header);
        return true;
}

/* ---- what a token endpoint says ---- */

/* A JSON object, or NULL. */
static json_t *read_object(Span text)
{
        static const JsonLimits limits = { ANSWER_SIZE_MAX, ANSWER_DEPTH_MAX };
        json_t *object = NULL;

        return json_parse_object(text, &limits, &object) == 0 ? object : NULL;
}

static bool member_is(const json_t *object, const char *name, const char *word)
{
        Span text = SPAN_EMPTY;

        return json_member_string(object, name, &text) == 0 && span_equal_string(text, word);
}

/* NULL: the signature over the compact token holds, and *ret_payload (in buffer, of
 * JWS_PAYLOAD_SIZE_MAX bytes) may be believed. */
static const char *doctor_verify(const Doctor *doctor, Span compact, Jws *jws, uint8_t *buffer,
                                 Span *ret_payload)
{
        g_autoptr(Verifier) verifier = verifier_new();
        const Key *key;

        if (jws_parse(compact, jws) != 0)
                return jws->trouble;
        if (!alg_set_has(doctor->settings->algorithms, jws->alg->id))
                return "its algorithm is not among algorithms";
        key = doctor->keys ? keyset_find(doctor->keys, span_of(jws->kid, jws->kid_len), jws->alg)
                           : NULL;
        if (!key)
                return "its key is not in the key set";
        if (!verifier || verify_jws(verifier, key, jws) != 0)
                return "its signature does not hold";
        if (jws_decode_payload(jws, buffer, ret_payload) != 0)
                return "its payload cannot be decoded";
        return NULL;
}

/* ---- introspection, the last call ---- */

/* The members of an answer: those of a signed one only if its signature holds. */
static json_t *doctor_read_signed(const Doctor *doctor, Span body, char **ret_trouble)
{
        g_autofree uint8_t *buffer = g_malloc(JWS_PAYLOAD_SIZE_MAX);
        g_autofree char *compact = g_strstrip(g_strndup(body.data, body.len));
        json_auto *payload = NULL;
        const char *trouble;
        Span text = SPAN_EMPTY;
        Jws jws;

        trouble = doctor_verify(doctor, span_from(compact), &jws, buffer, &text);
        payload = trouble ? NULL : read_object(text);
        if (!json_is_object(json_object_get(payload, SIGNED_ANSWER_CLAIM))) {
                *ret_trouble = g_strdup_printf("the signed answer is of no use: %s",
                                               trouble ? trouble : "RFC 9701 is not kept");
                return NULL;
        }
        return json_incref(json_object_get(payload, SIGNED_ANSWER_CLAIM));
}

static bool answer_is_signed(const FetchAnswer *answer)
{
        return g_ascii_strncasecmp(answer->content_type, SIGNED_ANSWER, strlen(SIGNED_ANSWER)) == 0;
}

static json_t *doctor_read_introspection(const Doctor *doctor, const FetchAnswer *answer,
                                         char **ret_trouble)
{
        json_auto *object = NULL;

        if (answer_is_signed(answer))
                object = doctor_read_signed(doctor, answer->body, ret_trouble);
        else if (doctor->settings->introspection_signed)
                *ret_trouble = g_strdup("the answer is not signed, and introspection_signed = "
                                        "true wants it");
        else
                object = read_object(answer->body);
        if (*ret_trouble)
                return NULL;
        if (json_is_boolean(json_object_get(object, "active")))
                return g_steal_pointer(&object);
        *ret_trouble = g_strdup("the answer is no JSON object with active true or false");
        return NULL;
}

static char *permission_advice(const Doctor *doctor)
{
        const char *client = doctor->settings->client.client_id;
        g_autofree char *clicks =
            mappers_audience_advice("(each client whose tokens authd is asked about)", client);
        g_autofree char *own = mappers_audience_advice(client, client);

        return g_strdup_printf(
            "Keycloak since 26.6.2 says active:false of every token whose aud does not hold the "
            "client that asks. %s To see it put right here, do the same for %s itself: %s",
            clicks, client, own);
}

static void doctor_tell_inactive(Doctor *doctor)
{
        const char *client = doctor->settings->client.client_id;

        if (doctor->probes)
                doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_WARNING,
                            g_strdup("the provider takes our client, but without a token of our "
                                     "own nobody can say what it may see"),
                            g_strdup("Let the client have a token of its own, as "
                                     "client_credentials says, and ask again."));
        else if (doctor->own && claims_has_audience(doctor->own, span_from(client)))
                doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_FAILED,
                            g_strdup("active:false for a token that the provider gave a moment "
                                     "ago, and which is for our client"),
                            g_strdup("Several nodes that share no state, or clocks that differ? "
                                     "See the provider's log (Keycloak: INTROSPECT_TOKEN_ERROR)."));
        else
                doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_FAILED,
                            g_strdup_printf("active:false for a token that the provider gave a "
                                            "moment ago: %s is not in its aud",
                                            client),
                            permission_advice(doctor));
}

static void doctor_take_introspection(Doctor *doctor, json_t *object)
{
        g_autofree char *text = json_dumps(object, JSON_COMPACT);

        if (!json_is_true(json_object_get(object, "active"))) {
                doctor_tell_inactive(doctor);
                return;
        }
        if (!text || claims_parse(span_from(text), SPAN_EMPTY, &doctor->answer, NULL) != 0) {
                doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_FAILED,
                            g_strdup("active:true, but its claims cannot be read"),
                            g_strdup("See which of the client's mappers writes a registered claim "
                                     "(exp, aud, scope …) in another type."));
                return;
        }
        doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_OK,
                    g_strdup_printf("%s may ask, and its own token is active",
                                    doctor->settings->client.client_id),
                    NULL);
}

static void doctor_on_introspection(const FetchAnswer *answer, void *userdata)
{
        Doctor *doctor = userdata;
        g_autofree char *trouble = NULL;
        json_auto *object = NULL;

        doctor->fetch = NULL;
        if (!doctor_tell_trouble(doctor, CHECK_INTROSPECTION, answer)) {
                object = doctor_read_introspection(doctor, answer, &trouble);
                if (object)
                        doctor_take_introspection(doctor, object);
                else
                        doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_FAILED,
                                    g_steal_pointer(&trouble),
                                    g_strdup("Check introspection_url and introspection_signed "
                                             "against what the provider's discovery says."));
        }
        doctor_finish(doctor, "no token of our own could be read");
}

/* ---- as a client ---- */

static void form_free(GString *form)
{
        secret_erase(form->str, form->len);
        g_string_free(form, TRUE);
}

/* False: the sentence says which file cannot be used. form is taken over. */
static bool doctor_post(Doctor *doctor, const char *url, GString *form, FetchDone done,
                        GError **error)
{
        static const char *const accept_signed[] = { "Accept: " SIGNED_ANSWER, NULL };
        const IssuerSettings *settings = doctor->settings;
        g_auto(ClientAuth) auth = { 0 };
        bool ready = client_auth_prepare(&settings->client, settings->url, form, &auth, error);
        bool wants_signed = done == doctor_on_introspection && settings->introspection_signed;

        if (ready)
                doctor_call(doctor,
                            (FetchOptions){
                                .url = url,
                                .cert_file = auth.cert_file,
                                .cert_key_file = auth.cert_key_file,
                                .headers = wants_signed ? accept_signed : NULL,
                                .body = span_of(form->str, form->len),
                                .form = true,
                                .basic_user = auth.basic_user,
                                .basic_password = auth.basic_password
                                                      ? secret_bytes(auth.basic_password)
                                                      : SPAN_EMPTY,
                                .size_max = ANSWER_SIZE_MAX,
                            },
                            done);
        form_free(form);
        return ready;
}

static const char *doctor_introspection_url(const Doctor *doctor)
{
        if (doctor->settings->introspection_url)
                return doctor->settings->introspection_url;
        return doctor->document->introspection_url;
}

static void doctor_introspect(Doctor *doctor)
{
        const char *url = doctor_introspection_url(doctor);
        g_autoptr(GError) error = NULL;
        GString *form;
        char *token;

        if (!url) {
                doctor_finish(doctor, "the discovery document names no introspection_endpoint");
                return;
        }
        token = g_uri_escape_bytes((const guint8 *) secret_bytes(doctor->token).data,
                                   secret_bytes(doctor->token).len, NULL);
        form = g_string_new("token=");
        g_string_append(form, token);
        header_free(token);
        if (doctor_post(doctor, url, form, doctor_on_introspection, &error))
                return;
        doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_FAILED, g_strdup(error->message),
                    g_strdup(ADVICE_FILE));
        doctor_finish(doctor, "introspection could not be asked");
}

/* ---- our own token ---- */

#define ADVICE_TOKEN                                                                               \
        "Tokens like this are refused: compare algorithms with Keycloak's Clients "                \
        "→ " CLIENT_ID_WORD " → Advanced → Access token signature algorithm, and the keys above."

static char *token_facts(const Claims *claims, const Jws *jws)
{
        int64_t lifetime_sec = claims_expiry(claims) - claims_issued_at(claims);
        Span party = claims_party(claims);

        return g_strdup_printf(
            "%s, kind %s, azp %.*s, %s, lives %" G_GINT64_FORMAT " s", jws->alg->name,
            token_kind_text(claims_kind(claims)), (int) MIN(party.len, 64), party.data,
            claims_subject(claims).len > 0 ? "with sub" : "without sub (lightweight)",
            lifetime_sec);
}

static void doctor_take_claims(Doctor *doctor, Claims *claims, const Jws *jws)
{
        Span issuer = claims_issuer(claims);

        if (span_equal_string(issuer, doctor->settings->url)) {
                doctor_tell(doctor, CHECK_TOKEN, DOCTOR_OK, token_facts(claims, jws), NULL);
                doctor->own = claims;
                return;
        }
        doctor_tell(
            doctor, CHECK_TOKEN, DOCTOR_FAILED,
            g_strdup_printf("its iss is %.*s, not url", (int) MIN(issuer.len, 256), issuer.data),
            g_strdup("The provider names itself after how it was asked: fix its name "
                     "(Keycloak: --hostname, or Realm settings → General → Frontend "
                     "URL)."));
        claims_unref(claims);
}

static void doctor_look_at_token(Doctor *doctor)
{
        g_autofree uint8_t *buffer = g_malloc(JWS_PAYLOAD_SIZE_MAX);
        const char *trouble;
        Claims *claims = NULL;
        Span payload = SPAN_EMPTY;
        Jws jws;

        if (jws_parse(secret_bytes(doctor->token), &jws) == JWS_E_NOT_A_JWS) {
                doctor_tell(doctor, CHECK_TOKEN, DOCTOR_OK,
                            g_strdup("opaque: only introspection knows what it says"), NULL);
                return;
        }
        trouble = doctor_verify(doctor, secret_bytes(doctor->token), &jws, buffer, &payload);
        if (!trouble)
                claims_parse(payload, span_of(jws.typ, jws.typ_len), &claims, &trouble);
        if (claims)
                doctor_take_claims(doctor, claims, &jws);
        else
                doctor_tell(doctor, CHECK_TOKEN, DOCTOR_FAILED,
                            g_strdup(trouble ? trouble : "its claims cannot be read"),
                            doctor_advice(doctor, ADVICE_TOKEN));
}

/* ---- the grant ---- */

/* What a token endpoint's refusal means. Keycloak says unauthorized_client both of a wrong secret
 * and of a client without service account; its description tells them apart. */
typedef struct RefusalWords {
        const char *error;
        const char *description; /* a part of it; NULL: any */
        bool is_known;           /* the client was believed */
        const char *found;
        const char *advice;
} RefusalWords;

#define FOUND_UNKNOWN "the provider does not believe that we are this client"
#define ADVICE_NO_ACCOUNT                                                                             \
        "Keycloak's admin console: Clients → " CLIENT_ID_WORD " → Settings → Capability config: " \
        "Client authentication = On, Service accounts roles = On."

static const RefusalWords refusals[] = {
        { "unauthorized_client", "service account", true, "the client has no service account",
          ADVICE_NO_ACCOUNT },
        { "unauthorized_client", "redential", false, FOUND_UNKNOWN, NULL },
        { "invalid_client", NULL, false, FOUND_UNKNOWN, NULL },
        { "unauthorized_client", NULL, true, "the client may not use client_credentials",
          ADVICE_NO_ACCOUNT },
        { "unsupported_grant_type", NULL, true, "the provider knows no client_credentials",
          "Nothing of the policies can be seen without it." },
        { "invalid_scope", NULL, true, "the client's default scopes are refused",
          "Keycloak's admin console: Clients → " CLIENT_ID_WORD " → Client scopes." },
};

static const char *const method_advice[] = {
        [CLIENT_AUTH_SECRET_BASIC] =
            "Keycloak's admin console: Clients → " CLIENT_ID_WORD " → Credentials: Client "
            "Authenticator = Client Id and Secret; write its Client Secret into "
            "client_secret_file.",
        [CLIENT_AUTH_SECRET_POST] =
            "Keycloak's admin console: Clients → " CLIENT_ID_WORD " → Credentials: Client "
            "Authenticator = Client Id and Secret; write its Client Secret into "
            "client_secret_file.",
        [CLIENT_AUTH_PRIVATE_KEY_JWT] =
            "Keycloak's admin console: Clients → " CLIENT_ID_WORD " → Credentials: Client "
            "Authenticator = Signed JWT; Keys: import the certificate or JWKS of "
            "client_key_file, its kid as client_key_id.",
        [CLIENT_AUTH_TLS] =
            "Keycloak's admin console: Clients → " CLIENT_ID_WORD " → Credentials: Client "
            "Authenticator = X509 Certificate, Subject DN = that of client_cert_file; the server "
            "must ask for certificates (--https-client-auth=request).",
};

static bool refusal_is(const RefusalWords *words, const json_t *object)
{
        const char *description = json_string_value(json_object_get(object, "error_description"));

        return member_is(object, "error", words->error) &&
               (!words->description || (description && strstr(description, words->description)));
}

static const RefusalWords *refusal_find(const FetchAnswer *answer)
{
        json_auto *object = read_object(answer->body);

        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (object && refusal_is(&refusals[i], object))
                        return &refusals[i];
        return NULL;
}

/* True: told as refused. The provider's own words are not repeated: they may hold what we sent. */
static bool doctor_tell_refusal(Doctor *doctor, const RefusalWords *words)
{
        const char *advice;

        if (!words)
                return false;
        advice = words->advice ? words->advice : method_advice[doctor->settings->client.method];
        doctor_tell(doctor, CHECK_GRANT, words->is_known ? DOCTOR_WARNING : DOCTOR_FAILED,
                    g_strdup_printf("%s (%s)", words->found, words->error),
                    doctor_advice(doctor, advice));
        return true;
}

static Secret *read_token(const FetchAnswer *answer)
{
        json_auto *object = read_object(answer->body);
        Span token = SPAN_EMPTY;

        if (!object || json_member_string(object, "access_token", &token) != 0 || token.len == 0)
                return NULL;
        return secret_new(token);
}

static void doctor_on_refusal(Doctor *doctor, const FetchAnswer *answer)
{
        const RefusalWords *words = refusal_find(answer);

        if (!doctor_tell_refusal(doctor, words))
                doctor_tell_trouble(doctor, CHECK_GRANT, answer);
        if (!words || !words->is_known) {
                doctor_finish(doctor, "the client got no token of its own");
                return;
        }
        doctor_skip_to(doctor, CHECK_INTROSPECTION, "the client got no token of its own");
        doctor->probes = true;
        doctor->token = secret_new(span_from(PROBE_TOKEN));
        doctor_introspect(doctor);
}

static void doctor_on_grant(const FetchAnswer *answer, void *userdata)
{
        Doctor *doctor = userdata;

        doctor->fetch = NULL;
        if (answer->error != 0 || answer->status != 200) {
                doctor_on_refusal(doctor, answer);
                return;
        }
        doctor->token = read_token(answer);
        if (!doctor->token) {
                doctor_tell(doctor, CHECK_GRANT, DOCTOR_FAILED,
                            g_strdup("the answer holds no access_token"),
                            g_strdup("Check token_endpoint of the discovery document: this is "
                                     "not how a token endpoint answers."));
                doctor_finish(doctor, "the client got no token of its own");
                return;
        }
        doctor_tell(doctor, CHECK_GRANT, DOCTOR_OK, g_strdup("the client got a token"), NULL);
        doctor_look_at_token(doctor);
        doctor_introspect(doctor);
}

static bool doctor_method_is_offered(const Doctor *doctor, const char *method)
{
        const json_t *one;
        size_t i;

        if (!doctor->methods) /* RFC 8414 §2: client_secret_basic then */
                return doctor->settings->client.method == CLIENT_AUTH_SECRET_BASIC;
        json_array_foreach (doctor->methods, i, one)
                if (g_strcmp0(json_string_value(one), method) == 0)
                        return true;
        return false;
}

static void doctor_tell_client(Doctor *doctor)
{
        const ClientAuthSettings *client = &doctor->settings->client;
        const char *method = client_auth_method_text(client->method);
        bool offered = doctor_method_is_offered(doctor, method);

        doctor_tell(doctor, CHECK_CLIENT, offered ? DOCTOR_OK : DOCTOR_WARNING,
                    g_strdup_printf("%s, by %s%s", client->client_id, method,
                                    offered ? "" : ", which the provider does not offer"),
                    offered ? NULL
                            : g_strdup("Set client_auth to one of the discovery document's "
                                       "token_endpoint_auth_methods_supported."));
}

static void doctor_ask_as_client(Doctor *doctor)
{
        GString *form = g_string_new("grant_type=client_credentials");
        g_autoptr(GError) error = NULL;

        if (doctor_post(doctor, doctor->token_url, form, doctor_on_grant, &error)) {
                doctor_tell_client(doctor);
                return;
        }
        doctor_tell(doctor, CHECK_CLIENT, DOCTOR_FAILED, g_strdup(error->message),
                    g_strdup(ADVICE_FILE));
        doctor_finish(doctor, "what proves that we are the client cannot be read");
}

static void doctor_begin_client(Doctor *doctor)
{
        if (!doctor->settings->client.client_id) {
                doctor_tell(doctor, CHECK_CLIENT, DOCTOR_SKIPPED,
                            g_strdup_printf("no client_id in [issuer %s]", doctor->settings->name),
                            g_strdup("Set client_id and client_secret_file to see whether the "
                                     "realm's tokens fit the policies."));
                doctor_finish(doctor, "there is no client to ask as");
                return;
        }
        if (!doctor->token_url) {
                doctor_finish(doctor, "the discovery document names no token_endpoint");
                return;
        }
        doctor_ask_as_client(doctor);
}

/* ---- keys ---- */

/* KeysSeen: what keyset_parse leaves out. */
typedef struct KeysSeen {
        GString *text;
        unsigned n_skipped;
        bool harmless; /* all of them are just not for signing */
        int worst;     /* of the others, a JwkAnswer */
} KeysSeen;

static void list_add(GString *list, unsigned n_before, const char *one)
{
        if (n_before < LISTED_MAX)
                g_string_append_printf(list, "%s%s", n_before > 0 ? "; " : "", one);
        else if (n_before == LISTED_MAX)
                g_string_append(list, "; …");
}

static void on_key_skipped(size_t index, const char *kid, int answer, const char *why,
                           void *userdata)
{
        KeysSeen *seen = userdata;
        g_autofree char *one = kid ? g_strdup_printf("%s: %s", kid, why)
                                   : g_strdup_printf("number %zu: %s", index + 1, why);

        list_add(seen->text, seen->n_skipped++, one);
        if (answer == JWK_E_NOT_FOR_SIGNING)
                return;
        seen->harmless = false;
        seen->worst = answer;
}

/* What to do about a key that is left out. */
static const char *const skipped_advice[] = {
        [JWK_E_MALFORMED] = "The provider publishes a broken key: tokens signed with it are "
                            "refused.",
        [JWK_E_UNSUPPORTED] = "Tokens signed with such a key are refused: let the provider sign "
                              "with RS256, PS256, ES256 or EdDSA.",
        [JWK_E_WEAK] = "Keycloak's admin console: Realm settings → Keys → Add providers → "
                       "rsa-generated, at least 2048 bits and a higher priority; then disable the "
                       "weak one.",
        [JWK_E_PRIVATE] = "The provider publishes a PRIVATE key: whoever fetched it can sign. "
                          "Replace it at once, and distrust_kid it here.",
        [JWK_E_TOO_MANY] = "Remove old keys from the provider.",
        [JWK_E_EMPTY] = "Keycloak's admin console: Realm settings → Keys: enable a key for "
                        "signatures.",
        [JWK_E_DUPLICATE] = "Two keys have one kid: rename or remove one of them at the provider.",
};

static char *key_advice(int answer)
{
        bool known = answer > 0 && (size_t) answer < G_N_ELEMENTS(skipped_advice);

        return g_strdup(known && skipped_advice[answer]
                            ? skipped_advice[answer]
                            : "Check jwks_uri: it must be a JWKS (RFC 7517).");
}

static char *key_text(const Key *key)
{
        static const char *const types[] = {
                [KEY_TYPE_RSA] = "RSA",
                [KEY_TYPE_EC] = "EC",
                [KEY_TYPE_OKP] = "OKP",
        };

        return g_strdup_printf("%s (%s, %d bits)", key->kid ? key->kid : "no kid", types[key->type],
                               key->bits);
}

static char *keys_text(const KeySet *keys)
{
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "%zu usable: ", keyset_size(keys));
        for (size_t i = 0; i < MIN(keyset_size(keys), LISTED_MAX + 1); i++) {
                g_autofree char *one = key_text(keyset_get(keys, i));

                list_add(text, (unsigned) i, one);
        }
        return g_string_free(text, FALSE);
}

static void doctor_tell_skipped(Doctor *doctor, const KeysSeen *seen)
{
        if (seen->n_skipped == 0)
                doctor_tell(doctor, CHECK_KEYS_SKIPPED, DOCTOR_OK, g_strdup("none"), NULL);
        else
                doctor_tell(doctor, CHECK_KEYS_SKIPPED, seen->harmless ? DOCTOR_OK : DOCTOR_WARNING,
                            g_strdup(seen->text->str),
                            seen->harmless ? NULL : key_advice(seen->worst));
}

/* How many keys none of the algorithms fits; text names them. */
static size_t doctor_idle_keys(const Doctor *doctor, GString *text)
{
        unsigned n_idle = 0;

        for (size_t i = 0; i < keyset_size(doctor->keys); i++) {
                const Key *key = keyset_get(doctor->keys, i);
                g_autofree char *one = key_text(key);

                if (!(key->algs & doctor->settings->algorithms))
                        list_add(text, n_idle++, one);
        }
        return n_idle;
}

static void doctor_tell_algorithms(Doctor *doctor)
{
        g_autoptr(GString) text = g_string_new(NULL);
        size_t n_idle = doctor_idle_keys(doctor, text);

        if (n_idle == 0) {
                doctor_tell(doctor, CHECK_ALGORITHMS, DOCTOR_OK,
                            g_strdup("algorithms covers every key"), NULL);
                return;
        }
        doctor_tell(doctor, CHECK_ALGORITHMS,
                    n_idle == keyset_size(doctor->keys) ? DOCTOR_FAILED : DOCTOR_WARNING,
                    g_strdup_printf("algorithms allows nothing for %s", text->str),
                    g_strdup("Tokens signed with these keys are refused: add their algorithm to "
                             "algorithms, or leave it out for all."));
}

static void doctor_tell_refresh(Doctor *doctor, const char *cache_control)
{
        int64_t fresh_sec = keys_fresh_sec(cache_control);

        doctor_tell(
            doctor, CHECK_CACHE, DOCTOR_OK,
            g_strdup_printf("Cache-Control: %s; keys are asked for anew every %" G_GINT64_FORMAT
                            " s, and at once for a kid that is not known",
                            cache_control && *cache_control ? cache_control : "none",
                            MAX(fresh_sec, ISSUER_REFRESH_MIN_SEC)),
            NULL);
}

/* True: there are keys. */
static bool doctor_take_keys(Doctor *doctor, Span json)
{
        g_autoptr(GString) text = g_string_new(NULL);
        KeysSeen seen = { .text = text, .harmless = true };
        int answer = keyset_parse(json, on_key_skipped, &seen, &doctor->keys);

        if (answer != 0)
                doctor_tell(
                    doctor, CHECK_KEYS, DOCTOR_FAILED,
                    g_strdup_printf("the key set is of no use: %s",
                                    answer > 0 ? jwk_answer_text(answer) : g_strerror(-answer)),
                    key_advice(answer));
        else
                doctor_tell(doctor, CHECK_KEYS, DOCTOR_OK, keys_text(doctor->keys), NULL);
        doctor_tell_skipped(doctor, &seen);
        if (answer == 0)
                doctor_tell_algorithms(doctor);
        return answer == 0;
}

static void doctor_on_keys(const FetchAnswer *answer, void *userdata)
{
        Doctor *doctor = userdata;

        doctor->fetch = NULL;
        if (!doctor_tell_trouble(doctor, CHECK_KEYS, answer) &&
            doctor_take_keys(doctor, answer->body))
                doctor_tell_refresh(doctor, answer->cache_control);
        doctor_skip_to(doctor, CHECK_CLIENT, "there are no keys");
        doctor_begin_client(doctor);
}

/* A keys_file is looked at, and nothing else. */
static void doctor_look_at_file(Doctor *doctor)
{
        static const char why[] = "keys_file is set: the provider is never asked";
        g_autoptr(GError) error = NULL;
        g_autofree char *json = NULL;
        size_t len = 0;

        doctor_skip_to(doctor, CHECK_KEYS, why);
        if (file_read(doctor->settings->keys_file, KEYSET_SIZE_MAX, &json, &len, &error))
                doctor_take_keys(doctor, span_of(json, len));
        else
                doctor_tell(doctor, CHECK_KEYS, DOCTOR_FAILED, g_strdup(error->message),
                            g_strdup(ADVICE_FILE));
        doctor_finish(doctor, why);
}

static gboolean doctor_on_idle(void *userdata)
{
        Doctor *doctor = userdata;

        g_clear_pointer(&doctor->idle, g_source_unref);
        if (doctor->settings->keys_file) {
                doctor_look_at_file(doctor);
                return G_SOURCE_REMOVE;
        }
        doctor_tell(doctor, CHECK_DISCOVERY, DOCTOR_FAILED, g_steal_pointer(&doctor->stillborn),
                    g_strdup(ADVICE_FILE));
        doctor_finish(doctor, "discovery failed");
        return G_SOURCE_REMOVE;
}

/* ---- discovery ---- */

static void doctor_tell_certificate(Doctor *doctor, const FetchAnswer *answer, const char *url)
{
        int64_t left_sec = answer->cert_expires_sec - clock_wall_sec();
        g_autofree char *end = time_text(answer->cert_expires_sec);

        if (!g_str_has_prefix(url, "https:"))
                doctor_tell(doctor, CHECK_CERTIFICATE, DOCTOR_OK,
                            g_strdup("plain http on loopback: there is none"), NULL);
        else if (answer->cert_expires_sec == 0)
                doctor_tell(doctor, CHECK_CERTIFICATE, DOCTOR_OK,
                            g_strdup("trusted; when it ends is not known"), NULL);
        else if (left_sec < DOCTOR_CERT_WARN_SEC)
                doctor_tell(doctor, CHECK_CERTIFICATE, DOCTOR_WARNING,
                            g_strdup_printf("trusted, but it ends at %s", end),
                            g_strdup("Renew it: after that time nothing can be fetched, and the "
                                     "outage budget is spent."));
        else
                doctor_tell(doctor, CHECK_CERTIFICATE, DOCTOR_OK,
                            g_strdup_printf("trusted, and valid until %s", end), NULL);
}

/* By how much the provider's clock is beyond the time from our question to its answer. */
static int64_t doctor_clock_off_sec(const Doctor *doctor, int64_t date_sec)
{
        int64_t now_sec = clock_wall_sec();

        if (date_sec > now_sec)
                return date_sec - now_sec;
        return date_sec < doctor->asked_sec ? date_sec - doctor->asked_sec : 0;
}

static void doctor_tell_clock(Doctor *doctor, int64_t date_sec)
{
        int64_t off_sec = doctor_clock_off_sec(doctor, date_sec);
        int64_t distance_sec = ABS(off_sec);

        if (date_sec == 0) {
                doctor_tell(doctor, CHECK_CLOCK, DOCTOR_SKIPPED,
                            g_strdup("the provider's answers have no Date header"), NULL);
                return;
        }
        if (distance_sec <= DOCTOR_CLOCK_WARN_SEC) {
                doctor_tell(doctor, CHECK_CLOCK, DOCTOR_OK,
                            g_strdup("the provider's agrees with ours"), NULL);
                return;
        }
        doctor_tell(doctor, CHECK_CLOCK,
                    distance_sec > doctor->settings->leeway_sec ? DOCTOR_FAILED : DOCTOR_WARNING,
                    g_strdup_printf("the provider's is %" G_GINT64_FORMAT " s %s ours; leeway is "
                                    "%" G_GINT64_FORMAT " s",
                                    distance_sec, off_sec > 0 ? "ahead of" : "behind",
                                    doctor->settings->leeway_sec),
                    g_strdup("Let both hosts keep time by NTP (chronyc tracking); leeway only "
                             "covers what is left."));
}

static bool doctor_read_document(Doctor *doctor, Span json, GError **error)
{
        const IssuerSettings *settings = doctor->settings;
        g_autoptr(GError) cause = NULL;
        json_auto *object = read_object(json);
        json_t *methods = json_object_get(object, "token_endpoint_auth_methods_supported");

        doctor->document = discovery_parse(json, settings->url, settings->fetch_url, error);
        if (!doctor->document)
                return false;
        doctor->token_url =
            discovery_endpoint(json, "token_endpoint", settings->url, settings->fetch_url, &cause);
        if (json_is_array(methods))
                doctor->methods = json_incref(methods);
        if (!cause)
                return true;
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
}

static void doctor_tell_document(Doctor *doctor)
{
        if (doctor->document->development)
                doctor_tell(doctor, CHECK_DOCUMENT, DOCTOR_WARNING,
                            g_strdup("a development issuer: anybody can mint its tokens"),
                            g_strdup("They are refused unless allow_development_issuers = true, "
                                     "which is never for production."));
        else
                doctor_tell(doctor, CHECK_DOCUMENT, DOCTOR_OK,
                            g_strdup("its issuer is url, to the byte"), NULL);
}

static void doctor_take_document(Doctor *doctor, Span json)
{
        g_autoptr(GError) error = NULL;

        if (!doctor_read_document(doctor, json, &error)) {
                doctor_tell(doctor, CHECK_DOCUMENT, DOCTOR_FAILED, g_strdup(error->message),
                            g_strdup("Compare it with curl URL/.well-known/openid-configuration "
                                     "from this host. Keycloak names itself by --hostname, or "
                                     "Realm settings → General → Frontend URL."));
                doctor_finish(doctor, "the discovery document cannot be used");
                return;
        }
        doctor_tell_document(doctor);
        if (doctor_get(doctor, doctor->document->jwks_url, KEYSET_SIZE_MAX, doctor_on_keys, &error))
                return;
        doctor_tell(doctor, CHECK_KEYS, DOCTOR_FAILED, g_strdup(error->message),
                    g_strdup(ADVICE_FILE));
        doctor_finish(doctor, "fetch_token_file cannot be read");
}

static const char *doctor_base(const Doctor *doctor)
{
        return doctor->settings->fetch_url ? doctor->settings->fetch_url : doctor->settings->url;
}

static void doctor_on_discovery(const FetchAnswer *answer, void *userdata)
{
        Doctor *doctor = userdata;
        bool failed = doctor_tell_trouble(doctor, CHECK_DISCOVERY, answer);

        doctor->fetch = NULL;
        if (!failed)
                doctor_tell(doctor, CHECK_DISCOVERY, DOCTOR_OK,
                            g_strdup_printf("%s answers", doctor_base(doctor)), NULL);
        if (answer->error == 0) {
                doctor_tell_certificate(doctor, answer, doctor_base(doctor));
                doctor_tell_clock(doctor, answer->date_sec);
        }
        if (failed)
                doctor_finish(doctor, "discovery failed");
        else
                doctor_take_document(doctor, answer->body);
}

/* ---- life ---- */

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
        copy->proxy = g_strdup(settings->proxy);
        copy->fetch_token_file = g_strdup(settings->fetch_token_file);
        copy->introspection_url = g_strdup(settings->introspection_url);
        copy->introspection_signed = settings->introspection_signed;
        client_auth_settings_copy(&settings->client, &copy->client);
        return copy;
}

static void doctor_begin(Doctor *doctor)
{
        g_autofree char *url = discovery_document_url(doctor_base(doctor));
        g_autoptr(GError) error = NULL;

        if (!doctor->settings->keys_file &&
            doctor_get(doctor, url, ISSUER_DISCOVERY_SIZE_MAX, doctor_on_discovery, &error))
                return;
        doctor->stillborn = error ? g_strdup(error->message) : NULL;
        doctor->idle = g_idle_source_new();
        g_source_set_callback(doctor->idle, doctor_on_idle, doctor, NULL);
        g_source_attach(doctor->idle, g_main_context_get_thread_default());
}

Doctor *doctor_start(Fetcher *fetcher, const IssuerSettings *settings, const char *ca_pem,
                     const DoctorPolicy *policies, size_t n_policies, DoctorDone done,
                     void *userdata)
{
        Doctor *doctor = g_new0(Doctor, 1);

        doctor->fetcher = fetcher;
        doctor->settings = settings_copy(settings);
        doctor->ca_pem = g_strdup(ca_pem);
        doctor->policies = g_ptr_array_new_with_free_func((GDestroyNotify) doctor_policy_free);
        for (size_t i = 0; i < n_policies; i++)
                g_ptr_array_add(doctor->policies, doctor_policy_copy(&policies[i]));
        doctor->done = done;
        doctor->userdata = userdata;
        findings_init(&doctor->findings);
        doctor_begin(doctor);
        return doctor;
}

void doctor_free(Doctor *doctor)
{
        if (!doctor)
                return;
        fetch_cancel(doctor->fetch);
        if (doctor->idle)
                g_source_destroy(doctor->idle);
        g_clear_pointer(&doctor->idle, g_source_unref);
        discovery_free(doctor->document);
        g_free(doctor->token_url);
        g_free(doctor->stillborn);
        json_decref(doctor->methods);
        if (doctor->keys)
                keyset_unref(doctor->keys);
        secret_free(doctor->token);
        claims_unref(doctor->own);
        claims_unref(doctor->answer);
        findings_deinit(&doctor->findings);
        g_ptr_array_unref(doctor->policies);
        g_free(doctor->ca_pem);
        issuer_settings_free(doctor->settings);
        g_free(doctor);
}

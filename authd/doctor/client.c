/* client: the second half of the doctor's walk: as a client, with a token of its own.
 *
 * client_credentials, what the token says, introspection of it, and then the policies. See
 * walk.h. */
#include "doctor/walk.h"

#include "base/clock.h"
#include "base/secret.h"
#include "doctor/advice.h"
#include "issuer/answer.h"
#include "token/json.h"

/* Asked about when there is no token of our own, to see at least whether we may ask. */
#define PROBE_TOKEN "authd-doctor-asks-without-a-token"

/* ---- introspection, the last call ---- */

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

static void doctor_take_introspection(Doctor *doctor, const FetchAnswer *answer)
{
        g_autoptr(Verifier) verifier = verifier_new();
        const IssuerSettings *settings = doctor->settings;
        const AnswerAsked asked = {
                .issuer_url = settings->url,
                .client_id = settings->client.client_id,
                .demand_signed = settings->introspection_signed,
                .keys = doctor->keys,
                .algorithms = settings->algorithms,
                .verifier = verifier,
                .now_sec = clock_wall_sec(),
        };
        char *trouble =
            answer_read(&asked, answer->content_type, answer->body, doctor->own, &doctor->answer);

        if (trouble)
                doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_FAILED, trouble,
                            g_strdup("Check introspection_url and introspection_signed against "
                                     "what the provider's discovery document says."));
        else if (!doctor->answer)
                doctor_tell_inactive(doctor);
        else
                doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_OK,
                            g_strdup_printf("%s may ask, and its own token is active",
                                            settings->client.client_id),
                            NULL);
}

static void doctor_on_introspection(const FetchAnswer *answer, void *userdata)
{
        Doctor *doctor = userdata;

        doctor->fetch = NULL;
        if (!doctor_tell_trouble(doctor, CHECK_INTROSPECTION, answer))
                doctor_take_introspection(doctor, answer);
        doctor_finish(doctor, "no token of our own could be read");
}

/* ---- as a client ---- */

/* A token endpoint knows nothing but JSON. */
static const char *doctor_accept(const Doctor *doctor, FetchDone done)
{
        return done == doctor_on_introspection && doctor->settings->introspection_signed
                   ? "Accept: " ANSWER_SIGNED_TYPE
                   : "Accept: " ANSWER_PLAIN_TYPE;
}

/* False: the sentence says which file cannot be used. form is taken over. */
static bool doctor_post(Doctor *doctor, const char *url, GString *form, FetchDone done,
                        GError **error)
{
        const char *const accept[] = { doctor_accept(doctor, done), NULL };
        const IssuerSettings *settings = doctor->settings;
        g_auto(ClientAuth) auth = { 0 };
        bool ready = client_auth_prepare(&settings->client, settings->url, form, &auth, error);

        if (ready)
                doctor_call(doctor,
                            (FetchOptions){
                                .url = url,
                                .cert_file = auth.cert_file,
                                .cert_key_file = auth.cert_key_file,
                                .headers = accept,
                                .body = span_of(form->str, form->len),
                                .form = true,
                                .basic_user = auth.basic_user,
                                .basic_password = auth.basic_password
                                                      ? secret_bytes(auth.basic_password)
                                                      : SPAN_EMPTY,
                                .size_max = DOCTOR_ANSWER_SIZE_MAX,
                            },
                            done);
        client_auth_form_free(form);
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

        if (!url) {
                doctor_finish(doctor, "the discovery document names no introspection_endpoint");
                return;
        }
        form = g_string_new(NULL);
        client_auth_form_append(form, "token", secret_bytes(doctor->token));
        if (doctor_post(doctor, url, form, doctor_on_introspection, &error))
                return;
        doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_FAILED, g_strdup(error->message),
                    g_strdup(ADVICE_FILE));
        doctor_finish(doctor, "introspection could not be asked");
}

/* ---- our own token ---- */

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
                if (!doctor->told[CHECK_CLOCK] && claims_issued_at(claims) > 0)
                        doctor_tell_clock(doctor, claims_issued_at(claims));
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

/* True: told as refused. The provider's own words are not repeated: they may hold what we sent. */
static bool doctor_tell_refusal(Doctor *doctor, const RefusalWords *words)
{
        const char *advice;

        if (!words)
                return false;
        advice = words->advice ? words->advice : advice_of_method(doctor->settings->client.method);
        doctor_tell(doctor, CHECK_GRANT, words->is_known ? DOCTOR_WARNING : DOCTOR_FAILED,
                    g_strdup_printf("%s (%s)", words->found, words->error),
                    doctor_advice(doctor, advice));
        return true;
}

static Secret *read_token(const FetchAnswer *answer)
{
        json_auto *object = doctor_read_object(answer->body);
        Span token = SPAN_EMPTY;

        if (!object || json_member_string(object, "access_token", &token) != 0 || token.len == 0)
                return NULL;
        return secret_new(token);
}

static void doctor_on_refusal(Doctor *doctor, const FetchAnswer *answer)
{
        json_auto *object = doctor_read_object(answer->body);
        const RefusalWords *words = refusal_find(object);

        if (!doctor_tell_refusal(doctor, words))
                doctor_tell_trouble(doctor, CHECK_GRANT, answer);
        if (!words || !words->is_known) {
                doctor_finish(doctor, "the client got no token of its own");
                return;
        }
        doctor_skip(doctor, CHECK_TOKEN, CHECK_INTROSPECTION, "the client got no token of its own");
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

void client_begin(Doctor *doctor)
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

/* doctor_client: the second half of the doctor's walk: as a client, with a token of its own.
 *
 * client_credentials, what the token says, introspection of it, and then the policies. See
 * doctor_walk.h. */
#include "issuer/doctor_walk.h"

#include "base/secret.h"
#include "issuer/advice.h"
#include "token/json.h"

#define SIGNED_ANSWER       "application/token-introspection+jwt" /* RFC 9701 */
#define SIGNED_ANSWER_CLAIM "token_introspection"
/* Asked about when there is no token of our own, to see at least whether we may ask. */
#define PROBE_TOKEN "authd-doctor-asks-without-a-token"

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
        payload = trouble ? NULL : doctor_read_object(text);
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
                object = doctor_read_object(answer->body);
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

static void text_free(char *text)
{
        secret_erase(text, strlen(text));
        g_free(text);
}

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
                                .size_max = DOCTOR_ANSWER_SIZE_MAX,
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
        text_free(token);
        if (doctor_post(doctor, url, form, doctor_on_introspection, &error))
                return;
        doctor_tell(doctor, CHECK_INTROSPECTION, DOCTOR_FAILED, g_strdup(error->message),
                    g_strdup(ADVICE_FILE));
        doctor_finish(doctor, "introspection could not be asked");
}

/* ---- our own token ---- */

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

void doctor_client_begin(Doctor *doctor)
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

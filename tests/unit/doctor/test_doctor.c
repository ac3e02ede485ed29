/* doctor: one fault of a provider at a time, and what the doctor says of it, as rows. */
#include "doctor/doctor.h"

#include "../net/tls_server.h"
#include "base/clock.h"
#include "base/file.h"
#include "fake_provider.h"
#include "jwks.h"
#include "token/base64url.h"

#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <unistd.h>

#define PATIENCE_USEC     (20 * G_USEC_PER_SEC)
#define TOKEN_PATH        FAKE_PROVIDER_ISSUER_PATH "/token"
#define INTROSPECT_PATH   FAKE_PROVIDER_ISSUER_PATH "/introspect"
#define CLIENT_SECRET     "s3cret-of-authd"
#define FETCH_TOKEN       "bearer-of-the-pod"
#define NOW               INT64_C(1792000000) /* Wed, 14 Oct 2026 17:46:40 GMT */
#define ED25519_D_RFC8037 "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define EDDSA_HEADER      "{'alg':'EdDSA','kid':'a'}"
#define ISSUER_WORD       "URL" /* in pages and claims: the provider's own */
#define TOKEN_WORD        "TOKEN"
#define JSON_TYPE         "Content-Type: application/json\r\n"
#define SIGNED_HEADER     "{'alg':'EdDSA','kid':'a','typ':'token-introspection+jwt'}"
#define SIGNED_ANSWER                                                                              \
        "{'iss':'URL','aud':'authd','iat':1792000000,'token_introspection':{'active':true,'sub':"  \
        "'7e2f'}}"
#define SIGNED_TYPE "Content-Type: application/token-introspection+jwt\r\n"

#define GOOD_DOCUMENT                                                                              \
        "{'issuer':'URL','jwks_uri':'URL/certs','token_endpoint':'URL/token',"                     \
        "'introspection_endpoint':'URL/introspect'}"
#define GOOD_CLAIMS                                                                                \
        "{'iss':'URL','exp':1792000300,'iat':1792000000,'sub':'7e2f','azp':'authd','typ':"         \
        "'Bearer','aud':['authd','orders'],'scope':'orders:read profile','realm_access':{"         \
        "'roles':['staff']},'resource_access':{'orders':{'roles':['reader']}},'groups':["          \
        "'/eng/platform']}"
#define CLAIMS_WITH(more)                                                                          \
        "{'iss':'URL','exp':1792000300,'iat':1792000000,'azp':'authd','typ':'Bearer'" more "}"

#define CLAIMS_WITHOUT_TIMES "{'iss':'URL','sub':'7e2f','typ':'Bearer'}"

typedef struct Stage {
        GMainContext *context;
        Fetcher *fetcher;
        FakeProvider *provider;
        IssuerSettings *settings;
        DoctorPolicy policy;
        size_t n_policies; /* of the same */
        char *folder;
        char *token;
        json_t *report;
        unsigned n_done;
        Doctor *frees; /* freed by its own done */
} Stage;

typedef struct Row {
        const char *sentence;
        /* The page served in another way; NULL: none. */
        const char *path;
        unsigned status;
        const char *headers;
        const char *body; /* NULL: the usual one */
        const char *claims;
        const char *header; /* of the token; NULL: the usual one */
        void (*set)(Stage *stage);
        /* What one check says. */
        const char *check, *result, *found, *advice; /* parts; advice NULL: there is none */
} Row;

/* ---- tokens and pages ---- */

static char *encode(const void *bytes, size_t len)
{
        char *text = g_malloc(BASE64URL_ENCODED_MAX(len));

        base64url_encode(span_of(bytes, len), text);
        return text;
}

static char *replaced(const char *text, const char *word, const char *by)
{
        g_auto(GStrv) parts = g_strsplit(text, word, -1);

        return g_strjoinv(by, parts);
}

/* With " for ', and the issuer and the token where their words stand. */
static char *filled(const Stage *stage, const char *text)
{
        g_autofree char *quoted = g_strdelimit(g_strdup(text), "'", '"');
        g_autofree char *issued = replaced(quoted, ISSUER_WORD, stage->settings->url);

        return replaced(issued, TOKEN_WORD, stage->token ? stage->token : "");
}

static void sign(const char *input, unsigned char ret_signature[64])
{
        g_autofree char *padded = g_strdup(ED25519_D_RFC8037 "=");
        size_t seed_len = 0, len = 64;
        g_autofree guchar *seed =
            g_base64_decode(g_strdelimit(g_strdelimit(padded, "-", '+'), "_", '/'), &seed_len);
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, seed_len);
        EVP_MD_CTX *context = EVP_MD_CTX_new();

        g_assert_nonnull(key);
        g_assert_cmpint(EVP_DigestSignInit(context, NULL, NULL, NULL, key), ==, 1);
        g_assert_cmpint(EVP_DigestSign(context, ret_signature, &len, (const unsigned char *) input,
                                       strlen(input)),
                        ==, 1);
        EVP_MD_CTX_free(context);
        EVP_PKEY_free(key);
}

static char *compact(const Stage *stage, const char *header, const char *payload)
{
        g_autofree char *header_json = filled(stage, header),
                        *payload_json = filled(stage, payload);
        g_autofree char *head = encode(header_json, strlen(header_json));
        g_autofree char *body = encode(payload_json, strlen(payload_json));
        g_autofree char *input = g_strconcat(head, ".", body, NULL);
        g_autofree char *tail = NULL;
        unsigned char signature[64];

        sign(input, signature);
        tail = encode(signature, sizeof signature);
        return g_strconcat(input, ".", tail, NULL);
}

static void serve(Stage *stage, const char *path, unsigned status, const char *headers,
                  const char *body)
{
        g_autofree char *text = filled(stage, body);

        fake_provider_serve(stage->provider, path, status, headers ? headers : "", text);
}

static void serve_signed(Stage *stage, const char *payload)
{
        g_autofree char *jwt = compact(stage, SIGNED_HEADER, payload);

        fake_provider_serve(stage->provider, INTROSPECT_PATH, 200, SIGNED_TYPE, jwt);
}

/* ---- the stage ---- */

static char *file_of(const Stage *stage, const char *name, const char *content)
{
        char *path = g_build_filename(stage->folder, name, NULL);

        g_assert_true(file_write_atomic(path, span_from(content), 0600, NULL));
        return path;
}

static void put_text(char **place, char *text)
{
        g_free(*place);
        *place = text;
}

static void stage_set(Stage *stage)
{
        *stage = (Stage){ .context = g_main_context_new() };
        g_main_context_push_thread_default(stage->context);
        stage->folder = g_dir_make_tmp("authd-doctor-XXXXXX", NULL);
        stage->fetcher = fetcher_new(stage->context);
        stage->provider = fake_provider_new();
        stage->settings = g_new0(IssuerSettings, 1);
        stage->settings->name = g_strdup("fake");
        stage->settings->url = g_strdup(fake_provider_url(stage->provider));
        stage->settings->algorithms = ALG_SET_ALL;
        stage->settings->leeway_sec = 5;
        stage->settings->client.client_id = g_strdup("authd");
        stage->settings->client.secret_file = file_of(stage, "secret", CLIENT_SECRET "\n");
        stage->policy.name = "orders";
        stage->n_policies = 1;
        clock_set_wall_for_tests(NOW);
}

static void stage_serve(Stage *stage, const char *claims, const char *header)
{
        g_autofree char *keys = jwks_of("a enc1");

        stage->token =
            compact(stage, header ? header : EDDSA_HEADER, claims ? claims : GOOD_CLAIMS);
        serve(stage, FAKE_PROVIDER_DISCOVERY_PATH, 200, "Date: Wed, 14 Oct 2026 17:46:40 GMT\r\n",
              GOOD_DOCUMENT);
        serve(stage, FAKE_PROVIDER_KEYS_PATH, 200, "Cache-Control: max-age=60\r\n", keys);
        serve(stage, TOKEN_PATH, 200, "", "{'access_token':'TOKEN','token_type':'Bearer'}");
        serve(stage, INTROSPECT_PATH, 200, JSON_TYPE,
              "{'active':true,'sub':'7e2f','aud':'orders'}");
}

static void on_done(json_t *report, void *userdata)
{
        Stage *stage = userdata;

        stage->report = report;
        stage->n_done++;
        g_clear_pointer(&stage->frees, doctor_free);
}

static Doctor *stage_begin(Stage *stage)
{
        g_autofree DoctorPolicy *policies = g_new0(DoctorPolicy, MAX(stage->n_policies, 1));

        for (size_t i = 0; i < stage->n_policies; i++)
                policies[i] = stage->policy;
        return doctor_start(stage->fetcher, stage->settings, NULL, policies, stage->n_policies,
                            on_done, stage);
}

static void stage_wait(Stage *stage)
{
        int64_t end = g_get_monotonic_time() + PATIENCE_USEC;

        while (!stage->report && g_get_monotonic_time() < end)
                g_main_context_iteration(stage->context, TRUE);
        g_assert_nonnull(stage->report);
}

static void stage_run(Stage *stage)
{
        Doctor *doctor = stage_begin(stage);

        g_assert_null(stage->report); /* later, never at once */
        stage_wait(stage);
        while (g_main_context_iteration(stage->context, FALSE))
                ;
        g_assert_cmpuint(stage->n_done, ==, 1);
        doctor_free(doctor);
}

static void stage_strike(Stage *stage)
{
        g_autofree char *secret = g_build_filename(stage->folder, "secret", NULL);
        g_autofree char *token = g_build_filename(stage->folder, "token", NULL);
        g_autofree char *keys = g_build_filename(stage->folder, "keys", NULL);

        clock_set_wall_for_tests(0);
        json_decref(stage->report);
        fetcher_free(stage->fetcher);
        fake_provider_free(stage->provider);
        issuer_settings_free(stage->settings);
        g_free(stage->token);
        g_unlink(secret);
        g_unlink(token);
        g_unlink(keys);
        g_assert_cmpint(g_rmdir(stage->folder), ==, 0);
        g_free(stage->folder);
        g_main_context_pop_thread_default(stage->context);
        g_main_context_unref(stage->context);
}

/* ---- the report ---- */

static const json_t *finding(const Stage *stage, const char *check)
{
        const json_t *one;
        size_t i;

        json_array_foreach (json_object_get(stage->report, "findings"), i, one)
                if (g_strcmp0(json_string_value(json_object_get(one, "check")), check) == 0)
                        return one;
        return NULL;
}

static const char *said(const json_t *one, const char *member)
{
        return json_string_value(json_object_get(one, member));
}

/* What is not well has an advice or a reason; what is well has no advice. */
static void assert_advised(const Stage *stage)
{
        const json_t *one;
        size_t i;

        json_array_foreach (json_object_get(stage->report, "findings"), i, one) {
                bool ok = g_str_equal(said(one, "result"), "ok");
                bool skipped = g_str_equal(said(one, "result"), "skipped");

                g_assert_cmpuint(strlen(said(one, "found")), >, 0);
                if (!skipped)
                        g_assert_true(ok == (strlen(said(one, "advice")) == 0));
        }
}

static void assert_no_secret(const Stage *stage)
{
        g_autofree char *text = json_dumps(stage->report, 0);

        g_assert_null(strstr(text, CLIENT_SECRET));
        g_assert_null(strstr(text, FETCH_TOKEN));
        g_assert_null(strstr(text, stage->token));
}

static void assert_part(const char *text, const char *part)
{
        if (!strstr(text, part))
                g_error("\"%s\" is not in \"%s\"", part, text);
}

/* ---- settings of rows ---- */

static void without_client(Stage *stage)
{
        put_text(&stage->settings->client.client_id, NULL);
}

static void no_keys(Stage *stage)
{
        serve(stage, FAKE_PROVIDER_KEYS_PATH, 404, "", "");
}

static void secret_is_gone(Stage *stage)
{
        put_text(&stage->settings->client.secret_file, g_strdup("/nonexistent/secret"));
}

static void only_rs256(Stage *stage)
{
        stage->settings->algorithms = 1u << ALG_RS256;
}

static void without_rs256(Stage *stage)
{
        g_autofree char *keys = jwks_of("a p1");

        stage->settings->algorithms = 1u << ALG_EDDSA;
        serve(stage, FAKE_PROVIDER_KEYS_PATH, 200, "", keys);
}

static void nobody_there(Stage *stage)
{
        put_text(&stage->settings->fetch_url, g_strdup("http://127.0.0.1:1/realms/fake"));
}

static void plain_elsewhere(Stage *stage)
{
        put_text(&stage->settings->fetch_url, g_strdup("http://192.0.2.1/realms/fake"));
}

static void fetch_token(Stage *stage)
{
        stage->settings->fetch_token_file = file_of(stage, "token", FETCH_TOKEN "\n");
}

static void fetch_token_of_two_lines(Stage *stage)
{
        stage->settings->fetch_token_file = file_of(stage, "token", FETCH_TOKEN "\r\nX-Other: 1\n");
}

static void fetch_token_is_empty(Stage *stage)
{
        stage->settings->fetch_token_file = file_of(stage, "token", "\n");
}

static void fetch_token_is_gone(Stage *stage)
{
        stage->settings->fetch_token_file = g_strdup("/nonexistent/token");
}

static void keys_file(Stage *stage)
{
        g_autofree char *keys = jwks_of("a enc1");

        stage->settings->keys_file = file_of(stage, "keys", keys);
}

static void keys_file_is_gone(Stage *stage)
{
        stage->settings->keys_file = g_strdup("/nonexistent/keys");
}

static void wants_signed(Stage *stage)
{
        stage->settings->introspection_signed = true;
}

static void answers_signed(Stage *stage)
{
        wants_signed(stage);
        serve_signed(stage, SIGNED_ANSWER);
}

static void answers_signed_without_claim(Stage *stage)
{
        serve_signed(stage, "{'iss':'URL','aud':'authd','iat':1792000000,'active':true}");
}

static void answers_forged(Stage *stage)
{
        g_autofree char *jwt = compact(stage, SIGNED_HEADER, SIGNED_ANSWER);
        g_autofree char *cut = g_strndup(jwt, strlen(jwt) - 8);
        g_autofree char *forged = g_strconcat(cut, "AAAAAAAA", NULL);

        fake_provider_serve(stage->provider, INTROSPECT_PATH, 200, SIGNED_TYPE, forged);
}

static void introspection_elsewhere(Stage *stage)
{
        g_autofree char *url = g_strconcat(stage->settings->url, "/elsewhere", NULL);

        put_text(&stage->settings->introspection_url, g_steal_pointer(&url));
        serve(stage, FAKE_PROVIDER_ISSUER_PATH "/elsewhere", 200, JSON_TYPE, "{'active':true}");
        serve(stage, INTROSPECT_PATH, 404, "", "");
}

static const char *const orders[] = { "orders", NULL };
static const char *const warehouse[] = { "warehouse", NULL };
static const char *const either[] = { "warehouse", "orders", NULL };
static const char *const read_scope[] = { "orders:read", NULL };
static const char *const both_scopes[] = { "orders:read", "orders:write", NULL };
static const char *const both_roles[] = { "orders:writer", "orders:reader", NULL };
static const char *const staff[] = { "realm:staff", NULL };
static const char *const boss[] = { "realm:boss", NULL };
static const char *const client_named_realm[] = { "realm:x:staff", NULL };
static const char *const platform[] = { "/eng/platform", NULL };
static const char *const bare_group[] = { "platform", NULL };

#define POLICY(name, member, value)                                                                \
        static void name(Stage *stage)                                                             \
        {                                                                                          \
                stage->policy.member = value;                                                      \
        }
POLICY(for_orders, audience, orders)
POLICY(for_warehouse, audience, warehouse)
POLICY(for_either, audience, either)
POLICY(scopes_read, scopes, read_scope)
POLICY(scopes_both, scopes, both_scopes)
POLICY(scopes_either, scopes_any, both_scopes)
POLICY(roles_either, roles, both_roles)
POLICY(roles_both, roles_all, both_roles)
POLICY(roles_staff, roles, staff)
POLICY(roles_boss, roles, boss)
POLICY(roles_dotted, roles, client_named_realm)
POLICY(groups_platform, groups, platform)
POLICY(groups_bare, groups, bare_group)
POLICY(subject_may_lack, subject_optional, true)

static void introspects_for_orders(Stage *stage)
{
        stage->policy.introspects = true;
        stage->policy.audience = orders;
}

static void groups_elsewhere(Stage *stage)
{
        stage->policy.groups = platform;
        stage->policy.groups_claim = "teams";
}

/* ---- the rows ---- */

#define DISCOVERY  FAKE_PROVIDER_DISCOVERY_PATH
#define KEYS       FAKE_PROVIDER_KEYS_PATH

#define DATE(time) "Date: Wed, 14 Oct 2026 " time " GMT\r\n"
#define P256                                                                                       \
        "'kty':'EC','crv':'P-256','x':'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',"              \
        "'y':'4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM'"
#define ED25519        "'kty':'OKP','crv':'Ed25519','x':'" JWKS_ED25519_X "'"
#define REFUSED(words) "{'error':" words "}"

static const Row rows[] = {
        { "discovery is there", .check = "discovery", .result = "ok", .found = "answers" },
        { "nobody listens", .set = nobody_there, .check = "discovery", .result = "failed",
          .found = "refused", .advice = "fetch_url" },
        { "nobody listens: the rest is skipped", .set = nobody_there, .check = "keys",
          .result = "skipped", .found = "discovery failed" },
        { "nobody listens: policies are skipped", .set = nobody_there, .check = "policy orders",
          .result = "skipped", .found = "discovery failed" },
        { "plain http beyond loopback", .set = plain_elsewhere, .check = "discovery",
          .result = "failed", .found = "plain http", .advice = "https" },
        { "a redirect", DISCOVERY, 302, "Location: http://127.0.0.1/\r\n", "", .check = "discovery",
          .result = "failed", .found = "302", .advice = "no redirects" },
        { "no such realm", DISCOVERY, 404, NULL, "", .check = "discovery", .result = "failed",
          .found = "404", .advice = "realms/REALM" },
        { "discovery wants a token", DISCOVERY, 403, NULL, "", .check = "discovery",
          .result = "failed", .found = "403", .advice = "fetch_token_file" },
        { "too many questions", DISCOVERY, 429, "Retry-After: 9\r\n", "", .check = "discovery",
          .result = "failed", .found = "429", .advice = "limit" },
        { "the provider is in trouble", DISCOVERY, 503, NULL, "", .check = "discovery",
          .result = "failed", .found = "503", .advice = "log" },
        { "a token is there for who wants one", .set = fetch_token, .check = "discovery",
          .result = "ok", .found = "answers" },
        { "a token that cannot be read", .set = fetch_token_is_gone, .check = "discovery",
          .result = "failed", .found = "/nonexistent/token", .advice = "right to read" },
        { "a token that would end its header", .set = fetch_token_of_two_lines,
          .check = "discovery", .result = "failed", .found = "no bearer token",
          .advice = "right to read" },
        { "an empty token", .set = fetch_token_is_empty, .check = "discovery", .result = "failed",
          .found = "no bearer token", .advice = "name another" },
        { "plain http on loopback", .check = "certificate", .result = "ok", .found = "plain http" },

        { "clocks agree", .check = "clock", .result = "ok", .found = "agrees" },
        { "two seconds ahead", DISCOVERY, 200, DATE("17:46:42"), NULL, .check = "clock",
          .result = "ok", .found = "agrees" },
        { "three seconds ahead, within leeway", DISCOVERY, 200, DATE("17:46:43"), NULL,
          .check = "clock", .result = "warning", .found = "3 s ahead", .advice = "NTP" },
        { "five seconds ahead, at the edge of leeway", DISCOVERY, 200, DATE("17:46:45"), NULL,
          .check = "clock", .result = "warning", .found = "5 s ahead", .advice = "NTP" },
        { "six seconds ahead, beyond it", DISCOVERY, 200, DATE("17:46:46"), NULL, .check = "clock",
          .result = "failed", .found = "6 s ahead", .advice = "NTP" },
        { "two seconds behind", DISCOVERY, 200, DATE("17:46:38"), NULL, .check = "clock",
          .result = "ok", .found = "agrees" },
        { "a day behind", DISCOVERY, 200, "Date: Tue, 13 Oct 2026 17:46:40 GMT\r\n", NULL,
          .check = "clock", .result = "failed", .found = "86400 s behind", .advice = "NTP" },
        { "no Date, but a token of our own", DISCOVERY, 200, NULL, NULL, .check = "clock",
          .result = "ok", .found = "agrees" },
        { "no Date, and our token is from tomorrow", DISCOVERY, 200, NULL, NULL,
          .claims = "{'iss':'URL','sub':'7','exp':1792086500,'iat':1792086400}", .check = "clock",
          .result = "failed", .found = "86400 s ahead", .advice = "NTP" },
        { "a Date counts more than our token", .check = "clock", .result = "ok",
          .claims = "{'iss':'URL','sub':'7','exp':1792086500,'iat':1792086400}",
          .found = "agrees" },
        { "neither Date nor token", DISCOVERY, 200, NULL, NULL, .set = without_client,
          .check = "clock", .result = "skipped", .found = "neither a Date header" },
        { "no Date and no keys", DISCOVERY, 200, NULL, NULL, .set = no_keys, .check = "clock",
          .result = "skipped", .found = "neither a Date header" },
        { "the clock of one that refuses", DISCOVERY, 503, DATE("17:48:40"), "", .check = "clock",
          .result = "failed", .found = "120 s ahead", .advice = "NTP" },

        { "a good document", .check = "document", .result = "ok", .found = "to the byte" },
        { "a page", DISCOVERY, 200, NULL, "<html>Sign in</html>", .check = "document",
          .result = "failed", .found = "JSON", .advice = "curl" },
        { "half a document", DISCOVERY, 200, NULL, "{'issuer':'URL','jwks", .check = "document",
          .result = "failed", .found = "JSON", .advice = "curl" },
        { "another issuer", DISCOVERY, 200, NULL,
          "{'issuer':'https://other.example','jwks_uri':'URL/certs'}", .check = "document",
          .result = "failed", .found = "https://other.example", .advice = "Frontend URL" },
        { "a name with control characters", DISCOVERY, 200, NULL,
          "{'issuer':'a\\u001b[31m\\n','jwks_uri':'URL/certs'}", .check = "document",
          .result = "failed", .found = "a [31m", .advice = "Frontend URL" },
        { "a token endpoint by plain http elsewhere", DISCOVERY, 200, NULL,
          "{'issuer':'URL','jwks_uri':'URL/certs','token_endpoint':'http://192.0.2.1/t'}",
          .check = "document", .result = "failed", .found = "token_endpoint", .advice = "curl" },
        { "a development issuer", DISCOVERY, 200, NULL,
          "{'issuer':'URL','jwks_uri':'URL/certs','authd_development_issuer':true}",
          .check = "document", .result = "warning", .found = "development",
          .advice = "allow_development_issuers" },

        { "keys are there", .check = "keys", .result = "ok", .found = "1 usable: a (OKP, " },
        { "no keys page", KEYS, 404, NULL, "", .check = "keys", .result = "failed", .found = "404",
          .advice = "url" },
        { "no keys: what hangs on them is skipped", KEYS, 404, NULL, "", .check = "algorithms",
          .result = "skipped", .found = "there are no keys" },
        { "no keys: the client is looked at all the same", KEYS, 404, NULL, "",
          .check = "client_credentials", .result = "ok", .found = "got a token" },
        { "no keys: our token cannot be believed", KEYS, 404, NULL, "", .check = "own token",
          .result = "failed", .found = "not in the key set", .advice = "refused" },
        { "only keys that encrypt", KEYS, 200, NULL, "{'keys':[{" ED25519 ",'use':'enc'}]}",
          .check = "keys", .result = "failed", .found = "usable", .advice = "signatures" },
        { "a key that encrypts is left out", .check = "keys left out", .result = "ok",
          .found = "enc1" },
        { "none is left out", KEYS, 200, NULL, "{'keys':[{" ED25519 ",'kid':'a'}]}",
          .check = "keys left out", .result = "ok", .found = "none" },
        { "a private key among them", KEYS, 200, NULL,
          "{'keys':[{" ED25519 ",'kid':'a'},{" P256 ",'kid':'b','d':'AA'}]}",
          .check = "keys left out", .result = "warning", .found = "b: ", .advice = "PRIVATE" },
        { "a weak key among them", KEYS, 200, NULL,
          "{'keys':[{" ED25519 ",'kid':'a'},{'kty':'RSA','n':'sXch','e':'AQAB'}]}",
          .check = "keys left out", .result = "warning",
          .found = "number 2: ", .advice = "2048 bits" },
        { "one kid for two keys", KEYS, 200, NULL,
          "{'keys':[{" ED25519 ",'kid':'a'},{'kty':'OKP','crv':'Ed25519','kid':'a','x':"
          "'PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw'}]}",
          .check = "keys", .result = "failed", .found = "of no use: duplicate",
          .advice = "rename" },
        { "every algorithm", .check = "algorithms", .result = "ok", .found = "every key" },
        { "algorithms without that of the keys", .set = only_rs256, .check = "algorithms",
          .result = "failed", .found = "a (OKP", .advice = "algorithms" },
        { "algorithms without that of one key", .set = without_rs256, .check = "algorithms",
          .result = "warning", .found = "p1 (EC, 256 bits)", .advice = "algorithms" },
        { "Cache-Control is kept", .check = "refresh", .result = "ok",
          .found = "max-age=60; keys are asked for anew every 60 s" },
        { "no Cache-Control", KEYS, 200, NULL, NULL, .check = "refresh", .result = "ok",
          .found = "none; keys are asked for anew every 300 s" },
        { "no-store", KEYS, 200, "Cache-Control: no-store\r\n", NULL, .check = "refresh",
          .result = "ok", .found = "every 30 s" },
        { "a year", KEYS, 200, "Cache-Control: max-age=31536000\r\n", NULL, .check = "refresh",
          .result = "ok", .found = "every 900 s" },
        { "a file of keys", .set = keys_file, .check = "keys", .result = "ok",
          .found = "1 usable: a" },
        { "a file of keys: nothing is fetched", .set = keys_file, .check = "discovery",
          .result = "skipped", .found = "never asked" },
        { "a file of keys that is gone", .set = keys_file_is_gone, .check = "keys",
          .result = "failed", .found = "/nonexistent/keys", .advice = "right to read" },

        { "a client", .check = "client", .result = "ok", .found = "authd, by client_secret_basic" },
        { "no client", .set = without_client, .check = "client", .result = "skipped",
          .found = "no client_id in [issuer fake]", .advice = "client_secret_file" },
        { "no client: policies are skipped", .set = without_client, .check = "policy orders",
          .result = "skipped", .found = "no client to ask as" },
        { "a secret that cannot be read", .set = secret_is_gone, .check = "client",
          .result = "failed", .found = "/nonexistent/secret", .advice = "right to read" },
        { "a method that is not offered", DISCOVERY, 200, NULL,
          "{'issuer':'URL','jwks_uri':'URL/certs','token_endpoint':'URL/token',"
          "'token_endpoint_auth_methods_supported':['private_key_jwt']}",
          .check = "client", .result = "warning", .found = "does not offer",
          .advice = "client_auth" },
        { "no token endpoint", DISCOVERY, 200, NULL, "{'issuer':'URL','jwks_uri':'URL/certs'}",
          .check = "client_credentials", .result = "skipped", .found = "no token_endpoint" },

        { "a token of our own", .check = "client_credentials", .result = "ok",
          .found = "got a token" },
        { "a wrong secret", TOKEN_PATH, 401, NULL, REFUSED("'invalid_client'"),
          .check = "client_credentials", .result = "failed", .found = "does not believe",
          .advice = "Clients → authd → Credentials" },
        { "a wrong secret, as Keycloak says it", TOKEN_PATH, 401, NULL,
          REFUSED("'unauthorized_client','error_description':'Invalid client or Invalid client "
                  "credentials'"),
          .check = "client_credentials", .result = "failed", .found = "does not believe",
          .advice = "client_secret_file" },
        { "a wrong secret: introspection is skipped", TOKEN_PATH, 401, NULL,
          REFUSED("'invalid_client'"), .check = "introspection", .result = "skipped",
          .found = "no token of its own" },
        { "a provider that says our secret aloud", TOKEN_PATH, 400, NULL,
          REFUSED("'unauthorized_client','error_description':'service account, not " CLIENT_SECRET
                  "'"),
          .check = "client_credentials", .result = "warning", .found = "no service account",
          .advice = "Service accounts roles = On" },
        { "no service account: we may ask all the same", TOKEN_PATH, 400, NULL,
          REFUSED("'unauthorized_client','error_description':'Client not enabled to retrieve "
                  "service account'"),
          .set = NULL, .check = "own token", .result = "skipped", .found = "no token of its own" },
        { "no such grant", TOKEN_PATH, 400, NULL, REFUSED("'unsupported_grant_type'"),
          .check = "client_credentials", .result = "warning", .found = "no client_credentials",
          .advice = "policies" },
        { "an error of its own making", TOKEN_PATH, 400, NULL, REFUSED("'" CLIENT_SECRET "'"),
          .check = "client_credentials", .result = "failed", .found = "400", .advice = "url" },
        { "the token endpoint is in trouble", TOKEN_PATH, 500, NULL, "", .result = "failed",
          .check = "client_credentials", .found = "500", .advice = "log" },
        { "a page from the token endpoint", TOKEN_PATH, 200, NULL, "<html>",
          .check = "client_credentials", .result = "failed", .found = "no access_token",
          .advice = "token_endpoint" },
        { "a token that is a number", TOKEN_PATH, 200, NULL, "{'access_token':7}",
          .check = "client_credentials", .result = "failed", .found = "no access_token",
          .advice = "token_endpoint" },

        { "our token is looked at", .check = "own token", .result = "ok",
          .found = "EdDSA, kind access, azp authd, with sub, lives 300 s" },
        { "an opaque one", TOKEN_PATH, 200, NULL, "{'access_token':'0123456789abcdef'}",
          .check = "own token", .result = "ok", .found = "opaque" },
        { "a light one", .claims = CLAIMS_WITH(""), .check = "own token", .result = "ok",
          .found = "without sub (lightweight)" },
        { "a forged one", TOKEN_PATH, 200, NULL, "{'access_token':'TOKENx'}", .check = "own token",
          .result = "failed", .found = "", .advice = "Access token signature algorithm" },
        { "a key that is not published", .header = "{'alg':'EdDSA','kid':'b'}",
          .check = "own token", .result = "failed", .found = "not in the key set",
          .advice = "Access token signature algorithm" },
        { "an algorithm that is not allowed", .set = only_rs256, .check = "own token",
          .result = "failed", .found = "not among algorithms", .advice = "Clients → authd" },
        { "an issuer of another name", .claims = "{'iss':'https://other.example','exp':1792000300}",
          .check = "own token", .result = "failed", .found = "iss is https://other.example",
          .advice = "--hostname" },
        { "claims that are no claims", .claims = "{'iss':'URL','exp':'soon'}", .check = "own token",
          .result = "failed", .found = "exp", .advice = "refused" },

        { "we may introspect", .check = "introspection", .result = "ok", .found = "may ask" },
        { "active false, and we are not in its aud", INTROSPECT_PATH, 200, JSON_TYPE,
          "{'active':false}", .claims = CLAIMS_WITH(",'sub':'7','aud':'account'"),
          .check = "introspection", .result = "failed", .found = "authd is not in its aud",
          .advice = "Included Client Audience = authd" },
        { "active false, and we are in its aud", INTROSPECT_PATH, 200, JSON_TYPE,
          "{'active':false}", .check = "introspection", .result = "failed",
          .found = "which is for our client", .advice = "INTROSPECT_TOKEN_ERROR" },
        { "active is a word", INTROSPECT_PATH, 200, JSON_TYPE, "{'active':'true'}",
          .check = "introspection", .result = "failed", .found = "neither true nor false",
          .advice = "introspection_url" },
        { "a page from introspection", INTROSPECT_PATH, 200, JSON_TYPE, "<html>",
          .check = "introspection", .result = "failed", .found = "JSON object",
          .advice = "introspection_url" },
        { "introspection forbidden", INTROSPECT_PATH, 403, NULL, "", .check = "introspection",
          .result = "failed", .found = "403", .advice = "who asks" },
        { "active, of somebody else", INTROSPECT_PATH, 200, JSON_TYPE,
          "{'active':true,'sub':'other'}", .check = "introspection", .result = "failed",
          .found = "sub", .advice = "introspection_url" },
        { "active, with claims of another type", INTROSPECT_PATH, 200, JSON_TYPE,
          "{'active':true,'exp':'soon'}", .claims = CLAIMS_WITHOUT_TIMES, .check = "introspection",
          .result = "failed", .found = "exp", .advice = "introspection_url" },
        { "a signed answer", .set = answers_signed, .check = "introspection", .result = "ok",
          .found = "may ask" },
        { "a signed answer without its claim", .set = answers_signed_without_claim,
          .check = "introspection", .result = "failed", .found = "token_introspection",
          .advice = "introspection_signed" },
        { "a forged answer", .set = answers_forged, .check = "introspection", .result = "failed",
          .found = "signature", .advice = "introspection_signed" },
        { "an unsigned answer where a signed one is wanted", .set = wants_signed,
          .check = "introspection", .result = "failed", .found = "sign",
          .advice = "introspection_signed" },
        { "no introspection endpoint", DISCOVERY, 200, NULL,
          "{'issuer':'URL','jwks_uri':'URL/certs','token_endpoint':'URL/token'}",
          .check = "introspection", .result = "skipped", .found = "no introspection_endpoint" },
        { "an introspection_url of our own", .set = introspection_elsewhere,
          .check = "introspection", .result = "ok", .found = "may ask" },

        { "the audience is there", .set = for_orders, .check = "policy orders: audience",
          .result = "ok", .found = "authd, orders; wanted: orders" },
        { "one of two audiences is enough", .set = for_either, .check = "policy orders: audience",
          .result = "ok", .found = "one of warehouse, orders" },
        { "the audience is missing", .set = for_warehouse, .check = "policy orders: audience",
          .result = "warning", .found = "of the service account of authd: authd, orders",
          .advice = "Configure a new mapper → Audience: Included Client Audience = warehouse" },
        { "no audience at all", .set = for_orders, .claims = CLAIMS_WITH(",'sub':'7'"),
          .check = "policy orders: audience", .result = "warning", .found = ": none;",
          .advice = "only authd's own token" },
        { "the scope is there", .set = scopes_read, .check = "policy orders: scopes",
          .result = "ok", .found = "orders:read profile" },
        { "one of all scopes is missing", .set = scopes_both, .check = "policy orders: scopes",
          .result = "warning", .found = "all of orders:read, orders:write",
          .advice = "Name = orders:write" },
        { "one of any scopes is there", .set = scopes_either, .check = "policy orders: scopes_any",
          .result = "ok", .found = "one of orders:read" },
        { "one of the roles is there", .set = roles_either, .check = "policy orders: roles",
          .result = "ok", .found = "roles of the service account of authd" },
        { "one of all roles is missing", .set = roles_both, .check = "policy orders: roles_all",
          .result = "warning", .found = "reader; wanted: all of", .advice = "Create role writer" },
        { "a role of the realm", .set = roles_staff, .check = "policy orders: roles",
          .result = "ok", .found = "staff" },
        { "a missing role of the realm", .set = roles_boss, .check = "policy orders: roles",
          .result = "warning", .found = "staff; wanted: realm:boss",
          .advice = "Realm roles → Create role boss" },
        { "a client's name that begins as the realm's", .set = roles_dotted,
          .check = "policy orders: roles", .result = "warning", .found = "none",
          .advice = "Clients → realm:x → Roles" },
        { "the group is there", .set = groups_platform, .check = "policy orders: groups",
          .result = "ok", .found = "/eng/platform" },
        { "a group without its path", .set = groups_bare, .check = "policy orders: groups",
          .result = "warning", .found = "wanted: platform", .advice = "Full group path = Off" },
        { "groups in another claim", .set = groups_elsewhere, .check = "policy orders: groups",
          .result = "warning", .found = "none", .advice = "Token Claim Name = teams" },
        { "a full path is wanted", .set = groups_platform, .claims = CLAIMS_WITH(""),
          .check = "policy orders: groups", .result = "warning", .found = "none",
          .advice = "Full group path = On" },
        { "sub is there", .check = "policy orders: subject", .result = "ok", .found = "there" },
        { "sub is missing, and introspection has none", INTROSPECT_PATH, 200, JSON_TYPE,
          "{'active':true}", .claims = CLAIMS_WITH(""), .check = "policy orders: subject",
          .result = "warning", .found = "none", .advice = "basic" },
        { "sub is missing, and introspection has it", .claims = CLAIMS_WITH(""),
          .check = "policy orders: subject", .result = "ok", .found = "there" },
        { "a policy that introspects is judged by the answer, too",
          .claims = CLAIMS_WITH(",'sub':'7e2f'"), .set = introspects_for_orders,
          .check = "policy orders: audience", .result = "ok", .found = ": orders; wanted" },
        { "one that does not is judged by the token, and told that introspection knows more",
          .claims = CLAIMS_WITH(",'sub':'7e2f'"), .set = for_orders,
          .check = "policy orders: audience", .result = "warning", .found = ": none; wanted",
          .advice = "introspect = always, or max-age 30s, in [policy orders]" },
        { "neither token nor answer have it", .claims = CLAIMS_WITH(",'sub':'7e2f'"),
          .set = for_warehouse, .check = "policy orders: audience", .result = "warning",
          .found = ": none; wanted", .advice = "Included Client Audience = warehouse" },
        { "what the token says itself counts more than the answer", .set = introspects_for_orders,
          .check = "policy orders: audience", .result = "ok", .found = ": authd, orders; wanted" },
        { "an opaque token is judged by the answer", TOKEN_PATH, 200, NULL,
          "{'access_token':'0123456789abcdef'}", .set = for_orders,
          .check = "policy orders: audience", .result = "ok", .found = "orders" },
        { "a forged token is judged by nothing but the answer", TOKEN_PATH, 200, NULL,
          "{'access_token':'TOKENx'}", .set = for_warehouse, .check = "policy orders: audience",
          .result = "warning", .found = ": orders; wanted", .advice = "warehouse" },
};

static void serve_row(Stage *stage, const Row *row)
{
        g_autofree char *keys = jwks_of("a enc1");
        const char *usual = g_strcmp0(row->path, KEYS) == 0 ? keys : GOOD_DOCUMENT;

        if (row->path)
                serve(stage, row->path, row->status, row->headers, row->body ? row->body : usual);
}

static void run_row(const void *data)
{
        const Row *row = data;
        const json_t *one;
        Stage stage;

        stage_set(&stage);
        stage_serve(&stage, row->claims, row->header);
        serve_row(&stage, row);
        if (row->set)
                row->set(&stage);
        stage_run(&stage);
        assert_advised(&stage);
        assert_no_secret(&stage);
        one = finding(&stage, row->check);
        g_assert_nonnull(one);
        g_assert_cmpstr(said(one, "result"), ==, row->result);
        assert_part(said(one, "found"), row->found);
        if (row->advice)
                assert_part(said(one, "advice"), row->advice);
        else
                g_assert_cmpstr(said(one, "advice"), ==, "");
        stage_strike(&stage);
}

/* ---- the whole ---- */

static void test_all_well(void)
{
        const json_t *one;
        Stage stage;
        size_t i;

        stage_set(&stage);
        for_orders(&stage);
        stage_serve(&stage, NULL, NULL);
        stage_run(&stage);
        g_assert_cmpstr(said(stage.report, "result"), ==, "ok");
        g_assert_cmpstr(said(stage.report, "issuer"), ==, "fake");
        g_assert_cmpstr(said(stage.report, "url"), ==, fake_provider_url(stage.provider));
        json_array_foreach (json_object_get(stage.report, "findings"), i, one)
                g_assert_cmpstr(said(one, "result"), ==, "ok");
        g_assert_cmpuint(i, ==, 14); /* twelve checks; audience and subject of the policy */
        stage_strike(&stage);
}

static void test_no_subject_wanted(void)
{
        Stage stage;

        stage_set(&stage);
        subject_may_lack(&stage);
        stage_serve(&stage, NULL, NULL);
        stage_run(&stage);
        g_assert_null(finding(&stage, "policy orders: subject"));
        stage_strike(&stage);
}

static void test_worst_counts(void)
{
        Stage stage;

        stage_set(&stage);
        for_warehouse(&stage);
        stage_serve(&stage, NULL, NULL);
        stage_run(&stage);
        g_assert_cmpstr(said(stage.report, "result"), ==, "warning");
        stage_strike(&stage);

        stage_set(&stage);
        for_warehouse(&stage);
        stage_serve(&stage, NULL, NULL);
        serve(&stage, INTROSPECT_PATH, 500, "", "");
        stage_run(&stage);
        g_assert_cmpstr(said(stage.report, "result"), ==, "failed");
        stage_strike(&stage);
}

static void test_many_policies(void)
{
        const json_t *last;
        Stage stage;

        stage_set(&stage);
        for_warehouse(&stage);
        stage.n_policies = 300;
        stage_serve(&stage, NULL, NULL);
        stage_run(&stage);
        g_assert_cmpuint(json_array_size(json_object_get(stage.report, "findings")), ==,
                         DOCTOR_FINDINGS_MAX);
        last = finding(&stage, "more");
        g_assert_nonnull(last);
        g_assert_cmpstr(said(last, "found"), ==, "485 more findings are not shown");
        g_assert_cmpstr(said(stage.report, "result"), ==, "warning");
        stage_strike(&stage);
}

static void test_skipped_is_not_worst(void)
{
        Stage stage;

        stage_set(&stage);
        without_client(&stage);
        stage_serve(&stage, NULL, NULL);
        stage_run(&stage);
        g_assert_cmpstr(said(stage.report, "result"), ==, "ok");
        stage_strike(&stage);
}

/* Of two bytes a letter, so that a cut may fall between them. */
static void test_long_text(void)
{
        g_autoptr(GString) name = g_string_new("n");
        const char *scopes[] = { NULL, NULL };
        const char *advice;
        Stage stage;

        for (unsigned i = 0; i < FINDING_TEXT_MAX; i++)
                g_string_append(name, "ü");
        scopes[0] = name->str;
        stage_set(&stage);
        stage.policy.scopes = scopes;
        stage_serve(&stage, NULL, NULL);
        stage_run(&stage);
        advice = said(finding(&stage, "policy orders: scopes"), "advice");
        g_assert_cmpuint(strlen(advice), <=, FINDING_TEXT_MAX);
        g_assert_cmpuint(strlen(advice), >, FINDING_TEXT_MAX - 8);
        g_assert_true(g_str_has_suffix(advice, "ü…"));
        stage_strike(&stage);
}

static void test_what_is_sent(void)
{
        g_autofree char *discovery = NULL, *keys = NULL, *grant = NULL, *question = NULL;
        Stage stage;

        stage_set(&stage);
        fetch_token(&stage);
        wants_signed(&stage);
        stage_serve(&stage, NULL, NULL);
        stage_run(&stage);
        discovery = fake_provider_head(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH);
        keys = fake_provider_head(stage.provider, FAKE_PROVIDER_KEYS_PATH);
        grant = fake_provider_head(stage.provider, TOKEN_PATH);
        question = fake_provider_head(stage.provider, INTROSPECT_PATH);
        assert_part(discovery, "Authorization: Bearer " FETCH_TOKEN "\r\n");
        assert_part(keys, "Authorization: Bearer " FETCH_TOKEN "\r\n");
        g_assert_null(strstr(grant, FETCH_TOKEN));
        assert_part(grant, "grant_type=client_credentials");
        assert_part(question, "\r\n\r\ntoken=");
        assert_part(question, stage.token);
        assert_part(question, "Accept: application/token-introspection+jwt\r\n");
        g_assert_cmpuint(fake_provider_count(stage.provider, TOKEN_PATH), ==, 1);
        stage_strike(&stage);
}

static void test_probe(void)
{
        g_autofree char *question = NULL;
        Stage stage;

        stage_set(&stage);
        stage_serve(&stage, NULL, NULL);
        serve(&stage, TOKEN_PATH, 400, "",
              "{'error':'unauthorized_client','error_description':'no service account'}");
        serve(&stage, INTROSPECT_PATH, 200, JSON_TYPE, "{'active':false}");
        stage_run(&stage);
        question = fake_provider_head(stage.provider, INTROSPECT_PATH);
        assert_part(question, "token=authd-doctor");
        g_assert_cmpstr(said(finding(&stage, "introspection"), "result"), ==, "warning");
        assert_part(said(finding(&stage, "introspection"), "found"), "takes our client");
        stage_strike(&stage);
}

/* ---- certificates; by the real clock ---- */

typedef struct CertificateRow {
        const char *sentence;
        int64_t ends_sec; /* from now */
        bool trusted;
        const char *check, *result, *found, *advice;
} CertificateRow;

#define DAY (24 * 3600)

static const CertificateRow certificates[] = {
        { "a certificate for long", 15 * DAY, true, "certificate", "ok", "valid until", "" },
        { "a certificate that ends soon", 13 * DAY, true, "certificate", "warning", "ends at",
          "Renew" },
        { "a certificate that ended", -60, true, "discovery", "failed", "not trusted", "ca_file" },
        { "a certificate of an unknown authority", DAY, false, "discovery", "failed", "not trusted",
          "ca_file" },
        { "an untrusted certificate is not looked at", DAY, false, "certificate", "skipped",
          "discovery failed", "" },
};

static void run_certificate(const void *data)
{
        const CertificateRow *row = data;
        g_autofree char *pem = NULL;
        TlsAuthority *authority = tls_authority_new();
        const TlsServerOptions options = { .address = "127.0.0.1", .ends_sec = row->ends_sec };
        TlsServer *server = tls_server_new(authority, &options);
        Doctor *doctor;
        Stage stage;

        stage_set(&stage);
        clock_set_wall_for_tests(0);
        pem = g_strdup(row->trusted ? tls_authority_pem(authority) : NULL);
        put_text(&stage.settings->url,
                 g_strdup_printf("https://127.0.0.1:%u", tls_server_port(server)));
        doctor = doctor_start(stage.fetcher, stage.settings, pem, NULL, 0, on_done, &stage);
        stage_wait(&stage);
        g_assert_cmpstr(said(finding(&stage, row->check), "result"), ==, row->result);
        assert_part(said(finding(&stage, row->check), "found"), row->found);
        assert_part(said(finding(&stage, row->check), "advice"), row->advice);
        doctor_free(doctor);
        stage_strike(&stage);
        tls_server_free(server);
        tls_authority_free(authority);
}

static void test_freed_while_asking(void)
{
        Doctor *doctor;
        Stage stage;

        stage_set(&stage);
        stage_serve(&stage, NULL, NULL);
        fake_provider_hold(stage.provider);
        doctor = stage_begin(&stage);
        for (int64_t end = g_get_monotonic_time() + PATIENCE_USEC;
             fake_provider_count(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH) == 0 &&
             g_get_monotonic_time() < end;)
                g_main_context_iteration(stage.context, FALSE);
        doctor_free(doctor);
        fake_provider_release(stage.provider);
        for (int64_t end = g_get_monotonic_time() + 30 * 1000; g_get_monotonic_time() < end;)
                g_main_context_iteration(stage.context, FALSE);
        g_assert_cmpuint(stage.n_done, ==, 0);
        stage_strike(&stage);
}

static void test_freed_by_done(void)
{
        Stage stage;

        stage_set(&stage);
        stage_serve(&stage, NULL, NULL);
        stage.frees = stage_begin(&stage);
        stage_wait(&stage);
        g_assert_cmpuint(stage.n_done, ==, 1);
        stage_strike(&stage);

        stage_set(&stage);
        keys_file(&stage);
        stage_serve(&stage, NULL, NULL);
        stage.frees = stage_begin(&stage);
        stage_wait(&stage);
        g_assert_cmpuint(fake_provider_count(stage.provider, FAKE_PROVIDER_DISCOVERY_PATH), ==, 0);
        stage_strike(&stage);

        stage_set(&stage);
        keys_file(&stage);
        stage_serve(&stage, NULL, NULL);
        doctor_free(stage_begin(&stage));
        while (g_main_context_iteration(stage.context, FALSE))
                ;
        g_assert_cmpuint(stage.n_done, ==, 0);
        stage_strike(&stage);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdelimit(g_strdup(rows[i].sentence), "/", '|');
                g_autofree char *path = g_strdup_printf("/doctor/%s", name);

                g_test_add_data_func(path, &rows[i], run_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(certificates); i++) {
                g_autofree char *path = g_strdup_printf("/doctor/%s", certificates[i].sentence);

                g_test_add_data_func(path, &certificates[i], run_certificate);
        }
        g_test_add_func("/doctor/all is well", test_all_well);
        g_test_add_func("/doctor/the worst result is the whole's", test_worst_counts);
        g_test_add_func("/doctor/no subject is wanted", test_no_subject_wanted);
        g_test_add_func("/doctor/many policies", test_many_policies);
        g_test_add_func("/doctor/what is skipped does no harm", test_skipped_is_not_worst);
        g_test_add_func("/doctor/a long text is cut", test_long_text);
        g_test_add_func("/doctor/what is sent to whom", test_what_is_sent);
        g_test_add_func("/doctor/without a token it asks whether it may ask", test_probe);
        g_test_add_func("/doctor/freed while it asks", test_freed_while_asking);
        g_test_add_func("/doctor/freed by its own answer", test_freed_by_done);
        return g_test_run();
}

/* bench_check: a token never seen, through check_token, on one core.
 *
 * Beside two limits: what "openssl speed" gives for the signature alone, and a loop of EVP and
 * jansson with its contexts reused, which is what a careful service would write by hand. */
#include "ratio.h"

#include "token/base64url.h"
#include "verdict/check.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKENS_N 2000
#define SIDE_SEC 1.0
#define ISSUER   "https://sso.example.com/realms/holodeck"
#define NOW      INT64_C(1790000000)

/* CLAIMS: 855 bytes in Keycloak's shape; %d makes each token another one. */
#define CLAIMS                                                                                     \
        "{\"exp\":1790000300,\"iat\":1790000000,\"auth_time\":1789999990,\"jti\":\"onrtac:%08d-"   \
        "4b1e-4a3c-9d0e-"                                                                          \
        "1f2a3b4c5d6e\",\"iss\":\"" ISSUER                                                         \
        "\",\"aud\":[\"orders\",\"account\"],\"sub\":\"f2b1c7de-6d0a-4f5e-8a57-"                   \
        "0c9a8be3a111\",\"typ\":\"Bearer\",\"azp\":\"web-frontend\",\"sid\":\"5a4b3c2d-1e0f-4a9b-" \
        "8c7d-"                                                                                    \
        "6e5f4a3b2c1d\",\"acr\":\"1\",\"allowed-origins\":[\"https://"                             \
        "app.example.com\"],\"realm_access\":"                                                     \
        "{\"roles\":[\"default-roles-holodeck\",\"offline_access\",\"uma_authorization\"]},"       \
        "\"resource_access\":"                                                                     \
        "{\"orders\":{\"roles\":[\"reader\"]},\"account\":{\"roles\":[\"manage-account\",\"view-"  \
        "profile\"]}},"                                                                            \
        "\"scope\":\"openid profile email orders:read\",\"email_verified\":true,\"name\":\"Alice " \
        "Anderson\","                                                                              \
        "\"groups\":[\"/eng/"                                                                      \
        "platform\"],\"preferred_username\":\"alice\",\"given_name\":\"Alice\",\"family_name\":"   \
        "\"Anderson\",\"email\":\"alice@example.com\"}"

typedef struct Kind {
        const char *alg;
        const char *jwk_head;
        const char *speed;      /* the algorithm's name for openssl speed */
        const char *speed_mark; /* its line in -mr output */
        double goal;
} Kind;

static const Kind kinds[] = {
        { "RS256", "\"kty\":\"RSA\"", "rsa2048", "+F2:", 0.40 },
        { "ES256", "\"kty\":\"EC\",\"crv\":\"P-256\"", "ecdsap256", "+F4:", 0.65 },
        { "EdDSA", "\"kty\":\"OKP\",\"crv\":\"Ed25519\"", "ed25519", "+F6:", 0.78 },
};

typedef struct Bench {
        const Kind *kind;
        EVP_PKEY *pkey;
        char *tokens[TOKENS_N];
        ClaimsCache *cache;
        Checker *checker;
        IssuerView *view;
        Policy *policy;
        EVP_MD_CTX *loop_context;
        size_t next;
} Bench;

static void die(const char *what)
{
        fprintf(stderr, "bench_check: %s\n", what);
        exit(1);
}

static void append_base64url(GString *out, const void *data, size_t len)
{
        g_autofree char *text = g_malloc(BASE64URL_ENCODED_MAX(len));
        size_t n = base64url_encode(span_of(data, len), text);

        g_string_append_len(out, text, (gssize) n);
}

static EVP_PKEY *make_key(const Kind *kind)
{
        if (strcmp(kind->alg, "RS256") == 0)
                return EVP_RSA_gen(2048);
        if (strcmp(kind->alg, "ES256") == 0)
                return EVP_EC_gen("P-256");
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

/* es256_raw: DER to r || s (RFC 7518 §3.4). */
static size_t es256_raw(const uint8_t *der, size_t der_len, uint8_t raw[64])
{
        ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long) der_len);

        BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32);
        ECDSA_SIG_free(signature);
        return 64;
}

static char *make_token(const Bench *bench, int number)
{
        const EVP_MD *digest = strcmp(bench->kind->alg, "EdDSA") == 0 ? NULL : EVP_sha256();
        g_autofree char *header =
            g_strdup_printf("{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"k\"}", bench->kind->alg);
        g_autofree char *payload = g_strdup_printf(CLAIMS, number);
        GString *token = g_string_new(NULL);
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        uint8_t signature[512], raw[64];
        size_t len = sizeof(signature);

        append_base64url(token, header, strlen(header));
        g_string_append_c(token, '.');
        append_base64url(token, payload, strlen(payload));
        if (EVP_DigestSignInit(context, NULL, digest, NULL, bench->pkey) != 1 ||
            EVP_DigestSign(context, signature, &len, (const uint8_t *) token->str, token->len) != 1)
                die("signing failed");
        EVP_MD_CTX_free(context);
        g_string_append_c(token, '.');
        if (strcmp(bench->kind->alg, "ES256") == 0)
                append_base64url(token, raw, es256_raw(signature, len, raw));
        else
                append_base64url(token, signature, len);
        return g_string_free(token, FALSE);
}

static void append_bn(GString *out, const EVP_PKEY *pkey, const char *param, const char *member,
                      size_t pad)
{
        BIGNUM *number = NULL;
        uint8_t bytes[512];

        if (EVP_PKEY_get_bn_param(pkey, param, &number) != 1)
                die(param);
        int len = pad ? BN_bn2binpad(number, bytes, (int) pad) : BN_bn2bin(number, bytes);

        g_string_append_printf(out, ",\"%s\":\"", member);
        append_base64url(out, bytes, (size_t) len);
        g_string_append_c(out, '"');
        BN_free(number);
}

static KeySet *make_keyset(const Bench *bench)
{
        g_autoptr(GString) json = g_string_new(NULL);
        KeySet *keys = NULL;

        g_string_printf(json, "{\"keys\":[{\"kid\":\"k\",\"use\":\"sig\",%s",
                        bench->kind->jwk_head);
        if (strcmp(bench->kind->alg, "RS256") == 0) {
                append_bn(json, bench->pkey, "n", "n", 0);
                append_bn(json, bench->pkey, "e", "e", 0);
        } else if (strcmp(bench->kind->alg, "ES256") == 0) {
                append_bn(json, bench->pkey, "qx", "x", 32);
                append_bn(json, bench->pkey, "qy", "y", 32);
        } else {
                uint8_t bytes[32];
                size_t len = sizeof(bytes);

                EVP_PKEY_get_raw_public_key(bench->pkey, bytes, &len);
                g_string_append(json, ",\"x\":\"");
                append_base64url(json, bytes, len);
                g_string_append_c(json, '"');
        }
        g_string_append(json, "}]}");
        if (keyset_parse(span_of(json->str, json->len), NULL, NULL, &keys) != 0)
                die("the key set was refused");
        return keys;
}

static Policy *make_policy(void)
{
        static char *const audience[] = { (char *) "orders", NULL };
        static char *const scopes[] = { (char *) "orders:read", NULL };
        static char *const roles[] = { (char *) "orders:reader", NULL };
        static const PolicyIssuer issuer = { .name = "holodeck" };
        g_autoptr(PolicySettings) settings = policy_settings_new("orders");
        g_autoptr(GError) error = NULL;

        settings->audience = g_strdupv((char **) audience);
        settings->scopes = g_strdupv((char **) scopes);
        settings->roles = g_strdupv((char **) roles);
        Policy *policy = policy_new(settings, &issuer, 1, &error);

        if (!policy)
                die(error->message);
        return policy;
}

static void bench_init(Bench *bench, const Kind *kind)
{
        *bench = (Bench){ .kind = kind, .pkey = make_key(kind) };
        IssuerFacts facts = {
                .name = g_intern_string("holodeck"),
                .url = g_intern_string(ISSUER),
                .keys = make_keyset(bench),
                .algorithms = ALG_SET_ALL,
                .keys_at_sec = NOW,
                .keys_fresh_until_usec = INT64_MAX,
        };

        bench->cache = claims_cache_new(CACHE_SIZE_DEFAULT);
        bench->checker = checker_new(bench->cache, NULL);
        bench->view = issuer_view_new(&facts, 1, false);
        bench->policy = make_policy();
        bench->loop_context = EVP_MD_CTX_new();
        for (int i = 0; i < TOKENS_N; i++)
                bench->tokens[i] = make_token(bench, i);
        keyset_unref(facts.keys);
}

static void check_one(Bench *bench, Span token, bool expect_cached)
{
        Question question = { .token = token, .policy = bench->policy, .now_sec = NOW };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        if (check_token(bench->checker, bench->view, &question, &verdict, &needs) !=
                CHECK_ANSWERED ||
            verdict.reason != VERDICT_VALID || verdict.from_cache != expect_cached)
                die(verdict.detail[0] ? verdict.detail
                                      : "a good token was not accepted as expected");
        verdict_clear(&verdict);
}

static const char *next_token(Bench *bench)
{
        const char *token = bench->tokens[bench->next];

        bench->next = (bench->next + 1) % TOKENS_N;
        return token;
}

static double check_side(void *userdata)
{
        Bench *bench = userdata;
        double start = ratio_cpu();
        size_t n = 0;

        claims_cache_clear(bench->cache);
        bench->next = 0;
        while (n % 16 ||
               ratio_cpu() - start < SIDE_SEC) { /* the clock of the processor is a system call */
                if (bench->next == 0)
                        claims_cache_clear(bench->cache); /* each round's tokens are new again */
                check_one(bench, span_from(next_token(bench)), false);
                n++;
        }
        return (double) n / (ratio_cpu() - start);
}

static double cached_side(void *userdata)
{
        Bench *bench = userdata;
        Span token = span_from(bench->tokens[0]);
        double start = ratio_cpu();
        size_t n = 0;

        claims_cache_clear(bench->cache);
        check_one(bench, token, false);
        for (start = ratio_cpu(); n % 16 || ratio_cpu() - start < SIDE_SEC / 4; n++)
                check_one(bench, token, true);
        return (double) n / (ratio_cpu() - start);
}

/* speed_side: openssl's own figure, by openssl itself: the last field of its line is verifications
 * a second. */
static double speed_side(void *userdata)
{
        const Kind *kind = ((Bench *) userdata)->kind;
        g_autofree char *command =
            g_strdup_printf("openssl speed -seconds 1 -mr %s 2>/dev/null", kind->speed);
        FILE *pipe = popen(command, "r");
        char line[512];
        double per_second = 0;

        while (pipe && fgets(line, sizeof(line), pipe)) {
                const char *last = strrchr(line, ':');

                if (g_str_has_prefix(line, kind->speed_mark) && last)
                        per_second = g_ascii_strtod(last + 1, NULL);
        }
        if (!pipe || pclose(pipe) != 0 || per_second <= 0)
                die("openssl speed gave no figure");
        return per_second;
}

/* loop_one: what a careful service writes by hand: decode, verify, parse. */
static void loop_one(Bench *bench, const char *token)
{
        static uint8_t header[1024], payload[4096], signature[1024], der[128];
        const char *dot = strchr(token, '.'), *last = strrchr(token, '.');
        const EVP_MD *digest = strcmp(bench->kind->alg, "EdDSA") == 0 ? NULL : EVP_sha256();
        size_t header_len, payload_len, signature_len;
        const uint8_t *bytes = signature;

        base64url_decode(span_of(token, (size_t) (dot - token)), header, &header_len);
        base64url_decode(span_of(dot + 1, (size_t) (last - dot - 1)), payload, &payload_len);
        base64url_decode(span_from(last + 1), signature, &signature_len);
        json_t *head = json_loadb((char *) header, header_len, 0, NULL);

        if (strcmp(bench->kind->alg, "ES256") == 0) {
                ECDSA_SIG *pair = ECDSA_SIG_new();
                uint8_t *end = der;

                ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL),
                               BN_bin2bn(signature + 32, 32, NULL));
                signature_len = (size_t) i2d_ECDSA_SIG(pair, &end);
                bytes = der;
                ECDSA_SIG_free(pair);
        }
        EVP_DigestVerifyInit(bench->loop_context, NULL, digest, NULL, bench->pkey);
        if (EVP_DigestVerify(bench->loop_context, bytes, signature_len, (const uint8_t *) token,
                             (size_t) (last - token)) != 1)
                die("the loop's signature does not hold");
        json_t *claims = json_loadb((char *) payload, payload_len, 0, NULL);

        if (json_integer_value(json_object_get(claims, "exp")) < NOW ||
            !json_object_get(head, "kid"))
                die("the loop's claims are wrong");
        json_decref(head);
        json_decref(claims);
}

static double loop_side(void *userdata)
{
        Bench *bench = userdata;
        double start = ratio_cpu();
        size_t n = 0;

        bench->next = 0;
        for (; n % 16 || ratio_cpu() - start < SIDE_SEC; n++)
                loop_one(bench, next_token(bench));
        return (double) n / (ratio_cpu() - start);
}

static void bench_deinit(Bench *bench)
{
        for (int i = 0; i < TOKENS_N; i++)
                g_free(bench->tokens[i]);
        EVP_MD_CTX_free(bench->loop_context);
        policy_unref(bench->policy);
        issuer_view_unref(bench->view);
        checker_free(bench->checker);
        claims_cache_free(bench->cache);
        EVP_PKEY_free(bench->pkey);
}

int main(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree Bench *bench = g_new0(Bench, 1);
                g_autofree char *speed = g_strdup_printf("check_%s_of_openssl_speed", kinds[i].alg);
                g_autofree char *loop =
                    g_strdup_printf("check_%s_of_evp_jansson_loop", kinds[i].alg);

                bench_init(bench, &kinds[i]);
                ratio_measure(speed, check_side, bench, speed_side, bench, ">=", kinds[i].goal);
                ratio_measure(loop, check_side, bench, loop_side, bench, ">=", 0.9);
                if (i == 0)
                        printf("# a hit in the cache: %.2f us\n", 1e6 / cached_side(bench));
                bench_deinit(bench);
        }
        return 0;
}

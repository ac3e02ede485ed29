/* clientauth: see clientauth.h. The only file of the daemon that uses libjwt, and to sign alone. */
#include "issuer/clientauth.h"

#include "base/clock.h"
#include "token/base64url.h"

#include <jansson.h>
#include <jwt.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#define ASSERTION_TYPE                                                                             \
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" /* RFC 7523 §2.2                 \
                                                                  */
#define JTI_SIZE         16
#define CURVE_NAME_SIZE  32
#define RSA_BITS_MIN     2048
#define RSA_BITS_MAX     8192
#define FORM_ESCAPED_MAX 3 /* bytes that one becomes */

/* Settings */

typedef enum FileSetting {
        FILE_SECRET,
        FILE_KEY,
        FILE_KEY_ID,
        FILE_CERT,
        FILE_CERT_KEY,
        _FILE_MAX,
} FileSetting;

static const struct {
        const char *key;
        size_t offset;
} file_settings[_FILE_MAX] = {
        [FILE_SECRET] = { "client_secret_file", offsetof(ClientAuthSettings, secret_file) },
        [FILE_KEY] = { "client_key_file", offsetof(ClientAuthSettings, key_file) },
        [FILE_KEY_ID] = { "client_key_id", offsetof(ClientAuthSettings, key_id) },
        [FILE_CERT] = { "client_cert_file", offsetof(ClientAuthSettings, cert_file) },
        [FILE_CERT_KEY] = { "client_cert_key_file", offsetof(ClientAuthSettings, cert_key_file) },
};

#define BIT(setting) (1u << (setting))

static const struct MethodWords {
        const char *name;
        unsigned needs;
        unsigned takes;
} methods[_CLIENT_AUTH_MAX] = {
        [CLIENT_AUTH_SECRET_BASIC] = { "client_secret_basic", BIT(FILE_SECRET), BIT(FILE_SECRET) },
        [CLIENT_AUTH_SECRET_POST] = { "client_secret_post", BIT(FILE_SECRET), BIT(FILE_SECRET) },
        [CLIENT_AUTH_PRIVATE_KEY_JWT] = { "private_key_jwt", BIT(FILE_KEY),
                                          BIT(FILE_KEY) | BIT(FILE_KEY_ID) },
        [CLIENT_AUTH_TLS] = { "tls_client_auth", BIT(FILE_CERT) | BIT(FILE_CERT_KEY),
                              BIT(FILE_CERT) | BIT(FILE_CERT_KEY) },
};

static char **settings_slot(const ClientAuthSettings *settings, FileSetting setting)
{
        return (char **) ((char *) settings + file_settings[setting].offset);
}

void client_auth_settings_clear(ClientAuthSettings *settings)
{
        g_clear_pointer(&settings->client_id, g_free);
        for (FileSetting i = 0; i < _FILE_MAX; i++)
                g_clear_pointer(settings_slot(settings, i), g_free);
        settings->method = CLIENT_AUTH_SECRET_BASIC;
}

void client_auth_settings_copy(const ClientAuthSettings *from, ClientAuthSettings *ret)
{
        ret->client_id = g_strdup(from->client_id);
        ret->method = from->method;
        for (FileSetting i = 0; i < _FILE_MAX; i++)
                *settings_slot(ret, i) = g_strdup(*settings_slot(from, i));
}

bool client_auth_settings_equal(const ClientAuthSettings *a, const ClientAuthSettings *b)
{
        if (a->method != b->method || g_strcmp0(a->client_id, b->client_id) != 0)
                return false;
        for (FileSetting i = 0; i < _FILE_MAX; i++)
                if (g_strcmp0(*settings_slot(a, i), *settings_slot(b, i)) != 0)
                        return false;
        return true;
}

const char *client_auth_method_text(ClientAuthMethod method)
{
        return methods[method].name;
}

bool client_auth_method_from_text(const char *text, ClientAuthMethod *ret)
{
        for (ClientAuthMethod i = 0; i < _CLIENT_AUTH_MAX; i++)
                if (strcmp(methods[i].name, text) == 0) {
                        *ret = i;
                        return true;
                }
        return false;
}

/* RFC 6749 appendix A.1: VSCHAR. */
static bool is_client_id(const char *text)
{
        for (const char *at = text; *at; at++)
                if (*at < 0x20 || *at > 0x7e)
                        return false;
        return text[0] != '\0' && strlen(text) <= CLIENT_ID_SIZE_MAX;
}

static const char *trouble_of(const ClientAuthSettings *settings, FileSetting setting)
{
        const struct MethodWords *words = &methods[settings->method];
        bool is_set = *settings_slot(settings, setting) != NULL;

        if (is_set && !settings->client_id)
                return "it says nothing without a client_id; set that too, or neither.";
        if (is_set && !(words->takes & BIT(setting)))
                return "this client_auth has no use for it; remove it, or choose the client_auth "
                       "that has.";
        if (!is_set && settings->client_id && words->needs & BIT(setting))
                return "this client_auth needs it, and it is not set.";
        return NULL;
}

const char *client_auth_settings_trouble(const ClientAuthSettings *settings, const char **ret_key)
{
        *ret_key = "client_id";
        if (settings->client_id && !is_client_id(settings->client_id))
                return "it must be 1 to 256 characters of printable ASCII.";
        for (FileSetting i = 0; i < _FILE_MAX; i++) {
                const char *trouble = trouble_of(settings, i);

                *ret_key = file_settings[i].key;
                if (trouble)
                        return trouble;
        }
        return NULL;
}

/* Forms */

/* Grows without leaving what it held behind in freed memory, as realloc would. */
static void form_reserve(GString *form, size_t n_more)
{
        size_t allocated = form->len + n_more + 1;
        char *larger;

        if (allocated <= form->allocated_len)
                return;
        larger = g_malloc(allocated);
        memcpy(larger, form->str, form->len + 1);
        secret_erase(form->str, form->len);
        g_free(form->str);
        form->str = larger;
        form->allocated_len = allocated;
}

/* Bytes that mean themselves in a form and in a URL are left alone, as some providers do not decode
 * user and password of Basic. */
static void form_append_escaped(GString *form, Span value)
{
        static const char digits[] = "0123456789ABCDEF";

        form_reserve(form, FORM_ESCAPED_MAX * value.len);
        for (size_t i = 0; i < value.len; i++) {
                unsigned char byte = (unsigned char) value.data[i];

                if (g_ascii_isalnum(byte) || strchr("-._~", byte ? byte : ' ')) {
                        g_string_append_c(form, (char) byte);
                        continue;
                }
                g_string_append_c(form, '%');
                g_string_append_c(form, digits[byte >> 4]);
                g_string_append_c(form, digits[byte & 15]);
        }
}

void client_auth_form_append(GString *form, const char *name, Span value)
{
        form_reserve(form, strlen(name) + FORM_ESCAPED_MAX * value.len + 2);
        if (form->len > 0)
                g_string_append_c(form, '&');
        g_string_append(form, name);
        g_string_append_c(form, '=');
        form_append_escaped(form, value);
}

void client_auth_form_free(GString *form)
{
        if (!form)
                return;
        secret_erase(form->str, form->len);
        g_string_free(form, TRUE);
}

/* The signed assertion (private_key_jwt) */

/* An encrypted key is refused; without this OpenSSL would ask for its password on a terminal. */
static int no_password(char *buffer, int size, int for_writing, void *userdata)
{
        return 0;
}

static EVP_PKEY *key_of_pem(Span pem)
{
        BIO *bio = BIO_new_mem_buf(pem.data, (int) pem.len);
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

        BIO_free(bio);
        ERR_clear_error();
        return key;
}

static const struct {
        const char *curve; /* OpenSSL's name of the group */
        jwt_alg_t alg;
} curve_algs[] = {
        { "prime256v1", JWT_ALG_ES256 },
        { "secp384r1", JWT_ALG_ES384 },
        { "secp521r1", JWT_ALG_ES512 },
};

/* JWT_ALG_NONE: a key that may not sign here. */
static jwt_alg_t alg_of_key(const EVP_PKEY *key)
{
        char curve[CURVE_NAME_SIZE] = "";
        int bits = EVP_PKEY_get_bits(key);

        if (EVP_PKEY_is_a(key, "RSA"))
                return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX ? JWT_ALG_RS256 : JWT_ALG_NONE;
        if (!EVP_PKEY_is_a(key, "EC") ||
            EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) != 1)
                return JWT_ALG_NONE;
        for (size_t i = 0; i < G_N_ELEMENTS(curve_algs); i++)
                if (strcmp(curve_algs[i].curve, curve) == 0)
                        return curve_algs[i].alg;
        return JWT_ALG_NONE;
}

static void set_trouble(GError **error, const char *path, const char *why)
{
        g_set_error(error, g_quark_from_static_string("authd-client-auth"), 0, "%s: %s", path, why);
}

static bool choose_alg(const char *path, Span pem, jwt_alg_t *ret, GError **error)
{
        EVP_PKEY *key = key_of_pem(pem);

        if (!key) {
                set_trouble(error, path,
                            "not a private key in PEM form without a password; write one with "
                            "openssl genpkey");
                return false;
        }
        *ret = alg_of_key(key);
        EVP_PKEY_free(key);
        if (*ret != JWT_ALG_NONE)
                return true;
        set_trouble(error, path,
                    "this key cannot sign here: RSA with 2048 to 8192 bits, or EC on P-256, P-384 "
                    "or P-521");
        return false;
}

static json_t *assertion_claims(const ClientAuthSettings *settings, const char *audience)
{
        int64_t now_sec = clock_wall_sec();
        uint8_t random[JTI_SIZE];
        char jti[BASE64URL_ENCODED_MAX(JTI_SIZE)];

        if (RAND_bytes(random, sizeof(random)) != 1)
                return NULL;
        base64url_encode(span_of(random, sizeof(random)), jti);
        return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "iss", settings->client_id, "sub",
                         settings->client_id, "aud", audience, "jti", jti, "iat",
                         (json_int_t) now_sec, "exp", (json_int_t) now_sec + CLIENT_ASSERTION_SEC);
}

/* The signed text, for free(), or NULL. */
static char *sign_claims(const char *key_id, jwt_alg_t alg, Span pem, const json_t *claims)
{
        char *text = claims ? json_dumps(claims, JSON_COMPACT) : NULL;
        char *assertion = NULL;
        jwt_t *jwt = NULL;

        if (text && jwt_new(&jwt) == 0 &&
            jwt_set_alg(jwt, alg, (const unsigned char *) pem.data, (int) pem.len) == 0 &&
            (!key_id || jwt_add_header(jwt, "kid", key_id) == 0) &&
            jwt_add_grants_json(jwt, text) == 0)
                assertion = jwt_encode_str(jwt);
        jwt_free(jwt);
        ERR_clear_error();
        free(text);
        return assertion;
}

static bool append_assertion(const ClientAuthSettings *settings, const char *audience,
                             GString *form, GError **error)
{
        g_autoptr(Secret) pem = secret_read_file(settings->key_file, error);
        jwt_alg_t alg = JWT_ALG_NONE;
        json_t *claims;
        char *assertion;

        if (!pem || !choose_alg(settings->key_file, secret_bytes(pem), &alg, error))
                return false;
        claims = assertion_claims(settings, audience);
        assertion = sign_claims(settings->key_id, alg, secret_bytes(pem), claims);
        json_decref(claims);
        if (!assertion) {
                set_trouble(error, settings->key_file,
                            "signing with it failed; try another key, or client_secret_basic");
                return false;
        }
        client_auth_form_append(form, "client_assertion_type", span_from(ASSERTION_TYPE));
        client_auth_form_append(form, "client_assertion", span_from(assertion));
        secret_erase(assertion, strlen(assertion));
        free(assertion);
        return true;
}

/* The four methods */

static bool prepare_basic(const ClientAuthSettings *settings, const char *audience, GString *form,
                          ClientAuth *ret, GError **error)
{
        g_autoptr(Secret) secret = secret_read_file(settings->secret_file, error);
        GString *user, *password;

        if (!secret)
                return false;
        user = g_string_new(NULL);
        form_append_escaped(user, span_from(settings->client_id));
        ret->basic_user = g_string_free(user, FALSE);
        password = g_string_new(NULL);
        form_append_escaped(password, secret_bytes(secret));
        ret->basic_password = secret_new(span_of(password->str, password->len));
        client_auth_form_free(password);
        return true;
}

static bool prepare_post(const ClientAuthSettings *settings, const char *audience, GString *form,
                         ClientAuth *ret, GError **error)
{
        g_autoptr(Secret) secret = secret_read_file(settings->secret_file, error);

        if (!secret)
                return false;
        client_auth_form_append(form, "client_id", span_from(settings->client_id));
        client_auth_form_append(form, "client_secret", secret_bytes(secret));
        return true;
}

static bool prepare_assertion(const ClientAuthSettings *settings, const char *audience,
                              GString *form, ClientAuth *ret, GError **error)
{
        if (!append_assertion(settings, audience, form, error))
                return false;
        client_auth_form_append(form, "client_id", span_from(settings->client_id));
        return true;
}

/* curl reads the files; the key is read here for its mode and for a sentence that names it. */
static bool prepare_tls(const ClientAuthSettings *settings, const char *audience, GString *form,
                        ClientAuth *ret, GError **error)
{
        g_autoptr(Secret) key = secret_read_file(settings->cert_key_file, error);

        if (!key)
                return false;
        ret->cert_file = settings->cert_file;
        ret->cert_key_file = settings->cert_key_file;
        client_auth_form_append(form, "client_id", span_from(settings->client_id));
        return true;
}

bool client_auth_prepare(const ClientAuthSettings *settings, const char *audience, GString *form,
                         ClientAuth *ret, GError **error)
{
        static bool (*const prepare[_CLIENT_AUTH_MAX])(const ClientAuthSettings *, const char *,
                                                       GString *, ClientAuth *, GError **) = {
                [CLIENT_AUTH_SECRET_BASIC] = prepare_basic,
                [CLIENT_AUTH_SECRET_POST] = prepare_post,
                [CLIENT_AUTH_PRIVATE_KEY_JWT] = prepare_assertion,
                [CLIENT_AUTH_TLS] = prepare_tls,
        };
        const char *key, *trouble = client_auth_settings_trouble(settings, &key);

        *ret = (ClientAuth){ 0 };
        if (!settings->client_id) {
                key = "client_id";
                trouble = "not set: we are no client of this issuer";
        }
        if (trouble) {
                set_trouble(error, key, trouble);
                return false;
        }
        return prepare[settings->method](settings, audience, form, ret, error);
}

void client_auth_clear(ClientAuth *auth)
{
        g_clear_pointer(&auth->basic_user, g_free);
        g_clear_pointer(&auth->basic_password, secret_free);
        auth->cert_file = auth->cert_key_file = NULL;
}

#include "sign.h"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <string.h>

char *sign_base64url(const unsigned char *bytes, size_t len)
{
        char *text = g_base64_encode(bytes, len);

        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
        text[strcspn(text, "=")] = '\0';
        return text;
}

unsigned char *sign_base64url_decode(const char *text, size_t *ret_len)
{
        GString *padded = g_string_new(text);

        g_strdelimit(padded->str, "-", '+');
        g_strdelimit(padded->str, "_", '/');
        while (padded->len % 4 != 0)
                g_string_append_c(padded, '=');
        unsigned char *bytes = g_base64_decode(padded->str, ret_len);
        g_string_free(padded, TRUE);
        return bytes;
}

char *sign_half_hash(const char *token, const char *digest)
{
        unsigned char hash[EVP_MAX_MD_SIZE];
        size_t len;

        if (EVP_Q_digest(NULL, digest, NULL, token, strlen(token), hash, &len) != 1)
                return NULL;
        return sign_base64url(hash, len / 2);
}

static char *dump(const json_t *json)
{
        return json_dumps(json, JSON_COMPACT);
}

static char *with_libjwt(jwt_alg_t alg, const void *key, size_t key_len, const json_t *header,
                         const json_t *payload)
{
        jwt_t *jwt = NULL;
        char *token = NULL, *head = dump(header), *body = dump(payload);

        if (head && body && jwt_new(&jwt) == 0 && jwt_set_alg(jwt, alg, key, (int) key_len) == 0 &&
            jwt_add_headers_json(jwt, head) == 0 && jwt_add_grants_json(jwt, body) == 0) {
                char *encoded = jwt_encode_str(jwt);
                token = g_strdup(encoded);
                free(encoded);
        }
        jwt_free(jwt);
        free(head);
        free(body);
        return token;
}

static bool set_pss(EVP_PKEY_CTX *key_context)
{
        return EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/* JOSE wants r and s side by side (RFC 7518 §3.4), OpenSSL gives DER. Takes der. */
static unsigned char *side_by_side(unsigned char *der, size_t *len, size_t coordinate_size)
{
        const unsigned char *cursor = der;
        ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &cursor, (long) *len);
        unsigned char *raw = g_malloc(2 * coordinate_size);
        int width = (int) coordinate_size;

        *len = 0;
        if (pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, width) == width &&
            BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + width, width) == width)
                *len = 2 * coordinate_size;
        ECDSA_SIG_free(pair);
        g_free(der);
        return raw;
}

/* signature: base64url of it, or NULL. */
static char *signature(const SigningKey *key, const char *input)
{
        EVP_MD_CTX *digest = EVP_MD_CTX_new();
        EVP_PKEY_CTX *key_context;
        const unsigned char *bytes = (const unsigned char *) input;
        g_autofree unsigned char *raw = NULL;
        char *text = NULL;
        size_t len = 0;

        if (digest &&
            EVP_DigestSignInit_ex(digest, &key_context, key->kind->digest, NULL, NULL, key->pkey,
                                  NULL) == 1 &&
            (!key->kind->pss || set_pss(key_context)) &&
            EVP_DigestSign(digest, NULL, &len, bytes, strlen(input)) == 1) {
                raw = g_malloc(len);
                if (EVP_DigestSign(digest, raw, &len, bytes, strlen(input)) != 1)
                        len = 0;
        }
        if (len > 0 && key->kind->coordinate_size)
                raw = side_by_side(raw, &len, key->kind->coordinate_size);
        if (len > 0)
                text = sign_base64url(raw, len);
        EVP_MD_CTX_free(digest);
        return text;
}

static char *encode_part(const json_t *json)
{
        char *text = dump(json);
        char *part = text ? sign_base64url((const unsigned char *) text, strlen(text)) : NULL;

        free(text);
        return part;
}

static char *with_openssl(const SigningKey *key, const json_t *header, const json_t *payload)
{
        g_autofree char *head = encode_part(header);
        g_autofree char *body = encode_part(payload);

        if (!head || !body)
                return NULL;
        g_autofree char *input = g_strdup_printf("%s.%s", head, body);
        g_autofree char *signed_part = signature(key, input);
        return signed_part ? g_strdup_printf("%s.%s", input, signed_part) : NULL;
}

/* libjwt 1.x writes typ and alg itself: another typ (at+jwt) or a lying alg is beyond it. */
static bool libjwt_can(const SigningKey *key, const json_t *header)
{
        const char *typ = json_string_value(json_object_get(header, "typ"));

        return key->kind->libjwt != JWT_ALG_NONE && g_strcmp0(typ, "JWT") == 0 &&
               !json_object_get(header, "alg");
}

static void drop_nulls(json_t *object)
{
        const char *name;
        json_t *value;
        void *next;

        json_object_foreach_safe (object, next, name, value)
                if (json_is_null(value))
                        json_object_del(object, name);
}

char *sign_compact(const SigningKey *key, json_t *header, const json_t *payload)
{
        if (!json_object_get(header, "typ"))
                json_object_set_new(header, "typ", json_string("JWT"));
        bool by_libjwt = libjwt_can(key, header);
        if (!by_libjwt && !json_object_get(header, "alg"))
                json_object_set_new(header, "alg", json_string(key->kind->alg));
        drop_nulls(header);
        if (by_libjwt)
                return with_libjwt(key->kind->libjwt, key->pem, strlen(key->pem), header, payload);
        return with_openssl(key, header, payload);
}

/* --- the way back --- */

/* from_side_by_side: the DER that OpenSSL wants. Takes raw. */
static unsigned char *from_side_by_side(unsigned char *raw, size_t *len)
{
        int half = (int) (*len / 2), der_len;
        ECDSA_SIG *pair = ECDSA_SIG_new();
        unsigned char *der = NULL, *copy;

        ECDSA_SIG_set0(pair, BN_bin2bn(raw, half, NULL), BN_bin2bn(raw + half, half, NULL));
        der_len = i2d_ECDSA_SIG(pair, &der);
        copy = g_memdup2(der, (size_t) MAX(der_len, 0));
        *len = (size_t) MAX(der_len, 0);
        OPENSSL_free(der);
        ECDSA_SIG_free(pair);
        g_free(raw);
        return copy;
}

static bool holds(const KeyKind *kind, EVP_PKEY *pkey, const char *input,
                  const char *signature_text)
{
        size_t len;
        g_autofree unsigned char *raw = sign_base64url_decode(signature_text, &len);
        EVP_MD_CTX *digest = EVP_MD_CTX_new();
        EVP_PKEY_CTX *key_context;
        const unsigned char *bytes = (const unsigned char *) input;

        if (kind->coordinate_size && len == 2 * kind->coordinate_size)
                raw = from_side_by_side(raw, &len);
        bool good = digest &&
                    EVP_DigestVerifyInit_ex(digest, &key_context, kind->digest, NULL, NULL, pkey,
                                            NULL) == 1 &&
                    (!kind->pss || set_pss(key_context)) &&
                    EVP_DigestVerify(digest, raw, len, bytes, strlen(input)) == 1;
        EVP_MD_CTX_free(digest);
        return good;
}

static json_t *decode_part(const char *part)
{
        size_t len;
        g_autofree unsigned char *bytes = sign_base64url_decode(part, &len);

        return json_loadb((const char *) bytes, len, JSON_REJECT_DUPLICATES, NULL);
}

json_t *sign_open(const char *token, EVP_PKEY *key, json_t **ret_header)
{
        g_auto(GStrv) parts = g_strsplit(token, ".", 4);

        if (strlen(token) > SIGN_TOKEN_SIZE_MAX || g_strv_length(parts) != 3)
                return NULL;
        json_t *header = decode_part(parts[0]), *payload = decode_part(parts[1]);
        const KeyKind *kind = key_kind_of(json_string_value(json_object_get(header, "alg")), key);
        g_autofree char *input = g_strdup_printf("%s.%s", parts[0], parts[1]);
        if (!payload || !kind || !holds(kind, key, input, parts[2])) {
                json_decref(header);
                json_decref(payload);
                return NULL;
        }
        *ret_header = header;
        return payload;
}

char *sign_refresh(const Keyring *keyring, const json_t *payload)
{
        json_t *header = json_pack("{s:s, s:s}", "typ", "JWT", "kid", keyring->secret_kid);
        char *token =
            with_libjwt(JWT_ALG_HS512, keyring->secret, sizeof(keyring->secret), header, payload);

        json_decref(header);
        return token;
}

json_t *sign_open_refresh(const Keyring *keyring, const char *token)
{
        jwt_t *jwt = NULL;
        json_t *payload = NULL;

        /* libjwt puts the token on the stack: the length is bounded first. */
        if (strlen(token) > SIGN_TOKEN_SIZE_MAX ||
            jwt_decode(&jwt, token, keyring->secret, sizeof(keyring->secret)) != 0)
                return NULL;
        if (jwt_get_alg(jwt) == JWT_ALG_HS512) {
                char *text = jwt_get_grants_json(jwt, NULL);
                payload = text ? json_loads(text, 0, NULL) : NULL;
                free(text);
        }
        jwt_free(jwt);
        return payload;
}

#include "keyring.h"

#include "base/file.h"
#include "sign.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define STATE_FILE     "keys.json"
#define STATE_SIZE_MAX (4 * 1024 * 1024)
#define NUMBER_MAX     1024 /* bytes of an RSA modulus or a curve's coordinate */

static const KeyKind KINDS[] = {
        { "RS256", "RS256", "RSA", NULL, NULL, "SHA256", 0, JWT_ALG_RS256, false, false },
        { "RS384", "RS384", "RSA", NULL, NULL, "SHA384", 0, JWT_ALG_RS384, false, false },
        { "RS512", "RS512", "RSA", NULL, NULL, "SHA512", 0, JWT_ALG_RS512, false, false },
        { "PS256", "PS256", "RSA", NULL, NULL, "SHA256", 0, JWT_ALG_NONE, true, false },
        { "PS384", "PS384", "RSA", NULL, NULL, "SHA384", 0, JWT_ALG_NONE, true, false },
        { "PS512", "PS512", "RSA", NULL, NULL, "SHA512", 0, JWT_ALG_NONE, true, false },
        { "ES256", "ES256", "EC", "P-256", "P-256", "SHA256", 32, JWT_ALG_ES256, false, false },
        { "ES384", "ES384", "EC", "P-384", "P-384", "SHA384", 48, JWT_ALG_ES384, false, false },
        { "ES512", "ES512", "EC", "P-521", "P-521", "SHA512", 66, JWT_ALG_ES512, false, false },
        { "EdDSA", "EdDSA", "OKP", "Ed25519", NULL, NULL, 0, JWT_ALG_NONE, false, false },
        { "Ed448", "EdDSA", "OKP", "Ed448", NULL, NULL, 0, JWT_ALG_NONE, false, false },
        { "RSA-OAEP", "RSA-OAEP", "RSA", NULL, NULL, NULL, 0, JWT_ALG_NONE, false, true },
};

const KeyKind *key_kind_find(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(KINDS); i++)
                if (g_strcmp0(KINDS[i].name, name) == 0)
                        return &KINDS[i];
        return NULL;
}

static bool kind_fits(const KeyKind *kind, const EVP_PKEY *pkey)
{
        char group[32] = "";

        if (!kind->crv)
                return EVP_PKEY_is_a(pkey, kind->kty);
        if (!kind->group)
                return EVP_PKEY_is_a(pkey, kind->crv);
        return EVP_PKEY_is_a(pkey, "EC") &&
               EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
               EC_curve_nist2nid(kind->group) == OBJ_sn2nid(group);
}

const KeyKind *key_kind_of(const char *alg, const EVP_PKEY *pkey)
{
        for (size_t i = 0; i < G_N_ELEMENTS(KINDS); i++)
                if (g_strcmp0(KINDS[i].alg, alg) == 0 && !KINDS[i].encryption &&
                    kind_fits(&KINDS[i], pkey))
                        return &KINDS[i];
        return NULL;
}

static EVP_PKEY *generate(const KeyKind *kind)
{
        if (strcmp(kind->kty, "RSA") == 0)
                return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) KEYRING_RSA_BITS);
        if (strcmp(kind->kty, "EC") == 0)
                return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind->group);
        return EVP_PKEY_Q_keygen(NULL, NULL, kind->crv);
}

static char *name_of(EVP_PKEY *pkey)
{
        unsigned char *der = NULL;
        unsigned char hash[32];
        int len = i2d_PUBKEY(pkey, &der);

        if (len <= 0 || EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t) len, hash, NULL) != 1) {
                OPENSSL_free(der);
                return NULL;
        }
        OPENSSL_free(der);
        return sign_base64url(hash, sizeof(hash));
}

static char *private_pem(EVP_PKEY *pkey)
{
        BIO *bio = BIO_new(BIO_s_mem());
        char *pem = NULL, *text;

        if (bio && PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1) {
                long len = BIO_get_mem_data(bio, &text);
                pem = g_strndup(text, (size_t) len);
        }
        BIO_free(bio);
        return pem;
}

/* signing_key_wrap: takes pkey. kid: NULL: its own name. */
static SigningKey *signing_key_wrap(const KeyKind *kind, EVP_PKEY *pkey, const char *kid)
{
        g_autoptr(SigningKey) key = g_new0(SigningKey, 1);

        key->kind = kind;
        key->pkey = pkey;
        key->enabled = true;
        if (!pkey || !(key->kid = kid ? g_strdup(kid) : name_of(pkey)) ||
            !(key->pem = private_pem(pkey)))
                return NULL;
        return g_steal_pointer(&key);
}

SigningKey *signing_key_new(const KeyKind *kind)
{
        return signing_key_wrap(kind, generate(kind), NULL);
}

void signing_key_free(SigningKey *key)
{
        if (!key)
                return;
        EVP_PKEY_free(key->pkey);
        if (key->pem)
                OPENSSL_cleanse(key->pem, strlen(key->pem));
        g_free(key->pem);
        g_free(key->kid);
        g_free(key);
}

/* --- the public side --- */

static void add_number(json_t *jwk, const char *member, EVP_PKEY *pkey, const char *parameter,
                       size_t width)
{
        unsigned char bytes[NUMBER_MAX];
        BIGNUM *number = NULL;

        if (EVP_PKEY_get_bn_param(pkey, parameter, &number) != 1)
                return;
        int len = width ? (int) width : BN_num_bytes(number);
        if (len <= NUMBER_MAX && BN_bn2binpad(number, bytes, len) == len) {
                g_autofree char *text = sign_base64url(bytes, (size_t) len);
                json_object_set_new(jwk, member, json_string(text));
        }
        BN_free(number);
}

static void add_public_part(json_t *jwk, const SigningKey *key)
{
        if (strcmp(key->kind->kty, "RSA") == 0) {
                add_number(jwk, "n", key->pkey, OSSL_PKEY_PARAM_RSA_N, 0);
                add_number(jwk, "e", key->pkey, OSSL_PKEY_PARAM_RSA_E, 0);
        } else if (strcmp(key->kind->kty, "EC") == 0) {
                add_number(jwk, "x", key->pkey, OSSL_PKEY_PARAM_EC_PUB_X,
                           key->kind->coordinate_size);
                add_number(jwk, "y", key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y,
                           key->kind->coordinate_size);
        } else {
                unsigned char raw[NUMBER_MAX];
                size_t len = sizeof(raw);
                if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &len) == 1) {
                        g_autofree char *text = sign_base64url(raw, len);
                        json_object_set_new(jwk, "x", json_string(text));
                }
        }
}

json_t *signing_key_jwk(const SigningKey *key, const char *kid)
{
        json_t *jwk = json_pack("{s:s, s:s, s:s, s:s}", "kid", kid, "kty", key->kind->kty, "alg",
                                key->kind->alg, "use", key->kind->encryption ? "enc" : "sig");

        if (key->kind->crv)
                json_object_set_new(jwk, "crv", json_string(key->kind->crv));
        add_public_part(jwk, key);
        return jwk;
}

json_t *keyring_jwks(const Keyring *keyring)
{
        json_t *list = json_array();

        for (unsigned i = 0; i < keyring->keys->len; i++) {
                const SigningKey *key = g_ptr_array_index(keyring->keys, i);
                if (key->enabled)
                        json_array_append_new(list, signing_key_jwk(key, key->kid));
        }
        return json_pack("{s:o}", "keys", list);
}

/* --- the state file --- */

static void keyring_save(const Keyring *keyring)
{
        g_autoptr(GError) error = NULL;
        json_t *list = json_array();

        if (!keyring->path) {
                json_decref(list);
                return;
        }
        for (unsigned i = 0; i < keyring->keys->len; i++) {
                const SigningKey *key = g_ptr_array_index(keyring->keys, i);
                json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "kind",
                                                      key->kind->name, "kid", key->kid, "pem",
                                                      key->pem, "enabled", key->enabled));
        }
        g_autofree char *secret = sign_base64url(keyring->secret, sizeof(keyring->secret));
        json_t *state = json_pack("{s:s, s:s, s:o}", "secret", secret, "secret_kid",
                                  keyring->secret_kid, "keys", list);
        char *text = json_dumps(state, JSON_INDENT(1));
        if (!file_write_atomic(keyring->path, span_from(text), 0600, &error))
                g_printerr("devidp: %s\n", error->message);
        free(text);
        json_decref(state);
}

static bool load_key(Keyring *keyring, const json_t *json)
{
        const char *kind_name, *pem, *kid = NULL;
        int enabled;

        if (json_unpack((json_t *) json, "{s:s, s?s, s:s, s:b}", "kind", &kind_name, "kid", &kid,
                        "pem", &pem, "enabled", &enabled) != 0 ||
            !key_kind_find(kind_name))
                return false;
        BIO *bio = BIO_new_mem_buf(pem, -1);
        EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        SigningKey *key = signing_key_wrap(key_kind_find(kind_name), pkey, kid);
        if (!key)
                return false;
        key->enabled = enabled;
        g_ptr_array_add(keyring->keys, key);
        return true;
}

static bool load_state(Keyring *keyring, json_t *state)
{
        const char *secret, *secret_kid;
        json_t *keys, *item;
        size_t len, index;

        if (json_unpack(state, "{s:s, s:s, s:o}", "secret", &secret, "secret_kid", &secret_kid,
                        "keys", &keys) != 0)
                return false;
        g_autofree unsigned char *bytes = sign_base64url_decode(secret, &len);
        if (!bytes || len != sizeof(keyring->secret))
                return false;
        memcpy(keyring->secret, bytes, len);
        keyring->secret_kid = g_strdup(secret_kid);
        json_array_foreach (keys, index, item)
                if (!load_key(keyring, item))
                        return false;
        return true;
}

static bool keyring_load(Keyring *keyring, GError **error)
{
        g_autofree char *text = NULL;
        size_t len;

        if (!keyring->path || !g_file_test(keyring->path, G_FILE_TEST_EXISTS))
                return true;
        if (!file_read(keyring->path, STATE_SIZE_MAX, &text, &len, error))
                return false;
        json_t *state = json_loadb(text, len, 0, NULL);
        bool good = state && load_state(keyring, state);
        json_decref(state);
        OPENSSL_cleanse(text, len);
        if (!good)
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                            "%s: not a key file of devidp; remove it", keyring->path);
        return good;
}

/* --- making and using --- */

static void *generate_on_thread(void *kind)
{
        return signing_key_new(kind);
}

static bool has_kind(const Keyring *keyring, const KeyKind *kind)
{
        for (unsigned i = 0; i < keyring->keys->len; i++) {
                const SigningKey *key = g_ptr_array_index(keyring->keys, i);
                if (key->kind == kind)
                        return true;
        }
        return false;
}

static bool keyring_complete(Keyring *keyring, const json_t *names, GError **error)
{
        g_autoptr(GPtrArray) threads = g_ptr_array_new();
        size_t index;
        json_t *name;
        bool good = true;

        json_array_foreach ((json_t *) names, index, name) {
                const KeyKind *kind = key_kind_find(json_string_value(name));
                if (!kind) {
                        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                                    "keys: \"%s\" is no algorithm of ours",
                                    json_is_string(name) ? json_string_value(name) : "?");
                        good = false;
                } else if (!has_kind(keyring, kind)) {
                        g_ptr_array_add(threads,
                                        g_thread_new("keygen", generate_on_thread, (void *) kind));
                }
        }
        for (unsigned i = 0; i < threads->len; i++) {
                SigningKey *key = g_thread_join(g_ptr_array_index(threads, i));
                if (key)
                        g_ptr_array_add(keyring->keys, key);
                good = good && key;
        }
        if (!good && error && !*error)
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                            "OpenSSL could not make a key");
        return good;
}

Keyring *keyring_open(const char *state_dir, const json_t *names, GError **error)
{
        g_autoptr(Keyring) keyring = g_new0(Keyring, 1);

        keyring->keys = g_ptr_array_new_with_free_func((GDestroyNotify) signing_key_free);
        keyring->path = state_dir ? g_build_filename(state_dir, STATE_FILE, NULL) : NULL;
        if (!keyring_load(keyring, error))
                return NULL;
        if (!keyring->secret_kid) {
                if (RAND_bytes(keyring->secret, sizeof(keyring->secret)) != 1) {
                        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "no random bytes");
                        return NULL;
                }
                keyring->secret_kid = g_uuid_string_random();
        }
        if (!keyring_complete(keyring, names, error))
                return NULL;
        keyring_save(keyring);
        return g_steal_pointer(&keyring);
}

void keyring_free(Keyring *keyring)
{
        if (!keyring)
                return;
        g_ptr_array_unref(keyring->keys);
        OPENSSL_cleanse(keyring->secret, sizeof(keyring->secret));
        g_free(keyring->secret_kid);
        g_free(keyring->path);
        g_free(keyring);
}

const SigningKey *keyring_signer(const Keyring *keyring, const char *alg)
{
        for (unsigned i = keyring->keys->len; i > 0; i--) {
                const SigningKey *key = g_ptr_array_index(keyring->keys, i - 1);
                if (key->enabled && !key->kind->encryption && g_strcmp0(key->kind->alg, alg) == 0)
                        return key;
        }
        return NULL;
}

static SigningKey *find(const Keyring *keyring, const char *kid)
{
        for (unsigned i = keyring->keys->len; i > 0; i--) {
                SigningKey *key = g_ptr_array_index(keyring->keys, i - 1);
                if (g_strcmp0(key->kid, kid) == 0)
                        return key;
        }
        return NULL;
}

const SigningKey *keyring_find(const Keyring *keyring, const char *kid)
{
        return find(keyring, kid);
}

const SigningKey *keyring_rotate(Keyring *keyring, const char *name, const char *kid)
{
        const KeyKind *kind = key_kind_find(name);
        const SigningKey *namesake = kid ? find(keyring, kid) : NULL;
        SigningKey *key;

        if (!kind || kind->encryption || keyring->keys->len >= KEYRING_KEYS_MAX ||
            (namesake && namesake->enabled) || !(key = signing_key_wrap(kind, generate(kind), kid)))
                return NULL;
        g_ptr_array_add(keyring->keys, key);
        keyring_save(keyring);
        return key;
}

bool keyring_disable(Keyring *keyring, const char *kid)
{
        SigningKey *key = find(keyring, kid);

        if (!key)
                return false;
        key->enabled = false;
        keyring_save(keyring);
        return true;
}

const SigningKey *keyring_signer_or_new(Keyring *keyring, const char *alg)
{
        const SigningKey *key = keyring_signer(keyring, alg);

        return key ? key : keyring_rotate(keyring, alg, NULL);
}

/* assertionkeys: see assertionkeys.h. */
#include "proof/assertionkeys.h"

#include "base/secret.h"
#include "token/base64url.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#define COORDINATE_SIZE      32
#define COORDINATE_TEXT_SIZE 44
#define JWKS_NONE            "{\"keys\":[]}"

struct AssertionKeys {
        gatomicrefcount references;
        size_t n_keys;
        size_t signing;
        AssertionKey keys[ASSERTION_KEYS_MAX]; /* by made_sec */
        char *jwks;
};

/* ---- one key ---- */

static bool coordinate_text(const EVP_PKEY *pkey, const char *which, char ret[COORDINATE_TEXT_SIZE])
{
        BIGNUM *number = NULL;
        uint8_t bytes[COORDINATE_SIZE];
        bool good = EVP_PKEY_get_bn_param(pkey, which, &number) == 1 &&
                    BN_bn2binpad(number, bytes, sizeof(bytes)) == sizeof(bytes);

        if (good)
                base64url_encode(span_of(bytes, sizeof(bytes)), ret);
        BN_free(number);
        return good;
}

/* public_text: the members that RFC 7638 §3.2 hashes, in its order. Caller frees; NULL: no P-256
 * key. */
static char *public_text(const EVP_PKEY *pkey)
{
        char curve[32] = "", x[COORDINATE_TEXT_SIZE], y[COORDINATE_TEXT_SIZE];

        if (!EVP_PKEY_is_a(pkey, "EC") ||
            EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) != 1 ||
            strcmp(curve, SN_X9_62_prime256v1) != 0 ||
            !coordinate_text(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x) ||
            !coordinate_text(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y))
                return NULL;
        return g_strdup_printf("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x,
                               y);
}

static char *header_text(const char *kid)
{
        g_autofree char *header = g_strdup_printf(
            "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"" ASSERTION_TYPE "\"}", kid);
        char *text = g_malloc(BASE64URL_ENCODED_MAX(strlen(header)));

        base64url_encode(span_from(header), text);
        return text;
}

/* key_init: takes a reference of pkey. */
static bool key_init(AssertionKey *key, EVP_PKEY *pkey, int64_t made_sec)
{
        g_autofree char *public = public_text(pkey);
        uint8_t thumbprint[SHA256_DIGEST_LENGTH];

        if (!public ||
            EVP_Digest(public, strlen(public), thumbprint, NULL, EVP_sha256(), NULL) != 1 ||
            EVP_PKEY_up_ref(pkey) != 1)
                return false;
        key->pkey = pkey;
        key->made_sec = made_sec;
        base64url_encode(span_of(thumbprint, sizeof(thumbprint)), key->kid);
        key->header_text = header_text(key->kid);
        return true;
}

static void key_deinit(AssertionKey *key)
{
        EVP_PKEY_free(key->pkey);
        g_free(key->header_text);
}

static void write_jwk(const AssertionKey *key, GString *out)
{
        g_autofree char *public = public_text(key->pkey);

        g_string_append_len(out, public, (gssize) strlen(public) - 1);
        g_string_append_printf(out, ",\"alg\":\"ES256\",\"kid\":\"%s\",\"use\":\"sig\"}", key->kid);
}

/* ---- the set ---- */

static AssertionKeys *keys_new(void)
{
        AssertionKeys *keys = g_new0(AssertionKeys, 1);

        g_atomic_ref_count_init(&keys->references);
        return keys;
}

AssertionKeys *assertion_keys_ref(AssertionKeys *keys)
{
        g_atomic_ref_count_inc(&keys->references);
        return keys;
}

void assertion_keys_unref(AssertionKeys *keys)
{
        if (!keys || !g_atomic_ref_count_dec(&keys->references))
                return;
        for (size_t i = 0; i < keys->n_keys; i++)
                key_deinit(&keys->keys[i]);
        g_free(keys->jwks);
        g_free(keys);
}

static bool keys_add(AssertionKeys *keys, EVP_PKEY *pkey, int64_t made_sec)
{
        g_assert(keys->n_keys < ASSERTION_KEYS_MAX);
        if (!key_init(&keys->keys[keys->n_keys], pkey, made_sec))
                return false;
        keys->n_keys++;
        return true;
}

static bool keys_add_new(AssertionKeys *keys, int64_t now_sec)
{
        EVP_PKEY *pkey = EVP_EC_gen(SN_X9_62_prime256v1);
        bool added = pkey && keys_add(keys, pkey, now_sec);

        EVP_PKEY_free(pkey);
        return added;
}

/* finish: which key signs, and what is published. */
static void finish(AssertionKeys *keys, int64_t now_sec)
{
        GString *out = g_string_new("{\"keys\":[");

        keys->signing = 0;
        for (size_t i = 0; i < keys->n_keys; i++) {
                if (keys->keys[i].made_sec + ASSERTION_KEY_LEAD_SEC <= now_sec)
                        keys->signing = i;
                if (i > 0)
                        g_string_append_c(out, ',');
                write_jwk(&keys->keys[i], out);
        }
        g_string_append(out, "]}");
        keys->jwks = g_string_free(out, FALSE);
}

/* made_sec: a clock that once ran ahead made keys of the future; such a one is of now. */
static int64_t made_sec_at(const AssertionKey *key, int64_t now_sec)
{
        return MIN(key->made_sec, now_sec);
}

static bool key_is_spent(const AssertionKeys *keys, size_t index, int64_t now_sec)
{
        return index + 1 < keys->n_keys && made_sec_at(&keys->keys[index + 1], now_sec) +
                                                   ASSERTION_KEY_LEAD_SEC +
                                                   ASSERTION_KEY_AFTERLIFE_SEC <=
                                               now_sec;
}

static bool needs_new_key(const AssertionKeys *keys, int64_t now_sec)
{
        return keys->n_keys == 0 ||
               made_sec_at(&keys->keys[keys->n_keys - 1], now_sec) + ASSERTION_KEY_LIFE_SEC <=
                   now_sec;
}

static bool keys_are_same(const AssertionKeys *a, const AssertionKeys *b)
{
        if (a->n_keys != b->n_keys || a->signing != b->signing)
                return false;
        for (size_t i = 0; i < a->n_keys; i++)
                if (strcmp(a->keys[i].kid, b->keys[i].kid) != 0 ||
                    a->keys[i].made_sec != b->keys[i].made_sec)
                        return false;
        return true;
}

AssertionKeys *assertion_keys_turn(AssertionKeys *before, int64_t now_sec)
{
        g_autoptr(AssertionKeys) keys = keys_new();

        for (size_t i = 0; before && i < before->n_keys; i++)
                if (!key_is_spent(before, i, now_sec) &&
                    !keys_add(keys, before->keys[i].pkey, made_sec_at(&before->keys[i], now_sec)))
                        return NULL;
        if (needs_new_key(keys, now_sec) && !keys_add_new(keys, now_sec))
                return NULL;
        finish(keys, now_sec);
        return before && keys_are_same(before, keys) ? assertion_keys_ref(before)
                                                     : g_steal_pointer(&keys);
}

const AssertionKey *assertion_keys_signing(const AssertionKeys *keys)
{
        return &keys->keys[keys->signing];
}

size_t assertion_keys_size(const AssertionKeys *keys)
{
        return keys->n_keys;
}

const AssertionKey *assertion_keys_get(const AssertionKeys *keys, size_t index)
{
        g_assert(index < keys->n_keys);
        return &keys->keys[index];
}

Span assertion_keys_jwks(const AssertionKeys *keys)
{
        return span_from(keys ? keys->jwks : JWKS_NONE);
}

/* ---- the state database ---- */

#define PART "assertion"

static const char *const migrations[] = {
        "CREATE TABLE assertion_key (kid TEXT NOT NULL PRIMARY KEY, made_sec INTEGER NOT NULL,"
        " pkcs8 BLOB NOT NULL)",
};

enum { KID, MADE, PKCS8, N_COLUMNS };

bool assertion_keys_prepare(Store *store, GError **error)
{
        return !store || store_migrate(store, PART, migrations, G_N_ELEMENTS(migrations), error);
}

static void load_row(const StoreValue *values, size_t n_values, void *userdata)
{
        AssertionKeys *keys = userdata;
        const unsigned char *cursor = (const unsigned char *) values[PKCS8].bytes.data;
        EVP_PKEY *pkey;

        g_assert(n_values == N_COLUMNS);
        if (keys->n_keys == ASSERTION_KEYS_MAX)
                return;
        pkey = d2i_AutoPrivateKey(NULL, &cursor, (long) values[PKCS8].bytes.len);
        if (pkey && keys_add(keys, pkey, values[MADE].integer) &&
            !span_equal_string(values[KID].bytes, keys->keys[keys->n_keys - 1].kid))
                key_deinit(&keys->keys[--keys->n_keys]);
        EVP_PKEY_free(pkey);
}

int assertion_keys_load(Store *store, int64_t now_sec, AssertionKeys **ret)
{
        g_autoptr(AssertionKeys) keys = keys_new();
        int r = 0;

        if (store)
                r = store_read(store,
                               "SELECT kid, made_sec, pkcs8 FROM assertion_key ORDER BY made_sec",
                               NULL, 0, load_row, keys);
        if (r < 0)
                return r;
        finish(keys, now_sec);
        *ret = keys->n_keys > 0 ? g_steal_pointer(&keys) : NULL;
        return 0;
}

static int save_key(Store *store, const AssertionKey *key)
{
        unsigned char *der = NULL;
        PKCS8_PRIV_KEY_INFO *box = EVP_PKEY2PKCS8(key->pkey);
        int len = box ? i2d_PKCS8_PRIV_KEY_INFO(box, &der) : -1;
        int r = -EIO;

        if (len > 0) {
                const StoreValue values[N_COLUMNS] = {
                        [KID] = store_text(span_from(key->kid)),
                        [MADE] = store_integer(key->made_sec),
                        [PKCS8] = store_blob(span_of(der, (size_t) len)),
                };

                r = store_change(
                    store, "INSERT INTO assertion_key (kid, made_sec, pkcs8) VALUES (?, ?, ?)",
                    values, N_COLUMNS);
                secret_erase(der, (size_t) len);
        }
        OPENSSL_free(der);
        PKCS8_PRIV_KEY_INFO_free(box);
        return r;
}

static int save_all(Store *store, const AssertionKeys *keys)
{
        int r = store_change(store, "DELETE FROM assertion_key", NULL, 0);

        for (size_t i = 0; r == 0 && i < keys->n_keys; i++)
                r = save_key(store, &keys->keys[i]);
        return r;
}

int assertion_keys_save(Store *store, const AssertionKeys *keys)
{
        int r;

        if (!store)
                return 0;
        r = store_begin(store);
        if (r < 0)
                return r;
        r = save_all(store, keys);
        if (r < 0) {
                store_rollback(store);
                return r;
        }
        return store_commit(store);
}

/* jwk: see jwk.h. */
#include "token/jwk.h"

#include "token/base64url.h"
#include "token/json.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#define RSA_EXPONENT_SIZE_MAX 4 /* bytes: a longer one serves nobody and makes each check slow */
#define RSA_MODULUS_SIZE_MAX  (JWK_RSA_BITS_MAX / 8)
#define NUMBER_SIZE_MAX       (RSA_MODULUS_SIZE_MAX + 8) /* some write a few zero bytes in front */
#define COORDINATE_SIZE_MAX   66

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM, OSSL_PARAM_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_free)

struct KeySet {
        gatomicrefcount references;
        size_t n_keys;
        Key *keys;                 /* in the document's order */
        const Key **sorted;        /* by kid, then thumbprint, then algs */
        const Key *sole[_ALG_MAX]; /* the only key for an algorithm; NULL: none or several */
};

/* What a Key is read with: one JWK and, on refusal, why. */
typedef struct Reader {
        const json_t *jwk;
        const char *why;
} Reader;

typedef struct CurveWords {
        Curve curve;
        KeyType type;
        const char *crv;  /* RFC 7518 §6.2.1.1, RFC 8037 §2 */
        const char *name; /* OpenSSL's */
        size_t size;      /* bytes of a coordinate or of the public key */
        int bits;
} CurveWords;

static const CurveWords curves[] = {
        { CURVE_P256, KEY_TYPE_EC, "P-256", "P-256", 32, 256 },
        { CURVE_P384, KEY_TYPE_EC, "P-384", "P-384", 48, 384 },
        { CURVE_P521, KEY_TYPE_EC, "P-521", "P-521", 66, 521 },
        { CURVE_ED25519, KEY_TYPE_OKP, "Ed25519", "ED25519", 32, 255 },
        { CURVE_ED448, KEY_TYPE_OKP, "Ed448", "ED448", 57, 448 },
};

/* RFC 7518 §4.1, RFC 8037 §3.2: algorithms that encrypt; a key for one of them is simply not ours.
 */
static const char *const encryption_algs[] = { "RSA-OAEP", "RSA1_5", "ECDH-ES", "A128",
                                               "A192",     "A256",   "PBES2",   "dir" };

/* RFC 7518 §6.2.2, §6.3.2: what only a private key has. */
static const char *const private_members[] = { "d", "p", "q", "dp", "dq", "qi", "oth" };

static const char *const answer_texts[] = {
        [JWK_E_MALFORMED] = "malformed",
        [JWK_E_UNSUPPORTED] = "unsupported",
        [JWK_E_NOT_FOR_SIGNING] = "not for signing",
        [JWK_E_WEAK] = "weak",
        [JWK_E_PRIVATE] = "private",
        [JWK_E_TOO_MANY] = "too many keys",
        [JWK_E_EMPTY] = "not one usable key",
        [JWK_E_DUPLICATE] = "duplicate",
};

static int refuse(Reader *reader, JwkAnswer answer, const char *why)
{
        reader->why = why;
        return answer;
}

const char *jwk_answer_text(int answer)
{
        if (answer <= 0 || (size_t) answer >= G_N_ELEMENTS(answer_texts))
                return "out of memory";
        return answer_texts[answer];
}

/* --- the public part ------------------------------------------------------------------------ */

static int read_bytes(Reader *reader, const char *name, uint8_t *buffer, size_t size,
                      size_t *ret_len)
{
        Span text;

        if (json_member_string(reader->jwk, name, &text) != 0)
                return refuse(reader, JWK_E_MALFORMED,
                              "a member of the public key is absent or no string");
        if (BASE64URL_DECODED_MAX(text.len) > size)
                return refuse(reader, JWK_E_WEAK,
                              "a member of the public key is longer than any key taken");
        if (base64url_decode(text, buffer, ret_len) < 0)
                return refuse(reader, JWK_E_MALFORMED,
                              "a member of the public key is not base64url");
        return 0;
}

/* RFC 7518 §6.2.1.2, RFC 8037 §2: exactly as long as the curve says, zeros in front included. */
static int read_coordinate(Reader *reader, const char *name, const CurveWords *words,
                           uint8_t *buffer)
{
        uint8_t bytes[COORDINATE_SIZE_MAX];
        size_t len;
        int r = read_bytes(reader, name, bytes, sizeof bytes, &len);

        if (r == JWK_E_MALFORMED)
                return r;
        if (r != 0 || len != words->size)
                return refuse(reader, JWK_E_MALFORMED,
                              "a coordinate is not as long as its curve's");
        memcpy(buffer, bytes, len);
        return 0;
}

static void take_thumbprint(Key *key, const char *canonical, size_t len)
{
        EVP_Digest(canonical, len, key->thumbprint, NULL, EVP_sha256(), NULL);
}

static EVP_PKEY *public_key(const char *type, OSSL_PARAM *params)
{
        g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
        EVP_PKEY *pkey = NULL;

        if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
            EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
                return NULL;
        return pkey;
}

static EVP_PKEY *rsa_key(Span modulus, Span exponent)
{
        g_autoptr(BIGNUM) n = BN_bin2bn((const uint8_t *) modulus.data, (int) modulus.len, NULL);
        g_autoptr(BIGNUM) e = BN_bin2bn((const uint8_t *) exponent.data, (int) exponent.len, NULL);
        g_autoptr(OSSL_PARAM_BLD) builder = OSSL_PARAM_BLD_new();
        g_autoptr(OSSL_PARAM) params = NULL;

        if (!n || !e || !builder ||
            OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
            OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1)
                return NULL;
        params = OSSL_PARAM_BLD_to_param(builder);
        return params ? public_key("RSA", params) : NULL;
}

/* RFC 7638 §3.2: the members that make the key, in order and without spaces. */
static void rsa_thumbprint(Key *key, Span modulus, Span exponent)
{
        char n[BASE64URL_ENCODED_MAX(RSA_MODULUS_SIZE_MAX)],
            e[BASE64URL_ENCODED_MAX(RSA_EXPONENT_SIZE_MAX)];
        g_autofree char *canonical = NULL;

        base64url_encode(modulus, n);
        base64url_encode(exponent, e);
        canonical = g_strdup_printf("{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", e, n);
        take_thumbprint(key, canonical, strlen(canonical));
}

/* A Base64urlUInt. RFC 7518 §2 wants it without zero bytes in front and §6.3.1.1 warns that some
 * write one; they change nothing and are dropped. */
static int read_number(Reader *reader, const char *name, uint8_t buffer[NUMBER_SIZE_MAX], Span *ret)
{
        size_t len, n_zeros = 0;
        int r = read_bytes(reader, name, buffer, NUMBER_SIZE_MAX, &len);

        if (r != 0)
                return r;
        while (n_zeros < len && buffer[n_zeros] == 0)
                n_zeros++;
        *ret = span_of(buffer + n_zeros, len - n_zeros);
        return 0;
}

static bool is_odd(Span number)
{
        return number.len > 0 && (number.data[number.len - 1] & 1);
}

/* Odd, at least 3 and at most RSA_EXPONENT_SIZE_MAX bytes: of the odd ones only 1 is too small. */
static bool exponent_fits(Span exponent)
{
        return is_odd(exponent) && exponent.len <= RSA_EXPONENT_SIZE_MAX &&
               !(exponent.len == 1 && exponent.data[0] == 1);
}

static int bits_of(Span number)
{
        return number.len > 0
                   ? (int) number.len * 8 - __builtin_clz((unsigned char) number.data[0]) + 24
                   : 0;
}

static int read_rsa(Reader *reader, Key *key)
{
        uint8_t n[NUMBER_SIZE_MAX], e[NUMBER_SIZE_MAX];
        Span modulus, exponent;
        int r = read_number(reader, "n", n, &modulus);

        if (r == 0)
                r = read_number(reader, "e", e, &exponent);
        if (r != 0)
                return r;
        key->bits = bits_of(modulus);
        if (key->bits < JWK_RSA_BITS_MIN || key->bits > JWK_RSA_BITS_MAX)
                return refuse(reader, JWK_E_WEAK, "the RSA modulus is not of 2048 to 8192 bits");
        if (!is_odd(modulus) || !exponent_fits(exponent))
                return refuse(reader, JWK_E_WEAK,
                              "the RSA modulus is even, or the exponent even, 1 or over 32 bits");
        rsa_thumbprint(key, modulus, exponent);
        key->pkey = rsa_key(modulus, exponent);
        return key->pkey ? 0
                         : refuse(reader, JWK_E_MALFORMED, "OpenSSL does not take this RSA key");
}

static const CurveWords *read_curve(Reader *reader, KeyType type)
{
        Span crv;

        if (json_member_string(reader->jwk, "crv", &crv) != 0)
                return NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(curves); i++)
                if (curves[i].type == type && span_equal_string(crv, curves[i].crv))
                        return &curves[i];
        return NULL;
}

/* An uncompressed point (SEC 1 §2.3.3). OpenSSL refuses one off the curve when it is made; the
 * check afterwards is cheap and does not rely on that. */
static EVP_PKEY *ec_key(const CurveWords *words, const uint8_t *x, const uint8_t *y)
{
        uint8_t point[1 + 2 * COORDINATE_SIZE_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *) words->name,
                                                 0),
                OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
                                                  1 + 2 * words->size),
                OSSL_PARAM_construct_end(),
        };
        g_autoptr(EVP_PKEY_CTX) context = NULL;
        EVP_PKEY *pkey;

        memcpy(point + 1, x, words->size);
        memcpy(point + 1 + words->size, y, words->size);
        pkey = public_key("EC", params);
        context = pkey ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
        if (context && EVP_PKEY_public_check_quick(context) == 1)
                return pkey;
        EVP_PKEY_free(pkey);
        return NULL;
}

static void ec_thumbprint(Key *key, const CurveWords *words, const uint8_t *x, const uint8_t *y)
{
        char x_text[BASE64URL_ENCODED_MAX(COORDINATE_SIZE_MAX)], y_text[sizeof x_text];
        g_autofree char *canonical = NULL;

        base64url_encode(span_of(x, words->size), x_text);
        base64url_encode(span_of(y, words->size), y_text);
        canonical = g_strdup_printf("{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
                                    words->crv, x_text, y_text);
        take_thumbprint(key, canonical, strlen(canonical));
}

static int read_ec(Reader *reader, Key *key)
{
        const CurveWords *words = read_curve(reader, KEY_TYPE_EC);
        uint8_t x[COORDINATE_SIZE_MAX], y[COORDINATE_SIZE_MAX];
        int r;

        if (!words)
                return refuse(reader, JWK_E_UNSUPPORTED, "crv is none of P-256, P-384, P-521");
        r = read_coordinate(reader, "x", words, x);
        if (r == 0)
                r = read_coordinate(reader, "y", words, y);
        if (r != 0)
                return r;
        key->curve = words->curve;
        key->bits = words->bits;
        ec_thumbprint(key, words, x, y);
        key->pkey = ec_key(words, x, y);
        return key->pkey ? 0
                         : refuse(reader, JWK_E_MALFORMED, "the point does not lie on its curve");
}

static void okp_thumbprint(Key *key, const CurveWords *words, const uint8_t *x)
{
        char x_text[BASE64URL_ENCODED_MAX(COORDINATE_SIZE_MAX)];
        g_autofree char *canonical = NULL;

        base64url_encode(span_of(x, words->size), x_text);
        canonical =
            g_strdup_printf("{\"crv\":\"%s\",\"kty\":\"OKP\",\"x\":\"%s\"}", words->crv, x_text);
        take_thumbprint(key, canonical, strlen(canonical));
}

static int read_okp(Reader *reader, Key *key)
{
        const CurveWords *words = read_curve(reader, KEY_TYPE_OKP);
        uint8_t x[COORDINATE_SIZE_MAX];
        int r;

        if (!words)
                return refuse(reader, JWK_E_UNSUPPORTED, "crv is neither Ed25519 nor Ed448");
        r = read_coordinate(reader, "x", words, x);
        if (r != 0)
                return r;
        key->curve = words->curve;
        key->bits = words->bits;
        okp_thumbprint(key, words, x);
        key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, words->name, NULL, x, words->size);
        return key->pkey ? 0 : refuse(reader, JWK_E_MALFORMED, "OpenSSL does not take this key");
}

/* --- what the key is for -------------------------------------------------------------------- */

typedef struct TypeWords {
        KeyType type;
        const char *kty;
        int (*read)(Reader *reader, Key *key);
} TypeWords;

static const TypeWords types[] = {
        { KEY_TYPE_RSA, "RSA", read_rsa },
        { KEY_TYPE_EC, "EC", read_ec },
        { KEY_TYPE_OKP, "OKP", read_okp },
};

static int read_type(Reader *reader, const TypeWords **ret)
{
        Span kty;

        if (json_member_string(reader->jwk, "kty", &kty) != 0)
                return refuse(reader, JWK_E_MALFORMED, "kty is absent or no string");
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
                if (span_equal_string(kty, types[i].kty)) {
                        *ret = &types[i];
                        return 0;
                }
        return refuse(reader, JWK_E_UNSUPPORTED, "kty is none of RSA, EC, OKP");
}

static int check_private(Reader *reader)
{
        for (size_t i = 0; i < G_N_ELEMENTS(private_members); i++)
                if (json_object_get(reader->jwk, private_members[i]))
                        return refuse(reader, JWK_E_PRIVATE,
                                      "this is a private key; a key set holds public ones");
        return 0;
}

/* jwt-svid is what a SPIFFE trust bundle says for sig (JWT-SVID §6.1). */
static int check_use(Reader *reader)
{
        Span use = span_from("sig");

        if (json_member_string(reader->jwk, "use", &use) == JSON_E_TYPE)
                return refuse(reader, JWK_E_MALFORMED, "use is no string");
        if (!span_equal_string(use, "sig") && !span_equal_string(use, "jwt-svid"))
                return refuse(reader, JWK_E_NOT_FOR_SIGNING, "use is not sig");
        return 0;
}

static int check_key_ops(Reader *reader)
{
        const json_t *operations = json_object_get(reader->jwk, "key_ops"), *operation;
        bool verifies = false;
        size_t i;

        if (!operations)
                return 0;
        if (!json_is_array(operations))
                return refuse(reader, JWK_E_MALFORMED, "key_ops is no array of strings");
        json_array_foreach (operations, i, operation) {
                if (!json_is_string(operation))
                        return refuse(reader, JWK_E_MALFORMED, "key_ops is no array of strings");
                verifies = verifies || strcmp(json_string_value(operation), "verify") == 0;
        }
        return verifies ? 0 : refuse(reader, JWK_E_NOT_FOR_SIGNING, "key_ops does not hold verify");
}

static bool is_encryption_alg(Span name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(encryption_algs); i++)
                if (g_str_has_prefix(name.data, encryption_algs[i]))
                        return true;
        return false;
}

/* The alg member: at most one algorithm; without it, all that kty and crv fit (see allowed_algs).
 */
static int read_alg(Reader *reader, const Alg **ret)
{
        Span name;
        int r = json_member_string(reader->jwk, "alg", &name);

        if (r == JSON_E_TYPE)
                return refuse(reader, JWK_E_MALFORMED, "alg is no string");
        *ret = r == 0 ? alg_find(name) : NULL;
        if (r != 0 || *ret)
                return 0;
        if (is_encryption_alg(name))
                return refuse(reader, JWK_E_NOT_FOR_SIGNING, "alg is one that encrypts");
        return refuse(reader, JWK_E_UNSUPPORTED, "alg is none of the algorithms taken");
}

static AlgSet allowed_algs(const Key *key, const Alg *only)
{
        AlgSet set = 0;

        for (int id = 0; id < _ALG_MAX; id++) {
                const Alg *alg = alg_get((AlgId) id);

                if (alg->key_type == key->type &&
                    (alg->curve == CURVE_NONE || alg->curve == key->curve) &&
                    (!only || only == alg))
                        set |= 1u << id;
        }
        return set;
}

static int read_kid(Reader *reader, Key *key)
{
        Span kid = SPAN_EMPTY;

        if (json_member_string(reader->jwk, "kid", &kid) == JSON_E_TYPE ||
            kid.len > JWK_KID_SIZE_MAX)
                return refuse(reader, JWK_E_MALFORMED, "kid is no string of at most 256 bytes");
        if (kid.len > 0)
                key->kid = g_strndup(kid.data, kid.len);
        return 0;
}

static int check_purpose(Reader *reader)
{
        int r = check_use(reader);

        if (r == 0)
                r = check_key_ops(reader);
        return r != 0 ? r : check_private(reader);
}

static int key_read(Reader *reader, Key *key)
{
        const TypeWords *words;
        const Alg *only;
        int r;

        if (!json_is_object(reader->jwk))
                return refuse(reader, JWK_E_MALFORMED, "the key is no object");
        r = read_kid(reader, key);
        if (r == 0)
                r = read_type(reader, &words);
        if (r == 0)
                r = check_purpose(reader);
        if (r == 0)
                r = read_alg(reader, &only);
        if (r != 0)
                return r;
        key->type = words->type;
        r = words->read(reader, key);
        if (r != 0)
                return r;
        key->algs = allowed_algs(key, only);
        return key->algs ? 0 : refuse(reader, JWK_E_MALFORMED, "alg does not fit kty and crv");
}

static void key_deinit(Key *key)
{
        g_clear_pointer(&key->kid, g_free);
        g_clear_pointer(&key->pkey, EVP_PKEY_free);
}

/* --- the set -------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
        const Key *left = *(const Key *const *) a, *right = *(const Key *const *) b;
        int r = g_strcmp0(left->kid, right->kid);

        if (r == 0)
                r = memcmp(left->thumbprint, right->thumbprint, JWK_THUMBPRINT_SIZE);
        return r != 0 ? r : (left->algs > right->algs) - (left->algs < right->algs);
}

/* Whether a key may stand beside those already taken: 0; JWK_E_DUPLICATE, and *ret_same when it is
 * one of them again (which harms nobody). Keys without kid are found by algorithm alone. */
static int find_conflict(const KeySet *set, const Key *key, bool *ret_same)
{
        for (size_t i = 0; i < set->n_keys; i++) {
                const Key *other = &set->keys[i];

                if (g_strcmp0(other->kid, key->kid) != 0 || !(other->algs & key->algs))
                        continue;
                *ret_same = memcmp(other->thumbprint, key->thumbprint, JWK_THUMBPRINT_SIZE) == 0;
                if (*ret_same || key->kid)
                        return JWK_E_DUPLICATE;
        }
        return 0;
}

/* One more key; 0 also for one that is skipped and told. JWK_E_DUPLICATE ends the whole set. */
static int keyset_add(KeySet *set, const json_t *jwk, size_t index, KeySkipped skipped,
                      void *userdata)
{
        Key *key = &set->keys[set->n_keys];
        Reader reader = { .jwk = jwk };
        bool same = false;
        int r = key_read(&reader, key);

        if (r == 0) {
                r = find_conflict(set, key, &same);
                reader.why = "the same key stands in the set twice";
        }
        if (r == 0) {
                set->n_keys++;
                return 0;
        }
        if (skipped)
                skipped(index, key->kid, r, reader.why, userdata);
        key_deinit(key);
        *key = (Key){ 0 };
        return r == JWK_E_DUPLICATE && !same ? r : 0;
}

static void keyset_index(KeySet *set)
{
        size_t n_for[_ALG_MAX] = { 0 };

        set->sorted = g_new0(const Key *, set->n_keys + 1); /* qsort wants an address */
        for (size_t i = 0; i < set->n_keys; i++) {
                set->sorted[i] = &set->keys[i];
                for (size_t id = 0; id < _ALG_MAX; id++)
                        if (alg_set_has(set->keys[i].algs, (AlgId) id))
                                set->sole[id] = ++n_for[id] == 1 ? &set->keys[i] : NULL;
        }
        qsort(set->sorted, set->n_keys, sizeof *set->sorted, compare_keys);
}

static int keyset_read(KeySet *set, const json_t *list, KeySkipped skipped, void *userdata)
{
        size_t n = json_array_size(list);

        if (n > KEYSET_KEYS_MAX)
                return JWK_E_TOO_MANY;
        set->keys = g_new0(Key, n + 1);
        for (size_t i = 0; i < n; i++) {
                int r = keyset_add(set, json_array_get(list, i), i, skipped, userdata);

                if (r != 0)
                        return r;
        }
        if (set->n_keys == 0)
                return JWK_E_EMPTY;
        keyset_index(set);
        return 0;
}

/* The list of keys of a JWKS; of one bare JWK, a list of it. A new reference, or NULL. */
static json_t *list_of(json_t *document)
{
        json_t *keys = json_object_get(document, "keys");

        if (keys)
                return json_is_array(keys) ? json_incref(keys) : NULL;
        return json_object_get(document, "kty") ? json_pack("[O]", document) : NULL;
}

int keyset_parse(Span json, KeySkipped skipped, void *userdata, KeySet **ret)
{
        static const JsonLimits limits = { KEYSET_SIZE_MAX, KEYSET_DEPTH_MAX };
        g_autoptr(KeySet) set = NULL;
        json_auto *document = NULL, *list = NULL;
        int r = json_parse_object(json, &limits, &document);

        if (r < 0)
                return r;
        list = r == 0 ? list_of(document) : NULL;
        if (!list)
                return JWK_E_MALFORMED;
        set = g_new0(KeySet, 1);
        g_atomic_ref_count_init(&set->references);
        r = keyset_read(set, list, skipped, userdata);
        ERR_clear_error(); /* what OpenSSL said of keys that it refused */
        if (r != 0)
                return r;
        *ret = g_steal_pointer(&set);
        return 0;
}

KeySet *keyset_ref(KeySet *set)
{
        g_atomic_ref_count_inc(&set->references);
        return set;
}

void keyset_unref(KeySet *set)
{
        if (!set || !g_atomic_ref_count_dec(&set->references))
                return;
        for (size_t i = 0; i < set->n_keys; i++)
                key_deinit(&set->keys[i]);
        g_free(set->keys);
        g_free(set->sorted);
        g_free(set);
}

size_t keyset_size(const KeySet *set)
{
        return set->n_keys;
}

const Key *keyset_get(const KeySet *set, size_t index)
{
        return index < set->n_keys ? &set->keys[index] : NULL;
}

static int compare_kid(Span kid, const Key *key)
{
        Span other = span_from(key->kid);
        int r = memcmp(kid.data, other.data, MIN(kid.len, other.len));

        return r != 0 ? r : (kid.len > other.len) - (kid.len < other.len);
}

/* The first in kid's order that does not stand before it. */
static size_t lower_bound(const KeySet *set, Span kid)
{
        size_t low = 0, high = set->n_keys;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare_kid(kid, set->sorted[middle]) > 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const Key *keyset_find(const KeySet *set, Span kid, const Alg *alg)
{
        const Key *found = NULL;

        if (kid.len == 0)
                return set->sole[alg->id];
        for (size_t i = lower_bound(set, kid);
             i < set->n_keys && compare_kid(kid, set->sorted[i]) == 0; i++) {
                if (alg_set_has(set->sorted[i]->algs, alg->id))
                        return set->sorted[i];
                found = set->sorted[i];
        }
        return found;
}

bool keyset_equal(const KeySet *a, const KeySet *b)
{
        if (a->n_keys != b->n_keys)
                return false;
        for (size_t i = 0; i < a->n_keys; i++)
                if (compare_keys(&a->sorted[i], &b->sorted[i]) != 0)
                        return false;
        return true;
}

static void key_copy(const Key *from, Key *ret)
{
        *ret = *from;
        ret->kid = g_strdup(from->kid);
        EVP_PKEY_up_ref(ret->pkey);
}

KeySet *keyset_without(KeySet *set, bool (*drop)(const Key *key, void *userdata), void *userdata)
{
        KeySet *rest = g_new0(KeySet, 1);

        g_atomic_ref_count_init(&rest->references);
        rest->keys = g_new0(Key, set->n_keys + 1);
        for (size_t i = 0; i < set->n_keys; i++)
                if (!drop(&set->keys[i], userdata))
                        key_copy(&set->keys[i], &rest->keys[rest->n_keys++]);
        if (rest->n_keys == set->n_keys) {
                keyset_unref(rest);
                return keyset_ref(set);
        }
        keyset_index(rest);
        return rest;
}

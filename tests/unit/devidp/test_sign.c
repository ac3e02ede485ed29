/* Signatures of devidp, checked with OpenSSL from the published public key alone. */
#include "sign.h"

#include <glib/gstdio.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <string.h>

typedef struct Row {
        const char *name;
        const char *kind;
        const char *typ; /* NULL: the default */
} Row;

static const Row ROWS[] = {
        { "RS256 by libjwt", "RS256", NULL },
        { "RS512 by libjwt", "RS512", NULL },
        { "RS256 with a typ that libjwt cannot write", "RS256", "at+jwt" },
        { "PS256 by OpenSSL", "PS256", NULL },
        { "PS384 by OpenSSL", "PS384", NULL },
        { "ES256 by libjwt", "ES256", NULL },
        { "ES256 with a typ that libjwt cannot write", "ES256", "at+jwt" },
        { "ES384 with a typ that libjwt cannot write", "ES384", "at+jwt" },
        { "ES512 by libjwt", "ES512", NULL },
        { "EdDSA with Ed25519", "EdDSA", NULL },
        { "EdDSA with Ed448", "Ed448", NULL },
};

static unsigned char *to_der(const unsigned char *raw, size_t *len)
{
        ECDSA_SIG *pair = ECDSA_SIG_new();
        unsigned char *der = NULL;
        int half = (int) (*len / 2);

        ECDSA_SIG_set0(pair, BN_bin2bn(raw, half, NULL), BN_bin2bn(raw + half, half, NULL));
        *len = (size_t) i2d_ECDSA_SIG(pair, &der);
        ECDSA_SIG_free(pair);
        return der;
}

static bool holds(const SigningKey *key, const char *input, const unsigned char *raw, size_t len)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *key_context;
        unsigned char *der = key->kind->coordinate_size ? to_der(raw, &len) : NULL;
        bool good = EVP_DigestVerifyInit_ex(context, &key_context, key->kind->digest, NULL, NULL,
                                            key->pkey, NULL) == 1;

        if (key->kind->pss)
                good = good &&
                       EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1;
        good = good && EVP_DigestVerify(context, der ? der : raw, len,
                                        (const unsigned char *) input, strlen(input)) == 1;
        OPENSSL_free(der);
        EVP_MD_CTX_free(context);
        return good;
}

static json_t *part_of(const char *text)
{
        size_t len;
        g_autofree unsigned char *bytes = sign_base64url_decode(text, &len);

        return json_loadb((char *) bytes, len, 0, NULL);
}

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_autoptr(SigningKey) key = signing_key_new(key_kind_find(row->kind));
        json_t *header = json_pack("{s:s}", "kid", key->kid);
        json_t *payload = json_pack("{s:s, s:i}", "sub", "alíce\r\n", "exp", 7);
        size_t len;

        if (row->typ)
                json_object_set_new(header, "typ", json_string(row->typ));
        g_autofree char *token = sign_compact(key, header, payload);
        g_assert_nonnull(token);
        g_auto(GStrv) parts = g_strsplit(token, ".", -1);
        g_assert_cmpuint(g_strv_length(parts), ==, 3);
        json_t *head = part_of(parts[0]), *body = part_of(parts[1]);
        g_assert_cmpstr(json_string_value(json_object_get(head, "alg")), ==, key->kind->alg);
        g_assert_cmpstr(json_string_value(json_object_get(head, "typ")), ==,
                        row->typ ? row->typ : "JWT");
        g_assert_cmpstr(json_string_value(json_object_get(head, "kid")), ==, key->kid);
        g_assert_true(json_equal(body, payload));
        g_autofree unsigned char *raw = sign_base64url_decode(parts[2], &len);
        g_autofree char *input = g_strdup_printf("%s.%s", parts[0], parts[1]);
        g_assert_true(holds(key, input, raw, len));
        json_t *opened_head = NULL, *opened = sign_open(token, key->pkey, &opened_head);
        g_assert_true(json_equal(opened, payload));
        g_assert_true(json_equal(opened_head, head));
        json_decref(opened);
        json_decref(opened_head);
        input[3] ^= 1;
        g_assert_false(holds(key, input, raw, len));
        json_decref(head);
        json_decref(body);
        json_decref(header);
        json_decref(payload);
}

static Keyring *open_ring(const char *folder)
{
        json_t *names = json_pack("[s, s]", "ES256", "EdDSA");
        Keyring *keyring = keyring_open(folder, names, NULL);

        json_decref(names);
        g_assert_nonnull(keyring);
        return keyring;
}

/* With the right secret but another HMAC: what Keycloak never makes. */
static char *with_hs256(const Keyring *keyring)
{
        jwt_t *jwt = NULL;

        g_assert_cmpint(jwt_new(&jwt), ==, 0);
        g_assert_cmpint(jwt_set_alg(jwt, JWT_ALG_HS256, keyring->secret, sizeof(keyring->secret)),
                        ==, 0);
        char *token = jwt_encode_str(jwt);
        jwt_free(jwt);
        return token;
}

static void test_refresh(void)
{
        g_autoptr(Keyring) ours = open_ring(NULL);
        g_autoptr(Keyring) theirs = open_ring(NULL);
        json_t *payload = json_pack("{s:s}", "typ", "Refresh");
        g_autofree char *token = sign_refresh(ours, payload);
        g_autofree char *foreign = sign_refresh(theirs, payload);
        g_autofree char *giant = g_strnfill(SIGN_TOKEN_SIZE_MAX + 1, 'a');
        json_t *opened = sign_open_refresh(ours, token);

        g_assert_true(json_equal(opened, payload));
        g_assert_null(sign_open_refresh(ours, foreign));
        char *weaker = with_hs256(ours);
        g_assert_null(sign_open_refresh(ours, weaker));
        free(weaker);
        g_assert_null(sign_open_refresh(ours, giant));
        g_assert_null(sign_open_refresh(ours, "eyJhbGciOiJub25lIn0.e30."));
        json_decref(opened);
        json_decref(payload);
}

static void test_rotation(void)
{
        g_autoptr(Keyring) keyring = open_ring(NULL);
        g_autofree char *first = g_strdup(keyring_signer(keyring, "ES256")->kid);

        g_assert_null(keyring_rotate(keyring, "HS256", NULL));
        g_assert_null(keyring_rotate(keyring, "RSA-OAEP", NULL));
        const SigningKey *second = keyring_rotate(keyring, "ES256", NULL);
        g_assert_true(keyring_signer(keyring, "ES256") == second);
        g_assert_true(keyring_find(keyring, first)->enabled);
        g_assert_true(keyring_disable(keyring, second->kid));
        g_assert_cmpstr(keyring_signer(keyring, "ES256")->kid, ==, first);
        g_assert_true(keyring_disable(keyring, first));
        g_assert_null(keyring_signer(keyring, "ES256"));
        g_assert_false(keyring_disable(keyring, "nobody"));
        json_t *jwks = keyring_jwks(keyring);
        g_assert_cmpuint(json_array_size(json_object_get(jwks, "keys")), ==, 1);
        json_decref(jwks);
}

static void test_named(void)
{
        g_autoptr(Keyring) one = open_ring(NULL);
        g_autoptr(Keyring) two = open_ring(NULL);
        const SigningKey *ours = keyring_rotate(one, "ES256", "shared");
        const SigningKey *theirs = keyring_rotate(two, "ES256", "shared");

        g_assert_cmpstr(ours->kid, ==, "shared");
        g_assert_cmpstr(theirs->kid, ==, "shared");
        g_assert_cmpint(EVP_PKEY_eq(ours->pkey, theirs->pkey), ==, 0);
        g_assert_null(keyring_rotate(one, "ES256", "shared"));
        g_assert_true(keyring_disable(one, "shared"));
        g_assert_true(keyring_rotate(one, "ES256", "shared") == keyring_signer(one, "ES256"));
        g_assert_true(keyring_find(one, "shared")->enabled);
}

static void test_state(void)
{
        g_autofree char *folder = g_dir_make_tmp("devidp-XXXXXX", NULL);
        g_autofree char *file = g_build_filename(folder, "keys.json", NULL);
        GStatBuf facts;
        Keyring *before = open_ring(folder);
        g_autofree char *kid = g_strdup(keyring_rotate(before, "ES256", NULL)->kid);
        g_autofree char *gone = g_strdup(keyring_signer(before, "EdDSA")->kid);

        keyring_rotate(before, "EdDSA", "named");
        keyring_disable(before, gone);
        keyring_free(before);
        g_autoptr(Keyring) after = open_ring(folder);
        g_assert_cmpstr(keyring_signer(after, "ES256")->kid, ==, kid);
        g_assert_false(keyring_find(after, gone)->enabled);
        g_assert_cmpstr(keyring_signer(after, "EdDSA")->kid, ==, "named");
        g_assert_cmpint(g_stat(file, &facts), ==, 0);
        g_assert_cmpint(facts.st_mode & 0777, ==, 0600);
        g_unlink(file);
        g_rmdir(folder);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(ROWS); i++) {
                g_autofree char *path = g_strdup_printf("/sign/%s", ROWS[i].name);
                g_test_add_data_func(path, &ROWS[i], test_row);
        }
        g_test_add_func("/refresh/only our own secret opens one, and only HS512", test_refresh);
        g_test_add_func("/keyring/the newest enabled key signs, the older stay published",
                        test_rotation);
        g_test_add_func("/keyring/a kid as ordered, with another key in another ring", test_named);
        g_test_add_func(
            "/keyring/a state folder keeps keys and what was disabled, for the owner only",
            test_state);
        return g_test_run();
}

/* clientauth: what each method puts into a request, and what it refuses. */
#include "issuer/clientauth.h"

#include "base/clock.h"
#include "token/claims.h"
#include "token/verify.h"

#include <glib/gstdio.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

#define NOW_SEC  INT64_C(1800000000)
#define AUDIENCE "https://sso.example.com/realms/a"

static char *folder;

/* Files */

static char *file_of(const char *name, const char *content, int mode)
{
        char *path = g_build_filename(folder, name, NULL);

        g_assert_true(g_file_set_contents(path, content, -1, NULL));
        g_assert_cmpint(g_chmod(path, mode), ==, 0);
        return path;
}

static char *pem_of(EVP_PKEY *key, const char *password)
{
        BIO *bio = BIO_new(BIO_s_mem());
        char *data = NULL, *pem;
        long len;

        g_assert_cmpint(
            PEM_write_bio_PKCS8PrivateKey(bio, key, password ? EVP_aes_128_cbc() : NULL, password,
                                          password ? (int) strlen(password) : 0, NULL, NULL),
            ==, 1);
        len = BIO_get_mem_data(bio, &data);
        pem = g_strndup(data, (size_t) len);
        BIO_free(bio);
        return pem;
}

static EVP_PKEY *key_of(const char *kind)
{
        EVP_PKEY *key = NULL;

        if (g_str_has_prefix(kind, "RSA"))
                key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) atoi(kind + strlen("RSA")));
        else if (g_str_has_prefix(kind, "ED"))
                key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
        else
                key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
        g_assert_nonnull(key);
        return key;
}

/* Settings */

typedef struct TroubleRow {
        const char *sentence;
        ClientAuthSettings settings;
        const char *key; /* NULL: nothing to say */
        const char *trouble;
} TroubleRow;

static char word[] = "x";
static char with_newline[] = "a\nb", with_umlaut[] = "\xc3\xa4", nothing[] = "";

static const TroubleRow troubles[] = {
        { "no client at all", { 0 }, NULL, NULL },
        { "basic with its secret", { .client_id = word, .secret_file = word }, NULL, NULL },
        { "basic without its secret", { .client_id = word }, "client_secret_file", "needs it" },
        { "post without its secret",
          { .client_id = word, .method = CLIENT_AUTH_SECRET_POST },
          "client_secret_file",
          "needs it" },
        { "a secret without a client", { .secret_file = word }, "client_secret_file", "client_id" },
        { "a certificate without a client",
          { .cert_file = word },
          "client_cert_file",
          "client_id" },
        { "basic with a key too",
          { .client_id = word, .secret_file = word, .key_file = word },
          "client_key_file",
          "no use" },
        { "a signed assertion with its key",
          { .client_id = word, .method = CLIENT_AUTH_PRIVATE_KEY_JWT, .key_file = word },
          NULL,
          NULL },
        { "a signed assertion with its key and kid",
          { .client_id = word,
            .method = CLIENT_AUTH_PRIVATE_KEY_JWT,
            .key_file = word,
            .key_id = word },
          NULL,
          NULL },
        { "a signed assertion with a secret",
          { .client_id = word,
            .method = CLIENT_AUTH_PRIVATE_KEY_JWT,
            .key_file = word,
            .secret_file = word },
          "client_secret_file",
          "no use" },
        { "a signed assertion with a kid alone",
          { .client_id = word, .method = CLIENT_AUTH_PRIVATE_KEY_JWT, .key_id = word },
          "client_key_file",
          "needs it" },
        { "TLS with certificate and key",
          { .client_id = word,
            .method = CLIENT_AUTH_TLS,
            .cert_file = word,
            .cert_key_file = word },
          NULL,
          NULL },
        { "TLS without the key",
          { .client_id = word, .method = CLIENT_AUTH_TLS, .cert_file = word },
          "client_cert_key_file",
          "needs it" },
        { "a client_id with a line end",
          { .client_id = with_newline, .secret_file = word },
          "client_id",
          "printable" },
        { "a client_id beyond ASCII",
          { .client_id = with_umlaut, .secret_file = word },
          "client_id",
          "printable" },
        { "an empty client_id",
          { .client_id = nothing, .secret_file = word },
          "client_id",
          "1 to" },
};

static void run_trouble(const void *data)
{
        const TroubleRow *row = data;
        const char *key = NULL;
        const char *trouble = client_auth_settings_trouble(&row->settings, &key);

        if (!row->key) {
                g_assert_null(trouble);
                return;
        }
        g_assert_nonnull(trouble);
        g_assert_cmpstr(key, ==, row->key);
        g_assert_nonnull(strstr(trouble, row->trouble));
}

static void test_copies(void)
{
        ClientAuthSettings settings = { .client_id = word,
                                        .method = CLIENT_AUTH_TLS,
                                        .key_id = word };
        ClientAuthSettings copy;

        client_auth_settings_copy(&settings, &copy);
        g_assert_true(client_auth_settings_equal(&settings, &copy));
        g_assert_true(copy.key_id != settings.key_id);
        settings.key_id = NULL;
        g_assert_false(client_auth_settings_equal(&settings, &copy));
        client_auth_settings_clear(&copy);
        g_assert_null(copy.client_id);
        g_assert_null(copy.key_id);
}

static void test_words(void)
{
        ClientAuthMethod method;

        for (ClientAuthMethod i = 0; i < _CLIENT_AUTH_MAX; i++) {
                g_assert_true(client_auth_method_from_text(client_auth_method_text(i), &method));
                g_assert_cmpint(method, ==, i);
        }
        g_assert_false(client_auth_method_from_text("Client_Secret_Basic", &method));
        g_assert_false(client_auth_method_from_text("", &method));
}

/* Requests */

static GString *form_new(void)
{
        return g_string_new("token=t");
}

static void test_form(void)
{
        GString *form = g_string_new(NULL);

        client_auth_form_append(form, "a", span_of("x y&z=\0\xff", 8));
        client_auth_form_append(form, "b", span_from("AZaz09-._~*+/%"));
        g_assert_cmpstr(form->str, ==, "a=x%20y%26z%3D%00%FF&b=AZaz09-._~%2A%2B%2F%25");
        client_auth_form_free(form);
        client_auth_form_free(NULL);
}

static void test_basic(void)
{
        g_autofree char *path = file_of("secret", "p:ä s\n", 0600);
        char client_id[] = "orders:a b";
        const ClientAuthSettings settings = { .client_id = client_id, .secret_file = path };
        GString *form = form_new();
        g_auto(ClientAuth) auth = { 0 };

        g_assert_true(client_auth_prepare(&settings, AUDIENCE, form, &auth, NULL));
        g_assert_cmpstr(auth.basic_user, ==, "orders%3Aa%20b");
        g_assert_true(span_equal_string(secret_bytes(auth.basic_password), "p%3A%C3%A4%20s"));
        g_assert_cmpstr(form->str, ==, "token=t");
        client_auth_form_free(form);
}

static void test_post(void)
{
        g_autofree char *path = file_of("secret", "p&q=r", 0600);
        const ClientAuthSettings settings = { .client_id = word,
                                              .method = CLIENT_AUTH_SECRET_POST,
                                              .secret_file = path };
        GString *form = form_new();
        g_auto(ClientAuth) auth = { 0 };

        g_assert_true(client_auth_prepare(&settings, AUDIENCE, form, &auth, NULL));
        g_assert_null(auth.basic_user);
        g_assert_cmpstr(form->str, ==, "token=t&client_id=x&client_secret=p%26q%3Dr");
        client_auth_form_free(form);
        /* A changed file counts at once. */
        g_free(file_of("secret", "new", 0600));
        form = form_new();
        g_assert_true(client_auth_prepare(&settings, AUDIENCE, form, &auth, NULL));
        g_assert_cmpstr(form->str, ==, "token=t&client_id=x&client_secret=new");
        client_auth_form_free(form);
}

static void test_tls(void)
{
        g_autofree char *path = file_of("key", "k", 0600);
        const ClientAuthSettings settings = { .client_id = word,
                                              .method = CLIENT_AUTH_TLS,
                                              .cert_file = word,
                                              .cert_key_file = path };
        GString *form = form_new();
        g_auto(ClientAuth) auth = { 0 };
        g_autoptr(GError) error = NULL;

        g_assert_true(client_auth_prepare(&settings, AUDIENCE, form, &auth, NULL));
        g_assert_cmpstr(auth.cert_file, ==, word);
        g_assert_cmpstr(auth.cert_key_file, ==, path);
        g_assert_cmpstr(form->str, ==, "token=t&client_id=x");
        g_chmod(path, 0644);
        g_assert_false(client_auth_prepare(&settings, AUDIENCE, form, &auth, &error));
        g_assert_nonnull(strstr(error->message, path));
        client_auth_form_free(form);
}

/* The signed assertion, checked with the code that checks tokens. */

typedef struct SignRow {
        const char *sentence;
        const char *kind;
        const char *alg; /* NULL: refused */
        const char *key_id;
        const char *password;
} SignRow;

static const SignRow signs[] = {
        { "RSA with 2048 bits", "RSA2048", "RS256", "k1" },
        { "RSA with 2047 bits", "RSA2047", NULL },
        { "RSA with 1024 bits", "RSA1024", NULL },
        { "P-256", "P-256", "ES256", "k \"2\"" },
        { "P-384", "P-384", "ES384" },
        { "P-521", "P-521", "ES512" },
        { "secp256k1", "secp256k1", NULL },
        { "P-224", "P-224", NULL },
        { "Ed25519, which libjwt cannot", "ED25519", NULL },
        { "a key with a password: nobody is asked for it", "P-256", NULL, NULL, "password" },
};

static void assert_text(const Claims *claims, const char *name, const char *wanted)
{
        TapeValue value = tape_member(claims_root(claims), span_from(name));

        g_assert_cmpint(tape_type(value), ==, TAPE_STRING);
        g_assert_true(span_equal_string(tape_string(value), wanted));
}

/* The jti, which the caller frees. */
static char *assert_assertion(const char *assertion, EVP_PKEY *pkey, const SignRow *row)
{
        Key key = { .algs = ALG_SET_ALL, .pkey = pkey, .bits = EVP_PKEY_get_bits(pkey) };
        g_autoptr(Verifier) verifier = verifier_new();
        g_autoptr(Claims) claims = NULL;
        uint8_t buffer[JWS_PAYLOAD_SIZE_MAX];
        Span payload;
        Jws jws;

        g_assert_cmpint(jws_parse(span_from(assertion), &jws), ==, 0);
        g_assert_cmpstr(jws.alg->name, ==, row->alg);
        g_assert_cmpstr(jws.kid, ==, row->key_id ? row->key_id : "");
        key.type = jws.alg->key_type;
        key.curve = jws.alg->curve;
        g_assert_cmpint(verify_jws(verifier, &key, &jws), ==, 0);
        g_assert_cmpint(jws_decode_payload(&jws, buffer, &payload), ==, 0);
        g_assert_cmpint(claims_parse(payload, SPAN_EMPTY, &claims, NULL), ==, 0);
        assert_text(claims, "iss", "client 1");
        assert_text(claims, "sub", "client 1");
        assert_text(claims, "aud", AUDIENCE);
        g_assert_cmpint(claims_issued_at(claims), ==, NOW_SEC);
        g_assert_cmpint(claims_expiry(claims), ==, NOW_SEC + CLIENT_ASSERTION_SEC);
        g_assert_cmpuint(claims_jti(claims).len, ==, 22); /* 128 bits */
        g_assert_cmpuint(tape_count(claims_root(claims)), ==, 6);
        return g_strndup(claims_jti(claims).data, claims_jti(claims).len);
}

static char *assertion_of(const ClientAuthSettings *settings, GError **error)
{
        static const char *const head = "token=t&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%"
                                        "3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
        GString *form = form_new();
        g_auto(ClientAuth) auth = { 0 };
        char *assertion = NULL;

        if (client_auth_prepare(settings, AUDIENCE, form, &auth, error)) {
                g_assert_true(g_str_has_prefix(form->str, head));
                g_assert_true(g_str_has_suffix(form->str, "&client_id=client%201"));
                assertion = g_strdup(form->str + strlen(head));
                *strchr(assertion, '&') = '\0';
        }
        client_auth_form_free(form);
        return assertion;
}

static void run_sign(const void *data)
{
        const SignRow *row = data;
        EVP_PKEY *key = key_of(row->kind);
        g_autofree char *pem = pem_of(key, row->password);
        g_autofree char *path = file_of("key.pem", pem, 0600);
        char client_id[] = "client 1";
        const ClientAuthSettings settings = { .client_id = client_id,
                                              .method = CLIENT_AUTH_PRIVATE_KEY_JWT,
                                              .key_file = path,
                                              .key_id = (char *) row->key_id };
        g_autoptr(GError) error = NULL;
        g_autofree char *first = assertion_of(&settings, &error), *second = NULL;

        if (row->alg) {
                g_assert_no_error(error);
                second = assertion_of(&settings, NULL);
                g_autofree char *jti = assert_assertion(first, key, row);
                g_autofree char *other = assert_assertion(second, key, row);

                g_assert_cmpstr(jti, !=, other);
        } else {
                g_assert_null(first);
                g_assert_nonnull(strstr(error->message, path));
        }
        EVP_PKEY_free(key);
}

/* Files that cannot be used. */

typedef struct FileRow {
        const char *sentence;
        ClientAuthMethod method;
        const char *content; /* NULL: no file */
        int mode;
} FileRow;

static const FileRow files[] = {
        { "basic: no file", CLIENT_AUTH_SECRET_BASIC, NULL, 0 },
        { "basic: an empty file", CLIENT_AUTH_SECRET_BASIC, "", 0600 },
        { "basic: others may read it", CLIENT_AUTH_SECRET_BASIC, "s", 0604 },
        { "post: no file", CLIENT_AUTH_SECRET_POST, NULL, 0 },
        { "post: the group may write it", CLIENT_AUTH_SECRET_POST, "s", 0620 },
        { "assertion: no file", CLIENT_AUTH_PRIVATE_KEY_JWT, NULL, 0 },
        { "assertion: no PEM", CLIENT_AUTH_PRIVATE_KEY_JWT, "key", 0600 },
        { "assertion: others may read it", CLIENT_AUTH_PRIVATE_KEY_JWT, "key", 0644 },
        { "TLS: no key", CLIENT_AUTH_TLS, NULL, 0 },
        { "TLS: others may read the key", CLIENT_AUTH_TLS, "key", 0644 },
};

static void run_file(const void *data)
{
        const FileRow *row = data;
        g_autofree char *path = row->content ? file_of("odd", row->content, row->mode)
                                             : g_build_filename(folder, "absent", NULL);
        bool assertion = row->method == CLIENT_AUTH_PRIVATE_KEY_JWT;
        bool tls = row->method == CLIENT_AUTH_TLS;
        const ClientAuthSettings settings = { .client_id = word,
                                              .method = row->method,
                                              .secret_file = assertion || tls ? NULL : path,
                                              .key_file = assertion ? path : NULL,
                                              .cert_file = tls ? word : NULL,
                                              .cert_key_file = tls ? path : NULL };
        GString *form = form_new();
        g_auto(ClientAuth) auth = { 0 };
        g_autoptr(GError) error = NULL;

        g_assert_false(client_auth_prepare(&settings, AUDIENCE, form, &auth, &error));
        g_assert_nonnull(strstr(error->message, path));
        g_assert_cmpstr(form->str, ==, "token=t");
        client_auth_form_free(form);
}

static void test_no_client(void)
{
        const ClientAuthSettings settings = { 0 };
        GString *form = form_new();
        g_auto(ClientAuth) auth = { 0 };
        g_autoptr(GError) error = NULL;

        g_assert_false(client_auth_prepare(&settings, AUDIENCE, form, &auth, &error));
        g_assert_nonnull(strstr(error->message, "client_id"));
        client_auth_form_free(form);
}

static void rows_add(const char *group, const char *sentence, const void *row, GTestDataFunc run)
{
        g_autofree char *path = g_strdup_printf("/clientauth/%s/%s", group, sentence);

        g_test_add_data_func(path, row, run);
}

static void folder_remove(void)
{
        GDir *dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                g_unlink(path);
        }
        g_dir_close(dir);
        g_rmdir(folder);
        g_free(folder);
}

int main(int argc, char **argv)
{
        int result;

        g_test_init(&argc, &argv, NULL);
        folder = g_dir_make_tmp("clientauth-XXXXXX", NULL);
        clock_set_wall_for_tests(NOW_SEC);
        for (size_t i = 0; i < G_N_ELEMENTS(troubles); i++)
                rows_add("settings", troubles[i].sentence, &troubles[i], run_trouble);
        for (size_t i = 0; i < G_N_ELEMENTS(signs); i++)
                rows_add("assertion", signs[i].sentence, &signs[i], run_sign);
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
                rows_add("file", files[i].sentence, &files[i], run_file);
        g_test_add_func("/clientauth/settings are copied and compared whole", test_copies);
        g_test_add_func("/clientauth/each method has its word", test_words);
        g_test_add_func("/clientauth/no client, no proof", test_no_client);
        g_test_add_func("/clientauth/a form escapes all but what means itself", test_form);
        g_test_add_func("/clientauth/basic: user and password are form-encoded", test_basic);
        g_test_add_func("/clientauth/post: in the form, and read anew each time", test_post);
        g_test_add_func("/clientauth/TLS: the files, and who we are", test_tls);
        result = g_test_run();
        folder_remove();
        return result;
}

/* Introspection: who may ask, what is said of opaque, lightweight and revoked tokens, and signed
 * answers. */
#include "desk.h"

#include "access.h"
#include "flight.h"
#include "proof.h"
#include "sign.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#define INTROSPECT       "/realms/t/protocol/openid-connect/token/introspect"
#define TOKEN            "/realms/t/protocol/openid-connect/token"
#define ISSUER           DESK_URL "/realms/t"

#define CLIENT(id, more) "{\"id\":\"" id "\",\"service_account\":{}," more "}"

static const char REALM[] =
    "{\"realm\":\"t\",\"default_alg\":\"ES256\",\"keys\":[\"ES256\"],"
    "\"clients\":"
    "[" CLIENT(
        "either",
        "\"secret\":\"s\",\"audience\":[\"either\","
        "\"basic\",\"x\"]") "," CLIENT("basic",
                                       "\"secret"
                                       "\":\"s\","
                                       "\"auth\":"
                                       "\"client_"
                                       "secret_"
                                       "basic\"") "," CLIENT("post",
                                                             "\"secret\":\"s\",\"auth\":\"client_"
                                                             "secret_post\"") "," CLIENT("a b:c",
                                                                                         "\"secret"
                                                                                         "\":\"p+%"
                                                                                         "\"") "," CLIENT("tls",
                                                                                                          "\"auth\":\"tls_client_auth\",\"tls_subject\":"
                                                                                                          "\"CN=me\"") ","
                                                                                                                       "{\"id\":\"anybody\",\"public\":true}"
                                                                                                                       "],\"users\":[{\"username\":"
                                                                                                                       "\"alice\"}]}";

static Idp desk;
static SigningKey *jwt_key, *other_key;

static char *public_pem(const SigningKey *key)
{
        BIO *bio = BIO_new(BIO_s_mem());
        char *text;

        PEM_write_bio_PUBKEY(bio, key->pkey);
        long len = BIO_get_mem_data(bio, &text);
        char *pem = g_strndup(text, (gsize) len);
        BIO_free(bio);
        return pem;
}

static void set_up(void)
{
        desk_open(&desk, REALM);
        jwt_key = signing_key_new(key_kind_find("ES256"));
        other_key = signing_key_new(key_kind_find("ES256"));
        g_autofree char *pem = public_pem(jwt_key);
        json_t *order =
            json_pack("{s:s, s:s, s:s, s:s, s:{}}", "id", "jwt", "auth", "private_key_jwt",
                      "public_key", pem, "key_id", "mine", "service_account");
        char *text = json_dumps(order, 0);
        g_assert_true(desk_tell(&desk, "client", text));
        free(text);
        json_decref(order);
}

/* --- who asks --- */

typedef struct ProofCase {
        const char *name;
        const char *form;
        const char *user, *password; /* Basic; NULL: none */
        const char *headers;
        bool trusts_tls;
        bool taken;
        unsigned refusal; /* 0: 401 */
} ProofCase;

static const ProofCase PROOF_CASES[] = {
        { "a secret by basic", "", "either", "s", NULL, false, true },
        { "a secret by post", "client_id=either\nclient_secret=s", NULL, NULL, NULL, false, true },
        { "a wrong secret", "", "either", "t", NULL, false, false },
        { "no secret", "client_id=either", NULL, NULL, NULL, false, false },
        { "basic and post at one time", "client_id=either\nclient_secret=s", "either", "s", NULL,
          false, false },
        { "basic by basic", "", "basic", "s", NULL, false, true },
        { "basic by post", "client_id=basic\nclient_secret=s", NULL, NULL, NULL, false, false },
        { "post by post", "client_id=post\nclient_secret=s", NULL, NULL, NULL, false, true },
        { "post by basic", "", "post", "s", NULL, false, false },
        { "basic is form-encoded", "", "a+b%3Ac", "p%2B%25", NULL, false, true },
        { "basic that is not form-encoded", "", "a b", "p+%", NULL, false, false },
        { "a client unknown", "", "nobody", "s", NULL, false, false },
        { "a certificate in front", "client_id=tls", NULL, NULL,
          TLS_VERIFY "=SUCCESS\n" TLS_SUBJECT "=CN=me", true, true },
        { "a certificate, but nobody in front is trusted", "client_id=tls", NULL, NULL,
          TLS_VERIFY "=SUCCESS\n" TLS_SUBJECT "=CN=me", false, false },
        { "another's certificate", "client_id=tls", NULL, NULL,
          TLS_VERIFY "=SUCCESS\n" TLS_SUBJECT "=CN=you", true, false },
        { "a certificate that did not verify", "client_id=tls", NULL, NULL,
          TLS_VERIFY "=FAILED\n" TLS_SUBJECT "=CN=me", true, false },
        { "a secret of a client with a key", "client_id=jwt\nclient_secret=s", NULL, NULL, NULL,
          false, false, 400 },
};

static char *basic_header(const char *user, const char *password)
{
        g_autofree char *pair = g_strdup_printf("%s:%s", user, password);
        g_autofree char *text = g_base64_encode((guchar *) pair, strlen(pair));

        return g_strdup_printf("authorization=Basic %s", text);
}

static void test_proof(gconstpointer data)
{
        const ProofCase *row = data;
        g_autofree char *form =
            g_strdup_printf("%s\ntoken=x\ngrant_type=client_credentials", row->form);
        g_autofree char *basic = row->user ? basic_header(row->user, row->password) : NULL;
        const char *headers = basic ? basic : row->headers;
        const char *whole = *form == '\n' ? form + 1 : form;

        unsigned refusal = row->refusal ? row->refusal : 401;

        desk.tls_client_header = row->trusts_tls;
        Answer introspected = desk_ask(&desk, "POST", INTROSPECT, whole, headers);
        Answer token = desk_ask(&desk, "POST", TOKEN, whole, headers);
        g_assert_cmpuint(introspected.status, ==, row->taken ? 200 : refusal);
        g_assert_cmpuint(token.status, ==, row->taken ? 200 : refusal);
        answer_clear(&introspected);
        answer_clear(&token);
}

/* --- a client's own signature --- */

typedef struct AssertionCase {
        const char *name;
        const char *claims; /* over the right ones; null: left out */
        const char *kid;
        int exp_in_sec;
        bool stranger; /* another key signs */
        bool taken;
} AssertionCase;

static const AssertionCase ASSERTION_CASES[] = {
        { "the right one", "{}", "mine", 60, false, true },
        { "without a kid", "{}", NULL, 60, false, true },
        { "aud is a list of one", "{\"aud\":[\"" ISSUER "\"]}", "mine", 60, false, true },
        { "aud is a list of two", "{\"aud\":[\"" ISSUER "\",\"x\"]}", "mine", 60, false, false },
        { "aud is the endpoint", "{\"aud\":\"" DESK_URL INTROSPECT "\"}", "mine", 60, false,
          false },
        { "no aud", "{\"aud\":null}", "mine", 60, false, false },
        { "another subject", "{\"sub\":\"either\"}", "mine", 60, false, false },
        { "no jti", "{\"jti\":null}", "mine", 60, false, false },
        { "another kid", "{}", "yours", 60, false, false },
        { "another key", "{}", "mine", 60, true, false },
        { "over a second ago", "{}", "mine", 0, false, false },
        { "over in a second", "{}", "mine", 1, false, true },
        { "as long as may be", "{}", "mine", ASSERTION_LIFETIME_SEC, false, true },
        { "a second longer", "{}", "mine", ASSERTION_LIFETIME_SEC + 1, false, false },
};

static char *assertion(const AssertionCase *row, gint64 now_sec)
{
        g_autofree char *jti = g_uuid_string_random();
        json_t *claims =
            json_pack("{s:s, s:s, s:s, s:s, s:I}", "iss", "jwt", "sub", "jwt", "aud", ISSUER, "jti",
                      jti, "exp", (json_int_t) now_sec + row->exp_in_sec);
        json_t *header = json_pack("{s:s*}", "kid", row->kid);
        json_t *wanted = json_loads(row->claims, 0, NULL);
        const char *name;
        json_t *value;

        json_object_foreach (wanted, name, value) {
                if (json_is_null(value))
                        json_object_del(claims, name);
                else
                        json_object_set(claims, name, value);
        }
        char *token = sign_compact(row->stranger ? other_key : jwt_key, header, claims);
        json_decref(wanted);
        json_decref(header);
        json_decref(claims);
        return token;
}

static unsigned status_with(const char *token, const char *type)
{
        g_autofree char *form =
            g_strdup_printf("client_assertion_type=%s\nclient_assertion=%s\ntoken=x", type, token);
        Answer answer = desk_ask(&desk, "POST", INTROSPECT, form, NULL);
        unsigned status = answer.status;

        answer_clear(&answer);
        return status;
}

static void test_assertion(gconstpointer data)
{
        const AssertionCase *row = data;
        Assertions *assertions = assertions_new();
        const Client *client = realm_client(desk.realm, "jwt");
        g_autofree char *token = assertion(row, 1000);
        const char *trouble = assertion_trouble(assertions, client, token, ISSUER, 1000);

        g_assert_cmpint(trouble == NULL, ==, row->taken);
        assertions_free(assertions);
}

static void test_assertion_once(void)
{
        g_autofree char *token = assertion(&ASSERTION_CASES[0], idp_now_sec(&desk));
        g_autofree char *second = assertion(&ASSERTION_CASES[0], idp_now_sec(&desk));

        g_assert_cmpuint(status_with(token, "jwt"), ==, 401);
        g_assert_cmpuint(status_with(token, ASSERTION_TYPE), ==, 200);
        g_assert_cmpuint(status_with(token, ASSERTION_TYPE), ==, 400);
        g_assert_cmpuint(status_with(second, ASSERTION_TYPE), ==, 200);
        g_assert_cmpuint(status_with("a.b.c", ASSERTION_TYPE), ==, 401);
        g_assert_cmpuint(status_with("", ASSERTION_TYPE), ==, 401);
}

/* A secret known to both sides is no key pair: nobody gets in by HMAC with the public PEM. */
static void test_assertion_hmac(void)
{
        g_autofree char *pem = public_pem(jwt_key);
        jwt_t *jwt = NULL;

        g_assert_cmpint(jwt_new(&jwt), ==, 0);
        g_assert_cmpint(jwt_set_alg(jwt, JWT_ALG_HS256, (guchar *) pem, (int) strlen(pem)), ==, 0);
        jwt_add_grants_json(jwt, "{\"iss\":\"jwt\",\"sub\":\"jwt\",\"aud\":\"" ISSUER
                                 "\",\"jti\":\"1\",\"exp\":1060}");
        char *token = jwt_encode_str(jwt);
        json_t *header = NULL;
        g_assert_null(sign_open(token, jwt_key->pkey, &header));
        free(token);
        jwt_free(jwt);
}

/* --- what is said of a token --- */

static json_t *mint(const char *order)
{
        json_t *minted = desk_own(&desk, "mint", order);

        g_assert_nonnull(minted);
        return minted;
}

static const char *token_of(const json_t *minted)
{
        return json_string_value(json_object_get(minted, "access_token"));
}

static json_t *introspect_as(const char *client, const char *token)
{
        g_autofree char *form = g_strdup_printf("token=%s", token);
        g_autofree char *basic = basic_header(client, "s");
        Answer answer = desk_ask(&desk, "POST", INTROSPECT, form, basic);
        json_t *json = json_loads(answer.body, 0, NULL);

        answer_clear(&answer);
        return json;
}

static bool is_active(const char *client, const char *token)
{
        json_t *json = introspect_as(client, token);
        bool active = json_is_true(json_object_get(json, "active"));

        json_decref(json);
        return active;
}

static void test_audience(void)
{
        json_t *minted = mint("{\"client\":\"either\"}");

        g_assert_true(is_active("basic", token_of(minted)));
        g_assert_true(desk_tell(&desk, "client", "{\"id\":\"basic\",\"access_lifetime\":60}"));
        json_t *narrow = mint("{\"client\":\"either\",\"claims\":{\"aud\":[\"x\"]}}");
        g_assert_false(is_active("basic", token_of(narrow)));
        g_assert_true(desk_tell(&desk, "introspection", "{\"needs_audience\":false}"));
        g_assert_true(is_active("basic", token_of(narrow)));
        g_assert_true(desk_tell(&desk, "introspection", "{\"needs_audience\":true}"));
        g_assert_false(desk_tell(&desk, "introspection", "{\"needs_audience\":\"no\"}"));
        json_decref(narrow);
        json_decref(minted);
}

static void test_opaque(void)
{
        json_t *minted =
            mint("{\"client\":\"either\",\"opaque\":true,\"claims\":{\"ring\":\"one\"}}");
        json_t *said = introspect_as("either", token_of(minted));

        g_assert_null(strchr(token_of(minted), '.'));
        g_assert_cmpstr(json_string_value(json_object_get(said, "ring")), ==, "one");
        g_assert_cmpstr(json_string_value(json_object_get(said, "client_id")), ==, "either");
        g_assert_false(is_active("either", "0Xyj7-cXj2KIxsOtqW8wzH83eVnykQQrd9XGWVrf_8g"));
        json_decref(said);
        json_decref(minted);
}

static void test_lightweight(void)
{
        json_t *minted = mint("{\"client\":\"either\",\"user\":\"alice\",\"lightweight\":true,"
                              "\"claims\":{\"exp\":4102444800,\"ring\":\"one\",\"typ\":null}}");
        const json_t *shown = json_object_get(minted, "claims");
        json_t *said = introspect_as("either", token_of(minted));

        g_assert_null(json_object_get(shown, "sub"));
        g_assert_null(json_object_get(shown, "ring"));
        g_assert_null(json_object_get(shown, "typ"));
        g_assert_cmpint(json_integer_value(json_object_get(shown, "exp")), ==, 4102444800);
        g_assert_cmpstr(json_string_value(json_object_get(said, "sub")), ==,
                        realm_person(desk.realm, "alice")->id);
        g_assert_cmpstr(json_string_value(json_object_get(said, "ring")), ==, "one");
        json_decref(said);
        json_decref(minted);
}

static void test_raw(void)
{
        json_t *minted = mint("{\"raw\":true,\"claims\":{\"iss\":\"https://g\",\"a\":null},"
                              "\"header\":{\"typ\":null,\"x\":1}}");
        g_auto(GStrv) parts = g_strsplit(token_of(minted), ".", -1);
        size_t head_len, body_len;
        g_autofree guchar *head = sign_base64url_decode(parts[0], &head_len);
        g_autofree guchar *body = sign_base64url_decode(parts[1], &body_len);
        g_autofree char *wanted = g_strdup_printf("{\"kid\":\"%s\",\"x\":1,\"alg\":\"ES256\"}",
                                                  keyring_signer(desk.keyring, "ES256")->kid);

        g_assert_cmpmem(body, body_len, "{\"iss\":\"https://g\"}", 19);
        g_assert_cmpmem(head, head_len, wanted, strlen(wanted));
        g_assert_false(desk_tell(&desk, "mint", "{\"raw\":true,\"lightweight\":true}"));
        g_assert_false(desk_tell(&desk, "mint", "{\"raw\":true,\"kid\":\"nobody\"}"));
        json_decref(minted);
}

static void test_revoke(void)
{
        json_t *one = mint("{\"client\":\"either\",\"opaque\":true}");
        json_t *two = mint("{\"client\":\"either\",\"claims\":{\"jti\":\"two\"}}");
        json_t *three = mint("{\"client\":\"either\",\"claims\":{\"sub\":\"three\"}}");
        g_autofree char *order = g_strdup_printf("{\"token\":\"%s\"}", token_of(one));

        g_assert_true(desk_tell(&desk, "revoke", order));
        g_assert_false(is_active("either", token_of(one)));
        g_assert_true(is_active("either", token_of(two)));
        g_assert_true(desk_tell(&desk, "revoke", "{\"jti\":\"two\"}"));
        g_assert_false(is_active("either", token_of(two)));
        g_assert_true(is_active("either", token_of(three)));
        g_assert_true(desk_tell(&desk, "revoke", "{\"sub\":\"three\"}"));
        g_assert_false(is_active("either", token_of(three)));
        g_assert_false(desk_tell(&desk, "revoke", "{\"name\":\"x\"}"));
        json_decref(one);
        json_decref(two);
        json_decref(three);
}

static void test_scope(void)
{
        const Client *client = realm_client(desk.realm, "either");
        g_autofree char *scope = access_scope(client, "openid email");

        g_assert_cmpstr(scope, ==, "openid email profile");
        g_assert_null(access_scope(client, "orders:write"));
        g_assert_null(access_scope(client, "openid orders:write email"));
}

/* --- signed answers --- */

typedef struct SignedCase {
        const char *name;
        const char *mode, *fault, *accept;
        bool is_signed, holds;
        const char *typ, *aud;
} SignedCase;

#define SIGNED "application/token-introspection+jwt"
#define TYP    "token-introspection+jwt"

static const SignedCase SIGNED_CASES[] = {
        { "asked for", "asked", "none", SIGNED, true, true, TYP, "either" },
        { "not asked for", "asked", "none", "application/json", false, false, NULL, NULL },
        { "always", "always", "none", "*/*", true, true, TYP, "either" },
        { "never", "never", "none", SIGNED, false, false, NULL, NULL },
        { "unsigned though asked for", "asked", "unsigned", SIGNED, false, false, NULL, NULL },
        { "another's aud", "asked", "wrong_aud", SIGNED, true, true, TYP, "somebody-else" },
        { "another typ", "asked", "wrong_typ", SIGNED, true, true, "JWT", "either" },
        { "a bad signature", "asked", "bad_signature", SIGNED, true, false, NULL, NULL },
};

static void look_at_signed(const SignedCase *row, const char *body)
{
        json_t *header = NULL;
        json_t *payload = sign_open(body, keyring_signer(desk.keyring, "ES256")->pkey, &header);

        g_assert_cmpint(payload != NULL, ==, row->holds);
        if (payload) {
                g_assert_cmpstr(json_string_value(json_object_get(header, "typ")), ==, row->typ);
                g_assert_cmpstr(json_string_value(json_object_get(payload, "aud")), ==, row->aud);
                g_assert_true(json_is_true(
                    json_object_get(json_object_get(payload, "token_introspection"), "active")));
        }
        json_decref(header);
        json_decref(payload);
}

static void test_signed(gconstpointer data)
{
        const SignedCase *row = data;
        json_t *minted = mint("{\"client\":\"either\"}");
        g_autofree char *mode = g_strdup_printf("{\"signed\":\"%s\"}", row->mode);
        g_autofree char *fault = g_strdup_printf("{\"introspection\":\"%s\"}", row->fault);
        g_autofree char *basic = basic_header("either", "s");
        g_autofree char *headers = g_strdup_printf("%s\naccept=%s", basic, row->accept);
        g_autofree char *form = g_strdup_printf("token=%s", token_of(minted));

        g_assert_true(desk_tell(&desk, "introspection", mode));
        g_assert_true(desk_tell(&desk, "fault", fault));
        Answer answer = desk_ask(&desk, "POST", INTROSPECT, form, headers);
        g_assert_cmpstr(answer.content_type, ==, row->is_signed ? SIGNED : NULL);
        if (row->is_signed)
                look_at_signed(row, answer.body);
        answer_clear(&answer);
        json_decref(minted);
        g_assert_true(desk_tell(&desk, "fault", "{\"introspection\":\"none\"}"));
        g_assert_true(desk_tell(&desk, "introspection", "{\"signed\":\"asked\"}"));
}

/* --- under way --- */

static void test_flights(void)
{
        Flights *flights = flights_new();
        char *a = flights_begin(flights, "a"), *b = flights_begin(flights, "b");
        char *again = flights_begin(flights, "a");

        g_assert_cmpuint(flights->peak, ==, 3);
        g_assert_cmpuint(flights->peak_token, ==, 2);
        flights_end(flights, a);
        flights_end(flights, b);
        flights_reset(flights);
        g_assert_cmpuint(flights->now, ==, 1);
        g_assert_cmpuint(flights->peak, ==, 1);
        g_assert_cmpuint(flights->peak_token, ==, 1);
        flights_end(flights, again);
        g_assert_cmpuint(flights->now, ==, 0);
        flights_end(flights, flights_begin(flights, "a"));
        g_assert_cmpuint(flights->peak, ==, 1);
        flights_free(flights);
}

/* add_rows: each row begins with its name. */
static void add_rows(const char *group, const void *rows, size_t n_rows, size_t row_size,
                     GTestDataFunc test)
{
        for (size_t i = 0; i < n_rows; i++) {
                const char *row = (const char *) rows + i * row_size;
                g_autofree char *path =
                    g_strdup_printf("/%s/%s", group, *(const char *const *) (const void *) row);
                g_test_add_data_func(path, row, test);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        set_up();
        add_rows("proof", PROOF_CASES, G_N_ELEMENTS(PROOF_CASES), sizeof(ProofCase), test_proof);
        add_rows("assertion", ASSERTION_CASES, G_N_ELEMENTS(ASSERTION_CASES), sizeof(AssertionCase),
                 test_assertion);
        g_test_add_func("/assertion/counts once, and under its own name", test_assertion_once);
        g_test_add_func("/assertion/HMAC with the public key does not hold", test_assertion_hmac);
        g_test_add_func("/token/who is not in aud learns nothing, unless told so", test_audience);
        g_test_add_func("/token/an opaque one stands for its claims", test_opaque);
        g_test_add_func("/token/a lightweight one shows little, and introspection the rest",
                        test_lightweight);
        g_test_add_func("/token/a raw one has the ordered claims and header alone", test_raw);
        g_test_add_func("/scope/what is neither the client's nor everybody's is refused",
                        test_scope);
        g_test_add_func("/token/revoked by itself, its jti or its sub, and no other", test_revoke);
        add_rows("signed", SIGNED_CASES, G_N_ELEMENTS(SIGNED_CASES), sizeof(SignedCase),
                 test_signed);
        g_test_add_func("/flight/peaks count what is under way at one time", test_flights);
        int failed = g_test_run();
        signing_key_free(jwt_key);
        signing_key_free(other_key);
        idp_clear(&desk);
        return failed;
}

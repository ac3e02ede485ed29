/* A compact token taken apart: what each refusal is called, and what the header's facts are. */
#include "token/jws.h"
#include "rows.h"

typedef struct HeaderRow {
        const char *sentence;
        const char *header;
        int answer;
        const char *kid;
        const char *typ;
} HeaderRow;

static const HeaderRow headers[] = {
        { "only an algorithm", "{\"alg\":\"RS256\"}", 0, "", "" },
        { "kid and typ as written", "{\"alg\":\"RS256\",\"kid\":\"a b\",\"typ\":\"At+jWt\"}", 0,
          "a b", "At+jWt" },
        { "an empty kid counts as none", "{\"alg\":\"RS256\",\"kid\":\"\"}", 0, "", "" },
        { "escapes in kid are undone", "{\"alg\":\"RS256\",\"kid\":\"\\u0061\\/\"}", 0, "a/", "" },
        { "an escaped algorithm is the same word", "{\"alg\":\"RS\\u003256\"}", 0, "", "" },
        { "members that nobody knows",
          "{\"alg\":\"RS256\",\"x\":[{}],\"cty\":\"JWT\",\"zip\":\"DEF\"}", 0, "", "" },
        { "keys and URLs are ignored",
          "{\"alg\":\"RS256\",\"jwk\":{},\"jku\":\"x\",\"x5u\":1,\"x5c\":[]}", 0, "", "" },
        { "crit", "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", JWS_E_CRITICAL },
        { "crit of null", "{\"alg\":\"RS256\",\"crit\":null}", JWS_E_CRITICAL },
        { "b64", "{\"alg\":\"RS256\",\"b64\":true}", JWS_E_CRITICAL },
        { "crit and an algorithm that nobody knows", "{\"alg\":\"none\",\"crit\":[]}",
          JWS_E_CRITICAL },
        { "no algorithm", "{\"kid\":\"a\"}", JWS_E_UNSUPPORTED_ALGORITHM },
        { "none", "{\"alg\":\"none\"}", JWS_E_UNSUPPORTED_ALGORITHM },
        { "HS256", "{\"alg\":\"HS256\"}", JWS_E_UNSUPPORTED_ALGORITHM },
        { "alg is a number", "{\"alg\":1}", JWS_E_MALFORMED },
        { "kid is a number", "{\"alg\":\"RS256\",\"kid\":1}", JWS_E_MALFORMED },
        { "typ is null", "{\"alg\":\"RS256\",\"typ\":null}", JWS_E_MALFORMED },
        { "alg twice", "{\"alg\":\"RS256\",\"alg\":\"RS256\"}", JWS_E_MALFORMED },
        { "a NUL in kid", "{\"alg\":\"RS256\",\"kid\":\"a\\u0000\"}", JWS_E_MALFORMED },
        { "as deep as allowed", "{\"alg\":\"RS256\",\"x\":[[[]]]}", 0, "", "" },
        { "too deep", "{\"alg\":\"RS256\",\"x\":[[[[]]]]}", JWS_E_MALFORMED },
        { "a list", "[\"RS256\"]", JWS_E_MALFORMED },
        { "no JSON", "RS256", JWS_E_MALFORMED },
        { "nothing", "", JWS_E_MALFORMED },
};

typedef struct ShapeRow {
        const char *sentence;
        const char *token;
        int answer;
        const char *trouble; /* a word of it */
} ShapeRow;

#define HEAD "eyJhbGciOiJSUzI1NiJ9" /* {"alg":"RS256"} */

static const ShapeRow shapes[] = {
        { "three parts", HEAD ".e30.AA", 0, NULL },
        { "nothing at all", "", JWS_E_NOT_A_JWS, "three parts" },
        { "one part", "2YotnFZFEjr1zCsicMWpAA", JWS_E_NOT_A_JWS, "three parts" },
        { "two parts", HEAD ".e30", JWS_E_NOT_A_JWS, "three parts" },
        { "four parts", HEAD ".e30.AA.AA", JWS_E_NOT_A_JWS, "three parts" },
        { "five parts are an encrypted token", HEAD ".a.b.c.d", JWS_E_MALFORMED, "JWE" },
        { "six parts", HEAD ".a.b.c.d.e", JWS_E_NOT_A_JWS, "three parts" },
        { "a signature that is empty", HEAD ".e30.", JWS_E_MALFORMED, "signature is empty" },
        { "a payload that is empty", HEAD "..AA", JWS_E_MALFORMED, "detached" },
        { "a header that is empty", ".e30.AA", JWS_E_MALFORMED, "header" },
        { "a signature that is no base64url", HEAD ".e30.A*", JWS_E_MALFORMED, "signature is not" },
        { "a header that is no base64url", "e30=.e30.AA", JWS_E_MALFORMED,
          "header is not base64url" },
        { "a payload that is no base64url is found later", HEAD ".e30=.AA", 0, NULL },
};

static void run_header(const void *data)
{
        const HeaderRow *row = data;
        g_autofree char *token = rows_compact(row->header, "{}", "AA");
        Jws jws;

        g_assert_cmpint(jws_parse(span_from(token), &jws), ==, row->answer);
        g_assert_true((jws.trouble == NULL) == (row->answer == 0));
        if (row->answer != 0)
                return;
        g_assert_cmpstr(jws.kid, ==, row->kid);
        g_assert_cmpuint(jws.kid_len, ==, strlen(row->kid));
        g_assert_cmpstr(jws.typ, ==, row->typ);
        g_assert_cmpuint(jws.typ_len, ==, strlen(row->typ));
        g_assert_cmpint(jws.alg->id, ==, ALG_RS256);
}

static void run_shape(const void *data)
{
        const ShapeRow *row = data;
        Jws jws;

        g_assert_cmpint(jws_parse(span_from(row->token), &jws), ==, row->answer);
        if (row->trouble)
                g_assert_nonnull(strstr(jws.trouble, row->trouble));
        else
                g_assert_null(jws.trouble);
}

static int parse_with_member(const char *name, size_t len)
{
        g_autofree char *text = g_strnfill(len, 'x');
        g_autofree char *header = g_strdup_printf("{\"alg\":\"RS256\",\"%s\":\"%s\"}", name, text);
        g_autofree char *token = rows_compact(header, "{}", "AA");
        Jws jws;

        return jws_parse(span_from(token), &jws);
}

static void test_lengths(void)
{
        size_t around = strlen("{\"alg\":\"RS256\",\"x\":\"\"}");

        g_assert_cmpint(parse_with_member("kid", JWS_KID_SIZE_MAX), ==, 0);
        g_assert_cmpint(parse_with_member("kid", JWS_KID_SIZE_MAX + 1), ==, JWS_E_MALFORMED);
        g_assert_cmpint(parse_with_member("typ", JWS_TYP_SIZE_MAX), ==, 0);
        g_assert_cmpint(parse_with_member("typ", JWS_TYP_SIZE_MAX + 1), ==, JWS_E_MALFORMED);
        g_assert_cmpint(parse_with_member("x", JWS_HEADER_SIZE_MAX - around), ==, 0);
        g_assert_cmpint(parse_with_member("x", JWS_HEADER_SIZE_MAX - around + 1), ==,
                        JWS_E_TOO_LARGE);
}

static int parse_with_signature(size_t n_characters)
{
        g_autofree char *signature = g_strnfill(n_characters, 'A');
        g_autofree char *token = rows_compact("{\"alg\":\"RS256\"}", "{}", signature);
        g_autofree Jws *jws =
            g_new(Jws, 1); /* on the heap, so that a sanitizer sees one byte too many */

        return jws_parse(span_from(token), jws);
}

static void test_signature_lengths(void)
{
        g_assert_cmpint(parse_with_signature(1366), ==, 0); /* 1024 bytes */
        g_assert_cmpint(parse_with_signature(1367), ==, JWS_E_MALFORMED);
        g_assert_cmpint(parse_with_signature(1368), ==, JWS_E_MALFORMED);
}

static void test_token_length(void)
{
        size_t around = strlen(HEAD "..AA");
        g_autofree char *payload = g_strnfill(JWS_SIZE_MAX - around, 'A');
        g_autofree char *token = g_strdup_printf(HEAD ".%s.AA", payload);
        g_autofree char *longer = g_strdup_printf("%sA", token);
        g_autofree uint8_t *buffer = g_malloc(JWS_PAYLOAD_SIZE_MAX);
        Span decoded;
        Jws jws;

        g_assert_cmpint(jws_parse(span_from(longer), &jws), ==, JWS_E_TOO_LARGE);
        g_assert_cmpint(jws_parse(span_from(token), &jws), ==, 0);
        g_assert_cmpint(jws_decode_payload(&jws, buffer, &decoded), ==, 0);
        g_assert_cmpuint(decoded.len, ==, (JWS_SIZE_MAX - around) * 3 / 4);
        jws.payload_text = span_of(longer, JWS_SIZE_MAX + 4);
        g_assert_cmpint(jws_decode_payload(&jws, buffer, &decoded), ==, JWS_E_TOO_LARGE);
}

static void test_parts_borrow(void)
{
        const char *token = HEAD ".e30.AQI";
        uint8_t buffer[8];
        Span payload;
        Jws jws;

        g_assert_cmpint(jws_parse(span_from(token), &jws), ==, 0);
        g_assert_true(span_equal_string(jws.signing_input, HEAD ".e30"));
        g_assert_true(span_equal_string(jws.payload_text, "e30"));
        g_assert_cmpmem(jws.signature, jws.signature_len, "\1\2", 2);
        g_assert_cmpint(jws_decode_payload(&jws, buffer, &payload), ==, 0);
        g_assert_true(span_equal_string(payload, "{}"));
        jws.payload_text = span_from("e3");
        g_assert_cmpint(jws_decode_payload(&jws, buffer, &payload), ==, JWS_E_MALFORMED);
}

static void test_peek(void)
{
        char buffer[16];
        Span issuer;

        g_assert_true(jws_peek_issuer(span_from("{\"sub\":\"b\",\"iss\":\"a\\/\"}"), &issuer,
                                      buffer, sizeof buffer));
        g_assert_true(span_equal_string(issuer, "a/"));
        g_assert_false(
            jws_peek_issuer(span_from("{\"sub\":\"b\"}"), &issuer, buffer, sizeof buffer));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(headers); i++)
                rows_add("jws/header", headers[i].sentence, &headers[i], run_header);
        for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++)
                rows_add("jws/shape", shapes[i].sentence, &shapes[i], run_shape);
        g_test_add_func("/jws/kid, typ and header at their limits and one beyond", test_lengths);
        g_test_add_func("/jws/a signature of 1024 bytes and one beyond", test_signature_lengths);
        g_test_add_func("/jws/a token of 32 KiB and one byte beyond", test_token_length);
        g_test_add_func("/jws/the parts borrow from the token", test_parts_borrow);
        g_test_add_func("/jws/the issuer is found before anything is believed", test_peek);
        return g_test_run();
}

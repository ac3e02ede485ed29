/* What a payload must be to become claims, and what claims answer. */
#include "token/claims.h"
#include "rows.h"

typedef struct Row {
        const char *sentence;
        const char *payload;
        int answer;
} Row;

static const Row rows[] = {
        { "an empty object", "{}", 0 },
        { "all registered claims",
          "{\"iss\":\"a\",\"sub\":\"b\",\"aud\":\"c\",\"exp\":1,\"nbf\":2,\"iat\":3,\"jti\":\"d\"}",
          0 },
        { "no JSON", "Payload", CLAIMS_E_MALFORMED },
        { "a list", "[]", CLAIMS_E_MALFORMED },
        { "bytes behind it", "{}x", CLAIMS_E_MALFORMED },
        { "a claim twice", "{\"sub\":\"a\",\"sub\":\"a\"}", CLAIMS_E_MALFORMED },
        { "exp of the last second of 9999", "{\"exp\":253402300799}", 0 },
        { "exp one second later", "{\"exp\":253402300800}", CLAIMS_E_MALFORMED },
        { "exp a fraction later", "{\"exp\":253402300799.5}", CLAIMS_E_MALFORMED },
        { "exp of zero", "{\"exp\":0}", 0 },
        { "exp of minus zero", "{\"exp\":-0.0}", 0 },
        { "exp below zero", "{\"exp\":-1}", CLAIMS_E_MALFORMED },
        { "exp a fraction below zero", "{\"exp\":-0.1}", CLAIMS_E_MALFORMED },
        { "exp of the smallest int64", "{\"exp\":-9223372036854775808}", CLAIMS_E_MALFORMED },
        { "exp of the largest double", "{\"exp\":1.7e308}", CLAIMS_E_MALFORMED },
        { "exp in a string", "{\"exp\":\"1\"}", CLAIMS_E_MALFORMED },
        { "exp of null", "{\"exp\":null}", CLAIMS_E_MALFORMED },
        { "nbf of true", "{\"nbf\":true}", CLAIMS_E_MALFORMED },
        { "iat in a list", "{\"iat\":[1]}", CLAIMS_E_MALFORMED },
        { "iss is a number", "{\"iss\":1}", CLAIMS_E_MALFORMED },
        { "sub is null", "{\"sub\":null}", CLAIMS_E_MALFORMED },
        { "azp is a list", "{\"azp\":[\"a\"]}", CLAIMS_E_MALFORMED },
        { "client_id is a number", "{\"client_id\":1}", CLAIMS_E_MALFORMED },
        { "jti is an object", "{\"jti\":{}}", CLAIMS_E_MALFORMED },
        { "sid is false", "{\"sid\":false}", CLAIMS_E_MALFORMED },
        { "aud is a number", "{\"aud\":1}", CLAIMS_E_MALFORMED },
        { "aud is null", "{\"aud\":null}", CLAIMS_E_MALFORMED },
        { "aud lists a number", "{\"aud\":[\"a\",1]}", CLAIMS_E_MALFORMED },
        { "aud lists nothing", "{\"aud\":[]}", 0 },
        { "scope is a number", "{\"scope\":1}", CLAIMS_E_MALFORMED },
        { "scope lists strings", "{\"scope\":[\"a\",\"b\"]}", 0 },
        { "scope lists a list", "{\"scope\":[[\"a\"]]}", CLAIMS_E_MALFORMED },
        { "as deep as allowed", "{\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", 0 },
        { "one level too deep", "{\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", CLAIMS_E_MALFORMED },
};

typedef struct KindRow {
        const char *sentence;
        const char *header;
        const char *payload;
        TokenKind kind;
} KindRow;

static const KindRow kinds[] = {
        { "neither says anything", "", "{}", TOKEN_KIND_UNMARKED },
        { "JWT in the header says nothing", "JWT", "{}", TOKEN_KIND_UNMARKED },
        { "JWT in any case says nothing", "jWt", "{}", TOKEN_KIND_UNMARKED },
        { "JOSE in the header says nothing", "JOSE", "{}", TOKEN_KIND_UNMARKED },
        { "JOSE+JSON is no compact token's", "JOSE+JSON", "{}", TOKEN_KIND_OTHER },
        { "JOSE in the header and ID: the claim counts", "JOSE", "{\"typ\":\"ID\"}",
          TOKEN_KIND_ID },
        { "at+jwt", "at+jwt", "{}", TOKEN_KIND_ACCESS },
        { "application/at+jwt", "Application/AT+JWT", "{}", TOKEN_KIND_ACCESS },
        { "logout+jwt", "logout+jwt", "{}", TOKEN_KIND_LOGOUT },
        { "dpop+jwt", "dpop+jwt", "{}", TOKEN_KIND_DPOP },
        { "authd-assertion+jwt", "authd-assertion+jwt", "{}", TOKEN_KIND_ASSERTION },
        { "an assertion that says Bearer is no access token", "authd-assertion+jwt",
          "{\"typ\":\"Bearer\"}", TOKEN_KIND_ASSERTION },
        { "an assertion that says ID is none", "authd-assertion+jwt", "{\"typ\":\"ID\"}",
          TOKEN_KIND_ID },
        { "a header that nobody knows", "secevent+jwt", "{}", TOKEN_KIND_OTHER },
        { "only the prefix of a media type", "application/", "{}", TOKEN_KIND_OTHER },
        { "Bearer", "JWT", "{\"typ\":\"Bearer\"}", TOKEN_KIND_ACCESS },
        { "ID", "JWT", "{\"typ\":\"ID\"}", TOKEN_KIND_ID },
        { "Refresh", "JWT", "{\"typ\":\"Refresh\"}", TOKEN_KIND_REFRESH },
        { "Offline", "JWT", "{\"typ\":\"Offline\"}", TOKEN_KIND_OFFLINE },
        { "Logout", "JWT", "{\"typ\":\"Logout\"}", TOKEN_KIND_LOGOUT },
        { "DPoP", "JWT", "{\"typ\":\"DPoP\"}", TOKEN_KIND_BOUND },
        { "dpop in small letters is none all the same", "JWT", "{\"typ\":\"dpop\"}",
          TOKEN_KIND_DPOP },
        { "dpop+jwt and DPoP: a proof", "dpop+jwt", "{\"typ\":\"DPoP\"}", TOKEN_KIND_DPOP },
        { "at+jwt and DPoP: bound", "at+jwt", "{\"typ\":\"DPoP\"}", TOKEN_KIND_BOUND },
        { "an assertion that says DPoP is no access token", "authd-assertion+jwt",
          "{\"typ\":\"DPoP\"}", TOKEN_KIND_ASSERTION },
        { "an unknown header and DPoP: nobody knows", "x+jwt", "{\"typ\":\"DPoP\"}",
          TOKEN_KIND_OTHER },
        { "a claim that nobody knows", "JWT", "{\"typ\":\"Bear\"}", TOKEN_KIND_OTHER },
        { "an empty claim", "JWT", "{\"typ\":\"\"}", TOKEN_KIND_OTHER },
        { "a claim that is no string", "JWT", "{\"typ\":1}", TOKEN_KIND_OTHER },
        { "at+jwt and Bearer agree", "at+jwt", "{\"typ\":\"Bearer\"}", TOKEN_KIND_ACCESS },
        { "at+jwt and ID: the claim counts", "at+jwt", "{\"typ\":\"ID\"}", TOKEN_KIND_ID },
        { "an unknown header and ID: the known one counts", "x+jwt", "{\"typ\":\"ID\"}",
          TOKEN_KIND_ID },
        { "an unknown header and Bearer: nobody knows", "x+jwt", "{\"typ\":\"Bearer\"}",
          TOKEN_KIND_OTHER },
        { "bearer in small letters is not the word", "JWT", "{\"typ\":\"bearer\"}",
          TOKEN_KIND_OTHER },
        { "id in small letters is an ID token all the same", "JWT", "{\"typ\":\"id\"}",
          TOKEN_KIND_ID },
        { "dpop+jwt and Bearer: the header counts", "dpop+jwt", "{\"typ\":\"Bearer\"}",
          TOKEN_KIND_DPOP },
        { "unmarked with the logout event", "JWT",
          "{\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":{}}}",
          TOKEN_KIND_LOGOUT },
        { "unmarked with another event", "JWT", "{\"events\":{\"x\":{}}}", TOKEN_KIND_UNMARKED },
};

typedef struct FindRow {
        const char *sentence;
        const char *path;
        const char *found; /* NULL: absent */
} FindRow;

static const char *const nested =
    "{\"a\":{\"b\":{\"c\":\"abc\"},\"b.c\":\"a b.c\"},\"https://e.x/y\":\"url\","
    "\"d.e\":{\"f\":\"de f\"},\"d\":{\"g\":\"d "
    "g\",\"e\":{\"h\":\"deh\"}},\"s\":\"text\",\"\":\"empty\"}";

static const FindRow finds[] = {
        { "a member", "s", "text" },
        { "a name that holds dots", "https://e.x/y", "url" },
        { "a name that holds dots goes first, a level down", "a.b.c", "a b.c" },
        { "a name that holds dots, then a member of it", "d.e.f", "de f" },
        { "the other way when the longer name lacks it", "d.e.h", "deh" },
        { "two levels", "d.g", "d g" },
        { "absent", "x", NULL },
        { "absent a level down", "a.x", NULL },
        { "below a string", "s.x", NULL },
        { "a dot at the end", "s.", NULL },
        { "a dot in front", ".s", NULL },
        { "two dots", "a..b", NULL },
        { "the empty name", "", "empty" },
};

/* What is merged; own NULL: opaque. */
typedef struct MergeRow {
        const char *sentence;
        const char *own;
        const char *answer;
        const char *merged; /* as an object; NULL: not active, or refused with trouble */
        const char *trouble;
        TokenKind kind;
} MergeRow;

static const MergeRow merges[] = {
        { "an opaque token's claims are the answer without active", NULL,
          "{\"active\":true,\"iss\":\"i\",\"sub\":\"s\",\"exp\":5}",
          "{\"iss\":\"i\",\"sub\":\"s\",\"exp\":5}" },
        { "a missing iss is the issuer that was asked", NULL, "{\"active\":true}",
          "{\"iss\":\"https://asked\"}" },
        { "a token in the answer is left out", NULL,
          "{\"active\":true,\"iss\":\"i\",\"jwt\":\"e.y.J\"}", "{\"iss\":\"i\"}" },
        { "not active", NULL, "{\"active\":false}" },
        { "not active: nothing else is looked at", "{\"sub\":\"a\"}",
          "{\"active\":false,\"sub\":\"b\",\"exp\":\"never\"}" },
        { "active is a string", NULL, "{\"active\":\"true\"}", NULL, "active" },
        { "active is a number", NULL, "{\"active\":1}", NULL, "active" },
        { "active is null", NULL, "{\"active\":null}", NULL, "active" },
        { "active is missing", NULL, "{\"sub\":\"s\"}", NULL, "active" },
        { "active twice", NULL, "{\"active\":true,\"active\":true}", NULL, "JSON" },
        { "active twice, spelled in two ways", NULL, "{\"active\":false,\"\\u0061ctive\":true}",
          NULL, "JSON" },
        { "a list", NULL, "[{\"active\":true}]", NULL, "JSON" },
        { "bytes behind it", NULL, "{\"active\":true} x", NULL, "JSON" },
        { "too deep", NULL, "{\"active\":true,\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", NULL,
          "JSON" },
        { "a claim of the wrong type", NULL, "{\"active\":true,\"exp\":\"soon\"}", NULL, "exp" },
        { "the answer fills what the token lacks", "{\"iss\":\"i\",\"exp\":5}",
          "{\"active\":true,\"sub\":\"s\",\"realm_access\":{\"roles\":[\"r\"]}}",
          "{\"iss\":\"i\",\"exp\":5,\"sub\":\"s\",\"realm_access\":{\"roles\":[\"r\"]}}" },
        { "the token's own claims win", "{\"iss\":\"i\",\"scope\":\"a\",\"exp\":5,\"aud\":\"x\"}",
          "{\"active\":true,\"scope\":\"a b admin\",\"exp\":9,\"aud\":[\"x\",\"y\"]}",
          "{\"iss\":\"i\",\"scope\":\"a\",\"exp\":5,\"aud\":\"x\"}" },
        { "a token without iss gets none from who was asked", "{\"sub\":\"s\"}",
          "{\"active\":true}", "{\"sub\":\"s\"}" },
        { "another iss", "{\"iss\":\"i\"}", "{\"active\":true,\"iss\":\"j\"}", NULL, "(iss)" },
        { "another sub", "{\"sub\":\"s\"}", "{\"active\":true,\"sub\":\"S\"}", NULL, "(sub)" },
        { "another jti", "{\"jti\":\"1\"}", "{\"active\":true,\"jti\":\"2\"}", NULL, "(jti)" },
        { "a jti of another type", "{\"jti\":\"1\"}", "{\"active\":true,\"jti\":1}", NULL,
          "(jti)" },
        { "another azp", "{\"azp\":\"a\"}", "{\"active\":true,\"azp\":\"b\"}", NULL, "(azp)" },
        { "another client_id", "{\"client_id\":\"a\"}", "{\"active\":true,\"client_id\":\"b\"}",
          NULL, "(client_id)" },
        { "azp here and another client_id there", "{\"azp\":\"a\"}",
          "{\"active\":true,\"client_id\":\"b\"}", NULL, "(client_id)" },
        { "client_id here and another azp there", "{\"client_id\":\"a\"}",
          "{\"active\":true,\"azp\":\"b\"}", NULL, "(client_id)" },
        { "azp here and the same client_id there", "{\"azp\":\"a\"}",
          "{\"active\":true,\"client_id\":\"a\"}", "{\"azp\":\"a\",\"client_id\":\"a\"}" },
        { "token_type Bearer is an access token", NULL,
          "{\"active\":true,\"iss\":\"i\",\"token_type\":\"bearer\"}",
          "{\"iss\":\"i\",\"token_type\":\"bearer\"}", NULL, TOKEN_KIND_ACCESS },
        { "token_type Bearer of an ID token", NULL,
          "{\"active\":true,\"iss\":\"i\",\"token_type\":\"Bearer\",\"typ\":\"ID\"}",
          "{\"iss\":\"i\",\"token_type\":\"Bearer\",\"typ\":\"ID\"}", NULL, TOKEN_KIND_ID },
        { "typ Bearer alone", NULL, "{\"active\":true,\"iss\":\"i\",\"typ\":\"Bearer\"}",
          "{\"iss\":\"i\",\"typ\":\"Bearer\"}", NULL, TOKEN_KIND_ACCESS },
        { "token_type DPoP is no bearer token", NULL,
          "{\"active\":true,\"iss\":\"i\",\"token_type\":\"DPoP\",\"typ\":\"Bearer\"}",
          "{\"iss\":\"i\",\"token_type\":\"DPoP\",\"typ\":\"Bearer\"}", NULL, TOKEN_KIND_BOUND },
        { "token_type DPoP of a token that does not say so itself", "{\"typ\":\"Bearer\"}",
          "{\"active\":true,\"token_type\":\"dpop\"}",
          "{\"typ\":\"Bearer\",\"token_type\":\"dpop\"}", NULL, TOKEN_KIND_BOUND },
        { "token_type DPoP does not make a JWT an access token", "{\"sub\":\"s\"}",
          "{\"active\":true,\"token_type\":\"DPoP\"}", "{\"sub\":\"s\",\"token_type\":\"DPoP\"}",
          NULL, TOKEN_KIND_DPOP },
        { "nor does it of an ID token", "{\"typ\":\"ID\"}",
          "{\"active\":true,\"token_type\":\"DPoP\"}", "{\"typ\":\"ID\",\"token_type\":\"DPoP\"}",
          NULL, TOKEN_KIND_DPOP },
        { "token_type Bearer does not make a JWT an access token", "{\"sub\":\"s\"}",
          "{\"active\":true,\"token_type\":\"Bearer\"}",
          "{\"sub\":\"s\",\"token_type\":\"Bearer\"}", NULL, TOKEN_KIND_UNMARKED },
        { "a token_type that nobody knows", NULL,
          "{\"active\":true,\"iss\":\"i\",\"token_type\":\"mac\",\"typ\":\"Bearer\"}",
          "{\"iss\":\"i\",\"token_type\":\"mac\",\"typ\":\"Bearer\"}", NULL, TOKEN_KIND_OTHER },
};

static Claims *parse(const char *payload, const char *typ)
{
        Claims *claims = NULL;

        g_assert_cmpint(claims_parse(span_from(payload), span_from(typ), &claims, NULL), ==, 0);
        return claims;
}

static void run_row(const void *data)
{
        const Row *row = data;
        g_autoptr(Claims) claims = NULL;
        const char *trouble = NULL;

        g_assert_cmpint(claims_parse(span_from(row->payload), SPAN_EMPTY, &claims, &trouble), ==,
                        row->answer);
        g_assert_true((claims == NULL) == (row->answer != 0));
        g_assert_true((trouble == NULL) == (row->answer == 0));
}

static void run_kind(const void *data)
{
        const KindRow *row = data;
        g_autoptr(Claims) claims = parse(row->payload, row->header);

        g_assert_cmpstr(token_kind_text(claims_kind(claims)), ==, token_kind_text(row->kind));
}

static void run_find(const void *data)
{
        const FindRow *row = data;
        g_autoptr(Claims) claims = parse(nested, "");

        Span found = tape_string(claims_find(claims, row->path));

        g_assert_true(span_equal(found, span_from(row->found)));
}

static void assert_claims(const Claims *claims, const char *wanted)
{
        g_autoptr(GString) text = g_string_new(NULL);
        json_t *found, *expected = json_loads(wanted, JSON_REJECT_DUPLICATES, NULL);

        tape_write(claims_root(claims), text);
        found = json_loads(text->str, JSON_REJECT_DUPLICATES, NULL);
        g_assert_nonnull(expected);
        if (!json_equal(found, expected))
                g_error("%s instead of %s", text->str, wanted);
        json_decref(found);
        json_decref(expected);
}

static void run_merge(const void *data)
{
        const MergeRow *row = data;
        g_autoptr(Claims) own = row->own ? parse(row->own, "") : NULL, merged = NULL;
        const char *trouble = NULL;
        bool active = false;
        int r = claims_merge(own, span_from(row->answer), span_from("https://asked"), &active,
                             &merged, &trouble);

        g_assert_cmpint(r, ==, row->trouble ? CLAIMS_E_MALFORMED : 0);
        g_assert_true(active == (row->merged != NULL) && (merged != NULL) == active);
        if (row->trouble)
                g_assert_nonnull(strstr(trouble, row->trouble));
        if (!merged)
                return;
        assert_claims(merged, row->merged);
        g_assert_cmpstr(token_kind_text(claims_kind(merged)), ==, token_kind_text(row->kind));
}

/* at+jwt in the header is known to the token alone. */
static void test_merged_header(void)
{
        g_autoptr(Claims) own = parse("{}", "at+jwt"), merged = NULL;
        bool active = false;

        g_assert_cmpint(
            claims_merge(own, span_from("{\"active\":true}"), SPAN_EMPTY, &active, &merged, NULL),
            ==, 0);
        g_assert_cmpint(claims_kind(merged), ==, TOKEN_KIND_ACCESS);
        g_assert_cmpint(claims_header_kind(merged), ==, TOKEN_KIND_ACCESS);
}

static void test_texts(void)
{
        g_autoptr(Claims) claims = parse("{\"iss\":\"i\",\"sub\":\"s\",\"azp\":\"p\",\"client_id\":"
                                         "\"q\",\"jti\":\"j\",\"sid\":\"d\"}",
                                         "");

        g_assert_true(span_equal_string(claims_issuer(claims), "i"));
        g_assert_true(span_equal_string(claims_subject(claims), "s"));
        g_assert_true(span_equal_string(claims_party(claims), "p"));
        g_assert_true(span_equal_string(claims_jti(claims), "j"));
        g_assert_true(span_equal_string(claims_sid(claims), "d"));
}

static void test_absent(void)
{
        g_autoptr(Claims) claims = parse("{\"client_id\":\"q\"}", "");

        g_assert_true(span_equal_string(claims_party(claims), "q"));
        g_assert_cmpuint(claims_issuer(claims).len, ==, 0);
        g_assert_cmpint(claims_expiry(claims), ==, CLAIMS_TIME_NONE);
        g_assert_cmpint(claims_not_before(claims), ==, CLAIMS_TIME_NONE);
        g_assert_cmpint(claims_issued_at(claims), ==, CLAIMS_TIME_NONE);
        g_assert_cmpuint(claims_n_audiences(claims), ==, 0);
        g_assert_false(claims_has_audience(claims, SPAN_EMPTY));
        g_assert_false(claims_has_scope(claims, SPAN_EMPTY));
}

static void test_times(void)
{
        g_autoptr(Claims) claims =
            parse("{\"exp\":1800000300.999,\"nbf\":1.5e9,\"iat\":1800000000}", "");

        g_assert_cmpint(claims_expiry(claims), ==, 1800000300);
        g_assert_cmpint(claims_not_before(claims), ==, 1500000000);
        g_assert_cmpint(claims_issued_at(claims), ==, 1800000000);
}

static void test_audiences(void)
{
        g_autoptr(Claims) one = parse("{\"aud\":\"orders\"}", ""),
                          two = parse("{\"aud\":[\"account\",\"orders\"]}", "");

        g_assert_cmpuint(claims_n_audiences(one), ==, 1);
        g_assert_cmpuint(claims_n_audiences(two), ==, 2);
        g_assert_true(span_equal_string(claims_audience(two, 1), "orders"));
        g_assert_cmpuint(claims_audience(two, 2).len, ==, 0);
        g_assert_true(claims_has_audience(one, span_from("orders")));
        g_assert_true(claims_has_audience(two, span_from("orders")));
        g_assert_false(claims_has_audience(two, span_from("order")));
        g_assert_false(claims_has_audience(two, span_from("account orders")));
}

static void test_too_many_audiences(void)
{
        g_autoptr(GString) payload = g_string_new("{\"aud\":[\"a\"");
        g_autoptr(Claims) claims = NULL;

        for (int i = 1; i < CLAIMS_AUDIENCES_MAX; i++)
                g_string_append(payload, ",\"a\"");
        g_string_append(payload, "]}");
        g_assert_cmpint(
            claims_parse(span_of(payload->str, payload->len), SPAN_EMPTY, &claims, NULL), ==, 0);
        g_string_insert(payload, (gssize) payload->len - 2, ",\"a\"");
        g_clear_pointer(&claims, claims_unref);
        g_assert_cmpint(
            claims_parse(span_of(payload->str, payload->len), SPAN_EMPTY, &claims, NULL), ==,
            CLAIMS_E_MALFORMED);
}

static void test_scopes(void)
{
        g_autoptr(Claims) words = parse("{\"scope\":\" orders:read  email \"}", ""),
                          list = parse("{\"scope\":[\"orders:read\"]}", "");

        g_assert_true(claims_has_scope(words, span_from("orders:read")));
        g_assert_true(claims_has_scope(words, span_from("email")));
        g_assert_false(claims_has_scope(words, span_from("orders")));
        g_assert_false(claims_has_scope(words, span_from("orders:read  email")));
        g_assert_false(claims_has_scope(words, SPAN_EMPTY));
        g_assert_true(claims_has_scope(list, span_from("orders:read")));
        g_assert_false(claims_has_scope(list, span_from("email")));
}

static void test_payload_is_not_borrowed(void)
{
        g_autoptr(Claims) claims = NULL;
        char payload[] = " {\"sub\" : \"b\"} ";

        claims = parse(payload, "");
        memset(payload, 'x', sizeof payload - 1);
        g_assert_true(span_equal_string(claims_subject(claims), "b"));
}

static void test_reference(void)
{
        Claims *claims = parse("{\"sub\":\"b\"}", "");
        g_autoptr(Claims) second = claims_ref(claims);

        claims_unref(claims);
        g_assert_true(span_equal_string(claims_subject(second), "b"));
        claims_unref(NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                rows_add("claims", rows[i].sentence, &rows[i], run_row);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
                rows_add("claims/kind", kinds[i].sentence, &kinds[i], run_kind);
        for (size_t i = 0; i < G_N_ELEMENTS(finds); i++)
                rows_add("claims/find", finds[i].sentence, &finds[i], run_find);
        for (size_t i = 0; i < G_N_ELEMENTS(merges); i++)
                rows_add("claims/merge", merges[i].sentence, &merges[i], run_merge);
        g_test_add_func("/claims/merge/the header's kind stays", test_merged_header);
        g_test_add_func("/claims/each text is found", test_texts);
        g_test_add_func("/claims/what is absent is empty", test_absent);
        g_test_add_func("/claims/fractions of a second are cut", test_times);
        g_test_add_func("/claims/aud is a list and ours is second", test_audiences);
        g_test_add_func("/claims/256 audiences and one more", test_too_many_audiences);
        g_test_add_func("/claims/a scope is a whole word", test_scopes);
        g_test_add_func("/claims/nothing borrows from the payload", test_payload_is_not_borrowed);
        g_test_add_func("/claims/the last reference frees", test_reference);
        return g_test_run();
}

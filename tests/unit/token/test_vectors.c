/* Published examples, each with key and token from its own text. What the RFCs sign with a shared
 * secret, or not at all, must be refused. */
#include "token/verify.h"
#include "rows.h"

/* RFC 7515 appendix A.1.1: the payload of A.1 to A.3 and A.5. */
#define JOE                                                                                        \
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0" \
        "cnVlfQ"

/* RFC 7520 section 4, figure 8: "It's a dangerous business, Frodo, ...". */
#define FRODO                                                                                      \
        "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAg" \
        "b250byB0"                                                                                 \
        "aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hl" \
        "cmUgeW91"                                                                                 \
        "IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4"

/* RFC 7515 appendix A.2.1 (public part). */
#define RSA_7515                                                                                   \
        "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_"                              \
        "wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4q"                                                    \
        "PCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_"     \
        "7OMg0LOL-bSf"                                                                             \
        "63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"                                                   \
        "UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I"                               \
        "5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":" \
        "\"AQAB\"}"

/* RFC 7515 appendix A.3.1. */
#define P256_7515                                                                                  \
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"

/* RFC 7515 appendix A.4.1. */
#define P521_7515                                                                                  \
        "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":"                                                 \
        "\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnY"                                 \
        "G_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_"   \
        "l2Th-x3S1"                                                                                \
        "WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}"

/* RFC 7520 section 3.3, figure 3. */
#define RSA_7520                                                                                   \
        "{\"kty\":\"RSA\",\"kid\":\"bilbo.baggins@hobbiton.example\",\"use\":\"sig\",\"n\":"       \
        "\"n4EPtAOCc9Alk"                                                                          \
        "eQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_"              \
        "AJmSCpMaJMRBSFKrKb2wq"                                                                    \
        "VwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-"                \
        "OfVfHd1E6cS6M1FZcD1NNLY"                                                                  \
        "D5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_"    \
        "mzSnbLY7h_q"                                                                              \
        "ixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw\",\"e\":\"AQAB\"}"

/* RFC 7520 section 3.1, figure 1. */
#define P521_7520                                                                                  \
        "{\"kty\":\"EC\",\"kid\":\"bilbo.baggins@hobbiton.example\",\"use\":\"sig\",\"crv\":\"P-"  \
        "521\","                                                                                   \
        "\"x\":\"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-"          \
        "7ytDyRXYgCF5cj0Kt"                                                                        \
        "\",\"y\":"                                                                                \
        "\"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqH"  \
        "ZR1\"}"

/* RFC 8037 appendix A.2. */
#define ED25519_8037                                                                               \
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"                              \
        "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"

typedef struct Row {
        const char *sentence;
        const char *key; /* one that could be meant, where the RFC's own is no public key */
        const char *token;
        int answer; /* of jws_parse */
} Row;

static const Row rows[] = {
        { "RFC 7515 A.1, HS256, is refused", RSA_7515,
          "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE
          ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
          JWS_E_UNSUPPORTED_ALGORITHM },
        { "RFC 7515 A.2, RS256", RSA_7515,
          "eyJhbGciOiJSUzI1NiJ9." JOE
          ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-"
          "0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
          "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSj"
          "tQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
          "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUi"
          "pUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
          0 },
        { "RFC 7515 A.3, ES256", P256_7515,
          "eyJhbGciOiJFUzI1NiJ9." JOE
          ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
          0 },
        { "RFC 7515 A.4, ES512", P521_7515,
          "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_"
          "UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-"
          "KGDKB34XO0aw_"
          "7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLze"
          "O_"
          "Jn",
          0 },
        { "RFC 7515 A.5, none, is refused", RSA_7515, "eyJhbGciOiJub25lIn0." JOE ".",
          JWS_E_UNSUPPORTED_ALGORITHM },
        { "RFC 7520 4.1, RS256", RSA_7520,
          "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." FRODO
          ".MRjdkly7_-"
          "oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PND"
          "i84"
          "wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_"
          "qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnH"
          "XFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-"
          "ZnmKJ3F4uOZDnd6QZWJushZ41Ax"
          "f_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
          0 },
        { "RFC 7520 4.2, PS384", RSA_7520,
          "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." FRODO
          ".cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-"
          "tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItll"
          "Vo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-"
          "UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrx"
          "UeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_"
          "jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH5"
          "10a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
          0 },
        { "RFC 7520 4.3, ES512", P521_7520,
          "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." FRODO
          ".AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-"
          "JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_s"
          "DDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2",
          0 },
        { "RFC 7520 4.4, HS256, is refused", RSA_7520,
          "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9." FRODO
          ".s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
          JWS_E_UNSUPPORTED_ALGORITHM },
        { "RFC 7520 4.5, HS256 with detached content, is refused", RSA_7520,
          "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9."
          ".s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
          JWS_E_UNSUPPORTED_ALGORITHM },
        { "RFC 7520 4.1 with detached content is refused", RSA_7520,
          "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9."
          ".MRjdkly7_-"
          "oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PND"
          "i84",
          JWS_E_MALFORMED },
        { "RFC 7520 4.7, flattened JSON, is refused", RSA_7520,
          "{\"payload\":\"" FRODO
          "\",\"header\":{\"kid\":\"018c0ae5-4d9b-471b-bfd6-eef314bc7037\",\"alg\":\"HS256\"},"
          "\"signature\":\"xuLifqLGiblpv9zBpuZczWhNj1gARaLV3UxvxhJxZuk\"}",
          JWS_E_NOT_A_JWS },
        { "RFC 8037 A.4, EdDSA", ED25519_8037,
          "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-"
          "09PGcvMg3AIbQR6dWb"
          "hijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
          0 },
};

static void run_row(const void *data)
{
        const Row *row = data;
        g_autoptr(KeySet) set = rows_keyset(row->key);
        g_autoptr(Verifier) verifier = verifier_new();
        Jws jws;

        g_assert_cmpint(jws_parse(span_from(row->token), &jws), ==, row->answer);
        if (row->answer != 0)
                return;
        g_assert_cmpint(verify_jws(verifier, keyset_get(set, 0), &jws), ==, 0);
        jws.signature[jws.signature_len / 2] ^= 1;
        g_assert_cmpint(verify_jws(verifier, keyset_get(set, 0), &jws), ==, VERIFY_E_BAD_SIGNATURE);
}

typedef struct ThumbprintRow {
        const char *sentence;
        const char *key;
        const char *thumbprint;
} ThumbprintRow;

static const ThumbprintRow thumbprints[] = {
        { "RFC 7638 3.1, RSA",
          "{\"kty\":\"RSA\",\"n\":"
          "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhD"
          "R1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
          "65YGjQR0_FDW2QvzqY368Q"
          "QMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
          "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-"
          "G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":"
          "\"2011-04-29\"}",
          "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" },
        { "RFC 8037 A.3, Ed25519", ED25519_8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
};

static void run_thumbprint(const void *data)
{
        const ThumbprintRow *row = data;
        g_autoptr(KeySet) set = rows_keyset(row->key);
        g_autofree char *text =
            g_base64_encode(keyset_get(set, 0)->thumbprint, JWK_THUMBPRINT_SIZE);

        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
        text[strcspn(text, "=")] = '\0';
        g_assert_cmpstr(text, ==, row->thumbprint);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                rows_add("vectors", rows[i].sentence, &rows[i], run_row);
        for (size_t i = 0; i < G_N_ELEMENTS(thumbprints); i++)
                rows_add("vectors/thumbprint", thumbprints[i].sentence, &thumbprints[i],
                         run_thumbprint);
        return g_test_run();
}

/* One-time codes: the vectors of RFC 6238, secrets as people write them, and what is good when. */
#include "otp.h"

#include <string.h>

#define RFC_SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" /* 12345678901234567890 */
#define NOW        G_GINT64_CONSTANT(1111111109)      /* 29 s into its step */

/* --- RFC 6238, appendix B (SHA-1) --- */

typedef struct Vector {
        gint64 now_sec;
        const char *code;
} Vector;

static const Vector VECTORS[] = {
        { 59, "94287082" },         { 1111111109, "07081804" }, { 1111111111, "14050471" },
        { 1234567890, "89005924" }, { 2000000000, "69279037" }, { 20000000000, "65353130" },
};

static void test_vectors(void)
{
        g_autoptr(GBytes) secret = otp_secret_read(RFC_SECRET);

        for (size_t i = 0; i < G_N_ELEMENTS(VECTORS); i++) {
                guint64 step = (guint64) (VECTORS[i].now_sec / OTP_PERIOD_SEC);
                g_autofree char *eight = otp_code(secret, step, 8);
                g_autofree char *six = otp_code(secret, step, 6);
                g_assert_cmpstr(eight, ==, VECTORS[i].code);
                g_assert_cmpstr(six, ==, VECTORS[i].code + 2);
        }
}

/* --- secrets --- */

typedef struct SecretRow {
        const char *name;
        const char *base32;
        const char *bytes; /* NULL: refused */
} SecretRow;

static const SecretRow SECRETS[] = {
        { "one byte", "MY", "f" },
        { "padded", "MY======", "f" },
        { "five bytes", "MZXW6YTB", "fooba" },
        { "six bytes", "MZXW6YTBOI======", "foobar" },
        { "in small letters", "mzxw6ytboi", "foobar" },
        { "empty", "", NULL },
        { "padding alone", "====", NULL },
        { "less than a byte", "M", NULL },
        { "a digit that base32 lacks", "MY1", NULL },
        { "a space", "MZ XW", NULL },
        { "letters after the padding", "MY==MY", NULL },
};

static void test_secret(gconstpointer data)
{
        const SecretRow *row = data;
        g_autoptr(GBytes) secret = otp_secret_read(row->base32);

        g_assert_true((secret == NULL) == (row->bytes == NULL));
        if (!secret)
                return;
        gsize len;
        const void *bytes = g_bytes_get_data(secret, &len);
        g_assert_cmpmem(bytes, len, row->bytes, strlen(row->bytes));
}

/* --- what is good when --- */

typedef struct TakeRow {
        const char *name;
        gint64 off_sec; /* the code is that of NOW + off_sec */
        bool good;
} TakeRow;

static const TakeRow TAKES[] = {
        { "this step's first second", -29, true },   { "this step's last second", 0, true },
        { "the next step's first second", 1, true }, { "the next step's last second", 30, true },
        { "the step after it", 31, false },          { "the step before", -30, true },
        { "its first second", -59, true },           { "the one before that", -60, false },
};

static char *code_at(gint64 now_sec)
{
        g_autoptr(GBytes) secret = otp_secret_read(RFC_SECRET);

        return otp_code(secret, (guint64) (now_sec / OTP_PERIOD_SEC), OTP_DIGITS);
}

static void test_take(gconstpointer data)
{
        const TakeRow *row = data;
        OtpUses *uses = otp_uses_new();
        g_autofree char *code = code_at(NOW + row->off_sec);

        g_assert_true(otp_take(uses, "erin", RFC_SECRET, code, NOW) == row->good);
        otp_uses_free(uses);
}

static void test_words_that_are_no_code(void)
{
        static const char *const WORDS[] = { NULL,    "",       "08180",  "0818044",
                                             "00000", "abcdef", " 081804" };
        OtpUses *uses = otp_uses_new();

        for (size_t i = 0; i < G_N_ELEMENTS(WORDS); i++)
                g_assert_false(otp_take(uses, "erin", RFC_SECRET, WORDS[i], NOW));
        g_assert_false(otp_take(uses, "erin", "no base32!", "081804", NOW));
        g_assert_true(otp_take(uses, "erin", RFC_SECRET, "081804", NOW));
        otp_uses_free(uses);
}

static void test_once(void)
{
        OtpUses *uses = otp_uses_new();
        g_autofree char *code = code_at(NOW);
        g_autofree char *next = code_at(NOW + OTP_PERIOD_SEC);

        g_assert_true(otp_take(uses, "erin", RFC_SECRET, code, NOW));
        g_assert_false(otp_take(uses, "erin", RFC_SECRET, code, NOW));
        g_assert_false(otp_take(uses, "erin", RFC_SECRET, code, NOW + OTP_PERIOD_SEC));
        g_assert_true(otp_take(uses, "erin", RFC_SECRET, next, NOW));
        g_assert_true(otp_take(uses, "frank", RFC_SECRET, code, NOW));
        otp_uses_free(uses);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/devidp/otp/the vectors of RFC 6238", test_vectors);
        for (size_t i = 0; i < G_N_ELEMENTS(SECRETS); i++) {
                g_autofree char *path =
                    g_strdup_printf("/devidp/otp/a secret: %s", SECRETS[i].name);
                g_test_add_data_func(path, &SECRETS[i], test_secret);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(TAKES); i++) {
                g_autofree char *path =
                    g_strdup_printf("/devidp/otp/the code of %s", TAKES[i].name);
                g_test_add_data_func(path, &TAKES[i], test_take);
        }
        g_test_add_func("/devidp/otp/words that are no code", test_words_that_are_no_code);
        g_test_add_func("/devidp/otp/a code is good once, for one person", test_once);
        return g_test_run();
}

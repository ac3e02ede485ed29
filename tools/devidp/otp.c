#include "otp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define STEP_BYTES 8

struct OtpUses {
        GHashTable *until_sec; /* "owner:code" → gint64 */
};

/* --- secrets --- */

static int value_of(char c)
{
        static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        const char *place = c ? strchr(ALPHABET, g_ascii_toupper(c)) : NULL;

        return place ? (int) (place - ALPHABET) : -1;
}

GBytes *otp_secret_read(const char *base32)
{
        size_t len = strcspn(base32, "=");
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        unsigned bits = 0, n_bits = 0;

        if (strspn(base32 + len, "=") != strlen(base32 + len))
                return NULL;
        for (size_t i = 0; i < len; i++) {
                int value = value_of(base32[i]);
                if (value < 0)
                        return NULL;
                bits = (bits << 5 | (unsigned) value) & 0xfff;
                n_bits += 5;
                if (n_bits < 8)
                        continue;
                n_bits -= 8;
                guint8 byte = (guint8) (bits >> n_bits);
                g_byte_array_append(bytes, &byte, 1);
        }
        return bytes->len > 0 ? g_byte_array_free_to_bytes(g_steal_pointer(&bytes)) : NULL;
}

/* --- codes --- */

char *otp_code(GBytes *secret, guint64 step, unsigned digits)
{
        static const guint32 MODULI[] = { [6] = 1000000, [7] = 10000000, [8] = 100000000 };
        guint64 counter = GUINT64_TO_BE(step);
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned digest_len;
        gsize len;
        const void *key = g_bytes_get_data(secret, &len);

        g_assert(digits < G_N_ELEMENTS(MODULI) && MODULI[digits]);
        if (!HMAC(EVP_sha1(), key, (int) len, (const unsigned char *) &counter, STEP_BYTES, digest,
                  &digest_len))
                return NULL;
        unsigned at = digest[digest_len - 1] & 0x0f; /* RFC 4226 §5.3 */
        guint32 number = (guint32) (digest[at] & 0x7f) << 24 | (guint32) digest[at + 1] << 16 |
                         (guint32) digest[at + 2] << 8 | digest[at + 3];
        return g_strdup_printf("%0*u", (int) digits, number % MODULI[digits]);
}

static bool is_code_of(GBytes *secret, const char *code, gint64 now_sec)
{
        for (gint64 off = -OTP_WINDOW; off <= OTP_WINDOW; off++) {
                g_autofree char *right =
                    otp_code(secret, (guint64) (now_sec / OTP_PERIOD_SEC + off), OTP_DIGITS);
                if (right && CRYPTO_memcmp(right, code, OTP_DIGITS) == 0)
                        return true;
        }
        return false;
}

/* --- use --- */

OtpUses *otp_uses_new(void)
{
        OtpUses *uses = g_new0(OtpUses, 1);

        uses->until_sec = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return uses;
}

void otp_uses_free(OtpUses *uses)
{
        if (!uses)
                return;
        g_hash_table_destroy(uses->until_sec);
        g_free(uses);
}

static gboolean is_over(gpointer key, gpointer until_sec, gpointer now_sec)
{
        return *(const gint64 *) until_sec <= *(const gint64 *) now_sec;
}

/* Good codes alone are kept, for 90 seconds: that bounds them. */
static bool use_once(OtpUses *uses, const char *owner, const char *code, gint64 now_sec)
{
        g_autofree char *key = g_strdup_printf("%s:%s", owner, code);
        gint64 until_sec = now_sec + OTP_USED_SEC;

        g_hash_table_foreach_remove(uses->until_sec, is_over, &now_sec);
        if (g_hash_table_contains(uses->until_sec, key))
                return false;
        g_hash_table_insert(uses->until_sec, g_steal_pointer(&key),
                            g_memdup2(&until_sec, sizeof(until_sec)));
        return true;
}

bool otp_take(OtpUses *uses, const char *owner, const char *base32, const char *code,
              gint64 now_sec)
{
        g_autoptr(GBytes) secret = otp_secret_read(base32);

        return secret && code && strlen(code) == OTP_DIGITS && is_code_of(secret, code, now_sec) &&
               use_once(uses, owner, code, now_sec);
}

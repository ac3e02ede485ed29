/* otp: codes that change with the time (RFC 4226, RFC 6238), as Keycloak's realms have them unless
 * told otherwise: SHA-1, six digits, 30 seconds, one step to either side, each code good once.
 *
 * One thread; pure but for what was used. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define OTP_DIGITS     6
#define OTP_PERIOD_SEC 30
#define OTP_WINDOW     1 /* steps to either side */
#define OTP_USED_SEC   (OTP_PERIOD_SEC * (2 * OTP_WINDOW + 1))

/* otp_secret_read: base32 (RFC 4648), padded or not, in either case; NULL: it is none, or empty. */
GBytes *otp_secret_read(const char *base32);
/* otp_code: the code of one step, digits (6…8) long; NULL: OpenSSL would not. */
char *otp_code(GBytes *secret, guint64 step, unsigned digits);

/* OtpUses: the codes that were good a short while ago, and are no more. */
typedef struct OtpUses OtpUses;

OtpUses *otp_uses_new(void);
void otp_uses_free(OtpUses *uses);
/* otp_take: is this the code of that secret now? Then it is used up; owner is whose it is. */
bool otp_take(OtpUses *uses, const char *owner, const char *base32, const char *code,
              gint64 now_sec);

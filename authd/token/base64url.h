/* base64url: RFC 4648 §5 without padding, as RFC 7515 §2 wants it, and nothing else.
 *
 * Refuses padding, white space, the other alphabet, lengths of 1 mod 4 and unused bits that are not
 * zero: one byte string has one spelling. Pure; any thread. */
#pragma once

#include "base/span.h"

#include <stdint.h>
#include <sys/types.h>

#define BASE64URL_DECODED_MAX(len)                                                                 \
        ((len) / 4 * 3 + (len) % 4 * 3 / 4) /* what a valid text gives, exactly */
#define BASE64URL_ENCODED_MAX(len) (((len) + 2) / 3 * 4 + 1)

/* base64url_decode: writes at most BASE64URL_DECODED_MAX(text.len) bytes; ret may be text's own
 * memory. 0, or -EINVAL (ret is then undefined). */
int base64url_decode(Span text, uint8_t *ret, size_t *ret_len);
/* base64url_encode: writes BASE64URL_ENCODED_MAX(bytes.len) at most, NUL included; returns the
 * length. */
size_t base64url_encode(Span bytes, char *ret);

/* fuzz_base64url: what decodes has one spelling, its own; and nothing is written past its length.
 */
#include "token/base64url.h"

#include <glib.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t size_max = BASE64URL_DECODED_MAX(size), len = 0;
        g_autofree uint8_t *bytes = g_malloc(MAX(size_max, 1));
        g_autofree char *text = NULL;

        if (base64url_decode(span_of(data, size), bytes, &len) < 0)
                return 0;
        text = g_malloc(BASE64URL_ENCODED_MAX(len));
        if (len != size_max || base64url_encode(span_of(bytes, len), text) != size ||
            (size > 0 && memcmp(text, data, size) != 0))
                abort();
        return 0;
}

/* fuzz_json: what is taken can be written and read again and is the same; every refusal has a word
 * and is never "out of memory". */
#include "token/json.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const JsonLimits limits = { 64 * 1024, 8 }, wider = { G_MAXSIZE, 8 };
        json_auto *value = NULL, *again = NULL;
        char *text;
        int r = json_parse(span_of(data, size), &limits, &value);

        if (r < 0 || (r == 0) != (value != NULL) || !json_answer_text(r))
                abort();
        if (r != 0)
                return 0;
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        if (!text || json_parse(span_from(text), &wider, &again) != 0 || !json_equal(value, again))
                abort();
        free(text);
        return 0;
}

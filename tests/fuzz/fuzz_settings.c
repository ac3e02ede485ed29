/* fuzz_settings: any text as authd.conf: refused with one line that has a place, or read and
 * described. */
#include "config.h"

#include "token/json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("fuzz", span_of(data, size), &error);

        if (!config && (!error || !g_str_has_prefix(error->message, "fuzz:")))
                abort();
        if (config) {
                json_auto *description = config_describe(config);

                if (!json_is_array(json_object_get(description, "settings")))
                        abort();
        }
        return 0;
}

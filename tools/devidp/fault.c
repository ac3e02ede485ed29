#include "fault.h"

#include <glib.h>

static const char *const WORDS[_FAULT_MAX] = {
        [FAULT_NONE] = "none",         [FAULT_500] = "500",     [FAULT_503] = "503",
        [FAULT_HANG] = "hang",         [FAULT_SLOW] = "slow",   [FAULT_HTML] = "html",
        [FAULT_TRUNCATE] = "truncate", [FAULT_RESET] = "reset", [FAULT_EMPTY] = "empty",
};

bool fault_from_word(const char *word, Fault *ret)
{
        for (int i = 0; i < _FAULT_MAX; i++) {
                if (g_strcmp0(WORDS[i], word) == 0) {
                        *ret = (Fault) i;
                        return true;
                }
        }
        return false;
}

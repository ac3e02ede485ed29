/* setting: refusing one in a sentence that a person reads. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* setting_refuse: false, and *error says what is wrong and what to do. */
bool setting_refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

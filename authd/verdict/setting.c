#include "verdict/setting.h"

bool setting_refuse(GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(error,
                          g_error_new_valist(G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                                             format, arguments));
        va_end(arguments);
        return false;
}

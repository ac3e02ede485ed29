/* where: see where.h. */
#include "where.h"

const char *where_folder(void)
{
        return "/run/authd";
}

const char *where_socket(void)
{
        return "/run/authd/authd.sock";
}

/* where: where the daemon's table and socket are. The one file that tests put another in place of:
 * nothing of it can be told to the module from outside. */
#pragma once

const char *where_folder(void);
const char *where_socket(void);

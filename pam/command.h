/* command: the command line that sudo was called with: PAM does not hand it over, the process that
 * the module runs in has it. */
#pragma once

#include <security/pam_modules.h>

#define COMMAND_SIZE 1024 /* with its NUL; a longer line is cut with "..." */

/* command_of_sudo: NULL: the service is not sudo's, or the line cannot be read. */
const char *command_of_sudo(pam_handle_t *pamh, char ret[COMMAND_SIZE]);

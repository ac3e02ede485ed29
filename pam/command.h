/* command: the command line that sudo was called with: PAM does not hand it over, the process that
 * the module runs in has it.
 *
 * What sudo was called by is the caller's to choose ("sudo ls", and many blanks): "sudo" or
 * "sudoedit", as sudo itself takes it, stands in its place. */
#pragma once

#include <security/pam_modules.h>
#include <stddef.h>

#define COMMAND_SIZE 1024 /* with its NUL; a longer line is cut with "..." */

/* command_line: of the first bytes of /proc/PID/cmdline; COMMAND_SIZE of them: there may be more.
 */
void command_line(const char *cmdline, size_t size, char ret[COMMAND_SIZE]);
/* command_of_sudo: NULL: the service is not sudo's, or the line cannot be read. */
const char *command_of_sudo(pam_handle_t *pamh, char ret[COMMAND_SIZE]);

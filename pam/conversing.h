/* conversing: what pam_authd shows to a person and is told by one, through the application.
 *
 * A thin cover of the application's conversation function (pam_conv(3)): one message at a time,
 * what comes back is erased when it has been handed on. */
#pragma once

#include "reply.h"

#include <security/pam_modules.h>

#define CONVERSING_LINE_MAX (16 * 1024) /* what is typed; a longer line is PAM_CONV_ERR */

/* conversing_ask: *ret_line is freed by conversing_free_line. PAM_SUCCESS; PAM_CONV_ERR,
 * PAM_BUF_ERR, PAM_CONV_AGAIN as the application says. */
int conversing_ask(pam_handle_t *pamh, const char *prompt, bool echo, char **ret_line);
void conversing_free_line(char *line); /* erases; takes NULL */
/* conversing_tell: as information or as an error; nothing is shown with PAM_SILENT in flags. */
int conversing_tell(pam_handle_t *pamh, int flags, bool is_error, const char *text);

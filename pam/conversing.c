/* conversing: see conversing.h. */
#include "conversing.h"

#include <stdlib.h>
#include <string.h>

static int converse(pam_handle_t *pamh, int style, const char *text, char **ret_line)
{
        const struct pam_message message = { .msg_style = style, .msg = text };
        const struct pam_message *messages[] = { &message };
        struct pam_response *responses = NULL;
        const void *item = NULL;
        const struct pam_conv *conv;
        int r = pam_get_item(pamh, PAM_CONV, &item);

        if (r != PAM_SUCCESS)
                return r;
        conv = item;
        if (!conv || !conv->conv)
                return PAM_CONV_ERR;
        r = conv->conv(1, messages, &responses, conv->appdata_ptr);
        if (r == PAM_SUCCESS && responses) {
                *ret_line = responses[0].resp;
                free(responses);
        }
        return r;
}

int conversing_ask(pam_handle_t *pamh, const char *prompt, bool echo, char **ret_line)
{
        char *line = NULL;
        int r = converse(pamh, echo ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF, prompt, &line);

        if (r == PAM_SUCCESS && (!line || strlen(line) > CONVERSING_LINE_MAX))
                r = PAM_CONV_ERR;
        if (r == PAM_SUCCESS)
                *ret_line = line;
        else
                conversing_free_line(line);
        return r;
}

void conversing_free_line(char *line)
{
        if (!line)
                return;
        explicit_bzero(line, strlen(line));
        free(line);
}

int conversing_tell(pam_handle_t *pamh, int flags, bool is_error, const char *text)
{
        char *line = NULL;
        int r;

        if ((flags & PAM_SILENT) || text[0] == '\0')
                return PAM_SUCCESS;
        r = converse(pamh, is_error ? PAM_ERROR_MSG : PAM_TEXT_INFO, text, &line);
        conversing_free_line(line);
        return r;
}

/* fuzz_login_reply: any bytes as the daemon's lines to pam_authd: none, or a reply whose every text
 * ends within its bounds and holds nothing that a terminal or a log would obey. A yes begins with
 * one, and no environment is set but the daemon's own. */
#include "reply.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define YES "state=allowed\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
        if (!condition)
                abort();
}

static void read_text(const char *text, size_t size_max, bool newline_fits)
{
        must(strnlen(text, size_max + 1) <= size_max);
        for (const unsigned char *at = (const unsigned char *) text; *at; at++) {
                must(*at >= 0x20 || (*at == '\n' && newline_fits));
                must(*at != 0x7f && !(*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f));
        }
}

static void read_all(const struct reply *reply)
{
        read_text(reply->id, REPLY_WORD_MAX, false);
        read_text(reply->user, REPLY_WORD_MAX, false);
        read_text(reply->session, REPLY_WORD_MAX, false);
        read_text(reply->text, REPLY_TEXT_MAX, true);
        must(reply->after_ms <= REPLY_AFTER_MAX && reply->n_env <= REPLY_ENV_MAX);
        for (size_t i = 0; i < reply->n_env; i++) {
                read_text(reply->env[i], REPLY_ENV_SIZE_MAX, false);
                must(strncmp(reply->env[i], "AUTHD_", strlen("AUTHD_")) == 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct reply none;
        static struct reply reply;
        char *lines = malloc(size + 1); /* of this size, so that a byte read behind it is seen */
        int r;

        must(lines != NULL);
        memcpy(lines, data, size);
        memset(&reply, 0xff, sizeof(reply));
        r = reply_read(lines, size, &reply);
        must(r == 0 || (r == -EPROTO && memcmp(&reply, &none, sizeof(none)) == 0));
        must(reply.state != REPLY_ALLOWED ||
             (size >= strlen(YES) && memcmp(lines, YES, strlen(YES)) == 0));
        read_all(&reply);
        free(lines);
        return 0;
}

/* fuzz_pam_reply: any bytes as the daemon's lines to pam_authd: none, with nothing left of it, or a
 * whole reply within its limits that no terminal obeys. */
#include "reply.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
        if (!condition)
                abort();
}

static void check_printable(const char *text, size_t len_max, bool newline_fits)
{
        must(strlen(text) <= len_max);
        for (const unsigned char *at = (const unsigned char *) text; *at; at++) {
                must(*at >= 0x20 || (*at == '\n' && newline_fits));
                must(*at != 0x7f && !(*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f));
        }
}

static void check_env(const struct reply *reply)
{
        must(reply->n_env <= REPLY_ENV_MAX);
        for (size_t i = 0; i < reply->n_env; i++) {
                check_printable(reply->env[i], REPLY_WORD_MAX, false);
                must(strncmp(reply->env[i], "AUTHD_", strlen("AUTHD_")) == 0);
                must(strchr(reply->env[i], '=') != NULL);
        }
}

static void check_taken(const struct reply *reply)
{
        must(reply->state <= REPLY_NOT_OURS && reply->after_ms <= REPLY_AFTER_MAX);
        check_printable(reply->id, REPLY_WORD_MAX, false);
        check_printable(reply->user, REPLY_WORD_MAX, false);
        check_printable(reply->session, REPLY_WORD_MAX, false);
        check_printable(reply->text, REPLY_TEXT_MAX, true);
        check_env(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct reply nothing;
        static struct reply reply;
        int r = reply_read((const char *) data, size, &reply);

        must(r == 0 || r == -EPROTO);
        if (r == 0)
                check_taken(&reply);
        else
                must(memcmp(&reply, &nothing, sizeof(reply)) == 0);
        return 0;
}

/* fuzz_reply: any bytes as the daemon's answer, in slices of any size: refused, or a verdict whose
 * every getter can be asked, and the same whatever the slices. The first byte is the slices' size.
 */
#include "verdict.h"
#include "wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
        if (!condition)
                abort();
}

static int feed(struct wire_answer *answer, const char *bytes, size_t size, size_t slice)
{
        int r = AUTHD_PENDING;

        wire_answer_init(answer);
        for (size_t at = 0; at < size && r == AUTHD_PENDING; at += slice) {
                size_t n = size - at < slice ? size - at : slice;

                r = wire_answer_feed(answer, bytes + at, n);
                if (r == 0 && at + n < size)
                        r = wire_answer_feed(answer, bytes + at + n, size - at - n);
        }
        return r;
}

static void read_header(const authd_verdict *verdict, size_t index)
{
        const char *name, *value;

        must(authd_verdict_header(verdict, index, &name, &value) == 0);
        must(name[0] != '\0' && !strpbrk(name, ": \r\n") && !strpbrk(value, "\r\n"));
}

static void read_verdict(const authd_verdict *verdict)
{
        static const char *const paths[] = {
                "sub", "a.b", "realm_access.roles", "", "...", "email"
        };

        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
                const char *claim = authd_verdict_claim(verdict, paths[i]);

                must(!claim || strlen(claim) < strlen(authd_verdict_claims(verdict)));
        }
        for (size_t i = 0; i < authd_verdict_n_headers(verdict); i++)
                read_header(verdict, i);
        must(strlen(authd_verdict_reason(verdict)) > 0 && authd_verdict_detail(verdict));
        if (authd_verdict_class(verdict) == AUTHD_VALID)
                must(authd_verdict_claims(verdict)[0] == '{' && authd_verdict_until(verdict) > 0);
        else
                must(strcmp(authd_verdict_claims(verdict), "null") == 0);
}

static void judge(struct wire_answer *answer)
{
        authd_verdict *verdict = NULL;
        int r = verdict_from_answer(answer->status, answer->body, answer->body_size, &verdict);

        must((verdict == NULL) == (r == AUTHD_E_PROTOCOL || r == AUTHD_E_MEMORY));
        if (!verdict)
                return;
        answer->body = NULL;
        must(r == 0 || authd_verdict_class(verdict) == AUTHD_UNAVAILABLE);
        must(r != 0 || answer->status == 200);
        read_verdict(verdict);
        authd_verdict_free(verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct wire_answer answer, sliced;
        size_t slice = size > 0 && data[0] > 0 ? data[0] : 1;
        int r;

        if (size == 0)
                return 0;
        r = feed(&answer, (const char *) data + 1, size - 1, size);
        must(feed(&sliced, (const char *) data + 1, size - 1, slice) == r);
        if (r == 0)
                judge(&answer);
        wire_answer_deinit(&answer);
        wire_answer_deinit(&sliced);
        return 0;
}

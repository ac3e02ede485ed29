/* verdict: what authd_verdict is made of, and how the daemon's JSON becomes one.
 *
 * A verdict owns the body that it came in: strings are decoded in their place. Its claims stay the
 * text that they are, so that nothing is lost of them; a claim that is asked for is decoded into a
 * second block of the same size, at the same offset, and so needs no allocation that could fail and
 * makes nothing grow. Refused: a yes that is not whole, a word twice, a header's value that could
 * end a line. */
#pragma once

#include "authd.h"

#include <stdbool.h>

#define VERDICT_HEADERS_MAX     64
#define VERDICT_REASON_SIZE_MAX 64

struct verdict_header {
        const char *name;
        const char *value;
};

struct authd_verdict {
        enum authd_class verdict_class;
        const char *reason;
        const char *detail;
        const char *issuer; /* NULL: none */
        const char *policy; /* NULL: none */
        int64_t until;
        const char *claims; /* NULL unless valid */
        size_t claims_size;
        char *decoded; /* claims_size + 1 bytes */
        char *body;
        size_t n_headers;
        struct verdict_header headers[VERDICT_HEADERS_MAX];
};

/* verdict_from_answer: of an answer's status and body (size bytes and a NUL behind them), which
 * becomes the verdict's when one is given out: with 0, AUTHD_E_REFUSED and AUTHD_E_NO_POLICY. Else
 * AUTHD_E_PROTOCOL or AUTHD_E_MEMORY, and the body stays the caller's. */
int verdict_from_answer(unsigned status, char *body, size_t size, authd_verdict **ret_verdict);

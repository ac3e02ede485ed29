/* wire: HTTP/1.1 as libauthd speaks it: one question written, one answer read.
 *
 * Pure: bytes in, bytes out, no socket. The reader takes exactly what authd sends (a status line,
 * fields, a body of a known length) and refuses all else: obsolete line folding, bare CR or LF, a
 * transfer coding, a length that is missing or twice, more than the limits, bytes behind the body.
 */
#pragma once

#include "authd.h"

#include <stdbool.h>

#define WIRE_LINE_SIZE_MAX 1024 /* of the head, without its CRLF */
#define WIRE_LINES_MAX     64
#define WIRE_WORD_SIZE_MAX 8192 /* of a policy, a method, a URI */
/* What goes as a GET without a body; the daemon's own bounds for a head are higher. */
#define WIRE_HEAD_TOKEN_SIZE_MAX  (12 * 1024)
#define WIRE_HEAD_POLICY_SIZE_MAX 256

/* The bytes to send. They hold a token: erased when freed. */
struct wire_question {
        char *bytes;
        size_t size;
};

/* wire_question_init: a GET where the question fits a head, else a POST with JSON. 0;
 * AUTHD_E_INVALID: no token, or a string that is too long, no UTF-8 or holds a control character;
 * AUTHD_E_MEMORY. */
int wire_question_init(struct wire_question *question, const struct authd_question *asked);
void wire_question_deinit(struct wire_question *question);

enum wire_part { WIRE_STATUS_LINE, WIRE_FIELDS, WIRE_BODY, WIRE_WHOLE };

struct wire_answer {
        enum wire_part part;
        unsigned status;
        bool closes; /* the daemon closes the connection after it */
        bool has_length;
        unsigned n_lines;
        size_t line_size;
        size_t body_size;
        size_t body_read;
        char *body; /* body_size bytes and a NUL; may be taken away by whoever sets it to NULL */
        char line[WIRE_LINE_SIZE_MAX];
};

void wire_answer_init(struct wire_answer *answer);
/* wire_answer_feed: the next bytes. 0: the answer is whole; AUTHD_PENDING: more is to come;
 * AUTHD_E_PROTOCOL; AUTHD_E_MEMORY. */
int wire_answer_feed(struct wire_answer *answer, const char *bytes, size_t size);
void wire_answer_deinit(struct wire_answer *answer);

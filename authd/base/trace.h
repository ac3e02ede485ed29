/* trace: the ids that follow a request from end to end.
 *
 * A request id comes from X-Request-Id when it is 1 to TRACE_REQUEST_ID_MAX characters of
 * [A-Za-z0-9._-], else it is made anew; the W3C traceparent (version 00) is parsed strictly and
 * made anew when absent or malformed. Pure but for randomness; any thread. */
#pragma once

#include "base/span.h"

#define TRACE_REQUEST_ID_MAX 64

typedef struct Trace {
        char request_id[TRACE_REQUEST_ID_MAX + 1];
        char trace_id[33];  /* 32 lower-case hex digits */
        char parent_id[17]; /* the caller's span, or all zeros when we began the trace */
        char span_id[17];   /* ours */
        bool sampled;
} Trace;

/* trace_begin: both may be empty spans. */
void trace_begin(Trace *ret, Span request_id, Span traceparent);

/* span: a borrowed run of bytes.
 *
 * A span points into memory that somebody else owns and is never stored past the call that
 * received it, unless the struct that holds it says whose memory it borrows. It carries no NUL
 * and may hold one. Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct Span {
        const char *data;
        size_t len;
} Span;

#define SPAN_EMPTY ((Span){ "", 0 })
/* SPAN_OF_LITERAL: initialises one in a table; the length is known before the program runs. */
#define SPAN_OF_LITERAL(text)                                                                      \
        {                                                                                          \
                (text), sizeof(text) - 1                                                           \
        }

/* span_from: of a NUL-terminated string; NULL gives the empty span. */
static inline Span span_from(const char *string)
{
        return string ? (Span){ string, strlen(string) } : SPAN_EMPTY;
}

static inline Span span_of(const void *data, size_t len)
{
        return (Span){ data, len };
}

/* span_equal: not constant time; secrets are compared by secret_equal. */
static inline bool span_equal(Span a, Span b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool span_equal_string(Span a, const char *string)
{
        return span_equal(a, span_from(string));
}

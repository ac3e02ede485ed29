/* head: what a request's head says, and the rules that refuse one before its body is read.
 *
 * A Head borrows every byte from the HTTP parser and lives as long as one request. The rules are
 * stricter than the parser's: where two readers of one request could disagree about where it ends
 * (RFC 9112 §11.2), or about who asks, it is refused. Private to net; pure; any thread. */
#pragma once

#include "base/span.h"
#include "net/server.h"

typedef struct HeadField {
        Span name;
        Span value;
} HeadField;

typedef struct Head {
        Span method;
        Span target;
        Span version;
        size_t size_bytes; /* names and values together */
        unsigned n_fields; /* of all that came; fields holds the first SERVER_HEADERS_MAX */
        HeadField fields[SERVER_HEADERS_MAX];
} Head;

typedef struct Refusal {
        unsigned status;
        const char *word;
        const char *detail;
} Refusal;

void head_init(Head *head);
void head_add(Head *head, Span name, Span value);
/* head_find: the first of that name (any case); NULL when absent. */
const HeadField *head_find(const Head *head, const char *name);
unsigned head_count(const Head *head, const char *name);
/* head_refuse: NULL when the request may go on. */
const Refusal *head_refuse(const Head *head);
/* head_body_size: what the body may take: its length, or the most that we read of a chunked one. Of
 * heads that were not refused. */
size_t head_body_size(const Head *head);
/* head_path_start: where the path begins in the target; past the authority of an absolute form. */
size_t head_path_start(Span target);

/* A refused body: too large by its own word, or found to be so while it came. */
extern const Refusal refusal_body_too_large;

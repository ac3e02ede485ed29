/* original: what a proxy tells of the request that it asks for, by a table of dialects.
 *
 * Only a trusted proxy's word counts: of anybody else the fields are as if they were not there, so
 * that a client who reaches us, or whose fields a proxy hands on, tells nothing of himself. What a
 * trusted proxy tells twice or unreadably of method, place and client is refused. On a worker's
 * thread; spans borrow from the request. */
#pragma once

#include "api/front.h"
#include "base/place.h"
#include "proof/certificate.h"

#define ORIGINAL_ADDRESS_MAX 64

/* Dialect: one kind of proxy. NULL names: the subrequest's own method, target and Host. */
typedef struct Dialect {
        const char *door;
        const char *method, *uri, *host;
        const char *certificate;
        int (*thumbprint)(Span value, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX]);
        unsigned yes_status;
        bool knows_429; /* else it travels as 403, with X-Authd-Status */
} Dialect;

/* dialect_find: by the door's word in the table of routes; NULL: it is no proxy's door. */
const Dialect *dialect_find(const char *door);

typedef struct Original {
        bool trusted;
        const char *why; /* its place is refused: a static sentence; NULL: it is not */
        bool has_place;
        Place place;
        Span method; /* empty: not told */
        Span query;
        const char *scheme;                 /* "https", "http"; NULL: not told */
        char address[ORIGINAL_ADDRESS_MAX]; /* who reached the proxy; "": not told. Of IPv6 the
                                               /64, which is one client's to choose from */
        bool has_certificate;
        char thumbprint[CERTIFICATE_THUMBPRINT_TEXT_MAX]; /* "": unreadable, nobody's */
        bool is_preflight; /* CORS: OPTIONS with Origin and Access-Control-Request-Method */
} Original;

/* original_read: target is the original one where the dialect has it in the door's own path. */
void original_read(const Dialect *dialect, const Front *front, const Request *request, Span target,
                   Original *ret);
void original_clear(Original *original);

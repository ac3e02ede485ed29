/* http: libmicrohttpd around idp_answer: one thread that polls, bodies collected, faults of time
 * acted out (those of the wire are reply's). */
#pragma once

#include "idp.h"

#define HTTP_BODY_SIZE_MAX (1024 * 1024)
#define HTTP_TIMEOUT_SEC   30

typedef struct Http Http;

/* http_listen: takes the address (loopback only) and port (0: any free one); nobody is answered
 * yet. */
Http *http_listen(const char *address, unsigned port, GError **error);
unsigned http_port(const Http *http);
/* http_start: answers from now on. idp is borrowed. */
bool http_start(Http *http, Idp *idp, GError **error);
void http_stop(Http *http); /* takes NULL, and one that never started */

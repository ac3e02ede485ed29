/* server: HTTP/1.1 for one worker, by libmicrohttpd in external-epoll mode on the worker's
 * GMainContext.
 *
 * It has no idea of tokens: it gives a Request to its handler and takes an answer. Refused in the
 * first callback, before a body is read, with Connection: close and a JSON problem: Content-Length
 * with Transfer-Encoding, either twice, a Transfer-Encoding other than chunked, not exactly one
 * Host (HTTP/1.1), two Authorization headers, header names that are no tokens, control bytes in
 * values or target, methods outside GET HEAD POST PUT PATCH DELETE OPTIONS, versions other than 1.0
 * and 1.1, bodies over the limit. All of it on the worker's thread, but for server_new's caller.
 *
 * A handler answers at once, or keeps the Request and answers later from the same thread: the
 * connection is suspended meanwhile. A client that left while suspended is noticed when answered.
 */
#pragma once

#include "base/span.h"
#include "net/listen.h"

#include <glib.h>

#define SERVER_HEADERS_MAX      100         /* fields of a request */
#define SERVER_HEAD_SIZE_MAX    (20 * 1024) /* names and values together */
#define SERVER_TARGET_SIZE_MAX  (8 * 1024)
#define SERVER_BODY_SIZE_MAX    (64 * 1024)
#define SERVER_IDLE_TIMEOUT_SEC 60 /* a kept or slow connection */
/* libmicrohttpd's pool for one connection: request head and answer head live in it together. It
 * clears all of it for each request: 64 KiB cost 4 µs more of 11 than 32, and every kept connection
 * its size. */
#define SERVER_CONNECTION_MEMORY  (32 * 1024)
#define SERVER_ANSWER_HEADERS_MAX 64

typedef struct Server Server;
typedef struct Request Request;

typedef struct ServerHandlers {
        /* Called once a request when head and body are complete; must lead to one request_answer.
         */
        void (*request)(Request *request, void *userdata);
        /* The connection is gone: tell the listener (by letter). Once for each fd given to
         * server_add. */
        void (*closed)(const Peer *peer, void *userdata);
        /* A request refused by the server itself, for the metrics: the status given. */
        void (*refused)(unsigned status, const Peer *peer, void *userdata);
        void *userdata; /* goes to each call */
} ServerHandlers;

Server *server_new(GMainContext *context, const ServerHandlers *handlers, GError **error);
/* server_add: takes fd, on the server's thread. False: closed already (limit, memory), handlers
 * told. */
bool server_add(Server *server, int fd, const Peer *peer);
/* server_quiesce: answers carry Connection: close from now on. */
void server_quiesce(Server *server);
size_t server_n_connections(const Server *server);
size_t server_n_parked(const Server *server);
void server_free(Server *server); /* every kept Request must have been answered */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Server, server_free)

/* The question. Spans borrow from the Request and live until request_answer. */
Span request_method(const Request *request);
Span request_target(const Request *request); /* as received: path and query */
Span request_path(const Request *request);   /* before '?', not decoded */
Span request_query(const Request *request);  /* after '?', not decoded; empty */
Span request_body(const Request *request);
/* request_header: the first of that name (any case); empty span with data NULL when absent. */
Span request_header(const Request *request, const char *name);
/* request_header_count: how often the name appears. */
unsigned request_header_count(const Request *request, const char *name);
/* request_query_value, request_form_value: a parameter of the query, or of a body that is
 * application/x-www-form-urlencoded, decoded; the caller frees it. 0, -ENOENT when it is not there,
 * -EINVAL when it is not readable or given twice. */
int request_query_value(const Request *request, const char *name, char **ret_value);
int request_form_value(const Request *request, const char *name, char **ret_value);
/* request_pairs_value: the same of name=value pairs that came elsewhere. */
int request_pairs_value(Span pairs, const char *name, char **ret_value);
/* request_decode_form: one encoded name or value; NULL when it is not readable, or holds a NUL or
 * no UTF-8. */
char *request_decode_form(Span encoded);
const Peer *request_peer(const Request *request);
/* request_peer_in_group: the kernel's word on a Unix socket's peer (SO_PEERGROUPS); NSS is not
 * asked. */
bool request_peer_in_group(const Request *request, gid_t gid);
int64_t request_started_usec(const Request *request); /* monotonic, at the first callback */
void *request_userdata(const Request *request);
void request_set_userdata(Request *request, void *data, GDestroyNotify destroy);

typedef struct AnswerHeader {
        const char *name;
        const char *value; /* printable ASCII; anything else is our mistake and dropped aloud */
} AnswerHeader;

/* request_answer: ends the request; body is copied unless body_static. Content-Type when body is
 * not empty and headers name none: application/json. HEAD gets the length without the body. Headers
 * that do not fit into SERVER_CONNECTION_MEMORY beside the request's own: a 500 problem goes out.
 */
void request_answer(Request *request, unsigned status, const AnswerHeader *headers,
                    size_t n_headers, Span body, bool body_static);
/* request_problem: {"error":word,"detail":detail}, the form of every error answer. */
void request_problem(Request *request, unsigned status, const char *word, const char *detail);

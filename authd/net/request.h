/* request: one request between the server, which reads it, and the handler, who answers it.
 *
 * Made when the request line has come, given back to the server's spare ones when libmicrohttpd has
 * done with the request, so that a kept connection which is silent holds none. What a client sent
 * is erased then: bodies and targets may carry secrets. Private to net; the server's thread. */
#pragma once

#include "net/head.h"

#include <microhttpd.h>

typedef struct Connection Connection;

typedef enum RequestState {
        REQUEST_HEAD,    /* the request line has come */
        REQUEST_REFUSED, /* by us, before a handler saw it */
        REQUEST_BODY,    /* the head has passed the rules */
        REQUEST_ASKED,   /* the handler has it, libmicrohttpd waits for us to return */
        REQUEST_PARKED,  /* the handler keeps it, the connection is suspended */
        REQUEST_ANSWERED,
        REQUEST_BROKEN, /* an answer could not be made: the connection ends */
} RequestState;

struct Request {
        Connection *connection;
        struct MHD_Connection *mhd;
        RequestState state;
        int64_t started_usec;
        char *target;
        char *body; /* NULL until bytes came */
        size_t body_size;
        size_t body_room;
        void *userdata;
        GDestroyNotify userdata_destroy;
        Request *next; /* among the spare ones */
        Head head;
};

Request *request_new(void);
/* request_begin: for a request whose target has come. */
void request_begin(Request *request, Connection *connection, struct MHD_Connection *mhd,
                   const char *target);
/* request_add_body: false when it would be larger than allowed. */
bool request_add_body(Request *request, Span bytes);
/* request_refuse: answers instead of a handler; MHD_NO if not even that can be done. */
enum MHD_Result request_refuse(Request *request, const Refusal *refusal);
/* request_refuse_aloud: on the socket itself, where libmicrohttpd takes no answer: in the midst of
 * a body. */
void request_refuse_aloud(Request *request, const Refusal *refusal);
void request_end(Request *request); /* erases; ready for request_begin */
void request_free(Request *request);

/* What the server does for a request that was kept: see server.c. */
const Peer *connection_peer(const Connection *connection);
bool connection_must_close(const Connection *connection);
void connection_resume(Connection *connection);

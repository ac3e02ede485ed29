/* tls_server: a fake https server on a loopback port, with certificates made on the spot.
 *
 * One thread: each connection gets canned answers until the client leaves or is idle for a moment;
 * the next one waits for that. For unit tests of net only. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct TlsAuthority TlsAuthority;
typedef struct TlsServer TlsServer;

TlsAuthority *tls_authority_new(void);
const char *tls_authority_pem(const TlsAuthority *authority);
/* tls_authority_client: a certificate and key for a client, in one new file; its path. */
char *tls_authority_client(const TlsAuthority *authority);
void tls_authority_free(TlsAuthority *authority);

typedef struct TlsServerOptions {
        const char *address; /* in the certificate: "127.0.0.1" */
        int64_t ends_sec;    /* of the certificate, from now */
        int version_max;     /* TLS1_1_VERSION…; 0: any */
        bool wants_client;   /* a certificate of the same authority */
} TlsServerOptions;

TlsServer *tls_server_new(const TlsAuthority *authority, const TlsServerOptions *options);
unsigned tls_server_port(const TlsServer *server);
unsigned tls_server_count(TlsServer *server); /* handshakes that succeeded */
void tls_server_free(TlsServer *server);

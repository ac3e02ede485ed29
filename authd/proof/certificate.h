/* certificate: the thumbprint of a client's certificate, as proxies hand it on (RFC 8705 §3.1).
 *
 * Whether the sender of the header may be believed is the caller's to judge; here it is only read.
 * The certificate itself was verified by the proxy's TLS, or not at all: what counts is that its
 * private key was there. Pure; any thread. */
#pragma once

#include "base/span.h"

#include <glib.h>

#define CERTIFICATE_HEADER_SIZE_MAX     (16 * 1024)
#define CERTIFICATE_THUMBPRINT_TEXT_MAX 44 /* base64url of SHA-256, NUL included */

/* certificate_thumbprint: of PEM text, percent-encoded or not (nginx' $ssl_client_escaped_cert), or
 * of the base64 of its DER, also percent-encoded, where a comma ends the client's own certificate
 * (Traefik's X-Forwarded-Tls-Client-Cert, HAProxy's ssl_c_der,base64). 0, -EINVAL. */
int certificate_thumbprint(Span value, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX]);
/* certificate_thumbprint_xfcc: of the last element of Envoy's X-Forwarded-Client-Cert, which is the
 * one that the proxy before us wrote: its Hash (SHA-256 in hex), or its Cert. 0, -EINVAL. */
int certificate_thumbprint_xfcc(Span value, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX]);

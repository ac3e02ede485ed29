/* discovery: an issuer's metadata document (OpenID Connect Discovery 1.0 §4, RFC 8414), read.
 *
 * Pure: text in, facts out. The document's issuer must equal the configured one byte for byte. URLs
 * must be https, or http on loopback; those that begin with the issuer's url are moved under
 * fetch_url when that differs. Any thread. */
#pragma once

#include "base/span.h"

#include <glib.h>

/* What devidp puts into its document, and authd refuses unless allow_development_issuers. */
#define DISCOVERY_DEVELOPMENT_MEMBER "authd_development_issuer"

typedef struct Discovery {
        char *jwks_url;
        char *introspection_url; /* NULL: none */
        /* For grants; NULL: not there, or no URL that we may ask. Only these are left out so: keys
         * must not be lost for what logins alone need. */
        char *token_url, *device_url, *push_url;
        bool development;
} Discovery;

/* discovery_document_url: base without a trailing slash, "/.well-known/openid-configuration" added.
 */
char *discovery_document_url(const char *base);
/* discovery_parse: NULL and a sentence in *error. fetch_url NULL: same as issuer_url. */
Discovery *discovery_parse(Span json, const char *issuer_url, const char *fetch_url,
                           GError **error);
/* discovery_endpoint: one more URL of a document that discovery_parse took, judged and moved as its
 * own are; NULL: it is not there, or *error says what is wrong with it. */
char *discovery_endpoint(Span json, const char *member, const char *issuer_url,
                         const char *fetch_url, GError **error);
void discovery_free(Discovery *discovery);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Discovery, discovery_free)

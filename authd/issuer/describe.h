/* describe: parts of an issuer's status, as JSON. Owned by source, main thread. */
#pragma once

#include "issuer/distrust.h"
#include "issuer/introspect.h"
#include "issuer/issuer.h"

/* describe_text: what is not UTF-8 (a path in a setting, an error's text) with replacements; NULL:
 * null. */
json_t *describe_text(const char *text);
/* describe_at: a moment of the monotonic clock by the wall clock. */
json_t *describe_at(int64_t monotonic_usec);
/* describe_keys: keys may be NULL. */
json_t *describe_keys(const KeySet *keys, const Distrust *distrust, const IssuerSettings *settings);
json_t *describe_distrusted(const Distrust *distrust, const IssuerSettings *settings);
/* describe_introspection: introspector NULL: null. endpoint NULL: not known. */
json_t *describe_introspection(const Introspector *introspector, const char *endpoint,
                               const ClientAuthSettings *client);

/* view: what every worker knows of the issuers, frozen.
 *
 * Built by issuers on the main thread, handed to each worker by a letter, immutable and counted by
 * references (atomic). A request sees one view from start to end. An issuer is found by the exact
 * bytes of its url, never by a name in the token. */
#pragma once

#include "base/span.h"
#include "token/jwk.h"

#include <glib.h>

typedef struct IssuerFacts {
        const char *name; /* interned (g_intern_string): outlives views, fit for metrics */
        /* Interned; the iss that tokens must carry. NULL: any (offline verification only). */
        const char *url;
        KeySet *keys; /* without those distrusted; NULL: none were ever had */
        AlgSet algorithms;
        int64_t leeway_sec;
        /* Wall clock of the fetch that first brought these keys; 0: never. Of later ones that
         * brought the same issuers_status knows. */
        int64_t keys_at_sec;
        bool development; /* its discovery document says that it is devidp */
        /* Monotonic: until when the provider's last good answer is fresh; INT64_MAX for a static
         * file. Past it the outage budget of policy and issuer is being spent. Every good answer
         * makes a new view, so a worker needs no clock of ours. */
        int64_t keys_fresh_until_usec;
        int64_t stale_keys_max_usec;
        bool introspects; /* we are a client of it, so it may be asked about tokens */
} IssuerFacts;

typedef struct IssuerView IssuerView;

/* issuer_view_new: copies facts and takes references to the keys. serial is unique in a process. */
IssuerView *issuer_view_new(const IssuerFacts *facts, size_t n_facts, bool allow_development);
IssuerView *issuer_view_ref(IssuerView *view);
void issuer_view_unref(IssuerView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IssuerView, issuer_view_unref)

uint64_t issuer_view_serial(const IssuerView *view);
bool issuer_view_allows_development(const IssuerView *view);
size_t issuer_view_size(const IssuerView *view);
const IssuerFacts *issuer_view_get(const IssuerView *view, size_t index);
const IssuerFacts *issuer_view_find(const IssuerView *view, Span url); /* NULL: unknown issuer */
const IssuerFacts *issuer_view_find_name(const IssuerView *view, const char *name);
/* issuer_facts_has_key: is the key of this thumbprint still one of the issuer's? */
bool issuer_facts_has_key(const IssuerFacts *facts, const uint8_t thumbprint[JWK_THUMBPRINT_SIZE]);

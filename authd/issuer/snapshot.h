/* snapshot: what each issuer last said well, kept in the state database, so that a daemon that
 * starts while the provider is away has keys at once.
 *
 * The texts as they were fetched: who loads one parses it as if it had just come, so an old file
 * gains nothing by having been good once. Found by the issuer's url and where it is fetched from:
 * another address is another provider. Without a store nothing is kept and nothing is an error.
 * Main thread. */
#pragma once

#include "base/store.h"

#define SNAPSHOT_KEPT_SEC (INT64_C(90) * 24 * 3600) /* of issuers no longer configured */

typedef struct Snapshot {
        Span discovery;        /* the document; empty: none (static endpoints) */
        Span keys;             /* the JWKS */
        const char *keys_etag; /* NULL: none */
        int64_t
            fetched_at_sec; /* wall clock, when the provider last said that these are its keys */
        int64_t fresh_sec;  /* for how long it then called them fresh, within our bounds */
} Snapshot;

/* snapshot_prepare: the table, as of this version. store may be NULL here and below. */
bool snapshot_prepare(Store *store, GError **error);
/* snapshot_load: calls take once, with a Snapshot borrowed for the call, if one is there. 0 or a
 * negative errno. */
int snapshot_load(Store *store, const char *url, const char *fetch_url,
                  void (*take)(const Snapshot *snapshot, void *userdata), void *userdata);
/* snapshot_save: writes nothing but the times when the texts are those of the file. */
int snapshot_save(Store *store, const char *url, const char *fetch_url, const Snapshot *snapshot);
/* snapshot_prune: forgets what nobody has refreshed for SNAPSHOT_KEPT_SEC. */
int snapshot_prune(Store *store, int64_t now_sec);

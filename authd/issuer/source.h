/* source: one issuer as we ask it: discovery, then keys, by net/fetch; or its static key file.
 *
 * Does what keys says when keys says it, keeps what the provider last said well, and tells its
 * owner at the end of each attempt. An attempt has two calls at most, each with half of the
 * fetcher's usual deadline. An older discovery document serves while a new one cannot be had. Good
 * answers are kept in the state database, and served from there after a restart until the provider
 * has answered. Key and CA files are read again when they change; one that is of no use changes
 * nothing. Keys that are distrusted are known and listed, but no view has them. Owned by issuer,
 * main thread; its life goes by the monotonic clock alone. Logs. */
#pragma once

#include "issuer/discovery.h"
#include "issuer/distrust.h"
#include "issuer/keys.h"
#include "issuer/snapshot.h"
#include "issuer/sourceset.h"

/* The discovery document is read anew after this, and after each failure to get keys. */
#define SOURCE_DISCOVERY_USEC     (INT64_C(3600) * G_USEC_PER_SEC)
#define SOURCE_CALL_USEC          (FETCH_DEADLINE_USEC_DEFAULT / 2)
#define SOURCE_FILE_POLL_USEC     (2 * G_USEC_PER_SEC) /* between two looks at our files */
#define SOURCE_CA_SIZE_MAX        (1024 * 1024)
#define SOURCE_TOKEN_SIZE_MAX     (16 * 1024)
#define SOURCE_ETAG_SIZE_MAX      256 /* a longer one is not sent back */
#define SOURCE_SKIPPED_LOGGED_MAX 16  /* lines about keys left out, a set */

typedef struct Source Source;

typedef struct SourceOwner {
        GMainContext *context;
        Fetcher *fetcher;
        MetricFamily *upstream_calls; /* NULL: not counted */
        Store *snapshots;             /* NULL: nothing is kept */
        const Distrust *distrust;
        /* Introspectors that a source has done with: freed by the owner when nothing is half done,
         * for their askers may do what they like. */
        GPtrArray *retired;
        /* The end of an attempt, and the source's last act in it: the owner may free the source.
         * changed: its facts are others now. answers (of KeysAnswer) are the owner's to give. */
        void (*ended)(bool changed, const GArray *answers, void *userdata);
        void *userdata;
} SourceOwner;

/* source_bearer_line: "Authorization: Bearer …" of a fetch_token_file, which others may read: in a
 * pod they all are so. The caller erases it. NULL: the error names the file; it cannot be read, or
 * holds no bearer token. */
char *source_bearer_line(const char *path, GError **error);

/* source_new: settings are copied; owner is borrowed. Without a keys_file an attempt is due at
 * once, and keys of the state database are there until it has ended well. */
Source *source_new(const IssuerSettings *settings, const SourceOwner *owner);
/* source_is_same: these settings ask the same provider in the same way: its keys may be kept. */
bool source_is_same(const Source *source, const IssuerSettings *settings);
void source_set_settings(Source *source, const IssuerSettings *settings);
/* source_take_file: the keys of a static file, taken out of set. The owner publishes. */
void source_take_file(Source *source, SourceSet *set);

/* source_trust_anew: what is distrusted has changed. True: so did the facts. */
bool source_trust_anew(Source *source);

const char *source_name(const Source *source); /* interned */
const IssuerSettings *source_settings(const Source *source);
const char *source_ca_pem(const Source *source);         /* NULL: the system's authorities */
const Discovery *source_discovery(const Source *source); /* NULL: none yet; till the next turn */
/* source_has_keys: keys that may be used still: no older than stale_keys_max. */
bool source_has_keys(const Source *source);
void source_outage(const Source *source, IssuerOutage *ret);
IssuerFacts source_facts(const Source *source); /* borrows the keys */
json_t *source_status(const Source *source);
/* source_warn_development: says aloud, once a change, that this is a development issuer. */
void source_warn_development(Source *source, bool allowed);

KeysAdvice source_ask(Source *source, Span kid, void *asker, IssuerKeysAnswer *ret_answer);
/* source_introspector: NULL: we are no client of this issuer. */
Introspector *source_introspector(const Source *source);
int64_t source_next_usec(const Source *source); /* monotonic; -1: nothing to wait for */
/* source_run: looks at the files if that is due, starts an attempt if one is due. Nobody is
 * answered before it returns. */
void source_run(Source *source, int64_t now_usec);
/* source_free: cancels what is under way; answers gets those who still waited. */
void source_free(Source *source, GArray *answers);

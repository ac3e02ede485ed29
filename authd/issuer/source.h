/* source: one issuer as we ask it: discovery, then keys, by net/fetch; or its static key file.
 *
 * Does what keys says when keys says it, keeps what the provider last said well, and tells its
 * owner at the end of each attempt. An attempt has two calls at most, each with half of the
 * fetcher's usual deadline. An older discovery document serves while a new one cannot be had. Owned
 * by issuer, main thread. Logs. */
#pragma once

#include "issuer/discovery.h"
#include "issuer/keys.h"

/* The discovery document is read anew after this, and after each failure to get keys. */
#define SOURCE_DISCOVERY_USEC     (INT64_C(3600) * G_USEC_PER_SEC)
#define SOURCE_CALL_USEC          (FETCH_DEADLINE_USEC_DEFAULT / 2)
#define SOURCE_SKIPPED_LOGGED_MAX 16 /* lines about keys left out, a set */
#define SOURCE_KIDS_LOGGED_MAX    16 /* kids in one line */

typedef struct Source Source;

typedef struct SourceOwner {
        Fetcher *fetcher;
        MetricFamily *upstream_calls; /* NULL: not counted */
        /* The end of an attempt, and the source's last act in it: the owner may free the source.
         * changed: its facts are others now. answers (of KeysAnswer) are the owner's to give. */
        void (*ended)(bool changed, const GArray *answers, void *userdata);
        void *userdata;
} SourceOwner;

/* SourceSet: a key set as parsed, with the keys that were left out (kid, or its place, → why). */
typedef struct SourceSet {
        KeySet *keys;
        GHashTable *skipped;
} SourceSet;

/* source_set_load: the static file at path; the error names it. */
SourceSet *source_set_load(const char *path, GError **error);
void source_set_free(SourceSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SourceSet, source_set_free)

/* source_new: settings are copied; owner is borrowed. Without a keys_file an attempt is due at
 * once. */
Source *source_new(const IssuerSettings *settings, const SourceOwner *owner);
/* source_is_same: these settings ask the same provider in the same way: its keys may be kept. */
bool source_is_same(const Source *source, const IssuerSettings *settings);
void source_set_settings(Source *source, const IssuerSettings *settings);
/* source_take_file: the keys of a static file, taken over. */
void source_take_file(Source *source, SourceSet *set);

const char *source_name(const Source *source); /* interned */
bool source_has_keys(const Source *source);
IssuerFacts source_facts(const Source *source); /* borrows the keys */
json_t *source_status(const Source *source);
/* source_warn_development: says aloud, once a change, that this is a development issuer. */
void source_warn_development(Source *source, bool allowed);

KeysAdvice source_ask(Source *source, Span kid, void *asker, IssuerKeysAnswer *ret_answer);
int64_t source_next_usec(const Source *source);    /* monotonic; -1: nothing to wait for */
void source_run(Source *source, int64_t now_usec); /* starts an attempt if one is due */
/* source_free: cancels what is under way; answers gets those who still waited. */
void source_free(Source *source, GArray *answers);

/* sourceset: a key set as it was read, from a provider or a file, with what was left out of it.
 *
 * What people are told about key sets is said here in words. Owned by source, main thread. */
#pragma once

#include "issuer/watch.h"
#include "token/jwk.h"

#define SOURCE_KIDS_LOGGED_MAX 16 /* kids in one line */

typedef struct SourceSet {
        KeySet *keys;
        GHashTable *skipped; /* kid, or its place, of a key left out → why */
        WatchMark mark;      /* of the file */
} SourceSet;

/* source_set_parse: 0, or what keyset_parse says; ret is filled in either way, for the keys left
 * out. */
int source_set_parse(Span json, SourceSet *ret);
const char *source_set_trouble(int answer); /* a part of a sentence */
/* source_set_load: the static file at path. False: the error names it; ret has its mark. */
bool source_set_load(const char *path, SourceSet *ret, GError **error);
void source_set_clear(SourceSet *set);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SourceSet, source_set_clear)

GHashTable *source_set_kids(const KeySet *keys); /* a new set of char * */
/* source_set_kids_only_in: the kids of keys that are not among others, for people. */
char *source_set_kids_only_in(const KeySet *keys, const KeySet *others);

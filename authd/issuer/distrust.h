/* distrust: keys that do not count whatever the provider says: a private key that leaked is taken
 * out here at once, before the provider's own rotation gets round to it.
 *
 * Entries of the state database, added and taken back at run time (authctl distrust), by issuer url
 * and kid, or RFC 7638 thumbprint for keys without one; [issuer] distrust_kid adds to them. An
 * entry that cannot be written is in force all the same, until the restart, and says so. Main
 * thread. */
#pragma once

#include "base/store.h"
#include "token/jwk.h"

#define DISTRUST_ENTRIES_MAX 1024

typedef struct Distrust Distrust;

/* Positive, as the disk's errnos are many: a folder that is gone is -ENOENT. */
typedef enum DistrustAnswer {
        DISTRUST_E_NOT_THERE = 1, /* to be removed, and no entry */
        DISTRUST_E_FULL,          /* DISTRUST_ENTRIES_MAX */
} DistrustAnswer;

/* distrust_new: store is borrowed, may be NULL. Entries of the file are read. */
Distrust *distrust_new(Store *store, GError **error);
void distrust_free(Distrust *distrust);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Distrust, distrust_free)

/* distrust_add, _remove: name is a kid or a thumbprint. 0: in force and on the disk. Any negative
 * errno: in force until the restart. DistrustAnswer: nothing was changed. at_sec: wall clock. */
int distrust_add(Distrust *distrust, const char *url, const char *name, int64_t at_sec);
int distrust_remove(Distrust *distrust, const char *url, const char *name);
/* distrust_lasts: false: there is no store, so everything above is forgotten with a restart. */
bool distrust_lasts(const Distrust *distrust);
/* distrust_has: by the entries, or by also (NULL-terminated names of the settings; may be NULL). */
bool distrust_has(const Distrust *distrust, const char *url, const Key *key,
                  const char *const *also);
/* distrust_each: kid or thumbprint, and since when, of one issuer. */
void distrust_each(const Distrust *distrust, const char *url,
                   void (*one)(const char *name, int64_t at_sec, void *userdata), void *userdata);

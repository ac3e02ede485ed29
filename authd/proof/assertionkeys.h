/* assertionkeys: the keys by which authd signs its assertions: P-256, one of them in use.
 *
 * Immutable and counted by references (atomic): the main thread makes the next set, workers sign by
 * the one that they hold. A key is published ASSERTION_KEY_LEAD_SEC before it signs, so that
 * whoever keeps /jwks.json for its max-age knows it in time, and as long after as an assertion of
 * it may live. Names of keys are their thumbprints (RFC 7638). Pure but for chance; any thread. */
#pragma once

#include "base/span.h"
#include "base/store.h"

#include <glib.h>
#include <openssl/evp.h>

#define ASSERTION_TTL_SEC_MIN       5
#define ASSERTION_TTL_SEC_DEFAULT   60
#define ASSERTION_TTL_SEC_MAX       600
#define ASSERTION_KEYS_MAX          2 /* the one in use, and the one before or the next one */
#define ASSERTION_KEY_LIFE_SEC      (24 * 3600) /* from being made to the next one's being made */
#define ASSERTION_KEY_LEAD_SEC      600         /* twice the max-age of /jwks.json */
#define ASSERTION_KEY_AFTERLIFE_SEC (ASSERTION_TTL_SEC_MAX + 60) /* a minute for others' clocks */
#define ASSERTION_JWKS_MAX_AGE      "300"
#define ASSERTION_TYPE              "authd-assertion+jwt" /* RFC 8725 §3.11 */
#define ASSERTION_KID_SIZE          44                    /* 43 letters of base64url and NUL */

typedef struct AssertionKey {
        EVP_PKEY *pkey;
        char kid[ASSERTION_KID_SIZE];
        int64_t made_sec;
        char *header_text; /* of each assertion, as base64url */
} AssertionKey;

typedef struct AssertionKeys AssertionKeys;

/* assertion_keys_turn: what the keys must be at now_sec: a new reference, to before itself when
 * that is still so. before NULL: there are none yet. NULL: OpenSSL failed. */
AssertionKeys *assertion_keys_turn(AssertionKeys *before, int64_t now_sec);
AssertionKeys *assertion_keys_ref(AssertionKeys *keys);
void assertion_keys_unref(AssertionKeys *keys); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AssertionKeys, assertion_keys_unref)

const AssertionKey *assertion_keys_signing(const AssertionKeys *keys);
size_t assertion_keys_size(const AssertionKeys *keys);
const AssertionKey *assertion_keys_get(const AssertionKeys *keys, size_t index); /* oldest first */
/* assertion_keys_jwks: {"keys":[…]}, the public parts; borrowed. */
Span assertion_keys_jwks(const AssertionKeys *keys);

/* assertion_keys_load: what the state database kept; *ret NULL: nothing. What is no P-256 key, or
 * not the one that its name says, is left out. Main thread. store NULL: none. 0 or store's errors.
 */
bool assertion_keys_prepare(Store *store, GError **error);
int assertion_keys_load(Store *store, int64_t now_sec, AssertionKeys **ret);
/* assertion_keys_save: these and no others, all or none of it. */
int assertion_keys_save(Store *store, const AssertionKeys *keys);

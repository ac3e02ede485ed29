/* jwk: public keys (RFC 7517, 7518 §6, 8037 §2) as ready EVP_PKEYs, and the immutable set of them.
 *
 * The key decides: kty, crv, alg, use and key_ops must all allow verifying; RSA under
 * JWK_RSA_BITS_MIN (or over _MAX), an even or tiny exponent, a point off its curve, members of the
 * wrong type or with a private part ("d") are refused. Keys are parsed once and shared; a KeySet is
 * immutable after keyset_parse and counted by references (atomic), so any thread may hold one. */
#pragma once

#include "base/span.h"
#include "token/alg.h"

#include <glib.h>
#include <openssl/evp.h>

#define JWK_RSA_BITS_MIN    2048
#define JWK_RSA_BITS_MAX    8192
#define JWK_KID_SIZE_MAX    256
#define JWK_THUMBPRINT_SIZE 32
#define KEYSET_SIZE_MAX     (1024 * 1024) /* bytes of JSON */
#define KEYSET_DEPTH_MAX    6
#define KEYSET_KEYS_MAX     1024

typedef enum JwkAnswer {
        JWK_E_MALFORMED = 1,
        JWK_E_UNSUPPORTED,     /* kty, crv or alg that we do not know */
        JWK_E_NOT_FOR_SIGNING, /* use neither sig nor jwt-svid, or key_ops without verify */
        JWK_E_WEAK,
        JWK_E_PRIVATE,   /* a private key where a public one belongs */
        JWK_E_TOO_MANY,  /* keyset: over KEYSET_KEYS_MAX */
        JWK_E_EMPTY,     /* keyset: not one usable key */
        JWK_E_DUPLICATE, /* keyset: the same kid for two different keys that could both verify */
} JwkAnswer;

typedef struct Key {
        char *kid; /* NULL: none given */
        KeyType type;
        Curve curve;
        int bits;
        AlgSet algs; /* what this key may verify: by kty and crv, narrowed by its alg member */
        EVP_PKEY *pkey;
        uint8_t thumbprint[JWK_THUMBPRINT_SIZE]; /* SHA-256 over kty and the public part: who this
                                                    key is */
} Key;

typedef struct KeySet KeySet;

/* KeySkipped: called for each key left out, with its index, kid (may be NULL) and reason. */
typedef void (*KeySkipped)(size_t index, const char *kid, int answer, const char *why,
                           void *userdata);

/* keyset_parse: a JWKS ({"keys":[…]}), or one bare JWK. Unusable keys are skipped and told; a set
 * without one usable key is JWK_E_EMPTY. 0, JWK_E_*, -ENOMEM. */
int keyset_parse(Span json, KeySkipped skipped, void *userdata, KeySet **ret);
KeySet *keyset_ref(KeySet *set);
void keyset_unref(KeySet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeySet, keyset_unref)
size_t keyset_size(const KeySet *set);
const Key *keyset_get(const KeySet *set, size_t index);

/* keyset_find: by kid; without one, the only key that could verify alg. NULL: none. A key of that
 * kid that may not verify alg is returned all the same: the caller asks alg_set_has and says
 * key_mismatch. */
const Key *keyset_find(const KeySet *set, Span kid, const Alg *alg);
/* keyset_equal: the same keys (kid, algs and public part), in any order: nothing to publish anew.
 */
bool keyset_equal(const KeySet *a, const KeySet *b);
/* keyset_without: a new reference to the set of those that drop does not want; to set itself when
 * it wants them all. It may be empty. */
KeySet *keyset_without(KeySet *set, bool (*drop)(const Key *key, void *userdata), void *userdata);
const char *jwk_answer_text(int answer);

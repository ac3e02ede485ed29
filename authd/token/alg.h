/* alg: the one table of signature algorithms (RFC 7518 §3, RFC 8037 §3.1).
 *
 * Names are compared whole and in their exact case; what is not in the table is refused, so "none"
 * and HS* have no entry to find. Immutable; any thread. */
#pragma once

#include "base/span.h"

#include <stdint.h>

typedef enum KeyType { KEY_TYPE_RSA, KEY_TYPE_EC, KEY_TYPE_OKP } KeyType;
typedef enum Curve {
        CURVE_NONE,
        CURVE_P256,
        CURVE_P384,
        CURVE_P521,
        CURVE_ED25519,
        CURVE_ED448
} Curve;

typedef enum AlgId {
        ALG_RS256,
        ALG_RS384,
        ALG_RS512,
        ALG_PS256,
        ALG_PS384,
        ALG_PS512,
        ALG_ES256,
        ALG_ES384,
        ALG_ES512,
        ALG_EDDSA,
        _ALG_MAX,
} AlgId;

typedef struct Alg {
        AlgId id;
        const char *name; /* the JOSE word */
        KeyType key_type;
        Curve curve;        /* CURVE_NONE: not bound by the algorithm (RSA, EdDSA) */
        const char *digest; /* OpenSSL's name; NULL for EdDSA */
        bool pss;
        size_t coordinate_size; /* bytes of r and of s (RFC 7518 §3.4); 0 elsewhere */
} Alg;

const Alg *alg_find(Span name); /* NULL: not one of ours */
const Alg *alg_get(AlgId id);

/* AlgSet: a set of AlgId, one bit each. */
typedef uint32_t AlgSet;
#define ALG_SET_ALL ((AlgSet) ((1u << _ALG_MAX) - 1))
static inline bool alg_set_has(AlgSet set, AlgId id)
{
        return (set >> id) & 1u;
}

/* keyring: the realm's private keys, newest last.
 *
 * The newest enabled key of an algorithm signs; older ones stay published until disabled, as in
 * Keycloak. With a state folder the ring outlives the process, in a file for its owner only;
 * without one it is made anew, RSA keys on threads of their own because they take the time. One
 * thread. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <stdbool.h>

#define KEYRING_RSA_BITS   2048
#define KEYRING_KEYS_MAX   512
#define KEYRING_SECRET_LEN 64

/* KeyKind: what a key is for, and how it is made and used. */
typedef struct KeyKind {
        const char *name; /* as the realm file and rotate say it */
        const char *alg;  /* the JOSE word */
        const char *kty;
        const char *crv;    /* NULL: RSA */
        const char *group;  /* OpenSSL's name of the curve; NULL: not EC */
        const char *digest; /* NULL: EdDSA */
        size_t coordinate_size;
        jwt_alg_t libjwt; /* JWT_ALG_NONE: libjwt 1.10 cannot sign it */
        bool pss;
        bool encryption;
} KeyKind;

typedef struct SigningKey {
        const KeyKind *kind;
        char *kid; /* base64url SHA-256 of the public key's DER, as Keycloak; or as ordered */
        char *pem; /* private, what libjwt wants */
        EVP_PKEY *pkey;
        bool enabled;
} SigningKey;

typedef struct Keyring {
        GPtrArray *keys;                          /* of SigningKey */
        unsigned char secret[KEYRING_SECRET_LEN]; /* HS512: refresh tokens */
        char *secret_kid;
        char *path; /* NULL: in memory only */
} Keyring;

const KeyKind *key_kind_find(const char *name); /* NULL: unknown */
/* key_kind_of: the kind that has this alg and goes with this public key; NULL: none. */
const KeyKind *key_kind_of(const char *alg, const EVP_PKEY *pkey);
SigningKey *signing_key_new(const KeyKind *kind); /* NULL: OpenSSL failed */
void signing_key_free(SigningKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SigningKey, signing_key_free)
json_t *signing_key_jwk(const SigningKey *key, const char *kid); /* the public part */

/* keyring_open: loads from state_dir (may be NULL) and makes what names asks for and is not there.
 */
Keyring *keyring_open(const char *state_dir, const json_t *names, GError **error);
void keyring_free(Keyring *keyring);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Keyring, keyring_free)

const SigningKey *keyring_signer(const Keyring *keyring, const char *alg); /* NULL: none enabled */
/* keyring_signer_or_new: as Keycloak, which makes a key when a client's algorithm has none left. */
const SigningKey *keyring_signer_or_new(Keyring *keyring, const char *alg);
const SigningKey *keyring_find(const Keyring *keyring, const char *kid); /* the newest */
/* keyring_rotate: a new key that signs from now on, under this kid (NULL: its own); NULL: unknown
 * kind, a kid that an enabled key has, full, or OpenSSL failed. */
const SigningKey *keyring_rotate(Keyring *keyring, const char *name, const char *kid);
bool keyring_disable(Keyring *keyring, const char *kid);
json_t *keyring_jwks(const Keyring *keyring); /* the enabled ones, public parts only */

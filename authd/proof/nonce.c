/* nonce: see nonce.h. */
#include "proof/nonce.h"

#include "base/secret.h"
#include "token/base64url.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define KEY_SIZE 32
#define MAC_SIZE 32

struct Nonces {
        uint8_t key[KEY_SIZE];
};

Nonces *nonces_new(void)
{
        g_autoptr(Nonces) nonces = g_new0(Nonces, 1);

        return RAND_bytes(nonces->key, KEY_SIZE) == 1 ? g_steal_pointer(&nonces) : NULL;
}

void nonces_free(Nonces *nonces)
{
        if (!nonces)
                return;
        secret_erase(nonces->key, KEY_SIZE);
        g_free(nonces);
}

static void nonce_of_slot(const Nonces *nonces, int64_t slot, char ret[NONCE_TEXT_MAX])
{
        uint8_t mac[MAC_SIZE];
        unsigned len = 0;

        if (!HMAC(EVP_sha256(), nonces->key, KEY_SIZE, (const uint8_t *) &slot, sizeof(slot), mac,
                  &len) ||
            len != MAC_SIZE)
                g_error("OpenSSL has no HMAC-SHA-256");
        base64url_encode(span_of(mac, MAC_SIZE), ret);
}

void nonces_make(const Nonces *nonces, int64_t now_sec, char ret[NONCE_TEXT_MAX])
{
        nonce_of_slot(nonces, now_sec / NONCE_SLOT_SEC, ret);
}

bool nonces_good(const Nonces *nonces, Span nonce, int64_t now_sec)
{
        char own[NONCE_TEXT_MAX], before[NONCE_TEXT_MAX];

        nonce_of_slot(nonces, now_sec / NONCE_SLOT_SEC, own);
        nonce_of_slot(nonces, now_sec / NONCE_SLOT_SEC - 1, before);
        return secret_equal(nonce, span_from(own)) || secret_equal(nonce, span_from(before));
}

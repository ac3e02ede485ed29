/* ids: see ids.h. */
#include "users/ids.h"

#include <openssl/evp.h>

#define TAG         "authd-id-1"
#define DIGEST_SIZE 32

/* Numbers from first to last, both of them. */
typedef struct IdRange {
        uint32_t first, last;
        const char *whose;
} IdRange;

static const IdRange forbidden[] = {
        { 0, 999, "0 to 999 are the system's" },
        { 61184, 65519, "61184 to 65519 are the dynamic users of systemd" },
        { 65534, 65535, "65534 is nobody, 65535 was -1" },
        { 2147352576, 2147418111,
          "2147352576 to 2147418111 are the foreign users of systemd, whose files systemd-mountfsd "
          "lends to anybody" },
        { UINT32_MAX, UINT32_MAX, "4294967295 is -1" },
};

bool ids_allowed(uint32_t id)
{
        for (size_t i = 0; i < G_N_ELEMENTS(forbidden); i++)
                if (id >= forbidden[i].first && id <= forbidden[i].last)
                        return false;
        return true;
}

uint32_t ids_read(Span text)
{
        g_autofree char *own = g_strndup(text.data, text.len);
        guint64 number;

        if (!g_ascii_string_to_unsigned(own, 10, 0, UINT32_MAX, &number, NULL))
                return UID_NONE;
        return ids_allowed((uint32_t) number) ? (uint32_t) number : UID_NONE;
}

const char *ids_range_trouble(uint32_t first, uint32_t last)
{
        if (first > last)
                return "it ends before it begins";
        for (size_t i = 0; i < G_N_ELEMENTS(forbidden); i++)
                if (first <= forbidden[i].last && last >= forbidden[i].first)
                        return forbidden[i].whose;
        if (last > INT32_MAX)
                return "beyond 2147483647 some programs take a number for a negative one";
        return NULL;
}

static void put_length(uint8_t *ret, size_t len)
{
        for (size_t i = 0; i < sizeof(uint64_t); i++)
                ret[i] = (uint8_t) ((uint64_t) len >> (56 - 8 * i));
}

/* hash_part: each text behind its length, so that no two lists of texts are one. */
static bool hash_part(EVP_MD_CTX *hash, const char *text)
{
        size_t len = strlen(text);
        uint8_t length[sizeof(uint64_t)];

        put_length(length, len);
        return EVP_DigestUpdate(hash, length, sizeof(length)) == 1 &&
               EVP_DigestUpdate(hash, text, len) == 1;
}

static bool hash_parts(EVP_MD_CTX *hash, const char *const *parts, uint8_t *ret_digest)
{
        if (EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
                return false;
        for (size_t i = 0; parts[i]; i++)
                if (!hash_part(hash, parts[i]))
                        return false;
        return EVP_DigestFinal_ex(hash, ret_digest, NULL) == 1;
}

static uint64_t number_of(const char *const *parts)
{
        EVP_MD_CTX *hash = EVP_MD_CTX_new();
        uint8_t digest[DIGEST_SIZE];
        uint64_t number = 0;

        /* Another number than on the other hosts is the one thing that must not come out. */
        if (!hash || !hash_parts(hash, parts, digest))
                g_error("SHA-256 is not there");
        EVP_MD_CTX_free(hash);
        for (size_t i = 0; i < sizeof(number); i++)
                number = number << 8 | digest[i];
        return number;
}

static uint32_t scale(uint64_t number, uint32_t first, uint32_t last)
{
        uint64_t n_ids = (uint64_t) last - first + 1;

        return first + (uint32_t) ((unsigned __int128) number * n_ids >> 64);
}

uint32_t ids_candidate(const char *issuer_url, const char *key, uint32_t first, uint32_t last)
{
        return ids_next(issuer_url, key, 0, first, last);
}

uint32_t ids_next(const char *issuer_url, const char *key, unsigned try, uint32_t first,
                  uint32_t last)
{
        char try_text[16];
        const char *parts[] = { TAG, issuer_url, key, try > 0 ? try_text : NULL, NULL };

        g_snprintf(try_text, sizeof(try_text), "%u", try);
        return scale(number_of(parts), first, last);
}

double ids_expected_collisions(size_t n, uint32_t first, uint32_t last)
{
        double n_ids = (double) last - (double) first + 1;

        return (double) n * (double) n / (2 * n_ids);
}

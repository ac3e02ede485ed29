/* secret: see secret.h. Bytes are erased before any free, the read buffer's too. */
#include "base/secret.h"

#include "base/file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

struct Secret {
        size_t len;
        char bytes[];
};

Secret *secret_new(Span bytes)
{
        Secret *secret = g_malloc(sizeof(*secret) + bytes.len + 1);

        secret->len = bytes.len;
        if (bytes.len > 0)
                memcpy(secret->bytes, bytes.data, bytes.len);
        secret->bytes[bytes.len] = '\0';
        return secret;
}

void secret_free(Secret *secret)
{
        if (!secret)
                return;
        secret_erase(secret->bytes, secret->len);
        g_free(secret);
}

Span secret_bytes(const Secret *secret)
{
        return span_of(secret->bytes, secret->len);
}

void secret_erase(void *data, size_t len)
{
        OPENSSL_cleanse(data, len);
}

bool secret_equal(Span a, Span b)
{
        return a.len == b.len && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}

static bool check_mode(const char *path, mode_t mode, GError **error)
{
        if (!(mode & SECRET_FILE_MODE_REFUSED))
                return true;
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    "%s: mode %04o lets others read or change this secret; chmod 0600 it", path,
                    (unsigned) mode & 07777);
        return false;
}

/* secret_from_text: without one trailing newline, which editors add and echo writes. */
static Secret *secret_from_text(const char *path, Span text, GError **error)
{
        if (text.len > 0 && text.data[text.len - 1] == '\n')
                text.len--;
        if (text.len > 0)
                return secret_new(text);
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: holds no secret, it is empty",
                    path);
        return NULL;
}

Secret *secret_read_file(const char *path, GError **error)
{
        struct stat found;
        char buffer[SECRET_FILE_SIZE_MAX + 1];
        size_t len = 0;
        Secret *secret = NULL;
        FILE_AUTOCLOSE int fd = file_open(path, &found, error);

        if (fd < 0 || !check_mode(path, found.st_mode, error))
                return NULL;
        if (file_read_fd(fd, path, buffer, SECRET_FILE_SIZE_MAX, &len, error))
                secret = secret_from_text(path, span_of(buffer, len), error);
        secret_erase(buffer, sizeof(buffer));
        return secret;
}

void fingerprint_of(Span token, Fingerprint *ret)
{
        static EVP_MD *sha256; /* fetched once: SHA256() looks it up for each call */

        if (g_once_init_enter(&sha256))
                g_once_init_leave(&sha256, EVP_MD_fetch(NULL, "SHA256", NULL));
        if (EVP_Digest(token.data, token.len, ret->bytes, NULL, sha256, NULL) != 1)
                g_error("OpenSSL has no SHA-256"); /* without it nothing here can be told apart */
}

bool fingerprint_equal(const Fingerprint *a, const Fingerprint *b)
{
        return CRYPTO_memcmp(a->bytes, b->bytes, FINGERPRINT_SIZE) == 0;
}

void fingerprint_text(const Fingerprint *fingerprint, char ret[FINGERPRINT_TEXT_MAX])
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < (FINGERPRINT_TEXT_MAX - 1) / 2; i++) {
                ret[2 * i] = digits[fingerprint->bytes[i] >> 4];
                ret[2 * i + 1] = digits[fingerprint->bytes[i] & 15];
        }
        ret[FINGERPRINT_TEXT_MAX - 1] = '\0';
}

/* certificate: see certificate.h. */
#include "proof/certificate.h"

#include "base/secret.h"
#include "token/base64url.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)

static void write_thumbprint(Span der, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX])
{
        Fingerprint digest;

        fingerprint_of(der, &digest);
        base64url_encode(span_of(digest.bytes, sizeof(digest.bytes)), ret);
}

/* The whole of it must be one certificate. */
static int thumbprint_of_der(Span der, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX])
{
        const unsigned char *at = (const unsigned char *) der.data;
        g_autoptr(X509) certificate = d2i_X509(NULL, &at, (long) der.len);

        if (!certificate || at != (const unsigned char *) der.data + der.len)
                return -EINVAL;
        write_thumbprint(der, ret);
        return 0;
}

static int thumbprint_of_pem(const char *pem, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX])
{
        g_autoptr(BIO) text = BIO_new_mem_buf(pem, -1);
        g_autoptr(X509) certificate = text ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
        unsigned char *der = NULL;
        int len = certificate ? i2d_X509(certificate, &der) : -1;

        if (len <= 0)
                return -EINVAL;
        write_thumbprint(span_of(der, (size_t) len), ret);
        OPENSSL_free(der);
        return 0;
}

/* GLib's decoder passes over what is no base64; here that is refused first. */
static int thumbprint_of_base64(const char *text, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX])
{
        static const char alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
        g_autofree guchar *der = NULL;
        size_t len = 0;

        if (!*text || text[strspn(text, alphabet)] != '\0')
                return -EINVAL;
        der = g_base64_decode(text, &len);
        return thumbprint_of_der(span_of(der, len), ret);
}

/* NULL: too long, a NUL in it, or badly encoded. */
static char *decoded(Span value)
{
        g_autofree char *copy = NULL;

        if (value.len == 0 || value.len > CERTIFICATE_HEADER_SIZE_MAX ||
            memchr(value.data, '\0', value.len))
                return NULL;
        copy = g_strndup(value.data, value.len);
        return g_uri_unescape_string(copy, NULL);
}

int certificate_thumbprint(Span value, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX])
{
        g_autofree char *text = decoded(value);

        if (!text)
                return -EINVAL;
        if (g_str_has_prefix(text, PEM_BEGIN))
                return thumbprint_of_pem(text, ret);
        text[strcspn(text, ",")] = '\0';
        return thumbprint_of_base64(text, ret);
}

/* ---- X-Forwarded-Client-Cert ---- */

static bool quote_fits(Span text, size_t at, bool quoted)
{
        if (quoted)
                return at + 1 == text.len || strchr(",;", text.data[at + 1]);
        return at > 0 && text.data[at - 1] == '=';
}

/* Quotes stand around whole values alone: one that a client left open in his own element would hide
 * what the proxy wrote behind it. */
static bool quotes_are_sound(Span text)
{
        bool quoted = false;

        for (size_t at = 0; at < text.len; at++) {
                if (text.data[at] == '\\' && quoted) {
                        at++;
                        continue;
                }
                if (text.data[at] != '"')
                        continue;
                if (!quote_fits(text, at, quoted))
                        return false;
                quoted = !quoted;
        }
        return !quoted;
}

/* The length of an element or a pair: up to the mark that is not within quotes. */
static size_t quoted_span(Span text, char mark)
{
        bool quoted = false;
        size_t at;

        for (at = 0; at < text.len && (quoted || text.data[at] != mark); at++) {
                if (text.data[at] == '"')
                        quoted = !quoted;
                else if (text.data[at] == '\\' && quoted && at + 1 < text.len)
                        at++;
        }
        return at;
}

static Span span_after(Span text, size_t len)
{
        return len < text.len ? span_of(text.data + len + 1, text.len - len - 1) : SPAN_EMPTY;
}

static Span last_element(Span value)
{
        Span element = value;

        while (value.len > 0) {
                size_t len = quoted_span(value, ',');

                element = span_of(value.data, len);
                value = span_after(value, len);
        }
        return element;
}

static Span unquoted(Span value)
{
        if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
                return span_of(value.data + 1, value.len - 2);
        return value;
}

/* Empty: it is not there, or twice. */
static Span element_value(Span element, const char *name)
{
        size_t name_len = strlen(name), n_found = 0;
        Span found = SPAN_EMPTY;

        while (element.len > 0) {
                size_t len = quoted_span(element, ';');

                if (len > name_len && element.data[name_len] == '=' &&
                    g_ascii_strncasecmp(element.data, name, name_len) == 0) {
                        found = span_of(element.data + name_len + 1, len - name_len - 1);
                        n_found++;
                }
                element = span_after(element, len);
        }
        return n_found == 1 ? unquoted(found) : SPAN_EMPTY;
}

static int thumbprint_of_hex(Span hex, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX])
{
        uint8_t digest[FINGERPRINT_SIZE];

        if (hex.len != 2 * sizeof(digest))
                return -EINVAL;
        for (size_t i = 0; i < sizeof(digest); i++) {
                int high = g_ascii_xdigit_value(hex.data[2 * i]);
                int low = g_ascii_xdigit_value(hex.data[2 * i + 1]);

                if (high < 0 || low < 0)
                        return -EINVAL;
                digest[i] = (uint8_t) (high * 16 + low);
        }
        base64url_encode(span_of(digest, sizeof(digest)), ret);
        return 0;
}

int certificate_thumbprint_xfcc(Span value, char ret[CERTIFICATE_THUMBPRINT_TEXT_MAX])
{
        Span element, hash;

        if (value.len == 0 || value.len > CERTIFICATE_HEADER_SIZE_MAX || !quotes_are_sound(value))
                return -EINVAL;
        element = last_element(value);
        hash = element_value(element, "Hash");
        if (hash.len > 0)
                return thumbprint_of_hex(hash, ret);
        return certificate_thumbprint(element_value(element, "Cert"), ret);
}

/* test_certificate: one certificate in each form in which proxies hand it on, and what is none. */
#include "proof/certificate.h"

#define BASE64                                                                                     \
        "MIIBeTCCAR+gAwIBAgIUZgAgVKbkhWljj9SY1Yw9EX1XYagwCgYIKoZIzj0EAwIwETEPMA"                   \
        "0GA1UEAwwGY2xpZW50MCAXDTI2MTEyNDA5NTAwNloYDzIxMjYxMDMxMDk1MDA2WjARMQ8w"                   \
        "DQYDVQQDDAZjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT6cNdY0MewmwfgSQ"                   \
        "z2i/JdIiTJihI/7CkUp+vNxvfVfJVXK2ZpmjFu+bfOy4xrvSNXSFcR8Qxx8ZRVOme0W7ji"                   \
        "o1MwUTAdBgNVHQ4EFgQUZtOah6gIApro4gZSP9o8ewlo1qIwHwYDVR0jBBgwFoAUZtOah6"                   \
        "gIApro4gZSP9o8ewlo1qIwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA"                   \
        "xu1yLFL1xbH3MR1I1Ju9YIc0ObFi/tEyRQDKWLq5XOMCIDjD+E9FhBEWeeOydHOM1uj2/2"                   \
        "gHLueVQVXFGL10lYtd"
#define HASH       "1c30ec2c00135a9d7d7f4a484f18d157e0978968a583e1d70b96d7d81676884c"
#define THUMBPRINT "HDDsLAATWp19f0pITxjRV-CXiWilg-HXC5bX2BZ2iEw"
#define OTHER_HASH "0000000000000000000000000000000000000000000000000000000000000000"

static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIBeTCCAR+gAwIBAgIUZgAgVKbkhWljj9SY1Yw9EX1XYagwCgYIKoZIzj0EAwIw\n"
                          "ETEPMA0GA1UEAwwGY2xpZW50MCAXDTI2MTEyNDA5NTAwNloYDzIxMjYxMDMxMDk1\n"
                          "MDA2WjARMQ8wDQYDVQQDDAZjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
                          "AAT6cNdY0MewmwfgSQz2i/JdIiTJihI/7CkUp+vNxvfVfJVXK2ZpmjFu+bfOy4xr\n"
                          "vSNXSFcR8Qxx8ZRVOme0W7jio1MwUTAdBgNVHQ4EFgQUZtOah6gIApro4gZSP9o8\n"
                          "ewlo1qIwHwYDVR0jBBgwFoAUZtOah6gIApro4gZSP9o8ewlo1qIwDwYDVR0TAQH/\n"
                          "BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAxu1yLFL1xbH3MR1I1Ju9YIc0ObFi\n"
                          "/tEyRQDKWLq5XOMCIDjD+E9FhBEWeeOydHOM1uj2/2gHLueVQVXFGL10lYtd\n"
                          "-----END CERTIFICATE-----\n";

typedef struct Row {
        const char *sentence;
        const char *value; /* %P: the PEM, percent-encoded */
        bool good;
} Row;

static char *fill(const char *value)
{
        GString *text = g_string_new(value);
        g_autofree char *encoded = g_uri_escape_string(pem, NULL, FALSE);

        g_string_replace(text, "%P", encoded, 0);
        return g_string_free(text, FALSE);
}

static const Row rows[] = {
        { "nginx: PEM, percent-encoded", "%P", true },
        { "HAProxy: base64 of the DER", BASE64, true },
        { "Traefik: the client's own before its chain", BASE64 ",MIIB", true },
        { "nothing", "", false },
        { "a comma", ",", false },
        { "no base64", "not a certificate", false },
        { "base64 of something else", "aGVsbG8gd29ybGQ=", false },
        { "more bytes behind the certificate", BASE64 "AAAA", false },
        { "cut off", "MIIBeTCCAR+gAwIBAgIUZgAgVKbkhWljj9SY1Yw9EX1XYag=", false },
        { "PEM of a key", "-----BEGIN PRIVATE KEY-----%0AAAAA%0A-----END PRIVATE KEY-----", false },
        { "bad percent-encoding", "%P%zz", false },
        { "an encoded NUL", "%P%00", false },
};

static const Row xfcc_rows[] = {
        { "Envoy: the hash", "Hash=" HASH, true },
        { "Envoy: the hash among others",
          "By=spiffe://a/b;Hash=" HASH ";Subject=\"CN=a,O=b;c\";URI=spiffe://c/d", true },
        { "Envoy: a name in small letters", "by=x;hash=" HASH, true },
        { "Envoy: the certificate", "By=x;Cert=\"%P\"", true },
        { "Envoy: the element of the proxy before us", "Hash=" OTHER_HASH ",By=x;Hash=" HASH,
          true },
        { "Envoy: a comma within quotes does not end an element",
          "Hash=" HASH ";Subject=\"CN=a,Hash=" OTHER_HASH "\"", true },
        { "Envoy: an escaped quote does not end them",
          "Hash=" HASH ";Subject=\"CN=\\\",Hash=" OTHER_HASH "\"", true },
        { "a quote left open before the proxy's own element",
          "Hash=" HASH ";Subject=\",By=x;Hash=" OTHER_HASH ";Subject=\"CN=a\"", false },
        { "a quote left open, and one in the proxy's own element that closes it",
          "Hash=" HASH ";Subject=\",Hash=" OTHER_HASH ";Subject=\"CN=a\\\"\"", false },
        { "a quote that never ends", "Hash=" HASH ";Subject=\"CN=a", false },
        { "nothing", "", false },
        { "only whose it is", "By=x;Subject=\"CN=a\"", false },
        { "two hashes", "Hash=" HASH ";Hash=" OTHER_HASH, false },
        { "a short hash", "Hash=1c30", false },
        { "a hash that is none",
          "Hash=zz30ec2c00135a9d7d7f4a484f18d157e0978968a583e1d70b96d7d81676884c", false },
};

static void check(const Row *row, int (*read)(Span value, char *ret))
{
        g_autofree char *value = fill(row->value);
        char thumbprint[CERTIFICATE_THUMBPRINT_TEXT_MAX] = "";
        int r = read(span_from(value), thumbprint);

        g_assert_cmpint(r == 0, ==, row->good);
        if (row->good)
                g_assert_cmpstr(thumbprint, ==, THUMBPRINT);
}

static void check_row(gconstpointer pointer)
{
        check(pointer, certificate_thumbprint);
}

static void check_xfcc_row(gconstpointer pointer)
{
        check(pointer, certificate_thumbprint_xfcc);
}

static void plain_pem(void)
{
        char thumbprint[CERTIFICATE_THUMBPRINT_TEXT_MAX];

        g_assert_cmpint(certificate_thumbprint(span_from(pem), thumbprint), ==, 0);
        g_assert_cmpstr(thumbprint, ==, THUMBPRINT);
}

static void too_long(void)
{
        g_autofree char *value = g_strnfill(CERTIFICATE_HEADER_SIZE_MAX + 1, 'A');
        char thumbprint[CERTIFICATE_THUMBPRINT_TEXT_MAX];

        g_assert_cmpint(certificate_thumbprint(span_from(value), thumbprint), !=, 0);
        g_assert_cmpint(certificate_thumbprint_xfcc(span_from(value), thumbprint), !=, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strconcat("/certificate/", rows[i].sentence, NULL);

                g_test_add_data_func(name, &rows[i], check_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(xfcc_rows); i++) {
                g_autofree char *name =
                    g_strconcat("/certificate/xfcc: ", xfcc_rows[i].sentence, NULL);

                g_test_add_data_func(name, &xfcc_rows[i], check_xfcc_row);
        }
        g_test_add_func("/certificate/PEM as it is", plain_pem);
        g_test_add_func("/certificate/too long", too_long);
        return g_test_run();
}

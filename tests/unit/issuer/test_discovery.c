/* discovery: what a metadata document may say, and where its URLs lead. */
#include "issuer/discovery.h"

#define HTTPS "https://sso.example.com/realms/a"

typedef struct DocumentUrlRow {
        const char *name, *base, *url;
} DocumentUrlRow;

static const DocumentUrlRow document_urls[] = {
        { "a realm", HTTPS, HTTPS "/.well-known/openid-configuration" },
        { "one trailing slash goes", "https://a.example.com/",
          "https://a.example.com/.well-known/openid-configuration" },
        { "a bare host", "https://a.example.com",
          "https://a.example.com/.well-known/openid-configuration" },
};

static void test_document_url(gconstpointer data)
{
        const DocumentUrlRow *row = data;
        g_autofree char *url = discovery_document_url(row->base);

        g_assert_cmpstr(url, ==, row->url);
}

typedef struct GoodRow {
        const char *name, *issuer_url, *fetch_url, *json, *jwks_url, *introspection_url;
        bool development;
} GoodRow;

static const GoodRow good[] = {
        { "the least", HTTPS, NULL, "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "/certs\"}",
          HTTPS "/certs", NULL },
        { "with introspection", HTTPS, NULL,
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "/certs\","
          "\"introspection_endpoint\":\"" HTTPS "/introspect\"}",
          HTTPS "/certs", HTTPS "/introspect" },
        { "keys on another host (Google's)", HTTPS, NULL,
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"https://keys.example.org/v3\"}",
          "https://keys.example.org/v3", NULL },
        { "fetched elsewhere: URLs under the issuer move along", HTTPS,
          "https://in.cluster:8443/realms/a",
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "/certs?x=1\","
          "\"introspection_endpoint\":\"" HTTPS "/introspect\"}",
          "https://in.cluster:8443/realms/a/certs?x=1",
          "https://in.cluster:8443/realms/a/introspect" },
        { "fetched elsewhere: slashes at the ends do not double", HTTPS "/",
          "https://in.cluster/a/", "{\"issuer\":\"" HTTPS "/\",\"jwks_uri\":\"" HTTPS "/certs\"}",
          "https://in.cluster/a/certs", NULL },
        { "fetched elsewhere: URLs of another host stay", HTTPS, "https://in.cluster/a",
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"https://keys.example.org/v3\"}",
          "https://keys.example.org/v3", NULL },
        { "fetched elsewhere: a host that only begins like ours stays", "https://sso.example.com",
          "https://in.cluster",
          "{\"issuer\":\"https://sso.example.com\",\"jwks_uri\":\"https://sso.example.com.evil.org/"
          "k\"}",
          "https://sso.example.com.evil.org/k", NULL },
        { "fetched elsewhere: a realm that only begins like ours stays", HTTPS,
          "https://in.cluster/a", "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "bc/certs\"}",
          HTTPS "bc/certs", NULL },
        { "plain http on loopback", "http://127.0.0.1:8080/r", NULL,
          "{\"issuer\":\"http://127.0.0.1:8080/r\",\"jwks_uri\":\"http://127.0.0.1:8080/r/certs\"}",
          "http://127.0.0.1:8080/r/certs", NULL },
        { "plain http elsewhere, fetched on loopback", "http://sso.example.com/r",
          "http://127.0.0.1:80/r",
          "{\"issuer\":\"http://sso.example.com/r\",\"jwks_uri\":\"http://sso.example.com/r/"
          "certs\"}",
          "http://127.0.0.1:80/r/certs", NULL },
        { "a development issuer", HTTPS, NULL,
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS
          "/c\",\"authd_development_issuer\":true}",
          HTTPS "/c", NULL, true },
        { "marked as none", HTTPS, NULL,
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS
          "/c\",\"authd_development_issuer\":false}",
          HTTPS "/c", NULL, false },
        { "a mark in doubt is a mark", HTTPS, NULL,
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS
          "/c\",\"authd_development_issuer\":null}",
          HTTPS "/c", NULL, true },
};

static void test_good(gconstpointer data)
{
        const GoodRow *row = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(Discovery) discovery =
            discovery_parse(span_from(row->json), row->issuer_url, row->fetch_url, &error);

        g_assert_no_error(error);
        g_assert_nonnull(discovery);
        g_assert_cmpstr(discovery->jwks_url, ==, row->jwks_url);
        g_assert_cmpstr(discovery->introspection_url, ==, row->introspection_url);
        g_assert_cmpint(discovery->development, ==, row->development);
}

#define KEYS "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "/certs\","

typedef struct GrantRow {
        const char *name, *fetch_url, *json, *token_url, *device_url, *push_url;
} GrantRow;

static const GrantRow grants[] = {
        { "none is there", NULL, KEYS "\"x\":1}", NULL, NULL, NULL },
        { "all three are there", NULL,
          KEYS "\"token_endpoint\":\"" HTTPS "/token\",\"device_authorization_endpoint\":\"" HTTPS
               "/device\",\"backchannel_authentication_endpoint\":\"" HTTPS "/ciba\"}",
          HTTPS "/token", HTTPS "/device", HTTPS "/ciba" },
        { "fetched elsewhere: they move along", "https://in.cluster/a",
          KEYS "\"token_endpoint\":\"" HTTPS "/token\"}", "https://in.cluster/a/token", NULL,
          NULL },
        { "one over plain http is left out, the others stay", NULL,
          KEYS "\"token_endpoint\":\"http://sso.example.com/token\","
               "\"device_authorization_endpoint\":\"" HTTPS "/device\"}",
          NULL, HTTPS "/device", NULL },
        { "what is no string, or no URL, is left out", NULL,
          KEYS "\"token_endpoint\":[],\"device_authorization_endpoint\":\"\","
               "\"backchannel_authentication_endpoint\":\"" HTTPS "/a b\"}",
          NULL, NULL, NULL },
};

static void test_grants(gconstpointer data)
{
        const GrantRow *row = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(Discovery) discovery =
            discovery_parse(span_from(row->json), HTTPS, row->fetch_url, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(discovery->token_url, ==, row->token_url);
        g_assert_cmpstr(discovery->device_url, ==, row->device_url);
        g_assert_cmpstr(discovery->push_url, ==, row->push_url);
}

typedef struct BadRow {
        const char *name, *json, *says;
} BadRow;

static const BadRow bad[] = {
        { "no JSON", "<html>down for maintenance</html>", "not usable JSON" },
        { "nothing", "", "not usable JSON" },
        { "truncated", "{\"issuer\":\"" HTTPS "\",\"jwks", "not usable JSON" },
        { "an array", "[]", "not usable JSON" },
        { "a member twice",
          "{\"issuer\":\"" HTTPS "\",\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "/c\"}",
          "not usable JSON" },
        { "too deep", "{\"a\":[[[[[[[[[[[[1]]]]]]]]]]]]}", "not usable JSON" },
        { "no issuer", "{\"jwks_uri\":\"" HTTPS "/c\"}", "names no issuer" },
        { "an issuer that is no string",
          "{\"issuer\":[\"" HTTPS "\"],\"jwks_uri\":\"" HTTPS "/c\"}", "names no issuer" },
        { "another issuer",
          "{\"issuer\":\"https://sso.example.com/realms/b\",\"jwks_uri\":\"" HTTPS "/c\"}",
          "is of issuer https://sso.example.com/realms/b" },
        { "our issuer with a slash more",
          "{\"issuer\":\"" HTTPS "/\",\"jwks_uri\":\"" HTTPS "/c\"}", "is of issuer" },
        { "our issuer in other case",
          "{\"issuer\":\"https://SSO.example.com/realms/a\",\"jwks_uri\":\"" HTTPS "/c\"}",
          "is of issuer" },
        { "no jwks_uri", "{\"issuer\":\"" HTTPS "\"}", "has no jwks_uri" },
        { "a jwks_uri that is no string", "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":1}", "jwks_uri" },
        { "an empty jwks_uri", "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"\"}", "jwks_uri" },
        { "a jwks_uri with a space", "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "/a b\"}",
          "jwks_uri" },
        { "a jwks_uri with a newline",
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "/a\\nb\"}", "jwks_uri" },
        { "a jwks_uri over plain http",
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"http://sso.example.com/c\"}", "jwks_uri" },
        { "a jwks_uri that is a file",
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"file:///etc/passwd\"}", "jwks_uri" },
        { "a jwks_uri without a host", "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"/certs\"}",
          "jwks_uri" },
        { "introspection over plain http",
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS
          "/c\",\"introspection_endpoint\":\"http://sso.example.com/i\"}",
          "introspection_endpoint" },
        { "introspection that is no string",
          "{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "/c\",\"introspection_endpoint\":{}}",
          "introspection_endpoint" },
};

static void test_bad(gconstpointer data)
{
        const BadRow *row = data;
        g_autoptr(GError) error = NULL;

        g_assert_null(discovery_parse(span_from(row->json), HTTPS, NULL, &error));
        g_assert_nonnull(error);
        if (!strstr(error->message, row->says))
                g_error("\"%s\" does not say \"%s\"", error->message, row->says);
}

static void test_long_url(void)
{
        g_autofree char *path = g_strnfill(3000, 'k');
        g_autofree char *json =
            g_strdup_printf("{\"issuer\":\"" HTTPS "\",\"jwks_uri\":\"" HTTPS "/%s\"}", path);
        g_autoptr(GError) error = NULL;

        g_assert_null(discovery_parse(span_from(json), HTTPS, NULL, &error));
        g_assert_nonnull(error);
}

/* Rows begin with their name. */
static void add_rows(const char *prefix, const void *rows, size_t n_rows, size_t row_size,
                     GTestDataFunc function)
{
        for (size_t i = 0; i < n_rows; i++) {
                const void *row = (const char *) rows + i * row_size;
                g_autofree char *path =
                    g_strdup_printf("/discovery/%s: %s", prefix, *(const char *const *) row);

                g_test_add_data_func(path, row, function);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add_rows("where it is", document_urls, G_N_ELEMENTS(document_urls), sizeof document_urls[0],
                 test_document_url);
        add_rows("taken", good, G_N_ELEMENTS(good), sizeof good[0], test_good);
        add_rows("grants", grants, G_N_ELEMENTS(grants), sizeof grants[0], test_grants);
        add_rows("refused", bad, G_N_ELEMENTS(bad), sizeof bad[0], test_bad);
        g_test_add_func("/discovery/refused: a URL of 3000 bytes", test_long_url);
        return g_test_run();
}

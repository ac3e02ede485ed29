/* test_original: what each dialect tells of a request, and who is not believed. */
#include "api/original.h"

#include "stub_connection.h"

#define UID             33
#define HEAD_FIELDS_MAX 8

typedef struct Row {
        const char *sentence;
        const char *door;
        const char *fields; /* "Name: value|Name: value" */
        const char *target; /* of ext-authz; NULL: none */
        bool stranger;
        bool refused;
        /* What is told; NULL: nothing. */
        const char *method, *host, *path, *query, *scheme, *address;
        const char *certificate; /* "?" : there, and unreadable */
} Row;

static const Row rows[] = {
        { "nginx tells method, place and client", "auth",
          "X-Original-Method: POST|X-Original-URI: /a//b?x=1|X-Original-Host: A.example:8443|"
          "X-Forwarded-Proto: https|X-Forwarded-For: 10.1.2.3",
          NULL, false, false, "POST", "a.example", "/a/b", "x=1", "https", "10.1.2.3" },
        { "a stranger's fields are as if they were not there", "auth",
          "X-Original-Method: GET|X-Original-URI: /a|X-Original-Host: a|X-Forwarded-Proto: https|"
          "X-Forwarded-For: 10.1.2.3|X-Client-Cert: x",
          NULL, true },
        { "a stranger's two fields are not even refused", "auth",
          "X-Original-URI: /a|X-Original-URI: /b", NULL, true },
        { "nginx who tells nothing tells nothing", "auth", "", NULL },
        { "Traefik's words are not nginx'", "auth",
          "X-Forwarded-Method: GET|X-Forwarded-Uri: /a|X-Forwarded-Host: a", NULL },
        { "nginx' words are not Traefik's", "forward-auth",
          "X-Original-Method: GET|X-Original-URI: /a|X-Original-Host: a", NULL },
        { "Traefik tells the same in its own", "forward-auth",
          "X-Forwarded-Method: GET|X-Forwarded-Uri: /a?q|X-Forwarded-Host: a.example|"
          "X-Forwarded-Proto: http|X-Forwarded-For: 10.1.2.3",
          NULL, false, false, "GET", "a.example", "/a", "q", "http", "10.1.2.3" },
        { "Envoy's request is the original one", "ext-authz",
          "Host: a.example|X-Forwarded-For: 10.1.2.3|X-Forwarded-Proto: https", "/a/./b?x=1", false,
          false, "PUT", "a.example", "/a/b", "x=1", "https", "10.1.2.3" },
        { "Envoy's has no field for the method", "ext-authz",
          "Host: a|X-Original-Method: GET|X-Forwarded-Method: GET", "/a", false, false, "PUT", "a",
          "/a", "" },
        { "a stranger's own method is not believed either", "ext-authz", "Host: a", "/a", true },
        { "two methods are refused", "auth", "X-Original-Method: GET|X-Original-Method: GET", NULL,
          false, true },
        { "two paths are refused", "auth",
          "X-Original-Method: GET|X-Original-URI: /a|X-Original-URI: /a", NULL, false, true,
          "GET" },
        { "two hosts are refused", "forward-auth",
          "X-Forwarded-Uri: /a|X-Forwarded-Host: a|X-Forwarded-Host: b", NULL, false, true },
        { "two lists of clients are refused", "auth",
          "X-Forwarded-For: 10.1.2.3|X-Forwarded-For: 10.1.2.4", NULL, false, true },
        { "two schemes are refused", "auth", "X-Forwarded-Proto: https|X-Forwarded-Proto: http",
          NULL, false, true },
        { "two certificates are refused", "auth", "X-Client-Cert: a|X-Client-Cert: b", NULL, false,
          true },
        { "a path above the root is refused", "auth",
          "X-Original-Method: GET|X-Original-URI: /../a", NULL, false, true, "GET" },
        { "an encoded slash is refused", "ext-authz", "Host: a", "/a%2fb", false, true, "PUT" },
        { "a host that is no name is refused", "auth",
          "X-Original-Method: GET|X-Original-URI: /a|X-Original-Host: a/b", NULL, false, true,
          "GET" },
        { "the last entry reached the proxy", "auth", "X-Forwarded-For: 1.1.1.1, 10.1.2.3", NULL,
          false, false, NULL, NULL, NULL, NULL, NULL, "10.1.2.3" },
        { "an entry that is no address is none", "auth", "X-Forwarded-For: 10.1.2.3, unknown",
          NULL },
        { "an address with a port is none", "auth", "X-Forwarded-For: 10.1.2.3:80", NULL },
        { "an IPv6 client is its /64", "auth", "X-Forwarded-For: 2001:db8:1:2:3:4:5:6", NULL, false,
          false, NULL, NULL, NULL, NULL, NULL, "2001:db8:1:2::" },
        { "an IPv4 client within IPv6 is the IPv4 one", "auth", "X-Forwarded-For: ::ffff:10.1.2.3",
          NULL, false, false, NULL, NULL, NULL, NULL, NULL, "10.1.2.3" },
        { "another scheme is none", "auth", "X-Forwarded-Proto: wss", NULL },
        { "a certificate that is unreadable is nobody's", "auth", "X-Client-Cert: x", NULL, false,
          false, NULL, NULL, NULL, NULL, NULL, NULL, "?" },
        { "an empty certificate is none", "auth", "X-Client-Cert: ", NULL },
        { "each dialect has its own field for the certificate", "forward-auth", "X-Client-Cert: x",
          NULL },
        { "Envoy's certificate comes by its hash", "ext-authz",
          "Host: a|X-Forwarded-Client-Cert: "
          "Hash=1c30ec2c00135a9d7d7f4a484f18d157e0978968a583e1d70b96d7d81676884c",
          "/a", false, false, "PUT", "a", "/a", "", NULL, NULL,
          "HDDsLAATWp19f0pITxjRV-CXiWilg-HXC5bX2BZ2iEw" },
};

static void assert_text(Span found, const char *wanted)
{
        if (!span_equal_string(found, wanted ? wanted : ""))
                g_error("\"%.*s\" is not \"%s\"", (int) found.len, found.data, wanted);
}

static Request *request_of(GStrv fields)
{
        Request *request = request_new();

        request->head.method = span_from("PUT");
        for (size_t i = 0; fields[i]; i++) {
                char *colon = strstr(fields[i], ": ");

                head_add(&request->head, span_of(fields[i], (size_t) (colon - fields[i])),
                         span_from(colon + 2));
        }
        return request;
}

static void test_row(gconstpointer data)
{
        const Row *row = data;
        char *proxies[] = { "uid:33", NULL };
        const FrontSettings settings = { .trusted_proxies = proxies };
        g_autoptr(Front) front = front_new(&settings, NULL);
        g_auto(GStrv) fields = g_strsplit(row->fields, "|", HEAD_FIELDS_MAX);
        Request *request = request_of(fields);
        Original original;

        stub_peer =
            (Peer){ .unix_socket = true, .has_credentials = true, .uid = row->stranger ? 34 : UID };
        original_read(dialect_find(row->door), front, request, span_from(row->target), &original);
        g_assert_cmpint(original.trusted, ==, !row->stranger);
        g_assert_cmpint(original.why != NULL, ==, row->refused);
        assert_text(original.method, row->method);
        g_assert_cmpint(original.has_place, ==, row->path != NULL);
        g_assert_cmpstr(original.has_place ? original.place.path : NULL, ==, row->path);
        g_assert_cmpstr(original.has_place ? original.place.host : NULL, ==, row->host);
        if (original.has_place)
                assert_text(original.query, row->query);
        g_assert_cmpstr(original.scheme, ==, row->scheme);
        g_assert_cmpstr(original.address, ==, row->address ? row->address : "");
        g_assert_cmpint(original.has_certificate, ==, row->certificate != NULL);
        if (row->certificate)
                g_assert_cmpstr(original.thumbprint, ==,
                                strcmp(row->certificate, "?") == 0 ? "" : row->certificate);
        original_clear(&original);
        request_free(request);
}

typedef struct PreflightRow {
        const char *sentence, *fields;
        bool stranger, preflight;
} PreflightRow;

static const PreflightRow preflights[] = {
        { "OPTIONS with both fields",
          "X-Original-Method: OPTIONS|Origin: https://a|Access-Control-Request-Method: PUT", false,
          true },
        { "of a stranger",
          "X-Original-Method: OPTIONS|Origin: https://a|Access-Control-Request-Method: PUT", true },
        { "without an origin", "X-Original-Method: OPTIONS|Access-Control-Request-Method: PUT" },
        { "without a method to come", "X-Original-Method: OPTIONS|Origin: https://a" },
        { "another method", "X-Original-Method: GET|Origin: https://a|"
                            "Access-Control-Request-Method: PUT" },
};

static void test_preflights(void)
{
        char *proxies[] = { "uid:33", NULL };
        const FrontSettings settings = { .trusted_proxies = proxies };
        g_autoptr(Front) front = front_new(&settings, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(preflights); i++) {
                g_auto(GStrv) fields = g_strsplit(preflights[i].fields, "|", HEAD_FIELDS_MAX);
                Request *request = request_of(fields);
                Original original;

                g_test_message("%s", preflights[i].sentence);
                stub_peer = (Peer){ .unix_socket = true,
                                    .has_credentials = true,
                                    .uid = preflights[i].stranger ? 34 : UID };
                original_read(dialect_find("auth"), front, request, SPAN_EMPTY, &original);
                g_assert_cmpint(original.is_preflight, ==, preflights[i].preflight);
                original_clear(&original);
                request_free(request);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/original/%s", rows[i].sentence);

                g_test_add_data_func(name, &rows[i], test_row);
        }
        g_test_add_func("/original/what a preflight is", test_preflights);
        return g_test_run();
}

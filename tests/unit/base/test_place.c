/* test_place: one spelling a path, and refusal wherever two readers could disagree. */
#include "base/place.h"

typedef struct PathRow {
        const char *sentence;
        const char *target;
        const char *path; /* NULL: refused */
        const char *why;  /* a part of the refusal */
} PathRow;

static const PathRow path_rows[] = {
        { "a plain path stays", "/orders/7", "/orders/7" },
        { "the root stays", "/", "/" },
        { "the query is not looked at", "/orders?x=../../y#z", "/orders" },
        { "a slash at the end is cut", "/orders/", "/orders" },
        { "double slashes are one", "//orders///7//", "/orders/7" },
        { "only slashes are the root", "///", "/" },
        { "a dot segment goes", "/./orders/./7/.", "/orders/7" },
        { "two dots are refused", "/public/../admin", NULL, "goes up" },
        { "two dots at the end", "/orders/7/..", NULL, "goes up" },
        { "encoded dots are dots", "/public/%2e%2E/admin", NULL, "goes up" },
        { "one encoded dot and one plain", "/public/.%2e/admin", NULL, "goes up" },
        { "parameters are cut", "/orders;jsessionid=1/7;x;y", "/orders/7" },
        { "an encoded semicolon is a byte", "/orders%3bx", "/orders%3Bx" },
        { "two dots behind parameters", "/a;/../b", NULL, "goes up" },
        { "encoded unreserved characters are decoded", "/%6Frders/%7E%2D%5f", "/orders/~-_" },
        { "what is reserved stays encoded, in upper case", "/a%3fb%26c%23", "/a%3Fb%26c%23" },
        { "an encoded space stays", "/a%20b", "/a%20b" },
        { "an encoded character of UTF-8 stays", "/caf%c3%a9", "/caf%C3%A9" },
        { "an encoded percent stays", "/100%25", "/100%25" },
        { "letters keep their case", "/Orders", "/Orders" },
        { "a dot within a name stays", "/orders.json/.well-known", "/orders.json/.well-known" },
        { "two dots before a name stay", "/..orders", "/..orders" },
        { "an absolute form loses its authority", "http://api.example.com/orders", "/orders" },
        { "an absolute form without a path is the root", "https://api.example.com", "/" },
        { "an absolute form with a query alone is the root", "https://api.example.com?x", "/" },

        { "above the root", "/../etc", NULL, "goes up" },
        { "above the root by way of a segment", "/a/../../etc", NULL, "goes up" },
        { "above the root, encoded", "/%2e%2e/etc", NULL, "goes up" },
        { "above the root behind slashes", "//../etc", NULL, "goes up" },
        { "an encoded slash", "/public%2fadmin", NULL, "encoded slash" },
        { "an encoded slash behind dots", "/public/..%2Fadmin", NULL, "encoded slash" },
        { "an encoded backslash", "/public%5c..", NULL, "backslash" },
        { "a backslash", "/public\\..\\admin", NULL, "must be encoded" },
        { "an encoded NUL", "/admin%00.txt", NULL, "control" },
        { "an encoded line end", "/a%0d%0aX:y", NULL, "control" },
        { "an encoded DEL", "/a%7f", NULL, "control" },
        { "a percent alone", "/100%", NULL, "two hex digits" },
        { "a percent before one digit", "/100%2", NULL, "two hex digits" },
        { "a percent before other letters", "/100%zz", NULL, "two hex digits" },
        { "dots encoded twice", "/public/%252e%252e/admin", NULL, "encoded twice" },
        { "a slash encoded twice", "/public%252fadmin", NULL, "encoded twice" },
        { "an overlong slash", "/public%c0%afadmin", NULL, "no UTF-8" },
        { "an overlong dot", "/%c0%ae%c0%ae/admin", NULL, "no UTF-8" },
        { "a trailing dot", "/admin./users", NULL, "ends in a dot" },
        { "an encoded trailing dot", "/admin%2e", NULL, "ends in a dot" },
        { "two dots with parameters", "/admin/..;a=b/public", NULL, "goes up" },
        { "two encoded dots with parameters", "/admin/%2e%2e;/public", NULL, "goes up" },
        { "a dot with parameters at the end", "/admin/.;x", NULL, "but for parameters" },
        { "a segment of parameters alone", "/admin/;x/../public", NULL, "but for parameters" },
        { "a trailing dot before parameters", "/admin.;x", NULL, "ends in a dot" },
        { "three dots", "/.../admin", NULL, "ends in a dot" },
        { "a space", "/a b", NULL, "must be encoded" },
        { "a tab", "/a\tb", NULL, "must be encoded" },
        { "a fragment", "/a#b", NULL, "must be encoded" },
        { "a raw byte of UTF-8", "/caf\xc3\xa9", NULL, "must be encoded" },
        { "a bad escape in parameters", "/a;%zz", NULL, "two hex digits" },
        { "nothing", "", NULL, "begins with" },
        { "the star of OPTIONS", "*", NULL, "begins with" },
        { "an authority alone", "api.example.com:443", NULL, "begins with" },
        { "a relative path", "orders", NULL, "begins with" },
        { "another scheme", "ftp://api.example.com/", NULL, "begins with" },
        { "an absolute form of another host", "http://evil.example/orders", NULL, "another host" },
        { "an absolute form with user and password", "http://a@api.example.com/", NULL, "no name" },
        { "an absolute form without a host", "http:///orders", NULL, "no name" },
};

static void check_path_row(gconstpointer pointer)
{
        const PathRow *row = pointer;
        g_auto(Place) place = { 0 };
        const char *why = NULL;
        int r = place_init(&place, span_from("GET"), span_from("api.example.com"),
                           span_from(row->target), false, &why);

        if (row->path) {
                g_assert_cmpint(r, ==, 0);
                g_assert_cmpstr(place.path, ==, row->path);
                return;
        }
        g_assert_cmpint(r, ==, PLACE_E_REFUSED);
        g_assert_nonnull(strstr(why, row->why));
        g_assert_null(place.path);
}

/* What comes out is taken again as it is: nobody who normalises once more sees another place. */
static void normal_form_is_stable(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(path_rows); i++) {
                g_auto(Place) place = { 0 };
                const char *why = NULL;

                if (!path_rows[i].path)
                        continue;
                g_assert_cmpint(place_init(&place, span_from("GET"), SPAN_EMPTY,
                                           span_from(path_rows[i].path), false, &why),
                                ==, 0);
                g_assert_cmpstr(place.path, ==, path_rows[i].path);
        }
}

static int allowed_path(const char *target, Place *ret)
{
        const char *why = NULL;

        return place_init(ret, span_from("GET"), SPAN_EMPTY, span_from(target), true, &why);
}

static void encoded_slash_allowed(void)
{
        static const char *const up[] = { "/a%2f..%2Fb", "/..%2fb", "/a%2F..", "/a%2f%2e%2e" };
        g_auto(Place) place = { 0 };

        g_assert_cmpint(allowed_path("/group%2fproject/x", &place), ==, 0);
        g_assert_cmpstr(place.path, ==, "/group%2Fproject/x");
        place_clear(&place);
        g_assert_cmpint(allowed_path("/a%2f..b%2Fc..d", &place), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(up); i++) {
                g_auto(Place) refused = { 0 };

                g_assert_cmpint(allowed_path(up[i], &refused), ==, PLACE_E_REFUSED);
        }
}

static void length_is_bounded(void)
{
        for (size_t size = PLACE_PATH_SIZE_MAX; size <= PLACE_PATH_SIZE_MAX + 1; size++) {
                g_autofree char *target = g_strnfill(size, 'a');
                g_auto(Place) place = { 0 };
                const char *why = NULL;

                target[0] = '/';
                g_assert_cmpint(place_init(&place, span_from("GET"), SPAN_EMPTY, span_from(target),
                                           false, &why),
                                ==, size > PLACE_PATH_SIZE_MAX ? PLACE_E_REFUSED : 0);
        }
}

typedef struct HostRow {
        const char *sentence;
        const char *host;
        const char *wanted; /* NULL: refused */
        unsigned port;
} HostRow;

static const HostRow host_rows[] = {
        { "none is none", "", "" },
        { "lower case", "API.Example.COM", "api.example.com" },
        { "the port is cut", "api.example.com:8443", "api.example.com", 8443 },
        { "a dot at the end is cut", "api.example.com.", "api.example.com" },
        { "dot and port are cut", "api.example.com.:80", "api.example.com", 80 },
        { "an IPv4 address", "127.0.0.1:80", "127.0.0.1", 80 },
        { "an IPv6 address", "[::1]:80", "[::1]", 80 },
        { "an empty port", "api.example.com:", "api.example.com" },
        { "the last port", "a:65535", "a", 65535 },
        { "a port beyond the last", "a:65536", NULL },
        { "a port that is no number", "api.example.com:80x", NULL },
        { "two ports", "api.example.com:80:81", NULL },
        { "a slash", "api.example.com/x", NULL },
        { "a user", "a@api.example.com", NULL },
        { "a comma", "a.example.com,b.example.com", NULL },
        { "an empty label", "api..example.com", NULL },
        { "a dot in front", ".example.com", NULL },
        { "two dots at the end", "example.com..", NULL },
        { "an open bracket", "[::1", NULL },
        { "something behind a bracket", "[::1]x", NULL },
        { "a space", "api example", NULL },
        { "encoded", "api%2eexample.com", NULL },
};

static void check_host_row(gconstpointer pointer)
{
        const HostRow *row = pointer;
        g_auto(Place) place = { 0 };
        const char *why = NULL;
        int r =
            place_init(&place, span_from("GET"), span_from(row->host), span_from("/"), false, &why);

        g_assert_cmpint(r, ==, row->wanted ? 0 : PLACE_E_REFUSED);
        g_assert_cmpstr(place.host, ==, row->wanted);
        g_assert_cmpuint(place.port, ==, row->port);
}

static void methods(void)
{
        static const char *const safe[] = { "GET", "HEAD", "OPTIONS", "TRACE" };
        static const char *const others[] = { "POST", "get", "", "PROPFIND", "GETX", "DELETE" };

        for (size_t i = 0; i < G_N_ELEMENTS(safe); i++)
                g_assert_false(place_method_is_unsafe(span_from(safe[i])));
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
                g_assert_true(place_method_is_unsafe(span_from(others[i])));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(path_rows); i++) {
                g_autofree char *name = g_strconcat("/place/", path_rows[i].sentence, NULL);

                g_test_add_data_func(name, &path_rows[i], check_path_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(host_rows); i++) {
                g_autofree char *name = g_strconcat("/place/host: ", host_rows[i].sentence, NULL);

                g_test_add_data_func(name, &host_rows[i], check_host_row);
        }
        g_test_add_func("/place/the normal form is its own", normal_form_is_stable);
        g_test_add_func("/place/an encoded slash, allowed, is a byte", encoded_slash_allowed);
        g_test_add_func("/place/the length is bounded", length_is_bounded);
        g_test_add_func("/place/which methods are unsafe", methods);
        return g_test_run();
}

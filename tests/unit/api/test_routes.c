/* routes: which path leads to which door, where and by which method. */
#include "api/routes.h"

typedef struct PathRow {
        const char *sentence;
        const char *path;
        RouteWhere where;
        const char *door; /* NULL: none */
        const char *rest;
} PathRow;

static const PathRow path_rows[] = {
        { "a path is matched whole", "/v1/check", ROUTE_UNIX, "check", "" },
        { "what is longer is another path", "/v1/checks", ROUTE_UNIX, NULL, NULL },
        { "a slash behind makes another path", "/v1/check/", ROUTE_UNIX, NULL, NULL },
        { "what is shorter is another path", "/v1/chec", ROUTE_UNIX, NULL, NULL },
        { "case counts", "/V1/check", ROUTE_UNIX, NULL, NULL },
        { "a doubled slash is another path", "//v1/check", ROUTE_UNIX, NULL, NULL },
        { "an escape is not decoded", "/v1/%63heck", ROUTE_UNIX, NULL, NULL },
        { "the empty path leads nowhere", "", ROUTE_UNIX, NULL, NULL },
        { "the root leads nowhere", "/", ROUTE_UNIX, NULL, NULL },
        { "/v1 is not served on TCP", "/v1/check", ROUTE_TCP, NULL, NULL },
        { "administration is not served on TCP", "/v1/reload", ROUTE_TCP, NULL, NULL },
        { "a key is distrusted on the Unix socket", "/v1/distrust", ROUTE_UNIX, "distrust", "" },
        { "no key is distrusted over TCP", "/v1/distrust", ROUTE_TCP, NULL, NULL },
        { "no doctor is called over TCP", "/v1/doctor", ROUTE_TCP, NULL, NULL },
        { "sync is a door below users", "/v1/users/sync", ROUTE_UNIX, "users-sync", "" },
        { "no account is looked up over TCP", "/v1/passwd", ROUTE_TCP, NULL, NULL },
        { "no id is assigned over TCP", "/v1/ids/assign", ROUTE_TCP, NULL, NULL },
        { "/auth/ names its policy", "/auth/orders", ROUTE_UNIX, "auth", "orders" },
        { "/auth/ is on TCP too", "/auth/orders", ROUTE_TCP, "auth", "orders" },
        { "/auth/ needs a policy", "/auth/", ROUTE_UNIX, NULL, NULL },
        { "/auth alone is no door", "/auth", ROUTE_UNIX, NULL, NULL },
        { "one byte is a policy", "/auth/a", ROUTE_UNIX, "auth", "a" },
        { "what follows the policy is part of it", "/auth/a/b", ROUTE_UNIX, "auth", "a/b" },
        { "/forward-auth/ is on TCP too", "/forward-auth/orders", ROUTE_TCP, "forward-auth",
          "orders" },
        { "/ext-authz/ is followed by policy and path", "/ext-authz/orders/a/b", ROUTE_TCP,
          "ext-authz", "orders/a/b" },
        { "/ext-authz/ needs a policy", "/ext-authz/", ROUTE_UNIX, NULL, NULL },
        { "/v1/policy-test is not served on TCP", "/v1/policy-test", ROUTE_TCP, NULL, NULL },
        { "/introspect without a policy", "/introspect", ROUTE_UNIX, "introspect", "" },
        { "/introspect/ with one", "/introspect/orders", ROUTE_UNIX, "introspect", "orders" },
        { "/introspect/ needs one", "/introspect/", ROUTE_UNIX, NULL, NULL },
        { "/introspect is on TCP too", "/introspect", ROUTE_TCP, "introspect", "" },
        { "probes are on TCP too", "/livez", ROUTE_TCP, "livez", "" },
};

static void test_path(gconstpointer data)
{
        const PathRow *row = data;
        const Route *route = routes_find(span_from(row->path), row->where);

        g_assert_cmpstr(route ? route->door : NULL, ==, row->door);
        if (route)
                g_assert_true(
                    span_equal_string(route_rest(route, span_from(row->path)), row->rest));
}

typedef struct MethodRow {
        const char *path;
        const char *method;
        bool allowed;
} MethodRow;

static const MethodRow method_rows[] = {
        { "/v1/check", "GET", true },       { "/v1/check", "HEAD", true },
        { "/v1/check", "POST", true },      { "/v1/check", "PUT", false },
        { "/v1/check", "GE", false },       { "/v1/check", "GET POST", false },
        { "/v1/check", "get", false },      { "/v1/check", "", false },
        { "/v1/distrust", "POST", true },   { "/v1/distrust", "GET", false },
        { "/v1/doctor", "GET", true },      { "/v1/doctor", "POST", false },
        { "/v1/reload", "POST", true },     { "/v1/reload", "GET", false },
        { "/v1/reload", "HEAD", false },    { "/introspect", "POST", true },
        { "/introspect", "GET", false },    { "/auth/orders", "GET", true },
        { "/auth/orders", "HEAD", true },   { "/auth/orders", "DELETE", true },
        { "/auth/orders", "PATCH", true },  { "/auth/orders", "OPTIONS", true },
        { "/auth/orders", "TRACE", false },
};

static void test_methods(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(method_rows); i++) {
                const MethodRow *row = &method_rows[i];
                const Route *route = routes_find(span_from(row->path), ROUTE_UNIX);

                g_test_message("%s %s", row->method, row->path);
                g_assert_nonnull(route);
                g_assert_cmpint(route_allows(route, span_from(row->method)), ==, row->allowed);
        }
}

static bool starts_with_v1(const char *path)
{
        return strncmp(path, "/v1/", 4) == 0;
}

static void test_table(void)
{
        size_t n;
        const Route *table = routes_table(&n);

        for (size_t i = 0; i < n; i++) {
                g_test_message("%s", table[i].path);
                g_assert_nonnull(table[i].serve);
                g_assert_true(table[i].path[0] == '/');
                g_assert_cmpint(table[i].where == ROUTE_UNIX, ==, starts_with_v1(table[i].path));
                if (table[i].access == ACCESS_ADMIN)
                        g_assert_cmpint(table[i].where, ==, ROUTE_UNIX);
                /* No row hides behind an earlier one. */
                for (size_t j = 0; j < i; j++)
                        g_assert_cmpstr(table[i].path, !=, table[j].path);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(path_rows); i++) {
                g_autofree char *name = g_strdup_printf("/routes/%s", path_rows[i].sentence);

                g_strdelimit(name + strlen("/routes/"), "/", '_');
                g_test_add_data_func(name, &path_rows[i], test_path);
        }
        g_test_add_func("/routes/methods are words of the table, and HEAD comes with GET",
                        test_methods);
        g_test_add_func("/routes/each row has a door, and _v1 is on the Unix socket alone",
                        test_table);
        return g_test_run();
}

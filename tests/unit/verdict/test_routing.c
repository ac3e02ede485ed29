/* test_routing: which route fits which place, and which sections are refused. */
#include "verdict/routing.h"

typedef struct RouteText {
        const char *name, *hosts, *paths, *methods, *policy; /* lists by ";"; NULL: left out */
        int64_t order;
} RouteText;

static PolicySet *policies;

static char **list(const char *text)
{
        return text ? g_strsplit(text, ";", -1) : NULL;
}

static Routing *compile(const RouteText *texts, size_t n, GError **error)
{
        g_autoptr(GPtrArray) settings =
            g_ptr_array_new_with_free_func((GDestroyNotify) route_settings_free);

        for (size_t i = 0; i < n; i++) {
                RouteSettings *one = g_new0(RouteSettings, 1);

                *one = (RouteSettings){ g_strdup(texts[i].name),   list(texts[i].hosts),
                                        list(texts[i].paths),      list(texts[i].methods),
                                        g_strdup(texts[i].policy), texts[i].order };
                g_ptr_array_add(settings, one);
        }
        return routing_new(settings, policies, error);
}

/* Written in another order than theirs. */
static const RouteText shop[] = {
        { "rest", NULL, NULL, NULL, "orders", 1000 },
        { "health", NULL, "/healthz;/livez", "GET;HEAD", "anonymous", 10 },
        { "invoice", "api.example.com", "/users/{user}/invoices/{number}", NULL, "billing", 20 },
        { "admin", NULL, "/admin/*", NULL, "admin", 30 },
        { "tenants", "*.tenants.example.com", NULL, NULL, "tenant", 40 },
        { "read", "api.example.com", "/articles/*", "GET", "optional:orders", 50 },
        { "root", "www.example.com", "/", NULL, "anonymous", 60 },
};

typedef struct FindRow {
        const char *sentence;
        const char *method, *host, *target;
        const char *route;
        RouteMode mode;
} FindRow;

static const FindRow find_rows[] = {
        { "an exact path", "GET", "a.example", "/healthz", "health", ROUTE_ANONYMOUS },
        { "the second of its paths", "HEAD", "", "/livez/", "health", ROUTE_ANONYMOUS },
        { "another method falls through", "POST", "a.example", "/healthz", "rest", ROUTE_REQUIRED },
        { "below an exact path is elsewhere", "GET", "a.example", "/healthz/x", "rest",
          ROUTE_REQUIRED },
        { "a name stands for one segment", "GET", "api.example.com", "/users/7/invoices/2026-1",
          "invoice", ROUTE_REQUIRED },
        { "a name does not stand for none", "GET", "api.example.com", "/users//invoices/1", "rest",
          ROUTE_REQUIRED },
        { "a name does not stand for two", "GET", "api.example.com", "/users/7/8/invoices/1",
          "rest", ROUTE_REQUIRED },
        { "a template is not a prefix", "GET", "api.example.com", "/users/7/invoices/1/pdf", "rest",
          ROUTE_REQUIRED },
        { "another host falls through", "GET", "b.example.com", "/users/7/invoices/1", "rest",
          ROUTE_REQUIRED },
        { "a prefix fits below", "GET", "", "/admin/users/7", "admin", ROUTE_REQUIRED },
        { "a prefix fits the place itself", "GET", "", "/admin", "admin", ROUTE_REQUIRED },
        { "a prefix fits with a slash at the end", "GET", "", "/admin/", "admin", ROUTE_REQUIRED },
        { "a prefix ends at a segment", "GET", "", "/administrators", "rest", ROUTE_REQUIRED },
        { "a prefix by way of a dot", "GET", "", "/./admin/./x", "admin", ROUTE_REQUIRED },
        { "a prefix by way of slashes", "GET", "", "//admin//x", "admin", ROUTE_REQUIRED },
        { "a prefix, encoded", "GET", "", "/%61dmin/x", "admin", ROUTE_REQUIRED },
        { "a prefix with parameters", "GET", "", "/admin;x=1/x", "admin", ROUTE_REQUIRED },
        { "a host below a star", "GET", "acme.tenants.example.com", "/x", "tenants",
          ROUTE_REQUIRED },
        { "a host two below a star", "GET", "eu.acme.tenants.example.com", "/x", "tenants",
          ROUTE_REQUIRED },
        { "the star's own host is none below it", "GET", "tenants.example.com", "/x", "rest",
          ROUTE_REQUIRED },
        { "a host that only ends alike", "GET", "eviltenants.example.com", "/x", "rest",
          ROUTE_REQUIRED },
        { "a host in capitals with a port", "GET", "ACME.Tenants.Example.com:443", "/x", "tenants",
          ROUTE_REQUIRED },
        { "an optional one", "GET", "api.example.com", "/articles/7", "read", ROUTE_OPTIONAL },
        { "its method is exact", "HEAD", "api.example.com", "/articles/7", "rest", ROUTE_REQUIRED },
        { "the root alone", "GET", "www.example.com", "/", "root", ROUTE_ANONYMOUS },
        { "below the root is not the root", "GET", "www.example.com", "/x", "rest",
          ROUTE_REQUIRED },
        { "the lowest order counts", "GET", "acme.tenants.example.com", "/admin/x", "admin",
          ROUTE_REQUIRED },
};

static void check_find_row(gconstpointer pointer)
{
        const FindRow *row = pointer;
        g_autoptr(GError) error = NULL;
        g_autoptr(Routing) routing = compile(shop, G_N_ELEMENTS(shop), &error);
        g_auto(Place) place = { 0 };
        RouteChoice choice;
        const char *why;

        g_assert_no_error(error);
        g_assert_cmpint(place_init(&place, span_from(row->method), span_from(row->host),
                                   span_from(row->target), false, &why),
                        ==, 0);
        g_assert_true(routing_find(routing, &place, &choice));
        g_assert_cmpstr(choice.route, ==, row->route);
        g_assert_cmpint(choice.mode, ==, row->mode);
        g_assert_cmpint(choice.policy != NULL, ==, row->mode != ROUTE_ANONYMOUS);
}

static void nothing_fits(void)
{
        g_autoptr(Routing) none = compile(NULL, 0, NULL);
        g_autoptr(Routing) all_but_last = compile(shop + 1, G_N_ELEMENTS(shop) - 1, NULL);
        g_auto(Place) place = { 0 };
        RouteChoice choice;
        const char *why;

        place_init(&place, span_from("GET"), SPAN_EMPTY, span_from("/x"), false, &why);
        g_assert_false(routing_find(none, &place, &choice));
        g_assert_false(routing_find(all_but_last, &place, &choice));
        g_assert_cmpuint(routing_size(all_but_last), ==, G_N_ELEMENTS(shop) - 1);
}

static void explained(void)
{
        g_autoptr(Routing) routing = compile(shop, G_N_ELEMENTS(shop), NULL);
        g_auto(Place) place = { 0 };
        json_t *rows, *last;
        const char *why;

        place_init(&place, span_from("POST"), span_from("api.example.com"), span_from("/admin"),
                   false, &why);
        rows = routing_explain(routing, &place);
        g_assert_cmpuint(json_array_size(rows), ==, 3);
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(rows, 0), "why")), ==,
                        "another path");
        last = json_array_get(rows, 2);
        g_assert_cmpstr(json_string_value(json_object_get(last, "route")), ==, "admin");
        g_assert_true(json_is_true(json_object_get(last, "fits")));
        json_decref(rows);
}

typedef struct BadRow {
        const char *sentence;
        RouteText route;
        const char *trouble;
} BadRow;

static const BadRow bad_rows[] = {
        { "no policy", { "r", NULL, NULL, NULL, NULL, 1 }, "policy is missing" },
        { "an unknown policy", { "r", NULL, NULL, NULL, "nobody", 1 }, "no [policy nobody]" },
        { "an optional unknown policy",
          { "r", NULL, NULL, NULL, "optional:nobody", 1 },
          "no [policy nobody]" },
        { "a path without a slash", { "r", NULL, "orders", NULL, "orders", 1 }, "begin with" },
        { "a path with dots", { "r", NULL, "/a/../b", NULL, "orders", 1 }, "plain spelling" },
        { "a path with double slashes",
          { "r", NULL, "/a//b", NULL, "orders", 1 },
          "plain spelling" },
        { "a path encoded needlessly", { "r", NULL, "/%61", NULL, "orders", 1 }, "plain spelling" },
        { "a path encoded in lower case",
          { "r", NULL, "/a%3fb", NULL, "orders", 1 },
          "plain spelling" },
        { "a star in the midst", { "r", NULL, "/a/*/b", NULL, "orders", 1 }, "plain spelling" },
        { "a star within a segment", { "r", NULL, "/a*", NULL, "orders", 1 }, "plain spelling" },
        { "a name with more in its segment",
          { "r", NULL, "/a/{id}.json", NULL, "orders", 1 },
          "plain spelling" },
        { "a name without a name", { "r", NULL, "/a/{}", NULL, "orders", 1 }, "plain spelling" },
        { "a host with a port", { "r", "a.example:80", NULL, NULL, "orders", 1 }, "host name" },
        { "a host of a star alone", { "r", "*", NULL, NULL, "orders", 1 }, "host name" },
        { "a star within a host",
          { "r", "api.*.example.com", NULL, NULL, "orders", 1 },
          "host name" },
        { "an empty host", { "r", "a.example;", NULL, NULL, "orders", 1 }, "host name" },
        { "a method in small letters", { "r", NULL, NULL, "get", "orders", 1 }, "capital" },
        { "a method of nothing", { "r", NULL, NULL, "GET;", "orders", 1 }, "capital" },
        { "the order of another", { "r", NULL, NULL, NULL, "orders", 7 }, "same order = 7" },
};

static void check_bad_row(gconstpointer pointer)
{
        const BadRow *row = pointer;
        const RouteText texts[] = { row->route, { "other", NULL, NULL, NULL, "orders", 7 } };
        g_autoptr(GError) error = NULL;
        g_autoptr(Routing) routing = compile(texts, 2, &error);

        g_assert_null(routing);
        g_assert_nonnull(strstr(error->message, "[route r]"));
        g_assert_nonnull(strstr(error->message, row->trouble));
}

static PolicySet *make_policies(void)
{
        static const char *const names[] = { "orders", "billing", "admin", "tenant" };
        static const PolicyIssuer issuers[] = { { "main", false } };
        g_autoptr(GPtrArray) array = g_ptr_array_new_with_free_func((GDestroyNotify) policy_unref);

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autoptr(PolicySettings) settings = policy_settings_new(names[i]);

                settings->audience = g_strsplit(names[i], ";", -1);
                g_ptr_array_add(array, policy_new(settings, issuers, 1, NULL));
        }
        return policy_set_new(array);
}

int main(int argc, char **argv)
{
        int result;

        g_test_init(&argc, &argv, NULL);
        policies = make_policies();
        for (size_t i = 0; i < G_N_ELEMENTS(find_rows); i++) {
                g_autofree char *name = g_strconcat("/routing/", find_rows[i].sentence, NULL);

                g_test_add_data_func(name, &find_rows[i], check_find_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad_rows); i++) {
                g_autofree char *name =
                    g_strconcat("/routing/refused: ", bad_rows[i].sentence, NULL);

                g_test_add_data_func(name, &bad_rows[i], check_bad_row);
        }
        g_test_add_func("/routing/nothing fits", nothing_fits);
        g_test_add_func("/routing/explained up to the one that fits", explained);
        result = g_test_run();
        policy_set_unref(policies);
        return result;
}

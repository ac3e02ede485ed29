#include "api/routes.h"

#include "api/doors.h"

/* A subrequest comes with the method of the request that it asks for, or with GET. */
#define ANY_METHOD "GET POST PUT PATCH DELETE OPTIONS"

static const Route routes[] = {
        /* path          methods     door       where       access         serve */
        { "/v1/check", "GET POST", "check", ROUTE_UNIX, ACCESS_ANYONE, door_check },
        { "/v1/explain", "POST", "explain", ROUTE_UNIX, ACCESS_ADMIN, door_explain },
        { "/v1/status", "GET", "status", ROUTE_UNIX, ACCESS_ADMIN, door_status },
        { "/v1/issuers", "GET", "issuers", ROUTE_UNIX, ACCESS_ADMIN, door_issuers },
        { "/v1/keys", "GET", "keys", ROUTE_UNIX, ACCESS_ADMIN, door_keys },
        { "/v1/config", "GET", "config", ROUTE_UNIX, ACCESS_ADMIN, door_config },
        { "/v1/policy-test", "POST", "policy-test", ROUTE_UNIX, ACCESS_ADMIN, door_policy_test },
        { "/v1/reload", "POST", "reload", ROUTE_UNIX, ACCESS_ADMIN, door_reload },
        { "/v1/distrust", "POST", "distrust", ROUTE_UNIX, ACCESS_ADMIN, door_distrust },
        { "/v1/doctor", "GET", "doctor", ROUTE_UNIX, ACCESS_ADMIN, door_doctor },
        { "/v1/passwd", "GET", "passwd", ROUTE_UNIX, ACCESS_ANYONE, door_passwd },
        { "/v1/group", "GET", "group", ROUTE_UNIX, ACCESS_ANYONE, door_group },
        { "/v1/users", "GET", "users", ROUTE_UNIX, ACCESS_ADMIN, door_users },
        { "/v1/users/sync", "POST", "users-sync", ROUTE_UNIX, ACCESS_ADMIN, door_users_sync },
        { "/v1/groups", "GET", "groups", ROUTE_UNIX, ACCESS_ADMIN, door_groups },
        { "/v1/id", "GET", "id", ROUTE_UNIX, ACCESS_ADMIN, door_id },
        { "/v1/ids", "GET", "ids", ROUTE_UNIX, ACCESS_ADMIN, door_ids },
        { "/v1/ids/assign", "POST", "ids-assign", ROUTE_UNIX, ACCESS_ADMIN, door_ids_assign },
        { "/v1/login/begin", "POST", "login-begin", ROUTE_UNIX, ACCESS_ROOT, door_login },
        { "/v1/login/next", "POST", "login-next", ROUTE_UNIX, ACCESS_ROOT, door_login },
        { "/v1/login/cancel", "POST", "login-cancel", ROUTE_UNIX, ACCESS_ROOT, door_login },
        { "/v1/login/account", "POST", "login-account", ROUTE_UNIX, ACCESS_ROOT, door_login },
        { "/v1/login/session", "POST", "login-session", ROUTE_UNIX, ACCESS_ROOT, door_login },
        { "/v1/login/password", "POST", "login-password", ROUTE_UNIX, ACCESS_ROOT, door_login },
        { "/v1/ssh-keys", "GET", "ssh-keys", ROUTE_UNIX, ACCESS_ANYONE, door_ssh_keys },
        { "/v1/sessions", "GET", "sessions", ROUTE_UNIX, ACCESS_ADMIN, door_sessions },
        { "/auth/", ANY_METHOD, "auth", ROUTE_BOTH, ACCESS_ANYONE, door_auth },
        { "/forward-auth/", ANY_METHOD, "forward-auth", ROUTE_BOTH, ACCESS_ANYONE, door_auth },
        { "/ext-authz/", ANY_METHOD, "ext-authz", ROUTE_BOTH, ACCESS_ANYONE, door_ext_authz },
        { "/introspect", "POST", "introspect", ROUTE_BOTH, ACCESS_ANYONE, door_introspect },
        { "/introspect/", "POST", "introspect", ROUTE_BOTH, ACCESS_ANYONE, door_introspect },
        { "/livez", "GET", "livez", ROUTE_BOTH, ACCESS_ANYONE, door_livez },
        { "/readyz", "GET", "readyz", ROUTE_BOTH, ACCESS_ANYONE, door_readyz },
        { "/metrics", "GET", "metrics", ROUTE_BOTH, ACCESS_ANYONE, door_metrics },
        { "/jwks.json", "GET", "jwks", ROUTE_BOTH, ACCESS_ANYONE, door_jwks },
};

const Route *routes_table(size_t *ret_n)
{
        *ret_n = G_N_ELEMENTS(routes);
        return routes;
}

static bool path_fits(const char *pattern, Span path)
{
        size_t len = strlen(pattern);

        if (pattern[len - 1] == '/')
                return path.len > len && memcmp(path.data, pattern, len) == 0;
        return span_equal_string(path, pattern);
}

const Route *routes_find(Span path, RouteWhere where)
{
        for (size_t i = 0; i < G_N_ELEMENTS(routes); i++)
                if ((routes[i].where & where) && path_fits(routes[i].path, path))
                        return &routes[i];
        return NULL;
}

Span route_rest(const Route *route, Span path)
{
        size_t len = strlen(route->path);

        return path.len > len ? span_of(path.data + len, path.len - len) : SPAN_EMPTY;
}

bool route_allows(const Route *route, Span method)
{
        if (span_equal_string(method, "HEAD"))
                method = span_from("GET");
        for (const char *word = route->methods; *word; word += strspn(word, " ")) {
                size_t len = strcspn(word, " ");

                if (span_equal(method, span_of(word, len)))
                        return true;
                word += len;
        }
        return false;
}

/* routes: which door is served where, to whom, by which methods: the one table.
 *
 * A path is matched whole, or, when the table's ends in "/", as a prefix with at least one more
 * byte. What the table does not name does not exist. */
#pragma once

#include "api/exchange.h"

typedef enum RouteWhere { ROUTE_UNIX = 1, ROUTE_TCP = 2, ROUTE_BOTH = 3 } RouteWhere;
typedef enum RouteAccess {
        ACCESS_ANYONE,
        ACCESS_ADMIN, /* root, the daemon's user, the admin group */
        ACCESS_ROOT,  /* root alone: logins */
} RouteAccess;

struct Route {
        const char *path;
        const char *methods; /* space-separated; HEAD comes with GET */
        const char *door;    /* the metric label and log word */
        RouteWhere where;
        RouteAccess access;
        void (*serve)(Exchange *exchange);
};

/* routes_find: NULL when no path fits. */
const Route *routes_find(Span path, RouteWhere where);
/* route_rest: what follows the route's path, for those that end in "/"; else empty. */
Span route_rest(const Route *route, Span path);
bool route_allows(const Route *route, Span method);
const Route *routes_table(size_t *ret_n);

/* routing: which policy holds at a place: the [route NAME] sections, compiled.
 *
 * A route says host (exact, or "*.example.com": one label or more), path (exact, a prefix that ends
 * in a slash and a star, or segments with {name} that stand for one each) and methods; what it
 * leaves out fits all. The first that fits by order counts; two of the same order are refused, so
 * that the answer never hangs on the order of files. No fit is an answer of its own. Immutable,
 * counted by references (atomic); swapped with the policies. */
#pragma once

#include "base/place.h"
#include "verdict/policy.h"

#define ROUTES_MAX         4096
#define ROUTE_SEGMENTS_MAX 64

typedef struct RouteSettings {
        char *name;
        char **hosts;   /* NULL: any */
        char **paths;   /* NULL: any */
        char **methods; /* NULL: any */
        char *policy;   /* NAME, "anonymous" or "optional:NAME" */
        int64_t order;  /* required; the lowest first */
        char **limits;  /* beside those of its policy, see verdict/limit.h; NULL: none */
        size_t limit_slots;
} RouteSettings;

void route_settings_free(RouteSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RouteSettings, route_settings_free)

typedef enum RouteMode {
        ROUTE_REQUIRED,  /* a good token */
        ROUTE_OPTIONAL,  /* identity headers with a good token; blank ones without any */
        ROUTE_ANONYMOUS, /* no token is looked at; blank headers of every policy */
} RouteMode;

typedef struct RouteChoice {
        const char *route; /* interned name */
        RouteMode mode;
        const Policy *policy; /* NULL: anonymous; borrowed from the Routing's policies */
} RouteChoice;

typedef struct Routing Routing;

/* routing_new: the error is one sentence that names the route and its setting. */
Routing *routing_new(const GPtrArray *settings, const PolicySet *policies, GError **error);
Routing *routing_ref(Routing *routing);
void routing_unref(Routing *routing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Routing, routing_unref)
size_t routing_size(const Routing *routing);
/* routing_find: false: no route fits. Allocates nothing. */
bool routing_find(const Routing *routing, const Place *place, RouteChoice *ret);
/* routing_explain: each route in order and why it fits or not, as a new JSON array of {"route",
 * "order","fits","why"}, up to the one that fits. */
json_t *routing_explain(const Routing *routing, const Place *place);

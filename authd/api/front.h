/* front: what stands in front of the policies at the doors of proxies: whose word on a request is
 * believed, how addresses are throttled, and of each policy and route what only a door needs.
 *
 * Nobody is believed by default. A proxy is known by the kernel's word (SO_PEERCRED) on the Unix
 * socket, by its address on TCP. Built, sealed, then immutable but for its buckets, and counted by
 * references (atomic); swapped with the policies. */
#pragma once

#include "api/source.h"
#include "verdict/limit.h"
#include "verdict/policy.h"
#include "verdict/routing.h"

#define FRONT_PROXIES_MAX 256
/* Header names of all policies together, where routes choose among them: each yes carries all. */
#define FRONT_HEADERS_MAX           48
#define FRONT_AUTH_FAILURES_DEFAULT "100/m burst 100"
#define FRONT_AUTH_FAILURES_NONE    "none"

/* FrontSettings: as written in [authd]. */
typedef struct FrontSettings {
        char **trusted_proxies; /* uid:33, user:NAME, an address or CIDR; NULL: nobody */
        bool allow_encoded_slash;
        char *auth_failures; /* NULL: FRONT_AUTH_FAILURES_DEFAULT */
} FrontSettings;

void front_settings_clear(FrontSettings *settings);

/* PolicyFront: of one policy. Owned by its Front. */
typedef struct PolicyFront {
        const Policy *policy; /* a reference */
        Sources *sources;
        Limits *limits;
        char **limit_lines;
        size_t limit_slots;
        bool allow_preflight;
        GPtrArray *other_names; /* headers that other policies hand on and this one does not */
} PolicyFront;

typedef struct Front Front;

/* front_new, front_add, front_add_route, front_seal: the error is one sentence that begins with the
 * setting. */
Front *front_new(const FrontSettings *settings, GError **error);
bool front_add(Front *front, const PolicySettings *settings, const Policy *policy, GError **error);
bool front_add_route(Front *front, const RouteSettings *settings, GError **error);
/* front_seal: after the last policy; has_routes: somebody may be answered by any of them. */
bool front_seal(Front *front, bool has_routes, GError **error);
/* front_keep_buckets: those of before whose limit is the same. Before the front is shared. */
void front_keep_buckets(Front *front, const Front *before);
Front *front_ref(Front *front);
void front_unref(Front *front);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Front, front_unref)

bool front_trusts(const Front *front, const Peer *peer);
bool front_allows_encoded_slash(const Front *front);
/* front_policy: NULL for a policy that was not added. */
const PolicyFront *front_policy(const Front *front, const Policy *policy);
/* front_route_limits: by its interned name; NULL for none and for a route that was not added. */
Limits *front_route_limits(const Front *front, const char *route_name);
/* front_names: the headers of all policies, each once. */
const GPtrArray *front_names(const Front *front);
/* front_is_throttled: address has had too many failed authentications; *ret says how long. */
bool front_is_throttled(const Front *front, Span address, int64_t now_usec, LimitAnswer *ret);
/* front_note_failure: one more. Empty addresses are nobody's. */
void front_note_failure(Front *front, Span address, int64_t now_usec);

typedef void (*FrontLimitsSeen)(const char *of, const Limits *limits, void *userdata);

/* front_each_limits: each set of limits; of: "policy NAME", "route NAME" or "auth_failures". */
void front_each_limits(const Front *front, FrontLimitsSeen seen, void *userdata);

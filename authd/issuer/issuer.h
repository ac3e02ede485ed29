/* issuer: the providers that we trust, kept up to date on the main thread.
 *
 * Issuers owns one state machine an issuer: discovery (the document's issuer must equal the
 * configured url), then keys, refreshed in the background ahead of need; a failure keeps the last
 * good keys and backs off with jitter. Nothing here waits for a provider. Whenever the picture
 * changes, a new IssuerView is built and handed to changed(); each good answer is such a change,
 * for it says until when the keys are fresh. Unknown kids come by letter to issuers_want_key: one
 * fetch for all who wait, a cooldown between fetches, and a memory of kids that a fresh set did not
 * have, so that unsigned garbage buys no fetches. Main thread only. Logs. */
#pragma once

#include "base/metric.h"
#include "base/store.h"
#include "issuer/clientauth.h"
#include "issuer/grant.h"
#include "issuer/introspect.h"
#include "issuer/view.h"
#include "net/fetch.h"

#include <jansson.h>

/* Refreshing: Cache-Control within these bounds; without one, the default. */
#define ISSUER_REFRESH_MIN_SEC     30
#define ISSUER_REFRESH_MAX_SEC     (15 * 60)
#define ISSUER_REFRESH_DEFAULT_SEC (5 * 60)

/* When to ask again, in parts of the time that an answer is fresh: between these two, by chance, so
 * that it never ceases to be fresh while the provider is well and a fleet does not ask together. */
#define ISSUER_REFRESH_FROM 0.8
#define ISSUER_REFRESH_TO   0.9

/* After a failure: the first retry, doubled by each further one, with jitter. */
#define ISSUER_RETRY_MIN_USEC (1 * G_USEC_PER_SEC)
#define ISSUER_RETRY_MAX_USEC (60 * G_USEC_PER_SEC)

/* How long a provider's Retry-After (429, 503) keeps us from asking, for whatever reason. */
#define ISSUER_RETRY_AFTER_MAX_SEC (5 * 60)

/* Unknown kids: the least time between two fetches that they cause; kids whose askers may wait that
 * out (more are told UNAVAILABLE: nobody asked for theirs); askers parked on one issuer (more are
 * told UNAVAILABLE). */
#define ISSUER_COOLDOWN_USEC        (1 * G_USEC_PER_SEC)
#define ISSUER_COOLDOWN_WAITING_MAX 32
#define ISSUER_WAITING_MAX          1024

/* Negative memory: how many kids (the oldest are forgotten first), and for how long. */
#define ISSUER_ABSENT_KIDS_MAX    1024
#define ISSUER_ABSENT_SEC         10

#define ISSUER_DISCOVERY_SIZE_MAX (256 * 1024)
#define ISSUERS_MAX               256

typedef struct IssuerSettings {
        char *name;
        char *url;
        char *fetch_url; /* NULL: url. The document's own URLs under url are moved under it */
        char *ca_file;   /* NULL: the system's */
        char *keys_file; /* NULL; a static JWKS: nothing is ever fetched */
        AlgSet algorithms;
        int64_t leeway_sec;
        /* How old keys may get while the provider cannot be asked: counted from when the last good
         * answer ceased to be fresh. A policy's keys_stale_for may be shorter, never longer. */
        int64_t stale_keys_max_sec;
        char *proxy;            /* NULL: none; without user and password */
        char *fetch_token_file; /* a bearer token sent with discovery and keys (Kubernetes); NULL */
        char **distrust_kid;    /* kids or thumbprints that never count; NULL: none */
        ClientAuthSettings client; /* for introspection */
        char *introspection_url;   /* NULL: the discovery document's */
        bool introspection_signed; /* unsigned answers are refused (RFC 9701) */
        unsigned introspection_calls_max;
} IssuerSettings;

IssuerSettings *issuer_settings_copy(const IssuerSettings *settings);
void issuer_settings_free(IssuerSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IssuerSettings, issuer_settings_free)

typedef enum IssuerKeysAnswer {
        ISSUER_KEYS_ASKED,    /* the provider was asked after the question: the view is fresh */
        ISSUER_KEYS_COOLDOWN, /* as fresh as can be: a fetch a moment ago showed that it is absent
                               */
        ISSUER_KEYS_UNAVAILABLE, /* the provider could not be asked */
} IssuerKeysAnswer;

typedef void (*IssuerKeysDone)(IssuerKeysAnswer answer, void *userdata);

typedef struct IssuersHooks {
        /* A new view is there; called before the IssuerKeysDone of those who waited for it. The
         * hook hands it to every worker by a letter; answers travel behind it in the same
         * mailboxes, so whoever gets an answer already has the view. */
        void (*changed)(IssuerView *view, void *userdata);
        void *userdata;
        /* Labels issuer, call (discovery, keys), result (ok, unreachable, status, unusable).
         * NULL: not counted. */
        MetricFamily *upstream_calls;
} IssuersHooks;

typedef struct Issuers Issuers;

typedef enum IssuersDistrustAnswer {
        ISSUERS_E_UNKNOWN_ISSUER = 1,
        ISSUERS_E_NOT_THERE,   /* to trust again what is not distrusted (or by the settings only) */
        ISSUERS_E_FULL,        /* not in force */
        ISSUERS_E_NOT_LASTING, /* in force until the restart: it cannot be written */
} IssuersDistrustAnswer;

/* IssuerOutage: what one issuer is being lived on. */
typedef struct IssuerOutage {
        const char *issuer; /* interned */
        bool has_keys;      /* false: never had any, or past stale_keys_max */
        int64_t
            keys_stale_since_usec; /* monotonic: when they ceased to be fresh; 0: they are fresh */
        int64_t stale_keys_max_usec;
        bool introspects;
        int64_t introspection_failing_since_usec; /* monotonic; 0: no */
} IssuerOutage;

/* issuers_new: store is borrowed; NULL: nothing outlives the process. */
Issuers *issuers_new(GMainContext *context, Fetcher *fetcher, Store *store,
                     const IssuersHooks *hooks);
/* issuers_configure: takes the settings (array of IssuerSettings, copied), starts what is new,
 * keeps the keys of issuers whose url, fetch_url, ca_file and keys_file did not change, forgets the
 * rest, and calls changed() once. A keys_file that cannot be used is an error, and nothing is
 * changed then. */
bool issuers_configure(Issuers *issuers, GPtrArray *settings, bool allow_development,
                       GError **error);
/* issuers_want_key: done is called exactly once, at once or later, at the latest with the second
 * fetch from now; the asker keeps its own deadline. In done the caller may do what it likes, even
 * issuers_free. name: IssuerFacts.name; one that is no longer configured is UNAVAILABLE. */
void issuers_want_key(Issuers *issuers, const char *name, Span kid, IssuerKeysDone done,
                      void *userdata);
/* issuers_introspect: done as in introspect.h; a name that is no longer configured, or of whom we
 * are no client, is UNAVAILABLE. */
void issuers_introspect(Issuers *issuers, const char *name, Span token, Claims *own,
                        IntrospectDone done, void *userdata);
/* issuers_distrust: key is a kid or thumbprint, known or not: it may come. When the picture changes
 * a view is published before this returns. 0, an IssuersDistrustAnswer, or -EINVAL: no key has such
 * a name. */
int issuers_distrust(Issuers *issuers, const char *name, const char *key, bool distrust);
/* issuers_ready: every issuer has keys no older than its stale_keys_max, or *ret_missing (may be
 * NULL) names the first that has none. */
bool issuers_ready(const Issuers *issuers, const char **ret_missing);
size_t issuers_size(const Issuers *issuers);
void issuers_outage(const Issuers *issuers, size_t index, IssuerOutage *ret);
/* issuers_settings, _ca_pem: borrowed until the next issuers_configure or turn of the loop; NULL:
 * no such issuer, or (ca_pem) the system's authorities. */
const IssuerSettings *issuers_settings(const Issuers *issuers, const char *name);
const char *issuers_ca_pem(const Issuers *issuers, const char *name);
/* IssuerEndpoints: each may be NULL. */
typedef struct IssuerEndpoints {
        const char *token, *device, *push;
} IssuerEndpoints;

/* issuers_endpoints: of the discovery document that serves now, borrowed until the next turn of
 * the loop. False: no such issuer, or no document yet. */
bool issuers_endpoints(const Issuers *issuers, const char *name, IssuerEndpoints *ret);
/* issuers_grant_target: all of a GrantTarget, borrowed likewise. False: also when we are no client
 * of this issuer, or its ca_file is of no use: the system's authorities would be trusted. */
bool issuers_grant_target(const Issuers *issuers, const char *name, GrantTarget *ret);
/* issuers_status: a new JSON array, one object an issuer: name, url, keys (array of kid, kty, crv,
 * bits, algs, distrusted), keys_at, next_refresh_at, state ("ready", "waiting", "failing",
 * "static"), last_error, development, fresh_until, stale_since, stale_end_at (times of the wall
 * clock, or null), from_snapshot, distrusted (array of key, at, setting), introspection (null, or
 * client_id, method, endpoint, state "ready", "failing", "open", "not_permitted",
 * "unknown_endpoint", in_flight, waiting, failures, last_error). */
json_t *issuers_status(const Issuers *issuers);
void issuers_free(Issuers *issuers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Issuers, issuers_free)

/* introspect: asking one issuer about tokens (RFC 7662), so that it is asked no more than it must.
 *
 * Equal questions share one call; a limit of calls under way, a bounded queue behind it; a breaker
 * that opens after failures in a row and lets one call through when its time is over. What comes
 * back is one of four things, never two: active, inactive, "this client may not know", and "could
 * not ask". active:false says nothing when the asking client is missing in the token's own aud:
 * Keycloak ≥ 26.6.2 answers so for lack of permission. Signed answers
 * (application/token-introspection+jwt, RFC 9701) are verified by the issuer's keys. Nothing is
 * kept here: who asked keeps the answer. One issuer's, main thread. Logs. */
#pragma once

#include "issuer/clientauth.h"
#include "base/metric.h"
#include "token/claims.h"
#include "token/jwk.h"

#define INTROSPECT_CALL_USEC      (5 * G_USEC_PER_SEC) /* one call */
#define INTROSPECT_SIZE_MAX       (256 * 1024)
#define INTROSPECT_CALLS_DEFAULT  16 /* under way at one time */
#define INTROSPECT_CALLS_MAX      256
#define INTROSPECT_WAITING_MAX    4096        /* askers not yet told; more are UNAVAILABLE */
#define INTROSPECT_TOKEN_SIZE_MAX (32 * 1024) /* a longer one is UNAVAILABLE */
#define INTROSPECT_BREAKER_AFTER  5           /* failures in a row */
#define INTROSPECT_BREAKER_MIN_USEC                                                                \
        (1 * G_USEC_PER_SEC)                              /* doubled by each further one, jittered \
                                                           */
#define INTROSPECT_BREAKER_MAX_USEC (30 * G_USEC_PER_SEC) /* and of a Retry-After */
#define INTROSPECT_WARN_USEC        (60 * G_USEC_PER_SEC) /* between two warnings not_permitted */
/* Lines about failures and their ends in such a time, however a provider flaps. */
#define INTROSPECT_TOLD_MAX  16
#define INTROSPECT_TOLD_USEC (60 * G_USEC_PER_SEC)

typedef enum IntrospectResult {
        INTROSPECT_UNAVAILABLE, /* zero: nobody said anything */
        INTROSPECT_ACTIVE,
        INTROSPECT_INACTIVE,
        INTROSPECT_NOT_PERMITTED, /* active:false, and we are not in the token's aud */
} IntrospectResult;

typedef struct IntrospectAnswer {
        IntrospectResult result;
        Claims *claims; /* ACTIVE: the answer's, filled with the token's own, which win; borrowed */
        int64_t asked_usec;  /* monotonic: when the call began */
        const char *trouble; /* UNAVAILABLE, NOT_PERMITTED: one sentence */
} IntrospectAnswer;

typedef void (*IntrospectDone)(const IntrospectAnswer *answer, void *userdata);

/* IntrospectTarget: whom to ask and as whom; borrowed for each introspector_configure. */
typedef struct IntrospectTarget {
        const char *issuer; /* interned name */
        const char *issuer_url;
        const char *endpoint; /* NULL: not known yet: every question is UNAVAILABLE */
        const ClientAuthSettings *client;
        const char *ca_pem;
        const char *proxy;
        unsigned calls_max;
        bool demand_signed; /* an unsigned answer is UNAVAILABLE */
        KeySet *keys;       /* for signed answers; NULL: none yet */
        AlgSet algorithms;
} IntrospectTarget;

typedef struct IntrospectStatus {
        unsigned n_calls, n_waiting; /* questions under way, and in the queue */
        unsigned n_failures;         /* in a row */
        int64_t failing_since_usec;  /* monotonic; 0: the last call was answered */
        int64_t open_until_usec;     /* the breaker; 0: closed */
        const char *last_error;      /* NULL: none; borrowed */
        bool not_permitted;          /* the last answers were, and none was active since */
} IntrospectStatus;

typedef struct Introspector Introspector;

/* introspector_new: calls are counted as call "introspection" in upstream_calls (may be NULL). */
Introspector *introspector_new(Fetcher *fetcher, MetricFamily *upstream_calls);
/* introspector_configure: once before the first question, then whenever something changes. Another
 * provider, client or way to it: what is under way is asked again, what was learned is forgotten.
 */
void introspector_configure(Introspector *introspector, const IntrospectTarget *target);
/* introspector_ask: done is called exactly once, at once or later. own: the claims of a token whose
 * signature held; NULL: it is opaque. Both are copied or referenced. */
void introspector_ask(Introspector *introspector, Span token, Claims *own, IntrospectDone done,
                      void *userdata);
void introspector_status(const Introspector *introspector, IntrospectStatus *ret);
/* introspector_free: who still waits is told UNAVAILABLE. */
void introspector_free(Introspector *introspector);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Introspector, introspector_free)

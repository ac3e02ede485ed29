/* api: what a door sees of the worker that it stands on.
 *
 * One Api a worker, on its thread, owned by worker.c, which swaps view and policies between two
 * requests. Doors read it and never keep a pointer out of it past the request, but for references.
 * What a door cannot answer on the worker's thread it asks of the main thread: keys through judge,
 * administration through api_ask_main. */
#pragma once

#include "api/clients.h"
#include "api/front.h"
#include "base/metric.h"
#include "net/server.h"
#include "verdict/check.h"
#include "verdict/pending.h"
#include "verdict/routing.h"

/* A parked check: past it the verdict is unavailable. A worker notices within 50 ms, so that the
 * answer is there within 2 s. */
#define API_PARK_USEC (1900 * INT64_C(1000))
/* A question to the main thread; MAIN_DOCTOR, which asks the provider several things; those which
 * go through all of its people. */
#define API_MAIN_USEC    (5 * G_USEC_PER_SEC)
#define API_DOCTOR_USEC  (40 * G_USEC_PER_SEC)
#define API_PEOPLE_USEC  (600 * G_USEC_PER_SEC)
#define API_AWAITING_MAX 2048 /* of those at one time, a worker; more are answered 503 */
/* Of these, for the doors of root alone: any local user may ask about people and keys as often as
 * they like, and nobody's login is to wait for that. */
#define API_AWAITING_ROOT 512

typedef struct Exchange Exchange;
typedef struct Api Api;

/* MainQuestion: what only the main thread can say or do. */
typedef enum MainQuestion {
        MAIN_STATUS,
        MAIN_ISSUERS,
        MAIN_KEYS, /* argument: an issuer's name, or NULL for all */
        MAIN_CONFIG,
        MAIN_RELOAD,
        MAIN_READY,
        MAIN_METRICS,
        MAIN_DISTRUST, /* argument: {"issuer","key","trust"} */
        MAIN_DOCTOR,   /* argument: an issuer's name */
        /* People as accounts; argument: a JSON object, of the query's parameters as strings or the
         * body. */
        MAIN_PASSWD,       /* name, uid or nothing */
        MAIN_GROUP,        /* name, gid, user or nothing */
        MAIN_USERS,        /* after, limit, q */
        MAIN_GROUPS,       /* after, limit */
        MAIN_ID,           /* name */
        MAIN_IDS,          /* after, limit */
        MAIN_USERS_SYNC,   /* force, or nothing */
        MAIN_IDS_ASSIGN,   /* dry_run */
        MAIN_LOGIN_BEGIN,  /* argument: the form, which may hold a secret: erased by who reads it */
        MAIN_LOGIN_NEXT,   /* the same */
        MAIN_LOGIN_CANCEL, /* the same */
        MAIN_LOGIN_ACCOUNT,  /* the same */
        MAIN_LOGIN_SESSION,  /* the same */
        MAIN_LOGIN_PASSWORD, /* the same */
        MAIN_SSH_KEYS,       /* argument: a user's name */
        MAIN_SESSIONS,
        _MAIN_QUESTION_MAX,
} MainQuestion;

typedef struct MainAnswer {
        unsigned status;
        const char *content_type; /* static; NULL: application/json */
        char *body;               /* owned */
} MainAnswer;

typedef struct ApiMetrics {
        MetricFamily *verdicts;        /* issuer, policy, door, reason */
        MetricFamily *latency;         /* door */
        MetricFamily *refused;         /* door, error: questions that got no verdict */
        MetricFamily *passed;          /* policy, door, why: requests let through without a token */
        MetricFamily *limited;         /* policy, route, limit: questions over a rate */
        uint64_t *by_class;            /* verdicts by VerdictClass, counted atomically */
        MetricFamily *shadow_verdicts; /* policy, reason */
} ApiMetrics;

typedef struct ApiHooks {
        /* One letter to the main thread; the answer comes as pending_resolve(api->pending, …). */
        void (*ask_keys)(Api *api, const CheckNeeds *needs);
        /* The same; the letter takes a copy of token and a reference of own (NULL: opaque). By the
         * time of the answer, what the issuer said is in the checker's answers. */
        void (*ask_introspection)(Api *api, const CheckNeeds *needs, Span token, Claims *own);
        /* One letter; the answer comes as api_main_answered(api, id, …). Owns argument. */
        void (*ask_main)(Api *api, uint64_t id, MainQuestion question, char *argument);
        /* Something waits now: the worker sees to api_expire. */
        void (*watch_deadlines)(Api *api);
} ApiHooks;

struct Api {
        const ApiHooks *hooks;
        const ApiMetrics *metrics;
        Checker *checker;
        AssertionSigner *signer;
        IssuerView *view;
        PolicySet *policies;
        Clients *clients;
        Routing *routing;
        Front *front;
        const Nonces *nonces; /* NULL: no proof is ever told one */
        Pending *pending;
        GHashTable *awaiting; /* id → Exchange, for ask_main */
        uint64_t last_id;
        uid_t own_uid;
        gid_t admin_gid;
        bool has_admin_gid;
        void *worker;
};

void api_init(Api *api, const ApiHooks *hooks, const ApiMetrics *metrics, Checker *checker,
              void *worker);
/* api_deinit: whoever still waits is answered 503 or unavailable. */
void api_deinit(Api *api);

/* api_ask_main: parks the exchange; the answer ends it. */
void api_ask_main(Api *api, Exchange *exchange, MainQuestion question, char *argument);
void api_main_answered(Api *api, uint64_t id, MainAnswer *answer);
/* api_expire: answers whoever's deadline has passed; false when nobody waits any more. */
bool api_expire(Api *api, int64_t now_usec);

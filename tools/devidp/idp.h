/* idp: the development identity provider: what it holds, and which question goes to whom.
 *
 * Keycloak's URL layout and words (26.7, compared with the real one), for a realm out of a file. It
 * is no security boundary: passwords stand in a file, keys on a disk, and anybody on this machine
 * may ask for any token. So it listens on loopback only and marks what it makes; authd refuses that
 * unless allow_development_issuers is set. All of it lives on libmicrohttpd's one thread. */
#pragma once

#include "assertion.h"
#include "fault.h"
#include "flight.h"
#include "issued.h"
#include "keyring.h"
#include "keyset.h"
#include "otp.h"
#include "rate.h"
#include "realm.h"
#include "ticket.h"

/* authd/issuer/discovery.h and authd/verdict/check.h name these; devidp links neither. */
#define IDP_DOCUMENT_MARK "authd_development_issuer"
#define IDP_TOKEN_MARK    "authd_development"

/* CacheRule: what an endpoint says about keeping its answer. */
typedef struct CacheRule {
        bool etag; /* and 304 to whoever has it */
        bool sets_max_age;
        unsigned max_age_sec;
} CacheRule;

/* SignedAnswers: when introspection answers are signed (RFC 9701). */
typedef enum SignedAnswers { SIGNED_ASKED, SIGNED_ALWAYS, SIGNED_NEVER } SignedAnswers;

typedef struct Visits Visits; /* approve.h */

typedef struct Idp {
        Realm *realm;
        Keyring *keyring;
        Keyset *keyset;
        Issued *issued;
        Assertions *assertions;
        Flights *flights;
        Tickets *tickets;
        OtpUses *otp_uses;
        Visits *visits;
        char *base_url;   /* http://127.0.0.1:8180 */
        char *place_url;  /* base_url/realms/NAME: the endpoints are below it */
        char *issuer_url; /* the same, unless own was told another name */
        FaultOrder faults[_ENDPOINT_MAX];
        _Atomic unsigned fault_changes[_ENDPOINT_MAX]; /* held looks, on the main thread */
        CacheRule cache_rules[_ENDPOINT_MAX];
        unsigned counts[_ENDPOINT_MAX];
        unsigned not_modified[_ENDPOINT_MAX];
        Rate admin_rate;
        SignedAnswers signed_answers;
        bool tls_client_header; /* proof.h */
        gint64 clock_ahead_sec;
} Idp;

/* Question: what came in. Answer: what goes out; starts as 500. */
typedef struct Question {
        const char *method;
        const char *path;
        GHashTable *form;    /* name → value of a form body; never NULL */
        GHashTable *query;   /* the same of the query string; a name twice: joined by commas */
        GHashTable *headers; /* the same, names in lower case */
        const char *body;
} Question;

typedef struct Answer {
        unsigned status;
        char *body;               /* NULL: empty */
        const char *content_type; /* NULL: JSON */
        const char *cache_control;
        char *max_age;      /* what cache_control is, where a rule says so */
        char *etag;         /* NULL: none */
        char *authenticate; /* WWW-Authenticate, or NULL */
        gint64 date_sec;
        Fault fault; /* of this request, as its endpoint's order said when it came */
        unsigned fault_changes;
        unsigned delay_msec;
        unsigned retry_after_sec;
        char *location;
        bool sends_location, sends_retry_after;
} Answer;

/* idp_open: realm and keys; idp_name comes before the first answer. */
bool idp_open(Idp *ret, const char *realm_path, const char *state_dir, GError **error);
void idp_name(Idp *idp, const char *base_url);
void idp_clear(Idp *idp);

gint64 idp_now_sec(const Idp *idp);           /* the provider's clock */
gint64 idp_ticks_usec(const Idp *idp);        /* monotonic, and ahead as far */
const char *endpoint_name(Endpoint endpoint); /* as faults, cache rules and stats say it */
bool endpoint_from_name(const char *name, Endpoint *ret);

/* idp_answer: writes the answer and returns which endpoint it was. */
Endpoint idp_answer(Idp *idp, const Question *question, Answer *ret_answer);

void answer_json(Answer *answer, unsigned status, json_t *json); /* takes json */
void answer_error(Answer *answer, unsigned status, const char *error, const char *description);
void answer_clear(Answer *answer);
const char *question_form(const Question *question, const char *name);   /* NULL: absent or empty */
const char *question_header(const Question *question, const char *name); /* NULL: absent */

/* idp: the development identity provider: what it holds, and which question goes to whom.
 *
 * Keycloak's URL layout and words (26.7, compared with the real one), for a realm out of a file. It
 * is no security boundary: passwords stand in a file, keys on a disk, and anybody on this machine
 * may ask for any token. So it listens on loopback only and marks what it makes; authd refuses that
 * unless allow_development_issuers is set. All of it lives on libmicrohttpd's one thread. */
#pragma once

#include "fault.h"
#include "issued.h"
#include "keyring.h"
#include "realm.h"

/* authd/issuer/discovery.h and authd/verdict/check.h name these; devidp links neither. */
#define IDP_DOCUMENT_MARK "authd_development_issuer"
#define IDP_TOKEN_MARK    "authd_development"

typedef enum Endpoint {
        ENDPOINT_DISCOVERY,
        ENDPOINT_CERTS,
        ENDPOINT_TOKEN,
        ENDPOINT_INTROSPECT,
        ENDPOINT_USERINFO,
        ENDPOINT_REALM,
        ENDPOINT_OWN, /* /devidp/…: never at fault, never counted */
        _ENDPOINT_MAX,
} Endpoint;

typedef struct Idp {
        Realm *realm;
        Keyring *keyring;
        Issued *issued;
        char *base_url;   /* http://127.0.0.1:8180 */
        char *issuer_url; /* base_url/realms/NAME */
        _Atomic Fault
            faults[_ENDPOINT_MAX]; /* the main thread looks when it releases a connection */
        unsigned counts[_ENDPOINT_MAX];
} Idp;

/* Question: what came in. Answer: what goes out; starts as 500. */
typedef struct Question {
        const char *method;
        const char *path;
        GHashTable *form;          /* name → value of a form body; never NULL */
        GHashTable *query;         /* the same of the query string */
        const char *authorization; /* NULL: none */
        const char *body;
} Question;

typedef struct Answer {
        unsigned status;
        char *body; /* NULL: empty */
        const char *cache_control;
        char *authenticate; /* WWW-Authenticate, or NULL */
} Answer;

const char *endpoint_name(Endpoint endpoint); /* as fault and stats say it */

/* idp_answer: writes the answer and returns which endpoint it was. */
Endpoint idp_answer(Idp *idp, const Question *question, Answer *ret_answer);
void idp_clear(Idp *idp);

void answer_json(Answer *answer, unsigned status, json_t *json); /* takes json */
void answer_error(Answer *answer, unsigned status, const char *error, const char *description);
void answer_clear(Answer *answer);
const char *question_form(const Question *question, const char *name); /* NULL: absent or empty */
/* idp_client: the client that asks, by basic or post; NULL, and *ret_known says whether its id is
 * ours. */
const Client *idp_client(const Idp *idp, const Question *question, bool *ret_known);

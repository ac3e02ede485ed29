/* exchange: one request on its way through the api, from the gate to its answer.
 *
 * Made by the gate, freed by the one exchange_answer, exchange_refuse or exchange_problem that ends
 * it. On its worker's thread only. */
#pragma once

#include "api/api.h"
#include "api/original.h"
#include "base/trace.h"

#include <jansson.h>

/* Seconds; what a parked check waits for is over or given up by then. */
#define EXCHANGE_RETRY_AFTER "1"

typedef struct Route Route;

struct Exchange {
        Api *api;
        Request *request;
        const Route *route;
        Trace trace;
        json_t *body; /* the parsed question; spans of the token borrow from it */
        Span token;
        char *form_token;       /* owned; what token may borrow from; erased when freed */
        Policy *policy;         /* a reference; NULL: none yet, or anonymous */
        const char *route_name; /* interned; of the [route NAME] that chose; NULL: nobody did */
        const Dialect *dialect; /* NULL: it is no proxy's question */
        Original original;      /* with a dialect */
        Sender sender;          /* borrows from the request and original */
        LimitAnswer limit;      /* text NULL: nothing limits it */
        Span method;            /* of the request that is judged; empty: none told */
        char *query_method;     /* owned; what method borrows from when it came in the query */
        Asked asked;
        Asked introspected;
        char *trouble;         /* owned; why the last question was in vain; NULL: it was not */
        int64_t judge_by_usec; /* both questions of a check end by then; 0: none was asked */
        Steps *steps;          /* owned; explain only */
        char *preface; /* owned; what the answer says before the verdict; policy-test only */
        void (*judged)(Exchange *exchange, Verdict *verdict);
        const char *challenge; /* WWW-Authenticate of a 401; NULL: "Bearer" */
        uint64_t main_id;
        int64_t deadline_usec; /* of the question to the main thread */
};

Exchange *exchange_new(Api *api, Request *request);
void exchange_answer(Exchange *exchange, unsigned status, const AnswerHeader *headers,
                     size_t n_headers, Span body);
/* exchange_refuse: {"error":word,"detail":detail}, the word in X-Authd-Reason too, and what the
 * status owes its client. */
void exchange_refuse(Exchange *exchange, unsigned status, const char *word, const char *detail);
/* exchange_problem: the same, counted and logged as a question that got no verdict. */
void exchange_problem(Exchange *exchange, unsigned status, const char *word, const char *format,
                      ...) G_GNUC_PRINTF(4, 5);
const char *exchange_door(const Exchange *exchange); /* the metric label */

/* outage: which budgets are being spent while a provider cannot be asked, and when each ends.
 *
 * A budget is one policy's, for one issuer: how long it lives on keys that are no longer fresh
 * (keys_stale_for, stale_keys_max), and on answers about tokens (introspection_stale_for). Nothing
 * here decides a check: those look at the same settings and the same times by themselves; this is
 * what is told of them. Each beginning and end is told once. The daemon's, which looks from time to
 * time. Main thread. */
#pragma once

#include "issuer/issuer.h"
#include "verdict/policy.h"

#define OUTAGE_LOOK_SEC 1 /* between two looks of the daemon */

typedef enum BudgetKind { BUDGET_KEYS, BUDGET_INTROSPECTION, _BUDGET_KIND_MAX } BudgetKind;

typedef struct Budget {
        const char *issuer, *policy; /* interned */
        BudgetKind kind;
        int64_t since_usec; /* monotonic: when the issuer's word ceased to be fresh */
        /* Monotonic. Of an answer about a token, for the youngest that may be there: an older one
         * ends sooner. */
        int64_t end_usec;
        bool is_over; /* the policy's tokens of this issuer are refused as unavailable */
} Budget;

typedef enum OutageEvent {
        OUTAGE_BEGAN,       /* with the budget of this issuer that ends first */
        OUTAGE_BUDGET_OVER, /* with that budget */
        OUTAGE_ENDED,       /* with the budget that was told when it began */
} OutageEvent;

typedef void (*OutageTell)(OutageEvent event, const Budget *budget, int64_t now_usec,
                           void *userdata);
typedef struct Outage Outage;

Outage *outage_new(OutageTell tell, void *userdata);
/* outage_log: an OutageTell that logs. */
void outage_log(OutageEvent event, const Budget *budget, int64_t now_usec, void *userdata);
/* outage_look: the picture of now, instead of the one before; tells what changed. */
void outage_look(Outage *outage, const IssuerOutage *issuers, size_t n_issuers,
                 const PolicySet *policies, int64_t now_usec);
/* outage_size, _get: the budgets of the last look, those that end first before others. */
size_t outage_size(const Outage *outage);
const Budget *outage_get(const Outage *outage, size_t index);
/* outage_status: a new array of {"issuer","policy","budget","since","ends_at","ended"}. */
json_t *outage_status(const Outage *outage, int64_t now_usec);
void outage_free(Outage *outage); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outage, outage_free)

const char *budget_kind_text(BudgetKind kind);
/* budget_seconds_left: 0 when it is over. */
double budget_seconds_left(const Budget *budget, int64_t now_usec);

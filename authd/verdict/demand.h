/* demand: one list of a policy ("scopes = orders:read"), compiled, and whether claims meet it.
 *
 * Part of policy and nobody else's. One table says for each kind its setting, its reason, whether
 * all of the list are needed or one is enough, and what is compared. Immutable after demand_init;
 * meeting one allocates nothing. Any thread. */
#pragma once

#include "token/claims.h"
#include "verdict/verdict.h"

typedef enum DemandKind {
        DEMAND_AUDIENCE,
        DEMAND_PARTY,
        DEMAND_TYPE,
        DEMAND_SCOPES,
        DEMAND_SCOPES_ANY,
        DEMAND_ROLES,
        DEMAND_ROLES_ALL,
        DEMAND_GROUPS,
        DEMAND_GROUPS_ALL,
        DEMAND_CLAIMS,
        DEMAND_ACR,
        _DEMAND_MAX,
} DemandKind;

typedef struct DemandItem {
        char *text;  /* as written in the settings */
        char *left;  /* a role's client (NULL: the realm), a claim's path */
        char *right; /* a role's name, a claim's wanted value (NULL: any) */
} DemandItem;

typedef struct Demand {
        DemandKind kind;
        size_t n_items; /* 0: nothing is demanded */
        DemandItem *items;
        char *claim;  /* where groups are found */
        char *wanted; /* for people: "one of a, b" */
} Demand;

/* demand_init: words may be NULL. groups_claim serves groups alone. On false demand may be
 * deinited. */
bool demand_init(Demand *demand, DemandKind kind, char *const *words, const char *groups_claim,
                 GError **error);
void demand_deinit(Demand *demand);

/* demand_met: else *ret_missing is the first item that is lacking. */
bool demand_met(const Demand *demand, const Claims *claims, const DemandItem **ret_missing);
/* demand_found: what the token has where item (NULL: the first) was looked for, printable. */
const char *demand_found(const Demand *demand, const Claims *claims, const DemandItem *item,
                         char *buffer, size_t size);
/* demand_wanted: what stands in a refusal: the lacking item where all are needed, else the list. */
const char *demand_wanted(const Demand *demand, const DemandItem *missing);

const char *demand_setting(DemandKind kind); /* "audience": also the name of its step */
const char *demand_subject(DemandKind kind); /* "audience (aud)" */
Reason demand_reason(DemandKind kind);

/* policy: what a place demands of a token and what it hands on, compiled once and then immutable.
 *
 * Counted by references (atomic). policy_check runs only on claims whose signature held. Lists:
 * issuers, audience, azp, type, roles, groups: one of the list is enough; scopes: all are needed;
 * roles_all, groups_all, scopes_any turn it round. */
#pragma once

#include "verdict/template.h"
#include "verdict/verdict.h"

#define POLICY_LIST_MAX         256
#define POLICIES_MAX            4096
#define POLICY_LEEWAY_SEC_MAX   600
#define POLICY_LEEWAY_SEC_UNSET INT64_C(-1)
/* The audience that every Keycloak token carries, so that it shuts nobody out. */
#define POLICY_AUDIENCE_OF_ALL "account"
/* What oauth2-proxy sends, under the same names; ";" between, as in the settings. */
#define POLICY_HEADERS_DEFAULT                                                                     \
        "X-Auth-Request-User={sub};X-Auth-Request-Email={email};"                                  \
        "X-Auth-Request-Preferred-Username={preferred_username};"                                  \
        "X-Auth-Request-Groups={groups|join:,}"

/* PolicySettings: as written; NULL lists are absent. GStrv owned. */
typedef struct PolicySettings {
        char *name;
        char **issuers;
        char **audience;      /* the single word "any" means any_audience */
        char *force_audience; /* names an audience that is refused otherwise: "account" */
        char **azp;
        char **type; /* NULL: Bearer or at+jwt; the single word "any": also unmarked ones; else
                        words as in the typ claim/header */
        char **scopes;
        char **scopes_any;
        char **roles; /* client:role, split at the last colon, or realm:role */
        char **roles_all;
        char **groups;
        char **groups_all;
        char *groups_claim;  /* NULL: "groups" */
        char **claims;       /* path, or path=value */
        char **headers;      /* Name={template}; NULL: POLICY_HEADERS_DEFAULT */
        int64_t leeway_sec;  /* POLICY_LEEWAY_SEC_UNSET: the issuer's */
        int64_t max_age_sec; /* since iat; 0: no bound */
        bool subject_optional;
} PolicySettings;

PolicySettings *policy_settings_new(const char *name);
void policy_settings_free(PolicySettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicySettings, policy_settings_free)

typedef struct Policy Policy;

/* policy_new: GError is one sentence that says the setting and what to do ("audience = account is
 * …"). issuer names must be among known_issuers (NULL-terminated); issuers may be absent only with
 * one. */
Policy *policy_new(const PolicySettings *settings, const char *const *known_issuers,
                   GError **error);
Policy *policy_ref(Policy *policy);
void policy_unref(Policy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Policy, policy_unref)

const char *policy_name(const Policy *policy); /* interned */
bool policy_any_audience(const Policy *policy);
bool policy_allows_issuer(const Policy *policy, const char *issuer_name); /* interned name */
size_t policy_n_headers(const Policy *policy);
const Template *policy_header(const Policy *policy, size_t index, const char **ret_name);
json_t *policy_status(const Policy *policy); /* name, issuers, audience, warnings */

/* policy_check: everything after the signature: exp, nbf and iat, max age, aud, azp, typ, sub,
 * scopes, roles, groups, claims. Returns VERDICT_VALID as "nothing to refuse" and sets *ret_until;
 * otherwise verdict holds reason and detail. With steps it goes on after a refusal; the first one
 * counts. Allocates nothing. */
Reason policy_check(const Policy *policy, const Claims *claims, int64_t issuer_leeway_sec,
                    int64_t now_sec, Verdict *verdict, int64_t *ret_until, Steps *steps);

/* PolicySet: all policies by name, immutable, counted. */
typedef struct PolicySet PolicySet;
PolicySet *policy_set_new(GPtrArray *policies); /* takes a reference of each */
PolicySet *policy_set_ref(PolicySet *set);
void policy_set_unref(PolicySet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicySet, policy_set_unref)
const Policy *policy_set_find(const PolicySet *set, Span name);
size_t policy_set_size(const PolicySet *set);
const Policy *policy_set_get(const PolicySet *set, size_t index);

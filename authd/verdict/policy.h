/* policy: what a place demands of a token and what it hands on, compiled once and then immutable.
 *
 * Counted by references (atomic). policy_check runs only on claims whose signature held. Lists:
 * issuers, audience, azp, type, roles, groups: one of the list is enough; scopes: all are needed;
 * roles_all, groups_all, scopes_any turn it round. */
#pragma once

#include "proof/assertion.h"
#include "verdict/freshness.h"
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

/* What the headers of descriptors, which a proxy's own rate limits look at, are called. */
#define POLICY_DESCRIPTOR_PREFIX "X-Authd-Descriptor-"

/* BindingMode: tokens that are bound to a key or a certificate. */
typedef enum BindingMode {
        BINDING_OPTIONAL, /* taken with their proof, as are those that are bound to nothing */
        BINDING_NEVER,
        BINDING_REQUIRED,
} BindingMode;

/* PolicySettings: as written; NULL lists are absent. GStrv owned. */
struct PolicySettings {
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
        char **acr;               /* one of them is acr (OpenID Connect Core 1.0 §2) */
        int64_t max_auth_age_sec; /* since auth_time; 0: no bound */
        BindingMode dpop;         /* tokens with cnf.jkt (RFC 9449) */
        bool dpop_nonce;          /* proofs need a nonce of ours */
        BindingMode mtls;         /* tokens with cnf["x5t#S256"] (RFC 8705) */
        char **token_from;        /* what a door looks at beside Authorization: api/source.h */
        char **limits;            /* as verdict/limit.h; NULL: none */
        unsigned limit_slots;     /* of each limit; 0: BUCKET_SLOTS_DEFAULT */
        bool allow_preflight;     /* CORS preflights pass a door without a token */
        IntrospectMode introspect;
        int64_t introspect_max_age_sec;      /* of INTROSPECT_MODE_MAX_AGE */
        char *introspection_issuer;          /* NULL: the only issuer of the policy with a client */
        int64_t keys_stale_for_sec;          /* POLICY_STALE_UNSET: the issuer's stale_keys_max */
        int64_t introspection_stale_for_sec; /* 0: refuse */

        char **descriptors; /* Name={template}: headers, too, behind POLICY_DESCRIPTOR_PREFIX */

        char *assertion;          /* the header of a signed assertion; NULL: none */
        char *assertion_audience; /* required with it */
        char *assertion_issuer;   /* of [authd]; NULL: ASSERTION_ISSUER_DEFAULT */
        char **assertion_claims;  /* NULL: ASSERTION_CLAIMS_DEFAULT */
        int64_t assertion_ttl_sec;
};

PolicySettings *policy_settings_new(const char *name);
void policy_settings_free(PolicySettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicySettings, policy_settings_free)

typedef struct Policy Policy;

/* policy_new: GError is one sentence that says the setting and what to do ("audience = account is
 * …"). issuer names must be among known; issuers may be absent only with one. */
Policy *policy_new(const PolicySettings *settings, const PolicyIssuer *known, size_t n_known,
                   GError **error);
Policy *policy_ref(Policy *policy);
void policy_unref(Policy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Policy, policy_unref)

const char *policy_name(const Policy *policy); /* interned */
bool policy_any_audience(const Policy *policy);
bool policy_allows_issuer(const Policy *policy, const char *issuer_name); /* interned name */
/* What a challenge tells a client that must sign its user in anew (RFC 9470 §3). */
const char *policy_acr_text(const Policy *policy);     /* by spaces; NULL: none is demanded */
int64_t policy_max_auth_age_sec(const Policy *policy); /* 0: no bound */
BindingMode policy_dpop(const Policy *policy);
bool policy_demands_nonce(const Policy *policy);
BindingMode policy_mtls(const Policy *policy);
size_t policy_n_headers(const Policy *policy);
const Template *policy_header(const Policy *policy, size_t index, const char **ret_name);
/* policy_assertion: what is signed for those behind the proxy; NULL: nothing. */
const AssertionRule *policy_assertion(const Policy *policy);
const char *policy_assertion_header(const Policy *policy); /* NULL without it */

/* policy_set_next: the one that is tried in its shadow, and what is to be said of that (copied).
 * Before anybody else sees policy; takes a reference. */
void policy_set_next(Policy *policy, Policy *next, char *const *warnings);
const Policy *policy_next(const Policy *policy); /* NULL: none */
/* policy_next_warnings: NULL-terminated; NULL without a next one. */
const char *const *policy_next_warnings(const Policy *policy);

/* policy_status: name, issuers, audience, introspect, introspection_issuer, keys_stale_for_seconds
 * (null: the issuer's), introspection_stale_for_seconds, warnings. */
json_t *policy_status(const Policy *policy);

/* policy_keys_stale_usec: how long past their freshness keys may still be lived on; never longer
 * than the issuer allows. */
int64_t policy_keys_stale_usec(const Policy *policy, int64_t issuer_max_usec);
/* policy_introspection_stale_usec: the same of an answer, past the age that it may have. */
int64_t policy_introspection_stale_usec(const Policy *policy);
/* policy_introspects: does anything of this policy depend on an issuer's answers? */
bool policy_introspects(const Policy *policy);
/* policy_introspection_issuer: who is asked about opaque tokens, interned; NULL: they are refused.
 */
const char *policy_introspection_issuer(const Policy *policy);
/* policy_demands_answer: must the issuer be asked about each JWT, too? unsafe: the request may
 * change something. */
bool policy_demands_answer(const Policy *policy, bool unsafe);
/* policy_answer_age_usec: how old an answer may be; POLICY_ANSWER_OWN: it must have been asked for
 * this very question. */
#define POLICY_ANSWER_OWN INT64_C(-1)
int64_t policy_answer_age_usec(const Policy *policy, bool unsafe);
/* policy_answers_once: may no verdict be kept for the next request, because that one will be asked
 * about by itself? */
bool policy_answers_once(const Policy *policy);
const char *policy_introspect_text(const Policy *policy); /* "max-age 5s" */

/* policy_check: everything after the signature: exp, nbf and iat, max age, aud, azp, typ, sub,
 * scopes, roles, groups, claims, acr, sign-in. Returns VERDICT_VALID as "nothing to refuse" and
 * sets *ret_until; otherwise verdict holds reason and detail. With steps it goes on after a
 * refusal; the first one counts. Allocates nothing. */
Reason policy_check(const Policy *policy, const Claims *claims, int64_t issuer_leeway_sec,
                    int64_t now_sec, Verdict *verdict, int64_t *ret_until, Steps *steps);

/* policy_check_membership: the demands for roles, roles_all, groups and groups_all alone, of an
 * account of which there is no token: claims are what its issuer said of it, as it would stand in
 * one. Otherwise as policy_check. */
Reason policy_check_membership(const Policy *policy, const Claims *claims, Verdict *verdict);
/* What must be known of an account for that. */
bool policy_demands_roles(const Policy *policy);
bool policy_demands_groups(const Policy *policy);
const char *policy_groups_claim(const Policy *policy); /* the path at which groups are looked for */
/* policy_groups_are_roles: that path is one at which Keycloak's tokens have roles. */
bool policy_groups_are_roles(const Policy *policy);
/* policy_group_without_slash: the first demanded group that is no full path; NULL: all are. */
const char *policy_group_without_slash(const Policy *policy);

/* PolicySet: all policies by name, immutable, counted. */
typedef struct PolicySet PolicySet;
PolicySet *policy_set_new(GPtrArray *policies); /* takes a reference of each */
PolicySet *policy_set_ref(PolicySet *set);
void policy_set_unref(PolicySet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicySet, policy_set_unref)
const Policy *policy_set_find(const PolicySet *set, Span name);
size_t policy_set_size(const PolicySet *set);
const Policy *policy_set_get(const PolicySet *set, size_t index);

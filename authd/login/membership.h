/* membership: the groups and roles of one account, as its issuer or the directory tells them, and
 * as claims that a policy can judge.
 *
 * Part of the fence and nobody else's. A group is its full path, as Keycloak's tokens have it with
 * "Full group path" on; a person is in a group itself, not in those above it, as there. Main
 * thread. Pure. */
#pragma once

#include "verdict/policy.h"

#include <jansson.h>

#define MEMBERSHIP_MAX 10000 /* groups, and roles, of one account; more are not judged by */

/* What a policy must know. */
typedef enum MembershipNeeds {
        MEMBERSHIP_NEEDS_GROUPS = 1 << 0,
        MEMBERSHIP_NEEDS_ROLES = 1 << 1,
        MEMBERSHIP_NEEDS_ALL = MEMBERSHIP_NEEDS_GROUPS | MEMBERSHIP_NEEDS_ROLES,
} MembershipNeeds;

unsigned membership_needs(const Policy *policy);

typedef struct Membership Membership;

Membership *membership_new(const char *subject, const char *username);
void membership_free(Membership *membership);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Membership, membership_free)
/* membership_add_…: false: too many, or no UTF-8. client NULL: a role of the realm. */
bool membership_add_group(Membership *membership, const char *path);
bool membership_add_role(Membership *membership, const char *client, const char *role);
/* membership_of_sources: of the directory's paths and roles ("realm:dba", "CLIENT:ROLE"), which
 * have the groups above each, too: those are left out again. NULL: too many. */
Membership *membership_of_sources(const char *subject, const char *username,
                                  const char *const *sources);
/* membership_claims: as they would stand in a token, where policy looks for them. NULL: they make
 * no claims. */
Claims *membership_claims(const Membership *membership, const Policy *policy);

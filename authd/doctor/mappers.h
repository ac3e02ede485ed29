/* mappers: what policies want of a provider's tokens, held against one that it just gave us, and
 * which of Keycloak's mappers is missing where.
 *
 * The token is of our own client's service account, the only one that we can get by ourselves. It
 * is a sample: what it lacks, other clients' tokens may have, and a user's groups and roles are not
 * a service account's. So nothing here is worse than a warning, and each says whose token was seen.
 * Pure but for the findings; main thread. */
#pragma once

#include "doctor/finding.h"
#include "token/claims.h"

/* DoctorPolicy: what one policy will want of this issuer's tokens; lists as in the settings, NULL:
 * nothing is demanded. Borrowed, but for what doctor_policy_copy made. */
typedef struct DoctorPolicy {
        const char *name;
        const char *const *audience; /* NULL: any */
        const char *const *scopes;   /* all of them */
        const char *const *scopes_any;
        const char *const *roles; /* one of them */
        const char *const *roles_all;
        const char *const *groups; /* one of them */
        const char *const *groups_all;
        const char *groups_claim; /* NULL: groups */
        bool subject_optional;
        bool introspects;
} DoctorPolicy;

DoctorPolicy *doctor_policy_copy(const DoctorPolicy *policy);
void doctor_policy_free(DoctorPolicy *policy); /* of a copy only */

/* MapperSample: the token that was seen. */
typedef struct MapperSample {
        const char *client_id; /* whose service account it is of */
        const Claims *own;     /* what the token says itself */
        const Claims
            *answer; /* what introspection said of it; NULL: it was not asked, or in vain */
} MapperSample;

/* mappers_look: one finding for each of the policy's demands. A policy that introspects, and a
 * token without sub, are judged by the answer. */
void mappers_look(const DoctorPolicy *policy, const MapperSample *sample, Findings *findings);
/* mappers_audience_advice: where to click so that the tokens of client hold audience. */
char *mappers_audience_advice(const char *client, const char *audience);

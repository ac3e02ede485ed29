/* doctor: one issuer looked over as an administrator would: what works, what is missing in the
 * realm, and where to click.
 *
 * Walks discovery, TLS, clock, keys, algorithms, then, with a client, its own token by
 * client_credentials, introspection of it, and for each policy what its demands need in such a
 * token. Asks by calls of its own beside the running Source, changes nothing, and ends each finding
 * with what to do. Main thread. */
#pragma once

#include "issuer/issuer.h"

#define DOCTOR_CALL_USEC      (5 * G_USEC_PER_SEC)
#define DOCTOR_CLOCK_WARN_SEC 2
#define DOCTOR_CERT_WARN_SEC  (INT64_C(14) * 24 * 3600)
#define DOCTOR_FINDINGS_MAX   128

typedef enum DoctorResult { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAILED, DOCTOR_SKIPPED } DoctorResult;

/* DoctorPolicy: what one policy will want of this issuer's tokens; texts as in the settings.
 * Borrowed for doctor_start. */
typedef struct DoctorPolicy {
        const char *name;
        const char *const *audience; /* NULL: any */
        const char *const *scopes;
        const char *const *roles;
        const char *const *groups;
        const char *groups_claim;
        bool subject_optional;
        bool introspects;
} DoctorPolicy;

/* DoctorDone: a new {"issuer","url","result":"ok|warning|failed","findings":[{"check","result",
 * "found","advice"}]}, owned by the callee. */
typedef void (*DoctorDone)(json_t *report, void *userdata);

typedef struct Doctor Doctor;
/* doctor_start: ca_pem as the Source uses it; done is called exactly once, later, unless
 * doctor_free comes first. */
Doctor *doctor_start(Fetcher *fetcher, const IssuerSettings *settings, const char *ca_pem,
                     const DoctorPolicy *policies, size_t n_policies, DoctorDone done,
                     void *userdata);
void doctor_free(Doctor *doctor);

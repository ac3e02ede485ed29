/* doctor: one issuer looked over as an administrator would: what works, what is missing in the
 * realm, and where to click.
 *
 * Walks discovery, TLS, clock, keys, algorithms, then, with a client, its own token by
 * client_credentials, introspection of it, and for each policy what its demands need in such a
 * token. Asks by calls of its own beside the running Source, one at a time, each with its deadline;
 * changes nothing, and ends each finding with what to do. What could not be looked at is skipped,
 * with why. Neither tokens nor secrets nor what a provider says in its own words about them are
 * shown. Main thread. */
#pragma once

#include "issuer/issuer.h"
#include "doctor/mappers.h"

#define DOCTOR_CALL_USEC      (5 * G_USEC_PER_SEC)
#define DOCTOR_CALLS_MAX      4 /* discovery, keys, token, introspection */
#define DOCTOR_CLOCK_WARN_SEC 2
#define DOCTOR_CERT_WARN_SEC  (INT64_C(14) * 24 * 3600)

/* DoctorDone: a new {"issuer","url","result":"ok|warning|failed","findings":[{"check","result",
 * "found","advice"}]}, owned by the callee, who may free the doctor. */
typedef void (*DoctorDone)(json_t *report, void *userdata);

typedef struct Doctor Doctor;
/* doctor_start: settings and policies are copied; ca_pem as the Source uses it. done is called
 * exactly once, later, from the thread's default main context, unless doctor_free comes first. */
Doctor *doctor_start(Fetcher *fetcher, const IssuerSettings *settings, const char *ca_pem,
                     const DoctorPolicy *policies, size_t n_policies, DoctorDone done,
                     void *userdata);
void doctor_free(Doctor *doctor); /* takes NULL; also after done */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Doctor, doctor_free)

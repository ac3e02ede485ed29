/* clinic: the doctors that look issuers over for administrators, so many at a time.
 *
 * The daemon's, on the main thread. A doctor asks by calls of its own, so each is somebody's whole
 * question to the provider: CLINIC_DOCTORS_MAX bound what administrators can cause. */
#pragma once

#include "api/api.h"
#include "doctor/doctor.h"
#include "verdict/policy.h"

#define CLINIC_DOCTORS_MAX 4

/* ClinicDone: owns answer->body. */
typedef void (*ClinicDone)(MainAnswer *answer, void *userdata);
typedef struct Clinic Clinic;

Clinic *clinic_new(Fetcher *fetcher, Issuers *issuers);
/* clinic_admit: looks the issuer of that name over, for those of policies (PolicySettings) that
 * take its tokens; an unknown name is answered so. done is called once, at once or later. */
void clinic_admit(Clinic *clinic, const char *issuer, const GPtrArray *policies, ClinicDone done,
                  void *userdata);
/* clinic_free: who still waits is told so. */
void clinic_free(Clinic *clinic); /* takes NULL */

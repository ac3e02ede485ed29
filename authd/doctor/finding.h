/* finding: what the doctor saw, check by check, and the report made of it.
 *
 * A finding is a check's name, its result, what was found and, unless all is well, what to do.
 * Texts may hold what a provider said: they are made valid UTF-8 without control characters and cut
 * to FINDING_TEXT_MAX. The worst result is the report's; a skipped check counts as nothing. Owned
 * by one doctor, main thread. */
#pragma once

#include <glib.h>
#include <jansson.h>

#define DOCTOR_FINDINGS_MAX 128  /* more are counted, and told of as one */
#define FINDING_TEXT_MAX    1024 /* bytes of one text */

typedef enum DoctorResult {
        DOCTOR_OK,
        DOCTOR_WARNING,
        DOCTOR_FAILED,
        DOCTOR_SKIPPED,
        _DOCTOR_RESULT_MAX,
} DoctorResult;

typedef struct Findings {
        json_t *list;
        DoctorResult worst; /* never DOCTOR_SKIPPED */
        size_t n_left_out;
} Findings;

const char *doctor_result_text(DoctorResult result);

void findings_init(Findings *findings);
/* findings_add: takes found and advice over; advice NULL: nothing is to be done. */
void findings_add(Findings *findings, const char *check, DoctorResult result, char *found,
                  char *advice);
/* findings_report: a new {"issuer","url","result","findings"}; findings is as after deinit. */
json_t *findings_report(Findings *findings, const char *issuer, const char *url);
void findings_deinit(Findings *findings);

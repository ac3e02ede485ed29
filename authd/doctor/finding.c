/* finding: see finding.h. */
#include "doctor/finding.h"

#include <string.h>

#define CUT_MARK "…"

static const char *const result_texts[] = {
        [DOCTOR_OK] = "ok",
        [DOCTOR_WARNING] = "warning",
        [DOCTOR_FAILED] = "failed",
        [DOCTOR_SKIPPED] = "skipped",
};

const char *doctor_result_text(DoctorResult result)
{
        return result_texts[result];
}

void findings_init(Findings *findings)
{
        *findings = (Findings){ .list = json_array() };
}

/* Valid UTF-8, on one line, cut between two characters. */
static json_t *plain_text(const char *text)
{
        g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
        size_t len = strlen(valid);

        if (len > FINDING_TEXT_MAX) {
                char *end =
                    g_utf8_find_prev_char(valid, valid + FINDING_TEXT_MAX + 1 - strlen(CUT_MARK));

                memcpy(end, CUT_MARK, sizeof CUT_MARK);
        }
        for (char *at = valid; *at; at = g_utf8_next_char(at))
                if (g_ascii_iscntrl(*at))
                        *at = ' ';
        return json_string(valid);
}

static void findings_append(Findings *findings, const char *check, DoctorResult result,
                            const char *found, const char *advice)
{
        json_t *one = json_object();

        json_object_set_new(one, "check", plain_text(check));
        json_object_set_new(one, "result", json_string(doctor_result_text(result)));
        json_object_set_new(one, "found", plain_text(found));
        json_object_set_new(one, "advice", plain_text(advice));
        json_array_append_new(findings->list, one);
}

void findings_add(Findings *findings, const char *check, DoctorResult result, char *found,
                  char *advice)
{
        if (result != DOCTOR_SKIPPED)
                findings->worst = MAX(findings->worst, result);
        if (json_array_size(findings->list) < DOCTOR_FINDINGS_MAX - 1)
                findings_append(findings, check, result, found, advice);
        else
                findings->n_left_out++;
        g_free(found);
        g_free(advice);
}

static void findings_append_left_out(Findings *findings)
{
        g_autofree char *found =
            g_strdup_printf("%zu more findings are not shown", findings->n_left_out);

        findings_append(findings, "more", DOCTOR_SKIPPED, found,
                        "Put right what is shown, then ask again.");
}

json_t *findings_report(Findings *findings, const char *issuer, const char *url)
{
        json_t *report = json_object();

        if (findings->n_left_out > 0)
                findings_append_left_out(findings);
        json_object_set_new(report, "issuer", plain_text(issuer));
        json_object_set_new(report, "url", plain_text(url));
        json_object_set_new(report, "result", json_string(doctor_result_text(findings->worst)));
        json_object_set_new(report, "findings", findings->list);
        findings->list = NULL;
        return report;
}

void findings_deinit(Findings *findings)
{
        json_decref(findings->list);
        findings->list = NULL;
}

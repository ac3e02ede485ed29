/* walk: see walk.h. */
#include "doctor/walk.h"

#include "base/clock.h"
#include "base/secret.h"
#include "doctor/advice.h"
#include "issuer/source.h"
#include "token/json.h"

static const char *const check_names[] = {
        [CHECK_DISCOVERY] = "discovery",
        [CHECK_CERTIFICATE] = "certificate",
        [CHECK_CLOCK] = "clock",
        [CHECK_DOCUMENT] = "document",
        [CHECK_KEYS] = "keys",
        [CHECK_KEYS_SKIPPED] = "keys left out",
        [CHECK_ALGORITHMS] = "algorithms",
        [CHECK_CACHE] = "refresh",
        [CHECK_CLIENT] = "client",
        [CHECK_GRANT] = "client_credentials",
        [CHECK_TOKEN] = "own token",
        [CHECK_INTROSPECTION] = "introspection",
};

/* ---- findings ---- */

void doctor_tell(Doctor *doctor, DoctorCheck check, DoctorResult result, char *found, char *advice)
{
        doctor->told[check] = true;
        findings_add(&doctor->findings, check_names[check], result, found, advice);
}

void doctor_skip(Doctor *doctor, DoctorCheck from, DoctorCheck next, const char *why)
{
        for (DoctorCheck check = from; check < next; check++)
                if (!doctor->told[check])
                        doctor_tell(doctor, check, DOCTOR_SKIPPED, g_strdup(why), NULL);
}

static void doctor_look_at_policies(Doctor *doctor, const char *why)
{
        const MapperSample sample = {
                .client_id = doctor->settings->client.client_id,
                .own = doctor->own ? doctor->own : doctor->answer,
                .answer = doctor->answer,
        };

        for (guint i = 0; i < doctor->policies->len; i++) {
                const DoctorPolicy *policy = doctor->policies->pdata[i];
                g_autofree char *name = g_strdup_printf("policy %s", policy->name);

                if (sample.own)
                        mappers_look(policy, &sample, &doctor->findings);
                else
                        findings_add(&doctor->findings, name, DOCTOR_SKIPPED, g_strdup(why), NULL);
        }
}

void doctor_finish(Doctor *doctor, const char *why)
{
        if (doctor->document && !doctor->told[CHECK_CLOCK])
                doctor_tell(doctor, CHECK_CLOCK, DOCTOR_SKIPPED,
                            g_strdup("neither a Date header nor a token of our own tells the "
                                     "provider's time"),
                            NULL);
        doctor_skip(doctor, 0, _CHECK_MAX, why);
        doctor_look_at_policies(doctor, why);
        doctor->done(
            findings_report(&doctor->findings, doctor->settings->name, doctor->settings->url),
            doctor->userdata);
}

char *doctor_advice(const Doctor *doctor, const char *text)
{
        g_auto(GStrv) parts = g_strsplit(text, ADVICE_CLIENT_WORD, -1);

        return g_strjoinv(doctor->settings->client.client_id, parts);
}

/* ---- the clock ---- */

/* By how much the provider's clock is beyond the time from our question to its answer. */
static int64_t clock_off_sec(const Doctor *doctor, int64_t provider_sec)
{
        int64_t now_sec = clock_wall_sec();

        if (provider_sec > now_sec)
                return provider_sec - now_sec;
        return provider_sec < doctor->asked_sec ? provider_sec - doctor->asked_sec : 0;
}

void doctor_tell_clock(Doctor *doctor, int64_t provider_sec)
{
        int64_t off_sec = clock_off_sec(doctor, provider_sec);
        int64_t distance_sec = ABS(off_sec);

        if (distance_sec <= DOCTOR_CLOCK_WARN_SEC) {
                doctor_tell(doctor, CHECK_CLOCK, DOCTOR_OK,
                            g_strdup("the provider's agrees with ours"), NULL);
                return;
        }
        doctor_tell(doctor, CHECK_CLOCK,
                    distance_sec > doctor->settings->leeway_sec ? DOCTOR_FAILED : DOCTOR_WARNING,
                    g_strdup_printf("the provider's is %" G_GINT64_FORMAT " s %s ours; leeway is "
                                    "%" G_GINT64_FORMAT " s",
                                    distance_sec, off_sec > 0 ? "ahead of" : "behind",
                                    doctor->settings->leeway_sec),
                    g_strdup("Let both hosts keep time by NTP (chronyc tracking); leeway only "
                             "covers what is left."));
}

/* ---- calls ---- */

/* NULL: an answer with status 200 came. */
static char *call_trouble(const FetchAnswer *answer, char **ret_advice)
{
        if (answer->error != 0) {
                *ret_advice = advice_of_error(answer->error);
                return g_strdup(answer->trouble ? answer->trouble : g_strerror(-answer->error));
        }
        if (answer->status == 200)
                return NULL;
        *ret_advice = advice_of_status(answer->status);
        return g_strdup_printf("the provider answered with status %u", answer->status);
}

bool doctor_tell_trouble(Doctor *doctor, DoctorCheck check, const FetchAnswer *answer)
{
        char *advice = NULL, *found = call_trouble(answer, &advice);

        if (!found)
                return false;
        doctor_tell(doctor, check, DOCTOR_FAILED, found, advice);
        return true;
}

void doctor_call(Doctor *doctor, FetchOptions options, FetchDone done)
{
        options.ca_pem = doctor->ca_pem;
        options.ca_file = doctor->settings->ca_file;
        options.proxy = doctor->settings->proxy;
        options.deadline_usec = DOCTOR_CALL_USEC;
        doctor->asked_sec = clock_wall_sec();
        doctor->fetch = fetch_start(doctor->fetcher, &options, done, doctor);
}

static void header_free(char *header)
{
        if (header)
                secret_erase(header, strlen(header));
        g_free(header);
}

bool doctor_get(Doctor *doctor, const char *url, size_t size_max, FetchDone done, GError **error)
{
        const char *path = doctor->settings->fetch_token_file;
        char *header = path ? source_bearer_line(path, error) : NULL;
        const char *const headers[] = { header, NULL };

        if (path && !header)
                return false;
        doctor_call(doctor,
                    (FetchOptions){ .url = url,
                                    .headers = header ? headers : NULL,
                                    .size_max = size_max,
                                    .want_certificate = true },
                    done);
        header_free(header);
        return true;
}

json_t *doctor_read_object(Span text)
{
        static const JsonLimits limits = { DOCTOR_ANSWER_SIZE_MAX, DOCTOR_ANSWER_DEPTH_MAX };
        json_t *object = NULL;

        return json_parse_object(text, &limits, &object) == 0 ? object : NULL;
}

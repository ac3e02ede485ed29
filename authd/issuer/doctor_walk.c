/* doctor_walk: see doctor_walk.h. */
#include "issuer/doctor_walk.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "issuer/advice.h"
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

void doctor_skip_to(Doctor *doctor, DoctorCheck next, const char *why)
{
        for (DoctorCheck check = 0; check < next; check++)
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
        doctor_skip_to(doctor, _CHECK_MAX, why);
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

/* Nothing that ends a header's line. */
static bool is_bearer(const char *token)
{
        for (const char *at = token; *at; at++)
                if (!g_ascii_isgraph(*at))
                        return false;
        return *token != '\0';
}

/* "Authorization: Bearer …" of fetch_token_file; NULL: none is set, or *error says why not. Erase
 * it. */
static char *doctor_fetch_header(const Doctor *doctor, GError **error)
{
        g_autofree char *token = NULL;
        size_t len = 0;
        char *header = NULL;

        if (!doctor->settings->fetch_token_file ||
            !file_read(doctor->settings->fetch_token_file, DOCTOR_FETCH_TOKEN_MAX, &token, &len,
                       error))
                return NULL;
        if (is_bearer(g_strchomp(token)))
                header = g_strconcat("Authorization: Bearer ", token, NULL);
        else
                g_set_error(error, g_quark_from_static_string("authd-doctor"), 0,
                            "%s: holds no bearer token (RFC 6750)",
                            doctor->settings->fetch_token_file);
        secret_erase(token, len);
        return header;
}

static void header_free(char *header)
{
        if (header)
                secret_erase(header, strlen(header));
        g_free(header);
}

bool doctor_get(Doctor *doctor, const char *url, size_t size_max, FetchDone done, GError **error)
{
        g_autoptr(GError) cause = NULL;
        char *header = doctor_fetch_header(doctor, &cause);
        const char *const headers[] = { header, NULL };

        if (cause) {
                g_propagate_error(error, g_steal_pointer(&cause));
                return false;
        }
        doctor_call(
            doctor,
            (FetchOptions){ .url = url, .headers = header ? headers : NULL, .size_max = size_max },
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

/* clinic: see clinic.h. */
#include "clinic.h"

#include "token/json.h"

typedef struct Visit {
        Clinic *clinic;
        Doctor *doctor;
        ClinicDone done;
        void *userdata;
} Visit;

struct Clinic {
        Fetcher *fetcher;
        Issuers *issuers;
        GPtrArray *visits;
};

static void visit_free(void *pointer)
{
        Visit *visit = pointer;

        doctor_free(visit->doctor);
        g_free(visit);
}

static void refuse(unsigned status, const char *word, const char *detail, ClinicDone done,
                   void *userdata)
{
        json_auto *problem = json_pack("{s:s, s:s}", "error", word, "detail", detail);
        char *text = json_dumps(problem, JSON_COMPACT);
        MainAnswer answer = { .status = status, .body = g_strdup(text) };

        free(text);
        done(&answer, userdata);
}

static void visit_ended(json_t *report, void *userdata)
{
        Visit *visit = userdata;
        Visit ended = *visit;
        char *text = json_dumps(report, JSON_COMPACT);
        MainAnswer answer = { .status = 200, .body = g_strdup(text) };

        free(text);
        json_decref(report);
        g_ptr_array_remove_fast(visit->clinic->visits, visit);
        ended.done(&answer, ended.userdata);
}

/* takes_issuer: a policy without issuers has the only one. */
static bool takes_issuer(const PolicySettings *policy, const char *issuer)
{
        return !policy->issuers || g_strv_contains((const char *const *) policy->issuers, issuer);
}

static bool any_audience(const PolicySettings *policy)
{
        return policy->audience && strcmp(policy->audience[0], "any") == 0;
}

static DoctorPolicy doctor_policy(const PolicySettings *policy)
{
        return (DoctorPolicy){
                .name = policy->name,
                .audience = any_audience(policy) ? NULL : (const char *const *) policy->audience,
                .scopes = (const char *const *) policy->scopes,
                .scopes_any = (const char *const *) policy->scopes_any,
                .roles = (const char *const *) policy->roles,
                .roles_all = (const char *const *) policy->roles_all,
                .groups = (const char *const *) policy->groups,
                .groups_all = (const char *const *) policy->groups_all,
                .groups_claim = policy->groups_claim,
                .subject_optional = policy->subject_optional,
                .introspects = policy->introspect != INTROSPECT_MODE_NEVER,
        };
}

static void begin_visit(Clinic *clinic, const IssuerSettings *settings, const GPtrArray *policies,
                        ClinicDone done, void *userdata)
{
        g_autofree DoctorPolicy *wanted = g_new(DoctorPolicy, policies->len);
        Visit *visit = g_new0(Visit, 1);
        size_t n_wanted = 0;

        for (guint i = 0; i < policies->len; i++)
                if (takes_issuer(policies->pdata[i], settings->name))
                        wanted[n_wanted++] = doctor_policy(policies->pdata[i]);
        *visit = (Visit){ .clinic = clinic, .done = done, .userdata = userdata };
        g_ptr_array_add(clinic->visits, visit);
        visit->doctor =
            doctor_start(clinic->fetcher, settings, issuers_ca_pem(clinic->issuers, settings->name),
                         wanted, n_wanted, visit_ended, visit);
}

void clinic_admit(Clinic *clinic, const char *issuer, const GPtrArray *policies, ClinicDone done,
                  void *userdata)
{
        const IssuerSettings *settings = issuers_settings(clinic->issuers, issuer);

        if (!settings)
                refuse(404, "unknown_issuer", "No issuer of that name is in authd.conf.", done,
                       userdata);
        else if (clinic->visits->len >= CLINIC_DOCTORS_MAX)
                refuse(503, "busy", "As many issuers as may be are looked over already; ask again.",
                       done, userdata);
        else
                begin_visit(clinic, settings, policies, done, userdata);
}

Clinic *clinic_new(Fetcher *fetcher, Issuers *issuers)
{
        Clinic *clinic = g_new0(Clinic, 1);

        clinic->fetcher = fetcher;
        clinic->issuers = issuers;
        clinic->visits = g_ptr_array_new_with_free_func(visit_free);
        return clinic;
}

void clinic_free(Clinic *clinic)
{
        if (!clinic)
                return;
        for (guint i = 0; i < clinic->visits->len; i++) {
                const Visit *visit = clinic->visits->pdata[i];

                refuse(503, "unavailable", "authd stops; ask again when it is back.", visit->done,
                       visit->userdata);
        }
        g_ptr_array_unref(clinic->visits);
        g_free(clinic);
}

/* doctor: see doctor.h. The provider and its keys; client goes on as a client of it. */
#include "doctor/doctor.h"

#include "doctor/walk.h"

#include "base/clock.h"
#include "base/file.h"
#include "doctor/advice.h"
#include "doctor/keylook.h"
#include "issuer/keys.h"
#include "token/json.h"

/* ---- keys ---- */

static void doctor_tell_skipped(Doctor *doctor, const KeyLook *look)
{
        if (look->n_skipped == 0)
                doctor_tell(doctor, CHECK_KEYS_SKIPPED, DOCTOR_OK, g_strdup("none"), NULL);
        else
                doctor_tell(doctor, CHECK_KEYS_SKIPPED, look->harmless ? DOCTOR_OK : DOCTOR_WARNING,
                            g_strdup(look->skipped->str),
                            look->harmless ? NULL : advice_of_key(look->worst));
}

static void doctor_tell_algorithms(Doctor *doctor, const KeyLook *look)
{
        size_t n_idle = 0;
        g_autofree char *text = keylook_idle_text(look, doctor->settings->algorithms, &n_idle);

        if (n_idle == 0) {
                doctor_tell(doctor, CHECK_ALGORITHMS, DOCTOR_OK,
                            g_strdup("algorithms covers every key"), NULL);
                return;
        }
        doctor_tell(doctor, CHECK_ALGORITHMS,
                    n_idle == keyset_size(look->keys) ? DOCTOR_FAILED : DOCTOR_WARNING,
                    g_strdup_printf("algorithms allows nothing for %s", text),
                    g_strdup("Tokens signed with these keys are refused: add their algorithm to "
                             "algorithms, or leave it out for all."));
}

static void doctor_tell_refresh(Doctor *doctor, const char *cache_control)
{
        int64_t fresh_sec = keys_fresh_sec(cache_control);

        doctor_tell(
            doctor, CHECK_CACHE, DOCTOR_OK,
            g_strdup_printf("Cache-Control: %s; keys are asked for anew every %" G_GINT64_FORMAT
                            " s, and at once for a kid that is not known",
                            cache_control && *cache_control ? cache_control : "none",
                            MAX(fresh_sec, ISSUER_REFRESH_MIN_SEC)),
            NULL);
}

static void doctor_tell_keys(Doctor *doctor, const KeyLook *look)
{
        if (look->keys)
                doctor_tell(doctor, CHECK_KEYS, DOCTOR_OK, keylook_usable_text(look), NULL);
        else
                doctor_tell(doctor, CHECK_KEYS, DOCTOR_FAILED,
                            g_strdup_printf("the key set is of no use: %s",
                                            look->answer > 0 ? jwk_answer_text(look->answer)
                                                             : g_strerror(-look->answer)),
                            advice_of_key(look->answer));
}

/* True: there are keys. */
static bool doctor_take_keys(Doctor *doctor, Span json)
{
        g_auto(KeyLook) look = { 0 };

        keylook_init(&look, json);
        doctor_tell_keys(doctor, &look);
        doctor_tell_skipped(doctor, &look);
        if (!look.keys)
                return false;
        doctor_tell_algorithms(doctor, &look);
        doctor->keys = keyset_ref(look.keys);
        return true;
}

static void doctor_on_keys(const FetchAnswer *answer, void *userdata)
{
        Doctor *doctor = userdata;

        doctor->fetch = NULL;
        if (!doctor_tell_trouble(doctor, CHECK_KEYS, answer) &&
            doctor_take_keys(doctor, answer->body))
                doctor_tell_refresh(doctor, answer->cache_control);
        doctor_skip(doctor, CHECK_KEYS, CHECK_CLIENT, "there are no keys");
        client_begin(doctor);
}

/* A keys_file is looked at, and nothing else. */
static void doctor_look_at_file(Doctor *doctor)
{
        static const char why[] = "keys_file is set: the provider is never asked";
        g_autoptr(GError) error = NULL;
        g_autofree char *json = NULL;
        size_t len = 0;

        doctor_skip(doctor, 0, CHECK_KEYS, why);
        if (file_read(doctor->settings->keys_file, KEYSET_SIZE_MAX, &json, &len, &error))
                doctor_take_keys(doctor, span_of(json, len));
        else
                doctor_tell(doctor, CHECK_KEYS, DOCTOR_FAILED, g_strdup(error->message),
                            g_strdup(ADVICE_FILE));
        doctor_finish(doctor, why);
}

static gboolean doctor_on_idle(void *userdata)
{
        Doctor *doctor = userdata;

        g_clear_pointer(&doctor->idle, g_source_unref);
        if (doctor->settings->keys_file) {
                doctor_look_at_file(doctor);
                return G_SOURCE_REMOVE;
        }
        doctor_tell(doctor, CHECK_DISCOVERY, DOCTOR_FAILED, g_steal_pointer(&doctor->stillborn),
                    g_strdup(ADVICE_FILE));
        doctor_finish(doctor, "discovery failed");
        return G_SOURCE_REMOVE;
}

/* ---- discovery ---- */

#define TIME_TEXT "%Y-%m-%d %H:%M:%SZ"

static char *time_text(int64_t wall_sec)
{
        g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(wall_sec);

        return date ? g_date_time_format(date, TIME_TEXT) : g_strdup("a time out of range");
}

static void doctor_tell_certificate(Doctor *doctor, const FetchAnswer *answer, const char *url)
{
        int64_t left_sec = answer->cert_expires_sec - clock_wall_sec();
        g_autofree char *end = time_text(answer->cert_expires_sec);

        if (!g_str_has_prefix(url, "https:"))
                doctor_tell(doctor, CHECK_CERTIFICATE, DOCTOR_OK,
                            g_strdup("plain http on loopback: there is none"), NULL);
        else if (answer->cert_expires_sec == 0)
                doctor_tell(doctor, CHECK_CERTIFICATE, DOCTOR_OK,
                            g_strdup("trusted; when it ends is not known"), NULL);
        else if (left_sec < DOCTOR_CERT_WARN_SEC)
                doctor_tell(doctor, CHECK_CERTIFICATE, DOCTOR_WARNING,
                            g_strdup_printf("trusted, but it ends at %s", end),
                            g_strdup("Renew it: after that time nothing can be fetched, and the "
                                     "outage budget is spent."));
        else
                doctor_tell(doctor, CHECK_CERTIFICATE, DOCTOR_OK,
                            g_strdup_printf("trusted, and valid until %s", end), NULL);
}

static bool doctor_read_document(Doctor *doctor, Span json, GError **error)
{
        const IssuerSettings *settings = doctor->settings;
        g_autoptr(GError) cause = NULL;
        json_auto *object = doctor_read_object(json);
        json_t *methods = json_object_get(object, "token_endpoint_auth_methods_supported");

        doctor->document = discovery_parse(json, settings->url, settings->fetch_url, error);
        if (!doctor->document)
                return false;
        doctor->token_url =
            discovery_endpoint(json, "token_endpoint", settings->url, settings->fetch_url, &cause);
        if (json_is_array(methods))
                doctor->methods = json_incref(methods);
        if (!cause)
                return true;
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
}

static void doctor_tell_document(Doctor *doctor)
{
        if (doctor->document->development)
                doctor_tell(doctor, CHECK_DOCUMENT, DOCTOR_WARNING,
                            g_strdup("a development issuer: anybody can mint its tokens"),
                            g_strdup("They are refused unless allow_development_issuers = true, "
                                     "which is never for production."));
        else
                doctor_tell(doctor, CHECK_DOCUMENT, DOCTOR_OK,
                            g_strdup("its issuer is url, to the byte"), NULL);
}

static void doctor_take_document(Doctor *doctor, Span json)
{
        g_autoptr(GError) error = NULL;

        if (!doctor_read_document(doctor, json, &error)) {
                doctor_tell(doctor, CHECK_DOCUMENT, DOCTOR_FAILED, g_strdup(error->message),
                            g_strdup("Compare it with curl URL/.well-known/openid-configuration "
                                     "from this host. Keycloak names itself by --hostname, or "
                                     "Realm settings → General → Frontend URL."));
                doctor_finish(doctor, "the discovery document cannot be used");
                return;
        }
        doctor_tell_document(doctor);
        if (doctor_get(doctor, doctor->document->jwks_url, KEYSET_SIZE_MAX, doctor_on_keys, &error))
                return;
        doctor_tell(doctor, CHECK_KEYS, DOCTOR_FAILED, g_strdup(error->message),
                    g_strdup(ADVICE_FILE));
        doctor_finish(doctor, "fetch_token_file cannot be read");
}

static const char *doctor_base(const Doctor *doctor)
{
        return doctor->settings->fetch_url ? doctor->settings->fetch_url : doctor->settings->url;
}

static void doctor_on_discovery(const FetchAnswer *answer, void *userdata)
{
        Doctor *doctor = userdata;
        bool failed = doctor_tell_trouble(doctor, CHECK_DISCOVERY, answer);

        doctor->fetch = NULL;
        if (!failed)
                doctor_tell(doctor, CHECK_DISCOVERY, DOCTOR_OK,
                            g_strdup_printf("%s answers", doctor_base(doctor)), NULL);
        if (answer->error == 0) {
                doctor_tell_certificate(doctor, answer, doctor_base(doctor));
                if (answer->date_sec > 0) /* Keycloak sends none: its token tells the time, later */
                        doctor_tell_clock(doctor, answer->date_sec);
        }
        if (failed)
                doctor_finish(doctor, "discovery failed");
        else
                doctor_take_document(doctor, answer->body);
}

/* ---- life ---- */

static void doctor_begin(Doctor *doctor)
{
        g_autofree char *url = discovery_document_url(doctor_base(doctor));
        g_autoptr(GError) error = NULL;

        if (!doctor->settings->keys_file &&
            doctor_get(doctor, url, ISSUER_DISCOVERY_SIZE_MAX, doctor_on_discovery, &error))
                return;
        doctor->stillborn = error ? g_strdup(error->message) : NULL;
        doctor->idle = g_idle_source_new();
        g_source_set_callback(doctor->idle, doctor_on_idle, doctor, NULL);
        g_source_attach(doctor->idle, g_main_context_get_thread_default());
}

Doctor *doctor_start(Fetcher *fetcher, const IssuerSettings *settings, const char *ca_pem,
                     const DoctorPolicy *policies, size_t n_policies, DoctorDone done,
                     void *userdata)
{
        Doctor *doctor = g_new0(Doctor, 1);

        doctor->fetcher = fetcher;
        doctor->settings = issuer_settings_copy(settings);
        doctor->ca_pem = g_strdup(ca_pem);
        doctor->policies = g_ptr_array_new_with_free_func((GDestroyNotify) doctor_policy_free);
        for (size_t i = 0; i < n_policies; i++)
                g_ptr_array_add(doctor->policies, doctor_policy_copy(&policies[i]));
        doctor->done = done;
        doctor->userdata = userdata;
        findings_init(&doctor->findings);
        doctor_begin(doctor);
        return doctor;
}

void doctor_free(Doctor *doctor)
{
        if (!doctor)
                return;
        fetch_cancel(doctor->fetch);
        if (doctor->idle)
                g_source_destroy(doctor->idle);
        g_clear_pointer(&doctor->idle, g_source_unref);
        discovery_free(doctor->document);
        g_free(doctor->token_url);
        g_free(doctor->stillborn);
        json_decref(doctor->methods);
        if (doctor->keys)
                keyset_unref(doctor->keys);
        secret_free(doctor->token);
        claims_unref(doctor->own);
        claims_unref(doctor->answer);
        findings_deinit(&doctor->findings);
        g_ptr_array_unref(doctor->policies);
        g_free(doctor->ca_pem);
        issuer_settings_free(doctor->settings);
        g_free(doctor);
}

/* walk: one walk of the doctor, as its parts share it: what it has found out so far, how it
 * tells and how it calls.
 *
 * Internal to doctor, which looks at the provider and its keys, and client, which goes on as
 * a client. Owned by doctor, main thread. */
#pragma once

#include "issuer/discovery.h"
#include "doctor/doctor.h"
#include "token/verify.h"

#define DOCTOR_ANSWER_SIZE_MAX  (256 * 1024) /* of the token and introspection endpoints */
#define DOCTOR_ANSWER_DEPTH_MAX 16

/* In the order of the walk; whatever was not reached is skipped at its end. */
typedef enum DoctorCheck {
        CHECK_DISCOVERY,
        CHECK_CERTIFICATE,
        CHECK_CLOCK,
        CHECK_DOCUMENT,
        CHECK_KEYS,
        CHECK_KEYS_SKIPPED,
        CHECK_ALGORITHMS,
        CHECK_CACHE,
        CHECK_CLIENT,
        CHECK_GRANT,
        CHECK_TOKEN,
        CHECK_INTROSPECTION,
        _CHECK_MAX,
} DoctorCheck;

struct Doctor {
        Fetcher *fetcher;
        IssuerSettings *settings;
        char *ca_pem;
        GPtrArray *policies; /* of DoctorPolicy */
        DoctorDone done;
        void *userdata;

        Fetch *fetch;        /* the call under way */
        GSource *idle;       /* without any call: a keys_file, or no begin */
        char *stillborn;     /* why the first call could not be made; NULL: it was */
        int64_t asked_sec;   /* wall clock, when the call began */
        Discovery *document; /* NULL: none */
        char *token_url;     /* NULL: none */
        json_t *methods;     /* token_endpoint_auth_methods_supported; NULL: not said */
        KeySet *keys;        /* NULL: none */
        Secret *token;       /* NULL: none */
        bool probes;         /* token is PROBE_TOKEN */
        Claims *own;         /* of token, its signature held; NULL: opaque, or not to be believed */
        Claims *answer;      /* own, filled in by introspection; NULL: none */

        Findings findings;
        bool told[_CHECK_MAX];
};

/* found and advice are taken over. */
void doctor_tell(Doctor *doctor, DoctorCheck check, DoctorResult result, char *found, char *advice);
/* What was not looked at from one check on to before the next. */
void doctor_skip(Doctor *doctor, DoctorCheck from, DoctorCheck next, const char *why);
/* provider_sec: its time, in an answer to the last call. */
void doctor_tell_clock(Doctor *doctor, int64_t provider_sec);
/* The end, and the doctor's last act. why: what kept us from the rest. */
void doctor_finish(Doctor *doctor, const char *why);
/* With the client's own name where the console shows it. */
char *doctor_advice(const Doctor *doctor, const char *text);
/* True: told as failed. */
bool doctor_tell_trouble(Doctor *doctor, DoctorCheck check, const FetchAnswer *answer);
void doctor_call(Doctor *doctor, FetchOptions options, FetchDone done);
/* A document or key set. */
bool doctor_get(Doctor *doctor, const char *url, size_t size_max, FetchDone done, GError **error);
/* A JSON object, or NULL. */
json_t *doctor_read_object(Span text);

/* client_begin: the rest of the walk, to its end. */
void client_begin(Doctor *doctor);

/* service: one [pam SERVICE] of the settings: which policy holds there, and which ways lead in.
 *
 * Settings as written; compiled by service_new. Immutable after; main thread. */
#pragma once

#include "users/naming.h"
#include "verdict/policy.h"

#define SERVICE_NAME_MAX 64
#define SERVICES_MAX     256
#define SERVICE_ANY      "default" /* [pam default]: of every service that has no section */

typedef enum LoginWay {
        WAY_DEVICE,   /* RFC 8628: a code and a QR, approved in a browser */
        WAY_PASSWORD, /* password, then OTP: the direct grant */
        WAY_PUSH,     /* CIBA: approved on a device that the realm reaches */
        WAY_TOKEN,    /* an access token typed as password, for programs */
        _WAY_MAX,
} LoginWay;

const char *login_way_text(LoginWay way); /* "device", "password", "push", "token" */
bool login_way_from_text(const char *text, LoginWay *ret);

typedef enum QrStyle { QR_UTF8, QR_ASCII, QR_NONE } QrStyle;

typedef struct ServiceSettings {
        char *name;   /* of the PAM service: "sshd" */
        char *policy; /* required */
        char *issuer; /* NULL: the policy's only issuer */
        char **ways;  /* in order; NULL: device */
        char *scope;  /* "openid" */
        QrStyle qr;
        bool enter;          /* the device code stands in a prompt that Enter ends: stock sshd shows
                              * info text only with one, and sudo is interrupted at one alone. Default:
                              * for these two, and for SERVICE_ANY, which may be one of them */
        bool bind_command;   /* the command line is shown to who approves. Default: for sudo,
                              * and for SERVICE_ANY */
        bool environment;    /* AUTHD_SUBJECT, AUTHD_ISSUER in the session */
        int64_t timeout_sec; /* of a whole conversation */
        int64_t fence_stale_sec; /* how old what the directory knows may be at the account phase
                                  * while the realm cannot be asked; 0: unavailable then */
        int64_t offline_sec;     /* how long after the last login online; 0: no offline login */
        unsigned attempts_max;   /* failures of a user from one address before they wait; of the
                                  * user, or of the address, as a whole: ten times as many */
        int64_t lockout_sec;
} ServiceSettings;

#define SERVICE_SCOPE_DEFAULT           "openid"
#define SERVICE_TIMEOUT_SEC_DEFAULT     300
#define SERVICE_TIMEOUT_SEC_MIN         10
#define SERVICE_TIMEOUT_SEC_MAX         1800
#define SERVICE_FENCE_STALE_SEC_DEFAULT 3600
#define SERVICE_FENCE_STALE_SEC_MAX     (INT64_C(30) * 24 * 3600)
#define SERVICE_OFFLINE_SEC_MAX         (INT64_C(30) * 24 * 3600)
#define SERVICE_ATTEMPTS_DEFAULT        5
#define SERVICE_ATTEMPTS_MAX            1000
#define SERVICE_LOCKOUT_SEC_DEFAULT     300
#define SERVICE_LOCKOUT_SEC_MAX         (INT64_C(24) * 3600)

ServiceSettings *service_settings_new(const char *name); /* the defaults */
void service_settings_free(ServiceSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServiceSettings, service_settings_free)

typedef struct Service {
        ServiceSettings *settings; /* its own: logins outlive the settings that were read */
        Policy *policy;            /* a reference */
        const char *issuer;        /* interned */
        LoginWay ways[_WAY_MAX];
        size_t n_ways;
        bool enter; /* as in the settings */
} Service;

/* service_new: GError says the setting and what to do: no such policy, or one that no login can
 * meet (groups that are no paths, tokens that are bound or asked about), more than one issuer and
 * none chosen, an issuer that we are no client of (for token alone we need not be), a way twice or
 * unknown, offline without a password or with a policy that demands how somebody signed in. */
Service *service_new(const ServiceSettings *settings, const PolicySet *policies,
                     const PolicyIssuer *known, size_t n_known, GError **error);
void service_free(Service *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

bool service_has_way(const Service *service, LoginWay way);
/* services_find: the one of name, else that of SERVICE_ANY; NULL: neither is there. */
const Service *services_find(const GPtrArray *services, const char *name);

/* grant: asking one issuer's token endpoint, and what stands before it: a device code, a push.
 *
 * One call a question, each with a deadline; whoever waits for a person (device, push) asks again
 * by itself at the interval that it was told. Passwords, codes and tokens are erased when the call
 * ends and never logged. A result is one of GrantResult: "no" (denied, invalid), "not yet" and
 * "could not ask" are never mixed. Main thread. Returns, does not log. */
#pragma once

#include "base/secret.h"
#include "issuer/clientauth.h"

#define GRANT_CALL_USEC (5 * G_USEC_PER_SEC)
#define GRANT_SIZE_MAX  (64 * 1024)
#define GRANT_TEXT_MAX                                                                             \
        512 /* of error and URLs (longer is malformed), and of a description                       \
             * (a longer one is left out: a no stays a no) */
#define GRANT_USER_CODE_MAX      64
#define GRANT_CODE_MAX           8192 /* of device_code and auth_req_id, which may be a JWE */
#define GRANT_INTERVAL_SEC       5    /* where the provider names none (RFC 8628 §3.2) */
#define GRANT_INTERVAL_SEC_MAX   60
#define GRANT_SLOW_DOWN_SEC      5    /* added by each slow_down (RFC 8628 §3.5) */
#define GRANT_DEVICE_EXPIRES_MAX 1800 /* of a device code, whatever the provider says */

typedef enum GrantResult {
        GRANT_UNAVAILABLE, /* zero: nobody said anything usable */
        GRANT_GRANTED,
        GRANT_PENDING,   /* authorization_pending */
        GRANT_SLOW_DOWN, /* the same, and the interval grows by GRANT_SLOW_DOWN_SEC */
        GRANT_DENIED,    /* access_denied: the person (or the realm) said no */
        GRANT_EXPIRED,   /* expired_token */
        GRANT_INVALID,   /* invalid_grant: wrong password or OTP, disabled user, used-up code; of a
                          * push: unknown_user_id */
        GRANT_ACTION, /* invalid_grant because something must be done first: "Account is not fully
                       * set up" */
        GRANT_NOT_PERMITTED, /* this client may not: invalid_client, unauthorized_client,
                              * unsupported_grant_type, invalid_scope */
} GrantResult;

const char *grant_result_text(GrantResult result); /* "granted", "pending"… for logs */

/* GrantTarget: whom to ask and as whom; borrowed for the call that takes it. */
typedef struct GrantTarget {
        const char *issuer_url;
        const char *token_endpoint;  /* NULL: not known yet: every question is UNAVAILABLE */
        const char *device_endpoint; /* device_authorization_endpoint; NULL: none */
        const char *push_endpoint;   /* backchannel_authentication_endpoint; NULL: none */
        const ClientAuthSettings *client;
        const char *ca_pem;
        const char *proxy;
} GrantTarget;

/* GrantAnswer: borrowed for the callback. */
typedef struct GrantAnswer {
        GrantResult result;
        Span access_token, refresh_token, id_token; /* GRANTED; the last two may be empty */
        int64_t expires_in_sec;                     /* of the access token; 0: not told */
        const char *error;                          /* the provider's word, printable; "" */
        const char *description;                    /* hostile text; "" */
        int64_t retry_after_sec;                    /* of 429 and 503; 0: not told. Not bounded */
        const char *trouble; /* UNAVAILABLE, NOT_PERMITTED: one sentence of ours; else NULL */
} GrantAnswer;

/* DeviceAnswer: of a device authorization (RFC 8628 §3.2); result GRANTED: codes are there, and
 * printable ASCII; the URLs are https, or http to loopback, and name no user. */
typedef struct DeviceAnswer {
        GrantResult result;
        Span device_code; /* a secret */
        const char *user_code;
        const char *verification_uri;
        const char *verification_uri_complete; /* NULL: none */
        int64_t expires_in_sec, interval_sec;  /* bounded */
        const char *trouble;
} DeviceAnswer;

/* PushAnswer: of a CIBA request (OpenID Connect CIBA Core 1.0 §7.3). */
typedef struct PushAnswer {
        GrantResult result;
        Span auth_req_id; /* a secret */
        int64_t expires_in_sec, interval_sec;
        const char *trouble;
} PushAnswer;

typedef void (*GrantDone)(const GrantAnswer *answer, void *userdata);
typedef void (*DeviceDone)(const DeviceAnswer *answer, void *userdata);
typedef void (*PushDone)(const PushAnswer *answer, void *userdata);

/* Grant: one call under way. done is called exactly once, never before the function returned;
 * after grant_cancel it is not called. In done the Grant is gone. */
typedef struct Grant Grant;

/* scope: space-separated; NULL: none asked for. */
Grant *grant_client_credentials(Fetcher *fetcher, const GrantTarget *target, const char *scope,
                                GrantDone done, void *userdata);
/* grant_password: the direct grant; otp empty: none sent (Keycloak's form member totp). */
Grant *grant_password(Fetcher *fetcher, const GrantTarget *target, const char *scope, Span username,
                      Span password, Span otp, GrantDone done, void *userdata);
Grant *grant_device_begin(Fetcher *fetcher, const GrantTarget *target, const char *scope,
                          DeviceDone done, void *userdata);
Grant *grant_device_poll(Fetcher *fetcher, const GrantTarget *target, Span device_code,
                         GrantDone done, void *userdata);
/* grant_push_begin: login_hint names the person; binding_message (may be NULL) is what the person
 * sees on the approving device. */
Grant *grant_push_begin(Fetcher *fetcher, const GrantTarget *target, const char *scope,
                        const char *login_hint, const char *binding_message, PushDone done,
                        void *userdata);
Grant *grant_push_poll(Fetcher *fetcher, const GrantTarget *target, Span auth_req_id,
                       GrantDone done, void *userdata);
void grant_cancel(Grant *grant); /* takes NULL */

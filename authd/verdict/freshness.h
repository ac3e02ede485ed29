/* freshness: how old what a policy relies on may be: the issuer's keys, and its answers about
 * tokens (RFC 7662); and what may still be lived on while the issuer cannot be asked.
 *
 * Part of policy and nobody else's. Compiled once with the policy, immutable. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTROSPECTION_MAX_AGE_DEFAULT_SEC 30   /* of answers that no mode bounds more tightly */
#define INTROSPECTION_MAX_AGE_SEC_MAX     3600 /* of max-age */
#define POLICY_STALE_UNSET                INT64_C(-1)
#define POLICY_STALE_SEC_MAX              (INT64_C(30) * 24 * 3600)
#define INTROSPECT_TEXT_MAX               32 /* "max-age 3600s", NUL included */

typedef enum IntrospectMode {
        INTROSPECT_MODE_NEVER, /* a JWT is believed for what it says */
        INTROSPECT_MODE_ALWAYS,
        INTROSPECT_MODE_WRITES,  /* for requests that may change something */
        INTROSPECT_MODE_MAX_AGE, /* an answer of that age at most */
} IntrospectMode;

typedef struct PolicySettings PolicySettings;

/* PolicyIssuer: what a policy must know of an issuer that is configured. */
typedef struct PolicyIssuer {
        const char *name;
        bool introspects; /* we are a client of it */
} PolicyIssuer;

typedef struct Freshness {
        IntrospectMode mode;
        int64_t max_age_usec;
        const char *issuer;      /* interned; who is asked about opaque tokens; NULL: nobody */
        int64_t keys_stale_usec; /* POLICY_STALE_UNSET: the issuer's own */
        int64_t introspection_stale_usec;
        char mode_text[INTROSPECT_TEXT_MAX]; /* as in the settings */
} Freshness;

/* freshness_init: issuers are those of the policy. *error begins with the setting's name. */
bool freshness_init(Freshness *freshness, const PolicySettings *settings,
                    const PolicyIssuer *issuers, size_t n_issuers, GError **error);

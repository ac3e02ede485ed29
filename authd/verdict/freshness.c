/* freshness: see freshness.h. Each step of compiling refuses with a sentence or goes on. */
#include "verdict/freshness.h"

#include "verdict/policy.h"
#include "verdict/setting.h"

typedef struct Compile {
        Freshness *freshness;
        const PolicySettings *settings;
        const PolicyIssuer *issuers;
        size_t n_issuers;
        GError **error;
} Compile;

static bool compile_mode(const Compile *compile)
{
        static const char *const words[] = {
                [INTROSPECT_MODE_NEVER] = "never",
                [INTROSPECT_MODE_ALWAYS] = "always",
                [INTROSPECT_MODE_WRITES] = "writes",
                [INTROSPECT_MODE_MAX_AGE] = "max-age",
        };
        IntrospectMode mode = compile->settings->introspect;
        int64_t age_sec = compile->settings->introspect_max_age_sec;
        Freshness *freshness = compile->freshness;

        freshness->mode = mode;
        g_strlcpy(freshness->mode_text, words[mode], sizeof(freshness->mode_text));
        if (mode != INTROSPECT_MODE_MAX_AGE)
                return true;
        if (age_sec < 1 || age_sec > INTROSPECTION_MAX_AGE_SEC_MAX)
                return setting_refuse(compile->error,
                                      "introspect = max-age %" G_GINT64_FORMAT
                                      "s is out of 1s to 1h; for no age at all write always",
                                      age_sec);
        freshness->max_age_usec = age_sec * G_USEC_PER_SEC;
        g_snprintf(freshness->mode_text, sizeof(freshness->mode_text),
                   "max-age %" G_GINT64_FORMAT "s", age_sec);
        return true;
}

/* Whoever demands an answer needs somebody to ask: else each such token would be unavailable. */
static bool compile_demand(const Compile *compile)
{
        if (compile->freshness->mode == INTROSPECT_MODE_NEVER)
                return true;
        for (size_t i = 0; i < compile->n_issuers; i++)
                if (!compile->issuers[i].introspects)
                        return setting_refuse(compile->error,
                                              "introspect = %s asks each issuer of the policy, and "
                                              "[issuer %s] has no client_id; add one, or take the "
                                              "issuer out of issuers",
                                              compile->freshness->mode_text,
                                              compile->issuers[i].name);
        return true;
}

static const PolicyIssuer *find_issuer(const Compile *compile, const char *name)
{
        for (size_t i = 0; i < compile->n_issuers; i++)
                if (strcmp(compile->issuers[i].name, name) == 0)
                        return &compile->issuers[i];
        return NULL;
}

/* The only one with a client, or NULL: an opaque token is never sent round. */
static const char *only_issuer(const Compile *compile)
{
        const char *only = NULL;

        for (size_t i = 0; i < compile->n_issuers; i++) {
                if (!compile->issuers[i].introspects)
                        continue;
                if (only)
                        return NULL;
                only = compile->issuers[i].name;
        }
        return only;
}

static bool compile_issuer(const Compile *compile)
{
        const char *name = compile->settings->introspection_issuer;
        const PolicyIssuer *issuer = name ? find_issuer(compile, name) : NULL;

        if (name && !issuer)
                return setting_refuse(compile->error,
                                      "introspection_issuer = %s is not among the policy's "
                                      "issuers; add it there, or name one of them",
                                      name);
        if (name && !issuer->introspects)
                return setting_refuse(compile->error,
                                      "introspection_issuer = %s cannot be asked: [issuer %s] has "
                                      "no client_id; add one",
                                      name, name);
        compile->freshness->issuer = g_intern_string(name ? name : only_issuer(compile));
        return true;
}

static bool compile_budget(const Compile *compile, const char *setting, int64_t sec,
                           int64_t *ret_usec)
{
        if (sec < 0 || sec > POLICY_STALE_SEC_MAX)
                return setting_refuse(
                    compile->error, "%s = %" G_GINT64_FORMAT "s is out of 0s to 30d", setting, sec);
        *ret_usec = sec * G_USEC_PER_SEC;
        return true;
}

static bool compile_budgets(const Compile *compile)
{
        const PolicySettings *settings = compile->settings;
        Freshness *freshness = compile->freshness;

        freshness->keys_stale_usec = POLICY_STALE_UNSET;
        if (settings->keys_stale_for_sec != POLICY_STALE_UNSET &&
            !compile_budget(compile, "keys_stale_for", settings->keys_stale_for_sec,
                            &freshness->keys_stale_usec))
                return false;
        return compile_budget(compile, "introspection_stale_for",
                              settings->introspection_stale_for_sec,
                              &freshness->introspection_stale_usec);
}

bool freshness_init(Freshness *freshness, const PolicySettings *settings,
                    const PolicyIssuer *issuers, size_t n_issuers, GError **error)
{
        const Compile compile = { freshness, settings, issuers, n_issuers, error };

        return compile_mode(&compile) && compile_demand(&compile) && compile_issuer(&compile) &&
               compile_budgets(&compile);
}

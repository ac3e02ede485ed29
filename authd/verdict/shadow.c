/* shadow: see shadow.h. */
#include "verdict/shadow.h"

size_t shadow_base(const char *name)
{
        size_t len = strlen(name), suffix = strlen(SHADOW_SUFFIX);

        return len > suffix && strcmp(name + len - suffix, SHADOW_SUFFIX) == 0 ? len - suffix : 0;
}

/* ---- what of its settings counts, and what is asked for less ---- */

typedef enum Shape {
        SHAPE_OTHER,
        SHAPE_ONE_OF,  /* a list of which one is enough: a word more is less asked for */
        SHAPE_ALL_OF,  /* a list of which all are needed: a word less is */
        SHAPE_AT_MOST, /* seconds, 0: no bound */
        SHAPE_OPTIONAL,
} Shape;

typedef struct Looked {
        const char *key;
        Shape shape;
        size_t offset;
} Looked;

#define AT(member) offsetof(PolicySettings, member)

static const Looked looked_at[] = {
        { "issuers", SHAPE_ONE_OF, AT(issuers) },
        { "audience", SHAPE_ONE_OF, AT(audience) },
        { "force_audience" },
        { "azp", SHAPE_ONE_OF, AT(azp) },
        { "type", SHAPE_ONE_OF, AT(type) },
        { "scopes", SHAPE_ALL_OF, AT(scopes) },
        { "scopes_any", SHAPE_ONE_OF, AT(scopes_any) },
        { "roles", SHAPE_ONE_OF, AT(roles) },
        { "roles_all", SHAPE_ALL_OF, AT(roles_all) },
        { "groups", SHAPE_ONE_OF, AT(groups) },
        { "groups_all", SHAPE_ALL_OF, AT(groups_all) },
        { "groups_claim" },
        { "claims", SHAPE_ALL_OF, AT(claims) },
        { "leeway" },
        { "max_age", SHAPE_AT_MOST, AT(max_age_sec) },
        { "subject", SHAPE_OPTIONAL, AT(subject_optional) },
        { "acr", SHAPE_ONE_OF, AT(acr) },
        { "max_auth_age", SHAPE_AT_MOST, AT(max_auth_age_sec) },
};

bool shadow_looks_at(const char *key)
{
        for (size_t i = 0; i < G_N_ELEMENTS(looked_at); i++)
                if (strcmp(looked_at[i].key, key) == 0)
                        return true;
        return false;
}

static char *const *list_at(const PolicySettings *settings, const Looked *looked)
{
        static char *const type_default[] = { (char *) "Bearer", (char *) "DPoP", (char *) "at+jwt",
                                              NULL };
        char **list = *(char **const *) ((const char *) settings + looked->offset);

        return !list && looked->offset == AT(type) ? type_default : list;
}

static bool list_has(char *const *list, const char *word)
{
        return list && g_strv_contains((const char *const *) list, word);
}

/* The first word of list that other lacks; "any" is every word. */
static const char *word_beyond(char *const *list, char *const *other)
{
        if (list_has(other, "any"))
                return NULL;
        for (size_t i = 0; list && list[i]; i++)
                if (!list_has(other, list[i]))
                        return list[i];
        return NULL;
}

static char *list_looser(const Looked *looked, char *const *now, char *const *next)
{
        const char *word;

        if (!now)
                return NULL;
        if (!next)
                return g_strdup_printf("%s is not asked for", looked->key);
        if (looked->shape == SHAPE_ONE_OF) {
                word = word_beyond(next, now);
                return word ? g_strdup_printf("%s takes %s, too", looked->key, word) : NULL;
        }
        word = word_beyond(now, next);
        return word ? g_strdup_printf("%s does not ask for %s", looked->key, word) : NULL;
}

static char *bound_looser(const Looked *looked, int64_t now_sec, int64_t next_sec)
{
        if (now_sec == 0 || (next_sec > 0 && next_sec <= now_sec))
                return NULL;
        return g_strdup_printf("%s is longer", looked->key);
}

static char *setting_looser(const Looked *looked, const PolicySettings *policy,
                            const PolicySettings *next)
{
        const char *now_at = (const char *) policy + looked->offset;
        const char *next_at = (const char *) next + looked->offset;

        switch (looked->shape) {
        case SHAPE_ONE_OF:
        case SHAPE_ALL_OF:
                return list_looser(looked, list_at(policy, looked), list_at(next, looked));
        case SHAPE_AT_MOST:
                return bound_looser(looked, *(const int64_t *) now_at, *(const int64_t *) next_at);
        case SHAPE_OPTIONAL:
                return *(const bool *) next_at && !*(const bool *) now_at
                           ? g_strdup_printf("%s is optional", looked->key)
                           : NULL;
        default: return NULL;
        }
}

char **shadow_looser(const PolicySettings *policy, const PolicySettings *next)
{
        GPtrArray *sentences = g_ptr_array_new();

        for (size_t i = 0; i < G_N_ELEMENTS(looked_at); i++) {
                g_autofree char *what = setting_looser(&looked_at[i], policy, next);

                if (what)
                        g_ptr_array_add(sentences, g_strdup_printf("looser than policy %s: %s",
                                                                   policy->name, what));
        }
        g_ptr_array_add(sentences, NULL);
        return (char **) g_ptr_array_free(sentences, FALSE);
}

/* ---- judging ---- */

/* What policy_check says, and nobody else but of a token without claims. */
static const Reason demands_reasons[] = {
        VERDICT_VALID,         VERDICT_MALFORMED,      VERDICT_UNKNOWN_ISSUER,
        VERDICT_EXPIRED,       VERDICT_NOT_YET_VALID,  VERDICT_TOO_OLD,
        VERDICT_WRONG_TYPE,    VERDICT_WRONG_AUDIENCE, VERDICT_WRONG_PARTY,
        VERDICT_MISSING_CLAIM, VERDICT_MISSING_SCOPE,  VERDICT_MISSING_ROLE,
        VERDICT_MISSING_GROUP, VERDICT_ACR_TOO_LOW,    VERDICT_AUTH_TOO_OLD,
};

static bool is_of_demands(Reason reason)
{
        for (size_t i = 0; i < G_N_ELEMENTS(demands_reasons); i++)
                if (demands_reasons[i] == reason)
                        return true;
        return false;
}

Reason shadow_judge(const Policy *next, const Verdict *enforced, int64_t issuer_leeway_sec,
                    int64_t now_sec, Verdict *ret, Steps *steps)
{
        Verdict verdict = VERDICT_INIT;

        g_assert(enforced->claims);
        verdict.issuer = enforced->issuer;
        if (is_of_demands(enforced->reason))
                verdict.reason = policy_check(next, enforced->claims, issuer_leeway_sec, now_sec,
                                              &verdict, &verdict.until_sec, steps);
        else
                verdict_refuse(&verdict, enforced->reason, "%s", enforced->detail);
        *ret = verdict;
        return verdict.reason;
}

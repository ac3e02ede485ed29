/* policy: see policy.h. First how settings are compiled, then how claims are held against them. */
#include "verdict/policy.h"

#include "verdict/demand.h"
#include "verdict/headerlist.h"

#include <stdarg.h>
#include <stdio.h>

#define ANY                  "any"
#define GROUPS_CLAIM_DEFAULT "groups"
#define MAX_AGE_SEC_MAX      (INT64_C(366) * 24 * 3600)

typedef enum TypeRule {
        TYPE_ACCESS, /* Keycloak's Bearer or RFC 9068's at+jwt */
        TYPE_NAMED,  /* the words of the list */
        TYPE_ANY,    /* also unmarked ones, never a kind known to be another */
} TypeRule;

struct Policy {
        gatomicrefcount references;
        const char *name; /* interned, as are the issuers */
        const char **issuers;
        size_t n_issuers;
        char *issuers_text;
        bool any_audience;
        bool forced_audience;
        bool subject_optional;
        TypeRule type_rule;
        int64_t leeway_sec;
        int64_t max_age_sec;
        int64_t max_auth_age_sec;
        BindingMode dpop, mtls;
        bool dpop_nonce;
        char *acr_text; /* for a challenge: by spaces; NULL: none is demanded */
        Freshness freshness;
        Demand demands[_DEMAND_MAX];
        HeaderList headers; /* and descriptors */
        char *assertion_header;
        AssertionRule assertion;
        Policy *next; /* NULL: none is tried */
        char **next_warnings;
};

/* ---- settings ---- */

PolicySettings *policy_settings_new(const char *name)
{
        PolicySettings *settings = g_new0(PolicySettings, 1);

        settings->name = g_strdup(name);
        settings->leeway_sec = POLICY_LEEWAY_SEC_UNSET;
        settings->keys_stale_for_sec = POLICY_STALE_UNSET;
        settings->assertion_ttl_sec = ASSERTION_TTL_SEC_DEFAULT;
        return settings;
}

void policy_settings_free(PolicySettings *settings)
{
        if (!settings)
                return;
        g_free(settings->name);
        g_strfreev(settings->issuers);
        g_strfreev(settings->audience);
        g_free(settings->force_audience);
        g_strfreev(settings->azp);
        g_strfreev(settings->type);
        g_strfreev(settings->scopes);
        g_strfreev(settings->scopes_any);
        g_strfreev(settings->roles);
        g_strfreev(settings->roles_all);
        g_strfreev(settings->groups);
        g_strfreev(settings->groups_all);
        g_free(settings->groups_claim);
        g_strfreev(settings->claims);
        g_strfreev(settings->acr);
        g_strfreev(settings->headers);
        g_strfreev(settings->token_from);
        g_strfreev(settings->limits);
        g_free(settings->introspection_issuer);
        g_strfreev(settings->descriptors);
        g_free(settings->assertion);
        g_free(settings->assertion_audience);
        g_free(settings->assertion_issuer);
        g_strfreev(settings->assertion_claims);
        g_free(settings);
}

/* ---- compiling: each step refuses with a sentence or goes on ---- */

typedef struct Compile {
        Policy *policy;
        const PolicySettings *settings;
        const PolicyIssuer *known;
        size_t n_known;
        GError **error;
} Compile;

G_GNUC_PRINTF(2, 3) static bool refuse(const Compile *compile, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(compile->error,
                          g_error_new_valist(G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                                             format, arguments));
        va_end(arguments);
        return false;
}

static bool list_is_any(char *const *list)
{
        return list && list[0] && !list[1] && strcmp(list[0], ANY) == 0;
}

static bool list_has(char *const *list, const char *word)
{
        return list && g_strv_contains((const char *const *) list, word);
}

static const PolicyIssuer *known_issuer(const Compile *compile, const char *name)
{
        for (size_t i = 0; i < compile->n_known; i++)
                if (strcmp(compile->known[i].name, name) == 0)
                        return &compile->known[i];
        return NULL;
}

static char *known_text(const Compile *compile)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (size_t i = 0; i < compile->n_known; i++)
                g_string_append_printf(text, "%s%s", i > 0 ? "; " : "", compile->known[i].name);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void take_issuer(Policy *policy, const char *name)
{
        policy->issuers[policy->n_issuers++] = g_intern_string(name);
}

/* Without the setting the only issuer is meant; with several configured it must be said which. */
static bool compile_issuers(const Compile *compile)
{
        char **meant = compile->settings->issuers;
        g_autofree char *known = known_text(compile);
        Policy *policy = compile->policy;

        if (compile->n_known == 0)
                return refuse(compile, "issuers: no issuer is configured; add an [issuer NAME]");
        if (meant ? !meant[0] : compile->n_known > 1)
                return refuse(compile,
                              "issuers is missing: there are several, name those whose "
                              "tokens are taken (issuers = %s)",
                              known);
        policy->issuers = g_new0(const char *, meant ? g_strv_length(meant) : 1);
        if (!meant)
                take_issuer(policy, compile->known[0].name);
        for (size_t i = 0; meant && meant[i]; i++) {
                if (!known_issuer(compile, meant[i]))
                        return refuse(compile, "issuers: there is no [issuer %s]; there is %s",
                                      meant[i], known);
                take_issuer(policy, meant[i]);
        }
        policy->issuers_text = meant ? g_strjoinv(", ", meant) : g_strdup(policy->issuers[0]);
        return true;
}

static bool compile_freshness(const Compile *compile)
{
        Policy *policy = compile->policy;
        g_autofree PolicyIssuer *issuers = g_new0(PolicyIssuer, policy->n_issuers);

        for (size_t i = 0; i < policy->n_issuers; i++)
                issuers[i] = *known_issuer(compile, policy->issuers[i]);
        return freshness_init(&policy->freshness, compile->settings, issuers, policy->n_issuers,
                              compile->error);
}

static bool compile_forced_audience(const Compile *compile)
{
        const PolicySettings *settings = compile->settings;
        bool of_all = list_has(settings->audience, POLICY_AUDIENCE_OF_ALL);

        if (!settings->force_audience)
                return !of_all ||
                       refuse(compile,
                              "audience = account is refused: every Keycloak token carries "
                              "it, so it shuts nobody out; name this service's own "
                              "audience, or add force_audience = account if that is meant");
        if (strcmp(settings->force_audience, POLICY_AUDIENCE_OF_ALL) != 0)
                return refuse(compile, "force_audience = %s is needless: only account needs it",
                              settings->force_audience);
        if (!of_all)
                return refuse(compile, "force_audience = account without audience = account; "
                                       "remove it");
        compile->policy->forced_audience = true;
        return true;
}

static bool compile_audience(const Compile *compile)
{
        char *const *audience = compile->settings->audience;

        if (!audience || !audience[0])
                return refuse(compile,
                              "audience is missing: name who the tokens must be meant for, "
                              "or write audience = any");
        compile->policy->any_audience = list_is_any(audience);
        if (!compile->policy->any_audience && list_has(audience, ANY))
                return refuse(compile, "audience: any stands alone; remove the other words or the "
                                       "any");
        return compile_forced_audience(compile);
}

static bool compile_type(const Compile *compile)
{
        char *const *type = compile->settings->type;

        compile->policy->type_rule = list_is_any(type) ? TYPE_ANY : type ? TYPE_NAMED : TYPE_ACCESS;
        return true;
}

static char *const *demand_words(const Compile *compile, DemandKind kind)
{
        const PolicySettings *settings = compile->settings;
        char *const *const words[_DEMAND_MAX] = {
                [DEMAND_AUDIENCE] = compile->policy->any_audience ? NULL : settings->audience,
                [DEMAND_PARTY] = settings->azp,
                [DEMAND_TYPE] = compile->policy->type_rule == TYPE_NAMED ? settings->type : NULL,
                [DEMAND_SCOPES] = settings->scopes,
                [DEMAND_SCOPES_ANY] = settings->scopes_any,
                [DEMAND_ROLES] = settings->roles,
                [DEMAND_ROLES_ALL] = settings->roles_all,
                [DEMAND_GROUPS] = settings->groups,
                [DEMAND_GROUPS_ALL] = settings->groups_all,
                [DEMAND_CLAIMS] = settings->claims,
                [DEMAND_ACR] = settings->acr,
        };

        return words[kind];
}

static bool compile_demands(const Compile *compile)
{
        const char *groups_claim = compile->settings->groups_claim;

        for (DemandKind kind = 0; kind < _DEMAND_MAX; kind++)
                if (!demand_init(&compile->policy->demands[kind], kind, demand_words(compile, kind),
                                 groups_claim ? groups_claim : GROUPS_CLAIM_DEFAULT,
                                 compile->error))
                        return false;
        if (compile->settings->acr)
                compile->policy->acr_text = g_strjoinv(" ", compile->settings->acr);
        return true;
}

static bool compile_times(const Compile *compile)
{
        const PolicySettings *settings = compile->settings;

        if (settings->leeway_sec != POLICY_LEEWAY_SEC_UNSET &&
            (settings->leeway_sec < 0 || settings->leeway_sec > POLICY_LEEWAY_SEC_MAX))
                return refuse(compile, "leeway = %" G_GINT64_FORMAT "s is out of 0s to %ds",
                              settings->leeway_sec, POLICY_LEEWAY_SEC_MAX);
        if (settings->max_age_sec < 0 || settings->max_age_sec > MAX_AGE_SEC_MAX)
                return refuse(compile, "max_age = %" G_GINT64_FORMAT "s is out of 1s to a year",
                              settings->max_age_sec);
        if (settings->max_auth_age_sec < 0 || settings->max_auth_age_sec > MAX_AGE_SEC_MAX)
                return refuse(compile,
                              "max_auth_age = %" G_GINT64_FORMAT "s is out of 1s to a year",
                              settings->max_auth_age_sec);
        compile->policy->leeway_sec = settings->leeway_sec;
        compile->policy->max_age_sec = settings->max_age_sec;
        compile->policy->max_auth_age_sec = settings->max_auth_age_sec;
        compile->policy->subject_optional = settings->subject_optional;
        return true;
}

static bool compile_bindings(const Compile *compile)
{
        const PolicySettings *settings = compile->settings;

        if (settings->dpop_nonce && settings->dpop == BINDING_NEVER)
                return refuse(compile,
                              "dpop_nonce without DPoP (dpop = never); remove one of them");
        compile->policy->dpop = settings->dpop;
        compile->policy->dpop_nonce = settings->dpop_nonce;
        compile->policy->mtls = settings->mtls;
        return true;
}

static bool compile_headers(const Compile *compile)
{
        g_auto(GStrv) fallback = g_strsplit(POLICY_HEADERS_DEFAULT, ";", -1);
        char *const *lines = compile->settings->headers;

        return headerlist_init(&compile->policy->headers, lines ? lines : fallback, compile->error);
}

static bool compile_descriptors(const Compile *compile)
{
        return headerlist_append(&compile->policy->headers, "descriptors", POLICY_DESCRIPTOR_PREFIX,
                                 compile->settings->descriptors, compile->error);
}

static bool compile_assertion(const Compile *compile)
{
        const PolicySettings *settings = compile->settings;
        const char *issuer = settings->assertion_issuer;
        Policy *policy = compile->policy;

        if (!settings->assertion)
                return !settings->assertion_audience ||
                       refuse(compile, "assertion_audience without assertion, so nobody would see "
                                       "it; add the header's name (assertion = X-Authd-Assertion)");
        if (!settings->assertion_audience)
                return refuse(compile, "assertion without assertion_audience; name who it is for");
        if (settings->assertion_ttl_sec < ASSERTION_TTL_SEC_MIN ||
            settings->assertion_ttl_sec > ASSERTION_TTL_SEC_MAX)
                return refuse(compile, "assertion_ttl = %" G_GINT64_FORMAT "s is out of %ds to %ds",
                              settings->assertion_ttl_sec, ASSERTION_TTL_SEC_MIN,
                              ASSERTION_TTL_SEC_MAX);
        if (!headerlist_check_name(&policy->headers, "assertion", settings->assertion,
                                   compile->error))
                return false;
        policy->assertion_header = g_strdup(settings->assertion);
        return assertion_rule_init(&policy->assertion, issuer ? issuer : ASSERTION_ISSUER_DEFAULT,
                                   settings->assertion_audience, settings->assertion_ttl_sec,
                                   settings->assertion_claims, compile->error);
}

static bool (*const compile_steps[])(const Compile *compile) = {
        compile_issuers,     compile_freshness, compile_audience, compile_type,
        compile_demands,     compile_times,     compile_bindings, compile_headers,
        compile_descriptors, compile_assertion,
};

Policy *policy_new(const PolicySettings *settings, const PolicyIssuer *known, size_t n_known,
                   GError **error)
{
        g_autoptr(Policy) policy = g_new0(Policy, 1);
        const Compile compile = { policy, settings, known, n_known, error };

        g_atomic_ref_count_init(&policy->references);
        policy->name = g_intern_string(settings->name);
        for (size_t i = 0; i < G_N_ELEMENTS(compile_steps); i++)
                if (!compile_steps[i](&compile))
                        return NULL;
        return g_steal_pointer(&policy);
}

Policy *policy_ref(Policy *policy)
{
        g_atomic_ref_count_inc(&policy->references);
        return policy;
}

void policy_unref(Policy *policy)
{
        if (!policy || !g_atomic_ref_count_dec(&policy->references))
                return;
        for (size_t i = 0; i < _DEMAND_MAX; i++)
                demand_deinit(&policy->demands[i]);
        headerlist_deinit(&policy->headers);
        g_free(policy->assertion_header);
        assertion_rule_deinit(&policy->assertion);
        policy_unref(policy->next);
        g_strfreev(policy->next_warnings);
        g_free(policy->acr_text);
        g_free(policy->issuers);
        g_free(policy->issuers_text);
        g_free(policy);
}

/* ---- what others ask of a policy ---- */

const char *policy_name(const Policy *policy)
{
        return policy->name;
}

bool policy_any_audience(const Policy *policy)
{
        return policy->any_audience;
}

bool policy_allows_issuer(const Policy *policy, const char *issuer_name)
{
        for (size_t i = 0; i < policy->n_issuers; i++)
                if (policy->issuers[i] == issuer_name)
                        return true;
        return false;
}

const char *policy_acr_text(const Policy *policy)
{
        return policy->acr_text;
}

int64_t policy_max_auth_age_sec(const Policy *policy)
{
        return policy->max_auth_age_sec;
}

BindingMode policy_dpop(const Policy *policy)
{
        return policy->dpop;
}

bool policy_demands_nonce(const Policy *policy)
{
        return policy->dpop_nonce;
}

BindingMode policy_mtls(const Policy *policy)
{
        return policy->mtls;
}

size_t policy_n_headers(const Policy *policy)
{
        return policy->headers.n_headers;
}

const Template *policy_header(const Policy *policy, size_t index, const char **ret_name)
{
        g_assert(index < policy->headers.n_headers);
        *ret_name = policy->headers.headers[index].name;
        return policy->headers.headers[index].value;
}

const AssertionRule *policy_assertion(const Policy *policy)
{
        return policy->assertion_header ? &policy->assertion : NULL;
}

const char *policy_assertion_header(const Policy *policy)
{
        return policy->assertion_header;
}

void policy_set_next(Policy *policy, Policy *next, char *const *warnings)
{
        g_assert(!policy->next && !next->next);
        policy->next = policy_ref(next);
        policy->next_warnings = g_strdupv((char **) warnings);
}

const Policy *policy_next(const Policy *policy)
{
        return policy->next;
}

const char *const *policy_next_warnings(const Policy *policy)
{
        return (const char *const *) policy->next_warnings;
}

static json_t *status_warnings(const Policy *policy)
{
        json_t *warnings = json_array();

        if (policy->any_audience)
                json_array_append_new(warnings,
                                      json_string("audience = any: a token that was meant for any "
                                                  "other service passes"));
        if (policy->forced_audience)
                json_array_append_new(warnings,
                                      json_string("audience = account is forced: every Keycloak "
                                                  "token passes"));
        if (policy->type_rule == TYPE_ANY)
                json_array_append_new(warnings, json_string("type = any: tokens that do not say "
                                                            "what they are for pass"));
        return warnings;
}

static json_t *status_keys_stale(const Freshness *freshness)
{
        if (freshness->keys_stale_usec == POLICY_STALE_UNSET)
                return json_null();
        return json_integer(freshness->keys_stale_usec / G_USEC_PER_SEC);
}

json_t *policy_status(const Policy *policy)
{
        const Freshness *freshness = &policy->freshness;
        const Demand *audience = &policy->demands[DEMAND_AUDIENCE];
        json_t *issuers = json_array(), *audiences = json_array();

        for (size_t i = 0; i < policy->n_issuers; i++)
                json_array_append_new(issuers, json_string(policy->issuers[i]));
        for (size_t i = 0; i < audience->n_items; i++)
                json_array_append_new(audiences, json_string(audience->items[i].text));
        if (policy->any_audience)
                json_array_append_new(audiences, json_string(ANY));
        return json_pack("{s:s, s:o, s:o, s:s, s:s?, s:o, s:I, s:o}", "name", policy->name,
                         "issuers", issuers, "audience", audiences, "introspect",
                         freshness->mode_text, "introspection_issuer", freshness->issuer,
                         "keys_stale_for_seconds", status_keys_stale(freshness),
                         "introspection_stale_for_seconds",
                         (json_int_t) (freshness->introspection_stale_usec / G_USEC_PER_SEC),
                         "warnings", status_warnings(policy));
}

/* ---- freshness ---- */

int64_t policy_keys_stale_usec(const Policy *policy, int64_t issuer_max_usec)
{
        int64_t own_usec = policy->freshness.keys_stale_usec;

        return own_usec == POLICY_STALE_UNSET ? issuer_max_usec : MIN(own_usec, issuer_max_usec);
}

int64_t policy_introspection_stale_usec(const Policy *policy)
{
        return policy->freshness.introspection_stale_usec;
}

bool policy_introspects(const Policy *policy)
{
        return policy->freshness.mode != INTROSPECT_MODE_NEVER || policy->freshness.issuer;
}

const char *policy_introspection_issuer(const Policy *policy)
{
        return policy->freshness.issuer;
}

bool policy_demands_answer(const Policy *policy, bool unsafe)
{
        switch (policy->freshness.mode) {
        case INTROSPECT_MODE_NEVER: return false;
        case INTROSPECT_MODE_WRITES: return unsafe;
        default: return true;
        }
}

int64_t policy_answer_age_usec(const Policy *policy, bool unsafe)
{
        if (policy->freshness.mode == INTROSPECT_MODE_MAX_AGE)
                return policy->freshness.max_age_usec;
        if (policy_demands_answer(policy, unsafe))
                return POLICY_ANSWER_OWN;
        return INTROSPECTION_MAX_AGE_DEFAULT_SEC * G_USEC_PER_SEC;
}

bool policy_answers_once(const Policy *policy)
{
        return policy->freshness.mode == INTROSPECT_MODE_ALWAYS ||
               policy->freshness.mode == INTROSPECT_MODE_WRITES;
}

const char *policy_introspect_text(const Policy *policy)
{
        return policy->freshness.mode_text;
}

/* ---- checking ---- */

#define FOUND_MAX    112                       /* bytes of what is shown of a token in a sentence */
#define SENTENCE_MAX (VERDICT_DETAIL_MAX + 64) /* verdict_refuse cuts, and shows that it did */

typedef struct Walk {
        const Policy *policy;
        const Claims *claims;
        int64_t now_sec;
        int64_t leeway_sec;
        int64_t until_sec;
        Verdict *verdict;
        Steps *steps;
        bool refused;
} Walk;

static bool walk_pass(const Walk *walk, const char *step, const char *found, const char *wanted)
{
        steps_add(walk->steps, step, STEP_OK, VERDICT_VALID, span_from(found), span_from(wanted));
        return true;
}

static bool walk_skip(const Walk *walk, const char *step)
{
        steps_add(walk->steps, step, STEP_SKIPPED, VERDICT_VALID, SPAN_EMPTY,
                  span_from("nothing is demanded"));
        return true;
}

/* The first refusal is the verdict; later ones are only shown. */
static bool walk_refuse(Walk *walk, const char *step, Reason reason, const char *found,
                        const char *wanted, const char *sentence)
{
        steps_add(walk->steps, step, STEP_FAILED, reason, span_from(found), span_from(wanted));
        if (!walk->refused)
                verdict_refuse(walk->verdict, reason, "%s", sentence);
        walk->refused = true;
        return false;
}

static bool walk_conclude(Walk *walk, bool good, const char *step, Reason reason, const char *found,
                          const char *wanted, const char *sentence)
{
        return good ? walk_pass(walk, step, found, wanted)
                    : walk_refuse(walk, step, reason, found, wanted, sentence);
}

/* On the hot path nobody reads the words of a check that passed, so nobody writes them. */
static bool walk_is_quiet(const Walk *walk, bool good)
{
        return good && !walk->steps;
}

typedef struct TimeText {
        char found[64];
        char wanted[64];
        char sentence[SENTENCE_MAX];
} TimeText;

static void time_text_found(TimeText *text, const Walk *walk, const char *claim, int64_t at_sec)
{
        int64_t ago_sec = walk->now_sec - at_sec;

        snprintf(text->found, sizeof(text->found),
                 "%s %" G_GINT64_FORMAT " (%s%" G_GINT64_FORMAT " s%s)", claim, at_sec,
                 ago_sec < 0 ? "in " : "", ABS(ago_sec), ago_sec < 0 ? "" : " ago");
}

/* RFC 7519 §4.1.4: good before exp; the leeway is on our side of the edge. */
static bool check_expiry(Walk *walk, DemandKind kind)
{
        int64_t exp_sec = claims_expiry(walk->claims);
        bool good = walk->now_sec < exp_sec + walk->leeway_sec;
        TimeText text;

        if (exp_sec == CLAIMS_TIME_NONE)
                return walk_refuse(walk, "exp", VERDICT_MALFORMED, "none", "a time",
                                   "The token has no exp claim: it would never expire, so it is "
                                   "refused.");
        walk->until_sec = MIN(walk->until_sec, exp_sec + walk->leeway_sec);
        if (walk_is_quiet(walk, good))
                return true;
        time_text_found(&text, walk, "exp", exp_sec);
        snprintf(text.wanted, sizeof(text.wanted), "now before exp + %" G_GINT64_FORMAT " s",
                 walk->leeway_sec);
        snprintf(text.sentence, sizeof(text.sentence),
                 "The token expired %" G_GINT64_FORMAT " s ago (exp %" G_GINT64_FORMAT
                 ", leeway %" G_GINT64_FORMAT " s).",
                 walk->now_sec - exp_sec, exp_sec, walk->leeway_sec);
        return walk_conclude(walk, good, "exp", VERDICT_EXPIRED, text.found, text.wanted,
                             text.sentence);
}

/* nbf and iat: not before that time, less the leeway (RFC 7519 §4.1.5). */
static bool check_not_before(Walk *walk, const char *claim, int64_t at_sec, const char *sentence)
{
        bool good = walk->now_sec >= at_sec - walk->leeway_sec;
        TimeText text;

        if (at_sec == CLAIMS_TIME_NONE)
                return walk_skip(walk, claim);
        if (walk_is_quiet(walk, good))
                return true;
        time_text_found(&text, walk, claim, at_sec);
        snprintf(text.wanted, sizeof(text.wanted), "now not before %s - %" G_GINT64_FORMAT " s",
                 claim, walk->leeway_sec);
        snprintf(text.sentence, sizeof(text.sentence),
                 "%s %" G_GINT64_FORMAT " s (%s %" G_GINT64_FORMAT ", leeway %" G_GINT64_FORMAT
                 " s); do the clocks agree?",
                 sentence, at_sec - walk->now_sec, claim, at_sec, walk->leeway_sec);
        return walk_conclude(walk, good, claim, VERDICT_NOT_YET_VALID, text.found, text.wanted,
                             text.sentence);
}

static bool check_nbf(Walk *walk, DemandKind kind)
{
        return check_not_before(walk, "nbf", claims_not_before(walk->claims),
                                "The token is good only in");
}

static bool check_iat(Walk *walk, DemandKind kind)
{
        return check_not_before(walk, "iat", claims_issued_at(walk->claims),
                                "The token says that it will be issued in");
}

/* AgeRule: a time in the token that may lie so long ago at most. */
typedef struct AgeRule {
        const char *setting, *claim;
        const char *subject; /* what is that old: "The token is" */
        int64_t at_sec, max_sec;
        Reason reason;
} AgeRule;

/* What is just max_sec old is still taken. */
static bool check_age_rule(Walk *walk, const AgeRule *rule)
{
        int64_t last_sec = rule->at_sec + rule->max_sec + walk->leeway_sec;
        bool good = walk->now_sec <= last_sec;
        TimeText text;

        if (rule->max_sec == 0)
                return walk_skip(walk, rule->setting);
        snprintf(text.wanted, sizeof(text.wanted), "an age of at most %" G_GINT64_FORMAT " s",
                 rule->max_sec);
        if (rule->at_sec == CLAIMS_TIME_NONE) {
                snprintf(text.found, sizeof(text.found), "no %s", rule->claim);
                snprintf(text.sentence, sizeof(text.sentence),
                         "The token has no %s claim, so its age is unknown, and the policy bounds "
                         "it (%s).",
                         rule->claim, rule->setting);
                return walk_refuse(walk, rule->setting, rule->reason, text.found, text.wanted,
                                   text.sentence);
        }
        walk->until_sec = MIN(walk->until_sec, last_sec + 1);
        if (walk_is_quiet(walk, good))
                return true;
        time_text_found(&text, walk, rule->claim, rule->at_sec);
        snprintf(text.sentence, sizeof(text.sentence),
                 "%s %" G_GINT64_FORMAT " s old (%s %" G_GINT64_FORMAT
                 "); policy %s takes at most %" G_GINT64_FORMAT " s.",
                 rule->subject, walk->now_sec - rule->at_sec, rule->claim, rule->at_sec,
                 walk->policy->name, rule->max_sec);
        return walk_conclude(walk, good, rule->setting, rule->reason, text.found, text.wanted,
                             text.sentence);
}

static bool check_age(Walk *walk, DemandKind kind)
{
        const AgeRule rule = { "max_age",
                               "iat",
                               "The token is",
                               claims_issued_at(walk->claims),
                               walk->policy->max_age_sec,
                               VERDICT_TOO_OLD };

        return check_age_rule(walk, &rule);
}

/* auth_time is no claim that claims types: what is no NumericDate in range is as none. */
static int64_t auth_time_of(const Claims *claims)
{
        TapeValue value = claims_find(claims, "auth_time");
        int64_t at_sec = tape_integer(value);

        return tape_type(value) == TAPE_INTEGER && at_sec >= 0 && at_sec <= CLAIMS_TIME_MAX
                   ? at_sec
                   : CLAIMS_TIME_NONE;
}

/* RFC 9470 §3: the person, not the token. */
static bool check_auth_age(Walk *walk, DemandKind kind)
{
        const AgeRule rule = { "max_auth_age",
                               "auth_time",
                               "The sign-in is",
                               auth_time_of(walk->claims),
                               walk->policy->max_auth_age_sec,
                               VERDICT_AUTH_TOO_OLD };

        return check_age_rule(walk, &rule);
}

static bool check_issuer(Walk *walk, DemandKind kind)
{
        const char *issuer = walk->verdict->issuer, *wanted = walk->policy->issuers_text;
        char sentence[SENTENCE_MAX];

        if (issuer && policy_allows_issuer(walk->policy, issuer))
                return walk_pass(walk, "issuers", issuer, wanted);
        snprintf(sentence, sizeof(sentence), "Policy %s takes tokens of %s, not of %s.",
                 walk->policy->name, wanted, issuer ? issuer : "nobody");
        return walk_refuse(walk, "issuers", VERDICT_UNKNOWN_ISSUER, issuer, wanted, sentence);
}

static bool demand_refused(Walk *walk, const Demand *demand, const DemandItem *missing)
{
        const char *wanted = demand_wanted(demand, missing);
        char found[FOUND_MAX], sentence[SENTENCE_MAX];

        demand_found(demand, walk->claims, missing, found, sizeof(found));
        snprintf(sentence, sizeof(sentence), "The %s: the token has %s; policy %s wants %s.",
                 demand_subject(demand->kind), found, walk->policy->name, wanted);
        return walk_refuse(walk, demand_setting(demand->kind), demand_reason(demand->kind), found,
                           wanted, sentence);
}

static bool check_demand(Walk *walk, DemandKind kind)
{
        const Demand *demand = &walk->policy->demands[kind];
        const DemandItem *missing = NULL;
        char found[FOUND_MAX];

        if (demand->n_items == 0)
                return walk_skip(walk, demand_setting(kind));
        if (!demand_met(demand, walk->claims, &missing))
                return demand_refused(walk, demand, missing);
        if (!walk->steps)
                return true;
        return walk_pass(walk, demand_setting(kind),
                         demand_found(demand, walk->claims, NULL, found, sizeof(found)),
                         demand_wanted(demand, NULL));
}

/* Under type = any a kind that is known to be another stays refused; a new one must be added here.
 */
static bool kind_passes(TypeRule rule, TokenKind kind)
{
        return kind == TOKEN_KIND_ACCESS || kind == TOKEN_KIND_BOUND ||
               (rule == TYPE_ANY && (kind == TOKEN_KIND_UNMARKED || kind == TOKEN_KIND_OTHER));
}

static bool check_type(Walk *walk, DemandKind kind)
{
        const Policy *policy = walk->policy;
        TokenKind token_kind = claims_kind(walk->claims);
        const char *found = token_kind_text(token_kind);
        const char *wanted = policy->type_rule == TYPE_ANY
                                 ? "any but ID, Refresh, Offline, Logout, logout+jwt, dpop+jwt, "
                                   "authd-assertion+jwt"
                                 : "Bearer or DPoP (Keycloak), or at+jwt (RFC 9068)";
        char sentence[SENTENCE_MAX];

        if (policy->type_rule == TYPE_NAMED)
                return check_demand(walk, kind);
        if (kind_passes(policy->type_rule, token_kind))
                return walk_pass(walk, "type", found, wanted);
        snprintf(sentence, sizeof(sentence),
                 "The type (typ): the token is %s; policy %s wants %s.%s", found, policy->name,
                 wanted,
                 token_kind == TOKEN_KIND_UNMARKED
                     ? " If this issuer marks none of its tokens, say type = any."
                     : "");
        return walk_refuse(walk, "type", VERDICT_WRONG_TYPE, found, wanted, sentence);
}

static bool check_subject(Walk *walk, DemandKind kind)
{
        char found[FOUND_MAX], sentence[SENTENCE_MAX];
        Span subject = claims_subject(walk->claims);

        if (walk_is_quiet(walk, subject.len > 0))
                return true;
        if (subject.len > 0)
                return walk_pass(walk, "sub", verdict_printable(subject, found, sizeof(found)),
                                 "a subject");
        if (walk->policy->subject_optional)
                return walk_skip(walk, "sub");
        snprintf(
            sentence, sizeof(sentence),
            "The token has no subject (sub), as Keycloak's lightweight access tokens: add the "
            "\"Subject (sub)\" mapper (client scope \"basic\") with \"Add to lightweight access "
            "token\" on, or write subject = optional in policy %s.",
            walk->policy->name);
        return walk_refuse(walk, "sub", VERDICT_MISSING_CLAIM, "none", "a subject", sentence);
}

typedef struct PolicyCheck {
        bool (*check)(Walk *walk, DemandKind kind);
        DemandKind kind; /* for check_demand */
} PolicyCheck;

/* What makes a token invalid comes before what makes a good one insufficient. */
static const PolicyCheck policy_checks[] = {
        { check_expiry },
        { check_nbf },
        { check_iat },
        { check_age },
        { check_issuer },
        { check_demand, DEMAND_AUDIENCE },
        { check_demand, DEMAND_PARTY },
        { check_type, DEMAND_TYPE },
        { check_subject },
        { check_demand, DEMAND_SCOPES },
        { check_demand, DEMAND_SCOPES_ANY },
        { check_demand, DEMAND_ROLES },
        { check_demand, DEMAND_ROLES_ALL },
        { check_demand, DEMAND_GROUPS },
        { check_demand, DEMAND_GROUPS_ALL },
        { check_demand, DEMAND_CLAIMS },
        { check_demand, DEMAND_ACR },
        { check_auth_age },
};

Reason policy_check(const Policy *policy, const Claims *claims, int64_t issuer_leeway_sec,
                    int64_t now_sec, Verdict *verdict, int64_t *ret_until, Steps *steps)
{
        Walk walk = {
                .policy = policy,
                .claims = claims,
                .now_sec = now_sec,
                .leeway_sec = policy->leeway_sec != POLICY_LEEWAY_SEC_UNSET ? policy->leeway_sec
                                                                            : issuer_leeway_sec,
                .until_sec = INT64_MAX,
                .verdict = verdict,
                .steps = steps,
        };
        size_t n_passed = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(policy_checks) && (!walk.refused || steps); i++)
                n_passed += policy_checks[i].check(&walk, policy_checks[i].kind) ? 1 : 0;
        if (n_passed != G_N_ELEMENTS(policy_checks))
                return verdict->reason;
        *ret_until = walk.until_sec;
        return VERDICT_VALID;
}

/* ---- membership ---- */

static const DemandKind membership_kinds[] = { DEMAND_ROLES, DEMAND_ROLES_ALL, DEMAND_GROUPS,
                                               DEMAND_GROUPS_ALL };

Reason policy_check_membership(const Policy *policy, const Claims *claims, Verdict *verdict)
{
        Walk walk = { .policy = policy, .claims = claims, .verdict = verdict };

        for (size_t i = 0; i < G_N_ELEMENTS(membership_kinds); i++)
                if (!check_demand(&walk, membership_kinds[i]))
                        return verdict->reason;
        return VERDICT_VALID;
}

bool policy_demands_roles(const Policy *policy)
{
        return policy->demands[DEMAND_ROLES].n_items > 0 ||
               policy->demands[DEMAND_ROLES_ALL].n_items > 0;
}

bool policy_demands_groups(const Policy *policy)
{
        return policy->demands[DEMAND_GROUPS].n_items > 0 ||
               policy->demands[DEMAND_GROUPS_ALL].n_items > 0;
}

const char *policy_groups_claim(const Policy *policy)
{
        return policy->demands[DEMAND_GROUPS].claim;
}

bool policy_groups_are_roles(const Policy *policy)
{
        const char *claim = policy_groups_claim(policy);

        return strcmp(claim, "realm_access.roles") == 0 ||
               (g_str_has_prefix(claim, "resource_access.") && g_str_has_suffix(claim, ".roles"));
}

static const char *item_without_slash(const Demand *demand)
{
        for (size_t i = 0; i < demand->n_items; i++)
                if (demand->items[i].text[0] != '/')
                        return demand->items[i].text;
        return NULL;
}

const char *policy_group_without_slash(const Policy *policy)
{
        const char *found = item_without_slash(&policy->demands[DEMAND_GROUPS]);

        return found ? found : item_without_slash(&policy->demands[DEMAND_GROUPS_ALL]);
}

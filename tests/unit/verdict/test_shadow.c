/* test_shadow: what a policy in shadow says beside the one in force, and in what it asks for less.
 */
#include "verdict/shadow.h"

#include "mint.h"

#define EXP "'exp':1700000300"

static Policy *policy_of(const char *name, const char *role)
{
        static const PolicyIssuer known[] = { { "test", false } };
        g_autoptr(PolicySettings) settings = policy_settings_new(name);
        g_autoptr(GError) error = NULL;
        Policy *policy;

        settings->audience = g_strsplit("orders", ";", -1);
        settings->roles = role ? g_strsplit(role, ";", -1) : NULL;
        policy = policy_new(settings, known, 1, &error);
        g_assert_no_error(error);
        return policy;
}

typedef struct Row {
        const char *sentence;
        const char *claims;
        Reason enforced;
        int64_t now_sec;
        Reason shadow;
} Row;

#define READER                                                                                     \
        "{'sub':'u','typ':'Bearer','aud':'orders','realm_access':{'roles':['reader']}," EXP "}"
#define NOBODY "{'sub':'u','typ':'Bearer','aud':'orders'," EXP "}"

static const Row rows[] = {
        { "who has what it asks for", READER, VERDICT_VALID, MINT_NOW, VERDICT_VALID },
        { "who lacks it", NOBODY, VERDICT_VALID, MINT_NOW, VERDICT_MISSING_ROLE },
        { "a refusal that it would have given, too", READER, VERDICT_EXPIRED, MINT_NOW + 400,
          VERDICT_EXPIRED },
        { "just within the issuer's leeway", READER, VERDICT_VALID, MINT_NOW + 304, VERDICT_VALID },
        { "just past it", READER, VERDICT_EXPIRED, MINT_NOW + 305, VERDICT_EXPIRED },
        { "a refusal of a demand that it has not", READER, VERDICT_MISSING_SCOPE, MINT_NOW,
          VERDICT_VALID },
        { "what the issuer no longer knows is refused there as well", NOBODY, VERDICT_INACTIVE,
          MINT_NOW, VERDICT_INACTIVE },
        { "could not ask stays what it is", NOBODY, VERDICT_UNAVAILABLE, MINT_NOW,
          VERDICT_UNAVAILABLE },
        { "a sender who proved nothing stays one", READER, VERDICT_BAD_PROOF, MINT_NOW,
          VERDICT_BAD_PROOF },
        { "a development provider stays one", READER, VERDICT_DEVELOPMENT_ISSUER, MINT_NOW,
          VERDICT_DEVELOPMENT_ISSUER },
};

static void check_row(gconstpointer userdata)
{
        const Row *row = userdata;
        g_autoptr(Policy) next = policy_of("orders.next", "realm:reader");
        g_autoptr(Claims) claims = mint_claims(row->claims, "");
        Verdict enforced = { .reason = row->enforced,
                             .issuer = g_intern_string("test"),
                             .claims = claims };
        Verdict shadow;

        g_assert_cmpint(shadow_judge(next, &enforced, 5, row->now_sec, &shadow, NULL), ==,
                        row->shadow);
        g_assert_cmpint(shadow.reason, ==, row->shadow);
        g_assert_null(shadow.claims);
}

/* Looser: lists by ";", NULL: absent; 0: no bound. */
typedef struct Looser {
        const char *sentence;
        const char *now, *next;         /* of roles (one is enough) */
        const char *now_all, *next_all; /* of scopes (all are needed) */
        const char *now_type, *next_type;
        const char *now_audience, *next_audience;
        int64_t now_max, next_max;
        bool now_optional, next_optional;
        const char *warning; /* NULL: none */
} Looser;

static const Looser loosers[] = {
        { "the same", .now = "a", .next = "a" },
        { "a role less is stricter", .now = "a;b", .next = "a" },
        { "a role more is looser", .now = "a", .next = "a;b", .warning = "roles takes b, too" },
        { "roles where there were none is stricter", .next = "a" },
        { "no roles where there were some", .now = "a", .warning = "roles is not asked for" },
        { "a scope more is stricter", .now_all = "x", .next_all = "x;y" },
        { "a scope less is looser", .now_all = "x;y", .next_all = "y",
          .warning = "scopes does not ask for x" },
        { "any type is looser than access tokens", .next_type = "any",
          .warning = "type takes any, too" },
        { "a type by name may be stricter", .next_type = "at+jwt" },
        { "access tokens are looser than one type", .now_type = "at+jwt",
          .warning = "type takes Bearer, too" },
        { "nothing is looser than any audience", .now_audience = "any", .next_audience = "z" },
        { "any audience is looser", .now_audience = "z", .next_audience = "any",
          .warning = "audience takes any, too" },
        { "a shorter age is stricter", .now_max = 60, .next_max = 59 },
        { "a longer one is looser", .now_max = 60, .next_max = 61, .warning = "max_age is longer" },
        { "none at all is looser", .now_max = 60, .warning = "max_age is longer" },
        { "a bound where there was none is stricter", .next_max = 60 },
        { "a subject that may be absent", .next_optional = true, .warning = "subject is optional" },
        { "one that must be there", .now_optional = true },
};

static PolicySettings *settings_of(const char *name, const char *roles, const char *scopes,
                                   const char *type, const char *audience)
{
        PolicySettings *settings = policy_settings_new(name);

        settings->roles = roles ? g_strsplit(roles, ";", -1) : NULL;
        settings->scopes = scopes ? g_strsplit(scopes, ";", -1) : NULL;
        settings->type = type ? g_strsplit(type, ";", -1) : NULL;
        settings->audience = audience ? g_strsplit(audience, ";", -1) : NULL;
        return settings;
}

static void check_looser(gconstpointer userdata)
{
        const Looser *row = userdata;
        g_autoptr(PolicySettings) now =
            settings_of("p", row->now, row->now_all, row->now_type, row->now_audience);
        g_autoptr(PolicySettings) next =
            settings_of("p.next", row->next, row->next_all, row->next_type, row->next_audience);
        g_auto(GStrv) sentences = NULL;

        now->max_age_sec = row->now_max;
        next->max_age_sec = row->next_max;
        now->subject_optional = row->now_optional;
        next->subject_optional = row->next_optional;
        sentences = shadow_looser(now, next);
        g_assert_cmpuint(g_strv_length(sentences), ==, row->warning ? 1 : 0);
        if (row->warning) {
                g_autofree char *wanted = g_strconcat("looser than policy p: ", row->warning, NULL);

                g_assert_cmpstr(sentences[0], ==, wanted);
        }
}

static void names(void)
{
        g_assert_cmpuint(shadow_base("orders.next"), ==, strlen("orders"));
        g_assert_cmpuint(shadow_base("orders"), ==, 0);
        g_assert_cmpuint(shadow_base(".next"), ==, 0);
        g_assert_cmpuint(shadow_base("next"), ==, 0);
        g_assert_cmpuint(shadow_base("orders.next2"), ==, 0);
        g_assert_true(shadow_looks_at("roles"));
        g_assert_false(shadow_looks_at("dpop"));
}

#define ADD_ROWS(group, table, run)                                                                \
        for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {                                         \
                g_autofree char *path = g_strconcat(group, (table)[i].sentence, NULL);             \
                g_test_add_data_func(path, &(table)[i], run);                                      \
        }

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD_ROWS("/judge/", rows, check_row)
        ADD_ROWS("/looser/", loosers, check_looser)
        g_test_add_func("/names", names);
        return g_test_run();
}

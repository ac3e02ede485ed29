/* Policies: what settings are refused, and what claims they let through, on both sides of each
 * edge. */
#include "verdict/policy.h"

#include "mint.h"
#include "token/json.h"

#define NOW "1700000000" /* MINT_NOW in claims */

/* Known issuers: as far as the first without a name. */
static const PolicyIssuer one_issuer[] = { { "test" }, { NULL } };
static const PolicyIssuer two_issuers[] = { { "test" }, { "other" }, { NULL } };
static const PolicyIssuer one_asked[] = { { "test", true }, { NULL } };
static const PolicyIssuer one_of_two_asked[] = { { "test", true }, { "other" }, { NULL } };
static const PolicyIssuer both_asked[] = { { "test", true }, { "other", true }, { NULL } };

/* Settings as text: "audience = orders | scopes = a; b". The parser is this test's own. */
typedef struct ListSetting {
        const char *name;
        size_t offset;
} ListSetting;

static const ListSetting list_settings[] = {
        { "issuers", offsetof(PolicySettings, issuers) },
        { "audience", offsetof(PolicySettings, audience) },
        { "azp", offsetof(PolicySettings, azp) },
        { "type", offsetof(PolicySettings, type) },
        { "scopes", offsetof(PolicySettings, scopes) },
        { "scopes_any", offsetof(PolicySettings, scopes_any) },
        { "roles", offsetof(PolicySettings, roles) },
        { "roles_all", offsetof(PolicySettings, roles_all) },
        { "groups", offsetof(PolicySettings, groups) },
        { "groups_all", offsetof(PolicySettings, groups_all) },
        { "claims", offsetof(PolicySettings, claims) },
        { "acr", offsetof(PolicySettings, acr) },
        { "headers", offsetof(PolicySettings, headers) },
};

static void set_introspect(PolicySettings *settings, const char *value)
{
        static const char age[] = "max-age ";

        if (g_str_has_prefix(value, age)) {
                settings->introspect = INTROSPECT_MODE_MAX_AGE;
                settings->introspect_max_age_sec = g_ascii_strtoll(value + strlen(age), NULL, 10);
                return;
        }
        settings->introspect = g_str_equal(value, "always")   ? INTROSPECT_MODE_ALWAYS
                               : g_str_equal(value, "writes") ? INTROSPECT_MODE_WRITES
                                                              : INTROSPECT_MODE_NEVER;
}

static void set_one(PolicySettings *settings, const char *name, const char *value)
{
        for (size_t i = 0; i < G_N_ELEMENTS(list_settings); i++)
                if (g_str_equal(name, list_settings[i].name)) {
                        char ***list = G_STRUCT_MEMBER_P(settings, list_settings[i].offset);

                        *list = g_strsplit(value, "; ", -1);
                        return;
                }
        if (g_str_equal(name, "leeway"))
                settings->leeway_sec = g_ascii_strtoll(value, NULL, 10);
        else if (g_str_equal(name, "max_age"))
                settings->max_age_sec = g_ascii_strtoll(value, NULL, 10);
        else if (g_str_equal(name, "max_auth_age"))
                settings->max_auth_age_sec = g_ascii_strtoll(value, NULL, 10);
        else if (g_str_equal(name, "dpop"))
                settings->dpop = BINDING_NEVER;
        else if (g_str_equal(name, "dpop_nonce"))
                settings->dpop_nonce = true;
        else if (g_str_equal(name, "subject"))
                settings->subject_optional = g_str_equal(value, "optional");
        else if (g_str_equal(name, "groups_claim"))
                settings->groups_claim = g_strdup(value);
        else if (g_str_equal(name, "force_audience"))
                settings->force_audience = g_strdup(value);
        else if (g_str_equal(name, "introspect"))
                set_introspect(settings, value);
        else if (g_str_equal(name, "introspection_issuer"))
                settings->introspection_issuer = g_strdup(value);
        else if (g_str_equal(name, "keys_stale_for"))
                settings->keys_stale_for_sec = g_ascii_strtoll(value, NULL, 10);
        else if (g_str_equal(name, "introspection_stale_for"))
                settings->introspection_stale_for_sec = g_ascii_strtoll(value, NULL, 10);
        else
                g_error("no setting %s", name);
}

static size_t count_issuers(const PolicyIssuer *issuers)
{
        size_t n = 0;

        while (issuers[n].name)
                n++;
        return n;
}

static Policy *policy_of(const char *text, const PolicyIssuer *issuers, GError **error)
{
        g_autoptr(PolicySettings) settings = policy_settings_new("orders");
        g_auto(GStrv) lines = g_strsplit(text, " | ", -1);

        for (char **line = lines; *line && **line; line++) {
                g_auto(GStrv) pair = g_strsplit(*line, " = ", 2);

                set_one(settings, pair[0], pair[1]);
        }
        return policy_new(settings, issuers, count_issuers(issuers), error);
}

/* ---- claims against policies ---- */

/* What makes a claim set good for "audience = orders", but for what a row says itself. */
#define TIMES "'exp':1700000300,'iat':1699999990,"
#define GOOD  TIMES "'sub':'u1','typ':'Bearer',"
#define ACCESS                                                                                     \
        GOOD                                                                                       \
            "'aud':'orders','azp':'shop','scope':'openid orders:read','groups':['/eng/platform']," \
            "'realm_access':{'roles':['admin']},"                                                  \
            "'resource_access':{'orders':{'roles':['reader']},"                                    \
            "'my.app':{'roles':['user']},'a:b':{'roles':['x']}}"

typedef struct CheckRow {
        const char *sentence;
        const char *policy;
        const char *claims; /* between the braces */
        const char *typ;
        Reason reason;
        int64_t until_sec;  /* 0: not looked at */
        const char *detail; /* a part of it; NULL: not looked at */
} CheckRow;

static const CheckRow check_rows[] = {
        { "a good token passes until its exp", "audience = orders | leeway = 0", ACCESS, "JWT",
          VERDICT_VALID, 1700000300 },
        /* times: now is 1700000000 */
        { "exp one second ahead is good", "audience = any | leeway = 0",
          "'exp':1700000001,'sub':'u','typ':'Bearer'", "", VERDICT_VALID, 1700000001 },
        { "exp now is expired", "audience = any | leeway = 0",
          "'exp':" NOW ",'sub':'u','typ':'Bearer'", "", VERDICT_EXPIRED, 0, "expired 0 s ago" },
        { "leeway holds to its last second", "audience = any | leeway = 10",
          "'exp':1699999991,'sub':'u','typ':'Bearer'", "", VERDICT_VALID, 1700000001 },
        { "and not a second longer", "audience = any | leeway = 10",
          "'exp':1699999990,'sub':'u','typ':'Bearer'", "", VERDICT_EXPIRED },
        { "the issuer's leeway (5 s) counts where the policy has none", "audience = any",
          "'exp':1699999996,'sub':'u','typ':'Bearer'", "", VERDICT_VALID, 1700000001 },
        { "a policy's leeway of zero is not the issuer's", "audience = any | leeway = 0",
          "'exp':1699999996,'sub':'u','typ':'Bearer'", "", VERDICT_EXPIRED },
        { "without exp it is malformed", "audience = any", "'sub':'u','typ':'Bearer'", "",
          VERDICT_MALFORMED, 0, "exp" },
        { "nbf now is good", "audience = any | leeway = 0", GOOD "'nbf':" NOW, "", VERDICT_VALID },
        { "nbf a second ahead is not yet", "audience = any | leeway = 0", GOOD "'nbf':1700000001",
          "", VERDICT_NOT_YET_VALID },
        { "nbf within the leeway is good", "audience = any | leeway = 10", GOOD "'nbf':1700000010",
          "", VERDICT_VALID },
        { "nbf a second past the leeway is not yet", "audience = any | leeway = 10",
          GOOD "'nbf':1700000011", "", VERDICT_NOT_YET_VALID },
        { "iat ahead of us is not yet", "audience = any | leeway = 0",
          "'exp':1700000300,'iat':1700000001,'sub':'u','typ':'Bearer'", "", VERDICT_NOT_YET_VALID,
          0, "iat" },
        { "iat now is good", "audience = any | leeway = 0",
          "'exp':1700000300,'iat':" NOW ",'sub':'u','typ':'Bearer'", "", VERDICT_VALID },
        { "just max_age old is good, for this second", "audience = any | leeway = 0 | max_age = 10",
          GOOD "'x':1", "", VERDICT_VALID, 1700000001 },
        { "a second older is too old", "audience = any | leeway = 0 | max_age = 9", GOOD "'x':1",
          "", VERDICT_TOO_OLD },
        { "leeway lengthens max_age", "audience = any | leeway = 1 | max_age = 9", GOOD "'x':1", "",
          VERDICT_VALID, 1700000001 },
        { "exp ends before max_age does", "audience = any | max_age = 3600", GOOD "'x':1", "",
          VERDICT_VALID, 1700000305 },
        { "without iat the age is unknown", "audience = any | max_age = 9",
          "'exp':1700000300,'sub':'u','typ':'Bearer'", "", VERDICT_TOO_OLD, 0, "no iat" },
        /* the sign-in behind the token */
        { "the acr that is wanted", "audience = any | acr = gold", GOOD "'acr':'gold'", "",
          VERDICT_VALID },
        { "the second of those wanted", "audience = any | acr = gold; platinum",
          GOOD "'acr':'platinum'", "", VERDICT_VALID },
        { "another acr", "audience = any | acr = gold; platinum", GOOD "'acr':'silver'", "",
          VERDICT_ACR_TOO_LOW, 0,
          "the token has silver; policy orders wants one of gold, platinum" },
        { "no acr", "audience = any | acr = gold", GOOD "'x':1", "", VERDICT_ACR_TOO_LOW, 0,
          "the token has none" },
        { "an acr that is a number", "audience = any | acr = 1", GOOD "'acr':1", "",
          VERDICT_ACR_TOO_LOW },
        { "just max_auth_age old is good, for this second",
          "audience = any | leeway = 0 | max_auth_age = 60", GOOD "'auth_time':1699999940", "",
          VERDICT_VALID, 1700000001 },
        { "a sign-in a second older", "audience = any | leeway = 0 | max_auth_age = 60",
          GOOD "'auth_time':1699999939", "", VERDICT_AUTH_TOO_OLD, 0, "The sign-in is 61 s old" },
        { "leeway lengthens max_auth_age", "audience = any | leeway = 1 | max_auth_age = 60",
          GOOD "'auth_time':1699999939", "", VERDICT_VALID, 1700000001 },
        { "no auth_time", "audience = any | max_auth_age = 60", GOOD "'x':1", "",
          VERDICT_AUTH_TOO_OLD, 0, "no auth_time" },
        { "an auth_time that is text", "audience = any | max_auth_age = 60",
          GOOD "'auth_time':'1700000000'", "", VERDICT_AUTH_TOO_OLD, 0, "no auth_time" },
        { "an auth_time beyond all dates", "audience = any | max_auth_age = 60",
          GOOD "'auth_time':9223372036854775807", "", VERDICT_AUTH_TOO_OLD, 0, "no auth_time" },
        { "a lacking scope comes before the sign-in", "audience = any | scopes = x | acr = gold",
          GOOD "'x':1", "", VERDICT_MISSING_SCOPE },
        /* issuer */
        { "another issuer's token is not the policy's", "issuers = other | audience = orders",
          ACCESS, "", VERDICT_UNKNOWN_ISSUER, 0, "takes tokens of other, not of test" },
        { "one of the issuers is enough", "issuers = other; test | audience = orders", ACCESS, "",
          VERDICT_VALID },
        /* audience */
        { "aud is a list and ours is second", "audience = orders",
          GOOD "'aud':['account','orders']", "", VERDICT_VALID },
        { "ours is the second of our list", "audience = billing; orders", ACCESS, "",
          VERDICT_VALID },
        { "somebody else's audience", "audience = billing", ACCESS, "", VERDICT_WRONG_AUDIENCE, 0,
          "the token has orders; policy orders wants billing" },
        { "no audience at all", "audience = orders", GOOD "'x':1", "", VERDICT_WRONG_AUDIENCE, 0,
          "the token has none" },
        { "an audience is compared whole", "audience = order", ACCESS, "", VERDICT_WRONG_AUDIENCE },
        { "and in its case", "audience = Orders", ACCESS, "", VERDICT_WRONG_AUDIENCE },
        { "any audience was said", "audience = any", GOOD "'aud':'billing'", "", VERDICT_VALID },
        { "account when forced", "audience = account | force_audience = account",
          GOOD "'aud':'account'", "", VERDICT_VALID },
        { "a hostile audience is printable in the detail", "audience = orders",
          GOOD "'aud':'\\u001b[2J\\r\\n'", "", VERDICT_WRONG_AUDIENCE, 0,
          "has \\x1b[2J\\x0d\\x0a;" },
        /* party */
        { "azp is one of ours", "audience = any | azp = web; shop", ACCESS, "", VERDICT_VALID },
        { "azp is somebody else's", "audience = any | azp = web", ACCESS, "", VERDICT_WRONG_PARTY },
        { "client_id stands for azp", "audience = any | azp = shop", GOOD "'client_id':'shop'", "",
          VERDICT_VALID },
        { "without either there is no party", "audience = any | azp = shop", GOOD "'x':1", "",
          VERDICT_WRONG_PARTY },
        /* type */
        { "an ID token is no access token", "audience = any", TIMES "'sub':'u','typ':'ID'", "JWT",
          VERDICT_WRONG_TYPE },
        { "nor is a refresh token", "audience = any", TIMES "'sub':'u','typ':'Refresh'", "JWT",
          VERDICT_WRONG_TYPE },
        { "nor is an unmarked token, and the detail says what to do", "audience = any",
          TIMES "'sub':'u'", "JWT", VERDICT_WRONG_TYPE, 0, "type = any" },
        { "at+jwt in the header is an access token", "audience = any", TIMES "'sub':'u'", "at+jwt",
          VERDICT_VALID },
        { "with application/ and in any case too", "audience = any", TIMES "'sub':'u'",
          "Application/AT+JWT", VERDICT_VALID },
        { "any takes an unmarked token", "audience = any | type = any", TIMES "'sub':'u'", "JWT",
          VERDICT_VALID },
        { "any takes a mark that we do not know", "audience = any | type = any",
          TIMES "'sub':'u','typ':'Custom'", "JWT", VERDICT_VALID },
        { "any takes an access token", "audience = any | type = any", ACCESS, "JWT",
          VERDICT_VALID },
        { "any refuses an ID token", "audience = any | type = any", TIMES "'sub':'u','typ':'ID'",
          "JWT", VERDICT_WRONG_TYPE },
        { "any refuses a refresh token", "audience = any | type = any",
          TIMES "'sub':'u','typ':'Refresh'", "JWT", VERDICT_WRONG_TYPE },
        { "any refuses an offline token", "audience = any | type = any",
          TIMES "'sub':'u','typ':'Offline'", "JWT", VERDICT_WRONG_TYPE },
        { "any refuses a logout token", "audience = any | type = any",
          TIMES "'sub':'u','typ':'Logout'", "JWT", VERDICT_WRONG_TYPE },
        { "any refuses a logout+jwt header", "audience = any | type = any", TIMES "'sub':'u'",
          "logout+jwt", VERDICT_WRONG_TYPE },
        { "any refuses an assertion", "audience = any | type = any", TIMES "'sub':'u'",
          "authd-assertion+jwt", VERDICT_WRONG_TYPE },
        { "an assertion is no access token", "audience = any", TIMES "'sub':'u'",
          "authd-assertion+jwt", VERDICT_WRONG_TYPE },
        { "an assertion, where it is asked for", "audience = any | type = authd-assertion+jwt",
          TIMES "'sub':'u'", "authd-assertion+jwt", VERDICT_VALID },
        { "any refuses a dpop+jwt header", "audience = any | type = any", TIMES "'sub':'u'",
          "dpop+jwt", VERDICT_WRONG_TYPE },
        { "a token that is bound to a key", "audience = any", TIMES "'sub':'u','typ':'DPoP'", "JWT",
          VERDICT_VALID },
        { "any takes one, too", "audience = any | type = any", TIMES "'sub':'u','typ':'DPoP'",
          "JWT", VERDICT_VALID },
        { "one that is not named", "audience = any | type = Bearer", TIMES "'sub':'u','typ':'DPoP'",
          "JWT", VERDICT_WRONG_TYPE },
        { "one that is named", "audience = any | type = DPoP", TIMES "'sub':'u','typ':'DPoP'",
          "JWT", VERDICT_VALID },
        { "its name in another case", "audience = any | type = any", TIMES "'sub':'u','typ':'dpop'",
          "JWT", VERDICT_WRONG_TYPE },
        { "a proof that says so, too", "audience = any", TIMES "'sub':'u','typ':'DPoP'", "dpop+jwt",
          VERDICT_WRONG_TYPE },
        { "a named type is Keycloak's claim", "audience = any | type = ID; Custom",
          TIMES "'sub':'u','typ':'Custom'", "JWT", VERDICT_VALID },
        { "a named type leaves out the default", "audience = any | type = ID", ACCESS, "JWT",
          VERDICT_WRONG_TYPE },
        { "a named type is compared in its case", "audience = any | type = id",
          TIMES "'sub':'u','typ':'ID'", "JWT", VERDICT_WRONG_TYPE },
        { "a named type may be the header's", "audience = any | type = application/at+jwt",
          TIMES "'sub':'u'", "at+jwt", VERDICT_VALID },
        { "a header's type counts beside Keycloak's claim", "audience = any | type = at+jwt",
          TIMES "'sub':'u','typ':'Bearer'", "at+jwt", VERDICT_VALID },
        { "a header's type is not the claim's", "audience = any | type = at+jwt",
          TIMES "'sub':'u','typ':'Bearer'", "JWT", VERDICT_WRONG_TYPE },
        { "an ID token under an unknown header is one all the same", "audience = any | type = any",
          TIMES "'sub':'u','typ':'ID'", "x+jwt", VERDICT_WRONG_TYPE },
        { "a header's type is not looked for in the claim", "audience = any | type = at+jwt",
          TIMES "'sub':'u','typ':'at+jwt'", "JWT", VERDICT_WRONG_TYPE },
        { "header and claim that contradict each other match neither",
          "audience = any | type = Bearer", TIMES "'sub':'u','typ':'Bearer'", "logout+jwt",
          VERDICT_WRONG_TYPE },
        /* subject */
        { "a lightweight token lacks its sub, and the detail names the mapper", "audience = any",
          TIMES "'typ':'Bearer'", "", VERDICT_MISSING_CLAIM, 0, "Subject (sub)" },
        { "unless the policy does not need it", "audience = any | subject = optional",
          TIMES "'typ':'Bearer'", "", VERDICT_VALID },
        /* scopes */
        { "all scopes are needed", "audience = any | scopes = openid; orders:read", ACCESS, "",
          VERDICT_VALID },
        { "one of them lacks", "audience = any | scopes = openid; orders:write", ACCESS, "",
          VERDICT_MISSING_SCOPE, 0, "wants orders:write" },
        { "a scope is a whole word", "audience = any | scopes = orders", ACCESS, "",
          VERDICT_MISSING_SCOPE },
        { "any scope is enough where the policy says so",
          "audience = any | scopes_any = orders:write; orders:read", ACCESS, "", VERDICT_VALID },
        { "none of them is there", "audience = any | scopes_any = orders:write; x", ACCESS, "",
          VERDICT_MISSING_SCOPE, 0, "wants one of orders:write, x" },
        /* roles */
        { "a client's role", "audience = any | roles = orders:reader", ACCESS, "", VERDICT_VALID },
        { "a realm's role", "audience = any | roles = realm:admin", ACCESS, "", VERDICT_VALID },
        { "a realm's role is no client's", "audience = any | roles = orders:admin", ACCESS, "",
          VERDICT_MISSING_ROLE, 0, "has reader" },
        { "a client's role is no realm's", "audience = any | roles = realm:reader", ACCESS, "",
          VERDICT_MISSING_ROLE },
        { "one of the roles is enough", "audience = any | roles = realm:x; orders:reader", ACCESS,
          "", VERDICT_VALID },
        { "all of them where the policy says so",
          "audience = any | roles_all = realm:admin; orders:reader", ACCESS, "", VERDICT_VALID },
        { "and then one lacks", "audience = any | roles_all = realm:admin; orders:writer", ACCESS,
          "", VERDICT_MISSING_ROLE, 0, "wants orders:writer" },
        { "a client named with a dot is taken literally", "audience = any | roles = my.app:user",
          ACCESS, "", VERDICT_VALID },
        { "and is no path", "audience = any | roles = my.app:user",
          GOOD "'resource_access':{'my':{'app':{'roles':['user']}}}", "", VERDICT_MISSING_ROLE },
        { "a client's name may hold a colon", "audience = any | roles = a:b:x", ACCESS, "",
          VERDICT_VALID },
        { "roles that are no list of strings are none", "audience = any | roles = realm:admin",
          GOOD "'realm_access':['roles','admin']", "", VERDICT_MISSING_ROLE },
        /* groups */
        { "a group by its path", "audience = any | groups = /eng/platform", ACCESS, "",
          VERDICT_VALID },
        { "a parent group is another group", "audience = any | groups = /eng", ACCESS, "",
          VERDICT_MISSING_GROUP, 0, "has /eng/platform" },
        { "groups in another claim", "audience = any | groups = a | groups_claim = teams.names",
          GOOD "'teams':{'names':['a']},'groups':[]", "", VERDICT_VALID },
        { "all groups where the policy says so",
          "audience = any | groups_all = /eng/platform; /ops", ACCESS, "", VERDICT_MISSING_GROUP, 0,
          "wants /ops" },
        /* claims */
        { "a claim that must be there is", "audience = any | claims = azp", ACCESS, "",
          VERDICT_VALID },
        { "is not", "audience = any | claims = email", ACCESS, "", VERDICT_MISSING_CLAIM, 0,
          "wants email" },
        { "or is null", "audience = any | claims = email", GOOD "'email':null", "",
          VERDICT_MISSING_CLAIM },
        { "a claim by path and value", "audience = any | claims = realm_access.roles=admin", ACCESS,
          "", VERDICT_VALID },
        { "with another value", "audience = any | claims = azp=web", ACCESS, "",
          VERDICT_MISSING_CLAIM, 0, "has shop; policy orders wants azp=web" },
        { "a boolean's value", "audience = any | claims = email_verified=true",
          GOOD "'email_verified':true", "", VERDICT_VALID },
        { "a string is no boolean's value and yet the same word",
          "audience = any | claims = email_verified=true", GOOD "'email_verified':'true'", "",
          VERDICT_VALID },
        { "the other boolean", "audience = any | claims = email_verified=true",
          GOOD "'email_verified':false", "", VERDICT_MISSING_CLAIM },
        { "a number's value", "audience = any | claims = level=3", GOOD "'level':3", "",
          VERDICT_VALID },
        { "another number", "audience = any | claims = level=3", GOOD "'level':33", "",
          VERDICT_MISSING_CLAIM },
        { "a number below zero", "audience = any | claims = level=-3", GOOD "'level':-3", "",
          VERDICT_VALID },
        { "a number's digits with a zero before", "audience = any | claims = level=03",
          GOOD "'level':3", "", VERDICT_MISSING_CLAIM },
        { "a number's digits with a plus before", "audience = any | claims = level=+3",
          GOOD "'level':3", "", VERDICT_MISSING_CLAIM },
        { "a number as a string is its text", "audience = any | claims = level=3",
          GOOD "'level':'3'", "", VERDICT_VALID },
        { "a number with a fraction equals nothing", "audience = any | claims = level=3.0",
          GOOD "'level':3.0", "", VERDICT_MISSING_CLAIM },
        { "nor does one whose fraction is zero", "audience = any | claims = level=3",
          GOOD "'level':3.0", "", VERDICT_MISSING_CLAIM },
        { "a boolean's word in capitals", "audience = any | claims = email_verified=True",
          GOOD "'email_verified':true", "", VERDICT_MISSING_CLAIM },
        { "a boolean is no number", "audience = any | claims = email_verified=1",
          GOOD "'email_verified':true", "", VERDICT_MISSING_CLAIM },
        { "null is no word", "audience = any | claims = email_verified=null",
          GOOD "'email_verified':null", "", VERDICT_MISSING_CLAIM },
        { "booleans of a list are not looked at", "audience = any | claims = flags=true",
          GOOD "'flags':[true]", "", VERDICT_MISSING_CLAIM },
        { "numbers of a list are not looked at", "audience = any | claims = flags=3",
          GOOD "'flags':[3]", "", VERDICT_MISSING_CLAIM },
        { "strings of a list are", "audience = any | claims = flags=3", GOOD "'flags':[3,'3']", "",
          VERDICT_VALID },
        { "an object equals nothing", "audience = any | claims = flags=true",
          GOOD "'flags':{'true':true}", "", VERDICT_MISSING_CLAIM },
        { "a member whose own name holds the dot",
          "audience = any | claims = kubernetes.io.namespace=shop",
          GOOD "'kubernetes.io':{'namespace':'shop'}", "", VERDICT_VALID },
        { "and the same path through objects",
          "audience = any | claims = kubernetes.io.namespace=shop",
          GOOD "'kubernetes':{'io':{'namespace':'shop'}}", "", VERDICT_VALID },
        { "all claims are needed", "audience = any | claims = azp; email", ACCESS, "",
          VERDICT_MISSING_CLAIM },
        /* order */
        { "what makes it invalid comes before what it lacks",
          "audience = orders | scopes = nothing", GOOD "'aud':'billing'", "",
          VERDICT_WRONG_AUDIENCE },
        { "expired comes before all", "audience = orders | scopes = nothing",
          "'exp':1699990000,'aud':'x'", "", VERDICT_EXPIRED },
};

static void test_check(gconstpointer data)
{
        const CheckRow *row = data;
        g_autofree char *json = g_strconcat("{", row->claims, "}", NULL);
        g_autoptr(Claims) claims = mint_claims(json, row->typ);
        g_autoptr(GError) error = NULL;
        g_autoptr(Policy) policy = policy_of(
            row->policy, strstr(row->policy, "issuers") ? two_issuers : one_issuer, &error);
        g_autofree Steps *steps = g_new0(Steps, 1);
        Verdict verdict = VERDICT_INIT, explained = VERDICT_INIT;
        int64_t until_sec = 0;
        Reason reason;

        g_assert_no_error(error);
        verdict.issuer = explained.issuer = g_intern_string("test");
        reason = policy_check(policy, claims, 5, MINT_NOW, &verdict, &until_sec, NULL);
        g_assert_cmpstr(reason_words(reason)->word, ==, reason_words(row->reason)->word);
        if (row->until_sec != 0)
                g_assert_cmpint(until_sec, ==, row->until_sec);
        if (row->detail && !strstr(verdict.detail, row->detail))
                g_error("\"%s\" is not in \"%s\"", row->detail, verdict.detail);
        g_assert_true((reason == VERDICT_VALID) == (verdict.detail[0] == '\0'));
        /* explaining changes nothing of the answer */
        g_assert_cmpint(policy_check(policy, claims, 5, MINT_NOW, &explained, &until_sec, steps),
                        ==, reason);
        g_assert_cmpstr(explained.detail, ==, verdict.detail);
        g_assert_cmpuint(steps->n_steps, ==, 18);
}

/* until is the second from which the same question has another answer: asked of policy_check
 * itself. */
static void test_until_is_the_edge(void)
{
        static const char *const policies[] = { "audience = any | leeway = 0",
                                                "audience = any | leeway = 7",
                                                "audience = any | max_age = 60",
                                                "audience = any | max_age = 60 | leeway = 7" };
        g_autoptr(Claims) claims = mint_claims("{" GOOD "'x':1}", "");

        for (size_t i = 0; i < G_N_ELEMENTS(policies); i++) {
                g_autoptr(Policy) policy = policy_of(policies[i], one_issuer, NULL);
                Verdict verdict = VERDICT_INIT;
                int64_t until_sec = 0, same_sec = 0;

                verdict.issuer = g_intern_string("test");
                g_assert_cmpint(
                    policy_check(policy, claims, 5, MINT_NOW, &verdict, &until_sec, NULL), ==,
                    VERDICT_VALID);
                g_assert_cmpint(
                    policy_check(policy, claims, 5, until_sec - 1, &verdict, &same_sec, NULL), ==,
                    VERDICT_VALID);
                g_assert_cmpint(same_sec, ==, until_sec);
                g_assert_cmpint(
                    policy_check(policy, claims, 5, until_sec, &verdict, &same_sec, NULL), !=,
                    VERDICT_VALID);
        }
}

static void test_explaining_goes_on_after_a_refusal(void)
{
        g_autoptr(Claims) claims = mint_claims("{'exp':1,'aud':'x'}", "");
        g_autoptr(Policy) policy = policy_of("audience = orders | scopes = a", one_issuer, NULL);
        g_autofree Steps *steps = g_new0(Steps, 1);
        Verdict verdict = VERDICT_INIT;
        int64_t until_sec = 0;
        size_t n_failed = 0;

        verdict.issuer = g_intern_string("test");
        g_assert_cmpint(policy_check(policy, claims, 0, MINT_NOW, &verdict, &until_sec, steps), ==,
                        VERDICT_EXPIRED);
        for (size_t i = 0; i < steps->n_steps; i++)
                n_failed += steps->steps[i].result == STEP_FAILED;
        g_assert_cmpuint(n_failed, ==, 5); /* exp, audience, type, sub, scopes */
        g_assert_cmpstr(steps->steps[0].name, ==, "exp");
        g_assert_cmpint(steps->steps[0].reason, ==, VERDICT_EXPIRED);
}

/* ---- settings that are refused ---- */

typedef struct RefusedRow {
        const char *sentence;
        const char *policy;
        const PolicyIssuer *issuers;
        const char *said; /* a part of the error */
} RefusedRow;

static const PolicyIssuer no_issuer[] = { { NULL } };

static const RefusedRow refused_rows[] = {
        { "no audience", "scopes = a", one_issuer, "audience is missing" },
        { "account alone", "audience = account", one_issuer, "every Keycloak token carries it" },
        { "account in a list", "audience = orders; account", one_issuer,
          "every Keycloak token carries it" },
        { "account forced by another name", "audience = account | force_audience = orders",
          one_issuer, "needless" },
        { "account forced and not there", "audience = orders | force_audience = account",
          one_issuer, "without audience = account" },
        { "any beside an audience", "audience = any; orders", one_issuer, "stands alone" },
        { "an empty audience", "audience = orders; ", one_issuer, "empty" },
        { "issuers left out with two", "audience = orders", two_issuers, "issuers = test; other" },
        { "an issuer that is not configured", "audience = orders | issuers = tset", one_issuer,
          "no [issuer tset]" },
        { "no issuer at all", "audience = orders", no_issuer, "no issuer is configured" },
        { "any beside a type", "audience = orders | type = Bearer; any", one_issuer,
          "stands alone" },
        { "JWT as a type", "audience = orders | type = jwt", one_issuer, "no kind" },
        { "a role without its client", "audience = orders | roles = reader", one_issuer,
          "CLIENT:ROLE" },
        { "a role without its name", "audience = orders | roles = orders:", one_issuer,
          "CLIENT:ROLE" },
        { "a role of nobody", "audience = orders | roles_all = :reader", one_issuer,
          "CLIENT:ROLE" },
        { "scopes in one element", "audience = orders | scopes = a b", one_issuer, "space" },
        { "a claim without a path", "audience = orders | claims = =x", one_issuer,
          "names no claim" },
        { "a leeway below zero", "audience = orders | leeway = -2", one_issuer, "leeway" },
        { "a leeway above ten minutes", "audience = orders | leeway = 601", one_issuer, "leeway" },
        { "a maximum age below zero", "audience = orders | max_age = -1", one_issuer, "max_age" },
        { "a maximum sign-in age below zero", "audience = orders | max_auth_age = -1", one_issuer,
          "max_auth_age" },
        { "a nonce without proofs", "audience = orders | dpop = never | dpop_nonce = true",
          one_issuer, "dpop_nonce" },
        { "an acr with a quote", "audience = orders | acr = a\"b", one_issuer, "quote" },
        { "an acr with a space", "audience = orders | acr = a b", one_issuer, "space" },
        { "a header without a value", "audience = orders | headers = X-User", one_issuer,
          "Name={claim}" },
        { "a header's name with a space", "audience = orders | headers = X User={sub}", one_issuer,
          "no header name" },
        { "a header without a name", "audience = orders | headers = ={sub}", one_issuer,
          "no header name" },
        { "a hop-by-hop header", "audience = orders | headers = connection={sub}", one_issuer,
          "another name" },
        { "a framing header", "audience = orders | headers = Content-Length=0", one_issuer,
          "another name" },
        { "a header twice", "audience = orders | headers = X-User={sub}; x-user={email}",
          one_issuer, "twice" },
        { "a broken template", "audience = orders | headers = X-User={sub", one_issuer,
          "closing brace" },
        { "always asking an issuer without a client", "audience = a | introspect = always",
          one_issuer, "introspect = always asks each issuer of the policy, and [issuer test]" },
        { "asking two issuers, one of them without a client",
          "audience = a | issuers = test; other | introspect = writes", one_of_two_asked,
          "[issuer other] has no client_id" },
        { "max-age asks, too", "audience = a | introspect = max-age 5", one_issuer,
          "introspect = max-age 5s asks" },
        { "a max-age of nothing", "audience = a | introspect = max-age 0", one_asked,
          "introspect = max-age 0s is out of 1s to 1h" },
        { "a max-age over an hour", "audience = a | introspect = max-age 3601", one_asked,
          "out of 1s to 1h" },
        { "an introspection_issuer that is not there",
          "audience = a | issuers = test; other | introspection_issuer = tset", both_asked,
          "introspection_issuer = tset is not among" },
        { "an introspection_issuer that is not the policy's",
          "audience = a | issuers = test | introspection_issuer = other", both_asked,
          "introspection_issuer = other is not among" },
        { "an introspection_issuer without a client",
          "audience = a | issuers = test; other | introspection_issuer = other", one_of_two_asked,
          "[issuer other] has no client_id" },
        { "a budget of keys below zero", "audience = a | keys_stale_for = -2", one_issuer,
          "keys_stale_for = -2s is out of 0s to 30d" },
        { "a budget of keys over 30 days", "audience = a | keys_stale_for = 2592001", one_issuer,
          "keys_stale_for" },
        { "a budget of keys that would overflow",
          "audience = a | keys_stale_for = 9223372036854775807", one_issuer, "keys_stale_for" },
        { "a budget of answers below zero", "audience = a | introspection_stale_for = -1",
          one_asked, "introspection_stale_for = -1s is out of" },
        { "a budget of answers over 30 days", "audience = a | introspection_stale_for = 2592001",
          one_asked, "introspection_stale_for" },
};

static void test_refused(gconstpointer data)
{
        const RefusedRow *row = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(Policy) policy = policy_of(row->policy, row->issuers, &error);

        g_assert_null(policy);
        g_assert_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE);
        if (!strstr(error->message, row->said))
                g_error("\"%s\" is not in \"%s\"", row->said, error->message);
}

static void test_a_list_has_a_maximum(void)
{
        g_autoptr(GString) text = g_string_new("audience = a");

        for (int i = 1; i < POLICY_LIST_MAX; i++)
                g_string_append_printf(text, "; a%d", i);
        policy_unref(policy_of(text->str, one_issuer, &(GError *){ NULL }));
        g_string_append(text, "; more");
        g_assert_null(policy_of(text->str, one_issuer, NULL));
}

/* ---- how old what it relies on may be ---- */

#define SEC INT64_C(1000000) /* in microseconds */

typedef struct FreshRow {
        const char *sentence;
        const char *policy;
        const PolicyIssuer *issuers;
        const char *asked; /* about opaque tokens */
        bool introspects;
        bool demands_safe, demands_unsafe; /* of each JWT */
        int64_t age_safe_usec, age_unsafe_usec;
        bool once;
        const char *text;
} FreshRow;

static const FreshRow fresh_rows[] = {
        { "nobody is asked without a client", "audience = a", one_issuer, NULL, false, false, false,
          30 * SEC, 30 * SEC, false, "never" },
        { "an issuer with a client is asked about opaque tokens", "audience = a", one_asked, "test",
          true, false, false, 30 * SEC, 30 * SEC, false, "never" },
        { "the only one with a client is", "audience = a | issuers = other; test", one_of_two_asked,
          "test", true, false, false, 30 * SEC, 30 * SEC, false, "never" },
        { "of two with a client none is", "audience = a | issuers = test; other", both_asked, NULL,
          false, false, false, 30 * SEC, 30 * SEC, false, "never" },
        { "unless one is named",
          "audience = a | issuers = test; other | introspection_issuer = other", both_asked,
          "other", true, false, false, 30 * SEC, 30 * SEC, false, "never" },
        { "another policy's issuer is not asked", "audience = a | issuers = other",
          one_of_two_asked, NULL, false, false, false, 30 * SEC, 30 * SEC, false, "never" },
        { "always asks for each request", "audience = a | introspect = always", one_asked, "test",
          true, true, true, POLICY_ANSWER_OWN, POLICY_ANSWER_OWN, true, "always" },
        { "writes asks for what may change something", "audience = a | introspect = writes",
          one_asked, "test", true, false, true, 30 * SEC, POLICY_ANSWER_OWN, true, "writes" },
        { "max-age takes an answer of that age", "audience = a | introspect = max-age 5", one_asked,
          "test", true, true, true, 5 * SEC, 5 * SEC, false, "max-age 5s" },
        { "an hour is the longest max-age", "audience = a | introspect = max-age 3600", one_asked,
          "test", true, true, true, 3600 * SEC, 3600 * SEC, false, "max-age 3600s" },
        { "both issuers are asked, and neither about opaque tokens",
          "audience = a | issuers = test; other | introspect = always", both_asked, NULL, true,
          true, true, POLICY_ANSWER_OWN, POLICY_ANSWER_OWN, true, "always" },
};

static void test_fresh(gconstpointer data)
{
        const FreshRow *row = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(Policy) policy = policy_of(row->policy, row->issuers, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(policy_introspection_issuer(policy), ==, row->asked);
        g_assert_cmpint(policy_introspects(policy), ==, row->introspects);
        g_assert_cmpint(policy_demands_answer(policy, false), ==, row->demands_safe);
        g_assert_cmpint(policy_demands_answer(policy, true), ==, row->demands_unsafe);
        g_assert_cmpint(policy_answer_age_usec(policy, false), ==, row->age_safe_usec);
        g_assert_cmpint(policy_answer_age_usec(policy, true), ==, row->age_unsafe_usec);
        g_assert_cmpint(policy_answers_once(policy), ==, row->once);
        g_assert_cmpstr(policy_introspect_text(policy), ==, row->text);
}

static void test_a_budget_of_keys_is_never_longer_than_the_issuers(void)
{
        g_autoptr(Policy) unset = policy_of("audience = a", one_issuer, NULL);
        g_autoptr(Policy) none = policy_of("audience = a | keys_stale_for = 0", one_issuer, NULL);
        g_autoptr(Policy) minute =
            policy_of("audience = a | keys_stale_for = 60", one_issuer, NULL);

        g_assert_cmpint(policy_keys_stale_usec(unset, 3600 * SEC), ==, 3600 * SEC);
        g_assert_cmpint(policy_keys_stale_usec(none, 3600 * SEC), ==, 0);
        g_assert_cmpint(policy_keys_stale_usec(minute, 3600 * SEC), ==, 60 * SEC);
        g_assert_cmpint(policy_keys_stale_usec(minute, 59 * SEC), ==, 59 * SEC);
}

static void test_a_budget_of_answers_is_none_unless_set(void)
{
        g_autoptr(Policy) unset = policy_of("audience = a", one_asked, NULL);
        g_autoptr(Policy) longest =
            policy_of("audience = a | introspection_stale_for = 2592000", one_asked, NULL);

        g_assert_cmpint(policy_introspection_stale_usec(unset), ==, 0);
        g_assert_cmpint(policy_introspection_stale_usec(longest), ==, POLICY_STALE_SEC_MAX * SEC);
}

static void test_status_shows_freshness(void)
{
        g_autoptr(Policy) plain = policy_of("audience = a", one_issuer, NULL);
        g_autoptr(Policy) asking =
            policy_of("audience = a | introspect = max-age 5 | keys_stale_for = 60 | "
                      "introspection_stale_for = 7",
                      one_asked, NULL);
        json_auto *without = policy_status(plain), *with = policy_status(asking);

        g_assert_cmpstr(json_string_value(json_object_get(without, "introspect")), ==, "never");
        g_assert_true(json_is_null(json_object_get(without, "introspection_issuer")));
        g_assert_true(json_is_null(json_object_get(without, "keys_stale_for_seconds")));
        g_assert_cmpint(
            json_integer_value(json_object_get(without, "introspection_stale_for_seconds")), ==, 0);
        g_assert_cmpstr(json_string_value(json_object_get(with, "introspect")), ==, "max-age 5s");
        g_assert_cmpstr(json_string_value(json_object_get(with, "introspection_issuer")), ==,
                        "test");
        g_assert_cmpint(json_integer_value(json_object_get(with, "keys_stale_for_seconds")), ==,
                        60);
        g_assert_cmpint(
            json_integer_value(json_object_get(with, "introspection_stale_for_seconds")), ==, 7);
}

/* ---- the rest ---- */

static void test_headers_default_to_oauth2_proxys(void)
{
        static const char *const wanted[][2] = {
                { "X-Auth-Request-User", "u1" },
                { "X-Auth-Request-Email", "" },
                { "X-Auth-Request-Preferred-Username", "ann" },
                { "X-Auth-Request-Groups", "/a,/b" },
        };
        g_autoptr(Policy) policy = policy_of("audience = any", one_issuer, NULL);
        g_autoptr(Claims) claims =
            mint_claims("{'sub':'u1','preferred_username':'ann','groups':['/a','/b']}", "");

        g_assert_cmpuint(policy_n_headers(policy), ==, G_N_ELEMENTS(wanted));
        for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
                g_autoptr(GString) value = g_string_new(NULL);
                const char *name = NULL;

                template_expand(policy_header(policy, i, &name), claims, value);
                g_assert_cmpstr(name, ==, wanted[i][0]);
                g_assert_cmpstr(value->str, ==, wanted[i][1]);
        }
}

static void test_status_warns(void)
{
        g_autoptr(Policy) strict = policy_of("audience = orders", one_issuer, NULL);
        g_autoptr(Policy) loose = policy_of("audience = any | type = any", one_issuer, NULL);
        json_t *good = policy_status(strict), *bad = policy_status(loose);

        g_assert_cmpuint(json_array_size(json_object_get(good, "warnings")), ==, 0);
        g_assert_cmpuint(json_array_size(json_object_get(bad, "warnings")), ==, 2);
        g_assert_true(policy_any_audience(loose));
        g_assert_cmpstr(json_string_value(json_array_get(json_object_get(good, "issuers"), 0)), ==,
                        "test");
        json_decref(good);
        json_decref(bad);
}

static Policy *named_policy(const char *name)
{
        g_autoptr(PolicySettings) settings = policy_settings_new(name);

        settings->audience = g_strsplit("any", ";", -1);
        return policy_new(settings, one_issuer, 1, NULL);
}

static void test_a_set_finds_by_whole_name(void)
{
        static const char *const names[] = { "orders", "default", "order", "zoo" };
        g_autoptr(GPtrArray) policies =
            g_ptr_array_new_with_free_func((GDestroyNotify) policy_unref);
        g_autoptr(PolicySet) set = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                g_ptr_array_add(policies, named_policy(names[i]));
        set = policy_set_new(policies);
        g_assert_cmpuint(policy_set_size(set), ==, G_N_ELEMENTS(names));
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                g_assert_cmpstr(policy_name(policy_set_find(set, span_from(names[i]))), ==,
                                names[i]);
        g_assert_cmpstr(policy_name(policy_set_find(set, span_of("orders/x", 6))), ==, "orders");
        g_assert_null(policy_set_find(set, span_from("Orders")));
        g_assert_null(policy_set_find(set, SPAN_EMPTY));
        g_assert_null(policy_set_find(set, span_of("order\0", 6)));
}

static void test_an_empty_set_finds_nothing(void)
{
        g_autoptr(GPtrArray) none = g_ptr_array_new();
        g_autoptr(PolicySet) set = policy_set_new(none);

        g_assert_null(policy_set_find(set, span_from("default")));
}

/* ---- membership: the same rows, and those that a token would fail for other reasons ---- */

typedef struct MembershipRow {
        const char *sentence;
        const char *policy;
        const char *claims;
        Reason reason;
} MembershipRow;

static const MembershipRow membership_rows[] = {
        { "nothing demanded, nothing needed", "audience = orders", "'sub':'u1'", VERDICT_VALID },
        { "times, audience, scopes, claims and acr are not looked at",
          "audience = orders | scopes = a | claims = email | acr = gold | groups = /ops",
          "'exp':1,'groups':['/ops']", VERDICT_VALID },
        { "a group that lacks", "audience = any | groups = /ops", "'groups':['/op']",
          VERDICT_MISSING_GROUP },
        { "one group of all that lacks", "audience = any | groups_all = /ops; /eng",
          "'groups':['/ops']", VERDICT_MISSING_GROUP },
        { "a role that lacks", "audience = any | roles = realm:admin",
          "'resource_access':{'realm':{'roles':['admin']}}", VERDICT_MISSING_ROLE },
        { "one role of all that lacks", "audience = any | roles_all = realm:admin; orders:reader",
          "'realm_access':{'roles':['admin']}", VERDICT_MISSING_ROLE },
        { "roles and groups both", "audience = any | roles = orders:reader | groups = /ops",
          "'groups':['/ops'],'resource_access':{'orders':{'roles':['reader']}}", VERDICT_VALID },
};

static void test_membership(gconstpointer data)
{
        const MembershipRow *row = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(Policy) policy = policy_of(row->policy, one_issuer, &error);
        g_autofree char *json = g_strdup_printf("{%s}", row->claims);
        g_autoptr(Claims) claims = mint_claims(json, "");
        Verdict verdict = VERDICT_INIT;

        g_assert_no_error(error);
        g_assert_cmpint(policy_check_membership(policy, claims, &verdict), ==, row->reason);
        g_assert_cmpint(verdict.reason, ==,
                        row->reason == VERDICT_VALID ? VERDICT_UNAVAILABLE : row->reason);
        g_assert_true((verdict.detail[0] != '\0') == (row->reason != VERDICT_VALID));
        verdict_clear(&verdict);
}

/* Of each row above: who passes the whole passes this; who lacks a role or a group lacks it. */
static void test_membership_is_a_part(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(check_rows); i++) {
                const CheckRow *row = &check_rows[i];
                g_autoptr(Policy) policy = policy_of(
                    row->policy, strstr(row->policy, "issuers") ? two_issuers : one_issuer, NULL);
                g_autofree char *json = g_strdup_printf("{%s}", row->claims);
                g_autoptr(Claims) claims = mint_claims(json, row->typ);
                Verdict verdict = VERDICT_INIT;
                Reason reason = policy_check_membership(policy, claims, &verdict);

                g_test_message("%s", row->sentence);
                if (row->reason == VERDICT_VALID || row->reason == VERDICT_MISSING_ROLE ||
                    row->reason == VERDICT_MISSING_GROUP)
                        g_assert_cmpint(reason, ==, row->reason);
                verdict_clear(&verdict);
        }
}

static void test_membership_needs(void)
{
        g_autoptr(Policy) plain = policy_of("audience = any", one_issuer, NULL);
        g_autoptr(Policy) paths = policy_of("audience = any | groups = /a; /b", one_issuer, NULL);
        g_autoptr(Policy) bare = policy_of("audience = any | groups_all = /a; b", one_issuer, NULL);
        g_autoptr(Policy) roles =
            policy_of("audience = any | roles_all = realm:x | groups_claim = realm_access.roles",
                      one_issuer, NULL);

        g_assert_false(policy_demands_groups(plain) || policy_demands_roles(plain));
        g_assert_true(policy_demands_groups(paths) && !policy_demands_roles(paths));
        g_assert_null(policy_group_without_slash(paths));
        g_assert_cmpstr(policy_group_without_slash(bare), ==, "b");
        g_assert_cmpstr(policy_groups_claim(bare), ==, "groups");
        g_assert_false(policy_groups_are_roles(bare));
        g_assert_true(policy_demands_roles(roles) && policy_groups_are_roles(roles));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_set_nonfatal_assertions(); /* one run tells all rows that fail */
        for (size_t i = 0; i < G_N_ELEMENTS(check_rows); i++) {
                g_autofree char *path = g_strconcat("/policy/", check_rows[i].sentence, NULL);

                g_test_add_data_func(path, &check_rows[i], test_check);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(refused_rows); i++) {
                g_autofree char *path =
                    g_strconcat("/policy/refused/", refused_rows[i].sentence, NULL);

                g_test_add_data_func(path, &refused_rows[i], test_refused);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(fresh_rows); i++) {
                g_autofree char *path =
                    g_strconcat("/policy/freshness/", fresh_rows[i].sentence, NULL);

                g_test_add_data_func(path, &fresh_rows[i], test_fresh);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(membership_rows); i++) {
                g_autofree char *path =
                    g_strconcat("/policy/membership: ", membership_rows[i].sentence, NULL);

                g_test_add_data_func(path, &membership_rows[i], test_membership);
        }
        g_test_add_func("/policy/membership is a part of the whole", test_membership_is_a_part);
        g_test_add_func("/policy/what membership needs", test_membership_needs);
        g_test_add_func("/policy/a budget of keys is never longer than the issuer's",
                        test_a_budget_of_keys_is_never_longer_than_the_issuers);
        g_test_add_func("/policy/a budget of answers is none unless set",
                        test_a_budget_of_answers_is_none_unless_set);
        g_test_add_func("/policy/status shows freshness", test_status_shows_freshness);
        g_test_add_func("/policy/until is the edge", test_until_is_the_edge);
        g_test_add_func("/policy/explaining goes on after a refusal",
                        test_explaining_goes_on_after_a_refusal);
        g_test_add_func("/policy/a list has a maximum", test_a_list_has_a_maximum);
        g_test_add_func("/policy/headers default to oauth2-proxy's",
                        test_headers_default_to_oauth2_proxys);
        g_test_add_func("/policy/status warns", test_status_warns);
        g_test_add_func("/policy/a set finds by whole name", test_a_set_finds_by_whole_name);
        g_test_add_func("/policy/an empty set finds nothing", test_an_empty_set_finds_nothing);
        return g_test_run();
}

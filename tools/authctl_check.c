/* authctl_check: check and explain: a token's verdict, in a sentence and a hint what to do about
 * it. */
#include "authctl_check.h"

#include "authctl_ask.h"
#include "authctl_text.h"
#include "authctl_token.h"
#include "base/clock.h"
#include "token/json.h"
#include "verdict/verdict.h"

#include <stdio.h>

typedef struct CheckOptions {
        char *policy, *method, *uri, *file;
        gboolean all; /* explain: steps that demand nothing, too */
} CheckOptions;

typedef void (*Printer)(const json_t *answer, const CheckOptions *check);

/* What one would do next. The reasons are few and each has a usual cause. */
static const char *const hints[_VERDICT_MAX] = {
        [VERDICT_UNAVAILABLE] =
            "authctl issuers shows the provider's last error, and authctl doctor ISSUER what is "
            "missing there.",
        [VERDICT_MISSING_TOKEN] = "Send the token as \"Authorization: Bearer TOKEN\".",
        [VERDICT_MALFORMED] = "Copy the access token whole: three parts with two dots, without "
                              "quotes or line breaks.",
        [VERDICT_UNSUPPORTED_ALGORITHM] =
            "Set the client's access token signature algorithm to RS256, PS256, ES256 or EdDSA.",
        [VERDICT_UNKNOWN_ISSUER] = "Compare the token's iss with the url of each [issuer] and the "
                                   "policy's issuers, byte for byte.",
        [VERDICT_UNKNOWN_KEY] = "The provider does not publish the key: an old token after a "
                                "rotation, or another realm's; or the key is distrusted here "
                                "(authctl keys).",
        [VERDICT_KEY_MISMATCH] =
            "The token names an algorithm that its key may not verify; suspect a forgery.",
        [VERDICT_BAD_SIGNATURE] = "The token was changed or is not the provider's; get a new one.",
        [VERDICT_EXPIRED] = "Get a new token; if it is new, compare the clocks of both machines.",
        [VERDICT_NOT_YET_VALID] =
            "Compare the clocks of this machine and the provider; leeway allows for some seconds.",
        [VERDICT_TOO_OLD] =
            "Get a new token; the policy's max_age is shorter than the token's life.",
        [VERDICT_WRONG_TYPE] = "Send the access token, not the ID or refresh token; other "
                               "providers' may need type = any.",
        [VERDICT_WRONG_AUDIENCE] = "Add an audience mapper to the client at the provider, or name "
                                   "the token's audience in the policy.",
        [VERDICT_WRONG_PARTY] =
            "The token was given to another client; add it to the policy's azp if it may call.",
        [VERDICT_MISSING_CLAIM] =
            "Add a mapper for the claim to the client (for sub: the \"basic\" client scope).",
        [VERDICT_MISSING_SCOPE] =
            "Ask for the scope when getting the token, and allow the client to have it.",
        [VERDICT_MISSING_ROLE] =
            "Give the user or the service account the role, then get a new token.",
        [VERDICT_MISSING_GROUP] = "Make the user a member, and check that a group membership "
                                  "mapper with full paths is there.",
        [VERDICT_REVOKED] = "Sign in again.",
        [VERDICT_DEVELOPMENT_ISSUER] = "A development provider's token: allow_development_issuers "
                                       "= true takes it, on machines of developers only.",
        [VERDICT_ACR_TOO_LOW] =
            "Sign in again by one of the means of the policy's acr (acr_values in the request).",
        [VERDICT_AUTH_TOO_OLD] =
            "Sign in again; the policy's max_auth_age counts from auth_time, not from iat.",
        [VERDICT_MISSING_PROOF] = "Bound to a key (DPoP): only a request at a proxy's door, with "
                                  "its proof, can be judged.",
        [VERDICT_BAD_PROOF] = "Make the proof for this very method, URL and token, once, with the "
                              "key that got the token.",
        [VERDICT_PROOF_NONCE] = "Repeat the request with the nonce of DPoP-Nonce in the proof.",
        [VERDICT_MISSING_CERTIFICATE] = "Let a trusted proxy hand on the client's certificate.",
        [VERDICT_WRONG_CERTIFICATE] = "Use the certificate with which the token was got.",
        [VERDICT_NO_ROUTE] = "Add a [route NAME]; authctl policy test METHOD URL shows why none "
                             "fits.",
        [VERDICT_UNTRUSTED_PROXY] = "Add the proxy to trusted_proxies.",
        [VERDICT_BAD_PATH] = "Spell the path plainly; authctl policy test says what is wrong.",
        [VERDICT_RATE_LIMITED] = "Come again later; see limits and auth_failures.",
        [VERDICT_INACTIVE] = "The provider says that the session is over; sign in again. If "
                             "that does not help, authctl doctor ISSUER shows whether authd's "
                             "client may ask.",
};

static void set_text(json_t *question, const char *name, const char *value)
{
        if (value)
                json_object_set_new(question, name, json_string(value));
}

static json_t *question_new(const CheckOptions *check, const Secret *token)
{
        Span bytes = secret_bytes(token);
        json_t *question = json_object();

        json_object_set_new(question, "token", json_stringn(bytes.data, bytes.len));
        set_text(question, "policy", check->policy);
        set_text(question, "method", check->method);
        set_text(question, "uri", check->uri);
        return question;
}

AuthctlExit check_exit(const json_t *answer)
{
        const char *verdict = ask_text(answer, "verdict");

        if (g_strcmp0(verdict, "valid") == 0)
                return AUTHCTL_OK;
        if (g_strcmp0(verdict, "invalid") == 0 || g_strcmp0(verdict, "forbidden") == 0)
                return AUTHCTL_REFUSED;
        return AUTHCTL_UNAVAILABLE;
}

static void print_verdict(const json_t *answer)
{
        static const Style styles[] = {
                [AUTHCTL_OK] = STYLE_GOOD,
                [AUTHCTL_REFUSED] = STYLE_BAD,
                [AUTHCTL_USAGE] = STYLE_WARN,
                [AUTHCTL_UNAVAILABLE] = STYLE_WARN,
        };
        Style style = styles[check_exit(answer)];
        g_autofree char *verdict = text_printable(ask_text(answer, "verdict"));
        g_autofree char *reason = text_printable(ask_text(answer, "reason"));
        g_autofree char *detail = text_printable(ask_text(answer, "detail"));

        printf("%s%s%s", style_begin(style), verdict, style_end(style));
        if (strcmp(verdict, reason) != 0)
                printf(": %s", reason);
        printf("%s%s\n", *detail ? ": " : "", detail);
}

static void add_fact(Table *table, const char *name, const char *value)
{
        if (!value || !*value)
                return;
        table_add(table, STYLE_DIM, name);
        table_add(table, STYLE_PLAIN, value);
}

static void print_facts(const json_t *answer)
{
        static const char *const untitled[] = { "", "", NULL };
        g_autoptr(Table) table = table_new(untitled);
        gint64 until = json_integer_value(json_object_get(answer, "until"));
        g_autofree char *end = until > 0 ? text_time(until, clock_wall_sec()) : NULL;
        const char *name;
        json_t *value;

        add_fact(table, "  issuer", ask_text(answer, "issuer"));
        add_fact(table, "  policy", ask_text(answer, "policy"));
        add_fact(table, "  until", end);
        json_object_foreach (json_object_get(answer, "headers"), name, value) {
                g_autofree char *title = g_strconcat("  header ", name, NULL);
                const char *text = json_string_value(value);

                add_fact(table, title, text && *text ? text : "(empty)");
        }
        table_print(table);
}

static void print_claims(const json_t *answer)
{
        const json_t *claims = json_object_get(answer, "claims");
        g_autofree char *text =
            json_is_object(claims) ? json_dumps(claims, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;

        if (text)
                printf("%s\n", text);
}

static void print_hint(const json_t *answer)
{
        const char *word = ask_text(answer, "reason");
        Reason reason = VERDICT_UNAVAILABLE;

        if (word && reason_from_word(word, &reason) && hints[reason])
                printf("%sHint:%s %s\n", style_begin(STYLE_BOLD), style_end(STYLE_BOLD),
                       hints[reason]);
}

static void print_check(const json_t *answer, const CheckOptions *check)
{
        print_verdict(answer);
        print_facts(answer);
        print_claims(answer);
        print_hint(answer);
}

static void add_step(Table *table, const json_t *step)
{
        const char *result = ask_text(step, "result");
        bool ok = g_strcmp0(result, "ok") == 0;
        bool failed = g_strcmp0(result, "failed") == 0;

        table_add(table, STYLE_PLAIN, ask_text(step, "step"));
        table_add(table,
                  ok       ? STYLE_GOOD
                  : failed ? STYLE_BAD
                           : STYLE_DIM,
                  ok       ? "OK"
                  : failed ? "FAILED"
                           : result);
        table_add(table, STYLE_PLAIN, ask_text(step, "found"));
        table_add(table, STYLE_PLAIN, ask_text(step, "wanted"));
}

/* step_is_idle: nothing is demanded there, and so nothing was looked at. */
static bool step_is_idle(const json_t *step)
{
        const char *found = ask_text(step, "found");

        return g_strcmp0(ask_text(step, "result"), "skipped") == 0 && (!found || !*found);
}

void check_print_explanation(const json_t *answer, bool all)
{
        static const char *const titles[] = { "STEP", "RESULT", "FOUND", "WANTED", NULL };
        g_autoptr(Table) table = table_new(titles);
        size_t index;
        json_t *step;

        json_array_foreach (json_object_get(answer, "steps"), index, step)
                if (all || !step_is_idle(step))
                        add_step(table, step);
        table_print(table);
        putchar('\n');
        print_verdict(answer);
        print_facts(answer);
        print_hint(answer);
}

static void print_explanation(const json_t *answer, const CheckOptions *check)
{
        check_print_explanation(answer, check->all);
}

static void check_options_clear(CheckOptions *check)
{
        g_free(check->policy);
        g_free(check->method);
        g_free(check->uri);
        g_free(check->file);
}

static bool parse_check(AuthctlOptions *options, CheckOptions *check, int argc, char **argv)
{
        bool explains = strcmp(argv[0], "explain") == 0;
        const GOptionEntry own[] = {
                { "policy", 'p', 0, G_OPTION_ARG_STRING, &check->policy,
                  "The policy (default: the one named default)", "NAME" },
                { "method", 'm', 0, G_OPTION_ARG_STRING, &check->method, "The request's method",
                  "METHOD" },
                { "uri", 'u', 0, G_OPTION_ARG_STRING, &check->uri, "The request's URI", "URI" },
                { "file", 'f', 0, G_OPTION_ARG_FILENAME, &check->file,
                  "Read the token from there (default: stdin)", "FILE" },
                { explains ? "all" : NULL, 'a', 0, G_OPTION_ARG_NONE, &check->all,
                  "Show the steps that demand nothing, too", NULL },
                { NULL },
        };

        return authctl_options(options, own, "< TOKEN", argc, argv);
}

static int run(const char *path, Printer print, int argc, char **argv)
{
        __attribute__((cleanup(check_options_clear))) CheckOptions check = { 0 };
        g_auto(AuthctlOptions) options = { 0 };
        g_auto(Answer) answer = { 0 };

        if (!parse_check(&options, &check, argc, argv))
                return AUTHCTL_USAGE;
        g_autoptr(Secret) token = token_read(check.file);
        if (!token)
                return AUTHCTL_USAGE;
        json_auto *question = question_new(&check, token);
        AuthctlExit code = ask_daemon(&options, path, question, &answer);
        if (code != AUTHCTL_OK)
                return code;
        if (options.json)
                ask_print_json(&answer);
        else
                print(answer.json, &check);
        return check_exit(answer.json);
}

int authctl_check(int argc, char **argv)
{
        return run("/v1/check", print_check, argc, argv);
}

int authctl_explain(int argc, char **argv)
{
        return run("/v1/explain", print_explanation, argc, argv);
}

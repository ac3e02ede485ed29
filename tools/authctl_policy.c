/* authctl_policy: "policy test METHOD URL": which route takes a request, and what its policy says
 * of a token. */
#include "authctl_check.h"

#include "authctl_text.h"
#include "authctl_token.h"

#include <stdio.h>
#include <string.h>

typedef struct PolicyOptions {
        char *token_file;
        char **words; /* test METHOD URL */
} PolicyOptions;

static void policy_options_clear(PolicyOptions *policy)
{
        g_free(policy->token_file);
        g_strfreev(policy->words);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PolicyOptions, policy_options_clear)

static const char *text_of(const json_t *object, const char *name)
{
        return json_string_value(json_object_get(object, name));
}

static bool parse(AuthctlOptions *options, PolicyOptions *policy, int argc, char **argv)
{
        const GOptionEntry own[] = {
                { "token-file", 't', 0, G_OPTION_ARG_FILENAME, &policy->token_file,
                  "Judge the token that is there, too (-: stdin)", "FILE" },
                { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &policy->words, NULL,
                  "test METHOD URL" },
                { NULL },
        };

        if (!authctl_options(options, own, NULL, argc, argv))
                return false;
        if (policy->words && g_strv_length(policy->words) == 3 &&
            strcmp(policy->words[0], "test") == 0)
                return true;
        for (char **word = policy->words; word && *word; word++)
                if (token_looks_like_one(*word)) {
                        authctl_complain(AUTHCTL_USAGE, "a token on the command line is shown to "
                                                        "every user by ps; give it by "
                                                        "--token-file FILE");
                        return false;
                }
        authctl_complain(AUTHCTL_USAGE, "write authctl policy test METHOD URL, for instance "
                                        "GET https://api.example.com/orders/1");
        return false;
}

/* question_new: NULL: the token could not be read, and that was told. */
static json_t *question_new(const PolicyOptions *policy)
{
        json_t *question =
            json_pack("{s:s, s:s}", "method", policy->words[1], "url", policy->words[2]);

        if (!policy->token_file)
                return question;
        g_autoptr(Secret) token = token_read(policy->token_file);
        if (!token) {
                json_decref(question);
                return NULL;
        }
        Span bytes = secret_bytes(token);
        json_object_set_new(question, "token", json_stringn(bytes.data, bytes.len));
        return question;
}

static void print_routes(const json_t *answer)
{
        static const char *const titles[] = { "ORDER", "ROUTE", "FITS", "WHY", NULL };
        g_autoptr(Table) table = table_new(titles);
        size_t index;
        json_t *row;

        json_array_foreach (json_object_get(answer, "routes"), index, row) {
                bool fits = json_is_true(json_object_get(row, "fits"));
                g_autofree char *order = g_strdup_printf(
                    "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(row, "order")));

                table_add(table, STYLE_PLAIN, order);
                table_add(table, STYLE_PLAIN, text_of(row, "route"));
                table_add(table, fits ? STYLE_GOOD : STYLE_DIM, fits ? "yes" : "no");
                table_add(table, STYLE_PLAIN, text_of(row, "why"));
        }
        table_print(table);
}

/* print_choice: in a sentence, after the table. */
static void print_choice(const json_t *answer)
{
        const char *mode = text_of(answer, "mode"), *refused = text_of(answer, "refused");
        g_autofree char *host = text_printable(text_of(answer, "host"));
        g_autofree char *path = text_printable(text_of(answer, "path"));
        g_autofree char *route = text_printable(text_of(answer, "route"));
        g_autofree char *policy = text_printable(text_of(answer, "policy"));
        g_autofree char *detail = text_printable(text_of(answer, "detail"));

        if (refused)
                printf("%s%s%s: %s\n", style_begin(STYLE_BAD), refused, style_end(STYLE_BAD),
                       detail);
        else if (g_strcmp0(mode, "anonymous") == 0)
                printf("%s%s: route %s lets everybody pass; no token is looked at.\n", host, path,
                       route);
        else
                printf("%s%s: route %s, policy %s; a token is %s.\n", host, path, route, policy,
                       mode);
}

static void show(const json_t *answer)
{
        const json_t *verdict = json_object_get(answer, "verdict");

        print_routes(answer);
        print_choice(answer);
        if (!json_is_object(verdict))
                return;
        putchar('\n');
        check_print_explanation(verdict, false);
}

static AuthctlExit exit_of(const json_t *answer)
{
        const json_t *verdict = json_object_get(answer, "verdict");

        if (json_is_object(verdict))
                return check_exit(verdict);
        return text_of(answer, "refused") ? AUTHCTL_REFUSED : AUTHCTL_OK;
}

int authctl_policy(int argc, char **argv)
{
        g_auto(PolicyOptions) policy = { 0 };
        g_auto(AuthctlOptions) options = { 0 };
        g_auto(Answer) answer = { 0 };

        if (!parse(&options, &policy, argc, argv))
                return AUTHCTL_USAGE;
        json_t *question = question_new(&policy);
        if (!question)
                return AUTHCTL_USAGE;
        AuthctlExit code = ask_daemon(&options, "/v1/policy-test", question, &answer);
        json_decref(question);
        if (code != AUTHCTL_OK)
                return code;
        if (options.json)
                ask_print_json(&answer);
        else
                show(answer.json);
        return exit_of(answer.json);
}

/* authctl_status: status, issuers, keys, config and reload: what the daemon knows, as tables. */
#include "authctl.h"

#include "authctl_ask.h"
#include "authctl_text.h"
#include "base/clock.h"
#include "token/json.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const untitled[] = { "", "", NULL };

static bool true_of(const json_t *object, const char *name)
{
        return json_is_true(json_object_get(object, name));
}

/* The strings of an array, with a separator. Caller frees. */
static char *joined(const json_t *array, const char *separator)
{
        g_autoptr(GString) out = g_string_new(NULL);
        size_t index;
        json_t *value;

        json_array_foreach (array, index, value) {
                const char *text = json_string_value(value);

                g_string_append_printf(out, "%s%s", out->len > 0 ? separator : "",
                                       text ? text : "?");
        }
        return g_string_free(g_steal_pointer(&out), false);
}

static void add_fact(Table *table, const char *name, const char *value)
{
        if (!value || !*value)
                return;
        table_add(table, STYLE_DIM, name);
        table_add(table, STYLE_PLAIN, value);
}

static void add_listening(Table *table, const json_t *status)
{
        g_autofree char *listen = joined(json_object_get(status, "listen"), ", ");

        add_fact(table, "socket", ask_text(status, "socket"));
        add_fact(table, "listen", listen);
}

static void add_process(Table *table, const json_t *status)
{
        g_autofree char *uptime = text_duration(ask_number(status, "uptime_seconds"));
        g_autofree char *process =
            g_strdup_printf("pid %" PRId64 ", up %s, %" PRId64 " workers, %" PRId64 " connections",
                            ask_number(status, "pid"), uptime, ask_number(status, "workers"),
                            ask_number(status, "connections"));

        add_fact(table, "process", process);
}

static void add_config(Table *table, const json_t *config)
{
        g_autofree char *loaded = text_time(ask_number(config, "loaded_at"), clock_wall_sec());
        g_autofree char *path = g_strdup_printf("%s, read %s", ask_text(config, "path"), loaded);

        add_fact(table, "settings", path);
}

static void add_cache(Table *table, const char *title, const json_t *cache)
{
        gint64 hits = ask_number(cache, "hits"), misses = ask_number(cache, "misses");
        g_autofree char *size = text_size(ask_number(cache, "size_bytes"));
        g_autofree char *size_max = text_size(ask_number(cache, "size_max_bytes"));
        double rate = hits + misses > 0 ? 100.0 * (double) hits / (double) (hits + misses) : 0;
        g_autofree char *text = g_strdup_printf(
            "%" PRId64 " tokens, %s of %s, %.1f %% hits, %" PRId64 " evicted",
            ask_number(cache, "entries"), size, size_max, rate, ask_number(cache, "evictions"));

        add_fact(table, title, text);
}

static void add_verdicts(Table *table, const json_t *verdicts)
{
        g_autofree char *text =
            g_strdup_printf("%" PRId64 " valid, %" PRId64 " invalid, %" PRId64
                            " forbidden, %" PRId64 " unavailable",
                            ask_number(verdicts, "valid"), ask_number(verdicts, "invalid"),
                            ask_number(verdicts, "forbidden"), ask_number(verdicts, "unavailable"));

        add_fact(table, "verdicts", text);
}

/* add_people: nothing without [users]. */
static void add_people(Table *table, const json_t *people)
{
        const json_t *sync = json_object_get(people, "sync");
        g_autofree char *looked = text_time(ask_number(sync, "last_look_at"), clock_wall_sec());
        g_autofree char *text = g_strdup_printf(
            "%" PRId64 " accounts, %" PRId64 " groups, %" PRId64 " refused, %" PRId64
            " collisions; read %s",
            ask_number(people, "accounts"), ask_number(people, "groups"),
            ask_number(people, "refused"), ask_number(people, "collisions"), looked);

        if (json_is_object(people))
                add_fact(table, "people", text);
}

/* add_logins: nothing without [pam SERVICE]. */
static void add_logins(Table *table, const json_t *logins)
{
        g_autofree char *services = joined(json_object_get(logins, "services"), ", ");
        g_autofree char *text = g_strdup_printf("%" PRId64 " under way; services: %s",
                                                ask_number(logins, "conversations"), services);

        if (*services)
                add_fact(table, "logins", text);
}

static void print_people_trouble(const json_t *status)
{
        const json_t *sync = json_object_get(json_object_get(status, "people"), "sync");
        g_autofree char *trouble = text_printable(ask_text(sync, "last_error"));

        if (*trouble)
                printf("%sPeople:%s the realm was not read: %s\n", style_begin(STYLE_WARN),
                       style_end(STYLE_WARN), trouble);
}

static void print_warnings(const json_t *status)
{
        size_t index;
        json_t *warning;

        json_array_foreach (json_object_get(status, "warnings"), index, warning) {
                g_autofree char *text = text_printable(json_string_value(warning));

                printf("%sWarning:%s %s\n", style_begin(STYLE_WARN), style_end(STYLE_WARN), text);
        }
}

/* One budget that is being spent: whose, since when, and when it ends. */
static void print_budget(const json_t *budget)
{
        gint64 now = clock_wall_sec();
        bool keys = g_strcmp0(ask_text(budget, "budget"), "keys") == 0;
        bool over = true_of(budget, "ended");
        g_autofree char *stale = text_duration(MAX(now - ask_number(budget, "since"), 0));
        g_autofree char *end = text_time(ask_number(budget, "ends_at"), now);
        g_autofree char *issuer = text_printable(ask_text(budget, "issuer"));
        g_autofree char *policy = text_printable(ask_text(budget, "policy"));

        printf("%sOutage:%s %s of %s stale for %s; %s %s %s\n", style_begin(STYLE_WARN),
               style_end(STYLE_WARN), keys ? "keys" : "answers about tokens", issuer, stale, policy,
               over ? "refuses its tokens as unavailable since" : "may use them until", end);
}

static void print_budgets(const json_t *status)
{
        size_t index;
        json_t *budget;

        json_array_foreach (json_object_get(status, "budgets"), index, budget)
                print_budget(budget);
}

static Style state_style(const char *state)
{
        bool good = g_strcmp0(state, "ready") == 0 || g_strcmp0(state, "static") == 0;

        return good ? STYLE_GOOD : g_strcmp0(state, "failing") == 0 ? STYLE_BAD : STYLE_WARN;
}

/* How many keys, and whether they are as they should be. */
static void add_keys_of(Table *table, const json_t *issuer)
{
        bool stale = ask_number(issuer, "stale_since") > 0;
        bool kept = true_of(issuer, "from_snapshot");
        g_autofree char *text =
            g_strdup_printf("%zu%s%s", json_array_size(json_object_get(issuer, "keys")),
                            kept ? " kept" : "", stale ? " stale" : "");

        table_add(table, stale || kept ? STYLE_WARN : STYLE_PLAIN, text);
}

static void add_introspection(Table *table, const json_t *issuer)
{
        const char *state = ask_text(json_object_get(issuer, "introspection"), "state");

        table_add(table, g_strcmp0(state, "ready") == 0 || !state ? STYLE_PLAIN : STYLE_WARN,
                  state);
}

/* issuer_trouble: the keys' before that of questions about tokens. */
static const char *issuer_trouble(const json_t *issuer)
{
        const char *keys = ask_text(issuer, "last_error");

        return keys ? keys : ask_text(json_object_get(issuer, "introspection"), "last_error");
}

static void add_issuer(Table *table, const json_t *issuer)
{
        const char *state = ask_text(issuer, "state");
        const char *trouble = issuer_trouble(issuer);
        bool only_development = !trouble && true_of(issuer, "development");
        g_autofree char *keys_at = text_time(ask_number(issuer, "keys_at"), clock_wall_sec());

        table_add(table, STYLE_PLAIN, ask_text(issuer, "name"));
        table_add(table, state_style(state), state);
        add_keys_of(table, issuer);
        table_add(table, STYLE_PLAIN, keys_at);
        add_introspection(table, issuer);
        table_add(table, STYLE_PLAIN, ask_text(issuer, "url"));
        table_add(table, only_development ? STYLE_WARN : STYLE_PLAIN,
                  only_development ? "development only" : trouble);
}

static void print_distrusted(const json_t *issuer)
{
        g_autofree char *name = text_printable(ask_text(issuer, "name"));
        size_t index;
        json_t *entry;

        json_array_foreach (json_object_get(issuer, "distrusted"), index, entry) {
                g_autofree char *key = text_printable(ask_text(entry, "key"));
                g_autofree char *at = text_time(ask_number(entry, "at"), clock_wall_sec());

                printf("%sDistrusted:%s key %s of %s, %s\n", style_begin(STYLE_WARN),
                       style_end(STYLE_WARN), key, name,
                       true_of(entry, "setting") ? "by the settings" : at);
        }
}

static void print_issuers(const json_t *answer)
{
        static const char *const titles[] = { "ISSUER",        "STATE", "KEYS",    "FETCHED",
                                              "INTROSPECTION", "URL",   "TROUBLE", NULL };
        g_autoptr(Table) table = table_new(titles);
        const json_t *issuers = json_object_get(answer, "issuers");
        size_t index;
        json_t *issuer;

        json_array_foreach (issuers, index, issuer)
                add_issuer(table, issuer);
        table_print(table);
        json_array_foreach (issuers, index, issuer)
                print_distrusted(issuer);
}

/* by_reason: " (3 missing_role, 1 expired)". Caller frees. */
static char *by_reason(const json_t *reasons)
{
        GString *text = g_string_new(NULL);
        const char *word;
        json_t *count;

        json_object_foreach ((json_t *) reasons, word, count) {
                g_autofree char *shown = text_printable(word);

                g_string_append_printf(text, "%s%" JSON_INTEGER_FORMAT " %s",
                                       text->len == 0 ? " (" : ", ", json_integer_value(count),
                                       shown);
        }
        if (text->len > 0)
                g_string_append_c(text, ')');
        return g_string_free(text, FALSE);
}

/* print_shadow: a line for a policy in whose shadow another is tried. */
static void print_shadow(const json_t *policy)
{
        const json_t *shadow = json_object_get(policy, "shadow"), *warnings;
        g_autofree char *name = text_printable(ask_text(policy, "name"));
        g_autofree char *reasons = by_reason(json_object_get(shadow, "reasons"));
        size_t index;
        json_t *warning;

        if (!json_is_object(shadow))
                return;
        printf("%s: shadow: %" PRId64 " would be refused of %" PRId64 "%s\n", name,
               ask_number(shadow, "refused"), ask_number(shadow, "judged"), reasons);
        warnings = json_object_get(shadow, "warnings");
        json_array_foreach ((json_t *) warnings, index, warning) {
                g_autofree char *text = text_printable(json_string_value(warning));

                printf("%sWarning:%s %s: shadow: %s\n", style_begin(STYLE_WARN),
                       style_end(STYLE_WARN), name, text);
        }
}

static void print_policies(const json_t *status)
{
        static const char *const titles[] = { "POLICY", "ISSUERS", "AUDIENCE", "WARNINGS", NULL };
        g_autoptr(Table) table = table_new(titles);
        size_t index;
        json_t *policy;

        json_array_foreach (json_object_get(status, "policies"), index, policy) {
                g_autofree char *issuers = joined(json_object_get(policy, "issuers"), ", ");
                g_autofree char *audience = joined(json_object_get(policy, "audience"), ", ");
                g_autofree char *warnings = joined(json_object_get(policy, "warnings"), " ");

                table_add(table, STYLE_PLAIN, ask_text(policy, "name"));
                table_add(table, STYLE_PLAIN, issuers);
                table_add(table, STYLE_PLAIN, audience);
                table_add(table, STYLE_WARN, warnings);
        }
        table_print(table);
        json_array_foreach (json_object_get(status, "policies"), index, policy)
                print_shadow(policy);
}

static void print_status(const json_t *status)
{
        g_autoptr(Table) table = table_new(untitled);
        bool ready = true_of(status, "ready");
        const char *state = ask_text(status, "state");
        Style style = ready ? STYLE_GOOD : STYLE_WARN;
        g_autofree char *version = text_printable(ask_text(status, "version"));

        printf("authd %s is %s%s%s\n", version, style_begin(style),
               ready ? "ready" : "not ready yet", style_end(style));
        add_process(table, status);
        add_listening(table, status);
        add_config(table, json_object_get(status, "config"));
        add_fact(table, "state", state ? state : "none; a restart forgets keys and distrust");
        add_cache(table, "cache", json_object_get(status, "cache"));
        if (ask_number(json_object_get(status, "answers"), "entries") > 0)
                add_cache(table, "answers", json_object_get(status, "answers"));
        add_verdicts(table, json_object_get(status, "verdicts"));
        add_people(table, json_object_get(status, "people"));
        add_logins(table, json_object_get(status, "logins"));
        table_print(table);
        print_warnings(status);
        print_people_trouble(status);
        print_budgets(status);
        putchar('\n');
        print_issuers(status);
        putchar('\n');
        print_policies(status);
}

static void print_keys(const json_t *answer)
{
        static const char *const titles[] = { "ISSUER", "KID",        "KTY",        "CRV",
                                              "BITS",   "ALGORITHMS", "DISTRUSTED", NULL };
        g_autoptr(Table) table = table_new(titles);
        size_t index;
        json_t *key;

        json_array_foreach (json_object_get(answer, "keys"), index, key) {
                gint64 n_bits = ask_number(key, "bits");
                g_autofree char *bits = n_bits > 0 ? g_strdup_printf("%" PRId64, n_bits) : NULL;
                g_autofree char *algs = joined(json_object_get(key, "algs"), " ");

                table_add(table, STYLE_PLAIN, ask_text(key, "issuer"));
                table_add(table, STYLE_PLAIN, ask_text(key, "kid"));
                table_add(table, STYLE_PLAIN, ask_text(key, "kty"));
                table_add(table, STYLE_PLAIN, ask_text(key, "crv"));
                table_add(table, STYLE_PLAIN, bits);
                table_add(table, STYLE_PLAIN, algs);
                table_add(table, STYLE_BAD, true_of(key, "distrusted") ? "distrusted" : NULL);
        }
        table_print(table);
}

static void add_setting(Table *table, const json_t *setting)
{
        bool is_default = true_of(setting, "default");
        Style style = is_default ? STYLE_DIM : STYLE_PLAIN;
        g_autofree char *section = g_strdup_printf("[%s]", ask_text(setting, "section"));
        g_autofree char *place =
            g_strdup_printf("%s:%" PRId64, ask_text(setting, "file"), ask_number(setting, "line"));

        table_add(table, style, section);
        table_add(table, style, ask_text(setting, "key"));
        table_add(table, style, is_default ? "default" : place);
        table_add(table, style, ask_text(setting, "value"));
}

static void print_config(const json_t *answer)
{
        static const char *const titles[] = { "SECTION", "KEY", "FROM", "VALUE", NULL };
        g_autoptr(Table) table = table_new(titles);
        size_t index;
        json_t *setting;

        json_array_foreach (json_object_get(answer, "settings"), index, setting)
                add_setting(table, setting);
        table_print(table);
}

static void print_reload(const json_t *answer)
{
        printf("The new settings are in force: %" PRId64 " issuers, %" PRId64 " policies.\n",
               ask_number(answer, "issuers"), ask_number(answer, "policies"));
}

static int show_plainly(const char *path, const json_t *question,
                        void (*print)(const json_t *answer), int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { 0 };
        g_auto(Answer) answer = { 0 };

        if (!authctl_options(&options, NULL, NULL, argc, argv))
                return AUTHCTL_USAGE;
        return ask_show(&options, path, question, print, &answer);
}

int authctl_status(int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { 0 };
        g_auto(Answer) answer = { 0 };

        if (!authctl_options(&options, NULL, NULL, argc, argv))
                return AUTHCTL_USAGE;
        AuthctlExit code = ask_show(&options, "/v1/status", NULL, print_status, &answer);
        if (code != AUTHCTL_OK)
                return code;
        return true_of(answer.json, "ready") ? AUTHCTL_OK : AUTHCTL_REFUSED;
}

int authctl_issuers(int argc, char **argv)
{
        return show_plainly("/v1/issuers", NULL, print_issuers, argc, argv);
}

int authctl_keys(int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { 0 };
        g_auto(Answer) answer = { 0 };
        g_autofree char *issuer = NULL;
        const GOptionEntry own[] = {
                { "issuer", 'i', 0, G_OPTION_ARG_STRING, &issuer, "Only this issuer's", "NAME" },
                { NULL },
        };

        if (!authctl_options(&options, own, NULL, argc, argv))
                return AUTHCTL_USAGE;
        g_autofree char *escaped = issuer ? g_uri_escape_string(issuer, NULL, false) : NULL;
        g_autofree char *path =
            issuer ? g_strconcat("/v1/keys?issuer=", escaped, NULL) : g_strdup("/v1/keys");
        return ask_show(&options, path, NULL, print_keys, &answer);
}

int authctl_config(int argc, char **argv)
{
        return show_plainly("/v1/config", NULL, print_config, argc, argv);
}

int authctl_reload(int argc, char **argv)
{
        json_auto *question = json_object();

        return show_plainly("/v1/reload", question, print_reload, argc, argv);
}

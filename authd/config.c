/* config: see config.h. Text into settings by the table of config_rules; then what needs more than
 * one setting: listen with listen_any, issuers among themselves, policies compiled. */
#include "config.h"

#include "base/file.h"
#include "config_rules.h"
#include "config_text.h"
#include "config_users.h"
#include "verdict/cache.h"
#include "verdict/shadow.h"

#include <errno.h>
#include <gio/gio.h>

#define LEEWAY_SEC_DEFAULT         5
#define STALE_KEYS_MAX_SEC_DEFAULT (INT64_C(24) * 3600)

static Config *config_new(void)
{
        Config *config = g_new0(Config, 1);

        config->socket_path = g_strdup(CONFIG_SOCKET_DEFAULT);
        config->cache_size_bytes = CACHE_SIZE_DEFAULT;
        config->log_level = LOG_LEVEL_INFO;
        config->admin_group = g_strdup("authd-admin");
        config->state_dir = g_strdup(CONFIG_STATE_DIR_DEFAULT);
        config->issuers = g_ptr_array_new_with_free_func((GDestroyNotify) issuer_settings_free);
        config->policies = g_ptr_array_new_with_free_func((GDestroyNotify) policy_settings_free);
        config->shadows = g_ptr_array_new_with_free_func((GDestroyNotify) policy_settings_free);
        config->assertion_issuer = g_strdup(ASSERTION_ISSUER_DEFAULT);
        config->clients = g_ptr_array_new_with_free_func((GDestroyNotify) client_settings_free);
        config->routes = g_ptr_array_new_with_free_func((GDestroyNotify) route_settings_free);
        config->services = g_ptr_array_new_with_free_func((GDestroyNotify) service_settings_free);
        config->compiled_services = g_ptr_array_new_with_free_func((GDestroyNotify) service_free);
        config->users = users_settings_new();
        return config;
}

void config_free(Config *config)
{
        if (!config)
                return;
        g_free(config->socket_path);
        g_strfreev(config->listen);
        g_free(config->admin_group);
        g_free(config->state_dir);
        g_ptr_array_unref(config->issuers);
        g_ptr_array_unref(config->policies);
        g_ptr_array_unref(config->shadows);
        g_free(config->assertion_issuer);
        g_ptr_array_unref(config->clients);
        policy_set_unref(config->compiled);
        clients_unref(config->compiled_clients);
        g_ptr_array_unref(config->compiled_services);
        g_ptr_array_unref(config->services);
        front_settings_clear(&config->front);
        g_ptr_array_unref(config->routes);
        users_settings_free(config->users);
        routing_unref(config->compiled_routing);
        front_unref(config->compiled_front);
        json_decref(config->described);
        g_free(config);
}

static IssuerSettings *issuer_settings_new(const char *name)
{
        IssuerSettings *issuer = g_new0(IssuerSettings, 1);

        issuer->name = g_strdup(name);
        issuer->algorithms = ALG_SET_ALL;
        issuer->leeway_sec = LEEWAY_SEC_DEFAULT;
        issuer->stale_keys_max_sec = STALE_KEYS_MAX_SEC_DEFAULT;
        issuer->introspection_calls_max = INTROSPECT_CALLS_DEFAULT;
        return issuer;
}

/* The struct that a section fills: the Config itself, or a new one in its list. */
static void *target_of(Config *config, const ConfigSection *section)
{
        void *target = config;

        if (strcmp(section->kind, "issuer") == 0) {
                target = issuer_settings_new(section->name);
                g_ptr_array_add(config->issuers, target);
        }
        if (strcmp(section->kind, "policy") == 0) {
                target = policy_settings_new(section->name);
                g_ptr_array_add(shadow_base(section->name) > 0 ? config->shadows : config->policies,
                                target);
        }
        if (strcmp(section->kind, "client") == 0) {
                ClientSettings *client = g_new0(ClientSettings, 1);

                client->name = g_strdup(section->name);
                g_ptr_array_add(config->clients, client);
                target = client;
        }
        if (strcmp(section->kind, "route") == 0) {
                RouteSettings *route = g_new0(RouteSettings, 1);

                route->name = g_strdup(section->name);
                g_ptr_array_add(config->routes, route);
                target = route;
        }
        if (strcmp(section->kind, "pam") == 0) {
                target = service_settings_new(section->name);
                g_ptr_array_add(config->services, target);
        }
        if (strcmp(section->kind, "users") == 0)
                target = config->users;
        return target;
}

static const ConfigSection *find_section(const ConfigText *text, const char *kind, const char *name)
{
        g_autofree char *title = *name ? g_strconcat(kind, " ", name, NULL) : g_strdup(kind);

        return g_hash_table_lookup(text->by_title, title);
}

/* The section of the policy in whose shadow this one is tried; NULL: in nobody's. */
static const ConfigSection *find_shadowed(const ConfigText *text, const ConfigSection *section)
{
        size_t len = strcmp(section->kind, "policy") == 0 ? shadow_base(section->name) : 0;
        g_autofree char *name = g_strndup(section->name, len);

        return len > 0 ? find_section(text, section->kind, name) : NULL;
}

static bool read_section(Config *config, const ConfigText *text, const ConfigSection *section,
                         GKeyFile *decoder, GError **error)
{
        ConfigReading reading = { .decoder = decoder, .target = target_of(config, section) };
        const ConfigSection *shadowed = find_shadowed(text, section);
        size_t n_rules = 0;
        const ConfigRule *rules = config_rules(&n_rules);

        for (size_t i = 0; i < n_rules; i++) {
                if (strcmp(rules[i].shown.section, section->kind) != 0)
                        continue;
                reading.rule = &rules[i];
                reading.line = config_text_find(text, section, rules[i].shown.key);
                if (!reading.line && shadowed)
                        reading.line = config_text_find(text, shadowed, rules[i].shown.key);
                if (reading.line && !reading.rule->set(&reading, error))
                        return false;
        }
        return true;
}

/* GKeyFile undoes escapes and splits lists; the lines are the first pass's, so both read the same
 * text. */
static GKeyFile *decoder_new(const ConfigText *text)
{
        GKeyFile *decoder = g_key_file_new();

        for (size_t i = 0; i < text->lines->len; i++) {
                const ConfigLine *line = text->lines->pdata[i];

                g_key_file_set_value(decoder, line->section->title, line->key, line->value);
        }
        return decoder;
}

static bool read_sections(Config *config, const ConfigText *text, GError **error)
{
        g_autoptr(GKeyFile) decoder = decoder_new(text);

        for (size_t i = 0; i < text->sections->len; i++)
                if (!read_section(config, text, text->sections->pdata[i], decoder, error))
                        return false;
        return true;
}

/* refuse_key: at the key's line, or its section's where the key is not written. */
static bool refuse_key(const ConfigText *text, const ConfigSection *section, const char *key,
                       const char *what, GError **error)
{
        const ConfigLine *line = config_text_find(text, section, key);

        if (line)
                return config_refuse(error, line->file, line->line, "%s", what);
        return config_refuse(error, section->file, section->line, "%s", what);
}

/* NULL: a fit address; otherwise what is wrong with it. */
static const char *address_trouble(const char *address, bool any)
{
        const char *colon = strrchr(address, ':');
        size_t len = colon ? (size_t) (colon - address) : 0;
        bool bracketed = len > 2 && address[0] == '[' && address[len - 1] == ']';
        g_autofree char *host =
            bracketed ? g_strndup(address + 1, len - 2) : g_strndup(address, len);
        g_autoptr(GInetAddress) inet = g_inet_address_new_from_string(host);

        if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, NULL, NULL) || !inet ||
            bracketed != (g_inet_address_get_family(inet) == G_SOCKET_FAMILY_IPV6))
                return "is not an address and a port; write 127.0.0.1:4181 or [::1]:4181";
        if (!any && !g_inet_address_get_is_loopback(inet))
                return "is not loopback, and other machines could ask; set listen_any = true if "
                       "that is meant";
        return NULL;
}

static bool check_listen(const Config *config, const ConfigText *text, GError **error)
{
        for (char **address = config->listen; address && *address; address++) {
                const char *trouble = address_trouble(*address, config->listen_any);
                g_autofree char *shown = config_shown(*address);
                g_autofree char *what = g_strdup_printf("\"%s\" %s", shown, trouble);

                if (trouble)
                        return refuse_key(text, find_section(text, "authd", ""), "listen", what,
                                          error);
        }
        return true;
}

/* Contradiction: settings of one issuer that do not go together. */
typedef struct Contradiction {
        bool is_there;
        const char *key; /* where to point */
        const char *sentence;
} Contradiction;

static bool is_plain_http(const IssuerSettings *issuer)
{
        const char *url = issuer->fetch_url ? issuer->fetch_url : issuer->url;

        return url && g_ascii_strncasecmp(url, "http:", strlen("http:")) == 0;
}

/* NULL: none. With a client the provider is asked about tokens, also when its keys are a file. */
static const char *issuer_contradiction(const IssuerSettings *issuer, const char **ret_key)
{
        bool is_file = issuer->keys_file != NULL;
        bool has_client = issuer->client.client_id != NULL;
        const Contradiction rows[] = {
                { !issuer->url, "url",
                  "has no url; add url = https://... (what its tokens carry in iss)" },
                { is_file && issuer->fetch_url, "fetch_url",
                  "has keys_file, so nothing is fetched, and fetch_url; leave one of them out" },
                { is_file && issuer->fetch_token_file, "fetch_token_file",
                  "has keys_file, so nothing is fetched, and fetch_token_file; leave one of them "
                  "out" },
                { is_file && issuer->proxy && !has_client, "proxy",
                  "has keys_file, so nothing is fetched, and proxy; leave one of them out" },
                { is_file && has_client && !issuer->introspection_url, "client_id",
                  "has keys_file, so nobody learns where it answers about tokens; add "
                  "introspection_url" },
                { issuer->proxy && is_plain_http(issuer), "proxy",
                  "is reached by plain http, and that goes through no proxy; write https, or leave "
                  "proxy out" },
                { issuer->introspection_url && !has_client, "introspection_url",
                  "has introspection_url without client_id; add the client's id" },
                { issuer->admin_url && !has_client, "admin_url",
                  "has admin_url without client_id; add the client's id" },
                { issuer->introspection_signed && !has_client, "introspection_signed",
                  "has introspection_signed without client_id; add the client's id" },
                { issuer->client.method != CLIENT_AUTH_SECRET_BASIC && !has_client, "client_auth",
                  "has client_auth without client_id; add the client's id" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                if (rows[i].is_there) {
                        *ret_key = rows[i].key;
                        return rows[i].sentence;
                }
        return NULL;
}

/* issuer_trouble: a sentence, which the caller frees, and where to point; NULL: none. */
static char *issuer_trouble(const IssuerSettings *issuer, GHashTable *by_url, const char **ret_key)
{
        const char *contradiction = issuer_contradiction(issuer, ret_key);

        if (contradiction)
                return g_strdup_printf("[issuer %s] %s", issuer->name, contradiction);
        const IssuerSettings *other = g_hash_table_lookup(by_url, issuer->url);
        if (other) {
                *ret_key = "url";
                return g_strdup_printf("[issuer %s] has the url of [issuer %s]; keep one of them",
                                       issuer->name, other->name);
        }
        const char *client = client_auth_settings_trouble(&issuer->client, ret_key);
        return client ? g_strdup_printf("[issuer %s] %s: %s", issuer->name, *ret_key, client)
                      : NULL;
}

static bool check_issuer(const ConfigText *text, const IssuerSettings *issuer, GHashTable *by_url,
                         GError **error)
{
        const ConfigSection *section = find_section(text, "issuer", issuer->name);
        const char *key = NULL;
        g_autofree char *trouble = issuer_trouble(issuer, by_url, &key);

        if (trouble)
                return refuse_key(text, section, key, trouble, error);
        g_hash_table_insert(by_url, issuer->url, (void *) issuer);
        return true;
}

static bool check_issuers(const Config *config, const ConfigText *text, GError **error)
{
        g_autoptr(GHashTable) by_url = g_hash_table_new(g_str_hash, g_str_equal);
        const char *file = text->files->pdata[0];

        if (config->issuers->len == 0)
                return config_refuse(error, file, 1,
                                     "no issuer is configured; add [issuer NAME] with its url");
        if (config->issuers->len > ISSUERS_MAX)
                return config_refuse(
                    error, file, 1,
                    "%u issuers are configured, at most %d are allowed; remove some",
                    config->issuers->len, ISSUERS_MAX);
        for (size_t i = 0; i < config->issuers->len; i++)
                if (!check_issuer(text, config->issuers->pdata[i], by_url, error))
                        return false;
        return true;
}

/* refuse_words: a layer's sentence names the setting that it is about; the first such word that the
 * section sets gives the line. */
static bool refuse_words(const ConfigText *text, const ConfigSection *section, const char *what,
                         const char *sentence, GError **error)
{
        g_auto(GStrv) words = g_strsplit_set(sentence, " \"'=,;:.()[]", -1);

        for (char **word = words; *word; word++)
                if (**word && config_text_find(text, section, *word))
                        return refuse_key(text, section, *word, what, error);
        return refuse_key(text, section, "", what, error);
}

static bool refuse_policy(const ConfigText *text, const char *name, const char *sentence,
                          GError **error)
{
        g_autofree char *what = g_strdup_printf("[policy %s]: %s", name, sentence);

        return refuse_words(text, find_section(text, "policy", name), what, sentence, error);
}

static PolicyIssuer *policy_issuers(const Config *config)
{
        PolicyIssuer *known = g_new0(PolicyIssuer, config->issuers->len);

        for (size_t i = 0; i < config->issuers->len; i++) {
                const IssuerSettings *issuer = config->issuers->pdata[i];

                known[i] = (PolicyIssuer){ issuer->name, issuer->client.client_id != NULL };
        }
        return known;
}

static Policy *compile_policy(const Config *config, const ConfigText *text,
                              PolicySettings *settings, const PolicyIssuer *issuers, GError **error)
{
        g_autoptr(GError) cause = NULL;
        Policy *policy;

        g_free(settings->assertion_issuer);
        settings->assertion_issuer = g_strdup(config->assertion_issuer);
        policy = policy_new(settings, issuers, config->issuers->len, &cause);
        if (!policy)
                refuse_policy(text, settings->name, cause->message, error);
        return policy;
}

/* What [policy NAME.next] asks for in vain, and what it does not ask for though NAME does. */
static char **shadow_warnings(const ConfigText *text, const PolicySettings *enforced,
                              const PolicySettings *shadow)
{
        g_autoptr(GPtrArray) warnings = g_ptr_array_new();
        g_autofree char **looser = shadow_looser(enforced, shadow);
        const ConfigSection *section = find_section(text, "policy", shadow->name);

        for (char **warning = looser; *warning; warning++)
                g_ptr_array_add(warnings, *warning);
        for (size_t i = 0; i < text->lines->len; i++) {
                const ConfigLine *line = text->lines->pdata[i];

                if (line->section == section && !shadow_looks_at(line->key))
                        g_ptr_array_add(
                            warnings, g_strdup_printf("%s is not looked at in shadow", line->key));
        }
        g_ptr_array_add(warnings, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&warnings), FALSE);
}

static ssize_t find_policy(const Config *config, const char *name, size_t len)
{
        for (size_t i = 0; i < config->policies->len; i++) {
                const PolicySettings *settings = config->policies->pdata[i];

                if (span_equal(span_from(settings->name), span_of(name, len)))
                        return (ssize_t) i;
        }
        return -1;
}

/* policies holds what was compiled of config->policies, in the same order. */
static bool compile_shadow(const Config *config, const ConfigText *text, PolicySettings *shadow,
                           const PolicyIssuer *issuers, GPtrArray *policies, GError **error)
{
        ssize_t index = find_policy(config, shadow->name, shadow_base(shadow->name));
        g_autoptr(Policy) next = NULL;
        g_auto(GStrv) warnings = NULL;

        if (index < 0) {
                g_autofree char *what =
                    g_strdup_printf("[policy %s] is tried in the shadow of [policy %.*s], which is "
                                    "not there; add it, or take " SHADOW_SUFFIX " off",
                                    shadow->name, (int) shadow_base(shadow->name), shadow->name);

                return refuse_key(text, find_section(text, "policy", shadow->name), "", what,
                                  error);
        }
        next = compile_policy(config, text, shadow, issuers, error);
        if (!next)
                return false;
        warnings = shadow_warnings(text, config->policies->pdata[index], shadow);
        policy_set_next(policies->pdata[index], next, warnings);
        return true;
}

static bool compile_policies(Config *config, const ConfigText *text, GError **error)
{
        g_autofree PolicyIssuer *issuers = policy_issuers(config);
        g_autoptr(GPtrArray) policies =
            g_ptr_array_new_with_free_func((GDestroyNotify) policy_unref);
        const char *file = text->files->pdata[0];

        if (config->policies->len == 0)
                return config_refuse(
                    error, file, 1, "no policy is configured; add [policy NAME] with its audience");
        if (config->policies->len > POLICIES_MAX)
                return config_refuse(
                    error, file, 1,
                    "%u policies are configured, at most %d are allowed; remove some",
                    config->policies->len, POLICIES_MAX);
        for (size_t i = 0; i < config->policies->len; i++) {
                Policy *policy =
                    compile_policy(config, text, config->policies->pdata[i], issuers, error);

                if (!policy)
                        return false;
                g_ptr_array_add(policies, policy);
        }
        for (size_t i = 0; i < config->shadows->len; i++)
                if (!compile_shadow(config, text, config->shadows->pdata[i], issuers, policies,
                                    error))
                        return false;
        config->compiled = policy_set_new(policies);
        return true;
}

/* check_route: order is required, and every section has its line in the text. */
static bool check_route(const Config *config, const ConfigText *text, const RouteSettings *route,
                        GError **error)
{
        const ConfigSection *section = find_section(text, "route", route->name);
        g_autofree char *what = g_strdup_printf(
            "[route %s] has no order; add order = 10: the lowest is tried first", route->name);

        return config_text_find(text, section, "order") ||
               refuse_key(text, section, "", what, error);
}

/* refuse_routing: its sentence begins with the section of the route that it is about. */
static bool refuse_routing(const ConfigText *text, const char *sentence, GError **error)
{
        const char *end = strchr(sentence, ']');
        g_autofree char *title =
            end ? g_strndup(sentence + 1, (size_t) (end - sentence) - 1) : g_strdup("");
        const ConfigSection *section = g_hash_table_lookup(text->by_title, title);

        if (!section)
                return config_refuse(error, text->files->pdata[0], 1, "%s", sentence);
        return refuse_words(text, section, sentence, end, error);
}

static bool compile_routes(Config *config, const ConfigText *text, GError **error)
{
        g_autoptr(GError) cause = NULL;

        for (size_t i = 0; i < config->routes->len; i++)
                if (!check_route(config, text, config->routes->pdata[i], error))
                        return false;
        config->compiled_routing = routing_new(config->routes, config->compiled, &cause);
        return config->compiled_routing || refuse_routing(text, cause->message, error);
}

/* refuse_front: a sentence about [authd], which may be left out. */
static bool refuse_front(const ConfigText *text, const char *sentence, GError **error)
{
        const ConfigSection *section = find_section(text, "authd", "");

        if (!section)
                return config_refuse(error, text->files->pdata[0], 1, "%s", sentence);
        return refuse_words(text, section, sentence, sentence, error);
}

static bool add_route_front(Front *front, const RouteSettings *route, GError **error)
{
        if (front_add_route(front, route, error))
                return true;
        g_prefix_error(error, "[route %s] ", route->name);
        return false;
}

static bool compile_front(Config *config, const ConfigText *text, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autoptr(Front) front = front_new(&config->front, &cause);

        if (!front)
                return refuse_front(text, cause->message, error);
        for (size_t i = 0; i < config->policies->len; i++) {
                const PolicySettings *settings = config->policies->pdata[i];
                const Policy *policy = policy_set_find(config->compiled, span_from(settings->name));

                if (!front_add(front, settings, policy, &cause))
                        return refuse_policy(text, settings->name, cause->message, error);
        }
        for (size_t i = 0; i < config->routes->len; i++)
                if (!add_route_front(front, config->routes->pdata[i], &cause))
                        return refuse_routing(text, cause->message, error);
        if (!front_seal(front, config->routes->len > 0, &cause))
                return refuse_front(text, cause->message, error);
        config->compiled_front = g_steal_pointer(&front);
        return true;
}

static bool check_client(const Config *config, const ConfigText *text, const ClientSettings *client,
                         GError **error)
{
        const ConfigSection *section = find_section(text, "client", client->name);
        const char *policy = client->policy ? client->policy : CLIENT_POLICY_DEFAULT;
        g_autofree char *what = NULL;

        if (!client->secret_file)
                what = g_strdup_printf(
                    "[client %s] has no secret_file; add the file with its secret", client->name);
        else if (!policy_set_find(config->compiled, span_from(policy)))
                what = g_strdup_printf(
                    "[client %s] is judged by [policy %s], which is not there; name its policy",
                    client->name, policy);
        return !what || refuse_key(text, section, "policy", what, error);
}

static bool compile_clients(Config *config, const ConfigText *text, GError **error)
{
        if (config->clients->len > CLIENTS_MAX)
                return config_refuse(
                    error, text->files->pdata[0], 1,
                    "%u clients are configured, at most %d are allowed; remove some",
                    config->clients->len, CLIENTS_MAX);
        for (size_t i = 0; i < config->clients->len; i++)
                if (!check_client(config, text, config->clients->pdata[i], error))
                        return false;
        config->compiled_clients = clients_new(config->clients, error);
        return config->compiled_clients != NULL;
}

/* check_people: subjects mean somebody at one issuer alone. */
static bool check_people(const Config *config, const Service *service, GError **error)
{
        const char *issuer = config->users->issuer;

        if (!issuer || strcmp(issuer, service->issuer) == 0)
                return true;
        g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                    "issuer: people are those of %s ([users] issuer), so they cannot log in at %s; "
                    "name %s",
                    issuer, service->issuer, issuer);
        return false;
}

static bool compile_service(Config *config, const ConfigText *text, const ServiceSettings *settings,
                            const PolicyIssuer *issuers, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autoptr(Service) service =
            service_new(settings, config->compiled, issuers, config->issuers->len, &cause);

        if (!service || !check_people(config, service, &cause)) {
                g_autofree char *what =
                    g_strdup_printf("[pam %s]: %s", settings->name, cause->message);

                return refuse_words(text, find_section(text, "pam", settings->name), what,
                                    cause->message, error);
        }
        g_ptr_array_add(config->compiled_services, g_steal_pointer(&service));
        return true;
}

static bool compile_services(Config *config, const ConfigText *text, GError **error)
{
        g_autofree PolicyIssuer *issuers = policy_issuers(config);

        if (config->services->len > SERVICES_MAX)
                return config_refuse(
                    error, text->files->pdata[0], 1,
                    "%u services ([pam NAME]) are configured, at most %d are allowed; remove some",
                    config->services->len, SERVICES_MAX);
        for (size_t i = 0; i < config->services->len; i++)
                if (!compile_service(config, text, config->services->pdata[i], issuers, error))
                        return false;
        return true;
}

static bool check_users(const Config *config, const ConfigText *text, GError **error)
{
        const ConfigSection *section = find_section(text, "users", "");
        const char *key = NULL;
        g_autofree char *trouble =
            section ? config_users_trouble(config->users, config->issuers, &key) : NULL;

        if (trouble && key)
                return refuse_key(text, section, key, trouble, error);
        return !trouble || refuse_words(text, section, trouble, trouble, error);
}

static void describe_setting(json_t *settings, const ConfigSection *section, const char *title,
                             const ConfigText *text, const ConfigSetting *setting)
{
        const ConfigLine *line = section ? config_text_find(text, section, setting->key) : NULL;

        if (!line && !*setting->fallback)
                return;
        json_array_append_new(
            settings,
            json_pack("{ss ss ss ss? si sb}", "section", title, "key", setting->key, "value",
                      line ? line->value : setting->fallback, "file", line ? line->file : NULL,
                      "line", line ? (int) line->line : 0, "default", line == NULL));
}

static void describe_section(json_t *settings, const ConfigSection *section, const char *kind,
                             const ConfigText *text)
{
        size_t n_rules = 0;
        const ConfigRule *rules = config_rules(&n_rules);

        for (size_t i = 0; i < n_rules; i++)
                if (strcmp(rules[i].shown.section, kind) == 0)
                        describe_setting(settings, section, section ? section->title : kind, text,
                                         &rules[i].shown);
}

static json_t *describe(const ConfigText *text)
{
        json_t *files = json_array();
        json_t *settings = json_array();

        for (size_t i = 0; i < text->files->len; i++)
                json_array_append_new(files, json_string(text->files->pdata[i]));
        if (!find_section(text, "authd", ""))
                describe_section(settings, NULL, "authd", text);
        for (size_t i = 0; i < text->sections->len; i++) {
                const ConfigSection *section = text->sections->pdata[i];

                describe_section(settings, section, section->kind, text);
        }
        return json_pack("{ss so so}", "path", text->files->pdata[0], "files", files, "settings",
                         settings);
}

json_t *config_describe(const Config *config)
{
        return json_deep_copy(config->described);
}

static Config *config_from_text(const ConfigText *text, GError **error)
{
        g_autoptr(Config) config = config_new();

        if (!read_sections(config, text, error) || !check_listen(config, text, error) ||
            !check_issuers(config, text, error) || !compile_policies(config, text, error) ||
            !compile_routes(config, text, error) || !compile_front(config, text, error) ||
            !compile_clients(config, text, error) || !compile_services(config, text, error) ||
            !check_users(config, text, error))
                return NULL;
        config->described = describe(text);
        return g_steal_pointer(&config);
}

Config *config_parse(const char *name, Span content, GError **error)
{
        g_autoptr(ConfigText) text = config_text_new();

        return config_text_add(text, name, content, error) ? config_from_text(text, error) : NULL;
}

static bool add_file(ConfigText *text, const char *path, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autofree char *content = NULL;
        size_t len = 0;

        if (file_read(path, CONFIG_FILE_SIZE_MAX, &content, &len, &cause))
                return config_text_add(text, path, span_of(content, len), error);
        g_set_error(error, cause->domain, cause->code,
                    "%s; name another file, or let authd's user read this one", cause->message);
        return false;
}

static int compare_bytes(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* What a shell's conf.d/ *.conf gives, sorted by bytes and not by the locale. */
static GPtrArray *list_folder(const char *folder, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, &cause);
        const char *name;

        if (!dir && g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT))
                return g_steal_pointer(&paths);
        if (!dir) {
                g_set_error(error, cause->domain, cause->code,
                            "%s: cannot list it: %s; let authd's user read it, or remove it",
                            folder, g_strerror(errno));
                return NULL;
        }
        while ((name = g_dir_read_name(dir)))
                if (name[0] != '.' && g_str_has_suffix(name, ".conf"))
                        g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
        g_ptr_array_sort(paths, compare_bytes);
        return g_steal_pointer(&paths);
}

static bool add_folder(ConfigText *text, const char *folder, GError **error)
{
        g_autoptr(GPtrArray) paths = list_folder(folder, error);

        if (!paths)
                return false;
        if (paths->len > CONFIG_FILES_MAX)
                return config_refuse(error, folder, 1,
                                     "it holds %u .conf files, at most %d are read; merge some",
                                     paths->len, CONFIG_FILES_MAX);
        for (size_t i = 0; i < paths->len; i++)
                if (!add_file(text, paths->pdata[i], error))
                        return false;
        return true;
}

Config *config_load(const char *path, GError **error)
{
        g_autoptr(ConfigText) text = config_text_new();
        g_autofree char *parent = g_path_get_dirname(path);
        g_autofree char *folder = g_build_filename(parent, "conf.d", NULL);

        if (!add_file(text, path, error) || !add_folder(text, folder, error))
                return NULL;
        return config_from_text(text, error);
}

/* routing: see routing.h. Patterns are compiled into segments, and looked through by their order.
 */
#include "verdict/routing.h"

#include "verdict/setting.h"

#define ANONYMOUS       "anonymous"
#define OPTIONAL_PREFIX "optional:"
#define ANY_BELOW       "/*"
#define ANY_SUBDOMAIN   "*."

/* PathPattern: literal segments, NULL where a {name} stands for one. */
typedef struct PathPattern {
        size_t n_segments;
        char **segments;
        bool below; /* ended in a slash and a star: what lies below fits, too */
} PathPattern;

typedef struct Rule {
        const char *name; /* interned */
        int64_t order;
        char **hosts; /* NULL: any; "*.example.com" keeps its star */
        size_t n_paths;
        PathPattern *paths;
        char **methods; /* NULL: any */
        RouteChoice choice;
} Rule;

struct Routing {
        gatomicrefcount references;
        PolicySet *policies; /* whose policies the choices borrow */
        size_t n_rules;
        Rule *rules; /* by order */
};

void route_settings_free(RouteSettings *settings)
{
        if (!settings)
                return;
        g_free(settings->name);
        g_strfreev(settings->hosts);
        g_strfreev(settings->paths);
        g_strfreev(settings->methods);
        g_free(settings->policy);
        g_strfreev(settings->limits);
        g_free(settings);
}

/* ---- compiling ---- */

static bool segment_is_name(const char *segment)
{
        size_t len = strlen(segment);

        return len > 2 && segment[0] == '{' && segment[len - 1] == '}' &&
               strcspn(segment + 1, "{}*") == len - 2;
}

/* A pattern in another spelling than the normal one would never fit anything, and somebody relies
 * on it. {name}s are no path characters and stand aside. */
static bool literal_is_normal(const char *segment)
{
        g_autofree char *path = g_strconcat("/", segment, NULL);
        g_auto(Place) place = { 0 };
        const char *why;

        return *segment && !strpbrk(segment, "{}*") &&
               place_init(&place, span_from("GET"), SPAN_EMPTY, span_from(path), true, &why) == 0 &&
               strcmp(place.path, path) == 0;
}

static bool compile_segments(PathPattern *pattern, char **texts, const char *whole, GError **error)
{
        size_t n = g_strv_length(texts);

        if (n > ROUTE_SEGMENTS_MAX)
                return setting_refuse(error, "path = %s has more than %d segments", whole,
                                      ROUTE_SEGMENTS_MAX);
        pattern->segments = g_new0(char *, n + 1);
        for (size_t i = 0; i < n; i++) {
                bool name = segment_is_name(texts[i]);

                if (!name && !literal_is_normal(texts[i]))
                        return setting_refuse(
                            error,
                            "path = %s: \"%s\" is neither {name} nor a segment in its plain "
                            "spelling (no //, . or .., nothing encoded that need not be; * only "
                            "as /* at the end)",
                            whole, texts[i]);
                pattern->segments[i] = name ? NULL : g_strdup(texts[i]);
                pattern->n_segments++;
        }
        return true;
}

static bool compile_path(PathPattern *pattern, const char *text, GError **error)
{
        g_autofree char *literal = NULL;
        g_auto(GStrv) segments = NULL;
        size_t len = strlen(text);

        if (text[0] != '/')
                return setting_refuse(error, "path = %s does not begin with \"/\"", text);
        pattern->below = g_str_has_suffix(text, ANY_BELOW);
        if (pattern->below)
                len -= strlen(ANY_BELOW);
        else if (len > 1 && text[len - 1] == '/')
                len--; /* /orders/ is the place /orders */
        literal = g_strndup(text, len);
        segments = g_strsplit(len > 1 ? literal + 1 : "", "/", -1);
        return compile_segments(pattern, segments, text, error);
}

static bool compile_paths(Rule *rule, char *const *texts, GError **error)
{
        size_t n = texts ? g_strv_length((char **) texts) : 0;

        rule->paths = g_new0(PathPattern, n);
        for (size_t i = 0; i < n; i++) {
                rule->n_paths++;
                if (!compile_path(&rule->paths[i], texts[i], error))
                        return false;
        }
        return true;
}

static bool compile_host(const char *text, char **ret, GError **error)
{
        bool star = g_str_has_prefix(text, ANY_SUBDOMAIN);
        const char *why, *name = star ? text + strlen(ANY_SUBDOMAIN) : text;
        g_auto(Place) place = { 0 };

        if (place_init(&place, span_from("GET"), span_from(name), span_from("/"), false, &why) !=
                0 ||
            !*place.host || strlen(place.host) != strlen(name))
                return setting_refuse(error,
                                      "host = %s is no host name without port; write "
                                      "api.example.com or *.example.com",
                                      text);
        *ret = g_strconcat(star ? ANY_SUBDOMAIN : "", place.host, NULL);
        return true;
}

static bool compile_hosts(Rule *rule, char *const *texts, GError **error)
{
        size_t n = texts ? g_strv_length((char **) texts) : 0;

        if (n == 0)
                return true;
        rule->hosts = g_new0(char *, n + 1);
        for (size_t i = 0; i < n; i++)
                if (!compile_host(texts[i], &rule->hosts[i], error))
                        return false;
        return true;
}

static bool compile_methods(Rule *rule, char *const *texts, GError **error)
{
        for (size_t i = 0; texts && texts[i]; i++)
                if (!*texts[i] || texts[i][strspn(texts[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")])
                        return setting_refuse(error,
                                              "methods: \"%s\" is no method; write GET, POST in "
                                              "capital letters",
                                              texts[i]);
        rule->methods = texts && texts[0] ? g_strdupv((char **) texts) : NULL;
        return true;
}

static bool compile_policy(Rule *rule, const char *text, const PolicySet *policies, GError **error)
{
        const char *name = text;

        rule->choice.mode = ROUTE_REQUIRED;
        if (!text)
                return setting_refuse(error, "policy is missing: name one, or write anonymous");
        if (strcmp(text, ANONYMOUS) == 0) {
                rule->choice.mode = ROUTE_ANONYMOUS;
                return true;
        }
        if (g_str_has_prefix(text, OPTIONAL_PREFIX)) {
                rule->choice.mode = ROUTE_OPTIONAL;
                name += strlen(OPTIONAL_PREFIX);
        }
        rule->choice.policy = policy_set_find(policies, span_from(name));
        return rule->choice.policy ||
               setting_refuse(error, "policy = %s: there is no [policy %s]", text, name);
}

static bool compile_rule(Rule *rule, const RouteSettings *settings, const PolicySet *policies,
                         GError **error)
{
        rule->name = g_intern_string(settings->name);
        rule->choice.route = rule->name;
        rule->order = settings->order;
        return compile_hosts(rule, settings->hosts, error) &&
               compile_paths(rule, settings->paths, error) &&
               compile_methods(rule, settings->methods, error) &&
               compile_policy(rule, settings->policy, policies, error);
}

static int rule_compare(const void *a, const void *b)
{
        const Rule *one = a, *other = b;

        return (one->order > other->order) - (one->order < other->order);
}

static bool orders_differ(const Routing *routing, GError **error)
{
        for (size_t i = 1; i < routing->n_rules; i++) {
                const Rule *before = &routing->rules[i - 1], *rule = &routing->rules[i];

                if (before->order == rule->order)
                        return setting_refuse(error,
                                              "[route %s] and [route %s] have the same order = "
                                              "%" G_GINT64_FORMAT "; which comes first?",
                                              before->name, rule->name, rule->order);
        }
        return true;
}

Routing *routing_new(const GPtrArray *settings, const PolicySet *policies, GError **error)
{
        g_autoptr(Routing) routing = g_new0(Routing, 1);

        g_atomic_ref_count_init(&routing->references);
        if (settings->len > ROUTES_MAX) {
                setting_refuse(error, "%u routes are configured, at most %d are allowed",
                               settings->len, ROUTES_MAX);
                return NULL;
        }
        routing->policies = policy_set_ref((PolicySet *) policies);
        routing->rules = g_new0(Rule, settings->len);
        for (guint i = 0; i < settings->len; i++) {
                const RouteSettings *one = settings->pdata[i];

                routing->n_rules++;
                if (compile_rule(&routing->rules[i], one, policies, error))
                        continue;
                g_prefix_error(error, "[route %s] ", one->name);
                return NULL;
        }
        if (routing->n_rules > 0)
                qsort(routing->rules, routing->n_rules, sizeof(Rule), rule_compare);
        return orders_differ(routing, error) ? g_steal_pointer(&routing) : NULL;
}

Routing *routing_ref(Routing *routing)
{
        g_atomic_ref_count_inc(&routing->references);
        return routing;
}

static void rule_clear(Rule *rule)
{
        for (size_t i = 0; i < rule->n_paths; i++) {
                for (size_t s = 0; s < rule->paths[i].n_segments; s++)
                        g_free(rule->paths[i].segments[s]);
                g_free(rule->paths[i].segments);
        }
        g_free(rule->paths);
        g_strfreev(rule->hosts);
        g_strfreev(rule->methods);
}

void routing_unref(Routing *routing)
{
        if (!routing || !g_atomic_ref_count_dec(&routing->references))
                return;
        for (size_t i = 0; i < routing->n_rules; i++)
                rule_clear(&routing->rules[i]);
        g_free(routing->rules);
        policy_set_unref(routing->policies);
        g_free(routing);
}

size_t routing_size(const Routing *routing)
{
        return routing->n_rules;
}

/* ---- looking up ---- */

static bool host_fits(const char *pattern, const char *host)
{
        if (!g_str_has_prefix(pattern, ANY_SUBDOMAIN))
                return strcmp(pattern, host) == 0;
        return g_str_has_suffix(host, pattern + 1) && strlen(host) > strlen(pattern) - 1;
}

/* path_fits: segment by segment; the root has none. */
static bool path_fits(const PathPattern *pattern, const char *path)
{
        const char *at = path[1] ? path : "";

        for (size_t i = 0; i < pattern->n_segments; i++) {
                size_t len;

                if (*at != '/')
                        return false;
                at++;
                len = strcspn(at, "/");
                if (pattern->segments[i] &&
                    !span_equal_string(span_of(at, len), pattern->segments[i]))
                        return false;
                at += len;
        }
        return *at == '\0' || pattern->below;
}

static bool any_host_fits(const Rule *rule, const char *host)
{
        for (char **one = rule->hosts; one && *one; one++)
                if (host_fits(*one, host))
                        return true;
        return !rule->hosts;
}

static bool any_path_fits(const Rule *rule, const char *path)
{
        for (size_t i = 0; i < rule->n_paths; i++)
                if (path_fits(&rule->paths[i], path))
                        return true;
        return rule->n_paths == 0;
}

static bool any_method_fits(const Rule *rule, Span method)
{
        for (char **one = rule->methods; one && *one; one++)
                if (span_equal_string(method, *one))
                        return true;
        return !rule->methods;
}

/* NULL: it fits. */
static const char *rule_misfit(const Rule *rule, const Place *place)
{
        if (!any_host_fits(rule, place->host))
                return "another host";
        if (!any_path_fits(rule, place->path))
                return "another path";
        return any_method_fits(rule, place->method) ? NULL : "another method";
}

bool routing_find(const Routing *routing, const Place *place, RouteChoice *ret)
{
        for (size_t i = 0; i < routing->n_rules; i++) {
                if (rule_misfit(&routing->rules[i], place))
                        continue;
                *ret = routing->rules[i].choice;
                return true;
        }
        return false;
}

json_t *routing_explain(const Routing *routing, const Place *place)
{
        json_t *rows = json_array();

        for (size_t i = 0; i < routing->n_rules; i++) {
                const Rule *rule = &routing->rules[i];
                const char *misfit = rule_misfit(rule, place);

                json_array_append_new(
                    rows, json_pack("{s:s, s:I, s:b, s:s}", "route", rule->name, "order",
                                    (json_int_t) rule->order, "fits", (int) !misfit, "why",
                                    misfit ? misfit : "host, path and method fit"));
                if (!misfit)
                        break;
        }
        return rows;
}

/* service: see service.h. First the words, then how settings are compiled. */
#include "login/service.h"

#include <stdarg.h>

static const char *const way_words[_WAY_MAX] = {
        [WAY_DEVICE] = "device",
        [WAY_PASSWORD] = "password",
        [WAY_PUSH] = "push",
        [WAY_TOKEN] = "token",
};

const char *login_way_text(LoginWay way)
{
        return way_words[way];
}

bool login_way_from_text(const char *text, LoginWay *ret)
{
        for (LoginWay way = 0; way < _WAY_MAX; way++)
                if (strcmp(text, way_words[way]) == 0) {
                        *ret = way;
                        return true;
                }
        return false;
}

/* ---- settings ---- */

static bool is_one_of(const char *name, const char *const *names)
{
        return g_strv_contains(names, name);
}

ServiceSettings *service_settings_new(const char *name)
{
        static const char *const prompting[] = { "sshd", "sudo", "sudo-i", SERVICE_ANY, NULL };
        static const char *const binding[] = { "sudo", "sudo-i", SERVICE_ANY, NULL };
        ServiceSettings *settings = g_new0(ServiceSettings, 1);

        settings->name = g_strdup(name);
        settings->scope = g_strdup(SERVICE_SCOPE_DEFAULT);
        settings->enter = is_one_of(name, prompting);
        settings->bind_command = is_one_of(name, binding);
        settings->timeout_sec = SERVICE_TIMEOUT_SEC_DEFAULT;
        settings->fence_stale_sec = SERVICE_FENCE_STALE_SEC_DEFAULT;
        settings->attempts_max = SERVICE_ATTEMPTS_DEFAULT;
        settings->lockout_sec = SERVICE_LOCKOUT_SEC_DEFAULT;
        return settings;
}

void service_settings_free(ServiceSettings *settings)
{
        if (!settings)
                return;
        g_free(settings->name);
        g_free(settings->policy);
        g_free(settings->issuer);
        g_strfreev(settings->ways);
        g_free(settings->scope);
        g_free(settings);
}

static ServiceSettings *settings_copy(const ServiceSettings *settings)
{
        ServiceSettings *copy = g_memdup2(settings, sizeof(*settings));

        copy->name = g_strdup(settings->name);
        copy->policy = g_strdup(settings->policy);
        copy->issuer = g_strdup(settings->issuer);
        copy->ways = g_strdupv(settings->ways);
        copy->scope = g_strdup(settings->scope);
        return copy;
}

/* ---- compiling: each step refuses with a sentence or goes on ---- */

typedef struct Compile {
        Service *service;
        const ServiceSettings *settings;
        const PolicySet *policies;
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

/* The realm tells groups by their paths, but where a policy takes roles for groups. */
static bool check_groups(const Compile *compile, const Policy *policy)
{
        const char *odd = policy_group_without_slash(policy);

        return !odd || policy_groups_are_roles(policy) ||
               refuse(
                   compile,
                   "policy: [policy %s] wants the group \"%s\", which is no full path, and logins "
                   "know groups by their paths; write it as /%s, or as it is called in the realm",
                   policy_name(policy), odd, odd);
}

/* A login has its token from the issuer a moment ago, and no proof of a key beside it. */
static bool check_token_demands(const Compile *compile, const Policy *policy)
{
        const char *name = policy_name(policy);

        if (policy_demands_answer(policy, true))
                return refuse(
                    compile,
                    "policy: [policy %s] asks the issuer about each token (introspect), and "
                    "a login cannot; take another policy",
                    name);
        if (policy_dpop(policy) == BINDING_REQUIRED || policy_mtls(policy) == BINDING_REQUIRED)
                return refuse(
                    compile,
                    "policy: [policy %s] wants tokens that are bound (dpop, mtls), and those "
                    "of logins are not; take another policy",
                    name);
        return true;
}

static bool compile_policy(const Compile *compile)
{
        const char *name = compile->settings->policy;
        const Policy *policy = NULL;

        if (!name)
                return refuse(compile,
                              "has no policy; name the one that says who may log in there");
        policy = policy_set_find(compile->policies, span_from(name));
        if (!policy)
                return refuse(compile, "policy: there is no [policy %s]; add it, or name another",
                              name);
        compile->service->policy = policy_ref((Policy *) policy);
        return check_groups(compile, policy) && check_token_demands(compile, policy);
}

/* The only one whose tokens the policy takes; NULL: there are several. */
static const char *only_issuer(const Compile *compile)
{
        const char *only = NULL;

        for (size_t i = 0; i < compile->n_known; i++) {
                const char *name = g_intern_string(compile->known[i].name);

                if (!policy_allows_issuer(compile->service->policy, name))
                        continue;
                if (only)
                        return NULL;
                only = name;
        }
        return only;
}

static bool compile_issuer(const Compile *compile)
{
        const char *wanted = compile->settings->issuer;
        const char *issuer = wanted ? g_intern_string(wanted) : only_issuer(compile);

        if (!issuer)
                return refuse(
                    compile,
                    "issuer is missing: [policy %s] takes tokens of several; name the one "
                    "where people log in",
                    policy_name(compile->service->policy));
        if (!policy_allows_issuer(compile->service->policy, issuer))
                return refuse(compile,
                              "issuer: [policy %s] takes no tokens of %s; name one of its "
                              "issuers",
                              policy_name(compile->service->policy), issuer);
        compile->service->issuer = issuer;
        return true;
}

static bool compile_way(const Compile *compile, const char *word)
{
        Service *service = compile->service;
        LoginWay way;

        if (!login_way_from_text(word, &way))
                return refuse(compile, "ways: \"%s\" is none of device, password, push, token",
                              word);
        if (service_has_way(service, way))
                return refuse(compile, "ways: %s is there twice; keep one", word);
        service->ways[service->n_ways++] = way;
        return true;
}

static bool compile_ways(const Compile *compile)
{
        char *const by_default[] = { (char *) way_words[WAY_DEVICE], NULL };
        char *const *ways = compile->settings->ways;

        for (char *const *way = ways ? ways : by_default; *way; way++)
                if (!compile_way(compile, *way))
                        return false;
        return compile->service->n_ways > 0 ||
               refuse(compile, "ways is empty; remove it or say how to log in");
}

static bool is_client_of(const Compile *compile, const char *issuer)
{
        for (size_t i = 0; i < compile->n_known; i++)
                if (strcmp(compile->known[i].name, issuer) == 0)
                        return compile->known[i].introspects;
        return false;
}

static bool check_client(const Compile *compile)
{
        const Service *service = compile->service;
        bool token_alone = service->n_ways == 1 && service->ways[0] == WAY_TOKEN;

        return token_alone || is_client_of(compile, service->issuer) ||
               refuse(compile,
                      "issuer: authd is no client of %s, so nobody can log in there; add client_id "
                      "to [issuer %s]",
                      service->issuer, service->issuer);
}

/* A password that was good for another service is good offline here, too: how somebody signed in is
 * what nobody can say then. */
static bool check_offline(const Compile *compile)
{
        const Policy *policy = compile->service->policy;

        if (compile->settings->offline_sec == 0)
                return true;
        if (!service_has_way(compile->service, WAY_PASSWORD))
                return refuse(compile,
                              "offline_for without password among the ways: nothing else can be "
                              "checked offline; add it, or leave offline_for out");
        return (!policy_acr_text(policy) && policy_max_auth_age_sec(policy) == 0) ||
               refuse(
                   compile,
                   "offline_for: [policy %s] demands how somebody signed in (acr, max_auth_age), "
                   "and nobody can check that offline; take another policy, or leave "
                   "offline_for out",
                   policy_name(policy));
}

static bool (*const compile_steps[])(const Compile *compile) = {
        compile_policy, compile_issuer, compile_ways, check_client, check_offline,
};

Service *service_new(const ServiceSettings *settings, const PolicySet *policies,
                     const PolicyIssuer *known, size_t n_known, GError **error)
{
        g_autoptr(Service) service = g_new0(Service, 1);
        const Compile compile = { service, settings, policies, known, n_known, error };

        service->settings = settings_copy(settings);
        service->enter = settings->enter;
        for (size_t i = 0; i < G_N_ELEMENTS(compile_steps); i++)
                if (!compile_steps[i](&compile))
                        return NULL;
        return g_steal_pointer(&service);
}

void service_free(Service *service)
{
        if (!service)
                return;
        policy_unref(service->policy);
        service_settings_free(service->settings);
        g_free(service);
}

/* ---- what others ask ---- */

bool service_has_way(const Service *service, LoginWay way)
{
        for (size_t i = 0; i < service->n_ways; i++)
                if (service->ways[i] == way)
                        return true;
        return false;
}

static const Service *find_exact(const GPtrArray *services, const char *name)
{
        for (guint i = 0; i < services->len; i++) {
                const Service *service = services->pdata[i];

                if (strcmp(service->settings->name, name) == 0)
                        return service;
        }
        return NULL;
}

const Service *services_find(const GPtrArray *services, const char *name)
{
        const Service *found = find_exact(services, name);

        return found ? found : find_exact(services, SERVICE_ANY);
}

/* Services: which settings are refused and why, and what the others are compiled to. */
#include "login/service.h"

/* test: we are a client of it; other: we are none. */
static const PolicyIssuer known[] = { { "test", true }, { "other", false } };

static void add_policy(GPtrArray *policies, const char *name, const char *issuers,
                       const char *groups, const char *groups_claim)
{
        g_autoptr(PolicySettings) settings = policy_settings_new(name);
        g_autoptr(GError) error = NULL;

        settings->issuers = g_strsplit(issuers, ";", -1);
        settings->audience = g_strsplit("hosts", ";", -1);
        settings->groups = groups ? g_strsplit(groups, ";", -1) : NULL;
        settings->groups_claim = g_strdup(groups_claim);
        g_ptr_array_add(policies, policy_new(settings, known, G_N_ELEMENTS(known), &error));
        g_assert_no_error(error);
}

static void add_odd_policy(GPtrArray *policies, const char *name, IntrospectMode introspect,
                           BindingMode dpop, BindingMode mtls)
{
        g_autoptr(PolicySettings) settings = policy_settings_new(name);
        g_autoptr(GError) error = NULL;

        settings->issuers = g_strsplit("test", ";", -1);
        settings->audience = g_strsplit("hosts", ";", -1);
        settings->introspect = introspect;
        settings->dpop = dpop;
        settings->mtls = mtls;
        g_ptr_array_add(policies, policy_new(settings, known, G_N_ELEMENTS(known), &error));
        g_assert_no_error(error);
}

static void add_strict_policy(GPtrArray *policies, const char *name, const char *acr,
                              int64_t max_auth_age_sec)
{
        g_autoptr(PolicySettings) settings = policy_settings_new(name);
        g_autoptr(GError) error = NULL;

        settings->issuers = g_strsplit("test", ";", -1);
        settings->audience = g_strsplit("hosts", ";", -1);
        settings->acr = acr ? g_strsplit(acr, ";", -1) : NULL;
        settings->max_auth_age_sec = max_auth_age_sec;
        g_ptr_array_add(policies, policy_new(settings, known, G_N_ELEMENTS(known), &error));
        g_assert_no_error(error);
}

static PolicySet *policies_new(void)
{
        g_autoptr(GPtrArray) policies =
            g_ptr_array_new_with_free_func((GDestroyNotify) policy_unref);

        add_policy(policies, "hosts", "test", "/ops;/eng/platform", NULL);
        add_policy(policies, "both", "test;other", NULL, NULL);
        add_policy(policies, "strangers", "other", NULL, NULL);
        add_policy(policies, "bare", "test", "/ops;platform", NULL);
        add_policy(policies, "roles", "test", "admin", "realm_access.roles");
        add_odd_policy(policies, "asking", INTROSPECT_MODE_WRITES, BINDING_OPTIONAL,
                       BINDING_OPTIONAL);
        add_odd_policy(policies, "bound", INTROSPECT_MODE_NEVER, BINDING_REQUIRED,
                       BINDING_OPTIONAL);
        add_odd_policy(policies, "certified", INTROSPECT_MODE_NEVER, BINDING_OPTIONAL,
                       BINDING_REQUIRED);
        add_strict_policy(policies, "strong", "2", 0);
        add_strict_policy(policies, "recent", NULL, 60);
        return policy_set_new(policies);
}

typedef struct Row {
        const char *sentence;
        const char *policy, *issuer, *ways; /* ways by ";" */
        int64_t offline_sec;
        const char *refusal;  /* a part of it; NULL: taken */
        const char *compiled; /* issuer and ways */
} Row;

static const Row rows[] = {
        { "a policy alone is enough: by device, of its only issuer", "hosts", NULL, NULL, 0, NULL,
          "test device" },
        { "ways keep their order", "hosts", NULL, "token;password;device;push", 3600, NULL,
          "test token password device push" },
        { "the issuer may be chosen", "both", "test", "password", 0, NULL, "test password" },
        { "a token alone needs no client", "strangers", NULL, "token", 0, NULL, "other token" },
        { "groups may be roles", "roles", NULL, NULL, 0, NULL, "test device" },
        { "no policy", NULL, NULL, NULL, 0, "has no policy" },
        { "a policy that is not there", "nobody", NULL, NULL, 0, "there is no [policy nobody]" },
        { "several issuers and none chosen", "both", NULL, NULL, 0, "issuer is missing" },
        { "an issuer that the policy does not take", "hosts", "other", NULL, 0,
          "issuer: [policy hosts] takes no tokens of other" },
        { "an issuer that is not there", "hosts", "nobody", NULL, 0, "takes no tokens of nobody" },
        { "an issuer that we are no client of", "strangers", NULL, NULL, 0, "no client of other" },
        { "also beside a token", "strangers", NULL, "token;device", 0, "no client of other" },
        { "an unknown way", "hosts", NULL, "device;sms", 0, "ways: \"sms\" is none of" },
        { "a way in capitals", "hosts", NULL, "Device", 0, "ways: \"Device\" is none of" },
        { "a way twice", "hosts", NULL, "device;password;device", 0, "device is there twice" },
        { "no way", "hosts", NULL, "", 0, "ways" },
        { "offline without a password", "hosts", NULL, "device", 1,
          "offline_for without password" },
        { "offline where two factors are wanted", "strong", NULL, "password", 1,
          "offline_for: [policy strong] demands how somebody signed in" },
        { "offline where a sign-in of now is wanted", "recent", NULL, "password", 1,
          "offline_for: [policy recent] demands how somebody signed in" },
        { "both of these online", "strong", NULL, "password", 0, NULL, "test password" },
        { "a policy that asks about each token", "asking", NULL, NULL, 0,
          "asks the issuer about each token" },
        { "a policy that wants a key's proof", "bound", NULL, NULL, 0,
          "wants tokens that are bound" },
        { "a policy that wants a certificate", "certified", NULL, NULL, 0,
          "wants tokens that are bound" },
        { "a group that is no path", "bare", NULL, NULL, 0,
          "wants the group \"platform\", which is no full path" },
};

static char *compiled_text(const Service *service)
{
        g_autoptr(GString) text = g_string_new(service->issuer);

        for (size_t i = 0; i < service->n_ways; i++)
                g_string_append_printf(text, " %s", login_way_text(service->ways[i]));
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_autoptr(PolicySet) policies = policies_new();
        g_autoptr(ServiceSettings) settings = service_settings_new("sshd");
        g_autoptr(Service) service = NULL;
        g_autoptr(GError) error = NULL;

        settings->policy = g_strdup(row->policy);
        settings->issuer = g_strdup(row->issuer);
        settings->ways = row->ways ? g_strsplit(row->ways, ";", -1) : NULL;
        settings->offline_sec = row->offline_sec;
        service = service_new(settings, policies, known, G_N_ELEMENTS(known), &error);
        if (row->refusal) {
                g_assert_null(service);
                g_assert_nonnull(strstr(error->message, row->refusal));
                return;
        }
        g_assert_no_error(error);
        g_autofree char *compiled = compiled_text(service);
        g_assert_cmpstr(compiled, ==, row->compiled);
        g_assert_true(policy_set_find(policies, span_from(row->policy)) == service->policy);
}

typedef struct DefaultRow {
        const char *service;
        bool enter, bind_command;
} DefaultRow;

static const DefaultRow default_rows[] = {
        { "sshd", true, false },   { "sudo", true, true },    { "sudo-i", true, true },
        { "login", false, false }, { "default", true, true },
};

static void test_defaults(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(default_rows); i++) {
                g_autoptr(ServiceSettings) settings = service_settings_new(default_rows[i].service);

                g_assert_cmpint(settings->enter, ==, default_rows[i].enter);
                g_assert_cmpint(settings->bind_command, ==, default_rows[i].bind_command);
                g_assert_cmpstr(settings->scope, ==, "openid");
                g_assert_cmpint(settings->qr, ==, QR_UTF8);
                g_assert_false(settings->environment);
                g_assert_cmpint(settings->timeout_sec, ==, 300);
                g_assert_cmpint(settings->fence_stale_sec, ==, 3600);
                g_assert_cmpint(settings->offline_sec, ==, 0);
                g_assert_cmpuint(settings->attempts_max, ==, 5);
                g_assert_cmpint(settings->lockout_sec, ==, 300);
        }
}

static void test_words(void)
{
        LoginWay way;

        for (LoginWay each = 0; each < _WAY_MAX; each++) {
                g_assert_true(login_way_from_text(login_way_text(each), &way));
                g_assert_cmpint(way, ==, each);
        }
        g_assert_false(login_way_from_text("", &way));
        g_assert_false(login_way_from_text("devic", &way));
}

static void test_find(void)
{
        g_autoptr(PolicySet) policies = policies_new();
        g_autoptr(GPtrArray) services =
            g_ptr_array_new_with_free_func((GDestroyNotify) service_free);
        const char *const names[] = { "sudo", "default", "sshd" };

        g_assert_null(services_find(services, "sshd"));
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autoptr(ServiceSettings) settings = service_settings_new(names[i]);

                settings->policy = g_strdup("hosts");
                g_ptr_array_add(services,
                                service_new(settings, policies, known, G_N_ELEMENTS(known), NULL));
        }
        g_assert_cmpstr(services_find(services, "sshd")->settings->name, ==, "sshd");
        g_assert_cmpstr(services_find(services, "sudo")->settings->name, ==, "sudo");
        g_assert_cmpstr(services_find(services, "SSHD")->settings->name, ==, "default");
        g_assert_cmpstr(services_find(services, "")->settings->name, ==, "default");
        g_ptr_array_remove_index(services, 1);
        g_assert_null(services_find(services, "login"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/service/", rows[i].sentence, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/service/what each service has without a word", test_defaults);
        g_test_add_func("/service/each way has a word, and only that", test_words);
        g_test_add_func("/service/a service has its own section, or default's", test_find);
        return g_test_run();
}

/* test_config_pam: [pam NAME], read and refused. */
#include "config.h"

#include <unistd.h>

#define ISSUER                                                                                     \
        "[issuer i]\nurl = https://sso.example.com/realms/i\nclient_id = authd\n"                  \
        "client_auth = client_secret_post\n"
#define POLICY "[policy p]\naudience = a\ngroups = /ops\n"
#define SSHD   "[pam sshd]\npolicy = p\n"

/* An issuer with a client needs a file with its secret. */
static char *secret_path;

/* With an issuer that has a client, and a policy, in the first 8 lines. */
static Config *parse(const char *services, GError **error)
{
        g_autofree char *text =
            g_strdup_printf(ISSUER "client_secret_file = %s\n" POLICY "%s", secret_path, services);

        return config_parse("t.conf", span_from(text), error);
}

typedef struct Bad {
        const char *sentence, *services, *message;
} Bad;

static void refused(void)
{
        static const Bad rows[] = {
                { "no name", "[pam]\npolicy = p\n",
                  "t.conf:9: [pam] lacks its name; write [pam NAME]" },
                { "no policy", "[pam sshd]\nqr = ascii\n",
                  "t.conf:9: [pam sshd]: has no policy; name the one that says who may log in "
                  "there" },
                { "a policy that is not there", "[pam sshd]\npolicy = q\n",
                  "t.conf:10: [pam sshd]: policy: there is no [policy q]; add it, or name "
                  "another" },
                { "an issuer that is not there", SSHD "issuer = j\n",
                  "t.conf:11: [pam sshd]: issuer: [policy p] takes no tokens of j; name one of its "
                  "issuers" },
                { "a way that is none", SSHD "ways = device; sms\n",
                  "t.conf:11: [pam sshd]: ways: \"sms\" is none of device, password, push, token" },
                { "a style that is none", SSHD "qr = svg\n",
                  "t.conf:11: qr = \"svg\" is none of utf8, ascii, none; write one of them" },
                { "a login without end", SSHD "timeout = 31m\n",
                  "t.conf:11: \"31m\" is out of range; write 10s to 30m" },
                { "a login without time", SSHD "timeout = 9s\n",
                  "t.conf:11: \"9s\" is out of range; write 10s to 30m" },
                { "offline for ever", SSHD "ways = password\noffline_for = 31d\n",
                  "t.conf:12: \"31d\" is out of range; write 0s to 30d" },
                { "offline without a password", SSHD "offline_for = 1d\n",
                  "t.conf:11: [pam sshd]: offline_for without password among the ways: nothing "
                  "else can be checked offline; add it, or leave offline_for out" },
                { "no attempt at all", SSHD "attempts = 0\n",
                  "t.conf:11: \"0\" is no number from 1 to 1000; write one" },
                { "no lockout", SSHD "lockout = 0s\n",
                  "t.conf:11: \"0s\" is out of range; write 1s to 1d" },
                { "a key that is none", SSHD "fence = off\n",
                  "t.conf:11: unknown key \"fence\" in [pam sshd]; its keys are: policy, issuer, "
                  "ways, scope, qr, enter, bind_command, environment, timeout, fence_stale_for, "
                  "offline_for, attempts, lockout" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Config) config = parse(rows[i].services, &error);

                g_test_message("%s", rows[i].sentence);
                g_assert_null(config);
                g_assert_cmpstr(error->message, ==, rows[i].message);
        }
}

/* A subject means somebody at one issuer alone. */
static void people_of_another_issuer(void)
{
        static const char text[] =
            "[issuer i]\nurl = https://sso.example.com/realms/i\n"
            "[issuer j]\nurl = https://sso.example.com/realms/j\n"
            "[policy p]\naudience = a\nissuers = i; j\n"
            "[users]\nissuer = %s\ngroups = /ops\nsync = 0s\n" SSHD "issuer = j\nways = token\n";
        g_autofree char *ours = g_strdup_printf(text, "j"), *others = g_strdup_printf(text, "i");
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) good = config_parse("t.conf", span_from(ours), &error);
        g_autoptr(Config) bad = NULL;

        g_assert_no_error(error);
        g_assert_nonnull(good);
        bad = config_parse("t.conf", span_from(others), &error);
        g_assert_null(bad);
        g_assert_cmpstr(error->message, ==,
                        "t.conf:14: [pam sshd]: issuer: people are those of i ([users] issuer), so "
                        "they cannot log in at j; name i");
}

static void read_back(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config =
            parse("[pam sudo]\npolicy = p\nissuer = i\nways = push; device\nscope = openid roles\n"
                  "qr = none\nenter = true\nbind_command = false\nenvironment = true\n"
                  "timeout = 30m\nfence_stale_for = 0s\nattempts = 1000\nlockout = 1d\n"
                  "[pam login]\npolicy = p\nways = password\noffline_for = 30d\n"
                  "fence_stale_for = 30d\n",
                  &error);

        g_assert_no_error(error);
        g_assert_cmpuint(config->compiled_services->len, ==, 2);
        const Service *service = config->compiled_services->pdata[0];
        const ServiceSettings *settings = service->settings;
        g_assert_cmpstr(settings->name, ==, "sudo");
        g_assert_cmpstr(service->issuer, ==, "i");
        g_assert_cmpuint(service->n_ways, ==, 2);
        g_assert_cmpint(service->ways[0], ==, WAY_PUSH);
        g_assert_cmpint(service->ways[1], ==, WAY_DEVICE);
        g_assert_cmpstr(settings->scope, ==, "openid roles");
        g_assert_cmpint(settings->qr, ==, QR_NONE);
        g_assert_true(service->enter && settings->environment && !settings->bind_command);
        g_assert_cmpint(settings->timeout_sec, ==, 1800);
        g_assert_cmpint(settings->fence_stale_sec, ==, 0);
        g_assert_cmpint(settings->offline_sec, ==, 0);
        g_assert_cmpuint(settings->attempts_max, ==, 1000);
        g_assert_cmpint(settings->lockout_sec, ==, 86400);
        settings = services_find(config->compiled_services, "login")->settings;
        g_assert_cmpint(settings->offline_sec, ==, 30 * 86400);
        g_assert_cmpint(settings->fence_stale_sec, ==, 30 * 86400);
        g_assert_null(services_find(config->compiled_services, "sshd"));
}

/* The shown default of each setting, written out, gives what leaving it out gives. */
static void shown_defaults_are_the_defaults(void)
{
        g_autoptr(GString) text = g_string_new("[pam x]\npolicy = p\n");
        g_autoptr(GError) error = NULL;
        size_t n_settings = 0;
        const ConfigSetting *shown = config_settings(&n_settings);

        for (size_t i = 0; i < n_settings; i++)
                if (strcmp(shown[i].section, "pam") == 0 && *shown[i].fallback)
                        g_string_append_printf(text, "%s = %s\n", shown[i].key, shown[i].fallback);
        g_autoptr(Config) written = parse(text->str, &error);
        g_assert_no_error(error);
        g_autoptr(Config) bare = parse("[pam x]\npolicy = p\n", &error);
        g_assert_no_error(error);
        const Service *a = written->compiled_services->pdata[0],
                      *b = bare->compiled_services->pdata[0];
        g_assert_cmpuint(a->n_ways, ==, b->n_ways);
        g_assert_cmpint(a->ways[0], ==, b->ways[0]);
        g_assert_cmpstr(a->settings->scope, ==, b->settings->scope);
        g_assert_cmpint(a->settings->qr, ==, b->settings->qr);
        g_assert_true(a->settings->environment == b->settings->environment);
        g_assert_cmpint(a->settings->timeout_sec, ==, b->settings->timeout_sec);
        g_assert_cmpint(a->settings->fence_stale_sec, ==, b->settings->fence_stale_sec);
        g_assert_cmpint(a->settings->offline_sec, ==, b->settings->offline_sec);
        g_assert_cmpuint(a->settings->attempts_max, ==, b->settings->attempts_max);
        g_assert_cmpint(a->settings->lockout_sec, ==, b->settings->lockout_sec);
}

static void ssh_keys_attribute(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) bare = parse("", &error);
        g_assert_no_error(error);
        g_autoptr(Config) config =
            parse("[users]\nissuer = i\nssh_keys_attribute = keys\n", &error);
        g_assert_no_error(error);
        g_autoptr(UsersSettings) copy = users_settings_copy(config->users);

        g_assert_cmpstr(bare->users->ssh_keys_attribute, ==, "sshPublicKey");
        g_assert_cmpstr(config->users->ssh_keys_attribute, ==, "keys");
        g_assert_cmpstr(copy->ssh_keys_attribute, ==, "keys");
        g_assert_false(users_settings_equal(bare->users, copy));
}

int main(int argc, char **argv)
{
        int fd = g_file_open_tmp("authd-pam-XXXXXX", &secret_path, NULL);
        int failed;

        g_assert_cmpint(write(fd, "secret", 6), ==, 6);
        close(fd);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/config_pam/people of another issuer", people_of_another_issuer);
        g_test_add_func("/config_pam/what is refused, with its line", refused);
        g_test_add_func("/config_pam/what is read is what was written", read_back);
        g_test_add_func("/config_pam/shown defaults are the defaults",
                        shown_defaults_are_the_defaults);
        g_test_add_func("/config_pam/the attribute of SSH keys", ssh_keys_attribute);
        failed = g_test_run();
        unlink(secret_path);
        g_free(secret_path);
        return failed;
}

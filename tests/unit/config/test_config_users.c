/* test_config_users: [users], read and refused. */
#include "config.h"

#include <unistd.h>

#define ISSUER                                                                                     \
        "[issuer i]\nurl = https://sso.example.com/realms/i\nclient_id = authd\n"                  \
        "client_auth = client_secret_post\n"
#define POLICY "[policy p]\nissuers = i\naudience = a\n"
#define USERS  "[users]\nissuer = i\n"

/* An issuer with a client needs a file with its secret. */
static char *secret_path;

/* With an issuer that has a client, and a policy, in the first 8 lines. */
static char *good_with(const char *users)
{
        return g_strdup_printf(ISSUER "client_secret_file = %s\n" POLICY "%s", secret_path, users);
}

typedef struct Bad {
        const char *sentence, *users, *message;
} Bad;

static void refused(const Bad *rows, size_t n_rows)
{
        for (size_t i = 0; i < n_rows; i++) {
                g_autofree char *text = good_with(rows[i].users);
                g_autoptr(GError) error = NULL;
                g_autoptr(Config) config = config_parse("t.conf", span_from(text), &error);

                g_test_message("%s", rows[i].sentence);
                g_assert_null(config);
                g_assert_cmpstr(error->message, ==, rows[i].message);
        }
}

static void bad_values(void)
{
        static const Bad rows[] = {
                { "users has no name", "[users main]\n",
                  "t.conf:9: [users] takes no name; write [users]" },
                { "without an issuer", "[users]\nsync = 1h\n",
                  "t.conf:9: [users] has no issuer; add issuer = NAME: whose people are accounts "
                  "here" },
                { "an issuer that is not there", "[users]\nissuer = j\n",
                  "t.conf:10: [users] issuer = j: there is no [issuer j]; add it, or name one that "
                  "is there" },
                { "a range that is none", USERS "id_range = 5000\n",
                  "t.conf:11: \"5000\" is no range; write FROM-TO, as in 1879048192-2147352575" },
                { "a range with a third end", USERS "id_range = 5000-6000-7000\n",
                  "t.conf:11: \"5000-6000-7000\" is no range; write FROM-TO, as in "
                  "1879048192-2147352575" },
                { "a range past 32 bits", USERS "id_range = 5000-4294967296\n",
                  "t.conf:11: \"5000-4294967296\" is no range; write FROM-TO, as in "
                  "1879048192-2147352575" },
                { "ids of a third kind", USERS "ids = random\n",
                  "t.conf:11: ids = \"random\" is none of computed, realm; write one of them" },
                { "an id without key", USERS "id = =5000\n",
                  "t.conf:11: id: \"=5000\" is no KEY=NUMBER; the key is a person's sub, or a "
                  "group's as authctl shows it" },
                { "an id without number", USERS "id = abc=\n",
                  "t.conf:11: id: \"abc=\" is no KEY=NUMBER; the key is a person's sub, or a "
                  "group's as authctl shows it" },
                { "root's id by hand", USERS "id = abc=0\n",
                  "t.conf:11: id: \"abc=0\" gives a number that the system keeps for itself; take "
                  "one from id_range" },
                { "nobody's id by hand", USERS "id = abc=65534\n",
                  "t.conf:11: id: \"abc=65534\" gives a number that the system keeps for itself; "
                  "take one from id_range" },
                { "one id for two", USERS "id = a=5000; b=5000\n",
                  "t.conf:11: id: \"b=5000\" gives a number that a line before it has given; take "
                  "another" },
                { "two ids for one", USERS "id = a=5000; a=5001\n",
                  "t.conf:11: id: \"a=5001\" settles a key that a line before it has settled; keep "
                  "one of them" },
                { "a primary group in capitals", USERS "primary_group = Staff\n",
                  "t.conf:11: primary_group = \"Staff\" is no group's name; write a-z, 0-9, _ and "
                  "-, at most 32, not beginning with a digit or -" },
                { "a relative shell", USERS "shell = bash\n",
                  "t.conf:11: shell = \"bash\" is no program's path; write it from / on, without "
                  "\":\" and \"..\"" },
                { "a sync each second", USERS "sync = 9s\n",
                  "t.conf:11: \"9s\" is out of range; write 10s to 1d" },
                { "everybody each second", USERS "sync_full = 59s\n",
                  "t.conf:11: \"59s\" is out of range; write 1m to 30d" },
                { "no rate at all", USERS "sync_rate = 0\n",
                  "t.conf:11: \"0\" is no number from 1 to 1000; write one" },
                { "a rate over its bound", USERS "sync_rate = 1001\n",
                  "t.conf:11: \"1001\" is no number from 1 to 1000; write one" },
                { "the gone for ever", USERS "gone_keep = 3651d\n",
                  "t.conf:11: \"3651d\" is out of range; write 0s to 3650d" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

/* Whose people cannot be read. */
static void bad_issuers(void)
{
        static const Bad rows[] = {
                { "an issuer without client",
                  "[issuer j]\nurl = https://sso.example.com/realms/j\n[users]\nissuer = j\n",
                  "t.conf:12: [users] issuer = j: [issuer j] has no client_id, so authd cannot ask "
                  "who its people are; add the client with a service account that may, or write "
                  "sync = 0s" },
                { "the same with sync",
                  "[issuer j]\nurl = https://sso.example.com/realms/j\n[users]\nissuer = j\n"
                  "sync = 10s\n",
                  "t.conf:12: [users] issuer = j: [issuer j] has no client_id, so authd cannot ask "
                  "who its people are; add the client with a service account that may, or write "
                  "sync = 0s" },
                { "an admin_url without client",
                  "[issuer j]\nurl = https://x.example.com\nadmin_url = https://y.example.com\n",
                  "t.conf:11: [issuer j] has admin_url without client_id; add the client's id" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

static Config *parse_good(const char *users)
{
        g_autofree char *text = good_with(users);
        g_autoptr(GError) error = NULL;
        Config *config = config_parse("t.conf", span_from(text), &error);

        g_assert_no_error(error);
        return config;
}

static void defaults(void)
{
        g_autoptr(Config) config = parse_good(USERS);
        const UsersSettings *users = config->users;

        g_assert_cmpstr(users->issuer, ==, "i");
        g_assert_cmpstr(users->name, ==, USERS_NAME_DEFAULT);
        g_assert_cmpstr(users->uid_attribute, ==, "uidNumber");
        g_assert_cmpstr(users->gid_attribute, ==, "gidNumber");
        g_assert_cmpstr(users->home_attribute, ==, "homeDirectory");
        g_assert_cmpstr(users->shell_attribute, ==, "loginShell");
        g_assert_null(users->name_attribute);
        g_assert_cmpuint(users->id_first, ==, 1879048192);
        g_assert_cmpuint(users->id_last, ==, 2147352575);
        g_assert_false(users->ids_from_realm_only);
        g_assert_cmpint(users->sync_sec, ==, 60);
        g_assert_cmpint(users->sync_full_sec, ==, 3600);
        g_assert_cmpuint(users->sync_rate, ==, 20);
        g_assert_cmpint(users->gone_keep_sec, ==, 90 * 24 * 3600);
        g_assert_false(users->enumerate);
}

static void all_are_read(void)
{
        g_autoptr(Config) config = parse_good(
            USERS "name = {email}\nstrip_domain = example.com\nreserved = boss\n"
                  "groups = /eng/**; realm:dba\nlocal_groups = sudo=/admins\nwithin = /staff; /x\n"
                  "primary_group = staff\nid_range = 100000-199999\nids = realm\n"
                  "id = group:1=100001; b=100002\nuid_attribute = u\ngid_attribute = g\n"
                  "name_attribute = n\nhome_attribute = h\nshell_attribute = s\n"
                  "home = /srv/{name}\nshell = /bin/sh\nsync = 10s\nsync_full = 30d\n"
                  "sync_rate = 1000\ngone_keep = 3650d\nenumerate = true\n");
        const UsersSettings *users = config->users;

        g_assert_cmpstr(users->name, ==, "{email}");
        g_assert_cmpstr(users->strip_domain[0], ==, "example.com");
        g_assert_cmpstr(users->reserved[0], ==, "boss");
        g_assert_cmpstr(users->groups[1], ==, "realm:dba");
        g_assert_cmpstr(users->local_groups[0], ==, "sudo=/admins");
        g_assert_cmpstr(users->within[1], ==, "/x");
        g_assert_cmpstr(users->primary_group, ==, "staff");
        g_assert_cmpuint(users->id_first, ==, 100000);
        g_assert_cmpuint(users->id_last, ==, 199999);
        g_assert_true(users->ids_from_realm_only);
        g_assert_cmpstr(users->id[1], ==, "b=100002");
        g_assert_cmpstr(users->name_attribute, ==, "n");
        g_assert_cmpstr(users->home, ==, "/srv/{name}");
        g_assert_cmpstr(users->shell, ==, "/bin/sh");
        g_assert_cmpint(users->sync_sec, ==, 10);
        g_assert_cmpint(users->sync_full_sec, ==, 30 * 24 * 3600);
        g_assert_cmpuint(users->sync_rate, ==, 1000);
        g_assert_cmpint(users->gone_keep_sec, ==, 3650 * INT64_C(24) * 3600);
        g_assert_true(users->enumerate);
}

/* The shown default of each setting, written out, gives what leaving it out gives. */
static void shown_defaults_are_the_defaults(void)
{
        g_autoptr(GString) text = g_string_new(USERS);
        g_autoptr(Config) bare = parse_good(USERS), written = NULL;
        size_t n_settings = 0;
        const ConfigSetting *settings = config_settings(&n_settings);

        for (size_t i = 0; i < n_settings; i++)
                if (strcmp(settings[i].section, "users") == 0 && *settings[i].fallback)
                        g_string_append_printf(text, "%s = %s\n", settings[i].key,
                                               settings[i].fallback);
        written = parse_good(text->str);
        g_assert_true(users_settings_equal(written->users, bare->users));
}

/* Whoever is learned at login only needs no client. */
static void without_sync(void)
{
        g_autoptr(Config) config =
            parse_good("[issuer j]\nurl = https://x.example.com\n[users]\nissuer = j\nsync = 0s\n");
        const IssuerSettings *issuer = config->issuers->pdata[0];

        g_assert_cmpint(config->users->sync_sec, ==, 0);
        g_assert_null(issuer->admin_url);
}

static void no_section(void)
{
        g_autoptr(Config) config = parse_good("");

        g_assert_null(config->users->issuer);
}

/* A rule's or a name's own sentence gets the line of the setting that it is about. */
static void a_layers_sentence(void)
{
        g_autofree char *text = good_with(USERS "shell = /bin/sh\ngroups = /eng; =x\n");
        g_autoptr(GError) error = NULL;

        g_assert_null(config_parse("t.conf", span_from(text), &error));
        g_assert_true(g_str_has_prefix(error->message, "t.conf:12: [users] groups"));
}

int main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        g_test_init(&argc, &argv, NULL);
        int fd = g_file_open_tmp("authd-users-XXXXXX", &secret_path, &error);
        g_assert_no_error(error);
        g_assert_cmpint(write(fd, "s", 1), ==, 1);
        close(fd);
        g_test_add_func("/config/users/bad_values", bad_values);
        g_test_add_func("/config/users/bad_issuers", bad_issuers);
        g_test_add_func("/config/users/defaults", defaults);
        g_test_add_func("/config/users/shown_defaults", shown_defaults_are_the_defaults);
        g_test_add_func("/config/users/all_are_read", all_are_read);
        g_test_add_func("/config/users/without_sync", without_sync);
        g_test_add_func("/config/users/no_section", no_section);
        g_test_add_func("/config/users/a_layers_sentence", a_layers_sentence);
        int result = g_test_run();

        unlink(secret_path);
        g_free(secret_path);
        return result;
}

/* clients: names and secrets of those who may introspect over TCP. */
#include "api/clients.h"

#include <glib/gstdio.h>

typedef struct Fixture {
        char *folder;
        GPtrArray *settings;
} Fixture;

static char *path_of(const Fixture *fixture, const char *name)
{
        return g_build_filename(fixture->folder, name, NULL);
}

static void add_client(Fixture *fixture, const char *name, const char *secret, const char *policy)
{
        ClientSettings *settings = g_new0(ClientSettings, 1);

        settings->name = g_strdup(name);
        settings->secret_file = path_of(fixture, name);
        settings->policy = g_strdup(policy);
        g_ptr_array_add(fixture->settings, settings);
        if (secret) {
                g_assert_true(g_file_set_contents(settings->secret_file, secret, -1, NULL));
                g_assert_cmpint(g_chmod(settings->secret_file, 0600), ==, 0);
        }
}

static void set_up(Fixture *fixture, gconstpointer unused)
{
        fixture->folder = g_dir_make_tmp("authd-clients-XXXXXX", NULL);
        fixture->settings = g_ptr_array_new_with_free_func((GDestroyNotify) client_settings_free);
        g_assert_nonnull(fixture->folder);
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
        for (guint i = 0; i < fixture->settings->len; i++) {
                const ClientSettings *settings = g_ptr_array_index(fixture->settings, i);

                g_remove(settings->secret_file);
        }
        g_rmdir(fixture->folder);
        g_ptr_array_unref(fixture->settings);
        g_free(fixture->folder);
}

static const Client *find(const Clients *clients, const char *name, const char *secret)
{
        return clients_find(clients, span_from(name), span_from(secret));
}

static void test_find(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Clients) clients = NULL;

        add_client(fixture, "gateway", "one\n", "readers");
        add_client(fixture, "plain", "two", NULL);
        clients = clients_new(fixture->settings, NULL);
        g_assert_nonnull(clients);
        g_assert_cmpstr(find(clients, "gateway", "one")->policy, ==, "readers");
        g_assert_null(find(clients, "plain", "two")->policy);
        g_assert_null(find(clients, "gateway", "two"));
        g_assert_null(find(clients, "gateway", "one\n"));
        g_assert_null(find(clients, "gateway", "on"));
        g_assert_null(find(clients, "gateway", ""));
        g_assert_null(find(clients, "GATEWAY", "one"));
        g_assert_null(find(clients, "nobody", "one"));
        g_assert_null(find(clients, "", ""));
        g_assert_null(clients_find(clients, SPAN_EMPTY, SPAN_EMPTY));
        /* A NUL ends no name and no secret. */
        g_assert_null(clients_find(clients, span_from("gateway"), span_of("one\0x", 5)));
}

static void test_name_with_nul(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Clients) clients = NULL;

        add_client(fixture, "gateway", "one", NULL);
        clients = clients_new(fixture->settings, NULL);
        g_assert_null(clients_find(clients, span_of("gateway\0x", 9), span_from("one")));
}

static void test_none(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(Clients) clients = clients_new(fixture->settings, NULL);

        g_assert_nonnull(clients);
        g_assert_null(find(clients, "gateway", "one"));
}

static void test_secret_file(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        add_client(fixture, "gateway", "one", NULL);
        add_client(fixture, "absent", NULL, NULL);
        g_assert_null(clients_new(fixture->settings, &error));
        g_assert_nonnull(error);
        g_assert_nonnull(strstr(error->message, "absent"));
}

static void test_open_secret(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *path = path_of(fixture, "gateway");

        add_client(fixture, "gateway", "one", NULL);
        g_assert_cmpint(g_chmod(path, 0644), ==, 0);
        g_assert_null(clients_new(fixture->settings, &error));
        g_assert_nonnull(error);
}

static void test_references(Fixture *fixture, gconstpointer unused)
{
        Clients *clients;

        add_client(fixture, "gateway", "one", NULL);
        clients = clients_new(fixture->settings, NULL);
        clients_unref(clients_ref(clients));
        g_assert_nonnull(find(clients, "gateway", "one"));
        clients_unref(clients);
        clients_unref(NULL);
}

typedef struct Case {
        const char *name;
        void (*run)(Fixture *fixture, gconstpointer unused);
} Case;

static const Case cases[] = {
        { "/clients/a client is found by its name and whole secret", test_find },
        { "/clients/a name with a NUL is nobody's", test_name_with_nul },
        { "/clients/without clients nobody is found", test_none },
        { "/clients/a secret file that is not there is said", test_secret_file },
        { "/clients/a secret file that others may read is refused", test_open_secret },
        { "/clients/the last reference frees", test_references },
};

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_test_add(cases[i].name, Fixture, NULL, set_up, cases[i].run, tear_down);
        return g_test_run();
}

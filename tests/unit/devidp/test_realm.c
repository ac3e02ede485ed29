/* Realm files: one that works, and those that must not half work. */
#include "realm.h"

#include <glib/gstdio.h>
#include <string.h>

#define AROUND(clients, users)                                                                     \
        "{\"realm\":\"t\",\"keys\":[\"ES256\"],\"clients\":[" clients "],\"users\":[" users "]}"

#define WITH(members)                                                                              \
        "{\"realm\":\"t\",\"keys\":[\"ES256\"],\"clients\":[],\"users\":[]," members "}"

#define PEM                                                                                        \
        "\"-----BEGIN PUBLIC "                                                                     \
        "KEY-----\\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\\n"               \
        "-----END PUBLIC KEY-----\\n\""

typedef struct Row {
        const char *name;
        const char *text;
        const char *complaint; /* part of the sentence; NULL: it loads */
} Row;

static const Row ROWS[] = {
        { "a client and a user", AROUND("{\"id\":\"a\",\"secret\":\"s\"}", "{\"username\":\"u\"}"),
          NULL },
        { "a public client", AROUND("{\"id\":\"a\",\"public\":true}", ""), NULL },
        { "a client neither secret nor public", AROUND("{\"id\":\"a\"}", ""), "secret" },
        { "a client both secret and public",
          AROUND("{\"id\":\"a\",\"secret\":\"s\",\"public\":true}", ""), "secret" },
        { "a client with a key",
          AROUND("{\"id\":\"a\",\"auth\":\"private_key_jwt\",\"public_key\":" PEM "}", ""), NULL },
        { "a key that is none",
          AROUND("{\"id\":\"a\",\"auth\":\"private_key_jwt\",\"public_key\":\"x\"}", ""), "PEM" },
        { "private_key_jwt without a key",
          AROUND("{\"id\":\"a\",\"auth\":\"private_key_jwt\"}", ""), "public_key" },
        { "private_key_jwt with a secret",
          AROUND("{\"id\":\"a\",\"auth\":\"private_key_jwt\",\"secret\":\"s\",\"public_key\":" PEM
                 "}",
                 ""),
          "secret" },
        { "a certificate's subject",
          AROUND("{\"id\":\"a\",\"auth\":\"tls_client_auth\",\"tls_subject\":\"CN=a\"}", ""),
          NULL },
        { "a certificate's subject without its method",
          AROUND("{\"id\":\"a\",\"secret\":\"s\",\"tls_subject\":\"CN=a\"}", ""), "tls_subject" },
        { "an unknown method", AROUND("{\"id\":\"a\",\"secret\":\"s\",\"auth\":\"magic\"}", ""),
          "auth" },
        { "an unknown member of a client",
          AROUND("{\"id\":\"a\",\"secret\":\"s\",\"secert\":1}", ""), "client" },
        { "an audience that is no list",
          AROUND("{\"id\":\"a\",\"secret\":\"s\",\"audience\":\"x\"}", ""), "lists" },
        { "a user without a name", AROUND("", "{\"password\":\"p\"}"), "user" },
        { "roles that are no list", AROUND("", "{\"username\":\"u\",\"realm_roles\":\"r\"}"),
          "wrong type" },
        { "client roles that are no lists",
          AROUND("", "{\"username\":\"u\",\"client_roles\":{\"a\":\"r\"}}"), "wrong type" },
        { "a service account with an unknown member",
          AROUND("{\"id\":\"a\",\"secret\":\"s\",\"service_account\":{\"role\":[]}}", ""),
          "service-account-a" },
        { "a client for devices and pushes",
          AROUND("{\"id\":\"a\",\"secret\":\"s\",\"device\":true,\"push\":{\"interval\":1}}", ""),
          NULL },
        { "a device that waits no time",
          AROUND("{\"id\":\"a\",\"secret\":\"s\",\"device\":{\"expires_in\":0}}", ""), "device" },
        { "a device that waits in words",
          AROUND("{\"id\":\"a\",\"secret\":\"s\",\"device\":\"yes\"}", ""), "device" },
        { "a push with an unknown member",
          AROUND("{\"id\":\"a\",\"secret\":\"s\",\"push\":{\"intervall\":1}}", ""), "push" },
        { "a secret of one-time codes",
          AROUND("", "{\"username\":\"u\",\"otp_secret\":\"MZXW6YTB\"}"), NULL },
        { "such a secret that is no base32",
          AROUND("", "{\"username\":\"u\",\"otp_secret\":\"0\"}"), "base32" },
        { "required actions that are no list",
          AROUND("", "{\"username\":\"u\",\"required_actions\":\"UPDATE_PASSWORD\"}"),
          "wrong type" },
        { "a client twice",
          AROUND("{\"id\":\"a\",\"secret\":\"s\"},{\"id\":\"a\",\"secret\":\"t\"}", ""), "twice" },
        { "a user twice", AROUND("", "{\"username\":\"u\"},{\"username\":\"u\"}"), "twice" },
        { "two users of one id",
          AROUND("", "{\"username\":\"u\",\"id\":\"1\"},{\"username\":\"v\",\"id\":\"1\"}"),
          "twice" },
        { "groups and people to generate",
          WITH("\"groups\":[{\"path\":\"/eng\",\"attributes\":{\"a\":\"1\"}}],"
               "\"people\":{\"count\":10,\"groups\":3,\"groups_each\":3},\"events\":true,"
               "\"user_attributes\":[\"a\"]"),
          NULL },
        { "a group without a path", WITH("\"groups\":[{\"name\":\"eng\"}]"), "path" },
        { "a group without a slash", WITH("\"groups\":[{\"path\":\"eng\"}]"), "path" },
        { "groups that are no list", WITH("\"groups\":{}"), "lists" },
        { "a profile that is no list", WITH("\"user_attributes\":\"a\""), "lists" },
        { "a person in no path", AROUND("", "{\"username\":\"u\",\"groups\":[\"eng\"]}"),
          "no path" },
        { "people without a count", WITH("\"people\":{\"groups\":3}"), "people" },
        { "more groups each than there are",
          WITH("\"people\":{\"count\":1,\"groups\":3,\"groups_each\":4}"), "people" },
        { "as many people as have six digits", WITH("\"people\":{\"count\":999999}"), NULL },
        { "more people than have six digits", WITH("\"people\":{\"count\":1000000}"), "people" },
        { "a user who would be generated",
          "{\"realm\":\"t\",\"keys\":[\"ES256\"],\"clients\":[],\"users\":[{\"username\":"
          "\"p000001\"}],\"people\":{\"count\":1}}",
          "twice" },
        { "no keys", "{\"realm\":\"t\",\"keys\":[],\"clients\":[],\"users\":[]}", "algorithms" },
        { "a member twice",
          "{\"realm\":\"t\",\"realm\":\"u\",\"keys\":[],\"clients\":[],\"users\":[]}",
          "duplicate" },
        { "no JSON", "realm", "" },
};

static Realm *load_text(const char *text, GError **error)
{
        g_autofree char *path = NULL;
        int fd = g_file_open_tmp("realm-XXXXXX", &path, NULL);

        g_assert_cmpint(fd, >=, 0);
        g_close(fd, NULL);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        Realm *realm = realm_load(path, error);
        g_unlink(path);
        return realm;
}

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(Realm) realm = load_text(row->text, &error);

        if (!row->complaint) {
                g_assert_no_error(error);
                return;
        }
        g_assert_null(realm);
        g_assert_nonnull(error);
        g_assert_nonnull(strstr(error->message, row->complaint));
}

static void test_identity(void)
{
        static const char TEXT[] =
            AROUND("{\"id\":\"a\",\"secret\":\"s\",\"service_account\":{}}",
                   "{\"username\":\"u\"},{\"username\":\"v\",\"id\":\"fixed\"}");
        g_autoptr(Realm) one = load_text(TEXT, NULL);
        g_autoptr(Realm) two = load_text(TEXT, NULL);
        const Person *person = realm_person(one, "u");

        g_assert_cmpstr(person->id, ==, realm_person(two, "u")->id);
        g_assert_true(g_uuid_string_is_valid(person->id));
        g_assert_true(realm_person_by_id(one, person->id) == person);
        g_assert_cmpstr(realm_person(one, "v")->id, ==, "fixed");
        g_assert_true(realm_person_by_id(one, realm_client(one, "a")->service_account->id) != NULL);
        g_assert_null(realm_person(one, "service-account-a"));
        g_assert_null(realm_client(one, NULL));
}

static void put(Realm *realm, const char *text, const char *complaint)
{
        g_autoptr(GError) error = NULL;
        json_t *json = json_loads(text, 0, NULL);

        g_assert_cmpint(realm_put_client(realm, json, &error), ==, complaint == NULL);
        if (complaint)
                g_assert_nonnull(strstr(error->message, complaint));
        json_decref(json);
}

static void test_put_client(void)
{
        g_autoptr(Realm) realm =
            load_text(AROUND("{\"id\":\"a\",\"secret\":\"s\",\"service_account\":{}}", ""), NULL);
        g_autofree char *account = g_strdup(realm_client(realm, "a")->service_account->id);

        put(realm, "{\"id\":\"a\",\"lightweight\":true}", NULL);
        g_assert_cmpstr(realm_client(realm, "a")->secret, ==, "s");
        g_assert_true(realm_client(realm, "a")->lightweight);
        g_assert_true(realm_person_by_id(realm, account) ==
                      realm_client(realm, "a")->service_account);
        put(realm, "{\"id\":\"a\",\"audience\":\"x\"}", "lists");
        g_assert_true(realm_client(realm, "a")->lightweight);
        put(realm, "{\"id\":\"a\",\"service_account\":null}", NULL);
        g_assert_null(realm_person_by_id(realm, account));
        put(realm, "{\"id\":\"b\"}", "secret");
        g_assert_null(realm_client(realm, "b"));
        put(realm, "{\"id\":\"b\",\"public\":true}", NULL);
        g_assert_nonnull(realm_client(realm, "b"));
        put(realm, "{\"secret\":\"s\"}", "client");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(ROWS); i++) {
                g_autofree char *path = g_strdup_printf("/realm/%s", ROWS[i].name);
                g_test_add_data_func(path, &ROWS[i], test_row);
        }
        g_test_add_func("/realm/a person's id is the same at each start", test_identity);
        g_test_add_func("/realm/a client is made and changed while we run", test_put_client);
        return g_test_run();
}

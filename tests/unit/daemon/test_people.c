/* test_people: what the directory says in lines and JSON, and how ids are written into a realm. */
#include "accounts.h"
#include "assigning.h"
#include "base/clock.h"
#include "fake_realm.h"
#include "token/json.h"

#include <glib/gstdio.h>

#define ISSUER_URL "https://sso.example.com/realms/i"
#define NOW_SEC    1800000000

static const char realm_text[] =
    "{\"users\": ["
    "  {\"id\": \"u1\", \"username\": \"anna\", \"enabled\": true,"
    "   \"attributes\": {\"uidNumber\": [\"5001\"]}},"
    "  {\"id\": \"u2\", \"username\": \"bert\", \"enabled\": true},"
    "  {\"id\": \"u3\", \"username\": \"Cleo\", \"enabled\": true},"
    "  {\"id\": \"u4\", \"username\": \"dora\", \"enabled\": false}],"
    " \"groups\": ["
    "  {\"id\": \"g1\", \"name\": \"eng\", \"path\": \"/eng\"},"
    "  {\"id\": \"g2\", \"name\": \"tea\", \"path\": \"/tea\"}],"
    " \"members\": {\"g1\": [\"u1\", \"u2\"]}, \"kept\": false, \"events\": []}";

static struct {
        char *folder;
        Store *store;
        Local *local;
        Directory *directory;
        UsersSettings *settings;
        MainAnswer answer; /* of the last question or assigning */
        bool ended;
} desk;

static void put_users(void)
{
        size_t i;
        json_t *user;

        json_array_foreach (fake_realm_part("users"), i, user)
                directory_put_person(
                    desk.directory,
                    &(RealmPerson){
                        .subject = json_string_value(json_object_get(user, "id")),
                        .username = json_string_value(json_object_get(user, "username")),
                        .email = "",
                        .full_name = "",
                        .enabled = json_is_true(json_object_get(user, "enabled")),
                        .attributes = json_object_get(user, "attributes"),
                    });
}

static void put_groups(void)
{
        size_t i;
        json_t *group;

        json_array_foreach (fake_realm_part("groups"), i, group) {
                g_autofree char *key =
                    g_strdup_printf("group:%s", json_string_value(json_object_get(group, "id")));

                directory_put_group(desk.directory,
                                    &(RealmGroup){
                                        .key = key,
                                        .source = json_string_value(json_object_get(group, "path")),
                                        .attributes = json_object_get(group, "attributes"),
                                    });
        }
}

/* fill: what a sync makes of the realm. */
static void fill(void)
{
        directory_sweep_begin(desk.directory);
        put_groups();
        put_users();
        directory_sweep_add(desk.directory, "u1", "group:g1");
        directory_sweep_add(desk.directory, "u2", "group:g1");
        g_assert_cmpint(directory_sweep_end(desk.directory), ==, 0);
}

static void configure(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(directory_configure(desk.directory, desk.settings, ISSUER_URL, &error));
        g_assert_no_error(error);
}

static void desk_open_with(const char *realm, uint32_t first, uint32_t last)
{
        g_autoptr(GError) error = NULL;

        clock_set_wall_for_tests(NOW_SEC);
        fake_realm_open(realm);
        desk.folder = g_dir_make_tmp("authd-people-XXXXXX", NULL);
        desk.store = store_open(desk.folder, &error);
        g_assert_no_error(error);
        desk.local = local_new("/dev/null", "/dev/null");
        desk.directory = directory_new(desk.store, desk.local, &error);
        g_assert_no_error(error);
        desk.settings = users_settings_new();
        desk.settings->issuer = g_strdup("i");
        desk.settings->groups = g_strsplit("/eng", ";", -1);
        desk.settings->id_first = first;
        desk.settings->id_last = last;
        configure();
        desk.ended = false;
}

static void desk_open(void)
{
        desk_open_with(realm_text, USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT);
        fill();
}

static void remove_folder(const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *file = g_build_filename(path, name, NULL);

                g_unlink(file);
        }
        g_rmdir(path);
}

static void desk_close(void)
{
        directory_free(desk.directory);
        local_free(desk.local);
        store_close(desk.store);
        users_settings_free(desk.settings);
        remove_folder(desk.folder);
        g_free(desk.folder);
        g_clear_pointer(&desk.answer.body, g_free);
        fake_realm_close();
        clock_set_wall_for_tests(0);
}

/* Answers */

static unsigned ask_of(const Accounts *accounts, MainQuestion question, const char *query)
{
        json_auto *parameters = json_loads(query, 0, NULL);

        g_free(desk.answer.body);
        accounts_answer(accounts, question, parameters, &desk.answer);
        return desk.answer.status;
}

static unsigned ask(MainQuestion question, const char *query)
{
        const Accounts accounts = { .directory = desk.directory,
                                    .settings = desk.settings,
                                    .issuer_url = ISSUER_URL,
                                    .filled = directory_filled(desk.directory) };

        return ask_of(&accounts, question, query);
}

static json_t *answered(void)
{
        return json_loads(desk.answer.body, 0, NULL);
}

static const Person *person(const char *subject)
{
        return directory_person_by_subject(desk.directory, subject);
}

static void lines_of_people(void)
{
        desk_open();
        g_assert_cmpuint(ask(MAIN_PASSWD, "{\"name\":\"anna\"}"), ==, 200);
        g_assert_cmpstr(desk.answer.body, ==, "anna:*:5001:5001::/home/anna:/bin/bash\n");
        g_assert_true(g_str_has_prefix(desk.answer.content_type, "text/plain"));
        g_assert_cmpuint(ask(MAIN_PASSWD, "{\"uid\":\"5001\"}"), ==, 200);
        g_assert_cmpuint(ask(MAIN_PASSWD, "{\"uid\":\"5000\"}"), ==, 404);
        g_assert_cmpuint(ask(MAIN_PASSWD, "{\"name\":\"Cleo\"}"), ==, 404);
        g_assert_cmpuint(ask(MAIN_PASSWD, "{\"name\":\"dora\"}"), ==, 200);
        g_assert_nonnull(strstr(desk.answer.body, ":/usr/sbin/nologin\n"));
        desk_close();
}

static void lines_of_groups(void)
{
        g_autofree char *all = NULL;
        uint32_t gid;

        desk_open();
        gid = directory_group_by_name(desk.directory, span_from("eng"))->gid;
        all = g_strdup_printf("eng:*:%u:anna,bert\n", gid);
        g_assert_cmpuint(ask(MAIN_GROUP, "{\"name\":\"eng\"}"), ==, 200);
        g_assert_cmpstr(desk.answer.body, ==, all);
        g_assert_cmpuint(ask(MAIN_GROUP, "{\"gid\":\"5001\"}"), ==, 200);
        g_assert_cmpstr(desk.answer.body, ==, "anna:*:5001:\n");
        g_assert_cmpuint(ask(MAIN_GROUP, "{\"name\":\"tea\"}"), ==, 404); /* no rule takes it */
        g_assert_cmpuint(ask(MAIN_GROUP, "{\"user\":\"anna\"}"), ==, 200);
        g_assert_cmpuint(atoll(desk.answer.body), ==, gid);
        g_assert_cmpuint(ask(MAIN_GROUP, "{\"user\":\"dora\"}"), ==, 200);
        g_assert_cmpstr(desk.answer.body, ==, ""); /* in none is an answer */
        g_assert_cmpuint(ask(MAIN_GROUP, "{\"user\":\"nobody\"}"), ==, 404);
        desk_close();
}

static void only_who_was_seen_is_listed(void)
{
        desk_open();
        directory_seen(desk.directory, "u1", NOW_SEC);
        g_assert_cmpuint(ask(MAIN_PASSWD, "{}"), ==, 200);
        g_assert_cmpstr(desk.answer.body, ==, "");
        desk.settings->enumerate = true;
        g_assert_cmpuint(ask(MAIN_PASSWD, "{}"), ==, 200);
        g_assert_cmpstr(desk.answer.body, ==, "anna:*:5001:5001::/home/anna:/bin/bash\n");
        g_assert_cmpuint(ask(MAIN_GROUP, "{}"), ==, 200);
        g_assert_true(g_str_has_prefix(desk.answer.body, "anna:*:5001:\neng:*:"));
        desk_close();
}

static void nobody_knows_before_the_first_sweep(void)
{
        static const MainQuestion lookups[] = { MAIN_PASSWD, MAIN_GROUP, MAIN_ID };

        desk_open_with(realm_text, USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT);
        for (size_t i = 0; i < G_N_ELEMENTS(lookups); i++)
                g_assert_cmpuint(ask(lookups[i], "{\"name\":\"anna\"}"), ==, 503);
        fill();
        for (size_t i = 0; i < G_N_ELEMENTS(lookups); i++) {
                g_assert_cmpuint(ask(lookups[i], "{\"name\":\"anna\"}"), ==, 200);
                g_assert_cmpuint(ask(lookups[i], "{\"name\":\"nobody\"}"), ==, 404);
        }
        desk_close();
}

static void without_users_nobody_is_there(void)
{
        const Accounts none = { 0 };

        desk_open();
        for (MainQuestion question = MAIN_PASSWD; question <= MAIN_IDS; question++)
                g_assert_cmpuint(ask_of(&none, question, "{\"name\":\"anna\"}"), ==, 404);
        desk_close();
}

/* What anybody may ask for ever, and what has its share of the time. */
static void what_looks_at_all(void)
{
        static const struct {
                MainQuestion question;
                const char *query;
                bool looks_at_all;
        } rows[] = {
                { MAIN_PASSWD, "{}", true },
                { MAIN_PASSWD, "{\"name\":\"anna\"}", false },
                { MAIN_PASSWD, "{\"uid\":\"5001\"}", false },
                { MAIN_GROUP, "{}", true },
                { MAIN_GROUP, "{\"name\":\"eng\"}", true },
                { MAIN_GROUP, "{\"gid\":\"6001\"}", true },
                { MAIN_GROUP, "{\"user\":\"anna\"}", false },
                { MAIN_USERS, "{}", false }, /* administrators' */
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                json_auto *query = json_loads(rows[i].query, 0, NULL);

                g_assert_cmpint(accounts_looks_at_all(rows[i].question, query), ==,
                                rows[i].looks_at_all);
        }
}

static void pages_of_people(void)
{
        json_auto *first = NULL, *second = NULL, *last = NULL, *found = NULL;

        desk_open();
        ask(MAIN_USERS, "{\"limit\":\"3\"}");
        first = answered();
        g_assert_cmpuint(json_array_size(json_object_get(first, "people")), ==, 3);
        g_assert_cmpstr(json_string_value(json_object_get(first, "next")), ==, "u3");
        ask(MAIN_USERS, "{\"limit\":\"1\",\"after\":\"u3\"}");
        second = answered();
        g_assert_cmpstr(json_string_value(json_object_get(second, "next")), ==, "u4");
        ask(MAIN_USERS, "{\"after\":\"u4\"}");
        last = answered();
        g_assert_cmpuint(json_array_size(json_object_get(last, "people")), ==, 0);
        g_assert_true(json_is_null(json_object_get(last, "next")));
        ask(MAIN_USERS, "{\"q\":\"leo\"}");
        found = answered();
        json_t *cleo = json_array_get(json_object_get(found, "people"), 0);
        g_assert_cmpstr(json_string_value(json_object_get(cleo, "username")), ==, "Cleo");
        g_assert_true(json_is_null(json_object_get(cleo, "name")));
        g_assert_true(json_is_null(json_object_get(cleo, "uid")));
        g_assert_true(json_is_string(json_object_get(cleo, "trouble")));
        desk_close();
}

static void groups_count_their_members(void)
{
        json_auto *page = NULL;
        size_t i;
        json_t *group;

        desk_open();
        ask(MAIN_GROUPS, "{}");
        page = answered();
        json_array_foreach (json_object_get(page, "groups"), i, group)
                if (g_strcmp0(json_string_value(json_object_get(group, "name")), "eng") == 0)
                        g_assert_cmpint(json_integer_value(json_object_get(group, "members")), ==,
                                        2);
        g_assert_cmpuint(json_array_size(json_object_get(page, "groups")), >, 0);
        desk_close();
}

static void ids_are_one_list(void)
{
        json_auto *first = NULL, *second = NULL;
        json_t *rows;

        desk_open();
        ask(MAIN_IDS, "{\"limit\":\"1\"}");
        first = answered();
        rows = json_object_get(first, "ids");
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(rows, 0), "key")), ==,
                        "group:g1");
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(rows, 0), "kind")), ==,
                        "group");
        ask(MAIN_IDS, "{\"after\":\"group:g1\"}");
        second = answered();
        rows = json_object_get(second, "ids");
        g_assert_cmpuint(json_array_size(rows), ==, 3); /* Cleo has none */
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(rows, 0), "id")), ==,
                        5001);
        desk_close();
}

/* Ids into the realm */

static void on_assigned(MainAnswer *answer, void *userdata)
{
        g_free(desk.answer.body);
        desk.answer = *answer;
        desk.ended = true;
}

static json_t *assign(bool dry_run)
{
        const AssigningFor what = { .admin = fake_realm_admin(),
                                    .directory = desk.directory,
                                    .local = desk.local,
                                    .settings = desk.settings,
                                    .issuer_url = ISSUER_URL,
                                    .dry_run = dry_run };
        Assigning *assigning = assigning_start(&what, on_assigned, NULL);

        g_assert_false(desk.ended);
        fake_realm_run();
        g_assert_true(desk.ended);
        desk.ended = false;
        assigning_free(assigning);
        return answered();
}

static int64_t assigned_to(const json_t *answer, const char *key)
{
        size_t i;
        json_t *row;

        json_array_foreach (json_object_get(answer, "assigned"), i, row)
                if (strcmp(json_string_value(json_object_get(row, "key")), key) == 0)
                        return json_integer_value(json_object_get(row, "id"));
        return 0;
}

static const char *why_skipped(const json_t *answer, const char *key)
{
        size_t i;
        json_t *row;

        json_array_foreach (json_object_get(answer, "skipped"), i, row)
                if (strcmp(json_string_value(json_object_get(row, "key")), key) == 0)
                        return json_string_value(json_object_get(row, "why"));
        return "";
}

static const char *in_realm(const json_t *thing, const char *attribute)
{
        return json_string_value(
            json_array_get(json_object_get(json_object_get(thing, "attributes"), attribute), 0));
}

static void what_the_host_gave_is_written(void)
{
        json_auto *answer = NULL, *again = NULL;
        g_autofree char *uid = NULL;

        desk_open();
        answer = assign(false);
        uid = g_strdup_printf("%u", person("u2")->uid);
        g_assert_cmpuint(json_array_size(json_object_get(answer, "assigned")), ==, 3);
        g_assert_cmpstr(in_realm(fake_realm_user("u2"), "uidNumber"), ==, uid);
        g_assert_cmpstr(in_realm(fake_realm_user("u1"), "uidNumber"), ==, "5001");
        g_assert_nonnull(in_realm(fake_realm_user("u4"), "uidNumber")); /* disabled */
        g_assert_nonnull(in_realm(fake_realm_group("g1"), "gidNumber"));
        g_assert_null(in_realm(fake_realm_group("g2"), "gidNumber")); /* no rule takes it */
        g_assert_null(in_realm(fake_realm_user("u3"), "uidNumber"));  /* no name, no id */
        g_assert_cmpuint(json_array_size(json_object_get(answer, "skipped")), ==, 1);
        again = assign(false);
        g_assert_cmpuint(json_array_size(json_object_get(again, "assigned")), ==, 0);
        desk_close();
}

static void a_trial_writes_nothing(void)
{
        json_auto *answer = NULL;
        g_autofree char *asked = NULL;

        desk_open();
        answer = assign(true);
        asked = fake_realm_asked();
        g_assert_cmpstr(asked, ==, "groups users ");
        g_assert_cmpuint(json_array_size(json_object_get(answer, "assigned")), ==, 3);
        desk_close();
}

/* Nobody of the rows has an id here, for the realm is the register; the number that bert would have
 * is somebody's already, in one of these ways. */
static void a_number_in_use_is_passed_over(void)
{
        static const char *const ways[] = { "another person's", "a group's", "a primary group's",
                                            "a line of the settings" };

        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
                uint32_t first_choice =
                    ids_candidate(ISSUER_URL, "u2", USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT);
                g_autofree char *number = g_strdup_printf("%u", first_choice);
                g_autofree char *line = g_strdup_printf("ghost=%s", number);
                json_auto *answer = NULL;

                g_test_message("%s", ways[i]);
                desk_open_with(realm_text, USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT);
                desk.settings->ids_from_realm_only = true;
                if (i == 3)
                        desk.settings->id = g_strsplit(line, ";", -1);
                configure();
                if (i == 0 || i == 2)
                        json_object_set_new(
                            fake_realm_user("u4"), "attributes",
                            json_pack("{s:[s]}", i == 0 ? "uidNumber" : "gidNumber", number));
                if (i == 1)
                        json_object_set_new(fake_realm_group("g2"), "attributes",
                                            json_pack("{s:[s]}", "gidNumber", number));
                fill();
                answer = assign(false);
                g_assert_cmpint(
                    assigned_to(answer, "u2"), ==,
                    ids_next(ISSUER_URL, "u2", 1, USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT));
                desk_close();
        }
}

/* What was given once is not given again, be its owner long gone. */
static void a_number_of_the_gone_is_passed_over(void)
{
        uint32_t first_choice =
            ids_candidate(ISSUER_URL, "u2", USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT);
        g_autofree char *number = g_strdup_printf("%u", first_choice);
        json_auto *answer = NULL;

        desk_open_with(realm_text, USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT);
        desk.settings->ids_from_realm_only = true;
        desk.settings->gone_keep_sec = 0;
        configure();
        json_object_set_new(fake_realm_user("u4"), "attributes",
                            json_pack("{s:[s]}", "uidNumber", number));
        fill();
        g_assert_cmpuint(person("u4")->uid, ==, first_choice);
        json_array_remove(fake_realm_part("users"), 3);
        fill();
        directory_tidy(desk.directory, NOW_SEC + 1000);
        g_assert_null(person("u4"));
        answer = assign(false);
        g_assert_cmpint(assigned_to(answer, "u2"), !=, first_choice);
        g_assert_cmpint(assigned_to(answer, "u2"), >, 0);
        desk_close();
}

/* What was given to bert on each host does not become another number because this one refuses it
 * here: by a line of its settings that nobody can follow, or by a local account. */
static void a_number_that_is_refused_here_is_still_theirs(void)
{
        json_auto *answer = NULL;

        desk_open();
        desk.settings->id = g_strsplit("u2=5001", ";", -1); /* anna's */
        configure();
        g_assert_cmpuint(person("u2")->uid, ==, UID_NONE);
        answer = assign(false);
        g_assert_cmpint(assigned_to(answer, "u2"), ==, 0);
        g_assert_null(in_realm(fake_realm_user("u2"), "uidNumber"));
        g_assert_nonnull(strstr(why_skipped(answer, "u2"), "5001 was given to"));
        desk_close();
}

/* 300 people in 256 numbers: not all can be settled. */
static void a_range_that_is_full(void)
{
        json_auto *answer = NULL;
        size_t n_assigned, n_skipped;

        desk_open_with("{\"users\": [], \"groups\": [], \"members\": {}, \"kept\": false,"
                       " \"events\": []}",
                       70000, 70255);
        for (int i = 0; i < 300; i++)
                json_array_append_new(fake_realm_part("users"),
                                      json_pack("{s:o, s:o, s:b}", "id", json_sprintf("n%03d", i),
                                                "username", json_sprintf("p%d", i), "enabled", 1));
        directory_sweep_begin(desk.directory);
        put_users();
        g_assert_cmpint(directory_sweep_end(desk.directory), ==, 0);
        answer = assign(false);
        n_assigned = json_array_size(json_object_get(answer, "assigned"));
        n_skipped = json_array_size(json_object_get(answer, "skipped"));
        g_assert_cmpuint(n_assigned + n_skipped, ==, 300);
        g_assert_cmpuint(n_assigned, >, 150);
        g_assert_cmpuint(n_assigned, <=, 256);
        desk_close();
}

/* Two who would have the same number: neither gets that one. */
static void who_collides_gets_neither(void)
{
        json_auto *answer = NULL;
        size_t n_contested = 0;

        desk_open_with("{\"users\": [], \"groups\": [], \"members\": {}, \"kept\": false,"
                       " \"events\": []}",
                       70000, 70255);
        for (int i = 0; i < 40; i++)
                json_array_append_new(fake_realm_part("users"),
                                      json_pack("{s:o, s:o, s:b}", "id", json_sprintf("n%03d", i),
                                                "username", json_sprintf("p%d", i), "enabled", 1));
        directory_sweep_begin(desk.directory);
        put_users();
        g_assert_cmpint(directory_sweep_end(desk.directory), ==, 0);
        answer = assign(false);
        for (size_t i = 0; i < directory_n_people(desk.directory); i++) {
                const Person *one = directory_person(desk.directory, i);

                if (one->uid != UID_NONE)
                        continue;
                n_contested++;
                g_assert_cmpint(assigned_to(answer, one->subject), >, 0);
                g_assert_cmpint(assigned_to(answer, one->subject), !=,
                                ids_candidate(ISSUER_URL, one->subject, 70000, 70255));
        }
        g_assert_cmpuint(n_contested, >=, 2);
        g_assert_cmpuint(json_array_size(json_object_get(answer, "assigned")), ==, 40);
        desk_close();
}

static void a_realm_that_refuses(void)
{
        json_auto *answer = NULL;
        g_autofree char *asked = NULL;

        desk_open();
        fake_realm_fail("set", ADMIN_NOT_PERMITTED);
        answer = assign(false);
        asked = fake_realm_asked();
        g_assert_cmpuint(desk.answer.status, ==, 503);
        g_assert_cmpstr(json_string_value(json_object_get(answer, "detail")), ==, "it fails");
        g_assert_cmpstr(asked, ==, "groups users set "); /* once is enough */
        desk_close();
}

/* What it refuses of one says nothing of the others. */
static void a_realm_that_refuses_each(void)
{
        json_auto *answer = NULL;

        desk_open();
        fake_realm_fail("set", ADMIN_REFUSED);
        answer = assign(false);
        g_assert_cmpuint(desk.answer.status, ==, 200);
        g_assert_cmpuint(json_array_size(json_object_get(answer, "assigned")), ==, 0);
        g_assert_cmpstr(json_string_value(json_object_get(
                            json_array_get(json_object_get(answer, "skipped"), 0), "why")),
                        ==, "it fails");
        g_assert_cmpint(json_integer_value(json_object_get(answer, "left")), ==, 0);
        desk_close();
}

static void a_realm_that_does_not_answer(void)
{
        static const char *const words[] = { "groups", "users", "set" };

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
                json_auto *answer = NULL;

                desk_open();
                fake_realm_fail(words[i], ADMIN_UNAVAILABLE);
                answer = assign(false);
                g_assert_cmpuint(desk.answer.status, ==, 503);
                desk_close();
        }
}

/* What is left when time is over is told. */
static void time_is_over(void)
{
        AssigningFor what = { .admin = fake_realm_admin(), .issuer_url = ISSUER_URL };
        json_auto *answer = NULL;
        Assigning *assigning;

        desk_open();
        what.directory = desk.directory;
        what.local = desk.local;
        what.settings = desk.settings;
        assigning = assigning_start(&what, on_assigned, NULL);
        clock_advance_monotonic_for_tests(ASSIGNING_USEC);
        fake_realm_run();
        answer = answered();
        g_assert_cmpint(json_integer_value(json_object_get(answer, "left")), ==, 4);
        assigning_free(assigning);
        desk_close();
}

#define CASE(function)                                                                             \
        {                                                                                          \
                "/daemon/people/" #function, function                                              \
        }

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*run)(void);
        } cases[] = {
                CASE(lines_of_people),
                CASE(lines_of_groups),
                CASE(only_who_was_seen_is_listed),
                CASE(nobody_knows_before_the_first_sweep),
                CASE(without_users_nobody_is_there),
                CASE(what_looks_at_all),
                CASE(pages_of_people),
                CASE(groups_count_their_members),
                CASE(ids_are_one_list),
                CASE(what_the_host_gave_is_written),
                CASE(a_trial_writes_nothing),
                CASE(a_number_in_use_is_passed_over),
                CASE(a_number_of_the_gone_is_passed_over),
                CASE(a_number_that_is_refused_here_is_still_theirs),
                CASE(a_range_that_is_full),
                CASE(who_collides_gets_neither),
                CASE(a_realm_that_refuses),
                CASE(a_realm_that_refuses_each),
                CASE(a_realm_that_does_not_answer),
                CASE(time_is_over),
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_test_add_func(cases[i].name, cases[i].run);
        return g_test_run();
}

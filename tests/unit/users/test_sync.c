/* test_sync: a realm out of JSON becomes a directory, and stays one: what is asked when, what a
 * change costs, and what failures leave. */
#include "users/sync.h"

#include "base/clock.h"
#include "fake_realm.h"
#include "users/changes.h"
#include "users/survey.h"

#define NOW_SEC 1800000000
#define X51     "x23456789012345678901234567890123456789012345678901"
#define X255    X51 X51 X51 X51 X51

static const char realm_text[] =
    "{\"users\": ["
    "  {\"id\": \"u-anna\", \"username\": \"anna\", \"enabled\": true, \"firstName\": \"Anna\","
    "   \"lastName\": \"A\", \"attributes\": {\"uidNumber\": [\"5001\"]}},"
    "  {\"id\": \"u-bert\", \"username\": \"bert\", \"enabled\": true,"
    "   \"attributes\": {\"uidNumber\": [\"5002\"]}},"
    "  {\"id\": \"u-cleo\", \"username\": \"cleo\", \"enabled\": false,"
    "   \"attributes\": {\"uidNumber\": [\"5003\"]}}],"
    " \"groups\": ["
    "  {\"id\": \"g-eng\", \"name\": \"eng\", \"path\": \"/eng\","
    "   \"attributes\": {\"gidNumber\": [\"6001\"]}},"
    "  {\"id\": \"g-web\", \"name\": \"web\", \"path\": \"/eng/web\", \"parentId\": \"g-eng\"},"
    "  {\"id\": \"g-tea\", \"name\": \"tea\", \"path\": \"/tea\"},"
    "  {\"id\": \"g-odd\", \"name\": \"odd/eng\"}],"
    " \"members\": {\"g-eng\": [\"u-anna\"], \"g-web\": [\"u-bert\"], \"g-tea\": [\"u-cleo\"]},"
    " \"role_members\": {\"realm:dba\": [\"u-cleo\"]},"
    " \"role_groups\": {\"realm:dba\": [\"g-tea\"]},"
    " \"kept\": true, \"events\": []}";

/* What a test works on. */
static struct {
        UsersSettings *settings;
        Naming *naming;
        Local *local;
        Directory *directory;
        Sync *sync;
        unsigned n_changed;
        unsigned n_done;
        char *trouble; /* of the last sync_now */
} desk;

static void on_changed(void *userdata)
{
        desk.n_changed++;
}

static void on_done(const char *trouble, void *userdata)
{
        desk.n_done++;
        g_free(desk.trouble);
        desk.trouble = g_strdup(trouble);
}

static void desk_configure(void)
{
        g_autoptr(GError) error = NULL;

        naming_free(desk.naming);
        desk.naming = naming_new(desk.settings, &error);
        g_assert_no_error(error);
        g_assert_true(directory_configure(desk.directory, desk.settings,
                                          "https://sso.example.com/realms/i", &error));
        g_assert_no_error(error);
        sync_configure(desk.sync, desk.settings, desk.naming);
}

static void desk_open(const char *groups, const char *within)
{
        static const SyncHooks hooks = { .changed = on_changed };

        clock_set_wall_for_tests(NOW_SEC);
        fake_realm_open(realm_text);
        desk.settings = users_settings_new();
        desk.settings->issuer = g_strdup("i");
        desk.settings->groups = g_strsplit(groups, ";", -1);
        desk.settings->within = within ? g_strsplit(within, ";", -1) : NULL;
        desk.local = local_new("/dev/null", "/dev/null");
        desk.directory = directory_new(NULL, desk.local, NULL);
        desk.sync = sync_new(fake_realm_admin(), desk.directory, &hooks);
        desk.n_changed = desk.n_done = 0;
        desk_configure();
}

static void desk_close(void)
{
        sync_free(desk.sync);
        directory_free(desk.directory);
        local_free(desk.local);
        naming_free(g_steal_pointer(&desk.naming));
        users_settings_free(desk.settings);
        g_clear_pointer(&desk.trouble, g_free);
        fake_realm_close();
        clock_set_wall_for_tests(0);
}

static void pass_sec(int64_t sec)
{
        clock_advance_monotonic_for_tests(sec * G_USEC_PER_SEC);
        sync_tick(desk.sync);
        fake_realm_run();
}

static void expect_asked(const char *words)
{
        g_autofree char *asked = fake_realm_asked();

        g_assert_cmpstr(asked, ==, words);
}

static const Person *person(const char *name)
{
        return directory_person_by_name(desk.directory, span_from(name));
}

static bool is_in(const char *name, const char *group)
{
        const Group *found = directory_group_by_name(desk.directory, span_from(group));
        const Person *one = person(name);

        for (size_t i = 0; found && one && i < one->n_gids; i++)
                if (one->gids[i] == found->gid)
                        return true;
        return false;
}

static void expect_state(const char *state)
{
        json_t *status = sync_status(desk.sync);

        g_assert_cmpstr(json_string_value(json_object_get(status, "state")), ==, state);
        json_decref(status);
}

/* Sweeps */

static void a_sweep_reads_everybody(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        expect_asked("kept events groups users members members ");
        g_assert_cmpuint(person("anna")->uid, ==, 5001);
        g_assert_cmpint(person("cleo")->state, ==, PERSON_DISABLED);
        g_assert_true(is_in("anna", "eng"));
        g_assert_true(is_in("bert", "eng")); /* by /eng/web, below it */
        g_assert_false(is_in("cleo", "eng"));
        g_assert_true(directory_filled(desk.directory));
        g_assert_cmpuint(desk.n_changed, ==, 1);
        expect_state("idle");
        desk_close();
}

static void a_role_is_had_by_groups_too(void)
{
        desk_open("realm:dba", NULL);
        json_object_set_new(fake_realm_part("members"), "g-tea", json_pack("[s]", "u-bert"));
        desk.settings->id = g_strsplit("realm:dba=6100", ";", -1);
        desk_configure();
        pass_sec(0);
        expect_asked("kept events groups role_groups users members role_members ");
        g_assert_true(is_in("cleo", "dba"));
        g_assert_true(is_in("bert", "dba"));
        g_assert_false(is_in("anna", "dba"));
        desk_close();
}

static void a_role_that_is_not_there_has_nobody(void)
{
        desk_open("realm:none;/eng", NULL);
        pass_sec(0);
        expect_state("idle");
        g_assert_nonnull(person("anna"));
        desk_close();
}

static void who_is_within_is_read_alone(void)
{
        desk_open("/tea", "/eng");
        pass_sec(0);
        expect_asked("kept events groups group_users group_users members ");
        g_assert_nonnull(person("anna"));
        g_assert_nonnull(person("bert"));
        g_assert_null(person("cleo"));
        g_assert_cmpuint(directory_n_people(desk.directory), ==, 2);
        desk_close();
}

/* A failure in each list leaves what was. */
static void a_sweep_that_fails_changes_nothing(void)
{
        static const char *const words[] = { "groups", "role_groups", "users", "members",
                                             "role_members" };

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
                desk_open("/eng;realm:dba", NULL);
                pass_sec(0);
                json_array_remove(fake_realm_part("users"), 0);
                fake_realm_fail(words[i], ADMIN_UNAVAILABLE);
                sync_now(desk.sync, false, on_done, NULL);
                fake_realm_run();
                g_test_message("%s", words[i]);
                g_assert_cmpstr(desk.trouble, ==, "it fails");
                g_assert_cmpint(person("anna")->state, ==, PERSON_ACTIVE);
                expect_state("failing");
                fake_realm_fail(NULL, ADMIN_OK);
                pass_sec(3);
                g_assert_cmpint(person("anna")->state, ==, PERSON_GONE);
                expect_state("idle");
                desk_close();
        }
}

/* A realm that is not there has not nobody. */
static void no_realm_is_not_an_empty_one(void)
{
        static const char *const words[] = { "groups", "users" };

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
                desk_open("/eng", NULL);
                pass_sec(0);
                fake_realm_fail(words[i], ADMIN_NOT_FOUND);
                sync_now(desk.sync, false, on_done, NULL);
                fake_realm_run();
                g_assert_nonnull(desk.trouble);
                g_assert_cmpint(person("anna")->state, ==, PERSON_ACTIVE);
                fake_realm_fail(NULL, ADMIN_OK);
                desk_close();
        }
}

static void without_permission(void)
{
        desk_open("/eng", NULL);
        fake_realm_fail("users", ADMIN_NOT_PERMITTED);
        pass_sec(0);
        expect_state("not_permitted");
        expect_asked("kept events groups users ");
        pass_sec(299);
        expect_asked("");
        fake_realm_fail(NULL, ADMIN_OK);
        pass_sec(1);
        expect_state("idle");
        g_assert_nonnull(person("anna"));
        desk_close();
}

/* When */

static void failures_back_off(void)
{
        unsigned n_looks = 0;

        desk_open("/eng", NULL);
        fake_realm_fail("kept", ADMIN_UNAVAILABLE);
        for (unsigned sec = 0; sec < 600; sec++) {
                g_autofree char *asked = NULL;

                pass_sec(1);
                asked = fake_realm_asked();
                n_looks += *asked != '\0';
        }
        /* 2, 4, 8 … 300 s, each at half of it at least: not 600, and not 2. */
        g_assert_cmpuint(n_looks, >=, 7);
        g_assert_cmpuint(n_looks, <=, 14);
        expect_state("failing");
        fake_realm_fail(NULL, ADMIN_OK);
        sync_ready(desk.sync);
        pass_sec(0);
        expect_state("idle");
        desk_close();
}

static void looks_keep_their_distance(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        g_free(fake_realm_asked());
        pass_sec(53); /* 60 s, less a tenth at most */
        expect_asked("");
        pass_sec(14);
        expect_asked("kept events ");
        desk_close();
}

static void without_sync_nobody_is_asked(void)
{
        desk_open("/eng", NULL);
        desk.settings->sync_sec = 0;
        desk_configure();
        pass_sec(1000);
        expect_asked("");
        expect_state("off");
        sync_now(desk.sync, false, on_done, NULL);
        fake_realm_run();
        g_assert_cmpuint(desk.n_done, ==, 1);
        g_assert_null(desk.trouble);
        g_assert_nonnull(person("anna"));
        desk_close();
}

/* By events */

static void an_event_costs_one_person(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        json_object_set_new(fake_realm_user("u-anna"), "username", json_string("annika"));
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/u-anna");
        g_free(fake_realm_asked());
        pass_sec(67);
        expect_asked("kept events user user_groups ");
        g_assert_null(person("anna"));
        g_assert_cmpuint(person("annika")->uid, ==, 5001);
        g_assert_true(is_in("annika", "eng"));
        pass_sec(67);
        expect_asked("kept events "); /* it is no news any more */
        desk_close();
}

static void an_event_of_the_same_millisecond_is_news(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/u-anna");
        pass_sec(67);
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/u-bert/groups/g-eng");
        g_free(fake_realm_asked());
        pass_sec(67);
        expect_asked("kept events user user_groups ");
        desk_close();
}

static void events_of_several_pages(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        for (int i = 0; i < 5; i++)
                fake_realm_event(NOW_SEC * INT64_C(1000) + i, i == 0 ? "users/u-anna" : "realm");
        json_object_set_new(fake_realm_user("u-anna"), "enabled", json_false());
        pass_sec(67);
        g_assert_cmpint(person("anna")->state, ==, PERSON_DISABLED);
        desk_close();
}

static void a_deleted_person_is_gone(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        json_array_remove(fake_realm_part("users"), 0);
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/u-anna");
        pass_sec(67);
        g_assert_cmpint(person("anna")->state, ==, PERSON_GONE);
        fake_realm_event(NOW_SEC * INT64_C(1000) + 2, "users/u-nobody-knew");
        pass_sec(67);
        expect_state("idle");
        desk_close();
}

static void a_person_who_cannot_be_read_is_not_gone(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        json_object_del(fake_realm_user("u-anna"), "username");
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/u-anna");
        pass_sec(67);
        expect_state("failing");
        g_assert_cmpint(person("anna")->state, ==, PERSON_ACTIVE);
        desk_close();
}

static void a_persons_roles_are_read_where_rules_name_some(void)
{
        desk_open("realm:dba", NULL);
        desk.settings->id = g_strsplit("realm:dba=6100", ";", -1);
        desk_configure();
        pass_sec(0);
        json_array_append_new(json_object_get(fake_realm_part("role_members"), "realm:dba"),
                              json_string("u-anna"));
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/u-anna/role-mappings/realm");
        g_free(fake_realm_asked());
        pass_sec(67);
        expect_asked("kept events user user_groups user_roles ");
        g_assert_true(is_in("anna", "dba"));
        desk_close();
}

/* What events name, and how much is looked at then. */
static void paths(void)
{
        static const struct {
                const char *path;
                ChangeKind kind;
                const char *subject;
        } rows[] = {
                { "users/abc", CHANGE_PERSON, "abc" },
                { "users/abc/groups/def", CHANGE_PERSON, "abc" },
                { "users/abc/role-mappings/realm", CHANGE_PERSON, "abc" },
                { "users", CHANGE_NOTHING, NULL },
                { "users/", CHANGE_NOTHING, NULL },
                { "users/" X255, CHANGE_PERSON, X255 },
                { "users/" X255 "x", CHANGE_MANY, NULL },
                { "groups/def", CHANGE_MANY, NULL },
                { "groups/def/children", CHANGE_MANY, NULL },
                { "roles/dba", CHANGE_MANY, NULL },
                { "roles-by-id/xyz/composites", CHANGE_MANY, NULL },
                { "clients/xyz/roles/dba", CHANGE_MANY, NULL },
                { "clients/xyz", CHANGE_NOTHING, NULL },
                { "authentication/flows", CHANGE_NOTHING, NULL },
                { "", CHANGE_NOTHING, NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *subject = NULL;

                g_test_message("%s", rows[i].path);
                g_assert_cmpint(change_of_path(rows[i].path, &subject), ==, rows[i].kind);
                g_assert_cmpstr(subject, ==, rows[i].subject);
        }
}

static void a_change_of_groups_is_a_sweep(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "groups/g-web");
        g_free(fake_realm_asked());
        pass_sec(67);
        expect_asked("kept events groups users members members ");
        desk_close();
}

static void change_many(unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                g_autofree char *path = g_strdup_printf("users/u-%u", i);

                fake_realm_event(NOW_SEC * INT64_C(1000) + i, path);
        }
}

static void many_changes_are_a_sweep(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        g_free(fake_realm_asked());
        change_many(SYNC_CHANGES_MAX + 1);
        pass_sec(67);
        expect_asked("kept events groups users members members ");
        desk_close();
}

static void as_many_as_may_be_are_none(void)
{
        g_autofree char *asked = NULL;

        desk_open("/eng", NULL);
        pass_sec(0);
        g_free(fake_realm_asked());
        change_many(SYNC_CHANGES_MAX);
        pass_sec(67);
        asked = fake_realm_asked();
        g_assert_true(g_str_has_prefix(asked, "kept events user user "));
        desk_close();
}

static void people_within_are_never_single(void)
{
        desk_open("/eng", "/eng");
        pass_sec(0);
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/u-cleo/groups/g-eng");
        g_free(fake_realm_asked());
        pass_sec(67);
        expect_asked("kept events groups group_users group_users ");
        desk_close();
}

static void without_events_each_look_is_a_sweep(void)
{
        desk_open("/eng", NULL);
        fake_realm_fail("kept", ADMIN_NOT_PERMITTED);
        pass_sec(0);
        expect_asked("kept groups users members members ");
        expect_state("idle");
        pass_sec(67);
        expect_asked("kept groups users members members ");
        desk_close();
}

/* What a login lives on while the realm cannot be asked must know how old it is. */
static void the_directory_knows_when_it_was_looked_at(void)
{
        desk_open("/eng", NULL);
        g_assert_cmpint(directory_looked_sec(desk.directory), ==, 0);
        pass_sec(0);
        g_assert_cmpint(directory_looked_sec(desk.directory), ==, NOW_SEC);
        clock_set_wall_for_tests(NOW_SEC + 67);
        pass_sec(67); /* at its events */
        g_assert_cmpint(directory_looked_sec(desk.directory), ==, NOW_SEC + 67);
        fake_realm_fail("events", ADMIN_UNAVAILABLE);
        clock_set_wall_for_tests(NOW_SEC + 134);
        pass_sec(67); /* in vain */
        g_assert_cmpint(directory_looked_sec(desk.directory), ==, NOW_SEC + 67);
        g_assert_true(directory_configure(desk.directory, desk.settings,
                                          "https://sso.example.com/realms/other", NULL));
        g_assert_cmpint(directory_looked_sec(desk.directory), ==, 0);
        desk_close();
}

static void everybody_is_looked_at_now_and_then(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        for (int i = 0; i < 53; i++)
                pass_sec(67);
        g_free(fake_realm_asked());
        pass_sec(67); /* 3618 s */
        expect_asked("kept events groups users members members ");
        desk_close();
}

/* After a look that failed its events are read no more: everybody is looked at. */
static void a_look_in_vain_is_made_good_by_a_sweep(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        json_object_set_new(fake_realm_user("u-anna"), "enabled", json_false());
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/u-anna");
        fake_realm_fail("user", ADMIN_UNAVAILABLE);
        pass_sec(67);
        g_assert_cmpint(person("anna")->state, ==, PERSON_ACTIVE);
        fake_realm_fail(NULL, ADMIN_OK);
        g_free(fake_realm_asked());
        pass_sec(3);
        expect_asked("kept events groups users members members ");
        g_assert_cmpint(person("anna")->state, ==, PERSON_DISABLED);
        desk_close();
}

/* On order */

static void one_sweep_serves_all_who_wait(void)
{
        desk_open("/eng", NULL);
        sync_now(desk.sync, false, on_done, NULL);
        for (int i = 0; i < 3; i++)
                fake_realm_step();
        expect_state("sweeping");
        sync_now(desk.sync, false, on_done, NULL);
        fake_realm_run();
        g_assert_cmpuint(desk.n_done, ==, 2);
        expect_asked("kept events groups users members members ");
        desk_close();
}

static void a_look_at_few_does_not_serve_who_waits_for_all(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/u-anna");
        clock_advance_monotonic_for_tests(67 * G_USEC_PER_SEC);
        sync_tick(desk.sync);
        fake_realm_step();
        fake_realm_step();
        expect_state("changes");
        sync_now(desk.sync, false, on_done, NULL);
        fake_realm_run();
        g_assert_cmpuint(desk.n_done, ==, 0);
        pass_sec(1);
        g_assert_cmpuint(desk.n_done, ==, 1);
        desk_close();
}

#define N_MANY (2 * SURVEY_MISSING_MAX + 10)

static void people_of_many(unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                json_array_append_new(fake_realm_part("users"),
                                      json_pack("{s:o, s:o, s:b}", "id", json_sprintf("u-%d", i),
                                                "username", json_sprintf("p%d", i), "enabled", 1));
}

/* More than half of eleven people at once. */
static void most_are_gone_by_force_only(void)
{
        desk_open("/eng", NULL);
        people_of_many(20);
        pass_sec(0);
        json_array_clear(fake_realm_part("users"));
        json_object_clear(fake_realm_part("members"));
        sync_now(desk.sync, false, on_done, NULL);
        fake_realm_run();
        g_assert_nonnull(desk.trouble);
        g_assert_cmpint(person("anna")->state, ==, PERSON_ACTIVE);
        sync_now(desk.sync, true, on_done, NULL);
        fake_realm_run();
        g_assert_null(desk.trouble);
        g_assert_cmpint(person("anna")->state, ==, PERSON_GONE);
        desk_close();
}

/* step_until: the realm was asked for a list of that word, and its first page was answered. */
static void step_until(const char *word)
{
        g_autoptr(GString) asked = g_string_new(NULL);

        while (!g_str_has_suffix(asked->str, word)) {
                g_autofree char *more = NULL;

                g_assert_true(fake_realm_step());
                more = fake_realm_asked();
                g_string_append(asked, more);
        }
        fake_realm_step();
}

/* Pages are counted from the front: who moves over the edge of one is on none. */
static void who_falls_between_pages_is_asked_for(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        sync_now(desk.sync, false, on_done, NULL);
        step_until("users ");
        json_array_remove(fake_realm_part("users"), 0); /* anna; cleo is now on the first page */
        json_object_set_new(fake_realm_user("u-cleo"), "firstName", json_string("Cleo"));
        fake_realm_run();
        expect_asked("members members user user_groups ");
        g_assert_null(desk.trouble);
        g_assert_cmpint(person("cleo")->state, ==, PERSON_DISABLED);
        g_assert_cmpstr(person("cleo")->gecos, ==, "Cleo");
        pass_sec(67);
        g_free(fake_realm_asked());
        sync_now(desk.sync, false, on_done, NULL);
        fake_realm_run();
        expect_asked("kept events groups users members members user ");
        g_assert_cmpint(person("anna")->state, ==, PERSON_GONE);
        desk_close();
}

/* look_without: a look whose list of users lacks the last n, who are there all the same. */
static void look_without(unsigned n)
{
        json_t *users = fake_realm_part("users"), *kept = json_array();
        size_t n_left = json_array_size(users) - n;

        sync_now(desk.sync, false, on_done, NULL);
        g_free(fake_realm_asked());
        step_until("users ");
        while (json_array_size(users) > n_left) {
                json_array_append(kept, json_array_get(users, n_left));
                json_array_remove(users, n_left);
        }
        step_until("members ");
        json_array_extend(users, kept);
        json_decref(kept);
        fake_realm_run();
}

/* As many as are asked for by name are found so; of one more nobody knows, and the list is not
 * believed about them. */
static void a_list_that_lacks_many_is_not_believed(void)
{
        desk_open("/eng", NULL);
        people_of_many(N_MANY);
        pass_sec(0);
        look_without(SURVEY_MISSING_MAX);
        g_assert_null(desk.trouble);
        g_assert_cmpuint(directory_n_people(desk.directory), ==, N_MANY + 3);
        look_without(SURVEY_MISSING_MAX + 1);
        g_assert_nonnull(desk.trouble);
        g_assert_cmpuint(directory_n_people(desk.directory), ==, N_MANY + 3);
        desk_close();
}

static void many_who_are_deleted_are_gone(void)
{
        desk_open("/eng", NULL);
        people_of_many(N_MANY);
        pass_sec(0);
        for (unsigned i = 0; i < SURVEY_MISSING_MAX + 1; i++)
                json_array_remove(fake_realm_part("users"), 3);
        sync_now(desk.sync, false, on_done, NULL);
        fake_realm_run();
        g_assert_null(desk.trouble);
        /* Without an account of their own nothing of them is kept. */
        g_assert_cmpuint(directory_n_people(desk.directory), ==,
                         N_MANY + 3 - (SURVEY_MISSING_MAX + 1));
        desk_close();
}

/* Who has left the groups that the settings narrow to is in the realm, and in no list. */
static void many_who_are_no_longer_within_are_gone(void)
{
        json_t *members;

        desk_open("/eng", "/eng");
        people_of_many(N_MANY);
        members = json_object_get(fake_realm_part("members"), "g-eng");
        for (unsigned i = 0; i < N_MANY; i++)
                json_array_append_new(members, json_sprintf("u-%u", i));
        pass_sec(0);
        for (unsigned i = 0; i < SURVEY_MISSING_MAX + 1; i++)
                json_array_remove(members, 1);
        sync_now(desk.sync, false, on_done, NULL);
        fake_realm_run();
        g_assert_null(desk.trouble);
        g_assert_cmpuint(directory_n_people(desk.directory), ==,
                         N_MANY + 2 - (SURVEY_MISSING_MAX + 1)); /* anna, bert, and they */
        desk_close();
}

static void set_members(const char *group, const char *one, const char *other)
{
        json_object_set_new(fake_realm_part("members"), group,
                            other ? json_pack("[s, s]", one, other) : json_pack("[s]", one));
}

static void who_falls_between_pages_of_members_stays_within(void)
{
        desk_open("/eng", "/eng;/tea");
        set_members("g-eng", "u-anna", "u-bert");
        set_members("g-web", "u-anna", NULL);
        pass_sec(0);
        set_members("g-eng", "u-anna", NULL); /* what the pages show */
        json_object_del(fake_realm_part("members"), "g-tea");
        sync_now(desk.sync, false, on_done, NULL);
        g_free(fake_realm_asked());
        step_until("group_users ");
        set_members("g-eng", "u-anna", "u-bert");
        fake_realm_run();
        expect_asked("group_users group_users user user_groups user user_groups ");
        g_assert_true(is_in("bert", "eng"));
        g_assert_cmpint(person("bert")->state, ==, PERSON_ACTIVE);
        g_assert_cmpint(person("cleo")->state, ==, PERSON_GONE); /* is in none of them */
        desk_close();
}

/* As a federation's are: "f:UUID:NAME". */
static void a_long_subject_is_somebody(void)
{
        desk_open("/eng", NULL);
        json_object_set_new(fake_realm_user("u-anna"), "id", json_string(X255));
        json_object_set_new(fake_realm_part("members"), "g-eng", json_pack("[s]", X255));
        pass_sec(0);
        g_assert_true(is_in("anna", "eng"));
        json_object_set_new(fake_realm_user(X255), "username", json_string("annika"));
        fake_realm_event(NOW_SEC * INT64_C(1000) + 1, "users/" X255);
        pass_sec(67);
        g_assert_true(is_in("annika", "eng"));
        desk_close();
}

/* To whom a realm no longer shows its people it shows none of them, and says so of one by name. */
static void who_is_no_longer_shown_is_not_gone(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        json_array_clear(fake_realm_part("users"));
        json_object_clear(fake_realm_part("members"));
        fake_realm_fail("user", ADMIN_NOT_PERMITTED);
        sync_now(desk.sync, false, on_done, NULL);
        fake_realm_run();
        expect_state("not_permitted");
        g_assert_cmpint(person("anna")->state, ==, PERSON_ACTIVE);
        fake_realm_fail(NULL, ADMIN_OK);
        desk_close();
}

static void force_during_a_sweep_is_another_one(void)
{
        desk_open("/eng", NULL);
        people_of_many(20);
        pass_sec(0);
        json_array_clear(fake_realm_part("users"));
        json_object_clear(fake_realm_part("members"));
        sync_now(desk.sync, false, on_done, NULL);
        step_until("users ");
        sync_now(desk.sync, true, on_done, NULL);
        fake_realm_run();
        g_assert_cmpuint(desk.n_done, ==, 1); /* who did not force is told of the one that was */
        g_assert_nonnull(desk.trouble);
        pass_sec(0);
        g_assert_cmpuint(desk.n_done, ==, 2);
        g_assert_null(desk.trouble);
        g_assert_cmpint(person("anna")->state, ==, PERSON_GONE);
        desk_close();
}

static void who_waits_when_it_ends_is_told(void)
{
        desk_open("/eng", NULL);
        sync_now(desk.sync, false, on_done, NULL);
        fake_realm_step();
        sync_free(g_steal_pointer(&desk.sync));
        g_assert_cmpuint(desk.n_done, ==, 1);
        g_assert_nonnull(desk.trouble);
        desk_close();
}

static void new_settings_begin_anew(void)
{
        desk_open("/eng", NULL);
        pass_sec(0);
        g_free(fake_realm_asked());
        desk_configure();
        pass_sec(1);
        expect_asked(""); /* the same ones */
        g_strfreev(desk.settings->groups);
        desk.settings->groups = g_strsplit("/tea", ";", -1);
        desk_configure();
        pass_sec(0);
        expect_asked("kept events groups users members ");
        desk_close();
}

#define CASE(function)                                                                             \
        {                                                                                          \
                "/users/sync/" #function, function                                                 \
        }

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*run)(void);
        } cases[] = {
                CASE(a_sweep_reads_everybody),
                CASE(a_role_is_had_by_groups_too),
                CASE(a_role_that_is_not_there_has_nobody),
                CASE(who_is_within_is_read_alone),
                CASE(a_sweep_that_fails_changes_nothing),
                CASE(no_realm_is_not_an_empty_one),
                CASE(without_permission),
                CASE(failures_back_off),
                CASE(looks_keep_their_distance),
                CASE(without_sync_nobody_is_asked),
                CASE(an_event_costs_one_person),
                CASE(an_event_of_the_same_millisecond_is_news),
                CASE(events_of_several_pages),
                CASE(a_deleted_person_is_gone),
                CASE(a_person_who_cannot_be_read_is_not_gone),
                CASE(a_persons_roles_are_read_where_rules_name_some),
                CASE(paths),
                CASE(a_change_of_groups_is_a_sweep),
                CASE(many_changes_are_a_sweep),
                CASE(as_many_as_may_be_are_none),
                CASE(people_within_are_never_single),
                CASE(without_events_each_look_is_a_sweep),
                CASE(the_directory_knows_when_it_was_looked_at),
                CASE(everybody_is_looked_at_now_and_then),
                CASE(a_look_in_vain_is_made_good_by_a_sweep),
                CASE(one_sweep_serves_all_who_wait),
                CASE(a_look_at_few_does_not_serve_who_waits_for_all),
                CASE(most_are_gone_by_force_only),
                CASE(who_falls_between_pages_is_asked_for),
                CASE(who_falls_between_pages_of_members_stays_within),
                CASE(a_list_that_lacks_many_is_not_believed),
                CASE(many_who_are_deleted_are_gone),
                CASE(many_who_are_no_longer_within_are_gone),
                CASE(a_long_subject_is_somebody),
                CASE(who_is_no_longer_shown_is_not_gone),
                CASE(force_during_a_sweep_is_another_one),
                CASE(who_waits_when_it_ends_is_told),
                CASE(new_settings_begin_anew),
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_test_add_func(cases[i].name, cases[i].run);
        return g_test_run();
}

/* Generated people, groups and events: the same at each start, in one order, and changed singly. */
#include "desk.h"

#include "events.h"
#include "groups.h"
#include "census.h"
#include "rate.h"

#define REALM                                                                                      \
        "{\"realm\":\"t\",\"keys\":[\"ES256\"],\"clients\":[],\"users\":["                         \
        "{\"username\":\"alice\",\"groups\":[\"/eng/platform\"],\"realm_roles\":[\"staff\"]},"     \
        "{\"username\":\"p000002x\"},{\"username\":\"zoe\"}],"                                     \
        "\"groups\":[{\"path\":\"/eng\",\"realm_roles\":[\"dba\"]}],"                              \
        "\"people\":{\"count\":1000,\"groups\":80,\"groups_each\":3,\"password\":\"pw\"}}"

static void take_name(const Person *person, void *names)
{
        g_ptr_array_add(names, g_strdup(person->username));
}

static char *page(const Idp *desk, const CensusFilter *filter, unsigned first, unsigned max)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

        census_page(desk->realm->people, filter, first, max, take_name, names);
        g_ptr_array_add(names, NULL);
        return g_strjoinv(" ", (char **) names->pdata);
}

/* --- pages --- */

typedef struct PageCase {
        const char *name;
        CensusFilter filter;
        unsigned first, max;
        const char *names;
} PageCase;

static const PageCase PAGES[] = {
        { "the first page begins with the first name", { 0 }, 0, 3, "alice p000001 p000002" },
        { "who is read stands among the generated", { 0 }, 2, 3, "p000002 p000002x p000003" },
        { "the last page is short", { 0 }, 1000, 500, "p000999 p001000 zoe" },
        { "behind the end there is nobody", { 0 }, 1003, 1, "" },
        { "a page of none", { 0 }, 0, 0, "" },
        { "exactly one name", { .username = "p000002", .exact = true }, 0, 9, "p000002" },
        { "a part of names",
          { .username = "00002", .exact = false },
          0,
          3,
          "p000002 p000002x p000020" },
        { "a role that a file gave", { .role = "staff" }, 0, 9, "alice" },
        { "a role by a group is not theirs", { .role = "dba" }, 0, 9, "" },
};

static void test_page(gconstpointer data)
{
        const PageCase *row = data;
        Idp desk = { 0 };

        desk_open(&desk, REALM);
        g_autofree char *names = page(&desk, &row->filter, row->first, row->max);
        g_assert_cmpstr(names, ==, row->names);
        idp_clear(&desk);
}

static void test_pages_are_whole(void)
{
        Idp desk = { 0 };
        desk_open(&desk, REALM);
        g_autofree char *all = page(&desk, &(CensusFilter){ 0 }, 0, 5000);
        g_autoptr(GString) joined = g_string_new(NULL);

        census_by_name(desk.realm->people, "p000500");
        for (unsigned first = 0; first < 1003; first += 100) {
                g_autofree char *part = page(&desk, &(CensusFilter){ 0 }, first, 100);
                g_string_append_printf(joined, "%s%s", first ? " " : "", part);
        }
        g_assert_cmpstr(joined->str, ==, all);
        g_assert_cmpuint(census_count(desk.realm->people, &(CensusFilter){ 0 }), ==, 1003);
        idp_clear(&desk);
}

/* --- who is generated --- */

static void test_identity(void)
{
        Idp one = { 0 }, two = { 0 };
        desk_open(&one, REALM);
        desk_open(&two, REALM);
        const Person *person = realm_person(one.realm, "p000042");

        g_assert_cmpstr(person->id, ==, realm_person(two.realm, "p000042")->id);
        g_assert_true(g_uuid_string_is_valid(person->id));
        g_assert_true(realm_person_by_id(one.realm, person->id) == person);
        g_autoptr(Person) found =
            census_find_by_id(one.realm->people, realm_person(two.realm, "p001000")->id);
        g_assert_cmpstr(found->username, ==, "p001000");
        g_assert_null(realm_person(one.realm, "p000000"));
        g_assert_null(realm_person(one.realm, "p001001"));
        g_assert_null(realm_person(one.realm, "p00042"));
        g_assert_null(realm_person(one.realm, "p00042x"));
        g_assert_null(realm_person_by_id(one.realm, "fixed"));
        idp_clear(&one);
        idp_clear(&two);
}

static unsigned members_of(const Idp *desk, const GPtrArray *groups)
{
        unsigned n_members = 0;

        for (guint i = 0; i < groups->len; i++) {
                const Group *group = groups->pdata[i];
                n_members += census_count(desk->realm->people, &(CensusFilter){ .group = group }) +
                             members_of(desk, group->children);
        }
        return n_members;
}

static void test_membership(void)
{
        Idp desk = { 0 };
        desk_open(&desk, REALM);
        const Person *person = realm_person(desk.realm, "p000075");
        unsigned n_members;

        g_assert_cmpuint(json_array_size(person->groups), ==, 3);
        for (size_t i = 0; i < 3; i++) {
                const char *path = json_string_value(json_array_get(person->groups, i));
                CensusFilter filter = { .group = groups_by_path(desk.realm->groups, path) };
                g_autofree char *names = page(&desk, &filter, 0, 1000);
                g_assert_nonnull(strstr(names, "p000075"));
        }
        n_members = members_of(&desk, groups_top(desk.realm->groups));
        g_assert_cmpuint(n_members, ==, 1000 * 3 + 1); /* and alice */
        g_assert_nonnull(groups_by_path(desk.realm->groups, "/dept0001/team8/crew8"));
        g_assert_nonnull(groups_by_path(desk.realm->groups, "/dept0002/team1"));
        idp_clear(&desk);
}

/* --- changes --- */

static char *id_of(const Idp *desk, const char *username)
{
        const Person *person = realm_person(desk->realm, username);

        return person ? g_strdup(person->id) : NULL;
}

static void test_person_changes(void)
{
        Idp desk = { 0 };
        desk_open(&desk, REALM);
        g_autofree char *former = id_of(&desk, "p000007");

        g_assert_true(desk_tell(&desk, "person",
                                "{\"username\":\"p000007\",\"enabled\":false,"
                                "\"attributes\":{\"a\":\"1\",\"b\":\"2\"}}"));
        g_assert_true(desk_tell(&desk, "person",
                                "{\"username\":\"p000007\",\"rename\":\"seven\","
                                "\"attributes\":{\"a\":null}}"));
        const Person *seven = realm_person(desk.realm, "seven");
        g_assert_cmpstr(seven->id, ==, former);
        g_assert_false(seven->enabled);
        g_assert_null(json_object_get(seven->attributes, "a"));
        g_assert_nonnull(json_object_get(seven->attributes, "b"));
        g_assert_cmpuint(json_array_size(seven->groups), ==, 3);
        g_assert_null(realm_person(desk.realm, "p000007"));

        g_assert_true(desk_tell(&desk, "person-recreate", "{\"username\":\"seven\"}"));
        g_autofree char *now = id_of(&desk, "seven");
        g_assert_cmpstr(now, !=, former);
        g_assert_true(census_was_deleted(desk.realm->people, former));
        g_assert_null(realm_person_by_id(desk.realm, former));
        g_assert_cmpuint(census_count(desk.realm->people, &(CensusFilter){ 0 }), ==, 1003);
        g_assert_true(desk_tell(&desk, "person-delete", "{\"username\":\"seven\"}"));
        g_assert_cmpuint(census_count(desk.realm->people, &(CensusFilter){ 0 }), ==, 1002);
        idp_clear(&desk);
}

static const char *const REFUSED[][2] = {
        { "person", "{\"enabled\":true}" },
        { "person", "{\"username\":\"p000001\",\"nothing\":1}" },
        { "person", "{\"username\":\"p000001\",\"rename\":\"alice\"}" },
        { "person", "{\"username\":\"p000001\",\"rename\":\"p000002\"}" },
        { "person", "{\"username\":\"p000001\",\"groups\":[\"/nowhere\"]}" },
        { "person", "{\"username\":\"nobody\",\"rename\":\"somebody\"}" },
        { "person-delete", "{\"username\":\"nobody\"}" },
        { "person-recreate", "{}" },
        { "join", "{\"username\":\"alice\",\"groups\":[\"/nowhere\"]}" },
        { "join", "{\"username\":\"alice\",\"groups\":\"/eng\"}" },
        { "join", "{\"username\":\"alice\",\"groups\":[1]}" },
        { "leave", "{\"username\":\"nobody\",\"groups\":[]}" },
        { "group", "{\"path\":\"eng\"}" },
        { "group", "{\"path\":\"/\"}" },
        { "group", "{\"path\":\"/new\",\"attributes\":[]}" },
        { "group-rename", "{\"path\":\"/dept0001\",\"name\":\"dept0002\"}" },
        { "group-rename", "{\"path\":\"/dept0001\",\"name\":\"a/b\"}" },
        { "group-delete", "{\"path\":\"/nowhere\"}" },
        { "events", "{}" },
        { "profile", "{\"attributes\":\"uid\"}" },
};

static void test_refused(void)
{
        Idp desk = { 0 };

        desk_open(&desk, REALM);
        for (size_t i = 0; i < G_N_ELEMENTS(REFUSED); i++) {
                g_test_message("%s %s", REFUSED[i][0], REFUSED[i][1]);
                g_assert_false(desk_tell(&desk, REFUSED[i][0], REFUSED[i][1]));
                g_assert_false(desk_tell(&desk, REFUSED[i][0], "[]"));
        }
        g_assert_nonnull(realm_person(desk.realm, "p000001"));
        g_assert_null(groups_by_path(desk.realm->groups, "/new"));
        idp_clear(&desk);
}

static void test_group_changes(void)
{
        Idp desk = { 0 };
        desk_open(&desk, REALM);
        CensusFilter crew = { .group =
                                  groups_by_path(desk.realm->groups, "/dept0001/team1/crew1") };
        unsigned n_crew = census_count(desk.realm->people, &crew);
        g_autofree char *former = g_strdup(groups_by_path(desk.realm->groups, "/eng")->id);

        census_by_name(desk.realm->people, "p000002"); /* one of the crew is known */
        g_assert_true(
            desk_tell(&desk, "group-rename", "{\"path\":\"/dept0001\",\"name\":\"ops\"}"));
        g_assert_cmpstr(crew.group->path, ==, "/ops/team1/crew1");
        g_assert_cmpuint(census_count(desk.realm->people, &crew), ==, n_crew);
        g_assert_true(desk_tell(&desk, "group-rename", "{\"path\":\"/eng\",\"name\":\"dev\"}"));
        g_assert_cmpstr(
            json_string_value(json_array_get(realm_person(desk.realm, "alice")->groups, 0)), ==,
            "/dev/platform");
        g_assert_true(desk_tell(&desk, "group", "{\"path\":\"/developers\"}"));
        g_assert_true(
            desk_tell(&desk, "join", "{\"username\":\"zoe\",\"groups\":[\"/developers\"]}"));
        g_assert_true(desk_tell(&desk, "group-rename", "{\"path\":\"/dev\",\"name\":\"devs\"}"));
        g_assert_cmpstr(
            json_string_value(json_array_get(realm_person(desk.realm, "zoe")->groups, 0)), ==,
            "/developers");
        g_assert_true(desk_tell(&desk, "group-rename", "{\"path\":\"/devs\",\"name\":\"dev\"}"));
        g_assert_true(desk_tell(&desk, "group-delete", "{\"path\":\"/ops\"}"));
        g_assert_null(groups_by_path(desk.realm->groups, "/ops/team1/crew1"));
        g_assert_cmpuint(json_array_size(realm_person(desk.realm, "p000003")->groups), ==, 0);
        g_assert_true(desk_tell(&desk, "group-delete", "{\"path\":\"/dev\"}"));
        g_assert_true(desk_tell(&desk, "group", "{\"path\":\"/eng\"}"));
        g_assert_cmpstr(groups_by_path(desk.realm->groups, "/eng")->id, !=, former);
        idp_clear(&desk);
}

/* --- events, rate --- */

static void test_events(void)
{
        Events *events = events_new(false);
        const Actor actor = { "a", "b" };

        events_add(events, 1, &actor, OPERATION_CREATE, "USER", g_strdup("users/0"));
        g_assert_cmpuint(events->kept.length, ==, 0);
        events->enabled = true;
        for (unsigned i = 0; i < EVENTS_MAX + 1; i++)
                events_add(events, i, &actor, OPERATION_CREATE, "USER", g_strdup("users/0"));
        g_assert_cmpuint(events->kept.length, ==, EVENTS_MAX);
        g_assert_cmpint(((Event *) events->kept.head->data)->time_msec, ==, 1);
        events_free(events);
}

static void test_rate(void)
{
        g_autofree Rate *rate = g_new0(Rate, 1);

        rate_note(rate, 0);
        rate_note(rate, G_USEC_PER_SEC - 1);
        g_assert_cmpuint(rate->peak, ==, 2);
        rate_note(rate, G_USEC_PER_SEC); /* the first is a second ago */
        g_assert_cmpuint(rate->peak, ==, 2);
        rate_note(rate, G_USEC_PER_SEC + 1);
        g_assert_cmpuint(rate->peak, ==, 3);
        rate_reset(rate);
        g_assert_cmpuint(rate->peak, ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(PAGES); i++) {
                g_autofree char *path = g_strdup_printf("/census/page/%s", PAGES[i].name);
                g_test_add_data_func(path, &PAGES[i], test_page);
        }
        g_test_add_func("/census/pages are all of them, each once", test_pages_are_whole);
        g_test_add_func("/census/each start has the same ids", test_identity);
        g_test_add_func("/census/membership is the same from both sides", test_membership);
        g_test_add_func("/census/a changed person keeps the id, a new one has another",
                        test_person_changes);
        g_test_add_func("/census/an order that is wrong changes nothing", test_refused);
        g_test_add_func("/census/groups move and go, and their members know", test_group_changes);
        g_test_add_func("/events/the newest are kept", test_events);
        g_test_add_func("/rate/the busiest second", test_rate);
        return g_test_run();
}

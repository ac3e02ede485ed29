/* test_directory_learn: what verified claims say of a person, at a login. */
#include "world.h"

#include "base/clock.h"

#define ALICE       "'sub':'s1','preferred_username':'alice'"
#define X51         "x23456789012345678901234567890123456789012345678901"
#define X255        X51 X51 X51 X51 X51
#define ROLES(list) ",'realm_access':{'roles':[" list "]}"
#define GROUPS      "g1=/eng g2=/eng/core<g1 g3=/ops g4=/other/core g5=/admins realm:dba=realm:dba"

typedef struct Row {
        const char *sentence;
        bool alone;         /* sync = 0s */
        const char *member; /* of these groups before, by keys; NULL: not known before */
        const char *claims; /* beside sub and preferred_username */
        const char *groups; /* after */
} Row;

static const Row rows[] = {
        { "no word of groups leaves them", false, "g1,g3", "", "eng ops" },
        { "full paths are the whole truth", false, "g3", ",'groups':['/eng/core']",
          "eng eng-core" },
        { "an empty list is, too", false, "g1,g3", ",'groups':[]", "" },
        { "paths leave roles", false, "g3,realm:dba", ",'groups':['/eng']", "dba eng" },
        { "a path that is not known adds nothing", false, "g1", ",'groups':['/new']", "" },
        { "a bare name is no group's, if one alone has it", false, "", ",'groups':['ops']", "" },
        { "nor does it take one away", false, "g1", ",'groups':['ops']", "eng" },
        { "a bare name makes no sudoer", false, "", ",'groups':['admins']", "" },
        { "nor takes it one away", false, "g5", ",'groups':['admins']", "admins sudo" },
        { "a path makes one", false, "", ",'groups':['/admins']", "admins sudo" },
        { "a bare name among paths makes all of them nobody's", false, "g1",
          ",'groups':['/ops','admins']", "eng" },
        { "groups that are no list", false, "g1", ",'groups':'/ops'", "eng" },
        { "groups that are no strings", false, "g1", ",'groups':[1,null,['/ops']]", "eng" },
        { "a slash alone", false, "g1", ",'groups':['/']", "eng" },
        { "a role", false, "", ROLES("'dba'"), "dba" },
        { "a role that is not in this token", false, "realm:dba", ROLES("'x'"), "dba" },
        { "without sync it is not had", true, "realm:dba", ROLES("'x'"), "" },
        { "without sync no word of roles leaves them", true, "realm:dba", "", "dba" },
        { "a role that no rule names", false, "", ROLES("'x'"), "" },
        { "a client's role is no realm's", false, "",
          ",'resource_access':{'realm':{'roles':['dba']}}", "" },
        { "a client's role", false, "", ",'resource_access':{'shop':{'roles':['seller']}}", "" },
        { "without sync a client's role makes its group", true, NULL,
          ",'resource_access':{'shop':{'roles':['seller']}}", "seller" },
        { "without sync a path makes its group", true, NULL, ",'groups':['/new/team']",
          "new-team" },
        { "a path that gives no name", true, NULL, ",'groups':['/New']", "" },
        { "a bare name makes no group", true, NULL, ",'groups':['new']", "" },
        { "nor is it one that is known", true, "", ",'groups':['ops']", "" },
};

static void one_login(World *world, gconstpointer userdata)
{
        const Row *row = userdata;
        g_autofree char *claims = g_strconcat(ALICE, row->claims, NULL);
        g_autofree char *person = g_strconcat("s1=alice@", row->member, NULL);
        g_autofree char *groups = NULL;
        const Person *learned;

        g_strfreev(world->settings->groups);
        world->settings->groups = world_list("/** realm:dba shop:seller");
        world->settings->local_groups = world_list("sudo=/admins");
        world_configure(world);
        if (row->member)
                world_sweep(world, GROUPS, person);
        world->settings->sync_sec = row->alone ? 0 : 60;
        world_configure(world);
        g_assert_cmpint(world_learn(world, claims, &learned), ==, 0);
        g_assert_true(learned == world_named(world, "alice"));
        g_assert_cmpint(learned->seen_sec, ==, WORLD_NOW);
        groups = world_groups_of(world, "s1");
        g_assert_cmpstr(groups, ==, row->groups);
}

static void facts_of_claims(World *world, gconstpointer unused)
{
        const Person *person;
        uint32_t uid;

        world_sweep(world, "", "s1=alice");
        uid = world_named(world, "alice")->uid;
        g_assert_cmpint(
            world_learn(world, "'sub':'s1','preferred_username':'alicia','name':'A. B'", &person),
            ==, 0);
        g_assert_cmpstr(person->name, ==, "alicia");
        g_assert_cmpstr(person->gecos, ==, "A. B");
        g_assert_cmpuint(person->uid, ==, uid);
        /* A lightweight token says nothing, and so changes nothing. */
        g_assert_cmpint(world_learn(world, "'sub':'s1'", &person), ==, 0);
        g_assert_cmpstr(person->name, ==, "alicia");
        g_assert_cmpint(world_learn(world, "'sub':'s1','preferred_username':7,'name':[]", &person),
                        ==, 0);
        g_assert_cmpstr(person->name, ==, "alicia");
}

typedef struct EmailRow {
        const char *sentence;
        const char *claims;
        const char *name; /* NULL: refused */
} EmailRow;

static const EmailRow email_rows[] = {
        { "a verified address", "'sub':'s1','email':'alice@x','email_verified':true", "alice" },
        { "one that is not verified", "'sub':'s1','email':'alice@x','email_verified':false", NULL },
        { "one of which nothing is said", "'sub':'s1','email':'alice@x'", NULL },
        { "a word is no yes", "'sub':'s1','email':'alice@x','email_verified':'true'", NULL },
};

static void by_email(World *world, gconstpointer userdata)
{
        const EmailRow *row = userdata;
        const Person *person;

        g_free(world->settings->name);
        world->settings->name = g_strdup("{email}");
        world->settings->strip_domain = world_list("x");
        world->settings->sync_sec = 0;
        world_configure(world);
        g_assert_cmpint(world_learn(world, row->claims, &person), ==,
                        row->name ? 0 : DIRECTORY_E_NO_ACCOUNT);
        g_assert_cmpstr(person->name, ==, row->name);
}

typedef struct StrangerRow {
        const char *sentence;
        const char *claims; /* with iss */
} StrangerRow;

static const StrangerRow stranger_rows[] = {
        { "no subject", "{'iss':'" WORLD_ISSUER "','preferred_username':'alice'}" },
        { "an empty subject", "{'iss':'" WORLD_ISSUER "','sub':''}" },
        { "another issuer", "{'iss':'" WORLD_ISSUER "2','sub':'s1','preferred_username':'alice'}" },
        { "no issuer", "{'sub':'s1','preferred_username':'alice'}" },
        { "a subject that is longer than one may be",
          "{'iss':'" WORLD_ISSUER "','preferred_username':'alice','sub':'" X255 "x'}" },
};

static void nobody_of_ours(World *world, gconstpointer userdata)
{
        const StrangerRow *row = userdata;
        g_autofree char *text = g_strdelimit(g_strdup(row->claims), "'", '"');
        g_autoptr(Claims) claims = NULL;
        const Person *person;

        world->settings->sync_sec = 0;
        world_configure(world);
        g_assert_cmpint(claims_parse(span_from(text), SPAN_EMPTY, &claims, NULL), ==, 0);
        g_assert_cmpint(directory_learn(world->directory, claims, &person), ==,
                        DIRECTORY_E_NO_ACCOUNT);
        g_assert_null(person);
        g_assert_cmpuint(directory_n_people(world->directory), ==, 0);
}

typedef struct GoneRow {
        const char *sentence;
        int64_t issued_after_sec; /* it was gone */
        bool is_back;
} GoneRow;

static const GoneRow gone_rows[] = {
        { "a token of before it was gone", -1, false },
        { "a token of the second in which it was gone", 0, false },
        { "a token of a second later", 1, true },
};

static void gone_and_a_token(World *world, gconstpointer userdata)
{
        const GoneRow *row = userdata;
        g_autofree char *claims =
            g_strdup_printf(ALICE ",'iat':%" G_GINT64_FORMAT, WORLD_NOW + row->issued_after_sec);
        const Person *person;

        world_sweep(world, "", "s1=alice");
        directory_person_gone(world->directory, "s1");
        g_assert_cmpint(world_learn(world, claims, &person), ==,
                        row->is_back ? 0 : DIRECTORY_E_NO_ACCOUNT);
        g_assert_cmpint(person->state, ==, row->is_back ? PERSON_ACTIVE : PERSON_GONE);
        g_assert_cmpint(world_learn(world, ALICE, &person), ==,
                        row->is_back ? 0 : DIRECTORY_E_NO_ACCOUNT);
}

static void disabled_stays(World *world, gconstpointer unused)
{
        const Person *person;

        world_sweep(world, "", "!s1=alice");
        g_assert_cmpint(world_learn(world, ALICE, &person), ==, 0);
        g_assert_cmpint(person->state, ==, PERSON_DISABLED);
}

static void within_by_claims(World *world, gconstpointer unused)
{
        const Person *person;

        world->settings->within = world_list("/staff");
        world->settings->sync_sec = 0;
        world_configure(world);
        g_assert_cmpint(world_learn(world, ALICE ",'groups':['/guests']", &person), ==,
                        DIRECTORY_E_NO_ACCOUNT);
        g_assert_cmpstr(person->username, ==, "alice");
        g_assert_nonnull(strstr(person->trouble, "within"));
        g_assert_cmpuint(directory_n_people(world->directory), ==, 0);
        g_assert_cmpint(world_learn(world, ALICE ",'groups':['/staff']", &person), ==, 0);
        g_assert_cmpint(world_learn(world, ALICE ",'groups':[]", &person), ==,
                        DIRECTORY_E_NO_ACCOUNT);
        g_assert_cmpint(person->state, ==, PERSON_GONE);
}

static void too_many_groups_claimed(World *world, gconstpointer unused)
{
        g_autoptr(GString) claims = g_string_new(ALICE ",'groups':['/a'");
        const Person *person;

        world->settings->sync_sec = 0;
        world_configure(world);
        for (unsigned i = 0; i < 2000; i++)
                g_string_append_printf(claims, ",'/g%u'", i);
        g_string_append(claims, "]");
        g_assert_cmpint(world_learn(world, claims->str, &person), ==, 0);
        g_assert_cmpuint(person->n_gids, ==, 2001);
        world_restart(world, true);
        g_assert_cmpuint(world_named(world, "alice")->n_gids, ==, 2001);
}

#define ADD(group, list, run)                                                                      \
        for (size_t i = 0; i < G_N_ELEMENTS(list); i++)                                            \
        world_add(group, list[i].sentence, &list[i], run)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("learn/groups", rows, one_login);
        ADD("learn/email", email_rows, by_email);
        ADD("learn/nobody", stranger_rows, nobody_of_ours);
        ADD("learn/gone", gone_rows, gone_and_a_token);
        world_add("learn", "name and full name, if they are told", NULL, facts_of_claims);
        world_add("learn", "disabled stays disabled", NULL, disabled_stays);
        world_add("learn", "within by the groups claimed", NULL, within_by_claims);
        world_add("learn", "many groups claimed", NULL, too_many_groups_claimed);
        return g_test_run();
}

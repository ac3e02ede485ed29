/* The Admin API: who is let in to what, what is said of what is not there, and what a write does.
 * A path's "@eng" stands for that group's id, "@orders" for that client's. */
#include "desk.h"

#include "represent.h"
#include "sign.h"

#define TOKEN "/realms/t/protocol/openid-connect/token"
#define ALICE "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"

static const char REALM[] =
    "{\"realm\":\"t\",\"default_alg\":\"ES256\",\"keys\":[\"ES256\"],"
    "\"clients\":[{\"id\":\"orders\",\"secret\":\"s\"}],"
    "\"users\":[{\"username\":\"alice\",\"id\":\"" ALICE "\",\"email\":\"alice@example.com\","
    "\"groups\":[\"/eng\"],\"realm_roles\":[\"staff\"],\"client_roles\":{\"orders\":[\"reader\"]},"
    "\"attributes\":{\"a\":\"1\"}}],"
    "\"groups\":[{\"path\":\"/admins\",\"client_roles\":{\"realm-management\":[\"view-users\"]}},"
    "{\"path\":\"/eng\",\"attributes\":{\"gidNumber\":\"7000\"},\"realm_roles\":[\"dba\"]},"
    "{\"path\":\"/eng/platform\"}],\"events\":true}";

static const char *const ASKERS[] = { "query-users",  "query-groups", "view-users",
                                      "manage-users", "view-realm",   "view-clients",
                                      "view-events",  "realm-admin",  "no-such-role" };

static Idp desk;

static void set_up(void)
{
        desk_open(&desk, REALM);
        for (size_t i = 0; i < G_N_ELEMENTS(ASKERS); i++) {
                g_autofree char *order = g_strdup_printf(
                    "{\"id\":\"%s\",\"secret\":\"s\",\"service_account\":{\"client_roles\":"
                    "{\"realm-management\":[\"%s\"]}}}",
                    ASKERS[i], ASKERS[i]);
                g_assert_true(desk_tell(&desk, "client", order));
        }
        g_assert_true(desk_tell(&desk, "client",
                                "{\"id\":\"by-group\",\"secret\":\"s\","
                                "\"service_account\":{\"groups\":[\"/admins\"]}}"));
        g_assert_true(desk_tell(&desk, "client",
                                "{\"id\":\"narrow\",\"secret\":\"s\",\"full_scope\":false,"
                                "\"service_account\":{\"client_roles\":"
                                "{\"realm-management\":[\"realm-admin\"]}}}"));
}

static char *token_of(const char *client)
{
        g_autofree char *form =
            g_strdup_printf("grant_type=client_credentials\nclient_id=%s\nclient_secret=s", client);
        Answer answer = desk_ask(&desk, "POST", TOKEN, form, NULL);
        json_t *json = json_loads(answer.body, 0, NULL);
        char *token = g_strdup(json_string_value(json_object_get(json, "access_token")));

        json_decref(json);
        answer_clear(&answer);
        return token;
}

static char *resolved(const char *path)
{
        g_autofree char *client = represent_client_id(desk.realm, "orders");
        const Group *eng = groups_by_path(desk.realm->groups, "/eng");
        g_autoptr(GString) text = g_string_new(path);

        g_string_replace(text, "@orders", client, 0);
        g_string_replace(text, "@eng", eng ? eng->id : "", 0);
        return g_strdup(text->str);
}

/* client NULL: no token; "!": one that nobody gave out. */
static Answer ask(const char *client, const char *method, const char *path, const char *query,
                  const char *body)
{
        g_autofree char *token =
            !client ? NULL : (*client == '!' ? g_strdup("strange") : token_of(client));
        g_autofree char *header = token ? g_strdup_printf("authorization=Bearer %s", token) : NULL;
        g_autofree char *whole = resolved(path);
        g_autofree char *full = g_strdup_printf("/admin/realms/t%s", whole);
        g_autoptr(GHashTable) form_table = desk_table(NULL);
        g_autoptr(GHashTable) query_table = desk_table(query);
        g_autoptr(GHashTable) header_table = desk_table(header);
        Question question = {
                method, full, form_table, query_table, header_table, body ? body : ""
        };
        Answer answer;

        g_assert_cmpint(idp_answer(&desk, &question, &answer), ==, ENDPOINT_ADMIN);
        return answer;
}

typedef struct AdminCase {
        const char *name;
        const char *client, *method, *path, *query;
        unsigned status;
        const char *part; /* of the answer; NULL: no matter */
} AdminCase;

static const AdminCase CASES[] = {
        { "no token", NULL, "GET", "/users", NULL, 401, "{\"error\":\"HTTP 401 Unauthorized\"}" },
        { "a token of nobody's", "!", "GET", "/users", NULL, 401, "401" },
        { "no role", "no-such-role", "GET", "/users", NULL, 403,
          "{\"error\":\"HTTP 403 Forbidden\"}" },
        { "a role outside of the token's scope", "narrow", "GET", "/users", NULL, 403, "403" },
        { "a role by a group", "by-group", "GET", "/users", NULL, 200, "alice" },
        { "users for who may only query", "query-users", "GET", "/users", NULL, 200, "[]" },
        { "a count for who may only query", "query-users", "GET", "/users/count", NULL, 200, "1" },
        { "users for who sees groups", "query-groups", "GET", "/users", NULL, 403, "403" },
        { "users for who sees them", "view-users", "GET", "/users", NULL, 200,
          "\"access\":{\"manage\":false}" },
        { "users for who manages them", "manage-users", "GET", "/users", NULL, 200,
          "\"access\":{\"manage\":true}" },
        { "users have attributes", "view-users", "GET", "/users", NULL, 200,
          "\"attributes\":{\"a\":[\"1\"]}" },
        { "brief users have none", "view-users", "GET", "/users", "briefRepresentation=true", 200,
          "\"emailVerified\":true,\"enabled\":true,\"createdTimestamp\":1700000000000,\"access\"" },
        { "a user by part of the name", "view-users", "GET", "/users", "username=LIC", 200, ALICE },
        { "a part is not the name", "view-users", "GET", "/users", "username=lic\nexact=true", 200,
          "[]" },
        { "a search that we do not do", "view-users", "GET", "/users", "search=alice", 501,
          "username only" },
        { "a page that is no number", "view-users", "GET", "/users", "max=x", 404,
          "{\"error\":\"HTTP 404 Not Found\"}" },
        { "a page that is no number, before any role", "no-such-role", "GET", "/users", "first=x",
          404, NULL },
        { "one user", "view-users", "GET", "/users/" ALICE, NULL, 200, "\"username\":\"alice\"" },
        { "one user for who may only query", "query-users", "GET", "/users/" ALICE, NULL, 403,
          NULL },
        { "no such user", "view-users", "GET", "/users/" OTHER, NULL, 404,
          "{\"error\":\"User not found\"}" },
        { "a user's groups", "view-users", "GET", "/users/" ALICE "/groups", NULL, 200,
          "\"path\":\"/eng\",\"subGroups\":[]}" },
        { "a user's groups in full", "view-users", "GET", "/users/" ALICE "/groups",
          "briefRepresentation=false", 200, "\"attributes\":{\"gidNumber\":[\"7000\"]}" },
        { "a user's own roles", "view-users", "GET", "/users/" ALICE "/role-mappings", NULL, 200,
          "\"name\":\"staff\",\"composite\":false" },
        { "a user's roles of clients", "view-users", "GET", "/users/" ALICE "/role-mappings", NULL,
          200, "\"client\":\"orders\",\"mappings\":[{" },
        { "roles of a group are composite ones", "view-users", "GET",
          "/users/" ALICE "/role-mappings/realm/composite", NULL, 200, "\"name\":\"dba\"" },
        { "roles of one client", "view-users", "GET",
          "/users/" ALICE "/role-mappings/clients/@orders", NULL, 200, "\"name\":\"reader\"" },
        { "roles of no client", "view-users", "GET", "/users/" ALICE "/role-mappings/clients/x",
          NULL, 404, "Client not found" },
        { "groups for who may only query", "query-groups", "GET", "/groups", NULL, 200, "[]" },
        { "groups are the top ones", "view-users", "GET", "/groups", "first=1\nmax=1", 200,
          "\"path\":\"/eng\",\"subGroupCount\":1,\"subGroups\":[],\"access\"" },
        { "groups in full", "view-users", "GET", "/groups", "briefRepresentation=false", 200,
          "\"realmRoles\":[\"dba\"]" },
        { "all groups are counted", "view-users", "GET", "/groups/count", NULL, 200,
          "{\"count\":3}" },
        { "one group", "view-users", "GET", "/groups/@eng", NULL, 200, "\"gidNumber\"" },
        { "one group for who may only query", "query-groups", "GET", "/groups/@eng", NULL, 403,
          NULL },
        { "no such group", "view-users", "GET", "/groups/" OTHER, NULL, 404,
          "{\"error\":\"Could not find group by id\"}" },
        { "children name their parent", "view-users", "GET", "/groups/@eng/children", NULL, 200,
          "\"path\":\"/eng/platform\",\"parentId\":\"" },
        { "members", "view-users", "GET", "/groups/@eng/members", NULL, 200, ALICE },
        { "members of a parent are not its children's", "view-users", "GET", "/groups/@eng/members",
          "first=1", 200, "[]" },
        { "who has a role, for who sees users", "view-users", "GET", "/roles/staff/users", NULL,
          403, NULL },
        { "who has a role, for who sees roles", "view-realm", "GET", "/roles/staff/users", NULL,
          403, NULL },
        { "who has a role", "realm-admin", "GET", "/roles/staff/users", NULL, 200, ALICE },
        { "who has a role by a group is not named", "realm-admin", "GET", "/roles/dba/users", NULL,
          200, "[]" },
        { "who has everybody's role", "realm-admin", "GET", "/roles/default-roles-t/users", NULL,
          200, ALICE },
        { "groups of a role", "view-realm", "GET", "/roles/dba/groups", NULL, 200, "/eng" },
        { "no such role", "view-realm", "GET", "/roles/nothing/groups", NULL, 404,
          "{\"error\":\"Could not find role\"}" },
        { "a client by its name", "view-clients", "GET", "/clients", "clientId=orders", 200,
          "\"clientId\":\"orders\"" },
        { "no client of that name", "view-clients", "GET", "/clients", "clientId=nothing", 200,
          "[]" },
        { "clients for who sees users", "view-users", "GET", "/clients", "clientId=orders", 403,
          NULL },
        { "who has a client's role", "realm-admin", "GET", "/clients/@orders/roles/reader/users",
          NULL, 200, ALICE },
        { "a role of no client", "realm-admin", "GET", "/clients/x/roles/reader/users", NULL, 404,
          "Could not find client" },
        { "events for who sees users", "view-users", "GET", "/admin-events", NULL, 403, NULL },
        { "events of a kind that is none", "view-events", "GET", "/admin-events",
          "operationTypes=create", 500, "unknown_error" },
        { "events from a date that is none", "view-events", "GET", "/admin-events",
          "dateFrom=2020-1-1", 400, "Invalid value for 'dateFrom'" },
        { "events in no order", "view-events", "GET", "/admin-events", "direction=DESC", 400,
          "sortDirection" },
        { "whether events are kept", "view-events", "GET", "/events/config", NULL, 200,
          "\"adminEventsEnabled\":true" },
        { "the realm", "view-realm", "GET", "", NULL, 200, "\"adminEventsEnabled\":true" },
        { "the realm's name alone", "view-users", "GET", "", NULL, 200, "{\"realm\":\"t\"}" },
        { "no such path", "realm-admin", "GET", "/nothing", NULL, 404, NULL },
        { "no such method", "realm-admin", "POST", "/users", NULL, 405, NULL },
        { "a write for who sees users", "view-users", "PUT", "/users/" ALICE, NULL, 403, NULL },
        { "a write of no JSON", "manage-users", "PUT", "/users/" ALICE, NULL, 400,
          "Cannot parse the JSON" },
        { "a write to nobody", "manage-users", "PUT", "/users/" OTHER, NULL, 404, NULL },
        { "a write to a group of no JSON", "manage-users", "PUT", "/groups/@eng", NULL, 400,
          "Cannot parse the JSON" },
};

static void test_case(gconstpointer data)
{
        const AdminCase *row = data;
        Answer answer = ask(row->client, row->method, row->path, row->query, NULL);

        g_test_message("%u %s", answer.status, answer.body ? answer.body : "");
        g_assert_cmpuint(answer.status, ==, row->status);
        if (row->part)
                g_assert_nonnull(strstr(answer.body, row->part));
        answer_clear(&answer);
}

/* --- writes --- */

static void writes(const char *path, const char *body, unsigned status, const char *part)
{
        Answer answer = ask("manage-users", "PUT", path, NULL, body);

        g_assert_cmpuint(answer.status, ==, status);
        if (part)
                g_assert_nonnull(strstr(answer.body, part));
        answer_clear(&answer);
}

static void reads(const char *client, const char *path, const char *part, bool is_there)
{
        Answer answer = ask(client, "GET", path, NULL, NULL);

        g_assert_cmpuint(answer.status, ==, 200);
        g_assert_cmpint(strstr(answer.body, part) != NULL, ==, is_there);
        answer_clear(&answer);
}

static void test_user_write(void)
{
        writes("/users/" ALICE, "{\"firstName\":\"Al\",\"username\":\"other\"}", 204, NULL);
        reads("view-users", "/users/" ALICE, "\"firstName\":\"Al\"", true);
        reads("view-users", "/users/" ALICE, "\"username\":\"alice\"", true);
        reads("view-users", "/users/" ALICE, "\"a\":[\"1\"]", true);
        writes("/users/" ALICE, "{\"attributes\":{\"uidNumber\":[\"5000\"]}}", 204, NULL);
        reads("view-users", "/users/" ALICE, "{\"uidNumber\":[\"5000\"]}", true);
        writes("/users/" ALICE, "{\"enabled\":\"no\"}", 400, "errorMessage");
        g_assert_true(desk_tell(&desk, "profile", "{\"attributes\":[\"uidNumber\"]}"));
        writes("/users/" ALICE, "{\"attributes\":{\"uidNumber\":[\"1\"],\"b\":[\"2\"]}}", 204,
               NULL);
        reads("view-users", "/users/" ALICE, "{\"uidNumber\":[\"1\"]}", true);
        g_assert_true(desk_tell(&desk, "profile", "{\"attributes\":null}"));
}

static void test_group_write(void)
{
        writes("/groups/@eng", "{\"attributes\":{}}", 400, "Group name is missing");
        writes("/groups/@eng", "{\"name\":\"admins\"}", 409, "Sibling group named 'admins'");
        writes("/groups/@eng", "{\"name\":\"eng\",\"attributes\":{\"gidNumber\":[\"7001\"]}}", 204,
               NULL);
        reads("view-users", "/groups/@eng", "\"gidNumber\":[\"7001\"]", true);
        writes("/groups/@eng", "{\"name\":\"eng\"}", 204, NULL);
        reads("view-users", "/groups/@eng", "\"gidNumber\":[\"7001\"]", true);
}

static void expect_event(const char *order, const char *json, const char *query, const char *what)
{
        g_assert_true(desk_tell(&desk, order, json));
        Answer answer = ask("view-events", "GET", "/admin-events", query, NULL);
        g_assert_nonnull(strstr(answer.body, what));
        answer_clear(&answer);
}

static void test_events(void)
{
        Answer answer;

        expect_event("person", "{\"username\":\"bob\"}", "max=1",
                     "\"operationType\":\"CREATE\",\"resourceType\":\"USER\"");
        expect_event("join", "{\"username\":\"alice\",\"groups\":[\"/eng/platform\"]}", "max=1",
                     "\"resourceType\":\"GROUP_MEMBERSHIP\",\"resourcePath\":\"users/" ALICE
                     "/groups/");
        expect_event("person", "{\"username\":\"alice\",\"email\":\"a@example.com\"}",
                     "max=1\noperationTypes=UPDATE,ACTION", "\"resourcePath\":\"users/" ALICE "\"");
        expect_event("group", "{\"path\":\"/eng/data\"}", "max=1", "/children\"");
        expect_event("group-delete", "{\"path\":\"/eng/data\"}", "operationTypes=DELETE\nmax=1",
                     "\"operationType\":\"DELETE\",\"resourceType\":\"GROUP\"");
        g_assert_true(desk_tell(&desk, "events", "{\"enabled\":false}"));
        g_assert_true(desk_tell(&desk, "person-delete", "{\"username\":\"bob\"}"));
        answer = ask("view-events", "GET", "/admin-events", "operationTypes=DELETE", NULL);
        g_assert_null(strstr(answer.body, "USER\""));
        answer_clear(&answer);
        answer = ask("view-events", "GET", "/admin-events", "dateFrom=9999999999999", NULL);
        g_assert_cmpstr(answer.body, ==, "[]");
        answer_clear(&answer);
        g_assert_true(desk_tell(&desk, "events", "{\"enabled\":true}"));
}

/* --- who may no more --- */

static unsigned status_with(const char *token)
{
        g_autofree char *header = g_strdup_printf("authorization=Bearer %s", token);
        Answer answer = desk_ask(&desk, "GET", "/admin/realms/t/users", NULL, header);
        unsigned status = answer.status;

        answer_clear(&answer);
        return status;
}

static void test_roles_hold_now(void)
{
        g_autofree char *token = token_of("view-users");

        g_assert_cmpuint(status_with(token), ==, 200);
        g_assert_true(desk_tell(&desk, "client", "{\"id\":\"view-users\",\"service_account\":{}}"));
        g_assert_cmpuint(status_with(token), ==, 403);
        g_assert_true(
            desk_tell(&desk, "client", "{\"id\":\"view-users\",\"service_account\":null}"));
        g_assert_cmpuint(status_with(token), ==, 401);
}

static void test_who_is_out(void)
{
        g_autofree char *token = NULL;

        g_assert_true(desk_tell(&desk, "client", "{\"id\":\"orders\",\"direct_grant\":true}"));
        g_assert_true(desk_tell(&desk, "person",
                                "{\"username\":\"carol\",\"password\":\"p\",\"client_roles\":"
                                "{\"realm-management\":[\"view-users\"]}}"));
        Answer answer = desk_ask(&desk, "POST", TOKEN,
                                 "grant_type=password\nclient_id=orders\nclient_secret=s\n"
                                 "username=carol\npassword=p",
                                 NULL);
        json_t *json = json_loads(answer.body, 0, NULL);
        token = g_strdup(json_string_value(json_object_get(json, "access_token")));
        json_decref(json);
        answer_clear(&answer);
        g_assert_cmpuint(status_with(token), ==, 200);
        g_assert_true(desk_tell(&desk, "person", "{\"username\":\"carol\",\"enabled\":false}"));
        g_assert_cmpuint(status_with(token), ==, 401);
        g_assert_true(desk_tell(&desk, "person", "{\"username\":\"carol\",\"enabled\":true}"));
        g_assert_cmpuint(status_with(token), ==, 200);
        g_assert_true(desk_tell(&desk, "person-recreate", "{\"username\":\"carol\"}"));
        g_assert_cmpuint(status_with(token), ==, 401);
}

static void test_another_realm(void)
{
        static const char *const PATHS[] = { "/admin/realms/other/users", "/admin/realms/tt",
                                             "/admin/realms/" };

        for (size_t i = 0; i < G_N_ELEMENTS(PATHS); i++) {
                Answer answer = desk_ask(&desk, "GET", PATHS[i], NULL, NULL);
                g_assert_cmpuint(answer.status, ==, 404);
                g_assert_cmpstr(answer.body, ==, "{\"error\":\"Realm not found.\"}");
                answer_clear(&answer);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        set_up();
        for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
                g_autofree char *path = g_strdup_printf("/admin/%s", CASES[i].name);
                g_test_add_data_func(path, &CASES[i], test_case);
        }
        g_test_add_func("/admin/a user is written, attributes as a whole", test_user_write);
        g_test_add_func("/admin/a group is written", test_group_write);
        g_test_add_func("/admin/each change leaves its event", test_events);
        g_test_add_func("/admin/roles are those of now", test_roles_hold_now);
        g_test_add_func("/admin/who is disabled or made anew is nobody", test_who_is_out);
        g_test_add_func("/admin/another realm is not there", test_another_realm);
        int failed = g_test_run();
        idp_clear(&desk);
        return failed;
}

/* adminwalk: conversations with the Admin API as scripts: what is requested, what comes, and what
 * is told in the end. */
#include "issuer/adminwalk.h"

#define STEPS_MAX 8
#define BASE      "https://sso.example.com/admin/realms/a"
#define ID        "da7d13aa-35f6-428f-8022-f971f3e3171e"
#define PARENT    "11111111-1111-4111-8111-111111111111"
#define CHILD     "22222222-2222-4222-8222-222222222222"
#define LEAF      "33333333-3333-4333-8333-333333333333"
#define FULL      "briefRepresentation=false"
#define BRIEF     "briefRepresentation=true"
#define PAGE      "&first=0&max=500"

/* Scripts */

typedef struct Step {
        const char *request; /* "GET path" behind BASE, "PUT path body"; NULL: the end */
        unsigned status;
        const char *body;
} Step;

typedef struct Script {
        const char *name;
        AdminWalkKind kind;
        AdminWalkAsked asked;
        const char *wanted; /* as JSON */
        Step steps[STEPS_MAX];
        AdminResult result;
        const char *told; /* all items that were told, as JSON; or what the trouble says */
} Script;

#define USER "{\"id\":\"" ID "\",\"username\":\"ann\",\"enabled\":true}"
#define WITH_UID(uid)                                                                              \
        "{\"id\":\"" ID "\",\"username\":\"ann\",\"attributes\":{\"uidNumber\":[\"" uid "\"]}}"
#define USER_WITH_UID(uid)                                                                         \
        "{\"id\":\"" ID "\",\"username\":\"ann\",\"enabled\":true,\"attributes\":{"                \
        "\"uidNumber\":[\"" uid "\"]}}"
#define GROUP(id, name, path, n)                                                                   \
        "{\"id\":\"" id "\",\"name\":\"" name "\",\"path\":\"" path "\",\"subGroupCount\":" #n     \
        ",\"subGroups\":[],\"access\":{\"view\":true}}"
#define SLIM(id, name, path) "{\"id\":\"" id "\",\"name\":\"" name "\",\"path\":\"" path "\"}"
#define GET_GROUPS           "GET /groups?" FULL "&populateHierarchy=false" PAGE
#define GET_CHILDREN(id)     "GET /groups/" id "/children?" FULL PAGE
#define UID(uid)             "{\"uidNumber\":\"" uid "\"}"

static const Script scripts[] = {
        { "users",
          ADMIN_WALK_USERS,
          { 0 },
          NULL,
          { { "GET /users?" FULL PAGE, 200, "[" USER "]" },
            { "GET /users?" FULL "&first=500&max=500", 200, "[]" } },
          ADMIN_OK,
          "[" USER "]" },
        { "no users",
          ADMIN_WALK_USERS,
          { 0 },
          NULL,
          { { "GET /users?" FULL PAGE, 200, "[]" } },
          ADMIN_OK,
          "[]" },
        { "users, without the role",
          ADMIN_WALK_USERS,
          { 0 },
          NULL,
          { { "GET /users?" FULL PAGE, 403, "{\"error\":\"HTTP 403 Forbidden\"}" } },
          ADMIN_NOT_PERMITTED,
          "client authd may not list the realm's users: give its service account "
          "the role view-users of realm-management" },
        { "users, where there is no Admin API",
          ADMIN_WALK_USERS,
          { 0 },
          NULL,
          { { "GET /users?" FULL PAGE, 404, "" } },
          ADMIN_UNAVAILABLE,
          "admin_url" },
        { "users, and another 401",
          ADMIN_WALK_USERS,
          { 0 },
          NULL,
          { { "GET /users?" FULL PAGE, 401, "" } },
          ADMIN_UNAVAILABLE,
          "does not take the token" },
        { "users, and an error",
          ADMIN_WALK_USERS,
          { 0 },
          NULL,
          { { "GET /users?" FULL PAGE, 500, "[]" } },
          ADMIN_UNAVAILABLE,
          "HTTP status 500" },
        { "users, with a status that is not asked for",
          ADMIN_WALK_USERS,
          { 0 },
          NULL,
          { { "GET /users?" FULL PAGE, 204, "" } },
          ADMIN_UNAVAILABLE,
          "HTTP status 204" },

        { "groups: parents come before children, and none is asked in vain",
          ADMIN_WALK_GROUPS,
          { 0 },
          NULL,
          { { GET_GROUPS, 200,
              "[" GROUP(PARENT, "eng", "/eng", 1) "," GROUP(ID, "b", "/b", 0) "]" },
            { GET_CHILDREN(PARENT), 200, "[" GROUP(CHILD, "platform", "/eng/platform", 1) "]" },
            { GET_CHILDREN(CHILD), 200, "[" GROUP(LEAF, "db", "/eng/platform/db", 0) "]" } },
          ADMIN_OK,
          "[" SLIM(PARENT, "eng", "/eng") "," SLIM(
              ID, "b",
              "/b") ",{\"id\":\"" CHILD
                    "\",\"name\":\"platform\",\"path\":\"/eng/platform\",\"parentId\":\"" PARENT
                    "\"},{\"id\":\"" LEAF
                    "\",\"name\":\"db\",\"path\":\"/eng/platform/db\",\"parentId\":\"" CHILD
                    "\"}]" },
        { "groups: without a count, children are asked for",
          ADMIN_WALK_GROUPS,
          { 0 },
          NULL,
          { { GET_GROUPS, 200, "[{\"id\":\"" PARENT "\",\"name\":\"eng\"}]" },
            { GET_CHILDREN(PARENT), 200, "[]" } },
          ADMIN_OK,
          "[{\"id\":\"" PARENT "\",\"name\":\"eng\"}]" },
        { "groups: one deleted meanwhile has no children",
          ADMIN_WALK_GROUPS,
          { 0 },
          NULL,
          { { GET_GROUPS, 200, "[" GROUP(PARENT, "eng", "/eng", 1) "]" },
            { GET_CHILDREN(PARENT), 404, "{\"error\":\"Could not find group by id\"}" } },
          ADMIN_OK,
          "[" SLIM(PARENT, "eng", "/eng") "]" },
        { "groups: something before the realm has no children of any",
          ADMIN_WALK_GROUPS,
          { 0 },
          NULL,
          { { GET_GROUPS, 200, "[" GROUP(PARENT, "eng", "/eng", 1) "]" },
            { GET_CHILDREN(PARENT), 404, "404 page not found" } },
          ADMIN_UNAVAILABLE,
          "something before it" },
        { "groups: a circle ends",
          ADMIN_WALK_GROUPS,
          { 0 },
          NULL,
          { { GET_GROUPS, 200, "[" GROUP(PARENT, "eng", "/eng", 1) "]" },
            { GET_CHILDREN(PARENT), 200, "[" GROUP(PARENT, "eng", "/eng", 1) "]" } },
          ADMIN_OK,
          "[" SLIM(PARENT, "eng", "/eng") "]" },
        { "groups: a slash in a name takes the path from it and from those below",
          ADMIN_WALK_GROUPS,
          { 0 },
          NULL,
          { { GET_GROUPS, 200, "[" GROUP(PARENT, "eng/platform", "/eng/platform", 1) "]" },
            { GET_CHILDREN(PARENT), 200, "[" GROUP(CHILD, "db", "/eng/platform/db", 0) "]" } },
          ADMIN_OK,
          "[{\"id\":\"" PARENT "\",\"name\":\"eng/platform\"},{\"id\":\"" CHILD
          "\",\"name\":\"db\",\"parentId\":\"" PARENT "\"}]" },
        { "groups: a parent that the provider made up does not count",
          ADMIN_WALK_GROUPS,
          { 0 },
          NULL,
          { { GET_GROUPS, 200,
              "[{\"id\":\"" ID "\",\"name\":\"b\",\"subGroupCount\":0,\"parentId\":\"" PARENT
              "\"}]" } },
          ADMIN_OK,
          "[{\"id\":\"" ID "\",\"name\":\"b\"}]" },

        { "members",
          ADMIN_WALK_MEMBERS,
          { .id = ID },
          NULL,
          { { "GET /groups/" ID "/members?" BRIEF PAGE, 200, "[" USER "]" } },
          ADMIN_OK,
          "[" USER "]" },
        { "members with their attributes",
          ADMIN_WALK_GROUP_USERS,
          { .id = ID },
          NULL,
          { { "GET /groups/" ID "/members?" FULL PAGE, 200, "[" USER "]" } },
          ADMIN_OK,
          "[" USER "]" },
        { "members of no group",
          ADMIN_WALK_MEMBERS,
          { .id = ID },
          NULL,
          { { "GET /groups/" ID "/members?" BRIEF PAGE, 404,
              "{\"error\":\"Could not find group by id\"}" } },
          ADMIN_NOT_FOUND,
          "no such thing" },

        { "a realm role, its name escaped",
          ADMIN_WALK_ROLE_USERS,
          { .name = "a/b ä?" },
          NULL,
          { { "GET /roles/a%2Fb%20%C3%A4%3F/users?" BRIEF PAGE, 200, "[" USER "]" } },
          ADMIN_OK,
          "[" USER "]" },
        { "a realm role, without the role to see it",
          ADMIN_WALK_ROLE_GROUPS,
          { .name = "r" },
          NULL,
          { { "GET /roles/r/groups?" FULL PAGE, 403, "" } },
          ADMIN_NOT_PERMITTED,
          "view-realm" },
        { "a client's role",
          ADMIN_WALK_ROLE_USERS,
          { .client = "shop&x", .name = "admin" },
          NULL,
          { { "GET /clients?clientId=shop%26x", 200,
              "[{\"id\":\"" CHILD "\",\"clientId\":\"shop\"},{\"id\":\"" PARENT
              "\",\"clientId\":\"shop&x\"}]" },
            { "GET /clients/" PARENT "/roles/admin/users?" BRIEF PAGE, 200, "[" USER "]" } },
          ADMIN_OK,
          "[" USER "]" },
        { "a client's role, its groups",
          ADMIN_WALK_ROLE_GROUPS,
          { .client = "shop", .name = "admin" },
          NULL,
          { { "GET /clients?clientId=shop", 200,
              "[{\"id\":\"" PARENT "\",\"clientId\":\"shop\"}]" },
            { "GET /clients/" PARENT "/roles/admin/groups?" FULL PAGE, 200, "[]" } },
          ADMIN_OK,
          "[]" },
        { "a client that is not shown",
          ADMIN_WALK_ROLE_USERS,
          { .client = "shop", .name = "admin" },
          NULL,
          { { "GET /clients?clientId=shop", 200, "[]" } },
          ADMIN_NOT_FOUND,
          "view-clients" },

        { "events",
          ADMIN_WALK_EVENTS,
          { .since_msec = 1795524943083 },
          NULL,
          { { "GET /admin-events?dateFrom=1795524943083" PAGE, 200,
              "[{\"id\":\"x\",\"time\":1,\"realmId\":\"r\",\"authDetails\":{\"ipAddress\":\"127.0."
              "0.1\"},"
              "\"operationType\":\"UPDATE\",\"resourceType\":\"USER\",\"resourcePath\":\"users/"
              "x\"}]" } },
          ADMIN_OK,
          "[{\"time\":1,\"operationType\":\"UPDATE\",\"resourceType\":\"USER\",\"resourcePath\":"
          "\"users/x\"}]" },
        { "events of before all time",
          ADMIN_WALK_EVENTS,
          { .since_msec = -5 },
          NULL,
          { { "GET /admin-events?dateFrom=0" PAGE, 200, "[]" } },
          ADMIN_OK,
          "[]" },
        { "events are kept",
          ADMIN_WALK_EVENTS_KEPT,
          { 0 },
          NULL,
          { { "GET /events/config", 200, "{\"adminEventsEnabled\":true}" } },
          ADMIN_OK,
          "[{\"kept\":true}]" },
        { "events are not kept",
          ADMIN_WALK_EVENTS_KEPT,
          { 0 },
          NULL,
          { { "GET /events/config", 200, "{\"adminEventsEnabled\":\"yes\"}" } },
          ADMIN_OK,
          "[{\"kept\":false}]" },

        { "a user",
          ADMIN_WALK_USER,
          { .id = ID },
          NULL,
          { { "GET /users/" ID, 200, USER } },
          ADMIN_OK,
          "[" USER "]" },
        { "another user than was asked for",
          ADMIN_WALK_USER,
          { .id = CHILD },
          NULL,
          { { "GET /users/" CHILD, 200, USER } },
          ADMIN_UNAVAILABLE,
          "another id" },
        { "no user",
          ADMIN_WALK_USER,
          { .id = ID },
          NULL,
          { { "GET /users/" ID, 404, "{\"error\":\"User not found\"}" } },
          ADMIN_NOT_FOUND,
          "no such thing" },
        { "no user, says something before the realm",
          ADMIN_WALK_USER,
          { .id = ID },
          NULL,
          { { "GET /users/" ID, 404, "" } },
          ADMIN_UNAVAILABLE,
          "something before it" },
        { "a user by name, whatever its case",
          ADMIN_WALK_USER_BY_NAME,
          { .name = "ANN" },
          NULL,
          { { "GET /users?username=ANN&exact=true&" FULL, 200, "[" USER "]" } },
          ADMIN_OK,
          "[" USER "]" },
        { "a user by name, among those that only look like it",
          ADMIN_WALK_USER_BY_NAME,
          { .name = "ann" },
          NULL,
          { { "GET /users?username=ann&exact=true&" FULL, 200,
              "[{\"id\":\"x\",\"username\":\"anna\"}]" } },
          ADMIN_NOT_FOUND,
          "no user of this name" },
        { "a user by name, and a Kelvin sign that Unicode takes for a k",
          ADMIN_WALK_USER_BY_NAME,
          { .name = "kim" },
          NULL,
          { { "GET /users?username=kim&exact=true&" FULL, 200,
              "[{\"id\":\"x\",\"username\":\"\u212aim\"}]" } },
          ADMIN_NOT_FOUND,
          "no user of this name" },
        { "groups of a user",
          ADMIN_WALK_USER_GROUPS,
          { .id = ID },
          NULL,
          { { "GET /users/" ID "/groups?" FULL PAGE, 200,
              "[{\"id\":\"" CHILD
              "\",\"name\":\"platform\",\"path\":\"/eng/platform\",\"parentId\":\"" PARENT
              "\",\"realmRoles\":[]}]" } },
          ADMIN_OK,
          "[{\"id\":\"" CHILD
          "\",\"name\":\"platform\",\"path\":\"/eng/platform\",\"parentId\":\"" PARENT "\"}]" },
        { "roles of a user: the effective ones",
          ADMIN_WALK_USER_ROLES,
          { .id = ID },
          NULL,
          { { "GET /users/" ID "/role-mappings", 200, "{\"realmMappings\":[{\"name\":\"a\"}]}" },
            { "GET /users/" ID "/role-mappings/realm/composite", 200,
              "[{\"name\":\"a\"},{\"name\":\"b\"}]" },
            { "GET /ui-ext/effective-roles/users/" ID, 200,
              "[{\"role\":\"r\",\"client\":\"c\"},{\"role\":\"s\",\"client\":\"c\"}]" } },
          ADMIN_OK,
          "[{\"realm\":[\"a\",\"b\"],\"clients\":{\"c\":[\"r\",\"s\"]}}]" },
        { "roles of a user: its own, where no others are told",
          ADMIN_WALK_USER_ROLES,
          { .id = ID },
          NULL,
          { { "GET /users/" ID "/role-mappings", 200,
              "{\"realmMappings\":[{\"name\":\"a\"}],\"clientMappings\":{\"c\":{\"mappings\":[{"
              "\"name\":"
              "\"r\"}]}}}" },
            { "GET /users/" ID "/role-mappings/realm/composite", 404, "" },
            { "GET /ui-ext/effective-roles/users/" ID, 404, "" } },
          ADMIN_OK,
          "[{\"realm\":[\"a\"],\"clients\":{\"c\":[\"r\"]}}]" },
        { "roles of a user: refused on the way",
          ADMIN_WALK_USER_ROLES,
          { .id = ID },
          NULL,
          { { "GET /users/" ID "/role-mappings", 200, "{}" },
            { "GET /users/" ID "/role-mappings/realm/composite", 403, "" } },
          ADMIN_NOT_PERMITTED,
          "view-users" },

        { "attributes: read, written and found",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, USER },
            { "PUT /users/" ID " {\"id\":\"" ID "\",\"username\":\"ann\",\"enabled\":true,"
              "\"attributes\":{\"uidNumber\":[\"70001\"]}}",
              204, "" },
            { "GET /users/" ID, 200, WITH_UID("70001") } },
          ADMIN_OK,
          "[" WITH_UID("70001") "]" },
        { "attributes: others stay",
          ADMIN_WALK_SET_GROUP,
          { .id = ID },
          "{\"gidNumber\":\"7\"}",
          { { "GET /groups/" ID, 200,
              "{\"id\":\"" ID
              "\",\"name\":\"g\",\"description\":\"d\",\"attributes\":{\"a\":[\"1\",\"2\"]}}" },
            { "PUT /groups/" ID " {\"id\":\"" ID
              "\",\"name\":\"g\",\"description\":\"d\",\"attributes\":{\"a\":[\"1\",\"2\"],"
              "\"gidNumber\":[\"7\"]}}",
              204, "" },
            { "GET /groups/" ID, 200,
              "{\"id\":\"" ID "\",\"name\":\"g\",\"attributes\":{\"gidNumber\":[\"7\"]}}" } },
          ADMIN_OK,
          "[{\"id\":\"" ID "\",\"name\":\"g\",\"attributes\":{\"gidNumber\":[\"7\"]}}]" },
        { "attributes: there already, nothing is written",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, WITH_UID("70001") } },
          ADMIN_OK,
          "[" WITH_UID("70001") "]" },
        { "attributes: dropped by the user profile",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, USER },
            { "PUT /users/" ID " {\"id\":\"" ID "\",\"username\":\"ann\",\"enabled\":true,"
              "\"attributes\":{\"uidNumber\":[\"70001\"]}}",
              204, "" },
            { "GET /users/" ID, 200, USER } },
          ADMIN_NOT_PERMITTED,
          "did not keep the attribute uidNumber" },
        { "attributes: another's number was quicker than our writing",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, USER },
            { "PUT /users/" ID " " USER_WITH_UID("70001"), 204, "" },
            { "GET /users/" ID, 200, WITH_UID("70002") } },
          ADMIN_REFUSED,
          "has another value of uidNumber" },
        { "attributes: another's number is there already, and stays",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, WITH_UID("5") } },
          ADMIN_REFUSED,
          "has another value of uidNumber" },
        { "attributes: so do several",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, WITH_UID("70001\",\"70002") } },
          ADMIN_REFUSED,
          "has another value of uidNumber" },
        { "attributes: a list without values is none",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200,
              "{\"id\":\"" ID "\",\"username\":\"ann\",\"attributes\":{\"uidNumber\":[]}}" },
            { "PUT /users/" ID " " WITH_UID("70001"), 204, "" },
            { "GET /users/" ID, 200, WITH_UID("70001") } },
          ADMIN_OK,
          "[" WITH_UID("70001") "]" },
        { "attributes: of somebody else",
          ADMIN_WALK_SET_USER,
          { .id = CHILD },
          UID("70001"),
          { { "GET /users/" CHILD, 200, USER } },
          ADMIN_UNAVAILABLE,
          "another id" },
        { "attributes: of somebody else when read again",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, USER },
            { "PUT /users/" ID " " USER_WITH_UID("70001"), 204, "" },
            { "GET /users/" ID, 200, "{\"id\":\"" CHILD "\",\"username\":\"bob\"}" } },
          ADMIN_UNAVAILABLE,
          "another id" },
        { "attributes: without the role",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, USER },
            { "PUT /users/" ID " " USER_WITH_UID("70001"), 403, "" } },
          ADMIN_NOT_PERMITTED,
          "may not change a user: give its service account the role "
          "manage-users" },
        { "attributes: refused by a validator, in its words without its controls",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, USER },
            { "PUT /users/" ID " " USER_WITH_UID("70001"), 400,
              "{\"errorMessage\":\"error-invalid\\u001b-email\"}" } },
          ADMIN_REFUSED,
          "refuses to change a user: error-invalid?-email" },
        { "attributes: the user is gone before it is written",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, USER },
            { "PUT /users/" ID " " USER_WITH_UID("70001"), 404,
              "{\"error\":\"User not found\"}" } },
          ADMIN_NOT_FOUND,
          "no such thing" },
        { "attributes: a PUT is not answered by 200",
          ADMIN_WALK_SET_USER,
          { .id = ID },
          UID("70001"),
          { { "GET /users/" ID, 200, USER },
            { "PUT /users/" ID " " USER_WITH_UID("70001"), 200, "{}" } },
          ADMIN_UNAVAILABLE,
          "HTTP status 200" },
};

static char *request_of(const AdminWalk *walk)
{
        g_autofree char *url = admin_walk_url(walk, BASE);
        char *body = admin_walk_body(walk), *text;

        g_assert_true(g_str_has_prefix(url, BASE));
        text = body ? g_strdup_printf("PUT %s %s", url + strlen(BASE), body)
                    : g_strdup_printf("GET %s", url + strlen(BASE));
        free(body);
        return text;
}

/* What was told, a page or a thing. */
static void tell(json_t *told, const AdminOutcome *outcome)
{
        if (outcome->is_silent || outcome->result != ADMIN_OK)
                return;
        if (json_is_array(outcome->items))
                json_array_extend(told, outcome->items);
        else
                json_array_append(told, outcome->items);
}

static void check_told(const Script *script, const json_t *told, const AdminOutcome *last)
{
        json_t *expected;

        g_assert_cmpint(last->result, ==, script->result);
        g_assert_cmpint(last->trouble != NULL, ==, last->result != ADMIN_OK);
        if (last->trouble) {
                g_assert_null(last->items);
                if (!strstr(last->trouble, script->told))
                        g_error("\"%s\" does not say \"%s\"", last->trouble, script->told);
                return;
        }
        expected = json_loads(script->told, 0, NULL);
        g_assert_nonnull(expected);
        if (!json_equal(told, expected))
                g_error("told was %s", json_dumps(told, JSON_COMPACT));
        json_decref(expected);
}

static void test_script(const void *userdata)
{
        const Script *script = userdata;
        AdminWalkAsked asked = script->asked;
        json_t *wanted = script->wanted ? json_loads(script->wanted, 0, NULL) : NULL;
        json_t *told = json_array();
        const char *trouble = NULL;
        g_auto(AdminOutcome) outcome = { .goes_on = true };
        g_autoptr(AdminWalk) walk = NULL;

        asked.wanted = wanted;
        walk = admin_walk_new(script->kind, &asked, &trouble);
        g_assert_nonnull(walk);
        for (const Step *step = script->steps; step->request; step++) {
                g_autofree char *request = request_of(walk);

                g_assert_true(outcome.goes_on);
                g_assert_cmpstr(request, ==, step->request);
                admin_outcome_clear(&outcome);
                admin_walk_take(walk, "authd", step->status, span_from(step->body), &outcome);
                tell(told, &outcome);
        }
        g_assert_false(outcome.goes_on);
        check_told(script, told, &outcome);
        json_decref(told);
        json_decref(wanted);
}

/* Hostile answers */

typedef struct HostileRow {
        const char *name;
        AdminWalkKind kind;
        const char *body;
        const char *trouble;
} HostileRow;

#define X51            "x23456789012345678901234567890123456789012345678901"
#define X255           X51 X51 X51 X51 X51

#define NAMED(members) "[{\"id\":\"" ID "\",\"username\":\"ann\"," members "}]"

static const HostileRow hostile[] = {
        { "nothing", ADMIN_WALK_USERS, "", "not usable JSON" },
        { "HTML", ADMIN_WALK_USERS, "<html>", "not usable JSON" },
        { "an object for a list", ADMIN_WALK_USERS, "{}", "no list" },
        { "a list of numbers", ADMIN_WALK_USERS, "[1]", "user" },
        { "a list that is cut", ADMIN_WALK_USERS, "[" USER, "not usable JSON" },
        { "a member twice", ADMIN_WALK_USERS, "[{\"id\":\"" ID "\",\"id\":\"" ID "\"}]",
          "not usable JSON" },
        { "too deep", ADMIN_WALK_USERS, "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
          "not usable JSON" },
        { "no id", ADMIN_WALK_USERS, "[{\"username\":\"ann\"}]", "its id" },
        { "an id that is a path", ADMIN_WALK_USERS, "[{\"id\":\"../x\",\"username\":\"ann\"}]",
          "its id" },
        { "an id that is a folder", ADMIN_WALK_USERS, "[{\"id\":\"..\",\"username\":\"ann\"}]",
          "its id" },
        { "an id with a question", ADMIN_WALK_USERS, "[{\"id\":\"x?y\",\"username\":\"ann\"}]",
          "its id" },
        { "an id escaped", ADMIN_WALK_USERS, "[{\"id\":\"x%2f\",\"username\":\"ann\"}]", "its id" },
        { "an empty id", ADMIN_WALK_USERS, "[{\"id\":\"\",\"username\":\"ann\"}]", "its id" },
        { "an id one too long", ADMIN_WALK_USERS, "[{\"id\":\"" X255 "x\",\"username\":\"ann\"}]",
          "its id" },
        { "an id with a newline", ADMIN_WALK_USERS, "[{\"id\":\"a\\nb\",\"username\":\"ann\"}]",
          "its id" },
        { "a good one, then one without a name", ADMIN_WALK_USERS,
          "[" USER ",{\"id\":\"" CHILD "\"}]", "its username" },
        { "a name that is no text", ADMIN_WALK_USERS, "[{\"id\":\"" ID "\",\"username\":[\"a\"]}]",
          "its username" },
        { "enabled as text", ADMIN_WALK_USERS, NAMED("\"enabled\":\"false\""), "its enabled" },
        { "a first name that is a number", ADMIN_WALK_USERS, NAMED("\"firstName\":1"),
          "its firstName" },
        { "an email that is an object", ADMIN_WALK_USERS, NAMED("\"email\":{}"), "its email" },
        { "attributes that are a list", ADMIN_WALK_USERS, NAMED("\"attributes\":[]"),
          "its attributes" },
        { "an attribute that is no list", ADMIN_WALK_USERS,
          NAMED("\"attributes\":{\"uidNumber\":\"1000\"}"), "its attributes" },
        { "an attribute of numbers", ADMIN_WALK_USERS,
          NAMED("\"attributes\":{\"uidNumber\":[1000]}"), "its attributes" },
        { "a text with a NUL", ADMIN_WALK_USERS, NAMED("\"firstName\":\"a\\u0000b\""),
          "not usable JSON" },
        { "a group without a name", ADMIN_WALK_GROUPS, "[{\"id\":\"" ID "\"}]", "its name" },
        { "a group whose path is a number", ADMIN_WALK_GROUPS,
          "[{\"id\":\"" ID "\",\"name\":\"a\",\"path\":1}]", "its path" },
        { "a group whose parent is a path", ADMIN_WALK_GROUPS,
          "[{\"id\":\"" ID "\",\"name\":\"a\",\"parentId\":\"../..\"}]", "its parentId" },
        { "a group with a count as text", ADMIN_WALK_GROUPS,
          "[{\"id\":\"" ID "\",\"name\":\"a\",\"subGroupCount\":\"0\"}]", "its subGroupCount" },
        { "an event without a time", ADMIN_WALK_EVENTS, "[{\"operationType\":\"UPDATE\"}]",
          "its time" },
        { "an event whose path is a list", ADMIN_WALK_EVENTS,
          "[{\"time\":1,\"operationType\":\"UPDATE\",\"resourcePath\":[]}]", "its resourcePath" },
        { "a user that is a list", ADMIN_WALK_USER, "[" USER "]", "no object" },
        { "role mappings that are a list", ADMIN_WALK_USER_ROLES, "[]", "no object" },
        { "an events' configuration that is null", ADMIN_WALK_EVENTS_KEPT, "null", "no object" },
};

static void test_hostile(const void *userdata)
{
        const HostileRow *row = userdata;
        const AdminWalkAsked asked = { .id = ID };
        const char *trouble = NULL;
        g_autoptr(AdminWalk) walk = admin_walk_new(row->kind, &asked, &trouble);
        g_auto(AdminOutcome) outcome = { 0 };

        admin_walk_take(walk, "authd", 200, span_from(row->body), &outcome);
        g_assert_cmpint(outcome.result, ==, ADMIN_UNAVAILABLE);
        g_assert_false(outcome.goes_on);
        g_assert_null(outcome.items);
        g_assert_nonnull(outcome.trouble);
        if (!strstr(outcome.trouble, row->trouble))
                g_error("\"%s\" does not say \"%s\"", outcome.trouble, row->trouble);
}

/* What must not go into a URL */

static const struct RefusedRow {
        const char *name;
        AdminWalkAsked asked;
        const char *trouble; /* NULL: allowed */
} refused[] = {
        { "an id with a slash", { .id = "a/b" }, "no id" },
        { "an id of dots", { .id = ".." }, "no id" },
        { "an empty id", { .id = "" }, "no id" },
        { "an id that is no UTF-8", { .id = "\xff" }, "no id" },
        { "an id with a backslash", { .id = "a\\b" }, "no id" },
        { "an id with a control character", { .id = "a\x7f" }, "no id" },
        { "an id as a federation gives it", { .id = "f:" ID ":ann@x" }, NULL },
        { "one of somebody with a space, a plus and a letter of elsewhere",
          { .id = "f:" ID ":änn b+c" },
          NULL },
        { "one as long as a subject may be", { .id = X255 }, NULL },
        { "one longer", { .id = X255 "x" }, "no id" },
        { "an id of letters and dots", { .id = "a.b" }, NULL },
        { "a name of dots", { .name = ".." }, "such a name" },
        { "a name of one dot", { .name = "." }, "such a name" },
        { "an empty name", { .name = "" }, "such a name" },
        { "a name that is no UTF-8", { .name = "\xff" }, "such a name" },
        { "a name with dots", { .name = "..a" }, NULL },
        { "a client of dots", { .name = "r", .client = ".." }, "such a name" },
};

static void test_refused(const void *userdata)
{
        const struct RefusedRow *row = userdata;
        const char *trouble = NULL;
        g_autoptr(AdminWalk) walk = admin_walk_new(ADMIN_WALK_ROLE_USERS, &row->asked, &trouble);

        g_assert_cmpint(walk == NULL, ==, row->trouble != NULL);
        if (row->trouble)
                g_assert_nonnull(strstr(trouble, row->trouble));
}

/* Pages */

static char *page_of(unsigned n_users)
{
        GString *page = g_string_new("[");

        for (unsigned i = 0; i < n_users; i++)
                g_string_append_printf(page, "%s{\"id\":\"u%u\",\"username\":\"u%u\"}",
                                       i ? "," : "", i, i);
        g_string_append_c(page, ']');
        return g_string_free(page, FALSE);
}

static AdminOutcome take_page(AdminWalk *walk, unsigned n_users)
{
        g_autofree char *page = page_of(n_users);
        AdminOutcome outcome;

        admin_walk_take(walk, "authd", 200, span_from(page), &outcome);
        return outcome;
}

static void test_pages(void)
{
        const char *trouble = NULL;
        g_autoptr(AdminWalk) walk =
            admin_walk_new(ADMIN_WALK_USERS, &(AdminWalkAsked){ 0 }, &trouble);
        g_auto(AdminOutcome) full = take_page(walk, ADMIN_PAGE);
        g_autofree char *second = request_of(walk);

        g_assert_true(full.goes_on && !full.is_silent);
        g_assert_cmpuint(json_array_size(full.items), ==, ADMIN_PAGE);
        g_assert_cmpstr(second, ==, "GET /users?" FULL "&first=500&max=500");
}

/* Keycloak pages first, and then leaves out whom an LDAP server has no more and whom the service
 * account may not see. */
static void test_page_of_users_sifted(void)
{
        const char *trouble = NULL;
        g_autoptr(AdminWalk) walk =
            admin_walk_new(ADMIN_WALK_USERS, &(AdminWalkAsked){ 0 }, &trouble);
        g_auto(AdminOutcome) sifted = take_page(walk, ADMIN_PAGE - 1);
        g_autofree char *second = request_of(walk);

        g_assert_true(sifted.goes_on);
        g_assert_cmpstr(second, ==, "GET /users?" FULL "&first=500&max=500");
}

static void test_page_of_members_short(void)
{
        const char *trouble = NULL;
        g_autoptr(AdminWalk) walk =
            admin_walk_new(ADMIN_WALK_MEMBERS, &(AdminWalkAsked){ .id = ID }, &trouble);
        g_auto(AdminOutcome) full = take_page(walk, ADMIN_PAGE);
        g_auto(AdminOutcome) last = take_page(walk, ADMIN_PAGE - 1);

        g_assert_true(full.goes_on);
        g_assert_false(last.goes_on);
        g_assert_cmpint(last.result, ==, ADMIN_OK);
}

static void test_page_empty(void)
{
        const char *trouble = NULL;
        g_autoptr(AdminWalk) walk =
            admin_walk_new(ADMIN_WALK_USERS, &(AdminWalkAsked){ 0 }, &trouble);
        g_auto(AdminOutcome) full = take_page(walk, ADMIN_PAGE);
        g_auto(AdminOutcome) empty = take_page(walk, 0);

        g_assert_true(full.goes_on);
        g_assert_false(empty.goes_on || empty.is_silent);
        g_assert_cmpint(empty.result, ==, ADMIN_OK);
        g_assert_cmpuint(json_array_size(empty.items), ==, 0);
}

static void test_page_too_large(void)
{
        const char *trouble = NULL;
        g_autoptr(AdminWalk) walk =
            admin_walk_new(ADMIN_WALK_USERS, &(AdminWalkAsked){ 0 }, &trouble);
        g_auto(AdminOutcome) outcome = take_page(walk, ADMIN_PAGE + 1);

        g_assert_cmpint(outcome.result, ==, ADMIN_UNAVAILABLE);
        g_assert_nonnull(strstr(outcome.trouble, "at most 500 users"));
}

static void test_pages_without_end(void)
{
        const char *trouble = NULL;
        g_autofree char *page = page_of(ADMIN_PAGE);
        g_autoptr(AdminWalk) walk =
            admin_walk_new(ADMIN_WALK_USERS, &(AdminWalkAsked){ 0 }, &trouble);

        for (unsigned i = 1; i <= ADMIN_PAGES_MAX; i++) {
                g_auto(AdminOutcome) outcome = { 0 };

                admin_walk_take(walk, "authd", 200, span_from(page), &outcome);
                g_assert_cmpint(outcome.result, ==,
                                i < ADMIN_PAGES_MAX ? ADMIN_OK : ADMIN_UNAVAILABLE);
        }
}

/* A group below the last, and below that one another. */
static void test_groups_deep(void)
{
        const char *trouble = NULL;
        g_autoptr(AdminWalk) walk =
            admin_walk_new(ADMIN_WALK_GROUPS, &(AdminWalkAsked){ 0 }, &trouble);

        for (unsigned depth = 0; depth <= ADMIN_GROUP_DEPTH_MAX; depth++) {
                g_autofree char *page =
                    g_strdup_printf("[{\"id\":\"g%u\",\"name\":\"g\",\"subGroupCount\":1}]", depth);
                g_auto(AdminOutcome) outcome = { 0 };

                admin_walk_take(walk, "authd", 200, span_from(page), &outcome);
                if (depth < ADMIN_GROUP_DEPTH_MAX)
                        g_assert_true(outcome.goes_on);
                else
                        g_assert_nonnull(strstr(outcome.trouble, "nested more than 16 deep"));
        }
}

static const struct UrlRow {
        const char *issuer_url, *admin_url;
} urls[] = {
        { "https://sso.example.com/realms/a", "https://sso.example.com/admin/realms/a" },
        { "https://sso.example.com/realms/a/", "https://sso.example.com/admin/realms/a" },
        { "https://sso.example.com/auth/realms/a", "https://sso.example.com/auth/admin/realms/a" },
        { "https://a.b/realms/x/realms/y", "https://a.b/realms/x/admin/realms/y" },
        { "https://sso.example.com/realms/", NULL },
        { "https://sso.example.com/realms/a/b", NULL },
        { "https://sso.example.com/realms/a?b", NULL },
        { "https://accounts.example.com", NULL },
        { "", NULL },
};

static void test_urls(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
                g_autofree char *url = admin_url_of(urls[i].issuer_url);

                g_assert_cmpstr(url, ==, urls[i].admin_url);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
                g_autofree char *path = g_strdup_printf("/adminwalk/%s", scripts[i].name);

                g_test_add_data_func(path, &scripts[i], test_script);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++) {
                g_autofree char *path = g_strdup_printf("/adminwalk/hostile/%s", hostile[i].name);

                g_test_add_data_func(path, &hostile[i], test_hostile);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
                g_autofree char *path = g_strdup_printf("/adminwalk/url/%s", refused[i].name);

                g_test_add_data_func(path, &refused[i], test_refused);
        }
        g_test_add_func("/adminwalk/pages: a full one means another", test_pages);
        g_test_add_func("/adminwalk/pages: one of users that is not full means another, too",
                        test_page_of_users_sifted);
        g_test_add_func("/adminwalk/pages: one of members that is not full ends",
                        test_page_of_members_short);
        g_test_add_func("/adminwalk/pages: an empty one ends", test_page_empty);
        g_test_add_func("/adminwalk/pages: one larger than asked for", test_page_too_large);
        g_test_add_func("/adminwalk/pages: without end", test_pages_without_end);
        g_test_add_func("/adminwalk/groups: nested too deep", test_groups_deep);
        g_test_add_func("/adminwalk/the admin url of an issuer", test_urls);
        return g_test_run();
}

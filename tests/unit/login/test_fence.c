/* Fence: who passes the account phase, against a realm and a directory that this file plays. The
 * realm answers on the next turn of the loop, or never; the deadline fires when a test says so. */
#include "login/fence.h"

#include "base/clock.h"

#include <glib/gstdio.h>

#define NOW_SEC INT64_C(1700000000)
#define ALICE   "5f3c9b6e-0000-4000-8000-000000000001"
#define HOUR    INT64_C(3600)

/* ---- the deadline, in GLib's place ---- */

static GSource *deadline;
static guint deadline_msec;

static gboolean fire(GSource *source, GSourceFunc callback, gpointer data)
{
        return callback(data);
}

static GSourceFuncs deadline_functions = { .dispatch = fire };

GSource *g_timeout_source_new(guint interval)
{
        deadline_msec = interval;
        deadline = g_source_new(&deadline_functions, sizeof(GSource));
        return deadline;
}

/* ---- the realm, in issuer/admin's place ---- */

typedef enum Ask { ASK_USER, ASK_NAME, ASK_GROUPS, ASK_ROLES, _N_ASKS } Ask;

struct Admin {
        AdminResult user, groups, roles;
        const char *user_json;   /* ' for " */
        const char *groups_json; /* a page each, by "|" */
        const char *roles_json;
        Ask silent; /* what is never answered; _N_ASKS: nothing */
        unsigned n_asks[_N_ASKS];
        unsigned n_under_way;
        GMainContext *context;
};

struct AdminCall {
        Admin *admin;
        AdminResult result;
        char **pages;
        size_t next_page;
        AdminDone done;
        void *userdata;
        GSource *source;
};

static void call_free(AdminCall *call)
{
        call->admin->n_under_way--;
        g_source_destroy(call->source);
        g_source_unref(call->source);
        g_strfreev(call->pages);
        g_free(call);
}

static gboolean answer_call(gpointer data)
{
        AdminCall *call = data;
        AdminDone done = call->done;
        void *userdata = call->userdata;
        AdminAnswer answer = { .result = call->result };
        json_t *items = NULL;

        if (answer.result == ADMIN_OK) {
                g_autofree char *page =
                    g_strdelimit(g_strdup(call->pages[call->next_page++]), "'", '"');

                items = json_loads(page, 0, NULL);
                g_assert_nonnull(items);
                answer.items = items;
                answer.more = call->pages[call->next_page] != NULL;
        } else {
                answer.trouble = "The realm does not say.";
        }
        if (!answer.more)
                call_free(call);
        done(&answer, userdata);
        json_decref(items);
        return answer.more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static AdminCall *call_new(Admin *admin, Ask ask, AdminResult result, const char *json,
                           AdminDone done, void *userdata)
{
        AdminCall *call = g_new0(AdminCall, 1);

        admin->n_asks[ask]++;
        admin->n_under_way++;
        call->admin = admin;
        call->result = result;
        call->pages = g_strsplit(json ? json : "", "|", -1);
        call->done = done;
        call->userdata = userdata;
        call->source = g_idle_source_new();
        g_source_set_callback(call->source, answer_call, call, NULL);
        if (admin->silent != ask)
                g_source_attach(call->source, admin->context);
        return call;
}

AdminCall *admin_user(Admin *admin, const char *user_id, AdminDone done, void *userdata)
{
        g_assert_cmpstr(user_id, ==, ALICE);
        return call_new(admin, ASK_USER, admin->user, admin->user_json, done, userdata);
}

AdminCall *admin_user_by_name(Admin *admin, const char *username, AdminDone done, void *userdata)
{
        return call_new(admin, ASK_NAME, admin->user, admin->user_json, done, userdata);
}

AdminCall *admin_user_groups(Admin *admin, const char *user_id, AdminDone done, void *userdata)
{
        g_assert_cmpstr(user_id, ==, ALICE);
        return call_new(admin, ASK_GROUPS, admin->groups, admin->groups_json, done, userdata);
}

AdminCall *admin_user_roles(Admin *admin, const char *user_id, AdminDone done, void *userdata)
{
        g_assert_cmpstr(user_id, ==, ALICE);
        return call_new(admin, ASK_ROLES, admin->roles, admin->roles_json, done, userdata);
}

void admin_cancel(AdminCall *call)
{
        if (call)
                call_free(call);
}

/* ---- the directory, in users/directory's place ---- */

struct Directory {
        Person person;
        bool has_person;
        const char *const *sources;
        Group groups[2]; /* by key */
        size_t n_groups;
        bool filled;
        int64_t looked_sec;
};

const Person *directory_person_by_name(const Directory *directory, Span name)
{
        return directory->has_person && span_equal_string(name, directory->person.name)
                   ? &directory->person
                   : NULL;
}

const char *const *directory_person_sources(Directory *directory, const Person *person)
{
        return directory->sources;
}

size_t directory_n_groups(const Directory *directory)
{
        return directory->n_groups;
}

const Group *directory_group(const Directory *directory, size_t index)
{
        g_assert_cmpuint(index, <, directory->n_groups);
        return &directory->groups[index];
}

bool directory_filled(const Directory *directory)
{
        return directory->filled;
}

int64_t directory_looked_sec(const Directory *directory)
{
        return directory->looked_sec;
}

/* ---- what a question is asked with ---- */

#define ENABLED  "{'id':'" ALICE "','username':'alice','enabled':true}"
#define DISABLED "{'id':'" ALICE "','username':'alice','enabled':false}"
#define OPS      "{'id':'g1','name':'ops','path':'/ops'}"
#define PLATFORM "{'id':'g2','name':'platform','path':'/eng/platform'}"
#define ROLES    "{'realm':['admin','user'],'clients':{'hosts':['login'],'a:b':['x']}}"

typedef struct Bench {
        GMainContext *context;
        Admin admin;
        Directory directory;
        char *folder, *passwd, *group;
        Local *local;
        Policy *policy;
        ServiceSettings *settings;
        Service service;
        Fence *fence;
} Bench;

static Policy *policy_of(const char *text)
{
        static const PolicyIssuer known[] = { { "test", true } };
        g_autoptr(PolicySettings) settings = policy_settings_new("hosts");
        g_auto(GStrv) lines = g_strsplit(text, " | ", -1);
        g_autoptr(GError) error = NULL;
        Policy *policy;

        settings->audience = g_strsplit("hosts", ";", -1);
        for (char **line = lines; *line && **line; line++) {
                g_auto(GStrv) pair = g_strsplit(*line, " = ", 2);

                if (g_str_equal(pair[0], "groups"))
                        settings->groups = g_strsplit(pair[1], ";", -1);
                else if (g_str_equal(pair[0], "groups_all"))
                        settings->groups_all = g_strsplit(pair[1], ";", -1);
                else if (g_str_equal(pair[0], "roles"))
                        settings->roles = g_strsplit(pair[1], ";", -1);
                else if (g_str_equal(pair[0], "roles_all"))
                        settings->roles_all = g_strsplit(pair[1], ";", -1);
                else if (g_str_equal(pair[0], "groups_claim"))
                        settings->groups_claim = g_strdup(pair[1]);
                else
                        g_error("no setting %s", pair[0]);
        }
        policy = policy_new(settings, known, G_N_ELEMENTS(known), &error);
        g_assert_no_error(error);
        return policy;
}

static void write_file(const char *path, const char *content)
{
        g_assert_true(g_file_set_contents(path, content, -1, NULL));
}

static void bench_set_policy(Bench *bench, const char *text)
{
        policy_unref(bench->policy);
        bench->policy = policy_of(text);
        bench->service.policy = bench->policy;
}

static void bench_new_fence(Bench *bench, bool with_directory, bool with_admin)
{
        fence_free(bench->fence);
        bench->fence = fence_new(bench->context, with_directory ? &bench->directory : NULL,
                                 with_admin ? &bench->admin : NULL);
        fence_set_local(bench->fence, bench->local);
}

static void bench_init(Bench *bench)
{
        *bench = (Bench){ .context = g_main_context_new() };
        bench->folder = g_dir_make_tmp("authd-fence-XXXXXX", NULL);
        bench->passwd = g_build_filename(bench->folder, "passwd", NULL);
        bench->group = g_build_filename(bench->folder, "group", NULL);
        write_file(bench->passwd, "daemon:x:1:1::/:/usr/sbin/nologin\n"
                                  "carol:x:1001:1001::/home/carol:/bin/bash\n");
        write_file(bench->group, "root:x:0:\n");
        bench->local = local_new(bench->passwd, bench->group);
        bench->admin = (Admin){ ADMIN_OK,    ADMIN_OK, ADMIN_OK, ENABLED,
                                "[" OPS "]", ROLES,    _N_ASKS,  .context = bench->context };
        bench->directory.person = (Person){ .subject = (char *) ALICE,
                                            .username = (char *) "alice",
                                            .name = (char *) "alice",
                                            .uid = 1879048200 };
        bench->directory.has_person = true;
        bench->directory.filled = true;
        bench->settings = service_settings_new("sshd");
        bench->service.settings = bench->settings;
        clock_set_wall_for_tests(NOW_SEC);
        bench_set_policy(bench, "");
        bench_new_fence(bench, true, true);
}

static void bench_deinit(Bench *bench)
{
        fence_free(bench->fence);
        g_assert_cmpuint(bench->admin.n_under_way, ==, 0);
        policy_unref(bench->policy);
        service_settings_free(bench->settings);
        local_free(bench->local);
        g_unlink(bench->passwd);
        g_unlink(bench->group);
        g_rmdir(bench->folder);
        g_free(bench->passwd);
        g_free(bench->group);
        g_free(bench->folder);
        g_main_context_unref(bench->context);
        clock_set_wall_for_tests(0);
}

typedef struct Heard {
        unsigned n;
        FenceResult result;
        Reason reason;
        bool stale;
        char *text;
} Heard;

static void hear(const FenceAnswer *answer, void *userdata)
{
        Heard *heard = userdata;

        heard->n++;
        heard->result = answer->result;
        heard->reason = answer->reason;
        heard->stale = answer->stale;
        g_free(heard->text);
        heard->text = g_strdup(answer->text);
        g_assert_nonnull(answer->detail);
}

static void spin(Bench *bench)
{
        while (g_main_context_iteration(bench->context, FALSE))
                ;
}

static Heard ask(Bench *bench, const char *user)
{
        Heard heard = { 0 };

        fence_ask(bench->fence, &bench->service, user, hear, &heard);
        g_assert_cmpuint(heard.n, ==, 0);
        spin(bench);
        g_assert_cmpuint(heard.n, ==, 1);
        g_clear_pointer(&heard.text, g_free);
        return heard;
}

static unsigned n_asked(const Bench *bench)
{
        unsigned n = 0;

        for (Ask each = 0; each < _N_ASKS; each++)
                n += bench->admin.n_asks[each];
        return n;
}

/* ---- what the realm says ---- */

typedef struct RealmRow {
        const char *sentence;
        const char *policy;
        AdminResult user, groups, roles;
        const char *user_json, *groups_json, *roles_json; /* NULL: alice, in /ops, with ROLES */
        FenceResult result;
        Reason reason;
        unsigned n_asked;
} RealmRow;

static const RealmRow realm_rows[] = {
        { "who is enabled passes a policy that demands no groups, with one question", "", ADMIN_OK,
          ADMIN_OK, ADMIN_OK, NULL, NULL, NULL, FENCE_ALLOWED, VERDICT_VALID, 1 },
        { "who is disabled does not", "", ADMIN_OK, ADMIN_OK, ADMIN_OK, DISABLED, NULL, NULL,
          FENCE_DENIED, VERDICT_INACTIVE, 1 },
        { "nor does who is in the right group, but disabled", "groups = /ops", ADMIN_OK, ADMIN_OK,
          ADMIN_OK, DISABLED, NULL, NULL, FENCE_DENIED, VERDICT_INACTIVE, 1 },
        { "an account that does not say that it is enabled is not", "", ADMIN_OK, ADMIN_OK,
          ADMIN_OK, "{'id':'" ALICE "','username':'alice'}", NULL, NULL, FENCE_DENIED,
          VERDICT_INACTIVE, 1 },
        { "who was deleted is denied", "", ADMIN_NOT_FOUND, ADMIN_OK, ADMIN_OK, NULL, NULL, NULL,
          FENCE_DENIED, VERDICT_INACTIVE, 1 },
        { "who was deleted between two questions is denied", "groups = /ops", ADMIN_OK,
          ADMIN_NOT_FOUND, ADMIN_OK, NULL, NULL, NULL, FENCE_DENIED, VERDICT_INACTIVE, 2 },
        { "another account than the one asked about is no answer", "", ADMIN_OK, ADMIN_OK, ADMIN_OK,
          "{'id':'other','username':'alice','enabled':true}", NULL, NULL, FENCE_UNAVAILABLE,
          VERDICT_UNAVAILABLE, 1 },
        { "who is in a demanded group passes", "groups = /admins;/ops", ADMIN_OK, ADMIN_OK,
          ADMIN_OK, NULL, NULL, NULL, FENCE_ALLOWED, VERDICT_VALID, 2 },
        { "who is not is denied", "groups = /admins", ADMIN_OK, ADMIN_OK, ADMIN_OK, NULL, NULL,
          NULL, FENCE_DENIED, VERDICT_MISSING_GROUP, 2 },
        { "who is in no group is denied", "groups = /ops", ADMIN_OK, ADMIN_OK, ADMIN_OK, NULL, "[]",
          NULL, FENCE_DENIED, VERDICT_MISSING_GROUP, 2 },
        { "a group below the demanded one is not it", "groups = /eng", ADMIN_OK, ADMIN_OK, ADMIN_OK,
          NULL, "[" PLATFORM "]", NULL, FENCE_DENIED, VERDICT_MISSING_GROUP, 2 },
        { "of all that are demanded none may lack", "groups_all = /ops;/eng/platform", ADMIN_OK,
          ADMIN_OK, ADMIN_OK, NULL, NULL, NULL, FENCE_DENIED, VERDICT_MISSING_GROUP, 2 },
        { "a later page counts, too", "groups_all = /ops;/eng/platform", ADMIN_OK, ADMIN_OK,
          ADMIN_OK, NULL, "[" OPS "]|[" PLATFORM "]", NULL, FENCE_ALLOWED, VERDICT_VALID, 2 },
        { "a group whose name feigns a path is none", "groups = /eng/platform", ADMIN_OK, ADMIN_OK,
          ADMIN_OK, NULL, "[{'id':'g9','name':'eng/platform','path':'/eng/platform'}]", NULL,
          FENCE_DENIED, VERDICT_MISSING_GROUP, 2 },
        { "a group without a path is none", "groups = /ops", ADMIN_OK, ADMIN_OK, ADMIN_OK, NULL,
          "[{'id':'g9','name':'ops'}]", NULL, FENCE_DENIED, VERDICT_MISSING_GROUP, 2 },
        { "the claim of groups may be another", "groups = /ops | groups_claim = org.teams",
          ADMIN_OK, ADMIN_OK, ADMIN_OK, NULL, NULL, NULL, FENCE_ALLOWED, VERDICT_VALID, 2 },
        { "groups that are roles are asked for as roles",
          "groups = admin | groups_claim = realm_access.roles", ADMIN_OK, ADMIN_OK, ADMIN_OK, NULL,
          NULL, NULL, FENCE_ALLOWED, VERDICT_VALID, 2 },
        { "a path is no role", "groups = /ops | groups_claim = realm_access.roles", ADMIN_OK,
          ADMIN_OK, ADMIN_OK, NULL, NULL, NULL, FENCE_DENIED, VERDICT_MISSING_GROUP, 2 },
        { "who has a role of the realm passes", "roles = realm:admin", ADMIN_OK, ADMIN_OK, ADMIN_OK,
          NULL, NULL, NULL, FENCE_ALLOWED, VERDICT_VALID, 2 },
        { "who has a role of a client passes", "roles = hosts:login", ADMIN_OK, ADMIN_OK, ADMIN_OK,
          NULL, NULL, NULL, FENCE_ALLOWED, VERDICT_VALID, 2 },
        { "also of one with a colon in its name", "roles = a:b:x", ADMIN_OK, ADMIN_OK, ADMIN_OK,
          NULL, NULL, NULL, FENCE_ALLOWED, VERDICT_VALID, 2 },
        { "a role of another client is another", "roles = other:login", ADMIN_OK, ADMIN_OK,
          ADMIN_OK, NULL, NULL, NULL, FENCE_DENIED, VERDICT_MISSING_ROLE, 2 },
        { "a client's role is none of the realm", "roles = realm:login", ADMIN_OK, ADMIN_OK,
          ADMIN_OK, NULL, NULL, NULL, FENCE_DENIED, VERDICT_MISSING_ROLE, 2 },
        { "no roles at all are none", "roles = realm:admin", ADMIN_OK, ADMIN_OK, ADMIN_OK, NULL,
          NULL, "{}", FENCE_DENIED, VERDICT_MISSING_ROLE, 2 },
        { "groups and roles are both asked for",
          "groups = /ops | roles_all = realm:admin;hosts:login", ADMIN_OK, ADMIN_OK, ADMIN_OK, NULL,
          NULL, NULL, FENCE_ALLOWED, VERDICT_VALID, 3 },
        { "the right group without the role is denied", "groups = /ops | roles = realm:boss",
          ADMIN_OK, ADMIN_OK, ADMIN_OK, NULL, NULL, NULL, FENCE_DENIED, VERDICT_MISSING_ROLE, 3 },
        { "a realm that cannot be reached is unavailable", "", ADMIN_UNAVAILABLE, ADMIN_OK,
          ADMIN_OK, NULL, NULL, NULL, FENCE_UNAVAILABLE, VERDICT_UNAVAILABLE, 1 },
        { "one that may not be asked (403) is unavailable", "", ADMIN_NOT_PERMITTED, ADMIN_OK,
          ADMIN_OK, NULL, NULL, NULL, FENCE_UNAVAILABLE, VERDICT_UNAVAILABLE, 1 },
        { "also when it is the groups that may not be asked for", "groups = /ops", ADMIN_OK,
          ADMIN_NOT_PERMITTED, ADMIN_OK, NULL, NULL, NULL, FENCE_UNAVAILABLE, VERDICT_UNAVAILABLE,
          2 },
        { "also when it is the roles", "groups = /ops | roles = realm:admin", ADMIN_OK, ADMIN_OK,
          ADMIN_UNAVAILABLE, NULL, NULL, NULL, FENCE_UNAVAILABLE, VERDICT_UNAVAILABLE, 3 },
};

static void test_realm(gconstpointer data)
{
        const RealmRow *row = data;
        Bench bench;
        Heard heard;

        bench_init(&bench);
        bench_set_policy(&bench, row->policy);
        bench.admin.user = row->user;
        bench.admin.groups = row->groups;
        bench.admin.roles = row->roles;
        bench.admin.user_json = row->user_json ? row->user_json : ENABLED;
        bench.admin.groups_json = row->groups_json ? row->groups_json : "[" OPS "]";
        bench.admin.roles_json = row->roles_json ? row->roles_json : ROLES;
        heard = ask(&bench, "alice");
        g_assert_cmpint(heard.result, ==, row->result);
        g_assert_cmpint(heard.reason, ==, row->reason);
        g_assert_cmpint(heard.stale, ==, row->result == FENCE_UNAVAILABLE);
        g_assert_cmpuint(n_asked(&bench), ==, row->n_asked);
        bench_deinit(&bench);
}

/* ---- while the realm cannot be asked ---- */

static const char *const in_ops[] = { "/ops", "realm:admin", "hosts:login", NULL };
static const char *const in_platform[] = { "/eng/platform", "/eng", NULL };

typedef struct StaleRow {
        const char *sentence;
        const char *policy;
        int64_t stale_sec;
        PersonState state;
        const char *const *sources;
        int64_t looked_ago_sec; /* -1: never */
        FenceResult result;
        Reason reason;
} StaleRow;

static const StaleRow stale_rows[] = {
        { "the directory is lived on while it is young", "", HOUR, PERSON_ACTIVE, in_ops, 60,
          FENCE_ALLOWED, VERDICT_VALID },
        { "also when it is just as old as it may be", "", HOUR, PERSON_ACTIVE, in_ops, HOUR,
          FENCE_ALLOWED, VERDICT_VALID },
        { "not a second longer", "", HOUR, PERSON_ACTIVE, in_ops, HOUR + 1, FENCE_UNAVAILABLE,
          VERDICT_UNAVAILABLE },
        { "not at all when it must not be", "", 0, PERSON_ACTIVE, in_ops, 0, FENCE_UNAVAILABLE,
          VERDICT_UNAVAILABLE },
        { "not when it was never filled", "", HOUR, PERSON_ACTIVE, in_ops, -1, FENCE_UNAVAILABLE,
          VERDICT_UNAVAILABLE },
        { "a clock that was set back a little does no harm", "", HOUR, PERSON_ACTIVE, in_ops, -60,
          FENCE_ALLOWED, VERDICT_VALID },
        { "one that was set back further makes nothing young", "", HOUR, PERSON_ACTIVE, in_ops, -61,
          FENCE_UNAVAILABLE, VERDICT_UNAVAILABLE },
        { "who is disabled there is denied", "", HOUR, PERSON_DISABLED, in_ops, 60, FENCE_DENIED,
          VERDICT_INACTIVE },
        { "also when that is old", "", HOUR, PERSON_DISABLED, in_ops, 99 * HOUR, FENCE_DENIED,
          VERDICT_INACTIVE },
        { "who is gone there is denied", "", HOUR, PERSON_GONE, in_ops, 60, FENCE_DENIED,
          VERDICT_INACTIVE },
        { "its groups count", "groups = /ops", HOUR, PERSON_ACTIVE, in_ops, 60, FENCE_ALLOWED,
          VERDICT_VALID },
        { "who is not in one is denied", "groups = /admins", HOUR, PERSON_ACTIVE, in_ops, 60,
          FENCE_DENIED, VERDICT_MISSING_GROUP },
        { "its roles count", "roles_all = realm:admin;hosts:login", HOUR, PERSON_ACTIVE, in_ops, 60,
          FENCE_ALLOWED, VERDICT_VALID },
        { "who lacks one is denied", "roles = realm:boss", HOUR, PERSON_ACTIVE, in_ops, 60,
          FENCE_DENIED, VERDICT_MISSING_ROLE },
        { "a group below counts as itself", "groups = /eng/platform", HOUR, PERSON_ACTIVE,
          in_platform, 60, FENCE_ALLOWED, VERDICT_VALID },
        { "and not as the one above it, as in a token", "groups = /eng", HOUR, PERSON_ACTIVE,
          in_platform, 60, FENCE_DENIED, VERDICT_MISSING_GROUP },
};

static void test_stale(gconstpointer data)
{
        const StaleRow *row = data;
        Bench bench;
        Heard heard;

        bench_init(&bench);
        bench_set_policy(&bench, row->policy);
        bench.admin.user = ADMIN_UNAVAILABLE;
        bench.settings->fence_stale_sec = row->stale_sec;
        bench.directory.person.state = row->state;
        bench.directory.sources = row->sources;
        bench.directory.looked_sec = row->looked_ago_sec == -1 ? 0 : NOW_SEC - row->looked_ago_sec;
        heard = ask(&bench, "alice");
        g_assert_cmpint(heard.result, ==, row->result);
        g_assert_cmpint(heard.reason, ==, row->reason);
        g_assert_true(heard.stale);
        /* The same without anybody to ask. */
        bench_new_fence(&bench, true, false);
        heard = ask(&bench, "alice");
        g_assert_cmpint(heard.result, ==, row->result);
        g_assert_true(heard.stale);
        bench_deinit(&bench);
}

/* What the realm said last is lived on, also where the directory knows nothing of roles. */
static void test_remembered(void)
{
        Bench bench;

        bench_init(&bench);
        bench_set_policy(&bench, "roles = realm:admin");
        bench.directory.sources = in_platform;
        bench.directory.looked_sec = NOW_SEC;
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        bench.admin.user = ADMIN_UNAVAILABLE;
        clock_advance_monotonic_for_tests(HOUR * G_USEC_PER_SEC / 2);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        g_assert_true(ask(&bench, "alice").stale);
        /* Another service demands groups, of which nothing was asked. */
        bench_set_policy(&bench, "groups = /ops");
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_DENIED);
        bench_set_policy(&bench, "roles = realm:admin");
        bench.directory.looked_sec = 0;
        clock_advance_monotonic_for_tests(HOUR * G_USEC_PER_SEC / 2);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_UNAVAILABLE);
        bench_deinit(&bench);
}

static void test_directorys_no(void)
{
        Bench bench;

        bench_init(&bench);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        bench.admin.user = ADMIN_UNAVAILABLE;
        clock_advance_monotonic_for_tests(10 * G_USEC_PER_SEC);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        bench.directory.person.state = PERSON_DISABLED;
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_DENIED);
        /* The realm, once it can be asked, has the last word. */
        bench.admin.user = ADMIN_OK;
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        bench_deinit(&bench);
}

static Claims *claims_of(const char *json)
{
        g_autofree char *text = g_strdelimit(g_strdup(json), "'", '"');
        Claims *claims = NULL;

        g_assert_cmpint(claims_parse(span_from(text), SPAN_EMPTY, &claims, NULL), ==, 0);
        return claims;
}

static void test_learned(void)
{
        g_autoptr(Claims) claims = claims_of("{'sub':'" ALICE "','groups':['/ops']}");
        Bench bench;

        bench_init(&bench);
        bench_set_policy(&bench, "groups = /ops");
        /* Nobody can be asked: what a login proved is lived on for as long as it is young. */
        bench_new_fence(&bench, true, false);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_UNAVAILABLE);
        fence_learn(bench.fence, "alice", claims);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        g_assert_true(ask(&bench, "alice").stale);
        bench_set_policy(&bench, "groups = /admins");
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_DENIED);
        bench_set_policy(&bench, "groups = /ops");
        clock_advance_monotonic_for_tests(HOUR * G_USEC_PER_SEC + G_USEC_PER_SEC);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_UNAVAILABLE);
        /* Where the realm can be asked it is asked, however new the login: it may know more. */
        bench_new_fence(&bench, true, true);
        fence_learn(bench.fence, "alice", claims);
        bench.admin.user_json = DISABLED;
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_DENIED);
        /* And its no is not forgotten for a token that may be older. */
        fence_learn(bench.fence, "alice", claims);
        bench.admin.user = ADMIN_UNAVAILABLE;
        clock_advance_monotonic_for_tests(10 * G_USEC_PER_SEC);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_DENIED);
        bench_deinit(&bench);
}

/* ---- who is asked about, and how often ---- */

typedef struct OursRow {
        const char *sentence;
        const char *user;
        uint32_t uid; /* of the person of that name in the directory; 0: none */
        bool filled, directory;
        FenceResult result;
} OursRow;

static const OursRow ours_rows[] = {
        { "root is never ours", "root", 1879048200, true, true, FENCE_NOT_OURS },
        { "a local account is not ours", "carol", 0, true, true, FENCE_NOT_OURS },
        { "a local account wins over one of the same name", "carol", 1879048200, true, true,
          FENCE_NOT_OURS },
        { "a uid of the system's is not ours", "alice", 999, true, true, FENCE_NOT_OURS },
        { "the first beyond is", "alice", 1000, true, true, FENCE_ALLOWED },
        { "who is not in the directory is nobody's", "bob", 0, true, true, FENCE_NOT_OURS },
        { "who is not there before it was filled cannot be told", "bob", 0, false, true,
          FENCE_UNAVAILABLE },
        { "capitals are no name", "Alice", 1879048200, true, true, FENCE_NOT_OURS },
        { "a path is no name", "../alice", 1879048200, true, true, FENCE_NOT_OURS },
        { "nothing is no name", "", 1879048200, true, true, FENCE_NOT_OURS },
        { "root is never ours, also without a directory", "root", 0, true, false, FENCE_NOT_OURS },
        { "without a directory the realm's name is it", "alice", 0, true, false, FENCE_ALLOWED },
        { "and letter for letter", "bob", 0, true, false, FENCE_UNAVAILABLE },
        { "a local account wins there, too", "carol", 0, true, false, FENCE_NOT_OURS },
};

static void test_ours(gconstpointer data)
{
        const OursRow *row = data;
        Bench bench;

        bench_init(&bench);
        bench.directory.has_person = row->uid != 0;
        bench.directory.person.name = (char *) row->user;
        bench.directory.person.uid = row->uid;
        bench.directory.filled = row->filled;
        bench_new_fence(&bench, row->directory, true);
        g_assert_cmpint(ask(&bench, row->user).result, ==, row->result);
        if (row->result == FENCE_NOT_OURS)
                g_assert_cmpuint(n_asked(&bench), ==, 0);
        bench_deinit(&bench);
}

/* An account that is made local while we run is seen at the next question. */
static void test_local_later(void)
{
        Bench bench;

        bench_init(&bench);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        write_file(bench.passwd, "root:x:0:0::/:/bin/sh\nalice:x:1002:1002::/home/a:/bin/sh\n");
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_NOT_OURS);
        bench_deinit(&bench);
}

static void test_not_found_by_name(void)
{
        Bench bench;

        bench_init(&bench);
        bench_new_fence(&bench, false, true);
        bench.admin.user = ADMIN_NOT_FOUND;
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_DENIED);
        g_assert_cmpuint(bench.admin.n_asks[ASK_NAME], ==, 1);
        bench_deinit(&bench);
}

static void test_fresh(void)
{
        Bench bench;

        bench_init(&bench);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        clock_advance_monotonic_for_tests(FENCE_FRESH_SEC * G_USEC_PER_SEC - G_USEC_PER_SEC);
        bench.admin.user_json = DISABLED;
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        g_assert_false(ask(&bench, "alice").stale);
        g_assert_cmpuint(n_asked(&bench), ==, 1);
        clock_advance_monotonic_for_tests(G_USEC_PER_SEC);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_DENIED);
        g_assert_cmpuint(n_asked(&bench), ==, 2);
        /* A no is fresh, too; a policy that demands more is another question. */
        bench.admin.user_json = ENABLED;
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_DENIED);
        g_assert_cmpuint(n_asked(&bench), ==, 2);
        clock_advance_monotonic_for_tests(FENCE_FRESH_SEC * G_USEC_PER_SEC);
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        g_assert_cmpuint(n_asked(&bench), ==, 3);
        bench_set_policy(&bench, "groups = /ops");
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        g_assert_cmpuint(n_asked(&bench), ==, 5);
        bench_deinit(&bench);
}

static void test_together(void)
{
        Heard heard[8] = { 0 };
        Bench bench;

        bench_init(&bench);
        for (size_t i = 0; i < G_N_ELEMENTS(heard); i++)
                fence_ask(bench.fence, &bench.service, "alice", hear, &heard[i]);
        spin(&bench);
        for (size_t i = 0; i < G_N_ELEMENTS(heard); i++) {
                g_assert_cmpint(heard[i].result, ==, FENCE_ALLOWED);
                g_assert_cmpuint(heard[i].n, ==, 1);
                g_free(heard[i].text);
        }
        g_assert_cmpuint(n_asked(&bench), ==, 1);
        bench_deinit(&bench);
}

/* Whatever the realm is silent about, the deadline ends it, and the directory is lived on. */
static void test_deadline(void)
{
        for (Ask silent = ASK_USER; silent < _N_ASKS; silent++) {
                Heard heard = { 0 };
                Bench bench;

                if (silent == ASK_NAME)
                        continue;
                bench_init(&bench);
                bench_set_policy(&bench, "groups = /ops | roles = realm:admin");
                bench.admin.silent = silent;
                fence_ask(bench.fence, &bench.service, "alice", hear, &heard);
                spin(&bench);
                g_assert_cmpuint(heard.n, ==, 0);
                g_assert_cmpuint(deadline_msec, ==, 3000);
                g_source_set_ready_time(deadline, 0);
                spin(&bench);
                g_assert_cmpuint(heard.n, ==, 1);
                g_assert_cmpint(heard.result, ==, FENCE_UNAVAILABLE);
                g_assert_cmpstr(heard.text, ==, "The identity provider cannot be asked now.");
                g_assert_cmpuint(bench.admin.n_under_way, ==, 0);
                /* The next one asks anew. */
                bench.directory.sources = in_ops;
                bench.directory.looked_sec = NOW_SEC;
                fence_ask(bench.fence, &bench.service, "alice", hear, &heard);
                spin(&bench);
                g_source_set_ready_time(deadline, 0);
                spin(&bench);
                g_assert_cmpuint(heard.n, ==, 2);
                g_assert_cmpint(heard.result, ==, FENCE_ALLOWED);
                g_assert_true(heard.stale);
                g_free(heard.text);
                bench_deinit(&bench);
        }
}

static void test_free(void)
{
        Heard waiting = { 0 }, ready = { 0 };
        Bench bench;

        bench_init(&bench);
        bench.admin.silent = ASK_USER;
        fence_ask(bench.fence, &bench.service, "alice", hear, &waiting);
        spin(&bench);
        fence_ask(bench.fence, &bench.service, "root", hear, &ready);
        g_clear_pointer(&bench.fence, fence_free);
        g_assert_cmpuint(waiting.n, ==, 1);
        g_assert_cmpint(waiting.result, ==, FENCE_UNAVAILABLE);
        g_assert_cmpuint(ready.n, ==, 1);
        g_assert_cmpint(ready.result, ==, FENCE_NOT_OURS);
        g_free(waiting.text);
        g_free(ready.text);
        bench_deinit(&bench);
}

static void test_too_many(void)
{
        static Heard heard[FENCE_WAITING_MAX + 1];
        Bench bench;

        bench_init(&bench);
        bench.admin.silent = ASK_USER;
        for (size_t i = 0; i < G_N_ELEMENTS(heard); i++)
                fence_ask(bench.fence, &bench.service, "alice", hear, &heard[i]);
        spin(&bench);
        g_assert_cmpuint(heard[0].n, ==, 0);
        g_assert_cmpuint(heard[FENCE_WAITING_MAX - 1].n, ==, 0);
        g_assert_cmpuint(heard[FENCE_WAITING_MAX].n, ==, 1);
        g_assert_cmpint(heard[FENCE_WAITING_MAX].result, ==, FENCE_UNAVAILABLE);
        g_clear_pointer(&bench.fence, fence_free);
        for (size_t i = 0; i < G_N_ELEMENTS(heard); i++) {
                g_assert_cmpuint(heard[i].n, ==, 1);
                g_assert_cmpint(heard[i].result, ==, FENCE_UNAVAILABLE);
                g_free(heard[i].text);
        }
        bench_deinit(&bench);
}

/* The directory knows by id what a path in an answer only seems to be. */
static void test_directory_path(void)
{
        Bench bench;

        bench_init(&bench);
        bench.directory.groups[0] =
            (Group){ .key = (char *) "group:g1", .source = (char *) "/really/ops" };
        bench.directory.groups[1] =
            (Group){ .key = (char *) "group:g2", .source = (char *) "/eng/platform" };
        bench.directory.n_groups = 2;
        bench_set_policy(&bench, "groups = /ops");
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_DENIED);
        bench_set_policy(&bench, "groups = /really/ops");
        g_assert_cmpint(ask(&bench, "alice").result, ==, FENCE_ALLOWED);
        bench_deinit(&bench);
}

/* The service is gone by a reload while its question is under way. */
static void test_reload(void)
{
        Heard heard = { 0 };
        Bench bench;

        bench_init(&bench);
        bench_set_policy(&bench, "groups = /admins");
        fence_ask(bench.fence, &bench.service, "alice", hear, &heard);
        bench_set_policy(&bench, "");
        memset(&bench.service, 0, sizeof(bench.service));
        spin(&bench);
        g_assert_cmpint(heard.result, ==, FENCE_DENIED);
        g_assert_cmpstr(heard.text, ==, "Login refused.");
        g_free(heard.text);
        bench_deinit(&bench);
}

/* A row's first member is its sentence. */
static void add_rows(const char *prefix, const void *rows, size_t n_rows, size_t row_size,
                     GTestDataFunc test)
{
        for (size_t i = 0; i < n_rows; i++) {
                const void *row = (const char *) rows + i * row_size;
                g_autofree char *path =
                    g_strdup_printf("/fence/%s: %s", prefix, *(const char *const *) row);

                g_test_add_data_func(path, row, test);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add_rows("realm", realm_rows, G_N_ELEMENTS(realm_rows), sizeof(realm_rows[0]), test_realm);
        add_rows("stale", stale_rows, G_N_ELEMENTS(stale_rows), sizeof(stale_rows[0]), test_stale);
        add_rows("ours", ours_rows, G_N_ELEMENTS(ours_rows), sizeof(ours_rows[0]), test_ours);
        g_test_add_func("/fence/what the realm said last is lived on", test_remembered);
        g_test_add_func("/fence/a no of the directory wins while the realm cannot be asked",
                        test_directorys_no);
        g_test_add_func("/fence/what a login proved is lived on, and never more than that",
                        test_learned);
        g_test_add_func("/fence/an account that became local is not ours any more",
                        test_local_later);
        g_test_add_func("/fence/without a directory who is not found is denied",
                        test_not_found_by_name);
        g_test_add_func("/fence/what was asked just now is not asked again", test_fresh);
        g_test_add_func("/fence/equal questions are asked once", test_together);
        g_test_add_func("/fence/silence ends at the deadline", test_deadline);
        g_test_add_func("/fence/who waits when it ends is told unavailable", test_free);
        g_test_add_func("/fence/one too many is unavailable", test_too_many);
        g_test_add_func("/fence/a group's path is the directory's", test_directory_path);
        g_test_add_func("/fence/a reload does not change a question under way", test_reload);
        return g_test_run();
}

/* authctl_people: users, groups and id: people as accounts of this host. */
#include "authctl.h"

#include "authctl_ask.h"
#include "authctl_pages.h"
#include "authctl_text.h"
#include "base/clock.h"
#include "token/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SYNC_DEADLINE_SEC 660 /* longer than the daemon's own */

/* add_number: null, an id that nobody has, is "-". */
static void add_number(Table *table, const json_t *object, const char *name)
{
        const json_t *number = json_object_get(object, name);
        g_autofree char *text =
            json_is_integer(number)
                ? g_strdup_printf("%lld", (long long) json_integer_value(number))
                : NULL;

        table_add(table, STYLE_PLAIN, text);
}

static Style style_of_state(const char *state)
{
        if (g_strcmp0(state, "refused") == 0)
                return STYLE_BAD;
        return g_strcmp0(state, "active") == 0 ? STYLE_GOOD : STYLE_WARN;
}

/* has_id: whether it is an account, whatever else is wrong with it. */
static bool has_id(const json_t *thing, const char *id)
{
        return ask_text(thing, "name") && ask_number(thing, id) != 0;
}

/* --- users ---------------------------------------------------------------------------------- */

/* shown_name: who is no account has none here; then it is the realm's. */
static const char *shown_name(const json_t *person)
{
        const char *name = ask_text(person, "name");

        return name ? name : ask_text(person, "username");
}

static void add_person(Table *table, const json_t *person)
{
        const char *state = has_id(person, "uid") ? ask_text(person, "state") : "refused";

        table_add(table, STYLE_BOLD, shown_name(person));
        add_number(table, person, "uid");
        add_number(table, person, "gid");
        table_add(table, style_of_state(state), state);
        table_add(table, STYLE_PLAIN, ask_text(person, "gecos"));
        table_note(table, ask_text(person, "trouble"));
}

static void gather_person(const json_t *person, void *userdata)
{
        g_ptr_array_add(userdata, json_incref((json_t *) person));
}

static void free_person(void *person)
{
        json_decref(person);
}

static int compare_people(const void *a, const void *b)
{
        return g_strcmp0(shown_name(*(json_t *const *) a), shown_name(*(json_t *const *) b));
}

static void print_people(GPtrArray *people)
{
        static const char *const titles[] = { "NAME", "UID", "GID", "STATE", "FULL NAME", NULL };
        g_autoptr(Table) table = table_new(titles);

        if (people->len == 0) {
                printf("Nobody is known. Ask the realm with authctl users sync; `within` of "
                       "[users] may leave everybody out.\n");
                return;
        }
        g_ptr_array_sort(people, compare_people);
        for (guint i = 0; i < people->len; i++)
                add_person(table, people->pdata[i]);
        table_print(table);
}

/* The daemon's order is that of the subjects. */
static AuthctlExit list_users(const AuthctlOptions *options)
{
        g_autoptr(GPtrArray) people = g_ptr_array_new_with_free_func(free_person);
        AuthctlExit code = pages_each(options, "/v1/users", "people", gather_person, people);

        if (code == AUTHCTL_OK && !options->json)
                print_people(people);
        return code;
}

static void print_sync(const json_t *answer)
{
        printf("%lld people and %lld groups, in %.1f s.\n",
               (long long) ask_number(answer, "people"), (long long) ask_number(answer, "groups"),
               json_number_value(json_object_get(answer, "seconds")));
}

static AuthctlExit sync_users(AuthctlOptions *options, bool force)
{
        g_auto(Answer) answer = { 0 };
        json_auto *question = force ? json_pack("{s:b}", "force", 1) : json_object();

        options->deadline_sec = SYNC_DEADLINE_SEC;
        if (isatty(STDERR_FILENO) && !options->json)
                fprintf(stderr, "Asking the realm for everybody; that may take minutes.\n");
        return ask_show(options, "/v1/users/sync", question, print_sync, &answer);
}

/* What is exported is a file of its own: nothing in it is for a terminal, colons cannot be there.
 */
static void print_passwd(const json_t *person, void *userdata)
{
        if (!has_id(person, "uid"))
                return;
        printf("%s:*:%lld:%lld:%s:%s:%s\n", ask_text(person, "name"),
               (long long) ask_number(person, "uid"), (long long) ask_number(person, "gid"),
               ask_text(person, "gecos"), ask_text(person, "home"), ask_text(person, "shell"));
}

/* Members: the names of a group, gathered from the people. */
static void gather_members(const json_t *person, void *userdata)
{
        GHashTable *members = userdata;
        const char *name = ask_text(person, "name");
        size_t index;
        json_t *group;

        if (!has_id(person, "uid"))
                return;
        json_array_foreach (json_object_get(person, "groups"), index, group) {
                const char *of = json_string_value(group);
                GString *list = g_hash_table_lookup(members, of);

                if (!list) {
                        list = g_string_new(NULL);
                        g_hash_table_insert(members, g_strdup(of), list);
                }
                g_string_append_printf(list, "%s%s", list->len > 0 ? "," : "", name);
        }
}

static void print_group(const json_t *group, void *userdata)
{
        GHashTable *members = userdata;
        const char *name = ask_text(group, "name");
        const GString *list = name ? g_hash_table_lookup(members, name) : NULL;

        if (!has_id(group, "gid") || json_is_true(json_object_get(group, "local")))
                return;
        printf("%s:*:%lld:%s\n", name, (long long) ask_number(group, "gid"), list ? list->str : "");
}

/* print_own_group: of a person whose primary group is her own. */
static void print_own_group(const json_t *person, void *userdata)
{
        if (has_id(person, "uid") && ask_number(person, "uid") == ask_number(person, "gid"))
                printf("%s:*:%lld:\n", ask_text(person, "name"),
                       (long long) ask_number(person, "gid"));
}

static void free_list(void *list)
{
        g_string_free(list, TRUE);
}

static AuthctlExit export_groups(const AuthctlOptions *options)
{
        g_autoptr(GHashTable) members =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_list);
        AuthctlExit code = pages_each(options, "/v1/users", "people", gather_members, members);

        if (code == AUTHCTL_OK)
                code = pages_each(options, "/v1/users", "people", print_own_group, NULL);
        if (code == AUTHCTL_OK)
                code = pages_each(options, "/v1/groups", "groups", print_group, members);
        return code;
}

static AuthctlExit export_users(AuthctlOptions *options, const char *what)
{
        options->json = false;
        if (g_strcmp0(what, "passwd") == 0)
                return pages_each(options, "/v1/users", "people", print_passwd, NULL);
        if (g_strcmp0(what, "group") == 0)
                return export_groups(options);
        return authctl_complain(AUTHCTL_USAGE, "users export takes passwd or group");
}

static AuthctlExit complain_users(void)
{
        return authctl_complain(AUTHCTL_USAGE,
                                "users takes sync, export passwd, export group or nothing, and "
                                "--force with sync alone; one person: authctl id NAME");
}

int authctl_users(int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { .n_optional = 2 };
        gboolean force = false;
        const GOptionEntry own[] = {
                { "force", 'f', 0, G_OPTION_ARG_NONE, &force,
                  "sync: even if it makes more than half of the people gone", NULL },
                { NULL },
        };
        const char *what;
        bool is_sync;

        if (!authctl_options(&options, own, "[sync | export passwd | export group]", argc, argv))
                return AUTHCTL_USAGE;
        what = options.words[0];
        is_sync = g_strcmp0(what, "sync") == 0 && !options.words[1];
        if (force && !is_sync)
                return complain_users();
        if (!what)
                return list_users(&options);
        if (is_sync)
                return sync_users(&options, force);
        if (strcmp(what, "export") == 0)
                return export_users(&options, options.words[1]);
        return complain_users();
}

/* --- groups, id ------------------------------------------------------------------------------ */

static void add_group(const json_t *group, void *userdata)
{
        Table *table = userdata;
        const char *trouble = ask_text(group, "trouble");

        table_add(table, STYLE_BOLD, ask_text(group, "name"));
        add_number(table, group, "gid");
        table_add(table, STYLE_PLAIN, ask_text(group, "source"));
        add_number(table, group, "members");
        if (!has_id(group, "gid") && trouble)
                table_add(table, STYLE_BAD, "refused");
        else if (json_is_true(json_object_get(group, "local")))
                table_add(table, STYLE_PLAIN, "the host's own");
        else
                table_add(table, STYLE_GOOD, "active");
        table_note(table, trouble);
}

int authctl_groups(int argc, char **argv)
{
        static const char *const titles[] = { "NAME",    "GID",   "IN THE REALM",
                                              "MEMBERS", "STATE", NULL };
        g_auto(AuthctlOptions) options = { 0 };
        g_autoptr(Table) table = table_new(titles);
        AuthctlExit code;

        if (!authctl_options(&options, NULL, "", argc, argv))
                return AUTHCTL_USAGE;
        code = pages_each(&options, "/v1/groups", "groups", add_group, table);
        if (code == AUTHCTL_OK && !options.json)
                table_print(table);
        return code;
}

static void add_fact(Table *table, const char *name, const char *value)
{
        table_add(table, STYLE_DIM, name);
        table_add(table, STYLE_PLAIN, value);
}

static void add_times(Table *table, const json_t *person)
{
        gint64 now_sec = clock_wall_sec();
        g_autofree char *seen = text_time(ask_number(person, "seen_at"), now_sec);
        g_autofree char *gone = text_time(ask_number(person, "gone_since"), now_sec);

        add_fact(table, "last login here", seen);
        if (ask_number(person, "gone_since") > 0)
                add_fact(table, "gone since", gone);
}

static void print_id(const json_t *answer)
{
        static const char *const untitled[] = { "", "", NULL };
        const json_t *person = json_object_get(answer, "person");
        g_autoptr(Table) table = table_new(untitled);
        g_autoptr(GString) groups = g_string_new(NULL);
        size_t index;
        json_t *group;

        json_array_foreach (json_object_get(answer, "groups"), index, group)
                g_string_append_printf(groups, "%s%s (%lld)", groups->len > 0 ? ", " : "",
                                       ask_text(group, "name"),
                                       (long long) ask_number(group, "gid"));
        add_fact(table, "name", ask_text(person, "name"));
        add_fact(table, "in the realm", ask_text(person, "username"));
        add_fact(table, "subject", ask_text(person, "subject"));
        table_add(table, STYLE_DIM, "uid");
        add_number(table, person, "uid");
        table_add(table, STYLE_DIM, "gid");
        add_number(table, person, "gid");
        add_fact(table, "state", ask_text(person, "state"));
        add_fact(table, "home", ask_text(person, "home"));
        add_fact(table, "shell", ask_text(person, "shell"));
        add_fact(table, "groups", groups->str);
        add_times(table, person);
        if (ask_text(person, "trouble"))
                add_fact(table, "trouble", ask_text(person, "trouble"));
        table_print(table);
}

int authctl_id(int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { .n_words = 1 };
        g_auto(Answer) answer = { 0 };
        g_autofree char *name = NULL, *path = NULL;

        if (!authctl_options(&options, NULL, "NAME", argc, argv))
                return AUTHCTL_USAGE;
        name = g_uri_escape_string(options.words[0], NULL, false);
        path = g_strconcat("/v1/id?name=", name, NULL);
        return ask_show(&options, path, NULL, print_id, &answer);
}

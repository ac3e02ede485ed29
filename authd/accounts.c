/* accounts: see accounts.h. */
#include "accounts.h"

#include "token/json.h"

#include <inttypes.h>

#define TEXT_PLAIN "text/plain; charset=utf-8"
#define NO_SECTION                                                                                 \
        "There is no section [users] in authd.conf, so nobody of a realm is an account here; see " \
        "authd.conf(5)."

void accounts_json(json_t *value, MainAnswer *ret)
{
        char *text = json_dumps(value, JSON_COMPACT);

        *ret = (MainAnswer){ .status = 200, .body = g_strdup(text) };
        free(text);
        json_decref(value);
}

void accounts_problem(unsigned status, const char *word, const char *detail, MainAnswer *ret)
{
        accounts_json(json_pack("{s:s, s:s}", "error", word, "detail", detail), ret);
        ret->status = status;
}

static void answer_text(GString *text, MainAnswer *ret)
{
        *ret = (MainAnswer){ .status = 200,
                             .content_type = TEXT_PLAIN,
                             .body = g_string_free(text, FALSE) };
}

static const char *parameter(const json_t *query, const char *name)
{
        return json_string_value(json_object_get(query, name));
}

/* The doors have seen that it is a number. */
static uint32_t number_parameter(const json_t *query, const char *name, uint32_t fallback)
{
        const char *text = parameter(query, name);

        return text ? (uint32_t) g_ascii_strtoull(text, NULL, 10) : fallback;
}

static void answer_not_found(const Accounts *accounts, MainAnswer *ret)
{
        if (!accounts->directory)
                accounts_problem(404, "not_found", NO_SECTION, ret);
        else if (accounts->filled)
                accounts_problem(
                    404, "not_found",
                    "There is no such account; authctl users says who was refused, and why.", ret);
        else
                accounts_problem(503, "unavailable",
                                 "The realm's people have not been read yet, so that nobody knows.",
                                 ret);
}

static bool is_in(const Person *person, uint32_t gid)
{
        size_t first = 0, end = person->n_gids;

        while (first < end) {
                size_t middle = first + (end - first) / 2;

                if (person->gids[middle] == gid)
                        return true;
                if (person->gids[middle] < gid)
                        first = middle + 1;
                else
                        end = middle;
        }
        return false;
}

/* passwd */

static void append_passwd(GString *out, const Person *person)
{
        g_string_append_printf(out, "%s:*:%" PRIu32 ":%" PRIu32 ":%s:%s:%s\n", person->name,
                               person->uid, person->gid, person->gecos, person->home,
                               person->shell);
}

static bool is_enumerated(const Accounts *accounts, const Person *person)
{
        return accounts->settings->enumerate && person->seen_sec > 0 && person_is_account(person);
}

static void enumerate_people(const Accounts *accounts, GString *out)
{
        for (size_t i = 0; i < directory_n_people(accounts->directory); i++) {
                const Person *person = directory_person(accounts->directory, i);

                if (is_enumerated(accounts, person))
                        append_passwd(out, person);
        }
}

static void answer_passwd(const Accounts *accounts, const json_t *query, MainAnswer *ret)
{
        const Directory *directory = accounts->directory;
        const char *name = parameter(query, "name");
        GString *out = g_string_new(NULL);
        const Person *person = NULL;

        if (name)
                person = directory_person_by_name(directory, span_from(name));
        else if (parameter(query, "uid"))
                person = directory_person_by_uid(directory, number_parameter(query, "uid", 0));
        else
                enumerate_people(accounts, out);
        if (person)
                append_passwd(out, person);
        if (person || json_object_size(query) == 0) {
                answer_text(out, ret);
                return;
        }
        g_string_free(out, TRUE);
        answer_not_found(accounts, ret);
}

/* group */

/* Whether the person has a group of their own: its gid is the uid. */
static bool has_own_group(const Person *person)
{
        return person && person->gid == person->uid;
}

static void append_group(const Accounts *accounts, GString *out, const Group *group)
{
        const char *before = "";

        g_string_append_printf(out, "%s:*:%" PRIu32 ":", group->name, group->gid);
        for (size_t i = 0; i < directory_n_people(accounts->directory); i++) {
                const Person *person = directory_person(accounts->directory, i);

                if (!person_is_account(person) || !is_in(person, group->gid))
                        continue;
                g_string_append_printf(out, "%s%s", before, person->name);
                before = ",";
        }
        g_string_append_c(out, '\n');
}

static void append_own_group(GString *out, const Person *person)
{
        g_string_append_printf(out, "%s:*:%" PRIu32 ":\n", person->name, person->gid);
}

/* A group of /etc/group is served from there. */
static const Group *not_local(const Group *group)
{
        return group && !group->local ? group : NULL;
}

/* append_found: a group of the realm, or a person's own. False: neither is there. */
static bool append_found(const Accounts *accounts, GString *out, const Group *group,
                         const Person *owner)
{
        if (not_local(group))
                append_group(accounts, out, group);
        else if (has_own_group(owner))
                append_own_group(out, owner);
        else
                return false;
        return true;
}

/* append_gids: what initgroups(3) adds to the primary group. */
static bool append_gids(const Accounts *accounts, GString *out, const char *user)
{
        const Person *person = directory_person_by_name(accounts->directory, span_from(user));

        for (size_t i = 0; person && i < person->n_gids; i++)
                g_string_append_printf(out, "%" PRIu32 "\n", person->gids[i]);
        return person != NULL;
}

static void add_gids(GHashTable *gids, const Person *person)
{
        g_hash_table_add(gids, GUINT_TO_POINTER(person->gid));
        for (size_t i = 0; i < person->n_gids; i++)
                g_hash_table_add(gids, GUINT_TO_POINTER(person->gids[i]));
}

/* enumerate_groups: those of the people who are enumerated. */
static void enumerate_groups(const Accounts *accounts, GString *out)
{
        const Directory *directory = accounts->directory;
        g_autoptr(GHashTable) gids = g_hash_table_new(NULL, NULL);

        for (size_t i = 0; i < directory_n_people(directory); i++) {
                const Person *person = directory_person(directory, i);

                if (!is_enumerated(accounts, person))
                        continue;
                add_gids(gids, person);
                if (has_own_group(person))
                        append_own_group(out, person);
        }
        for (size_t i = 0; i < directory_n_groups(directory); i++) {
                const Group *group = directory_group(directory, i);

                if (group_is_account(group) && not_local(group) &&
                    g_hash_table_contains(gids, GUINT_TO_POINTER(group->gid)))
                        append_group(accounts, out, group);
        }
}

static bool append_asked_groups(const Accounts *accounts, const json_t *query, GString *out)
{
        const Directory *directory = accounts->directory;
        const char *name = parameter(query, "name");
        uint32_t gid = number_parameter(query, "gid", 0);

        if (parameter(query, "user"))
                return append_gids(accounts, out, parameter(query, "user"));
        if (name)
                return append_found(accounts, out,
                                    directory_group_by_name(directory, span_from(name)),
                                    directory_person_by_name(directory, span_from(name)));
        if (parameter(query, "gid"))
                return append_found(accounts, out, directory_group_by_gid(directory, gid),
                                    directory_person_by_uid(directory, gid));
        enumerate_groups(accounts, out);
        return true;
}

static void answer_group(const Accounts *accounts, const json_t *query, MainAnswer *ret)
{
        GString *out = g_string_new(NULL);

        if (append_asked_groups(accounts, query, out)) {
                answer_text(out, ret);
                return;
        }
        g_string_free(out, TRUE);
        answer_not_found(accounts, ret);
}

/* What administrators see. */

/* Numbers: of each gid, the group that has it and how many are in it. */
typedef struct Numbers {
        GHashTable *groups, *counts;
} Numbers;

static void numbers_clear(Numbers *numbers)
{
        g_hash_table_unref(numbers->groups);
        g_hash_table_unref(numbers->counts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Numbers, numbers_clear)

static Numbers numbers_of_groups(const Directory *directory)
{
        Numbers numbers = { g_hash_table_new(NULL, NULL), g_hash_table_new(NULL, NULL) };

        for (size_t i = 0; i < directory_n_groups(directory); i++) {
                const Group *group = directory_group(directory, i);

                if (group_is_account(group))
                        g_hash_table_insert(numbers.groups, GUINT_TO_POINTER(group->gid),
                                            (void *) group);
        }
        return numbers;
}

static void count_in(const Numbers *numbers, uint32_t gid)
{
        guint n = GPOINTER_TO_UINT(g_hash_table_lookup(numbers->counts, GUINT_TO_POINTER(gid)));

        g_hash_table_insert(numbers->counts, GUINT_TO_POINTER(gid), GUINT_TO_POINTER(n + 1));
}

static void count_members(const Directory *directory, const Numbers *numbers)
{
        for (size_t i = 0; i < directory_n_people(directory); i++) {
                const Person *person = directory_person(directory, i);

                if (!person_is_account(person))
                        continue;
                count_in(numbers, person->gid);
                for (size_t j = 0; j < person->n_gids; j++)
                        count_in(numbers, person->gids[j]);
        }
}

static json_t *time_or_null(int64_t sec)
{
        return sec > 0 ? json_integer(sec) : json_null();
}

static json_t *id_or_null(uint32_t id)
{
        return id != UID_NONE ? json_integer(id) : json_null();
}

/* text: what a realm said may be no UTF-8 where it came another way than as JSON. */
static json_t *text(const char *value)
{
        g_autofree char *valid = value ? g_utf8_make_valid(value, -1) : NULL;

        return valid ? json_string(valid) : json_null();
}

static json_t *text_or_empty(const char *value)
{
        return text(value ? value : "");
}

static json_t *group_names(const Person *person, const Numbers *numbers)
{
        json_t *names = json_array();

        for (size_t i = 0; i < person->n_gids; i++) {
                const Group *group =
                    g_hash_table_lookup(numbers->groups, GUINT_TO_POINTER(person->gids[i]));

                if (group)
                        json_array_append_new(names, json_string(group->name));
        }
        return names;
}

static json_t *describe_person(const Person *person, const Numbers *numbers)
{
        return json_pack(
            "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "subject",
            text_or_empty(person->subject), "username", text_or_empty(person->username), "name",
            text(person->name), "uid", id_or_null(person->uid), "gid", id_or_null(person->gid),
            "gecos", text_or_empty(person->gecos), "home", text_or_empty(person->home), "shell",
            text_or_empty(person->shell), "state", person_state_text(person->state), "gone_since",
            time_or_null(person->gone_since_sec), "seen_at", time_or_null(person->seen_sec),
            "groups", group_names(person, numbers), "trouble", text(person->trouble));
}

static bool is_after(const char *key, const char *after)
{
        return !after || strcmp(key, after) > 0;
}

static bool has_in_it(const char *name, const char *part)
{
        return name && strstr(name, part);
}

static bool is_asked(const Person *person, const json_t *query)
{
        const char *part = parameter(query, "q");

        return is_after(person->subject, parameter(query, "after")) &&
               (!part || has_in_it(person->name, part) || has_in_it(person->username, part));
}

/* next_of: the key of a page's last row, where the page is full; so the next may be empty. */
static json_t *next_of(const json_t *rows, const char *key, size_t limit)
{
        size_t n = json_array_size(rows);
        json_t *last = n > 0 && n == limit ? json_array_get(rows, n - 1) : NULL;

        return last ? json_incref(json_object_get(last, key)) : json_null();
}

static void answer_users(const Accounts *accounts, const json_t *query, MainAnswer *ret)
{
        const Directory *directory = accounts->directory;
        size_t limit = number_parameter(query, "limit", ACCOUNTS_LIMIT_DEFAULT);
        g_auto(Numbers) numbers = numbers_of_groups(directory);
        json_t *people = json_array();

        for (size_t i = 0; i < directory_n_people(directory) && json_array_size(people) < limit;
             i++) {
                const Person *person = directory_person(directory, i);

                if (is_asked(person, query))
                        json_array_append_new(people, describe_person(person, &numbers));
        }
        json_t *next = next_of(people, "subject", limit);
        accounts_json(json_pack("{s:o, s:o}", "people", people, "next", next), ret);
}

static json_t *describe_group(const Group *group, const Numbers *numbers)
{
        guint n_members =
            GPOINTER_TO_UINT(g_hash_table_lookup(numbers->counts, GUINT_TO_POINTER(group->gid)));

        return json_pack("{s:o, s:o, s:o, s:o, s:b, s:I, s:o}", "key", text_or_empty(group->key),
                         "source", text_or_empty(group->source), "name", text(group->name), "gid",
                         id_or_null(group->gid), "local", (int) group->local, "members",
                         (json_int_t) (group_is_account(group) ? n_members : 0), "trouble",
                         text(group->trouble));
}

static void answer_groups(const Accounts *accounts, const json_t *query, MainAnswer *ret)
{
        const Directory *directory = accounts->directory;
        size_t limit = number_parameter(query, "limit", ACCOUNTS_LIMIT_DEFAULT);
        g_auto(Numbers) numbers = numbers_of_groups(directory);
        json_t *groups = json_array();

        count_members(directory, &numbers);
        for (size_t i = 0; i < directory_n_groups(directory) && json_array_size(groups) < limit;
             i++) {
                const Group *group = directory_group(directory, i);

                if (is_after(group->key, parameter(query, "after")))
                        json_array_append_new(groups, describe_group(group, &numbers));
        }
        json_t *next = next_of(groups, "key", limit);
        accounts_json(json_pack("{s:o, s:o}", "groups", groups, "next", next), ret);
}

/* own_row: the group that a person has of their own, or the primary one that the settings name. */
static json_t *describe_membership(uint32_t gid, const Person *person, const Numbers *numbers)
{
        const Group *group = g_hash_table_lookup(numbers->groups, GUINT_TO_POINTER(gid));

        if (!group && gid != person->uid)
                return NULL;
        return json_pack("{s:s, s:I, s:o}", "name", group ? group->name : person->name, "gid",
                         (json_int_t) gid, "source", group ? text(group->source) : json_null());
}

static void answer_id(const Accounts *accounts, const json_t *query, MainAnswer *ret)
{
        Span name = span_from(parameter(query, "name"));
        const Person *person = directory_person_by_name(accounts->directory, name);
        g_auto(Numbers) numbers = numbers_of_groups(accounts->directory);
        json_t *groups;

        if (!person) {
                answer_not_found(accounts, ret);
                return;
        }
        groups = json_array();
        json_array_append_new(groups, describe_membership(person->gid, person, &numbers));
        for (size_t i = 0; i < person->n_gids; i++)
                json_array_append_new(groups,
                                      describe_membership(person->gids[i], person, &numbers));
        accounts_json(
            json_pack("{s:o, s:o}", "person", describe_person(person, &numbers), "groups", groups),
            ret);
}

/* ids */

static json_t *describe_person_id(const Person *person)
{
        return json_pack("{s:s, s:s, s:o, s:I, s:s}", "key", person->subject, "kind", "person",
                         "name", text(person->name), "id", (json_int_t) person->uid, "state",
                         person_state_text(person->state));
}

static json_t *describe_group_id(const Group *group)
{
        return json_pack("{s:s, s:s, s:o, s:I, s:s}", "key", group->key, "kind", "group", "name",
                         text(group->name), "id", (json_int_t) group->gid, "state",
                         person_state_text(PERSON_ACTIVE));
}

static bool has_own_id(const Group *group)
{
        return group->gid != UID_NONE && !group->local;
}

/* id_rows: people and groups as one list in the order of their keys. */
static json_t *id_rows(const Directory *directory, const char *after, size_t limit)
{
        size_t n_people = directory_n_people(directory), n_groups = directory_n_groups(directory);
        size_t i = 0, j = 0;
        json_t *rows = json_array();

        while ((i < n_people || j < n_groups) && json_array_size(rows) < limit) {
                const Person *person = i < n_people ? directory_person(directory, i) : NULL;
                const Group *group = j < n_groups ? directory_group(directory, j) : NULL;
                bool person_first = person && (!group || strcmp(person->subject, group->key) < 0);

                if (person_first)
                        i++;
                else
                        j++;
                if (person_first && person->uid != UID_NONE && is_after(person->subject, after))
                        json_array_append_new(rows, describe_person_id(person));
                if (!person_first && has_own_id(group) && is_after(group->key, after))
                        json_array_append_new(rows, describe_group_id(group));
        }
        return rows;
}

/* Collisions: rows of one number, which come together. */
static void add_collision(uint32_t id, const char *key, const char *name, bool has_it,
                          void *userdata)
{
        json_t *collisions = userdata;
        size_t n = json_array_size(collisions);
        json_t *last = n > 0 ? json_array_get(collisions, n - 1) : NULL;

        if (!last || json_integer_value(json_object_get(last, "id")) != id) {
                if (n == ACCOUNTS_COLLISIONS_MAX)
                        return;
                last = json_pack("{s:I, s:[]}", "id", (json_int_t) id, "keys");
                json_array_append_new(collisions, last);
        }
        json_array_append_new(json_object_get(last, "keys"), json_string(key));
}

static size_t n_with_ids(const Directory *directory)
{
        size_t n = directory_n_people(directory);

        for (size_t i = 0; i < directory_n_groups(directory); i++)
                n += !directory_group(directory, i)->local;
        return n;
}

static void answer_ids(const Accounts *accounts, const json_t *query, MainAnswer *ret)
{
        const Directory *directory = accounts->directory;
        const UsersSettings *settings = accounts->settings;
        size_t limit = number_parameter(query, "limit", ACCOUNTS_LIMIT_DEFAULT);
        json_t *rows = id_rows(directory, parameter(query, "after"), limit);
        json_t *next = next_of(rows, "key", limit);
        json_t *collisions = json_array();

        directory_each_collision(directory, add_collision, collisions);
        accounts_json(json_pack("{s:s, s:[I, I], s:o, s:o, s:f, s:o}", "issuer",
                                accounts->issuer_url, "range", (json_int_t) settings->id_first,
                                (json_int_t) settings->id_last, "ids", rows, "collisions",
                                collisions, "expected_collisions",
                                ids_expected_collisions(n_with_ids(directory), settings->id_first,
                                                        settings->id_last),
                                "next", next),
                      ret);
}

bool accounts_looks_at_all(MainQuestion question, const json_t *query)
{
        if (question == MAIN_GROUP)
                return !parameter(query, "user");
        return question == MAIN_PASSWD && json_object_size(query) == 0;
}

void accounts_answer(const Accounts *accounts, MainQuestion question, const json_t *query,
                     MainAnswer *ret)
{
        static void (*const answers[_MAIN_QUESTION_MAX])(const Accounts *, const json_t *,
                                                         MainAnswer *) = {
                [MAIN_PASSWD] = answer_passwd, [MAIN_GROUP] = answer_group,
                [MAIN_USERS] = answer_users,   [MAIN_GROUPS] = answer_groups,
                [MAIN_ID] = answer_id,         [MAIN_IDS] = answer_ids,
        };
        bool is_lookup = question == MAIN_PASSWD || question == MAIN_GROUP || question == MAIN_ID;

        if (accounts->directory)
                answers[question](accounts, query, ret);
        else if (is_lookup)
                answer_not_found(accounts, ret);
        else
                accounts_problem(404, "no_people", NO_SECTION, ret);
}

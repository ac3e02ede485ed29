/* changes: see changes.h. */
#include "users/changes.h"

#include "users/representation.h"

#include <errno.h>

struct Changes {
        Admin *admin;
        Directory *directory;
        LookDone done;
        void *userdata;
        AdminCall *call;
        GPtrArray *subjects;
        guint index;
        GPtrArray *roles; /* those that rules name */
        json_t *user;     /* of the one at index */
        GPtrArray *keys;  /* of its groups and roles */
};

ChangeKind change_of_path(const char *path, char **ret_subject)
{
        g_auto(GStrv) parts = g_strsplit(path, "/", 3);
        const char *first = parts[0] ? parts[0] : "";
        bool is_client = strcmp(first, "clients") == 0 && parts[1] && parts[2];
        bool names_roles = strcmp(first, "roles") == 0 || strcmp(first, "roles-by-id") == 0 ||
                           (is_client && g_str_has_prefix(parts[2], "roles"));

        if (strcmp(first, "users") == 0 && parts[1] && *parts[1]) {
                if (strlen(parts[1]) > RECORD_SUBJECT_MAX)
                        return CHANGE_MANY; /* which says aloud what is wrong with it */
                *ret_subject = g_strdup(parts[1]);
                return CHANGE_PERSON;
        }
        return strcmp(first, "groups") == 0 || names_roles ? CHANGE_MANY : CHANGE_NOTHING;
}

static const char *subject(const Changes *changes)
{
        return changes->subjects->pdata[changes->index];
}

static void finish(Changes *changes, LookResult result, const char *trouble)
{
        const LookAnswer answer = { result, trouble };

        changes->done(&answer, changes->userdata);
}

static void ask_person(Changes *changes);

static void forget_person(Changes *changes)
{
        g_clear_pointer(&changes->user, json_decref);
        g_ptr_array_set_size(changes->keys, 0);
}

/* person_done: r is the directory's. */
static void person_done(Changes *changes, int r)
{
        if (r < 0) {
                finish(changes, LOOK_UNWRITTEN, g_strerror(-r));
                return;
        }
        forget_person(changes);
        changes->index++;
        if (changes->index < changes->subjects->len)
                ask_person(changes);
        else
                finish(changes, LOOK_OK, NULL);
}

/* leave: who is not there, whether they were known or not. */
static void leave(Changes *changes)
{
        const Person *known = directory_person_by_subject(changes->directory, subject(changes));

        person_done(changes, known ? directory_person_gone(changes->directory, known->subject) : 0);
}

/* take: false: the look has ended. */
static bool take(Changes *changes, const AdminAnswer *answer)
{
        LookAnswer told;

        if (!answer->more)
                changes->call = NULL;
        if (answer->result == ADMIN_OK)
                return true;
        if (answer->result == ADMIN_NOT_FOUND) {
                leave(changes);
                return false;
        }
        told = look_answer(answer);
        finish(changes, told.result, told.trouble);
        return false;
}

static void put_person(Changes *changes)
{
        g_auto(ReadPerson) read = { 0 };

        if (!representation_person(changes->user, &read)) {
                finish(changes, LOOK_UNAVAILABLE, "the realm's answer is no person");
                return;
        }
        g_ptr_array_add(changes->keys, NULL);
        read.person.groups = (const char *const *) changes->keys->pdata;
        person_done(changes, directory_change_person(changes->directory, &read.person));
}

static bool array_has(const json_t *names, const char *name)
{
        size_t i;
        json_t *item;

        json_array_foreach (names, i, item)
                if (g_strcmp0(json_string_value(item), name) == 0)
                        return true;
        return false;
}

static bool has_role(const json_t *roles, const char *key)
{
        g_autofree char *client = NULL, *role = NULL;
        const json_t *names;

        representation_role(key, &client, &role);
        names = client ? json_object_get(json_object_get(roles, "clients"), client)
                       : json_object_get(roles, "realm");
        return array_has(names, role);
}

static void roles_told(const AdminAnswer *answer, void *userdata)
{
        Changes *changes = userdata;

        if (!take(changes, answer))
                return;
        for (guint i = 0; i < changes->roles->len; i++)
                if (has_role(answer->items, changes->roles->pdata[i]))
                        g_ptr_array_add(changes->keys, g_strdup(changes->roles->pdata[i]));
        put_person(changes);
}

static void groups_told(const AdminAnswer *answer, void *userdata)
{
        Changes *changes = userdata;
        size_t i;
        json_t *item;

        if (!take(changes, answer))
                return;
        json_array_foreach (answer->items, i, item) {
                const char *id = representation_text(item, "id");

                if (id)
                        g_ptr_array_add(changes->keys, representation_group_key(id));
        }
        if (answer->more)
                return;
        if (changes->roles->len > 0)
                changes->call =
                    admin_user_roles(changes->admin, subject(changes), roles_told, changes);
        else
                put_person(changes);
}

static void person_told(const AdminAnswer *answer, void *userdata)
{
        Changes *changes = userdata;

        if (!take(changes, answer))
                return;
        changes->user = json_incref((json_t *) answer->items);
        changes->call = admin_user_groups(changes->admin, subject(changes), groups_told, changes);
}

static void ask_person(Changes *changes)
{
        changes->call = admin_user(changes->admin, subject(changes), person_told, changes);
}

Changes *changes_start(Admin *admin, Directory *directory, const Naming *naming,
                       GPtrArray *subjects, LookDone done, void *userdata)
{
        Changes *changes = g_new0(Changes, 1);

        g_assert(subjects->len > 0);
        *changes = (Changes){
                .admin = admin,
                .directory = directory,
                .done = done,
                .userdata = userdata,
                .subjects = subjects,
                .roles = naming_roles(naming),
                .keys = g_ptr_array_new_with_free_func(g_free),
        };
        forget_person(changes);
        ask_person(changes);
        return changes;
}

void changes_free(Changes *changes)
{
        if (!changes)
                return;
        admin_cancel(changes->call);
        g_clear_pointer(&changes->user, json_decref);
        g_ptr_array_unref(changes->subjects);
        g_ptr_array_unref(changes->roles);
        g_ptr_array_unref(changes->keys);
        g_free(changes);
}

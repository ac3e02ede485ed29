/* fake_realm: see fake_realm.h. */
#include "fake_realm.h"

struct AdminCall {
        const char *word;
        AdminDone done;
        void *userdata;
        json_t *items; /* NULL: not found */
        size_t sent;
        bool is_list;
};

static struct {
        json_t *root;
        GQueue calls;
        GString *asked;
        const char *fail_word;
        AdminResult fail_result;
} realm;

void fake_realm_open(const char *text)
{
        json_error_t error;

        realm.root = json_loads(text, 0, &error);
        if (!realm.root)
                g_error("%s at %d", error.text, error.position);
        g_queue_init(&realm.calls);
        realm.asked = g_string_new(NULL);
        realm.fail_word = NULL;
}

void fake_realm_close(void)
{
        g_assert_cmpuint(realm.calls.length, ==, 0);
        json_decref(realm.root);
        g_string_free(realm.asked, TRUE);
}

Admin *fake_realm_admin(void)
{
        return (Admin *) &realm;
}

json_t *fake_realm_part(const char *name)
{
        return json_object_get(realm.root, name);
}

static json_t *find(const char *list, const char *member, const char *value)
{
        size_t i;
        json_t *item;

        json_array_foreach (fake_realm_part(list), i, item)
                if (g_strcmp0(json_string_value(json_object_get(item, member)), value) == 0)
                        return item;
        return NULL;
}

json_t *fake_realm_user(const char *id)
{
        return find("users", "id", id);
}

json_t *fake_realm_group(const char *id)
{
        return find("groups", "id", id);
}

void fake_realm_event(int64_t msec, const char *path)
{
        json_array_insert_new(fake_realm_part("events"), 0,
                              json_pack("{s:I, s:s, s:s}", "time", (json_int_t) msec,
                                        "operationType", "UPDATE", "resourcePath", path));
}

void fake_realm_fail(const char *word, AdminResult result)
{
        realm.fail_word = word;
        realm.fail_result = result;
}

char *fake_realm_asked(void)
{
        char *asked = g_strdup(realm.asked->str);

        g_string_truncate(realm.asked, 0);
        return asked;
}

/* Answers */

static void call_free(AdminCall *call)
{
        json_decref(call->items);
        g_free(call);
}

static void answer_failure(AdminCall *call, AdminResult result, const char *trouble)
{
        const AdminAnswer answer = { .result = result, .trouble = trouble };

        g_queue_pop_head(&realm.calls);
        call->done(&answer, call->userdata);
        call_free(call);
}

static json_t *cut_page(const AdminCall *call)
{
        json_t *page = json_array();

        for (size_t i = 0; i < FAKE_REALM_PAGE; i++) {
                json_t *item = json_array_get(call->items, call->sent + i);

                if (item)
                        json_array_append(page, item);
        }
        return page;
}

static void answer_page(AdminCall *call)
{
        json_t *page = call->is_list ? cut_page(call) : json_incref(call->items);
        AdminAnswer answer = { .result = ADMIN_OK, .items = page };

        call->sent += FAKE_REALM_PAGE;
        answer.more = call->is_list && call->sent < json_array_size(call->items);
        if (!answer.more)
                g_queue_pop_head(&realm.calls);
        call->done(&answer, call->userdata);
        json_decref(page);
        if (!answer.more)
                call_free(call);
}

bool fake_realm_step(void)
{
        AdminCall *call = g_queue_peek_head(&realm.calls);

        if (!call)
                return false;
        if (realm.fail_word && strcmp(call->word, realm.fail_word) == 0)
                answer_failure(call, realm.fail_result, "it fails");
        else if (!call->items)
                answer_failure(call, ADMIN_NOT_FOUND, "it is not there");
        else
                answer_page(call);
        return true;
}

void fake_realm_run(void)
{
        while (fake_realm_step())
                ;
}

void admin_cancel(AdminCall *call)
{
        if (!call || !g_queue_remove(&realm.calls, call))
                return;
        call_free(call);
}

/* Questions */

/* ask: takes items. */
static AdminCall *ask(const char *word, json_t *items, AdminDone done, void *userdata)
{
        AdminCall *call = g_new0(AdminCall, 1);

        *call = (AdminCall){ .word = word,
                             .done = done,
                             .userdata = userdata,
                             .items = items,
                             .is_list = json_is_array(items) };
        g_string_append_printf(realm.asked, "%s ", word);
        g_queue_push_tail(&realm.calls, call);
        return call;
}

/* things: those of a list whose ids are in ids; NULL stays NULL. */
static json_t *things(const char *list, const json_t *ids)
{
        json_t *found = ids ? json_array() : NULL;
        size_t i;
        json_t *id;

        json_array_foreach (ids, i, id)
                json_array_append(found, find(list, "id", json_string_value(id)));
        return found;
}

static json_t *of_role(const char *part, const char *list, const char *client, const char *role)
{
        g_autofree char *key = g_strdup_printf("%s:%s", client ? client : "realm", role);

        return things(list, json_object_get(fake_realm_part(part), key));
}

/* As it is when each page is asked for: what is deleted meanwhile moves the rest. */
AdminCall *admin_users(Admin *admin, AdminDone done, void *userdata)
{
        return ask("users", json_incref(fake_realm_part("users")), done, userdata);
}

AdminCall *admin_groups(Admin *admin, AdminDone done, void *userdata)
{
        return ask("groups", json_copy(fake_realm_part("groups")), done, userdata);
}

/* in_brief: takes users. */
static json_t *in_brief(json_t *users)
{
        json_t *found = users ? json_array() : NULL;
        size_t i;
        json_t *user;

        json_array_foreach (users, i, user) {
                json_t *copy = json_copy(user);

                json_object_del(copy, "attributes");
                json_array_append_new(found, copy);
        }
        json_decref(users);
        return found;
}

AdminCall *admin_group_users(Admin *admin, const char *group_id, AdminDone done, void *userdata)
{
        const json_t *ids = json_object_get(fake_realm_part("members"), group_id);

        return ask("group_users", ids ? things("users", ids) : json_array(), done, userdata);
}

AdminCall *admin_group_members(Admin *admin, const char *group_id, AdminDone done, void *userdata)
{
        const json_t *ids = json_object_get(fake_realm_part("members"), group_id);

        return ask("members", ids ? in_brief(things("users", ids)) : json_array(), done, userdata);
}

AdminCall *admin_role_members(Admin *admin, const char *client, const char *role, AdminDone done,
                              void *userdata)
{
        return ask("role_members", in_brief(of_role("role_members", "users", client, role)), done,
                   userdata);
}

AdminCall *admin_role_groups(Admin *admin, const char *client, const char *role, AdminDone done,
                             void *userdata)
{
        return ask("role_groups", of_role("role_groups", "groups", client, role), done, userdata);
}

AdminCall *admin_events(Admin *admin, int64_t since_msec, AdminDone done, void *userdata)
{
        json_t *found = json_array();
        size_t i;
        json_t *event;

        json_array_foreach (fake_realm_part("events"), i, event)
                if (json_integer_value(json_object_get(event, "time")) >= since_msec)
                        json_array_append(found, event);
        return ask("events", found, done, userdata);
}

AdminCall *admin_events_kept(Admin *admin, AdminDone done, void *userdata)
{
        return ask("kept", json_pack("{s:O}", "kept", fake_realm_part("kept")), done, userdata);
}

AdminCall *admin_user(Admin *admin, const char *user_id, AdminDone done, void *userdata)
{
        return ask("user", json_incref(fake_realm_user(user_id)), done, userdata);
}

static bool holds(const json_t *ids, const char *id)
{
        size_t i;
        json_t *item;

        json_array_foreach (ids, i, item)
                if (strcmp(json_string_value(item), id) == 0)
                        return true;
        return false;
}

AdminCall *admin_user_groups(Admin *admin, const char *user_id, AdminDone done, void *userdata)
{
        json_t *found = json_array();
        const char *id;
        json_t *ids;

        json_object_foreach (fake_realm_part("members"), id, ids)
                if (holds(ids, user_id))
                        json_array_append(found, fake_realm_group(id));
        return ask("user_groups", found, done, userdata);
}

/* Realm roles alone. */
AdminCall *admin_user_roles(Admin *admin, const char *user_id, AdminDone done, void *userdata)
{
        json_t *names = json_array();
        const char *key;
        json_t *ids;

        json_object_foreach (fake_realm_part("role_members"), key, ids)
                if (holds(ids, user_id))
                        json_array_append_new(names, json_string(key + strlen("realm:")));
        return ask("user_roles", json_pack("{s:o, s:{}}", "realm", names, "clients"), done,
                   userdata);
}

static void set_attributes(json_t *thing, const json_t *attributes)
{
        const char *name;
        json_t *value;

        if (!json_object_get(thing, "attributes"))
                json_object_set_new(thing, "attributes", json_object());
        json_object_foreach ((json_t *) attributes, name, value)
                json_object_set_new(json_object_get(thing, "attributes"), name,
                                    json_pack("[O]", value));
}

static AdminCall *set(json_t *thing, const json_t *attributes, AdminDone done, void *userdata)
{
        bool fails = realm.fail_word && strcmp(realm.fail_word, "set") == 0;

        if (thing && !fails)
                set_attributes(thing, attributes);
        return ask("set", json_incref(thing), done, userdata);
}

AdminCall *admin_user_set_attributes(Admin *admin, const char *user_id, const json_t *attributes,
                                     AdminDone done, void *userdata)
{
        return set(fake_realm_user(user_id), attributes, done, userdata);
}

AdminCall *admin_group_set_attributes(Admin *admin, const char *group_id, const json_t *attributes,
                                      AdminDone done, void *userdata)
{
        return set(fake_realm_group(group_id), attributes, done, userdata);
}

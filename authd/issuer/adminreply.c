/* adminreply: see adminreply.h. */
#include "issuer/adminreply.h"

#include "issuer/admin.h"
#include "token/json.h"

#define REFUSAL_SIZE_MAX 256
#define ID_BYTES_NOT     "/\\%?#"

bool admin_reply_id_allowed(const char *id)
{
        size_t len = strlen(id);

        for (size_t i = 0; i < len; i++)
                if (g_ascii_iscntrl(id[i]))
                        return false;
        return len > 0 && len <= ADMIN_ID_SIZE_MAX && strcspn(id, ID_BYTES_NOT) == len &&
               strspn(id, ".") < len && g_utf8_validate(id, -1, NULL);
}

/* Members. What is null is not there: Keycloak leaves such members out. */

static bool is_absent(const json_t *object, const char *name)
{
        const json_t *value = json_object_get(object, name);

        return !value || json_is_null(value);
}

static bool is_id(const json_t *object, const char *name)
{
        const char *id = json_string_value(json_object_get(object, name));

        return id && admin_reply_id_allowed(id);
}

static bool is_name(const json_t *object, const char *name)
{
        size_t len = json_string_length(json_object_get(object, name));

        return len > 0 && len <= ADMIN_NAME_SIZE_MAX;
}

static bool is_text_or_absent(const json_t *object, const char *name)
{
        return is_absent(object, name) || json_is_string(json_object_get(object, name));
}

static bool is_strings(const json_t *array)
{
        const json_t *text;
        size_t index;

        json_array_foreach (array, index, text) {
                if (!json_is_string(text))
                        return false;
        }
        return json_is_array(array);
}

static bool is_attributes_or_absent(const json_t *object)
{
        json_t *attributes = json_object_get(object, "attributes"), *values;
        const char *name;

        if (is_absent(object, "attributes"))
                return true;
        json_object_foreach (attributes, name, values) {
                if (!is_strings(values))
                        return false;
        }
        return json_is_object(attributes);
}

/* Items. Each gives the member that is not as it must be, or NULL. */

static const char *judge_user(const json_t *item)
{
        static const char *const texts[] = { "firstName", "lastName", "email" };

        if (!is_id(item, "id"))
                return "id";
        if (!is_name(item, "username"))
                return "username";
        if (!is_absent(item, "enabled") && !json_is_boolean(json_object_get(item, "enabled")))
                return "enabled";
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                if (!is_text_or_absent(item, texts[i]))
                        return texts[i];
        return is_attributes_or_absent(item) ? NULL : "attributes";
}

static const char *judge_group(const json_t *item)
{
        if (!is_id(item, "id"))
                return "id";
        if (!is_name(item, "name"))
                return "name";
        if (!is_text_or_absent(item, "path"))
                return "path";
        if (!is_absent(item, "parentId") && !is_id(item, "parentId"))
                return "parentId";
        if (!is_absent(item, "subGroupCount") &&
            !json_is_integer(json_object_get(item, "subGroupCount")))
                return "subGroupCount";
        return is_attributes_or_absent(item) ? NULL : "attributes";
}

static const char *judge_role(const json_t *item)
{
        return is_name(item, "name") ? NULL : "name";
}

static const char *judge_client(const json_t *item)
{
        if (!is_id(item, "id"))
                return "id";
        return is_name(item, "clientId") ? NULL : "clientId";
}

static const char *judge_client_role(const json_t *item)
{
        if (!is_name(item, "role"))
                return "role";
        return is_name(item, "client") ? NULL : "client";
}

static const char *judge_event(const json_t *item)
{
        if (!json_is_integer(json_object_get(item, "time")))
                return "time";
        if (!is_name(item, "operationType"))
                return "operationType";
        if (!is_text_or_absent(item, "resourceType"))
                return "resourceType";
        return is_text_or_absent(item, "resourcePath") ? NULL : "resourcePath";
}

static const char *const group_members[] = { "id",       "name",          "path", "attributes",
                                             "parentId", "subGroupCount", NULL };
static const char *const event_members[] = { "time", "operationType", "resourceType",
                                             "resourcePath", NULL };

static const struct {
        const char *what;
        const char *(*judge)(const json_t *item);
        const char *const *kept; /* of a list; NULL: all */
} items[_ADMIN_ITEM_MAX] = {
        [ADMIN_ITEM_USER] = { "user", judge_user, NULL },
        [ADMIN_ITEM_GROUP] = { "group", judge_group, group_members },
        [ADMIN_ITEM_ROLE] = { "role", judge_role, NULL },
        [ADMIN_ITEM_CLIENT] = { "client", judge_client, NULL },
        [ADMIN_ITEM_CLIENT_ROLE] = { "role", judge_client_role, NULL },
        [ADMIN_ITEM_EVENT] = { "event", judge_event, event_members },
};

/* False: a sentence. */
static bool check_item(const json_t *item, AdminItem kind, char **ret_trouble)
{
        const char *member = items[kind].judge(item);

        if (member)
                *ret_trouble = g_strdup_printf("a %s in the provider's answer is of no use: its %s",
                                               items[kind].what, member);
        return !member;
}

static json_t *parse(Span body, char **ret_trouble)
{
        static const JsonLimits limits = { ADMIN_SIZE_MAX, ADMIN_REPLY_DEPTH_MAX };
        json_t *root = NULL;
        int answer = json_parse(body, &limits, &root);

        if (answer == 0)
                return root;
        *ret_trouble = g_strdup_printf("the provider's answer is not usable JSON: %s",
                                       answer > 0 ? json_answer_text(answer) : "out of memory");
        return NULL;
}

static void keep_members(json_t *item, const char *const *kept)
{
        const char *name;
        json_t *value;
        void *next;

        json_object_foreach_safe (item, next, name, value) {
                if (!g_strv_contains(kept, name) || json_is_null(value))
                        json_object_del(item, name);
        }
}

static bool check_list(json_t *list, AdminItem kind, size_t n_max, char **ret_trouble)
{
        json_t *item;
        size_t index;

        if (!json_is_array(list) || json_array_size(list) > n_max) {
                *ret_trouble = g_strdup_printf(
                    "the provider's answer is no list of at most %zu %ss", n_max, items[kind].what);
                return false;
        }
        json_array_foreach (list, index, item) {
                if (!check_item(item, kind, ret_trouble))
                        return false;
                if (items[kind].kept)
                        keep_members(item, items[kind].kept);
        }
        return true;
}

json_t *admin_reply_list(Span body, AdminItem item, size_t n_max, char **ret_trouble)
{
        json_auto *list = parse(body, ret_trouble);

        if (!list || !check_list(list, item, n_max, ret_trouble))
                return NULL;
        return json_incref(list);
}

json_t *admin_reply_object(Span body, char **ret_trouble)
{
        json_auto *object = parse(body, ret_trouble);

        if (!object)
                return NULL;
        if (json_is_object(object))
                return json_incref(object);
        *ret_trouble = g_strdup("the provider's answer is no object");
        return NULL;
}

json_t *admin_reply_item(Span body, AdminItem item, char **ret_trouble)
{
        json_auto *object = admin_reply_object(body, ret_trouble);

        return object && check_item(object, item, ret_trouble) ? json_incref(object) : NULL;
}

char *admin_reply_refusal(Span body)
{
        static const char *const members[] = { "errorMessage", "error_description", "error" };
        char *ignored = NULL;
        json_auto *object = admin_reply_object(body, &ignored);
        char *text = NULL;

        g_free(ignored);
        for (size_t i = 0; object && !text && i < G_N_ELEMENTS(members); i++)
                text = g_strdup(json_string_value(json_object_get(object, members[i])));
        if (!text)
                return g_strdup("");
        for (size_t i = 0; text[i]; i++)
                if (text[i] < 0x20 || text[i] > 0x7e)
                        text[i] = '?';
        if (strlen(text) > REFUSAL_SIZE_MAX)
                text[REFUSAL_SIZE_MAX] = '\0';
        return text;
}

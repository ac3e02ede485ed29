/* representation: see representation.h. */
#include "users/representation.h"

#define REALM "realm"

const char *representation_text(const json_t *object, const char *member)
{
        return json_string_value(json_object_get(object, member));
}

static const char *text_or_empty(const json_t *object, const char *member)
{
        const char *text = representation_text(object, member);

        return text ? text : "";
}

static char *full_name(const json_t *user)
{
        const char *first = text_or_empty(user, "firstName");
        const char *last = text_or_empty(user, "lastName");

        return g_strconcat(first, *first && *last ? " " : "", last, NULL);
}

bool representation_person(const json_t *user, ReadPerson *ret)
{
        const char *subject = representation_text(user, "id");
        const char *username = representation_text(user, "username");
        const json_t *attributes = json_object_get(user, "attributes");
        char *name;

        if (!subject || !username)
                return false;
        name = full_name(user);
        *ret = (ReadPerson){
                .person = { .subject = subject,
                            .username = username,
                            .email = text_or_empty(user, "email"),
                            .email_verified = json_is_true(json_object_get(user, "emailVerified")),
                            .full_name = name,
                            .enabled = json_is_true(json_object_get(user, "enabled")),
                            .attributes = json_is_object(attributes) ? attributes : NULL },
                .full_name = name,
        };
        return true;
}

void read_person_clear(ReadPerson *read)
{
        g_clear_pointer(&read->full_name, g_free);
}

char *representation_group_key(const char *id)
{
        return g_strconcat(REPRESENTATION_GROUP_PREFIX, id, NULL);
}

void representation_role(const char *key, char **ret_client, char **ret_role)
{
        const char *colon = strchr(key, ':');
        size_t len = colon ? (size_t) (colon - key) : 0;
        g_autofree char *client = g_strndup(key, len);

        *ret_role = g_strdup(colon ? colon + 1 : key);
        *ret_client = strcmp(client, REALM) == 0 ? NULL : g_steal_pointer(&client);
}

#include "members.h"

#include <stdlib.h>
#include <string.h>

static void merge_into(json_t *target, const json_t *wanted)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *) wanted, name, value) {
                if (json_is_null(value))
                        json_object_del(target, name);
                else
                        json_object_set_new(target, name, json_deep_copy(value));
        }
}

static json_t *copy_or_empty(const json_t *object)
{
        return json_is_object(object) ? json_deep_copy(object) : json_object();
}

json_t *members_merged(const json_t *former, const json_t *wanted)
{
        json_t *merged = copy_or_empty(former);
        const json_t *attributes = json_object_get(wanted, "attributes");

        merge_into(merged, wanted);
        if (json_is_object(attributes)) {
                json_t *both = copy_or_empty(json_object_get(former, "attributes"));
                merge_into(both, attributes);
                json_object_set_new(merged, "attributes", both);
        }
        return merged;
}

bool list_has(const json_t *list, const char *word)
{
        size_t index;
        json_t *item;

        json_array_foreach ((json_t *) list, index, item)
                if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
                        return true;
        return false;
}

static json_t *as_text(const json_t *value)
{
        if (json_is_string(value))
                return json_incref((json_t *) value);
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        json_t *string = json_string(text);
        free(text);
        return string;
}

json_t *attribute_values(const json_t *value)
{
        json_t *list = json_array();
        size_t index;
        json_t *item;

        if (!json_is_array(value))
                json_array_append_new(list, as_text(value));
        json_array_foreach ((json_t *) value, index, item)
                json_array_append_new(list, as_text(item));
        return list;
}

json_t *attributes_shown(const json_t *attributes)
{
        json_t *shown = json_object();
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *) attributes, name, value)
                json_object_set_new(shown, name, attribute_values(value));
        return shown;
}

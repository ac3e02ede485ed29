/* members: JSON objects in the words of a realm file, as orders and writes change them. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* members_merged: a new object: former (NULL: empty) with the members of wanted; null takes one
 * away. "attributes" is merged by the same rule, one level down. */
json_t *members_merged(const json_t *former, const json_t *wanted);
bool list_has(const json_t *list, const char *word); /* NULL: no list, so no */
/* attribute_values: an attribute as Keycloak shows it: a new list of strings. */
json_t *attribute_values(const json_t *value);
json_t *attributes_shown(const json_t *attributes); /* all of them; NULL: {} */

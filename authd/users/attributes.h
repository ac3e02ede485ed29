/* attributes: the few attributes of a person or group that the settings name, as text.
 *
 * "NAME=VALUE\n" each, in the order of the names. Of Keycloak's lists of values one alone is a
 * value; several are joined by commas, which no rule accepts; a value with a control character
 * becomes one, which none accepts either. Pure. Private to users/. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <jansson.h>

/* attributes_name_fits: a name that can be kept: not empty, no '=', no control character, no ','.
 */
bool attributes_name_fits(const char *name);
/* attributes_text: of Keycloak's object of lists (NULL: none), those in names (NULL-terminated). */
char *attributes_text(const json_t *attributes, char *const *names);
/* attributes_find: empty: it has none. Borrows from text. */
Span attributes_find(const char *text, const char *name);

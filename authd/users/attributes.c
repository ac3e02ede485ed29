/* attributes: see attributes.h. */
#include "users/attributes.h"

#include "users/record.h"

#define UNFIT "\x7f"

bool attributes_name_fits(const char *name)
{
        for (const char *at = name; *at; at++)
                if (g_ascii_iscntrl(*at) || *at == '=' || *at == ',')
                        return false;
        return *name;
}

static void append_value(GString *out, const char *value)
{
        bool fits = strlen(value) <= RECORD_TEXT_MAX;

        for (const char *at = value; fits && *at; at++)
                fits = !g_ascii_iscntrl(*at);
        g_string_append(out, fits ? value : UNFIT);
}

/* append_values: a text or a list of texts. */
static void append_values(GString *out, const json_t *values)
{
        size_t i;
        const json_t *value;

        if (json_is_string(values))
                append_value(out, json_string_value(values));
        json_array_foreach (values, i, value) {
                if (i > 0)
                        g_string_append_c(out, ',');
                append_value(out, json_is_string(value) ? json_string_value(value) : UNFIT);
                if (out->len > 2 * RECORD_TEXT_MAX)
                        break;
        }
}

char *attributes_text(const json_t *attributes, char *const *names)
{
        GString *out = g_string_new(NULL);

        for (size_t i = 0; names && names[i]; i++) {
                const json_t *values = json_object_get(attributes, names[i]);

                if (!json_is_string(values) && json_array_size(values) == 0)
                        continue;
                g_string_append_printf(out, "%s=", names[i]);
                append_values(out, values);
                g_string_append_c(out, '\n');
        }
        return g_string_free(out, FALSE);
}

Span attributes_find(const char *text, const char *name)
{
        size_t len = strlen(name);

        while (*text) {
                size_t line = strcspn(text, "\n");

                if (line > len && text[len] == '=' && memcmp(text, name, len) == 0)
                        return span_of(text + len + 1, line - len - 1);
                text += line + (text[line] ? 1 : 0);
        }
        return SPAN_EMPTY;
}

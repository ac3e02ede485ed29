/* template: see template.h. A text is parsed once into parts; expanding walks them into a bounded
 * sink. */
#include "verdict/template.h"

#include "verdict/setting.h"

#include <stdio.h>

typedef struct Part {
        char *literal; /* else NULL, and path counts */
        char *path;
        char *separator;
        char *fallback;
} Part;

struct Template {
        Part parts[TEMPLATE_PARTS_MAX];
        size_t n_parts;
};

#define SEPARATOR_DEFAULT ","

static void part_deinit(Part *part)
{
        g_free(part->literal);
        g_free(part->path);
        g_free(part->separator);
        g_free(part->fallback);
}

void template_free(Template *template)
{
        if (!template)
                return;
        for (size_t i = 0; i < template->n_parts; i++)
                part_deinit(&template->parts[i]);
        g_free(template);
}

/* ---- parsing ---- */

static Part *template_add_part(Template *template, GError **error)
{
        if (template->n_parts == TEMPLATE_PARTS_MAX) {
                setting_refuse(error, "a template of more than %d parts; make it shorter",
                               TEMPLATE_PARTS_MAX);
                return NULL;
        }
        return &template->parts[template->n_parts++];
}

typedef struct Filter {
        const char *name;
        size_t offset; /* of the Part's member that takes the argument */
} Filter;

static const Filter filters[] = {
        { "join", offsetof(Part, separator) },
        { "default", offsetof(Part, fallback) },
};

static bool part_set_filter(Part *part, const char *text, GError **error)
{
        const char *colon = strchr(text, ':');
        size_t len = colon ? (size_t) (colon - text) : strlen(text);

        for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
                char **argument = G_STRUCT_MEMBER_P(part, filters[i].offset);

                if (!span_equal_string(span_of(text, len), filters[i].name))
                        continue;
                if (!colon)
                        return setting_refuse(
                            error, "filter \"%s\" lacks its argument: write %s:TEXT", text, text);
                g_free(*argument);
                *argument = g_strdup(colon + 1);
                return true;
        }
        return setting_refuse(
            error, "unknown filter \"%s\"; there are join:SEPARATOR and default:TEXT", text);
}

static bool part_parse_claim(Part *part, const char *inside, GError **error)
{
        g_auto(GStrv) pieces = g_strsplit(inside, "|", -1);

        if (!pieces[0] || pieces[0][0] == '\0')
                return setting_refuse(error, "{} names no claim; write {sub}, {email} or the like");
        if (strpbrk(pieces[0], " {"))
                return setting_refuse(error, "\"%s\" is no claim's path", pieces[0]);
        part->path = g_strdup(pieces[0]);
        for (size_t i = 1; pieces[i]; i++)
                if (!part_set_filter(part, pieces[i], error))
                        return false;
        return true;
}

static bool template_parse_claim(Template *template, const char **text, GError **error)
{
        const char *end = strchr(*text, '}');
        g_autofree char *inside = NULL;
        Part *part;

        if (!end)
                return setting_refuse(
                    error, "\"{%s\" has no closing brace; a brace itself is written {{", *text);
        part = template_add_part(template, error);
        if (!part)
                return false;
        inside = g_strndup(*text, (gsize) (end - *text));
        *text = end + 1;
        return part_parse_claim(part, inside, error);
}

/* Literal text up to the next claim: "{{" and "}}" stand for braces. */
static bool template_parse_literal(Template *template, const char **text, GError **error)
{
        g_autoptr(GString) literal = g_string_new(NULL);
        const char *c = *text;
        Part *part;

        for (; *c != '\0'; c++) {
                bool brace = *c == '{' || *c == '}';
                bool doubled = brace && c[1] == *c;

                if (*c == '{' && !doubled)
                        break;
                if (*c == '}' && !doubled)
                        return setting_refuse(error, "a lone } ; a brace itself is written }}");
                g_string_append_c(literal, *c);
                c += doubled ? 1 : 0;
        }
        *text = c;
        part = template_add_part(template, error);
        if (!part)
                return false;
        part->literal = g_string_free(g_steal_pointer(&literal), FALSE);
        return true;
}

static bool text_is_fit(const char *text, GError **error)
{
        if (strlen(text) > TEMPLATE_SIZE_MAX)
                return setting_refuse(error, "a template of more than %d bytes; make it shorter",
                                      TEMPLATE_SIZE_MAX);
        for (const char *c = text; *c != '\0'; c++)
                if (*c < 0x20 || *c > 0x7e)
                        return setting_refuse(
                            error, "a template holds a byte that is not printable ASCII");
        return true;
}

Template *template_new(const char *text, GError **error)
{
        g_autoptr(Template) template = g_new0(Template, 1);

        if (!text_is_fit(text, error))
                return NULL;
        while (*text != '\0') {
                bool claim = text[0] == '{' && text[1] != '{';

                text += claim ? 1 : 0;
                if (!(claim ? template_parse_claim(template, &text, error)
                            : template_parse_literal(template, &text, error)))
                        return NULL;
        }
        return g_steal_pointer(&template);
}

/* ---- expanding ---- */

typedef struct Sink {
        GString *out;
        gsize len_max;
        bool cut; /* something did not fit: nothing may follow it */
} Sink;

static bool sink_append(Sink *sink, const char *text, size_t len)
{
        if (sink->cut || len > sink->len_max - sink->out->len) {
                sink->cut = true;
                return false;
        }
        g_string_append_len(sink->out, text, (gssize) len);
        return true;
}

/* sink_append_run: of bytes that stand for themselves, as many as fit. */
static void sink_append_run(Sink *sink, const char *text, size_t len)
{
        size_t room = sink->len_max - sink->out->len;

        sink_append(sink, text, MIN(len, room));
        sink->cut = sink->cut || len > room;
}

/* Printable ASCII stands for itself but for '%', the separator's bytes and spaces at the edges,
 * which readers of header values trim. */
static bool byte_needs_escape(Span value, size_t index, const char *separator)
{
        unsigned char byte = (unsigned char) value.data[index];

        if (byte < 0x20 || byte > 0x7e || byte == '%')
                return true;
        if (byte == ' ')
                return index == 0 || index + 1 == value.len || strchr(separator, ' ');
        return separator[0] && strchr(separator, byte);
}

static void sink_escape(Sink *sink, Span value, const char *separator)
{
        char escape[4];
        size_t plain = 0; /* where the run of bytes began that stand for themselves */

        for (size_t i = 0; i < value.len && !sink->cut; i++) {
                if (!byte_needs_escape(value, i, separator))
                        continue;
                sink_append_run(sink, value.data + plain, i - plain);
                snprintf(escape, sizeof(escape), "%%%02X", (unsigned char) value.data[i]);
                sink_append(sink, escape, 3);
                plain = i + 1;
        }
        if (!sink->cut)
                sink_append_run(sink, value.data + plain, value.len - plain);
}

static bool scalar_has_text(TapeValue value)
{
        return tape_type(value) >= TAPE_FALSE && tape_type(value) <= TAPE_STRING;
}

static void sink_scalar(Sink *sink, TapeValue value, const char *separator)
{
        char number[G_ASCII_DTOSTR_BUF_SIZE];

        if (tape_type(value) == TAPE_STRING) {
                sink_escape(sink, tape_string(value), separator);
                return;
        }
        if (tape_type(value) == TAPE_INTEGER)
                snprintf(number, sizeof(number), "%" G_GINT64_FORMAT, tape_integer(value));
        else if (tape_type(value) == TAPE_REAL)
                g_ascii_dtostr(number, sizeof(number), tape_number(value));
        else
                g_strlcpy(number, tape_type(value) == TAPE_TRUE ? "true" : "false", sizeof(number));
        sink_escape(sink, span_from(number), separator);
}

/* Elements that do not fit whole are left out: half a group's name is another group. */
static void sink_array(Sink *sink, TapeValue array, const char *separator)
{
        bool first = true;

        for (TapeValue element = tape_first(array); element.node && !sink->cut;
             element = tape_next(array, element)) {
                gsize edge = sink->out->len;

                if (!scalar_has_text(element))
                        continue;
                if (!first)
                        sink_append(sink, separator, strlen(separator));
                sink_scalar(sink, element, separator);
                if (sink->cut)
                        g_string_truncate(sink->out, edge);
                first = false;
        }
}

static void sink_claim(Sink *sink, const Part *part, const Claims *claims)
{
        TapeValue value = claims_find(claims, part->path);
        const char *separator = part->separator ? part->separator : SEPARATOR_DEFAULT;
        gsize start = sink->out->len;

        if (tape_type(value) == TAPE_ARRAY)
                sink_array(sink, value, separator);
        else if (scalar_has_text(value))
                sink_scalar(sink, value, part->separator ? separator : "");
        if (sink->out->len == start && part->fallback)
                sink_append(sink, part->fallback, strlen(part->fallback));
}

void template_expand(const Template *template, const Claims *claims, GString *out)
{
        Sink sink = { .out = out, .len_max = out->len + TEMPLATE_VALUE_MAX };

        for (size_t i = 0; i < template->n_parts && !sink.cut; i++) {
                const Part *part = &template->parts[i];

                if (part->literal)
                        sink_append(&sink, part->literal, strlen(part->literal));
                else
                        sink_claim(&sink, part, claims);
        }
}

/* template: see template.h. A text is parsed once into parts; expanding walks them into a bounded
 * sink. */
#include "verdict/template.h"

#include "token/base64url.h"
#include "verdict/setting.h"

#include <stdio.h>

typedef enum Encoding {
        ENCODING_HEADER, /* what a header value cannot hold, as %XX */
        ENCODING_URL,    /* all but RFC 3986's unreserved characters, as %XX */
        ENCODING_BASE64URL,
} Encoding;

typedef struct Part {
        char *literal; /* else NULL, and path counts */
        char *path;
        char *separator;
        char *fallback;
        char **map; /* "left=right"; NULL: the claim itself */
        Encoding encoding;
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
        g_strfreev(part->map);
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

static bool set_separator(Part *part, const char *argument, GError **error)
{
        g_free(part->separator);
        part->separator = g_strdup(argument);
        return true;
}

static bool set_fallback(Part *part, const char *argument, GError **error)
{
        g_free(part->fallback);
        part->fallback = g_strdup(argument);
        return true;
}

static bool set_map(Part *part, const char *argument, GError **error)
{
        g_strfreev(part->map);
        part->map = g_strsplit(argument, ",", -1);
        for (char **pair = part->map; *pair; pair++)
                if (**pair == '=' || !strchr(*pair, '='))
                        return setting_refuse(
                            error, "\"%s\" of map: is no pair; write map:LEFT=RIGHT,LEFT=RIGHT",
                            *pair);
        return true;
}

static bool set_url(Part *part, const char *argument, GError **error)
{
        part->encoding = ENCODING_URL;
        return true;
}

static bool set_base64url(Part *part, const char *argument, GError **error)
{
        part->encoding = ENCODING_BASE64URL;
        return true;
}

typedef struct Filter {
        const char *name;
        const char *argument; /* what it is called for people; NULL: none is taken */
        bool (*set)(Part *part, const char *argument, GError **error);
} Filter;

static const Filter filters[] = {
        { "join", "SEPARATOR", set_separator },      { "default", "TEXT", set_fallback },
        { "map", "LEFT=RIGHT,LEFT=RIGHT", set_map }, { "url", NULL, set_url },
        { "base64url", NULL, set_base64url },
};

static bool refuse_filter(const char *text, GError **error)
{
        return setting_refuse(error,
                              "unknown filter \"%s\"; there are join:SEPARATOR, default:TEXT, "
                              "map:LEFT=RIGHT, url and base64url",
                              text);
}

static bool part_set_filter(Part *part, const char *text, GError **error)
{
        const char *colon = strchr(text, ':');
        size_t len = colon ? (size_t) (colon - text) : strlen(text);

        for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
                const Filter *filter = &filters[i];

                if (!span_equal_string(span_of(text, len), filter->name))
                        continue;
                if (filter->argument && !colon)
                        return setting_refuse(error,
                                              "filter \"%s\" lacks its argument: write %s:%s", text,
                                              text, filter->argument);
                if (!filter->argument && colon)
                        return setting_refuse(error, "filter \"%s\" takes no argument",
                                              filter->name);
                return filter->set(part, colon ? colon + 1 : NULL, error);
        }
        return refuse_filter(text, error);
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
static bool byte_needs_escape(Span value, size_t index, Encoding encoding, const char *separator)
{
        unsigned char byte = (unsigned char) value.data[index];

        if (encoding == ENCODING_URL)
                return !g_ascii_isalnum(byte) && (byte == 0 || !strchr("-._~", byte));
        if (byte < 0x20 || byte > 0x7e || byte == '%')
                return true;
        if (byte == ' ')
                return index == 0 || index + 1 == value.len || strchr(separator, ' ');
        return separator[0] && strchr(separator, byte);
}

static void sink_escape(Sink *sink, Span value, Encoding encoding, const char *separator)
{
        char escape[4];
        size_t plain = 0; /* where the run of bytes began that stand for themselves */

        for (size_t i = 0; i < value.len && !sink->cut; i++) {
                if (!byte_needs_escape(value, i, encoding, separator))
                        continue;
                sink_append_run(sink, value.data + plain, i - plain);
                snprintf(escape, sizeof(escape), "%%%02X", (unsigned char) value.data[i]);
                sink_append(sink, escape, 3);
                plain = i + 1;
        }
        if (!sink->cut)
                sink_append_run(sink, value.data + plain, value.len - plain);
}

/* All of it or nothing: a part of it would decode to another text. */
static void sink_base64url(Sink *sink, Span value)
{
        g_autofree char *text = g_malloc(BASE64URL_ENCODED_MAX(value.len));
        size_t len = base64url_encode(value, text);

        sink_append(sink, text, len);
}

static void sink_encode(Sink *sink, Span value, const Part *part, const char *separator)
{
        if (part->encoding == ENCODING_BASE64URL)
                sink_base64url(sink, value);
        else
                sink_escape(sink, value, part->encoding, separator);
}

static bool scalar_has_text(TapeValue value)
{
        return tape_type(value) >= TAPE_FALSE && tape_type(value) <= TAPE_STRING;
}

static void sink_scalar(Sink *sink, TapeValue value, const Part *part, const char *separator)
{
        char number[G_ASCII_DTOSTR_BUF_SIZE];

        if (tape_type(value) == TAPE_STRING) {
                sink_encode(sink, tape_string(value), part, separator);
                return;
        }
        if (tape_type(value) == TAPE_INTEGER)
                snprintf(number, sizeof(number), "%" G_GINT64_FORMAT, tape_integer(value));
        else if (tape_type(value) == TAPE_REAL)
                g_ascii_dtostr(number, sizeof(number), tape_number(value));
        else
                g_strlcpy(number, tape_type(value) == TAPE_TRUE ? "true" : "false", sizeof(number));
        sink_encode(sink, span_from(number), part, separator);
}

/* Elements that do not fit whole are left out: half a group's name is another group. */
static void sink_array(Sink *sink, TapeValue array, const Part *part, const char *separator)
{
        bool first = true;

        for (TapeValue element = tape_first(array); element.node && !sink->cut;
             element = tape_next(array, element)) {
                gsize edge = sink->out->len;

                if (!scalar_has_text(element))
                        continue;
                if (!first)
                        sink_append(sink, separator, strlen(separator));
                sink_scalar(sink, element, part, separator);
                if (sink->cut)
                        g_string_truncate(sink->out, edge);
                first = false;
        }
}

/* The first pair whose left the claim is, or holds. */
static void sink_mapped(Sink *sink, TapeValue value, const Part *part)
{
        for (char **pair = part->map; *pair; pair++) {
                const char *right = strchr(*pair, '=');

                if (!tape_has_string(value, span_of(*pair, (size_t) (right - *pair))))
                        continue;
                sink_encode(sink, span_from(right + 1), part, "");
                return;
        }
}

static void sink_claim(Sink *sink, const Part *part, const Claims *claims)
{
        TapeValue value = claims_find(claims, part->path);
        const char *separator = part->separator ? part->separator : SEPARATOR_DEFAULT;
        gsize start = sink->out->len;

        if (part->map)
                sink_mapped(sink, value, part);
        else if (tape_type(value) == TAPE_ARRAY)
                sink_array(sink, value, part, separator);
        else if (scalar_has_text(value))
                sink_scalar(sink, value, part, part->separator ? separator : "");
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

/* json: see json.h. */
#include "token/json.h"

#include <errno.h>

typedef struct JsonWords {
        enum json_error_code code;
        int answer;
} JsonWords;

static const JsonWords parser_answers[] = {
        { json_error_unknown, -ENOMEM }, /* jansson names each fault of the text; this is none */
        { json_error_out_of_memory, -ENOMEM },
        { json_error_stack_overflow, JSON_E_DEPTH },
        { json_error_invalid_utf8, JSON_E_UTF8 },
        { json_error_duplicate_key, JSON_E_DUPLICATE },
        { json_error_numeric_overflow, JSON_E_RANGE },
};

static const char *const answer_texts[] = {
        [JSON_E_SYNTAX] = "not valid JSON",
        [JSON_E_SIZE] = "JSON text too long",
        [JSON_E_DEPTH] = "JSON nested too deep",
        [JSON_E_DUPLICATE] = "a member stands twice in one JSON object",
        [JSON_E_UTF8] = "not valid UTF-8",
        [JSON_E_RANGE] = "a number out of range",
        [JSON_E_TYPE] = "a JSON value of the wrong type",
};

/* The quote that ends the string which begins at at, or end. */
static const char *string_end(const char *at, const char *end)
{
        for (; at < end; at++) {
                const char *quote = memchr(at, '"', (size_t) (end - at));
                const char *escape = quote ? memchr(at, '\\', (size_t) (quote - at)) : NULL;

                if (!escape)
                        return quote ? quote : end;
                at = escape + 1; /* what is escaped ends nothing */
        }
        return end;
}

/* jansson recurses for each level, up to 2048 of them: the depth is known before it starts. */
static bool depth_within(Span text, unsigned depth_max)
{
        unsigned depth = 0;

        for (const char *at = text.data, *end = text.data + text.len; at < end; at++)
                switch (*at) {
                case '"': at = string_end(at + 1, end); break;
                case '{':
                case '[':
                        if (++depth > depth_max)
                                return false;
                        break;
                case '}':
                case ']': depth -= depth > 0; break;
                default: break;
                }
        return true;
}

static int answer_of(const json_error_t *error)
{
        enum json_error_code code = json_error_code(error);

        for (size_t i = 0; i < sizeof parser_answers / sizeof *parser_answers; i++)
                if (parser_answers[i].code == code)
                        return parser_answers[i].answer;
        return JSON_E_SYNTAX;
}

int json_parse(Span text, const JsonLimits *limits, json_t **ret)
{
        json_error_t error = { 0 };
        json_t *value;

        if (text.len > limits->size_max)
                return JSON_E_SIZE;
        /* json_loadb drops a NUL that stands right behind a number (2.14): the text would say more
         * than what was read. */
        if (text.len > 0 && memchr(text.data, '\0', text.len))
                return JSON_E_SYNTAX;
        if (!depth_within(text, limits->depth_max))
                return JSON_E_DEPTH;
        value = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
        if (!value)
                return answer_of(&error);
        *ret = value;
        return 0;
}

int json_parse_object(Span text, const JsonLimits *limits, json_t **ret)
{
        json_auto *value = NULL;
        int r = json_parse(text, limits, &value);

        if (r != 0)
                return r;
        if (!json_is_object(value))
                return JSON_E_TYPE;
        *ret = value;
        value = NULL;
        return 0;
}

const char *json_answer_text(int answer)
{
        if (answer <= 0 || (size_t) answer >= sizeof answer_texts / sizeof *answer_texts)
                return "out of memory";
        return answer_texts[answer];
}

int json_member_string(const json_t *object, const char *name, Span *ret)
{
        const json_t *value = json_object_get(object, name);

        if (!value)
                return -ENOENT;
        if (!json_is_string(value))
                return JSON_E_TYPE;
        *ret = span_of(json_string_value(value), json_string_length(value));
        return 0;
}

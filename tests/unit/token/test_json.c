/* What jansson would take and we do not, and the answer that each refusal gets. */
#include "token/json.h"
#include "rows.h"

#include <errno.h>

typedef struct Row {
        const char *sentence;
        const char *text;
        int answer;
} Row;

static const JsonLimits limits = { 256, 3 };

static const Row values[] = {
        { "an object", "{\"a\":1}", 0 },
        { "a list", "[1,2,3]", 0 },
        { "a string", "\"x\"", 0 },
        { "white space around it", " \r\n\t{} \n", 0 },
        { "brackets in a string do not nest", "\"[[[[[[[[\"", 0 },
        { "brackets behind an escaped quote do not nest", "\"\\\"[[[[[[[[\"", 0 },
        { "just as deep as allowed", "[[[1]]]", 0 },
        { "one level too deep", "[[[[1]]]]", JSON_E_DEPTH },
        { "too deep in objects", "{\"a\":{\"a\":{\"a\":{}}}}", JSON_E_DEPTH },
        { "too deep behind a string with a backslash at its end", "[\"\\\\\",[[[1]]]]",
          JSON_E_DEPTH },
        { "depth counts levels and not brackets", "[[],[],[],[],[[]]]", 0 },
        { "closing brackets alone", "]]]]]", JSON_E_SYNTAX },
        { "nothing", "", JSON_E_SYNTAX },
        { "only white space", " ", JSON_E_SYNTAX },
        { "bytes behind the value", "{}x", JSON_E_SYNTAX },
        { "two values", "{}{}", JSON_E_SYNTAX },
        { "a member twice", "{\"a\":1,\"a\":1}", JSON_E_DUPLICATE },
        { "a member twice, once escaped", "{\"a\":1,\"\\u0061\":2}", JSON_E_DUPLICATE },
        { "a nested member twice", "[{\"a\":1,\"a\":2}]", JSON_E_DUPLICATE },
        { "one name in two objects", "[{\"a\":1},{\"a\":2}]", 0 },
        { "a NUL escaped in a value", "{\"a\":\"\\u0000\"}", JSON_E_SYNTAX },
        { "a NUL escaped in a name", "{\"a\\u0000b\":1}", JSON_E_SYNTAX },
        { "a control byte in a string", "\"\x01\"", JSON_E_SYNTAX },
        { "half a surrogate pair", "\"\\ud800\"", JSON_E_SYNTAX },
        { "a byte that begins no character", "\"\xff\"", JSON_E_UTF8 },
        { "an overlong slash", "\"\xc0\xaf\"", JSON_E_UTF8 },
        { "a surrogate in UTF-8", "\"\xed\xa0\x80\"", JSON_E_UTF8 },
        { "a code point beyond Unicode", "\"\xf4\x90\x80\x80\"", JSON_E_UTF8 },
        { "a byte order mark", "\xef\xbb\xbf{}", JSON_E_SYNTAX },
        { "the largest int64", "9223372036854775807", 0 },
        { "one more than the largest int64", "9223372036854775808", JSON_E_RANGE },
        { "one less than the smallest int64", "-9223372036854775809", JSON_E_RANGE },
        { "a real that no double holds", "1e999", JSON_E_RANGE },
        { "NaN", "NaN", JSON_E_SYNTAX },
        { "a zero in front", "01", JSON_E_SYNTAX },
        { "a plus in front", "+1", JSON_E_SYNTAX },
        { "a comment", "{/**/}", JSON_E_SYNTAX },
        { "a comma too many", "[1,]", JSON_E_SYNTAX },
};

static const Row objects[] = {
        { "an object is one", "{}", 0 },
        { "a list is none", "[]", JSON_E_TYPE },
        { "a string is none", "\"{}\"", JSON_E_TYPE },
        { "null is none", "null", JSON_E_TYPE },
};

static void run_value(const void *data)
{
        const Row *row = data;
        json_auto *value = NULL;

        g_assert_cmpint(json_parse(span_from(row->text), &limits, &value), ==, row->answer);
        g_assert_true((value != NULL) == (row->answer == 0));
}

static void run_object(const void *data)
{
        const Row *row = data;
        json_auto *value = NULL;

        g_assert_cmpint(json_parse_object(span_from(row->text), &limits, &value), ==, row->answer);
        g_assert_true((value != NULL) == (row->answer == 0));
}

static void test_nul(void)
{
        json_auto *value = NULL;

        g_assert_cmpint(json_parse(span_of("[1\0,2]", 6), &limits, &value), ==, JSON_E_SYNTAX);
        g_assert_cmpint(json_parse(span_of("{}\0", 3), &limits, &value), ==, JSON_E_SYNTAX);
        g_assert_cmpint(json_parse(span_of("\"\0\"", 3), &limits, &value), ==, JSON_E_SYNTAX);
}

static void test_size(void)
{
        g_autofree char *text = g_strnfill(257, ' ');
        json_auto *value = NULL;

        text[0] = '1';
        g_assert_cmpint(json_parse(span_of(text, 257), &limits, &value), ==, JSON_E_SIZE);
        g_assert_cmpint(json_parse(span_of(text, 256), &limits, &value), ==, 0);
}

static void test_member(void)
{
        json_auto *object = json_pack("{s:s, s:i}", "name", "ada", "age", 36);
        Span text;

        g_assert_cmpint(json_member_string(object, "name", &text), ==, 0);
        g_assert_true(span_equal_string(text, "ada"));
        g_assert_cmpint(json_member_string(object, "age", &text), ==, JSON_E_TYPE);
        g_assert_cmpint(json_member_string(object, "none", &text), ==, -ENOENT);
}

static void test_answer_texts(void)
{
        for (int answer = JSON_E_SYNTAX; answer <= JSON_E_TYPE; answer++)
                g_assert_nonnull(json_answer_text(answer));
        g_assert_cmpstr(json_answer_text(-ENOMEM), ==, "out of memory");
        g_assert_cmpstr(json_answer_text(JSON_E_TYPE + 1), ==, "out of memory");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
                rows_add("json", values[i].sentence, &values[i], run_value);
        for (size_t i = 0; i < G_N_ELEMENTS(objects); i++)
                rows_add("json/object", objects[i].sentence, &objects[i], run_object);
        g_test_add_func("/json/a NUL byte is refused within and behind", test_nul);
        g_test_add_func("/json/one byte over the size is refused", test_size);
        g_test_add_func("/json/a member is a string, of another type or absent", test_member);
        g_test_add_func("/json/each answer has its words", test_answer_texts);
        return g_test_run();
}

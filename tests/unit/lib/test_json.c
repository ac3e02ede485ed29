/* test_json: what the strict reader takes and refuses, row by row. */
#include "json.h"

#include <glib.h>
#include <string.h>

typedef struct ValueRow {
        const char *sentence;
        const char *text;
        gboolean taken;
} ValueRow;

static const ValueRow value_rows[] = {
        { "an object with everything in it",
          " {\"a\":[1,-0.5e+3,true,false,null,\"\\u00e9\\n\"],\"b\":{}} ", TRUE },
        { "an empty array", "[]", TRUE },
        { "a lone number", "0", TRUE },
        { "a surrogate pair", "\"\\ud83d\\ude00\"", TRUE },
        { "UTF-8 of each length", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"", TRUE },
        { "DEL, which JSON allows", "\"\x7F\"", TRUE },
        { "nothing", "", FALSE },
        { "white space alone", " \n", FALSE },
        { "two values", "1 2", FALSE },
        { "a comma at an object's end", "{\"a\":1,}", FALSE },
        { "a comma at an array's end", "[1,]", FALSE },
        { "a comma at an array's front", "[,1]", FALSE },
        { "a name that is no string", "{a:1}", FALSE },
        { "a name without a value", "{\"a\"}", FALSE },
        { "no comma between members", "{\"a\":1 \"b\":2}", FALSE },
        { "an object that does not end", "{\"a\":1", FALSE },
        { "an array closed as an object", "[1}", FALSE },
        { "a string that does not end", "\"abc", FALSE },
        { "an escape at the end of all", "\"\\", FALSE },
        { "an escape that is none", "\"\\x41\"", FALSE },
        { "an escape cut short", "\"\\u12\"", FALSE },
        { "an escape that is no hexadecimal", "\"\\u12g4\"", FALSE },
        { "NUL escaped", "\"\\u0000\"", FALSE },
        { "a high surrogate alone", "\"\\ud83d\"", FALSE },
        { "a high surrogate before a letter", "\"\\ud83d\\u0041\"", FALSE },
        { "a low surrogate alone", "\"\\ude00\"", FALSE },
        { "a line's end in a string", "\"a\nb\"", FALSE },
        { "a byte that is no UTF-8", "\"\xFF\"", FALSE },
        { "overlong UTF-8", "\"\xC0\xAF\"", FALSE },
        { "overlong UTF-8 of three", "\"\xE0\x80\xAF\"", FALSE },
        { "a surrogate in UTF-8", "\"\xED\xA0\x80\"", FALSE },
        { "UTF-8 above the last character", "\"\xF4\x90\x80\x80\"", FALSE },
        { "UTF-8 cut by the quote", "\"\xE2\x82\"", FALSE },
        { "a number with a zero in front", "01", FALSE },
        { "a number with a plus", "+1", FALSE },
        { "a number without digits", "-", FALSE },
        { "a number that ends in a dot", "1.", FALSE },
        { "a number that begins with a dot", ".5", FALSE },
        { "an exponent without digits", "1e", FALSE },
        { "a word in capitals", "True", FALSE },
        { "a word cut short", "nul", FALSE },
        { "a word with more behind it", "nulla", FALSE },
        { "NaN", "NaN", FALSE },
        { "a comment", "/**/1", FALSE },
        { "single quotes", "'a'", FALSE },
};

static struct json_text text_of(const char *text)
{
        return (struct json_text){ text, strlen(text) };
}

static void test_value(gconstpointer argument)
{
        const ValueRow *row = argument;
        /* Exactly its bytes on the heap: a sanitizer sees a step too far. */
        g_autofree char *exact = g_memdup2(row->text, strlen(row->text));
        struct json_text value;

        g_assert_cmpint(json_value((struct json_text){ exact, strlen(row->text) }, &value), ==,
                        row->taken);
}

static void test_depth(void)
{
        g_autoptr(GString) text = g_string_new(NULL);
        struct json_text value;

        for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
                g_string_append_c(text, '[');
        g_string_append_c(text, '1');
        for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
                g_string_append_c(text, ']');
        g_assert_true(json_value(text_of(text->str), &value));
        g_string_prepend_c(text, '[');
        g_string_append_c(text, ']');
        g_assert_false(json_value(text_of(text->str), &value));
}

typedef struct StringRow {
        const char *sentence;
        const char *text;
        const char *decoded;
} StringRow;

static const StringRow string_rows[] = {
        { "empty", "\"\"", "" },
        { "plain", "\"abc\"", "abc" },
        { "every short escape", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
        { "escapes of one, two, three and four bytes", "\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"",
          "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80" },
        { "UTF-8 as it is", "\"\xE2\x82\xAC\"", "\xE2\x82\xAC" },
};

static void test_string(gconstpointer argument)
{
        const StringRow *row = argument;
        g_autofree char *place = g_strdup(row->text);
        struct json_text string = text_of(place);
        size_t size = strlen(row->decoded);

        g_assert_true(json_is_string(string));
        g_assert_true(json_equal(string, row->decoded, size));
        g_assert_false(json_equal(string, "abx", 3));
        g_assert_false(size > 0 && json_equal(string, row->decoded, size - 1));
        g_assert_cmpuint(json_decode(string, place), ==, size); /* in its own place */
        g_assert_cmpstr(place, ==, row->decoded);
}

/* Every byte at every place of the eight that are read at once. */
static void test_plain(void)
{
        for (unsigned byte = 0; byte < 256; byte++) {
                gboolean plain = byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';

                for (gsize place = 0; place < 17; place++) {
                        char text[17];

                        memset(text, place % 2 ? ' ' : '~', sizeof(text));
                        text[place] = (char) byte;
                        g_assert_cmpuint(json_plain_size(text, text + sizeof(text)), ==,
                                         plain ? sizeof(text) : place);
                        g_assert_cmpuint(json_plain_size(text, text + place), ==, place);
                }
        }
}

typedef struct IntegerRow {
        const char *text;
        gboolean taken;
        gint64 value;
} IntegerRow;

static void test_integer(void)
{
        static const IntegerRow rows[] = {
                { "0", TRUE, 0 },
                { "-7", TRUE, -7 },
                { "999999999999999999", TRUE, G_GINT64_CONSTANT(999999999999999999) },
                { "9999999999999999999", FALSE, 0 },
                { "1.0", FALSE, 0 },
                { "1e3", FALSE, 0 },
                { "-", FALSE, 0 },
                { "null", FALSE, 0 },
                { "\"1\"", FALSE, 0 },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                int64_t value = 0;

                g_assert_cmpint(json_integer(text_of(rows[i].text), &value), ==, rows[i].taken);
                g_assert_cmpint(value, ==, rows[i].value);
        }
        g_assert_false(json_integer((struct json_text){ NULL, 0 }, &(int64_t){ 0 }));
}

static void test_members(void)
{
        struct json_members members;
        struct json_text name, value;

        g_assert_true(
            json_members_begin(text_of(" {\"a\" : 1 , \"\\u0062\":{\"c\":[2]}} "), &members));
        g_assert_cmpint(json_members_next(&members, &name, &value), ==, 1);
        g_assert_true(json_equal(name, "a", 1));
        g_assert_cmpmem(value.at, value.size, "1", 1);
        g_assert_cmpint(json_members_next(&members, &name, &value), ==, 1);
        g_assert_true(json_equal(name, "b", 1));
        g_assert_cmpmem(value.at, value.size, "{\"c\":[2]}", 9);
        g_assert_cmpint(json_members_next(&members, &name, &value), ==, 0);
        g_assert_cmpint(json_members_next(&members, &name, &value), ==, 0);
}

static void test_members_refused(void)
{
        static const char *const texts[] = { "{",          "{,\"a\":1}", "{\"a\":1,}",
                                             "{\"a\":1}x", "{\"a\" 1}",  "{1:1}" };

        g_assert_false(json_members_begin(text_of("[1]"), &(struct json_members){ 0 }));
        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                struct json_members members;
                struct json_text name, value;
                int r;

                g_assert_true(json_members_begin(text_of(texts[i]), &members));
                while ((r = json_members_next(&members, &name, &value)) == 1)
                        ;
                g_assert_cmpint(r, ==, -1);
        }
}

static void add_row(const char *group, const char *sentence, gconstpointer row, GTestDataFunc test)
{
        g_autofree char *path = g_strdup_printf("/json/%s/%s", group, sentence);

        g_test_add_data_func(path, row, test);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(value_rows); i++)
                add_row("value", value_rows[i].sentence, &value_rows[i], test_value);
        for (gsize i = 0; i < G_N_ELEMENTS(string_rows); i++)
                add_row("string", string_rows[i].sentence, &string_rows[i], test_string);
        g_test_add_func("/json/plain bytes at every place", test_plain);
        g_test_add_func("/json/value/as deep as allowed and one deeper", test_depth);
        g_test_add_func("/json/integers, whole and small enough", test_integer);
        g_test_add_func("/json/members in order, names decoded", test_members);
        g_test_add_func("/json/members of what is no object", test_members_refused);
        return g_test_run();
}

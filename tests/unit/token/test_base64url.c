/* One byte string has one spelling: each row is decoded, and what decodes is encoded back. */
#include "token/base64url.h"
#include "rows.h"

#include <errno.h>

typedef struct Row {
        const char *sentence;
        const char *text;
        const char *bytes; /* NULL: refused */
} Row;

static const Row rows[] = {
        { "nothing is nothing", "", "" },
        { "one byte takes two characters", "Zg", "f" },
        { "two bytes take three characters", "Zm8", "fo" },
        { "three bytes take four characters", "Zm9v", "foo" },
        { "four bytes", "Zm9vYg", "foob" },
        { "six bytes", "Zm9vYmFy", "foobar" },
        { "both characters of the URL alphabet", "-_-_", "\xfb\xff\xbf" },
        { "the other alphabet's plus is refused", "+_-_", NULL },
        { "the other alphabet's slash is refused", "-/-_", NULL },
        { "padding is refused", "Zg==", NULL },
        { "one padding character is refused", "Zm8=", NULL },
        { "a length of one is refused", "Z", NULL },
        { "a length of one more than four is refused", "Zm9vY", NULL },
        { "unused bits of two characters are refused", "Zh", NULL },
        { "the highest unused bit of two characters is refused", "Zo", NULL },
        { "unused bits of three characters are refused", "Zm9", NULL },
        { "the higher unused bit of three characters is refused", "Zm-", NULL },
        { "a space in front is refused", " Zg", NULL },
        { "a space within is refused", "Zm v", NULL },
        { "a newline at the end is refused", "Zm9v\n", NULL },
        { "a newline within is refused", "Zm\nv", NULL },
        { "a byte outside of ASCII is refused", "Zm\xc3\xa9", NULL },
        { "a byte of all ones is refused", "Zm9\xff", NULL },
        { "an asterisk in the tail is refused", "Z*", NULL },
};

static void run_row(const void *data)
{
        const Row *row = data;
        uint8_t bytes[64];
        char text[64];
        size_t len = 0;
        /* What stands behind the text would be a good end of it. */
        g_autofree char *longer = g_strconcat(row->text, "AAAA", NULL);
        int r = base64url_decode(span_of(longer, strlen(row->text)), bytes, &len);

        if (!row->bytes) {
                g_assert_cmpint(r, ==, -EINVAL);
                return;
        }
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpmem(bytes, len, row->bytes, strlen(row->bytes));
        g_assert_cmpuint(len, ==, BASE64URL_DECODED_MAX(strlen(row->text)));
        g_assert_cmpuint(base64url_encode(span_of(bytes, len), text), ==, strlen(row->text));
        g_assert_cmpstr(text, ==, row->text);
}

static void test_nul_within(void)
{
        uint8_t bytes[8];
        size_t len;

        g_assert_cmpint(base64url_decode(span_of("Zm\0v", 4), bytes, &len), ==, -EINVAL);
}

static void test_in_place(void)
{
        char memory[] = "Zm9vYmFyYg";
        size_t len;

        g_assert_cmpint(base64url_decode(span_from(memory), (uint8_t *) memory, &len), ==, 0);
        g_assert_cmpmem(memory, len, "foobarb", 7);
}

static void test_every_length(void)
{
        uint8_t bytes[256], back[256];
        char text[BASE64URL_ENCODED_MAX(256)];

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (uint8_t) (i * 37 + 11);
        for (size_t n = 0; n <= sizeof bytes; n++) {
                size_t text_len = base64url_encode(span_of(bytes, n), text), len;

                g_assert_cmpuint(text_len, <, BASE64URL_ENCODED_MAX(n));
                g_assert_cmpint(base64url_decode(span_of(text, text_len), back, &len), ==, 0);
                g_assert_cmpmem(back, len, bytes, n);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                rows_add("base64url", rows[i].sentence, &rows[i], run_row);
        g_test_add_func("/base64url/a NUL within is refused", test_nul_within);
        g_test_add_func("/base64url/text and bytes may share memory", test_in_place);
        g_test_add_func("/base64url/every length comes back as it was", test_every_length);
        return g_test_run();
}

/* Screen: hostile text as a terminal may show it, and QR codes read back by a reader of its own. */
#include "login/screen.h"

#include <glib/gstdio.h>
#include <qrencode.h>
#include <unistd.h>

#define URL "https://sso.example.com/realms/holodeck/device?user_code=WDJB-MJHT"

#define ESC "\x1b"

typedef struct CleanRow {
        const char *sentence;
        Span text;
        size_t max;
        const char *shown;
} CleanRow;

#define TEXT(literal) SPAN_OF_LITERAL(literal)

static const CleanRow clean_rows[] = {
        { "plain text stays", TEXT("Log in, please."), 80, "Log in, please." },
        { "nothing is nothing", TEXT(""), 80, "" },
        { "letters of other scripts stay", TEXT("Zoë Łukasz 你好 مرحبا नमस्ते"), 80,
          "Zoë Łukasz 你好 مرحبا नमस्ते" },
        { "an emoji stays", TEXT("\xf0\x9f\x98\x80"), 80, "\xf0\x9f\x98\x80" },
        { "ESC and what follows is a question", TEXT(ESC "[2J" ESC "]0;title\x07x"), 80,
          "?[2J?]0;title?x" },
        { "a newline, a return, a tab and a backspace are questions", TEXT("a\nb\rc\td\be"), 80,
          "a?b?c?d?e" },
        { "NUL is a question, and no end", TEXT("a\0b"), 80, "a?b" },
        { "DEL is a question",
          TEXT("a\x7f"
               "b"),
          80, "a?b" },
        { "C1's CSI in UTF-8 is a question",
          TEXT("a\xc2\x9b"
               "2J"),
          80, "a?2J" },
        { "C1's CSI as a bare byte is a question",
          TEXT("a\x9b"
               "2J"),
          80, "a?2J" },
        { "NEL is a question",
          TEXT("a\xc2\x85"
               "b"),
          80, "a?b" },
        { "RLO is a question",
          TEXT("gnp\xe2\x80\xae"
               "exe"),
          80, "gnp?exe" },
        { "LRI and PDI are questions",
          TEXT("\xe2\x81\xa6"
               "a\xe2\x81\xa9"),
          80, "?a?" },
        { "the Arabic letter mark is a question", TEXT("a\xd8\x9c"), 80, "a?" },
        { "a zero-width space is a question", TEXT("ad\xe2\x80\x8bmin"), 80, "ad?min" },
        { "a zero-width joiner is a question", TEXT("ad\xe2\x80\x8dmin"), 80, "ad?min" },
        { "a word joiner is a question", TEXT("ad\xe2\x81\xa0min"), 80, "ad?min" },
        { "a byte order mark is a question", TEXT("\xef\xbb\xbfx"), 80, "?x" },
        { "a soft hyphen is a question", TEXT("ad\xc2\xadmin"), 80, "ad?min" },
        { "Hangul's filler is a question", TEXT("x\xe3\x85\xa4y"), 80, "x?y" },
        { "a variation selector is a question", TEXT("x\xef\xb8\x8fy"), 80, "x?y" },
        { "a tag is a question", TEXT("x\xf3\xa0\x81\x81y"), 80, "x?y" },
        { "a line separator is a question", TEXT("x\xe2\x80\xa8y"), 80, "x?y" },
        { "private use is a question", TEXT("x\xee\x80\x80y"), 80, "x?y" },
        { "each byte that is no UTF-8 is a question", TEXT("\xff\xfe\x80y"), 80, "???y" },
        { "an overlong slash is questions", TEXT("\xc0\xaf"), 80, "??" },
        { "a surrogate is questions", TEXT("\xed\xa0\x80"), 80, "???" },
        { "beyond Unicode is questions", TEXT("\xf4\x90\x80\x80"), 80, "????" },
        { "a character that breaks off is a question", TEXT("x\xe2\x82"), 80, "x??" },
        { "a text of just the length stays whole", TEXT("0123456789"), 10, "0123456789" },
        { "one byte more is cut", TEXT("0123456789a"), 10, "0123456..." },
        { "a cut in the middle of a character drops the character",
          TEXT("012345\xe2\x82\xac"
               "89"),
          10, "012345..." },
        { "a character that just fits before the cut stays",
          TEXT("0123\xe2\x82\xac"
               "789a"),
          10, "0123\xe2\x82\xac..." },
        { "a bound below the mark is kept to", TEXT("0123"), 2, ".." },
        { "a bound of nothing is kept to", TEXT("0123"), 0, "" },
};

static void test_clean(gconstpointer data)
{
        const CleanRow *row = data;
        g_autofree char *shown = screen_clean(row->text, row->max);

        g_assert_cmpstr(shown, ==, row->shown);
}

/* Every byte that follows every other: what comes out is valid, without controls, not too long. */
static void test_clean_pairs(void)
{
        for (unsigned a = 0; a < 256; a++)
                for (unsigned b = 0; b < 256; b++) {
                        const char text[] = { 'x', (char) a, (char) b, (char) 0x80, 'y' };
                        g_autofree char *shown =
                            screen_clean(span_of(text, sizeof(text)), sizeof(text));

                        g_assert_true(g_utf8_validate(shown, -1, NULL));
                        g_assert_cmpuint(strlen(shown), <=, sizeof(text));
                        for (const char *at = shown; *at; at = g_utf8_next_char(at))
                                g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));
                }
}

/* ---- QR codes ---- */

/* Modules: what was drawn, a byte each, 1: light. */
typedef struct Modules {
        size_t width, height;
        GByteArray *light;
} Modules;

static void modules_clear(Modules *modules)
{
        g_byte_array_unref(modules->light);
}

static void put(Modules *modules, size_t row, size_t column, bool light)
{
        const guint8 byte = light;

        if (row >= modules->width) /* the half line below the last */
                return;
        modules->height = MAX(modules->height, row + 1);
        g_assert_cmpuint(modules->light->len, ==, row * modules->width + column);
        g_byte_array_append(modules->light, &byte, 1);
}

/* A half block is two modules, one above the other. */
static Modules read_utf8(const char *drawn)
{
        g_auto(GStrv) lines = g_strsplit(drawn, "\n", -1);
        Modules modules = { .width = (size_t) g_utf8_strlen(lines[0], -1),
                            .light = g_byte_array_new() };

        for (size_t line = 0; *lines[line]; line++) {
                g_assert_cmpint(g_utf8_strlen(lines[line], -1), ==, (glong) modules.width);
                for (size_t half = 0; half < 2; half++) {
                        const char *at = lines[line];

                        for (size_t column = 0; column < modules.width; column++) {
                                gunichar block = g_utf8_get_char(at);

                                g_assert_true(block == ' ' || block == 0x2580 || block == 0x2584 ||
                                              block == 0x2588);
                                put(&modules, 2 * line + half, column,
                                    block == 0x2588 || block == (half ? 0x2584 : 0x2580));
                                at = g_utf8_next_char(at);
                        }
                }
        }
        return modules;
}

static Modules read_ascii(const char *drawn)
{
        g_auto(GStrv) lines = g_strsplit(drawn, "\n", -1);
        Modules modules = { .width = strlen(lines[0]) / 2, .light = g_byte_array_new() };

        for (size_t line = 0; *lines[line]; line++) {
                g_assert_cmpuint(strlen(lines[line]), ==, 2 * modules.width);
                for (size_t column = 0; column < modules.width; column++) {
                        const char *module = lines[line] + 2 * column;

                        g_assert_true(strncmp(module, "##", 2) == 0 ||
                                      strncmp(module, "  ", 2) == 0);
                        put(&modules, line, column, *module == '#');
                }
        }
        return modules;
}

typedef struct Style {
        const char *name;
        char *(*draw)(const char *url);
        Modules (*read)(const char *drawn);
} Style;

static const Style styles[] = { { "utf8", screen_qr_utf8, read_utf8 },
                                { "ascii", screen_qr_ascii, read_ascii } };

#define SCALE 4 /* pixels of a module */

/* A grey map (PGM) as a camera would see it. */
static char *write_image(const Modules *modules, const char *folder)
{
        g_autoptr(GString) image = g_string_new(NULL);
        char *path = g_build_filename(folder, "qr.pgm", NULL);

        g_string_printf(image, "P5 %zu %zu 255\n", modules->width * SCALE, modules->height * SCALE);
        for (size_t y = 0; y < modules->height * SCALE; y++)
                for (size_t x = 0; x < modules->width * SCALE; x++)
                        g_string_append_c(
                            image, modules->light->data[y / SCALE * modules->width + x / SCALE]
                                       ? '\xff'
                                       : '\0');
        g_assert_true(g_file_set_contents(path, image->str, (gssize) image->len, NULL));
        return path;
}

static char *read_by_zbar(const Modules *modules)
{
        g_autofree char *folder = g_dir_make_tmp("authd-screen-XXXXXX", NULL);
        g_autofree char *path = write_image(modules, folder);
        char *argv[] = {
                "zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", path, NULL
        };
        char *found = NULL;
        g_autoptr(GError) error = NULL;

        g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                     &found, NULL, NULL, &error);
        g_assert_no_error(error);
        g_unlink(path);
        g_rmdir(folder);
        return g_strchomp(found);
}

static void test_zbar(gconstpointer data)
{
        const Style *style = data;
        g_autofree char *program = g_find_program_in_path("zbarimg");
        g_autofree char *longest = g_strnfill(SCREEN_QR_TEXT_MAX, 'x');
        const char *const urls[] = { URL, "http://a/", longest };

        if (!program) {
                g_test_skip("zbarimg is not installed");
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
                g_autofree char *drawn = style->draw(urls[i]);
                Modules modules = style->read(drawn);
                g_autofree char *found = read_by_zbar(&modules);

                g_assert_cmpstr(found, ==, urls[i]);
                modules_clear(&modules);
        }
}

/* Module by module beside the library's, the quiet zone around. */
static void test_matrix(gconstpointer data)
{
        const Style *style = data;
        g_autofree char *drawn = style->draw(URL);
        Modules modules = style->read(drawn);
        QRcode *code = QRcode_encodeString(URL, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
        size_t width = (size_t) code->width;

        g_assert_cmpuint(modules.width, ==, width + 2 * SCREEN_QR_QUIET);
        g_assert_cmpuint(modules.height, ==, modules.width);
        for (size_t row = 0; row < modules.height; row++)
                for (size_t column = 0; column < modules.width; column++) {
                        size_t y = row - SCREEN_QR_QUIET, x = column - SCREEN_QR_QUIET;
                        bool dark = y < width && x < width && code->data[y * width + x] & 1;

                        g_assert_cmpint(modules.light->data[row * modules.width + column], ==,
                                        !dark);
                }
        QRcode_free(code);
        modules_clear(&modules);
}

static void test_refused(gconstpointer data)
{
        const Style *style = data;
        g_autofree char *too_long = g_strnfill(SCREEN_QR_TEXT_MAX + 1, 'x');
        const char *const refused[] = { "",        "http://a b/", "http://a/\n", "http://\xc3\xa4/",
                                        ESC "[2J", too_long };

        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
                g_assert_null(style->draw(refused[i]));
}

/* What a usual URL takes of 80 columns and 24 lines, with the words above it. */
static void test_fits(void)
{
        g_autofree char *qr = screen_qr_utf8(URL);
        g_autofree char *text =
            screen_device("https://sso.example.com/realms/holodeck/device", URL, "WDJB-MJHT", qr);
        g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);

        for (char **line = lines; *line; line++)
                g_assert_cmpint(g_utf8_strlen(*line, -1), <=, 80);
        g_assert_cmpuint(strlen(qr), <, 8192 / 2);
}

static void test_device(void)
{
        g_autofree char *plain = screen_device("https://a/device", NULL, "AB" ESC "-CD", NULL);
        g_autofree char *whole =
            screen_device("https://a/device", "https://a/\nd", "AB-CD", "##\n");

        g_assert_cmpstr(plain, ==,
                        "To log in, open\n  https://a/device\nand enter the code\n  AB?-CD\n");
        g_assert_cmpstr(whole, ==,
                        "To log in, open\n  https://a/device\nand enter the code\n  AB-CD\n"
                        "or open\n  https://a/?d\nand compare the code.\n##\n");
}

static void add_style(const Style *style, const char *what, GTestDataFunc test)
{
        g_autofree char *path = g_strdup_printf("/screen/%s: %s", style->name, what);

        g_test_add_data_func(path, style, test);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(clean_rows); i++) {
                g_autofree char *path = g_strconcat("/screen/", clean_rows[i].sentence, NULL);

                g_test_add_data_func(path, &clean_rows[i], test_clean);
        }
        g_test_add_func("/screen/no two bytes make a control character", test_clean_pairs);
        for (size_t i = 0; i < G_N_ELEMENTS(styles); i++) {
                add_style(&styles[i], "a reader reads the URL back", test_zbar);
                add_style(&styles[i], "each module is the library's", test_matrix);
                add_style(&styles[i], "what is no URL is not drawn", test_refused);
        }
        g_test_add_func("/screen/a device login fits 80 columns", test_fits);
        g_test_add_func("/screen/a device login says where and what, cleaned", test_device);
        return g_test_run();
}

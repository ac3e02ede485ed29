/* screen: see screen.h. */
#include "login/screen.h"

#include <qrencode.h>

#define REPLACEMENT '?'
#define CUT_MARK    "..."

typedef struct CharRange {
        gunichar first, last;
} CharRange;

/* Letters and marks that show nothing: of Unicode's Default_Ignorable_Code_Point those that are no
 * format characters, which their type tells, and the blank of Braille. */
static const CharRange invisible[] = {
        { 0x034f, 0x034f }, { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },
        { 0x180b, 0x180f }, { 0x2800, 0x2800 }, { 0x3164, 0x3164 },
        { 0xfe00, 0xfe0f }, { 0xffa0, 0xffa0 }, { 0xe0000, 0xe0fff },
};

static bool is_invisible(gunichar character)
{
        for (size_t i = 0; i < G_N_ELEMENTS(invisible); i++)
                if (character >= invisible[i].first && character <= invisible[i].last)
                        return true;
        return false;
}

static bool is_shown(gunichar character)
{
        switch (g_unichar_type(character)) {
        case G_UNICODE_CONTROL:
        case G_UNICODE_FORMAT: /* bidirectional and zero-width marks, soft hyphen */
        case G_UNICODE_LINE_SEPARATOR:
        case G_UNICODE_PARAGRAPH_SEPARATOR:
        case G_UNICODE_PRIVATE_USE:
        case G_UNICODE_SURROGATE:
        case G_UNICODE_UNASSIGNED: return false;
        default: return !is_invisible(character);
        }
}

/* next_char: how many bytes of rest the first character takes; *ret_shown: what stands for it. */
static size_t next_char(Span rest, gunichar *ret_shown)
{
        gunichar character = g_utf8_get_char_validated(rest.data, (gssize) rest.len);
        bool broken = character == (gunichar) -1 || character == (gunichar) -2;

        *ret_shown = broken || !is_shown(character) ? REPLACEMENT : character;
        return broken ? 1 : (size_t) g_unichar_to_utf8(character, NULL);
}

char *screen_clean(Span text, size_t max)
{
        g_autoptr(GString) shown = g_string_new(NULL);
        size_t mark_len = MIN(strlen(CUT_MARK), max);
        size_t cut_at = 0; /* where a character ends and the mark still fits */

        while (text.len > 0 && shown->len <= max) {
                gunichar character;
                size_t len = next_char(text, &character);

                g_string_append_unichar(shown, character);
                if (shown->len <= max - mark_len)
                        cut_at = shown->len;
                text = span_of(text.data + len, text.len - len);
        }
        if (shown->len > max) {
                g_string_truncate(shown, cut_at);
                g_string_append_len(shown, CUT_MARK, (gssize) mark_len);
        }
        return g_string_free(g_steal_pointer(&shown), FALSE);
}

/* ---- QR codes ---- */

static bool is_url_text(const char *url)
{
        for (const char *at = url; *at; at++)
                if (!g_ascii_isgraph(*at))
                        return false;
        return *url && strlen(url) <= SCREEN_QR_TEXT_MAX;
}

/* The lowest level of correction: a screen has no stains, and fewer modules fit a terminal. */
static QRcode *qr_new(const char *url)
{
        return is_url_text(url) ? QRcode_encodeString(url, 0, QR_ECLEVEL_L, QR_MODE_8, 1) : NULL;
}

/* Light also in the quiet zone; what is outside of both is the terminal's own dark. */
static bool is_light(const QRcode *code, int row, int column)
{
        if (row >= code->width + SCREEN_QR_QUIET)
                return false;
        if (row < 0 || column < 0 || row >= code->width || column >= code->width)
                return true;
        return !(code->data[row * code->width + column] & 1);
}

static void draw_halves(GString *drawn, const QRcode *code, int row, int column)
{
        static const char *const halves[2][2] = { { " ", "\u2584" }, { "\u2580", "\u2588" } };

        g_string_append(drawn,
                        halves[is_light(code, row, column)][is_light(code, row + 1, column)]);
}

static void draw_whole(GString *drawn, const QRcode *code, int row, int column)
{
        g_string_append(drawn, is_light(code, row, column) ? "##" : "  ");
}

typedef struct QrDrawing {
        int rows; /* of modules in a line */
        void (*draw)(GString *drawn, const QRcode *code, int row, int column);
} QrDrawing;

static char *draw_qr(const char *url, const QrDrawing *drawing)
{
        g_autoptr(GString) drawn = g_string_new(NULL);
        QRcode *code = qr_new(url);

        if (!code)
                return NULL;
        for (int row = -SCREEN_QR_QUIET; row < code->width + SCREEN_QR_QUIET;
             row += drawing->rows) {
                for (int column = -SCREEN_QR_QUIET; column < code->width + SCREEN_QR_QUIET;
                     column++)
                        drawing->draw(drawn, code, row, column);
                g_string_append_c(drawn, '\n');
        }
        QRcode_free(code);
        return g_string_free(g_steal_pointer(&drawn), FALSE);
}

char *screen_qr_utf8(const char *url)
{
        return draw_qr(url, &(QrDrawing){ 2, draw_halves });
}

char *screen_qr_ascii(const char *url)
{
        return draw_qr(url, &(QrDrawing){ 1, draw_whole });
}

/* ---- device ---- */

char *screen_device(const char *url, const char *complete_url, const char *code, const char *qr)
{
        g_autofree char *url_shown = screen_clean(span_from(url), SCREEN_URL_MAX);
        g_autofree char *code_shown = screen_clean(span_from(code), SCREEN_CODE_MAX);
        g_autofree char *complete_shown = screen_clean(span_from(complete_url), SCREEN_URL_MAX);
        g_autoptr(GString) text = g_string_new(NULL);

        g_string_append_printf(text, "To log in, open\n  %s\nand enter the code\n  %s\n", url_shown,
                               code_shown);
        if (complete_url)
                g_string_append_printf(text, "or open\n  %s\nand compare the code.\n",
                                       complete_shown);
        if (qr)
                g_string_append(text, qr);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

/* authctl_text: see authctl_text.h. */
#include "authctl_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COLUMN_GAP 2
#define NOTE_GAP   4

typedef struct Cell {
        char *text; /* printable */
        Style style;
} Cell;

typedef struct Note {
        size_t row;
        char *text; /* printable */
} Note;

struct Table {
        size_t n_columns;
        bool headed;
        GArray *cells;
        GArray *notes; /* in the order of their rows */
};

static const char *const style_codes[_STYLE_MAX] = {
        [STYLE_PLAIN] = "",        [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
        [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m", [STYLE_WARN] = "\033[33m",
};

static bool colours_wanted(void)
{
        const char *terminal = g_getenv("TERM");

        return isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR") && g_strcmp0(terminal, "dumb") != 0;
}

const char *style_begin(Style style)
{
        return colours_wanted() ? style_codes[style] : "";
}

const char *style_end(Style style)
{
        return style != STYLE_PLAIN && colours_wanted() ? "\033[0m" : "";
}

char *text_printable(const char *text)
{
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);

        for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
                gunichar character = g_utf8_get_char(at);

                if (g_unichar_isprint(character))
                        g_string_append_unichar(out, character);
                else
                        g_string_append_printf(out, "\\u{%x}", character);
        }
        return g_string_free(g_steal_pointer(&out), false);
}

char *text_duration(gint64 seconds)
{
        static const struct {
                gint64 size, smaller;
                const char *name, *smaller_name;
        } steps[] = {
                { 86400, 3600, "d", "h" },
                { 3600, 60, "h", "m" },
                { 60, 1, "m", "s" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
                if (seconds >= steps[i].size)
                        return g_strdup_printf(
                            "%" PRId64 "%s %" PRId64 "%s", seconds / steps[i].size, steps[i].name,
                            seconds % steps[i].size / steps[i].smaller, steps[i].smaller_name);
        return g_strdup_printf("%" PRId64 "s", seconds);
}

char *text_time(gint64 unix_sec, gint64 now_sec)
{
        g_autoptr(GDateTime) time = unix_sec > 0 ? g_date_time_new_from_unix_local(unix_sec) : NULL;
        g_autofree char *date = time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : NULL;
        gint64 distance = ABS(unix_sec - now_sec);

        if (!date)
                return g_strdup("never");
        g_autofree char *duration = text_duration(distance);
        if (unix_sec > now_sec)
                return g_strdup_printf("%s (in %s)", date, duration);
        return g_strdup_printf("%s (%s ago)", date, duration);
}

char *text_size(gint64 bytes)
{
        return g_format_size_full((guint64) MAX(bytes, 0), G_FORMAT_SIZE_IEC_UNITS);
}

static void cell_clear(void *cell)
{
        g_free(((Cell *) cell)->text);
}

static void note_clear(void *note)
{
        g_free(((Note *) note)->text);
}

Table *table_new(const char *const *titles)
{
        Table *table = g_new0(Table, 1);

        table->cells = g_array_new(false, false, sizeof(Cell));
        g_array_set_clear_func(table->cells, cell_clear);
        table->notes = g_array_new(false, false, sizeof(Note));
        g_array_set_clear_func(table->notes, note_clear);
        table->headed = titles[0][0] != '\0';
        table->n_columns = g_strv_length((char **) titles);
        for (size_t i = 0; table->headed && i < table->n_columns; i++)
                table_add(table, STYLE_BOLD, titles[i]);
        return table;
}

void table_free(Table *table)
{
        if (!table)
                return;
        g_array_unref(table->cells);
        g_array_unref(table->notes);
        g_free(table);
}

void table_add(Table *table, Style style, const char *text)
{
        Cell cell = { .text = text_printable(text && *text ? text : "-"), .style = style };

        g_array_append_val(table->cells, cell);
}

void table_note(Table *table, const char *text)
{
        Note note = { .row = table->cells->len / table->n_columns };

        if (!text || !*text)
                return;
        note.text = text_printable(text);
        g_array_append_val(table->notes, note);
}

static size_t column_width(const Table *table, size_t column)
{
        size_t width = 0;

        for (size_t i = column; i < table->cells->len; i += table->n_columns) {
                size_t length =
                    (size_t) g_utf8_strlen(g_array_index(table->cells, Cell, i).text, -1);

                width = MAX(width, length);
        }
        return width;
}

static void print_cell(const Cell *cell, size_t padding)
{
        printf("%s%s%s%*s", style_begin(cell->style), cell->text, style_end(cell->style),
               (int) padding, "");
}

/* Those below so many rows, from *next on. */
static void print_notes(const Table *table, size_t n_rows, size_t *next)
{
        for (; *next < table->notes->len; (*next)++) {
                const Note *note = &g_array_index(table->notes, Note, *next);

                if (note->row > n_rows)
                        return;
                printf("%*s%s\n", NOTE_GAP, "", note->text);
        }
}

void table_print(const Table *table)
{
        g_autofree size_t *widths = g_new0(size_t, table->n_columns);
        size_t next_note = 0;

        for (size_t i = 0; i < table->n_columns; i++)
                widths[i] = column_width(table, i);
        for (size_t i = 0; i < table->cells->len; i++) {
                const Cell *cell = &g_array_index(table->cells, Cell, i);
                size_t column = i % table->n_columns;
                bool last = column + 1 == table->n_columns;
                size_t length = (size_t) g_utf8_strlen(cell->text, -1);

                print_cell(cell, last ? 0 : widths[column] - length + COLUMN_GAP);
                if (last) {
                        putchar('\n');
                        print_notes(table, i / table->n_columns + 1, &next_note);
                }
        }
}

/* authctl_text: text for people: aligned tables, colours on terminals, times and sizes in words.
 *
 * Every cell is made printable first: what the daemon quotes may hold a stranger's control codes.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum Style {
        STYLE_PLAIN,
        STYLE_BOLD,
        STYLE_DIM,
        STYLE_GOOD,
        STYLE_BAD,
        STYLE_WARN,
        _STYLE_MAX
} Style;

/* style_begin, style_end: "" unless stdout is a terminal and NO_COLOR is unset. */
const char *style_begin(Style style);
const char *style_end(Style style);

/* text_printable: controls, and marks that turn the direction of writing, become \u{HEX}; what is
 * not UTF-8 too. NULL gives "". Caller frees, as for all below. */
char *text_printable(const char *text);
char *text_duration(gint64 seconds); /* "3h 12m" */
char *text_time(gint64 unix_sec,
                gint64 now_sec); /* "2026-01-31 12:00:05 (in 4m 55s)"; 0: "never" */
char *text_size(gint64 bytes);   /* "16.0 MiB" */

typedef struct Table Table;
/* table_new: titles are NULL-terminated; an empty first title prints no head. */
Table *table_new(const char *const *titles);
/* table_add: the next cell, row by row; NULL is shown as "-". */
void table_add(Table *table, Style style, const char *text);
/* table_note: a line of its own below the last row, indented; "" or NULL: none. */
void table_note(Table *table, const char *text);
void table_print(const Table *table);
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

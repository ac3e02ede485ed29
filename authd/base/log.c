/* log: see log.h. A line is built whole, within LOG_LINE_MAX, and leaves by one write.
 *
 * What does not fit is left out and the line ends with "truncated":true, so that a hostile value
 * can neither push another field out unseen nor break a line in two. What a terminal would act on
 * (control bytes, invisible and direction-changing characters) is written as an escape. */
#include "base/log.h"

#include "base/clock.h"

/* No CODE_FILE and CODE_LINE: an event's word says more than a line number. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include <errno.h>
#include <glib.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#define LINE_END_RESERVE   24 /* ,"truncated":true}\n */
#define JOURNAL_FIELDS_MAX (LOG_FIELDS_MAX + 4)
#define JOURNAL_PREFIX     "AUTHD_"
#define ESCAPE_SIZE_MAX    12 /* \ud83d\ude00 */

static const struct {
        const char *word;
        char priority; /* syslog's */
} levels[] = {
        [LOG_LEVEL_ERROR] = { "error", '3' },   [LOG_LEVEL_WARNING] = { "warning", '4' },
        [LOG_LEVEL_NOTICE] = { "notice", '5' }, [LOG_LEVEL_INFO] = { "info", '6' },
        [LOG_LEVEL_DEBUG] = { "debug", '7' },
};

static _Atomic(LogLevel) level_max = LOG_LEVEL_INFO;
static atomic_bool to_journal;

/* stderr_is_journal: the service manager names device and inode of the stream it gave us; a shell
 * redirection further down inherits the variable but not the stream (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        g_autofree char *ours = NULL;
        struct stat found;

        if (!stream || fstat(STDERR_FILENO, &found) < 0)
                return false;
        ours = g_strdup_printf("%ju:%ju", (uintmax_t) found.st_dev, (uintmax_t) found.st_ino);
        return strcmp(stream, ours) == 0;
}

void log_open(LogLevel level)
{
        atomic_store(&to_journal, stderr_is_journal());
        log_set_level(level);
}

void log_set_level(LogLevel level)
{
        atomic_store_explicit(&level_max, level, memory_order_relaxed);
}

bool log_enabled(LogLevel level)
{
        return level <= atomic_load_explicit(&level_max, memory_order_relaxed);
}

bool log_level_from_text(const char *word, LogLevel *ret_level)
{
        for (size_t i = 0; i < G_N_ELEMENTS(levels); i++)
                if (strcmp(word, levels[i].word) == 0) {
                        *ret_level = (LogLevel) i;
                        return true;
                }
        return false;
}

const char *log_level_text(LogLevel level)
{
        return levels[level].word;
}

static size_t escape_unicode(gunichar c, char ret[ESCAPE_SIZE_MAX + 1])
{
        if (c > 0xffff)
                return (size_t) g_snprintf(ret, ESCAPE_SIZE_MAX + 1, "\\u%04x\\u%04x",
                                           0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
        return (size_t) g_snprintf(ret, ESCAPE_SIZE_MAX + 1, "\\u%04x", c);
}

/* is_visible: GLib counts the two separators that end a line as printable. */
static bool is_visible(gunichar c)
{
        return g_unichar_isprint(c) && c != 0x2028 && c != 0x2029;
}

/* encode_one: the first character of text as it is written; *ret_used bytes of text are spent. */
static size_t encode_one(const char *text, char ret[ESCAPE_SIZE_MAX + 1], size_t *ret_used)
{
        gunichar c = g_utf8_get_char_validated(text, -1);

        if (c == (gunichar) -1 || c == (gunichar) -2) {
                *ret_used = 1;
                return escape_unicode(0xfffd, ret);
        }
        *ret_used = (size_t) g_unichar_to_utf8(c, NULL);
        if (c == '"' || c == '\\') {
                ret[0] = '\\';
                ret[1] = (char) c;
                return 2;
        }
        if (!is_visible(c))
                return escape_unicode(c, ret);
        memcpy(ret, text, *ret_used);
        return *ret_used;
}

/* append_encoded: at most LOG_TEXT_MAX bytes, never half an escape; false when text was cut. */
static bool append_encoded(GString *out, const char *text)
{
        size_t len = 0;

        while (*text) {
                char one[ESCAPE_SIZE_MAX + 1];
                size_t used, n = encode_one(text, one, &used);

                if (len + n > LOG_TEXT_MAX)
                        return false;
                g_string_append_len(out, one, (gssize) n);
                len += n;
                text += used;
        }
        return true;
}

static bool append_text_member(GString *line, const char *name, const char *text)
{
        bool whole;

        g_string_append_printf(line, ",\"%s\":\"", name);
        whole = append_encoded(line, text);
        g_string_append_c(line, '"');
        return whole;
}

/* append_member: a field for which there is no room left leaves no trace but the answer false. */
static bool append_member(GString *line, const LogField *field)
{
        size_t before = line->len;
        bool whole = true;

        if (field->text)
                whole = append_text_member(line, field->name, field->text);
        else
                g_string_append_printf(line, ",\"%s\":%" G_GINT64_FORMAT, field->name,
                                       (gint64) field->number);
        if (line->len <= LOG_LINE_MAX - LINE_END_RESERVE)
                return whole;
        g_string_truncate(line, before);
        return false;
}

static void append_time(GString *line)
{
        int64_t now_usec = clock_wall_usec();
        time_t sec = (time_t) (now_usec / CLOCK_USEC_PER_SEC);
        char text[sizeof("2026-01-01T00:00:00")];
        struct tm utc;

        gmtime_r(&sec, &utc);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
        g_string_append_printf(line, "%s.%06dZ", text, (int) (now_usec % CLOCK_USEC_PER_SEC));
}

static void write_line(const GString *line)
{
        /* A short or failed write is let go: there is nobody left to tell. */
        while (write(STDERR_FILENO, line->str, line->len) < 0 && errno == EINTR)
                ;
}

static void write_json(LogLevel level, const LogField *head, size_t n_head, const LogField *fields)
{
        g_autoptr(GString) line = g_string_sized_new(512);
        bool whole = true;
        size_t n = 0;

        g_string_append(line, "{\"ts\":\"");
        append_time(line);
        g_string_append_printf(line, "\",\"level\":\"%s\"", levels[level].word);
        for (size_t i = 0; i < n_head; i++)
                whole &= append_member(line, &head[i]);
        for (; fields[n].name && n < LOG_FIELDS_MAX; n++)
                whole &= append_member(line, &fields[n]);
        whole &= fields[n].name == NULL;
        g_string_append(line, whole ? "}\n" : ",\"truncated\":true}\n");
        write_line(line);
}

/* journal_field: NAME=value, the name in the journal's capitals; the caller frees. */
static char *journal_field(const char *prefix, const LogField *field)
{
        GString *out = g_string_new(prefix);

        for (const char *p = field->name; *p; p++)
                g_string_append_c(out, g_ascii_isalnum(*p) ? g_ascii_toupper(*p) : '_');
        g_string_append_c(out, '=');
        if (field->text)
                append_encoded(out, field->text);
        else
                g_string_append_printf(out, "%" G_GINT64_FORMAT, (gint64) field->number);
        return g_string_free(out, FALSE);
}

static void journal_add(GPtrArray *lines, const char *prefix, const LogField *field)
{
        g_ptr_array_add(lines, journal_field(prefix, field));
}

static void write_journal(LogLevel level, const char *event, const char *message,
                          const LogField *fields)
{
        g_autoptr(GPtrArray) lines = g_ptr_array_new_full(JOURNAL_FIELDS_MAX, g_free);
        struct iovec parts[JOURNAL_FIELDS_MAX];

        journal_add(lines, "", (const LogField[]){ LOG_TEXT("message", message) });
        journal_add(lines, JOURNAL_PREFIX, (const LogField[]){ LOG_TEXT("event", event) });
        journal_add(lines, "", &LOG_NUMBER("priority", levels[level].priority - '0'));
        for (size_t n = 0; fields[n].name; n++) {
                if (n == LOG_FIELDS_MAX) {
                        journal_add(lines, JOURNAL_PREFIX,
                                    (const LogField[]){ LOG_TEXT("truncated", "true") });
                        break;
                }
                journal_add(lines, JOURNAL_PREFIX, &fields[n]);
        }
        for (guint i = 0; i < lines->len; i++)
                parts[i] = (struct iovec){ lines->pdata[i], strlen(lines->pdata[i]) };
        sd_journal_sendv(parts, (int) lines->len);
}

void log_write(LogLevel level, const char *event, const char *message, const LogField *fields)
{
        const LogField head[] = { LOG_TEXT("event", event), LOG_TEXT("message", message) };

        if (!log_enabled(level))
                return;
        if (atomic_load_explicit(&to_journal, memory_order_relaxed))
                write_journal(level, event, message, fields);
        else
                write_json(level, head, G_N_ELEMENTS(head), fields);
}

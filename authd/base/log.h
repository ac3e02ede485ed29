/* log: one event a line, for machines first.
 *
 * JSON lines on stderr, or journal fields when the journal is our stderr. An event has a word, a
 * sentence and named fields; a token or secret is never a field, only its fingerprint. Values are
 * hostile until encoded here: JSON strings are escaped (invalid UTF-8 and control bytes too), the
 * sentence is encoded alike. Any thread; each line is one write(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum LogLevel {
        LOG_LEVEL_ERROR,
        LOG_LEVEL_WARNING,
        LOG_LEVEL_NOTICE,
        LOG_LEVEL_INFO,
        LOG_LEVEL_DEBUG,
} LogLevel;

typedef struct LogField {
        const char *name;
        const char *text; /* NULL: number counts */
        int64_t number;
} LogField;

/* log_text: NULL is shown as "". */
static inline LogField log_text(const char *name, const char *value)
{
        return (LogField){ .name = name, .text = value ? value : "" };
}

#define LOG_TEXT(field_name, value)   log_text((field_name), (value))
#define LOG_NUMBER(field_name, value) ((LogField){ .name = (field_name), .number = (value) })

#define LOG_FIELDS_MAX                24   /* more are cut; the line says so */
#define LOG_TEXT_MAX                  1024 /* bytes of one value once encoded; a longer one is cut */
#define LOG_LINE_MAX                  4096 /* PIPE_BUF: lines of two threads never mix in a pipe */

/* log_open: chooses the journal when $JOURNAL_STREAM names our stderr. Until then: stderr, INFO. */
void log_open(LogLevel level);
void log_set_level(LogLevel level);
bool log_enabled(LogLevel level);
/* log_level_from_text: error, warning, notice, info, debug; false for any other word. */
bool log_level_from_text(const char *word, LogLevel *ret_level);
const char *log_level_text(LogLevel level);
/* log_write: fields end with one whose name is NULL. Use log_event. */
void log_write(LogLevel level, const char *event, const char *message, const LogField *fields);

/* log_event(LEVEL, "keys_fetched", "3 keys for holodeck.", LOG_TEXT("issuer", name)); */
#define log_event(level, event, message, ...)                                                      \
        log_write((level), (event), (message),                                                     \
                  (const LogField[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })

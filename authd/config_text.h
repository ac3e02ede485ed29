/* config_text: the first pass over the settings' text: which lines there are, and where.
 *
 * It reads files one after the other into one list of sections and one of settings, each with its
 * file and line, and refuses what the table of settings does not know and what GKeyFile would read
 * silently: a section or key twice, a comment behind a value, a value that is not there. Values
 * stay as written. Owned by config.c, which gives them to GKeyFile to decode. Main thread. */
#pragma once

#include "base/span.h"

#include <glib.h>

#define CONFIG_NAME_SIZE_MAX 64 /* of an issuer or a policy: [A-Za-z0-9][A-Za-z0-9._-]{0,63} */
#define CONFIG_WORD_SIZE_MAX 32 /* longer unknown words have no nearest one */
#define CONFIG_SHOWN_MAX     60 /* characters of a value that a message repeats */

typedef struct ConfigSection {
        char *title;      /* "policy orders": what stands between the brackets */
        char *kind;       /* "authd", "issuer", "policy", "users" */
        const char *name; /* "orders"; "" for authd and users; within title */
        const char *file; /* interned; where it stands first */
        unsigned line;
        const char *opened_file; /* and last, while the text is read */
        unsigned opened_line;
} ConfigSection;

typedef struct ConfigLine {
        const ConfigSection *section; /* the first of that title */
        char *key;
        char *value; /* as written, without surrounding spaces; never empty */
        const char *file;
        unsigned line;
} ConfigLine;

typedef struct ConfigText {
        GPtrArray *sections;  /* ConfigSection, in order of first appearance */
        GPtrArray *lines;     /* ConfigLine, in order of appearance */
        GPtrArray *files;     /* interned names */
        GHashTable *by_title; /* title -> ConfigSection */
        GHashTable *by_key;   /* "title\nkey" -> ConfigLine */
} ConfigText;

ConfigText *config_text_new(void);
/* config_text_add: the next file's text. After an error the text is good for config_text_free only.
 */
bool config_text_add(ConfigText *text, const char *file, Span content, GError **error);
const ConfigLine *config_text_find(const ConfigText *text, const ConfigSection *section,
                                   const char *key);
void config_text_free(ConfigText *text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfigText, config_text_free)

/* config_refuse: false and "FILE:LINE: what; what to do". */
bool config_refuse(GError **error, const char *file, unsigned line, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* config_shown: a value as a message may repeat it: cut to CONFIG_SHOWN_MAX. Caller frees. */
char *config_shown(const char *value);
/* config_nearest: the candidate (NULL-terminated list) that word was probably meant to be, or NULL.
 */
const char *config_nearest(const char *word, const char *const *candidates);

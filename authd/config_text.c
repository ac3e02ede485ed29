/* config_text: see config_text.h. Line by line; the first thing that is wrong ends the pass. */
#include "config_text.h"

#include "config.h"
#include "verdict/shadow.h"

#define SECTION_LINE_MAX 256 /* bytes of a section line */

/* Where the pass stands. */
typedef struct Scan {
        ConfigText *text;
        const char *file;
        unsigned line;
        ConfigSection *section; /* NULL: before the first */
} Scan;

/* Keys that people try, and which would put a secret where everybody may read it. */
static const char *const secret_words[] = {
        "client_secret", "secret", "password", "client_password", "token", NULL,
};

bool config_refuse(GError **error, const char *file, unsigned line, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_autofree char *what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_PARSE, "%s:%u: %s", file, line, what);
        return false;
}

char *config_shown(const char *value)
{
        if (g_utf8_strlen(value, -1) <= CONFIG_SHOWN_MAX)
                return g_strdup(value);
        g_autofree char *head = g_utf8_substring(value, 0, CONFIG_SHOWN_MAX);
        return g_strconcat(head, "...", NULL);
}

/* Levenshtein's distance; both words are at most CONFIG_WORD_SIZE_MAX bytes. */
static unsigned edit_distance(const char *a, const char *b)
{
        unsigned row[CONFIG_WORD_SIZE_MAX + 1];
        size_t n_a = strlen(a), n_b = strlen(b);

        for (size_t j = 0; j <= n_b; j++)
                row[j] = (unsigned) j;
        for (size_t i = 1; i <= n_a; i++) {
                unsigned diagonal = row[0];

                row[0] = (unsigned) i;
                for (size_t j = 1; j <= n_b; j++) {
                        unsigned above = row[j];
                        unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);

                        row[j] = MIN(MIN(above, row[j - 1]) + 1, replaced);
                        diagonal = above;
                }
        }
        return row[n_b];
}

const char *config_nearest(const char *word, const char *const *candidates)
{
        const char *best = NULL;
        unsigned best_distance = MAX(2u, (unsigned) strlen(word) / 3) + 1;

        if (strlen(word) > CONFIG_WORD_SIZE_MAX)
                return NULL;
        g_autofree char *lower = g_ascii_strdown(word, -1);
        for (; *candidates; candidates++) {
                unsigned distance = edit_distance(lower, *candidates);

                if (distance < best_distance && distance < strlen(*candidates)) {
                        best = *candidates;
                        best_distance = distance;
                }
        }
        return best;
}

static void section_free(void *pointer)
{
        ConfigSection *section = pointer;

        g_free(section->title);
        g_free(section->kind);
        g_free(section);
}

static void line_free(void *pointer)
{
        ConfigLine *line = pointer;

        g_free(line->key);
        g_free(line->value);
        g_free(line);
}

ConfigText *config_text_new(void)
{
        ConfigText *text = g_new0(ConfigText, 1);

        text->sections = g_ptr_array_new_with_free_func(section_free);
        text->lines = g_ptr_array_new_with_free_func(line_free);
        text->files = g_ptr_array_new();
        text->by_title = g_hash_table_new(g_str_hash, g_str_equal);
        text->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return text;
}

void config_text_free(ConfigText *text)
{
        if (!text)
                return;
        g_hash_table_unref(text->by_key);
        g_hash_table_unref(text->by_title);
        g_ptr_array_unref(text->lines);
        g_ptr_array_unref(text->sections);
        g_ptr_array_unref(text->files);
        g_free(text);
}

const ConfigLine *config_text_find(const ConfigText *text, const ConfigSection *section,
                                   const char *key)
{
        g_autofree char *index = g_strconcat(section->title, "\n", key, NULL);

        return g_hash_table_lookup(text->by_key, index);
}

/* The keys of a section's kind, or, with kind NULL, the kinds. NULL-terminated; borrowed words. */
static const char **words_of(const char *kind)
{
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        const char *before = "";
        size_t n_settings = 0;
        const ConfigSetting *settings = config_settings(&n_settings);

        for (size_t i = 0; i < n_settings; i++) {
                if (kind && strcmp(settings[i].section, kind) == 0)
                        g_ptr_array_add(words, (void *) settings[i].key);
                else if (!kind && strcmp(settings[i].section, before) != 0)
                        g_ptr_array_add(words, (void *) settings[i].section);
                before = settings[i].section;
        }
        g_ptr_array_add(words, NULL);
        return (const char **) g_ptr_array_free(g_steal_pointer(&words), false);
}

static bool name_allowed(const char *name)
{
        if (!g_ascii_isalnum(name[0]) || strlen(name) > CONFIG_NAME_SIZE_MAX)
                return false;
        return strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == strlen(name);
}

/* Without the suffix of one that is tried in another's shadow. */
static size_t policy_name_len(const char *name)
{
        size_t base = shadow_base(name);

        return base > 0 ? base : strlen(name);
}

static bool refuse_kind(const Scan *scan, const char *kind, const char *name, GError **error)
{
        g_autofree const char **kinds = words_of(NULL);
        const char *nearest = config_nearest(kind, kinds);
        g_autofree char *shown = config_shown(kind);

        if (!nearest)
                return config_refuse(error, scan->file, scan->line,
                                     "unknown section [%s]; there are [authd], [issuer NAME], "
                                     "[policy NAME], [route NAME], [client NAME], [pam NAME] and "
                                     "[users]",
                                     shown);
        return config_refuse(error, scan->file, scan->line,
                             "unknown section [%s%s%s]; did you mean [%s%s%s]?", shown,
                             *name ? " " : "", name, nearest, *name ? " " : "", name);
}

/* is_single: there is one section of that kind, and it has no name. */
static bool is_single(const char *kind)
{
        return strcmp(kind, "authd") == 0 || strcmp(kind, "users") == 0;
}

static bool check_name(const Scan *scan, const char *kind, const char *name, GError **error)
{
        if (is_single(kind) && !*name)
                return true;
        if (is_single(kind))
                return config_refuse(error, scan->file, scan->line,
                                     "[%s] takes no name; write [%s]", kind, kind);
        if (!*name)
                return config_refuse(error, scan->file, scan->line,
                                     "[%s] lacks its name; write [%s NAME]", kind, kind);
        if (!name_allowed(name)) {
                g_autofree char *shown = config_shown(name);

                return config_refuse(error, scan->file, scan->line,
                                     "bad name \"%s\"; a name is 1 to 64 of A-Z a-z 0-9 . _ - and "
                                     "begins with a letter "
                                     "or digit",
                                     shown);
        }
        if (strcmp(kind, "policy") == 0 && strcspn(name, ".") != policy_name_len(name))
                return config_refuse(
                    error, scan->file, scan->line,
                    "a policy's name has no dot, but for [policy NAME" SHADOW_SUFFIX
                    "], which is tried in the shadow of [policy NAME]");
        /* A route's "policy = anonymous" must never mean a policy of that name. */
        if (strcmp(name, "by-route") == 0 || strcmp(name, "anonymous") == 0)
                return config_refuse(error, scan->file, scan->line,
                                     "the name \"%s\" is reserved; take another", name);
        return true;
}

static ConfigSection *section_find_or_add(ConfigText *text, const char *kind, const char *name)
{
        g_autofree char *title = *name ? g_strconcat(kind, " ", name, NULL) : g_strdup(kind);
        ConfigSection *section = g_hash_table_lookup(text->by_title, title);

        if (section)
                return section;
        section = g_new0(ConfigSection, 1);
        section->kind = g_strdup(kind);
        section->title = g_steal_pointer(&title);
        section->name = *name ? section->title + strlen(kind) + 1 : "";
        g_ptr_array_add(text->sections, section);
        g_hash_table_insert(text->by_title, section->title, section);
        return section;
}

/* A section may come again in another file, not in the same one. */
static bool section_open(Scan *scan, const char *kind, const char *name, GError **error)
{
        ConfigSection *section = section_find_or_add(scan->text, kind, name);

        if (section->opened_file == scan->file)
                return config_refuse(
                    error, scan->file, scan->line,
                    "duplicate section [%s], first at line %u; put all its keys into one",
                    section->title, section->opened_line);
        section->opened_file = scan->file;
        section->opened_line = scan->line;
        if (!section->file) {
                section->file = scan->file;
                section->line = scan->line;
        }
        scan->section = section;
        return true;
}

static bool scan_section(Scan *scan, const char *line, GError **error)
{
        size_t len = strlen(line);

        if (len > SECTION_LINE_MAX)
                return config_refuse(error, scan->file, scan->line,
                                     "the section's line is too long; shorten its name");
        if (line[len - 1] != ']' || strcspn(line, "]") != len - 1 || strchr(line + 1, '['))
                return config_refuse(error, scan->file, scan->line,
                                     "a section's line is [NAME] and nothing else; put comments on "
                                     "a line of their own");
        g_autofree char *inner = g_strstrip(g_strndup(line + 1, len - 2));
        g_auto(GStrv) parts = g_strsplit_set(inner, " \t", 2);
        const char *kind = parts[0] ? parts[0] : "";
        const char *name = parts[0] && parts[1] ? g_strstrip(parts[1]) : "";
        g_autofree const char **kinds = words_of(NULL);

        if (!g_strv_contains(kinds, kind))
                return refuse_kind(scan, kind, name, error);
        return check_name(scan, kind, name, error) && section_open(scan, kind, name, error);
}

static bool refuse_key(const Scan *scan, const char *key, const char *const *keys, GError **error)
{
        const char *title = scan->section->title;
        const char *nearest = config_nearest(key, keys);
        g_autofree char *shown = config_shown(key);

        if (g_strv_contains(secret_words, key))
                return config_refuse(error, scan->file, scan->line,
                                     "\"%s\" would put a secret into the settings; write it into a "
                                     "file of its own (mode "
                                     "0600) and name that with client_secret_file",
                                     shown);
        if (nearest)
                return config_refuse(error, scan->file, scan->line,
                                     "unknown key \"%s\" in [%s]; did you mean \"%s\"?", shown,
                                     title, nearest);
        g_autofree char *known = g_strjoinv(", ", (char **) keys);
        return config_refuse(error, scan->file, scan->line,
                             "unknown key \"%s\" in [%s]; its keys are: %s", shown, title, known);
}

static bool check_key(const Scan *scan, const char *key, GError **error)
{
        g_autofree const char **keys = words_of(scan->section->kind);
        const ConfigLine *first = config_text_find(scan->text, scan->section, key);

        if (!g_strv_contains(keys, key))
                return refuse_key(scan, key, keys, error);
        if (first && first->file == scan->file)
                return config_refuse(error, scan->file, scan->line,
                                     "duplicate key \"%s\" in [%s], first at line %u; keep one",
                                     key, scan->section->title, first->line);
        if (first)
                return config_refuse(error, scan->file, scan->line,
                                     "key \"%s\" of [%s] is set already at %s:%u; keep one", key,
                                     scan->section->title, first->file, first->line);
        return true;
}

static bool check_value(const Scan *scan, const char *key, const char *value, GError **error)
{
        if (!*value)
                return config_refuse(error, scan->file, scan->line,
                                     "\"%s\" has no value; give one or leave the key out", key);
        if (value[0] == '#' || strstr(value, " #") || strstr(value, "\t#"))
                return config_refuse(error, scan->file, scan->line,
                                     "a comment behind a value would become part of it; put it on "
                                     "a line of its own, or "
                                     "write \"\\s#\" if it is meant");
        return true;
}

static bool scan_setting(Scan *scan, const char *line, GError **error)
{
        const char *equals = strchr(line, '=');

        if (!equals && line[0] == ';')
                return config_refuse(error, scan->file, scan->line,
                                     "comments begin with \"#\"; replace the \";\"");
        if (!equals) {
                g_autofree char *shown = config_shown(line);

                return config_refuse(error, scan->file, scan->line,
                                     "\"%s\" has no \"=\"; write KEY = VALUE", shown);
        }
        g_autofree char *key = g_strstrip(g_strndup(line, (size_t) (equals - line)));
        g_autofree char *value = g_strstrip(g_strdup(equals + 1));
        if (!scan->section)
                return config_refuse(error, scan->file, scan->line,
                                     "a key before the first section; begin with [authd], [issuer "
                                     "NAME] or [policy NAME]");
        if (!check_key(scan, key, error) || !check_value(scan, key, value, error))
                return false;

        ConfigLine *setting = g_new0(ConfigLine, 1);
        setting->section = scan->section;
        setting->key = g_steal_pointer(&key);
        setting->value = g_steal_pointer(&value);
        setting->file = scan->file;
        setting->line = scan->line;
        g_ptr_array_add(scan->text->lines, setting);
        g_hash_table_insert(scan->text->by_key,
                            g_strconcat(setting->section->title, "\n", setting->key, NULL),
                            setting);
        return true;
}

/* What an editor does not show is not a setting: control bytes (a tab is a space) and broken UTF-8.
 */
static bool check_bytes(const Scan *scan, Span raw, GError **error)
{
        if (!g_utf8_validate(raw.data, (gssize) raw.len, NULL))
                return config_refuse(error, scan->file, scan->line,
                                     "not valid UTF-8; save the file as UTF-8");
        if (raw.len >= 3 && memcmp(raw.data, "\xef\xbb\xbf", 3) == 0)
                return config_refuse(
                    error, scan->file, scan->line,
                    "a byte order mark stands here; save the file as UTF-8 without one");
        for (size_t i = 0; i < raw.len; i++)
                if (((unsigned char) raw.data[i] < 0x20 && raw.data[i] != '\t') ||
                    raw.data[i] == 0x7f)
                        return config_refuse(error, scan->file, scan->line,
                                             "byte 0x%02x is a control character; remove it",
                                             (unsigned) (unsigned char) raw.data[i]);
        return true;
}

static bool scan_line(Scan *scan, Span raw, GError **error)
{
        if (raw.len > 0 && raw.data[raw.len - 1] == '\r')
                raw.len--;
        if (!check_bytes(scan, raw, error))
                return false;
        g_autofree char *line = g_strstrip(g_strndup(raw.data, raw.len));
        if (!*line || *line == '#')
                return true;
        return *line == '[' ? scan_section(scan, line, error) : scan_setting(scan, line, error);
}

bool config_text_add(ConfigText *text, const char *file, Span content, GError **error)
{
        Scan scan = { .text = text, .file = g_intern_string(file) };

        g_ptr_array_add(text->files, (void *) scan.file);
        while (content.len > 0) {
                const char *newline = memchr(content.data, '\n', content.len);
                size_t len = newline ? (size_t) (newline - content.data) : content.len;

                scan.line++;
                if (!scan_line(&scan, span_of(content.data, len), error))
                        return false;
                len += newline != NULL;
                content = span_of(content.data + len, content.len - len);
        }
        return true;
}

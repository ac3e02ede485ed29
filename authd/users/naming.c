/* naming: see naming.h. Settings are compiled once: templates into parts, rules into segments. */
#include "users/naming.h"

#define PREFERRED_USERNAME "preferred_username"
#define EMAIL              "email"
#define ATTRIBUTE_PREFIX   "attribute."
#define NAME               "name"
#define GONE_PREFIX        "gone-" /* the directory's own: gone-UID */
#define SYSTEMD_PREFIX     "systemd-"

/* Part: of a template; literal or placeholder, the other NULL. */
typedef struct Part {
        char *literal;
        char *placeholder;
} Part;

typedef struct Pattern {
        char *text;
        char **segments; /* of a path; NULL: a role, which text is */
} Pattern;

typedef struct Rule {
        Pattern source;
        char *name; /* of groups: NULL: derived; of local_groups: the local group */
} Rule;

struct Naming {
        GArray *name_parts, *home_parts; /* Part */
        char *name_attribute;            /* NULL: none */
        char **strip_domain;
        GHashTable *reserved;                      /* the built-in ones and the settings' own */
        GPtrArray *groups, *local_groups, *within; /* Rule */
};

/* Debian's base-passwd, what its base packages add, and groups that are as good as root. */
static const char *const built_in_reserved[] = {
        "_apt",         "_chrony",     "adm",     "admin",     "audio",    "authd",   "authd-admin",
        "avahi",        "backup",      "bin",     "cdrom",     "crontab",  "daemon",  "dialout",
        "dip",          "disk",        "docker",  "fax",       "floppy",   "games",   "gnats",
        "incus",        "incus-admin", "input",   "irc",       "kmem",     "kvm",     "libvirt",
        "libvirt-qemu", "list",        "lp",      "lpadmin",   "lxd",      "mail",    "man",
        "messagebus",   "mysql",       "netdev",  "news",      "nobody",   "nogroup", "ntp",
        "operator",     "plugdev",     "polkitd", "postgres",  "proxy",    "render",  "root",
        "sasl",         "sgx",         "shadow",  "src",       "ssh",      "sshd",    "staff",
        "statd",        "sudo",        "sync",    "sys",       "syslog",   "tape",    "tcpdump",
        "tss",          "tty",         "users",   "utempter",  "utmp",     "uucp",    "uuidd",
        "video",        "voice",       "wheel",   "wireshark", "www-data",
};

/* ---- text ---- */

static bool is_lower(char c)
{
        return (c >= 'a' && c <= 'z') || c == '_';
}

bool naming_is_name(Span name)
{
        if (name.len == 0 || name.len > RECORD_NAME_MAX || !is_lower(name.data[0]))
                return false;
        for (size_t i = 1; i < name.len; i++)
                if (!is_lower(name.data[i]) && !g_ascii_isdigit(name.data[i]) &&
                    name.data[i] != '-')
                        return false;
        return true;
}

static void append_quoted(GString *out, gunichar c)
{
        if (c >= 0x20 && c < 0x7f)
                g_string_append_c(out, (char) c);
        else
                g_string_append_printf(out, "\\u{%x}", c);
}

char *naming_quote(Span text)
{
        GString *out = g_string_new(NULL);
        const char *at = text.data, *end = text.data + text.len;

        for (size_t i = 0; at < end && i < NAMING_QUOTE_MAX; i++) {
                gunichar c = g_utf8_get_char_validated(at, end - at);
                bool valid = (gint32) c >= 0 && *at;

                append_quoted(out, valid ? c : (unsigned char) *at);
                at = valid ? g_utf8_next_char(at) : at + 1;
        }
        if (at < end)
                g_string_append(out, "...");
        return g_string_free(out, FALSE);
}

/* Beyond control characters: what ends a line or turns the direction of writing. */
static bool is_fit_for_gecos(gunichar c)
{
        return c != ':' && c != ',' && g_unichar_type(c) != G_UNICODE_CONTROL &&
               g_unichar_type(c) != G_UNICODE_FORMAT && c != 0x2028 && c != 0x2029;
}

char *naming_gecos(Span full_name)
{
        GString *out = g_string_new(NULL);
        const char *at = full_name.data, *end = full_name.data + full_name.len;

        if (!g_utf8_validate(full_name.data, (gssize) full_name.len, NULL))
                end = at;
        for (; at < end; at = g_utf8_next_char(at)) {
                gunichar c = g_utf8_get_char(at);

                if (out->len + (size_t) (g_utf8_next_char(at) - at) > RECORD_TEXT_MAX)
                        break;
                g_string_append_unichar(out, is_fit_for_gecos(c) ? c : ' ');
        }
        return g_string_free(out, FALSE);
}

static bool climbs(const char *path)
{
        g_auto(GStrv) segments = g_strsplit(path, "/", -1);

        return g_strv_contains((const char *const *) segments, "..");
}

bool naming_path_fits(const char *text)
{
        if (text[0] != '/' || strlen(text) > RECORD_TEXT_MAX || !g_utf8_validate(text, -1, NULL))
                return false;
        for (const char *at = text; *at; at = g_utf8_next_char(at))
                if (g_unichar_iscntrl(g_utf8_get_char(at)) || *at == ':')
                        return false;
        return !climbs(text);
}

/* Folders in which nobody lives; of /var but in one. */
static const char *const system_folders[] = {
        "bin",  "boot", "dev", "etc",  "lib", "lib32", "lib64", "libx32",
        "proc", "root", "run", "sbin", "sys", "usr",   "var",   NULL,
};
#define VAR_HOME "/var/home/"

char *naming_home_of_attribute(const char *text)
{
        g_auto(GStrv) segments = g_strsplit(text, "/", -1);
        GString *path = g_string_new(NULL);
        const char *first = NULL;

        for (size_t i = 0; segments[i]; i++) {
                if (!*segments[i] || strcmp(segments[i], ".") == 0)
                        continue;
                g_string_append_printf(path, "/%s", segments[i]);
                first = first ? first : segments[i];
        }
        if (first &&
            (!g_strv_contains(system_folders, first) || g_str_has_prefix(path->str, VAR_HOME)))
                return g_string_free(path, FALSE);
        g_string_free(path, TRUE);
        return NULL;
}

/* ---- refusals of settings ---- */

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool refuse(GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(error,
                          g_error_new_valist(G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
                                             format, arguments));
        va_end(arguments);
        return false;
}

/* ---- templates ---- */

static void part_clear(void *userdata)
{
        Part *part = userdata;

        g_free(part->literal);
        g_free(part->placeholder);
}

static GArray *parts_new(void)
{
        GArray *parts = g_array_new(FALSE, TRUE, sizeof(Part));

        g_array_set_clear_func(parts, part_clear);
        return parts;
}

static void add_part(GArray *parts, const char *text, size_t len, bool literal)
{
        char *own = g_strndup(text, len);
        const Part part = { literal ? own : NULL, literal ? NULL : own };

        g_array_append_val(parts, part);
}

/* compile: "a{b}c". Braces that do not pair are refused. */
static bool compile(const char *key, const char *text, GArray *parts, GError **error)
{
        while (*text) {
                size_t len = strcspn(text, "{}");

                if (parts->len >= NAMING_PARTS_MAX)
                        return refuse(error, "%s: more than %d parts; make it shorter", key,
                                      NAMING_PARTS_MAX);
                if (len > 0) {
                        add_part(parts, text, len, true);
                        text += len;
                        continue;
                }
                len = strcspn(text, "}");
                if (*text == '}' || !text[len])
                        return refuse(error, "%s: a brace without its other; write {…}", key);
                add_part(parts, text + 1, len - 1, false);
                text += len + 1;
        }
        return true;
}

static bool is_name_placeholder(const char *placeholder)
{
        return strcmp(placeholder, PREFERRED_USERNAME) == 0 || strcmp(placeholder, EMAIL) == 0 ||
               (g_str_has_prefix(placeholder, ATTRIBUTE_PREFIX) &&
                placeholder[strlen(ATTRIBUTE_PREFIX)]);
}

static bool is_home_placeholder(const char *placeholder)
{
        return strcmp(placeholder, NAME) == 0;
}

static size_t count_placeholders(const GArray *parts)
{
        size_t n = 0;

        for (size_t i = 0; i < parts->len; i++)
                n += g_array_index(parts, Part, i).placeholder ? 1 : 0;
        return n;
}

static bool check_placeholders(const char *key, const GArray *parts,
                               bool (*is_known)(const char *placeholder), const char *known,
                               GError **error)
{
        for (size_t i = 0; i < parts->len; i++) {
                const char *placeholder = g_array_index(parts, Part, i).placeholder;

                if (placeholder && !is_known(placeholder))
                        return refuse(error, "%s: unknown {%s}; there is %s", key, placeholder,
                                      known);
        }
        return true;
}

static bool compile_name(Naming *naming, const char *text, GError **error)
{
        if (!compile("name", text, naming->name_parts, error) ||
            !check_placeholders(
                "name", naming->name_parts, is_name_placeholder,
                "{" PREFERRED_USERNAME "}, {" EMAIL "} and {" ATTRIBUTE_PREFIX "NAME}", error))
                return false;
        return count_placeholders(naming->name_parts) > 0 ||
               refuse(error, "name: everybody would be called \"%s\"; write {%s}", text,
                      PREFERRED_USERNAME);
}

static bool compile_home(Naming *naming, const char *text, GError **error)
{
        g_autofree char *example = NULL;

        if (!compile("home", text, naming->home_parts, error) ||
            !check_placeholders("home", naming->home_parts, is_home_placeholder, "{" NAME "}",
                                error))
                return false;
        example = naming_home(naming, "a");
        return naming_path_fits(example) ||
               refuse(error, "home: \"%s\" is no absolute path without ':' and \"..\"", text);
}

/* ---- rules ---- */

static void rule_free(void *userdata)
{
        Rule *rule = userdata;

        g_free(rule->source.text);
        g_strfreev(rule->source.segments);
        g_free(rule->name);
        g_free(rule);
}

static bool is_wild(const char *segment)
{
        return strcmp(segment, "*") == 0 || strcmp(segment, "**") == 0;
}

static bool has_wild(const Pattern *pattern)
{
        for (size_t i = 0; pattern->segments && pattern->segments[i]; i++)
                if (is_wild(pattern->segments[i]))
                        return true;
        return false;
}

static bool segment_is_good(char **segments, size_t i)
{
        const char *segment = segments[i];

        if (strcmp(segment, "**") == 0)
                return !segments[i + 1];
        return *segment && (is_wild(segment) || !strchr(segment, '*'));
}

static bool path_is_good(char **segments)
{
        for (size_t i = 0; segments[i]; i++)
                if (!segment_is_good(segments, i))
                        return false;
        return segments[0];
}

static bool role_is_good(const char *text)
{
        const char *colon = strchr(text, ':');

        return colon && colon > text && colon[1] && !strchr(text, '*');
}

static bool compile_source(const char *key, Pattern *pattern, GError **error)
{
        bool good;

        if (pattern->text[0] == '/') {
                pattern->segments = g_strsplit(pattern->text + 1, "/", -1);
                good = path_is_good(pattern->segments);
        } else {
                good = role_is_good(pattern->text);
        }
        return good || refuse(error,
                              "%s: \"%s\" is neither a path (/eng/platform; * is one segment, ** "
                              "at the end any "
                              "number) nor a "
                              "role (realm:ROLE, CLIENT:ROLE)",
                              key, pattern->text);
}

/* split_rule: "SOURCE=NAME", at the last '=': what is behind it must be a name, before it anything.
 */
static void split_group(Rule *rule, const char *text)
{
        const char *equals = strrchr(text, '=');

        rule->source.text = g_strndup(text, equals ? (size_t) (equals - text) : strlen(text));
        rule->name = equals ? g_strdup(equals + 1) : NULL;
}

static void split_local(Rule *rule, const char *text)
{
        const char *equals = strchr(text, '=');

        rule->source.text = g_strdup(equals ? equals + 1 : "");
        rule->name = g_strndup(text, equals ? (size_t) (equals - text) : strlen(text));
}

static void split_within(Rule *rule, const char *text)
{
        rule->source.text = g_strdup(text);
}

static bool check_group(const Naming *naming, const Rule *rule, GError **error)
{
        if (!rule->name)
                return true;
        if (has_wild(&rule->source))
                return refuse(error, "groups: \"%s=%s\" gives many groups one name",
                              rule->source.text, rule->name);
        if (!naming_is_name(span_from(rule->name)))
                return refuse(error, "groups: \"%s\" is no name ([a-z_][a-z0-9_-]{0,31})",
                              rule->name);
        return !naming_reserved(naming, rule->name) ||
               refuse(error,
                      "groups: the name %s is reserved; members of a group of /etc/group are "
                      "named by local_groups",
                      rule->name);
}

static bool check_local(const Naming *naming, const Rule *rule, GError **error)
{
        if (!naming_is_name(span_from(rule->name)))
                return refuse(error, "local_groups: \"%s\" is no name; write LOCAL=SOURCE",
                              rule->name);
        return strcmp(rule->name, "root") != 0 ||
               refuse(error, "local_groups: nobody is put into the group root");
}

static bool check_within(const Naming *naming, const Rule *rule, GError **error)
{
        return true;
}

typedef struct ListWords {
        const char *key, *form;
        void (*split)(Rule *rule, const char *text);
        bool (*check)(const Naming *naming, const Rule *rule, GError **error);
} ListWords;

static const ListWords groups_words = { "groups", "SOURCE or SOURCE=NAME", split_group,
                                        check_group };
static const ListWords local_words = { "local_groups", "LOCAL=SOURCE", split_local, check_local };
static const ListWords within_words = { "within", "SOURCE", split_within, check_within };

static bool compile_rules(const Naming *naming, const ListWords *words, char **texts,
                          GPtrArray *rules, GError **error)
{
        for (size_t i = 0; texts && texts[i]; i++) {
                Rule *rule = g_new0(Rule, 1);

                g_ptr_array_add(rules, rule);
                words->split(rule, texts[i]);
                if (rules->len > NAMING_RULES_MAX)
                        return refuse(error, "%s: more than %d entries", words->key,
                                      NAMING_RULES_MAX);
                if (!rule->source.text[0])
                        return refuse(error,
                                      "%s: \"%s\" names no group or role of the realm; write %s",
                                      words->key, texts[i], words->form);
                if (!compile_source(words->key, &rule->source, error) ||
                    !words->check(naming, rule, error))
                        return false;
        }
        return true;
}

static bool path_matches(char **pattern, char **path)
{
        size_t i = 0;

        for (; pattern[i]; i++) {
                if (strcmp(pattern[i], "**") == 0)
                        return true;
                if (!path[i] || (strcmp(pattern[i], "*") != 0 && strcmp(pattern[i], path[i]) != 0))
                        return false;
        }
        return !path[i];
}

/* segments: of source, NULL: it is a role. */
static bool pattern_matches(const Pattern *pattern, const char *source, char **segments)
{
        if (pattern->segments && segments)
                return path_matches(pattern->segments, segments);
        return strcmp(pattern->text, source) == 0;
}

static char **segments_of(const char *source)
{
        return source[0] == '/' ? g_strsplit(source + 1, "/", -1) : NULL;
}

static bool has_empty_segment(char **segments)
{
        return segments && g_strv_contains((const char *const *) segments, "");
}

/* ---- life ---- */

static Naming *naming_empty(const UsersSettings *settings)
{
        Naming *naming = g_new0(Naming, 1);

        naming->name_parts = parts_new();
        naming->home_parts = parts_new();
        naming->groups = g_ptr_array_new_with_free_func(rule_free);
        naming->local_groups = g_ptr_array_new_with_free_func(rule_free);
        naming->within = g_ptr_array_new_with_free_func(rule_free);
        naming->reserved = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        naming->name_attribute = g_strdup(settings->name_attribute);
        naming->strip_domain = g_strdupv(settings->strip_domain);
        for (size_t i = 0; i < G_N_ELEMENTS(built_in_reserved); i++)
                g_hash_table_add(naming->reserved, g_strdup(built_in_reserved[i]));
        for (size_t i = 0; settings->reserved && settings->reserved[i]; i++)
                g_hash_table_add(naming->reserved, g_strdup(settings->reserved[i]));
        return naming;
}

static bool check_domains(const Naming *naming, GError **error)
{
        for (size_t i = 0; naming->strip_domain && naming->strip_domain[i]; i++)
                if (!*naming->strip_domain[i] || strchr(naming->strip_domain[i], '@'))
                        return refuse(error,
                                      "strip_domain: \"%s\" is no domain; write it without @",
                                      naming->strip_domain[i]);
        return true;
}

Naming *naming_new(const UsersSettings *settings, GError **error)
{
        g_autoptr(Naming) naming = naming_empty(settings);

        if (compile_name(naming, settings->name, error) &&
            compile_home(naming, settings->home, error) && check_domains(naming, error) &&
            compile_rules(naming, &groups_words, settings->groups, naming->groups, error) &&
            compile_rules(naming, &local_words, settings->local_groups, naming->local_groups,
                          error) &&
            compile_rules(naming, &within_words, settings->within, naming->within, error))
                return g_steal_pointer(&naming);
        return NULL;
}

void naming_free(Naming *naming)
{
        if (!naming)
                return;
        g_array_unref(naming->name_parts);
        g_array_unref(naming->home_parts);
        g_ptr_array_unref(naming->groups);
        g_ptr_array_unref(naming->local_groups);
        g_ptr_array_unref(naming->within);
        g_hash_table_unref(naming->reserved);
        g_free(naming->name_attribute);
        g_strfreev(naming->strip_domain);
        g_free(naming);
}

/* ---- names ---- */

static bool is_gone_name(const char *name)
{
        size_t prefix = strlen(GONE_PREFIX);

        return g_str_has_prefix(name, GONE_PREFIX) && name[prefix] &&
               strspn(name + prefix, "0123456789") == strlen(name + prefix);
}

bool naming_reserved(const Naming *naming, const char *name)
{
        return g_str_has_prefix(name, SYSTEMD_PREFIX) || is_gone_name(name) ||
               g_hash_table_contains(naming->reserved, name);
}

/* judge_name: takes text; it, or NULL and why not. */
static char *judge_name(const Naming *naming, char *text, size_t len, char **ret_trouble)
{
        g_autofree char *own = text;
        g_autofree char *quoted = NULL;

        if (naming_is_name(span_of(text, len)) && !naming_reserved(naming, text))
                return g_steal_pointer(&own);
        quoted = naming_quote(span_of(text, len));
        if (!naming_is_name(span_of(text, len)))
                *ret_trouble = g_strdup_printf(
                    "\"%s\" is no name here: it must be 1 to %d characters of a-z, 0-9, _ and -, "
                    "the first one a letter or _",
                    quoted, RECORD_NAME_MAX);
        else
                *ret_trouble = g_strdup_printf("the name %s is reserved", quoted);
        return NULL;
}

static bool ends_with_domain(Span text, const char *domain)
{
        size_t len = strlen(domain);

        return text.len > len && text.data[text.len - len - 1] == '@' &&
               g_ascii_strncasecmp(text.data + text.len - len, domain, len) == 0;
}

static Span strip_domain(const Naming *naming, Span text)
{
        for (size_t i = 0; naming->strip_domain && naming->strip_domain[i]; i++)
                if (ends_with_domain(text, naming->strip_domain[i]))
                        return span_of(text.data, text.len - strlen(naming->strip_domain[i]) - 1);
        return text;
}

static Span attribute_of(const NamingFacts *facts, const char *name)
{
        return facts->attribute ? facts->attribute(name, facts->userdata) : SPAN_EMPTY;
}

static Span value_of(const NamingFacts *facts, const char *placeholder)
{
        if (strcmp(placeholder, PREFERRED_USERNAME) == 0)
                return facts->preferred_username;
        if (strcmp(placeholder, EMAIL) == 0)
                return facts->email;
        return attribute_of(facts, placeholder + strlen(ATTRIBUTE_PREFIX));
}

/* expand: NULL and *ret_trouble: a part has no value. */
static GString *expand(const Naming *naming, const NamingFacts *facts, char **ret_trouble)
{
        GString *out = g_string_new(NULL);

        for (size_t i = 0; i < naming->name_parts->len; i++) {
                const Part *part = &g_array_index(naming->name_parts, Part, i);
                Span value =
                    part->literal ? span_from(part->literal) : value_of(facts, part->placeholder);

                if (value.len == 0) {
                        g_string_free(out, TRUE);
                        *ret_trouble = g_strdup_printf(
                            "{%s} is empty%s", part->placeholder,
                            strcmp(part->placeholder, EMAIL) == 0 ? " or not verified" : "");
                        return NULL;
                }
                value = part->literal ? value : strip_domain(naming, value);
                g_string_append_len(out, value.data, (gssize) value.len);
        }
        return out;
}

char *naming_person(const Naming *naming, const NamingFacts *facts, char **ret_trouble)
{
        Span own =
            naming->name_attribute ? attribute_of(facts, naming->name_attribute) : SPAN_EMPTY;
        GString *text;
        size_t len;

        if (own.len > 0) {
                own = strip_domain(naming, own);
                text = g_string_new_len(own.data, (gssize) own.len);
        } else {
                text = expand(naming, facts, ret_trouble);
        }
        if (!text)
                return NULL;
        len = text->len;
        return judge_name(naming, g_string_free(text, FALSE), len, ret_trouble);
}

/* rule_for: one with a name before one without. */
static const Rule *rule_for(const GPtrArray *rules, const char *source, char **segments)
{
        const Rule *found = NULL;

        for (size_t i = 0; i < rules->len; i++) {
                const Rule *rule = g_ptr_array_index(rules, i);

                if ((found && !rule->name) || !pattern_matches(&rule->source, source, segments))
                        continue;
                found = rule;
                if (rule->name)
                        return rule;
        }
        return found;
}

/* derive: "/eng/platform" → "eng-platform"; "CLIENT:ROLE" → "ROLE". */
static char *derive(const char *source, char **segments)
{
        return segments ? g_strjoinv("-", segments) : g_strdup(strchr(source, ':') + 1);
}

char *naming_group(const Naming *naming, const char *source, char **ret_trouble)
{
        g_auto(GStrv) segments = segments_of(source);
        const Rule *rule = rule_for(naming->groups, source, segments);
        char *name;

        *ret_trouble = NULL;
        if (!rule || has_empty_segment(segments))
                return NULL;
        name = rule->name ? g_strdup(rule->name) : derive(source, segments);
        return judge_name(naming, name, strlen(name), ret_trouble);
}

bool naming_takes(const Naming *naming, const char *source)
{
        g_auto(GStrv) segments = segments_of(source);

        return (rule_for(naming->groups, source, segments) && !has_empty_segment(segments)) ||
               rule_for(naming->local_groups, source, segments);
}

void naming_local_groups(const Naming *naming, const char *source,
                         void (*each)(const char *local, void *userdata), void *userdata)
{
        g_auto(GStrv) segments = segments_of(source);

        for (size_t i = 0; i < naming->local_groups->len; i++) {
                const Rule *rule = g_ptr_array_index(naming->local_groups, i);

                if (pattern_matches(&rule->source, source, segments))
                        each(rule->name, userdata);
        }
}

void naming_each_local(const Naming *naming,
                       void (*each)(const char *local, const char *source, void *userdata),
                       void *userdata)
{
        for (size_t i = 0; i < naming->local_groups->len; i++) {
                const Rule *rule = g_ptr_array_index(naming->local_groups, i);

                each(rule->name, rule->source.text, userdata);
        }
}

bool naming_has_within(const Naming *naming)
{
        return naming->within->len > 0;
}

bool naming_within(const Naming *naming, const char *source)
{
        g_auto(GStrv) segments = segments_of(source);

        return rule_for(naming->within, source, segments);
}

static void add_roles(GPtrArray *roles, const GPtrArray *rules)
{
        for (size_t i = 0; i < rules->len; i++) {
                const Pattern *source = &((const Rule *) g_ptr_array_index(rules, i))->source;

                if (!source->segments &&
                    !g_ptr_array_find_with_equal_func(roles, source->text, g_str_equal, NULL))
                        g_ptr_array_add(roles, g_strdup(source->text));
        }
}

GPtrArray *naming_roles(const Naming *naming)
{
        GPtrArray *roles = g_ptr_array_new_with_free_func(g_free);

        add_roles(roles, naming->groups);
        add_roles(roles, naming->local_groups);
        add_roles(roles, naming->within);
        return roles;
}

void naming_each_attribute(const Naming *naming, void (*each)(const char *name, void *userdata),
                           void *userdata)
{
        if (naming->name_attribute)
                each(naming->name_attribute, userdata);
        for (size_t i = 0; i < naming->name_parts->len; i++) {
                const char *placeholder = g_array_index(naming->name_parts, Part, i).placeholder;

                if (placeholder && g_str_has_prefix(placeholder, ATTRIBUTE_PREFIX))
                        each(placeholder + strlen(ATTRIBUTE_PREFIX), userdata);
        }
}

char *naming_home(const Naming *naming, const char *name)
{
        GString *out = g_string_new(NULL);

        for (size_t i = 0; i < naming->home_parts->len; i++) {
                const Part *part = &g_array_index(naming->home_parts, Part, i);

                g_string_append(out, part->literal ? part->literal : name);
        }
        return g_string_free(out, FALSE);
}

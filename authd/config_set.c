/* config_set: see config_set.h. */
#include "config_set.h"

#include "base/file.h"
#include "base/secret.h"
#include "net/fetch.h"
#include "token/jwk.h"

#include <inttypes.h>
#include <sys/un.h>

#define CERTIFICATES_SIZE_MAX (4 * 1024 * 1024)
#define BEARER_SIZE_MAX       (16 * 1024)
#define PEM_BEGIN             "-----BEGIN "
#define MAX_AGE_WORD          "max-age "
#define CREDENTIAL_PREFIX     "credential:" /* a name in $CREDENTIALS_DIRECTORY, systemd.exec(5) */

typedef struct Unit {
        const char *name;
        int64_t factor;
} Unit;

/* Ascending, so that unit_text finds the largest that divides. */
static const Unit duration_units[] = {
        { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 24 * 3600 }, { NULL, 0 }
};
static const Unit size_units[] = {
        { "B", 1 },  { "KiB", 1024 }, { "MiB", 1024 * 1024 }, { "GiB", 1024 * 1024 * 1024 },
        { NULL, 0 },
};

static bool refuse(const ConfigReading *reading, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
static bool refuse(const ConfigReading *reading, GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_autofree char *what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return config_refuse(error, reading->line->file, reading->line->line, "%s", what);
}

static void *member(const ConfigReading *reading)
{
        return (char *) reading->target + reading->rule->offset;
}

/* The value with GKeyFile's escapes undone. It gives a text beside its error, too. */
static char *read_text(const ConfigReading *reading, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autofree char *text = g_key_file_get_string(
            reading->decoder, reading->line->section->title, reading->line->key, &cause);

        if (!cause)
                return g_steal_pointer(&text);
        refuse(reading, error,
               "\"%s\" has a bad escape; after \"\\\" comes s, n, t, r or \\, and in "
               "lists also ;",
               reading->line->key);
        return NULL;
}

/* Takes text; the member may hold a default. */
static bool put_text(const ConfigReading *reading, char *text)
{
        char **place = member(reading);

        g_free(*place);
        *place = text;
        return true;
}

bool config_set_text(const ConfigReading *reading, GError **error)
{
        g_autofree char *text = read_text(reading, error);

        if (!text)
                return false;
        return put_text(reading, g_steal_pointer(&text));
}

static char *read_path(const ConfigReading *reading, GError **error)
{
        g_autofree char *path = read_text(reading, error);

        if (!path || g_path_is_absolute(path))
                return g_steal_pointer(&path);
        g_autofree char *shown = config_shown(path);
        refuse(reading, error, "\"%s\" is a relative path; write it from / on", shown);
        return NULL;
}

bool config_set_socket(const ConfigReading *reading, GError **error)
{
        g_autofree char *path = read_path(reading, error);
        const size_t size_max = sizeof(((struct sockaddr_un *) NULL)->sun_path);

        if (!path)
                return false;
        if (strlen(path) >= size_max)
                return refuse(reading, error,
                              "the path has %zu bytes, a socket's at most %zu; take a shorter one",
                              strlen(path), size_max - 1);
        return put_text(reading, g_steal_pointer(&path));
}

bool config_set_state_dir(const ConfigReading *reading, GError **error)
{
        if (strcmp(reading->line->value, STATE_DIR_NONE) == 0)
                return put_text(reading, NULL);
        g_autofree char *path = read_path(reading, error);

        if (!path)
                return false;
        return put_text(reading, g_steal_pointer(&path));
}

/* file_read's sentence names the path and the cause. */
static bool refuse_file(const ConfigReading *reading, GError *cause, GError **error)
{
        g_autoptr(GError) owned = cause;

        return refuse(reading, error,
                      "%s: %s; give authd's user the right to read it, or name another",
                      reading->line->key, owned->message);
}

/* Takes path; NULL: it was refused already. */
static bool put_certificates(const ConfigReading *reading, char *path, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autofree char *owned = path, *content = NULL;
        size_t len = 0;

        if (!path)
                return false;
        if (!file_read(path, CERTIFICATES_SIZE_MAX, &content, &len, &cause))
                return refuse_file(reading, g_steal_pointer(&cause), error);
        if (!strstr(content, PEM_BEGIN))
                return refuse(
                    reading, error,
                    "%s: %s holds no certificate in PEM form; convert it with openssl x509",
                    reading->line->key, path);
        return put_text(reading, g_steal_pointer(&owned));
}

bool config_set_ca_file(const ConfigReading *reading, GError **error)
{
        return put_certificates(reading, read_path(reading, error), error);
}

bool config_set_keys_file(const ConfigReading *reading, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autofree char *content = NULL;
        g_autofree char *path = read_path(reading, error);
        g_autoptr(KeySet) keys = NULL;
        size_t len = 0;

        if (!path)
                return false;
        if (!file_read(path, KEYSET_SIZE_MAX, &content, &len, &cause))
                return refuse_file(reading, g_steal_pointer(&cause), error);
        int answer = keyset_parse(span_of(content, len), NULL, NULL, &keys);
        if (answer != 0)
                return refuse(
                    reading, error,
                    "keys_file: %s: %s; it must be a JWKS with public signing keys (RFC 7517)",
                    path, answer > 0 ? jwk_answer_text(answer) : g_strerror(-answer));
        return put_text(reading, g_steal_pointer(&path));
}

/* A credential's name becomes its path: systemd gives each service a folder of its own. */
static char *read_secret_path(const ConfigReading *reading, GError **error)
{
        g_autofree char *text = read_text(reading, error);
        const char *folder = g_getenv("CREDENTIALS_DIRECTORY");

        if (!text || !g_str_has_prefix(text, CREDENTIAL_PREFIX))
                return text ? read_path(reading, error) : NULL;
        const char *name = text + strlen(CREDENTIAL_PREFIX);
        if (!*name || strchr(name, '/') || *name == '.')
                refuse(reading, error,
                       "\"%s\" names no credential; write " CREDENTIAL_PREFIX "NAME", text);
        else if (!folder)
                refuse(reading, error,
                       "there is no $CREDENTIALS_DIRECTORY; add LoadCredential=%s:PATH to the "
                       "unit, or "
                       "write the file's path",
                       name);
        else
                return g_build_filename(folder, name, NULL);
        return NULL;
}

bool config_set_secret_file(const ConfigReading *reading, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autofree char *path = read_secret_path(reading, error);

        if (!path)
                return false;
        g_autoptr(Secret) secret = secret_read_file(path, &cause);
        if (!secret)
                return refuse_file(reading, g_steal_pointer(&cause), error);
        return put_text(reading, g_steal_pointer(&path));
}

bool config_set_secret_key_file(const ConfigReading *reading, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autofree char *path = read_secret_path(reading, error);

        if (!path)
                return false;
        g_autoptr(Secret) key = secret_read_file(path, &cause);
        if (!key)
                return refuse_file(reading, g_steal_pointer(&cause), error);
        Span text = secret_bytes(key);
        if (!memmem(text.data, text.len, PEM_BEGIN, strlen(PEM_BEGIN)))
                return refuse(reading, error,
                              "%s: %s holds no private key in PEM form; convert it with openssl "
                              "pkey",
                              reading->line->key, path);
        return put_text(reading, g_steal_pointer(&path));
}

bool config_set_certificate_file(const ConfigReading *reading, GError **error)
{
        return put_certificates(reading, read_secret_path(reading, error), error);
}

/* Kubernetes writes it for its pod alone, and mode 0644. */
bool config_set_bearer_file(const ConfigReading *reading, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autofree char *path = read_secret_path(reading, error);
        g_autofree char *content = NULL;
        size_t len = 0;

        if (!path)
                return false;
        if (!file_read(path, BEARER_SIZE_MAX, &content, &len, &cause))
                return refuse_file(reading, g_steal_pointer(&cause), error);
        secret_erase(content, len);
        return put_text(reading, g_steal_pointer(&path));
}

/* An issuer's name is compared byte for byte with iss, so nothing is put right here. */
bool config_set_url(const ConfigReading *reading, GError **error)
{
        g_autofree char *url = read_text(reading, error);
        const char *why = NULL;

        if (!url)
                return false;
        if (strpbrk(url, "?# "))
                return refuse(reading, error,
                              "\"%s\" has a query, a fragment or a space; an issuer's URL has none",
                              reading->line->key);
        if (!fetch_url_allowed(url, &why)) {
                g_autofree char *shown = config_shown(url);

                return refuse(reading, error, "%s \"%s\" is refused: %s; write an https URL",
                              reading->line->key, shown,
                              why ? why : "not a URL that authd fetches");
        }
        return put_text(reading, g_steal_pointer(&url));
}

bool config_set_proxy(const ConfigReading *reading, GError **error)
{
        g_autofree char *url = read_text(reading, error);
        const char *why = NULL;

        if (!url)
                return false;
        if (fetch_proxy_allowed(url, &why))
                return put_text(reading, g_steal_pointer(&url));
        /* Not shown: it may hold a password. */
        return refuse(reading, error,
                      "the issuer cannot be reached so: %s; write "
                      "http://HOST:PORT, https://HOST:PORT or socks5h://HOST:PORT",
                      why);
}

static char **read_list(const ConfigReading *reading, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_auto(GStrv) list = g_key_file_get_string_list(
            reading->decoder, reading->line->section->title, reading->line->key, NULL, &cause);
        size_t n_items = list ? g_strv_length(list) : 0;

        if (cause || n_items == 0) {
                refuse(reading, error,
                       "\"%s\" has a bad escape; after \"\\\" comes s, n, t, r, \\ or ;",
                       reading->line->key);
                return NULL;
        }
        if (n_items > POLICY_LIST_MAX) {
                refuse(reading, error,
                       "\"%s\" has %zu elements, at most %d are allowed; shorten it",
                       reading->line->key, n_items, POLICY_LIST_MAX);
                return NULL;
        }
        for (size_t i = 0; i < n_items; i++) {
                if (*g_strstrip(list[i]))
                        continue;
                refuse(reading, error,
                       "an element of \"%s\" is empty; write them as A; B, or leave the key out",
                       reading->line->key);
                return NULL;
        }
        return g_steal_pointer(&list);
}

bool config_set_list(const ConfigReading *reading, GError **error)
{
        char **list = read_list(reading, error);

        if (!list)
                return false;
        *(char ***) member(reading) = list;
        return true;
}

bool config_set_algorithms(const ConfigReading *reading, GError **error)
{
        g_auto(GStrv) list = read_list(reading, error);
        AlgSet set = 0;

        if (!list)
                return false;
        for (char **name = list; *name; name++) {
                const Alg *alg = alg_find(span_from(*name));
                g_autofree char *shown = config_shown(*name);

                if (!alg)
                        return refuse(reading, error,
                                      "\"%s\" is no algorithm of ours; there are " ALGORITHMS_ALL,
                                      shown);
                set |= (AlgSet) 1 << alg->id;
        }
        *(AlgSet *) member(reading) = set;
        return true;
}

bool config_set_boolean(const ConfigReading *reading, GError **error)
{
        bool yes = strcmp(reading->line->value, "true") == 0;

        if (!yes && strcmp(reading->line->value, "false") != 0) {
                g_autofree char *shown = config_shown(reading->line->value);

                return refuse(reading, error, "\"%s\" is neither true nor false; write one of them",
                              shown);
        }
        *(bool *) member(reading) = yes;
        return true;
}

bool config_set_workers(const ConfigReading *reading, GError **error)
{
        uint64_t number = 0;

        if (strcmp(reading->line->value, "auto") != 0 &&
            !g_ascii_string_to_unsigned(reading->line->value, 10, (guint64) reading->rule->minimum,
                                        (guint64) reading->rule->maximum, &number, NULL)) {
                g_autofree char *shown = config_shown(reading->line->value);

                return refuse(reading, error,
                              "\"%s\" is no number of workers; write auto, or %" PRId64
                              " to %" PRId64,
                              shown, reading->rule->minimum, reading->rule->maximum);
        }
        *(unsigned *) member(reading) = (unsigned) number;
        return true;
}

/* config_set_big_number: as config_set_number, into an int64_t. */
bool config_set_big_number(const ConfigReading *reading, GError **error)
{
        const char *value = reading->line->value;
        g_autofree char *shown = config_shown(value);
        gint64 number = 0;

        if (!g_ascii_string_to_signed(value, 10, reading->rule->minimum, reading->rule->maximum,
                                      &number, NULL))
                return refuse(reading, error,
                              "\"%s\" is no number from %" PRId64 " to %" PRId64 "; write one",
                              shown, reading->rule->minimum, reading->rule->maximum);
        *(int64_t *) member(reading) = number;
        return true;
}

/* Choice: a word, and the number that it stands for. */
typedef struct Choice {
        const char *word;
        int number;
} Choice;

static bool read_choice(const ConfigReading *reading, const Choice *choices, size_t n_choices,
                        int *ret_number, GError **error)
{
        g_autoptr(GString) words = g_string_new(NULL);
        g_autofree char *shown = config_shown(reading->line->value);

        for (size_t i = 0; i < n_choices; i++) {
                if (strcmp(reading->line->value, choices[i].word) == 0) {
                        *ret_number = choices[i].number;
                        return true;
                }
                g_string_append_printf(words, "%s%s", i > 0 ? ", " : "", choices[i].word);
        }
        return refuse(reading, error, "%s = \"%s\" is none of %s; write one of them",
                      reading->line->key, shown, words->str);
}

bool config_set_binding(const ConfigReading *reading, GError **error)
{
        static const Choice choices[] = { { "optional", BINDING_OPTIONAL },
                                          { "never", BINDING_NEVER },
                                          { "required", BINDING_REQUIRED } };
        int mode;

        if (!read_choice(reading, choices, G_N_ELEMENTS(choices), &mode, error))
                return false;
        *(BindingMode *) member(reading) = (BindingMode) mode;
        return true;
}

bool config_set_qr(const ConfigReading *reading, GError **error)
{
        static const Choice choices[] = { { "utf8", QR_UTF8 },
                                          { "ascii", QR_ASCII },
                                          { "none", QR_NONE } };
        int style;

        if (!read_choice(reading, choices, G_N_ELEMENTS(choices), &style, error))
                return false;
        *(QrStyle *) member(reading) = (QrStyle) style;
        return true;
}

/* config_set_allow: the first word of the default is always the safe one. */
bool config_set_allow(const ConfigReading *reading, GError **error)
{
        const Choice choices[] = { { reading->rule->shown.fallback, false }, { "allow", true } };
        int allowed;

        if (!read_choice(reading, choices, G_N_ELEMENTS(choices), &allowed, error))
                return false;
        *(bool *) member(reading) = allowed;
        return true;
}

bool config_set_number(const ConfigReading *reading, GError **error)
{
        uint64_t number = 0;

        if (!g_ascii_string_to_unsigned(reading->line->value, 10, (guint64) reading->rule->minimum,
                                        (guint64) reading->rule->maximum, &number, NULL)) {
                g_autofree char *shown = config_shown(reading->line->value);

                return refuse(reading, error,
                              "\"%s\" is no number from %" PRId64 " to %" PRId64 "; write one",
                              shown, reading->rule->minimum, reading->rule->maximum);
        }
        *(unsigned *) member(reading) = (unsigned) number;
        return true;
}

bool config_set_log_level(const ConfigReading *reading, GError **error)
{
        LogLevel level = LOG_LEVEL_INFO;

        if (!log_level_from_text(reading->line->value, &level)) {
                g_autofree char *shown = config_shown(reading->line->value);

                return refuse(reading, error,
                              "\"%s\" is no log level; write error, warning, notice, info or debug",
                              shown);
        }
        *(LogLevel *) member(reading) = level;
        return true;
}

bool config_set_subject(const ConfigReading *reading, GError **error)
{
        bool optional = strcmp(reading->line->value, "optional") == 0;

        if (!optional && strcmp(reading->line->value, "required") != 0) {
                g_autofree char *shown = config_shown(reading->line->value);

                return refuse(reading, error,
                              "\"%s\" is neither required nor optional; write one of them", shown);
        }
        *(bool *) member(reading) = optional;
        return true;
}

bool config_set_client_auth(const ConfigReading *reading, GError **error)
{
        g_autofree char *shown = config_shown(reading->line->value);

        if (client_auth_method_from_text(reading->line->value, member(reading)))
                return true;
        return refuse(reading, error,
                      "\"%s\" is no way that authd authenticates; write client_secret_basic, "
                      "client_secret_post, private_key_jwt or tls_client_auth",
                      shown);
}

/* 3600 with the units of time is "1h". Caller frees. */
static char *unit_text(int64_t amount, const Unit *units)
{
        const Unit *best = units;

        for (const Unit *unit = units; unit->name; unit++)
                if (amount != 0 && amount % unit->factor == 0)
                        best = unit;
        return g_strdup_printf("%" PRId64 "%s", amount / best->factor, best->name);
}

static const Unit *unit_find(const Unit *units, const char *name)
{
        for (; units->name; units++)
                if (strcmp(units->name, name) == 0)
                        return units;
        return NULL;
}

static bool refuse_unit(const ConfigReading *reading, const char *text, const Unit *units,
                        bool bare_number, GError **error)
{
        g_autoptr(GString) names = g_string_new(NULL);
        g_autofree char *shown = config_shown(text);

        for (; units->name; units++)
                g_string_append_printf(names, "%s%s",
                                       names->len == 0 ? ""
                                       : units[1].name ? ", "
                                                       : " or ",
                                       units->name);
        if (bare_number)
                return refuse(reading, error, "\"%s\" lacks its unit; add %s", shown, names->str);
        return refuse(reading, error,
                      "\"%s\" is not a number and a unit; write a whole number and %s", shown,
                      names->str);
}

/* A whole number and its unit, without a space: 30s, 16MiB. */
static bool read_amount(const ConfigReading *reading, const char *text, const Unit *units,
                        int64_t *ret_amount, GError **error)
{
        size_t n_digits = strspn(text, G_CSET_DIGITS);
        const Unit *unit = unit_find(units, text + n_digits);
        g_autofree char *digits = g_strndup(text, n_digits);
        uint64_t number = 0;
        bool fits = true;

        if (n_digits == 0 || !unit)
                return refuse_unit(reading, text, units, text[n_digits] == '\0', error);
        fits = g_ascii_string_to_unsigned(
            digits, 10, 0, (guint64) (reading->rule->maximum / unit->factor), &number, NULL);
        if (!fits || (int64_t) number * unit->factor < reading->rule->minimum) {
                g_autofree char *lowest = unit_text(reading->rule->minimum, units);
                g_autofree char *highest = unit_text(reading->rule->maximum, units);
                g_autofree char *shown = config_shown(text);

                return refuse(reading, error, "\"%s\" is out of range; write %s to %s", shown,
                              lowest, highest);
        }
        *ret_amount = (int64_t) number * unit->factor;
        return true;
}

bool config_set_duration(const ConfigReading *reading, GError **error)
{
        return read_amount(reading, reading->line->value, duration_units, member(reading), error);
}

bool config_set_size(const ConfigReading *reading, GError **error)
{
        int64_t bytes = 0;

        if (!read_amount(reading, reading->line->value, size_units, &bytes, error))
                return false;
        *(size_t *) member(reading) = (size_t) bytes;
        return true;
}

/* The age of max-age has a member of its own. */
bool config_set_introspect(const ConfigReading *reading, GError **error)
{
        static const struct {
                const char *word;
                IntrospectMode mode;
        } words[] = {
                { "never", INTROSPECT_MODE_NEVER },
                { "always", INTROSPECT_MODE_ALWAYS },
                { "writes", INTROSPECT_MODE_WRITES },
        };
        PolicySettings *policy = reading->target;
        const char *value = reading->line->value;
        g_autofree char *shown = config_shown(value);

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                if (strcmp(value, words[i].word) == 0) {
                        policy->introspect = words[i].mode;
                        return true;
                }
        if (!g_str_has_prefix(value, MAX_AGE_WORD))
                return refuse(reading, error,
                              "\"%s\" says not when the issuer is asked; write never, always, "
                              "writes or an age, as in " MAX_AGE_WORD "5s",
                              shown);
        policy->introspect = INTROSPECT_MODE_MAX_AGE;
        return read_amount(reading, value + strlen(MAX_AGE_WORD), duration_units,
                           &policy->introspect_max_age_sec, error);
}

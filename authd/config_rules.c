/* config_rules: see config_rules.h. A setter for each kind of value, then the table.
 */
#include "config_rules.h"

#include "base/file.h"
#include "base/secret.h"
#include "net/fetch.h"
#include "token/jwk.h"

#include <inttypes.h>
#include <sys/un.h>

#define CA_FILE_SIZE_MAX  (4 * 1024 * 1024)
#define MAX_AGE_SEC_MAX   (INT64_C(365) * 24 * 3600)
#define CREDENTIAL_PREFIX "credential:" /* a name in $CREDENTIALS_DIRECTORY, systemd.exec(5) */
#define ALGORITHMS_ALL    "RS256;RS384;RS512;PS256;PS384;PS512;ES256;ES384;ES512;EdDSA"

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

static bool set_text(const ConfigReading *reading, GError **error)
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

static bool set_socket(const ConfigReading *reading, GError **error)
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

/* file_read's sentence names the path and the cause. */
static bool refuse_file(const ConfigReading *reading, GError *cause, GError **error)
{
        g_autoptr(GError) owned = cause;

        return refuse(reading, error,
                      "%s: %s; give authd's user the right to read it, or name another",
                      reading->line->key, owned->message);
}

static bool set_ca_file(const ConfigReading *reading, GError **error)
{
        g_autoptr(GError) cause = NULL;
        g_autofree char *content = NULL;
        g_autofree char *path = read_path(reading, error);
        size_t len = 0;

        if (!path)
                return false;
        if (!file_read(path, CA_FILE_SIZE_MAX, &content, &len, &cause))
                return refuse_file(reading, g_steal_pointer(&cause), error);
        if (!strstr(content, "-----BEGIN "))
                return refuse(
                    reading, error,
                    "ca_file: %s holds no certificate in PEM form; convert it with openssl x509",
                    path);
        return put_text(reading, g_steal_pointer(&path));
}

static bool set_keys_file(const ConfigReading *reading, GError **error)
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

/* Read once to find out now; the bytes are forgotten, they are read again when used. */
static bool set_secret_file(const ConfigReading *reading, GError **error)
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

/* An issuer's name is compared byte for byte with iss, so nothing is put right here. */
static bool set_url(const ConfigReading *reading, GError **error)
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

static bool set_list(const ConfigReading *reading, GError **error)
{
        char **list = read_list(reading, error);

        if (!list)
                return false;
        *(char ***) member(reading) = list;
        return true;
}

static bool set_algorithms(const ConfigReading *reading, GError **error)
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

static bool set_boolean(const ConfigReading *reading, GError **error)
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

static bool set_workers(const ConfigReading *reading, GError **error)
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

static bool set_log_level(const ConfigReading *reading, GError **error)
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

static bool set_subject(const ConfigReading *reading, GError **error)
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

static bool refuse_unit(const ConfigReading *reading, const Unit *units, bool bare_number,
                        GError **error)
{
        g_autoptr(GString) names = g_string_new(NULL);
        g_autofree char *shown = config_shown(reading->line->value);

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
static bool set_amount(const ConfigReading *reading, const Unit *units, int64_t *ret_amount,
                       GError **error)
{
        const char *text = reading->line->value;
        size_t n_digits = strspn(text, G_CSET_DIGITS);
        const Unit *unit = unit_find(units, text + n_digits);
        g_autofree char *digits = g_strndup(text, n_digits);
        uint64_t number = 0;
        bool fits = true;

        if (n_digits == 0 || !unit)
                return refuse_unit(reading, units, text[n_digits] == '\0', error);
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

static bool set_duration(const ConfigReading *reading, GError **error)
{
        return set_amount(reading, duration_units, member(reading), error);
}

static bool set_size(const ConfigReading *reading, GError **error)
{
        int64_t bytes = 0;

        if (!set_amount(reading, size_units, &bytes, error))
                return false;
        *(size_t *) member(reading) = (size_t) bytes;
        return true;
}

/* The one table. In each section the order of the manual. */
static const ConfigRule rules[] = {
        { { "authd", "socket", "path", CONFIG_SOCKET_DEFAULT,
            "The Unix socket on which authd answers." },
          set_socket,
          offsetof(Config, socket_path) },
        { { "authd", "listen", "list", "",
            "TCP addresses, ADDRESS:PORT, for proxies that cannot use a Unix socket." },
          set_list,
          offsetof(Config, listen) },
        { { "authd", "listen_any", "boolean", "false",
            "Allows addresses other than loopback in listen." },
          set_boolean,
          offsetof(Config, listen_any) },
        { { "authd", "workers", "number", "auto",
            "Threads that answer; auto: one for each processor that authd may use." },
          set_workers,
          offsetof(Config, workers),
          1,
          CONFIG_WORKERS_MAX },
        { { "authd", "cache_size", "size", "16MiB",
            "Memory for the claims of tokens that verified." },
          set_size,
          offsetof(Config, cache_size_bytes),
          CONFIG_CACHE_SIZE_MIN,
          CONFIG_CACHE_SIZE_MAX },
        { { "authd", "log_level", "word", "info", "The least important events that are logged." },
          set_log_level,
          offsetof(Config, log_level) },
        { { "authd", "allow_development_issuers", "boolean", "false",
            "Accepts tokens of devidp, whose keys anybody may use." },
          set_boolean,
          offsetof(Config, allow_development_issuers) },
        { { "authd", "core_dumps", "boolean", "false",
            "Lets the kernel write core dumps, which hold tokens." },
          set_boolean,
          offsetof(Config, core_dumps) },
        { { "authd", "admin_group", "text", "authd-admin",
            "The group that may administer, beside root and authd's own user." },
          set_text,
          offsetof(Config, admin_group) },

        { { "issuer", "url", "url", "",
            "The issuer's name: what iss must be, byte for byte. Required." },
          set_url,
          offsetof(IssuerSettings, url) },
        { { "issuer", "fetch_url", "url", "", "Where it is fetched from, if not from url." },
          set_url,
          offsetof(IssuerSettings, fetch_url) },
        { { "issuer", "ca_file", "path", "",
            "The authorities, in PEM form, that its certificate must come from." },
          set_ca_file,
          offsetof(IssuerSettings, ca_file) },
        { { "issuer", "keys_file", "path", "", "A JWKS with its keys: nothing is fetched then." },
          set_keys_file,
          offsetof(IssuerSettings, keys_file) },
        { { "issuer", "algorithms", "list", ALGORITHMS_ALL,
            "The signature algorithms that its tokens may use." },
          set_algorithms,
          offsetof(IssuerSettings, algorithms) },
        { { "issuer", "leeway", "duration", "5s", "How far its clock and ours may differ." },
          set_duration,
          offsetof(IssuerSettings, leeway_sec),
          0,
          POLICY_LEEWAY_SEC_MAX },
        { { "issuer", "client_id", "text", "", "The client as which authd asks it." },
          set_text,
          offsetof(IssuerSettings, client.client_id) },
        { { "issuer", "client_secret_file", "path", "",
            "The file with that client's secret, or credential:NAME." },
          set_secret_file,
          offsetof(IssuerSettings, client.secret_file) },

        { { "policy", "issuers", "list", "",
            "Whose tokens are taken. May be left out with one issuer." },
          set_list,
          offsetof(PolicySettings, issuers) },
        { { "policy", "audience", "list", "",
            "One of them must be in aud; any: no check. Required." },
          set_list,
          offsetof(PolicySettings, audience) },
        { { "policy", "force_audience", "text", "",
            "An audience to be taken though authd advises against it: account." },
          set_text,
          offsetof(PolicySettings, force_audience) },
        { { "policy", "azp", "list", "",
            "The clients whose tokens are taken: one of them is azp (or client_id)." },
          set_list,
          offsetof(PolicySettings, azp) },
        { { "policy", "type", "list", "Bearer;at+jwt",
            "The kinds of token; any: unmarked ones too." },
          set_list,
          offsetof(PolicySettings, type) },
        { { "policy", "scopes", "list", "", "All of these scopes are needed." },
          set_list,
          offsetof(PolicySettings, scopes) },
        { { "policy", "scopes_any", "list", "", "One of these scopes is enough." },
          set_list,
          offsetof(PolicySettings, scopes_any) },
        { { "policy", "roles", "list", "",
            "One of these roles is enough: CLIENT:ROLE or realm:ROLE." },
          set_list,
          offsetof(PolicySettings, roles) },
        { { "policy", "roles_all", "list", "", "All of these roles are needed." },
          set_list,
          offsetof(PolicySettings, roles_all) },
        { { "policy", "groups", "list", "", "One of these groups is enough." },
          set_list,
          offsetof(PolicySettings, groups) },
        { { "policy", "groups_all", "list", "", "All of these groups are needed." },
          set_list,
          offsetof(PolicySettings, groups_all) },
        { { "policy", "groups_claim", "text", "groups",
            "The claim, by dotted path, that holds the groups." },
          set_text,
          offsetof(PolicySettings, groups_claim) },
        { { "policy", "claims", "list", "", "Claims that must be there: PATH or PATH=VALUE." },
          set_list,
          offsetof(PolicySettings, claims) },
        { { "policy", "headers", "list", POLICY_HEADERS_DEFAULT,
            "What a yes hands on: NAME={CLAIM}." },
          set_list,
          offsetof(PolicySettings, headers) },
        { { "policy", "leeway", "duration", "", "Instead of the issuer's leeway." },
          set_duration,
          offsetof(PolicySettings, leeway_sec),
          0,
          POLICY_LEEWAY_SEC_MAX },
        { { "policy", "max_age", "duration", "",
            "The oldest that a token may be, counted from iat." },
          set_duration,
          offsetof(PolicySettings, max_age_sec),
          1,
          MAX_AGE_SEC_MAX },
        { { "policy", "subject", "word", "required",
            "Whether a token must have a sub: required or optional." },
          set_subject,
          offsetof(PolicySettings, subject_optional) },

        { { "client", "secret_file", "path", "",
            "The file with the secret of this client of /introspect, or credential:NAME. "
            "Required." },
          set_secret_file,
          offsetof(ClientSettings, secret_file) },
        { { "client", "policy", "text", CLIENT_POLICY_DEFAULT,
            "The policy by which its questions are judged." },
          set_text,
          offsetof(ClientSettings, policy) },
};

const ConfigRule *config_rules(size_t *ret_n)
{
        *ret_n = G_N_ELEMENTS(rules);
        return rules;
}

const ConfigSetting *config_settings(size_t *ret_n)
{
        static ConfigSetting settings[G_N_ELEMENTS(rules)];
        static size_t copied;

        if (g_once_init_enter(&copied)) {
                for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
                        settings[i] = rules[i].shown;
                g_once_init_leave(&copied, 1);
        }
        *ret_n = G_N_ELEMENTS(rules);
        return settings;
}

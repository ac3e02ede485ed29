/* config_users: see config_users.h. */
#include "config_users.h"

#include "config_set.h"
#include "issuer/admin.h"
#include "users/ids.h"
#include "users/naming.h"

#include <inttypes.h>

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

static bool read_id(const char *text, uint32_t *ret_id)
{
        uint64_t id = 0;

        if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX, &id, NULL))
                return false;
        *ret_id = (uint32_t) id;
        return true;
}

bool config_set_id_range(const ConfigReading *reading, GError **error)
{
        UsersSettings *users = reading->target;
        g_auto(GStrv) ends = g_strsplit(reading->line->value, "-", 3);
        g_autofree char *shown = config_shown(reading->line->value);
        uint32_t first = 0, last = 0;

        if (g_strv_length(ends) != 2 || !read_id(ends[0], &first) || !read_id(ends[1], &last))
                return refuse(reading, error,
                              "\"%s\" is no range; write FROM-TO, as in %" PRIu32 "-%" PRIu32,
                              shown, USERS_ID_FIRST_DEFAULT, USERS_ID_LAST_DEFAULT);
        const char *trouble = ids_range_trouble(first, last);
        if (trouble)
                return refuse(reading, error, "id_range = %s: %s", shown, trouble);
        users->id_first = first;
        users->id_last = last;
        return true;
}

bool config_set_ids(const ConfigReading *reading, GError **error)
{
        bool from_realm = strcmp(reading->line->value, "realm") == 0;
        g_autofree char *shown = config_shown(reading->line->value);

        if (!from_realm && strcmp(reading->line->value, "computed") != 0)
                return refuse(reading, error,
                              "ids = \"%s\" is none of computed, realm; write one of them", shown);
        *(bool *) member(reading) = from_realm;
        return true;
}

/* IdLines: what the lines before took. */
typedef struct IdLines {
        GHashTable *keys, *numbers;
} IdLines;

/* id_line_trouble: NULL: "KEY=NUMBER", both for the first time. */
static const char *id_line_trouble(const char *line, const IdLines *before)
{
        const char *equals = strrchr(line, '=');
        uint32_t id = 0;

        if (!equals || equals == line || !read_id(equals + 1, &id))
                return "is no KEY=NUMBER; the key is a person's sub, or a group's as authctl shows "
                       "it";
        if (!ids_allowed(id))
                return "gives a number that the system keeps for itself; take one from id_range";
        if (!g_hash_table_add(before->numbers, GUINT_TO_POINTER(id)))
                return "gives a number that a line before it has given; take another";
        if (!g_hash_table_add(before->keys, g_strndup(line, (size_t) (equals - line))))
                return "settles a key that a line before it has settled; keep one of them";
        return NULL;
}

bool config_set_id_lines(const ConfigReading *reading, GError **error)
{
        g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);
        const IdLines before = { keys, numbers };

        if (!config_set_list(reading, error))
                return false;
        for (char **line = *(char ***) member(reading); *line; line++) {
                const char *trouble = id_line_trouble(*line, &before);
                g_autofree char *shown = config_shown(*line);

                if (trouble)
                        return refuse(reading, error, "id: \"%s\" %s", shown, trouble);
        }
        return true;
}

bool config_set_attribute(const ConfigReading *reading, GError **error)
{
        if (strlen(reading->line->value) > CONFIG_ATTRIBUTE_SIZE_MAX)
                return refuse(reading, error,
                              "%s: an attribute's name has at most %d bytes; write the name alone",
                              reading->line->key, CONFIG_ATTRIBUTE_SIZE_MAX);
        return config_set_text(reading, error);
}

bool config_set_group_name(const ConfigReading *reading, GError **error)
{
        g_autofree char *shown = config_shown(reading->line->value);

        if (!config_set_text(reading, error))
                return false;
        if (naming_is_name(span_from(*(char **) member(reading))))
                return true;
        return refuse(reading, error,
                      "%s = \"%s\" is no group's name; write a-z, 0-9, _ and -, at most %d, not "
                      "beginning with a digit or -",
                      reading->line->key, shown, RECORD_NAME_MAX);
}

bool config_set_shell(const ConfigReading *reading, GError **error)
{
        g_autofree char *shown = config_shown(reading->line->value);

        if (!config_set_text(reading, error))
                return false;
        if (naming_path_fits(*(char **) member(reading)))
                return true;
        return refuse(reading, error,
                      "shell = \"%s\" is no program's path; write it from / on, without \":\" and "
                      "\"..\"",
                      shown);
}

bool config_set_sync(const ConfigReading *reading, GError **error)
{
        if (strcmp(reading->line->value, "0s") != 0)
                return config_set_duration(reading, error);
        *(int64_t *) member(reading) = 0;
        return true;
}

/* What does not go together. */

static const IssuerSettings *find_issuer(const GPtrArray *issuers, const char *name)
{
        for (guint i = 0; i < issuers->len; i++) {
                const IssuerSettings *issuer = issuers->pdata[i];

                if (strcmp(issuer->name, name) == 0)
                        return issuer;
        }
        return NULL;
}

static bool has_admin_url(const IssuerSettings *issuer)
{
        g_autofree char *found = admin_url_of(issuer->fetch_url ? issuer->fetch_url : issuer->url);

        return issuer->admin_url || found;
}

/* client_trouble: why the issuer's people cannot be read ahead of a login; what the sentence of
 * "[users] issuer = NAME: [issuer NAME] " goes on with. NULL: they can. */
static const char *client_trouble(const IssuerSettings *issuer)
{
        if (!issuer->client.client_id)
                return "has no client_id, so authd cannot ask who its people are; add the client "
                       "with a service account that may, or write sync = 0s";
        if (issuer->keys_file)
                return "has keys_file, so nobody learns where its client gets a token; leave "
                       "keys_file out, or write sync = 0s";
        if (!has_admin_url(issuer))
                return "has an url that is not Keycloak's (https://HOST/realms/NAME), so nobody "
                       "knows where its people are read; add admin_url, or write sync = 0s";
        return NULL;
}

static char *issuer_trouble(const UsersSettings *users, const GPtrArray *issuers)
{
        const IssuerSettings *issuer = users->issuer ? find_issuer(issuers, users->issuer) : NULL;
        const char *trouble = issuer && users->sync_sec > 0 ? client_trouble(issuer) : NULL;

        if (!users->issuer)
                return g_strdup(
                    "[users] has no issuer; add issuer = NAME: whose people are accounts here");
        if (!issuer)
                return g_strdup_printf("[users] issuer = %s: there is no [issuer %s]; add it, or "
                                       "name one that is there",
                                       users->issuer, users->issuer);
        return trouble ? g_strdup_printf("[users] issuer = %s: [issuer %s] %s", users->issuer,
                                         users->issuer, trouble)
                       : NULL;
}

char *config_users_trouble(const UsersSettings *users, const GPtrArray *issuers,
                           const char **ret_key)
{
        char *trouble = issuer_trouble(users, issuers);
        g_autoptr(GError) cause = NULL;
        g_autoptr(Naming) naming = trouble ? NULL : naming_new(users, &cause);

        *ret_key = trouble ? "issuer" : NULL;
        if (trouble || naming)
                return trouble;
        return g_strdup_printf("[users] %s", cause->message);
}

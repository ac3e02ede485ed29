/* headerlist: see headerlist.h. */
#include "verdict/headerlist.h"

#include "verdict/setting.h"

#define TOKEN_MARKS "!#$%&'*+-.^_`|~" /* RFC 9110 §5.6.2, beside letters and digits */

/* RFC 9110 §7.6.1 and what frames or addresses a message; then what our doors themselves answer
 * with. */
static const char *const reserved_names[] = {
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Content-Length",
        "Content-Encoding",
        "Host",
        "Content-Type",
        "Date",
        "Retry-After",
        "WWW-Authenticate",
        "Set-Cookie",
        "Cache-Control",
        "X-Request-Id",
        "X-Authd-Reason",
        "X-Authd-Status",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "DPoP-Nonce",
};

static bool name_is_token(const char *name)
{
        for (const char *c = name; *c != '\0'; c++)
                if (!g_ascii_isalnum(*c) && !strchr(TOKEN_MARKS, *c))
                        return false;
        return name[0] != '\0';
}

static bool name_is_reserved(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(reserved_names); i++)
                if (g_ascii_strcasecmp(name, reserved_names[i]) == 0)
                        return true;
        return false;
}

static bool name_is_fit(const HeaderList *list, const char *name, GError **error)
{
        if (!name_is_token(name))
                return setting_refuse(
                    error, "headers: \"%s\" is no header name; letters, digits and - only", name);
        if (name_is_reserved(name))
                return setting_refuse(error,
                                      "headers: %s frames messages or is the door's own; choose "
                                      "another name",
                                      name);
        for (size_t i = 0; i < list->n_headers; i++)
                if (g_ascii_strcasecmp(name, list->headers[i].name) == 0)
                        return setting_refuse(error, "headers: %s is there twice; remove one",
                                              name);
        return true;
}

static bool headerlist_add(HeaderList *list, const char *line, GError **error)
{
        const char *equals = strchr(line, '=');
        g_autofree char *name = g_strstrip(g_strndup(line, equals ? (gsize) (equals - line) : 0));
        g_autofree char *text = g_strstrip(g_strdup(equals ? equals + 1 : ""));
        g_autoptr(Template) value = NULL;

        if (!equals)
                return setting_refuse(error, "headers: \"%s\" is no header; write Name={claim}",
                                      line);
        if (list->n_headers == HEADERLIST_MAX)
                return setting_refuse(error, "headers: %s is one too many; remove some", name);
        if (!name_is_fit(list, name, error))
                return false;
        value = template_new(text, error);
        if (!value) {
                g_prefix_error(error, "headers: %s: ", name);
                return false;
        }
        list->headers[list->n_headers++] =
            (Header){ g_steal_pointer(&name), g_steal_pointer(&value) };
        return true;
}

bool headerlist_init(HeaderList *list, char *const *lines, GError **error)
{
        list->n_headers = 0;
        for (size_t i = 0; lines[i]; i++)
                if (!headerlist_add(list, lines[i], error))
                        return false;
        return true;
}

void headerlist_deinit(HeaderList *list)
{
        for (size_t i = 0; i < list->n_headers; i++) {
                g_free(list->headers[i].name);
                template_free(list->headers[i].value);
        }
        list->n_headers = 0;
}

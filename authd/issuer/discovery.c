/* discovery: an issuer's metadata document, read. See discovery.h. */
#include "issuer/discovery.h"

#include "issuer/issuer.h"
#include "net/fetch.h"
#include "token/json.h"

#include <errno.h>

#define DISCOVERY_DEPTH_MAX    8
#define DISCOVERY_URL_SIZE_MAX 2048
#define DISCOVERY_PATH         "/.well-known/openid-configuration"

static GQuark discovery_error(void)
{
        return g_quark_from_static_string("authd-discovery");
}

/* The length of a base url without its trailing slash. */
static size_t discovery_base_size(const char *url)
{
        size_t size = strlen(url);

        return size > 0 && url[size - 1] == '/' ? size - 1 : size;
}

char *discovery_document_url(const char *base)
{
        return g_strdup_printf("%.*s" DISCOVERY_PATH, (int) discovery_base_size(base), base);
}

static bool discovery_url_is_plain(Span url)
{
        if (url.len == 0 || url.len > DISCOVERY_URL_SIZE_MAX)
                return false;
        for (size_t i = 0; i < url.len; i++)
                if (url.data[i] <= 0x20 || url.data[i] >= 0x7f)
                        return false;
        return true;
}

/* A url is under a base only up to a path's edge: https://sso.example.com.evil.org is not under
 * https://sso.example.com. */
static bool discovery_is_under(Span url, Span base)
{
        if (url.len < base.len || memcmp(url.data, base.data, base.len) != 0)
                return false;
        return url.len == base.len || strchr("/?", url.data[base.len]) != NULL;
}

static char *discovery_move(Span url, const char *issuer_url, const char *fetch_url)
{
        Span base = span_of(issuer_url, discovery_base_size(issuer_url));

        if (!fetch_url || !discovery_is_under(url, base))
                return g_strndup(url.data, url.len);
        return g_strdup_printf("%.*s%.*s", (int) discovery_base_size(fetch_url), fetch_url,
                               (int) (url.len - base.len), url.data + base.len);
}

/* Reads the url of a member; absent leaves *ret_url NULL and is for the caller to judge. */
static bool discovery_read_url(const json_t *document, const char *member, const char *issuer_url,
                               const char *fetch_url, char **ret_url, GError **error)
{
        g_autofree char *moved = NULL;
        const char *why = NULL;
        Span url = SPAN_EMPTY;
        int answer = json_member_string(document, member, &url);

        if (answer == -ENOENT)
                return true;
        if (answer != 0 || !discovery_url_is_plain(url)) {
                g_set_error(error, discovery_error(), 0, "%s of the discovery document is no URL",
                            member);
                return false;
        }
        moved = discovery_move(url, issuer_url, fetch_url);
        if (!fetch_url_allowed(moved, &why)) {
                g_set_error(error, discovery_error(), 0, "%s of the discovery document (%s): %s",
                            member, moved, why);
                return false;
        }
        *ret_url = g_steal_pointer(&moved);
        return true;
}

static bool discovery_check_issuer(const json_t *document, const char *issuer_url, GError **error)
{
        Span issuer = SPAN_EMPTY;

        if (json_member_string(document, "issuer", &issuer) != 0) {
                g_set_error(error, discovery_error(), 0,
                            "the discovery document names no issuer (wanted %s)", issuer_url);
                return false;
        }
        if (!span_equal_string(issuer, issuer_url)) {
                g_set_error(error, discovery_error(), 0,
                            "the discovery document is of issuer %.*s, not of %s: set url to the "
                            "issuer's own name and fetch_url to where it is reached",
                            (int) MIN(issuer.len, DISCOVERY_URL_SIZE_MAX), issuer.data, issuer_url);
                return false;
        }
        return true;
}

/* Any value but false marks a development issuer: what is in doubt is the refused kind. */
static bool discovery_is_development(const json_t *document)
{
        const json_t *member = json_object_get(document, DISCOVERY_DEVELOPMENT_MEMBER);

        return member && !json_is_false(member);
}

static json_t *discovery_read_document(Span json, GError **error)
{
        static const JsonLimits limits = {
                .size_max = ISSUER_DISCOVERY_SIZE_MAX,
                .depth_max = DISCOVERY_DEPTH_MAX,
        };
        json_t *document = NULL;
        int answer = json_parse_object(json, &limits, &document);

        if (answer == 0)
                return document;
        g_set_error(error, discovery_error(), 0, "the discovery document is not usable JSON: %s",
                    answer > 0 ? json_answer_text(answer) : g_strerror(-answer));
        return NULL;
}

static void discovery_read_grants(const json_t *document, const char *issuer_url,
                                  const char *fetch_url, Discovery *discovery)
{
        const struct {
                const char *member;
                char **url;
        } rows[] = {
                { "token_endpoint", &discovery->token_url },
                { "device_authorization_endpoint", &discovery->device_url },
                { "backchannel_authentication_endpoint", &discovery->push_url },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                discovery_read_url(document, rows[i].member, issuer_url, fetch_url, rows[i].url,
                                   NULL);
}

Discovery *discovery_parse(Span json, const char *issuer_url, const char *fetch_url, GError **error)
{
        g_autoptr(Discovery) discovery = g_new0(Discovery, 1);
        json_auto *document = discovery_read_document(json, error);

        if (!document || !discovery_check_issuer(document, issuer_url, error))
                return NULL;
        if (!discovery_read_url(document, "jwks_uri", issuer_url, fetch_url, &discovery->jwks_url,
                                error))
                return NULL;
        if (!discovery_read_url(document, "introspection_endpoint", issuer_url, fetch_url,
                                &discovery->introspection_url, error))
                return NULL;
        if (!discovery->jwks_url) {
                g_set_error(error, discovery_error(), 0, "the discovery document has no jwks_uri");
                return NULL;
        }
        discovery_read_grants(document, issuer_url, fetch_url, discovery);
        discovery->development = discovery_is_development(document);
        return g_steal_pointer(&discovery);
}

char *discovery_endpoint(Span json, const char *member, const char *issuer_url,
                         const char *fetch_url, GError **error)
{
        json_auto *document = discovery_read_document(json, error);
        char *url = NULL;

        if (document)
                discovery_read_url(document, member, issuer_url, fetch_url, &url, error);
        return url;
}

void discovery_free(Discovery *discovery)
{
        if (!discovery)
                return;
        g_free(discovery->jwks_url);
        g_free(discovery->introspection_url);
        g_free(discovery->token_url);
        g_free(discovery->device_url);
        g_free(discovery->push_url);
        g_free(discovery);
}

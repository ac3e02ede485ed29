/* source: see source.h. Each kind is a row: its prefix in the settings, and how it is looked at. */
#include "api/source.h"

#include "base/secret.h"
#include "verdict/setting.h"

#include <errno.h>

#define TOKEN_MARKS "!#$%&'*+-.^_`|~" /* RFC 9110 §5.6.2, beside letters and digits */

typedef struct Look {
        const Request *request;
        Span query;
        const char *name;
        FoundToken *found;
} Look;

/* SourceKind: look answers 0, -ENOENT when nothing is there, and -EINVAL. */
typedef struct SourceKind {
        const char *prefix;
        int (*look)(const Look *look);
} SourceKind;

typedef struct Source {
        const SourceKind *kind;
        char *name;
} Source;

struct Sources {
        size_t n_sources;
        Source sources[SOURCES_MAX];
};

bool source_after(Span authorization, const char *scheme, Span *ret_token)
{
        size_t len = strlen(scheme);

        if (authorization.len < len + 2 || authorization.data[len] != ' ' ||
            g_ascii_strncasecmp(authorization.data, scheme, len) != 0)
                return false;
        *ret_token = span_of(authorization.data + len + 1, authorization.len - len - 1);
        return true;
}

/* ---- looking ---- */

static int look_at_header(const Look *look)
{
        unsigned count = request_header_count(look->request, look->name);

        if (count > 1)
                return -EINVAL;
        look->found->token = count ? request_header(look->request, look->name) : SPAN_EMPTY;
        return look->found->token.len > 0 ? 0 : -ENOENT;
}

static Span trimmed(Span text)
{
        while (text.len > 0 && text.data[0] == ' ')
                text = span_of(text.data + 1, text.len - 1);
        while (text.len > 0 && text.data[text.len - 1] == ' ')
                text.len--;
        return text;
}

/* next_cookie: cuts one name=value off the front (RFC 6265 §4.2.1); false at the end. */
static bool next_cookie(Span *cookies, Span *ret_name, Span *ret_value)
{
        if (cookies->len == 0)
                return false;
        const char *end = memchr(cookies->data, ';', cookies->len);
        size_t len = end ? (size_t) (end - cookies->data) : cookies->len;
        Span pair = trimmed(span_of(cookies->data, len));
        const char *equals = pair.len > 0 ? memchr(pair.data, '=', pair.len) : NULL;
        size_t name_len = equals ? (size_t) (equals - pair.data) : pair.len;
        size_t taken = MIN(len + 1, cookies->len);

        *ret_name = span_of(pair.data, name_len);
        *ret_value = equals ? span_of(equals + 1, pair.len - name_len - 1) : SPAN_EMPTY;
        *cookies = span_of(cookies->data + taken, cookies->len - taken);
        return true;
}

/* A cookie of one name may come twice, from two paths or domains: then nobody knows whose it is. */
static int look_at_cookie(const Look *look)
{
        Span cookies = request_header(look->request, "Cookie"), name, value;
        unsigned count = 0;

        if (request_header_count(look->request, "Cookie") > 1)
                return -EINVAL;
        if (!cookies.data)
                return -ENOENT;
        while (next_cookie(&cookies, &name, &value))
                if (span_equal_string(name, look->name)) {
                        look->found->token = value;
                        count++;
                }
        if (count > 1)
                return -EINVAL;
        return count == 1 && look->found->token.len > 0 ? 0 : -ENOENT;
}

static int look_at_query(const Look *look)
{
        int r = request_pairs_value(look->query, look->name, &look->found->owned);

        if (r == 0)
                look->found->token = span_from(look->found->owned);
        return r == 0 && look->found->token.len == 0 ? -ENOENT : r;
}

static const SourceKind kinds[] = {
        { "header:", look_at_header },
        { "cookie:", look_at_cookie },
        { "query:", look_at_query },
};

static void found_clear(FoundToken *found)
{
        if (found->owned)
                secret_erase(found->owned, strlen(found->owned));
        g_free(found->owned);
        *found = (FoundToken){ .token = SPAN_EMPTY };
}

static void look_at_authorization(const Request *request, FoundToken *ret)
{
        Span header = request_header(request, "Authorization");

        if (source_after(header, "Bearer", &ret->token))
                return;
        ret->by_dpop = source_after(header, "DPoP", &ret->token);
}

/* found_merge: keeps the first; 0, SOURCE_E_DIFFER. */
static int found_merge(FoundToken *first, FoundToken *other)
{
        bool differ = first->token.len > 0 && !span_equal(first->token, other->token);

        if (first->token.len == 0) {
                *first = *other;
                return 0;
        }
        found_clear(other);
        return differ ? SOURCE_E_DIFFER : 0;
}

int sources_find(const Sources *sources, const Request *request, Span query, FoundToken *ret)
{
        FoundToken first = { .token = SPAN_EMPTY };
        int r = 0;

        look_at_authorization(request, &first);
        for (size_t i = 0; sources && r == 0 && i < sources->n_sources; i++) {
                FoundToken other = { .token = SPAN_EMPTY };
                const Look look = { request, query, sources->sources[i].name, &other };
                int answer = sources->sources[i].kind->look(&look);

                if (answer == 0)
                        r = found_merge(&first, &other);
                else if (answer != -ENOENT)
                        r = SOURCE_E_DOUBLED;
                if (answer != 0)
                        found_clear(&other);
        }
        if (r == 0)
                *ret = first;
        else
                found_clear(&first);
        return r;
}

/* ---- settings ---- */

static bool name_is_token(const char *name)
{
        size_t len = strlen(name);

        for (size_t i = 0; i < len; i++)
                if (!g_ascii_isalnum(name[i]) && !strchr(TOKEN_MARKS, name[i]))
                        return false;
        return len > 0 && len <= SOURCE_NAME_SIZE_MAX;
}

static bool source_parse(Source *source, const char *line, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                if (!g_str_has_prefix(line, kinds[i].prefix))
                        continue;
                source->kind = &kinds[i];
                source->name = g_strdup(line + strlen(kinds[i].prefix));
        }
        if (!source->kind || !name_is_token(source->name))
                return setting_refuse(error,
                                      "token_from: \"%s\" is no place of a token; write "
                                      "header:NAME, cookie:NAME or query:NAME",
                                      line);
        if (g_ascii_strcasecmp(source->name, "Authorization") == 0)
                return setting_refuse(error, "token_from: Authorization is looked at always; leave "
                                             "it out");
        return true;
}

Sources *sources_new(char *const *lines, GError **error)
{
        g_autoptr(Sources) sources = g_new0(Sources, 1);

        for (size_t i = 0; lines && lines[i]; i++) {
                if (i == SOURCES_MAX) {
                        setting_refuse(error, "token_from: more than %d places; remove some",
                                       SOURCES_MAX);
                        return NULL;
                }
                sources->n_sources++;
                if (!source_parse(&sources->sources[i], lines[i], error))
                        return NULL;
        }
        return g_steal_pointer(&sources);
}

void sources_free(Sources *sources)
{
        if (!sources)
                return;
        for (size_t i = 0; i < sources->n_sources; i++)
                g_free(sources->sources[i].name);
        g_free(sources);
}

/* place: see place.h. One pass over the raw path writes segments; each is looked at when it ends.
 */
#include "base/place.h"

#define PORT_MAX      65535
#define UP            ".."
#define ENCODED_SLASH "%2F"

typedef struct Walk {
        Span raw;
        size_t at;
        bool allow_encoded_slash;
        GString *path;   /* "/" before each segment that stays */
        size_t start;    /* of the segment under way, behind its "/" */
        bool parameters; /* behind its ";" */
        const char *why;
} Walk;

static bool refuse(Walk *walk, const char *why)
{
        walk->why = why;
        return false;
}

/* ---- segments ---- */

static void segment_begin(Walk *walk)
{
        g_string_append_c(walk->path, '/');
        walk->start = walk->path->len;
        walk->parameters = false;
}

static void segment_drop(Walk *walk)
{
        g_string_truncate(walk->path, walk->start - 1);
}

/* Between encoded slashes too: whoever decodes them resolves what stands there. */
static bool segment_goes_up(const char *segment)
{
        const size_t len = strlen(ENCODED_SLASH);

        for (const char *at = strstr(segment, UP); at; at = strstr(at + 1, UP)) {
                const char *end = at + strlen(UP);
                size_t before = (size_t) (at - segment);

                if ((before == 0 || (before >= len && memcmp(at - len, ENCODED_SLASH, len) == 0)) &&
                    (*end == '\0' || strncmp(end, ENCODED_SLASH, len) == 0))
                        return true;
        }
        return false;
}

static bool segment_end(Walk *walk)
{
        const char *segment = walk->path->str + walk->start;
        size_t len = walk->path->len - walk->start;

        if (segment_goes_up(segment))
                return refuse(walk,
                              "The path goes up by \"..\", which servers resolve in different "
                              "ways.");
        if (walk->parameters && (len == 0 || strcmp(segment, ".") == 0))
                return refuse(walk, "A segment of the path is dots or nothing but for parameters "
                                    "(;), which some servers keep.");
        if (len == 0 || strcmp(segment, ".") == 0)
                segment_drop(walk);
        else if (segment[len - 1] == '.')
                return refuse(walk, "A segment of the path ends in a dot, which some servers cut.");
        return true;
}

/* ---- bytes ---- */

static bool byte_is_unreserved(unsigned char byte)
{
        return g_ascii_isalnum(byte) || strchr("-._~", byte);
}

/* Two hex digits at this place of the raw path, or -1. */
static int hex_at(const Walk *walk, size_t at)
{
        if (at + 2 > walk->raw.len || !g_ascii_isxdigit(walk->raw.data[at]) ||
            !g_ascii_isxdigit(walk->raw.data[at + 1]))
                return -1;
        return g_ascii_xdigit_value(walk->raw.data[at]) * 16 +
               g_ascii_xdigit_value(walk->raw.data[at + 1]);
}

static bool encoded_is_fit(Walk *walk, int byte)
{
        if (byte < 0)
                return refuse(walk, "The path has a \"%\" without two hex digits.");
        if (byte < 0x20 || byte == 0x7f || byte == '\\')
                return refuse(walk, "The path has an encoded control character or backslash.");
        if (byte == '/' && !walk->allow_encoded_slash)
                return refuse(walk, "The path has an encoded slash (%2F); encoded_slash = allow "
                                    "takes it as a byte of its segment.");
        if (byte == '%' && hex_at(walk, walk->at + 3) >= 0)
                return refuse(walk, "The path is encoded twice (%25 before two hex digits).");
        return true;
}

static bool take_encoded(Walk *walk)
{
        int byte = hex_at(walk, walk->at + 1);

        if (!encoded_is_fit(walk, byte))
                return false;
        walk->at += 3;
        if (walk->parameters)
                return true;
        if (byte_is_unreserved((unsigned char) byte))
                g_string_append_c(walk->path, (char) byte);
        else
                g_string_append_printf(walk->path, "%%%02X", (unsigned) byte);
        return true;
}

static bool take_raw(Walk *walk, unsigned char byte)
{
        if (byte <= 0x20 || byte > 0x7e || byte == '\\' || byte == '#')
                return refuse(walk, "The path has a character that must be encoded.");
        walk->at++;
        if (byte == ';')
                walk->parameters = true;
        if (!walk->parameters)
                g_string_append_c(walk->path, (char) byte);
        return true;
}

static bool take_slash(Walk *walk)
{
        if (!segment_end(walk))
                return false;
        walk->at++;
        segment_begin(walk);
        return true;
}

static bool take_byte(Walk *walk)
{
        unsigned char byte = (unsigned char) walk->raw.data[walk->at];

        if (byte == '%')
                return take_encoded(walk);
        return byte == '/' ? take_slash(walk) : take_raw(walk, byte);
}

/* Percent-encoded bytes over 0x7e must be characters: overlong forms of a slash or dot are none. */
static bool path_is_utf8(const char *path)
{
        g_autofree char *decoded = g_uri_unescape_string(path, NULL);

        return decoded && g_utf8_validate(decoded, -1, NULL);
}

static bool normalise(Walk *walk)
{
        if (walk->raw.len == 0 || walk->raw.data[0] != '/')
                return refuse(walk, "The target is no path that begins with \"/\".");
        if (walk->raw.len > PLACE_PATH_SIZE_MAX)
                return refuse(walk, "The path is too long.");
        walk->at = 1;
        segment_begin(walk);
        while (walk->at < walk->raw.len)
                if (!take_byte(walk))
                        return false;
        if (!segment_end(walk))
                return false;
        if (walk->path->len == 0)
                g_string_append_c(walk->path, '/');
        return path_is_utf8(walk->path->str) ||
               refuse(walk, "The path is no UTF-8 when it is decoded.");
}

/* ---- host ---- */

/* The length of the name in "name:port" or "[v6]:port"; what follows must be a port or nothing. */
static bool host_cut_port(Span host, size_t *ret_len, unsigned *ret_port)
{
        const char *colon = host.len > 0 && host.data[0] == '[' ? memchr(host.data, ']', host.len)
                                                                : memchr(host.data, ':', host.len);
        size_t rest;

        *ret_len = host.len;
        *ret_port = 0;
        if (!colon)
                return host.len == 0 || host.data[0] != '[';
        *ret_len = (size_t) (colon - host.data) + (*colon == ']' ? 1 : 0);
        rest = *ret_len;
        if (rest == host.len)
                return true;
        if (host.data[rest] != ':')
                return false;
        for (rest++; rest < host.len; rest++) {
                if (!g_ascii_isdigit(host.data[rest]))
                        return false;
                *ret_port = *ret_port * 10 + (unsigned) g_ascii_digit_value(host.data[rest]);
                if (*ret_port > PORT_MAX)
                        return false;
        }
        return true;
}

static bool host_is_name(const char *host)
{
        bool bracketed = host[0] == '[';

        for (const char *at = host; *at; at++) {
                bool fit =
                    g_ascii_isalnum(*at) || strchr("-_.", *at) || (bracketed && strchr("[]:", *at));

                if (!fit || (*at == '.' && (at == host || at[1] == '.' || !at[1])))
                        return false;
        }
        return true;
}

/* NULL: no host at all. */
static char *host_normalise(Span host, unsigned *ret_port)
{
        g_autofree char *name = NULL;
        size_t len;

        if (host.len > PLACE_HOST_SIZE_MAX + 6 || !host_cut_port(host, &len, ret_port))
                return NULL;
        if (len > 0 && host.data[len - 1] == '.')
                len--;
        name = g_ascii_strdown(host.data ? host.data : "", (gssize) len);
        if (strlen(name) != len || len > PLACE_HOST_SIZE_MAX || !host_is_name(name))
                return NULL;
        return g_steal_pointer(&name);
}

/* ---- the whole ---- */

/* An absolute form's authority, and the target behind it; false: it is none. */
static bool cut_authority(Span *target, Span *ret_authority)
{
        static const char *const schemes[] = { "http://", "https://" };

        for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
                size_t len = strlen(schemes[i]), end = len;

                if (target->len <= len || g_ascii_strncasecmp(target->data, schemes[i], len) != 0)
                        continue;
                while (end < target->len && !strchr("/?", target->data[end]))
                        end++;
                *ret_authority = span_of(target->data + len, end - len);
                *target = span_of(target->data + end, target->len - end);
                return true;
        }
        return false;
}

static Span without_query(Span target)
{
        const char *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;

        return mark ? span_of(target.data, (size_t) (mark - target.data)) : target;
}

/* The host of the header, or of an absolute target; when both are there they must agree. */
static char *choose_host(Span host, Span authority, bool absolute, unsigned *ret_port,
                         const char **ret_why)
{
        g_autofree char *told = host_normalise(host, ret_port);
        g_autofree char *named = absolute ? host_normalise(authority, ret_port) : NULL;

        if (!told || (absolute && (!named || !*named))) {
                *ret_why = "The host is no name.";
                return NULL;
        }
        if (absolute && *told && strcmp(told, named) != 0) {
                *ret_why = "The target names another host than the Host header.";
                return NULL;
        }
        return absolute ? g_steal_pointer(&named) : g_steal_pointer(&told);
}

bool place_method_is_unsafe(Span method)
{
        static const char *const safe[] = { "GET", "HEAD", "OPTIONS", "TRACE" };

        for (size_t i = 0; i < G_N_ELEMENTS(safe); i++)
                if (span_equal_string(method, safe[i]))
                        return false;
        return true;
}

int place_init(Place *place, Span method, Span host, Span target, bool allow_encoded_slash,
               const char **ret_why)
{
        Span authority = SPAN_EMPTY;
        unsigned port = 0;
        bool absolute = cut_authority(&target, &authority);
        g_autofree char *chosen = choose_host(host, authority, absolute, &port, ret_why);
        Span raw = without_query(target);
        Walk walk = { .raw = absolute && raw.len == 0 ? span_from("/") : raw,
                      .allow_encoded_slash = allow_encoded_slash };

        *place = (Place){ 0 };
        if (!chosen)
                return PLACE_E_REFUSED;
        walk.path = g_string_sized_new(walk.raw.len + 1);
        if (!normalise(&walk)) {
                g_string_free(walk.path, TRUE);
                *ret_why = walk.why;
                return PLACE_E_REFUSED;
        }
        place->method = method;
        place->is_unsafe = place_method_is_unsafe(method);
        place->host = g_steal_pointer(&chosen);
        place->port = port;
        place->path = g_string_free(walk.path, FALSE);
        return 0;
}

void place_clear(Place *place)
{
        g_clear_pointer(&place->host, g_free);
        g_clear_pointer(&place->path, g_free);
}

/* original: see original.h. */
#include "api/original.h"

#include <arpa/inet.h>

#define IPV6_CLIENT_BYTES 8 /* the /64 */

static const Dialect dialects[] = {
        { .door = "auth", /* nginx */
          .method = "X-Original-Method",
          .uri = "X-Original-URI",
          .host = "X-Original-Host",
          .certificate = "X-Client-Cert",
          .thumbprint = certificate_thumbprint,
          .yes_status = 204 },
        { .door = "forward-auth", /* Traefik, Caddy */
          .method = "X-Forwarded-Method",
          .uri = "X-Forwarded-Uri",
          .host = "X-Forwarded-Host",
          .certificate = "X-Forwarded-Tls-Client-Cert",
          .thumbprint = certificate_thumbprint,
          .yes_status = 200,
          .knows_429 = true },
        { .door = "ext-authz", /* Envoy, Istio */
          .certificate = "X-Forwarded-Client-Cert",
          .thumbprint = certificate_thumbprint_xfcc,
          .yes_status = 200,
          .knows_429 = true },
};

const Dialect *dialect_find(const char *door)
{
        for (size_t i = 0; i < G_N_ELEMENTS(dialects); i++)
                if (strcmp(dialects[i].door, door) == 0)
                        return &dialects[i];
        return NULL;
}

/* ---- fields ---- */

typedef struct Reading {
        const Dialect *dialect;
        const Request *request;
        Original *original;
} Reading;

/* told: the field's value; empty when it is not there. Said twice it is nobody's word. */
static Span told(const Reading *reading, const char *name)
{
        unsigned count = request_header_count(reading->request, name);

        if (count > 1)
                reading->original->why = "The proxy told of the original request twice.";
        return count == 1 ? request_header(reading->request, name) : SPAN_EMPTY;
}

static Span told_or(const Reading *reading, const char *name, Span own)
{
        return name ? told(reading, name) : own;
}

static void read_scheme(const Reading *reading)
{
        static const char *const schemes[] = { "https", "http" };
        Span scheme = told(reading, "X-Forwarded-Proto");

        for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
                if (span_equal_string(scheme, schemes[i]))
                        reading->original->scheme = schemes[i];
}

/* last_entry: what the proxy that speaks to us has written behind the client's own. */
static char *last_entry(Span list)
{
        size_t start = list.len;

        while (start > 0 && list.data[start - 1] != ',')
                start--;
        return g_strstrip(g_strndup(list.data + start, list.len - start));
}

static void read_address(const Reading *reading)
{
        g_autofree char *entry = last_entry(told(reading, "X-Forwarded-For"));
        char *ret = reading->original->address;
        uint8_t bytes[16];

        if (inet_pton(AF_INET, entry, bytes) == 1) {
                g_strlcpy(ret, entry, ORIGINAL_ADDRESS_MAX);
                return;
        }
        if (inet_pton(AF_INET6, entry, bytes) != 1)
                return;
        if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *) (const void *) bytes)) {
                inet_ntop(AF_INET, bytes + 12, ret, ORIGINAL_ADDRESS_MAX);
                return;
        }
        memset(bytes + IPV6_CLIENT_BYTES, 0, sizeof(bytes) - IPV6_CLIENT_BYTES);
        inet_ntop(AF_INET6, bytes, ret, ORIGINAL_ADDRESS_MAX);
}

static void read_certificate(const Reading *reading)
{
        Span value = told(reading, reading->dialect->certificate);

        reading->original->has_certificate = value.len > 0;
        if (value.len > 0 && reading->dialect->thumbprint(value, reading->original->thumbprint) < 0)
                reading->original->thumbprint[0] = '\0';
}

static Span query_of(Span target)
{
        const char *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;

        return mark ? span_of(mark + 1, target.len - (size_t) (mark + 1 - target.data))
                    : SPAN_EMPTY;
}

static void read_place(const Reading *reading, Span target, bool allow_encoded_slash)
{
        Original *original = reading->original;
        Span host =
            told_or(reading, reading->dialect->host, request_header(reading->request, "Host"));

        target = told_or(reading, reading->dialect->uri, target);
        if (original->why || target.len == 0)
                return;
        original->query = query_of(target);
        original->has_place = place_init(&original->place, original->method, host, target,
                                         allow_encoded_slash, &original->why) == 0;
}

void original_read(const Dialect *dialect, const Front *front, const Request *request, Span target,
                   Original *ret)
{
        const Reading reading = { dialect, request, ret };

        *ret = (Original){ .method = SPAN_EMPTY, .query = SPAN_EMPTY };
        ret->trusted = front_trusts(front, request_peer(request));
        if (!ret->trusted)
                return;
        ret->method = told_or(&reading, dialect->method, request_method(request));
        read_scheme(&reading);
        read_address(&reading);
        read_certificate(&reading);
        read_place(&reading, target, front_allows_encoded_slash(front));
        ret->is_preflight = span_equal_string(ret->method, "OPTIONS") &&
                            request_header(request, "Origin").len > 0 &&
                            request_header(request, "Access-Control-Request-Method").len > 0;
}

void original_clear(Original *original)
{
        place_clear(&original->place);
}

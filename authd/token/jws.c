/* jws: see jws.h. */
#include "token/jws.h"

#include "token/base64url.h"
#include "token/json.h"
#include "token/skim.h"

#include <errno.h>

#define JWS_DOTS 2
#define JWE_DOTS 4

static const JsonLimits header_limits = { JWS_HEADER_SIZE_MAX, JWS_HEADER_DEPTH_MAX };

typedef struct Parts {
        Span header, payload, signature;
} Parts;

static int refuse(Jws *ret, JwsAnswer answer, const char *trouble)
{
        ret->trouble = trouble;
        return answer;
}

/* Stops after one dot more than a JWE has: how many more there are changes nothing. */
static unsigned count_dots(Span token)
{
        const char *at = token.data, *end = token.data + token.len;
        unsigned n_dots = 0;

        while (n_dots <= JWE_DOTS && at < end && (at = memchr(at, '.', (size_t) (end - at)))) {
                n_dots++;
                at++;
        }
        return n_dots;
}

static int split(Span token, Jws *ret, Parts *ret_parts)
{
        const char *first, *second, *end = token.data + token.len;
        unsigned n_dots;

        if (token.len > JWS_SIZE_MAX)
                return refuse(ret, JWS_E_TOO_LARGE, "The token is longer than 32 KiB.");
        n_dots = count_dots(token);
        if (n_dots == JWE_DOTS)
                return refuse(ret, JWS_E_MALFORMED,
                              "The token has five parts: it is encrypted (JWE), and only signed "
                              "ones are taken.");
        if (n_dots != JWS_DOTS)
                return refuse(ret, JWS_E_NOT_A_JWS,
                              "The token does not have three parts with dots between.");
        first = memchr(token.data, '.', token.len);
        second = memchr(first + 1, '.', (size_t) (end - first - 1));
        ret_parts->header = span_of(token.data, (size_t) (first - token.data));
        ret_parts->payload = span_of(first + 1, (size_t) (second - first - 1));
        ret_parts->signature = span_of(second + 1, (size_t) (end - second - 1));
        ret->signing_input = span_of(token.data, (size_t) (second - token.data));
        ret->payload_text = ret_parts->payload;
        return 0;
}

/* An optional string member into a fixed buffer, NUL-terminated; "" counts as absent. */
static int copy_member(const json_t *header, const char *name, char *buffer, size_t size_max,
                       size_t *ret_len)
{
        Span text = SPAN_EMPTY;
        int r = json_member_string(header, name, &text);

        if (r == JSON_E_TYPE || text.len > size_max)
                return JWS_E_MALFORMED;
        memcpy(buffer, text.data, text.len);
        buffer[text.len] = '\0';
        *ret_len = text.len;
        return 0;
}

static int read_alg(const json_t *header, Jws *ret)
{
        Span name = SPAN_EMPTY;

        if (json_member_string(header, "alg", &name) == JSON_E_TYPE)
                return refuse(ret, JWS_E_MALFORMED, "The header's alg is not a string.");
        ret->alg = alg_find(name);
        if (!ret->alg)
                return refuse(ret, JWS_E_UNSUPPORTED_ALGORITHM,
                              "The header's alg is absent or none of the algorithms taken.");
        return 0;
}

static int read_facts(const json_t *header, Jws *ret)
{
        /* RFC 7515 §4.1.11: crit must be understood or the token refused. b64 (RFC 7797) changes
         * what was signed and counts even where its crit is missing. */
        if (json_object_get(header, "crit") || json_object_get(header, "b64"))
                return refuse(ret, JWS_E_CRITICAL,
                              "The header has crit or b64: an extension that is not understood.");
        if (copy_member(header, "kid", ret->kid, JWS_KID_SIZE_MAX, &ret->kid_len) != 0)
                return refuse(ret, JWS_E_MALFORMED,
                              "The header's kid is not a string of at most 256 bytes.");
        if (copy_member(header, "typ", ret->typ, JWS_TYP_SIZE_MAX, &ret->typ_len) != 0)
                return refuse(ret, JWS_E_MALFORMED,
                              "The header's typ is not a string of at most 64 bytes.");
        return read_alg(header, ret);
}

static int read_header(Span text, Jws *ret)
{
        uint8_t bytes[JWS_HEADER_SIZE_MAX];
        json_auto *header = NULL;
        size_t len;
        int r;

        if (BASE64URL_DECODED_MAX(text.len) > sizeof bytes)
                return refuse(ret, JWS_E_TOO_LARGE, "The header is longer than 4 KiB.");
        if (base64url_decode(text, bytes, &len) < 0)
                return refuse(ret, JWS_E_MALFORMED, "The header is not base64url.");
        r = json_parse_object(span_of(bytes, len), &header_limits, &header);
        if (r < 0)
                return r;
        if (r == JSON_E_DUPLICATE)
                return refuse(ret, JWS_E_MALFORMED, "The header has a member twice.");
        if (r != 0)
                return refuse(ret, JWS_E_MALFORMED, "The header is not a JSON object.");
        return read_facts(header, ret);
}

static int read_signature(Span text, Jws *ret)
{
        if (text.len == 0)
                return refuse(ret, JWS_E_MALFORMED, "The signature is empty.");
        if (BASE64URL_DECODED_MAX(text.len) > sizeof ret->signature)
                return refuse(ret, JWS_E_MALFORMED, "The signature is longer than any key's.");
        if (base64url_decode(text, ret->signature, &ret->signature_len) < 0)
                return refuse(ret, JWS_E_MALFORMED, "The signature is not base64url.");
        return 0;
}

int jws_parse(Span token, Jws *ret)
{
        Parts parts;
        int r;

        *ret = (Jws){ 0 };
        r = split(token, ret, &parts);
        if (r != 0)
                return r;
        r = read_header(parts.header, ret);
        if (r != 0)
                return r;
        if (parts.payload.len == 0)
                return refuse(ret, JWS_E_MALFORMED,
                              "The payload is empty: detached content is not taken.");
        return read_signature(parts.signature, ret);
}

int jws_decode_payload(const Jws *jws, uint8_t *buffer, Span *ret_payload)
{
        size_t len;

        if (BASE64URL_DECODED_MAX(jws->payload_text.len) > JWS_PAYLOAD_SIZE_MAX)
                return JWS_E_TOO_LARGE;
        if (base64url_decode(jws->payload_text, buffer, &len) < 0)
                return JWS_E_MALFORMED;
        *ret_payload = span_of(buffer, len);
        return 0;
}

bool jws_peek_issuer(Span payload, Span *ret_issuer, char *buffer, size_t buffer_size)
{
        return skim_string(payload, "iss", buffer, buffer_size, ret_issuer);
}

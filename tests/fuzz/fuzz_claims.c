/* fuzz_claims: any bytes as a payload; the first line, if there are two, as the header's typ.
 * Claims that were taken keep their text, answer within their bounds and agree with the issuer seen
 * before. */
#include "token/claims.h"
#include "token/jws.h"

#include <stdlib.h>

/* What the tape writes is the same value, read by jansson alone. */
static void check_text(Span payload, const Claims *claims)
{
        g_autoptr(GString) text = g_string_new(NULL);
        json_t *before = json_loadb(payload.data, payload.len, 0, NULL), *after;

        tape_write(claims_root(claims), text);
        after = json_loadb(text->str, text->len, JSON_REJECT_DUPLICATES, NULL);
        if (!before || !after || !json_equal(before, after))
                abort();
        json_decref(before);
        json_decref(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_times(const Claims *claims)
{
        const int64_t times[] = { claims_expiry(claims), claims_not_before(claims),
                                  claims_issued_at(claims) };

        for (size_t i = 0; i < G_N_ELEMENTS(times); i++)
                if (times[i] < CLAIMS_TIME_NONE || times[i] > CLAIMS_TIME_MAX)
                        abort();
}

static void check_lists(const Claims *claims)
{
        size_t n_audiences = claims_n_audiences(claims);

        if (n_audiences > CLAIMS_AUDIENCES_MAX)
                abort();
        for (size_t i = 0; i < n_audiences; i++)
                if (!claims_has_audience(claims, claims_audience(claims, i)))
                        abort();
        claims_has_scope(claims, span_from("openid"));
        claims_find(claims, "realm_access.roles");
        claims_find(claims, "a.b.c.d.e");
}

static void check_issuer(Span payload, const Claims *claims)
{
        g_autofree char *buffer = g_malloc(MAX(payload.len, 1));
        Span peeked = SPAN_EMPTY;

        if (jws_peek_issuer(payload, &peeked, buffer, payload.len) !=
            (claims_find(claims, "iss").node != NULL))
                abort();
        if (!span_equal(peeked, claims_issuer(claims)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Span payload = span_of(data, size), typ = SPAN_EMPTY;
        const char *line_end = size > 0 ? memchr(data, '\n', size) : NULL;
        g_autoptr(Claims) claims = NULL;
        const char *trouble = NULL;
        int r;

        if (line_end) {
                typ = span_of(payload.data, (size_t) (line_end - payload.data));
                payload = span_of(line_end + 1, size - typ.len - 1);
        }
        r = claims_parse(payload, typ, &claims, &trouble);
        if (r < 0 || (r == 0) != (claims != NULL) || (r == 0) != (trouble == NULL))
                abort();
        if (r != 0)
                return 0;
        check_text(payload, claims);
        check_times(claims);
        check_lists(claims);
        check_issuer(payload, claims);
        return 0;
}

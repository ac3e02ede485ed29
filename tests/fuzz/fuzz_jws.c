/* fuzz_jws: any bytes as a token. The facts stay within their bounds; and where the payload is good
 * claims, the issuer seen beforehand is the claim. */
#include "token/claims.h"
#include "token/jws.h"

#include <stdlib.h>

#define ISSUER_SIZE_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_facts(Span token, const Jws *jws)
{
        if (!jws->alg || jws->kid_len > JWS_KID_SIZE_MAX || jws->typ_len > JWS_TYP_SIZE_MAX ||
            strlen(jws->kid) != jws->kid_len || strlen(jws->typ) != jws->typ_len)
                abort();
        if (jws->signature_len == 0 || jws->signature_len > JWS_SIGNATURE_SIZE_MAX)
                abort();
        if (jws->signing_input.data != token.data || jws->signing_input.len >= token.len ||
            jws->payload_text.data + jws->payload_text.len !=
                jws->signing_input.data + jws->signing_input.len)
                abort();
}

static void check_issuer(Span payload, const Claims *claims)
{
        char buffer[ISSUER_SIZE_MAX];
        Span claim = claims_issuer(claims), peeked = SPAN_EMPTY;
        bool there = claims_find(claims, "iss").node && claim.len <= sizeof buffer;

        if (jws_peek_issuer(payload, &peeked, buffer, sizeof buffer) != there)
                abort();
        if (there && !span_equal(peeked, claim))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Span token = span_of(data, size), payload;
        g_autofree uint8_t *buffer = g_malloc(JWS_PAYLOAD_SIZE_MAX);
        g_autoptr(Claims) claims = NULL;
        Jws jws;
        int r = jws_parse(token, &jws);

        if (r < 0 || (r == 0) != (jws.trouble == NULL))
                abort();
        if (r != 0)
                return 0;
        check_facts(token, &jws);
        if (jws_decode_payload(&jws, buffer, &payload) != 0)
                return 0;
        if (claims_parse(payload, span_of(jws.typ, jws.typ_len), &claims, NULL) == 0)
                check_issuer(payload, claims);
        return 0;
}

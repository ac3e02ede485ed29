/* jws: a compact JWS, taken apart and not yet believed (RFC 7515 §3.1, §7.1).
 *
 * jws_parse splits, decodes the header and the signature and reads the header's facts. The payload
 * stays encoded text: nothing reads it before verify_jws, but for jws_peek_issuer, whose answer
 * serves to find the key and for nothing else. Members jwk, jku, x5u, x5c are ignored: no URL is
 * ever built from a token; a crit or b64 member is refused. Pure; any thread; a Jws is on one
 * stack. */
#pragma once

#include "base/span.h"
#include "token/alg.h"

#include <stdint.h>

#define JWS_SIZE_MAX           (32 * 1024) /* the whole compact token */
#define JWS_HEADER_SIZE_MAX    4096        /* the decoded header */
#define JWS_HEADER_DEPTH_MAX   4
#define JWS_KID_SIZE_MAX       256
#define JWS_TYP_SIZE_MAX       64
#define JWS_SIGNATURE_SIZE_MAX 1024        /* RSA-8192 */
#define JWS_PAYLOAD_SIZE_MAX   (24 * 1024) /* decoded */

typedef enum JwsAnswer {
        JWS_E_NOT_A_JWS = 1, /* not three dot-separated parts: maybe an opaque token */
        JWS_E_MALFORMED,     /* three parts, and one is broken */
        JWS_E_TOO_LARGE,
        JWS_E_UNSUPPORTED_ALGORITHM, /* alg absent, none, HS* or unknown */
        JWS_E_CRITICAL,              /* crit or b64: an extension that we do not know */
} JwsAnswer;

typedef struct Jws {
        Span signing_input; /* borrowed from the token: header '.' payload */
        Span payload_text;  /* borrowed: base64url, not yet decoded */
        const Alg *alg;
        size_t kid_len; /* 0: none */
        size_t typ_len;
        size_t signature_len;
        char kid[JWS_KID_SIZE_MAX + 1];
        char typ[JWS_TYP_SIZE_MAX + 1]; /* as written */
        uint8_t signature[JWS_SIGNATURE_SIZE_MAX];
        const char *trouble; /* on refusal: a static sentence of what is wrong, for detail */
} Jws;

/* jws_parse: 0, JWS_E_* (ret->trouble is set), or -ENOMEM. */
int jws_parse(Span token, Jws *ret);

/* jws_decode_payload: into buffer (JWS_PAYLOAD_SIZE_MAX bytes); 0 or JWS_E_MALFORMED,
 * JWS_E_TOO_LARGE. */
int jws_decode_payload(const Jws *jws, uint8_t *buffer, Span *ret_payload);

/* jws_peek_issuer: finds the top-level string member "iss" in an unverified payload without
 * building it. False when there is none. The claim that counts is the one of Claims, compared
 * later. */
bool jws_peek_issuer(Span payload, Span *ret_issuer, char *buffer, size_t buffer_size);

/* verdict: see verdict.h. The table below is the only place that says what a reason is called. */
#include "verdict/verdict.h"

#include <stdarg.h>
#include <stdio.h>

#define TOKEN_ERROR     "invalid_token"
#define SCOPE_ERROR     "insufficient_scope"
#define PROOF_ERROR     "invalid_dpop_proof"
#define NONCE_ERROR     "use_dpop_nonce"
#define SIGN_IN_ERROR   "insufficient_user_authentication"

#define INVALID         CLASS_INVALID, .bearer_error = TOKEN_ERROR, .status = 401
#define FORBIDDEN       CLASS_FORBIDDEN, .bearer_error = SCOPE_ERROR, .status = 403
#define REFUSED_REQUEST CLASS_FORBIDDEN
#define UNAVAILABLE     CLASS_UNAVAILABLE, .status = 503

static const ReasonWords words[_VERDICT_MAX] = {
        { VERDICT_UNAVAILABLE, UNAVAILABLE, .word = "unavailable", .log_level = LOG_LEVEL_WARNING,
          .sentence = "The token could not be judged: what it takes could not be asked." },
        { VERDICT_VALID, CLASS_VALID, .word = "valid", .status = 200, .log_level = LOG_LEVEL_DEBUG,
          .sentence = "The token is good here and now." },
        /* RFC 6750 §3.1: a request without credentials is told no error code. */
        { VERDICT_MISSING_TOKEN, CLASS_INVALID, .status = 401, .word = "missing_token",
          .log_level = LOG_LEVEL_INFO, .sentence = "No token was presented." },
        { VERDICT_MALFORMED, INVALID, .word = "malformed", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token is broken." },
        { VERDICT_UNSUPPORTED_ALGORITHM, INVALID, .word = "unsupported_algorithm",
          .log_level = LOG_LEVEL_NOTICE,
          .sentence = "The token's signature algorithm is not accepted." },
        { VERDICT_UNKNOWN_ISSUER, INVALID, .word = "unknown_issuer", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token comes from an issuer that is not trusted here." },
        { VERDICT_UNKNOWN_KEY, INVALID, .word = "unknown_key", .log_level = LOG_LEVEL_NOTICE,
          .sentence = "The issuer has no key by which the token could be verified." },
        { VERDICT_KEY_MISMATCH, INVALID, .word = "key_mismatch", .log_level = LOG_LEVEL_NOTICE,
          .sentence = "The key that the token names may not verify its algorithm." },
        { VERDICT_BAD_SIGNATURE, INVALID, .word = "bad_signature", .log_level = LOG_LEVEL_NOTICE,
          .sentence = "The signature does not hold: forged, altered or cut." },
        { VERDICT_EXPIRED, INVALID, .word = "expired", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token has expired." },
        { VERDICT_NOT_YET_VALID, INVALID, .word = "not_yet_valid", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token is not valid yet." },
        { VERDICT_TOO_OLD, INVALID, .word = "too_old", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token was issued too long ago." },
        { VERDICT_WRONG_TYPE, INVALID, .word = "wrong_type", .log_level = LOG_LEVEL_NOTICE,
          .sentence = "This kind of token is not accepted here." },
        { VERDICT_WRONG_AUDIENCE, INVALID, .word = "wrong_audience", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token is meant for somebody else." },
        { VERDICT_WRONG_PARTY, INVALID, .word = "wrong_party", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token was issued to a client that is not accepted here." },
        { VERDICT_MISSING_CLAIM, FORBIDDEN, .word = "missing_claim", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token lacks a claim." },
        { VERDICT_MISSING_SCOPE, FORBIDDEN, .word = "missing_scope", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token lacks a scope." },
        { VERDICT_MISSING_ROLE, FORBIDDEN, .word = "missing_role", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token lacks a role." },
        { VERDICT_MISSING_GROUP, FORBIDDEN, .word = "missing_group", .log_level = LOG_LEVEL_INFO,
          .sentence = "The token lacks a group." },
        /* RFC 9470 §3: the token is good, and its user must sign in anew. */
        { VERDICT_ACR_TOO_LOW, CLASS_INVALID, .bearer_error = SIGN_IN_ERROR, .status = 401,
          .word = "acr_too_low", .log_level = LOG_LEVEL_INFO,
          .sentence = "The user signed in by a weaker means than is demanded." },
        { VERDICT_AUTH_TOO_OLD, CLASS_INVALID, .bearer_error = SIGN_IN_ERROR, .status = 401,
          .word = "auth_too_old", .log_level = LOG_LEVEL_INFO,
          .sentence = "The user signed in too long ago." },
        { VERDICT_MISSING_PROOF, INVALID, .word = "missing_proof", .log_level = LOG_LEVEL_NOTICE,
          .sentence = "The token is bound to a key, and its sender proved nothing." },
        /* RFC 9449 §7.1 and §9. */
        { VERDICT_BAD_PROOF, CLASS_INVALID, .bearer_error = PROOF_ERROR, .status = 401,
          .word = "bad_proof", .log_level = LOG_LEVEL_NOTICE,
          .sentence = "The sender did not prove to hold the token's key." },
        { VERDICT_PROOF_NONCE, CLASS_INVALID, .bearer_error = NONCE_ERROR, .status = 401,
          .word = "proof_nonce", .log_level = LOG_LEVEL_INFO,
          .sentence = "The DPoP proof needs the nonce that this answer carries." },
        { VERDICT_MISSING_CERTIFICATE, INVALID, .word = "missing_certificate",
          .log_level = LOG_LEVEL_NOTICE,
          .sentence = "The token is bound to a certificate, and none was shown." },
        { VERDICT_WRONG_CERTIFICATE, INVALID, .word = "wrong_certificate",
          .log_level = LOG_LEVEL_NOTICE, .sentence = "The token is bound to another certificate." },
        { VERDICT_REVOKED, INVALID, .word = "revoked", .log_level = LOG_LEVEL_NOTICE,
          .sentence = "The token was revoked." },
        { VERDICT_DEVELOPMENT_ISSUER, INVALID, .word = "development_issuer",
          .log_level = LOG_LEVEL_WARNING,
          .sentence = "The token comes from a development provider, which is not allowed here." },
        { VERDICT_INACTIVE, INVALID, .word = "inactive", .log_level = LOG_LEVEL_INFO,
          .sentence = "The issuer says that the token is no longer active." },
        /* Of the request, and not of its token: no RFC has an error for them. */
        { VERDICT_NO_ROUTE, REFUSED_REQUEST, .status = 403, .word = "no_route",
          .log_level = LOG_LEVEL_INFO, .sentence = "No route is configured for this request." },
        { VERDICT_UNTRUSTED_PROXY, REFUSED_REQUEST, .status = 403, .word = "untrusted_proxy",
          .log_level = LOG_LEVEL_WARNING,
          .sentence = "The proxy is not one whose word on the request is believed." },
        { VERDICT_BAD_PATH, REFUSED_REQUEST, .status = 403, .word = "bad_path",
          .log_level = LOG_LEVEL_NOTICE,
          .sentence = "The request's place can be understood in more than one way." },
        { VERDICT_RATE_LIMITED, REFUSED_REQUEST, .status = 429, .word = "rate_limited",
          .log_level = LOG_LEVEL_NOTICE,
          .sentence = "Too many requests came in too short a time." },
};

static const char *const class_texts[] = {
        [CLASS_UNAVAILABLE] = "unavailable",
        [CLASS_VALID] = "valid",
        [CLASS_INVALID] = "invalid",
        [CLASS_FORBIDDEN] = "forbidden",
};

const ReasonWords *reason_words(Reason reason)
{
        g_assert((unsigned) reason < _VERDICT_MAX && words[reason].reason == reason);
        return &words[reason];
}

bool reason_from_word(const char *word, Reason *ret)
{
        for (size_t i = 0; i < _VERDICT_MAX; i++)
                if (strcmp(words[i].word, word) == 0) {
                        *ret = words[i].reason;
                        return true;
                }
        return false;
}

const char *verdict_class_text(VerdictClass verdict)
{
        g_assert((unsigned) verdict < G_N_ELEMENTS(class_texts));
        return class_texts[verdict];
}

void verdict_clear(Verdict *verdict)
{
        claims_unref(verdict->claims);
        *verdict = VERDICT_INIT;
}

static bool byte_is_plain(unsigned char byte)
{
        return byte >= 0x20 && byte <= 0x7e && byte != '\\';
}

#define ELLIPSIS "..."

const char *verdict_printable(Span text, char *buffer, size_t size)
{
        static const char digits[] = "0123456789abcdef";
        size_t used = 0, fits = 0; /* fits: the longest prefix that leaves room for the ellipsis */

        g_assert(size > strlen(ELLIPSIS));
        for (size_t i = 0; i < text.len; i++) {
                unsigned char byte = (unsigned char) text.data[i];
                size_t need = byte_is_plain(byte) ? 1 : 4;

                if (used + need >= size) {
                        memcpy(buffer + fits, ELLIPSIS, sizeof(ELLIPSIS));
                        return buffer;
                }
                if (need == 1)
                        buffer[used] = (char) byte;
                else
                        memcpy(buffer + used,
                               (char[]){ '\\', 'x', digits[byte >> 4], digits[byte & 15] }, 4);
                used += need;
                if (used + strlen(ELLIPSIS) < size)
                        fits = used;
        }
        buffer[used] = '\0';
        return buffer;
}

/* Callers make hostile text printable; whatever slipped through does not reach a terminal or a
 * header. */
static void detail_finish(char *detail, size_t wanted_len)
{
        if (wanted_len >= VERDICT_DETAIL_MAX)
                memcpy(detail + VERDICT_DETAIL_MAX - sizeof(ELLIPSIS), ELLIPSIS, sizeof(ELLIPSIS));
        for (char *c = detail; *c != '\0'; c++)
                if (*c < 0x20 || *c > 0x7e)
                        *c = '?';
}

Reason verdict_refuse(Verdict *verdict, Reason reason, const char *format, ...)
{
        va_list arguments;
        int len;

        g_assert(reason != VERDICT_VALID);
        verdict->reason = reason;
        verdict->until_sec = 0;
        verdict->stale = false;
        if (!format) {
                g_strlcpy(verdict->detail, reason_words(reason)->sentence, VERDICT_DETAIL_MAX);
                return reason;
        }
        va_start(arguments, format);
        len = vsnprintf(verdict->detail, VERDICT_DETAIL_MAX, format, arguments);
        va_end(arguments);
        if (len < 0)
                verdict->detail[0] = '\0';
        detail_finish(verdict->detail, len < 0 ? 0 : (size_t) len);
        return reason;
}

void steps_add(Steps *steps, const char *name, StepResult result, Reason reason, Span found,
               Span wanted)
{
        Step *step;

        if (!steps || steps->n_steps == STEPS_MAX)
                return;
        step = &steps->steps[steps->n_steps++];
        step->name = name;
        step->result = result;
        step->reason = reason;
        verdict_printable(found, step->found, sizeof(step->found));
        verdict_printable(wanted, step->wanted, sizeof(step->wanted));
}

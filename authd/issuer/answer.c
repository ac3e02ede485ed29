/* answer: see answer.h. */
#include "issuer/answer.h"

#define MEDIA_TREE "application/" /* RFC 7515 §4.1.9: typ may leave it out */

char *answer_printable(Span text)
{
        size_t len = MIN(text.len, ANSWER_PRINTED_MAX);
        char *printable = g_strndup(text.data, len);

        for (size_t i = 0; i < len; i++)
                if (!g_ascii_isprint(text.data[i]) || strchr("\"'\\", text.data[i]))
                        printable[i] = '?';
        return printable;
}

/* Without parameters, and without regard to case (RFC 9110 §8.3.1). */
static bool media_type_is(const char *media_type, const char *wanted)
{
        size_t len = strcspn(media_type, "; \t");

        return len == strlen(wanted) && g_ascii_strncasecmp(media_type, wanted, len) == 0;
}

static bool typ_is_signed_answer(const Jws *jws)
{
        return g_ascii_strcasecmp(jws->typ, ANSWER_SIGNED_TYPE) == 0 ||
               g_ascii_strcasecmp(jws->typ, &ANSWER_SIGNED_TYPE[strlen(MEDIA_TREE)]) == 0;
}

/* NULL: it is signed by the issuer; else why not. */
static const char *check_signature(const AnswerAsked *asked, const Jws *jws)
{
        const Key *key;

        if (!typ_is_signed_answer(jws))
                return "its typ is not token-introspection+jwt";
        if (!alg_set_has(asked->algorithms, jws->alg->id))
                return "its algorithm is not one of the issuer's algorithms";
        if (!asked->keys)
                return "the issuer's keys are not known yet";
        key = keyset_find(asked->keys, span_of(jws->kid, jws->kid_len), jws->alg);
        if (!key)
                return "its key is none of the issuer's";
        if (verify_jws(asked->verifier, key, jws) != 0)
                return "its signature does not hold";
        return NULL;
}

static const char *check_envelope(const AnswerAsked *asked, const Claims *envelope)
{
        int64_t iat_sec = claims_issued_at(envelope);

        if (!span_equal_string(claims_issuer(envelope), asked->issuer_url))
                return "its iss is not the issuer";
        if (!claims_has_audience(envelope, span_from(asked->client_id)))
                return "its aud is not our client_id";
        if (iat_sec == CLAIMS_TIME_NONE)
                return "it has no iat";
        if (iat_sec > asked->now_sec + ANSWER_SKEW_SEC)
                return "its iat is in the future";
        if (iat_sec < asked->now_sec - ANSWER_SKEW_SEC)
                return "its iat is long ago: it is no answer to this question";
        return NULL;
}

static const char *open_envelope(const AnswerAsked *asked, const Jws *jws, GString *ret_json)
{
        uint8_t buffer[JWS_PAYLOAD_SIZE_MAX];
        Span payload;
        g_autoptr(Claims) envelope = NULL;
        TapeValue inner;
        const char *trouble = "its payload is not one valid JSON object";

        if (jws_decode_payload(jws, buffer, &payload) != 0 ||
            claims_parse(payload, span_of(jws->typ, jws->typ_len), &envelope, NULL) != 0)
                return trouble;
        trouble = check_envelope(asked, envelope);
        if (trouble)
                return trouble;
        inner = tape_member(claims_root(envelope), span_from(ANSWER_CLAIM));
        if (tape_type(inner) != TAPE_OBJECT)
                return "its claim token_introspection is no object";
        tape_write(inner, ret_json);
        return NULL;
}

static const char *read_signed(const AnswerAsked *asked, Span body, GString *ret_json)
{
        Jws jws;
        const char *trouble;

        if (jws_parse(body, &jws) != 0)
                return jws.trouble ? jws.trouble : "it is no signed text";
        trouble = check_signature(asked, &jws);
        return trouble ? trouble : open_envelope(asked, &jws, ret_json);
}

/* An iss that stands there must be the issuer's, an empty one too. */
static bool is_of_issuer(const AnswerAsked *asked, const Claims *claims)
{
        return !tape_member(claims_root(claims), span_from("iss")).node ||
               span_equal_string(claims_issuer(claims), asked->issuer_url);
}

static char *read_plain(const AnswerAsked *asked, Span json, const Claims *own, Claims **ret_claims)
{
        g_autoptr(Claims) claims = NULL;
        const char *trouble = "out of memory";
        bool active = false;
        int64_t expiry_sec;

        if (claims_merge(own, json, span_from(asked->issuer_url), &active, &claims, &trouble) != 0)
                return g_strdup_printf("the introspection answer is of no use: %s", trouble);
        if (active && !is_of_issuer(asked, claims))
                return g_strdup("the introspection answer is about a token of another issuer "
                                "(iss)");
        expiry_sec = active ? claims_expiry(claims) : CLAIMS_TIME_NONE;
        if (expiry_sec != CLAIMS_TIME_NONE && expiry_sec + ANSWER_SKEW_SEC < asked->now_sec)
                g_clear_pointer(&claims, claims_unref);
        *ret_claims = g_steal_pointer(&claims);
        return NULL;
}

char *answer_read(const AnswerAsked *asked, const char *media_type, Span body, const Claims *own,
                  Claims **ret_claims)
{
        g_autoptr(GString) json = NULL;
        g_autofree char *type = NULL;
        const char *trouble;

        if (media_type_is(media_type, ANSWER_SIGNED_TYPE)) {
                json = g_string_new(NULL);
                trouble = read_signed(asked, body, json);
                if (trouble)
                        return g_strdup_printf("the signed introspection answer is refused: %s",
                                               trouble);
                return read_plain(asked, span_of(json->str, json->len), own, ret_claims);
        }
        type = answer_printable(span_from(media_type));
        if (!media_type_is(media_type, ANSWER_PLAIN_TYPE))
                return g_strdup_printf("the introspection answer is no JSON but of type \"%s\"",
                                       type);
        if (asked->demand_signed)
                return g_strdup("the introspection answer is not signed, and "
                                "introspection_signed = true demands it");
        return read_plain(asked, body, own, ret_claims);
}

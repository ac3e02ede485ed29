/* fuzz_answer: any bytes as an introspection answer. The first line is its media type, the second
 * the token's own claims (none: it is opaque), the rest the body; under the media type "sign" the
 * rest is the payload that the issuer signed. What was taken is of the issuer, and says of the
 * token itself nothing but what the token says. */
#include "issuer/answer.h"

#include "../unit/issuer/signed_answer.h"

#include <stdlib.h>

#define ISSUER "https://sso.example.com"
#define HEADER "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"token-introspection+jwt\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *cut_line(Span *rest)
{
        const char *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
        size_t len = end ? (size_t) (end - rest->data) : 0;
        char *line = g_strndup(rest->data, len);

        if (end)
                *rest = span_of(end + 1, rest->len - len - 1);
        return line;
}

static void check_own(const Claims *own, const Claims *claims)
{
        TapeValue root = claims_root(own);

        for (TapeValue member = tape_first(root); member.node; member = tape_next(root, member)) {
                g_autoptr(GString) ours = g_string_new(NULL), theirs = g_string_new(NULL);
                TapeValue found = tape_member(claims_root(claims), tape_name(member));

                if (!found.node)
                        abort();
                tape_write(member, ours);
                tape_write(found, theirs);
                if (!g_string_equal(ours, theirs))
                        abort();
        }
        if (claims_party(own).len > 0 && !span_equal(claims_party(own), claims_party(claims)))
                abort();
}

static void check_claims(const Claims *own, const Claims *claims)
{
        TapeValue iss = tape_member(claims_root(claims), span_from("iss"));

        if (iss.node && !span_equal_string(claims_issuer(claims), ISSUER))
                abort();
        if (!own && !iss.node)
                abort();
        if (own)
                check_own(own, claims);
}

static void read_once(const AnswerAsked *asked, const char *media_type, Span body,
                      const Claims *own)
{
        g_autoptr(Claims) claims = NULL;
        g_autofree char *trouble = answer_read(asked, media_type, body, own, &claims);

        if (trouble && (claims || trouble[0] == '\0'))
                abort();
        if (!trouble && asked->demand_signed && strcmp(media_type, ANSWER_SIGNED_TYPE) != 0 &&
            g_ascii_strncasecmp(media_type, ANSWER_SIGNED_TYPE, strlen(ANSWER_SIGNED_TYPE)) != 0)
                abort();
        if (claims)
                check_claims(own, claims);
}

static void read_both(AnswerAsked *asked, const char *media_type, Span body, const Claims *own)
{
        for (int demand_signed = 0; demand_signed < 2; demand_signed++) {
                asked->demand_signed = demand_signed;
                read_once(asked, media_type, body, own);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static Signer signer;
        static AnswerAsked asked; /* both live as long as the process */
        Span rest = span_of(data, size);
        g_autofree char *media_type = cut_line(&rest), *own_json = cut_line(&rest);
        g_autofree char *payload = NULL, *token = NULL;
        g_autoptr(Claims) own = NULL;

        if (!asked.verifier) {
                signer = signer_new();
                asked = (AnswerAsked){ .issuer_url = ISSUER,
                                       .client_id = "authd",
                                       .keys = signer.keys,
                                       .algorithms = ALG_SET_ALL,
                                       .verifier = verifier_new(),
                                       .now_sec = 1800000000 };
        }
        if (own_json[0] && claims_parse(span_from(own_json), SPAN_EMPTY, &own, NULL) != 0)
                return 0;
        if (strcmp(media_type, "sign") != 0) {
                read_both(&asked, media_type, rest, own);
                return 0;
        }
        payload = g_strndup(rest.data, rest.len);
        token = signer_sign(&signer, HEADER, payload);
        read_both(&asked, ANSWER_SIGNED_TYPE, span_from(token), own);
        return 0;
}

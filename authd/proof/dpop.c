/* dpop: see dpop.h. The checks stand in one table, in the order of RFC 9449 §4.3, but for the
 * replay memory, which only good proofs may fill. */
#include "proof/dpop.h"

#include "base/secret.h"
#include "token/base64url.h"
#include "token/json.h"

#include <errno.h>

#define TYPE            "dpop+jwt"
#define CLAIMS_SIZE_MAX 2048
#define CLAIMS_DEPTH    2
#define DIGEST_TEXT_MAX BASE64URL_ENCODED_MAX(FINGERPRINT_SIZE)

struct DpopJudge {
        Replay *replay;
        const Nonces *nonces;
        Verifier *verifier;
        Jws jws;
        uint8_t header[JWS_HEADER_SIZE_MAX];
        uint8_t payload[JWS_PAYLOAD_SIZE_MAX];
};

/* Walk: one proof on its way. */
typedef struct Walk {
        DpopJudge *judge;
        const DpopQuestion *question;
        KeySet *keys; /* the proof's own, one */
        const Key *key;
        json_t *claims;
        const char *why;
} Walk;

static int refuse(Walk *walk, const char *why)
{
        walk->why = why;
        return DPOP_E_REFUSED;
}

DpopJudge *dpop_judge_new(Replay *replay, const Nonces *nonces)
{
        g_autoptr(DpopJudge) judge = g_new0(DpopJudge, 1);

        judge->replay = replay;
        judge->nonces = nonces;
        judge->verifier = verifier_new();
        return judge->verifier ? g_steal_pointer(&judge) : NULL;
}

void dpop_judge_free(DpopJudge *judge)
{
        if (!judge)
                return;
        verifier_free(judge->verifier);
        g_free(judge);
}

/* ---- what it is ---- */

static int check_presence(Walk *walk)
{
        const DpopQuestion *question = walk->question;

        if (question->n_proofs == 0 || question->proof.len == 0)
                return refuse(walk, "The token is bound to a key, and no DPoP proof came with it.");
        if (question->n_proofs > 1)
                return refuse(walk, "More than one DPoP proof came.");
        if (question->proof.len > DPOP_SIZE_MAX)
                return refuse(walk, "The DPoP proof is too long.");
        return 0;
}

static int check_form(Walk *walk)
{
        Jws *jws = &walk->judge->jws;

        if (jws_parse(walk->question->proof, jws) != 0)
                return refuse(walk, "The DPoP proof is no JWS that we understand.");
        if (g_ascii_strcasecmp(jws->typ, TYPE) != 0)
                return refuse(walk, "The DPoP proof's typ is not dpop+jwt.");
        if (!alg_set_has(walk->question->algorithms, jws->alg->id))
                return refuse(walk,
                              "The DPoP proof is signed by an algorithm that is not allowed.");
        return 0;
}

/* ---- its key ---- */

static json_t *header_parse(DpopJudge *judge)
{
        static const JsonLimits limits = { JWS_HEADER_SIZE_MAX, JWS_HEADER_DEPTH_MAX };
        Span text = judge->jws.signing_input;
        const char *dot = memchr(text.data, '.', text.len);
        json_t *header = NULL;
        size_t len;

        text.len = (size_t) (dot - text.data);
        if (BASE64URL_DECODED_MAX(text.len) > JWS_HEADER_SIZE_MAX ||
            base64url_decode(text, judge->header, &len) != 0 ||
            json_parse_object(span_of(judge->header, len), &limits, &header) != 0)
                return NULL;
        return header;
}

/* One public key (a private part is refused by jwk), whatever kid it claims. */
static int check_key(Walk *walk)
{
        json_auto *header = header_parse(walk->judge);
        json_t *jwk = json_object_get(header, "jwk");
        char *text = json_is_object(jwk) && !json_object_get(jwk, "keys")
                         ? json_dumps(jwk, JSON_COMPACT)
                         : NULL;
        int r = text ? keyset_parse(span_from(text), NULL, NULL, &walk->keys) : -EINVAL;

        free(text);
        if (r != 0)
                return refuse(walk, "The DPoP proof carries no public key (jwk) that is usable.");
        walk->key = keyset_get(walk->keys, 0);
        return 0;
}

static int check_signature(Walk *walk)
{
        if (verify_jws(walk->judge->verifier, walk->key, &walk->judge->jws) != 0)
                return refuse(walk, "The DPoP proof's signature does not hold by its own key.");
        return 0;
}

/* ---- what it says ---- */

static int check_claims(Walk *walk)
{
        static const JsonLimits limits = { CLAIMS_SIZE_MAX, CLAIMS_DEPTH };
        Span payload;

        if (jws_decode_payload(&walk->judge->jws, walk->judge->payload, &payload) != 0 ||
            json_parse_object(payload, &limits, &walk->claims) != 0)
                return refuse(walk, "The DPoP proof's claims are no JSON object that we take.");
        return 0;
}

static bool claim_is(const Walk *walk, const char *name, Span wanted)
{
        Span found;

        return json_member_string(walk->claims, name, &found) == 0 && span_equal(found, wanted);
}

static int check_method(Walk *walk)
{
        if (!claim_is(walk, "htm", walk->question->place->method))
                return refuse(walk, "The DPoP proof was made for another method (htm).");
        return 0;
}

static unsigned port_of(const Place *place, const char *scheme)
{
        return place->port ? place->port : strcmp(scheme, "https") == 0 ? 443 : 80;
}

/* htu is compared after the same normalisation as the request (RFC 9449 §4.3: "syntax-based" and
 * "scheme-based" of RFC 3986 §6.2); query and fragment do not count. */
static bool url_is_place(Span htu, const char *scheme, const Place *place)
{
        const char *mark = memchr(htu.data, '#', htu.len);
        size_t len = strlen(scheme);
        g_auto(Place) claimed = { 0 };
        const char *why;

        if (mark)
                htu.len = (size_t) (mark - htu.data);
        return htu.len > len + 3 && g_ascii_strncasecmp(htu.data, scheme, len) == 0 &&
               memcmp(htu.data + len, "://", 3) == 0 &&
               place_init(&claimed, place->method, SPAN_EMPTY, htu, true, &why) == 0 &&
               strcmp(claimed.host, place->host) == 0 && strcmp(claimed.path, place->path) == 0 &&
               port_of(&claimed, scheme) == port_of(place, scheme);
}

static int check_url(Walk *walk)
{
        const DpopQuestion *question = walk->question;
        Span htu;

        if (json_member_string(walk->claims, "htu", &htu) != 0 ||
            !url_is_place(htu, question->scheme, question->place))
                return refuse(walk, "The DPoP proof was made for another URL (htu).");
        return 0;
}

static int check_time(Walk *walk)
{
        const json_t *iat = json_object_get(walk->claims, "iat");
        int64_t iat_sec = json_integer_value(iat), now_sec = walk->question->now_sec;

        if (!json_is_integer(iat))
                return refuse(walk, "The DPoP proof does not say when it was made (iat).");
        if (iat_sec < now_sec - DPOP_WINDOW_SEC)
                return refuse(walk, "The DPoP proof is too old (iat).");
        if (iat_sec > now_sec + DPOP_AHEAD_SEC)
                return refuse(walk, "The DPoP proof was made in the future (iat); do the clocks "
                                    "agree?");
        return 0;
}

static int check_nonce(Walk *walk)
{
        Span nonce;

        if (!walk->question->demand_nonce)
                return 0;
        if (json_member_string(walk->claims, "nonce", &nonce) == 0 &&
            nonces_good(walk->judge->nonces, nonce, walk->question->now_sec))
                return 0;
        walk->why = "The DPoP proof needs the nonce that this answer carries.";
        return DPOP_E_NEEDS_NONCE;
}

static int check_token(Walk *walk)
{
        char text[DIGEST_TEXT_MAX];
        Fingerprint digest;

        fingerprint_of(walk->question->token, &digest);
        base64url_encode(span_of(digest.bytes, sizeof(digest.bytes)), text);
        if (!claim_is(walk, "ath", span_from(text)))
                return refuse(walk, "The DPoP proof was made for another token (ath).");
        return 0;
}

static int check_binding(Walk *walk)
{
        char text[BASE64URL_ENCODED_MAX(JWK_THUMBPRINT_SIZE)];

        base64url_encode(span_of(walk->key->thumbprint, JWK_THUMBPRINT_SIZE), text);
        if (!secret_equal(walk->question->jkt, span_from(text)))
                return refuse(walk, "The DPoP proof was made with another key than the token's "
                                    "(cnf.jkt).");
        return 0;
}

static int check_replay(Walk *walk)
{
        int64_t now_sec = walk->question->now_sec;
        Span jti;
        int r;

        if (json_member_string(walk->claims, "jti", &jti) != 0 || jti.len == 0 ||
            jti.len > DPOP_JTI_SIZE_MAX)
                return refuse(walk, "The DPoP proof has no jti, or one that is too long.");
        r = replay_note(walk->judge->replay, walk->question->jkt, jti, now_sec,
                        now_sec + DPOP_WINDOW_SEC + DPOP_AHEAD_SEC + 1);
        if (r == REPLAY_E_SEEN)
                return refuse(walk, "The DPoP proof was used before (jti).");
        if (r != 0)
                return refuse(walk,
                              "Too many DPoP proofs come at once to tell new from used ones.");
        return 0;
}

static int (*const checks[])(Walk *walk) = {
        check_presence, check_form, check_key,   check_signature, check_claims,  check_method,
        check_url,      check_time, check_nonce, check_token,     check_binding, check_replay,
};

int dpop_check(DpopJudge *judge, const DpopQuestion *question, const char **ret_why)
{
        Walk walk = { .judge = judge, .question = question };
        int r = DPOP_E_REFUSED;

        for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
                r = checks[i](&walk);
                if (r != 0)
                        break;
        }
        *ret_why = walk.why;
        json_decref(walk.claims);
        keyset_unref(walk.keys);
        return r;
}

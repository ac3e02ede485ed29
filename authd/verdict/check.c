/* check: see check.h. The stages of a token stand in one table, in the order of the security
 * argument; each refuses, asks, or lets the next one look. */
#include "verdict/check.h"

#include "token/json.h"
#include "verdict/stage.h"

#define ISSUER_SIZE_MAX 1024 /* bytes of an iss; a longer one is nobody's */
#define SHOWN_MAX       96   /* bytes of a token's own words in a sentence */

struct Checker {
        ClaimsCache *cache;
        ClaimsCache *answers;
        Verifier *verifier;
        Jws jws;
        char issuer[ISSUER_SIZE_MAX];
        uint8_t payload[JWS_PAYLOAD_SIZE_MAX];
};

Checker *checker_new(ClaimsCache *cache, ClaimsCache *answers)
{
        g_autoptr(Checker) checker = g_new0(Checker, 1);

        checker->cache = cache;
        checker->answers = answers;
        checker->verifier = verifier_new();
        return checker->verifier ? g_steal_pointer(&checker) : NULL;
}

void checker_free(Checker *checker)
{
        if (!checker)
                return;
        verifier_free(checker->verifier);
        secret_erase(checker->payload, sizeof(checker->payload));
        g_free(checker);
}

/* ---- structure: three parts, a header that we understand ---- */

typedef struct JwsReason {
        JwsAnswer answer;
        Reason reason;
        const char *more; /* what the token's own trouble does not say */
} JwsReason;

static const JwsReason jws_reasons[] = {
        { JWS_E_NOT_A_JWS, VERDICT_MALFORMED, " It is no JWT; opaque tokens are not accepted." },
        { JWS_E_MALFORMED, VERDICT_MALFORMED, "" },
        { JWS_E_TOO_LARGE, VERDICT_MALFORMED, "" },
        { JWS_E_CRITICAL, VERDICT_MALFORMED, "" },
        { JWS_E_UNSUPPORTED_ALGORITHM, VERDICT_UNSUPPORTED_ALGORITHM, "" },
};

static void refuse_jws(Verdict *verdict, int answer, const char *trouble)
{
        for (size_t i = 0; i < G_N_ELEMENTS(jws_reasons); i++)
                if ((int) jws_reasons[i].answer == answer) {
                        verdict_refuse(verdict, jws_reasons[i].reason, "%s%s",
                                       trouble ? trouble : "The token is broken.",
                                       jws_reasons[i].more);
                        return;
                }
        verdict_refuse(verdict, VERDICT_UNAVAILABLE,
                       "The token could not be taken apart: out of memory.");
}

/* ---- opaque: no JWT, so all that is known of it is what its one issuer says ---- */

static bool has_issuer_to_ask(const Check *check)
{
        return check->answers && check->question->policy &&
               policy_introspection_issuer(check->question->policy);
}

/* token_is_askable: visible ASCII, as is whatever fits behind "Bearer" (RFC 6750 §2.1). */
static bool token_is_askable(Span token)
{
        if (token.len > CHECK_OPAQUE_SIZE_MAX)
                return false;
        for (size_t i = 0; i < token.len; i++)
                if (token.data[i] <= 0x20 || token.data[i] >= 0x7f)
                        return false;
        return true;
}

static Stage take_opaque(Check *check)
{
        static const char wanted[] = "a compact JWS, or a token that the issuer can be asked about";
        const char *issuer = policy_introspection_issuer(check->question->policy);

        if (!token_is_askable(check->question->token)) {
                verdict_refuse(check->verdict, VERDICT_MALFORMED,
                               "The token is no JWT, and too long for an opaque one or not of "
                               "visible ASCII characters alone.");
                return stage_refused(check, "structure", wanted);
        }
        check->facts = issuer_view_find_name(check->view, issuer);
        if (!check->facts) {
                verdict_refuse(check->verdict, VERDICT_UNAVAILABLE,
                               "Issuer %s, which would be asked about the token, is not known yet.",
                               issuer);
                return stage_refused(check, "structure", wanted);
        }
        check->verdict->issuer = check->facts->name;
        stage_pass(check, "structure", span_from("no JWT: an opaque token"), span_from(wanted));
        return STAGE_OPAQUE;
}

static Stage stage_structure(Check *check)
{
        Jws *jws = &check->checker->jws;
        int r;

        if (check->question->token.len == 0) {
                verdict_refuse(check->verdict, VERDICT_MISSING_TOKEN, NULL);
                return stage_refused(check, "structure", "a token");
        }
        r = jws_parse(check->question->token, jws);
        if (r == JWS_E_NOT_A_JWS && has_issuer_to_ask(check))
                return take_opaque(check);
        if (r != 0) {
                refuse_jws(check->verdict, r, jws->trouble);
                return stage_refused(check, "structure", "a compact JWS");
        }
        return stage_pass(check, "structure", span_from("header.payload.signature"),
                          span_from("a compact JWS"));
}

/* ---- issuer: the only thing that is read of a payload before its signature holds ---- */

/* The refusal is certain and this only finds its word: nothing more comes of such a payload. */
static bool payload_lacks_issuer(Span payload)
{
        static const JsonLimits limits = { JWS_PAYLOAD_SIZE_MAX, CLAIMS_DEPTH_MAX };
        json_auto *json = NULL;

        return json_parse_object(payload, &limits, &json) == 0 && !json_object_get(json, "iss");
}

static Stage refuse_issuer(Check *check, bool peeked, Span issuer)
{
        char shown[SHOWN_MAX];

        if (peeked)
                verdict_refuse(check->verdict, VERDICT_UNKNOWN_ISSUER,
                               "No issuer of that name is configured: \"%s\"",
                               verdict_printable(issuer, shown, sizeof(shown)));
        else if (payload_lacks_issuer(check->payload))
                verdict_refuse(check->verdict, VERDICT_UNKNOWN_ISSUER,
                               "The token names no issuer (iss).");
        else
                verdict_refuse(check->verdict, VERDICT_MALFORMED,
                               "The payload is no JSON object that names its issuer (iss) once.");
        return stage_refused(check, "issuer", "the exact url of an [issuer]");
}

static Stage stage_issuer(Check *check)
{
        Checker *checker = check->checker;
        Span issuer = SPAN_EMPTY;
        bool peeked;

        if (jws_decode_payload(&checker->jws, checker->payload, &check->payload) != 0) {
                verdict_refuse(check->verdict, VERDICT_MALFORMED,
                               "The payload is not base64url, or too long.");
                return stage_refused(check, "issuer", "a payload");
        }
        peeked = jws_peek_issuer(check->payload, &issuer, checker->issuer, sizeof(checker->issuer));
        /* Keys that stand for any issuer (offline) take a token without one, too. */
        check->facts = issuer_view_find(check->view, peeked ? issuer : SPAN_EMPTY);
        if (!check->facts)
                return refuse_issuer(check, peeked, issuer);
        check->verdict->issuer = check->facts->name;
        /* Said again of the verified claims by the policy; here it spares asking for keys in vain.
         */
        if (check->question->policy &&
            !policy_allows_issuer(check->question->policy, check->facts->name)) {
                verdict_refuse(check->verdict, VERDICT_UNKNOWN_ISSUER,
                               "Issuer %s is not among those of policy %s.", check->facts->name,
                               policy_name(check->question->policy));
                return stage_refused(check, "issuer", "an issuer of the policy");
        }
        return stage_pass(check, "issuer", peeked ? issuer : SPAN_EMPTY,
                          span_from(check->facts->url ? check->facts->url : "any issuer"));
}

/* ---- algorithm, key, signature ---- */

static Stage stage_algorithm(Check *check)
{
        const Alg *alg = check->checker->jws.alg;

        if (alg_set_has(check->facts->algorithms, alg->id))
                return stage_pass(check, "algorithm", span_from(alg->name),
                                  span_from("one that the issuer may use"));
        verdict_refuse(check->verdict, VERDICT_UNSUPPORTED_ALGORITHM,
                       "The token is signed by %s, which is not among the algorithms of issuer %s.",
                       alg->name, check->facts->name);
        return stage_refused(check, "algorithm", "one that the issuer may use");
}

static Reason refuse_key(Check *check)
{
        const Jws *jws = &check->checker->jws;
        char shown[SHOWN_MAX];
        const char *kid = verdict_printable(span_of(jws->kid, jws->kid_len), shown, sizeof(shown));

        if (check->question->asked == ASKED_IN_VAIN)
                return verdict_refuse(check->verdict, VERDICT_UNAVAILABLE,
                                      "Issuer %s could not be asked for its keys.",
                                      check->facts->name);
        if (!check->facts->keys)
                return verdict_refuse(check->verdict, VERDICT_UNAVAILABLE,
                                      "No keys of issuer %s are known yet.", check->facts->name);
        if (stage_keys_are_spent(check))
                return verdict_refuse(check->verdict, VERDICT_UNAVAILABLE,
                                      "The keys of issuer %s are too old to say that this one is "
                                      "none of them.",
                                      check->facts->name);
        if (jws->kid_len == 0)
                return verdict_refuse(check->verdict, VERDICT_UNKNOWN_KEY,
                                      "The token names no key (kid), and issuer %s does not have "
                                      "just one for %s.",
                                      check->facts->name, jws->alg->name);
        return verdict_refuse(check->verdict, VERDICT_UNKNOWN_KEY,
                              "Issuer %s has no key with kid %s.", check->facts->name, kid);
}

static Stage ask_for_key(Check *check)
{
        const Jws *jws = &check->checker->jws;

        *check->needs = (CheckNeeds){ .kind = NEEDS_KEYS, .issuer = check->facts->name };
        g_strlcpy(check->needs->kid, jws->kid, sizeof(check->needs->kid));
        steps_add(check->question->steps, "key", STEP_SKIPPED, VERDICT_UNAVAILABLE,
                  span_of(jws->kid, jws->kid_len), span_from("not known yet: the issuer is asked"));
        return STAGE_NEEDS_KEYS;
}

/* The key says the algorithm, never the token (RFC 8725 §3.1). */
static Stage refuse_key_algorithm(Check *check)
{
        const Jws *jws = &check->checker->jws;
        char shown[SHOWN_MAX];

        verdict_refuse(check->verdict, VERDICT_KEY_MISMATCH,
                       "Key %s of issuer %s may not verify %s, which the token's header names.",
                       verdict_printable(span_of(jws->kid, jws->kid_len), shown, sizeof(shown)),
                       check->facts->name, jws->alg->name);
        return stage_refused(check, "key", "a key for that algorithm");
}

static Stage stage_key(Check *check)
{
        const IssuerFacts *facts = check->facts;
        const Jws *jws = &check->checker->jws;
        Span kid = span_of(jws->kid, jws->kid_len);

        check->key = facts->keys ? keyset_find(facts->keys, kid, jws->alg) : NULL;
        if (!check->key) {
                if (check->question->asked == ASKED_NOTHING && check->needs)
                        return ask_for_key(check);
                refuse_key(check);
                return stage_refused(check, "key", "a key of the issuer");
        }
        if (!alg_set_has(check->key->algs, jws->alg->id))
                return refuse_key_algorithm(check);
        return stage_pass(check, "key",
                          kid.len > 0 ? kid : span_from("the only one for the algorithm"),
                          span_from("a key of the issuer for that algorithm"));
}

static Stage stage_signature(Check *check)
{
        int r = verify_jws(check->checker->verifier, check->key, &check->checker->jws);

        if (r == 0)
                return stage_pass(check, "signature", span_from("holds"), span_from("holds"));
        if (r == VERIFY_E_KEY_MISMATCH)
                return refuse_key_algorithm(check);
        if (r == VERIFY_E_BAD_SIGNATURE)
                verdict_refuse(check->verdict, VERDICT_BAD_SIGNATURE, NULL);
        else
                verdict_refuse(check->verdict, VERDICT_UNAVAILABLE,
                               "The signature could not be computed: trouble in OpenSSL.");
        return stage_refused(check, "signature", "holds");
}

/* ---- claims: read only now ---- */

static Stage stage_claims(Check *check)
{
        const Jws *jws = &check->checker->jws;
        g_autoptr(Claims) claims = NULL;
        const char *trouble = NULL;
        int r = claims_parse(check->payload, span_of(jws->typ, jws->typ_len), &claims, &trouble);

        if (r == CLAIMS_E_MALFORMED)
                verdict_refuse(check->verdict, VERDICT_MALFORMED, "%s",
                               trouble ? trouble : "The claims are broken.");
        else if (r != 0)
                verdict_refuse(check->verdict, VERDICT_UNAVAILABLE,
                               "The claims could not be read: out of memory.");
        if (r != 0)
                return stage_refused(check, "claims", "well-formed claims");
        if (!stage_issuer_is(check->facts, claims)) {
                verdict_refuse(check->verdict, VERDICT_UNKNOWN_ISSUER,
                               "The token's iss is not the issuer whose key it was verified by.");
                return stage_refused(check, "claims", check->facts->url);
        }
        check->verdict->claims = g_steal_pointer(&claims);
        return stage_pass(check, "claims", span_from("well-formed, iss is the key's issuer"),
                          span_from("well-formed claims"));
}

/* ---- the stages in order ---- */

typedef Stage (*StageFunc)(Check *check);

static const StageFunc token_stages[] = {
        stage_structure, stage_issuer,    stage_algorithm, stage_key,
        stage_keys,      stage_signature, stage_claims,
};

static const StageFunc signature_stages[] = {
        stage_structure,
        stage_algorithm,
        stage_key,
        stage_signature,
};

static Stage run_stages(Check *check, const StageFunc *stages, size_t n_stages)
{
        Stage stage = STAGE_REFUSED;

        for (size_t i = 0; i < n_stages; i++) {
                stage = stages[i](check);
                if (stage != STAGE_PASSED)
                        break;
        }
        return stage;
}

/* ---- the cache: claims whose key the view still has ---- */

/* A key may be gone, or its alg narrowed, since the claims were cached: then they are verified
 * anew. */
static bool key_still_verifies(const IssuerFacts *facts, const CacheFacts *cached)
{
        if (!facts->keys || !alg_set_has(facts->algorithms, cached->alg))
                return false;
        for (size_t i = 0; i < keyset_size(facts->keys); i++) {
                const Key *key = keyset_get(facts->keys, i);

                if (alg_set_has(key->algs, cached->alg) &&
                    memcmp(key->thumbprint, cached->thumbprint, JWK_THUMBPRINT_SIZE) == 0)
                        return true;
        }
        return false;
}

static bool take_cached(Check *check)
{
        ClaimsCache *cache = check->checker->cache;
        CacheFacts cached;
        g_autoptr(Claims) claims = NULL;
        const IssuerFacts *facts;

        if (!claims_cache_get(cache, &check->fingerprint, check->question->now_sec, &claims,
                              &cached))
                return false;
        facts = issuer_view_find_name(check->view, cached.issuer);
        if (!facts || !stage_issuer_is(facts, claims) || !key_still_verifies(facts, &cached)) {
                claims_cache_drop(cache, &check->fingerprint);
                return false;
        }
        check->facts = facts;
        check->verdict->issuer = facts->name;
        check->verdict->claims = g_steal_pointer(&claims);
        check->verdict->from_cache = true;
        return true;
}

/* keep: past exp and the largest leeway the claims are good for nobody; without exp nothing would
 * ever end them. */
static void keep(const Check *check)
{
        Claims *claims = check->verdict->claims;
        CacheFacts facts = { .issuer = check->facts->name, .alg = check->checker->jws.alg->id };

        if (claims_expiry(claims) == CLAIMS_TIME_NONE)
                return;
        memcpy(facts.thumbprint, check->key->thumbprint, JWK_THUMBPRINT_SIZE);
        claims_cache_put(check->checker->cache, &check->fingerprint, claims, &facts,
                         claims_expiry(claims) + POLICY_LEEWAY_SEC_MAX);
}

/* take_fingerprint: false: no cache knows such a token. */
static bool take_fingerprint(Check *check)
{
        Span token = check->question->token;

        if ((!check->checker->cache && !check->answers) || token.len == 0 ||
            token.len > JWS_SIZE_MAX)
                return false;
        fingerprint_of(token, &check->fingerprint);
        return true;
}

/* obtain_claims: from the cache, or from the token by all stages. An explained check shows each
 * stage, so it goes past the cache. */
static Stage obtain_claims(Check *check)
{
        bool cached = take_fingerprint(check) && check->checker->cache && !check->question->steps;
        Stage stage;

        if (cached && take_cached(check))
                return stage_keys(check);
        stage = run_stages(check, token_stages, G_N_ELEMENTS(token_stages));
        if (stage == STAGE_PASSED && cached)
                keep(check);
        return stage;
}

/* ---- the end ---- */

/* The one place that says yes. */
static void judge(const Check *check)
{
        const Question *question = check->question;
        Verdict *verdict = check->verdict;
        int64_t until_sec = 0;

        if (stage_development_refused(check))
                return;
        if (policy_check(question->policy, verdict->claims, check->facts->leeway_sec,
                         question->now_sec, verdict, &until_sec, question->steps) != VERDICT_VALID)
                return;
        verdict->until_sec = policy_answers_once(question->policy)
                                 ? question->now_sec
                                 : MIN(until_sec, check->until_sec);
        verdict->detail[0] = '\0';
        verdict->reason = VERDICT_VALID;
}

CheckAnswer check_token(Checker *checker, const IssuerView *view, const Question *question,
                        Verdict *ret_verdict, CheckNeeds *ret_needs)
{
        Check check = {
                .checker = checker,
                .answers = checker->answers,
                .view = view,
                .question = question,
                .verdict = ret_verdict,
                .needs = ret_needs,
                .until_sec = INT64_MAX,
        };
        Stage stage = obtain_claims(&check);

        if (stage == STAGE_PASSED || stage == STAGE_OPAQUE)
                stage = stage_introspection(&check);
        if (stage == STAGE_NEEDS_KEYS)
                return CHECK_NEEDS_KEYS;
        if (stage == STAGE_NEEDS_INTROSPECTION)
                return CHECK_NEEDS_INTROSPECTION;
        if (stage == STAGE_PASSED)
                judge(&check);
        else
                steps_add(question->steps, "policy", STEP_SKIPPED, ret_verdict->reason,
                          span_from("not looked at: there are no claims to hold it against"),
                          SPAN_EMPTY);
        return CHECK_ANSWERED;
}

bool check_signature(Checker *checker, const IssuerFacts *facts, Span token, Verdict *verdict,
                     Span *ret_payload_text)
{
        const Question question = { .token = token, .asked = ASKED_FRESH };
        Check check = {
                .checker = checker,
                .question = &question,
                .verdict = verdict,
                .facts = facts,
        };

        verdict->issuer = facts->name;
        if (run_stages(&check, signature_stages, G_N_ELEMENTS(signature_stages)) != STAGE_PASSED)
                return false;
        *ret_payload_text = checker->jws.payload_text;
        return true;
}

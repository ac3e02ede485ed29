/* check: see check.h. The stages of a token stand in one table, in the order of the security
 * argument; each refuses, asks for keys, or lets the next one look. */
#include "verdict/check.h"

#include "token/json.h"

#include <stdio.h>

#define ISSUER_SIZE_MAX 1024 /* bytes of an iss; a longer one is nobody's */
#define SHOWN_MAX       96   /* bytes of a token's own words in a sentence */

struct Checker {
        ClaimsCache *cache;
        Verifier *verifier;
        Jws jws;
        char issuer[ISSUER_SIZE_MAX];
        uint8_t payload[JWS_PAYLOAD_SIZE_MAX];
};

typedef enum Stage { /* zero is refusal */
                     STAGE_REFUSED,
                     STAGE_NEEDS_KEYS,
                     STAGE_PASSED,
} Stage;

/* Check: one run through the stages, on one stack. */
typedef struct Check {
        Checker *checker;
        const IssuerView *view;
        const Policy *policy; /* NULL: the signature alone is asked for */
        Span token;
        Asked asked;
        Steps *steps;
        Verdict *verdict;
        CheckNeeds *needs;
        const IssuerFacts *facts;
        const Key *key;
        Span payload;
} Check;

Checker *checker_new(ClaimsCache *cache)
{
        g_autoptr(Checker) checker = g_new0(Checker, 1);

        checker->cache = cache;
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

static Stage pass(const Check *check, const char *step, Span found, Span wanted)
{
        steps_add(check->steps, step, STEP_OK, VERDICT_VALID, found, wanted);
        return STAGE_PASSED;
}

/* The verdict's detail is what was found. */
static Stage refused(const Check *check, const char *step, const char *wanted)
{
        steps_add(check->steps, step, STEP_FAILED, check->verdict->reason,
                  span_from(check->verdict->detail), span_from(wanted));
        return STAGE_REFUSED;
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

static Stage stage_structure(Check *check)
{
        Jws *jws = &check->checker->jws;
        int r;

        if (check->token.len == 0) {
                verdict_refuse(check->verdict, VERDICT_MISSING_TOKEN, NULL);
                return refused(check, "structure", "a token");
        }
        r = jws_parse(check->token, jws);
        if (r != 0) {
                refuse_jws(check->verdict, r, jws->trouble);
                return refused(check, "structure", "a compact JWS");
        }
        return pass(check, "structure", span_from("header.payload.signature"),
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
        return refused(check, "issuer", "the exact url of an [issuer]");
}

static Stage stage_issuer(Check *check)
{
        Checker *checker = check->checker;
        Span issuer = SPAN_EMPTY;
        bool peeked;

        if (jws_decode_payload(&checker->jws, checker->payload, &check->payload) != 0) {
                verdict_refuse(check->verdict, VERDICT_MALFORMED,
                               "The payload is not base64url, or too long.");
                return refused(check, "issuer", "a payload");
        }
        peeked = jws_peek_issuer(check->payload, &issuer, checker->issuer, sizeof(checker->issuer));
        /* Keys that stand for any issuer (offline) take a token without one, too. */
        check->facts = issuer_view_find(check->view, peeked ? issuer : SPAN_EMPTY);
        if (!check->facts)
                return refuse_issuer(check, peeked, issuer);
        check->verdict->issuer = check->facts->name;
        /* Said again of the verified claims by the policy; here it spares asking for keys in vain.
         */
        if (check->policy && !policy_allows_issuer(check->policy, check->facts->name)) {
                verdict_refuse(check->verdict, VERDICT_UNKNOWN_ISSUER,
                               "Issuer %s is not among those of policy %s.", check->facts->name,
                               policy_name(check->policy));
                return refused(check, "issuer", "an issuer of the policy");
        }
        return pass(check, "issuer", peeked ? issuer : SPAN_EMPTY,
                    span_from(check->facts->url ? check->facts->url : "any issuer"));
}

/* ---- algorithm, key, signature ---- */

static Stage stage_algorithm(Check *check)
{
        const Alg *alg = check->checker->jws.alg;

        if (alg_set_has(check->facts->algorithms, alg->id))
                return pass(check, "algorithm", span_from(alg->name),
                            span_from("one that the issuer may use"));
        verdict_refuse(check->verdict, VERDICT_UNSUPPORTED_ALGORITHM,
                       "The token is signed by %s, which is not among the algorithms of issuer %s.",
                       alg->name, check->facts->name);
        return refused(check, "algorithm", "one that the issuer may use");
}

static Reason refuse_key(Check *check)
{
        const Jws *jws = &check->checker->jws;
        char shown[SHOWN_MAX];
        const char *kid = verdict_printable(span_of(jws->kid, jws->kid_len), shown, sizeof(shown));

        if (check->asked == ASKED_IN_VAIN)
                return verdict_refuse(check->verdict, VERDICT_UNAVAILABLE,
                                      "Issuer %s could not be asked for its keys.",
                                      check->facts->name);
        if (!check->facts->keys)
                return verdict_refuse(check->verdict, VERDICT_UNAVAILABLE,
                                      "No keys of issuer %s are known yet.", check->facts->name);
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

        check->needs->issuer = check->facts->name;
        g_strlcpy(check->needs->kid, jws->kid, sizeof(check->needs->kid));
        steps_add(check->steps, "key", STEP_SKIPPED, VERDICT_UNAVAILABLE,
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
        return refused(check, "key", "a key for that algorithm");
}

static Stage stage_key(Check *check)
{
        const IssuerFacts *facts = check->facts;
        const Jws *jws = &check->checker->jws;
        Span kid = span_of(jws->kid, jws->kid_len);

        check->key = facts->keys ? keyset_find(facts->keys, kid, jws->alg) : NULL;
        if (!check->key) {
                if (check->asked == ASKED_NOTHING && check->needs)
                        return ask_for_key(check);
                refuse_key(check);
                return refused(check, "key", "a key of the issuer");
        }
        if (!alg_set_has(check->key->algs, jws->alg->id))
                return refuse_key_algorithm(check);
        return pass(check, "key", kid.len > 0 ? kid : span_from("the only one for the algorithm"),
                    span_from("a key of the issuer for that algorithm"));
}

static Stage stage_signature(Check *check)
{
        int r = verify_jws(check->checker->verifier, check->key, &check->checker->jws);

        if (r == 0)
                return pass(check, "signature", span_from("holds"), span_from("holds"));
        if (r == VERIFY_E_KEY_MISMATCH)
                return refuse_key_algorithm(check);
        if (r == VERIFY_E_BAD_SIGNATURE)
                verdict_refuse(check->verdict, VERDICT_BAD_SIGNATURE, NULL);
        else
                verdict_refuse(check->verdict, VERDICT_UNAVAILABLE,
                               "The signature could not be computed: trouble in OpenSSL.");
        return refused(check, "signature", "holds");
}

/* ---- claims: read only now ---- */

static bool issuer_is(const IssuerFacts *facts, const Claims *claims)
{
        return !facts->url || span_equal_string(claims_issuer(claims), facts->url);
}

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
                return refused(check, "claims", "well-formed claims");
        if (!issuer_is(check->facts, claims)) {
                verdict_refuse(check->verdict, VERDICT_UNKNOWN_ISSUER,
                               "The token's iss is not the issuer whose key it was verified by.");
                return refused(check, "claims", check->facts->url);
        }
        check->verdict->claims = g_steal_pointer(&claims);
        return pass(check, "claims", span_from("well-formed, iss is the key's issuer"),
                    span_from("well-formed claims"));
}

/* ---- the stages in order ---- */

typedef Stage (*StageFunc)(Check *check);

static const StageFunc token_stages[] = {
        stage_structure, stage_issuer, stage_algorithm, stage_key, stage_signature, stage_claims,
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
static bool key_still_verifies(const IssuerFacts *facts, const CacheKeyFacts *cached)
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

static bool take_cached(Check *check, const Fingerprint *fingerprint, int64_t now_sec)
{
        CacheKeyFacts cached;
        g_autoptr(Claims) claims =
            claims_cache_get(check->checker->cache, fingerprint, now_sec, &cached);
        const IssuerFacts *facts = NULL;

        if (!claims)
                return false;
        facts = issuer_view_find_name(check->view, cached.issuer);
        if (!facts || !issuer_is(facts, claims) || !key_still_verifies(facts, &cached)) {
                claims_cache_drop(check->checker->cache, fingerprint);
                return false;
        }
        check->facts = facts;
        check->verdict->issuer = facts->name;
        check->verdict->claims = g_steal_pointer(&claims);
        check->verdict->from_cache = true;
        return true;
}

static void keep(const Check *check, const Fingerprint *fingerprint)
{
        CacheKeyFacts facts = { .issuer = check->facts->name, .alg = check->checker->jws.alg->id };

        memcpy(facts.thumbprint, check->key->thumbprint, JWK_THUMBPRINT_SIZE);
        claims_cache_put(check->checker->cache, fingerprint, check->verdict->claims, &facts);
}

/* obtain_claims: from the cache, or from the token by all stages. An explained check shows each
 * stage, so it goes past the cache. */
static Stage obtain_claims(Check *check, int64_t now_sec)
{
        bool cached = check->checker->cache && !check->steps && check->token.len > 0 &&
                      check->token.len <= JWS_SIZE_MAX;
        Fingerprint fingerprint;
        Stage stage;

        if (cached) {
                fingerprint_of(check->token, &fingerprint);
                if (take_cached(check, &fingerprint, now_sec))
                        return STAGE_PASSED;
        }
        stage = run_stages(check, token_stages, G_N_ELEMENTS(token_stages));
        if (stage == STAGE_PASSED && cached)
                keep(check, &fingerprint);
        return stage;
}

/* ---- the end ---- */

static bool development_is_refused(const Check *check)
{
        bool development =
            check->facts->development ||
            tape_type(claims_find(check->verdict->claims, CHECK_DEVELOPMENT_CLAIM)) == TAPE_TRUE;

        if (!development || issuer_view_allows_development(check->view))
                return false;
        verdict_refuse(check->verdict, VERDICT_DEVELOPMENT_ISSUER,
                       "Issuer %s is a development provider; its tokens count only with "
                       "allow_development_issuers = true.",
                       check->facts->name);
        refused(check, "development", "a real provider");
        return true;
}

/* The one place that says yes. */
static void judge(const Check *check, const Question *question)
{
        Verdict *verdict = check->verdict;
        int64_t until_sec = 0;

        if (development_is_refused(check))
                return;
        if (policy_check(question->policy, verdict->claims, check->facts->leeway_sec,
                         question->now_sec, verdict, &until_sec, question->steps) != VERDICT_VALID)
                return;
        verdict->until_sec = until_sec;
        verdict->detail[0] = '\0';
        verdict->reason = VERDICT_VALID;
}

CheckAnswer check_token(Checker *checker, const IssuerView *view, const Question *question,
                        Verdict *ret_verdict, CheckNeeds *ret_needs)
{
        Check check = {
                .checker = checker,
                .view = view,
                .policy = question->policy,
                .token = question->token,
                .asked = question->asked,
                .steps = question->steps,
                .verdict = ret_verdict,
                .needs = ret_needs,
        };
        Stage stage = obtain_claims(&check, question->now_sec);

        if (stage == STAGE_NEEDS_KEYS)
                return CHECK_NEEDS_KEYS;
        if (stage == STAGE_PASSED)
                judge(&check, question);
        else
                steps_add(question->steps, "policy", STEP_SKIPPED, ret_verdict->reason,
                          span_from("not looked at: the claims are nobody's word"), SPAN_EMPTY);
        return CHECK_ANSWERED;
}

bool check_signature(Checker *checker, const IssuerFacts *facts, Span token, Verdict *verdict,
                     Span *ret_payload_text)
{
        Check check = {
                .checker = checker,
                .token = token,
                .asked = ASKED_FRESH,
                .verdict = verdict,
                .facts = facts,
        };

        verdict->issuer = facts->name;
        if (run_stages(&check, signature_stages, G_N_ELEMENTS(signature_stages)) != STAGE_PASSED)
                return false;
        *ret_payload_text = checker->jws.payload_text;
        return true;
}

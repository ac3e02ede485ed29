/* sender: see sender.h. */
#include "verdict/sender.h"

#include "base/secret.h"

#define KEY_MEMBER         "jkt"
#define CERTIFICATE_MEMBER "x5t#S256"
/* Keycloak 26.7 says beside jkt what bound the token; of a client's attestation it is no proof. */
#define KEY_TYPE_MEMBER "kc-jkt-type"
#define TYPE_DPOP       "DPoP"

typedef struct Walk {
        const Policy *policy;
        const Claims *claims;
        Span token;
        const Sender *sender; /* NULL: nothing is known of it */
        DpopJudge *judge;
        int64_t now_sec;
        Verdict *verdict;
        Steps *steps;
} Walk;

static bool pass(const Walk *walk, const char *step, const char *found)
{
        steps_add(walk->steps, step, STEP_OK, VERDICT_VALID, span_from(found), span_from(found));
        return true;
}

static bool refuse(const Walk *walk, const char *step, Reason reason, const char *wanted,
                   const char *sentence)
{
        verdict_refuse(walk->verdict, reason, "%s", sentence);
        steps_add(walk->steps, step, STEP_FAILED, reason, span_from(sentence), span_from(wanted));
        return false;
}

/* ---- what the token is bound to ---- */

typedef struct Binding {
        Span jkt, thumbprint; /* empty: not bound so */
} Binding;

static Span member_of(TapeValue confirmation, const char *name)
{
        return tape_string(tape_member(confirmation, span_from(name)));
}

static bool is_bound_by_dpop(TapeValue confirmation)
{
        return span_equal_string(member_of(confirmation, KEY_TYPE_MEMBER), TYPE_DPOP);
}

/* Each member must be one that we can check (RFC 7800 §3.1): the rest would be passed over. */
static bool read_binding(const Walk *walk, Binding *ret)
{
        TapeValue confirmation = claims_find(walk->claims, "cnf");
        size_t n_known;

        *ret = (Binding){ SPAN_EMPTY, SPAN_EMPTY };
        if (tape_type(confirmation) == TAPE_ABSENT)
                return true;
        if (tape_type(confirmation) == TAPE_OBJECT) {
                ret->jkt = member_of(confirmation, KEY_MEMBER);
                ret->thumbprint = member_of(confirmation, CERTIFICATE_MEMBER);
        }
        n_known = (ret->jkt.len > 0 ? 1 : 0) + (ret->thumbprint.len > 0 ? 1 : 0);
        if (ret->jkt.len > 0 && is_bound_by_dpop(confirmation))
                n_known++;
        if (n_known > 0 && n_known == tape_count(confirmation))
                return true;
        return refuse(walk, "cnf", VERDICT_WRONG_TYPE, "cnf with jkt or x5t#S256",
                      "The token is bound (cnf) in a way that cannot be checked here.");
}

/* ---- a key ---- */

static bool refuse_proof(const Walk *walk, int answer, const char *why)
{
        Reason reason = answer == DPOP_E_NEEDS_NONCE  ? VERDICT_PROOF_NONCE
                        : walk->sender->n_proofs == 0 ? VERDICT_MISSING_PROOF
                                                      : VERDICT_BAD_PROOF;

        return refuse(walk, "dpop", reason, "a DPoP proof for this request and token", why);
}

static bool check_proof(const Walk *walk, Span jkt)
{
        const Sender *sender = walk->sender;
        const DpopQuestion question = {
                .proof = sender->proof,
                .n_proofs = sender->n_proofs,
                .token = walk->token,
                .jkt = jkt,
                .scheme = sender->scheme,
                .place = sender->place,
                .demand_nonce = policy_demands_nonce(walk->policy),
                .algorithms = ALG_SET_ALL,
                .now_sec = walk->now_sec,
        };
        const char *why = NULL;
        int r = dpop_check(walk->judge, &question, &why);

        return r == 0 ? pass(walk, "dpop", "the sender proved to hold the token's key")
                      : refuse_proof(walk, r, why);
}

/* The token's mark, whatever its header says beside it. */
static bool says_bound(const Claims *claims)
{
        return claims_kind(claims) == TOKEN_KIND_BOUND ||
               span_equal_string(tape_string(claims_find(claims, "typ")), TYPE_DPOP);
}

static bool check_key(const Walk *walk, Span jkt)
{
        const Sender *sender = walk->sender;

        if (jkt.len == 0 && says_bound(walk->claims))
                return refuse(walk, "dpop", VERDICT_WRONG_TYPE, "a token with cnf.jkt",
                              "The token says that it is bound to a key (DPoP), and not to which.");
        if (jkt.len == 0 && sender && sender->by_dpop)
                return refuse(walk, "dpop", VERDICT_WRONG_TYPE, "a token with cnf.jkt",
                              "The token came as a DPoP token and is bound to no key (cnf.jkt).");
        if (jkt.len == 0 && policy_dpop(walk->policy) == BINDING_REQUIRED)
                return refuse(walk, "dpop", VERDICT_WRONG_TYPE, "a token with cnf.jkt",
                              "The policy takes only tokens that are bound to a key (DPoP).");
        if (jkt.len == 0)
                return true;
        if (policy_dpop(walk->policy) == BINDING_NEVER || !walk->judge || !sender ||
            !sender->place || !sender->scheme)
                return refuse(walk, "dpop", VERDICT_WRONG_TYPE, "a bearer token",
                              "The token is bound to a key (cnf.jkt), which nobody can prove to "
                              "hold here.");
        if (!sender->by_dpop)
                return refuse(walk, "dpop", VERDICT_MISSING_PROOF, "Authorization: DPoP TOKEN",
                              "The token is bound to a key (cnf.jkt) and came as a bearer token; "
                              "send it as \"Authorization: DPoP TOKEN\" with a proof.");
        return check_proof(walk, jkt);
}

/* ---- a certificate ---- */

static bool check_certificate(const Walk *walk, Span thumbprint)
{
        const Sender *sender = walk->sender;

        if (thumbprint.len == 0 && policy_mtls(walk->policy) == BINDING_REQUIRED)
                return refuse(walk, "mtls", VERDICT_WRONG_TYPE, "a token with cnf[\"x5t#S256\"]",
                              "The policy takes only tokens that are bound to a certificate.");
        if (thumbprint.len == 0)
                return true;
        if (policy_mtls(walk->policy) == BINDING_NEVER || !sender)
                return refuse(walk, "mtls", VERDICT_WRONG_TYPE, "a bearer token",
                              "The token is bound to a certificate (cnf[\"x5t#S256\"]), which "
                              "nobody can show here.");
        if (!sender->certificate)
                return refuse(walk, "mtls", VERDICT_MISSING_CERTIFICATE, "the token's certificate",
                              "The token is bound to a certificate, and the proxy told of none.");
        if (!secret_equal(thumbprint, span_from(sender->certificate)))
                return refuse(walk, "mtls", VERDICT_WRONG_CERTIFICATE, "the token's certificate",
                              "The token is bound to another certificate than the client's.");
        return pass(walk, "mtls", "the client's certificate is the token's");
}

Reason sender_check(const Policy *policy, const Claims *claims, Span token, const Sender *sender,
                    DpopJudge *judge, int64_t now_sec, Verdict *verdict, Steps *steps)
{
        const Walk walk = { policy, claims, token, sender, judge, now_sec, verdict, steps };
        Binding binding;

        /* The certificate first: looking at it uses nothing up. */
        if (!read_binding(&walk, &binding) || !check_certificate(&walk, binding.thumbprint) ||
            !check_key(&walk, binding.jkt))
                return verdict->reason;
        return VERDICT_VALID;
}

/* verdict: the answers, and the one table of what each is called where.
 *
 * A verdict starts as a refusal; check_token alone writes VERDICT_VALID. Pure; any thread. */
#pragma once

#include "base/log.h"
#include "token/claims.h"

#define VERDICT_DETAIL_MAX 320 /* bytes of a detail sentence, NUL included; longer is cut */

typedef enum Reason {
        VERDICT_UNAVAILABLE, /* zero: what nobody filled in is no yes */
        VERDICT_VALID,
        VERDICT_MISSING_TOKEN,
        VERDICT_MALFORMED,
        VERDICT_UNSUPPORTED_ALGORITHM,
        VERDICT_UNKNOWN_ISSUER,
        VERDICT_UNKNOWN_KEY,
        VERDICT_KEY_MISMATCH,
        VERDICT_BAD_SIGNATURE,
        VERDICT_EXPIRED,
        VERDICT_NOT_YET_VALID,
        VERDICT_TOO_OLD,
        VERDICT_WRONG_TYPE,
        VERDICT_WRONG_AUDIENCE,
        VERDICT_WRONG_PARTY,
        VERDICT_MISSING_CLAIM,
        VERDICT_MISSING_SCOPE,
        VERDICT_MISSING_ROLE,
        VERDICT_MISSING_GROUP,
        VERDICT_ACR_TOO_LOW,
        VERDICT_AUTH_TOO_OLD,
        VERDICT_MISSING_PROOF,
        VERDICT_BAD_PROOF,
        VERDICT_PROOF_NONCE,
        VERDICT_MISSING_CERTIFICATE,
        VERDICT_WRONG_CERTIFICATE,
        VERDICT_REVOKED,
        VERDICT_DEVELOPMENT_ISSUER,
        VERDICT_INACTIVE,
        VERDICT_NO_ROUTE,
        VERDICT_UNTRUSTED_PROXY,
        VERDICT_BAD_PATH,
        VERDICT_RATE_LIMITED,
        _VERDICT_MAX,
} Reason;

typedef enum VerdictClass {
        CLASS_UNAVAILABLE,
        CLASS_VALID,
        CLASS_INVALID,
        CLASS_FORBIDDEN
} VerdictClass;

typedef struct ReasonWords {
        Reason reason;
        VerdictClass verdict;
        const char *word;         /* JSON, metric label, log: "wrong_audience" */
        const char *bearer_error; /* RFC 6750 §3.1: invalid_token, insufficient_scope; NULL: none */
        unsigned status;          /* of the subrequest doors: 200, 401, 403, 429, 503 */
        LogLevel log_level;
        const char *sentence; /* the detail when the check had nothing closer to say */
} ReasonWords;

const ReasonWords *reason_words(Reason reason);
bool reason_from_word(const char *word, Reason *ret);
const char *verdict_class_text(VerdictClass verdict); /* valid, invalid, forbidden, unavailable */

typedef struct Verdict {
        Reason reason;
        const char *issuer; /* interned name; NULL: the token led to none */
        Claims
            *claims; /* a reference once the signature held, also when refused later; else NULL */
        int64_t until_sec; /* valid only: from this second on the answer would be another */
        bool from_cache;
        bool
            stale; /* valid only by an outage budget: keys or an answer older than they should be */
        char detail[VERDICT_DETAIL_MAX]; /* "" when valid; claims in it are made printable */
} Verdict;

#define VERDICT_INIT ((Verdict){ .reason = VERDICT_UNAVAILABLE })
void verdict_clear(Verdict *verdict); /* drops the claims */

/* verdict_refuse: sets reason and detail (NULL: the table's sentence). Never VERDICT_VALID. Returns
 * reason. */
Reason verdict_refuse(Verdict *verdict, Reason reason, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* verdict_printable: text as printable ASCII for people, at most size bytes: others as \xNN, cut
 * with "…"-less "...". */
const char *verdict_printable(Span text, char *buffer, size_t size);

/* Steps: what explain shows, in the order of the check. NULL wherever nobody explains. */
#define STEPS_MAX     48
#define STEP_TEXT_MAX 240

typedef enum StepResult { STEP_OK, STEP_FAILED, STEP_SKIPPED } StepResult;
typedef struct Step {
        const char *name; /* static: "signature", "audience" */
        StepResult result;
        Reason reason; /* STEP_FAILED: what it alone would have said */
        char found[STEP_TEXT_MAX];
        char wanted[STEP_TEXT_MAX];
} Step;
typedef struct Steps {
        size_t n_steps;
        Step steps[STEPS_MAX];
} Steps;
/* steps_add: takes NULL steps. found and wanted are made printable. */
void steps_add(Steps *steps, const char *name, StepResult result, Reason reason, Span found,
               Span wanted);

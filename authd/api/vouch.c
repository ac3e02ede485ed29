/* vouch: see vouch.h; and /jwks.json, where the keys to it are published. */
#include "api/vouch.h"

#include "api/doors.h"

#include <errno.h>

#define JWKS_TYPE "application/jwk-set+json" /* RFC 7517 §8.5.1 */

static const char *trouble_text(int r)
{
        switch (r) {
        case -ENOKEY: return "there is no key to sign it by";
        case -E2BIG: return "the token's subject or scope is too long for it";
        default: return "trouble in OpenSSL";
        }
}

void vouch_for(Exchange *exchange, Verdict *verdict)
{
        const Policy *policy = exchange->policy;
        Fingerprint token;
        AssertionOrder order = {
                .rule = policy_assertion(policy),
                .policy = policy_name(policy),
                .claims = verdict->claims,
                .now_sec = exchange->judged_at_sec,
        };
        int r;

        exchange->assertion = SPAN_EMPTY;
        if (verdict->reason != VERDICT_VALID || !order.rule || exchange->hands_nothing_on)
                return;
        /* What an issuer says of a token may be something else the next time. */
        if (!policy_introspects(policy)) {
                fingerprint_of(exchange->token, &token);
                order.token = &token;
        }
        r = assertion_sign(exchange->api->signer, &order, &exchange->assertion);
        if (r < 0)
                verdict_refuse(verdict, VERDICT_UNAVAILABLE,
                               "The token is good, but its assertion could not be made: %s.",
                               trouble_text(r));
}

void door_jwks(Exchange *exchange)
{
        static const AnswerHeader headers[] = {
                { "Content-Type", JWKS_TYPE },
                { "Cache-Control", "max-age=" ASSERTION_JWKS_MAX_AGE },
        };

        exchange_answer(exchange, 200, headers, G_N_ELEMENTS(headers),
                        assertion_signer_jwks(exchange->api->signer));
}

/* challenge: see challenge.h. */
#include "api/challenge.h"

#include "token/alg.h"

static bool reason_is_of_proof(Reason reason)
{
        return reason == VERDICT_MISSING_PROOF || reason == VERDICT_BAD_PROOF ||
               reason == VERDICT_PROOF_NONCE;
}

static bool reason_is_of_sign_in(Reason reason)
{
        return reason == VERDICT_ACR_TOO_LOW || reason == VERDICT_AUTH_TOO_OLD;
}

/* Parameters: written after the scheme, with a comma before all but the first. */
typedef struct Parameters {
        GString *out;
        unsigned n_written;
} Parameters;

/* write_parameter: a quoted-string without quotes and backslashes in it, which error_description
 * may not have either (RFC 6750 §3). */
static void write_parameter(Parameters *to, const char *name, const char *value)
{
        g_string_append_printf(to->out, "%s%s=\"", to->n_written++ > 0 ? ", " : " ", name);
        for (; *value; value++)
                g_string_append_c(to->out, *value == '"' || *value == '\\' ? '\'' : *value);
        g_string_append_c(to->out, '"');
}

static void write_algorithms(Parameters *to)
{
        g_autoptr(GString) names = g_string_new(NULL);

        for (AlgId id = 0; id < _ALG_MAX; id++)
                g_string_append_printf(names, "%s%s", names->len > 0 ? " " : "", alg_get(id)->name);
        write_parameter(to, "algs", names->str);
}

/* Both demands, whichever failed: else the client signs its user in twice. */
static void write_sign_in(Parameters *to, const Policy *policy)
{
        char seconds[24];

        if (policy_acr_text(policy))
                write_parameter(to, "acr_values", policy_acr_text(policy));
        if (policy_max_auth_age_sec(policy) == 0)
                return;
        g_snprintf(seconds, sizeof(seconds), "%" G_GINT64_FORMAT, policy_max_auth_age_sec(policy));
        write_parameter(to, "max_age", seconds);
}

void challenge_write(GString *out, const Policy *policy, const Verdict *verdict, bool by_dpop)
{
        const ReasonWords *words = reason_words(verdict->reason);
        Parameters to = { out, 0 };
        bool dpop = by_dpop || reason_is_of_proof(verdict->reason) ||
                    (policy && policy_dpop(policy) == BINDING_REQUIRED);

        g_string_append(out, dpop ? "DPoP" : "Bearer");
        /* A request without a token is told the scheme and nothing else (RFC 6750 §3.1). */
        if (words->bearer_error) {
                write_parameter(&to, "error", words->bearer_error);
                write_parameter(&to, "error_description",
                                verdict->detail[0] ? verdict->detail : words->sentence);
        }
        if (policy && reason_is_of_sign_in(verdict->reason))
                write_sign_in(&to, policy);
        if (dpop)
                write_algorithms(&to);
}

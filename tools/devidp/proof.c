#include "proof.h"

#include "assertion.h"

#include <string.h>

/* Shown: what of a request is about the client. */
typedef struct Shown {
        char *id;
        char *secret;
        const char *assertion;
        bool basic, post;
} Shown;

static void shown_clear(Shown *shown)
{
        g_free(shown->id);
        g_free(shown->secret);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Shown, shown_clear)

/* Form-encoded before they were joined (RFC 6749 §2.3.1). */
static char *unescaped(const char *text)
{
        g_autofree char *spaced = g_strdelimit(g_strdup(text), "+", ' ');

        return g_uri_unescape_string(spaced, NULL);
}

static bool read_basic(const char *authorization, Shown *shown)
{
        gsize len;

        if (!authorization || g_ascii_strncasecmp(authorization, "Basic ", 6) != 0)
                return true;
        g_autofree unsigned char *bytes = g_base64_decode(authorization + 6, &len);
        g_autofree char *pair = g_strndup((char *) bytes, len);
        char *colon = strchr(pair, ':');
        if (!colon)
                return false;
        *colon = '\0';
        shown->basic = true;
        shown->id = unescaped(pair);
        shown->secret = unescaped(colon + 1);
        return shown->id && shown->secret;
}

static bool read_form(const Question *question, Shown *shown)
{
        const char *id = question_form(question, "client_id");
        const char *secret = question_form(question, "client_secret");
        const char *type = question_form(question, "client_assertion_type");

        shown->assertion = question_form(question, "client_assertion");
        if (shown->assertion && g_strcmp0(type, ASSERTION_TYPE) != 0)
                return false;
        shown->post = secret && !shown->basic;
        if (shown->post)
                shown->secret = g_strdup(secret);
        if (!shown->id)
                shown->id =
                    id || !shown->assertion ? g_strdup(id) : assertion_client_id(shown->assertion);
        return shown->basic + (secret != NULL) + (shown->assertion != NULL) <= 1;
}

static bool secret_fits(const Client *client, const Shown *shown)
{
        return (shown->basic || shown->post) && g_strcmp0(client->secret, shown->secret) == 0;
}

static bool certificate_fits(const Idp *idp, const Client *client, const Question *question)
{
        return idp->tls_client_header &&
               g_strcmp0(question_header(question, TLS_VERIFY), "SUCCESS") == 0 &&
               g_strcmp0(question_header(question, TLS_SUBJECT), client->tls_subject) == 0;
}

static bool assertion_fits(Idp *idp, const Client *client, const Shown *shown, const char **ret_why)
{
        if (!shown->assertion) {
                *ret_why = "Parameter client_assertion_type is missing";
                return false;
        }
        *ret_why = assertion_trouble(idp->assertions, client, shown->assertion, idp->issuer_url,
                                     idp_now_sec(idp));
        return !*ret_why;
}

static bool fits(Idp *idp, const Client *client, const Question *question, const Shown *shown,
                 const char **ret_why)
{
        switch (client->proof) {
        case CLIENT_PROOF_SECRET: return secret_fits(client, shown);
        case CLIENT_PROOF_BASIC: return shown->basic && secret_fits(client, shown);
        case CLIENT_PROOF_POST: return shown->post && secret_fits(client, shown);
        case CLIENT_PROOF_JWT: return assertion_fits(idp, client, shown, ret_why);
        case CLIENT_PROOF_TLS: return certificate_fits(idp, client, question);
        case CLIENT_PROOF_NONE: return true;
        }
        return false;
}

bool proof_refuse_assertion(const ProofRefusal *refusal, Answer *answer)
{
        if (refusal->why)
                answer_error(answer, 400, "invalid_client", refusal->why);
        return refusal->why;
}

const Client *proof_client(Idp *idp, const Question *question, ProofRefusal *ret_refusal)
{
        g_auto(Shown) shown = { 0 };
        bool clear = read_basic(question_header(question, "authorization"), &shown) &&
                     read_form(question, &shown);
        const Client *client = realm_client(idp->realm, shown.id);

        *ret_refusal = (ProofRefusal){ .known = client != NULL };
        return clear && client && fits(idp, client, question, &shown, &ret_refusal->why) ? client
                                                                                         : NULL;
}

#include "introspect.h"

#include "access.h"
#include "proof.h"
#include "sign.h"

#include <string.h>

#define SIGNED_TYP  "token-introspection+jwt"
#define SIGNED_TYPE "application/" SIGNED_TYP

/* A token minted for somebody who never was stays active: a test may want one. */
static bool person_is_out(const Idp *idp, const json_t *claims)
{
        const char *sub = json_string_value(json_object_get(claims, "sub"));
        const Person *person = realm_person_by_id(idp->realm, sub);

        return census_was_deleted(idp->realm->people, sub) || (person && !person->enabled);
}

const json_t *introspect_active(const Idp *idp, const char *token)
{
        const char *kid = NULL;
        const json_t *claims = issued_find(idp->issued, token, &kid);

        const json_t *exp = json_object_get(claims, "exp");
        if (!claims || (exp && json_integer_value(exp) <= idp_now_sec(idp)) ||
            person_is_out(idp, claims))
                return NULL;
        if (!kid)
                return claims;
        const SigningKey *key = keyring_find(idp->keyring, kid);
        return key && key->enabled ? claims : NULL;
}

static bool has_audience(const json_t *claims, const char *client_id)
{
        const json_t *aud = json_object_get(claims, "aud");
        size_t index;
        json_t *item;

        if (json_is_string(aud))
                return strcmp(json_string_value(aud), client_id) == 0;
        json_array_foreach ((json_t *) aud, index, item)
                if (g_strcmp0(json_string_value(item), client_id) == 0)
                        return true;
        return false;
}

static json_t *introspection(const json_t *claims)
{
        json_t *body = json_copy((json_t *) claims);

        if (json_object_get(claims, "azp"))
                json_object_set(body, "client_id", json_object_get(claims, "azp"));
        if (json_object_get(claims, "preferred_username"))
                json_object_set(body, "username", json_object_get(claims, "preferred_username"));
        json_object_set_new(body, "token_type", json_string("Bearer"));
        json_object_set_new(body, "active", json_true());
        return body;
}

/* --- signed (RFC 9701) --- */

static bool wants_signed(const Idp *idp, const Question *question, Fault fault)
{
        const char *accept = question_header(question, "accept");

        if (fault == FAULT_UNSIGNED || idp->signed_answers == SIGNED_NEVER)
                return false;
        return idp->signed_answers == SIGNED_ALWAYS || (accept && strstr(accept, SIGNED_TYPE));
}

/* Another signature of the right length: its first sign is another. */
static void break_signature(char *token)
{
        char *first = strrchr(token, '.') + 1;

        *first = *first == 'A' ? 'B' : 'A';
}

/* signed_body: takes body. */
static char *signed_body(Idp *idp, const Client *client, json_t *body, Fault fault)
{
        const SigningKey *key = keyring_signer_or_new(idp->keyring, idp->realm->default_alg);
        const char *typ = fault == FAULT_WRONG_TYP ? "JWT" : SIGNED_TYP;
        const char *aud = fault == FAULT_WRONG_AUD ? "somebody-else" : client->id;
        const char *iss = fault == FAULT_WRONG_ISS ? "https://elsewhere.example" : idp->issuer_url;
        json_t *payload = json_pack("{s:s, s:s, s:I, s:o}", "iss", iss, "aud", aud, "iat",
                                    (json_int_t) idp_now_sec(idp), "token_introspection", body);
        json_t *header = json_pack("{s:s, s:s}", "kid", key ? key->kid : "", "typ", typ);
        char *token = key ? sign_compact(key, header, payload) : NULL;

        if (token && fault == FAULT_BAD_SIGNATURE)
                break_signature(token);
        json_decref(header);
        json_decref(payload);
        return token;
}

static void answer_signed(Idp *idp, const Client *client, json_t *body, Answer *answer)
{
        char *token = signed_body(idp, client, body, answer->fault);

        if (!token) {
                answer_error(answer, 500, "unknown_error", "No active key to sign with");
                return;
        }
        answer->status = 200;
        answer->body = token;
        answer->content_type = SIGNED_TYPE;
}

/* --- the endpoint --- */

static const json_t *shown_claims(const Idp *idp, const Client *client, const char *token)
{
        const json_t *claims = introspect_active(idp, token);

        if (claims && idp->realm->introspection_needs_audience && !has_audience(claims, client->id))
                return NULL;
        return claims;
}

static void answer_about(Idp *idp, const Client *client, const Question *question, Answer *answer)
{
        const char *token = question_form(question, "token");
        const json_t *claims =
            answer->fault == FAULT_INACTIVE ? NULL : shown_claims(idp, client, token);
        json_t *body = claims ? introspection(claims) : json_pack("{s:b}", "active", 0);

        if (wants_signed(idp, question, answer->fault))
                answer_signed(idp, client, body, answer);
        else
                answer_json(answer, 200, body);
}

static void refuse_client(const ProofRefusal *refusal, Answer *answer)
{
        if (!proof_refuse_assertion(refusal, answer))
                answer_error(answer, 401, "invalid_client",
                             refusal->known ? "Client authentication failed."
                                            : "Invalid client or Invalid client credentials");
}

void introspect_answer(Idp *idp, const Question *question, Answer *answer)
{
        ProofRefusal refusal;
        const Client *client = proof_client(idp, question, &refusal);

        answer->cache_control = "no-cache";
        if (!client)
                refuse_client(&refusal, answer);
        else if (client->proof == CLIENT_PROOF_NONE)
                answer_error(answer, 403, "invalid_request", "Client not allowed.");
        else if (!question_form(question, "token"))
                answer_error(answer, 400, "invalid_request", "Token not provided.");
        else
                answer_about(idp, client, question, answer);
}

static void refuse_bearer(const Idp *idp, Answer *answer, unsigned status, const char *parameters)
{
        answer->status = status;
        answer->authenticate =
            g_strdup_printf("Bearer realm=\"%s\"%s", idp->realm->name, parameters);
}

void userinfo_answer(Idp *idp, const Question *question, Answer *answer)
{
        static const char *const SHOWN[] = { "sub",        "email_verified", "name",
                                             "groups",     "email",          "preferred_username",
                                             "given_name", "family_name" };
        const char *authorization = question_header(question, "authorization");

        answer->cache_control = "no-store";
        if (!authorization || g_ascii_strncasecmp(authorization, "Bearer ", 7) != 0) {
                refuse_bearer(idp, answer, 401, "");
                return;
        }
        const json_t *claims = introspect_active(idp, authorization + 7);
        if (!claims) {
                refuse_bearer(
                    idp, answer, 401,
                    ", error=\"invalid_token\", error_description=\"Token verification failed\"");
                return;
        }
        if (!access_scope_has(json_string_value(json_object_get(claims, "scope")), "openid")) {
                refuse_bearer(
                    idp, answer, 403,
                    ", error=\"insufficient_scope\", error_description=\"Missing openid scope\"");
                return;
        }
        json_t *body = json_object();
        for (size_t i = 0; i < G_N_ELEMENTS(SHOWN); i++)
                if (json_object_get(claims, SHOWN[i]))
                        json_object_set(body, SHOWN[i], json_object_get(claims, SHOWN[i]));
        answer_json(answer, 200, body);
}

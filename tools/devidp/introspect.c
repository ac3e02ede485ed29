#include "introspect.h"

#include "access.h"
#include "base/clock.h"

#include <string.h>

/* claims of a token that is ours, unexpired and signed by a key still enabled; else NULL. */
static const json_t *active_claims(const Idp *idp, const char *token)
{
        const char *kid;
        const json_t *claims = issued_find(idp->issued, token, &kid);

        if (!claims || json_integer_value(json_object_get(claims, "exp")) <= clock_wall_sec())
                return NULL;
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

        json_object_set(body, "client_id", json_object_get(claims, "azp"));
        if (json_object_get(claims, "preferred_username"))
                json_object_set(body, "username", json_object_get(claims, "preferred_username"));
        json_object_set_new(body, "token_type", json_string("Bearer"));
        json_object_set_new(body, "active", json_true());
        return body;
}

void introspect_answer(Idp *idp, const Question *question, Answer *answer)
{
        const char *token = question_form(question, "token");
        bool known;
        const Client *client = idp_client(idp, question, &known);

        answer->cache_control = "no-cache";
        if (!client) {
                answer_error(answer, 401, "invalid_client",
                             known ? "Client authentication failed."
                                   : "Invalid client or Invalid client credentials");
                return;
        }
        if (!client->secret) {
                answer_error(answer, 403, "invalid_request", "Client not allowed.");
                return;
        }
        if (!token) {
                answer_error(answer, 400, "invalid_request", "Token not provided.");
                return;
        }
        const json_t *claims = active_claims(idp, token);
        if (claims && idp->realm->introspection_needs_audience && !has_audience(claims, client->id))
                claims = NULL;
        answer_json(answer, 200, claims ? introspection(claims) : json_pack("{s:b}", "active", 0));
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
        const char *authorization = question->authorization;

        answer->cache_control = "no-store";
        if (!authorization || g_ascii_strncasecmp(authorization, "Bearer ", 7) != 0) {
                refuse_bearer(idp, answer, 401, "");
                return;
        }
        const json_t *claims = active_claims(idp, authorization + 7);
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

#include "grant.h"

#include "device.h"
#include "login.h"
#include "push.h"
#include "sign.h"

#include <openssl/rand.h>
#include <string.h>

#define SID_BYTES 18

static char *new_sid(void)
{
        unsigned char bytes[SID_BYTES];

        if (RAND_bytes(bytes, sizeof(bytes)) != 1)
                return g_uuid_string_random();
        return sign_base64url(bytes, sizeof(bytes));
}

/* --- the answer --- */

static char *id_token(Idp *idp, const Access *access, const char *token)
{
        const SigningKey *key = keyring_signer_or_new(idp->keyring, idp->realm->default_alg);
        const SigningKey *access_key = keyring_signer(idp->keyring, access->client->alg);

        if (!key)
                return NULL;
        const char *digest = access_key->kind->digest ? access_key->kind->digest : "SHA512";
        json_t *claims = access_id_claims(idp, access, token, digest);
        json_t *header = json_pack("{s:s}", "kid", key->kid);
        char *signed_token = sign_compact(key, header, claims);
        json_decref(header);
        json_decref(claims);
        return signed_token;
}

static void add_session_tokens(Idp *idp, const Access *access, const char *token,
                               const json_t *claims, json_t *body)
{
        json_t *refresh_claims = access_refresh_claims(idp, access, claims);
        g_autofree char *refresh = sign_refresh(idp->keyring, refresh_claims);

        json_decref(refresh_claims);
        json_object_set_new(body, "refresh_token", json_string(refresh));
        json_object_set_new(body, "session_state", json_string(access->sid));
        if (access_scope_has(access->scope, "openid")) {
                g_autofree char *id = id_token(idp, access, token);
                json_object_set_new(body, "id_token", json_string(id));
        }
}

static void answer_tokens(Idp *idp, const Access *access, Answer *answer)
{
        json_t *claims = NULL;
        g_autofree char *token = access_token(idp, access, &claims);

        if (!token) {
                answer_error(answer, 500, "unknown_error",
                             "No active key for the client's algorithm");
                return;
        }
        json_t *body =
            json_pack("{s:s, s:i, s:i, s:s, s:i, s:s}", "access_token", token, "expires_in",
                      access->client->access_lifetime, "refresh_expires_in",
                      access->sid ? access->client->refresh_lifetime : 0, "token_type", "Bearer",
                      "not-before-policy", 0, "scope", access->scope);
        if (access->sid)
                add_session_tokens(idp, access, token, claims, body);
        json_decref(claims);
        answer_json(answer, 200, body);
}

bool grant_scope_fits(const Client *client, const char *wanted, Answer *answer)
{
        g_autofree char *scope = access_scope(client, wanted);

        if (!scope) {
                g_autofree char *text = g_strdup_printf("Invalid scopes: %s", wanted);
                answer_error(answer, 400, "invalid_scope", text);
        }
        return scope;
}

static void answer_access(Idp *idp, const char *wanted, Access *access, Answer *answer)
{
        g_autofree char *scope = access_scope(access->client, wanted);

        if (!grant_scope_fits(access->client, wanted, answer))
                return;
        access->scope = scope;
        access->now = idp_now_sec(idp);
        answer_tokens(idp, access, answer);
}

void grant_give(Idp *idp, const Access *access, const char *wanted, Answer *answer)
{
        g_autofree char *sid = new_sid();
        Access given = *access;

        given.sid = sid;
        answer_access(idp, wanted, &given, answer);
}

void grant_refuse(const GrantRefusal *refusal, Answer *answer)
{
        answer_error(answer, 400, refusal->error, refusal->description);
}

/* --- the grants --- */

/* "totp" is the older name of "otp": it counts where that is absent. */
static const char *otp_of(const Question *question)
{
        const char *code = g_hash_table_lookup(question->form, "otp");

        return code ? code : question_form(question, "totp");
}

/* What keeps a person out, in Keycloak's words, or NULL. */
static const char *person_trouble(Idp *idp, const Question *question, const Person **ret_person)
{
        Login login = login_password(idp, question_form(question, "username"),
                                     question_form(question, "password"), ret_person);

        if (login == LOGIN_DISABLED)
                return "Account disabled";
        if (login == LOGIN_WRONG || !login_otp(idp, *ret_person, otp_of(question)))
                return "Invalid user credentials";
        return login_is_set_up(*ret_person) ? NULL : "Account is not fully set up";
}

static void grant_password(Idp *idp, const Client *client, const Question *question, Answer *answer)
{
        const Person *person = NULL;

        if (!client->direct_grant) {
                answer_error(answer, 400, "unauthorized_client",
                             "Client not allowed for direct access grants");
        } else if (!g_hash_table_contains(question->form, "username")) {
                answer_error(answer, 401, "invalid_request", "Missing parameter: username");
        } else {
                const char *trouble = person_trouble(idp, question, &person);
                if (trouble)
                        answer_error(answer, 400, "invalid_grant", trouble);
                else
                        grant_give(idp, &(Access){ client, person, .grant = "ro" },
                                   question_form(question, "scope"), answer);
        }
}

static void grant_client_credentials(Idp *idp, const Client *client, const Question *question,
                                     Answer *answer)
{
        if (client->proof == CLIENT_PROOF_NONE)
                answer_error(answer, 401, "unauthorized_client",
                             "Public client not allowed to retrieve service account");
        else if (!client->service_account)
                answer_error(answer, 401, "unauthorized_client",
                             "Client not enabled to retrieve service account");
        else
                answer_access(idp, question_form(question, "scope"),
                              &(Access){ client, client->service_account, .grant = "cc" }, answer);
}

/* What of a refresh token must hold; NULL, or Keycloak's sentence. */
static const char *refresh_trouble(const Idp *idp, const Client *client, const json_t *claims)
{
        const char *azp = json_string_value(json_object_get(claims, "azp"));
        const char *iss = json_string_value(json_object_get(claims, "iss"));

        if (g_strcmp0(iss, idp->issuer_url) != 0)
                return "Invalid token issuer";
        if (g_strcmp0(azp, client->id) != 0)
                return "Invalid refresh token. Token client and authorized client don't match";
        if (json_integer_value(json_object_get(claims, "exp")) <= idp_now_sec(idp))
                return "Token is not active";
        return NULL;
}

static void refresh_with(Idp *idp, const Client *client, const json_t *claims, Answer *answer)
{
        const char *trouble = refresh_trouble(idp, client, claims);
        Access access = {
                .client = client,
                .person = realm_person_by_id(idp->realm,
                                             json_string_value(json_object_get(claims, "sub"))),
                .scope = json_string_value(json_object_get(claims, "scope")),
                .sid = json_string_value(json_object_get(claims, "sid")),
                .grant = "rt",
                .now = idp_now_sec(idp),
        };

        if (!trouble && (!access.person || !access.person->enabled))
                trouble = "User disabled";
        if (trouble)
                answer_error(answer, 400, "invalid_grant", trouble);
        else
                answer_tokens(idp, &access, answer);
}

static void grant_refresh(Idp *idp, const Client *client, const Question *question, Answer *answer)
{
        const char *token = question_form(question, "refresh_token");

        if (!token) {
                answer_error(answer, 400, "invalid_request", "No refresh token");
                return;
        }
        json_t *claims = sign_open_refresh(idp->keyring, token);
        if (claims)
                refresh_with(idp, client, claims, answer);
        else
                answer_error(answer, 400, "invalid_grant", "Invalid refresh token");
        json_decref(claims);
}

typedef struct GrantType {
        const char *name;
        void (*answer)(Idp *idp, const Client *client, const Question *question, Answer *answer);
} GrantType;

static const GrantType GRANTS[] = {
        { "password", grant_password },     { "client_credentials", grant_client_credentials },
        { "refresh_token", grant_refresh }, { DEVICE_GRANT, device_grant },
        { PUSH_GRANT, push_grant },
};

void grant_refuse_client(const ProofRefusal *refusal, Answer *answer)
{
        if (!proof_refuse_assertion(refusal, answer))
                answer_error(answer, 401, refusal->known ? "unauthorized_client" : "invalid_client",
                             "Invalid client or Invalid client credentials");
}

void grant_answer(Idp *idp, const Question *question, Answer *answer)
{
        const char *name = question_form(question, "grant_type");
        ProofRefusal refusal;
        const Client *client = proof_client(idp, question, &refusal);

        answer->cache_control = "no-store";
        if (!name) {
                answer_error(answer, 400, "invalid_request", "Missing form parameter: grant_type");
                return;
        }
        if (!client) {
                grant_refuse_client(&refusal, answer);
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(GRANTS); i++) {
                if (strcmp(GRANTS[i].name, name) == 0) {
                        GRANTS[i].answer(idp, client, question, answer);
                        return;
                }
        }
        answer_error(answer, 400, "unsupported_grant_type", "Unsupported grant_type");
}

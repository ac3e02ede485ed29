/* grantreply: see grantreply.h. */
#include "issuer/grantreply.h"

#include "token/json.h"

#include <errno.h>

/* How an endpoint is called in sentences, and the switch of Keycloak's client settings that lets a
 * client ask it so. */
static const struct {
        const char *endpoint;
        const char *capability;
} kinds[_GRANT_KIND_MAX] = {
        [GRANT_KIND_CLIENT] = { "token endpoint", "Service accounts roles" },
        [GRANT_KIND_PASSWORD] = { "token endpoint", "Direct access grants" },
        [GRANT_KIND_DEVICE] = { "device authorization endpoint",
                                "OAuth 2.0 Device Authorization Grant" },
        [GRANT_KIND_DEVICE_POLL] = { "token endpoint", "OAuth 2.0 Device Authorization Grant" },
        [GRANT_KIND_PUSH] = { "backchannel authentication endpoint", "OIDC CIBA Grant" },
        [GRANT_KIND_PUSH_POLL] = { "token endpoint", "OIDC CIBA Grant" },
};

/* RFC 6749 §5.2, RFC 8628 §3.5, CIBA Core 1.0 §11 and §13. Other words say nothing of the person
 * (invalid_request, server_error, temporarily_unavailable…): they are UNAVAILABLE. */
static const struct {
        const char *word;
        GrantResult result;
} words[] = {
        { "authorization_pending", GRANT_PENDING },
        { "slow_down", GRANT_SLOW_DOWN },
        { "access_denied", GRANT_DENIED },
        { "expired_token", GRANT_EXPIRED },
        { "invalid_grant", GRANT_INVALID },
        { "unknown_user_id", GRANT_INVALID },
        { "missing_user_code", GRANT_INVALID },
        { "invalid_user_code", GRANT_INVALID },
        { "invalid_client", GRANT_NOT_PERMITTED },
        { "unauthorized_client", GRANT_NOT_PERMITTED },
        { "unsupported_grant_type", GRANT_NOT_PERMITTED },
        { "invalid_scope", GRANT_NOT_PERMITTED },
        { "invalid_binding_message", GRANT_NOT_PERMITTED },
};

/* Where Keycloak says invalid_grant and means something else, by the beginning of its description
 * (its CibaGrantType, DeviceGrantType and ResourceOwnerPasswordCredentialsGrantType). */
static const struct {
        const char *begins;
        GrantResult result;
} meanings[] = {
        { "Account is not fully set up", GRANT_ACTION },
        { "Client not allowed", GRANT_NOT_PERMITTED },
};

static const char *const result_texts[] = {
        [GRANT_UNAVAILABLE] = "unavailable",
        [GRANT_GRANTED] = "granted",
        [GRANT_PENDING] = "pending",
        [GRANT_SLOW_DOWN] = "slow_down",
        [GRANT_DENIED] = "denied",
        [GRANT_EXPIRED] = "expired",
        [GRANT_INVALID] = "invalid",
        [GRANT_ACTION] = "action",
        [GRANT_NOT_PERMITTED] = "not_permitted",
};

const char *grant_result_text(GrantResult result)
{
        return result_texts[result];
}

/* Nothing of it stays but the object, to be erased. */
static void grant_reply_refuse(GrantReply *reply, char *trouble)
{
        *reply = (GrantReply){
                .object = reply->object,
                .error = "",
                .description = "",
                .trouble = trouble,
        };
}

static bool is_printable(Span text)
{
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] < 0x20 || text.data[i] > 0x7e)
                        return false;
        return true;
}

/* Members. Each: absent leaves *ret as it is; malformed is false. */

static bool read_printable(const json_t *object, const char *member, size_t len_max, Span *ret)
{
        Span text = SPAN_EMPTY;
        int r = json_member_string(object, member, &text);

        if (r == -ENOENT)
                return true;
        if (r != 0 || text.len == 0 || text.len > len_max || !is_printable(text))
                return false;
        *ret = text;
        return true;
}

static bool read_url(const json_t *object, const char *member, const char **ret)
{
        Span text = SPAN_EMPTY;

        if (!read_printable(object, member, GRANT_TEXT_MAX, &text))
                return false;
        if (text.len == 0)
                return true;
        if (memchr(text.data, ' ', text.len) || !fetch_url_allowed(text.data, NULL))
                return false;
        *ret = text.data;
        return true;
}

static bool read_seconds(const json_t *object, const char *member, int64_t *ret)
{
        const json_t *value = json_object_get(object, member);

        if (!value)
                return true;
        if (!json_is_integer(value) || json_integer_value(value) < 0)
                return false;
        *ret = json_integer_value(value);
        return true;
}

/* Granted. Each gives the member that is of no use, or NULL. */

static const char *read_token(const json_t *object, GrantReply *reply)
{
        Span type = SPAN_EMPTY;

        if (!read_printable(object, "access_token", GRANT_SIZE_MAX, &reply->access_token) ||
            reply->access_token.len == 0)
                return "access_token";
        if (!read_printable(object, "token_type", GRANT_TEXT_MAX, &type) ||
            g_ascii_strcasecmp(type.data, "Bearer") != 0)
                return "token_type";
        if (!read_printable(object, "refresh_token", GRANT_SIZE_MAX, &reply->refresh_token))
                return "refresh_token";
        if (!read_printable(object, "id_token", GRANT_SIZE_MAX, &reply->id_token))
                return "id_token";
        return read_seconds(object, "expires_in", &reply->expires_in_sec) ? NULL : "expires_in";
}

static const char *read_waiting(const json_t *object, const char *code, GrantReply *reply)
{
        if (!read_printable(object, code, GRANT_CODE_MAX, &reply->code) || reply->code.len == 0)
                return code;
        if (!read_seconds(object, "expires_in", &reply->expires_in_sec) ||
            reply->expires_in_sec == 0)
                return "expires_in";
        reply->expires_in_sec = MIN(reply->expires_in_sec, GRANT_DEVICE_EXPIRES_MAX);
        reply->interval_sec = GRANT_INTERVAL_SEC;
        if (!read_seconds(object, "interval", &reply->interval_sec))
                return "interval";
        reply->interval_sec = CLAMP(reply->interval_sec, 1, GRANT_INTERVAL_SEC_MAX);
        return NULL;
}

static const char *read_device(const json_t *object, GrantReply *reply)
{
        Span user_code = SPAN_EMPTY;

        if (!read_printable(object, "user_code", GRANT_USER_CODE_MAX, &user_code) ||
            user_code.len == 0)
                return "user_code";
        reply->user_code = user_code.data;
        if (!read_url(object, "verification_uri", &reply->verification_uri) ||
            !reply->verification_uri)
                return "verification_uri";
        if (!read_url(object, "verification_uri_complete", &reply->verification_uri_complete))
                return "verification_uri_complete";
        return read_waiting(object, "device_code", reply);
}

static const char *read_push(const json_t *object, GrantReply *reply)
{
        return read_waiting(object, "auth_req_id", reply);
}

static void grant_reply_read_granted(GrantKind kind, GrantReply *reply)
{
        static const char *(*const read[_GRANT_KIND_MAX])(const json_t *, GrantReply *) = {
                [GRANT_KIND_CLIENT] = read_token,  [GRANT_KIND_PASSWORD] = read_token,
                [GRANT_KIND_DEVICE] = read_device, [GRANT_KIND_DEVICE_POLL] = read_token,
                [GRANT_KIND_PUSH] = read_push,     [GRANT_KIND_PUSH_POLL] = read_token,
        };
        const char *member = read[kind](reply->object, reply);

        if (member)
                grant_reply_refuse(reply, g_strdup_printf("%s of the %s's answer is not there, or "
                                                          "of no use",
                                                          member, kinds[kind].endpoint));
        else
                reply->result = GRANT_GRANTED;
}

/* Refused. */

static GrantResult result_of(const GrantReply *reply)
{
        for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++)
                if (strcmp(reply->error, "invalid_grant") == 0 &&
                    g_str_has_prefix(reply->description, meanings[i].begins))
                        return meanings[i].result;
        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                if (strcmp(reply->error, words[i].word) == 0)
                        return words[i].result;
        return GRANT_UNAVAILABLE;
}

/* Keycloak says unauthorized_client of a wrong secret too. */
static bool says_unknown_client(const GrantReply *reply)
{
        return strcmp(reply->error, "invalid_client") == 0 ||
               (strcmp(reply->error, "unauthorized_client") == 0 &&
                g_str_has_prefix(reply->description, "Invalid client"));
}

static char *say_not_permitted(GrantKind kind, const char *client_id, const GrantReply *reply)
{
        if (says_unknown_client(reply))
                return g_strdup_printf("the provider does not accept authd's client %s: check "
                                       "client_id, client_auth and the secret or key",
                                       client_id);
        if (strcmp(reply->error, "invalid_scope") == 0)
                return g_strdup_printf("client %s may not ask for this scope", client_id);
        if (strcmp(reply->error, "invalid_binding_message") == 0)
                return g_strdup("the provider does not take this binding message");
        return g_strdup_printf("client %s may not ask so: switch on \"%s\" for it", client_id,
                               kinds[kind].capability);
}

static void grant_reply_read_error(GrantKind kind, const char *client_id, GrantReply *reply)
{
        Span description = SPAN_EMPTY;

        if (json_member_string(reply->object, "error_description", &description) == 0 &&
            description.len <= GRANT_TEXT_MAX)
                reply->description = description.data;
        reply->result = result_of(reply);
        if (reply->result == GRANT_UNAVAILABLE)
                reply->trouble = g_strdup_printf("the %s answered with error %s",
                                                 kinds[kind].endpoint, reply->error);
        if (reply->result == GRANT_NOT_PERMITTED)
                reply->trouble = say_not_permitted(kind, client_id, reply);
}

/* RFC 6749 §5.2 says 400, and 401 to a client; Keycloak says 401 of a wrong password too, and CIBA
 * Core §13 says 403. */
static bool status_may_refuse(unsigned status)
{
        return status == 200 || status == 400 || status == 401 || status == 403;
}

/* What can be read as an answer of these endpoints at all: an object, with a usable error or, with
 * status 200, none. */
static bool grant_reply_read_object(unsigned status, Span body, GrantReply *reply)
{
        static const JsonLimits limits = { GRANT_SIZE_MAX, GRANT_DEPTH_MAX };
        Span error = SPAN_EMPTY;

        if (!status_may_refuse(status) || json_parse_object(body, &limits, &reply->object) != 0 ||
            !read_printable(reply->object, "error", GRANT_TEXT_MAX, &error))
                return false;
        reply->error = error.data;
        return error.len > 0 || status == 200;
}

void grant_reply_read(GrantKind kind, const char *client_id, unsigned status, Span body,
                      GrantReply *ret)
{
        *ret = (GrantReply){ .error = "", .description = "" };
        if (!grant_reply_read_object(status, body, ret)) {
                grant_reply_refuse(ret, g_strdup_printf("the %s's answer (HTTP status %u) is of no "
                                                        "use",
                                                        kinds[kind].endpoint, status));
                return;
        }
        if (ret->error[0])
                grant_reply_read_error(kind, client_id, ret);
        else
                grant_reply_read_granted(kind, ret);
}

void grant_reply_unavailable(char *trouble, GrantReply *ret)
{
        *ret = (GrantReply){ .error = "", .description = "", .trouble = trouble };
}

/* Life */

/* The texts of an object may be secrets; jansson frees them as they are. */
static void erase_texts(json_t *value)
{
        const char *name;
        json_t *member;
        size_t index;

        if (json_is_string(value))
                secret_erase((char *) json_string_value(value), json_string_length(value));
        json_array_foreach (value, index, member) {
                erase_texts(member);
        }
        json_object_foreach (value, name, member) {
                erase_texts(member);
        }
}

void grant_reply_clear(GrantReply *reply)
{
        if (reply->object)
                erase_texts(reply->object);
        json_decref(reply->object);
        g_free(reply->trouble);
        *reply = (GrantReply){ 0 };
}

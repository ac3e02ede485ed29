/* grant: see grant.h. What an answer means is grantreply's. */
#include "issuer/grant.h"

#include "issuer/grantreply.h"

#define GRANT_TYPE_DEVICE "urn:ietf:params:oauth:grant-type:device_code" /* RFC 8628 §3.4 */
#define GRANT_TYPE_PUSH   "urn:openid:params:grant-type:ciba"            /* CIBA Core 1.0 §10.1 */

struct Grant {
        Fetch *fetch;
        GrantKind kind;
        char *client_id;
        union {
                GrantDone token;
                DeviceDone device;
                PushDone push;
        } done; /* by kind */
        void *userdata;
};

static void grant_free(Grant *grant)
{
        g_free(grant->client_id);
        g_free(grant);
}

/* Answers */

static void tell_token(const Grant *grant, const GrantReply *reply, int64_t retry_after_sec)
{
        const GrantAnswer answer = {
                .result = reply->result,
                .access_token = reply->access_token,
                .refresh_token = reply->refresh_token,
                .id_token = reply->id_token,
                .expires_in_sec = reply->expires_in_sec,
                .error = reply->error,
                .description = reply->description,
                .retry_after_sec = retry_after_sec,
                .trouble = reply->trouble,
        };

        grant->done.token(&answer, grant->userdata);
}

static void tell_device(const Grant *grant, const GrantReply *reply, int64_t retry_after_sec)
{
        const DeviceAnswer answer = {
                .result = reply->result,
                .device_code = reply->code,
                .user_code = reply->user_code,
                .verification_uri = reply->verification_uri,
                .verification_uri_complete = reply->verification_uri_complete,
                .expires_in_sec = reply->expires_in_sec,
                .interval_sec = reply->interval_sec,
                .trouble = reply->trouble,
        };

        grant->done.device(&answer, grant->userdata);
}

static void tell_push(const Grant *grant, const GrantReply *reply, int64_t retry_after_sec)
{
        const PushAnswer answer = {
                .result = reply->result,
                .auth_req_id = reply->code,
                .expires_in_sec = reply->expires_in_sec,
                .interval_sec = reply->interval_sec,
                .trouble = reply->trouble,
        };

        grant->done.push(&answer, grant->userdata);
}

static void grant_on_fetched(const FetchAnswer *answer, void *userdata)
{
        static void (*const tell[_GRANT_KIND_MAX])(const Grant *, const GrantReply *, int64_t) = {
                [GRANT_KIND_CLIENT] = tell_token,  [GRANT_KIND_PASSWORD] = tell_token,
                [GRANT_KIND_DEVICE] = tell_device, [GRANT_KIND_DEVICE_POLL] = tell_token,
                [GRANT_KIND_PUSH] = tell_push,     [GRANT_KIND_PUSH_POLL] = tell_token,
        };
        Grant *grant = userdata;
        g_auto(GrantReply) reply = { 0 };
        bool busy = answer->status == 429 || answer->status == 503;

        if (answer->error != 0)
                grant_reply_unavailable(
                    g_strdup(answer->trouble ? answer->trouble : g_strerror(-answer->error)),
                    &reply);
        else
                grant_reply_read(grant->kind, grant->client_id, answer->status, answer->body,
                                 &reply);
        tell[grant->kind](grant, &reply, busy ? answer->retry_after_sec : 0);
        grant_free(grant);
}

/* Questions */

static Fetch *grant_fetch(Grant *grant, Fetcher *fetcher, const GrantTarget *target,
                          const char *endpoint, Span form, const ClientAuth *auth)
{
        static const char *const headers[] = { "Accept: application/json", NULL };
        const FetchOptions options = {
                .url = endpoint,
                .ca_pem = target->ca_pem,
                .cert_file = auth->cert_file,
                .cert_key_file = auth->cert_key_file,
                .proxy = target->proxy,
                .headers = headers,
                .body = form,
                .form = true,
                .basic_user = auth->basic_user,
                .basic_password =
                    auth->basic_password ? secret_bytes(auth->basic_password) : SPAN_EMPTY,
                .size_max = GRANT_SIZE_MAX,
                .deadline_usec = GRANT_CALL_USEC,
        };

        return fetch_start(fetcher, &options, grant_on_fetched, grant);
}

/* Erases the form. endpoint NULL: not known, or none. */
static Grant *grant_start(Grant *grant, Fetcher *fetcher, const GrantTarget *target,
                          const char *endpoint, GString *form)
{
        g_auto(ClientAuth) auth = { 0 };
        g_autoptr(GError) error = NULL;

        grant->client_id = g_strdup(target->client->client_id);
        if (!endpoint)
                grant->fetch = fetch_refuse(fetcher, "it names no such endpoint, or has not yet",
                                            grant_on_fetched, grant);
        else if (client_auth_prepare(target->client, target->issuer_url, form, &auth, &error))
                grant->fetch = grant_fetch(grant, fetcher, target, endpoint,
                                           span_of(form->str, form->len), &auth);
        else
                grant->fetch = fetch_refuse(fetcher, error->message, grant_on_fetched, grant);
        client_auth_form_free(form);
        return grant;
}

static Grant *grant_new(GrantKind kind, void *userdata)
{
        Grant *grant = g_new0(Grant, 1);

        grant->kind = kind;
        grant->userdata = userdata;
        return grant;
}

static GString *form_new(const char *grant_type, const char *scope)
{
        GString *form = g_string_new(NULL);

        if (grant_type)
                client_auth_form_append(form, "grant_type", span_from(grant_type));
        if (scope)
                client_auth_form_append(form, "scope", span_from(scope));
        return form;
}

static Grant *grant_ask_token(GrantKind kind, Fetcher *fetcher, const GrantTarget *target,
                              GString *form, GrantDone done, void *userdata)
{
        Grant *grant = grant_new(kind, userdata);

        grant->done.token = done;
        return grant_start(grant, fetcher, target, target->token_endpoint, form);
}

Grant *grant_client_credentials(Fetcher *fetcher, const GrantTarget *target, const char *scope,
                                GrantDone done, void *userdata)
{
        return grant_ask_token(GRANT_KIND_CLIENT, fetcher, target,
                               form_new("client_credentials", scope), done, userdata);
}

Grant *grant_password(Fetcher *fetcher, const GrantTarget *target, const char *scope, Span username,
                      Span password, Span otp, GrantDone done, void *userdata)
{
        GString *form = form_new("password", scope);

        client_auth_form_append(form, "username", username);
        client_auth_form_append(form, "password", password);
        if (otp.len > 0)
                client_auth_form_append(form, "totp", otp);
        return grant_ask_token(GRANT_KIND_PASSWORD, fetcher, target, form, done, userdata);
}

Grant *grant_device_begin(Fetcher *fetcher, const GrantTarget *target, const char *scope,
                          DeviceDone done, void *userdata)
{
        Grant *grant = grant_new(GRANT_KIND_DEVICE, userdata);

        grant->done.device = done;
        return grant_start(grant, fetcher, target, target->device_endpoint, form_new(NULL, scope));
}

Grant *grant_device_poll(Fetcher *fetcher, const GrantTarget *target, Span device_code,
                         GrantDone done, void *userdata)
{
        GString *form = form_new(GRANT_TYPE_DEVICE, NULL);

        client_auth_form_append(form, "device_code", device_code);
        return grant_ask_token(GRANT_KIND_DEVICE_POLL, fetcher, target, form, done, userdata);
}

Grant *grant_push_begin(Fetcher *fetcher, const GrantTarget *target, const char *scope,
                        const char *login_hint, const char *binding_message, PushDone done,
                        void *userdata)
{
        Grant *grant = grant_new(GRANT_KIND_PUSH, userdata);
        GString *form = form_new(NULL, scope);

        grant->done.push = done;
        client_auth_form_append(form, "login_hint", span_from(login_hint));
        if (binding_message)
                client_auth_form_append(form, "binding_message", span_from(binding_message));
        return grant_start(grant, fetcher, target, target->push_endpoint, form);
}

Grant *grant_push_poll(Fetcher *fetcher, const GrantTarget *target, Span auth_req_id,
                       GrantDone done, void *userdata)
{
        GString *form = form_new(GRANT_TYPE_PUSH, NULL);

        client_auth_form_append(form, "auth_req_id", auth_req_id);
        return grant_ask_token(GRANT_KIND_PUSH_POLL, fetcher, target, form, done, userdata);
}

void grant_cancel(Grant *grant)
{
        if (!grant)
                return;
        fetch_cancel(grant->fetch);
        grant_free(grant);
}

/* clientauth_stub: client_secret_post alone, until clientauth.c is there. */
#include "issuer/clientauth.h"

void client_auth_settings_clear(ClientAuthSettings *settings)
{
        g_free(settings->client_id);
        g_free(settings->secret_file);
}

void client_auth_settings_copy(const ClientAuthSettings *from, ClientAuthSettings *ret)
{
        *ret = (ClientAuthSettings){ .client_id = g_strdup(from->client_id),
                                     .method = from->method,
                                     .secret_file = g_strdup(from->secret_file) };
}

const char *client_auth_method_text(ClientAuthMethod method)
{
        return "client_secret_basic";
}

bool client_auth_prepare(const ClientAuthSettings *settings, const char *audience, GString *form,
                         ClientAuth *ret, GError **error)
{
        g_autoptr(Secret) secret = secret_read_file(settings->secret_file, error);

        if (!secret)
                return false;
        g_string_append_printf(form, "&client_id=%s&client_secret=%.*s", settings->client_id,
                               (int) secret_bytes(secret).len, secret_bytes(secret).data);
        return true;
}

void client_auth_clear(ClientAuth *auth)
{
}

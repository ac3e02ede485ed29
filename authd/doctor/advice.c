/* advice: see advice.h. */
#include "doctor/advice.h"

#include "token/json.h"

#include <errno.h>

/* StatusWords: what a failed call is likely to mean. */
typedef struct StatusWords {
        unsigned from, to;
        const char *advice;
} StatusWords;

static const StatusWords status_words[] = {
        { 300, 399, "authd follows no redirects: set url, or fetch_url, to where this one leads." },
        { 401, 403,
          "The provider wants to know who asks. Kubernetes: set fetch_token_file, or bind the role "
          "system:service-account-issuer-discovery to system:unauthenticated." },
        { 404, 404,
          "There is no such issuer: compare url with the provider's own name for it (Keycloak: "
          "https://HOST/realms/REALM, without /auth since version 17)." },
        { 429, 429, "The provider limits how often it is asked: raise its limit for this host." },
        { 500, 599, "The provider, or a proxy before it, is in trouble: see its log." },
};

typedef struct ErrorWords {
        int error;
        const char *advice;
} ErrorWords;

static const ErrorWords error_words[] = {
        { -ECONNREFUSED, "Nobody listens there: start the provider, or set fetch_url to where it "
                         "is reached from this host." },
        { -ETIMEDOUT, "It hangs, or a firewall drops what we send: try curl -m 5 URL from this "
                      "host, and set proxy if it is reached by one." },
        { -EPROTO, "For an authority of your own set ca_file; for another host name in the "
                   "certificate set fetch_url to that name." },
        { -EFBIG, "Whatever answers there is not the provider's discovery: check url." },
        { -EPERM, "Use https; plain http is for loopback alone." },
};

char *advice_of_error(int error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(error_words); i++)
                if (error_words[i].error == error)
                        return g_strdup(error_words[i].advice);
        return g_strdup("Check the host's name, its DNS entry and the route to it, or set "
                        "fetch_url to where it is reached from this host.");
}

char *advice_of_status(unsigned status)
{
        for (size_t i = 0; i < G_N_ELEMENTS(status_words); i++)
                if (status >= status_words[i].from && status <= status_words[i].to)
                        return g_strdup(status_words[i].advice);
        return g_strdup("Check url: this is not how a provider answers.");
}

/* What to do about a key that is left out. */
static const char *const skipped_advice[] = {
        [JWK_E_MALFORMED] = "The provider publishes a broken key: tokens signed with it are "
                            "refused.",
        [JWK_E_UNSUPPORTED] = "Tokens signed with such a key are refused: let the provider sign "
                              "with RS256, PS256, ES256 or EdDSA.",
        [JWK_E_WEAK] = "Keycloak's admin console: Realm settings → Keys → Add providers → "
                       "rsa-generated, at least 2048 bits and a higher priority; then disable the "
                       "weak one.",
        [JWK_E_PRIVATE] = "The provider publishes a PRIVATE key: whoever fetched it can sign. "
                          "Replace it at once, and distrust_kid it here.",
        [JWK_E_TOO_MANY] = "Remove old keys from the provider.",
        [JWK_E_EMPTY] = "Keycloak's admin console: Realm settings → Keys: enable a key for "
                        "signatures.",
        [JWK_E_DUPLICATE] = "Two keys have one kid: rename or remove one of them at the provider.",
};

char *advice_of_key(int answer)
{
        bool known = answer > 0 && (size_t) answer < G_N_ELEMENTS(skipped_advice);

        return g_strdup(known && skipped_advice[answer]
                            ? skipped_advice[answer]
                            : "Check jwks_uri: it must be a JWKS (RFC 7517).");
}

#define FOUND_UNKNOWN "the provider does not believe that we are this client"
#define ADVICE_NO_ACCOUNT                                                                          \
        "Keycloak's admin console: Clients → " ADVICE_CLIENT_WORD                                  \
        " → Settings → Capability config: "                                                    \
        "Client authentication = On, Service accounts roles = On."

static const RefusalWords refusals[] = {
        { "unauthorized_client", "service account", true, "the client has no service account",
          ADVICE_NO_ACCOUNT },
        { "unauthorized_client", "redential", false, FOUND_UNKNOWN, NULL },
        { "invalid_client", NULL, false, FOUND_UNKNOWN, NULL },
        { "unauthorized_client", NULL, true, "the client may not use client_credentials",
          ADVICE_NO_ACCOUNT },
        { "unsupported_grant_type", NULL, true, "the provider knows no client_credentials",
          "Nothing of the policies can be seen without it." },
        { "invalid_scope", NULL, true, "the client's default scopes are refused",
          "Keycloak's admin console: Clients → " ADVICE_CLIENT_WORD " → Client scopes." },
};

static const char *const method_texts[] = {
        [CLIENT_AUTH_SECRET_BASIC] =
            "Keycloak's admin console: Clients → " ADVICE_CLIENT_WORD " → Credentials: Client "
            "Authenticator = Client Id and Secret; write its Client Secret into "
            "client_secret_file.",
        [CLIENT_AUTH_SECRET_POST] =
            "Keycloak's admin console: Clients → " ADVICE_CLIENT_WORD " → Credentials: Client "
            "Authenticator = Client Id and Secret; write its Client Secret into "
            "client_secret_file.",
        [CLIENT_AUTH_PRIVATE_KEY_JWT] =
            "Keycloak's admin console: Clients → " ADVICE_CLIENT_WORD " → Credentials: Client "
            "Authenticator = Signed JWT; Keys: import the certificate or JWKS of "
            "client_key_file, its kid as client_key_id.",
        [CLIENT_AUTH_TLS] =
            "Keycloak's admin console: Clients → " ADVICE_CLIENT_WORD " → Credentials: Client "
            "Authenticator = X509 Certificate, Subject DN = that of client_cert_file; the server "
            "must ask for certificates (--https-client-auth=request).",
};

static bool refusal_is(const RefusalWords *words, const json_t *object)
{
        const char *description = json_string_value(json_object_get(object, "error_description"));

        Span error = SPAN_EMPTY;

        return json_member_string(object, "error", &error) == 0 &&
               span_equal_string(error, words->error) &&
               (!words->description || (description && strstr(description, words->description)));
}

const RefusalWords *refusal_find(const json_t *object)
{

        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (object && refusal_is(&refusals[i], object))
                        return &refusals[i];
        return NULL;
}

const char *advice_of_method(ClientAuthMethod method)
{
        return method_texts[method];
}

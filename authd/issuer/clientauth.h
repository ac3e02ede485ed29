/* clientauth: how we prove to a provider that we are the client that it knows.
 *
 * client_secret_basic (RFC 6749 §2.3.1, its user and password form-encoded), client_secret_post,
 * private_key_jwt (RFC 7523 §2.2, signed with libjwt: iss and sub the client, aud the issuer, a
 * random jti, a minute to live) and tls_client_auth (RFC 8705 §2). Secrets and keys are read from
 * their files at each use, so a changed file counts at once, and erased after. Main thread. */
#pragma once

#include "base/secret.h"
#include "net/fetch.h"

#define CLIENT_ASSERTION_SEC 60
#define CLIENT_ID_SIZE_MAX   256

typedef enum ClientAuthMethod {
        CLIENT_AUTH_SECRET_BASIC,
        CLIENT_AUTH_SECRET_POST,
        CLIENT_AUTH_PRIVATE_KEY_JWT,
        CLIENT_AUTH_TLS,
        _CLIENT_AUTH_MAX,
} ClientAuthMethod;

/* ClientAuthSettings: part of IssuerSettings; which files are needed is the method's to say. */
typedef struct ClientAuthSettings {
        char *client_id; /* NULL: we are no client of this provider */
        ClientAuthMethod method;
        char *secret_file;   /* client_secret_* */
        char *key_file;      /* private_key_jwt: PEM, RSA at least 2048 bits, EC P-256/384/521 */
        char *key_id;        /* its kid; NULL: the header names none */
        char *cert_file;     /* tls_client_auth: PEM chain */
        char *cert_key_file; /* and its key */
} ClientAuthSettings;

void client_auth_settings_clear(ClientAuthSettings *settings);
void client_auth_settings_copy(const ClientAuthSettings *from, ClientAuthSettings *ret);
bool client_auth_settings_equal(const ClientAuthSettings *a, const ClientAuthSettings *b);
const char *client_auth_method_text(ClientAuthMethod method); /* the OAuth name */
bool client_auth_method_from_text(const char *text, ClientAuthMethod *ret);
/* client_auth_settings_trouble: what is missing or too much, as a sentence, and the setting that it
 * is about; NULL: nothing. */
const char *client_auth_settings_trouble(const ClientAuthSettings *settings, const char **ret_key);

/* ClientAuth: one proof, ready to be put into FetchOptions; it owns what they borrow. */
typedef struct ClientAuth {
        char *basic_user; /* NULL unless basic */
        Secret *basic_password;
        const char *cert_file; /* NULL unless TLS; borrowed from the settings */
        const char *cert_key_file;
} ClientAuth;

/* client_auth_form_append: name=value in form-encoding (RFC 6749 appendix B), behind a & unless it
 * is the first. form may hold secrets: it grows without leaving copies, and is freed by
 * client_auth_form_free, which erases it. */
void client_auth_form_append(GString *form, const char *name, Span value);
void client_auth_form_free(GString *form); /* takes NULL */

/* client_auth_prepare: appends the form's members ("&client_id=…") to form, which
 * client_auth_form_free frees,, and fills ret. audience is the issuer's url. False: the sentence
 * names the file and what to do. */
bool client_auth_prepare(const ClientAuthSettings *settings, const char *audience, GString *form,
                         ClientAuth *ret, GError **error);
void client_auth_clear(ClientAuth *auth);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ClientAuth, client_auth_clear)

/* fake_provider: a fake identity provider on a loopback port, for unit tests of issuer only.
 *
 * It knows no protocol beyond "this path, this answer": no signatures, no state, nothing of
 * Keycloak. Behaviour is tested against devidp and the real Keycloak. One thread of its own; all
 * functions are for the test's thread. */
#pragma once

#include <glib.h>

#define FAKE_PROVIDER_ISSUER_PATH    "/realms/fake"
#define FAKE_PROVIDER_DISCOVERY_PATH FAKE_PROVIDER_ISSUER_PATH "/.well-known/openid-configuration"
#define FAKE_PROVIDER_KEYS_PATH      FAKE_PROVIDER_ISSUER_PATH "/certs"

typedef struct FakeProvider FakeProvider;

/* fake_provider_new: every path is 404 at first. */
FakeProvider *fake_provider_new(void);
const char *fake_provider_url(const FakeProvider *provider); /* the issuer's */
/* fake_provider_serve: from now on; headers are whole lines with CRLF, or "". With an ETag among
 * them, who sends it back is told 304 with the same headers. */
void fake_provider_serve(FakeProvider *provider, const char *path, unsigned status,
                         const char *headers, const char *body);
/* fake_provider_hold: answers wait until release, and are then those of that moment. */
void fake_provider_hold(FakeProvider *provider);
void fake_provider_release(FakeProvider *provider);
unsigned fake_provider_count(FakeProvider *provider, const char *path); /* requests that came */
/* fake_provider_head: of the last request for path, with its body; caller frees. NULL: none came.
 */
char *fake_provider_head(FakeProvider *provider, const char *path);
void fake_provider_die(FakeProvider *provider); /* its port is closed from now on */
void fake_provider_free(FakeProvider *provider);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeProvider, fake_provider_free)

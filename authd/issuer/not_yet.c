/* Stand-ins until the real ones are merged. */
#include "issuer/distrust.h"
#include "issuer/introspect.h"
#include "issuer/snapshot.h"

#include <errno.h>

struct Introspector {
        int n;
};
Introspector *introspector_new(Fetcher *f, MetricFamily *m)
{
        return g_new0(Introspector, 1);
}
void introspector_configure(Introspector *i, const IntrospectTarget *t)
{
        i->n++;
}
void introspector_ask(Introspector *i, Span token, Claims *own, IntrospectDone done, void *u)
{
        IntrospectAnswer a = { .result = INTROSPECT_INACTIVE };
        done(&a, u);
}
void introspector_status(const Introspector *i, IntrospectStatus *ret)
{
}
void introspector_free(Introspector *i)
{
        g_free(i);
}
void client_auth_settings_clear(ClientAuthSettings *s)
{
        g_free(s->client_id);
        g_free(s->secret_file);
        g_free(s->key_file);
        g_free(s->key_id);
        g_free(s->cert_file);
        g_free(s->cert_key_file);
        *s = (ClientAuthSettings){ 0 };
}
void client_auth_settings_copy(const ClientAuthSettings *a, ClientAuthSettings *r)
{
        *r = *a;
        r->client_id = g_strdup(a->client_id);
        r->secret_file = g_strdup(a->secret_file);
        r->key_file = g_strdup(a->key_file);
        r->key_id = g_strdup(a->key_id);
        r->cert_file = g_strdup(a->cert_file);
        r->cert_key_file = g_strdup(a->cert_key_file);
}
const char *client_auth_method_text(ClientAuthMethod m)
{
        return "client_secret_basic";
}

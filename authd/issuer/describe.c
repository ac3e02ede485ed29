/* describe: parts of an issuer's status, as JSON. See describe.h. */
#include "issuer/describe.h"

#include "base/clock.h"

json_t *describe_text(const char *text)
{
        g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

        return valid ? json_string(valid) : json_null();
}

json_t *describe_at(int64_t monotonic_usec)
{
        int64_t wait_usec = monotonic_usec - clock_monotonic_usec();

        return json_integer(clock_wall_sec() + wait_usec / G_USEC_PER_SEC);
}

static json_t *describe_key(const Key *key, bool distrusted)
{
        static const char *const type_names[] = {
                [KEY_TYPE_RSA] = "RSA",
                [KEY_TYPE_EC] = "EC",
                [KEY_TYPE_OKP] = "OKP",
        };
        static const char *const curve_names[] = {
                [CURVE_NONE] = NULL,    [CURVE_P256] = "P-256",      [CURVE_P384] = "P-384",
                [CURVE_P521] = "P-521", [CURVE_ED25519] = "Ed25519", [CURVE_ED448] = "Ed448",
        };
        json_t *object = json_object(), *algs = json_array();

        for (AlgId id = 0; id < _ALG_MAX; id++)
                if (alg_set_has(key->algs, id))
                        json_array_append_new(algs, json_string(alg_get(id)->name));
        json_object_set_new(object, "kid", describe_text(key->kid));
        json_object_set_new(object, "kty", json_string(type_names[key->type]));
        json_object_set_new(object, "crv", describe_text(curve_names[key->curve]));
        json_object_set_new(object, "bits", json_integer(key->bits));
        json_object_set_new(object, "algs", algs);
        json_object_set_new(object, "distrusted", json_boolean(distrusted));
        return object;
}

json_t *describe_keys(const KeySet *keys, const Distrust *distrust, const IssuerSettings *settings)
{
        json_t *array = json_array();

        for (size_t i = 0; keys && i < keyset_size(keys); i++) {
                const Key *key = keyset_get(keys, i);
                bool distrusted = distrust_has(distrust, settings->url, key,
                                               (const char *const *) settings->distrust_kid);

                json_array_append_new(array, describe_key(key, distrusted));
        }
        return array;
}

static json_t *describe_distrust(const char *name, json_t *at, bool setting)
{
        json_t *object = json_object();

        json_object_set_new(object, "key", describe_text(name));
        json_object_set_new(object, "at", at);
        json_object_set_new(object, "setting", json_boolean(setting));
        return object;
}

static void describe_entry(const char *name, int64_t at_sec, void *userdata)
{
        json_array_append_new(userdata, describe_distrust(name, json_integer(at_sec), false));
}

json_t *describe_distrusted(const Distrust *distrust, const IssuerSettings *settings)
{
        json_t *array = json_array();

        distrust_each(distrust, settings->url, describe_entry, array);
        for (char **name = settings->distrust_kid; name && *name; name++)
                json_array_append_new(array, describe_distrust(*name, json_null(), true));
        return array;
}

static const char *describe_introspection_state(const IntrospectStatus *status,
                                                const char *endpoint)
{
        if (!endpoint)
                return "unknown_endpoint";
        if (status->open_until_usec > clock_monotonic_usec())
                return "open";
        if (status->failing_since_usec != 0)
                return "failing";
        return status->not_permitted ? "not_permitted" : "ready";
}

json_t *describe_introspection(const Introspector *introspector, const char *endpoint,
                               const ClientAuthSettings *client)
{
        IntrospectStatus status = { 0 };
        json_t *object;

        if (!introspector)
                return json_null();
        introspector_status(introspector, &status);
        object = json_object();
        json_object_set_new(object, "client_id", describe_text(client->client_id));
        json_object_set_new(object, "method", json_string(client_auth_method_text(client->method)));
        json_object_set_new(object, "endpoint", describe_text(endpoint));
        json_object_set_new(object, "state",
                            json_string(describe_introspection_state(&status, endpoint)));
        json_object_set_new(object, "in_flight", json_integer(status.n_calls));
        json_object_set_new(object, "waiting", json_integer(status.n_waiting));
        json_object_set_new(object, "failures", json_integer(status.n_failures));
        json_object_set_new(object, "last_error", describe_text(status.last_error));
        return object;
}

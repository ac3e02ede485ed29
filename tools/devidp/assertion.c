#include "assertion.h"

#include "sign.h"

#include <string.h>

struct Assertions {
        GHashTable *used; /* client and jti → exp */
};

Assertions *assertions_new(void)
{
        Assertions *assertions = g_new0(Assertions, 1);

        assertions->used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return assertions;
}

void assertions_free(Assertions *assertions)
{
        if (!assertions)
                return;
        g_hash_table_destroy(assertions->used);
        g_free(assertions);
}

static const char *text_of(const json_t *claims, const char *name)
{
        return json_string_value(json_object_get(claims, name));
}

char *assertion_client_id(const char *assertion)
{
        g_auto(GStrv) parts = g_strsplit(assertion, ".", 4);
        size_t len;

        if (g_strv_length(parts) != 3)
                return NULL;
        g_autofree unsigned char *bytes = sign_base64url_decode(parts[1], &len);
        json_t *claims = json_loadb((const char *) bytes, len, JSON_REJECT_DUPLICATES, NULL);
        char *id = g_strdup(text_of(claims, "iss"));
        json_decref(claims);
        return id;
}

static gboolean is_over(gpointer name, gpointer exp, gpointer now_sec)
{
        return *(const gint64 *) exp <= *(const gint64 *) now_sec;
}

/* use: false: used before, or no room to remember. */
static bool use(Assertions *assertions, const Client *client, const json_t *claims, gint64 now_sec)
{
        gint64 exp = json_integer_value(json_object_get(claims, "exp"));
        g_autofree char *name = g_strdup_printf("%s\n%s", client->id, text_of(claims, "jti"));

        g_hash_table_foreach_remove(assertions->used, is_over, &now_sec);
        if (g_hash_table_contains(assertions->used, name) ||
            g_hash_table_size(assertions->used) >= ASSERTIONS_MAX)
                return false;
        g_hash_table_insert(assertions->used, g_steal_pointer(&name), g_memdup2(&exp, sizeof(exp)));
        return true;
}

static bool is_for(const json_t *claims, const char *issuer_url)
{
        const json_t *aud = json_object_get(claims, "aud");

        if (json_is_array(aud) && json_array_size(aud) == 1)
                aud = json_array_get(aud, 0);
        return g_strcmp0(json_string_value(aud), issuer_url) == 0;
}

static const char *claims_trouble(const Client *client, const json_t *claims,
                                  const char *issuer_url, gint64 now_sec)
{
        const json_t *exp = json_object_get(claims, "exp");

        if (g_strcmp0(text_of(claims, "iss"), client->id) != 0 ||
            g_strcmp0(text_of(claims, "sub"), client->id) != 0)
                return "iss and sub must be the client's id";
        if (!is_for(claims, issuer_url))
                return "Invalid token audience";
        if (!json_is_integer(exp) || json_integer_value(exp) <= now_sec)
                return "Token is not active";
        if (json_integer_value(exp) > now_sec + ASSERTION_LIFETIME_SEC)
                return "Token expiration is too far in the future";
        return text_of(claims, "jti") ? NULL : "Token jti claim is required";
}

const char *assertion_trouble(Assertions *assertions, const Client *client, const char *assertion,
                              const char *issuer_url, gint64 now_sec)
{
        json_t *header = NULL;
        json_t *claims = sign_open(assertion, client->public_key, &header);
        const char *kid = text_of(header, "kid");

        if (!claims)
                return "Signature on JWT token failed validation";
        const char *trouble = claims_trouble(client, claims, issuer_url, now_sec);
        if (!trouble && client->key_id && kid && strcmp(client->key_id, kid) != 0)
                trouble = "Signature on JWT token failed validation: no such kid";
        if (!trouble && !use(assertions, client, claims, now_sec))
                trouble = "Token reuse detected";
        json_decref(header);
        json_decref(claims);
        return trouble;
}

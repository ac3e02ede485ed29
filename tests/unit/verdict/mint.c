/* mint: see mint.h. */
#include "mint.h"

KeySet *mint_keys(const char *kid, unsigned char seed, const char *extra)
{
        g_autofree char *x = mint_public(seed), *json = NULL;
        KeySet *keys = NULL;

        json = g_strdup_printf("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",%s\"kid\":\"%s\","
                               "\"x\":\"%s\"}]}",
                               extra, kid, x);
        g_assert_cmpint(keyset_parse(span_from(json), NULL, NULL, &keys), ==, 0);
        return keys;
}

Claims *mint_claims(const char *payload, const char *typ)
{
        g_autofree char *json = mint_json(payload);
        const char *trouble = NULL;
        Claims *claims = NULL;

        if (claims_parse(span_from(json), span_from(typ), &claims, &trouble) != 0)
                g_error("%s: %s", payload, trouble);
        return claims;
}

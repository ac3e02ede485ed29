/* alg: see alg.h. */
#include "token/alg.h"

static const Alg algs[_ALG_MAX] = {
        [ALG_RS256] = { ALG_RS256, "RS256", KEY_TYPE_RSA, CURVE_NONE, "SHA256", false, 0 },
        [ALG_RS384] = { ALG_RS384, "RS384", KEY_TYPE_RSA, CURVE_NONE, "SHA384", false, 0 },
        [ALG_RS512] = { ALG_RS512, "RS512", KEY_TYPE_RSA, CURVE_NONE, "SHA512", false, 0 },
        [ALG_PS256] = { ALG_PS256, "PS256", KEY_TYPE_RSA, CURVE_NONE, "SHA256", true, 0 },
        [ALG_PS384] = { ALG_PS384, "PS384", KEY_TYPE_RSA, CURVE_NONE, "SHA384", true, 0 },
        [ALG_PS512] = { ALG_PS512, "PS512", KEY_TYPE_RSA, CURVE_NONE, "SHA512", true, 0 },
        [ALG_ES256] = { ALG_ES256, "ES256", KEY_TYPE_EC, CURVE_P256, "SHA256", false, 32 },
        [ALG_ES384] = { ALG_ES384, "ES384", KEY_TYPE_EC, CURVE_P384, "SHA384", false, 48 },
        [ALG_ES512] = { ALG_ES512, "ES512", KEY_TYPE_EC, CURVE_P521, "SHA512", false, 66 },
        [ALG_EDDSA] = { ALG_EDDSA, "EdDSA", KEY_TYPE_OKP, CURVE_NONE, NULL, false, 0 },
};

const Alg *alg_find(Span name)
{
        for (size_t i = 0; i < _ALG_MAX; i++)
                if (span_equal_string(name, algs[i].name))
                        return &algs[i];
        return NULL;
}

const Alg *alg_get(AlgId id)
{
        return &algs[id];
}

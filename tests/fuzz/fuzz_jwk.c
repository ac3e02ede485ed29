/* fuzz_jwk: any bytes as a key set. What was taken can verify something, is found by its name, and
 * gives a verifier nothing to choke on. */
#include "token/verify.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note_skipped(size_t index, const char *kid, int answer, const char *why, void *userdata)
{
        if (answer < JWK_E_MALFORMED || answer > JWK_E_DUPLICATE || !why ||
            !jwk_answer_text(answer))
                abort();
}

static void check_key(Verifier *verifier, const KeySet *set, const Key *key)
{
        for (int id = 0; id < _ALG_MAX; id++) {
                const Alg *alg = alg_get((AlgId) id);
                Jws jws = { .signing_input = span_from("a.b"), .alg = alg, .signature_len = 64 };
                int r = verify_jws(verifier, key, &jws);

                if (r == 0 || (r == VERIFY_E_KEY_MISMATCH) == alg_set_has(key->algs, alg->id))
                        abort();
                if (key->kid && alg_set_has(key->algs, alg->id) &&
                    keyset_find(set, span_from(key->kid), alg) != key)
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static Verifier *verifier; /* lives as long as the process */
        g_autoptr(KeySet) set = NULL;
        int r = keyset_parse(span_of(data, size), note_skipped, NULL, &set);

        if (!verifier)
                verifier = verifier_new();
        if (r < 0 || (r == 0) != (set != NULL))
                abort();
        if (r != 0)
                return 0;
        if (keyset_size(set) == 0 || !keyset_equal(set, set))
                abort();
        for (size_t i = 0; i < keyset_size(set); i++)
                check_key(verifier, set, keyset_get(set, i));
        return 0;
}

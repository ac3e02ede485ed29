/* keylook: see keylook.h. */
#include "doctor/keylook.h"

static void list_add(GString *list, unsigned n_before, const char *one)
{
        if (n_before < KEYLOOK_LISTED_MAX)
                g_string_append_printf(list, "%s%s", n_before > 0 ? "; " : "", one);
        else if (n_before == KEYLOOK_LISTED_MAX)
                g_string_append(list, "; …");
}

static void on_key_skipped(size_t index, const char *kid, int answer, const char *why,
                           void *userdata)
{
        KeyLook *look = userdata;
        g_autofree char *one = kid ? g_strdup_printf("%s: %s", kid, why)
                                   : g_strdup_printf("number %zu: %s", index + 1, why);

        list_add(look->skipped, look->n_skipped++, one);
        if (answer == JWK_E_NOT_FOR_SIGNING)
                return;
        look->harmless = false;
        look->worst = answer;
}

void keylook_init(KeyLook *look, Span json)
{
        *look = (KeyLook){ .skipped = g_string_new(NULL), .harmless = true };
        look->answer = keyset_parse(json, on_key_skipped, look, &look->keys);
}

static char *key_text(const Key *key)
{
        static const char *const types[] = {
                [KEY_TYPE_RSA] = "RSA",
                [KEY_TYPE_EC] = "EC",
                [KEY_TYPE_OKP] = "OKP",
        };

        return g_strdup_printf("%s (%s, %d bits)", key->kid ? key->kid : "no kid", types[key->type],
                               key->bits);
}

char *keylook_usable_text(const KeyLook *look)
{
        GString *text = g_string_new(NULL);
        size_t n_keys = keyset_size(look->keys);

        g_string_append_printf(text, "%zu usable: ", n_keys);
        for (size_t i = 0; i < MIN(n_keys, KEYLOOK_LISTED_MAX + 1); i++) {
                g_autofree char *one = key_text(keyset_get(look->keys, i));

                list_add(text, (unsigned) i, one);
        }
        return g_string_free(text, FALSE);
}

char *keylook_idle_text(const KeyLook *look, AlgSet algorithms, size_t *ret_n)
{
        GString *text = g_string_new(NULL);
        unsigned n_idle = 0;

        for (size_t i = 0; i < keyset_size(look->keys); i++) {
                const Key *key = keyset_get(look->keys, i);
                g_autofree char *one = key_text(key);

                if (!(key->algs & algorithms))
                        list_add(text, n_idle++, one);
        }
        *ret_n = n_idle;
        return g_string_free(text, FALSE);
}

void keylook_deinit(KeyLook *look)
{
        g_clear_pointer(&look->keys, keyset_unref);
        g_string_free(look->skipped, TRUE);
        look->skipped = NULL;
}

/* sourceset: a key set as it was read. See sourceset.h. */
#include "issuer/sourceset.h"

static void source_set_skip(size_t index, const char *kid, int answer, const char *why,
                            void *userdata)
{
        GHashTable *skipped = userdata;
        char *label = kid ? g_strndup(kid, JWK_KID_SIZE_MAX)
                          : g_strdup_printf("number %zu, without a kid", index + 1);

        g_hash_table_insert(skipped, label, g_strdup(why ? why : jwk_answer_text(answer)));
}

int source_set_parse(Span json, SourceSet *ret)
{
        ret->skipped = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return keyset_parse(json, source_set_skip, ret->skipped, &ret->keys);
}

/* A set without one usable key is refused: a provider that has really taken all its keys back looks
 * the same as one that is broken, and the outage budget is there for either. */
const char *source_set_trouble(int answer)
{
        switch (answer) {
        case JWK_E_MALFORMED: return "it is no JWKS (RFC 7517)";
        case JWK_E_TOO_MANY: return "it has more than " G_STRINGIFY(KEYSET_KEYS_MAX) " keys";
        case JWK_E_EMPTY: return "it has not one key that verifies signatures";
        case JWK_E_DUPLICATE: return "two different keys in it have one kid";
        default: return answer > 0 ? jwk_answer_text(answer) : g_strerror(-answer);
        }
}

bool source_set_load(const char *path, SourceSet *ret, GError **error)
{
        g_autofree char *json = NULL;
        size_t len = 0;
        int answer;

        if (!watch_read(path, KEYSET_SIZE_MAX, &ret->mark, &json, &len, error))
                return false;
        answer = source_set_parse(span_of(json, len), ret);
        if (answer == 0)
                return true;
        g_set_error(error, g_quark_from_static_string("authd-issuer"), 0,
                    "%s: not a usable JWKS (RFC 7517): %s", path, source_set_trouble(answer));
        return false;
}

void source_set_clear(SourceSet *set)
{
        g_clear_pointer(&set->keys, keyset_unref);
        g_clear_pointer(&set->skipped, g_hash_table_unref);
}

GHashTable *source_set_kids(const KeySet *keys)
{
        GHashTable *kids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (size_t i = 0; i < keyset_size(keys); i++)
                if (keyset_get(keys, i)->kid)
                        g_hash_table_add(kids, g_strdup(keyset_get(keys, i)->kid));
        return kids;
}

char *source_set_kids_only_in(const KeySet *keys, const KeySet *others)
{
        g_autoptr(GHashTable) known = source_set_kids(others);
        GString *text = g_string_new(NULL);
        unsigned n_kids = 0;

        for (size_t i = 0; i < keyset_size(keys); i++) {
                const char *kid = keyset_get(keys, i)->kid;

                if (kid && g_hash_table_contains(known, kid))
                        continue;
                if (n_kids++ < SOURCE_KIDS_LOGGED_MAX)
                        g_string_append_printf(text, "%s%s", n_kids > 1 ? " " : "",
                                               kid ? kid : "(no kid)");
        }
        if (n_kids > SOURCE_KIDS_LOGGED_MAX)
                g_string_append_printf(text, " and %u more", n_kids - SOURCE_KIDS_LOGGED_MAX);
        return g_string_free(text, FALSE);
}

#include "keyset.h"

#include "sign.h"

#include <string.h>

/* Where a modulus is varied: not in its first bytes, which say how long it is, nor in its last,
 * which says that it is odd. */
#define VARIED_AT 16

/* A kind of key that nobody knows, one of a forbidden size, halves of keys, and no key at all. */
static const char UNUSABLE[] =
    "{\"keys\":["
    "{\"kid\":\"lattice\",\"kty\":\"LMS\",\"alg\":\"LMS\",\"use\":\"sig\",\"pub\":\"AAAA\"},"
    "{\"kid\":\"short\",\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"e\":\"AQAB\","
    "\"n\":\"w0nJ8gx9fCqdzVmVkUuqFIPo_jMRyKzgEhYjdLpNOMaHnLx1lL6P8pCyPZ3jkOA9nLWhOLqNuKLt6uY8ZqXv_"
    "Q\"},"
    "{\"kid\":\"half\",\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"e\":\"AQAB\"},"
    "{\"kid\":\"koblitz\",\"kty\":\"EC\",\"crv\":\"secp256k1\",\"use\":\"sig\",\"x\":\"AAAA\","
    "\"y\":"
    "\"AAAA\"},"
    "{\"kid\":\"off the curve\",\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\","
    "\"x\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\","
    "\"y\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"},"
    "{\"kid\":\"symmetric\",\"kty\":\"oct\",\"alg\":\"HS256\",\"use\":\"sig\",\"k\":\"c2VjcmV0\"},"
    "{}]}";

struct Keyset {
        GHashTable *strangers; /* kid → JWK */
        char *many;            /* KEYSET_MANY keys and a comma behind each; NULL: not yet made */
};

Keyset *keyset_new(void)
{
        Keyset *keyset = g_new0(Keyset, 1);

        keyset->strangers =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) json_decref);
        return keyset;
}

void keyset_free(Keyset *keyset)
{
        if (!keyset)
                return;
        g_hash_table_destroy(keyset->strangers);
        g_free(keyset->many);
        g_free(keyset);
}

/* --- others' keys --- */

/* Another number of the same length: whose factors nobody knows, but who asks cannot tell. */
static char *varied(const char *modulus, unsigned number)
{
        size_t len;
        g_autofree unsigned char *bytes = sign_base64url_decode(modulus, &len);

        for (unsigned i = 0; i < sizeof(number); i++)
                bytes[VARIED_AT + i] ^= (unsigned char) (number >> (8 * i));
        return sign_base64url(bytes, len);
}

static void vary_modulus(json_t *jwk)
{
        g_autofree char *modulus = varied(json_string_value(json_object_get(jwk, "n")), 1);

        json_object_set_new(jwk, "n", json_string(modulus));
}

static json_t *stranger_new(const SigningKey *key)
{
        json_t *jwk;

        if (strcmp(key->kind->kty, "RSA") == 0) { /* a new one would take its time */
                jwk = signing_key_jwk(key, key->kid);
                vary_modulus(jwk);
                return jwk;
        }
        g_autoptr(SigningKey) other = signing_key_new(key->kind);
        return other ? signing_key_jwk(other, key->kid) : json_object();
}

static json_t *stranger(Keyset *keyset, const SigningKey *key)
{
        json_t *jwk = g_hash_table_lookup(keyset->strangers, key->kid);

        if (!jwk) {
                jwk = stranger_new(key);
                g_hash_table_insert(keyset->strangers, g_strdup(key->kid), jwk);
        }
        return json_incref(jwk);
}

/* --- the sets --- */

static json_t *add_strangers(Keyset *keyset, const Keyring *keyring, bool and_the_right_ones)
{
        json_t *list = json_array();

        for (unsigned i = 0; i < keyring->keys->len; i++) {
                const SigningKey *key = g_ptr_array_index(keyring->keys, i);
                if (!key->enabled)
                        continue;
                json_array_append_new(list, stranger(keyset, key));
                if (and_the_right_ones)
                        json_array_append_new(list, signing_key_jwk(key, key->kid));
        }
        return json_pack("{s:o}", "keys", list);
}

/* Without a key for encryption, the others are said to be some. */
static json_t *only_encryption(const Keyring *keyring)
{
        json_t *all = keyring_jwks(keyring), *list = json_array(), *jwk;
        size_t index;

        json_array_foreach (json_object_get(all, "keys"), index, jwk) {
                json_object_set_new(jwk, "use", json_string("enc"));
                json_object_set_new(jwk, "alg", json_string("RSA-OAEP"));
                if (g_strcmp0(json_string_value(json_object_get(jwk, "kty")), "RSA") == 0)
                        json_array_append(list, jwk);
        }
        json_decref(all);
        return json_pack("{s:o}", "keys", list);
}

static char *dump(json_t *json)
{
        char *text = json_dumps(json, JSON_COMPACT);
        char *copy = g_strdup(text);

        free(text);
        json_decref(json);
        return copy;
}

static const char *any_modulus(const json_t *jwks)
{
        size_t index;
        json_t *jwk;

        json_array_foreach (json_object_get(jwks, "keys"), index, jwk)
                if (json_object_get(jwk, "n"))
                        return json_string_value(json_object_get(jwk, "n"));
        return NULL;
}

static char *many_keys(const Keyring *keyring)
{
        g_autoptr(GString) text = g_string_new(NULL);
        json_t *jwks = keyring_jwks(keyring);
        const char *modulus = any_modulus(jwks);

        for (unsigned i = 1; modulus && i <= KEYSET_MANY; i++) {
                g_autofree char *other = varied(modulus, i);
                g_string_append_printf(text,
                                       "{\"kid\":\"many-%04u\",\"kty\":\"RSA\",\"alg\":\"RS256\","
                                       "\"use\":\"sig\",\"n\":\"%s\",\"e\":\"AQAB\"},",
                                       i, other);
        }
        json_decref(jwks);
        return g_strdup(text->str);
}

static char *many_before(Keyset *keyset, const Keyring *keyring)
{
        g_autofree char *own = dump(keyring_jwks(keyring));

        if (!keyset->many)
                keyset->many = many_keys(keyring);
        return g_strdup_printf("{\"keys\":[%s%s", keyset->many, own + strlen("{\"keys\":["));
}

char *keyset_text(Keyset *keyset, const Keyring *keyring, Fault fault)
{
        switch (fault) {
        case FAULT_NO_KEYS: return g_strdup("{\"keys\":[]}");
        case FAULT_MANY: return many_before(keyset, keyring);
        case FAULT_DUPLICATE: return dump(add_strangers(keyset, keyring, true));
        case FAULT_STRANGERS: return dump(add_strangers(keyset, keyring, false));
        case FAULT_ENC: return dump(only_encryption(keyring));
        case FAULT_UNUSABLE: return g_strdup(UNUSABLE);
        default: return dump(keyring_jwks(keyring));
        }
}

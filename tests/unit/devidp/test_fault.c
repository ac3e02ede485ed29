/* Faults as whoever asks sees them, but for those that only a socket can show. */
#include "desk.h"

#define CERTS "/realms/t/protocol/openid-connect/certs"

static const char REALM[] =
    "{\"realm\":\"t\",\"keys\":[\"RS256\",\"ES256\",\"RSA-OAEP\"],\"clients\":[],\"users\":[]}";

static Idp desk;

static void set_up(void)
{
        desk_open(&desk, REALM);
}

static json_t *keys_of(Answer *answer)
{
        json_t *json = json_loads(answer->body, 0, NULL);
        json_t *keys = json_incref(json_object_get(json, "keys"));

        json_decref(json);
        answer_clear(answer);
        return keys;
}

static json_t *certs_under(const char *order)
{
        g_assert_true(desk_tell(&desk, "fault", order));
        Answer answer = desk_ask(&desk, "GET", CERTS, NULL, NULL);
        g_assert_cmpuint(answer.status, ==, 200);
        json_t *keys = keys_of(&answer);
        g_assert_true(json_is_array(keys));
        return keys;
}

/* --- what arrives --- */

typedef struct Row {
        const char *name;
        const char *order;
        unsigned status;
        bool parses; /* the body is JSON */
} Row;

static const Row ROWS[] = {
        { "none", "{\"certs\":\"none\"}", 200, true },
        { "500", "{\"certs\":\"500\"}", 500, true },
        { "503", "{\"certs\":\"503\"}", 503, true },
        { "429", "{\"certs\":\"429\"}", 429, true },
        { "a page", "{\"certs\":\"html\"}", 200, false },
        { "half a body", "{\"certs\":\"truncate\"}", 200, false },
        { "no body", "{\"certs\":\"empty\"}", 200, false },
        { "a redirect", "{\"certs\":\"redirect\",\"location\":\"http://h/\"}", 302, false },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;

        g_assert_true(desk_tell(&desk, "fault", row->order));
        Answer answer = desk_ask(&desk, "GET", CERTS, NULL, NULL);
        json_t *json = answer.body ? json_loads(answer.body, 0, NULL) : NULL;
        g_assert_cmpuint(answer.status, ==, row->status);
        g_assert_cmpint(json != NULL, ==, row->parses);
        g_assert_cmpint(answer.sends_retry_after, ==, row->status == 429);
        g_assert_cmpint(answer.sends_location, ==, row->status == 302);
        json_decref(json);
        answer_clear(&answer);
}

/* --- orders --- */

static void test_refused(void)
{
        static const char *const ORDERS[] = {
                "{\"certs\":\"502\"}",
                "{\"cert\":\"500\"}",
                "{\"certs\":500}",
                "{\"certs\":\"redirect\"}",
                "{\"discovery\":\"many\"}",
                "{\"certs\":\"wrong_issuer\"}",
                "{\"certs\":\"wrong_aud\"}",
                "{\"certs\":\"500\",\"times\":-1}",
                "{\"token\":\"500\",\"a\":\"b\"}",
                "{\"certs\":\"slow\",\"delay_msec\":60001}",
        };

        g_assert_true(desk_tell(&desk, "fault", "{\"certs\":\"none\",\"token\":\"none\"}"));
        for (size_t i = 0; i < G_N_ELEMENTS(ORDERS); i++)
                g_assert_false(desk_tell(&desk, "fault", ORDERS[i]));
        g_assert_cmpint(desk.faults[ENDPOINT_TOKEN].fault, ==, FAULT_NONE);
        g_assert_cmpint(desk.faults[ENDPOINT_CERTS].fault, ==, FAULT_NONE);
}

static void test_times(void)
{
        static const unsigned WANTED[] = { 500, 500, 200, 200 };

        g_assert_true(desk_tell(&desk, "fault", "{\"certs\":\"500\",\"times\":2}"));
        for (size_t i = 0; i < G_N_ELEMENTS(WANTED); i++) {
                Answer answer = desk_ask(&desk, "GET", CERTS, NULL, NULL);
                g_assert_cmpuint(answer.status, ==, WANTED[i]);
                answer_clear(&answer);
        }
}

static void test_changes(void)
{
        unsigned before = desk.fault_changes[ENDPOINT_CERTS];

        g_assert_true(desk_tell(&desk, "fault", "{\"certs\":\"hang\"}"));
        Answer answer = desk_ask(&desk, "GET", CERTS, NULL, NULL);
        g_assert_cmpint(answer.fault, ==, FAULT_HANG);
        g_assert_cmpuint(answer.fault_changes, ==, before + 1);
        g_assert_cmpuint(desk.fault_changes[ENDPOINT_DISCOVERY], ==, 0);
        g_assert_true(desk_tell(&desk, "fault", "{\"certs\":\"none\"}"));
        g_assert_cmpuint(desk.fault_changes[ENDPOINT_CERTS], ==, before + 2);
        answer_clear(&answer);
}

/* --- key sets --- */

static unsigned n_with(const json_t *keys, const char *member, const char *value)
{
        unsigned n = 0;
        size_t index;
        json_t *jwk;

        json_array_foreach ((json_t *) keys, index, jwk)
                n += g_strcmp0(json_string_value(json_object_get(jwk, member)), value) == 0;
        return n;
}

static void test_many(void)
{
        json_t *keys = certs_under("{\"certs\":\"many\"}");
        g_autoptr(GHashTable) moduli = g_hash_table_new(g_str_hash, g_str_equal);
        size_t index;
        json_t *jwk;

        json_array_foreach (keys, index, jwk)
                if (json_object_get(jwk, "n"))
                        g_hash_table_add(moduli,
                                         (char *) json_string_value(json_object_get(jwk, "n")));
        g_assert_cmpuint(json_array_size(keys), ==, KEYSET_MANY + 3);
        g_assert_cmpuint(g_hash_table_size(moduli), ==, KEYSET_MANY + 2);
        g_assert_cmpuint(n_with(keys, "kid", keyring_signer(desk.keyring, "RS256")->kid), ==, 1);
        json_decref(keys);
}

static void test_duplicate(void)
{
        const char *kid = keyring_signer(desk.keyring, "ES256")->kid;
        json_t *keys = certs_under("{\"certs\":\"duplicate\"}");
        json_t *again = certs_under("{\"certs\":\"duplicate\"}");

        g_assert_cmpuint(json_array_size(keys), ==, 6);
        g_assert_cmpuint(n_with(keys, "kid", kid), ==, 2);
        g_assert_true(json_equal(keys, again));
        g_assert_false(json_equal(json_array_get(keys, 0), json_array_get(keys, 1)));
        json_decref(keys);
        json_decref(again);
}

static void test_strangers(void)
{
        json_t *right = certs_under("{\"certs\":\"none\"}");
        json_t *keys = certs_under("{\"certs\":\"strangers\"}");

        g_assert_cmpuint(json_array_size(keys), ==, json_array_size(right));
        for (size_t i = 0; i < json_array_size(keys); i++) {
                json_t *theirs = json_array_get(keys, i), *ours = json_array_get(right, i);
                g_assert_true(
                    json_equal(json_object_get(theirs, "kid"), json_object_get(ours, "kid")));
                g_assert_false(json_equal(theirs, ours));
        }
        json_decref(keys);
        json_decref(right);
}

static void test_enc(void)
{
        json_t *keys = certs_under("{\"certs\":\"enc\"}");

        g_assert_cmpuint(json_array_size(keys), ==, 2);
        g_assert_cmpuint(n_with(keys, "use", "enc"), ==, 2);
        json_decref(keys);
}

/* --- caching --- */

static void test_etag(void)
{
        g_assert_true(desk_tell(&desk, "fault", "{\"certs\":\"none\"}"));
        g_assert_true(desk_tell(&desk, "cache", "{\"max_age\":30,\"etag\":true}"));
        Answer first = desk_ask(&desk, "GET", CERTS, NULL, NULL);
        g_autofree char *has = g_strdup_printf("if-none-match=%s", first.etag);
        g_assert_cmpstr(first.cache_control, ==, "max-age=30");
        Answer second = desk_ask(&desk, "GET", CERTS, NULL, has);
        g_assert_cmpuint(second.status, ==, 304);
        g_assert_null(second.body);
        g_assert_cmpuint(desk.not_modified[ENDPOINT_CERTS], ==, 1);

        g_assert_true(desk_tell(&desk, "fault", "{\"certs\":\"truncate\"}"));
        Answer spoiled = desk_ask(&desk, "GET", CERTS, NULL, has);
        g_assert_cmpuint(spoiled.status, ==, 200);
        g_assert_true(desk_tell(&desk, "fault", "{\"certs\":\"no_keys\"}"));
        Answer other = desk_ask(&desk, "GET", CERTS, NULL, has);
        g_assert_cmpuint(other.status, ==, 200);

        g_assert_true(desk_tell(&desk, "fault", "{\"certs\":\"none\"}"));
        g_assert_true(desk_tell(&desk, "cache", "{\"max_age\":null,\"etag\":false}"));
        Answer third = desk_ask(&desk, "GET", CERTS, NULL, has);
        g_assert_cmpuint(third.status, ==, 200);
        g_assert_cmpstr(third.cache_control, ==, "no-cache");
        answer_clear(&first);
        answer_clear(&second);
        answer_clear(&spoiled);
        answer_clear(&other);
        answer_clear(&third);
}

static void test_wrong_issuer(void)
{
        g_assert_true(desk_tell(&desk, "fault", "{\"discovery\":\"wrong_issuer\",\"times\":1}"));
        for (int i = 0; i < 2; i++) {
                Answer answer = desk_ask(&desk, "GET", "/realms/t/.well-known/openid-configuration",
                                         NULL, NULL);
                json_t *json = json_loads(answer.body, 0, NULL);
                const char *issuer = json_string_value(json_object_get(json, "issuer"));
                g_assert_cmpint(g_strcmp0(issuer, DESK_URL "/realms/t") == 0, ==, i == 1);
                json_decref(json);
                answer_clear(&answer);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        set_up();
        for (size_t i = 0; i < G_N_ELEMENTS(ROWS); i++) {
                g_autofree char *path = g_strdup_printf("/fault/%s", ROWS[i].name);
                g_test_add_data_func(path, &ROWS[i], test_row);
        }
        g_test_add_func("/order/what an endpoint cannot do is refused, and nothing changes",
                        test_refused);
        g_test_add_func("/order/a fault for two requests spares the third", test_times);
        g_test_add_func("/order/who hangs is released by the next order for its endpoint",
                        test_changes);
        g_test_add_func("/keys/many are all different, and the right ones among them", test_many);
        g_test_add_func("/keys/duplicate gives two keys one kid, the same two each time",
                        test_duplicate);
        g_test_add_func("/keys/strangers have our kids and other numbers", test_strangers);
        g_test_add_func("/keys/enc has no key to verify with", test_enc);
        g_test_add_func("/cache/304 only for the same set, and never in place of a fault",
                        test_etag);
        g_test_add_func("/discovery/another issuer, once", test_wrong_issuer);
        int failed = g_test_run();
        idp_clear(&desk);
        return failed;
}

/* view: finding issuers and keys in a frozen picture. */
#include "issuer/view.h"

#include "jwks.h"

static KeySet *keys_of(const char *kids)
{
        g_autofree char *json = jwks_of(kids);
        KeySet *keys = NULL;

        g_assert_cmpint(keyset_parse(span_from(json), NULL, NULL, &keys), ==, 0);
        return keys;
}

static IssuerView *view_of_three(KeySet *keys)
{
        const IssuerFacts facts[] = {
                { .name = "a", .url = "https://sso.example.com/realms/a", .keys = keys },
                { .name = "b", .url = "https://sso.example.com/realms/b", .leeway_sec = 7 },
                { .name = "c", .url = "https://sso.example.com/realms/Az" },
        };

        return issuer_view_new(facts, G_N_ELEMENTS(facts), true);
}

static void test_find(void)
{
        g_autoptr(KeySet) keys = keys_of("k1");
        g_autoptr(IssuerView) view = view_of_three(keys);
        static const struct {
                const char *name, *url, *found;
        } rows[] = {
                { "the exact url", "https://sso.example.com/realms/a", "a" },
                { "the other's url", "https://sso.example.com/realms/b", "b" },
                { "a slash more", "https://sso.example.com/realms/a/", NULL },
                { "a byte less", "https://sso.example.com/realms/", NULL },
                { "other case", "https://SSO.example.com/realms/a", NULL },
                { "a name is no url", "a", NULL },
                { "another url of the same hash", "https://sso.example.com/realms/BY", NULL },
                { "nothing", "", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                const IssuerFacts *facts = issuer_view_find(view, span_from(rows[i].url));

                g_test_message("%s", rows[i].name);
                g_assert_cmpstr(facts ? facts->name : NULL, ==, rows[i].found);
        }
        /* A NUL within the claim must not end it. */
        g_assert_null(issuer_view_find(view, span_of("https://sso.example.com/realms/a\0x", 34)));
}

static void test_any(void)
{
        const IssuerFacts facts[] = { { .name = "one", .url = "https://one" }, { .name = "any" } };
        g_autoptr(IssuerView) view = issuer_view_new(facts, G_N_ELEMENTS(facts), false);

        g_assert_cmpstr(issuer_view_find(view, span_from("https://one"))->name, ==, "one");
        g_assert_cmpstr(issuer_view_find(view, span_from("https://two"))->name, ==, "any");
}

static void test_facts(void)
{
        g_autoptr(KeySet) keys = keys_of("k1");
        g_autoptr(IssuerView) view = view_of_three(keys);
        g_autoptr(IssuerView) second = view_of_three(keys);

        g_assert_cmpuint(issuer_view_serial(view), !=, issuer_view_serial(second));
        g_assert_true(issuer_view_allows_development(view));
        g_assert_cmpuint(issuer_view_size(view), ==, 3);
        g_assert_cmpstr(issuer_view_get(view, 1)->name, ==, "b");
        g_assert_null(issuer_view_get(view, 3));
        g_assert_cmpint(issuer_view_find_name(view, "b")->leeway_sec, ==, 7);
        g_assert_null(issuer_view_find_name(view, "d"));
}

static void test_has_key(void)
{
        g_autoptr(KeySet) ours = keys_of("k1");
        g_autoptr(KeySet) others = keys_of("p1");
        g_autoptr(IssuerView) view = view_of_three(ours);
        const IssuerFacts *with = issuer_view_get(view, 0), *without = issuer_view_get(view, 1);

        g_assert_true(issuer_facts_has_key(with, keyset_get(ours, 0)->thumbprint));
        g_assert_false(issuer_facts_has_key(with, keyset_get(others, 0)->thumbprint));
        g_assert_false(issuer_facts_has_key(without, keyset_get(ours, 0)->thumbprint));
}

/* The view holds its own reference: whoever holds the view alone still has the keys. */
static void test_holds_keys(void)
{
        KeySet *keys = keys_of("k1 k2");
        IssuerView *view = view_of_three(keys);
        IssuerView *other = issuer_view_ref(view);

        keyset_unref(keys);
        issuer_view_unref(view);
        g_assert_cmpuint(keyset_size(issuer_view_get(other, 0)->keys), ==, 2);
        issuer_view_unref(other);
        issuer_view_unref(NULL);
}

static void test_empty(void)
{
        g_autoptr(IssuerView) view = issuer_view_new(NULL, 0, false);

        g_assert_cmpuint(issuer_view_size(view), ==, 0);
        g_assert_null(issuer_view_find(view, span_from("https://one")));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/view/an issuer is found by its exact url", test_find);
        g_test_add_func("/view/without a url any issuer is meant, after the exact ones", test_any);
        g_test_add_func("/view/facts", test_facts);
        g_test_add_func("/view/a key belongs to the issuer that has it", test_has_key);
        g_test_add_func("/view/keys live as long as the view", test_holds_keys);
        g_test_add_func("/view/no issuers", test_empty);
        return g_test_run();
}

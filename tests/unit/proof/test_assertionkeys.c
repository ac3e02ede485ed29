/* test_assertionkeys: when a key is made, published, used and dropped; what the database keeps. */
#include "proof/assertionkeys.h"

#include "token/jwk.h"

#include <glib/gstdio.h>

#define NOW      INT64_C(1700000000)
#define LIFE     ASSERTION_KEY_LIFE_SEC
#define LEAD     ASSERTION_KEY_LEAD_SEC
#define REPLACED (LIFE + LEAD) /* from then on the second key signs */
#define SPENT    (REPLACED + ASSERTION_KEY_AFTERLIFE_SEC)

/* Turn: the set that was made at NOW and turned at each of these times, ends as told. Keys are told
 * by the times at which they were made. */
typedef struct Turn {
        const char *sentence;
        int64_t after_sec[4]; /* ascending but for a clock that is set back; 0: no more */
        size_t n_keys;
        int64_t signing_sec; /* when the signing one was made, after NOW */
        bool same;           /* the last turn gave the set before it */
} Turn;

static const Turn turns[] = {
        { "the only key signs at once", { 0 }, 1, 0, false },
        { "nothing changes within a day", { LIFE - 1 }, 1, 0, true },
        { "after a day the next one is published, and does not sign yet", { LIFE }, 2, 0, false },
        { "the one before signs to the end of the lead", { LIFE, REPLACED - 1 }, 2, 0, true },
        { "then the new one signs, and the old one stays", { LIFE, REPLACED }, 2, LIFE, false },
        { "the old one stays as long as its assertions may live",
          { LIFE, REPLACED, SPENT - 1 },
          2,
          LIFE,
          true },
        { "and goes with the last of them", { LIFE, REPLACED, SPENT }, 1, LIFE, false },
        { "who slept for a week signs by the old one until the new one is known",
          { 7 * LIFE },
          2,
          0,
          false },
        { "who slept after the new one was made drops the old one",
          { LIFE, 2 * LIFE - 1 },
          1,
          LIFE,
          false },
        { "a clock that is set back changes no key", { LIFE, 5 }, 2, 0, false },
};

static AssertionKeys *turn_to(AssertionKeys *keys, int64_t now_sec)
{
        AssertionKeys *next = assertion_keys_turn(keys, now_sec);

        g_assert_nonnull(next);
        return next;
}

static void check_turn(gconstpointer row)
{
        const Turn *turn = row;
        g_autoptr(AssertionKeys) keys = turn_to(NULL, NOW);
        bool same = false;

        for (size_t i = 0; i < G_N_ELEMENTS(turn->after_sec) && turn->after_sec[i] > 0; i++) {
                AssertionKeys *next = turn_to(keys, NOW + turn->after_sec[i]);

                same = next == keys;
                assertion_keys_unref(keys);
                keys = next;
        }
        g_assert_cmpuint(assertion_keys_size(keys), ==, turn->n_keys);
        g_assert_cmpint(assertion_keys_signing(keys)->made_sec, ==, NOW + turn->signing_sec);
        g_assert_true(same == turn->same);
}

/* A clock that ran a year ahead must not keep its key in use for a year. */
static void a_key_of_the_future(void)
{
        g_autoptr(AssertionKeys) ahead = turn_to(NULL, NOW + 365 * LIFE);
        g_autoptr(AssertionKeys) now = turn_to(ahead, NOW);
        g_autoptr(AssertionKeys) later = turn_to(now, NOW + LIFE);

        g_assert_cmpuint(assertion_keys_size(now), ==, 1);
        g_assert_cmpuint(assertion_keys_size(later), ==, 2);
}

/* Read as any verifier would: by our own reader, which refuses private parts. */
static void published(void)
{
        g_autoptr(AssertionKeys) first = turn_to(NULL, NOW), keys = turn_to(first, NOW + LIFE);
        g_autoptr(KeySet) set = NULL;

        g_assert_cmpint(keyset_parse(assertion_keys_jwks(keys), NULL, NULL, &set), ==, 0);
        g_assert_cmpuint(keyset_size(set), ==, 2);
        for (size_t i = 0; i < 2; i++) {
                g_assert_cmpstr(keyset_get(set, i)->kid, ==, assertion_keys_get(keys, i)->kid);
                g_assert_true(
                    EVP_PKEY_eq(keyset_get(set, i)->pkey, assertion_keys_get(keys, i)->pkey) == 1);
                g_assert_true(keyset_get(set, i)->algs == (1u << ALG_ES256));
        }
        g_assert_null(strstr(assertion_keys_jwks(keys).data, "\"d\""));
        g_assert_true(span_equal_string(assertion_keys_jwks(NULL), "{\"keys\":[]}"));
}

/* ---- the database ---- */

typedef struct Fixture {
        char *folder;
        Store *store;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *made = g_dir_make_tmp("authd-keys-XXXXXX", NULL);

        fixture->folder = realpath(made, NULL);
        fixture->store = store_open(fixture->folder, NULL);
        g_assert_nonnull(fixture->store);
        g_assert_true(assertion_keys_prepare(fixture->store, NULL));
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(GDir) listing = g_dir_open(fixture->folder, 0, NULL);
        const char *name;

        store_close(fixture->store);
        while ((name = g_dir_read_name(listing))) {
                g_autofree char *path = g_build_filename(fixture->folder, name, NULL);

                g_unlink(path);
        }
        g_rmdir(fixture->folder);
        free(fixture->folder);
}

static AssertionKeys *load(Fixture *fixture)
{
        AssertionKeys *keys = NULL;

        g_assert_cmpint(assertion_keys_load(fixture->store, NOW, &keys), ==, 0);
        return keys;
}

static void kept_whole(Fixture *fixture, gconstpointer unused)
{
        g_autoptr(AssertionKeys) first = turn_to(NULL, NOW - LIFE), keys = turn_to(first, NOW);
        g_autoptr(AssertionKeys) nothing = load(fixture), loaded = NULL, turned = NULL;

        g_assert_null(nothing);
        g_assert_cmpint(assertion_keys_save(fixture->store, first), ==, 0);
        g_assert_cmpint(assertion_keys_save(fixture->store, keys), ==, 0);
        loaded = load(fixture);
        g_assert_cmpuint(assertion_keys_size(loaded), ==, 2);
        for (size_t i = 0; i < 2; i++) {
                const AssertionKey *a = assertion_keys_get(keys, i);
                const AssertionKey *b = assertion_keys_get(loaded, i);

                g_assert_cmpstr(a->kid, ==, b->kid);
                g_assert_cmpint(a->made_sec, ==, b->made_sec);
                g_assert_true(EVP_PKEY_eq(a->pkey, b->pkey) == 1);
        }
        turned = turn_to(loaded, NOW);
        g_assert_true(turned == loaded);
}

typedef struct Damage {
        const char *sentence;
        const char *sql;
} Damage;

static const Damage damages[] = {
        { "a key under another's name", "UPDATE assertion_key SET kid = 'x'" },
        { "what is no key", "UPDATE assertion_key SET pkcs8 = x'3000'" },
        { "an empty one", "UPDATE assertion_key SET pkcs8 = x''" },
};

static void damaged(Fixture *fixture, gconstpointer row)
{
        const Damage *damage = row;
        g_autoptr(AssertionKeys) keys = turn_to(NULL, NOW), loaded = NULL;

        g_assert_cmpint(assertion_keys_save(fixture->store, keys), ==, 0);
        g_assert_cmpint(store_change(fixture->store, damage->sql, NULL, 0), ==, 0);
        loaded = load(fixture);
        g_assert_null(loaded);
}

static void without_a_database(void)
{
        g_autoptr(AssertionKeys) keys = turn_to(NULL, NOW), loaded = NULL;

        g_assert_true(assertion_keys_prepare(NULL, NULL));
        g_assert_cmpint(assertion_keys_save(NULL, keys), ==, 0);
        g_assert_cmpint(assertion_keys_load(NULL, NOW, &loaded), ==, 0);
        g_assert_null(loaded);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(turns); i++) {
                g_autofree char *path = g_strconcat("/turn/", turns[i].sentence, NULL);

                g_test_add_data_func(path, &turns[i], check_turn);
        }
        g_test_add_func("/turn/a key of the future is as one of now", a_key_of_the_future);
        g_test_add_func("/jwks/public parts by thumbprint, for ES256 alone", published);
        g_test_add("/store/kept whole, and no others", Fixture, NULL, set_up, kept_whole,
                   tear_down);
        for (size_t i = 0; i < G_N_ELEMENTS(damages); i++) {
                g_autofree char *path =
                    g_strconcat("/store/left out is ", damages[i].sentence, NULL);

                g_test_add(path, Fixture, &damages[i], set_up, damaged, tear_down);
        }
        g_test_add_func("/store/none at all", without_a_database);
        return g_test_run();
}

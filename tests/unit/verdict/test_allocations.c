/* A hit in the caches allocates nothing: every malloc of the process is counted, whoever calls it.
 *
 * malloc and its kin stand here in place of glibc's, for all libraries, and hand on to glibc's own.
 */
#include "verdict/check.h"

#include "mint.h"

#include <stdio.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *pointer, size_t size);

static unsigned n_allocations;

void *malloc(size_t size)
{
        n_allocations++;
        return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
        n_allocations++;
        return __libc_calloc(n, size);
}

void *realloc(void *pointer, size_t size)
{
        n_allocations++;
        return __libc_realloc(pointer, size);
}

#define HEADER "{'alg':'EdDSA','kid':'k','typ':'JWT'}"
#define PAYLOAD                                                                                    \
        "{'iss':'" MINT_ISSUER "','exp':1700000300,'iat':1699999990,'nbf':1699999990,'sub':'u',"   \
        "'typ':'Bearer','aud':['account','orders'],'azp':'shop','scope':'openid orders:read',"     \
        "'groups':['/eng'],'realm_access':{'roles':['a','b']},'email_verified':true,"              \
        "'resource_access':{'orders':{'roles':['reader']}}}"

static Policy *strict_policy(IntrospectMode introspect)
{
        static const PolicyIssuer issuer = { .name = "test", .introspects = true };
        g_autoptr(PolicySettings) settings = policy_settings_new("orders");
        g_autoptr(GError) error = NULL;
        Policy *policy;

        settings->audience = g_strsplit("billing;orders", ";", -1);
        settings->azp = g_strsplit("shop", ";", -1);
        settings->type = g_strsplit("Bearer", ";", -1);
        settings->scopes = g_strsplit("orders:read", ";", -1);
        settings->scopes_any = g_strsplit("x;openid", ";", -1);
        settings->roles = g_strsplit("realm:x;orders:reader", ";", -1);
        settings->roles_all = g_strsplit("realm:a;realm:b", ";", -1);
        settings->groups = g_strsplit("/eng", ";", -1);
        settings->groups_all = g_strsplit("/eng", ";", -1);
        settings->claims = g_strsplit("email_verified=true;realm_access.roles=a", ";", -1);
        settings->max_age_sec = 3600;
        settings->introspect = introspect;
        settings->introspect_max_age_sec = 5;
        policy = policy_new(settings, &issuer, 1, &error);
        g_assert_no_error(error);
        return policy;
}

typedef struct Scene {
        ClaimsCache *cache;
        ClaimsCache *answers;
        Checker *checker;
        Policy *policy;
        IssuerView *view;
        char *token;
} Scene;

/* token is freed with the scene. */
static Scene scene_of(IntrospectMode introspect, char *token)
{
        g_autoptr(KeySet) keys = mint_keys("k", 1, "");
        const IssuerFacts facts = { .name = g_intern_static_string("test"),
                                    .url = g_intern_static_string(MINT_ISSUER),
                                    .keys = keys,
                                    .algorithms = ALG_SET_ALL,
                                    .keys_fresh_until_usec = INT64_MAX,
                                    .introspects = true };
        Scene scene = { .cache = claims_cache_new(CACHE_SIZE_DEFAULT),
                        .answers = claims_cache_new(CACHE_SIZE_DEFAULT),
                        .policy = strict_policy(introspect),
                        .view = issuer_view_new(&facts, 1, false),
                        .token = token };

        scene.checker = checker_new(scene.cache, scene.answers);
        return scene;
}

static Scene scene_new(void)
{
        return scene_of(INTROSPECT_MODE_NEVER, mint_token(HEADER, PAYLOAD, 1));
}

/* put_answer: the issuer says that the scene's token is active, and says the same of its claims. */
static void put_answer(const Scene *scene)
{
        const CacheFacts facts = { .issuer = g_intern_static_string("test"), .active = true };
        g_autoptr(Claims) claims = mint_claims(PAYLOAD, "");
        Fingerprint fingerprint;

        fingerprint_of(span_from(scene->token), &fingerprint);
        claims_cache_put(scene->answers, &fingerprint, claims, &facts, 1700000300);
}

static void scene_clear(Scene *scene)
{
        checker_free(scene->checker);
        claims_cache_free(scene->cache);
        claims_cache_free(scene->answers);
        policy_unref(scene->policy);
        issuer_view_unref(scene->view);
        g_free(scene->token);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_clear)

static unsigned count_check(const Scene *scene, int64_t now_sec, Reason wanted, bool from_cache)
{
        const Question question = { .token = span_from(scene->token),
                                    .policy = scene->policy,
                                    .now_sec = now_sec };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;
        unsigned before = n_allocations, after;

        check_token(scene->checker, scene->view, &question, &verdict, &needs);
        after = n_allocations;
        g_assert_cmpint(verdict.reason, ==, wanted);
        g_assert_cmpint(verdict.from_cache, ==, from_cache);
        verdict_clear(&verdict);
        return after - before;
}

/* What base/ asks of OpenSSL for a token's fingerprint is not ours to promise; it is measured, and
 * set apart. */
static unsigned count_fingerprint(const Scene *scene)
{
        Fingerprint fingerprint;
        unsigned before = n_allocations;

        fingerprint_of(span_from(scene->token), &fingerprint);
        return n_allocations - before;
}

static void test_the_count_counts(void)
{
        g_auto(Scene) scene = scene_new();

        g_assert_cmpuint(count_check(&scene, MINT_NOW, VERDICT_VALID, false), >, 10);
}

static void test_a_hit_allocates_nothing(void)
{
        g_auto(Scene) scene = scene_new();
        unsigned n_fingerprint;

        count_check(&scene, MINT_NOW, VERDICT_VALID, false);
        n_fingerprint = count_fingerprint(&scene);
        g_test_message("a fingerprint allocates %u times", n_fingerprint);
        for (int round = 0; round < 3; round++)
                g_assert_cmpuint(count_check(&scene, MINT_NOW, VERDICT_VALID, true), ==,
                                 n_fingerprint);
}

static void test_a_refused_hit_allocates_nothing(void)
{
        g_auto(Scene) scene = scene_new();
        unsigned n_fingerprint;

        count_check(&scene, MINT_NOW, VERDICT_VALID, false);
        n_fingerprint = count_fingerprint(&scene);
        for (int round = 0; round < 2; round++)
                g_assert_cmpuint(count_check(&scene, 1700000300, VERDICT_EXPIRED, true), ==,
                                 n_fingerprint);
}

static void test_a_hit_in_both_caches_allocates_nothing(void)
{
        g_auto(Scene) scene = scene_of(INTROSPECT_MODE_MAX_AGE, mint_token(HEADER, PAYLOAD, 1));
        unsigned n_fingerprint;

        put_answer(&scene);
        g_assert_cmpuint(count_check(&scene, MINT_NOW, VERDICT_VALID, false), >, 10);
        n_fingerprint = count_fingerprint(&scene);
        for (int round = 0; round < 3; round++)
                g_assert_cmpuint(count_check(&scene, MINT_NOW, VERDICT_VALID, true), ==,
                                 n_fingerprint);
}

static void test_a_known_opaque_token_allocates_nothing(void)
{
        g_auto(Scene) scene = scene_of(INTROSPECT_MODE_NEVER, g_strdup("opaque"));

        put_answer(&scene);
        for (int round = 0; round < 3; round++)
                g_assert_cmpuint(count_check(&scene, MINT_NOW, VERDICT_VALID, true), ==,
                                 count_fingerprint(&scene));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/allocations/the count counts", test_the_count_counts);
        g_test_add_func("/allocations/a hit allocates nothing", test_a_hit_allocates_nothing);
        g_test_add_func("/allocations/a hit in both caches allocates nothing",
                        test_a_hit_in_both_caches_allocates_nothing);
        g_test_add_func("/allocations/a known opaque token allocates nothing",
                        test_a_known_opaque_token_allocates_nothing);
        g_test_add_func("/allocations/a refused hit allocates nothing",
                        test_a_refused_hit_allocates_nothing);
        return g_test_run();
}

/* Every file of tests/tokens through check_token: y_… is valid, n_REASON_… is refused for that
 * reason. */
#include "verdict/check.h"

#include "base/file.h"
#include "mint.h"

#define CORPUS_NOW      INT64_C(1800000000) /* as tests/tokens/make.py has it */
#define CORPUS_FILE_MAX (1024 * 1024)
#define CORPUS_BAD_MIN  120 /* the project promises as many */

static IssuerView *view;
static Policy *policy;
static char *folder;
static ClaimsCache *cache;
static Checker *checker;

static Span read_corpus(const char *name, char **ret_text)
{
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autoptr(GError) error = NULL;
        size_t len = 0;

        file_read(path, CORPUS_FILE_MAX, ret_text, &len, &error);
        g_assert_no_error(error);
        return span_of(*ret_text, len);
}

/* The longest word of the table that the name goes on with: "n_missing_claim_sub_is_absent.jws". */
static Reason wanted_of(const char *name)
{
        Reason wanted = VERDICT_VALID;
        size_t longest = 0;

        if (g_str_has_prefix(name, "y_"))
                return VERDICT_VALID;
        for (Reason reason = 0; reason < _VERDICT_MAX; reason++) {
                const char *word = reason_words(reason)->word;
                size_t len = strlen(word);

                if (g_str_has_prefix(name + 2, word) && name[2 + len] == '_' && len > longest) {
                        wanted = reason;
                        longest = len;
                }
        }
        if (longest == 0)
                g_error("%s names no reason of the table", name);
        return wanted;
}

/* The corpus is token/'s as well, for which an empty token is a malformed one. */
static Reason wanted_of_file(const char *name, Span token)
{
        return token.len == 0 ? VERDICT_MISSING_TOKEN : wanted_of(name);
}

static void check_file(const char *name, Steps *steps)
{
        g_autofree char *text = NULL;
        const Question question = { .token = read_corpus(name, &text),
                                    .policy = policy,
                                    .now_sec = CORPUS_NOW,
                                    .asked = ASKED_FRESH,
                                    .steps = steps };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        g_assert_cmpint(check_token(checker, view, &question, &verdict, &needs), ==,
                        CHECK_ANSWERED);
        g_test_message("%s: %s", reason_words(verdict.reason)->word, verdict.detail);
        g_assert_cmpstr(reason_words(verdict.reason)->word, ==,

                        reason_words(wanted_of_file(name, question.token))->word);
        g_assert_true((verdict.detail[0] == '\0') == (verdict.reason == VERDICT_VALID));
        verdict_clear(&verdict);
}

/* Seen for the first time, from the cache, and explained past the cache: one answer. */
static void test_file(gconstpointer name)
{
        g_autofree Steps *steps = g_new0(Steps, 1);

        claims_cache_clear(cache);
        check_file(name, NULL);
        check_file(name, NULL);
        check_file(name, steps);
}

static unsigned n_bad;

static void test_the_corpus_is_there(void)
{
        g_assert_cmpuint(n_bad, >=, CORPUS_BAD_MIN);
}

static void open_world(void)
{
        static const PolicyIssuer issuer = { .name = "test" };
        g_autoptr(PolicySettings) settings = policy_settings_new("orders");
        g_autoptr(KeySet) keys = NULL;
        g_autofree char *text = NULL;
        Span json = read_corpus("keys.jwks", &text);
        IssuerFacts facts = { .name = g_intern_static_string("test"),
                              .url = g_intern_static_string(MINT_ISSUER),
                              .algorithms = ALG_SET_ALL,
                              .keys_fresh_until_usec = INT64_MAX };

        g_assert_cmpint(keyset_parse(json, NULL, NULL, &keys), ==, 0);
        facts.keys = keys;
        view = issuer_view_new(&facts, 1, false);
        settings->audience = g_strsplit("orders", ";", -1);
        policy = policy_new(settings, &issuer, 1, NULL);
        g_assert_nonnull(policy);
        cache = claims_cache_new(CACHE_SIZE_DEFAULT);
        checker = checker_new(cache, NULL);
        g_assert_nonnull(checker);
}

static void add_files(GPtrArray *names)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        g_assert_nonnull(dir);
        while ((name = g_dir_read_name(dir)))
                if (g_str_has_suffix(name, ".jws"))
                        g_ptr_array_add(names, g_strdup(name));
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *path = g_strconcat("/corpus/", names->pdata[i], NULL);

                n_bad += g_str_has_prefix(names->pdata[i], "n_");
                g_test_add_data_func(path, names->pdata[i], test_file);
        }
}

int main(int argc, char **argv)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int status;

        g_test_init(&argc, &argv, NULL);
        g_test_set_nonfatal_assertions(); /* one run tells all files that fail */
        folder = g_strdup(g_getenv("TOKENS_DIR"));
        g_assert_nonnull(folder);
        open_world();
        add_files(names);
        g_test_add_func("/corpus/it is there", test_the_corpus_is_there);
        status = g_test_run();
        checker_free(checker);
        claims_cache_free(cache);
        policy_unref(policy);
        issuer_view_unref(view);
        g_free(folder);
        return status;
}

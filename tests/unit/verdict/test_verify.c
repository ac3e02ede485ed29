/* authctl verify: options, exit status and lines, with verify_main run in a child of its own. */
#include "verify.h"

#include "base/file.h"
#include "mint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (256 * 1024 * 1024)
#define ARGS_MAX   24
#define GOOD       "y_EdDSA_with_the_key_ed25519.jws"
#define CHEAP      "y_RS256_with_the_key_rsa-any.jws"
#define EXPIRED    "n_expired_an_hour_ago.jws"
#define FORGED     "n_bad_signature_payload_was_changed_after_signing.jws"
#define NOW        "--now=1800000000"

static char *folder; /* of the corpus */
static char *work;   /* for input and output */

typedef struct Run {
        int status;
        char *out;
        char *err;
        char **lines; /* of out; the last is empty */
        long rss_kib; /* the child's largest */
} Run;

static void run_clear(Run *run)
{
        g_free(run->out);
        g_free(run->err);
        g_strfreev(run->lines);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

static char *in_work(const char *name)
{
        return g_build_filename(work, name, NULL);
}

static void redirect(const char *name, int fd, int flags)
{
        g_autofree char *path = in_work(name);
        int file = open(path, flags, 0600);

        g_assert_cmpint(file, >=, 0);
        dup2(file, fd);
        close(file);
}

static void child(const char *arguments)
{
        g_auto(GStrv) words = g_strsplit(arguments, " ", -1);
        char *argv[ARGS_MAX + 2] = { (char *) "verify" };
        int argc = 1;

        for (char **word = words; *word && argc < ARGS_MAX; word++)
                if (**word)
                        argv[argc++] = *word;
        redirect("in", STDIN_FILENO, O_RDONLY);
        redirect("out", STDOUT_FILENO, O_WRONLY | O_CREAT | O_TRUNC);
        redirect("err", STDERR_FILENO, O_WRONLY | O_CREAT | O_TRUNC);
        argc = verify_main(argc, argv);
        fflush(NULL);
        _exit(argc);
}

static char *slurp(const char *name)
{
        g_autofree char *path = in_work(name);
        char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

static void set_input(const char *input, size_t len)
{
        g_autofree char *path = in_work("in");

        g_assert_true(g_file_set_contents(path, input, (gssize) len, NULL));
}

static Run run_on_input(const char *arguments)
{
        struct rusage usage;
        int status;
        Run result;
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid == 0)
                child(arguments);
        g_assert_cmpint(wait4(pid, &status, 0, &usage), ==, pid);
        g_assert_true(WIFEXITED(status));
        result = (Run){ .status = WEXITSTATUS(status),
                        .out = slurp("out"),
                        .err = slurp("err"),
                        .rss_kib = usage.ru_maxrss };
        result.lines = g_strsplit(result.out, "\n", -1);
        return result;
}

static Run run(const char *input, size_t len, const char *arguments)
{
        set_input(input, len);
        return run_on_input(arguments);
}

static char *corpus(const char *name)
{
        g_autofree char *path = g_build_filename(folder, name, NULL);
        char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

static char *keys_option(void)
{
        return g_strdup_printf("--keys=%s/keys.jwks ", folder);
}

static Run run_token(const char *file, const char *more)
{
        g_autofree char *token = corpus(file), *keys = keys_option();
        g_autofree char *arguments = g_strconcat(keys, NOW, " ", more, NULL);

        return run(token, strlen(token), arguments);
}

static json_t *json_of(const char *line)
{
        json_t *json = json_loads(line, 0, NULL);

        g_assert_nonnull(json);
        return json;
}

static void expect(const char *line, const char *verdict, const char *reason, bool claims)
{
        json_t *json = json_of(line);

        g_assert_cmpstr(json_string_value(json_object_get(json, "verdict")), ==, verdict);
        g_assert_cmpstr(json_string_value(json_object_get(json, "reason")), ==, reason);
        g_assert_true(json_is_string(json_object_get(json, "detail")));
        g_assert_cmpint(json_is_object(json_object_get(json, "claims")), ==, claims);
        g_assert_cmpint(json_is_null(json_object_get(json, "claims")), ==, !claims);
        json_decref(json);
}

/* ---- one token ---- */

typedef struct Row {
        const char *sentence;
        const char *file;
        const char *options;
        int status;
        const char *verdict, *reason;
} Row;

static const Row rows[] = {
        { "a good token", GOOD, "--audience orders", 0, "valid", "valid" },
        { "of this issuer", GOOD, "--issuer=" MINT_ISSUER, 0, "valid", "valid" },
        { "of another", GOOD, "--issuer=https://other.example", 1, "invalid", "unknown_issuer" },
        { "for one of two audiences", GOOD, "--audience a --audience orders", 0, "valid", "valid" },
        { "for nobody of ours", GOOD, "--audience a", 1, "invalid", "wrong_audience" },
        { "account is meant when it is typed", GOOD, "--audience account", 0, "valid", "valid" },
        { "expired", EXPIRED, "", 1, "invalid", "expired" },
        { "expired but within the leeway", GOOD, "--now=1800000301 --leeway=2", 0, "valid",
          "valid" },
        { "expired past it", GOOD, "--now=1800000302 --leeway=2", 1, "invalid", "expired" },
        { "forged", FORGED, "", 1, "invalid", "bad_signature" },
        { "of the kind asked for", GOOD, "--type Bearer --type X", 0, "valid", "valid" },
        { "of another kind", GOOD, "--type X", 1, "invalid", "wrong_type" },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_auto(Run) result = run_token(row->file, row->options);

        g_assert_cmpint(result.status, ==, row->status);
        expect(result.lines[0], row->verdict, row->reason, row->status == 0);
        g_assert_cmpstr(result.lines[1], ==, "");
}

static void test_one_trailing_newline_is_stripped(void)
{
        g_autofree char *token = corpus(GOOD), *keys = keys_option();
        g_autofree char *arguments = g_strconcat(keys, NOW, NULL);
        g_autofree char *one = g_strconcat(token, "\n", NULL), *two = g_strconcat(one, "\n", NULL);
        g_auto(Run) good = run(one, strlen(one), arguments);
        g_auto(Run) bad = run(two, strlen(two), arguments);
        g_auto(Run) none = run("", 0, arguments);

        g_assert_cmpint(good.status, ==, 0);
        g_assert_cmpint(bad.status, ==, 1);
        expect(bad.lines[0], "invalid", "malformed", false);
        expect(none.lines[0], "invalid", "missing_token", false);
}

static void test_what_is_not_checked_is_said(void)
{
        g_auto(Run) loose = run_token(GOOD, "");
        g_auto(Run) strict = run_token(GOOD, "--audience orders --issuer " MINT_ISSUER);

        g_assert_nonnull(strstr(loose.err, "no --audience"));
        g_assert_nonnull(strstr(loose.err, "no --issuer"));
        g_assert_null(strstr(strict.err, "no --"));
}

static void test_the_signature_alone(void)
{
        g_auto(Run) good = run_token(EXPIRED, "--jws-only");
        g_auto(Run) bad = run_token(FORGED, "--jws-only");
        g_autofree char *token = corpus(EXPIRED);
        g_auto(GStrv) parts = g_strsplit(token, ".", -1);
        json_t *yes = json_of(good.lines[0]), *no = json_of(bad.lines[0]);

        g_assert_cmpint(good.status, ==, 0);
        g_assert_cmpint(bad.status, ==, 1);
        g_assert_cmpstr(json_string_value(json_object_get(yes, "payload")), ==, parts[1]);
        g_assert_true(json_is_null(json_object_get(no, "payload")));
        g_assert_cmpstr(json_string_value(json_object_get(no, "reason")), ==, "bad_signature");
        json_decref(yes);
        json_decref(no);
}

/* ---- many ---- */

static void test_a_batch_keeps_its_order(void)
{
        g_autofree char *good = corpus(GOOD), *expired = corpus(EXPIRED), *keys = keys_option();
        g_autofree char *longish = g_strnfill(200000, 'x');
        g_autofree char *input = g_strconcat(good, "\n\n", expired, "\n", longish, "\nopaque\n",
                                             good, NULL); /* and no newline at the end */
        g_autofree char *arguments = g_strconcat(keys, NOW, " --batch", NULL);
        g_auto(Run) result = run(input, strlen(input), arguments);

        g_assert_cmpint(result.status, ==, 0);
        g_assert_cmpuint(g_strv_length(result.lines), ==, 7);
        expect(result.lines[0], "valid", "valid", true);
        expect(result.lines[1], "invalid", "missing_token", false);
        expect(result.lines[2], "invalid", "expired", false);
        expect(result.lines[3], "invalid", "malformed", false);
        expect(result.lines[4], "invalid", "malformed", false);
        expect(result.lines[5], "valid", "valid", true);
}

static void test_an_empty_batch_has_no_lines(void)
{
        g_autofree char *keys = keys_option(), *arguments = g_strconcat(keys, "--batch", NULL);
        g_auto(Run) result = run("", 0, arguments);

        g_assert_cmpint(result.status, ==, 0);
        g_assert_cmpstr(result.out, ==, "");
}

/* The input is no longer in our memory, of which the child begins as a copy. */
static long size_of_batch(unsigned n_lines)
{
        g_autofree char *token = corpus(CHEAP), *keys = keys_option();
        g_autofree char *arguments = g_strconcat(keys, NOW, " --batch", NULL);
        GString *input = g_string_new(NULL);
        g_auto(Run) result = { 0 };

        for (unsigned i = 0; i < n_lines; i++)
                g_string_append_printf(input, "%s\n", token);
        set_input(input->str, input->len);
        g_string_free(input, TRUE);
        result = run_on_input(arguments);
        g_assert_cmpuint(g_strv_length(result.lines), ==, n_lines + 1);
        return result.rss_kib;
}

/* 4000 lines are 3 MB of input and as much of output. The short run goes first: what we keep of the
 * long one would be the next child's as well. */
static void test_a_batch_streams(void)
{
        long few_kib, many_kib;

        if (g_getenv("SANITIZED")) {
                g_test_skip("a sanitizer keeps freed memory");
                return;
        }
        few_kib = size_of_batch(20);
        many_kib = size_of_batch(4000);
        g_test_message("20 lines: %ld KiB, 4000 lines: %ld KiB", few_kib, many_kib);
        g_assert_cmpint(many_kib - few_kib, <, 1024);
}

/* A line's verdict is there before the next line is asked for. */
static void test_a_batch_answers_while_input_is_open(void)
{
        g_autofree char *token = corpus(GOOD), *keys = keys_option(), *line = NULL;
        int in[2], out[2];
        char buffer[16] = "";
        pid_t pid;

        g_assert_cmpint(pipe(in) | pipe(out), ==, 0);
        fflush(NULL);
        pid = fork();
        if (pid == 0) {
                char *arguments[] = { (char *) "verify", g_strchomp(keys), (char *) NOW,
                                      (char *) "--batch", NULL };

                dup2(in[0], STDIN_FILENO);
                dup2(out[1], STDOUT_FILENO);
                close(in[1]);
                _exit(verify_main(4, arguments));
        }
        close(in[0]);
        close(out[1]);
        line = g_strconcat(token, "\n", NULL);
        g_assert_cmpint(write(in[1], line, strlen(line)), ==, (ssize_t) strlen(line));
        g_assert_cmpint(read(out[0], buffer, 12), ==, 12);
        g_assert_cmpstr(buffer, ==, "{\"verdict\":\"");
        close(in[1]);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        close(out[0]);
}

/* ---- wrong usage, wrong keys ---- */

typedef struct Wrong {
        const char *sentence;
        const char *options; /* %s: the corpus */
        int status;
        const char *said;
} Wrong;

static const Wrong wrongs[] = {
        { "a token on the command line", "--keys=%s/keys.jwks a.b.c", 2, "give it on stdin" },
        { "no keys", "--audience orders", 2, "--keys FILE is missing" },
        { "an unknown option", "--keys=%s/keys.jwks --frobnicate", 2, "--help" },
        { "a leeway out of bounds", "--keys=%s/keys.jwks --leeway 601", 2, "--leeway" },
        { "a time that is none", "--keys=%s/keys.jwks --now=soon", 2, "--help" },
        { "a type that is none", "--keys=%s/keys.jwks --type JWT", 2, "no kind" },
        { "a keys file that is not there", "--keys=%s/nothing.jwks", 3, "nothing.jwks" },
        { "a keys file without one usable key",
          "--keys=%s/keysets/n_empty_no_keys_in_the_list.json", 3, "" },
        { "a keys file that is no JSON", "--keys=%s/make.py", 3, "make.py" },
};

static void test_wrong(gconstpointer data)
{
        const Wrong *wrong = data;
        g_autofree char *options = g_strdup_printf(wrong->options, folder);
        g_auto(Run) result = run("a.b.c", 5, options);

        g_assert_cmpint(result.status, ==, wrong->status);
        g_assert_cmpstr(result.out, ==, "");
        if (!strstr(result.err, wrong->said))
                g_error("\"%s\" is not in \"%s\"", wrong->said, result.err);
}

static void test_a_skipped_key_is_told(void)
{
        g_auto(Run) result = run_token(GOOD, "");

        g_assert_nonnull(strstr(result.err, "is left out"));
}

static void remove_work(void)
{
        static const char *const names[] = { "in", "out", "err" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = in_work(names[i]);

                unlink(path);
        }
        rmdir(work);
}

static void add_tests(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/verify/", rows[i].sentence, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(wrongs); i++) {
                g_autofree char *path = g_strconcat("/verify/wrong/", wrongs[i].sentence, NULL);

                g_test_add_data_func(path, &wrongs[i], test_wrong);
        }
        g_test_add_func("/verify/one trailing newline is stripped",
                        test_one_trailing_newline_is_stripped);
        g_test_add_func("/verify/what is not checked is said", test_what_is_not_checked_is_said);
        g_test_add_func("/verify/the signature alone", test_the_signature_alone);
        g_test_add_func("/verify/a batch keeps its order", test_a_batch_keeps_its_order);
        g_test_add_func("/verify/an empty batch has no lines", test_an_empty_batch_has_no_lines);
        g_test_add_func("/verify/a batch streams", test_a_batch_streams);
        g_test_add_func("/verify/a batch answers while input is open",
                        test_a_batch_answers_while_input_is_open);
        g_test_add_func("/verify/a skipped key is told", test_a_skipped_key_is_told);
}

int main(int argc, char **argv)
{
        int status;

        g_test_init(&argc, &argv, NULL);
        folder = g_strdup(g_getenv("TOKENS_DIR"));
        g_assert_nonnull(folder);
        work = g_dir_make_tmp("verify-XXXXXX", NULL);
        g_assert_nonnull(work);
        add_tests();
        status = g_test_run();
        remove_work();
        g_free(work);
        g_free(folder);
        return status;
}

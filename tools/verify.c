/* verify: see verify.h. One view made of the file's keys, one policy made of the options, then a
 * line in and a line out; nothing of a line outlives it. */
#include "verify.h"

#include "base/clock.h"
#include "base/file.h"
#include "verdict/check.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define ISSUER_NAME   "offline"
#define POLICY_NAME   "offline"
#define LINE_SIZE_MAX JWS_SIZE_MAX /* a longer line is told as malformed without being kept */
#define READ_SIZE     (64 * 1024)

typedef enum ExitStatus {
        EXIT_GOOD = 0,
        EXIT_REFUSED = 1,
        EXIT_USAGE = 2,
        EXIT_KEYS = 3,
        EXIT_IO = 4,
} ExitStatus;

typedef struct Options {
        char *keys_path;
        char *issuer;
        char **audience;
        char **type;
        gint64 now_sec;
        gint64 leeway_sec;
        gboolean allow_development;
        gboolean jws_only;
        gboolean batch;
} Options;

typedef struct Judge {
        const Options *options;
        IssuerView *view;
        Policy *policy;
        Checker *checker;
} Judge;

G_GNUC_PRINTF(1, 2) static void tell(const char *format, ...)
{
        va_list arguments;

        fputs("authctl verify: ", stderr);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
}

static void options_deinit(Options *options)
{
        g_free(options->keys_path);
        g_free(options->issuer);
        g_strfreev(options->audience);
        g_strfreev(options->type);
}

static void judge_deinit(Judge *judge)
{
        checker_free(judge->checker);
        policy_unref(judge->policy);
        issuer_view_unref(judge->view);
}

/* ---- options ---- */

static bool options_read(Options *options, int *argc, char ***argv, GError **error)
{
        const GOptionEntry entries[] = {
                { "keys", 'k', 0, G_OPTION_ARG_FILENAME, &options->keys_path,
                  "the issuer's public keys: a JWKS or one JWK", "FILE" },
                { "issuer", 0, 0, G_OPTION_ARG_STRING, &options->issuer,
                  "the iss that tokens must carry (default: any)", "URL" },
                { "audience", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->audience,
                  "who tokens must be for; may be repeated, one is enough (default: any)", "A" },
                { "type", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->type,
                  "kinds of token; may be repeated (default: Bearer or at+jwt)", "T" },
                { "now", 0, 0, G_OPTION_ARG_INT64, &options->now_sec,
                  "check as if it were that second (default: the clock)", "UNIX" },
                { "leeway", 0, 0, G_OPTION_ARG_INT64, &options->leeway_sec,
                  "seconds by which clocks may differ (default: 0)", "S" },
                { "allow-development", 0, 0, G_OPTION_ARG_NONE, &options->allow_development,
                  "take tokens of devidp, the development provider", NULL },
                { "jws-only", 0, 0, G_OPTION_ARG_NONE, &options->jws_only,
                  "stop after the signature and give the payload in base64url", NULL },
                { "batch", 0, 0, G_OPTION_ARG_NONE, &options->batch,
                  "one token a line in, one verdict a line out", NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new("< TOKEN");

        g_option_context_set_summary(
            context, "authctl verify: checks tokens from stdin offline, by the keys "
                     "of a file.");
        g_option_context_add_main_entries(context, entries, NULL);
        return g_option_context_parse(context, argc, argv, error);
}

static bool options_are_fit(const Options *options, int argc)
{
        if (argc > 1)
                tell("a token never stands on the command line, where every process can read it; "
                     "give it on stdin: authctl verify --keys FILE < token");
        else if (!options->keys_path)
                tell("--keys FILE is missing: the issuer's public keys, as its certs or jwks_uri "
                     "address serves them");
        else if (options->leeway_sec < 0 || options->leeway_sec > POLICY_LEEWAY_SEC_MAX)
                tell("--leeway must be 0 to %d seconds", POLICY_LEEWAY_SEC_MAX);
        else if (options->now_sec < 0)
                tell("--now must be seconds since 1970");
        else
                return true;
        return false;
}

/* What is not checked is said once, before the first verdict. */
static void options_warn(const Options *options)
{
        if (options->jws_only)
                return;
        if (!options->issuer)
                tell("no --issuer: tokens of any issuer pass whose signature these keys verify");
        if (!options->audience)
                tell("no --audience: tokens for any audience pass");
}

/* ---- keys, view, policy ---- */

static void warn_of_key(size_t index, const char *kid, int answer, const char *why, void *userdata)
{
        char shown[64];

        tell("key %zu (kid %s) is left out: %s", index + 1,
             kid ? verdict_printable(span_from(kid), shown, sizeof(shown)) : "none", why);
}

static KeySet *keys_read(const char *path)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        KeySet *keys = NULL;
        size_t len = 0;
        int r;

        if (!file_read(path, KEYSET_SIZE_MAX, &text, &len, &error)) {
                tell("%s", error->message);
                return NULL;
        }
        r = keyset_parse(span_of(text, len), warn_of_key, NULL, &keys);
        if (r == 0)
                return keys;
        tell("%s: %s", path, r < 0 ? g_strerror(-r) : jwk_answer_text(r));
        return NULL;
}

static bool judge_take_keys(Judge *judge)
{
        const Options *options = judge->options;
        g_autoptr(KeySet) keys = keys_read(options->keys_path);
        const IssuerFacts facts = {
                .name = g_intern_static_string(ISSUER_NAME),
                .url = options->issuer ? g_intern_string(options->issuer) : NULL,
                .keys = keys,
                .algorithms = ALG_SET_ALL,
                .keys_fresh_until_usec = INT64_MAX,
        };

        if (keys)
                judge->view = issuer_view_new(&facts, 1, options->allow_development);
        return keys;
}

static bool judge_make_policy(Judge *judge)
{
        static const PolicyIssuer issuer = { .name = ISSUER_NAME };
        static const char *const any[] = { "any", NULL };
        const Options *options = judge->options;
        g_autoptr(PolicySettings) settings = policy_settings_new(POLICY_NAME);
        g_autoptr(GError) error = NULL;
        char **audience = options->audience ? options->audience : (char **) any;

        settings->audience = g_strdupv(audience);
        settings->type = g_strdupv(options->type);
        settings->leeway_sec = options->leeway_sec;
        /* Whoever types it means it; the daemon's settings want it said twice. */
        if (g_strv_contains((const char *const *) audience, POLICY_AUDIENCE_OF_ALL))
                settings->force_audience = g_strdup(POLICY_AUDIENCE_OF_ALL);
        judge->policy = policy_new(settings, &issuer, 1, &error);
        if (!judge->policy)
                tell("%s", error->message);
        return judge->policy;
}

/* ---- one token ---- */

static void print_json_string(const char *text)
{
        putchar('"');
        for (const char *c = text; *c != '\0'; c++) {
                if (*c == '"' || *c == '\\')
                        putchar('\\');
                putchar(*c); /* verdict_refuse left printable ASCII only */
        }
        putchar('"');
}

/* The claims as they were signed. In valid JSON a line's end stands between values only, so a space
 * for it changes nothing, and one verdict stays one line. */
static void print_claims(const Claims *claims)
{
        g_autoptr(GString) text = g_string_new(NULL);

        tape_write(claims_root(claims), text);
        fwrite(text->str, 1, text->len, stdout);
}

static void print_verdict(const Verdict *verdict, const char *content_name)
{
        const ReasonWords *words = reason_words(verdict->reason);

        printf("{\"verdict\":\"%s\",\"reason\":\"%s\",\"detail\":",
               verdict_class_text(words->verdict), words->word);
        print_json_string(verdict->detail);
        printf(",\"%s\":", content_name);
}

static bool judge_claims(Judge *judge, Span token)
{
        const Question question = {
                .token = token,
                .policy = judge->policy,
                .now_sec = judge->options->now_sec,
                .asked = ASKED_FRESH,
        };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;
        bool good;

        check_token(judge->checker, judge->view, &question, &verdict, &needs);
        good = verdict.reason == VERDICT_VALID;
        print_verdict(&verdict, "claims");
        if (good)
                print_claims(verdict.claims);
        else
                fputs("null", stdout);
        fputs("}\n", stdout);
        verdict_clear(&verdict);
        return good;
}

/* The answer's words are the table's own; the verdict itself stays what check_signature left. */
static bool judge_signature(Judge *judge, Span token)
{
        const ReasonWords *words = reason_words(VERDICT_VALID);
        Verdict verdict = VERDICT_INIT;
        Span payload = SPAN_EMPTY;

        if (!check_signature(judge->checker, issuer_view_get(judge->view, 0), token, &verdict,
                             &payload)) {
                print_verdict(&verdict, "payload");
                fputs("null}\n", stdout);
                return false;
        }
        printf("{\"verdict\":\"%s\",\"reason\":\"%s\",\"detail\":\"\",\"payload\":\"%.*s\"}\n",
               verdict_class_text(words->verdict), words->word, (int) payload.len, payload.data);
        return true;
}

static bool judge_token(Judge *judge, Span token)
{
        return judge->options->jws_only ? judge_signature(judge, token)
                                        : judge_claims(judge, token);
}

/* ---- input ---- */

/* Reader: stdin by pieces. Of a line that is too long only so much is kept that it is seen to be.
 */
typedef struct Reader {
        char line[LINE_SIZE_MAX + 1];
        size_t line_len;
        char piece[READ_SIZE];
        size_t piece_len, piece_at;
} Reader;

static void reader_keep(Reader *reader, const char *text, size_t len)
{
        size_t room = sizeof(reader->line) - reader->line_len;

        memcpy(reader->line + reader->line_len, text, MIN(len, room));
        reader->line_len += MIN(len, room);
}

/* reader_fill: 1 for more, 0 at the end, negative errno. What was judged is shown before we wait.
 */
static int reader_fill(Reader *reader)
{
        ssize_t n;

        if (fflush(stdout) != 0)
                return -errno;
        do
                n = read(STDIN_FILENO, reader->piece, sizeof(reader->piece));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        reader->piece_len = (size_t) n;
        reader->piece_at = 0;
        return n > 0;
}

/* reader_next_line: 1 and line without its newline, 0 at the end, negative errno. */
static int reader_next_line(Reader *reader)
{
        reader->line_len = 0;
        for (;;) {
                char *at = reader->piece + reader->piece_at;
                size_t left = reader->piece_len - reader->piece_at;
                char *newline = memchr(at, '\n', left);
                int r;

                reader_keep(reader, at, newline ? (size_t) (newline - at) : left);
                reader->piece_at += newline ? (size_t) (newline - at) + 1 : left;
                if (newline)
                        return 1;
                r = reader_fill(reader);
                if (r < 0 || (r == 0 && reader->line_len == 0))
                        return r;
                if (r == 0)
                        return 1;
        }
}

/* reader_read_all: stdin is one token; 0 or negative errno. */
static int reader_read_all(Reader *reader)
{
        int r;

        while ((r = reader_fill(reader)) > 0)
                reader_keep(reader, reader->piece, reader->piece_len);
        if (reader->line_len > 0 && reader->line[reader->line_len - 1] == '\n')
                reader->line_len--;
        return r;
}

static void reader_free(Reader *reader)
{
        secret_erase(reader, sizeof(*reader));
        g_free(reader);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reader, reader_free)

static ExitStatus io_failed(int r)
{
        tell("input or output failed: %s", g_strerror(-r));
        return EXIT_IO;
}

static ExitStatus judge_one(Judge *judge)
{
        g_autoptr(Reader) reader = g_new0(Reader, 1);
        bool good;
        int r = reader_read_all(reader);

        if (r < 0)
                return io_failed(r);
        good = judge_token(judge, span_of(reader->line, reader->line_len));
        if (fflush(stdout) != 0)
                return io_failed(-errno);
        return good ? EXIT_GOOD : EXIT_REFUSED;
}

static ExitStatus judge_batch(Judge *judge)
{
        g_autoptr(Reader) reader = g_new0(Reader, 1);
        int r;

        while ((r = reader_next_line(reader)) > 0)
                (void) judge_token(judge, span_of(reader->line, reader->line_len));
        if (r == 0 && fflush(stdout) != 0)
                r = -errno;
        return r < 0 ? io_failed(r) : EXIT_GOOD;
}

/* ---- main ---- */

static ExitStatus judge_run(Judge *judge)
{
        const Options *options = judge->options;

        if (!judge_make_policy(judge))
                return EXIT_USAGE;
        if (!judge_take_keys(judge))
                return EXIT_KEYS;
        judge->checker = checker_new(NULL, NULL);
        if (!judge->checker) {
                tell("OpenSSL lacks an algorithm that is needed");
                return EXIT_IO;
        }
        options_warn(options);
        if (isatty(STDIN_FILENO))
                tell("paste %s", options->batch ? "tokens, one a line; Ctrl-D ends"
                                                : "the token, Enter, then Ctrl-D");
        return options->batch ? judge_batch(judge) : judge_one(judge);
}

int verify_main(int argc, char **argv)
{
        Options options = { .now_sec = clock_wall_sec() };
        Judge judge = { .options = &options };
        g_autoptr(GError) error = NULL;
        ExitStatus status = EXIT_USAGE;

        if (!options_read(&options, &argc, &argv, &error))
                tell("%s; authctl verify --help shows the options", error->message);
        else if (options_are_fit(&options, argc))
                status = judge_run(&judge);
        judge_deinit(&judge);
        options_deinit(&options);
        return status;
}

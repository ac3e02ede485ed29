/* test_log: whole lines as a reader of stderr sees them.
 *
 * stderr is a SOCK_SEQPACKET socket here, so that one write is one packet; the journal's library
 * function is replaced by one that notes the fields. */
#include "base/log.h"

#include "base/clock.h"

#define SD_JOURNAL_SUPPRESS_LOCATION /* else a macro renames sd_journal_sendv */

#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define NOW_SEC 1767323045 /* 2026-01-02T03:04:05Z */
#define HEAD    "{\"ts\":\"2026-01-02T03:04:05.000000Z\",\"level\":\"info\",\"event\":\"tried\""

static GString *journal_text;

/* Stands in front of libsystemd's. */
int sd_journal_sendv(const struct iovec *iov, int n)
{
        for (int i = 0; i < n; i++) {
                g_string_append_len(journal_text, iov[i].iov_base, (gssize) iov[i].iov_len);
                g_string_append_c(journal_text, '\n');
        }
        return 0;
}

typedef struct Stderr {
        int kept;
        int reader;
} Stderr;

static Stderr stderr_begin(void)
{
        Stderr captured = { .kept = dup(STDERR_FILENO) };
        int ends[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), ==, 0);
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        captured.reader = ends[0];
        return captured;
}

/* stderr_end: the packets written meanwhile, each followed by '|'; the caller frees. */
static char *stderr_end(Stderr captured)
{
        GString *out = g_string_new(NULL);
        char packet[2 * LOG_LINE_MAX];
        ssize_t n;

        dup2(captured.kept, STDERR_FILENO);
        close(captured.kept);
        while ((n = recv(captured.reader, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
                g_string_append_len(out, packet, n);
                g_string_append_c(out, '|');
        }
        close(captured.reader);
        return g_string_free(out, FALSE);
}

typedef struct TextRow {
        const char *sentence;
        const char *text;
        const char *wanted;
} TextRow;

static const TextRow text_rows[] = {
        { "plain text stays", "hello", "hello" },
        { "UTF-8 stays",
          "Gr\xc3\xbc\xc3\x9f"
          "e \xf0\x9f\x94\x91",
          "Gr\xc3\xbc\xc3\x9f"
          "e \xf0\x9f\x94\x91" },
        { "a quote cannot end the string", "a\",\"level\":\"x", "a\\\",\\\"level\\\":\\\"x" },
        { "a backslash is escaped", "a\\", "a\\\\" },
        { "a newline cannot begin a line", "a\nb", "a\\u000ab" },
        { "an escape sequence cannot reach a terminal", "\x1b[2J", "\\u001b[2J" },
        { "DEL and C1 controls are escaped", "\x7f\xc2\x9b", "\\u007f\\u009b" },
        { "a direction override is escaped", "a\xe2\x80\xae", "a\\u202e" },
        { "a line separator is escaped", "\xe2\x80\xa8", "\\u2028" },
        { "a tag character is escaped as a pair", "\xf3\xa0\x81\x81", "\\udb40\\udc41" },
        { "invalid UTF-8 is replaced byte by byte", "a\xff\xfe", "a\\ufffd\\ufffd" },
        { "a cut character is replaced", "a\xe2\x82", "a\\ufffd\\ufffd" },
        { "an overlong NUL is replaced", "\xc0\x80", "\\ufffd\\ufffd" },
        { "NULL is empty", NULL, "" },
};

static void check_text_row(gconstpointer pointer)
{
        const TextRow *row = pointer;
        g_autofree char *wanted = g_strdup_printf(HEAD ",\"message\":\"%s\",\"who\":\"%s\"}\n|",
                                                  row->wanted, row->wanted);
        Stderr captured = stderr_begin();
        log_event(LOG_LEVEL_INFO, "tried", row->text, LOG_TEXT("who", row->text));
        g_autofree char *got = stderr_end(captured);

        g_assert_cmpstr(got, ==, wanted);
}

static void numbers_are_numbers(void)
{
        Stderr captured = stderr_begin();
        log_event(LOG_LEVEL_INFO, "tried", "m", LOG_NUMBER("n", INT64_MIN), LOG_NUMBER("z", 0));
        g_autofree char *got = stderr_end(captured);

        g_assert_cmpstr(got, ==, HEAD ",\"message\":\"m\",\"n\":-9223372036854775808,\"z\":0}\n|");
}

static void no_fields_and_two_writes(void)
{
        Stderr captured = stderr_begin();
        log_event(LOG_LEVEL_INFO, "tried", "m");
        log_event(LOG_LEVEL_INFO, "tried", "m");
        g_autofree char *got = stderr_end(captured);

        g_assert_cmpstr(got, ==, HEAD ",\"message\":\"m\"}\n|" HEAD ",\"message\":\"m\"}\n|");
}

static void long_value_is_cut(void)
{
        g_autofree char *fits = g_strnfill(LOG_TEXT_MAX, 'a');
        g_autofree char *over = g_strnfill(LOG_TEXT_MAX + 1, 'a');
        g_autofree char *wanted = g_strdup_printf(HEAD ",\"message\":\"%s\"}\n|" HEAD
                                                       ",\"message\":\"%s\",\"truncated\":true}\n|",
                                                  fits, fits);
        Stderr captured = stderr_begin();
        log_event(LOG_LEVEL_INFO, "tried", fits);
        log_event(LOG_LEVEL_INFO, "tried", over);
        g_autofree char *got = stderr_end(captured);

        g_assert_cmpstr(got, ==, wanted);
}

/* Each escape is six bytes: one that straddles the limit must be left out whole. */
static void escapes_are_cut_whole(void)
{
        g_autofree char *bells = g_strnfill(LOG_TEXT_MAX, '\a');
        Stderr captured = stderr_begin();
        log_event(LOG_LEVEL_INFO, "tried", bells);
        g_autofree char *got = stderr_end(captured);

        g_assert_true(g_str_has_suffix(got, "\\u0007\",\"truncated\":true}\n|"));
}

static void line_is_bounded_and_later_fields_stay(void)
{
        g_autofree char *big = g_strnfill(2 * LOG_TEXT_MAX, 'a');
        Stderr captured = stderr_begin();
        log_event(LOG_LEVEL_INFO, "tried", big, LOG_TEXT("a", big), LOG_TEXT("b", big),
                  LOG_TEXT("c", big), LOG_TEXT("d", big), LOG_NUMBER("last", 7));
        g_autofree char *got = stderr_end(captured);

        g_assert_cmpuint(strlen(got), <=, LOG_LINE_MAX + 1);
        g_assert_nonnull(strstr(got, "\"b\":\"a"));
        g_assert_null(strstr(got, "\"d\":"));
        g_assert_true(g_str_has_suffix(got, ",\"last\":7,\"truncated\":true}\n|"));
}

static void write_n_fields(size_t n)
{
        LogField fields[LOG_FIELDS_MAX + 2] = { 0 };

        for (size_t i = 0; i < n; i++)
                fields[i] = LOG_NUMBER("f", (int64_t) i);
        log_write(LOG_LEVEL_INFO, "tried", "m", fields);
}

static void too_many_fields_are_said(void)
{
        Stderr captured = stderr_begin();
        write_n_fields(LOG_FIELDS_MAX);
        g_autofree char *all = stderr_end(captured);
        captured = stderr_begin();
        write_n_fields(LOG_FIELDS_MAX + 1);
        g_autofree char *cut = stderr_end(captured);

        g_assert_true(g_str_has_suffix(all, ",\"f\":23}\n|"));
        g_assert_true(g_str_has_suffix(cut, ",\"f\":23,\"truncated\":true}\n|"));
}

static void levels_are_a_threshold(void)
{
        Stderr captured = stderr_begin();
        log_set_level(LOG_LEVEL_WARNING);
        log_event(LOG_LEVEL_NOTICE, "tried", "not this");
        log_event(LOG_LEVEL_WARNING, "tried", "this");
        log_event(LOG_LEVEL_ERROR, "tried", "and this");
        log_set_level(LOG_LEVEL_INFO);
        g_autofree char *got = stderr_end(captured);

        g_assert_null(strstr(got, "not this"));
        g_assert_nonnull(
            strstr(got, "\"level\":\"warning\",\"event\":\"tried\",\"message\":\"this\""));
        g_assert_nonnull(strstr(got, "\"level\":\"error\""));
}

static void level_words_go_both_ways(void)
{
        LogLevel level = LOG_LEVEL_ERROR;

        for (LogLevel l = LOG_LEVEL_ERROR; l <= LOG_LEVEL_DEBUG; l++) {
                g_assert_true(log_level_from_text(log_level_text(l), &level));
                g_assert_cmpint(level, ==, l);
        }
        g_assert_false(log_level_from_text("loud", &level));
        g_assert_false(log_level_from_text("", &level));
        g_assert_cmpint(level, ==, LOG_LEVEL_DEBUG);
}

static void set_journal_stream(uint64_t inode_offset)
{
        g_autofree char *stream = NULL;
        struct stat found;

        g_assert_cmpint(fstat(STDERR_FILENO, &found), ==, 0);
        stream = g_strdup_printf("%ju:%ju", (uintmax_t) found.st_dev,
                                 (uintmax_t) (found.st_ino + inode_offset));
        g_setenv("JOURNAL_STREAM", stream, TRUE);
}

static char *log_with_journal_stream(uint64_t inode_offset)
{
        Stderr captured = stderr_begin();

        set_journal_stream(inode_offset);
        g_string_truncate(journal_text, 0);
        log_open(LOG_LEVEL_INFO);
        log_event(LOG_LEVEL_NOTICE, "keys_fetched", "two\nlines", LOG_TEXT("issuer-name", "h\n"),
                  LOG_NUMBER("n_keys", 3));
        g_unsetenv("JOURNAL_STREAM");
        log_open(LOG_LEVEL_INFO);
        return stderr_end(captured);
}

static void journal_gets_fields(void)
{
        g_autofree char *got = log_with_journal_stream(0);

        g_assert_cmpstr(got, ==, "");
        g_assert_cmpstr(journal_text->str, ==,
                        "MESSAGE=two\\u000alines\nAUTHD_EVENT=keys_fetched\nPRIORITY=5\n"
                        "AUTHD_ISSUER_NAME=h\\u000a\nAUTHD_N_KEYS=3\n");
}

static void another_stream_is_not_the_journal(void)
{
        g_autofree char *got = log_with_journal_stream(1);

        g_assert_cmpstr(journal_text->str, ==, "");
        g_assert_nonnull(strstr(got, "\"event\":\"keys_fetched\""));
}

static void add_text_rows(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(text_rows); i++) {
                g_autofree char *name = g_strdup_printf("/log/text/%s", text_rows[i].sentence);
                g_test_add_data_func(name, &text_rows[i], check_text_row);
        }
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*check)(void);
        } rows[] = {
                { "numbers are numbers", numbers_are_numbers },
                { "each line is one write", no_fields_and_two_writes },
                { "a value over the limit is cut and the line says so", long_value_is_cut },
                { "an escape is never cut in two", escapes_are_cut_whole },
                { "a field without room is left out, a later short one stays",
                  line_is_bounded_and_later_fields_stay },
                { "fields over the maximum are cut and the line says so",
                  too_many_fields_are_said },
                { "a level is a threshold", levels_are_a_threshold },
                { "each level's word is read back", level_words_go_both_ways },
                { "the journal gets fields when it is our stderr", journal_gets_fields },
                { "a stream that is not our stderr is not used",
                  another_stream_is_not_the_journal },
        };

        g_test_init(&argc, &argv, NULL);
        journal_text = g_string_new(NULL);
        clock_set_wall_for_tests(NOW_SEC);
        g_unsetenv("JOURNAL_STREAM");
        log_open(LOG_LEVEL_INFO);
        add_text_rows();
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/log/%s", rows[i].sentence);
                g_test_add_func(name, rows[i].check);
        }
        return g_test_run();
}

/* test_wire: the question's bytes and the answer's reader, whole and byte by byte. */
#include "wire.h"

#include <glib.h>
#include <string.h>

/* --- the question --------------------------------------------------------------------------- */

static void test_question_bytes(void)
{
        struct authd_question asked = { .size = sizeof(asked),
                                        .token = "a.b\\\"c",
                                        .policy = "orders",
                                        .method = "GET",
                                        .uri = "https://x/\xC3\xA9" };
        static const char body[] =
            "{\"token\":\"a.b\\\\\\\"c\",\"policy\":\"orders\",\"method\":\"GET\","
            "\"uri\":\"https://x/\xC3\xA9\"}";
        g_autofree char *wanted = g_strdup_printf("POST /v1/check HTTP/1.1\r\nHost: authd\r\n"
                                                  "Content-Type: application/json\r\n"
                                                  "Content-Length: %zu\r\n\r\n%s",
                                                  strlen(body), body);
        struct wire_question question;

        g_assert_cmpint(wire_question_init(&question, &asked), ==, 0);
        g_assert_cmpmem(question.bytes, question.size, wanted, strlen(wanted));
        wire_question_deinit(&question);
        g_assert_null(question.bytes);
}

typedef struct HeadRow {
        const char *sentence;
        const char *token, *policy, *method;
        const char *wanted; /* what the question's bytes begin with */
} HeadRow;

static const HeadRow head_rows[] = {
        { "a token alone goes in a head", "a.b-_~+/=", NULL, NULL,
          "GET /v1/check HTTP/1.1\r\nHost: authd\r\nAuthorization: Bearer a.b-_~+/=\r\n\r\n" },
        { "a token and a policy go in a head", "a.b", "orders-1", NULL,
          "GET /v1/check?policy=orders-1 HTTP/1.1\r\nHost: authd\r\nAuthorization: Bearer "
          "a.b\r\n\r\n" },
        { "a token with a space goes in a body", "a b", NULL, NULL, "POST /v1/check HTTP/1.1\r\n" },
        { "a token with letters of other scripts goes in a body", "\xC3\xA9", NULL, NULL,
          "POST /v1/check HTTP/1.1\r\n" },
        { "a policy that a query would have to encode goes in a body", "a", "a&policy=b", NULL,
          "POST /v1/check HTTP/1.1\r\n" },
        { "a method goes in a body", "a", NULL, "GET", "POST /v1/check HTTP/1.1\r\n" },
};

static void test_head(gconstpointer argument)
{
        const HeadRow *row = argument;
        struct authd_question asked = { .size = sizeof(asked),
                                        .token = row->token,
                                        .policy = row->policy,
                                        .method = row->method };
        struct wire_question question;

        g_assert_cmpint(wire_question_init(&question, &asked), ==, 0);
        g_assert_cmpuint(question.size, >=, strlen(row->wanted));
        g_assert_cmpmem(question.bytes, strlen(row->wanted), row->wanted, strlen(row->wanted));
        if (g_str_has_prefix(row->wanted, "GET"))
                g_assert_cmpuint(question.size, ==, strlen(row->wanted));
        wire_question_deinit(&question);
}

static void test_head_room(void)
{
        g_autofree char *fits = g_strnfill(WIRE_HEAD_TOKEN_SIZE_MAX, 'a');
        g_autofree char *longer = g_strnfill(WIRE_HEAD_TOKEN_SIZE_MAX + 1, 'a');
        struct authd_question asked = { .size = sizeof(asked), .token = fits };
        struct wire_question question;

        g_assert_cmpint(wire_question_init(&question, &asked), ==, 0);
        g_assert_cmpmem(question.bytes, 4, "GET ", 4);
        wire_question_deinit(&question);
        asked.token = longer;
        g_assert_cmpint(wire_question_init(&question, &asked), ==, 0);
        g_assert_cmpmem(question.bytes, 4, "POST", 4);
        wire_question_deinit(&question);
}

typedef struct QuestionRow {
        const char *sentence;
        const char *token, *policy;
} QuestionRow;

static const QuestionRow question_rows[] = {
        { "no token", NULL, "orders" },
        { "an empty token", "", "orders" },
        { "a newline in the token", "a\nb", "orders" },
        { "a tab in the token", "a\tb", "orders" },
        { "DEL in the token", "a\x7F", "orders" },
        { "a token that is no UTF-8", "a\xFF", "orders" },
        { "a token cut within a character", "a\xC3", "orders" },
        { "an empty policy", "t", "" },
        { "a control character in the policy", "t", "a\x01" },
};

static void test_question_refused(gconstpointer argument)
{
        const QuestionRow *row = argument;
        struct authd_question asked = { .size = sizeof(asked),
                                        .token = row->token,
                                        .policy = row->policy };
        struct wire_question question;

        g_assert_cmpint(wire_question_init(&question, &asked), ==, AUTHD_E_INVALID);
        g_assert_null(question.bytes);
}

static void test_question_size(void)
{
        g_autofree char *longest = g_strnfill(AUTHD_TOKEN_SIZE_MAX, '"');
        g_autofree char *longer = g_strnfill(AUTHD_TOKEN_SIZE_MAX + 1, 'a');
        struct authd_question asked = { .size = sizeof(asked), .token = longest };
        struct wire_question question;

        g_assert_cmpint(wire_question_init(&question, &asked), ==, 0);
        g_assert_cmpuint(question.size, >, 2 * AUTHD_TOKEN_SIZE_MAX);
        wire_question_deinit(&question);
        asked.token = longer;
        g_assert_cmpint(wire_question_init(&question, &asked), ==, AUTHD_E_INVALID);
}

/* --- the answer ----------------------------------------------------------------------------- */

typedef struct AnswerRow {
        const char *sentence;
        const char *bytes;
        int result;
} AnswerRow;

#define OK   "HTTP/1.1 200 OK\r\n"
#define FOUR "Content-Length: 4\r\n"

static const AnswerRow answer_rows[] = {
        { "whole", OK FOUR "\r\n{ \n}", 0 },
        { "a body of nothing", OK "Content-Length: 0\r\n\r\n", 0 },
        { "other fields are skipped", OK "X-Request-Id: a:b\r\nDate:\r\n" FOUR "\r\nabcd", 0 },
        { "names in any case, space around values", OK "content-LENGTH: \t4 \r\n\r\nabcd", 0 },
        { "no phrase behind the status", "HTTP/1.1 503 \r\n" FOUR "\r\nabcd", 0 },
        { "Connection: keep-alive", OK "Connection: Keep-Alive\r\n" FOUR "\r\nabcd", 0 },
        { "cut in the status line", "HTTP/1.1 20", AUTHD_PENDING },
        { "cut in a field", OK "Content-L", AUTHD_PENDING },
        { "cut before the body", OK FOUR "\r\n", AUTHD_PENDING },
        { "cut in the body", OK FOUR "\r\nabc", AUTHD_PENDING },
        { "nothing", "", AUTHD_PENDING },
        { "bytes behind the body", OK FOUR "\r\nabcde", AUTHD_E_PROTOCOL },
        { "another protocol", "SSH-2.0-OpenSSH\r\n", AUTHD_E_PROTOCOL },
        { "HTTP/1.0", "HTTP/1.0 200 OK\r\n" FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "HTTP/2", "HTTP/2 200 OK\r\n" FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", AUTHD_E_PROTOCOL },
        { "a status of two digits", "HTTP/1.1 20 OK\r\n", AUTHD_E_PROTOCOL },
        { "a status of four digits", "HTTP/1.1 2000 OK\r\n", AUTHD_E_PROTOCOL },
        { "a status above all", "HTTP/1.1 600 OK\r\n", AUTHD_E_PROTOCOL },
        { "a status of letters", "HTTP/1.1 2OO OK\r\n", AUTHD_E_PROTOCOL },
        { "an empty line in front", "\r\n" OK FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "lines that end in LF alone", "HTTP/1.1 200 OK\n" FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "a CR in a field", OK "X: a\rb\r\n" FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "a control character in a field", OK "X: a\x01\r\n" FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "a folded field", OK "X: a\r\n b\r\n" FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "a field without a colon", OK "X\r\n" FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "a field without a name", OK ": a\r\n" FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "a space before the colon", OK "Content-Length : 4\r\n\r\nabcd", AUTHD_E_PROTOCOL },
        { "no length", OK "\r\nabcd", AUTHD_E_PROTOCOL },
        { "a length twice", OK FOUR FOUR "\r\nabcd", AUTHD_E_PROTOCOL },
        { "a length that is a list", OK "Content-Length: 4, 4\r\n\r\nabcd", AUTHD_E_PROTOCOL },
        { "a length with a sign", OK "Content-Length: +4\r\n\r\nabcd", AUTHD_E_PROTOCOL },
        { "a length of nothing", OK "Content-Length:\r\n\r\n", AUTHD_E_PROTOCOL },
        { "a length in hexadecimal", OK "Content-Length: 0x4\r\n\r\nabcd", AUTHD_E_PROTOCOL },
        { "a length over the limit", OK "Content-Length: 1048577\r\n", AUTHD_E_PROTOCOL },
        { "a length that overflows", OK "Content-Length: 18446744073709551620\r\n",
          AUTHD_E_PROTOCOL },
        { "chunks", OK "Transfer-Encoding: chunked\r\n\r\n", AUTHD_E_PROTOCOL },
        { "length and chunks", OK FOUR "Transfer-Encoding: chunked\r\n\r\nabcd", AUTHD_E_PROTOCOL },
        { "a compressed body", OK FOUR "Content-Encoding: gzip\r\n\r\nabcd", AUTHD_E_PROTOCOL },
};

/* feed: size bytes at a time, each slice on the heap by itself. */
static int feed(struct wire_answer *answer, const char *bytes, size_t size, size_t slice)
{
        int r = AUTHD_PENDING;

        for (size_t at = 0; at < size && r == AUTHD_PENDING; at += slice) {
                size_t n = MIN(slice, size - at);
                g_autofree char *exact = g_memdup2(bytes + at, n);

                r = wire_answer_feed(answer, exact, n);
                /* What comes after the end is refused, as it is when it comes at once. */
                if (r == 0 && at + n < size)
                        r = wire_answer_feed(answer, bytes + at + n, size - at - n);
        }
        return r;
}

static void test_answer(gconstpointer argument)
{
        static const size_t slices[] = { 1, 2, 7, 4096 };
        const AnswerRow *row = argument;

        for (gsize i = 0; i < G_N_ELEMENTS(slices); i++) {
                struct wire_answer answer;

                wire_answer_init(&answer);
                g_assert_cmpint(feed(&answer, row->bytes, strlen(row->bytes), slices[i]), ==,
                                row->result);
                wire_answer_deinit(&answer);
        }
}

static void test_answer_parts(void)
{
        static const char bytes[] =
            "HTTP/1.1 404 Not Found\r\nConnection: close\r\n" FOUR "\r\nabcd";
        struct wire_answer answer;

        wire_answer_init(&answer);
        g_assert_cmpint(feed(&answer, bytes, strlen(bytes), 5), ==, 0);
        g_assert_cmpuint(answer.status, ==, 404);
        g_assert_true(answer.closes);
        g_assert_cmpuint(answer.body_size, ==, 4);
        g_assert_cmpstr(answer.body, ==, "abcd");
        wire_answer_deinit(&answer);
}

/* A head of n_lines fields, each line_size bytes long, and what becomes of it. */
static int head_of(unsigned n_lines, size_t line_size)
{
        g_autoptr(GString) bytes = g_string_new(OK FOUR);
        g_autofree char *filler = g_strnfill(line_size - 2, 'a');
        struct wire_answer answer;
        int r;

        for (unsigned i = 0; i < n_lines; i++)
                g_string_append_printf(bytes, "X:%s\r\n", filler);
        g_string_append(bytes, "\r\nabcd");
        wire_answer_init(&answer);
        r = feed(&answer, bytes->str, bytes->len, 4096);
        wire_answer_deinit(&answer);
        return r;
}

static void test_answer_limits(void)
{
        g_assert_cmpint(head_of(WIRE_LINES_MAX - 3, 10), ==, 0);
        g_assert_cmpint(head_of(WIRE_LINES_MAX - 2, 10), ==, AUTHD_E_PROTOCOL);
        g_assert_cmpint(head_of(1, WIRE_LINE_SIZE_MAX - 1), ==, 0);
        g_assert_cmpint(head_of(1, WIRE_LINE_SIZE_MAX), ==, AUTHD_E_PROTOCOL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wire/question/all four words, escaped", test_question_bytes);
        g_test_add_func("/wire/question/a head has room for so much", test_head_room);
        for (size_t i = 0; i < G_N_ELEMENTS(head_rows); i++) {
                g_autofree char *path = g_strdup_printf("/wire/question/%s", head_rows[i].sentence);

                g_test_add_data_func(path, &head_rows[i], test_head);
        }
        g_test_add_func("/wire/question/as long as allowed and one byte longer",
                        test_question_size);
        for (gsize i = 0; i < G_N_ELEMENTS(question_rows); i++) {
                g_autofree char *path =
                    g_strdup_printf("/wire/question/%s", question_rows[i].sentence);

                g_test_add_data_func(path, &question_rows[i], test_question_refused);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(answer_rows); i++) {
                g_autofree char *path = g_strdup_printf("/wire/answer/%s", answer_rows[i].sentence);

                g_test_add_data_func(path, &answer_rows[i], test_answer);
        }
        g_test_add_func("/wire/answer/its status, its body and that it is the last",
                        test_answer_parts);
        g_test_add_func("/wire/answer/a head of the largest size and larger", test_answer_limits);
        return g_test_run();
}

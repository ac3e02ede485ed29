/* wire: see wire.h. */
#include "wire.h"

#include "cleanup.h"
#include "json.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- the question --------------------------------------------------------------------------- */

#define HEAD_FORMAT                                                                                \
        "POST /v1/check HTTP/1.1\r\n"                                                              \
        "Host: authd\r\n"                                                                          \
        "Content-Type: application/json\r\n"                                                       \
        "Content-Length: %zu\r\n"                                                                  \
        "\r\n"
#define GET_FORMAT                                                                                 \
        "GET /v1/check%s%s HTTP/1.1\r\n"                                                           \
        "Host: authd\r\n"                                                                          \
        "Authorization: Bearer %s\r\n"                                                             \
        "\r\n"
#define LENGTH_DIGITS_MAX 20
#define N_WORDS           4

/* One member of the question's JSON object. */
struct word {
        const char *name;
        const char *value; /* NULL: left out */
        size_t size_max;
        size_t size;         /* of the value */
        size_t encoded_size; /* and with its escapes */
};

static bool needs_escape(char byte)
{
        return byte == '"' || byte == '\\';
}

/* character_size: of the character at the front, 0 if a question may not hold it. A caller's
 * mistake is told here, and so never becomes a question that the daemon cannot even read. */
static size_t character_size(const char *at, const char *end)
{
        if ((unsigned char) *at < 0x20 || *at == 0x7F)
                return 0;
        return json_utf8_size(at, end);
}

static int word_measure(struct word *word)
{
        const char *at = word->value;
        const char *end;

        word->size = strnlen(word->value, word->size_max + 1);
        if (word->size == 0 || word->size > word->size_max)
                return AUTHD_E_INVALID;
        word->encoded_size = word->size;
        end = word->value + word->size;
        while ((at += json_plain_size(at, end)) < end) {
                size_t size = character_size(at, end);

                if (size == 0)
                        return AUTHD_E_INVALID;
                word->encoded_size += needs_escape(*at) ? 1 : 0;
                at += size;
        }
        return 0;
}

/* words_measure: the size of the object that they make. */
static int words_measure(struct word words[N_WORDS], size_t *ret_size)
{
        size_t size = 2; /* the braces */
        size_t n = 0;

        for (size_t i = 0; i < N_WORDS; i++) {
                int r;

                if (!words[i].value)
                        continue;
                r = word_measure(&words[i]);
                if (r < 0)
                        return r;
                size += strlen("\"\":\"\"") + strlen(words[i].name) + words[i].encoded_size;
                n++;
        }
        *ret_size = size + n - 1; /* a comma between two */
        return 0;
}

static void append(struct wire_question *question, const char *bytes, size_t size)
{
        memcpy(question->bytes + question->size, bytes, size);
        question->size += size;
}

static void append_text(struct wire_question *question, const char *text)
{
        append(question, text, strlen(text));
}

static void append_escaped(struct wire_question *question, const struct word *word)
{
        if (word->encoded_size == word->size) {
                append(question, word->value, word->size);
                return;
        }
        for (size_t i = 0; i < word->size; i++) {
                if (needs_escape(word->value[i]))
                        append(question, "\\", 1);
                append(question, &word->value[i], 1);
        }
}

static void append_words(struct wire_question *question, const struct word words[N_WORDS])
{
        const char *before = "{\"";

        for (size_t i = 0; i < N_WORDS; i++) {
                if (!words[i].value)
                        continue;
                append_text(question, before);
                append_text(question, words[i].name);
                append_text(question, "\":\"");
                append_escaped(question, &words[i]);
                append_text(question, "\"");
                before = ",\"";
        }
        append_text(question, "}");
}

/* fits_a_head: a token of RFC 6750's own characters (§2.1), and a policy that needs no encoding:
 * then the question goes without a body, which spares the daemon the reading of one. */
static bool fits_a_head(const struct authd_question *asked)
{
        static const char token68[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
        static const char plain[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
        size_t size = strspn(asked->token, token68);

        return !asked->method && !asked->uri && size > 0 && size <= WIRE_HEAD_TOKEN_SIZE_MAX &&
               asked->token[size] == '\0' &&
               (!asked->policy ||
                (asked->policy[0] && strlen(asked->policy) <= WIRE_HEAD_POLICY_SIZE_MAX &&
                 asked->policy[strspn(asked->policy, plain)] == '\0'));
}

static int write_head_question(struct wire_question *question, const struct authd_question *asked)
{
        const char *policy = asked->policy ? asked->policy : "";
        const char *before = asked->policy ? "?policy=" : "";
        size_t room = sizeof(GET_FORMAT) + strlen(before) + strlen(policy) + strlen(asked->token);

        question->bytes = malloc(room);
        if (!question->bytes)
                return AUTHD_E_MEMORY;
        question->size =
            (size_t) snprintf(question->bytes, room, GET_FORMAT, before, policy, asked->token);
        return 0;
}

int wire_question_init(struct wire_question *question, const struct authd_question *asked)
{
        struct word words[N_WORDS] = {
                { "token", asked->token, AUTHD_TOKEN_SIZE_MAX, 0, 0 },
                { "policy", asked->policy, WIRE_WORD_SIZE_MAX, 0, 0 },
                { "method", asked->method, WIRE_WORD_SIZE_MAX, 0, 0 },
                { "uri", asked->uri, WIRE_WORD_SIZE_MAX, 0, 0 },
        };
        size_t size;
        int r;

        *question = (struct wire_question){ NULL, 0 };
        if (!asked->token)
                return AUTHD_E_INVALID;
        if (fits_a_head(asked))
                return write_head_question(question, asked);
        r = words_measure(words, &size);
        if (r < 0)
                return r;
        question->bytes = malloc(sizeof(HEAD_FORMAT) + LENGTH_DIGITS_MAX + size);
        if (!question->bytes)
                return AUTHD_E_MEMORY;
        question->size = (size_t) snprintf(question->bytes, sizeof(HEAD_FORMAT) + LENGTH_DIGITS_MAX,
                                           HEAD_FORMAT, size);
        append_words(question, words);
        return 0;
}

void wire_question_deinit(struct wire_question *question)
{
        if (question->bytes)
                explicit_bzero(question->bytes, question->size);
        free(question->bytes);
        *question = (struct wire_question){ NULL, 0 };
}

/* --- the answer ----------------------------------------------------------------------------- */

/* A line of the head, without its CRLF. */
struct line {
        const char *at;
        size_t size;
};

void wire_answer_init(struct wire_answer *answer)
{
        answer->part = WIRE_STATUS_LINE;
        answer->status = 0;
        answer->closes = false;
        answer->has_length = false;
        answer->n_lines = 0;
        answer->line_size = 0;
        answer->body_size = 0;
        answer->body_read = 0;
        answer->body = NULL;
}

void wire_answer_deinit(struct wire_answer *answer)
{
        free(answer->body);
        wire_answer_init(answer);
}

static bool is_digit(char byte)
{
        return byte >= '0' && byte <= '9';
}

/* read_status_line: "HTTP/1.1 200 OK" (RFC 9112 §4); an interim answer is none that we asked for.
 */
static int read_status_line(struct wire_answer *answer, struct line line)
{
        static const char version[] = "HTTP/1.1 ";
        const size_t digits = sizeof(version) - 1;

        if (line.size < digits + 4 || memcmp(line.at, version, digits) != 0)
                return AUTHD_E_PROTOCOL;
        for (size_t i = digits; i < digits + 3; i++) {
                if (!is_digit(line.at[i]))
                        return AUTHD_E_PROTOCOL;
                answer->status = answer->status * 10 + (unsigned) (line.at[i] - '0');
        }
        if (line.at[digits + 3] != ' ' || answer->status < 200 || answer->status > 599)
                return AUTHD_E_PROTOCOL;
        answer->part = WIRE_FIELDS;
        return 0;
}

static int read_length(struct wire_answer *answer, struct line value)
{
        size_t length = 0;

        if (answer->has_length || value.size == 0)
                return AUTHD_E_PROTOCOL;
        for (size_t i = 0; i < value.size; i++) {
                if (!is_digit(value.at[i]))
                        return AUTHD_E_PROTOCOL;
                length = length * 10 + (size_t) (value.at[i] - '0');
                if (length > AUTHD_ANSWER_SIZE_MAX)
                        return AUTHD_E_PROTOCOL;
        }
        answer->body_size = length;
        answer->has_length = true;
        return 0;
}

static int read_connection(struct wire_answer *answer, struct line value)
{
        /* Whatever it says, keep-alive aside, the connection is not used again. */
        if (value.size != strlen("keep-alive") ||
            strncasecmp(value.at, "keep-alive", value.size) != 0)
                answer->closes = true;
        return 0;
}

static int refuse_field(struct wire_answer *answer, struct line value)
{
        (void) answer;
        (void) value;
        return AUTHD_E_PROTOCOL;
}

/* The fields that mean something to us; others are skipped. */
static const struct {
        const char *name;
        int (*read)(struct wire_answer *answer, struct line value);
} fields[] = {
        { "Content-Length", read_length },
        { "Connection", read_connection },
        { "Transfer-Encoding", refuse_field },
        { "Content-Encoding", refuse_field },
};

/* is_token_byte: what a field's name is made of (RFC 9110 §5.6.2). */
static bool is_token_byte(char byte)
{
        return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
               (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte));
}

static size_t name_size(struct line line)
{
        size_t size = 0;

        while (size < line.size && is_token_byte(line.at[size]))
                size++;
        return size;
}

static bool is_blank(char byte)
{
        return byte == ' ' || byte == '\t';
}

/* trim: without the white space that may stand around a value (RFC 9110 §5.5). */
static struct line trim(struct line value)
{
        while (value.size > 0 && is_blank(value.at[0])) {
                value.at++;
                value.size--;
        }
        while (value.size > 0 && is_blank(value.at[value.size - 1]))
                value.size--;
        return value;
}

static int read_field(struct wire_answer *answer, struct line line)
{
        size_t size = name_size(line);
        struct line value;

        if (size == 0 || size == line.size || line.at[size] != ':')
                return AUTHD_E_PROTOCOL;
        value = trim((struct line){ line.at + size + 1, line.size - size - 1 });
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
                if (strlen(fields[i].name) == size &&
                    strncasecmp(fields[i].name, line.at, size) == 0)
                        return fields[i].read(answer, value);
        return 0;
}

static int begin_body(struct wire_answer *answer)
{
        if (!answer->has_length)
                return AUTHD_E_PROTOCOL;
        answer->body = malloc(answer->body_size + 1);
        if (!answer->body)
                return AUTHD_E_MEMORY;
        answer->body[answer->body_size] = '\0';
        answer->part = WIRE_BODY;
        return 0;
}

static bool has_control(struct line line)
{
        for (size_t i = 0; i < line.size; i++)
                if (((unsigned char) line.at[i] < 0x20 && line.at[i] != '\t') || line.at[i] == 0x7F)
                        return true;
        return false;
}

/* read_line: one whole line with its CR, which must be its only one. */
static int read_line(struct wire_answer *answer)
{
        struct line line = { answer->line, answer->line_size };

        answer->line_size = 0;
        if (line.size == 0 || line.at[line.size - 1] != '\r')
                return AUTHD_E_PROTOCOL;
        line.size--;
        if (has_control(line) || ++answer->n_lines > WIRE_LINES_MAX)
                return AUTHD_E_PROTOCOL;
        if (answer->part == WIRE_STATUS_LINE)
                return read_status_line(answer, line);
        return line.size == 0 ? begin_body(answer) : read_field(answer, line);
}

/* feed_line: takes bytes up to the end of a line; how many, or an error. */
static int feed_line(struct wire_answer *answer, const char *bytes, size_t size, size_t *ret_taken)
{
        const char *newline = memchr(bytes, '\n', size);
        size_t taken = newline ? (size_t) (newline - bytes) : size;

        if (taken > sizeof(answer->line) - answer->line_size)
                return AUTHD_E_PROTOCOL;
        memcpy(answer->line + answer->line_size, bytes, taken);
        answer->line_size += taken;
        *ret_taken = newline ? taken + 1 : taken;
        return newline ? read_line(answer) : 0;
}

static int feed_body(struct wire_answer *answer, const char *bytes, size_t size)
{
        if (size > answer->body_size - answer->body_read)
                return AUTHD_E_PROTOCOL;
        memcpy(answer->body + answer->body_read, bytes, size);
        answer->body_read += size;
        if (answer->body_read < answer->body_size)
                return AUTHD_PENDING;
        answer->part = WIRE_WHOLE;
        return 0;
}

int wire_answer_feed(struct wire_answer *answer, const char *bytes, size_t size)
{
        while (answer->part < WIRE_BODY && size > 0) {
                size_t taken;
                int r = feed_line(answer, bytes, size, &taken);

                if (r < 0)
                        return r;
                bytes += taken;
                size -= taken;
        }
        if (answer->part < WIRE_BODY)
                return AUTHD_PENDING;
        return feed_body(answer, bytes, size);
}

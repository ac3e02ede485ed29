#include "net/head.h"

#include <glib.h>
#include <stdint.h>

#define DIGITS_MAX 18 /* fits 64 bits, leading zeros included */

const Refusal refusal_body_too_large = {
        413,
        "body_too_large",
        "The request's body is too large.",
};

void head_init(Head *head)
{
        head->method = SPAN_EMPTY;
        head->target = SPAN_EMPTY;
        head->version = SPAN_EMPTY;
        head->size_bytes = 0;
        head->n_fields = 0;
}

void head_add(Head *head, Span name, Span value)
{
        if (head->n_fields < SERVER_HEADERS_MAX)
                head->fields[head->n_fields] = (HeadField){ name, value };
        head->n_fields++;
        head->size_bytes += name.len + value.len;
}

static unsigned n_kept(const Head *head)
{
        return MIN(head->n_fields, SERVER_HEADERS_MAX);
}

/* Most come as we spell them; to compare the rest letter by letter takes longer. */
static bool has_name(const HeadField *field, const char *name, size_t len)
{
        return field->name.len == len && (memcmp(field->name.data, name, len) == 0 ||
                                          g_ascii_strncasecmp(field->name.data, name, len) == 0);
}

const HeadField *head_find(const Head *head, const char *name)
{
        size_t len = strlen(name);

        for (unsigned i = 0; i < n_kept(head); i++)
                if (has_name(&head->fields[i], name, len))
                        return &head->fields[i];
        return NULL;
}

unsigned head_count(const Head *head, const char *name)
{
        size_t len = strlen(name);
        unsigned count = 0;

        for (unsigned i = 0; i < n_kept(head); i++)
                count += has_name(&head->fields[i], name, len);
        return count;
}

/* A tab is none of them: field values may hold it (RFC 9110 §5.5). */
static const bool control_bytes[256] = {
        [0x00 ... 0x08] = true,
        [0x0a ... 0x1f] = true,
        [0x7f] = true,
};

/* RFC 9110 §5.6.2 */
static const bool token_bytes[256] = {
        ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,
        ['#'] = true,         ['$'] = true,         ['%'] = true,         ['&'] = true,
        ['\''] = true,        ['*'] = true,         ['+'] = true,         ['-'] = true,
        ['.'] = true,         ['^'] = true,         ['_'] = true,         ['`'] = true,
        ['|'] = true,         ['~'] = true,
};

static bool is_token(Span text)
{
        for (size_t i = 0; i < text.len; i++)
                if (!token_bytes[(unsigned char) text.data[i]])
                        return false;
        return text.len > 0;
}

static bool is_number(Span text)
{
        for (size_t i = 0; i < text.len; i++)
                if (!g_ascii_isdigit(text.data[i]))
                        return false;
        return text.len > 0 && text.len <= DIGITS_MAX;
}

static size_t number_of(Span digits)
{
        size_t number = 0;

        for (size_t i = 0; i < digits.len; i++)
                number = number * 10 + (size_t) (digits.data[i] - '0');
        return number;
}

size_t head_path_start(Span target)
{
        static const char *const schemes[] = { "http://", "https://" };

        for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
                size_t len = strlen(schemes[i]);

                if (target.len <= len || g_ascii_strncasecmp(target.data, schemes[i], len) != 0)
                        continue;
                while (len < target.len && !strchr("/?", target.data[len]))
                        len++;
                return len;
        }
        return 0;
}

size_t head_body_size(const Head *head)
{
        const HeadField *length = head_find(head, "Content-Length");

        if (length)
                return number_of(length->value);
        return head_find(head, "Transfer-Encoding") ? SERVER_BODY_SIZE_MAX : 0;
}

/* The rules. Each says whether it refuses. */

static bool target_is_long(const Head *head)
{
        return head->target.len > SERVER_TARGET_SIZE_MAX;
}

static bool fields_are_many(const Head *head)
{
        return head->n_fields > SERVER_HEADERS_MAX;
}

static bool head_is_large(const Head *head)
{
        return head->size_bytes > SERVER_HEAD_SIZE_MAX;
}

static bool version_is_other(const Head *head)
{
        return !span_equal_string(head->version, "HTTP/1.1") &&
               !span_equal_string(head->version, "HTTP/1.0");
}

static bool method_is_other(const Head *head)
{
        static const char *const methods[] = { "GET",   "HEAD",   "POST",   "PUT",
                                               "PATCH", "DELETE", "OPTIONS" };

        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
                if (span_equal_string(head->method, methods[i]))
                        return false;
        return true;
}

/* A path, an absolute form that has one (RFC 9112 §3.2.2), or the asterisk of OPTIONS. */
static bool target_has_no_path(const Head *head)
{
        size_t start = head_path_start(head->target);

        if (span_equal_string(head->target, "*"))
                return !span_equal_string(head->method, "OPTIONS");
        return start >= head->target.len || head->target.data[start] != '/';
}

/* Bytes above ASCII pass: a proxy hands on its client's target as it came. */
static bool target_has_controls(const Head *head)
{
        for (size_t i = 0; i < head->target.len; i++)
                if (control_bytes[(unsigned char) head->target.data[i]] ||
                    strchr("\t #", head->target.data[i]))
                        return true;
        return false;
}

static bool name_is_no_token(const Head *head)
{
        for (unsigned i = 0; i < n_kept(head); i++)
                if (!is_token(head->fields[i].name))
                        return true;
        return false;
}

/* Controls are bytes under 0x20 but for the tab, and DEL. Eight bytes at a time: a token's length
 * goes through here at each request. In each byte the top bit tells: of x - n that x is under n,
 * where x's own is not set. */
static uint64_t maybe_controls(uint64_t bytes)
{
        const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
        uint64_t del = bytes ^ (ones * 0x7f);

        return (((bytes - ones * 0x20) & ~bytes) | ((del - ones) & ~del)) & tops;
}

static bool has_controls(Span value)
{
        size_t i = 0;

        for (uint64_t bytes; i + sizeof(bytes) <= value.len; i += sizeof(bytes)) {
                memcpy(&bytes, value.data + i, sizeof(bytes));
                if (maybe_controls(bytes)) /* a tab, or a borrow from a neighbour: look closer */
                        break;
        }
        for (; i < value.len; i++)
                if (control_bytes[(unsigned char) value.data[i]])
                        return true;
        return false;
}

static bool value_has_controls(const Head *head)
{
        for (unsigned i = 0; i < n_kept(head); i++)
                if (has_controls(head->fields[i].value))
                        return true;
        return false;
}

static bool framing_is_twofold(const Head *head)
{
        return head_find(head, "Content-Length") && head_find(head, "Transfer-Encoding");
}

static bool length_is_doubled(const Head *head)
{
        return head_count(head, "Content-Length") > 1;
}

static bool encoding_is_doubled(const Head *head)
{
        return head_count(head, "Transfer-Encoding") > 1;
}

static bool encoding_is_other(const Head *head)
{
        const HeadField *encoding = head_find(head, "Transfer-Encoding");

        return encoding &&
               (encoding->value.len != strlen("chunked") ||
                g_ascii_strncasecmp(encoding->value.data, "chunked", encoding->value.len) != 0);
}

/* RFC 9112 §6.1: HTTP/1.0 knows no transfer codings; such a message's framing is faulty. */
static bool encoding_is_too_new(const Head *head)
{
        return head_find(head, "Transfer-Encoding") && span_equal_string(head->version, "HTTP/1.0");
}

static bool length_is_no_number(const Head *head)
{
        const HeadField *length = head_find(head, "Content-Length");

        return length && !is_number(length->value);
}

static bool body_is_large(const Head *head)
{
        const HeadField *length = head_find(head, "Content-Length");

        return length && number_of(length->value) > SERVER_BODY_SIZE_MAX;
}

static bool host_is_not_one(const Head *head)
{
        unsigned count = head_count(head, "Host");

        return count > 1 || (count == 0 && !span_equal_string(head->version, "HTTP/1.0"));
}

static bool authorization_is_doubled(const Head *head)
{
        return head_count(head, "Authorization") > 1;
}

static bool expectation_is_other(const Head *head)
{
        const HeadField *expect = head_find(head, "Expect");

        return expect &&
               (expect->value.len != strlen("100-continue") ||
                g_ascii_strncasecmp(expect->value.data, "100-continue", expect->value.len) != 0);
}

/* In order: sizes first, for later rules look at no more than SERVER_HEADERS_MAX fields. */
static const struct {
        bool (*refuses)(const Head *head);
        Refusal refusal;
} rules[] = {
        { target_is_long, { 414, "target_too_long", "The request's target is too long." } },
        { fields_are_many, { 431, "head_too_large", "The request has too many header fields." } },
        { head_is_large, { 431, "head_too_large", "The request's header fields are too large." } },
        { version_is_other,
          { 505, "version_not_supported", "Only HTTP/1.1 and HTTP/1.0 are spoken here." } },
        { method_is_other, { 501, "method_not_implemented", "This method is not known here." } },
        { target_has_controls,
          { 400, "bad_target", "The request's target has a byte that no URL may have." } },
        { target_has_no_path, { 400, "bad_target", "The request's target is no path." } },
        { name_is_no_token,
          { 400, "bad_header", "A header field's name is not a token (RFC 9110 section 5.6.2)." } },
        { value_has_controls, { 400, "bad_header", "A header field's value has a control byte." } },
        { framing_is_twofold,
          { 400, "bad_framing", "Content-Length and Transfer-Encoding came together." } },
        { length_is_doubled, { 400, "bad_framing", "Content-Length came twice." } },
        { encoding_is_doubled, { 400, "bad_framing", "Transfer-Encoding came twice." } },
        { encoding_is_other,
          { 400, "bad_framing", "The only Transfer-Encoding known here is chunked." } },
        { encoding_is_too_new, { 400, "bad_framing", "HTTP/1.0 has no Transfer-Encoding." } },
        { length_is_no_number, { 400, "bad_framing", "Content-Length is no number." } },
        { host_is_not_one, { 400, "bad_host", "A request needs exactly one Host field." } },
        { authorization_is_doubled, { 400, "doubled_authorization", "Authorization came twice." } },
        { expectation_is_other,
          { 417, "bad_expectation", "The only expectation known here is 100-continue." } },
};

const Refusal *head_refuse(const Head *head)
{
        for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
                if (rules[i].refuses(head))
                        return &rules[i].refusal;
        return body_is_large(head) ? &refusal_body_too_large : NULL;
}

/* json: see json.h. */
#include "json.h"

#include <string.h>

#define SURROGATE_HIGH     0xD800u
#define SURROGATE_LOW      0xDC00u
#define SURROGATE_END      0xE000u
#define SUPPLEMENTARY      0x10000u
#define ESCAPE_SIZE        6 /* \uXXXX */
#define INTEGER_DIGITS_MAX 18

/* Where a walk stands. */
struct reader {
        const char *at;
        const char *end;
};

static bool skip_value(struct reader *in, unsigned depth_left);

static bool looking_at(const struct reader *in, char byte)
{
        return in->at < in->end && *in->at == byte;
}

static void skip_space(struct reader *in)
{
        while (in->at < in->end &&
               (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
                in->at++;
}

static bool skip_byte(struct reader *in, char byte)
{
        skip_space(in);
        if (!looking_at(in, byte))
                return false;
        in->at++;
        return true;
}

/* --- strings -------------------------------------------------------------------------------- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Zero if the eight bytes are all plain; by the high bits of sums that no byte carries out of
 * unless another has already said no. Tokens and claims are read eight bytes at a time: a byte at a
 * time took longer than the system calls around it. */
static uint64_t odd_bytes(uint64_t eight)
{
        uint64_t quote = eight ^ EACH('"'), backslash = eight ^ EACH('\\');
        uint64_t odd = eight | (eight + EACH(1)); /* above 0x7F, and DEL */

        odd |= (eight - EACH(0x20)) & ~eight;
        odd |= (quote - EACH(1)) & ~quote;
        odd |= (backslash - EACH(1)) & ~backslash;
        return odd & EACH(0x80);
}

static bool byte_is_plain(char byte)
{
        return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

size_t json_plain_size(const char *at, const char *end)
{
        const char *begin = at;
        uint64_t eight;

        for (; (size_t) (end - at) >= sizeof(eight); at += sizeof(eight)) {
                memcpy(&eight, at, sizeof(eight));
                if (odd_bytes(eight))
                        break;
        }
        while (at < end && byte_is_plain(*at))
                at++;
        return (size_t) (at - begin);
}

/* A table of RFC 3629 §4: what may follow each first byte. */
static const struct {
        unsigned char first, last;  /* the first byte */
        unsigned char second_least; /* of the second byte */
        unsigned char second_greatest;
        size_t size;
} utf8_forms[] = {
        { 0x00, 0x7F, 0, 0, 1 },       { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
        { 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 },
        { 0xF0, 0xF0, 0x90, 0xBF, 4 }, { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
};

static size_t utf8_form_size(const unsigned char *at, size_t form, size_t left)
{
        size_t size = utf8_forms[form].size;

        if (size > left)
                return 0;
        if (size > 1 &&
            (at[1] < utf8_forms[form].second_least || at[1] > utf8_forms[form].second_greatest))
                return 0;
        for (size_t i = 2; i < size; i++)
                if ((at[i] & 0xC0) != 0x80)
                        return 0;
        return size;
}

size_t json_utf8_size(const char *at, const char *end)
{
        const unsigned char *bytes = (const unsigned char *) at;

        if (at == end)
                return 0;
        for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++)
                if (bytes[0] >= utf8_forms[i].first && bytes[0] <= utf8_forms[i].last)
                        return utf8_form_size(bytes, i, (size_t) (end - at));
        return 0;
}

static int hex_digit(char byte)
{
        if (byte >= '0' && byte <= '9')
                return byte - '0';
        if (byte >= 'a' && byte <= 'f')
                return byte - 'a' + 10;
        if (byte >= 'A' && byte <= 'F')
                return byte - 'A' + 10;
        return -1;
}

/* read_unit: the UTF-16 unit of an escape \uXXXX at the front. */
static bool read_unit(struct reader *in, uint32_t *ret)
{
        uint32_t unit = 0;

        if (in->end - in->at < ESCAPE_SIZE || in->at[0] != '\\' || in->at[1] != 'u')
                return false;
        for (int i = 2; i < ESCAPE_SIZE; i++) {
                int digit = hex_digit(in->at[i]);

                if (digit < 0)
                        return false;
                unit = unit << 4 | (uint32_t) digit;
        }
        in->at += ESCAPE_SIZE;
        *ret = unit;
        return true;
}

/* read_unicode_escape: one escape, or the two of a surrogate pair (RFC 8259 §7). */
static bool read_unicode_escape(struct reader *in, uint32_t *ret)
{
        uint32_t high, low;

        if (!read_unit(in, &high) || high == 0)
                return false;
        if (high < SURROGATE_HIGH || high >= SURROGATE_END) {
                *ret = high;
                return true;
        }
        if (high >= SURROGATE_LOW || !read_unit(in, &low))
                return false;
        if (low < SURROGATE_LOW || low >= SURROGATE_END)
                return false;
        *ret = SUPPLEMENTARY + ((high - SURROGATE_HIGH) << 10) + (low - SURROGATE_LOW);
        return true;
}

static bool read_escape(struct reader *in, uint32_t *ret)
{
        static const char letters[] = "\"\\/bfnrt";
        static const char meanings[] = "\"\\/\b\f\n\r\t";
        const char *letter;

        if (in->end - in->at < 2)
                return false;
        if (in->at[1] == 'u')
                return read_unicode_escape(in, ret);
        letter = in->at[1] == '\0' ? NULL : strchr(letters, in->at[1]);
        if (!letter)
                return false;
        in->at += 2;
        *ret = (uint32_t) meanings[letter - letters];
        return true;
}

static bool skip_character(struct reader *in)
{
        uint32_t ignored;
        size_t size;

        if (*in->at == '\\')
                return read_escape(in, &ignored);
        if ((unsigned char) *in->at < 0x20)
                return false;
        size = json_utf8_size(in->at, in->end);
        in->at += size;
        return size > 0;
}

static bool skip_string(struct reader *in)
{
        in->at++;
        for (;;) {
                in->at += json_plain_size(in->at, in->end);
                if (in->at == in->end)
                        return false;
                if (*in->at == '"')
                        break;
                if (!skip_character(in))
                        return false;
        }
        in->at++;
        return true;
}

static size_t encode_utf8(uint32_t code, char out[4])
{
        if (code < 0x80) {
                out[0] = (char) code;
                return 1;
        }
        if (code < 0x800) {
                out[0] = (char) (0xC0 | code >> 6);
                out[1] = (char) (0x80 | (code & 0x3F));
                return 2;
        }
        if (code < SUPPLEMENTARY) {
                out[0] = (char) (0xE0 | code >> 12);
                out[1] = (char) (0x80 | (code >> 6 & 0x3F));
                out[2] = (char) (0x80 | (code & 0x3F));
                return 3;
        }
        out[0] = (char) (0xF0 | code >> 18);
        out[1] = (char) (0x80 | (code >> 12 & 0x3F));
        out[2] = (char) (0x80 | (code >> 6 & 0x3F));
        out[3] = (char) (0x80 | (code & 0x3F));
        return 4;
}

/* inside: of a string that was checked, what is between its quotes. */
static struct reader inside(struct json_text string)
{
        return (struct reader){ string.at + 1, string.at + string.size - 1 };
}

/* decode_some: the next bytes of such a string; how many. */
static size_t decode_some(struct reader *in, char out[4])
{
        uint32_t code = 0;

        if (*in->at != '\\') {
                out[0] = *in->at++;
                return 1;
        }
        if (read_escape(in, &code))
                return encode_utf8(code, out);
        in->at = in->end; /* never, in a string that was checked */
        return 0;
}

size_t json_decode(struct json_text string, char *out)
{
        struct reader in = inside(string);
        size_t size = 0;

        while (in.at < in.end) {
                char some[4]; /* an escape is read in full before its place is written over */
                size_t n = json_plain_size(in.at, in.end);

                memmove(out + size, in.at, n);
                size += n;
                in.at += n;
                if (in.at == in.end)
                        break;
                n = decode_some(&in, some);
                memcpy(out + size, some, n);
                size += n;
        }
        out[size] = '\0';
        return size;
}

bool json_equal(struct json_text string, const char *bytes, size_t size)
{
        struct reader in = inside(string);
        size_t compared = 0;

        while (in.at < in.end) {
                char some[4];
                size_t n = decode_some(&in, some);

                if (n > size - compared || memcmp(bytes + compared, some, n) != 0)
                        return false;
                compared += n;
        }
        return compared == size;
}

/* --- other values --------------------------------------------------------------------------- */

static bool skip_digits(struct reader *in)
{
        const char *before = in->at;

        while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
                in->at++;
        return in->at > before;
}

static bool skip_exponent(struct reader *in)
{
        in->at++;
        if (looking_at(in, '+') || looking_at(in, '-'))
                in->at++;
        return skip_digits(in);
}

static bool skip_number(struct reader *in)
{
        const char *digits;

        if (looking_at(in, '-'))
                in->at++;
        digits = in->at;
        if (!skip_digits(in) || (*digits == '0' && in->at - digits > 1))
                return false;
        if (looking_at(in, '.')) {
                in->at++;
                if (!skip_digits(in))
                        return false;
        }
        return looking_at(in, 'e') || looking_at(in, 'E') ? skip_exponent(in) : true;
}

static bool skip_word(struct reader *in, const char *word)
{
        size_t size = strlen(word);

        if ((size_t) (in->end - in->at) < size || memcmp(in->at, word, size) != 0)
                return false;
        in->at += size;
        return true;
}

static bool skip_array(struct reader *in, unsigned depth_left)
{
        in->at++;
        if (skip_byte(in, ']'))
                return true;
        do {
                if (!skip_value(in, depth_left))
                        return false;
        } while (skip_byte(in, ','));
        return skip_byte(in, ']');
}

static bool skip_name(struct reader *in)
{
        skip_space(in);
        return looking_at(in, '"') && skip_string(in);
}

static bool skip_object(struct reader *in, unsigned depth_left)
{
        in->at++;
        if (skip_byte(in, '}'))
                return true;
        do {
                if (!skip_name(in) || !skip_byte(in, ':') || !skip_value(in, depth_left))
                        return false;
        } while (skip_byte(in, ','));
        return skip_byte(in, '}');
}

static bool skip_value(struct reader *in, unsigned depth_left)
{
        skip_space(in);
        if (in->at == in->end || depth_left == 0)
                return false;
        switch (*in->at) {
        case '"': return skip_string(in);
        case '{': return skip_object(in, depth_left - 1);
        case '[': return skip_array(in, depth_left - 1);
        case 't': return skip_word(in, "true");
        case 'f': return skip_word(in, "false");
        case 'n': return skip_word(in, "null");
        default: return skip_number(in);
        }
}

static bool read_value(struct reader *in, struct json_text *ret)
{
        const char *begin;

        skip_space(in);
        begin = in->at;
        if (!skip_value(in, JSON_DEPTH_MAX))
                return false;
        *ret = (struct json_text){ begin, (size_t) (in->at - begin) };
        return true;
}

static bool at_end(struct reader *in)
{
        skip_space(in);
        return in->at == in->end;
}

bool json_value(struct json_text text, struct json_text *ret_value)
{
        struct reader in = { text.at, text.at + text.size };
        struct json_text value;

        if (!read_value(&in, &value) || !at_end(&in))
                return false;
        *ret_value = value;
        return true;
}

bool json_members_begin(struct json_text text, struct json_members *ret_members)
{
        struct reader in = { text.at, text.at + text.size };

        if (!skip_byte(&in, '{'))
                return false;
        *ret_members = (struct json_members){ in.at, in.end, .first = true };
        return true;
}

/* step_to_member: past the comma, or past the end of the object. */
static int step_to_member(struct json_members *members, struct reader *in)
{
        if (skip_byte(in, '}')) {
                members->last = true;
                return at_end(in) ? 0 : -1;
        }
        return members->first || skip_byte(in, ',') ? 1 : -1;
}

int json_members_next(struct json_members *members, struct json_text *ret_name,
                      struct json_text *ret_value)
{
        struct reader in = { members->at, members->end };
        const char *name;
        int r = members->last ? 0 : step_to_member(members, &in);

        if (r != 1)
                return r;
        skip_space(&in);
        name = in.at;
        if (!skip_name(&in))
                return -1;
        ret_name->at = name;
        ret_name->size = (size_t) (in.at - name);
        if (!skip_byte(&in, ':') || !read_value(&in, ret_value))
                return -1;
        members->at = in.at;
        members->first = false;
        return 1;
}

bool json_is_string(struct json_text value)
{
        return value.at && *value.at == '"';
}

bool json_is_object(struct json_text value)
{
        return value.at && *value.at == '{';
}

bool json_is_null(struct json_text value)
{
        return value.at && *value.at == 'n';
}

bool json_integer(struct json_text value, int64_t *ret)
{
        bool negative = value.at && *value.at == '-';
        size_t i = negative ? 1 : 0;
        int64_t integer = 0;

        if (!value.at || value.size == i || value.size - i > INTEGER_DIGITS_MAX)
                return false;
        for (; i < value.size; i++) {
                if (value.at[i] < '0' || value.at[i] > '9')
                        return false;
                integer = integer * 10 + (value.at[i] - '0');
        }
        *ret = negative ? -integer : integer;
        return true;
}

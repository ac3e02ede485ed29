/* skim: see skim.h. A cursor walks the text once; each step takes what it expects or fails. */
#include "token/skim.h"

#include <stdint.h>

#define SKIM_NAME_MAX 64 /* an escaped name longer than this is none that we look for */

typedef struct Cursor {
        const char *at;
        const char *end;
} Cursor;

typedef struct Writer {
        char *at;
        char *end;
} Writer;

static void skip_space(Cursor *cursor)
{
        while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t' ||
                                            *cursor->at == '\n' || *cursor->at == '\r'))
                cursor->at++;
}

/* One structural character and the space around it. */
static bool take(Cursor *cursor, char wanted)
{
        skip_space(cursor);
        if (cursor->at == cursor->end || *cursor->at != wanted)
                return false;
        cursor->at++;
        skip_space(cursor);
        return true;
}

/* Bytes of a string at which there is something to decide. */
static const bool string_stops[256] = { [0 ... 0x1f] = true, ['"'] = true, ['\\'] = true };

/* A string; *ret_raw is what stands between its quotes, escapes and all. */
static bool take_string(Cursor *cursor, Span *ret_raw)
{
        const char *begin = cursor->at + 1;

        if (cursor->at == cursor->end || *cursor->at != '"')
                return false;
        for (const char *at = begin; at < cursor->end; at += 2) { /* what is escaped ends nothing */
                while (at < cursor->end && !string_stops[(unsigned char) *at])
                        at++;
                if (at == cursor->end || (unsigned char) *at < 0x20)
                        return false;
                if (*at == '"') {
                        *ret_raw = span_of(begin, (size_t) (at - begin));
                        cursor->at = at + 1;
                        return true;
                }
        }
        return false;
}

/* A number or one of the three words: a run of their characters; the parser judges it later. */
static bool skip_scalar(Cursor *cursor)
{
        const char *begin = cursor->at;

        while (cursor->at < cursor->end &&
               ((*cursor->at >= '0' && *cursor->at <= '9') ||
                (*cursor->at >= 'a' && *cursor->at <= 'z') || *cursor->at == '-' ||
                *cursor->at == '+' || *cursor->at == '.' || *cursor->at == 'E'))
                cursor->at++;
        return cursor->at > begin;
}

/* An object or array. kinds remembers in one bit a level which bracket must close it. */
static bool skip_nested(Cursor *cursor)
{
        uint32_t kinds = 0;
        unsigned depth = 0;
        Span raw;

        do {
                char c = cursor->at < cursor->end ? *cursor->at : '\0';

                if (c == '"') {
                        if (!take_string(cursor, &raw))
                                return false;
                        continue;
                }
                if (c == '\0')
                        return false;
                cursor->at++;
                if (c == '{' || c == '[') {
                        if (++depth > SKIM_DEPTH_MAX)
                                return false;
                        kinds = kinds << 1 | (c == '{');
                } else if (c == '}' || c == ']') {
                        if ((kinds & 1) != (c == '}'))
                                return false;
                        kinds >>= 1;
                        depth--;
                }
        } while (depth > 0);
        return true;
}

static bool skip_value(Cursor *cursor)
{
        Span raw;

        if (cursor->at == cursor->end)
                return false;
        switch (*cursor->at) {
        case '"': return take_string(cursor, &raw);
        case '{':
        case '[': return skip_nested(cursor);
        default: return skip_scalar(cursor);
        }
}

static bool put(Writer *out, uint32_t byte)
{
        if (out->at == out->end)
                return false;
        *out->at++ = (char) byte;
        return true;
}

static bool put_utf8(Writer *out, uint32_t point)
{
        if (point < 0x80)
                return put(out, point);
        if (point < 0x800)
                return put(out, 0xc0 | point >> 6) && put(out, 0x80 | (point & 0x3f));
        if (point < 0x10000)
                return put(out, 0xe0 | point >> 12) && put(out, 0x80 | (point >> 6 & 0x3f)) &&
                       put(out, 0x80 | (point & 0x3f));
        return put(out, 0xf0 | point >> 18) && put(out, 0x80 | (point >> 12 & 0x3f)) &&
               put(out, 0x80 | (point >> 6 & 0x3f)) && put(out, 0x80 | (point & 0x3f));
}

static bool take_hex4(Cursor *cursor, uint32_t *ret)
{
        uint32_t value = 0;

        if (cursor->end - cursor->at < 4)
                return false;
        for (int i = 0; i < 4; i++) {
                char c = *cursor->at++;

                if (c >= '0' && c <= '9')
                        value = value << 4 | (uint32_t) (c - '0');
                else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                        value = value << 4 | (uint32_t) ((c | 0x20) - 'a' + 10);
                else
                        return false;
        }
        *ret = value;
        return true;
}

/* What follows "\u": a code point, from one escape or from a pair of surrogates; never NUL. */
static bool take_point(Cursor *cursor, uint32_t *ret)
{
        uint32_t high, low;

        if (!take_hex4(cursor, &high) || high == 0 || (high >= 0xdc00 && high <= 0xdfff))
                return false;
        if (high < 0xd800 || high > 0xdfff) {
                *ret = high;
                return true;
        }
        if (cursor->end - cursor->at < 2 || cursor->at[0] != '\\' || cursor->at[1] != 'u')
                return false;
        cursor->at += 2;
        if (!take_hex4(cursor, &low) || low < 0xdc00 || low > 0xdfff)
                return false;
        *ret = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
        return true;
}

static bool unescape_one(Cursor *cursor, Writer *out)
{
        static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
        const char *found;
        uint32_t point;

        if (cursor->at == cursor->end)
                return false;
        if (*cursor->at == 'u') {
                cursor->at++;
                return take_point(cursor, &point) && put_utf8(out, point);
        }
        found = memchr(letters, *cursor->at++, sizeof letters - 1);
        return found && put(out, (unsigned char) meanings[found - letters]);
}

/* The string that raw spells, in raw itself when it has no escapes. */
static bool unescape(Span raw, char *buffer, size_t size, Span *ret)
{
        Cursor cursor = { raw.data, raw.data + raw.len };
        Writer out = { buffer, buffer + size };

        if (raw.len == 0 || !memchr(raw.data, '\\', raw.len)) {
                *ret = raw;
                return raw.len <= size;
        }
        while (cursor.at < cursor.end) {
                char c = *cursor.at++;

                if (c == '\\' ? !unescape_one(&cursor, &out) : !put(&out, (unsigned char) c))
                        return false;
        }
        *ret = span_of(buffer, (size_t) (out.at - buffer));
        return true;
}

static bool name_is(Span raw, const char *name)
{
        char buffer[SKIM_NAME_MAX];
        Span plain;

        return unescape(raw, buffer, sizeof buffer, &plain) && span_equal_string(plain, name);
}

/* One "name": value. When it is ours, *found is its raw string; twice, or no string, fails. */
static bool take_member(Cursor *cursor, const char *name, bool *found, Span *raw_value)
{
        Span raw_name;

        if (!take_string(cursor, &raw_name) || !take(cursor, ':'))
                return false;
        if (!name_is(raw_name, name))
                return skip_value(cursor);
        if (*found)
                return false;
        *found = true;
        return take_string(cursor, raw_value);
}

bool skim_string(Span object, const char *name, char *buffer, size_t buffer_size, Span *ret)
{
        Cursor cursor = { object.data, object.data + object.len };
        bool found = false;
        Span raw;

        if (!take(&cursor, '{'))
                return false;
        do
                if (!take_member(&cursor, name, &found, &raw))
                        return false;
        while (take(&cursor, ','));
        if (!take(&cursor, '}') || cursor.at != cursor.end || !found)
                return false;
        return unescape(raw, buffer, buffer_size, ret);
}

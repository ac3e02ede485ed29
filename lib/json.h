/* json: a small strict reader of JSON text (RFC 8259), for the daemon's answers.
 *
 * No tree is built: a value stays the text that it was written as, and its members are walked when
 * asked for. Refused: what is no JSON, nesting over JSON_DEPTH_MAX, strings that are no UTF-8, half
 * surrogate pairs, and NUL in a string, which C could not tell from its end. Pure; allocates
 * nothing; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 64

/* A value as written, from its first byte to its last; borrows. at is NULL for no value. */
struct json_text {
        const char *at;
        size_t size;
};

/* Walks an object. */
struct json_members {
        const char *at;
        const char *end;
        bool first;
        bool last;
};

/* json_value: whether the whole of text is one value, white space around it aside. */
bool json_value(struct json_text text, struct json_text *ret_value);
/* json_members_begin: false unless text begins an object. */
bool json_members_begin(struct json_text text, struct json_members *ret_members);
/* json_members_next: 1 and a member (its name with the quotes), 0 at the end of the object with
 * nothing but white space after it, -1 when the text is no JSON. */
int json_members_next(struct json_members *members, struct json_text *ret_name,
                      struct json_text *ret_value);

bool json_is_string(struct json_text value);
bool json_is_object(struct json_text value);
bool json_is_null(struct json_text value);
/* json_equal: whether a string that the functions above gave out says exactly these bytes. */
bool json_equal(struct json_text string, const char *bytes, size_t size);
/* json_decode: such a string's UTF-8 and a NUL into out, which needs string.size - 1 bytes and may
 * be the string's own second byte or any before. Returns the length. */
size_t json_decode(struct json_text string, char *out);
/* json_integer: a whole number that fits, without fraction and exponent. */
bool json_integer(struct json_text value, int64_t *ret);

/* json_plain_size: how many bytes at the front are printable ASCII and neither a quote nor a
 * backslash: what a string holds as it is. */
size_t json_plain_size(const char *at, const char *end);
/* json_utf8_size: bytes of the character at the front; 0 if that is no UTF-8. */
size_t json_utf8_size(const char *at, const char *end);

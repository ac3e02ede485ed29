/* base64url: see base64url.h. Table-driven; errors are gathered and asked once at the end. */
#include "token/base64url.h"

#include <errno.h>

/* A character's six bits, and VALID so that what is not listed (0) shows. */
#define VALID 0x40u
#define BITS  0x3fu

static const uint8_t value_of[256] = {
        ['A'] = VALID | 0,  ['B'] = VALID | 1,  ['C'] = VALID | 2,  ['D'] = VALID | 3,
        ['E'] = VALID | 4,  ['F'] = VALID | 5,  ['G'] = VALID | 6,  ['H'] = VALID | 7,
        ['I'] = VALID | 8,  ['J'] = VALID | 9,  ['K'] = VALID | 10, ['L'] = VALID | 11,
        ['M'] = VALID | 12, ['N'] = VALID | 13, ['O'] = VALID | 14, ['P'] = VALID | 15,
        ['Q'] = VALID | 16, ['R'] = VALID | 17, ['S'] = VALID | 18, ['T'] = VALID | 19,
        ['U'] = VALID | 20, ['V'] = VALID | 21, ['W'] = VALID | 22, ['X'] = VALID | 23,
        ['Y'] = VALID | 24, ['Z'] = VALID | 25, ['a'] = VALID | 26, ['b'] = VALID | 27,
        ['c'] = VALID | 28, ['d'] = VALID | 29, ['e'] = VALID | 30, ['f'] = VALID | 31,
        ['g'] = VALID | 32, ['h'] = VALID | 33, ['i'] = VALID | 34, ['j'] = VALID | 35,
        ['k'] = VALID | 36, ['l'] = VALID | 37, ['m'] = VALID | 38, ['n'] = VALID | 39,
        ['o'] = VALID | 40, ['p'] = VALID | 41, ['q'] = VALID | 42, ['r'] = VALID | 43,
        ['s'] = VALID | 44, ['t'] = VALID | 45, ['u'] = VALID | 46, ['v'] = VALID | 47,
        ['w'] = VALID | 48, ['x'] = VALID | 49, ['y'] = VALID | 50, ['z'] = VALID | 51,
        ['0'] = VALID | 52, ['1'] = VALID | 53, ['2'] = VALID | 54, ['3'] = VALID | 55,
        ['4'] = VALID | 56, ['5'] = VALID | 57, ['6'] = VALID | 58, ['7'] = VALID | 59,
        ['8'] = VALID | 60, ['9'] = VALID | 61, ['-'] = VALID | 62, ['_'] = VALID | 63,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Reads four characters before it writes three bytes, so that both may share memory. */
static uint8_t decode_quad(const uint8_t *in, uint8_t *out)
{
        uint8_t a = value_of[in[0]], b = value_of[in[1]], c = value_of[in[2]], d = value_of[in[3]];
        uint32_t bits = (a & BITS) << 18 | (b & BITS) << 12 | (c & BITS) << 6 | (d & BITS);

        out[0] = (uint8_t) (bits >> 16);
        out[1] = (uint8_t) (bits >> 8);
        out[2] = (uint8_t) bits;
        return a & b & c & d;
}

/* The last two or three characters; their unused bits must be zero (RFC 4648 §3.5). */
static bool decode_tail(const uint8_t *in, size_t n, uint8_t *out)
{
        uint8_t a = value_of[in[0]], b = value_of[in[1]], c = n == 3 ? value_of[in[2]] : VALID;
        uint32_t bits = (a & BITS) << 18 | (b & BITS) << 12 | (c & BITS) << 6;
        uint32_t unused = n == 3 ? 0xff : 0xffff;

        out[0] = (uint8_t) (bits >> 16);
        if (n == 3)
                out[1] = (uint8_t) (bits >> 8);
        return (a & b & c & VALID) && (bits & unused) == 0;
}

int base64url_decode(Span text, uint8_t *ret, size_t *ret_len)
{
        const uint8_t *in = (const uint8_t *) text.data;
        size_t n_tail = text.len % 4;
        uint8_t *out = ret;
        uint8_t all = VALID;

        if (n_tail == 1)
                return -EINVAL;
        for (size_t n = text.len / 4; n > 0; n--, in += 4, out += 3)
                all &= decode_quad(in, out);
        if (!(all & VALID))
                return -EINVAL;
        if (n_tail > 0 && !decode_tail(in, n_tail, out))
                return -EINVAL;
        *ret_len = (size_t) (out - ret) + (n_tail > 0 ? n_tail - 1 : 0);
        return 0;
}

size_t base64url_encode(Span bytes, char *ret)
{
        const uint8_t *in = (const uint8_t *) bytes.data;
        size_t left = bytes.len;
        char *out = ret;

        while (left > 0) {
                size_t n = left < 3 ? left : 3;
                uint32_t bits = (uint32_t) in[0] << 16;

                bits |= n > 1 ? (uint32_t) in[1] << 8 : 0;
                bits |= n > 2 ? (uint32_t) in[2] : 0;
                for (size_t i = 0; i <= n; i++)
                        *out++ = alphabet[(bits >> (18 - 6 * i)) & BITS];
                in += n;
                left -= n;
        }
        *out = '\0';
        return (size_t) (out - ret);
}

/* siphash: see siphash.h. Words of eight bytes, the first byte lowest. */
#include "base/siphash.h"

#include <glib.h>

#define WORD         sizeof(uint64_t)
#define ROUNDS_WORD  2
#define ROUNDS_END   4
#define LENGTH_SHIFT 56

typedef struct State {
        uint64_t v0, v1, v2, v3;
} State;

static uint64_t word_at(const void *bytes, size_t len)
{
        uint64_t word = 0;

        if (len > 0)
                memcpy(&word, bytes, len);
        return GUINT64_FROM_LE(word);
}

static inline uint64_t rotate(uint64_t word, unsigned n_bits)
{
        return (word << n_bits) | (word >> (64 - n_bits));
}

static inline void mix(State *s, unsigned n_rounds)
{
        for (unsigned i = 0; i < n_rounds; i++) {
                s->v0 += s->v1;
                s->v2 += s->v3;
                s->v1 = rotate(s->v1, 13) ^ s->v0;
                s->v3 = rotate(s->v3, 16) ^ s->v2;
                s->v0 = rotate(s->v0, 32) + s->v3;
                s->v2 += s->v1;
                s->v1 = rotate(s->v1, 17) ^ s->v2;
                s->v3 = rotate(s->v3, 21) ^ s->v0;
                s->v2 = rotate(s->v2, 32);
        }
}

static inline void take_word(State *s, uint64_t word)
{
        s->v3 ^= word;
        mix(s, ROUNDS_WORD);
        s->v0 ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], Span text)
{
        uint64_t k0 = word_at(key, WORD), k1 = word_at(key + WORD, WORD);
        State s = { k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                    k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) };
        size_t at = 0;

        for (; text.len - at >= WORD; at += WORD)
                take_word(&s, word_at(text.data + at, WORD));
        take_word(&s, word_at(text.data + at, text.len - at) | (uint64_t) text.len << LENGTH_SHIFT);
        s.v2 ^= 0xff;
        mix(&s, ROUNDS_END);
        return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

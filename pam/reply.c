/* reply: see reply.h. */
#include "reply.h"

#include <errno.h>
#include <string.h>

struct key {
        const char *name;
        int (*take)(struct reply *reply, const char *value, size_t size);
        bool may_repeat;
};

static const struct {
        const char *word;
        enum reply_state state;
} states[] = {
        { "unavailable", REPLY_UNAVAILABLE },
        { "prompt", REPLY_PROMPT },
        { "info", REPLY_INFO },
        { "error", REPLY_ERROR },
        { "wait", REPLY_WAIT },
        { "allowed", REPLY_ALLOWED },
        { "denied", REPLY_DENIED },
        { "locked", REPLY_LOCKED },
        { "not_ours", REPLY_NOT_OURS },
};

#define N_STATES (sizeof(states) / sizeof(states[0]))

static bool is_word(const char *value, size_t size, const char *word)
{
        return strlen(word) == size && memcmp(value, word, size) == 0;
}

static int hex_digit(char byte)
{
        static const char digits[] = "0123456789ABCDEF";
        const char *at = byte ? strchr(digits, byte) : NULL;

        return at ? (int) (at - digits) : -1;
}

/* decode_escape: the byte behind a %, or -1. */
static int decode_escape(const char *escape, size_t size)
{
        int high = size >= 3 ? hex_digit(escape[1]) : -1;
        int low = high >= 0 ? hex_digit(escape[2]) : -1;

        return low < 0 ? -1 : high * 16 + low;
}

/* decode: %XX and plain bytes into a string of at most size_max; NUL is never in it. */
static int decode(const char *value, size_t size, char *ret, size_t size_max)
{
        size_t n = 0;

        for (size_t i = 0; i < size; i++) {
                int byte = (unsigned char) value[i];

                if (byte == '%') {
                        byte = decode_escape(value + i, size - i);
                        i += 2;
                }
                if (byte <= 0 || n == size_max)
                        return -EPROTO;
                ret[n++] = (char) byte;
        }
        ret[n] = '\0';
        return 0;
}

/* obeys: what a terminal would obey: C0 but a newline, DEL, and C1 in UTF-8. */
static bool obeys(const char *text, bool newline_fits)
{
        for (const unsigned char *at = (const unsigned char *) text; *at; at++) {
                if (*at == '\n' && newline_fits)
                        continue;
                if (*at < 0x20 || *at == 0x7f)
                        return true;
                if (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
                        return true;
        }
        return false;
}

static int take_state(struct reply *reply, const char *value, size_t size)
{
        for (size_t i = 0; i < N_STATES; i++)
                if (is_word(value, size, states[i].word)) {
                        reply->state = states[i].state;
                        return 0;
                }
        return -EPROTO;
}

static int take_word(const char *value, size_t size, char *ret, size_t size_max)
{
        int r = decode(value, size, ret, size_max);

        return r < 0 || ret[0] == '\0' || obeys(ret, false) ? -EPROTO : 0;
}

static int take_id(struct reply *reply, const char *value, size_t size)
{
        return take_word(value, size, reply->id, REPLY_WORD_MAX);
}

static int take_user(struct reply *reply, const char *value, size_t size)
{
        return take_word(value, size, reply->user, REPLY_WORD_MAX);
}

static int take_session(struct reply *reply, const char *value, size_t size)
{
        return take_word(value, size, reply->session, REPLY_WORD_MAX);
}

static int take_text(struct reply *reply, const char *value, size_t size)
{
        int r = decode(value, size, reply->text, REPLY_TEXT_MAX);

        return r < 0 || obeys(reply->text, true) ? -EPROTO : 0;
}

static int take_echo(struct reply *reply, const char *value, size_t size)
{
        reply->echo = is_word(value, size, "on");
        return reply->echo || is_word(value, size, "off") ? 0 : -EPROTO;
}

static int take_after(struct reply *reply, const char *value, size_t size)
{
        unsigned after = 0;

        for (size_t i = 0; i < size; i++) {
                if (value[i] < '0' || value[i] > '9')
                        return -EPROTO;
                after = after * 10 + (unsigned) (value[i] - '0');
                if (after > REPLY_AFTER_MAX)
                        return -EPROTO;
        }
        reply->after_ms = after;
        return size > 0 ? 0 : -EPROTO;
}

/* Only what is the daemon's to set: no LD_PRELOAD, whoever answers. */
static int take_env(struct reply *reply, const char *value, size_t size)
{
        static const char prefix[] = "AUTHD_";
        char *env;

        if (reply->n_env == REPLY_ENV_MAX)
                return -EPROTO;
        env = reply->env[reply->n_env];
        if (take_word(value, size, env, REPLY_ENV_SIZE_MAX) < 0 ||
            strncmp(env, prefix, strlen(prefix)) != 0 || !strchr(env, '='))
                return -EPROTO;
        reply->n_env++;
        return 0;
}

/* The state is the first: it comes first. */
static const struct key keys[] = {
        { "state", take_state, false },     { "id", take_id, false },
        { "text", take_text, false },       { "echo", take_echo, false },
        { "after", take_after, false },     { "user", take_user, false },
        { "session", take_session, false }, { "env", take_env, true },
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static int take_key(struct reply *reply, size_t key, const char *value, size_t size,
                    unsigned *taken)
{
        bool is_first = *taken == 0;

        if (is_first != (key == 0) || ((*taken & (1u << key)) && !keys[key].may_repeat))
                return -EPROTO;
        *taken |= 1u << key;
        return keys[key].take(reply, value, size);
}

static int take_line(struct reply *reply, const char *line, size_t size, unsigned *taken)
{
        const char *equals = memchr(line, '=', size);
        size_t name_size = equals ? (size_t) (equals - line) : 0;

        for (size_t i = 0; equals && i < N_KEYS; i++)
                if (is_word(line, name_size, keys[i].name))
                        return take_key(reply, i, equals + 1, size - name_size - 1, taken);
        return -EPROTO;
}

static int take_lines(struct reply *reply, const char *lines, size_t size, unsigned *taken)
{
        while (size > 0) {
                const char *end = memchr(lines, '\n', size);
                int r = end ? take_line(reply, lines, (size_t) (end - lines), taken) : -EPROTO;

                if (r < 0)
                        return r;
                size -= (size_t) (end + 1 - lines);
                lines = end + 1;
        }
        return *taken == 0 ? -EPROTO : 0;
}

/* is_whole: what the state needs is there. */
static bool is_whole(const struct reply *reply)
{
        bool shows = reply->state == REPLY_PROMPT || reply->state == REPLY_INFO ||
                     reply->state == REPLY_ERROR;

        return !shows || reply->text[0] != '\0';
}

int reply_read(const char *lines, size_t size, struct reply *ret)
{
        unsigned taken = 0;
        int r;

        memset(ret, 0, sizeof(*ret));
        r = take_lines(ret, lines, size, &taken);
        if (r == 0 && is_whole(ret))
                return 0;
        memset(ret, 0, sizeof(*ret));
        return -EPROTO;
}

/* trace: see trace.h. What is not exactly as version 00 says is made anew, not repaired. */
#include "base/trace.h"

#include <errno.h>
#include <glib.h>
#include <stdint.h>
#include <sys/random.h>

#define TRACEPARENT_SIZE  55 /* 00-<32>-<16>-<2> */
#define TRACE_ID_AT       3
#define PARENT_ID_AT      36
#define FLAGS_AT          53
#define TRACE_ID_SIZE     16 /* bytes; two digits each */
#define SPAN_ID_SIZE      8
#define RANDOM_STORE_SIZE 240 /* six traces */
#define FLAG_SAMPLED      0x01

static const char hex_digits[] = "0123456789abcdef";

static void hex_encode(const uint8_t *bytes, size_t size, char *ret)
{
        for (size_t i = 0; i < size; i++) {
                ret[2 * i] = hex_digits[bytes[i] >> 4];
                ret[2 * i + 1] = hex_digits[bytes[i] & 15];
        }
        ret[2 * size] = '\0';
}

/* is_id: lower-case hex, not all zeros (W3C Trace Context §3.2.2.3). */
static bool is_id(const char *text, size_t len)
{
        bool nonzero = false;

        for (size_t i = 0; i < len; i++) {
                if (!text[i] || !strchr(hex_digits, text[i]))
                        return false;
                nonzero |= text[i] != '0';
        }
        return nonzero;
}

static bool is_flags(const char *text)
{
        return text[0] && strchr(hex_digits, text[0]) && text[1] && strchr(hex_digits, text[1]);
}

static bool read_traceparent(Span header, Trace *trace)
{
        const char *text = header.data;

        if (header.len != TRACEPARENT_SIZE || memcmp(text, "00-", 3) != 0)
                return false;
        if (text[TRACE_ID_AT - 1] != '-' || text[PARENT_ID_AT - 1] != '-' ||
            text[FLAGS_AT - 1] != '-')
                return false;
        if (!is_id(text + TRACE_ID_AT, 2 * TRACE_ID_SIZE) ||
            !is_id(text + PARENT_ID_AT, 2 * SPAN_ID_SIZE) || !is_flags(text + FLAGS_AT))
                return false;
        memcpy(trace->trace_id, text + TRACE_ID_AT, 2 * TRACE_ID_SIZE);
        memcpy(trace->parent_id, text + PARENT_ID_AT, 2 * SPAN_ID_SIZE);
        trace->sampled = g_ascii_xdigit_value(text[FLAGS_AT + 1]) & FLAG_SAMPLED;
        return true;
}

static bool read_request_id(Span header, Trace *trace)
{
        if (header.len == 0 || header.len > TRACE_REQUEST_ID_MAX)
                return false;
        for (size_t i = 0; i < header.len; i++)
                if (!g_ascii_isalnum(header.data[i]) &&
                    (!header.data[i] || !strchr("._-", header.data[i])))
                        return false;
        memcpy(trace->request_id, header.data, header.len);
        return true;
}

/* take_random: from a thread's own small store, for a system call a request is dear. Ids are no
 * secrets, so what was handed out may stay in memory. */
static const uint8_t *take_random(size_t size)
{
        static _Thread_local uint8_t store[RANDOM_STORE_SIZE];
        static _Thread_local size_t n_left;

        if (n_left < size) {
                /* Up to 256 bytes come whole once the kernel is seeded (getrandom(2)). */
                while (getrandom(store, sizeof(store), 0) != (ssize_t) sizeof(store))
                        g_assert(errno == EINTR);
                n_left = sizeof(store);
        }
        n_left -= size;
        return store + n_left;
}

void trace_begin(Trace *ret, Span request_id, Span traceparent)
{
        const uint8_t *random = take_random(2 * TRACE_ID_SIZE + SPAN_ID_SIZE);

        *ret = (Trace){ .parent_id = "0000000000000000" };
        hex_encode(random, SPAN_ID_SIZE, ret->span_id);
        if (!read_traceparent(traceparent, ret))
                hex_encode(random + SPAN_ID_SIZE, TRACE_ID_SIZE, ret->trace_id);
        if (!read_request_id(request_id, ret))
                hex_encode(random + SPAN_ID_SIZE + TRACE_ID_SIZE, TRACE_ID_SIZE, ret->request_id);
}

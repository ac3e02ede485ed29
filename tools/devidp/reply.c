#include "reply.h"

#include <string.h>

#define BLOCK_SIZE_BYTES (64 * 1024)

/* Body: what a reader sends piece by piece; it owns its text. */
typedef struct Body {
        char *text;
        size_t len;
        struct MHD_Connection *connection;
        Held *held;
        bool rested; /* trickle: since the last byte */
} Body;

static Body *body_new(struct MHD_Connection *connection, Held *held, const char *text)
{
        Body *body = g_new0(Body, 1);

        body->text = g_strdup(text);
        body->len = strlen(text);
        body->connection = connection;
        body->held = held;
        return body;
}

static void body_free(void *userdata)
{
        Body *body = userdata;

        g_free(body->text);
        g_free(body);
}

static ssize_t read_half_then_die(void *userdata, uint64_t pos, char *buffer, size_t max)
{
        const Body *body = userdata;
        size_t half = body->len / 2;

        if (pos >= half)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        size_t n = MIN(max, half - (size_t) pos);
        memcpy(buffer, body->text + pos, n);
        return (ssize_t) n;
}

static ssize_t read_spaces_first(void *userdata, uint64_t pos, char *buffer, size_t max)
{
        const Body *body = userdata;
        size_t n;

        if (pos < FAULT_BIG_SIZE_BYTES) {
                n = MIN(max, FAULT_BIG_SIZE_BYTES - (size_t) pos);
                memset(buffer, ' ', n);
                return (ssize_t) n;
        }
        pos -= FAULT_BIG_SIZE_BYTES;
        if (pos >= body->len)
                return MHD_CONTENT_READER_END_OF_STREAM;
        n = MIN(max, body->len - (size_t) pos);
        memcpy(buffer, body->text + pos, n);
        return (ssize_t) n;
}

/* Zero bytes would be asked for again at once, unless the connection is suspended first. */
static ssize_t read_trickling(void *userdata, uint64_t pos, char *buffer, size_t max)
{
        Body *body = userdata;

        if (pos > 0 && !body->rested) {
                body->rested = true;
                Waiting waiting = { .connection = body->connection,
                                    .until_usec =
                                        g_get_monotonic_time() + FAULT_TRICKLE_MSEC * 1000 };
                return held_add(body->held, &waiting) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
        }
        body->rested = false;
        buffer[0] = body->text[pos];
        return 1;
}

/* --- responses --- */

static struct MHD_Response *by_reader(Body *body, uint64_t size, MHD_ContentReaderCallback reader)
{
        return MHD_create_response_from_callback(size, BLOCK_SIZE_BYTES, reader, body, body_free);
}

static struct MHD_Response *response_of(struct MHD_Connection *connection, Held *held,
                                        const Answer *answer)
{
        const char *text = answer->body ? answer->body : "";
        size_t len = strlen(text);

        switch (answer->fault) {
        case FAULT_RESET:
                return by_reader(body_new(connection, held, text), len, read_half_then_die);
        case FAULT_TRICKLE: return by_reader(body_new(connection, held, text), len, read_trickling);
        case FAULT_BIG:
                return by_reader(body_new(connection, held, text), FAULT_BIG_SIZE_BYTES + len,
                                 read_spaces_first);
        case FAULT_BIG_CHUNKED:
                return by_reader(body_new(connection, held, text), MHD_SIZE_UNKNOWN,
                                 read_spaces_first);
        default: return MHD_create_response_from_buffer(len, (void *) text, MHD_RESPMEM_MUST_COPY);
        }
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
        if (value)
                MHD_add_response_header(response, name, value);
}

static void add_date(struct MHD_Response *response, gint64 wall_sec)
{
        g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(wall_sec);
        static const char *const DAYS[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
        static const char *const MONTHS[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        g_autofree char *rest = g_date_time_format(date, "%H:%M:%S GMT");
        g_autofree char *text = g_strdup_printf(
            "%s, %02d %s %04d %s", DAYS[g_date_time_get_day_of_week(date) - 1],
            g_date_time_get_day_of_month(date), MONTHS[g_date_time_get_month(date) - 1],
            g_date_time_get_year(date), rest);

        add(response, "Date", text);
}

static void add_headers(struct MHD_Response *response, const Answer *answer)
{
        g_autofree char *seconds = g_strdup_printf("%u", answer->retry_after_sec);

        if (answer->body)
                add(response, "Content-Type",
                    answer->content_type ? answer->content_type : "application/json");
        add(response, "Cache-Control", answer->cache_control);
        add(response, "ETag", answer->etag);
        add(response, "WWW-Authenticate", answer->authenticate);
        add(response, "Location", answer->sends_location ? answer->location : NULL);
        add(response, "Retry-After", answer->sends_retry_after ? seconds : NULL);
        add_date(response, answer->date_sec);
}

enum MHD_Result reply_queue(struct MHD_Connection *connection, Held *held, const Answer *answer)
{
        struct MHD_Response *response = response_of(connection, held, answer);

        if (!response)
                return MHD_NO;
        add_headers(response, answer);
        enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
        MHD_destroy_response(response);
        return result;
}

#include "net/request.h"

#include "base/clock.h"
#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PEER_GROUPS_MAX 1024
#define FIELD_OVERHEAD  64   /* libmicrohttpd's record of a request's field, and its line's ends */
#define ANSWER_RESERVE  1024 /* the request's line, and what libmicrohttpd adds to an answer */

Request *request_new(void)
{
        Request *request = g_new(Request, 1);

        request->next = NULL;
        request->target = NULL;
        request->body = NULL;
        request->userdata_destroy = NULL;
        head_init(&request->head);
        return request;
}

void request_begin(Request *request, Connection *connection, struct MHD_Connection *mhd,
                   const char *target)
{
        request->connection = connection;
        request->mhd = mhd;
        request->state = REQUEST_HEAD;
        request->started_usec = clock_monotonic_usec();
        request->body_size = 0;
        request->body_room = 0;
        request->userdata = NULL;
        request->next = NULL;
        /* Kept, for libmicrohttpd cuts its own copy into parameters. */
        request->target = g_strdup(target ? target : "");
        request->head.target = span_from(request->target);
}

bool request_add_body(Request *request, Span bytes)
{
        if (!request->body) {
                request->body_room = head_body_size(&request->head);
                request->body = g_malloc(request->body_room + 1);
        }
        if (bytes.len > request->body_room - request->body_size)
                return false;
        memcpy(request->body + request->body_size, bytes.data, bytes.len);
        request->body_size += bytes.len;
        return true;
}

static void erase_and_free(char **text, size_t len)
{
        if (*text)
                secret_erase(*text, len);
        g_clear_pointer(text, g_free);
}

void request_end(Request *request)
{
        GDestroyNotify destroy = g_steal_pointer(&request->userdata_destroy);

        if (destroy)
                destroy(request->userdata);
        erase_and_free(&request->target, request->head.target.len);
        erase_and_free(&request->body, request->body_size);
        head_init(&request->head);
}

void request_free(Request *request)
{
        if (!request)
                return;
        request_end(request);
        g_free(request);
}

/* The question. */

Span request_method(const Request *request)
{
        return request->head.method;
}

Span request_target(const Request *request)
{
        return request->head.target;
}

/* path_and_query: the target's two parts; *ret_query begins after the '?'. */
static void path_and_query(const Request *request, Span *ret_path, Span *ret_query)
{
        Span target = request->head.target;
        size_t start = head_path_start(target);
        Span path = span_of(target.data + start, target.len - start);
        const char *mark = memchr(path.data, '?', path.len);
        size_t path_len = mark ? (size_t) (mark - path.data) : path.len;

        *ret_path = span_of(path.data, path_len);
        *ret_query = mark ? span_of(mark + 1, path.len - path_len - 1) : SPAN_EMPTY;
}

Span request_path(const Request *request)
{
        Span path, query;

        path_and_query(request, &path, &query);
        return path;
}

Span request_query(const Request *request)
{
        Span path, query;

        path_and_query(request, &path, &query);
        return query;
}

Span request_body(const Request *request)
{
        return request->body ? span_of(request->body, request->body_size) : SPAN_EMPTY;
}

Span request_header(const Request *request, const char *name)
{
        const HeadField *field = head_find(&request->head, name);

        return field ? field->value : (Span){ NULL, 0 };
}

unsigned request_header_count(const Request *request, const char *name)
{
        return head_count(&request->head, name);
}

/* form_decode: application/x-www-form-urlencoded; NULL for a bad escape, a NUL or what is no UTF-8.
 */
char *request_decode_form(Span text)
{
        g_autoptr(GString) decoded = g_string_sized_new(text.len);

        for (size_t i = 0; i < text.len; i++) {
                int c = (unsigned char) text.data[i];

                if (c == '+') {
                        c = ' ';
                } else if (c == '%') {
                        int high = i + 2 < text.len ? g_ascii_xdigit_value(text.data[i + 1]) : -1;
                        int low = high >= 0 ? g_ascii_xdigit_value(text.data[i + 2]) : -1;

                        if (low < 0)
                                return NULL;
                        c = high * 16 + low;
                        i += 2;
                }
                g_string_append_c(decoded, (char) c);
        }
        /* Refuses a NUL too. */
        if (!g_utf8_validate(decoded->str, (gssize) decoded->len, NULL))
                return NULL;
        return g_string_free(g_steal_pointer(&decoded), FALSE);
}

/* next_pair: cuts one name=value off the front of *query; false at its end. */
static bool next_pair(Span *query, Span *ret_name, Span *ret_value)
{
        if (query->len == 0)
                return false;
        const char *end = memchr(query->data, '&', query->len);
        size_t pair_len = end ? (size_t) (end - query->data) : query->len;
        const char *equals = memchr(query->data, '=', pair_len);
        size_t name_len = equals ? (size_t) (equals - query->data) : pair_len;
        size_t taken = MIN(pair_len + 1, query->len);

        *ret_name = span_of(query->data, name_len);
        *ret_value = equals ? span_of(equals + 1, pair_len - name_len - 1) : SPAN_EMPTY;
        *query = span_of(query->data + taken, query->len - taken);
        return true;
}

int request_pairs_value(Span pairs, const char *name, char **ret_value)
{
        Span pair_name, pair_value, found = SPAN_EMPTY;
        unsigned count = 0;
        char *value;

        while (next_pair(&pairs, &pair_name, &pair_value)) {
                /* Decoded too, or an escaped second one would pass unseen. */
                g_autofree char *decoded = request_decode_form(pair_name);

                if (g_strcmp0(decoded, name) != 0)
                        continue;
                found = pair_value;
                count++;
        }
        if (count == 0)
                return -ENOENT;
        value = count == 1 ? request_decode_form(found) : NULL;
        if (!value)
                return -EINVAL;
        *ret_value = value;
        return 0;
}

int request_query_value(const Request *request, const char *name, char **ret_value)
{
        return request_pairs_value(request_query(request), name, ret_value);
}

int request_form_value(const Request *request, const char *name, char **ret_value)
{
        return request_pairs_value(request_body(request), name, ret_value);
}

const Peer *request_peer(const Request *request)
{
        return connection_peer(request->connection);
}

static int request_fd(const Request *request)
{
        const union MHD_ConnectionInfo *facts =
            MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

        return facts ? facts->connect_fd : -1;
}

bool request_peer_in_group(const Request *request, gid_t gid)
{
        const Peer *peer = request_peer(request);
        socklen_t len = PEER_GROUPS_MAX * sizeof(gid_t);
        g_autofree gid_t *groups = NULL;

        if (!peer->has_credentials)
                return false;
        if (peer->gid == gid)
                return true;
        groups = g_malloc(len);
        if (getsockopt(request_fd(request), SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
                return false;
        for (size_t i = 0; i < len / sizeof(gid_t); i++)
                if (groups[i] == gid)
                        return true;
        return false;
}

int64_t request_started_usec(const Request *request)
{
        return request->started_usec;
}

void *request_userdata(const Request *request)
{
        return request->userdata;
}

void request_set_userdata(Request *request, void *data, GDestroyNotify destroy)
{
        GDestroyNotify old = request->userdata_destroy;

        if (old)
                old(request->userdata);
        request->userdata = data;
        request->userdata_destroy = destroy;
}

/* The answer. */

static bool is_printable(const char *value)
{
        for (; *value; value++)
                if (*value < 0x20 || *value > 0x7e)
                        return false;
        return true;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
        if (!is_printable(value) || MHD_add_response_header(response, name, value) != MHD_YES)
                g_critical("An answer's header %s was dropped: its value cannot be sent.", name);
}

static bool names_content_type(const AnswerHeader *headers, size_t n_headers)
{
        for (size_t i = 0; i < n_headers; i++)
                if (g_ascii_strcasecmp(headers[i].name, MHD_HTTP_HEADER_CONTENT_TYPE) == 0)
                        return true;
        return false;
}

static struct MHD_Response *response_new(const Request *request, const AnswerHeader *headers,
                                         size_t n_headers, Span body, bool body_static)
{
        struct MHD_Response *response = MHD_create_response_from_buffer(
            body.len, (void *) body.data,
            body_static ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);

        if (!response)
                return NULL;
        if (n_headers > SERVER_ANSWER_HEADERS_MAX)
                g_critical("An answer has too many headers; the last ones were dropped.");
        n_headers = MIN(n_headers, SERVER_ANSWER_HEADERS_MAX);
        for (size_t i = 0; i < n_headers; i++)
                add_header(response, headers[i].name, headers[i].value);
        if (body.len > 0 && !names_content_type(headers, n_headers))
                add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
        if (connection_must_close(request->connection))
                add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        return response;
}

/* fits: libmicrohttpd closes the connection without a word when an answer's head finds no room. */
static bool fits(const Request *request, const AnswerHeader *headers, size_t n_headers)
{
        size_t room = SERVER_CONNECTION_MEMORY, taken = ANSWER_RESERVE;

        taken += request->head.target.len + request->head.size_bytes;
        taken += request->head.n_fields * FIELD_OVERHEAD;
        for (size_t i = 0; i < n_headers; i++)
                taken += strlen(headers[i].name) + strlen(headers[i].value) + strlen(": \r\n");
        return taken <= room;
}

static enum MHD_Result queue(Request *request, unsigned status, struct MHD_Response *response)
{
        enum MHD_Result queued = MHD_NO;

        if (response) {
                queued = MHD_queue_response(request->mhd, status, response);
                MHD_destroy_response(response);
        }
        return queued;
}

void request_answer(Request *request, unsigned status, const AnswerHeader *headers,
                    size_t n_headers, Span body, bool body_static)
{
        bool parked = request->state == REQUEST_PARKED;

        g_assert(parked || request->state == REQUEST_ASKED);
        if (n_headers > 0 && !fits(request, headers, n_headers)) {
                request_problem(request, 500, "answer_too_large",
                                "The answer's header fields are too large.");
                return;
        }
        struct MHD_Response *response =
            response_new(request, headers, n_headers, body, body_static);

        request->state = REQUEST_ANSWERED;
        if (queue(request, status, response) != MHD_YES)
                request->state = REQUEST_BROKEN;
        if (parked)
                connection_resume(request->connection);
}

static void append_json_text(GString *out, const char *text)
{
        g_autofree char *valid = g_utf8_make_valid(text, -1);

        for (const char *c = valid; *c; c++) {
                if ((unsigned char) *c < 0x20)
                        g_string_append_printf(out, "\\u%04x", *c);
                else if (*c == '"' || *c == '\\')
                        g_string_append_printf(out, "\\%c", *c);
                else
                        g_string_append_c(out, *c);
        }
}

static GString *problem_new(const char *word, const char *detail)
{
        GString *problem = g_string_new("{\"error\":\"");

        append_json_text(problem, word);
        g_string_append(problem, "\",\"detail\":\"");
        append_json_text(problem, detail);
        g_string_append(problem, "\"}");
        return problem;
}

void request_problem(Request *request, unsigned status, const char *word, const char *detail)
{
        GString *problem = problem_new(word, detail);

        request_answer(request, status, NULL, 0, span_of(problem->str, problem->len), false);
        g_string_free(problem, TRUE);
}

enum MHD_Result request_refuse(Request *request, const Refusal *refusal)
{
        GString *problem = problem_new(refusal->word, refusal->detail);
        Span body = span_of(problem->str, problem->len);

        request->state = REQUEST_REFUSED;
        /* Queued before the body is read: libmicrohttpd then says Connection: close, and does. */
        enum MHD_Result queued =
            queue(request, refusal->status, response_new(request, NULL, 0, body, false));

        g_string_free(problem, TRUE);
        return queued;
}

void request_refuse_aloud(Request *request, const Refusal *refusal)
{
        GString *problem = problem_new(refusal->word, refusal->detail);
        g_autofree char *answer =
            g_strdup_printf("HTTP/1.1 %u Refused\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                            refusal->status, problem->len, problem->str);

        request->state = REQUEST_REFUSED;
        /* What does not fit is lost: whoever leaves his receive buffer full is not listening. */
        (void) !send(request_fd(request), answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
        g_string_free(problem, TRUE);
}

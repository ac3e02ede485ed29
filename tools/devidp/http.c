#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECHECK_MSEC 50 /* how soon a hanging request sees that its fault is gone */

struct Http {
        Idp *idp;
        struct MHD_Daemon *daemon;
        int listen_fd; /* -1: the daemon has it */
        unsigned port;
        GMutex lock; /* held and stopping: the main thread resumes, the polling thread suspends */
        GPtrArray *held; /* of Exchange */
        guint recheck;
        bool stopping;
};

/* Exchange: one request from its first byte to its answer. */
typedef struct Exchange {
        struct MHD_Connection *connection;
        GString *body;
        Answer answer;
        Endpoint endpoint;
        gint64 held_until; /* monotonic; 0: as long as the fault lasts */
        bool answered;     /* by idp_answer; what is left is to send it */
        bool too_large;
} Exchange;

/* --- faults --- */

static bool still_held(const Http *http, const Exchange *exchange)
{
        if (http->stopping)
                return false;
        if (exchange->held_until)
                return g_get_monotonic_time() < exchange->held_until;
        return http->idp->faults[exchange->endpoint] == FAULT_HANG;
}

static gboolean recheck_held(gpointer userdata)
{
        Http *http = userdata;

        g_mutex_lock(&http->lock);
        for (unsigned i = http->held->len; i > 0; i--) {
                Exchange *exchange = g_ptr_array_index(http->held, i - 1);
                if (still_held(http, exchange))
                        continue;
                g_ptr_array_remove_index_fast(http->held, i - 1);
                MHD_resume_connection(exchange->connection);
        }
        g_mutex_unlock(&http->lock);
        return G_SOURCE_CONTINUE;
}

static bool hold(Http *http, Exchange *exchange, Fault fault)
{
        if (fault != FAULT_HANG && fault != FAULT_SLOW)
                return false;
        exchange->held_until =
            fault == FAULT_SLOW ? g_get_monotonic_time() + FAULT_SLOW_SEC * G_USEC_PER_SEC : 0;
        g_mutex_lock(&http->lock);
        bool held = !http->stopping; /* MHD_stop_daemon must not meet a suspended connection */
        if (held) {
                MHD_suspend_connection(exchange->connection);
                g_ptr_array_add(http->held, exchange);
        }
        g_mutex_unlock(&http->lock);
        return held;
}

static void spoil(Answer *answer, Fault fault)
{
        static const char PAGE[] = "<!DOCTYPE html><html><body><h1>Bad gateway</h1></body></html>";

        if (fault == FAULT_500 || fault == FAULT_503) {
                answer_error(answer, fault == FAULT_500 ? 500 : 503, "unknown_error",
                             "devidp was told to fail");
        } else if (fault == FAULT_HTML) {
                g_free(answer->body);
                answer->body = g_strdup(PAGE);
                answer->status = 200;
        } else if (fault == FAULT_EMPTY) {
                g_clear_pointer(&answer->body, g_free);
                answer->status = 200;
        } else if (fault == FAULT_TRUNCATE && answer->body) {
                answer->body[strlen(answer->body) / 2] = '\0';
        }
}

/* --- answers --- */

static ssize_t read_half_then_die(void *body, uint64_t pos, char *buffer, size_t max)
{
        size_t half = strlen(body) / 2;

        if (pos >= half)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        size_t n = MIN(max, half - (size_t) pos);
        memcpy(buffer, (char *) body + pos, n);
        return (ssize_t) n;
}

static struct MHD_Response *make_response(const Answer *answer, Fault fault)
{
        const char *body = answer->body ? answer->body : "";

        if (fault == FAULT_RESET)
                return MHD_create_response_from_callback(strlen(body), 1024, read_half_then_die,
                                                         g_strdup(body), g_free);
        return MHD_create_response_from_buffer(strlen(body), (void *) body, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result send_answer(Http *http, Exchange *exchange)
{
        Fault fault = http->idp->faults[exchange->endpoint];
        Answer *answer = &exchange->answer;

        spoil(answer, fault);
        struct MHD_Response *response = make_response(answer, fault);
        if (!response)
                return MHD_NO;
        if (answer->body)
                MHD_add_response_header(response, "Content-Type",
                                        fault == FAULT_HTML ? "text/html" : "application/json");
        if (answer->cache_control)
                MHD_add_response_header(response, "Cache-Control", answer->cache_control);
        if (answer->authenticate)
                MHD_add_response_header(response, "WWW-Authenticate", answer->authenticate);
        enum MHD_Result result = MHD_queue_response(exchange->connection, answer->status, response);
        MHD_destroy_response(response);
        return result;
}

/* --- questions --- */

static char *unescape(const char *start, size_t len)
{
        g_autofree char *text = g_strndup(start, len);

        g_strdelimit(text, "+", ' ');
        return g_uri_unescape_string(text, NULL);
}

/* parse_form: a name given twice, or broken escapes: the pair is left out. */
static GHashTable *parse_form(const char *text)
{
        GHashTable *form = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_auto(GStrv) pairs = g_strsplit(text, "&", -1);

        for (char **pair = pairs; *pair; pair++) {
                const char *equals = strchr(*pair, '=');
                if (!equals)
                        continue;
                char *name = unescape(*pair, (size_t) (equals - *pair));
                char *value = unescape(equals + 1, strlen(equals + 1));
                if (name && value)
                        g_hash_table_insert(form, g_steal_pointer(&name), g_steal_pointer(&value));
                g_free(name);
                g_free(value);
        }
        return form;
}

static enum MHD_Result collect_query(void *table, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
        g_hash_table_insert(table, g_strdup(name), g_strdup(value ? value : ""));
        return MHD_YES;
}

static void ask(Http *http, Exchange *exchange, const char *method, const char *path)
{
        g_autoptr(GHashTable) form = parse_form(exchange->body->str);
        g_autoptr(GHashTable) query =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, collect_query,
                                  query);
        Question question = {
                .method = strcmp(method, "HEAD") == 0 ? "GET" : method,
                .path = path,
                .form = form,
                .query = query,
                .authorization = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND,
                                                             "Authorization"),
                .body = exchange->body->str,
        };
        exchange->endpoint = idp_answer(http->idp, &question, &exchange->answer);
}

static Exchange *exchange_new(struct MHD_Connection *connection)
{
        Exchange *exchange = g_new0(Exchange, 1);

        exchange->connection = connection;
        exchange->body = g_string_new(NULL);
        exchange->endpoint = ENDPOINT_OWN;
        return exchange;
}

static void collect_body(Exchange *exchange, const char *part, size_t len)
{
        exchange->too_large = exchange->too_large || exchange->body->len + len > HTTP_BODY_SIZE_MAX;
        if (!exchange->too_large)
                g_string_append_len(exchange->body, part, (gssize) len);
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *part, size_t *part_len, void **state)
{
        Http *http = userdata;
        Exchange *exchange = *state;

        if (!exchange) {
                *state = exchange_new(connection);
                return MHD_YES;
        }
        if (*part_len > 0) {
                collect_body(exchange, part, *part_len);
                *part_len = 0;
                return MHD_YES;
        }
        if (!exchange->answered) {
                exchange->answered = true;
                if (exchange->too_large)
                        answer_error(&exchange->answer, 413, "invalid_request",
                                     "the body is too large");
                else
                        ask(http, exchange, method, path);
                if (hold(http, exchange, http->idp->faults[exchange->endpoint]))
                        return MHD_YES;
        }
        return send_answer(http, exchange);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
        Exchange *exchange = *state;

        if (!exchange)
                return;
        answer_clear(&exchange->answer);
        g_string_free(exchange->body, TRUE);
        g_free(exchange);
        *state = NULL;
}

/* --- life --- */

static void refuse_address(const char *address, unsigned port, const char *why, GError **error)
{
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s:%u: %s", address, port, why);
}

static bool loopback(const char *address, unsigned port, struct sockaddr_in *ret)
{
        *ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        return inet_pton(AF_INET, address, &ret->sin_addr) == 1 &&
               (ntohl(ret->sin_addr.s_addr) >> 24) == 127;
}

/* listen_on: a listening socket, or -1 with errno; *where gets the port that was given. */
static int listen_on(struct sockaddr_in *where)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        socklen_t len = sizeof(*where);
        int yes = 1;

        if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
            bind(fd, (struct sockaddr *) where, len) == 0 && listen(fd, SOMAXCONN) == 0 &&
            getsockname(fd, (struct sockaddr *) where, &len) == 0)
                return fd;
        if (fd >= 0) {
                int saved = errno;
                close(fd);
                errno = saved;
        }
        return -1;
}

Http *http_listen(const char *address, unsigned port, GError **error)
{
        struct sockaddr_in where;

        if (!loopback(address, port, &where)) {
                refuse_address(address, port,
                               "devidp listens on a loopback address only (127.0.0.1)", error);
                return NULL;
        }
        int fd = listen_on(&where);
        if (fd < 0) {
                refuse_address(address, port, g_strerror(errno), error);
                return NULL;
        }
        Http *http = g_new0(Http, 1);
        http->listen_fd = fd;
        http->port = ntohs(where.sin_port);
        http->held = g_ptr_array_new();
        g_mutex_init(&http->lock);
        return http;
}

unsigned http_port(const Http *http)
{
        return http->port;
}

bool http_start(Http *http, Idp *idp, GError **error)
{
        http->idp = idp;
        http->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0,
                                        NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET,
                                        http->listen_fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                                        NULL, MHD_OPTION_CONNECTION_TIMEOUT,
                                        (unsigned) HTTP_TIMEOUT_SEC, MHD_OPTION_END);
        if (!http->daemon) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                            "libmicrohttpd did not start");
                return false;
        }
        http->listen_fd = -1; /* the daemon's now */
        http->recheck = g_timeout_add(RECHECK_MSEC, recheck_held, http);
        return true;
}

void http_stop(Http *http)
{
        if (!http)
                return;
        if (http->recheck)
                g_source_remove(http->recheck);
        g_mutex_lock(&http->lock);
        http->stopping = true;
        g_mutex_unlock(&http->lock);
        recheck_held(http);
        if (http->daemon)
                MHD_stop_daemon(http->daemon);
        if (http->listen_fd >= 0)
                close(http->listen_fd);
        g_ptr_array_unref(http->held);
        g_mutex_clear(&http->lock);
        g_free(http);
}

#include "http.h"

#include "reply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct Http {
        Idp *idp;
        struct MHD_Daemon *daemon;
        Held *held;
        int listen_fd; /* -1: the daemon has it */
        unsigned port;
        guint ticking;
};

/* Exchange: one request from its first byte to its answer. */
typedef struct Exchange {
        struct MHD_Connection *connection;
        GString *body;
        Answer answer;
        Endpoint endpoint;
        char *flight;  /* of a question about a token, under way; else NULL */
        bool answered; /* by idp_answer; what is left is to send it */
        bool too_large;
} Exchange;

/* wait_first: true: the connection is suspended, and on_request comes again later. */
static bool wait_first(Http *http, const Exchange *exchange)
{
        const Answer *answer = &exchange->answer;
        Waiting waiting = {
                .connection = exchange->connection,
                .changes = &http->idp->fault_changes[exchange->endpoint],
                .changes_seen = answer->fault_changes,
        };

        if (answer->fault == FAULT_SLOW)
                waiting.until_usec = g_get_monotonic_time() + (gint64) answer->delay_msec * 1000;
        return (answer->fault == FAULT_SLOW || answer->fault == FAULT_HANG) &&
               held_add(http->held, &waiting);
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

/* A name given again: its values are joined by commas. */
static enum MHD_Result collect_query(void *table, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
        const char *former = g_hash_table_lookup(table, name);

        g_hash_table_insert(table, g_strdup(name),
                            former ? g_strdup_printf("%s,%s", former, value ? value : "")
                                   : g_strdup(value ? value : ""));
        return MHD_YES;
}

static enum MHD_Result collect_header(void *table, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
        g_hash_table_insert(table, g_ascii_strdown(name, -1), g_strdup(value ? value : ""));
        return MHD_YES;
}

static GHashTable *collected(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                             MHD_KeyValueIterator collect)
{
        GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        MHD_get_connection_values(connection, kind, collect, table);
        return table;
}

static void ask(Http *http, Exchange *exchange, const char *method, const char *path)
{
        g_autoptr(GHashTable) form = parse_form(exchange->body->str);
        g_autoptr(GHashTable) query =
            collected(exchange->connection, MHD_GET_ARGUMENT_KIND, collect_query);
        g_autoptr(GHashTable) headers =
            collected(exchange->connection, MHD_HEADER_KIND, collect_header);
        Question question = {
                .method = strcmp(method, "HEAD") == 0 ? "GET" : method,
                .path = path,
                .form = form,
                .query = query,
                .headers = headers,
                .body = exchange->body->str,
        };

        exchange->endpoint = idp_answer(http->idp, &question, &exchange->answer);
        if (exchange->endpoint == ENDPOINT_INTROSPECTION)
                exchange->flight =
                    flights_begin(http->idp->flights, question_form(&question, "token"));
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
                if (wait_first(http, exchange))
                        return MHD_YES;
        }
        return reply_queue(connection, http->held, &exchange->answer);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
        Http *http = userdata;
        Exchange *exchange = *state;

        if (!exchange)
                return;
        if (exchange->flight)
                flights_end(http->idp->flights, exchange->flight);
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
        http->held = held_new();
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
                                        http, MHD_OPTION_CONNECTION_TIMEOUT,
                                        (unsigned) HTTP_TIMEOUT_SEC, MHD_OPTION_END);
        if (!http->daemon) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                            "libmicrohttpd did not start");
                return false;
        }
        http->listen_fd = -1; /* the daemon's now */
        http->ticking = g_timeout_add(HELD_TICK_MSEC, held_release_due, http->held);
        return true;
}

void http_stop(Http *http)
{
        if (!http)
                return;
        if (http->ticking)
                g_source_remove(http->ticking);
        held_stop(http->held);
        if (http->daemon)
                MHD_stop_daemon(http->daemon);
        if (http->listen_fd >= 0)
                close(http->listen_fd);
        held_free(http->held);
        g_free(http);
}

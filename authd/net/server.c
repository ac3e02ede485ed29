#include "net/server.h"

#include "net/linger.h"
#include "net/request.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPARE_REQUESTS_MAX 64 /* kept for reuse, of about 3 KiB each */

#if MHD_VERSION >= 0x00097701
#define DISCIPLINE_STRICTEST 3
#endif

/* Newer ones else only queue what MHD_add_connection gives them, and tell of it in a later MHD_run;
 * older ones tell at once without being asked. */
#if MHD_VERSION >= 0x00097707
#define ADD_AT_ONCE MHD_USE_NO_THREAD_SAFETY
#else
#define ADD_AT_ONCE 0
#endif

struct Server {
        struct MHD_Daemon *mhd;
        GSource *source;
        ServerHandlers handlers;
        Lingerers *lingerers;
        Connection *adding; /* on its way through MHD_add_connection */
        Request *spare;
        unsigned n_spare;
        size_t n_connections;
        size_t n_parked;
        bool resumed; /* connections wait for MHD_run, or they would hang */
        bool quiescing;
        bool stopping; /* handlers are asked no more */
};

struct Connection {
        Server *server;
        struct MHD_Connection *mhd;
        Peer peer;
        bool ended_well; /* the last request was read to its end and answered */
};

const Peer *connection_peer(const Connection *connection)
{
        return &connection->peer;
}

bool connection_must_close(const Connection *connection)
{
        return connection->server->quiescing;
}

void connection_resume(Connection *connection)
{
        connection->server->n_parked--;
        connection->server->resumed = true;
        MHD_resume_connection(connection->mhd);
}

/* Requests, and the spare ones. */

static Request *take_request(Server *server)
{
        Request *request = server->spare;

        if (!request)
                return request_new();
        server->spare = request->next;
        server->n_spare--;
        return request;
}

static void give_request_back(Server *server, Request *request)
{
        request_end(request);
        if (server->n_spare >= SPARE_REQUESTS_MAX) {
                request_free(request);
                return;
        }
        request->next = server->spare;
        server->spare = request;
        server->n_spare++;
}

static Connection *connection_of(struct MHD_Connection *mhd)
{
        const union MHD_ConnectionInfo *facts =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return facts->socket_context;
}

static void tell_refused(Connection *connection, unsigned status)
{
        const ServerHandlers *handlers = &connection->server->handlers;

        handlers->refused(status, &connection->peer, handlers->userdata);
}

/* What libmicrohttpd calls. */

/* The request line has come. The only place where the target is still whole. */
static void *on_target(G_GNUC_UNUSED void *cls, const char *target, struct MHD_Connection *mhd)
{
        Connection *connection = connection_of(mhd);
        Request *request = take_request(connection->server);

        connection->ended_well = false;
        request_begin(request, connection, mhd, target);
        return request;
}

/* Escapes are the handlers' business: left as they came. */
static size_t on_unescape(G_GNUC_UNUSED void *cls, G_GNUC_UNUSED struct MHD_Connection *mhd,
                          char *text)
{
        return strlen(text);
}

static enum MHD_Result on_field(void *cls, G_GNUC_UNUSED enum MHD_ValueKind kind, const char *name,
                                size_t name_len, const char *value, size_t value_len)
{
        head_add(cls, span_of(name, name_len), span_of(value ? value : "", value_len));
        return MHD_YES;
}

static enum MHD_Result head_came(Request *request, const char *method, const char *version)
{
        Head *head = &request->head;

        head->method = span_from(method);
        head->version = span_from(version);
        MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, on_field, head);
        const Refusal *refusal = head_refuse(head);

        request->state = REQUEST_BODY;
        if (!refusal)
                return MHD_YES;
        tell_refused(request->connection, refusal->status);
        return request_refuse(request, refusal);
}

static enum MHD_Result body_came(Request *request, Span bytes)
{
        if (request->state != REQUEST_BODY)
                return MHD_NO;
        if (request_add_body(request, bytes))
                return MHD_YES;
        tell_refused(request->connection, refusal_body_too_large.status);
        request_refuse_aloud(request, &refusal_body_too_large);
        return MHD_NO;
}

static enum MHD_Result request_came(Request *request)
{
        Server *server = request->connection->server;

        if (request->state != REQUEST_BODY)
                return request->state == REQUEST_BROKEN ? MHD_NO : MHD_YES;
        if (server->stopping) /* closed without an answer, it is asked again elsewhere: RFC 9110
                                 §9.2.2 */
                return MHD_NO;
        request->state = REQUEST_ASKED;
        server->handlers.request(request, server->handlers.userdata);
        if (request->state == REQUEST_ASKED) {
                request->state = REQUEST_PARKED;
                server->n_parked++;
                MHD_suspend_connection(request->mhd);
        }
        return request->state == REQUEST_BROKEN ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_access(G_GNUC_UNUSED void *cls, G_GNUC_UNUSED struct MHD_Connection *mhd,
                                 G_GNUC_UNUSED const char *url, const char *method,
                                 const char *version, const char *upload, size_t *upload_size,
                                 void **slot)
{
        Request *request = *slot;

        if (!request)
                return MHD_NO;
        if (request->state == REQUEST_HEAD)
                return head_came(request, method, version);
        if (*upload_size == 0)
                return request_came(request);
        Span bytes = span_of(upload, *upload_size);

        *upload_size = 0;
        return body_came(request, bytes);
}

/* libmicrohttpd refused the request with a page of its own: count it as what it said. */
static void tell_refused_by_parser(Connection *connection)
{
        const union MHD_ConnectionInfo *facts =
            MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);

        if (facts && facts->http_status >= 400)
                tell_refused(connection, facts->http_status);
}

static void on_completed(G_GNUC_UNUSED void *cls, struct MHD_Connection *mhd, void **slot,
                         enum MHD_RequestTerminationCode code)
{
        Request *request = g_steal_pointer(slot);

        if (!request)
                return;
        Connection *connection = connection_of(mhd);

        connection->ended_well =
            code == MHD_REQUEST_TERMINATED_COMPLETED_OK && request->state == REQUEST_ANSWERED;
        if (request->state == REQUEST_HEAD || request->state == REQUEST_BODY)
                tell_refused_by_parser(connection);
        give_request_back(connection->server, request);
}

static int connection_fd(const Connection *connection)
{
        const union MHD_ConnectionInfo *facts =
            MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

        return facts->connect_fd;
}

/* may_still_send: would closing now reset the connection under the answer? */
static bool may_still_send(const Connection *connection)
{
        char byte;
        ssize_t n = recv(connection_fd(connection), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

        return n > 0 || (n < 0 && errno == EAGAIN && !connection->ended_well);
}

static void connection_gone(Connection *connection)
{
        Server *server = connection->server;

        if (server->lingerers && may_still_send(connection)) {
                int fd = fcntl(connection_fd(connection), F_DUPFD_CLOEXEC, 0);

                if (fd >= 0)
                        lingerers_add(server->lingerers, fd);
        }
        server->n_connections--;
        server->handlers.closed(&connection->peer, server->handlers.userdata);
        g_free(connection);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
        Server *server = cls;

        if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
                connection_gone(g_steal_pointer(slot));
                return;
        }
        Connection *connection = g_steal_pointer(&server->adding);

        g_assert(connection);
        connection->mhd = mhd;
        server->n_connections++;
        *slot = connection;
}

/* The source: libmicrohttpd's epoll descriptor and its clock, in the worker's loop. */

typedef struct ServerSource {
        GSource base;
        Server *server;
        gpointer tag;
} ServerSource;

static gboolean source_prepare(GSource *source, gint *timeout_msec)
{
        Server *server = ((ServerSource *) source)->server;
        MHD_UNSIGNED_LONG_LONG msec = 0;

        *timeout_msec = -1;
        if (server->resumed)
                return TRUE;
        if (MHD_get_timeout(server->mhd, &msec) == MHD_YES)
                *timeout_msec = (gint) MIN(msec, G_MAXINT);
        return *timeout_msec == 0;
}

static gboolean source_check(GSource *source)
{
        gint timeout_msec;

        return g_source_query_unix_fd(source, ((ServerSource *) source)->tag) != 0 ||
               source_prepare(source, &timeout_msec);
}

static gboolean source_dispatch(GSource *source, G_GNUC_UNUSED GSourceFunc callback,
                                G_GNUC_UNUSED gpointer userdata)
{
        Server *server = ((ServerSource *) source)->server;

        server->resumed = false;
        MHD_run(server->mhd);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_functions = {
        .prepare = source_prepare,
        .check = source_check,
        .dispatch = source_dispatch,
};

static struct MHD_Daemon *start_mhd(Server *server)
{
        return MHD_start_daemon(
            MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | ADD_AT_ONCE, 0,
            NULL, NULL, on_access, server, MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
            MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED,
            on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) SERVER_IDLE_TIMEOUT_SEC,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned) LISTEN_CONNECTIONS_MAX,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) SERVER_CONNECTION_MEMORY,
#ifdef DISCIPLINE_STRICTEST
            MHD_OPTION_CLIENT_DISCIPLINE_LVL, DISCIPLINE_STRICTEST,
#endif
            /* Without it 0.9.75's own strictness stays off on purpose: it answers a missing Host
             * twice; our rules see the same. */
            MHD_OPTION_END);
}

static void attach(Server *server, GMainContext *context)
{
        const union MHD_DaemonInfo *facts =
            MHD_get_daemon_info(server->mhd, MHD_DAEMON_INFO_EPOLL_FD);

        server->source = g_source_new(&source_functions, sizeof(ServerSource));
        ServerSource *source = (ServerSource *) server->source;

        source->server = server;
        source->tag = g_source_add_unix_fd(server->source, facts->epoll_fd, G_IO_IN);
        g_source_set_name(server->source, "server");
        /* Nobody runs the loop from within. Said, it spares GLib from taking the descriptor out of
         * the poll for each dispatch: three system calls a request. */
        g_source_set_can_recurse(server->source, TRUE);
        g_source_attach(server->source, context);
}

Server *server_new(GMainContext *context, const ServerHandlers *handlers, GError **error)
{
        Server *server = g_new0(Server, 1);

        server->handlers = *handlers;
        server->lingerers = lingerers_new(context);
        server->mhd = start_mhd(server);
        if (!server->mhd) {
                g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot start an HTTP server: %s",
                            g_strerror(errno));
                server_free(server);
                return NULL;
        }
        attach(server, context);
        return server;
}

bool server_add(Server *server, int fd, const Peer *peer)
{
        Connection *connection = g_new0(Connection, 1);
        struct sockaddr nobody = { .sa_family = AF_UNSPEC };

        connection->server = server;
        connection->peer = *peer;
        server->adding = connection;
        if (MHD_add_connection(server->mhd, fd, &nobody, sizeof(nobody)) == MHD_YES)
                return true;
        /* If libmicrohttpd got as far as telling us of it, it has told of the end too. */
        connection = g_steal_pointer(&server->adding);
        if (connection) {
                server->handlers.closed(&connection->peer, server->handlers.userdata);
                g_free(connection);
        }
        return false;
}

void server_quiesce(Server *server)
{
        server->quiescing = true;
}

size_t server_n_connections(const Server *server)
{
        return server->n_connections;
}

size_t server_n_parked(const Server *server)
{
        return server->n_parked;
}

static void stop_mhd(Server *server)
{
        g_assert(server->n_parked == 0);
        server->stopping = true;
        if (server->source)
                g_source_destroy(server->source);
        g_clear_pointer(&server->source, g_source_unref);
        /* Whoever was answered a moment ago hears it; and a connection still suspended would make
         * MHD_stop_daemon abort. */
        MHD_run(server->mhd);
        g_clear_pointer(&server->lingerers, lingerers_free);
        MHD_stop_daemon(server->mhd);
}

void server_free(Server *server)
{
        if (!server)
                return;
        if (server->mhd)
                stop_mhd(server);
        lingerers_free(server->lingerers);
        while (server->spare) {
                Request *next = server->spare->next;

                request_free(server->spare);
                server->spare = next;
        }
        g_free(server);
}

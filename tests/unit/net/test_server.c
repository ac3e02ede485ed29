/* server: raw requests on a socketpair, the real server on a thread of its own. */
#include "net/server.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MSEC 5000
#define PARKED              64

/* The server's side. Everything in it but the counters belongs to its thread. */

typedef struct Bench {
        GMainContext *context;
        GMainLoop *loop;
        GThread *thread;
        Server *server;
        GPtrArray *kept; /* Request */
        size_t n_parked; /* the rest: atomic */
        size_t n_closed;
        size_t n_destroyed;
        unsigned last_refused;
} Bench;

static void count(gpointer counter)
{
        __atomic_add_fetch((size_t *) counter, 1, __ATOMIC_SEQ_CST);
}

static size_t counted(const size_t *counter)
{
        return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

/* Each door answers with what the request holds. */

static void serve_empty(Request *request, Bench *bench)
{
        request_answer(request, 204, NULL, 0, SPAN_EMPTY, true);
}

static void serve_echo(Request *request, Bench *bench)
{
        const AnswerHeader header = { "Content-Type", "text/plain" };

        request_answer(request, 200, &header, 1, request_body(request), false);
}

static void serve_facts(Request *request, Bench *bench)
{
        g_autofree char *value = NULL;
        int found = request_query_value(request, "policy", &value);
        const char *said = found == 0 ? value : found == -ENOENT ? "(none)" : "(bad)";
        Span method = request_method(request), path = request_path(request),
             query = request_query(request), first = request_header(request, "x-first");
        g_autofree char *text = g_strdup_printf(
            "%.*s|%.*s|%.*s|%s|%.*s|%u", (int) method.len, method.data, (int) path.len, path.data,
            (int) query.len, query.data, said, (int) first.len, first.data ? first.data : "",
            request_header_count(request, "X-FIRST"));

        request_answer(request, 200, NULL, 0, span_from(text), false);
}

static void serve_form(Request *request, Bench *bench)
{
        g_autofree char *value = NULL;
        int found = request_form_value(request, "token", &value);
        g_autofree char *text = g_strdup_printf("%d|%s", found, found == 0 ? value : "");

        request_answer(request, 200, NULL, 0, span_from(text), false);
}

static void serve_uid(Request *request, Bench *bench)
{
        g_autofree char *text = g_strdup_printf("uid %u.", (unsigned) request_peer(request)->uid);

        request_answer(request, 200, NULL, 0, span_from(text), false);
}

static void serve_problem(Request *request, Bench *bench)
{
        request_problem(request, 400, "a\"word", "a\\detail\n\xff");
}

static void serve_park(Request *request, Bench *bench)
{
        request_set_userdata(request, &bench->n_destroyed, count);
        g_ptr_array_add(bench->kept, request);
        count(&bench->n_parked);
}

static void serve_unprintable(Request *request, Bench *bench)
{
        const AnswerHeader headers[] = { { "X-Good", "1" },
                                         { "X-Bad", "a\r\nX-Injected: 1" },
                                         { "X-Bell", "\a" } };

        request_answer(request, 200, headers, G_N_ELEMENTS(headers), span_from("{}"), true);
}

/* 8 KiB of headers. */
static void serve_large(Request *request, Bench *bench)
{
        g_autofree char *value = g_strnfill(1000, 'v');
        AnswerHeader headers[8];

        for (size_t i = 0; i < G_N_ELEMENTS(headers); i++)
                headers[i] = (AnswerHeader){ "X-Large", value };
        request_answer(request, 200, headers, G_N_ELEMENTS(headers), span_from("{}"), true);
}

static const struct {
        const char *path;
        void (*serve)(Request *request, Bench *bench);
} doors[] = {
        { "/empty", serve_empty }, { "/echo", serve_echo },
        { "/facts", serve_facts }, { "/form", serve_form },
        { "/uid", serve_uid },     { "/problem", serve_problem },
        { "/park", serve_park },   { "/unprintable", serve_unprintable },
        { "/large", serve_large },
};

static void on_request(Request *request, void *userdata)
{
        for (size_t i = 0; i < G_N_ELEMENTS(doors); i++) {
                if (!span_equal_string(request_path(request), doors[i].path))
                        continue;
                doors[i].serve(request, userdata);
                return;
        }
        request_problem(request, 404, "no_such_door", "There is no such door.");
}

static void on_closed(const Peer *peer, void *userdata)
{
        count(&((Bench *) userdata)->n_closed);
}

static void on_refused(unsigned status, const Peer *peer, void *userdata)
{
        __atomic_store_n(&((Bench *) userdata)->last_refused, status, __ATOMIC_SEQ_CST);
}

static gpointer run(gpointer userdata)
{
        g_main_loop_run(((Bench *) userdata)->loop);
        return NULL;
}

static void bench_setup(Bench *bench, gconstpointer unused)
{
        ServerHandlers handlers = { on_request, on_closed, on_refused, bench };

        bench->context = g_main_context_new();
        bench->loop = g_main_loop_new(bench->context, FALSE);
        bench->kept = g_ptr_array_new();
        bench->server = server_new(bench->context, &handlers, NULL);
        g_assert_nonnull(bench->server);
        bench->thread = g_thread_new("server", run, bench);
}

static gboolean stop(gpointer userdata)
{
        g_main_loop_quit(userdata);
        return G_SOURCE_REMOVE;
}

static void bench_teardown(Bench *bench, gconstpointer unused)
{
        g_main_context_invoke(bench->context, stop, bench->loop);
        g_thread_join(bench->thread);
        server_free(bench->server);
        g_ptr_array_unref(bench->kept);
        g_main_loop_unref(bench->loop);
        g_main_context_unref(bench->context);
}

/* call: runs on the server's thread, and waits for it. */
typedef struct Call {
        void (*function)(Bench *bench, int number);
        Bench *bench;
        int number;
        size_t done;
} Call;

static gboolean make_call(gpointer userdata)
{
        Call *call = userdata;

        call->function(call->bench, call->number);
        count(&call->done);
        return G_SOURCE_REMOVE;
}

static void wait_for(const size_t *counter, size_t wanted)
{
        gint64 deadline = g_get_monotonic_time() + ANSWER_TIMEOUT_MSEC * 1000;

        while (counted(counter) < wanted && g_get_monotonic_time() < deadline)
                g_usleep(200);
        g_assert_cmpuint(counted(counter), ==, wanted);
}

static void call(Bench *bench, void (*function)(Bench *bench, int number), int number)
{
        Call what = { function, bench, number, 0 };

        g_main_context_invoke(bench->context, make_call, &what);
        wait_for(&what.done, 1);
}

static void add_connection(Bench *bench, int fd)
{
        const Peer peer = { .unix_socket = true };

        g_assert_true(server_add(bench->server, fd, &peer));
}

static void answer_kept(Bench *bench, int status)
{
        g_autoptr(GPtrArray) kept = g_steal_pointer(&bench->kept);

        bench->kept = g_ptr_array_new();
        for (guint i = 0; i < kept->len; i++)
                request_answer(kept->pdata[i], (unsigned) status, NULL, 0,
                               span_from("{\"late\":1}"), true);
}

static void quiesce(Bench *bench, int unused)
{
        server_quiesce(bench->server);
}

static void assert_n_parked(Bench *bench, int wanted)
{
        g_assert_cmpuint(server_n_parked(bench->server), ==, (size_t) wanted);
}

static void assert_n_connections(Bench *bench, int wanted)
{
        g_assert_cmpuint(server_n_connections(bench->server), ==, (size_t) wanted);
}

/* The client's side. */

static int client_new(Bench *bench)
{
        int fds[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
        call(bench, add_connection, fds[0]);
        return fds[1];
}

/* client_send: false when the server hung up on it. */
static bool client_send(int fd, const char *text, size_t len)
{
        ssize_t n = 1;

        while (len > 0 && (n = send(fd, text, len, MSG_NOSIGNAL)) > 0) {
                text += n;
                len -= (size_t) n;
        }
        return n > 0;
}

static bool readable(int fd)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

        return poll(&poll_fd, 1, ANSWER_TIMEOUT_MSEC) == 1;
}

/* client_read: until the text holds wanted (NULL: until the server closes). */
static GString *client_read(int fd, const char *wanted)
{
        GString *text = g_string_new(NULL);
        char buffer[4096];
        ssize_t n = 1;

        while (n > 0 && (!wanted || !strstr(text->str, wanted))) {
                g_assert_true(readable(fd));
                n = recv(fd, buffer, sizeof(buffer), 0);
                if (n > 0)
                        g_string_append_len(text, buffer, n);
        }
        return text;
}

/* statuses: "200 404" of the answers in text, however they are cut. */
static char *statuses(const GString *text)
{
        GString *found = g_string_new(NULL);

        for (const char *at = text->str; (at = strstr(at, "HTTP/1.1 ")); at++)
                if (g_ascii_isdigit(at[strlen("HTTP/1.1 ")]))
                        g_string_append_printf(found, "%s%.3s", found->len ? " " : "",
                                               at + strlen("HTTP/1.1 "));
        return g_string_free(found, FALSE);
}

/* converse: until the server closes, as it does on a refusal or when asked to. (Half a close would
 * not do: libmicrohttpd can miss one that comes together with data.) */
static GString *converse(Bench *bench, const char *request, size_t len)
{
        int fd = client_new(bench);

        /* Also who is refused may say all of it: many clients look for an answer only then. */
        g_assert_true(client_send(fd, request, len));
        GString *answer = client_read(fd, NULL);

        close(fd);
        return answer;
}

/* Rows: what is sent, and what comes. */

#define HOST "Host: a\r\n"
#define LAST "Host: a\r\nConnection: close\r\n"

typedef struct Row {
        const char *name;
        const char *request;
        size_t len; /* 0: strlen */
        const char *statuses;
        const char *holds; /* somewhere in what came */
} Row;

static const Row rows[] = {
        { "a GET is answered", "GET /empty HTTP/1.1\r\n" LAST "\r\n", 0, "204", "" },
        { "HTTP/1.0 is answered and closed", "GET /empty HTTP/1.0\r\n\r\n", 0, "204",
          "Connection: close" },
        { "HEAD has the length and no body", "HEAD /facts HTTP/1.1\r\n" LAST "\r\n", 0, "200",
          "Content-Length: 22\r\n" },
        { "a body comes back", "POST /echo HTTP/1.1\r\n" LAST "Content-Length: 5\r\n\r\nhello", 0,
          "200", "\r\n\r\nhello" },
        { "a chunked body comes back",
          "POST /echo HTTP/1.1\r\n" LAST
          "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
          0, "200", "\r\n\r\nhello" },
        { "100-continue with too large a body is refused at once",
          "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n", 0,
          "413", "body_too_large" },
        { "three in a row are answered in turn",
          "GET /empty HTTP/1.1\r\n" HOST "\r\nPOST /echo HTTP/1.1\r\n" HOST
          "Content-Length: 2\r\n\r\nabGET /none HTTP/1.1\r\n" LAST "\r\n",
          0, "204 200 404", "no_such_door" },
        { "the parts of a target are told apart",
          "GET /facts?policy=a%2Fb+c&x=%20 HTTP/1.1\r\n" LAST
          "X-First: one\r\nx-first: two\r\n\r\n",
          0, "200", "GET|/facts|policy=a%2Fb+c&x=%20|a/b c|one|2" },
        { "an absolute form has the same parts",
          "GET http://a/facts?policy=b HTTP/1.1\r\n" LAST "\r\n", 0, "200",
          "GET|/facts|policy=b|b||0" },
        { "a parameter given twice is told from none",
          "GET /facts?policy=a&polic%79=b HTTP/1.1\r\n" LAST "\r\n", 0, "200", "|(bad)|" },
        { "a bad escape is told from none", "GET /facts?policy=%zz HTTP/1.1\r\n" LAST "\r\n", 0,
          "200", "|(bad)|" },
        { "a cut escape is told from none", "GET /facts?policy=a%2 HTTP/1.1\r\n" LAST "\r\n", 0,
          "200", "|(bad)|" },
        { "an escaped NUL is told from none", "GET /facts?policy=a%00b HTTP/1.1\r\n" LAST "\r\n", 0,
          "200", "|(bad)|" },
        { "broken UTF-8 is told from none", "GET /facts?policy=%ff HTTP/1.1\r\n" LAST "\r\n", 0,
          "200", "|(bad)|" },
        { "a form's value is decoded",
          "POST /form?token=x HTTP/1.1\r\n" LAST "Content-Length: 14\r\n\r\na=b&token=%41+", 0,
          "200", "0|A " },
        { "a problem is JSON whatever it says", "GET /problem HTTP/1.1\r\n" LAST "\r\n", 0, "400",
          "{\"error\":\"a\\\"word\",\"detail\":\"a\\\\detail\\u000a\xef\xbf\xbd\"}" },
        /* libmicrohttpd 1.0 refuses three of these by itself, with a page that is no JSON: no word
           asked. */
        { "no Host gets one answer", "GET /empty HTTP/1.1\r\n\r\n", 0, "400", "" },
        { "two Hosts are refused", "GET /empty HTTP/1.1\r\n" HOST HOST "\r\n", 0, "400",
          "bad_host" },
        { "a length and an encoding get one answer, and no second request is seen",
          "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: "
          "chunked\r\n\r\n0\r\n\r\nGET /empty HTTP/1.1\r\n" HOST "\r\n",
          0, "400", "" },
        { "an unknown encoding gets one answer",
          "POST /echo HTTP/1.1\r\n" HOST
          "Transfer-Encoding: xchunked\r\n\r\nGET /empty HTTP/1.1\r\n" HOST "\r\n",
          0, "400", "" },
        { "two lengths get one answer",
          "POST /echo HTTP/1.1\r\n" HOST
          "Content-Length: 0\r\nContent-Length: 30\r\n\r\nGET /empty HTTP/1.1\r\n" HOST "\r\n",
          0, "400", "bad_framing" },
        { "two Authorizations are refused",
          "GET /empty HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n\r\n", 0, "400",
          "doubled_authorization" },
        { "a refusal closes, whatever was pipelined",
          "TRACE /empty HTTP/1.1\r\n" HOST "\r\nGET /empty HTTP/1.1\r\n" HOST "\r\n", 0, "501",
          "Connection: close" },
        { "a refusal is a JSON problem", "BREW /pot HTTP/1.1\r\n" HOST "\r\n", 0, "501",
          "Content-Type: application/json" },
        { "garbage is no request, and what follows is none either",
          "garbage\r\n\r\nGET /empty HTTP/1.1\r\n\r\n", 0, NULL, "" },
};

static void test_row(Bench *bench, gconstpointer userdata)
{
        const Row *row = userdata;
        GString *answer = converse(bench, row->request, row->len ? row->len : strlen(row->request));
        g_autofree char *came = statuses(answer);

        g_test_message("%s", answer->str);
        if (row->statuses)
                g_assert_cmpstr(came, ==, row->statuses);
        else
                g_assert_null(strstr(came, "2")); /* 200 or 204 */
        g_assert_nonnull(strstr(answer->str, row->holds));
        g_string_free(answer, TRUE);
        wait_for(&bench->n_closed, 1);
}

static void assert_refused(Bench *bench, GString *request, const char *status, const char *word)
{
        GString *answer = converse(bench, request->str, request->len);
        g_autofree char *came = statuses(answer);

        g_test_message("%.600s", answer->str);
        g_assert_cmpstr(came, ==, status);
        g_assert_nonnull(strstr(answer->str, word));
        wait_for(&bench->n_closed, 1);
        g_string_free(answer, TRUE);
        g_string_free(request, TRUE);
}

static void append_fill(GString *text, char c, size_t len)
{
        g_autofree char *fill = g_strnfill(len, c);

        g_string_append(text, fill);
}

static void test_long_target(Bench *bench, gconstpointer unused)
{
        GString *request = g_string_new("GET /");

        append_fill(request, 'a', SERVER_TARGET_SIZE_MAX);
        g_string_append(request, " HTTP/1.1\r\n" HOST "\r\n");
        assert_refused(bench, request, "414", "target_too_long");
        g_assert_cmpuint(bench->last_refused, ==, 414);
}

static void test_many_fields(Bench *bench, gconstpointer unused)
{
        GString *request = g_string_new("GET /empty HTTP/1.1\r\n" HOST);

        for (int i = 0; i < SERVER_HEADERS_MAX; i++)
                g_string_append(request, "X: y\r\n");
        g_string_append(request, "\r\n");
        assert_refused(bench, request, "431", "head_too_large");
}

static void test_large_head(Bench *bench, gconstpointer unused)
{
        GString *request = g_string_new("GET /empty HTTP/1.1\r\n" HOST "X: ");

        append_fill(request, 'y', SERVER_HEAD_SIZE_MAX);
        g_string_append(request, "\r\n\r\n");
        assert_refused(bench, request, "431", "head_too_large");
}

/* The largest head allowed, in as many fields as allowed, still leaves room for an answer. */
static void test_largest_head(Bench *bench, gconstpointer unused)
{
        GString *request =
            g_string_new("POST /facts?policy=a HTTP/1.1\r\n" LAST "Content-Length: 3\r\n");

        for (int i = 4; i < SERVER_HEADERS_MAX; i++)
                g_string_append(request, "X: y\r\n");
        g_string_append(request, "X-First: ");
        append_fill(request, 'y', SERVER_HEAD_SIZE_MAX - 240);
        g_string_append(request, "\r\n\r\nabc");
        assert_refused(bench, request, "200", "POST|/facts|policy=a|a|yyyy");
}

static void assert_answer_beside(Bench *bench, size_t head_size, const char *status,
                                 const char *word)
{
        GString *request = g_string_new("GET /large HTTP/1.1\r\n" LAST "X: ");

        append_fill(request, 'y', head_size);
        g_string_append(request, "\r\n\r\n");
        assert_refused(bench, request, status, word);
}

static void test_large_answer(Bench *bench, gconstpointer unused)
{
        assert_answer_beside(bench, 16 * 1024, "200", "X-Large: vvv");
}

/* Both heads in one pool: no room must be said, not hung up. */
static void test_too_large_answer(Bench *bench, gconstpointer unused)
{
        g_autofree char *field = g_strnfill(4 * 1024, 'y');
        GString *request = g_string_new("GET /large?");

        append_fill(request, 'q', SERVER_TARGET_SIZE_MAX - 10);
        g_string_append(request, " HTTP/1.1\r\n" LAST);
        for (int i = 0; i < 4; i++)
                g_string_append_printf(request, "X: %s\r\n", field);
        g_string_append(request, "\r\n");
        assert_refused(bench, request, "500", "answer_too_large");
}

static void test_giant_head(Bench *bench, gconstpointer unused)
{
        GString *request = g_string_new("GET /empty HTTP/1.1\r\n" HOST "X: ");

        append_fill(request, 'y', 1 << 20);
        g_string_append(request, "\r\n\r\n");
        assert_refused(bench, request, "431", "");
}

static void test_large_body(Bench *bench, gconstpointer unused)
{
        GString *request =
            g_string_new("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1048576\r\n\r\n");

        append_fill(request, 'y', 1 << 20);
        assert_refused(bench, request, "413", "body_too_large");
        g_assert_cmpuint(bench->last_refused, ==, 413);
}

static void test_largest_body(Bench *bench, gconstpointer unused)
{
        GString *request =
            g_string_new("POST /echo HTTP/1.1\r\n" LAST "Content-Length: 65536\r\n\r\n");

        append_fill(request, 'y', SERVER_BODY_SIZE_MAX);
        assert_refused(bench, request, "200", "yyyy");
}

static void append_chunks(GString *request, unsigned n_chunks)
{
        for (unsigned i = 0; i < n_chunks; i++) {
                g_string_append(request, "1000\r\n");
                append_fill(request, 'y', 0x1000);
                g_string_append(request, "\r\n");
        }
        g_string_append(request, "0\r\n\r\n");
}

static void test_largest_chunked(Bench *bench, gconstpointer unused)
{
        GString *request =
            g_string_new("POST /echo HTTP/1.1\r\n" LAST "Transfer-Encoding: chunked\r\n\r\n");

        append_chunks(request, SERVER_BODY_SIZE_MAX / 0x1000);
        assert_refused(bench, request, "200", "yyyy");
}

static void test_large_chunked(Bench *bench, gconstpointer unused)
{
        GString *request =
            g_string_new("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");

        append_chunks(request, SERVER_BODY_SIZE_MAX / 0x1000 + 1);
        assert_refused(bench, request, "413", "{\"error\":\"body_too_large\"");
}

/* Keeping, parking, leaving. */

static void ask_kept(int fd, const char *request, const char *wanted)
{
        client_send(fd, request, strlen(request));
        GString *answer = client_read(fd, wanted);

        g_assert_nonnull(strstr(answer->str, wanted));
        g_string_free(answer, TRUE);
}

static void test_keep_alive(Bench *bench, gconstpointer unused)
{
        int fd = client_new(bench);

        for (int i = 0; i < 200; i++)
                ask_kept(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
                         "\r\n\r\nhello");
        call(bench, assert_n_connections, 1);
        close(fd);
        wait_for(&bench->n_closed, 1);
        call(bench, assert_n_connections, 0);
}

static void test_continue(Bench *bench, gconstpointer unused)
{
        int fd = client_new(bench);

        ask_kept(fd,
                 "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
                 "100 Continue\r\n\r\n");
        ask_kept(fd, "hello", "\r\n\r\nhello");
        close(fd);
}

static int at_once[8];

static void add_all(Bench *bench, int unused)
{
        for (size_t i = 0; i < G_N_ELEMENTS(at_once); i++) {
                const Peer peer = { .unix_socket = true,
                                    .has_credentials = true,
                                    .uid = 1000 + (uid_t) i };

                g_assert_true(server_add(bench->server, at_once[i], &peer));
        }
}

static void test_added_in_one_turn(Bench *bench, gconstpointer unused)
{
        int clients[G_N_ELEMENTS(at_once)][2];

        for (size_t i = 0; i < G_N_ELEMENTS(at_once); i++) {
                g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, clients[i]), ==,
                                0);
                at_once[i] = clients[i][0];
        }
        call(bench, add_all, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(at_once); i++) {
                g_autofree char *wanted = g_strdup_printf("uid %zu.", 1000 + i);

                ask_kept(clients[i][1], "GET /uid HTTP/1.1\r\n" HOST "\r\n", wanted);
                close(clients[i][1]);
        }
        wait_for(&bench->n_closed, G_N_ELEMENTS(at_once));
}

static void test_slow_request(Bench *bench, gconstpointer unused)
{
        const char *request = "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello";
        int fd = client_new(bench);

        for (size_t i = 0; i + 1 < strlen(request); i++)
                client_send(fd, request + i, 1);
        ask_kept(fd, request + strlen(request) - 1, "\r\n\r\nhello");
        close(fd);
        wait_for(&bench->n_closed, 1);
}

static void test_parked(Bench *bench, gconstpointer unused)
{
        const char *request = "GET /park HTTP/1.1\r\n" HOST "\r\n";
        int fds[PARKED];

        for (int i = 0; i < PARKED; i++) {
                fds[i] = client_new(bench);
                client_send(fds[i], request, strlen(request));
        }
        wait_for(&bench->n_parked, PARKED);
        call(bench, assert_n_parked, PARKED);
        /* Others are served meanwhile. */
        int other = client_new(bench);

        ask_kept(other, "GET /empty HTTP/1.1\r\n" HOST "\r\n", "204");
        close(other);
        call(bench, answer_kept, 200);
        call(bench, assert_n_parked, 0);
        for (int i = 0; i < PARKED; i++) {
                g_string_free(client_read(fds[i], "{\"late\":1}"), TRUE);
                ask_kept(fds[i], "GET /empty HTTP/1.1\r\n" HOST "\r\n", "204");
                close(fds[i]);
        }
        wait_for(&bench->n_closed, PARKED + 1);
        g_assert_cmpuint(counted(&bench->n_destroyed), ==, PARKED);
}

static void test_parked_pipelined(Bench *bench, gconstpointer unused)
{
        const char *requests =
            "GET /park HTTP/1.1\r\n" HOST "\r\nGET /empty HTTP/1.1\r\n" HOST "\r\n";
        int fd = client_new(bench);

        client_send(fd, requests, strlen(requests));
        wait_for(&bench->n_parked, 1);
        call(bench, answer_kept, 200);
        GString *answer = client_read(fd, "204");
        g_autofree char *came = statuses(answer);

        g_assert_cmpstr(came, ==, "200 204");
        g_string_free(answer, TRUE);
        close(fd);
}

static void test_leaves_while_parked(Bench *bench, gconstpointer unused)
{
        const char *request = "GET /park HTTP/1.1\r\n" HOST "\r\n";
        int fd = client_new(bench);

        client_send(fd, request, strlen(request));
        wait_for(&bench->n_parked, 1);
        close(fd);
        g_assert_cmpuint(counted(&bench->n_destroyed), ==, 0);
        call(bench, answer_kept, 200);
        wait_for(&bench->n_closed, 1);
        g_assert_cmpuint(counted(&bench->n_destroyed), ==, 1);
}

static void test_leaves_in_the_middle(Bench *bench, gconstpointer unused)
{
        static const char *const cuts[] = {
                "",
                "GET",
                "GET /echo HTTP/1.1\r\nHo",
                "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhe",
                "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
                int fd = client_new(bench);

                client_send(fd, cuts[i], strlen(cuts[i]));
                close(fd);
                wait_for(&bench->n_closed, i + 1);
        }
        call(bench, assert_n_connections, 0);
}

/* Kept but not yet heard: server_free sends it and closes. */
static void test_answered_and_freed(Bench *bench, gconstpointer unused)
{
        const char *request = "GET /park HTTP/1.1\r\n" HOST "\r\n";
        int fd = client_new(bench);

        client_send(fd, request, strlen(request));
        wait_for(&bench->n_parked, 1);
        g_main_context_invoke(bench->context, stop, bench->loop);
        g_thread_join(bench->thread);
        answer_kept(bench, 503);
        server_free(g_steal_pointer(&bench->server));
        GString *answer = client_read(fd, NULL);

        g_assert_nonnull(strstr(answer->str, "503"));
        g_string_free(answer, TRUE);
        close(fd);
        g_assert_cmpuint(counted(&bench->n_closed), ==, 1);
        bench->thread = g_thread_new("nothing", run, bench);
}

/* Whoever would answer it has gone, and one parked now would make libmicrohttpd abort. */
static void test_asked_while_it_stops(Bench *bench, gconstpointer unused)
{
        const char *request = "GET /park HTTP/1.1\r\n" HOST "\r\n";
        int fd = client_new(bench);

        ask_kept(fd, "GET /empty HTTP/1.1\r\n" HOST "\r\n", "204");
        g_main_context_invoke(bench->context, stop, bench->loop);
        g_thread_join(bench->thread);
        client_send(fd, request, strlen(request));
        server_free(g_steal_pointer(&bench->server));
        GString *answer = client_read(fd, NULL);

        g_assert_cmpuint(counted(&bench->n_parked), ==, 0);
        g_assert_cmpstr(answer->str, ==, "");
        g_string_free(answer, TRUE);
        close(fd);
        bench->thread = g_thread_new("nothing", run, bench);
}

static void test_quiesced(Bench *bench, gconstpointer unused)
{
        int fd = client_new(bench);

        ask_kept(fd, "GET /empty HTTP/1.1\r\n" HOST "\r\n", "204");
        call(bench, quiesce, 0);
        client_send(fd, "GET /empty HTTP/1.1\r\n" HOST "\r\n",
                    strlen("GET /empty HTTP/1.1\r\n" HOST "\r\n"));
        GString *answer = client_read(fd, NULL);

        g_assert_nonnull(strstr(answer->str, "Connection: close"));
        g_string_free(answer, TRUE);
        close(fd);
}

static void test_unprintable(Bench *bench, gconstpointer unused)
{
        g_test_expect_message(NULL, G_LOG_LEVEL_CRITICAL, "*X-Bad was dropped*");
        g_test_expect_message(NULL, G_LOG_LEVEL_CRITICAL, "*X-Bell was dropped*");
        GString *request = g_string_new("GET /unprintable HTTP/1.1\r\n" LAST "\r\n");
        GString *answer = converse(bench, request->str, request->len);

        g_test_assert_expected_messages();
        g_assert_nonnull(strstr(answer->str, "X-Good: 1\r\n"));
        g_assert_null(strstr(answer->str, "X-Injected"));
        g_string_free(answer, TRUE);
        g_string_free(request, TRUE);
}

static const struct {
        const char *name;
        void (*test)(Bench *bench, gconstpointer unused);
} tests[] = {
        { "a target that is too long gets 414", test_long_target },
        { "too many fields get 431", test_many_fields },
        { "a head that is too large gets 431", test_large_head },
        { "the largest head is answered", test_largest_head },
        { "a large answer fits beside a large head", test_large_answer },
        { "an answer that does not fit is a problem", test_too_large_answer },
        { "a head past all memory gets 431", test_giant_head },
        { "a body that is too large gets 413 while it is sent", test_large_body },
        { "the largest body is answered", test_largest_body },
        { "the largest chunked body is answered", test_largest_chunked },
        { "a chunked body that grows too large gets 413", test_large_chunked },
        { "a kept connection answers 200 times", test_keep_alive },
        { "connections added in one turn keep their peers", test_added_in_one_turn },
        { "who asks whether to go on is told so", test_continue },
        { "a request byte by byte is answered", test_slow_request },
        { "64 parked ones are answered later", test_parked },
        { "a request behind a parked one waits its turn", test_parked_pipelined },
        { "who leaves while parked is noticed when answered", test_leaves_while_parked },
        { "who leaves in the middle leaves nothing behind", test_leaves_in_the_middle },
        { "an answer given last is sent before the server is gone", test_answered_and_freed },
        { "a quiesced server says close", test_quiesced },
        { "what is asked while it stops is closed without an answer", test_asked_while_it_stops },
        { "a header that cannot be sent is dropped aloud", test_unprintable },
};

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strdup_printf("/server/%s", rows[i].name);

                g_strdelimit(path + strlen("/server/"), "/", '_');
                g_test_add(path, Bench, &rows[i], bench_setup, test_row, bench_teardown);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strdup_printf("/server/%s", tests[i].name);

                g_test_add(path, Bench, NULL, bench_setup, tests[i].test, bench_teardown);
        }
        return g_test_run();
}

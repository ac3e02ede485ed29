/* fetch: against a fake server, a thread that plays one script for each connection. */
#include "net/fetch.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHORT_USEC       (150 * 1000)
#define SIZE_MAX_IN_ROWS 1000

/* The fake: reads a head, then does what the path says. */

typedef struct Fake {
        int listener;
        unsigned port;
        GThread *thread;
        size_t n_connections; /* atomic */
        GMutex lock;
        char head[4096]; /* of the last request, under the lock */
} Fake;

static char *fake_head(Fake *fake)
{
        char *head;

        g_mutex_lock(&fake->lock);
        head = g_strdup(fake->head);
        g_mutex_unlock(&fake->lock);
        return head;
}

static void say(int fd, const char *text)
{
        (void) !send(fd, text, strlen(text), MSG_NOSIGNAL);
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

static void play_plain(int fd)
{
        say(fd, OK_HEAD "Cache-Control: max-age=60\r\nETag: \"x\"\r\nRetry-After: "
                        "7\r\nContent-Length: 2\r\n\r\n{}");
}

static void play_hang(int fd)
{
        char byte;

        (void) !recv(fd, &byte, 1, 0); /* until the client leaves */
}

static void play_error(int fd)
{
        say(fd, "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops");
}

static void play_redirect(int fd)
{
        say(fd, "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n");
}

static void play_truncated(int fd)
{
        say(fd, OK_HEAD "Content-Length: 100\r\n\r\n{\"cut");
}

static void play_large(int fd)
{
        say(fd, OK_HEAD "Content-Length: 1001\r\n\r\n");
        play_hang(fd);
}

static void play_endless(int fd)
{
        g_autofree char *part = g_strnfill(500, 'x');

        say(fd, OK_HEAD "\r\n");
        for (int i = 0; i < 3; i++)
                say(fd, part);
        play_hang(fd);
}

static void play_largest(int fd)
{
        g_autofree char *body = g_strnfill(SIZE_MAX_IN_ROWS, 'x');

        say(fd, OK_HEAD "Content-Length: 1000\r\n\r\n");
        say(fd, body);
}

/* A byte now and then keeps no deadline away. */
static void play_trickle(int fd)
{
        say(fd, OK_HEAD "Content-Length: 1000\r\n\r\n");
        while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
                g_usleep(10 * 1000);
}

static void play_silent(int fd)
{
}

static void play_garbage(int fd)
{
        say(fd, "SSH-2.0-whatever\r\n");
}

static void play_busy(int fd)
{
        say(fd, "HTTP/1.1 503 Busy\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                "Retry-After: Sun, 06 Nov 1994 08:51:07 GMT\r\nContent-Length: 0\r\n\r\n");
}

static void play_past(int fd)
{
        say(fd, "HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:51:07 GMT\r\n"
                "Content-Length: 0\r\n\r\n");
}

static void play_soon(int fd)
{
        say(fd, "HTTP/1.1 503 Busy\r\nDate: whenever\r\nRetry-After: soon\r\n"
                "Content-Length: 0\r\n\r\n");
}

static const struct {
        const char *path;
        void (*play)(int fd);
        bool keeps;
} scripts[] = {
        { "/plain", play_plain, true },
        { "/hang", play_hang, false },
        { "/error", play_error, true },
        { "/redirect", play_redirect, true },
        { "/truncated", play_truncated, false },
        { "/large", play_large, false },
        { "/endless", play_endless, false },
        { "/largest", play_largest, true },
        { "/trickle", play_trickle, false },
        { "/silent", play_silent, false },
        { "/garbage", play_garbage, false },
        { "/busy", play_busy, true },
        { "/past", play_past, true },
        { "/soon", play_soon, true },
};

static bool play(Fake *fake, int fd)
{
        g_autofree char *target = NULL;
        g_autofree char *head = fake_head(fake);
        char **words = g_strsplit(head, " ", 3);
        bool keeps = false;

        target = g_strdup(words[0] ? words[1] : NULL);
        g_strfreev(words);
        for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
                if (g_strcmp0(target, scripts[i].path) != 0)
                        continue;
                scripts[i].play(fd);
                keeps = scripts[i].keeps;
        }
        return keeps;
}

/* read_head: what comes in one piece; small requests do. */
static bool read_head(Fake *fake, int fd)
{
        char head[sizeof(fake->head)];
        ssize_t n = recv(fd, head, sizeof(head) - 1, 0);

        if (n <= 0)
                return false;
        head[n] = '\0';
        g_mutex_lock(&fake->lock);
        g_strlcpy(fake->head, head, sizeof(fake->head));
        g_mutex_unlock(&fake->lock);
        return true;
}

static gpointer serve_connection(gpointer userdata)
{
        Fake *fake = userdata;
        int fd = accept(fake->listener, NULL, NULL);

        while (fd >= 0) {
                __atomic_add_fetch(&fake->n_connections, 1, __ATOMIC_SEQ_CST);
                while (read_head(fake, fd) && play(fake, fd))
                        ;
                close(fd);
                fd = accept(fake->listener, NULL, NULL);
        }
        return NULL;
}

static unsigned listen_anywhere(int fd)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t len = sizeof(address);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        g_assert_cmpint(bind(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *) &address, &len), ==, 0);
        return ntohs(address.sin_port);
}

static void fake_start(Fake *fake)
{
        fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fake->port = listen_anywhere(fake->listener);
        g_assert_cmpint(listen(fake->listener, 16), ==, 0);
        fake->thread = g_thread_new("fake", serve_connection, fake);
}

static void fake_stop(Fake *fake)
{
        shutdown(fake->listener, SHUT_RDWR); /* wakes accept() */
        g_thread_join(fake->thread);
        close(fake->listener);
}

/* One fetch, and what came of it. */

typedef struct Outcome {
        unsigned n_calls;
        int error;
        unsigned status;
        char *trouble, *body, *content_type, *cache_control, *etag, *retry_after;
        int64_t retry_after_sec, date_sec;
} Outcome;

static void outcome_clear(Outcome *outcome)
{
        g_free(outcome->trouble);
        g_free(outcome->body);
        g_free(outcome->content_type);
        g_free(outcome->cache_control);
        g_free(outcome->etag);
        g_free(outcome->retry_after);
        *outcome = (Outcome){ 0 };
}

static void on_done(const FetchAnswer *answer, void *userdata)
{
        Outcome *outcome = userdata;

        outcome->n_calls++;
        outcome->error = answer->error;
        outcome->status = answer->status;
        outcome->trouble = g_strdup(answer->trouble);
        outcome->body = g_strndup(answer->body.data, answer->body.len);
        outcome->content_type = g_strdup(answer->content_type);
        outcome->cache_control = g_strdup(answer->cache_control);
        outcome->etag = g_strdup(answer->etag);
        outcome->retry_after = g_strdup(answer->retry_after);
        outcome->retry_after_sec = answer->retry_after_sec;
        outcome->date_sec = answer->date_sec;
}

static void wait_for(const Outcome *outcome)
{
        while (outcome->n_calls == 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpuint(outcome->n_calls, ==, 1);
}

typedef struct Bench {
        Fake fake;
        Fetcher *fetcher;
        Outcome outcome;
} Bench;

static void bench_setup(Bench *bench, gconstpointer unused)
{
        fake_start(&bench->fake);
        bench->fetcher = fetcher_new(NULL);
}

static void bench_teardown(Bench *bench, gconstpointer unused)
{
        fetcher_free(bench->fetcher);
        fake_stop(&bench->fake);
        outcome_clear(&bench->outcome);
}

static Fetch *start(Bench *bench, const char *path, FetchOptions options)
{
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u%s", bench->fake.port, path);

        options.url = url;
        Fetch *fetch = fetch_start(bench->fetcher, &options, on_done, &bench->outcome);

        g_assert_nonnull(fetch);
        g_assert_cmpuint(bench->outcome.n_calls, ==, 0);
        return fetch;
}

typedef struct Row {
        const char *name;
        const char *path;
        int error;
        unsigned status;
        const char *trouble; /* a pattern */
        const char *body;    /* NULL: any */
        bool hurried;
} Row;

static const Row rows[] = {
        { "an answer comes whole", "/plain", 0, 200, NULL, "{}", false },
        { "a provider's error is an answer", "/error", 0, 500, NULL, "oops", false },
        { "a redirect is not followed", "/redirect", 0, 302, NULL, "", false },
        { "the largest answer comes", "/largest", 0, 200, NULL, NULL, false },
        { "a larger one is refused by its length", "/large", -EFBIG, 0,
          "* is larger than 1000 bytes", "", false },
        { "an endless one is refused at the limit", "/endless", -EFBIG, 0,
          "* is larger than 1000 bytes", "", false },
        { "a cut answer is none", "/truncated", -EIO, 0, "the answer of 127.0.0.1:* ended early",
          "", false },
        { "a close without a word is told", "/silent", -EIO, 0, "127.0.0.1:* without an answer", "",
          false },
        { "what is no HTTP is none", "/garbage", -EIO, 0, "asking 127.0.0.1:* failed: *", "",
          false },
        { "silence ends at the deadline", "/hang", -ETIMEDOUT, 0,
          "no answer from 127.0.0.1:* within 0.15 s", "", true },
        { "a trickle ends at the deadline", "/trickle", -ETIMEDOUT, 0,
          "no answer from 127.0.0.1:* within 0.15 s", "", true },
};

static void test_row(Bench *bench, gconstpointer userdata)
{
        const Row *row = userdata;
        gint64 began = g_get_monotonic_time();
        FetchOptions options = { .size_max = SIZE_MAX_IN_ROWS };

        if (row->hurried)
                options.deadline_usec = SHORT_USEC;
        start(bench, row->path, options);
        wait_for(&bench->outcome);
        g_test_message("%s", bench->outcome.trouble ? bench->outcome.trouble : "no trouble");
        g_assert_cmpint(bench->outcome.error, ==, row->error);
        g_assert_cmpuint(bench->outcome.status, ==, row->status);
        if (row->trouble)
                g_assert_true(g_pattern_match_simple(row->trouble, bench->outcome.trouble));
        if (row->body)
                g_assert_cmpstr(bench->outcome.body, ==, row->body);
        if (row->hurried)
                g_assert_cmpint(g_get_monotonic_time() - began, >=, SHORT_USEC - 2000);
}

static void test_headers_come(Bench *bench, gconstpointer unused)
{
        start(bench, "/plain", (FetchOptions){ 0 });
        wait_for(&bench->outcome);
        g_assert_cmpstr(bench->outcome.content_type, ==, "application/json");
        g_assert_cmpstr(bench->outcome.cache_control, ==, "max-age=60");
        g_assert_cmpstr(bench->outcome.etag, ==, "\"x\"");
        g_assert_cmpstr(bench->outcome.retry_after, ==, "7");
        outcome_clear(&bench->outcome);
        start(bench, "/error", (FetchOptions){ 0 });
        wait_for(&bench->outcome);
        g_assert_cmpstr(bench->outcome.etag, ==, "");
}

static void test_retry_after(Bench *bench, gconstpointer unused)
{
        static const struct {
                const char *path;
                int64_t retry_after_sec, date_sec;
        } waits[] = {
                { "/plain", 7, 0 }, { "/busy", 90, 784111777 }, /* by the provider's own clock */
                { "/past", 0, 0 },  { "/soon", 0, 0 },          { "/error", 0, 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(waits); i++) {
                start(bench, waits[i].path, (FetchOptions){ 0 });
                wait_for(&bench->outcome);
                g_assert_cmpint(bench->outcome.retry_after_sec, ==, waits[i].retry_after_sec);
                g_assert_cmpint(bench->outcome.date_sec, ==, waits[i].date_sec);
                outcome_clear(&bench->outcome);
        }
}

static void test_form(Bench *bench, gconstpointer unused)
{
        const char *const headers[] = { "X-Trace: 1", NULL };

        start(bench, "/plain",
              (FetchOptions){ .form = true,
                              .body = span_from("token=a%20b"),
                              .headers = headers,
                              .basic_user = "me",
                              .basic_password = span_from("secret") });
        wait_for(&bench->outcome);
        g_autofree char *head = fake_head(&bench->fake);
        g_assert_nonnull(strstr(head, "POST /plain HTTP/1.1\r\n"));
        g_assert_nonnull(strstr(head, "Content-Type: application/x-www-form-urlencoded\r\n"));
        g_assert_nonnull(strstr(head, "Authorization: Basic bWU6c2VjcmV0\r\n"));
        g_assert_nonnull(strstr(head, "X-Trace: 1\r\n"));
        g_assert_nonnull(strstr(head, "\r\n\r\ntoken=a%20b"));
}

static void test_put_json(Bench *bench, gconstpointer unused)
{
        const char *const headers[] = { "Authorization: Bearer secret", NULL };

        start(bench, "/plain",
              (FetchOptions){ .put_json = true, .body = span_from("{}"), .headers = headers });
        wait_for(&bench->outcome);
        g_autofree char *head = fake_head(&bench->fake);
        g_assert_nonnull(strstr(head, "PUT /plain HTTP/1.1\r\n"));
        g_assert_nonnull(strstr(head, "Content-Type: application/json\r\n"));
        g_assert_null(strstr(head, "urlencoded"));
        g_assert_nonnull(strstr(head, "Authorization: Bearer secret\r\n"));
        g_assert_nonnull(strstr(head, "\r\n\r\n{}"));
}

static void test_refuse(Bench *bench, gconstpointer unused)
{
        Fetch *fetch = fetch_refuse(bench->fetcher, "no secret", on_done, &bench->outcome);

        fetch_cancel(fetch);
        fetch_refuse(bench->fetcher, "no key", on_done, &bench->outcome);
        g_assert_cmpuint(bench->outcome.n_calls, ==, 0);
        wait_for(&bench->outcome);
        g_assert_cmpint(bench->outcome.error, ==, -EPERM);
        g_assert_cmpstr(bench->outcome.trouble, ==, "the provider was not asked: no key");
}

static void test_reuse(Bench *bench, gconstpointer unused)
{
        for (int i = 0; i < 5; i++) {
                start(bench, "/plain", (FetchOptions){ 0 });
                wait_for(&bench->outcome);
                outcome_clear(&bench->outcome);
        }
        g_assert_cmpuint(__atomic_load_n(&bench->fake.n_connections, __ATOMIC_SEQ_CST), ==, 1);
}

static void test_refused(Bench *bench, gconstpointer unused)
{
        int unheard = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, not listening */
        unsigned port = listen_anywhere(unheard);
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/", port);
        g_autofree char *trouble = g_strdup_printf("connection refused by 127.0.0.1:%u", port);

        fetch_start(bench->fetcher, &(FetchOptions){ .url = url }, on_done, &bench->outcome);
        wait_for(&bench->outcome);
        g_assert_cmpint(bench->outcome.error, ==, -ECONNREFUSED);
        g_assert_cmpstr(bench->outcome.trouble, ==, trouble);
        close(unheard);
}

static void test_no_tls(Bench *bench, gconstpointer unused)
{
        g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/garbage", bench->fake.port);

        fetch_start(bench->fetcher, &(FetchOptions){ .url = url }, on_done, &bench->outcome);
        wait_for(&bench->outcome);
        g_test_message("%s", bench->outcome.trouble);
        g_assert_cmpint(bench->outcome.error, ==, -EPROTO);
}

static void test_ca_file_missing(Bench *bench, gconstpointer unused)
{
        g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/", bench->fake.port);

        fetch_start(bench->fetcher, &(FetchOptions){ .url = url, .ca_file = "/nonexistent/ca.pem" },
                    on_done, &bench->outcome);
        wait_for(&bench->outcome);
        g_test_message("%s", bench->outcome.trouble);
        g_assert_cmpint(bench->outcome.error, ==, -EPROTO);
        g_assert_true(g_str_has_prefix(bench->outcome.trouble, "the CA file for "));
}

static void test_plain_http(Bench *bench, gconstpointer unused)
{
        Fetch *fetch = fetch_start(bench->fetcher, &(FetchOptions){ .url = "http://192.0.2.1/" },
                                   on_done, &bench->outcome);

        g_assert_nonnull(fetch);
        g_assert_cmpuint(bench->outcome.n_calls, ==, 0);
        wait_for(&bench->outcome);
        g_assert_cmpint(bench->outcome.error, ==, -EPERM);
        g_assert_true(g_str_has_suffix(bench->outcome.trouble,
                                       "plain http is allowed to this machine itself only"));
}

/* The environment's proxies are not ours. The fake would be asked if they were. */
static void test_proxy_ignored(Bench *bench, gconstpointer unused)
{
        g_autofree char *proxy = g_strdup_printf("http://127.0.0.1:%u", bench->fake.port);
        int unheard = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_autofree char *url =
            g_strdup_printf("http://127.0.0.1:%u/plain", listen_anywhere(unheard));

        g_setenv("http_proxy", proxy, TRUE);
        fetch_start(bench->fetcher, &(FetchOptions){ .url = url }, on_done, &bench->outcome);
        wait_for(&bench->outcome);
        g_unsetenv("http_proxy");
        g_assert_cmpint(bench->outcome.error, ==, -ECONNREFUSED);
        close(unheard);
}

/* Nor are its exceptions from proxies: what is to go through one never goes around it. */
static void test_exception_ignored(Bench *bench, gconstpointer unused)
{
        int unheard = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_autofree char *proxy = g_strdup_printf("http://127.0.0.1:%u", listen_anywhere(unheard));
        g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/plain", bench->fake.port);

        g_setenv("no_proxy", "*", TRUE);
        fetch_start(bench->fetcher, &(FetchOptions){ .url = url, .proxy = proxy }, on_done,
                    &bench->outcome);
        wait_for(&bench->outcome);
        g_unsetenv("no_proxy");
        g_assert_cmpint(bench->outcome.error, ==, -ECONNREFUSED);
        g_assert_cmpuint(__atomic_load_n(&bench->fake.n_connections, __ATOMIC_SEQ_CST), ==, 0);
        close(unheard);
}

static void test_proxy_asked(Bench *bench, gconstpointer unused)
{
        g_autofree char *proxy = g_strdup_printf("http://127.0.0.1:%u", bench->fake.port);

        fetch_start(bench->fetcher,
                    &(FetchOptions){ .url = "https://sso.example.com/", .proxy = proxy }, on_done,
                    &bench->outcome);
        wait_for(&bench->outcome);
        g_autofree char *head = fake_head(&bench->fake);
        g_test_message("%s", bench->outcome.trouble);
        g_assert_true(g_str_has_prefix(head, "CONNECT sso.example.com:443 HTTP/1.1\r\n"));
        g_assert_cmpint(bench->outcome.error, !=, 0);
}

static void test_proxy_refused(Bench *bench, gconstpointer unused)
{
        static const FetchOptions refused[] = {
                { .url = "https://sso.example.com/", .proxy = "http://me:secret@127.0.0.1:1" },
                { .url = "http://127.0.0.1:1/", .proxy = "http://127.0.0.1:1" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
                fetch_start(bench->fetcher, &refused[i], on_done, &bench->outcome);
                wait_for(&bench->outcome);
                g_assert_cmpint(bench->outcome.error, ==, -EPERM);
                g_assert_null(strstr(bench->outcome.trouble, "secret"));
                outcome_clear(&bench->outcome);
        }
}

static void test_cancelled(Bench *bench, gconstpointer unused)
{
        Outcome other = { 0 };
        Fetch *hanging = start(bench, "/hang", (FetchOptions){ .deadline_usec = SHORT_USEC });
        Fetch *refused = fetch_start(bench->fetcher, &(FetchOptions){ .url = "ftp://a/" }, on_done,
                                     &bench->outcome);

        fetch_cancel(refused);
        while (__atomic_load_n(&bench->fake.n_connections, __ATOMIC_SEQ_CST) == 0)
                g_main_context_iteration(NULL, FALSE);
        fetch_cancel(hanging);
        fetch_cancel(NULL);
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/plain", bench->fake.port);

        fetch_start(bench->fetcher, &(FetchOptions){ .url = url }, on_done, &other);
        wait_for(&other);
        g_assert_cmpuint(bench->outcome.n_calls, ==, 0);
        outcome_clear(&other);
}

/* A callback starts the next one and cancels another: both are allowed. */
typedef struct Chain {
        Bench *bench;
        Fetch *victim;
} Chain;

static void on_first(const FetchAnswer *answer, void *userdata)
{
        Chain *chain = userdata;

        g_assert_cmpint(answer->error, ==, 0);
        fetch_cancel(chain->victim);
        start(chain->bench, "/plain", (FetchOptions){ 0 });
}

static void test_from_callback(Bench *bench, gconstpointer unused)
{
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/plain", bench->fake.port);
        Outcome never = { 0 };
        Chain chain = { bench, NULL };

        fetch_start(bench->fetcher, &(FetchOptions){ .url = url }, on_first, &chain);
        chain.victim = fetch_start(bench->fetcher, &(FetchOptions){ .url = url }, on_done, &never);
        wait_for(&bench->outcome);
        g_assert_cmpuint(never.n_calls, ==, 0);
}

static void test_freed_under_way(Bench *bench, gconstpointer unused)
{
        start(bench, "/hang", (FetchOptions){ 0 });
        while (__atomic_load_n(&bench->fake.n_connections, __ATOMIC_SEQ_CST) == 0)
                g_main_context_iteration(NULL, FALSE);
        fetch_start(bench->fetcher, &(FetchOptions){ .url = "ftp://a/" }, on_done, &bench->outcome);
        /* bench_teardown frees the fetcher; nobody is called. */
}

typedef struct UrlRow {
        const char *url;
        bool allowed;
} UrlRow;

static const UrlRow urls[] = {
        { "https://sso.example.com/realms/a", true },
        { "https://sso.example.com:8443/", true },
        { "http://localhost:8080/", true },
        { "http://127.0.0.1:8080/", true },
        { "http://127.9.9.9/", true },
        { "http://[::1]:8080/", true },
        { "http://sso.example.com/", false },
        { "http://localhost.example.com/", false },
        { "http://127.0.0.1.example.com/", false },
        { "http://128.0.0.1/", false },
        { "http://0.0.0.0/", false },
        { "http://[::]/", false },
        { "http://localhost@sso.example.com/", false },
        { "https://user:secret@sso.example.com/", false },
        { "http://sso.example.com/#@localhost", false },
        { "http://sso.example.com\\@localhost/", false },
        { "ftp://localhost/", false },
        { "file:///etc/passwd", false },
        { "sso.example.com", false },
        { "//sso.example.com/", false },
        { "", false },
        { NULL, false },
};

static void test_url(gconstpointer userdata)
{
        const UrlRow *row = userdata;
        const char *why = NULL;

        g_assert_cmpint(fetch_url_allowed(row->url, &why), ==, row->allowed);
        g_assert_cmpint(why != NULL, ==, !row->allowed);
}

static const UrlRow proxies[] = {
        { "http://proxy.example.com:3128", true },
        { "http://proxy.example.com:3128/", true },
        { "https://proxy.example.com:443", true },
        { "socks5h://127.0.0.1:1080", true },
        { "http://[::1]:3128", true },
        { "socks5://127.0.0.1:1080", false }, /* would look the name up here */
        { "socks4://127.0.0.1:1080", false },
        { "http://proxy.example.com", false },
        { "proxy.example.com:3128", false },
        { "http://me@proxy.example.com:3128", false },
        { "http://me:secret@proxy.example.com:3128", false },
        { "http://proxy.example.com:3128/path", false },
        { "http://proxy.example.com:3128/?query", false },
        { "http://proxy.example.com:3128#part", false },
        { "http://proxy.example.com:99999", false },
        { "", false },
        { NULL, false },
};

static void test_proxy(gconstpointer userdata)
{
        const UrlRow *row = userdata;
        const char *why = NULL;

        g_test_message("%s", row->url);
        g_assert_cmpint(fetch_proxy_allowed(row->url, &why), ==, row->allowed);
        g_assert_cmpint(why != NULL, ==, !row->allowed);
}

static const struct {
        const char *name;
        void (*test)(Bench *bench, gconstpointer unused);
} tests[] = {
        { "the headers that matter come along", test_headers_come },
        { "Retry-After comes in seconds", test_retry_after },
        { "a form is sent with its credentials", test_form },
        { "JSON is put with its header lines", test_put_json },
        { "what its caller cannot make is answered by the loop", test_refuse },
        { "a connection serves five times", test_reuse },
        { "a closed port is told as such", test_refused },
        { "no TLS where it should be is told", test_no_tls },
        { "a missing CA file is told", test_ca_file_missing },
        { "plain http to others is refused by the loop", test_plain_http },
        { "proxies of the environment are ignored", test_proxy_ignored },
        { "and so are their exceptions", test_exception_ignored },
        { "a proxy is asked for a way, not for the page", test_proxy_asked },
        { "a proxy with a password, or for plain http, is refused", test_proxy_refused },
        { "who was cancelled is not called", test_cancelled },
        { "a callback may start and cancel", test_from_callback },
        { "a fetcher freed under way calls nobody", test_freed_under_way },
};

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strdup_printf("/fetch/%s", rows[i].name);

                g_test_add(path, Bench, &rows[i], bench_setup, test_row, bench_teardown);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strdup_printf("/fetch/%s", tests[i].name);

                g_test_add(path, Bench, NULL, bench_setup, tests[i].test, bench_teardown);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
                g_autofree char *path = g_strdup_printf(
                    "/fetch/url/%zu %s", i, urls[i].allowed ? "is allowed" : "is refused");

                g_test_add_data_func(path, &urls[i], test_url);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(proxies); i++) {
                g_autofree char *path = g_strdup_printf(
                    "/fetch/proxy/%zu %s", i, proxies[i].allowed ? "is allowed" : "is refused");

                g_test_add_data_func(path, &proxies[i], test_proxy);
        }
        return g_test_run();
}

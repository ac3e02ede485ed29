/* test_client: a client against a fake daemon that fails in each way that daemons fail, and against
 * hosts that fork, close and thread. */
#include "authd.h"
#include "fake_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT_MS           60   /* a deadline that is meant to pass */
#define LONG_MS            5000 /* one that is not */
#define NOBODY             65534
#define N_THREADS          64
#define N_QUESTIONS        20 /* of each */
#define HIGH_FD            1100

#define HTTP(status, body) "HTTP/1.1 " status "\r\nContent-Length: " body
#define NO_BODY                                                                                    \
        "{\"verdict\":\"invalid\",\"reason\":\"expired\",\"detail\":\"Old.\",\"issuer\":null,"     \
        "\"policy\":\"o\","                                                                        \
        "\"until\":null,\"headers\":{},\"claims\":null}"

static authd *client_at(const char *path, int timeout_ms)
{
        struct authd_options options = { .size = sizeof(options),
                                         .socket = path,
                                         .timeout_ms = timeout_ms };
        authd *client = NULL;

        g_assert_cmpint(authd_open(&client, &options), ==, 0);
        return client;
}

static int check(authd *client, const char *token)
{
        authd_verdict *verdict = (authd_verdict *) client; /* must be overwritten */
        int r = authd_check(client, token, "orders", &verdict);

        if (r == 0) {
                g_assert_cmpint(authd_verdict_class(verdict), ==, AUTHD_VALID);
                g_assert_cmpstr(authd_verdict_subject(verdict), ==, token);
        } else
                g_assert_null(verdict);
        authd_verdict_free(verdict);
        return r;
}

static guint n_open_fds(void)
{
        g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
        guint n = 0;

        while (g_dir_read_name(folder))
                n++;
        return n;
}

/* --- opening -------------------------------------------------------------------------------- */

static void test_open_refused(void)
{
        g_autofree char *longest = g_strdup_printf("/%0107d", 0);
        struct authd_options rows[] = {
                { .size = 1 },
                { .size = sizeof(rows[0]), .socket = "authd.sock" },
                { .size = sizeof(rows[0]), .socket = longest },
                { .size = sizeof(rows[0]), .timeout_ms = -1 },
                { .size = sizeof(rows[0]), .has_trusted_uid = 1, .trusted_uid = UINT32_MAX },
        };
        authd *client = NULL;

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                g_assert_cmpint(authd_open(&client, &rows[i]), ==, AUTHD_E_INVALID);
        g_assert_cmpint(authd_open(NULL, NULL), ==, AUTHD_E_INVALID);
        g_assert_null(client);
        authd_close(NULL);
}

/* A program compiled against a later header has longer structures; what we do not know must be
 * unused. */
static void test_open_later_header(void)
{
        struct {
                struct authd_options ours;
                long later;
        } options = { { .size = sizeof(options) }, 0 };
        authd *client = NULL;

        g_assert_cmpint(authd_open(&client, &options.ours), ==, 0);
        authd_close(client);
        options.later = 1;
        g_assert_cmpint(authd_open(&client, &options.ours), ==, AUTHD_E_INVALID);
}

static void test_environment(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client;

        g_setenv("AUTHD_SOCKET", fake_path(fake), TRUE);
        g_assert_cmpint(authd_open(&client, NULL), ==, 0);
        g_unsetenv("AUTHD_SOCKET");
        g_assert_cmpint(check(client, "t"), ==, 0);
        authd_close(client);
}

static void test_arguments(void)
{
        authd *client = client_at("/nowhere/authd.sock", SHORT_MS);
        struct authd_question question = { .size = 1, .token = "t" };
        authd_verdict *verdict = (authd_verdict *) client;
        authd_call *call = (authd_call *) client;

        g_assert_cmpint(authd_check(client, NULL, NULL, &verdict), ==, AUTHD_E_INVALID);
        g_assert_null(verdict);
        g_assert_cmpint(authd_check(client, "a\nb", NULL, &verdict), ==, AUTHD_E_INVALID);
        g_assert_cmpint(authd_check(client, "t", NULL, NULL), ==, AUTHD_E_INVALID);
        g_assert_cmpint(authd_check(NULL, "t", NULL, &verdict), ==, AUTHD_E_INVALID);
        g_assert_cmpint(authd_ask(client, &question, &verdict), ==, AUTHD_E_INVALID);
        g_assert_cmpint(authd_submit(client, &question, &call), ==, AUTHD_E_INVALID);
        g_assert_null(call);
        g_assert_cmpint(authd_call_process(NULL, &verdict), ==, AUTHD_E_INVALID);
        authd_call_free(NULL);
        authd_close(client);
}

/* --- what a daemon does --------------------------------------------------------------------- */

typedef struct FaultRow {
        const char *sentence;
        FakeScript script;
        int result;
        gboolean at_deadline; /* it takes as long as that */
        gboolean once;        /* not again with an event loop: slow, and the same code */
} FaultRow;

static const FaultRow fault_rows[] = {
        { "it answers", { 0 }, 0, FALSE },
        { "it answers byte by byte", { .slice = 1 }, 0, FALSE },
        { "it closes after its answer", { .end = FAKE_CLOSES }, 0, FALSE },
        { "it drops the question once", { .n_dropped = 1 }, 0, FALSE },
        { "it drops the question five times", { .n_dropped = 5 }, 0, FALSE, TRUE },
        { "it drops each question", { .n_dropped = G_MAXUINT }, AUTHD_E_CLOSED, FALSE, TRUE },
        { "it closes in mid-answer, each time",
          { .n_sent = 60, .end = FAKE_CLOSES },
          AUTHD_E_CLOSED,
          FALSE,
          TRUE },
        { "it dies before its answer",
          { .answer = "", .end = FAKE_DIES },
          AUTHD_E_ABSENT,
          FALSE,
          TRUE },
        { "it dies in mid-answer", { .n_sent = 60, .end = FAKE_DIES }, AUTHD_E_ABSENT, FALSE },
        { "it hangs", { .silent = TRUE }, AUTHD_E_TIMEOUT, TRUE },
        { "it is stopped in mid-answer",
          { .n_sent = 60, .end = FAKE_STOPS },
          AUTHD_E_TIMEOUT,
          TRUE },
        { "it trickles without end",
          { .slice = 1, .pause_usec = 5000 },
          AUTHD_E_TIMEOUT,
          TRUE,
          TRUE },
        { "it says what is no HTTP",
          { .answer = "SSH-2.0-OpenSSH_9.2\r\n" },
          AUTHD_E_PROTOCOL,
          FALSE },
        { "it says what is no JSON",
          { .answer = HTTP("200 OK", "2\r\n\r\nhi") },
          AUTHD_E_PROTOCOL,
          FALSE },
        { "it says more than it announced",
          { .answer = HTTP("200 OK", "2\r\n\r\n{}}") },
          AUTHD_E_PROTOCOL,
          FALSE },
        { "it says NULs", { .answer = "\0\0\0\n", .answer_size = 4 }, AUTHD_E_PROTOCOL, FALSE },
        { "it announces too much",
          { .answer = HTTP("200 OK", "1048577\r\n\r\n") },
          AUTHD_E_PROTOCOL,
          FALSE },
};

static void test_fault(gconstpointer argument)
{
        const FaultRow *row = argument;
        int timeout_ms = row->at_deadline ? SHORT_MS : LONG_MS;
        g_autoptr(Fake) fake = fake_new(&row->script);
        authd *client = client_at(fake_path(fake), timeout_ms);
        guint n_before = n_open_fds();
        gint64 began = g_get_monotonic_time();
        int r = check(client, "token");
        gint64 took_ms = (g_get_monotonic_time() - began) / 1000;

        g_assert_cmpint(r, ==, row->result);
        g_assert_cmpint(took_ms >= timeout_ms, ==, row->at_deadline);
        g_assert_cmpint(took_ms, <, timeout_ms + 1000); /* room for a busy machine */
        if (r != 0)                                     /* a connection that failed is not kept */
                g_assert_cmpuint(n_open_fds(), ==, n_before);
        authd_close(client);
        g_assert_cmpuint(n_open_fds(), <=, n_before);
}

static void test_absent(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *nowhere = client_at("/nowhere/authd.sock", LONG_MS);
        authd *client = client_at(fake_path(fake), LONG_MS);
        gint64 began = g_get_monotonic_time();

        fake_kill(fake);
        g_assert_cmpint(check(nowhere, "t"), ==, AUTHD_E_ABSENT);
        g_assert_cmpint(check(client, "t"), ==, AUTHD_E_ABSENT);
        g_assert_cmpint(g_get_monotonic_time() - began, <, 200000); /* at once */
        authd_close(nowhere);
        authd_close(client);
}

static void test_no(void)
{
        g_autofree char *answer = g_strdup_printf(
            "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(NO_BODY), NO_BODY);
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .answer = answer });
        authd *client = client_at(fake_path(fake), LONG_MS);
        authd_verdict *verdict;

        g_assert_cmpint(authd_check(client, "t", NULL, &verdict), ==, 0);
        g_assert_cmpint(authd_verdict_class(verdict), ==, AUTHD_INVALID);
        g_assert_cmpstr(authd_verdict_reason(verdict), ==, "expired");
        authd_verdict_free(verdict);
        authd_close(client);
}

static void test_refused(void)
{
        static const char body[] =
            "{\"error\":\"unknown_policy\",\"detail\":\"No policy is called so.\"}";
        g_autofree char *answer = g_strdup_printf(
            "HTTP/1.1 404 Not Found\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .answer = answer });
        authd *client = client_at(fake_path(fake), LONG_MS);
        authd_verdict *verdict;

        g_assert_cmpint(authd_check(client, "t", "x", &verdict), ==, AUTHD_E_NO_POLICY);
        g_assert_cmpint(authd_verdict_class(verdict), ==, AUTHD_UNAVAILABLE);
        g_assert_cmpstr(authd_verdict_detail(verdict), ==, "No policy is called so.");
        authd_verdict_free(verdict);
        g_assert_cmpint(authd_check(client, "t", "x", &verdict), ==, AUTHD_E_NO_POLICY);
        authd_verdict_free(verdict);
        g_assert_cmpuint(fake_n_connections(fake), ==, 1); /* a refusal is no reason to part */
        authd_close(client);
}

static void test_kept(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client = client_at(fake_path(fake), LONG_MS);

        for (int i = 0; i < 100; i++)
                g_assert_cmpint(check(client, "t"), ==, 0);
        g_assert_cmpuint(fake_n_connections(fake), ==, 1);
        authd_close(client);
}

/* An answer that says that it is the last is believed. */
static void test_closes(void)
{
        static const char body[] = "{\"error\":\"x\",\"detail\":\"\"}";
        g_autofree char *answer =
            g_strdup_printf("HTTP/1.1 400 B\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                            strlen(body), body);
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .answer = answer });
        authd *client = client_at(fake_path(fake), LONG_MS);
        authd_verdict *verdict;

        for (guint i = 1; i <= 3; i++) {
                g_assert_cmpint(authd_check(client, "t", "x", &verdict), ==, AUTHD_E_REFUSED);
                authd_verdict_free(verdict);
                g_assert_cmpuint(fake_n_connections(fake), ==, i);
        }
        authd_close(client);
}

/* What comes unasked on a kept connection must not become the next question's answer. */
static void test_unasked(void)
{
        static const char late[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        static const char body[] = "{\"error\":\"first\",\"detail\":\"\"}";
        g_autofree char *answer = g_strdup_printf(
            "HTTP/1.1 400 B\r\nContent-Length: %zu\r\n\r\n%s%s", strlen(body), body, late);
        /* Two slices, so that the second comes when the first has been read as whole. */
        g_autoptr(Fake) fake = fake_new(&(FakeScript){
            .answer = answer, .slice = strlen(answer) - strlen(late), .pause_usec = 20000 });
        authd *client = client_at(fake_path(fake), LONG_MS);
        authd_verdict *verdict;

        g_assert_cmpint(authd_check(client, "t", "x", &verdict), ==, AUTHD_E_REFUSED);
        authd_verdict_free(verdict);
        g_usleep(60000); /* the fake's own pause and more */
        g_assert_cmpint(authd_check(client, "t", "x", &verdict), ==, AUTHD_E_REFUSED);
        g_assert_cmpstr(authd_verdict_reason(verdict), ==, "first");
        authd_verdict_free(verdict);
        g_assert_cmpuint(fake_n_connections(fake), ==, 2);
        authd_close(client);
}

static void test_restart(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client = client_at(fake_path(fake), LONG_MS);

        for (int i = 0; i < 5; i++) {
                g_assert_cmpint(check(client, "t"), ==, 0);
                fake_restart(fake, &(FakeScript){ 0 });
        }
        g_assert_cmpint(check(client, "t"), ==, 0);
        authd_close(client);
}

/* The question goes out on the connection that was kept, and only then nothing comes back. */
static void test_stopped_later(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .end = FAKE_STOPS });
        authd *client = client_at(fake_path(fake), SHORT_MS);
        gint64 began, took_ms;

        g_assert_cmpint(check(client, "t"), ==, 0);
        began = g_get_monotonic_time();
        g_assert_cmpint(check(client, "t"), ==, AUTHD_E_TIMEOUT);
        took_ms = (g_get_monotonic_time() - began) / 1000;
        g_assert_cmpint(took_ms, >=, SHORT_MS);
        g_assert_cmpint(took_ms, <, SHORT_MS + 1000);
        authd_close(client);
}

static void test_longest_token(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .slice = 1000 });
        authd *client = client_at(fake_path(fake), LONG_MS);
        g_autofree char *token = g_strnfill(AUTHD_TOKEN_SIZE_MAX, 'a');

        g_assert_cmpint(check(client, token), ==, 0);
        authd_close(client);
}

/* --- who answers ---------------------------------------------------------------------------- */

static gboolean skipped_without_root(void)
{
        if (geteuid() == 0)
                return FALSE;
        g_test_skip("another user's process can be started by root alone");
        return TRUE;
}

static int check_trusting(const Fake *fake, gboolean has_uid, uid_t uid)
{
        struct authd_options options = { .size = sizeof(options),
                                         .socket = fake_path(fake),
                                         .timeout_ms = LONG_MS,
                                         .has_trusted_uid = has_uid,
                                         .trusted_uid = uid };
        authd *client;
        int r;

        g_assert_cmpint(authd_open(&client, &options), ==, 0);
        r = check(client, "t");
        authd_close(client);
        return r;
}

static void test_wrong_uid(void)
{
        if (skipped_without_root())
                return;
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .uid = NOBODY });

        g_assert_cmpint(check_trusting(fake, FALSE, 0), ==, AUTHD_E_UNTRUSTED);
        g_assert_cmpint(check_trusting(fake, FALSE, NOBODY), ==, AUTHD_E_UNTRUSTED);
        g_assert_cmpint(check_trusting(fake, TRUE, NOBODY - 1), ==, AUTHD_E_UNTRUSTED);
        g_assert_cmpuint(fake_n_questions(fake), ==, 0); /* the token was not shown to it */
        g_assert_cmpint(check_trusting(fake, TRUE, NOBODY), ==, 0);
}

static void test_folder_owner(void)
{
        if (skipped_without_root())
                return;
        /* In /tmp anybody can make a folder of his own; in /run root alone. */
        g_autoptr(Fake) anybodys =
            fake_new(&(FakeScript){ .uid = NOBODY, .folder_uid = NOBODY, .parent = "/tmp" });
        g_autoptr(Fake) given =
            fake_new(&(FakeScript){ .uid = NOBODY, .folder_uid = NOBODY, .parent = "/run" });
        g_autoptr(Fake) anothers =
            fake_new(&(FakeScript){ .uid = NOBODY, .folder_uid = 12345, .parent = "/run" });

        g_assert_cmpint(check_trusting(anybodys, FALSE, 0), ==, AUTHD_E_UNTRUSTED);
        g_assert_cmpint(check_trusting(given, FALSE, 0), ==, 0);
        g_assert_cmpint(check_trusting(anothers, FALSE, 0), ==, AUTHD_E_UNTRUSTED);
}

/* --- hosts ---------------------------------------------------------------------------------- */

static gpointer ask_often(gpointer argument)
{
        authd *client = argument;
        g_autofree char *token = g_strdup_printf("token-%p", (void *) g_thread_self());

        for (int i = 0; i < N_QUESTIONS; i++)
                g_assert_cmpint(check(client, token), ==, 0); /* and the answer is one's own */
        return NULL;
}

static void start_threads(GThread *threads[N_THREADS], authd *client)
{
        for (int i = 0; i < N_THREADS; i++)
                threads[i] = g_thread_new("asks", ask_often, client);
}

static void join_threads(GThread *threads[N_THREADS])
{
        for (int i = 0; i < N_THREADS; i++)
                g_thread_join(threads[i]);
}

static void test_threads(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client = client_at(fake_path(fake), LONG_MS);
        GThread *threads[N_THREADS];
        guint n_before = n_open_fds();

        start_threads(threads, client);
        join_threads(threads);
        g_assert_cmpuint(fake_n_questions(fake), ==, N_THREADS * N_QUESTIONS);
        g_assert_cmpuint(fake_n_connections(fake), <=, N_THREADS);
        authd_close(client);
        g_assert_cmpuint(n_open_fds(), ==, n_before);
}

static void test_kept_at_most(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        struct authd_options options = { .size = sizeof(options),
                                         .socket = fake_path(fake),
                                         .timeout_ms = LONG_MS,
                                         .max_connections = 2 };
        GThread *threads[N_THREADS];
        guint n_before = n_open_fds();
        authd *client;

        g_assert_cmpint(authd_open(&client, &options), ==, 0);
        start_threads(threads, client);
        join_threads(threads);
        g_assert_cmpuint(n_open_fds(), <=, n_before + 2);
        authd_close(client);
}

/* in_child: runs test in a child, which must succeed within seconds. */
static void in_child(void (*test)(gpointer argument), gpointer argument)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                alarm(20);
                test(argument);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static void child_asks_and_closes(gpointer argument)
{
        g_assert_cmpint(check(argument, "child"), ==, 0);
        g_assert_cmpint(check(argument, "child"), ==, 0);
        authd_close(argument);
}

static void test_fork(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client = client_at(fake_path(fake), LONG_MS);

        g_assert_cmpint(check(client, "parent"), ==, 0);
        in_child(child_asks_and_closes, client);
        g_assert_cmpuint(fake_n_connections(fake), ==, 2); /* the child's own, once */
        g_assert_cmpint(check(client, "parent"), ==, 0);
        g_assert_cmpuint(fake_n_connections(fake), ==, 2); /* and the parent's is still there */
        authd_close(client);
}

static void child_only_closes(gpointer argument)
{
        authd_close(argument);
}

static void test_fork_and_close(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client = client_at(fake_path(fake), LONG_MS);

        g_assert_cmpint(check(client, "parent"), ==, 0);
        in_child(child_only_closes, client);
        g_assert_cmpint(check(client, "parent"), ==, 0);
        g_assert_cmpuint(fake_n_connections(fake), ==, 1);
        authd_close(client);
}

/* Forked while other threads are in mid-question: nothing that they held holds the child up. */
static void test_fork_among_threads(void)
{
#ifdef __SANITIZE_THREAD__
        g_test_skip("ThreadSanitizer sees the parent's threads run on in its child");
        return;
#endif
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client = client_at(fake_path(fake), LONG_MS);
        GThread *threads[N_THREADS];

        start_threads(threads, client);
        for (int i = 0; i < 8; i++)
                in_child(child_asks_and_closes, client);
        join_threads(threads);
        authd_close(client);
}

/* A child that tidied up has other things under our descriptors' numbers. */
static void child_closed_all(gpointer argument)
{
        struct stat before, after;
        int fd;

        g_assert_cmpint(close_range(3, ~0U, 0), ==, 0);
        fd = open("/dev/null", O_RDONLY);
        while (fd >= 0 && fd < 20)
                fd = open("/dev/null", O_RDONLY);
        g_assert_cmpint(fstat(10, &before), ==, 0);
        g_assert_cmpint(check(argument, "child"), ==, 0);
        authd_close(argument);
        for (fd = 3; fd < 20; fd++) {
                g_assert_cmpint(fstat(fd, &after), ==, 0);
                g_assert_cmpuint(after.st_rdev, ==, before.st_rdev);
        }
}

static void test_closed_behind_our_back(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client = client_at(fake_path(fake), LONG_MS);

        g_assert_cmpint(check(client, "parent"), ==, 0);
        in_child(child_closed_all, client);
        authd_close(client);
}

/* The same without a fork: the descriptor is another socket of the host's now. */
static void test_replaced_behind_our_back(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client = client_at(fake_path(fake), LONG_MS);
        int probe = open("/dev/null", O_RDONLY);
        int pair[2], ours = probe;
        char byte;

        close(probe); /* the number that our connection will get */
        g_assert_cmpint(check(client, "t"), ==, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
        g_assert_cmpint(dup2(pair[0], ours), ==, ours);
        g_assert_cmpint(check(client, "t"), ==, 0);
        g_assert_cmpint(recv(pair[1], &byte, 1, MSG_DONTWAIT), ==, -1); /* no token came here */
        authd_close(client);
        g_assert_cmpint(fcntl(ours, F_GETFD), >=, 0); /* nor was it closed */
        close(ours);
        close(pair[0]);
        close(pair[1]);
}

static void child_without_streams(gpointer argument)
{
        authd *client = client_at(argument, LONG_MS);

        close(0);
        close(1);
        close(2);
        if (check(client, "t") != 0)
                _exit(1);
        for (int fd = 0; fd <= 2; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        _exit(2);
        authd_close(client);
}

static void test_closed_streams(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });

        in_child(child_without_streams, (gpointer) fake_path(fake));
}

static void child_with_many_fds(gpointer argument)
{
        struct rlimit limit;
        authd *client = client_at(argument, LONG_MS);
        guint n_before;

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        limit.rlim_cur = MIN(limit.rlim_max, HIGH_FD + 10);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        while (open("/dev/null", O_RDONLY) < HIGH_FD)
                ;
        n_before = n_open_fds();
        g_assert_cmpint(check(client, "t"), ==, 0);
        g_assert_cmpint(fcntl(HIGH_FD + 1, F_GETFD), ==, FD_CLOEXEC);
        authd_close(client);
        g_assert_cmpuint(n_open_fds(), ==, n_before);
}

static void test_high_descriptors(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });

        in_child(child_with_many_fds, (gpointer) fake_path(fake));
}

static void child_without_fds(gpointer argument)
{
        authd *client = client_at(argument, LONG_MS);

        while (open("/dev/null", O_RDONLY) >= 0)
                ;
        g_assert_cmpint(check(client, "t"), ==, AUTHD_E_MEMORY);
        close(5);
        g_assert_cmpint(check(client, "t"), ==, 0); /* it recovers */
        authd_close(client);
}

static void test_no_descriptors(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });

        in_child(child_without_fds, (gpointer) fake_path(fake));
}

static void on_signal(int number)
{
        (void) number;
}

/* check_among_signals: under one every 3 ms; how long it takes, in usec. */
static gint64 check_among_signals(authd *client, int result)
{
        struct itimerval often = { { 0, 3000 }, { 0, 3000 } }, never = { { 0, 0 }, { 0, 0 } };
        struct sigaction action = { .sa_handler = on_signal }, before;
        gint64 began = g_get_monotonic_time();

        sigaction(SIGALRM, &action, &before);
        setitimer(ITIMER_REAL, &often, NULL);
        g_assert_cmpint(check(client, "t"), ==, result);
        setitimer(ITIMER_REAL, &never, NULL);
        sigaction(SIGALRM, &before, NULL);
        return g_get_monotonic_time() - began;
}

static void test_signals_and_silence(void)
{
        static const FakeScript scripts[] = { { .silent = TRUE }, { .end = FAKE_STOPS } };

        for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++) {
                g_autoptr(Fake) fake = fake_new(&scripts[i]);
                authd *client = client_at(fake_path(fake), SHORT_MS);
                gint64 took_usec;

                if (!scripts[i].silent) /* then on a kept connection */
                        g_assert_cmpint(check(client, "t"), ==, 0);
                took_usec = check_among_signals(client, AUTHD_E_TIMEOUT);
                g_assert_cmpint(took_usec, >=, SHORT_MS * 1000);
                g_assert_cmpint(took_usec, <, SHORT_MS * 1000 + 1000000);
                authd_close(client);
        }
}

static void test_signals_and_answers(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .pause_usec = 20000 });
        authd *client = client_at(fake_path(fake), LONG_MS);

        check_among_signals(client, 0); /* on a new connection */
        check_among_signals(client, 0); /* on a kept one */
        g_assert_cmpuint(fake_n_questions(fake), ==, 2);
        g_assert_cmpuint(fake_n_connections(fake), ==, 1);
        authd_close(client);
}

/* --- event loops ---------------------------------------------------------------------------- */

static int drive(authd_call *call, authd_verdict **ret_verdict)
{
        int r;

        while ((r = authd_call_process(call, ret_verdict)) == AUTHD_PENDING) {
                struct pollfd waited = { authd_call_fd(call), authd_call_events(call), 0 };

                poll(&waited, 1, authd_call_timeout_ms(call));
        }
        return r;
}

static void test_event_loop(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ 0 });
        authd *client = client_at(fake_path(fake), LONG_MS);
        struct authd_question question = { .size = sizeof(question), .policy = "orders" };
        authd_call *calls[8];
        authd_verdict *verdict;

        for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
                char token[8];

                g_snprintf(token, sizeof(token), "t%zu", i);
                question.token = token;
                g_assert_cmpint(authd_submit(client, &question, &calls[i]), ==, 0);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
                g_autofree char *token = g_strdup_printf("t%zu", i);

                g_assert_cmpint(drive(calls[i], &verdict), ==, 0);
                g_assert_cmpstr(authd_verdict_subject(verdict), ==, token);
                authd_verdict_free(verdict);
                g_assert_cmpint(authd_call_process(calls[i], &verdict), ==, 0);
                g_assert_null(verdict); /* given out once */
                authd_call_free(calls[i]);
        }
        /* One that was answered at once has left its connection to the next. */
        g_assert_cmpuint(fake_n_connections(fake), <=, G_N_ELEMENTS(calls));
        authd_close(client);
}

static void test_event_loop_fault(gconstpointer argument)
{
        const FaultRow *row = argument;
        g_autoptr(Fake) fake = fake_new(&row->script);
        authd *client = client_at(fake_path(fake), row->at_deadline ? SHORT_MS : LONG_MS);
        struct authd_question question = { .size = sizeof(question), .token = "token" };
        authd_verdict *verdict;
        authd_call *call;

        g_assert_cmpint(authd_submit(client, &question, &call), ==, 0);
        g_assert_cmpint(drive(call, &verdict), ==, row->result);
        g_assert_cmpint(verdict != NULL, ==, row->result == 0);
        g_assert_cmpint(authd_call_fd(call), ==, -1);
        g_assert_cmpint(authd_call_events(call), ==, 0);
        g_assert_cmpint(authd_call_timeout_ms(call), ==, 0);
        authd_verdict_free(verdict);
        authd_call_free(call);
        authd_close(client);
}

static void test_abandoned_call(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .silent = TRUE });
        authd *client = client_at(fake_path(fake), LONG_MS);
        struct authd_question question = { .size = sizeof(question), .token = "t" };
        guint n_before = n_open_fds();
        authd_verdict *verdict;
        authd_call *call;

        g_assert_cmpint(authd_submit(client, &question, &call), ==, 0);
        g_assert_cmpint(authd_call_process(call, &verdict), ==, AUTHD_PENDING);
        g_assert_cmpuint(n_open_fds(), ==, n_before + 1);
        authd_call_free(call);
        g_assert_cmpuint(n_open_fds(), ==, n_before);
        authd_close(client);
}

static void child_frees_call(gpointer argument)
{
        authd_verdict *verdict;

        g_assert_cmpint(authd_call_process(argument, &verdict), ==, AUTHD_E_INVALID);
        authd_call_free(argument);
}

static void test_call_in_child(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .pause_usec = 50000 });
        authd *client = client_at(fake_path(fake), LONG_MS);
        struct authd_question question = { .size = sizeof(question), .token = "t" };
        authd_verdict *verdict;
        authd_call *call;

        g_assert_cmpint(authd_submit(client, &question, &call), ==, 0);
        in_child(child_frees_call, call);
        g_assert_cmpint(drive(call, &verdict), ==, 0);
        authd_verdict_free(verdict);
        authd_call_free(call);
        authd_close(client);
}

/* What the parent has under way is open in the child, too, until the child first asks. */
static void child_tidies_up(gpointer argument)
{
        guint n_before = n_open_fds();

        g_assert_cmpint(check(argument, "t"), ==, AUTHD_E_TIMEOUT);
        g_assert_cmpuint(n_open_fds(), ==, n_before - 1);
}

static void test_call_left_to_child(void)
{
        g_autoptr(Fake) fake = fake_new(&(FakeScript){ .silent = TRUE });
        authd *client = client_at(fake_path(fake), SHORT_MS);
        struct authd_question question = { .size = sizeof(question), .token = "t" };
        authd_call *call;

        g_assert_cmpint(authd_submit(client, &question, &call), ==, 0);
        in_child(child_tidies_up, client);
        authd_call_free(call);
        authd_close(client);
}

static void add_faults(const char *group, GTestDataFunc test, gboolean again)
{
        for (gsize i = 0; i < G_N_ELEMENTS(fault_rows); i++) {
                if (again && fault_rows[i].once)
                        continue;
                g_autofree char *path =
                    g_strdup_printf("/client/%s/%s", group, fault_rows[i].sentence);

                g_test_add_data_func(path, &fault_rows[i], test);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/open/options that are wrong", test_open_refused);
        g_test_add_func("/client/open/options of a later header", test_open_later_header);
        g_test_add_func("/client/open/the environment names the socket", test_environment);
        g_test_add_func("/client/arguments that are wrong", test_arguments);
        add_faults("fault", test_fault, FALSE);
        g_test_add_func("/client/nobody is there", test_absent);
        g_test_add_func("/client/a no is a verdict, not an error", test_no);
        g_test_add_func("/client/a refusal comes with its detail", test_refused);
        g_test_add_func("/client/one connection serves a hundred questions", test_kept);
        g_test_add_func("/client/a connection that was said to close is not kept", test_closes);
        g_test_add_func("/client/what comes unasked is no answer", test_unasked);
        g_test_add_func("/client/the daemon restarts between two questions", test_restart);
        g_test_add_func("/client/the daemon is stopped between two questions", test_stopped_later);
        g_test_add_func("/client/the longest token", test_longest_token);
        g_test_add_func("/client/trust/a server of another user", test_wrong_uid);
        g_test_add_func("/client/trust/the owner of a folder that root gave him",
                        test_folder_owner);
        g_test_add_func("/client/host/64 threads", test_threads);
        g_test_add_func("/client/host/no more connections are kept than wanted", test_kept_at_most);
        g_test_add_func("/client/host/a child asks", test_fork);
        g_test_add_func("/client/host/a child closes", test_fork_and_close);
        g_test_add_func("/client/host/children of a process whose threads ask",
                        test_fork_among_threads);
        g_test_add_func("/client/host/a child that closed all descriptors",
                        test_closed_behind_our_back);
        g_test_add_func("/client/host/a descriptor that became another socket",
                        test_replaced_behind_our_back);
        g_test_add_func("/client/host/descriptors 0 to 2 are closed", test_closed_streams);
        g_test_add_func("/client/host/descriptors over 1024", test_high_descriptors);
        g_test_add_func("/client/host/no descriptor is left", test_no_descriptors);
        g_test_add_func("/client/host/signals and no answer", test_signals_and_silence);
        g_test_add_func("/client/host/signals before the answer", test_signals_and_answers);
        g_test_add_func("/client/loop/eight calls at once", test_event_loop);
        add_faults("loop", test_event_loop_fault, TRUE);
        g_test_add_func("/client/loop/a call given up", test_abandoned_call);
        g_test_add_func("/client/loop/a call in a child", test_call_in_child);
        g_test_add_func("/client/loop/a call's connection in a child", test_call_left_to_child);
        return g_test_run();
}

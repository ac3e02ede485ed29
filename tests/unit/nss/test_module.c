/* test_module: the functions that glibc finds, against a daemon that fails in each way that daemons
 * fail, and in hosts that signal, thread and starve. */
#include "nss_authd.h"
#include "account.h"
#include "asker.h"
#include "bypass.h"
#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define NOBODY           65534
#define BUFFER_SIZE      1024
#define RUDE_TRIES_MAX   20000
#define ERRNO_FOUND      EILSEQ /* none that the module would set */
#define DEADLINE_MS      (ASKER_DEADLINE_USEC / 1000)
#define DEADLINE_MORE_MS 60 /* a busy machine */

#define ALICE            "alice:x:1879048192:1879048192:Alice:/home/alice:/bin/bash\n"
#define HTTP(status, length, body)                                                                 \
        "HTTP/1.1 " status "\r\nContent-Type: text/plain\r\nContent-Length: " length               \
        "\r\nConnection: close\r\n\r\n" body
#define ALICE_ANSWER HTTP("200 OK", "58", ALICE)
#define NOT_FOUND    HTTP("404 Not Found", "21", "{\"error\":\"not_found\"}")

G_STATIC_ASSERT(sizeof(ALICE) - 1 == 58);

typedef struct Answer {
        enum nss_status status;
        int error;
        struct passwd passwd;
        struct group group;
        char buffer[BUFFER_SIZE];
} Answer;

/* ask_name: as glibc does, with errno itself for the error. */
static enum nss_status ask_name(const char *name, Answer *answer)
{
        errno = ERRNO_FOUND;
        answer->status = _nss_authd_getpwnam_r(name, &answer->passwd, answer->buffer,
                                               sizeof(answer->buffer), &errno);
        answer->error = errno;
        return answer->status;
}

static void assert_alice(const Answer *answer)
{
        g_assert_cmpint(answer->status, ==, NSS_STATUS_SUCCESS);
        g_assert_cmpint(answer->error, ==, ERRNO_FOUND);
        g_assert_cmpstr(answer->passwd.pw_name, ==, "alice");
        g_assert_cmpuint(answer->passwd.pw_uid, ==, UID_FIRST);
        g_assert_cmpuint(answer->passwd.pw_gid, ==, UID_FIRST);
        g_assert_cmpstr(answer->passwd.pw_dir, ==, "/home/alice");
}

static void assert_ask(const char *name, enum nss_status status)
{
        Answer answer;

        g_assert_cmpint(ask_name(name, &answer), ==, status);
        if (status != NSS_STATUS_UNAVAIL)
                g_assert_cmpint(answer.error, ==, ERRNO_FOUND);
        else
                g_assert_true(answer.error != ERRNO_FOUND && answer.error != ERANGE);
}

/* --- the daemon's answers ------------------------------------------------------------------- */

typedef struct AnswerRow {
        const char *sentence;
        FakeScript script;
        enum nss_status status;
} AnswerRow;

static const AnswerRow answer_rows[] = {
        { "who was asked for", { .answer = ALICE_ANSWER }, NSS_STATUS_SUCCESS },
        { "a few bytes at a time",
          { .answer = ALICE_ANSWER, .slice = 7, .pause_usec = 100 },
          NSS_STATUS_SUCCESS },
        { "and closed behind it",
          { .answer = ALICE_ANSWER, .end = FAKE_CLOSES },
          NSS_STATUS_SUCCESS },
        { "not found", { .answer = NOT_FOUND }, NSS_STATUS_NOTFOUND },
        { "never filled",
          { .answer = HTTP("503 Service Unavailable", "23", "{\"error\":\"unavailable\"}") },
          NSS_STATUS_UNAVAIL },
        { "denied", { .answer = HTTP("403 Forbidden", "2", "{}") }, NSS_STATUS_UNAVAIL },
        { "its own failure", { .answer = HTTP("500 Oops", "0", "") }, NSS_STATUS_UNAVAIL },
        { "another's name",
          { .answer = HTTP("200 OK", "31", "bob:x:1879048192:5001::/h:/bin\n") },
          NSS_STATUS_UNAVAIL },
        { "a name that begins with it",
          { .answer = HTTP("200 OK", "26", "alice2:x:5000:5001::/h:/s\n") },
          NSS_STATUS_UNAVAIL },
        { "uid 0",
          { .answer = HTTP("200 OK", "22", "alice:x:0:5001::/h:/s\n") },
          NSS_STATUS_UNAVAIL },
        { "gid 0",
          { .answer = HTTP("200 OK", "22", "alice:x:5001:0::/h:/s\n") },
          NSS_STATUS_UNAVAIL },
        { "a uid of the system",
          { .answer = HTTP("200 OK", "24", "alice:x:999:5001::/h:/s\n") },
          NSS_STATUS_UNAVAIL },
        { "two lines",
          { .answer =
                HTTP("200 OK", "50", "alice:x:5001:5001::/h:/s\nalice:x:5001:5001::/h:/s\n") },
          NSS_STATUS_UNAVAIL },
        { "no line", { .answer = HTTP("200 OK", "0", "") }, NSS_STATUS_UNAVAIL },
        { "a line without its end",
          { .answer = HTTP("200 OK", "24", "alice:x:5001:5001::/h:/s") },
          NSS_STATUS_UNAVAIL },
        { "a NUL within",
          { .answer = HTTP("200 OK", "26", "alice:x:5001:5001:\0:/h:/s\n"),
            .answer_size = sizeof(HTTP("200 OK", "26", "alice:x:5001:5001:\0:/h:/s\n")) - 1 },
          NSS_STATUS_UNAVAIL },
        { "garbage", { .answer = "SSH-2.0-OpenSSH_9.2\r\n" }, NSS_STATUS_UNAVAIL },
        { "no length", { .answer = "HTTP/1.1 200 OK\r\n\r\n" ALICE }, NSS_STATUS_UNAVAIL },
        { "half of it",
          { .answer = ALICE_ANSWER, .n_sent = 60, .end = FAKE_CLOSES },
          NSS_STATUS_UNAVAIL },
        { "nothing", { .n_dropped = 1000 }, NSS_STATUS_UNAVAIL },
        { "its death",
          { .answer = ALICE_ANSWER, .n_sent = 30, .end = FAKE_DIES },
          NSS_STATUS_UNAVAIL },
};

/* assert_length: a row's answer says how long its body is, so that it fails for its own reason. */
static void assert_length(const char *answer, gssize size)
{
        const char *length = strstr(answer, "Content-Length: ");
        const char *body = strstr(answer, "\r\n\r\n");

        if (length)
                g_assert_cmpint(g_ascii_strtoll(length + strlen("Content-Length: "), NULL, 10), ==,
                                answer + (size ? size : (gssize) strlen(answer)) - body - 4);
}

static void test_answer(gconstpointer argument)
{
        const AnswerRow *row = argument;
        g_auto(Site) site = { 0 };
        int64_t began = site_now_usec();
        guint n_asked;

        if (row->script.answer)
                assert_length(row->script.answer, row->script.answer_size);

        site_init(&site);
        site_daemon(&site, &row->script);
        assert_ask("alice", row->status);
        g_assert_cmpint(site_now_usec() - began, <, ASKER_DEADLINE_USEC);
        n_asked = fake_n_connections(site.daemon);
        assert_ask("alice", row->status);
        g_assert_cmpuint(fake_n_connections(site.daemon) - n_asked, ==,
                         row->status == NSS_STATUS_UNAVAIL ? 0 : 1);
}

typedef struct HungRow {
        const char *sentence;
        FakeScript script;
} HungRow;

static const HungRow hung_rows[] = {
        { "no answer", { .silent = TRUE } },
        { "a byte at a time", { .answer = ALICE_ANSWER, .slice = 1, .pause_usec = 20000 } },
        { "half an answer", { .answer = ALICE_ANSWER, .n_sent = 60 } },
};

static void assert_deadline_holds(const char *name)
{
        int64_t began = site_now_usec();

        assert_ask(name, NSS_STATUS_UNAVAIL);
        g_assert_cmpint(site_now_usec() - began, >=, ASKER_DEADLINE_USEC);
        g_assert_cmpint(site_now_usec() - began, <,
                        (DEADLINE_MS + DEADLINE_MORE_MS) * INT64_C(1000));
}

/* test_hung: the deadline holds; then nobody waits again; a second later the daemon is asked. */
static void test_hung(gconstpointer argument)
{
        static const FakeScript well = { .answer = ALICE_ANSWER };
        const HungRow *row = argument;
        g_auto(Site) site = { 0 };
        int64_t began;

        site_init(&site);
        site_daemon(&site, &row->script);
        assert_deadline_holds("alice");
        site_daemon(&site, &well);
        began = site_now_usec();
        for (int i = 0; i < 1000; i++)
                assert_ask("alice", NSS_STATUS_UNAVAIL);
        g_assert_cmpint(site_now_usec() - began, <, ASKER_DEADLINE_USEC);
        site_advance(ASKER_SILENCE_USEC - (site_now_usec() - began) - 100000);
        assert_ask("alice", NSS_STATUS_UNAVAIL);
        g_assert_cmpuint(fake_n_connections(site.daemon), ==, 0);
        site_advance(200000);
        assert_ask("alice", NSS_STATUS_SUCCESS);
}

static void test_full_queue(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        static const FakeScript stopped = { .answer = ALICE_ANSWER, .end = FAKE_STOPS };
        Answer answer;

        site_init(&site);
        site_daemon(&site, &stopped);
        g_assert_cmpint(ask_name("alice", &answer), ==, NSS_STATUS_SUCCESS);
        /* The daemon is stopped now: its queue takes 129, and waits. */
        for (int i = 0; i < 140; i++) {
                struct sockaddr_un name = { .sun_family = AF_UNIX };
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

                g_strlcpy(name.sun_path, fake_path(site.daemon), sizeof(name.sun_path));
                if (connect(fd, (struct sockaddr *) &name, sizeof(name)) != 0 && errno == EAGAIN)
                        break;
        }
        assert_deadline_holds("alice");
}

/* --- whom it asks --------------------------------------------------------------------------- */

static void test_absent(gconstpointer argument)
{
        static const FakeScript well = { .answer = ALICE_ANSWER };
        g_auto(Site) site = { 0 };
        Answer answer;

        site_init(&site);
        g_assert_cmpint(ask_name("alice", &answer), ==, NSS_STATUS_UNAVAIL);
        g_assert_cmpint(answer.error, ==, ECONNREFUSED);
        site_daemon(&site, &well);
        assert_ask("alice", NSS_STATUS_UNAVAIL);
        site_advance(ASKER_SILENCE_USEC + 1000);
        assert_ask("alice", NSS_STATUS_SUCCESS);
        fake_kill(site.daemon);
        assert_ask("alice", NSS_STATUS_UNAVAIL);
}

static void test_other_peer(gconstpointer argument)
{
        static const FakeScript stranger = { .answer = ALICE_ANSWER, .uid = NOBODY };
        static const FakeScript owner = {
                .answer = ALICE_ANSWER, .uid = NOBODY, .parent = "/run", .folder_uid = NOBODY
        };
        g_auto(Site) site = { 0 };
        Answer answer;

        site_init(&site);
        site_daemon(&site, &stranger);
        g_assert_cmpint(ask_name("alice", &answer), ==, NSS_STATUS_UNAVAIL);
        g_assert_cmpint(answer.error, ==, EPERM);
        g_assert_cmpuint(fake_n_questions(site.daemon), ==, 0);
        g_clear_pointer(&site.daemon, fake_free);
        site_daemon(&site, &owner);
        site_advance(ASKER_SILENCE_USEC + 1000);
        assert_ask("alice", NSS_STATUS_SUCCESS);
}

static void test_bypass(gconstpointer argument)
{
        static const FakeScript well = { .answer = ALICE_ANSWER };
        g_auto(Site) site = { 0 };

        site_init(&site);
        site_daemon(&site, &well);
        g_setenv(BYPASS_VARIABLE, "1", TRUE);
        assert_ask("alice", NSS_STATUS_UNAVAIL);
        g_assert_cmpuint(fake_n_connections(site.daemon), ==, 0);
        g_unsetenv(BYPASS_VARIABLE);
        assert_ask("alice", NSS_STATUS_SUCCESS);
}

/* What cannot be an account is not asked for. */
static void test_no_name(gconstpointer argument)
{
        static const char *const names[] = { "",        "Alice",        "a/b",    "..",
                                             "alice\n", "a:b",          "-rf",    ".a",
                                             "a b",     "\xD0\xB0lice", "a?uid=0" };
        static const uint32_t ids[] = { 0, 27, 999, 61184, 65519, 65534, 65535, UINT32_MAX };
        static const FakeScript well = { .answer = ALICE_ANSWER };
        g_autofree char *longest = g_strnfill(300, 'a');
        g_auto(Site) site = { 0 };
        Answer answer;

        site_init(&site);
        site_daemon(&site, &well);
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
                assert_ask(names[i], NSS_STATUS_NOTFOUND);
        assert_ask(longest, NSS_STATUS_NOTFOUND);
        for (gsize i = 0; i < G_N_ELEMENTS(ids); i++) {
                g_assert_cmpint(_nss_authd_getpwuid_r(ids[i], &answer.passwd, answer.buffer,
                                                      BUFFER_SIZE, &errno),
                                ==, NSS_STATUS_NOTFOUND);
                g_assert_cmpint(_nss_authd_getgrgid_r(ids[i], &answer.group, answer.buffer,
                                                      BUFFER_SIZE, &errno),
                                ==, NSS_STATUS_NOTFOUND);
        }
        g_assert_cmpuint(fake_n_connections(site.daemon), ==, 0);
}

/* --- the other questions, over the socket --------------------------------------------------- */

static void test_uid(gconstpointer argument)
{
        static const FakeScript script = { .answer = ALICE_ANSWER };
        g_auto(Site) site = { 0 };
        Answer answer;

        site_init(&site);
        site_daemon(&site, &script);
        g_assert_cmpint(
            _nss_authd_getpwuid_r(UID_FIRST, &answer.passwd, answer.buffer, BUFFER_SIZE, &errno),
            ==, NSS_STATUS_SUCCESS);
        g_assert_cmpint(_nss_authd_getpwuid_r(UID_FIRST + 1, &answer.passwd, answer.buffer,
                                              BUFFER_SIZE, &errno),
                        ==, NSS_STATUS_UNAVAIL);
}

static void test_group(gconstpointer argument)
{
        static const FakeScript script = { .answer =
                                               HTTP("200 OK", "23", "eng:x:5000:alice,carol\n") };
        g_auto(Site) site = { 0 };
        Answer answer;

        site_init(&site);
        site_daemon(&site, &script);
        g_assert_cmpint(
            _nss_authd_getgrnam_r("eng", &answer.group, answer.buffer, BUFFER_SIZE, &errno), ==,
            NSS_STATUS_SUCCESS);
        g_assert_cmpuint(answer.group.gr_gid, ==, 5000);
        g_assert_cmpstr(answer.group.gr_mem[0], ==, "alice");
        g_assert_cmpstr(answer.group.gr_mem[1], ==, "carol");
        g_assert_null(answer.group.gr_mem[2]);
        g_assert_cmpint(
            _nss_authd_getgrgid_r(5000, &answer.group, answer.buffer, BUFFER_SIZE, &errno), ==,
            NSS_STATUS_SUCCESS);
}

typedef struct GidsRow {
        const char *sentence, *answer;
        enum nss_status status;
        long n;
} GidsRow;

static const GidsRow gids_rows[] = {
        { "three, one of them the primary one", HTTP("200 OK", "13", "27\n5000\n5001\n"),
          NSS_STATUS_SUCCESS, 3 },
        { "none", HTTP("200 OK", "0", ""), NSS_STATUS_SUCCESS, 1 },
        { "nobody", NOT_FOUND, NSS_STATUS_NOTFOUND, 1 },
        { "root's", HTTP("200 OK", "7", "5001\n0\n"), NSS_STATUS_UNAVAIL, 1 },
        { "no numbers", HTTP("200 OK", "10", "5001\nroot\n"), NSS_STATUS_UNAVAIL, 1 },
        { "a line without its end", HTTP("200 OK", "9", "5001\n5002"), NSS_STATUS_UNAVAIL, 1 },
        { "a number of 40 digits",
          HTTP("200 OK", "41", "1000000000000000000000000000000000000001\n"), NSS_STATUS_UNAVAIL,
          1 },
};

static enum nss_status ask_gids(const char *name, gid_t **list, long *n, long limit)
{
        long size = 1;

        *list = malloc(sizeof(**list));
        **list = 5000;
        *n = 1;
        errno = ERRNO_FOUND;
        return _nss_authd_initgroups_dyn(name, 5000, n, &size, list, limit, &errno);
}

static void test_gids(gconstpointer argument)
{
        const GidsRow *row = argument;
        FakeScript script = { .answer = row->answer };
        g_auto(Site) site = { 0 };
        gid_t *list;
        long n;

        assert_length(row->answer, 0);
        site_init(&site);
        site_daemon(&site, &script);
        g_assert_cmpint(ask_gids("alice", &list, &n, 0), ==, row->status);
        g_assert_cmpint(n, ==, row->n);
        g_assert_true(row->status == NSS_STATUS_UNAVAIL || errno == ERRNO_FOUND);
        if (n == 3)
                g_assert_true(list[0] == 5000 && list[1] == 27 && list[2] == 5001);
        free(list);
}

/* --- from the table ------------------------------------------------------------------------- */

static void with_table(Site *site)
{
        Person *alice;

        site_init(site);
        alice = fake_directory_person(site->directory, "alice", UID_FIRST);
        fake_directory_join(alice, 27);
        fake_directory_join(alice, UID_FIRST + 100);
        fake_directory_group(site->directory, "eng", UID_FIRST + 100);
        site_publish(site);
}

static void test_table(gconstpointer argument)
{
        static const FakeScript script = { .silent = TRUE };
        g_auto(Site) site = { 0 };
        Answer answer;
        gid_t *list;
        long n;

        with_table(&site);
        site_daemon(&site, &script);
        ask_name("alice", &answer);
        assert_alice(&answer);
        g_assert_cmpint(
            _nss_authd_getpwuid_r(UID_FIRST, &answer.passwd, answer.buffer, BUFFER_SIZE, &errno),
            ==, NSS_STATUS_SUCCESS);
        g_assert_cmpint(_nss_authd_getgrgid_r(UID_FIRST + 100, &answer.group, answer.buffer,
                                              BUFFER_SIZE, &errno),
                        ==, NSS_STATUS_SUCCESS);
        g_assert_cmpstr(answer.group.gr_mem[0], ==, "alice");
        g_assert_cmpint(
            _nss_authd_getgrnam_r("alice", &answer.group, answer.buffer, BUFFER_SIZE, &errno), ==,
            NSS_STATUS_SUCCESS);
        g_assert_cmpuint(answer.group.gr_gid, ==, UID_FIRST);
        g_assert_cmpint(ask_gids("alice", &list, &n, 0), ==, NSS_STATUS_SUCCESS);
        g_assert_true(n == 3 && list[1] == 27 && list[2] == UID_FIRST + 100);
        free(list);
        g_assert_cmpint(ask_gids("alice", &list, &n, 2), ==, NSS_STATUS_SUCCESS);
        g_assert_cmpint(n, ==, 2);
        free(list);
        assert_ask("bob", NSS_STATUS_NOTFOUND);
        g_assert_cmpint(ask_gids("bob", &list, &n, 0), ==, NSS_STATUS_NOTFOUND);
        free(list);
        g_assert_cmpuint(fake_n_connections(site.daemon), ==, 0);
}

/* test_heartbeat: both sides of the edge; what the table has is answered on either. */
static void test_heartbeat(gconstpointer argument)
{
        static const FakeScript script = { .answer = NOT_FOUND };
        g_auto(Site) site = { 0 };

        with_table(&site);
        site_daemon(&site, &script);
        site_advance((int64_t) TABLE_HEARTBEAT_MAX_USEC - 500000);
        assert_ask("bob", NSS_STATUS_NOTFOUND);
        g_assert_cmpuint(fake_n_questions(site.daemon), ==, 0);
        site_advance(500001);
        assert_ask("bob", NSS_STATUS_NOTFOUND);
        g_assert_cmpuint(fake_n_questions(site.daemon), ==, 1);
        assert_ask("alice", NSS_STATUS_SUCCESS);
        fake_kill(site.daemon);
        assert_ask("bob", NSS_STATUS_UNAVAIL);
        assert_ask("alice", NSS_STATUS_SUCCESS);
        g_assert_cmpint(table_publish(site.table, site.directory, true, false), ==, 0);
        assert_ask("alice", NSS_STATUS_SUCCESS);
}

/* test_incomplete: a table of a directory that was never filled answers no miss. */
static void test_incomplete(gconstpointer argument)
{
        static const FakeScript script = { .answer = NOT_FOUND };
        g_auto(Site) site = { 0 };

        with_table(&site);
        site_daemon(&site, &script);
        g_assert_cmpint(table_publish(site.table, site.directory, true, false), ==, 0);
        assert_ask("bob", NSS_STATUS_NOTFOUND);
        g_assert_cmpuint(fake_n_questions(site.daemon), ==, 1);
}

/* test_orphan: the daemon died and another one made another table, without a mark on ours. */
static void test_orphan(gconstpointer argument)
{
        g_auto(Site) site = { 0 };

        with_table(&site);
        assert_ask("alice", NSS_STATUS_SUCCESS);
        g_assert_no_errno(unlink(site.table_path));
        g_clear_pointer(&site.table, table_free);
        site.table = table_new(site.folder);
        fake_directory_person(site.directory, "bob", UID_FIRST + 1);
        site_publish(&site);
        assert_ask("bob", NSS_STATUS_SUCCESS);
}

/* --- buffers -------------------------------------------------------------------------------- */

static void grow_until_found(enum nss_status (*ask)(char *buffer, size_t size))
{
        for (size_t size = 0; size < 40 * 1024; size = size * 2 + 1) {
                g_autofree char *exact = g_malloc(size + 1);

                errno = ERRNO_FOUND;
                if (ask(exact, size) == NSS_STATUS_SUCCESS) {
                        g_assert_cmpint(errno, ==, ERRNO_FOUND);
                        return;
                }
                g_assert_cmpint(errno, ==, ERANGE);
        }
        g_assert_not_reached();
}

static enum nss_status ask_alice(char *buffer, size_t size)
{
        struct passwd entry;
        enum nss_status r = _nss_authd_getpwnam_r("alice", &entry, buffer, size, &errno);

        g_assert_true(r == NSS_STATUS_TRYAGAIN || r == NSS_STATUS_SUCCESS);
        return r;
}

static void test_tiny_buffer(gconstpointer argument)
{
        static const FakeScript script = { .answer = ALICE_ANSWER };
        g_auto(Site) site = { 0 };
        Person *alice;

        site_init(&site);
        site_daemon(&site, &script);
        grow_until_found(ask_alice);
        alice = fake_directory_person(site.directory, "alice", UID_FIRST);
        g_free(alice->gecos);
        alice->gecos = g_strnfill(4096, 'g');
        site_publish(&site);
        grow_until_found(ask_alice);
}

static void test_many_members(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        g_autofree char *buffer = g_malloc(256 * 1024);
        struct group entry;
        int error = 0, n = 0;

        site_init(&site);
        fake_directory_fill(site.directory, 10000, 1, 1, UID_FIRST);
        site_publish(&site);
        g_assert_cmpint(_nss_authd_getgrnam_r("g0001", &entry, buffer, 100 * 1024, &error), ==,
                        NSS_STATUS_TRYAGAIN);
        g_assert_cmpint(error, ==, ERANGE);
        g_assert_cmpint(_nss_authd_getgrnam_r("g0001", &entry, buffer, 256 * 1024, &error), ==,
                        NSS_STATUS_SUCCESS);
        while (entry.gr_mem[n])
                n++;
        g_assert_cmpint(n, ==, 10000);
        g_assert_cmpstr(entry.gr_mem[9999], ==, "p010000");
}

/* test_many_groups: 10 000 of one person; the socket's answer for as many members. */
static void test_many_groups(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        gid_t *list;
        long n;

        site_init(&site);
        fake_directory_fill(site.directory, 1, 10000, 10000, UID_FIRST);
        site_publish(&site);
        g_assert_cmpint(ask_gids("p000001", &list, &n, 0), ==, NSS_STATUS_SUCCESS);
        g_assert_cmpint(n, ==, 10001);
        free(list);
        g_assert_cmpint(ask_gids("p000001", &list, &n, 65536), ==, NSS_STATUS_SUCCESS);
        g_assert_cmpint(n, ==, 10001);
        free(list);
}

/* --- enumeration ---------------------------------------------------------------------------- */

/* names_of: of everybody, each first with a buffer that is too small. */
static char *names_of_people(void)
{
        GString *names = g_string_new(NULL);
        struct passwd entry;
        char buffer[BUFFER_SIZE];

        _nss_authd_setpwent(0);
        for (;;) {
                enum nss_status tiny = _nss_authd_getpwent_r(&entry, buffer, 8, &errno);
                enum nss_status r = _nss_authd_getpwent_r(&entry, buffer, BUFFER_SIZE, &errno);

                if (r != NSS_STATUS_SUCCESS) {
                        g_assert_cmpint(tiny, !=, NSS_STATUS_TRYAGAIN);
                        break;
                }
                g_assert_cmpint(tiny, ==, NSS_STATUS_TRYAGAIN);
                g_string_append_printf(names, "%s ", entry.pw_name);
        }
        return g_string_free(names, FALSE);
}

static char *names_of_groups(void)
{
        GString *names = g_string_new(NULL);
        struct group entry;
        char buffer[BUFFER_SIZE];

        _nss_authd_setgrent(0);
        while (_nss_authd_getgrent_r(&entry, buffer, 8, &errno) == NSS_STATUS_TRYAGAIN &&
               _nss_authd_getgrent_r(&entry, buffer, BUFFER_SIZE, &errno) == NSS_STATUS_SUCCESS)
                g_string_append_printf(names, "%s ", entry.gr_name);
        _nss_authd_endgrent();
        return g_string_free(names, FALSE);
}

static void assert_names(const char *people, const char *groups)
{
        g_autofree char *found_people = names_of_people();
        g_autofree char *found_groups = names_of_groups();

        g_assert_cmpstr(found_people, ==, people);
        g_assert_cmpstr(found_groups, ==, groups);
}

static void test_enumeration(gconstpointer argument)
{
        g_auto(Site) site = { 0 };

        site_init(&site);
        fake_directory_fill(site.directory, 6, 6, 1, UID_FIRST);
        ((Person *) directory_person(site.directory, 1))->seen_sec = 1;
        ((Person *) directory_person(site.directory, 4))->seen_sec = 1;
        ((Person *) directory_person(site.directory, 4))->gid = UID_FIRST + 6;
        site_publish(&site);
        assert_names("p000002 p000005 ", "g0002 g0005 p000002 ");
        assert_names("p000002 p000005 ", "g0002 g0005 p000002 "); /* and again */
        g_assert_cmpint(table_publish(site.table, site.directory, false, true), ==, 0);
        assert_names("", "");
}

static void test_enumeration_from_daemon(gconstpointer argument)
{
        static const FakeScript people = {
                .answer = HTTP("200 OK", "48", "ann:x:5000:5000::/h:/s\nbob:x:5001:5001:B:/h:/sh\n")
        };
        static const FakeScript broken = { .answer = HTTP("200 OK", "31",
                                                          "ann:x:5000:5000::/h:/s\nbob:x:0\n") };
        static const FakeScript groups = { .answer = HTTP("200 OK", "27",
                                                          "eng:x:5000:ann\nops:x:5001:\n") };
        g_auto(Site) site = { 0 };
        g_autofree char *found = NULL, *half = NULL, *found_groups = NULL;

        site_init(&site);
        site_daemon(&site, &people);
        found = names_of_people();
        g_assert_cmpstr(found, ==, "ann bob ");
        _nss_authd_endpwent();
        site_daemon(&site, &groups);
        found_groups = names_of_groups();
        g_assert_cmpstr(found_groups, ==, "eng ops ");
        site_daemon(&site, &broken);
        half = names_of_people();
        g_assert_cmpstr(half, ==, "ann ");
}

/* test_enumeration_replaced: it goes on in the table in which it began. */
static void test_enumeration_replaced(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        struct passwd entry;
        char buffer[BUFFER_SIZE];

        site_init(&site);
        fake_directory_fill(site.directory, 2, 1, 1, UID_FIRST);
        for (gsize i = 0; i < 2; i++)
                ((Person *) directory_person(site.directory, i))->seen_sec = 1;
        site_publish(&site);
        g_assert_cmpint(_nss_authd_getpwent_r(&entry, buffer, BUFFER_SIZE, &errno), ==,
                        NSS_STATUS_SUCCESS);
        fake_directory_free(site.directory);
        site.directory = fake_directory_new();
        site_publish(&site);
        assert_ask("p000001", NSS_STATUS_NOTFOUND);
        g_assert_cmpint(_nss_authd_getpwent_r(&entry, buffer, BUFFER_SIZE, &errno), ==,
                        NSS_STATUS_SUCCESS);
        g_assert_cmpstr(entry.pw_name, ==, "p000002");
        g_assert_cmpint(_nss_authd_getpwent_r(&entry, buffer, BUFFER_SIZE, &errno), ==,
                        NSS_STATUS_NOTFOUND);
}

/* --- the host ------------------------------------------------------------------------------- */

static void count_signal(int number)
{
        Answer answer;
        int found = errno;

        (void) number;
        /* Which a host must not do; it must not hang either. */
        g_assert_true(ask_name("alice", &answer) != NSS_STATUS_TRYAGAIN);
        errno = found;
}

static void on_signal(int number, void (*handler)(int))
{
        struct sigaction action = { .sa_handler = handler };

        g_assert_no_errno(sigaction(number, &action, NULL));
}

static void start_signals(void)
{
        struct itimerval often = { { 0, 1000 }, { 0, 1000 } };

        on_signal(SIGALRM, count_signal); /* without SA_RESTART */
        g_assert_no_errno(setitimer(ITIMER_REAL, &often, NULL));
}

static void stop_signals(void)
{
        static const struct itimerval never;

        g_assert_no_errno(setitimer(ITIMER_REAL, &never, NULL));
}

static void test_signals_table(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        int64_t began = site_now_usec();
        Answer answer;

        with_table(&site);
        start_signals();
        for (int i = 0; site_now_usec() - began < 100000; i++) {
                ask_name("alice", &answer);
                assert_alice(&answer);
                if (i % 100 == 0)
                        site_publish(&site);
        }
        stop_signals();
}

static void ignore_signal(int number)
{
        (void) number;
}

static void test_signals_socket(gconstpointer argument)
{
        static const FakeScript slow = { .answer = ALICE_ANSWER, .slice = 20, .pause_usec = 5000 };
        static const FakeScript hung = { .silent = TRUE };
        g_auto(Site) site = { 0 };
        Answer answer;

        site_init(&site);
        site_daemon(&site, &slow);
        start_signals();
        on_signal(SIGALRM, ignore_signal);
        ask_name("alice", &answer);
        assert_alice(&answer);
        stop_signals();
        site_daemon(&site, &hung);
        start_signals();
        on_signal(SIGALRM, ignore_signal);
        assert_deadline_holds("alice");
        stop_signals();
}

/* hang_up: whoever comes is sent away, often before they have said anything. */
static gpointer hang_up(gpointer listener)
{
        int fd;

        while ((fd = accept(GPOINTER_TO_INT(listener), NULL, NULL)) >= 0)
                close(fd);
        return NULL;
}

/* test_no_pipe_signal: asked until the daemon had gone before the question: the host would die. */
static void test_no_pipe_signal(gconstpointer argument)
{
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        g_auto(Site) site = { 0 };
        Answer answer = { .error = 0 };
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        site_init(&site);
        g_snprintf(name.sun_path, sizeof(name.sun_path), "%s/authd.sock", site.folder);
        g_assert_no_errno(bind(listener, (struct sockaddr *) &name, sizeof(name)));
        g_assert_no_errno(listen(listener, 1));
        site_socket(name.sun_path);
        g_thread_unref(g_thread_new("rude", hang_up, GINT_TO_POINTER(listener)));
        for (int i = 0; i < RUDE_TRIES_MAX && answer.error != EPIPE; i++) {
                g_assert_cmpint(ask_name("alice", &answer), ==, NSS_STATUS_UNAVAIL);
                site_advance(ASKER_SILENCE_USEC + 1000);
        }
        g_assert_cmpint(answer.error, ==, EPIPE);
        g_unlink(name.sun_path);
}

static void test_closed_streams(gconstpointer argument)
{
        static const FakeScript script = { .answer = ALICE_ANSWER };
        g_auto(Site) site = { 0 };
        Answer answer;

        site_init(&site);
        site_daemon(&site, &script);
        for (int fd = 0; fd < 3; fd++)
                close(fd);
        ask_name("alice", &answer);
        for (int fd = 0; fd < 3; fd++)
                if (fcntl(fd, F_GETFD) != -1)
                        _exit(2);
        if (answer.status != NSS_STATUS_SUCCESS)
                _exit(3);
}

static void test_no_descriptors(gconstpointer argument)
{
        static const FakeScript script = { .answer = ALICE_ANSWER };
        struct rlimit none = { 0, 0 };
        g_auto(Site) site = { 0 };
        Answer answer;

        site_init(&site);
        site_daemon(&site, &script);
        setrlimit(RLIMIT_NOFILE, &none);
        g_assert_cmpint(ask_name("alice", &answer), ==, NSS_STATUS_UNAVAIL);
        g_assert_cmpint(answer.error, ==, ENOBUFS);
}

static gpointer ask_often(gpointer site)
{
        for (int i = 0; i < 20; i++) {
                Answer answer;

                ask_name("alice", &answer);
                assert_alice(&answer);
        }
        return site;
}

static void test_threads(gconstpointer argument)
{
        static const FakeScript script = { .answer = ALICE_ANSWER };
        g_auto(Site) site = { 0 };
        GThread *threads[50];

        site_init(&site);
        site_daemon(&site, &script);
        for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("asker", ask_often, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
                g_thread_join(threads[i]);
        g_assert_cmpuint(fake_n_questions(site.daemon), ==, 20 * G_N_ELEMENTS(threads));
}

/* --- what it costs -------------------------------------------------------------------------- */

/* forbid_system_calls: all but the exit of a thread. Not by the strict mode, which takes away the
 * processor's clock as well. */
static void forbid_system_calls(void)
{
        struct sock_filter rules[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        };
        struct sock_fprog program = { G_N_ELEMENTS(rules), rules };

        g_assert_no_errno(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        g_assert_no_errno(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/* clock_is_read_without_a_call: a miss reads the clock, which is the vDSO's where the kernel trusts
 * its processor's. */
static bool clock_is_read_without_a_call(void)
{
        static const char *const sources[] = { "tsc\n", "kvm-clock\n", "arch_sys_counter\n", NULL };
        g_autofree char *source = NULL;

        return g_file_get_contents(
                   "/sys/devices/system/clocksource/clocksource0/current_clocksource", &source,
                   NULL, NULL) &&
               g_strv_contains(sources, source);
}

/* n_wrong: of 5 000 answers, without a system call. */
static int n_wrong(const char *missing)
{
        gid_t list[16];
        gid_t *gids = list;
        long size = G_N_ELEMENTS(list);
        Answer answer;
        int wrong = 0;

        for (int i = 0; i < 1000; i++) {
                long n = 0;

                wrong += ask_name("alice", &answer) != NSS_STATUS_SUCCESS;
                wrong += ask_name(missing, &answer) != NSS_STATUS_NOTFOUND;
                wrong += _nss_authd_getpwuid_r(UID_FIRST, &answer.passwd, answer.buffer,
                                               BUFFER_SIZE, &errno) != NSS_STATUS_SUCCESS;
                wrong += _nss_authd_getgrnam_r("eng", &answer.group, answer.buffer, BUFFER_SIZE,
                                               &errno) != NSS_STATUS_SUCCESS;
                wrong += _nss_authd_initgroups_dyn("alice", 1, &n, &size, &gids, 0, &errno) !=
                             NSS_STATUS_SUCCESS ||
                         n != 2;
        }
        return wrong;
}

/* test_no_system_call: the kernel kills the child at the first one. */
static void test_no_system_call(gconstpointer argument)
{
        g_auto(Site) site = { 0 };
        Answer answer;
        int status;
        pid_t pid;

        if (SITE_IS_SANITIZED)
                return;
        with_table(&site);
        ask_name("alice", &answer);
        pid = fork();
        if (pid == 0) {
                const char *missing = clock_is_read_without_a_call() ? "bob" : "Bob";

                forbid_system_calls();
                syscall(SYS_exit, n_wrong(missing) ? 3 : 0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

#define STACK_SIZE     (64 * 1024)
#define STACK_USED_MAX (12 * 1024)
#define STACK_PAINT    0xA5

static ucontext_t stack_caller, stack_callee;
static Answer stack_answer;

static void on_small_stack(void)
{
        struct group entry;
        static char buffer[BUFFER_SIZE];

        ask_name("alice", &stack_answer);
        _nss_authd_getgrnam_r("eng", &entry, buffer, BUFFER_SIZE, &errno);
}

static gsize stack_used(void)
{
        guint8 *stack = g_malloc(STACK_SIZE);
        gsize untouched = 0;

        memset(stack, STACK_PAINT, STACK_SIZE);
        getcontext(&stack_callee);
        stack_callee.uc_stack.ss_sp = stack;
        stack_callee.uc_stack.ss_size = STACK_SIZE;
        stack_callee.uc_link = &stack_caller;
        makecontext(&stack_callee, on_small_stack, 0);
        swapcontext(&stack_caller, &stack_callee);
        while (stack[untouched] == STACK_PAINT)
                untouched++;
        g_free(stack);
        return STACK_SIZE - untouched;
}

/* test_stack: of a daemon that is another user, whose folder is looked at: the longest way. */
static void test_stack(gconstpointer argument)
{
        static const FakeScript script = {
                .answer = ALICE_ANSWER, .uid = NOBODY, .parent = "/run", .folder_uid = NOBODY
        };
        g_auto(Site) site = { 0 };

        if (SITE_IS_SANITIZED)
                return;
        site_init(&site);
        site_daemon(&site, &script);
        g_assert_cmpuint(stack_used(), <, STACK_USED_MAX);
        assert_alice(&stack_answer);
        fake_directory_person(site.directory, "alice", UID_FIRST);
        site_publish(&site);
        g_assert_cmpuint(stack_used(), <, STACK_USED_MAX);
        assert_alice(&stack_answer);
}

typedef struct Plain {
        const char *sentence;
        void (*test)(gconstpointer);
} Plain;

static const Plain plain[] = {
        { "a queue that is full", test_full_queue },
        { "no daemon, then one, then none", test_absent },
        { "who listens is root, or whose the folder is", test_other_peer },
        { "the daemon does not ask itself", test_bypass },
        { "what is no name or number is not asked for", test_no_name },
        { "by uid", test_uid },
        { "groups", test_group },
        { "the table answers all", test_table },
        { "a heartbeat of 3 s is alive, an older one is not", test_heartbeat },
        { "a table that does not know all", test_incomplete },
        { "a table whose daemon died without a mark", test_orphan },
        { "buffers that are too small, then not", test_tiny_buffer },
        { "10 000 members", test_many_members },
        { "10 000 groups", test_many_groups },
        { "everybody who was seen", test_enumeration },
        { "everybody whom the daemon tells", test_enumeration_from_daemon },
        { "enumeration while the table is replaced", test_enumeration_replaced },
        { "signals, from the table", test_signals_table },
        { "signals, over the socket", test_signals_socket },
        { "no SIGPIPE", test_no_pipe_signal },
        { "the standard streams are closed", test_closed_streams },
        { "no descriptor is left", test_no_descriptors },
        { "50 threads ask at once", test_threads },
        { "no system call", test_no_system_call },
        { "a small stack is enough", test_stack },
};

static void add_rows(void)
{
        for (gsize i = 0; i < G_N_ELEMENTS(answer_rows); i++) {
                g_autofree char *path = g_strdup_printf("/nss/answer/%s", answer_rows[i].sentence);

                site_add(path, test_answer, &answer_rows[i]);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(hung_rows); i++) {
                g_autofree char *path = g_strdup_printf("/nss/hung/%s", hung_rows[i].sentence);

                site_add(path, test_hung, &hung_rows[i]);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(gids_rows); i++) {
                g_autofree char *path = g_strdup_printf("/nss/gids/%s", gids_rows[i].sentence);

                site_add(path, test_gids, &gids_rows[i]);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        if (geteuid() != 0) {
                g_print("1..0 # SKIP peers of other users are tested by root alone\n");
                return 0;
        }
        add_rows();
        for (gsize i = 0; i < G_N_ELEMENTS(plain); i++) {
                g_autofree char *path = g_strdup_printf("/nss/%s", plain[i].sentence);

                site_add(path, plain[i].test, NULL);
        }
        return g_test_run();
}

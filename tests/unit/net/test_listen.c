/* listen: sockets in a folder of their own, clients in this process and, for another uid, in a
 * child. */
#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY    65534
#define TURNS_MAX 200
#define TURN_USEC 1000

typedef struct Bench {
        char *folder;
        char *path;
        Listener *listener;
        GArray *fds;
        Peer last;
} Bench;

static void on_accepted(int fd, const Peer *peer, void *userdata)
{
        Bench *bench = userdata;

        g_assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        g_array_append_val(bench->fds, fd);
        bench->last = *peer;
}

static void bench_setup(Bench *bench, gconstpointer unused)
{
        bench->folder = g_dir_make_tmp("authd-listen-XXXXXX", NULL);
        bench->path = g_build_filename(bench->folder, "socket", NULL);
        g_assert_cmpint(chmod(bench->folder, 0755), ==, 0);
        bench->listener = listener_new(NULL, on_accepted, bench);
        bench->fds = g_array_new(FALSE, FALSE, sizeof(int));
}

static void bench_teardown(Bench *bench, gconstpointer unused)
{
        listener_free(bench->listener);
        for (guint i = 0; i < bench->fds->len; i++)
                close(g_array_index(bench->fds, int, i));
        g_array_unref(bench->fds);
        g_unlink(bench->path);
        g_assert_cmpint(g_rmdir(bench->folder), ==, 0);
        g_free(bench->path);
        g_free(bench->folder);
}

static void turn(void)
{
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

static int unix_socket(const char *path, int (*use)(int, const struct sockaddr *, socklen_t))
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        g_assert_cmpint(use(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        return fd;
}

static void assert_add_fails(Bench *bench, const char *path, const char *pattern)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(listener_add_unix(bench->listener, path, 0666, &error));
        g_test_message("%s", error->message);
        g_assert_true(g_pattern_match_simple(pattern, error->message));
}

static void add_unix(Bench *bench)
{
        g_autoptr(GError) error = NULL;

        listener_add_unix(bench->listener, bench->path, 0666, &error);
        g_assert_no_error(error);
}

static void test_accepts(Bench *bench, gconstpointer unused)
{
        add_unix(bench);
        int fd = unix_socket(bench->path, connect);

        turn();
        g_assert_cmpuint(bench->fds->len, ==, 1);
        g_assert_true(bench->last.unix_socket && bench->last.has_credentials);
        g_assert_cmpuint(bench->last.uid, ==, geteuid());
        g_assert_cmpuint(bench->last.gid, ==, getegid());
        g_assert_cmpint(bench->last.pid, ==, getpid());
        g_assert_cmpuint(listener_n_connections(bench->listener), ==, 1);
        listener_closed(bench->listener, &bench->last);
        g_assert_cmpuint(listener_n_connections(bench->listener), ==, 0);
        close(fd);
}

static void test_mode(Bench *bench, gconstpointer unused)
{
        mode_t old = umask(0077);
        struct stat st;

        add_unix(bench);
        umask(old);
        g_assert_cmpint(stat(bench->path, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0666);
}

static void test_stale(Bench *bench, gconstpointer unused)
{
        /* As kill -9 leaves it: a name, and nobody behind it. */
        close(unix_socket(bench->path, bind));
        g_assert_true(g_file_test(bench->path, G_FILE_TEST_EXISTS));
        add_unix(bench);
        close(unix_socket(bench->path, connect));
}

static void test_in_use(Bench *bench, gconstpointer unused)
{
        int fd = unix_socket(bench->path, bind);
        g_autofree char *pattern =
            g_strdup_printf("*is in use by another process (pid %d)", (int) getpid());

        g_assert_cmpint(listen(fd, 1), ==, 0);
        assert_add_fails(bench, bench->path, pattern);
        close(unix_socket(bench->path, connect)); /* it was left alone */
        close(fd);
}

static void test_busy(Bench *bench, gconstpointer unused)
{
        int fd = unix_socket(bench->path, bind);

        g_assert_cmpint(listen(fd, 0), ==, 0);
        int client = unix_socket(bench->path, connect); /* fills its queue */

        assert_add_fails(bench, bench->path,
                         "*in use by another process, which is too busy to answer");
        close(client);
        close(fd);
}

static void test_no_socket(Bench *bench, gconstpointer unused)
{
        g_assert_true(g_file_set_contents(bench->path, "precious", -1, NULL));
        assert_add_fails(bench, bench->path, "*exists and is no socket*");
        g_assert_true(g_file_test(bench->path, G_FILE_TEST_IS_REGULAR));
}

static void test_link(Bench *bench, gconstpointer unused)
{
        g_assert_cmpint(symlink("/nowhere/socket", bench->path), ==, 0);
        assert_add_fails(bench, bench->path, "*exists and is no socket*");
}

static void test_long_path(Bench *bench, gconstpointer unused)
{
        g_autofree char *fill = g_strnfill(107 - strlen(bench->folder) - 1, 'a');
        g_autofree char *fits = g_build_filename(bench->folder, fill, NULL);
        g_autofree char *longer = g_strconcat(fits, "a", NULL);

        assert_add_fails(bench, longer, "*too long: the kernel takes 107 bytes");
        g_assert_true(listener_add_unix(bench->listener, fits, 0666, NULL));
}

static void test_no_folder(Bench *bench, gconstpointer unused)
{
        g_autofree char *path = g_build_filename(bench->folder, "none", "socket", NULL);

        assert_add_fails(bench, path, "*the folder *none: No such file or directory");
        assert_add_fails(bench, "socket", "*does not begin with /");
}

/* as_nobody: in a child; its result is the test's. */
static void as_nobody(Bench *bench, bool (*act)(Bench *bench))
{
        int status = -1;
        pid_t child = fork();

        if (child == 0)
                _exit(setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                              setresuid(NOBODY, NOBODY, NOBODY) == 0 && act(bench)
                          ? 0
                          : 1);
        for (int i = 0; i < TURNS_MAX && waitpid(child, &status, WNOHANG) == 0; i++) {
                turn();
                g_usleep(TURN_USEC);
        }
        g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static bool is_denied(Bench *bench)
{
        g_autoptr(GError) error = NULL;

        return !listener_add_unix(bench->listener, bench->path, 0666, &error) &&
               g_pattern_match_simple("cannot make the socket *: Permission denied",
                                      error->message);
}

static void test_denied(Bench *bench, gconstpointer unused)
{
        if (geteuid() != 0)
                g_test_skip("becoming another user needs root");
        else
                as_nobody(bench, is_denied);
}

/* connects_thrice: the third is told that there is no room. */
static bool connects_thrice(Bench *bench)
{
        char answer[512] = "";
        int fds[3];

        for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
                fds[i] = unix_socket(bench->path, connect);
        return recv(fds[2], answer, sizeof(answer) - 1, 0) > 0 && strstr(answer, " 503 ") &&
               g_str_has_suffix(answer, "\"}") && recv(fds[2], answer, sizeof(answer), 0) == 0;
}

static void test_uid_limit(Bench *bench, gconstpointer unused)
{
        if (geteuid() != 0) {
                g_test_skip("becoming another user needs root");
                return;
        }
        add_unix(bench);
        listener_set_limits_for_tests(bench->listener, 100, 2);
        as_nobody(bench, connects_thrice);
        g_assert_cmpuint(bench->fds->len, ==, 2);
        g_assert_cmpuint(listener_n_refused(bench->listener), ==, 1);
        g_assert_cmpuint(bench->last.uid, ==, NOBODY);
        /* Those that are gone are counted no more, and our own are never. */
        listener_closed(bench->listener, &bench->last);
        listener_closed(bench->listener, &bench->last);
        as_nobody(bench, connects_thrice);
        for (int i = 0; i < 3; i++)
                close(unix_socket(bench->path, connect));
        turn();
        g_assert_cmpuint(bench->fds->len, ==, 7);
}

/* connects_till_full: how many got in stands in bench->fds. */
static bool connects_till_full(Bench *bench)
{
        for (int i = 0; i < 16; i++)
                unix_socket(bench->path, connect);
        return true;
}

static void test_room_for_root(Bench *bench, gconstpointer unused)
{
        if (geteuid() != 0) {
                g_test_skip("becoming another user needs root");
                return;
        }
        add_unix(bench);
        listener_set_limits_for_tests(bench->listener, 16, 16);
        as_nobody(bench, connects_till_full);
        turn();
        g_assert_cmpuint(bench->fds->len, ==, 14); /* an eighth is root's */
        for (int i = 0; i < 3; i++)
                close(unix_socket(bench->path, connect));
        turn();
        g_assert_cmpuint(bench->fds->len, ==, 16);
        g_assert_cmpuint(listener_n_refused(bench->listener), ==, 3);
}

static void test_limit(Bench *bench, gconstpointer unused)
{
        add_unix(bench);
        listener_set_limits_for_tests(bench->listener, 2, 2);
        for (int i = 0; i < 3; i++)
                close(unix_socket(bench->path, connect));
        turn();
        g_assert_cmpuint(bench->fds->len, ==, 2);
        g_assert_cmpuint(listener_n_refused(bench->listener), ==, 1);
}

static void test_file_is_removed(Bench *bench, gconstpointer unused)
{
        add_unix(bench);
        listener_free(g_steal_pointer(&bench->listener));
        g_assert_false(g_file_test(bench->path, G_FILE_TEST_EXISTS));
}

static void test_file_of_another_stays(Bench *bench, gconstpointer unused)
{
        add_unix(bench);
        g_unlink(bench->path);
        int fd = unix_socket(bench->path, bind);

        listener_free(g_steal_pointer(&bench->listener));
        g_assert_true(g_file_test(bench->path, G_FILE_TEST_EXISTS));
        close(fd);
}

/* Descriptors run out while somebody waits: the listener rests, and takes him later. */
static void test_out_of_descriptors(Bench *bench, gconstpointer unused)
{
        struct rlimit old, none;

        add_unix(bench);
        int client = unix_socket(bench->path, connect);

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
        none = old;
        none.rlim_cur = (rlim_t) client + 1;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
        turn();
        g_assert_cmpuint(bench->fds->len, ==, 0);
        g_assert_false(g_main_context_pending(NULL)); /* no spinning */
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
        while (bench->fds->len == 0)
                g_main_context_iteration(NULL, TRUE);
        close(client);
}

/* TCP. */

typedef struct AddressRow {
        const char *name;
        const char *address;
        bool any;
        const char *pattern; /* of the error; NULL: taken */
} AddressRow;

static const AddressRow addresses[] = {
        { "loopback is taken", "127.0.0.1:0", false, NULL },
        { "all of 127 is loopback", "127.255.0.1:0", false, NULL },
        { "an address of others is refused", "192.0.2.1:0", false, "*not a loopback address*" },
        { "all addresses are refused", "0.0.0.0:0", false, "*not a loopback address*" },
        { "all addresses are taken if meant", "0.0.0.0:0", true, NULL },
        { "all IPv6 addresses are refused", "[::]:0", false, "*not a loopback address*" },
        { "loopback in IPv6's clothes is refused", "[::ffff:127.0.0.1]:0", false,
          "*not a loopback address*" },
        { "a name is refused", "localhost:4181", false, "*is no address*" },
        { "a port alone is refused", "4181", false, "*is no address*" },
        { "no port is refused", "127.0.0.1:", false, "*is no address*" },
        { "a port past 65535 is refused", "127.0.0.1:65536", false, "*is no address*" },
        { "a bare IPv6 address is refused", "::1:4181", false, "*is no address*" },
        { "rubbish in brackets is refused", "[::x]:1", false, "*no IPv6 address*" },
};

static void test_address(Bench *bench, gconstpointer userdata)
{
        const AddressRow *row = userdata;
        g_autoptr(GError) error = NULL;
        unsigned port = 0;
        bool added = listener_add_tcp(bench->listener, row->address, row->any, &port, &error);

        g_assert_cmpint(added, ==, !row->pattern);
        if (error)
                g_assert_true(g_pattern_match_simple(row->pattern, error->message));
        else
                g_assert_cmpuint(port, >, 0);
}

static int tcp_socket(unsigned port)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        g_assert_cmpint(connect(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        return fd;
}

static void test_tcp(Bench *bench, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        unsigned port;

        g_assert_true(listener_add_tcp(bench->listener, "127.0.0.1:0", false, &port, NULL));
        int fd = tcp_socket(port);

        while (bench->fds->len == 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_false(bench->last.unix_socket || bench->last.has_credentials);
        g_assert_cmpstr(bench->last.address, ==, "127.0.0.1");
        g_autofree char *taken = g_strdup_printf("127.0.0.1:%u", port);

        g_assert_false(listener_add_tcp(bench->listener, taken, false, NULL, &error));
        g_assert_nonnull(strstr(error->message, "is in use by another process"));
        close(fd);
}

static void test_handed(Bench *bench, gconstpointer unused)
{
        int fd = unix_socket(bench->path, bind), plain = socket(AF_UNIX, SOCK_STREAM, 0);

        g_assert_cmpint(listen(fd, 5), ==, 0);
        g_assert_true(listener_add_fd(bench->listener, fd, NULL));
        close(unix_socket(bench->path, connect));
        turn();
        g_assert_cmpuint(bench->fds->len, ==, 1);
        g_assert_true(bench->last.has_credentials);
        g_assert_false(listener_add_fd(bench->listener, plain, NULL));
        listener_free(g_steal_pointer(&bench->listener));
        g_assert_true(g_file_test(bench->path, G_FILE_TEST_EXISTS)); /* the service manager's */
        close(plain);
}

static const struct {
        const char *name;
        void (*test)(Bench *bench, gconstpointer unused);
} tests[] = {
        { "a client is taken with its credentials", test_accepts },
        { "the mode is as asked, whatever the umask", test_mode },
        { "what kill -9 left is replaced", test_stale },
        { "a socket in use is left alone, and its pid told", test_in_use },
        { "a socket too busy to answer is left alone", test_busy },
        { "a file that is no socket is left alone", test_no_socket },
        { "a symbolic link is not followed", test_link },
        { "a path longer than the kernel's is refused", test_long_path },
        { "a missing folder is named", test_no_folder },
        { "a folder of others is named", test_denied },
        { "one user has no more than his share", test_uid_limit },
        { "the last places are kept for root", test_room_for_root },
        { "all together have no more than the limit", test_limit },
        { "the socket file goes with the listener", test_file_is_removed },
        { "a socket file of somebody else stays", test_file_of_another_stays },
        { "running out of descriptors is waited out", test_out_of_descriptors },
        { "a TCP client is taken with its address", test_tcp },
        { "a socket from the service manager serves", test_handed },
};

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strdup_printf("/listen/%s", tests[i].name);

                g_test_add(path, Bench, NULL, bench_setup, tests[i].test, bench_teardown);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                g_autofree char *path = g_strdup_printf("/listen/tcp/%s", addresses[i].name);

                g_test_add(path, Bench, &addresses[i], bench_setup, test_address, bench_teardown);
        }
        return g_test_run();
}

/* Sessions: who stays listed over a restart of ours, and who does not. */
#include "login/session.h"

#include "base/clock.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Fixture {
        char *folder;
        Store *store;
        Sessions *sessions;
        pid_t child; /* a process that waits to be ended */
} Fixture;

static pid_t start_child(void)
{
        pid_t child = fork();

        g_assert_cmpint(child, >=, 0);
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that breaks off leaves nobody behind */
                pause();
                _exit(0);
        }
        return child;
}

static void end_child(Fixture *fixture)
{
        if (fixture->child == 0)
                return;
        kill(fixture->child, SIGKILL);
        waitpid(fixture->child, NULL, 0);
        fixture->child = 0;
}

static void open_all(Fixture *fixture)
{
        g_autoptr(GError) error = NULL;

        fixture->store = store_open(fixture->folder, &error);
        g_assert_no_error(error);
        fixture->sessions = sessions_new(fixture->store, &error);
        g_assert_no_error(error);
}

static void close_all(Fixture *fixture)
{
        sessions_free(fixture->sessions);
        store_close(fixture->store);
}

static void set_up(Fixture *fixture, gconstpointer unused)
{
        g_autofree char *made = g_dir_make_tmp("authd-session-XXXXXX", NULL);

        fixture->folder = realpath(made, NULL);
        fixture->child = start_child();
        open_all(fixture);
}

static void remove_folder(const char *folder)
{
        g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(listing))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                g_unlink(path);
        }
        g_rmdir(folder);
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
        end_child(fixture);
        close_all(fixture);
        clock_set_wall_for_tests(0);
        remove_folder(fixture->folder);
        free(fixture->folder);
}

static LoginSession session_of(pid_t pid)
{
        return (LoginSession){
                .service = "sshd",
                .user = "alice",
                .subject = "5f3c9b6e-0000-4000-8000-000000000001",
                .rhost = "192.0.2.7",
                .tty = "ssh",
                .pid = pid,
                .opened_sec = clock_wall_sec(),
        };
}

static char *open_one(Fixture *fixture, const LoginSession *session)
{
        char *id = NULL;

        g_assert_cmpint(sessions_open(fixture->sessions, session, &id), ==, 0);
        g_assert_cmpuint(strlen(id), ==, 32);
        return id;
}

static void test_reopen(Fixture *fixture, gconstpointer unused)
{
        LoginSession session = session_of(fixture->child);
        g_autofree char *id = open_one(fixture, &session);
        json_t *before = sessions_list(fixture->sessions), *after;

        close_all(fixture);
        open_all(fixture);
        after = sessions_list(fixture->sessions);
        g_assert_cmpuint(json_array_size(after), ==, 1);
        g_assert_true(json_equal(before, after));
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(after, 0), "id")), ==, id);
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(after, 0), "pid")), ==,
                        fixture->child);
        g_assert_cmpint(
            json_integer_value(json_object_get(json_array_get(after, 0), "pid_started")), >, 0);
        json_decref(before);
        json_decref(after);
}

static void test_close(Fixture *fixture, gconstpointer unused)
{
        LoginSession session = session_of(fixture->child);
        g_autofree char *first = open_one(fixture, &session);
        g_autofree char *second = open_one(fixture, &session);

        g_assert_cmpstr(first, !=, second);
        g_assert_true(sessions_close(fixture->sessions, first));
        g_assert_false(sessions_close(fixture->sessions, first));
        g_assert_false(sessions_close(fixture->sessions, "nobody's"));
        close_all(fixture);
        open_all(fixture);
        g_assert_cmpuint(sessions_n(fixture->sessions), ==, 1);
        g_assert_true(sessions_close(fixture->sessions, second));
}

static void test_dead(Fixture *fixture, gconstpointer unused)
{
        LoginSession childs = session_of(fixture->child), ours = session_of(getpid());
        g_autofree char *child_id = open_one(fixture, &childs);
        g_autofree char *own_id = open_one(fixture, &ours);

        sessions_tidy(fixture->sessions);
        g_assert_cmpuint(sessions_n(fixture->sessions), ==, 2);
        end_child(fixture);
        sessions_tidy(fixture->sessions);
        g_assert_cmpuint(sessions_n(fixture->sessions), ==, 1);
        g_assert_false(sessions_close(fixture->sessions, child_id));
        g_assert_true(sessions_close(fixture->sessions, own_id));
}

static void test_dead_at_start(Fixture *fixture, gconstpointer unused)
{
        LoginSession session = session_of(fixture->child);
        g_autofree char *id = open_one(fixture, &session);

        g_assert_nonnull(id);
        close_all(fixture);
        end_child(fixture);
        open_all(fixture);
        g_assert_cmpuint(sessions_n(fixture->sessions), ==, 0);
}

/* Another process has the pid now: it began at another time. */
static void test_reused(Fixture *fixture, gconstpointer unused)
{
        LoginSession session = session_of(fixture->child);
        g_autofree char *id = open_one(fixture, &session);
        json_t *list = sessions_list(fixture->sessions);
        const json_t *started = json_object_get(json_array_get(list, 0), "pid_started");
        char *other_id = NULL;

        g_assert_nonnull(id);
        session.pid_started = (uint64_t) json_integer_value(started);
        json_decref(list);
        g_free(open_one(fixture, &session));
        session.pid_started++;
        g_assert_cmpint(sessions_open(fixture->sessions, &session, &other_id), ==, -ESRCH);
        g_assert_null(other_id);
        close_all(fixture);
        fixture->store = store_open(fixture->folder, NULL);
        g_assert_cmpint(store_change(fixture->store,
                                     "UPDATE login_session SET pid_started = pid_started - 1", NULL,
                                     0),
                        ==, 0);
        store_close(fixture->store);
        open_all(fixture);
        g_assert_cmpuint(sessions_n(fixture->sessions), ==, 0);
}

static void test_gone_already(Fixture *fixture, gconstpointer unused)
{
        LoginSession session = session_of(fixture->child);
        char *id = NULL;

        end_child(fixture);
        g_assert_cmpint(sessions_open(fixture->sessions, &session, &id), ==, -ESRCH);
        g_assert_null(id);
}

static void test_nobodys(Fixture *fixture, gconstpointer unused)
{
        LoginSession session = session_of(0);
        g_autofree char *id = open_one(fixture, &session);

        sessions_tidy(fixture->sessions);
        g_assert_true(sessions_close(fixture->sessions, id));
}

/* Uptime is the machine's; only the wall clock can be set back here. */
static void test_boot(Fixture *fixture, gconstpointer unused)
{
        int64_t booted_sec = clock_wall_sec() - clock_boot_usec() / CLOCK_USEC_PER_SEC;
        LoginSession session = session_of(fixture->child);

        session.opened_sec = booted_sec - 30;
        g_free(open_one(fixture, &session));
        session.opened_sec = booted_sec - 90;
        g_free(open_one(fixture, &session));
        close_all(fixture);
        open_all(fixture);
        g_assert_cmpuint(sessions_n(fixture->sessions), ==, 1);
}

static void test_hostile(Fixture *fixture, gconstpointer unused)
{
        LoginSession session = session_of(fixture->child);
        g_autofree char *long_name = g_strnfill(SESSION_TEXT_MAX + 1, 'x');

        session.rhost = "evil\x1b[2J\xff";
        session.tty = long_name;
        session.subject = NULL;
        g_free(open_one(fixture, &session));
        json_t *list = sessions_list(fixture->sessions), *one = json_array_get(list, 0);
        g_assert_cmpstr(json_string_value(json_object_get(one, "rhost")), ==, "evil?[2J?");
        g_assert_cmpuint(json_string_length(json_object_get(one, "tty")), ==, SESSION_TEXT_MAX);
        g_assert_cmpstr(json_string_value(json_object_get(one, "subject")), ==, "");
        json_decref(list);
}

static void test_full(void)
{
        g_autoptr(Sessions) sessions = sessions_new(NULL, NULL);
        LoginSession session = session_of(0);
        pid_t child = start_child();
        LoginSession childs = session_of(child);
        char *id = NULL;

        g_assert_cmpint(sessions_open(sessions, &childs, &id), ==, 0);
        g_clear_pointer(&id, g_free);
        for (int i = 1; i < SESSIONS_MAX; i++) {
                g_assert_cmpint(sessions_open(sessions, &session, &id), ==, 0);
                g_clear_pointer(&id, g_free);
        }
        g_assert_cmpint(sessions_open(sessions, &session, &id), ==, -ENOSPC);
        g_assert_null(id);
        /* One whose process is gone makes room. */
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        g_assert_cmpint(sessions_open(sessions, &session, &id), ==, 0);
        g_free(id);
}

/* The file is lost, what memory knows is not. */
static void test_afresh(Fixture *fixture, gconstpointer unused)
{
        LoginSession session = session_of(fixture->child);

        g_free(open_one(fixture, &session));
        g_assert_cmpint(g_unlink(store_path(fixture->store)), ==, 0);
        g_free(open_one(fixture, &session));
        store_sync(fixture->store); /* which sees that the file is another */
        close_all(fixture);
        open_all(fixture);
        g_assert_cmpuint(sessions_n(fixture->sessions), ==, 2);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*test)(Fixture *fixture, gconstpointer unused);
        } cases[] = {
                { "one that is open survives a restart", test_reopen },
                { "one that was closed does not", test_close },
                { "one whose process is gone is dropped at the next look", test_dead },
                { "also when it went while we were not there", test_dead_at_start },
                { "a pid that another process has is not its own", test_reused },
                { "one whose process is gone already is not opened", test_gone_already },
                { "one without a process stays until it is closed", test_nobodys },
                { "one of before the last boot is dropped at the start", test_boot },
                { "hostile names are cleaned and cut", test_hostile },
                { "what was open is written into a database begun afresh", test_afresh },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strconcat("/session/", cases[i].sentence, NULL);

                g_test_add(path, Fixture, NULL, set_up, cases[i].test, tear_down);
        }
        g_test_add_func("/session/there are at most so many, and the dead make room", test_full);
        return g_test_run();
}

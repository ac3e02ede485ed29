/* site: see site.h. */
#include "site.h"

#include "users/tableform.h"
#include "where.h"

#include <dlfcn.h>
#include <glib/gstdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define USEC_PER_SEC INT64_C(1000000)

static const char *folder_now = "/nonexistent/authd";
static const char *socket_now = "/nonexistent/authd/authd.sock";
static gint64 advanced_usec;

const char *where_folder(void)
{
        return folder_now;
}

const char *where_socket(void)
{
        return socket_now;
}

/* In place of libc's, which is found behind it: it makes no system call. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
        static int (*libc)(clockid_t, struct timespec *);

        if (!libc)
                *(void **) &libc = dlsym(RTLD_NEXT, "clock_gettime");
        int r = libc(clock, ret);
        gint64 usec = ret->tv_sec * USEC_PER_SEC + ret->tv_nsec / 1000 + advanced_usec;

        if (r == 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME))
                *ret = (struct timespec){ usec / USEC_PER_SEC, usec % USEC_PER_SEC * 1000 };
        return r;
}

void site_advance(int64_t usec)
{
        advanced_usec += usec;
}

int64_t site_now_usec(void)
{
        struct timespec now;

        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
        return now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

void site_init(Site *site)
{
        *site = (Site){ .folder = g_dir_make_tmp("authd-nss-XXXXXX", NULL) };
        g_assert_no_errno(g_chmod(site->folder, 0755));
        site->table_path = g_build_filename(site->folder, TABLE_FILE, NULL);
        site->table = table_new(site->folder);
        site->directory = fake_directory_new();
        folder_now = site->folder;
}

void site_publish(Site *site)
{
        g_assert_cmpint(table_publish(site->table, site->directory, true, true), ==, 0);
}

void site_daemon(Site *site, const FakeScript *script)
{
        if (site->daemon)
                fake_restart(site->daemon, script);
        else
                site->daemon = fake_new(script);
        socket_now = fake_path(site->daemon);
}

void site_socket(const char *path)
{
        socket_now = path;
}

void site_clear(Site *site)
{
        fake_free(site->daemon);
        table_free(site->table);
        fake_directory_free(site->directory);
        g_unlink(site->table_path);
        g_rmdir(site->folder);
        g_free(site->table_path);
        g_free(site->folder);
}

/* --- cases ---------------------------------------------------------------------------------- */

typedef struct Case {
        void (*test)(gconstpointer);
        gconstpointer argument;
} Case;

static void run_case(gconstpointer argument)
{
        const Case *one = argument;
        pid_t pid = fork();
        int status;

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                one->test(one->argument);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

void site_add(const char *path, void (*test)(gconstpointer), gconstpointer argument)
{
        Case *one = g_new(Case, 1);

        *one = (Case){ test, argument };
        g_test_add_data_func_full(path, one, run_case, g_free);
}

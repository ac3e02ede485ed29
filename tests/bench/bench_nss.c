/* bench_nss: what a lookup costs a process, through glibc: libnss_authd's mapped table beside the
 * files of /etc.
 *
 *     bench_nss FOLDER_OF_LIBNSS_AUTHD
 *
 * Each side is a process of its own in a mount namespace of its own, with its own
 * /etc/nsswitch.conf, passwd, group and /run/authd, and asks through getpwnam_r(3) as any program
 * does; in the rows of the module, the function of it that glibc calls. glibc itself (since 2.33)
 * looks at nsswitch.conf by stat(2) at each lookup, which no module changes. Needs root. The
 * figures of single lookups are medians, what the clock itself takes taken off. */
#include "fake_directory.h"
#include "ratio.h"
#include "users/table.h"

#include "base/clock.h"

#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <nss.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PEOPLE_N         100000
#define GROUPS_N         2000
#define GROUPS_EACH      200 /* of everybody */
#define UID_FIRST        UINT32_C(1879048192)
#define FILE_LINES_N     20
#define SIDE_SEC         0.2
#define SINGLE_LOOKUPS_N 20000
#define BUFFER_SIZE      4096
#define GOAL_NAME_USEC   1.0
#define GOAL_GROUPS_USEC 20.0
#define GOAL_OF_FILES    5.0

/* --- a side: the child ----------------------------------------------------------------------- */

/* What a side is told by one letter each. */
enum order {
        ORDER_NAME = 'n',
        ORDER_ID = 'u',
        ORDER_MISS = 'm',
        ORDER_GROUPS = 'g',
        ORDER_MODULE = 'k',
        ORDER_SINGLE_NAME = 'N',
        ORDER_SINGLE_GROUPS = 'G',
        ORDER_SINGLE_MODULE = 'K',
        ORDER_SINGLE_LOOK = 'L',
        ORDER_NO_CALLS = 's'
};

typedef enum nss_status (*GetByName)(const char *, struct passwd *, char *, size_t, int *);

typedef struct Side {
        const char *name; /* whom it asks for */
        uid_t uid;
        const char *missing;
        GetByName get; /* the module's own function, which glibc calls */
        Table *table;  /* NULL: the files' side */
} Side;

static char buffer[BUFFER_SIZE];
static gid_t gids[GROUPS_EACH + 16];

static void ask_name(const Side *side)
{
        struct passwd entry, *found;

        if (getpwnam_r(side->name, &entry, buffer, sizeof(buffer), &found) != 0 || !found)
                errx(1, "%s was not found", side->name);
}

static void ask_id(const Side *side)
{
        struct passwd entry, *found;

        if (getpwuid_r(side->uid, &entry, buffer, sizeof(buffer), &found) != 0 || !found)
                errx(1, "%u was not found", side->uid);
}

static void ask_missing(const Side *side)
{
        struct passwd entry, *found;

        if (getpwnam_r(side->missing, &entry, buffer, sizeof(buffer), &found) != 0 || found)
                errx(1, "%s was found", side->missing);
}

static void ask_groups(const Side *side)
{
        int n = G_N_ELEMENTS(gids);

        if (getgrouplist(side->name, side->uid, gids, &n) != (side->table ? GROUPS_EACH + 1 : 1))
                errx(1, "%s is in %d groups", side->name, n);
}

static double rate(const Side *side, void (*ask)(const Side *))
{
        double began = ratio_cpu();
        size_t n = 0;

        for (; n % 64 || ratio_cpu() - began < SIDE_SEC; n++)
                ask(side);
        return (double) n / (ratio_cpu() - began);
}

static void ask_module(const Side *side)
{
        struct passwd entry;
        int error;

        if (side->get(side->name, &entry, buffer, sizeof(buffer), &error) != NSS_STATUS_SUCCESS)
                errx(1, "%s was not found", side->name);
}

/* look: what glibc does by itself at each lookup, whatever the module. */
static void look(const Side *side)
{
        struct stat found;

        if (stat("/etc/nsswitch.conf", &found) != 0)
                err(1, "nsswitch.conf");
}

static void nothing(const Side *side)
{
}

/* single_usec: the median of so many lookups, each by itself. */
static double single_usec(const Side *side, void (*ask)(const Side *))
{
        static double taken[SINGLE_LOOKUPS_N];

        for (size_t i = 0; i < SINGLE_LOOKUPS_N; i++) {
                double began = ratio_now();

                ask(side);
                taken[i] = (ratio_now() - began) * 1e6;
        }
        return ratio_median(taken, SINGLE_LOOKUPS_N);
}

static void forbid_system_calls(void)
{
        struct sock_filter rules[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        };
        struct sock_fprog program = { G_N_ELEMENTS(rules), rules };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
                err(1, "seccomp");
}

/* makes_calls: whether the kernel had to kill the module's own function at a system call, asked for
 * somebody and for nobody. glibc itself looks at /etc/nsswitch.conf at each lookup. */
static double makes_calls(const Side *side)
{
        struct passwd entry;
        int status, error;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                bool is_wrong = side->get(side->name, &entry, buffer, BUFFER_SIZE, &error) !=
                                NSS_STATUS_SUCCESS;

                forbid_system_calls();
                for (int i = 0; i < 1000; i++) {
                        is_wrong |= side->get(side->name, &entry, buffer, BUFFER_SIZE, &error) !=
                                    NSS_STATUS_SUCCESS;
                        is_wrong |= side->get(side->missing, &entry, buffer, BUFFER_SIZE, &error) !=
                                    NSS_STATUS_NOTFOUND;
                }
                syscall(SYS_exit, is_wrong);
        }
        if (waitpid(pid, &status, 0) != pid || (WIFEXITED(status) && WEXITSTATUS(status) != 0))
                errx(1, "wrong answers without system calls");
        return WIFEXITED(status) ? 0 : 1;
}

static double obey(const Side *side, enum order order)
{
        if (side->table)
                table_beat(side->table, (uint64_t) clock_boot_usec());
        switch (order) {
        case ORDER_NAME: return rate(side, ask_name);
        case ORDER_ID: return rate(side, ask_id);
        case ORDER_MISS: return rate(side, ask_missing);
        case ORDER_GROUPS: return rate(side, ask_groups);
        case ORDER_SINGLE_NAME: return single_usec(side, ask_name) - single_usec(side, nothing);
        case ORDER_SINGLE_GROUPS: return single_usec(side, ask_groups) - single_usec(side, nothing);
        case ORDER_MODULE: return rate(side, ask_module);
        case ORDER_SINGLE_MODULE: return single_usec(side, ask_module) - single_usec(side, nothing);
        case ORDER_SINGLE_LOOK: return single_usec(side, look) - single_usec(side, nothing);
        case ORDER_NO_CALLS: return makes_calls(side);
        }
        errx(1, "unknown order %c", order);
}

/* --- its namespace --------------------------------------------------------------------------- */

static void write_file(const char *name, const char *content)
{
        g_autofree char *path = g_build_filename("/run/etc", name, NULL);
        g_autofree char *target = g_build_filename("/etc", name, NULL);

        if (!g_file_set_contents(path, content, -1, NULL))
                err(1, "%s", path);
        if (mount(path, target, NULL, MS_BIND, NULL) != 0)
                err(1, "bind %s", target);
}

/* set_stage: a /run of its own, a passwd of 20 lines and a group file of as many. */
static void set_stage(const char *service)
{
        g_autoptr(GString) passwd = g_string_new(NULL), group = g_string_new(NULL);
        g_autofree char *conf = g_strdup_printf("passwd: %s\ngroup: %s\n", service, service);

        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") != 0)
                err(1, "a mount namespace");
        if (mkdir("/run/etc", 0755) != 0 || mkdir("/run/authd", 0755) != 0)
                err(1, "mkdir");
        for (int i = 0; i < FILE_LINES_N; i++) {
                g_string_append_printf(passwd, "user%d:x:%d:%d:A User,,,:/home/user%d:/bin/bash\n",
                                       i, 1000 + i, 1000 + i, i);
                g_string_append_printf(group, "user%d:x:%d:\n", i, 1000 + i);
        }
        write_file("passwd", passwd->str);
        write_file("group", group->str);
        write_file("nsswitch.conf", conf);
}

static Table *publish(void)
{
        Directory *directory = fake_directory_new();
        Table *table = table_new("/run/authd");
        struct stat found;
        double began;

        fake_directory_fill(directory, PEOPLE_N, GROUPS_N, GROUPS_EACH, UID_FIRST);
        began = ratio_cpu();
        if (table_publish(table, directory, false, true) != 0 ||
            stat("/run/authd/users.table", &found) != 0)
                errx(1, "no table");
        fprintf(stderr,
                "#   %d people in %d groups each: a table of %.1f MB, written in %.0f ms of "
                "processor\n",
                PEOPLE_N, GROUPS_EACH, (double) found.st_size / 1e6, (ratio_cpu() - began) * 1e3);
        fake_directory_free(directory);
        return table;
}

/* module_function: of the last service that is named. */
static GetByName module_function(const char *service)
{
        const char *space = strrchr(service, ' ');
        const char *name = space ? space + 1 : service;
        g_autofree char *file = g_strdup_printf("libnss_%s.so.2", name);
        g_autofree char *symbol = g_strdup_printf("_nss_%s_getpwnam_r", name);
        void *library = dlopen(file, RTLD_NOW);
        void *found = library ? dlsym(library, symbol) : NULL;
        GetByName get;

        if (!found)
                errx(1, "%s", dlerror());
        memcpy(&get, &found, sizeof(get));
        return get;
}

static int be_side(const char *service)
{
        bool is_ours = strstr(service, "authd") != NULL;
        Side side = { .name = is_ours ? "p050000" : "user10",
                      .uid = is_ours ? UID_FIRST + 49999 : 1010,
                      .missing = "nobody-here" };
        char order;

        set_stage(service);
        side.get = module_function(service);
        if (is_ours)
                side.table = publish();
        while (read(STDIN_FILENO, &order, 1) == 1) {
                printf("%.17g\n", obey(&side, (enum order) order));
                fflush(stdout);
        }
        table_free(side.table);
        return 0;
}

/* --- the parent ------------------------------------------------------------------------------ */

typedef struct Worker {
        FILE *answers;
        int orders;
        enum order order; /* of the row that is measured */
} Worker;

static void worker_start(Worker *worker, const char *service, const char *library_folder)
{
        int orders[2], answers[2];
        pid_t pid;

        if (pipe(orders) != 0 || pipe(answers) != 0 || (pid = fork()) < 0)
                err(1, "a worker");
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(orders[0], STDIN_FILENO);
                dup2(answers[1], STDOUT_FILENO);
                close(orders[1]);
                setenv("LD_LIBRARY_PATH", library_folder, 1);
                execl("/proc/self/exe", "bench_nss", "--side", service, NULL);
                _exit(1);
        }
        close(orders[0]);
        close(answers[1]);
        worker->orders = orders[1];
        worker->answers = fdopen(answers[0], "r");
}

static double worker_ask(Worker *worker, enum order order)
{
        char letter = (char) order;
        double value;

        if (write(worker->orders, &letter, 1) != 1 || fscanf(worker->answers, "%lf", &value) != 1)
                errx(1, "a side ended");
        return value;
}

static double worker_rate(void *userdata)
{
        Worker *worker = userdata;

        return worker_ask(worker, worker->order);
}

static double worker_median(Worker *worker, enum order order)
{
        double values[RATIO_ROUNDS];
        int rounds = ratio_rounds();

        for (int i = 0; i < rounds; i++)
                values[i] = worker_ask(worker, order);
        return ratio_median(values, (size_t) rounds);
}

static void measure(const char *name, Worker *ours, Worker *theirs, enum order order, double goal)
{
        ours->order = theirs->order = order;
        ratio_measure(name, worker_rate, ours, worker_rate, theirs, ">=", goal);
}

static void run(const char *library_folder)
{
        Worker authd, files, both;

        worker_start(&authd, "authd", library_folder);
        worker_start(&files, "files", library_folder);
        worker_start(&both, "files authd", library_folder);
        measure("nss_getpwnam_of_files", &authd, &files, ORDER_NAME, GOAL_OF_FILES);
        measure("nss_getpwuid_of_files", &authd, &files, ORDER_ID, GOAL_OF_FILES);
        measure("nss_missing_of_files", &authd, &files, ORDER_MISS, GOAL_OF_FILES);
        measure("nss_module_getpwnam_of_files", &authd, &files, ORDER_MODULE, GOAL_OF_FILES);
        ratio_row("nss_module_getpwnam_usec", worker_median(&authd, ORDER_SINGLE_MODULE),
                  "<=", GOAL_NAME_USEC);
        ratio_row("nss_getpwnam_usec", worker_median(&authd, ORDER_SINGLE_NAME),
                  "<=", GOAL_NAME_USEC);
        printf("#   of which glibc's look at nsswitch.conf: %.2f us\n",
               worker_median(&authd, ORDER_SINGLE_LOOK));
        ratio_row("nss_initgroups_usec", worker_median(&authd, ORDER_SINGLE_GROUPS),
                  "<=", GOAL_GROUPS_USEC);
        printf("#   behind the files of /etc: getpwnam %.2f us, initgroups %.2f us\n",
               worker_median(&both, ORDER_SINGLE_NAME), worker_median(&both, ORDER_SINGLE_GROUPS));
        ratio_row("nss_system_calls", worker_ask(&authd, ORDER_NO_CALLS), "<=", 0);
}

int main(int argc, char **argv)
{
        if (argc == 3 && strcmp(argv[1], "--side") == 0)
                return be_side(argv[2]);
        if (argc != 2)
                errx(2, "bench_nss FOLDER_OF_LIBNSS_AUTHD");
        if (geteuid() != 0) {
                printf("# bench_nss: mount namespaces need root\n");
                return 0;
        }
        run(argv[1]);
        return 0;
}

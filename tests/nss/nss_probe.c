/* nss_probe: asks libc for accounts, as any program does, and says which of the three results came:
 * "found", "none", or "error" with the errno; and how long it took.
 *
 *   nss_probe ask [OPTION…]       questions on stdin, an answer a line: one process, however long
 *   nss_probe time N QUESTION…    the median of N rounds, in nanoseconds, a line a question
 *   nss_probe direct N QUESTION…  the same of the module's own functions, without libc's part
 *   nss_probe parallel N QUESTION…  N threads, each with all questions, in turns; how many of which
 *
 * A question: "passwd NAME", "passwd #UID", "group NAME", "group #GID", "groups NAME" (all that the
 * person is in). Options: --buffer N (the first try's size), --interrupted (a signal each 50 us,
 * without SA_RESTART), --closed (no descriptor but 0, 1, 2 from now on), --uid N, --chroot FOLDER,
 * --forked (each question in a child of its own). libc only. */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE         (256 * 1024)
#define BUFFER_SIZE_FIRST 1024
#define BUFFER_SIZE_MAX   (64 * 1024 * 1024)
#define ROUNDS_MAX        100000
#define INTERRUPT_USEC    50
#define QUESTION_SIZE     1024
#define MODULE_VARIABLE   "NSS_PROBE_MODULE" /* whose functions "direct" calls: authd */
#define SYMBOL_SIZE       128

struct options {
        size_t buffer_size;
        bool forked;
};

/* One question under way: its buffer grows as libc asks. */
struct lookup {
        const char *word; /* the name or #number */
        char *buffer;
        size_t size;
        char *answer; /* LINE_SIZE */
};

static uint64_t now_nsec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000000U + (uint64_t) now.tv_nsec;
}

static bool is_number(const char *word)
{
        return word[0] == '#';
}

static unsigned number_of(const char *word)
{
        return (unsigned) strtoul(word + 1, NULL, 10);
}

/* Each _once: 0 and *ret_found, or what libc returned. */
static int passwd_once(struct lookup *lookup, bool *ret_found)
{
        struct passwd entry, *found = NULL;
        int r;

        if (is_number(lookup->word))
                r = getpwuid_r(number_of(lookup->word), &entry, lookup->buffer, lookup->size,
                               &found);
        else
                r = getpwnam_r(lookup->word, &entry, lookup->buffer, lookup->size, &found);
        if (r == 0 && found && lookup->answer)
                snprintf(lookup->answer, LINE_SIZE, "%s:%s:%u:%u:%s:%s:%s", entry.pw_name,
                         entry.pw_passwd, entry.pw_uid, entry.pw_gid, entry.pw_gecos, entry.pw_dir,
                         entry.pw_shell);
        *ret_found = found != NULL;
        return r;
}

static void print_members(char *text, char **members)
{
        size_t used = strlen(text);

        for (size_t i = 0; members[i] && used < LINE_SIZE; i++)
                used += (size_t) snprintf(text + used, LINE_SIZE - used, "%s%s", i ? "," : "",
                                          members[i]);
}

static int group_once(struct lookup *lookup, bool *ret_found)
{
        struct group entry, *found = NULL;
        int r;

        if (is_number(lookup->word))
                r = getgrgid_r(number_of(lookup->word), &entry, lookup->buffer, lookup->size,
                               &found);
        else
                r = getgrnam_r(lookup->word, &entry, lookup->buffer, lookup->size, &found);
        if (r == 0 && found && lookup->answer) {
                snprintf(lookup->answer, LINE_SIZE, "%s:%s:%u:", entry.gr_name, entry.gr_passwd,
                         entry.gr_gid);
                print_members(lookup->answer, entry.gr_mem);
        }
        *ret_found = found != NULL;
        return r;
}

/* The person's primary group is given as 0, so that only what NSS adds is seen beside it. */
static int groups_once(struct lookup *lookup, bool *ret_found)
{
        gid_t *gids = (gid_t *) lookup->buffer;
        int n = (int) (lookup->size / sizeof *gids);
        size_t used = 0;

        if (getgrouplist(lookup->word, 0, gids, &n) < 0)
                return ERANGE;
        for (int i = 0; i < n && lookup->answer && used < LINE_SIZE; i++)
                used += (size_t) snprintf(lookup->answer + used, LINE_SIZE - used, "%s%u",
                                          i ? "," : "", gids[i]);
        *ret_found = true;
        return 0;
}

typedef enum nss_status by_name(const char *name, struct passwd *entry, char *buffer, size_t size,
                                int *ret_errno);
typedef enum nss_status groups_of(const char *name, gid_t gid, long *start, long *size,
                                  gid_t **gids, long limit, int *ret_errno);

/* function: "getpwnam_r" of libnss_MODULE.so.2. */
static void *function_of_module(const char *function)
{
        const char *module = getenv(MODULE_VARIABLE) ? getenv(MODULE_VARIABLE) : "authd";
        char library[SYMBOL_SIZE], symbol[SYMBOL_SIZE];
        void *found, *handle;

        snprintf(library, sizeof library, "libnss_%s.so.2", module);
        snprintf(symbol, sizeof symbol, "_nss_%s_%s", module, function);
        handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
        found = handle ? dlsym(handle, symbol) : NULL;
        if (!found) {
                fprintf(stderr, "nss_probe: %s\n", dlerror());
                exit(2);
        }
        return found;
}

static int passwd_direct(struct lookup *lookup, bool *ret_found)
{
        static by_name *function;
        struct passwd entry;
        int errno_told = 0;

        if (!function)
                function = (by_name *) function_of_module("getpwnam_r");
        *ret_found = function(lookup->word, &entry, lookup->buffer, lookup->size, &errno_told) ==
                     NSS_STATUS_SUCCESS;
        return errno_told;
}

static int groups_direct(struct lookup *lookup, bool *ret_found)
{
        static groups_of *function;
        static gid_t *gids;
        static long size = 1024;
        long n = 0;
        int errno_told = 0;

        if (!function) {
                function = (groups_of *) function_of_module("initgroups_dyn");
                gids = malloc((size_t) size * sizeof *gids);
        }
        *ret_found =
            function(lookup->word, 0, &n, &size, &gids, -1, &errno_told) == NSS_STATUS_SUCCESS;
        return errno_told;
}

static const struct kind {
        const char *name;
        int (*once)(struct lookup *lookup, bool *ret_found);
        int (*direct)(struct lookup *lookup, bool *ret_found);
} KINDS[] = {
        { "passwd", passwd_once, passwd_direct },
        { "group", group_once, NULL },
        { "groups", groups_once, groups_direct },
};

static const struct kind *kind_of(const char *question, const char **ret_word)
{
        const char *space = strchr(question, ' ');

        for (size_t i = 0; space && i < sizeof KINDS / sizeof *KINDS; i++)
                if (strlen(KINDS[i].name) == (size_t) (space - question) &&
                    strncmp(KINDS[i].name, question, (size_t) (space - question)) == 0) {
                        *ret_word = space + 1;
                        return &KINDS[i];
                }
        fprintf(stderr, "nss_probe: no question: %s\n", question);
        exit(2);
}

static void *grown(void *old, size_t size)
{
        void *buffer = realloc(old, size);

        if (!buffer)
                abort();
        return buffer;
}

/* As a careful program: a larger buffer as long as libc asks for one. */
static int look_up(const struct kind *kind, struct lookup *lookup, bool *ret_found)
{
        int r;

        while ((r = kind->once(lookup, ret_found)) == ERANGE && lookup->size < BUFFER_SIZE_MAX) {
                lookup->size *= 2;
                lookup->buffer = grown(lookup->buffer, lookup->size);
        }
        return r;
}

static void answer(const char *question, const struct options *options)
{
        struct lookup lookup = { .size = options->buffer_size,
                                 .buffer = grown(NULL, options->buffer_size),
                                 .answer = grown(NULL, LINE_SIZE) };
        const struct kind *kind = kind_of(question, &lookup.word);
        bool found = false;
        uint64_t began = now_nsec();
        int r;

        lookup.answer[0] = '\0';
        r = look_up(kind, &lookup, &found);
        printf("%s %llu %s\n",
               r       ? "error"
               : found ? "found"
                       : "none",
               (unsigned long long) (now_nsec() - began) / 1000,
               r ? strerrorname_np(r) : lookup.answer);
        fflush(stdout);
        free(lookup.buffer);
        free(lookup.answer);
}

static void answer_in_a_child(const char *question, const struct options *options)
{
        pid_t child = fork();

        if (child == 0) {
                answer(question, options);
                _exit(0);
        }
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                ;
}

static void nothing(int signal)
{
}

static void be_interrupted(void)
{
        const struct sigaction action = { .sa_handler = nothing };
        const struct itimerval often = { { 0, INTERRUPT_USEC }, { 0, INTERRUPT_USEC } };

        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
}

static void close_all(void)
{
        struct rlimit limit;

        getrlimit(RLIMIT_NOFILE, &limit);
        for (int fd = 3; fd < (int) limit.rlim_cur && fd < 65536; fd++)
                close(fd);
}

/* Sets what the word says; returns how many words it took. */
static int set_option(struct options *options, const char *word, const char *value)
{
        if (strcmp(word, "--interrupted") == 0)
                be_interrupted();
        else if (strcmp(word, "--closed") == 0)
                close_all();
        else if (strcmp(word, "--forked") == 0)
                options->forked = true;
        else if (value && strcmp(word, "--buffer") == 0)
                options->buffer_size = strtoul(value, NULL, 10);
        else if (value && strcmp(word, "--uid") == 0 &&
                 setuid((uid_t) strtoul(value, NULL, 10)) == 0)
                return 2;
        else if (value && strcmp(word, "--chroot") == 0 && chroot(value) == 0 && chdir("/") == 0)
                return 2;
        else {
                fprintf(stderr, "nss_probe: %s: no such option, or refused\n", word);
                exit(2);
        }
        return strcmp(word, "--buffer") == 0 ? 2 : 1;
}

/* A line, read byte by byte, so that no signal takes half of it away. */
static bool read_line(char *line)
{
        size_t used = 0;

        while (used < QUESTION_SIZE - 1) {
                ssize_t n = read(STDIN_FILENO, line + used, 1);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                if (line[used] == '\n')
                        break;
                used++;
        }
        line[used] = '\0';
        return true;
}

/* "!--option [value]" in between: a process that first asked, then closed, forked, changed root. */
static void obey(struct options *options, char *line)
{
        char *value = strchr(line, ' ');

        if (value)
                *value++ = '\0';
        set_option(options, line, value);
        puts("done");
        fflush(stdout);
}

static int ask(int argc, char **argv)
{
        struct options options = { .buffer_size = BUFFER_SIZE_FIRST };
        char line[QUESTION_SIZE];

        for (int i = 0; i < argc;)
                i += set_option(&options, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        while (read_line(line)) {
                if (line[0] == '!')
                        obey(&options, line + 1);
                else if (options.forked)
                        answer_in_a_child(line, &options);
                else
                        answer(line, &options);
        }
        return 0;
}

static int compare(const void *a, const void *b)
{
        const uint64_t *one = a, *other = b;

        return (*one > *other) - (*one < *other);
}

static int measure(bool direct, long n, int argc, char **argv)
{
        uint64_t *took = grown(NULL, (size_t) n * sizeof *took);

        for (int i = 0; i < argc; i++) {
                struct lookup lookup = { .size = LINE_SIZE, .buffer = grown(NULL, LINE_SIZE) };
                const struct kind *kind = kind_of(argv[i], &lookup.word);
                int (*once)(struct lookup *, bool *) = direct ? kind->direct : kind->once;
                bool found = false;

                for (long k = 0; once && k < n; k++) {
                        uint64_t began = now_nsec();

                        once(&lookup, &found);
                        took[k] = now_nsec() - began;
                }
                qsort(took, (size_t) n, sizeof *took, compare);
                printf("%s %llu %s\n", found ? "found" : "none", (unsigned long long) took[n / 2],
                       argv[i]);
                free(lookup.buffer);
        }
        free(took);
        return 0;
}

struct asker {
        pthread_t thread;
        int first, argc;
        char **argv;
        unsigned found, none, error;
};

static void *ask_all(void *userdata)
{
        struct asker *asker = userdata;
        struct lookup lookup = { .size = BUFFER_SIZE_FIRST,
                                 .buffer = grown(NULL, BUFFER_SIZE_FIRST) };

        for (int i = 0; i < asker->argc; i++) {
                const struct kind *kind =
                    kind_of(asker->argv[(asker->first + i) % asker->argc], &lookup.word);
                bool found = false;
                int r = look_up(kind, &lookup, &found);

                *(r ? &asker->error : found ? &asker->found : &asker->none) += 1;
        }
        free(lookup.buffer);
        return NULL;
}

static int in_parallel(long n, int argc, char **argv)
{
        struct asker *askers = calloc((size_t) n, sizeof *askers);
        unsigned found = 0, none = 0, error = 0;

        for (long i = 0; i < n; i++) {
                askers[i] = (struct asker){ .first = (int) i, .argc = argc, .argv = argv };
                if (pthread_create(&askers[i].thread, NULL, ask_all, &askers[i]) != 0)
                        abort();
        }
        for (long i = 0; i < n; i++) {
                pthread_join(askers[i].thread, NULL);
                found += askers[i].found;
                none += askers[i].none;
                error += askers[i].error;
        }
        printf("found %u none %u error %u\n", found, none, error);
        free(askers);
        return 0;
}

int main(int argc, char **argv)
{
        long n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

        if (argc > 1 && strcmp(argv[1], "ask") == 0)
                return ask(argc - 2, argv + 2);
        if (n > 0 && n <= ROUNDS_MAX && strcmp(argv[1], "time") == 0)
                return measure(false, n, argc - 3, argv + 3);
        if (n > 0 && n <= ROUNDS_MAX && strcmp(argv[1], "direct") == 0)
                return measure(true, n, argc - 3, argv + 3);
        if (n > 0 && n <= ROUNDS_MAX && strcmp(argv[1], "parallel") == 0)
                return in_parallel(n, argc - 3, argv + 3);
        fprintf(stderr, "usage: nss_probe ask [OPTION…] | time|direct|parallel N QUESTION…\n");
        return 2;
}

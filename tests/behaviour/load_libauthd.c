/* load_libauthd: many threads that check one token through one libauthd client at a fixed rate,
 * until told to stop; what a service under load does while the daemon restarts behind it.
 *
 *     load_libauthd SOCKET POLICY N_THREADS CHECKS_A_SECOND <TOKEN
 *
 * SIGTERM ends it, with "checks N valid N other N errors N worst_msec N" on stdout. Of each
 * thread's first answer that is no yes there is a line on stderr. A thread that waited catches up.
 */
#include <authd.h>

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 256
#define SEC_NSEC    1000000000

typedef struct Asker {
        pthread_t thread;
        uint64_t n_checks, n_valid, n_other, n_errors, worst_nsec;
} Asker;

static authd *client;
static char token[AUTHD_TOKEN_SIZE_MAX + 1];
static const char *policy;
static uint64_t pause_nsec; /* between the beginnings of two checks of a thread */
static atomic_bool stopped;

static uint64_t now_nsec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * SEC_NSEC + (uint64_t) now.tv_nsec;
}

static void sleep_until(uint64_t nsec)
{
        struct timespec until = { (time_t) (nsec / SEC_NSEC), (long) (nsec % SEC_NSEC) };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
                ;
}

static void tell_first(const Asker *asker, int r, const authd_verdict *verdict)
{
        if (asker->n_other + asker->n_errors == 1 && authd_verdict_class(verdict) != AUTHD_VALID)
                fprintf(stderr, "check %ju: %s: %s %s\n", (uintmax_t) asker->n_checks,
                        r < 0 ? authd_error_text(r) : "answered", authd_verdict_reason(verdict),
                        authd_verdict_detail(verdict));
}

static void check_once(Asker *asker)
{
        authd_verdict *verdict = NULL;
        uint64_t began = now_nsec(), took;
        int r = authd_check(client, token, policy, &verdict);

        took = now_nsec() - began;
        asker->worst_nsec = took > asker->worst_nsec ? took : asker->worst_nsec;
        asker->n_checks++;
        if (r < 0)
                asker->n_errors++;
        else if (authd_verdict_class(verdict) == AUTHD_VALID)
                asker->n_valid++;
        else
                asker->n_other++;
        tell_first(asker, r, verdict);
        authd_verdict_free(verdict);
}

static void *ask(void *argument)
{
        uint64_t next = now_nsec();

        for (; !atomic_load(&stopped); next += pause_nsec) {
                sleep_until(next);
                check_once(argument);
        }
        return NULL;
}

static void wait_for_the_end(const sigset_t *ends)
{
        int number;

        sigwait(ends, &number);
        atomic_store(&stopped, true);
}

static void print_sum(const Asker *askers, size_t n_askers)
{
        Asker sum = { 0 };

        for (size_t i = 0; i < n_askers; i++) {
                sum.n_checks += askers[i].n_checks;
                sum.n_valid += askers[i].n_valid;
                sum.n_other += askers[i].n_other;
                sum.n_errors += askers[i].n_errors;
                if (askers[i].worst_nsec > sum.worst_nsec)
                        sum.worst_nsec = askers[i].worst_nsec;
        }
        printf("checks %ju valid %ju other %ju errors %ju worst_msec %ju\n",
               (uintmax_t) sum.n_checks, (uintmax_t) sum.n_valid, (uintmax_t) sum.n_other,
               (uintmax_t) sum.n_errors, (uintmax_t) (sum.worst_nsec / 1000000));
}

static void run(size_t n_askers)
{
        static Asker askers[THREADS_MAX];
        sigset_t ends;

        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        pthread_sigmask(SIG_BLOCK, &ends, NULL); /* the threads inherit it */
        for (size_t i = 0; i < n_askers; i++)
                if (pthread_create(&askers[i].thread, NULL, ask, &askers[i]) != 0)
                        errx(1, "cannot start a thread");
        wait_for_the_end(&ends);
        for (size_t i = 0; i < n_askers; i++)
                pthread_join(askers[i].thread, NULL);
        print_sum(askers, n_askers);
}

static void read_token(void)
{
        size_t size = fread(token, 1, sizeof(token) - 1, stdin);

        token[size] = '\0';
        token[strcspn(token, "\n")] = '\0';
}

int main(int argc, char **argv)
{
        struct authd_options options = { .size = sizeof(options),
                                         .socket = argc == 5 ? argv[1] : "" };
        unsigned long n_threads = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
        unsigned long rate = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
        int r;

        if (n_threads < 1 || n_threads > THREADS_MAX || rate < 1)
                errx(2, "usage: load_libauthd SOCKET POLICY N_THREADS CHECKS_A_SECOND <TOKEN");
        policy = argv[2];
        pause_nsec = SEC_NSEC / rate * n_threads;
        read_token();
        r = authd_open(&client, &options);
        if (r < 0)
                errx(1, "%s", authd_error_text(r));
        run(n_threads);
        authd_close(client);
        return 0;
}

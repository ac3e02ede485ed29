/* bench_lib: a cached check through libauthd against a round trip of a bare echo of the same sizes.
 *
 *     bench_lib AUTHD_SOCKET ECHO_SOCKET QUESTION_SIZE ANSWER_SIZE POLICY N_CLIENTS <TOKEN_FILE
 *
 * With one client the row is a quotient of times, with more one of rates. A client is a thread that
 * asks, waits and asks again; all of them share one authd, as a service's threads do. With no
 * client one check is made and nothing measured: to see how large it is. Where all of it runs (one
 * core or all) is for bench_doors.py to say. */
#include "ratio.h"

#include <authd.h>
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SIDE_SEC    1.0
#define CLIENTS_MAX 256
#define TOKEN_MAX   (AUTHD_TOKEN_SIZE_MAX + 2)
#define BYTES_MAX   65536

typedef struct Bench {
        const char *echo_socket;
        const char *policy;
        size_t question_size;
        size_t answer_size;
        int n_clients;
        authd *client;
        char token[TOKEN_MAX];
} Bench;

/* One side's clients while they run; each counts for itself. */
typedef struct Crowd {
        const Bench *bench;
        pthread_barrier_t start;
} Crowd;

typedef struct Member {
        Crowd *crowd;
        pthread_t thread;
        size_t n_done;
} Member;

static void check(const Bench *bench)
{
        authd_verdict *verdict = NULL;
        int r = authd_check(bench->client, bench->token, bench->policy, &verdict);

        if (r != 0 || authd_verdict_class(verdict) != AUTHD_VALID)
                errx(1, "a good token was not valid: %s",
                     r < 0 ? authd_error_text(r) : authd_verdict_detail(verdict));
        authd_verdict_free(verdict);
}

static int echo_connect(const Bench *bench)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (strlen(bench->echo_socket) >= sizeof(address.sun_path))
                errx(1, "%s: too long for a socket", bench->echo_socket);
        strcpy(address.sun_path, bench->echo_socket);
        if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof(address)) != 0)
                err(1, "%s", bench->echo_socket);
        return fd;
}

static void echo(const Bench *bench, int fd)
{
        static const char question[BYTES_MAX];
        static _Thread_local char answer[BYTES_MAX];

        if (send(fd, question, bench->question_size, MSG_NOSIGNAL) !=
                (ssize_t) bench->question_size ||
            recv(fd, answer, bench->answer_size, MSG_WAITALL) != (ssize_t) bench->answer_size)
                err(1, "the echo is broken");
}

/* Each client asks once before the start, so that it has its connection. */
static void *check_client(void *userdata)
{
        Member *member = userdata;
        const Bench *bench = member->crowd->bench;

        check(bench);
        pthread_barrier_wait(&member->crowd->start);
        for (double start = ratio_now(); ratio_now() - start < SIDE_SEC; member->n_done++)
                check(bench);
        return NULL;
}

static void *echo_client(void *userdata)
{
        Member *member = userdata;
        const Bench *bench = member->crowd->bench;
        int fd = echo_connect(bench);

        echo(bench, fd);
        pthread_barrier_wait(&member->crowd->start);
        for (double start = ratio_now(); ratio_now() - start < SIDE_SEC; member->n_done++)
                echo(bench, fd);
        close(fd);
        return NULL;
}

static double run_clients(const Bench *bench, void *(*client)(void *) )
{
        Crowd crowd = { .bench = bench };
        Member members[CLIENTS_MAX] = { 0 };
        size_t n_done = 0;

        pthread_barrier_init(&crowd.start, NULL, (unsigned) bench->n_clients + 1);
        for (int i = 0; i < bench->n_clients; i++) {
                members[i].crowd = &crowd;
                if (pthread_create(&members[i].thread, NULL, client, &members[i]) != 0)
                        errx(1, "cannot start a thread");
        }
        pthread_barrier_wait(&crowd.start);
        double start = ratio_now();

        for (int i = 0; i < bench->n_clients; i++) {
                pthread_join(members[i].thread, NULL);
                n_done += members[i].n_done;
        }
        pthread_barrier_destroy(&crowd.start);
        return (double) n_done / (ratio_now() - start);
}

static double check_side(void *bench)
{
        return run_clients(bench, check_client);
}

static double echo_side(void *bench)
{
        return run_clients(bench, echo_client);
}

static void read_token(Bench *bench)
{
        if (!fgets(bench->token, sizeof(bench->token), stdin))
                errx(2, "no token on stdin");
        bench->token[strcspn(bench->token, "\n")] = '\0';
}

static void print_row(Bench *bench)
{
        char name[64];

        if (bench->n_clients == 1) { /* rates the other way round are times */
                ratio_measure("libauthd_check_of_echo_roundtrip", echo_side, bench, check_side,
                              bench, "<=", 2.0);
                puts("#   (the echo's first)");
                return;
        }
        snprintf(name, sizeof(name), "libauthd_%d_clients_of_echo_rate", bench->n_clients);
        ratio_measure(name, check_side, bench, echo_side, bench, ">=", 0.35);
}

int main(int argc, char **argv)
{
        static Bench bench;

        if (argc != 7)
                errx(2, "six words are needed; see the head of bench_lib.c");
        struct authd_options options = {
                .size = sizeof(options),
                .socket = argv[1],
                .has_trusted_uid = 1,
                .trusted_uid = geteuid(),
        };

        bench.echo_socket = argv[2];
        bench.question_size = strtoul(argv[3], NULL, 10);
        bench.answer_size = strtoul(argv[4], NULL, 10);
        bench.policy = argv[5];
        bench.n_clients = atoi(argv[6]);
        if (bench.question_size > BYTES_MAX || bench.answer_size > BYTES_MAX ||
            bench.n_clients < 0 || bench.n_clients > CLIENTS_MAX)
                errx(2, "a size or the number of clients is out of range");
        read_token(&bench);
        int r = authd_open(&bench.client, &options);

        if (r < 0)
                errx(1, "authd_open: %s", authd_error_text(r));
        check(&bench);
        if (bench.n_clients > 0)
                print_row(&bench);
        authd_close(bench.client);
        return 0;
}

#include "ratio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

double ratio_now(void)
{
        return seconds_of(CLOCK_MONOTONIC);
}

double ratio_cpu(void)
{
        return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

double ratio_median(double *values, size_t n)
{
        qsort(values, n, sizeof(*values), compare);
        return values[n / 2];
}

int ratio_rounds(void)
{
        const char *text = getenv("AUTHD_BENCH_ROUNDS");
        int rounds = text ? atoi(text) : RATIO_ROUNDS;

        return rounds >= 1 && rounds <= RATIO_ROUNDS ? rounds : RATIO_ROUNDS;
}

void ratio_row(const char *name, double value, const char *op, double goal)
{
        bool met = strcmp(op, ">=") == 0 ? value >= goal : value <= goal;

        printf("ratio %s %.3f goal %s %g%s\n", name, value, op, goal, met ? "" : "  # missed");
        fflush(stdout);
}

void ratio_measure(const char *name, RatioSide ours, void *our_data, RatioSide theirs,
                   void *their_data, const char *op, double goal)
{
        double a[RATIO_ROUNDS], b[RATIO_ROUNDS], quotients[RATIO_ROUNDS];
        int rounds = ratio_rounds();

        for (int i = 0; i < rounds; i++) {
                a[i] = ours(our_data);
                b[i] = theirs(their_data);
                quotients[i] = a[i] / b[i];
        }
        ratio_row(name, ratio_median(quotients, (size_t) rounds), op, goal);
        printf("#   %.2f us against %.2f us (medians of %d)\n",
               1e6 / ratio_median(a, (size_t) rounds), 1e6 / ratio_median(b, (size_t) rounds),
               rounds);
        fflush(stdout);
}

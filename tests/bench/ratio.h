/* ratio: rows of "meson test --benchmark": two sides measured in turn in one run, the median of the
 * rounds.
 *
 * These machines are noisy, so a figure is a ratio of two sides that met the same noise, and no
 * figure is a test: a goal that is missed is printed as missed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define RATIO_ROUNDS 7

/* RatioSide: does its work once more or for a while and returns operations a second. */
typedef double (*RatioSide)(void *userdata);

/* ratio_measure: alternates ours and theirs RATIO_ROUNDS times (fewer with AUTHD_BENCH_ROUNDS set)
 * and prints "ratio NAME VALUE goal OP GOAL" and a comment with both medians. */
void ratio_measure(const char *name, RatioSide ours, void *our_data, RatioSide theirs,
                   void *their_data, const char *op, double goal);
/* ratio_row: for a value that was measured otherwise. */
void ratio_row(const char *name, double value, const char *op, double goal);
int ratio_rounds(void);
double ratio_now(void); /* seconds, monotonic */
/* ratio_cpu: seconds of processor that this process has used: what openssl speed counts as well,
 * and what a busy neighbour does not change. */
double ratio_cpu(void);
double ratio_median(double *values, size_t n);

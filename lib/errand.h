/* errand: one question to the daemon with an end: a connection opened, written to, read from and
 * closed, nothing kept.
 *
 * From the first step to the last it takes until the deadline at most, whatever the daemon does.
 * For the shims that are loaded into other programs: no lock, no signal, no thread; any thread. */
#pragma once

#include "wire.h"

#include <stdint.h>

int64_t errand_now_usec(void); /* CLOCK_MONOTONIC */
/* errand_run: sends size bytes, reads one answer. deadline_usec is of errand_now_usec's clock. 0,
 * and the caller calls wire_answer_deinit; a negative errno: could not ask. */
int errand_run(const char *socket_path, const char *bytes, size_t size, int64_t deadline_usec,
               struct wire_answer *ret);

/* attempts: how often logins failed, by user, by address and by service; and who must wait.
 *
 * Bounded (the oldest are forgotten), in memory; monotonic clock passed in. Unknown users count as
 * known ones do. Main thread; pure but for memory. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define ATTEMPTS_KEYS_MAX 65536

typedef struct Attempts Attempts;

Attempts *attempts_new(void);
void attempts_free(Attempts *attempts);
/* attempts_wait_usec: 0: may try now; else how long until. */
int64_t attempts_wait_usec(const Attempts *attempts, const char *service, const char *user,
                           const char *rhost, int64_t now_usec);
/* attempts_failed: max failures within lockout, counted for (service, user) and for (service,
 * rhost), the address with ten times as many. */
void attempts_failed(Attempts *attempts, const char *service, const char *user, const char *rhost,
                     unsigned max, int64_t lockout_usec, int64_t now_usec);
void attempts_succeeded(Attempts *attempts, const char *service, const char *user);

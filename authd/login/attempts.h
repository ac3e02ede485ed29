/* attempts: how often logins failed, by user and by address, of each service; and who must wait.
 *
 * Who fails as somebody from one address is held up there soon; that somebody from everywhere only
 * after many more, or anybody could keep anybody out.
 *
 * Bounded (the oldest are forgotten), in memory; monotonic clock passed in. Unknown users count as
 * known ones do. The addresses of one IPv6 network (/64) are one address: who has one of them has
 * all. Main thread; pure but for memory. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define ATTEMPTS_KEYS_MAX       65536
#define ATTEMPTS_USER_FACTOR    10 /* of a user from everywhere: tries of many addresses */
#define ATTEMPTS_ADDRESS_FACTOR 10 /* an address is many people's */

typedef struct Attempts Attempts;

Attempts *attempts_new(void);
void attempts_free(Attempts *attempts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Attempts, attempts_free)
/* attempts_wait_usec: 0: may try now; else how long until. rhost NULL or "": a local login, which
 * no address answers for. */
int64_t attempts_wait_usec(const Attempts *attempts, const char *service, const char *user,
                           const char *rhost, int64_t now_usec);
/* attempts_wait_here_usec: by what failed from rhost alone: for ways that nobody can guess. Who is
 * guessed at from everywhere still goes those. */
int64_t attempts_wait_here_usec(const Attempts *attempts, const char *service, const char *user,
                                const char *rhost, int64_t now_usec);
/* attempts_failed: max failures within lockout, from the first of them on, and the next one waits
 * for lockout; each that fails meanwhile begins the wait anew. Counted for (service, user, rhost),
 * for (service, user) with ATTEMPTS_USER_FACTOR times as many, and for (service, rhost) with
 * ATTEMPTS_ADDRESS_FACTOR times. A password is counted when it is sent, not when it has failed: or
 * as many as are sent at once would be free. */
void attempts_failed(Attempts *attempts, const char *service, const char *user, const char *rhost,
                     unsigned max, int64_t lockout_usec, int64_t now_usec);
/* attempts_forgiven: one that was counted was no failure. */
void attempts_forgiven(Attempts *attempts, const char *service, const char *user, const char *rhost,
                       unsigned max);
/* attempts_succeeded: forgets the user's failures, from rhost and from everywhere, but not the
 * address's: who has one account of their own must not buy tries at others with it. */
void attempts_succeeded(Attempts *attempts, const char *service, const char *user,
                        const char *rhost);
size_t attempts_n_waiting(const Attempts *attempts, int64_t now_usec); /* users and addresses */

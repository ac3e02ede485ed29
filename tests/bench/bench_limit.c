/* bench_limit: what a limit takes in memory when a million keys come, and ten.
 *
 * A limit by address, with the most slots that a policy may set. Each key takes one; the resident
 * memory of this process that came with it is a row. It would be worth little if the limit forgot
 * whom it holds, so how many of the million are remembered afterwards is another. */
#include "base/clock.h"
#include "ratio.h"
#include "verdict/limit.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define LIMIT        "address 10/d"
#define BYTES_A_MB   1e6
#define KEYS         1000000
#define MORE_KEYS    10000000
#define KEY_SIZE_MAX 48

static double resident_mb(void)
{
        long pages = 0;
        FILE *statm = fopen("/proc/self/statm", "re");

        if (!statm || fscanf(statm, "%*d %ld", &pages) != 1)
                errx(1, "/proc/self/statm cannot be read");
        fclose(statm);
        return (double) pages * (double) sysconf(_SC_PAGESIZE) / BYTES_A_MB;
}

/* key_of: an IPv6 address for each number. */
static Span key_of(uint32_t number, char text[KEY_SIZE_MAX])
{
        int n = snprintf(text, KEY_SIZE_MAX, "2001:db8:%" PRIx32 ":%" PRIx32 "::1", number >> 16,
                         number & 0xffff);

        return span_of(text, (size_t) n);
}

static void take(Limits *limits, uint32_t from, uint32_t to, int64_t now_usec)
{
        char text[KEY_SIZE_MAX];
        LimitAnswer answer;

        for (uint32_t i = from; i < to; i++) {
                limits_take(limits, NULL, key_of(i, text), now_usec, &answer);
                if (!answer.taken)
                        errx(1, "%s was refused its first", text);
        }
}

/* share_remembered: of the keys that took one. */
static double share_remembered(const Limits *limits, int64_t now_usec)
{
        char text[KEY_SIZE_MAX];
        uint32_t n = 0;
        LimitAnswer answer;

        for (uint32_t i = 0; i < KEYS; i++) {
                limits_look(limits, NULL, key_of(i, text), now_usec, &answer);
                n += answer.remaining < answer.limit;
        }
        return (double) n / KEYS;
}

int main(void)
{
        char *const lines[] = { (char *) LIMIT, NULL };
        int64_t now_usec = clock_monotonic_usec();
        double before_mb = resident_mb();
        Limits *limits = limits_new(lines, NULL, BUCKET_SLOTS_MAX, NULL);

        if (!limits)
                errx(1, "no limit");
        take(limits, 0, KEYS, now_usec);
        ratio_row("limit_1000000_keys_mb", resident_mb() - before_mb, "<=", 64);
        ratio_row("limit_1000000_keys_remembered", share_remembered(limits, now_usec), ">=", 0.99);
        take(limits, KEYS, MORE_KEYS, now_usec);
        ratio_row("limit_10000000_keys_mb", resident_mb() - before_mb, "<=", 64);
        limits_unref(limits);
        return 0;
}

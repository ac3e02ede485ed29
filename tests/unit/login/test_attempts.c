/* Attempts: who must wait after how many failures, on both sides of each edge. */
#include "login/attempts.h"

#include <stdbool.h>

#define SEC         INT64_C(1000000)
#define BOUND       3
#define LOCKOUT_SEC 60
#define ADDRESS     "192.0.2.7"

static void fail(Attempts *attempts, const char *user, const char *rhost, int64_t now_sec)
{
        attempts_failed(attempts, "sshd", user, rhost, BOUND, LOCKOUT_SEC * SEC, now_sec * SEC);
}

/* One failure, or a success, of alice or of another; then how long must be waited. */
typedef struct Row {
        const char *sentence;
        const char *failures; /* when, in seconds; "+": a success, "-": the last was no failure */
        int64_t asked_sec;
        int64_t wait_sec;
} Row;

static const Row rows[] = {
        { "who never failed may try", "", 0, 0 },
        { "one failure less than the bound is free", "0 1", 1, 0 },
        { "the last of the bound makes wait for the whole lockout", "0 1 2", 2, 60 },
        { "a second before its end there is a second left", "0 1 2", 61, 1 },
        { "at its end there is nothing left", "0 1 2", 62, 0 },
        { "after it the count begins anew", "0 1 2 62 63", 63, 0 },
        { "and is bound again", "0 1 2 62 63 64", 64, 60 },
        { "a failure that comes while others wait begins the wait anew", "0 1 2 50", 50, 60 },
        { "also past the window of the first", "0 1 2 50 100", 100, 60 },
        { "failures within the window count together", "0 30 59", 59, 60 },
        { "a failure at its end begins a new one", "0 30 60", 60, 0 },
        { "a success forgets them", "0 1 + 2", 2, 0 },
        { "a success forgets the wait", "0 1 2 +", 3, 0 },
        { "what was no failure does not count", "0 - 1 2", 2, 0 },
        { "and those before it do", "0 1 - 2 3", 3, 60 },
        { "what was no failure takes its wait with it", "0 1 2 -", 2, 0 },
        { "but not that of others", "0 1 2 3 -", 3, 60 },
        { "nothing is forgiven that was not counted", "- 0 1 2", 2, 60 },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_autoptr(Attempts) attempts = attempts_new();
        g_auto(GStrv) failures = g_strsplit(row->failures, " ", -1);

        for (char **at = failures; *at && **at; at++) {
                if (**at == '-')
                        attempts_forgiven(attempts, "sshd", "alice", ADDRESS, BOUND);
                else if (**at == '+')
                        attempts_succeeded(attempts, "sshd", "alice", ADDRESS);
                else
                        fail(attempts, "alice", ADDRESS, g_ascii_strtoll(*at, NULL, 10));
        }
        g_assert_cmpint(
            attempts_wait_usec(attempts, "sshd", "alice", ADDRESS, row->asked_sec * SEC), ==,
            row->wait_sec * SEC);
        g_assert_cmpuint(attempts_n_waiting(attempts, row->asked_sec * SEC), ==,
                         row->wait_sec > 0 ? 1 : 0);
}

static int64_t wait_sec(const Attempts *attempts, const char *service, const char *user,
                        const char *rhost)
{
        return attempts_wait_usec(attempts, service, user, rhost, 2 * SEC) / SEC;
}

static int64_t wait_here_sec(const Attempts *attempts, const char *user, const char *rhost)
{
        return attempts_wait_here_usec(attempts, "sshd", user, rhost, 2 * SEC) / SEC;
}

static void test_keys(void)
{
        g_autoptr(Attempts) attempts = attempts_new();

        for (int i = 0; i < BOUND; i++)
                fail(attempts, "alice", ADDRESS, 2);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", ADDRESS), ==, 60);
        g_assert_cmpint(wait_here_sec(attempts, "alice", ADDRESS), ==, 60);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", "198.51.100.1"), ==, 0);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", NULL), ==, 0);
        g_assert_cmpint(wait_sec(attempts, "sshd", "bob", ADDRESS), ==, 0);
        g_assert_cmpint(wait_sec(attempts, "sudo", "alice", ADDRESS), ==, 0);
        /* Read one after the other, both pairs are "sshdalice". */
        g_assert_cmpint(wait_sec(attempts, "sshda", "lice", NULL), ==, 0);
        g_assert_cmpint(wait_sec(attempts, "sshd", ADDRESS, NULL), ==, 0);
}

/* Whoever fails as alice from ten addresses keeps her out; from one, nobody does. */
static void test_user(void)
{
        g_autoptr(Attempts) attempts = attempts_new();

        for (int i = 0; i < BOUND * ATTEMPTS_USER_FACTOR - 1; i++) {
                g_autofree char *address = g_strdup_printf("198.51.100.%d", i);

                fail(attempts, "alice", address, 2);
        }
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", ADDRESS), ==, 0);
        fail(attempts, "alice", "203.0.113.1", 2);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", ADDRESS), ==, 60);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", NULL), ==, 60);
        g_assert_cmpint(wait_here_sec(attempts, "alice", ADDRESS), ==, 0);
        attempts_succeeded(attempts, "sshd", "alice", ADDRESS);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", NULL), ==, 0);
}

static void test_address(void)
{
        g_autoptr(Attempts) attempts = attempts_new();

        for (int i = 0; i < BOUND * ATTEMPTS_ADDRESS_FACTOR - 1; i++) {
                g_autofree char *user = g_strdup_printf("nobody%d", i);

                fail(attempts, user, ADDRESS, 2);
        }
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", ADDRESS), ==, 0);
        fail(attempts, "carol", ADDRESS, 2);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", ADDRESS), ==, 60);
        g_assert_cmpint(wait_here_sec(attempts, "alice", ADDRESS), ==, 60);
        attempts_succeeded(attempts, "sshd", "alice", ADDRESS);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", ADDRESS), ==, 60);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", NULL), ==, 0);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", ""), ==, 0);
}

/* Two addresses, and whether they are one. */
typedef struct AddressRow {
        const char *failed, *asked;
        bool same;
} AddressRow;

static const AddressRow address_rows[] = {
        { "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true },
        { "2001:db8:1:2::1", "2001:db8:1:3::1", false },
        { "2001:DB8:1:2::1", "2001:db8:1:2::1", true },
        { "::ffff:192.0.2.7", "192.0.2.7", true },
        { "::ffff:192.0.2.7", "192.0.2.8", false },
        { "fe80::1%eth0", "fe80::2%eth1", true },
        { "Host.Example.com", "host.example.com", true },
        { "192.0.2.7", "192.0.2.70", false },
};

static void test_addresses(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(address_rows); i++) {
                const AddressRow *row = &address_rows[i];
                g_autoptr(Attempts) attempts = attempts_new();

                for (int n = 0; n < BOUND * ATTEMPTS_ADDRESS_FACTOR; n++) {
                        g_autofree char *user = g_strdup_printf("nobody%d", n);

                        fail(attempts, user, row->failed, 2);
                }
                g_test_message("%s and %s", row->failed, row->asked);
                g_assert_cmpint(wait_sec(attempts, "sshd", "alice", row->asked), ==,
                                row->same ? 60 : 0);
        }
}

static void test_bounded(void)
{
        g_autoptr(Attempts) attempts = attempts_new();

        for (int i = 0; i < BOUND; i++)
                fail(attempts, "alice", NULL, 2);
        for (int i = 0; i < BOUND; i++)
                fail(attempts, "bob", NULL, 2);
        for (int i = 0; i < ATTEMPTS_KEYS_MAX / 2 - 2; i++) {
                g_autofree char *user = g_strdup_printf("nobody%d", i);

                fail(attempts, user, NULL, 2);
        }
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", NULL), ==, 60);
        fail(attempts, "alice", NULL, 2); /* now bob is the oldest */
        fail(attempts, "carol", NULL, 2);
        g_assert_cmpint(wait_sec(attempts, "sshd", "alice", NULL), ==, 60);
        g_assert_cmpint(wait_sec(attempts, "sshd", "bob", NULL), ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/attempts/", rows[i].sentence, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/attempts/a service and a user are one key, and no other's", test_keys);
        g_test_add_func("/attempts/a user has ten times as many from everywhere", test_user);
        g_test_add_func("/attempts/an address has ten times as many, whoever the users",
                        test_address);
        g_test_add_func("/attempts/addresses of one network are one", test_addresses);
        g_test_add_func("/attempts/the oldest are forgotten when there are too many", test_bounded);
        return g_test_run();
}

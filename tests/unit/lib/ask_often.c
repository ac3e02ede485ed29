/* ask_often: as many checks as its argument says against a fake daemon, in each of three ways, for
 * valgrind to look at what is left. */
#include "authd.h"
#include "fake_daemon.h"

#include <poll.h>
#include <stdlib.h>

static void check_once(authd *client)
{
        authd_verdict *verdict;

        g_assert_cmpint(authd_check(client, "token", "orders", &verdict), ==, 0);
        g_assert_cmpstr(authd_verdict_subject(verdict), ==, "token");
        authd_verdict_free(verdict);
}

static void call_once(authd *client)
{
        struct authd_question question = { .size = sizeof(question), .token = "token" };
        authd_verdict *verdict;
        authd_call *call;

        g_assert_cmpint(authd_submit(client, &question, &call), ==, 0);
        while (authd_call_process(call, &verdict) == AUTHD_PENDING) {
                struct pollfd waited = { authd_call_fd(call), authd_call_events(call), 0 };

                poll(&waited, 1, authd_call_timeout_ms(call));
        }
        g_assert_nonnull(verdict);
        authd_verdict_free(verdict);
        authd_call_free(call);
}

static void fail_once(authd *client)
{
        authd_verdict *verdict;

        g_assert_cmpint(authd_check(client, "token", "orders", &verdict), ==, AUTHD_E_PROTOCOL);
        g_assert_null(verdict);
}

static void ask_often(const FakeScript *script, void (*once)(authd *client), int n)
{
        g_autoptr(Fake) fake = fake_new(script);
        struct authd_options options = { .size = sizeof(options),
                                         .socket = fake_path(fake),
                                         .timeout_ms = 60000 };
        authd *client;

        g_assert_cmpint(authd_open(&client, &options), ==, 0);
        for (int i = 0; i < n; i++)
                once(client);
        authd_close(client);
}

int main(int argc, char **argv)
{
        int n = argc > 1 ? atoi(argv[1]) : 1;

        ask_often(&(FakeScript){ 0 }, check_once, n);
        ask_often(&(FakeScript){ .end = FAKE_CLOSES }, call_once, n / 10);
        ask_often(&(FakeScript){ .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" },
                  fail_once, n / 10);
        return 0;
}

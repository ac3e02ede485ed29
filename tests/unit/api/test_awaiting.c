/* test_awaiting: how many may wait for the main thread, and for whom there is room all the same. */
#include "api/exchange.h"
#include "api/routes.h"

static unsigned n_asked, n_refused;

/* In place of exchange.c. */
void exchange_problem(Exchange *exchange, unsigned status, const char *word, const char *format,
                      ...)
{
        g_assert_cmpuint(status, ==, 503);
        n_refused++;
}

void exchange_answer(Exchange *exchange, unsigned status, const AnswerHeader *headers,
                     size_t n_headers, Span body)
{
        g_assert_not_reached();
}

static void on_ask_main(Api *api, uint64_t id, MainQuestion question, char *argument)
{
        n_asked++;
}

static void on_watch(Api *api)
{
}

static const ApiHooks hooks = { .ask_main = on_ask_main, .watch_deadlines = on_watch };

static const Route keys = { .access = ACCESS_ANYONE }, login = { .access = ACCESS_ROOT };

static void ask(Api *api, const Route *route, Exchange *exchange)
{
        *exchange = (Exchange){ .api = api, .route = route };
        api_ask_main(api, exchange, MAIN_SSH_KEYS, NULL);
}

/* Whoever asks about keys fills their share; then there is room for logins, and that has an end. */
static void test_room(void)
{
        enum { OTHERS = API_AWAITING_MAX - API_AWAITING_ROOT };
        g_autofree Exchange *exchanges = g_new0(Exchange, API_AWAITING_MAX + 2);
        Api api;

        api_init(&api, &hooks, NULL, NULL, NULL);
        for (size_t i = 0; i < OTHERS; i++)
                ask(&api, &keys, &exchanges[i]);
        g_assert_cmpuint(n_refused, ==, 0);
        ask(&api, &keys, &exchanges[API_AWAITING_MAX]);
        g_assert_cmpuint(n_refused, ==, 1);
        for (size_t i = OTHERS; i < API_AWAITING_MAX; i++)
                ask(&api, &login, &exchanges[i]);
        g_assert_cmpuint(n_refused, ==, 1);
        ask(&api, &login, &exchanges[API_AWAITING_MAX + 1]);
        g_assert_cmpuint(n_refused, ==, 2);
        g_assert_cmpuint(n_asked, ==, API_AWAITING_MAX);
        api_deinit(&api);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/awaiting/logins have room whatever others ask", test_room);
        return g_test_run();
}

#include "api/api.h"

#include "api/exchange.h"
#include "api/routes.h"
#include "base/clock.h"

void api_init(Api *api, const ApiHooks *hooks, const ApiMetrics *metrics, Checker *checker,
              void *worker)
{
        *api = (Api){
                .hooks = hooks,
                .metrics = metrics,
                .checker = checker,
                .pending = pending_new(),
                .awaiting = g_hash_table_new(g_int64_hash, g_int64_equal),
                .own_uid = geteuid(),
                .worker = worker,
        };
}

static void answer_unavailable(Exchange *exchange)
{
        exchange_problem(exchange, 503, "unavailable",
                         "The daemon's main thread gave no answer in time; ask again.");
}

/* answer_awaiting: everybody whose deadline is at or before now_usec. */
static void answer_awaiting(Api *api, int64_t now_usec)
{
        GHashTableIter iter;
        gpointer exchange;

        g_hash_table_iter_init(&iter, api->awaiting);
        while (g_hash_table_iter_next(&iter, NULL, &exchange)) {
                if (((Exchange *) exchange)->deadline_usec > now_usec)
                        continue;
                g_hash_table_iter_remove(&iter);
                answer_unavailable(exchange);
        }
}

void api_deinit(Api *api)
{
        answer_awaiting(api, INT64_MAX);
        g_hash_table_unref(api->awaiting);
        pending_free(api->pending);
        policy_set_unref(api->policies);
        clients_unref(api->clients);
        routing_unref(api->routing);
        front_unref(api->front);
        issuer_view_unref(api->view);
}

static int64_t patience_usec(MainQuestion question)
{
        static const int64_t longer[_MAIN_QUESTION_MAX] = {
                [MAIN_DOCTOR] = API_DOCTOR_USEC,
                [MAIN_USERS_SYNC] = API_PEOPLE_USEC,
                [MAIN_IDS_ASSIGN] = API_PEOPLE_USEC,
        };

        return longer[question] > 0 ? longer[question] : API_MAIN_USEC;
}

/* erase: a login's form may hold a password. */
static void erase(char *argument)
{
        if (argument)
                secret_erase(argument, strlen(argument));
        g_free(argument);
}

static bool has_room(const Api *api, const Exchange *exchange)
{
        bool is_roots = exchange->route->access == ACCESS_ROOT;

        return g_hash_table_size(api->awaiting) <
               (is_roots ? API_AWAITING_MAX : API_AWAITING_MAX - API_AWAITING_ROOT);
}

void api_ask_main(Api *api, Exchange *exchange, MainQuestion question, char *argument)
{
        if (!has_room(api, exchange)) {
                erase(argument);
                answer_unavailable(exchange);
                return;
        }
        exchange->main_id = ++api->last_id;
        exchange->deadline_usec = clock_monotonic_usec() + patience_usec(question);
        g_hash_table_insert(api->awaiting, &exchange->main_id, exchange);
        api->hooks->ask_main(api, exchange->main_id, question, argument);
        api->hooks->watch_deadlines(api);
}

void api_main_answered(Api *api, uint64_t id, MainAnswer *answer)
{
        Exchange *exchange = g_hash_table_lookup(api->awaiting, &id);

        if (!exchange) /* its deadline passed */
                return;
        g_hash_table_remove(api->awaiting, &id);
        AnswerHeader type = { "Content-Type",
                              answer->content_type ? answer->content_type : "application/json" };
        exchange_answer(exchange, answer->status, &type, 1, span_from(answer->body));
}

bool api_expire(Api *api, int64_t now_usec)
{
        answer_awaiting(api, now_usec);
        pending_expire(api->pending, now_usec);
        return g_hash_table_size(api->awaiting) > 0 || pending_size(api->pending) > 0;
}

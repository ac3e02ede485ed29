#include "worker.h"

#include "api/gate.h"
#include "base/clock.h"
#include "base/log.h"

#include <gio/gio.h>
#include <malloc.h>
#include <unistd.h>

#define WORKER_CROWD              256 /* connections, after which freed memory goes back */
#define WORKER_DEADLINE_TICK_MSEC 50  /* how late a deadline may be noticed */

struct Worker {
        WorkerSettings settings;
        GThread *thread;
        GMainContext *context;
        GMainLoop *loop;
        Mailbox *mailbox;
        Server *server;
        Checker *checker;
        DpopJudge *dpop; /* NULL: key-bound tokens are refused */
        Api api;
        GSource *deadlines;        /* exists while somebody waits */
        size_t n_connections_peak; /* since memory was last given back */
        size_t n_parked;           /* written by the worker, read by the main thread, atomically */
};

/* Letters. Each is made on one thread, read on the other, and freed there. */
typedef struct Letter {
        Worker *worker;
        Peer peer;
        int fd;
        IssuerView *view;
        WorkerRules rules;
        MailFunc done;
        void *userdata;
        CheckNeeds needs;
        Secret *token;
        Claims *own;
        Asked asked;
        char *trouble;
        uint64_t id;
        MainQuestion question;
        char *argument;
        MainAnswer answer;
} Letter;

static WorkerRules rules_ref(const WorkerRules *rules)
{
        return (WorkerRules){ policy_set_ref(rules->policies), clients_ref(rules->clients),
                              routing_ref(rules->routing), front_ref(rules->front) };
}

static void rules_clear(WorkerRules *rules)
{
        g_clear_pointer(&rules->policies, policy_set_unref);
        g_clear_pointer(&rules->clients, clients_unref);
        g_clear_pointer(&rules->routing, routing_unref);
        g_clear_pointer(&rules->front, front_unref);
}

static Letter *letter_new(Worker *worker)
{
        Letter *letter = g_new0(Letter, 1);

        letter->worker = worker;
        letter->fd = -1;
        return letter;
}

static void letter_free(void *userdata)
{
        Letter *letter = userdata;

        if (letter->fd >= 0)
                close(letter->fd);
        issuer_view_unref(letter->view);
        rules_clear(&letter->rules);
        secret_free(letter->token);
        claims_unref(letter->own);
        g_free(letter->trouble);
        g_free(letter->argument);
        g_free(letter->answer.body);
        g_free(letter);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Letter, letter_free)

static void post_to_main(Worker *worker, MailFunc deliver, Letter *letter)
{
        mailbox_post(worker->settings.main_mailbox, deliver, letter, letter_free);
}

static void post_to_worker(Worker *worker, MailFunc deliver, Letter *letter)
{
        mailbox_post(worker->mailbox, deliver, letter, letter_free);
}

/* On the main thread: what the worker wants. */

static void main_reads_closed(void *userdata)
{
        g_autoptr(Letter) letter = userdata;
        const WorkerHooks *hooks = &letter->worker->settings.hooks;

        hooks->closed(&letter->peer, hooks->userdata);
}

static void main_reads_ask_keys(void *userdata)
{
        g_autoptr(Letter) letter = userdata;
        const WorkerHooks *hooks = &letter->worker->settings.hooks;

        hooks->ask_keys(letter->worker, &letter->needs, hooks->userdata);
}

static void main_reads_ask_introspection(void *userdata)
{
        g_autoptr(Letter) letter = userdata;
        const WorkerHooks *hooks = &letter->worker->settings.hooks;

        hooks->ask_introspection(letter->worker, &letter->needs, secret_bytes(letter->token),
                                 letter->own, hooks->userdata);
}

static void main_reads_ask_main(void *userdata)
{
        g_autoptr(Letter) letter = userdata;
        const WorkerHooks *hooks = &letter->worker->settings.hooks;

        hooks->ask_main(letter->worker, letter->id, letter->question,
                        g_steal_pointer(&letter->argument), hooks->userdata);
}

static void main_reads_done(void *userdata)
{
        g_autoptr(Letter) letter = userdata;

        letter->done(letter->userdata);
}

/* On the worker's thread: what the api and the server want. */

static void worker_asks_keys(Api *api, const CheckNeeds *needs)
{
        Letter *letter = letter_new(api->worker);

        letter->needs = *needs;
        post_to_main(api->worker, main_reads_ask_keys, letter);
}

static void worker_asks_introspection(Api *api, const CheckNeeds *needs, Span token, Claims *own)
{
        Letter *letter = letter_new(api->worker);

        letter->needs = *needs;
        letter->token = secret_new(token);
        letter->own = own ? claims_ref(own) : NULL;
        post_to_main(api->worker, main_reads_ask_introspection, letter);
}

static void worker_asks_main(Api *api, uint64_t id, MainQuestion question, char *argument)
{
        Letter *letter = letter_new(api->worker);

        letter->id = id;
        letter->question = question;
        letter->argument = argument;
        post_to_main(api->worker, main_reads_ask_main, letter);
}

static gboolean deadlines_tick(gpointer userdata)
{
        Worker *worker = userdata;
        bool waiting = api_expire(&worker->api, clock_monotonic_usec());

        __atomic_store_n(&worker->n_parked, server_n_parked(worker->server), __ATOMIC_RELAXED);
        if (waiting)
                return G_SOURCE_CONTINUE;
        g_clear_pointer(&worker->deadlines, g_source_unref);
        return G_SOURCE_REMOVE;
}

static void worker_watches_deadlines(Api *api)
{
        Worker *worker = api->worker;

        if (worker->deadlines)
                return;
        worker->deadlines = g_timeout_source_new(WORKER_DEADLINE_TICK_MSEC);
        g_source_set_callback(worker->deadlines, deadlines_tick, worker, NULL);
        g_source_attach(worker->deadlines, worker->context);
}

static const ApiHooks api_hooks = {
        .ask_keys = worker_asks_keys,
        .ask_introspection = worker_asks_introspection,
        .ask_main = worker_asks_main,
        .watch_deadlines = worker_watches_deadlines,
};

static void server_request(Request *request, void *userdata)
{
        Worker *worker = userdata;

        gate_serve(&worker->api, request);
}

/* give_memory_back: ten thousand connections leave their pools free but ours; the allocator returns
 * them when asked, and it is asked when most of a crowd has gone. */
static void give_memory_back(Worker *worker)
{
        if (worker->n_connections_peak < WORKER_CROWD ||
            server_n_connections(worker->server) > worker->n_connections_peak / 8)
                return;
        worker->n_connections_peak = server_n_connections(worker->server);
        malloc_trim(0);
}

static void server_closed(const Peer *peer, void *userdata)
{
        Letter *letter = letter_new(userdata);

        letter->peer = *peer;
        post_to_main(userdata, main_reads_closed, letter);
        give_memory_back(userdata);
}

static void server_refused(unsigned status, const Peer *peer, void *userdata)
{
        Worker *worker = userdata;

        gate_refused(&worker->api, status, peer);
}

/* On the worker's thread: what the main thread gives. */

static void worker_reads_connection(void *userdata)
{
        g_autoptr(Letter) letter = userdata;

        server_add(letter->worker->server, letter->fd, &letter->peer);
        letter->fd = -1;
        letter->worker->n_connections_peak =
            MAX(letter->worker->n_connections_peak, server_n_connections(letter->worker->server));
}

static void worker_tells_done(Letter *letter)
{
        if (!letter->done)
                return;
        Letter *answer = letter_new(letter->worker);

        answer->done = letter->done;
        answer->userdata = letter->userdata;
        post_to_main(letter->worker, main_reads_done, answer);
}

static void worker_reads_view(void *userdata)
{
        g_autoptr(Letter) letter = userdata;
        Api *api = &letter->worker->api;

        issuer_view_unref(api->view);
        api->view = g_steal_pointer(&letter->view);
        worker_tells_done(letter);
}

/* use_rules: takes each of them. */
static void use_rules(Api *api, WorkerRules *rules)
{
        policy_set_unref(api->policies);
        clients_unref(api->clients);
        routing_unref(api->routing);
        front_unref(api->front);
        api->policies = g_steal_pointer(&rules->policies);
        api->clients = g_steal_pointer(&rules->clients);
        api->routing = g_steal_pointer(&rules->routing);
        api->front = g_steal_pointer(&rules->front);
}

static void worker_reads_rules(void *userdata)
{
        g_autoptr(Letter) letter = userdata;

        use_rules(&letter->worker->api, &letter->rules);
        worker_tells_done(letter);
}

static void worker_reads_needs_answer(void *userdata)
{
        g_autoptr(Letter) letter = userdata;

        pending_resolve(letter->worker->api.pending, &letter->needs, letter->asked,
                        letter->trouble);
}

static void worker_reads_main_answer(void *userdata)
{
        g_autoptr(Letter) letter = userdata;

        api_main_answered(&letter->worker->api, letter->id, &letter->answer);
}

static void worker_reads_stop(void *userdata)
{
        g_autoptr(Letter) letter = userdata;

        server_quiesce(letter->worker->server);
        g_main_loop_quit(letter->worker->loop);
}

static gpointer worker_run(gpointer userdata)
{
        Worker *worker = userdata;

        g_main_context_push_thread_default(worker->context);
        g_main_loop_run(worker->loop);

        api_deinit(&worker->api);
        server_free(worker->server);
        mailbox_close(worker->mailbox);
        if (worker->deadlines) {
                g_source_destroy(worker->deadlines);
                g_source_unref(worker->deadlines);
        }
        g_main_context_pop_thread_default(worker->context);
        return NULL;
}

Worker *worker_new(unsigned index, const WorkerSettings *settings, IssuerView *view,
                   const WorkerRules *rules, GError **error)
{
        Worker *worker = g_new0(Worker, 1);
        ServerHandlers handlers = { server_request, server_closed, server_refused, worker };
        g_autofree char *name = g_strdup_printf("worker-%u", index);

        WorkerRules first = rules_ref(rules);

        worker->settings = *settings;
        worker->context = g_main_context_new();
        worker->loop = g_main_loop_new(worker->context, FALSE);
        worker->mailbox = mailbox_new(worker->context);
        worker->checker = checker_new(settings->cache, settings->answers);
        if (worker->checker && settings->replay)
                worker->dpop = dpop_judge_new(settings->replay, settings->nonces);
        if (worker->dpop)
                checker_set_dpop(worker->checker, worker->dpop);
        worker->server = server_new(worker->context, &handlers, error);
        api_init(&worker->api, &api_hooks, &worker->settings.metrics, worker->checker, worker);
        worker->api.view = issuer_view_ref(view);
        worker->api.nonces = settings->nonces;
        use_rules(&worker->api, &first);
        worker->api.admin_gid = settings->admin_gid;
        worker->api.has_admin_gid = settings->has_admin_gid;
        if (worker->server && (!worker->checker || (settings->replay && !worker->dpop)))
                g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                            "OpenSSL lacks an algorithm that authd needs");
        else if (worker->server)
                worker->thread = g_thread_try_new(name, worker_run, worker, error);
        if (!worker->thread) {
                api_deinit(&worker->api);
                server_free(worker->server);
                mailbox_close(worker->mailbox);
                worker_free(worker);
                return NULL;
        }
        return worker;
}

void worker_give_connection(Worker *worker, int fd, const Peer *peer)
{
        Letter *letter = letter_new(worker);

        letter->fd = fd;
        letter->peer = *peer;
        post_to_worker(worker, worker_reads_connection, letter);
}

void worker_give_view(Worker *worker, IssuerView *view, MailFunc done, void *userdata)
{
        Letter *letter = letter_new(worker);

        letter->view = issuer_view_ref(view);
        letter->done = done;
        letter->userdata = userdata;
        post_to_worker(worker, worker_reads_view, letter);
}

void worker_give_rules(Worker *worker, const WorkerRules *rules, MailFunc done, void *userdata)
{
        Letter *letter = letter_new(worker);

        letter->rules = rules_ref(rules);
        letter->done = done;
        letter->userdata = userdata;
        post_to_worker(worker, worker_reads_rules, letter);
}

void worker_answer_needs(Worker *worker, const CheckNeeds *needs, Asked asked, const char *trouble)
{
        Letter *letter = letter_new(worker);

        letter->needs = *needs;
        letter->asked = asked;
        letter->trouble = g_strdup(trouble);
        post_to_worker(worker, worker_reads_needs_answer, letter);
}

void worker_answer_main(Worker *worker, uint64_t id, MainAnswer *answer)
{
        Letter *letter = letter_new(worker);

        letter->id = id;
        letter->answer = *answer;
        answer->body = NULL;
        post_to_worker(worker, worker_reads_main_answer, letter);
}

size_t worker_n_parked(const Worker *worker)
{
        return __atomic_load_n(&worker->n_parked, __ATOMIC_RELAXED);
}

void worker_free(Worker *worker)
{
        if (!worker)
                return;
        if (worker->thread) {
                post_to_worker(worker, worker_reads_stop, letter_new(worker));
                g_thread_join(worker->thread);
        }
        checker_free(worker->checker);
        dpop_judge_free(worker->dpop);
        mailbox_unref(worker->mailbox);
        g_main_loop_unref(worker->loop);
        g_main_context_unref(worker->context);
        g_free(worker);
}

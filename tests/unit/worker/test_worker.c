/* The letters of a worker that must ask about a token, by way of its doors: a request on a socket
 * pair, the main thread's answer, and what is read back. */
#include "worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "mint.h"

#include <sys/socket.h>
#include <unistd.h>

#define HEADER    "{'alg':'EdDSA','kid':'k','typ':'JWT'}"
#define CLAIMS    "{'iss':'" MINT_ISSUER "','exp':1700000300,'sub':'u','typ':'Bearer','aud':'orders'}"
#define WAIT_USEC (10 * G_USEC_PER_SEC)

typedef struct Desk {
        GMainContext *context;
        Mailbox *mailbox;
        MetricRegistry *registry;
        ClaimsCache *cache, *answers;
        IssuerView *view;
        WorkerRules rules;
        bool trusts; /* us, as a proxy */
        Worker *worker;
        uint64_t by_class[CLASS_FORBIDDEN + 1];
        unsigned n_asked;
        char *token;   /* that was asked about last */
        char *subject; /* of its own claims; NULL: it had none */
        Asked answer;  /* ASKED_NOTHING: leave it waiting */
} Desk;

static void on_closed(const Peer *peer, void *userdata)
{
}

static void on_ask_introspection(Worker *worker, const CheckNeeds *needs, Span token, Claims *own,
                                 void *userdata)
{
        Desk *desk = userdata;
        g_autoptr(Claims) claims = mint_claims(CLAIMS, "");
        const CacheFacts facts = { .issuer = needs->issuer,
                                   .asked_usec = clock_monotonic_usec(),
                                   .active = true };

        desk->n_asked++;
        g_free(desk->token);
        g_free(desk->subject);
        desk->token = g_strndup(token.data, token.len);
        desk->subject = own ? g_strndup(claims_subject(own).data, claims_subject(own).len) : NULL;
        if (desk->answer == ASKED_NOTHING)
                return;
        if (desk->answer == ASKED_FRESH)
                claims_cache_put(desk->answers, &needs->token, claims, &facts, MINT_NOW + 60);
        worker_answer_needs(worker, needs, desk->answer, "add the mapper");
}

static MetricFamily *family(Desk *desk, MetricKind kind, const char *name,
                            const char *const *labels)
{
        static const double buckets[] = { 1 };

        return metric_family_new(desk->registry, kind, name, "For tests.", labels,
                                 kind == METRIC_HISTOGRAM ? buckets : NULL,
                                 kind == METRIC_HISTOGRAM ? 1 : 0);
}

static void make_rules(Desk *desk)
{
        static const PolicyIssuer issuer = { "test", true };
        g_autoptr(PolicySettings) settings = policy_settings_new("orders");
        g_autoptr(GPtrArray) policies =
            g_ptr_array_new_with_free_func((GDestroyNotify) policy_unref);
        g_autoptr(GPtrArray) clients = g_ptr_array_new(); /* nobody, as of routes */
        g_autofree char *self = g_strdup_printf("uid:%u", getuid());
        char *proxies[] = { self, NULL };
        const FrontSettings front = { .trusted_proxies = desk->trusts ? proxies : NULL };

        settings->audience = g_strsplit("orders", ";", -1);
        settings->introspect = INTROSPECT_MODE_WRITES;
        g_ptr_array_add(policies, policy_new(settings, &issuer, 1, NULL));
        desk->rules = (WorkerRules){ .policies = policy_set_new(policies),
                                     .clients = clients_new(clients, NULL),
                                     .front = front_new(&front, NULL) };
        desk->rules.routing = routing_new(clients, desk->rules.policies, NULL);
        g_assert_true(
            front_add(desk->rules.front, settings, policy_set_get(desk->rules.policies, 0), NULL));
        g_assert_true(front_seal(desk->rules.front, false, NULL));
}

static void make_view(Desk *desk)
{
        g_autoptr(KeySet) keys = mint_keys("k", 1, "");
        const IssuerFacts facts = { .name = g_intern_static_string("test"),
                                    .url = g_intern_static_string(MINT_ISSUER),
                                    .keys = keys,
                                    .algorithms = ALG_SET_ALL,
                                    .keys_fresh_until_usec = INT64_MAX,
                                    .introspects = true };

        desk->view = issuer_view_new(&facts, 1, false);
}

static void desk_open_trusting(Desk *desk, Asked answer, bool trusts)
{
        static const char *const verdicts[] = { "issuer", "policy", "door", "reason", NULL };
        static const char *const doors[] = { "door", NULL };
        static const char *const errors[] = { "door", "error", NULL };
        WorkerSettings settings = { .hooks = { .closed = on_closed,
                                               .ask_introspection = on_ask_introspection,
                                               .userdata = desk } };
        g_autoptr(GError) error = NULL;

        *desk = (Desk){ .context = g_main_context_new(),
                        .registry = metric_registry_new(),
                        .cache = claims_cache_new(CACHE_SIZE_DEFAULT),
                        .answers = claims_cache_new(CACHE_SIZE_DEFAULT),
                        .answer = answer,
                        .trusts = trusts };
        desk->mailbox = mailbox_new(desk->context);
        make_rules(desk);
        make_view(desk);
        settings.main_mailbox = desk->mailbox;
        settings.cache = desk->cache;
        settings.answers = desk->answers;
        settings.metrics =
            (ApiMetrics){ .verdicts = family(desk, METRIC_COUNTER, "test_verdicts_total", verdicts),
                          .latency = family(desk, METRIC_HISTOGRAM, "test_request_seconds", doors),
                          .refused = family(desk, METRIC_COUNTER, "test_refused_total", errors),
                          .by_class = desk->by_class };
        desk->worker = worker_new(0, &settings, desk->view, &desk->rules, &error);
        g_assert_no_error(error);
}

static void desk_open(Desk *desk, Asked answer)
{
        desk_open_trusting(desk, answer, false);
}

static void desk_close(Desk *desk)
{
        worker_free(desk->worker);
        mailbox_close(desk->mailbox);
        mailbox_unref(desk->mailbox);
        g_main_context_unref(desk->context);
        policy_set_unref(desk->rules.policies);
        clients_unref(desk->rules.clients);
        routing_unref(desk->rules.routing);
        front_unref(desk->rules.front);
        issuer_view_unref(desk->view);
        claims_cache_free(desk->cache);
        claims_cache_free(desk->answers);
        metric_registry_free(desk->registry);
        g_free(desk->token);
        g_free(desk->subject);
}

static int connect_to(Desk *desk)
{
        const Peer peer = { .unix_socket = true, .has_credentials = true, .uid = getuid() };
        int ends[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                        ==, 0);
        worker_give_connection(desk->worker, ends[1], &peer);
        return ends[0];
}

/* ask: one request on a connection of its own; the main thread reads its letters meanwhile. */
static char *ask(Desk *desk, const char *target, const char *token, const char *more)
{
        g_autofree char *request =
            g_strdup_printf("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s"
                            "Connection: close\r\n\r\n",
                            target, token, more);
        g_autoptr(GString) text = g_string_new(NULL);
        int64_t deadline_usec = g_get_monotonic_time() + WAIT_USEC;
        int fd = connect_to(desk);
        ssize_t n = -1;

        g_assert_cmpint(write(fd, request, strlen(request)), ==, (ssize_t) strlen(request));
        while (n != 0 && g_get_monotonic_time() < deadline_usec) {
                char bytes[4096];

                n = read(fd, bytes, sizeof(bytes));
                if (n > 0)
                        g_string_append_len(text, bytes, n);
                g_main_context_iteration(desk->context, FALSE);
                if (n < 0)
                        g_usleep(500);
        }
        close(fd);
        g_assert_cmpint(n, ==, 0);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void assert_has(const char *text, const char *part)
{
        if (!strstr(text, part))
                g_error("\"%s\" is not in \"%s\"", part, text);
}

static void test_an_opaque_token_is_asked_about(void)
{
        g_autofree char *answer = NULL, *again = NULL;
        Desk desk;

        desk_open(&desk, ASKED_FRESH);
        answer = ask(&desk, "/v1/check?policy=orders&method=GET", "opaque", "");
        assert_has(answer, "\"reason\":\"valid\"");
        assert_has(answer, "\"until\":1700000000,\"stale\":false");
        g_assert_cmpstr(desk.token, ==, "opaque");
        g_assert_null(desk.subject);
        again = ask(&desk, "/v1/check?policy=orders&method=GET", "opaque", "");
        assert_has(again, "\"reason\":\"valid\"");
        g_assert_cmpuint(desk.n_asked, ==, 1);
        desk_close(&desk);
}

static void test_trouble_comes_back(void)
{
        g_autofree char *answer = NULL;
        Desk desk;

        desk_open(&desk, ASKED_NOT_PERMITTED);
        answer = ask(&desk, "/v1/check?policy=orders", "opaque", "");
        assert_has(answer, "\"reason\":\"unavailable\"");
        assert_has(answer, "\"detail\":\"add the mapper\"");
        desk_close(&desk);
}

/* The letters that nobody read are freed, and who waits is told: a sanitizer sees the rest. */
static void test_a_worker_may_end_while_it_asks(void)
{
        static const char request[] = "GET /v1/check?policy=orders HTTP/1.1\r\nHost: x\r\n"
                                      "Authorization: Bearer opaque\r\n\r\n";
        Desk desk;
        int fd;

        desk_open(&desk, ASKED_NOTHING);
        fd = connect_to(&desk);
        g_assert_cmpint(write(fd, request, strlen(request)), ==, (ssize_t) strlen(request));
        g_usleep(20000);
        desk_close(&desk);
        close(fd);
}

/* Which method a door was told: under introspect = writes it decides whether the issuer is asked.
 */
typedef struct MethodRow {
        const char *sentence;
        const char *target;
        const char *more; /* head fields */
        const char *status;
        unsigned n_asked;
        bool untrusted; /* we are no trusted proxy */
} MethodRow;

static const MethodRow methods[] = {
        { "check is told none", "/v1/check?policy=orders", "", "200", 1 },
        { "check is told a read", "/v1/check?policy=orders&method=GET", "", "200", 0 },
        { "check is told a write", "/v1/check?policy=orders&method=POST", "", "200", 1 },
        { "check is told two", "/v1/check?policy=orders&method=GET&method=GET", "", "400", 0 },
        { "auth is told none, whatever its own", "/auth/orders", "", "204", 1 },
        { "auth is told a read", "/auth/orders", "X-Original-Method: GET\r\n", "204", 0 },
        { "auth is told a write", "/auth/orders", "X-Original-Method: DELETE\r\n", "204", 1 },
        { "auth is told two", "/auth/orders",
          "X-Original-Method: GET\r\nX-Original-Method: GET\r\n", "403", 0 },
        { "auth is told a read by nobody who is believed", "/auth/orders",
          "X-Original-Method: GET\r\n", "204", 1, true },
        { "auth is told two by nobody who is believed", "/auth/orders",
          "X-Original-Method: GET\r\nX-Original-Method: GET\r\n", "204", 1, true },
        { "forward-auth is told a read", "/forward-auth/orders", "X-Forwarded-Method: GET\r\n",
          "200", 0 },
        { "forward-auth is told a read in nginx' words", "/forward-auth/orders",
          "X-Original-Method: GET\r\n", "200", 1 },
        { "ext-authz goes by its own method", "/ext-authz/orders/x", "", "200", 0 },
        { "ext-authz goes by nobody's who is not believed", "/ext-authz/orders/x", "", "200", 1,
          true },
        { "auth is told a read in small letters, which is no method", "/auth/orders",
          "X-Original-Method: get\r\n", "204", 1 },
};

static void test_method(gconstpointer data)
{
        const MethodRow *row = data;
        g_autofree char *token = mint_token(HEADER, CLAIMS, 1);
        g_autofree char *status = g_strdup_printf("HTTP/1.1 %s ", row->status);
        g_autofree char *answer = NULL;
        Desk desk;

        desk_open_trusting(&desk, ASKED_FRESH, !row->untrusted);
        answer = ask(&desk, row->target, token, row->more);
        assert_has(answer, status);
        g_assert_cmpuint(desk.n_asked, ==, row->n_asked);
        if (row->n_asked > 0)
                g_assert_cmpstr(desk.subject, ==, "u");
        desk_close(&desk);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        clock_set_wall_for_tests(MINT_NOW);
        log_set_level(LOG_LEVEL_ERROR);
        g_test_add_func("/worker/an opaque token is asked about",
                        test_an_opaque_token_is_asked_about);
        g_test_add_func("/worker/trouble comes back", test_trouble_comes_back);
        g_test_add_func("/worker/a worker may end while it asks",
                        test_a_worker_may_end_while_it_asks);
        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
                g_autofree char *path = g_strconcat("/worker/method/", methods[i].sentence, NULL);

                g_test_add_data_func(path, &methods[i], test_method);
        }
        return g_test_run();
}

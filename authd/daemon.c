#include "daemon.h"

#include "assertions.h"
#include "asking.h"
#include "base/clock.h"
#include "base/log.h"
#include "clinic.h"
#include "distrusting.h"
#include "outage.h"
#include "people.h"
#include "reception.h"
#include "report.h"
#include "token/json.h"
#include "worker.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define SOCKET_MODE                                                                                \
        0666 /* any local service may ask; the folder and the doors say who may do more */

/* Answers about tokens are kept in so much beside the claims: a quarter, and room for a large one.
 */
#define ANSWERS_SIZE_SHARE 4
#define ANSWERS_SIZE_MIN   (1024 * 1024)

struct Daemon {
        char *config_path;
        Config *config;
        GMainLoop *loop;
        Mailbox *mailbox;
        Store *store;        /* NULL: none, or it could not be opened */
        char *state_trouble; /* why not; NULL: it could, or none is wanted */
        Fetcher *fetcher;
        Issuers *issuers;
        Clinic *clinic;
        Outage *outage;
        People *people;
        Checker *checker;     /* for logins: the main thread's own */
        Reception *reception; /* NULL: logins are answered unavailable */
        IssuerView *view;
        Assertions *assertions;
        Listener *listener;
        ClaimsCache *cache;
        Replay *replay;
        Nonces *nonces;
        ClaimsCache *answers;
        Asking asking;
        MetricRegistry *registry;
        ApiMetrics metrics;
        uint64_t by_class[CLASS_FORBIDDEN + 1];
        Worker *workers[CONFIG_WORKERS_MAX];
        unsigned n_workers;
        unsigned next_worker;
        unsigned n_pulses; /* workers that have not answered the watchdog's letter */
        Report report;
        char *last_error;
        GSource *sources[5];
        unsigned n_sources;
};

/* Publication: something that counts as changed only when every worker has said that it uses it. */
typedef struct Publication {
        Daemon *daemon;
        unsigned n_waiting;
        Worker *asker; /* NULL: a signal asked */
        uint64_t id;
        MainAnswer answer;
} Publication;

static void publication_answer(Publication *publication)
{
        if (publication->asker)
                worker_answer_main(publication->asker, publication->id, &publication->answer);
        sd_notify(0, "READY=1");
        g_free(publication->answer.body);
        g_free(publication);
}

static void publication_seen(void *userdata)
{
        Publication *publication = userdata;

        if (--publication->n_waiting == 0)
                publication_answer(publication);
}

static WorkerRules daemon_rules(const Daemon *daemon)
{
        return (WorkerRules){
                .policies = daemon->config->compiled,
                .clients = daemon->config->compiled_clients,
                .routing = daemon->config->compiled_routing,
                .front = daemon->config->compiled_front,
                .assertion_keys = assertions_keys(daemon->assertions),
        };
}

static void publish_rules(Daemon *daemon, Publication *publication)
{
        WorkerRules rules = daemon_rules(daemon);

        publication->n_waiting = daemon->n_workers;
        for (unsigned i = 0; i < daemon->n_workers; i++)
                worker_give_rules(daemon->workers[i], &rules, publication_seen, publication);
}

static void assertion_keys_changed(void *userdata)
{
        Daemon *daemon = userdata;
        WorkerRules rules = daemon_rules(daemon);

        for (unsigned i = 0; i < daemon->n_workers; i++)
                worker_give_rules(daemon->workers[i], &rules, NULL, NULL);
}

/* publish_view: the one that the workers were sent already; by its answer each has it. */
static void publish_view(Daemon *daemon, Publication *publication)
{
        publication->n_waiting = daemon->n_workers;
        for (unsigned i = 0; i < daemon->n_workers; i++)
                worker_give_view(daemon->workers[i], daemon->view, publication_seen, publication);
}

static void view_changed(IssuerView *view, void *userdata)
{
        Daemon *daemon = userdata;

        issuer_view_unref(daemon->view);
        daemon->view = issuer_view_ref(view);
        for (unsigned i = 0; i < daemon->n_workers; i++)
                worker_give_view(daemon->workers[i], view, NULL, NULL);
        if (daemon->people)
                people_issuers_changed(daemon->people);
}

/* Settings. */

typedef struct FixedSetting {
        const char *name;
        bool changed;
} FixedSetting;

static bool lists_equal(char **a, char **b)
{
        static char *const none[] = { NULL };

        return g_strv_equal((const char *const *) (a ? a : (char **) none),
                            (const char *const *) (b ? b : (char **) none));
}

/* warn_fixed_settings: those that only a restart brings into force. */
static void warn_fixed_settings(const Config *old, const Config *new)
{
        const FixedSetting fixed[] = {
                { "socket", g_strcmp0(old->socket_path, new->socket_path) != 0 },
                { "listen", !lists_equal(old->listen, new->listen) },
                { "workers", old->workers != new->workers },
                { "cache_size", old->cache_size_bytes != new->cache_size_bytes },
                { "core_dumps", old->core_dumps != new->core_dumps },
                { "admin_group", g_strcmp0(old->admin_group, new->admin_group) != 0 },
                { "state_dir", g_strcmp0(old->state_dir, new->state_dir) != 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++)
                if (fixed[i].changed)
                        log_event(LOG_LEVEL_WARNING, "restart_needed",
                                  "A changed setting comes into force at the next restart.",
                                  LOG_TEXT("setting", fixed[i].name));
}

static void announce_config(const Daemon *daemon)
{
        if (daemon->config->allow_development_issuers)
                log_event(LOG_LEVEL_WARNING, "development_issuers_allowed",
                          "allow_development_issuers = true: tokens that anybody can mint are "
                          "accepted. Never on a "
                          "production host.");
        log_event(LOG_LEVEL_NOTICE, "config_loaded", "The settings are in force.",
                  LOG_TEXT("path", daemon->config_path),
                  LOG_NUMBER("issuers", daemon->config->issuers->len),
                  LOG_NUMBER("policies", daemon->config->policies->len));
}

static void take_config(Daemon *daemon, Config *config)
{
        if (daemon->config) {
                warn_fixed_settings(daemon->config, config);
                front_keep_buckets(config->compiled_front, daemon->config->compiled_front);
        }
        config_free(daemon->config);
        daemon->config = config;
        daemon->report.config = config;
        daemon->report.loaded_at_sec = clock_wall_sec();
        g_clear_pointer(&daemon->last_error, g_free);
        daemon->report.last_error = NULL;
        log_set_level(config->log_level);
        announce_config(daemon);
}

/* configure_people: the settings were found good; what is left is the state database. */
static void configure_people(Daemon *daemon)
{
        g_autoptr(GError) error = NULL;

        if (!people_configure(daemon->people, daemon->config->users, &error))
                log_event(LOG_LEVEL_ERROR, "people_unconfigured", error->message,
                          LOG_TEXT("consequence", "people are the accounts that they were before"));
}

static void configure_logins(Daemon *daemon)
{
        const Config *config = daemon->config;

        if (daemon->reception)
                reception_configure(daemon->reception, config->compiled_services,
                                    config->users->ssh_keys_attribute);
}

static void refuse_config(Daemon *daemon, const GError *error, MainAnswer *ret)
{
        json_auto *problem =
            json_pack("{s:s, s:s}", "error", "config_invalid", "detail", error->message);
        char *text = json_dumps(problem, JSON_COMPACT);

        g_free(daemon->last_error);
        daemon->last_error = g_strdup(error->message);
        daemon->report.last_error = daemon->last_error;
        log_event(LOG_LEVEL_ERROR, "config_invalid", error->message,
                  LOG_TEXT("consequence", "the settings before are still in force"));
        *ret = (MainAnswer){ .status = 422, .body = g_strdup(text) };
        free(text);
}

/* reload: swaps everything or keeps everything. */
static void reload(Daemon *daemon, Worker *asker, uint64_t id)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *notice = g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT,
                                                  g_get_monotonic_time());
        Publication *publication = g_new0(Publication, 1);
        g_autoptr(Config) config = NULL;

        *publication = (Publication){ .daemon = daemon, .asker = asker, .id = id };
        sd_notify(0, notice);
        config = config_load(daemon->config_path, &error);
        if (!config || !issuers_configure(daemon->issuers, config->issuers,
                                          config->allow_development_issuers, &error)) {
                refuse_config(daemon, error, &publication->answer);
                publication_answer(publication);
                return;
        }
        publication->answer = (MainAnswer){
                .status = 200,
                .body = g_strdup_printf("{\"reloaded\":true,\"issuers\":%u,\"policies\":%u}",
                                        config->issuers->len, config->policies->len),
        };
        take_config(daemon, g_steal_pointer(&config));
        configure_people(daemon);
        configure_logins(daemon);
        assertions_serve(daemon->assertions, daemon->config->compiled);
        publish_rules(daemon, publication);
}

/* What workers ask. */

static void worker_wants_keys(Worker *worker, const CheckNeeds *needs, void *userdata)
{
        Daemon *daemon = userdata;

        asking_keys(&daemon->asking, worker, needs);
}

static void worker_wants_introspection(Worker *worker, const CheckNeeds *needs, Span token,
                                       Claims *own, void *userdata)
{
        Daemon *daemon = userdata;

        asking_introspection(&daemon->asking, worker, needs, token, own);
}

/* What administrators ask. */

typedef struct AdminQuestion {
        Worker *worker;
        uint64_t id;
} AdminQuestion;

/* distrust: told to be done only when every worker has the view without the key. */
static void distrust(Daemon *daemon, Worker *asker, uint64_t id, const char *question)
{
        Publication *publication = g_new0(Publication, 1);

        *publication = (Publication){ .daemon = daemon, .asker = asker, .id = id };
        if (distrusting_do(daemon->issuers, question, &publication->answer))
                publish_view(daemon, publication);
        else
                publication_answer(publication);
}

static AdminQuestion *admin_question(Worker *worker, uint64_t id)
{
        AdminQuestion *question = g_new(AdminQuestion, 1);

        *question = (AdminQuestion){ worker, id };
        return question;
}

/* answered_later: by the clinic, by people, by the reception. */
static void answered_later(MainAnswer *answer, void *userdata)
{
        g_autofree AdminQuestion *question = userdata;

        worker_answer_main(question->worker, question->id, answer);
}

static void examine(Daemon *daemon, Worker *asker, uint64_t id, const char *issuer)
{
        clinic_admit(daemon->clinic, issuer, daemon->config->policies, answered_later,
                     admin_question(asker, id));
}

/* login: takes argument, which may hold a password. */
static void login(Daemon *daemon, Worker *asker, uint64_t id, MainQuestion what, char *argument)
{
        MainAnswer unavailable = { .status = 503 };

        if (daemon->reception) {
                reception_answer(daemon->reception, what, argument, answered_later,
                                 admin_question(asker, id));
                return;
        }
        if (argument)
                secret_erase(argument, strlen(argument));
        g_free(argument);
        unavailable.body = g_strdup("{\"error\":\"unavailable\",\"detail\":\"Logins are off: the "
                                    "log says why.\"}");
        worker_answer_main(asker, id, &unavailable);
}

static gboolean on_look(gpointer userdata)
{
        Daemon *daemon = userdata;
        size_t n_issuers = issuers_size(daemon->issuers);
        g_autofree IssuerOutage *issuers = g_new0(IssuerOutage, n_issuers);

        for (size_t i = 0; i < n_issuers; i++)
                issuers_outage(daemon->issuers, i, &issuers[i]);
        outage_look(daemon->outage, issuers, n_issuers, daemon->config->compiled,
                    clock_monotonic_usec());
        return G_SOURCE_CONTINUE;
}

static void report(Daemon *daemon, Worker *asker, uint64_t id, MainQuestion what,
                   const char *argument)
{
        MainAnswer answer;

        on_look(daemon);
        daemon->report.n_parked = 0;
        for (unsigned i = 0; i < daemon->n_workers; i++)
                daemon->report.n_parked += worker_n_parked(daemon->workers[i]);
        report_answer(&daemon->report, what, argument, &answer);
        worker_answer_main(asker, id, &answer);
}

static void worker_wants_answer(Worker *worker, uint64_t id, MainQuestion what, char *argument,
                                void *userdata)
{
        Daemon *daemon = userdata;
        g_autofree char *owned = argument;

        switch (what) {
        case MAIN_RELOAD: reload(daemon, worker, id); break;
        case MAIN_DISTRUST: distrust(daemon, worker, id, owned); break;
        case MAIN_DOCTOR: examine(daemon, worker, id, owned); break;
        case MAIN_PASSWD:
        case MAIN_GROUP:
        case MAIN_USERS:
        case MAIN_GROUPS:
        case MAIN_ID:
        case MAIN_IDS:
        case MAIN_USERS_SYNC:
        case MAIN_IDS_ASSIGN:
                people_answer(daemon->people, what, owned, answered_later,
                              admin_question(worker, id));
                break;
        case MAIN_LOGIN_BEGIN:
        case MAIN_LOGIN_NEXT:
        case MAIN_LOGIN_CANCEL:
        case MAIN_LOGIN_ACCOUNT:
        case MAIN_LOGIN_SESSION:
        case MAIN_LOGIN_PASSWORD:
        case MAIN_SSH_KEYS:
        case MAIN_SESSIONS: login(daemon, worker, id, what, g_steal_pointer(&owned)); break;
        default: report(daemon, worker, id, what, owned); break;
        }
}

static void worker_closed(const Peer *peer, void *userdata)
{
        Daemon *daemon = userdata;

        listener_closed(daemon->listener, peer);
}

static void connection_accepted(int fd, const Peer *peer, void *userdata)
{
        Daemon *daemon = userdata;

        worker_give_connection(daemon->workers[daemon->next_worker], fd, peer);
        daemon->next_worker = (daemon->next_worker + 1) % daemon->n_workers;
}

/* Making it. */

/* find_group: /etc/group alone; the daemon never calls NSS (libnss_authd would ask the daemon). */
static bool find_group(const char *name, gid_t *ret_gid)
{
        FILE *file = fopen("/etc/group", "re");
        bool found = false;
        struct group *group;

        if (!file)
                return false;
        while (!found && (group = fgetgrent(file)))
                if (strcmp(group->gr_name, name) == 0) {
                        *ret_gid = group->gr_gid;
                        found = true;
                }
        fclose(file);
        return found;
}

static unsigned count_processors(void)
{
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) < 0)
                return 1;
        return MIN((unsigned) CPU_COUNT(&set), CONFIG_WORKERS_MAX);
}

static void make_metrics(Daemon *daemon)
{
        static const double seconds[] = { 0.00005, 0.0001, 0.00025, 0.0005, 0.001,
                                          0.005,   0.025,  0.1,     0.5,    2.5 };
        static const char *const by_verdict[] = { "issuer", "policy", "door", "reason", NULL };
        static const char *const by_shadow[] = { "policy", "reason", NULL };
        static const char *const by_door[] = { "door", NULL };
        static const char *const by_error[] = { "door", "error", NULL };
        static const char *const by_pass[] = { "policy", "door", "why", NULL };
        static const char *const by_limit[] = { "policy", "route", "limit", NULL };
        MetricRegistry *registry = metric_registry_new();

        daemon->registry = registry;
        daemon->metrics = (ApiMetrics){
                .verdicts = metric_family_new(registry, METRIC_COUNTER, "authd_verdicts_total",
                                              "Verdicts given.", by_verdict, NULL, 0),
                .shadow_verdicts = metric_family_new(
                    registry, METRIC_COUNTER, "authd_shadow_verdicts_total",
                    "What policies tried in shadow would have said.", by_shadow, NULL, 0),
                .latency = metric_family_new(registry, METRIC_HISTOGRAM, "authd_request_seconds",
                                             "From the head of a request to its answer.", by_door,
                                             seconds, G_N_ELEMENTS(seconds)),
                .refused =
                    metric_family_new(registry, METRIC_COUNTER, "authd_refused_questions_total",
                                      "Questions that got no verdict, by what was wrong with them.",
                                      by_error, NULL, 0),
                .passed = metric_family_new(registry, METRIC_COUNTER, "authd_passed_total",
                                            "Requests that were let through without a token.",
                                            by_pass, NULL, 0),
                .limited = metric_family_new(registry, METRIC_COUNTER, "authd_limited_total",
                                             "Requests over a rate.", by_limit, NULL, 0),
                .by_class = daemon->by_class,
        };
}

/* open_state: without a state database nothing outlives us, and that is no reason not to answer. */
static void open_state(Daemon *daemon)
{
        const char *folder = daemon->config->state_dir;
        g_autoptr(GError) error = NULL;

        daemon->store = folder ? store_open(folder, &error) : NULL;
        if (!error)
                return;
        daemon->state_trouble = g_strdup(error->message);
        log_event(
            LOG_LEVEL_WARNING, "state_unavailable", error->message, LOG_TEXT("state_dir", folder),
            LOG_TEXT("consequence",
                     "keys distrusted at run time before count again, and a restart forgets all"));
}

static bool make_issuers(Daemon *daemon, GError **error)
{
        static const char *const by_call[] = { "issuer", "call", "result", NULL };
        IssuersHooks hooks = { .changed = view_changed, .userdata = daemon };

        hooks.upstream_calls =
            metric_family_new(daemon->registry, METRIC_COUNTER, "authd_upstream_calls_total",
                              "Requests to issuers.", by_call, NULL, 0);
        daemon->fetcher = fetcher_new(NULL);
        daemon->issuers = issuers_new(NULL, daemon->fetcher, daemon->store, &hooks);
        daemon->asking = (Asking){ daemon->issuers, daemon->answers };
        daemon->clinic = clinic_new(daemon->fetcher, daemon->issuers);
        daemon->outage = outage_new(outage_log, NULL);
        return issuers_configure(daemon->issuers, daemon->config->issuers,
                                 daemon->config->allow_development_issuers, error);
}

/* make_people: their table is where the socket is: libnss_authd looks for both in one folder. */
static void make_people(Daemon *daemon)
{
        static const char *const by_result[] = { "result", NULL };
        g_autofree char *folder = g_path_get_dirname(daemon->config->socket_path);
        MetricFamily *looks =
            metric_family_new(daemon->registry, METRIC_COUNTER, "authd_users_sync_total",
                              "Looks at the realm's people.", by_result, NULL, 0);

        daemon->people =
            people_new(NULL, daemon->fetcher, daemon->issuers, daemon->store, folder, looks);
        configure_people(daemon);
}

static const IssuerView *logins_view(void *userdata)
{
        return ((const Daemon *) userdata)->view;
}

static Directory *logins_directory(void *userdata)
{
        return people_directory(((const Daemon *) userdata)->people);
}

static Admin *logins_admin(void *userdata)
{
        return people_admin(((const Daemon *) userdata)->people);
}

static void logins_touched(void *userdata)
{
        people_touch(((const Daemon *) userdata)->people);
}

static void make_logins(Daemon *daemon)
{
        g_autoptr(GError) error = NULL;
        const LoginsDeps deps = {
                .context = g_main_context_default(),
                .fetcher = daemon->fetcher,
                .issuers = daemon->issuers,
                .store = daemon->store,
                .checker = daemon->checker = checker_new(daemon->cache, daemon->answers),
                .view = logins_view,
                .directory = logins_directory,
                .admin = logins_admin,
                .touched = logins_touched,
                .userdata = daemon,
        };
        Logins *logins = logins_new(&deps, &error);

        if (!logins) {
                log_event(LOG_LEVEL_ERROR, "logins_off", error->message,
                          LOG_TEXT("consequence", "nobody of the realm can log in"));
                return;
        }
        daemon->reception = reception_new(logins, daemon->issuers);
        configure_logins(daemon);
}

static void make_assertions(Daemon *daemon)
{
        daemon->assertions = assertions_new(daemon->store, assertion_keys_changed, daemon);
        assertions_serve(daemon->assertions, daemon->config->compiled);
}

static bool make_workers(Daemon *daemon, GError **error)
{
        WorkerSettings settings = {
                .main_mailbox = daemon->mailbox,
                .cache = daemon->cache,
                .replay = daemon->replay,
                .nonces = daemon->nonces,
                .answers = daemon->answers,
                .metrics = daemon->metrics,
                .hooks = { worker_closed, worker_wants_keys, worker_wants_introspection,
                           worker_wants_answer, daemon },
        };
        unsigned n = daemon->config->workers ? daemon->config->workers : count_processors();

        WorkerRules rules = daemon_rules(daemon);

        settings.has_admin_gid = find_group(daemon->config->admin_group, &settings.admin_gid);
        for (unsigned i = 0; i < n; i++) {
                daemon->workers[i] = worker_new(i, &settings, daemon->view, &rules, error);
                if (!daemon->workers[i])
                        return false;
                daemon->n_workers++;
        }
        return true;
}

/* make_listener: the service manager's sockets if it hands us any, else those of the settings. */
static bool make_listener(Daemon *daemon, GError **error)
{
        const Config *config = daemon->config;
        int n = sd_listen_fds(1);

        daemon->listener = listener_new(NULL, connection_accepted, daemon);
        for (int i = 0; i < n; i++)
                if (!listener_add_fd(daemon->listener, SD_LISTEN_FDS_START + i, error))
                        return false;
        if (n <= 0 && !listener_add_unix(daemon->listener, config->socket_path, SOCKET_MODE, error))
                return false;
        for (char **address = config->listen; address && *address; address++) {
                unsigned port;

                if (!listener_add_tcp(daemon->listener, *address, config->listen_any, &port, error))
                        return false;
                log_event(LOG_LEVEL_NOTICE, "listening", "A TCP address answers.",
                          LOG_TEXT("address", *address), LOG_NUMBER("port", port));
        }
        log_event(LOG_LEVEL_NOTICE, "listening", "The Unix socket answers.",
                  LOG_TEXT("socket", n > 0 ? "from the service manager" : config->socket_path));
        return true;
}

static gboolean on_stop(gpointer userdata)
{
        Daemon *daemon = userdata;

        g_main_loop_quit(daemon->loop);
        return G_SOURCE_CONTINUE;
}

static gboolean on_hangup(gpointer userdata)
{
        reload(userdata, NULL, 0);
        return G_SOURCE_CONTINUE;
}

static void pulse_felt(void *userdata)
{
        Daemon *daemon = userdata;

        if (--daemon->n_pulses == 0)
                sd_notify(0, "WATCHDOG=1");
}

/* on_watchdog: a worker that hangs is no better than a main thread that does, so each must answer a
 * letter, and the one that tells nothing new is the view that it has. */
static gboolean on_watchdog(gpointer userdata)
{
        Daemon *daemon = userdata;

        if (daemon->n_pulses > 0)
                return G_SOURCE_CONTINUE;
        daemon->n_pulses = daemon->n_workers;
        for (unsigned i = 0; i < daemon->n_workers; i++)
                worker_give_view(daemon->workers[i], daemon->view, pulse_felt, daemon);
        return G_SOURCE_CONTINUE;
}

static void add_source(Daemon *daemon, GSource *source, GSourceFunc callback)
{
        g_source_set_callback(source, callback, daemon, NULL);
        g_source_attach(source, NULL);
        daemon->sources[daemon->n_sources++] = source;
}

static void watch_signals(Daemon *daemon)
{
        uint64_t watchdog_usec;

        add_source(daemon, g_unix_signal_source_new(SIGTERM), on_stop);
        add_source(daemon, g_unix_signal_source_new(SIGINT), on_stop);
        add_source(daemon, g_unix_signal_source_new(SIGHUP), on_hangup);
        add_source(daemon, g_timeout_source_new_seconds(OUTAGE_LOOK_SEC), on_look);
        if (sd_watchdog_enabled(0, &watchdog_usec) > 0)
                add_source(daemon, g_timeout_source_new((guint) (watchdog_usec / 2000)),
                           on_watchdog);
}

static void make_report(Daemon *daemon)
{
        daemon->report = (Report){
                .config_path = daemon->config_path,
                .config = daemon->config,
                .issuers = daemon->issuers,
                .listener = daemon->listener,
                .cache = daemon->cache,
                .answers = daemon->answers,
                .outage = daemon->outage,
                .people = daemon->people,
                .reception = daemon->reception,
                .store = daemon->store,
                .state_trouble = daemon->state_trouble,
                .registry = daemon->registry,
                .shadow_verdicts = daemon->metrics.shadow_verdicts,
                .n_workers = daemon->n_workers,
                .started_at_sec = clock_wall_sec(),
                .loaded_at_sec = clock_wall_sec(),
                .by_class = daemon->by_class,
        };
        report_init(&daemon->report);
}

Daemon *daemon_new(const char *config_path, Config *config, GError **error)
{
        g_autoptr(Daemon) daemon = g_new0(Daemon, 1);

        daemon->config_path = g_strdup(config_path);
        daemon->config = config;
        daemon->loop = g_main_loop_new(NULL, FALSE);
        daemon->mailbox = mailbox_new(NULL);
        daemon->cache = claims_cache_new(config->cache_size_bytes);
        daemon->replay = replay_new(REPLAY_SLOTS_DEFAULT);
        daemon->nonces = nonces_new();
        daemon->answers =
            claims_cache_new(MAX(config->cache_size_bytes / ANSWERS_SIZE_SHARE, ANSWERS_SIZE_MIN));
        make_metrics(daemon);
        open_state(daemon);
        make_assertions(daemon);
        /* Workers before the listener: whoever is accepted has somewhere to go. */
        if (!make_issuers(daemon, error))
                return NULL;
        make_people(daemon);
        make_logins(daemon);
        if (!make_workers(daemon, error) || !make_listener(daemon, error))
                return NULL;
        people_publish(daemon->people);
        make_report(daemon);
        watch_signals(daemon);
        announce_config(daemon);
        return g_steal_pointer(&daemon);
}

void daemon_run(Daemon *daemon)
{
        log_event(LOG_LEVEL_NOTICE, "started", "authd is up.", LOG_TEXT("version", AUTHD_VERSION),
                  LOG_NUMBER("pid", getpid()), LOG_NUMBER("workers", daemon->n_workers));
        sd_notify(0, "READY=1");
        g_main_loop_run(daemon->loop);
        sd_notify(0, "STOPPING=1");
        log_event(LOG_LEVEL_NOTICE, "stopping", "authd was asked to stop.");
}

/* daemon_free: nobody new, then no more answers from outside, then the workers with whoever still
 * waits, then the letters that nobody will read. */
void daemon_free(Daemon *daemon)
{
        if (!daemon)
                return;
        for (unsigned i = 0; i < daemon->n_sources; i++) {
                g_source_destroy(daemon->sources[i]);
                g_source_unref(daemon->sources[i]);
        }
        listener_free(daemon->listener);
        assertions_free(daemon->assertions);
        clinic_free(daemon->clinic);
        reception_free(daemon->reception);
        g_clear_pointer(&daemon->people, people_free);
        issuers_free(daemon->issuers);
        fetcher_free(daemon->fetcher);
        for (unsigned i = 0; i < daemon->n_workers; i++)
                worker_free(daemon->workers[i]);
        mailbox_close(daemon->mailbox);
        mailbox_unref(daemon->mailbox);
        issuer_view_unref(daemon->view);
        checker_free(daemon->checker);
        claims_cache_free(daemon->cache);
        replay_free(daemon->replay);
        nonces_free(daemon->nonces);
        claims_cache_free(daemon->answers);
        outage_free(daemon->outage);
        store_close(daemon->store);
        metric_registry_free(daemon->registry);
        config_free(daemon->config);
        g_main_loop_unref(daemon->loop);
        g_free(daemon->last_error);
        g_free(daemon->state_trouble);
        g_free(daemon->config_path);
        g_free(daemon);
}

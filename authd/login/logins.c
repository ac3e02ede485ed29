/* logins: see logins.h. */
#include "login/logins.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "login/running.h"
#include "login/sshkeys.h"

#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <string.h>

#define ID_BYTES     16
#define TEXT_TRY_MIN "Too many failures: try again in %" G_GINT64_FORMAT " min."
#define MIN_USEC     (60 * CLOCK_USEC_PER_SEC)
/* What pushes are counted as, whatever the service: it is one person whom all of them reach. */
#define PUSHES "push/"

struct Logins {
        LoginsDeps deps;
        RunningOwner owner;
        Local *local;
        GPtrArray *services; /* Service; NULL: none */
        GHashTable *running; /* id → Running */
        GHashTable *askers;  /* asker_of → how many of running are theirs */
        Attempts *attempts;
        Sessions *sessions;
        Offline *offline;
        SshKeys *ssh_keys;
        Fence *fence;
        Directory *fence_directory; /* of which fence is made */
        Admin *fence_admin;
};

static const LoginReply unavailable = { .state = LOGIN_UNAVAILABLE };

/* Services. */

static const Service *find_service(const char *name, void *userdata)
{
        const Logins *logins = userdata;

        return logins->services ? services_find(logins->services, name) : NULL;
}

static void log_no_service(const char *service)
{
        log_event(LOG_LEVEL_WARNING, "login_service_unknown",
                  "PAM asks for a service that no [pam …] section names, nor [pam default].",
                  LOG_TEXT("service", service));
}

/* The record: one a decision, in the shape of verdicts. */

typedef struct Record {
        const char *id; /* of the conversation, or of the one question; NULL: there was no chance */
        const char *phase;
        const char *way;
        const char *verdict; /* allowed, denied, unavailable, locked */
        const char *reason;
        const char *detail;
        const char *issuer, *subject; /* NULL: not known */
        const char *token;            /* its fingerprint; NULL: none was judged */
        const LoginQuestion *question;
        int64_t duration_usec;
        bool stale;
} Record;

static const char *text_or_empty(const char *text)
{
        return text ? text : "";
}

static void write_record(const Record *record)
{
        LogLevel level =
            strcmp(record->verdict, "allowed") == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE;

        log_event(level, "login", record->detail[0] ? record->detail : "A login was decided.",
                  LOG_TEXT("verdict", record->verdict), LOG_TEXT("reason", record->reason),
                  LOG_TEXT("issuer", text_or_empty(record->issuer)),
                  LOG_TEXT("door", record->phase), LOG_TEXT("service", record->question->service),
                  LOG_TEXT("user", record->question->user),
                  LOG_TEXT("address", text_or_empty(record->question->rhost)),
                  LOG_TEXT("tty", text_or_empty(record->question->tty)),
                  LOG_TEXT("way", record->way), LOG_TEXT("subject", text_or_empty(record->subject)),
                  LOG_TEXT("token", text_or_empty(record->token)),
                  LOG_TEXT("request_id", text_or_empty(record->id)),
                  LOG_NUMBER("stale", record->stale),
                  LOG_NUMBER("duration_usec", record->duration_usec));
}

static const char *verdict_of(LoginState state)
{
        switch (state) {
        case LOGIN_ALLOWED: return "allowed";
        case LOGIN_LOCKED: return "locked";
        case LOGIN_UNAVAILABLE: return "unavailable";
        default: return "denied";
        }
}

/* reason_of: the token's verdict where one was judged, else how the conversation went. */
static const char *reason_of(const Running *running)
{
        const LoginVerdict *verdict = running_verdict(running);

        if (verdict)
                return verdict->reason;
        if (running_end(running) == LOGIN_LOCKED)
                return "locked";
        if (running_end(running) == LOGIN_UNAVAILABLE)
                return "unavailable";
        return conversation_failed_by_person(running_conversation(running)) ? "wrong_credentials"
                                                                            : "not_approved";
}

static void record_running(const Running *running)
{
        const Conversation *conversation = running_conversation(running);
        const LoginVerdict *verdict = running_verdict(running);
        const Record record = {
                .id = running_id(running),
                .phase = "login",
                .way = conversation_was_offline(conversation)
                           ? "offline"
                           : login_way_text(conversation_way(conversation)),
                .verdict = verdict_of(running_end(running)),
                .reason = reason_of(running),
                .detail = verdict ? verdict->detail : "",
                .issuer = verdict ? verdict->issuer : NULL,
                .subject = verdict ? verdict->subject : NULL,
                .token = verdict ? verdict->token : NULL,
                .question = running_question(running),
                .duration_usec = clock_monotonic_usec() - running_begun_usec(running),
        };

        write_record(&record);
}

/* Conversations. */

/* where_from: what a try is counted for beside the user: the address, or who asks on this host. */
static const char *where_from(const LoginQuestion *question)
{
        return question->rhost && *question->rhost ? question->rhost : question->ruser;
}

/* asker_of: who may hold so many conversations and no more; owned. */
static char *asker_of(const LoginQuestion *question)
{
        const char *from = where_from(question);

        return from && *from ? address_network(from) : g_strconcat("user ", question->user, NULL);
}

static size_t n_of_asker(const Logins *logins, const char *asker)
{
        return GPOINTER_TO_SIZE(g_hash_table_lookup(logins->askers, asker));
}

static void count_asker(Logins *logins, const LoginQuestion *question, int more)
{
        char *asker = asker_of(question);
        size_t n = n_of_asker(logins, asker) + more;

        if (n > 0) {
                g_hash_table_insert(logins->askers, asker, GSIZE_TO_POINTER(n));
                return;
        }
        g_hash_table_remove(logins->askers, asker);
        g_free(asker);
}

/* wait_to_begin: who fails here waits; who is guessed at elsewhere waits at a password alone. */
static int64_t wait_to_begin(const Logins *logins, const LoginQuestion *question)
{
        return attempts_wait_here_usec(logins->attempts, question->service, question->user,
                                       where_from(question), clock_monotonic_usec());
}

static int64_t wait_to_try(const Logins *logins, const char *what, const LoginQuestion *question)
{
        return attempts_wait_usec(logins->attempts, what, question->user, where_from(question),
                                  clock_monotonic_usec());
}

static void count_failure(Logins *logins, const char *what, const LoginQuestion *question)
{
        const Service *service = find_service(question->service, logins);

        if (service)
                attempts_failed(logins->attempts, what, question->user, where_from(question),
                                service->settings->attempts_max,
                                service->settings->lockout_sec * G_USEC_PER_SEC,
                                clock_monotonic_usec());
}

static void forgive_failure(Logins *logins, const LoginQuestion *question)
{
        const Service *service = find_service(question->service, logins);

        if (service)
                attempts_forgiven(logins->attempts, question->service, question->user,
                                  where_from(question), service->settings->attempts_max);
}

static char *words_of_wait(int64_t wait_usec)
{
        return g_strdup_printf(TEXT_TRY_MIN, (wait_usec + MIN_USEC - 1) / MIN_USEC);
}

static bool is_by_push(const Running *running)
{
        return conversation_way(running_conversation(running)) == WAY_PUSH;
}

/* running_tries: counted now, so that many passwords sent at once are no more tries than one after
 * the other. */
static char *running_tries(Running *running, void *userdata)
{
        Logins *logins = userdata;
        const LoginQuestion *question = running_question(running);
        const char *what = is_by_push(running) ? PUSHES : question->service;
        int64_t wait_usec = wait_to_try(logins, what, question);

        if (wait_usec > 0)
                return words_of_wait(wait_usec);
        count_failure(logins, what, question);
        return NULL;
}

static void forget_failures(Logins *logins, const Running *running)
{
        const LoginQuestion *question = running_question(running);

        attempts_succeeded(logins->attempts, question->service, question->user,
                           where_from(question));
        if (is_by_push(running))
                attempts_succeeded(logins->attempts, PUSHES, question->user, where_from(question));
}

static void running_ended(Running *running, void *userdata)
{
        Logins *logins = userdata;
        const LoginQuestion *question = running_question(running);
        bool failed = conversation_failed_by_person(running_conversation(running));

        record_running(running);
        if (failed && !running_tried(running))
                count_failure(logins, question->service, question);
        if (!failed && running_tried(running))
                forgive_failure(logins, question);
        if (running_end(running) == LOGIN_ALLOWED)
                forget_failures(logins, running);
}

/* fence_of: made anew when a reload brought another directory or service account. */
static Fence *fence_of(Logins *logins)
{
        Directory *directory = logins->deps.directory(logins->deps.userdata);
        Admin *admin = logins->deps.admin(logins->deps.userdata);

        if (logins->fence && logins->fence_directory == directory && logins->fence_admin == admin)
                return logins->fence;
        fence_free(logins->fence);
        logins->fence = fence_new(logins->deps.context, directory, admin);
        logins->fence_directory = directory;
        logins->fence_admin = admin;
        return logins->fence;
}

/* running_allowed: all that the account phase has to live on where there is no service account. */
static void running_allowed(Running *running, Claims *claims, void *userdata)
{
        fence_learn(fence_of(userdata), running_question(running)->user, claims);
}

/* drop: out of the set first: whoever is told by running_close may ask anew. */
static void drop(Logins *logins, Running *running)
{
        g_autofree char *id = NULL;

        if (!g_hash_table_steal_extended(logins->running, running_id(running), (gpointer *) &id,
                                         NULL))
                return;
        count_asker(logins, running_question(running), -1);
        running_close(running);
}

static void running_gone(Running *running, void *userdata)
{
        drop(userdata, running);
}

static char *new_id(void)
{
        unsigned char random[ID_BYTES];
        GString *id = g_string_new(NULL);

        if (RAND_bytes(random, sizeof(random)) != 1)
                return g_string_free(id, TRUE);
        for (size_t i = 0; i < sizeof(random); i++)
                g_string_append_printf(id, "%02x", random[i]);
        return g_string_free(id, FALSE);
}

static void tell_locked(const Service *service, const LoginQuestion *question, int64_t wait_usec,
                        LoginsDone done, void *userdata)
{
        g_autofree char *text = words_of_wait(wait_usec);
        g_autofree char *id = new_id();
        const Record record = { .id = id,
                                .phase = "login",
                                .way = "",
                                .verdict = verdict_of(LOGIN_LOCKED),
                                .reason = "locked",
                                .detail = "Too many failures.",
                                .issuer = service->issuer,
                                .question = question };

        write_record(&record);
        done(&(LoginReply){ .state = LOGIN_LOCKED, .text = text }, userdata);
}

/* is_abandoned: the application has ended, and nobody asks on: sshd tells nobody of who hangs up.
 */
static bool is_abandoned(const Running *running)
{
        pid_t pid = running_question(running)->pid;

        return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

static void drop_abandoned(Logins *logins)
{
        g_autoptr(GList) all = g_hash_table_get_values(logins->running);

        for (const GList *link = all; link; link = link->next)
                if (is_abandoned(link->data))
                        drop(logins, link->data);
}

static bool has_room(const Logins *logins, const LoginQuestion *question)
{
        g_autofree char *asker = asker_of(question);

        return g_hash_table_size(logins->running) < LOGINS_MAX &&
               n_of_asker(logins, asker) < LOGINS_ASKER_MAX;
}

/* make_room: only then, for a process of another namespace looks as if it had ended. */
static bool make_room(Logins *logins, const LoginQuestion *question)
{
        if (has_room(logins, question))
                return true;
        drop_abandoned(logins);
        return has_room(logins, question);
}

static void log_too_many(const LoginQuestion *question)
{
        log_event(LOG_LEVEL_WARNING, "login_too_many",
                  "A login was not begun: too many are under way.",
                  LOG_TEXT("service", question->service), LOG_TEXT("user", question->user),
                  LOG_TEXT("address", text_or_empty(question->rhost)));
}

static void begin(Logins *logins, const Service *service, const LoginQuestion *question,
                  LoginsDone done, void *userdata)
{
        char *id = make_room(logins, question) ? new_id() : NULL;
        Running *running;

        if (!id) {
                log_too_many(question);
                done(&unavailable, userdata);
                return;
        }
        running = running_new(&logins->owner, id, service, question);
        g_hash_table_insert(logins->running, id, running);
        count_asker(logins, question, 1);
        running_ask(running, NULL, done, userdata);
}

void logins_begin(Logins *logins, const LoginQuestion *question, LoginsDone done, void *userdata)
{
        const Service *service = find_service(question->service, logins);
        int64_t wait_usec;

        if (!service) {
                log_no_service(question->service);
                done(&unavailable, userdata);
                return;
        }
        local_refresh(logins->local);
        wait_usec = wait_to_begin(logins, question);
        if (wait_usec > 0)
                tell_locked(service, question, wait_usec, done, userdata);
        else
                begin(logins, service, question, done, userdata);
}

void logins_next(Logins *logins, const char *id, const Span *answer, LoginsDone done,
                 void *userdata)
{
        Running *running = g_hash_table_lookup(logins->running, id);

        if (running)
                running_ask(running, answer, done, userdata);
        else
                done(&unavailable, userdata);
}

void logins_cancel(Logins *logins, const char *id)
{
        Running *running = g_hash_table_lookup(logins->running, id);

        if (running)
                drop(logins, running);
}

/* person_of: NULL: the directory has none of that name. */
static const Person *person_of(const Logins *logins, const char *user)
{
        Directory *directory = logins->deps.directory(logins->deps.userdata);

        return directory ? directory_person_by_name(directory, span_from(user)) : NULL;
}

/* The account phase. */

typedef struct Account {
        Logins *logins;
        LoginQuestion question; /* owned copies of service, user, rhost, tty */
        char *id;
        const char *issuer; /* interned */
        int64_t begun_usec;
        LoginsDone done;
        void *userdata;
} Account;

static Account *account_new(Logins *logins, const Service *service, const LoginQuestion *question,
                            LoginsDone done, void *userdata)
{
        Account *account = g_new(Account, 1);

        *account = (Account){ .logins = logins,
                              .question = { .service = g_strdup(question->service),
                                            .user = g_strdup(question->user),
                                            .rhost = g_strdup(question->rhost),
                                            .tty = g_strdup(question->tty) },
                              .id = new_id(),
                              .issuer = service->issuer,
                              .begun_usec = clock_monotonic_usec(),
                              .done = done,
                              .userdata = userdata };
        return account;
}

static void account_free(Account *account)
{
        g_free((char *) account->question.service);
        g_free((char *) account->question.user);
        g_free((char *) account->question.rhost);
        g_free((char *) account->question.tty);
        g_free(account->id);
        g_free(account);
}

static LoginState state_of_fence(FenceResult result)
{
        switch (result) {
        case FENCE_ALLOWED: return LOGIN_ALLOWED;
        case FENCE_DENIED: return LOGIN_DENIED;
        case FENCE_NOT_OURS: return LOGIN_NOT_OURS;
        default: return LOGIN_UNAVAILABLE;
        }
}

static void record_account(const Account *account, LoginState state, const FenceAnswer *answer)
{
        const Person *person = person_of(account->logins, account->question.user);
        const Record record = {
                .id = account->id,
                .phase = "account",
                .way = "",
                .verdict = verdict_of(state),
                .reason = state == LOGIN_ALLOWED ? reason_words(VERDICT_VALID)->word
                                                 : reason_words(answer->reason)->word,
                .detail = answer->detail ? answer->detail : "",
                .issuer = account->issuer,
                .subject = person ? person->subject : NULL,
                .question = &account->question,
                .duration_usec = clock_monotonic_usec() - account->begun_usec,
                .stale = answer->stale,
        };

        if (state != LOGIN_NOT_OURS)
                write_record(&record);
}

static void fenced(const FenceAnswer *answer, void *userdata)
{
        Account *account = userdata;
        LoginState state = state_of_fence(answer->result);
        const LoginReply reply = {
                .state = state,
                .text = answer->text && answer->text[0] ? answer->text : NULL,
                .user = account->question.user,
        };

        record_account(account, state, answer);
        account->done(&reply, account->userdata);
        account_free(account);
}

void logins_account(Logins *logins, const LoginQuestion *question, LoginsDone done, void *userdata)
{
        const Service *service = find_service(question->service, logins);

        if (!service) {
                log_no_service(question->service);
                done(&unavailable, userdata);
                return;
        }
        fence_ask(fence_of(logins), service, question->user, fenced,
                  account_new(logins, service, question, done, userdata));
}

/* Sessions. */

static const char *issuer_url(const Logins *logins, const Service *service)
{
        const IssuerSettings *settings = issuers_settings(logins->deps.issuers, service->issuer);

        return settings ? settings->url : "";
}

/* environment: AUTHD_SUBJECT and AUTHD_ISSUER, where the service hands them on. */
static char **environment(const Logins *logins, const char *service_name, const Person *person)
{
        const Service *service = find_service(service_name, (void *) logins);
        char **env;

        if (!service || !service->settings->environment || !person)
                return NULL;
        env = g_new0(char *, 3);
        env[0] = g_strdup_printf("AUTHD_SUBJECT=%s", person->subject);
        env[1] = g_strdup_printf("AUTHD_ISSUER=%s", issuer_url(logins, service));
        return env;
}

static void mark_seen(const Logins *logins, const Person *person)
{
        Directory *directory = logins->deps.directory(logins->deps.userdata);

        if (person && directory &&
            directory_seen(directory, person->subject, clock_wall_sec()) == 0)
                logins->deps.touched(logins->deps.userdata);
}

void logins_open(Logins *logins, const LoginSession *session, LoginsDone done, void *userdata)
{
        const Person *person = person_of(logins, session->user);
        LoginSession opened = *session;
        g_auto(GStrv) env = NULL;
        g_autofree char *id = NULL;
        int r;

        opened.subject = person ? person->subject : "";
        opened.opened_sec = clock_wall_sec();
        env = environment(logins, session->service, person);
        r = sessions_open(logins->sessions, &opened, &id);
        mark_seen(logins, person);
        if (!id) {
                log_event(LOG_LEVEL_WARNING, "session_not_kept",
                          "A session is open that authctl sessions will not list.",
                          LOG_TEXT("user", session->user), LOG_TEXT("error", g_strerror(-r)));
                done(&unavailable, userdata);
                return;
        }
        done(&(LoginReply){ .state = LOGIN_ALLOWED,
                            .user = session->user,
                            .session = id,
                            .env = (const char *const *) env },
             userdata);
}

void logins_close(Logins *logins, const char *session_id, LoginsDone done, void *userdata)
{
        sessions_close(logins->sessions, session_id);
        done(&(LoginReply){ .state = LOGIN_ALLOWED }, userdata);
}

json_t *logins_sessions(const Logins *logins)
{
        sessions_tidy(logins->sessions);
        return sessions_list(logins->sessions);
}

/* Keys. */

#define SSHD "sshd" /* whose fence_stale_for says how old kept keys may be */

void logins_ssh_keys(Logins *logins, const char *user, const char *attribute, SshKeysDone done,
                     void *userdata)
{
        const Service *service = find_service(SSHD, logins);
        const Person *person = person_of(logins, user);

        if (!person || person->state != PERSON_ACTIVE || !service) {
                done("", userdata);
                return;
        }
        sshkeys_ask(logins->ssh_keys, logins->deps.admin(logins->deps.userdata), person->subject,
                    attribute, service->settings->fence_stale_sec, done, userdata);
}

/* The whole. */

json_t *logins_status(const Logins *logins)
{
        json_t *services = json_array();

        for (size_t i = 0; logins->services && i < logins->services->len; i++) {
                const Service *service = logins->services->pdata[i];

                json_array_append_new(services, json_string(service->settings->name));
        }
        return json_pack("{s:i, s:o}", "conversations", (int) g_hash_table_size(logins->running),
                         "services", services);
}

static void make_owner(Logins *logins)
{
        const LoginsDeps *deps = &logins->deps;

        logins->owner = (RunningOwner){
                .context = deps->context,
                .fetcher = deps->fetcher,
                .judging = { .issuers = deps->issuers,
                             .checker = deps->checker,
                             .view = deps->view,
                             .directory = deps->directory,
                             .touched = deps->touched,
                             .userdata = deps->userdata,
                             .local = logins->local },
                .offline = logins->offline,
                .tries = running_tries,
                .service = find_service,
                .allowed = running_allowed,
                .ended = running_ended,
                .gone = running_gone,
                .userdata = logins,
        };
}

Logins *logins_new(const LoginsDeps *deps, GError **error)
{
        g_autoptr(Logins) logins = g_new0(Logins, 1);

        logins->deps = *deps;
        logins->running = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        logins->askers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        logins->attempts = attempts_new();
        logins->local = local_new("/etc/passwd", "/etc/group");
        logins->sessions = sessions_new(deps->store, error);
        if (!logins->sessions)
                return NULL;
        logins->ssh_keys = sshkeys_new(deps->store, error);
        if (!logins->ssh_keys)
                return NULL;
        if (deps->store) {
                logins->offline = offline_new(deps->context, deps->store, error);
                if (!logins->offline)
                        return NULL;
        }
        make_owner(logins);
        return g_steal_pointer(&logins);
}

/* longest_offline_sec: 0: no service takes offline logins, and nothing is kept for them. */
static int64_t longest_offline_sec(const GPtrArray *services)
{
        int64_t longest_sec = 0;

        for (size_t i = 0; services && i < services->len; i++) {
                const Service *service = services->pdata[i];

                longest_sec = MAX(longest_sec, service->settings->offline_sec);
        }
        return longest_sec;
}

void logins_configure(Logins *logins, GPtrArray *services)
{
        if (logins->services)
                g_ptr_array_unref(logins->services);
        logins->services = services ? g_ptr_array_ref(services) : NULL;
        if (logins->offline)
                offline_tidy(logins->offline, longest_offline_sec(services), clock_wall_sec());
}

static void close_all(Logins *logins)
{
        GHashTableIter at;
        gpointer running;

        for (g_hash_table_iter_init(&at, logins->running);
             g_hash_table_iter_next(&at, NULL, &running);
             g_hash_table_iter_init(&at, logins->running))
                drop(logins, running);
}

void logins_free(Logins *logins)
{
        if (!logins)
                return;
        close_all(logins);
        fence_free(logins->fence);
        offline_free(logins->offline);
        sshkeys_free(logins->ssh_keys);
        sessions_free(logins->sessions);
        attempts_free(logins->attempts);
        local_free(logins->local);
        if (logins->services)
                g_ptr_array_unref(logins->services);
        g_hash_table_unref(logins->running);
        g_hash_table_unref(logins->askers);
        g_free(logins);
}

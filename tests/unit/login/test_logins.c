/* Logins: how many tries somebody has, and how many conversations: also those who send all at once.
 * The realm, the check of tokens and the clock are fake_grant's. */
#include "login/logins.h"

#include "fake_grant.h"
#include "login/running.h"

#include <sys/wait.h>
#include <unistd.h>

#define HERE  "192.0.2.7"
#define THERE "198.51.100.1"

typedef struct Stage {
        Logins *logins;
        GPtrArray *services;
        LoginState state; /* of the last reply */
        char *id;
        unsigned n_told;
} Stage;

static Directory *no_directory(void *userdata)
{
        return NULL;
}

static Admin *no_admin(void *userdata)
{
        return NULL;
}

static void touched(void *userdata)
{
}

/* Each login's time-out is a minute, two failures are too many for another. */
static Service *service(const char *name, LoginWay way)
{
        Service *service = g_new0(Service, 1);

        service->settings = service_settings_new(name);
        service->settings->qr = QR_NONE;
        service->settings->timeout_sec = 60;
        service->settings->attempts_max = 2;
        service->settings->lockout_sec = 600;
        service->enter = true;
        service->ways[service->n_ways++] = way;
        return service;
}

static void set_up(Stage *stage, gconstpointer unused)
{
        const LoginsDeps deps = { .context = g_main_context_default(),
                                  .directory = no_directory,
                                  .admin = no_admin,
                                  .touched = touched };

        fake_grant_open();
        stage->logins = logins_new(&deps, NULL);
        stage->services = g_ptr_array_new_with_free_func((GDestroyNotify) service_free);
        g_ptr_array_add(stage->services, service("sshd", WAY_PASSWORD));
        g_ptr_array_add(stage->services, service("sudo", WAY_DEVICE));
        g_ptr_array_add(stage->services, service("su", WAY_PUSH));
        g_ptr_array_add(stage->services, service("login", WAY_PUSH));
        logins_configure(stage->logins, stage->services);
}

static void tear_down(Stage *stage, gconstpointer unused)
{
        logins_free(stage->logins);
        g_ptr_array_unref(stage->services);
        g_free(stage->id);
        fake_grant_close();
}

static void told(const LoginReply *reply, void *userdata)
{
        Stage *stage = userdata;

        stage->state = reply->state;
        stage->n_told++;
        g_free(stage->id);
        stage->id = g_strdup(reply->id);
}

static void begin_as(Stage *stage, const LoginQuestion *question)
{
        logins_begin(stage->logins, question, told, stage);
}

static void begin(Stage *stage, const char *user, const char *from)
{
        begin_as(stage, &(LoginQuestion){ .service = "sshd", .user = user, .rhost = from });
}

static void next(Stage *stage, const char *id, const char *line)
{
        g_autofree char *copy = g_strdup(id);
        Span typed = span_from(line);

        logins_next(stage->logins, copy, &typed, told, stage);
}

/* type: a whole login of password and code, up to the realm's answer. Owned: the conversation. */
static char *type(Stage *stage, const char *user, const char *from)
{
        begin(stage, user, from);
        if (stage->state != LOGIN_PROMPT)
                return NULL;
        next(stage, stage->id, "secret");
        g_assert_cmpint(stage->state, ==, LOGIN_PROMPT);
        next(stage, stage->id, "");
        return g_strdup(stage->id);
}

static void fail(Stage *stage, const char *user, const char *from)
{
        g_autofree char *id = type(stage, user, from);

        g_assert_nonnull(id);
        fake_grant_answer(GRANT_INVALID, "");
        fake_grant_pass(CONVERSATION_REFUSAL_USEC / G_USEC_PER_SEC);
        if (stage->state == LOGIN_WAIT) /* it was held back as long as it takes to refuse */
                next(stage, id, "");
        g_assert_cmpint(stage->state, ==, LOGIN_DENIED);
}

static void assert_begins(Stage *stage, const char *user, const char *from, LoginState state)
{
        begin(stage, user, from);
        g_assert_cmpint(stage->state, ==, state);
        if (stage->id)
                logins_cancel(stage->logins, stage->id);
}

static void test_locked(Stage *stage, gconstpointer unused)
{
        fail(stage, "alice", HERE);
        assert_begins(stage, "alice", HERE, LOGIN_PROMPT);
        fail(stage, "alice", HERE);
        assert_begins(stage, "alice", HERE, LOGIN_LOCKED);
        assert_begins(stage, "alice", THERE, LOGIN_PROMPT);
        assert_begins(stage, "bob", HERE, LOGIN_PROMPT);
}

/* Whoever knows a name can hold up its passwords, and nothing else. */
static void test_locked_from_everywhere(Stage *stage, gconstpointer unused)
{
        for (int i = 0; i < 2 * ATTEMPTS_USER_FACTOR; i++) {
                g_autofree char *from = g_strdup_printf("203.0.113.%d", i);

                fail(stage, "alice", from);
        }
        assert_begins(stage, "alice", HERE, LOGIN_PROMPT);
        g_free(type(stage, "alice", HERE));
        g_assert_cmpint(stage->state, ==, LOGIN_LOCKED);
        ((Service *) stage->services->pdata[0])->ways[0] = WAY_DEVICE;
        begin(stage, "alice", HERE);
        fake_grant_codes();
        g_assert_cmpint(stage->state, ==, LOGIN_PROMPT);
        logins_cancel(stage->logins, stage->id);
}

/* push: one that is out, unless the state says otherwise. */
static void push(Stage *stage, const char *service, const char *by)
{
        begin_as(stage, &(LoginQuestion){ .service = service, .user = "alice", .ruser = by });
        if (fake_grant_n() == 0)
                return;
        fake_grant_pushed();
        g_assert_cmpint(stage->state, ==, LOGIN_PROMPT);
}

/* Nobody is worn down by pushes: one that was not approved counts, whether it was denied, has
 * expired or was given up, and for all services together. */
static void test_pushes(Stage *stage, gconstpointer unused)
{
        push(stage, "su", "mallory");
        logins_cancel(stage->logins, stage->id);
        push(stage, "su", "mallory");
        fake_grant_pass(60);
        g_assert_cmpuint(fake_grant_n(), ==, 0);
        push(stage, "login", "mallory");
        g_assert_cmpint(stage->state, ==, LOGIN_LOCKED);
        push(stage, "login", "alice");
        g_assert_cmpint(stage->state, ==, LOGIN_PROMPT);
        logins_cancel(stage->logins, stage->id);
}

static void test_approved_push_forgets(Stage *stage, gconstpointer unused)
{
        for (int i = 0; i < 4; i++) {
                push(stage, "su", "alice");
                fake_grant_pass(5);
                fake_grant_answer(GRANT_GRANTED, FAKE_GOOD);
                next(stage, stage->id, "");
                g_assert_cmpint(stage->state, ==, LOGIN_ALLOWED);
        }
}

/* A local user who fails as somebody else locks out themselves alone. */
static void test_locked_here(Stage *stage, gconstpointer unused)
{
        LoginQuestion question = { .service = "sshd", .user = "alice", .ruser = "mallory" };

        for (int i = 0; i < 2; i++) {
                begin_as(stage, &question);
                next(stage, stage->id, "secret");
                next(stage, stage->id, "");
                fake_grant_answer(GRANT_INVALID, "");
                fake_grant_pass(2);
        }
        begin_as(stage, &question);
        g_assert_cmpint(stage->state, ==, LOGIN_LOCKED);
        question.ruser = "alice";
        begin_as(stage, &question);
        g_assert_cmpint(stage->state, ==, LOGIN_PROMPT);
}

static void test_at_once(Stage *stage, gconstpointer unused)
{
        char *ids[5];

        for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
                begin(stage, "alice", HERE);
                ids[i] = g_strdup(stage->id);
                next(stage, ids[i], "secret");
        }
        for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
                next(stage, ids[i], "");
                if (i >= 2)
                        g_assert_cmpint(stage->state, ==, LOGIN_LOCKED);
                g_free(ids[i]);
        }
        g_assert_cmpuint(fake_grant_n_asked(), ==, 2);
}

/* Hanging up before the refusal is told costs the try. */
static void test_hangs_up(Stage *stage, gconstpointer unused)
{
        for (int i = 0; i < 2; i++) {
                g_autofree char *id = type(stage, "alice", HERE);

                logins_cancel(stage->logins, id);
        }
        assert_begins(stage, "alice", HERE, LOGIN_LOCKED);
}

static void test_no_failure(Stage *stage, gconstpointer unused)
{
        for (int i = 0; i < 5; i++) {
                g_autofree char *id = type(stage, "alice", HERE);

                g_assert_nonnull(id);
                fake_grant_answer(GRANT_UNAVAILABLE, "");
                g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
        }
        for (int i = 0; i < 2 * ATTEMPTS_ADDRESS_FACTOR + 1; i++) {
                g_autofree char *user = g_strdup_printf("user%d", i);
                g_autofree char *id = type(stage, user, HERE);

                g_assert_nonnull(id);
                fake_grant_answer(GRANT_GRANTED, FAKE_GOOD);
                g_assert_cmpint(stage->state, ==, LOGIN_ALLOWED);
        }
}

static void test_success_forgets(Stage *stage, gconstpointer unused)
{
        g_autofree char *id = NULL;

        fail(stage, "alice", HERE);
        id = type(stage, "alice", HERE);
        fake_grant_answer(GRANT_GRANTED, FAKE_GOOD);
        fail(stage, "alice", HERE);
        assert_begins(stage, "alice", HERE, LOGIN_PROMPT);
}

static void hold(Stage *stage, const LoginQuestion *question, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                begin_as(stage, question);
                g_assert_cmpint(stage->state, ==, LOGIN_PROMPT);
        }
}

static void test_asker_has_room(Stage *stage, gconstpointer unused)
{
        LoginQuestion question = { .service = "sshd", .user = "alice", .rhost = "2001:db8::1" };
        g_autofree char *last = NULL;

        hold(stage, &question, LOGINS_ASKER_MAX);
        last = g_strdup(stage->id);
        question.rhost = "2001:db8::2";
        begin_as(stage, &question);
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
        question.rhost = "2001:db8:0:1::1";
        hold(stage, &question, 1);
        logins_cancel(stage->logins, last);
        question.rhost = "2001:db8::2";
        hold(stage, &question, 1);
        begin_as(stage, &question);
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
        fake_grant_pass(60);
        fake_grant_pass(RUNNING_LINGER_USEC / G_USEC_PER_SEC);
        hold(stage, &question, LOGINS_ASKER_MAX);
}

static pid_t ended_process(void)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        return pid;
}

/* Who hangs up at a prompt is heard of no more; another application's login stays. */
static void test_abandoned_make_room(Stage *stage, gconstpointer unused)
{
        LoginQuestion question = { .service = "sshd", .user = "alice", .rhost = HERE };
        g_autofree char *kept = NULL;

        question.pid = getpid();
        hold(stage, &question, 1);
        kept = g_strdup(stage->id);
        question.pid = ended_process();
        hold(stage, &question, LOGINS_ASKER_MAX - 1);
        question.pid = getpid();
        hold(stage, &question, LOGINS_ASKER_MAX - 1);
        begin_as(stage, &question);
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
        next(stage, kept, "secret");
        g_assert_cmpint(stage->state, ==, LOGIN_PROMPT);
}

static void test_local_asker_has_room(Stage *stage, gconstpointer unused)
{
        LoginQuestion question = { .service = "sshd", .user = "alice", .ruser = "mallory" };

        hold(stage, &question, LOGINS_ASKER_MAX);
        begin_as(stage, &question);
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
        question.ruser = NULL;
        hold(stage, &question, LOGINS_ASKER_MAX);
        begin_as(stage, &question);
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
        question.user = "bob";
        hold(stage, &question, 1);
}

static void test_all_have_room(Stage *stage, gconstpointer unused)
{
        for (int i = 0; i < LOGINS_MAX; i++) {
                g_autofree char *from = g_strdup_printf("10.0.%d.%d", i / 256, i % 256);

                begin(stage, "alice", from);
                g_assert_cmpint(stage->state, ==, LOGIN_PROMPT);
        }
        begin(stage, "alice", HERE);
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
}

static void test_unknown(Stage *stage, gconstpointer unused)
{
        begin_as(stage, &(LoginQuestion){ .service = "cron", .user = "alice" });
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
        next(stage, "0123456789abcdef0123456789abcdef", "secret");
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
        g_assert_null(stage->id);
        logins_cancel(stage->logins, "0123456789abcdef0123456789abcdef");
}

/* A reload takes the service away, or all, while somebody is on the way. */
static void test_reload(Stage *stage, gconstpointer unused)
{
        begin(stage, "alice", HERE);
        next(stage, stage->id, "secret");
        logins_configure(stage->logins, NULL);
        next(stage, stage->id, "");
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
        g_assert_cmpuint(fake_grant_n_asked(), ==, 0);
        logins_configure(stage->logins, stage->services);
        assert_begins(stage, "alice", HERE, LOGIN_PROMPT);
}

static void test_end(Stage *stage, gconstpointer unused)
{
        g_autofree char *id = type(stage, "alice", HERE);
        unsigned n_told = stage->n_told;

        g_assert_nonnull(id);
        begin_as(stage, &(LoginQuestion){ .service = "sudo", .user = "alice", .ruser = "alice" });
        g_assert_cmpuint(fake_grant_n(), ==, 2);
        logins_free(g_steal_pointer(&stage->logins));
        g_assert_cmpuint(stage->n_told, ==, n_told + 2);
        g_assert_cmpint(stage->state, ==, LOGIN_UNAVAILABLE);
}

static void add(const char *sentence, void (*run)(Stage *, gconstpointer))
{
        g_autofree char *path = g_strconcat("/logins/", sentence, NULL);

        g_test_add(path, Stage, NULL, set_up, run, tear_down);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add("two failures are too many, from there and as that user", test_locked);
        add("who is guessed at from everywhere goes ways without a password",
            test_locked_from_everywhere);
        add("so many pushes and no more", test_pushes);
        add("an approved push forgets those in vain", test_approved_push_forgets);
        add("who fails as another on this host is counted by their own name", test_locked_here);
        add("passwords sent at once are no more tries", test_at_once);
        add("hanging up costs the try", test_hangs_up);
        add("what could not be asked, or was right, was no failure", test_no_failure);
        add("a right password forgets the wrong ones", test_success_forgets);
        add("an address has its share of conversations", test_asker_has_room);
        add("those whose application has ended make room", test_abandoned_make_room);
        add("a local user has one, too", test_local_asker_has_room);
        add("so many conversations and no more", test_all_have_room);
        add("an unknown service, an unknown conversation", test_unknown);
        add("a reload while somebody is on the way", test_reload);
        add("whoever waits at the end is told", test_end);
        return g_test_run();
}

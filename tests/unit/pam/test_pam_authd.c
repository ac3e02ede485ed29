/* pam_authd's conversations: what each reply makes of them, and that no failure is ever a success.
 */
#include "fake_pam.h"

#include <stdlib.h>
#include <string.h>

#define NO_FAILURE 0

static const char *no_arguments[1];

typedef int (*Entry)(pam_handle_t *pamh, int flags, int argc, const char **argv);

typedef struct Row {
        const char *sentence;
        Entry entry;
        FakePam fake;
        int wanted;
        const char *shown; /* "": nothing */
        unsigned n_asked;
} Row;

#define ALICE       .user = "alice", .service = "sshd", .typed = "secret"
#define PROMPT      "state=prompt\nid=c1\necho=off\ntext=Password: \n"
#define WAIT        "state=wait\nid=c1\nafter=100\n"
#define ALLOWED     "state=allowed\nid=c1\nuser=alice\n"
#define SESSION     "state=allowed\nuser=alice\nsession=s1\nenv=AUTHD_SUBJECT=8d4f\n"
#define PROMPT_SEEN "P:Password: \n"

static const Row rows[] = {
        { "a password, a wait, a yes",
          pam_sm_authenticate,
          { ALICE, .replies = { PROMPT, WAIT, ALLOWED } },
          PAM_SUCCESS,
          PROMPT_SEEN,
          3 },
        { "a text in a prompt of more lines",
          pam_sm_authenticate,
          { ALICE, .replies = { "state=prompt\nid=c\necho=on\ntext=Open%0AEnter: \n", ALLOWED } },
          PAM_SUCCESS,
          "e:Open\nEnter: \n",
          2 },
        { "information and errors are shown, and it goes on",
          pam_sm_authenticate,
          { ALICE,
            .replies = { "state=info\nid=c\ntext=a\n", "state=error\nid=c\ntext=b\n", ALLOWED } },
          PAM_SUCCESS,
          "I:a\nE:b\n",
          3 },
        { "a refusal is told in its words",
          pam_sm_authenticate,
          { ALICE, .replies = { PROMPT, "state=denied\nid=c1\ntext=Login refused.\n" } },
          PAM_AUTH_ERR,
          PROMPT_SEEN "E:Login refused.\n",
          2 },
        { "too many failures",
          pam_sm_authenticate,
          { ALICE, .replies = { "state=locked\ntext=Later.\n" } },
          PAM_MAXTRIES,
          "E:Later.\n",
          1 },
        { "the daemon cannot say",
          pam_sm_authenticate,
          { ALICE, .replies = { "state=unavailable\n" } },
          PAM_AUTHINFO_UNAVAIL,
          "",
          1 },
        { "nobody's: no leave for another module to decide",
          pam_sm_authenticate,
          { ALICE, .replies = { "state=not_ours\n" } },
          PAM_AUTH_ERR,
          "",
          1 },
        { "a yes about somebody else",
          pam_sm_authenticate,
          { ALICE, .replies = { "state=allowed\nuser=bob\n" } },
          PAM_AUTH_ERR,
          "",
          1 },
        { "a yes about nobody",
          pam_sm_authenticate,
          { ALICE, .replies = { "state=allowed\n" } },
          PAM_AUTH_ERR,
          "",
          1 },
        { "PAM_USER changes in the midst",
          pam_sm_authenticate,
          { ALICE, .user_later = "bob", .replies = { PROMPT, ALLOWED } },
          PAM_AUTH_ERR,
          PROMPT_SEEN,
          2 },
        { "PAM_USER changes, and the daemon says yes to the new one",
          pam_sm_authenticate,
          { ALICE, .user_later = "bob", .replies = { PROMPT, "state=allowed\nuser=bob\n" } },
          PAM_AUTH_ERR,
          PROMPT_SEEN,
          2 },
        { "root is asked of nobody",
          pam_sm_authenticate,
          { .user = "root", .service = "sshd", .replies = { ALLOWED } },
          PAM_USER_UNKNOWN,
          "",
          0 },
        { "a system account is asked of nobody",
          pam_sm_authenticate,
          { .user = "daemon", .service = "sshd", .replies = { ALLOWED } },
          PAM_USER_UNKNOWN,
          "",
          0 },
        { "an account of the host's is asked of nobody",
          pam_sm_authenticate,
          { .user = "carol", .service = "sshd", .replies = { ALLOWED } },
          PAM_USER_UNKNOWN,
          "",
          0 },
        { "a name of 257 bytes",
          pam_sm_authenticate,
          { .user = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                    "aaaaaaaaaaa"
                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                    "aaaaaaaaa"
                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                    "aaaaaaaaa",
            .service = "sshd",
            .replies = { ALLOWED } },
          PAM_AUTH_ERR,
          "",
          0 },
        { "an escape sequence in a text is no reply",
          pam_sm_authenticate,
          { ALICE, .replies = { "state=info\nid=c\ntext=%1B[2J\n", ALLOWED } },
          PAM_AUTHINFO_UNAVAIL,
          "",
          1 },
        { "the account phase: yes",
          pam_sm_acct_mgmt,
          { ALICE, .replies = { ALLOWED } },
          PAM_SUCCESS,
          "",
          1 },
        { "the account phase: no",
          pam_sm_acct_mgmt,
          { ALICE, .replies = { "state=denied\ntext=Not here.\n" } },
          PAM_PERM_DENIED,
          "E:Not here.\n",
          1 },
        { "the account phase: nobody's",
          pam_sm_acct_mgmt,
          { ALICE, .replies = { "state=not_ours\n" } },
          PAM_PERM_DENIED,
          "",
          1 },
        { "the account phase: could not ask",
          pam_sm_acct_mgmt,
          { ALICE, .replies = { "state=unavailable\n" } },
          PAM_AUTHINFO_UNAVAIL,
          "",
          1 },
        { "the account phase: a prompt is no answer",
          pam_sm_acct_mgmt,
          { ALICE, .replies = { PROMPT } },
          PAM_AUTHINFO_UNAVAIL,
          "E:Password: \n",
          1 },
        { "the account phase of root",
          pam_sm_acct_mgmt,
          { .user = "root", .service = "sshd", .replies = { ALLOWED } },
          PAM_USER_UNKNOWN,
          "",
          0 },
        { "a session is opened",
          pam_sm_open_session,
          { ALICE, .replies = { SESSION } },
          PAM_SUCCESS,
          "",
          1 },
        { "a session that the daemon does not open",
          pam_sm_open_session,
          { ALICE, .replies = { "state=unavailable\n" } },
          PAM_SESSION_ERR,
          "",
          1 },
        { "a session that was never opened is closed",
          pam_sm_close_session,
          { ALICE },
          PAM_SUCCESS,
          "",
          0 },
        { "an environment that is not ours",
          pam_sm_open_session,
          { ALICE, .replies = { "state=allowed\nuser=alice\nsession=s\nenv=LD_PRELOAD=/x\n" } },
          PAM_SESSION_ERR,
          "",
          1 },
        { "where the password is changed",
          pam_sm_chauthtok,
          { ALICE, .replies = { "state=info\ntext=At the realm.\n" } },
          PAM_AUTHTOK_ERR,
          "I:At the realm.\n",
          1 },
        { "credentials of ours", pam_sm_setcred, { ALICE }, PAM_SUCCESS, "", 0 },
        { "credentials of the host's",
          pam_sm_setcred,
          { .user = "root", .service = "sshd" },
          PAM_USER_UNKNOWN,
          "",
          0 },
};

/* drop_data: what PAM would free at pam_end. */
static void drop_data(FakePam *fake)
{
        if (!fake->data)
                return;
        free(fake->data); /* counted, as the module's own are */
        fake->data = NULL;
}

static void assert_nothing_left(FakePam *fake)
{
        drop_data(fake);
        g_assert_cmpint(fake->n_held, ==, 0);
        /* A descriptor of which the kernel does not tell whether it is ours is left alone. */
        if (g_strcmp0(fake->failed, "getsockopt at the end") != 0)
                g_assert_cmpint(fake->n_open, ==, 0);
}

static void test_row(gconstpointer userdata)
{
        const Row *row = userdata;
        FakePam fake = row->fake;

        fake_pam_begin(&fake);
        g_assert_cmpint(row->entry(FAKE_HANDLE, 0, 0, no_arguments), ==, row->wanted);
        g_assert_cmpstr(fake.shown->str, ==, row->shown);
        g_assert_cmpuint(fake.n_asked, ==, row->n_asked);
        assert_nothing_left(&fake);
        fake_pam_end(&fake);
}

/* --- each failure ---------------------------------------------------------------------------- */

/* Calls whose failure changes nothing that counts: what is not told about whence a login comes is
 * only missing from the record, and after the answer only a descriptor is left. */
static bool may_fail(const FakePam *fake)
{
        return g_strcmp0(fake->failed, "pam_get_item") == 0 ||
               g_strcmp0(fake->failed, "getsockopt at the end") == 0;
}

static int run(const Row *row, FakePam *fake)
{
        int r;

        fake_pam_begin(fake);
        r = row->entry(FAKE_HANDLE, 0, 0, no_arguments);
        assert_nothing_left(fake);
        return r;
}

static unsigned fail_each_call(const Row *row)
{
        unsigned n_failed = 0;

        for (unsigned call = 1;; call++) {
                FakePam fake = row->fake;
                int r;

                fake.failing = call;
                r = run(row, &fake);
                if (!fake.failed) {
                        g_assert_cmpint(r, ==, PAM_SUCCESS);
                        fake_pam_end(&fake);
                        break;
                }
                if (r == PAM_SUCCESS && !may_fail(&fake))
                        g_error("call %u (%s) fails, and \"%s\" succeeds", call, fake.failed,
                                row->sentence);
                n_failed++;
                fake_pam_end(&fake);
        }
        return n_failed;
}

static unsigned spoil_each_reply(const Row *row)
{
        unsigned n_spoiled = 0;

        for (unsigned reply = 1; reply <= row->n_asked; reply++)
                for (FakeSpoil spoil = SPOIL_GARBAGE; spoil < _SPOIL_MAX; spoil++) {
                        FakePam fake = row->fake;

                        fake.spoiled = reply;
                        fake.spoil = spoil;
                        if (run(row, &fake) == PAM_SUCCESS)
                                g_error("reply %u is spoiled (%d), and \"%s\" succeeds", reply,
                                        spoil, row->sentence);
                        n_spoiled++;
                        fake_pam_end(&fake);
                }
        return n_spoiled;
}

/* Both at once: a failing call in a conversation with a spoiled reply. */
static unsigned fail_and_spoil(const Row *row)
{
        unsigned n = 0;

        for (FakeSpoil spoil = SPOIL_GARBAGE; spoil < _SPOIL_MAX; spoil++)
                for (unsigned call = 1;; call++) {
                        FakePam fake = row->fake;

                        fake.spoiled = row->n_asked;
                        fake.spoil = spoil;
                        fake.failing = call;
                        g_assert_cmpint(run(row, &fake), !=, PAM_SUCCESS);
                        n++;
                        fake_pam_end(&fake);
                        if (!fake.failed)
                                break;
                }
        return n;
}

static bool asks_and_succeeds(const Row *row)
{
        return row->wanted == PAM_SUCCESS && row->n_asked > 0;
}

static void test_no_failure_is_a_success(void)
{
        unsigned n = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                if (asks_and_succeeds(&rows[i]))
                        n += fail_each_call(&rows[i]) + spoil_each_reply(&rows[i]) +
                             fail_and_spoil(&rows[i]);
        g_test_message("%u failures", n);
        g_assert_cmpuint(n, >, 1000);
}

static void test_what_is_typed_is_sent_encoded(void)
{
        FakePam fake = { ALICE, .replies = { PROMPT, ALLOWED } };

        fake.typed = "a b&id=c2\n%";
        fake_pam_begin(&fake);
        g_assert_cmpint(pam_sm_authenticate(FAKE_HANDLE, 0, 0, no_arguments), ==, PAM_SUCCESS);
        g_assert_nonnull(strstr(fake.sent->str, "answer=a%20b%26id%3Dc2%0A%25"));
        g_assert_nonnull(strstr(fake.sent->str, "service=sshd&user=alice&rhost=192.0.2.7"));
        g_assert_nonnull(strstr(fake.sent->str, "pid="));
        fake_pam_end(&fake);
}

static void test_silence_leaves_what_must_be_read(void)
{
        FakePam fake = { ALICE,
                         .replies = { "state=info\nid=c\ntext=a\n", "state=error\nid=c\ntext=b\n",
                                      PROMPT, "state=denied\ntext=Login refused.\n" } };

        fake_pam_begin(&fake);
        g_assert_cmpint(pam_sm_authenticate(FAKE_HANDLE, PAM_SILENT, 0, no_arguments), ==,
                        PAM_AUTH_ERR);
        g_assert_cmpstr(fake.shown->str, ==, "I:a\n" PROMPT_SEEN);
        assert_nothing_left(&fake);
        fake_pam_end(&fake);
}

typedef struct ArgumentRow {
        const char *argument;
        const char *user;
        int wanted;
} ArgumentRow;

static const ArgumentRow arguments[] = {
        { "timeout=1", "alice", PAM_SUCCESS },
        { "timeout=30", "alice", PAM_SUCCESS },
        { "timeout=0", "alice", PAM_SERVICE_ERR },
        { "timeout=31", "alice", PAM_SERVICE_ERR },
        { "timeout=5s", "alice", PAM_SERVICE_ERR },
        { "timeout=", "alice", PAM_SERVICE_ERR },
        { "socket=/run/x.sock", "alice", PAM_SUCCESS },
        { "socket=x.sock", "alice", PAM_SERVICE_ERR },
        { "nullok", "alice", PAM_SERVICE_ERR },
        { "local_too", "carol", PAM_AUTH_ERR }, /* asked about; the yes is alice's */
        { "local_too", "daemon", PAM_USER_UNKNOWN },
        { "local_too", "root", PAM_USER_UNKNOWN },
};

static void test_the_hosts_own_are_for_the_next_module(void)
{
        FakePam fake = { ALICE, .replies = { "state=not_ours\n" } };
        const char *argv[] = { "local_too" };

        fake.user = "carol";
        fake_pam_begin(&fake);
        g_assert_cmpint(pam_sm_acct_mgmt(FAKE_HANDLE, 0, 1, argv), ==, PAM_USER_UNKNOWN);
        fake_pam_end(&fake);
}

static void test_argument(gconstpointer userdata)
{
        const ArgumentRow *row = userdata;
        FakePam fake = { ALICE, .replies = { ALLOWED } };
        const char *argv[] = { row->argument };

        fake.user = row->user;
        fake_pam_begin(&fake);
        g_assert_cmpint(pam_sm_authenticate(FAKE_HANDLE, 0, 1, argv), ==, row->wanted);
        fake_pam_end(&fake);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strdup_printf("/pam_authd/%s", rows[i].sentence);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(arguments); i++) {
                g_autofree char *path = g_strdup_printf("/pam_authd/argument %zu: %s of %s", i + 1,
                                                        arguments[i].argument, arguments[i].user);

                g_strdelimit(path + strlen("/pam_authd/"), "/", '|');
                g_test_add_data_func(path, &arguments[i], test_argument);
        }
        g_test_add_func("/pam_authd/what is typed is sent encoded",
                        test_what_is_typed_is_sent_encoded);
        g_test_add_func(
            "/pam_authd/local_too: the account phase of the host's own is for the next module",
            test_the_hosts_own_are_for_the_next_module);
        g_test_add_func("/pam_authd/silence leaves what must be read",
                        test_silence_leaves_what_must_be_read);
        g_test_add_func("/pam_authd/no failing call, no spoiled reply is a success",
                        test_no_failure_is_a_success);
        return g_test_run();
}

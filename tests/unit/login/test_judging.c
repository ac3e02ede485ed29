/* Judging: whose account a good token is. The check of the token, the issuer's keys and the
 * directory are this file's. */
#include "login/judging.h"

#include <string.h>

#define OURS   "holodeck"
#define OTHERS "mirror"

typedef struct Row {
        const char *sentence;
        const char *user;
        const char *claims; /* ' for " */
        const char *reason; /* "valid": allowed */
        const char *issuer; /* NULL: OURS */
        bool has_directory;
} Row;

static const Row rows[] = {
        { "the rule: the name that was typed", "alice", "'sub':'a','preferred_username':'alice'",
          "valid" },
        { "the rule: another name", "alice", "'sub':'a','preferred_username':'bob'",
          "wrong_account" },
        { "the rule: a name in capitals is none", "alice", "'sub':'a','preferred_username':'Alice'",
          "no_account" },
        { "the rule: also for who types it so", "Alice", "'sub':'a','preferred_username':'Alice'",
          "no_account" },
        { "the rule: no name", "alice", "'sub':'a'", "no_account" },
        { "the rule: a name that is none", "alice", "'sub':'a','preferred_username':'al ice'",
          "no_account" },
        { "the rule: a look-alike", "alice", "'sub':'a','preferred_username':'\u0430lice'",
          "no_account" },
        { "root", "root", "'sub':'a','preferred_username':'root'", "system_account" },
        { "a system account", "daemon", "'sub':'a','preferred_username':'daemon'",
          "system_account" },
        { "a second root", "toor", "'sub':'a','preferred_username':'toor'", "system_account" },
        { "the last system account", "last", "'sub':'a','preferred_username':'last'",
          "system_account" },
        { "the first that is none", "first", "'sub':'a','preferred_username':'first'", "valid" },
        { "the same name at another issuer that the policy takes", "alice",
          "'sub':'a','preferred_username':'alice'", "unknown_issuer", OTHERS },
        { "the same subject at another issuer that the policy takes", "alice", "'sub':'a'",
          "unknown_issuer", OTHERS, true },
        { "the directory: the person of the subject", "alice",
          "'sub':'a','preferred_username':'somebody'", "valid", NULL, true },
        { "the directory: another person's name", "bob", "'sub':'a','preferred_username':'bob'",
          "wrong_account", NULL, true },
        { "the directory: a subject that it does not know", "alice",
          "'sub':'x','preferred_username':'alice'", "no_account", NULL, true },
        { "the directory: one without a name", "noname", "'sub':'noname'", "no_account", NULL,
          true },
        { "the directory: disabled", "dave", "'sub':'d'", "account_disabled", NULL, true },
        { "the directory: gone", "gone", "'sub':'g'", "account_gone", NULL, true },
        { "the directory: a number of the system's", "low", "'sub':'low'", "system_account", NULL,
          true },
        { "the directory: its first number", "high", "'sub':'high'", "valid", NULL, true },
        { "the directory cannot be written", "alice", "'sub':'broken'", "unavailable", NULL, true },
};

static Person people[] = {
        { .subject = "a", .name = "alice", .uid = 70001 },
        { .subject = "noname", .uid = 70002, .trouble = "the name is reserved" },
        { .subject = "b", .username = "bert@example.com", .name = "bert", .uid = 70005 },
        { .subject = "d", .name = "dave", .uid = 70003, .state = PERSON_DISABLED },
        { .subject = "g", .name = "gone", .uid = 70004, .state = PERSON_GONE },
        { .subject = "low", .name = "low", .uid = 999 },
        { .subject = "high", .name = "high", .uid = 1000 },
};

static const Row *row; /* for what stands in others' places */
static bool keys_are_known;
static IssuerKeysDone keys_done;
static void *keys_userdata;
static unsigned n_told;
static LoginVerdict told;

/* --- the check of the token, in its place --------------------------------------------------- */

CheckAnswer check_token(Checker *checker, const IssuerView *view, const Question *question,
                        Verdict *ret_verdict, CheckNeeds *ret_needs)
{
        g_autofree char *json = g_strdelimit(g_strdup_printf("{%s}", row->claims), "'", '"');

        g_assert_true(question->unsafe);
        if (!keys_are_known && question->asked == ASKED_NOTHING) {
                *ret_needs = (CheckNeeds){ .kind = NEEDS_KEYS };
                return CHECK_NEEDS_KEYS;
        }
        if (!keys_are_known) {
                verdict_refuse(ret_verdict, VERDICT_UNAVAILABLE, NULL);
                return CHECK_ANSWERED;
        }
        g_assert_cmpint(claims_parse(span_from(json), SPAN_EMPTY, &ret_verdict->claims, NULL), ==,
                        0);
        ret_verdict->reason = VERDICT_VALID;
        ret_verdict->issuer = g_intern_string(row->issuer ? row->issuer : OURS);
        return CHECK_ANSWERED;
}

void issuers_want_key(Issuers *issuers, const char *name, Span kid, IssuerKeysDone done,
                      void *userdata)
{
        keys_done = done;
        keys_userdata = userdata;
}

/* --- the directory, in its place ------------------------------------------------------------ */

int directory_learn(Directory *directory, const Claims *claims, const Person **ret_person)
{
        Span subject = claims_subject(claims);

        *ret_person = NULL;
        if (span_equal_string(subject, "broken"))
                return -EIO;
        for (size_t i = 0; i < G_N_ELEMENTS(people); i++)
                if (span_equal_string(subject, people[i].subject))
                        *ret_person = &people[i];
        return *ret_person && (*ret_person)->name ? 0 : DIRECTORY_E_NO_ACCOUNT;
}

const Person *directory_person_by_name(const Directory *directory, Span name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(people); i++)
                if (people[i].name && span_equal_string(name, people[i].name))
                        return &people[i];
        return NULL;
}

static Directory *directory(void *userdata)
{
        return row->has_directory ? (Directory *) people : NULL;
}

/* --- the host ------------------------------------------------------------------------------- */

bool local_user_uid(const Local *local, const char *name, uid_t *ret_uid)
{
        static const struct {
                const char *name;
                uid_t uid;
        } accounts[] = { { "toor", 0 }, { "daemon", 1 }, { "last", 999 }, { "first", 1000 } };

        for (size_t i = 0; i < G_N_ELEMENTS(accounts); i++)
                if (strcmp(accounts[i].name, name) == 0) {
                        *ret_uid = accounts[i].uid;
                        return true;
                }
        return false;
}

bool local_has_user(const Local *local, const char *name)
{
        uid_t unused;

        return local_user_uid(local, name, &unused);
}

static const IssuerView *view(void *userdata)
{
        return NULL;
}

static void touched(void *userdata)
{
}

static const JudgingFor with = { .view = view, .directory = directory, .touched = touched };

static void done(const LoginVerdict *verdict, void *userdata)
{
        n_told++;
        told = *verdict;
        g_assert_true((verdict->claims != NULL) == (verdict->judged == JUDGED_ALLOWED));
}

static Policy *new_policy(void)
{
        const PolicyIssuer known[] = { { OURS, true } };
        g_autoptr(PolicySettings) settings = policy_settings_new("hosts");
        g_autoptr(GError) error = NULL;
        Policy *policy;

        settings->audience = g_strsplit("hosts", ";", -1);
        policy = policy_new(settings, known, G_N_ELEMENTS(known), &error);
        g_assert_no_error(error);
        return policy;
}

static Judging *start(const Row *of, bool known)
{
        g_autoptr(Policy) policy = new_policy();
        const Service service = { .issuer = g_intern_string(OURS), .policy = policy };
        Judging *judging = NULL;

        row = of;
        keys_are_known = known;
        n_told = 0;
        judging_start(&with, &service, span_from("a.b.c"), of->user, &judging, done, NULL);
        return judging;
}

static void assert_row(void)
{
        bool is_valid = strcmp(row->reason, "valid") == 0;
        bool is_unknown = strcmp(row->reason, "unavailable") == 0;

        g_assert_cmpuint(n_told, ==, 1);
        g_assert_cmpstr(told.reason, ==, row->reason);
        g_assert_cmpint(told.judged, ==,
                        is_valid     ? JUDGED_ALLOWED
                        : is_unknown ? JUDGED_UNAVAILABLE
                                     : JUDGED_DENIED);
}

static void test_row(gconstpointer data)
{
        g_assert_null(start(data, true));
        assert_row();
}

static void test_row_later(gconstpointer data)
{
        g_assert_nonnull(start(data, false));
        g_assert_cmpuint(n_told, ==, 0);
        keys_are_known = true;
        keys_done(ISSUER_KEYS_ASKED, keys_userdata);
        assert_row();
}

static void test_no_keys(void)
{
        start(&rows[0], false);
        keys_done(ISSUER_KEYS_UNAVAILABLE, keys_userdata);
        g_assert_cmpint(told.judged, ==, JUDGED_UNAVAILABLE);
}

/* What with borrows may be gone by then: nothing of it is looked at. */
static void test_cancelled(void)
{
        Judging *judging = start(&rows[0], false);

        judging_cancel(judging);
        keys_are_known = true;
        keys_done(ISSUER_KEYS_ASKED, keys_userdata);
        g_assert_cmpuint(n_told, ==, 0);
}

static void test_account(void)
{
        static const Row with_directory = { .has_directory = true }, without = { 0 };
        static const struct {
                const char *user, *reason;
        } accounts[] = {
                { "alice", "valid" },         { "dave", "account_disabled" },
                { "gone", "account_gone" },   { "nobody", "no_account" },
                { "root", "system_account" }, { "low", "system_account" },
                { "Alice", "no_account" },
        };
        LoginVerdict verdict;

        row = &with_directory;
        for (size_t i = 0; i < G_N_ELEMENTS(accounts); i++) {
                judging_account(&with, accounts[i].user, &verdict);
                g_assert_cmpstr(verdict.reason, ==, accounts[i].reason);
        }
        row = &without;
        judging_account(&with, "alice", &verdict);
        g_assert_cmpint(verdict.judged, ==, JUDGED_DENIED);
        g_assert_cmpstr(verdict.subject, ==, "");
}

static void test_username(void)
{
        static const Row with_directory = { .has_directory = true }, without = { 0 };

        row = &with_directory;
        g_assert_cmpstr(judging_username(&with, "bert"), ==, "bert@example.com");
        g_assert_cmpstr(judging_username(&with, "alice"), ==, "alice");
        g_assert_cmpstr(judging_username(&with, "nobody"), ==, "nobody");
        row = &without;
        g_assert_cmpstr(judging_username(&with, "bert"), ==, "bert");
}

static void add(const char *group, const Row *of, GTestDataFunc run)
{
        g_autofree char *path = g_strconcat("/judging/", group, of->sentence, NULL);

        g_test_add_data_func(path, of, run);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                add("", &rows[i], test_row);
                add("when the keys have come: ", &rows[i], test_row_later);
        }
        g_test_add_func("/judging/keys that do not come are no refusal", test_no_keys);
        g_test_add_func("/judging/cancelled, nobody is told", test_cancelled);
        g_test_add_func("/judging/the account of a password that was good offline", test_account);
        g_test_add_func("/judging/what the realm calls somebody", test_username);
        return g_test_run();
}

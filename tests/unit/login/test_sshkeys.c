/* Sshkeys: which lines are handed on, and how long what the realm said is lived on. The realm is
 * one out of JSON; the clock is the test's. */
#include "login/sshkeys.h"

#include "../users/fake_realm.h"

#include "base/clock.h"

#include <glib/gstdio.h>

#define KEY     "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
#define HOUR    3600
#define NOW_SEC INT64_C(1700000000)
#define USERS   "{\"users\": [" ALICE ", " BOB "]}"
#define ALICE   "{\"id\": \"a\", \"enabled\": true, \"attributes\": {\"keys\": [\"" KEY "\"]}}"
#define BOB     "{\"id\": \"b\", \"enabled\": false, \"attributes\": {\"keys\": [\"" KEY "\"]}}"

static void set_now(int64_t sec)
{
        clock_set_wall_for_tests(sec);
}

static void pass(int64_t sec)
{
        set_now(clock_wall_sec() + sec);
}

/* --- lines ---------------------------------------------------------------------------------- */

typedef struct LineRow {
        const char *sentence;
        const char *line;
        bool fits;
} LineRow;

static const LineRow line_rows[] = {
        { "a key", KEY, true },
        { "a key with a comment", KEY " alice@laptop, the old one", true },
        { "a comment of nothing", KEY " ", true },
        { "a security key's", "sk-ssh-ed25519@openssh.com AAAA", true },
        { "RSA", "ssh-rsa AAAA", true },
        { "an option before the type", "command=\"sh\" " KEY, false },
        { "an option in place of the type", "no-pty " KEY, false },
        { "a blank before the type", " " KEY, false },
        { "a tab between type and key", "ssh-ed25519\tAAAA", false },
        { "two blanks between type and key", "ssh-ed25519  AAAA", false },
        { "a certificate", "ssh-ed25519-cert-v01@openssh.com AAAA", false },
        { "a certificate's authority", "cert-authority " KEY, false },
        { "DSA", "ssh-dss AAAA", false },
        { "a type alone", "ssh-ed25519", false },
        { "a type and no key", "ssh-ed25519 ", false },
        { "a key that is no base64", "ssh-ed25519 AAA!", false },
        { "a key of a length that base64 has not", "ssh-ed25519 AAAAA", false },
        { "padding within", "ssh-ed25519 AA==AAAA", false },
        { "padding alone", "ssh-ed25519 ==", false },
        { "a second line in the comment", KEY " x\n" KEY, false },
        { "a carriage return in the comment", KEY " x\r", false },
        { "an escape in the comment", KEY " \x1b[2J", false },
        { "a letter of another alphabet in the comment", KEY " \u0430", false },
        { "nothing", "", false },
};

static void test_line(gconstpointer data)
{
        const LineRow *row = data;

        g_assert_cmpint(sshkeys_line_fits(span_from(row->line)), ==, row->fits);
}

static void test_line_bounds(void)
{
        g_autofree char *comment = g_strnfill(256, 'x');
        g_autofree char *fits = g_strconcat(KEY " ", comment, NULL);
        g_autofree char *longer = g_strconcat(KEY " x", comment, NULL);
        g_autofree char *large_key = g_strnfill(SSHKEYS_SIZE_MAX, 'A');
        g_autofree char *large = g_strconcat("ssh-rsa ", large_key, NULL);

        g_assert_true(sshkeys_line_fits(span_from(fits)));
        g_assert_false(sshkeys_line_fits(span_from(longer)));
        g_assert_false(sshkeys_line_fits(span_from(large)));
}

static void test_values(void)
{
        json_t *values =
            json_pack("[s, s, i, s]", KEY "\n  " KEY " b  \n\nnonsense", "nonsense", 7, KEY);
        g_autofree char *text = sshkeys_text(values);

        g_assert_cmpstr(text, ==, KEY "\n" KEY " b\n" KEY "\n");
        json_decref(values);
}

static void test_not_too_many(void)
{
        json_t *values = json_array();
        g_auto(GStrv) lines = NULL;
        g_autofree char *text = NULL;

        for (int i = 0; i < SSHKEYS_MAX; i++)
                json_array_append_new(values, json_string(KEY "\n" KEY));
        text = sshkeys_text(values);
        lines = g_strsplit(text, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), ==, SSHKEYS_MAX + 1);
        json_decref(values);
}

/* --- asking --------------------------------------------------------------------------------- */

typedef struct Stage {
        char *folder;
        Store *store;
        SshKeys *keys;
        GString *told; /* "none", "key", "unknown", with a blank behind each */
} Stage;

static void remove_folder(const char *folder)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                g_assert_cmpint(g_unlink(path), ==, 0);
        }
        g_assert_cmpint(g_rmdir(folder), ==, 0);
}

static void begin(Stage *stage)
{
        g_autoptr(GError) error = NULL;

        stage->keys = sshkeys_new(stage->store, &error);
        g_assert_no_error(error);
}

static void set_up(Stage *stage, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        set_now(NOW_SEC);
        fake_realm_open(USERS);
        stage->folder = g_dir_make_tmp("authd-sshkeys-XXXXXX", NULL);
        stage->store = store_open(stage->folder, &error);
        g_assert_no_error(error);
        stage->told = g_string_new(NULL);
        begin(stage);
}

static void tear_down(Stage *stage, gconstpointer unused)
{
        sshkeys_free(stage->keys);
        fake_realm_close();
        set_now(0);
        store_close(stage->store);
        g_string_free(stage->told, TRUE);
        remove_folder(stage->folder);
        g_free(stage->folder);
}

static void told(const char *text, void *userdata)
{
        Stage *stage = userdata;

        g_string_append(stage->told, !text ? "unknown " : !*text ? "none " : "key ");
}

static void ask_with(Stage *stage, Admin *admin, const char *subject, int64_t stale_sec)
{
        sshkeys_ask(stage->keys, admin, subject, "keys", stale_sec, told, stage);
}

static void ask(Stage *stage, const char *subject)
{
        ask_with(stage, fake_realm_admin(), subject, HOUR);
}

static void assert_told(Stage *stage, const char *words)
{
        g_assert_cmpstr(stage->told->str, ==, words);
        g_string_truncate(stage->told, 0);
}

static void assert_asked(const char *words)
{
        g_autofree char *asked = fake_realm_asked();

        g_assert_cmpstr(asked, ==, words);
}

static void test_whose(Stage *stage, gconstpointer unused)
{
        ask(stage, "a");
        assert_told(stage, "");
        fake_realm_run();
        assert_told(stage, "key ");
        ask(stage, "b");
        ask(stage, "nobody");
        fake_realm_run();
        assert_told(stage, "none none ");
}

static void test_fresh(Stage *stage, gconstpointer unused)
{
        ask(stage, "a");
        fake_realm_run();
        pass(SSHKEYS_FRESH_SEC);
        ask(stage, "a");
        assert_told(stage, "key key ");
        assert_asked("user ");
        pass(1);
        ask(stage, "a");
        assert_told(stage, "");
        fake_realm_run();
        assert_asked("user ");
}

static void test_without_realm(Stage *stage, gconstpointer unused)
{
        ask(stage, "a");
        fake_realm_run();
        assert_told(stage, "key ");
        fake_realm_fail("user", ADMIN_UNAVAILABLE);
        pass(HOUR);
        ask(stage, "a");
        fake_realm_run();
        assert_told(stage, "key ");
        pass(1);
        ask(stage, "a");
        ask_with(stage, NULL, "a", HOUR);
        fake_realm_run();
        assert_told(stage, "unknown unknown ");
        ask_with(stage, NULL, "a", HOUR + 1);
        assert_told(stage, "key ");
        set_now(NOW_SEC - 1); /* the clock was set back */
        ask_with(stage, NULL, "a", HOUR);
        assert_told(stage, "unknown ");
}

static void test_restart(Stage *stage, gconstpointer unused)
{
        ask(stage, "a");
        fake_realm_run();
        sshkeys_free(stage->keys);
        begin(stage);
        ask_with(stage, NULL, "a", HOUR);
        assert_told(stage, "key key ");
}

static void test_once(Stage *stage, gconstpointer unused)
{
        for (int i = 0; i < 3; i++)
                ask(stage, "a");
        fake_realm_run();
        assert_told(stage, "key key key ");
        assert_asked("user ");
}

/* Whoever floods us with questions gets no more of the realm's time than this. */
static void test_bounded(Stage *stage, gconstpointer unused)
{
        g_autofree char *asked = NULL;

        ask(stage, "a");
        fake_realm_run();
        pass(SSHKEYS_FRESH_SEC + 1);
        for (int i = 0; i < SSHKEYS_ASKING_MAX; i++) {
                g_autofree char *subject = g_strdup_printf("nobody%d", i);

                ask(stage, subject);
        }
        assert_told(stage, "key ");
        ask(stage, "a");
        ask(stage, "one-too-many");
        assert_told(stage, "key unknown ");
        ask(stage, "nobody0"); /* joins */
        assert_told(stage, "");
        fake_realm_run();
        assert_told(stage, "none none none none none none none none none ");
        asked = fake_realm_asked();
        g_assert_cmpuint(strlen(asked), ==, strlen("user ") * (1 + SSHKEYS_ASKING_MAX));
}

static void test_end(Stage *stage, gconstpointer unused)
{
        ask(stage, "a");
        ask(stage, "a");
        ask(stage, "b");
        sshkeys_free(g_steal_pointer(&stage->keys));
        assert_told(stage, "unknown unknown unknown ");
}

static void add(const char *sentence, void (*run)(Stage *, gconstpointer))
{
        g_autofree char *path = g_strconcat("/sshkeys/", sentence, NULL);

        g_test_add(path, Stage, NULL, set_up, run, tear_down);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(line_rows); i++) {
                g_autofree char *path =
                    g_strconcat("/sshkeys/a line: ", line_rows[i].sentence, NULL);

                g_test_add_data_func(path, &line_rows[i], test_line);
        }
        g_test_add_func("/sshkeys/a line has its bounds", test_line_bounds);
        g_test_add_func("/sshkeys/values of lines, and what is no key among them", test_values);
        g_test_add_func("/sshkeys/so many keys and no more", test_not_too_many);
        add("of a person, of a disabled one, of nobody", test_whose);
        add("what was asked five seconds ago is not asked again", test_fresh);
        add("what is kept is lived on so long and no longer", test_without_realm);
        add("what is kept outlives the daemon", test_restart);
        add("equal questions are one", test_once);
        add("so many questions to the realm and no more", test_bounded);
        add("whoever waits at the end is told", test_end);
        return g_test_run();
}

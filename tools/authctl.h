/* authctl: what its files share: exit codes, the options of every command, the commands.
 *
 * authctl asks the daemon over its socket and shows the answer to people; it decides nothing
 * itself. What comes from the daemon may quote tokens and keys of strangers, so every text passes
 * text_printable before it reaches a terminal. One thread, and it ends after one command. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define AUTHCTL_SOCKET_DEFAULT "/run/authd/authd.sock"

typedef enum AuthctlExit {
        AUTHCTL_OK,          /* valid; done */
        AUTHCTL_REFUSED,     /* invalid or forbidden; settings refused; not ready */
        AUTHCTL_USAGE,       /* the question was wrong */
        AUTHCTL_UNAVAILABLE, /* nobody could say: no daemon, no right to ask, verdict unavailable */
} AuthctlExit;

typedef struct AuthctlOptions {
        char *socket;          /* never NULL */
        gboolean json;         /* the daemon's own words, for programs */
        unsigned deadline_sec; /* of an answer; 0: ASK_DEADLINE_SEC */
        int n_words; /* set by the command: how many arguments it takes, then how many more it may
                      */
        int n_optional;
        char **words; /* those, borrowed from argv, NULL-terminated */
} AuthctlOptions;

/* authctl_options: the command's own options and those of all; fewer or more arguments than n_words
 * are refused. usage is what follows the command's name. False: it was told on stderr, exit with
 * AUTHCTL_USAGE. */
bool authctl_options(AuthctlOptions *options, const GOptionEntry *own, const char *usage, int argc,
                     char **argv);
void authctl_options_clear(AuthctlOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AuthctlOptions, authctl_options_clear)

/* authctl_complain: "authctl: …" on stderr; returns the exit code for return statements. */
AuthctlExit authctl_complain(AuthctlExit code, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The commands: argv[0] is the command's name. */
int authctl_check(int argc, char **argv);
int authctl_explain(int argc, char **argv);
int authctl_status(int argc, char **argv);
int authctl_issuers(int argc, char **argv);
int authctl_keys(int argc, char **argv);
int authctl_config(int argc, char **argv);
int authctl_policy(int argc, char **argv);
int authctl_reload(int argc, char **argv);
int authctl_distrust(int argc, char **argv);
int authctl_doctor(int argc, char **argv);
int authctl_users(int argc, char **argv);
int authctl_groups(int argc, char **argv);
int authctl_id(int argc, char **argv);
int authctl_ids(int argc, char **argv);
int authctl_sessions(int argc, char **argv);
int authctl_ssh_keys(int argc, char **argv);

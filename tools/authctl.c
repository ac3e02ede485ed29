/* authctl: the commands, their options and exit codes. Each command is a row; see authctl(1). */
#include "authctl.h"

#include "authctl_text.h"
#include "authctl_token.h"
#include "verify.h"

#include <curl/curl.h>
#include <locale.h>
#include <stdio.h>

typedef struct Command {
        const char *name;
        int (*run)(int argc, char **argv);
        const char *summary;
} Command;

static const Command commands[] = {
        { "check", authctl_check, "is a token (from stdin or --file) good under a policy?" },
        { "explain", authctl_explain, "the same, step by step: what was found, what was wanted" },
        { "verify", verify_main, "checks tokens against a key file, without a daemon" },
        { "status", authctl_status, "what the daemon is doing, and its warnings" },
        { "issuers", authctl_issuers, "the issuers: state, keys, last error" },
        { "keys", authctl_keys, "the keys that verify tokens now" },
        { "config", authctl_config, "the settings in force, with file and line" },
        { "policy", authctl_policy,
          "policy test METHOD URL: which route takes a request, and why" },
        { "reload", authctl_reload,
          "reads the settings again; keeps the old ones if they are wrong" },
        { "distrust", authctl_distrust, "a key of an issuer no longer counts, or counts again" },
        { "doctor", authctl_doctor, "what is missing at an issuer, and where to click" },
        { "users", authctl_users,
          "people as accounts, and who is refused; users sync, users export passwd|group" },
        { "groups", authctl_groups, "the realm's groups as groups of this host" },
        { "id", authctl_id, "one person: numbers, groups, home, last login here" },
        { "ids", authctl_ids, "which number is whose; ids assign, ids export, ids audit FILE..." },
        { "sessions", authctl_sessions, "who is logged in to this host through authd" },
        { "ssh-keys", authctl_ssh_keys, "a person's keys, for sshd's AuthorizedKeysCommand" },
};

AuthctlExit authctl_complain(AuthctlExit code, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_autofree char *sentence = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_autofree char *printable = text_printable(sentence);
        fprintf(stderr, "authctl: %s\n", printable);
        return code;
}

/* A token there has been seen by every process of the host already; say so instead of using it. */
static void refuse_argument(const char *command, const char *argument)
{
        if (token_looks_like_one(argument))
                authctl_complain(AUTHCTL_USAGE,
                                 "a token on the command line is shown to every user by ps and "
                                 "kept by the shell; give it "
                                 "on stdin or with --file FILE, and let this one expire");
        else
                authctl_complain(AUTHCTL_USAGE,
                                 "%s takes no argument \"%s\"; see authctl %s --help", command,
                                 argument, command);
}

/* take_words: what is left in argv behind the command's name. */
static bool take_words(AuthctlOptions *options, int argc, char **argv)
{
        for (int i = 1; i < argc; i++)
                if (i > options->n_words + options->n_optional || token_looks_like_one(argv[i])) {
                        refuse_argument(argv[0], argv[i]);
                        return false;
                }
        if (argc - 1 < options->n_words) {
                authctl_complain(AUTHCTL_USAGE, "%s takes %d argument%s; see authctl %s --help",
                                 argv[0], options->n_words, options->n_words == 1 ? "" : "s",
                                 argv[0]);
                return false;
        }
        options->words = argv + 1;
        return true;
}

bool authctl_options(AuthctlOptions *options, const GOptionEntry *own, const char *usage, int argc,
                     char **argv)
{
        const GOptionEntry common[] = {
                { "socket", 's', 0, G_OPTION_ARG_FILENAME, &options->socket,
                  "The daemon's socket (default $AUTHD_SOCKET, else " AUTHCTL_SOCKET_DEFAULT ")",
                  "PATH" },
                { "json", 'j', 0, G_OPTION_ARG_NONE, &options->json, "Print the daemon's JSON",
                  NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new(usage);
        g_autoptr(GError) error = NULL;
        g_autofree char *program = g_strconcat("authctl ", argv[0], NULL);
        const char *from_environment = g_getenv("AUTHD_SOCKET");

        g_set_prgname(program);
        if (own)
                g_option_context_add_main_entries(context, own, NULL);
        g_option_context_add_main_entries(context, common, NULL);
        if (!g_option_context_parse(context, &argc, &argv, &error)) {
                authctl_complain(AUTHCTL_USAGE, "%s; see %s --help", error->message, program);
                return false;
        }
        if (!take_words(options, argc, argv))
                return false;
        if (!options->socket)
                options->socket =
                    g_strdup(from_environment && *from_environment ? from_environment
                                                                   : AUTHCTL_SOCKET_DEFAULT);
        return true;
}

void authctl_options_clear(AuthctlOptions *options)
{
        g_clear_pointer(&options->socket, g_free);
}

static void print_help(FILE *stream)
{
        fprintf(stream, "Usage: authctl COMMAND [OPTION...]\n\nAsks authd, the daemon that checks "
                        "tokens, over its socket.\n\n");
        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
                fprintf(stream, "  %-9s %s\n", commands[i].name, commands[i].summary);
        fprintf(stream, "\nauthctl COMMAND --help lists a command's options. A token comes from "
                        "stdin or a file,\n"
                        "never from the command line.\n\n"
                        "Exit code: 0 valid or done, 1 refused, 2 wrong usage, 3 could not ask.\n");
}

/* Leading --socket and --json are the command's own: "authctl --json status" is what people type.
 */
static int command_index(int argc, char **argv)
{
        int i = 1;

        while (i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0)
                i += strcmp(argv[i], "--socket") == 0 || strcmp(argv[i], "-s") == 0 ? 2 : 1;
        return i;
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
        return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int run_command(const Command *command, int index, int argc, char **argv)
{
        g_autofree char **moved = g_new0(char *, (size_t) argc + 1);
        int n_moved = 0;

        moved[n_moved++] = argv[index];
        for (int i = 1; i < argc; i++)
                if (i != index)
                        moved[n_moved++] = argv[i];
        return command->run(n_moved, moved);
}

int main(int argc, char **argv)
{
        int index = command_index(argc, argv);

        setlocale(LC_ALL, "");
        if (argc > 1 && is_one_of(argv[1], "--help", "-h")) {
                print_help(stdout);
                return AUTHCTL_OK;
        }
        if (argc > 1 && strcmp(argv[1], "--version") == 0) {
                printf("authctl %s\n", AUTHD_VERSION);
                return AUTHCTL_OK;
        }
        if (index >= argc) {
                print_help(stderr);
                return AUTHCTL_USAGE;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
                if (strcmp(argv[index], commands[i].name) == 0)
                        return run_command(&commands[i], index, argc, argv);
        if (token_looks_like_one(argv[index]))
                refuse_argument("authctl", argv[index]);
        else
                authctl_complain(AUTHCTL_USAGE, "there is no command \"%s\"; see authctl --help",
                                 argv[index]);
        return AUTHCTL_USAGE;
}

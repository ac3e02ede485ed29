/* main: the command line, and what must be true of the process before anything else happens. */
#include "daemon.h"

#include "base/log.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define EXIT_CONFIG 78 /* sysexits.h EX_CONFIG: the service manager shows it by name */

static char *option_config;
static gboolean option_check_config;
static gboolean option_version;

static const GOptionEntry options[] = {
        { "config", 'c', 0, G_OPTION_ARG_FILENAME, &option_config,
          "Settings (default " CONFIG_PATH_DEFAULT ", with conf.d/*.conf beside it)", "FILE" },
        { "check-config", 0, 0, G_OPTION_ARG_NONE, &option_check_config,
          "Read the settings, say what is wrong or \"ok\", and exit", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &option_version, "Print the version and exit", NULL },
        { NULL },
};

static bool parse_options(int *argc, char ***argv)
{
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;

        g_option_context_set_summary(
            context, "Validates tokens for every service on this host. See authd(8).");
        g_option_context_add_main_entries(context, options, NULL);
        if (g_option_context_parse(context, argc, argv, &error) && *argc == 1)
                return true;
        if (error)
                fprintf(stderr, "authd: %s; see authd --help\n", error->message);
        else
                fprintf(stderr, "authd: \"%s\" is no option; see authd --help\n", (*argv)[1]);
        return false;
}

/* raise_descriptors: as many connections as listen.h allows need descriptors; the soft limit is a
 * default, the hard one the administrator's word. */
static void raise_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static int check_config(const char *path)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_load(path, &error);

        if (!config) {
                fprintf(stderr, "authd: %s\n", error->message);
                return EXIT_CONFIG;
        }
        printf("%s: ok (%u issuers, %u policies)\n", path, config->issuers->len,
               config->policies->len);
        return EXIT_SUCCESS;
}

static int serve(const char *path)
{
        g_autoptr(GError) error = NULL;
        Config *config = config_load(path, &error);

        if (!config) {
                log_event(LOG_LEVEL_ERROR, "config_invalid", error->message);
                return EXIT_CONFIG;
        }
        log_set_level(config->log_level);
        if (config->core_dumps)
                prctl(PR_SET_DUMPABLE, 1);
        g_autoptr(Daemon) daemon = daemon_new(path, config, &error);

        if (!daemon) {
                log_event(LOG_LEVEL_ERROR, "start_failed", error->message);
                return EXIT_FAILURE;
        }
        daemon_run(daemon);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        /* Before a secret is read: nobody dumps us. A setting may ask for dumps later. */
        prctl(PR_SET_DUMPABLE, 0);
        /* Nothing here asks NSS; should a library do it, libnss_authd must not ask us. */
        setenv("AUTHD_NSS_BYPASS", "1", true);
        /* A log that nobody reads any more, or a peer that left, is an EPIPE, not the end. */
        signal(SIGPIPE, SIG_IGN);
        log_open(LOG_LEVEL_INFO);
        if (!parse_options(&argc, &argv))
                return EXIT_FAILURE;
        if (option_version) {
                printf("authd %s\n", AUTHD_VERSION);
                return EXIT_SUCCESS;
        }

        const char *path = option_config ? option_config : CONFIG_PATH_DEFAULT;

        if (option_check_config)
                return check_config(path);
        raise_descriptors();
        curl_global_init(CURL_GLOBAL_DEFAULT);
        int result = serve(path);

        curl_global_cleanup();
        return result;
}

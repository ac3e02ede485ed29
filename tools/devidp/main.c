/* devidp: a small identity provider for development and tests, with Keycloak's face.
 *
 * main reads the options, opens realm and keys, starts the server, says one line and waits for a
 * signal. The main thread keeps the clock of held connections; all else is on the server's thread.
 */
#include "http.h"

#include "base/file.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Options {
        char *listen;
        char *realm;
        char *state;
        char *port_file;
        char *url;
} Options;

static void options_clear(Options *options)
{
        g_free(options->listen);
        g_free(options->realm);
        g_free(options->state);
        g_free(options->port_file);
        g_free(options->url);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool options_read(int argc, char **argv, Options *ret, GError **error)
{
        GOptionEntry entries[] = {
                { "listen", 'l', 0, G_OPTION_ARG_STRING, &ret->listen,
                  "Loopback address and port (0: any free)", "127.0.0.1:PORT" },
                { "realm", 'r', 0, G_OPTION_ARG_FILENAME, &ret->realm, "The realm's description",
                  "FILE.json" },
                { "state", 's', 0, G_OPTION_ARG_FILENAME, &ret->state,
                  "Keep the keys here over restarts", "DIR" },
                { "port-file", 'p', 0, G_OPTION_ARG_FILENAME, &ret->port_file,
                  "Write the port here once ready", "FILE" },
                { "url", 'u', 0, G_OPTION_ARG_STRING, &ret->url,
                  "Name the issuer by this base, not the address", "URL" },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new("- development identity provider");

        g_option_context_set_description(
            context,
            "A realm file has users, clients, groups, and people to generate: see docs/HACKING.md\n"
            "and tests/behaviour/realm. Orders below /devidp/: see tools/devidp/own.h.\n");
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, error))
                return false;
        if (argc > 1 || !ret->realm) {
                g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "--realm FILE.json is needed, and no words");
                return false;
        }
        if (!ret->listen)
                ret->listen = g_strdup("127.0.0.1:0");
        return true;
}

static bool split_address(const char *listen, char **ret_address, unsigned *ret_port)
{
        const char *colon = strrchr(listen, ':');
        guint64 port;

        if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
                return false;
        *ret_address = g_strndup(listen, (size_t) (colon - listen));
        *ret_port = (unsigned) port;
        return true;
}

static void name_issuer(Idp *idp, const Options *options, const char *address, unsigned port)
{
        g_autofree char *base_url =
            options->url ? g_strdup(options->url) : g_strdup_printf("http://%s:%u", address, port);

        idp_name(idp, base_url);
}

static bool announce(const Idp *idp, const Options *options, unsigned port, GError **error)
{
        g_autofree char *port_text = g_strdup_printf("%u\n", port);

        if (options->port_file &&
            !file_write_atomic(options->port_file, span_from(port_text), 0644, error))
                return false;
        printf("devidp: %s\n", idp->issuer_url);
        return fflush(stdout) == 0;
}

static gboolean on_signal(gpointer loop)
{
        g_main_loop_quit(loop);
        return G_SOURCE_CONTINUE;
}

/* Signals are caught before the ready line: whoever reads it may stop us at once. */
static GMainLoop *loop_new(void)
{
        GMainLoop *loop = g_main_loop_new(NULL, FALSE);

        g_unix_signal_add(SIGTERM, on_signal, loop);
        g_unix_signal_add(SIGINT, on_signal, loop);
        return loop;
}

static bool run(Idp *idp, const Options *options, GError **error)
{
        g_autoptr(GMainLoop) loop = loop_new();
        g_autofree char *address = NULL;
        unsigned port;

        if (!split_address(options->listen, &address, &port)) {
                g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "--listen wants ADDRESS:PORT");
                return false;
        }
        if (!idp_open(idp, options->realm, options->state, error))
                return false;
        Http *http = http_listen(address, port, error);
        if (!http)
                return false;
        name_issuer(idp, options, address, http_port(http));
        bool ready = http_start(http, idp, error) && announce(idp, options, http_port(http), error);
        if (ready)
                g_main_loop_run(loop);
        http_stop(http);
        return ready;
}

int main(int argc, char **argv)
{
        g_auto(Options) options = { 0 };
        g_autoptr(GError) error = NULL;
        Idp idp = { 0 };

        bool good = options_read(argc, argv, &options, &error) && run(&idp, &options, &error);
        idp_clear(&idp);
        if (!good)
                fprintf(stderr, "devidp: %s\n", error ? error->message : "failed");
        return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

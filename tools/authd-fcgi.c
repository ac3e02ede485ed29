/* authd-fcgi: the bridge by which Apache's mod_authnz_fcgi asks authd.
 *
 * A FastCGI authorizer on loopback: each request becomes one question to authd's /auth door on the
 * Unix socket, and each header of a yes becomes a variable (Variable-AUTHD_X_AUTH_REQUEST_USER),
 * from which Apache sets the request's headers. A refusal goes back with its status and headers;
 * whatever is no clear answer is 503, never a yes. The policy is in AUTHD_POLICY, which Apache's
 * settings set and no client can: a client's headers begin with HTTP_.
 * Each thread has one connection to authd, kept. Logs to standard error; keeps no state. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcgiapp.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_DEFAULT  "127.0.0.1:9181"
#define SOCKET_DEFAULT  "/run/authd/authd.sock"
#define THREADS_DEFAULT 16
#define THREADS_MAX     256
#define BACKLOG         128
#define TIMEOUT_MSEC    5000L
#define POLICY_SIZE_MAX 64
#define HEADERS_MAX     64

static char *listen_at = LISTEN_DEFAULT, *socket_path = SOCKET_DEFAULT;
static int n_threads = THREADS_DEFAULT;

static const GOptionEntry options[] = {
        { "listen", 'l', 0, G_OPTION_ARG_STRING, &listen_at,
          "Where Apache asks, a loopback address (default " LISTEN_DEFAULT ")", "ADDRESS:PORT" },
        { "socket", 's', 0, G_OPTION_ARG_FILENAME, &socket_path,
          "authd's socket (default " SOCKET_DEFAULT ")", "PATH" },
        { "threads", 't', 0, G_OPTION_ARG_INT, &n_threads, "Questions at a time (default 16)",
          "N" },
        { NULL }
};

/* What goes from Apache's variables into the question. A header that a client sent twice arrives
 * here as one value with a comma, which authd refuses where it matters. */
static const struct {
        const char *variable, *header;
} told[] = {
        { "HTTP_AUTHORIZATION", "Authorization" },
        { "HTTP_DPOP", "DPoP" },
        { "HTTP_ORIGIN", "Origin" },
        { "HTTP_ACCESS_CONTROL_REQUEST_METHOD", "Access-Control-Request-Method" },
        { "HTTP_TRACEPARENT", "traceparent" },
        { "HTTP_HOST", "X-Original-Host" },
        { "REQUEST_METHOD", "X-Original-Method" },
        { "REQUEST_URI", "X-Original-URI" },
        { "REQUEST_SCHEME", "X-Forwarded-Proto" },
        { "REMOTE_ADDR", "X-Forwarded-For" },
};

/* What of a refusal the client sees. */
static const char *const shown[] = {
        "WWW-Authenticate",    "X-Authd-Reason",  "Retry-After",
        "DPoP-Nonce",          "RateLimit",       "RateLimit-Limit",
        "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy",
};

/* Headers of a yes that are the answer's own. */
static const char *const own[] = { "Date",          "Connection", "Content-Length",
                                   "Cache-Control", "Keep-Alive", "Content-Type" };

typedef struct Reply {
        long status; /* 0: could not ask */
        size_t n_headers;
        char *names[HEADERS_MAX], *values[HEADERS_MAX];
} Reply;

static void reply_clear(Reply *reply)
{
        for (size_t i = 0; i < reply->n_headers; i++) {
                g_free(reply->names[i]);
                g_free(reply->values[i]);
        }
        *reply = (Reply){ 0 };
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reply, reply_clear)

static const char *reply_find(const Reply *reply, const char *name)
{
        for (size_t i = 0; i < reply->n_headers; i++)
                if (g_ascii_strcasecmp(reply->names[i], name) == 0)
                        return reply->values[i];
        return NULL;
}

/* keep_header: too many headers end the transfer, so that none is left out of a yes. */
static size_t keep_header(char *line, size_t size, size_t n, void *user)
{
        Reply *reply = user;
        char *colon = memchr(line, ':', n);

        if (!colon)
                return size * n;
        if (reply->n_headers == HEADERS_MAX)
                return 0;
        reply->names[reply->n_headers] = g_strndup(line, colon - line);
        reply->values[reply->n_headers++] =
            g_strstrip(g_strndup(colon + 1, n - (size_t) (colon + 1 - line)));
        return size * n;
}

static size_t drop_body(char *bytes, size_t size, size_t n, void *user)
{
        (void) bytes;
        (void) user;
        return size * n;
}

static bool policy_is_sound(const char *policy)
{
        return policy && policy[0] != '\0' && strlen(policy) <= POLICY_SIZE_MAX &&
               strspn(policy, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_") == strlen(policy);
}

static struct curl_slist *question(char **variables)
{
        struct curl_slist *headers = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
                const char *value = FCGX_GetParam(told[i].variable, variables);
                g_autofree char *line = NULL;

                if (!value || strpbrk(value, "\r\n"))
                        continue;
                line = g_strdup_printf("%s: %s", told[i].header, value);
                headers = curl_slist_append(headers, line);
        }
        return headers;
}

static void ask(CURL *curl, char **variables, Reply *ret)
{
        const char *policy = FCGX_GetParam("AUTHD_POLICY", variables);
        g_autofree char *url = NULL;
        struct curl_slist *headers;

        if (!policy_is_sound(policy)) {
                g_printerr("authd-fcgi: AUTHD_POLICY is missing or no name of a policy\n");
                return;
        }
        url = g_strconcat("http://localhost/auth/", policy, NULL);
        headers = question(variables);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, ret);
        if (curl_easy_perform(curl) == CURLE_OK)
                curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
        else
                g_printerr("authd-fcgi: no answer from %s\n", socket_path);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
        curl_slist_free_all(headers);
}

static void hand_on(FCGX_Stream *out, const Reply *reply)
{
        FCGX_FPrintF(out, "Status: 200 OK\r\n");
        for (size_t i = 0; i < reply->n_headers; i++) {
                g_autofree char *name = g_ascii_strup(reply->names[i], -1);
                bool is_own = false;

                for (size_t k = 0; k < G_N_ELEMENTS(own); k++)
                        is_own |= g_ascii_strcasecmp(name, own[k]) == 0;
                if (!is_own)
                        FCGX_FPrintF(out, "Variable-AUTHD_%s: %s\r\n", g_strdelimit(name, "-", '_'),
                                     reply->values[i]);
        }
        FCGX_FPrintF(out, "\r\n");
}

/* refusal: /auth says 429 as nginx needs it, 403 and the true one beside. */
static long refusal(const Reply *reply)
{
        const char *true_status = reply_find(reply, "X-Authd-Status");

        if (true_status && g_str_equal(true_status, "429"))
                return 429;
        if (reply->status == 401 || reply->status == 403)
                return reply->status;
        return reply->status >= 400 && reply->status < 500 && reply->status != 404 ? 400 : 503;
}

static void refuse(FCGX_Stream *out, const Reply *reply)
{
        FCGX_FPrintF(out, "Status: %d\r\n", (int) refusal(reply));
        for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
                const char *value = reply_find(reply, shown[i]);

                if (value)
                        FCGX_FPrintF(out, "%s: %s\r\n", shown[i], value);
        }
        if (refusal(reply) == 503 && !reply_find(reply, "Retry-After"))
                FCGX_FPrintF(out, "Retry-After: 1\r\n");
        FCGX_FPrintF(out, "\r\n");
}

static CURL *client_new(void)
{
        CURL *curl = curl_easy_init();

        if (!curl)
                g_error("authd-fcgi: libcurl does not start");
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MSEC);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep_header);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_body);
        return curl;
}

static void *serve(void *user)
{
        CURL *curl = client_new();
        FCGX_Request request;

        if (FCGX_InitRequest(&request, GPOINTER_TO_INT(user), 0) != 0)
                g_error("authd-fcgi: libfcgi does not start");
        while (FCGX_Accept_r(&request) == 0) {
                g_auto(Reply) reply = { 0 };

                ask(curl, request.envp, &reply);
                if (reply.status == 204)
                        hand_on(request.out, &reply);
                else
                        refuse(request.out, &reply);
                FCGX_Finish_r(&request);
        }
        curl_easy_cleanup(curl);
        return NULL;
}

/* read_loopback: whoever reaches the bridge speaks for a trusted proxy. */
static bool read_loopback(const char *text, struct sockaddr_in *ret)
{
        g_auto(GStrv) parts = g_strsplit(text, ":", 2);
        struct sockaddr_in address = { .sin_family = AF_INET };
        guint64 port;

        if (g_strv_length(parts) != 2 || inet_pton(AF_INET, parts[0], &address.sin_addr) != 1 ||
            ntohl(address.sin_addr.s_addr) >> 24 != 127 ||
            !g_ascii_string_to_unsigned(parts[1], 10, 1, UINT16_MAX, &port, NULL))
                return false;
        address.sin_port = htons(port);
        *ret = address;
        return true;
}

/* listen_on: not FCGX_OpenSocket, which takes the port of an address and listens for everybody. */
static int listen_on(const struct sockaddr_in *address)
{
        int one = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (descriptor < 0)
                return -1;
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(descriptor, (const struct sockaddr *) address, sizeof(*address)) == 0 &&
            listen(descriptor, BACKLOG) == 0)
                return descriptor;
        close(descriptor);
        return -1;
}

static bool parse(int argc, char **argv, struct sockaddr_in *ret_address)
{
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;

        g_option_context_add_main_entries(context, options, NULL);
        g_option_context_set_summary(
            context, "Lets Apache's mod_authnz_fcgi ask authd; see examples/apache.");
        if (!g_option_context_parse(context, &argc, &argv, &error))
                g_printerr("authd-fcgi: %s\n", error->message);
        else if (argc > 1)
                g_printerr("authd-fcgi: what is %s?\n", argv[1]);
        else if (!read_loopback(listen_at, ret_address))
                g_printerr("authd-fcgi: --listen %s is no loopback address with a port\n",
                           listen_at);
        else if (n_threads < 1 || n_threads > THREADS_MAX)
                g_printerr("authd-fcgi: --threads is 1 to %d\n", THREADS_MAX);
        else
                return true;
        return false;
}

int main(int argc, char **argv)
{
        struct sockaddr_in address;
        int descriptor;

        if (!parse(argc, argv, &address))
                return 2;
        curl_global_init(CURL_GLOBAL_ALL);
        descriptor = listen_on(&address);
        if (descriptor < 0 || FCGX_Init() != 0) {
                g_printerr("authd-fcgi: cannot listen on %s\n", listen_at);
                return 1;
        }
        for (int i = 1; i < n_threads; i++)
                g_thread_unref(g_thread_new("fcgi", serve, GINT_TO_POINTER(descriptor)));
        serve(GINT_TO_POINTER(descriptor));
        return 0;
}

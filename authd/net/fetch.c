#include "net/fetch.h"

#include "base/clock.h"
#include "base/secret.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>

/* Far more than its users ever start at one time, each of whom has a limit of its own: one attempt
 * an issuer for keys, introspection_calls an issuer for tokens. A limit by host here would let hung
 * calls of the one kind keep the other waiting. */
#define CONNECTIONS_MAX 4096
#define HOST_SIZE       300
#define USEC_PER_MSEC   1000
#define CERTIFICATE_END "Expire date:" /* of CURLINFO_CERTINFO */

struct Fetcher {
        CURLM *multi;
        GMainContext *context;
        GSource *timer;      /* curl's */
        GSource *refusals;   /* exists while refused is not empty */
        GHashTable *fetches; /* a set of Fetch, each under way or to be answered */
        GQueue refused;      /* Fetch that never started */
};

struct Fetch {
        Fetcher *fetcher;
        CURL *easy;
        struct curl_slist *headers;
        char *sent; /* the body of the question; NULL: none */
        size_t sent_len;
        GString *body;
        size_t size_max;
        int64_t deadline_usec;
        bool too_large;
        FetchDone done;
        void *userdata;
        int error; /* of one that never started */
        char *refusal;
        char host[HOST_SIZE]; /* "sso.example.com:443", for sentences */
        char curl_error[CURL_ERROR_SIZE];
};

/* Which URLs. */

static bool host_is_loopback(const char *host)
{
        struct in_addr v4;

        if (g_ascii_strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
                return true;
        return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static const char *why_not(CURLU *parsed)
{
        char *scheme = NULL, *host = NULL;
        const char *why = "its URL has neither a scheme nor a host";

        if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
            curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
                why = "its URL must begin with https://";
                if (strcmp(scheme, "https") == 0)
                        why = NULL;
                else if (strcmp(scheme, "http") == 0)
                        why = host_is_loopback(host)
                                  ? NULL
                                  : "plain http is allowed to this machine itself only";
        }
        curl_free(scheme);
        curl_free(host);
        return why;
}

bool fetch_url_allowed(const char *url, const char **ret_why)
{
        CURLU *parsed = curl_url();
        const char *why = "its URL is malformed, or names a user";

        if (url && curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK)
                why = why_not(parsed);
        curl_url_cleanup(parsed);
        if (why && ret_why)
                *ret_why = why;
        return !why;
}

static const char *why_not_proxy(CURLU *parsed)
{
        static const char *const schemes[] = { "http", "https", "socks5h", NULL };
        char *scheme = NULL, *port = NULL, *path = NULL;
        const char *why = "its proxy must be http://, https:// or socks5h://HOST:PORT";

        if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
            curl_url_get(parsed, CURLUPART_PORT, &port, 0) == CURLUE_OK &&
            curl_url_get(parsed, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
            g_strv_contains(schemes, scheme) && strcmp(path, "/") == 0)
                why = NULL;
        curl_free(scheme);
        curl_free(port);
        curl_free(path);
        return why;
}

bool fetch_proxy_allowed(const char *proxy, const char **ret_why)
{
        CURLU *parsed = curl_url();
        const char *why = "its proxy is malformed, or names a user";
        unsigned flags = CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME;

        if (proxy && !strpbrk(proxy, "?#") &&
            curl_url_set(parsed, CURLUPART_URL, proxy, flags) == CURLUE_OK)
                why = why_not_proxy(parsed);
        curl_url_cleanup(parsed);
        if (why && ret_why)
                *ret_why = why;
        return !why;
}

/* options_allowed: whether this may be sent at all. Plain http to loopback, asked of a proxy, would
 * be the proxy's loopback. */
static bool options_allowed(const FetchOptions *options, const char **ret_why)
{
        if (!fetch_url_allowed(options->url, ret_why))
                return false;
        if (!options->proxy)
                return true;
        if (g_ascii_strncasecmp(options->url, "https:", strlen("https:")) == 0)
                return fetch_proxy_allowed(options->proxy, ret_why);
        *ret_why = "plain http goes through no proxy";
        return false;
}

/* note_host: host and port for sentences. */
static void note_host(Fetch *fetch, const char *url)
{
        CURLU *parsed = curl_url();
        char *host = NULL, *port = NULL;

        if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
            curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
            curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
                g_snprintf(fetch->host, sizeof(fetch->host), "%s:%s", host, port);
        else
                g_strlcpy(fetch->host, "the provider", sizeof(fetch->host));
        curl_free(host);
        curl_free(port);
        curl_url_cleanup(parsed);
}

/* What went wrong, as a number and a sentence. */

static char *say_refused(const Fetch *fetch)
{
        return g_strdup_printf("connection refused by %s", fetch->host);
}

static char *say_unreachable(const Fetch *fetch)
{
        return g_strdup_printf("cannot connect to %s: %s", fetch->host, fetch->curl_error);
}

static char *say_unknown_name(const Fetch *fetch)
{
        return g_strdup_printf("the name of %s is not known here", fetch->host);
}

static char *say_late(const Fetch *fetch)
{
        return g_strdup_printf("no answer from %s within %g s", fetch->host,
                               (double) fetch->deadline_usec / G_USEC_PER_SEC);
}

static char *say_large(const Fetch *fetch)
{
        return g_strdup_printf("the answer of %s is larger than %zu bytes", fetch->host,
                               fetch->size_max);
}

static char *say_untrusted(const Fetch *fetch)
{
        const char *why = fetch->curl_error;

        if (g_str_has_prefix(why, "SSL certificate problem: "))
                why += strlen("SSL certificate problem: ");
        return g_strdup_printf("the certificate of %s is not trusted: %s", fetch->host, why);
}

static char *say_tls(const Fetch *fetch)
{
        return g_strdup_printf("no TLS with %s: %s", fetch->host, fetch->curl_error);
}

static char *say_ca_file(const Fetch *fetch)
{
        return g_strdup_printf("the CA file for %s cannot be used: %s", fetch->host,
                               fetch->curl_error);
}

static char *say_own_certificate(const Fetch *fetch)
{
        return g_strdup_printf("our own certificate for %s cannot be used: %s", fetch->host,
                               fetch->curl_error);
}

static char *say_proxy(const Fetch *fetch)
{
        return g_strdup_printf("the proxy to %s failed: %s", fetch->host, fetch->curl_error);
}

static char *say_cut(const Fetch *fetch)
{
        return g_strdup_printf("the answer of %s ended early", fetch->host);
}

static char *say_silent(const Fetch *fetch)
{
        return g_strdup_printf("%s closed the connection without an answer", fetch->host);
}

static char *say_other(const Fetch *fetch)
{
        return g_strdup_printf("asking %s failed: %s", fetch->host, fetch->curl_error);
}

static const struct Trouble {
        CURLcode code;
        int error;
        char *(*say)(const Fetch *fetch);
} troubles[] = {
        { CURLE_COULDNT_CONNECT, -EIO, say_unreachable },
        { CURLE_COULDNT_RESOLVE_HOST, -EIO, say_unknown_name },
        { CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, say_late },
        { CURLE_FILESIZE_EXCEEDED, -EFBIG, say_large },
        { CURLE_PEER_FAILED_VERIFICATION, -EPROTO, say_untrusted },
        { CURLE_SSL_CONNECT_ERROR, -EPROTO, say_tls },
        { CURLE_SSL_CACERT_BADFILE, -EPROTO, say_ca_file },
        { CURLE_SSL_CERTPROBLEM, -EPROTO, say_own_certificate },
        { CURLE_COULDNT_RESOLVE_PROXY, -EIO, say_proxy },
        { CURLE_PROXY, -EIO, say_proxy },
        { CURLE_PARTIAL_FILE, -EIO, say_cut },
        { CURLE_GOT_NOTHING, -EIO, say_silent },
};

/* what_happened: curl's code, sharpened where it has one word for two things. */
static struct Trouble what_happened(Fetch *fetch, CURLcode code)
{
        long number = 0;

        curl_easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &number);
        if (code == CURLE_COULDNT_CONNECT && number == ECONNREFUSED)
                return (struct Trouble){ code, -ECONNREFUSED, say_refused };
        if (code == CURLE_WRITE_ERROR && fetch->too_large)
                return (struct Trouble){ code, -EFBIG, say_large };
        for (size_t i = 0; i < G_N_ELEMENTS(troubles); i++)
                if (troubles[i].code == code)
                        return troubles[i];
        return (struct Trouble){ code, -EIO, say_other };
}

/* A fetch. */

static void erase_headers(struct curl_slist *headers)
{
        for (struct curl_slist *line = headers; line; line = line->next)
                secret_erase(line->data, strlen(line->data));
        curl_slist_free_all(headers);
}

static void fetch_free(Fetch *fetch)
{
        if (fetch->easy) {
                curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
                curl_easy_cleanup(fetch->easy);
        }
        erase_headers(fetch->headers);
        if (fetch->sent)
                secret_erase(fetch->sent, fetch->sent_len);
        g_free(fetch->sent);
        /* A token endpoint's answer is a token. */
        if (fetch->body) {
                secret_erase(fetch->body->str, fetch->body->len);
                g_string_free(fetch->body, TRUE);
        }
        g_free(fetch->refusal);
        g_free(fetch);
}

static const char *answer_header(const Fetch *fetch, const char *name)
{
        struct curl_header *header;

        return curl_easy_header(fetch->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK
                   ? header->value
                   : "";
}

/* take_out: the fetch is its caller's no more: to be answered, or forgotten. */
static void take_out(Fetch *fetch)
{
        g_hash_table_remove(fetch->fetcher->fetches, fetch);
        g_queue_remove(&fetch->fetcher->refused, fetch);
}

static void answer(Fetch *fetch, const FetchAnswer *what)
{
        take_out(fetch);
        fetch->done(what, fetch->userdata);
        fetch_free(fetch);
}

static void answer_trouble(Fetch *fetch, int error, const char *sentence)
{
        FetchAnswer what = { .error = error, .trouble = sentence, .body = SPAN_EMPTY };

        what.content_type = what.cache_control = what.etag = what.retry_after = "";
        answer(fetch, &what);
}

/* A date as HTTP writes it; 0: none. */
static int64_t date_of(const char *text)
{
        time_t sec = text[0] ? curl_getdate(text, NULL) : -1;

        return sec > 0 ? (int64_t) sec : 0;
}

/* RFC 9110 §10.2.3. More digits than an int64 has are as good as the largest. */
static int64_t retry_after_of(const char *text, int64_t date_sec)
{
        int64_t from_sec = date_sec > 0 ? date_sec : clock_wall_sec();
        size_t n_digits = strspn(text, "0123456789");

        if (n_digits > 0 && text[n_digits] == '\0')
                return g_ascii_strtoll(text, NULL, 10);
        return MAX(date_of(text) - from_sec, 0);
}

/* The end of the certificate that the server showed as its own: the first of the chain. */
static int64_t certificate_end_of(const Fetch *fetch)
{
        struct curl_certinfo *chain = NULL;
        const struct curl_slist *line = NULL;

        if (curl_easy_getinfo(fetch->easy, CURLINFO_CERTINFO, &chain) == CURLE_OK && chain &&
            chain->num_of_certs > 0)
                line = chain->certinfo[0];
        for (; line; line = line->next)
                if (g_str_has_prefix(line->data, CERTIFICATE_END))
                        return date_of(line->data + strlen(CERTIFICATE_END));
        return 0;
}

static void answer_http(Fetch *fetch)
{
        long status = 0;

        curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
        FetchAnswer what = {
                .status = (unsigned) status,
                .body = span_of(fetch->body->str, fetch->body->len),
                .content_type = answer_header(fetch, "Content-Type"),
                .cache_control = answer_header(fetch, "Cache-Control"),
                .etag = answer_header(fetch, "ETag"),
                .retry_after = answer_header(fetch, "Retry-After"),
                .date_sec = date_of(answer_header(fetch, "Date")),
                .cert_expires_sec = certificate_end_of(fetch),
        };
        what.retry_after_sec = retry_after_of(what.retry_after, what.date_sec);
        answer(fetch, &what);
}

static void finished(Fetch *fetch, CURLcode code)
{
        if (code == CURLE_OK) {
                answer_http(fetch);
                return;
        }
        if (fetch->curl_error[0] == '\0')
                g_strlcpy(fetch->curl_error, curl_easy_strerror(code), sizeof(fetch->curl_error));
        struct Trouble trouble = what_happened(fetch, code);
        g_autofree char *sentence = trouble.say(fetch);

        answer_trouble(fetch, trouble.error, sentence);
}

/* The loop. Finished fetches are answered one by one: a callback may start or cancel others. */

static void answer_finished(Fetcher *fetcher)
{
        CURLMsg *message;
        int n_left;

        while ((message = curl_multi_info_read(fetcher->multi, &n_left))) {
                Fetch *fetch = NULL;
                CURLcode code = message->data.result;

                if (message->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &fetch);
                finished(fetch, code);
        }
}

static void answer_refused(Fetcher *fetcher)
{
        Fetch *fetch;

        while ((fetch = g_queue_pop_head(&fetcher->refused)))
                answer_trouble(fetch, fetch->error, fetch->refusal);
}

static int curl_events(GIOCondition condition)
{
        return ((condition & (G_IO_IN | G_IO_HUP)) ? CURL_CSELECT_IN : 0) |
               ((condition & G_IO_OUT) ? CURL_CSELECT_OUT : 0) |
               ((condition & G_IO_ERR) ? CURL_CSELECT_ERR : 0);
}

static gboolean socket_ready(gint fd, GIOCondition condition, gpointer userdata)
{
        Fetcher *fetcher = userdata;
        int n_running;

        curl_multi_socket_action(fetcher->multi, fd, curl_events(condition), &n_running);
        answer_finished(fetcher);
        return G_SOURCE_CONTINUE;
}

static void source_drop(GSource **source)
{
        if (*source)
                g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
}

/* on_socket: curl says what it waits for on a descriptor; its source is kept by curl_multi_assign.
 */
static int on_socket(G_GNUC_UNUSED CURL *easy, curl_socket_t fd, int what, void *userdata,
                     void *assigned)
{
        Fetcher *fetcher = userdata;
        GSource *source = assigned;
        GIOCondition condition = G_IO_HUP | G_IO_ERR;

        source_drop(&source);
        if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
                condition |= G_IO_IN;
        if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
                condition |= G_IO_OUT;
        if (what != CURL_POLL_REMOVE) {
                source = g_unix_fd_source_new(fd, condition);
                g_source_set_callback(source, G_SOURCE_FUNC(socket_ready), fetcher, NULL);
                g_source_attach(source, fetcher->context);
        }
        curl_multi_assign(fetcher->multi, fd, source);
        return 0;
}

static int on_timer(G_GNUC_UNUSED CURLM *multi, long timeout_msec, void *userdata)
{
        Fetcher *fetcher = userdata;
        int64_t ready =
            timeout_msec < 0 ? -1 : g_get_monotonic_time() + timeout_msec * USEC_PER_MSEC;

        g_source_set_ready_time(fetcher->timer, ready);
        return 0;
}

static gboolean timer_dispatch(GSource *source, G_GNUC_UNUSED GSourceFunc callback,
                               gpointer userdata)
{
        Fetcher *fetcher = userdata;
        int n_running;

        g_source_set_ready_time(source, -1);
        curl_multi_socket_action(fetcher->multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
        answer_finished(fetcher);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_functions = { .dispatch = timer_dispatch };

static gboolean ignore(G_GNUC_UNUSED gpointer userdata)
{
        return G_SOURCE_CONTINUE;
}

Fetcher *fetcher_new(GMainContext *context)
{
        Fetcher *fetcher = g_new0(Fetcher, 1);

        fetcher->context = context;
        fetcher->fetches = g_hash_table_new(NULL, NULL);
        g_queue_init(&fetcher->refused);
        fetcher->timer = g_source_new(&timer_functions, sizeof(GSource));
        g_source_set_callback(fetcher->timer, ignore, fetcher, NULL);
        g_source_attach(fetcher->timer, context);
        fetcher->multi = curl_multi_init();
        g_assert(fetcher->multi);
        curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
        curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_timer);
        curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
        curl_multi_setopt(fetcher->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) CONNECTIONS_MAX);
        return fetcher;
}

void fetcher_free(Fetcher *fetcher)
{
        if (!fetcher)
                return;
        GHashTableIter iter;
        gpointer fetch;

        g_hash_table_iter_init(&iter, fetcher->fetches);
        while (g_hash_table_iter_next(&iter, &fetch, NULL)) {
                g_hash_table_iter_steal(&iter);
                fetch_free(fetch);
        }
        /* Closes kept connections, and by on_socket their sources; the timer is touched too. */
        curl_multi_cleanup(fetcher->multi);
        source_drop(&fetcher->timer);
        source_drop(&fetcher->refusals);
        g_queue_clear(&fetcher->refused);
        g_hash_table_unref(fetcher->fetches);
        g_free(fetcher);
}

/* Starting. */

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
        Fetch *fetch = userdata;
        size_t len = size * n;

        if (len > fetch->size_max - fetch->body->len) {
                fetch->too_large = true;
                return CURL_WRITEFUNC_ERROR;
        }
        g_string_append_len(fetch->body, data, (gssize) len);
        return len;
}

static void set_transport(CURL *easy, const FetchOptions *options)
{
        curl_easy_setopt(easy, CURLOPT_URL, options->url);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        /* The empty strings: no proxy and no exception from one, whatever the environment says. */
        curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy ? options->proxy : "");
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
        curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
}

static void set_authorities(CURL *easy, const FetchOptions *options)
{
        struct curl_blob pem = { .data = (void *) options->ca_pem, .flags = CURL_BLOB_COPY };

        if (!options->ca_pem && !options->ca_file)
                return;
        /* Else the system's folder of authorities would be trusted beside those named. */
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        if (options->ca_pem) {
                pem.len = strlen(options->ca_pem);
                curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &pem);
        } else {
                curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
                /* curl would keep the file's authorities for a day. */
                curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
        }
}

static void set_tls(CURL *easy, const FetchOptions *options)
{
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        set_authorities(easy, options);
        if (options->cert_file)
                curl_easy_setopt(easy, CURLOPT_SSLCERT, options->cert_file);
        if (options->cert_key_file)
                curl_easy_setopt(easy, CURLOPT_SSLKEY, options->cert_key_file);
        if (options->want_certificate) {
                curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
                curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        }
}

static void set_limits(CURL *easy, const Fetch *fetch)
{
        long msec = (long) MAX(fetch->deadline_usec / USEC_PER_MSEC, 1);

        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, msec);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, msec);
        curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) fetch->size_max);
}

static void set_callbacks(CURL *easy, Fetch *fetch)
{
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->curl_error);
}

static void set_sent(CURL *easy, Fetch *fetch, const FetchOptions *options)
{
        if (!options->form && !options->put_json)
                return;
        fetch->sent_len = options->body.len;
        fetch->sent = g_strndup(options->body.len > 0 ? options->body.data : "", fetch->sent_len);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) fetch->sent_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->sent);
        if (options->form)
                return;
        fetch->headers = curl_slist_append(fetch->headers, "Content-Type: application/json");
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
}

static void set_basic(CURL *easy, const FetchOptions *options)
{
        g_autofree char *password = NULL;

        if (!options->basic_user)
                return;
        password = g_strndup(options->basic_password.data, options->basic_password.len);
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, options->basic_user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, password);
        secret_erase(password, strlen(password));
}

static void set_question(CURL *easy, Fetch *fetch, const FetchOptions *options)
{
        for (const char *const *line = options->headers; line && *line; line++)
                fetch->headers = curl_slist_append(fetch->headers, *line);
        set_sent(easy, fetch, options);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "authd/" AUTHD_VERSION);
        set_basic(easy, options);
}

static gboolean refusals_dispatch(gpointer userdata)
{
        Fetcher *fetcher = userdata;

        source_drop(&fetcher->refusals);
        answer_refused(fetcher);
        return G_SOURCE_REMOVE;
}

/* refuse: told from the loop, for a callback never comes before fetch_start returned. */
static void refuse(Fetch *fetch, int error, const char *why)
{
        Fetcher *fetcher = fetch->fetcher;

        fetch->error = error;
        fetch->refusal = g_strdup_printf("%s was not asked: %s", fetch->host, why);
        g_queue_push_tail(&fetcher->refused, fetch);
        if (fetcher->refusals)
                return;
        fetcher->refusals = g_idle_source_new();
        g_source_set_priority(fetcher->refusals, G_PRIORITY_DEFAULT);
        g_source_set_callback(fetcher->refusals, refusals_dispatch, fetcher, NULL);
        g_source_attach(fetcher->refusals, fetcher->context);
}

static void begin(Fetch *fetch, const FetchOptions *options)
{
        CURL *easy = curl_easy_init();

        g_assert(easy);
        fetch->easy = easy;
        set_transport(easy, options);
        set_tls(easy, options);
        set_limits(easy, fetch);
        set_callbacks(easy, fetch);
        set_question(easy, fetch, options);
        curl_multi_add_handle(fetch->fetcher->multi, easy);
}

static Fetch *fetch_new(Fetcher *fetcher, FetchDone done, void *userdata)
{
        Fetch *fetch = g_new0(Fetch, 1);

        fetch->fetcher = fetcher;
        fetch->body = g_string_new(NULL);
        fetch->done = done;
        fetch->userdata = userdata;
        g_hash_table_add(fetcher->fetches, fetch);
        return fetch;
}

Fetch *fetch_start(Fetcher *fetcher, const FetchOptions *options, FetchDone done, void *userdata)
{
        Fetch *fetch = fetch_new(fetcher, done, userdata);
        const char *why = NULL;

        fetch->size_max = options->size_max ? options->size_max : FETCH_SIZE_MAX_DEFAULT;
        fetch->deadline_usec =
            options->deadline_usec ? options->deadline_usec : FETCH_DEADLINE_USEC_DEFAULT;
        note_host(fetch, options->url);
        if (options_allowed(options, &why))
                begin(fetch, options);
        else
                refuse(fetch, -EPERM, why);
        return fetch;
}

Fetch *fetch_refuse(Fetcher *fetcher, const char *why, FetchDone done, void *userdata)
{
        Fetch *fetch = fetch_new(fetcher, done, userdata);

        g_strlcpy(fetch->host, "the provider", sizeof(fetch->host));
        refuse(fetch, -EPERM, why);
        return fetch;
}

void fetch_cancel(Fetch *fetch)
{
        if (!fetch)
                return;
        take_out(fetch);
        fetch_free(fetch);
}

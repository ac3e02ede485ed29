/* client: the functions of authd.h: opening, asking, closing.
 *
 * A client has no state but its pool and what it was opened with, so any thread may use it. */
#include "client.h"

#include "call.h"
#include "cleanup.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>

#define STRUCT_SIZE_MAX 4096 /* of a structure of the caller's */

/* --- opening -------------------------------------------------------------------------------- */

/* take_struct: a structure of a caller who may have been compiled against a later authd.h: what it
 * has beyond ours must be unused. */
static bool take_struct(void *ours, size_t our_size, const void *theirs, size_t their_size)
{
        const char *bytes = theirs;

        if (their_size < our_size || their_size > STRUCT_SIZE_MAX)
                return false;
        for (size_t i = our_size; i < their_size; i++)
                if (bytes[i] != 0)
                        return false;
        memcpy(ours, theirs, our_size);
        return true;
}

static const char *choose_path(const struct authd_options *options)
{
        const char *named = options->socket ? options->socket : secure_getenv("AUTHD_SOCKET");

        return named && *named ? named : AUTHD_SOCKET_DEFAULT;
}

static bool path_is_usable(const char *path)
{
        return path[0] == '/' && strlen(path) < sizeof(((struct sockaddr_un *) NULL)->sun_path);
}

static bool options_are_usable(const struct authd_options *options)
{
        /* (uid_t) -1 is nobody's: the kernel gives it for "unknown". */
        return options->timeout_ms >= 0 && options->timeout_ms <= CLIENT_TIMEOUT_MS_MAX &&
               path_is_usable(choose_path(options)) &&
               !(options->has_trusted_uid && options->trusted_uid == UINT32_MAX);
}

static authd *client_new(const struct authd_options *options)
{
        authd *client = calloc(1, sizeof(*client));

        if (!client)
                return NULL;
        client->address.path = strdup(choose_path(options));
        client->address.has_trusted_uid = options->has_trusted_uid;
        client->address.trusted_uid = options->trusted_uid;
        client->timeout_ms = options->timeout_ms ? options->timeout_ms : AUTHD_TIMEOUT_MS_DEFAULT;
        pool_init(&client->pool,
                  options->max_connections ? options->max_connections : CLIENT_KEPT_DEFAULT);
        return client;
}

int authd_open(authd **ret_client, const struct authd_options *options)
{
        struct authd_options ours = { .size = sizeof(ours) };
        authd *client;

        if (!ret_client || (options && !take_struct(&ours, sizeof(ours), options, options->size)) ||
            !options_are_usable(&ours))
                return AUTHD_E_INVALID;
        client = client_new(&ours);
        if (!client)
                return AUTHD_E_MEMORY;
        if (!client->address.path) {
                authd_close(client);
                return AUTHD_E_MEMORY;
        }
        *ret_client = client;
        return 0;
}

void authd_close(authd *client)
{
        if (!client)
                return;
        pool_deinit(&client->pool);
        free(client->address.path);
        free(client);
}

/* --- asking --------------------------------------------------------------------------------- */

static int wait_for(const struct authd_call *call)
{
        struct pollfd waited = { .fd = call_fd(call), .events = call_events(call) };

        /* A signal ends no wait: whoever comes back too early finds nothing and waits again. */
        if (poll(&waited, 1, call_timeout_ms(call)) < 0 && errno != EINTR && errno != EAGAIN)
                return AUTHD_E_MEMORY;
        return 0;
}

static authd_verdict *take_verdict(struct authd_call *call)
{
        authd_verdict *verdict = call->verdict;

        call->verdict = NULL;
        return verdict;
}

static int ask(authd *client, const struct authd_question *question, authd_verdict **ret_verdict)
{
        struct authd_call call;
        int r = call_init(&call, client, question);

        if (r < 0)
                return r;
        call_let_wait(&call);
        while ((r = call_advance(&call)) == AUTHD_PENDING) {
                r = wait_for(&call);
                if (r < 0)
                        break;
        }
        *ret_verdict = take_verdict(&call);
        call_deinit(&call);
        return r;
}

int authd_ask(authd *client, const struct authd_question *question, authd_verdict **ret_verdict)
{
        struct authd_question ours;

        if (!ret_verdict)
                return AUTHD_E_INVALID;
        *ret_verdict = NULL;
        if (!client || !question || !take_struct(&ours, sizeof(ours), question, question->size))
                return AUTHD_E_INVALID;
        return ask(client, &ours, ret_verdict);
}

int authd_check(authd *client, const char *token, const char *policy, authd_verdict **ret_verdict)
{
        struct authd_question question = { .size = sizeof(question),
                                           .token = token,
                                           .policy = policy };

        return authd_ask(client, &question, ret_verdict);
}

/* --- asking without waiting ----------------------------------------------------------------- */

int authd_submit(authd *client, const struct authd_question *question, authd_call **ret_call)
{
        struct authd_question ours;
        authd_call *call;
        int r;

        if (!ret_call)
                return AUTHD_E_INVALID;
        *ret_call = NULL;
        if (!client || !question || !take_struct(&ours, sizeof(ours), question, question->size))
                return AUTHD_E_INVALID;
        call = malloc(sizeof(*call));
        if (!call)
                return AUTHD_E_MEMORY;
        r = call_init(call, client, &ours);
        if (r < 0) {
                free(call);
                return r;
        }
        call_advance(call); /* its result waits for authd_call_process */
        *ret_call = call;
        return 0;
}

int authd_call_fd(const authd_call *call)
{
        return call ? call_fd(call) : -1;
}

short authd_call_events(const authd_call *call)
{
        return call ? call_events(call) : 0;
}

int authd_call_timeout_ms(const authd_call *call)
{
        return call ? call_timeout_ms(call) : 0;
}

int authd_call_process(authd_call *call, authd_verdict **ret_verdict)
{
        int r;

        if (!ret_verdict)
                return AUTHD_E_INVALID;
        *ret_verdict = NULL;
        if (!call)
                return AUTHD_E_INVALID;
        r = call_advance(call);
        *ret_verdict = take_verdict(call);
        return r;
}

void authd_call_free(authd_call *call)
{
        if (!call)
                return;
        call_deinit(call);
        free(call);
}

/* --- words ---------------------------------------------------------------------------------- */

static const char *const error_texts[] = {
        [0] = "no error",
        [-AUTHD_E_INVALID] = "an argument cannot be asked about",
        [-AUTHD_E_MEMORY] = "out of memory or descriptors",
        [-AUTHD_E_ABSENT] = "authd is not running: nobody answers at its socket",
        [-AUTHD_E_TIMEOUT] = "authd did not answer in time",
        [-AUTHD_E_UNTRUSTED] = "whoever answers at authd's socket is nobody whom we trust",
        [-AUTHD_E_PROTOCOL] = "the answer is none of authd's",
        [-AUTHD_E_CLOSED] = "authd closed each connection before a whole answer",
        [-AUTHD_E_REFUSED] = "authd refused the question",
        [-AUTHD_E_NO_POLICY] = "authd has no such policy",
};

const char *authd_error_text(int error)
{
        size_t i = error <= 0 ? (size_t) - (int64_t) error : 0;

        if (error > 0)
                return error == AUTHD_PENDING ? "not answered yet" : "unknown error";
        return i < sizeof(error_texts) / sizeof(error_texts[0]) ? error_texts[i] : "unknown error";
}

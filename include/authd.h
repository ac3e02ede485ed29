/*
 * authd.h: ask the local authd daemon whether a token is good, here and now.
 *
 * One call gives a verdict:
 *
 *     authd *client;
 *     authd_verdict *verdict;
 *
 *     if (authd_open(&client, NULL) < 0)
 *             ...
 *     if (authd_check(client, token, "orders", &verdict) == 0) {
 *             if (authd_verdict_class(verdict) == AUTHD_VALID)
 *                     serve(authd_verdict_subject(verdict));
 *             authd_verdict_free(verdict);
 *     }
 *     authd_close(client);
 *
 * Three results, never two: a yes (AUTHD_VALID), a no (AUTHD_INVALID, AUTHD_FORBIDDEN), and "could
 * not ask": the verdict AUTHD_UNAVAILABLE, or a negative return. Only AUTHD_VALID lets anybody in.
 *
 * Threads: one authd may be used by any number of threads at once; each waits for its own answer
 * alone. A verdict or a call belongs to one thread at a time.
 * Fork: a child may go on using the authd that it inherited; it gets connections of its own and
 * never touches its parent's. A verdict may be read in the child. Calls under way (authd_call) are
 * the parent's alone: the child may only free them.
 * Signals: no function raises SIGPIPE, changes a handler or a mask. A signal that interrupts a wait
 * does not end it; the deadline does. No function may be called from a signal handler.
 * Descriptors are close-on-exec, never 0 to 2, and work above 1024. One that the program closes
 * behind the library's back is noticed, and whatever got its number is left alone.
 * The library keeps no global state, starts no thread, leaves nothing behind after dlclose, and
 * links libc only.
 *
 * Environment: AUTHD_SOCKET names the socket when the options do not; it is ignored in a
 * set-user-id or otherwise privileged process (secure_getenv(3)).
 */
#ifndef AUTHD_H
#define AUTHD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
/* What stands here is given out, also by a library that hides all else. */
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

#define AUTHD_API_VERSION 1

/* Limits. A question over them is AUTHD_E_INVALID, an answer over them AUTHD_E_PROTOCOL. */
#define AUTHD_TOKEN_SIZE_MAX     32768   /* bytes */
#define AUTHD_ANSWER_SIZE_MAX    1048576 /* bytes */

#define AUTHD_SOCKET_DEFAULT     "/run/authd/authd.sock"
#define AUTHD_TIMEOUT_MS_DEFAULT 3000

/* Every error that a function returns; always negative. authd_error_text gives a sentence. */
enum authd_error {
        AUTHD_E_INVALID = -1,   /* an argument is wrong; of a token: see authd_check */
        AUTHD_E_MEMORY = -2,    /* out of memory or descriptors */
        AUTHD_E_ABSENT = -3,    /* nobody answers at the socket, or it may not be opened */
        AUTHD_E_TIMEOUT = -4,   /* the deadline passed: the daemon hangs or is overloaded */
        AUTHD_E_UNTRUSTED = -5, /* whoever listens there is none of the users that we trust */
        AUTHD_E_PROTOCOL = -6,  /* the answer is no answer of authd's */
        AUTHD_E_CLOSED = -7,    /* each connection was closed before a whole answer */
        AUTHD_E_REFUSED = -8,   /* the daemon refused the question: authd_verdict_detail says why */
        AUTHD_E_NO_POLICY = -9  /* the daemon has no policy of that name, or needs one named */
};

/* What a verdict says. The order is no ranking. */
enum authd_class {
        AUTHD_UNAVAILABLE = 0, /* could not be decided: not a yes, not a no; HTTP 503 */
        AUTHD_VALID = 1,       /* the only yes; HTTP 200 */
        AUTHD_INVALID = 2,     /* no good for this policy's issuers, audience, parties; HTTP 401 */
        AUTHD_FORBIDDEN = 3    /* a good token that lacks a scope, role, group or claim; HTTP 403 */
};

typedef struct authd authd;
typedef struct authd_verdict authd_verdict;
typedef struct authd_call authd_call;

/* size is sizeof(struct authd_options) of the header compiled against; all else may be zero. */
struct authd_options {
        size_t size;
        const char *socket;  /* absolute path; NULL: $AUTHD_SOCKET, then AUTHD_SOCKET_DEFAULT */
        int timeout_ms;      /* for a whole check, all its connections included; 0: default */
        int has_trusted_uid; /* non-zero: trusted_uid may answer as well */
        uint32_t trusted_uid;
        unsigned max_connections; /* kept open while unused, at most; 0: 64 */
};

/* size as above; all but token may be NULL. */
struct authd_question {
        size_t size;
        const char *token;  /* as presented, without "Bearer " */
        const char *policy; /* NULL: the daemon's [policy default] */
        const char *method; /* HTTP method of the request that is judged */
        const char *uri;    /* its absolute URI */
};

/*
 * authd_open: makes a client; connects only when first asked. options may be NULL and are copied.
 * Free with authd_close.
 * Who may answer: uid 0, this process' own effective uid, options->trusted_uid, or the owner of the
 * socket's folder when each folder above it belongs to root and can be written by root alone; by
 * SO_PEERCRED, never by name. Nobody else is shown a token.
 * Errors: AUTHD_E_INVALID, AUTHD_E_MEMORY; *ret_client is then untouched.
 */
int authd_open(authd **ret_client, const struct authd_options *options);

/* authd_close: closes its connections. No other thread may be using it, no call of it be left. NULL
 * is allowed. A child that closes what it inherited leaves its parent's as it is. */
void authd_close(authd *client);

/*
 * authd_check: asks and waits, at most timeout_ms. 0 and a verdict (free with authd_verdict_free),
 * or an error and NULL; with AUTHD_E_REFUSED and AUTHD_E_NO_POLICY there is a verdict
 * AUTHD_UNAVAILABLE, whose reason and detail say why.
 * A connection that ends before a whole answer is replaced and the question asked again, up to five
 * times and within the same deadline, for a check changes nothing: a daemon that restarts loses no
 * question. AUTHD_E_ABSENT comes at once when nobody listens (under socket activation somebody
 * always does), and after some 0.2 s when somebody did until just now.
 * A token that cannot be one (empty, longer than AUTHD_TOKEN_SIZE_MAX, control characters, not
 * UTF-8) is AUTHD_E_INVALID without asking: answer as for AUTHD_INVALID.
 * Errors: all.
 */
int authd_check(authd *client, const char *token, const char *policy, authd_verdict **ret_verdict);
/* authd_ask: the same with all that a question may hold. */
int authd_ask(authd *client, const struct authd_question *question, authd_verdict **ret_verdict);

/*
 * The same without waiting, for event loops: submit, then poll authd_call_fd for authd_call_events
 * (POLLIN, POLLOUT) at most authd_call_timeout_ms, then authd_call_process, until that returns
 * other than AUTHD_PENDING. The descriptor may be another one after each authd_call_process; it is
 * -1 when there is only time to wait for, as poll takes it. authd_call_process returns what
 * authd_ask would have, again when asked again; the verdict is given out once. A call must be freed
 * before its client; one that is freed under way is given up. Errors of authd_submit:
 * AUTHD_E_INVALID, AUTHD_E_MEMORY; of a parent's call under way in a child: AUTHD_E_INVALID.
 */
#define AUTHD_PENDING 1
int authd_submit(authd *client, const struct authd_question *question, authd_call **ret_call);
int authd_call_fd(const authd_call *call);
short authd_call_events(const authd_call *call);
int authd_call_timeout_ms(const authd_call *call);
int authd_call_process(authd_call *call, authd_verdict **ret_verdict);
void authd_call_free(authd_call *call); /* NULL is allowed */

/*
 * What a verdict says. Strings are NUL-terminated UTF-8 and live as long as the verdict; getters
 * take NULL and answer as for a verdict AUTHD_UNAVAILABLE. Claims are hostile text: encode them for
 * where they go.
 */
enum authd_class authd_verdict_class(const authd_verdict *verdict);
/* One word, a-z, 0-9 and "_": "wrong_audience". Never NULL. */
const char *authd_verdict_reason(const authd_verdict *verdict);
/* One sentence for people. Never NULL. */
const char *authd_verdict_detail(const authd_verdict *verdict);
/* The issuer's name in authd.conf, or NULL. */
const char *authd_verdict_issuer(const authd_verdict *verdict);
/* The policy that was applied, or NULL. */
const char *authd_verdict_policy(const authd_verdict *verdict);
/* Of a yes: the second since 1970 until which it holds; else 0. */
int64_t authd_verdict_until(const authd_verdict *verdict);
/* The claim sub, or NULL. */
const char *authd_verdict_subject(const authd_verdict *verdict);
/* The claims as one JSON object (RFC 7519 section 4); "null" unless AUTHD_VALID. Never NULL. */
const char *authd_verdict_claims(const authd_verdict *verdict);
/* The string claim at a dotted path ("realm_access.x"; a member whose own name holds the dots comes
 * first), or NULL if it is absent or no string. */
const char *authd_verdict_claim(const authd_verdict *verdict, const char *path);
/* The headers that the policy hands on to an upstream, in its order; values are printable ASCII. */
size_t authd_verdict_n_headers(const authd_verdict *verdict);
/* 0 and both set, or AUTHD_E_INVALID past the end. */
int authd_verdict_header(const authd_verdict *verdict, size_t index, const char **ret_name,
                         const char **ret_value);
void authd_verdict_free(authd_verdict *verdict); /* NULL is allowed */

const char *authd_error_text(int error); /* never NULL */
/* "valid", "invalid", "forbidden"; else "unavailable". */
const char *authd_class_text(enum authd_class verdict_class);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif

/* fetch: HTTP requests that we make, by curl multi on the main thread's GLib loop.
 *
 * One Fetcher, one owner thread. Each fetch has a deadline, a size limit, and no redirects (a
 * provider that redirects is misconfigured or not the provider). https verifies peer and name, TLS
 * 1.2 at least, and nothing here can turn that off; plain http is refused unless the host is a
 * loopback literal or "localhost", and never goes through a proxy. The environment's proxies, and
 * its exceptions from them, are ignored. What is sent and header lines, which carry secrets, are
 * erased when the fetch ends. The callback is called exactly once, never before fetch_start
 * returned; after fetch_cancel it is not called. */
#pragma once

#include "base/span.h"

#include <glib.h>

#define FETCH_SIZE_MAX_DEFAULT      (1024 * 1024)
#define FETCH_DEADLINE_USEC_DEFAULT (10 * G_USEC_PER_SEC)

typedef struct Fetcher Fetcher;
typedef struct Fetch Fetch;

typedef struct FetchOptions {
        const char *url;
        const char *ca_file; /* NULL: the system's */
        /* Authorities in PEM, instead of ca_file: what the owner read, so that a changed file means
         * new connections. NULL: ca_file or the system's. */
        const char *ca_pem;
        const char *cert_file;      /* our own certificate (PEM chain), for mTLS; NULL: none */
        const char *cert_key_file;  /* and its key */
        const char *proxy;          /* http://, https://, socks5h://HOST:PORT; NULL: none. One by
                                     * https is known by the system's authorities */
        const char *const *headers; /* NULL-terminated "Name: value" lines; NULL: none */
        Span body;                  /* sent when form or put_json is set */
        bool form;                  /* POST, application/x-www-form-urlencoded */
        bool put_json;              /* PUT, application/json; not with form */
        const char *basic_user;     /* NULL: none */
        Span basic_password;
        size_t size_max;       /* 0: default */
        int64_t deadline_usec; /* 0: default; relative */
        bool want_certificate; /* fill in cert_expires_sec, by a connection of its own */
} FetchOptions;

typedef struct FetchAnswer {
        int error; /* 0: an HTTP answer came; else a negative errno: -ECONNREFUSED, -ETIMEDOUT,
                    * -EFBIG (too large), -EPROTO (TLS), -EPERM (plain http), -EIO */
        const char *trouble; /* one sentence when error is set, for logs */
        unsigned status;
        Span body;                /* borrowed for the callback */
        const char *content_type; /* "" if absent */
        const char *cache_control;
        const char *etag;
        const char *retry_after;
        /* The same read (seconds, or a date, counted from Date if that is there, so that clocks may
         * differ); 0: absent, unreadable or past. Not bounded. */
        int64_t retry_after_sec;
        int64_t date_sec;         /* the Date header, wall clock; 0: absent or unreadable */
        int64_t cert_expires_sec; /* notAfter of the provider's certificate; 0: no TLS, or not
                                   * wanted */
} FetchAnswer;

typedef void (*FetchDone)(const FetchAnswer *answer, void *userdata);

Fetcher *fetcher_new(GMainContext *context);
void fetcher_free(Fetcher *fetcher); /* cancels what is under way; not from a callback */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fetcher, fetcher_free)

/* fetch_start: options are copied. Never NULL; what is refused outright arrives as an answer. */
Fetch *fetch_start(Fetcher *fetcher, const FetchOptions *options, FetchDone done, void *userdata);
/* fetch_refuse: one that its caller cannot even make: answered by the loop as others are, with
 * -EPERM and why. */
Fetch *fetch_refuse(Fetcher *fetcher, const char *why, FetchDone done, void *userdata);
void fetch_cancel(Fetch *fetch); /* takes NULL */
/* fetch_url_allowed: https, or http to loopback. False: *ret_why is a sentence. */
bool fetch_url_allowed(const char *url, const char **ret_why);
/* fetch_proxy_allowed: http, https or socks5h, with a port, without user, password or path. */
bool fetch_proxy_allowed(const char *proxy, const char **ret_why);

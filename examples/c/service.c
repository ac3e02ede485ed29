/* service: an HTTP service on 127.0.0.1 that lets in whom authd lets in.
 *
 *     cc service.c $(pkg-config --cflags --libs libauthd) -o service && ./service 8080 orders
 *     curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/
 *
 * 200 "hello SUBJECT", or 401, 403, 503 with the reason. What else a server needs is left out. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <authd.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* By enum authd_class; what stands beside the status is of RFC 6750 section 3. */
static const struct form { const char *status, *header; } forms[] = {
        { "503 Service Unavailable", "Retry-After: 1\r\n" },
        { "200 OK", "" },
        { "401 Unauthorized", "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n" },
        { "403 Forbidden", "WWW-Authenticate: Bearer error=\"insufficient_scope\"\r\n" },
};
static const struct form no_token = { "401 Unauthorized", "WWW-Authenticate: Bearer\r\n" };

static void answer(int fd, const struct form *form, const char *before, const char *text)
{
        char bytes[4096];
        snprintf(bytes, sizeof(bytes), "HTTP/1.1 %s\r\n%sConnection: close\r\n\r\n%s%s\n",
                 form->status, form->header, before, text);
        send(fd, bytes, strlen(bytes), MSG_NOSIGNAL);
}

static void judge(int fd, authd *client, const char *token, const char *policy)
{
        authd_verdict *verdict = NULL;
        int cannot_be_token = authd_check(client, token, policy, &verdict) == AUTHD_E_INVALID;
        enum authd_class is = cannot_be_token ? AUTHD_INVALID : authd_verdict_class(verdict);
        const char *subject = authd_verdict_subject(verdict);
        if (is == AUTHD_VALID)
                answer(fd, &forms[is], "hello ", subject ? subject : "");
        else /* without a verdict the class is unavailable: neither yes nor no */
                answer(fd, &forms[is], cannot_be_token ? "malformed" : authd_verdict_reason(verdict), "");
        authd_verdict_free(verdict);
}

static void serve(int fd, authd *client, const char *policy)
{
        static const char field[] = "\nAuthorization: Bearer ";
        char head[65536] = "", *end = NULL, *token;
        size_t size = 0;
        ssize_t n;
        while (!end && (n = recv(fd, head + size, sizeof(head) - 1 - size, 0)) > 0) {
                head[size += (size_t) n] = '\0';
                end = strstr(head, "\r\n\r\n");
        }
        if (end && (*end = '\0', token = strcasestr(head, field)) != NULL) {
                token += sizeof(field) - 1;
                judge(fd, client, strsep(&token, "\r"), policy);
        } else
                answer(fd, &no_token, "missing_token", "");
}

int main(int argc, char **argv)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1, fd;
        authd *client;
        address.sin_port = htons((uint16_t) (argc > 1 ? atoi(argv[1]) : 8080));
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(listener, (struct sockaddr *) &address, sizeof(address)) != 0 ||
            listen(listener, 64) != 0 || authd_open(&client, NULL) != 0)
                return fprintf(stderr, "service: cannot start\n"), 1;
        for (; (fd = accept(listener, NULL, NULL)) >= 0; close(fd))
                serve(fd, client, argc > 2 ? argv[2] : NULL);
        return 1;
}

/* fake_provider: a fake identity provider on a loopback port. See fake_provider.h. */
#include "fake_provider.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_SIZE_MAX    8192
#define REQUEST_TIMEOUT_SEC 2

typedef struct Page {
        unsigned status;
        char *headers;
        char *body;
        char *head; /* of the last request, and its body */
        unsigned n_requests;
} Page;

typedef struct Visitor {
        int fd;
        char *path;
        char *head;
} Visitor;

struct FakeProvider {
        char *url;
        int listen_fd;
        int wake_fd;
        GThread *thread;
        GMutex lock; /* of everything below */
        GHashTable *pages;
        GPtrArray *waiting; /* visitors who are not answered yet */
        bool held;
        bool stop;
};

static void page_free(Page *page)
{
        g_free(page->headers);
        g_free(page->body);
        g_free(page->head);
        g_free(page);
}

static void visitor_free(Visitor *visitor)
{
        close(visitor->fd);
        g_free(visitor->path);
        g_free(visitor->head);
        g_free(visitor);
}

static Page *provider_page(FakeProvider *provider, const char *path)
{
        Page *page = g_hash_table_lookup(provider->pages, path);

        if (!page) {
                page = g_new0(Page, 1);
                page->status = 404;
                page->headers = g_strdup("");
                page->body = g_strdup("no such page");
                g_hash_table_insert(provider->pages, g_strdup(path), page);
        }
        return page;
}

/* Has all of it come, its body too? A request without Content-Length has none. */
static bool request_is_whole(const char *request)
{
        const char *head_end = strstr(request, "\r\n\r\n");
        const char *length = strcasestr(request, "\r\nContent-Length:");

        if (!head_end)
                return false;
        if (!length || length > head_end)
                return true;
        return strlen(head_end + 4) >= strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

static char *request_path(const char *request)
{
        g_auto(GStrv) words = g_strsplit(request, " ", 3);
        bool known = g_str_equal(words[0], "GET") || g_str_equal(words[0], "POST");

        return known && words[1] ? g_strdup(words[1]) : NULL;
}

/* The path of a GET or POST, or NULL; ret_head gets all of it. */
static char *provider_read_path(int fd, char **ret_head)
{
        g_autofree char *request = g_malloc0(REQUEST_SIZE_MAX + 1);
        size_t len = 0;

        while (len < REQUEST_SIZE_MAX && !request_is_whole(request)) {
                ssize_t n = recv(fd, request + len, REQUEST_SIZE_MAX - len, 0);

                if (n <= 0)
                        return NULL;
                len += (size_t) n;
                request[len] = '\0';
        }
        *ret_head = g_strdup(request);
        return request_path(request);
}

static void provider_accept(FakeProvider *provider)
{
        const struct timeval timeout = { .tv_sec = REQUEST_TIMEOUT_SEC };
        /* A client that takes no more is not waited for: its thread may wait for our lock. */
        const struct timeval patience = { .tv_usec = 100 * 1000 };
        Visitor *visitor = g_new0(Visitor, 1);
        Page *page;

        visitor->fd = accept4(provider->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        setsockopt(visitor->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        setsockopt(visitor->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        visitor->path = provider_read_path(visitor->fd, &visitor->head);
        if (!visitor->path) {
                visitor_free(visitor);
                return;
        }
        g_mutex_lock(&provider->lock);
        page = provider_page(provider, visitor->path);
        page->n_requests++;
        g_free(page->head);
        page->head = g_strdup(visitor->head);
        g_ptr_array_add(provider->waiting, visitor);
        g_mutex_unlock(&provider->lock);
}

/* Does the visitor know what the page has? */
static bool provider_unchanged(const Page *page, const Visitor *visitor)
{
        const char *etag = strstr(page->headers, "ETag: ");
        g_autofree char *line = NULL;

        if (!etag)
                return false;
        etag += strlen("ETag: ");
        line = g_strdup_printf("\r\nIf-None-Match: %.*s\r\n", (int) strcspn(etag, "\r"), etag);
        return strstr(visitor->head, line) != NULL;
}

static void provider_answer(FakeProvider *provider, const Visitor *visitor)
{
        const Page *page = provider_page(provider, visitor->path);
        bool unchanged = provider_unchanged(page, visitor);
        g_autofree char *answer =
            g_strdup_printf("HTTP/1.1 %u Whatever\r\nContent-Length: %zu\r\n"
                            "Connection: close\r\n%s\r\n%s",
                            unchanged ? 304 : page->status, strlen(page->body), page->headers,
                            unchanged ? "" : page->body);

        if (send(visitor->fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
                g_test_message("fake_provider: nobody waits for %s any more", visitor->path);
}

static bool provider_turn(FakeProvider *provider)
{
        bool stop;

        g_mutex_lock(&provider->lock);
        if (!provider->held) {
                for (guint i = 0; i < provider->waiting->len; i++)
                        provider_answer(provider, provider->waiting->pdata[i]);
                g_ptr_array_set_size(provider->waiting, 0);
        }
        stop = provider->stop;
        g_mutex_unlock(&provider->lock);
        return !stop;
}

static void *provider_run(void *userdata)
{
        FakeProvider *provider = userdata;
        uint64_t wakes;

        while (provider_turn(provider)) {
                struct pollfd fds[] = { { .fd = provider->listen_fd, .events = POLLIN },
                                        { .fd = provider->wake_fd, .events = POLLIN } };

                g_assert_cmpint(poll(fds, G_N_ELEMENTS(fds), -1), >, 0);
                if (fds[0].revents)
                        provider_accept(provider);
                if (fds[1].revents)
                        g_assert_cmpint(read(provider->wake_fd, &wakes, sizeof wakes), >, 0);
        }
        return NULL;
}

static void provider_wake(FakeProvider *provider)
{
        const uint64_t one = 1;

        g_assert_cmpint(write(provider->wake_fd, &one, sizeof one), ==, sizeof one);
}

static unsigned provider_listen(FakeProvider *provider)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof address;

        provider->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(provider->listen_fd, (void *) &address, len), ==, 0);
        g_assert_cmpint(listen(provider->listen_fd, 64), ==, 0);
        g_assert_cmpint(getsockname(provider->listen_fd, (void *) &address, &len), ==, 0);
        return ntohs(address.sin_port);
}

FakeProvider *fake_provider_new(void)
{
        FakeProvider *provider = g_new0(FakeProvider, 1);

        provider->url = g_strdup_printf("http://127.0.0.1:%u" FAKE_PROVIDER_ISSUER_PATH,
                                        provider_listen(provider));
        provider->wake_fd = eventfd(0, EFD_CLOEXEC);
        g_mutex_init(&provider->lock);
        provider->pages =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) page_free);
        provider->waiting = g_ptr_array_new_with_free_func((GDestroyNotify) visitor_free);
        provider->thread = g_thread_new("fake_provider", provider_run, provider);
        return provider;
}

const char *fake_provider_url(const FakeProvider *provider)
{
        return provider->url;
}

void fake_provider_serve(FakeProvider *provider, const char *path, unsigned status,
                         const char *headers, const char *body)
{
        Page *page;

        g_mutex_lock(&provider->lock);
        page = provider_page(provider, path);
        page->status = status;
        g_free(page->headers);
        page->headers = g_strdup(headers);
        g_free(page->body);
        page->body = g_strdup(body);
        g_mutex_unlock(&provider->lock);
}

static void provider_set_held(FakeProvider *provider, bool held)
{
        g_mutex_lock(&provider->lock);
        provider->held = held;
        g_mutex_unlock(&provider->lock);
        provider_wake(provider);
}

void fake_provider_hold(FakeProvider *provider)
{
        provider_set_held(provider, true);
}

void fake_provider_release(FakeProvider *provider)
{
        provider_set_held(provider, false);
}

unsigned fake_provider_count(FakeProvider *provider, const char *path)
{
        unsigned n_requests;

        g_mutex_lock(&provider->lock);
        n_requests = provider_page(provider, path)->n_requests;
        g_mutex_unlock(&provider->lock);
        return n_requests;
}

char *fake_provider_head(FakeProvider *provider, const char *path)
{
        char *head;

        g_mutex_lock(&provider->lock);
        head = g_strdup(provider_page(provider, path)->head);
        g_mutex_unlock(&provider->lock);
        return head;
}

void fake_provider_die(FakeProvider *provider)
{
        if (!provider->thread)
                return;
        g_mutex_lock(&provider->lock);
        provider->stop = true;
        g_mutex_unlock(&provider->lock);
        provider_wake(provider);
        g_thread_join(g_steal_pointer(&provider->thread));
        close(provider->listen_fd);
}

void fake_provider_free(FakeProvider *provider)
{
        if (!provider)
                return;
        fake_provider_die(provider);
        close(provider->wake_fd);
        g_ptr_array_unref(provider->waiting);
        g_hash_table_unref(provider->pages);
        g_mutex_clear(&provider->lock);
        g_free(provider->url);
        g_free(provider);
}

/* fake_introspection: see fake_introspection.h. */
#include "fake_introspection.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_SIZE_MAX    (256 * 1024)
#define REQUEST_TIMEOUT_SEC 2
#define SEND_TIMEOUT_USEC   (100 * 1000) /* of a client that takes no more */

typedef struct Page {
        char *begins; /* of the request; NULL: any */
        unsigned status;
        char *headers;
        char *body;
} Page;

typedef struct Waiting {
        int fd;
        char *request; /* borrowed from requests */
} Waiting;

struct FakeIntrospection {
        char *url;
        int listen_fd;
        int wake_fd;
        GThread *thread;
        GMutex lock; /* of everything below */
        GPtrArray *requests;
        GArray *waiting;  /* of Waiting: not answered yet */
        GPtrArray *pages; /* of Page; the first is everybody's */
        bool held;
        bool stop;
};

static size_t body_length(const char *request)
{
        const char *line = strstr(request, "\r\nContent-Length: ");

        return line ? strtoul(line + strlen("\r\nContent-Length: "), NULL, 10) : 0;
}

static bool is_whole(const char *request)
{
        const char *end = strstr(request, "\r\n\r\n");

        return end && strlen(end + 4) >= body_length(request);
}

/* NULL: it never became whole. */
static char *read_request(int fd)
{
        g_autofree char *request = g_malloc0(REQUEST_SIZE_MAX + 1);
        size_t len = 0;

        while (!is_whole(request)) {
                ssize_t n = recv(fd, request + len, REQUEST_SIZE_MAX - len, 0);

                if (n <= 0)
                        return NULL;
                len += (size_t) n;
        }
        return g_steal_pointer(&request);
}

static void fake_accept(FakeIntrospection *fake)
{
        const struct timeval receive = { .tv_sec = REQUEST_TIMEOUT_SEC };
        const struct timeval give = { .tv_usec = SEND_TIMEOUT_USEC };
        int fd = accept4(fake->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        char *request;

        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof receive);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &give, sizeof give);
        request = read_request(fd);
        if (!request) {
                close(fd);
                return;
        }
        g_mutex_lock(&fake->lock);
        g_ptr_array_add(fake->requests, request);
        g_array_append_vals(fake->waiting, &(Waiting){ fd, request }, 1);
        g_mutex_unlock(&fake->lock);
}

/* A client that leaves early, or takes no more, is none of our business. */
static void send_all(int fd, const char *text, size_t len)
{
        while (len > 0) {
                ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

                if (n <= 0)
                        return;
                text += n;
                len -= (size_t) n;
        }
}

static const Page *fake_page(const FakeIntrospection *fake, const char *request)
{
        for (guint i = fake->pages->len - 1; i > 0; i--) {
                const Page *page = fake->pages->pdata[i];

                if (g_str_has_prefix(request, page->begins))
                        return page;
        }
        return fake->pages->pdata[0];
}

static void fake_answer(const FakeIntrospection *fake, const Waiting *waiting)
{
        const Page *page = fake_page(fake, waiting->request);
        g_autofree char *head = g_strdup_printf("HTTP/1.1 %u Whatever\r\nContent-Length: %zu\r\n"
                                                "Connection: close\r\n%s\r\n",
                                                page->status, strlen(page->body), page->headers);

        send_all(waiting->fd, head, strlen(head));
        if (page->status != 204)
                send_all(waiting->fd, page->body, strlen(page->body));
        close(waiting->fd);
}

static bool fake_turn(FakeIntrospection *fake)
{
        bool stop;

        g_mutex_lock(&fake->lock);
        for (guint i = 0; !fake->held && i < fake->waiting->len; i++)
                fake_answer(fake, &g_array_index(fake->waiting, Waiting, i));
        if (!fake->held)
                g_array_set_size(fake->waiting, 0);
        stop = fake->stop;
        g_mutex_unlock(&fake->lock);
        return !stop;
}

static void *fake_run(void *userdata)
{
        FakeIntrospection *fake = userdata;
        uint64_t wakes;

        while (fake_turn(fake)) {
                struct pollfd fds[] = { { .fd = fake->listen_fd, .events = POLLIN },
                                        { .fd = fake->wake_fd, .events = POLLIN } };

                g_assert_cmpint(poll(fds, G_N_ELEMENTS(fds), -1), >, 0);
                if (fds[0].revents)
                        fake_accept(fake);
                if (fds[1].revents)
                        g_assert_cmpint(read(fake->wake_fd, &wakes, sizeof wakes), >, 0);
        }
        return NULL;
}

static void fake_wake(FakeIntrospection *fake)
{
        const uint64_t one = 1;

        g_assert_cmpint(write(fake->wake_fd, &one, sizeof one), ==, sizeof one);
}

static unsigned fake_listen(FakeIntrospection *fake)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof address;

        fake->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fake->listen_fd, (void *) &address, len), ==, 0);
        g_assert_cmpint(listen(fake->listen_fd, 64), ==, 0);
        g_assert_cmpint(getsockname(fake->listen_fd, (void *) &address, &len), ==, 0);
        return ntohs(address.sin_port);
}

static Page *page_new(const char *begins, unsigned status, const char *headers, const char *body)
{
        Page *page = g_new0(Page, 1);

        *page = (Page){ g_strdup(begins), status, g_strdup(headers), g_strdup(body) };
        return page;
}

static void page_free(Page *page)
{
        g_free(page->begins);
        g_free(page->headers);
        g_free(page->body);
        g_free(page);
}

FakeIntrospection *fake_introspection_new(void)
{
        FakeIntrospection *fake = g_new0(FakeIntrospection, 1);

        fake->url = g_strdup_printf("http://127.0.0.1:%u/introspect", fake_listen(fake));
        fake->wake_fd = eventfd(0, EFD_CLOEXEC);
        g_mutex_init(&fake->lock);
        fake->requests = g_ptr_array_new_with_free_func(g_free);
        fake->waiting = g_array_new(FALSE, FALSE, sizeof(Waiting));
        fake->pages = g_ptr_array_new_with_free_func((GDestroyNotify) page_free);
        g_ptr_array_add(fake->pages, page_new(NULL, 404, "", ""));
        fake->thread = g_thread_new("fake_introspection", fake_run, fake);
        return fake;
}

const char *fake_introspection_url(const FakeIntrospection *fake)
{
        return fake->url;
}

void fake_introspection_serve(FakeIntrospection *fake, unsigned status, const char *headers,
                              const char *body)
{
        g_mutex_lock(&fake->lock);
        page_free(fake->pages->pdata[0]);
        fake->pages->pdata[0] = page_new(NULL, status, headers, body);
        g_mutex_unlock(&fake->lock);
}

void fake_introspection_serve_to(FakeIntrospection *fake, const char *begins, unsigned status,
                                 const char *headers, const char *body)
{
        g_mutex_lock(&fake->lock);
        g_ptr_array_add(fake->pages, page_new(begins, status, headers, body));
        g_mutex_unlock(&fake->lock);
}

static void fake_set_held(FakeIntrospection *fake, bool held)
{
        g_mutex_lock(&fake->lock);
        fake->held = held;
        g_mutex_unlock(&fake->lock);
        fake_wake(fake);
}

void fake_introspection_hold(FakeIntrospection *fake)
{
        fake_set_held(fake, true);
}

void fake_introspection_release(FakeIntrospection *fake)
{
        fake_set_held(fake, false);
}

unsigned fake_introspection_count(FakeIntrospection *fake)
{
        unsigned n_requests;

        g_mutex_lock(&fake->lock);
        n_requests = fake->requests->len;
        g_mutex_unlock(&fake->lock);
        return n_requests;
}

char *fake_introspection_request(FakeIntrospection *fake, unsigned number)
{
        char *request;

        g_mutex_lock(&fake->lock);
        g_assert_cmpuint(number, <, fake->requests->len);
        request = g_strdup(fake->requests->pdata[number]);
        g_mutex_unlock(&fake->lock);
        return request;
}

void fake_introspection_free(FakeIntrospection *fake)
{
        if (!fake)
                return;
        g_mutex_lock(&fake->lock);
        fake->stop = true;
        g_mutex_unlock(&fake->lock);
        fake_wake(fake);
        g_thread_join(fake->thread);
        for (guint i = 0; i < fake->waiting->len; i++)
                close(g_array_index(fake->waiting, Waiting, i).fd);
        close(fake->listen_fd);
        close(fake->wake_fd);
        g_ptr_array_unref(fake->requests);
        g_array_unref(fake->waiting);
        g_mutex_clear(&fake->lock);
        g_ptr_array_unref(fake->pages);
        g_free(fake->url);
        g_free(fake);
}

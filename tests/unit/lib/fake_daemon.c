/* fake_daemon: see fake_daemon.h. One process, one loop of poll(2), no threads. */
#include "fake_daemon.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PEERS_MAX    256
#define QUESTION_MAX (96 * 1024)

/* Shared with the test. */
typedef struct Counts {
        gint n_connections;
        gint n_questions;
        gint n_open;
} Counts;

struct Fake {
        pid_t pid;
        int listener;
        char *folder;
        char *path;
        Counts *counts;
};

typedef struct Peer {
        int fd;
        GString *read;
} Peer;

/* --- the process ---------------------------------------------------------------------------- */

static void send_all(int fd, const char *bytes, gsize size)
{
        while (size > 0) {
                ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

                if (n <= 0)
                        return;
                bytes += n;
                size -= (gsize) n;
        }
}

static GString *yes_for(const char *question)
{
        const char *bearer = strstr(question, "Bearer "),
                   *member = strstr(question, "\"token\":\"");
        const char *token = bearer ? bearer + strlen("Bearer ") : member + strlen("\"token\":\"");
        g_autofree char *sub = g_strndup(token, strcspn(token, "\"\r"));
        g_autofree char *body = g_strdup_printf(
            "{\"verdict\":\"valid\",\"reason\":\"valid\",\"detail\":\"Good.\",\"issuer\":\"fake\","
            "\"policy\":\"orders\",\"until\":4000000000,\"headers\":{\"X-User\":\"%s\"},"
            "\"claims\":{\"sub\":\"%s\",\"realm_access\":{\"roles\":[]}}}",
            sub, sub);
        GString *answer = g_string_new(NULL);

        g_string_printf(answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
                        body);
        return answer;
}

static void answer_question(const FakeScript *script, int fd, const char *question)
{
        GString *answer =
            script->answer ? g_string_new_len(script->answer, script->answer_size
                                                                  ? script->answer_size
                                                                  : (gssize) strlen(script->answer))
                           : yes_for(question);
        gsize size = script->n_sent ? MIN(script->n_sent, answer->len) : answer->len;
        gsize slice = script->slice ? script->slice : size;

        for (gsize at = 0; at < size; at += slice) {
                if (script->pause_usec)
                        g_usleep(script->pause_usec);
                send_all(fd, answer->str + at, MIN(slice, size - at));
        }
        g_string_free(answer, TRUE);
}

static void peer_end(Peer *peer, Counts *counts)
{
        close(peer->fd);
        peer->fd = -1;
        g_string_free(peer->read, TRUE);
        g_atomic_int_add(&counts->n_open, -1);
}

/* question_size: of the whole question at the front, 0 if more is to come. */
static gsize question_size(const GString *read)
{
        const char *length = strstr(read->str, "Content-Length: ");
        const char *body = strstr(read->str, "\r\n\r\n");
        gsize size;

        if (!body)
                return 0;
        size = (gsize) (body + 4 - read->str) +
               (length ? strtoul(length + strlen("Content-Length: "), NULL, 10) : 0);
        return read->len >= size ? size : 0;
}

static void end_as_scripted(const FakeScript *script, Peer *peer, Counts *counts)
{
        switch (script->end) {
        case FAKE_KEEPS: break;
        case FAKE_CLOSES: peer_end(peer, counts); break;
        case FAKE_DIES: kill(getpid(), SIGKILL); break;
        case FAKE_STOPS: kill(getpid(), SIGSTOP); break;
        }
}

static void serve_question(const FakeScript *script, Peer *peer, Counts *counts)
{
        gsize size = question_size(peer->read);
        guint number;

        if (size == 0)
                return;
        number = (guint) g_atomic_int_add(&counts->n_questions, 1);
        if (number < script->n_dropped) {
                peer_end(peer, counts);
                return;
        }
        if (script->silent)
                return;
        answer_question(script, peer->fd, peer->read->str);
        g_string_erase(peer->read, 0, (gssize) size);
        end_as_scripted(script, peer, counts);
}

static void serve_peer(const FakeScript *script, Peer *peer, Counts *counts)
{
        static char buffer[QUESTION_MAX];
        ssize_t n = recv(peer->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0) {
                peer_end(peer, counts);
                return;
        }
        g_string_append_len(peer->read, buffer, n);
        serve_question(script, peer, counts);
}

static void accept_peer(int listener, Peer peers[PEERS_MAX], Counts *counts)
{
        int fd = accept(listener, NULL, NULL);

        for (gsize i = 0; fd >= 0 && i < PEERS_MAX; i++)
                if (peers[i].fd < 0) {
                        peers[i] = (Peer){ fd, g_string_new(NULL) };
                        g_atomic_int_inc(&counts->n_connections);
                        g_atomic_int_inc(&counts->n_open);
                        return;
                }
}

G_GNUC_NORETURN static void serve(const FakeScript *script, int listener, Counts *counts)
{
        static Peer peers[PEERS_MAX];
        static struct pollfd waited[PEERS_MAX + 1];

        for (gsize i = 0; i < PEERS_MAX; i++)
                peers[i].fd = -1;
        for (;;) {
                waited[PEERS_MAX] = (struct pollfd){ .fd = listener, .events = POLLIN };
                for (gsize i = 0; i < PEERS_MAX; i++)
                        waited[i] = (struct pollfd){ .fd = peers[i].fd, .events = POLLIN };
                poll(waited, PEERS_MAX + 1, -1);
                if (waited[PEERS_MAX].revents)
                        accept_peer(listener, peers, counts);
                for (gsize i = 0; i < PEERS_MAX; i++)
                        if (peers[i].fd >= 0 && waited[i].revents)
                                serve_peer(script, &peers[i], counts);
        }
}

/* --- the test's side ------------------------------------------------------------------------ */

static void fake_listen(Fake *fake)
{
        struct sockaddr_un name = { .sun_family = AF_UNIX };

        g_strlcpy(name.sun_path, fake->path, sizeof(name.sun_path));
        g_unlink(fake->path);
        fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_no_errno(bind(fake->listener, (struct sockaddr *) &name, sizeof(name)));
        g_assert_no_errno(chmod(fake->path, 0666));
}

/* fake_start: whoever listens is who SO_PEERCRED names, so the child does. */
static void fake_start(Fake *fake, const FakeScript *script)
{
        int ready[2];
        char byte;

        fake_listen(fake);
        g_assert_no_errno(pipe(ready));
        fake->pid = fork();
        g_assert_cmpint(fake->pid, >=, 0);
        if (fake->pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (script->uid && setuid(script->uid) != 0)
                        _exit(1);
                if (listen(fake->listener, 128) != 0 || write(ready[1], "x", 1) != 1)
                        _exit(1);
                serve(script, fake->listener, fake->counts);
        }
        close(ready[1]);
        g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
        close(ready[0]);
        close(fake->listener);
}

Fake *fake_new(const FakeScript *script)
{
        Fake *fake = g_new0(Fake, 1);

        fake->folder = g_build_filename(script->parent ? script->parent : g_get_tmp_dir(),
                                        "authd-fake-XXXXXX", NULL);
        g_assert_nonnull(g_mkdtemp_full(fake->folder, 0755));
        if (script->folder_uid)
                g_assert_no_errno(chown(fake->folder, script->folder_uid, (gid_t) -1));
        fake->path = g_build_filename(fake->folder, "authd.sock", NULL);
        fake->counts = mmap(NULL, sizeof(*fake->counts), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        g_assert_true(fake->counts != MAP_FAILED);
        fake_start(fake, script);
        return fake;
}

const char *fake_path(const Fake *fake)
{
        return fake->path;
}

guint fake_n_connections(const Fake *fake)
{
        return (guint) g_atomic_int_get(&fake->counts->n_connections);
}

guint fake_n_questions(const Fake *fake)
{
        return (guint) g_atomic_int_get(&fake->counts->n_questions);
}

guint fake_n_open(const Fake *fake)
{
        return (guint) g_atomic_int_get(&fake->counts->n_open);
}

void fake_kill(Fake *fake)
{
        if (fake->pid == 0)
                return;
        kill(fake->pid, SIGKILL);
        g_assert_cmpint(waitpid(fake->pid, NULL, 0), ==, fake->pid);
        fake->pid = 0;
}

void fake_restart(Fake *fake, const FakeScript *script)
{
        fake_kill(fake);
        memset(fake->counts, 0, sizeof(*fake->counts));
        fake_start(fake, script);
}

void fake_free(Fake *fake)
{
        if (!fake)
                return;
        fake_kill(fake);
        g_unlink(fake->path);
        g_rmdir(fake->folder);
        munmap(fake->counts, sizeof(*fake->counts));
        g_free(fake->folder);
        g_free(fake->path);
        g_free(fake);
}

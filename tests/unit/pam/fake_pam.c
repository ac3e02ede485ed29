/* fake_pam: see fake_pam.h. The linker puts __wrap_x in the place of the module's calls of x. */
#include "fake_pam.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static FakePam *fake;
static GString *reply; /* what recv has left */
static bool reply_is_silent;
static bool reply_ends;
static bool is_asked; /* on the connection that is open */
static int64_t clock_usec;

/* fails: whether it is this call's turn. */
static bool fails(const char *name)
{
        if (!fake || ++fake->n_calls != fake->failing)
                return false;
        fake->failed = name;
        return true;
}

void fake_pam_begin(FakePam *new)
{
        fake = new;
        fake->n_calls = fake->n_asked = 0;
        fake->failed = NULL;
        fake->n_open = fake->n_held = 0;
        fake->data = NULL;
        fake->shown = g_string_new(NULL);
        fake->sent = g_string_new(NULL);
        reply = g_string_new(NULL);
        clock_usec = 1000000;
}

void fake_pam_end(FakePam *ended)
{
        g_string_free(ended->shown, TRUE);
        g_string_free(ended->sent, TRUE);
        g_string_free(reply, TRUE);
        fake = NULL;
}

/* --- the daemon ----------------------------------------------------------------------------- */

static void wrap_lines(GString *lines, unsigned status)
{
        g_string_append_printf(reply,
                               "HTTP/1.1 %u X\r\nContent-Type: text/plain\r\n"
                               "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                               status, lines->len);
        g_string_append_len(reply, lines->str, (gssize) lines->len);
}

static void spoil_lines(GString *lines, FakeSpoil spoil)
{
        g_autofree char *whole = g_strdup(lines->str);

        switch (spoil) {
        case SPOIL_EMPTY: g_string_truncate(lines, 0); break;
        case SPOIL_TWICE: g_string_append(lines, whole); break;
        case SPOIL_UNKNOWN: g_string_append(lines, "grant=all\n"); break;
        case SPOIL_NUL: g_string_append_len(lines, "text=a\0b\n", 9); break;
        case SPOIL_OTHERS: g_string_printf(lines, "state=allowed\nuser=mallory\n"); break;
        case SPOIL_REFUSED: g_string_printf(lines, "state=denied\ntext=Login refused.\n"); break;
        case SPOIL_NOT_OURS: g_string_printf(lines, "state=not_ours\n"); break;
        default: break;
        }
}

static void next_reply(void)
{
        const char *scripted = fake->replies[fake->n_asked];
        FakeSpoil spoil = ++fake->n_asked == fake->spoiled ? fake->spoil : SPOIL_NOTHING;
        g_autoptr(GString) lines = g_string_new(scripted ? scripted : "state=unavailable\n");

        g_string_truncate(reply, 0);
        reply_ends = false;
        reply_is_silent = spoil == SPOIL_SILENCE;
        spoil_lines(lines, spoil);
        wrap_lines(lines, spoil == SPOIL_ERROR ? 500 : 200);
        if (spoil == SPOIL_GARBAGE)
                g_string_printf(reply, "SSH-2.0-nonsense\r\n\r\n");
        if (spoil == SPOIL_CUT)
                g_string_truncate(reply, reply->len / 2);
        reply_ends = spoil == SPOIL_CUT || spoil == SPOIL_GARBAGE;
}

/* --- libc ----------------------------------------------------------------------------------- */

int __real_socket(int domain, int type, int protocol);
int __real_close(int fd);
int __real_fcntl64(int fd, int command, int argument);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *block);
char *__real_strdup(const char *text);
int __real_fclose(FILE *file);

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *name, socklen_t size);
int __wrap_close(int fd);
int __wrap_fcntl64(int fd, int command, int argument);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);
int __wrap_poll(struct pollfd *waited, nfds_t n, int timeout_ms);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *block);
char *__wrap_strdup(const char *text);
FILE *__wrap_fopen64(const char *path, const char *mode);
int __wrap_fclose(FILE *file);
int __wrap_fgetpwent_r(FILE *file, struct passwd *entry, char *line, size_t size,
                       struct passwd **ret);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

static int fail_with(int error)
{
        errno = error;
        return -1;
}

int __wrap_socket(int domain, int type, int protocol)
{
        int fd = fails("socket") ? fail_with(EMFILE) : __real_socket(domain, type, protocol);

        is_asked = false;
        if (fd >= 0)
                fake->n_open++;
        return fd;
}

int __wrap_connect(int fd, const struct sockaddr *name, socklen_t size)
{
        return fails("connect") ? fail_with(ECONNREFUSED) : 0;
}

int __wrap_close(int fd)
{
        fake->n_open--;
        return __real_close(fd);
}

int __wrap_fcntl64(int fd, int command, int argument)
{
        return fails("fcntl") ? fail_with(EMFILE) : __real_fcntl64(fd, command, argument);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
        struct ucred root = { .pid = 1 };

        if (fails(is_asked ? "getsockopt at the end" : "getsockopt"))
                return fail_with(ENOBUFS);
        if (name != SO_PEERCRED)
                return __real_getsockopt(fd, level, name, value, size);
        memcpy(value, &root, sizeof(root));
        return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
        return fails("setsockopt") ? fail_with(ENOBUFS) : 0;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
        if (fails("send"))
                return fail_with(EPIPE);
        g_string_append_len(fake->sent, bytes, (gssize) size);
        g_string_append_c(fake->sent, '\n');
        next_reply();
        is_asked = true;
        return (ssize_t) size;
}

/* A few bytes at a time, as a socket may give them. */
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
        size_t n = MIN(MIN(size, reply->len), 97);

        if (fails("recv"))
                return fail_with(ECONNRESET);
        if (n == 0)
                return reply_ends ? 0 : fail_with(EAGAIN);
        memcpy(bytes, reply->str, n);
        g_string_erase(reply, 0, (gssize) n);
        return (ssize_t) n;
}

int __wrap_poll(struct pollfd *waited, nfds_t n, int timeout_ms)
{
        if (fails("poll"))
                return fail_with(ENOMEM);
        if (reply_is_silent || (reply->len == 0 && !reply_ends)) {
                clock_usec += timeout_ms * INT64_C(1000);
                return 0;
        }
        return 1;
}

void *__wrap_malloc(size_t size)
{
        void *block = fails("malloc") ? NULL : __real_malloc(size);

        fake->n_held += block != NULL;
        return block;
}

void *__wrap_calloc(size_t n, size_t size)
{
        void *block = fails("calloc") ? NULL : __real_calloc(n, size);

        fake->n_held += block != NULL;
        return block;
}

void __wrap_free(void *block)
{
        fake->n_held -= block != NULL;
        __real_free(block);
}

char *__wrap_strdup(const char *text)
{
        char *copy = fails("strdup") ? NULL : __real_strdup(text);

        fake->n_held += copy != NULL;
        return copy;
}

static const char accounts[] = "root:x:0:0::/root:/bin/sh\n"
                               "daemon:x:1:1::/:/usr/sbin/nologin\n"
                               "carol:x:1000:1000::/home/carol:/bin/sh\n";

FILE *__wrap_fopen64(const char *path, const char *mode)
{
        FILE *file;

        if (fails("fopen")) {
                errno = EMFILE;
                return NULL;
        }
        file = fmemopen((void *) accounts, strlen(accounts), "r");
        fake->n_open++;
        return file;
}

int __wrap_fclose(FILE *file)
{
        fake->n_open--;
        return __real_fclose(file);
}

int __real_fgetpwent_r(FILE *file, struct passwd *entry, char *line, size_t size,
                       struct passwd **ret);

int __wrap_fgetpwent_r(FILE *file, struct passwd *entry, char *line, size_t size,
                       struct passwd **ret)
{
        return fails("fgetpwent_r") ? EIO : __real_fgetpwent_r(file, entry, line, size, ret);
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
        clock_usec += wanted->tv_sec * INT64_C(1000000) + wanted->tv_nsec / 1000;
        return 0;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
        *ret = (struct timespec){ clock_usec / 1000000, clock_usec % 1000000 * 1000 };
        return 0;
}

/* --- libpam --------------------------------------------------------------------------------- */

static const char *style_mark(int style)
{
        switch (style) {
        case PAM_PROMPT_ECHO_OFF: return "P";
        case PAM_PROMPT_ECHO_ON: return "e";
        case PAM_TEXT_INFO: return "I";
        default: return "E";
        }
}

static bool wants_a_line(int style)
{
        return style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON;
}

static int converse(int n, const struct pam_message **messages, struct pam_response **ret,
                    void *userdata)
{
        int style = messages[0]->msg_style;

        if (fails("conversation"))
                return PAM_CONV_ERR;
        g_string_append_printf(fake->shown, "%s:%s\n", style_mark(style), messages[0]->msg);
        if (wants_a_line(style) && fake->user_later)
                fake->user = fake->user_later;
        *ret = __real_calloc(1, sizeof(**ret));
        fake->n_held++;
        if (wants_a_line(style)) {
                (*ret)->resp = __real_strdup(fake->typed);
                fake->n_held++;
        }
        return PAM_SUCCESS;
}

int pam_get_user(pam_handle_t *pamh, const char **ret, const char *prompt)
{
        if (fails("pam_get_user"))
                return PAM_CONV_ERR;
        *ret = fake->user;
        return PAM_SUCCESS;
}

int pam_get_item(const pam_handle_t *pamh, int item, const void **ret)
{
        static struct pam_conv conv = { .conv = converse };

        if (fails("pam_get_item"))
                return PAM_SYSTEM_ERR;
        switch (item) {
        case PAM_USER: *ret = fake->user; break;
        case PAM_SERVICE: *ret = fake->service; break;
        case PAM_CONV: *ret = &conv; break;
        case PAM_RHOST: *ret = "192.0.2.7"; break;
        default: *ret = NULL; break;
        }
        return PAM_SUCCESS;
}

int pam_set_data(pam_handle_t *pamh, const char *name, void *data,
                 void (*cleanup)(pam_handle_t *pamh, void *data, int status))
{
        if (fails("pam_set_data"))
                return PAM_BUF_ERR;
        fake->data = data;
        return PAM_SUCCESS;
}

int pam_get_data(const pam_handle_t *pamh, const char *name, const void **ret)
{
        if (fails("pam_get_data") || !fake->data)
                return PAM_NO_MODULE_DATA;
        *ret = fake->data;
        return PAM_SUCCESS;
}

int pam_putenv(pam_handle_t *pamh, const char *text)
{
        return fails("pam_putenv") ? PAM_BUF_ERR : PAM_SUCCESS;
}

void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
        g_autofree char *line = NULL;
        va_list arguments;

        va_start(arguments, format);
        line = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_test_message("syslog: %s", line);
}

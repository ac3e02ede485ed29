/* authctl_token: see authctl_token.h. What is read is erased before the memory is given back. */
#include "authctl_token.h"

#include "authctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define TOKEN_LIKELY_MIN 40 /* the shortest word with two dots that is taken for a token */
#define KEY_INTERRUPT    0x03
#define KEY_END          0x04

static void close_fd(int *fd)
{
        if (*fd > STDIN_FILENO)
                close(*fd);
}

bool token_looks_like_one(const char *word)
{
        const char *dot = strchr(word, '.');

        return g_str_has_prefix(word, "eyJ") ||
               (strlen(word) >= TOKEN_LIKELY_MIN && dot && strchr(dot + 1, '.'));
}

/* Bytes until the end, or -errno; -EFBIG when size are not enough. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
        size_t len = 0;

        while (len < size) {
                ssize_t n = read(fd, buffer + len, size - len);

                if (n == 0)
                        return (ssize_t) len;
                if (n < 0 && errno != EINTR)
                        return -errno;
                len += n > 0 ? (size_t) n : 0;
        }
        return -EFBIG;
}

/* Not line by line: a terminal's line ends at 4096 bytes, and tokens are longer. Keys are read one
 * by one, Ctrl-C too, so that the echo is on again in every case. */
static ssize_t read_keys(int fd, char *buffer, size_t size)
{
        for (size_t len = 0; len < size; len++) {
                ssize_t n = read(fd, buffer + len, 1);

                if (n < 0)
                        return -errno;
                if (n == 0 || buffer[len] == KEY_END || buffer[len] == '\n' || buffer[len] == '\r')
                        return (ssize_t) len;
                if (buffer[len] == KEY_INTERRUPT)
                        return -ECANCELED;
        }
        return -EFBIG;
}

static ssize_t read_terminal(int fd, char *buffer, size_t size)
{
        struct termios before, silent;
        ssize_t n = -ENOTTY;

        if (tcgetattr(fd, &before) < 0)
                return -errno;
        silent = before;
        silent.c_lflag &= (tcflag_t) ~(ECHO | ICANON | ISIG);
        if (tcsetattr(fd, TCSAFLUSH, &silent) < 0)
                return -errno;
        fputs("Token (not shown): ", stderr);
        n = read_keys(fd, buffer, size);
        tcsetattr(fd, TCSAFLUSH, &before);
        fputc('\n', stderr);
        return n;
}

static Span trim(Span text)
{
        while (text.len > 0 && g_ascii_isspace(text.data[0]))
                text = span_of(text.data + 1, text.len - 1);
        while (text.len > 0 && g_ascii_isspace(text.data[text.len - 1]))
                text.len--;
        return text;
}

static Secret *token_from(const char *source, const char *buffer, ssize_t n)
{
        Span token = trim(span_of(buffer, n > 0 ? (size_t) n : 0));

        if (n == -EFBIG)
                authctl_complain(AUTHCTL_USAGE, "%s: longer than %d bytes; that is no token",
                                 source, TOKEN_SIZE_MAX);
        else if (n < 0)
                authctl_complain(AUTHCTL_USAGE, "%s: cannot read the token: %s", source,
                                 g_strerror((int) -n));
        else if (token.len == 0)
                authctl_complain(AUTHCTL_USAGE,
                                 "%s: no token there; give it on stdin or with --file FILE",
                                 source);
        else if (!g_utf8_validate(token.data, (gssize) token.len, NULL))
                authctl_complain(
                    AUTHCTL_USAGE,
                    "%s: not text; a token is one line of letters, digits, \"-\", \"_\" and \".\"",
                    source);
        else
                return secret_new(token);
        return NULL;
}

Secret *token_read(const char *file)
{
        bool from_stdin = !file || strcmp(file, "-") == 0;
        const char *source = from_stdin ? "stdin" : file;
        __attribute__((cleanup(close_fd))) int fd =
            from_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
        const size_t size = TOKEN_SIZE_MAX + 1;

        if (fd < 0) {
                authctl_complain(AUTHCTL_USAGE, "%s: cannot open it: %s", source,
                                 g_strerror(errno));
                return NULL;
        }
        g_autofree char *buffer = g_malloc0(size);
        ssize_t n =
            from_stdin && isatty(fd) ? read_terminal(fd, buffer, size) : read_all(fd, buffer, size);
        Secret *token = token_from(source, buffer, n);

        secret_erase(buffer, size);
        return token;
}

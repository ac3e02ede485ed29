/* file: see file.h. Every refusal is one sentence that names the path. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define ROOM_MIN 4096 /* what fstat tells of a file in /proc is 0 */

static void set_error(GError **error, int code, const char *path, const char *what)
{
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "%s: cannot %s: %s", path,
                    what, g_strerror(code));
}

void file_close(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static int steal_fd(int *fd)
{
        int stolen = *fd;

        *fd = -1;
        return stolen;
}

int file_open(const char *path, struct stat *ret_stat, GError **error)
{
        struct stat found;
        /* O_NONBLOCK: the open of a FIFO must not wait for its writer. */
        FILE_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0 || fstat(fd, &found) < 0) {
                set_error(error, errno, path, "open it");
                return -1;
        }
        if (!S_ISREG(found.st_mode)) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: not a regular file",
                            path);
                return -1;
        }
        *ret_stat = found;
        return steal_fd(&fd);
}

/* read_some: fills buffer until it is full or the file ends; -errno, else the number of bytes. */
static ssize_t read_some(int fd, char *buffer, size_t size)
{
        size_t len = 0;

        while (len < size) {
                ssize_t n = read(fd, buffer + len, size - len);

                if (n == 0)
                        break;
                if (n < 0 && errno != EINTR)
                        return -errno;
                len += n > 0 ? (size_t) n : 0;
        }
        return (ssize_t) len;
}

static bool fail_too_large(const char *path, size_t size_max, GError **error)
{
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "%s: larger than the %zu bytes allowed", path, size_max);
        return false;
}

bool file_read_fd(int fd, const char *path, char *buffer, size_t size_max, size_t *ret_len,
                  GError **error)
{
        /* One byte more than allowed, for the size that fstat told may be old or, in /proc, 0. */
        ssize_t n = read_some(fd, buffer, size_max + 1);

        if (n < 0) {
                set_error(error, (int) -n, path, "read it");
                return false;
        }
        if ((size_t) n > size_max)
                return fail_too_large(path, size_max, error);
        *ret_len = (size_t) n;
        return true;
}

/* read_growing: room for what fstat told, and more only for what has more: size_max is often much
 * larger than any file. */
static bool read_growing(int fd, const char *path, off_t told, size_t size_max, char **buffer,
                         size_t *ret_len, GError **error)
{
        size_t room = CLAMP((size_t) MAX(told, 0) + 1, MIN(ROOM_MIN, size_max + 1), size_max + 1);
        size_t len = 0;

        for (;;) {
                ssize_t n;

                *buffer = g_realloc(*buffer, room + 1);
                n = read_some(fd, *buffer + len, room - len);
                if (n < 0) {
                        set_error(error, (int) -n, path, "read it");
                        return false;
                }
                len += (size_t) n;
                if (len < room || room > size_max)
                        break;
                room = MIN(2 * room, size_max + 1);
        }
        *ret_len = len;
        return len <= size_max || fail_too_large(path, size_max, error);
}

bool file_read(const char *path, size_t size_max, char **ret_data, size_t *ret_len, GError **error)
{
        struct stat found;
        size_t len;
        g_autofree char *buffer = NULL;
        FILE_AUTOCLOSE int fd = file_open(path, &found, error);

        if (fd < 0 || !read_growing(fd, path, found.st_size, size_max, &buffer, &len, error))
                return false;
        buffer[len] = '\0';
        *ret_data = g_realloc(g_steal_pointer(&buffer), len + 1);
        *ret_len = len;
        return true;
}

static int write_all(int fd, Span content)
{
        size_t done = 0;

        while (done < content.len) {
                ssize_t n = write(fd, content.data + done, content.len - done);

                if (n < 0 && errno != EINTR)
                        return -errno;
                done += n > 0 ? (size_t) n : 0;
        }
        return 0;
}

/* fill_temporary: everything before the rename. */
static int fill_temporary(char *pattern, Span content, mode_t mode)
{
        FILE_AUTOCLOSE int fd = g_mkstemp_full(pattern, O_WRONLY | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return -errno;
        r = write_all(fd, content);
        if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
                r = -errno;
        if (r < 0)
                g_unlink(pattern);
        return r;
}

/* flush_folder: makes the rename itself last. Not every file system can; the content is safe. */
static void flush_folder(const char *path)
{
        g_autofree char *folder = g_path_get_dirname(path);
        FILE_AUTOCLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                (void) fsync(fd);
}

bool file_write_atomic(const char *path, Span content, mode_t mode, GError **error)
{
        g_autofree char *temporary = g_strconcat(path, ".XXXXXX", NULL);
        int r = fill_temporary(temporary, content, mode);

        if (r == 0 && rename(temporary, path) < 0) {
                r = -errno;
                g_unlink(temporary);
        }
        if (r < 0) {
                set_error(error, -r, path, "write it");
                return false;
        }
        flush_folder(path);
        return true;
}

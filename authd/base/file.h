/* file: whole files in and out, bounded and atomic.
 *
 * Reading refuses what is not a regular file or larger than the caller allows; writing goes to a
 * temporary name in the same folder, is flushed and renamed, so that a reader (or a crash) sees the
 * old file or the new one. Any thread; blocks, so never on a worker. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <sys/stat.h>
#include <sys/types.h>

/* FILE_AUTOCLOSE: closes a descriptor (if not -1) at the end of its scope. */
void file_close(int *fd);
#define FILE_AUTOCLOSE __attribute__((cleanup(file_close)))

/* file_open: a regular file for reading; -1 and GError for what is none, without waiting for it. */
int file_open(const char *path, struct stat *ret_stat, GError **error);
/* file_read_fd: all of it into buffer (size_max + 1 bytes are used); larger than size_max: refused.
 * path is for the GError. */
bool file_read_fd(int fd, const char *path, char *buffer, size_t size_max, size_t *ret_len,
                  GError **error);

/* file_read: *ret_data is NUL-terminated beyond *ret_len. GError names the path and the cause. */
bool file_read(const char *path, size_t size_max, char **ret_data, size_t *ret_len, GError **error);
/* file_write_atomic: mode is exact, whatever the umask. */
bool file_write_atomic(const char *path, Span content, mode_t mode, GError **error);

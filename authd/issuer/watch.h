/* watch: a file that others may replace while we run, looked at now and then.
 *
 * By what stat says of the file at the end of all links, so that a link that is moved elsewhere
 * counts, as Kubernetes does with its volumes. A file is read once for each of its states, also
 * when reading it fails: trouble is told once. Owned by source, main thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* WatchMark: one state of a file; all zero: it is not there. */
typedef struct WatchMark {
        uint64_t device, inode, size_bytes;
        int64_t changed_nsec, written_nsec; /* ctime, mtime */
} WatchMark;

/* watch_read: the whole file, NUL-terminated beyond *ret_len. *mark is the state that was read, or
 * failed to be. GError names the path. */
bool watch_read(const char *path, size_t size_max, WatchMark *mark, char **ret, size_t *ret_len,
                GError **error);
/* watch_changed: is there another state now than mark? */
bool watch_changed(const char *path, const WatchMark *mark);

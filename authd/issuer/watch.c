/* watch: a file that others may replace while we run. See watch.h. */
#include "issuer/watch.h"

#include "base/file.h"

#include <string.h>

#define NSEC_PER_SEC INT64_C(1000000000)

static int64_t nsec_of(struct timespec time)
{
        return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

static WatchMark mark_of(const struct stat *found)
{
        return (WatchMark){
                .device = found->st_dev,
                .inode = found->st_ino,
                .size_bytes = (uint64_t) found->st_size,
                .changed_nsec = nsec_of(found->st_ctim),
                .written_nsec = nsec_of(found->st_mtim),
        };
}

static WatchMark mark_now(const char *path)
{
        struct stat found;

        return stat(path, &found) == 0 ? mark_of(&found) : (WatchMark){ 0 };
}

bool watch_changed(const char *path, const WatchMark *mark)
{
        WatchMark now = mark_now(path);

        return memcmp(&now, mark, sizeof now) != 0;
}

bool watch_read(const char *path, size_t size_max, WatchMark *mark, char **ret, size_t *ret_len,
                GError **error)
{
        struct stat found;
        g_autofree char *buffer = NULL;
        size_t len = 0;
        FILE_AUTOCLOSE int fd = file_open(path, &found, error);

        *mark = fd >= 0 ? mark_of(&found) : mark_now(path);
        if (fd < 0)
                return false;
        buffer = g_malloc(size_max + 1);
        if (!file_read_fd(fd, path, buffer, size_max, &len, error))
                return false;
        buffer[len] = '\0';
        *ret = g_realloc(g_steal_pointer(&buffer), len + 1);
        *ret_len = len;
        return true;
}

/* storefile: see storefile.h. */
#include "base/storefile.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAMAGED             ".damaged-"
#define LOG_SUFFIX          "-wal"
#define SAME_SECOND_MAX     100 /* damaged databases of one second that are told apart */
#define FRACTIONS_AT        21
#define APPLICATION_ID_AT   68
#define LOG_HEADER_SIZE     32          /* "WAL File Format" there */
#define LOG_MAGIC           0x377f0682u /* and the same + 1: the byte order of its checksums */
#define LOG_FORMAT          3007000u
#define LOG_CHECKSUM_AT     24
#define DATABASE_SIZE_LEAST 512 /* the smallest page */

static const char header_magic[16] = "SQLite format 3";

/* What SQLite may leave at path. The database is first: were its log to be moved before it and we
 * killed between, an older state would look whole. */
static const char *const suffixes[] = { "", LOG_SUFFIX, "-journal", "-shm" };

static char *beside(const char *path, size_t i)
{
        return g_strconcat(path, suffixes[i], NULL);
}

/* Who could write */

static bool is_ours(const struct stat *found)
{
        return found->st_uid == geteuid() || found->st_uid == 0;
}

static bool check_writers(const char *path, const struct stat *found, GError **error)
{
        const char *what = NULL;

        if (!is_ours(found))
                what = "belongs to another user; give it to the daemon's (chown)";
        else if (found->st_mode & STORE_MODE_REFUSED)
                what = "can be written by others; take that from them (chmod go-w)";
        if (what)
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM, "%s: %s", path, what);
        return !what;
}

static bool set_errno(GError **error, const char *path, const char *what)
{
        int code = errno;

        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "%s: cannot %s: %s", path,
                    what, g_strerror(code));
        return false;
}

static bool check_folder(const char *folder, GError **error)
{
        struct stat found;

        if (stat(folder, &found) < 0)
                return set_errno(error, folder, "look at it");
        if (!S_ISDIR(found.st_mode)) {
                errno = ENOTDIR;
                return set_errno(error, folder, "keep state in it");
        }
        return check_writers(folder, &found, error);
}

char *storefile_folder(const char *folder, GError **error)
{
        char *resolved;

        if (mkdir(folder, 0700) < 0 && errno != EEXIST && access(folder, F_OK) < 0) {
                set_errno(error, folder, "make this folder for the state database");
                return NULL;
        }
        resolved = realpath(folder, NULL);
        if (!resolved)
                set_errno(error, folder, "look at it");
        else if (!check_folder(resolved, error))
                g_clear_pointer(&resolved, free);
        return resolved;
}

static bool check_file(const char *path, GError **error)
{
        struct stat found;

        if (lstat(path, &found) < 0)
                return errno == ENOENT ? true : set_errno(error, path, "look at it");
        if (!S_ISREG(found.st_mode)) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                            "%s: not a plain file (a link?); move it away", path);
                return false;
        }
        return check_writers(path, &found, error);
}

bool storefile_permitted(const char *path, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
                g_autofree char *name = beside(path, i);

                if (!check_file(name, error))
                        return false;
        }
        return true;
}

/* What is there */

/* read_head: the first bytes of a file; how many there were, -errno. */
static ssize_t read_head(const char *path, uint8_t *ret, size_t size)
{
        FILE_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : pread(fd, ret, size, 0);

        return n < 0 ? -errno : n;
}

static uint32_t big_endian(const uint8_t *bytes)
{
        return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 |
               bytes[3];
}

static bool is_beside(const char *path, size_t i)
{
        g_autofree char *name = beside(path, i);

        return access(name, F_OK) == 0;
}

/* look_without: there is no database. A log or journal without one would be played into the next.
 */
static int look_without(const char *path)
{
        for (size_t i = 1; i < G_N_ELEMENTS(suffixes); i++)
                if (is_beside(path, i))
                        return STOREFILE_E_DAMAGED;
        return STOREFILE_E_ABSENT;
}

/* is_database: SQLite itself opens none without these bytes. */
static bool is_database(const uint8_t *head)
{
        static const uint8_t fractions[] = { 64, 32, 32 };

        return memcmp(head, header_magic, sizeof(header_magic)) == 0 &&
               memcmp(head + FRACTIONS_AT, fractions, sizeof(fractions)) == 0;
}

int storefile_look(const char *path)
{
        uint8_t head[DATABASE_SIZE_LEAST];
        ssize_t n = read_head(path, head, sizeof(head));

        if (n == -ENOENT)
                return look_without(path);
        if (n < 0)
                return (int) n;
        /* An empty file, too: a new one is put in place whole. */
        if ((size_t) n < sizeof(head) || !is_database(head))
                return STOREFILE_E_DAMAGED;
        if (big_endian(head + APPLICATION_ID_AT) != STOREFILE_APPLICATION_ID)
                return STOREFILE_E_FOREIGN;
        return 0;
}

size_t storefile_log_size(const char *path)
{
        g_autofree char *name = g_strconcat(path, LOG_SUFFIX, NULL);
        struct stat found;

        return lstat(name, &found) == 0 ? (size_t) found.st_size : 0;
}

/* log_sum: SQLite's checksum of the header, in the byte order that the magic's last bit tells. */
static bool log_sum_holds(const uint8_t header[LOG_HEADER_SIZE])
{
        bool big = header[3] & 1;
        uint32_t sums[2] = { 0 };

        for (size_t i = 0; i < LOG_CHECKSUM_AT / 4; i++) {
                uint32_t word = big_endian(header + 4 * i);

                sums[i % 2] += (big ? word : GUINT32_SWAP_LE_BE(word)) + sums[1 - i % 2];
        }
        return sums[0] == big_endian(header + LOG_CHECKSUM_AT) &&
               sums[1] == big_endian(header + LOG_CHECKSUM_AT + 4);
}

bool storefile_log_is_garbage(const char *path)
{
        static const uint8_t never_written[LOG_HEADER_SIZE];
        g_autofree char *name = g_strconcat(path, LOG_SUFFIX, NULL);
        uint8_t header[LOG_HEADER_SIZE];
        ssize_t n = read_head(name, header, sizeof(header));

        /* A machine that lost power may leave none of the header, or zeros for it. */
        if (n < (ssize_t) sizeof(header) || memcmp(header, never_written, sizeof(header)) == 0)
                return false;
        return (big_endian(header) & ~1u) != LOG_MAGIC || big_endian(header + 4) != LOG_FORMAT ||
               !log_sum_holds(header);
}

/* A new one */

static int errno_of(const GError *error)
{
        static const struct {
                int file_error, code;
        } rows[] = {
                { G_FILE_ERROR_NOSPC, -ENOSPC },
                { G_FILE_ERROR_ROFS, -EROFS },
                { G_FILE_ERROR_ACCES, -EACCES },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                if (g_error_matches(error, G_FILE_ERROR, rows[i].file_error))
                        return rows[i].code;
        return -EIO;
}

/* put_as: the content lasts before it has its name, and the name before we say so. */
static int put_as(const char *temporary, const char *path, Span image)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *folder = g_path_get_dirname(path);
        FILE_AUTOCLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (!file_write_atomic(temporary, image, 0600, &error))
                return errno_of(error);
        /* link() and not rename(): a database that another process put there meanwhile stays. */
        if (link(temporary, path) < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

int storefile_put(const char *path, Span image)
{
        g_autofree char *temporary = g_strdup_printf("%s.new-%d", path, (int) getpid());
        int r = put_as(temporary, path, image);

        g_unlink(temporary);
        return r;
}

/* A damaged one */

static char *stamp(void)
{
        time_t sec = (time_t) clock_wall_sec();
        char text[sizeof("20260101T000000Z")];
        struct tm utc;

        gmtime_r(&sec, &utc);
        strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &utc);
        return g_strdup(text);
}

static bool is_taken(const char *path)
{
        for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++)
                if (is_beside(path, i))
                        return true;
        return false;
}

/* free_name: where nothing is yet. */
static char *free_name(const char *path)
{
        g_autofree char *time_text = stamp();
        char *name = g_strconcat(path, DAMAGED, time_text, NULL);

        for (int n = 2; n <= SAME_SECOND_MAX && is_taken(name); n++) {
                g_free(name);
                name = g_strdup_printf("%s" DAMAGED "%s.%02d", path, time_text, n);
        }
        return name;
}

/* move_all: what is not there need not be moved; a journal that stayed would be played into the
 * next database. */
static int move_all(const char *path, const char *kept_as)
{
        int r = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(suffixes) && r == 0; i++) {
                g_autofree char *from = beside(path, i), *to = beside(kept_as, i);

                if (rename(from, to) < 0 && errno != ENOENT)
                        r = -errno;
        }
        return r;
}

/* strip_suffix: "…Z-wal" is of the set "…Z". */
static void strip_suffix(char *name)
{
        for (size_t i = 1; i < G_N_ELEMENTS(suffixes); i++)
                if (g_str_has_suffix(name, suffixes[i])) {
                        name[strlen(name) - strlen(suffixes[i])] = '\0';
                        return;
                }
}

static int compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* sets_of: the names of what was set aside, each once, the oldest first. */
static GPtrArray *sets_of(const char *folder, const char *prefix)
{
        GPtrArray *sets = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
        const char *name;

        while (listing && (name = g_dir_read_name(listing))) {
                g_autofree char *set = g_strdup(name);

                strip_suffix(set);
                if (g_str_has_prefix(set, prefix) &&
                    !g_ptr_array_find_with_equal_func(sets, set, g_str_equal, NULL))
                        g_ptr_array_add(sets, g_steal_pointer(&set));
        }
        g_ptr_array_sort(sets, compare_names);
        return sets;
}

static void remove_set(const char *folder, const char *name)
{
        g_autofree char *path = g_build_filename(folder, name, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
                g_autofree char *file = beside(path, i);

                g_unlink(file);
        }
}

static void remove_oldest(const char *path, size_t kept_max)
{
        g_autofree char *folder = g_path_get_dirname(path);
        g_autofree char *name = g_path_get_basename(path);
        g_autofree char *prefix = g_strconcat(name, DAMAGED, NULL);
        g_autoptr(GPtrArray) sets = sets_of(folder, prefix);

        for (size_t i = 0; i + kept_max < sets->len; i++)
                remove_set(folder, g_ptr_array_index(sets, i));
}

int storefile_set_aside(const char *path, size_t kept_max, char **ret_kept_as)
{
        g_autofree char *kept_as = free_name(path);
        int r = move_all(path, kept_as);

        if (r < 0)
                return r;
        remove_oldest(path, kept_max);
        *ret_kept_as = g_steal_pointer(&kept_as);
        return 0;
}

static int copy_file(const char *from, const char *to)
{
        g_autofree char *content = NULL;
        size_t len;
        g_autoptr(GError) error = NULL;

        if (!file_read(from, STORE_SIZE_MAX, &content, &len, &error) ||
            !file_write_atomic(to, span_of(content, len), 0600, &error))
                return errno_of(error);
        return 0;
}

int storefile_rescue_log(const char *path, size_t kept_max, char **ret_kept_as)
{
        g_autofree char *log = g_strconcat(path, LOG_SUFFIX, NULL);
        g_autofree char *set = free_name(path);
        g_autofree char *kept_as = g_strconcat(set, LOG_SUFFIX, NULL);
        int r = copy_file(log, kept_as);

        if (truncate(log, 0) < 0 && r == 0)
                r = -errno;
        if (r < 0)
                return r;
        remove_oldest(path, kept_max);
        *ret_kept_as = g_steal_pointer(&kept_as);
        return 0;
}

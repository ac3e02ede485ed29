/* local: see local.h. */
#include "users/local.h"

#include "base/file.h"

#include <sys/stat.h>

#define LOCAL_SIZE_MAX (16 * 1024 * 1024)
#define NUMBER_FIELD   2 /* name:password:number */

/* Mark: what tells that a file is another than the one that was read. */
typedef struct Mark {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec changed;
} Mark;

/* LocalFile: names and numbers of one file; the strings belong to by_name. */
typedef struct LocalFile {
        char *path;
        Mark mark;
        GHashTable *by_name;   /* name → number */
        GHashTable *by_number; /* number → name; the first line wins, as in files */
} LocalFile;

struct Local {
        LocalFile users, groups;
};

static void file_init(LocalFile *file, const char *path)
{
        file->path = g_strdup(path);
        file->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        file->by_number = g_hash_table_new(NULL, NULL);
}

static void file_deinit(LocalFile *file)
{
        g_hash_table_unref(file->by_number);
        g_hash_table_unref(file->by_name);
        g_free(file->path);
}

/* file_add: the second number of a name is found by nobody who asks for the name, and by everybody
 * who asks for the number. */
static void file_add(LocalFile *file, const char *name, uint32_t number)
{
        gpointer own;

        if (!g_hash_table_lookup_extended(file->by_name, name, &own, NULL)) {
                own = g_strdup(name);
                g_hash_table_insert(file->by_name, own, GUINT_TO_POINTER(number));
        }
        if (!g_hash_table_contains(file->by_number, GUINT_TO_POINTER(number)))
                g_hash_table_insert(file->by_number, GUINT_TO_POINTER(number), own);
}

/* file_add_line: what is no entry (a comment, NIS's "+", a line that was cut) is passed over, and
 * so are blanks before one, as glibc does. */
static void file_add_line(LocalFile *file, char *line)
{
        g_auto(GStrv) fields = g_strsplit(g_strchug(line), ":", NUMBER_FIELD + 2);
        guint64 number;

        if (g_strv_length(fields) <= NUMBER_FIELD || !*fields[0] || strchr("#+-", *fields[0]) ||
            !g_ascii_string_to_unsigned(fields[NUMBER_FIELD], 10, 0, UINT32_MAX, &number, NULL))
                return;
        file_add(file, fields[0], (uint32_t) number);
}

static void file_parse(LocalFile *file, const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        g_hash_table_remove_all(file->by_number);
        g_hash_table_remove_all(file->by_name);
        for (size_t i = 0; lines[i]; i++)
                file_add_line(file, lines[i]);
}

static bool marks_equal(const Mark *a, const Mark *b)
{
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* file_refresh: the mark is taken before the reading: what changes meanwhile is read again. */
static bool file_refresh(LocalFile *file)
{
        g_autofree char *text = NULL;
        struct stat found;
        Mark mark;
        size_t len;

        if (stat(file->path, &found) < 0)
                return false;
        mark = (Mark){ found.st_dev, found.st_ino, found.st_size, found.st_mtim };
        if (marks_equal(&mark, &file->mark) ||
            !file_read(file->path, LOCAL_SIZE_MAX, &text, &len, NULL))
                return false;
        file->mark = mark;
        file_parse(file, text);
        return true;
}

Local *local_new(const char *passwd_path, const char *group_path)
{
        Local *local = g_new0(Local, 1);

        file_init(&local->users, passwd_path);
        file_init(&local->groups, group_path);
        local_refresh(local);
        return local;
}

void local_free(Local *local)
{
        if (!local)
                return;
        file_deinit(&local->users);
        file_deinit(&local->groups);
        g_free(local);
}

bool local_refresh(Local *local)
{
        bool users = file_refresh(&local->users), groups = file_refresh(&local->groups);

        return users || groups;
}

static bool file_has_name(const LocalFile *file, const char *name, uint32_t *ret_number)
{
        gpointer number;

        if (!g_hash_table_lookup_extended(file->by_name, name, NULL, &number))
                return false;
        if (ret_number)
                *ret_number = GPOINTER_TO_UINT(number);
        return true;
}

static bool file_has_number(const LocalFile *file, uint32_t number, const char **ret_name)
{
        const char *name = g_hash_table_lookup(file->by_number, GUINT_TO_POINTER(number));

        if (name && ret_name)
                *ret_name = name;
        return name;
}

bool local_has_user(const Local *local, const char *name)
{
        return file_has_name(&local->users, name, NULL);
}

bool local_user_uid(const Local *local, const char *name, uid_t *ret_uid)
{
        return file_has_name(&local->users, name, ret_uid);
}

bool local_has_uid(const Local *local, uid_t uid, const char **ret_name)
{
        return file_has_number(&local->users, uid, ret_name);
}

bool local_has_group(const Local *local, const char *name, gid_t *ret_gid)
{
        return file_has_name(&local->groups, name, ret_gid);
}

bool local_has_gid(const Local *local, gid_t gid, const char **ret_name)
{
        return file_has_number(&local->groups, gid, ret_name);
}

/* session: see session.h. Memory decides; the store is where it comes from after a restart. A
 * process is known by its pid and when it began; where /proc hides the latter (ProtectProc=), by
 * its pid alone. */
#include "login/session.h"

#include "base/clock.h"
#include "login/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define PART           "login_session"
#define ID_BYTES       16
#define BOOT_SLACK_SEC 60 /* between two looks at two clocks */
#define STAT_SIZE_MAX  1024
#define STAT_START_WORD                                                                            \
        19 /* words behind the ')': field 22 of proc_pid_stat(5), counted from 3                   \
            */

static const char *const migrations[] = {
        "CREATE TABLE login_session (id TEXT PRIMARY KEY, service TEXT NOT "
        "NULL,"
        " user TEXT NOT NULL, subject TEXT NOT NULL, rhost TEXT NOT NULL, tty TEXT NOT NULL,"
        " pid INTEGER NOT NULL, pid_started INTEGER NOT NULL, opened_sec INTEGER NOT NULL)"
        " WITHOUT ROWID",
};

/* The texts of a session, in the order of the table. */
enum { SERVICE, USER, SUBJECT, RHOST, TTY, _N_TEXTS };
static const char *const text_names[_N_TEXTS] = { "service", "user", "subject", "rhost", "tty" };

typedef struct Entry {
        GList link; /* of the queue, in the order of opening; its data is the entry */
        char *id;
        char *texts[_N_TEXTS];
        pid_t pid;
        uint64_t pid_started;
        int64_t opened_sec;
} Entry;

struct Sessions {
        Store *store;      /* borrowed; may be NULL */
        GHashTable *by_id; /* owns the entries */
        GQueue in_order;
};

/* ---- processes ---- */

/* read_stat: false: it is not there, or hidden. */
static bool read_stat(pid_t pid, char ret[STAT_SIZE_MAX])
{
        char path[64];
        int fd;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, ret, STAT_SIZE_MAX - 1);
        if (fd >= 0)
                close(fd);
        if (n <= 0)
                return false;
        ret[n] = '\0';
        return true;
}

/* pid_start: in ticks since the boot; 0: not known. The name in parentheses may hold anything, a
 * ')' too; what follows the last one is numbers. */
static uint64_t pid_start(pid_t pid)
{
        char stat[STAT_SIZE_MAX];
        const char *at = read_stat(pid, stat) ? strrchr(stat, ')') : NULL;

        for (int word = 0; word <= STAT_START_WORD && at; word++)
                at = strchr(at + 1, ' ');
        return at ? g_ascii_strtoull(at + 1, NULL, 10) : 0;
}

static bool is_alive(const Entry *entry)
{
        uint64_t started = entry->pid != 0 ? pid_start(entry->pid) : 0;

        if (entry->pid == 0)
                return true;
        if (started != 0 && entry->pid_started != 0)
                return started == entry->pid_started;
        return kill(entry->pid, 0) == 0 || errno != ESRCH;
}

/* A pid of before the last boot means nothing now. */
static bool is_of_this_boot(const Entry *entry)
{
        int64_t booted_sec = clock_wall_sec() - clock_boot_usec() / CLOCK_USEC_PER_SEC;

        return entry->opened_sec >= booted_sec - BOOT_SLACK_SEC;
}

/* ---- entries ---- */

static void entry_free(void *data)
{
        Entry *entry = data;

        for (size_t i = 0; i < _N_TEXTS; i++)
                g_free(entry->texts[i]);
        g_free(entry->id);
        g_free(entry);
}

static void add(Sessions *sessions, Entry *entry)
{
        entry->link.data = entry;
        g_queue_push_tail_link(&sessions->in_order, &entry->link);
        g_hash_table_insert(sessions->by_id, entry->id, entry);
}

static char *new_id(void)
{
        unsigned char bytes[ID_BYTES];
        char *id = g_malloc(2 * ID_BYTES + 1);

        if (RAND_bytes(bytes, sizeof(bytes)) != 1)
                g_error("OpenSSL has no random numbers"); /* an id that can be guessed is worse */
        for (size_t i = 0; i < ID_BYTES; i++)
                snprintf(id + 2 * i, 3, "%02x", bytes[i]);
        return id;
}

static Entry *entry_new(const LoginSession *session)
{
        const char *const texts[_N_TEXTS] = { session->service, session->user, session->subject,
                                              session->rhost, session->tty };
        Entry *entry = g_new0(Entry, 1);

        entry->id = new_id();
        for (size_t i = 0; i < _N_TEXTS; i++)
                entry->texts[i] = screen_clean(span_from(texts[i]), SESSION_TEXT_MAX);
        entry->pid = session->pid;
        entry->pid_started = session->pid_started;
        entry->opened_sec = session->opened_sec;
        if (entry->pid != 0 && entry->pid_started == 0)
                entry->pid_started = pid_start(entry->pid);
        return entry;
}

/* ---- the store ---- */

static int write_entry(const Sessions *sessions, const Entry *entry)
{
        const StoreValue values[] = {
                store_text(span_from(entry->id)),
                store_text(span_from(entry->texts[SERVICE])),
                store_text(span_from(entry->texts[USER])),
                store_text(span_from(entry->texts[SUBJECT])),
                store_text(span_from(entry->texts[RHOST])),
                store_text(span_from(entry->texts[TTY])),
                store_integer(entry->pid),
                store_integer((int64_t) entry->pid_started),
                store_integer(entry->opened_sec),
        };

        if (!sessions->store)
                return 0;
        return store_change(
            sessions->store,
            "INSERT OR REPLACE INTO login_session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values,
            G_N_ELEMENTS(values));
}

static void write_again(void *userdata)
{
        Sessions *sessions = userdata;

        for (const GList *link = sessions->in_order.head; link; link = link->next)
                write_entry(sessions, link->data);
}

static char *column_text(const StoreValue *value)
{
        return g_strndup(value->bytes.data, value->bytes.len);
}

static void take_row(const StoreValue *values, size_t n_values, void *userdata)
{
        Sessions *sessions = userdata;
        Entry *entry = g_new0(Entry, 1);

        for (size_t i = 0; i < _N_TEXTS; i++)
                entry->texts[i] = column_text(&values[1 + i]);
        entry->id = column_text(&values[0]);
        entry->pid = (pid_t) values[1 + _N_TEXTS].integer;
        entry->pid_started = (uint64_t) values[2 + _N_TEXTS].integer;
        entry->opened_sec = values[3 + _N_TEXTS].integer;
        add(sessions, entry);
}

/* What cannot be read is not listed; the store says aloud why. */
static void read_all(Sessions *sessions)
{
        const StoreValue bound[] = { store_integer(SESSIONS_MAX) };

        store_read(sessions->store,
                   "SELECT id, service, user, subject, rhost, tty, pid, pid_started, opened_sec"
                   " FROM login_session ORDER BY opened_sec, id LIMIT ?",
                   bound, G_N_ELEMENTS(bound), take_row, sessions);
}

/* A row that stays because the store cannot be written is dropped at the next start. */
static void drop(Sessions *sessions, Entry *entry)
{
        const StoreValue id[] = { store_text(span_from(entry->id)) };

        if (sessions->store)
                store_change(sessions->store, "DELETE FROM login_session WHERE id = ?", id,
                             G_N_ELEMENTS(id));
        g_queue_unlink(&sessions->in_order, &entry->link);
        g_hash_table_remove(sessions->by_id, entry->id);
}

/* ---- the life ---- */

static void drop_if(Sessions *sessions, bool (*is_kept)(const Entry *entry))
{
        GList *next;

        for (GList *link = sessions->in_order.head; link; link = next) {
                next = link->next;
                if (!is_kept(link->data))
                        drop(sessions, link->data);
        }
}

Sessions *sessions_new(Store *store, GError **error)
{
        Sessions *sessions;

        if (store && !store_migrate(store, PART, migrations, G_N_ELEMENTS(migrations), error))
                return NULL;
        sessions = g_new0(Sessions, 1);
        sessions->store = store;
        sessions->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
        g_queue_init(&sessions->in_order);
        if (!store)
                return sessions;
        read_all(sessions);
        drop_if(sessions, is_of_this_boot);
        sessions_tidy(sessions);
        store_on_afresh(store, write_again, sessions);
        return sessions;
}

void sessions_free(Sessions *sessions)
{
        if (!sessions)
                return;
        if (sessions->store)
                store_off_afresh(sessions->store, sessions);
        g_hash_table_unref(sessions->by_id);
        g_free(sessions);
}

/* ---- opening and closing ---- */

int sessions_open(Sessions *sessions, const LoginSession *session, char **ret_id)
{
        Entry *entry;

        if (sessions_n(sessions) >= SESSIONS_MAX)
                sessions_tidy(sessions);
        if (sessions_n(sessions) >= SESSIONS_MAX)
                return -ENOSPC;
        entry = entry_new(session);
        if (!is_alive(entry)) {
                entry_free(entry);
                return -ESRCH;
        }
        add(sessions, entry);
        *ret_id = g_strdup(entry->id);
        return write_entry(sessions, entry);
}

bool sessions_close(Sessions *sessions, const char *id)
{
        Entry *entry = g_hash_table_lookup(sessions->by_id, id);

        if (entry)
                drop(sessions, entry);
        return entry != NULL;
}

void sessions_tidy(Sessions *sessions)
{
        drop_if(sessions, is_alive);
}

size_t sessions_n(const Sessions *sessions)
{
        return sessions->in_order.length;
}

static json_t *describe(const Entry *entry)
{
        json_t *described = json_pack(
            "{s:s, s:i, s:I, s:I}", "id", entry->id, "pid", (int) entry->pid, "pid_started",
            (json_int_t) entry->pid_started, "opened_sec", (json_int_t) entry->opened_sec);

        for (size_t i = 0; i < _N_TEXTS; i++)
                json_object_set_new(described, text_names[i], json_string(entry->texts[i]));
        return described;
}

json_t *sessions_list(const Sessions *sessions)
{
        json_t *list = json_array();

        for (const GList *link = sessions->in_order.head; link; link = link->next)
                json_array_append_new(list, describe(link->data));
        return list;
}

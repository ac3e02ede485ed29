/* store: see store.h.
 *
 * WAL with locking_mode EXCLUSIVE: the first access locks the file for this process, and the index
 * of the log is in our memory, so there is no file of shared memory. A commit is a write to the log
 * (synchronous NORMAL: after a loss of power the last ones may be missing, never half of one);
 * store_sync moves the log into the database and flushes both. SQLite's result codes end here, as
 * errnos: errno_of.
 *
 * Read-only: SQLite cannot lock a file that it may not write. A log left behind is read by a VFS
 * without locks, or else the file as immutable; nobody changes either meanwhile, for a process that
 * can write is what we wait for when we open. */
#include "base/store.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/storefile.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <unistd.h>

#define FORMAT    1 /* of what this file itself keeps: user_version */
#define PAGE_SIZE 4096
#define MEMORY    ":memory:"

/* Between two tries of two processes that stopped each other. */
#define COLLISION_USEC 10000

/* What opening may answer beside 0 and -errno. */
typedef enum OpenAnswer {
        OPEN_E_ABSENT = STOREFILE_E_ABSENT,
        OPEN_E_DAMAGED = STOREFILE_E_DAMAGED,
        OPEN_E_FOREIGN = STOREFILE_E_FOREIGN,
        OPEN_E_NEWER,
} OpenAnswer;

typedef struct Part {
        char *name;
        GPtrArray *migrations; /* SQL */
        bool done;             /* on the database that is open now */
} Part;

typedef struct Listener {
        void (*again)(void *userdata);
        void *userdata;
} Listener;

typedef enum TransactionState {
        NO_TRANSACTION,
        IN_TRANSACTION,
        BROKEN_TRANSACTION
} TransactionState;

struct Store {
        char *path;
        sqlite3 *db;     /* NULL: it could not be opened again */
        GStatBuf opened; /* which file that is */
        bool read_only;
        int64_t tried_usec; /* monotonic: when it was last opened */
        TransactionState transaction;
        int transaction_errno; /* BROKEN_TRANSACTION: why */
        GPtrArray *parts;
        GArray *listeners;
        bool beginning_afresh; /* listeners are at it */
        int trouble_errno;     /* 0: the last change did not fail */
        int changed_before;    /* rows changed by this connection when one failed */
        char *trouble;
};

static const char own_tables[] =
    "CREATE TABLE store_migration (part TEXT NOT NULL, number INTEGER NOT NULL,"
    " at_sec INTEGER NOT NULL, PRIMARY KEY (part, number)) WITHOUT ROWID;"
    "PRAGMA application_id = " G_STRINGIFY(
        STOREFILE_APPLICATION_ID) ";"
                                  "PRAGMA user_version = " G_STRINGIFY(FORMAT) ";";

/* locking_mode is first: it must be set before the file is touched. */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA mmap_size = 0;";

static const char writing_settings[] = "PRAGMA journal_mode = WAL;"
                                       "PRAGMA synchronous = NORMAL;";

/* Result codes */

static int system_errno_of(sqlite3 *db)
{
        switch (sqlite3_system_errno(db)) {
        case ENOSPC:
        case EDQUOT: return -ENOSPC;
        case EROFS: return -EROFS;
        case EACCES: return -EACCES;
        default: return -EIO;
        }
}

static int errno_of(sqlite3 *db, int code)
{
        if (code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS)
                return -EUCLEAN;
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE: return 0;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return -EUCLEAN;
        case SQLITE_FULL: return -ENOSPC;
        case SQLITE_READONLY: return -EROFS;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return -EBUSY;
        case SQLITE_NOMEM: return -ENOMEM;
        case SQLITE_TOOBIG: return -E2BIG;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN: return system_errno_of(db);
        default: return -EINVAL; /* SQL of our own that is wrong, or a constraint */
        }
}

/* Statements */

static int bind_one(sqlite3_stmt *statement, int index, const StoreValue *value)
{
        const char *bytes = value->bytes.len > 0 ? value->bytes.data : "";

        switch (value->type) {
        case STORE_INTEGER: return sqlite3_bind_int64(statement, index, value->integer);
        case STORE_TEXT:
                return sqlite3_bind_text64(statement, index, bytes, value->bytes.len, SQLITE_STATIC,
                                           SQLITE_UTF8);
        case STORE_BLOB:
                return sqlite3_bind_blob64(statement, index, bytes, value->bytes.len,
                                           SQLITE_STATIC);
        case STORE_NULL: break;
        }
        return sqlite3_bind_null(statement, index);
}

static int bind_all(sqlite3_stmt *statement, const StoreValue *values, size_t n_values)
{
        int code = SQLITE_OK;

        if ((size_t) sqlite3_bind_parameter_count(statement) != n_values)
                return SQLITE_RANGE;
        for (size_t i = 0; i < n_values && code == SQLITE_OK; i++)
                code = bind_one(statement, (int) i + 1, &values[i]);
        return code;
}

/* column_value: the pointer must be asked for before the length. */
static StoreValue column_value(sqlite3_stmt *statement, int column)
{
        const void *bytes;

        switch (sqlite3_column_type(statement, column)) {
        case SQLITE_INTEGER: return store_integer(sqlite3_column_int64(statement, column));
        case SQLITE_TEXT:
                bytes = sqlite3_column_text(statement, column);
                return store_text(span_of(bytes, (size_t) sqlite3_column_bytes(statement, column)));
        case SQLITE_BLOB:
                bytes = sqlite3_column_blob(statement, column);
                return store_blob(
                    span_of(bytes ? bytes : "", (size_t) sqlite3_column_bytes(statement, column)));
        default: return (StoreValue){ .type = STORE_NULL };
        }
}

static void tell_row(sqlite3_stmt *statement, StoreRow row, void *userdata)
{
        int n_columns = sqlite3_column_count(statement);
        g_autofree StoreValue *values = g_new(StoreValue, (size_t) n_columns);

        for (int i = 0; i < n_columns; i++)
                values[i] = column_value(statement, i);
        row(values, (size_t) n_columns, userdata);
}

static int step_all(sqlite3_stmt *statement, StoreRow row, void *userdata)
{
        int code;

        while ((code = sqlite3_step(statement)) == SQLITE_ROW)
                if (row)
                        tell_row(statement, row, userdata);
        return code;
}

static int run(sqlite3 *db, const char *sql, const StoreValue *values, size_t n_values,
               StoreRow row, void *userdata)
{
        sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

        if (code == SQLITE_OK)
                code = bind_all(statement, values, n_values);
        if (code == SQLITE_OK)
                code = step_all(statement, row, userdata);
        code = errno_of(db, code);
        sqlite3_finalize(statement);
        return code;
}

static int run_script(sqlite3 *db, const char *sql)
{
        return errno_of(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static void take_integer(const StoreValue *values, size_t n_values, void *userdata)
{
        if (values[0].type == STORE_INTEGER)
                *(int64_t *) userdata = values[0].integer;
}

static void roll_back(sqlite3 *db)
{
        /* Some failures have rolled back by themselves. */
        if (db && !sqlite3_get_autocommit(db))
                run_script(db, "ROLLBACK");
}

/* Opening one connection */

/* close_db: as_it_is: leaves the log where it is, for who looks at it later. */
static void close_db(sqlite3 *db, bool as_it_is)
{
        if (db)
                sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int) as_it_is, NULL);
        sqlite3_close(db);
}

static void note_check(const StoreValue *values, size_t n_values, void *userdata)
{
        *(bool *) userdata =
            values[0].type == STORE_TEXT && span_equal_string(values[0].bytes, "ok");
}

/* inspect: the whole of it is looked through: it is small, and what is wrong is found now. */
static int inspect(sqlite3 *db)
{
        int64_t format = 0;
        bool whole = false;
        int r = run(db, "PRAGMA user_version", NULL, 0, take_integer, &format);

        if (r == 0 && format > FORMAT)
                return OPEN_E_NEWER;
        if (r == 0)
                r = run(db, "PRAGMA quick_check(1)", NULL, 0, note_check, &whole);
        if (r == 0 && !whole)
                r = -EUCLEAN;
        return r;
}

static int set_up_writing(sqlite3 *db)
{
        g_autofree char *limit =
            g_strdup_printf("PRAGMA max_page_count = %d", STORE_SIZE_MAX / PAGE_SIZE);
        int r = run_script(db, writing_settings);

        return r == 0 ? run_script(db, limit) : r;
}

static int set_up(sqlite3 *db, bool writing)
{
        int r;

        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, STORE_BUSY_MSEC);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        r = run_script(db, settings);
        if (r == 0)
                r = inspect(db);
        if (r == 0 && writing)
                r = set_up_writing(db);
        return r;
}

/* why_read_only: SQLite opens a file for reading when it may not write, and does not say why. */
static int why_read_only(const char *path)
{
        return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? -errno : -EROFS;
}

static int connect_to(const char *name, int flags, const char *vfs, const char *path, sqlite3 **ret)
{
        bool writing = flags & SQLITE_OPEN_READWRITE;
        sqlite3 *db = NULL;
        int code =
            sqlite3_open_v2(name, &db, flags | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, vfs);
        int r = errno_of(db, code);

        if (r == 0 && writing && sqlite3_db_readonly(db, "main") == 1)
                r = why_read_only(path);
        if (r == 0)
                r = set_up(db, writing);
        if (r != 0) {
                close_db(db, true);
                return r;
        }
        *ret = db;
        return 0;
}

/* connect_for_writing: two processes that begin together can stop each other: each may read, none
 * may write; then both let go and try again. */
static int connect_for_writing(const char *path, sqlite3 **ret)
{
        int64_t end_usec = g_get_monotonic_time() + STORE_BUSY_MSEC * INT64_C(1000);
        int r;

        while ((r = connect_to(path, SQLITE_OPEN_READWRITE, NULL, path, ret)) == -EBUSY &&
               g_get_monotonic_time() < end_usec)
                g_usleep((gulong) g_random_int_range(1, COLLISION_USEC));
        return r;
}

static int connect_for_reading(const char *path, sqlite3 **ret)
{
        g_autofree char *uri = g_filename_to_uri(path, NULL, NULL);
        g_autofree char *immutable = g_strconcat(uri, "?immutable=1", NULL);
        int r = -ENOENT;

        if (storefile_log_size(path) > 0)
                r = connect_to(path, SQLITE_OPEN_READONLY, "unix-none", path, ret);
        if (r < 0)
                r = connect_to(immutable, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL, path, ret);
        return r;
}

/* Trouble */

static void set_trouble(Store *store, int r)
{
        if (r == store->trouble_errno)
                return;
        g_free(store->trouble);
        store->trouble = g_strdup_printf("%s cannot be written: %s", store->path, g_strerror(-r));
        store->trouble_errno = r;
        log_event(LOG_LEVEL_ERROR, "state_unwritable",
                  "The state database cannot be written. What it has is used; what changes now is "
                  "lost with a restart.",
                  LOG_TEXT("path", store->path), LOG_TEXT("why", g_strerror(-r)));
}

/* clear_trouble: a change that had nothing to change, or is not committed yet, proves nothing. */
static void clear_trouble(Store *store)
{
        if (store->trouble_errno == 0 || !sqlite3_get_autocommit(store->db) ||
            sqlite3_total_changes(store->db) == store->changed_before)
                return;
        g_clear_pointer(&store->trouble, g_free);
        store->trouble_errno = 0;
        log_event(LOG_LEVEL_NOTICE, "state_writable", "The state database can be written again.",
                  LOG_TEXT("path", store->path));
}

/* note_change: of a change that succeeded or failed. A question that SQLite did not understand says
 * nothing about the disk. */
static void note_change(Store *store, int r)
{
        if (r == 0)
                clear_trouble(store);
        else if (r != -EINVAL && r != -E2BIG && r != -ENOMEM)
                set_trouble(store, r);
        if (r < 0)
                store->changed_before = store->db ? sqlite3_total_changes(store->db) : 0;
}

/* Damage */

static int set_aside(Store *store, const char *why)
{
        g_autofree char *kept_as = NULL;
        int r = storefile_set_aside(store->path, STORE_SET_ASIDE_MAX, &kept_as);

        log_event(LOG_LEVEL_ERROR, "state_damaged",
                  r < 0 ? "The state database is damaged and cannot be moved aside."
                        : "The state database is damaged and was moved aside, and a new one is "
                          "begun. What it kept, such as keys distrusted at run time, is lost.",
                  LOG_TEXT("path", store->path), LOG_TEXT("kept_as", kept_as),
                  LOG_TEXT("why", r < 0 ? g_strerror(-r) : why));
        return r;
}

/* rescue_log: the database itself is whole as of the last time that the log was moved into it. */
static void rescue_log(Store *store)
{
        g_autofree char *kept_as = NULL;
        int r = storefile_rescue_log(store->path, STORE_SET_ASIDE_MAX, &kept_as);

        log_event(LOG_LEVEL_ERROR, "state_damaged",
                  "The log of the state database is damaged and was emptied. What was changed last "
                  "and not flushed, such as key snapshots, is lost.",
                  LOG_TEXT("path", store->path), LOG_TEXT("kept_as", kept_as),
                  LOG_TEXT("why", r < 0 ? g_strerror(-r) : "it has no valid header"));
}

/* Opening */

/* begin_file: made whole in memory, so that no moment leaves half a database. */
static int begin_file(const char *path)
{
        sqlite3 *db = NULL;
        unsigned char *image = NULL;
        sqlite3_int64 size = 0;
        int r = errno_of(
            db, sqlite3_open_v2(MEMORY, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL));

        if (r == 0)
                r = run_script(db, "PRAGMA page_size = " G_STRINGIFY(PAGE_SIZE) ";");
        if (r == 0)
                r = run_script(db, own_tables);
        if (r == 0)
                image = sqlite3_serialize(db, "main", &size, 0);
        if (r == 0)
                r = image ? storefile_put(path, span_of(image, (size_t) size)) : -ENOMEM;
        sqlite3_free(image);
        sqlite3_close(db);
        /* Another process was faster: then its file is the one to open. */
        return r == -EEXIST ? 0 : r;
}

static int open_writable(Store *store)
{
        int r = connect_for_writing(store->path, &store->db);

        store->read_only = false;
        /* SQLite has taken such a log for an empty one, and nobody else can be at it now. */
        if (r == 0 && storefile_log_is_garbage(store->path))
                rescue_log(store);
        return r;
}

/* open_present: the file is there. What cannot be opened for writing is opened for reading, unless
 * another process has it. */
static int open_present(Store *store)
{
        int r = open_writable(store), for_reading;

        if (r >= 0 || r == -EBUSY || r == -EUCLEAN)
                return r == -EUCLEAN ? OPEN_E_DAMAGED : r;
        for_reading = connect_for_reading(store->path, &store->db);
        if (for_reading == -EUCLEAN)
                return OPEN_E_DAMAGED;
        if (for_reading != 0)
                return r;
        store->read_only = true;
        set_trouble(store, r);
        return 0;
}

static int open_once(Store *store)
{
        int r = storefile_look(store->path);

        if (r == STOREFILE_E_ABSENT)
                r = begin_file(store->path);
        return r == 0 ? open_present(store) : r;
}

/* open_db: store->db is NULL before. ret_afresh (may be NULL): a damaged one was moved aside. */
static int open_db(Store *store)
{
        int r = open_once(store);

        if (r == OPEN_E_DAMAGED) {
                r = set_aside(store, "it is not a whole database");
                if (r == 0)
                        r = open_once(store);
        }
        store->tried_usec = clock_monotonic_usec();
        store->changed_before = 0;
        if (r == 0 && g_lstat(store->path, &store->opened) < 0)
                r = -errno;
        return r == OPEN_E_DAMAGED ? -EUCLEAN : r;
}

static void detach(Store *store, bool as_it_is)
{
        close_db(g_steal_pointer(&store->db), as_it_is);
        for (size_t i = 0; i < store->parts->len; i++)
                ((Part *) g_ptr_array_index(store->parts, i))->done = false;
}

/* Migrations */

static void part_free(void *userdata)
{
        Part *part = userdata;

        g_ptr_array_unref(part->migrations);
        g_free(part->name);
        g_free(part);
}

static Part *part_new(const char *name, const char *const *migrations, size_t n_migrations)
{
        Part *part = g_new0(Part, 1);

        part->name = g_strdup(name);
        part->migrations = g_ptr_array_new_with_free_func(g_free);
        for (size_t i = 0; i < n_migrations; i++)
                g_ptr_array_add(part->migrations, g_strdup(migrations[i]));
        return part;
}

static int run_migration(sqlite3 *db, const Part *part, size_t number)
{
        const StoreValue values[] = {
                store_text(span_from(part->name)),
                store_integer((int64_t) number),
                store_integer(clock_wall_sec()),
        };
        int r = run_script(db, "BEGIN IMMEDIATE");

        if (r == 0)
                r = run_script(db, g_ptr_array_index(part->migrations, number - 1));
        if (r == 0)
                r = run(db, "INSERT INTO store_migration VALUES (?, ?, ?)", values,
                        G_N_ELEMENTS(values), NULL, NULL);
        if (r == 0)
                r = run_script(db, "COMMIT");
        if (r < 0)
                roll_back(db);
        return r;
}

/* migrate_part: 0, OPEN_E_NEWER, -errno. */
static int migrate_part(Store *store, Part *part)
{
        const StoreValue name = store_text(span_from(part->name));
        int64_t seen = 0;
        int r = run(store->db, "SELECT max(number) FROM store_migration WHERE part = ?", &name, 1,
                    take_integer, &seen);

        if (r == 0 && seen > (int64_t) part->migrations->len)
                return OPEN_E_NEWER;
        for (size_t i = (size_t) seen; i < part->migrations->len && r == 0; i++)
                r = store->read_only ? store->trouble_errno : run_migration(store->db, part, i + 1);
        part->done = r == 0;
        return r;
}

static int migrate_all(Store *store)
{
        int r = 0;

        for (size_t i = 0; i < store->parts->len && r == 0; i++) {
                Part *part = g_ptr_array_index(store->parts, i);

                if (!part->done)
                        r = migrate_part(store, part);
        }
        return r == OPEN_E_NEWER ? -EINVAL : r;
}

/* Beginning afresh, and getting back */

static void tell_listeners(Store *store)
{
        for (size_t i = 0; i < store->listeners->len; i++) {
                Listener listener = g_array_index(store->listeners, Listener, i);

                listener.again(listener.userdata);
        }
}

/* reopen: 0: open, with its tables, perhaps for reading only; -errno. */
static int reopen(Store *store, bool as_it_is)
{
        int r;

        detach(store, as_it_is);
        r = open_db(store);
        if (r == 0)
                r = migrate_all(store);
        return r > 0 ? -EINVAL : r;
}

/* begin_afresh: the database turned out damaged, or is no longer where it was. -EUCLEAN: done; else
 * why it could not be. */
static int begin_afresh(Store *store, const char *why)
{
        int r = 0;

        if (store->beginning_afresh)
                return -EUCLEAN;
        store->beginning_afresh = true;
        close_db(g_steal_pointer(&store->db), true);
        r = set_aside(store, why);
        if (r == 0)
                r = reopen(store, true);
        if (r == 0)
                tell_listeners(store);
        else
                set_trouble(store, r);
        store->beginning_afresh = false;
        return r == 0 ? -EUCLEAN : r;
}

/* settle: what every question to SQLite ends with. */
static int settle(Store *store, int r)
{
        TransactionState before = store->transaction;

        if (r == -EUCLEAN) {
                /* Went with the old file; listeners may make their own. */
                store->transaction = NO_TRANSACTION;
                r = begin_afresh(store, "SQLite found it damaged");
                store->transaction = before;
        }
        if (r < 0 && store->transaction == IN_TRANSACTION) {
                store->transaction = BROKEN_TRANSACTION;
                store->transaction_errno = r;
        }
        return r;
}

static int get_back(Store *store)
{
        int r;

        if (clock_monotonic_usec() - store->tried_usec < STORE_REOPEN_USEC)
                return store->trouble_errno ? store->trouble_errno : -EIO;
        r = reopen(store, false);
        if (r < 0)
                set_trouble(store, r);
        return r == 0 && store->read_only ? store->trouble_errno : r;
}

static int ready_to_change(Store *store)
{
        if (store->transaction == BROKEN_TRANSACTION)
                return store->transaction_errno;
        if (!store->db || store->read_only)
                return get_back(store);
        return settle(store, migrate_all(store));
}

/* Life */

static const struct {
        int answer;
        const char *sentence;
} refusals[] = {
        { OPEN_E_FOREIGN, "is another program's database; set state_dir to a folder of our own" },
        { OPEN_E_NEWER, "was written by a newer authd; install that again, or move the file away" },
        { -EBUSY, "is held by another process (an authd that is still running?)" },
        { -EUCLEAN, "is damaged and cannot be moved aside" },
};

static void set_refusal(GError **error, const char *path, const char *what, int r)
{
        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (r == refusals[i].answer) {
                        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s", path,
                                    refusals[i].sentence);
                        return;
                }
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(-r), "%s: cannot %s: %s", path,
                    what, g_strerror(-r));
}

static Store *store_new(const char *folder)
{
        Store *store = g_new0(Store, 1);

        store->path = g_build_filename(folder, STORE_FILE, NULL);
        store->parts = g_ptr_array_new_with_free_func(part_free);
        store->listeners = g_array_new(FALSE, FALSE, sizeof(Listener));
        return store;
}

Store *store_open(const char *folder, GError **error)
{
        g_autofree char *resolved = storefile_folder(folder, error);
        g_autoptr(Store) store = NULL;
        int r;

        if (!resolved)
                return NULL;
        store = store_new(resolved);
        if (!storefile_permitted(store->path, error))
                return NULL;
        r = open_db(store);
        if (r != 0) {
                set_refusal(error, store->path, "be opened or begun", r);
                return NULL;
        }
        return g_steal_pointer(&store);
}

void store_close(Store *store)
{
        if (!store)
                return;
        roll_back(store->db);
        close_db(store->db, store->read_only);
        g_ptr_array_unref(store->parts);
        g_array_unref(store->listeners);
        g_free(store->trouble);
        g_free(store->path);
        g_free(store);
}

bool store_migrate(Store *store, const char *part_name, const char *const *migrations,
                   size_t n_migrations, GError **error)
{
        Part *part = part_new(part_name, migrations, n_migrations);
        int r;

        g_ptr_array_add(store->parts, part);
        r = store->db ? migrate_part(store, part) : -EIO;
        if (r < 0)
                r = settle(store, r);
        if (part->done)
                return true;
        g_ptr_array_remove(store->parts, part);
        set_refusal(error, store->path, "be given the tables that it lacks", r);
        return false;
}

/* Changing and reading */

int store_change(Store *store, const char *sql, const StoreValue *values, size_t n_values)
{
        int r = ready_to_change(store);

        if (r == 0)
                r = settle(store, run(store->db, sql, values, n_values, NULL, NULL));
        if (r != -EUCLEAN)
                note_change(store, r);
        return r;
}

int store_read(Store *store, const char *sql, const StoreValue *values, size_t n_values,
               StoreRow row, void *userdata)
{
        if (!store->db)
                return store->trouble_errno ? store->trouble_errno : -EIO;
        return settle(store, run(store->db, sql, values, n_values, row, userdata));
}

int store_begin(Store *store)
{
        int r;

        g_return_val_if_fail(store->transaction == NO_TRANSACTION, -EINVAL);
        r = store_change(store, "BEGIN IMMEDIATE", NULL, 0);
        if (r == 0)
                store->transaction = IN_TRANSACTION;
        return r;
}

int store_commit(Store *store)
{
        int r = store_change(store, "COMMIT", NULL, 0);

        if (r < 0)
                roll_back(store->db);
        store->transaction = NO_TRANSACTION;
        return r;
}

void store_rollback(Store *store)
{
        roll_back(store->db);
        store->transaction = NO_TRANSACTION;
}

/* is_in_place: the file that we write is still the one at that path. */
static bool is_in_place(const Store *store)
{
        GStatBuf found;

        return g_lstat(store->path, &found) == 0 && found.st_dev == store->opened.st_dev &&
               found.st_ino == store->opened.st_ino;
}

static int sync_log(Store *store)
{
        int code;

        if (!is_in_place(store))
                return begin_afresh(store, "the file was removed or replaced");
        code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        return settle(store, errno_of(store->db, code));
}

int store_sync(Store *store)
{
        int r = ready_to_change(store);

        if (r == 0)
                r = sync_log(store);
        if (r != -EUCLEAN)
                note_change(store, r);
        return r;
}

void store_on_afresh(Store *store, void (*again)(void *userdata), void *userdata)
{
        const Listener listener = { again, userdata };

        g_array_append_val(store->listeners, listener);
}

void store_off_afresh(Store *store, const void *userdata)
{
        for (size_t i = store->listeners->len; i-- > 0;)
                if (g_array_index(store->listeners, Listener, i).userdata == userdata)
                        g_array_remove_index(store->listeners, (guint) i);
}

const char *store_path(const Store *store)
{
        return store->path;
}

const char *store_trouble(const Store *store)
{
        return store->trouble;
}

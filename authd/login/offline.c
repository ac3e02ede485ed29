/* offline: see offline.h. A job goes to a thread and comes back by a letter; the main thread owns
 * it all the while and alone touches the store. */
#include "login/offline.h"

#include "base/log.h"
#include "base/mail.h"

#include <crypt.h>

#define PART "login_offline"
/* yescrypt with libcrypt's own cost: 16 MiB, tens of milliseconds. */
#define METHOD       "$y$"
#define METHOD_COST  0
#define VERIFIER_MAX CRYPT_OUTPUT_SIZE

G_STATIC_ASSERT(OFFLINE_PASSWORD_MAX == CRYPT_MAX_PASSPHRASE_SIZE);

static const char *const migrations[] = {
        "CREATE TABLE login_offline (subject TEXT PRIMARY KEY, verifier TEXT NOT NULL,"
        " login_sec INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE INDEX login_offline_by_age ON login_offline (login_sec)",
};

typedef struct Job {
        GList link; /* of the offline's jobs; its data is the job */
        Offline *offline;
        char *subject;
        Secret *password;            /* NULL once used */
        char verifier[VERIFIER_MAX]; /* a check: what it must be; else what was made of it */
        bool worked;                 /* libcrypt took it */
        bool good;                   /* a check: it is the one */
        int64_t login_sec;           /* of one to be remembered */
        bool forgotten;              /* not to be remembered, or nobody's any more */
        OfflineDone done;            /* NULL: it is to be remembered */
        void *userdata;
        OfflineResult result; /* of a check that needs no thread */
} Job;

struct Offline {
        Store *store; /* borrowed; may be NULL */
        Mailbox *mailbox;
        GThreadPool *pool;
        GQueue jobs;
};

/* ---- on a thread ---- */

/* scramble: of password by setting (a salt or a whole verifier). False: libcrypt refused. */
static bool scramble(const Secret *password, const char *setting, char ret[VERIFIER_MAX])
{
        struct crypt_data *work = g_new0(struct crypt_data, 1);
        const char *made = crypt_r(secret_bytes(password).data, setting, work);
        /* "*0" and "*1" are its words for a failure. */
        bool good = made && made[0] == '$' && g_strlcpy(ret, made, VERIFIER_MAX) < VERIFIER_MAX;

        secret_erase(work, sizeof(*work));
        g_free(work);
        return good;
}

static void make_verifier(Job *job)
{
        char salt[CRYPT_GENSALT_OUTPUT_SIZE];

        job->worked = crypt_gensalt_rn(METHOD, METHOD_COST, NULL, 0, salt, sizeof(salt)) &&
                      scramble(job->password, salt, job->verifier);
}

static void check_verifier(Job *job)
{
        char made[VERIFIER_MAX];

        job->worked = scramble(job->password, job->verifier, made);
        job->good = job->worked && secret_equal(span_from(made), span_from(job->verifier));
        secret_erase(made, sizeof(made));
}

static void come_back(void *letter);

static void work(void *data, void *unused)
{
        Job *job = data;

        if (job->done)
                check_verifier(job);
        else
                make_verifier(job);
        g_clear_pointer(&job->password, secret_free);
        mailbox_post(job->offline->mailbox, come_back, job, NULL);
}

/* ---- jobs, on the main thread ---- */

static Job *job_new(Offline *offline, const char *subject, OfflineDone done, void *userdata)
{
        Job *job = g_new0(Job, 1);

        job->offline = offline;
        job->subject = g_strdup(subject);
        job->done = done;
        job->userdata = userdata;
        job->link.data = job;
        g_queue_push_tail_link(&offline->jobs, &job->link);
        return job;
}

static void job_free(Job *job)
{
        g_queue_unlink(&job->offline->jobs, &job->link);
        secret_free(job->password);
        secret_erase(job->verifier, sizeof(job->verifier));
        g_free(job->subject);
        g_free(job);
}

static void job_send(Job *job, Span password)
{
        job->password = secret_new(password);
        g_thread_pool_push(job->offline->pool, job, NULL);
}

/* What libcrypt takes for another one, cut at a NUL or at its bound, is none. */
static bool is_password(Span password)
{
        return password.len > 0 && password.len < OFFLINE_PASSWORD_MAX &&
               !memchr(password.data, '\0', password.len);
}

/* ---- the store ---- */

static void say_trouble(const char *what, int r)
{
        log_event(LOG_LEVEL_WARNING, "offline_failed",
                  "What offline logins are checked by could not be kept or read.",
                  LOG_TEXT("what", what), LOG_TEXT("why", g_strerror(-r)));
}

static void change(Offline *offline, const char *what, const char *sql, const StoreValue *values,
                   size_t n_values)
{
        int r = offline->store ? store_change(offline->store, sql, values, n_values) : 0;

        if (r < 0)
                say_trouble(what, r);
}

static void keep(const Job *job)
{
        const StoreValue values[] = { store_text(span_from(job->subject)),
                                      store_text(span_from(job->verifier)),
                                      store_integer(job->login_sec) };
        const StoreValue bound[] = { store_integer(OFFLINE_VERIFIERS_MAX) };

        change(job->offline, "keep", "INSERT OR REPLACE INTO login_offline VALUES (?, ?, ?)",
               values, G_N_ELEMENTS(values));
        change(job->offline, "keep",
               "DELETE FROM login_offline WHERE subject IN (SELECT subject FROM login_offline"
               " ORDER BY login_sec DESC LIMIT -1 OFFSET ?)",
               bound, G_N_ELEMENTS(bound));
}

/* Found: the row of a subject. */
typedef struct Found {
        char *verifier; /* VERIFIER_MAX of the job */
        int64_t login_sec;
        bool is_there;
} Found;

static void take_row(const StoreValue *values, size_t n_values, void *userdata)
{
        Found *found = userdata;

        if (values[0].type != STORE_TEXT || values[0].bytes.len >= VERIFIER_MAX)
                return;
        memcpy(found->verifier, values[0].bytes.data, values[0].bytes.len);
        found->verifier[values[0].bytes.len] = '\0';
        found->login_sec = values[1].integer;
        found->is_there = true;
}

static OfflineResult find_verifier(Job *job, int64_t max_age_sec, int64_t now_sec)
{
        const StoreValue values[] = { store_text(span_from(job->subject)) };
        Found found = { .verifier = job->verifier };
        int r = job->offline->store
                    ? store_read(job->offline->store,
                                 "SELECT verifier, login_sec FROM login_offline WHERE subject = ?",
                                 values, G_N_ELEMENTS(values), take_row, &found)
                    : -ENODEV;

        if (r < 0 && job->offline->store)
                say_trouble("read", r);
        if (r < 0)
                return OFFLINE_UNAVAILABLE;
        if (!found.is_there || now_sec - found.login_sec > max_age_sec ||
            found.login_sec - now_sec > OFFLINE_CLOCK_BACK_SEC)
                return OFFLINE_NONE;
        return OFFLINE_GOOD;
}

/* ---- what comes back ---- */

static OfflineResult result_of(const Job *job)
{
        if (job->forgotten)
                return OFFLINE_NONE;
        if (!job->worked)
                return OFFLINE_UNAVAILABLE;
        return job->good ? OFFLINE_GOOD : OFFLINE_WRONG;
}

/* The job is gone before who waits is told: that may ask anew, or free the offline. */
static void tell(Job *job, OfflineResult result)
{
        OfflineDone done = job->done;
        void *userdata = job->userdata;

        job_free(job);
        done(result, userdata);
}

static void come_back(void *letter)
{
        Job *job = letter;

        if (job->done) {
                tell(job, result_of(job));
                return;
        }
        if (job->worked && !job->forgotten)
                keep(job);
        if (!job->worked)
                log_event(LOG_LEVEL_WARNING, "offline_failed",
                          "libcrypt makes no verifier for offline logins.",
                          LOG_TEXT("what", "make"), LOG_TEXT("why", "yescrypt was refused"));
        job_free(job);
}

static void come_back_at_once(void *letter)
{
        Job *job = letter;

        tell(job, job->result);
}

/* ---- the life ---- */

Offline *offline_new(GMainContext *context, Store *store, GError **error)
{
        Offline *offline;

        if (store && !store_migrate(store, PART, migrations, G_N_ELEMENTS(migrations), error))
                return NULL;
        offline = g_new0(Offline, 1);
        offline->store = store;
        offline->mailbox = mailbox_new(context);
        offline->pool = g_thread_pool_new(work, NULL, OFFLINE_THREADS_MAX, FALSE, NULL);
        g_queue_init(&offline->jobs);
        return offline;
}

/* Threads are waited for: each ends within a verifier's time. Then no letter is under way. */
void offline_free(Offline *offline)
{
        if (!offline)
                return;
        g_thread_pool_free(offline->pool, TRUE, TRUE);
        mailbox_close(offline->mailbox);
        while (!g_queue_is_empty(&offline->jobs)) {
                Job *job = g_queue_peek_head(&offline->jobs);

                if (job->done)
                        tell(job, OFFLINE_UNAVAILABLE);
                else
                        job_free(job);
        }
        mailbox_unref(offline->mailbox);
        g_free(offline);
}

/* ---- what is asked of it ---- */

static void forget_jobs(Offline *offline, const char *subject, bool checks_too)
{
        for (GList *link = offline->jobs.head; link; link = link->next) {
                Job *job = link->data;

                if ((checks_too || !job->done) && strcmp(job->subject, subject) == 0)
                        job->forgotten = true;
        }
}

void offline_remember(Offline *offline, const char *subject, Span password, int64_t now_sec)
{
        Job *job;

        if (!is_password(password) || offline->jobs.length >= OFFLINE_WAITING_MAX) {
                offline_forget(offline, subject);
                return;
        }
        if (!offline->store)
                return;
        forget_jobs(offline, subject, false);
        job = job_new(offline, subject, NULL, NULL);
        job->login_sec = now_sec;
        job_send(job, password);
}

void offline_check(Offline *offline, const char *subject, Span password, int64_t max_age_sec,
                   int64_t now_sec, OfflineDone done, void *userdata)
{
        bool full = offline->jobs.length >= OFFLINE_WAITING_MAX;
        Job *job = job_new(offline, subject, done, userdata);

        job->result = full ? OFFLINE_UNAVAILABLE : find_verifier(job, max_age_sec, now_sec);
        if (job->result == OFFLINE_GOOD && !is_password(password))
                job->result = OFFLINE_WRONG;
        if (job->result == OFFLINE_GOOD)
                job_send(job, password);
        else
                mailbox_post(offline->mailbox, come_back_at_once, job, NULL);
}

void offline_forget(Offline *offline, const char *subject)
{
        const StoreValue values[] = { store_text(span_from(subject)) };

        forget_jobs(offline, subject, true);
        change(offline, "forget", "DELETE FROM login_offline WHERE subject = ?", values,
               G_N_ELEMENTS(values));
}

void offline_tidy(Offline *offline, int64_t max_age_sec, int64_t now_sec)
{
        const StoreValue values[] = { store_integer(max_age_sec > 0 ? now_sec - max_age_sec
                                                                    : INT64_MAX) };

        change(offline, "tidy", "DELETE FROM login_offline WHERE login_sec < ?", values,
               G_N_ELEMENTS(values));
}

size_t offline_n_waiting(const Offline *offline)
{
        return offline->jobs.length;
}

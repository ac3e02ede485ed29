/* sync: see sync.h. When a look is due, and which: everybody (sweep), or whom events name
 * (changes). */
#include "users/sync.h"

#include "base/clock.h"
#include "base/log.h"
#include "users/changes.h"
#include "users/representation.h"
#include "users/survey.h"

/* A look begins a little earlier or later than it would, so that a fleet does not ask together. */
#define SPREAD_FROM   0.9
#define SPREAD_TO     1.1
#define BACK_OFF_FROM 0.5
#define DOUBLINGS_MAX 8

#define MSEC_PER_SEC  1000

typedef enum SyncState {
        STATE_OFF,
        STATE_IDLE,
        STATE_SWEEPING,
        STATE_CHANGES,
        STATE_FAILING,
        STATE_NOT_PERMITTED,
} SyncState;

typedef struct Waiter {
        SyncDone done;
        void *userdata;
        bool force;
} Waiter;

/* Events: how far the realm's admin events have been read. */
typedef struct Events {
        bool kept;
        int64_t last_msec;  /* of the newest one */
        GHashTable *newest; /* texts of those that are as new as that: they come once more */
        int64_t next_msec;  /* both as of this look, for the next one */
        GHashTable *next_newest;
        GHashTable *found; /* subjects of this look */
        bool many;         /* more has changed than single people */
} Events;

struct Sync {
        Admin *admin;
        Directory *directory;
        SyncHooks hooks;
        UsersSettings *settings; /* NULL: not configured yet */
        const Naming *naming;
        AdminCall *call; /* about events */
        Survey *survey;
        Changes *changes;
        GArray *waiters;
        Events events;
        bool wants_sweep;                               /* of the next look */
        bool is_sweep, is_forced;                       /* the look under way */
        int64_t begun_usec, next_usec, last_sweep_usec; /* monotonic; last_sweep 0: none yet */
        int64_t last_sweep_sec, last_look_sec;          /* wall clock; 0: none yet */
        double seconds;
        SurveyCounts counts; /* of the last sweep that ended well */
        unsigned n_failures;
        LookResult last_result;
        char *last_error;   /* of the last look; NULL: it went well, or there was none */
        char *missing_role; /* that was warned of */
};

static bool is_busy(const Sync *sync)
{
        return sync->call || sync->survey || sync->changes;
}

static bool is_off(const Sync *sync)
{
        return !sync->settings || !sync->settings->issuer || sync->settings->sync_sec == 0;
}

/* The end of a look */

/* tell_waiters: who wants to be forced goes on waiting for a sweep that is, unless all are told. */
static void tell_waiters(Sync *sync, bool all, const char *trouble)
{
        g_autoptr(GArray) waiters = sync->waiters;

        sync->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
        for (guint i = 0; i < waiters->len; i++) {
                const Waiter *waiter = &g_array_index(waiters, Waiter, i);

                if (waiter->force && !all)
                        g_array_append_val(sync->waiters, *waiter);
                else if (waiter->done)
                        waiter->done(trouble, waiter->userdata);
        }
}

static int64_t back_off_usec(unsigned n_failures)
{
        int64_t usec = SYNC_RETRY_MIN_USEC << MIN(n_failures - 1, DOUBLINGS_MAX);

        return (int64_t) ((double) MIN(usec, SYNC_RETRY_MAX_USEC) *
                          g_random_double_range(BACK_OFF_FROM, 1));
}

static int64_t pause_usec(const Sync *sync)
{
        if (sync->last_result == LOOK_NOT_PERMITTED || sync->last_result == LOOK_REFUSED)
                return SYNC_RETRY_MAX_USEC; /* somebody must do something first */
        if (sync->n_failures > 0)
                return back_off_usec(sync->n_failures);
        return (int64_t) ((double) (sync->settings->sync_sec * G_USEC_PER_SEC) *
                          g_random_double_range(SPREAD_FROM, SPREAD_TO));
}

/* log_failure: aloud once, until it is another one. */
static void log_failure(const Sync *sync, const LookAnswer *answer)
{
        if (g_strcmp0(sync->last_error, answer->trouble) == 0)
                return;
        if (answer->result == LOOK_NOT_PERMITTED)
                log_event(LOG_LEVEL_ERROR, "people_not_permitted",
                          "authd may not read the realm's people; what it knew of them stays.",
                          LOG_TEXT("issuer", sync->settings->issuer),
                          LOG_TEXT("trouble", answer->trouble));
        else
                log_event(LOG_LEVEL_WARNING, "people_unavailable",
                          "The realm's people cannot be read; what authd knew of them stays.",
                          LOG_TEXT("issuer", sync->settings->issuer),
                          LOG_TEXT("result", look_result_text(answer->result)),
                          LOG_TEXT("trouble", answer->trouble));
}

static void log_success(const Sync *sync)
{
        bool is_news = sync->last_error || sync->last_sweep_sec == 0;

        if (sync->is_sweep || is_news)
                log_event(is_news ? LOG_LEVEL_NOTICE : LOG_LEVEL_DEBUG, "people_synced",
                          "The realm's people have been read.",
                          LOG_TEXT("issuer", sync->settings->issuer),
                          LOG_NUMBER("people", (int64_t) directory_n_people(sync->directory)),
                          LOG_NUMBER("msec", (int64_t) (sync->seconds * MSEC_PER_SEC)));
}

static void warn_of_role(Sync *sync)
{
        const char *role = sync->counts.missing_role;

        if (role && g_strcmp0(role, sync->missing_role) != 0)
                log_event(LOG_LEVEL_WARNING, "role_unknown",
                          "[users] names a role that the realm does not have.",
                          LOG_TEXT("issuer", sync->settings->issuer), LOG_TEXT("role", role));
        g_free(sync->missing_role);
        sync->missing_role = g_strdup(role);
        sync->counts.missing_role = NULL;
}

static void keep_sweep(Sync *sync)
{
        int64_t now_usec = clock_monotonic_usec();

        sync->counts = *survey_counts(sync->survey);
        sync->seconds = (double) (now_usec - sync->begun_usec) / G_USEC_PER_SEC;
        warn_of_role(sync);
        log_success(sync);
        sync->last_sweep_usec = now_usec;
        sync->last_sweep_sec = clock_wall_sec();
        sync->wants_sweep = false;
}

static void keep_answer(Sync *sync, const LookAnswer *answer)
{
        bool is_ok = answer->result == LOOK_OK;

        sync->last_result = answer->result;
        sync->n_failures = is_ok ? 0 : sync->n_failures + 1;
        g_free(sync->last_error);
        sync->last_error = is_ok ? NULL : g_strdup(answer->trouble);
        if (is_ok) {
                sync->last_look_sec = clock_wall_sec();
                directory_looked(sync->directory, sync->last_look_sec);
        } else {
                sync->wants_sweep = true; /* what a look in vain took from the events is lost */
        }
        sync->next_usec = clock_monotonic_usec() + pause_usec(sync);
}

/* look_ended: whoever waits for a sweep, or for a forced one, goes on waiting when it was none. A
 * realm that could not be asked is told all: force does not help there. */
static void look_ended(const LookAnswer *answer, void *userdata)
{
        Sync *sync = userdata;
        bool is_ok = answer->result == LOOK_OK, is_refused = answer->result == LOOK_REFUSED;
        bool waits_on = !sync->is_sweep && is_ok;
        g_autofree char *trouble = g_strdup(answer->trouble);

        if (sync->hooks.looks)
                metric_add(sync->hooks.looks, (const char *[]){ look_result_text(answer->result) },
                           1);
        if (!is_ok)
                log_failure(sync, answer);
        else if (sync->is_sweep)
                keep_sweep(sync);
        keep_answer(sync, answer);
        g_clear_pointer(&sync->survey, survey_free);
        g_clear_pointer(&sync->changes, changes_free);
        sync->hooks.changed(sync->hooks.userdata);
        if (!waits_on)
                tell_waiters(sync, sync->is_forced || (!is_ok && !is_refused),
                             is_ok ? NULL : trouble);
        if (sync->waiters->len == 0)
                return;
        sync->wants_sweep = true;
        sync->next_usec = 0;
}

static void fail_by(Sync *sync, const AdminAnswer *answer)
{
        LookAnswer told = look_answer(answer);

        look_ended(&told, sync);
}

/* A sweep */

/* is_forced: somebody who waits wants it to be. */
static bool is_forced(const Sync *sync)
{
        for (guint i = 0; i < sync->waiters->len; i++)
                if (g_array_index(sync->waiters, Waiter, i).force)
                        return true;
        return false;
}

static void begin_sweep(Sync *sync)
{
        sync->is_sweep = true;
        sync->is_forced = is_forced(sync);
        sync->survey = survey_start(sync->admin, sync->directory, sync->naming, sync->is_forced,
                                    look_ended, sync);
}

static int64_t event_msec(const json_t *event)
{
        return json_integer_value(json_object_get(event, "time"));
}

static char *event_text(const json_t *event)
{
        const char *kind = representation_text(event, "operationType");
        const char *path = representation_text(event, "resourcePath");

        return g_strconcat(kind ? kind : "", " ", path ? path : "", NULL);
}

static int64_t skewed_now_msec(void)
{
        return clock_wall_sec() * MSEC_PER_SEC - SYNC_CLOCK_SKEW_MSEC;
}

/* baseline_told: the newest event before the sweep: by the provider's clock, whatever ours says.
 * The rest of the list is what the sweep sees anyway. */
static void baseline_told(const AdminAnswer *answer, void *userdata)
{
        Sync *sync = userdata;
        AdminCall *call = answer->more ? sync->call : NULL;
        int64_t newest_msec = event_msec(json_array_get(answer->items, 0));

        sync->call = NULL;
        sync->events.kept = answer->result == ADMIN_OK;
        g_hash_table_remove_all(sync->events.newest);
        sync->events.last_msec = newest_msec > 0 ? newest_msec : skewed_now_msec();
        admin_cancel(call);
        begin_sweep(sync);
}

/* begin_from_events: notes where the events stand before everybody is looked at. */
static void begin_from_events(Sync *sync)
{
        sync->call = admin_events(sync->admin, skewed_now_msec(), baseline_told, sync);
}

/* Single people */

/* is_news: as new as the newest one that was seen comes again, and is known by its text. */
static bool is_news(Sync *sync, const json_t *event)
{
        g_autofree char *text = event_text(event);
        int64_t msec = event_msec(event);

        return msec > sync->events.last_msec || (msec == sync->events.last_msec &&
                                                 !g_hash_table_contains(sync->events.newest, text));
}

static void note_change(Sync *sync, const json_t *event)
{
        const char *path = representation_text(event, "resourcePath");
        char *subject = NULL;
        ChangeKind kind = path ? change_of_path(path, &subject) : CHANGE_MANY;

        if (kind == CHANGE_PERSON)
                g_hash_table_add(sync->events.found, subject);
        sync->events.many |=
            kind == CHANGE_MANY || (kind == CHANGE_PERSON && naming_has_within(sync->naming));
}

static void begin_changes(Sync *sync)
{
        GHashTable *found = sync->events.found;
        GPtrArray *subjects = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iter;
        gpointer subject;

        g_hash_table_iter_init(&iter, found);
        while (g_hash_table_iter_next(&iter, &subject, NULL))
                g_ptr_array_add(subjects, g_strdup(subject));
        g_hash_table_remove_all(found);
        sync->changes =
            changes_start(sync->admin, sync->directory, sync->naming, subjects, look_ended, sync);
}

static void begin_what_events_say(Sync *sync)
{
        guint n_found = g_hash_table_size(sync->events.found);

        if (sync->events.many || n_found > SYNC_CHANGES_MAX)
                begin_sweep(sync);
        else if (n_found > 0)
                begin_changes(sync);
        else
                look_ended(&(LookAnswer){ .result = LOOK_OK }, sync);
}

/* pass_event: the newest becomes the mark that the next look reads from. */
static void pass_event(Events *events, const json_t *event)
{
        int64_t msec = event_msec(event);

        if (msec > events->next_msec) {
                events->next_msec = msec;
                g_hash_table_remove_all(events->next_newest);
        }
        if (msec == events->next_msec)
                g_hash_table_add(events->next_newest, event_text(event));
}

static void move_mark(Events *events)
{
        GHashTable *newest = events->newest;

        events->last_msec = events->next_msec;
        events->newest = events->next_newest;
        events->next_newest = newest;
}

static void events_told(const AdminAnswer *answer, void *userdata)
{
        Sync *sync = userdata;
        size_t i;
        json_t *event;

        if (!answer->more)
                sync->call = NULL;
        if (answer->result != ADMIN_OK) {
                fail_by(sync, answer);
                return;
        }
        json_array_foreach (answer->items, i, event) {
                if (is_news(sync, event))
                        note_change(sync, event);
                pass_event(&sync->events, event);
        }
        if (answer->more)
                return;
        move_mark(&sync->events);
        begin_what_events_say(sync);
}

static void ask_events(Sync *sync)
{
        Events *events = &sync->events;

        events->many = false;
        events->next_msec = events->last_msec;
        g_hash_table_remove_all(events->next_newest);
        g_hash_table_remove_all(events->found);
        sync->call = admin_events(sync->admin, events->last_msec, events_told, sync);
}

/* Which look */

static bool is_sweep_due(const Sync *sync)
{
        int64_t full_usec = sync->settings->sync_full_sec * G_USEC_PER_SEC;

        return sync->wants_sweep || sync->last_sweep_usec == 0 ||
               clock_monotonic_usec() - sync->last_sweep_usec >= full_usec;
}

/* kept_told: each look asks anew, for a realm that no longer keeps events tells of no change, too.
 * Where they may not be read there are none. */
static void kept_told(const AdminAnswer *answer, void *userdata)
{
        Sync *sync = userdata;
        bool was_kept = sync->events.kept;

        sync->call = NULL;
        if (answer->result == ADMIN_UNAVAILABLE) {
                fail_by(sync, answer);
                return;
        }
        sync->events.kept =
            answer->result == ADMIN_OK && json_is_true(json_object_get(answer->items, "kept"));
        if (!sync->events.kept)
                begin_sweep(sync);
        else if (!was_kept || is_sweep_due(sync))
                begin_from_events(sync);
        else
                ask_events(sync);
}

static void begin_look(Sync *sync)
{
        sync->begun_usec = clock_monotonic_usec();
        sync->is_sweep = sync->is_forced = false;
        sync->call = admin_events_kept(sync->admin, kept_told, sync);
}

void sync_tick(Sync *sync)
{
        bool is_wanted = !is_off(sync) || sync->waiters->len > 0;

        if (is_wanted && !is_busy(sync) && clock_monotonic_usec() >= sync->next_usec)
                begin_look(sync);
}

void sync_ready(Sync *sync)
{
        if (sync->n_failures > 0 && sync->last_result == LOOK_UNAVAILABLE)
                sync->next_usec = 0;
}

void sync_now(Sync *sync, bool force, SyncDone done, void *userdata)
{
        const Waiter waiter = { done, userdata, force };

        if (!sync->settings || !sync->settings->issuer || sync->waiters->len >= SYNC_WAITING_MAX) {
                if (done)
                        done("as many wait for it as may, or there is no [users]", userdata);
                return;
        }
        g_array_append_val(sync->waiters, waiter);
        /* One under way that was not told to be forced serves only who does not force. */
        if (sync->survey)
                return;
        sync->wants_sweep = true;
        sync->next_usec = 0;
        sync_tick(sync);
}

/* Life */

static void stop_looking(Sync *sync)
{
        admin_cancel(g_steal_pointer(&sync->call));
        g_clear_pointer(&sync->survey, survey_free);
        g_clear_pointer(&sync->changes, changes_free);
}

Sync *sync_new(Admin *admin, Directory *directory, const SyncHooks *hooks)
{
        Sync *sync = g_new0(Sync, 1);

        sync->admin = admin;
        sync->directory = directory;
        sync->hooks = *hooks;
        sync->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
        sync->events.newest = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        sync->events.next_newest = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        sync->events.found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return sync;
}

void sync_configure(Sync *sync, const UsersSettings *settings, const Naming *naming)
{
        bool same = sync->settings && users_settings_equal(sync->settings, settings);

        sync->naming = naming;
        if (same && !is_busy(sync))
                return;
        stop_looking(sync);
        users_settings_free(sync->settings);
        sync->settings = users_settings_copy(settings);
        sync->wants_sweep = true;
        sync->next_usec = 0;
        sync->n_failures = 0;
        g_clear_pointer(&sync->last_error, g_free);
        if (!settings->issuer)
                tell_waiters(sync, true, "there is no [users] any more");
}

static SyncState find_state(const Sync *sync)
{
        if (sync->survey || (sync->call && sync->is_sweep))
                return STATE_SWEEPING;
        if (sync->changes || sync->call)
                return STATE_CHANGES;
        if (is_off(sync))
                return STATE_OFF;
        if (sync->last_error)
                return sync->last_result == LOOK_NOT_PERMITTED ? STATE_NOT_PERMITTED
                                                               : STATE_FAILING;
        return STATE_IDLE;
}

static json_t *time_or_null(int64_t sec)
{
        return sec > 0 ? json_integer(sec) : json_null();
}

/* next_at: by the wall clock; null: at once, or never. */
static json_t *next_at(const Sync *sync)
{
        int64_t left_usec = sync->next_usec - clock_monotonic_usec();

        if (is_off(sync) || is_busy(sync) || left_usec <= 0)
                return json_null();
        return json_integer(clock_wall_sec() + left_usec / G_USEC_PER_SEC);
}

json_t *sync_status(const Sync *sync)
{
        static const char *const states[] = {
                [STATE_OFF] = "off",           [STATE_IDLE] = "idle",
                [STATE_SWEEPING] = "sweeping", [STATE_CHANGES] = "changes",
                [STATE_FAILING] = "failing",   [STATE_NOT_PERMITTED] = "not_permitted",
        };

        return json_pack("{s:s, s:o, s:o, s:s?, s:I, s:I, s:I, s:f, s:o, s:b}", "state",
                         states[find_state(sync)], "last_sweep_at",
                         time_or_null(sync->last_sweep_sec), "last_look_at",
                         time_or_null(sync->last_look_sec), "last_error", sync->last_error,
                         "people", (json_int_t) sync->counts.n_people, "groups",
                         (json_int_t) sync->counts.n_groups, "pages",
                         (json_int_t) sync->counts.n_pages, "seconds", sync->seconds, "next_at",
                         next_at(sync), "by_events", (int) sync->events.kept);
}

double sync_seconds(const Sync *sync)
{
        return sync->seconds;
}

void sync_free(Sync *sync)
{
        if (!sync)
                return;
        stop_looking(sync);
        tell_waiters(sync, true, "authd stops; ask again when it is back");
        g_array_unref(sync->waiters);
        g_hash_table_unref(sync->events.newest);
        g_hash_table_unref(sync->events.next_newest);
        g_hash_table_unref(sync->events.found);
        users_settings_free(sync->settings);
        g_free(sync->last_error);
        g_free(sync->missing_role);
        g_free(sync);
}

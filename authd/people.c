/* people: see people.h. */
#include "people.h"

#include "accounts.h"
#include "assigning.h"
#include "base/clock.h"
#include "base/log.h"
#include "share.h"
#include "token/json.h"
#include "users/sync.h"
#include "users/table.h"
#include "users/tableform.h"

#define PASSWD_PATH   "/etc/passwd"
#define GROUP_PATH    "/etc/group"

#define USEC_PER_MSEC 1000
#define DRY_RUN       "dry_run"

/* Order: somebody who waits for a sync or for ids. */
typedef struct Order {
        People *people;
        MainQuestion question;
        bool dry_run;
        PeopleDone done;
        void *userdata;
} Order;

struct People {
        GMainContext *context;
        Issuers *issuers;
        UsersSettings *settings; /* issuer NULL: there is no [users] */
        char *issuer_url;
        Naming *naming;
        Local *local;
        Directory *directory;
        Admin *admin;
        Admin *login_admin; /* for logins: who waits at a door does not wait behind a sweep */
        Sync *sync;
        Table *table;
        Assigning *assigning;
        Order *assigning_for;
        Share listing; /* of what looks at everybody, for anybody */
        GSource *second, *publishing;
        unsigned n_seconds;
        uint64_t published; /* the directory's generation in the table */
        int table_trouble;  /* errno that was logged; 0: the table was written */
        bool is_published;  /* at all, under these settings */
        bool was_filled;    /* when it last was */
};

static bool has_people(const People *people)
{
        return people->settings && people->settings->issuer;
}

/* is_filled: where nobody is looked for ahead of a login, all that is known is all that is there.
 */
static bool is_filled(const People *people)
{
        return has_people(people) &&
               (directory_filled(people->directory) || people->settings->sync_sec == 0);
}

/* The table */

static void log_table(People *people, int r)
{
        if (r < 0 && r != people->table_trouble)
                log_event(LOG_LEVEL_ERROR, "table_unwritable",
                          "The table of accounts cannot be written; NSS asks the socket.",
                          LOG_TEXT("trouble", g_strerror(-r)));
        people->table_trouble = r;
}

void people_publish(People *people)
{
        uint64_t generation = directory_generation(people->directory);
        bool filled = is_filled(people);
        int r;

        if (people->is_published && people->published == generation && people->was_filled == filled)
                return;
        r = table_publish(people->table, people->directory, people->settings->enumerate, filled);
        log_table(people, r);
        if (r < 0)
                return;
        people->is_published = true;
        people->published = generation;
        people->was_filled = filled;
        table_beat(people->table, (uint64_t) clock_boot_usec());
}

static gboolean on_publish(gpointer userdata)
{
        People *people = userdata;

        g_clear_pointer(&people->publishing, g_source_unref);
        people_publish(people);
        return G_SOURCE_REMOVE;
}

void people_touch(People *people)
{
        if (people->publishing)
                return;
        people->publishing = g_timeout_source_new(
            (guint) (MAX(PEOPLE_PUBLISH_USEC, table_rest_usec(people->table)) / USEC_PER_MSEC));
        g_source_set_callback(people->publishing, on_publish, people, NULL);
        g_source_attach(people->publishing, people->context);
}

static void directory_changed(void *userdata)
{
        people_touch(userdata);
}

/* Each second */

static gboolean on_second(gpointer userdata)
{
        People *people = userdata;

        table_beat(people->table, (uint64_t) clock_boot_usec());
        if (people->table_trouble < 0)
                people_touch(people); /* once more */
        sync_tick(people->sync);
        if (++people->n_seconds % PEOPLE_TIDY_SEC != 0 || !has_people(people))
                return G_SOURCE_CONTINUE;
        if (directory_tidy(people->directory, clock_wall_sec()))
                people_touch(people);
        return G_SOURCE_CONTINUE;
}

/* Orders: what is answered later. */

static Order *order_new(People *people, MainQuestion question, PeopleDone done, void *userdata)
{
        Order *order = g_new(Order, 1);

        *order =
            (Order){ .people = people, .question = question, .done = done, .userdata = userdata };
        return order;
}

static void order_end(Order *order, MainAnswer *answer)
{
        order->done(answer, order->userdata);
        g_free(order);
}

static void order_refuse(Order *order, const char *detail)
{
        MainAnswer answer;

        accounts_problem(503, "unavailable", detail, &answer);
        order_end(order, &answer);
}

static void assigned(MainAnswer *answer, void *userdata)
{
        People *people = userdata;
        Order *order = g_steal_pointer(&people->assigning_for);
        bool has_news = assigning_n_assigned(people->assigning) > 0;

        g_clear_pointer(&people->assigning, assigning_free);
        order_end(order, answer);
        if (has_news)
                sync_now(people->sync, false, NULL, NULL);
}

static void begin_assigning(People *people, Order *order)
{
        const AssigningFor what = {
                .admin = people->admin,
                .directory = people->directory,
                .local = people->local,
                .settings = people->settings,
                .issuer_url = people->issuer_url,
                .dry_run = order->dry_run,
        };

        people->assigning_for = order;
        people->assigning = assigning_start(&what, assigned, people);
}

static void answer_synced(Order *order)
{
        const People *people = order->people;
        MainAnswer answer;

        accounts_json(json_pack("{s:I, s:I, s:f}", "people",
                                (json_int_t) directory_n_people(people->directory), "groups",
                                (json_int_t) directory_n_groups(people->directory), "seconds",
                                sync_seconds(people->sync)),
                      &answer);
        order_end(order, &answer);
}

/* synced: ids are given to who is there now, so that a sync comes before. */
static void synced(const char *trouble, void *userdata)
{
        Order *order = userdata;

        if (trouble)
                order_refuse(order, trouble);
        else if (order->question == MAIN_USERS_SYNC)
                answer_synced(order);
        else if (order->people->assigning)
                order_refuse(order, "Ids are being assigned already; ask again later.");
        else
                begin_assigning(order->people, order);
}

/* stop_assigning: the settings that it goes by are no more, or we stop. */
static void stop_assigning(People *people, const char *why)
{
        if (!people->assigning)
                return;
        g_clear_pointer(&people->assigning, assigning_free);
        order_refuse(g_steal_pointer(&people->assigning_for), why);
}

static void take_order(People *people, MainQuestion question, const json_t *body, PeopleDone done,
                       void *userdata)
{
        Order *order = order_new(people, question, done, userdata);

        order->dry_run = !json_is_false(json_object_get(body, DRY_RUN));
        sync_now(people->sync, json_is_true(json_object_get(body, "force")), synced, order);
}

/* answer_question: what is no order. */
static void answer_question(People *people, MainQuestion question, const json_t *query,
                            MainAnswer *ret)
{
        const Accounts accounts = {
                .directory = has_people(people) ? people->directory : NULL,
                .settings = people->settings,
                .issuer_url = people->issuer_url,
                .filled = is_filled(people),
        };
        bool is_listing = accounts_looks_at_all(question, query);
        int64_t begun_usec = clock_monotonic_usec();

        if (is_listing && !share_is_open(&people->listing, begun_usec)) {
                accounts_problem(503, "unavailable",
                                 "Too many ask for lists of people; ask again in a moment.", ret);
                return;
        }
        accounts_answer(&accounts, question, query, ret);
        if (is_listing)
                share_spend(&people->listing, clock_monotonic_usec() - begun_usec);
}

void people_answer(People *people, MainQuestion question, const char *argument, PeopleDone done,
                   void *userdata)
{
        bool is_order = question == MAIN_USERS_SYNC || question == MAIN_IDS_ASSIGN;
        json_auto *query = json_loads(argument ? argument : "{}", 0, NULL);
        MainAnswer answer;

        if (is_order && has_people(people)) {
                take_order(people, question, query, done, userdata);
                return;
        }
        answer_question(people, question, query, &answer);
        done(&answer, userdata);
}

/* Settings */

static char *admin_url(const IssuerSettings *issuer)
{
        if (issuer->admin_url)
                return g_strdup(issuer->admin_url);
        return admin_url_of(issuer->fetch_url ? issuer->fetch_url : issuer->url);
}

void people_issuers_changed(People *people)
{
        const IssuerSettings *issuer =
            has_people(people) ? issuers_settings(people->issuers, people->settings->issuer) : NULL;
        g_autofree char *url = issuer ? admin_url(issuer) : NULL;
        AdminTarget target = { .admin_url = url };

        if (!url || !issuers_grant_target(people->issuers, issuer->name, &target.grant))
                return;
        target.rate = people->settings->sync_rate;
        admin_configure(people->admin, &target);
        target.rate = PEOPLE_LOGIN_RATE;
        admin_configure(people->login_admin, &target);
        sync_ready(people->sync);
}

/* configure_directory: without [users] it has nobody, and its database keeps what it has. */
static bool configure_directory(People *people, const UsersSettings *settings, const char *url,
                                GError **error)
{
        g_autoptr(Naming) naming = NULL;

        if (!settings->issuer) {
                sync_configure(people->sync, settings, NULL);
                return directory_configure(people->directory, settings, NULL, error);
        }
        naming = naming_new(settings, error);
        if (!naming || !directory_configure(people->directory, settings, url, error))
                return false;
        sync_configure(people->sync, settings, naming);
        naming_free(people->naming);
        people->naming = g_steal_pointer(&naming);
        return true;
}

bool people_configure(People *people, const UsersSettings *settings, GError **error)
{
        const IssuerSettings *issuer =
            settings->issuer ? issuers_settings(people->issuers, settings->issuer) : NULL;
        g_autofree char *url = issuer ? g_strdup(issuer->url) : NULL;

        stop_assigning(people, "The settings have changed; ask again.");
        if (!configure_directory(people, settings, url, error))
                return false;
        users_settings_free(people->settings);
        people->settings = users_settings_copy(settings);
        g_free(people->issuer_url);
        people->issuer_url = g_steal_pointer(&url);
        people->is_published = false;
        people_issuers_changed(people);
        people_touch(people);
        return true;
}

/* What others ask of it. */

Directory *people_directory(People *people)
{
        return has_people(people) ? people->directory : NULL;
}

Admin *people_admin(People *people)
{
        return has_people(people) ? people->login_admin : NULL;
}

double people_sync_seconds(const People *people)
{
        return sync_seconds(people->sync);
}

static void count_person(const Person *person, PeopleCounts *counts)
{
        if (person_is_account(person)) {
                counts->by_state[person->state]++;
                counts->n_accounts++;
        } else {
                counts->n_refused++;
        }
}

bool people_counts(const People *people, PeopleCounts *ret)
{
        const Directory *directory = people->directory;
        PeopleCounts counts = { 0 };

        if (!has_people(people))
                return false;
        for (size_t i = 0; i < directory_n_people(directory); i++)
                count_person(directory_person(directory, i), &counts);
        for (size_t i = 0; i < directory_n_groups(directory); i++) {
                const Group *group = directory_group(directory, i);

                counts.n_groups += group_is_account(group);
                counts.n_refused_groups += !group_is_account(group) && group->trouble;
        }
        *ret = counts;
        return true;
}

/* Collisions: numbers that more than one want; rows of one number come together. */
typedef struct Collisions {
        size_t n;
        uint32_t last;
} Collisions;

static void count_collision(uint32_t id, const char *key, const char *name, bool has_it,
                            void *userdata)
{
        Collisions *collisions = userdata;

        collisions->n += collisions->n == 0 || collisions->last != id;
        collisions->last = id;
}

json_t *people_status(const People *people)
{
        Collisions collisions = { 0 };
        PeopleCounts counts;

        if (!people_counts(people, &counts))
                return json_null();
        directory_each_collision(people->directory, count_collision, &collisions);
        return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "issuer",
                         people->settings->issuer, "people",
                         (json_int_t) directory_n_people(people->directory), "accounts",
                         (json_int_t) counts.n_accounts, "groups", (json_int_t) counts.n_groups,
                         "refused", (json_int_t) (counts.n_refused + counts.n_refused_groups),
                         "collisions", (json_int_t) collisions.n, "generation",
                         (json_int_t) directory_generation(people->directory), "filled",
                         (int) is_filled(people), "sync", sync_status(people->sync), "assigning",
                         people->assigning ? assigning_progress(people->assigning) : json_null());
}

/* Life */

/* open_directory: a database that cannot be read is no reason to know nobody. */
static Directory *open_directory(Store *store, Local *local)
{
        g_autoptr(GError) error = NULL;
        Directory *directory = directory_new(store, local, &error);

        if (directory)
                return directory;
        log_event(LOG_LEVEL_ERROR, "people_forgotten",
                  "The state database has no people that can be read; no id is kept.",
                  LOG_TEXT("trouble", error->message));
        return directory_new(NULL, local, NULL);
}

People *people_new(GMainContext *context, Fetcher *fetcher, Issuers *issuers, Store *store,
                   const char *folder, MetricFamily *looks)
{
        People *people = g_new0(People, 1);
        const SyncHooks hooks = { .changed = directory_changed,
                                  .userdata = people,
                                  .looks = looks };

        people->context = context;
        people->issuers = issuers;
        people->settings = users_settings_new();
        people->local = local_new(PASSWD_PATH, GROUP_PATH);
        people->directory = open_directory(store, people->local);
        people->admin = admin_new(context, fetcher);
        people->login_admin = admin_new(context, fetcher);
        people->sync = sync_new(people->admin, people->directory, &hooks);
        people->table = table_new(folder);
        people->second = g_timeout_source_new(TABLE_HEARTBEAT_USEC / USEC_PER_MSEC);
        g_source_set_callback(people->second, on_second, people, NULL);
        g_source_attach(people->second, context);
        return people;
}

static void stop_source(GSource *source)
{
        if (!source)
                return;
        g_source_destroy(source);
        g_source_unref(source);
}

void people_free(People *people)
{
        if (!people)
                return;
        stop_source(people->second);
        stop_source(people->publishing);
        stop_assigning(people, "authd stops; ask again when it is back.");
        sync_free(people->sync);
        admin_free(people->admin);
        admin_free(people->login_admin);
        table_free(people->table);
        directory_free(people->directory);
        local_free(people->local);
        naming_free(people->naming);
        users_settings_free(people->settings);
        g_free(people->issuer_url);
        g_free(people);
}

/* assigning: see assigning.h. First everything that the realm has, then one after the other. */
#include "assigning.h"

#include "accounts.h"
#include "base/clock.h"
#include "base/log.h"
#include "users/representation.h"

#include <inttypes.h>

/* Candidate: somebody without an id in the realm. */
typedef struct Candidate {
        char *key;
        char *name;    /* NULL: no account, and so nothing is given */
        char *trouble; /* why not */
        uint32_t id;   /* that this host has given already; UID_NONE: none */
        bool is_group;
        bool is_refused; /* it was given one, and yet is no account by it here, as trouble says */
} Candidate;

struct Assigning {
        AssigningFor what;
        AssigningDone done;
        void *userdata;
        AdminCall *call;
        GHashTable *used;     /* numbers, whoever has them */
        GHashTable *in_realm; /* those that somebody is there */
        GPtrArray *candidates;
        guint index;
        uint32_t id; /* that is being written */
        unsigned n_failures;
        size_t n_assigned;
        int64_t end_usec; /* monotonic */
        json_t *assigned, *skipped;
};

static void candidate_free(void *pointer)
{
        Candidate *candidate = pointer;

        g_free(candidate->key);
        g_free(candidate->name);
        g_free(candidate->trouble);
        g_free(candidate);
}

/* The end */

static void finish(Assigning *assigning, MainAnswer *answer)
{
        log_event(LOG_LEVEL_NOTICE, "ids_assigned", "Ids were written into the realm.",
                  LOG_TEXT("issuer", assigning->what.settings->issuer),
                  LOG_NUMBER("dry_run", assigning->what.dry_run),
                  LOG_NUMBER("assigned", (int64_t) assigning->n_assigned),
                  LOG_NUMBER("status", answer->status));
        assigning->done(answer, assigning->userdata);
}

static void tell(Assigning *assigning)
{
        size_t n_left = assigning->candidates->len - assigning->index;
        MainAnswer answer;

        accounts_json(json_pack("{s:O, s:O, s:I}", "assigned", assigning->assigned, "skipped",
                                assigning->skipped, "left", (json_int_t) n_left),
                      &answer);
        finish(assigning, &answer);
}

static void tell_unavailable(Assigning *assigning, const AdminAnswer *told)
{
        MainAnswer answer;

        accounts_problem(503, "unavailable",
                         told->trouble ? told->trouble : "The realm could not be asked.", &answer);
        finish(assigning, &answer);
}

/* What the realm has */

static bool read_number(const char *text, uint32_t *ret_number)
{
        guint64 number;

        if (!text || !g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX, &number, NULL))
                return false;
        *ret_number = (uint32_t) number;
        return true;
}

static void use(Assigning *assigning, uint32_t id)
{
        g_hash_table_add(assigning->used, GUINT_TO_POINTER(id));
}

/* note_attribute: every number that stands there is in use, be it one of several or no id at all.
 * False: nothing stands there. */
static bool note_attribute(const json_t *thing, const char *name, GHashTable *numbers)
{
        const json_t *values = json_object_get(json_object_get(thing, "attributes"), name);
        size_t i;
        json_t *value;
        uint32_t number;

        json_array_foreach (values, i, value)
                if (read_number(json_string_value(value), &number))
                        g_hash_table_add(numbers, GUINT_TO_POINTER(number));
        return json_array_size(values) > 0;
}

static void add_candidate(Assigning *assigning, const char *key, const char *name, uint32_t id,
                          const char *trouble, bool is_group)
{
        Candidate *candidate = g_new(Candidate, 1);

        *candidate = (Candidate){ .key = g_strdup(key),
                                  .name = g_strdup(name),
                                  .trouble = g_strdup(trouble),
                                  .id = id,
                                  .is_group = is_group,
                                  .is_refused = id == UID_NONE &&
                                                directory_given_id(assigning->what.directory, key,
                                                                   is_group) };
        g_ptr_array_add(assigning->candidates, candidate);
}

/* take_person: also of somebody who is no account here the number counts. */
static void take_person(Assigning *assigning, const json_t *user)
{
        const UsersSettings *settings = assigning->what.settings;
        const char *subject = json_string_value(json_object_get(user, "id"));
        const Person *person =
            subject ? directory_person_by_subject(assigning->what.directory, subject) : NULL;
        bool has_uid = note_attribute(user, settings->uid_attribute, assigning->in_realm);

        note_attribute(user, settings->gid_attribute, assigning->used);
        if (person && !has_uid)
                add_candidate(assigning, subject, person->name, person->uid, person->trouble,
                              false);
}

/* take_group: one that no rule takes, and one of /etc/group, needs none. */
static void take_group(Assigning *assigning, const json_t *item)
{
        const char *id = json_string_value(json_object_get(item, "id"));
        g_autofree char *key = representation_group_key(id ? id : "");
        const Group *group = directory_group_by_key(assigning->what.directory, key);
        bool has_gid =
            note_attribute(item, assigning->what.settings->gid_attribute, assigning->in_realm);

        if (group && !has_gid && !group->local && (group->name || group->trouble))
                add_candidate(assigning, key, group->name, group->gid, group->trouble, true);
}

/* Numbers */

static void use_own_ids(Assigning *assigning)
{
        const Directory *directory = assigning->what.directory;

        for (size_t i = 0; i < directory_n_people(directory); i++)
                use(assigning, directory_person(directory, i)->uid);
        for (size_t i = 0; i < directory_n_groups(directory); i++)
                use(assigning, directory_group(directory, i)->gid);
        for (char **line = assigning->what.settings->id; line && *line; line++) {
                uint32_t number;

                if (read_number(strrchr(*line, '=') + 1, &number))
                        use(assigning, number);
        }
}

/* use_contested: a number that two have come to is neither's, but for who has it already. */
static void use_contested(uint32_t id, const char *key, const char *name, bool has_it,
                          void *userdata)
{
        use(userdata, id);
}

static bool is_free(const Assigning *assigning, uint32_t id)
{
        const char *name;

        return ids_allowed(id) && !g_hash_table_contains(assigning->used, GUINT_TO_POINTER(id)) &&
               !g_hash_table_contains(assigning->in_realm, GUINT_TO_POINTER(id)) &&
               !directory_id_holder(assigning->what.directory, id) &&
               !local_has_uid(assigning->what.local, id, &name) &&
               !local_has_gid(assigning->what.local, id, &name);
}

/* pick_free: the number for a candidate who has none; UID_NONE: none was free. */
static uint32_t pick_free(const Assigning *assigning, const Candidate *candidate)
{
        const UsersSettings *settings = assigning->what.settings;

        for (unsigned try = 0; try < ASSIGNING_TRIES_MAX; try++) {
                uint32_t id = ids_next(assigning->what.issuer_url, candidate->key, try,
                                       settings->id_first, settings->id_last);

                if (is_free(assigning, id))
                        return id;
        }
        return UID_NONE;
}

/* One after the other */

static void skip(Assigning *assigning, const Candidate *candidate, const char *why)
{
        json_array_append_new(assigning->skipped,
                              json_pack("{s:s, s:s?, s:s}", "key", candidate->key, "name",
                                        candidate->name, "why", why));
        assigning->index++;
}

static void keep(Assigning *assigning, const Candidate *candidate, uint32_t id)
{
        json_array_append_new(assigning->assigned,
                              json_pack("{s:s, s:s?, s:I}", "key", candidate->key, "name",
                                        candidate->name, "id", (json_int_t) id));
        use(assigning, id);
        assigning->n_assigned += !assigning->what.dry_run;
        assigning->n_failures = 0;
        assigning->index++;
}

static void go_on(Assigning *assigning);

/* is_over: nothing more is to be had by asking on. */
static bool is_over(Assigning *assigning, const AdminAnswer *answer)
{
        if (answer->result == ADMIN_UNAVAILABLE)
                assigning->n_failures++;
        return answer->result == ADMIN_NOT_PERMITTED ||
               assigning->n_failures >= ASSIGNING_FAILURES_MAX;
}

static void written(const AdminAnswer *answer, void *userdata)
{
        Assigning *assigning = userdata;
        const Candidate *candidate = assigning->candidates->pdata[assigning->index];

        assigning->call = NULL;
        if (answer->result == ADMIN_OK)
                keep(assigning, candidate, assigning->id);
        else
                skip(assigning, candidate,
                     answer->trouble ? answer->trouble : "it is no longer there");
        if (answer->result == ADMIN_OK || !is_over(assigning, answer))
                go_on(assigning);
        else if (assigning->n_assigned == 0)
                tell_unavailable(assigning, answer);
        else
                tell(assigning);
}

static void write_id(Assigning *assigning, const Candidate *candidate, uint32_t id)
{
        const UsersSettings *settings = assigning->what.settings;
        Admin *admin = assigning->what.admin;
        g_autofree char *number = g_strdup_printf("%" PRIu32, id);
        json_t *attributes = json_pack(
            "{s:s}", candidate->is_group ? settings->gid_attribute : settings->uid_attribute,
            number);

        assigning->id = id;
        if (candidate->is_group)
                assigning->call = admin_group_set_attributes(
                    admin, candidate->key + strlen(REPRESENTATION_GROUP_PREFIX), attributes,
                    written, assigning);
        else
                assigning->call = admin_user_set_attributes(admin, candidate->key, attributes,
                                                            written, assigning);
        json_decref(attributes);
}

/* pick: what the candidate gets, or why nothing: *ret_why. */
static uint32_t pick(const Assigning *assigning, const Candidate *candidate, const char **ret_why)
{
        uint32_t id = candidate->id;

        *ret_why = NULL;
        if (!candidate->name || candidate->is_refused)
                *ret_why = candidate->trouble ? candidate->trouble : "it is no account";
        else if (id == UID_NONE)
                id = pick_free(assigning, candidate);
        else if (g_hash_table_contains(assigning->in_realm, GUINT_TO_POINTER(id)))
                *ret_why = "the realm says that the id it has on this host is somebody else's";
        if (!*ret_why && id == UID_NONE)
                *ret_why = "no number of id_range was free; make it larger";
        return id;
}

/* settle: false: it is being written. */
static bool settle(Assigning *assigning, const Candidate *candidate)
{
        const char *why;
        uint32_t id = pick(assigning, candidate, &why);

        if (why)
                skip(assigning, candidate, why);
        else if (assigning->what.dry_run)
                keep(assigning, candidate, id);
        else
                write_id(assigning, candidate, id);
        return assigning->call == NULL;
}

static void go_on(Assigning *assigning)
{
        while (assigning->index < assigning->candidates->len) {
                if (clock_monotonic_usec() >= assigning->end_usec)
                        break;
                if (!settle(assigning, assigning->candidates->pdata[assigning->index]))
                        return;
        }
        tell(assigning);
}

static int compare_keys(const void *a, const void *b)
{
        const Candidate *const *first = a, *const *second = b;

        return strcmp((*first)->key, (*second)->key);
}

/* all_read: in the order of their keys, so that two who do this at a time come to the same. */
static void all_read(Assigning *assigning)
{
        use_own_ids(assigning);
        directory_each_collision(assigning->what.directory, use_contested, assigning);
        g_ptr_array_sort(assigning->candidates, compare_keys);
        go_on(assigning);
}

static void people_told(const AdminAnswer *answer, void *userdata)
{
        Assigning *assigning = userdata;
        size_t i;
        json_t *item;

        if (!answer->more)
                assigning->call = NULL;
        if (answer->result != ADMIN_OK) {
                tell_unavailable(assigning, answer);
                return;
        }
        json_array_foreach (answer->items, i, item)
                take_person(assigning, item);
        if (!answer->more)
                all_read(assigning);
}

static void groups_told(const AdminAnswer *answer, void *userdata)
{
        Assigning *assigning = userdata;
        size_t i;
        json_t *item;

        if (!answer->more)
                assigning->call = NULL;
        if (answer->result != ADMIN_OK) {
                tell_unavailable(assigning, answer);
                return;
        }
        json_array_foreach (answer->items, i, item)
                take_group(assigning, item);
        if (!answer->more)
                assigning->call = admin_users(assigning->what.admin, people_told, assigning);
}

/* Life */

Assigning *assigning_start(const AssigningFor *what, AssigningDone done, void *userdata)
{
        Assigning *assigning = g_new0(Assigning, 1);

        *assigning = (Assigning){
                .what = *what,
                .done = done,
                .userdata = userdata,
                .used = g_hash_table_new(NULL, NULL),
                .in_realm = g_hash_table_new(NULL, NULL),
                .candidates = g_ptr_array_new_with_free_func(candidate_free),
                .end_usec = clock_monotonic_usec() + ASSIGNING_USEC,
                .assigned = json_array(),
                .skipped = json_array(),
        };
        assigning->call = admin_groups(what->admin, groups_told, assigning);
        return assigning;
}

json_t *assigning_progress(const Assigning *assigning)
{
        return json_pack("{s:b, s:I, s:I}", "dry_run", (int) assigning->what.dry_run, "done",
                         (json_int_t) assigning->index, "total",
                         (json_int_t) assigning->candidates->len);
}

size_t assigning_n_assigned(const Assigning *assigning)
{
        return assigning->n_assigned;
}

void assigning_free(Assigning *assigning)
{
        if (!assigning)
                return;
        admin_cancel(assigning->call);
        g_hash_table_unref(assigning->used);
        g_hash_table_unref(assigning->in_realm);
        g_ptr_array_unref(assigning->candidates);
        json_decref(assigning->assigned);
        json_decref(assigning->skipped);
        g_free(assigning);
}

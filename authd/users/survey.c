/* survey: see survey.h. Steps one after the other, each of one list or several. */
#include "users/survey.h"

#include "users/representation.h"

#include <errno.h>

/* Whom the Admin API lets through, the directory keeps. */
G_STATIC_ASSERT(ADMIN_ID_SIZE_MAX == RECORD_SUBJECT_MAX);

/* SurveyGroup: what is kept of each group until its members are asked for. */
typedef struct SurveyGroup {
        char *id, *key;
        const struct SurveyGroup *parent;
        bool is_walked, is_within; /* what holds of a group holds of those below it */
        GPtrArray *roles;          /* keys that its members have by it, borrowed; NULL: none */
} SurveyGroup;

typedef enum Step {
        STEP_GROUPS,
        STEP_ROLE_GROUPS,
        STEP_PEOPLE,
        STEP_WITHIN, /* in place of people, where they are narrowed */
        STEP_MEMBERS,
        STEP_ROLE_MEMBERS,
        STEP_MISSING,
        STEP_END,
} Step;

struct Survey {
        Admin *admin;
        Directory *directory;
        const Naming *naming;
        bool force;
        LookDone done;
        void *userdata;
        AdminCall *call;
        Step step;
        size_t index; /* of the step's group, role or person */
        GPtrArray *groups;
        GHashTable *by_id;
        GPtrArray *roles;   /* keys */
        GHashTable *within; /* subjects that are put already */
        GPtrArray *missing; /* subjects that no list had; NULL: not looked for yet */
        bool more_missing;  /* and there are others, who are not asked for */
        bool was_missed;    /* one of them is there all the same */
        SurveyCounts counts;
};

const char *look_result_text(LookResult result)
{
        static const char *const texts[_LOOK_RESULT_MAX] = {
                [LOOK_UNAVAILABLE] = "unavailable",     [LOOK_OK] = "ok",
                [LOOK_NOT_PERMITTED] = "not_permitted", [LOOK_REFUSED] = "refused",
                [LOOK_UNWRITTEN] = "unwritten",
        };

        return texts[result];
}

LookAnswer look_answer(const AdminAnswer *answer)
{
        return (LookAnswer){
                .result =
                    answer->result == ADMIN_NOT_PERMITTED ? LOOK_NOT_PERMITTED : LOOK_UNAVAILABLE,
                .trouble = answer->trouble ? answer->trouble : "the realm has not what it named",
        };
}

static void survey_group_free(void *pointer)
{
        SurveyGroup *group = pointer;

        g_free(group->id);
        g_free(group->key);
        if (group->roles)
                g_ptr_array_unref(group->roles);
        g_free(group);
}

static void finish(Survey *survey, const LookAnswer *answer)
{
        survey->step = STEP_END;
        survey->done(answer, survey->userdata);
}

/* end_in_directory: what the directory makes of it. */
static LookAnswer end_in_directory(Survey *survey)
{
        int r;

        if (survey->force)
                directory_sweep_force(survey->directory);
        r = directory_sweep_end(survey->directory);
        if (r == 0)
                return (LookAnswer){ .result = LOOK_OK };
        if (r == DIRECTORY_E_TOO_MANY_GONE)
                return (LookAnswer){ LOOK_REFUSED,
                                     "more than half of the people are no longer there, which is "
                                     "more likely a lost permission; if it is meant, order "
                                     "authctl users sync --force" };
        if (r == -E2BIG)
                return (LookAnswer){ LOOK_REFUSED,
                                     "the realm has more people or groups than authd takes" };
        return (LookAnswer){ LOOK_UNWRITTEN, g_strerror(-r) };
}

static void refuse_lists(Survey *survey)
{
        static const LookAnswer answer = { LOOK_UNAVAILABLE,
                                           "the realm's lists lack many people who are there" };

        directory_sweep_drop(survey->directory);
        finish(survey, &answer);
}

/* end_survey: lists that are known to lack people say nothing of those who were not asked for. */
static void end_survey(Survey *survey)
{
        LookAnswer answer;

        if (survey->more_missing && survey->was_missed) {
                refuse_lists(survey);
                return;
        }
        answer = end_in_directory(survey);
        finish(survey, &answer);
}

static void fail(Survey *survey, const AdminAnswer *answer)
{
        LookAnswer told = look_answer(answer);

        directory_sweep_drop(survey->directory);
        finish(survey, &told);
}

static void next(Survey *survey);

/* go_on: to the next group or role of the step, or the next step. */
static void go_on(Survey *survey)
{
        survey->index++;
        next(survey);
}

static void next_step(Survey *survey, Step step)
{
        survey->step = step;
        survey->index = 0;
        next(survey);
}

/* is_nobody: a group or role that is not there has nobody in it; a realm that is not there is
 * another matter. */
static bool is_nobody(const Survey *survey, const AdminAnswer *answer)
{
        return answer->result == ADMIN_NOT_FOUND && survey->step != STEP_GROUPS &&
               survey->step != STEP_PEOPLE;
}

/* take_page: counts it. False: the survey has failed. */
static bool take_page(Survey *survey, const AdminAnswer *answer)
{
        if (!answer->more)
                survey->call = NULL;
        survey->counts.n_pages++;
        if (answer->result == ADMIN_OK || is_nobody(survey, answer))
                return true;
        fail(survey, answer);
        return false;
}

/* Groups */

static SurveyGroup *keep_group(Survey *survey, const char *id, const char *path,
                               const char *parent_id)
{
        SurveyGroup *group = g_new0(SurveyGroup, 1);

        group->id = g_strdup(id);
        group->key = representation_group_key(id);
        group->parent = parent_id ? g_hash_table_lookup(survey->by_id, parent_id) : NULL;
        group->is_within = naming_has_within(survey->naming) && naming_within(survey->naming, path);
        group->is_walked = group->is_within || naming_takes(survey->naming, path);
        g_ptr_array_add(survey->groups, group);
        g_hash_table_insert(survey->by_id, group->id, group);
        return group;
}

/* take_group: one without a path cannot be told from another (see admin_groups), and is none. */
static void take_group(Survey *survey, const json_t *item)
{
        const char *id = representation_text(item, "id");
        const char *path = representation_text(item, "path");
        const SurveyGroup *group;

        if (!id || !path || g_hash_table_contains(survey->by_id, id))
                return;
        group = keep_group(survey, id, path, representation_text(item, "parentId"));
        directory_put_group(survey->directory,
                            &(RealmGroup){
                                .key = group->key,
                                .source = path,
                                .parent_key = group->parent ? group->parent->key : NULL,
                                .attributes = json_object_get(item, "attributes"),
                            });
        survey->counts.n_groups++;
}

static void groups_told(const AdminAnswer *answer, void *userdata)
{
        Survey *survey = userdata;
        size_t i;
        json_t *item;

        if (!take_page(survey, answer))
                return;
        json_array_foreach (answer->items, i, item)
                take_group(survey, item);
        if (!answer->more)
                next_step(survey, STEP_ROLE_GROUPS);
}

/* Groups that have a role */

static void add_role(SurveyGroup *group, void *role)
{
        if (!group->roles)
                group->roles = g_ptr_array_new();
        if (!g_ptr_array_find(group->roles, role, NULL))
                g_ptr_array_add(group->roles, role);
        group->is_walked = true;
}

static void role_groups_told(const AdminAnswer *answer, void *userdata)
{
        Survey *survey = userdata;
        void *role = survey->roles->pdata[survey->index];
        size_t i;
        json_t *item;

        if (!take_page(survey, answer))
                return;
        if (answer->result == ADMIN_NOT_FOUND)
                survey->counts.missing_role = role;
        json_array_foreach (answer->items, i, item) {
                const char *id = representation_text(item, "id");
                SurveyGroup *group = id ? g_hash_table_lookup(survey->by_id, id) : NULL;

                if (group)
                        add_role(group, role);
        }
        if (!answer->more)
                go_on(survey);
}

static void ask_role_groups(Survey *survey)
{
        const char *key = survey->roles->pdata[survey->index];
        g_autofree char *client = NULL, *role = NULL;

        directory_put_group(survey->directory, &(RealmGroup){ .key = key, .source = key });
        survey->counts.n_groups++;
        representation_role(key, &client, &role);
        survey->call = admin_role_groups(survey->admin, client, role, role_groups_told, survey);
}

/* inherit: in the order of the list, which has parents before children. Keycloak hands on a group's
 * roles to those below it. */
static void inherit(SurveyGroup *group)
{
        if (!group->parent)
                return;
        group->is_walked |= group->parent->is_walked;
        group->is_within |= group->parent->is_within;
        for (guint i = 0; group->parent->roles && i < group->parent->roles->len; i++)
                add_role(group, group->parent->roles->pdata[i]);
}

static void roles_are_known(Survey *survey)
{
        for (guint i = 0; i < survey->groups->len; i++)
                inherit(survey->groups->pdata[i]);
        next_step(survey, naming_has_within(survey->naming) ? STEP_WITHIN : STEP_PEOPLE);
}

/* People */

static void put_person(Survey *survey, const json_t *item)
{
        g_auto(ReadPerson) read = { 0 };

        if (!representation_person(item, &read))
                return;
        directory_put_person(survey->directory, &read.person);
        survey->counts.n_people++;
}

static void people_told(const AdminAnswer *answer, void *userdata)
{
        Survey *survey = userdata;
        size_t i;
        json_t *item;

        if (!take_page(survey, answer))
                return;
        json_array_foreach (answer->items, i, item)
                put_person(survey, item);
        if (!answer->more)
                next_step(survey, STEP_MEMBERS);
}

/* Members */

static void add_member(Survey *survey, const SurveyGroup *group, const char *subject)
{
        directory_sweep_add(survey->directory, subject, group->key);
        for (guint i = 0; group->roles && i < group->roles->len; i++)
                directory_sweep_add(survey->directory, subject, group->roles->pdata[i]);
}

static void members_told(const AdminAnswer *answer, void *userdata)
{
        Survey *survey = userdata;
        const SurveyGroup *group = survey->groups->pdata[survey->index];
        size_t i;
        json_t *item;

        if (!take_page(survey, answer))
                return;
        json_array_foreach (answer->items, i, item) {
                const char *subject = representation_text(item, "id");

                if (!subject)
                        continue;
                if (survey->step == STEP_WITHIN &&
                    g_hash_table_add(survey->within, g_strdup(subject)))
                        put_person(survey, item);
                add_member(survey, group, subject);
        }
        if (!answer->more)
                go_on(survey);
}

/* is_asked_for: in the step of members, those of within are known already. */
static bool is_asked_for(const Survey *survey, const SurveyGroup *group)
{
        return survey->step == STEP_WITHIN ? group->is_within
                                           : group->is_walked && !group->is_within;
}

/* ask_members: of the next group that wants it; false: none is left. */
static bool ask_members(Survey *survey)
{
        for (; survey->index < survey->groups->len; survey->index++) {
                const SurveyGroup *group = survey->groups->pdata[survey->index];

                if (!is_asked_for(survey, group))
                        continue;
                survey->call =
                    survey->step == STEP_WITHIN
                        ? admin_group_users(survey->admin, group->id, members_told, survey)
                        : admin_group_members(survey->admin, group->id, members_told, survey);
                return true;
        }
        return false;
}

/* Who has a role */

static void role_members_told(const AdminAnswer *answer, void *userdata)
{
        Survey *survey = userdata;
        const char *key = survey->roles->pdata[survey->index];
        size_t i;
        json_t *item;

        if (!take_page(survey, answer))
                return;
        json_array_foreach (answer->items, i, item) {
                const char *subject = representation_text(item, "id");

                if (subject)
                        directory_sweep_add(survey->directory, subject, key);
        }
        if (!answer->more)
                go_on(survey);
}

static void ask_role_members(Survey *survey)
{
        g_autofree char *client = NULL, *role = NULL;

        representation_role(survey->roles->pdata[survey->index], &client, &role);
        survey->call = admin_role_members(survey->admin, client, role, role_members_told, survey);
}

/* Who is missing: known, and in none of the lists */

static void missing_groups_told(const AdminAnswer *answer, void *userdata)
{
        Survey *survey = userdata;
        const char *subject = survey->missing->pdata[survey->index];
        size_t i;
        json_t *item;

        if (!take_page(survey, answer))
                return;
        json_array_foreach (answer->items, i, item) {
                const char *id = representation_text(item, "id");
                const SurveyGroup *group = id ? g_hash_table_lookup(survey->by_id, id) : NULL;

                if (group && group->is_walked)
                        add_member(survey, group, subject);
                survey->was_missed |= group && group->is_within;
        }
        if (!answer->more)
                go_on(survey);
}

static void missing_told(const AdminAnswer *answer, void *userdata)
{
        Survey *survey = userdata;

        if (!take_page(survey, answer))
                return;
        if (answer->result == ADMIN_NOT_FOUND) {
                go_on(survey);
                return;
        }
        put_person(survey, answer->items);
        survey->was_missed |= !naming_has_within(survey->naming);
        survey->call = admin_user_groups(survey->admin, survey->missing->pdata[survey->index],
                                         missing_groups_told, survey);
}

static void ask_missing(Survey *survey)
{
        if (survey->index < survey->missing->len)
                survey->call = admin_user(survey->admin, survey->missing->pdata[survey->index],
                                          missing_told, survey);
        else
                end_survey(survey);
}

static void look_for_missing(Survey *survey)
{
        survey->missing = directory_sweep_missing(survey->directory, SURVEY_MISSING_MAX + 1);
        survey->more_missing = survey->missing->len > SURVEY_MISSING_MAX;
        if (survey->more_missing)
                g_ptr_array_set_size(survey->missing, SURVEY_MISSING_MAX);
        next_step(survey, STEP_MISSING);
}

/* next: asks what the step asks next, or begins the one behind it. */
static void next(Survey *survey)
{
        bool role_left = survey->index < survey->roles->len;

        switch (survey->step) {
        case STEP_GROUPS: survey->call = admin_groups(survey->admin, groups_told, survey); break;
        case STEP_ROLE_GROUPS: role_left ? ask_role_groups(survey) : roles_are_known(survey); break;
        case STEP_PEOPLE: survey->call = admin_users(survey->admin, people_told, survey); break;
        case STEP_WITHIN:
                if (!ask_members(survey))
                        next_step(survey, STEP_MEMBERS);
                break;
        case STEP_MEMBERS:
                if (!ask_members(survey))
                        next_step(survey, STEP_ROLE_MEMBERS);
                break;
        case STEP_ROLE_MEMBERS:
                role_left ? ask_role_members(survey) : look_for_missing(survey);
                break;
        case STEP_MISSING: ask_missing(survey); break;
        case STEP_END: break;
        }
}

Survey *survey_start(Admin *admin, Directory *directory, const Naming *naming, bool force,
                     LookDone done, void *userdata)
{
        Survey *survey = g_new0(Survey, 1);

        *survey = (Survey){
                .admin = admin,
                .directory = directory,
                .naming = naming,
                .force = force,
                .done = done,
                .userdata = userdata,
                .groups = g_ptr_array_new_with_free_func(survey_group_free),
                .by_id = g_hash_table_new(g_str_hash, g_str_equal),
                .roles = naming_roles(naming),
                .within = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        };
        directory_sweep_begin(directory);
        next(survey);
        return survey;
}

const SurveyCounts *survey_counts(const Survey *survey)
{
        return &survey->counts;
}

void survey_free(Survey *survey)
{
        if (!survey)
                return;
        admin_cancel(survey->call);
        if (survey->step != STEP_END)
                directory_sweep_drop(survey->directory);
        g_hash_table_unref(survey->by_id);
        g_ptr_array_unref(survey->groups);
        g_ptr_array_unref(survey->roles);
        g_hash_table_unref(survey->within);
        if (survey->missing)
                g_ptr_array_unref(survey->missing);
        g_free(survey);
}

#include "orders.h"

#include "register.h"

/* In admin events, whoever gives an order is this. */
static const Actor ORDERS = { "devidp", "devidp" };

static void refuse(Answer *answer, const char *why)
{
        answer_error(answer, 400, "invalid_request", why);
}

/* {"id":…} of the one that was changed, if it is there. */
static void answer_done(Answer *answer, bool good, const char *id, const GError *error)
{
        if (!good)
                refuse(answer, error ? error->message : "see own.h for what this order takes");
        else if (id)
                answer_json(answer, 200, json_pack("{s:s}", "id", id));
        else
                answer_json(answer, 200, json_object());
}

/* --- people --- */

static void answer_person(const Idp *idp, const char *username, bool good, const GError *error,
                          Answer *answer)
{
        const Person *person = good ? realm_person(idp->realm, username) : NULL;

        answer_done(answer, good, person ? person->id : NULL, error);
}

void orders_person(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        g_autoptr(GError) error = NULL;
        json_t *members = json_is_object(json) ? json_copy(json) : json_object();
        json_t *rename = json_incref(json_object_get(members, "rename"));
        const char *name = json_string_value(rename);

        json_object_del(members, "rename");
        bool good = register_person(idp, &ORDERS, members, name, &error);
        answer_person(idp, name ? name : json_string_value(json_object_get(json, "username")), good,
                      error, answer);
        json_decref(rename);
        json_decref(members);
}

static const char *only_username(json_t *json)
{
        const char *username = NULL;

        return json_unpack_ex(json, NULL, JSON_STRICT, "{s:s}", "username", &username) == 0
                   ? username
                   : NULL;
}

void orders_person_delete(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        g_autoptr(GError) error = NULL;
        bool good = register_delete(idp, &ORDERS, only_username(json), &error);

        answer_done(answer, good, NULL, error);
}

void orders_person_recreate(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        g_autoptr(GError) error = NULL;
        const char *username = only_username(json);
        bool good = register_recreate(idp, &ORDERS, username, &error);

        answer_person(idp, username, good, error, answer);
}

typedef bool (*Move)(Idp *idp, const Actor *actor, const char *username, const json_t *paths,
                     GError **error);

static void answer_move(Idp *idp, json_t *json, Move move, Answer *answer)
{
        g_autoptr(GError) error = NULL;
        const char *username = NULL;
        json_t *paths = NULL;
        bool good = json_unpack_ex(json, NULL, JSON_STRICT, "{s:s, s:o}", "username", &username,
                                   "groups", &paths) == 0 &&
                    json_is_array(paths) && move(idp, &ORDERS, username, paths, &error);

        answer_person(idp, username, good, error, answer);
}

void orders_join(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        answer_move(idp, json, register_join, answer);
}

void orders_leave(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        answer_move(idp, json, register_leave, answer);
}

/* --- groups --- */

void orders_group(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        g_autoptr(GError) error = NULL;
        const char *path = json_string_value(json_object_get(json, "path"));
        bool good = register_group(idp, &ORDERS, json, &error);
        const Group *group = groups_by_path(idp->realm->groups, path);

        answer_done(answer, good, group ? group->id : NULL, error);
}

void orders_group_rename(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        g_autoptr(GError) error = NULL;
        const char *path, *name;
        bool good = json_unpack_ex(json, NULL, JSON_STRICT, "{s:s, s:s}", "path", &path, "name",
                                   &name) == 0 &&
                    register_group_rename(idp, &ORDERS, path, name, &error);

        answer_done(answer, good, NULL, error);
}

void orders_group_delete(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        g_autoptr(GError) error = NULL;
        const char *path;
        bool good = json_unpack_ex(json, NULL, JSON_STRICT, "{s:s}", "path", &path) == 0 &&
                    register_group_delete(idp, &ORDERS, path, &error);

        answer_done(answer, good, NULL, error);
}

/* --- switches --- */

void orders_events(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        int enabled;

        if (json_unpack_ex(json, NULL, JSON_STRICT, "{s:b}", "enabled", &enabled) != 0) {
                refuse(answer, "enabled is a boolean");
                return;
        }
        idp->realm->events->enabled = enabled;
        answer_json(answer, 200, json_object());
}

void orders_profile(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        json_t *names;

        if (json_unpack_ex(json, NULL, JSON_STRICT, "{s:o}", "attributes", &names) != 0 ||
            (!json_is_null(names) && !json_is_array(names))) {
                refuse(answer, "attributes is a list of names, or null for any");
                return;
        }
        json_decref(idp->realm->user_attributes);
        idp->realm->user_attributes = json_is_null(names) ? NULL : json_incref(names);
        answer_json(answer, 200, json_object());
}

/* people: /v1/passwd and group, which libnss_authd asks; /v1/users, groups, id and ids, which
 * administrators do: people as accounts. The main thread answers.
 *
 * A door takes the parameters of its row and no others, so that a misspelt one is never a question
 * about everybody. They go to the main thread as a JSON object of strings. */
#include "api/doors.h"

#include "api/routes.h"
#include "token/json.h"

#include <errno.h>

#define PARAMETERS_MAX 4
#define LIMIT_MAX      1000 /* people, groups, ids an answer */

typedef enum ParameterKind { PARAMETER_TEXT, PARAMETER_ID, PARAMETER_LIMIT } ParameterKind;

typedef struct Parameter {
        const char *name;
        ParameterKind kind;
} Parameter;

/* Asking: what one door asks, and how. */
typedef struct Asking {
        MainQuestion question;
        bool one_at_most; /* of the parameters */
        bool one_at_least;
        const char *names; /* for the sentence of a refusal */
        Parameter parameters[PARAMETERS_MAX];
} Asking;

static const Asking passwd = {
        MAIN_PASSWD,
        .one_at_most = true,
        .names = "name or uid",
        .parameters = { { "name", PARAMETER_TEXT }, { "uid", PARAMETER_ID } },
};
static const Asking group = {
        MAIN_GROUP,
        .one_at_most = true,
        .names = "name, gid or user",
        .parameters = { { "name", PARAMETER_TEXT },
                        { "gid", PARAMETER_ID },
                        { "user", PARAMETER_TEXT } },
};
static const Asking users = {
        MAIN_USERS,
        .names = "after, limit and q",
        .parameters = { { "after", PARAMETER_TEXT },
                        { "limit", PARAMETER_LIMIT },
                        { "q", PARAMETER_TEXT } },
};
static const Asking groups = {
        MAIN_GROUPS,
        .names = "after and limit",
        .parameters = { { "after", PARAMETER_TEXT }, { "limit", PARAMETER_LIMIT } },
};
static const Asking id = {
        MAIN_ID,
        .one_at_most = true,
        .one_at_least = true,
        .names = "name",
        .parameters = { { "name", PARAMETER_TEXT } },
};
static const Asking ids = {
        MAIN_IDS,
        .names = "after and limit",
        .parameters = { { "after", PARAMETER_TEXT }, { "limit", PARAMETER_LIMIT } },
};

static bool parameter_fits(const Parameter *parameter, const char *value)
{
        switch (parameter->kind) {
        case PARAMETER_TEXT: return *value != '\0';
        case PARAMETER_ID: return g_ascii_string_to_unsigned(value, 10, 0, UINT32_MAX, NULL, NULL);
        case PARAMETER_LIMIT:
                return g_ascii_string_to_unsigned(value, 10, 1, LIMIT_MAX, NULL, NULL);
        }
        return false;
}

/* read_parameters: those of the query that the row names, as an object; NULL: one of them is not
 * what it must be. */
static json_t *read_parameters(const Exchange *exchange, const Asking *asking)
{
        json_auto *found = json_object();

        for (const Parameter *parameter = asking->parameters; parameter->name; parameter++) {
                g_autofree char *value = NULL;
                int r = request_query_value(exchange->request, parameter->name, &value);

                if (r == -ENOENT)
                        continue;
                if (r != 0 || !parameter_fits(parameter, value))
                        return NULL;
                json_object_set_new(found, parameter->name, json_string(value));
        }
        return json_incref(found);
}

/* n_pairs: how many parameters the query has, whatever they are called. */
static size_t n_pairs(Span query)
{
        size_t n = query.len > 0;

        for (size_t i = 0; i < query.len; i++)
                n += query.data[i] == '&';
        return n;
}

static bool is_fit(const Exchange *exchange, const Asking *asking, const json_t *found)
{
        size_t n = json_object_size(found);

        return found && n == n_pairs(request_query(exchange->request)) &&
               (n <= 1 || !asking->one_at_most) && (n > 0 || !asking->one_at_least);
}

static void ask_main(Exchange *exchange, MainQuestion question, const json_t *argument)
{
        char *text = json_dumps(argument, JSON_COMPACT);

        api_ask_main(exchange->api, exchange, question, g_strdup(text));
        free(text);
}

static void ask(Exchange *exchange, const Asking *asking)
{
        json_auto *found = read_parameters(exchange, asking);

        if (is_fit(exchange, asking, found))
                ask_main(exchange, asking->question, found);
        else
                exchange_problem(exchange, 400, "bad_request",
                                 "The query of %s may have %s, %sreadable, a number where one is "
                                 "meant, and nothing else.",
                                 exchange->route->path, asking->names,
                                 asking->one_at_most ? "one of them, once, " : "each once, ");
}

void door_passwd(Exchange *exchange)
{
        ask(exchange, &passwd);
}

void door_group(Exchange *exchange)
{
        ask(exchange, &group);
}

void door_users(Exchange *exchange)
{
        ask(exchange, &users);
}

void door_groups(Exchange *exchange)
{
        ask(exchange, &groups);
}

void door_id(Exchange *exchange)
{
        ask(exchange, &id);
}

void door_ids(Exchange *exchange)
{
        ask(exchange, &ids);
}

/* What is ordered. */

static const JsonLimits order_limits = { .size_max = SERVER_BODY_SIZE_MAX, .depth_max = 1 };

/* read_order: false: a problem was answered. */
static bool read_order(Exchange *exchange, const char *what)
{
        int r = json_parse_object(request_body(exchange->request), &order_limits, &exchange->body);

        if (r == 0)
                return true;
        exchange_problem(exchange, 400, "bad_request",
                         "The body is not the JSON object that %s takes, %s: %s.",
                         exchange->route->path, what, json_answer_text(r));
        return false;
}

void door_users_sync(Exchange *exchange)
{
        const json_t *force;

        if (!read_order(exchange, "{} or {\"force\": true or false}"))
                return;
        force = json_object_get(exchange->body, "force");
        if (json_object_size(exchange->body) == (force ? 1 : 0) &&
            (!force || json_is_boolean(force)))
                ask_main(exchange, MAIN_USERS_SYNC, exchange->body);
        else
                exchange_problem(exchange, 400, "bad_request",
                                 "%s takes {} or {\"force\": true or false}, and no more.",
                                 exchange->route->path);
}

/* Whether anything is written must be said: a forgotten word writes nothing. */
void door_ids_assign(Exchange *exchange)
{
        if (!read_order(exchange, "{\"dry_run\": true or false}"))
                return;
        if (json_object_size(exchange->body) == 1 &&
            json_is_boolean(json_object_get(exchange->body, "dry_run")))
                ask_main(exchange, MAIN_IDS_ASSIGN, exchange->body);
        else
                exchange_problem(exchange, 400, "bad_request",
                                 "%s takes {\"dry_run\": true or false}, and no more.",
                                 exchange->route->path);
}

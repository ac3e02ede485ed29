/* admin: /v1/status, issuers, keys, config, reload, distrust and doctor: the main thread answers.
 */
#include "api/doors.h"

#include "token/json.h"

#include <errno.h>

void door_status(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_STATUS, NULL);
}

void door_issuers(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_ISSUERS, NULL);
}

/* read_issuer: the query's, NULL when it names none; false: a problem was answered. */
static bool read_issuer(Exchange *exchange, char **ret_issuer)
{
        if (request_query_value(exchange->request, "issuer", ret_issuer) != -EINVAL)
                return true;
        exchange_problem(exchange, 400, "bad_request",
                         "The query names issuer twice, or not readably.");
        return false;
}

void door_keys(Exchange *exchange)
{
        g_autofree char *issuer = NULL;

        if (read_issuer(exchange, &issuer))
                api_ask_main(exchange->api, exchange, MAIN_KEYS, g_steal_pointer(&issuer));
}

void door_doctor(Exchange *exchange)
{
        g_autofree char *issuer = NULL;

        if (!read_issuer(exchange, &issuer))
                return;
        if (issuer)
                api_ask_main(exchange->api, exchange, MAIN_DOCTOR, g_steal_pointer(&issuer));
        else
                exchange_problem(exchange, 400, "bad_request",
                                 "The query names no issuer: /v1/doctor?issuer=NAME.");
}

void door_config(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_CONFIG, NULL);
}

void door_reload(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_RELOAD, NULL);
}

/* Distrust. */

static const JsonLimits distrust_limits = { .size_max = SERVER_BODY_SIZE_MAX, .depth_max = 1 };

/* distrust_trouble: NULL: {"issuer": text, "key": text, "trust": boolean or absent}, and no more.
 */
static const char *distrust_trouble(const json_t *question)
{
        const json_t *trust = json_object_get(question, "trust");
        size_t n_known = trust ? 3 : 2;

        if (!json_is_string(json_object_get(question, "issuer")) ||
            !json_is_string(json_object_get(question, "key")))
                return "issuer and key are needed, and are strings";
        if (trust && !json_is_boolean(trust))
                return "trust is true or false";
        return json_object_size(question) == n_known ? NULL
                                                     : "it has members beside issuer, key, trust";
}

void door_distrust(Exchange *exchange)
{
        int r =
            json_parse_object(request_body(exchange->request), &distrust_limits, &exchange->body);
        const char *trouble = r != 0 ? json_answer_text(r) : distrust_trouble(exchange->body);

        if (trouble) {
                exchange_problem(exchange, 400, "bad_request",
                                 "The body is not the JSON object that /v1/distrust takes: %s.",
                                 trouble);
                return;
        }
        char *text = json_dumps(exchange->body, JSON_COMPACT);
        api_ask_main(exchange->api, exchange, MAIN_DISTRUST, g_strdup(text));
        free(text);
}

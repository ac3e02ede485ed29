/* admin: /v1/status, issuers, keys, config and reload: the main thread answers. */
#include "api/doors.h"

#include <errno.h>

void door_status(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_STATUS, NULL);
}

void door_issuers(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_ISSUERS, NULL);
}

void door_keys(Exchange *exchange)
{
        g_autofree char *issuer = NULL;

        if (request_query_value(exchange->request, "issuer", &issuer) == -EINVAL) {
                exchange_problem(exchange, 400, "bad_request",
                                 "The query names issuer twice, or not readably.");
                return;
        }
        api_ask_main(exchange->api, exchange, MAIN_KEYS, g_steal_pointer(&issuer));
}

void door_config(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_CONFIG, NULL);
}

void door_reload(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_RELOAD, NULL);
}

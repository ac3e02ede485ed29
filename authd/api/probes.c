/* probes: /livez, /readyz and /metrics, for those who watch over us.
 *
 * livez is the worker's own word: it accepts and answers. readyz and metrics come from the main
 * thread, so that a hung one shows as 503 here. */
#include "api/doors.h"

void door_livez(Exchange *exchange)
{
        exchange_answer(exchange, 200, NULL, 0, span_from("{\"alive\":true}"));
}

void door_readyz(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_READY, NULL);
}

void door_metrics(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_METRICS, NULL);
}

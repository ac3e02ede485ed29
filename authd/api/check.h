/* check: the verdict in our own words, for the doors that say it so. On the worker's thread. */
#pragma once

#include "api/exchange.h"

/* check_verdict_text: a JSON object without its closing brace. */
GString *check_verdict_text(const Exchange *exchange, const Verdict *verdict);
/* check_explanation_text: the same with the exchange's steps. */
GString *check_explanation_text(const Exchange *exchange, const Verdict *verdict);

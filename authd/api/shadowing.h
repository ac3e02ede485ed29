/* shadowing: [policy NAME.next] judged beside NAME on each request, counted and told, and nothing
 * of it in any answer but explain's. On its worker's thread only. */
#pragma once

#include "api/exchange.h"
#include "verdict/shadow.h"

/* shadowing_judge: after the verdict, before the answer. */
void shadowing_judge(Exchange *exchange, const Verdict *verdict);

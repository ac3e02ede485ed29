/* mint: tokens to order, as no grant would give them; own.h says what an order may hold. */
#pragma once

#include "idp.h"

void mint_answer(Idp *idp, json_t *order, Answer *answer);

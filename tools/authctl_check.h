/* authctl_check: verdicts for people, for every command that shows one. */
#pragma once

#include "authctl_ask.h"

AuthctlExit check_exit(const json_t *answer);
/* check_print_explanation: the steps, the verdict and a hint. all: the steps that demand nothing,
 * too. */
void check_print_explanation(const json_t *answer, bool all);

/* bypass: the daemon says by its environment that the module must not ask it: it would wait for
 * itself. A program that runs with more rights than its caller does not hear it. */
#pragma once

#include <stdbool.h>

#define BYPASS_VARIABLE "AUTHD_NSS_BYPASS"

bool bypass_is_on(void);

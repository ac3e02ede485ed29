/* asker: one question to the daemon over its socket, with an end: a connection a question, opened
 * and closed, nothing kept.
 *
 * From the first step to the last it takes ASKER_DEADLINE_USEC at most, whatever the daemon does.
 * After a question that got no answer the process asks none for ASKER_SILENCE_USEC: a thousand
 * lookups in a row must not wait a thousand times. Any thread; no signal, no lock. */
#pragma once

#include <stddef.h>

#define ASKER_DEADLINE_USEC 200000
#define ASKER_SILENCE_USEC  1000000

/* asker_ask: door is a path with a query up to its last value, which is key: no character of either
 * needs to be encoded. *ret_body (to be freed, NUL-terminated, no NUL within) is the body of a 200.
 * 0; ACCOUNT_E_NOT_FOUND: a 404; a negative errno: could not ask. */
int asker_ask(const char *door, const char *key, char **ret_body);
/* asker_distrust: the answer was read and made no sense: as if there had been none. */
void asker_distrust(void);

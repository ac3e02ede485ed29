/* talk: one question of pam_authd to the daemon, and its reply.
 *
 * Takes no longer than the time-out, whatever the daemon does. libc only; any thread. */
#pragma once

#include "form.h"
#include "reply.h"

struct talk {
        const char *socket_path;
        unsigned timeout_sec; /* of one question */
};

/* talk_ask: what is in form goes to path. 0; a negative errno: could not ask, and ret says
 * UNAVAILABLE. */
int talk_ask(const struct talk *talk, const char *path, struct form *form, struct reply *ret);

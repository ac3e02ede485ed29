/* authctl_token: the token that a person gives: from stdin, a file, or typed without echo. */
#pragma once

#include "base/secret.h"

#define TOKEN_SIZE_MAX                                                                             \
        (60 * 1024) /* with the rest of the question it must fit the daemon's limit for a body */

/* token_read: file NULL or "-": stdin, with a prompt when that is a terminal. Surrounding white
 * space is dropped. NULL: it was told on stderr. */
Secret *token_read(const char *file);
/* token_looks_like_one: a word that should not have been on a command line. */
bool token_looks_like_one(const char *word);

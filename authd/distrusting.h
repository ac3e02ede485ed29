/* distrusting: an administrator's word that a key no longer counts, or counts again, and what
 * became of it.
 *
 * The question is the one that the door has read (see api/admin.c). Main thread. */
#pragma once

#include "api/api.h"
#include "issuer/issuer.h"

/* distrusting_do: question is {"issuer","key","trust"}. True: the issuers' view is the new one, and
 * the answer is to wait for the workers. */
bool distrusting_do(Issuers *issuers, const char *question, MainAnswer *ret);

/* assertions: the keys of the daemon's signed assertions over time: loaded, turned, kept, told.
 *
 * Owned by the daemon; main thread. There are keys once a policy asks for assertions. What cannot
 * be kept in the state database is said in the log, and lives as long as the process. Logs. */
#pragma once

#include "proof/assertionkeys.h"
#include "verdict/policy.h"

typedef struct Assertions Assertions;

/* assertions_new: store NULL: none; borrowed. changed: assertions_keys is another from now on. */
Assertions *assertions_new(Store *store, void (*changed)(void *userdata), void *userdata);
void assertions_free(Assertions *assertions); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Assertions, assertions_free)

/* assertions_serve: sees to it that there are keys if one of these policies needs them. */
void assertions_serve(Assertions *assertions, const PolicySet *policies);
AssertionKeys *assertions_keys(const Assertions *assertions); /* borrowed; NULL: none */

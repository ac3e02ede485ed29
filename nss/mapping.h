/* mapping: the table's file, mapped once for all threads of a process and given out to readers.
 *
 * Taking and giving back are three atomic operations: no lock, no system call, good in a signal
 * handler and after a fork. A few slots hold mappings; one is current. A reader counts itself in
 * the current one, then looks whether it still is: a slot that is no more current is unmapped only
 * when nobody is counted in, and a count that came too late sees that it did and goes away again.
 * Whoever finds that the file was replaced opens the new one, one thread at a time, the others read
 * what there is meanwhile, and where there is nothing yet wait 10 ms at most. Who is at it is told
 * by a process id: in a child of a fork, that of the parent does not count.
 *
 * A count that never comes back (a fork in the middle of another thread's lookup, a longjmp out of
 * a signal handler) keeps its slot for good; when all are kept, the last table stays.
 *
 * The file is taken only from a folder that group and others may not write to, from its owner or
 * root, never through a symbolic link. No descriptor stays open. */
#pragma once

#include "pages.h"

#define MAPPING_SLOTS_N 8

struct mapping;

/* mapping_take: the newest table, to be given back soon; NULL: none that is good. */
struct mapping *mapping_take(void);
/* mapping_renew: gives it back (or NULL) and takes the file that stands under the name now; the
 * same one again when that has not changed. For a table whose daemon is silent. */
struct mapping *mapping_renew(struct mapping *mapping);
const struct pages *mapping_pages(const struct mapping *mapping);
void mapping_give(struct mapping *mapping);

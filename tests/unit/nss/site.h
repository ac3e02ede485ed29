/* site: where the module looks in these tests (in place of nss/where.c), what stands there, and the
 * clocks, which the module reads through clock_gettime. */
#pragma once

#include "fake_daemon.h"
#include "fake_directory.h"
#include "users/table.h"

#include <stdint.h>

/* What a sanitizer does to memory, stacks and system calls is not the module's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SITE_IS_SANITIZED true
#else
#define SITE_IS_SANITIZED false
#endif

#define UID_FIRST UINT32_C(1879048192)

typedef struct Site {
        char *folder, *table_path;
        Table *table;
        Directory *directory;
        Fake *daemon; /* NULL: none listens */
} Site;

/* site_init: an empty folder, no table, no daemon. From now on the module looks here. */
void site_init(Site *site);
void site_clear(Site *site);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Site, site_clear)
void site_publish(Site *site); /* complete, tells who was seen, its heart beats now */
void site_daemon(Site *site, const FakeScript *script);
void site_socket(const char *path); /* instead; borrowed */
/* site_advance: both clocks run ahead by so much more. */
void site_advance(int64_t usec);
int64_t site_now_usec(void); /* monotonic, not moved by site_advance */

/* site_add: a case in a process of its own: the module's state begins anew. */
void site_add(const char *path, void (*test)(gconstpointer), gconstpointer argument);

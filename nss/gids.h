/* gids: the list of numbers that initgroups(3) lets every module add to, as glibc hands it over. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct gids {
        gid_t primary; /* glibc has put it in: never again */
        long *n;
        long *size;
        gid_t **list; /* malloc's, grown here */
        long limit;   /* of the list; 0 or less: none */
};

/* gids_add: all that there is room for under the limit, and nothing twice that is the primary one.
 * 0 or -ENOMEM. */
int gids_add(struct gids *gids, const uint32_t *added, uint32_t n);

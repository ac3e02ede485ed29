/* gids: see gids.h. */
#include "gids.h"

#include <errno.h>
#include <stdlib.h>

#define MEMBERSHIPS_MAX 65536 /* NGROUPS_MAX: no process can have more */

/* wanted_size: for so many more, at least doubled, not over the limit. */
static long wanted_size(const struct gids *gids, uint32_t n_more)
{
        long size = *gids->n + (long) n_more;

        if (size < 2 * *gids->size)
                size = 2 * *gids->size;
        return gids->limit > 0 && size > gids->limit ? gids->limit : size;
}

static int make_room(struct gids *gids, uint32_t n_more)
{
        long size = wanted_size(gids, n_more);
        gid_t *list;

        if (*gids->n + (long) n_more <= *gids->size || size <= *gids->size)
                return 0;
        list = realloc(*gids->list, (size_t) size * sizeof(*list));
        if (!list)
                return -ENOMEM;
        *gids->list = list;
        *gids->size = size;
        return 0;
}

int gids_add(struct gids *gids, const uint32_t *added, uint32_t n)
{
        int r;

        if (n > MEMBERSHIPS_MAX)
                n = MEMBERSHIPS_MAX;
        r = make_room(gids, n);
        for (uint32_t i = 0; r == 0 && i < n && *gids->n < *gids->size; i++)
                if (added[i] != gids->primary)
                        (*gids->list)[(*gids->n)++] = added[i];
        return r;
}

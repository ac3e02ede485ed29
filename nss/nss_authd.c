/* nss_authd: see nss_authd.h. */
#include "nss_authd.h"

#include "lookup.h"
#include "pack.h"
#include "roll.h"

#include <errno.h>

static struct roll people = { .kind = &roll_people };
static struct roll groups = { .kind = &roll_groups };

/* tell: a result in glibc's words. ret_errno is errno itself, most times: set last. */
static enum nss_status tell(int r, int errno_found, int *ret_errno)
{
        errno = errno_found;
        if (r == 0)
                return NSS_STATUS_SUCCESS;
        if (r == ACCOUNT_E_NOT_FOUND)
                return NSS_STATUS_NOTFOUND;
        *ret_errno = r == ACCOUNT_E_TINY_BUFFER ? ERANGE : -r;
        return r == ACCOUNT_E_TINY_BUFFER ? NSS_STATUS_TRYAGAIN : NSS_STATUS_UNAVAIL;
}

/* --- passwd --------------------------------------------------------------------------------- */

enum nss_status _nss_authd_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
                                      size_t size, int *ret_errno)
{
        struct wanted wanted = { .name = name };
        int found = errno;

        return tell(lookup_person(&wanted, entry, buffer, size), found, ret_errno);
}

enum nss_status _nss_authd_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size,
                                      int *ret_errno)
{
        struct wanted wanted = { .id = uid };
        int found = errno;

        return tell(lookup_person(&wanted, entry, buffer, size), found, ret_errno);
}

/* restart: neither of its callers may change errno either. */
static enum nss_status restart(struct roll *roll)
{
        int found = errno;

        roll_restart(roll);
        return tell(0, found, NULL);
}

enum nss_status _nss_authd_setpwent(int stay_open)
{
        return restart(&people);
}

enum nss_status _nss_authd_getpwent_r(struct passwd *entry, char *buffer, size_t size,
                                      int *ret_errno)
{
        union roll_entry next;
        int found = errno;
        int r = roll_peek(&people, &next);

        if (r == 0)
                r = pack_person(&next.person, entry, buffer, size);
        if (r == 0)
                roll_step(&people);
        return tell(r, found, ret_errno);
}

enum nss_status _nss_authd_endpwent(void)
{
        return restart(&people);
}

/* --- group ---------------------------------------------------------------------------------- */

enum nss_status _nss_authd_getgrnam_r(const char *name, struct group *entry, char *buffer,
                                      size_t size, int *ret_errno)
{
        struct wanted wanted = { .name = name };
        int found = errno;

        return tell(lookup_group(&wanted, entry, buffer, size), found, ret_errno);
}

enum nss_status _nss_authd_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size,
                                      int *ret_errno)
{
        struct wanted wanted = { .id = gid };
        int found = errno;

        return tell(lookup_group(&wanted, entry, buffer, size), found, ret_errno);
}

enum nss_status _nss_authd_setgrent(int stay_open)
{
        return restart(&groups);
}

enum nss_status _nss_authd_getgrent_r(struct group *entry, char *buffer, size_t size,
                                      int *ret_errno)
{
        union roll_entry next;
        int found = errno;
        int r = roll_peek(&groups, &next);

        if (r == 0)
                r = pack_group(&next.group, entry, buffer, size);
        if (r == 0 || r == -EBADMSG)
                roll_step(&groups);
        return tell(r, found, ret_errno);
}

enum nss_status _nss_authd_endgrent(void)
{
        return restart(&groups);
}

enum nss_status _nss_authd_initgroups_dyn(const char *name, gid_t primary, long *n, long *size,
                                          gid_t **list, long limit, int *ret_errno)
{
        struct gids gids = { primary, n, size, list, limit };
        int found = errno;

        return tell(lookup_gids(name, &gids), found, ret_errno);
}

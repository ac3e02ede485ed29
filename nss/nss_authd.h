/* nss_authd: what glibc finds in libnss_authd.so.2 by name (nsswitch.conf(5): "passwd: files
 * authd"). shadow(5) is not served.
 *
 * SUCCESS; NOTFOUND; TRYAGAIN with ERANGE: a bigger buffer, the same question; UNAVAIL with another
 * errno: could not ask. Any thread, any process; errno is as it was found but for the last two. At
 * most 12 KiB of stack; no signal, no thread, nothing at exit. */
#pragma once

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stddef.h>

#pragma GCC visibility push(default)

enum nss_status _nss_authd_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
                                      size_t size, int *ret_errno);
enum nss_status _nss_authd_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size,
                                      int *ret_errno);
enum nss_status _nss_authd_setpwent(int stay_open);
enum nss_status _nss_authd_getpwent_r(struct passwd *entry, char *buffer, size_t size,
                                      int *ret_errno);
enum nss_status _nss_authd_endpwent(void);

enum nss_status _nss_authd_getgrnam_r(const char *name, struct group *entry, char *buffer,
                                      size_t size, int *ret_errno);
enum nss_status _nss_authd_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size,
                                      int *ret_errno);
enum nss_status _nss_authd_setgrent(int stay_open);
enum nss_status _nss_authd_getgrent_r(struct group *entry, char *buffer, size_t size,
                                      int *ret_errno);
enum nss_status _nss_authd_endgrent(void);

enum nss_status _nss_authd_initgroups_dyn(const char *name, gid_t primary, long *n, long *size,
                                          gid_t **list, long limit, int *ret_errno);

#pragma GCC visibility pop

/* local: the accounts of /etc/passwd and /etc/group, read as files: they always win.
 *
 * Never by NSS: libnss_authd would ask the daemon that asks. Looked at again when a file's mark
 * (mtime, size, inode) changes. Main thread. */
#pragma once

#include "users/record.h"

#include <sys/types.h>

typedef struct Local Local;

Local *local_new(const char *passwd_path, const char *group_path);
void local_free(Local *local);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Local, local_free)
/* local_refresh: true: something has changed since the last look. A file that cannot be read leaves
 * what was known. */
bool local_refresh(Local *local);
bool local_has_user(const Local *local, const char *name);
bool local_user_uid(const Local *local, const char *name, uid_t *ret_uid); /* false: no such */
bool local_has_uid(const Local *local, uid_t uid, const char **ret_name);
bool local_has_group(const Local *local, const char *name,
                     gid_t *ret_gid); /* ret_gid may be NULL */
bool local_has_gid(const Local *local, gid_t gid, const char **ret_name);

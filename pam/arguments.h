/* arguments: what stands behind pam_authd.so in a PAM file.
 *
 * One that is not known is a mistake of whoever wrote the file: nothing is decided then. */
#pragma once

#include <stdbool.h>

#define ARGUMENTS_TIMEOUT_SEC     5 /* of one question to the daemon */
#define ARGUMENTS_TIMEOUT_SEC_MAX 30
#define ARGUMENTS_SOCKET          "/run/authd/authd.sock"
#define ARGUMENTS_PASSWD          "/etc/passwd"

struct arguments {
        const char *socket_path;
        const char *passwd_path;
        unsigned timeout_sec;
        bool local_too; /* accounts of /etc/passwd above the system's are asked about, too */
};

/* arguments_read: 0; -EINVAL: *ret_wrong is the one that is not understood. */
int arguments_read(int n, const char *const *words, struct arguments *ret, const char **ret_wrong);

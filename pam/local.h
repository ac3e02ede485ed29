/* local: is this an account of the host's own? Read from /etc/passwd as a file, never by NSS, where
 * libnss_authd answers too. libc only; any thread. */
#pragma once

#define LOCAL_UID_MAX 999 /* system accounts: never anybody's of the realm */

enum local_answer {
        LOCAL_NO,
        LOCAL_SYSTEM, /* root, or a uid up to LOCAL_UID_MAX */
        LOCAL_PERSON, /* in the file, with a higher uid */
};

/* local_find: 0, or a negative errno: the file cannot be read. root is known without it. */
int local_find(const char *path, const char *user, enum local_answer *ret);

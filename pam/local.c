/* local: see local.h. */
#include "local.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE (64 * 1024)

static int find_in(FILE *file, const char *user, char *line, enum local_answer *ret)
{
        struct passwd entry, *found;
        int r;

        *ret = LOCAL_NO;
        while ((r = fgetpwent_r(file, &entry, line, LINE_SIZE, &found)) == 0)
                if (strcmp(entry.pw_name, user) == 0) {
                        *ret = entry.pw_uid <= LOCAL_UID_MAX ? LOCAL_SYSTEM : LOCAL_PERSON;
                        return 0;
                }
        return r == ENOENT ? 0 : -r;
}

int local_find(const char *path, const char *user, enum local_answer *ret)
{
        FILE *file;
        char *line;
        int r;

        *ret = LOCAL_SYSTEM;
        if (strcmp(user, "root") == 0)
                return 0;
        file = fopen(path, "re");
        if (!file)
                return -errno;
        line = malloc(LINE_SIZE);
        r = line ? find_in(file, user, line, ret) : -ENOMEM;
        free(line);
        fclose(file);
        return r;
}

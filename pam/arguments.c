/* arguments: see arguments.h. */
#include "arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* value_of: what stands behind "name=", NULL: it is another argument. */
static const char *value_of(const char *word, const char *name)
{
        size_t size = strlen(name);

        return strncmp(word, name, size) == 0 ? word + size : NULL;
}

static bool is_socket_path(const char *path)
{
        struct sockaddr_un name;

        return path[0] == '/' && strlen(path) < sizeof(name.sun_path);
}

static bool read_timeout(const char *text, unsigned *ret)
{
        char *end;
        unsigned long seconds = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || seconds < 1 ||
            seconds > ARGUMENTS_TIMEOUT_SEC_MAX)
                return false;
        *ret = (unsigned) seconds;
        return true;
}

static bool read_word(const char *word, struct arguments *ret)
{
        const char *value;

        if (strcmp(word, "local_too") == 0) {
                ret->local_too = true;
                return true;
        }
        value = value_of(word, "timeout=");
        if (value)
                return read_timeout(value, &ret->timeout_sec);
        value = value_of(word, "socket=");
        if (value && is_socket_path(value)) {
                ret->socket_path = value;
                return true;
        }
        return false;
}

int arguments_read(int n, const char *const *words, struct arguments *ret, const char **ret_wrong)
{
        *ret = (struct arguments){ .socket_path = ARGUMENTS_SOCKET,
                                   .passwd_path = ARGUMENTS_PASSWD,
                                   .timeout_sec = ARGUMENTS_TIMEOUT_SEC };
        for (int i = 0; i < n; i++)
                if (!read_word(words[i], ret)) {
                        *ret_wrong = words[i];
                        return -EINVAL;
                }
        return 0;
}

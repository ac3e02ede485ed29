/* command: see command.h. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define SERVICE  "sudo" /* and sudo-i */
#define CUT_MARK "..."

static bool is_sudo(pam_handle_t *pamh)
{
        const void *service = NULL;

        return pam_get_item(pamh, PAM_SERVICE, &service) == PAM_SUCCESS && service &&
               strncmp(service, SERVICE, strlen(SERVICE)) == 0;
}

static ssize_t read_all(int fd, char *bytes, size_t size)
{
        size_t n_read = 0;

        while (n_read < size) {
                ssize_t n = read(fd, bytes + n_read, size - n_read);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                n_read += (size_t) n;
        }
        return (ssize_t) n_read;
}

/* join: arguments stand behind each other, each with its NUL. */
static void join(char *bytes, size_t size)
{
        for (size_t i = 0; i + 1 < size; i++)
                if (bytes[i] == '\0')
                        bytes[i] = ' ';
}

const char *command_of_sudo(pam_handle_t *pamh, char ret[COMMAND_SIZE])
{
        ssize_t size;
        int fd;

        if (!is_sudo(pamh))
                return NULL;
        fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return NULL;
        size = read_all(fd, ret, COMMAND_SIZE);
        close(fd);
        if (size <= 0)
                return NULL;
        join(ret, (size_t) size);
        if (size == COMMAND_SIZE && ret[COMMAND_SIZE - 1] != '\0')
                memcpy(ret + COMMAND_SIZE - sizeof(CUT_MARK), CUT_MARK, sizeof(CUT_MARK));
        ret[size == COMMAND_SIZE ? COMMAND_SIZE - 1 : size] = '\0';
        return ret;
}

/* command: see command.h. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define SERVICE  "sudo" /* and sudo-i */
#define EDITS    "edit" /* a name that ends so is taken for sudoedit */
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

static const char *name_of(const char *called, size_t size)
{
        size_t size_of_edits = strlen(EDITS);
        bool edits = size >= size_of_edits &&
                     memcmp(called + size - size_of_edits, EDITS, size_of_edits) == 0;

        return edits ? SERVICE EDITS : SERVICE;
}

/* Arguments stand behind each other, each with its NUL. */
void command_line(const char *cmdline, size_t size, char ret[COMMAND_SIZE])
{
        size_t called_size = strnlen(cmdline, size);
        const char *name = name_of(cmdline, called_size);
        bool is_cut = size == COMMAND_SIZE;
        size_t at = strlen(name);

        memcpy(ret, name, at + 1);
        if (!is_cut && size > called_size)
                size--; /* the last one's NUL */
        for (size_t i = called_size; i < size && at + sizeof(CUT_MARK) <= COMMAND_SIZE - 1; i++)
                ret[at++] = cmdline[i] ? cmdline[i] : ' ';
        is_cut |= size - called_size > at - strlen(name);
        memcpy(ret + at, is_cut ? CUT_MARK : "", is_cut ? sizeof(CUT_MARK) : 1);
}

const char *command_of_sudo(pam_handle_t *pamh, char ret[COMMAND_SIZE])
{
        char cmdline[COMMAND_SIZE];
        ssize_t size;
        int fd;

        if (!is_sudo(pamh))
                return NULL;
        fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return NULL;
        size = read_all(fd, cmdline, sizeof(cmdline));
        close(fd);
        if (size <= 0)
                return NULL;
        command_line(cmdline, (size_t) size, ret);
        return ret;
}
